/* Allocation that ends the program when there is no memory. See xmalloc.h. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, madvise */
#include "sim/core/xmalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Exit status 3: the environment failed. */
static _Noreturn void out_of_memory(size_t n)
{
	fprintf(stderr, "backtalk: out of memory (%zu bytes asked for)\n", n);
	exit(3);
}

void *xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		out_of_memory(n);
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p;

	if (size && n > SIZE_MAX / size)
		out_of_memory(SIZE_MAX);
	p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		out_of_memory(n * size);
	return p;
}

void *xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		out_of_memory(n);
	return p;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}

void xfree(void *p)
{
	free(p);
}

#define LINE 64
#define HUGE_PAGE ((size_t)2 << 20)
#define PAGE_MOST ((size_t)64 << 10) /* a whole number of ordinary pages on every machine (4, 16 or 64 KiB) */

static size_t whole_pages(size_t n)
{
	return (n + PAGE_MOST - 1) & ~(PAGE_MOST - 1);
}

/* Sanitizers watch malloc, not mmap: small requests go through calloc so that they are watched. */
void *xpages(size_t n)
{
	if (n < HUGE_PAGE) {
		unsigned char *p = xcalloc(1, n + LINE);
		const size_t skip = LINE - (uintptr_t)p % LINE; /* never 0 */

		p[skip - 1] = (unsigned char)skip; /* for xfree_pages */
		return p + skip;
	}
	if (n > SIZE_MAX / 2)
		out_of_memory(n);
	/* only aligned huge pages are huge: map more, give back the ends */
	size_t used = whole_pages(n);
	char *all = mmap(NULL, used + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		out_of_memory(n);
	size_t head = (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE;

	if (head)
		(void)munmap(all, head);
	(void)munmap(all + head + used, HUGE_PAGE - head); /* at least a page: head is below HUGE_PAGE */
#ifdef MADV_HUGEPAGE
	(void)madvise(all + head, used, MADV_HUGEPAGE); /* a wish; failure costs only speed */
#endif
	return all + head;
}

void xfree_pages(void *p, size_t n)
{
	if (!p)
		return;
	if (n < HUGE_PAGE)
		free((unsigned char *)p - ((unsigned char *)p)[-1]);
	else
		munmap(p, whole_pages(n));
}

static void *resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	(void)old;
	if (n == 0) {
		xfree(p);
		return NULL;
	}
	return xrealloc(p, n);
}

const struct alloc xalloc = {resize, NULL};
