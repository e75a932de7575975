/*
 * Header blocks: from HEADERS and CONTINUATION to a checked message (RFC 9113 4.3, 5.1, 6.2, 6.10, 8).
 *
 * The block is decompressed even when the stream is beyond help, because both ends' tables must stay the same.
 */
#include "proto/h2/session_int.h"

/* Which stream the block is for, and whether it may be. Faults of the connection are told at once (1). A fault of
 * the stream is kept in c->block_fault until the block has been decompressed. */
static int place(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	c->block_fault = f->fault;
	struct h2_stream *s = h2_conn_stream(c, f->stream);
	if (s) {
		if (s->state == H2_HALF_CLOSED_REMOTE)
			return h2_conn_fail(c, ev, H2_STREAM_CLOSED, f->off + 9, "HEADERS after END_STREAM",
				"RFC 9113 5.1");
		return 0;
	}
	if (!h2_stream_is_peers(c, f->stream) && h2_stream_is_idle(c, f->stream))
		return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 9,
			c->role == H2_SERVER ? "a client's streams have odd numbers"
					     : "HEADERS on an idle stream",
			"RFC 9113 5.1.1");
	if (h2_stream_is_idle(c, f->stream)) {
		if (c->role == H2_CLIENT)
			return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 9,
				"a server opens streams by push only", "RFC 9113 5.1.1");
		return 0;
	}
	switch (h2_stream_how(c, f->stream)) {
	case H2_END_RST_SENT:
		return 0; /* was under way: decompress and forget */
	case H2_END_RST_RECEIVED:
		c->block_fault = (struct h2_fault){H2_STREAM_ERROR, f->stream,
			{H2_STREAM_CLOSED, f->off + 9, "HEADERS after RST_STREAM", "RFC 9113 5.1"}};
		return 0;
	case H2_END_STREAM:
		return h2_conn_fail(
			c, ev, H2_STREAM_CLOSED, f->off + 9, "HEADERS on a closed stream", "RFC 9113 5.1");
	default:
		return h2_conn_fail(c, ev, H2_PROTOCOL_ERROR, f->off + 9, "stream identifiers must increase",
			"RFC 9113 5.1.1");
	}
}

/* Decompresses what has come of the block. 0 fine, 1 connection fault told, -1 out of memory. */
static int decompress(struct h2_conn *c, const struct h2_frame *f, bool end, struct h2_event *ev)
{
	if (!hpack_dec_feed(&c->hdec, f->body))
		return h2_conn_fail_oom(c);
	struct hpack_rep rep;
	int r;
	while ((r = hpack_dec_next(&c->hdec, end, &rep)) == 1) {
		if (rep.kind == HPACK_SIZE_UPDATE)
			continue;
		if (c->hdec.list_size > c->local.max_header_list || c->block_too_large) {
			c->block_too_large = true;
			continue;
		}
		if (!hfields_add(&c->fields, rep.name, rep.value, rep.never_indexed)) {
			if (c->fields.count < HFIELDS_COUNT_MAX && !c->fields.octets.failed &&
				rep.name.n + rep.value.n <= c->fields.octets.max - c->fields.octets.n)
				return h2_conn_fail_oom(c);
			if (c->fields.octets.failed)
				return h2_conn_fail_oom(c);
			c->block_too_large = true;
		}
	}
	if (r == 0)
		return 0;
	if (c->hdec.err.code == HP_NOMEM)
		return h2_conn_fail_oom(c);
	/* The offset told is that of the block within the connection: fragments may be spread over frames. */
	return h2_conn_fail(c, ev, H2_COMPRESSION_ERROR, f->off + H2_HEADER_LEN + f->length, c->hdec.err.what,
		c->hdec.err.ref);
}

/* The fields of a message of this kind, checked. False: the fault was told as an event. */
static bool message_ok(struct h2_conn *c, struct hmsg *m, uint32_t stream, struct h2_event *ev, int *r)
{
	if (c->block_too_large || hmsg_check(m, &c->fields))
		return true;
	*r = h2_stream_fail(c, ev, stream, H2_PROTOCOL_ERROR, c->block_off, m->what, m->ref);
	return false;
}

static int headers_event(
	struct h2_conn *c, enum h2_event_kind kind, struct h2_stream *s, int status, struct h2_event *ev)
{
	*ev = (struct h2_event){.kind = kind,
		.stream = s->id,
		.off = c->block_off,
		.end_stream = c->block_end_stream,
		.too_large = c->block_too_large,
		.status = status,
		.fields = &c->fields};
	if (c->block_end_stream)
		h2_stream_remote_done(c, s);
	return 1;
}

static int trailers(struct h2_conn *c, struct h2_stream *s, struct h2_event *ev)
{
	struct hmsg m = {.kind = HMSG_TRAILERS};
	int r;
	if (s->connect && (c->role == H2_SERVER || s->got_headers))
		return h2_stream_fail(c, ev, s->id, H2_PROTOCOL_ERROR, c->block_off,
			"only DATA may follow on a CONNECT stream", "RFC 9113 8.5");
	if (!c->block_end_stream)
		return h2_stream_fail(c, ev, s->id, H2_PROTOCOL_ERROR, c->block_off,
			"a second header section without END_STREAM", "RFC 9113 8.1");
	if (!message_ok(c, &m, s->id, ev, &r))
		return r;
	if (s->has_length && !s->head && s->received != s->content_length)
		return h2_stream_fail(c, ev, s->id, H2_PROTOCOL_ERROR, c->block_off,
			"less content than content-length said", "RFC 9113 8.1.1");
	return headers_event(c, H2_EV_TRAILERS, s, 0, ev);
}

