/*
 * runs: what `run` and `compare` share. See runs.h.
 *
 * Each run has a plan of its own, so that runs can be made in threads; results are put in the order of the
 * command line, so that -j changes nothing but the time it takes.
 */
#include "ui/runs.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "proto/tech/tech.h"
#include "sim/capture/cap_export.h"
#include "sim/core/xmalloc.h"
#include "ui/commands.h"
#include "ui/data.h"
#include "ui/outfile.h"
#include "ui/term.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

/* ---------------------------------------------------------------------------------------------- the plan */

struct plan *runs_plan(const struct cmd_usage *u, const struct options *o, char *const *data, int *rc)
{
	if (o->nargs != 1) {
		*rc = options_wrong(u, o->nargs ? "takes one scenario"
						: "which scenario? `backtalk list` names those shipped");
		return NULL;
	}
	struct diags ds = {0};
	struct plan *p = plan_load(*data, o->args[0], o->sets, o->nsets, &ds);
	if (!p) {
		char *text = diags_text(&ds);
		fputs(text ? text : "", stderr);
		free(text);
		*rc = diags_environment(&ds) ? EXIT_ENV : EXIT_INPUT;
	}
	diags_fini(&ds);
	return p;
}

bool runs_check_techniques(const struct cmd_usage *u, const char *const *t, size_t n)
{
	const char *names[64];
	size_t k = 0;
	for (int i = 0; i < TECH_KINDS && k < 64; i++)
		names[k++] = tech_def((enum tech_kind)i)->name;
	for (size_t i = 0; i < n; i++) {
		bool known = false;
		for (size_t j = 0; j < k; j++)
			known |= !strcmp(names[j], t[i]);
		if (known)
			continue;
		const char *near = options_nearest(t[i], names, k);
		options_wrong(u, "unknown technique `%s`%s%s%s", t[i],
			near ? "; did you mean `" : "; `backtalk list techniques` names them",
			near ? near : "", near ? "`?" : "");
		return false;
	}
	return true;
}

/* What to run: --techniques, else the compare list, else the scenario's own (NULL). */
static const char **choose_techniques(const struct plan *p, const struct options *o, bool compare, size_t *n)
{
	const char *const *from = o->ntechniques ? o->techniques : compare ? p->compare : NULL;
	size_t k = o->ntechniques ? o->ntechniques : compare ? p->ncompare : 0;
	const char **t = xcalloc(k + 1, sizeof *t);
	for (size_t i = 0; i < k; i++)
		t[i] = xstrdup(from[i]);
	*n = k ? k : 1;
	return t;
}

static void free_techniques(const char **t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)t[i]);
	xfree(t);
}

/* ---------------------------------------------------------------------------------------------- progress */

struct job {
	struct runs *r;
	const struct options *o;
	const char *data;
	const char **tech;
	bool keep_trace, show_progress;
	int64_t begin_ns, told_ns;
	pthread_mutex_t lock;
	size_t next, done;
	bool failed;
};

