/*
 * pool: objects of one size, taken and returned in constant time, counted.
 *
 * Memory comes in slabs and goes back only when the pool ends, so an object's address always holds an object of
 * the same type, living or returned ("type-stable"). Lazy timers rely on that: a pending event may still point
 * to an object that was returned; see world.h, struct timer. A returned object keeps its octets, except for the
 * first eight (the free list's link).
 *
 * Objects are handed out last-returned-first, which is deterministic and warm in the cache.
 *
 * A pool's objects may have numbers (pool_numbered), by the order in which its slabs came: half the size of a pointer, and the
 * same in every run.
 */
#ifndef SIM_CORE_POOL_H
#define SIM_CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/hint.h"

struct pool_slab;
struct pool_place;

/* Where pools that live equally long get their slabs from: one piece of memory after another, so that their last pages are shared. */
struct pool_arena {
	char *at, *end;
	struct pool_slab *regions;
	size_t bytes;
};
void pool_arena_fini(struct pool_arena *a); /* after the pools */

struct pool {
	const char *name; /* borrowed; a literal such as "pkt" */
	size_t size;      /* octets per object, rounded up to 8 */
	void *free;       /* list of returned objects */
	char *fresh, *fresh_end;
	struct pool_arena *arena;
	size_t live, live_peak; /* objects out now, and the most ever: what was returned goes first */
	size_t live_max;        /* the named limit; 0: none */
	size_t bytes;           /* of all slabs */

	/* with numbers; number = slab << shift | place in the slab */
	char **slab;              /* by the order in which they came */
	struct pool_place *place; /* by address */
	uint32_t nslabs, slabs_cap;
	uint8_t shift;
	bool numbered;
};

/* `live_max` 0 means unlimited; exceeding it ends the program naming the pool (a model that can reach its limit
 * asks pool_full first and fails in its own words). */
void pool_init(struct pool *p, struct pool_arena *arena, const char *name, size_t size, size_t live_max);
/* Asserts that every object was returned. The memory goes with the arena. */
void pool_fini(struct pool *p);

/* Right after pool_init: its objects get numbers. */
void pool_numbered(struct pool *p);
/* The number of one of its objects: looks for the slab, so it is for objects that come, not for each of their steps. */
uint32_t pool_number(const struct pool *p, const void *o);
/* The object of a number. */
static inline void *pool_at(const struct pool *p, uint32_t number)
{
	return p->slab[number >> p->shift] + (size_t)(number & ((1u << p->shift) - 1)) * p->size;
}

/* Out of line: takes a fresh object, or a new slab. */
APART void *pool_grow(struct pool *p);

static inline int pool_full(const struct pool *p)
{
	return p->live_max && p->live >= p->live_max;
}

/* An object with undefined contents. */
static inline void *pool_get(struct pool *p)
{
	void *o = p->free;

	if (rare(!o))
		return pool_grow(p);
	p->free = *(void **)o;
	__builtin_prefetch(p->free, 1); /* the next one may not have been touched for long */
	if (p->size > 64)
		__builtin_prefetch((char *)p->free + 64, 1);
	p->live++;
	return o;
}

/* Returns an object taken from this pool. */
static inline void pool_put(struct pool *p, void *owned)
{
	*(void **)owned = p->free;
	p->free = owned;
	p->live--;
}

#endif
