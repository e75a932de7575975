/*
 * The QPACK decoder (RFC 9204 2.2, 3.2, 4.3, 4.5).
 *
 *	encoder stream ─▶ one whole instruction at a time ─▶ table
 *	field section ─▶ prefix ─▶ Required Insert Count ≤ inserted ? ─▶ lines ─▶ Section Acknowledgment
 *	                                   └── no ─▶ blocked, kept until enough has been inserted
 *
 * A Required Insert Count larger than the section needs is let pass, which RFC 9204 2.2.1 leaves to the decoder.
 */
#include "proto/qpack/qpack.h"

#include <string.h>

void qpack_dec_init(struct qpack_dec *d, const struct alloc *al, uint64_t max_capacity, uint64_t max_blocked)
{
	*d = (struct qpack_dec){.al = al,
		.max_capacity = max_capacity,
		.max_blocked = max_blocked < QPACK_BLOCKED_MAX ? max_blocked : QPACK_BLOCKED_MAX,
		.string_max = QPACK_STRING_MAX_DEFAULT};
	hp_table_init(&d->table, al, 0);
	buf_init(&d->enc, al, SIZE_MAX);
	buf_init(&d->name, al, SIZE_MAX);
	buf_init(&d->value, al, SIZE_MAX);
	buf_init(&d->out, al, SIZE_MAX);
}

void qpack_dec_fini(struct qpack_dec *d)
{
	for (uint32_t i = 0; i < d->n_blocked; i++)
		blob_unref(d->blocked[i].section);
	d->n_blocked = 0;
	hp_table_fini(&d->table);
	buf_fini(&d->enc);
	buf_fini(&d->name);
	buf_fini(&d->value);
	buf_fini(&d->out);
}

static int fail(struct qpack_dec *d, int code, uint64_t off, const char *what, const char *ref)
{
	d->failed = true;
	d->err = (struct perr){code, off, what, ref};
	return -1;
}

static int fail_oom(struct qpack_dec *d)
{
	return fail(d, -1, 0, "out of memory", "");
}

/* The fault behind a reader's status. */
static int reader_fault(struct qpack_dec *d, int code, enum hp_status st, uint64_t off)
{
	switch (st) {
	case HP_OOM:
		return fail_oom(d);
	case HP_OVERFLOW:
		return fail(d, code, off, "an integer is too large or too long", "RFC 9204 4.1.1");
	case HP_BAD_CODE:
		return fail(d, code, off, "a Huffman string holds EOS or ends in wrong padding",
			"RFC 9204 4.1.2");
	case HP_LIMIT:
		return fail(
			d, code, off, "a string is longer than the limit (QPACK_STRING_MAX)", "RFC 9204 7.4");
	default:
		return fail(d, code, off, "it ends inside an instruction or a field line", "RFC 9204 4.1");
	}
}

/* Where a reader stands in its input. */
struct cur {
	struct bytes in;
	size_t at;
	uint64_t off; /* of in.p[0] */
};

static struct bytes rest(const struct cur *c)
{
	return bytes_sub(c->in, c->at, c->in.n - c->at);
}

static enum hp_status get_int(struct cur *c, unsigned bits, uint64_t *v)
{
	size_t used = 0;
	enum hp_status st =
		hp_int_read(rest(c), bits, ((uint64_t)1 << 62) - 1, HP_INT62_OCTETS_MAX, v, &used);
	if (st == HP_OK)
		c->at += used;
	return st;
}

static enum hp_status get_str(struct cur *c, unsigned bits, size_t max, struct buf *out)
{
	struct hp_str s;
	size_t bad;
	buf_clear(out);
	enum hp_status st = hp_str_read(rest(c), bits, max, out, &s, &bad);
	if (st == HP_OK)
		c->at += s.used;
	return st;
}

static bool static_entry(uint64_t i, struct bytes *name, struct bytes *value)
{
	if (i >= QPACK_STATIC_COUNT)
		return false;
	*name = bytes_str(qpack_static[i].name);
	*value = bytes_str(qpack_static[i].value);
	return true;
}

static bool table_entry(const struct hp_entry *e, struct bytes *name, struct bytes *value)
{
	if (!e)
		return false;
	*name = hp_entry_name(e);
	*value = hp_entry_value(e);
	return true;
}

