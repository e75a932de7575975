/*
 * tcp: TCP as a machine without I/O (RFC 9293).
 *
 *	tcp_input(c, packet)  ┐                          ┌ segments to send (packets)
 *	tcp_write(c, slice)   ├─▶ struct tcp_conn ─▶ tcp_next ─▶ ESTABLISHED, DATA, EOF, RESET, TIMEOUT, CLOSED
 *	tcp_timer(c)          ┘        │
 *	                               └▶ tcp_deadline: when tcp_timer wants to be called
 *
 * Give an input, then call tcp_next until it says IDLE, then look at tcp_deadline. Nothing calls back. Time is an
 * argument. Payload is slices of shared blobs from end to end; an octet is never copied.
 *
 *	             passive OPEN            active OPEN: SYN
 *	   CLOSED ─────────────▶ LISTEN ─────────────┐
 *	     │  SYN                 │ SYN: SYN,ACK   │
 *	     ▼                      ▼                │
 *	  SYN_SENT ───────────▶ SYN_RECEIVED         │     simultaneous open: SYN in SYN_SENT
 *	     │ SYN,ACK: ACK         │ ACK of SYN
 *	     └─────▶ ESTABLISHED ◀──┘
 *	     CLOSE: FIN │    │ FIN: ACK
 *	   FIN_WAIT_1 ◀─┘    └─▶ CLOSE_WAIT ── CLOSE: FIN ─▶ LAST_ACK ── ACK of FIN ─▶ CLOSED
 *	     │ ACK of FIN  │ FIN: ACK
 *	     ▼             ▼
 *	   FIN_WAIT_2    CLOSING ── ACK of FIN ─▶ TIME_WAIT ── 60 s ─▶ CLOSED
 *	     └── FIN: ACK ─────────────────────────▲
 *
 * What is modelled, with sources: options MSS, window scale, timestamps (RFC 7323), SACK (RFC 2018, 6675);
 * retransmission timer (RFC 6298 with Linux's bounds); limited transmit (RFC 3042), fast retransmit and recovery
 * (RFC 5681, 6582, 6675), taken back when they were spurious (RFC 5682, 3522, 2883); RACK and tail loss probe (RFC 8985);
 * congestion control in files of its own (cc_*.c); delayed ACK, quick ACK and ping-pong mode as in Linux; Nagle (RFC
 * 9293 3.7.4); zero window and persist timer (3.8.6); silly window avoidance; keepalive (3.8.4); give-up times (Linux
 * tcp_retries2, tcp_orphan_retries, tcp_syn_retries); RST rules with RFC 5961; FIN both ways, half close, simultaneous open and close;
 * TIME_WAIT; sequence wrap.
 *
 * Left out: urgent data, path MTU discovery, TCP Fast Open, ECN, PAWS's 24-day rule.
 *
 * Memory: struct tcp_conn is what an idle connection costs. What only a connection needs that has something under way, struct
 * tcp_busy, queues of unsent, unacknowledged and out-of-order data, and the state of loss recovery come from pools and exist only
 * while needed.
 */
#ifndef SIM_TCP_TCP_H
#define SIM_TCP_TCP_H

#include "sim/net/pkt.h"

enum tcp_state {
	TCP_CLOSED,
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT_1,
	TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
};
const char *tcp_state_name(enum tcp_state s);

struct tcp_conn;
struct tcp_cc_ops;

