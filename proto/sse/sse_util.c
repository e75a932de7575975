/*
 * sse_util: names of the fields, limits, and the encoder (WHATWG HTML 9.2.5).
 */
#include "proto/sse/sse.h"

#include <string.h>

/* Chosen to be far beyond what browsers are sent, yet bounded. */
const struct sse_limits sse_limits_default = {
	.line_octets_max = 16u << 20,
	.data_octets_max = 64u << 20,
	.id_octets_max = 64u << 10,
};

const char *sse_field_name(enum sse_field f)
{
	static const char *const names[] = {
#define X(id, name, title, help) name,
#include "proto/sse/fields.def"
#undef X
	};
	return names[f];
}

static bool one_line(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '\r' || b.p[i] == '\n')
			return false;
	return true;
}

/* A value is written after ": "; the decoder drops exactly that one space. */
static void put_line(struct buf *out, const char *name, struct bytes value)
{
	buf_str(out, name);
	buf_str(out, ": ");
	buf_add(out, value);
	buf_u8(out, '\n');
}

bool sse_put_event(struct buf *out, struct bytes type, struct bytes id, struct bytes data)
{
	if (!one_line(type) || !one_line(id) || (id.n > 0 && memchr(id.p, 0, id.n) != NULL))
		return false;
	if (type.p != NULL)
		put_line(out, "event", type);
	if (id.p != NULL)
		put_line(out, "id", id);
	size_t start = 0;
	for (size_t i = 0; i <= data.n; i++) {
		if (i < data.n && data.p[i] != '\n' && data.p[i] != '\r')
			continue;
		put_line(out, "data", data.n > 0 ? bytes_sub(data, start, i - start) : data);
		if (i + 1 < data.n && data.p[i] == '\r' && data.p[i + 1] == '\n')
			i++;
		start = i + 1;
	}
	buf_u8(out, '\n');
	return true;
}

bool sse_put_comment(struct buf *out, struct bytes text)
{
	if (!one_line(text))
		return false;
	buf_u8(out, ':');
	if (text.n > 0) {
		buf_u8(out, ' ');
		buf_add(out, text);
	}
	buf_str(out, "\n\n");
	return true;
}

void sse_put_retry(struct buf *out, uint64_t ms)
{
	buf_str(out, "retry: ");
	buf_dec(out, ms);
	buf_str(out, "\n\n");
}
