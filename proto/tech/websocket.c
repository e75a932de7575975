/*
 * websocket: WebSocket (RFC 6455) over HTTP/1.1. One message is one unmasked text frame down, one masked one up.
 *
 *	client ──GET /ws, Upgrade: websocket──▶ server        101, then frames both ways
 *	       ◀── ping (heartbeat_from: server) ──           the browser answers pong by itself, the page never knows
 *	       ── {"type":"ping"} (heartbeat_from: client) ─▶ a browser cannot ping: an application message, answered
 *	                                                      by {"type":"pong"}
 *
 * heartbeat_timeout: whoever sent the beat, and heard no octet for so long after it, declares the connection dead and
 * resets it. With beats from the server only the server notices; the client's side stays open until a reset reaches
 * it (NAT-30, NAT-44). After any end the client waits as `reconnect` says; a browser would not come back by itself
 * (C65), `reconnect: none` shows that. Resume is the application's: since= in the URL.
 * Left out: fragmentation by the sender, permessage-deflate (offered by `browser`, declined by the server).
 */
#include "proto/tech/tech_int.h"

#include "proto/ws/handshake.h"

#define BEAT "{\"type\":\"ping\"}"
#define BEAT_ANSWER "{\"type\":\"pong\"}"

/* One for each handshake: neither figure changes between asking and being answered, one of them does after it. */
static void client_nonce(const struct tech_client *c, char key[WS_KEY_LEN + 1])
{
	const uint64_t seed = tech_seed(c), ordinal = (c->more ? c->more->waits : 0) + c->successes;
	uint8_t nonce[16];
	be64_put(nonce, tech_mix(seed, TECH_SALT_NONCE, ordinal * 2));
	be64_put(nonce + 8, tech_mix(seed, TECH_SALT_NONCE, ordinal * 2 + 1));
	ws_key(nonce, key);
}

static void send_masked(
	struct tech_client *c, enum ws_op op, struct bytes payload, struct tech_msg *m, struct tech_outs *q)
{
	uint8_t key[4], head[WS_HEADER_MAX];
	struct blob *frame;
	be32_put(key, (uint32_t)(tech_mix(tech_seed(c), TECH_SALT_MASK, c->keys++) >> 32));
	if (!payload.n) {
		frame = blob_new(c->site->al, (struct bytes){head, ws_header(head, true, 0, op, 0, key)});
	} else {
		struct buf b;
		buf_init(&b, c->site->al, payload.n + TECH_HEAD_MAX);
		ws_put_frame(&b, true, 0, op, payload, key);
		frame = buf_blob(&b);
		buf_fini(&b);
	}
	struct tech_out *o = tech_write(q, TECH_MAIN, frame, TECH_UNIT_FRAME);
	if (o && m) {
		o->id = m->id;
		o->n_msgs = 1;
	}
}

static void gone(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q)
{
	tech_say_gone(c, why, q);
	tech_wait(c, &tech_backoff_default, why, now, q);
}

static void client_start(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	(void)now;
	tech_connect(c, q, true);
}

static void client_up(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	const struct tech_opts *o = c->site->opts;
	char key[WS_KEY_LEN + 1];
	client_nonce(c, key);
	struct tech_request r = {.ask = TECH_ASK_UPGRADE,
		.with_since = o->resume,
		.since = o->resume ? c->since : 0,
		.number = c->site->identify ? c->number : 0,
		.ws_key = key};
	tech_reader_expect(&c->rd, BYTES_LIT("GET"));
	c->flags |= TECH_F_ASKED;
	tech_write(q, TECH_MAIN, tech_request_blob(c->site, &r), TECH_UNIT_REQUEST);
	c->due_ns = TECH_NEVER;
	c->limit_ns = o->heartbeat_timeout_ns > 0 ? now + o->heartbeat_timeout_ns : TECH_NEVER;
}

static void arm_beat(struct tech_client *c, int64_t now)
{
	const struct tech_opts *o = c->site->opts;
	bool on = o->heartbeat_ns > 0 && o->heartbeat_from == TECH_FROM_CLIENT && (c->flags & TECH_F_STREAM);
	if (!on)
		c->due_ns = TECH_NEVER;
	else
		tech_min(&c->due_ns, now + o->heartbeat_ns);
}

