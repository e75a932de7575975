/* canvas: nothing outside the clip, nothing but safe characters, cutting and wrapping at words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "ui/canvas.h"

static void text_outside_the_clip_is_not_drawn(void **state)
{
	(void)state;
	struct canvas *c = canvas_new(20, 5, false);
	struct rect old = canvas_clip(c, (struct rect){5, 1, 4, 2});
	for (int y = -2; y < 8; y++)
		canvas_text(c, -3, y, 40, STYLE_TEXT, "##########################");
	for (int y = 0; y < 5; y++)
		for (int x = 0; x < 20; x++) {
			bool in = x >= 5 && x < 9 && y >= 1 && y < 3;
			assert_int_equal(c->cell[y * 20 + x].ch, in ? '#' : ' ');
		}
	canvas_unclip(c, old);
	canvas_put(c, 19, 4, STYLE_TEXT, '!');
	assert_int_equal(c->cell[99].ch, '!');
	canvas_put(c, 20, 4, STYLE_TEXT, '!');
	canvas_put(c, -1, -1, STYLE_TEXT, '!');
	canvas_free(c);
}

static void control_wide_and_broken_characters_become_harmless(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} t[] = {{"a\033[31mb", "a.[31mb"}, {"a\007\x7f", "a.."}, {"\xc2\x9bx", ".x"}, {"\xff\xfe", "??"},
		{"\xc0\xaf", "??"}, {"\xe4\xb8\xad", "?"}, {"e\xcc\x81", "e?"}, {"\xf0\x9f\x98\x80", "?"},
		{"\xe2\x80\xae", "?"}, {"\xed\xa0\x80", "?"}, {"line\nbreak\ttab", "line break tab"},
		{"caf\xc3\xa9", "caf\xc3\xa9"}, {"\xe2\x94", "?"}};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char out[64];
		size_t n = 0;
		const char *p = t[i].in;
		uint32_t ch;
		while ((ch = canvas_decode(&p)))
			n += canvas_encode(ch, out + n);
		out[n] = 0;
		assert_string_equal(out, t[i].out);
	}
}

static void ascii_mode_draws_only_ascii(void **state)
{
	(void)state;
	struct canvas *c = canvas_new(60, 3, true);
	canvas_box(c, (struct rect){0, 0, 60, 3}, STYLE_FRAME,
		"caf\xc3\xa9 \xe2\x94\x80\xe2\x95\x90\xe2\x97\x8f \xe2\x80\xa6", STYLE_TEXT);
	for (uint32_t ch = 0; ch < 0x3000; ch++)
		canvas_put(c, 1, 1, STYLE_TEXT, ch);
	for (int i = 0; i < 180; i++) {
		assert_true(c->cell[i].ch >= 0x20);
		assert_true(c->cell[i].ch < 0x7f);
	}
	for (uint32_t ch = 1; ch < 0x3000; ch++)
		assert_in_range(canvas_ascii(ch), 1, 0x7e);
	canvas_free(c);
}

static void labels_are_cut_after_a_word(void **state)
{
	(void)state;
	struct canvas *c = canvas_new(30, 1, true);
	assert_int_equal(canvas_label(c, 0, 0, 12, STYLE_TEXT, "hello big world"), 11);
	char s[13] = "";
	for (int i = 0; i < 12; i++)
		s[i] = (char)c->cell[i].ch;
	assert_string_equal(s, "hello big.. ");
	assert_int_equal(canvas_label(c, 0, 0, 15, STYLE_TEXT, "hello big world"), 15);
	assert_int_equal(canvas_label(c, 0, 0, 0, STYLE_TEXT, "hello"), 0);
	assert_int_equal(canvas_label(c, 0, 0, 1, STYLE_TEXT, "hello"), 1);
	canvas_free(c);
}

static void wrapping_never_exceeds_its_rectangle(void **state)
{
	(void)state;
	const char *text = "The NAT had forgotten the mapping 29.975 s before; "
			   "averyveryverylongwordwithoutanyspace end.";
	for (int w = 1; w < 50; w++)
		for (int h = 1; h < 6; h++) {
			struct canvas *c = canvas_new(60, 10, false);
			int n = canvas_wrap(c, (struct rect){3, 2, w, h}, STYLE_TEXT, text);
			int lines = canvas_wrap_lines(text, w);
			assert_int_equal(n, lines < h ? lines : h);
			for (int i = 0; i < 600; i++) {
				int x = i % 60, y = i / 60;
				if (x < 3 || x >= 3 + w || y < 2 || y >= 2 + h)
					assert_int_equal(c->cell[i].ch, ' ');
			}
			canvas_free(c);
		}
}

static void any_size_is_accepted(void **state)
{
	(void)state;
	static const int sizes[][2] = {{0, 0}, {-5, 3}, {1, 1}, {100000, 2}, {3, 100000}};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct canvas *c = canvas_new(sizes[i][0], sizes[i][1], false);
		assert_in_range(c->w, 1, CANVAS_W_MAX);
		assert_in_range(c->h, 1, CANVAS_H_MAX);
		canvas_box(c, (struct rect){-10, -10, 10000, 10000}, STYLE_FRAME, "t", STYLE_TEXT);
		canvas_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_outside_the_clip_is_not_drawn),
		cmocka_unit_test(control_wide_and_broken_characters_become_harmless),
		cmocka_unit_test(ascii_mode_draws_only_ascii),
		cmocka_unit_test(labels_are_cut_after_a_word),
		cmocka_unit_test(wrapping_never_exceeds_its_rectangle),
		cmocka_unit_test(any_size_is_accepted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
