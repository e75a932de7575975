/*
 * writers: the functions behind writers.def. Each is a pure function of a result: same result, same text.
 *
 * Students never see numbers of a hidden run: without opts.staff, measures, replay commands, and messages of tests that are not
 * `always` shown are left out by every writer.
 */
#ifndef SIM_GRADE_WRITERS_H
#define SIM_GRADE_WRITERS_H

#include "sim/grade/result.h"

#define X(name, what) \
	char *grade_write_##name(const struct grade_result *r, const struct grade_write_opts *o);
#include "sim/grade/writers.def"
#undef X

/* What a student may read about a test: its message, or for a hidden one its label. Into `out`. */
void grade_student_message(
	const struct grade_test *t, const struct grade_write_opts *o, char *out, size_t cap);

#endif