static int64_t clock_ns(void *ctx)
{
	(void)ctx;
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* "backtalk: 42 % of 4 runs, 12 s left", from the second second on. */
static void tell_progress(struct job *j, int64_t now_ns, int64_t end_ns)
{
	int64_t t = clock_ns(NULL), spent = t - j->begin_ns;
	if (!j->show_progress || spent < 1000000000 || t - j->told_ns < 200000000)
		return;
	j->told_ns = t;
	double part = end_ns > 0 ? (double)now_ns / (double)end_ns : 0;
	double share = ((double)j->done + part) / (double)j->r->n;
	double rate = (double)spent / 1e9 > 0 ? share * (double)j->r->n / ((double)spent / 1e9) : 0;
	double left = share > 0.005 ? (double)spent / 1e9 * (1 - share) / share : 0;
	fprintf(stderr, "\rbacktalk: %3.0f %% of %zu run%s, %.2f runs/s, %.0f s left  ", share * 100, j->r->n,
		j->r->n == 1 ? "" : "s", rate, left);
	fflush(stderr);
}

static int on_tick(void *ctx, int64_t now_ns, int64_t end_ns, uint64_t events)
{
	struct job *j = ctx;
	(void)events;
	pthread_mutex_lock(&j->lock);
	tell_progress(j, now_ns, end_ns);
	pthread_mutex_unlock(&j->lock);
	return interrupted != 0;
}

static void clear_progress(struct job *j)
{
	if (j->told_ns)
		fputs("\r\033[K", stderr);
}

/* ---------------------------------------------------------------------------------------------- running */

static uint64_t peak_rss(void)
{
	struct rusage u;
	return getrusage(RUSAGE_SELF, &u) == 0 ? (uint64_t)u.ru_maxrss * 1024 : 0;
}

static void one_run(struct job *j, size_t i)
{
	struct runs *r = j->r;
	size_t tech = i % r->ntech, rep = i / r->ntech;
	struct diags ds = {0};
	r->own[i] = plan_load(j->data, j->o->args[0], j->o->sets, j->o->nsets, &ds);
	diags_fini(&ds);
	if (!r->own[i]) { /* it was there a moment ago */
		j->failed = true;
		return;
	}
	struct run_opts o = {.seed = (j->o->seed_set ? j->o->seed : r->plan->seed) + rep,
		.seed_set = true,
		.technique = j->tech[tech],
		.keep_trace = j->keep_trace,
		.progress = {.tick = on_tick, .wall_ns = clock_ns, .ctx = j}};
	run_plan(r->own[i], &o, &r->r[i]);
	r->r[i].peak_rss_bytes = peak_rss();
}

static void *worker(void *ctx)
{
	struct job *j = ctx;
	for (;;) {
		pthread_mutex_lock(&j->lock);
		size_t i = interrupted || j->failed ? SIZE_MAX : j->next < j->r->n ? j->next++ : SIZE_MAX;
		pthread_mutex_unlock(&j->lock);
		if (i == SIZE_MAX)
			return NULL;
		one_run(j, i);
		pthread_mutex_lock(&j->lock);
		j->done++;
		pthread_mutex_unlock(&j->lock);
	}
}

static void run_all(struct job *j)
{
	size_t n = j->o->jobs ? j->o->jobs : 1;
	pthread_t t[64];
	size_t k = 0;
	n = n > j->r->n ? j->r->n : n;
	n = n > 64 ? 64 : n;
	j->begin_ns = clock_ns(NULL);
	pthread_mutex_init(&j->lock, NULL);
	struct sigaction sa = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, old;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, &old);
	for (; k + 1 < n; k++)
		if (pthread_create(&t[k], NULL, worker, j) != 0)
			break;
	worker(j);
	for (size_t i = 0; i < k; i++)
		pthread_join(t[i], NULL);
	sigaction(SIGINT, &old, NULL);
	pthread_mutex_destroy(&j->lock);
	clear_progress(j);
	j->r->stopped = interrupted != 0;
	/* keep what was finished, in order, without holes */
	size_t kept = 0;
	for (size_t i = 0; i < j->r->n; i++)
		if (j->r->r[i].metrics) {
			j->r->r[kept] = j->r->r[i];
			struct plan *p = j->r->own[i];
			j->r->own[i] = j->r->own[kept];
			j->r->own[kept++] = p;
		}
	j->r->n = kept;
}

/* ---------------------------------------------------------------------------------------------- text */

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

/* Mean over the seeds of one technique, and half the width of its 95 % confidence interval (normal). */
static double mean_of(const struct runs *r, size_t tech, int metric, double *half)
{
	double sum = 0, sq = 0;
	size_t n = 0;
	for (size_t i = tech; i < r->n; i += r->ntech) {
		double v = metrics_get(r->r[i].metrics, metric, -1);
		if (isnan(v))
			continue;
		sum += v;
		sq += v * v;
		n++;
	}
	*half = NAN;
	if (!n)
		return (double)NAN;
	double mean = sum / (double)n;
	if (n > 1) {
		double var = (sq - sum * mean) / (double)(n - 1);
		*half = 1.96 * sqrt(var > 0 ? var : 0) / sqrt((double)n);
	}
	return mean;
}

static size_t columns_of(const struct runs *r)
{
	return r->n < r->ntech ? r->n : r->ntech;
}

