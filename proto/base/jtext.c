/*
 * A strict JSON reader (RFC 8259) without recursion: the open containers are the chain of parents.
 */
#include "proto/base/jtext.h"

#include <string.h>

#include "proto/base/codec.h"
#include "proto/base/utf8.h"

struct reader {
	struct jtext *j;
	size_t at;
	unsigned depth;
};

static bool fail(struct reader *r, size_t at, const char *what, const char *ref)
{
	r->j->err = (struct perr){0, at, what, ref};
	return false;
}

static void skip_ws(struct reader *r)
{
	struct bytes t = r->j->text;
	while (r->at < t.n &&
		(t.p[r->at] == ' ' || t.p[r->at] == '\t' || t.p[r->at] == '\n' || t.p[r->at] == '\r'))
		r->at++;
}

static int peek(const struct reader *r)
{
	return r->at < r->j->text.n ? r->j->text.p[r->at] : -1;
}

/* A new node below `parent`, linked as its last child. JT_NONE: limit or memory. */
static uint32_t add_node(struct reader *r, uint32_t parent, enum jtype type)
{
	struct jtext *j = r->j;
	if (j->n >= JT_NODES_MAX) {
		fail(r, r->at, "too many values (JT_NODES_MAX)", "RFC 8259 9");
		return JT_NONE;
	}
	if (j->n == j->cap) {
		uint32_t cap = j->cap ? 2 * j->cap : 16;
		struct jnode *p = j->al->resize(j->al->ctx, j->nodes, j->cap * sizeof *p, cap * sizeof *p);
		if (!p) {
			fail(r, r->at, "out of memory", "");
			j->err.code = -1;
			return JT_NONE;
		}
		j->nodes = p;
		j->cap = cap;
	}
	uint32_t i = j->n++;
	j->nodes[i] = (struct jnode){.type = type,
		.off = (uint32_t)r->at,
		.parent = parent,
		.child = JT_NONE,
		.last = JT_NONE,
		.next = JT_NONE};
	if (parent != JT_NONE) {
		struct jnode *p = &j->nodes[parent];
		if (p->last == JT_NONE)
			p->child = i;
		else
			j->nodes[p->last].next = i;
		p->last = i;
		p->count++;
	}
	return i;
}

/* Four hex digits at `at`, or -1. */
static int32_t hex4(struct bytes t, size_t at)
{
	int32_t v = 0;
	if (at > t.n || t.n - at < 4)
		return -1;
	for (size_t i = 0; i < 4; i++) {
		int d = hex_digit(t.p[at + i]);
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

/* Skips a string; r->at stands on its opening quote. */
static bool skip_string(struct reader *r)
{
	struct bytes t = r->j->text;
	size_t i = r->at + 1;
	for (;; i++) {
		if (i >= t.n)
			return fail(r, i, "a string is not closed", "RFC 8259 7");
		uint8_t c = t.p[i];
		if (c == '"')
			break;
		if (c < 0x20)
			return fail(r, i, "a control character in a string is not escaped", "RFC 8259 7");
		if (c != '\\')
			continue;
		if (++i >= t.n)
			return fail(r, i, "a string is not closed", "RFC 8259 7");
		if (t.p[i] == 'u') {
			if (hex4(t, i + 1) < 0)
				return fail(r, i, "\\u needs four hex digits", "RFC 8259 7");
			i += 4;
		} else if (!memchr("\"\\/bfnrt", t.p[i], 8)) {
			return fail(r, i, "an unknown escape", "RFC 8259 7");
		}
	}
	r->at = i + 1;
	return true;
}

static size_t digits(const struct reader *r, size_t i)
{
	struct bytes t = r->j->text;
	while (i < t.n && t.p[i] >= '0' && t.p[i] <= '9')
		i++;
	return i;
}

static bool skip_number(struct reader *r)
{
	struct bytes t = r->j->text;
	size_t i = r->at, d;
	if (t.p[i] == '-')
		i++;
	if (i < t.n && t.p[i] == '0') {
		d = i + 1;
	} else {
		d = digits(r, i);
		if (d == i)
			return fail(r, i, "this is no value", "RFC 8259 3");
	}
	i = d;
	if (i < t.n && t.p[i] == '.') {
		d = digits(r, i + 1);
		if (d == i + 1)
			return fail(r, d, "a fraction needs digits", "RFC 8259 6");
		i = d;
	}
	if (i < t.n && (t.p[i] | 0x20) == 'e') {
		i++;
		if (i < t.n && (t.p[i] == '+' || t.p[i] == '-'))
			i++;
		d = digits(r, i);
		if (d == i)
			return fail(r, d, "an exponent needs digits", "RFC 8259 6");
		i = d;
	}
	r->at = i;
	return true;
}

static bool skip_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);
	struct bytes t = r->j->text;
	if (t.n - r->at < n || memcmp(t.p + r->at, word, n) != 0)
		return fail(r, r->at, "this is no value", "RFC 8259 3");
	r->at += n;
	return true;
}

