/*
 * diag: collecting complaints about files. The struct and the printed form are in plan.h.
 */
#ifndef SIM_SCENARIO_DIAG_H
#define SIM_SCENARIO_DIAG_H

#include "sim/scenario/plan.h"

/* Complaints kept for one load; more are counted in one last line. */
enum { DIAGS_MAX = 200 };

/* Adds a complaint; texts are copied. `line` and `hint` may be NULL. Returns it for further marking, or NULL
 * when the list is full. */
struct diag *diags_add(struct diags *ds, const char *file, struct src_pos pos, uint32_t span,
	const char *line, const char *hint, const char *fmt, ...) __attribute__((format(printf, 7, 8)));
/* Moves all of `from` behind those of `to`. */
void diags_move(struct diags *to, struct diags *from);
/* By file order of appearance, then line and column; equal complaints at one place are kept once. */
void diags_sort(struct diags *ds);

#endif