static void print_metric(const struct runs *r, int metric)
{
	const struct metric_def *d = metric_at((size_t)metric);
	bool share = !strcmp(d->unit, "share"), all_zero = true;
	char cell[16][64];
	size_t n = columns_of(r) < 16 ? columns_of(r) : 16;
	for (size_t k = 0; k < n; k++) {
		double half, v = mean_of(r, k, metric, &half);
		all_zero &= isnan(v) || fpclassify(v) == FP_ZERO;
		number_text(v, share, cell[k], sizeof cell[k]);
		if (!isnan(half) && half > fabs(v) * 1e-6) { /* less is rounding */
			char h[32];
			number_text(half, share, h, sizeof h);
			snprintf(cell[k] + strlen(cell[k]), sizeof cell[k] - strlen(cell[k]), " +- %s", h);
		}
	}
	bool silent = metric == METRIC_MSG_DUPLICATED || metric == METRIC_MSG_DISORDER ||
		      metric == METRIC_RECONNECTS || metric == METRIC_PKT_DROPPED ||
		      metric == METRIC_RADIO_ENERGY;
	if (all_zero && silent)
		return;
	printf("  %-26s %-6s", d->name, share ? "" : d->unit);
	for (size_t k = 0; k < n; k++)
		printf(" %18s", cell[k]);
	putchar('\n');
}

static void print_expects(const struct runs *r)
{
	bool head = false;
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->r[i].nexpects; k++) {
			const struct run_expect *e = &r->r[i].expects[k];
			if (!e->applies || r->r[i].partial)
				continue;
			if (!head)
				printf("\nexpectations\n");
			head = true;
			char v[40];
			bool share = metric_find(e->e->metric) >= 0 &&
				     !strcmp(metric_at((size_t)metric_find(e->e->metric))->unit, "share");
			number_text(e->measured, share, v, sizeof v);
			printf("  %-6s %s (%s, seed %" PRIu64 ": %s)\n", e->holds ? "holds" : "FAILS",
				e->e->text, r->r[i].technique, r->r[i].seed, v);
		}
}

static void print_text(const struct runs *r)
{
	const struct plan *p = r->plan;
	char length[32];
	size_t n = columns_of(r) < 16 ? columns_of(r) : 16;
	trace_duration(p->cfg.duration_ns, length, sizeof length);
	uint64_t clients = 0;
	for (size_t g = 0; g < p->cfg.ngroups; g++)
		clients += p->cfg.groups[g].count;
	printf("%s\n", p->title ? p->title : p->id);
	printf("  %" PRIu64 " client%s, %s, seed %" PRIu64, clients, clients == 1 ? "" : "s", length,
		r->n ? r->r[0].seed : p->seed);
	if (r->nrep > 1)
		printf(" and the %zu after it (mean +- half of the 95 %% confidence interval)", r->nrep - 1);
	printf("%s\n\n  %-33s", r->stopped ? ", STOPPED EARLY: figures so far" : "", "");
	for (size_t k = 0; k < n; k++)
		printf(" %18s", r->r[k].technique);
	putchar('\n');
	for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
		print_metric(r, shown[i]);
	print_expects(r);
	for (size_t k = 0; k < n && r->nrep == 1; k++)
		printf("%s%s %016" PRIx64 "%s", k ? "  " : "\nfingerprints  ", r->r[k].technique,
			r->r[k].fingerprint, k + 1 == n ? "\n" : "");
}

