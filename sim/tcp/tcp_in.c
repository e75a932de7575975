/*
 * A segment arrives: RFC 9293 3.10.7, in its order; with RFC 5961's checks of RST, SYN and ACK against blind
 * injection, and RFC 7323's of timestamps.
 */
#include "sim/tcp/tcp_int.h"

#define SYN_AGAIN_NS (8 * NS_PER_MS)      /* Linux TCP_TIMEOUT_MIN: two ticks of 4 ms */
#define OOW_INTERVAL_NS (500 * NS_PER_MS) /* Linux tcp_invalid_ratelimit: answers to stray segments */

/* An answer that only says where we are. Rate limited, lest two ends answer each other for ever. */
static COLD void challenge(struct tcp *t, struct tcp_conn *c, const struct pkt *p, int64_t now)
{
	struct tcp_ext *x = tcp_ext(t, c);

	if (!p->payload_len && x->oow_ns && now - x->oow_ns < OOW_INTERVAL_NS)
		return;
	x->oow_ns = now;
	ack_now(c);
}

/* An ACK that belongs to another life of this address pair: <SEQ=SEG.ACK><CTL=RST> (RFC 9293 3.10.7.3). */
static COLD void stray(struct tcp *t, struct tcp_conn *c, const struct pkt *p)
{
	if (p->flags & TCP_RST)
		return;
	tcp_ext(t, c)->stray_seq = p->ack;
	c->flags |= TCPF_STRAY_RST;
}

/* `tries`: how often the SYN had to be sent again. The window starts here (RFC 6928; a lost SYN was congestion). */
static void establish(struct tcp *t, struct tcp_conn *c, unsigned tries, int64_t now)
{
	c->cwnd = tries > 1 ? 1 : c->cfg->initial_window;
	if (c->busy->ext)
		c->busy->ext->ssthresh = UINT32_MAX;
	c->flags &= ~TCPF_CWND_LIMITED;
	if (c->busy->ext)
		c->busy->ext->ca = CA_OPEN;
	tcp_set_state(t, c, c->flags & TCPF_FIN_QUEUED ? TCP_FIN_WAIT_1 : TCP_ESTABLISHED);
	c->flags |= EVT_ESTABLISHED;
	c->rcvd_ns = now;
	if (tcp_noted(t, c, TRACE_TCP_ESTABLISHED))
		tcp_because(c, tcp_note(t, c,
				       &(struct tcp_note){.kind = TRACE_TCP_ESTABLISHED,
					       .cause = tcp_cause(c),
					       .a = now - c->sent_ns}));
}

/* Options of a SYN (RFC 9293 3.7.1, RFC 7323, RFC 2018): used only when both ends offer them. */
static void syn_options(struct tcp_conn *c, const struct pkt *p)
{
	unsigned mss = p->opts & PKT_OPT_MSS ? p->mss : 536;

	if (mss > c->cfg->mss)
		mss = c->cfg->mss;
	if (mss < 88)
		mss = 88; /* Linux TCP_MIN_MSS: a hostile 0 must not starve us */
	if ((p->opts & PKT_OPT_TS) && c->cfg->timestamps) {
		c->flags |= TCPF_TS;
		c->ts_recent = p->tsval;
		mss -= 12;
	}
	if ((p->opts & PKT_OPT_SACK_OK) && c->cfg->sack)
		c->flags |= TCPF_SACK;
	if ((p->opts & PKT_OPT_WSCALE) && c->cfg->window_scaling) {
		c->flags |= TCPF_WSCALE;
		c->snd_wscale = (p->wscale > 14 ? 14u : p->wscale) & 15u;
		c->rcv_wscale = c->cfg->wscale & 15u;
	}
	c->snd_mss = (uint16_t)mss;
	c->rcv_mss = mss < 536 ? (uint16_t)mss : 536;
}

static void learn_syn(struct tcp_conn *c, const struct pkt *p)
{
	if (c->flags & TCPF_TAG)
		tcp_tag(c)->irs = p->seq;
	c->rcv_nxt = p->seq + 1;
	c->rcv_adv = c->rcv_nxt + c->rcv_window;
	c->snd_wnd = p->wnd; /* never scaled in a SYN (RFC 7323 2.2) */
	c->snd_wl1 = p->seq;
	syn_options(c, p);
}

