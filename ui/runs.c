/*
 * runs: what `run` and `compare` share. See runs.h.
 *
 * Runs are made in threads (jobs.h) that only read the plan; results are put in the order of the command line, so that -j changes
 * nothing but the time it takes.
 */
#include "ui/runs.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "proto/tech/tech.h"
#include "sim/capture/cap_export.h"
#include "sim/core/xmalloc.h"
#include "sim/scenario/replications.h"
#include "sim/scenario/words.h"
#include "ui/commands.h"
#include "ui/data.h"
#include "ui/jobs.h"
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
	const char **tech;
	bool keep_trace, settle, show_progress;
	int64_t told_ns;
};

/* A line on a terminal, from the second second on. Returns whether to stop. */
static int see(void *ctx, const struct jobs_seen *seen)
{
	struct job *j = ctx;
	char line[200];
	if (j->show_progress && seen->spent_ns >= 1000000000 && seen->spent_ns - j->told_ns >= 200000000) {
		j->told_ns = seen->spent_ns;
		jobs_text(seen, line, sizeof line);
		fprintf(stderr, "\rbacktalk: %s\033[K", line);
		fflush(stderr);
	}
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

static void one_run(void *ctx, size_t i, const struct run_progress *progress)
{
	struct job *j = ctx;
	struct runs *r = j->r;
	size_t tech = i % r->ntech, rep = i / r->ntech;
	struct run_opts o = {.seed = (j->o->seed_set ? j->o->seed : r->plan->seed) + rep,
		.seed_set = true,
		.technique = j->tech[tech],
		.keep_trace = j->keep_trace,
		.lens_clients = j->o->trace_clients,
		.progress = *progress};
	run_plan(r->plan, &o, &r->r[i]);
	r->r[i].peak_rss_bytes = peak_rss();
	if (j->settle)
		run_result_settle(&r->r[i]);
}

/* The first Ctrl-C ends the runs under way with what they have; a second one ends the program. */
static void run_all(struct job *j)
{
	struct sigaction sa = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, old;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, &old);
	/* Variants of the plan are made here, so that threads only read it. */
	for (size_t i = 0; i < j->r->ntech; i++)
		if (j->tech[i])
			plan_cfg_with(j->r->plan, j->tech[i]);
	struct jobs all = {.n = j->r->ntech * j->r->nrep,
		.threads = j->o->jobs,
		.one = one_run,
		.see = see,
		.ctx = j,
		.see_ctx = j};
	j->r->stopped = !jobs_run(&all);
	sigaction(SIGINT, &old, NULL);
	clear_progress(j);
}

/* ---------------------------------------------------------------------------------------------- files */