static void print_csv(const struct runs *r)
{
	printf("scenario,technique,seed,fingerprint");
	for (size_t m = 0; m < metric_count(); m++)
		printf(",%s", metric_at(m)->name);
	putchar('\n');
	for (size_t i = 0; i < r->n; i++) {
		printf("%s,%s,%" PRIu64 ",%016" PRIx64, r->plan->id, r->r[i].technique, r->r[i].seed,
			r->r[i].fingerprint);
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

/* ---------------------------------------------------------------------------------------------- files */

/* "out.jsonl" for one run; "out-polling.jsonl", "out-polling-43.jsonl" for several. */
static char *file_for(const struct runs *r, size_t i, const char *path)
{
	const char *base = strrchr(path, '/');
	const char *dot = strrchr(base ? base : path, '.');
	size_t stem = dot && dot != path ? (size_t)(dot - path) : strlen(path), cap = strlen(path) + 96;
	char *s = xmalloc(cap), seed[32] = "";
	if (r->n == 1 || !strcmp(path, "-")) {
		snprintf(s, cap, "%s", path);
		return s;
	}
	if (r->nrep > 1)
		snprintf(seed, sizeof seed, "-%" PRIu64, r->r[i].seed);
	snprintf(s, cap, "%.*s-%.40s%s%s", (int)stem, path, r->r[i].technique, seed, path + stem);
	return s;
}

static int write_trace(const struct trace *tr, const struct options *o, const struct trace_out *out)
{
	(void)o;
	return trace_write_jsonl(tr, out);
}

static int write_pcap(const struct trace *tr, const struct options *o, const struct trace_out *out)
{
	struct cap_export_opts e = {.at = o->pcap_at, .program = "backtalk " BT_VERSION};
	int rc = cap_export_trace(tr, &e, out);
	if (rc == -2)
		ui_error("--pcap-at: there is no `%s` in this run", o->pcap_at);
	return rc;
}

static bool write_one(const char *path, const struct trace *tr, const struct options *o,
	int (*write)(const struct trace *, const struct options *, const struct trace_out *))
{
	struct outfile f;
	if (outfile_open(&f, path) < 0) {
		ui_error("cannot write %s: %s", path, strerror(errno));
		return false;
	}
	struct trace_out out = {.write = outfile_write, .ctx = &f};
	int rc = write(tr, o, &out);
	if (rc < 0) {
		int e = errno;
		outfile_abandon(&f);
		if (rc == -1)
			ui_error("cannot write %s: %s", path, strerror(e));
		return false;
	}
	if (outfile_commit(&f) < 0) {
		ui_error("cannot write %s: %s", path, strerror(errno));
		return false;
	}
	return true;
}

static bool write_files(const struct runs *r, const struct options *o)
{
	bool fine = true;
	for (size_t i = 0; i < r->n && fine; i++) {
		if (o->trace) {
			char *path = file_for(r, i, o->trace);
			fine = write_one(path, r->r[i].trace, o, write_trace);
			xfree(path);
		}
		if (o->pcap && fine) {
			char *path = file_for(r, i, o->pcap);
			fine = write_one(path, r->r[i].trace, o, write_pcap);
			xfree(path);
		}
		const char *limit = r->r[i].trace ? r->r[i].trace->overflow : NULL;
		if ((o->trace || o->pcap) && limit)
			ui_error("the trace of %s reached the limit %s: it is not complete",
				r->r[i].technique, limit);
	}
	return fine;
}

/* ---------------------------------------------------------------------------------------------- both commands */

static int verdict(const struct runs *r)
{
	if (r->stopped)
		return EXIT_ENV;
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->r[i].nexpects; k++)
			if (r->r[i].expects[k].applies && !r->r[i].expects[k].holds)
				return EXIT_EXPECT;
	return EXIT_FINE;
}

static void free_runs(struct runs *r, size_t n)
{
	for (size_t i = 0; i < r->n; i++)
		run_result_fini(&r->r[i]);
	for (size_t i = 0; i < n; i++)
		if (r->own[i])
			plan_free(r->own[i]);
	xfree(r->r);
	xfree(r->own);
	plan_free(r->plan);
}

int runs_summary(struct plan *owned, const char *data, const struct options *o, bool compare)
{
	struct runs r = {.plan = owned, .nrep = o->replications};
	const char **tech = choose_techniques(owned, o, compare, &r.ntech);
	size_t n = r.n = r.ntech * r.nrep;
	int rc = EXIT_INPUT;
	if (n > RUNS_MAX) {
		ui_error("%zu runs are more than the limit of %u", n, RUNS_MAX);
		free_techniques(tech, r.ntech);
		plan_free(owned);
		return rc;
	}
	r.r = xcalloc(n, sizeof *r.r);
	r.own = xcalloc(n, sizeof *r.own);
	struct job j = {.r = &r, .o = o, .data = data, .tech = tech, .keep_trace = o->trace || o->pcap};
	j.show_progress = !o->quiet && isatty(STDERR_FILENO);
	run_all(&j);
	if (j.failed) {
		ui_error("the scenario file changed while it was being run");
		rc = EXIT_ENV;
	} else if (!write_files(&r, o)) {
		rc = EXIT_ENV;
	} else {
		if (o->format == FORMAT_JSON) {
			char *text = run_json(owned, r.r, r.n, true);
			fputs(text, stdout);
			if (!*text || text[strlen(text) - 1] != '\n')
				putchar('\n');
			free(text);
		} else if (o->format == FORMAT_CSV) {
			print_csv(&r);
		} else {
			print_text(&r);
		}
		rc = verdict(&r);
		if (r.stopped && !o->quiet)
			ui_error("stopped by Ctrl-C: these are the figures so far");
	}
	free_techniques(tech, r.ntech);
	free_runs(&r, n);
	return rc;
}

struct viewing {
	struct show_source src;
	struct runs counted; /* for the progress line */
	struct job job;
};

static void viewing_begin(
	struct viewing *w, const struct plan *p, const char *data, const struct options *o, bool several)
{
	*w = (struct viewing){
		.src = {.data = data, .path = o->args[0], .seed = o->seed, .seed_set = o->seed_set}};
	w->src.techniques = choose_techniques(p, o, several, &w->src.ntechniques);
	w->src.sets = xcalloc(o->nsets + 1, sizeof *w->src.sets);
	for (size_t i = 0; i < o->nsets; i++)
		w->src.sets[w->src.nsets++] = xstrdup(o->sets[i]);
	w->counted.n = w->src.ntechniques;
	w->job = (struct job){.r = &w->counted, .o = o, .show_progress = isatty(STDERR_FILENO) && !o->quiet};
	w->job.begin_ns = clock_ns(NULL);
	pthread_mutex_init(&w->job.lock, NULL);
	w->src.progress = (struct run_progress){.tick = on_tick, .wall_ns = clock_ns, .ctx = &w->job};
}

/* Makes the runs with their traces; NULL when stopped. Takes the plan. */
static struct show *viewing_show(struct viewing *w, struct plan *owned)
{
	struct sigaction sa = {.sa_handler = on_interrupt}, old;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, &old);
	struct show *s = show_new(owned, &w->src);
	sigaction(SIGINT, &old, NULL);
	clear_progress(&w->job);
	if (!s)
		ui_error("stopped before there was anything to show");
	return s;
}