static bool head_ok(struct tech_client *c, const struct h1_head *h, struct tech_outs *q)
{
	char key[WS_KEY_LEN + 1];
	struct ws_hs_response res;
	client_nonce(c, key);
	struct ws_hs_offer offer = {bytes_str(key), BYTES_NONE, tech_offered_extensions(c->site)};
	c->status = h->status;
	tech_unit(q, TECH_MAIN, TECH_UNIT_RESPONSE, h->off,
		h->len + (h->framing == H1_FRAMING_LENGTH ? h->content_length : 0));
	if (q->n)
		q->v[q->n - 1].status = h->status;
	ws_hs_check_response(h, &offer, &res);
	if (res.ok)
		return true;
	struct tech_out *o = tech_note(q, TECH_MAIN, TECH_NOTE_WS_ERROR, h->status, 0);
	if (o) {
		o->what = res.err.what;
		o->ref = res.err.ref;
		o->why = h->status == 101 ? TECH_WHY_PROTOCOL : TECH_WHY_STATUS;
	}
	return false;
}

/* Ends it from here: a Close with `code` (0: none to say), then the connection. */
static void end(struct tech_client *c, unsigned code, enum tech_why why, int64_t now, struct tech_outs *q)
{
	if (code) {
		uint8_t key[4];
		struct buf b;
		be32_put(key, (uint32_t)(tech_mix(tech_seed(c), TECH_SALT_MASK, c->keys++) >> 32));
		buf_init(&b, c->site->al, TECH_HEAD_MAX);
		ws_put_close(&b, code, BYTES_NONE, key);
		tech_write(q, TECH_MAIN, buf_blob(&b), TECH_UNIT_FRAME);
		buf_fini(&b);
	}
	tech_drop(c, TECH_OUT_CLOSE, q);
	gone(c, why, now, q);
}

static void message(const struct ws_ev *ev, uint64_t base, struct tech_said *said, struct tech_outs *q)
{
	struct tech_ident id;
	size_t at = q->n;
	tech_unit(q, TECH_MAIN, TECH_UNIT_FRAME, base + ev->off, ev->len);
	if (!tech_ident_read(ev->data, &id))
		return;
	if (q->n > at) {
		q->v[at].id = id.id;
		q->v[at].n_msgs = 1;
	}
	tech_take(ev->data, said, q);
}

/* False: the connection was given up. */
static bool decode(
	struct tech_client *c, struct bytes data, int64_t now, struct tech_said *said, struct tech_outs *q)
{
	struct tech_open *o = tech_client_open(c, TECH_READ_FRAMES, q);
	struct ws_ev ev;
	if (!o)
		return false;
	ws_dec_feed(&o->ws, data);
	while (ws_dec_next(&o->ws, &ev) != WS_NEED) {
		if (ev.kind == WS_PING || ev.kind == WS_PONG || ev.kind == WS_CLOSE)
			tech_unit(q, TECH_MAIN, TECH_UNIT_FRAME, o->base + ev.off, ev.len);
		if (ev.kind == WS_MESSAGE) {
			message(&ev, o->base, said, q);
		} else if (ev.kind == WS_PING) {
			send_masked(c, WS_OP_PONG, ev.data, NULL, q);
		} else if (ev.kind == WS_CLOSE) {
			end(c, ev.code == WS_CLOSE_NO_STATUS ? WS_CLOSE_NORMAL : ev.code, TECH_WHY_CLOSED,
				now, q);
			return false;
		} else if (ev.kind == WS_ERROR) {
			struct tech_out *n = tech_note(q, TECH_MAIN, TECH_NOTE_WS_ERROR, ev.err.code, 0);
			if (n) {
				n->what = ev.err.what;
				n->ref = ev.err.ref;
				n->why = TECH_WHY_PROTOCOL;
			}
			end(c, (unsigned)ev.err.code, TECH_WHY_PROTOCOL, now, q);
			return false;
		} else if (ev.kind == WS_CLOSED) {
			break;
		}
	}
	return true;
}

