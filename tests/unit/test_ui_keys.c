/* keys: the table binds no key twice in a context, and footer and help say everything it holds; themes are legible. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <cmocka.h>

#include "ui/keys.h"
#include "ui/show.h"
#include "ui/theme.h"

static void every_key_of_the_table_is_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < keys_count(); i++)
		for (const char *p = keys_at(i)->keys; *p;) {
			size_t n = strcspn(p, " ");
			assert_int_not_equal(keys_code(p, n), 0);
			p += n + (p[n] == ' ');
		}
}

static void no_key_is_bound_twice_in_a_context(void **state)
{
	(void)state;
	for (size_t i = 0; i < keys_count(); i++)
		for (const char *p = keys_at(i)->keys; *p;) {
			size_t n = strcspn(p, " ");
			/* the table finds this very binding again, so nothing before it has the same key */
			assert_int_equal(
				keys_action(keys_at(i)->context, keys_code(p, n)), keys_at(i)->action);
			p += n + (p[n] == ' ');
		}
}

static void every_action_has_help_and_a_binding(void **state)
{
	(void)state;
	bool bound[ACTIONS] = {false};
	for (size_t i = 0; i < keys_count(); i++) {
		assert_true(strlen(keys_at(i)->help) >= 4);
		bound[keys_at(i)->action] = true;
	}
	for (int a = ACT_NONE + 1; a < ACTIONS; a++)
		assert_true(bound[a]);
}

static void the_footer_has_whole_entries_only(void **state)
{
	(void)state;
	for (int ctx = 0; ctx < KEYS_ANY; ctx++)
		for (int w = 1; w <= 160; w++) {
			struct canvas *c = canvas_new(161, 1, true);
			keys_footer(c, 0, 0, w, (enum key_context)ctx);
			char *text = grid_text(c);
			text[strcspn(text, "\n")] = 0;
			assert_true((int)strlen(text) <= w);
			/* entries are parted by two spaces; each must be a whole "key label" of the table */
			for (char *p = text; *p;) {
				char *end = strstr(p, "  ");
				size_t n = end ? (size_t)(end - p) : strlen(p);
				bool found = false;
				for (size_t i = 0; i < keys_count() && !found; i++) {
					const struct key_bind *b = keys_at(i);
					size_t ln = strlen(b->label);
					found = ln && n >= ln && !strncmp(p + n - ln, b->label, ln);
				}
				assert_true(found);
				p += n;
				p += strspn(p, " ");
			}
			free(text);
			canvas_free(c);
		}
}

static void help_lists_every_binding_of_its_context(void **state)
{
	(void)state;
	for (int ctx = 0; ctx < KEYS_ANY; ctx++) {
		struct canvas *c = canvas_new(120, 80, true);
		int lines = keys_help(c, (struct rect){0, 0, 120, 80}, (enum key_context)ctx, 0);
		assert_true(lines < 80);
		char *text = grid_text(c);
		for (size_t i = 0; i < keys_count(); i++)
			if (keys_at(i)->context == (enum key_context)ctx || keys_at(i)->context == KEYS_ANY)
				assert_non_null(strstr(text, keys_at(i)->help));
		free(text);
		canvas_free(c);
	}
}

/* Luminance of a 256-colour number (cube and greys), by the WCAG formula. */
static double luminance(int n)
{
	static const int level[] = {0, 95, 135, 175, 215, 255};
	int rgb[3];
	double l[3];
	if (n >= 232)
		rgb[0] = rgb[1] = rgb[2] = 8 + 10 * (n - 232);
	else
		for (int i = 0, k = n - 16; i < 3; i++)
			rgb[i] = level[i == 0 ? k / 36 : i == 1 ? k / 6 % 6 : k % 6];
	for (int i = 0; i < 3; i++) {
		double v = rgb[i] / 255.0;
		l[i] = v <= 0.03928 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
	}
	return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2];
}

static double contrast(double a, double b)
{
	return a > b ? (a + 0.05) / (b + 0.05) : (b + 0.05) / (a + 0.05);
}

static void every_style_of_light_and_dark_is_legible(void **state)
{
	(void)state;
	for (int s = 0; s < STYLES; s++) {
		struct look l = theme_look(THEME_LIGHT, (enum style)s, 256),
			    d = theme_look(THEME_DARK, (enum style)s, 256);
		assert_true(contrast(luminance(l.fg), luminance(l.bg)) >= 4.5);
		assert_true(contrast(luminance(d.fg), luminance(d.bg)) >= 4.5);
		/* the default theme does not know its background: legible on both */
		struct look m = theme_look(THEME_DEFAULT, (enum style)s, 256);
		if (m.fg >= 0) {
			assert_true(contrast(luminance(m.fg), 1.0) >= 3.5);
			assert_true(contrast(luminance(m.fg), 0.0) >= 3.5);
		}
	}
}

static void mono_has_no_colour_and_tells_the_lost_from_the_rest(void **state)
{
	(void)state;
	for (int s = 0; s < STYLES; s++) {
		struct look m = theme_look(THEME_MONO, (enum style)s, 256);
		assert_int_equal(m.fg, -1);
		assert_int_equal(m.bg, -1);
	}
	assert_true(
		theme_look(THEME_MONO, STYLE_LOST, 256).attr != theme_look(THEME_MONO, STYLE_DATA, 256).attr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_of_the_table_is_known),
		cmocka_unit_test(no_key_is_bound_twice_in_a_context),
		cmocka_unit_test(every_action_has_help_and_a_binding),
		cmocka_unit_test(the_footer_has_whole_entries_only),
		cmocka_unit_test(help_lists_every_binding_of_its_context),
		cmocka_unit_test(every_style_of_light_and_dark_is_legible),
		cmocka_unit_test(mono_has_no_colour_and_tells_the_lost_from_the_rest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
