/*
 * doc: a YAML file as a tree in which every value knows its place.
 *
 * YAML is read through libfyaml's event interface, never through its document interface: anchors, aliases, tags,
 * directives and further documents are refused when they are seen, so nothing is ever expanded. Before libfyaml sees
 * a byte, the text is checked: at most 1 MB, UTF-8, no NUL and no other control character.
 *
 * Lines and columns count from 1; a column is a character, not a byte. CRLF is accepted; a UTF-8 byte order mark at
 * the very start is skipped.
 */
#ifndef SIM_SCENARIO_DOC_H
#define SIM_SCENARIO_DOC_H

#include "sim/scenario/arena.h"
#include "sim/scenario/diag.h"

enum {
	DOC_BYTES_MAX = 1000000, /* of one file */
	DOC_DEPTH_MAX = 8,       /* mappings and lists inside each other */
	DOC_ENTRIES_MAX = 10000, /* of one mapping or list */
	DOC_SCALAR_MAX = 65536,  /* bytes of one value */
	DOC_SOURCES_MAX = 256,   /* files and --set texts of one plan */
};

enum doc_kind { DOC_SCALAR, DOC_MAP, DOC_LIST };

struct doc_node {
	enum doc_kind kind;
	bool quoted;   /* "none" is the text, not the word */
	uint16_t src;  /* index into doc.src */
	uint32_t span; /* columns of the value, for the caret */
	struct src_pos pos, key_pos;
	const char *key;  /* name within a mapping, or NULL */
	const char *text; /* of a scalar; "" for an empty one */
	struct doc_node *parent, *first, *last, *next;
	uint32_t n; /* children */
};

/* Where text came from: a file, or a --set option (then the "file" is one line). */
struct doc_src {
	const char *name, *text;
	size_t len;
};

struct doc {
	struct arena arena;
	struct doc_src src[DOC_SOURCES_MAX];
	uint16_t nsrc;
	struct diags *ds; /* borrowed; where complaints go */
	bool allow_empty; /* an empty file is an empty mapping */
};

void doc_init(struct doc *d, struct diags *ds);
void doc_fini(struct doc *d);

/* Registers a source (text copied) and returns its index; past the limit the last index is shared. */
uint16_t doc_add_src(struct doc *d, const char *name, const char *text, size_t len);
/* Parses a registered source. NULL after complaints. */
struct doc_node *doc_parse(struct doc *d, uint16_t src);
/* Reads a whole file (at most DOC_BYTES_MAX) and parses it. */
struct doc_node *doc_read(struct doc *d, const char *path);

/* A child of a mapping, NULL when absent or when `map` is NULL or no mapping. */
struct doc_node *doc_get(const struct doc_node *map, const char *key);
/* Appends `child` to a mapping or list. */
void doc_append(struct doc_node *parent, struct doc_node *child);
struct doc_node *doc_new(struct doc *d, enum doc_kind kind, uint16_t src, struct src_pos pos);
/* A deep copy into the same doc. */
struct doc_node *doc_clone(struct doc *d, const struct doc_node *n);
/* Gives `to` the value (kind, text, children, place) of `from`; its key and parent stay. */
void doc_replace(struct doc_node *to, struct doc_node *from);

/* The node as one line of YAML that reads back as the same tree: {"at": "60s", "cut": "lte"}. Arena of `d`. */
const char *doc_flow(struct doc *d, const struct doc_node *n);

/* A complaint at a node's value, or at its key. `hint` may be NULL. */
struct diag *doc_error(struct doc *d, const struct doc_node *n, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
struct diag *doc_key_error(struct doc *d, const struct doc_node *n, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* At a place of a source. `col` and `span` in characters. */
struct diag *doc_error_at(struct doc *d, uint16_t src, struct src_pos pos, uint32_t span, const char *hint,
	const char *fmt, ...) __attribute__((format(printf, 6, 7)));

#endif