/* ---- the encoder stream ---- */

#define ENC_FAIL(d, c, what, ref) fail(d, QPACK_ENCODER_STREAM_ERROR, (c)->off, what, ref)

static int insert(struct qpack_dec *d, const struct cur *c, struct bytes name, struct bytes value)
{
	if (hp_field_size(name, value) > d->table.max_size)
		return ENC_FAIL(d, c, "the new entry is larger than the table", "RFC 9204 3.2.2");
	return hp_table_insert(&d->table, name, value) ? 1 : fail_oom(d);
}

static int set_capacity(struct qpack_dec *d, const struct cur *c, uint64_t capacity)
{
	if (capacity > d->max_capacity)
		return ENC_FAIL(
			d, c, "the capacity is over SETTINGS_QPACK_MAX_TABLE_CAPACITY", "RFC 9204 4.3.1");
	hp_table_set_max(&d->table, (size_t)capacity);
	return 1;
}

/* Insert with Name Reference, or Duplicate: the index counts back from the newest entry (RFC 9204 3.2.5). */
static int insert_from(
	struct qpack_dec *d, struct cur *c, enum qpack_kind kind, bool is_static, uint64_t index)
{
	struct bytes name, value;
	bool found = is_static ? static_entry(index, &name, &value)
			       : table_entry(hp_table_at(&d->table, index), &name, &value);
	if (!found)
		return ENC_FAIL(
			d, c, "the index is beyond the table", is_static ? "RFC 9204 3.1" : "RFC 9204 3.2.4");
	if (kind == QPACK_ENC_DUPLICATE)
		return insert(d, c, name, value);
	enum hp_status st = get_str(c, 7, d->string_max, &d->value);
	if (st == HP_MORE)
		return 0;
	if (st != HP_OK)
		return reader_fault(d, QPACK_ENCODER_STREAM_ERROR, st, c->off);
	return insert(d, c, name, buf_bytes(&d->value));
}

static int insert_literal(struct qpack_dec *d, struct cur *c)
{
	/* Both strings must be there before the first is decoded. */
	size_t span = 0, unused = 0;
	enum hp_status st = hp_str_span(c->in, 5, d->string_max, &span);
	if (st == HP_OK)
		st = hp_str_span(bytes_sub(c->in, span, c->in.n - span), 7, d->string_max, &unused);
	if (st == HP_OK)
		st = get_str(c, 5, d->string_max, &d->name);
	if (st == HP_OK)
		st = get_str(c, 7, d->string_max, &d->value);
	if (st == HP_MORE)
		return 0;
	if (st != HP_OK)
		return reader_fault(d, QPACK_ENCODER_STREAM_ERROR, st, c->off);
	return insert(d, c, buf_bytes(&d->name), buf_bytes(&d->value));
}

/* One instruction. 1 done, 0 more octets needed, -1 fault. */
static int instruction(struct qpack_dec *d, struct cur *c)
{
	enum qpack_kind kind = qpack_encoder_kind(c->in.p[0]);
	uint64_t v;
	if (kind == QPACK_ENC_INSERT_LITERAL)
		return insert_literal(d, c);
	enum hp_status st = get_int(c, qpack_kinds[kind].prefix_bits, &v);
	if (st == HP_MORE)
		return 0;
	if (st != HP_OK)
		return reader_fault(d, QPACK_ENCODER_STREAM_ERROR, st, c->off);
	if (kind == QPACK_ENC_CAPACITY)
		return set_capacity(d, c, v);
	return insert_from(d, c, kind, kind == QPACK_ENC_INSERT_NAME_REF && (c->in.p[0] & 0x40), v);
}

bool qpack_dec_encoder_stream(struct qpack_dec *d, struct bytes in)
{
	if (d->failed)
		return false;
	if (2 * d->enc_taken >= d->enc.n) { /* moves at most as much as was consumed */
		buf_drop(&d->enc, d->enc_taken);
		d->enc_taken = 0;
	}
	buf_add(&d->enc, in);
	if (d->enc.failed)
		return fail_oom(d) > 0;
	while (d->enc_taken < d->enc.n) {
		struct cur c = {.in = bytes_sub(buf_bytes(&d->enc), d->enc_taken, d->enc.n - d->enc_taken),
			.off = d->enc_off};
		int r = instruction(d, &c);
		if (r <= 0)
			return r == 0;
		d->enc_taken += c.at;
		d->enc_off += c.at;
	}
	return true;
}