/* What many connections share: a host's sysctls and socket options. Borrowed by every connection using it. */
struct tcp_cfg {
	uint16_t mss;   /* offered: 1460 on Ethernet */
	uint8_t wscale; /* offered window shift: 7 (Linux, 6 MB receive buffer limit) */
	bool timestamps, sack, nodelay, window_scaling;
	uint32_t rcv_window_bytes;     /* first window of data: 65535 class */
	uint32_t rcv_window_max_bytes; /* grows up to this while the application reads */
	uint32_t
		rcv_buffer_bytes; /* what the first receive buffer holds: 128 KiB of it 82,000 in full segments */
	uint32_t snd_buffer_bytes;           /* tcp_writable: room left for the application; 0 no limit */
	uint8_t initial_window;              /* segments: 10 (RFC 6928) */
	uint8_t syn_retries, synack_retries; /* 6, 5 */
	int64_t rto_initial_ns, rto_min_ns, rto_max_ns; /* 1 s, 200 ms, 120 s */
	int64_t rto_fallback_ns; /* without a sample from the handshake: 3 s (RFC 6298 5.7) */
	int64_t give_up_ns;      /* unacknowledged data this long after the first retransmission: 924.6 s */
	int64_t orphan_give_up_ns; /* the same after tcp_close: 102.2 s, or when the timeout has reached rto_max_ns */
	int64_t delack_ns;         /* 40 ms */
	int64_t time_wait_ns, fin_wait_2_ns; /* 60 s each */
	bool keepalive;
	int64_t keepalive_idle_ns, keepalive_interval_ns; /* 7200 s, 75 s */
	uint8_t keepalive_probes;                         /* 9 */
	bool tail_loss_probe;
	bool idle_restart; /* the window falls back after an idle time of one RTO */
	const struct tcp_cc_ops *cc;
};
/* Linux's defaults (TC-01 .. TC-12). */
extern const struct tcp_cfg tcp_cfg_linux;

/* One end's address pair; host byte order. */
struct tcp_addr {
	uint32_t local, remote;
	uint16_t lport, rport;
};

/* The world's TCP: pools. */
struct tcp {
	struct world *w;
	struct net *net;
	struct pool *busies, *sgs, *exts, *ooos, *rxs;
	uint32_t secret; /* salts initial sequence numbers and timestamp offsets */
	bool predict;    /* header prediction: what it does is the same without; tests turn it off */
};
/* Makes the TCP part of a world (after net_new); found again by tcp_of. Freed with the world. */
struct tcp *tcp_new(struct world *w);
static inline struct tcp *tcp_of(const struct world *w)
{
	return (struct tcp *)w->ext[WORLD_TCP];
}

struct tcp_sg;  /* a segment's worth (or more, unsent) of queued data */
struct tcp_ext; /* recovery and out-of-order state, only while needed */
struct tcp_rx;  /* data the application has not taken yet */

/* flags */
#define TCPF_LENS 0x0001u       /* under the lens: full records */
#define TCPF_SERVER 0x0002u     /* this end accepted: its data goes down */
#define TCPF_TS 0x0004u         /* timestamps agreed */
#define TCPF_SACK 0x0008u       /* SACK agreed */
#define TCPF_WSCALE 0x0010u     /* window scaling agreed */
#define TCPF_FIN_QUEUED 0x0020u /* the application has closed its direction */
#define TCPF_FIN_SENT 0x0040u
#define TCPF_FIN_RCVD 0x0080u
#define TCPF_ACK_PENDING 0x0100u /* something received is not acknowledged yet */
#define TCPF_ACK_NOW 0x0200u
#define TCPF_ACK_PUSHED 0x0400u
#define TCPF_ACK_PUSHED2 0x0800u
#define TCPF_ACK_TIMER 0x1000u /* delack_ns is running */
#define TCPF_PAUSED 0x2000u    /* the application does not read */
#define TCPF_PERSIST 0x4000u   /* rtx_ns is the persist timer (RFC 9293 3.8.6.1) */
#define TCPF_TLP 0x8000u       /* rtx_ns is the tail loss probe's (RFC 8985 7.2) */
#define TCPF_DETACHED 0x10000u /* close() was called: nobody reads any more */
#define TCPF_CWND_LIMITED 0x20000u
#define TCPF_ZERO_WND 0x40000u /* has announced a closed window */
#define TCPF_FULL 0x80000u     /* the application filled the send buffer */
#define TCPF_RST_DUE 0x100000u /* to be sent by tcp_next: */
#define TCPF_PROBE_DUE 0x200000u
#define TCPF_KA_DUE 0x400000u
#define TCPF_TLP_DUE 0x800000u
#define TCPF_STRAY_RST 0x1000000u /* a RST that does not end this connection */

