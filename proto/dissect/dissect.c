/*
 * dissect: the tree and its sources. See dissect.h for the contract; dx_print.c writes trees.
 */
#include "proto/dissect/dx_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX (8u << 20) /* octets of notes in one tree */

const struct dx_proto *const dx_protos[] = {
#define X(name) &dx_##name,
#include "proto/dissect/dissectors.def"
#undef X
	NULL,
};

const struct dx_proto *dx_proto_find(const char *name)
{
	for (size_t i = 0; dx_protos[i] != NULL; i++)
		if (strcmp(dx_protos[i]->name, name) == 0)
			return dx_protos[i];
	return NULL;
}

const struct dx_field *dx_field_find(const char *abbrev, const struct dx_proto **proto)
{
	for (size_t i = 0; dx_protos[i] != NULL; i++)
		for (uint32_t k = 0; k < dx_protos[i]->n_fields; k++)
			if (strcmp(dx_protos[i]->fields[k].abbrev, abbrev) == 0) {
				if (proto != NULL)
					*proto = dx_protos[i];
				return &dx_protos[i]->fields[k];
			}
	return NULL;
}

void dx_tree_init(struct dx_tree *t, const struct alloc *al)
{
	*t = (struct dx_tree){.al = al};
	buf_init(&t->text, al, TEXT_MAX);
}

void dx_tree_fini(struct dx_tree *t)
{
	for (uint32_t i = 0; i < t->n_sources; i++)
		if (t->sources[i].owned)
			alloc_put(t->al, (void *)(uintptr_t)t->sources[i].data.p, t->sources[i].data.n);
	alloc_put(t->al, t->sources, t->cap_sources * sizeof *t->sources);
	alloc_put(t->al, t->nodes, t->cap_nodes * sizeof *t->nodes);
	buf_fini(&t->text);
	memset(t, 0, sizeof *t);
}

/* Doubles an array. False when out of memory. */
static bool grow(const struct alloc *al, void **p, uint32_t *cap, size_t size)
{
	uint32_t n = *cap ? *cap * 2 : 64;
	void *q = al->resize(al->ctx, *p, *cap * size, n * size);
	if (q == NULL)
		return false;
	*p = q;
	*cap = n;
	return true;
}

uint32_t dx_source_add(struct dx_tree *t, const char *name, uint32_t from_node, struct bytes data, bool copy)
{
	if (t->n_sources == DX_SOURCES_MAX) {
		t->truncated = true;
		return DX_NONE;
	}
	if (t->n_sources == t->cap_sources) {
		void *p = t->sources;
		if (!grow(t->al, &p, &t->cap_sources, sizeof *t->sources)) {
			t->failed = true;
			return DX_NONE;
		}
		t->sources = p;
	}
	if (copy && data.n > 0) {
		uint8_t *own = alloc_get(t->al, data.n);
		if (own == NULL) {
			t->failed = true;
			return DX_NONE;
		}
		memcpy(own, data.p, data.n);
		data.p = own;
	}
	t->sources[t->n_sources] = (struct dx_source){
		.data = data, .name = name, .from_node = from_node, .owned = copy && data.n > 0};
	return t->n_sources++;
}

static unsigned depth_of(const struct dx_tree *t, uint32_t node)
{
	unsigned d = 0;
	for (; node != DX_NONE; node = t->nodes[node].parent)
		d++;
	return d;
}

static void link_child(struct dx_tree *t, uint32_t parent, uint32_t node)
{
	if (parent == DX_NONE)
		return;
	struct dx_node *p = &t->nodes[parent];
	if (p->last_child == DX_NONE)
		p->first_child = node;
	else
		t->nodes[p->last_child].next = node;
	p->last_child = node;
}

uint32_t dx_add(struct dx_tree *t, uint32_t parent, const struct dx_field *f, uint32_t src, uint64_t bit_off,
	uint64_t bit_len, uint64_t value)
{
	if (src == DX_NONE || (parent == DX_NONE && t->n_nodes > 0))
		return DX_NONE;
	if (t->n_nodes == DX_NODES_MAX || depth_of(t, parent) >= DX_DEPTH_MAX) {
		t->truncated = true;
		return DX_NONE;
	}
	if (t->n_nodes == t->cap_nodes) {
		void *p = t->nodes;
		if (!grow(t->al, &p, &t->cap_nodes, sizeof *t->nodes)) {
			t->failed = true;
			return DX_NONE;
		}
		t->nodes = p;
	}
	uint64_t end = (uint64_t)t->sources[src].data.n * 8;
	uint32_t flags = 0;
	if (bit_off > end)
		bit_off = end;
	if (bit_len > end - bit_off) {
		bit_len = end - bit_off;
		flags = DX_CUT;
	}
	uint32_t node = t->n_nodes++;
	t->nodes[node] = (struct dx_node){
		.field = f,
		.bit_off = bit_off,
		.value = value,
		.bit_len = bit_len,
		.source = src,
		.parent = parent,
		.first_child = DX_NONE,
		.last_child = DX_NONE,
		.next = DX_NONE,
		.flags = flags,
	};
	link_child(t, parent, node);
	return node;
}

