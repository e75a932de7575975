/* hold: the classic "hold model" for pending event sets of a discrete-event simulator.
 *
 * N events are pending. One hold = take the earliest event, run its (tiny) handler, and
 * schedule a new event at now + a random increment. Reported: ns per hold.
 *
 *   build: gcc -O3 -march=native -o hold hold.c -lm
 *          with -DWITH_EVQ -I ROOT and libsim.a also the simulator's own queue, as the structure `ours`
 *   usage: hold STRUCTURE N [-d exp|mix|fixed] [-t LINES] [-p AHEAD] [-c] [-w] [-s PER_SLOT]
 *          [-m HOLDS] [-r REPEATS] [-H]
 *
 * STRUCTURE  heap2    binary heap, 16-byte inline entries
 *            heap4    4-ary heap, 16-byte inline entries, siblings in one cache line
 *            heap4w   4-ary heap, 24-byte inline entries
 *            heap8    8-ary heap, 16-byte inline entries
 *            calendar calendar queue (tuned bucket width), linked nodes
 *            wheel    hierarchical timing wheel, linked nodes, exact order inside a slot
 *            chunk    hierarchical wheel whose slots are lists of 32-entry chunks (entries
 *                     are moved by streaming copies, never by chasing pointers); the
 *                     current slot is a sorted array ("ladder" bottom)
 *            ours     sim/core/evq, as the product is built
 *            none     only random numbers and the touched record: the floor of the loop
 * (calendar with -d fixed and many events does not end in reasonable time: all events fall
 * into a few buckets. That is what a synchronous fan-out does to a calendar queue.)
 * -d  increments: exponential (mean 1 s), a network-like mix (60 % 10..60 ms, 20 % 200 ms,
 *     20 % 5 s), or a constant 5 s
 * -t  each event also updates LINES (0..4) cache lines of its 256-byte connection record
 * -p  prefetch the records of the AHEAD next events (chunk only; heaps: the next one)
 * -c  the increment depends on the record (as a real handler's would): no hiding of the miss
 * -w  chunk only: prefetch the records of a whole slot before sorting it
 * -s  wheels: events aimed at in one level-0 slot (8)
 * -H  do not ask for huge pages
 *
 * Every structure must dispatch in the order (time, sequence of insertion); the printed
 * check value is a hash of the dispatch order and must agree between structures. */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

typedef uint64_t u64;
typedef uint32_t u32;

static int no_huge;

