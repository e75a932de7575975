/*
 * When to acknowledge: RFC 9293 3.8.6.3 as Linux does it (TC-04).
 *
 *	quick mode     each segment is acknowledged at once: the first 16 of a connection, and again after a pause
 *	               longer than the retransmission timeout
 *	ping-pong      data was sent within the ACK timeout after data was received: the connection talks both ways,
 *	               ACKs wait for an answer to ride on, at most the ACK timeout (40 ms, adapting to 20 .. 200 ms)
 *	otherwise      a small segment is acknowledged as soon as the application has read it; more than one full
 *	               segment unacknowledged: at once, unless nobody reads and the window would shrink
 *
 * A delayed ACK that had to be sent by its timer ends ping-pong mode.
 */
#include "sim/tcp/tcp_int.h"

#define DELACK_MAX_MS 200u
#define QUICK_MAX 16u

void ack_quick(struct tcp_conn *c, unsigned max)
{
	unsigned n = max;

	if (rare(c->rcv_window < 2u * c->rcv_mss * max || !c->rcv_mss)) { /* else it need not be divided */
		n = c->rcv_mss ? c->rcv_window / (2u * c->rcv_mss) : 2;
		if (n == 0)
			n = 2;
		if (n > max)
			n = max;
	}
	if (n > c->quick)
		c->quick = n & 31u;
}

/* Something went wrong at the other end: it is to hear of everything for a while (Linux tcp_enter_quickack_mode). */
void ack_quick_again(struct tcp_conn *c)
{
	ack_quick(c, QUICK_MAX);
	c->pingpong = 0;
	c->ato_ms = ATO_MIN_MS;
}

static uint32_t rto_in_ms(const struct tcp_conn *c)
{
	return (uint32_t)(tcp_rto_ns(c) / NS_PER_MS);
}

/* Is `a` longer than `b` in whole milliseconds? Mostly told without dividing. */
static inline bool longer_ms(int64_t a, int64_t b)
{
	return a - b >= NS_PER_MS || (a > b && a / NS_PER_MS > b / NS_PER_MS);
}

/* A segment with data came in, in order: adapt the ACK timeout to the distance of arrivals, learn the peer's segment size. */
inline void ack_data_received(struct tcp_conn *c, const struct pkt *p, int64_t now)
{
	int64_t gap_ns = now - c->rcvd_ns; /* compared in whole milliseconds */

	c->flags |= TCPF_ACK_PENDING;
	if (p->payload_len >= c->rcv_mss) {
		c->rcv_mss = p->payload_len < c->cfg->mss ? p->payload_len : c->cfg->mss;
		if (p->flags & TCP_PSH)
			c->flags |= TCPF_ACK_PUSHED;
	} else {
		c->flags |= c->flags & TCPF_ACK_PUSHED ? TCPF_ACK_PUSHED2 : TCPF_ACK_PUSHED;
	}
	if (rare(!c->ato_ms)) {
		ack_quick(c, QUICK_MAX);
		c->ato_ms = ATO_MIN_MS;
	} else if (gap_ns < (ATO_MIN_MS / 2 + 1) * NS_PER_MS) {
		c->ato_ms = (uint16_t)(c->ato_ms / 2 + ATO_MIN_MS / 2);
	} else if (gap_ns < c->ato_ms * NS_PER_MS) {
		uint32_t ato = c->ato_ms / 2u + (uint32_t)(gap_ns / NS_PER_MS), rto_ms = rto_in_ms(c);

		c->ato_ms = (uint16_t)(ato < rto_ms ? ato : rto_ms);
	} else if (longer_ms(gap_ns, tcp_rto_ns(c))) {
		ack_quick(c, QUICK_MAX);
	}
	c->rcvd_ns = now;
}

static void delay(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	uint32_t ato = c->ato_ms, max = 500;
	int64_t at;

	if (ato > ATO_MIN_MS) {
		if (c->pingpong || (c->flags & TCPF_ACK_PUSHED))
			max = DELACK_MAX_MS;
		if (c->srtt_us) {
			uint32_t rtt = c->srtt_us / 1000 > ATO_MIN_MS ? c->srtt_us / 1000 : ATO_MIN_MS;

			max = rtt < max ? rtt : max;
		}
		ato = ato < max ? ato : max;
	}
	if (ato > DELACK_MAX_MS)
		ato = DELACK_MAX_MS;
	if (c->cfg->delack_ns > ato * NS_PER_MS)
		at = now + c->cfg->delack_ns;
	else
		at = now + ato * NS_PER_MS;
	if (c->flags & TCPF_ACK_TIMER) { /* an older one is running */
		if (tcp_delack_ns(c) <= now + ato * NS_PER_MS / 4) {
			ack_now(c);
			return;
		}
		if (tcp_delack_ns(c) < at)
			return;
	}
	c->flags |= TCPF_ACK_TIMER;
	assert(at - now < 2 * NS_PER_S); /* tcp_delack_ns */
	c->rcvd_ns = now;
	tcp_begin(t, c)->delack = (uint32_t)at;
}

/* Data was taken in (or could not be, `gap`): acknowledge now or later? */
inline void ack_after_data(struct tcp *t, struct tcp_conn *c, int64_t now, bool gap)
{
	bool reads = !(c->flags & TCPF_PAUSED);

	if (!(c->flags & TCPF_ACK_PENDING))
		return;
	if (gap || (c->flags & TCPF_ACK_NOW) || (c->quick && !c->pingpong) ||
		(tcp_fresh(c) > c->rcv_mss && (reads || rx_window(c) >= c->rcv_adv - tcp_rcv_wup(c))) ||
		(reads && ((c->flags & TCPF_ACK_PUSHED2) || ((c->flags & TCPF_ACK_PUSHED) && !c->pingpong))))
		ack_now(c);
	else
		delay(t, c, now);
}

/* The application has read something: what did not have to be acknowledged while it waited now may (Linux tcp_cleanup_rbuf). */
inline void ack_after_reading(struct tcp_conn *c)
{
	bool all = !c->busy->rx;

	if ((c->flags & TCPF_ACK_PENDING) &&
		(tcp_fresh(c) > c->rcv_mss || (all && (c->flags & TCPF_ACK_PUSHED2)) ||
			(all && (c->flags & TCPF_ACK_PUSHED) && !c->pingpong)))
		ack_now(c);
}

void ack_timer(struct tcp_conn *c)
{
	uint32_t rto_ms = rto_in_ms(c);

	c->flags &= ~TCPF_ACK_TIMER;
	if (!(c->flags & TCPF_ACK_PENDING))
		return;
	if (c->pingpong) {
		c->pingpong = 0;
		c->ato_ms = ATO_MIN_MS;
	} else {
		uint32_t ato = c->ato_ms * 2u;

		c->ato_ms = (uint16_t)(ato < rto_ms ? ato : rto_ms);
	}
	ack_now(c);
}
