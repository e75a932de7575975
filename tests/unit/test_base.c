/*
 * Tests of the base: blobs, buffers, UTF-8, base64, hashes, hex.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proto/base/utf8.h"
#include "tests/support/codec_kit.h"

static void a_blob_lives_as_long_as_somebody_refers_to_it(void **state)
{
	(void)state;
	struct counting c;
	counting_init(&c, 0, false);
	struct blob *b = blob_new(&c.al, BYTES_LIT("hello"));
	struct slice s = slice_sub(slice_of(blob_ref(b)), 1, 3);
	blob_unref(b);
	assert_true(bytes_eq_str(slice_bytes(s), "ell"));
	assert_true(c.live > 0);
	blob_unref(s.blob);
	assert_int_equal(c.live, 0);
	counting_init(&c, 1, true);
	assert_null(blob_new(&c.al, BYTES_LIT("x")));
}

static void a_buffer_stops_at_its_limit_and_says_so(void **state)
{
	(void)state;
	struct counting c;
	struct buf b;
	counting_init(&c, 0, false);
	buf_init(&b, &c.al, 5);
	buf_str(&b, "12345");
	assert_false(b.failed);
	buf_u8(&b, '6');
	assert_true(b.failed);
	assert_true(bytes_eq_str(buf_bytes(&b), "12345"));
	buf_clear(&b);
	buf_str(&b, "abc");
	buf_drop(&b, 1);
	assert_true(bytes_eq_str(buf_bytes(&b), "bc"));
	buf_fini(&b);
	assert_int_equal(c.live, 0);
}

static void numbers_are_written_in_full(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, &alloc_libc, 200);
	buf_dec(&b, 0);
	buf_u8(&b, ' ');
	buf_dec(&b, UINT64_MAX);
	buf_u8(&b, ' ');
	buf_hex(&b, 0);
	buf_u8(&b, ' ');
	buf_hex(&b, UINT64_MAX);
	assert_true(bytes_eq_str(buf_bytes(&b), "0 18446744073709551615 0 ffffffffffffffff"));
	buf_clear(&b);
	buf_be16(&b, 0x1234);
	buf_be32(&b, 0x56789abc);
	buf_be64(&b, 0x0102030405060708);
	assert_int_equal(be16_get(b.p), 0x1234);
	assert_int_equal(be32_get(b.p + 2), 0x56789abc);
	assert_true(be64_get(b.p + 6) == 0x0102030405060708);
	buf_fini(&b);
}

/* RFC 3629 4, written as the table there. */
static bool utf8_oracle(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint8_t c = p[i];
		size_t more = c < 0x80                 ? 0
			      : c >= 0xc2 && c <= 0xdf ? 1
			      : c >= 0xe0 && c <= 0xef ? 2
			      : c >= 0xf0 && c <= 0xf4 ? 3
						       : 9;
		if (more == 9 || n - i <= more)
			return false;
		for (size_t k = 1; k <= more; k++) {
			uint8_t lo = 0x80, hi = 0xbf;
			if (k == 1 && c == 0xe0)
				lo = 0xa0;
			if (k == 1 && c == 0xed)
				hi = 0x9f;
			if (k == 1 && c == 0xf0)
				lo = 0x90;
			if (k == 1 && c == 0xf4)
				hi = 0x8f;
			if (p[i + k] < lo || p[i + k] > hi)
				return false;
		}
		i += more + 1;
	}
	return true;
}

static void utf8_agrees_with_the_table_of_rfc_3629_on_all_short_inputs(void **state)
{
	(void)state;
	static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1,
		0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
	uint8_t p[4];
	for (unsigned v = 0; v < 0x1000000; v += v < 0x10000 ? 1 : 7) {
		p[0] = (uint8_t)(v >> 16);
		p[1] = (uint8_t)(v >> 8);
		p[2] = (uint8_t)v;
		size_t n = v < 0x100 ? 1 : v < 0x10000 ? 2 : 3;
		assert_int_equal(utf8_valid((struct bytes){p + 3 - n, n}), utf8_oracle(p + 3 - n, n));
	}
	size_t m = sizeof edges;
	for (size_t v = 0; v < m * m * m * m; v++) {
		p[0] = edges[v / (m * m * m)];
		p[1] = edges[v / (m * m) % m];
		p[2] = edges[v / m % m];
		p[3] = edges[v % m];
		assert_int_equal(utf8_valid((struct bytes){p, 4}), utf8_oracle(p, 4));
	}
}

static void every_code_point_survives(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, &alloc_libc, SIZE_MAX);
	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		b.n = 0;
		utf8_put(&b, cp);
		assert_true(utf8_valid(buf_bytes(&b)));
		assert_int_equal(b.n, cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4);
	}
	buf_fini(&b);
}

