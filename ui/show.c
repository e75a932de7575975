/*
 * show: the runs of one scenario, ready to be looked at.
 */
#include "ui/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"

static const struct {
	const char *technique, *title;
	char letter;
	enum style style;
} techniques[] = {{"polling", "Polling", 'P', STYLE_TECH_P},
	{"long-polling", "Long polling", 'L', STYLE_TECH_L}, {"sse", "SSE", 'S', STYLE_TECH_S},
	{"websocket", "WebSocket", 'W', STYLE_TECH_W}, {"sse-h2", "SSE over HTTP/2", '2', STYLE_TECH_S},
	{"socketio", "Socket.IO", 'I', STYLE_TECH_W},
	{"graphql-ws", "GraphQL over WebSocket", 'Q', STYLE_TECH_W},
	{"grpc-stream", "gRPC stream", 'G', STYLE_TECH_S},
	{"webtransport", "WebTransport", 'T', STYLE_TECH_W}};

#define NTECH (sizeof techniques / sizeof *techniques)

char show_letter(const char *technique)
{
	for (size_t i = 0; i < NTECH; i++)
		if (!strcmp(techniques[i].technique, technique))
			return techniques[i].letter;
	return '?';
}

const char *show_title(const char *technique)
{
	for (size_t i = 0; i < NTECH; i++)
		if (!strcmp(techniques[i].technique, technique))
			return techniques[i].title;
	return technique;
}

enum style show_style(char letter)
{
	for (size_t i = 0; i < NTECH; i++)
		if (techniques[i].letter == letter)
			return techniques[i].style;
	return STYLE_STRONG;
}

static void index_run(const struct show *s, struct show_run *r)
{
	r->ix = why_index_new(r->tr);
	r->tally = tally_new(r->tr, s->all_clients);
}

static uint32_t lens_clients(const struct trace *tr)
{
	uint32_t n = 0;
	for (uint32_t i = 1; i < tr->nnode; i++)
		if (tr->node[i].role == TRACE_CLIENT && tr->node[i].client > n)
			n = tr->node[i].client;
	return n;
}

static void make_stops(struct show *s)
{
	const struct plan *p = s->plan;
	s->stop = xcalloc(p->ncues + 1, sizeof *s->stop);
	for (size_t i = 0; i < p->ncues; i++) {
		int q = p->cues[i].question;
		s->stop[s->nstop++] =
			(struct show_stop){p->cues[i].at_ns, p->cues[i].say, q < SHOW_QUESTIONS_MAX ? q : -1};
	}
}

struct making {
	struct show *s;
	const struct show_source *src;
};

static void one_run(void *ctx, size_t i, const struct run_progress *progress)
{
	struct making *m = ctx;
	struct show_run *r = &m->s->run[i];
	struct run_opts o = {.seed = m->s->seed,
		.seed_set = true,
		.technique = m->src->techniques[i],
		.keep_trace = true,
		.lens_clients = m->src->lens_clients,
		.progress = *progress};
	run_plan(m->s->plan, &o, &r->result);
	r->tr = r->result.trace;
	if (!r->result.partial)
		index_run(m->s, r);
}

/* All runs, side by side; false when stopped. */
static bool make_runs(struct show *s, const struct show_source *src)
{
	struct making m = {s, src};
	struct jobs all = {.n = s->nrun,
		.threads = src->threads,
		.one = one_run,
		.see = src->see,
		.see_ctx = src->see_ctx,
		.ctx = &m};
	for (size_t i = 0; i < s->nrun; i++) /* so that threads only read the plan */
		if (src->techniques[i])
			plan_cfg_with(s->plan, src->techniques[i]);
	bool done = jobs_run(&all);
	for (size_t i = 0; i < s->nrun && done; i++) {
		struct show_run *r = &s->run[i];
		r->technique = r->result.technique ? r->result.technique : s->plan->technique;
		r->title = show_title(r->technique);
		r->letter = show_letter(r->technique);
		s->end_ns = r->tr->end_ns > s->end_ns ? r->tr->end_ns : s->end_ns;
		uint32_t k = lens_clients(r->tr);
		s->clients = k > s->clients ? k : s->clients;
	}
	return done;
}

