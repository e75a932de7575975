/*
 * dissect: octets → a tree of fields, each with its exact bits, value, meaning and the section that defines it.
 *
 *   what a field is     struct dx_field: one row of a constant table per protocol. The same table serves the tree, the
 *                       `explain` command and the reference page, so they cannot drift.
 *   where it was found  struct dx_node: a range of bits in a source, a value, links to parent, child and sibling.
 *   source              some octets: 0 is what was given (a frame, a stream); further ones are made on the way (an unmasked
 *                       payload, a de-chunked body, a decompressed message) and remember the node they came from.
 *
 * Dissectors read hostile input: they never read past the source, and what does not fit the protocol becomes a node flagged
 * DX_BAD with the reason, never a crash. A tree has at most DX_NODES_MAX nodes; then it is marked `truncated`.
 */
#ifndef PROTO_DISSECT_DISSECT_H
#define PROTO_DISSECT_DISSECT_H

#include "proto/base/base.h"

#define DX_NODES_MAX 200000u
#define DX_SOURCES_MAX 4096u
#define DX_DEPTH_MAX 24u
#define DX_NONE UINT32_MAX

/* How wide a field is, where its table does not say a number of bits. */
#define DX_VARIES 0u         /* as long as another field, a delimiter or the value itself makes it */
#define DX_VARINT UINT16_MAX /* 8, 16, 32 or 64 bits, the first two of which say which (RFC 9000 16) */

enum dx_type {
	DX_GROUP, /* holds other fields; value unused */
	DX_UINT,  /* decimal number */
	DX_HEX,   /* number shown in hex */
	DX_BOOL,  /* one bit */
	DX_BYTES, /* octets shown in hex */
	DX_TEXT,  /* octets shown as text, with escapes */
	DX_IPV4,
	DX_IPV6,
	DX_MAC,
};

/* Words for values, ended by a row whose name is NULL. */
struct dx_name {
	uint64_t value;
	const char *name;
	const char *help; /* a sentence, or NULL */
};

/* What a field is. `abbrev` is unique over all protocols ("ws.opcode"), `help` is at least one whole sentence. */
struct dx_field {
	const char *abbrev, *title;
	enum dx_type type;
	uint16_t bits; /* its width; DX_VARIES, DX_VARINT */
	const struct dx_name *names;
	const char *ref, *help;
};

#define DX_BAD 1u     /* breaks a rule: note says which */
#define DX_CUT 2u     /* goes on beyond the octets that are there */
#define DX_DERIVED 4u /* stands for no octets of its own: computed */
#define DX_FOLD 8u    /* a view may show it closed at first */

/* Where a field was found. Index 0 of a tree is its root. Lengths in bits; bit 0 of an octet is its most significant. */
struct dx_node {
	const struct dx_field *field;
	uint64_t bit_off, value;
	uint64_t bit_len;
	uint32_t source, parent, first_child, last_child, next;
	uint32_t flags;
	uint32_t
		note; /* offset+1 into the tree's text: a sentence on this very value; 0 = none. Read with dx_note. */
};

struct dx_source {
	struct bytes data;
	const char *name;    /* "frame", "unmasked payload", "HTTP body" … */
	uint32_t from_node;  /* the node it was made from, DX_NONE for source 0 */
	uint64_t stream_off; /* what the first octet's offset is called in the outer stream (0 mostly) */
	bool owned;
};

struct dx_tree {
	const struct alloc *al;
	struct dx_node *nodes;
	uint32_t n_nodes, cap_nodes;
	struct dx_source *sources;
	uint32_t n_sources, cap_sources;
	struct buf text; /* notes */
	bool failed;     /* out of memory: the tree lacks nodes */
	bool truncated;  /* DX_NODES_MAX reached */
};

/* What a dissector may be told; all optional. */
struct dx_hints {
	bool to_server; /* direction: requests / client frames. `known` says whether this is meant */
	bool direction_known;
	bool pmd; /* WebSocket: permessage-deflate agreed; RSV1 messages are inflated */
	uint8_t pmd_bits;
	bool pmd_no_context_takeover;
	uint16_t src_port, dst_port;
	struct bytes method; /* HTTP response: method of its request */
};

