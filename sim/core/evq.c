/* The pending-event set: a hierarchical timing wheel of chunks. See evq.h. */
#include "sim/core/evq.h"
#include "sim/core/xmalloc.h"

#include <assert.h>
#include <string.h>

_Static_assert(sizeof(struct ev) == 24, "an event is three words");
_Static_assert(sizeof(struct evq_chunk) == EVQ_CHUNK_BYTES, "a chunk fills eight cache lines");

#define CHUNKS_MAX (UINT32_MAX / (EVQ_CHUNK_BYTES / 8)) /* a place is one number of 32 bits: 1.4e9 events */

struct evq_slab {
	struct evq_slab *next;
	size_t bytes;
};

/* A slot of width 2^SHIFT_MIN reaches, over all levels, beyond the largest time; the offset in a slot of 2^SHIFT_MAX
 * fits into a key. */
#define SHIFT_MIN 8
#define SHIFT_MAX 24
#define SHIFT_DEFAULT 16
_Static_assert(SHIFT_MIN + EVQ_BITS0 + EVQ_BITS * (EVQ_LEVELS - 1) >= 63, "the top level covers all of time");
_Static_assert(SHIFT_MAX + EVQ_BAND_BITS + EVQ_PLACE_BITS == 64, "a key is one word");
_Static_assert(BAND_COUNT <= 1 << EVQ_BAND_BITS, "bands fit into a key");
_Static_assert(EVQ_SLOTS0 == 64 * 64, "one word tells which words of level 0's map to look at");

void evq_init(struct evq *q, int64_t gap_ns)
{
	memset(q, 0, sizeof *q);
	q->shift = SHIFT_DEFAULT;
	if (gap_ns > 0) { /* aim at 64 to 128 events in a level-0 slot */
		for (q->shift = SHIFT_MIN; q->shift < SHIFT_MAX && ((int64_t)1 << q->shift) < 64 * gap_ns;
			q->shift++)
			;
	}
}

void evq_fini(struct evq *q)
{
	for (struct evq_slab *s = q->mem.slabs, *next; s; s = next) {
		next = s->next;
		xfree_pages(s, s->bytes);
	}
	xfree(q->mem.block);
	xfree(q->mem.side);
	xfree(q->bot);
	xfree(q->key);
	xfree(q->tmp);
	xfree(q->late);
	memset(q, 0, sizeof *q);
}

size_t evq_bytes(const struct evq *q)
{
	return q->mem.fresh * (size_t)EVQ_CHUNK_BYTES +
	       q->mem.block_cap * (sizeof *q->mem.block + EVQ_BLOCK_CHUNKS * sizeof *q->mem.side) +
	       q->bot_cap * sizeof *q->bot + (q->key_cap + q->tmp_cap) * sizeof *q->key +
	       q->late_cap * sizeof *q->late;
}

/* ---- chunks ------------------------------------------------------------------------------------------------ */

static struct evq_chunk *chunk_of(const struct evq *q, uint32_t i)
{
	return i ? &q->mem.block[i / EVQ_BLOCK_CHUNKS][i % EVQ_BLOCK_CHUNKS] : NULL;
}

static void chunk_grow(struct evq *q)
{
	size_t n = q->mem.chunks / (4 * EVQ_BLOCK_CHUNKS); /* blocks: a quarter more */

	n = n < 1 ? 1 : n > 128 ? 128 : n;
	size_t bytes =
		(n * EVQ_BLOCK_CHUNKS + 1) * EVQ_CHUNK_BYTES; /* one lost to the head and to alignment */
	struct evq_slab *s = xpages(bytes);
	uintptr_t first = ((uintptr_t)(s + 1) + EVQ_CHUNK_BYTES - 1) & ~(uintptr_t)(EVQ_CHUNK_BYTES - 1);
	struct evq_chunk *c = (struct evq_chunk *)(void *)((char *)s + (first - (uintptr_t)s));
	size_t old = q->mem.chunks, blocks = old / EVQ_BLOCK_CHUNKS;

	s->next = q->mem.slabs;
	s->bytes = bytes;
	q->mem.slabs = s;
	q->mem.chunks += n * EVQ_BLOCK_CHUNKS;
	assert(q->mem.chunks <= CHUNKS_MAX);
	if (blocks + n > q->mem.block_cap) {
		q->mem.block_cap = (blocks + n) * 2;
		q->mem.block = xrealloc(q->mem.block, q->mem.block_cap * sizeof *q->mem.block);
		q->mem.side =
			xrealloc(q->mem.side, q->mem.block_cap * EVQ_BLOCK_CHUNKS * sizeof *q->mem.side);
	}
	for (size_t i = 0; i < n; i++)
		q->mem.block[blocks + i] = c + i * EVQ_BLOCK_CHUNKS;
	if (!old)
		q->mem.fresh = 1;
}

