/*
 * The HPACK decoder (RFC 7541 3, 4.2, 6).
 *
 *	            size update                  field
 *	begin ──▶ UPDATES ──────┐    UPDATES ──────────▶ FIELDS ──┐ field
 *	            ▲───────────┘                          ▲──────┘
 *	any fault ──▶ FAILED (for good: the two tables no longer agree)
 *
 * Octets are gathered until one whole representation is there; nothing is applied before. So a cut never shows.
 */
#include "proto/hpack/hpack.h"

#include <string.h>

void hpack_dec_init(struct hpack_dec *d, const struct alloc *al, size_t limit, size_t string_max)
{
	*d = (struct hpack_dec){.state = HPACK_DEC_UPDATES, .limit = limit, .string_max = string_max};
	hp_table_init(&d->table, al, limit < HPACK_TABLE_SIZE_DEFAULT ? limit : HPACK_TABLE_SIZE_DEFAULT);
	buf_init(&d->pending, al, SIZE_MAX);
	buf_init(&d->name, al, SIZE_MAX);
	buf_init(&d->value, al, SIZE_MAX);
}

void hpack_dec_fini(struct hpack_dec *d)
{
	hp_table_fini(&d->table);
	buf_fini(&d->pending);
	buf_fini(&d->name);
	buf_fini(&d->value);
}

void hpack_dec_set_limit(struct hpack_dec *d, size_t limit)
{
	if (limit < d->table.max_size && (!d->update_due || limit < d->update_max)) {
		d->update_due = true;
		d->update_max = limit;
	}
	d->limit = limit;
}

void hpack_dec_begin(struct hpack_dec *d)
{
	if (d->state != HPACK_DEC_FAILED)
		d->state = HPACK_DEC_UPDATES;
	buf_clear(&d->pending);
	d->taken = 0;
	d->block_off = 0;
	d->list_size = 0;
}

static int fail(struct hpack_dec *d, uint64_t off, const char *what, const char *ref)
{
	d->state = HPACK_DEC_FAILED;
	d->err = (struct perr){HPACK_COMPRESSION_ERROR, off, what, ref};
	return -1;
}

static int fail_oom(struct hpack_dec *d)
{
	fail(d, d->block_off, "out of memory", "");
	d->err.code = HP_NOMEM;
	return -1;
}

bool hpack_dec_feed(struct hpack_dec *d, struct bytes in)
{
	if (d->state == HPACK_DEC_FAILED)
		return false;
	if (2 * d->taken >= d->pending.n) { /* moves at most as much as was consumed */
		buf_drop(&d->pending, d->taken);
		d->taken = 0;
	}
	buf_add(&d->pending, in);
	if (d->pending.failed)
		fail_oom(d);
	return !d->pending.failed;
}

/* The answer to a reader that did not say HP_OK, at octet `at` of the block. */
static int reader_fault(struct hpack_dec *d, enum hp_status st, bool end, uint64_t at)
{
	switch (st) {
	case HP_MORE:
		if (!end)
			return 0;
		return fail(d, d->block_off + d->pending.n - d->taken,
			"the header block ends inside a representation", "RFC 7541 6");
	case HP_OVERFLOW:
		return fail(d, at, "an integer is too large or too long", "RFC 7541 5.1");
	case HP_BAD_CODE:
		return fail(d, at, "a Huffman string holds EOS or ends in wrong padding", "RFC 7541 5.2");
	case HP_LIMIT:
		return fail(d, at, "a string is longer than the limit (HPACK_STRING_MAX)", "RFC 7541 7.4");
	default:
		return fail_oom(d);
	}
}

static enum hpack_kind kind_of(uint8_t first)
{
	if (first & 0x80)
		return HPACK_INDEXED;
	if (first & 0x40)
		return HPACK_LITERAL_INCREMENTAL;
	if (first & 0x20)
		return HPACK_SIZE_UPDATE;
	return first & 0x10 ? HPACK_LITERAL_NEVER : HPACK_LITERAL_WITHOUT;
}

/* Looks an index up in both tables (RFC 7541 2.3.3). */
static bool lookup(const struct hpack_dec *d, uint64_t index, struct bytes *name, struct bytes *value)
{
	if (index == 0)
		return false;
	if (index <= HPACK_STATIC_COUNT) {
		*name = bytes_str(hpack_static[index].name);
		*value = bytes_str(hpack_static[index].value);
		return true;
	}
	const struct hp_entry *e = hp_table_at(&d->table, index - HPACK_STATIC_COUNT - 1);
	if (!e)
		return false;
	*name = hp_entry_name(e);
	*value = hp_entry_value(e);
	return true;
}