/* A protocol that can be dissected. Appends nodes for source `src`, octets [off, off+len), below `parent`. Returns the octets
 * it could make sense of. */
struct dx_proto {
	const char *name, *title, *ref;
	const struct dx_field *fields;
	uint32_t n_fields;
	size_t (*dissect)(struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len,
		const struct dx_hints *h);
};

#define X(name) extern const struct dx_proto dx_##name;
#include "proto/dissect/dissectors.def"
#undef X
extern const struct dx_proto *const dx_protos[]; /* ended by NULL, in the order of dissectors.def */
const struct dx_proto *dx_proto_find(const char *name);
const struct dx_field *dx_field_find(const char *abbrev, const struct dx_proto **proto);

/* Sets up an empty tree. */
void dx_tree_init(struct dx_tree *t, const struct alloc *al);
void dx_tree_fini(struct dx_tree *t);
/* Dissects `in` (borrowed as long as the tree lives) as source 0 below a root. False when out of memory. */
bool dx_dissect(struct dx_tree *t, const struct dx_proto *p, struct bytes in, const struct dx_hints *h);

/* For dissectors: add a node. Ranges are clipped to the source (and flagged DX_CUT). Returns its index, or DX_NONE when the tree
 * is full: every function accepts DX_NONE as a node and then does nothing. */
uint32_t dx_add(struct dx_tree *t, uint32_t parent, const struct dx_field *f, uint32_t src, uint64_t bit_off,
	uint64_t bit_len, uint64_t value);
/* A field of whole octets whose value is read big-endian (up to 8 octets; longer: value 0). */
uint32_t dx_octets(
	struct dx_tree *t, uint32_t parent, const struct dx_field *f, uint32_t src, size_t off, size_t len);
/* A field of `len` bits starting `bit` bits into octet `off`; its value is read from the source. */
uint32_t dx_bits(struct dx_tree *t, uint32_t parent, const struct dx_field *f, uint32_t src, size_t off,
	unsigned bit, unsigned len);
/* Changes a group's length once it is known (octets). */
void dx_set_len(struct dx_tree *t, uint32_t node, size_t octets);
/* Adds flags and, when `fmt` is not NULL, a sentence. */
void dx_flag(struct dx_tree *t, uint32_t node, uint32_t flags, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Adds a source. A copy of `data` is made when `copy`; else it is borrowed. Returns its index or DX_NONE. */
uint32_t dx_source_add(struct dx_tree *t, const char *name, uint32_t from_node, struct bytes data, bool copy);

/* For readers. */
const char *dx_note(const struct dx_tree *t, uint32_t node); /* NULL when there is none */
/* The word for the node's value, or NULL. */
const char *dx_value_name(const struct dx_node *n);
/* The sentence that explains this value: the value's own help, else the field's. */
const char *dx_meaning(const struct dx_node *n);
/* Octets of a node (whole octets touched). */
struct bytes dx_node_bytes(const struct dx_tree *t, uint32_t node);
/* Appends the value as a person reads it ("443", "0x1a2b", "text (1)", "192.0.2.1", "\"data: x\""). */
void dx_put_value(struct buf *out, const struct dx_tree *t, uint32_t node);
/* The deepest node of `src` that covers bit `bit`, DX_NONE if none. */
uint32_t dx_at_bit(const struct dx_tree *t, uint32_t src, uint64_t bit);
/* The node after `node` in reading order, *depth kept up to date; DX_NONE at the end. Start with node 0, depth 0. */
uint32_t dx_walk(const struct dx_tree *t, uint32_t node, unsigned *depth);

/* Appends the whole tree as indented text, or as JSON with byte and bit ranges. */
void dx_put_text(struct buf *out, const struct dx_tree *t);
void dx_put_json(struct buf *out, const struct dx_tree *t, const struct dx_proto *p);
/* Appends what the tables say of every protocol, or of `only` when that is not NULL, as Markdown: the reference page. */
void dx_put_reference(struct buf *out, const struct dx_proto *only);

#endif
