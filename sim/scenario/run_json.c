/*
 * run_json: results as the JSON object of the contract. Two runs of the same plan and seed give the same text, as long
 * as engine figures (of the machine, not of the run) are left out.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/measure/jsonw.h"
#include "sim/scenario/replications.h"

static void put_value(struct jsonw *j, const struct metric_def *d, double v)
{
	jsonw_key(j, d->name);
	if (d->whole && !isnan(v))
		jsonw_int(j, (int64_t)v);
	else
		jsonw_real(j, v);
}

enum { FIGURE_WALL, FIGURE_RATE, FIGURE_RSS, FIGURE_BYTES, FIGURE_PARTS };

#define PER_CLIENT "engine.bytes_per_client"
static const struct engine_figure figures[FIGURE_PARTS + SIM_PARTS] = {
	[FIGURE_WALL] = {"engine.wall_s", "s", "How long the run took on this machine, by its clock."},
	[FIGURE_RATE] = {"engine.events_per_s", "1/s",
		"Events dispatched in a second of the machine's clock."},
	[FIGURE_RSS] = {"engine.peak_rss_bytes", "bytes",
		"The most memory the process has had, as the system says: with all runs before this one."},
	[FIGURE_BYTES] = {PER_CLIENT, "bytes",
		"Memory a client takes, both ends and its share of what all have in common; the sum of its "
		"parts."},
	[FIGURE_PARTS + SIM_PART_TCP] = {PER_CLIENT ".tcp", "bytes",
		"Connections, queues of unsent, unacknowledged and out-of-order data, tables of "
		"connections."},
	[FIGURE_PARTS + SIM_PART_NET] = {PER_CLIENT ".net", "bytes", "Access links and packets."},
	[FIGURE_PARTS + SIM_PART_ENDPOINT] = {PER_CLIENT ".endpoint", "bytes",
		"What the technique's two ends know of a connection, decoders, messages and their wire "
		"forms."},
	[FIGURE_PARTS + SIM_PART_HOST] = {PER_CLIENT ".host", "bytes",
		"The rest of clients, sockets and servers' ends, the ledger of who has what."},
	[FIGURE_PARTS +
		SIM_PART_BOXES] = {PER_CLIENT ".boxes", "bytes", "Relays of proxies, mappings of NATs."},
	[FIGURE_PARTS + SIM_PART_EVENTS] = {PER_CLIENT ".events", "bytes", "Pending events."},
	[FIGURE_PARTS +
		SIM_PART_MEASURE] = {PER_CLIENT ".measure", "bytes", "Samples and histograms, records kept."},
};

const struct engine_figure *engine_figure_at(size_t i)
{
	return i < sizeof figures / sizeof *figures ? &figures[i] : NULL;
}

static void put_bytes(struct jsonw *j, const struct plan *p, const uint64_t *bytes)
{
	uint64_t clients = 0, all = 0;
	for (size_t g = 0; g < p->cfg.ngroups; g++)
		clients += p->cfg.groups[g].count;
	for (int i = 0; i < (int)SIM_PARTS && clients; i++) {
		jsonw_kint(j, figures[FIGURE_PARTS + i].name, (int64_t)(bytes[i] / clients));
		all += bytes[i];
	}
	if (clients)
		jsonw_kint(j, figures[FIGURE_BYTES].name, (int64_t)(all / clients));
}

static void put_engine(struct jsonw *j, const struct plan *p, const struct run_result *r)
{
	double wall_s = (double)r->wall_ns / 1e9;
	double events = metrics_get(r->metrics, METRIC_ENGINE_EVENTS, -1);
	jsonw_kreal(j, figures[FIGURE_WALL].name, wall_s);
	jsonw_kreal(j, figures[FIGURE_RATE].name, r->wall_ns ? events / wall_s : (double)NAN);
	if (r->peak_rss_bytes)
		jsonw_kint(j, figures[FIGURE_RSS].name, (int64_t)r->peak_rss_bytes);
	put_bytes(j, p, metrics_bytes(r->metrics));
}

static void put_metrics(
	struct jsonw *j, const struct plan *p, const struct run_result *r, bool engine_figures)
{
	jsonw_key(j, "metrics");
	jsonw_open(j, '{', false);
	for (size_t i = 0; i < metric_count(); i++)
		put_value(j, metric_at(i), metrics_get(r->metrics, (int)i, -1));
	if (engine_figures)
		put_engine(j, p, r);
	jsonw_key(j, "groups");
	jsonw_open(j, '{', false);
	for (size_t g = 0; g < p->cfg.ngroups; g++) {
		jsonw_key(j, p->cfg.groups[g].name);
		jsonw_open(j, '{', false);
		for (size_t i = 0; i < metric_count(); i++)
			if (metric_at(i)->per_group)
				put_value(j, metric_at(i), metrics_get(r->metrics, (int)i, (int)g));
		jsonw_close(j, '}');
	}
	jsonw_close(j, '}');
	jsonw_close(j, '}');
}

static void put_expects(struct jsonw *j, const struct run_result *r)
{
	jsonw_key(j, "expect");
	jsonw_open(j, '[', false);
	for (size_t i = 0; i < r->nexpects; i++) {
		if (!r->expects[i].applies)
			continue;
		jsonw_open(j, '{', true);
		jsonw_kv(j, "text", r->expects[i].e->text);
		jsonw_kbool(j, "holds", r->expects[i].holds);
		jsonw_kreal(j, "measured", r->expects[i].measured);
		jsonw_close(j, '}');
	}
	jsonw_close(j, ']');
}

/* What was set apart from the file: "path=value" texts. */
static void put_sets(struct jsonw *j, const char *const *sets, size_t n)
{
	jsonw_key(j, "set");
	jsonw_open(j, '{', true);
	for (size_t i = 0; i < n; i++) {
		char path[256];
		const char *eq = strchr(sets[i], '=');
		if (!eq)
			continue;
		bool again = false; /* the last one counts */
		for (size_t k = i + 1; k < n; k++)
			again = again || !strncmp(sets[k], sets[i], (size_t)(eq - sets[i]) + 1);
		snprintf(path, sizeof path, "%.*s", (int)(eq - sets[i]), sets[i]);
		if (!again)
			jsonw_kv(j, path, eq + 1);
	}
	jsonw_close(j, '}');
}