struct show *show_new(struct plan *owned, const struct show_source *src)
{
	struct show *s = xcalloc(1, sizeof *s);
	s->plan = owned;
	s->title = owned->title ? owned->title : owned->id;
	s->seed = src->seed_set ? src->seed : owned->seed;
	for (size_t i = 0; i < owned->cfg.ngroups; i++)
		s->all_clients += owned->cfg.groups[i].count;
	s->nrun = src->ntechniques < SHOW_RUNS_MAX ? src->ntechniques : SHOW_RUNS_MAX;
	if (!make_runs(s, src)) {
		show_free(s);
		return NULL;
	}
	/* the drain after `duration` is shown only as far as something still happens */
	int64_t last = owned->cfg.duration_ns;
	for (size_t i = 0; i < s->nrun; i++)
		for (uint64_t k = 0; k < s->run[i].tr->nrec; k++)
			if (s->run[i].tr->rec[k].at > last)
				last = s->run[i].tr->rec[k].at;
	s->end_ns = last;
	make_stops(s);
	return s;
}

struct show *show_capture(struct trace *tr, const char *title)
{
	struct show *s = xcalloc(1, sizeof *s);
	s->title = title;
	s->nrun = 1;
	s->run[0].tr = tr;
	s->run[0].technique = tr->technique ? trace_text(tr, tr->technique) : "";
	s->run[0].title = *s->run[0].technique ? show_title(s->run[0].technique) : "capture";
	s->run[0].letter = show_letter(s->run[0].technique);
	index_run(s, &s->run[0]);
	s->stop = xcalloc(1, sizeof *s->stop);
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (tr->rec[i].at > s->end_ns)
			s->end_ns = tr->rec[i].at;
	return s;
}

void show_free(struct show *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nrun; i++) {
		struct show_run *r = &s->run[i];
		ladder_free(r->ladder);
		tally_free(r->tally);
		why_index_free(r->ix);
		if (s->plan)
			run_result_fini(&r->result);
	}
	if (s->plan)
		plan_free(s->plan);
	xfree(s->stop);
	xfree(s);
}

struct ladder *show_ladder(struct show *s, size_t run, const struct look_at *v)
{
	struct show_run *r = &s->run[run < s->nrun ? run : 0];
	struct ladder_focus f = {.client = v->client,
		.conn = v->conn,
		.depth = v->depth,
		.ends = v->ends || v->base == KEYS_COMPARE};
	if (r->ladder) {
		const struct ladder_focus *g = &r->ladder->focus;
		if (g->client == f.client && g->conn == f.conn && g->depth == f.depth && g->ends == f.ends)
			return r->ladder;
		ladder_free(r->ladder);
	}
	r->ladder = ladder_new(r->tr, r->ix, f);
	return r->ladder;
}

/* A speed at which the whole takes about half a minute: 1, 2, 5, 10 … */
static int64_t speed_for(int64_t end_ns)
{
	int64_t best = 1000000;
	static const int64_t steps[] = {1, 2, 5, 10, 20, 50, 100, 200, 500};
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
		if (end_ns / INT64_C(40000000000) >= steps[i])
			best = steps[i] * 1000000;
	return best;
}

void look_init(struct look_at *v, const struct show *s)
{
	*v = (struct look_at){.base = KEYS_LADDER,
		.top = KEYS_LADDER,
		.sel = SIZE_MAX,
		.field = 0,
		.client = s->clients ? 1 : 0,
		.depth = 1,
		.question = -1,
		.guess = -1,
		.bytes = true};
	v->speed_ppm = v->speed0_ppm = s->plan ? speed_for(s->end_ns) : 1000000;
	for (size_t i = 0; i < SHOW_KNOBS_MAX; i++)
		v->knob_value[i] = -1;
	for (size_t i = 0; s->plan && i < s->nrun; i++) /* the scenario's own technique first */
		if (s->plan->technique && !strcmp(s->run[i].technique, s->plan->technique))
			v->run = i;
	if (!s->plan)
		v->known = s->end_ns;
}

