/*
 * wide: products of 64-bit numbers that need 128 bits on the way.
 *
 * 64-bit targets have them as __int128; elsewhere (32-bit ARM, for one) they are made of 32-bit halves. Both ways give the same
 * numbers, so a run is the same everywhere; the second is kept compilable everywhere so that a test can compare the two.
 */
#ifndef SIM_CORE_WIDE_H
#define SIM_CORE_WIDE_H

#include <stdint.h>

struct wide {
	uint64_t hi, lo;
};

/* a * b by schoolbook multiplication of 32-bit digits. */
static inline struct wide wide_soft_mul(uint64_t a, uint64_t b)
{
	uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
	uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0;
	uint64_t mid = (p00 >> 32) + (uint32_t)p01 + (uint32_t)p10;

	return (struct wide){a1 * b1 + (p01 >> 32) + (p10 >> 32) + (mid >> 32), mid << 32 | (uint32_t)p00};
}

/* The low 64 bits of n / d, one bit of the quotient after another. d is not 0. */
static inline uint64_t wide_soft_div(struct wide n, uint64_t d)
{
	uint64_t rest = n.hi % d, q = 0;

	for (int i = 63; i >= 0; i--) {
		uint64_t out = rest >> 63;

		rest = rest << 1 | (n.lo >> i & 1);
		if (out || rest >= d) {
			rest -= d;
			q |= (uint64_t)1 << i;
		}
	}
	return q;
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 wide_native;

static inline struct wide wide_mul(uint64_t a, uint64_t b)
{
	wide_native p = (wide_native)a * b;

	return (struct wide){(uint64_t)(p >> 64), (uint64_t)p};
}

/* The low 64 bits of (a * b + add) / d. */
static inline uint64_t wide_muldiv(uint64_t a, uint64_t b, uint64_t add, uint64_t d)
{
	return (uint64_t)(((wide_native)a * b + add) / d);
}
#else
static inline struct wide wide_mul(uint64_t a, uint64_t b)
{
	return wide_soft_mul(a, b);
}

static inline uint64_t wide_muldiv(uint64_t a, uint64_t b, uint64_t add, uint64_t d)
{
	struct wide p = wide_soft_mul(a, b);

	p.lo += add;
	p.hi += p.lo < add;
	return wide_soft_div(p, d);
}
#endif

/* The low 64 bits of (a * b + add) >> shift, 0 < shift < 64. */
static inline uint64_t wide_mulshift(uint64_t a, uint64_t b, uint64_t add, unsigned shift)
{
	struct wide p = wide_mul(a, b);

	p.lo += add;
	p.hi += p.lo < add;
	return p.hi << (64 - shift) | p.lo >> shift;
}

#endif
