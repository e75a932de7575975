/*
 * QPACK: the example of RFC 9204 Appendix B, the rules of blocked streams, and our encoder against our decoder with
 * the two streams running at different speeds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/codec.h"
#include "proto/qpack/qpack.h"
#include "tests/support/alloc_probe.h"

static struct buf from_hex(const char *hex)
{
	struct buf b;
	buf_init(&b, &alloc_libc, SIZE_MAX);
	assert_true(hex_get(&b, bytes_str(hex)));
	return b;
}

static bool encoder_stream(struct qpack_dec *d, const char *hex)
{
	struct buf b = from_hex(hex);
	bool ok = qpack_dec_encoder_stream(d, buf_bytes(&b));
	buf_fini(&b);
	return ok;
}

static int section(struct qpack_dec *d, uint64_t stream, const char *hex, struct hfields *l)
{
	struct buf b = from_hex(hex);
	int r = qpack_dec_section(d, stream, buf_bytes(&b), l);
	buf_fini(&b);
	return r;
}

static void emits(struct qpack_dec *d, const char *want)
{
	struct buf b = from_hex(want);
	assert_true(bytes_eq(buf_bytes(&d->out), buf_bytes(&b)));
	buf_clear(&d->out);
	buf_fini(&b);
}

static void the_example_of_appendix_b(void **state)
{
	struct qpack_dec d;
	struct hfields l;
	(void)state;
	qpack_dec_init(&d, &alloc_libc, 220, 16);
	hfields_init(&l, &alloc_libc, 65536);
	assert_int_equal(section(&d, 0, "0000510b2f696e6465782e68746d6c", &l), 1); /* B.1 */
	assert_true(bytes_eq_str(hfields_get(&l, ":path", NULL), "/index.html"));
	emits(&d, "");
	assert_true(encoder_stream(
		&d, "3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f70617468")); /* B.2 */
	assert_int_equal(d.table.size, 106);
	assert_int_equal(section(&d, 4, "03811011", &l), 1);
	assert_true(bytes_eq_str(hfields_get(&l, ":authority", NULL), "www.example.com"));
	assert_true(bytes_eq_str(hfields_get(&l, ":path", NULL), "/sample/path"));
	emits(&d, "84");
	assert_true(encoder_stream(&d, "4a637573746f6d2d6b65790c637573746f6d2d76616c7565")); /* B.3 */
	qpack_dec_increment(&d);
	emits(&d, "01");
	assert_true(encoder_stream(&d, "02")); /* B.4 */
	assert_int_equal(d.table.size, 217);
	assert_int_equal(section(&d, 8, "050080c181", &l), 1);
	assert_true(bytes_eq_str(hfields_get(&l, "custom-key", NULL), "custom-value"));
	buf_clear(&d.out);
	assert_true(encoder_stream(&d, "810d637573746f6d2d76616c756532")); /* B.5 */
	assert_int_equal(d.table.size, 215);
	assert_int_equal(d.table.inserted, 5);
	hfields_fini(&l);
	qpack_dec_fini(&d);
}

static void a_section_waits_for_its_insertions(void **state)
{
	struct qpack_dec d;
	struct hfields l;
	uint64_t stream = 0;
	(void)state;
	qpack_dec_init(&d, &alloc_libc, 220, 1);
	hfields_init(&l, &alloc_libc, 65536);
	assert_int_equal(section(&d, 4, "03811011", &l), 0);
	assert_int_equal(qpack_dec_unblocked(&d, &stream, &l), 0);
	assert_true(encoder_stream(&d, "3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f7061"));
	assert_int_equal(qpack_dec_unblocked(&d, &stream, &l), 0);
	assert_true(encoder_stream(&d, "7468"));
	assert_int_equal(qpack_dec_unblocked(&d, &stream, &l), 1);
	assert_int_equal(stream, 4);
	assert_int_equal(l.count, 2);
	emits(&d, "84");
	assert_int_equal(section(&d, 8, "04811011", &l), 0);
	qpack_dec_cancel(&d, 8);
	assert_int_equal(d.n_blocked, 0);
	emits(&d, "48");
	assert_int_equal(section(&d, 12, "04811011", &l), 0);
	assert_int_equal(section(&d, 16, "04811011", &l), -1); /* a second one is over the limit */
	assert_int_equal(d.err.code, QPACK_DECOMPRESSION_FAILED);
	hfields_fini(&l);
	qpack_dec_fini(&d);
}

static void faults_have_the_code_of_their_stream(void **state)
{
	static const struct {
		const char *enc, *section;
		int code;
	} rows[] = {{"3fbe01", NULL, QPACK_ENCODER_STREAM_ERROR}, {"02", NULL, QPACK_ENCODER_STREAM_ERROR},
		{"3f01ff2400", NULL, QPACK_ENCODER_STREAM_ERROR}, {"3f02c020", NULL, 0},
		{"4161 0162", NULL, QPACK_ENCODER_STREAM_ERROR},
		{"", "0000ff2500", QPACK_DECOMPRESSION_FAILED}, {"", "000080", QPACK_DECOMPRESSION_FAILED},
		{"", "0000", 0}, {"", "00", QPACK_DECOMPRESSION_FAILED},
		{"", "0080c1", QPACK_DECOMPRESSION_FAILED}, {"", "0000 5f", QPACK_DECOMPRESSION_FAILED},
		{"", "ff0000", QPACK_DECOMPRESSION_FAILED}, {"3fbd014161 0162", "020080", 0},
		{"3fbd014161 0162", "020081", QPACK_DECOMPRESSION_FAILED},
		{"3fbd014161 0162", "020010", QPACK_DECOMPRESSION_FAILED}, {"3fbd014161 0162", "028010", 0}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct qpack_dec d;
		struct hfields l;
		qpack_dec_init(&d, &alloc_libc, 220, 0);
		hfields_init(&l, &alloc_libc, 65536);
		bool ok = encoder_stream(&d, rows[i].enc);
		if (ok && rows[i].section)
			ok = section(&d, 0, rows[i].section, &l) == 1;
		if (ok != (rows[i].code == 0) || (!ok && d.err.code != rows[i].code))
			fail_msg("row %zu: %x %s", i, (unsigned)d.err.code,
				d.err.what ? d.err.what : "accepted");
		hfields_fini(&l);
		qpack_dec_fini(&d);
	}
}

