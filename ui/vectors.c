/*
 * What the runners of all protocols share: byte values, delivery plans, comparison, report.
 */
#include "ui/vectors.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/codec.h"
#include "proto/base/utf8.h"

#define REPORT_LINES_MAX 12 /* per case: the first faults tell most */

static void report_line(struct vec_case *c, unsigned *count, const char *line)
{
	if ((*count)++ >= REPORT_LINES_MAX)
		return;
	buf_str(&c->report, "    ");
	if (c->plan) {
		buf_str(&c->report, c->plan);
		buf_str(&c->report, ": ");
	}
	buf_str(&c->report, line);
	buf_u8(&c->report, '\n');
}

void vec_fail(struct vec_case *c, const char *fmt, ...)
{
	char line[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	report_line(c, &c->failures, line);
}

void vec_note(struct vec_case *c, const char *fmt, ...)
{
	char line[512] = "note: ";
	size_t n = strlen(line);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof line - n, fmt, ap);
	va_end(ap);
	const char *plan = c->plan;
	c->plan = NULL;
	report_line(c, &c->notes, line);
	c->plan = plan;
}

/* `word` is one of the words in `list`. */
bool vec_listed(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *at = list; (at = strstr(at, word)) != NULL; at++)
		if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return n > 0;
	return false;
}

void vec_known(struct vec_case *c, const char *what, const json_t *object, const char *names)
{
	const char *key;
	json_t *v;
	if (c->plan && strcmp(c->plan, "whole")) /* once will do */
		return;
	json_object_foreach((json_t *)(uintptr_t)object, key, v)
	{
		if (!vec_listed(names, key) && !vec_listed("reason note why comment", key))
			vec_note(c, "%s.%s is no expectation known here and was not looked at", what, key);
	}
}

void vec_unknown(struct vec_case *c, const char *fmt, ...)
{
	char line[512] = "unknown kind of case: ";
	size_t n = strlen(line);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof line - n, fmt, ap);
	va_end(ap);
	c->unknown = true;
	report_line(c, &c->failures, line);
}

static bool bytes_text(struct vec_case *c, const char *s, size_t n, struct buf *out)
{
	if (hex_get(out, (struct bytes){(const uint8_t *)s, n}))
		return true;
	vec_fail(c, "not a byte value: \"%.40s\"", s);
	return false;
}

/* Every char U+0000..U+00FF is one octet. */
static bool bytes_latin1(struct vec_case *c, struct bytes s, struct buf *out)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x80) {
			buf_u8(out, s.p[i]);
		} else if ((s.p[i] & 0xfc) == 0xc0 && i + 1 < s.n) {
			buf_u8(out, ((unsigned)s.p[i] << 6 | (s.p[i + 1] & 0x3f)) & 0xff);
			i++;
		} else {
			vec_fail(c, "a latin1 value holds a char above U+00FF");
			return false;
		}
	}
	return true;
}

bool vec_bytes(struct vec_case *c, json_t *value, struct buf *out)
{
	if (json_is_string(value))
		return bytes_text(c, json_string_value(value), json_string_length(value), out);
	if (json_is_array(value)) {
		size_t i;
		json_t *part;
		json_array_foreach(value, i, part) if (!vec_bytes(c, part, out)) return false;
		return true;
	}
	json_t *latin1 = json_object_get(value, "latin1"), *rep = json_object_get(value, "rep");
	if (json_is_string(latin1))
		return bytes_latin1(c, vec_text(latin1), out);
	if (rep) {
		json_int_t n = json_integer_value(json_object_get(value, "n"));
		struct buf one;
		buf_init(&one, c->al, SIZE_MAX);
		bool ok = vec_bytes(c, rep, &one);
		for (json_int_t i = 0; ok && i < n; i++)
			buf_add(out, buf_bytes(&one));
		buf_fini(&one);
		return ok && !out->failed;
	}
	vec_fail(c, "not a byte value");
	return false;
}

bool vec_input(struct vec_case *c, const char *key, struct buf *out)
{
	json_t *v = json_object_get(c->j, key);
	return !v || vec_bytes(c, v, out);
}

struct bytes vec_text(json_t *string)
{
	return (struct bytes){(const uint8_t *)json_string_value(string), json_string_length(string)};
}

bool vec_same(json_t *expected, json_t *actual)
{
	if (json_is_object(expected)) {
		const char *key;
		json_t *e;
		if (!json_is_object(actual))
			return false;
		json_object_foreach(
			expected, key, e) if (!vec_same(e, json_object_get(actual, key))) return false;
		return true;
	}
	if (json_is_array(expected)) {
		size_t i;
		json_t *e;
		if (!json_is_array(actual) || json_array_size(expected) != json_array_size(actual))
			return false;
		json_array_foreach(expected, i, e) if (!vec_same(e, json_array_get(actual, i))) return false;
		return true;
	}
	if (json_is_number(expected) && json_is_number(actual)) {
		if (json_is_integer(expected) && json_is_integer(actual))
			return json_integer_value(expected) == json_integer_value(actual);
		double a = json_number_value(expected), b = json_number_value(actual);
		double scale = a < 0 ? -a : a;
		double diff = a < b ? b - a : a - b;
		return diff <= scale * 1e-9;
	}
	if (json_is_null(expected) && !actual)
		return true;
	return actual && json_equal(expected, actual);
}

