/*
 * HPACK: known answers, the rules of size updates, limits, and libnghttp2 as the other side in both directions.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "proto/base/codec.h"
#include "proto/hpack/hfields.h"
#include "proto/hpack/hpack.h"
#include "tests/support/alloc_probe.h"

static uint64_t rnd(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int decode(struct hpack_dec *d, const char *hex, struct hfields *out)
{
	struct buf wire;
	struct hpack_rep rep;
	int r;
	buf_init(&wire, &alloc_libc, SIZE_MAX);
	assert_true(hex_get(&wire, bytes_str(hex)));
	hpack_dec_begin(d);
	hpack_dec_feed(d, buf_bytes(&wire));
	while ((r = hpack_dec_next(d, true, &rep)) == 1)
		if (rep.kind != HPACK_SIZE_UPDATE && out)
			assert_true(hfields_add(out, rep.name, rep.value, rep.never_indexed));
	buf_fini(&wire);
	return r;
}

static void the_requests_of_appendix_c_4_decode(void **state)
{
	static const char *const blocks[] = {"828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
		"828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"};
	static const size_t sizes[] = {57, 110, 164};
	struct hpack_dec d;
	struct hfields l;
	(void)state;
	hpack_dec_init(&d, &alloc_libc, 4096, 65536);
	hfields_init(&l, &alloc_libc, 65536);
	for (int i = 0; i < 3; i++) {
		hfields_clear(&l);
		assert_int_equal(decode(&d, blocks[i], &l), 0);
		assert_int_equal(d.table.size, sizes[i]);
	}
	assert_true(bytes_eq_str(hfields_get(&l, "custom-key", NULL), "custom-value"));
	assert_true(bytes_eq_str(hp_entry_name(hp_table_at(&d.table, 1)), "cache-control"));
	hfields_fini(&l);
	hpack_dec_fini(&d);
}

static void the_encoder_writes_appendix_c_4(void **state)
{
	static const char *const want[] = {"828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf"};
	struct hpack_enc e;
	struct buf out, hex;
	(void)state;
	hpack_enc_init(&e, &alloc_libc, 4096);
	for (int i = 0; i < 2; i++) {
		buf_init(&out, &alloc_libc, SIZE_MAX);
		buf_init(&hex, &alloc_libc, SIZE_MAX);
		hpack_enc_begin(&e, &out);
		hpack_enc_field(&e, &out, BYTES_LIT(":method"), BYTES_LIT("GET"), HPACK_ADD);
		hpack_enc_field(&e, &out, BYTES_LIT(":scheme"), BYTES_LIT("http"), HPACK_ADD);
		hpack_enc_field(&e, &out, BYTES_LIT(":path"), BYTES_LIT("/"), HPACK_ADD);
		hpack_enc_field(&e, &out, BYTES_LIT(":authority"), BYTES_LIT("www.example.com"), HPACK_ADD);
		if (i)
			hpack_enc_field(
				&e, &out, BYTES_LIT("cache-control"), BYTES_LIT("no-cache"), HPACK_ADD);
		hex_put(&hex, buf_bytes(&out));
		assert_true(bytes_eq_str(buf_bytes(&hex), want[i]));
		buf_fini(&out);
		buf_fini(&hex);
	}
	hpack_enc_fini(&e);
}

static void integers_at_the_edges_of_their_prefix(void **state)
{
	static const uint64_t values[] = {
		0, 1, 9, 30, 31, 32, 126, 127, 128, 254, 255, 256, 1337, 16383, 1u << 20, UINT32_MAX};
	(void)state;
	for (unsigned bits = 1; bits <= 8; bits++)
		for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
			struct buf b;
			uint64_t v;
			size_t used;
			buf_init(&b, &alloc_libc, SIZE_MAX);
			hp_int_write(&b, 0, bits, values[i]);
			assert_int_equal(
				hp_int_read(buf_bytes(&b), bits, UINT32_MAX, HP_INT32_OCTETS_MAX, &v, &used),
				HP_OK);
			assert_true(v == values[i] && used == b.n);
			for (size_t n = 0; n < b.n; n++)
				assert_int_equal(hp_int_read((struct bytes){b.p, n}, bits, UINT32_MAX,
							 HP_INT32_OCTETS_MAX, &v, &used),
					HP_MORE);
			buf_fini(&b);
		}
}

static void an_integer_may_not_be_too_large_or_too_long(void **state)
{
	static const uint8_t large[] = {0x1f, 0xff, 0xff, 0xff, 0xff, 0x7f},
			     padded[] = {0x1f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
	uint64_t v;
	size_t used;
	(void)state;
	assert_int_equal(hp_int_read((struct bytes){large, 6}, 5, UINT32_MAX, HP_INT32_OCTETS_MAX, &v, &used),
		HP_OVERFLOW);
	assert_int_equal(
		hp_int_read((struct bytes){padded, 7}, 5, UINT32_MAX, HP_INT32_OCTETS_MAX, &v, &used),
		HP_OVERFLOW);
	assert_int_equal(
		hp_int_read((struct bytes){padded, 6}, 5, UINT32_MAX, HP_INT32_OCTETS_MAX, &v, &used),
		HP_OVERFLOW);
}

static void a_lowered_limit_must_be_answered_by_a_size_update(void **state)
{
	static const struct {
		const char *wire;
		int want;
	} cases[] = {
		{"82", -1}, {"2082", 0}, {"3f4582", 0}, {"3f4682", -1}, {"203f4582", 0}, {"3fe11f82", -1}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hpack_dec d;
		hpack_dec_init(&d, &alloc_libc, 4096, 65536);
		hpack_dec_set_limit(&d, 100);
		assert_int_equal(decode(&d, cases[i].wire, NULL), cases[i].want);
		hpack_dec_fini(&d);
	}
}

static void the_smallest_limit_in_between_counts(void **state)
{
	struct hpack_dec d;
	(void)state;
	hpack_dec_init(&d, &alloc_libc, 4096, 65536);
	hpack_dec_set_limit(&d, 0);
	hpack_dec_set_limit(&d, 4096);
	assert_int_equal(decode(&d, "3fe11f82", NULL), -1); /* 4096 alone skips the 0 */
	hpack_dec_fini(&d);
	hpack_dec_init(&d, &alloc_libc, 4096, 65536);
	hpack_dec_set_limit(&d, 0);
	hpack_dec_set_limit(&d, 4096);
	assert_int_equal(decode(&d, "203fe11f82", NULL), 0);
	assert_int_equal(d.table.max_size, 4096);
	hpack_dec_fini(&d);
}

