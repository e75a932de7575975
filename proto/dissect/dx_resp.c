/*
 * dx_resp: the Redis serialization protocol, nested as its aggregates nest.
 */
#include "proto/dissect/dx_int.h"
#include "proto/resp/resp.h"

enum { F_AGGREGATE, F_SCALAR, F_MARK, F_LENGTH, F_TEXT, F_OCTETS, F_FAULT, F_COUNT };

#define REF "Redis serialization protocol"

static const struct dx_name marks[] = {
#define X(type, mark, name, version3, help) {(uint8_t)mark, name, help},
#include "proto/resp/types.def"
#undef X
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_AGGREGATE] = {"resp.aggregate", "Aggregate", DX_GROUP, DX_VARIES, NULL, REF,
		"A value made of values."},
	[F_SCALAR] = {"resp.value", "Value", DX_GROUP, DX_VARIES, NULL, REF, "One value."},
	[F_MARK] = {"resp.type", "Type", DX_HEX, 8, marks, REF,
		"The first octet says what kind of value it is."},
	[F_LENGTH] = {"resp.length", "Length", DX_TEXT, DX_VARIES, NULL, REF,
		"Octets or elements, in decimal digits."},
	[F_TEXT] = {"resp.text", "Text", DX_TEXT, DX_VARIES, NULL, REF, "The value as a line of text."},
	[F_OCTETS] = {"resp.octets", "Octets", DX_TEXT, DX_VARIES, NULL, REF,
		"Any octets, as many as the length says."},
	[F_FAULT] = {"resp.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, REF,
		"The connection cannot go on from here."},
};

static bool aggregate(enum resp_type t)
{
	return t == RESP_ARRAY || t == RESP_MAP || t == RESP_SET || t == RESP_PUSH || t == RESP_ATTRIBUTE;
}

/* One token below `parent`. Returns its node. */
static uint32_t put(struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, const struct resp_token *k)
{
	struct bytes in = dx_source_bytes(t, src, off, (size_t)k->len);
	uint32_t g = dx_octets(
		t, parent, &fields[aggregate(k->type) ? F_AGGREGATE : F_SCALAR], src, off, (size_t)k->len);
	bool bulk = k->type == RESP_BULK || k->type == RESP_BULK_ERROR || k->type == RESP_VERBATIM;
	if (k->type != RESP_INLINE)
		dx_octets(t, g, &fields[F_MARK], src, off, 1);
	size_t line = 0;
	while (line < in.n && in.p[line] != '\r' && in.p[line] != '\n')
		line++;
	size_t start = k->type == RESP_INLINE ? 0 : 1;
	if (line > start)
		dx_octets(t, g, &fields[bulk || aggregate(k->type) ? F_LENGTH : F_TEXT], src, off + start,
			line - start);
	if (bulk && k->data.n)
		dx_octets(t, g, &fields[F_OCTETS], src, off + (size_t)k->len - 2 - k->data.n, k->data.n);
	return g;
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct resp_dec d;
	struct resp_token k;
	uint32_t at_depth[RESP_DEPTH_MAX + 1] = {parent};
	size_t start[RESP_DEPTH_MAX + 1] = {0};
	int r;
	(void)h;
	resp_dec_init(&d, t->al, RESP_BULK_OCTETS_MAX);
	d.inline_commands = true;
	if (!resp_dec_feed(&d, in))
		t->failed = true;
	unsigned depth = 0;
	while ((r = resp_dec_next(&d, &k)) == 1) {
		uint32_t g = put(t, at_depth[k.depth], src, off + (size_t)k.off, &k);
		depth = d.depth;
		if (depth > k.depth) {
			at_depth[depth] = g;
			start[depth] = (size_t)k.off;
		}
		/* Enclosing aggregates reach as far as their elements do. */
		for (unsigned i = 1; i <= k.depth; i++)
			dx_set_len(t, at_depth[i], (size_t)(k.off + k.len) - start[i]);
	}
	size_t end = (size_t)d.off;
	if (end < in.n) {
		uint32_t rest = dx_octets(t, at_depth[depth], &fields[F_FAULT], src, off + end, in.n - end);
		if (r < 0)
			dx_flag(t, rest, DX_BAD, "%s, at octet %llu", d.err.what,
				(unsigned long long)d.err.off);
		else
			dx_flag(t, rest, DX_CUT, NULL);
	}
	resp_dec_fini(&d);
	return end;
}

const struct dx_proto dx_resp = {"resp", "Redis serialization protocol", REF, fields, F_COUNT, dissect};