static void frames(
	struct tech_client *c, struct bytes data, struct slice slice, int64_t now, struct tech_outs *q)
{
	struct tech_memory *m = &c->site->memory;
	struct tech_said said = {0};
	if (!m->off && !c->rd.idle.owned &&
		ws_lone_beat(WS_CLIENT, data) == WS_OP_PING) { /* as decode() would */
		tech_unit(q, TECH_MAIN, TECH_UNIT_FRAME, c->rd.idle.off, data.n);
		c->rd.idle.off += data.n;
		send_masked(c, WS_OP_PONG, BYTES_NONE, NULL, q);
		return;
	}
	if (!tech_recall(m, TECH_READ_FRAMES, &c->rd, slice, q, &said)) {
		const struct tech_idle before = c->rd.idle;
		bool idle = !c->rd.idle.owned;
		size_t at = q->n;
		bool alive = decode(c, data, now, &said, q);
		tech_reader_rest(&c->rd, c->site->al, &c->site->spare);
		if (alive && idle)
			tech_remember(m, TECH_READ_FRAMES, &before, &c->rd, slice, q, at, &said);
	}
	if (said.since)
		c->since = said.since;
}

/* The head was right: from here on frames. What came behind it in the same segment is read at once. */
static void switch_over(
	struct tech_client *c, struct bytes rest, uint64_t off, int64_t now, struct tech_outs *q)
{
	c->flags |= TECH_F_STREAM;
	tech_connected(c, q);
	tech_note(q, TECH_MAIN, TECH_NOTE_WS_OPEN, 0, 0);
	arm_beat(c, now);
	for (struct tech_msg *m; (m = tech_post_first(c));) {
		send_masked(c, WS_TEXT, slice_bytes(slice_of(m->payload)), m, q);
		tech_post_pop(c);
	}
	tech_reader_switch(&c->rd, c->site->al, off);
	if (rest.n)
		frames(c, rest, SLICE_NONE, now, q);
}

static enum tech_why refusal(const struct tech_client *c)
{
	return c->status == 101 ? TECH_WHY_PROTOCOL : TECH_WHY_STATUS;
}

/* The answer is the head that granted another client its WebSocket, but for the value that answers our key. */
static bool granted(struct tech_client *c, struct slice in, int64_t now, struct tech_outs *q)
{
	const struct tech_granted *g = &c->site->granted;
	char key[WS_KEY_LEN + 1], want[WS_ACCEPT_LEN + 1];
	uint64_t off = c->rd.idle.off;
	if (!in.blob || !g->in.blob || c->rd.idle.owned || c->site->memory.off ||
		!tech_idle_same(&g->before, &c->rd.idle) ||
		!tech_same_but(slice_bytes(g->in), slice_bytes(in), g->accept_at, WS_ACCEPT_LEN))
		return false;
	client_nonce(c, key);
	ws_accept(bytes_str(key), want);
	if (!bytes_eq_str(bytes_sub(slice_bytes(in), g->accept_at, WS_ACCEPT_LEN), want))
		return false;
	c->status = 101;
	tech_unit(q, TECH_MAIN, TECH_UNIT_RESPONSE, off, in.len);
	if (q->n)
		q->v[q->n - 1].status = 101;
	switch_over(c, BYTES_NONE, off + in.len, now, q);
	return true;
}

/* The input was this head, which is right, and nothing else. */
static void remember_granted(struct tech_client *c, const struct tech_in *in, const struct h1_head *h,
	const struct tech_idle *before)
{
	struct tech_granted *g = &c->site->granted;
	const struct bytes v = h1_value(h, "Sec-WebSocket-Accept"), d = in->data;
	if (!in->slice.blob || c->site->memory.off || before->owned || h->off != before->off ||
		h->len != d.n || v.p < d.p || v.p + v.n > d.p + d.n)
		return;
	blob_unref(g->in.blob);
	blob_ref(in->slice.blob);
	*g = (struct tech_granted){in->slice, *before, (uint32_t)(v.p - d.p)};
}

