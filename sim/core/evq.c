/* The pending-event set: a hierarchical timing wheel of chunks. See evq.h. */
#include "sim/core/evq.h"
#include "sim/core/xmalloc.h"

#include <assert.h>
#include <string.h>

#define CHUNK_EVENTS 20

struct evq_chunk { /* in 512 octets */
	struct evq_chunk *next;
	uint32_t fill, pad;
	struct ev e[CHUNK_EVENTS];
};
_Static_assert(sizeof(struct ev) == 24, "an event is three words");
_Static_assert(sizeof(struct evq_chunk) <= 512, "a chunk fills eight cache lines");

struct evq_slab {
	struct evq_slab *next;
	size_t bytes;
};

/* A slot of width 2^SHIFT_MAX reaches, over all levels, beyond the largest time. */
#define SHIFT_MIN 8
#define SHIFT_MAX 24
#define SHIFT_DEFAULT 16
_Static_assert(SHIFT_MIN + EVQ_BITS * EVQ_LEVELS >= 63, "the top level covers all of time");

static bool before(const struct ev *a, const struct ev *b)
{
	return a->at_ns < b->at_ns || (a->at_ns == b->at_ns && a->band < b->band);
}

void evq_init(struct evq *q, int64_t gap_ns)
{
	memset(q, 0, sizeof *q);
	q->shift = SHIFT_DEFAULT;
	if (gap_ns > 0) { /* aim at 32 to 64 events in a level-0 slot */
		for (q->shift = SHIFT_MIN; q->shift < SHIFT_MAX && ((int64_t)1 << q->shift) < 32 * gap_ns;
			q->shift++)
			;
	}
	q->bot_cap = 256;
	q->bot = xmalloc(q->bot_cap * sizeof *q->bot);
}

void evq_fini(struct evq *q)
{
	for (struct evq_slab *s = q->slabs, *next; s; s = next) {
		next = s->next;
		xfree_pages(s, s->bytes);
	}
	xfree(q->bot);
	xfree(q->tmp);
	xfree(q->late);
	memset(q, 0, sizeof *q);
}

/* ---- chunks ------------------------------------------------------------------------------------------------ */

static struct evq_chunk *chunk_grow(struct evq *q)
{
	size_t n = q->chunks < 64 ? 64 : q->chunks > 8192 ? 8192 : q->chunks;
	size_t bytes = 64 + n * 512;
	struct evq_slab *s = xpages(bytes);

	s->next = q->slabs;
	s->bytes = bytes;
	q->slabs = s;
	q->chunks += n;
	for (size_t i = n; i-- > 0;) { /* so that they are used in the order of their addresses */
		struct evq_chunk *c = (struct evq_chunk *)(void *)((char *)s + 64 + i * 512);

		c->next = q->spare;
		q->spare = c;
	}
	return q->spare;
}

static inline struct evq_chunk *chunk_get(struct evq *q)
{
	struct evq_chunk *c = q->spare ? q->spare : chunk_grow(q);

	q->spare = c->next;
	c->next = NULL;
	c->fill = 0;
	return c;
}

/* ---- the slot being served --------------------------------------------------------------------------------- */

static void bot_reserve(struct evq *q, size_t n)
{
	if (n <= q->bot_cap)
		return;
	while (q->bot_cap < n)
		q->bot_cap *= 2;
	q->bot = xrealloc(q->bot, q->bot_cap * sizeof *q->bot);
}

/* Latecomers: a binary heap ordered by (time, band, sequence). Everything in it was inserted after everything in
 * `bot`, so at equal (time, band) `bot` goes first. */
static bool late_before(const struct evq_late *a, const struct evq_late *b)
{
	if (a->ev.at_ns != b->ev.at_ns)
		return a->ev.at_ns < b->ev.at_ns;
	if (a->ev.band != b->ev.band)
		return a->ev.band < b->ev.band;
	return a->seq < b->seq;
}

static void late_push(struct evq *q, const struct ev *e)
{
	struct evq_late x = {*e, q->late_seq++};
	size_t i;

	if (q->late_n == q->late_cap) {
		q->late_cap = q->late_cap ? q->late_cap * 2 : 64;
		q->late = xrealloc(q->late, q->late_cap * sizeof *q->late);
	}
	for (i = q->late_n++; i; i = (i - 1) / 2) {
		if (!late_before(&x, &q->late[(i - 1) / 2]))
			break;
		q->late[i] = q->late[(i - 1) / 2];
	}
	q->late[i] = x;
}

static struct ev late_pop(struct evq *q)
{
	struct ev top = q->late[0].ev;
	struct evq_late x = q->late[--q->late_n];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= q->late_n)
			break;
		if (c + 1 < q->late_n && late_before(&q->late[c + 1], &q->late[c]))
			c++;
		if (!late_before(&q->late[c], &x))
			break;
		q->late[i] = q->late[c];
		i = c;
	}
	if (q->late_n)
		q->late[i] = x;
	return top;
}

