/*
 * CUBIC (RFC 9438) in integers.
 *
 *	W(t) = C (t - K)^3 + W_max      C = 0.4 segments/s^3, beta = 0.7, K = cbrt(W_max (1 - beta) / C)
 *
 * The window follows the cubic curve through the point of the last loss; where NewReno would be faster
 * (RFC 9438 4.3) it follows that estimate. Fast convergence (4.7) gives up room when W_max shrinks.
 *
 * After a timeout, and where HyStart ended slow start, K is 0 and W_max the window of that moment (4.8); then growth is at
 * least a twentieth of the window a round trip, as in Linux, because nothing is known of the path. Time without anything in
 * flight does not count (5.8).
 *
 * Slow start ends by HyStart (cc_hystart.c). A reduction made for nothing is taken back by the caller (4.9, tcp_undo.c).
 */
#include "sim/tcp/cc.h"

#define BETA_NUM 717u /* of 1024: 0.7 as in Linux */
#define WINDOW_MAX (1u << 20)
#define TICK_NS 4000000 /* the clock of a kernel with 250 ticks a second */
#define TICKS_SAME 7
#define UNKNOWN_PER 20u /* segments for one of growth at most while no loss has told a window */

/* Integer cube root, rounded down. */
static uint32_t cube_root(uint64_t x)
{
	uint64_t r = 0;

	for (int shift = 21; shift-- > 0;) {
		uint64_t y = r | (uint64_t)1 << shift;

		if (y * y * y <= x)
			r = y;
	}
	return (uint32_t)r;
}

static uint32_t reduce(struct cc_state *s, uint32_t cwnd)
{
	uint32_t next = cwnd * BETA_NUM / 1024;

	s->epoch_ns = 0;
	s->w_max = cwnd < s->w_max ? cwnd * (1024 + BETA_NUM) / 2048 : cwnd; /* RFC 9438 4.7 */
	return next > 2 ? next : 2;
}

static void begin_epoch(struct cc_state *s, uint32_t cwnd, int64_t now_ns)
{
	s->epoch_ns = now_ns;
	s->acked = s->est_acked = 0;
	s->w_est = cwnd;
	if (cwnd < s->w_max) {
		/* K^3 s^3 = (W_max - cwnd) / 0.4, in ms^3: * 2.5e9 */
		s->k_ms = cube_root((uint64_t)(s->w_max - cwnd) * 2500000000u);
		s->origin = s->w_max;
	} else {
		s->k_ms = 0;
		s->origin = cwnd;
	}
}

/* W(t) a round trip ahead (RFC 9438 4.2). */
static uint32_t target(const struct cc_state *s, uint32_t cwnd, uint32_t srtt_us, int64_t now_ns)
{
	int64_t d_ms = (now_ns - s->epoch_ns) / 1000000 + srtt_us / 1000 - (int64_t)s->k_ms;
	int64_t abs_ms = d_ms < 0 ? -d_ms : d_ms;
	int64_t w;

	if (abs_ms > 1000000)
		abs_ms = 1000000;
	w = abs_ms * abs_ms / 1000 * abs_ms / 1000 * 4 / 10000; /* 0.4 (ms / 1000)^3 */
	w = d_ms < 0 ? (int64_t)s->origin - w : (int64_t)s->origin + w;
	if (w < cwnd)
		w = cwnd;
	if (w > cwnd + cwnd / 2)
		w = cwnd + cwnd / 2;
	return (uint32_t)w;
}

/* Where the curve goes, as a pace: segments to be acknowledged for one of growth. */
static uint32_t pace(const struct cc_state *s, uint32_t cwnd, uint32_t to)
{
	uint32_t per = to > cwnd ? cwnd / (to - cwnd) : 100 * cwnd;

	return !s->w_max && per > UNKNOWN_PER ? UNKNOWN_PER : per;
}

/* RFC 9438 4.3: alpha = 3 (1 - beta) / (1 + beta) = 0.529 segments a window, so 1.89 windows a segment; Linux: 15/8. */
static void friendly(struct cc_state *s, uint32_t cwnd)
{
	uint32_t windows = cwnd * 15 / 8;

	for (; s->est_acked > windows; s->est_acked -= windows)
		s->w_est++;
	if (s->w_est > cwnd && s->per > cwnd / (s->w_est - cwnd))
		s->per = cwnd / (s->w_est - cwnd);
}

/* As seldom as Linux: for the same window every eighth tick at most, along the curve once a tick. */
static void look(struct cc_state *s, uint32_t cwnd, uint32_t srtt_us, int64_t now_ns)
{
	int64_t ticks = now_ns / TICK_NS - s->at_ns / TICK_NS;
	bool begun = s->epoch_ns != 0;

	if (begun && s->at_cwnd == cwnd && ticks <= TICKS_SAME)
		return;
	if (!begun)
		begin_epoch(s, cwnd, now_ns);
	if (!begun || ticks) {
		s->at_cwnd = cwnd;
		s->at_ns = now_ns;
		s->per = pace(s, cwnd, target(s, cwnd, srtt_us, now_ns));
	}
	friendly(s, cwnd);
	if (s->per < 2)
		s->per = 2;
}

static uint32_t grow(struct cc_state *s, uint32_t cwnd, uint32_t acked, uint32_t srtt_us, int64_t now_ns)
{
	s->est_acked += acked;
	look(s, cwnd, srtt_us, now_ns);
	if (s->acked >= s->per) { /* credit from a slower phase is used up gently */
		s->acked = 0;
		cwnd++;
	}
	s->acked += acked;
	if (s->acked >= s->per) {
		cwnd += s->acked / s->per;
		s->acked %= s->per;
	}
	return cwnd < WINDOW_MAX ? cwnd : WINDOW_MAX;
}

static void restart(struct cc_state *s)
{
	s->epoch_ns = 0;
	s->acked = s->est_acked = 0;
	s->w_max = 0;
	cc_hystart_forget(&s->hystart);
}

static void idled(struct cc_state *s, int64_t idle_ns, int64_t now_ns)
{
	if (s->epoch_ns && idle_ns > 0)
		s->epoch_ns = s->epoch_ns + idle_ns < now_ns ? s->epoch_ns + idle_ns : now_ns;
}

#define SETTLE_NS 1000000000 /* round trips right after a recovery say little (Linux) */

static bool acked(struct cc_state *s, const struct cc_ack *a)
{
	if (s->epoch_ns && a->now_ns - s->epoch_ns < SETTLE_NS)
		return false;
	return cc_hystart_over(&s->hystart, a);
}

const struct tcp_cc_ops cc_cubic = {
	.name = "cubic",
	.ref = "RFC 9438",
	.reduce = reduce,
	.grow = grow,
	.restart = restart,
	.idled = idled,
	.acked = acked,
};