bool vec_match(struct vec_case *c, const char *what, json_t *expected, json_t *actual)
{
	bool same = vec_same(expected, actual);
	if (!same) {
		char *e = json_dumps(expected, JSON_COMPACT | JSON_ENCODE_ANY);
		char *a = actual ? json_dumps(actual, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
		vec_fail(c, "%s: expected %.1500s", what, e ? e : "?");
		vec_fail(c, "%s: actual   %.1500s", what, a ? a : "(nothing)");
		free(e);
		free(a);
	}
	json_decref(actual);
	return same;
}

json_t *vec_tame(json_t *v)
{
	size_t i;
	const char *key;
	json_t *e;
	if (json_is_array(v))
		json_array_foreach(v, i, e) json_array_set_new(v, i, vec_tame(json_incref(e)));
	if (json_is_object(v))
		json_object_foreach(v, key, e) json_object_set_new(v, key, vec_tame(json_incref(e)));
	double d = json_is_real(v) ? json_real_value(v) : 0.5;
	if (d > -9007199254740992.0 && d < 9007199254740992.0 && (double)(json_int_t)d == d) {
		json_decref(v);
		return json_integer((json_int_t)d);
	}
	return v;
}

json_t *vec_json(struct bytes text)
{
	const char *p = text.n ? (const char *)text.p : "";
	size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_error_t e;
	json_t *v = json_loadb(p, text.n, flags, &e);
	if (!v && json_error_code(&e) == json_error_numeric_overflow)
		v = vec_tame(json_loadb(p, text.n, flags | JSON_DECODE_INT_AS_REAL, &e));
	return v;
}

void vec_adopt(json_t *want, json_t *have)
{
	const char *key, *other;
	json_t *w, *h;
	json_object_foreach(want, key, w)
	{
		json_t *found = NULL;
		if (json_object_get(have, key))
			continue;
		json_object_foreach(have, other, h) if (!found && vec_same(w, h)) found = h;
		if (found)
			json_object_set(have, key, found);
	}
}

json_t *vec_hex(struct bytes b)
{
	struct buf out;
	buf_init(&out, &alloc_libc, SIZE_MAX);
	hex_put(&out, b);
	json_t *j = json_stringn(out.p ? (const char *)out.p : "", out.n);
	buf_fini(&out);
	return j;
}

json_t *vec_latin1(struct bytes b)
{
	struct buf out;
	buf_init(&out, &alloc_libc, SIZE_MAX);
	for (size_t i = 0; i < b.n; i++)
		utf8_put(&out, b.p[i]);
	json_t *j = json_stringn(out.p ? (const char *)out.p : "", out.n);
	buf_fini(&out);
	return j;
}

json_t *vec_string(struct bytes b)
{
	return utf8_valid(b) ? json_stringn(b.n ? (const char *)b.p : "", b.n) : vec_latin1(b);
}

static json_t *splits(const struct vec_case *c, unsigned number)
{
	json_t *all = json_object_get(c->j, "splits");
	/* One list of offsets is as good as a list of lists. */
	if (json_is_integer(json_array_get(all, 0)))
		return number == 2 ? all : NULL;
	return number >= 2 ? json_array_get(all, number - 2) : NULL;
}

bool vec_next_plan(struct vec_case *c, struct vec_plan *p, size_t n)
{
	*p = (struct vec_plan){.number = p->number + 1, .n = n};
	p->octets = p->number == 1;
	if (p->number == 0)
		snprintf(p->name, sizeof p->name, "whole");
	else if (p->number == 1)
		snprintf(p->name, sizeof p->name, "octet by octet");
	else
		snprintf(p->name, sizeof p->name, "splits[%u]", p->number - 2);
	c->plan = p->name;
	if (p->number < 2 || splits(c, p->number))
		return true;
	c->plan = NULL;
	return false;
}

bool vec_next_piece(const struct vec_case *c, struct vec_plan *p, struct bytes input, struct bytes *piece)
{
	if (p->at >= input.n)
		return false;
	size_t end = p->number == 1 ? p->at + 1 : input.n;
	json_t *list = splits(c, p->number);
	for (size_t i = 0; i < json_array_size(list); i++) {
		size_t cut = (size_t)json_integer_value(json_array_get(list, i));
		if (cut > p->at && cut < end)
			end = cut;
	}
	*piece = bytes_sub(input, p->at, end - p->at);
	p->before = p->at;
	p->at = end;
	return true;
}