static void handshake(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	const int64_t now = in->now_ns;
	const struct tech_idle before = c->rd.idle;
	struct h1_ev ev;
	if (granted(c, in->slice, now, q))
		return;
	struct tech_open *o = tech_client_open(c, TECH_READ_HTTP, q);
	if (!o)
		return;
	h1_dec_feed(&o->h1, in->data);
	while (h1_dec_next(&o->h1, &ev) != H1_NEED) {
		if (ev.kind == H1_HEAD && !ev.head.interim) {
			if (head_ok(c, &ev.head, q))
				remember_granted(c, in, &ev.head, &before);
			else
				c->flags |= TECH_F_ANSWER; /* refused: read to its end, then close in order */
		}
		if (ev.kind == H1_END && (c->flags & TECH_F_ANSWER)) {
			enum tech_why why = refusal(c);
			tech_drop(c, TECH_OUT_CLOSE, q);
			gone(c, why, now, q);
			return;
		}
		if (ev.kind == H1_SWITCHED) {
			uint64_t off;
			struct bytes rest = h1_dec_rest(&o->h1, &off);
			switch_over(c, rest, off, now, q);
			return;
		}
		if (ev.kind == H1_ERROR || ev.kind == H1_CLOSED || ev.kind == H1_TRUNCATED) {
			tech_drop(c, TECH_OUT_ABORT, q);
			gone(c, TECH_WHY_PROTOCOL, now, q);
			return;
		}
	}
	tech_reader_rest(&c->rd, c->site->al, &c->site->spare);
}

static void client_data(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	c->limit_ns = TECH_NEVER; /* something was heard */
	if (c->flags & TECH_F_STREAM)
		frames(c, in->data, in->slice, in->now_ns, q);
	else
		handshake(c, in, q);
}

static const struct tech_seen *client_recall(struct tech_client *c, struct slice in, int64_t now)
{
	const struct tech_seen *s = c->flags & TECH_F_STREAM
					    ? tech_seen_find(&c->site->memory, TECH_READ_FRAMES, &c->rd, in)
					    : NULL;
	(void)now;
	if (!s)
		return NULL;
	tech_seen_skip(&c->rd, s);
	c->limit_ns = TECH_NEVER;
	if (s->said.since)
		c->since = s->said.since;
	return s;
}

static void client_gone(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q)
{
	if (why == TECH_WHY_CLOSED)
		tech_push(q, TECH_OUT_CLOSE, TECH_MAIN);
	if (c->flags & TECH_F_ANSWER)
		why = refusal(c);
	tech_client_clear(c);
	gone(c, why, now, q);
}

static void client_time(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	const struct tech_opts *o = c->site->opts;
	if (c->state == TECH_WAITING) {
		if (c->due_ns > now)
			return;
		c->due_ns = TECH_NEVER;
		tech_connect(c, q, true);
		return;
	}
	if (c->state != TECH_OPEN)
		return;
	if (c->limit_ns <= now) {
		tech_note(q, TECH_MAIN, TECH_NOTE_HEARTBEAT_TIMEOUT, now - c->heard_ns,
			o->heartbeat_timeout_ns);
		tech_drop(c, TECH_OUT_ABORT, q);
		gone(c, TECH_WHY_HEARTBEAT, now, q);
		return;
	}
	arm_beat(c, now);
	if (c->due_ns > now)
		return;
	tech_say(q, TECH_NOTE_HEARTBEAT_SEND);
	send_masked(c, WS_TEXT, BYTES_LIT(BEAT), NULL, q);
	c->due_ns = now + o->heartbeat_ns;
	if (o->heartbeat_timeout_ns > 0 && c->limit_ns == TECH_NEVER)
		c->limit_ns = now + o->heartbeat_timeout_ns;
}

static bool client_publish(struct tech_client *c, struct tech_msg *m, int64_t now, struct tech_outs *q)
{
	(void)now;
	if (!(c->flags & TECH_F_STREAM))
		return false; /* kept until it is open */
	send_masked(c, WS_TEXT, slice_bytes(slice_of(m->payload)), m, q);
	return true;
}

static void client_stop(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	if (c->flags & TECH_F_STREAM)
		end(c, WS_CLOSE_NORMAL, TECH_WHY_DONE, now, q);
	else
		tech_drop(c, TECH_OUT_ABORT, q);
}

const struct tech_client_ops tech_websocket_client = {
	.start = client_start,
	.up = client_up,
	.data = client_data,
	.recall = client_recall,
	.gone = client_gone,
	.time = client_time,
	.publish = client_publish,
	.stop = client_stop,
};

/* ---- server end ------------------------------------------------------------------------------------------- */

