/*
 * relay: a reverse proxy between one client connection and its upstream connection, without I/O.
 *
 *     client ══ leg 0 ══▶ ┌───────┐ ══ leg 1 ══▶ server
 *                         │ relay │   request: parsed, hop-by-hop fields taken out, Via added, written anew
 *     client ◀══ leg 0 ══ └───────┘ ◀══ leg 1 ══ response: the same; its body is passed on, or kept:
 *
 *   buffering  off      every piece is passed on as it comes (upstream HTTP/1.1, persistent)
 *              page     upstream is spoken to as HTTP/1.0, so that a body without a length ends with the
 *                       connection; its octets, and the head, wait until `page_octets` are there or it ends
 *              full     a content scanner: nothing is passed on before the whole response is there
 *              trickle  the head at once, then one octet a second until the whole response is there
 *   upgrade    forward  Upgrade and Connection go on; after 101 both legs become a tunnel
 *              strip    they are hop by hop and dropped; the server sees an ordinary GET
 *              block    the relay answers 403 itself
 *
 * Timers: `read_timeout_ns` between two reads from upstream while an answer is due (then 504, or an abort when
 * the head has gone), and between any two reads of a tunnel; `keepalive_ns` for an idle client connection.
 *
 * Upstream connections. `shared`: a connection that can take another request is given back after each complete answer
 * (RELAY_SPARE), for whichever relay asks next; a stream, a long poll and a tunnel keep theirs for as long as they
 * last. One request at a time goes over a connection (no pipelining, RFC 9112 9.3.2), so no client waits behind another's
 * answer. Otherwise the relay keeps its connection for the next request of its own client.
 *
 * A connection used before may be closed by the server just as a request goes out: an idempotent request without a body
 * is then sent once more, on a new connection (RFC 9112 9.3.1, RFC 9110 9.2.2).
 *
 * Sources: RFC 9110 7.6 (hop-by-hop fields, Via), 7.8 (Upgrade), 15.6.3/5 (502, 504); RFC 9112 9; nginx
 * ngx_http_proxy_module for page buffering, X-Accel-Buffering and the timeouts. Left out: retries on another
 * server, caching, Expect: 100-continue towards upstream (answered here), trailer fields (dropped).
 */
#ifndef PROTO_TECH_RELAY_H
#define PROTO_TECH_RELAY_H

#include "proto/http1/http1.h"

enum relay_buffering { RELAY_BUFFER_OFF, RELAY_BUFFER_PAGE, RELAY_BUFFER_FULL, RELAY_BUFFER_TRICKLE };
enum relay_upgrade { RELAY_UPGRADE_FORWARD, RELAY_UPGRADE_STRIP, RELAY_UPGRADE_BLOCK };

struct relay_common;

/* Borrowed by every relay using it; read anew at each decision, so it may change while relays run (relay_common_forget). */
struct relay_cfg {
	const struct alloc *al;
	enum relay_buffering buffering;
	uint32_t page_octets; /* 0: 4096 */
	enum relay_upgrade upgrade;
	int64_t read_timeout_ns, keepalive_ns; /* 0: never */
	const char *pseudonym;                 /* of the Via field, "edge" */
	bool shared;                           /* upstream connections are given back after an answer */
	struct relay_common *common;           /* NULL: nothing is remembered */
};

/* What the relays of one cfg have in common: memory for work under way, and what slices of blobs have come to before. All
 * zero at first. */
struct relay_common {
	bool off; /* every octet is decoded anew: for tests that hold both ways against each other */
	struct relay_work *spare;
	struct relay_memory *memory;
};
void relay_common_fini(struct relay_common *c, const struct alloc *al);
/* After a change of the cfg. */
void relay_common_forget(struct relay_common *c);

#define RELAY_CLIENT 0u
#define RELAY_UPSTREAM 1u

enum relay_out_kind {
	RELAY_IDLE, /* nothing more until the next input */
	RELAY_OPEN, /* an upstream connection is wanted; writes to it may follow at once. a = 1: a new one; else it may have
		     * been used before, and the caller says so: relay_lent */
	RELAY_SPARE, /* the upstream connection is given back: it waits for another request */
	RELAY_WRITE, /* leg, data: the caller owns the slice */
	RELAY_CLOSE, /* leg: no more will be written to it (FIN) */
	RELAY_ABORT, /* leg: reset it */
	RELAY_NOTE,  /* something to record: note, slen, a, b */
};

enum relay_note {
	RELAY_HOLD,     /* slen octets are kept; a = octets kept now, b = page size or 0. See relay_note_id */
	RELAY_RELEASE,  /* slen kept octets go on; a = age of the oldest in ns; cause = its HOLD */
	RELAY_STRIPPED, /* the Upgrade field was taken out */
	RELAY_BLOCKED,  /* the upgrade was refused with 403 */
	RELAY_TUNNEL,
	RELAY_READ_TIMEOUT,   /* a = how long nothing came, b = read_timeout_ns */
	RELAY_TUNNEL_TIMEOUT, /* likewise */
	RELAY_KEEPALIVE_END,  /* an idle client connection is closed */
	RELAY_UPSTREAM_GONE,  /* it ended before the answer was complete */
	RELAY_BAD_MESSAGE,    /* err: what was wrong; leg: whose message */
};

