/*
 * QUIC: the known answers of RFC 9000 and RFC 9001, frames there and back, the rules of headers and parameters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/codec.h"
#include "proto/quic/quic.h"

static struct buf from_hex(const char *hex)
{
	struct buf b;
	buf_init(&b, &alloc_libc, SIZE_MAX);
	assert_true(hex_get(&b, bytes_str(hex)));
	return b;
}

static void hex_is(const void *p, size_t n, const char *want)
{
	struct buf b;
	buf_init(&b, &alloc_libc, SIZE_MAX);
	hex_put(&b, (struct bytes){p, n});
	assert_int_equal(b.n, strlen(want));
	assert_memory_equal(b.p, want, b.n);
	buf_fini(&b);
}

static void the_integers_of_appendix_a_1(void **state)
{
	static const struct {
		const char *hex;
		uint64_t value;
	} rows[] = {{"c2197c5eff14e88c", 151288809941952652ull}, {"9d7f3e7d", 494878333}, {"7bbd", 15293},
		{"25", 37}, {"4025", 37}};
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		struct buf b = from_hex(rows[i].hex);
		uint64_t v;
		assert_int_equal(quic_varint_read(buf_bytes(&b), &v), b.n);
		assert_true(v == rows[i].value);
		for (size_t n = 0; n < b.n; n++)
			assert_int_equal(quic_varint_read((struct bytes){b.p, n}, &v), 0);
		buf_fini(&b);
	}
}

static void packet_numbers_of_appendix_a(void **state)
{
	(void)state;
	assert_int_equal(quic_pn_decode(0xa82f30ea, 0x9b32, 16), 0xa82f9b32);
	assert_int_equal(quic_pn_len(0xac5c02, 0xabe8b3), 2);
	assert_int_equal(quic_pn_len(0xace8fe, 0xabe8b3), 3);
	/* Whatever length the sender picks, the receiver finds the same number. */
	for (uint64_t acked = 0; acked < 70000; acked += 977)
		for (uint64_t pn = acked + 1; pn < acked + 40000; pn += 733) {
			unsigned bits = 8 * quic_pn_len(pn, acked);
			assert_true(quic_pn_decode(acked, pn & (((uint64_t)1 << bits) - 1), bits) == pn);
		}
}

static void initial_keys_of_appendix_a_1(void **state)
{
	struct buf dcid = from_hex("8394c8f03e515708");
	struct quic_keys k;
	(void)state;
	assert_true(quic_initial_keys(QUIC_VERSION_1, buf_bytes(&dcid), true, &k));
	hex_is(k.key, 16, "1f369613dd76d5467730efcbe3b1a22d");
	hex_is(k.iv, 12, "fa044b2f42a3fd3b46fb255c");
	hex_is(k.hp, 16, "9f50449e04a0e810283a1e9933adedd2");
	assert_true(quic_initial_keys(QUIC_VERSION_1, buf_bytes(&dcid), false, &k));
	hex_is(k.key, 16, "cf3a5331653c364c88f0f379b6067e37");
	hex_is(k.iv, 12, "0ac1493ca1905853b0bba03e");
	hex_is(k.hp, 16, "c206b8d9b9f0f37644430b490eeaa314");
	buf_fini(&dcid);
}

/* The server's Initial of RFC 9001 A.3. */
static void the_packet_of_appendix_a_3_opens_and_seals(void **state)
{
	struct buf packet = from_hex(
		"cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c6979755478"
		"0b"
		"b38cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562b"
		"fb19fb84022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee");
	struct buf dcid = from_hex("8394c8f03e515708"), plain, header, again;
	struct quic_keys k;
	struct quic_header h;
	(void)state;
	buf_init(&plain, &alloc_libc, SIZE_MAX);
	buf_init(&header, &alloc_libc, SIZE_MAX);
	buf_init(&again, &alloc_libc, SIZE_MAX);
	assert_true(quic_initial_keys(QUIC_VERSION_1, buf_bytes(&dcid), false, &k));
	assert_true(quic_initial_open(&k, buf_bytes(&packet), UINT64_MAX, &h, &plain));
	assert_int_equal(h.pn, 1);
	assert_int_equal(plain.n, 99);
	hex_is(plain.p, 10, "02000000000600405a02");
	h.length = h.pn_len + plain.n + 16;
	quic_header_write(&header, &h);
	assert_true(quic_initial_seal(
		&k, buf_bytes(&header), header.n - h.pn_len, h.pn_len, h.pn, buf_bytes(&plain), &again));
	assert_true(bytes_eq(buf_bytes(&packet), buf_bytes(&again)));
	again.p[again.n - 20] ^= 1;
	buf_clear(&plain);
	assert_false(quic_initial_open(&k, buf_bytes(&again), UINT64_MAX, &h, &plain));
	buf_fini(&packet);
	buf_fini(&dcid);
	buf_fini(&plain);
	buf_fini(&header);
	buf_fini(&again);
}