static void faults_are_sticky_and_have_a_place(void **state)
{
	static const struct {
		const char *wire;
		uint64_t off;
	} cases[] = {
		{"80", 0}, {"82c0", 1}, {"8240ff", 3}, {"8600016181ff", 5}, {"00016182ffff", 5}, {"8220", 1}};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hpack_dec d;
		hpack_dec_init(&d, &alloc_libc, 4096, 65536);
		assert_int_equal(decode(&d, cases[i].wire, NULL), -1);
		assert_int_equal(d.err.code, HPACK_COMPRESSION_ERROR);
		assert_int_equal(d.err.off, cases[i].off);
		assert_int_equal(decode(&d, "82", NULL), -1);
		hpack_dec_fini(&d);
	}
}

static void a_string_at_the_limit_passes_and_one_more_does_not(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		struct hpack_dec d;
		struct buf b;
		struct hpack_rep rep;
		uint8_t value[101];
		memset(value, 'v', sizeof value);
		buf_init(&b, &alloc_libc, SIZE_MAX);
		buf_u8(&b, 0);
		hp_str_write(&b, 0, 7, BYTES_LIT("n"), HP_HUFF_NEVER);
		hp_str_write(&b, 0, 7, (struct bytes){value, 100u + (unsigned)over}, HP_HUFF_NEVER);
		hpack_dec_init(&d, &alloc_libc, 4096, 100);
		hpack_dec_begin(&d);
		hpack_dec_feed(&d, buf_bytes(&b));
		assert_int_equal(hpack_dec_next(&d, true, &rep), over ? -1 : 1);
		hpack_dec_fini(&d);
		buf_fini(&b);
	}
}

