/*
 * check: validates scenarios, exercises and presets. Every error is printed, not the first.
 *
 * A scenario is read, run under every technique it compares, and its expectations and the answers of its questions are
 * tried. With --no-run it is only read.
 */
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/scenario/doc.h"
#include "sim/scenario/library.h"
#include "sim/scenario/plan.h"
#include "ui/check.h"
#include "ui/commands.h"
#include "ui/data.h"

static void complain(struct check *c, struct diags *ds)
{
	char *s = diags_text(ds);
	fputs(s, stderr);
	xfree(s);
	c->errors += (unsigned)ds->n;
	c->environment = c->environment || diags_environment(ds);
}

void check_error(struct check *c, const char *file, struct src_pos pos, const char *fmt, ...)
{
	char what[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (pos.line)
		fprintf(stderr, "%s:%u:%u: %s\n", file, pos.line, pos.col, what);
	else
		fprintf(stderr, "%s: %s\n", file, what);
	c->failures++;
}

static void check_scenario(struct check *c, const char *path)
{
	struct diags ds = {0};
	struct plan *p = plan_load(c->data, path, c->sets, c->nsets, &ds);
	if (!p)
		complain(c, &ds);
	else if (c->run)
		check_run(c, p);
	diags_fini(&ds);
	plan_free(p);
}

static void check_preset(struct check *c, const char *path)
{
	struct diags ds = {0};
	struct doc d;
	struct preset p;
	doc_init(&d, &ds);
	if (!preset_read(&d, path, &p))
		complain(c, &ds);
	doc_fini(&d);
	diags_fini(&ds);
}

/* What a file is stands in it: `scenario:`, `exercise:` or `preset:`. What cannot be read is taken for a scenario. */
static const char *kind_of(const char *path)
{
	struct diags ds = {0};
	struct doc d;
	doc_init(&d, &ds);
	const struct doc_node *root = doc_read(&d, path);
	const char *kind = doc_get(root, "exercise") ? "exercise"
			   : doc_get(root, "preset") ? "preset"
						     : "scenario";
	doc_fini(&d);
	diags_fini(&ds);
	return kind;
}

static void check_file(struct check *c, const char *name)
{
	unsigned before = c->errors + c->failures;
	char *path = data_scenario_path(name);
	const char *kind = path ? kind_of(path) : "scenario";
	if (!strcmp(kind, "preset"))
		check_preset(c, path);
	else if (!strcmp(kind, "exercise"))
		check_exercise(c, path);
	else
		check_scenario(c, path ? path : name);
	c->files++;
	if (!c->quiet && c->errors + c->failures == before)
		printf("%s: %s, fine\n", name, kind);
	xfree(path);
}

int cmd_check(int argc, char **argv)
{
	static const struct cmd_usage usage = {.name = "check",
		.args = "FILE…",
		.about = "Validates scenarios, exercises and presets: prints every error with its place, "
			 "runs what can be run and tries "
			 "expectations, the answers of questions, and the [check] files of exercises.",
		.example = "backtalk check nat-forgets\nbacktalk check my-lecture.yaml "
			   "scenarios/exercises/*/exercise.yaml\n",
		.common = OPT_QUIET | OPT_SET};
	bool no_run = false;
	const char *keys = NULL, *budget = NULL;
	struct opt_own own[] = {
		{.name = "no-run", .help = "only read the files", .flag = &no_run},
		{.name = "students",
			.arg = "N",
			.help = "try the reference of an exercise for N students (default 200)",
			.value = &keys},
		{.name = "budget",
			.arg = "SECONDS",
			.help = "wall time for trying one exercise (60)",
			.value = &budget},
	};
	struct options o;
	int rc = options_parse(&o, &usage, own, 3, argc, argv);
	if (rc >= 0)
		return rc;
	struct check c = {.run = !no_run,
		.quiet = o.quiet,
		.sets = o.sets,
		.nsets = o.nsets,
		.students = 200,
		.budget_s = 60};
	c.data = data_scenarios();
	if (keys && (sscanf(keys, "%u", &c.students) != 1 || !c.students || c.students > 100000))
		rc = options_wrong(&usage, "--students takes a number from 1 to 100000");
	else if (budget && (sscanf(budget, "%lf", &c.budget_s) != 1 || !(c.budget_s > 0)))
		rc = options_wrong(&usage, "--budget takes seconds");
	else if (!o.nargs)
		rc = options_wrong(&usage, "which file?");
	for (size_t i = 0; rc < 0 && i < o.nargs; i++)
		check_file(&c, o.args[i]);
	if (rc < 0)
		rc = c.environment ? EXIT_ENV : c.errors ? EXIT_INPUT : c.failures ? EXIT_EXPECT : EXIT_FINE;
	xfree(c.data);
	options_fini(&o);
	return rc;
}