static void the_retry_of_appendix_a_4(void **state)
{
	struct buf p = from_hex("ff000000010008f067a5502a4262b5746f6b656e04a265ba2eff4d829058fb3f0f2496ba"),
		   odcid = from_hex("8394c8f03e515708");
	struct quic_header h;
	struct perr err;
	uint8_t tag[16];
	(void)state;
	assert_true(quic_header_read(buf_bytes(&p), 0, &h, &err));
	assert_int_equal(h.type, QUIC_RETRY);
	assert_true(bytes_eq_str(h.token, "token"));
	assert_true(quic_retry_tag(
		QUIC_VERSION_1, buf_bytes(&odcid), bytes_sub(buf_bytes(&p), 0, p.n - 16), tag));
	assert_memory_equal(tag, h.retry_tag.p, 16);
	buf_fini(&p);
	buf_fini(&odcid);
}

static const char *const frames[] = {"01", "020a00000a", "024064000205 0a03 0501", "030a0000000102 03",
	"0408014045", "050803", "0600036162 63", "0703746f6b", "0b08026f6b", "0e0844000161", "0808616263",
	"1080010000", "110842ff", "124064", "1303", "1405", "150806", "1607", "1708",
	"18010004aabbccdd000102030405060708090a0b0c0d0e0f", "1903", "1a0102030405060708",
	"1b0102030405060708", "1c0a0602 6869", "1d410a00", "1e", "306869", "31026869", "00000000"};

static void frames_are_written_back_as_they_were(void **state)
{
	static struct quic_frame f;
	struct perr err;
	(void)state;
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		struct buf in = from_hex(frames[i]), out;
		buf_init(&out, &alloc_libc, SIZE_MAX);
		assert_int_equal(quic_frame_read(buf_bytes(&in), 0, QUIC_LONG_UNKNOWN, &f, &err), 1);
		assert_int_equal(f.len, in.n);
		quic_frame_write(&out, &f);
		assert_int_equal(out.n, in.n);
		assert_memory_equal(out.p, in.p, in.n);
		buf_fini(&in);
		buf_fini(&out);
	}
}

static void a_frame_cut_short_is_an_encoding_error(void **state)
{
	static struct quic_frame f;
	(void)state;
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		struct buf in = from_hex(frames[i]);
		for (size_t n = 1; n < in.n; n++) {
			/* At the guard's edge: a copy of exactly n octets. */
			uint8_t *copy = malloc(n);
			struct perr err = {0};
			memcpy(copy, in.p, n);
			int r = quic_frame_read((struct bytes){copy, n}, 0, QUIC_LONG_UNKNOWN, &f, &err);
			bool open_ended = f.info && (f.type == 0 || f.type == 0x30 ||
							    (f.info->first == QUIC_STREAM && !(f.type & 2)));
			if (!open_ended) {
				assert_int_equal(r, -1);
				assert_int_equal(err.code, QUIC_FRAME_ENCODING_ERROR);
			}
			free(copy);
		}
		buf_fini(&in);
	}
}