/* "out.jsonl" for one run; "out-polling.jsonl", "out-polling-43.jsonl" for several. */
static char *file_for(const struct runs *r, size_t i, const char *path)
{
	const char *base = strrchr(path, '/');
	const char *dot = strrchr(base ? base : path, '.');
	size_t stem = dot && dot != path ? (size_t)(dot - path) : strlen(path), cap = strlen(path) + 96;
	char *s = xmalloc(cap), seed[32] = "";
	if (r->ntech * r->nrep == 1 || !strcmp(path, "-")) {
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
	return cap_export_trace(
		tr, &(struct cap_export_opts){.at = o->pcap_at, .program = "backtalk " BT_VERSION}, out);
}

/* Does the run have the node of --pcap-at? If not, says which is meant, or which there are. */
static bool has_node(const struct trace *tr, const char *name)
{
	enum { LISTED = 12 };
	struct words_near near;
	words_near_init(&near, name);
	for (uint32_t i = 1; i < tr->nnode; i++) {
		const char *n = trace_text(tr, tr->node[i].name);
		if (!strcmp(n, name))
			return true;
		words_near_try(&near, n);
	}
	if (near.best) {
		ui_error("--pcap-at: there is no `%s` in this run; did you mean `%s`?", name, near.best);
		return false;
	}
	ui_error("--pcap-at: there is no `%s` in this run; there are:", name);
	for (uint32_t i = 1; i < tr->nnode && i <= LISTED; i++)
		fprintf(stderr, "  %s\n", trace_text(tr, tr->node[i].name));
	if (tr->nnode > LISTED + 1)
		fprintf(stderr, "  and %u more\n", tr->nnode - 1 - LISTED);
	return false;
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

static int write_files(const struct runs *r, const struct options *o)
{
	bool fine = true;
	for (size_t i = 0; i < r->ntech * r->nrep && fine; i++) {
		if (!r->r[i].trace) /* nothing is wanted of it, or it was not run */
			continue;
		if (o->pcap && o->pcap_at && !has_node(r->r[i].trace, o->pcap_at))
			return EXIT_INPUT;
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
	return fine ? EXIT_FINE : EXIT_ENV;
}

/* ---------------------------------------------------------------------------------------------- both commands */

static int verdict(const struct runs *r)
{
	if (r->stopped)
		return EXIT_ENV;
	for (size_t i = 0; i < r->ntech * r->nrep; i++)
		for (size_t k = 0; k < r->r[i].nexpects; k++)
			if (r->r[i].expects[k].applies && !r->r[i].expects[k].holds)
				return EXIT_EXPECT;
	return EXIT_FINE;
}

static void free_runs(struct runs *r)
{
	for (size_t i = 0; i < r->ntech * r->nrep; i++)
		run_result_fini(&r->r[i]);
	xfree(r->r);
	plan_free(r->plan);
}

static void print_result(const struct runs *r, enum out_format format)
{
	if (format == FORMAT_CSV) {
		runs_csv(r);
	} else if (format == FORMAT_TEXT) {
		runs_text(r);
	} else {
		struct replications x = {r->r, r->ntech, r->nrep};
		char *text = run_json_replicated(r->plan, &x, true);
		fputs(text, stdout);
		free(text);
	}
}

int runs_summary(struct plan *owned, const char *data, const struct options *o, bool compare)
{
	struct runs r = {.plan = owned, .nrep = o->replications};
	const char **tech = choose_techniques(owned, o, compare, &r.ntech);
	size_t n = r.ntech * r.nrep;
	int rc = EXIT_INPUT;
	(void)data;
	if (n > RUNS_MAX) {
		ui_error("%zu runs are more than the limit of %u", n, RUNS_MAX);
		free_techniques(tech, r.ntech);
		plan_free(owned);
		return rc;
	}
	r.r = xcalloc(n, sizeof *r.r);
	struct job j = {.r = &r, .o = o, .tech = tech, .keep_trace = o->trace || o->pcap};
	j.show_progress = !o->quiet && isatty(STDERR_FILENO);
	j.settle = !j.keep_trace;
	run_all(&j);
	rc = write_files(&r, o);
	if (rc == EXIT_FINE) {
		print_result(&r, o->format);
		rc = verdict(&r);
		if (r.stopped && !o->quiet)
			ui_error("stopped by Ctrl-C: these are the figures so far");
	}
	free_techniques(tech, r.ntech);
	free_runs(&r);
	return rc;
}

struct viewing {
	struct show_source src;
	struct job job;
};

static void viewing_begin(
	struct viewing *w, const struct plan *p, const char *data, const struct options *o, bool several)
{
	*w = (struct viewing){.src = {.data = data,
				      .path = o->args[0],
				      .seed = o->seed,
				      .seed_set = o->seed_set,
				      .lens_clients = o->trace_clients}};
	w->src.techniques = choose_techniques(p, o, several, &w->src.ntechniques);
	w->src.sets = xcalloc(o->nsets + 1, sizeof *w->src.sets);
	for (size_t i = 0; i < o->nsets; i++)
		w->src.sets[w->src.nsets++] = xstrdup(o->sets[i]);
	w->job = (struct job){.o = o, .show_progress = isatty(STDERR_FILENO) && !o->quiet};
	w->src.threads = o->jobs;
	w->src.see = see;
	w->src.see_ctx = &w->job;
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