/* 3.10.7.2 */
static void in_listen(struct tcp *t, struct tcp_conn *c, const struct pkt *p, int64_t now)
{
	struct tcp_sg *g;

	if (p->flags & TCP_ACK)
		stray(t, c, p);
	if ((p->flags & TCP_RST) || !(p->flags & TCP_SYN) || (p->flags & TCP_ACK))
		return;
	learn_syn(c, p);
	tcp_first_window(c, c->cfg->mss - (c->flags & TCPF_TS ? 12u : 0u));
	c->rcvd_ns = c->sent_ns = now;
	tcp_set_state(t, c, TCP_SYN_RECEIVED);
	g = sg_new(t, c, SG_SYN);
	g->cause = tcp_cause(c);
	c->busy->queued = sg_end(g) - c->snd_una;
}

static void reset_by_peer(struct tcp *t, struct tcp_conn *c)
{
	tcp_because(c, tcp_note(t, c,
			       &(struct tcp_note){.kind = TRACE_TCP_RST_RECV,
				       .reason = REASON_PEER_RESET,
				       .cause = tcp_cause(c)}));
	tcp_done(t, c, EVT_RESET, REASON_PEER_RESET);
}

/* 3.10.7.3 */
static void in_syn_sent(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now)
{
	bool ack = p->flags & TCP_ACK;

	if (ack && (c->busy->tx == tx_next(c) ||
			   p->ack != tcp_snd_nxt(c))) { /* only our SYN can be acknowledged */
		if (!c->busy->backoff &&
			c->busy->packets_out) /* the other life ends with our RST: once more */
			c->busy->rtx_ns = now + SYN_AGAIN_NS;
		stray(t, c, p);
		return;
	}
	if (p->flags & TCP_RST) {
		if (ack)
			reset_by_peer(t, c);
		return;
	}
	if (!(p->flags & TCP_SYN))
		return;
	learn_syn(c, p);
	if (!ack) { /* simultaneous open: our SYN goes once more, as SYN,ACK */
		tcp_set_state(t, c, TCP_SYN_RECEIVED);
		if (c->busy->tx && c->busy->tx != tx_next(c)) {
			c->busy->flight = 0;
			c->busy->tx->unsent = c->busy->tx;
			c->busy->tx->flags &= (uint8_t)~SG_SENT;
			c->busy->packets_out = 0;
		}
		return;
	}
	unsigned tries = c->busy->backoff;

	rtx_ack(t, c, p, true, now);
	establish(t, c, tries, now);
	ack_now(c);
	if (p->payload_len || (p->flags & TCP_FIN)) {
		p->seq++;
		rx_data(t, c, p, now);
	}
}

/* ---- synchronized states (3.10.7.4) -------------------------------------------------------------------------- */

/* RFC 7323 5: PAWS. */
static bool paws_ok(const struct tcp_conn *c, const struct pkt *p)
{
	return !(c->flags & TCPF_TS) || !(p->opts & PKT_OPT_TS) || !seq_lt(p->tsval, c->ts_recent);
}

/* First: is the segment acceptable? */
static bool acceptable(const struct tcp_conn *c, const struct pkt *p)
{
	uint32_t len = p->payload_len + (p->flags & TCP_FIN ? 1u : 0u) + (p->flags & TCP_SYN ? 1u : 0u);
	uint32_t edge = seq_lt(c->rcv_nxt, c->rcv_adv) ? c->rcv_adv : c->rcv_nxt;

	/* Linux tcp_sequence: it ends at or after what was last acknowledged and begins within the window */
	return !seq_lt(p->seq + len, tcp_rcv_wup(c)) && seq_le(p->seq, edge);
}

/* Second and fourth: RST and SYN. True when the segment has been dealt with. */
static bool rst_or_syn(struct tcp *t, struct tcp_conn *c, const struct pkt *p, int64_t now)
{
	if (p->flags & TCP_RST) {
		if (p->seq == c->rcv_nxt) {
			if (c->state == TCP_TIME_WAIT || c->state == TCP_LAST_ACK ||
				c->state == TCP_CLOSING) {
				tcp_done(t, c, EVT_CLOSED, REASON_PEER_RESET);
			} else {
				reset_by_peer(t, c);
			}
		} else {
			challenge(t, c, p, now); /* RFC 5961 3.2 */
		}
		return true;
	}
	if (p->flags & TCP_SYN) {
		if (c->state == TCP_SYN_RECEIVED && p->seq + 1 == c->rcv_nxt) {
			if (!(p->flags & TCP_ACK)) { /* its SYN again: our SYN,ACK again */
				struct tcp_sg *g = c->busy->tx;

				if (g && (g->flags & SG_SENT) && !(g->flags & SG_LOST)) {
					tcp_ext(t, c)->lost_out++;
					g->flags |= SG_LOST;
				}
				return true;
			}
			return false; /* simultaneous open: SYN,ACK acknowledges our SYN */
		}
		challenge(t, c, p, now); /* RFC 5961 4.2 */
		return true;
	}
	return false;
}

