/*
 * What an HTTP/2 endpoint does with DATA and control frames (RFC 9113 5.1, 5.2, 6).
 */
#include "proto/h2/session_int.h"

#include <string.h>

void h2_windows_refill(struct h2_conn *c, struct h2_stream *s, uint32_t n)
{
	c->consumed += n;
	if (c->consumed >= H2_WINDOW_DEFAULT / 2) {
		h2_write_window_update(&c->out, 0, c->consumed);
		c->recv_window += c->consumed;
		c->consumed = 0;
	}
	if (!s || s->state == H2_HALF_CLOSED_REMOTE)
		return;
	s->consumed += n;
	if (s->consumed > 0 && s->consumed >= c->local.initial_window / 2) {
		h2_write_window_update(&c->out, s->id, s->consumed);
		s->recv_window += s->consumed;
		s->consumed = 0;
	}
}

/* Every cheap frame costs one; real work pays back (RFC 9113 10.5). */
static int spend(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	if (--c->control_budget >= 0)
		return 0;
	return h2_conn_fail(c, ev, H2_ENHANCE_YOUR_CALM, f->off + H2_HEADER_LEN + f->length,
		"too many frames that carry nothing (H2_CONTROL_BUDGET)", "RFC 9113 10.5");
}

static void earn(struct h2_conn *c, int n)
{
	c->control_budget =
		c->control_budget + n > H2_CONTROL_BUDGET ? H2_CONTROL_BUDGET : c->control_budget + n;
}

/* DATA for a stream that has no record. */
static int data_without_stream(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	if (h2_stream_is_idle(c, f->stream))
		return h2_conn_fail(
			c, ev, H2_PROTOCOL_ERROR, f->off + 9, "DATA on an idle stream", "RFC 9113 5.1");
	h2_windows_refill(c, NULL, f->length);
	switch (h2_stream_how(c, f->stream)) {
	case H2_END_RST_SENT: /* was under way when our RST_STREAM left */
		return spend(c, f, ev);
	case H2_END_RST_RECEIVED:
		return h2_stream_fail(c, ev, f->stream, H2_STREAM_CLOSED, f->off + 9, "DATA after RST_STREAM",
			"RFC 9113 5.1");
	default:
		return h2_conn_fail(
			c, ev, H2_STREAM_CLOSED, f->off + 9, "DATA on a closed stream", "RFC 9113 5.1");
	}
}

/* content-length against what has come (RFC 9113 8.1.1). */
static const char *length_fault(const struct h2_stream *s, bool end)
{
	if (!s->has_length || s->head)
		return NULL;
	if (s->received > s->content_length)
		return "more content than content-length said";
	if (end && s->received < s->content_length)
		return "less content than content-length said";
	return NULL;
}

int h2_recv_data(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	c->recv_window -= f->length;
	if (c->recv_window < 0)
		return h2_conn_fail(c, ev, H2_FLOW_CONTROL_ERROR, f->off + 9,
			"DATA over the connection's window", "RFC 9113 6.9.1");
	struct h2_stream *s = h2_conn_stream(c, f->stream);
	if (!s)
		return data_without_stream(c, f, ev);
	bool end = f->flags & H2_FLAG_END_STREAM;
	uint32_t id = s->id;
	s->recv_window -= f->length;
	const char *what = NULL;
	if (s->state == H2_HALF_CLOSED_REMOTE) {
		h2_windows_refill(c, NULL, f->length);
		return h2_stream_fail(
			c, ev, id, H2_STREAM_CLOSED, f->off + 9, "DATA after END_STREAM", "RFC 9113 5.1");
	}
	if (f->length > 0 && s->recv_window < 0) {
		h2_windows_refill(c, NULL, f->length);
		return h2_stream_fail(c, ev, id, H2_FLOW_CONTROL_ERROR, f->off + 9,
			"DATA over the stream's window", "RFC 9113 6.9.1");
	}
	s->received += f->body.n;
	if (!s->got_headers)
		what = "DATA before the header section";
	else
		what = length_fault(s, end);
	if (what) {
		h2_windows_refill(c, NULL, f->length);
		return h2_stream_fail(c, ev, id, H2_PROTOCOL_ERROR, f->off + 9, what, "RFC 9113 8.1.1");
	}
	if (f->body.n > 0)
		earn(c, 1);
	else if (!end && spend(c, f, ev))
		return 1;
	h2_windows_refill(
		c, end ? NULL : s, c->local.manual_window ? f->length - (uint32_t)f->body.n : f->length);
	if (end)
		h2_stream_remote_done(c, s);
	*ev = (struct h2_event){
		.kind = H2_EV_DATA, .stream = id, .off = f->off, .end_stream = end, .data = f->body};
	return 1;
}

