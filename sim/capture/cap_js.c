/*
 * JSON text (RFC 8259): strings are made well-formed UTF-8, times are decimal seconds made from integers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/jtext.h"
#include "sim/capture/cap_js.h"

const char *const js_sides[2] = {"client", "server"};

/* Hands on what has come together. */
void js_flush(struct js *j, size_t least)
{
	if (!j->out || j->b->n < least)
		return;
	if (!j->rc)
		j->rc = j->out->write(j->out->ctx, (const char *)j->b->p, j->b->n);
	buf_clear(j->b);
}

void js_sep(struct js *j)
{
	if (j->comma)
		buf_str(j->b, ", ");
	j->comma = true;
}

void js_quoted(struct js *j, const char *s)
{
	jt_quote(j->b, bytes_str(s));
}

void js_key(struct js *j, const char *k)
{
	js_sep(j);
	js_quoted(j, k);
	buf_str(j->b, ": ");
}

void js_open(struct js *j, const char *k, char c)
{
	if (k)
		js_key(j, k);
	else
		js_sep(j);
	buf_u8(j->b, (uint8_t)c);
	j->comma = false;
}

void js_close(struct js *j, char c)
{
	buf_u8(j->b, (uint8_t)c);
	j->comma = true;
}

void js_text(struct js *j, const char *k, const char *v)
{
	js_key(j, k);
	if (v)
		js_quoted(j, v);
	else
		buf_str(j->b, "null");
}

void js_num(struct js *j, const char *k, uint64_t v)
{
	if (k)
		js_key(j, k);
	else
		js_sep(j);
	buf_dec(j->b, v < INT64_MAX ? v : INT64_MAX); /* what every reader of JSON can take */
}

void js_bool(struct js *j, const char *k, bool v)
{
	js_key(j, k);
	buf_str(j->b, v ? "true" : "false");
}

void js_null(struct js *j, const char *k)
{
	js_key(j, k);
	buf_str(j->b, "null");
}

/* Nanoseconds as decimal seconds with at least one and at most `digits` digits after the point. */
void js_seconds(struct js *j, const char *k, int64_t ns, unsigned digits)
{
	char t[40];
	if (k)
		js_key(j, k);
	else
		js_sep(j);
	uint64_t v = ns < 0 ? (uint64_t)-ns : (uint64_t)ns, unit = 1;
	for (unsigned i = digits; i < 9; i++)
		unit *= 10;
	v = (v + unit / 2) / unit;
	uint64_t one = 1000000000 / unit;
	int n = snprintf(t, sizeof t, "%s%" PRIu64 ".%0*" PRIu64, ns < 0 && v ? "-" : "", v / one,
		(int)digits, v % one);
	while (n > 2 && t[n - 1] == '0' && t[n - 2] != '.')
		t[--n] = 0;
	buf_str(j->b, t);
}

void js_at(struct js *j, const char *k, struct cap_at a)
{
	js_seconds(j, k, a.t, 6);
}
void js_frame(struct js *j, const char *k, struct cap_at a)
{
	if (a.pkt == CAP_NONE)
		js_null(j, k);
	else
		js_num(j, k, (uint64_t)a.pkt + 1);
}

void js_line(struct js *j)
{
	js_flush(j, JS_FLUSH_OCTETS);
	if (j->comma)
		buf_str(j->b, ",");
	buf_str(j->b, "\n  {");
	j->comma = false;
}

void js_list(struct js *j, const char *k)
{
	if (j->comma)
		buf_str(j->b, ",\n ");
	js_quoted(j, k);
	buf_str(j->b, ": [");
	j->comma = false;
}

void js_list_end(struct js *j, bool any)
{
	buf_str(j->b, any ? "\n ]" : "]");
	j->comma = true;
}

void js_numbers(struct js *j, const char *k, const uint32_t *v, uint32_t n)
{
	js_open(j, k, '[');
	for (uint32_t i = 0; i < n; i++)
		js_num(j, NULL, v[i]);
	js_close(j, ']');
}

void js_item(struct js *j, const char *s)
{
	js_sep(j);
	js_quoted(j, s);
}

void js_both(struct js *j, const char *k, uint64_t client, uint64_t server)
{
	js_open(j, k, '{');
	js_num(j, "client", client);
	js_num(j, "server", server);
	js_close(j, '}');
}

void js_strings(struct js *j, const char *k, const char *const *v, uint32_t n)
{
	if (!n)
		return;
	js_open(j, k, '[');
	for (uint32_t i = 0; i < n; i++)
		js_item(j, v[i]);
	js_close(j, ']');
}
