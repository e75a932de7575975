/*
 * grade: expressions, what is drawn, exercises, submissions, points, writers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "sim/grade/grade_impl.h"
#include "sim/grade/prf.h"
#include "sim/grade/writers.h"

/* ------------------------------------------------------------------------------------------------ expressions */

static bool look(void *ctx, const char *name, struct expr_value *out)
{
	static const char *const names[][2] = {{"beat", "25s"}, {"idle", "30s"}, {"off", "none"},
		{"share", "95%"}, {"tech", "sse"}, {"n", "7"}, {"clients.phones.count", "20"}};
	(void)ctx;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i][0], name)) {
			expr_read(names[i][1], out);
			return true;
		}
	if (!strcmp(name, "nothing")) {
		memset(out, 0, sizeof *out);
		return true;
	}
	return false;
}

static void conditions_mean_what_they_say(void **state)
{
	static const struct {
		const char *text;
		bool truth;
	} t[] = {{"beat < idle", true}, {"beat >= idle", false}, {"beat = 25s", true},
		{"beat == 25000ms", true}, {"beat != 26s", true}, {"off == none", true},
		{"off != none", false}, {"off >= 30s", false}, {"off < 30s", false}, {"tech == sse", true},
		{"tech == websocket", false}, {"tech != websocket", true}, {"not tech == sse", false},
		{"not not tech == sse", true}, {"beat < idle and share > 90%", true},
		{"beat > idle or share > 90%", true}, {"beat > idle or share > 90% and n < 3", false},
		{"(beat > idle or share > 90%) and n < 8", true}, {"beat * 2 > idle", true},
		{"idle - beat < 6s", true}, {"idle + beat = 55s", true}, {"beat / idle > 0.8", true},
		{"n / 0 > 1", false}, {"1 + 2 * 3 = n", true}, {"(1 + 2) * 3 = n", false},
		{"nothing > 0", false}, {"nothing < 0", false}, {"nothing == none", false},
		{"clients.phones.count = 20", true}, {"share >= 0.95", true}};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char err[160];
		size_t off;
		struct expr *e = expr_parse(t[i].text, err, &off);
		if (!e)
			fail_msg("%s: %s at %zu", t[i].text, err, off);
		if (expr_true(e, &(struct expr_names){look, NULL}) != t[i].truth)
			fail_msg("%s is not %d", t[i].text, t[i].truth);
		expr_free(e);
	}
}

static void wrong_conditions_are_told_where(void **state)
{
	static const struct {
		const char *text;
		size_t off;
	} t[] = {{"", 0}, {"beat >", 6}, {"beat > 30", 99}, {"(beat > 3s", 10}, {"beat > 3s)", 9},
		{"beat > 3x", 7}, {"beat beat", 5}, {"and", 0}, {"beat > 3s and", 13}, {"!beat", 0}};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char err[160];
		size_t off;
		struct expr *e = expr_parse(t[i].text, err, &off);
		if (t[i].off == 99) { /* a bare number is a number */
			assert_non_null(e);
			expr_free(e);
			continue;
		}
		if (e || !*err || off != t[i].off)
			fail_msg("%s: %s at %zu", t[i].text, e ? "accepted" : err, off);
	}
	char deep[300], err[160];
	size_t off;
	memset(deep, '(', sizeof deep - 1);
	deep[sizeof deep - 1] = 0;
	assert_null(expr_parse(deep, err, &off));
}

/* ------------------------------------------------------------------------------------------------ drawing */

