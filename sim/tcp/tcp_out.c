/*
 * Sending: which segment goes next, and its header (RFC 9293 3.7.4, 3.8.6; option layout as Linux).
 *
 * Order: RST, retransmissions, new data, probes, a bare ACK.
 */
#include "sim/tcp/tcp_int.h"

#include <string.h>

/* A packet with this connection's addresses and numbers and, with `stamped`, timestamps; no other options yet. Every field is written once,
 * from values read before: this is done for every segment. */
static inline struct pkt *make_plain(struct tcp *t, struct tcp_conn *c, uint32_t seq, unsigned flags,
	bool stamped, uint16_t ip_id, int64_t now)
{
	const struct tcp_tag *tag = tcp_tag(c);
	const struct tcp_addr a = c->addr;
	uint64_t cause = rare(tag) && tag->cause ? tag->cause : t->w->cause;
	uint32_t tsval = stamped ? tcp_ts_now(t, c, now) : 0, client = c->client,
		 conn = tag ? tag->trace_conn : 0;
	uint32_t tsecr = stamped && (flags & TCP_ACK) ? c->ts_recent : 0, soff = tag ? seq - tag->iss - 1 : 0;
	unsigned marks = (c->flags & TCPF_LENS ? PKT_LENS : 0) | (c->flags & TCPF_SERVER ? PKT_DOWN : PKT_UP);
	uint32_t id = ++t->net->next_pkt_id, ack = c->rcv_nxt;
	struct pkt *p = pool_get(t->net->pkts);

	p->link = NULL;
	p->cause = cause;
	p->id = id;
	p->src = a.local;
	p->dst = a.remote;
	p->sport = a.lport;
	p->dport = a.rport;
	p->seq = seq;
	p->ack = flags & TCP_ACK ? ack : 0;
	p->tsval = tsval;
	p->tsecr = tsecr;
	p->wnd = p->payload_len = p->epoch = 0;
	p->wire_bytes = stamped ? 20 + 20 + 12 : 20 + 20; /* so far; pkt_finish when there is more */
	p->flags = (uint8_t)flags;
	p->opts = stamped ? PKT_OPT_TS : 0;
	p->marks = (uint8_t)marks;
	p->nslices = 0;
	p->proto = IP_PROTO_TCP;
	p->ttl = 64;
	p->ip_id = ip_id;
	p->sack = NULL;
	p->conn = conn;
	p->client = client;
	p->soff = soff;
	p->mss = 0;
	p->wscale = p->pad = 0;
	return p;
}

/* The usual segment: no SYN. */
static inline struct pkt *make(struct tcp *t, struct tcp_conn *c, uint32_t seq, unsigned flags, int64_t now)
{
	return make_plain(t, c, seq, flags, c->flags & TCPF_TS, c->ip_id++, now);
}

/* A SYN offers what the cfg has, a SYN,ACK what both have. */
static struct pkt *make_syn(struct tcp *t, struct tcp_conn *c, uint32_t seq, unsigned flags, int64_t now)
{
	bool answer = flags & TCP_ACK, stamped = answer ? c->flags & TCPF_TS : c->cfg->timestamps;
	/* Linux: a SYN,ACK has identification 0 */
	struct pkt *p = make_plain(t, c, seq, flags, stamped, answer ? 0 : c->ip_id++, now);

	p->opts |= PKT_OPT_MSS;
	p->mss = c->cfg->mss;
	if (answer ? c->flags & TCPF_SACK : c->cfg->sack)
		p->opts |= PKT_OPT_SACK_OK;
	if (answer ? c->flags & TCPF_WSCALE : c->cfg->window_scaling) {
		p->opts |= PKT_OPT_WSCALE;
		p->wscale = c->cfg->wscale;
	}
	p->wnd = c->rcv_window < UINT16_MAX ? (uint16_t)c->rcv_window : UINT16_MAX;
	c->rcv_adv = c->rcv_nxt + p->wnd;
	return p;
}

