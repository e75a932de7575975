/*
 * doc: the tree and its complaints. Checking the raw text is doc_text.c, building from YAML events doc_yaml.c.
 */
#include "sim/scenario/doc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"

void doc_init(struct doc *d, struct diags *ds)
{
	memset(d, 0, sizeof *d);
	arena_init(&d->arena);
	d->ds = ds;
}

void doc_fini(struct doc *d)
{
	arena_fini(&d->arena);
}

uint16_t doc_add_src(struct doc *d, const char *name, const char *text, size_t len)
{
	if (d->nsrc == DOC_SOURCES_MAX)
		return DOC_SOURCES_MAX - 1;
	struct doc_src *s = &d->src[d->nsrc];
	s->name = arena_text(&d->arena, name);
	s->text = arena_textn(&d->arena, text, len);
	s->len = len;
	return d->nsrc++;
}

struct doc_node *doc_get(const struct doc_node *map, const char *key)
{
	if (!map || map->kind != DOC_MAP)
		return NULL;
	for (struct doc_node *c = map->first; c; c = c->next)
		if (!strcmp(c->key, key))
			return c;
	return NULL;
}

void doc_append(struct doc_node *parent, struct doc_node *child)
{
	child->parent = parent;
	child->next = NULL;
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
}

struct doc_node *doc_new(struct doc *d, enum doc_kind kind, uint16_t src, struct src_pos pos)
{
	struct doc_node *n = arena_alloc(&d->arena, sizeof *n);
	n->kind = kind;
	n->src = src;
	n->pos = pos;
	n->span = 1;
	n->text = "";
	return n;
}

struct doc_node *doc_clone(struct doc *d, const struct doc_node *n)
{
	struct doc_node *c = arena_alloc(&d->arena, sizeof *c);
	*c = *n;
	c->parent = c->first = c->last = c->next = NULL;
	c->n = 0;
	for (const struct doc_node *k = n->first; k; k = k->next)
		doc_append(c, doc_clone(d, k));
	return c;
}

/* In double quotes, as YAML and JSON have them. */
static const char *flow_scalar(struct doc *d, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	char *out = arena_alloc(&d->arena, 4 * strlen(s) + 3), *o = out;
	*o++ = '"';
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20 || c == 0x7f) {
			*o++ = '\\';
			*o++ = 'x';
			*o++ = hex[c >> 4];
			*o++ = hex[c & 15];
			continue;
		}
		if (c == '"' || c == '\\')
			*o++ = '\\';
		*o++ = *s;
	}
	*o = '"';
	return out;
}

const char *doc_flow(struct doc *d, const struct doc_node *n)
{
	if (n->kind == DOC_SCALAR)
		return flow_scalar(d, n->text);
	const char *s = "";
	for (const struct doc_node *c = n->first; c; c = c->next)
		s = arena_fmt(&d->arena, "%s%s%s%s%s", s, *s ? ", " : "",
			n->kind == DOC_MAP ? flow_scalar(d, c->key) : "", n->kind == DOC_MAP ? ": " : "",
			doc_flow(d, c));
	return arena_fmt(&d->arena, n->kind == DOC_MAP ? "{%s}" : "[%s]", s);
}

void doc_replace(struct doc_node *to, struct doc_node *from)
{
	to->kind = from->kind;
	to->quoted = from->quoted;
	to->src = from->src;
	to->span = from->span;
	to->pos = from->pos;
	to->text = from->text;
	to->first = to->last = NULL;
	to->n = 0;
	for (struct doc_node *k = from->first, *next; k; k = next) {
		next = k->next;
		doc_append(to, k);
	}
}

/* The `line`-th line of a source, without its end; NULL when there is none. */
static char *source_line(const struct doc_src *s, uint32_t line)
{
	const char *p = s->text, *end = s->text + s->len;
	if (s->len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	for (; line > 1; line--) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			return NULL;
		p++;
	}
	const char *e = memchr(p, '\n', (size_t)(end - p));
	if (!e)
		e = end;
	if (e > p && e[-1] == '\r')
		e--;
	size_t n = (size_t)(e - p);
	if (n > 4096)
		n = 4096;
	char *t = xmalloc(n + 1);
	memcpy(t, p, n);
	t[n] = 0;
	return t;
}

static struct diag *error_va(struct doc *d, uint16_t src, struct src_pos pos, uint32_t span, const char *hint,
	const char *fmt, va_list ap)
{
	char what[1024];
	assert(src < d->nsrc);
	vsnprintf(what, sizeof what, fmt, ap);
	char *line = pos.line ? source_line(&d->src[src], pos.line) : NULL;
	struct diag *g =
		diags_add(d->ds, d->src[src].name, pos, span, line, hint && *hint ? hint : NULL, "%s", what);
	xfree(line);
	return g;
}

struct diag *doc_error(struct doc *d, const struct doc_node *n, const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct diag *g = error_va(d, n->src, n->pos, n->span, hint, fmt, ap);
	va_end(ap);
	return g;
}

struct diag *doc_key_error(struct doc *d, const struct doc_node *n, const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	bool key = n->key_pos.line != 0;
	uint32_t span = key && n->key ? (uint32_t)strlen(n->key) : n->span;
	struct diag *g = error_va(d, n->src, key ? n->key_pos : n->pos, span, hint, fmt, ap);
	va_end(ap);
	return g;
}

struct diag *doc_error_at(struct doc *d, uint16_t src, struct src_pos pos, uint32_t span, const char *hint,
	const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	struct diag *g = error_va(d, src, pos, span, hint, fmt, ap);
	va_end(ap);
	return g;
}
