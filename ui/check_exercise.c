/*
 * check_exercise: an exercise judged before students are.
 *
 * The reference must reach its points for every student, doing nothing and brute force must not exceed theirs. Students
 * with the same parameters get the same points, so each set of parameters is tried once; --students tells how many
 * students are drawn. Each of the three files gets its part of the time budget; how far it came is said.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sim/core/xmalloc.h"
#include "sim/grade/result.h"
#include "sim/measure/jsonw.h"
#include "sim/measure/metrics.h"
#include "ui/check.h"

struct draws {
	char (*student)[32]; /* one student for each set of parameters */
	char (*digest)[17];
	size_t n;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void draw_all(const struct exercise *ex, unsigned students, struct draws *d)
{
	const char **values = xcalloc(ex->nparams + 1, sizeof *values);
	d->student = xcalloc(students, sizeof *d->student);
	d->digest = xcalloc(students, sizeof *d->digest);
	d->n = 0;
	for (unsigned i = 0; i < students; i++) {
		size_t k = 0;
		snprintf(d->student[d->n], sizeof d->student[d->n], "student-%u", i + 1);
		struct grade_opts o = {.student = d->student[d->n]};
		grade_draw(ex, &o, values, d->digest[d->n]);
		while (strcmp(d->digest[k], d->digest[d->n]))
			k++;
		d->n += k == d->n;
	}
	xfree(values);
}

static const char *points(double v, char out[32])
{
	jsonw_number(v, out, 32);
	return out;
}

/* The least room any test had, relative to the distance from zero to full points; and mistakes that fired. */
static double margin_of(
	struct check *c, const struct exercise *ex, const struct grade_result *r, struct src_pos pos)
{
	double least = 1e9;
	for (size_t i = 0; i < r->ntests; i++) {
		const struct ex_item *it = &ex->items[i / ex->nvariants];
		const struct grade_test *t = &r->tests[i];
		bool perfect = !strcmp(metric_at((size_t)it->metric_id)->unit, "share") && t->nmeasures &&
			       t->measures[0].value >= 1;
		if (t->nmeasures && !perfect) { /* more than all cannot be asked for */
			double m = (t->measures[0].value - it->full) / (it->full - it->zero);
			least = m < least ? m : least;
		}
		for (size_t k = 0; k < t->nmistakes; k++)
			check_error(c, ex->file, pos, "the reference is told the mistake `%s` (%s)",
				t->mistakes[k], r->student);
	}
	return least;
}

struct trying {
	const char *name;
	const struct ex_check *what;
	bool at_least;
	double budget_s;
};

static void try_file(
	struct check *c, const struct exercise *ex, const struct draws *d, const struct trying *t)
{
	struct submission sub;
	struct diags ds = {0};
	double begin = now_s(), least = 1e9, most = -1, margin = 1e9;
	size_t tried = 0;
	char a[32], b[32];
	if (!t->what->file)
		return;
	if (!submission_read(ex, t->what->file, &sub, &ds)) {
		char *s = diags_text(&ds);
		fputs(s, stderr);
		xfree(s);
		c->errors += (unsigned)ds.n;
		diags_fini(&ds);
		return;
	}
	for (; tried < d->n && (!tried || now_s() - begin < t->budget_s); tried++) {
		struct grade_opts o = {.student = d->student[tried]};
		struct grade_result *r = grade_run(ex, t->what->file, &sub, NULL, &o);
		bool bad = t->at_least ? r->score < t->what->limit : r->score > t->what->limit;
		if (bad)
			check_error(c, ex->file, t->what->pos, "%s gets %s points, not %s %s, as %s", t->name,
				points(r->score, a), t->at_least ? "at least" : "at most",
				points(t->what->limit, b), r->student);
		if (!r->gradable)
			check_error(c, ex->file, t->what->pos, "%s cannot be graded: %s", t->name, r->errors);
		least = r->score < least ? r->score : least;
		most = r->score > most ? r->score : most;
		if (t->at_least) {
			double m = margin_of(c, ex, r, t->what->pos);
			margin = m < margin ? m : margin;
		}
		grade_free(r);
	}
	submission_fini(&sub);
	if (c->quiet)
		return;
	printf("  %-10s %s to %s of %u points for %zu of %zu sets of parameters", t->name, points(least, a),
		points(most, b), ex->points, tried, d->n);
	if (t->at_least)
		printf("; room to the nearest threshold %s %%", points(floor(margin * 100), a));
	printf("%s\n", t->at_least && margin < 0.1 ? " (warning: under 10 %)" : "");
}

void check_exercise(struct check *c, const char *path)
{
	struct diags ds = {0};
	struct exercise *ex = exercise_load(c->data, path, &ds);
	if (!ex) {
		char *s = diags_text(&ds);
		fputs(s, stderr);
		xfree(s);
		c->errors += (unsigned)ds.n;
		c->environment = c->environment || diags_environment(&ds);
		diags_fini(&ds);
		return;
	}
	if (!ex->reference.file)
		check_error(c, ex->file, (struct src_pos){0, 0},
			"no `check: reference`: nobody knows whether full marks can be reached");
	if (c->run) {
		struct draws d;
		draw_all(ex, c->students, &d);
		const struct trying all[] = {{"reference", &ex->reference, true, c->budget_s * 0.5},
			{"do_nothing", &ex->do_nothing, false, c->budget_s * 0.2},
			{"spam", &ex->spam, false, c->budget_s * 0.3}};
		for (size_t i = 0; i < 3; i++)
			try_file(c, ex, &d, &all[i]);
		xfree(d.student);
		xfree(d.digest);
	}
	exercise_free(ex);
}
