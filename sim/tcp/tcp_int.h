/* What the files of sim/tcp share among themselves. The public face is tcp.h. */
#ifndef SIM_TCP_TCP_INT_H
#define SIM_TCP_TCP_INT_H

#include "sim/tcp/cc.h"
#include "sim/tcp/tcp.h"

/* Sequence numbers are compared modulo 2^32 (RFC 9293 3.4). */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}
static inline bool seq_le(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* ---- the send queue: tx ─▶ sg ─▶ sg(tx_next) ─▶ sg(tx_tail) ------------------------------------------------- */

#define SG_SYN 0x01u
#define SG_FIN 0x02u
#define SG_PSH 0x04u
#define SG_SENT 0x08u
#define SG_SACKED 0x10u
#define SG_LOST 0x20u
#define SG_RETRANS 0x40u /* sent again since it was marked lost, and that copy is in flight */
#define SG_EVER_RETRANS 0x80u

struct tcp_sg {
	struct tcp_sg *next;
	uint32_t seq, len; /* len: octets; SYN and FIN count one more each */
	int64_t sent_ns;   /* latest transmission */
	uint64_t cause;    /* the record behind the write */
	uint8_t flags, nslices, more;
	uint8_t dupacks; /* of the first in the queue: ACKs that asked for it */
	uint32_t
		order; /* counts transmissions: which was the later one, at equal times too (struct tcp_ext) */
	struct tcp_sg *tail;   /* of the first in the queue: the last one */
	struct tcp_sg *unsent; /* of the first in the queue: the first that was not sent, or NULL */
	struct slicev data;
};

/* The last of the queue, or NULL. An idle connection pays for no pointer to it: the first one knows. */
static inline struct tcp_sg *tx_tail(const struct tcp_conn *c)
{
	return c->busy->tx ? c->busy->tx->tail : NULL;
}
/* The first that was not sent, or NULL. */
static inline struct tcp_sg *tx_next(const struct tcp_conn *c)
{
	return c->busy->tx ? c->busy->tx->unsent : NULL;
}
/* Duplicate ACKs since SND.UNA advanced. */
static inline unsigned tx_dupacks(const struct tcp_conn *c)
{
	return c->busy->tx ? c->busy->tx->dupacks : 0;
}
/* The first leaves the queue. */
static inline struct tcp_sg *tx_pop(struct tcp_busy *b)
{
	struct tcp_sg *g = b->tx, *next = g->next;

	b->tx = next;
	if (next) {
		next->tail = g->tail;
		next->unsent = g->unsent == g ? next : g->unsent;
	}
	return g;
}

static inline uint32_t sg_end(const struct tcp_sg *g)
{
	return g->seq + g->len + ((g->flags & SG_SYN) ? 1 : 0) + ((g->flags & SG_FIN) ? 1 : 0);
}

/* ---- received, not yet taken ------------------------------------------------------------------------------- */

struct tcp_rx {
	struct tcp_rx *next;
	struct tcp_rx *tail; /* of the first in the queue: the last one */
	uint32_t bytes;      /* of the first in the queue: in all of it */
	uint64_t cause;
	struct slice s;
};

/* An out-of-order segment: its octets, trimmed so that neighbours do not overlap. */
struct tcp_ooo {
	struct tcp_ooo *next; /* by rising seq */
	uint32_t seq, len;
	uint64_t cause;
	uint32_t stamp; /* counts arrivals: the newest block goes first in SACK (RFC 2018 4) */
	uint8_t fin, nslices;
	struct slicev data;
};

/* ---- state that exists only after something went wrong ------------------------------------------------------ */

/* Reordering was seen; by more than three segments: then what is reported ahead of a hole lets the window grow as well (Linux
 * tcp_may_raise_cwnd). */
#define REORD_NEAR 1u
#define REORD_FAR 2u

#define UNDO_ON 1u
#define UNDO_TS 2u

enum tcp_ca {
	CA_OPEN,
	CA_DISORDER,
	CA_RECOVERY,
	CA_LOSS
}; /* Linux's words for RFC 5681 / 6675 / 6298 phases */

struct tcp_ext {
	uint8_t ca;
	uint8_t reord;    /* REORD_: RACK waits a little from then on (RFC 8985 6.2) */
	uint8_t tlp_sent; /* a probe is out: 1 new data, 2 a retransmission */
	uint8_t reo_steps,
		reo_persist; /* by how many quarters of a round trip more, for how many recoveries */
	uint8_t reo_round;   /* reo_round_seq is set: the wait grows no more until that is acknowledged */
	uint8_t frto;        /* RFC 5682: 1 the timeout may be spurious; 2 new data goes first, to find out */
	uint8_t undo;        /* what the present episode took may be given back; UNDO_TS: undo_ts is set */
	int16_t undo_retrans; /* retransmissions not reported as duplicates yet; -1: none was sent */
	uint16_t sacked_out, lost_out, retrans_out;
	uint16_t ooo_n;
	uint32_t high_seq; /* recovery ends when this is acknowledged (recover, RFC 6582) */
	uint32_t fack;     /* highest sequence number selectively acknowledged */
	uint32_t tlp_high_seq, reo_round_seq;
	uint32_t prior_cwnd, prr_delivered, prr_out; /* RFC 6937 */
	uint32_t
		tx_order; /* transmissions so far; before this state existed they were in order of sequence numbers */
	uint32_t undo_una, undo_cwnd, undo_ssthresh; /* at the reduction */
	uint32_t undo_ts; /* timestamp of the first retransmission since (RFC 3522) */
	uint32_t rack_order, rack_rtt_us, min_rtt_us;
	int64_t rack_ns;    /* when the latest delivered segment was sent */
	int64_t reo_ns;     /* RACK's reordering timer, TIME_NEVER: off */
	int64_t retrans_ns; /* the first retransmission of the present episode; 0: none */
	int64_t oow_ns;     /* when an out-of-window segment was last answered */
	struct tcp_ooo *ooo;
	uint32_t ooo_stamp, ooo_bytes;
	uint32_t dsack_left, dsack_right; /* a duplicate to report (RFC 2883); equal: none */
	uint32_t stray_seq;               /* of a RST that answers a segment from another life */
	uint32_t ssthresh;                /* in segments */
	struct cc_state cc;
};

/* Records need it: what is done now has this cause. */
static inline void tcp_because(struct tcp_conn *c, uint64_t cause)
{
	if (rare(c->flags & TCPF_TAG))
		tcp_tag(c)->cause = cause;
}
/* Octets waiting for the application. */
static inline uint32_t rx_bytes(const struct tcp_conn *c)
{
	return c->busy->rx ? c->busy->rx->bytes : 0;
}
/* The slow start threshold in segments; UINT32_MAX until a loss has set it (RFC 5681 3.1). */
static inline uint32_t tcp_ssthresh(const struct tcp_conn *c)
{
	return c->busy->ext ? c->busy->ext->ssthresh : UINT32_MAX;
}

APART struct tcp_ext *tcp_ext(struct tcp *t, struct tcp_conn *c); /* makes it when there is none */

/* events, in tcp_conn.flags */
#define EVT_ESTABLISHED 0x04000000u
#define EVT_EOF 0x08000000u
#define EVT_RESET 0x10000000u
#define EVT_TIMEOUT 0x20000000u
#define EVT_CLOSED 0x40000000u
#define EVT_WRITABLE 0x80000000u

/* ---- tcp.c */
void tcp_set_state(struct tcp *t, struct tcp_conn *c, enum tcp_state s);
/* The connection ends: queues are dropped, no timer runs; `event` is what the application learns. */
void tcp_done(struct tcp *t, struct tcp_conn *c, unsigned event, enum trace_reason reason);
/* What is offered at first: whole segments of `mss` octets within cfg->rcv_window_bytes. */
void tcp_first_window(struct tcp_conn *c, unsigned mss);
void tcp_start_time_wait(struct tcp *t, struct tcp_conn *c, int64_t now);
uint32_t tcp_isn(const struct tcp *t, const struct tcp_addr *a, int64_t now);
/* Milliseconds from an offset that differs by address pair, as Linux has it (RFC 7323 5.4, 7.1). */
static inline uint32_t tcp_ts_now(const struct tcp *t, const struct tcp_conn *c, int64_t now)
{
	uint64_t pair = (uint64_t)c->addr.local << 32 | c->addr.remote;

	return (uint32_t)(rng_mix(pair + t->secret) >> 33) + (uint32_t)((uint64_t)now / NS_PER_MS) + 1;
}
/* Writes a record of this connection if somebody listens; returns its id, or `cause` when it is not stored. */
struct tcp_note {
	enum trace_kind kind;
	enum trace_reason reason;
	uint64_t cause;
	int64_t a, b;
	uint32_t seq, len; /* stream range of our own direction (in: the peer's) */
	bool in;
	const char *text;
};
APART uint64_t tcp_note(struct tcp *t, const struct tcp_conn *c, const struct tcp_note *n);
static inline bool tcp_noted(const struct tcp *t, const struct tcp_conn *c, enum trace_kind k)
{
	return trace_on(t->w->trace, k, c->flags & TCPF_LENS);
}

/* ---- tcp_sg.c */
struct tcp_sg *sg_new(struct tcp *t, struct tcp_conn *c, unsigned flags);
void sg_free(struct tcp *t, struct tcp_sg *g);
/* Cuts `g` after `len` octets; the rest becomes the next node. */
void sg_split(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, uint32_t len);
/* Drops the first `len` octets. */
void sg_trim(struct tcp *t, struct tcp_sg *g, uint32_t len);
/* Removes the first `len` octets of a vector of slices. */
void slicev_trim(struct net *n, struct slicev *v, uint8_t *n_slices, uint32_t len);
void slicev_cut(struct net *n, struct slicev *v, uint8_t *n_slices, uint32_t len);

/* ---- tcp_ack.c: when to acknowledge */
#define ATO_MIN_MS 40u
void ack_data_received(struct tcp_conn *c, const struct pkt *p, int64_t now);
void ack_after_data(struct tcp *t, struct tcp_conn *c, int64_t now, bool gap);
void ack_after_reading(struct tcp_conn *c);
/* Our data leaves: an answer to what came in within the ACK timeout makes a dialogue. */
static inline void ack_data_sent(struct tcp_conn *c, int64_t now)
{
	c->sent_ns = now;
	if (c->ato_ms && now - c->rcvd_ns < c->ato_ms * NS_PER_MS)
		c->pingpong = 1;
}
/* A segment with ACK leaves. */
static inline void ack_sent(struct tcp_conn *c)
{
	if (c->quick && (c->flags & TCPF_ACK_PENDING) && --c->quick == 0)
		c->ato_ms = ATO_MIN_MS;
	c->flags &= ~(TCPF_ACK_PENDING | TCPF_ACK_NOW | TCPF_ACK_PUSHED | TCPF_ACK_PUSHED2 | TCPF_ACK_TIMER);
	c->fresh = 0;
	if (rare(c->busy->fresh))
		c->busy->fresh = 0;
}
static inline void ack_now(struct tcp_conn *c)
{
	c->flags |= TCPF_ACK_PENDING | TCPF_ACK_NOW;
}
void ack_timer(struct tcp_conn *c);
void ack_quick(struct tcp_conn *c, unsigned max);
void ack_quick_again(struct tcp_conn *c);
/* RFC 6298 with Linux's bounds, without backoff. */
static inline int64_t tcp_rto_ns(const struct tcp_conn *c)
{
	const struct tcp_cfg *f = c->cfg;
	int64_t var = 4 * NS_PER_US * c->rttvar_us, rto = f->rto_initial_ns;

	if (often(c->srtt_us))
		rto = c->srtt_us * NS_PER_US + (var > f->rto_min_ns ? var : f->rto_min_ns);
	else if (c->state >= TCP_ESTABLISHED)
		rto = f->rto_fallback_ns; /* its SYN was lost, and took longer than thought (RFC 6298 5.7) */
	return rto < f->rto_max_ns ? rto : f->rto_max_ns;
}

/* SND.UNA advances. */
static inline void tcp_acked(struct tcp_conn *c, uint32_t ack)
{
	uint32_t n = ack - c->snd_una;

	c->snd_una = ack;
	c->busy->flight -= n;
	c->busy->queued -= n;
}

/* ---- tcp_rx.c: receiving data */
/* RCV.NXT advances by `n`. */
static inline void rx_next(struct tcp *t, struct tcp_conn *c, uint32_t n)
{
	if (often(c->fresh + n <= UINT16_MAX))
		c->fresh = (uint16_t)(c->fresh + n);
	else
		tcp_begin(t, c)->fresh += n;
	c->rcv_nxt += n;
}
void rx_data(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now);
/* The same for text that begins at RCV.NXT and ends within the window, with no FIN and nothing out of order. */
void rx_in_order(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now);
/* Octets that were there already: reported by the next ACK (RFC 2883). */
void rx_dsack(struct tcp *t, struct tcp_conn *c, uint32_t left, uint32_t right);
bool rx_take(struct tcp *t, struct tcp_conn *c, struct tcp_out *out);
void rx_free(struct tcp *t, struct tcp_conn *c);
/* The window to announce now, in octets (RFC 9293 3.8.6.2.2), when the application reads slower than data comes. */
APART uint32_t rx_window_small(const struct tcp_conn *c, uint32_t used);
/* The same in general. An application that reads does so at once; what lies beyond a gap is inside the window already
 * announced. */
static inline uint32_t rx_window_fit(const struct tcp_conn *c, uint32_t room)
{
	uint32_t unit = 1u << c->rcv_wscale;
	uint32_t held = seq_lt(c->rcv_nxt, c->rcv_adv) ? c->rcv_adv - c->rcv_nxt : 0;

	room = ((room < held ? held : room) + unit - 1) & ~(unit - 1);
	if (room >> c->rcv_wscale > UINT16_MAX)
		room = (uint32_t)UINT16_MAX << c->rcv_wscale;
	return room;
}
static inline uint32_t rx_window(const struct tcp_conn *c)
{
	if (rare(c->flags & TCPF_PAUSED) && c->busy->rx)
		return rx_window_small(c, rx_bytes(c));
	return rx_window_fit(c, c->rcv_window);
}
unsigned rx_sack_blocks(const struct tcp_conn *c, struct pkt_sack *out, unsigned max);
void rx_read(struct tcp *t, struct tcp_conn *c, int64_t now);

/* ---- tcp_out.c */
uint32_t out_flight(const struct tcp_conn *c);

/* ---- tcp_rtx.c: acknowledgements, timers, recovery */
/* Processes SEG.ACK, which lies in SND.UNA .. SND.NXT, and SACK. True when SND.UNA advanced. `window`: it was new for the window,
 * so it is no duplicate. */
bool rtx_ack(struct tcp *t, struct tcp_conn *c, const struct pkt *p, bool window, int64_t now);
/* The same where nothing was ever lost or suspected to be (no struct tcp_ext, no blocks) and SND.UNA advances. */
void rtx_ack_usual(struct tcp *t, struct tcp_conn *c, const struct pkt *p, int64_t now);
void rtx_sent(struct tcp_conn *c, struct tcp_sg *g, int64_t now);
/* The next segment that is to be sent again, if the window allows; NULL if none. */
struct tcp_sg *rtx_next(struct tcp *t, struct tcp_conn *c);
/* What was sent as one segment becomes two, the first with `len` octets. */
void rtx_split(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, uint32_t len);
/* Small segments that follow `g` and are not reported as received go with it, up to `max` octets in all. */
void rtx_collapse(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, uint32_t max);
void rtx_resent(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, int64_t now);
int64_t rto_ns(const struct tcp_conn *c); /* with backoff */
void rtx_start(struct tcp_conn *c, int64_t now);
/* The timer after something was sent or acknowledged: from now on, or not at all. */
static inline void rtx_arm(struct tcp_conn *c, int64_t now)
{
	if (c->state == TCP_TIME_WAIT || c->state == TCP_CLOSED)
		return;
	c->flags &= ~(TCPF_TLP | TCPF_PERSIST);
	if (c->busy->packets_out)
		rtx_start(c, now);
	else if (c->state != TCP_FIN_WAIT_2)
		c->busy->rtx_ns = TIME_NEVER;
}
void rtx_timer(struct tcp *t, struct tcp_conn *c, int64_t now);
void rack_timer(struct tcp *t, struct tcp_conn *c, int64_t now);
struct tcp_sg *rtx_last(struct tcp_conn *c);
void rtt_sample(struct tcp_conn *c, uint32_t rtt_us);
void tcp_cwnd_note(struct tcp *t, const struct tcp_conn *c);

/* What one acknowledgement did. */
struct acked {
	uint32_t segments;  /* newly acknowledged or selectively acknowledged */
	uint32_t delivered; /* the same, less what duplicate ACKs had already told */
	uint32_t rtt_us;    /* 0: no sample */
	uint32_t cc_rtt_us; /* of the newest segment instead of the oldest: what congestion control learns */
	uint32_t fack;      /* the highest octet reported before this acknowledgement */
	bool advanced, newly_lost, newly_sacked, dsack, dup;
	bool dsack_tlp; /* the tail loss probe is reported as a duplicate */
	bool original;  /* something of the present episode was delivered that had been sent only once */
	bool late;      /* its timestamp is older than the first retransmission */
};
#define DUP_THRESH 3
void rtx_mark_lost(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g);
void unmark_lost(struct tcp_conn *c);
void set_ca(struct tcp *t, struct tcp_conn *c, enum tcp_ca ca);

/* ---- tcp_rack.c: which segments are lost */
/* `g` has been delivered. */
void rack_delivered(struct tcp_conn *c, const struct tcp_sg *g, int64_t now);
/* What begins at `seq`, sent once, has been delivered. Had what ends at `fack` been reported before? */
void rack_overtaken(struct tcp_conn *c, uint32_t seq, uint32_t fack);
/* The receiver reports a duplicate. */
void rack_dsack(struct tcp_conn *c, const struct acked *a);
/* A recovery ended that had not been for nothing. */
void rack_recovered(struct tcp_ext *x);
/* Marks what is lost by now; the reordering timer runs for what may be soon. */
void rack_detect(struct tcp *t, struct tcp_conn *c, struct acked *a, int64_t now);

/* ---- tcp_undo.c: reductions that were made for nothing */
void undo_begin(struct tcp_conn *c);
void undo_resent(struct tcp *t, struct tcp_conn *c, int64_t now);
void undo_dsack(struct tcp_conn *c, uint32_t right);
/* Is the acknowledgement older than the first retransmission? (RFC 3522) */
bool undo_late(const struct tcp_conn *c, const struct pkt *p);
/* Gives the window back when nothing had been lost; `unmark`: what is marked lost is not. False: there was a loss. */
bool undo_try(struct tcp *t, struct tcp_conn *c, const struct acked *a, bool unmark);
/* An acknowledgement after a timeout: was the timeout spurious? Then the episode is over. */
void frto_ack(struct tcp *t, struct tcp_conn *c, const struct acked *a);

#endif