static void frames_that_break_a_rule(void **state)
{
	static struct quic_frame f;
	static const struct {
		const char *hex;
		enum quic_packet packet;
		int code;
	} rows[] = {{"0205000006", QUIC_SHORT, QUIC_FRAME_ENCODING_ERROR},
		{"020500010500 00", QUIC_SHORT, QUIC_FRAME_ENCODING_ERROR},
		{"0700", QUIC_SHORT, QUIC_FRAME_ENCODING_ERROR},
		{"12d000000000000001", QUIC_SHORT, QUIC_FRAME_ENCODING_ERROR},
		{"1801020400000000000102030405060708090a0b0c0d0e0f", QUIC_SHORT, QUIC_FRAME_ENCODING_ERROR},
		{"18010000000102030405060708090a0b0c0d0e0f", QUIC_SHORT, QUIC_FRAME_ENCODING_ERROR},
		{"1f", QUIC_SHORT, QUIC_FRAME_ENCODING_ERROR}, {"4001", QUIC_SHORT, QUIC_PROTOCOL_VIOLATION},
		{"0b08026f6b", QUIC_INITIAL, QUIC_PROTOCOL_VIOLATION},
		{"1e", QUIC_HANDSHAKE, QUIC_PROTOCOL_VIOLATION},
		{"0e08ffffffffffffffff0161", QUIC_SHORT, QUIC_FRAME_ENCODING_ERROR}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf in = from_hex(rows[i].hex);
		struct perr err = {0};
		assert_int_equal(quic_frame_read(buf_bytes(&in), 0, rows[i].packet, &f, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		buf_fini(&in);
	}
}

static void headers_are_written_back_as_they_were(void **state)
{
	static const char *const rows[] = {"c00000000104aabbccdd02eeff034142 43400500010203 04",
		"e10000000100040102030440030000ff", "d00000000104aabbccdd00400101",
		"8000000000020102020304000000016b3343cf", "d36b3343cf040102030400 004005 01020304aa",
		"4001020304050607080a"};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf in = from_hex(rows[i]), out;
		struct quic_header h;
		struct perr err = {0};
		buf_init(&out, &alloc_libc, SIZE_MAX);
		if (!quic_header_read(buf_bytes(&in), 8, &h, &err))
			fail_msg("row %zu: %s", i, err.what);
		h.first &= 0x7f;
		quic_header_write(&out, &h);
		assert_memory_equal(out.p, in.p, out.n);
		for (size_t n = 0; n < h.payload_off; n++)
			if (h.type != QUIC_VERSION_NEGOTIATION)
				assert_false(quic_header_read(bytes_sub(buf_bytes(&in), 0, n), 8, &h, &err));
		buf_fini(&in);
		buf_fini(&out);
	}
}

static void transport_parameters_keep_their_rules(void **state)
{
	static const struct {
		const char *hex;
		bool from_client;
		int want;
	} rows[] = {{"", true, 0}, {"01044000ea60", true, -1}, {"0102 4064", true, 1}, {"0c00", true, 1},
		{"0c0101", true, -1}, {"03024400", true, -1}, {"030244b0", true, 1}, {"0a0115", true, -1},
		{"0a0114", true, 1}, {"0e0101", true, -1}, {"0e0102", true, 1}, {"0b024000", true, 1},
		{"0b0480004000", true, -1}, {"0000", true, -1}, {"0000", false, 1},
		{"0210000102030405060708090a0b0c0d0e0f", false, 1}, {"0201aa", false, -1},
		{"01010501 0106", true, -1}, {"1b00", true, 1}, {"2001", true, -1}, {"2002 4400", true, 1},
		{"01", true, -1}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf in = from_hex(rows[i].hex);
		struct quic_param list[QUIC_PARAMS_MAX];
		struct perr err = {0};
		int n = quic_params_read(buf_bytes(&in), rows[i].from_client, list, &err);
		if (n != rows[i].want)
			fail_msg("%s: %d %s", rows[i].hex, n, err.what ? err.what : "");
		if (n < 0)
			assert_int_equal(err.code, QUIC_TRANSPORT_PARAMETER_ERROR);
		buf_fini(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_integers_of_appendix_a_1),
		cmocka_unit_test(packet_numbers_of_appendix_a),
		cmocka_unit_test(initial_keys_of_appendix_a_1),
		cmocka_unit_test(the_packet_of_appendix_a_3_opens_and_seals),
		cmocka_unit_test(the_retry_of_appendix_a_4),
		cmocka_unit_test(frames_are_written_back_as_they_were),
		cmocka_unit_test(a_frame_cut_short_is_an_encoding_error),
		cmocka_unit_test(frames_that_break_a_rule),
		cmocka_unit_test(headers_are_written_back_as_they_were),
		cmocka_unit_test(transport_parameters_keep_their_rules),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
