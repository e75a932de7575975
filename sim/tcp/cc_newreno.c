/* NewReno's congestion avoidance: one segment per window per round trip, half at a loss (RFC 5681 3.1, 3.2). */
#include "sim/tcp/cc.h"

static uint32_t reduce(struct cc_state *s, uint32_t cwnd)
{
	s->acked = 0;
	return cwnd / 2 > 2 ? cwnd / 2 : 2;
}

static uint32_t grow(struct cc_state *s, uint32_t cwnd, uint32_t acked, uint32_t srtt_us, int64_t now_ns)
{
	(void)srtt_us;
	(void)now_ns;
	s->acked += acked;
	if (s->acked >= cwnd) {
		s->acked -= cwnd;
		cwnd++;
	}
	return cwnd;
}

static void restart(struct cc_state *s)
{
	s->acked = 0;
}

const struct tcp_cc_ops cc_newreno = {
	.name = "newreno",
	.ref = "RFC 5681, RFC 6582",
	.reduce = reduce,
	.grow = grow,
	.restart = restart,
};
