/*
 * tech: the techniques by which a server talks back, as endpoints without I/O.
 *
 *	tech_client_input(c, START UP DATA EOF RESET TIME PUBLISH STOP) ─▶ outputs: OPEN WRITE CLOSE ABORT
 *	tech_conn_input(s, UP DATA EOF RESET TIME STOP)                 ─▶          UNIT MESSAGE NOTE FAIL
 *
 * Give an input, then take outputs with tech_next until it says IDLE; nothing calls back. `…_wake_at` says when the
 * endpoint wants a TIME. Outputs go into a queue that the caller owns and may share between endpoints, so an idle
 * endpoint holds no buffers. Time is an argument; what has to be random (masking keys, Sec-WebSocket-Key, jitter) is
 * derived from a seed handed in (the site's), one draw per client and ordinal, so that equal inputs give equal octets.
 *
 * The client end is one `struct tech_client`: it owns up to two TCP connections, number 0 for the technique and
 * number 1 for messages going up where the technique has no way up of its own (POST).
 *
 * The server end is one `struct tech_conn` per accepted connection, below a `struct tech_server` (one process) which
 * holds the history and routes requests by their target to *sites* (a technique with its options at a path).
 *
 *	tech_server ─ hub: ring of the latest messages (Last-Event-ID, since=…)
 *	    ├─ site "/poll"     polling        ─ subscribers: none
 *	    ├─ site "/longpoll" long polling   ─ subscribers: requests being held
 *	    ├─ site "/events"   SSE            ─ subscribers: open streams
 *	    └─ site "/ws"       WebSocket      ─ subscribers: open WebSockets
 *
 * An application message is a JSON object of exactly the size asked for, carrying its number in the run and its name
 * with the number within that name, {"id":17,"news":4,"text":"…"}. The receiver judges identity by these octets. A
 * message is encoded once per wire form (SSE event with and without chunk, unmasked frame) and shared by all.
 *
 * Sources: RFC 9110, RFC 9112, RFC 6202, WHATWG HTML 9.2, RFC 6455. Left out: TLS, cookies, compression, HTTP/2.
 */
#ifndef PROTO_TECH_TECH_H
#define PROTO_TECH_TECH_H

#include "proto/base/base.h"
#include "proto/tech/opts.h"
#include "proto/tech/reader.h"

#define TECH_NEVER INT64_MAX
#define TECH_HISTORY_MAX 1024 /* messages a server process remembers for those who come back */
#define TECH_POST_MAX 64      /* messages waiting in a client for the way up */
#define TECH_MAIN 0u          /* the client's connection for the technique */
#define TECH_UPLINK 1u        /* the client's connection for POST */

enum tech_kind {
#define X(id, name, title, path, ref, sentence) TECH_##id,
#include "proto/tech/techs.def"
#undef X
	TECH_KINDS
};

struct tech_def {
	const char *id, *name, *title, *path, *ref, *sentence;
};
const struct tech_def *tech_def(enum tech_kind k);
/* By the name used in scenarios ("long-polling"); -1 if there is none. */
int tech_find(const char *name);

/* ---- messages --------------------------------------------------------------------------------------------- */

/* Wire forms of a message that are the same for every receiver. */
enum tech_form { TECH_FORM_SSE_CHUNK, TECH_FORM_SSE_PLAIN, TECH_FORM_WS, TECH_FORMS };

/* An application message. Reference-counted; payload and identity never change. */
struct tech_msg {
	const struct alloc *al;
	uint32_t refs;
	uint32_t name_no; /* the caller's: which of its message sources */
	uint64_t id;      /* number in the run, from 1 */
	uint64_t n;       /* number within its name, from 1 */
	uint32_t to_lo,
		to_hi; /* receivers: client numbers lo..hi, both included; 1..UINT32_MAX is everyone */
	int64_t at_ns; /* when it was published */
	struct blob *payload;
	struct { /* made when first needed; the event or frame in it is at, len */
		struct blob *blob;
		uint32_t at, len;
	} form[TECH_FORMS];
};
/* A message of `size` octets (more when identity does not fit: the least is {"id":1,"x":1}). NULL: out of memory. */
struct tech_msg *tech_msg_new(
	const struct alloc *al, const char *name, uint64_t id, uint64_t n, uint32_t size);
struct tech_msg *tech_msg_ref(struct tech_msg *m);
void tech_msg_unref(struct tech_msg *m);

