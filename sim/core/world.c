/* One simulated world: clock, dispatch, pools, elements. See world.h. */
#include "sim/core/world.h"
#include "sim/core/xmalloc.h"

#include <stdio.h>
#include <string.h>

struct world *world_new(uint64_t seed, int64_t gap_ns)
{
	struct world *w = xcalloc(1, sizeof *w);

	w->seed = seed;
	w->fingerprint = rng_mix(seed + 1);
	w->next_elem = 1;
	evq_init(&w->queue, gap_ns);
	return w;
}

void world_free(struct world *w)
{
	struct ev e;

	if (!w)
		return;
	while (evq_pop(&w->queue, &e))
		if (w->on[e.kind].drop)
			w->on[e.kind].drop(w, &e);
	while (w->n_fini > 0) {
		w->n_fini--;
		w->fini[w->n_fini].fn(w, w->fini[w->n_fini].ctx);
	}
	for (unsigned i = w->n_pools; i-- > 0;) {
		pool_fini(w->pools[i]);
		xfree(w->pools[i]);
	}
	pool_arena_fini(&w->arena);
	for (uint32_t i = 0; i < w->n_elems; i++)
		xfree(w->elems[i].name);
	xfree(w->elems);
	evq_fini(&w->queue);
	xfree(w);
}

void world_on_free(struct world *w, void (*fn)(struct world *w, void *ctx), void *ctx)
{
	assert(w->n_fini < WORLD_FINI_MAX);
	w->fini[w->n_fini].fn = fn;
	w->fini[w->n_fini++].ctx = ctx;
}

void world_handle(struct world *w, enum ev_kind kind, void (*fn)(struct world *w, const struct ev *e),
	void (*drop)(struct world *w, const struct ev *e))
{
	w->on[kind].fn = fn;
	w->on[kind].drop = drop;
}

void world_warm(struct world *w, enum ev_kind kind,
	void (*fn)(const struct world *w, const struct ev *e, int stage), int stages)
{
	assert(stages <= WARM_STAGES);
	w->on[kind].warm = fn;
	w->on[kind].warm_stages = stages;
}

struct pool *world_pool(struct world *w, const char *name, size_t size, size_t live_max)
{
	struct pool *p;

	assert(w->n_pools < WORLD_POOLS_MAX);
	p = xmalloc(sizeof *p);
	pool_init(p, &w->arena, name, size, live_max);
	w->pools[w->n_pools++] = p;
	return p;
}

/* ---- elements ---------------------------------------------------------------------------------------------- */

uint32_t world_elem_add(struct world *w, const char *name, uint32_t count)
{
	struct world_elems *e;

	assert(count > 0 && count <= UINT32_MAX - w->next_elem);
	if (w->n_elems == w->elems_cap) {
		w->elems_cap = w->elems_cap ? w->elems_cap * 2 : 16;
		w->elems = xrealloc(w->elems, w->elems_cap * sizeof *w->elems);
	}
	e = &w->elems[w->n_elems++];
	*e = (struct world_elems){xstrdup(name), w->next_elem, count};
	w->next_elem += count;
	return e->first;
}

static const struct world_elems *elems_find(const struct world *w, uint32_t elem)
{
	uint32_t lo = 0, hi = w->n_elems;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (w->elems[mid].first + (w->elems[mid].count - 1) < elem)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->n_elems && w->elems[lo].first <= elem ? &w->elems[lo] : NULL;
}

const char *world_elem_group(const struct world *w, uint32_t elem, uint32_t *index)
{
	const struct world_elems *e = elems_find(w, elem);

	if (!e)
		return NULL;
	if (index)
		*index = elem - e->first;
	return e->name;
}

const char *world_elem_name(const struct world *w, uint32_t elem, char *out, size_t out_size)
{
	const struct world_elems *e = elems_find(w, elem);

	if (!e)
		snprintf(out, out_size, "?");
	else if (e->count == 1)
		snprintf(out, out_size, "%s", e->name);
	else
		snprintf(out, out_size, "%s/%lu", e->name, (unsigned long)(elem - e->first));
	return out;
}