/* Content that cannot come, against a content-length that says otherwise. */
static bool length_contradicts(const struct h2_stream *s, const struct hmsg *m, bool end)
{
	return end && m->has_length && m->content_length > 0 && !s->head && m->status != 304 &&
	       m->status != 204;
}

static int request(struct h2_conn *c, uint32_t id, struct h2_event *ev)
{
	c->last_peer_stream = id;
	if (c->goaway_sent && id > c->goaway_last) {
		h2_stream_note_end(c, id, H2_END_RST_SENT);
		return 0; /* after our GOAWAY new streams are ignored, RFC 9113 6.8 */
	}
	struct hmsg m = {.kind = HMSG_REQUEST, .extended_connect = c->local.extended_connect};
	int r;
	bool ok = message_ok(c, &m, id, ev, &r);
	if (!ok || c->peer_active >= c->local.max_concurrent) {
		h2_stream_note_end(c, id, H2_END_RST_SENT);
		return ok ? h2_stream_fail(c, ev, id, H2_REFUSED_STREAM, c->block_off,
				    "more streams than SETTINGS_MAX_CONCURRENT_STREAMS", "RFC 9113 5.1.2")
			  : r;
	}
	struct h2_stream *s = h2_stream_open(c, id);
	if (!s)
		return h2_conn_fail_oom(c);
	s->got_headers = true;
	s->connect = m.connect;
	s->head = false; /* a request's own content; `head` is about responses */
	s->has_length = m.has_length && !m.connect;
	s->content_length = m.content_length;
	if (length_contradicts(s, &m, c->block_end_stream))
		return h2_stream_fail(c, ev, id, H2_PROTOCOL_ERROR, c->block_off,
			"content-length without content", "RFC 9113 8.1.1");
	c->control_budget =
		c->control_budget + 10 > H2_CONTROL_BUDGET ? H2_CONTROL_BUDGET : c->control_budget + 10;
	return headers_event(c, H2_EV_HEADERS, s, 0, ev);
}

static int response(struct h2_conn *c, struct h2_stream *s, struct h2_event *ev)
{
	struct hmsg m = {.kind = HMSG_RESPONSE};
	int r;
	if (!message_ok(c, &m, s->id, ev, &r))
		return r;
	bool informational = m.status >= 100 && m.status < 200;
	if (informational && c->block_end_stream)
		return h2_stream_fail(c, ev, s->id, H2_PROTOCOL_ERROR, c->block_off,
			"an informational response ends the stream", "RFC 9113 8.1");
	if (!informational) {
		s->got_headers = true;
		s->has_length =
			m.has_length && m.status != 304 && m.status != 204 && !(s->connect && m.status < 300);
		s->content_length = m.content_length;
		if (length_contradicts(s, &m, c->block_end_stream))
			return h2_stream_fail(c, ev, s->id, H2_PROTOCOL_ERROR, c->block_off,
				"content-length without content", "RFC 9113 8.1.1");
	}
	return headers_event(c, H2_EV_HEADERS, s, m.status, ev);
}

/* The block is complete. */
static int finish(struct h2_conn *c, struct h2_event *ev)
{
	c->state = H2_CONN_READY;
	uint32_t id = c->block_stream;
	struct h2_stream *s = h2_conn_stream(c, id);
	bool is_new = !s && h2_stream_is_idle(c, id);
	if (c->block_fault.scope == H2_STREAM_ERROR) {
		const struct perr *e = &c->block_fault.err;
		if (is_new) {
			c->last_peer_stream = id;
			h2_stream_note_end(c, id, H2_END_RST_SENT);
		}
		return h2_stream_fail(c, ev, id, (enum h2_error)e->code, e->off, e->what, e->ref);
	}
	if (is_new)
		return request(c, id, ev);
	if (!s)
		return 0;
	if (s->got_headers)
		return trailers(c, s, ev);
	return response(c, s, ev);
}

static int fragment(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	bool end = f->flags & H2_FLAG_END_HEADERS;
	c->block_frames++;
	c->block_octets += f->body.n;
	c->block_empty += f->body.n == 0;
	if (c->block_octets > H2_BLOCK_OCTETS_MAX || c->block_frames > H2_CONTINUATIONS_MAX ||
		c->block_empty > H2_EMPTY_CONTINUATIONS_MAX)
		return h2_conn_fail(c, ev, H2_ENHANCE_YOUR_CALM, f->off + H2_HEADER_LEN,
			"a header block over H2_BLOCK_OCTETS_MAX or H2_CONTINUATIONS_MAX", "RFC 9113 10.5.1");
	int r = decompress(c, f, end, ev);
	if (r)
		return r;
	if (end)
		return finish(c, ev);
	c->state = H2_CONN_IN_BLOCK;
	return 0;
}

int h2_recv_headers(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	int r = place(c, f, ev);
	if (r)
		return r;
	c->block_stream = f->stream;
	c->block_off = f->off;
	c->block_octets = 0;
	c->block_frames = c->block_empty = 0;
	c->block_end_stream = f->flags & H2_FLAG_END_STREAM;
	c->block_too_large = false;
	hfields_clear(&c->fields);
	hpack_dec_begin(&c->hdec);
	return fragment(c, f, ev);
}

int h2_recv_continuation(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev)
{
	return fragment(c, f, ev);
}
