/*
 * sse: Server-Sent Events (WHATWG HTML 9.2) over HTTP/1.1. One GET whose answer never ends; each message is one event
 * in one chunk:
 *
 *	6b CRLF │ id: 1 LF data: {"id":1,…} LF LF │ CRLF
 *	 chunk  └────────────── event ────────────┘
 *
 * To an HTTP/1.0 request (a proxy's) the body goes out without chunks and ends with the connection.
 *
 * The client is an EventSource: it comes back by itself after 3 s (ES-01; `retry:` of the stream or an explicit
 * `reconnect` replace that) with Last-Event-ID. A status other than 200, or another media type, ends it for good
 * (ES-05), unless `reconnect` was given: then the page makes a new one. It has no timer of its own (NAT-44); with
 * heartbeat and heartbeat_timeout the page adds a watchdog: no octet for heartbeat + heartbeat_timeout means dead.
 * Heartbeats are comment lines and always come from the server.
 */
#include "proto/tech/tech_int.h"

#define RETRY_MAX_MS 3600000u /* an hour is as long as anybody means it */

/* ES-01, ES-02: Chrome's fixed delay. */
static const struct tech_backoff fixed_3s = {
	.first_ns = 3 * TECH_S, .factor_milli = 1000, .jitter = TECH_JITTER_NONE};

static void watch(struct tech_client *c, int64_t now)
{
	const struct tech_opts *o = c->site->opts;
	bool on = o->heartbeat_ns > 0 && o->heartbeat_timeout_ns > 0 && c->state == TECH_OPEN;
	c->limit_ns = on ? now + o->heartbeat_ns + o->heartbeat_timeout_ns : TECH_NEVER;
}

static void wait(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q)
{
	struct tech_backoff d = fixed_3s;
	if (c->retry_ms)
		d.first_ns = c->retry_ms * TECH_MS;
	tech_say_gone(c, why, q);
	tech_wait(c, &d, why, now, q);
}

static void client_start(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	(void)now;
	tech_connect(c, q, true);
}

static void client_up(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	bool resume = c->site->opts->resume;
	struct tech_request r = {.ask = TECH_ASK_STREAM,
		.with_since = resume,
		.since = resume ? c->since0 : 0,
		.last_event_id = resume && c->since != c->since0 ? c->since : 0,
		.number = c->site->identify ? c->number : 0};
	tech_reader_expect(&c->rd, BYTES_LIT("GET"));
	c->flags |= TECH_F_ASKED;
	tech_write(q, TECH_MAIN, tech_request_blob(c->site, &r), TECH_UNIT_REQUEST);
	watch(c, now);
}

/* The connection is fatally wrong: an EventSource closes for good. */
static void fail(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q)
{
	tech_drop(c, why == TECH_WHY_STATUS ? TECH_OUT_CLOSE : TECH_OUT_ABORT, q);
	if (tech_backoff_given(c->site->opts) || why != TECH_WHY_STATUS) {
		wait(c, why, now, q);
		return;
	}
	tech_say_gone(c, why, q);
	struct tech_out *o = tech_push(q, TECH_OUT_FAIL, TECH_MAIN);
	if (o) {
		o->why = (uint8_t)why;
		o->status = c->status;
	}
	c->state = TECH_ENDED;
}

static bool head_ok(struct tech_client *c, struct tech_open *o, const struct h1_head *h, struct tech_outs *q)
{
	struct bytes type = h1_media_type(h1_value(h, "Content-Type"));
	bool ok = h->status == 200 && bytes_eq_nocase(type, BYTES_LIT("text/event-stream"));
	c->status = h->status;
	tech_unit(q, TECH_MAIN, TECH_UNIT_RESPONSE, h->off,
		h->len + (!ok && h->framing == H1_FRAMING_LENGTH ? h->content_length : 0));
	if (q->n)
		q->v[q->n - 1].status = h->status;
	if (!ok) {
		struct tech_out *n = tech_note(q, TECH_MAIN, TECH_NOTE_HTTP_ERROR, h->status, 0);
		if (n)
			n->why = TECH_WHY_STATUS;
		return false;
	}
	tech_reader_events(o, c->site->al);
	c->flags |= TECH_F_STREAM;
	tech_connected(c, q);
	return true;
}

static uint64_t number_of(struct bytes b)
{
	uint64_t v = 0;
	for (size_t i = 0; i < b.n && i < 19 && b.p[i] >= '0' && b.p[i] <= '9'; i++)
		v = v * 10 + (uint64_t)(b.p[i] - '0');
	return v;
}