static enum jtype type_of(int c)
{
	switch (c) {
	case '{':
		return JT_OBJECT;
	case '[':
		return JT_ARRAY;
	case '"':
		return JT_STRING;
	case 't':
		return JT_TRUE;
	case 'f':
		return JT_FALSE;
	case 'n':
		return JT_NULL;
	default:
		return JT_NUMBER;
	}
}

/* Reads a value's beginning: all of a scalar, the bracket of a container. *open is set for a container. */
static uint32_t begin_value(struct reader *r, uint32_t parent, bool *open)
{
	int c = peek(r);
	*open = false;
	if (c < 0) {
		fail(r, r->at, "a value is missing", "RFC 8259 2");
		return JT_NONE;
	}
	uint32_t i = add_node(r, parent, type_of(c));
	if (i == JT_NONE)
		return i;
	bool ok = true;
	switch (r->j->nodes[i].type) {
	case JT_OBJECT:
	case JT_ARRAY:
		ok = ++r->depth <= JT_DEPTH_MAX ||
		     fail(r, r->at, "nested too deep (JT_DEPTH_MAX)", "RFC 8259 9");
		r->at++;
		*open = true;
		break;
	case JT_STRING:
		ok = skip_string(r);
		break;
	case JT_TRUE:
		ok = skip_word(r, "true");
		break;
	case JT_FALSE:
		ok = skip_word(r, "false");
		break;
	case JT_NULL:
		ok = skip_word(r, "null");
		break;
	default:
		ok = skip_number(r);
	}
	r->j->nodes[i].len = (uint32_t)(r->at - r->j->nodes[i].off);
	return ok ? i : JT_NONE;
}

/* Reads `"name":` of a member. */
static bool read_key(struct reader *r, uint32_t *key_off, uint32_t *key_len)
{
	if (peek(r) != '"')
		return fail(r, r->at, "a member's name is missing", "RFC 8259 4");
	*key_off = (uint32_t)r->at;
	if (!skip_string(r))
		return false;
	*key_len = (uint32_t)r->at - *key_off;
	skip_ws(r);
	if (peek(r) != ':')
		return fail(r, r->at, "a colon is missing", "RFC 8259 4");
	r->at++;
	skip_ws(r);
	return true;
}

/* Closes containers as long as brackets close; then a comma or the end. *up: the container that goes on. */
static bool end_value(struct reader *r, uint32_t *up)
{
	for (;;) {
		skip_ws(r);
		if (*up == JT_NONE)
			return true;
		struct jnode *c = &r->j->nodes[*up];
		int close = c->type == JT_OBJECT ? '}' : ']';
		int got = peek(r);
		if (got == ',') {
			r->at++;
			skip_ws(r);
			return true;
		}
		if (got != close)
			return fail(r, r->at, "a comma or a closing bracket is missing", "RFC 8259 4");
		r->at++;
		r->depth--;
		c->len = (uint32_t)(r->at - c->off);
		*up = c->parent;
	}
}

static bool parse(struct reader *r)
{
	uint32_t up = JT_NONE;
	do {
		uint32_t key_off = 0, key_len = 0;
		bool open;
		if (up != JT_NONE && r->j->nodes[up].type == JT_OBJECT && !read_key(r, &key_off, &key_len))
			return false;
		uint32_t i = begin_value(r, up, &open);
		if (i == JT_NONE)
			return false;
		r->j->nodes[i].key_off = key_off;
		r->j->nodes[i].key_len = key_len;
		if (open) {
			up = i;
			skip_ws(r);
			if (peek(r) != (r->j->nodes[i].type == JT_OBJECT ? '}' : ']'))
				continue;
		}
		if (!end_value(r, &up))
			return false;
	} while (up != JT_NONE);
	return true;
}

bool jt_parse(struct jtext *j, const struct alloc *al, struct bytes text)
{
	*j = (struct jtext){.al = al, .text = text};
	struct reader r = {.j = j};
	uint8_t state = UTF8_START;
	if (text.n >= UINT32_MAX)
		return fail(&r, 0, "the text is too long", "RFC 8259 9");
	size_t ok = utf8_check(&state, text);
	if (state != UTF8_START)
		return fail(&r, ok, "the text is not UTF-8", "RFC 8259 8.1");
	skip_ws(&r);
	if (!parse(&r))
		return false;
	skip_ws(&r);
	j->end = r.at;
	return r.at == text.n || fail(&r, r.at, "something follows the value", "RFC 8259 2");
}

