/*
 * world: one simulated world. It owns the clock, the pending events, the pools and the list of elements; there
 * are no globals, so several worlds live side by side, in one thread or in many.
 *
 * Time is int64_t nanoseconds from the start of the run. Events at the same time are ordered by band, then by the
 * order in which they were scheduled. A handler runs to its end; it may schedule, never wait.
 *
 * The fingerprint hashes every dispatched event that did something (time, element, kind) and every application message delivered,
 * in order. It does not look at addresses, tracing, capture or wall-clock time.
 *
 * Lazy timers (struct timer): setting one costs a store when an event at or before the new deadline is already
 * pending; the pending event re-arms itself at most once per deadline. Stopping costs a store. The object that
 * holds the timer may be returned to its pool with an event pending: pools are type-stable, and an event whose
 * time is not the timer's armed time is stale and does nothing.
 */
#ifndef SIM_CORE_WORLD_H
#define SIM_CORE_WORLD_H

#include "sim/core/evq.h"
#include "sim/core/pool.h"
#include "sim/core/rng.h"

#include <assert.h>

struct world;
struct trace;

#define TIME_NEVER INT64_MAX
#define NS_PER_US 1000LL
#define NS_PER_MS 1000000LL
#define NS_PER_S 1000000000LL

enum ev_kind {
#define EV(id, name) EV_##id,
#include "sim/core/events.def"
#undef EV
	EV_COUNT
};

/* Where each layer hangs its per-world state (world_ext). One pointer each, typed by its owner. */
enum world_layer { WORLD_TRACE, WORLD_NET, WORLD_TCP, WORLD_HOST, WORLD_RUN, WORLD_LAYERS };

#define WORLD_POOLS_MAX 64
#define WORLD_FINI_MAX 64

/* A run of elements sharing a name: "phones" 0..199. A single element is a run of one. */
struct world_elems {
	char *name;
	uint32_t first, count;
};

struct world {
	int64_t now_ns;
	uint64_t seed;
	uint64_t fingerprint;
	uint64_t before; /* the fingerprint without the event being handled */
	uint64_t events; /* dispatched so far, those that did something: engine.events */
	/* The record that caused what is being done now (sim/trace): set by whoever starts handling something
	 * (a packet's arrival, a timer), read by whoever emits a record or makes a packet. 0: nobody listens. */
	uint64_t cause;
	struct trace *trace; /* borrowed; NULL: nobody listens */
	void *ext[WORLD_LAYERS];
	struct {
		void (*fn)(struct world *w, const struct ev *e);
		void (*drop)(struct world *w, const struct ev *e);
		void (*warm)(const struct world *w, const struct ev *e, int stage);
		int warm_stages;
	} on[EV_COUNT];
	struct evq queue;
	struct pool_arena arena;
	struct pool *pools[WORLD_POOLS_MAX];
	unsigned n_pools;
	struct {
		void (*fn)(struct world *w, void *ctx);
		void *ctx;
	} fini[WORLD_FINI_MAX];
	unsigned n_fini;
	struct world_elems *elems;
	uint32_t n_elems, elems_cap, next_elem;
	bool stop;
};

/* A new world at time 0. `gap_ns`: expected distance between events, 0 if unknown (a hint for speed only). */
struct world *world_new(uint64_t seed, int64_t gap_ns);

/* Ends a world: events still pending are handed to their kind's `drop` (a packet in flight is released), then
 * the functions of world_on_free run, last registered first, then every pool is checked to be empty and freed. */
void world_free(struct world *w);
/* Has `fn(w, ctx)` called by world_free. */
void world_on_free(struct world *w, void (*fn)(struct world *w, void *ctx), void *ctx);

/* The handler of a kind of event. `drop` (may be NULL) releases what the event owns when the world ends. */
void world_handle(struct world *w, enum ev_kind kind, void (*fn)(struct world *w, const struct ev *e),
	void (*drop)(struct world *w, const struct ev *e));

/* With many elements most of the time goes into waiting for memory. `fn` is told of events that will be dispatched
 * soon, `stages` times each (0, 1 ..., at most WARM_STAGES), nearer every time: it fetches into the cache
 * (__builtin_prefetch) what the stage before has made known, one pointer further. The first 128 octets of the object
 * have been fetched before stage 0. It must change nothing. */
#define WARM_STAGES 4
void world_warm(struct world *w, enum ev_kind kind,
	void (*fn)(const struct world *w, const struct ev *e, int stage), int stages);

/* A pool owned by the world. `name` is borrowed for the world's life. */
struct pool *world_pool(struct world *w, const char *name, size_t size, size_t live_max);

