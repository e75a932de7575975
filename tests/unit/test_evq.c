/* The pending-event set against a sorted reference: order is exactly (time, band, insertion). */
#include "sim/core/evq.h"
#include "sim/core/rng.h"
#include "sim/core/xmalloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

struct ref {
	int64_t at;
	uint32_t band, seq;
};

/* A binary heap over (at, band, seq): the obvious thing, to be right by inspection. */
struct heap {
	struct ref *a;
	size_t n, cap;
};

static bool ref_lt(const struct ref *x, const struct ref *y)
{
	if (x->at != y->at)
		return x->at < y->at;
	if (x->band != y->band)
		return x->band < y->band;
	return x->seq < y->seq;
}

static void heap_push(struct heap *h, struct ref r)
{
	size_t i;

	if (h->n == h->cap) {
		h->cap = h->cap ? h->cap * 2 : 64;
		h->a = xrealloc(h->a, h->cap * sizeof *h->a);
	}
	for (i = h->n++; i && ref_lt(&r, &h->a[(i - 1) / 2]); i = (i - 1) / 2)
		h->a[i] = h->a[(i - 1) / 2];
	h->a[i] = r;
}

static struct ref heap_pop(struct heap *h)
{
	struct ref top = h->a[0], x = h->a[--h->n];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= h->n)
			break;
		if (c + 1 < h->n && ref_lt(&h->a[c + 1], &h->a[c]))
			c++;
		if (!ref_lt(&h->a[c], &x))
			break;
		h->a[i] = h->a[c];
		i = c;
	}
	if (h->n)
		h->a[i] = x;
	return top;
}

/* How far ahead the next event lies: mixtures that hit each level, ties, and the slot being served. */
static int64_t ahead(struct rng *r, int kind)
{
	switch (kind) {
	case 0:
		return (int64_t)rng_below(r, 1000);
	case 1:
		return (int64_t)rng_below(r, 8) == 0 ? 0 : 40000000;
	case 2:
		return (int64_t)(rng_u64(r) >> (2 + rng_below(r, 60)));
	case 3:
		return rng_exp(r, 1000000000);
	default:
		return rng_below(r, 3) ? (int64_t)rng_below(r, 5) : (int64_t)rng_below(r, 100000000000u);
	}
}

/* Everything that was pushed, by number: where, and whether it is still to come. */
struct pushed {
	struct {
		uint32_t place;
		int64_t at;
		bool gone;
	} * a;
	uint32_t n, cap;
	size_t live;
};

static uint32_t push_one(struct evq *q, struct heap *h, struct pushed *all, int64_t at, uint32_t band)
{
	uint32_t seq = all->n++;

	if (seq == all->cap) {
		all->cap = all->cap ? all->cap * 2 : 1024;
		all->a = xrealloc(all->a, all->cap * sizeof *all->a);
	}
	heap_push(h, (struct ref){at, band, seq});
	struct ev e = {.at_ns = at, .obj = (void *)((uintptr_t)seq + 1), .elem = seq, .band = (uint8_t)band};

	all->a[seq].place = 0;
	if (seq % 2)
		evq_push(q, e);
	else
		all->a[seq].place = evq_push_at(q, e);
	all->a[seq].at = at;
	all->a[seq].gone = false;
	all->live++;
	return seq;
}

/* Takes back one of the latest, or any; returns whether the queue could. */
static bool cancel_one(struct evq *q, struct pushed *all, struct rng *r)
{
	uint32_t from = rng_below(r, 2) && all->n > 40 ? all->n - 40 : 0,
		 i = from + (uint32_t)rng_below(r, all->n - from);
	bool could = evq_cancel(q, all->a[i].place, (void *)((uintptr_t)i + 1), all->a[i].at);

	assert_false(could && all->a[i].gone); /* neither what was popped nor what was taken back before */
	if (!could)
		return false;
	all->a[i].gone = true;
	all->live--;
	assert_false(evq_cancel(q, all->a[i].place, (void *)((uintptr_t)i + 1), all->a[i].at));
	return true;
}

static bool ref_first(struct heap *h, const struct pushed *all, struct ref *out)
{
	while (h->n && all->a[h->a[0].seq].gone)
		(void)heap_pop(h);
	if (h->n)
		*out = h->a[0];
	return h->n;
}