int64_t show_limit(const struct show *s, const struct look_at *v)
{
	for (size_t i = 0; i < s->nstop; i++)
		if (s->stop[i].question >= 0 && v->asked[s->stop[i].question] != ASKED_DONE)
			return s->stop[i].at;
	return s->end_ns;
}

/* ---------------------------------------------------------------------------------------------- sentences */

double show_figure(const struct show *s, size_t run, enum figure f, int64_t t)
{
	const struct show_run *r = &s->run[run];
	if (f != FIG_REQUESTS || r->tally->lens >= r->tally->clients || !r->result.metrics)
		return tally_at(r->tally, f, t);
	size_t n, whole = (size_t)(t / 1000000000);
	const struct metrics_second *sec = metrics_seconds(r->result.metrics, &n);
	double sum = 0;
	for (size_t i = 0; i < n && i < whole; i++)
		sum += sec[i].requests;
	return whole ? sum / (double)(whole < n ? whole : n) : (double)NAN;
}

static void times(double ratio, char *out, size_t cap)
{
	if (ratio >= 10)
		snprintf(out, cap, "%.0f times", ratio);
	else
		snprintf(out, cap, "%.1f times", ratio);
}

static size_t extreme(const struct show *s, enum figure f, int64_t t, bool largest)
{
	size_t best = SIZE_MAX;
	double bv = 0;
	for (size_t i = 0; i < s->nrun; i++) {
		double v = show_figure(s, i, f, t);
		if (!isnan(v) && (best == SIZE_MAX || (largest ? v > bv : v < bv))) {
			best = i;
			bv = v;
		}
	}
	return best;
}

void show_sum_up(const struct show *s, int64_t t, char *out, size_t cap)
{
	char clock[32], later[40], bytes[40];
	trace_duration(t, clock, sizeof clock);
	size_t slow = extreme(s, FIG_DELAY_MEDIAN, t, true), fast = extreme(s, FIG_DELAY_MEDIAN, t, false);
	size_t fat = extreme(s, FIG_BYTES_PER_MESSAGE, t, true),
	       thin = extreme(s, FIG_BYTES_PER_MESSAGE, t, false);
	if (slow == SIZE_MAX || slow == fast || fat == SIZE_MAX || fat == thin) {
		snprintf(out, cap, "At %s nothing has been delivered yet that could be compared.", clock);
		return;
	}
	double a = show_figure(s, slow, FIG_DELAY_MEDIAN, t), b = show_figure(s, fast, FIG_DELAY_MEDIAN, t);
	double x = show_figure(s, fat, FIG_BYTES_PER_MESSAGE, t),
	       y = show_figure(s, thin, FIG_BYTES_PER_MESSAGE, t);
	size_t n = (size_t)snprintf(out, cap, "After %s: ", clock);
	if (b > 0 && a / b >= 1.5) {
		times(a / b, later, sizeof later);
		n += (size_t)snprintf(out + n, cap - n,
			"%s takes %s as long to deliver a message as %s (median %.0f against %.0f ms)",
			s->run[slow].title, later, s->run[fast].title, a, b);
	} else {
		n += (size_t)snprintf(out + n, cap - n,
			"what arrives is about equally fast (median %.0f to %.0f ms)", b, a);
	}
	bool any = false;
	for (size_t i = 0; i < s->nrun && n < cap; i++) {
		double missing = show_figure(s, i, FIG_MISSING, t);
		if (missing < 1)
			continue;
		n += (size_t)snprintf(
			out + n, cap - n, "%s%s %.0f", any ? ", " : "; missing: ", s->run[i].title, missing);
		any = true;
	}
	if (y > 0 && x / y >= 1.2 && n < cap) {
		times(x / y, bytes, sizeof bytes);
		n += (size_t)snprintf(out + n, cap - n,
			"; %s uses %s as many bytes a message as %s (%.0f against %.0f)", s->run[fat].title,
			bytes, s->run[thin].title, x, y);
	}
	if (n < cap)
		snprintf(out + n, cap - n, ".");
}

