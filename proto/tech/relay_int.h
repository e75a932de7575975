/*
 * relay_int: what the files of the relay share.
 *
 *	nothing under way   struct relay alone: a few words, parked decoders among them
 *	something           struct relay ─▶ relay_work: decoders, outputs not yet taken, octets kept or waiting
 *
 * A relay with nothing under way is between two messages, waits for an answer, or stands between two chunks of a stream:
 * that is where they all are almost all the time. Its work goes back to struct relay_common, or is freed.
 */
#ifndef PROTO_TECH_RELAY_INT_H
#define PROTO_TECH_RELAY_INT_H

#include "proto/tech/relay.h"

enum relay_state { ST_IDLE, ST_REQUEST, ST_ANSWER, ST_TUNNEL, ST_ENDED };

/* Octets kept, since when, and what the caller calls them. */
struct relay_held {
	struct slice data;
	int64_t since_ns;
	uint64_t id;
};

struct relay_work {
	struct h1_dec dec[2]; /* by leg: requests, responses */
	bool open[2];         /* that decoder is in use; else it is parked in struct relay */
	struct relay_out *out;
	uint32_t out_n, out_at, out_cap;
	struct relay_held *held;
	uint32_t held_n, held_at, held_cap;
	uint32_t held_octets;
	uint32_t noted; /* index of the held entry whose HOLD was handed out last */
	struct buf pend;
	int64_t trickle_ns; /* next octet, INT64_MAX: none */
	int64_t told_ns;    /* the latest of these that relay_trickle_at has told */
	struct blob *again; /* struct relay has no room for it now */
};

/* ---- relay_work.c ------------------------------------------------------------------------------------------------ */

/* The work of a relay, NULL: nothing is under way. */
static inline struct relay_work *relay_busy(const struct relay *r)
{
	return r->works ? r->u.work : NULL;
}
/* Where the request stands that may be sent once more. */
static inline struct blob **relay_again(struct relay *r)
{
	return r->works ? &r->u.work->again : &r->u.again;
}
/* The work of a relay, made when there is none. NULL: out of memory, noted. */
struct relay_work *relay_work(struct relay *r);
/* The decoder of a leg, going on where it was parked. NULL: out of memory, noted. */
struct h1_dec *relay_decoder(struct relay *r, unsigned leg);
/* The decoder of a leg begins a new stream. */
void relay_decoder_clear(struct relay *r, unsigned leg);
/* Parks what can be parked; true: nothing is under way, except that outputs may wait to be taken. */
bool relay_park(struct relay *r);
/* Puts the work away if nothing is under way and all outputs have been taken. */
void relay_rest(struct relay *r);
void relay_work_free(struct relay *r);

struct relay_out *relay_push(struct relay *r, enum relay_out_kind kind, unsigned leg);
/* Takes over the reference. */
void relay_put(struct relay *r, unsigned leg, struct slice s);
/* Writes to one leg that follow each other from output `at` on become one. */
void relay_join(struct relay *r, uint32_t at);

/* ---- relay_memory.c ---------------------------------------------------------------------------------------------- */

/* A relay as it was before an input. */
struct relay_before {
	bool parked;
	struct relay_mind m;
	struct relay_parked dec;
};
struct relay_before relay_before(const struct relay *r);
/* If a relay in this state was given this slice before: does what came of it, and returns true. */
bool relay_recall(struct relay *r, unsigned leg, struct slice in, int64_t now_ns);
/* After a relay was given `in` in the state `b`: remembers what came of it if that was an exchange's ordinary course. */
void relay_remember(struct relay *r, unsigned leg, struct slice in, const struct relay_before *b);

/* ---- relay.c ----------------------------------------------------------------------------------------------------- */

void relay_open_upstream(struct relay *r, bool fresh);
/* The answer is complete: the upstream connection takes another request, of this client or of any. `more`: octets followed
 * that nobody had asked for. */
void relay_let_upstream(struct relay *r, bool more);

#endif