static inline void announce(struct tcp *t, struct tcp_conn *c, struct pkt *p)
{
	uint32_t room = rx_window(c);

	p->wnd = (uint16_t)(room >> c->rcv_wscale);
	if (seq_lt(c->rcv_adv, c->rcv_nxt + room))
		c->rcv_adv = c->rcv_nxt + room;
	if (rare(!room) && !(c->flags & TCPF_ZERO_WND)) {
		c->flags |= TCPF_ZERO_WND;
		p->cause =
			tcp_note(t, c, &(struct tcp_note){.kind = TRACE_TCP_ZERO_WINDOW, .cause = p->cause});
	} else if (often(room)) {
		c->flags &= ~TCPF_ZERO_WND;
	}
}

/* Blocks that want to be told, as many as there are beside other options (RFC 2018 3). */
static unsigned sack_wanted(const struct tcp_conn *c)
{
	const struct tcp_ext *x = c->busy->ext;
	unsigned n = x->dsack_left != x->dsack_right, max = c->flags & TCPF_TS ? 3 : 4;

	if (!(c->flags & TCPF_SACK))
		return 0;
	for (const struct tcp_ooo *o = x->ooo; o && n < max; o = o->next) /* neighbours are one block */
		n += !o->next || o->next->seq != o->seq + o->len;
	return n < max ? n : max;
}

/* Octets of data that fit beside the options of the moment (Linux tcp_current_mss). */
static uint32_t mss_now(const struct tcp_conn *c)
{
	unsigned n = c->busy->ext ? sack_wanted(c) : 0;

	return n ? c->snd_mss - (4u + 8 * n) : c->snd_mss;
}

static void add_sack(struct tcp *t, struct tcp_conn *c, struct pkt *p, uint32_t payload)
{
	struct tcp_ext *x = c->busy->ext;
	unsigned n = sack_wanted(c);

	if (payload + 12 > c->snd_mss) /* a retransmission as long as it was: only what still fits */
		n = 0;
	else if (n && payload + 4 + 8 * n > c->snd_mss)
		n = (c->snd_mss - payload - 4) / 8;
	if (!n)
		return;
	p->sack = pool_get(t->net->sacks);
	if (rx_sack_blocks(c, p->sack, n)) {
		p->opts |= PKT_OPT_SACK;
	} else {
		pool_put(t->net->sacks, p->sack);
		p->sack = NULL;
	}
	x->dsack_left = x->dsack_right = 0;
}

/* A segment without data; seq is SND.NXT for an ACK. */
static struct pkt *bare(struct tcp *t, struct tcp_conn *c, uint32_t seq, unsigned flags, int64_t now)
{
	struct pkt *p = make(t, c, seq, flags, now);

	if (flags & TCP_ACK) {
		announce(t, c, p);
		if (rare(c->busy->ext)) {
			add_sack(t, c, p, 0);
			pkt_finish(p);
		}
		ack_sent(c);
	}
	return p;
}

/* The segment of a queue node. */
static struct pkt *of_sg(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, int64_t now)
{
	unsigned flags = (g->flags & SG_PSH ? TCP_PSH : 0) | (g->flags & SG_FIN ? TCP_FIN : 0);
	struct pkt *p;

	if (g->flags & SG_SYN) {
		p = make_syn(t, c, g->seq, flags | TCP_SYN | (c->state != TCP_SYN_SENT ? TCP_ACK : 0), now);
		p->ack = p->flags & TCP_ACK ? c->rcv_nxt : 0;
		p->soff = 0;
		if (p->flags & TCP_ACK)
			ack_sent(c);
	} else {
		p = make(t, c, g->seq, flags | TCP_ACK, now);
		announce(t, c, p);
		if (c->busy->ext)
			add_sack(t, c, p, g->len);
		ack_sent(c);
	}
	if (g->cause)
		p->cause = g->cause;
	for (unsigned i = 0; i < g->nslices; i++) {
		struct slice s = *slicev_at(&g->data, i);

		blob_ref(s.blob);
		pkt_add(t->net, p, s);
	}
	pkt_finish(p);
	return p;
}

/* ---- retransmission ----------------------------------------------------------------------------------------- */

static struct pkt *again(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, int64_t now)
{
	struct tcp_ext *x = tcp_ext(t, c);
	bool fast = x->ca == CA_RECOVERY;
	struct pkt *p;

