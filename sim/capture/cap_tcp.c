/*
 * What each segment means given those before it: tshark's `tcp.analysis` flags, by the rules its user's guide gives
 * ("TCP Analysis"), in the order in which they are tried.
 *
 *	zero window probe    1 octet at the expected number while the other side's window is 0
 *	zero window          window 0, no SYN, FIN, RST
 *	lost segment         number beyond the expected one
 *	keep-alive           0 or 1 octet, one below the expected number
 *	window update        no data, same numbers as before, other window
 *	window full          data up to the very edge of the other side's window
 *	keep-alive ack       no data, everything as before, the other side's last segment was a keep-alive
 *	zero window probe ack, duplicate ack    likewise
 *	ack lost segment     acknowledges what was never seen
 *	spurious / fast / out-of-order / retransmission    data (or SYN, FIN) below the expected number
 *
 * tshark marks fast and spurious retransmissions as retransmissions too. Numbers are compared modulo 2^32 (RFC 9293 3.4).
 */
#include "sim/capture/cap_net.h"

#define FAST_RETRANSMISSION_NS 20000000 /* after the last duplicate ACK */
#define OUT_OF_ORDER_NS 3000000         /* when no round trip has been measured */

static bool after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}
static bool before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#define FLAG(x) (1u << CAP_AN_##x)

struct look { /* one segment, looked at */
	struct cap_conn *cn;
	struct cap_flow *fwd, *rev;
	uint32_t seq, ack, len, window;
	uint16_t flags;
	int64_t at;
	uint32_t found; /* bits */
};

/* Same numbers as the direction's last segment, no data, none of SYN, FIN, RST. */
static bool repeats(const struct look *l)
{
	return l->len == 0 && l->seq == l->fwd->nextseq && l->ack == l->fwd->lastack &&
	       !(l->flags & (TCP_SYN | TCP_FIN | TCP_RST));
}

static uint32_t window_edge(const struct cap_flow *f)
{
	int shift = f->window_unscaled || f->wscale < 0 ? 0 : f->wscale;
	return f->lastack + (f->window << shift);
}

/* What the segment says about itself and the other side's windows. */
static void look_forward(struct look *l)
{
	struct cap_flow *f = l->fwd, *r = l->rev;
	bool plain = !(l->flags & (TCP_SYN | TCP_FIN | TCP_RST));
	if (l->len == 1 && l->seq == f->nextseq && r->window == 0) {
		l->found |= FLAG(ZERO_WINDOW_PROBE);
		return;
	}
	if (l->window == 0 && plain)
		l->found |= FLAG(ZERO_WINDOW);
	if (f->nextseq && after(l->seq, f->nextseq) && !(l->flags & TCP_RST))
		l->found |= FLAG(LOST_SEGMENT);
	if (l->len <= 1 && l->seq == f->nextseq - 1 && plain)
		l->found |= FLAG(KEEP_ALIVE);
	if (l->window && l->window != f->window && repeats(l))
		l->found |= FLAG(WINDOW_UPDATE);
	if (l->len && r->wscale != -1 && plain && l->seq + l->len == window_edge(r))
		l->found |= FLAG(WINDOW_FULL);
	if (l->window != f->window || !repeats(l))
		return;
	if (l->window && r->last_flags & FLAG(KEEP_ALIVE)) {
		l->found |= FLAG(KEEP_ALIVE_ACK);
	} else if (!l->window && r->last_flags & FLAG(ZERO_WINDOW_PROBE)) {
		l->found |= FLAG(ZERO_WINDOW_PROBE_ACK);
	} else if (l->window) {
		f->dupacks = f->dupacks < 0 ? 1 : f->dupacks + 1;
		l->found |= FLAG(DUPLICATE_ACK);
	}
}

static void look_ack(struct look *l)
{
	struct cap_flow *r = l->rev;
	if (l->ack != l->fwd->lastack)
		l->fwd->dupacks = 0;
	if (!r->max_to_be_acked || !(l->flags & TCP_ACK) || !after(l->ack, r->max_to_be_acked))
		return;
	if (before(r->max_to_be_acked, r->nextseq)) {
		r->max_to_be_acked = r->nextseq;
		l->found |= FLAG(ACK_LOST_SEGMENT);
	} else {
		if (r->dupacks == 0)
			l->found |= FLAG(ACK_LOST_SEGMENT);
		r->dupacks = -1;
	}
}

