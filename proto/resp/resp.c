/*
 * RESP2 and RESP3 (Redis serialization protocol specification).
 *
 *	MARK ──line with CRLF──▶ scalar, or head of an aggregate (depth + 1)
 *	  └──$, !, = with a length──▶ BULK ──length octets and CRLF──▶ token
 *	the last element of an aggregate closes it, and what encloses it
 */
#include "proto/resp/resp.h"

#include <string.h>

#define REF "Redis serialization protocol"

const struct resp_type_info resp_types[16] = {
#define X(type, mark, name, version3, help) [type] = {mark, name, version3, help},
#include "proto/resp/types.def"
#undef X
};

void resp_dec_init(struct resp_dec *d, const struct alloc *al, uint32_t bulk_max)
{
	*d = (struct resp_dec){.bulk_max = bulk_max};
	buf_init(&d->in, al, SIZE_MAX);
}

void resp_dec_fini(struct resp_dec *d)
{
	buf_fini(&d->in);
}

static int fail(struct resp_dec *d, uint64_t off, const char *what)
{
	d->state = RESP_DEC_FAILED;
	d->err = (struct perr){0, off, what, REF};
	return -1;
}

bool resp_dec_feed(struct resp_dec *d, struct bytes in)
{
	if (d->state == RESP_DEC_FAILED)
		return d->err.code != -1;
	if (2 * d->taken >= d->in.n) { /* moves at most as much as was consumed */
		buf_drop(&d->in, d->taken);
		d->taken = 0;
	}
	buf_add(&d->in, in);
	if (d->in.failed) {
		fail(d, d->off, "out of memory");
		d->err.code = -1;
	}
	return !d->in.failed;
}

static bool type_of(uint8_t mark, enum resp_type *type)
{
	for (unsigned i = 0; i < RESP_INLINE; i++)
		if ((uint8_t)resp_types[i].mark == mark) {
			*type = (enum resp_type)i;
			return true;
		}
	return false;
}

/* A signed number that is the whole text. */
static bool number(struct bytes t, int64_t *v)
{
	bool minus = t.n && t.p[0] == '-';
	size_t i = t.n && (t.p[0] == '-' || t.p[0] == '+');
	uint64_t u = 0, max = minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	if (i == t.n)
		return false;
	for (; i < t.n; i++) {
		if (t.p[i] < '0' || t.p[i] > '9' || u > (max - (uint64_t)(t.p[i] - '0')) / 10)
			return false;
		u = u * 10 + (uint64_t)(t.p[i] - '0');
	}
	*v = minus ? (int64_t)(0 - u) : (int64_t)u;
	return true;
}

static bool all_digits(struct bytes t)
{
	size_t i = t.n && (t.p[0] == '-' || t.p[0] == '+');
	if (i == t.n)
		return false;
	for (; i < t.n; i++)
		if (t.p[i] < '0' || t.p[i] > '9')
			return false;
	return true;
}

static bool is_double(struct bytes t)
{
	if (bytes_eq_nocase(t, BYTES_LIT("inf")) || bytes_eq_nocase(t, BYTES_LIT("-inf")) ||
		bytes_eq_nocase(t, BYTES_LIT("nan")))
		return true;
	size_t i = t.n && (t.p[0] == '-' || t.p[0] == '+'), digits = 0;
	for (; i < t.n && t.p[i] >= '0' && t.p[i] <= '9'; i++)
		digits++;
	/* The integral part needs a digit, the fraction none. */
	if (digits && i < t.n && t.p[i] == '.')
		for (i++; i < t.n && t.p[i] >= '0' && t.p[i] <= '9'; i++)
			;
	if (!digits || i == t.n || (t.p[i] | 0x20) != 'e')
		return digits && i == t.n;
	return all_digits(bytes_sub(t, i + 1, t.n - i - 1));
}

/* An element is complete: counts it, and closes what it completes. */
static bool element_done(struct resp_dec *d)
{
	while (d->depth > 0 && --d->left[d->depth - 1] == 0)
		d->depth--;
	return d->depth == 0;
}