	if (g->len > mss_now(c)) /* blocks beside it take room that it had at first */
		rtx_split(t, c, g, mss_now(c));
	rtx_collapse(t, c, g, mss_now(c));
	uint64_t id = tcp_note(t, c,
		&(struct tcp_note){.kind = fast ? TRACE_TCP_FAST_RETRANSMIT : TRACE_TCP_RETRANSMIT,
			.cause = tcp_cause(c) ? tcp_cause(c) : g->cause,
			.a = fast ? (tx_dupacks(c) ? tx_dupacks(c) : x->sacked_out) : c->busy->backoff,
			.seq = g->seq,
			.len = g->len});
	rtx_resent(t, c, g, now);
	if (g->len) /* as in Linux an answer too, if it comes soon, and no idle time */
		ack_data_sent(c, now);
	p = of_sg(t, c, g, now);
	p->marks |= PKT_AGAIN;
	p->cause = id;
	return p;
}

/* ---- new data ------------------------------------------------------------------------------------------------ */

/* A segment smaller than the others is on its way. */
static bool small_in_flight(const struct tcp_conn *c)
{
	for (const struct tcp_sg *g = c->busy->tx; g && g != tx_next(c); g = g->next)
		if (g->len < c->snd_mss)
			return true;
	return false;
}

/* Octets of the first unsent node that may go now; 0: none. A FIN alone counts as sendable by *fin. */
static uint32_t sendable(struct tcp_conn *c, const struct tcp_sg *g, bool *fin)
{
	uint32_t edge = c->snd_una + c->snd_wnd, mss = mss_now(c), len = g->len < mss ? g->len : mss;

	*fin = false;
	if (g->len == 0) { /* SYN or FIN alone: neither waits for the window */
		*fin = true;
		return 0;
	}
	if (seq_lt(edge, g->seq + len)) /* the receiver has no room for a whole segment */
		return 0;
	/* Nagle (RFC 9293 3.7.4), with Minshall's change as in Linux: a small segment waits while another small one
	 * is unacknowledged, but the end of a long write follows its full segments at once */
	if (len < mss && !(g->flags & SG_FIN)) {
		if (g->more && g == tx_tail(c))
			return 0;
		if (!c->cfg->nodelay && g == tx_tail(c) && small_in_flight(c))
			return 0;
	}
	return len;
}

/* TC-09, RFC 5681 4.1: after an idle time the window falls back, halved for each RTO, not below the initial one. */
static void idle_restart(struct tcp_conn *c, int64_t now)
{
	int64_t rto = tcp_rto_ns(c), idle = now - c->sent_ns;
	uint32_t to = c->cwnd;

	if (!c->cfg->idle_restart || c->busy->packets_out || !c->sent_ns || idle <= rto)
		return;
	if (c->busy->ext && c->busy->ext->ssthresh < c->cwnd / 2 + c->cwnd / 4)
		c->busy->ext->ssthresh = c->cwnd / 2 + c->cwnd / 4;
	for (; idle > rto && to > c->cfg->initial_window; idle -= rto)
		to /= 2;
	if (to < c->cfg->initial_window)
		to = c->cwnd < c->cfg->initial_window ? c->cwnd : c->cfg->initial_window;
	if (to < c->cwnd)
		c->cwnd = to;
}

static struct pkt *fresh(struct tcp *t, struct tcp_conn *c, uint32_t len, int64_t now)
{
	struct tcp_sg *g = tx_next(c);
	struct pkt *p;

	if (g->len > len)
		sg_split(t, c, g, len);
	idle_restart(c, now);
	p = of_sg(t, c, g, now);
	c->busy->tx->unsent = g->next;
	rtx_sent(c, g, now);
	ack_data_sent(c, now);
	if (c->busy->ext && c->busy->ext->ca == CA_RECOVERY)
		c->busy->ext->prr_out++;
	if (g->flags & SG_FIN)
		tcp_note(t, c, &(struct tcp_note){.kind = TRACE_TCP_FIN, .cause = p->cause});
	return p;
}

