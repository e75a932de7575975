/* Pools of equal objects. See pool.h. */
#include "sim/core/pool.h"
#include "sim/core/xmalloc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	xfree(p->slab);
	xfree(p->place);
	*p = (struct pool){.name = p->name};
}

/* ---- numbers ------------------------------------------------------------------------------------------------ */

struct pool_place {
	const char *at;
	uint32_t slab;
};

void pool_numbered(struct pool *p)
{
	size_t most = SLAB_MAX_BYTES / p->size;

	assert(!p->bytes);
	p->numbered = true;
	while ((size_t)1 << p->shift < most)
		p->shift++;
}

/* How many slabs begin at or before `at`. */
static uint32_t places_to(const struct pool *p, const char *at)
{
	uint32_t lo = 0, hi = p->nslabs;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if ((uintptr_t)p->place[mid].at <= (uintptr_t)at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void number_slab(struct pool *p, char *at)
{
	uint32_t i = places_to(p, at);

	assert((uint64_t)(p->nslabs + 1) << p->shift <= UINT32_MAX);
	if (p->nslabs == p->slabs_cap) {
		p->slabs_cap = p->slabs_cap ? p->slabs_cap * 2 : 4;
		p->slab = xrealloc(p->slab, p->slabs_cap * sizeof *p->slab);
		p->place = xrealloc(p->place, p->slabs_cap * sizeof *p->place);
	}
	memmove(&p->place[i + 1], &p->place[i], (p->nslabs - i) * sizeof *p->place);
	p->place[i] = (struct pool_place){at, p->nslabs};
	p->slab[p->nslabs++] = at;
}

uint32_t pool_number(const struct pool *p, const void *o)
{
	uint32_t i = places_to(p, o);

	assert(i > 0);
	return p->place[i - 1].slab << p->shift |
	       (uint32_t)((size_t)((const char *)o - p->place[i - 1].at) / p->size);
}

/* ---- growing ------------------------------------------------------------------------------------------------ */

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
		if (p->numbered)
			number_slab(p, p->fresh);
	}
	o = p->fresh;
	p->fresh += p->size;
	if (++p->live > p->live_peak)
		p->live_peak = p->live;
	return o;
}
