/*
 * cc: congestion control behind a small table of functions, one algorithm a file (cc_newreno.c, cc_cubic.c).
 *
 * Windows count segments. Slow start (RFC 5681 3.1) is common to all and done by the caller; an algorithm says
 * what the threshold becomes at a loss and how the window grows in congestion avoidance. Its state lives in
 * struct cc_state, which a connection has only after its first loss.
 */
#ifndef SIM_TCP_CC_H
#define SIM_TCP_CC_H

#include <stdint.h>

struct cc_state {
	uint32_t acked;  /* segments acknowledged towards the next one of growth */
	uint32_t w_max;  /* CUBIC: window at the last reduction */
	uint32_t origin; /* CUBIC: plateau of the present epoch */
	uint32_t w_est;  /* CUBIC: what NewReno would have */
	uint32_t est_acked;
	uint32_t k_ms;    /* CUBIC: time to reach the plateau */
	int64_t epoch_ns; /* CUBIC: start of the epoch; 0: none */
};

struct tcp_cc_ops {
	const char *name, *ref;
	/* A loss event: the new slow start threshold, at least 2. */
	uint32_t (*reduce)(struct cc_state *s, uint32_t cwnd);
	/* Congestion avoidance: `acked` segments were acknowledged; returns the new window. */
	uint32_t (*grow)(struct cc_state *s, uint32_t cwnd, uint32_t acked, uint32_t srtt_us, int64_t now_ns);
	/* A retransmission timeout or an idle restart: forget the epoch. */
	void (*restart)(struct cc_state *s);
};

extern const struct tcp_cc_ops cc_newreno, cc_cubic;

#endif
