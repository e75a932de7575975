/*
 * run: a plan, run once or under several techniques, with its metrics, expectations and trace.
 */
#ifndef SIM_SCENARIO_RUN_H
#define SIM_SCENARIO_RUN_H

#include "sim/measure/metrics.h"
#include "sim/scenario/plan.h"
#include "sim/trace/trace.h"

struct run_progress {
	/* called about every 50 ms of work; simulated time reached (of the duration; what is under way then may take a little
	 * longer), events so far; return nonzero to stop early */
	int (*tick)(void *ctx, int64_t now_ns, int64_t end_ns, uint64_t events);
	/* a clock for engine.wall_s and for the 50 ms, NULL: neither (tick is then called 200 times in a run) */
	int64_t (*wall_ns)(void *ctx);
	void *ctx;
};

struct run_opts {
	uint64_t seed;
	bool seed_set;         /* else the plan's own */
	const char *technique; /* NULL: as the plan says */
	bool keep_trace;       /* fill result.trace with the clients under the lens */
	uint32_t lens_clients; /* per group; 0: default 20 */
	bool decode_anew;      /* as in sim_opts: for tests */
	struct run_progress progress;
};

struct run_expect {
	const struct plan_expect *e;
	bool holds, applies; /* applies: concerns this technique */
	double measured;
};

struct run_result {
	const char *technique; /* technique, or the plan's own */
	uint64_t seed, fingerprint;
	struct metrics *metrics;
	struct trace *trace; /* records only if kept; metrics borrow it */
	struct run_expect *expects;
	size_t nexpects;
	bool partial;            /* stopped early */
	int64_t wall_ns;         /* 0 without a clock */
	uint64_t peak_rss_bytes; /* for the caller to fill in; 0: not told */
};

/* Always succeeds (a plan is valid by construction); the result is freed with run_result_fini. */
void run_plan(struct plan *p, const struct run_opts *o, struct run_result *out);
/* One expectation (or check of a question) against the metrics of a run under `technique`. */
void run_measure(const struct plan *p, const struct metrics *m, const char *technique,
	const struct plan_expect *e, struct run_expect *out);
void run_result_fini(struct run_result *r);
/* Keeps the figures of the whole run and lets go of the rest, the trace among it: for many replications. */
void run_result_settle(struct run_result *r);

/* Figures of the machine that ran it, beside the metrics in a result; NULL past the last. */
struct engine_figure {
	const char *name, *unit, *text;
};
const struct engine_figure *engine_figure_at(size_t i);

struct replications;
/* `run`, `compare`: the contract's JSON object for a set of results. Deterministic. malloc'ed text. */
char *run_json(const struct plan *p, const struct run_result *r, size_t n, bool engine_figures);
/* The same for several seeds, with estimates and differences. Runs that were not made are left out. */
char *run_json_replicated(const struct plan *p, const struct replications *x, bool engine_figures);

#endif
