/*
 * tech_int: what the files of proto/tech share among themselves: the output queue's writers, heads, the exchange of
 * one request for one response, the table of techniques.
 */
#ifndef PROTO_TECH_TECH_INT_H
#define PROTO_TECH_TECH_INT_H

#include "proto/tech/tech.h"

#define TECH_MS 1000000LL
#define TECH_S 1000000000LL
#define TECH_BODY_MAX (4u << 20)      /* octets of a response body kept for reading */
#define TECH_POST_BODY_MAX (1u << 20) /* likewise of a request body */
#define TECH_LIST_MAX (3u << 20)      /* octets after which no further message goes into the same list */
#define TECH_HEAD_MAX \
	65536u /* octets of a head we write, and of a message with its framing beside the payload */

/* Sec-WebSocket-Key and masking keys are drawn from the same seed under different salts. */
uint64_t tech_mix(uint64_t seed, uint64_t salt, uint64_t ordinal);
#define TECH_SALT_JITTER 0x6a69747465720001u
#define TECH_SALT_MASK 0x6d61736b00000001u
#define TECH_SALT_NONCE 0x6e6f6e6365000001u

/* A client's seed. */
static inline uint64_t tech_seed(const struct tech_client *c)
{
	return mix64(mix64_at(c->site->seed, c->number - c->site->first) + MIX64_STEP);
}

/* ---- outputs (tech.c) ---- */
/* More room; false when out of memory, which the queue then knows. */
APART bool tech_outs_grow(struct tech_outs *q);
/* An output of zeros; NULL when out of memory. */
static inline struct tech_out *tech_put(struct tech_outs *q, enum tech_out_kind kind, uint32_t conn)
{
	if (rare(q->n == q->cap) && !tech_outs_grow(q))
		return NULL;
	struct tech_out *o = &q->v[q->n++];
	*o = (struct tech_out){.kind = (uint8_t)kind, .conn = (uint8_t)conn};
	return o;
}
struct tech_out *tech_push(struct tech_outs *q, enum tech_out_kind kind, uint32_t conn);
/* Takes over `owned`; NULL marks the queue as failed. The unit is the whole blob. */
struct tech_out *tech_write(struct tech_outs *q, uint32_t conn, struct blob *owned, enum tech_unit unit);
void tech_unit(struct tech_outs *q, uint32_t conn, enum tech_unit unit, uint64_t off, uint64_t len);
struct tech_out *tech_note(struct tech_outs *q, uint32_t conn, enum tech_note note, int64_t a, int64_t b);
/* A note of the passing of time, which says nothing but itself: not put out when nobody wants it. */
static inline void tech_say(struct tech_outs *q, enum tech_note note)
{
	if (!(q->quiet >> note & 1))
		tech_note(q, TECH_MAIN, note, 0, 0);
}
void tech_message(struct tech_outs *q, uint32_t conn, const struct tech_ident *id, size_t size);
void tech_min(int64_t *at, int64_t t);

/* ---- heads (heads.c) ---- */
enum tech_ask { TECH_ASK_FETCH, TECH_ASK_STREAM, TECH_ASK_UPGRADE, TECH_ASK_POST };

struct tech_request {
	enum tech_ask ask;
	bool with_since;
	uint64_t since;
	uint64_t last_event_id; /* 0: none */
	uint32_t number;        /* of the client, 0: does not say */
	const char *ws_key;
	struct bytes body;
};
/* Under which requests without anything individual are cached, beside since and last_event_id. */
static inline uint64_t tech_request_key(enum tech_ask ask, bool with_since)
{
	return (uint64_t)ask << 1 | with_since;
}
/* A whole request; NULL when out of memory. */
struct blob *tech_request_blob(struct tech_site *s, const struct tech_request *r);
/* The extensions our WebSocket request offers, for judging the answer; BYTES_NONE for none. */
struct bytes tech_offered_extensions(const struct tech_site *s);

struct tech_response {
	unsigned status;
	const char *type;  /* Content-Type, NULL none */
	struct bytes body; /* with Content-Length unless streaming */
	bool streaming;    /* chunked, or until close for HTTP/1.0 */
	bool http10;       /* the request was HTTP/1.0 */
	bool close;        /* Connection: close */
	bool no_length;    /* 204: neither body nor length */
	int64_t keepalive_ns;
	int64_t now_ns;
	const char *extra; /* further lines with CRLF, or NULL */
};
void tech_put_response(struct buf *out, const struct tech_site *s, const struct tech_response *r);
/* Seconds for the cache key when the head holds a date, else 0. */
uint64_t tech_date_key(const struct tech_site *s, int64_t now_ns);
/* A cached rendering, with a new reference, or NULL. */
struct blob *tech_cache_get(struct tech_cache *c, uint64_t k0, uint64_t k1, uint64_t k2);
void tech_cache_put(struct tech_cache *c, uint64_t k0, uint64_t k1, uint64_t k2, struct blob *b);
/* The same for heads that differ in one place: a copy of the cached one with `own` there, or NULL. */
struct blob *tech_cache_get_own(const struct alloc *al, struct tech_cache *c, uint64_t k0, uint64_t k1,
	uint64_t k2, struct bytes own);
