/* Random streams: golden values that hold on every machine, independence by name, and distributions by counting. */
#include "sim/core/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void the_generator_is_splitmix64(void **state)
{
	/* the published sequence for the state 1234567 */
	static const uint64_t want[] = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
		4593380528125082431u, 16408922859458223821u};
	struct rng r = {1234567};

	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(rng_u64(&r) == want[i]);
}

static void streams_differ_by_seed_name_and_index_and_repeat(void **state)
{
	(void)state;
	assert_true(rng_named(1, "a").state == rng_named(1, "a").state);
	assert_true(rng_named(1, "a").state != rng_named(2, "a").state);
	assert_true(rng_named(1, "a").state != rng_named(1, "b").state);
	assert_true(rng_named_at(1, "a", 0).state == rng_named(1, "a").state);
	assert_true(rng_named_at(1, "a", 1).state != rng_named_at(1, "a", 2).state);
	/* neighbouring seeds and indices share no more bits than chance allows */
	for (uint64_t i = 0; i < 64; i++) {
		struct rng a = rng_named_at(i, "x", i), b = rng_named_at(i + 1, "x", i),
			   c = rng_named_at(i, "x", i + 1);
		int ab = __builtin_popcountll(rng_u64(&a) ^ rng_u64(&b));

		assert_in_range(ab, 10, 54);
		assert_in_range(__builtin_popcountll(rng_u64(&a) ^ rng_u64(&c)), 10, 54);
	}
}

static void the_stream_of_a_name_never_changes(void **state)
{
	struct rng r = rng_named(42, "phones/link-up");

	(void)state;
	/* recorded once; another value means every fingerprint has changed */
	assert_true(rng_u64(&r) == 4894691723915936228u);
	assert_true(rng_below(&r, 1000) == 699u);
	assert_true(rng_exp(&r, 1000000000) == 424010383);
	assert_true(rng_between(&r, -1000000, 1000000) == -409529);
	assert_true(rng_bell(&r, 1000000) == -856248);
}

static void bounded_numbers_are_uniform(void **state)
{
	struct rng r = rng_named(1, "bounded");
	uint32_t count[10] = {0};

	(void)state;
	for (int i = 0; i < 1000000; i++)
		count[rng_below(&r, 10)]++;
	uint64_t chi = 0; /* times 100000 */

	for (int i = 0; i < 10; i++) {
		int64_t d = (int64_t)count[i] - 100000;

		chi += (uint64_t)(d * d);
	}
	assert_true(chi < 27880000ull * 100); /* 9 degrees of freedom: 27.88 is the 99.9 % point */
	for (int i = 0; i < 1000; i++) {
		int64_t v = rng_between(&r, -3, 3);

		assert_in_range(v + 3, 0, 6);
	}
	assert_true(rng_below(&r, 1) == 0);
}

static void chances_come_out_as_asked(void **state)
{
	struct rng r = rng_named(1, "chance");
	uint32_t hits = 0;

	(void)state;
	assert_true(rng_p32_of_ppm(0) == 0);
	assert_true(rng_p32_of_ppm(1000000) == 1ull << 32);
	assert_true(rng_p32_of_ppm(500000) == 1ull << 31);
	for (int i = 0; i < 1000000; i++)
		hits += rng_chance(&r, rng_p32_of_ppm(5000));
	assert_in_range(hits, 4750, 5250); /* 5000 +- 3.5 standard deviations */
	for (int i = 0; i < 1000; i++) {
		assert_true(rng_chance(&r, 1ull << 32));
		assert_false(rng_chance(&r, 0));
	}
}

static void the_logarithm_is_right_to_nine_digits(void **state)
{
	(void)state;
	assert_true(rng_neg_ln(1) == 190530846196u); /* 64 ln 2 * 2^32, by computation with more digits */
	assert_in_range(rng_neg_ln(1ull << 63), 2977044471, 2977044472); /* ln 2 */
	assert_in_range(rng_neg_ln(UINT64_MAX), 0, 1);
	assert_in_range(rng_neg_ln(6786177901268885504u), 4294967295, 4294967297); /* 2^64 / e: 1 */
	assert_in_range(rng_neg_ln(837484485u), 102286820522, 102286820524);       /* ln(2^64 / 837484485) */
}

static void the_exponential_has_its_mean_and_memoryless_tail(void **state)
{
	struct rng r = rng_named(1, "exp");
	int64_t sum = 0;
	uint32_t beyond1 = 0, beyond2 = 0;
	const int n = 400000;

	(void)state;
	for (int i = 0; i < n; i++) {
		int64_t x = rng_exp(&r, 1000000);

		assert_true(x >= 0 && x < 45000000);
		sum += x;
		beyond1 += x > 1000000;
		beyond2 += x > 2000000;
	}
	assert_in_range(sum / n, 993000, 1007000); /* +- 4.4 standard errors of 1581 */
	assert_in_range(beyond1, 146000, 148300);  /* n / e = 147152, sd 305 */
	assert_in_range(beyond2, 53300, 54970);    /* n / e^2 = 54134, sd 216 */
}

static void the_bell_has_its_deviation(void **state)
{
	struct rng r = rng_named(1, "bell");
	int64_t sum = 0, squares = 0;
	uint32_t inside = 0;
	const int n = 200000;

	(void)state;
	for (int i = 0; i < n; i++) {
		int64_t x = rng_bell(&r, 10000);

		sum += x;
		squares += x * x;
		inside += x >= -10000 && x <= 10000;
	}
	assert_in_range(sum / n + 1000, 900, 1100); /* mean 0, standard error 22 */
	assert_in_range(squares / n, 98500000, 101500000);
	assert_in_range(inside, n * 67 / 100, n * 69 / 100);
}

static void shuffling_gives_every_order_its_share(void **state)
{
	struct rng r = rng_named(1, "shuffle");
	uint32_t count[6] = {0};

	(void)state;
	for (int i = 0; i < 60000; i++) {
		uint32_t a[3] = {0, 1, 2};

		rng_shuffle(&r, a, 3);
		count[a[0] * 2 + (a[1] > a[2])]++;
	}
	for (int i = 0; i < 6; i++)
		assert_in_range(count[i], 9600, 10400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_generator_is_splitmix64),
		cmocka_unit_test(streams_differ_by_seed_name_and_index_and_repeat),
		cmocka_unit_test(the_stream_of_a_name_never_changes),
		cmocka_unit_test(bounded_numbers_are_uniform),
		cmocka_unit_test(chances_come_out_as_asked),
		cmocka_unit_test(the_logarithm_is_right_to_nine_digits),
		cmocka_unit_test(the_exponential_has_its_mean_and_memoryless_tail),
		cmocka_unit_test(the_bell_has_its_deviation),
		cmocka_unit_test(shuffling_gives_every_order_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