/* What the octets of a payload say about their identity. */
struct tech_ident {
	uint64_t id, n;
	struct bytes name;
};
/* False when it is not one of our messages. */
bool tech_ident_read(struct bytes payload, struct tech_ident *out);
/* Takes the next object out of the list in {"messages":[…]}; `rest` starts as the whole body. False at the end. */
bool tech_list_next(struct bytes *rest, struct bytes *payload);

/* ---- inputs and outputs ----------------------------------------------------------------------------------- */

enum tech_in_kind {
	TECH_IN_START, /* client: begin. `since`: number of the newest message the page it came with knows */
	TECH_IN_UP,    /* the connection is established, or was accepted */
	TECH_IN_DATA,  /* octets arrived, in order, borrowed for the call */
	TECH_IN_EOF,   /* the peer has finished sending */
	TECH_IN_RESET, /* the connection is gone, or could not be opened; `why` */
	TECH_IN_TIME,  /* wake_at is reached, or options have changed */
	TECH_IN_PUBLISH, /* client: send `msg` up (one reference is taken) */
	TECH_IN_STOP,    /* end what can be ended in order, then close */
};

/* Why a connection ended, as far as this end knows. */
enum tech_why {
	TECH_WHY_NONE,
	TECH_WHY_CLOSED,      /* the peer closed it */
	TECH_WHY_RESET,       /* the peer reset or refused it */
	TECH_WHY_TIMEOUT,     /* retransmissions exhausted */
	TECH_WHY_SYN_TIMEOUT, /* no answer to any SYN */
	TECH_WHY_LOCAL,       /* this system ended it: its address is gone */
	TECH_WHY_UNREACHABLE, /* no network */
	TECH_WHY_STATUS,      /* the answer's status or type is wrong; a = status */
	TECH_WHY_PROTOCOL,    /* the peer broke the protocol; err */
	TECH_WHY_HEARTBEAT,   /* nothing heard in time */
	TECH_WHY_REQUEST,     /* no answer in time */
	TECH_WHY_DONE,        /* on purpose */
};

struct tech_in {
	enum tech_in_kind kind;
	uint32_t conn; /* client: TECH_MAIN or TECH_UPLINK */
	struct bytes data;
	struct slice
		slice; /* DATA: the same octets as part of a shared blob, SLICE_NONE if they are in none */
	int64_t now_ns;
	enum tech_why why;
	struct tech_msg *msg;
	uint64_t since;
};

/* What a piece of a stream is. */
enum tech_unit {
	TECH_UNIT_NONE,
	TECH_UNIT_REQUEST,
	TECH_UNIT_RESPONSE, /* a whole response, or the head of one whose body is a stream */
	TECH_UNIT_EVENT,
	TECH_UNIT_COMMENT,
	TECH_UNIT_FRAME,
	TECH_UNIT_TAIL, /* the last chunk of a stream */
};

/* What the application does beside octets. a, b as in the trace kind of the same name. */
enum tech_note {
	TECH_NOTE_CONNECT_TRY,    /* a: attempt since the last success, from 1; b: successes so far */
	TECH_NOTE_CONNECT_OK,     /* b: successes so far, this one included */
	TECH_NOTE_CONNECT_FAIL,   /* why */
	TECH_NOTE_DISCONNECT,     /* why */
	TECH_NOTE_RECONNECT_WAIT, /* a: ns; b: number of the next attempt */
	TECH_NOTE_POLL_TIMER,
	TECH_NOTE_HOLD_BEGIN,  /* server */
	TECH_NOTE_HOLD_EXPIRE, /* server; a: ns held */
	TECH_NOTE_HEARTBEAT_SEND,
	TECH_NOTE_HEARTBEAT_TIMEOUT, /* a: ns of silence; b: heartbeat_timeout */
	TECH_NOTE_REQUEST_TIMEOUT,   /* a: ns waited */
	TECH_NOTE_WS_OPEN,
	TECH_NOTE_WS_ERROR,   /* err or why STATUS */
	TECH_NOTE_HTTP_ERROR, /* err or why STATUS */
	TECH_NOTES
};

