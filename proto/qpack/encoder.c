/*
 * The QPACK encoder (RFC 9204 2.1, 4.3, 4.4, 4.5).
 *
 * Policy: static table when it has the field; else the dynamic table when the entry may be referred to (acknowledged,
 * or the peer lets this stream block); else a literal, and the field is inserted for next time if room can be made
 * without evicting an entry some unacknowledged section refers to (RFC 9204 2.1.1). The Base is the insert count
 * before the section, so entries inserted for it are referred to as post-Base.
 */
#include "proto/qpack/qpack.h"

void qpack_enc_init(struct qpack_enc *e, const struct alloc *al)
{
	*e = (struct qpack_enc){.al = al};
	hp_table_init(&e->table, al, 0);
	buf_init(&e->stream, al, SIZE_MAX);
	buf_init(&e->dec, al, SIZE_MAX);
}

void qpack_enc_fini(struct qpack_enc *e)
{
	hp_table_fini(&e->table);
	buf_fini(&e->stream);
	buf_fini(&e->dec);
	alloc_put(e->al, e->sections, e->cap_sections * sizeof *e->sections);
	e->sections = NULL;
	e->n_sections = e->cap_sections = 0;
}

void qpack_enc_settings(struct qpack_enc *e, uint64_t max_capacity, uint64_t max_blocked, uint64_t own_max)
{
	e->max_capacity = max_capacity;
	e->max_blocked = max_blocked;
	uint64_t capacity = max_capacity < own_max ? max_capacity : own_max;
	if (capacity == e->table.max_size)
		return;
	hp_table_set_max(&e->table, (size_t)capacity);
	hp_int_write(&e->stream, 0x20, 5, capacity);
}

/* What is known about one field: where it stands. */
struct found {
	bool is_static, whole, name;
	uint64_t index; /* static index, or absolute index */
};

static void find_static(struct bytes name, struct bytes value, struct found *f)
{
	for (unsigned i = 0; i < QPACK_STATIC_COUNT && !f->whole; i++) {
		if (!bytes_eq_str(name, qpack_static[i].name))
			continue;
		bool whole = bytes_eq_str(value, qpack_static[i].value);
		if (!f->name || whole)
			*f = (struct found){true, whole, true, i};
	}
}

/* Streams that may already have to wait for insertions. */
static bool may_block(const struct qpack_enc *e, uint64_t stream)
{
	uint64_t blocked = 0;
	for (uint32_t i = 0; i < e->n_sections; i++) {
		const struct qpack_section *s = &e->sections[i];
		if (s->required <= e->known)
			continue;
		if (s->stream == stream)
			return true;
		bool counted = false;
		for (uint32_t k = 0; k < i && !counted; k++)
			counted = e->sections[k].stream == s->stream && e->sections[k].required > e->known;
		blocked += !counted;
	}
	return blocked < e->max_blocked;
}

static void find_dynamic(const struct qpack_enc *e, struct hfield fd, bool block, struct found *f)
{
	for (uint64_t i = 0; i < e->table.count; i++) {
		const struct hp_entry *t = hp_table_at(&e->table, i);
		uint64_t abs = e->table.inserted - 1 - i;
		if ((abs >= e->known && !block) || !bytes_eq(fd.name, hp_entry_name(t)))
			continue;
		bool whole = bytes_eq(fd.value, hp_entry_value(t));
		if (whole || !f->name)
			*f = (struct found){false, whole, true, abs};
		if (whole)
			return;
	}
}

/* Can an entry of this size go in without pushing out one that is still needed? `floor`: absolute index from which
 * on entries are needed by the section being written. */
static bool room_for(const struct qpack_enc *e, size_t size, uint64_t floor)
{
	if (size > e->table.max_size)
		return false;
	for (uint32_t i = 0; i < e->n_sections; i++)
		if (e->sections[i].min_ref < floor)
			floor = e->sections[i].min_ref;
	if (e->known < floor)
		floor = e->known; /* an entry nobody has acknowledged may not go (RFC 9204 2.1.1) */
	size_t free_octets = e->table.max_size - e->table.size;
	for (uint64_t i = e->table.count; i-- > 0 && free_octets < size;) {
		if (e->table.inserted - 1 - i >= floor)
			return false;
		const struct hp_entry *t = hp_table_at(&e->table, i);
		free_octets += hp_field_size(hp_entry_name(t), hp_entry_value(t));
	}
	return free_octets >= size;
}

static bool insert(struct qpack_enc *e, struct hfield fd)
{
	struct found n = {0};
	find_static(fd.name, fd.value, &n);
	if (n.name) {
		hp_int_write(&e->stream, 0xc0, 6, n.index);
		hp_str_write(&e->stream, 0, 7, fd.value, e->huffman);
	} else {
		hp_str_write(&e->stream, 0x40, 5, fd.name, e->huffman);
		hp_str_write(&e->stream, 0, 7, fd.value, e->huffman);
	}
	return hp_table_insert(&e->table, fd.name, fd.value) && !e->stream.failed;
}

struct writing {
	struct buf lines;
	uint64_t base, required, min_ref;
};

static void refer(struct writing *w, uint64_t abs)
{
	if (abs + 1 > w->required)
		w->required = abs + 1;
	if (abs < w->min_ref)
		w->min_ref = abs;
}

static void write_indexed(struct writing *w, const struct found *f)
{
	if (f->is_static) {
		hp_int_write(&w->lines, 0xc0, 6, f->index);
		return;
	}
	refer(w, f->index);
	if (f->index < w->base)
		hp_int_write(&w->lines, 0x80, 6, w->base - 1 - f->index);
	else
		hp_int_write(&w->lines, 0x10, 4, f->index - w->base);
}

