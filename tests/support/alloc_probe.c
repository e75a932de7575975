/*
 * The counting, failing allocator of tests.
 */
#include "tests/support/alloc_probe.h"

#include <assert.h>
#include <stdlib.h>

static void *probe_resize(void *ctx, void *p, size_t old, size_t n)
{
	struct alloc_probe *a = ctx;
	(void)old;
	if (n == 0) {
		assert(p == NULL || a->live > 0);
		a->live -= p != NULL;
		free(p);
		return NULL;
	}
	a->calls++;
	if (a->fail_at && a->calls >= a->fail_at) {
		a->failed = true;
		return NULL;
	}
	void *q = realloc(p, n);
	assert(q != NULL);
	a->live += p == NULL;
	return q;
}

void alloc_probe_arm(struct alloc_probe *p, size_t fail_at)
{
	*p = (struct alloc_probe){.al = {probe_resize, p}, .fail_at = fail_at};
}
