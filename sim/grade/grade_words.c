/*
 * grade_words: what is said about a result: values with their units, recognised mistakes in the student's own numbers, and the
 * command that shows a run again.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/grade/grade_impl.h"
#include "sim/grade/writers.h"
#include "sim/measure/jsonw.h"
#include "sim/scenario/keys.h"

/* A figure with its unit, for a sentence. */
static const char *figure(struct grade *g, int metric, double v)
{
	const char *unit = metric_at((size_t)metric)->unit;
	char n[64];
	if (isnan(v))
		return "nothing";
	if (!strcmp(unit, "share")) {
		jsonw_number(floor(v * 10000) / 100, n, sizeof n); /* downwards: 99.998 % is not 100 % */
		return arena_fmt(&g->arena, "%s %%", n);
	}
	if (!strcmp(unit, "ms") && v >= 1000) {
		jsonw_number(floor(v + 0.5) / 1000, n, sizeof n);
		return arena_fmt(&g->arena, "%s s", n);
	}
	jsonw_number(floor(v * 100 + 0.5) / 100, n, sizeof n);
	if (!strcmp(unit, "1/s"))
		return arena_fmt(&g->arena, "%s per second", n);
	return arena_fmt(&g->arena, "%s%s%s", n, *unit ? " " : "", unit);
}

const char *grade_value_message(
	struct grade *g, const struct ex_item *it, const struct trial *t, double value)
{
	static const char *const over[] = {
		"in the worst of", "on the average of", "in the median of", "at the 95th percentile of"};
	const char *what = metric_at((size_t)it->metric_id)->name;
	return arena_fmt(&g->arena, "%s: %s %s %u run%s; all points from %s, none at %s.", what,
		figure(g, it->metric_id, value), over[it->over], t->v->seeds, t->v->seeds == 1 ? "" : "s",
		figure(g, it->metric_id, it->full), figure(g, it->metric_id, it->zero));
}

/* Quoted for a shell. */
static const char *quoted(struct grade *g, const char *s)
{
	if (s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/=%:,+")] == 0)
		return s;
	char *out = arena_alloc(&g->arena, 4 * strlen(s) + 3), *o = out;
	*o++ = '\'';
	for (; *s; s++) {
		if (*s == '\'') {
			memcpy(o, "'\\''", 4);
			o += 4;
		} else {
			*o++ = *s;
		}
	}
	*o = '\'';
	return out;
}

const char *grade_replay(struct grade *g, const struct trial *t, unsigned run)
{
	/* `run` takes an exercise for its scenario: a shipped one by its id, another by its file. */
	size_t n = g->ex->data ? strlen(g->ex->data) : 0;
	bool shipped = n && !strncmp(g->ex->file, g->ex->data, n) && g->ex->file[n] == '/';
	const char *s = arena_fmt(&g->arena, "backtalk run %s --seed %llu",
		quoted(g, shipped ? g->ex->id : g->ex->file), (unsigned long long)t->seed[run]);
	for (size_t i = 0; i < t->nsets; i++)
		s = arena_fmt(&g->arena, "%s --set %s", s, quoted(g, t->sets[i]));
	return s;
}

/* ------------------------------------------------------------------------------------------------ names */

/* The value in force at a key: what the student set, else what the scenario says. */
static const char *key_value(const struct look *l, const char *name)
{
	for (size_t i = 0; i < l->g->ex->nkeys; i++)
		if (!strcmp(l->g->ex->keys[i].name, name))
			return plan_value(l->t->plan, l->g->ex->keys[i].path);
	return plan_value(l->t->plan, name);
}

/* A metric of the variant: the worst of its runs. */
static double worst(const struct trial *t, int metric)
{
	unsigned run;
	return grade_over(&t->metric[(size_t)metric * t->v->seeds], t->v->seeds, OVER_WORST,
		!metric_at((size_t)metric)->less_is_better, &run);
}

static bool look_metric(const struct look *l, const char *name, struct expr_value *out)
{
	int m = metric_find(name);
	if (m < 0)
		return false;
	const char *unit = metric_at((size_t)m)->unit;
	double v = worst(l->t, m);
	memset(out, 0, sizeof *out);
	out->type = isnan(v) ? EXPR_NONE : EXPR_NUMBER;
	out->number = !strcmp(unit, "ms")  ? v * 1e6
		      : !strcmp(unit, "s") ? v * 1e9
					   : v; /* durations count in ns */
	return true;
}

bool grade_look(void *ctx, const char *name, struct expr_value *out)
{
	const struct look *l = ctx;
	const struct exercise *ex = l->g->ex;
	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < ex->nitems && i < l->item; i++)
		if (!strcmp(ex->items[i].id, name)) {
			out->type = EXPR_NUMBER;
			out->number = l->t->share[i];
			return true;
		}
	for (size_t i = 0; i < ex->nparams; i++)
		if (!strcmp(ex->params[i].name, name)) {
			expr_read(l->g->param[i], out);
			return true;
		}
	const char *text = key_value(l, name);
	if (text) {
		expr_read(text, out);
		return true;
	}
	return look_metric(l, name, out);
}

