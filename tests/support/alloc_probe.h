/*
 * alloc_probe: an allocator that counts, and fails when told to, for out-of-memory tests.
 *
 *	size_t n = 0; do { alloc_probe_arm(&p, ++n); run(&p.al); assert(p.live == 0); } while (p.failed);
 */
#ifndef TESTS_SUPPORT_ALLOC_PROBE_H
#define TESTS_SUPPORT_ALLOC_PROBE_H

#include "proto/base/base.h"

struct alloc_probe {
	struct alloc al;
	size_t live;    /* blocks not given back */
	size_t calls;   /* allocations asked for */
	size_t fail_at; /* the number of the call that fails, and all after it; 0: none */
	bool failed;
};

/* Starts counting anew; the fail_at-th request for memory and all later ones fail (0: none). */
void alloc_probe_arm(struct alloc_probe *p, size_t fail_at);

#endif
