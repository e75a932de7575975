/*
 * exercise_impl: what reading an exercise needs. Private to sim/grade.
 */
#ifndef SIM_GRADE_EXERCISE_IMPL_H
#define SIM_GRADE_EXERCISE_IMPL_H

#include "sim/grade/exercise.h"
#include "sim/scenario/doc.h"

struct exercise_impl {
	struct doc doc;
	struct diags own;
	struct doc_node *root, *scenario_root;
	const char *folder;
	struct expr **exprs;
	size_t nexprs;
};

/* Is this a name that expressions and messages may use: a key of the scenario, a parameter, a metric? */
bool exercise_knows(const struct exercise *ex, const char *name);
/* Makes plans with every variant, every value of every parameter and every choice; complains about what does not fit. */
void exercise_try(struct exercise_impl *im, struct exercise *ex);

#endif
