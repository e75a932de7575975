/*
 * runs_text: the result of `run` and `compare` as a table and as CSV.
 *
 * Over several seeds a cell is a mean and half the width of its 95 % confidence interval; below, each technique is set against the
 * first one seed by seed, since under one seed both meet the same arrivals and the same luck (sim/measure/stats.h).
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/scenario/replications.h"
#include "ui/runs.h"

enum { COLUMNS_MAX = 16 };

static const int shown[] = {METRIC_MSG_EXPECTED, METRIC_DELIVERED, METRIC_LAT_MEAN, METRIC_LAT_P50,
	METRIC_LAT_P99, METRIC_LAT_MAX, METRIC_MSG_DUPLICATED, METRIC_MSG_DISORDER, METRIC_HTTP_REQUESTS,
	METRIC_HTTP_RPS, METRIC_HTTP_EMPTY, METRIC_CONN_OPENED, METRIC_CONN_PEAK, METRIC_RECONNECTS,
	METRIC_BYTES_PER_MSG, METRIC_OVERHEAD, METRIC_PKT_DROPPED, METRIC_SRV_CPU, METRIC_SRV_MEMORY,
	METRIC_RADIO_ENERGY, METRIC_ENGINE_EVENTS};

static void number_text(double v, bool share, char *out, size_t cap)
{
	if (isnan(v))
		snprintf(out, cap, "--");
	else if (share)
		snprintf(out, cap, "%.2f %%", v * 100);
	else if (v == floor(v) && fabs(v) < 1e15)
		snprintf(out, cap, "%.0f", v);
	else if (fabs(v) >= 100)
		snprintf(out, cap, "%.1f", v);
	else
		snprintf(out, cap, "%.3g", v);
}

static bool is_share(int metric)
{
	return !strcmp(metric_at((size_t)metric)->unit, "share");
}

/* Techniques of which there is a run. */
static size_t columns_of(const struct runs *r)
{
	size_t n = 0;
	while (n < r->ntech && n < COLUMNS_MAX && r->r[n].metrics)
		n++;
	return n;
}

/* "30.4 +- 0.21" */
static void estimate_text(const struct estimate *e, bool share, char *out, size_t cap)
{
	number_text(e->mean, share, out, cap);
	if (!isnan(e->half) && e->half > fabs(e->mean) * 1e-6) { /* less is rounding */
		char h[32];
		size_t n = strlen(out);
		number_text(e->half, share, h, sizeof h);
		snprintf(out + n, cap - n, " +- %s", h);
	}
}

static bool is_silent(int metric)
{
	return metric == METRIC_MSG_DUPLICATED || metric == METRIC_MSG_DISORDER ||
	       metric == METRIC_RECONNECTS || metric == METRIC_PKT_DROPPED || metric == METRIC_RADIO_ENERGY;
}

/* One line; without several seeds the run's own figure, even if it was stopped early. */
static void print_metric(const struct runs *r, int metric)
{
	struct replications x = {r->r, r->ntech, r->nrep};
	bool all_zero = true;
	char cell[COLUMNS_MAX][64];
	size_t n = columns_of(r);
	for (size_t k = 0; k < n; k++) {
		struct estimate e = {.mean = metrics_get(r->r[k].metrics, metric, -1), .half = (double)NAN};
		if (r->nrep > 1)
			e = replications_mean(&x, k, metric, -1);
		all_zero &= isnan(e.mean) || fpclassify(e.mean) == FP_ZERO;
		estimate_text(&e, is_share(metric), cell[k], sizeof cell[k]);
	}
	if (all_zero && is_silent(metric))
		return;
	printf("  %-26s %-6s", metric_at((size_t)metric)->name,
		is_share(metric) ? "" : metric_at((size_t)metric)->unit);
	for (size_t k = 0; k < n; k++)
		printf(" %18s", cell[k]);
	putchar('\n');
}

/* Each technique minus the first, where that differs at all. */
static void print_difference(const struct runs *r, int metric)
{
	struct replications x = {r->r, r->ntech, r->nrep};
	bool all_zero = true;
	char cell[COLUMNS_MAX][64];
	size_t n = columns_of(r);
	for (size_t k = 1; k < n; k++) {
		struct estimate e = replications_difference(&x, k, 0, metric, -1);
		all_zero &= isnan(e.mean) || (fpclassify(e.mean) == FP_ZERO && fpclassify(e.half) == FP_ZERO);
		estimate_text(&e, is_share(metric), cell[k], sizeof cell[k]);
	}
	if (all_zero)
		return;
	printf("  %-26s %-6s", metric_at((size_t)metric)->name,
		is_share(metric) ? "" : metric_at((size_t)metric)->unit);
	for (size_t k = 1; k < n; k++)
		printf(" %18s", cell[k]);
	putchar('\n');
}

