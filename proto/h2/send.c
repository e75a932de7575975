/*
 * What an HTTP/2 endpoint sends of its own accord (RFC 9113 5.2, 6, 8.1).
 */
#include "proto/h2/session_int.h"

static bool write_block(
	struct h2_conn *c, uint32_t stream, const struct hfield *fields, size_t n, bool end_stream)
{
	struct buf block;
	buf_init(&block, c->al, H2_BLOCK_OCTETS_MAX);
	hpack_enc_begin(&c->henc, &block);
	bool ok = true;
	for (size_t i = 0; i < n && ok; i++)
		ok = hpack_enc_field(&c->henc, &block, fields[i].name, fields[i].value,
			fields[i].never_indexed ? HPACK_NEVER : HPACK_ADD);
	if (ok && !block.failed)
		h2_write_headers(&c->out, stream, end_stream, buf_bytes(&block), c->peer_max_frame_size);
	else
		h2_conn_fail_oom(c); /* the peer's table could no longer follow ours */
	buf_fini(&block);
	return !c->oom && !c->out.failed;
}

uint32_t h2_conn_request(struct h2_conn *c, const struct hfield *fields, size_t n, bool end_stream)
{
	if (c->role != H2_CLIENT || c->state == H2_CONN_CLOSED || c->goaway_received || c->goaway_sent ||
		c->stream_count >= c->peer_max_concurrent || c->next_stream > H2_STREAM_MAX)
		return 0;
	struct h2_stream *s = h2_stream_open(c, c->next_stream);
	if (!s)
		return 0;
	c->next_stream += 2;
	for (size_t i = 0; i < n; i++)
		if (bytes_eq_str(fields[i].name, ":method")) {
			s->head = bytes_eq_str(fields[i].value, "HEAD");
			s->connect = bytes_eq_str(fields[i].value, "CONNECT");
		}
	s->sent_headers = true;
	if (!write_block(c, s->id, fields, n, end_stream))
		return 0;
	uint32_t id = s->id;
	if (end_stream)
		h2_stream_local_done(c, s);
	return id;
}

static bool can_send(const struct h2_conn *c, const struct h2_stream *s)
{
	return c->state != H2_CONN_CLOSED && s && (s->state == H2_OPEN || s->state == H2_HALF_CLOSED_REMOTE);
}

bool h2_conn_headers(
	struct h2_conn *c, uint32_t stream, const struct hfield *fields, size_t n, bool end_stream)
{
	struct h2_stream *s = h2_conn_stream(c, stream);
	if (!can_send(c, s) || !write_block(c, stream, fields, n, end_stream))
		return false;
	s->sent_headers = true;
	if (end_stream)
		h2_stream_local_done(c, s);
	return true;
}

size_t h2_conn_data(struct h2_conn *c, uint32_t stream, struct bytes data, bool end_stream)
{
	struct h2_stream *s = h2_conn_stream(c, stream);
	if (!can_send(c, s) || c->out.failed)
		return 0;
	size_t taken = 0;
	do {
		size_t n = data.n - taken;
		int64_t window = s->send_window < c->send_window ? s->send_window : c->send_window;
		if (n > 0 && window <= 0)
			return taken;
		if (n > 0 && (int64_t)n > window)
			n = (size_t)window;
		if (n > c->peer_max_frame_size)
			n = c->peer_max_frame_size;
		/* No more than H2_OUT_MAX waits to be taken; what answers the peer's frames needs some of it. */
		size_t used = c->out.n + H2_HEADER_LEN, room = H2_OUT_MAX - H2_OUT_RESERVE;
		if (n > 0 && used >= room)
			return taken;
		if (n > 0 && n > room - used)
			n = room - used;
		bool last = end_stream && taken + n == data.n;
		h2_write_header(&c->out, (uint32_t)n, H2_DATA, last ? H2_FLAG_END_STREAM : 0, stream);
		buf_add(&c->out, bytes_sub(data, taken, n));
		s->send_window -= (int64_t)n;
		c->send_window -= (int64_t)n;
		taken += n;
		/* What we send makes the peer answer with two WINDOW_UPDATE frames at most. */
		c->control_budget =
			c->control_budget + 2 > H2_CONTROL_BUDGET ? H2_CONTROL_BUDGET : c->control_budget + 2;
		if (last)
			h2_stream_local_done(c, s);
	} while (taken < data.n);
	return taken;
}

void h2_conn_rst(struct h2_conn *c, uint32_t stream, enum h2_error code)
{
	struct h2_stream *s = h2_conn_stream(c, stream);
	if (!s || c->state == H2_CONN_CLOSED)
		return;
	h2_write_rst(&c->out, stream, code);
	h2_stream_end(c, s, H2_END_RST_SENT);
}

void h2_conn_ping(struct h2_conn *c, const uint8_t opaque[8])
{
	if (c->state != H2_CONN_CLOSED)
		h2_write_ping(&c->out, false, opaque);
}

void h2_conn_goaway(struct h2_conn *c, enum h2_error code, const char *debug)
{
	if (c->state == H2_CONN_CLOSED)
		return;
	h2_write_goaway(&c->out, c->last_peer_stream, code, bytes_str(debug));
	c->goaway_sent = true;
	c->goaway_last = c->last_peer_stream;
}

void h2_conn_consume(struct h2_conn *c, uint32_t stream, uint32_t n)
{
	if (c->state != H2_CONN_CLOSED)
		h2_windows_refill(c, h2_conn_stream(c, stream), n);
}
