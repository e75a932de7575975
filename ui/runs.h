/*
 * runs: what `run` and `compare` share: reading the scenario, running it under techniques and seeds (in
 * threads with -j), the result as table, JSON or CSV, and the files asked for.
 */
#ifndef UI_RUNS_H
#define UI_RUNS_H

#include "sim/scenario/run.h"
#include "ui/options.h"
#include "ui/show.h"

#define RUNS_MAX 100000u

struct runs {
	struct plan *plan; /* as told by the command line */
	struct run_result *r;
	size_t ntech, nrep; /* r[rep * ntech + tech]; without metrics where the run was not made */
	bool stopped;       /* by the user; some results are partial or missing */
};

/* A table with means and differences; a line a run. To stdout. */
void runs_text(const struct runs *r);
void runs_csv(const struct runs *r);

/* Loads the scenario named by the only argument; complaints go to stderr. NULL: *rc is the exit code. */
struct plan *runs_plan(const struct cmd_usage *u, const struct options *o, char *const *data, int *rc);
/* Are these names of techniques? Complains and returns false otherwise. */
bool runs_check_techniques(const struct cmd_usage *u, const char *const *t, size_t n);
/* The summary: runs, prints, writes files. `compare`: all techniques of the scenario's compare list, else only
 * the scenario's own. Takes the plan. Returns the exit code. */
int runs_summary(struct plan *owned, const char *data, const struct options *o, bool compare);
/* A whole command: options, plan, then view or summary. */
int runs_command(const struct cmd_usage *u, bool compare, int argc, char **argv);
/* The terminal view. Takes the plan. */
int runs_view(struct plan *owned, const char *data, const struct options *o, bool compare);

#endif
