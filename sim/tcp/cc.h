/*
 * cc: congestion control behind a small table of functions, one algorithm a file (cc_newreno.c, cc_cubic.c).
 *
 * Windows count segments. Slow start (RFC 5681 3.1) is common to all and done by the caller; an algorithm says
 * what the threshold becomes at a loss, how the window grows in congestion avoidance, and may end slow start without a loss.
 * Its state lives in struct cc_state, which a connection has only once its window has grown or something was lost.
 */
#ifndef SIM_TCP_CC_H
#define SIM_TCP_CC_H

#include <stdbool.h>
#include <stdint.h>

/* An acknowledgement of segments that were sent once. */
struct cc_ack {
	int64_t now_ns;
	uint32_t snd_una, snd_nxt;
	uint32_t rtt_us;   /* of the newest segment it covers */
	uint32_t cwnd;     /* before it grows by this */
	uint64_t rate_Bps; /* what the window allows: Linux's pacing rate, unpaced */
	bool slow_start;
};

/* HyStart's view of a slow start (cc_hystart.c). */
struct cc_hystart {
	int64_t round_ns, last_ack_ns; /* beginning of the round (0: none yet), latest ACK of its train */
	uint32_t end_seq;              /* the round ends when this is acknowledged */
	uint32_t delay_min_us, shortest_us;
	uint8_t samples;
	bool found; /* until the next timeout */
};
/* Is slow start over? To be told of every acknowledgement. */
bool cc_hystart_over(struct cc_hystart *h, const struct cc_ack *a);
void cc_hystart_forget(struct cc_hystart *h);

struct cc_state {
	uint32_t acked;  /* segments acknowledged towards the next one of growth */
	uint32_t w_max;  /* CUBIC: window at the last reduction */
	uint32_t origin; /* CUBIC: plateau of the present epoch */
	uint32_t w_est;  /* CUBIC: what NewReno would have */
	uint32_t est_acked;
	uint32_t k_ms;    /* CUBIC: time to reach the plateau */
	uint32_t per;     /* CUBIC: segments to be acknowledged for one of growth */
	uint32_t at_cwnd; /* CUBIC: window and time for which that was computed */
	int64_t at_ns;
	int64_t epoch_ns; /* CUBIC: start of the epoch; 0: none */
	struct cc_hystart hystart;
};

struct tcp_cc_ops {
	const char *name, *ref;
	/* A loss event: the new slow start threshold, at least 2. */
	uint32_t (*reduce)(struct cc_state *s, uint32_t cwnd);
	/* Congestion avoidance: `acked` segments were acknowledged; returns the new window. */
	uint32_t (*grow)(struct cc_state *s, uint32_t cwnd, uint32_t acked, uint32_t srtt_us, int64_t now_ns);
	/* A retransmission timeout: what was known of the path is void. */
	void (*restart)(struct cc_state *s);
	/* Nothing was in flight for a while: that time does not count. */
	void (*idled)(struct cc_state *s, int64_t idle_ns, int64_t now_ns);
	/* Should slow start end here? NULL: only a loss ends it. */
	bool (*acked)(struct cc_state *s, const struct cc_ack *a);
};

extern const struct tcp_cc_ops cc_newreno, cc_cubic;

#endif
