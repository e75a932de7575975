/*
 * write_gradescope: results.json as Gradescope's autograder documentation describes it.
 *
 * Top level: score (the sum, since it overrides that of the tests), output, output_format, visibility, stdout_visibility,
 * extra_data, tests. A test: score, max_score, status (passed or failed only), name, name_format, number, output,
 * output_format, tags, visibility, extra_data. With any hidden test Gradescope shows students no total.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/grade/writers.h"
#include "sim/measure/jsonw.h"

static const char *visibility(enum grade_show s)
{
	static const char *const words[] = {"visible", "after_due_date", "after_published", "hidden"};
	return words[s];
}

static void put_test(struct jsonw *j, const struct grade_test *t, const struct grade_write_opts *o)
{
	char message[1024];
	grade_student_message(t, o, message, sizeof message);
	jsonw_open(j, '{', false);
	jsonw_kreal(j, "score", t->points);
	jsonw_kreal(j, "max_score", t->max);
	jsonw_kv(j, "status", t->status == GRADE_PASS ? "passed" : "failed");
	jsonw_kv(j, "name", t->title);
	jsonw_kv(j, "name_format", "text");
	jsonw_kv(j, "number", t->number);
	jsonw_kv(j, "output", message);
	jsonw_kv(j, "output_format", "text");
	jsonw_key(j, "tags");
	jsonw_open(j, '[', true);
	jsonw_text(j, t->id);
	jsonw_close(j, ']');
	jsonw_kv(j, "visibility", visibility(t->show));
	jsonw_close(j, '}');
}

/* What stands above the tests: why it is invalid, or what could be better. */
static void put_output(struct jsonw *j, const struct grade_result *r, const struct grade_write_opts *o)
{
	size_t n = strlen(r->errors) + 256, nadvice = o->staff ? r->nadvice : r->nadvice_visible;
	for (size_t i = 0; i < nadvice; i++)
		n += strlen(r->advice[i]) + 2;
	char *s = xmalloc(n);
	size_t at = 0;
	s[0] = 0;
	if (!r->gradable)
		at = (size_t)snprintf(s, n, "This submission could not be graded:\n%s", r->errors);
	for (size_t i = 0; i < nadvice; i++)
		at += (size_t)snprintf(s + at, n - at, "%s\n", r->advice[i]);
	jsonw_kv(j, "output", s);
	jsonw_kv(j, "output_format", "text");
	xfree(s);
}

char *grade_write_gradescope(const struct grade_result *r, const struct grade_write_opts *o)
{
	struct jsonw j;
	jsonw_init(&j, o->one_line);
	jsonw_open(&j, '{', false);
	jsonw_kreal(&j, "score", r->score);
	put_output(&j, r, o);
	jsonw_kv(&j, "test_output_format", "text");
	jsonw_kv(&j, "test_name_format", "text");
	jsonw_kv(&j, "visibility", "visible");
	jsonw_kv(&j, "stdout_visibility", "hidden");
	jsonw_key(&j, "extra_data");
	jsonw_open(&j, '{', false);
	jsonw_kv(&j, "exercise", r->exercise);
	jsonw_kint(&j, "version", (int64_t)r->version);
	jsonw_kv(&j, "student", r->student);
	jsonw_kbool(&j, "gradable", r->gradable);
	jsonw_kv(&j, "params_digest", r->digest);
	jsonw_kv(&j, "sandbox", "none needed: the submission is data");
	jsonw_close(&j, '}');
	jsonw_key(&j, "tests");
	jsonw_open(&j, '[', false);
	for (size_t i = 0; i < r->ntests; i++)
		put_test(&j, &r->tests[i], o);
	jsonw_close(&j, ']');
	jsonw_close(&j, '}');
	return jsonw_take(&j);
}