/* what else there is */
#define TCPF_EVENTS 0xfc000000u /* outputs waiting for tcp_next (EVT_ in tcp_int.h) */
#define TCPF_TAG 0x2000000u     /* a struct tcp_tag follows */

/* What a connection needs while something is under way: octets written or sent and not acknowledged, received and not taken or
 * not acknowledged, a timer that runs. Else it shares tcp_at_rest, which nobody writes to. One cache line. */
struct tcp_busy {
	int64_t rtx_ns;    /* retransmission, persist, tail loss probe or TIME_WAIT deadline */
	int64_t armed_ns;  /* the owner's: time of its pending event (lazy_move), TIME_NEVER */
	struct tcp_sg *tx; /* unacknowledged, then unsent */
	struct tcp_rx *rx;
	struct tcp_ext *ext;
	uint32_t flight;      /* SND.NXT - SND.UNA */
	uint32_t queued;      /* what the application will write next, less SND.UNA */
	uint32_t fresh;       /* what does not fit into that of the connection */
	uint16_t packets_out; /* segments sent and not acknowledged, lost or not */
	uint8_t backoff;      /* timeouts in a row */
	uint8_t probes;       /* keepalive or window probes unanswered */
	uint32_t delack; /* when the ACK timer runs out: the low half of that time in ns (tcp_delack_ns) */
	uint32_t place;  /* the owner's: of its pending event */
};
_Static_assert(sizeof(struct tcp_busy) <= 64, "one cache line");
extern const struct tcp_busy tcp_at_rest;

/* An endpoint. Embed it; the owner may read any field, write none but its own. What is not here for every connection: struct
 * tcp_busy, struct tcp_tag for those whose records are kept, struct tcp_ext (tcp_int.h) after a loss. */
struct tcp_conn {
	const struct tcp_cfg *cfg;
	struct tcp_addr addr;
	uint32_t flags;
	struct tcp_busy *busy;
	uint32_t snd_una;
	uint32_t snd_wnd, snd_wl1;
	uint32_t rcv_nxt;
	uint32_t rcv_adv; /* right edge last announced */
	uint32_t ts_recent;
	int64_t rcvd_ns; /* last text received in order (Linux lrcvtime); with keepalive or while the persist timer runs, last segment */
	int64_t sent_ns; /* last data sent */
	uint16_t state : 4;
	uint16_t quick : 5, pingpong : 1; /* quick ACKs left; ping-pong mode */
	uint16_t snd_wscale : 4;          /* at most 14 (RFC 7323 2.3) */
	uint16_t fresh; /* RCV.NXT - Last.ACK.sent (Linux rcv_wup), but for what is in `busy` */
	uint32_t srtt_us, rttvar_us;
	uint32_t cwnd;       /* in segments */
	uint32_t rcv_window; /* what is offered when nothing waits: grows */
	union {
		uint16_t ato_ms;
		uint16_t reason; /* CLOSED: enum trace_reason of the end */
	};
	uint16_t snd_mss, rcv_mss;
	uint16_t ip_id;
	uint32_t client : 20; /* whose connection it is, for packets and records */
	uint32_t rcv_wscale : 4;
	uint8_t owner; /* the owner's own; tcp_init clears it. The last octet */
};
_Static_assert(sizeof(struct tcp_conn) <= 104, "this is what an idle connection costs");
#define TCP_CLIENT_MAX 0xfffffu

/* Next sequence number to send; the next that the application will write; octets received in order and not acknowledged; RCV.NXT
 * when the last ACK was sent (Last.ACK.sent). */
