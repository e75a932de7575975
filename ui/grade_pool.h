/*
 * grade_pool: many submissions side by side, each in a process of its own.
 *
 * A submission is hostile input: whatever it does (runs for ever, fills the memory, finds a fault of ours), its process
 * ends and the others go on. Results are printed in the order of the names, whatever ends first, so the output is the same
 * for any number of workers.
 */
#ifndef UI_GRADE_POOL_H
#define UI_GRADE_POOL_H

#include <stddef.h>
#include <stdio.h>

struct grade_pool {
	unsigned jobs;       /* processes at the same time, at least 1 */
	unsigned seconds;    /* of wall time for one */
	size_t memory_bytes; /* address space of one; 0: as it is */
	/* In the child: writes the result of item i to `out` and returns an exit code. */
	int (*work)(void *ctx, size_t i, FILE *out);
	/* In the parent, in the order of items: what it wrote, its exit code; `died` says why there is none ("took longer
	 * than 60 s"), else NULL. */
	void (*done)(void *ctx, size_t i, const char *text, size_t n, int code, const char *died);
	void *ctx;
};

/* 0, or -1 with errno when no process can be made. */
int grade_pool_run(const struct grade_pool *p, size_t n);

#endif
