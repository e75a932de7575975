/*
 * metrics: named figures of one run, overall and per client group, folded from records and counters.
 * Names and units are those of the results format; the list is metrics.def.
 */
#ifndef SIM_MEASURE_METRICS_H
#define SIM_MEASURE_METRICS_H

#include "sim/host/simulation.h"

enum {
	METRIC_WHOLE = 1u << 0,
	METRIC_GROUP = 1u << 1,
	METRIC_LESS = 1u << 2,
	METRIC_SINCE = 1u << 3,
};

enum metric_id {
#define M(id, name, unit, flags, help) METRIC_##id,
#include "sim/measure/metrics.def"
#undef M
	METRICS
};

struct metric_def {
	const char *name; /* "latency_ms.p99" */
	const char *unit; /* "share", "ms", "s", "1/s", "bytes", "J", "" */
	const char *help; /* a whole sentence */
	bool whole;       /* an integer */
	bool per_group;   /* also under groups.NAME */
	bool less_is_better;
	bool since; /* can be told for a later part of the run */
};

size_t metric_count(void);
const struct metric_def *metric_at(size_t i);
/* -1 if there is none; "latency.p99" is understood as "latency_ms.p99". */
int metric_find(const char *name);

enum {
	METRICS_SAMPLES_MAX =
		1u << 17,         /* latencies kept one by one; the same one several times over is one */
	METRICS_HISTS_MAX = 2048, /* histograms of (second, group); beyond: no percentiles with `since` */
};

struct metrics;

/* Starts folding records of `tr` for a world of `cfg` (both borrowed until metrics_free); call before the run, finish
 * after it.
 *
 * What is read: MSG_PUBLISH (msg, a = bytes), MSG_EXPECT (msg, a = receivers, client = one of the group they are in),
 * MSG_DELIVER (msg, client, a = latency in ns), MSG_DUPLICATE, MSG_DISORDER, HTTP_REQUEST_RECV at a server,
 * HTTP_RESPONSE_SEND at a server (b = messages carried, < 0 where that means nothing), CONNECT_TRY (b = 1: coming back).
 * Clients are numbered from 1 through all groups in the order of the cfg.
 *
 * Percentiles are exact (nearest rank) up to METRICS_SAMPLES_MAX latencies, where deliveries of one message to one group
 * that follow each other after the same time are one; beyond that they are read from histograms of 0.8 % resolution. */
/* What the run took, octets by part; valid after metrics_finish. */
const uint64_t *metrics_bytes(const struct metrics *m);
struct metrics *metrics_new(const struct cfg *cfg, struct trace *tr);
void metrics_finish(struct metrics *m, const struct sim_counters *c);
void metrics_free(struct metrics *m);
/* After metrics_finish: works out all figures of the whole run and lets go of what they were made from, so that thousands of
 * replications fit into memory. Afterwards nothing can be told of a part of the run, and cfg and trace are no longer looked at
 * (except for the number of groups). */
void metrics_settle(struct metrics *m);

/* The value; group -1 = all. Undefined figures (no message delivered …) are NaN. */
double metrics_get(const struct metrics *m, int metric, int group);
/* The same for messages published (and requests made …) at or after `since_ns`, which is taken down to a whole second
 * for requests, reconnects and payload. NaN for a metric without `since`. */
double metrics_since(const struct metrics *m, int metric, int group, int64_t since_ns);
/* Per second of simulated time, for charts. published, expected, delivered and the latencies are those of the
 * messages *published* in that second, requests those that arrived in it. Valid after metrics_finish. */
struct metrics_second {
	uint32_t published, expected, delivered, requests;
	int64_t latency_sum_ns, latency_max_ns;
};
const struct metrics_second *metrics_seconds(const struct metrics *m, size_t *n);

#endif