static struct evq_chunk *chunk_get(struct evq *q)
{
	struct evq_chunk *c;

	c = q->mem.spare;
	if (c) {
		q->mem.spare = chunk_of(q, c->next);
		__builtin_prefetch(q->mem.spare, 1);
	} else { /* one that nobody has touched yet, in the order of their addresses */
		if (q->mem.fresh == q->mem.chunks)
			chunk_grow(q);
		c = chunk_of(q, q->mem.fresh);
		c->self = q->mem.fresh++;
	}
	c->next = 0;
	q->mem.side[c->self] = (struct evq_side){0};
	return c;
}

static void chunk_put(struct evq *q, struct evq_chunk *c)
{
	c->next = q->mem.spare ? q->mem.spare->self : 0;
	q->mem.spare = c;
}

/* ---- the slot being served --------------------------------------------------------------------------------- */

/* Room for `n` where there is for `cap`: a quarter more at a time. A burst that comes all at once stands here beside everything
 * else that it makes grow. */
static size_t reserve(size_t cap, size_t n)
{
	if (!cap)
		cap = 256;
	while (cap < n)
		cap += cap / 4;
	return cap;
}

static void bot_reserve(struct evq *q, size_t n)
{
	if (n <= q->bot_cap)
		return;
	q->bot_cap = reserve(q->bot_cap, n);
	q->bot = xrealloc(q->bot, q->bot_cap * sizeof *q->bot);
}

static void key_reserve(struct evq *q, size_t n)
{
	if (n <= q->key_cap)
		return;
	q->key_cap = reserve(q->key_cap, n);
	q->key = xrealloc(q->key, q->key_cap * sizeof *q->key);
}

/* Most slots' events come in order and want no sorting. */
static void tmp_reserve(struct evq *q, size_t n)
{
	if (n <= q->tmp_cap)
		return;
	q->tmp_cap = reserve(q->tmp_cap, n);
	xfree(q->tmp);
	q->tmp = xmalloc(q->tmp_cap * sizeof *q->tmp);
}

/* The part of a time that lies within a slot. */
static inline uint64_t within(const struct evq *q)
{
	return ((uint64_t)1 << q->shift) - 1;
}

static inline uint64_t key_at(const struct ev *e, uint64_t mask, size_t place)
{
	return (((uint64_t)e->at_ns & mask) << EVQ_BAND_BITS | e->band) << EVQ_PLACE_BITS | place;
}

static inline uint64_t key_of(const struct evq *q, const struct ev *e, size_t place)
{
	return key_at(e, within(q), place);
}

static void late_push(struct evq *q, uint64_t x)
{
	size_t i;

	if (q->late_n == q->late_cap) {
		q->late_cap = q->late_cap ? q->late_cap * 2 : 64;
		q->late = xrealloc(q->late, q->late_cap * sizeof *q->late);
	}
	q->late_all++;
	for (i = q->late_n++; i && x < q->late[(i - 1) / 2]; i = (i - 1) / 2)
		q->late[i] = q->late[(i - 1) / 2];
	q->late[i] = x;
}