static void event(
	const struct sse_ev *ev, uint64_t off, uint64_t end, struct tech_said *said, struct tech_outs *q)
{
	struct tech_ident id;
	tech_unit(q, TECH_MAIN, TECH_UNIT_EVENT, off, end - off);
	if (tech_ident_read(ev->data, &id)) {
		if (q->n) {
			q->v[q->n - 1].id = id.id;
			q->v[q->n - 1].n_msgs = 1;
		}
		tech_message(q, TECH_MAIN, &id, ev->data.n);
	}
	if (number_of(ev->id))
		said->since = number_of(ev->id);
}

/* A piece of the body, `off` being its place in the connection's stream. `base` counts body octets before it. */
static bool body_piece(
	struct tech_open *o, struct bytes piece, uint64_t off, struct tech_said *said, struct tech_outs *q)
{
	struct sse_ev ev;
	if (o->block_off == UINT64_MAX)
		o->block_off = off;
	sse_dec_feed(&o->sse, piece);
	while (sse_dec_next(&o->sse, &ev) != SSE_NEED) {
		uint64_t end = off + (ev.off + ev.len - o->base);
		switch (ev.kind) {
		case SSE_EVENT:
			event(&ev, o->block_off, end, said, q);
			break;
		case SSE_COMMENT: /* `:` and the empty line after it, as we write it, come together */
			tech_unit(q, TECH_MAIN, TECH_UNIT_COMMENT, o->block_off, end + 1 - o->block_off);
			end++;
			break;
		case SSE_RETRY:
			said->retry_ms = ev.retry_ms < RETRY_MAX_MS ? (uint32_t)ev.retry_ms : RETRY_MAX_MS;
			said->other = true; /* it may also be 0, which c->retry_ms must be told */
			continue;
		case SSE_ERROR:
			return false;
		default:
			continue;
		}
		o->block_off = end - off < piece.n ? end : UINT64_MAX;
	}
	o->base += piece.n;
	return true;
}

/* How reading a piece of input ends. */
enum verdict { GO_ON, STREAM_ENDED, WRONG_ANSWER, BROKEN };

static enum verdict decode(
	struct tech_client *c, struct bytes data, struct tech_said *said, struct tech_outs *q)
{
	struct tech_open *o =
		tech_client_open(c, c->flags & TECH_F_STREAM ? TECH_READ_EVENTS : TECH_READ_HTTP, q);
	struct h1_ev ev;
	if (!o)
		return BROKEN;
	h1_dec_feed(&o->h1, data);
	while (h1_dec_next(&o->h1, &ev) != H1_NEED) {
		if (ev.kind == H1_HEAD && !ev.head.interim) {
			if (!head_ok(c, o, &ev.head, q))
				c->flags |= TECH_F_ANSWER; /* wrong: read to its end, then close in order */
		} else if (ev.kind == H1_DATA && (c->flags & TECH_F_STREAM)) {
			if (!body_piece(o, ev.data, ev.off, said, q))
				return BROKEN;
		} else if (ev.kind == H1_END && (c->flags & TECH_F_ANSWER)) {
			return WRONG_ANSWER;
		} else if (ev.kind == H1_END && (c->flags & TECH_F_STREAM)) {
			return STREAM_ENDED;
		} else if (ev.kind == H1_ERROR) {
			struct tech_out *n = tech_note(q, TECH_MAIN, TECH_NOTE_HTTP_ERROR, 0, 0);
			if (n) {
				n->why = TECH_WHY_PROTOCOL;
				n->what = ev.err.what;
				n->ref = ev.err.ref;
			}
			return BROKEN;
		}
	}
	return GO_ON;
}

/* The head of the stream, as another client was given it: nothing but the head, so it was said with one unit. */
static bool head_recalled(struct tech_client *c, struct slice in, struct tech_outs *q)
{
	struct tech_said said = {0};
	if (!tech_recall(&c->site->memory, TECH_READ_HTTP, &c->rd, in, q, &said))
		return false;
	c->status = said.status;
	c->flags |= TECH_F_STREAM;
	tech_connected(c, q);
	return true;
}

/* `q` from `at` on has what a head was answered with. */
static void remember_head(struct tech_client *c, const struct tech_idle *before, struct slice in,
	const struct tech_outs *q, size_t at)
{
	struct tech_outs unit = *q;
	const struct tech_said said = {.status = c->status};
	const bool noted = q->n == at + 2 && q->v[at + 1].kind == TECH_OUT_NOTE; /* tech_connected's */
	if (q->n != at + 1 && !noted)
		return;
	unit.n = at + 1;
	tech_remember(&c->site->memory, TECH_READ_HTTP, before, &c->rd, in, &unit, at, &said);
}

