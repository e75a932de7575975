/*
 * evq: the set of pending events, ordered exactly by (time, band, order of insertion).
 *
 *	level 0   |slot|slot|slot| ... 256 slots of 2^shift ns      chunks of 20 events, singly linked,
 *	level 1   |  slot   |  slot   | ... 256 slots, 256 x wider   first in first out
 *	...
 *	bottom    the slot being served: an array sorted by (time, band), plus a small heap for latecomers
 *
 * A hierarchical timing wheel: an event goes to the level of the highest digit in which its time differs from
 * the wheel's. When the wheel enters a slot of level n > 0 its events are dealt to the levels below; that happens
 * before anything is inserted there directly, so insertion order survives. A level-0 slot is sorted (stably) when
 * it is entered. Cost per event is constant and memory is touched in order, which is what counts at a million
 * pending events. No allocation per event: chunks come from a free list.
 *
 * There is no deletion: a timer that moved is recognised when it fires (world.h, struct timer).
 */
#ifndef SIM_CORE_EVQ_H
#define SIM_CORE_EVQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#define EVQ_AHEAD 24 /* so far ahead objects are fetched into the cache */
#define EVQ_BITS 8
#define EVQ_SLOTS (1u << EVQ_BITS)
#define EVQ_LEVELS 7

struct evq_chunk;

struct evq_slot {
	struct evq_chunk *head, *tail;
};

struct evq_late { /* an event put into the slot being served */
	struct ev ev;
	uint64_t seq;
};

struct evq {
	int shift;     /* log2 of a level-0 slot's width in ns */
	int64_t wheel; /* start of the slot being served */
	size_t count;  /* pending events */
	size_t count_peak;
	struct ev *bot; /* the slot being served: bot[bot_h .. bot_n) is still to come */
	size_t bot_h, bot_n, bot_cap;
	struct ev *tmp; /* scratch of the sort */
	size_t tmp_cap;
	struct evq_late *late; /* binary heap */
	size_t late_n, late_cap;
	uint64_t late_seq;
	struct evq_chunk *spare;
	size_t chunks; /* allocated in all */
	void *slabs;
	uint64_t served_slots, served_events; /* for retuning the width */
	uint64_t map[EVQ_LEVELS][EVQ_SLOTS / 64];
	struct evq_slot slot[EVQ_LEVELS][EVQ_SLOTS];
};

/* An empty queue at time 0. `gap_ns` is the expected distance between events (a hint: it sets the slot width and
 * nothing else; 0 when unknown). The width is adjusted while running. */
void evq_init(struct evq *q, int64_t gap_ns);
void evq_fini(struct evq *q);

/* Inserts. `e.at_ns` must not lie before the last popped event's time, nor before an `until_ns` that was refused:
 * time has come that far. */
void evq_push(struct evq *q, struct ev e);
/* Takes the first event; false when there is none. */
bool evq_pop(struct evq *q, struct ev *out);
/* Takes the first event if its time is <= `until_ns`; false, leaving it, otherwise. */
bool evq_pop_until(struct evq *q, int64_t until_ns, struct ev *out);

/* The event `k` places behind the next one, if it stands in the slot being served; for fetching ahead of time. */
static inline const struct ev *evq_ahead(const struct evq *q, size_t k)
{
	return q->bot_h + k < q->bot_n ? &q->bot[q->bot_h + k] : NULL;
}

#endif