static int aggregate(struct resp_dec *d, struct resp_token *t, int64_t n)
{
	if (n == -1 && t->type == RESP_ARRAY) {
		t->type = RESP_NULL;
		t->last = element_done(d);
		return 1;
	}
	bool pairs = t->type == RESP_MAP || t->type == RESP_ATTRIBUTE;
	if (n < 0)
		return fail(d, t->off + 1, "a length below 0");
	if (n > (int64_t)RESP_ELEMENTS_MAX / (pairs ? 2 : 1))
		return fail(d, t->off + 1, "too many elements (RESP_ELEMENTS_MAX)");
	t->elements = (uint32_t)n * (pairs ? 2 : 1);
	/* An attribute does not count as an element: the value it belongs to is still to come. */
	if (t->type == RESP_ATTRIBUTE) {
		if (d->depth > 0)
			d->left[d->depth - 1]++;
		if (t->elements == 0) {
			element_done(d);
			return 1;
		}
	}
	if (t->elements == 0) {
		t->last = element_done(d);
		return 1;
	}
	if (d->depth == RESP_DEPTH_MAX)
		return fail(d, t->off, "nested too deep (RESP_DEPTH_MAX)");
	d->left[d->depth++] = t->elements;
	return 1;
}

static int bulk(struct resp_dec *d, struct resp_token *t, struct bytes in, size_t head, int64_t n)
{
	if (n == -1 && t->type == RESP_BULK) {
		t->type = RESP_NULL;
		t->data = BYTES_NONE;
		return 1;
	}
	if (n < 0)
		return fail(d, t->off + 1, "a length below 0");
	if (n > (int64_t)d->bulk_max)
		return fail(d, t->off + 1, "a bulk string over the limit (bulk_max)");
	d->state = RESP_DEC_BULK;
	size_t len = (size_t)n;
	if (in.n - head > len && in.p[head + len] != '\r')
		return fail(d, t->off + head + len, "a bulk string is not followed by CRLF");
	if (in.n - head < len + 2)
		return 0;
	if (in.p[head + len + 1] != '\n')
		return fail(d, t->off + head + len + 1, "a bulk string is not followed by CRLF");
	t->data = bytes_sub(in, head, len);
	t->len = head + len + 2;
	if (t->type == RESP_VERBATIM && (len < 4 || t->data.p[3] != ':'))
		return fail(d, t->off + head, "a verbatim string begins with three letters and a colon");
	return 1;
}

/* A whole line has come; `t->data` is what stands between mark and CRLF. */
static int by_line(struct resp_dec *d, struct resp_token *t, struct bytes in)
{
	int64_t n = 0;
	struct bytes text = t->data;
	switch (t->type) {
	case RESP_INTEGER:
		return number(text, &t->integer) ? 1 : fail(d, t->off + 1, "not an integer");
	case RESP_NULL:
		return text.n == 0 ? 1 : fail(d, t->off + 1, "null has no value");
	case RESP_BOOLEAN:
		if (text.n != 1 || (text.p[0] != 't' && text.p[0] != 'f'))
			return fail(d, t->off + 1, "a boolean is t or f");
		t->integer = text.p[0] == 't';
		return 1;
	case RESP_DOUBLE:
		return is_double(text) ? 1 : fail(d, t->off + 1, "not a number");
	case RESP_BIG:
		return all_digits(text) ? 1 : fail(d, t->off + 1, "not an integer");
	case RESP_BULK:
	case RESP_BULK_ERROR:
	case RESP_VERBATIM:
		if (!number(text, &n))
			return fail(d, t->off + 1, "the length is not a number");
		return bulk(d, t, in, (size_t)t->len, n);
	default:
		return 1;
	}
}

static bool is_aggregate(enum resp_type t)
{
	return t == RESP_ARRAY || t == RESP_MAP || t == RESP_SET || t == RESP_PUSH || t == RESP_ATTRIBUTE;
}