static size_t against_reference(uint64_t seed, int kind, size_t fill, size_t steps, int64_t gap)
{
	struct evq *q = xmalloc(sizeof *q);
	struct heap h = {0};
	struct pushed all = {0};
	struct rng r = rng_named_at(seed, "evq", (uint64_t)kind);
	struct ref want;
	struct ev e;
	size_t taken_back = 0;
	int64_t now = 0;

	evq_init(q, gap);
	for (size_t i = 0; i < fill + steps; i++) {
		uint32_t pushes = i < fill ? 1 : (uint32_t)rng_below(&r, 3);

		while (pushes-- > 0) {
			int64_t d = ahead(&r, kind);

			push_one(q, &h, &all, d > INT64_MAX / 4 - now ? INT64_MAX / 4 : now + d,
				(uint32_t)rng_below(&r, BAND_COUNT));
		}
		if (all.n && rng_below(&r, 3) == 0)
			taken_back += cancel_one(q, &all, &r);
		assert_int_equal(q->count, all.live);
		if (i < fill || !ref_first(&h, &all, &want))
			continue;
		if (rng_below(&r, 4) == 0) { /* stop short of it: nothing may happen */
			assert_false(evq_pop_until(q, want.at - 1, &e));
			now = want.at - 1 > now ? want.at - 1 : now; /* that is how far time has come */
			continue;
		}
		assert_true(evq_pop(q, &e));
		(void)heap_pop(&h);
		assert_int_equal(e.at_ns, want.at);
		assert_int_equal(e.band, want.band);
		assert_int_equal(e.elem, want.seq);
		all.a[want.seq].gone = true;
		all.live--;
		now = e.at_ns;
	}
	for (; ref_first(&h, &all, &want); (void)heap_pop(&h)) {
		assert_true(evq_pop(q, &e));
		assert_int_equal(e.elem, want.seq);
	}
	assert_false(evq_pop(q, &e));
	assert_int_equal(q->count, 0);
	evq_fini(q);
	xfree(h.a);
	xfree(all.a);
	xfree(q);
	return taken_back;
}

static void order_is_that_of_a_sorted_list(void **state)
{
	(void)state;
	size_t taken_back = 0;

	for (int kind = 0; kind < 5; kind++)
		for (uint64_t seed = 1; seed <= 6; seed++)
			taken_back += against_reference(seed, kind, seed * 300, 6000,
				seed % 3 == 0 ? 0 : (int64_t)(1u << (3 * seed)));
	assert_true(taken_back > 1000);
}

static void a_wheel_that_is_too_coarse_narrows_itself_and_keeps_the_order(void **state)
{
	(void)state;
	(void)against_reference(7, 3, 1, 1, 1000000000);
	struct evq *q = xmalloc(sizeof *q);
	struct rng r = rng_named(3, "narrow");
	struct ev e;
	int64_t last = 0;

	evq_init(q, 1000000000); /* 2^24 ns a slot */
	int wide = q->shift;

	for (uint32_t i = 0; i < 200000; i++)
		evq_push(q, (struct ev){.at_ns = (int64_t)rng_below(&r, 5000000000u), .elem = i});
	for (uint64_t i = 0; i < 20000000 && q->shift == wide; i++) {
		assert_true(evq_pop(q, &e));
		assert_true(e.at_ns >= last);
		last = e.at_ns;
		evq_push(q, (struct ev){.at_ns = last + (int64_t)rng_below(&r, 5000000000u), .elem = e.elem});
	}
	assert_true(q->shift < wide);
	assert_int_equal(q->count, 200000);
	while (evq_pop(q, &e)) {
		assert_true(e.at_ns >= last);
		last = e.at_ns;
	}
	evq_fini(q);
	xfree(q);
}