static void print_differences(const struct runs *r)
{
	size_t n = columns_of(r);
	if (r->nrep < 2 || n < 2)
		return;
	printf("\nmore than under %s, seed by seed\n  %-33s", r->r[0].technique, "");
	for (size_t k = 1; k < n; k++)
		printf(" %18s", r->r[k].technique);
	putchar('\n');
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		print_difference(r, shown[i]);
}

/* One expectation under one technique, over all seeds: held everywhere, or where it first failed. */
static void print_expect(const struct runs *r, size_t tech, size_t k, bool *head)
{
	size_t whole = 0, held = 0;
	const struct run_result *shown_run = NULL; /* the first that failed, else the first */
	for (size_t rep = 0; rep < r->nrep; rep++) {
		const struct run_result *x = &r->r[rep * r->ntech + tech];
		if (!replications_whole(x) || !x->expects[k].applies)
			continue;
		whole++;
		held += x->expects[k].holds;
		if (!shown_run || (shown_run->expects[k].holds && !x->expects[k].holds))
			shown_run = x;
	}
	if (!shown_run)
		return;
	const struct run_expect *e = &shown_run->expects[k];
	char v[40], seeds[64] = "";
	int metric = metric_find(e->e->metric);
	number_text(e->measured, metric >= 0 && is_share(metric), v, sizeof v);
	if (r->nrep > 1)
		snprintf(seeds, sizeof seeds, "in %zu of %zu seeds; ", held, whole);
	printf("%s  %-6s %s (%s, %sseed %" PRIu64 ": %s)\n", *head ? "" : "\nexpectations\n",
		held == whole ? "holds" : "FAILS", e->e->text, shown_run->technique, seeds, shown_run->seed,
		v);
	*head = true;
}

static void print_expects(const struct runs *r)
{
	bool head = false;
	for (size_t tech = 0; tech < columns_of(r); tech++)
		for (size_t k = 0; k < r->r[tech].nexpects; k++)
			print_expect(r, tech, k, &head);
}

/* How many runs were made to their end, when not all were. */
static void print_stopped(const struct runs *r)
{
	size_t whole = 0, n = r->ntech * r->nrep;
	for (size_t i = 0; i < n; i++)
		whole += replications_whole(&r->r[i]);
	if (r->stopped)
		printf(", STOPPED EARLY: %zu of %zu runs are whole", whole, n);
}

void runs_text(const struct runs *r)
{
	const struct plan *p = r->plan;
	char length[32];
	size_t n = columns_of(r);
	trace_duration(p->cfg.duration_ns, length, sizeof length);
	uint64_t clients = 0;
	for (size_t g = 0; g < p->cfg.ngroups; g++)
		clients += p->cfg.groups[g].count;
	printf("%s\n", p->title ? p->title : p->id);
	printf("  %" PRIu64 " client%s, %s, seed %" PRIu64, clients, clients == 1 ? "" : "s", length,
		n ? r->r[0].seed : p->seed);
	if (r->nrep > 1)
		printf(" and the %zu after it (mean +- half of the 95 %% confidence interval)", r->nrep - 1);
	print_stopped(r);
	printf("\n\n  %-33s", "");
	for (size_t k = 0; k < n; k++)
		printf(" %18s", r->r[k].technique);
	putchar('\n');
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		print_metric(r, shown[i]);
	print_differences(r);
	print_expects(r);
	for (size_t k = 0; k < n && r->nrep == 1; k++)
		printf("%s%s %016" PRIx64 "%s", k ? "  " : "\nfingerprints  ", r->r[k].technique,
			r->r[k].fingerprint, k + 1 == n ? "\n" : "");
}

void runs_csv(const struct runs *r)
{
	printf("scenario,technique,seed,fingerprint,partial");
	for (size_t m = 0; m < metric_count(); m++)
		printf(",%s", metric_at(m)->name);
	putchar('\n');
	for (size_t i = 0; i < r->ntech * r->nrep; i++) {
		if (!r->r[i].metrics)
			continue;
		printf("%s,%s,%" PRIu64 ",%016" PRIx64 ",%d", r->plan->id, r->r[i].technique, r->r[i].seed,
			r->r[i].fingerprint, r->r[i].partial);
		for (size_t m = 0; m < metric_count(); m++) {
			double v = metrics_get(r->r[i].metrics, (int)m, -1);
			if (isnan(v))
				printf(",");
			else if (metric_at(m)->whole)
				printf(",%.0f", v);
			else
				printf(",%.9g", v);
		}
		putchar('\n');
	}
}
