/*
 * ranks: see ranks.h.
 */
#include "sim/measure/ranks.h"

#include "sim/core/xmalloc.h"

#define DIGIT_BITS 11
#define DIGITS (1u << DIGIT_BITS)

/* Sorts v by one digit of the values into `to`. */
static void by_digit(const struct ranked *v, struct ranked *to, size_t n, unsigned shift)
{
	size_t at[DIGITS + 1] = {0};
	for (size_t i = 0; i < n; i++)
		at[((uint64_t)v[i].v >> shift & (DIGITS - 1)) + 1]++;
	for (unsigned d = 0; d < DIGITS; d++)
		at[d + 1] += at[d];
	for (size_t i = 0; i < n; i++)
		to[at[(uint64_t)v[i].v >> shift & (DIGITS - 1)]++] = v[i];
}

/* Digit by digit from the lowest. Latencies are many and small numbers: this is a tenth of comparing them. */
uint64_t ranks_sort(struct ranked **v, size_t len)
{
	struct ranked *spare = xmalloc((len + 1) * sizeof *spare);
	uint64_t all = 0, n = 0;
	for (size_t i = 0; i < len; i++)
		all |= (uint64_t)(*v)[i].v;
	for (unsigned shift = 0; shift < 64 && all >> shift; shift += DIGIT_BITS) {
		by_digit(*v, spare, len, shift);
		struct ranked *t = *v;
		*v = spare;
		spare = t;
	}
	xfree(spare);
	for (size_t i = 0; i < len; i++)
		(*v)[i].n = n += (*v)[i].n;
	return n;
}

int64_t ranks_at(const struct ranked *v, size_t len, uint64_t rank)
{
	size_t lo = 0, hi = len; /* the first that reaches it */
	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;
		if (v[mid].n < rank)
			lo = mid + 1;
		else
			hi = mid;
	}
	return v[lo].v;
}