enum tech_out_kind {
	TECH_OUT_IDLE, /* nothing more */
	TECH_OUT_OPEN, /* client: open connection `conn` to the server */
	TECH_OUT_WRITE, /* write `data` (the caller owns the reference); it holds one unit, at uoff..uoff+ulen in data */
	TECH_OUT_CLOSE,   /* close `conn` after what was written: FIN. Nothing more is read */
	TECH_OUT_ABORT,   /* reset `conn` */
	TECH_OUT_UNIT,    /* a unit was decoded: range off..off+len in the incoming stream of `conn` */
	TECH_OUT_MESSAGE, /* an application message was decoded: ident */
	TECH_OUT_NOTE,
	TECH_OUT_FAIL, /* client: ended for good, will not try again; why */
};

/* One cache line, since every input makes some. */
struct tech_out {
	uint8_t kind; /* enum tech_out_kind */
	uint8_t conn;
	uint8_t unit;    /* enum tech_unit: WRITE, UNIT */
	uint8_t note;    /* enum tech_note: NOTE */
	uint8_t why;     /* enum tech_why: NOTE, FAIL */
	uint16_t status; /* WRITE, UNIT of a response, NOTE, FAIL: its status */
	uint32_t n_msgs; /* WRITE, UNIT: messages carried */
	uint32_t size;   /* MESSAGE: payload octets */
	union {
		struct { /* WRITE */
			struct slice data;
			uint32_t uoff, ulen;
		};
		struct { /* UNIT */
			uint64_t off, len;
		};
		struct { /* NOTE: what the peer did wrong and which rule says so, NULL: nothing. Literals */
			const char *what, *ref;
		};
	};
	uint64_t id; /* MESSAGE: its number; WRITE, UNIT: number of the first message carried, 0 none */
	union {
		uint64_t n; /* MESSAGE: number within its name */
		int64_t a;  /* NOTE */
	};
	int64_t b; /* NOTE. WRITE of a response: -1 when it answers no question for messages */
};
_Static_assert(sizeof(struct tech_out) <= 64, "one cache line");

/* Outputs waiting to be taken. */
struct tech_outs {
	const struct alloc *al;
	struct tech_out *v;
	size_t head, n, cap;
	bool failed; /* out of memory: outputs are missing, the endpoint must be given up */
	uint32_t
		quiet; /* the owner's: a bit per enum tech_note that nobody wants to see: it need not be put out */
};
void tech_outs_init(struct tech_outs *q, const struct alloc *al);
void tech_outs_fini(struct tech_outs *q); /* releases what was not taken */
/* The next output where it lies, until something is put out again; NULL when there is none. */
static inline const struct tech_out *tech_next_at(struct tech_outs *q)
{
	if (q->head < q->n)
		return &q->v[q->head++];
	q->head = q->n = 0;
	return NULL;
}
/* The next output; false (kind IDLE) when there is none. */
static inline bool tech_next(struct tech_outs *q, struct tech_out *out)
{
	const struct tech_out *o = tech_next_at(q);
	if (!o) {
		out->kind = TECH_OUT_IDLE;
		return false;
	}
	*out = *o;
	return true;
}

/* What the octets of a unit are, for people: "GET /poll?since=3", "200 OK, 108 bytes: news 4", "news 4",
 * "text, 92 bytes: news 4".
 * NUL-terminated, cut at `cap`. Returns `out`. */
const char *tech_unit_text(enum tech_unit unit, struct bytes octets, char *out, size_t cap);

/* ---- sites: a technique at a path, with options ----------------------------------------------------------- */

struct tech_server;
struct tech_conn;
struct tech_client;

/* One rendered head or message and what it was rendered for. */
struct tech_cached {
	uint64_t key[3];
	struct blob *blob;
	uint32_t own_at; /* where the octets stand that are each one's own (a WebSocket's key), 0 none */
};
#define TECH_CACHE 8
struct tech_cache {
	uint32_t turn, latest; /* the next to be replaced, the last that was found */
	struct tech_cached v[TECH_CACHE];
};

/* The head of a 101 that was right, and where in it Sec-WebSocket-Accept's value stands: the next one differs there. */
struct tech_granted {
	struct slice in; /* owns a reference; no blob: none yet */
	struct tech_idle before;
	uint32_t accept_at;
};