static void write_literal(struct qpack_enc *e, struct writing *w, const struct found *f, struct hfield fd)
{
	if (!f->name) {
		hp_str_write(&w->lines, fd.never_indexed ? 0x30 : 0x20, 3, fd.name, e->huffman);
	} else if (f->is_static) {
		hp_int_write(&w->lines, fd.never_indexed ? 0x70 : 0x50, 4, f->index);
	} else {
		refer(w, f->index);
		if (f->index < w->base)
			hp_int_write(&w->lines, fd.never_indexed ? 0x60 : 0x40, 4, w->base - 1 - f->index);
		else
			hp_int_write(&w->lines, fd.never_indexed ? 0x08 : 0x00, 3, f->index - w->base);
	}
	hp_str_write(&w->lines, 0, 7, fd.value, e->huffman);
}

static bool write_field(struct qpack_enc *e, struct writing *w, struct hfield fd, bool block)
{
	struct found f = {0};
	find_static(fd.name, fd.value, &f);
	if (!f.whole)
		find_dynamic(e, fd, block, &f);
	if (!f.whole && !fd.never_indexed && room_for(e, hp_field_size(fd.name, fd.value), w->min_ref)) {
		if (!insert(e, fd))
			return false;
		if (block)
			f = (struct found){false, true, true, e->table.inserted - 1};
		else if (f.name && !f.is_static && !hp_table_abs(&e->table, f.index))
			f = (struct found){0}; /* the entry that had the name went to make room */
	}
	if (f.whole && !fd.never_indexed)
		write_indexed(w, &f);
	else
		write_literal(e, w, &f, fd);
	return !w->lines.failed;
}

static bool remember(struct qpack_enc *e, uint64_t stream, const struct writing *w)
{
	if (w->required == 0)
		return true;
	if (e->n_sections == e->cap_sections) {
		uint32_t cap = e->cap_sections ? 2 * e->cap_sections : 8;
		struct qpack_section *p =
			e->al->resize(e->al->ctx, e->sections, e->cap_sections * sizeof *p, cap * sizeof *p);
		if (!p)
			return false;
		e->sections = p;
		e->cap_sections = cap;
	}
	e->sections[e->n_sections++] = (struct qpack_section){stream, w->required, w->min_ref, false};
	return true;
}

bool qpack_enc_section(
	struct qpack_enc *e, uint64_t stream, const struct hfield *fields, size_t n, struct buf *out)
{
	struct writing w = {.base = e->table.inserted, .min_ref = UINT64_MAX};
	bool block = may_block(e, stream);
	bool ok = true;
	buf_init(&w.lines, e->al, SIZE_MAX);
	for (size_t i = 0; i < n && ok; i++)
		ok = write_field(e, &w, fields[i], block);
	uint64_t full = 2 * (e->max_capacity / HP_ENTRY_OVERHEAD);
	hp_int_write(out, 0, 8, w.required ? w.required % full + 1 : 0);
	if (w.required == 0 || w.base >= w.required)
		hp_int_write(out, 0, 7, w.required ? w.base - w.required : 0);
	else
		hp_int_write(out, 0x80, 7, w.required - w.base - 1);
	buf_add(out, buf_bytes(&w.lines));
	ok = ok && !w.lines.failed && !out->failed && remember(e, stream, &w);
	buf_fini(&w.lines);
	return ok;
}

/* ---- the decoder stream ---- */

static bool fail(struct qpack_enc *e, const char *what, const char *ref)
{
	e->failed = true;
	e->err = (struct perr){QPACK_DECODER_STREAM_ERROR, 0, what, ref};
	return false;
}

static void section_drop(struct qpack_enc *e, uint32_t i)
{
	for (e->n_sections--; i < e->n_sections; i++)
		e->sections[i] = e->sections[i + 1];
}

static bool section_ack(struct qpack_enc *e, uint64_t stream)
{
	for (uint32_t i = 0; i < e->n_sections; i++) {
		if (e->sections[i].stream != stream)
			continue;
		if (e->sections[i].required > e->known)
			e->known = e->sections[i].required;
		section_drop(e, i);
		return true;
	}
	return fail(e, "a Section Acknowledgment for a stream without a section", "RFC 9204 4.4.1");
}

static bool obey(struct qpack_enc *e, enum qpack_kind kind, uint64_t v)
{
	if (kind == QPACK_DEC_SECTION_ACK)
		return section_ack(e, v);
	if (kind == QPACK_DEC_STREAM_CANCEL) {
		for (uint32_t i = e->n_sections; i-- > 0;)
			if (e->sections[i].stream == v)
				section_drop(e, i);
		return true;
	}
	if (v == 0 || v > e->table.inserted - e->known)
		return fail(
			e, "an Insert Count Increment of 0, or beyond what was inserted", "RFC 9204 4.4.3");
	e->known += v;
	return true;
}

bool qpack_enc_decoder_stream(struct qpack_enc *e, struct bytes in)
{
	if (e->failed)
		return false;
	buf_add(&e->dec, in);
	if (e->dec.failed) {
		fail(e, "out of memory", "");
		e->err.code = -1;
		return false;
	}
	while (e->dec.n) {
		uint64_t v;
		size_t used;
		enum qpack_kind kind = qpack_decoder_kind(e->dec.p[0]);
		enum hp_status st = hp_int_read(buf_bytes(&e->dec), qpack_kinds[kind].prefix_bits,
			((uint64_t)1 << 62) - 1, HP_INT62_OCTETS_MAX, &v, &used);
		if (st == HP_MORE)
			return true;
		if (st != HP_OK)
			return fail(e, "an integer is too large or too long", "RFC 9204 4.1.1");
		buf_drop(&e->dec, used);
		if (!obey(e, kind, v))
			return false;
	}
	return true;
}
