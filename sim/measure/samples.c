/*
 * samples: see samples.h.
 */
#include "sim/measure/samples.h"

#include "sim/core/xmalloc.h"

#define BLOCK_FIRST 1024u
#define BLOCK_MOST 65536u /* octets; each is twice the one before it up to here */
#define SAMPLE_MOST 17u   /* octets of one; eight are read and written where fewer count */

#define OTHER_PLACE 1u
#define SEVERAL 2u
#define LESS 4u
#define OCTETS_SHIFT 3

struct samples_block {
	struct samples_block *next;
	uint32_t size, used;
	uint8_t octet[];
};

static struct samples_block *room(struct samples *s)
{
	struct samples_block *b = s->last;
	if (b && b->size - b->used >= SAMPLE_MOST + 8)
		return b;
	uint32_t bytes = !b ? BLOCK_FIRST : s->bytes < BLOCK_MOST ? (uint32_t)s->bytes : BLOCK_MOST;
	struct samples_block *more = xmalloc(bytes);
	*more = (struct samples_block){.size = (uint32_t)(bytes - sizeof *more)};
	*(b ? &b->next : &s->first) = more;
	s->bytes += bytes;
	return s->last = more;
}

/* Eight octets, the lowest first; how many of them count is the caller's business. */
static inline void put8(uint8_t *to, uint64_t x)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (uint8_t)(x >> 8 * i);
}

static inline uint64_t get8(const uint8_t *from)
{
	uint64_t x = 0;
	for (unsigned i = 0; i < 8; i++)
		x |= (uint64_t)from[i] << 8 * i;
	return x;
}

/* The lowest so many octets of them. */
static inline uint64_t lowest(uint64_t x, unsigned octets)
{
	return octets < 8 ? x & (((uint64_t)1 << 8 * octets) - 1) : x;
}

void samples_add(struct samples *s, struct sample x)
{
	struct samples_block *b = room(s);
	const struct sample *before = &s->before;
	const bool place = x.second != before->second || x.slot != before->slot, several = x.n != 1,
		   less = x.latency_ns < before->latency_ns;
	const uint64_t up = (uint64_t)x.latency_ns - (uint64_t)before->latency_ns, by = less ? 0 - up : up;
	const unsigned octets = by ? 8 - (unsigned)__builtin_clzll(by) / 8 : 0;
	uint8_t *to = b->octet + b->used;
	*to++ = (uint8_t)((place ? OTHER_PLACE : 0) | (several ? SEVERAL : 0) | (less ? LESS : 0) |
			  octets << OCTETS_SHIFT);
	if (place) {
		put8(to, x.second | (uint64_t)x.slot << 32);
		to += 6;
	}
	if (several) {
		put8(to, x.n);
		to += 2;
	}
	put8(to, by);
	b->used = (uint32_t)(to + octets - b->octet);
	s->before = x;
	s->n++;
}

void samples_fini(struct samples *s)
{
	for (struct samples_block *b = s->first, *next; b; b = next) {
		next = b->next;
		xfree(b);
	}
	*s = (struct samples){0};
}

bool samples_next(const struct samples *s, struct samples_reader *r, struct sample *out)
{
	if (!r->block)
		r->block = s->first;
	if (r->block && r->at == r->block->used && r->block->next) {
		r->block = r->block->next;
		r->at = 0;
	}
	if (!r->block || r->at == r->block->used)
		return false;
	const uint8_t *from = r->block->octet + r->at, head = *from++;
	struct sample *x = &r->before;
	if (head & OTHER_PLACE) {
		const uint64_t place = get8(from);
		x->second = (uint32_t)place;
		x->slot = (uint16_t)(place >> 32);
		from += 6;
	}
	x->n = head & SEVERAL ? (uint16_t)get8(from) : 1;
	from += head & SEVERAL ? 2 : 0;
	const unsigned octets = head >> OCTETS_SHIFT;
	const uint64_t by = lowest(get8(from), octets), was = (uint64_t)x->latency_ns;
	x->latency_ns = (int64_t)(head & LESS ? was - by : was + by);
	r->at = (size_t)(from + octets - r->block->octet);
	*out = *x;
	return true;
}