static struct tech_out *send_frame(
	struct tech_conn *c, enum ws_op op, struct bytes payload, struct tech_outs *q)
{
	struct tech_site *s = tech_conn_site(c);
	const uint64_t key = 1u << 16 | (unsigned)op; /* without a payload: the same for all */
	struct blob *blob = payload.n ? NULL : tech_cache_get(&s->responses, key, 0, 0);
	if (!blob) {
		struct buf b;
		buf_init(&b, c->srv->al, payload.n + TECH_HEAD_MAX);
		ws_put_frame(&b, true, 0, op, payload, NULL);
		blob = buf_blob(&b);
		buf_fini(&b);
		if (blob && !payload.n)
			tech_cache_put(&s->responses, key, 0, 0, blob);
	}
	return tech_write(q, 0, blob, TECH_UNIT_FRAME);
}

static void send_close(struct tech_conn *c, unsigned code, struct tech_outs *q)
{
	struct buf b;
	buf_init(&b, c->srv->al, TECH_HEAD_MAX);
	ws_put_close(&b, code, BYTES_NONE, NULL);
	tech_write(q, 0, buf_blob(&b), TECH_UNIT_FRAME);
	buf_fini(&b);
	tech_unsubscribe(c);
	tech_push(q, TECH_OUT_CLOSE, 0);
	tech_reader_clear(&c->rd, c->srv->al);
	c->mode = TECH_MODE_DONE;
	c->due_ns = c->limit_ns = TECH_NEVER;
}

static void send_message(struct tech_msg *m, struct tech_outs *q)
{
	uint32_t at, len;
	struct blob *b = tech_form(m, TECH_FORM_WS, &at, &len);
	struct tech_out *o = tech_write(q, 0, b ? blob_ref(b) : NULL, TECH_UNIT_FRAME);
	if (o) {
		o->id = m->id;
		o->n_msgs = 1;
	}
}

static void conn_arm(struct tech_conn *c, int64_t now)
{
	const struct tech_opts *o = tech_conn_site(c)->opts;
	if (o->heartbeat_ns > 0 && o->heartbeat_from == TECH_FROM_SERVER)
		tech_min(&c->due_ns, now + o->heartbeat_ns);
	else
		c->due_ns = TECH_NEVER;
}

/* False when the connection has ended. */
static bool conn_event(struct tech_conn *c, const struct ws_ev *ev, uint64_t base, struct tech_outs *q)
{
	struct tech_ident id;
	size_t at = q->n;
	if (ev->kind == WS_MESSAGE || ev->kind == WS_PING || ev->kind == WS_PONG || ev->kind == WS_CLOSE)
		tech_unit(q, 0, TECH_UNIT_FRAME, base + ev->off, ev->len);
	if (ev->kind == WS_MESSAGE && tech_ident_read(ev->data, &id)) {
		if (q->n > at)
			q->v[at].id = id.id;
		tech_message(q, 0, &id, ev->data.n);
	} else if (ev->kind == WS_MESSAGE && bytes_eq(ev->data, BYTES_LIT(BEAT))) {
		send_frame(c, WS_TEXT, BYTES_LIT(BEAT_ANSWER), q);
	} else if (ev->kind == WS_PING) {
		send_frame(c, WS_OP_PONG, ev->data, q);
	} else if (ev->kind == WS_CLOSE) {
		send_close(c, ev->code == WS_CLOSE_NO_STATUS ? 0 : ev->code, q);
		return false;
	} else if (ev->kind == WS_ERROR) {
		struct tech_out *o = tech_note(q, 0, TECH_NOTE_WS_ERROR, ev->err.code, 0);
		if (o) {
			o->what = ev->err.what;
			o->ref = ev->err.ref;
			o->why = TECH_WHY_PROTOCOL;
		}
		send_close(c, (unsigned)ev->err.code, q);
		return false;
	}
	return true;
}

static void conn_data(struct tech_conn *c, struct bytes data, int64_t now, struct tech_outs *q)
{
	struct ws_ev ev;
	c->since_ns = now;
	c->limit_ns = TECH_NEVER;
	if (!c->srv->forgetful && !c->rd.idle.owned && ws_lone_beat(WS_SERVER, data) == WS_OP_PONG) {
		tech_unit(q, 0, TECH_UNIT_FRAME, c->rd.idle.off, data.n); /* as conn_event() would */
		c->rd.idle.off += data.n;
		conn_arm(c, now);
		return;
	}
	struct tech_open *o = tech_conn_open(c, TECH_READ_FRAMES, q);
	if (!o)
		return;
	ws_dec_feed(&o->ws, data);
	while (ws_dec_next(&o->ws, &ev) != WS_NEED && ev.kind != WS_CLOSED)
		if (!conn_event(c, &ev, o->base, q))
			return;
	tech_reader_rest(&c->rd, c->srv->al, &c->srv->spare);
	conn_arm(c, now);
}