static int size_update(struct hpack_dec *d, struct hpack_rep *rep)
{
	if (d->state != HPACK_DEC_UPDATES)
		return fail(d, rep->off, "a dynamic table size update stands after a field", "RFC 7541 4.2");
	if (rep->index > d->limit)
		return fail(
			d, rep->off, "the size update is over SETTINGS_HEADER_TABLE_SIZE", "RFC 7541 6.3");
	if (d->update_due && rep->index > d->update_max)
		return fail(
			d, rep->off, "the size update skips the smallest limit there was", "RFC 7541 4.2");
	d->update_due = false;
	hp_table_set_max(&d->table, (size_t)rep->index);
	return 1;
}

/* Reads the literal parts behind the index. Sets rep->name and rep->value. Same answers as hpack_dec_next. */
static int literal(struct hpack_dec *d, struct bytes in, bool end, struct hpack_rep *rep, size_t *used)
{
	struct hp_str s;
	size_t bad = 0;
	buf_clear(&d->name);
	buf_clear(&d->value);
	enum hp_status st;
	if (rep->index == 0) {
		/* Both strings must be there before the first is decoded. */
		struct bytes rest = bytes_sub(in, *used, in.n - *used);
		size_t span = 0, unused = 0;
		st = hp_str_span(rest, 7, d->string_max, &span);
		if (st == HP_OK)
			st = hp_str_span(bytes_sub(rest, span, rest.n - span), 7, d->string_max, &unused);
		if (st == HP_MORE)
			return reader_fault(d, st, end, rep->off + *used);
		st = hp_str_read(rest, 7, d->string_max, &d->name, &s, &bad);
		if (st != HP_OK)
			return reader_fault(d, st, end, rep->off + *used + bad);
		rep->name_huffman = s.huffman;
		rep->name_off = (uint32_t)(*used + s.len_octets);
		rep->name_wire = (uint32_t)s.wire_len;
		*used += s.used;
	} else {
		struct bytes name, unused;
		if (!lookup(d, rep->index, &name, &unused))
			return fail(d, rep->off, "the name's index is beyond the tables", "RFC 7541 2.3.3");
		buf_add(&d->name, name); /* a copy: the insertion below may evict the entry */
		if (d->name.failed)
			return fail_oom(d);
	}
	st = hp_str_read(bytes_sub(in, *used, in.n - *used), 7, d->string_max, &d->value, &s, &bad);
	if (st != HP_OK)
		return reader_fault(d, st, end, rep->off + *used + bad);
	rep->value_huffman = s.huffman;
	rep->value_off = (uint32_t)(*used + s.len_octets);
	rep->value_wire = (uint32_t)s.wire_len;
	*used += s.used;
	rep->name = buf_bytes(&d->name);
	rep->value = buf_bytes(&d->value);
	return 1;
}

static int field(struct hpack_dec *d, struct bytes in, bool end, struct hpack_rep *rep, size_t *used)
{
	if (d->update_due)
		return fail(d, rep->off, "the table's limit went down and no size update came first",
			"RFC 7541 4.2");
	if (rep->kind == HPACK_INDEXED) {
		if (rep->index == 0)
			return fail(d, rep->off, "index 0 is no field", "RFC 7541 6.1");
		if (!lookup(d, rep->index, &rep->name, &rep->value))
			return fail(d, rep->off, "the index is beyond the tables", "RFC 7541 2.3.3");
	} else {
		int r = literal(d, in, end, rep, used);
		if (r != 1)
			return r;
		if (rep->kind == HPACK_LITERAL_INCREMENTAL &&
			!hp_table_insert(&d->table, rep->name, rep->value))
			return fail_oom(d);
	}
	rep->never_indexed = rep->kind == HPACK_LITERAL_NEVER;
	d->state = HPACK_DEC_FIELDS;
	d->list_size += hp_field_size(rep->name, rep->value);
	return 1;
}

int hpack_dec_next(struct hpack_dec *d, bool end, struct hpack_rep *rep)
{
	if (d->state == HPACK_DEC_FAILED)
		return -1;
	struct bytes in = bytes_sub(buf_bytes(&d->pending), d->taken, d->pending.n - d->taken);
	if (in.n == 0)
		return 0;
	*rep = (struct hpack_rep){.kind = kind_of(in.p[0]), .off = d->block_off};
	size_t used = 0;
	enum hp_status st = hp_int_read(
		in, hpack_kinds[rep->kind].prefix_bits, UINT32_MAX, HP_INT32_OCTETS_MAX, &rep->index, &used);
	if (st != HP_OK)
		return reader_fault(d, st, end, d->block_off);
	rep->int_len = (uint32_t)used;
	int r = rep->kind == HPACK_SIZE_UPDATE ? size_update(d, rep) : field(d, in, end, rep, &used);
	if (r != 1)
		return r;
	rep->len = (uint32_t)used;
	d->taken += used;
	d->block_off += used;
	return 1;
}