static void every_representation_is_written_back_as_it_was(void **state)
{
	static const char *const blocks[] = {"82", "4007782d636f6c6f7203726564",
		"0007782d636f6c6f7204626c7565", "1007782d746f6b656e03616263", "20", "3fe11f",
		"418cf1e3c2e5f23a6ba0ab90f4ff"};
	(void)state;
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
		struct hpack_dec d;
		struct hpack_rep rep;
		struct buf in, out;
		buf_init(&in, &alloc_libc, SIZE_MAX);
		buf_init(&out, &alloc_libc, SIZE_MAX);
		hex_get(&in, bytes_str(blocks[i]));
		hpack_dec_init(&d, &alloc_libc, 4096, 65536);
		hpack_dec_begin(&d);
		hpack_dec_feed(&d, buf_bytes(&in));
		assert_int_equal(hpack_dec_next(&d, true, &rep), 1);
		assert_int_equal(rep.len, in.n);
		hpack_rep_write(&out, &rep);
		assert_true(bytes_eq(buf_bytes(&in), buf_bytes(&out)));
		hpack_dec_fini(&d);
		buf_fini(&in);
		buf_fini(&out);
	}
}

/* ---- libnghttp2 as the judge ---- */

static void every_symbol_of_the_huffman_code_is_nghttp2s(void **state)
{
	nghttp2_hd_inflater *inf;
	(void)state;
	assert_int_equal(nghttp2_hd_inflate_new(&inf), 0);
	for (unsigned sym = 0; sym < 256; sym++) {
		uint8_t octets[3] = {(uint8_t)sym, 'a', (uint8_t)(255 - sym)};
		struct buf b;
		nghttp2_nv nv;
		int flags = 0;
		buf_init(&b, &alloc_libc, SIZE_MAX);
		buf_u8(&b, 0);
		hp_str_write(&b, 0, 7, BYTES_LIT("x"), HP_HUFF_NEVER);
		hp_str_write(&b, 0, 7, (struct bytes){octets, 3}, HP_HUFF_ALWAYS);
		ssize_t n = nghttp2_hd_inflate_hd2(inf, &nv, &flags, b.p, b.n, 1);
		assert_true(n > 0 && (flags & NGHTTP2_HD_INFLATE_EMIT));
		assert_int_equal(nv.valuelen, 3);
		assert_memory_equal(nv.value, octets, 3);
		nghttp2_hd_inflate_end_headers(inf);
		buf_fini(&b);
	}
	nghttp2_hd_inflate_del(inf);
}

#define ROUND_FIELDS 6

/* Names from a small stock, so that they come again; values of any octets, also long ones. */
static void random_field(uint64_t *seed, uint8_t *name, size_t *name_n, uint8_t *value, size_t *value_n)
{
	static const char *const names[] = {
		":path", "cookie", "x-a", "x-bb", "user-agent", "etag", "date", "content-length"};
	const char *n = names[rnd(seed) % 8];
	*name_n = strlen(n);
	memcpy(name, n, *name_n);
	*value_n = rnd(seed) % (rnd(seed) % 16 ? 6 : 900);
	for (size_t i = 0; i < *value_n; i++)
		value[i] = (uint8_t)(rnd(seed) % 4 ? 'a' + rnd(seed) % 4 : rnd(seed));
}