static uint64_t late_pop(struct evq *q)
{
	uint64_t top = q->late[0], x = q->late[--q->late_n];
	size_t i = 0;

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= q->late_n)
			break;
		if (c + 1 < q->late_n && q->late[c + 1] < q->late[c])
			c++;
		if (q->late[c] > x)
			break;
		q->late[i] = q->late[c];
		i = c;
	}
	if (q->late_n)
		q->late[i] = x;
	return top;
}

/* The smallest key of the slot, which is not empty. */
static inline uint64_t key_pop(struct evq *q)
{
	if (q->key_h < q->key_n && (!q->late_n || q->key[q->key_h] < q->late[0]))
		return q->key[q->key_h++];
	return late_pop(q);
}

#define COMPACT_MIN 4096 /* events served and not yet forgotten, at least */

/* Forgets the events of the slot that were served, when many reactions to reactions have piled up in it. */
static void bot_compact(struct evq *q)
{
	size_t n = q->key_n - q->key_h + q->late_n;
	struct ev *bot = xmalloc(q->bot_cap * sizeof *bot);
	uint64_t *key = xmalloc(q->key_cap * sizeof *key);

	for (size_t i = 0; i < n; i++) {
		bot[i] = q->bot[key_pop(q) & EVQ_PLACE_MASK];
		key[i] = key_of(q, &bot[i], i);
	}
	xfree(q->bot);
	xfree(q->key);
	q->bot = bot;
	q->key = key;
	q->key_h = 0;
	q->key_n = q->bot_n = n;
}

#define MOVED_MAX 64 /* how many keys an insertion may move before the heap is better */

/* Where `x` belongs among key[h .. n). What is put in while its slot is served mostly comes soon, now and then last of all. */
static size_t key_place(const struct evq *q, uint64_t x)
{
	const uint64_t *key = q->key + q->key_h;
	size_t n = q->key_n - q->key_h, i = 0;

	if (!n || key[n - 1] < x)
		return q->key_n;
	for (size_t half; n > 1; n -= half) { /* the place is one of i .. i + n - 1 */
		half = n / 2;
		i += key[i + half - 1] < x ? half : 0;
	}
	return q->key_h + i;
}

/* For one more; `live` are still to come. */
static APART void bot_room(struct evq *q, size_t live)
{
	key_reserve(q, q->key_n + 1);
	bot_reserve(q, q->bot_n + 1);
	if (q->bot_n >= COMPACT_MIN + 4 * live && live < q->key_cap)
		bot_compact(q);
}

static void bot_insert(struct evq *q, const struct ev *e)
{
	size_t live = q->key_n - q->key_h + q->late_n;

	if (!live)
		q->key_h = q->key_n = q->bot_n = 0;
	if (q->key_n >= q->key_cap || q->bot_n >= q->bot_cap || q->bot_n >= COMPACT_MIN)
		bot_room(q, live);
	const uint64_t x = key_of(q, e, q->bot_n);
	q->bot[q->bot_n++] = *e;
	const size_t i = q->late_n ? 0 : key_place(q, x), before = i - q->key_h, behind = q->key_n - i;
	if (!q->late_n && q->key_h && before < behind && before <= MOVED_MAX) { /* there is room in front */
		memmove(&q->key[q->key_h - 1], &q->key[q->key_h], before * sizeof *q->key);
		q->key[i - 1] = x;
		q->key_h--;
	} else if (!q->late_n && behind <= MOVED_MAX) {
		memmove(&q->key[i + 1], &q->key[i], behind * sizeof *q->key);
		q->key[i] = x;
		q->key_n++;
	} else {
		late_push(q, x);
	}
}

/* ---- sorting keys ------------------------------------------------------------------------------------------- */

static void insertion_sort(uint64_t *k, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t x = k[i];
		size_t j = i;

		for (; j && x < k[j - 1]; j--)
			k[j] = k[j - 1];
		k[j] = x;
	}
}

