/*
 * metrics: named figures of one run, overall and per client group, folded from records and counters.
 * Names and units are those of the results format; the list is metrics.def.
 */
#ifndef SIM_MEASURE_METRICS_H
#define SIM_MEASURE_METRICS_H

#include "sim/host/simulation.h"

struct metric_def {
	const char *name; /* "latency_ms.p99" */
	const char *unit; /* "ms", "1/s", "bytes", "" */
	const char *help; /* a whole sentence */
	bool whole;       /* an integer */
	bool per_group;   /* also under groups.NAME */
	bool less_is_better;
};

size_t metric_count(void);
const struct metric_def *metric_at(size_t i);
/* -1 if there is none; short forms of the expectation language ("delivered", "latency.p99") are understood. */
int metric_find(const char *name);

struct metrics;

/* Starts folding records of `tr` for a world of `cfg`; call before the run, finish after it. */
struct metrics *metrics_new(const struct cfg *cfg, struct trace *tr);
void metrics_finish(struct metrics *m, const struct sim_counters *c);
void metrics_free(struct metrics *m);

/* The value; group -1 = all. Undefined figures (no message delivered …) are NaN. */
double metrics_get(const struct metrics *m, int metric, int group);
/* The same for messages published (and requests made …) at or after `since_ns`. */
double metrics_since(const struct metrics *m, int metric, int group, int64_t since_ns);
/* Per second of simulated time, for charts: delivered, published, mean latency (ns), requests, bytes. */
struct metrics_second {
	uint32_t published, expected, delivered, requests;
	int64_t latency_sum_ns, latency_max_ns;
};
const struct metrics_second *metrics_seconds(const struct metrics *m, size_t *n);

#endif