static void look_again(struct look *l)
{
	struct cap_flow *f = l->fwd, *r = l->rev;
	unsigned phantom = l->flags & (TCP_SYN | TCP_FIN) ? 1 : 0;
	if ((!l->len && !phantom) || l->found & FLAG(KEEP_ALIVE))
		return;
	bool old = f->nextseq && before(l->seq, f->nextseq);
	if (l->len > 1 && f->nextseq - 1 == l->seq)
		old = false; /* new data behind what may have been a zero window probe */
	if (l->len && r->lastack && !after(l->seq + l->len, r->lastack)) {
		l->found |= FLAG(SPURIOUS_RETRANSMISSION) | FLAG(RETRANSMISSION);
		return;
	}
	if (!old)
		return;
	/* -1, an acknowledgement of something never seen, counts as many: so it does in tshark. */
	if ((uint32_t)r->dupacks >= 2 && r->lastack == l->seq &&
		l->at - r->lastack_at < FAST_RETRANSMISSION_NS) {
		l->found |= FLAG(FAST_RETRANSMISSION) | FLAG(RETRANSMISSION);
		return;
	}
	int64_t near = l->cn->syn_dated && l->cn->first_rtt ? l->cn->first_rtt : OUT_OF_ORDER_NS,
		t = l->at - f->nextseq_at;
	if (t >= 0 && t < near &&
		(f->nextseq != l->seq + l->len + phantom || (l->len && f->lastacklen == 0))) {
		l->found |= FLAG(OUT_OF_ORDER);
		return;
	}
	l->found |= FLAG(RETRANSMISSION);
}

static void remember(struct look *l)
{
	struct cap_flow *f = l->fwd;
	unsigned phantom = l->flags & (TCP_SYN | TCP_FIN) ? 1 : 0;
	uint32_t next = l->seq + l->len + phantom;
	bool probe = l->found & FLAG(ZERO_WINDOW_PROBE);
	if (!f->nextseq || after(next, f->nextseq + phantom))
		f->lastacklen = l->len;
	if ((!f->nextseq || after(next, f->nextseq)) && !probe) {
		f->nextseq = next;
		f->nextseq_at = l->at;
	}
	if ((!f->max_to_be_acked || l->seq == f->max_to_be_acked) && !probe)
		f->max_to_be_acked = f->nextseq;
	f->window = l->window;
	f->window_unscaled = l->flags & TCP_SYN;
	f->lastack = l->ack;
	f->lastack_at = l->at;
	f->last_flags = l->found;
}

/* RFC 7323 2.2: scaling is in force only when both SYN segments carry the option. */
static void window_scale(struct look *l, const struct tcp_hdr *h)
{
	if (!(h->flags & TCP_SYN))
		return;
	if (h->has_wscale)
		l->fwd->wscale = (int8_t)(h->wscale > 14 ? 14 : h->wscale);
	if (l->fwd->wscale == -1)
		l->fwd->wscale = l->rev->wscale = -2;
	else if ((h->flags & TCP_ACK) && l->rev->wscale == -2)
		l->fwd->wscale = -2;
}

/* The number the connection began with, seen in a SYN or guessed from the first segment or the other side's first ACK. */
static void base_seq(struct look *l)
{
	bool syn = l->flags & TCP_SYN;
	if (!l->fwd->base_known)
		l->fwd->base_seq = syn ? l->seq : l->seq - 1;
	l->fwd->base_known = true;
	if (!l->rev->base_known && (l->flags & TCP_ACK)) {
		l->rev->base_seq = l->ack - 1;
		l->rev->base_known = true;
	}
}

void cap_tcp_analyse(struct cap_conn *cn, unsigned dir, const struct tcp_hdr *h, uint32_t len,
	struct cap_pkt *p, bool dated)
{
	struct look l = {.cn = cn, .fwd = &cn->flow[dir], .rev = &cn->flow[!dir]};
	l.seq = h->seq;
	l.ack = h->ack;
	l.len = len;
	l.window = h->window;
	l.flags = h->flags;
	l.at = p->at;
	base_seq(&l);
	look_forward(&l);
	look_ack(&l);
	look_again(&l);
	remember(&l);
	window_scale(&l, h);
	unsigned sa = h->flags & (TCP_SYN | TCP_ACK);
	if (sa == TCP_SYN) {
		cn->syn_at = p->at;
		cn->syn_seen = true;
		cn->syn_dated = dated;
	} else if (sa == TCP_ACK && cn->syn_seen && !cn->first_rtt) {
		cn->first_rtt = p->at - cn->syn_at;
	}
	p->analysis |= (uint16_t)l.found;
}
