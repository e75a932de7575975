/*
 * hist: see hist.h.
 */
#include "sim/measure/hist.h"

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

/* The counts of that power of two. */
static uint32_t *part_of(struct hist *h, uint32_t part)
{
	if (!h->part[part])
		h->part[part] = xcalloc(HIST_SUB, sizeof *h->part[part]);
	return h->part[part];
}

void hist_add(struct hist *h, int64_t ns, uint64_t n)
{
	uint32_t b = bucket_of(ns);
	part_of(h, b / HIST_SUB)[b % HIST_SUB] += (uint32_t)n;
	h->n += n;
}

void hist_merge(struct hist *h, const struct hist *from)
{
	for (uint32_t p = 0; p < HIST_PARTS; p++) {
		uint32_t *to = from->part[p] ? part_of(h, p) : NULL;
		for (uint32_t i = 0; to && i < HIST_SUB; i++)
			to[i] += from->part[p][i];
	}
	h->n += from->n;
}

void hist_fini(struct hist *h)
{
	for (uint32_t p = 0; p < HIST_PARTS; p++)
		xfree(h->part[p]);
	memset(h, 0, sizeof *h);
}

size_t hist_bytes(const struct hist *h)
{
	size_t n = 0;
	for (uint32_t p = 0; p < HIST_PARTS; p++)
		n += h->part[p] ? HIST_SUB * sizeof *h->part[p] : 0;
	return n;
}

int64_t hist_quantile(const struct hist *h, uint32_t num, uint32_t den)
{
	if (!h->n)
		return 0;
	uint64_t rank = (h->n * num + den - 1) / den, seen = 0;
	if (!rank)
		rank = 1;
	for (uint32_t i = 0; i < HIST_BUCKETS; i++) {
		seen += h->part[i / HIST_SUB] ? h->part[i / HIST_SUB][i % HIST_SUB] : 0;
		if (seen >= rank)
			return bucket_low(i);
	}
	return bucket_low(HIST_BUCKETS - 1);
}