static void merge_sort(uint64_t *k, size_t n, uint64_t *tmp)
{
	size_t h = n / 2, i = 0, j = h, o = 0;

	if (n <= 24) {
		insertion_sort(k, n);
		return;
	}
	merge_sort(k, h, tmp);
	merge_sort(k + h, n - h, tmp);
	if (k[h - 1] < k[h])
		return;
	memcpy(tmp, k, h * sizeof *k);
	while (i < h && j < n)
		k[o++] = k[j] < tmp[i] ? k[j++] : tmp[i++];
	memcpy(&k[o], &tmp[i], (h - i) * sizeof *k);
}

#define BUCKET_BITS_MAX 10
#define BUCKET_FULL 24

/* Times in a slot are usually spread evenly: each key goes to a bucket by its leading bits, about one to each, and
 * what is left to do is little and predictable. False, with nothing done, when they are not spread. */
static bool bucket_sort(uint64_t *k, size_t n, uint64_t *tmp, int shift)
{
	uint32_t start[1u << BUCKET_BITS_MAX], sum = 0;
	int bits = 63 - __builtin_clzll(n - 1); /* one or two to a bucket */

	bits = bits > BUCKET_BITS_MAX ? BUCKET_BITS_MAX : bits > shift ? shift : bits;
	int down = EVQ_PLACE_BITS + EVQ_BAND_BITS + shift - bits;

	memset(start, 0, sizeof *start << bits);
	for (size_t i = 0; i < n; i++)
		start[k[i] >> down]++;
	for (size_t i = 0; i < (size_t)1 << bits; i++) {
		uint32_t c = start[i];

		if (c > BUCKET_FULL)
			return false;
		start[i] = sum;
		sum += c;
	}
	for (size_t i = 0; i < n; i++)
		tmp[start[k[i] >> down]++] = k[i];
	for (size_t i = 0; i < n; i++) { /* back in order */
		uint64_t x = tmp[i];
		size_t j = i;

		for (; j && x < k[j - 1]; j--)
			k[j] = k[j - 1];
		k[j] = x;
	}
	return true;
}

/* The keys of the slot's events are there, in order of arrival: now in theirs. */
static void keys_sort(struct evq *q)
{
	if (q->key_n <= 12) {
		insertion_sort(q->key, q->key_n);
		return;
	}
	tmp_reserve(q, q->key_n);
	if (q->key_n > 8u << BUCKET_BITS_MAX || !bucket_sort(q->key, q->key_n, q->tmp, q->shift))
		merge_sort(q->key, q->key_n, q->tmp);
}

/* ---- the wheel --------------------------------------------------------------------------------------------- */

uint32_t evq_push_slow(struct evq *q, int64_t at_ns, void *obj, uint32_t elem, uint32_t rest, unsigned slot)
{
	const struct ev e = {at_ns, obj, elem, (uint16_t)rest, (uint8_t)(rest >> 16), (uint8_t)(rest >> 24)};
	struct evq_slot *s = &q->slot[slot % EVQ_SLOTS_ALL];
	struct evq_chunk *c;

	if (slot == EVQ_SERVED) {
		bot_insert(q, &e);
		return 0;
	}
	c = chunk_get(q);
	if (!s->head) {
		s->head = c;
		q->map[slot / 64] |= (uint64_t)1 << slot % 64;
		if (slot < EVQ_SLOTS0)
			q->map0_words |= (uint64_t)1 << slot / 64;
	} else {
		struct evq_chunk *full = (struct evq_chunk *)(void *)((char *)s->at - EVQ_CHUNK_BYTES);

		full->next = c->self;
		q->mem.side[c->self].prev = full->self;
	}
	c->e[0] = e;
	s->at = &c->e[1];
	return evq_place(&c->e[0]);
}

static void slot_emptied(struct evq *q, unsigned slot)
{
	q->slot[slot] = (struct evq_slot){0};
	q->map[slot / 64] &= ~((uint64_t)1 << slot % 64);
	if (slot < EVQ_SLOTS0 && !q->map[slot / 64])
		q->map0_words &= ~((uint64_t)1 << slot / 64);
}

