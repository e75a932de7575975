/*
 * hist: see hist.h.
 */
#include "sim/measure/hist.h"

#include <stddef.h>
#include <string.h>

#include "sim/core/xmalloc.h"

/* Position of the highest set bit of a value that is not 0. */
static unsigned log2_of(uint64_t v)
{
	return 63u - (unsigned)__builtin_clzll(v);
}

static uint32_t bucket_of(int64_t ns)
{
	uint64_t us = ns < 0 ? 0 : (uint64_t)ns / 1000;
	if (us < HIST_SUB)
		return (uint32_t)us;
	unsigned shift = log2_of(us) - 7;
	if (shift >= HIST_OCTAVES)
		return HIST_BUCKETS - 1;
	return (shift + 1) * HIST_SUB + (uint32_t)((us >> shift) - HIST_SUB);
}

static int64_t bucket_low(uint32_t b)
{
	if (b < HIST_SUB)
		return (int64_t)b * 1000;
	unsigned shift = b / HIST_SUB - 1;
	return (int64_t)(((uint64_t)(b % HIST_SUB) + HIST_SUB) << shift) * 1000;
}

static void need(struct hist *h)
{
	if (!h->count)
		h->count = xcalloc(HIST_BUCKETS, sizeof *h->count);
}

void hist_add(struct hist *h, int64_t ns, uint64_t n)
{
	need(h);
	h->count[bucket_of(ns)] += (uint32_t)n;
	h->n += n;
}

void hist_merge(struct hist *h, const struct hist *from)
{
	if (!from->count)
		return;
	need(h);
	for (uint32_t i = 0; i < HIST_BUCKETS; i++)
		h->count[i] += from->count[i];
	h->n += from->n;
}

void hist_fini(struct hist *h)
{
	xfree(h->count);
	memset(h, 0, sizeof *h);
}

int64_t hist_quantile(const struct hist *h, uint32_t num, uint32_t den)
{
	if (!h->n)
		return 0;
	uint64_t rank = (h->n * num + den - 1) / den, seen = 0;
	if (!rank)
		rank = 1;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		seen += h->count[i];
		if (seen >= rank)
			return bucket_low(i);
	}
	return bucket_low(HIST_BUCKETS - 1);
}
