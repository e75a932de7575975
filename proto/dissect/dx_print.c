/*
 * dx_print: a tree as indented text, and as JSON.
 *
 *   0-5      Frame
 *     0:0      FIN: 1 (final)           octets from-to, or octet:bit or octet:bit-bit inside one octet
 *     2-5      Masking key: 37fa213d
 */
#include "proto/base/codec.h"
#include "proto/base/jtext.h"
#include "proto/base/utf8.h"
#include "proto/dissect/dissect.h"
#include "proto/wire/wire.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_OCTETS_MAX 64u /* of a value in text; JSON gives up to JSON_OCTETS_MAX */
#define JSON_OCTETS_MAX 65536u

static void put(struct buf *out, const char *fmt, unsigned long long v)
{
	char s[64];
	snprintf(s, sizeof s, fmt, v);
	buf_str(out, s);
}

static void put_text_value(struct buf *out, struct bytes b, size_t max)
{
	size_t n = b.n < max ? b.n : max;
	buf_u8(out, '"');
	for (size_t i = 0; i < n; i++) {
		uint8_t c = b.p[i];
		if (c == '\r')
			buf_str(out, "\\r");
		else if (c == '\n')
			buf_str(out, "\\n");
		else if (c == '\t')
			buf_str(out, "\\t");
		else if (c == '"' || c == '\\') {
			buf_u8(out, '\\');
			buf_u8(out, c);
		} else if (c < 0x20 || c == 0x7f)
			put(out, "\\x%02llx", c);
		else if (c < 0x80)
			buf_u8(out, c);
		else {
			size_t k = 1;
			while (i + k < b.n && k < 4 && (b.p[i + k] & 0xc0) == 0x80)
				k++;
			if (utf8_valid(bytes_sub(b, i, k))) {
				buf_add(out, bytes_sub(b, i, k));
				i += k - 1;
			} else
				put(out, "\\x%02llx", c);
		}
	}
	buf_u8(out, '"');
	if (n < b.n)
		put(out, " … (%llu octets)", b.n);
}

static void put_address(struct buf *out, enum dx_type type, struct bytes b)
{
	char text[IP_ADDR_TEXT_MAX];
	struct ip_addr a = {.v = type == DX_IPV4 ? 4 : 6};
	if (type == DX_MAC) {
		for (size_t i = 0; i < b.n; i++)
			put(out, i > 0 ? ":%02llx" : "%02llx", b.p[i]);
		return;
	}
	if (b.n > 0)
		memcpy(a.a, b.p, b.n < 16 ? b.n : 16);
	buf_str(out, ip_addr_text(&a, text));
}

/* Without the word for the value. */
static void put_plain_value(struct buf *out, const struct dx_tree *t, uint32_t node, size_t max)
{
	const struct dx_node *n = &t->nodes[node];
	struct bytes b = dx_node_bytes(t, node);
	switch (n->field->type) {
	case DX_GROUP:
		break;
	case DX_UINT:
	case DX_BOOL:
		put(out, "%llu", n->value);
		break;
	case DX_HEX: {
		char fmt[16];
		snprintf(fmt, sizeof fmt, "0x%%0%dllx",
			(int)((n->bit_len + 3) / 4 > 16 ? 16 : (n->bit_len + 3) / 4));
		put(out, fmt, n->value);
		break;
	}
	case DX_BYTES:
		hex_put(out, bytes_sub(b, 0, b.n < max ? b.n : max));
		if (b.n > max)
			put(out, " … (%llu octets)", b.n);
		break;
	case DX_TEXT:
		put_text_value(out, b, max);
		break;
	case DX_IPV4:
	case DX_IPV6:
	case DX_MAC:
		put_address(out, n->field->type, b);
		break;
	}
}

void dx_put_value(struct buf *out, const struct dx_tree *t, uint32_t node)
{
	const struct dx_node *n = &t->nodes[node];
	const char *word = dx_value_name(n);
	if (n->field->type == DX_TEXT && word != NULL && n->bit_len == 0)
		buf_str(out, word);
	else
		put_plain_value(out, t, node, SHOWN_OCTETS_MAX);
	if (word != NULL && n->field->type != DX_TEXT) {
		buf_str(out, " (");
		buf_str(out, word);
		buf_u8(out, ')');
	}
}

static void put_range(struct buf *out, const struct dx_node *n)
{
	size_t before = out->n;
	unsigned long long from = n->bit_off / 8, bit = n->bit_off % 8, last = n->bit_off + n->bit_len;
	if (n->flags & DX_DERIVED) {
		buf_u8(out, '-');
	} else if (n->bit_len == 0) {
		put(out, "%llu", from);
		buf_u8(out, '.');
	} else {
		last--;
		put(out, "%llu", from);
		if (bit != 0 || (last + 1) % 8 != 0) {
			put(out, ":%llu", bit);
			if (n->bit_len > 1 && last / 8 == from)
				put(out, "-%llu", last % 8);
			else if (last / 8 != from) {
				put(out, "-%llu", last / 8);
				put(out, ":%llu", last % 8);
			}
		} else if (last / 8 != from) {
			put(out, "-%llu", last / 8);
		}
	}
	while (out->n - before < 10 && !out->failed)
		buf_u8(out, ' ');
	buf_u8(out, ' ');
}