/* The last chunk need not have been filled: it goes when all that was put into it is gone. */
void evq_forget(struct evq *q, struct evq_chunk *c, int64_t at_ns)
{
	const struct evq_side *d = &q->mem.side[c->self];
	struct evq_chunk *prev = chunk_of(q, d->prev);
	unsigned slot = evq_slot_of(q, at_ns);
	struct evq_slot *s = &q->slot[slot];

	if (c->next) {
		q->mem.side[c->next].prev = d->prev;
		if (prev)
			prev->next = c->next;
		else
			s->head = chunk_of(q, c->next);
	} else if ((ptrdiff_t)d->gone < s->at - c->e) {
		return;
	} else if (prev) {
		prev->next = 0;
		s->at = (struct ev *)(void *)((char *)prev + EVQ_CHUNK_BYTES);
	} else {
		slot_emptied(q, slot);
	}
	chunk_put(q, c);
}

/* The first occupied slot of a level at or after `from`; -1 if none. */
static int next_slot(const struct evq *q, int level, unsigned from)
{
	const uint64_t *map = level ? &q->map[(EVQ_SLOTS0 + (unsigned)(level - 1) * EVQ_SLOTS) / 64] : q->map;
	unsigned words = (level ? EVQ_SLOTS : EVQ_SLOTS0) / 64, w = from / 64;
	uint64_t m = map[w] & ~(uint64_t)0 << from % 64;

	while (!m) {
		if (!level) {
			uint64_t rest = w < 63 ? q->map0_words & ~(uint64_t)0 << (w + 1) : 0;

			if (!rest)
				return -1;
			w = (unsigned)__builtin_ctzll(rest);
		} else if (++w == words) {
			return -1;
		}
		m = map[w];
	}
	return (int)(w * 64 + (unsigned)__builtin_ctzll(m));
}

static void chunk_fetch(const struct evq_chunk *c)
{
	for (int k = 0; k < EVQ_CHUNK_BYTES / 64; k++)
		__builtin_prefetch((const char *)c + 64 * k);
}

/* Empties a slot of a higher level: its events go to the levels below. */
static void deal(struct evq *q, int level, unsigned i)
{
	unsigned slot = EVQ_SLOTS0 + (unsigned)(level - 1) * EVQ_SLOTS + i;
	struct evq_chunk *c = q->slot[slot].head;
	const struct ev *at = q->slot[slot].at;

	slot_emptied(q, slot);
	while (c) {
		struct evq_chunk *next = chunk_of(q, c->next);
		size_t n = next ? EVQ_CHUNK_EVENTS : (size_t)(at - c->e);

		if (next)
			chunk_fetch(next);
		for (struct ev *e = c->e; e < c->e + n; e++) {
			if (e->kind == EVQ_GONE)
				continue;
			evq_put(q, e);
			e->kind = EVQ_GONE; /* from here; nobody takes it back any more */
		}
		chunk_put(q, c);
		c = next;
	}
}

/* Empties a slot of level 0 into `bot` and gives its events their keys. */
static void serve(struct evq *q, unsigned slot)
{
	struct evq_chunk *c = q->slot[slot].head;
	const struct ev *at = q->slot[slot].at;
	bool rising = true;
	uint64_t last = 0;
	const uint64_t mask = within(q);
	size_t place = 0;

	slot_emptied(q, slot);
	while (c) {
		struct evq_chunk *next = chunk_of(q, c->next);
		size_t n = next ? EVQ_CHUNK_EVENTS : (size_t)(at - c->e);

		if (next)
			chunk_fetch(next);
		bot_reserve(q, place + n);
		key_reserve(q, place + n);
		struct ev *bot = q->bot;
		uint64_t *key = q->key;

		for (struct ev *e = c->e, *end = e + n; e < end; e++) {
			if (rare(e->kind == EVQ_GONE))
				continue;
			uint64_t x = key_at(e, mask, place);

			rising &= x >= last;
			key[place] = last = x;
			bot[place++] = *e;
			e->kind = EVQ_GONE;
		}
		chunk_put(q, c);
		c = next;
	}
	q->bot_n = q->key_n = place;
	q->key_h = 0;
	if (!rising)
		keys_sort(q);
}

/* Advances to the next slot that holds events and readies it; false when there are none, or when the next slot
 * starts after `until_ns` (then nothing has changed that matters). */
