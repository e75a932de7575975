/* Products of 128 bits: by halves as by the compiler's own, and the cases somebody could get wrong. */
#include "sim/core/rng.h"
#include "sim/core/wide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static const uint64_t edges[] = {0, 1, 2, 3, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
	0x100000001, 0x7fffffffffffffff, 0x8000000000000000, 0xfffffffeffffffff, 0xffffffffffffffff};
enum { EDGES = sizeof edges / sizeof *edges };

static void known_products(void **state)
{
	(void)state;
	struct wide p = wide_soft_mul(UINT64_MAX, UINT64_MAX); /* (2^64 - 1)^2 = 2^128 - 2^65 + 1 */
	assert_true(p.hi == 0xfffffffffffffffeu && p.lo == 1);
	p = wide_soft_mul(0x100000000, 0x100000000);
	assert_true(p.hi == 1 && p.lo == 0);
	p = wide_soft_mul(10000000000000000000u, 12345); /* 123450000000000000000000 */
	assert_true(p.hi == 6692 && p.lo == 4388658735680585728u);
	assert_true(wide_muldiv(1000000000000, 1000000000000, 0, 1000000) == 1000000000000000000);
	assert_true(wide_muldiv(7, 3, 1, 2) == 11);
	assert_true(wide_muldiv(UINT64_MAX, UINT64_MAX, 0, UINT64_MAX) == UINT64_MAX);
	assert_true(wide_muldiv(1, UINT64_MAX, UINT64_MAX, 2) == UINT64_MAX);
	assert_true(wide_mulshift(UINT64_MAX, 1 << 20, (1 << 20) - 1, 20) == UINT64_MAX);
	assert_true(wide_mulshift(3, 5, 1, 2) == 4);
}

/* q * d + rest is the dividend again, and rest is smaller than d. */
static void quotients_are_right(uint64_t a, uint64_t b, uint64_t d)
{
	struct wide n = wide_soft_mul(a, b);
	if (!d || n.hi >= d)
		return;
	uint64_t q = wide_soft_div(n, d), rest = n.lo - q * d;
	struct wide back = wide_soft_mul(q, d);
	assert_true(rest < d);
	back.lo += rest;
	back.hi += back.lo < rest;
	assert_true(back.hi == n.hi && back.lo == n.lo);
	assert_true(wide_muldiv(a, b, 0, d) == q);
}

static void both_ways_agree(void **state)
{
	struct rng r = rng_named(1, "wide");

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		bool edge = i < EDGES * EDGES;
		uint64_t a = edge ? edges[i / EDGES] : rng_u64(&r) >> rng_below(&r, 64);
		uint64_t b = edge ? edges[i % EDGES] : rng_u64(&r) >> rng_below(&r, 64);
		struct wide soft = wide_soft_mul(a, b), p = wide_mul(a, b);
		assert_true(soft.hi == p.hi && soft.lo == p.lo);
		for (unsigned k = 0; k < EDGES; k++)
			quotients_are_right(a, b, edges[k]);
		quotients_are_right(a, b, rng_u64(&r) >> rng_below(&r, 64));
		unsigned shift = 1 + (unsigned)rng_below(&r, 63);
		assert_true(wide_mulshift(a, b, 0, shift) == wide_muldiv(a, b, 0, (uint64_t)1 << shift));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_products),
		cmocka_unit_test(both_ways_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
