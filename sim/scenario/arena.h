/*
 * arena: memory of a plan. Everything a plan points at is allocated here and freed at once; nothing is freed
 * alone. Running out of memory ends the program (xmalloc).
 */
#ifndef SIM_SCENARIO_ARENA_H
#define SIM_SCENARIO_ARENA_H

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *top;
};

void arena_init(struct arena *a);
void arena_fini(struct arena *a);
/* Zeroed, aligned for anything. */
void *arena_alloc(struct arena *a, size_t n);
/* Zeroed array; the product is checked. */
void *arena_array(struct arena *a, size_t n, size_t size);
char *arena_text(struct arena *a, const char *s);
char *arena_textn(struct arena *a, const char *s, size_t n);
char *arena_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
