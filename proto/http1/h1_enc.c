/*
 * h1_enc: writes HTTP/1.1 messages piece by piece. What could break the grammar or inject a line is refused.
 */
#include "proto/http1/h1_int.h"

static bool text_ok(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (!(h1_class[b.p[i]] & H1_VCHAR))
			return false;
	return true;
}

bool h1_put_request_line(struct buf *out, struct bytes method, struct bytes target)
{
	if (!h1_is_token(method) || target.n == 0)
		return false;
	for (size_t i = 0; i < target.n; i++)
		if (!(h1_class[target.p[i]] & H1_URI))
			return false;
	buf_add(out, method);
	buf_u8(out, ' ');
	buf_add(out, target);
	buf_str(out, " HTTP/1.1\r\n");
	return true;
}

bool h1_put_status_line(struct buf *out, unsigned status, const char *reason)
{
	struct bytes r = bytes_str(reason != NULL ? reason : h1_reason(status));
	if (status < 100 || status > 999 || !text_ok(r))
		return false;
	buf_str(out, "HTTP/1.1 ");
	buf_dec(out, status);
	buf_u8(out, ' ');
	buf_add(out, r);
	buf_str(out, "\r\n");
	return true;
}

static bool put_field(struct buf *out, struct bytes name, struct bytes value)
{
	if (!h1_is_token(name) || !text_ok(value))
		return false;
	buf_add(out, name);
	buf_str(out, ": ");
	buf_add(out, value);
	buf_str(out, "\r\n");
	return true;
}

bool h1_put_field(struct buf *out, const char *name, struct bytes value)
{
	return put_field(out, bytes_str(name), value);
}

bool h1_put_field_str(struct buf *out, const char *name, const char *value)
{
	return put_field(out, bytes_str(name), bytes_str(value));
}

bool h1_put_field_dec(struct buf *out, const char *name, uint64_t value)
{
	if (!h1_is_token(bytes_str(name)))
		return false;
	buf_str(out, name);
	buf_str(out, ": ");
	buf_dec(out, value);
	buf_str(out, "\r\n");
	return true;
}

void h1_put_end(struct buf *out)
{
	buf_str(out, "\r\n");
}

void h1_put_chunk_head(struct buf *out, uint64_t size)
{
	buf_hex(out, size);
	buf_str(out, "\r\n");
}

bool h1_put_chunk(struct buf *out, struct bytes data, struct bytes ext)
{
	uint64_t size;
	struct bytes seen;
	struct buf line;
	if (data.n == 0)
		return true;
	if (ext.n > 0) {
		/* Judge the extension with the parser itself. */
		if (!text_ok(ext) || ext.n > 1024)
			return false;
		buf_init(&line, out->al, 1032);
		buf_u8(&line, '0');
		buf_add(&line, ext);
		bool ok = !line.failed && h1_parse_chunk_line(buf_bytes(&line), &size, &seen) == H1_E_NONE &&
			  seen.n == ext.n;
		buf_fini(&line);
		if (!ok)
			return false;
	}
	buf_hex(out, data.n);
	buf_add(out, ext);
	buf_str(out, "\r\n");
	buf_add(out, data);
	buf_str(out, "\r\n");
	return true;
}

bool h1_put_last_chunk(struct buf *out, const struct h1_field *trailers, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!h1_is_token(trailers[i].name) || !text_ok(trailers[i].value))
			return false;
	buf_str(out, "0\r\n");
	for (uint32_t i = 0; i < n; i++)
		put_field(out, trailers[i].name, trailers[i].value);
	buf_str(out, "\r\n");
	return true;
}
