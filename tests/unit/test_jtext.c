/*
 * JSON texts: what is one and what is not (RFC 8259), positions, strings there and back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/jtext.h"
#include "tests/support/alloc_probe.h"

static const char *const good[] = {"0", "-0", "1.5e+3", "-12E-2", "\"\"", "\"\\u00e9\\ud83d\\ude00\\n\"",
	"true", " null ", "[]", "[ ]", "{}", "[1,2,[3,{\"a\":[]}],\"x\"]", "{\"a\":1,\"b\":{\"c\":null}}",
	"\"\xc3\xa9\"", "[[[[[[]]]]]]", "\"\\ud800\"", "1e400"};

static const struct {
	const char *text;
	size_t off;
} bad[] = {{"", 0}, {" ", 1}, {"01", 1}, {"-", 1}, {"1.", 2}, {"1e", 2}, {".5", 0}, {"+1", 0}, {"tru", 0},
	{"nul", 0}, {"'a'", 0}, {"\"a", 2}, {"\"\t\"", 1}, {"\"\\x\"", 2}, {"\"\\u12g4\"", 2}, {"[1,]", 3},
	{"[1 2]", 3}, {"[", 1}, {"[1", 2}, {"{\"a\"}", 4}, {"{\"a\":}", 5}, {"{a:1}", 1}, {"{\"a\":1,}", 7},
	{"1 2", 2}, {"[1]]", 3}, {"\"\xff\"", 1}, {"[}", 1}, {"{]", 1}, {"NaN", 0}};

static void texts_that_are_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct jtext j;
		if (!jt_parse(&j, &alloc_libc, bytes_str(good[i])))
			fail_msg("%s: %s at %u", good[i], j.err.what, (unsigned)j.err.off);
		jt_fini(&j);
	}
}

static void texts_that_are_not_and_where(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct jtext j;
		assert_false(jt_parse(&j, &alloc_libc, bytes_str(bad[i].text)));
		if (j.err.off != bad[i].off)
			fail_msg("%s: %s at %u, not %u", bad[i].text, j.err.what, (unsigned)j.err.off,
				(unsigned)bad[i].off);
		jt_fini(&j);
	}
}

static void every_prefix_of_a_container_is_refused(void **state)
{
	const char *text = "{\"a\":[1,-2.5e1,\"\\u0041\",true,false,null],\"b\":{}}";
	(void)state;
	for (size_t n = 0; n < strlen(text); n++) {
		/* A copy without a terminating NUL: reading on would be seen. */
		uint8_t *copy = malloc(n ? n : 1);
		struct jtext j;
		memcpy(copy, text, n);
		assert_false(jt_parse(&j, &alloc_libc, (struct bytes){copy, n}));
		jt_fini(&j);
		free(copy);
	}
}

static void members_and_elements_are_found(void **state)
{
	struct jtext j;
	uint64_t v;
	(void)state;
	assert_true(jt_parse(&j, &alloc_libc, BYTES_LIT("{\"a\":1,\"\\u0062\":[10,\"x\\ty\"],\"a\":2}")));
	assert_true(jt_uint(&j, jt_get(&j, 0, "a"), 10, &v));
	assert_int_equal(v, 2); /* the last one counts */
	uint32_t b = jt_get(&j, 0, "b");
	assert_true(jt_is(&j, b, JT_ARRAY));
	assert_int_equal(j.nodes[b].count, 2);
	assert_false(jt_uint(&j, jt_at(&j, b, 0), 9, &v));
	assert_true(jt_str_is(&j, jt_at(&j, b, 1), "x\ty"));
	assert_false(jt_str_is(&j, jt_at(&j, b, 1), "x\t"));
	assert_int_equal(jt_at(&j, b, 2), JT_NONE);
	assert_int_equal(jt_get(&j, 0, "c"), JT_NONE);
	assert_true(bytes_eq_str(jt_text(&j, b), "[10,\"x\\ty\"]"));
	jt_fini(&j);
}

static void strings_there_and_back(void **state)
{
	static const uint8_t octets[] = {'a', '"', '\\', '/', 0, 1, 0x1f, '\b', '\f', '\n', '\r', '\t', 0xc3,
		0xa9, 0xf0, 0x9f, 0x98, 0x80, 0x7f};
	struct buf quoted, back;
	struct jtext j;
	(void)state;
	buf_init(&quoted, &alloc_libc, SIZE_MAX);
	buf_init(&back, &alloc_libc, SIZE_MAX);
	jt_quote(&quoted, (struct bytes){octets, sizeof octets});
	assert_true(jt_parse(&j, &alloc_libc, buf_bytes(&quoted)));
	jt_unescape(&back, buf_bytes(&quoted));
	assert_int_equal(back.n, sizeof octets);
	assert_memory_equal(back.p, octets, sizeof octets);
	buf_clear(&back);
	jt_unescape(&back, BYTES_LIT("\"\\ud83d\\ude00\\ud800x\\udc00\""));
	assert_true(bytes_eq_str(buf_bytes(&back), "\xf0\x9f\x98\x80\xef\xbf\xbdx\xef\xbf\xbd"));
	jt_fini(&j);
	buf_fini(&quoted);
	buf_fini(&back);
}

static void depth_has_a_limit(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		struct buf b;
		struct jtext j;
		buf_init(&b, &alloc_libc, SIZE_MAX);
		for (int i = 0; i < JT_DEPTH_MAX + over; i++)
			buf_u8(&b, '[');
		for (int i = 0; i < JT_DEPTH_MAX + over; i++)
			buf_u8(&b, ']');
		assert_int_equal(jt_parse(&j, &alloc_libc, buf_bytes(&b)), !over);
		jt_fini(&j);
		buf_fini(&b);
	}
}

static void a_failing_allocation_leaks_nothing(void **state)
{
	struct alloc_probe probe;
	size_t n = 0;
	(void)state;
	do {
		struct jtext j;
		alloc_probe_arm(&probe, ++n);
		bool ok = jt_parse(
			&j, &probe.al, BYTES_LIT("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20]"));
		assert_true(ok != probe.failed);
		if (!ok)
			assert_int_equal(j.err.code, -1);
		jt_fini(&j);
		assert_int_equal(probe.live, 0);
	} while (probe.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_that_are_json),
		cmocka_unit_test(texts_that_are_not_and_where),
		cmocka_unit_test(every_prefix_of_a_container_is_refused),
		cmocka_unit_test(members_and_elements_are_found),
		cmocka_unit_test(strings_there_and_back),
		cmocka_unit_test(depth_has_a_limit),
		cmocka_unit_test(a_failing_allocation_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