static void nghttp2_reads_what_we_write(void **state)
{
	uint64_t seed = 7;
	struct hpack_enc e;
	nghttp2_hd_inflater *inf;
	(void)state;
	hpack_enc_init(&e, &alloc_libc, 4096);
	assert_int_equal(nghttp2_hd_inflate_new(&inf), 0);
	for (int round = 0; round < 3000; round++) {
		uint8_t names[ROUND_FIELDS][16], values[ROUND_FIELDS][1024];
		size_t nn[ROUND_FIELDS], vn[ROUND_FIELDS], n = rnd(&seed) % (ROUND_FIELDS + 1), got = 0;
		struct buf b;
		buf_init(&b, &alloc_libc, SIZE_MAX);
		if (rnd(&seed) % 20 == 0) {
			size_t limit = rnd(&seed) % 4097;
			hpack_enc_set_limit(&e, limit);
			nghttp2_hd_inflate_change_table_size(inf, limit);
		}
		hpack_enc_begin(&e, &b);
		for (size_t i = 0; i < n; i++) {
			random_field(&seed, names[i], &nn[i], values[i], &vn[i]);
			assert_true(hpack_enc_field(&e, &b, (struct bytes){names[i], nn[i]},
				(struct bytes){values[i], vn[i]}, (enum hpack_policy)(rnd(&seed) % 3)));
		}
		for (size_t at = 0;;) {
			nghttp2_nv nv;
			int flags = 0;
			ssize_t used = nghttp2_hd_inflate_hd2(inf, &nv, &flags, b.p + at, b.n - at, 1);
			assert_true(used >= 0);
			at += (size_t)used;
			if (flags & NGHTTP2_HD_INFLATE_EMIT) {
				assert_true(got < n);
				assert_true(
					nv.namelen == nn[got] && !memcmp(nv.name, names[got], nv.namelen));
				assert_true(nv.valuelen == vn[got] &&
					    (vn[got] == 0 || !memcmp(nv.value, values[got], nv.valuelen)));
				got++;
			}
			if (flags & NGHTTP2_HD_INFLATE_FINAL)
				break;
		}
		nghttp2_hd_inflate_end_headers(inf);
		assert_int_equal(got, n);
		assert_int_equal(nghttp2_hd_inflate_get_dynamic_table_size(inf), e.table.size);
		buf_fini(&b);
	}
	nghttp2_hd_inflate_del(inf);
	hpack_enc_fini(&e);
}

static void we_read_what_nghttp2_writes(void **state)
{
	uint64_t seed = 8;
	struct hpack_dec d;
	nghttp2_hd_deflater *def;
	(void)state;
	hpack_dec_init(&d, &alloc_libc, 4096, 65536);
	assert_int_equal(nghttp2_hd_deflate_new(&def, 4096), 0);
	for (int round = 0; round < 3000; round++) {
		uint8_t names[ROUND_FIELDS][16], values[ROUND_FIELDS][1024], wire[16384];
		size_t nn, vn, n = rnd(&seed) % (ROUND_FIELDS + 1), got = 0;
		nghttp2_nv nva[ROUND_FIELDS];
		struct hpack_rep rep;
		if (rnd(&seed) % 20 == 0) {
			size_t limit = rnd(&seed) % 4097;
			hpack_dec_set_limit(&d, limit);
			nghttp2_hd_deflate_change_table_size(def, limit);
		}
		for (size_t i = 0; i < n; i++) {
			random_field(&seed, names[i], &nn, values[i], &vn);
			nva[i] = (nghttp2_nv){names[i], values[i], nn, vn,
				rnd(&seed) % 8 ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX};
		}
		ssize_t len = nghttp2_hd_deflate_hd(def, wire, sizeof wire, nva, n);
		assert_true(len >= 0);
		hpack_dec_begin(&d);
		for (size_t at = 0; at < (size_t)len;) { /* in pieces */
			size_t piece = 1 + rnd(&seed) % 40;
			if (piece > (size_t)len - at)
				piece = (size_t)len - at;
			assert_true(hpack_dec_feed(&d, (struct bytes){wire + at, piece}));
			at += piece;
			int r;
			while ((r = hpack_dec_next(&d, at == (size_t)len, &rep)) == 1) {
				if (rep.kind == HPACK_SIZE_UPDATE)
					continue;
				assert_true(got < n);
				assert_true(
					bytes_eq(rep.name, (struct bytes){nva[got].name, nva[got].namelen}));
				assert_true(bytes_eq(
					rep.value, (struct bytes){nva[got].value, nva[got].valuelen}));
				if (nva[got].flags ==
					NGHTTP2_NV_FLAG_NO_INDEX) /* it adds short cookies by itself */
					assert_true(rep.never_indexed);
				got++;
			}
			assert_int_equal(r, 0);
		}
		assert_int_equal(got, n);
		assert_int_equal(nghttp2_hd_deflate_get_dynamic_table_size(def), d.table.size);
	}
	nghttp2_hd_deflate_del(def);
	hpack_dec_fini(&d);
}

