/*
 * run: one simulation from a plan.
 *
 * The trace always exists, because metrics are folds over it; its store stays empty unless the caller wants to look.
 * Progress is asked for at moments of simulated time, so asking changes nothing in the run.
 */
#include "sim/scenario/run.h"

#include <math.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/scenario/expect.h"

enum { RUN_SLICES = 200, RUN_LENS_DEFAULT = 20, RUN_SLICE_WALL_NS = 10000000, RUN_TELL_WALL_NS = 50000000 };

static int group_index(const struct cfg *c, const char *name)
{
	for (size_t g = 0; name && g < c->ngroups; g++)
		if (!strcmp(c->groups[g].name, name))
			return (int)g;
	return -1;
}

void run_measure(const struct plan *p, const struct metrics *m, const char *technique,
	const struct plan_expect *e, struct run_expect *out)
{
	out->e = e;
	out->applies = !e->under || !strcmp(e->under, technique);
	out->measured = metrics_since(m, metric_find(e->metric), group_index(&p->cfg, e->group), e->since_ns);
	out->holds = expect_holds(e, out->measured);
}

/* Runs to the end in slices; true when the caller stopped it. With a clock a slice is as long as some milliseconds of work, so that
 * a long run of many clients answers as soon as a short one. Where a slice ends changes nothing in the run. */
static bool run_slices(struct sim *s, const struct cfg *c, const struct run_progress *pr)
{
	int64_t end = c->duration_ns + c->drain_ns, longest = end / RUN_SLICES + 1, next = 0;
	int64_t before = pr->wall_ns ? pr->wall_ns(pr->ctx) : 0, told = before;
	int64_t slice = pr->wall_ns ? longest / 64 + 1 : longest;
	for (int64_t t = slice; next != INT64_MAX; t += slice) {
		next = sim_run_until(s, t);
		if (!pr->tick || next == INT64_MAX)
			continue;
		int64_t now = pr->wall_ns ? pr->wall_ns(pr->ctx) : 0;
		if (pr->wall_ns && now - before > 2 * RUN_SLICE_WALL_NS && slice > 1)
			slice /= 2;
		else if (now - before < RUN_SLICE_WALL_NS && slice < longest)
			slice *= 2;
		before = now;
		if (pr->wall_ns && now - told < RUN_TELL_WALL_NS)
			continue;
		told = now;
		int64_t at = t < c->duration_ns ? t : c->duration_ns;
		if (pr->tick(pr->ctx, at, c->duration_ns, sim_events(s)))
			return true;
	}
	return false;
}

void run_plan(struct plan *p, const struct run_opts *o, struct run_result *out)
{
	const struct cfg *c = o->technique ? plan_cfg_with(p, o->technique) : &p->cfg;
	struct trace *tr = trace_new(NULL);
	memset(out, 0, sizeof *out);
	out->technique = o->technique ? o->technique : p->technique;
	out->seed = o->seed_set ? o->seed : p->seed;
	tr->duration_ns = c->duration_ns;
	tr->end_ns = c->duration_ns + c->drain_ns;
	tr->seed = out->seed;
	tr->scenario = trace_str(tr, p->id);
	tr->technique = trace_str(tr, out->technique);
	if (o->keep_trace)
		trace_keep_all(tr);
	int64_t begin = o->progress.wall_ns ? o->progress.wall_ns(o->progress.ctx) : 0;
	out->metrics = metrics_new(c, tr);
	struct sim_opts so = {.seed = out->seed,
		.trace = tr,
		.lens_clients = o->lens_clients ? o->lens_clients : RUN_LENS_DEFAULT,
		.decode_anew = o->decode_anew};
	struct sim *s = sim_new(c, &so);
	out->partial = run_slices(s, c, &o->progress);
	out->fingerprint = sim_fingerprint(s);
	metrics_finish(out->metrics, sim_counters(s));
	sim_free(s);
	out->wall_ns = o->progress.wall_ns ? o->progress.wall_ns(o->progress.ctx) - begin : 0;
	out->trace = tr;
	out->nexpects = p->nexpects;
	out->expects = xcalloc(p->nexpects + 1, sizeof *out->expects);
	for (size_t i = 0; i < p->nexpects; i++)
		run_measure(p, out->metrics, out->technique, &p->expects[i], &out->expects[i]);
}

void run_result_settle(struct run_result *r)
{
	metrics_settle(r->metrics);
	trace_free(r->trace);
	r->trace = NULL;
}

void run_result_fini(struct run_result *r)
{
	metrics_free(r->metrics);
	trace_free(r->trace);
	xfree(r->expects);
	memset(r, 0, sizeof *r);
}
