/*
 * Which connection does a segment belong to? Open addressing with linear probing; deletion moves later entries
 * back, so there are no tombstones. See tcp.h.
 *
 *	slot   hash of the key, 32 bits │ 1 + number of the connection's object, 32 bits
 *
 * A slot's home is its hash scaled to the number of slots, so hashes rise along the table (but for what was pushed aside). A
 * table of any size will do, and growing it by a quarter reads and writes straight on without looking at one connection.
 */
#include "sim/core/xmalloc.h"
#include "sim/tcp/tcp.h"

#include <string.h>

#define SLOTS_FIRST 4u
#define SLOTS_SMALL 64u /* up to here it doubles */

static inline uint64_t key_of(uint32_t remote, uint16_t rport, uint16_t lport)
{
	return (uint64_t)remote << 32 | (uint64_t)rport << 16 | lport;
}

static inline uint64_t conn_key(const struct tcp_conn *c)
{
	return key_of(c->addr.remote, c->addr.rport, c->addr.lport);
}

static inline uint64_t seg_key(const struct pkt *seg)
{
	return key_of(seg->src, seg->sport, seg->dport);
}

/* The upper bits of a product (Fibonacci hashing): neighbouring addresses and ports end up far apart. */
static inline uint32_t hash_of(uint64_t key)
{
	return (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32);
}

static inline uint32_t home(const struct tcp_demux *d, uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * d->slots >> 32);
}

static inline uint32_t after(const struct tcp_demux *d, uint32_t i)
{
	return i + 1 == d->slots ? 0 : i + 1;
}

/* Steps from slot `from` to slot `to`. */
static inline uint32_t steps(const struct tcp_demux *d, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + (d->slots - from);
}

static inline struct tcp_conn *conn_of(const struct tcp_demux *d, uint32_t ref)
{
	return (struct tcp_conn *)(void *)((char *)pool_at(d->pool, ref - 1) + d->conn_at);
}

void tcp_demux_init(struct tcp_demux *d, const struct pool *pool, size_t conn_at)
{
	*d = (struct tcp_demux){.pool = pool, .conn_at = (uint32_t)conn_at};
}

void tcp_demux_fini(struct tcp_demux *d)
{
	xfree_pages(d->slot, d->slots * sizeof *d->slot);
	*d = (struct tcp_demux){0};
}

/* At most four fifths of the slots are used: three are looked at on average, of the eight in a cache line. */
static void grow(struct tcp_demux *d)
{
	struct tcp_demux old = *d;
	uint64_t slots = old.slots < SLOTS_SMALL ? old.slots * 2ull : old.slots + old.slots / 4ull;

	d->slots = (uint32_t)(slots < SLOTS_FIRST ? SLOTS_FIRST : slots);
	d->slot = xpages(d->slots * sizeof *d->slot);
	/* Looking comes before writing: a page that is only read is the one of all zeros, and replacing that by the
	 * first write interrupts every other thread of the process. */
	memset(d->slot, 0, d->slots * sizeof *d->slot);
	for (uint32_t n = 0; n < old.slots; n++) {
		if (!old.slot[n].ref)
			continue;
		uint32_t i = home(d, old.slot[n].hash);

		while (d->slot[i].ref)
			i = after(d, i);
		d->slot[i] = old.slot[n];
	}
	xfree_pages(old.slot, old.slots * sizeof *old.slot);
}

void tcp_demux_add(struct tcp_demux *d, struct tcp_conn *c)
{
	uint64_t key = conn_key(c);
	uint32_t hash = hash_of(key), i;

	if ((d->used + 1ull) * 5 > d->slots * 4ull)
		grow(d);
	for (i = home(d, hash); d->slot[i].ref; i = after(d, i))
		if (d->slot[i].hash == hash && conn_key(conn_of(d, d->slot[i].ref)) == key)
			break; /* the new one of these addresses counts */
	if (!d->slot[i].ref)
		d->used++;
	d->slot[i] = (struct tcp_demux_slot){hash, 1 + pool_number(d->pool, (const char *)c - d->conn_at)};
}

void tcp_demux_del(struct tcp_demux *d, const struct tcp_conn *c)
{
	uint32_t hash = hash_of(conn_key(c)), i, j;

	if (!d->slots)
		return;
	for (i = home(d, hash); d->slot[i].ref; i = after(d, i))
		if (d->slot[i].hash == hash && conn_of(d, d->slot[i].ref) == c)
			break;
	if (!d->slot[i].ref)
		return;
	for (j = after(d, i); d->slot[j].ref; j = after(d, j)) {
		uint32_t h = home(d, d->slot[j].hash);

		if (steps(d, h, j) >= steps(d, i, j)) { /* it may stand at i */
			d->slot[i] = d->slot[j];
			i = j;
		}
	}
	d->slot[i] = (struct tcp_demux_slot){0, 0};
	d->used--;
}

struct tcp_conn *tcp_demux_find(const struct tcp_demux *d, const struct pkt *seg)
{
	uint64_t key = seg_key(seg);
	uint32_t hash = hash_of(key);
	const struct tcp_demux_slot *at = d->slot + home(d, hash), *end = d->slot + d->slots;

	if (rare(!d->slots))
		return NULL;
	while (at->ref) {
		if (at->hash == hash) {
			struct tcp_conn *c = conn_of(d, at->ref);

			if (often(conn_key(c) == key))
				return c;
		}
		if (rare(++at == end))
			at = d->slot;
	}
	return NULL;
}

struct tcp_conn *tcp_demux_each(const struct tcp_demux *d, uint32_t *at)
{
	for (; *at < d->slots; ++*at)
		if (d->slot[*at].ref)
			return conn_of(d, d->slot[*at].ref);
	return NULL;
}

void tcp_demux_warm(const struct tcp_demux *d, const struct pkt *seg, int stage)
{
	uint32_t hash = hash_of(seg_key(seg)), at = home(d, hash);
	const struct tcp_conn *c;

	if (!d->slots)
		return;
	if (stage == 0) {
		__builtin_prefetch(&d->slot[at]);
		return;
	}
	/* by its hash alone: looking at the connection would be the wait that this is to spare */
	while (d->slot[at].ref && d->slot[at].hash != hash)
		at = after(d, at);
	if (!d->slot[at].ref)
		return;
	c = conn_of(d, d->slot[at].ref);
	for (size_t i = 0; i < sizeof *c; i += 64)
		__builtin_prefetch((const char *)c + i, 1);
}