void dx_put_text(struct buf *out, const struct dx_tree *t)
{
	unsigned depth = 0;
	uint32_t shown = 0;
	for (uint32_t i = t->n_nodes > 0 ? 0 : DX_NONE; i != DX_NONE; i = dx_walk(t, i, &depth)) {
		const struct dx_node *n = &t->nodes[i];
		if (n->source != shown && (n->parent == DX_NONE || t->nodes[n->parent].source != n->source)) {
			for (unsigned k = 0; k < depth; k++)
				buf_str(out, "  ");
			put(out, "in source %llu, ", n->source);
			buf_str(out, t->sources[n->source].name);
			put(out, ", %llu octets:\n", t->sources[n->source].data.n);
		}
		shown = n->source;
		for (unsigned k = 0; k < depth; k++)
			buf_str(out, "  ");
		put_range(out, n);
		buf_str(out, n->field->title);
		if (n->field->type != DX_GROUP) {
			buf_str(out, ": ");
			dx_put_value(out, t, i);
		}
		if (n->flags & DX_BAD)
			buf_str(out, "  ! ");
		else if (n->flags & DX_CUT)
			buf_str(out, "  (cut short)");
		if (dx_note(t, i) != NULL) {
			buf_str(out, n->flags & DX_BAD ? "" : "  -- ");
			buf_str(out, dx_note(t, i));
		}
		buf_u8(out, '\n');
	}
	if (t->truncated)
		buf_str(out, "(the tree was cut: it reached its limits)\n");
}

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

static void put_member(struct buf *out, const char *name, const char *value)
{
	buf_str(out, ",\"");
	buf_str(out, name);
	buf_str(out, "\":");
	jt_quote(out, bytes_str(value));
}

static void put_json_value(struct buf *out, const struct dx_tree *t, uint32_t node)
{
	const struct dx_node *n = &t->nodes[node];
	struct buf text;
	switch (n->field->type) {
	case DX_GROUP:
		return;
	case DX_BOOL:
		buf_str(out, n->value ? ",\"value\":true" : ",\"value\":false");
		return;
	case DX_UINT:
	case DX_HEX:
		put(out, ",\"value\":%llu", n->value);
		return;
	case DX_TEXT:
		buf_str(out, ",\"value\":");
		jt_quote(out, dx_node_bytes(t, node));
		return;
	case DX_BYTES:
	case DX_IPV4:
	case DX_IPV6:
	case DX_MAC:
		buf_init(&text, out->al, SIZE_MAX);
		put_plain_value(&text, t, node, JSON_OCTETS_MAX);
		buf_str(out, ",\"value\":");
		jt_quote(out, buf_bytes(&text));
		out->failed |= text.failed;
		buf_fini(&text);
		return;
	}
}

static void put_json_node(struct buf *out, const struct dx_tree *t, uint32_t node)
{
	const struct dx_node *n = &t->nodes[node];
	buf_str(out, "{\"field\":");
	jt_quote(out, bytes_str(n->field->abbrev));
	put_member(out, "title", n->field->title);
	put(out, ",\"source\":%llu", n->source);
	put(out, ",\"off\":%llu", n->bit_off / 8);
	put(out, ",\"len\":%llu", dx_node_bytes(t, node).n);
	put(out, ",\"bit_off\":%llu", n->bit_off);
	put(out, ",\"bit_len\":%llu", n->bit_len);
	put_json_value(out, t, node);
	if (dx_value_name(n) != NULL)
		put_member(out, "name", dx_value_name(n));
	if (dx_meaning(n) != NULL)
		put_member(out, "meaning", dx_meaning(n));
	if (n->field->ref != NULL && n->field->ref[0] != '\0')
		put_member(out, "ref", n->field->ref);
	if (n->flags & DX_BAD)
		buf_str(out, ",\"bad\":true");
	if (n->flags & DX_CUT)
		buf_str(out, ",\"cut\":true");
	if (n->flags & DX_DERIVED)
		buf_str(out, ",\"derived\":true");
	if (dx_note(t, node) != NULL)
		put_member(out, "note", dx_note(t, node));
}

void dx_put_json(struct buf *out, const struct dx_tree *t, const struct dx_proto *p)
{
	buf_str(out, "{\"backtalk\":1,\"format\":\"dissection/1\",\"protocol\":");
	jt_quote(out, bytes_str(p->name));
	buf_str(out, ",\"sources\":[");
	for (uint32_t i = 0; i < t->n_sources; i++) {
		buf_str(out, i > 0 ? ",{\"name\":" : "{\"name\":");
		jt_quote(out, bytes_str(t->sources[i].name));
		put(out, ",\"octets\":%llu", t->sources[i].data.n);
		if (i > 0) {
			struct bytes b = t->sources[i].data;
			buf_str(out, ",\"hex\":\"");
			hex_put(out, bytes_sub(b, 0, b.n < JSON_OCTETS_MAX ? b.n : JSON_OCTETS_MAX));
			buf_u8(out, '"');
		}
		buf_u8(out, '}');
	}
	buf_str(out, "],\"tree\":");
	unsigned depth = 0;
	for (uint32_t i = t->n_nodes > 0 ? 0 : DX_NONE; i != DX_NONE;) {
		put_json_node(out, t, i);
		unsigned was = depth;
		uint32_t after = dx_walk(t, i, &depth);
		if (after != DX_NONE && depth > was) {
			buf_str(out, ",\"children\":[");
		} else {
			buf_u8(out, '}');
			for (unsigned k = after == DX_NONE ? 0 : depth; k < was; k++)
				buf_str(out, "]}");
			if (after != DX_NONE)
				buf_u8(out, ',');
		}
		i = after;
	}
	if (t->n_nodes == 0)
		buf_str(out, "null");
	buf_str(out, t->truncated ? ",\"truncated\":true}\n" : "}\n");
}
