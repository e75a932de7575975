/*
 * samples: what was added comes back, whatever it is and wherever a block ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim/measure/samples.h"

static uint64_t draw(uint64_t *x)
{
	*x = *x * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return *x >> 11;
}

/* Mostly a little later than the one before, as in a broadcast; now and then anything at all. */
static struct sample one(uint64_t *x, struct sample before)
{
	static const int64_t odd[] = {0, 1, -1, 255, 256, INT64_MAX, INT64_MIN, INT64_MAX - 1, -256};
	struct sample s = before;
	unsigned bits = (unsigned)(draw(x) % 64);
	s.n = draw(x) % 8 ? 1 : (uint16_t)draw(x);
	if (draw(x) % 16 == 0)
		s.second = (uint32_t)(draw(x) >> draw(x) % 40);
	if (draw(x) % 16 == 0)
		s.slot = (uint16_t)draw(x);
	if (draw(x) % 8 == 0)
		s.latency_ns = odd[draw(x) % (sizeof odd / sizeof *odd)];
	else
		s.latency_ns =
			(int64_t)((uint64_t)s.latency_ns + (draw(x) << 11 >> bits) * (draw(x) % 3 - 1));
	return s;
}

static void assert_same(const struct sample *a, const struct sample *b)
{
	assert_true(a->latency_ns == b->latency_ns);
	assert_int_equal(a->second, b->second);
	assert_int_equal(a->slot, b->slot);
	assert_int_equal(a->n, b->n);
}

static void what_was_added_comes_back(void **state)
{
	enum { N = 50000 };
	struct sample *all = malloc(N * sizeof *all), x, last = {0, 0, 0, 1};
	(void)state;
	for (uint64_t seed = 1; seed < 6; seed++) {
		struct samples s = {0};
		struct samples_reader r = {0}, behind = {0};
		uint64_t rnd = seed;
		assert_false(samples_next(&s, &r, &x));
		for (size_t i = 0; i < N; i++) {
			all[i] = last = one(&rnd, last);
			samples_add(&s, last);
			if (i % 3) { /* read while it grows */
				assert_true(samples_next(&s, &behind, &x));
				assert_same(&x, &all[i - i / 3 - 1]);
			}
		}
		assert_int_equal(s.n, N);
		for (size_t i = 0; i < N; i++) {
			assert_true(samples_next(&s, &r, &x));
			assert_same(&x, &all[i]);
		}
		assert_false(samples_next(&s, &r, &x));
		samples_fini(&s);
		assert_int_equal(s.bytes, 0);
	}
	free(all);
}

/* 20,000 streams behind a proxy: a message leaves it for one after the other. */
static void a_broadcast_takes_three_octets_a_delivery(void **state)
{
	struct samples s = {0};
	(void)state;
	for (uint32_t second = 0; second < 6; second++)
		for (uint32_t i = 0; i < 20000; i++)
			samples_add(&s, (struct sample){20400000 + i * 133, second, 0, 1});
	assert_in_range(s.bytes, 1, 3 * 120000 + 65536);
	samples_fini(&s);
	samples_add(&s, (struct sample){1, 0, 0, 1});
	assert_in_range(s.bytes, 1, 1024);
	samples_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_comes_back),
		cmocka_unit_test(a_broadcast_takes_three_octets_a_delivery),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
