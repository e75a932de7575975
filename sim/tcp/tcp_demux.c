/* Which connection does a segment belong to? Open addressing with linear probing; deletion moves later entries
 * back, so there are no tombstones. See tcp.h. */
#include "sim/core/xmalloc.h"
#include "sim/tcp/tcp.h"

#include <string.h>

static inline uint64_t key_of(uint32_t remote, uint16_t rport, uint16_t lport)
{
	return (uint64_t)remote << 32 | (uint64_t)rport << 16 | lport;
}

/* The upper bits of a product (Fibonacci hashing): neighbouring addresses and ports end up far apart. */
static inline uint32_t home(const struct tcp_demux *d, uint64_t key)
{
	return (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32) >> d->shift;
}

void tcp_demux_init(struct tcp_demux *d)
{
	*d = (struct tcp_demux){0};
}

void tcp_demux_fini(struct tcp_demux *d)
{
	xfree_pages(d->slot, d->slots * sizeof *d->slot);
	*d = (struct tcp_demux){0};
}

static void put(struct tcp_demux *d, uint64_t key, struct tcp_conn *c)
{
	uint32_t i = home(d, key);

	while (d->slot[i].key && d->slot[i].key != key)
		i = (i + 1) & (d->slots - 1);
	if (!d->slot[i].key)
		d->used++;
	d->slot[i] = (struct tcp_demux_slot){key, c};
}

void tcp_demux_add(struct tcp_demux *d, struct tcp_conn *c)
{
	if ((d->used + 1ull) * 5 >
		d->slots * 4ull) { /* at most four fifths are used: three probes on average */
		struct tcp_demux old = *d;

		d->slots = old.slots ? old.slots * 2 : 2;
		d->shift = (uint8_t)(33 - (64 - __builtin_clzll(d->slots)));
		d->slot = xpages(d->slots * sizeof *d->slot);
		/* Looking comes before writing: a page that is only read is the one of all zeros, and replacing that by the
		 * first write interrupts every other thread of the process. */
		memset(d->slot, 0, d->slots * sizeof *d->slot);
		d->used = 0;
		for (uint32_t i = 0; i < old.slots; i++)
			if (old.slot[i].key)
				put(d, old.slot[i].key, old.slot[i].conn);
		xfree_pages(old.slot, old.slots * sizeof *old.slot);
	}
	put(d, key_of(c->addr.remote, c->addr.rport, c->addr.lport), c);
}

void tcp_demux_del(struct tcp_demux *d, const struct tcp_conn *c)
{
	uint64_t key = key_of(c->addr.remote, c->addr.rport, c->addr.lport);
	uint32_t i, j, mask = d->slots - 1;

	if (!d->slots)
		return;
	for (i = home(d, key); d->slot[i].key != key; i = (i + 1) & mask)
		if (!d->slot[i].key)
			return;
	if (d->slot[i].conn != c)
		return;
	for (j = (i + 1) & mask; d->slot[j].key; j = (j + 1) & mask) {
		uint32_t h = home(d, d->slot[j].key);

		if (((j - h) & mask) >= ((j - i) & mask)) { /* it may stand at i */
			d->slot[i] = d->slot[j];
			i = j;
		}
	}
	d->slot[i].key = 0;
	d->slot[i].conn = NULL;
	d->used--;
}

struct tcp_conn *tcp_demux_find(const struct tcp_demux *d, const struct pkt *seg)
{
	uint64_t key = key_of(seg->src, seg->sport, seg->dport);

	if (!d->slots)
		return NULL;
	for (uint32_t i = home(d, key); d->slot[i].key; i = (i + 1) & (d->slots - 1))
		if (d->slot[i].key == key)
			return d->slot[i].conn;
	return NULL;
}

void tcp_demux_warm(const struct tcp_demux *d, const struct pkt *seg, int stage)
{
	const struct tcp_conn *c;

	if (!d->slots)
		return;
	if (stage == 0) {
		__builtin_prefetch(&d->slot[home(d, key_of(seg->src, seg->sport, seg->dport))]);
		return;
	}
	c = tcp_demux_find(d, seg);
	for (size_t i = 0; c && i < sizeof *c; i += 64)
		__builtin_prefetch((const char *)c + i, 1);
}
