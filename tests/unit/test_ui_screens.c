/*
 * screens: what must hold for every screen at every size: nothing outside the grid, no octet of a payload raw,
 * the same look gives the same screen on every way there, and nothing hidden shows before it may.
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

static void drop(struct show *s)
{
	for (size_t i = 0; i < s->nrun; i++) {
		struct trace *tr = s->plan ? NULL : s->run[i].tr;
		trace_free(tr);
	}
	show_free(s);
}

static uint64_t hash_of(struct show *s, const struct look_at *v, int w, int h)
{
	struct canvas *c = canvas_new(w, h, false);
	uint64_t x = 14695981039346656037u;
	screen_draw(s, v, c);
	for (int i = 0; i < w * h; i++)
		x = (x ^ (c->cell[i].ch | (uint64_t)c->cell[i].style << 32 |
				 (uint64_t)c->cell[i].attr << 40)) *
		    1099511628211u;
	canvas_free(c);
	return x;
}

static void check_grid(const struct canvas *c)
{
	for (int i = 0; i < c->w * c->h; i++) {
		uint32_t ch = c->cell[i].ch;
		assert_true(ch >= 0x20 && ch != 0x7f && !(ch >= 0x80 && ch < 0xa0));
		assert_true(c->cell[i].style < STYLES);
		if (c->ascii)
			assert_true(ch < 0x7f);
	}
}

static const enum action openings[] = {ACT_NONE, ACT_WHY, ACT_INSPECT, ACT_HELP, ACT_FIND, ACT_DEPTH3,
	ACT_DEPTH4, ACT_HOPS, ACT_COUNTED, ACT_CAPTION_BIG};

/* Every size from 1x1 up, every screen, payloads and names full of escape sequences and broken UTF-8. */
static void no_size_and_no_payload_breaks_a_screen(void **state)
{
	(void)state;
	struct show *s = show_capture(ui_fixture(true), "title \033[31m \xff\xe4\xb8\xad");
	for (size_t k = 0; k < sizeof openings / sizeof *openings; k++) {
		struct look_at v;
		look_init(&v, s);
		v.client = 1;
		look_seek(s, &v, s->end_ns);
		look_action(s, &v, ACT_START);
		look_action(s, &v, ACT_ODD);
		look_action(s, &v, ACT_ODD);
		look_action(s, &v, openings[k]);
		for (int h = 1; h <= 80; h += h < 12 ? 1 : 7)
			for (int w = 1; w <= 200; w += w < 24 ? 1 : 9) {
				/* a guard column and row around the grid would show a write outside: the sanitizer sees it too */
				struct canvas *c = canvas_new(w, h, (w & 1) != 0);
				screen_draw(s, &v, c);
				check_grid(c);
				canvas_free(c);
			}
	}
	drop(s);
}

static void stepping_forward_and_back_gives_the_same_screens(void **state)
{
	(void)state;
	struct show *s = show_capture(ui_fixture(false), "t");
	struct look_at v;
	look_init(&v, s);
	v.client = 1;
	look_seek(s, &v, s->end_ns);
	look_action(s, &v, ACT_START);
	uint64_t seen[200];
	size_t n = 0;
	for (; n < 200; n++) {
		seen[n] = hash_of(s, &v, 100, 30);
		size_t was = v.sel;
		look_action(s, &v, ACT_STEP);
		if (v.sel == was)
			break;
	}
	assert_true(n >= 10);
	v.message[0] = 0;
	for (size_t i = n; i > 0; i--) {
		look_action(s, &v, ACT_BACK);
		assert_int_equal(hash_of(s, &v, 100, 30), seen[i - 1]);
	}
	drop(s);
}

static void playing_to_a_moment_equals_going_there(void **state)
{
	(void)state;
	struct show *s = show_capture(ui_fixture(false), "t");
	struct look_at v, u;
	look_init(&v, s);
	v.client = 1;
	v.known = 0;
	u = v;
	v.playing = true;
	for (int i = 0; i < 100000 && v.playing && v.t < INT64_C(40000000000); i++)
		look_play(s, &v, 33000000);
	assert_true(v.t >= INT64_C(40000000000));
	v.playing = false;
	look_seek(s, &u, v.t);
	assert_int_equal(hash_of(s, &v, 80, 24), hash_of(s, &u, 80, 24));
	drop(s);
}

static const char lecture[] =
	"backtalk: 1\nscenario: t\ntitle: T\nseed: 3\nduration: 20s\nnetworks:\n  net: {rtt: "
	"20ms}\nservers:\n  app: {}\n"
	"clients:\n  c:\n    count: 1\n    path: [net]\n    to: app\n    technique: websocket\n    options: "
	"{interval: 5s}\n"
	"messages:\n  - {name: secret, from: server, to: everyone, at: [2s, 12s], size: 50B}\n"
	"compare: {technique: [polling, websocket]}\n"
	"knobs:\n  - {set: clients.c.options.interval, values: [1s, 5s]}\n"
	"timeline:\n  - {at: 1s, say: hello}\n  - {at: 10s, ask: q}\n"
	"questions:\n  q:\n    ask: What comes?\n    options: [this, that]\n    answer: that\n    why: "
	"\"Because UNTOLD.\"\n";

