/*
 * evq: the set of pending events, ordered exactly by (time, band, order of insertion).
 *
 *	level 0   |slot|slot|slot| ... 4096 slots of 2^shift ns      chunks of 21 events, singly linked,
 *	level 1   |  slot   |  slot   | ... 256 slots, 4096 x wider   first in first out
 *	level 2   ... 256 x wider
 *	...
 *	bottom    the slot being served: its events as they came, and an array of sorted keys
 *
 * A hierarchical timing wheel: an event goes to the level of the highest digit in which its time differs from
 * the wheel's. When the wheel enters a slot of level n > 0 its events are dealt to the levels below; that happens
 * before anything is inserted there directly, so insertion order survives. Level 0 is wide enough for what networks
 * do (milliseconds), so that most events are never dealt. When a level-0 slot is entered, its events get keys
 *
 *	63        40 39  37 36                        0
 *	| offset    | band | place in order of arrival |
 *
 * and only keys are sorted; no two are equal. Cost per event is constant and memory is touched in order, which is what
 * counts at a million pending events. No allocation per event: chunks come from a free list.
 *
 * Who remembers where an event was put (evq_push_at) may take it back (evq_cancel), as long as it stands there: an event that
 * was dealt to a lower level has gone from its place. A timer that moved and could not be taken back is recognised when it fires
 * (world.h, lazy timers).
 */
#ifndef SIM_CORE_EVQ_H
#define SIM_CORE_EVQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/hint.h"

/* What happens first when several things happen at the same nanosecond. */
enum ev_band {
	BAND_CONTROL, /* the scenario's timeline: cuts, crashes, changed parameters */
	BAND_NET,     /* packets arriving */
	BAND_TIMER,   /* protocol timers */
	BAND_APP,     /* what applications do of themselves */
	BAND_END,     /* measuring, the end of the run */
	BAND_COUNT
};

struct ev {
	int64_t at_ns;
	void *obj;     /* what the handler of this kind expects; never hashed, never ordered by */
	uint32_t elem; /* the element it happens to: goes into the fingerprint */
	uint16_t kind; /* events.def */
	uint8_t band;  /* enum ev_band */
	uint8_t arg;   /* the handler's own */
};

#define EVQ_BITS0 12 /* level 0 */
#define EVQ_BITS 8   /* each level above */
#define EVQ_LEVELS 7
#define EVQ_SLOTS0 (1u << EVQ_BITS0)
#define EVQ_SLOTS (1u << EVQ_BITS)
#define EVQ_SLOTS_ALL (EVQ_SLOTS0 + (EVQ_LEVELS - 1) * EVQ_SLOTS)

#define EVQ_CHUNK_BYTES 512
#define EVQ_CHUNK_EVENTS 21
#define EVQ_BLOCK_CHUNKS 64 /* consecutive in memory */

struct evq_chunk {           /* aligned to its size */
	uint32_t next, self; /* numbers of chunks, from 1 */
	struct ev e[EVQ_CHUNK_EVENTS];
};

#define EVQ_GONE UINT16_MAX /* as an event's kind: it was cancelled, or dealt to elsewhere */

struct evq_slot {
	struct evq_chunk *head;
	struct ev *at; /* where the next event goes; on a chunk's boundary: a new chunk is needed */
};

#define EVQ_PLACE_BITS 37
#define EVQ_BAND_BITS 3
#define EVQ_PLACE_MASK (((uint64_t)1 << EVQ_PLACE_BITS) - 1)

/* Chunks, in use and not. */
struct evq_memory {
	struct evq_chunk *spare;  /* was used before */
	struct evq_chunk **block; /* [number / EVQ_BLOCK_CHUNKS] */
	struct evq_side {
		uint32_t prev; /* the chunk before it in its slot, 0: it is the first */
		uint32_t gone; /* how many of its events were cancelled */
	} * side;              /* [number] */
	size_t chunks;         /* allocated in all, in whole blocks; the first of all is not used */
	uint32_t fresh;        /* the first that was never used */
	size_t block_cap;
	void *slabs;
};

struct evq {
	int shift;        /* log2 of a level-0 slot's width in ns */
	int64_t wheel;    /* start of the slot being served */
	size_t count;     /* pending events */
	uint64_t entered; /* counts the slots that were readied */
	/* the slot being served: bot in order of arrival; key[key_h .. key_n) of what is still to come, rising */
	struct ev *bot;
	uint64_t *key, *tmp;
	size_t bot_n, key_h, key_n;
	size_t bot_cap, key_cap, tmp_cap;
	uint64_t *
		late; /* binary heap of keys: events put into the slot where moving others would cost too much */
	size_t late_n, late_cap;
	struct evq_memory mem;
	uint64_t served_slots, served_events, late_all; /* for retuning the width */
	uint64_t map0_words;                            /* which words of level 0's map are not zero */
	uint64_t map[EVQ_SLOTS_ALL / 64];               /* which slots hold events */
	struct evq_slot slot[EVQ_SLOTS_ALL];
};

/* An empty queue at time 0. `gap_ns` is the expected distance between events (a hint: it sets the slot width and
 * nothing else; 0 when unknown). The width is adjusted while running. */
void evq_init(struct evq *q, int64_t gap_ns);
void evq_fini(struct evq *q);

/* The rare half of evq_push: into the slot being served (0), or where a chunk is needed (the event's place). */
APART uint32_t evq_push_slow(
	struct evq *q, int64_t at_ns, void *obj, uint32_t elem, uint32_t rest, unsigned slot);
#define EVQ_SERVED UINT32_MAX /* as a slot's number: the one being served */

