/*
 * dx_hpack: header blocks of HTTP/2 (RFC 7541): each representation to the bit, and what it stands for.
 *
 *   block ─┬ representation ─┬ pattern │ index │ H, length, octets │ H, length, octets
 *          │                 └ "name: value": a range of the source "decoded fields"
 *          └ …
 */
#include "proto/dissect/dx_hp.h"

#include <string.h>

enum {
	F_BLOCK,
	F_REP, /* one per kind, in the order of enum hpack_kind */
	F_PATTERN = F_REP + 5,
	F_INDEX,
	F_SIZE,
	F_HUFFMAN,
	F_LEN,
	F_NAME,
	F_VALUE,
	F_FIELD,
	F_FAULT,
	F_COUNT
};

static const struct dx_name huffmans[] = {
	{1, "Huffman", "The octets are in the Huffman code of RFC 7541 Appendix B."},
	{0, "plain", "The octets stand for themselves."},
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_BLOCK] = {"hpack", "Header block", DX_GROUP, DX_VARIES, NULL, "RFC 7541 3",
		"A list of header fields, compressed."},
	[F_REP + HPACK_INDEXED] = {"hpack.indexed", "Indexed Header Field", DX_GROUP, DX_VARIES, NULL,
		"RFC 7541 6.1",
		"Name and value stand in a table under this index; the field costs no more than the index."},
	[F_REP + HPACK_LITERAL_INCREMENTAL] = {"hpack.literal_incremental",
		"Literal with Incremental Indexing", DX_GROUP, DX_VARIES, NULL, "RFC 7541 6.2.1",
		"The value is written out and the field is added to both ends' dynamic tables."},
	[F_REP + HPACK_LITERAL_WITHOUT] = {"hpack.literal_without", "Literal without Indexing", DX_GROUP,
		DX_VARIES, NULL, "RFC 7541 6.2.2",
		"The value is written out and the tables stay as they are."},
	[F_REP + HPACK_LITERAL_NEVER] = {"hpack.literal_never", "Literal Never Indexed", DX_GROUP, DX_VARIES,
		NULL, "RFC 7541 6.2.3",
		"The value is written out and no hop may ever put it in a table, so that compression cannot "
		"leak it."},
	[F_REP + HPACK_SIZE_UPDATE] = {"hpack.size_update", "Dynamic Table Size Update", DX_GROUP, DX_VARIES,
		NULL, "RFC 7541 6.3", "The encoder sets the size of the dynamic table."},
	[F_PATTERN] = {"hpack.pattern", "Pattern", DX_HEX, DX_VARIES, NULL, "RFC 7541 6",
		"These first bits say what kind of representation it is."},
	[F_INDEX] = {"hpack.index", "Index", DX_UINT, DX_VARIES, NULL, "RFC 7541 2.3.3",
		"1 to 61 is the static table, from 62 on the dynamic one, newest first; 0 means that the "
		"name is written out."},
	[F_SIZE] = {"hpack.size", "Maximum size", DX_UINT, DX_VARIES, NULL, "RFC 7541 6.3",
		"The dynamic table's new maximum size in octets."},
	[F_HUFFMAN] = {"hpack.huffman", "H", DX_BOOL, 1, huffmans, "RFC 7541 5.2",
		"Whether the string is in the Huffman code."},
	[F_LEN] = {"hpack.length", "Length", DX_UINT, 7, NULL, "RFC 7541 5.2",
		"Octets of the string on the wire."},
	[F_NAME] = {"hpack.name", "Name", DX_BYTES, DX_VARIES, NULL, "RFC 7541 5.2",
		"The name's octets on the wire."},
	[F_VALUE] = {"hpack.value", "Value", DX_BYTES, DX_VARIES, NULL, "RFC 7541 5.2",
		"The value's octets on the wire."},
	[F_FIELD] = {"hpack.field", "Field", DX_TEXT, DX_VARIES, NULL, "RFC 7541 1.3",
		"The header field this stands for."},
	[F_FAULT] = {"hpack.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 9113 4.3",
		"From here on the two tables no longer agree: the connection ends with COMPRESSION_ERROR."},
};

/* A representation with its place in the decoded text. */
struct seen {
	struct hpack_rep rep;
	uint32_t text_off, text_len;
};

struct block {
	struct dx_tree *t;
	uint32_t group, src, text;
	size_t base;
	struct seen *seen;
	size_t n, cap;
	struct buf decoded;
};

static bool remember(struct block *b, const struct hpack_rep *rep)
{
	if (b->n == b->cap) {
		size_t cap = b->cap ? 2 * b->cap : 16;
		struct seen *p =
			b->t->al->resize(b->t->al->ctx, b->seen, b->cap * sizeof *p, cap * sizeof *p);
		if (!p)
			return false;
		b->seen = p;
		b->cap = cap;
	}
	struct seen *s = &b->seen[b->n++];
	*s = (struct seen){.rep = *rep, .text_off = (uint32_t)b->decoded.n};
	if (rep->kind != HPACK_SIZE_UPDATE) {
		buf_add(&b->decoded, rep->name);
		buf_str(&b->decoded, ": ");
		buf_add(&b->decoded, rep->value);
	}
	s->text_len = (uint32_t)b->decoded.n - s->text_off;
	buf_str(&b->decoded, rep->kind == HPACK_SIZE_UPDATE ? "" : "\n");
	return !b->decoded.failed;
}

