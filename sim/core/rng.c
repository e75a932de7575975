/*
 * Random streams and distributions in integers. See rng.h.
 *
 * SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
 * Unbiased bounded numbers: D. Lemire, "Fast random integer generation in an interval", 2019.
 */
#include "sim/core/rng.h"

#include <assert.h>

#include "sim/core/wide.h"

/* FNV-1a over the name, then mixed with the seed: neighbouring seeds and like names give unrelated streams. */
struct rng rng_named(uint64_t seed, const char *name)
{
	return rng_named_at(seed, name, 0);
}

uint64_t rng_family(uint64_t seed, const char *name)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3u;
	return rng_mix(h ^ rng_mix(seed + 0x9e3779b97f4a7c15u));
}

struct rng rng_at(uint64_t family, uint64_t i)
{
	return (struct rng){mix64_at(family, i)};
}

struct rng rng_named_at(uint64_t seed, const char *name, uint64_t i)
{
	return rng_at(rng_family(seed, name), i);
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	assert(n > 0);
	struct wide m = wide_mul(rng_u64(r), n);

	if (m.lo < n) {
		uint64_t t = -n % n; /* 2^64 mod n: results below it would be too frequent */

		while (m.lo < t)
			m = wide_mul(rng_u64(r), n);
	}
	return m.hi;
}

int64_t rng_between(struct rng *r, int64_t lo, int64_t hi)
{
	assert(lo <= hi);
	uint64_t span = (uint64_t)hi - (uint64_t)lo + 1;

	if (!span)
		return (int64_t)rng_u64(r);
	return (int64_t)((uint64_t)lo + rng_below(r, span));
}

uint64_t rng_p32_of_ppm(uint64_t ppm)
{
	return ((ppm << 32) + 500000) / 1000000;
}

/*
 * -ln(x / 2^64) = (64 - log2 x) ln 2. The binary logarithm digit by digit: with x = m * 2^e, 1 <= m < 2, squaring m
 * doubles its logarithm; whenever the square reaches 2, the next binary digit is 1 and the square is halved.
 */
uint64_t rng_neg_ln(uint64_t x)
{
	assert(x > 0);
	unsigned lead = (unsigned)__builtin_clzll(x);
	uint64_t m = x << lead; /* 1.63 fixed point */
	uint64_t log2 = 63 - lead;

	for (int i = 0; i < 32; i++) {
		struct wide sq = wide_mul(m, m); /* 2.126 */
		bool one = sq.hi >> 63;

		m = one ? sq.hi : sq.hi << 1 | sq.lo >> 63;
		log2 = log2 << 1 | one;
	}
	/* log2 is 6.32 fixed point; ln 2 = 0xb17217f7d1cf79ac / 2^64 */
	return wide_mul(((uint64_t)64 << 32) - log2, 0xb17217f7d1cf79acu).hi;
}

int64_t rng_exp(struct rng *r, int64_t mean)
{
	uint64_t u = rng_u64(r);

	return (int64_t)wide_mulshift(rng_neg_ln(u ? u : 1), (uint64_t)mean, 0, 32);
}

/* Eight 16-bit uniforms have mean 8 * 32767.5 and variance 8 * (2^32 - 1) / 12, deviation 53508.9. */
int64_t rng_bell(struct rng *r, int64_t sd)
{
	int64_t sum = -262140;

	for (int i = 0; i < 2; i++) {
		uint64_t u = rng_u64(r);

		sum += (int64_t)((u & 0xffff) + (u >> 16 & 0xffff) + (u >> 32 & 0xffff) + (u >> 48));
	}
	bool below = (sum < 0) != (sd < 0);
	uint64_t v = wide_muldiv((uint64_t)(sum < 0 ? -sum : sum), (uint64_t)(sd < 0 ? -sd : sd), 0, 53509);
	return below ? -(int64_t)v : (int64_t)v;
}

void rng_shuffle(struct rng *r, uint32_t *a, uint32_t n)
{
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = (uint32_t)rng_below(r, i), x = a[j];

		a[j] = a[i - 1];
		a[i - 1] = x;
	}
}