/* `own` is looked for behind `name`, a field's name with colon and blank. */
void tech_cache_put_own(struct tech_cache *c, uint64_t k0, uint64_t k1, uint64_t k2, struct blob *b,
	struct bytes name, struct bytes own);
/* Octets that differ at most in a[at .. at + n). */
bool tech_same_but(struct bytes a, struct bytes b, size_t at, size_t n);

/* ---- client (client.c, exchange.c) ---- */
struct tech_client_ops {
	void (*start)(struct tech_client *c, int64_t now, struct tech_outs *q);
	void (*up)(struct tech_client *c, int64_t now, struct tech_outs *q);
	void (*data)(struct tech_client *c, const struct tech_in *in, struct tech_outs *q);
	/* tech_client_recall, while OPEN; may be NULL */
	const struct tech_seen *(*recall)(struct tech_client *c, struct slice in, int64_t now);
	/* the main connection is gone: EOF (why CLOSED) or RESET */
	void (*gone)(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q);
	void (*time)(struct tech_client *c, int64_t now, struct tech_outs *q);
	/* takes the message when the technique has a way up of its own; false: use POST */
	bool (*publish)(struct tech_client *c, struct tech_msg *m, int64_t now, struct tech_outs *q);
	void (*stop)(struct tech_client *c, int64_t now, struct tech_outs *q);
};
extern const struct tech_client_ops tech_polling_client, tech_long_polling_client, tech_sse_client,
	tech_websocket_client;

/* client flags */
#define TECH_F_USED 0x01u    /* the connection has answered a request: it may turn out to be stale */
#define TECH_F_ANSWER 0x02u  /* part of the answer under way has arrived */
#define TECH_F_RETRIED 0x04u /* this request was repeated once on a new connection */
#define TECH_F_OK 0x08u      /* counted as connected */
#define TECH_F_STREAM 0x10u  /* SSE: the head was right, events follow */
#define TECH_F_CLOSE 0x20u   /* the connection ends after this answer */
#define TECH_F_STOP 0x40u
#define TECH_F_UP 0x80u     /* the main connection is open */
#define TECH_F_ASKED 0x100u /* a request waits for its answer */
#define TECH_F_READ 0x200u  /* the body of the answer under way was read already */
#define TECH_F_TRIED 0x400u /* one try since the last success; further ones are counted in struct tech_more */

/* client states */
enum { TECH_OFF, TECH_CONNECTING, TECH_OPEN, TECH_WAITING, TECH_ENDED };

/* The delay before the next attempt, per options; `fallback` holds for options that say nothing. */
int64_t tech_backoff(struct tech_client *c, const struct tech_backoff *fallback, struct tech_outs *q);
/* What few clients have, made when it is needed; NULL when out of memory, which the queue then knows (`q` may be NULL). */
struct tech_more *tech_more(struct tech_client *c, struct tech_outs *q);
/* Its messages for the way up, NULL: it never had any. */
static inline struct tech_post *tech_post(const struct tech_client *c)
{
	return c->more ? c->more->post : NULL;
}
/* Counts one try more since the last success and says that it is made. */
void tech_try(struct tech_client *c, struct tech_outs *q);
extern const struct tech_backoff tech_backoff_default;
bool tech_backoff_given(const struct tech_opts *o);
/* Opens the main connection and says so. */
void tech_connect(struct tech_client *c, struct tech_outs *q, bool say);
void tech_connected(struct tech_client *c, struct tech_outs *q);
/* Says why it is gone (CONNECT_FAIL or DISCONNECT). */
void tech_say_gone(struct tech_client *c, enum tech_why why, struct tech_outs *q);
/* Drops decoder state of a dead main connection. */
void tech_client_clear(struct tech_client *c);
/* Tells the host to reset, or close, the main connection; it is not ours any more. */
void tech_drop(struct tech_client *c, enum tech_out_kind how, struct tech_outs *q);
/* Waits per backoff. False when options say never: FAIL is said. */
bool tech_wait(struct tech_client *c, const struct tech_backoff *fallback, enum tech_why why, int64_t now,
	struct tech_outs *q);

/* One request and its answer (exchange.c), shared by both polling techniques. */
enum tech_answer { TECH_ANSWER_PART, TECH_ANSWER_DONE, TECH_ANSWER_BAD };
void tech_ask(struct tech_client *c, struct tech_outs *q);
/* Reads, `in` NULL: the end of the connection. On DONE c->status is set, messages were put out and c->since advanced. */
enum tech_answer tech_read_answer(struct tech_client *c, const struct tech_in *in, struct tech_outs *q);
/* What a complete answer says to the client itself. */
void tech_answer_said(struct tech_client *c, const struct tech_said *said);
/* Puts the message out and says its number. */
void tech_take(struct bytes payload, struct tech_said *said, struct tech_outs *q);
/* The client's decoders; NULL when out of memory, which the queue then knows. */
struct tech_open *tech_client_open(struct tech_client *c, enum tech_reading what, struct tech_outs *q);

