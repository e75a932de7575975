/*
 * grade: runs a submission under every variant and seed and turns what was measured into points.
 *
 *   points of an item = Σ over variants: its share of the points × clamp((value - zero) / (full - zero))
 *   value             = of the runs of a variant the worst, the mean, the median or the 95th percentile (towards worse)
 *
 * Points are rounded to hundredths, each test on its own, so that what is shown adds up. Seeds of visible variants come
 * from the practice secret (students can see these runs themselves), those of hidden ones from the given secret. All
 * students get the same seeds, so equal answers under equal parameters get equal points.
 */
#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/grade/grade_impl.h"
#include "sim/grade/prf.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/run.h"
#include "sim/scenario/value.h"

const char *grade_status_name(enum grade_status s)
{
	static const char *const names[] = {"pass", "partial", "fail", "skipped", "invalid"};
	return names[s];
}

const char *grade_show_name(enum grade_show s)
{
	static const char *const names[] = {"always", "after_due", "after_published", "never"};
	return names[s];
}

/* ------------------------------------------------------------------------------------------------ what is drawn */

static struct prf prf_of(const struct exercise *ex, const struct grade_opts *o, bool hidden)
{
	struct prf p = {
		(const unsigned char *)prf_practice_secret, strlen(prf_practice_secret), ex->id, ex->version};
	if (hidden && o->secret) {
		p.secret = o->secret;
		p.nsecret = o->nsecret;
	}
	return p;
}

void grade_draw(const struct exercise *ex, const struct grade_opts *o, const char **values, char digest[17])
{
	struct prf p = prf_of(ex, o, true);
	struct arena a;
	const char *all = "";
	arena_init(&a);
	for (size_t i = 0; i < ex->nparams; i++) {
		values[i] =
			ex->params[i]
				.values[prf_below(&p, o->student, ex->params[i].name, ex->params[i].nvalues)];
		all = arena_fmt(&a, "%s%s=%s\n", all, ex->params[i].name, values[i]);
	}
	prf_digest(all, strlen(all), digest);
	arena_fini(&a);
}

/* Seeds fit into 32 bits, so that a person can type them. */
static uint64_t seed_of(
	const struct exercise *ex, const struct grade_opts *o, const struct ex_variant *v, unsigned i)
{
	struct prf p = prf_of(ex, o, v->show != SHOW_ALWAYS);
	char name[80];
	snprintf(name, sizeof name, "seed %s", v->id);
	return prf_draw(&p, "", name, i) >> 32;
}

/* ------------------------------------------------------------------------------------------------ running */

/* The texts given to plan_load: parameters, then the variant's, then the student's. */
static size_t sets_of(struct grade *g, const struct ex_variant *v, const char ***out)
{
	const struct exercise *ex = g->ex;
	const char **s = arena_array(&g->arena, ex->nparams + v->nsets + ex->nkeys + 1, sizeof *s);
	size_t n = 0;
	for (size_t i = 0; i < ex->nparams; i++)
		s[n++] = arena_fmt(&g->arena, "%s=%s", ex->params[i].set, g->param[i]);
	for (size_t i = 0; i < v->nsets; i++)
		s[n++] = v->sets[i];
	for (size_t i = 0; i < ex->nkeys; i++)
		if (g->sub->value[i])
			s[n++] = arena_fmt(&g->arena, "%s=%s", ex->keys[i].path, g->sub->value[i]);
	*out = s;
	return n;
}

static int group_index(const struct plan *p, const char *name)
{
	for (size_t g = 0; name && g < p->cfg.ngroups; g++)
		if (!strcmp(p->cfg.groups[g].name, name))
			return (int)g;
	return -1;
}

static void measure(struct grade *g, struct trial *t, unsigned run, const struct metrics *m)
{
	for (size_t i = 0; i < g->ex->nitems; i++) {
		const struct ex_item *it = &g->ex->items[i];
		t->item[i * t->v->seeds + run] = metrics_since(
			m, it->metric_id, group_index(t->plan, it->metric.group), it->metric.since_ns);
	}
	for (size_t k = 0; k < metric_count(); k++)
		t->metric[k * t->v->seeds + run] = metrics_get(m, (int)k, -1);
}

