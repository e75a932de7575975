/*
 * reader: the receiving side of a connection: its decoders while something is under way, a few words while nothing is,
 * and what the octets of shared blobs have said before.
 *
 *	nothing under way   struct tech_reader { idle }                     a million idle connections: 16 octets each
 *	a message in part   struct tech_reader { ─▶ decoders, body }        until it is complete
 *
 * What was said. Most of what a million receivers get lies in few blobs: a broadcast, the same request, the same empty
 * answer. A blob never changes, and a decoder with nothing under way is described by its idle words. So if a slice of a
 * blob was once decoded from such a state to such a state, and had no other effect than outputs, the next receiver in
 * the same state is given the same outputs with its own stream offsets, instead of decoding the same octets again. The
 * memory holds a reference to the blob, so its address cannot come to mean other octets. Whatever differs, another
 * header, another cut, an octet at a time, a proxy in between, goes through the decoders. Tests hold both ways against
 * each other.
 */
#ifndef PROTO_TECH_READER_H
#define PROTO_TECH_READER_H

#include "proto/http1/http1.h"
#include "proto/sse/sse.h"
#include "proto/ws/ws.h"

struct tech_outs;

enum tech_reading {
	TECH_READ_HTTP,
	TECH_READ_EVENTS, /* an event stream in the body of an HTTP response */
	TECH_READ_FRAMES, /* WebSocket */
};

/* What a request asks for, taken from its head. */
struct tech_want {
	bool has_since;
	uint64_t since;
	uint32_t client;
	bool http10, close, post;
	unsigned ws_status; /* 101: a right handshake; else the status to refuse with */
	uint32_t ws_key_at; /* where its key stands in the input it came with, 0: not in it */
	char ws_accept[32];
};

/* Decoders with something under way. */
struct tech_open {
	enum tech_reading what;
	union {
		struct h1_dec h1; /* HTTP, EVENTS */
		struct ws_dec ws; /* FRAMES */
	};
	struct sse_dec sse; /* EVENTS */
	uint64_t base;      /* FRAMES: stream offset at which `ws` began. EVENTS: body octets `sse` has had */
	uint64_t
		block_off; /* EVENTS: stream offset of the first octet of the block being read, UINT64_MAX none */
	uint64_t msg_off;      /* HTTP: stream offset of the message under way */
	uint64_t body_left;    /* octets of its body still to come, when known */
	struct buf body;       /* a body that comes in pieces */
	struct tech_want want; /* server: what the head of the message under way asks for */
};

/* A parked decoder: struct h1_idle, in which of the octets of a body only matters whether there were any, since nothing here
 * limits a body that does not end. */
struct tech_idle {
	uint64_t off; /* stream offset of the next octet */
	uint8_t state, flags, answers, n_answers;
	bool begun; /* EVENTS: the stream has had octets */
	bool owned;
};

struct tech_reader {
	struct tech_idle
		idle; /* with nothing under way; FRAMES: off alone. Else `owned` is set, `off` the decoders' address */
};
_Static_assert(sizeof(struct tech_reader) == 16, "there is one at each end of each connection");
/* A reader of zeros stands at the beginning of a stream of HTTP messages. */

/* Its decoders, NULL with nothing under way. */
static inline struct tech_open *tech_reader_decoders(const struct tech_reader *r)
{
	return r->idle.owned ? (struct tech_open *)(uintptr_t)r->idle.off : NULL;
}

/* Where decoders that are not needed just now wait for the next that are. */
struct tech_spare {
	struct tech_open *open;
};
void tech_spare_fini(struct tech_spare *s, const struct alloc *al);

/* Decoders at the place where the reader stands. NULL when out of memory. */
struct tech_open *tech_reader_open(struct tech_reader *r, const struct alloc *al, struct tech_spare *spare,
	enum tech_reading what, enum h1_role role);
/* After a piece of input: puts the decoders away when nothing is under way. */
void tech_reader_rest(struct tech_reader *r, const struct alloc *al, struct tech_spare *spare);
/* Forgets everything: the reader stands at the beginning of a new stream. */
void tech_reader_clear(struct tech_reader *r, const struct alloc *al);
/* The connection speaks another language from stream offset `off` on; decoders are put away. */
void tech_reader_switch(struct tech_reader *r, const struct alloc *al, uint64_t off);
/* The event stream begins in the body of the response whose head was read. */
void tech_reader_events(struct tech_open *o, const struct alloc *al);
/* A request with this method was sent: h1_dec_expect. */
void tech_reader_expect(struct tech_reader *r, struct bytes method);
/* Requests only, nothing under way: the stream goes on `len` octets further, which were a complete request (h1_idle_skip). */
void tech_reader_skip(struct tech_reader *r, uint32_t len);
/* An HTTP message has begun and is not complete. */
bool tech_reader_busy(const struct tech_reader *r);

/* ---- what was said ------------------------------------------------------------------------------------------- */

/* What a piece of input says to a client beside its outputs. */
struct tech_said {
	uint64_t since;    /* number of the latest message named, 0 none */
	uint32_t retry_ms; /* SSE: retry:, 0 none */
	uint16_t status;   /* of an answer that is complete, 0 none */
	bool close;        /* that answer ends the connection */
	bool other;        /* something more was said: not to be remembered */
};

#define TECH_SEEN 8      /* slices remembered */
#define TECH_SEEN_OUTS 6 /* outputs remembered of one */

struct tech_seen_out {
	uint64_t id, n;
	uint32_t off, len, n_msgs, size;
	uint16_t status;
	uint8_t kind, unit;
};

struct tech_seen {
	struct slice in; /* owns a reference; no blob: free */
	uint8_t what;
	struct tech_idle before; /* off left out */
	struct tech_idle after;  /* off as a difference */
	struct tech_said said;
	uint8_t n_outs;
	struct tech_seen_out out[TECH_SEEN_OUTS];
};

struct tech_memory {
	bool off; /* every octet is decoded anew: for tests that hold both ways against each other */
	uint32_t turn, latest;
	struct tech_seen seen[TECH_SEEN];
};
void tech_memory_fini(struct tech_memory *m);

/* The same words, wherever in the stream. */
static inline bool tech_idle_same(const struct tech_idle *a, const struct tech_idle *b)
{
	return a->state == b->state && a->flags == b->flags && a->answers == b->answers &&
	       a->n_answers == b->n_answers && a->begun == b->begun;
}
/* What was said when `in` was met by a reader in this state; NULL if it was not. Nothing changes. `in` may be empty (the
 * octets are in no blob): NULL. Borrowed until the memory is told something new. */
const struct tech_seen *tech_seen_find(
	struct tech_memory *m, enum tech_reading what, const struct tech_reader *r, struct slice in);
/* The reader has gone through it once more. */
static inline void tech_seen_skip(struct tech_reader *r, const struct tech_seen *s)
{
	const uint64_t off = r->idle.off;
	r->idle = s->after;
	r->idle.off += off;
}
/* If `in` was met before by a reader in this state: puts its outputs out, moves the reader on and returns true with
 * *said set. `in` may be empty (the octets are in no blob): false. */
bool tech_recall(struct tech_memory *m, enum tech_reading what, struct tech_reader *r, struct slice in,
	struct tech_outs *q, struct tech_said *said);
/* After a reader was given `in` by decoding, in the state `before`, and put out q->v[at..]: remembers it if that was all
 * it did. */
void tech_remember(struct tech_memory *m, enum tech_reading what, const struct tech_idle *before,
	const struct tech_reader *r, struct slice in, const struct tech_outs *q, size_t at,
	const struct tech_said *said);

#endif
