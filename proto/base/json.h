/*
 * json: a strict reader of JSON texts (RFC 8259) that keeps positions.
 *
 * The text is not copied and numbers are not converted: a node says what it is and where it stands, so a payload can
 * be passed on as it came. Limits: JSON_DEPTH_MAX, JSON_NODES_MAX.
 */
#ifndef PROTO_BASE_JSON_H
#define PROTO_BASE_JSON_H

#include "proto/base/base.h"

#define JSON_DEPTH_MAX 256
#define JSON_NODES_MAX 200000u
#define JSON_NONE UINT32_MAX

enum json_type { JSON_NULL, JSON_FALSE, JSON_TRUE, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_node {
	enum json_type type;
	uint32_t off, len;         /* in the text, quotes and brackets included */
	uint32_t key_off, key_len; /* of a member of an object: its name, quotes included; else 0 */
	uint32_t parent, child, last, next, count;
};

struct json {
	const struct alloc *al;
	struct bytes text;
	struct json_node *nodes; /* node 0 is the whole value */
	uint32_t n, cap;
	size_t end;      /* octets read, trailing white space included */
	struct perr err; /* code -1: out of memory */
};

/* Parses the whole of `text` (borrowed as long as *j is used). False: j->err. Always end with json_fini. */
bool json_parse(struct json *j, const struct alloc *al, struct bytes text);
void json_fini(struct json *j);

/* The member of that name (the last one, as browsers have it), or JSON_NONE. `obj` may be JSON_NONE. */
uint32_t json_get(const struct json *j, uint32_t obj, const char *name);
/* The i-th element of an array or member of an object, or JSON_NONE. */
uint32_t json_at(const struct json *j, uint32_t node, uint32_t i);
bool json_is(const struct json *j, uint32_t node, enum json_type type);
/* The text of a node as it stands. */
struct bytes json_text(const struct json *j, uint32_t node);
/* Appends the octets a string stands for; an unpaired surrogate becomes U+FFFD. `raw` has its quotes. */
void json_unescape(struct buf *out, struct bytes raw);
/* Is the node a string of that value? */
bool json_str_is(const struct json *j, uint32_t node, const char *s);
/* The value of an integer without sign, fraction or exponent, at most `max`. */
bool json_uint(const struct json *j, uint32_t node, uint64_t max, uint64_t *value);

/* Appends a string with quotes and escapes (RFC 8259 7); octets that are not UTF-8 become U+FFFD. */
void json_quote(struct buf *out, struct bytes s);

#endif