/* ---- field sections ---- */

enum hp_status qpack_prefix_read(struct bytes in, uint64_t max_entries, uint64_t inserted, uint64_t *required,
	uint64_t *base, size_t *used)
{
	struct cur c = {.in = in};
	uint64_t encoded, delta;
	enum hp_status st = get_int(&c, 8, &encoded);
	if (st != HP_OK)
		return st;
	*required = 0;
	if (encoded > 0) { /* RFC 9204 4.5.1.1 */
		uint64_t full = 2 * max_entries, max_value = inserted + max_entries;
		if (encoded > full)
			return HP_BAD_CODE;
		*required = max_value / full * full + encoded - 1;
		if (*required > max_value) {
			if (*required <= full)
				return HP_BAD_CODE;
			*required -= full;
		}
		if (*required == 0)
			return HP_BAD_CODE;
	}
	if (c.at >= in.n)
		return HP_MORE;
	bool sign = in.p[c.at] & 0x80;
	st = get_int(&c, 7, &delta);
	if (st != HP_OK)
		return st;
	if (sign && delta >= *required)
		return HP_BAD_CODE;
	*base = sign ? *required - delta - 1 : *required + delta;
	*used = c.at;
	return HP_OK;
}

struct section {
	uint64_t required, base;
};

#define SEC_FAIL(d, c, what, ref) fail(d, QPACK_DECOMPRESSION_FAILED, (c)->at, what, ref)

/* The entry an index of a field line means. False: told. */
static bool resolve(struct qpack_dec *d, const struct cur *c, struct section *s, bool is_static,
	bool post_base, uint64_t index, struct bytes *name, struct bytes *value)
{
	if (is_static)
		return static_entry(index, name, value) ||
		       SEC_FAIL(d, c, "the index is beyond the static table", "RFC 9204 3.1") > 0;
	if (!post_base && index >= s->base)
		return SEC_FAIL(d, c, "a relative index goes below the first entry", "RFC 9204 3.2.5") > 0;
	uint64_t abs = post_base ? s->base + index : s->base - 1 - index;
	if (abs >= s->required)
		return SEC_FAIL(d, c, "an index is at or above the Required Insert Count", "RFC 9204 2.2.1") >
		       0;
	return table_entry(hp_table_abs(&d->table, abs), name, value) ||
	       SEC_FAIL(d, c, "the entry has been evicted", "RFC 9204 3.2.4") > 0;
}

/* One field line into d->name / d->value or table octets. 1 or -1. */
static int line(struct qpack_dec *d, struct cur *c, struct section *s, struct hfields *fields)
{
	uint8_t first = c->in.p[c->at];
	enum qpack_kind kind = qpack_line_kind(first);
	struct bytes name = BYTES_NONE, value = BYTES_NONE;
	bool never = false;
	uint64_t index = 0;
	enum hp_status st = HP_OK;
	if (kind == QPACK_LITERAL) {
		never = first & 0x10;
		st = get_str(c, 3, d->string_max, &d->name);
		name = buf_bytes(&d->name);
	} else {
		bool post = kind == QPACK_INDEXED_POST_BASE || kind == QPACK_LITERAL_POST_BASE_REF;
		bool is_static = (kind == QPACK_INDEXED && (first & 0x40)) ||
				 (kind == QPACK_LITERAL_NAME_REF && (first & 0x10));
		never = (kind == QPACK_LITERAL_NAME_REF && (first & 0x20)) ||
			(kind == QPACK_LITERAL_POST_BASE_REF && (first & 8));
		st = get_int(c, qpack_kinds[kind].prefix_bits, &index);
		if (st == HP_OK && !resolve(d, c, s, is_static, post, index, &name, &value))
			return -1;
	}
	if (st == HP_OK && kind != QPACK_INDEXED && kind != QPACK_INDEXED_POST_BASE) {
		st = get_str(c, 7, d->string_max, &d->value);
		value = buf_bytes(&d->value);
	}
	if (st != HP_OK)
		return reader_fault(d, QPACK_DECOMPRESSION_FAILED, st, c->at);
	if (hfields_add(fields, name, value, never))
		return 1;
	if (fields->count >= HFIELDS_COUNT_MAX || name.n + value.n > fields->octets.max - fields->octets.n)
		return fail(d, QPACK_DECOMPRESSION_FAILED, c->at, "the field section is over the limit",
			"RFC 9114 4.2.2");
	return fail_oom(d);
}

