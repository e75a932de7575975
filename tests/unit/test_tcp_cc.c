/* Congestion control alone, fed with windows' worth of acknowledgements, against the formulas of its RFC. */
#include "sim/tcp/cc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MS 1000000LL

static void newreno_adds_one_segment_a_window_and_halves(void **state)
{
	struct cc_state s = {0};
	uint32_t w = 10;

	(void)state;
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(w, 10);
		w = cc_newreno.grow(&s, w, 1, 100000, 0);
	}
	assert_int_equal(w, 11);
	assert_int_equal(cc_newreno.reduce(&s, 100), 50);
	assert_int_equal(cc_newreno.reduce(&s, 3), 2); /* RFC 5681: not below two */
}

/* One window of acknowledgements per round trip, for a while. */
static uint32_t rounds(struct cc_state *s, uint32_t w, int64_t from_ms, int64_t to_ms, int64_t rtt_ms)
{
	for (int64_t t = from_ms; t < to_ms; t += rtt_ms)
		for (uint32_t i = 0, n = w; i < n; i++)
			w = cc_cubic.grow(s, w, 1, (uint32_t)rtt_ms * 1000, t * MS + 1);
	return w;
}

static void cubic_returns_to_the_old_window_after_k_and_lingers_there(void **state)
{
	struct cc_state s = {0};
	uint32_t w = cc_cubic.reduce(&s, 1000);

	(void)state;
	assert_int_equal(w, 700); /* beta 717/1024 */
	/* K = cbrt(1000 * 0.3 / 0.4) = 9.09 s; W(t) = 0.4 (t - K)^3 + 1000 */
	w = rounds(&s, w, 0, 4500, 100);
	assert_in_range(w, 950, 970); /* W(4.5) = 961 */
	w = rounds(&s, w, 4500, 9000, 100);
	assert_in_range(w, 990, 1002);
	w = rounds(&s, w, 9000, 11000, 100);
	assert_in_range(w, 995, 1006); /* the plateau: W(11) = 1003 */
	w = rounds(&s, w, 11000, 18000, 100);
	assert_in_range(w, 1240, 1310); /* and on: W(18) = 1283 */
}

static void cubic_is_never_slower_than_its_reno_estimate(void **state)
{
	struct cc_state s = {0};
	uint32_t w = cc_cubic.reduce(&s, 20), before = w;

	(void)state;
	/* a short round trip: alpha = 0.53 segments a window beats the cubic curve, K = 2.46 s */
	w = rounds(&s, w, 0, 1000, 10);
	assert_in_range(w - before, 35, 60); /* 100 windows: 53 */
}

static void cubic_gives_up_room_when_losses_come_early(void **state)
{
	struct cc_state s = {0};

	(void)state;
	cc_cubic.reduce(&s, 1000);
	cc_cubic.reduce(&s, 800);
	assert_in_range(s.w_max, 679, 680); /* 800 * (1 + 0.7) / 2 */
	cc_cubic.reduce(&s, 900);
	assert_int_equal(s.w_max, 900);
	assert_int_equal(cc_cubic.reduce(&s, 2), 2);
}

/* RFC 9438 4.8: K is 0 and W_max the window of that moment; Linux then grows by a twentieth a round trip at least. */
static void cubic_starts_anew_after_a_timeout(void **state)
{
	struct cc_state s = {0};
	uint32_t w = cc_cubic.reduce(&s, 1000);

	(void)state;
	cc_cubic.restart(&s);
	w = rounds(&s, w, 1, 101, 100);
	assert_int_equal(s.k_ms, 0);
	assert_int_equal(s.origin, 700);
	assert_int_equal(w, 735);
	w = rounds(&s, w, 101, 4001, 100);
	assert_true(w > 1000); /* no plateau at the old window */
}

