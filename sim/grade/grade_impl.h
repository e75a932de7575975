/*
 * grade_impl: the state of grading one submission. Private to sim/grade.
 */
#ifndef SIM_GRADE_GRADE_IMPL_H
#define SIM_GRADE_GRADE_IMPL_H

#include "sim/grade/result.h"
#include "sim/measure/metrics.h"
#include "sim/scenario/arena.h"

struct grade {
	struct arena arena;
	const struct exercise *ex;
	const struct grade_opts *o;
	const struct submission *sub;
	const char **param;
	struct grade_result *r;
	int64_t score; /* hundredths */
};

/* One variant: its plan and what its runs measured. */
struct trial {
	const struct ex_variant *v;
	struct plan *plan;
	const char *const *sets;
	size_t nsets;
	double *item;   /* [item * seeds + run] */
	double *metric; /* [metric * seeds + run] */
	double *share;  /* [item]: part of the points, after `needs` */
	uint64_t *seed;
};

/* For expressions: names of one variant's trial; rubric items before `item` have their share. */
struct look {
	struct grade *g;
	const struct trial *t;
	size_t item;
};
bool grade_look(void *ctx, const char *name, struct expr_value *out);

double grade_over(const double *v, unsigned n, enum grade_over over, bool more_is_better, unsigned *run);
double grade_share(double value, double full, double zero);
/* "97.2 % in the worst of 5 runs; all points from 99.5 %, none at 90 %." */
const char *grade_value_message(
	struct grade *g, const struct ex_item *it, const struct trial *t, double value);
/* The command that runs one of a trial's runs again. */
const char *grade_replay(struct grade *g, const struct trial *t, unsigned run);
/* Recognised mistakes of this variant: ids on tests without full points, sentences into the result's advice. */
void grade_mistakes(struct grade *g, const struct trial *t, size_t variant, struct grade_test *tests);

#endif