/* Nothing in flight, something waiting, no room: the persist timer must run (RFC 9293 3.8.6.1). */
static void persist(struct tcp_conn *c, int64_t now)
{
	if (c->busy->packets_out || !tx_next(c) || (c->flags & TCPF_PERSIST) || c->state < TCP_ESTABLISHED)
		return;
	if (tx_next(c)->more && tx_next(c) == tx_tail(c) &&
		seq_le(sg_end(tx_next(c)), c->snd_una + c->snd_wnd))
		return; /* the application holds it back */
	c->flags |= TCPF_PERSIST;
	c->rcvd_ns = now; /* the peer's silence counts from here */
	c->busy->backoff = 0;
	c->busy->probes = 0;
	c->busy->rtx_ns = now + tcp_rto_ns(c);
}

static struct pkt *new_data(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	struct tcp_sg *g = tx_next(c);
	uint32_t len;
	bool bare_flag;

	if (!g)
		return NULL;
	if (c->state < TCP_ESTABLISHED && !(g->flags & SG_SYN))
		return NULL;
	if (g->len && out_flight(c) >= c->cwnd) {
		c->flags |= TCPF_CWND_LIMITED;
		return NULL;
	}
	len = sendable(c, g, &bare_flag);
	if (!len && !bare_flag) {
		persist(c, now);
		return NULL;
	}
	/* the window is being used: it may grow (RFC 9293 and Linux tcp_is_cwnd_limited) */
	if (c->busy->packets_out + 1u >= c->cwnd ||
		(c->cwnd < tcp_ssthresh(c) && c->cwnd < 2 * (c->busy->packets_out + 1u)))
		c->flags |= TCPF_CWND_LIMITED;
	else if (!c->busy->packets_out)
		c->flags &= ~TCPF_CWND_LIMITED;
	return fresh(t, c, len, now);
}

/* ---- probes ------------------------------------------------------------------------------------------------- */

/* RFC 8985 7.3: new data if there is some and there is room, else the last segment once more. */
static struct pkt *tail_probe(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	struct tcp_ext *x = tcp_ext(t, c);
	bool bare_flag;

	c->flags &= ~TCPF_TLP_DUE;
	if (tx_next(c)) {
		uint32_t len = sendable(c, tx_next(c), &bare_flag);

		if (len || bare_flag) {
			x->tlp_sent = 1;
			return fresh(t, c, len, now);
		}
	}
	struct tcp_sg *g = rtx_last(c);

	if (!g)
		return NULL;
	x->tlp_sent = 2;
	return again(t, c, g, now);
}

/* The closed window is asked about with an old sequence number, which forces an ACK; an opening too small for a
 * whole segment is used up. */
static struct pkt *window_probe(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	uint32_t edge = c->snd_una + c->snd_wnd;
	struct tcp_sg *g = tx_next(c);

	c->flags &= ~TCPF_PROBE_DUE;
	if (g && g->len && seq_lt(g->seq, edge)) {
		uint32_t len = edge - g->seq;

		len = len < g->len ? len : g->len;
		len = len < mss_now(c) ? len : mss_now(c);
		c->flags &= ~TCPF_PERSIST;
		return fresh(t, c, len, now);
	}
	tcp_because(
		c, tcp_note(t, c, &(struct tcp_note){.kind = TRACE_TCP_WINDOW_PROBE, .cause = tcp_cause(c)}));
	return bare(t, c, c->snd_una - 1, TCP_ACK, now);
}

/* Everything in order, `g` fits into one segment, the windows have room for it. */
static inline bool usual(const struct tcp_conn *c, const struct tcp_sg *g)
{
	return c->state == TCP_ESTABLISHED && !c->busy->ext && !(c->flags & (TCPF_DUE & ~TCPF_ACK_NOW)) &&
	       !(g->flags & (SG_SYN | SG_FIN)) && g->nslices == 1 && !g->more && g->len <= c->snd_mss &&
	       c->busy->packets_out < c->cwnd && seq_le(g->seq + g->len, c->snd_una + c->snd_wnd) &&
	       c->cfg->nodelay;
}