#define SHIFTED_MAX \
	16 /* how far an insertion into the sorted slot may move others before the heap is better */

static void bot_insert(struct evq *q, const struct ev *e)
{
	size_t i, stop;

	if (q->late_n) {
		late_push(q, e);
		return;
	}
	if (q->bot_h == q->bot_n)
		q->bot_h = q->bot_n = 0;
	bot_reserve(q, q->bot_n + 1);
	stop = q->bot_n - q->bot_h > SHIFTED_MAX ? q->bot_n - SHIFTED_MAX : q->bot_h;
	for (i = q->bot_n; i > stop && before(e, &q->bot[i - 1]); i--)
		;
	if (i == stop && i > q->bot_h && before(e, &q->bot[i - 1])) {
		late_push(q, e);
		return;
	}
	memmove(&q->bot[i + 1], &q->bot[i], (q->bot_n - i) * sizeof *q->bot);
	q->bot[i] = *e;
	q->bot_n++;
}

/* Stable: insertion sort for short runs, merging for longer ones; a slot that is in order already costs one pass. */
static void sort_run(struct ev *a, size_t n, struct ev *tmp)
{
	if (n <= 24) {
		for (size_t i = 1; i < n; i++) {
			struct ev e = a[i];
			size_t j = i;

			for (; j && before(&e, &a[j - 1]); j--)
				a[j] = a[j - 1];
			a[j] = e;
		}
		return;
	}
	size_t h = n / 2, i = 0, j = h, k = 0;

	sort_run(a, h, tmp);
	sort_run(a + h, n - h, tmp);
	if (!before(&a[h], &a[h - 1]))
		return;
	memcpy(tmp, a, h * sizeof *a);
	while (i < h && j < n)
		a[k++] = before(&a[j], &tmp[i]) ? a[j++] : tmp[i++];
	memcpy(&a[k], &tmp[i], (h - i) * sizeof *a);
}

static void bot_sort(struct evq *q)
{
	if (q->bot_n > 24 && q->tmp_cap < q->bot_n / 2 + 1) {
		q->tmp_cap = q->bot_cap / 2 + 1;
		q->tmp = xrealloc(q->tmp, q->tmp_cap * sizeof *q->tmp);
	}
	sort_run(q->bot, q->bot_n, q->tmp);
}

/* The objects of the slot's first events are fetched into the cache while it is sorted. */
static void bot_warm(const struct evq *q)
{
	for (size_t i = 0; i < q->bot_n && i < EVQ_AHEAD; i++) {
		__builtin_prefetch(q->bot[i].obj, 1);
		__builtin_prefetch((char *)q->bot[i].obj + 64, 1);
	}
}

/* ---- the wheel --------------------------------------------------------------------------------------------- */

static inline void wheel_push(struct evq *q, const struct ev *e)
{
	uint64_t x = ((uint64_t)e->at_ns ^ (uint64_t)q->wheel) >> q->shift;
	struct evq_slot *s;
	unsigned level, i;

	if (!x) {
		bot_insert(q, e);
		return;
	}
	level = (63 - (unsigned)__builtin_clzll(x)) / EVQ_BITS;
	i = (unsigned)((uint64_t)e->at_ns >> (q->shift + EVQ_BITS * (int)level)) & (EVQ_SLOTS - 1);
	s = &q->slot[level][i];
	if (!s->head) {
		s->head = s->tail = chunk_get(q);
		q->map[level][i / 64] |= (uint64_t)1 << (i & 63);
	} else if (s->tail->fill == CHUNK_EVENTS) {
		struct evq_chunk *c = chunk_get(q);

		s->tail->next = c;
		s->tail = c;
	}
	s->tail->e[s->tail->fill++] = *e;
}

void evq_push(struct evq *q, struct ev e)
{
	if (++q->count > q->count_peak)
		q->count_peak = q->count;
	wheel_push(q, &e);
}

/* The first occupied slot of a level at or after `from`; -1 if none. */
static int next_slot(const struct evq *q, int level, unsigned from)
{
	for (unsigned w = from / 64; w < EVQ_SLOTS / 64; w++) {
		uint64_t m = q->map[level][w];

		if (w == from / 64)
			m &= ~(uint64_t)0 << (from & 63);
		if (m)
			return (int)(w * 64 + (unsigned)__builtin_ctzll(m));
	}
	return -1;
}

