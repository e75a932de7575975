/*
 * The HPACK encoder (RFC 7541 4.2, 6): smallest representation the policy allows, newest entry first.
 */
#include "proto/hpack/hpack.h"

void hpack_enc_init(struct hpack_enc *e, const struct alloc *al, size_t own_max)
{
	*e = (struct hpack_enc){.limit = HPACK_TABLE_SIZE_DEFAULT, .own_max = own_max};
	hp_table_init(&e->table, al, HPACK_TABLE_SIZE_DEFAULT);
	if (own_max < HPACK_TABLE_SIZE_DEFAULT)
		hpack_enc_set_limit(e, e->limit);
}

void hpack_enc_fini(struct hpack_enc *e)
{
	hp_table_fini(&e->table);
}

void hpack_enc_set_limit(struct hpack_enc *e, size_t limit)
{
	e->limit = limit;
	size_t want = limit < e->own_max ? limit : e->own_max;
	if (!e->update_due && want == e->table.max_size)
		return;
	if (!e->update_due || want < e->update_min)
		e->update_min = want;
	e->update_due = true;
	hp_table_set_max(&e->table, want);
}

void hpack_enc_begin(struct hpack_enc *e, struct buf *out)
{
	if (!e->update_due)
		return;
	const struct hpack_kind_info *k = &hpack_kinds[HPACK_SIZE_UPDATE];
	if (e->update_min < e->table.max_size)
		hp_int_write(out, k->pattern, k->prefix_bits, e->update_min);
	hp_int_write(out, k->pattern, k->prefix_bits, e->table.max_size);
	e->update_due = false;
}

/* The index of a field (or 0), and of its name alone (or 0). */
static uint64_t find(const struct hpack_enc *e, struct bytes name, struct bytes value, uint64_t *name_index)
{
	*name_index = 0;
	for (unsigned i = 1; i <= HPACK_STATIC_COUNT; i++) {
		if (!bytes_eq_str(name, hpack_static[i].name))
			continue;
		if (!*name_index)
			*name_index = i;
		if (bytes_eq_str(value, hpack_static[i].value))
			return i;
	}
	for (uint64_t i = 0; i < e->table.count; i++) {
		const struct hp_entry *t = hp_table_at(&e->table, i);
		if (!bytes_eq(name, hp_entry_name(t)))
			continue;
		if (!*name_index)
			*name_index = HPACK_STATIC_COUNT + 1 + i;
		if (bytes_eq(value, hp_entry_value(t)))
			return HPACK_STATIC_COUNT + 1 + i;
	}
	return 0;
}

static void write_literal(struct buf *out, enum hpack_kind kind, uint64_t name_index, struct bytes name,
	struct bytes value, enum hp_huff_use name_use, enum hp_huff_use value_use)
{
	hp_int_write(out, hpack_kinds[kind].pattern, hpack_kinds[kind].prefix_bits, name_index);
	if (!name_index)
		hp_str_write(out, 0, 7, name, name_use);
	hp_str_write(out, 0, 7, value, value_use);
}

bool hpack_enc_field(
	struct hpack_enc *e, struct buf *out, struct bytes name, struct bytes value, enum hpack_policy policy)
{
	uint64_t name_index = 0;
	uint64_t index = find(e, name, value, &name_index);
	if (index && policy != HPACK_NEVER) {
		hp_int_write(out, hpack_kinds[HPACK_INDEXED].pattern, hpack_kinds[HPACK_INDEXED].prefix_bits,
			index);
		return !out->failed;
	}
	/* A field that would only empty the table is not worth adding. */
	if (policy == HPACK_ADD && hp_field_size(name, value) > e->table.max_size)
		policy = HPACK_NO_ADD;
	enum hpack_kind kind = policy == HPACK_ADD     ? HPACK_LITERAL_INCREMENTAL
			       : policy == HPACK_NEVER ? HPACK_LITERAL_NEVER
						       : HPACK_LITERAL_WITHOUT;
	write_literal(out, kind, name_index, name, value, e->huffman, e->huffman);
	if (kind == HPACK_LITERAL_INCREMENTAL && !hp_table_insert(&e->table, name, value))
		return false;
	return !out->failed;
}

void hpack_rep_write(struct buf *out, const struct hpack_rep *rep)
{
	if (rep->kind == HPACK_INDEXED || rep->kind == HPACK_SIZE_UPDATE) {
		hp_int_write(
			out, hpack_kinds[rep->kind].pattern, hpack_kinds[rep->kind].prefix_bits, rep->index);
		return;
	}
	write_literal(out, rep->kind, rep->index, rep->name, rep->value,
		rep->name_huffman ? HP_HUFF_ALWAYS : HP_HUFF_NEVER,
		rep->value_huffman ? HP_HUFF_ALWAYS : HP_HUFF_NEVER);
}
