/*
 * check: what the parts of `backtalk check` share.
 */
#ifndef UI_CHECK_H
#define UI_CHECK_H

#include <stdarg.h>
#include <stdbool.h>

#include "sim/scenario/plan.h"

struct check {
	char *data; /* the folder of shipped scenarios */
	bool run, quiet;
	const char *const *sets;
	size_t nsets;
	double budget_s;   /* wall time for trying one exercise */
	unsigned students; /* how many student keys an exercise is tried with */
	unsigned files, errors, failures;
	bool environment;
};

/* A false expectation, answer or score: printed with its place and counted. */
void check_error(struct check *c, const char *file, struct src_pos pos, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Runs a plan under all its techniques and tries expectations and answers. */
void check_run(struct check *c, struct plan *p);
/* Reads an exercise, and tries its reference, do-nothing and spam files. */
void check_exercise(struct check *c, const char *path);

#endif