/* An answer was due but the connection ended: repeats the request once on a new connection if the old one had served
 * before and nothing of the answer had come (RFC 9112 9.3.1). */
bool tech_ask_again(struct tech_client *c, struct tech_outs *q);
/* Queues a message for the way up; takes a reference. False when TECH_POST_MAX wait. */
bool tech_post_add(struct tech_client *c, struct tech_msg *m);
/* The oldest queued message and its removal, for a technique with a way up of its own. */
struct tech_msg *tech_post_first(struct tech_client *c);
void tech_post_pop(struct tech_client *c);
void tech_post_input(struct tech_client *c, const struct tech_in *in, struct tech_outs *q);
void tech_post_free(struct tech_client *c);

/* ---- server (server.c) ---- */
/* The connection's decoders; NULL when out of memory, which the queue then knows. */
struct tech_open *tech_conn_open(struct tech_conn *c, enum tech_reading what, struct tech_outs *q);
struct tech_conn_ops {
	/* a complete request for this site, not a POST */
	void (*request)(struct tech_conn *c, const struct tech_want *w, int64_t now, struct tech_outs *q);
	/* a subscriber gets a message */
	void (*push)(struct tech_conn *c, struct tech_msg *m, int64_t now, struct tech_outs *q);
	/* the wire forms that are all that push writes, to HTTP/1.1 and to HTTP/1.0; TECH_FORMS: it does something else */
	enum tech_form form[2];
	enum tech_unit unit; /* what is in them */
	void (*data)(struct tech_conn *c, struct bytes data, int64_t now,
		struct tech_outs *q); /* after an upgrade */
	void (*time)(struct tech_conn *c, int64_t now, struct tech_outs *q);
	void (*stop)(struct tech_conn *c, int64_t now, struct tech_outs *q);
};
extern const struct tech_conn_ops tech_polling_conn, tech_long_polling_conn, tech_sse_conn,
	tech_websocket_conn;

/* connection flags */
#define TECH_CF_HTTP10 0x01u
#define TECH_CF_CLOSE 0x02u   /* close after this answer */
#define TECH_CF_SEEN 0x04u    /* has a cursor of its own: it asked before */
#define TECH_CF_PING 0x08u    /* a ping waits for its pong */
#define TECH_CF_CLOSING 0x10u /* Close frame sent */
#define TECH_CF_POST 0x20u    /* the request under way is a POST */
#define TECH_CF_SUB 0x40u     /* in the list of subscribers */

/* ---- history, subscribers (hub.c) ---- */
static inline struct tech_msg *tech_at_seq(const struct tech_hub *h, uint64_t seq)
{
	return h->ring[(seq - 1) % TECH_HISTORY_MAX];
}

static inline uint64_t tech_oldest(const struct tech_hub *h)
{
	return h->seq > TECH_HISTORY_MAX ? h->seq - TECH_HISTORY_MAX : 0;
}

/* The connection's cursor in full. It lags behind the hub by less than 2^31 messages. */
static inline uint64_t tech_conn_cursor(const struct tech_conn *c)
{
	const uint64_t seq = c->srv->hub.seq;
	return seq - (uint64_t)(int32_t)((uint32_t)seq - c->cursor);
}

/* False when out of memory. */
bool tech_subscribe(struct tech_conn *c);
void tech_subscribers_fini(struct tech_site *s);
const struct tech_conn_ops *tech_conn_ops_of(enum tech_kind k);
void tech_unsubscribe(struct tech_conn *c);
bool tech_concerns(const struct tech_conn *c, const struct tech_msg *m);
/* Sets c->cursor to just behind the message named by `since`. */
void tech_seek(struct tech_conn *c, const struct tech_want *w);
/* The next message after c->cursor that concerns the connection, cursor advanced; NULL at the end. */
struct tech_msg *tech_history_next(struct tech_conn *c);
bool tech_history_any(const struct tech_conn *c);
/* 200 with all messages after the cursor (or with none), cursor advanced. */
void tech_answer_list(struct tech_conn *c, int64_t now, struct tech_outs *q);
void tech_answer_empty(struct tech_conn *c, unsigned status, int64_t now, struct tech_outs *q);
void tech_answer_refuse(
	struct tech_conn *c, unsigned status, const char *extra, int64_t now, struct tech_outs *q);
/* After a complete answer: close, or wait for the next request. */
void tech_answered(struct tech_conn *c, int64_t now, struct tech_outs *q);
void tech_form_make(struct tech_msg *m, enum tech_form f); /* for tech_form */
/* The message's wire form, made on first use; borrowed. NULL: out of memory. `at`, `len`: the event or frame in it. */
static inline struct blob *tech_form(struct tech_msg *m, enum tech_form f, uint32_t *at, uint32_t *len)
{
	if (!m->form[f].blob)
		tech_form_make(m, f);
	*at = m->form[f].at;
	*len = m->form[f].len;
	return m->form[f].blob;
}

#endif