/* Registers `count` elements under one name; returns the first id (ids start at 1 and are dense). */
uint32_t world_elem_add(struct world *w, const char *name, uint32_t count);
/* Writes an element's name ("home-nat", or "phones/17" for one of several) to `out`; returns `out`. */
const char *world_elem_name(const struct world *w, uint32_t elem, char *out, size_t out_size);
/* The registered group name of an element and its index within it. NULL if unknown. */
const char *world_elem_group(const struct world *w, uint32_t elem, uint32_t *index);

/* Schedules. `at_ns` must not lie in the past. */
static inline void world_at(
	struct world *w, int64_t at_ns, enum ev_band band, enum ev_kind kind, uint32_t elem, void *obj)
{
	assert(at_ns >= w->now_ns);
	evq_push(&w->queue, (struct ev){at_ns, obj, elem, (uint16_t)kind, (uint8_t)band, 0});
}

/* Dispatches every event up to and including `until_ns`, then sets the clock there. Stops early, with the clock
 * at the last event, when world_stop was called. Returns the number of events dispatched. */
uint64_t world_run(struct world *w, int64_t until_ns);
/* Dispatches one event; false when none is left. */
bool world_step(struct world *w);
/* Makes world_run return after the present event. */
static inline void world_stop(struct world *w)
{
	w->stop = true;
}

static inline uint64_t world_hash(uint64_t h, uint64_t x)
{
	h = (h ^ x) * 0x9fb21c651e98df25u;
	return h ^ (h >> 35);
}

/* The event being handled found nothing to do: it does not count and leaves no trace in the fingerprint. */
static inline void world_nothing(struct world *w)
{
	w->fingerprint = w->before;
	w->events--;
}

/* An application message was delivered: its receiver (element) and identity go into the fingerprint. */
static inline void world_delivered(struct world *w, uint32_t receiver, uint64_t identity)
{
	w->fingerprint = world_hash(w->fingerprint, (uint64_t)w->now_ns);
	w->fingerprint =
		world_hash(w->fingerprint, ((uint64_t)receiver << 32) ^ identity ^ 0x6d00000000000000u);
}

/* ---- lazy timers ------------------------------------------------------------------------------------------ */

/* A deadline embedded in its owner. `fn` gets the timer back; find the owner by container_of. */
struct timer {
	int64_t due_ns;   /* when to act; TIME_NEVER: stopped */
	int64_t armed_ns; /* time of the pending event, at or before due_ns; TIME_NEVER: none pending */
	void (*fn)(struct world *w, struct timer *t);
	uint32_t elem;
	uint32_t arg; /* the owner's own */
};

void timer_init(struct timer *t, uint32_t elem, void (*fn)(struct world *w, struct timer *t));
/* Sets or moves the deadline. A deadline in the past means now. */
void timer_set(struct world *w, struct timer *t, int64_t due_ns);
static inline void timer_stop(struct timer *t)
{
	t->due_ns = TIME_NEVER;
}

/* The same in two words for objects that know their own kind of event: `armed` is the time of the pending event.
 * Call when `due` may have become earlier; schedules only if no event is pending at or before it. */
static inline void lazy_arm(
	struct world *w, int64_t *armed_ns, int64_t due_ns, enum ev_kind kind, uint32_t elem, void *obj)
{
	if (due_ns >= *armed_ns || due_ns == TIME_NEVER)
		return;
	*armed_ns = due_ns < w->now_ns ? w->now_ns : due_ns;
	world_at(w, *armed_ns, BAND_TIMER, kind, elem, obj);
}
/* In the event's handler: true if this event is the armed one (then nothing is armed any more and the caller
 * checks its deadline, acts if it is reached and arms again), false if it is stale. */
static inline bool lazy_fired(const struct ev *e, int64_t *armed_ns)
{
	if (*armed_ns != e->at_ns)
		return false;
	*armed_ns = TIME_NEVER;
	return true;
}

/* For timers that seldom get to fire: `place` remembers where the pending event was put, so that it is taken back when nothing is
 * due any more, when something earlier is, or when it would fire before half of the time is over, only to be pending again. Call
 * after every change of `due_ns`. Whether an event could be taken back is the queue's business; handlers call world_nothing when
 * there was nothing to do. */
static inline void lazy_move(struct world *w, int64_t *armed_ns, uint32_t *place, int64_t due_ns,
	enum ev_kind kind, uint32_t elem, void *obj)
{
	const bool never = due_ns == TIME_NEVER;

	if (!never && due_ns >= *armed_ns && due_ns - *armed_ns <= *armed_ns - w->now_ns)
		return;
	if (*armed_ns != TIME_NEVER && !evq_cancel(&w->queue, *place, obj, *armed_ns) && never)
		return; /* it will find nothing to do */
	if (never) {
		*armed_ns = TIME_NEVER;
		return;
	}
	*armed_ns = due_ns < w->now_ns ? w->now_ns : due_ns;
	*place = evq_push_at(&w->queue, (struct ev){*armed_ns, obj, elem, (uint16_t)kind, BAND_TIMER, 0});
}

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
