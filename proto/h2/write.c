/*
 * HTTP/2 frames, encoding (RFC 9113 4.1, 6).
 */
#include "proto/h2/h2.h"

#include <string.h>

void h2_write_header(struct buf *out, uint32_t length, unsigned type, unsigned flags, uint32_t stream)
{
	buf_u8(out, length >> 16 & 0xff);
	buf_be16(out, length & 0xffff);
	buf_u8(out, type);
	buf_u8(out, flags);
	buf_be32(out, stream);
}

void h2_write_settings(struct buf *out, const struct h2_setting *s, size_t n)
{
	h2_write_header(out, (uint32_t)(6 * n), H2_SETTINGS, 0, 0);
	for (size_t i = 0; i < n; i++) {
		buf_be16(out, s[i].id);
		buf_be32(out, s[i].value);
	}
}

void h2_write_settings_ack(struct buf *out)
{
	h2_write_header(out, 0, H2_SETTINGS, H2_FLAG_ACK, 0);
}

void h2_write_ping(struct buf *out, bool ack, const uint8_t opaque[8])
{
	h2_write_header(out, 8, H2_PING, ack ? H2_FLAG_ACK : 0, 0);
	buf_add(out, (struct bytes){opaque, 8});
}

void h2_write_goaway(struct buf *out, uint32_t last_stream, uint32_t code, struct bytes debug)
{
	h2_write_header(out, (uint32_t)(8 + debug.n), H2_GOAWAY, 0, 0);
	buf_be32(out, last_stream);
	buf_be32(out, code);
	buf_add(out, debug);
}

void h2_write_rst(struct buf *out, uint32_t stream, uint32_t code)
{
	h2_write_header(out, 4, H2_RST_STREAM, 0, stream);
	buf_be32(out, code);
}

void h2_write_window_update(struct buf *out, uint32_t stream, uint32_t increment)
{
	h2_write_header(out, 4, H2_WINDOW_UPDATE, 0, stream);
	buf_be32(out, increment);
}

void h2_write_headers(
	struct buf *out, uint32_t stream, bool end_stream, struct bytes block, uint32_t max_frame_size)
{
	unsigned type = H2_HEADERS, flags = end_stream ? H2_FLAG_END_STREAM : 0;
	do {
		size_t n = block.n < max_frame_size ? block.n : max_frame_size;
		if (n == block.n)
			flags |= H2_FLAG_END_HEADERS;
		h2_write_header(out, (uint32_t)n, type, flags, stream);
		buf_add(out, bytes_sub(block, 0, n));
		block = bytes_sub(block, n, block.n - n);
		type = H2_CONTINUATION;
		flags &= H2_FLAG_END_HEADERS;
	} while (block.n > 0);
}

static void write_priority(struct buf *out, const struct h2_frame *f)
{
	buf_be32(out, (f->exclusive ? 0x80000000u : 0) | f->dependency);
	buf_u8(out, f->weight - 1u);
}

/* The octets around `body` in the types that pad. */
static void write_padded(struct buf *out, const struct h2_frame *f)
{
	static const uint8_t zeros[255] = {0};
	bool padded = f->flags & H2_FLAG_PADDED,
	     priority = f->type == H2_HEADERS && (f->flags & H2_FLAG_PRIORITY);
	bool push = f->type == H2_PUSH_PROMISE;
	size_t n = (padded ? 1 + f->pad_len : 0) + (priority ? 5 : 0) + (push ? 4 : 0) + f->body.n;
	h2_write_header(out, (uint32_t)n, f->type, f->flags, f->stream);
	if (padded)
		buf_u8(out, f->pad_len);
	if (priority)
		write_priority(out, f);
	if (push)
		buf_be32(out, f->promised);
	buf_add(out, f->body);
	if (padded)
		buf_add(out, (struct bytes){zeros, f->pad_len});
}

void h2_frame_write(struct buf *out, const struct h2_frame *f)
{
	switch (f->type) {
	case H2_DATA:
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
		write_padded(out, f);
		return;
	case H2_PRIORITY:
		h2_write_header(out, 5, f->type, f->flags, f->stream);
		write_priority(out, f);
		return;
	case H2_RST_STREAM:
		h2_write_header(out, 4, f->type, f->flags, f->stream);
		buf_be32(out, f->error_code);
		return;
	case H2_GOAWAY:
		h2_write_header(out, (uint32_t)(8 + f->body.n), f->type, f->flags, f->stream);
		buf_be32(out, f->last_stream);
		buf_be32(out, f->error_code);
		buf_add(out, f->body);
		return;
	case H2_WINDOW_UPDATE:
		h2_write_header(out, 4, f->type, f->flags, f->stream);
		buf_be32(out, f->increment);
		return;
	default:
		h2_write_header(out, (uint32_t)f->payload.n, f->type, f->flags, f->stream);
		buf_add(out, f->payload);
		return;
	}
}