static void what_is_drawn_depends_on_every_name_and_on_nothing_else(void **state)
{
	const struct prf p = {(const unsigned char *)"a secret", 8, "ex", 1},
			 q = {(const unsigned char *)"a secret", 8, "ex", 2},
			 s = {(const unsigned char *)"b secret", 8, "ex", 1};
	(void)state;
	uint64_t a = prf_draw(&p, "alice", "nat", 0);
	/* HMAC-SHA256("a secret", "ex\0" "1\0" "alice\0" "nat\0" "0\0"), computed with another implementation */
	assert_int_equal(a, UINT64_C(0x084465968d4c2cad));
	assert_int_equal(a, prf_draw(&p, "alice", "nat", 0));
	assert_int_not_equal(a, prf_draw(&p, "alicf", "nat", 0));
	assert_int_not_equal(a, prf_draw(&p, "alice", "rtt", 0));
	assert_int_not_equal(a, prf_draw(&p, "alice", "nat", 1));
	assert_int_not_equal(a, prf_draw(&q, "alice", "nat", 0));
	assert_int_not_equal(a, prf_draw(&s, "alice", "nat", 0));
	unsigned count[4] = {0};
	for (int i = 0; i < 4000; i++) {
		char key[16];
		snprintf(key, sizeof key, "s%d", i);
		count[prf_below(&p, key, "nat", 4)]++;
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(count[i], 900, 1100);
}

/* ------------------------------------------------------------------------------------------------ points */

static void points_rise_in_a_straight_line(void **state)
{
	(void)state;
	assert_float_equal(grade_share(0.995, 0.995, 0.9), 1, 1e-12);
	assert_float_equal(grade_share(0.9, 0.995, 0.9), 0, 1e-12);
	assert_float_equal(grade_share(0.9475, 0.995, 0.9), 0.5, 1e-9);
	assert_float_equal(grade_share(1, 0.995, 0.9), 1, 0);
	assert_float_equal(grade_share(0.1, 0.995, 0.9), 0, 0);
	assert_float_equal(grade_share(27.5, 5, 50), 0.5, 1e-12); /* less is better */
	assert_float_equal(grade_share((double)NAN, 5, 50), 0, 0);
}

static void which_run_counts(void **state)
{
	const double v[] = {5, 1, 4, 2, 3}, nan[] = {1, (double)NAN, 2};
	unsigned run;
	(void)state;
	assert_float_equal(grade_over(v, 5, OVER_WORST, true, &run), 1, 0);
	assert_int_equal(run, 1);
	assert_float_equal(grade_over(v, 5, OVER_WORST, false, &run), 5, 0);
	assert_int_equal(run, 0);
	assert_float_equal(grade_over(v, 5, OVER_MEAN, true, &run), 3, 1e-12);
	assert_float_equal(grade_over(v, 5, OVER_MEDIAN, true, &run), 3, 0);
	assert_float_equal(grade_over(v, 5, OVER_P95, false, &run), 5, 0);
	assert_float_equal(grade_over(v, 5, OVER_P95, true, &run), 1, 0);
	assert_true(isnan(grade_over(nan, 3, OVER_MEAN, true, &run)));
	assert_int_equal(run, 1);
}

/* ------------------------------------------------------------------------------------------------ exercises */

static char folder[64];

static void put_file(const char *name, const char *text)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

#define SMALL                                                                                             \
	"backtalk: 1\nscenario: small\nduration: 60s\nnetworks: {lte: {rtt: 60ms}}\nboxes: {nat: {kind: " \
	"nat, idle_timeout: 10s}}\n"                                                                      \
	"servers: {app: {}}\nclients:\n  phones: {count: 3, path: [lte, nat], technique: websocket, "     \
	"options: {resume: false, hold: 5s}}\n"                                                           \
	"messages: [{name: n, at: [5s, 25s, 45s]}]\n"

#define HEAD "backtalk: 1\nexercise: EX\nversion: 3\ntitle: T\npoints: 10\nscenario: small\n"
#define KEYS                                                                            \
	"student:\n  keys:\n    technique: {choices: [long-polling, sse, websocket]}\n" \
	"    clients.phones.options.heartbeat: {type: duration, min: 1s, max: 10m}\n"
#define PARAMS "params:\n  idle: {pick: [10s, 12s], set: boxes.nat.idle_timeout}\n"
#define VARIANTS                                                                                            \
	"variants:\n  - {id: plain, seeds: 2}\n  - {id: cut, show: after-due, seeds: 2, weight: 3, label: " \
	"a surprise, timeline: [{at: 30s, "                                                                 \
	"cut: lte, for: 2s}]}\n"
#define RUBRIC                                                                                   \
	"rubric:\n  - {id: delivery, metric: delivered, points: 7, full: 99%, zero: 40%, over: " \
	"worst-seed}\n"                                                                          \
	"  - {id: load, metric: http.requests, points: 3, full: 3, zero: 30, needs: delivery >= 50%}\n"
#define MISTAKES                                                                                 \
	"mistakes:\n  - {id: slow, when: clients.phones.options.heartbeat >= idle, say: \"Your " \
	"{clients.phones.options.heartbeat} beat, the NAT's "                                    \
	"{idle}: {delivered} arrived.\"}\n"

static void make_folder(void)
{
	static char template[64];
	snprintf(template, sizeof template, "%s/backtalk-ex-XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(template));
	snprintf(folder, sizeof folder, "%s", template);
	put_file("small.yaml", SMALL);
}

static void drop_folder(void)
{
	static const char *const names[] = {"small.yaml", "exercise.yaml", "a.yaml"};
	for (size_t i = 0; i < 3; i++) {
		char path[128];
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* The exercise's id must be the folder's name. */
static struct exercise *load(const char *text, struct diags *ds)
{
	char whole[8192];
	const char *at = strstr(text, "EX"), *name = strrchr(folder, '/') + 1;
	snprintf(whole, sizeof whole, "%.*s%s%s", (int)(at - text), text, name, at + 2);
	put_file("exercise.yaml", whole);
	return exercise_load(NULL, folder, ds);
}

static struct exercise *load_sound(void)
{
	struct diags ds = {0};
	struct exercise *ex = load(HEAD KEYS PARAMS VARIANTS RUBRIC MISTAKES, &ds);
	if (!ex)
		fail_msg("%s", diags_text(&ds));
	return ex;
}

static void wrong_exercises_are_told_where_and_why(void **state)
{
	static const struct {
		const char *text, *what;
		unsigned line;
	} t[] = {
		{HEAD KEYS PARAMS VARIANTS
			"rubric: [{id: d, metric: delivered, points: 7, full: 99%, zero: 40%}]\n",
			"add up to 7, not to 10", 5},
		{HEAD KEYS PARAMS VARIANTS
			"rubric: [{id: d, metric: deliverd, points: 10, full: 99%, zero: 40%}]\n",
			"unknown metric", 16},
		{HEAD KEYS PARAMS VARIANTS
			"rubric: [{id: d, metric: delivered, points: 10, full: 99%, zero: 99%}]\n",
			"the same value", 16},
		{HEAD KEYS PARAMS VARIANTS RUBRIC "mistakes: [{id: m, when: heartbeat > 3s, say: x}]\n",
			"unknown name `heartbeat`", 19},
		{HEAD KEYS PARAMS VARIANTS RUBRIC "mistakes: [{id: m, when: idle > 3s, say: \"{idel}\"}]\n",
			"unknown name {idel}", 19},
		{HEAD KEYS PARAMS VARIANTS RUBRIC "mistakes: [{id: m, when: idle >, say: x}]\n",
			"missing at the end", 19},
		{HEAD KEYS "params: {idle: {pick: [10], set: boxes.nat.idle_timeout}}\n" VARIANTS RUBRIC,
			"does not fit the scenario", 11},
		{HEAD KEYS "params: {idle: {pick: [10s], set: boxes.natt.idle_timeout}}\n" VARIANTS RUBRIC,
			"does not fit the scenario", 11},
		{HEAD KEYS
			"params: {idle: {range: [10s, 5s], step: 1s, set: boxes.nat.idle_timeout}}\n" VARIANTS
				RUBRIC,
			"no values", 11},
		{HEAD KEYS "variants: [{id: x, show: never}]\n" RUBRIC, "needs a `label`", 11},
		{HEAD KEYS "variants: [{id: x, timeline: [{at: 5s, cutt: lte}]}]\n" RUBRIC,
			"does not fit the scenario", 11},
		{HEAD "student: {keys: {clients.phones.options.heartbeet: {type: duration}}}\n" VARIANTS
				RUBRIC,
			"is not a key of the scenario", 7},
		{HEAD "student: {keys: {clients.phones.options.heartbeat: {min: 5}}}\n" VARIANTS RUBRIC,
			"no unit", 7},
		{HEAD KEYS VARIANTS RUBRIC "check: {reference: {file: gone.yaml, min: 3}}\n",
			"no file `gone.yaml`", 17},
		{HEAD KEYS VARIANTS RUBRIC "chek: {}\n", "unknown key `chek` in an exercise", 17},
		{HEAD KEYS VARIANTS "rubric: [{id: a, metric: delivered, points: 10, full: 1, zero: 0, "
				    "needs: b >= 5%}]\n",
			"unknown name `b`", 14},
	};
	(void)state;
	make_folder();
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct diags ds = {0};
		struct exercise *ex = load(t[i].text, &ds);
		if (ex)
			fail_msg("accepted:\n%s", t[i].text);
		bool found = false;
		for (size_t k = 0; k < ds.n; k++)
			found = found || (strstr(ds.d[k].what, t[i].what) && ds.d[k].pos.line == t[i].line);
		if (!found)
			fail_msg("expected %u: %s\n%s", t[i].line, t[i].what, diags_text(&ds));
		diags_fini(&ds);
	}
	drop_folder();
}

static void wrong_submissions_are_invalid_with_a_place(void **state)
{
	static const struct {
		const char *text;
		unsigned line, col;
		const char *what, *hint;
	} t[] = {
		{"technique: polling\n", 1, 12, "not a choice", "long-polling"},
		{"technique: websockt\n", 1, 12, "not a choice", "websocket"},
		{"heartbeat: 25s\n", 1, 1, "cannot be set", "clients.phones.options.heartbeat"},
		{"clients.phones.count: 1\n", 1, 1, "cannot be set", "allowed"},
		{"# me\nclients.phones.options.heartbeat: 25\n", 2, 35, "no unit", "25s"},
		{"clients.phones.options.heartbeat: 999ms\n", 1, 35, "less than", "at least 1s"},
		{"clients.phones.options.heartbeat: 11m\n", 1, 35, "more than", "at most 10m"},
		{"clients.phones.options.heartbeat: [1s]\n", 1, 35, "one value", NULL},
		{"clients.phones.options.heartbeat:\n", 1, 1, "no value", NULL},
		{"- a\n", 1, 1, "a mapping", NULL},
		{"technique: sse\ntechnique: sse\n", 2, 1, "duplicate key", NULL},
		{"technique: &a sse\n", 1, 0, "anchors", NULL},
		{"technique: [sse\n", 1, 0, "", NULL},
		{"%PDF-1.4\n", 1, 0, "", NULL},
	};
	(void)state;
	make_folder();
	struct exercise *ex = load_sound();
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct diags ds = {0};
		struct submission sub;
		if (submission_parse(ex, "a.yaml", t[i].text, strlen(t[i].text), &sub, &ds))
			fail_msg("accepted: %s", t[i].text);
		const struct diag *d = &ds.d[0];
		if (d->pos.line != t[i].line || (t[i].col && d->pos.col != t[i].col) ||
			!strstr(d->what, t[i].what) ||
			(t[i].hint && (!d->hint || !strstr(d->hint, t[i].hint))))
			fail_msg("%s\n%s", t[i].text, diags_text(&ds));
		diags_fini(&ds);
	}
	struct diags ds = {0};
	struct submission sub;
	assert_true(submission_parse(ex, "a", "", 0, &sub, &ds));
	submission_fini(&sub);
	assert_true(submission_parse(ex, "a", "# nothing\n", 10, &sub, &ds));
	submission_fini(&sub);
	assert_true(submission_parse(ex, "a", "clients.phones.options.heartbeat: none\n", 39, &sub, &ds));
	assert_string_equal(sub.value[1], "none");
	submission_fini(&sub);
	exercise_free(ex);
	drop_folder();
}

static struct grade_result *grade_text(const struct exercise *ex, const char *text, const char *student)
{
	struct diags ds = {0};
	struct submission sub;
	struct grade_opts o = {.student = student, .secret = (const unsigned char *)"12345678", .nsecret = 8};
	assert_true(submission_parse(ex, "a.yaml", text, strlen(text), &sub, &ds));
	struct grade_result *r = grade_run(ex, "a.yaml", &sub, NULL, &o);
	submission_fini(&sub);
	return r;
}

static void a_submission_gets_what_it_deserves(void **state)
{
	(void)state;
	make_folder();
	struct exercise *ex = load_sound();
	struct grade_result *r = grade_text(ex, "clients.phones.options.heartbeat: 4s\n", "alice");
	assert_true(r->gradable);
	assert_float_equal(r->score, 10, 0);
	assert_int_equal(r->ntests, 4);
	/* 7 points at weights 1:3, in hundredths that add up */
	assert_float_equal(r->tests[0].max, 1.75, 0);
	assert_float_equal(r->tests[1].max, 5.25, 0);
	assert_string_equal(r->tests[1].id, "delivery/cut");
	assert_int_equal(r->tests[1].show, SHOW_AFTER_DUE);
	assert_int_equal(r->nadvice, 0);
	assert_string_equal(r->params[0].name, "idle");
	grade_free(r);
	/* silent: one message of three arrives (33 %, below zero points), so nothing else counts */
	r = grade_text(ex, "clients.phones.options.heartbeat: 60s\n", "alice");
	assert_float_equal(r->score, 0, 0);
	assert_int_equal(r->tests[0].status, GRADE_FAIL);
	assert_int_equal(r->tests[2].status, GRADE_SKIPPED);
	assert_string_equal(r->tests[0].mistakes[0], "slow");
	char want[160];
	snprintf(want, sizeof want, "Your 60s beat, the NAT's %s: 33.33 %% arrived.", r->params[0].value);
	assert_string_equal(r->advice[0], want);
	assert_non_null(strstr(r->tests[0].replay, "--set clients.phones.options.heartbeat=60s"));
	assert_non_null(strstr(r->tests[0].replay, "--seed "));
	grade_free(r);
	/* long polling every 5 s: delivered, but 12 requests a phone instead of one */
	r = grade_text(ex, "technique: long-polling\n", "alice");
	assert_float_equal(r->tests[0].points + r->tests[1].points, 7, 1e-9);
	assert_int_equal(r->tests[2].status, GRADE_FAIL);
	grade_free(r);
	exercise_free(ex);
	drop_folder();
}

/* What a hidden run measured must not be found in anything written for students. */
static void hidden_runs_leak_no_numbers(void **state)
{
	(void)state;
	make_folder();
	struct exercise *ex = load_sound();
	struct grade_result *r = grade_text(ex, "technique: long-polling\n", "alice");
	for (const struct grade_writer *w = grade_writers; w->name; w++) {
		char *student = w->write(r, &(struct grade_write_opts){.staff = false});
		char *staff = w->write(r, &(struct grade_write_opts){.staff = true});
		assert_non_null(student);
		assert_null(strstr(student, "timeline+="));
		assert_null(strstr(student, "of 2 runs\", \"visibility\": \"after"));
		for (size_t i = 0; i < r->ntests; i++)
			if (r->tests[i].show != SHOW_ALWAYS) {
				assert_null(strstr(student, r->tests[i].replay));
				if (strcmp(r->tests[i].message, r->tests[i - 1].message))
					assert_null(strstr(student, r->tests[i].message));
			}
		assert_non_null(strstr(strcmp(w->name, "gradescope") ? staff : "timeline+=", "timeline+="));
		free(student);
		free(staff);
	}
	char *text = grade_write_text(r, &(struct grade_write_opts){.staff = false});
	assert_non_null(strstr(text, "? / 7.5"));
	assert_non_null(strstr(text, "so far"));
	assert_null(strstr(text, "10 in all"));
	free(text);
	grade_free(r);
	exercise_free(ex);
	drop_folder();
}

static void gradescopes_file_has_its_schema(void **state)
{
	static const char *const known_test[] = {"score", "max_score", "status", "name", "name_format",
		"number", "output", "output_format", "tags", "visibility", "extra_data"};
	static const char *const known_top[] = {"score", "execution_time", "output", "output_format",
		"test_output_format", "test_name_format", "visibility", "stdout_visibility", "extra_data",
		"tests", "leaderboard"};
	(void)state;
	make_folder();
	struct exercise *ex = load_sound();
	struct grade_result *r = grade_text(ex, "technique: long-polling\n", "al\"ice\n");
	char *s = grade_write_gradescope(r, &(struct grade_write_opts){.staff = false});
	json_error_t err;
	json_t *j = json_loads(s, JSON_REJECT_DUPLICATES, &err);
	if (!j)
		fail_msg("%s", err.text);
	const char *key;
	json_t *v;
	json_object_foreach(j, key, v)
	{
		bool known = false;
		for (size_t i = 0; i < sizeof known_top / sizeof *known_top; i++)
			known = known || !strcmp(known_top[i], key);
		assert_true(known);
	}
	double sum = 0;
	for (size_t i = 0; i < json_array_size(json_object_get(j, "tests")); i++) {
		json_t *t = json_array_get(json_object_get(j, "tests"), i);
		json_object_foreach(t, key, v)
		{
			bool known = false;
			for (size_t k = 0; k < sizeof known_test / sizeof *known_test; k++)
				known = known || !strcmp(known_test[k], key);
			assert_true(known);
		}
		sum += json_number_value(json_object_get(t, "score"));
		const char *status = json_string_value(json_object_get(t, "status"));
		assert_true(!strcmp(status, "passed") || !strcmp(status, "failed"));
		const char *vis = json_string_value(json_object_get(t, "visibility"));
		assert_true(!strcmp(vis, "visible") || !strcmp(vis, "hidden") ||
			    !strcmp(vis, "after_due_date") || !strcmp(vis, "after_published"));
		assert_true(json_is_string(json_object_get(t, "number")));
	}
	assert_float_equal(sum, json_number_value(json_object_get(j, "score")), 1e-9);
	json_decref(j);
	free(s);
	grade_free(r);
	/* invalid is not zero: it says so at the top */
	struct grade_opts o = {.student = "bob"};
	r = grade_run(ex, "b.yaml", NULL, "b.yaml:1:1: no\n", &o);
	assert_false(r->gradable);
	assert_int_equal(r->tests[0].status, GRADE_INVALID);
	s = grade_write_gradescope(r, &(struct grade_write_opts){.staff = false});
	assert_non_null(strstr(s, "could not be graded:\\nb.yaml:1:1: no"));
	free(s);
	s = grade_write_json(r, &(struct grade_write_opts){.one_line = true});
	assert_non_null(strstr(s, "\"gradable\":false"));
	assert_non_null(strstr(s, "\"status\":\"invalid\""));
	assert_int_equal(strcspn(s, "\n"), strlen(s) - 1);
	free(s);
	grade_free(r);
	exercise_free(ex);
	drop_folder();
}

static void count_calls(void *ctx, const struct grade_result *r)
{
	unsigned *n = ctx;
	if (!*n)
		for (size_t i = 0; i < r->ntests; i++)
			assert_float_equal(r->tests[i].points, 0, 0);
	assert_int_equal(r->ntests, 4);
	++*n;
}

static void a_result_is_there_before_the_first_run(void **state)
{
	unsigned n = 0;
	struct diags ds = {0};
	struct submission sub;
	struct grade_opts o = {.student = "a", .progress = count_calls, .ctx = &n};
	(void)state;
	make_folder();
	struct exercise *ex = load_sound();
	assert_true(submission_parse(ex, "a", "", 0, &sub, &ds));
	struct grade_result *r = grade_run(ex, "a", &sub, NULL, &o);
	assert_int_equal(n, 3); /* before, and after each of two variants */
	assert_int_equal(r->runs, 4);
	grade_free(r);
	submission_fini(&sub);
	exercise_free(ex);
	drop_folder();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_mean_what_they_say),
		cmocka_unit_test(wrong_conditions_are_told_where),
		cmocka_unit_test(what_is_drawn_depends_on_every_name_and_on_nothing_else),
		cmocka_unit_test(points_rise_in_a_straight_line),
		cmocka_unit_test(which_run_counts),
		cmocka_unit_test(wrong_exercises_are_told_where_and_why),
		cmocka_unit_test(wrong_submissions_are_invalid_with_a_place),
		cmocka_unit_test(a_submission_gets_what_it_deserves),
		cmocka_unit_test(hidden_runs_leak_no_numbers),
		cmocka_unit_test(gradescopes_file_has_its_schema),
		cmocka_unit_test(a_result_is_there_before_the_first_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
