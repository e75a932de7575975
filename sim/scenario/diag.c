/*
 * diag: complaints and how they look.
 *
 *     lecture.yaml:12:18: `25` has no unit
 *       12 |       heartbeat: 25
 *          |                  ^~
 *          = write `25s`, `25ms` …
 */
#include "sim/scenario/diag.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"

static char *vtext(const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	assert(n >= 0);
	char *s = xmalloc((size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

static void diag_fini(struct diag *d)
{
	xfree(d->file);
	xfree(d->what);
	xfree(d->hint);
	xfree(d->source_line);
}

struct diag *diags_add(struct diags *ds, const char *file, struct src_pos pos, uint32_t span,
	const char *line, const char *hint, const char *fmt, ...)
{
	if (ds->n >= DIAGS_MAX)
		return NULL;
	if (ds->n == ds->cap) {
		ds->cap = ds->cap ? ds->cap * 2 : 8;
		ds->d = xrealloc(ds->d, ds->cap * sizeof *ds->d);
	}
	struct diag *d = &ds->d[ds->n++];
	memset(d, 0, sizeof *d);
	d->file = xstrdup(file);
	d->pos = pos;
	d->span = span ? span : 1;
	d->source_line = line ? xstrdup(line) : NULL;
	d->hint = hint ? xstrdup(hint) : NULL;
	va_list ap;
	va_start(ap, fmt);
	d->what = vtext(fmt, ap);
	va_end(ap);
	return d;
}

void diags_move(struct diags *to, struct diags *from)
{
	for (size_t i = 0; i < from->n; i++) {
		struct diag *s = &from->d[i];
		struct diag *d =
			diags_add(to, s->file, s->pos, s->span, s->source_line, s->hint, "%s", s->what);
		if (d)
			d->environment = s->environment;
	}
	diags_fini(from);
}

static int by_place(const void *a, const void *b)
{
	const struct diag *x = a, *y = b;
	int c = strcmp(x->file, y->file);
	if (c)
		return c;
	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	if (x->pos.col != y->pos.col)
		return x->pos.col < y->pos.col ? -1 : 1;
	return strcmp(x->what, y->what);
}

void diags_sort(struct diags *ds)
{
	if (ds->n < 2)
		return;
	qsort(ds->d, ds->n, sizeof *ds->d, by_place);
	size_t kept = 1;
	for (size_t i = 1; i < ds->n; i++) {
		if (by_place(&ds->d[i], &ds->d[kept - 1]) == 0)
			diag_fini(&ds->d[i]);
		else
			ds->d[kept++] = ds->d[i];
	}
	ds->n = kept;
}

bool diags_environment(const struct diags *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		if (ds->d[i].environment)
			return true;
	return false;
}

void diags_fini(struct diags *ds)
{
	for (size_t i = 0; i < ds->n; i++)
		diag_fini(&ds->d[i]);
	xfree(ds->d);
	memset(ds, 0, sizeof *ds);
}

/* A growing text. */
struct text {
	char *s;
	size_t n, cap;
};

static void put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = vtext(fmt, ap);
	va_end(ap);
	size_t n = strlen(s);
	if (t->n + n + 1 > t->cap) {
		t->cap = (t->n + n + 1) * 2;
		t->s = xrealloc(t->s, t->cap);
	}
	memcpy(t->s + t->n, s, n + 1);
	t->n += n;
	xfree(s);
}

/* The line and the caret under it. Long lines are shown from a little before the column; a tab stays a tab so that
 * the caret stands right wherever the terminal puts it. */
static void put_line(struct text *t, const struct diag *d)
{
	enum { LINE_SHOWN = 100, BEFORE = 60 };
	const char *s = d->source_line;
	uint32_t col = d->pos.col ? d->pos.col : 1, skipped = 0;
	if (col > LINE_SHOWN) {
		for (; *s && skipped < col - BEFORE; skipped++)
			do
				s++;
			while (((unsigned char)*s & 0xc0) == 0x80);
	}
	char shown[4 * LINE_SHOWN + 8];
	size_t n = 0;
	uint32_t chars = 0;
	for (const char *p = s; *p && n < sizeof shown - 5 && chars <= LINE_SHOWN; p++) {
		if (((unsigned char)*p & 0xc0) != 0x80)
			chars++;
		if (chars <= LINE_SHOWN)
			shown[n++] = (unsigned char)*p < 0x20 && *p != '\t' ? ' ' : *p;
	}
	shown[n] = 0;
	put(t, "%6u | %s%s\n       | ", d->pos.line, skipped ? "…" : "", shown);
	put(t, "%s", skipped ? " " : "");
	const char *p = s;
	for (uint32_t i = skipped + 1; i < col && *p; i++) {
		put(t, "%c", *p == '\t' ? '\t' : ' ');
		do
			p++;
		while (((unsigned char)*p & 0xc0) == 0x80);
	}
	put(t, "^");
	for (uint32_t i = 1; i < d->span && i < LINE_SHOWN - 1; i++)
		put(t, "~");
	put(t, "\n");
}

char *diags_text(const struct diags *ds)
{
	struct text t = {NULL, 0, 0};
	put(&t, "%s", "");
	for (size_t i = 0; i < ds->n; i++) {
		const struct diag *d = &ds->d[i];
		if (d->pos.line)
			put(&t, "%s:%u:%u: %s\n", d->file, d->pos.line, d->pos.col, d->what);
		else
			put(&t, "%s: %s\n", d->file, d->what);
		if (d->source_line && d->pos.line)
			put_line(&t, d);
		if (d->hint)
			put(&t, "       = %s\n", d->hint);
	}
	if (ds->n >= DIAGS_MAX)
		put(&t, "… and possibly more: only the first %d are shown\n", DIAGS_MAX);
	return t.s;
}
