/*
 * Tests of what is looked at eight octets at a time, each against the same octet by octet: words of every pair of octets at every
 * place, and UTF-8 whose faults stand at every place of the blocks in which it is checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "proto/base/swar.h"
#include "proto/base/utf8.h"

/* The place of the lowest mark; 8 when there is none. */
static size_t lowest(uint64_t mark)
{
	return mark ? swar_first(mark) : 8;
}

static void the_lowest_mark_is_the_first_octet_sought(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++)
		for (unsigned b = 0; b < 256; b++)
			for (size_t at = 0; at < 8; at++) {
				uint8_t p[8];
				size_t cr = 8, bad = 8;
				memset(p, 'x', sizeof p);
				p[at] = (uint8_t)a;
				p[(at + 1) % 8] = (uint8_t)b;
				for (size_t i = 8; i-- > 0;) {
					cr = p[i] == '\r' ? i : cr;
					bad = p[i] < 0x20 || p[i] > 0x7e ? i : bad;
				}
				assert_int_equal(lowest(swar_equal(swar_load(p), '\r')), cr);
				assert_int_equal(lowest(swar_unprintable(swar_load(p))), bad);
			}
}

static void only_capital_letters_become_small(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++)
		for (size_t at = 0; at < 8; at++) {
			uint8_t p[8], want[8];
			memset(p, 0xff, sizeof p);
			p[at] = (uint8_t)a;
			memcpy(want, p, sizeof p);
			if (a >= 'A' && a <= 'Z')
				want[at] = (uint8_t)(a + 'a' - 'A');
			assert_true(swar_lower(swar_load(p)) == swar_load(want));
		}
}

static void names_are_equal_whatever_their_case_and_length(void **state)
{
	(void)state;
	static const char name[] = "Sec-WebSocket-Extensions[@`{";
	for (size_t n = 0; n < sizeof name; n++)
		for (size_t i = 0; i < n; i++) {
			uint8_t p[sizeof name], c = (uint8_t)name[i];
			bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
			memcpy(p, name, sizeof name);
			p[i] ^= 0x20;
			struct bytes a = {p, n}, b = {(const uint8_t *)name, n};
			assert_true(bytes_eq_nocase(a, b) == letter);
		}
}

/* One character of every length, faults of every kind, at every place of a long text, cut everywhere: the octet blamed is the one
 * that a reader of single octets blames. */
static void a_fault_in_utf8_is_found_at_its_octet_wherever_it_stands(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t bad; /* index of the octet that spoils it; its length: none */
	} cases[] = {{"\xc3\xbc", 2}, {"\xe6\x97\xa5", 3}, {"\xf0\x9f\x99\x82", 4}, {"\xc0\x80", 0},
		{"\xe0\x9f\xbf", 1}, {"\xed\xa0\x80", 1}, {"\xf0\x8f\xbf\xbf", 1}, {"\xf4\x90\x80\x80", 1},
		{"\xf5", 0}, {"\x80", 0}, {"\xe6\x97-", 2}, {"\xf0\x9f\x99-", 3}, {"\xff", 0}};
	for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
		for (unsigned fill = 0; fill < 2; fill++)
			for (size_t at = 0; at <= 68; at += 2)
				for (size_t cut = 0; cut <= 72; cut++) {
					uint8_t p[80], s = UTF8_START;
					size_t len = strlen(cases[c].text), n = 72, want = n;
					for (size_t i = 0; i < sizeof p; i += 2)
						memcpy(p + i, fill ? "\xc3\xa4" : "ab", 2);
					memcpy(p + at, cases[c].text, len);
					if (len % 2)
						p[at + len] = 'x'; /* do not begin with half a character */
					if (cases[c].bad < len)
						want = at + cases[c].bad;
					size_t got = utf8_check(&s, (struct bytes){p, cut});
					if (got == cut)
						got += utf8_check(&s, (struct bytes){p + cut, n - cut});
					assert_int_equal(got, want);
					assert_int_equal(s, want == n ? UTF8_START : UTF8_REJECT);
				}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lowest_mark_is_the_first_octet_sought),
		cmocka_unit_test(only_capital_letters_become_small),
		cmocka_unit_test(names_are_equal_whatever_their_case_and_length),
		cmocka_unit_test(a_fault_in_utf8_is_found_at_its_octet_wherever_it_stands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
