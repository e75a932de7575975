/*
 * jsonw: writing JSON (RFC 8259) into one growing text.
 *
 * The writer keeps track of commas and indentation; the caller opens and closes. Numbers are written the same way on
 * every machine: integers in full, others with at most six decimals and no trailing zeros, what is not a number as null.
 * Text that is not UTF-8 is written octet by octet as U+FFFD.
 */
#ifndef SIM_MEASURE_JSONW_H
#define SIM_MEASURE_JSONW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSONW_DEPTH = 32 };

struct jsonw {
	char *s; /* NUL-terminated; malloc'ed, taken over by the caller at the end */
	size_t n, cap;
	unsigned depth;
	bool comma[JSONW_DEPTH];
	bool flat[JSONW_DEPTH]; /* on one line */
	bool one_line;          /* the whole text on one line */
	bool after_key;
};

void jsonw_init(struct jsonw *j, bool one_line);
void jsonw_key(struct jsonw *j, const char *key);
void jsonw_open(struct jsonw *j, char bracket, bool flat); /* '{' or '[' */
void jsonw_close(struct jsonw *j, char bracket);           /* '}' or ']' */
void jsonw_text(struct jsonw *j, const char *s);           /* NULL: null */
void jsonw_int(struct jsonw *j, int64_t v);
void jsonw_uint(struct jsonw *j, uint64_t v);
void jsonw_real(struct jsonw *j, double v);
void jsonw_bool(struct jsonw *j, bool v);
/* Key and value at once. */
void jsonw_kv(struct jsonw *j, const char *key, const char *s);
void jsonw_kint(struct jsonw *j, const char *key, int64_t v);
void jsonw_kreal(struct jsonw *j, const char *key, double v);
void jsonw_kbool(struct jsonw *j, const char *key, bool v);
/* The text; it has a newline at its end. The writer is empty afterwards. */
char *jsonw_take(struct jsonw *j);
/* A number as jsonw_real writes it. */
void jsonw_number(double v, char *out, size_t cap);

#endif
