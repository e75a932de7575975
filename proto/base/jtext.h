/*
 * jtext: a strict reader of JSON texts (RFC 8259) that keeps positions.
 *
 * The text is not copied and numbers are not converted: a node says what it is and where it stands, so a payload can
 * be passed on as it came. Limits: JT_DEPTH_MAX, JT_NODES_MAX.
 */
#ifndef PROTO_BASE_JTEXT_H
#define PROTO_BASE_JTEXT_H

#include "proto/base/base.h"

#define JT_DEPTH_MAX 256
#define JT_NODES_MAX 200000u
#define JT_NONE UINT32_MAX

enum jtype { JT_NULL, JT_FALSE, JT_TRUE, JT_NUMBER, JT_STRING, JT_ARRAY, JT_OBJECT };

struct jnode {
	enum jtype type;
	uint32_t off, len;         /* in the text, quotes and brackets included */
	uint32_t key_off, key_len; /* of a member of an object: its name, quotes included; else 0 */
	uint32_t parent, child, last, next, count;
};

struct jtext {
	const struct alloc *al;
	struct bytes text;
	struct jnode *nodes; /* node 0 is the whole value */
	uint32_t n, cap;
	size_t end;      /* octets read, trailing white space included */
	struct perr err; /* code -1: out of memory */
};

/* Parses the whole of `text` (borrowed as long as *j is used). False: j->err. Always end with jt_fini. */
bool jt_parse(struct jtext *j, const struct alloc *al, struct bytes text);
void jt_fini(struct jtext *j);

/* The member of that name (the last one, as browsers have it), or JT_NONE. `obj` may be JT_NONE. */
uint32_t jt_get(const struct jtext *j, uint32_t obj, const char *name);
/* The i-th element of an array or member of an object, or JT_NONE. */
uint32_t jt_at(const struct jtext *j, uint32_t node, uint32_t i);
bool jt_is(const struct jtext *j, uint32_t node, enum jtype type);
/* The text of a node as it stands. */
struct bytes jt_text(const struct jtext *j, uint32_t node);
/* Appends the octets a string stands for; an unpaired surrogate becomes U+FFFD. `raw` has its quotes. */
void jt_unescape(struct buf *out, struct bytes raw);
/* Is the node a string of that value? */
bool jt_str_is(const struct jtext *j, uint32_t node, const char *s);
/* The value of an integer without sign, fraction or exponent, at most `max`. */
bool jt_uint(const struct jtext *j, uint32_t node, uint64_t max, uint64_t *value);

/* Appends a string with quotes and escapes (RFC 8259 7); octets that are not UTF-8 become U+FFFD, and no control octet is left
 * that a terminal could obey. */
void jt_quote(struct buf *out, struct bytes s);

#endif
