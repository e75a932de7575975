/*
 * The HTTP/2 session: set-up, the way from octets to frames to events, faults (RFC 9113 3.4, 5.4).
 *
 *	PREFACE ──24 octets──▶ SETTINGS_DUE ──SETTINGS──▶ READY ◀──END_HEADERS── IN_BLOCK
 *	  (server only)                                     └──HEADERS without it──▶┘
 *	connection error, anywhere ──▶ CLOSED: GOAWAY is written, what follows is not read
 */
#include "proto/h2/session_int.h"

#include <string.h>

struct h2_local h2_local_default(void)
{
	return (struct h2_local){.header_table_size = HPACK_TABLE_SIZE_DEFAULT,
		.max_concurrent = 100,
		.initial_window = H2_WINDOW_DEFAULT,
		.max_frame_size = H2_MAX_FRAME_SIZE_DEFAULT,
		.max_header_list = 65536};
}

static void write_local_settings(struct h2_conn *c)
{
	const struct h2_local *l = &c->local;
	struct h2_setting s[8];
	size_t n = 0;
	if (l->header_table_size != HPACK_TABLE_SIZE_DEFAULT)
		s[n++] = (struct h2_setting){H2_SETTINGS_HEADER_TABLE_SIZE, l->header_table_size};
	if (c->role == H2_CLIENT)
		s[n++] = (struct h2_setting){H2_SETTINGS_ENABLE_PUSH, 0};
	s[n++] = (struct h2_setting){H2_SETTINGS_MAX_CONCURRENT_STREAMS, l->max_concurrent};
	if (l->initial_window != H2_WINDOW_DEFAULT)
		s[n++] = (struct h2_setting){H2_SETTINGS_INITIAL_WINDOW_SIZE, l->initial_window};
	if (l->max_frame_size != H2_MAX_FRAME_SIZE_DEFAULT)
		s[n++] = (struct h2_setting){H2_SETTINGS_MAX_FRAME_SIZE, l->max_frame_size};
	s[n++] = (struct h2_setting){H2_SETTINGS_MAX_HEADER_LIST_SIZE, l->max_header_list};
	if (l->extended_connect)
		s[n++] = (struct h2_setting){H2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
	h2_write_settings(&c->out, s, n);
	c->settings_unacked++;
}

bool h2_conn_init(struct h2_conn *c, const struct alloc *al, enum h2_role role, const struct h2_local *local)
{
	*c = (struct h2_conn){.al = al,
		.role = role,
		.state = role == H2_SERVER ? H2_CONN_PREFACE : H2_CONN_SETTINGS_DUE,
		.local = *local,
		.peer_max_concurrent = UINT32_MAX,
		.peer_initial_window = H2_WINDOW_DEFAULT,
		.peer_max_frame_size = H2_MAX_FRAME_SIZE_DEFAULT,
		.peer_max_header_list = UINT32_MAX,
		.next_stream = role == H2_CLIENT ? 1 : 2,
		.send_window = H2_WINDOW_DEFAULT,
		.recv_window = H2_WINDOW_DEFAULT,
		.stream_window = local->initial_window > H2_WINDOW_DEFAULT ? local->initial_window
									   : H2_WINDOW_DEFAULT};
	h2_conn_calm(c);
	h2_dec_init(&c->dec, al, role == H2_SERVER ? H2_PREFACE_LEN : 0);
	c->dec.max_frame_size = local->max_frame_size;
	hpack_dec_init(&c->hdec, al, HPACK_TABLE_SIZE_DEFAULT, HPACK_STRING_MAX_DEFAULT);
	if (local->header_table_size > HPACK_TABLE_SIZE_DEFAULT)
		hpack_dec_set_limit(
			&c->hdec, local->header_table_size); /* the peer may use it once it has read it */
	hpack_enc_init(&c->henc, al, HPACK_TABLE_SIZE_DEFAULT);
	hfields_init(&c->fields, al, local->max_header_list);
	buf_init(&c->out, al, H2_OUT_MAX);
	if (role == H2_CLIENT)
		buf_str(&c->out, H2_PREFACE);
	write_local_settings(c);
	return !c->out.failed;
}

void h2_conn_fini(struct h2_conn *c)
{
	while (c->stream_count > 0)
		h2_stream_end(c, c->streams[c->stream_count - 1], H2_END_NONE);
	alloc_put(c->al, c->streams, c->stream_cap * sizeof *c->streams);
	h2_dec_fini(&c->dec);
	hpack_dec_fini(&c->hdec);
	hpack_enc_fini(&c->henc);
	hfields_fini(&c->fields);
	buf_fini(&c->out);
	c->streams = NULL;
	c->stream_cap = 0;
}

void h2_conn_calm(struct h2_conn *c)
{
	c->reset_budget = H2_RESET_BUDGET;
	c->control_budget = H2_CONTROL_BUDGET;
}

int h2_conn_fail_oom(struct h2_conn *c)
{
	c->oom = true;
	c->state = H2_CONN_CLOSED;
	return -1;
}

int h2_conn_fault(struct h2_conn *c, struct h2_event *ev, const struct h2_fault *f)
{
	c->fault = *f;
	c->state = H2_CONN_CLOSED;
	h2_write_goaway(&c->out, c->last_peer_stream, (uint32_t)f->err.code, bytes_str(f->err.what));
	c->goaway_sent = true;
	*ev = (struct h2_event){.kind = H2_EV_CONN_FAULT,
		.stream = f->stream,
		.off = f->err.off,
		.code = (uint32_t)f->err.code,
		.fault = *f};
	return 1;
}

int h2_conn_fail(struct h2_conn *c, struct h2_event *ev, enum h2_error code, uint64_t off, const char *what,
	const char *ref)
{
	struct h2_fault f = {H2_CONNECTION_ERROR, 0, {(int)code, off, what, ref}};
	return h2_conn_fault(c, ev, &f);
}

int h2_stream_fail(struct h2_conn *c, struct h2_event *ev, uint32_t stream, enum h2_error code, uint64_t off,
	const char *what, const char *ref)
{
	/* A peer can have us reset streams as cheaply as it can reset them itself: both cost the same budget. */
	if (--c->reset_budget < 0)
		return h2_conn_fail(c, ev, H2_ENHANCE_YOUR_CALM, off,
			"too many streams ended before they were answered", "RFC 9113 10.5");
	h2_write_rst(&c->out, stream, code);
	struct h2_stream *s = h2_conn_stream(c, stream);
	if (s)
		h2_stream_end(c, s, H2_END_RST_SENT);
	*ev = (struct h2_event){.kind = H2_EV_STREAM_FAULT,
		.stream = stream,
		.off = off,
		.code = code,
		.fault = {H2_STREAM_ERROR, stream, {(int)code, off, what, ref}}};
	return 1;
}

bool h2_conn_feed(struct h2_conn *c, struct bytes in)
{
	if (c->state == H2_CONN_CLOSED)
		return !c->oom;
	size_t used = 0;
	while (c->state == H2_CONN_PREFACE && used < in.n) {
		if (in.p[used] != (uint8_t)H2_PREFACE[c->preface_seen])
			break; /* told by h2_conn_next */
		used++;
		if (++c->preface_seen == H2_PREFACE_LEN)
			c->state = H2_CONN_SETTINGS_DUE;
	}
	if (!h2_dec_feed(&c->dec, bytes_sub(in, used, in.n - used)))
		h2_conn_fail_oom(c);
	return !c->oom;
}

/* What must hold before a frame is looked at for what it is. 0: go on. */
static int frame_in_place(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	if (c->state == H2_CONN_SETTINGS_DUE) {
		if (f->type != H2_SETTINGS || (f->flags & H2_FLAG_ACK))
			return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 4,
				"the first frame must be SETTINGS", "RFC 9113 3.4");
		c->state = H2_CONN_READY;
	}
	if (c->state == H2_CONN_IN_BLOCK && (f->type != H2_CONTINUATION || f->stream != c->block_stream))
		return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 9,
			"only CONTINUATION of the same stream may follow inside a header block",
			"RFC 9113 6.10");
	if (c->state == H2_CONN_READY && f->type == H2_CONTINUATION)
		return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 9,
			"CONTINUATION outside a header block", "RFC 9113 6.10");
	return 0;
}