static int recv_rst(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	struct h2_stream *s = h2_conn_stream(c, f->stream);
	if (!s && h2_stream_is_idle(c, f->stream))
		return h2_conn_fail(
			c, ev, H2_PROTOCOL_ERROR, f->off + 9, "RST_STREAM on an idle stream", "RFC 9113 6.4");
	if (!s)
		return spend(c, f, ev);
	if (h2_stream_is_peers(c, f->stream) && --c->reset_budget < 0)
		return h2_conn_fail(c, ev, H2_ENHANCE_YOUR_CALM, f->off + 13,
			"too many streams ended before they were answered (H2_RESET_BUDGET)",
			"RFC 9113 10.5");
	h2_stream_end(c, s, H2_END_RST_RECEIVED);
	*ev = (struct h2_event){
		.kind = H2_EV_RESET, .stream = f->stream, .off = f->off, .code = f->error_code};
	return 1;
}

/* A new INITIAL_WINDOW_SIZE moves every stream's window, below zero if need be (RFC 9113 6.9.2). */
static bool set_initial_window(struct h2_conn *c, uint32_t value)
{
	int64_t delta = (int64_t)value - c->peer_initial_window;
	for (size_t i = 0; i < c->stream_count; i++) {
		c->streams[i]->send_window += delta;
		if (c->streams[i]->send_window > H2_WINDOW_MAX)
			return false;
	}
	c->peer_initial_window = value;
	return true;
}

static int apply_setting(struct h2_conn *c, struct h2_setting s, uint64_t off, struct h2_event *ev)
{
	switch (s.id) {
	case H2_SETTINGS_HEADER_TABLE_SIZE:
		hpack_enc_set_limit(&c->henc, s.value);
		return 0;
	case H2_SETTINGS_ENABLE_PUSH:
		if (c->role == H2_CLIENT && s.value != 0)
			return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, off,
				"a server cannot set ENABLE_PUSH to 1", "RFC 9113 6.5.2");
		return 0;
	case H2_SETTINGS_MAX_CONCURRENT_STREAMS:
		c->peer_max_concurrent = s.value;
		return 0;
	case H2_SETTINGS_INITIAL_WINDOW_SIZE:
		if (!set_initial_window(c, s.value))
			return h2_conn_fail(c, ev, H2_FLOW_CONTROL_ERROR, off,
				"INITIAL_WINDOW_SIZE overflows a window", "RFC 9113 6.9.2");
		return 0;
	case H2_SETTINGS_MAX_FRAME_SIZE:
		c->peer_max_frame_size = s.value;
		return 0;
	case H2_SETTINGS_MAX_HEADER_LIST_SIZE:
		c->peer_max_header_list = s.value;
		return 0;
	case H2_SETTINGS_ENABLE_CONNECT_PROTOCOL:
		if (c->peer_extended_connect && s.value == 0)
			return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, off,
				"ENABLE_CONNECT_PROTOCOL cannot be taken back", "RFC 8441 3");
		c->peer_extended_connect = s.value == 1;
		return 0;
	case H2_SETTINGS_NO_RFC7540_PRIORITIES:
		if (c->peer_settings_seen && c->peer_no_priorities != (s.value == 1))
			return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, off,
				"NO_RFC7540_PRIORITIES cannot be changed", "RFC 9218 2.1");
		c->peer_no_priorities = s.value == 1;
		return 0;
	default:
		return 0; /* unknown settings are ignored, RFC 9113 6.5.2 */
	}
}

/* Our settings are in force now: a smaller INITIAL_WINDOW_SIZE takes from every stream (RFC 9113 6.9.2). */
static void settings_in_force(struct h2_conn *c)
{
	int64_t delta = (int64_t)c->local.initial_window - c->stream_window;
	for (size_t i = 0; i < c->stream_count; i++)
		c->streams[i]->recv_window += delta;
	c->stream_window += delta;
	hpack_dec_set_limit(&c->hdec, c->local.header_table_size);
}