static inline uint32_t tcp_snd_nxt(const struct tcp_conn *c)
{
	return c->snd_una + c->busy->flight;
}
static inline uint32_t tcp_snd_end(const struct tcp_conn *c)
{
	return c->snd_una + c->busy->queued;
}
static inline uint32_t tcp_fresh(const struct tcp_conn *c)
{
	return c->fresh + c->busy->fresh;
}
static inline uint32_t tcp_rcv_wup(const struct tcp_conn *c)
{
	return c->rcv_nxt - tcp_fresh(c);
}

/* What only records need. It stands right behind a struct tcp_conn whose owner has made room for it (tcp_trace). */
struct tcp_tag {
	uint64_t cause;   /* record behind what is to be sent next */
	uint64_t written; /* octets tcp_write has taken: the stream offset of the next */
	uint32_t trace_conn;
	uint16_t node, peer; /* trace nodes of this and the other end */
	uint32_t iss, irs;   /* offsets in streams are counted from them */
};
static inline struct tcp_tag *tcp_tag(const struct tcp_conn *c)
{
	return rare(c->flags & TCPF_TAG) ? (struct tcp_tag *)(uintptr_t)(c + 1) : NULL;
}
static inline uint64_t tcp_cause(const struct tcp_conn *c)
{
	return rare(c->flags & TCPF_TAG) ? tcp_tag(c)->cause : 0;
}

/* When the ACK timer runs out, while TCPF_ACK_TIMER: at most two seconds from the last segment that carried text. */
static inline int64_t tcp_delack_ns(const struct tcp_conn *c)
{
	return c->rcvd_ns + (int32_t)(c->busy->delack - (uint32_t)c->rcvd_ns);
}

enum tcp_out_kind {
	TCP_OUT_IDLE,
	TCP_OUT_SEGMENT, /* pkt: owned by the caller, to be sent */
	TCP_OUT_ESTABLISHED,
	TCP_OUT_DATA,     /* data: in order; the caller owns the slice. Not while paused */
	TCP_OUT_EOF,      /* the peer has finished sending; our direction may go on (half close) */
	TCP_OUT_RESET,    /* the connection is gone: reset by the peer (or refused) */
	TCP_OUT_TIMEOUT,  /* the connection is gone: retries exhausted; reason says which */
	TCP_OUT_CLOSED,   /* both directions are done; nothing will follow: tcp_fini */
	TCP_OUT_WRITABLE, /* room in the send buffer again, after tcp_write had filled it */
};

struct tcp_out {
	enum tcp_out_kind kind;
	struct pkt *pkt;
	struct slice data;
	uint64_t cause; /* record to name as cause of what the application does now */
	enum trace_reason reason;
};

/* A closed connection with its addresses. `cfg` is borrowed. tcp_trace right afterwards, if wanted. */
void tcp_init(struct tcp_conn *c, const struct tcp_cfg *cfg, struct tcp_addr a);
/* `tag`: NULL when no records are kept, else copied to the place for a struct tcp_tag behind `c`, which must be there; its cause,
 * written, iss and irs need not be set. */
void tcp_trace(struct tcp_conn *c, const struct tcp_tag *tag, uint32_t client, bool lens);
/* From now on it is used on behalf of another client: who records are for, and which connection they name. */
void tcp_trace_for(struct tcp_conn *c, uint32_t trace_conn, uint16_t peer, uint32_t client, bool lens);
/* Releases queues. In any state; sends nothing. */
void tcp_fini(struct tcp *t, struct tcp_conn *c);

/* Active OPEN: a SYN waits in tcp_next. */
void tcp_open(struct tcp *t, struct tcp_conn *c, int64_t now);
/* Passive OPEN of one connection: the state is LISTEN, give it the SYN by tcp_input. */
void tcp_listen(struct tcp *t, struct tcp_conn *c, int64_t now);
/* The same with a chosen initial sequence number, for tests. */
void tcp_set_iss(struct tcp_conn *c, uint32_t iss);

