/*
 * Screens of a trace made by hand against recorded ones: characters and styles, at all sizes the layout has
 * breakpoints for. With UPDATE=1 in the environment the recorded ones are written anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/support/ui_fixture.h"
#include "ui/show.h"

static const int sizes[][2] = {{40, 12}, {60, 20}, {80, 24}, {100, 30}, {132, 43}, {160, 50}};

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f)
		return NULL;
	char *s = calloc(1, 400000);
	size_t n = fread(s, 1, 399999, f);
	s[n] = 0;
	fclose(f);
	return s;
}

static char *together(const char *text, const char *styles)
{
	size_t n = strlen(text) + strlen(styles) + 16;
	char *s = malloc(n);
	snprintf(s, n, "%s== styles\n%s", text, styles);
	return s;
}

static int one(struct show *s, struct look_at *v, const char *name, int w, int h, bool ascii)
{
	char path[200];
	snprintf(path, sizeof path, "tests/golden/screens/%s-%dx%d%s.txt", name, w, h, ascii ? "-ascii" : "");
	v->ascii = ascii;
	struct canvas *c = canvas_new(w, h, ascii);
	screen_draw(s, v, c);
	char *text = grid_text(c), *styles = grid_styles(c), *now = together(text, styles),
	     *then = slurp(path);
	int differs = !then || strcmp(now, then) != 0;
	if (differs && getenv("UPDATE")) {
		FILE *f = fopen(path, "wb");
		assert_non_null(f);
		fputs(now, f);
		assert_int_equal(fclose(f), 0);
		differs = 0;
	} else if (differs) {
		print_message("%s differs; it is now:\n%s", path, text);
	}
	free(text);
	free(styles);
	free(now);
	free(then);
	canvas_free(c);
	return differs;
}

static void all_sizes(struct show *s, struct look_at *v, const char *name)
{
	int wrong = 0;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		wrong += one(s, v, name, sizes[i][0], sizes[i][1], false);
	wrong += one(s, v, name, 80, 24, true);
	wrong += one(s, v, name, 100, 30, true);
	assert_int_equal(wrong, 0);
}

static struct show *websocket_show(void)
{
	return show_capture(ui_fixture(false), "The NAT forgets an idle connection");
}

/* Two runs on one clock, as `compare` has them. */
static struct show *two_runs(void)
{
	struct show *s = websocket_show(), *p = show_capture(ui_fixture_polling(), "");
	s->run[s->nrun++] = p->run[0];
	p->nrun = 0;
	show_free(p);
	return s;
}

static void drop(struct show *s)
{
	for (size_t i = 0; i < s->nrun; i++) {
		struct trace *tr = s->run[i].tr;
		s->run[i].tr = NULL;
		trace_free(tr);
	}
	show_free(s);
}

static void to_the_lost_frame(struct show *s, struct look_at *v)
{
	look_init(v, s);
	v->client = 1;
	look_seek(s, v, s->end_ns);
	look_action(s, v, ACT_START);
	look_action(s, v, ACT_ODD);
	look_action(s, v, ACT_ODD);
}

static void ladder(void **state)
{
	(void)state;
	struct show *s = websocket_show();
	struct look_at v;
	to_the_lost_frame(s, &v);
	all_sizes(s, &v, "ladder");
	drop(s);
}

static void ladder_of_tcp(void **state)
{
	(void)state;
	struct show *s = websocket_show();
	struct look_at v;
	to_the_lost_frame(s, &v);
	look_action(s, &v, ACT_DEPTH3);
	v.message[0] = 0;
	all_sizes(s, &v, "layer3");
	drop(s);
}

static void bytes(void **state)
{
	(void)state;
	struct show *s = websocket_show();
	struct look_at v;
	to_the_lost_frame(s, &v);
	look_action(s, &v, ACT_INSPECT);
	look_action(s, &v, ACT_FIELD_NEXT);
	look_action(s, &v, ACT_FIELD_NEXT);
	all_sizes(s, &v, "bytes");
	drop(s);
}

static void why(void **state)
{
	(void)state;
	struct show *s = websocket_show();
	struct look_at v;
	to_the_lost_frame(s, &v);
	look_action(s, &v, ACT_WHY);
	look_action(s, &v, ACT_WHY_NEXT);
	all_sizes(s, &v, "why");
	drop(s);
}

static void help(void **state)
{
	(void)state;
	struct show *s = websocket_show();
	struct look_at v;
	to_the_lost_frame(s, &v);
	look_action(s, &v, ACT_HELP);
	all_sizes(s, &v, "help");
	drop(s);
}

static void comparison(void **state)
{
	(void)state;
	struct show *s = two_runs();
	struct look_at v;
	look_init(&v, s);
	v.client = 1;
	v.base = v.top = v.home = KEYS_COMPARE;
	look_seek(s, &v, s->end_ns);
	all_sizes(s, &v, "compare");
	drop(s);
}

/* docs/keys.md is written from the table of keys. */
static void the_page_of_keys_is_the_table(void **state)
{
	(void)state;
	static const char path[] = "docs/keys.md";
	size_t cap = 64 * 1024, n = 0;
	char *now = calloc(1, cap), *then = slurp(path);
	n += (size_t)snprintf(now + n, cap - n,
		"# Keys of the views\n\nThe same list is in the program: `?` on any screen. A key of a "
		"screen wins over the same key "
		"of *Everywhere*.\nThe words are those of plain mode (`backtalk run LECTURE --plain`).\n");
	for (int ctx = 0; ctx < KEY_CONTEXTS; ctx++) {
		n += (size_t)snprintf(now + n, cap - n,
			"\n## %s\n\n| keys | what they do | word |\n|---|---|---|\n",
			keys_context_title((enum key_context)ctx));
		for (size_t i = 0; i < keys_count(); i++) {
			const struct key_bind *b = keys_at(i);
			if (b->context != (enum key_context)ctx)
				continue;
			n += (size_t)snprintf(now + n, cap - n, "| ");
			for (const char *p = b->keys; *p;) {
				size_t k = strcspn(p, " ");
				n += (size_t)snprintf(now + n, cap - n, "`%.*s` ", (int)k, p);
				p += k + (p[k] == ' ');
			}
			n += (size_t)snprintf(now + n, cap - n, "| %s | %s%s%s |\n", b->help,
				*b->word ? "`" : "", b->word, *b->word ? "`" : "");
		}
	}
	bool same = then && strcmp(now, then) == 0;
	if (!same && getenv("UPDATE")) {
		FILE *f = fopen(path, "wb");
		assert_non_null(f);
		fputs(now, f);
		assert_int_equal(fclose(f), 0);
		same = true;
	}
	free(now);
	free(then);
	assert_true(same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ladder),
		cmocka_unit_test(ladder_of_tcp),
		cmocka_unit_test(bytes),
		cmocka_unit_test(why),
		cmocka_unit_test(help),
		cmocka_unit_test(comparison),
		cmocka_unit_test(the_page_of_keys_is_the_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
