/*
 * xmalloc: allocation for sim and ui, where running out of memory ends the program (exit 3 with the size asked
 * for). proto never uses it: there an allocator is a parameter and failure is an error to return.
 */
#ifndef SIM_CORE_XMALLOC_H
#define SIM_CORE_XMALLOC_H

#include "proto/base/base.h"

#include <stddef.h>

/* `n` octets, not initialised; never NULL, also for n == 0. Free with xfree. */
void *xmalloc(size_t n);
/* `n` zeroed objects of `size` octets; ends the program when n * size overflows. */
void *xcalloc(size_t n, size_t size);
/* Grows or shrinks `p` (or allocates, when NULL). */
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
/* Whole huge pages where the system has them, zeroed: for pools and tables of many megabytes; smaller ones begin on a cache
 * line too. Free with xfree_pages and the same `n`. */
void *xpages(size_t n);
void xfree_pages(void *p, size_t n);
void xfree(void *p);

/* The same as an allocator, for what proto offers: with it nothing there fails for want of memory. */
extern const struct alloc xalloc;

#endif