uint32_t dx_bits(struct dx_tree *t, uint32_t parent, const struct dx_field *f, uint32_t src, size_t off,
	unsigned bit, unsigned len)
{
	if (src == DX_NONE)
		return DX_NONE;
	struct bytes data = t->sources[src].data;
	uint64_t at = (uint64_t)off * 8 + bit, value = 0, end = (uint64_t)data.n * 8;
	for (uint64_t i = at; i < at + len && i < end && len <= 64; i++)
		value = value << 1 | (data.p[i / 8] >> (7 - i % 8) & 1);
	return dx_add(t, parent, f, src, at, len, value);
}

uint32_t dx_octets(
	struct dx_tree *t, uint32_t parent, const struct dx_field *f, uint32_t src, size_t off, size_t len)
{
	if (len <= 8)
		return dx_bits(t, parent, f, src, off, 0, (unsigned)len * 8);
	return dx_add(t, parent, f, src, (uint64_t)off * 8, (uint64_t)len * 8, 0);
}

void dx_set_len(struct dx_tree *t, uint32_t node, size_t octets)
{
	if (node == DX_NONE)
		return;
	struct dx_node *n = &t->nodes[node];
	uint64_t end = (uint64_t)t->sources[n->source].data.n * 8, len = (uint64_t)octets * 8;
	n->flags &= ~DX_CUT;
	if (len > end - n->bit_off) {
		len = end - n->bit_off;
		n->flags |= DX_CUT;
	}
	n->bit_len = len;
}

void dx_flag(struct dx_tree *t, uint32_t node, uint32_t flags, const char *fmt, ...)
{
	if (node == DX_NONE)
		return;
	t->nodes[node].flags |= flags;
	if (fmt == NULL)
		return;
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	size_t at = t->text.n;
	buf_add(&t->text, (struct bytes){(const uint8_t *)line, strlen(line) + 1});
	if (!t->text.failed)
		t->nodes[node].note = (uint32_t)at + 1;
	else
		t->truncated = true;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

const char *dx_note(const struct dx_tree *t, uint32_t node)
{
	uint32_t at = t->nodes[node].note;
	return at != 0 ? (const char *)t->text.p + at - 1 : NULL;
}

static const struct dx_name *name_row(const struct dx_node *n)
{
	const struct dx_name *row = n->field->names;
	for (; row != NULL && row->name != NULL; row++)
		if (row->value == n->value)
			return row;
	return NULL;
}

const char *dx_value_name(const struct dx_node *n)
{
	const struct dx_name *row = name_row(n);
	return row != NULL ? row->name : NULL;
}

const char *dx_meaning(const struct dx_node *n)
{
	const struct dx_name *row = name_row(n);
	return row != NULL && row->help != NULL ? row->help : n->field->help;
}

struct bytes dx_node_bytes(const struct dx_tree *t, uint32_t node)
{
	const struct dx_node *n = &t->nodes[node];
	size_t from = (size_t)(n->bit_off / 8), to = (size_t)((n->bit_off + n->bit_len + 7) / 8);
	return bytes_sub(t->sources[n->source].data, from, to > from ? to - from : 0);
}

uint32_t dx_walk(const struct dx_tree *t, uint32_t node, unsigned *depth)
{
	if (node >= t->n_nodes)
		return DX_NONE;
	if (t->nodes[node].first_child != DX_NONE) {
		++*depth;
		return t->nodes[node].first_child;
	}
	while (t->nodes[node].next == DX_NONE) {
		node = t->nodes[node].parent;
		if (node == DX_NONE)
			return DX_NONE;
		--*depth;
	}
	return t->nodes[node].next;
}

uint32_t dx_at_bit(const struct dx_tree *t, uint32_t src, uint64_t bit)
{
	uint32_t best = DX_NONE;
	uint64_t best_len = UINT64_MAX;
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		const struct dx_node *n = &t->nodes[i];
		if (n->source != src || bit < n->bit_off || bit - n->bit_off >= n->bit_len)
			continue;
		/* Later nodes are deeper or further right: with equal length the deeper one wins. */
		if (n->bit_len <= best_len) {
			best = i;
			best_len = n->bit_len;
		}
	}
	return best;
}

/* ---- starting ---------------------------------------------------------------------------------------------------- */

static const struct dx_field root_field = {
	"octets", "Octets", DX_GROUP, DX_VARIES, NULL, "", "The octets that were given."};

bool dx_dissect(struct dx_tree *t, const struct dx_proto *p, struct bytes in, const struct dx_hints *h)
{
	static const struct dx_hints none = {.src_port = 0};
	uint32_t src = dx_source_add(t, "input", DX_NONE, in, false);
	uint32_t root = dx_add(t, DX_NONE, &root_field, src, 0, (uint64_t)in.n * 8, 0);
	if (root != DX_NONE)
		p->dissect(t, root, src, 0, in.n, h != NULL ? h : &none);
	return !t->failed;
}

struct bytes dx_source_bytes(const struct dx_tree *t, uint32_t src, size_t off, size_t len)
{
	if (src == DX_NONE || off > t->sources[src].data.n)
		return BYTES_NONE;
	struct bytes all = t->sources[src].data;
	return bytes_sub(all, off, len < all.n - off ? len : all.n - off);
}

static bool starts(struct bytes b, const char *with)
{
	size_t n = strlen(with);
	return b.n >= n && memcmp(b.p, with, n) == 0;
}

const struct dx_proto *dx_guess_stream(struct bytes b)
{
	static const char *const http[] = {
		"HTTP/1.", "GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT "};
	for (size_t i = 0; i < sizeof http / sizeof *http; i++)
		if (starts(b, http[i]))
			return &dx_http1;
	return NULL;
}