/* A packet for this connection; it is consumed. */
void tcp_input(struct tcp *t, struct tcp_conn *c, struct pkt *owned, int64_t now);

/* The same for the segment that everybody expects (header prediction), whose text, if it has some, need not be queued. False,
 * with nothing done: it is another one, use tcp_input. Else deal with the segments of tcp_next's that come before the text (while
 * tcp_wants_out), call tcp_text_taken, take over the text. It is what tcp_input and tcp_next would have done. */
bool tcp_input_straight(
	struct tcp *t, struct tcp_conn *c, struct pkt *owned, int64_t now, struct slice *text);
void tcp_text_taken(struct tcp *t, struct tcp_conn *c, int64_t now);

/* Queues data; takes over the slice. False (and nothing taken: the slice stays the caller's) when this direction
 * is closed or the connection is gone. Never refuses for lack of room; see tcp_writable. `more`: more will be
 * written at once (MSG_MORE): no PSH, no short segment yet. */
bool tcp_write(struct tcp *t, struct tcp_conn *c, struct slice owned, bool more, int64_t now);
/* Octets the application should still write now: send buffer minus what is queued. */
uint32_t tcp_writable(const struct tcp_conn *c);
/* CLOSE: no more writes; a FIN follows the queued data. Reading goes on. */
void tcp_shutdown(struct tcp *t, struct tcp_conn *c, int64_t now);
/* close(): as shutdown, and the application will not read again: unread or later data is answered with RST. */
void tcp_close(struct tcp *t, struct tcp_conn *c, int64_t now);
/* ABORT: a RST waits in tcp_next, the state is CLOSED. */
void tcp_abort(struct tcp *t, struct tcp_conn *c, int64_t now);
/* The application stops or resumes reading: the window closes, or a window update is sent. */
void tcp_pause(struct tcp *t, struct tcp_conn *c, bool paused, int64_t now);

/* What tcp_next has to act on at once. */
#define TCPF_DUE (TCPF_RST_DUE | TCPF_STRAY_RST | TCPF_TLP_DUE | TCPF_PROBE_DUE | TCPF_KA_DUE | TCPF_ACK_NOW)
bool tcp_unsent(const struct tcp_conn *c); /* with a queue: is some of it unsent? */
/* May there be a segment to send? Then tcp_segment has the next one, or NULL: those outputs of tcp_next's that come first. */
static inline bool tcp_wants_out(const struct tcp_conn *c)
{
	return (c->busy->tx && tcp_unsent(c)) || rare(c->busy->ext) || (c->flags & TCPF_DUE);
}
struct pkt *tcp_segment(struct tcp *t, struct tcp_conn *c, int64_t now);
/* Is there an output that is not a segment? Then tcp_take has it, or IDLE: those outputs of tcp_next's that come after. */
static inline bool tcp_wants_app(const struct tcp_conn *c)
{
	return c->busy->rx || (c->flags & TCPF_EVENTS);
}
void tcp_take(struct tcp *t, struct tcp_conn *c, int64_t now, struct tcp_out *out);
/* Something is under way from here on. */
void tcp_begin_new(struct tcp *t, struct tcp_conn *c);
static inline struct tcp_busy *tcp_begin(struct tcp *t, struct tcp_conn *c)
{
	if (c->busy == &tcp_at_rest)
		tcp_begin_new(t, c);
	return c->busy;
}
/* If nothing is under way any more, what only that needed goes back to its pool. The owner calls it when TCP is idle and its timer is
 * armed or taken back, or never. */
static inline void tcp_rest(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_busy *b = c->busy;

	if (b == &tcp_at_rest || b->tx || (b->rtx_ns & b->armed_ns) != TIME_NEVER ||
		(uintptr_t)b->rx | (uintptr_t)b->ext ||
		(b->flight | b->queued | b->fresh | b->packets_out | b->backoff | b->probes) ||
		(c->flags & TCPF_ACK_TIMER))
		return;
	c->busy = (struct tcp_busy *)(uintptr_t)&tcp_at_rest;
	pool_put(t->busies, b);
}
/* The next output; call until IDLE after every input. Only what belongs to its kind is set. */
void tcp_next(struct tcp *t, struct tcp_conn *c, int64_t now, struct tcp_out *out);