static int decode(
	struct qpack_dec *d, uint64_t stream, struct bytes in, struct hfields *fields, uint64_t *required)
{
	struct section s = {0};
	struct cur c = {.in = in};
	enum hp_status st = qpack_prefix_read(
		in, d->max_capacity / HP_ENTRY_OVERHEAD, d->table.inserted, &s.required, &s.base, &c.at);
	if (st == HP_BAD_CODE)
		return SEC_FAIL(
			d, &c, "the Required Insert Count or the Base is impossible", "RFC 9204 4.5.1");
	if (st != HP_OK)
		return reader_fault(d, QPACK_DECOMPRESSION_FAILED, st, 0);
	*required = s.required;
	if (s.required > d->table.inserted)
		return 0;
	hfields_clear(fields);
	while (c.at < in.n)
		if (line(d, &c, &s, fields) < 0)
			return -1;
	if (s.required > 0) {
		hp_int_write(&d->out, 0x80, 7, stream);
		if (s.required > d->acknowledged)
			d->acknowledged = s.required;
	}
	return d->out.failed ? fail_oom(d) : 1;
}

int qpack_dec_section(struct qpack_dec *d, uint64_t stream, struct bytes section, struct hfields *fields)
{
	uint64_t required = 0;
	if (d->failed)
		return -1;
	if (section.n > QPACK_SECTION_OCTETS_MAX)
		return fail(d, QPACK_DECOMPRESSION_FAILED, 0,
			"the field section is over QPACK_SECTION_OCTETS_MAX", "RFC 9204 7.4");
	int r = decode(d, stream, section, fields, &required);
	if (r != 0)
		return r;
	/* Streams count, not sections. */
	uint32_t streams = 1;
	for (uint32_t i = 0; i < d->n_blocked; i++)
		streams += d->blocked[i].stream != stream;
	if (streams > d->max_blocked || d->n_blocked == QPACK_BLOCKED_MAX)
		return fail(d, QPACK_DECOMPRESSION_FAILED, 0,
			"more blocked streams than SETTINGS_QPACK_BLOCKED_STREAMS", "RFC 9204 2.1.2");
	struct blob *b = blob_new(d->al, section);
	if (!b)
		return fail_oom(d);
	d->blocked[d->n_blocked++] = (struct qpack_blocked){stream, required, b};
	return 0;
}

static void blocked_drop(struct qpack_dec *d, uint32_t i)
{
	blob_unref(d->blocked[i].section);
	for (d->n_blocked--; i < d->n_blocked; i++)
		d->blocked[i] = d->blocked[i + 1];
}

int qpack_dec_unblocked(struct qpack_dec *d, uint64_t *stream, struct hfields *fields)
{
	if (d->failed)
		return -1;
	for (uint32_t i = 0; i < d->n_blocked; i++) {
		struct qpack_blocked *b = &d->blocked[i];
		uint64_t required;
		if (b->required > d->table.inserted)
			continue;
		*stream = b->stream;
		int r = decode(
			d, b->stream, (struct bytes){b->section->data, b->section->len}, fields, &required);
		blocked_drop(d, i);
		return r;
	}
	return 0;
}

void qpack_dec_cancel(struct qpack_dec *d, uint64_t stream)
{
	for (uint32_t i = d->n_blocked; i-- > 0;)
		if (d->blocked[i].stream == stream)
			blocked_drop(d, i);
	if (d->max_capacity > 0) /* without a dynamic table nothing waits for this (RFC 9204 2.2.2.2) */
		hp_int_write(&d->out, 0x40, 6, stream);
}

void qpack_dec_increment(struct qpack_dec *d)
{
	if (d->table.inserted <= d->acknowledged)
		return;
	hp_int_write(&d->out, 0x00, 6, d->table.inserted - d->acknowledged);
	d->acknowledged = d->table.inserted;
}
