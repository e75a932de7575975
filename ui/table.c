/*
 * table: see table.h. In text form the last column is wrapped at 100 columns, so that long sentences stay readable.
 */
#include "ui/table.h"

#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/measure/jsonw.h"

enum { TEXT_WIDTH = 100 };

void table_init(struct table *t, const char *const *cols)
{
	memset(t, 0, sizeof *t);
	while (t->ncol < TABLE_COLS && cols[t->ncol]) {
		t->col[t->ncol] = cols[t->ncol];
		t->ncol++;
	}
}

void table_row(struct table *t, const char *const *cells)
{
	if (t->nrow == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 32;
		t->cell = xrealloc(t->cell, t->cap * t->ncol * sizeof *t->cell);
	}
	for (size_t c = 0; c < t->ncol; c++)
		t->cell[t->nrow * t->ncol + c] = xstrdup(cells[c] ? cells[c] : "");
	t->nrow++;
}

void table_fini(struct table *t)
{
	for (size_t i = 0; i < t->nrow * t->ncol; i++)
		xfree(t->cell[i]);
	xfree(t->cell);
	memset(t, 0, sizeof *t);
}

static unsigned columns(const char *s)
{
	unsigned n = 0;
	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void table_wrap(const char *text, unsigned indent, unsigned width)
{
	unsigned at = 0;
	while (*text) {
		size_t n = strcspn(text, " \n");
		char word[512];
		snprintf(word, sizeof word, "%.*s", n > 500 ? 500 : (int)n, text);
		unsigned w = columns(word);
		if (at && (at + 1 + w > width || text[-1] == '\n')) {
			printf("\n%*s", (int)indent, "");
			at = 0;
		}
		printf("%s%s", at ? " " : "", word);
		at += w + (at ? 1 : 0);
		text += n;
		while (*text == ' ' || *text == '\n')
			text++;
	}
	putchar('\n');
}

static void print_text(const struct table *t)
{
	unsigned width[TABLE_COLS] = {0};
	unsigned indent = 0;
	for (size_t i = 0; i < t->nrow * t->ncol; i++) {
		unsigned w = columns(t->cell[i]);
		if (w > width[i % t->ncol])
			width[i % t->ncol] = w;
	}
	for (size_t c = 0; c + 1 < t->ncol; c++)
		indent += width[c] + 2;
	for (size_t r = 0; r < t->nrow; r++) {
		for (size_t c = 0; c + 1 < t->ncol; c++) {
			const char *s = t->cell[r * t->ncol + c];
			printf("%s%*s", s, (int)(width[c] + 2 - columns(s)), "");
		}
		unsigned left = indent + 30 < TEXT_WIDTH ? TEXT_WIDTH - indent : 60;
		table_wrap(t->cell[r * t->ncol + t->ncol - 1], indent, left);
	}
}

static void csv_cell(const char *s)
{
	if (!strpbrk(s, "\",\r\n")) {
		printf("%s", s);
		return;
	}
	putchar('"');
	for (; *s; s++) {
		if (*s == '"')
			putchar('"');
		putchar(*s);
	}
	putchar('"');
}

static void print_csv(const struct table *t)
{
	for (size_t c = 0; c < t->ncol; c++)
		printf("%s%s", c ? "," : "", t->col[c]);
	printf("\r\n");
	for (size_t i = 0; i < t->nrow * t->ncol; i++) {
		printf("%s", i % t->ncol ? "," : "");
		csv_cell(t->cell[i]);
		if (i % t->ncol == t->ncol - 1)
			printf("\r\n");
	}
}

static void print_json(const struct table *t)
{
	struct jsonw j;
	jsonw_init(&j, false);
	jsonw_open(&j, '[', false);
	for (size_t r = 0; r < t->nrow; r++) {
		jsonw_open(&j, '{', true);
		for (size_t c = 0; c < t->ncol; c++)
			jsonw_kv(&j, t->col[c], t->cell[r * t->ncol + c]);
		jsonw_close(&j, '}');
	}
	jsonw_close(&j, ']');
	char *s = jsonw_take(&j);
	fputs(s, stdout);
	xfree(s);
}

void table_print(const struct table *t, enum out_format f)
{
	if (f == FORMAT_JSON)
		print_json(t);
	else if (f == FORMAT_CSV)
		print_csv(t);
	else
		print_text(t);
}