/* Empties a slot: into `bot` (level 0) or to the levels below. */
static void deal(struct evq *q, int level, unsigned i)
{
	struct evq_chunk *c = q->slot[level][i].head;

	q->slot[level][i].head = q->slot[level][i].tail = NULL;
	q->map[level][i / 64] &= ~((uint64_t)1 << (i & 63));
	while (c) {
		struct evq_chunk *next = c->next;

		if (next)
			for (int k = 0; k < 8; k++)
				__builtin_prefetch((char *)next + 64 * k);
		if (level == 0) {
			bot_reserve(q, q->bot_n + c->fill);
			memcpy(q->bot + q->bot_n, c->e, c->fill * sizeof *c->e);
			q->bot_n += c->fill;
		} else {
			for (uint32_t k = 0; k < c->fill; k++)
				wheel_push(q, &c->e[k]);
		}
		c->next = q->spare;
		q->spare = c;
		c = next;
	}
}

/* Advances to the next slot that holds events and readies it; false when there are none, or when the next slot
 * starts after `until_ns` (then nothing has changed that matters). */
static bool refill(struct evq *q, int64_t until_ns)
{
	q->bot_h = q->bot_n = 0;
	for (int level = 0; level < EVQ_LEVELS;) {
		int span = q->shift + EVQ_BITS * level;
		unsigned from;
		int i;

		if (span >= 63)
			return false;
		from = (unsigned)((uint64_t)q->wheel >> span) & (EVQ_SLOTS - 1);
		if (level > 0 && ++from == EVQ_SLOTS) {
			level++;
			continue;
		}
		i = next_slot(q, level, from);
		if (i < 0) {
			level++;
			continue;
		}
		int64_t start = (int64_t)((uint64_t)i << span);

		if (span + EVQ_BITS < 63)
			start |= (int64_t)((uint64_t)q->wheel >> (span + EVQ_BITS) << (span + EVQ_BITS));
		if (start > until_ns)
			return false;
		q->wheel = start;
		deal(q, level, (unsigned)i);
		if (level == 0) {
			bot_warm(q);
			bot_sort(q);
			q->served_slots++;
			q->served_events += q->bot_n;
			return true;
		}
		if (q->bot_n || q->late_n) {
			return true; /* wheel_push put them in order */
		}
		level = 0;
	}
	return false;
}

/* ---- width ------------------------------------------------------------------------------------------------- */

#define RETUNE_SLOTS 4096
#define SLOT_EVENTS_HIGH 256 /* on average: sorting becomes dear */
#define SLOT_EVENTS_LOW 8    /* too few to fetch their objects ahead of time */
#define SLOT_EVENTS_AIM 48
#define WIDEN_PENDING 4096 /* with fewer pending all fits into the cache anyway */

static bool take(struct evq *q, int64_t until_ns, struct ev *out)
{
	if (q->bot_h == q->bot_n && !q->late_n && !refill(q, until_ns))
		return false;
	if (q->bot_h < q->bot_n && (!q->late_n || !before(&q->late[0].ev, &q->bot[q->bot_h]))) {
		if (q->bot[q->bot_h].at_ns > until_ns)
			return false;
		*out = q->bot[q->bot_h++];
	} else {
		if (q->late[0].ev.at_ns > until_ns)
			return false;
		*out = late_pop(q);
	}
	q->count--;
	return true;
}

/* All pending events move to a wheel with another slot width. Taken out in order and put in again, they keep their
 * order. Happens a few times in a run at most. */
static void set_shift(struct evq *q, int shift)
{
	struct evq *nq;
	struct ev e;

	if (shift < SHIFT_MIN || shift > SHIFT_MAX || shift == q->shift)
		return;
	nq = xmalloc(sizeof *nq);
	evq_init(nq, 0);
	nq->shift = shift;
	nq->wheel = q->wheel;
	while (take(q, INT64_MAX, &e))
		evq_push(nq, e);
	nq->count_peak = q->count_peak;
	evq_fini(q);
	*q = *nq;
	xfree(nq);
}

static void retune(struct evq *q)
{
	uint64_t mean = q->served_events / q->served_slots;
	int shift = q->shift;

	q->served_slots = q->served_events = 0;
	if (mean > SLOT_EVENTS_HIGH)
		for (; mean > SLOT_EVENTS_AIM; mean /= 2)
			shift--;
	else if (mean < SLOT_EVENTS_LOW && q->count > WIDEN_PENDING)
		for (mean = mean ? mean : 1; mean < SLOT_EVENTS_AIM; mean *= 2)
			shift++;
	set_shift(q, shift < SHIFT_MIN ? SHIFT_MIN : shift > SHIFT_MAX ? SHIFT_MAX : shift);
}

bool evq_pop_until(struct evq *q, int64_t until_ns, struct ev *out)
{
	if (q->served_slots >= RETUNE_SLOTS && q->bot_h == q->bot_n && !q->late_n)
		retune(q);
	return q->count && take(q, until_ns, out);
}

bool evq_pop(struct evq *q, struct ev *out)
{
	return evq_pop_until(q, INT64_MAX, out);
}
