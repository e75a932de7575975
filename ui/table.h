/*
 * table: rows of named columns as aligned text, CSV (RFC 4180) or a JSON array of objects.
 */
#ifndef UI_TABLE_H
#define UI_TABLE_H

#include <stddef.h>

#include "ui/options.h"

enum { TABLE_COLS = 8 };

struct table {
	const char *col[TABLE_COLS];
	size_t ncol;
	char **cell; /* [row * ncol + col], copies */
	size_t nrow, cap;
};

/* Columns: up to TABLE_COLS names, ended by NULL. */
void table_init(struct table *t, const char *const *cols);
/* A row of ncol texts (copied; NULL reads as ""). */
void table_row(struct table *t, const char *const *cells);
void table_print(const struct table *t, enum out_format f);
void table_fini(struct table *t);

/* Prints a text broken into lines of at most `width` columns, each indented. */
void table_wrap(const char *text, unsigned indent, unsigned width);

#endif