/* What all clients of one group, and the server ends serving them, share. */
struct tech_site {
	const struct alloc *al;
	enum tech_kind kind;
	const struct tech_opts
		*opts;  /* borrowed; the owner may change the pointer while running, then gives TIME */
	char path[128]; /* request target without query */
	char host[64];  /* Host: */
	bool identify;  /* clients name themselves (client=N): needed when a message is not for everyone */
	uint32_t first; /* number of its first client */
	uint64_t seed;  /* of its clients' random numbers */
	struct tech_cache requests, responses;
	struct tech_memory memory; /* client end: what octets have said */
	struct tech_granted granted;
	struct tech_spare spare;
	/* server end, per process: */
	struct tech_conn **sub;  /* subscribers in the order in which they came; NULL: left */
	uint32_t sub_n, sub_cap; /* places in use, places there are */
	uint32_t sub_next;       /* the fan-out's next place */
	uint32_t subs;
};
/* `path` NULL: opts->path or the technique's own. The texts are copied. */
void tech_site_init(struct tech_site *s, const struct alloc *al, enum tech_kind kind,
	const struct tech_opts *opts, const char *path, const char *host);
void tech_site_fini(struct tech_site *s);
/* Forgets rendered octets (after options changed). */
void tech_site_changed(struct tech_site *s);

/* ---- client end ------------------------------------------------------------------------------------------- */

struct tech_post;

/* What only a client has that failed to connect once, or has something to send by POST. */
struct tech_more {
	struct tech_post *post;
	int64_t prev_wait_ns; /* decorrelated jitter */
	uint32_t waits;       /* reconnection delays drawn */
	uint16_t attempt;     /* tries since the last success */
	uint16_t step;        /* delays since the last success */
};

struct tech_client {
	struct tech_site *site;
	uint64_t since;   /* number of the latest message received */
	int64_t heard_ns; /* when the last octet came */
	int64_t due_ns;   /* next poll; next attempt while waiting; next heartbeat of this end */
	int64_t limit_ns; /* when an unanswered request, or silence, is taken for death */
	struct tech_reader rd;
	struct tech_more *more; /* NULL as long as nothing is in it */
	uint32_t number;        /* client number in the run, from 1 */
	uint32_t since0;        /* what the page knew when it was loaded, at most UINT32_MAX */
	uint32_t successes;
	union {
		uint32_t keys;     /* WebSocket: masking keys drawn */
		uint32_t retry_ms; /* SSE: retry: of the stream, 0 none */
	};
	uint16_t flags;
	uint16_t status; /* of the latest answer */
	uint16_t user;   /* its owner's own, as user_bits */
	uint8_t state;
	uint8_t user_bits;
};
_Static_assert(sizeof(void *) < 8 || sizeof(struct tech_client) == 88, "no gaps: there are many");

/* Its random numbers come from the site's seed and the number. */
void tech_client_init(struct tech_client *c, struct tech_site *site, uint32_t number);
void tech_client_fini(struct tech_client *c);
void tech_client_input(struct tech_client *c, const struct tech_in *in, struct tech_outs *q);
/* The input TIME, without a struct tech_in. */
void tech_client_time(struct tech_client *c, int64_t now_ns, struct tech_outs *q);
/* Octets of the main connection that another client of the site was given before in the same state, and that say
 * nothing but units and messages: the client is moved on as tech_client_input would do it, and what they said comes back
 * instead of outputs; places of units count from tech_recalled_off. NULL: nothing was done, tech_client_input decides.
 * Borrowed until the site's next input. */
const struct tech_seen *tech_client_recall(struct tech_client *c, struct slice in, int64_t now_ns);
static inline uint64_t tech_recalled_off(const struct tech_client *c, const struct tech_seen *s)
{
	return c->rd.idle.off - s->in.len;
}
int64_t tech_post_wake(const struct tech_client *c);
/* When TIME is wanted. */
static inline int64_t tech_client_wake_at(const struct tech_client *c)
{
	int64_t at = c->due_ns < c->limit_ns ? c->due_ns : c->limit_ns;
	int64_t post = c->more && c->more->post ? tech_post_wake(c) : TECH_NEVER;
	return post < at ? post : at;
}

/* ---- server end ------------------------------------------------------------------------------------------- */

/* The latest messages of a process, oldest first; seq counts all ever added. */
struct tech_hub {
	struct tech_msg *ring[TECH_HISTORY_MAX];
	uint64_t seq;
	bool targeted; /* some message was not for everyone: responses may not be shared */
};

#define TECH_SITES_MAX 64 /* counted in an octet (tech_conn.place) */

struct tech_known_set; /* requests met before (server.c) */

/* A document served as it is, at a target of its own: the page a browser opens to try a technique. */
struct tech_page {
	const char *path, *type;
	struct bytes body;
};