/* H bit, length and octets of a string whose octets begin `octets_off` into the representation. */
static void put_string(struct block *b, uint32_t node, size_t start, size_t octets_off, size_t wire,
	bool huffman, unsigned f)
{
	dx_add(b->t, node, &fields[F_HUFFMAN], b->src, (b->base + start) * 8, 1, huffman);
	dx_add(b->t, node, &fields[F_LEN], b->src, (b->base + start) * 8 + 1, (octets_off - start) * 8 - 1,
		wire);
	if (wire)
		dx_add(b->t, node, &fields[f], b->src, (b->base + octets_off) * 8, wire * 8, 0);
}

static void put_rep(struct block *b, const struct seen *s)
{
	const struct hpack_rep *r = &s->rep;
	const struct hpack_kind_info *k = &hpack_kinds[r->kind];
	size_t off = (size_t)r->off;
	unsigned pattern_bits = 8u - k->prefix_bits;
	uint32_t node = dx_add(b->t, b->group, &fields[F_REP + r->kind], b->src, (b->base + off) * 8,
		(uint64_t)r->len * 8, 0);
	dx_add(b->t, node, &fields[F_PATTERN], b->src, (b->base + off) * 8, pattern_bits,
		(uint64_t)k->pattern >> k->prefix_bits);
	uint32_t index = dx_add(b->t, node, &fields[r->kind == HPACK_SIZE_UPDATE ? F_SIZE : F_INDEX], b->src,
		(b->base + off) * 8 + pattern_bits, (uint64_t)r->int_len * 8 - pattern_bits, r->index);
	if (r->kind == HPACK_SIZE_UPDATE)
		return;
	if (r->index > 0 && r->index <= HPACK_STATIC_COUNT)
		dx_flag(b->t, index, 0, "static table: %s", hpack_static[r->index].name);
	else if (r->index > 0)
		dx_flag(b->t, index, 0, "dynamic table, entry %llu",
			(unsigned long long)(r->index - HPACK_STATIC_COUNT));
	if (r->kind != HPACK_INDEXED) {
		size_t at = off + r->int_len;
		if (r->index == 0) {
			put_string(b, node, at, off + r->name_off, r->name_wire, r->name_huffman, F_NAME);
			at = off + r->name_off + r->name_wire;
		}
		put_string(b, node, at, off + r->value_off, r->value_wire, r->value_huffman, F_VALUE);
	}
	dx_add(b->t, node, &fields[F_FIELD], b->text, (uint64_t)s->text_off * 8, (uint64_t)s->text_len * 8,
		0);
}

void dx_hpack_block(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, struct hpack_dec *d)
{
	struct block b = {.t = t, .src = src, .base = off};
	struct hpack_rep rep;
	int r = -1;
	buf_init(&b.decoded, t->al, SIZE_MAX);
	b.group = dx_octets(t, parent, &fields[F_BLOCK], src, off, len);
	hpack_dec_begin(d);
	if (hpack_dec_feed(d, dx_source_bytes(t, src, off, len)))
		while ((r = hpack_dec_next(d, true, &rep)) == 1)
			if (!remember(&b, &rep)) {
				t->failed = true;
				break;
			}
	b.text = dx_source_add(t, "decoded fields", b.group, buf_bytes(&b.decoded), true);
	uint64_t end = 0;
	for (size_t i = 0; i < b.n; i++) {
		put_rep(&b, &b.seen[i]);
		end = b.seen[i].rep.off + b.seen[i].rep.len;
	}
	if (r < 0) {
		uint32_t bad =
			dx_octets(t, b.group, &fields[F_FAULT], src, off + (size_t)end, len - (size_t)end);
		dx_flag(t, bad, DX_BAD, "%s (%s), known after octet %llu of the block", d->err.what,
			d->err.ref, (unsigned long long)d->err.off);
	}
	alloc_put(t->al, b.seen, b.cap * sizeof *b.seen);
	buf_fini(&b.decoded);
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct hpack_dec d;
	(void)h;
	hpack_dec_init(&d, t->al, HPACK_TABLE_SIZE_DEFAULT, HPACK_STRING_MAX_DEFAULT);
	dx_hpack_block(t, parent, src, off, len, &d);
	size_t end = d.state == HPACK_DEC_FAILED ? (size_t)d.block_off : len;
	hpack_dec_fini(&d);
	return end;
}

const struct dx_proto dx_hpack = {"hpack", "HPACK header block", "RFC 7541", fields, F_COUNT, dissect};