/* Does it say something new of the window? */
static inline bool take_window(struct tcp_conn *c, const struct pkt *p, uint32_t wnd)
{
	if (!(seq_lt(c->snd_una, p->ack) || seq_lt(c->snd_wl1, p->seq) ||
		    (p->seq == c->snd_wl1 && wnd > c->snd_wnd) || (p->seq == c->snd_wl1 && !wnd)))
		return false;
	c->snd_wnd = wnd;
	c->snd_wl1 = p->seq;
	return true;
}

static bool update_window(struct tcp_conn *c, const struct pkt *p)
{
	return take_window(c, p, (uint32_t)p->wnd << (p->flags & TCP_SYN ? 0 : c->snd_wscale));
}

/* The persist timer stops when the window opens; an answered probe starts the timer and the count anew. */
static void after_window(struct tcp_conn *c, int64_t now)
{
	if (c->busy->probes)
		c->busy->probes = 0;
	if (!(c->flags & TCPF_PERSIST) || !tx_next(c))
		return;
	uint32_t len = tx_next(c)->len < c->snd_mss ? tx_next(c)->len : c->snd_mss;

	if (seq_le(tx_next(c)->seq + len, c->snd_una + c->snd_wnd)) {
		c->flags &= ~TCPF_PERSIST;
		c->busy->rtx_ns = TIME_NEVER;
		c->busy->backoff = 0;
	} else {
		c->busy->rtx_ns = now + rto_ns(c);
	}
}

/* What an acknowledged FIN means in each state. */
static void fin_acked(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	switch ((enum tcp_state)c->state) {
	case TCP_FIN_WAIT_1:
		tcp_set_state(t, c, TCP_FIN_WAIT_2);
		c->busy->rtx_ns = c->flags & TCPF_DETACHED ? now + c->cfg->fin_wait_2_ns : TIME_NEVER;
		break;
	case TCP_CLOSING:
		tcp_start_time_wait(t, c, now);
		break;
	case TCP_LAST_ACK:
		tcp_done(t, c, EVT_CLOSED, REASON_NONE);
		break;
	default:
		break;
	}
}

/* Fifth: the ACK field. False: the segment goes no further. */
static bool in_ack(struct tcp *t, struct tcp_conn *c, const struct pkt *p, int64_t now)
{
	if (c->state == TCP_SYN_RECEIVED ||
		(c->state == TCP_FIN_WAIT_1 && c->busy->tx && (c->busy->tx->flags & SG_SYN))) {
		if (!seq_lt(c->snd_una, p->ack) || seq_lt(tcp_snd_nxt(c), p->ack)) {
			stray(t, c, p);
			return false;
		}
		c->snd_wnd = (uint32_t)p->wnd << (p->flags & TCP_SYN ? 0 : c->snd_wscale);
		c->snd_wl1 = p->seq;
		unsigned tries = c->busy->backoff;

		rtx_ack(t, c, p, true, now);
		establish(t, c, tries, now);
		if (p->flags & TCP_SYN)
			ack_now(c);
		return true;
	}
	if (seq_lt(tcp_snd_nxt(c), p->ack)) { /* acknowledges what was never sent (RFC 5961 5.2) */
		challenge(t, c, p, now);
		return false;
	}
	if (seq_lt(p->ack, c->snd_una)) {
		uint32_t most = c->snd_wnd > UINT16_MAX ? c->snd_wnd : UINT16_MAX;

		if (c->snd_una - p->ack > most) {
			challenge(t, c, p, now);
			return false;
		}
		return true; /* an old one: its text may still be new */
	}
	bool window = update_window(c, p), advanced = rtx_ack(t, c, p, window, now);

	after_window(c, now);
	if ((c->flags & TCPF_FULL) && tcp_unacked(c) <= c->cfg->snd_buffer_bytes / 2) {
		c->flags &= ~TCPF_FULL;
		c->flags |= EVT_WRITABLE;
	}
	if (advanced && (c->flags & TCPF_FIN_QUEUED) && c->snd_una == tcp_snd_end(c))
		fin_acked(t, c, now);
	return c->state != TCP_CLOSED;
}