static bool refill(struct evq *q, int64_t until_ns)
{
	q->key_h = q->key_n = q->bot_n = 0;
	for (int level = 0; level < EVQ_LEVELS;) {
		int span = q->shift + (level ? EVQ_BITS0 + EVQ_BITS * (level - 1) : 0);
		int bits = level ? EVQ_BITS : EVQ_BITS0;
		unsigned from;
		int i;

		if (span >= 63)
			return false;
		from = (unsigned)((uint64_t)q->wheel >> span) & ((1u << bits) - 1);
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

		if (span + bits < 63)
			start |= (int64_t)((uint64_t)q->wheel >> (span + bits) << (span + bits));
		if (start > until_ns)
			return false;
		q->wheel = start;
		if (level)
			deal(q, level, (unsigned)i);
		else
			serve(q, (unsigned)i);
		if (level == 0 && q->bot_n) {
			i = next_slot(q, 0, (unsigned)i);
			if (i >= 0) /* will be wanted soon */
				chunk_fetch(q->slot[i].head);
			q->served_slots++;
			q->served_events += q->bot_n;
			q->entered++;
			return true;
		}
		if (q->bot_n) { /* evq_put put them in order */
			q->entered++;
			return true;
		}
		level = 0;
	}
	return false;
}

/* ---- width ------------------------------------------------------------------------------------------------- */

#define RETUNE_SLOTS 2048
#define RETUNE_LATE 32768    /* so many that came late for keys: no need to wait for that many slots */
#define SLOT_EVENTS_HIGH 512 /* on average */
#define SLOT_EVENTS_LOW 24   /* too few to fetch their objects ahead of time */
#define SLOT_EVENTS_AIM 96
#define WIDEN_PENDING 4096 /* with fewer pending all fits into the cache anyway */

static bool take(struct evq *q, int64_t until_ns, struct ev *out)
{
	const struct ev *e;

	if (q->key_h == q->key_n && !q->late_n && !refill(q, until_ns))
		return false;
	if (q->key_h < q->key_n && (!q->late_n || q->key[q->key_h] < q->late[0]))
		e = &q->bot[q->key[q->key_h] & EVQ_PLACE_MASK];
	else
		e = &q->bot[q->late[0] & EVQ_PLACE_MASK];
	if (e->at_ns > until_ns)
		return false;
	*out = *e;
	(void)key_pop(q);
	q->count--;
	return true;
}

/* The chunks, those in use among them, become another queue's: two wheels work with one memory. */
static void lend_chunks(struct evq *from, struct evq *to)
{
	to->mem = from->mem;
	from->mem = (struct evq_memory){0};
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
	while (take(q, INT64_MAX, &e)) {
		lend_chunks(q, nq);
		evq_push(nq, e);
		lend_chunks(nq, q);
	}
	lend_chunks(q, nq);
	nq->entered = q->entered;
	evq_fini(q);
	*q = *nq;
	xfree(nq);
}

static void retune(struct evq *q)
{
	uint64_t mean = q->served_events / q->served_slots;
	int shift = q->shift;

	q->served_slots = q->served_events = q->late_all = 0;
	if (mean > SLOT_EVENTS_HIGH)
		for (; mean > SLOT_EVENTS_AIM; mean /= 2)
			shift--;
	else if (mean < SLOT_EVENTS_LOW && q->count > WIDEN_PENDING)
		for (mean = mean ? mean : 1; mean < SLOT_EVENTS_AIM; mean *= 2)
			shift++;
	set_shift(q, shift < SHIFT_MIN ? SHIFT_MIN : shift > SHIFT_MAX ? SHIFT_MAX : shift);
}

bool evq_pop_slow(struct evq *q, int64_t until_ns, struct ev *out)
{
	if ((q->served_slots >= RETUNE_SLOTS || q->late_all >= RETUNE_LATE) && q->served_slots &&
		q->key_h == q->key_n && !q->late_n)
		retune(q);
	return q->count && take(q, until_ns, out);
}