static bool run_trial(struct grade *g, struct trial *t, struct diags *ds)
{
	const char **sets;
	t->nsets = sets_of(g, t->v, &sets);
	t->sets = sets;
	t->plan = plan_load(g->ex->data, g->ex->scenario, sets, t->nsets, ds);
	if (!t->plan)
		return false;
	t->item = arena_array(&g->arena, g->ex->nitems * t->v->seeds, sizeof *t->item);
	t->metric = arena_array(&g->arena, metric_count() * t->v->seeds, sizeof *t->metric);
	t->seed = arena_array(&g->arena, t->v->seeds, sizeof *t->seed);
	for (unsigned s = 0; s < t->v->seeds; s++) {
		struct run_result r;
		t->seed[s] = seed_of(g->ex, g->o, t->v, s);
		struct run_opts ro = {.seed = t->seed[s], .seed_set = true};
		run_plan(t->plan, &ro, &r);
		measure(g, t, s, r.metrics);
		run_result_fini(&r);
		g->r->runs++;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------ points */

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Of the runs' values the one that counts, and the run it stands for (for a replay). NaN (nothing was measured) is worst. */
double grade_over(const double *v, unsigned n, enum grade_over over, bool more_is_better, unsigned *run)
{
	double worst = v[0], sum = 0;
	unsigned at = 0;
	*run = 0;
	for (unsigned i = 0; i < n; i++) {
		if (isnan(v[i])) {
			*run = i;
			return v[i];
		}
		sum += v[i];
		if (more_is_better ? v[i] < worst : v[i] > worst) {
			worst = v[i];
			at = i;
		}
	}
	*run = at;
	if (over == OVER_WORST)
		return worst;
	if (over == OVER_MEAN)
		return sum / n;
	double *sorted = xmalloc(n * sizeof *sorted);
	memcpy(sorted, v, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_value);
	unsigned pct = over == OVER_MEDIAN ? 50 : more_is_better ? 5 : 95, rank = (n * pct + 99) / 100;
	double out = sorted[rank ? rank - 1 : 0];
	xfree(sorted);
	return out;
}

double grade_share(double value, double full, double zero)
{
	if (isnan(value))
		return 0;
	double f = (value - zero) / (full - zero);
	return f < 0 ? 0 : f > 1 ? 1 : f;
}

/* What item i can bring under variant v, in hundredths of a point: cumulative rounding, so that the parts add up. */
static int64_t part_of(const struct exercise *ex, size_t item, size_t variant)
{
	int64_t all = 0, before = 0, points = (int64_t)ex->items[item].points * 100;
	for (size_t i = 0; i < ex->nvariants; i++)
		all += ex->variants[i].weight;
	for (size_t i = 0; i < variant; i++)
		before += ex->variants[i].weight;
	return points * (before + ex->variants[variant].weight) / all - points * before / all;
}

static void score(struct grade *g, struct trial *t, size_t v, size_t i, struct grade_test *o)
{
	const struct ex_item *it = &g->ex->items[i];
	unsigned run;
	int64_t max = part_of(g->ex, i, v);
	double value =
		grade_over(&t->item[i * t->v->seeds], t->v->seeds, it->over, it->full > it->zero, &run);
	t->share[i] = grade_share(value, it->full, it->zero);
	bool allowed =
		!it->needs || expr_true(it->needs, &(struct expr_names){grade_look, &(struct look){g, t, i}});
	if (!allowed)
		t->share[i] = 0;
	int64_t got = (int64_t)floor((double)max * t->share[i] + 0.5);
	*o = (struct grade_test){
		.id = arena_fmt(&g->arena, "%s/%s", it->id, t->v->id),
		.number = arena_fmt(&g->arena, "%zu.%zu", i + 1, v + 1),
		.title = t->v->show == SHOW_ALWAYS ? it->title
						   : arena_fmt(&g->arena, "%s, under hidden conditions: %s",
							     it->title, t->v->label),
		.points = (double)got / 100,
		.max = (double)max / 100,
		.status = !allowed     ? GRADE_SKIPPED
			  : got == max ? GRADE_PASS
			  : got        ? GRADE_PARTIAL
				       : GRADE_FAIL,
		.show = t->v->show,
		.label = t->v->label,
	};
	o->message =
		allowed ? grade_value_message(g, it, t, value)
			: arena_fmt(&g->arena, "No points here, because this is not so: %s.", it->needs_text);
	o->replay = grade_replay(g, t, run);
	struct grade_measure *m = arena_array(&g->arena, 2, sizeof *m);
	m[0] = (struct grade_measure){it->metric_text, value};
	m[1] = (struct grade_measure){"share", t->share[i]};
	o->measures = m;
	o->nmeasures = 2;
	g->score += got;
}

/* ------------------------------------------------------------------------------------------------ the result */

static void tell_progress(struct grade *g)
{
	g->r->score = (double)g->score / 100;
	if (g->o->progress)
		g->o->progress(g->o->ctx, g->r);
}

/* Before the first run every test is there with nothing: whatever interrupts us, the result has its full shape. */
static struct grade_test *empty_tests(struct grade *g, enum grade_status status)
{
	const struct exercise *ex = g->ex;
	struct grade_test *t = arena_array(&g->arena, ex->nitems * ex->nvariants, sizeof *t);
	for (size_t i = 0; i < ex->nitems; i++)
		for (size_t v = 0; v < ex->nvariants; v++)
			t[i * ex->nvariants + v] = (struct grade_test){
				.id = arena_fmt(&g->arena, "%s/%s", ex->items[i].id, ex->variants[v].id),
				.number = arena_fmt(&g->arena, "%zu.%zu", i + 1, v + 1),
				.title = ex->variants[v].show == SHOW_ALWAYS
						 ? ex->items[i].title
						 : arena_fmt(&g->arena, "%s, under hidden conditions: %s",
							   ex->items[i].title, ex->variants[v].label),
				.max = (double)part_of(ex, i, v) / 100,
				.status = status,
				.show = ex->variants[v].show,
				.label = ex->variants[v].label,
				.message = status == GRADE_INVALID ? "Not graded: the submission is invalid."
								   : "Not run.",
				.replay = "",
			};
	return t;
}

static void grade_variants(struct grade *g, struct grade_test *tests, struct diags *ds)
{
	const struct exercise *ex = g->ex;
	for (size_t v = 0; v < ex->nvariants; v++) {
		struct trial t = {.v = &ex->variants[v]};
		t.share = arena_array(&g->arena, ex->nitems, sizeof *t.share);
		if (!run_trial(g, &t, ds)) {
			g->r->gradable = false;
			return;
		}
		for (size_t i = 0; i < ex->nitems; i++)
			score(g, &t, v, i, &tests[i * ex->nvariants + v]);
		grade_mistakes(g, &t, v, tests);
		plan_free(t.plan);
		tell_progress(g);
	}
}

struct grade_result *grade_run(const struct exercise *ex, const char *file, const struct submission *sub,
	const char *errors, const struct grade_opts *o)
{
	struct grade *g = xcalloc(1, sizeof *g);
	arena_init(&g->arena);
	struct grade_result *r = arena_alloc(&g->arena, sizeof *r);
	*g = (struct grade){.arena = g->arena, .ex = ex, .o = o, .sub = sub, .r = r};
	r->impl = g;
	r->exercise = ex->id;
	r->title = ex->title;
	r->version = ex->version;
	r->student = arena_text(&g->arena, o->student);
	r->file = arena_text(&g->arena, file);
	r->gradable = sub != NULL;
	r->errors = arena_text(&g->arena, errors ? errors : "");
	r->max = ex->points;
	r->practice = !o->secret;
	g->param = arena_array(&g->arena, ex->nparams + 1, sizeof *g->param);
	grade_draw(ex, o, g->param, r->digest);
	struct grade_param *params = arena_array(&g->arena, ex->nparams + 1, sizeof *params);
	for (size_t i = 0; i < ex->nparams; i++)
		params[i] = (struct grade_param){ex->params[i].name, g->param[i]};
	r->params = params;
	r->nparams = ex->nparams;
	struct grade_test *tests = empty_tests(g, sub ? GRADE_FAIL : GRADE_INVALID);
	r->tests = tests;
	r->ntests = ex->nitems * ex->nvariants;
	tell_progress(g);
	if (!sub)
		return r;
	struct diags ds = {0};
	grade_variants(g, tests, &ds);
	if (!r->gradable) { /* what the student set does not go together */
		char *s = diags_text(&ds);
		r->errors = arena_text(&g->arena, s);
		xfree(s);
		r->tests = empty_tests(g, GRADE_INVALID);
		g->score = 0;
		r->score = 0;
		r->nadvice = r->nadvice_visible = 0;
	}
	diags_fini(&ds);
	return r;
}

void grade_free(struct grade_result *r)
{
	if (!r)
		return;
	struct grade *g = r->impl;
	arena_fini(&g->arena);
	xfree(g);
}