struct tech_server {
	const struct alloc *al;
	struct tech_site *site[TECH_SITES_MAX];
	uint32_t n_sites;
	const struct tech_page *pages; /* borrowed */
	uint32_t n_pages;
	struct tech_hub hub;
	int64_t keepalive_ns; /* an idle persistent connection is closed after this; 0 never */
	uint32_t conns;
	bool draining;
	/* the fan-out under way */
	struct tech_msg *fan_msg;
	uint32_t fan_site;
	struct tech_known_set *known; /* requests met before; NULL until the first */
	struct tech_spare spare;
	bool forgetful; /* every request is decoded anew, every message pushed by itself: for tests that hold both ways
			 * against each other */
};

/* connection modes */
enum { TECH_MODE_HTTP, TECH_MODE_HELD, TECH_MODE_STREAM, TECH_MODE_WS, TECH_MODE_DONE };

/* One accepted connection. What a broadcast looks at comes first. */
struct tech_conn {
	struct tech_server *srv;
	int64_t due_ns;   /* next beat; end of holding; end of an idle connection */
	int64_t limit_ns; /* pong expected by */
	uint32_t
		cursor; /* hub position up to which this connection has everything, modulo 2^32: tech_conn_cursor */
	uint32_t client; /* as the request named itself, 0 unknown */
	uint8_t mode, flags;
	uint8_t page;    /* index + 1 of the page asked for, 0 none */
	uint8_t place;   /* index + 1 of its site among the server's, 0 none: tech_conn_site */
	uint32_t sub_at; /* its place among the subscribers */
	struct tech_reader rd;
	int64_t since_ns; /* held since; idle since; last beat */
	uint32_t user[2]; /* its owner's own */
};

void tech_server_init(struct tech_server *s, const struct alloc *al);
/* Releases history; every connection must have been ended. */
void tech_server_fini(struct tech_server *s);
/* Serves `site` (borrowed) from now on. False at TECH_SITES_MAX. */
bool tech_server_add(struct tech_server *s, struct tech_site *site);
/* Adds a message to the history (takes a reference of its own) and starts a fan-out. Any fan-out under way must have
 * been finished. */
void tech_server_publish(struct tech_server *s, struct tech_msg *m);
/* The next subscriber the message concerns gets it: outputs are its own. NULL: done. */
struct tech_conn *tech_server_fan(struct tech_server *s, int64_t now_ns, struct tech_outs *q);
/* The same when all that the next subscriber gets is the message in its wire form, which is shared by all: true, and `o`
 * says what. tech_server_fan would have put it out as one WRITE. False: nothing was done, tech_server_fan decides. */
struct tech_push_out {
	struct tech_conn *conn;
	struct tech_msg *msg;
	struct blob *form; /* borrowed */
	uint32_t at, len;  /* the unit in it */
	enum tech_unit unit;
};
bool tech_server_fan_form(struct tech_server *s, struct tech_push_out *o);
/* Whose turn it is next in the fan-out under way, `*n` of them one behind the other, NULL where somebody left: for
 * fetching them into the cache. */
struct tech_conn *const *tech_server_soon(const struct tech_server *s, uint32_t *n);
/* Forgets the history (the process died). */
void tech_server_forget(struct tech_server *s);

void tech_conn_init(struct tech_conn *c, struct tech_server *s);
void tech_conn_fini(struct tech_conn *c);
void tech_conn_input(struct tech_conn *c, const struct tech_in *in, struct tech_outs *q);
/* Octets that are a request met before, by whatever connection: they are dealt with as tech_conn_input would, from what is
 * remembered of them. False: nothing was done, tech_conn_input decides. */
bool tech_conn_recall(struct tech_conn *c, struct slice in, int64_t now_ns, struct tech_outs *q);
static inline int64_t tech_conn_wake_at(const struct tech_conn *c)
{
	return c->due_ns < c->limit_ns ? c->due_ns : c->limit_ns;
}
/* Of the request being served or the stream that is open; NULL. */
static inline struct tech_site *tech_conn_site(const struct tech_conn *c)
{
	return c->place ? c->srv->site[c->place - 1] : NULL;
}
/* It speaks a stream (SSE, WebSocket) rather than request and response: what it costs a server differs. */
static inline bool tech_conn_streaming(const struct tech_conn *c)
{
	return c->mode == TECH_MODE_STREAM || c->mode == TECH_MODE_WS;
}

#endif