int resp_dec_next(struct resp_dec *d, struct resp_token *t)
{
	if (d->state == RESP_DEC_FAILED)
		return -1;
	struct bytes in = bytes_sub(buf_bytes(&d->in), d->taken, d->in.n - d->taken);
	if (in.n == 0)
		return 0;
	*t = (struct resp_token){.off = d->off, .depth = d->depth};
	bool known = type_of(in.p[0], &t->type);
	if (!known) {
		if (!d->inline_commands || d->depth)
			return fail(d, d->off, "unknown type");
		t->type = RESP_INLINE;
	}
	const uint8_t *nl = memchr(in.p, '\n', in.n);
	size_t end = nl ? (size_t)(nl - in.p) : in.n;
	if (end > RESP_LINE_OCTETS_MAX)
		return fail(d, d->off + RESP_LINE_OCTETS_MAX, "a line over RESP_LINE_OCTETS_MAX");
	const uint8_t *cr = known ? memchr(in.p, '\r', end) : NULL;
	if (cr && (size_t)(cr - in.p) + 1 < end)
		return fail(d, d->off + (size_t)(cr - in.p) + 1, "a carriage return inside a line");
	if (known && nl && (!cr || end == 0))
		return fail(d, d->off + end, "a line feed without a carriage return");
	d->state = RESP_DEC_LINE;
	if (!nl)
		return 0;
	size_t start = known ? 1 : 0, stop = end > start && in.p[end - 1] == '\r' ? end - 1 : end;
	t->len = end + 1;
	t->data = bytes_sub(in, start, stop - start);
	int64_t n = 0;
	if (is_aggregate(t->type) && !number(t->data, &n))
		return fail(d, t->off + 1, "the length is not a number");
	int r = is_aggregate(t->type) ? aggregate(d, t, n) : by_line(d, t, in);
	if (r != 1)
		return r;
	if (!is_aggregate(t->type) && !(t->type == RESP_NULL && in.p[0] == '*'))
		t->last = element_done(d);
	d->state = RESP_DEC_MARK;
	d->taken += (size_t)t->len;
	d->off += t->len;
	return 1;
}

/* ---- writing ---- */

static void mark(struct buf *out, enum resp_type type)
{
	buf_u8(out, (uint8_t)resp_types[type].mark);
}

void resp_write_line(struct buf *out, enum resp_type type, struct bytes text)
{
	mark(out, type);
	buf_add(out, text);
	buf_str(out, "\r\n");
}

void resp_write_int(struct buf *out, int64_t v)
{
	mark(out, RESP_INTEGER);
	if (v < 0)
		buf_u8(out, '-');
	buf_dec(out, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
	buf_str(out, "\r\n");
}

void resp_write_bulk(struct buf *out, enum resp_type type, struct bytes octets)
{
	resp_write_head(out, type, (uint32_t)octets.n);
	buf_add(out, octets);
	buf_str(out, "\r\n");
}

void resp_write_null(struct buf *out, bool version3)
{
	buf_str(out, version3 ? "_\r\n" : "$-1\r\n");
}

void resp_write_bool(struct buf *out, bool v)
{
	buf_str(out, v ? "#t\r\n" : "#f\r\n");
}

void resp_write_head(struct buf *out, enum resp_type type, uint32_t n)
{
	mark(out, type);
	buf_dec(out, n);
	buf_str(out, "\r\n");
}

void resp_write_command(struct buf *out, const struct bytes *words, size_t n)
{
	resp_write_head(out, RESP_ARRAY, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		resp_write_bulk(out, RESP_BULK, words[i]);
}

void resp_write_message(struct buf *out, bool version3, struct bytes channel, struct bytes payload)
{
	resp_write_head(out, version3 ? RESP_PUSH : RESP_ARRAY, 3);
	resp_write_bulk(out, RESP_BULK, BYTES_LIT("message"));
	resp_write_bulk(out, RESP_BULK, channel);
	resp_write_bulk(out, RESP_BULK, payload);
}