static void *grab(size_t bytes)
{
	size_t two = (size_t)2 << 20;
	bytes = (bytes + two - 1) / two * two;
	void *p = mmap(NULL, bytes + two, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	p = (void *)(((uintptr_t)p + two - 1) / two * two);
	if (!no_huge)
		madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* steadier than wall on a shared machine */
	return t.tv_sec + 1e-9 * t.tv_nsec;
}

static u64 rng_state = 0x9E3779B97F4A7C15ull;
static inline u64 rng(void)
{
	u64 x = rng_state;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return rng_state = x;
}

#define INC 2048
static u64 inc_table[INC];
static inline u64 increment(u64 x)
{
	u64 r = rng() + x;
	return inc_table[r & (INC - 1)] + (r >> 44); /* + up to 1 ms, ns resolution */
}

/* one event: time, then (sequence, id) so that a 128-bit compare is the full order */
typedef struct {
	u64 t;
	u32 id, seq;
} ev;
/* (a branch-free 128-bit compare was tried and measured slower in the heaps) */
static inline int before(ev a, ev b)
{
	return a.t < b.t || (a.t == b.t && a.seq < b.seq);
}

/* ---- d-ary heaps with 16-byte entries ------------------------------------------------ */
#define HEAP(NAME, D, OFF)                                                        \
	static ev *NAME##_a;                                                      \
	static size_t NAME##_n;                                                   \
	static void NAME##_init(size_t n)                                         \
	{                                                                         \
		NAME##_a = (ev *)grab((n + 64) * sizeof(ev)) + OFF;               \
		NAME##_n = 0;                                                     \
	}                                                                         \
	static inline void NAME##_push(ev e)                                      \
	{                                                                         \
		ev *a = NAME##_a;                                                 \
		size_t i = NAME##_n++;                                            \
		while (i) {                                                       \
			size_t p = (i - 1) / D;                                   \
			if (!before(e, a[p]))                                     \
				break;                                            \
			a[i] = a[p];                                              \
			i = p;                                                    \
		}                                                                 \
		a[i] = e;                                                         \
	}                                                                         \
	static inline ev NAME##_pop(void)                                         \
	{                                                                         \
		ev *a = NAME##_a, top = a[0], e = a[--NAME##_n];                  \
		size_t n = NAME##_n, i = 0;                                       \
		for (;;) {                                                        \
			size_t c = i * D + 1, b = c, end = c + D < n ? c + D : n; \
			if (c >= n)                                               \
				break;                                            \
			for (size_t k = c + 1; k < end; k++)                      \
				b = before(a[k], a[b]) ? k : b;                   \
			if (!before(a[b], e))                                     \
				break;                                            \
			a[i] = a[b];                                              \
			i = b;                                                    \
		}                                                                 \
		a[i] = e;                                                         \
		return top;                                                       \
	}                                                                         \
	static inline u32 NAME##_peek(void)                                       \
	{                                                                         \
		return NAME##_a[0].id;                                            \
	}
HEAP(heap2, 2, 1)
HEAP(heap4, 4, 3) /* a[1..4] starts on a 64-byte boundary: 3 * 16 + 16 = 64 */
HEAP(heap8, 8, 7)

/* ---- 4-ary heap with 24-byte entries -------------------------------------------------- */
typedef struct {
	u64 t, seq;
	u32 id, kind;
} evw;
static evw *hw;
static size_t hw_n;
static inline int beforew(const evw *a, const evw *b)
{
	return a->t < b->t || (a->t == b->t && a->seq < b->seq);
}
static void heap4w_init(size_t n)
{
	hw = grab((n + 64) * sizeof(evw));
	hw_n = 0;
}
static inline void heap4w_push(ev e)
{
	evw w = {e.t, e.seq, e.id, 0};
	size_t i = hw_n++;
	while (i) {
		size_t p = (i - 1) / 4;
		if (!beforew(&w, &hw[p]))
			break;
		hw[i] = hw[p];
		i = p;
	}
	hw[i] = w;
}
static inline ev heap4w_pop(void)
{
	evw top = hw[0], e = hw[--hw_n];
	size_t n = hw_n, i = 0;
	for (;;) {
		size_t c = i * 4 + 1, b = c, end = c + 4 < n ? c + 4 : n;
		if (c >= n)
			break;
		for (size_t k = c + 1; k < end; k++)
			b = beforew(&hw[k], &hw[b]) ? k : b;
		if (!beforew(&hw[b], &e))
			break;
		hw[i] = hw[b];
		i = b;
	}
	hw[i] = e;
	return (ev){top.t, top.id, (u32)top.seq};
}
static inline u32 heap4w_peek(void)
{
	return hw[0].id;
}

/* ---- calendar queue: ~N buckets, sorted linked lists ---------------------------------- */
typedef struct {
	ev e;
	u32 next, pad;
} node;
#define NIL 0xffffffffu
static node *nodes;
static u32 node_free;
static void nodes_init(size_t n)
{
	nodes = grab((n + 16) * sizeof(node));
	for (size_t i = 0; i < n + 16; i++)
		nodes[i].next = (u32)i + 1;
	nodes[n + 15].next = NIL;
	node_free = 0;
}
static inline u32 node_get(void)
{
	u32 i = node_free;
	node_free = nodes[i].next;
	return i;
}
static inline void node_put(u32 i)
{
	nodes[i].next = node_free;
	node_free = i;
}

static u32 *cal;
static u64 cal_mask, cal_cur;
static int cal_shift;
static double gap_ns; /* mean distance between events, set before init */
static void calendar_init(size_t n)
{
	u64 b = 1;
	while (b < n)
		b <<= 1;
	cal_shift = 0;
	while ((double)(2ull << cal_shift) <= 2.0 * gap_ns)
		cal_shift++;
	cal = grab(b * sizeof *cal);
	memset(cal, 0xff, b * sizeof *cal);
	cal_mask = b - 1;
	cal_cur = 0;
	nodes_init(n);
}
static inline void calendar_push(ev e)
{
	u32 i = node_get(), *p = &cal[(e.t >> cal_shift) & cal_mask];
	while (*p != NIL && before(nodes[*p].e, e))
		p = &nodes[*p].next;
	nodes[i].e = e;
	nodes[i].next = *p;
	*p = i;
}
static inline ev calendar_pop(void)
{
	for (;; cal_cur++) { /* events further than a year away are skipped by the test */
		u32 i = cal[cal_cur & cal_mask];
		if (i != NIL && nodes[i].e.t >> cal_shift <= cal_cur) {
			ev e = nodes[i].e;
			cal[cal_cur & cal_mask] = nodes[i].next;
			node_put(i);
			return e;
		}
	}
}
static inline u32 calendar_peek(void)
{
	return 0;
}

/* ---- shared geometry of the two wheels ------------------------------------------------ */
#ifndef BITS
#define BITS 8
#endif
#define SLOTS (1u << BITS)
#define LEVELS 5
static double per_slot = 8; /* aimed-at events in a level-0 slot */
static int w_shift;         /* log2 of the width of a level-0 slot in ns */
static u64 w_now;           /* start time of the current level-0 slot */
static u64 w_map[LEVELS][SLOTS / 64];
static void wheel_geometry(void)
{
	w_shift = 0;
	while ((double)(2ull << w_shift) <= per_slot * gap_ns)
		w_shift++;
	w_now = 0;
	memset(w_map, 0, sizeof w_map);
}
static inline int level_of(u64 t)
{
	u64 x = (t ^ w_now) >> w_shift;
	return x ? (63 - __builtin_clzll(x)) / BITS : -1; /* -1: the current slot */
}
static inline u32 slot_of(u64 t, int l)
{
	return (u32)(t >> (w_shift + BITS * l)) & (SLOTS - 1);
}
static inline int next_slot(int l, u32 from) /* first non-empty slot >= from, or -1 */
{
	for (u32 w = from / 64; w < SLOTS / 64; w++) {
		u64 m = w_map[l][w];
		if (w == from / 64)
			m &= ~0ull << (from & 63);
		if (m)
			return (int)(w * 64 + (u32)__builtin_ctzll(m));
	}
	return -1;
}
static inline void map_set(int l, u32 s)
{
	w_map[l][s / 64] |= 1ull << (s & 63);
}
static inline void map_clr(int l, u32 s)
{
	w_map[l][s / 64] &= ~(1ull << (s & 63));
}

/* the sorted current slot, shared by both wheels */
static ev *bot;
static size_t bot_h, bot_n, bot_cap;
static void bot_insert(ev e)
{
	if (bot_n == bot_cap) {
		fprintf(stderr, "slot overflow\n");
		exit(3);
	}
	size_t i = bot_n++;
	while (i > bot_h && before(e, bot[i - 1])) {
		bot[i] = bot[i - 1];
		i--;
	}
	bot[i] = e;
}
static void sort_ev(ev *a, size_t n)
{
	while (n > 24) { /* quicksort, median of three, smaller part first */
		ev x = a[0], y = a[n / 2], z = a[n - 1], p;
		p = before(x, y) ? (before(y, z)          ? y
					   : before(x, z) ? z
							  : x)
				 : (before(x, z)          ? x
					   : before(y, z) ? z
							  : y);
		size_t i = 0, j = n - 1;
		for (;;) {
			while (before(a[i], p))
				i++;
			while (before(p, a[j]))
				j--;
			if (i >= j)
				break;
			ev s = a[i];
			a[i++] = a[j];
			a[j--] = s;
		}
		if (i < n - i) {
			sort_ev(a, i);
			a += i;
			n -= i;
		} else {
			sort_ev(a + i, n - i);
			n = i;
		}
	}
	for (size_t i = 1; i < n; i++) {
		ev e = a[i];
		size_t j = i;
		while (j && before(e, a[j - 1])) {
			a[j] = a[j - 1];
			j--;
		}
		a[j] = e;
	}
}

static int warm_slot;
static void want(u32 id);

/* ---- hierarchical timing wheel with linked nodes --------------------------------------- */
static u32 wh_head[LEVELS][SLOTS], wh_tail[LEVELS][SLOTS];
static void wheel_init(size_t n)
{
	wheel_geometry();
	nodes_init(n);
	memset(wh_head, 0xff, sizeof wh_head);
	bot_cap = n + 64;
	bot = grab(bot_cap * sizeof *bot);
	bot_h = bot_n = 0;
}
static inline void wheel_link(u32 i)
{
	u64 t = nodes[i].e.t;
	int l = level_of(t);
	if (l < 0) {
		bot_insert(nodes[i].e);
		node_put(i);
		return;
	}
	u32 s = slot_of(t, l);
	nodes[i].next = NIL;
	if (wh_head[l][s] == NIL) {
		wh_head[l][s] = i;
		map_set(l, s);
	} else
		nodes[wh_tail[l][s]].next = i;
	wh_tail[l][s] = i;
}
static inline void wheel_push(ev e)
{
	if (level_of(e.t) < 0) {
		bot_insert(e);
		return;
	}
	u32 i = node_get();
	nodes[i].e = e;
	wheel_link(i);
}
static void wheel_refill(void)
{
	bot_h = bot_n = 0;
	for (int l = 0; l < LEVELS;) {
		int s = next_slot(l, slot_of(w_now, l) + (l ? 1 : 0));
		if (s < 0) {
			l++;
			continue;
		}
		u64 span = (u64)BITS * (u64)l + (u64)w_shift;
		w_now = (w_now >> (span + BITS) << (span + BITS)) | (u64)s << span;
		u32 i = wh_head[l][s];
		wh_head[l][s] = NIL;
		map_clr(l, (u32)s);
		if (l == 0) {
			while (i != NIL) {
				u32 nx = nodes[i].next;
				bot[bot_n++] = nodes[i].e;
				node_put(i);
				i = nx;
			}
			sort_ev(bot, bot_n);
			return;
		}
		while (i != NIL) {
			u32 nx = nodes[i].next;
			wheel_link(i);
			i = nx;
		}
		if (bot_n)
			return;
		l = 0;
	}
}
static inline ev wheel_pop(void)
{
	if (bot_h == bot_n)
		wheel_refill();
	return bot[bot_h++];
}
static inline u32 wheel_peek(void)
{
	return 0;
}

/* ---- hierarchical wheel of chunks -------------------------------------------------------- */
#ifndef CHUNK
#define CHUNK 31
#endif
typedef struct chunk {
	struct chunk *next;
	u64 pad;
	ev e[CHUNK];
} chunk;
static chunk *ch_free;
static chunk *ck_head[LEVELS][SLOTS], *ck_tail[LEVELS][SLOTS];
static u32 ck_fill[LEVELS][SLOTS];
static chunk *chunk_new(void)
{
	if (!ch_free) { /* grow by 2 MiB */
		size_t k = ((size_t)2 << 20) / sizeof(chunk);
		chunk *c = grab(k * sizeof(chunk));
		for (size_t i = 0; i < k; i++) {
			c[i].next = ch_free;
			ch_free = &c[i];
		}
	}
	chunk *c = ch_free;
	ch_free = c->next;
	c->next = NULL;
	return c;
}
static void chunk_init(size_t n)
{
	wheel_geometry();
	memset(ck_head, 0, sizeof ck_head);
	bot_cap = n + 64;
	bot = grab(bot_cap * sizeof *bot);
	bot_h = bot_n = 0;
}
static inline void chunk_push(ev e)
{
	int l = level_of(e.t);
	if (l < 0) {
		bot_insert(e);
		return;
	}
	u32 s = slot_of(e.t, l);
	if (!ck_head[l][s]) {
		ck_head[l][s] = ck_tail[l][s] = chunk_new();
		ck_fill[l][s] = 0;
		map_set(l, s);
	} else if (ck_fill[l][s] == CHUNK) {
		chunk *c = chunk_new();
		ck_tail[l][s]->next = c;
		ck_tail[l][s] = c;
		ck_fill[l][s] = 0;
	}
	ck_tail[l][s]->e[ck_fill[l][s]++] = e;
}
static void chunk_refill(void)
{
	bot_h = bot_n = 0;
	for (int l = 0; l < LEVELS;) {
		int s = next_slot(l, slot_of(w_now, l) + (l ? 1 : 0));
		if (s < 0) {
			l++;
			continue;
		}
		u64 span = (u64)BITS * (u64)l + (u64)w_shift;
		w_now = (w_now >> (span + BITS) << (span + BITS)) | (u64)s << span;
		chunk *c = ck_head[l][s], *last = ck_tail[l][s];
		u32 fill = ck_fill[l][s];
		ck_head[l][s] = NULL;
		map_clr(l, (u32)s);
		while (c) {
			chunk *nx = c->next;
			u32 k = c == last ? fill : CHUNK;
			if (nx) {
				__builtin_prefetch(nx);
				__builtin_prefetch((char *)nx + 64);
				__builtin_prefetch((char *)nx + 128);
				__builtin_prefetch((char *)nx + 192);
			}
			if (l == 0) {
				memcpy(bot + bot_n, c->e, k * sizeof(ev));
				bot_n += k;
			} else
				for (u32 i = 0; i < k; i++)
					chunk_push(c->e[i]);
			c->next = ch_free;
			ch_free = c;
			c = nx;
		}
		if (l == 0) {
			if (warm_slot)
				for (size_t i = 0; i < bot_n; i++)
					want(bot[i].id);
			sort_ev(bot, bot_n);
			return;
		}
		if (bot_n)
			return;
		l = 0;
	}
}
static inline ev chunk_pop(void)
{
	if (bot_h == bot_n)
		chunk_refill();
	return bot[bot_h++];
}
static inline u32 chunk_peek(void)
{
	return 0;
}

/* ---- the simulator's own ------------------------------------------------------------------ */
#ifdef WITH_EVQ
#include "sim/core/evq.h"
static struct evq *own;
static void ours_init(size_t n)
{
	(void)n;
	own = malloc(sizeof *own);
	if (!own)
		exit(2);
	evq_init(own, (int64_t)gap_ns);
}
static inline void ours_push(ev e)
{
	evq_push(own, (struct ev){.at_ns = (int64_t)e.t, .elem = e.id});
}
static inline ev ours_pop(void)
{
	struct ev e;
	evq_pop(own, &e);
	return (ev){(u64)e.at_ns, e.elem, 0};
}
static inline u32 ours_peek(void)
{
	return 0;
}
#endif

/* ---- no queue at all ------------------------------------------------------------------- */
static size_t none_n;
static u64 none_t;
static void none_init(size_t n)
{
	none_n = n;
	none_t = 0;
}
static inline void none_push(ev e)
{
	none_t += e.t & 1;
}
static inline ev none_pop(void)
{
	return (ev){none_t, (u32)(((u64)(u32)rng() * none_n) >> 32), 0};
}
static inline u32 none_peek(void)
{
	return 0;
}

/* ---- driver ----------------------------------------------------------------------------- */
typedef struct {
	u64 w[32];
} rec; /* 256 bytes */
static rec *recs;
static int touch, ahead, chained;
static u64 check;

static inline __attribute__((always_inline)) void handle(ev e)
{
	rec *r = &recs[e.id];
	switch (touch) {
	case 4:
		r->w[24] += e.t; /* fall through */
	case 3:
		r->w[16] ^= e.t; /* fall through */
	case 2:
		r->w[8] += e.seq; /* fall through */
	case 1:
		r->w[0]++;
	}
}

static void want(u32 id)
{
	for (int l = 0; l < touch; l++)
		__builtin_prefetch(&recs[id].w[8 * l], 1);
}

#define RUN(NAME, WHEEL)                                                           \
	static double NAME##_run(size_t n, u64 m, int phase)                       \
	{                                                                          \
		static u32 seq;                                                    \
		if (phase == 0) {                                                  \
			NAME##_init(n);                                            \
			for (size_t i = 0; i < n; i++)                             \
				NAME##_push((ev){increment(0), (u32)i, seq++});    \
		}                                                                  \
		double t0 = seconds();                                             \
		u64 h = check;                                                     \
		for (u64 k = 0; k < m; k++) {                                      \
			ev e = NAME##_pop();                                       \
			if (ahead && touch) {                                      \
				if (WHEEL) {                                       \
					size_t q = bot_h + (size_t)ahead - 1;      \
					if (q < bot_n)                             \
						want(bot[q].id);                   \
				} else                                             \
					want(NAME##_peek());                       \
			}                                                          \
			h = (h ^ e.t ^ ((u64)e.id << 40)) * 0x9E3779B97F4A7C15ull; \
			handle(e);                                                 \
			u64 x = chained ? recs[e.id].w[0] : 0;                     \
			NAME##_push((ev){e.t + increment(x), e.id, seq++});        \
		}                                                                  \
		check = h;                                                         \
		return seconds() - t0;                                             \
	}
RUN(heap2, 0)
RUN(heap4, 0)
RUN(heap8, 0)
RUN(heap4w, 0)
RUN(calendar, 0)
RUN(wheel, 1)
RUN(chunk, 1)
RUN(none, 0)
#ifdef WITH_EVQ
RUN(ours, 0)
#else
#define ours_run NULL
#endif

static int cmp_d(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: hold STRUCTURE N [options]; see the source\n");
		return 2;
	}
	const char *name = argv[1], *dist = "exp";
	size_t n = (size_t)strtod(argv[2], NULL);
	u64 m = 0;
	int repeats = 5;
	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "-H")) {
			no_huge = 1;
			continue;
		}
		if (!strcmp(argv[i], "-c")) {
			chained = 1;
			continue;
		}
		if (!strcmp(argv[i], "-w")) {
			warm_slot = 1;
			continue;
		}
		if (i + 1 >= argc)
			return 2;
		const char *v = argv[i + 1];
		if (!strcmp(argv[i], "-d"))
			dist = v;
		else if (!strcmp(argv[i], "-t"))
			touch = atoi(v);
		else if (!strcmp(argv[i], "-p"))
			ahead = atoi(v);
		else if (!strcmp(argv[i], "-m"))
			m = (u64)strtod(v, NULL);
		else if (!strcmp(argv[i], "-s"))
			per_slot = atof(v);
		else if (!strcmp(argv[i], "-r"))
			repeats = atoi(v);
		else
			return 2;
		i++;
	}
	if (!m)
		m = n > 1000000 ? n : 1000000;
	if (repeats < 1)
		repeats = 1;
	if (repeats > 99)
		repeats = 99;
	double mean = 0;
	for (int i = 0; i < INC; i++) {
		double u = (i + 0.5) / INC, x;
		if (!strcmp(dist, "mix"))
			x = u < 0.6 ? 10e6 + 50e6 * u / 0.6 : u < 0.8 ? 200e6 : 5e9;
		else if (!strcmp(dist, "fixed"))
			x = 5e9;
		else
			x = -1e9 * log(1 - u);
		inc_table[i] = (u64)x;
		mean += x / INC;
	}
	gap_ns = mean / (double)n;
	recs = grab(n * sizeof(rec));
	if (touch)
		for (size_t i = 0; i < n; i++)
			recs[i].w[0] = recs[i].w[31] = 1;

	double (*run)(size_t, u64, int) = !strcmp(name, "heap2")      ? heap2_run
					  : !strcmp(name, "heap4")    ? heap4_run
					  : !strcmp(name, "heap8")    ? heap8_run
					  : !strcmp(name, "heap4w")   ? heap4w_run
					  : !strcmp(name, "calendar") ? calendar_run
					  : !strcmp(name, "wheel")    ? wheel_run
					  : !strcmp(name, "chunk")    ? chunk_run
					  : !strcmp(name, "none")     ? none_run
					  : !strcmp(name, "ours")     ? ours_run
								      : NULL;
	if (!run) {
		fprintf(stderr, "unknown structure\n");
		return 2;
	}
	run(n, 2 * n > m ? 2 * n : m, 0); /* build and warm up into the steady state */
	double s[100];
	for (int r = 0; r < repeats; r++)
		s[r] = run(n, m, 1);
	qsort(s, (size_t)repeats, sizeof *s, cmp_d);
	double med = s[repeats / 2];
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("%-8s n=%-9zu dist=%-5s touch=%d chained=%d ahead=%-2d warm=%d huge=%d  ns/hold median %7.1f "
	       "min %7.1f max %7.1f"
	       "  Mevents/s %7.2f  peak_MiB %ld  check %016llx\n",
		name, n, dist, touch, chained, ahead, warm_slot, !no_huge, 1e9 * med / (double)m,
		1e9 * s[0] / (double)m, 1e9 * s[repeats - 1] / (double)m, (double)m / med * 1e-6,
		u.ru_maxrss / 1024, (unsigned long long)check);
	return 0;
}
