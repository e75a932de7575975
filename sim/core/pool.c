/* Pools of equal objects. See pool.h. */
#include "sim/core/pool.h"
#include "sim/core/xmalloc.h"

#include <stdio.h>
#include <stdlib.h>

struct pool_slab {
	struct pool_slab *next;
	size_t bytes;
};

/* A pool's first slab is small (a lecture has few objects of each kind), each further one doubles. */
#define SLAB_FIRST_BYTES ((size_t)4 << 10)
#define SLAB_MAX_BYTES ((size_t)128 << 10)
/* So do the arena's regions, up to the size of some huge pages. */
#define REGION_FIRST_BYTES ((size_t)16 << 10)
#define REGION_MAX_BYTES ((size_t)8 << 20)
#define LINE 64 /* objects start on a cache line */

/* `n` octets, a multiple of LINE. */
static char *arena_get(struct pool_arena *a, size_t n)
{
	if ((size_t)(a->end - a->at) < n) {
		size_t want = a->bytes < REGION_FIRST_BYTES ? REGION_FIRST_BYTES : a->bytes;

		if (want > REGION_MAX_BYTES)
			want = REGION_MAX_BYTES;
		while (want < 2 * LINE + n)
			want *= 2;
		struct pool_slab *s = xpages(want);

		s->next = a->regions;
		s->bytes = want;
		a->regions = s;
		a->bytes += want;
		a->at = (char *)s + LINE + (LINE - (uintptr_t)s % LINE) % LINE;
		a->end = (char *)s + want;
	}
	a->at += n;
	return a->at - n;
}

void pool_arena_fini(struct pool_arena *a)
{
	while (a->regions) {
		struct pool_slab *s = a->regions;

		a->regions = s->next;
		xfree_pages(s, s->bytes);
	}
	*a = (struct pool_arena){0};
}

void pool_init(struct pool *p, struct pool_arena *arena, const char *name, size_t size, size_t live_max)
{
	*p = (struct pool){.name = name, .live_max = live_max, .arena = arena};
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
		size_t want = p->bytes < SLAB_FIRST_BYTES ? SLAB_FIRST_BYTES : p->bytes;

		if (want > SLAB_MAX_BYTES)
			want = SLAB_MAX_BYTES;
		while (want < p->size)
			want *= 2;
		p->bytes += want;
		p->fresh = arena_get(p->arena, want);
		p->fresh_end = p->fresh + want / p->size * p->size;
	}
	o = p->fresh;
	p->fresh += p->size;
	if (++p->live > p->live_peak)
		p->live_peak = p->live;
	return o;
}