static enum verdict read_data(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	struct tech_memory *m = &c->site->memory;
	struct tech_said said = {0};
	bool events = c->flags & TECH_F_STREAM, idle = !c->rd.idle.owned;
	enum verdict v = GO_ON;
	if (!events && !(c->flags & TECH_F_ANSWER) && head_recalled(c, in->slice, q))
		return v;
	if (!events || !tech_recall(m, TECH_READ_EVENTS, &c->rd, in->slice, q, &said)) {
		const struct tech_idle before = c->rd.idle;
		size_t at = q->n;
		v = decode(c, in->data, &said, q);
		tech_reader_rest(&c->rd, c->site->al, &c->site->spare);
		if (events && idle && v == GO_ON)
			tech_remember(m, TECH_READ_EVENTS, &before, &c->rd, in->slice, q, at, &said);
		else if (idle && v == GO_ON && (c->flags & TECH_F_STREAM) && !said.since && !said.other)
			remember_head(c, &before, in->slice, q, at);
	}
	if (said.since)
		c->since = said.since;
	if (said.other)
		c->retry_ms = said.retry_ms;
	return v;
}

static void client_data(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	switch (read_data(c, in, q)) {
	case GO_ON:
		watch(c, in->now_ns);
		break;
	case STREAM_ENDED:
		tech_drop(c, TECH_OUT_CLOSE, q);
		wait(c, TECH_WHY_CLOSED, in->now_ns, q);
		break;
	case WRONG_ANSWER:
		fail(c, TECH_WHY_STATUS, in->now_ns, q);
		break;
	case BROKEN:
		fail(c, TECH_WHY_PROTOCOL, in->now_ns, q);
		break;
	}
}

static const struct tech_seen *client_recall(struct tech_client *c, struct slice in, int64_t now)
{
	const struct tech_seen *s = c->flags & TECH_F_STREAM
					    ? tech_seen_find(&c->site->memory, TECH_READ_EVENTS, &c->rd, in)
					    : NULL;
	if (!s)
		return NULL;
	tech_seen_skip(&c->rd, s);
	if (s->said.since)
		c->since = s->said.since;
	watch(c, now);
	return s;
}

static void client_gone(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q)
{
	if (why == TECH_WHY_CLOSED)
		tech_push(q, TECH_OUT_CLOSE, TECH_MAIN);
	if (c->flags & TECH_F_ANSWER) { /* the wrong answer ends with the connection */
		fail(c, TECH_WHY_STATUS, now, q);
		return;
	}
	tech_client_clear(c); /* an event without its empty line is thrown away (HTML 9.2.6) */
	wait(c, why, now, q);
}

static void client_time(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	if (c->state == TECH_WAITING && c->due_ns <= now) {
		c->due_ns = TECH_NEVER;
		tech_connect(c, q, true);
		return;
	}
	if (c->state != TECH_OPEN)
		return;
	watch(c, c->heard_ns);
	if (c->limit_ns > now)
		return;
	tech_note(q, TECH_MAIN, TECH_NOTE_HEARTBEAT_TIMEOUT, now - c->heard_ns,
		c->site->opts->heartbeat_timeout_ns);
	tech_drop(c, TECH_OUT_ABORT, q);
	wait(c, TECH_WHY_HEARTBEAT, now, q);
}

static void client_stop(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	(void)now;
	tech_drop(c, TECH_OUT_ABORT, q);
}

const struct tech_client_ops tech_sse_client = {
	.start = client_start,
	.up = client_up,
	.data = client_data,
	.recall = client_recall,
	.gone = client_gone,
	.time = client_time,
	.stop = client_stop,
};

/* ---- server end ------------------------------------------------------------------------------------------- */

static bool plain(const struct tech_conn *c)
{
	return c->flags & TECH_CF_HTTP10;
}

static void send_event(struct tech_conn *c, struct tech_msg *m, struct tech_outs *q)
{
	uint32_t at, len;
	struct blob *b = tech_form(m, tech_sse_conn.form[plain(c)], &at, &len);
	struct tech_out *o = tech_write(q, 0, b ? blob_ref(b) : NULL, TECH_UNIT_EVENT);
	if (!o)
		return;
	o->uoff = at;
	o->ulen = len;
	o->id = m->id;
	o->n_msgs = 1;
}