/* The 101: for all the same but for Sec-WebSocket-Accept. */
static struct blob *granted_head(struct tech_conn *c, const struct tech_want *w)
{
	struct tech_site *s = tech_conn_site(c);
	struct bytes accept = bytes_str(w->ws_accept);
	struct blob *blob = tech_cache_get_own(s->al, &s->responses, 101, 0, 0, accept);
	if (blob)
		return blob;
	struct buf b;
	buf_init(&b, s->al, TECH_HEAD_MAX);
	h1_put_status_line(&b, 101, NULL);
	h1_put_field_str(&b, "Upgrade", "websocket");
	h1_put_field_str(&b, "Connection", "Upgrade");
	h1_put_field(&b, "Sec-WebSocket-Accept", accept);
	h1_put_end(&b);
	blob = buf_blob(&b);
	buf_fini(&b);
	if (blob)
		tech_cache_put_own(
			&s->responses, 101, 0, 0, blob, BYTES_LIT("Sec-WebSocket-Accept: "), accept);
	return blob;
}

static void conn_request(struct tech_conn *c, const struct tech_want *w, int64_t now, struct tech_outs *q)
{
	uint64_t off;
	if (w->ws_status != 101) {
		tech_answer_refuse(
			c, w->ws_status, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", now, q);
		return;
	}
	struct tech_out *o = tech_write(q, 0, granted_head(c, w), TECH_UNIT_RESPONSE);
	if (o) {
		o->status = 101;
		o->b = -1;
	}
	struct tech_open *open = tech_reader_decoders(&c->rd); /* none: the request was known */
	struct bytes rest = open ? h1_dec_rest(&open->h1, &off) : BYTES_NONE;
	if (!open)
		off = c->rd.idle.off;
	tech_reader_switch(&c->rd, c->srv->al, off);
	c->mode = TECH_MODE_WS;
	tech_seek(c, w);
	for (struct tech_msg *m; (m = tech_history_next(c));)
		send_message(m, q);
	c->since_ns = now;
	c->due_ns = c->limit_ns = TECH_NEVER;
	if (!tech_subscribe(c))
		q->failed = true;
	conn_arm(c, now);
	if (rest.n)
		conn_data(c, rest, now, q);
}

static void conn_push(struct tech_conn *c, struct tech_msg *m, int64_t now, struct tech_outs *q)
{
	(void)c;
	(void)now;
	send_message(m, q);
}

static void conn_time(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	const struct tech_opts *o = tech_conn_site(c)->opts;
	if (c->mode != TECH_MODE_WS)
		return;
	if (c->limit_ns <= now) {
		tech_note(q, 0, TECH_NOTE_HEARTBEAT_TIMEOUT, now - c->since_ns, o->heartbeat_timeout_ns);
		tech_unsubscribe(c);
		tech_push(q, TECH_OUT_ABORT, 0);
		tech_reader_clear(&c->rd, c->srv->al);
		c->mode = TECH_MODE_DONE;
		c->due_ns = c->limit_ns = TECH_NEVER;
		return;
	}
	conn_arm(c, now);
	if (c->due_ns > now)
		return;
	tech_say(q, TECH_NOTE_HEARTBEAT_SEND);
	send_frame(c, WS_OP_PING, BYTES_NONE, q);
	c->due_ns = now + o->heartbeat_ns;
	if (o->heartbeat_timeout_ns > 0 && c->limit_ns == TECH_NEVER)
		c->limit_ns = now + o->heartbeat_timeout_ns;
	conn_arm(c, now);
}

static void conn_stop(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	(void)now;
	send_close(c, WS_CLOSE_GOING_AWAY, q);
}

const struct tech_conn_ops tech_websocket_conn = {.request = conn_request,
	.push = conn_push,

	.form = {TECH_FORM_WS, TECH_FORM_WS},
	.unit = TECH_UNIT_FRAME,
	.data = conn_data,
	.time = conn_time,
	.stop = conn_stop};