static void a_million_events_at_one_instant_leave_in_the_order_they_came(void **state)
{
	struct evq *q = xmalloc(sizeof *q);
	struct ev e;

	(void)state;
	evq_init(q, 0);
	for (uint32_t i = 0; i < 1000000; i++)
		evq_push(q, (struct ev){.at_ns = 5000000000, .elem = i, .band = BAND_APP});
	for (uint32_t i = 0; i < 1000000; i++) {
		assert_true(evq_pop(q, &e));
		if (e.band == BAND_NET) { /* a reaction to the previous one overtakes by its band */
			assert_int_equal(e.elem, i);
			assert_true(evq_pop(q, &e));
		}
		assert_int_equal(e.elem, i);
		evq_push(q, (struct ev){.at_ns = 5000000000, .elem = i + 1, .band = BAND_NET});
	}
	evq_fini(q);
	xfree(q);
}

/* Bursts whose reactions come into the slot that is being served: few slots, but thousands come too late for its keys. */
static void so_does_one_into_whose_slots_reactions_fall(void **state)
{
	enum { BURST = 20000 };
	const int64_t burst_ns = 1000000000, reaction_ns = 100000;
	struct evq *q = xmalloc(sizeof *q);
	struct ev e;
	int64_t last = 0;
	uint32_t answered = 0;

	(void)state;
	evq_init(q, 0);
	q->shift = 21; /* 2 ms */
	for (uint32_t i = 0; i < BURST; i++)
		evq_push(q, (struct ev){.at_ns = burst_ns + 10 * i, .elem = 1});
	while (last < 12 * burst_ns) {
		assert_true(evq_pop(q, &e) && e.at_ns >= last);
		last = e.at_ns;
		answered += e.elem == 0;
		evq_push(q, (struct ev){.at_ns = e.elem ? last + reaction_ns : last - reaction_ns + burst_ns,
				    .elem = !e.elem});
	}
	assert_true(answered >= 10 * BURST && q->count == BURST);
	assert_true(q->shift < 18);
	evq_fini(q);
	xfree(q);
}

static void what_was_taken_back_makes_room_at_once(void **state)
{
	struct evq *q = xmalloc(sizeof *q);
	static uint32_t place[1000];
	int obj[2];
	struct ev e;

	(void)state;
	evq_init(q, 0);
	for (uint32_t round = 0; round < 500;
		round++) { /* all in one slot far away; one of a thousand stays */
		for (uint32_t i = 0; i < 1000; i++)
			place[i] = evq_push_at(
				q, (struct ev){.at_ns = 900000000000 + i, .obj = &obj[0], .elem = round});
		for (uint32_t i = 0; i < 1000; i++) /* the oldest first, as timers go */
			if (i || round % 100)
				assert_true(evq_cancel(q, place[i], &obj[0], 900000000000 + i));
		assert_false(evq_cancel(q, place[7], &obj[0], 900000000007));
		assert_false(evq_cancel(q, place[0], &obj[1], 900000000000));
	}
	assert_int_equal(q->count, 5);
	assert_true(q->mem.chunks * EVQ_CHUNK_EVENTS < 500 * 1000 / 4);
	for (uint32_t i = 0; i < 5; i++) {
		assert_true(evq_pop(q, &e));
		assert_int_equal(e.elem, i * 100);
	}
	assert_false(evq_pop(q, &e));
	evq_fini(q);
	xfree(q);
}

/* As limits do that end before the next begins: each is the latest of its slot when it is taken back. */
static void so_does_what_was_taken_back_before_the_next_was_put(void **state)
{
	struct evq *q = xmalloc(sizeof *q);
	int obj;

	(void)state;
	evq_init(q, 0);
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t place = evq_push_at(q, (struct ev){.at_ns = 900000000000 + i, .obj = &obj});

		assert_true(evq_cancel(q, place, &obj, 900000000000 + i));
	}
	assert_int_equal(q->count, 0);
	assert_true(q->mem.chunks * EVQ_CHUNK_EVENTS < 100000 / 50);
	evq_fini(q);
	xfree(q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_that_of_a_sorted_list),
		cmocka_unit_test(a_wheel_that_is_too_coarse_narrows_itself_and_keeps_the_order),
		cmocka_unit_test(so_does_one_into_whose_slots_reactions_fall),
		cmocka_unit_test(what_was_taken_back_makes_room_at_once),
		cmocka_unit_test(so_does_what_was_taken_back_before_the_next_was_put),
		cmocka_unit_test(a_million_events_at_one_instant_leave_in_the_order_they_came),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