/* new_data() and what it calls, for that case. */
static struct pkt *new_usual(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, int64_t now)
{
	if (c->busy->packets_out + 1u >= c->cwnd ||
		c->cwnd < 2 * (c->busy->packets_out + 1u)) /* no threshold yet */
		c->flags |= TCPF_CWND_LIMITED;
	else if (!c->busy->packets_out)
		c->flags &= ~TCPF_CWND_LIMITED;
	if (rare(c->cwnd > c->cfg->initial_window))
		idle_restart(c, now);

	struct pkt *p = make(t, c, g->seq, (g->flags & SG_PSH ? TCP_PSH : 0) | TCP_ACK, now);
	struct tcp_busy *b = c->busy;

	announce(t, c, p);
	ack_sent(c);
	if (rare(g->cause))
		p->cause = g->cause;
	p->data.s[0].blob = blob_ref(g->data.s[0].blob);
	p->data.s[0].off = g->data.s[0].off;
	p->data.s[0].len = g->data.s[0].len;
	p->nslices = 1;
	p->payload_len = (uint16_t)g->len;
	p->wire_bytes = (uint16_t)(p->wire_bytes + g->len);
	b->tx->unsent = g->next;
	g->flags |= SG_SENT; /* rtx_sent() */
	g->sent_ns = now;
	b->flight = g->seq + g->len - c->snd_una;
	if (++b->packets_out == 1 || (c->flags & (TCPF_TLP | TCPF_PERSIST))) {
		c->flags &= ~(TCPF_TLP | TCPF_PERSIST);
		rtx_start(c, now);
	}
	ack_data_sent(c, now);
	return p;
}

/* What is not expected, in its order. */
static APART struct pkt *segment_rare(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	struct tcp_sg *g;
	struct pkt *p;

	if (c->flags & TCPF_RST_DUE) {
		c->flags &= ~TCPF_RST_DUE;
		tcp_because(
			c, tcp_note(t, c,
				   &(struct tcp_note){.kind = TRACE_TCP_RST_SEND, .cause = tcp_cause(c)}));
		p = make(t, c, tcp_snd_nxt(c), TCP_RST | TCP_ACK, now);
		p->ack = c->rcv_nxt;
		p->wnd = (uint16_t)(rx_window(c) >> c->rcv_wscale);
		pkt_finish(p);
		return p;
	}
	if (c->flags & TCPF_STRAY_RST) {
		c->flags &= ~TCPF_STRAY_RST;
		p = make(t, c, tcp_ext(t, c)->stray_seq, TCP_RST, now);
		p->opts = 0;
		pkt_finish(p);
		return p;
	}
	if (c->state == TCP_CLOSED || c->state == TCP_LISTEN)
		return NULL;
	if (c->busy->ext && (g = rtx_next(t, c)))
		return again(t, c, g, now);
	if (c->flags & TCPF_TLP_DUE) {
		p = tail_probe(t, c, now);
		if (p)
			return p;
	}
	if (tx_next(c) && (p = new_data(t, c, now)))
		return p;
	if (c->flags & TCPF_PROBE_DUE)
		return window_probe(t, c, now);
	if (c->flags & TCPF_KA_DUE) {
		c->flags &= ~TCPF_KA_DUE;
		tcp_because(c, tcp_note(t, c,
				       &(struct tcp_note){.kind = TRACE_TCP_KEEPALIVE,
					       .cause = tcp_cause(c),
					       .a = c->busy->probes}));
		return bare(t, c, c->snd_una - 1, TCP_ACK, now);
	}
	if (c->flags & TCPF_ACK_NOW)
		return bare(t, c, tcp_snd_nxt(c), TCP_ACK, now);
	return NULL;
}

struct pkt *tcp_segment(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	struct tcp_sg *g = tx_next(c);

	if (often(t->predict) && g && often(usual(c, g)))
		return new_usual(t, c, g, now);
	if (often(t->predict) && often(!g) && often(!c->busy->ext) && (c->flags & TCPF_DUE) == TCPF_ACK_NOW &&
		c->state >= TCP_ESTABLISHED)
		return bare(t, c, tcp_snd_nxt(c), TCP_ACK, now);
	return segment_rare(t, c, now);
}
