/*
 * samples: see samples.h.
 */
#include "sim/measure/samples.h"

#include "sim/core/xmalloc.h"

#define BLOCK_FIRST 1024u
#define BLOCK_MOST 65536u /* octets; each is twice the one before it up to here */
#define SAMPLE_MOST 17u   /* octets of one */

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
	if (b && b->size - b->used >= SAMPLE_MOST)
		return b;
	uint32_t bytes = !b ? BLOCK_FIRST : s->bytes < BLOCK_MOST ? (uint32_t)s->bytes : BLOCK_MOST;
	struct samples_block *more = xmalloc(bytes);
	*more = (struct samples_block){.size = (uint32_t)(bytes - sizeof *more)};
	*(b ? &b->next : &s->first) = more;
	s->bytes += bytes;
	return s->last = more;
}

static uint8_t *put(uint8_t *to, uint64_t x, unsigned octets)
{
	for (; octets; octets--, x >>= 8)
		*to++ = (uint8_t)x;
	return to;
}

static uint64_t get(const uint8_t **from, unsigned octets)
{
	uint64_t x = 0;
	for (unsigned i = 0; i < octets; i++)
		x |= (uint64_t) * (*from)++ << 8 * i;
	return x;
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
	if (place)
		to = put(put(to, x.second, 4), x.slot, 2);
	if (several)
		to = put(to, x.n, 2);
	to = put(to, by, octets);
	b->used = (uint32_t)(to - b->octet);
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
		x->second = (uint32_t)get(&from, 4);
		x->slot = (uint16_t)get(&from, 2);
	}
	x->n = head & SEVERAL ? (uint16_t)get(&from, 2) : 1;
	const uint64_t by = get(&from, head >> OCTETS_SHIFT), was = (uint64_t)x->latency_ns;
	x->latency_ns = (int64_t)(head & LESS ? was - by : was + by);
	r->at = (size_t)(from - r->block->octet);
	*out = *x;
	return true;
}
