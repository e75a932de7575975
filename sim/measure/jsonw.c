/*
 * jsonw: see jsonw.h.
 */
#include "sim/measure/jsonw.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/jtext.h"
#include "sim/core/xmalloc.h"

static void put(struct jsonw *j, const char *s, size_t n)
{
	if (j->n + n + 1 > j->cap) {
		j->cap = (j->n + n + 1) * 2;
		j->s = xrealloc(j->s, j->cap);
	}
	memcpy(j->s + j->n, s, n);
	j->n += n;
	j->s[j->n] = 0;
}

static void puts_(struct jsonw *j, const char *s)
{
	put(j, s, strlen(s));
}

static void newline(struct jsonw *j)
{
	put(j, "\n", 1);
	for (unsigned i = 0; i < j->depth; i++)
		put(j, "  ", 2);
}

static bool flat(const struct jsonw *j)
{
	return j->one_line || (j->depth && j->flat[j->depth - 1]);
}

/* What comes before a value or key: a comma, a new line. */
static void before(struct jsonw *j)
{
	if (j->after_key) {
		j->after_key = false;
		return;
	}
	if (!j->depth)
		return;
	if (j->comma[j->depth - 1])
		puts_(j, flat(j) && !j->one_line ? ", " : ",");
	j->comma[j->depth - 1] = true;
	if (!flat(j))
		newline(j);
}

void jsonw_init(struct jsonw *j, bool one_line)
{
	memset(j, 0, sizeof *j);
	j->one_line = one_line;
	put(j, "", 0);
}

static void put_text(struct jsonw *j, const char *s)
{
	struct buf quoted;
	buf_init(&quoted, &xalloc, SIZE_MAX);
	jt_quote(&quoted, bytes_str(s));
	put(j, (const char *)quoted.p, quoted.n);
	buf_fini(&quoted);
}

void jsonw_key(struct jsonw *j, const char *key)
{
	before(j);
	put_text(j, key);
	puts_(j, j->one_line ? ":" : ": ");
	j->after_key = true;
}

void jsonw_open(struct jsonw *j, char bracket, bool is_flat)
{
	before(j);
	put(j, &bracket, 1);
	assert(j->depth < JSONW_DEPTH);
	j->comma[j->depth] = false;
	j->flat[j->depth] = is_flat || flat(j);
	j->depth++;
}

void jsonw_close(struct jsonw *j, char bracket)
{
	assert(j->depth);
	bool was_flat = flat(j), any = j->comma[j->depth - 1];
	j->depth--;
	if (any && !was_flat)
		newline(j);
	put(j, &bracket, 1);
}

void jsonw_text(struct jsonw *j, const char *s)
{
	before(j);
	if (s)
		put_text(j, s);
	else
		puts_(j, "null");
}

void jsonw_int(struct jsonw *j, int64_t v)
{
	char t[32];
	before(j);
	snprintf(t, sizeof t, "%" PRId64, v);
	puts_(j, t);
}

void jsonw_uint(struct jsonw *j, uint64_t v)
{
	char t[32];
	before(j);
	snprintf(t, sizeof t, "%" PRIu64, v);
	puts_(j, t);
}

void jsonw_number(double v, char *out, size_t cap)
{
	if (isnan(v) || isinf(v)) {
		snprintf(out, cap, "null");
		return;
	}
	snprintf(out, cap, "%.6f", v);
	size_t n = strlen(out);
	while (n && out[n - 1] == '0')
		out[--n] = 0;
	if (n && (out[n - 1] == '.' || out[n - 1] == ','))
		out[n - 1] = 0;
	for (char *p = out; *p; p++) /* whatever the locale says */
		if (*p == ',')
			*p = '.';
	if (!strcmp(out, "-0"))
		snprintf(out, cap, "0");
}

void jsonw_real(struct jsonw *j, double v)
{
	char t[400];
	before(j);
	jsonw_number(v, t, sizeof t);
	puts_(j, t);
}

void jsonw_bool(struct jsonw *j, bool v)
{
	before(j);
	puts_(j, v ? "true" : "false");
}

void jsonw_kv(struct jsonw *j, const char *key, const char *s)
{
	jsonw_key(j, key);
	jsonw_text(j, s);
}

void jsonw_kint(struct jsonw *j, const char *key, int64_t v)
{
	jsonw_key(j, key);
	jsonw_int(j, v);
}

void jsonw_kreal(struct jsonw *j, const char *key, double v)
{
	jsonw_key(j, key);
	jsonw_real(j, v);
}

void jsonw_kbool(struct jsonw *j, const char *key, bool v)
{
	jsonw_key(j, key);
	jsonw_bool(j, v);
}

char *jsonw_take(struct jsonw *j)
{
	assert(!j->depth);
	put(j, "\n", 1);
	char *s = j->s;
	memset(j, 0, sizeof *j);
	return s;
}