void jt_fini(struct jtext *j)
{
	alloc_put(j->al, j->nodes, j->cap * sizeof *j->nodes);
	j->nodes = NULL;
	j->n = j->cap = 0;
}

bool jt_is(const struct jtext *j, uint32_t node, enum jtype type)
{
	return node != JT_NONE && j->nodes[node].type == type;
}

struct bytes jt_text(const struct jtext *j, uint32_t node)
{
	if (node == JT_NONE)
		return BYTES_NONE;
	return bytes_sub(j->text, j->nodes[node].off, j->nodes[node].len);
}

uint32_t jt_at(const struct jtext *j, uint32_t node, uint32_t i)
{
	if (node == JT_NONE)
		return JT_NONE;
	uint32_t c = j->nodes[node].child;
	while (c != JT_NONE && i-- > 0)
		c = j->nodes[c].next;
	return c;
}

/* The octet behind a backslash and what it stands for (RFC 8259 7). */
static uint8_t short_escape(uint8_t c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	return (uint8_t)to[strchr(from, c) - from];
}

/* Compares a raw string (with quotes) with octets, escapes considered. */
static bool raw_is(struct bytes raw, struct bytes s)
{
	struct bytes in = bytes_sub(raw, 1, raw.n - 2);
	if (!in.n || !memchr(in.p, '\\', in.n))
		return bytes_eq(in, s);
	size_t k = 0;
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		if (c == '\\') {
			int32_t u = in.p[i + 1] == 'u' ? hex4(in, i + 2) : -1;
			if (u >= 0x80)
				return false; /* the names compared here are ASCII */
			c = u >= 0 ? (uint8_t)u : short_escape(in.p[i + 1]);
			i += u >= 0 ? 5 : 1;
		}
		if (k >= s.n || s.p[k++] != c)
			return false;
	}
	return k == s.n;
}

bool jt_str_is(const struct jtext *j, uint32_t node, const char *s)
{
	return jt_is(j, node, JT_STRING) && raw_is(jt_text(j, node), bytes_str(s));
}

uint32_t jt_get(const struct jtext *j, uint32_t obj, const char *name)
{
	uint32_t found = JT_NONE;
	if (!jt_is(j, obj, JT_OBJECT))
		return found;
	for (uint32_t c = j->nodes[obj].child; c != JT_NONE; c = j->nodes[c].next)
		if (raw_is(bytes_sub(j->text, j->nodes[c].key_off, j->nodes[c].key_len), bytes_str(name)))
			found = c;
	return found;
}

void jt_unescape(struct buf *out, struct bytes raw)
{
	struct bytes in = bytes_sub(raw, 1, raw.n - 2);
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != '\\') {
			buf_u8(out, in.p[i]);
			continue;
		}
		uint8_t c = in.p[++i];
		if (c != 'u') {
			buf_u8(out, short_escape(c));
			continue;
		}
		uint32_t cp = (uint32_t)hex4(in, i + 1);
		i += 4;
		if (cp >= 0xd800 && cp < 0xdc00 && in.n - i > 6 && in.p[i + 1] == '\\' &&
			in.p[i + 2] == 'u') {
			uint32_t low = (uint32_t)hex4(in, i + 3);
			if (low >= 0xdc00 && low < 0xe000) {
				cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
				i += 6;
			}
		}
		utf8_put(out, cp);
	}
}

bool jt_uint(const struct jtext *j, uint32_t node, uint64_t max, uint64_t *value)
{
	if (!jt_is(j, node, JT_NUMBER))
		return false;
	struct bytes t = jt_text(j, node);
	uint64_t v = 0;
	for (size_t i = 0; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
		uint64_t d = t.p[i] - '0';
		if (v > (max - d) / 10 || d > max)
			return false;
		v = v * 10 + d;
	}
	*value = v;
	return true;
}

void jt_quote(struct buf *out, struct bytes s)
{
	struct buf text;
	buf_init(&text, out->al, SIZE_MAX);
	if (!utf8_valid(s)) {
		utf8_replace(&text, s);
		out->failed |= text.failed;
		s = buf_bytes(&text);
	}
	buf_u8(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];
		static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
		const char *e = c ? strchr(from, c) : NULL;
		if (e) {
			buf_u8(out, '\\');
			buf_u8(out, (uint8_t)to[e - from]);
		} else if (c < 0x20 || c == 0x7f) {
			buf_str(out, c < 0x10 ? "\\u000" : "\\u00");
			buf_hex(out, c);
		} else {
			buf_u8(out, c);
		}
	}
	buf_u8(out, '"');
	buf_fini(&text);
}