struct relay_out {
	enum relay_out_kind kind;
	unsigned leg;
	struct slice data;
	enum relay_note note;
	uint32_t slen;
	int64_t a, b;
	uint64_t
		cause; /* what the caller gave relay_note_id for the octets concerned; 0: the current input */
	struct perr err;
};

/* Octets of requests that may wait behind an answer under way, and octets that `full` and `trickle` may keep. */
#define RELAY_PENDING_MAX (64u * 1024)
#define RELAY_HELD_MAX (16u * 1024 * 1024)
#define RELAY_TRICKLE_NS 1000000000ll

/* What a relay has in mind of the exchange under way; all zero between two. No padding: compared as octets. */
struct relay_mind {
	uint16_t state : 3;
	uint16_t up_close : 1; /* the upstream connection is to be closed after this answer */
	uint16_t legacy : 1;   /* this exchange speaks HTTP/1.0 to upstream */
	uint16_t client_10 : 1, client_close : 1; /* what the client's request said */
	uint16_t asked_upgrade : 1;
	uint16_t rechunk_up : 1;   /* request body goes upstream in chunks */
	uint16_t rechunk_down : 1; /* response body goes to the client in chunks */
	uint16_t close_ends : 1;   /* response body to the client ends with the connection */
	uint16_t keep : 1;         /* this response is kept (page, full, trickle) */
	uint16_t head_out : 1;     /* its head has been passed on */
	uint16_t
		final_head : 1; /* the head being answered with is no 1xx: its end is the end of the exchange */
	uint16_t none : 2;
};
_Static_assert(sizeof(struct relay_mind) == 2, "no padding");

/* A parked decoder: struct h1_idle without offsets, which a relay does not need. */
struct relay_parked {
	uint8_t state, flags, answers, n_answers;
};

/* A relay. Embed it; all fields are its own. */
struct relay {
	const struct relay_cfg *cfg;
	union {
		struct relay_work *work; /* what is under way, if `works` */
		struct blob *again; /* else: the request as sent upstream, while it may be sent once more */
	} u;
	int64_t last_ns;         /* last read that the running clock counts from */
	struct relay_parked dec; /* of responses; that of requests stands at the beginning of one */
	struct relay_mind m;
	bool works : 1;
	bool up_used : 1; /* the upstream connection has answered a request before: it may turn out to be stale */
	bool up_open : 1; /* the upstream leg exists and is usable */
	bool ended : 1;   /* CLOSE or ABORT was put out for the client leg */
	bool oom : 1;
};
_Static_assert(sizeof(struct relay) <= 32, "an idle relay costs no more");

/* Allocates nothing. `cfg` is borrowed until relay_fini. */
void relay_init(struct relay *r, const struct relay_cfg *cfg, int64_t now_ns);
void relay_fini(struct relay *r);

/* Inputs. After each, call relay_next until RELAY_IDLE. `data` is borrowed for the call (blobs are shared). */
void relay_data(struct relay *r, unsigned leg, struct slice data, int64_t now_ns);
void relay_eof(struct relay *r, unsigned leg, int64_t now_ns);
/* The leg is gone: reset, refused, timed out. */
void relay_gone(struct relay *r, unsigned leg, int64_t now_ns);
void relay_time(struct relay *r, int64_t now_ns);
enum relay_out_kind relay_next(struct relay *r, struct relay_out *out);
/* Does relay_data, if the slice came to one write on the other leg before and nothing is to be done beside it; true: that write
 * alone is put out, as *out, which the caller owns, and relay_next would have nothing more. False: nothing happened. */
bool relay_pass(struct relay *r, unsigned leg, struct slice data, int64_t now_ns, struct slice *out);
/* When relay_time wants to be called; INT64_MAX: not at all. */
int64_t relay_wake_at(const struct relay *r);
/* The same for who has many relays: they are few times, each the same for all relays of a cfg, so that whichever has been silent for
 * longest is the first to run out of it. What runs is counted from relay_since. */
enum relay_clock {
	RELAY_CLOCK_NONE,
	RELAY_CLOCK_READ,      /* read_timeout_ns */
	RELAY_CLOCK_KEEPALIVE, /* keepalive_ns */
	RELAY_CLOCKS
};
enum relay_clock relay_clock(const struct relay *r);
static inline int64_t relay_since(const struct relay *r)
{
	return r->last_ns;
}
/* When the clock of a relay with relay_since = since_ns runs out, INT64_MAX: never. */
int64_t relay_runs_out(const struct relay_cfg *cfg, enum relay_clock c, int64_t since_ns);
/* Beside the clock: when the next octet of a trickling response is due. Each time is told once; INT64_MAX: nothing new. */
int64_t relay_trickle_at(struct relay *r);
bool relay_trickles(const struct relay *r, int64_t now_ns);
/* At RELAY_OPEN, before the next relay_next: the upstream connection has carried other requests. */
void relay_lent(struct relay *r);
/* After RELAY_NOTE/RELAY_HOLD: the caller's own number for it, handed back as `cause` of the release. */
void relay_note_id(struct relay *r, uint64_t id);
/* Neither leg is written to any more: the relay has nothing left to do. */
bool relay_finished(const struct relay *r);

#endif