/* Eighth: the FIN bit has been taken in sequence. */
static void in_fin(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	switch ((enum tcp_state)c->state) {
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		tcp_set_state(t, c, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT_1:
		tcp_set_state(t, c, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT_2:
		tcp_start_time_wait(t, c, now);
		break;
	default:
		break;
	}
}

/* Text or a FIN that has been acknowledged before: the peer sends again for nothing, or did not get our ACK. */
static void old_text(struct tcp *t, struct tcp_conn *c, const struct pkt *p)
{
	uint32_t end = p->seq + p->payload_len + (p->flags & TCP_FIN ? 1u : 0u);

	if (end == p->seq || !seq_lt(p->seq, c->rcv_nxt))
		return;
	ack_quick_again(c);
	rx_dsack(t, c, p->seq, seq_lt(c->rcv_nxt, end) ? c->rcv_nxt : end);
}

/* Sixth to eighth: text and FIN. */
static void in_text(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now)
{
	bool had_fin = c->flags & TCPF_FIN_RCVD;

	if (!p->payload_len && !(p->flags & TCP_FIN))
		return;
	if (had_fin) { /* a retransmission of the end: our ACK was lost */
		if (c->state == TCP_TIME_WAIT)
			c->busy->rtx_ns = now + c->cfg->time_wait_ns;
		else
			old_text(t, c, p);
		ack_now(c);
		return;
	}
	if ((c->flags & TCPF_DETACHED) && p->payload_len && seq_lt(c->rcv_nxt, p->seq + p->payload_len)) {
		/* nobody will ever read it (RFC 1122 4.2.2.13): answered as if the connection were gone */
		tcp_done(t, c, EVT_CLOSED, REASON_NONE);
		tcp_because(
			c, tcp_note(t, c,
				   &(struct tcp_note){.kind = TRACE_TCP_RST_SEND, .cause = tcp_cause(c)}));
		stray(t, c, p);
		return;
	}
	rx_data(t, c, p, now);
	if (c->flags & TCPF_FIN_RCVD)
		in_fin(t, c, now);
}

static void synchronized(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now)
{
	bool rst = p->flags & TCP_RST;

	if (!rst && !paws_ok(c, p)) {
		old_text(t, c, p);
		challenge(t, c, p, now);
		return;
	}
	if (!acceptable(c, p)) {
		if (c->state == TCP_SYN_RECEIVED && (p->flags & TCP_SYN) && p->seq + 1 == c->rcv_nxt) {
			rst_or_syn(t, c, p, now);
		} else if (!rst) {
			old_text(t, c, p);
			challenge(t, c, p, now);
		}
		return;
	}
	if (rst_or_syn(t, c, p, now))
		return;
	if (!(p->flags & TCP_ACK))
		return;
	if ((c->flags & TCPF_TS) && (p->opts & PKT_OPT_TS) && seq_le(p->seq, tcp_rcv_wup(c)))
		c->ts_recent = p->tsval; /* RFC 7323 4.3 (2): only what reaches back to the last ACK sent */
	if (!in_ack(t, c, p, now))
		return;
	if (p->flags & TCP_SYN) { /* simultaneous open: the SYN has been counted */
		p->seq++;
		p->flags &= (uint8_t)~TCP_SYN;
	}
	in_text(t, c, p, now);
	if (c->cfg->keepalive || (c->flags & TCPF_PERSIST))
		c->rcvd_ns = now;
}

/* Header prediction (Van Jacobson): the segment that everybody expects, the next text or an acknowledgement of new data
 * on a connection on which nothing went wrong. It would pass all checks of synchronized(). */
static inline bool expected(const struct tcp_conn *c, const struct pkt *p)
{
	const uint32_t unusual = TCPF_FIN_QUEUED | TCPF_FIN_RCVD | TCPF_DETACHED | TCPF_PERSIST | TCPF_FULL;

	if (c->state != TCP_ESTABLISHED || c->busy->ext || p->seq != c->rcv_nxt || (c->flags & unusual) ||
		(p->flags & ~TCP_PSH) != TCP_ACK)
		return false;
	if (c->flags & TCPF_TS ? p->opts != PKT_OPT_TS || seq_lt(p->tsval, c->ts_recent) : p->opts != 0)
		return false;
	return seq_le(c->snd_una, p->ack) && seq_le(p->ack, tcp_snd_nxt(c)) &&
	       (p->payload_len ? seq_le(p->seq + p->payload_len, c->rcv_adv) : c->snd_una != p->ack);
}

static inline void in_expected(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now)
{
	if ((c->flags & TCPF_TS) && p->seq == tcp_rcv_wup(c))
		c->ts_recent = p->tsval;
	take_window(c, p, (uint32_t)p->wnd << c->snd_wscale);
	if (seq_lt(c->snd_una, p->ack))
		rtx_ack_usual(t, c, p, now);
	if (rare(c->busy->probes))
		c->busy->probes = 0;
	if (p->payload_len)
		rx_in_order(t, c, p, now);
	else if (rare(c->cfg->keepalive))
		c->rcvd_ns = now;
}

/* Text in one piece, nothing before it waiting: it need not wait in the queue either. */
static inline bool straight(const struct tcp_conn *c, const struct pkt *p)
{
	return p->nslices == 1 && !c->busy->rx && !(c->flags & TCPF_PAUSED) && !(c->flags & TCPF_EVENTS);
}

inline bool tcp_input_straight(
	struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now, struct slice *text)
{
	if (rare(!t->predict) || rare(!expected(c, p)) || (p->payload_len && rare(!straight(c, p))))
		return false;
	tcp_because(c, p->cause);
	*text = SLICE_NONE;
	if (p->payload_len) {
		*text = p->data.s[0];
		p->nslices = 0; /* moved */
	}
	in_expected(t, c, p, now);
	pkt_free(t->net, p);
	return true;
}

inline void tcp_text_taken(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	ack_after_reading(c);
	rx_read(t, c, now);
}

/* Out of line, so that the straight way has the registers. */
APART void tcp_input(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now)
{
	tcp_because(c, p->cause);
	if (t->predict && expected(c, p)) {
		in_expected(t, c, p, now);
		pkt_free(t->net, p);
		return;
	}
	switch ((enum tcp_state)c->state) {
	case TCP_CLOSED:
		break;
	case TCP_LISTEN:
		in_listen(t, c, p, now);
		break;
	case TCP_SYN_SENT:
		in_syn_sent(t, c, p, now);
		break;
	default:
		synchronized(t, c, p, now);
	}
	pkt_free(t->net, p);
}

bool tcp_reusable(const struct tcp_conn *c, const struct pkt *syn)
{
	if (c->state != TCP_TIME_WAIT || !(syn->flags & TCP_SYN) || (syn->flags & (TCP_ACK | TCP_RST)))
		return false;
	if ((c->flags & TCPF_TS) && (syn->opts & PKT_OPT_TS) && c->ts_recent != syn->tsval)
		return seq_lt(c->ts_recent,
			syn->tsval); /* an older one is an old duplicate, whatever its number (RFC 6191 2) */
	return seq_lt(c->rcv_nxt, syn->seq);
}

struct pkt *tcp_reset_for(struct tcp *t, const struct pkt *seg)
{
	struct pkt *p;

	if (seg->flags & TCP_RST)
		return NULL;
	p = pkt_new(t->net);
	p->src = seg->dst;
	p->dst = seg->src;
	p->sport = seg->dport;
	p->dport = seg->sport;
	p->conn = seg->conn;
	p->client = seg->client;
	p->marks = (uint8_t)((seg->marks & PKT_LENS) | (seg->marks & PKT_UP ? PKT_DOWN : PKT_UP));
	if (seg->cause)
		p->cause = seg->cause;
	if (seg->flags & TCP_ACK) {
		p->seq = seg->ack;
		p->flags = TCP_RST;
	} else {
		p->ack = seg->seq + seg->payload_len + (seg->flags & TCP_SYN ? 1u : 0u) +
			 (seg->flags & TCP_FIN ? 1u : 0u);
		p->flags = TCP_RST | TCP_ACK;
	}
	pkt_finish(p);
	return p;
}