/* ---- running ----------------------------------------------------------------------------------------------- */

static inline void dispatch(struct world *w, const struct ev *e)
{
	w->now_ns = e->at_ns;
	w->events++;
	w->before = w->fingerprint;
	w->fingerprint = world_hash(w->fingerprint, (uint64_t)e->at_ns ^ (uint64_t)e->elem << 32 ^
							    (uint64_t)(e->kind + 1u) * 0x9e3779b97f4a7c15u);
	w->cause = 0;
	assert(w->on[e->kind].fn);
	w->on[e->kind].fn(w, e);
}

#define WARM_PENDING 131072 /* below that it costs more than it brings */
#define WARM_BLOCK 8

/* One stage for the events from..to places ahead. Stage -1: the objects themselves. */
static inline void warm_stage(const struct world *w, int stage, size_t from, size_t to)
{
	const struct evq *q = &w->queue;
	const uint64_t *k = &q->key[q->key_h + from],
		       *end = &q->key[q->key_h + to < q->key_n ? q->key_h + to : q->key_n];

	for (; k < end; k++) {
		const struct ev *e = &q->bot[*k & EVQ_PLACE_MASK];

		if (stage < 0) {
			__builtin_prefetch(e->obj, 1);
			__builtin_prefetch((const char *)e->obj + 64, 1);
		} else if (stage < w->on[e->kind].warm_stages) {
			w->on[e->kind].warm(w, e, stage);
		}
	}
}

/* The nearer an event, the further its stage; every event passes each stage once, in blocks so that the waits of
 * one block overlap. At the start of a slot the first blocks catch up. */
static APART void warm(const struct world *w, bool start)
{
	for (int stage = -1; stage < WARM_STAGES; stage++) {
		size_t to = (size_t)(WARM_STAGES - stage + 1) * WARM_BLOCK;

		warm_stage(w, stage, start ? 0 : to - WARM_BLOCK, to);
	}
}

uint64_t world_run(struct world *w, int64_t until_ns)
{
	uint64_t before = w->events, slot = 0;
	struct ev e;

	w->stop = false;
	while (evq_pop_until(&w->queue, until_ns, &e)) {
		if (w->queue.count > WARM_PENDING) {
			if (slot != w->queue.entered)
				warm(w, true);
			else if (w->queue.key_h % WARM_BLOCK == 0)
				warm(w, false);
			slot = w->queue.entered;
		}
		dispatch(w, &e);
		if (rare(w->stop))
			return w->events - before;
	}
	if (until_ns > w->now_ns && until_ns != TIME_NEVER)
		w->now_ns = until_ns;
	return w->events - before;
}

bool world_step(struct world *w)
{
	struct ev e;

	if (!evq_pop(&w->queue, &e))
		return false;
	dispatch(w, &e);
	return true;
}

/* ---- timers ------------------------------------------------------------------------------------------------ */

static void on_timer(struct world *w, const struct ev *e)
{
	struct timer *t = e->obj;

	if (!lazy_fired(e, &t->armed_ns))
		return;
	if (t->due_ns > w->now_ns) {
		lazy_arm(w, &t->armed_ns, t->due_ns, EV_TIMER, t->elem, t);
		return;
	}
	t->due_ns = TIME_NEVER;
	t->fn(w, t);
}

void timer_init(struct timer *t, uint32_t elem, void (*fn)(struct world *w, struct timer *t))
{
	*t = (struct timer){.due_ns = TIME_NEVER, .armed_ns = TIME_NEVER, .fn = fn, .elem = elem};
}

void timer_set(struct world *w, struct timer *t, int64_t due_ns)
{
	if (!w->on[EV_TIMER].fn)
		world_handle(w, EV_TIMER, on_timer, NULL);
	t->due_ns = due_ns < w->now_ns ? w->now_ns : due_ns;
	lazy_arm(w, &t->armed_ns, t->due_ns, EV_TIMER, t->elem, t);
}
