/*
 * Prefix integers, string literals and the dynamic table (RFC 7541 2.3, 4, 5.1, 5.2).
 */
#include "proto/hpack/hprim.h"

#include <assert.h>
#include <string.h>

enum hp_status hp_int_read(
	struct bytes in, unsigned bits, uint64_t max, unsigned octets_max, uint64_t *value, size_t *used)
{
	assert(bits >= 1 && bits <= 8);
	if (in.n == 0)
		return HP_MORE;
	uint64_t mask = (1u << bits) - 1;
	uint64_t v = in.p[0] & mask;
	if (v < mask) {
		*value = v;
		*used = 1;
		return v > max ? HP_OVERFLOW : HP_OK;
	}
	for (size_t i = 1;; i++) {
		if (i >= octets_max)
			return HP_OVERFLOW;
		if (i >= in.n)
			return HP_MORE;
		unsigned shift = (unsigned)(7 * (i - 1));
		uint64_t part = in.p[i] & 0x7f;
		if (shift > 63 || (part << shift) >> shift != part || v + (part << shift) < v)
			return HP_OVERFLOW;
		v += part << shift;
		if (v > max)
			return HP_OVERFLOW;
		if (!(in.p[i] & 0x80)) {
			*value = v;
			*used = i + 1;
			return HP_OK;
		}
	}
}

void hp_int_write(struct buf *out, unsigned first, unsigned bits, uint64_t value)
{
	uint64_t mask = (1u << bits) - 1;
	if (value < mask) {
		buf_u8(out, first | (unsigned)value);
		return;
	}
	buf_u8(out, first | (unsigned)mask);
	for (value -= mask; value >= 0x80; value >>= 7)
		buf_u8(out, 0x80 | (unsigned)(value & 0x7f));
	buf_u8(out, (unsigned)value);
}

/* The length in front of a string literal: its own octets in *used, the string's in *len; HP_OK when all of it is there. */
static enum hp_status str_length(struct bytes in, unsigned bits, size_t max, size_t *used, size_t *len)
{
	uint64_t n = 0;
	enum hp_status st = hp_int_read(in, bits, UINT32_MAX, HP_INT32_OCTETS_MAX, &n, used);
	if (st != HP_OK)
		return st;
	if (n > max)
		return HP_LIMIT;
	*len = (size_t)n;
	return in.n - *used < n ? HP_MORE : HP_OK;
}

enum hp_status hp_str_span(struct bytes in, unsigned bits, size_t max, size_t *span)
{
	size_t used = 0, len = 0;
	enum hp_status st = str_length(in, bits, max, &used, &len);
	if (st == HP_OK)
		*span = used + len;
	return st;
}

enum hp_status hp_str_read(
	struct bytes in, unsigned bits, size_t max, struct buf *out, struct hp_str *s, size_t *bad_off)
{
	size_t used = 0, len = 0;
	*bad_off = 0;
	enum hp_status st = str_length(in, bits, max, &used, &len);
	if (st != HP_OK)
		return st;
	s->huffman = (in.p[0] >> bits) & 1;
	s->wire_len = len;
	s->len_octets = used;
	s->used = used + len;
	struct bytes octets = {in.p + used, len};
	if (!s->huffman) {
		buf_add(out, octets);
		return out->failed ? HP_OOM : HP_OK;
	}
	size_t before = out->n;
	st = hp_huff_read(octets, out, bad_off);
	*bad_off += used;
	if (st == HP_OK && out->n - before > max)
		return HP_LIMIT;
	return st;
}

void hp_str_write(struct buf *out, unsigned first, unsigned bits, struct bytes s, enum hp_huff_use use)
{
	size_t huff = use == HP_HUFF_NEVER ? SIZE_MAX : hp_huff_len(s);
	if (use == HP_HUFF_ALWAYS || huff < s.n) {
		hp_int_write(out, first | 1u << bits, bits, huff);
		hp_huff_write(out, s);
		return;
	}
	hp_int_write(out, first, bits, s.n);
	buf_add(out, s);
}

struct bytes hp_entry_name(const struct hp_entry *e)
{
	return (struct bytes){e->octets, e->name_len};
}

struct bytes hp_entry_value(const struct hp_entry *e)
{
	return (struct bytes){e->octets + e->name_len, e->value_len};
}

size_t hp_field_size(struct bytes name, struct bytes value)
{
	return name.n + value.n + HP_ENTRY_OVERHEAD;
}

static size_t entry_alloc_size(const struct hp_entry *e)
{
	return sizeof *e + e->name_len + e->value_len;
}

static size_t entry_size(const struct hp_entry *e)
{
	return (size_t)e->name_len + e->value_len + HP_ENTRY_OVERHEAD;
}

void hp_table_init(struct hp_table *t, const struct alloc *al, size_t max_size)
{
	*t = (struct hp_table){.al = al, .max_size = max_size};
}

void hp_table_fini(struct hp_table *t)
{
	hp_table_shrink(t, 0);
	alloc_put(t->al, t->ring, t->cap * sizeof *t->ring);
	*t = (struct hp_table){.al = t->al};
}

const struct hp_entry *hp_table_at(const struct hp_table *t, uint64_t i)
{
	if (i >= t->count)
		return NULL;
	return t->ring[(t->head + t->cap - (size_t)i) % t->cap];
}

const struct hp_entry *hp_table_abs(const struct hp_table *t, uint64_t abs)
{
	if (abs >= t->inserted)
		return NULL;
	return hp_table_at(t, t->inserted - 1 - abs);
}

void hp_table_shrink(struct hp_table *t, size_t to)
{
	while (t->count > 0 && t->size > to) {
		struct hp_entry **slot = &t->ring[(t->head + t->cap - (t->count - 1)) % t->cap];
		t->size -= entry_size(*slot);
		alloc_put(t->al, *slot, entry_alloc_size(*slot));
		*slot = NULL;
		t->count--;
	}
}

void hp_table_set_max(struct hp_table *t, size_t max_size)
{
	t->max_size = max_size;
	hp_table_shrink(t, max_size);
}

/* Doubles the ring, the oldest entry moving to place 0. */
static bool table_grow(struct hp_table *t)
{
	size_t cap = t->cap ? t->cap * 2 : 16;
	struct hp_entry **ring = alloc_get(t->al, cap * sizeof *ring);
	if (!ring)
		return false;
	memset(ring, 0, cap * sizeof *ring);
	for (size_t i = 0; i < t->count; i++)
		ring[t->count - 1 - i] = t->ring[(t->head + t->cap - i) % t->cap];
	alloc_put(t->al, t->ring, t->cap * sizeof *t->ring);
	t->ring = ring;
	t->cap = cap;
	t->head = t->count ? t->count - 1 : 0;
	return true;
}

bool hp_table_insert(struct hp_table *t, struct bytes name, struct bytes value)
{
	size_t size = hp_field_size(name, value);
	if (size > t->max_size) {
		hp_table_shrink(t, 0);
		return true;
	}
	if (t->count == t->cap && !table_grow(t))
		return false;
	struct hp_entry *e = alloc_get(t->al, sizeof *e + name.n + value.n);
	if (!e)
		return false;
	*e = (struct hp_entry){.name_len = (uint32_t)name.n, .value_len = (uint32_t)value.n};
	if (name.n)
		memcpy(e->octets, name.p, name.n);
	if (value.n)
		memcpy(e->octets + name.n, value.p, value.n);
	hp_table_shrink(t, t->max_size - size);
	t->head = t->count ? (t->head + 1) % t->cap : 0;
	t->ring[t->head] = e;
	t->count++;
	t->size += size;
	t->inserted++;
	return true;
}