static int recv_settings(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	if (spend(c, f, ev))
		return 1;
	if (f->flags & H2_FLAG_ACK) {
		if (c->settings_unacked == 0)
			return 0;
		c->settings_unacked--;
		settings_in_force(c);
		*ev = (struct h2_event){.kind = H2_EV_SETTINGS_ACK, .off = f->off};
		return 1;
	}
	for (size_t i = 0; i < h2_frame_settings(f); i++)
		if (apply_setting(c, h2_frame_setting(f, i), f->off + H2_HEADER_LEN + 6 * i + 6, ev))
			return 1;
	c->peer_settings_seen = true;
	h2_write_settings_ack(&c->out);
	*ev = (struct h2_event){.kind = H2_EV_SETTINGS, .off = f->off};
	return 1;
}

static int recv_window_update(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	if (f->stream == 0) {
		if (spend(c, f, ev))
			return 1;
		c->send_window += f->increment;
		if (c->send_window > H2_WINDOW_MAX)
			return h2_conn_fail(c, ev, H2_FLOW_CONTROL_ERROR, f->off + 13,
				"the connection's window would pass 2^31-1", "RFC 9113 6.9.1");
	} else {
		struct h2_stream *s = h2_conn_stream(c, f->stream);
		if (!s && h2_stream_is_idle(c, f->stream))
			return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 9,
				"WINDOW_UPDATE on an idle stream", "RFC 9113 5.1");
		if (spend(c, f, ev) || !s)
			return c->state == H2_CONN_CLOSED;
		s->send_window += f->increment;
		if (s->send_window > H2_WINDOW_MAX)
			return h2_stream_fail(c, ev, f->stream, H2_FLOW_CONTROL_ERROR, f->off + 13,
				"the stream's window would pass 2^31-1", "RFC 9113 6.9.1");
	}
	*ev = (struct h2_event){.kind = H2_EV_WINDOW, .stream = f->stream, .off = f->off};
	return 1;
}

static int recv_ping(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	if (spend(c, f, ev))
		return 1;
	if (f->flags & H2_FLAG_ACK) {
		*ev = (struct h2_event){.kind = H2_EV_PING_ACK, .off = f->off, .data = f->body};
		return 1;
	}
	h2_write_ping(&c->out, true, f->body.p);
	return 0;
}

static int recv_goaway(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	if (c->goaway_received && f->last_stream > c->goaway_last)
		return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 13,
			"GOAWAY cannot raise its last stream", "RFC 9113 6.8");
	c->goaway_received = true;
	c->goaway_last = f->last_stream;
	*ev = (struct h2_event){.kind = H2_EV_GOAWAY,
		.stream = f->last_stream,
		.off = f->off,
		.code = f->error_code,
		.data = f->body};
	return 1;
}

/* A fault the frame shows by itself and that concerns its stream only. */
static int recv_stream_fault(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	const struct perr *e = &f->fault.err;
	if (f->type == H2_WINDOW_UPDATE && !h2_conn_stream(c, f->stream)) {
		if (h2_stream_is_idle(c, f->stream))
			return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 9,
				"WINDOW_UPDATE on an idle stream", "RFC 9113 5.1");
		return spend(c, f, ev);
	}
	/* PRIORITY on an idle stream: a reset would answer a stream that was never opened (RFC 9113 5.1). */
	if (h2_stream_is_idle(c, f->stream))
		return h2_conn_fail(c, ev, (enum h2_error)e->code, e->off, e->what, e->ref);
	return h2_stream_fail(c, ev, f->stream, (enum h2_error)e->code, e->off, e->what, e->ref);
}

int h2_recv_control(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	if (f->fault.scope == H2_STREAM_ERROR)
		return recv_stream_fault(c, f, ev);
	switch (f->type) {
	case H2_RST_STREAM:
		return recv_rst(c, f, ev);
	case H2_SETTINGS:
		return recv_settings(c, f, ev);
	case H2_PUSH_PROMISE:
		return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 9,
			c->role == H2_SERVER ? "a client cannot push" : "push was switched off",
			"RFC 9113 8.4");
	case H2_PING:
		return recv_ping(c, f, ev);
	case H2_GOAWAY:
		return recv_goaway(c, f, ev);
	case H2_WINDOW_UPDATE:
		return recv_window_update(c, f, ev);
	default: /* PRIORITY, extensions and unknown types */
		return spend(c, f, ev);
	}
}