/* RFC 9438 5.8: nine idle seconds would have moved the curve from its plateau far up. */
static void cubic_does_not_count_time_without_data(void **state)
{
	struct cc_state s = {0};
	uint32_t w = rounds(&s, cc_cubic.reduce(&s, 1000), 0, 9000, 100), next;

	(void)state;
	assert_in_range(w, 990, 1002);
	cc_cubic.idled(&s, 9000 * MS, 18000 * MS);
	next = rounds(&s, w, 18000, 18500, 100);
	assert_in_range(next, w, w + 5);
	cc_cubic.idled(&s, 1000000 * MS, 18500 * MS); /* never into the future */
	assert_true(s.epoch_ns <= 18500 * MS);
}

/* A round of `n` acknowledgements `gap_us` apart, each of one segment with the same round-trip time. Says at which the
 * slow start is over, 0 if it is not. */
static uint32_t hystart_round(
	struct cc_state *s, int64_t from_us, uint32_t una, uint32_t n, int64_t gap_us, uint32_t rtt_us)
{
	for (uint32_t i = 0; i < n; i++)
		if (cc_cubic.acked(s, &(struct cc_ack){.now_ns = (from_us + i * gap_us) * 1000,
					      .snd_una = una + i + 1,
					      .snd_nxt = una + n + 2 * i,
					      .rtt_us = rtt_us,
					      .cwnd = n + i,
					      .rate_Bps = 1000000,
					      .slow_start = true}))
			return i + 1;
	return 0;
}

static void hystart_ends_slow_start_when_acks_span_half_the_round_trip(void **state)
{
	struct cc_state s = {0};

	(void)state;
	/* (100 ms + 1 ms) / 2 = 50.5 ms: the 52nd acknowledgement, 51 ms after the first */
	assert_int_equal(hystart_round(&s, 100000, 0, 40, 1000, 100000), 0);
	assert_int_equal(hystart_round(&s, 200000, 40, 80, 1000, 100000), 52);
	assert_int_equal(hystart_round(&s, 300000, 120, 160, 1000, 100000), 0); /* once is enough */
	cc_cubic.restart(&s);
	assert_int_equal(hystart_round(&s, 400000, 280, 80, 1000, 100000), 52);
	/* further apart than 2 ms: no train */
	cc_cubic.restart(&s);
	assert_int_equal(hystart_round(&s, 500000, 360, 80, 2001, 100000), 0);
	/* not with less than 16 segments */
	cc_cubic.restart(&s);
	assert_int_equal(hystart_round(&s, 900000, 500, 8, 2000, 20000), 0);
}

static void hystart_ends_slow_start_when_round_trips_grow_by_an_eighth(void **state)
{
	struct cc_state s = {0};

	(void)state;
	assert_int_equal(hystart_round(&s, 100000, 0, 30, 10, 80000), 0);
	assert_int_equal(hystart_round(&s, 200000, 30, 30, 10, 90000), 0); /* exactly an eighth: not more */
	assert_int_equal(hystart_round(&s, 300000, 60, 30, 10, 90001), 9); /* after eight samples */
	/* at least 4 ms, at most 16 */
	cc_cubic.restart(&s);
	assert_int_equal(hystart_round(&s, 400000, 100, 30, 10, 8000), 0);
	assert_int_equal(hystart_round(&s, 500000, 130, 30, 10, 12000), 0);
	assert_int_equal(hystart_round(&s, 600000, 160, 30, 10, 12001), 9);
	cc_cubic.restart(&s);
	assert_int_equal(hystart_round(&s, 700000, 200, 30, 10, 400000), 0);
	assert_int_equal(hystart_round(&s, 800000, 230, 30, 10, 416001), 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newreno_adds_one_segment_a_window_and_halves),
		cmocka_unit_test(cubic_returns_to_the_old_window_after_k_and_lingers_there),
		cmocka_unit_test(cubic_is_never_slower_than_its_reno_estimate),
		cmocka_unit_test(cubic_gives_up_room_when_losses_come_early),
		cmocka_unit_test(cubic_starts_anew_after_a_timeout),
		cmocka_unit_test(cubic_does_not_count_time_without_data),
		cmocka_unit_test(hystart_ends_slow_start_when_acks_span_half_the_round_trip),
		cmocka_unit_test(hystart_ends_slow_start_when_round_trips_grow_by_an_eighth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