static struct show *lecture_show(void)
{
	struct diags ds = {0};
	struct plan *p = plan_parse(NULL, "t.yaml", lecture, sizeof lecture - 1, NULL, 0, &ds);
	if (!p) {
		char *text = diags_text(&ds);
		print_message("%s", text);
		free(text);
	}
	assert_non_null(p);
	static const char *techniques[] = {"polling", "websocket"};
	struct show_source src = {.techniques = techniques, .ntechniques = 2};
	return show_new(p, &src);
}

static bool screen_holds(struct show *s, const struct look_at *v, const char *text)
{
	struct canvas *c = canvas_new(100, 40, true);
	screen_draw(s, v, c);
	char *t = grid_text(c);
	bool found = strstr(t, text) != NULL;
	free(t);
	canvas_free(c);
	return found;
}

static void nothing_after_a_question_shows_before_it_is_answered(void **state)
{
	(void)state;
	struct show *s = lecture_show();
	static const enum action ways[] = {
		ACT_END, ACT_STOP_NEXT, ACT_RIGHT10, ACT_ODD, ACT_FIND_NEXT, ACT_STEP, ACT_PLAY};
	for (int base = 0; base < 2; base++)
		for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
			struct look_at v;
			look_init(&v, s);
			v.base = v.top = v.home = base ? KEYS_COMPARE : KEYS_LADDER;
			v.run = 1;
			snprintf(v.find, sizeof v.find, "cret 2");
			for (int k = 0; k < 40; k++) {
				look_action(s, &v, ways[i]);
				if (v.playing)
					look_play(s, &v, 200000000);
				if (v.top == KEYS_QUESTION)
					look_action(s, &v, ACT_HIDE);
				assert_true(v.t <= INT64_C(10000000000));
				assert_false(screen_holds(s, &v, "secret 2"));
				assert_false(screen_holds(s, &v, "UNTOLD"));
			}
		}
	drop(s);
}

static void a_revealed_question_tells_answer_and_reason_and_opens_the_rest(void **state)
{
	(void)state;
	struct show *s = lecture_show();
	struct look_at v;
	look_init(&v, s);
	look_action(s, &v, ACT_END);
	assert_int_equal(v.top, KEYS_QUESTION);
	assert_true(screen_holds(s, &v, "What comes?"));
	look_action(s, &v, ACT_ANSWER_A);
	look_action(s, &v, ACT_REVEAL);
	assert_true(screen_holds(s, &v, "Because UNTOLD."));
	assert_true(screen_holds(s, &v, "Right: B"));
	look_action(s, &v, ACT_CLOSE);
	v.run = 1;
	look_action(s, &v, ACT_END);
	assert_int_equal(v.t, s->end_ns);
	drop(s);
}

/* A hundred thousand keys at random leave a look that still draws. */
static void random_keys_never_break_it(void **state)
{
	(void)state;
	struct show *s = lecture_show();
	struct look_at v;
	uint32_t x = 12345;
	look_init(&v, s);
	for (int i = 0; i < 20000; i++) {
		x = x * 1664525u + 1013904223u;
		uint32_t key = (x >> 8) % 3 == 0 ? KEY_NONE_ + (x >> 16) % 30 : 0x20 + (x >> 16) % 0x60;
		enum action a = keys_action(v.top, key);
		if (v.top == KEYS_INPUT && a == ACT_NONE)
			look_type(&v, key);
		else if (!look_action(s, &v, a))
			look_init(&v, s);
		if (v.playing)
			look_play(s, &v, 100000000);
		if (i % 50 == 0) {
			struct canvas *c =
				canvas_new(1 + (int)(x >> 9) % 150, 1 + (int)(x >> 17) % 50, false);
			screen_draw(s, &v, c);
			check_grid(c);
			canvas_free(c);
		}
		assert_true(v.t >= 0 && v.t <= s->end_ns);
	}
	drop(s);
}

static void pictures_hold_the_text_of_the_screen(void **state)
{
	(void)state;
	struct show *s = show_capture(ui_fixture(true), "a < b & c");
	struct look_at v;
	look_init(&v, s);
	look_seek(s, &v, s->end_ns);
	struct canvas *c = canvas_new(100, 30, false);
	screen_draw(s, &v, c);
	for (int th = 0; th < THEMES; th++) {
		char *svg = grid_svg(c, (enum theme)th), *ansi = grid_ansi(c, (enum theme)th);
		assert_non_null(strstr(svg, "a &lt; b &amp; c"));
		assert_non_null(strstr(svg, "</svg>"));
		assert_non_null(strstr(ansi, "a < b & c"));
		free(svg);
		free(ansi);
	}
	canvas_free(c);
	drop(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_size_and_no_payload_breaks_a_screen),
		cmocka_unit_test(stepping_forward_and_back_gives_the_same_screens),
		cmocka_unit_test(playing_to_a_moment_equals_going_there),
		cmocka_unit_test(nothing_after_a_question_shows_before_it_is_answered),
		cmocka_unit_test(a_revealed_question_tells_answer_and_reason_and_opens_the_rest),
		cmocka_unit_test(random_keys_never_break_it),
		cmocka_unit_test(pictures_hold_the_text_of_the_screen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