/* ------------------------------------------------------------------------------------------------ mistakes */

static const char *named(struct grade *g, const struct look *l, const char *name)
{
	for (size_t i = 0; i < g->ex->nparams; i++)
		if (!strcmp(g->ex->params[i].name, name))
			return g->param[i];
	const char *text = key_value(l, name);
	int m = text ? -1 : metric_find(name);
	return text ? text : m >= 0 ? figure(g, m, worst(l->t, m)) : "?";
}

/* The sentence with the student's own values in place of {names}. */
static const char *fill(struct grade *g, const struct look *l, const char *say)
{
	const char *out = "";
	while (*say) {
		size_t n = strcspn(say, "{");
		out = arena_fmt(&g->arena, "%s%.*s", out, (int)n, say);
		say += n;
		if (!*say)
			break;
		char name[96];
		n = strcspn(say + 1, "}");
		snprintf(name, sizeof name, "%.*s", (int)n, say + 1);
		out = arena_fmt(&g->arena, "%s%s", out, named(g, l, name));
		say += n + (say[n + 1] ? 2 : 1);
	}
	return out;
}

static void advise(struct grade *g, const char *sentence, bool visible)
{
	struct grade_result *r = g->r;
	for (size_t i = 0; i < r->nadvice; i++)
		if (!strcmp(r->advice[i], sentence))
			return;
	const char **all = arena_array(&g->arena, r->nadvice + 1, sizeof *all);
	size_t at = visible ? r->nadvice_visible : r->nadvice;
	for (size_t i = 0; i < at; i++)
		all[i] = r->advice[i];
	all[at] = sentence;
	for (size_t i = at; i < r->nadvice; i++)
		all[i + 1] = r->advice[i];
	r->advice = all;
	r->nadvice++;
	r->nadvice_visible += visible;
}

void grade_mistakes(struct grade *g, const struct trial *t, size_t variant, struct grade_test *tests)
{
	const struct exercise *ex = g->ex;
	struct look l = {g, t, ex->nitems};
	const char **ids = arena_array(&g->arena, ex->nmistakes + 1, sizeof *ids);
	size_t n = 0;
	bool perfect = true;
	for (size_t i = 0; i < ex->nitems; i++)
		perfect = perfect && tests[i * ex->nvariants + variant].status == GRADE_PASS;
	for (size_t i = 0; i < ex->nmistakes && !perfect; i++) {
		if (!expr_true(ex->mistakes[i].when, &(struct expr_names){grade_look, &l}))
			continue;
		ids[n++] = ex->mistakes[i].id;
		advise(g, fill(g, &l, ex->mistakes[i].say), t->v->show == SHOW_ALWAYS);
	}
	for (size_t i = 0; i < ex->nitems; i++) {
		struct grade_test *o = &tests[i * ex->nvariants + variant];
		if (o->status != GRADE_PASS) {
			o->mistakes = ids;
			o->nmistakes = n;
		}
	}
}

void grade_student_message(
	const struct grade_test *t, const struct grade_write_opts *o, char *out, size_t cap)
{
	if (t->show == SHOW_ALWAYS || o->staff)
		snprintf(out, cap, "%s", t->message);
	else
		snprintf(out, cap, "Tried under hidden conditions: %s.", t->label);
}