static int frame(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	int r = frame_in_place(c, f, ev);
	if (r)
		return r;
	switch (f->type) {
	case H2_DATA:
		return h2_recv_data(c, f, ev);
	case H2_HEADERS:
		return h2_recv_headers(c, f, ev);
	case H2_CONTINUATION:
		return h2_recv_continuation(c, f, ev);
	default:
		return h2_recv_control(c, f, ev);
	}
}

/* While a header block is open or SETTINGS is due, a wrong frame is known by its header alone. */
static int early_look(struct h2_conn *c, struct h2_event *ev)
{
	struct bytes in = bytes_sub(buf_bytes(&c->dec.in), c->dec.taken, c->dec.in.n - c->dec.taken);
	if (in.n < H2_HEADER_LEN || c->state == H2_CONN_READY)
		return 0;
	struct h2_frame f = {.off = c->dec.off};
	h2_header_read(in.p, &f);
	enum h2_conn_state before = c->state;
	int r = frame_in_place(c, &f, ev);
	if (!r)
		c->state = before;
	return r;
}

int h2_conn_next(struct h2_conn *c, struct h2_event *ev)
{
	*ev = (struct h2_event){.kind = H2_EV_NONE};
	if (c->state == H2_CONN_CLOSED)
		return -1;
	if (c->state == H2_CONN_PREFACE) {
		if (h2_dec_pending(&c->dec) == 0)
			return 0;
		return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, c->preface_seen,
			"this is not the HTTP/2 preface", "RFC 9113 3.4");
	}
	for (;;) {
		struct h2_frame f;
		int r = early_look(c, ev);
		if (r)
			return r;
		r = h2_dec_next(&c->dec, &f);
		if (r < 0)
			return c->dec.oom ? h2_conn_fail_oom(c) : h2_conn_fault(c, ev, &c->dec.fault);
		if (r == 0)
			return 0;
		r = frame(c, &f, ev);
		if (c->out.failed)
			return h2_conn_fail_oom(c);
		if (r)
			return r;
	}
}

struct bytes h2_conn_out(const struct h2_conn *c)
{
	return bytes_sub(buf_bytes(&c->out), c->out_taken, c->out.n - c->out_taken);
}

void h2_conn_sent(struct h2_conn *c, size_t n)
{
	c->out_taken += n;
	if (c->out_taken == c->out.n) {
		buf_clear(&c->out);
		c->out_taken = 0;
	} else if (c->out_taken > 65536) {
		buf_drop(&c->out, c->out_taken);
		c->out_taken = 0;
	}
}