static void put_run(struct jsonw *j, const struct plan *p, const struct run_result *r, bool engine_figures)
{
	char hex[20];
	jsonw_open(j, '{', false);
	jsonw_kv(j, "technique", r->technique);
	jsonw_key(j, "seed");
	jsonw_uint(j, r->seed);
	snprintf(hex, sizeof hex, "%016" PRIx64, r->fingerprint);
	jsonw_kv(j, "fingerprint", hex);
	if (r->partial)
		jsonw_kbool(j, "partial", true);
	put_sets(j, p->sets, p->nsets);
	put_metrics(j, p, r, engine_figures);
	put_expects(j, r);
	jsonw_close(j, '}');
}

static void put_estimate(struct jsonw *j, const char *name, const struct estimate *e)
{
	jsonw_key(j, name);
	jsonw_open(j, '{', true);
	jsonw_kreal(j, "mean", e->mean);
	jsonw_kreal(j, "low", e->mean - e->half);
	jsonw_kreal(j, "high", e->mean + e->half);
	jsonw_kreal(j, "half_width", e->half);
	jsonw_kreal(j, "sd", e->sd);
	jsonw_kint(j, "n", (int64_t)e->n);
	jsonw_close(j, '}');
}

/* Every metric of technique a, or of a minus b. */
static void put_estimates(struct jsonw *j, const struct replications *x, size_t a, size_t b)
{
	jsonw_open(j, '{', false);
	jsonw_kv(j, "technique", x->r[a].technique);
	if (b != a)
		jsonw_kv(j, "minus", x->r[b].technique);
	jsonw_key(j, "metrics");
	jsonw_open(j, '{', false);
	for (size_t i = 0; i < metric_count(); i++) {
		struct estimate e = b == a ? replications_mean(x, a, (int)i, -1)
					   : replications_difference(x, a, b, (int)i, -1);
		put_estimate(j, metric_at(i)->name, &e);
	}
	jsonw_close(j, '}');
	jsonw_close(j, '}');
}

static void put_replications(struct jsonw *j, const struct replications *x)
{
	size_t known = 0; /* techniques of which there is a run at all */
	while (known < x->ntech && x->r[known].metrics)
		known++;
	jsonw_key(j, "replications");
	jsonw_open(j, '{', false);
	jsonw_kint(j, "n", (int64_t)x->nrep);
	jsonw_kreal(j, "confidence", 0.95);
	jsonw_kv(j, "interval", "Student's t");
	jsonw_key(j, "techniques");
	jsonw_open(j, '[', false);
	for (size_t a = 0; a < known; a++)
		put_estimates(j, x, a, a);
	jsonw_close(j, ']');
	jsonw_key(j, "differences");
	jsonw_open(j, '[', false);
	for (size_t b = 0; b < known; b++)
		for (size_t a = b + 1; a < known; a++)
			put_estimates(j, x, a, b);
	jsonw_close(j, ']');
	jsonw_close(j, '}');
}

/* Of several runs: a hash of their fingerprints, in order; of one: its own. */
static uint64_t joint_fingerprint(const struct run_result *r, size_t n)
{
	uint64_t all = 0;
	for (size_t i = 0, k = 0; i < n; i++)
		if (r[i].metrics)
			all = n == 1 ? r[i].fingerprint
				     : (all ^ r[i].fingerprint) * UINT64_C(0x100000001b3) + k++;
	return all;
}

char *run_json_replicated(const struct plan *p, const struct replications *x, bool engine_figures)
{
	struct jsonw j;
	char hex[20];
	size_t n = x->ntech * x->nrep;
	bool partial = false;
	for (size_t i = 0; i < n; i++)
		partial = partial || !replications_whole(&x->r[i]);
	jsonw_init(&j, false);
	jsonw_open(&j, '{', false);
	jsonw_kint(&j, "backtalk", 1);
	jsonw_kv(&j, "scenario", p->id);
	jsonw_key(&j, "seed");
	jsonw_uint(&j, n && x->r[0].metrics ? x->r[0].seed : p->seed);
	jsonw_kreal(&j, "duration_s", (double)p->cfg.duration_ns / 1e9);
	snprintf(hex, sizeof hex, "%016" PRIx64, joint_fingerprint(x->r, n));
	jsonw_kv(&j, "fingerprint", hex);
	if (partial)
		jsonw_kbool(&j, "partial", true);
	jsonw_key(&j, "runs");
	jsonw_open(&j, '[', false);
	for (size_t i = 0; i < n; i++)
		if (x->r[i].metrics)
			put_run(&j, p, &x->r[i], engine_figures);
	jsonw_close(&j, ']');
	if (x->nrep > 1)
		put_replications(&j, x);
	jsonw_close(&j, '}');
	return jsonw_take(&j);
}

char *run_json(const struct plan *p, const struct run_result *r, size_t n, bool engine_figures)
{
	struct replications x = {r, n, 1};
	return run_json_replicated(p, &x, engine_figures);
}