static void viewing_end(struct viewing *w)
{
	for (size_t i = 0; i < w->src.nsets; i++)
		free((char *)w->src.sets[i]);
	xfree(w->src.sets);
	free_techniques(w->src.techniques, w->src.ntechniques);
	pthread_mutex_destroy(&w->job.lock);
}

int runs_view(struct plan *owned, const char *data, const struct options *o, bool compare)
{
	struct viewing w;
	bool several = compare || owned->ncompare > 1 || o->ntechniques > 1;
	viewing_begin(&w, owned, data, o, several);
	struct show *s = viewing_show(&w, owned);
	int rc = EXIT_ENV;
	if (s && ui_wants_view(o))
		rc = app_run(&s, &w.src, o, several);
	else if (s)
		rc = plain_run(s, o, true);
	show_free(s);
	viewing_end(&w);
	return rc;
}

/* --svg, --html, --cast: the runs once more, with their traces. */
static int pictures(const char *data, const struct options *o, bool compare)
{
	struct diags ds = {0};
	struct plan *p = plan_load(data, o->args[0], o->sets, o->nsets, &ds);
	diags_fini(&ds);
	if (!p)
		return EXIT_ENV;
	struct viewing w;
	bool several = compare || o->ntechniques > 1;
	viewing_begin(&w, p, data, o, several);
	struct show *s = viewing_show(&w, p);
	int rc = s && pictures_write(s, o, several) ? EXIT_FINE : EXIT_ENV;
	show_free(s);
	viewing_end(&w);
	return rc;
}

/* A view is wanted unless the user asked for a result or a file. */
static bool wants_files(const struct options *o)
{
	return o->trace || o->pcap || o->svg || o->html || o->cast || o->replications > 1 || o->quiet;
}

int runs_command(const struct cmd_usage *u, bool compare, int argc, char **argv)
{
	struct options o;
	int rc = options_parse(&o, u, NULL, 0, argc, argv);
	if (rc >= 0)
		return rc;
	char *data = data_scenarios();
	struct plan *p = NULL;
	if (o.theme && theme_find(o.theme) < 0)
		rc = options_wrong(
			u, "there are the themes default, light, dark and mono, not `%s`", o.theme);
	else if (!runs_check_techniques(u, o.techniques, o.ntechniques))
		rc = EXIT_INPUT;
	else
		p = runs_plan(u, &o, &data, &rc);
	if (p && compare && !o.ntechniques && !p->ncompare) {
		rc = options_wrong(
			u, "this scenario has no compare list; name the techniques with --techniques");
		plan_free(p);
		p = NULL;
	}
	bool view = !wants_files(&o) && (ui_wants_view(&o) || o.plain);
	if (p && view)
		rc = runs_view(p, data, &o, compare);
	if (p && !view) {
		rc = runs_summary(p, data, &o, compare);
		int drawn = o.svg || o.html || o.cast ? pictures(data, &o, compare) : EXIT_FINE;
		rc = rc == EXIT_FINE || drawn == EXIT_ENV ? (drawn ? drawn : rc) : rc;
	}
	options_fini(&o);
	free(data);
	return rc;
}