static uint64_t rnd(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

#define LIST 5

static void random_list(uint64_t *seed, struct hfield *f, char values[LIST][16])
{
	static const char *const names[] = {":path", "cookie", "x-a", "x-bb", "etag"};
	for (int i = 0; i < LIST; i++) {
		snprintf(values[i], 16, "v%u", (unsigned)(rnd(seed) % 9));
		f[i] = (struct hfield){
			bytes_str(names[rnd(seed) % 5]), bytes_str(values[i]), rnd(seed) % 8 == 0};
	}
}

static void same_list(const struct hfields *l, const struct hfield *f)
{
	assert_int_equal(l->count, LIST);
	for (size_t i = 0; i < LIST; i++) {
		assert_true(bytes_eq(hfields_at(l, i).name, f[i].name));
		assert_true(bytes_eq(hfields_at(l, i).value, f[i].value));
		assert_int_equal(hfields_at(l, i).never_indexed, f[i].never_indexed);
	}
}

#define STREAMS 2000

/* The encoder stream and the decoder stream lag behind by random amounts. */
static void encoder_and_decoder_agree_at_any_speed(void **state)
{
	static struct hfield lists[STREAMS][LIST];
	static char values[STREAMS][LIST][16];
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		uint64_t s = seed, stream, blocked = 0, dynamic = 0;
		struct qpack_enc e;
		struct qpack_dec d;
		struct hfields l;
		qpack_enc_init(&e, &alloc_libc);
		qpack_dec_init(&d, &alloc_libc, 300, seed % 3 * 4);
		qpack_enc_settings(&e, 300, seed % 3 * 4, 300);
		hfields_init(&l, &alloc_libc, 65536);
		for (uint64_t i = 0; i < STREAMS; i++) {
			struct buf out;
			buf_init(&out, &alloc_libc, SIZE_MAX);
			random_list(&s, lists[i], values[i]);
			assert_true(qpack_enc_section(&e, 4 * i, lists[i], LIST, &out));
			dynamic += out.p[0] != 0;
			int r = qpack_dec_section(&d, 4 * i, buf_bytes(&out), &l);
			if (r < 0)
				fail_msg("seed %u stream %u: %s", (unsigned)seed, (unsigned)i, d.err.what);
			if (r == 1)
				same_list(&l, lists[i]);
			blocked += r == 0;
			buf_fini(&out);
			size_t n = rnd(&s) % (e.stream.n + 1);
			assert_true(qpack_dec_encoder_stream(&d, (struct bytes){e.stream.p, n}));
			buf_drop(&e.stream, n);
			while ((r = qpack_dec_unblocked(&d, &stream, &l)) == 1)
				same_list(&l, lists[stream / 4]);
			assert_int_equal(r, 0);
			if (rnd(&s) % 3 == 0)
				qpack_dec_increment(&d);
			n = rnd(&s) % (d.out.n + 1);
			assert_true(qpack_enc_decoder_stream(&e, (struct bytes){d.out.p, n}));
			buf_drop(&d.out, n);
		}
		assert_true(dynamic > 100);
		assert_true(seed % 3 == 0 ? blocked == 0 : blocked > 10);
		hfields_fini(&l);
		qpack_enc_fini(&e);
		qpack_dec_fini(&d);
	}
}

static void the_encoder_refuses_nonsense_from_the_decoder(void **state)
{
	static const char *const rows[] = {"00", "01", "80", "3fffffffffffffffffff"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct qpack_enc e;
		struct buf b = from_hex(rows[i]);
		qpack_enc_init(&e, &alloc_libc);
		assert_false(qpack_enc_decoder_stream(&e, buf_bytes(&b)));
		assert_int_equal(e.err.code, QPACK_DECODER_STREAM_ERROR);
		qpack_enc_fini(&e);
		buf_fini(&b);
	}
}

static void a_failing_allocation_leaks_nothing(void **state)
{
	struct alloc_probe probe;
	struct hfield f[LIST];
	char values[LIST][16];
	uint64_t seed = 3;
	size_t n = 0;
	(void)state;
	random_list(&seed, f, values);
	do {
		struct qpack_enc e;
		struct buf out;
		alloc_probe_arm(&probe, ++n);
		qpack_enc_init(&e, &probe.al);
		qpack_enc_settings(&e, 300, 4, 300);
		buf_init(&out, &probe.al, SIZE_MAX);
		bool ok = qpack_enc_section(&e, 0, f, LIST, &out) &&
			  qpack_enc_decoder_stream(&e, BYTES_LIT("\x80"));
		assert_true(ok != probe.failed);
		buf_fini(&out);
		qpack_enc_fini(&e);
		assert_int_equal(probe.live, 0);
	} while (probe.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_appendix_b),
		cmocka_unit_test(a_section_waits_for_its_insertions),
		cmocka_unit_test(faults_have_the_code_of_their_stream),
		cmocka_unit_test(encoder_and_decoder_agree_at_any_speed),
		cmocka_unit_test(the_encoder_refuses_nonsense_from_the_decoder),
		cmocka_unit_test(a_failing_allocation_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
