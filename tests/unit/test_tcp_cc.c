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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(newreno_adds_one_segment_a_window_and_halves),
		cmocka_unit_test(cubic_returns_to_the_old_window_after_k_and_lingers_there),
		cmocka_unit_test(cubic_is_never_slower_than_its_reno_estimate),
		cmocka_unit_test(cubic_gives_up_room_when_losses_come_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