/* An event comes as words in registers and is written once, field by field: memory that was written in small pieces must not be
 * read at once in a large one. `rest`: its last three fields. */
static inline uint32_t ev_rest(const struct ev *e)
{
	return e->kind | (uint32_t)e->band << 16 | (uint32_t)e->arg << 24;
}
static inline void ev_write(struct ev *at, const struct ev *e)
{
	at->at_ns = e->at_ns;
	at->obj = e->obj;
	at->elem = e->elem;
	at->kind = e->kind;
	at->band = e->band;
	at->arg = e->arg;
}

/* The number of the slot for a time: over all levels, or EVQ_SERVED. */
static inline unsigned evq_slot_of(const struct evq *q, int64_t at_ns)
{
	uint64_t x = ((uint64_t)at_ns ^ (uint64_t)q->wheel) >> q->shift, t = (uint64_t)at_ns >> q->shift;
	unsigned level;

	if (rare(!x))
		return EVQ_SERVED;
	if (x < EVQ_SLOTS0)
		return (unsigned)t & (EVQ_SLOTS0 - 1);
	level = (63 - (unsigned)__builtin_clzll(x) - EVQ_BITS0) / EVQ_BITS;
	return EVQ_SLOTS0 + level * EVQ_SLOTS +
	       ((unsigned)(t >> (EVQ_BITS0 + EVQ_BITS * level)) & (EVQ_SLOTS - 1));
}

/* An event's place as a number: its chunk's, and the word in the chunk. */
static inline uint32_t evq_place(const struct ev *at)
{
	uintptr_t word = (uintptr_t)at % EVQ_CHUNK_BYTES;
	const struct evq_chunk *c = (const struct evq_chunk *)(const void *)((const char *)at - word);

	return c->self * (EVQ_CHUNK_BYTES / 8) + (uint32_t)word / 8;
}

/* The chunk was last touched when it was emptied: what will be written soon is fetched. */
static inline void evq_fetch_ahead(const struct ev *at)
{
	__builtin_prefetch((const char *)at + 192, 1);
}

static inline void evq_put(struct evq *q, const struct ev *e)
{
	unsigned i = evq_slot_of(q, e->at_ns);

	if (often(i != EVQ_SERVED) && often((uintptr_t)q->slot[i].at % EVQ_CHUNK_BYTES)) {
		evq_fetch_ahead(q->slot[i].at);
		ev_write(q->slot[i].at++, e);
		return;
	}
	(void)evq_push_slow(q, e->at_ns, e->obj, e->elem, ev_rest(e), i);
}

/* Inserts. `e.at_ns` must not lie before the last popped event's time, nor before an `until_ns` that was refused:
 * time has come that far. */
static inline void evq_push(struct evq *q, struct ev e)
{
	q->count++;
	evq_put(q, &e);
}

/* The same, and where the event was put, for evq_cancel; 0: where nothing can be taken back. */
static inline uint32_t evq_push_at(struct evq *q, struct ev e)
{
	unsigned i = evq_slot_of(q, e.at_ns);

	q->count++;
	if (rare(i == EVQ_SERVED) || rare(!((uintptr_t)q->slot[i].at % EVQ_CHUNK_BYTES)))
		return evq_push_slow(q, e.at_ns, e.obj, e.elem, ev_rest(&e), i);
	struct ev *at = q->slot[i].at++;
	evq_fetch_ahead(at);
	ev_write(at, &e);
	return evq_place(at);
}

/* An event of a chunk of this time's slot was cancelled, and the chunk is full of such, or the slot's last: gives it back if nothing
 * else is in it. */
APART void evq_forget(struct evq *q, struct evq_chunk *c, int64_t at_ns);

/* Takes back the event of `obj` (not NULL) at `at_ns` that was put to `place`. False, with nothing done, when it is no longer
 * there: it was popped, or dealt to a lower level, and is still to come. */
static inline bool evq_cancel(struct evq *q, uint32_t place, const void *obj, int64_t at_ns)
{
	uint32_t i = place / (EVQ_CHUNK_BYTES / 8);

	if (!place || i >= q->mem.chunks)
		return false;
	struct evq_chunk *c = &q->mem.block[i / EVQ_BLOCK_CHUNKS][i % EVQ_BLOCK_CHUNKS];
	struct ev *e = (struct ev *)(void *)((char *)c + place % (EVQ_CHUNK_BYTES / 8) * 8);

	if (e->obj != obj || e->at_ns != at_ns || e->kind == EVQ_GONE)
		return false;
	e->kind = EVQ_GONE;
	q->count--;
	if (++q->mem.side[i].gone == EVQ_CHUNK_EVENTS || !c->next)
		evq_forget(q, c, at_ns);
	return true;
}

/* The rare half of evq_pop_until: the next slot, or latecomers. */
APART bool evq_pop_slow(struct evq *q, int64_t until_ns, struct ev *out);

/* Takes the first event if its time is <= `until_ns`; false, leaving it, otherwise. */
static inline bool evq_pop_until(struct evq *q, int64_t until_ns, struct ev *out)
{
	if (often(q->key_h < q->key_n) && often(!q->late_n)) {
		const struct ev *e = &q->bot[q->key[q->key_h] & EVQ_PLACE_MASK];

		if (rare(e->at_ns > until_ns))
			return false;
		*out = *e;
		q->key_h++;
		q->count--;
		return true;
	}
	return evq_pop_slow(q, until_ns, out);
}

/* Takes the first event; false when there is none. */
static inline bool evq_pop(struct evq *q, struct ev *out)
{
	return evq_pop_until(q, INT64_MAX, out);
}

/* Octets of memory behind the queue. */
size_t evq_bytes(const struct evq *q);

#endif
