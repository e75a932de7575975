/*
 * write_text: for a person. A student's text shows each visible test, one line for all hidden ones without points (so that
 * they cannot be found by subtraction), and what could be better; with opts.staff everything.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/grade/writers.h"
#include "sim/measure/jsonw.h"

struct text {
	char *s;
	size_t n, cap;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	size_t n = len < 0 ? 0 : (size_t)len;
	if (t->n + n + 1 > t->cap) {
		t->cap = (t->n + n + 1) * 2;
		t->s = xrealloc(t->s, t->cap);
	}
	vsnprintf(t->s + t->n, n + 1, fmt, again);
	va_end(again);
	t->n += n;
}

static void put_points(struct text *t, double points, double max)
{
	char a[32], b[32];
	jsonw_number(points, a, sizeof a);
	jsonw_number(max, b, sizeof b);
	put(t, "%6s / %-4s", a, b);
}

static void put_test(struct text *t, const struct grade_test *g, const struct grade_write_opts *o)
{
	char message[1024];
	grade_student_message(g, o, message, sizeof message);
	put_points(t, g->points, g->max);
	put(t, " %-8s %s\n", grade_status_name(g->status), g->title);
	if (*message)
		put(t, "              %s\n", message);
	if (g->status != GRADE_PASS && *g->replay && (g->show == SHOW_ALWAYS || o->staff))
		put(t, "              see it again: %s\n", g->replay);
}

static void put_hidden(struct text *t, const struct grade_result *r)
{
	double max = 0;
	for (size_t i = 0; i < r->ntests; i++)
		if (r->tests[i].show != SHOW_ALWAYS)
			max += r->tests[i].max;
	if (max > 0) {
		char m[32];
		jsonw_number(max, m, sizeof m);
		put(t, "     ? / %-4s hidden   Hidden conditions; you will be told later.\n", m);
	}
}

char *grade_write_text(const struct grade_result *r, const struct grade_write_opts *o)
{
	struct text t = {NULL, 0, 0};
	put(&t, "%s: %s\n", r->student, r->title);
	if (!r->gradable) {
		put(&t, "This submission is invalid and was not graded:\n%s", r->errors);
		return t.s;
	}
	if (r->nparams) {
		put(&t, "Your values:");
		for (size_t i = 0; i < r->nparams; i++)
			put(&t, "%s %s = %s", i ? "," : "", r->params[i].name, r->params[i].value);
		put(&t, "%s\n", r->practice ? " (practice)" : "");
	}
	bool hidden = false;
	double seen = 0, seen_max = 0;
	for (size_t i = 0; i < r->ntests; i++) {
		if (r->tests[i].show == SHOW_ALWAYS || o->staff) {
			put_test(&t, &r->tests[i], o);
			seen += r->tests[i].points;
			seen_max += r->tests[i].max;
		} else {
			hidden = true;
		}
	}
	if (hidden)
		put_hidden(&t, r);
	put_points(&t, seen, seen_max);
	put(&t, "%s\n", hidden ? " so far" : " in all");
	for (size_t i = 0; i < (o->staff ? r->nadvice : r->nadvice_visible); i++)
		put(&t, "* %s\n", r->advice[i]);
	return t.s;
}
