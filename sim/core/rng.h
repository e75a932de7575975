/*
 * rng: named random streams and integer distributions.
 *
 * A stream is derived from (seed, name), so adding an element moves nobody else's draws, and two techniques
 * compared under one seed see the same arrivals and outages. The generator is SplitMix64 (a Weyl sequence and a
 * finaliser; 8 octets of state, so a client can own several; passes BigCrush; not for secrets).
 *
 * Everything is integer arithmetic: the same numbers on every machine and compiler, no libm.
 */
#ifndef SIM_CORE_RNG_H
#define SIM_CORE_RNG_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/base.h"

struct rng {
	uint64_t state;
};

/* The stream named `name` of the run with this seed. */
struct rng rng_named(uint64_t seed, const char *name);
/* The same for the i-th of many like elements, without composing names: ("phones/link-up", 17). */
struct rng rng_named_at(uint64_t seed, const char *name, uint64_t i);

/* The same in two steps, for those who ask for many of a name: rng_named_at(seed, name, i) is rng_at(rng_family(seed,
 * name), i). */
uint64_t rng_family(uint64_t seed, const char *name);
struct rng rng_at(uint64_t family, uint64_t i);

static inline uint64_t rng_mix(uint64_t z)
{
	return mix64(z);
}

/* 64 uniform bits. */
static inline uint64_t rng_u64(struct rng *r)
{
	return rng_mix(r->state += 0x9e3779b97f4a7c15u);
}

/* Uniform in 0 .. n-1 without bias; n >= 1. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* Uniform in lo .. hi, both included. */
int64_t rng_between(struct rng *r, int64_t lo, int64_t hi);
/* True with probability p / 2^32 (see rng_p32_of_ppm). Always draws once, so the stream's position depends only
 * on the number of questions, not on their answers or on p. */
static inline bool rng_chance(struct rng *r, uint64_t p32)
{
	return (rng_u64(r) >> 32) < p32;
}
/* Parts per million as a fraction of 2^32, rounded to nearest; 1000000 gives certainty. */
uint64_t rng_p32_of_ppm(uint64_t ppm);
/* Exponentially distributed with this mean (at least 0, at most 44 means: -ln of 2^-64). */
int64_t rng_exp(struct rng *r, int64_t mean);
/* Normal-like: mean 0, standard deviation sd, a sum of eight uniforms, so within +-4.9 sd. */
int64_t rng_bell(struct rng *r, int64_t sd);
/* Puts 0 .. n-1 into a random order (Fisher and Yates). */
void rng_shuffle(struct rng *r, uint32_t *a, uint32_t n);

/* -ln(x / 2^64) in units of 2^-32, for x >= 1: the building block of rng_exp. */
uint64_t rng_neg_ln(uint64_t x);

#endif