/* When tcp_timer is to be called (at or after); TIME_NEVER: not at all. */
APART int64_t tcp_deadline_rare(const struct tcp_conn *c); /* with recovery or keepalive */
static inline int64_t tcp_deadline(const struct tcp_conn *c)
{
	if (rare(c->busy->ext) || rare(c->cfg->keepalive))
		return tcp_deadline_rare(c);
	if (!(c->flags & TCPF_ACK_TIMER))
		return c->busy->rtx_ns;
	int64_t ack_ns = tcp_delack_ns(c);

	return ack_ns < c->busy->rtx_ns ? ack_ns : c->busy->rtx_ns;
}
/* Does what is due; then tcp_next. Harmless when nothing is due. */
void tcp_timer(struct tcp *t, struct tcp_conn *c, int64_t now);

/* The RST that answers a segment for which there is no connection (RFC 9293 3.10.7.1), or NULL when it is itself
 * a RST. The segment stays the caller's. */
struct pkt *tcp_reset_for(struct tcp *t, const struct pkt *seg);

/* A SYN for a connection in TIME_WAIT may open a new one (RFC 9293 3.6.1, RFC 6191): its sequence number or
 * timestamp is beyond what was used. The owner then ends this one and treats the SYN as for a listener. */
bool tcp_reusable(const struct tcp_conn *c, const struct pkt *syn);

/* Octets written but not yet acknowledged. */
static inline uint32_t tcp_unacked(const struct tcp_conn *c)
{
	return c->busy->queued;
}

/* Fetches into the cache what tcp_input will look at once the connection itself is there: what is under way (stage 0), the oldest
 * unacknowledged segment (stage 1). */
static inline void tcp_warm_queue(const struct tcp_conn *c, int stage)
{
	if (stage == 0) {
		__builtin_prefetch(c->busy, 1);
		return;
	}
	if (!c->busy->tx)
		return;
	__builtin_prefetch(c->busy->tx, 1);
	__builtin_prefetch((const char *)c->busy->tx + 64, 1);
}

/* ---- finding the connection of a segment ------------------------------------------------------------------ */

/* (local port, remote address, remote port) → connection, open addressing; one per host address. A slot has no key: the
 * connection, which will be looked at anyway, has it. */
struct tcp_demux {
	struct tcp_demux_slot {
		uint32_t hash; /* of the key */
		uint32_t ref;  /* 1 + number of the object that has the connection; 0 empty */
	} * slot;
	uint32_t slots, used;
	uint32_t conn_at;        /* where a connection stands in its object */
	const struct pool *pool; /* of these objects, with numbers */
};
/* For connections that stand `conn_at` octets into the objects of a pool with numbers (pool_numbered), which is borrowed. */
void tcp_demux_init(struct tcp_demux *d, const struct pool *pool, size_t conn_at);
void tcp_demux_fini(struct tcp_demux *d);
void tcp_demux_add(struct tcp_demux *d, struct tcp_conn *c);
void tcp_demux_del(struct tcp_demux *d, const struct tcp_conn *c);
/* The connection of an arriving segment, or NULL. */
struct tcp_conn *tcp_demux_find(const struct tcp_demux *d, const struct pkt *seg);
/* All of them, in no order that means anything: the one in slot *at or the first one behind, where *at is then; NULL: none. Who
 * removes it asks again with the same *at, else with one more. */
struct tcp_conn *tcp_demux_each(const struct tcp_demux *d, uint32_t *at);
/* Fetches into the cache what tcp_demux_find (stage 0), then tcp_input (stage 1) will look at. */
void tcp_demux_warm(const struct tcp_demux *d, const struct pkt *seg, int stage);

#endif
