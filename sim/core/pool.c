/* Pools of equal objects. See pool.h. */
#include "sim/core/pool.h"
#include "sim/core/xmalloc.h"

#include <stdio.h>
#include <stdlib.h>

struct pool_slab {
	struct pool_slab *next;
	size_t bytes;
};

/* The first slab is small (a lecture has few objects of each kind), each further one doubles up to 8 MiB. */
#define SLAB_FIRST_BYTES ((size_t)4 << 10)
#define SLAB_MAX_BYTES ((size_t)8 << 20)
#define SLAB_HEAD 64 /* objects start on a cache line */

void pool_init(struct pool *p, const char *name, size_t size, size_t live_max)
{
	*p = (struct pool){.name = name, .live_max = live_max};
	p->size = (size + 7) & ~(size_t)7;
	if (p->size < 16)
		p->size = 16;
}

void pool_fini(struct pool *p)
{
	if (p->live) {
		fprintf(stderr, "backtalk: %zu objects of pool %s were not returned\n", p->live, p->name);
		abort();
	}
	while (p->slabs) {
		struct pool_slab *s = p->slabs;

		p->slabs = s->next;
		xfree_pages(s, s->bytes);
	}
	*p = (struct pool){.name = p->name};
}

void *pool_grow(struct pool *p)
{
	void *o;

	if (pool_full(p)) {
		fprintf(stderr, "backtalk: limit reached: %zu objects of pool %s\n", p->live_max, p->name);
		exit(3);
	}
	if (p->fresh == p->fresh_end) {
		size_t want = p->bytes ? p->bytes : SLAB_FIRST_BYTES;
		struct pool_slab *s;

		if (want > SLAB_MAX_BYTES)
			want = SLAB_MAX_BYTES;
		while (want < SLAB_HEAD + p->size)
			want *= 2;
		s = xpages(want);
		s->next = p->slabs;
		s->bytes = want;
		p->slabs = s;
		p->bytes += want;
		p->fresh = (char *)s + SLAB_HEAD;
		p->fresh_end = p->fresh + (want - SLAB_HEAD) / p->size * p->size;
	}
	o = p->fresh;
	p->fresh += p->size;
	if (++p->live > p->live_peak)
		p->live_peak = p->live;
	return o;
}