/* What the lecture said last, if that is not long ago. */
static const char *said(const struct show *s, int64_t t)
{
	const char *say = NULL;
	for (size_t i = 0; i < s->nstop && s->stop[i].at <= t; i++)
		if (s->stop[i].say)
			say = s->stop[i].say;
	return say;
}

static bool said_now(const struct show *s, int64_t t, int64_t within)
{
	for (size_t i = 0; i < s->nstop && s->stop[i].at <= t; i++)
		if (s->stop[i].say && t - s->stop[i].at <= within)
			return true;
	return false;
}

/* Which box, rule and parameter decided at the chosen step of the chain. */
static void why_caption(const struct show *s, const struct look_at *v, char *out, size_t cap)
{
	const struct trace *tr = s->run[v->run].tr;
	const struct trace_rec *r = v->why_sel < v->nwhy ? trace_get(tr, v->why[v->why_sel]) : NULL;
	char param[160] = "";
	if (r)
		trace_reason_param(tr, r, param, sizeof param);
	if (!*param) {
		snprintf(out, cap, "Enter goes one cause further back; g goes to its moment on the ladder.");
		return;
	}
	const char *value = s->plan ? plan_value(s->plan, param) : NULL;
	const char *source = trace_reason_def((enum trace_reason)r->reason)->source;
	snprintf(out, cap, "Decided by %s%s%s.%s%s%s%s", param, value ? " = " : "", value ? value : "",
		value ? " e changes it and runs everything again." : "", *source ? " Source: " : "", source,
		*source ? "." : "");
}

void show_caption(struct show *s, const struct look_at *v, char *out, size_t cap)
{
	*out = 0;
	if (*v->message) {
		snprintf(out, cap, "%s", v->message);
		return;
	}
	if (v->top == KEYS_WHY) {
		why_caption(s, v, out, cap);
		return;
	}
	if (v->top == KEYS_QUESTION) {
		snprintf(out, cap, "%s",
			v->revealed ? "Enter goes on."
				    : "Press the letter of your guess, then r to reveal the answer.");
		return;
	}
	const char *say = said(s, v->t);
	int64_t fresh =
		INT64_C(4000000) * (v->speed_ppm > 1000 ? v->speed_ppm / 1000 : 1); /* four real seconds */
	if (v->base == KEYS_COMPARE) {
		if (say && said_now(s, v->t, fresh))
			snprintf(out, cap, "%s", say);
		else
			show_sum_up(s, v->t, out, cap);
		return;
	}
	const struct ladder *l = show_ladder(s, v->run, v);
	if (v->playing && say && said_now(s, v->t, fresh)) {
		snprintf(out, cap, "%s", say);
		return;
	}
	if (v->sel < l->nrow) {
		const struct ladder_row *w = &l->row[v->sel];
		bool lost = w->fate == FATE_LOST && (w->arrive <= v->t || !v->playing);
		const struct trace_rec *r = trace_get(l->tr, lost ? w->fate_rec : w->rec);
		size_t n = r ? trace_sentence(l->tr, r, out, cap) : 0;
		const struct trace_rec *d = trace_get(l->tr, w->deliver);
		if (d && !lost && (w->arrive <= v->t || !v->playing) && n + 2 < cap) {
			out[n++] = ' ';
			trace_sentence(l->tr, d, out + n, cap - n);
		}
	} else if (say) {
		snprintf(out, cap, "%s", say);
	} else if (s->plan && s->plan->summary) {
		snprintf(out, cap, "%s", s->plan->summary);
	} else {
		snprintf(out, cap, "Space plays, . steps, ? helps.");
	}
}