/* Both decoders get the same damaged blocks: what one takes the other must take, with the same fields. */
static void damaged_blocks_are_judged_as_nghttp2_judges_them(void **state)
{
	uint64_t seed = 9;
	unsigned refused = 0;
	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t wire[24];
		size_t n = 1 + rnd(&seed) % sizeof wire, fields = 0;
		struct hpack_dec d;
		struct hpack_rep rep;
		nghttp2_hd_inflater *inf;
		bool theirs = true;
		int r;
		for (size_t i = 0; i < n; i++)
			wire[i] = rnd(&seed) % 3 ? (uint8_t)(rnd(&seed) % 12) : (uint8_t)rnd(&seed);
		hpack_dec_init(&d, &alloc_libc, 4096, 65536);
		hpack_dec_begin(&d);
		hpack_dec_feed(&d, (struct bytes){wire, n});
		while ((r = hpack_dec_next(&d, true, &rep)) == 1)
			fields += rep.kind != HPACK_SIZE_UPDATE;
		nghttp2_hd_inflate_new(&inf);
		for (size_t at = 0;;) {
			nghttp2_nv nv;
			int flags = 0;
			ssize_t used = nghttp2_hd_inflate_hd2(inf, &nv, &flags, wire + at, n - at, 1);
			if (used < 0) {
				theirs = false;
				break;
			}
			at += (size_t)used;
			fields -= (flags & NGHTTP2_HD_INFLATE_EMIT) != 0;
			if (flags & NGHTTP2_HD_INFLATE_FINAL)
				break;
		}
		if ((r == 0) != theirs) {
			for (size_t i = 0; i < n; i++)
				print_error("%02x", wire[i]);
			fail_msg(" ours %s, theirs %s", r == 0 ? "takes" : d.err.what,
				theirs ? "takes" : "refuses");
		}
		if (theirs)
			assert_int_equal(fields, 0);
		refused += !theirs;
		nghttp2_hd_inflate_del(inf);
		hpack_dec_fini(&d);
	}
	assert_in_range(refused, 1000, 19999);
}

static void a_failing_allocation_in_the_encoder_leaks_nothing(void **state)
{
	struct alloc_probe probe;
	size_t n = 0;
	(void)state;
	do {
		struct hpack_enc e;
		struct buf out;
		alloc_probe_arm(&probe, ++n);
		hpack_enc_init(&e, &probe.al, 4096);
		buf_init(&out, &probe.al, SIZE_MAX);
		hpack_enc_begin(&e, &out);
		bool ok = hpack_enc_field(&e, &out, BYTES_LIT("x-a"), BYTES_LIT("1"), HPACK_ADD) &&
			  hpack_enc_field(&e, &out, BYTES_LIT("x-b"), BYTES_LIT("2"), HPACK_ADD);
		assert_true(ok != probe.failed);
		buf_fini(&out);
		hpack_enc_fini(&e);
		assert_int_equal(probe.live, 0);
	} while (probe.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_requests_of_appendix_c_4_decode),
		cmocka_unit_test(the_encoder_writes_appendix_c_4),
		cmocka_unit_test(integers_at_the_edges_of_their_prefix),
		cmocka_unit_test(an_integer_may_not_be_too_large_or_too_long),
		cmocka_unit_test(a_lowered_limit_must_be_answered_by_a_size_update),
		cmocka_unit_test(the_smallest_limit_in_between_counts),
		cmocka_unit_test(faults_are_sticky_and_have_a_place),
		cmocka_unit_test(a_string_at_the_limit_passes_and_one_more_does_not),
		cmocka_unit_test(every_representation_is_written_back_as_it_was),
		cmocka_unit_test(every_symbol_of_the_huffman_code_is_nghttp2s),
		cmocka_unit_test(nghttp2_reads_what_we_write),
		cmocka_unit_test(we_read_what_nghttp2_writes),
		cmocka_unit_test(damaged_blocks_are_judged_as_nghttp2_judges_them),
		cmocka_unit_test(a_failing_allocation_in_the_encoder_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