static void a_fault_is_known_at_the_octet_that_makes_it(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t n, at;
	} cases[] = {{"\xf5\x80\x80\x80", 4, 0}, {"\xed\xb2\x80", 3, 1}, {"\xe0\x8f\x8f", 3, 1},
		{"ab\xff", 3, 2}, {"\xc3", 1, 1}, {"\xf0\x9f\x91\x8d\x80", 5, 4},
		{"0123456789012345678901234567890123456789\xc0", 41, 40}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct guarded g = guarded_new((struct bytes){(const uint8_t *)cases[i].text, cases[i].n});
		uint8_t s = UTF8_START;
		assert_int_equal(utf8_check(&s, g.b), cases[i].at);
		assert_int_not_equal(s, UTF8_START);
		guarded_free(&g);
	}
}

static void ill_formed_text_is_replaced_as_browsers_do(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {{"abc", "abc"}, {"\x80!", "\xef\xbf\xbd!"}, {"\xc3(", "\xef\xbf\xbd("},
		{"\xe2\x82", "\xef\xbf\xbd"}, {"\xf0\x9f\x98 x", "\xef\xbf\xbd x"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe2\x82\xac\xff\xe2\x82\xac", "\xe2\x82\xac\xef\xbf\xbd\xe2\x82\xac"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf1\x80\x80\xe1\x80\xc2", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b;
		buf_init(&b, &alloc_libc, SIZE_MAX);
		utf8_replace(&b, bytes_str(cases[i].in));
		if (!bytes_eq_str(buf_bytes(&b), cases[i].out))
			fail_msg("case %zu", i);
		buf_fini(&b);
	}
}

static void base64_has_the_vectors_of_rfc_4648(void **state)
{
	(void)state;
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const coded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
	static const char *const wrong[] = {
		"Z", "Zg=", "Zg", "Z===", "=Zg=", "Zg==Zg==", "Zm9v!mFy", "Zm 9v"};
	struct buf b;
	buf_init(&b, &alloc_libc, 100);
	for (size_t i = 0; i < 7; i++) {
		b.n = 0;
		base64_put(&b, bytes_str(plain[i]));
		assert_true(bytes_eq_str(buf_bytes(&b), coded[i]));
		b.n = 0;
		assert_true(base64_get(&b, bytes_str(coded[i]), true));
		assert_true(bytes_eq_str(buf_bytes(&b), plain[i]));
	}
	b.n = 0;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(base64_get(&b, bytes_str(wrong[i]), false));
	assert_int_equal(b.n, 0);
	assert_true(base64_get(&b, BYTES_LIT("Zh=="), false));
	assert_false(base64_get(&b, BYTES_LIT("Zh=="), true));
	buf_fini(&b);
}

static void hash_is(void (*hash)(struct bytes, uint8_t *), size_t len, struct bytes in, const char *want)
{
	uint8_t digest[32];
	struct buf b;
	buf_init(&b, &alloc_libc, 100);
	hash(in, digest);
	hex_put(&b, (struct bytes){digest, len});
	assert_true(bytes_eq_str(buf_bytes(&b), want));
	buf_fini(&b);
}

static void hashes_have_the_vectors_of_fips_180(void **state)
{
	(void)state;
	struct bytes two = BYTES_LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq");
	uint8_t *million = malloc(1000000);
	memset(million, 'a', 1000000);
	hash_is(sha1, 20, BYTES_LIT("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
	hash_is(sha1, 20, two, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
	hash_is(sha1, 20, BYTES_NONE, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
	hash_is(sha1, 20, (struct bytes){million, 1000000}, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
	hash_is(sha256, 32, BYTES_LIT("abc"),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	hash_is(sha256, 32, two, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	hash_is(sha256, 32, (struct bytes){million, 1000000},
		"cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	free(million);
}

static void hex_ignores_white_space_and_nothing_else(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, &alloc_libc, 100);
	assert_true(hex_get(&b, BYTES_LIT("00 fF\n1a")));
	assert_int_equal(b.n, 3);
	assert_int_equal(b.p[1], 0xff);
	assert_false(hex_get(&b, BYTES_LIT("0")));
	assert_false(hex_get(&b, BYTES_LIT("0g")));
	assert_int_equal(b.n, 3);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_blob_lives_as_long_as_somebody_refers_to_it),
		cmocka_unit_test(a_buffer_stops_at_its_limit_and_says_so),
		cmocka_unit_test(numbers_are_written_in_full),
		cmocka_unit_test(utf8_agrees_with_the_table_of_rfc_3629_on_all_short_inputs),
		cmocka_unit_test(every_code_point_survives),
		cmocka_unit_test(a_fault_is_known_at_the_octet_that_makes_it),
		cmocka_unit_test(ill_formed_text_is_replaced_as_browsers_do),
		cmocka_unit_test(base64_has_the_vectors_of_rfc_4648),
		cmocka_unit_test(hashes_have_the_vectors_of_fips_180),
		cmocka_unit_test(hex_ignores_white_space_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