static void arm(struct tech_conn *c, int64_t now)
{
	int64_t beat = tech_conn_site(c)->opts->heartbeat_ns;
	c->due_ns = beat > 0 ? now + beat : TECH_NEVER;
}

/* The head of the stream: the same for all who ask in the same second. */
static struct blob *stream_head(struct tech_conn *c, bool http10, int64_t now)
{
	struct tech_site *s = tech_conn_site(c);
	uint64_t k0 = 2u | (uint64_t)http10 << 16 | (uint64_t)(c->srv->keepalive_ns / TECH_S) << 20;
	uint64_t k2 = tech_date_key(s, now);
	struct blob *blob = tech_cache_get(&s->responses, k0, 0, k2);
	if (blob)
		return blob;
	struct buf b;
	struct tech_response r = {.status = 200,
		.type = "text/event-stream",
		.streaming = true,
		.http10 = http10,
		.close = http10,
		.keepalive_ns = c->srv->keepalive_ns,
		.now_ns = now};
	buf_init(&b, s->al, TECH_HEAD_MAX);
	tech_put_response(&b, s, &r);
	blob = buf_blob(&b);
	buf_fini(&b);
	if (blob)
		tech_cache_put(&s->responses, k0, 0, k2, blob);
	return blob;
}

static void conn_request(struct tech_conn *c, const struct tech_want *w, int64_t now, struct tech_outs *q)
{
	struct tech_out *o = tech_write(q, 0, stream_head(c, w->http10, now), TECH_UNIT_RESPONSE);
	if (o) {
		o->status = 200;
		o->b = -1;
	}
	tech_seek(c, w);
	c->mode = TECH_MODE_STREAM;
	for (struct tech_msg *m; (m = tech_history_next(c));)
		send_event(c, m, q);
	c->since_ns = now;
	if (!tech_subscribe(c))
		q->failed = true;
	arm(c, now);
}

static void conn_push(struct tech_conn *c, struct tech_msg *m, int64_t now, struct tech_outs *q)
{
	(void)now;
	send_event(c, m, q);
}

static void send_comment(struct tech_conn *c, struct tech_outs *q)
{
	struct tech_site *s = tech_conn_site(c);
	struct blob *blob = tech_cache_get(&s->responses, 1, plain(c), 0);
	if (!blob) {
		struct buf b, line;
		buf_init(&b, s->al, 64);
		buf_init(&line, s->al, 64);
		sse_put_comment(&line, BYTES_NONE);
		if (plain(c))
			buf_add(&b, buf_bytes(&line));
		else
			h1_put_chunk(&b, buf_bytes(&line), BYTES_NONE);
		blob = buf_blob(&b);
		buf_fini(&b);
		buf_fini(&line);
		if (blob)
			tech_cache_put(&s->responses, 1, plain(c), 0, blob);
	}
	struct tech_out *o = tech_write(q, 0, blob, TECH_UNIT_COMMENT);
	if (o && !plain(c)) { /* size line, comment, CRLF */
		o->uoff = 3;
		o->ulen = blob->len - 5;
	}
}

static void conn_time(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	int64_t beat = tech_conn_site(c)->opts->heartbeat_ns;
	if (beat <= 0 || c->mode != TECH_MODE_STREAM) {
		c->due_ns = TECH_NEVER;
		return;
	}
	tech_min(&c->due_ns, now + beat);
	if (c->due_ns <= now) {
		tech_say(q, TECH_NOTE_HEARTBEAT_SEND);
		send_comment(c, q);
		c->due_ns = now + beat;
	}
}

static void conn_stop(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	struct buf b;
	(void)now;
	if (!plain(c)) {
		buf_init(&b, tech_conn_site(c)->al, 64);
		h1_put_last_chunk(&b, NULL, 0);
		tech_write(q, 0, buf_blob(&b), TECH_UNIT_TAIL);
		buf_fini(&b);
	}
	tech_unsubscribe(c);
	tech_push(q, TECH_OUT_CLOSE, 0);
	c->mode = TECH_MODE_DONE;
	c->due_ns = TECH_NEVER;
}

const struct tech_conn_ops tech_sse_conn = {.request = conn_request,
	.push = conn_push,
	.form = {TECH_FORM_SSE_CHUNK, TECH_FORM_SSE_PLAIN},
	.unit = TECH_UNIT_EVENT,
	.time = conn_time,
	.stop = conn_stop};
