/*
 * exchange: one request and its answer, as both polling techniques use it, and the way up by POST for techniques that
 * have none of their own.
 *
 * A request on a connection that has already served, and that ends before one octet of the answer came, is repeated
 * once on a new connection: the server closed the idle connection while the request was under way (RFC 9112 9.3.1).
 * A POST that got no answer is repeated after a second until it gets one.
 */
#include "proto/tech/tech_int.h"

#include <string.h>

void tech_ask(struct tech_client *c, struct tech_outs *q)
{
	struct tech_site *s = c->site;
	const bool resume = s->opts->resume;
	const uint64_t since = resume ? c->since : 0;
	/* mostly somebody has asked the same before */
	struct blob *b = s->identify ? NULL
				     : tech_cache_get(&s->requests, tech_request_key(TECH_ASK_FETCH, resume),
					       since, 0);
	if (rare(!b)) {
		struct tech_request r = {.ask = TECH_ASK_FETCH,
			.with_since = resume,
			.since = since,
			.number = s->identify ? c->number : 0};
		b = tech_request_blob(s, &r);
	}
	tech_reader_expect(&c->rd, BYTES_LIT("GET"));
	c->flags |= TECH_F_ASKED;
	c->flags &= (uint16_t) ~(TECH_F_ANSWER | TECH_F_READ | TECH_F_CLOSE);
	tech_write(q, TECH_MAIN, b, TECH_UNIT_REQUEST);
}

bool tech_ask_again(struct tech_client *c, struct tech_outs *q)
{
	bool again = (c->flags & TECH_F_ASKED) && (c->flags & TECH_F_USED) &&
		     !(c->flags & (TECH_F_ANSWER | TECH_F_RETRIED));
	if (!again)
		return false;
	tech_client_clear(c);
	c->flags |= TECH_F_RETRIED;
	tech_connect(c, q, false);
	return true;
}

void tech_take(struct bytes payload, struct tech_said *said, struct tech_outs *q)
{
	struct tech_ident id;
	if (!tech_ident_read(payload, &id))
		return;
	said->since = id.id;
	tech_message(q, TECH_MAIN, &id, payload.n);
}

/* The unit stands in the queue before the messages it carried, and names the first. */
static void read_list(struct tech_client *c, struct bytes body, uint64_t off, uint64_t len,
	struct tech_said *said, struct tech_outs *q)
{
	size_t at = q->n, n = 0;
	uint64_t first = 0;
	struct bytes rest = body, payload;
	tech_unit(q, TECH_MAIN, TECH_UNIT_RESPONSE, off, len);
	while (c->status == 200 && tech_list_next(&rest, &payload)) {
		size_t before = q->n;
		tech_take(payload, said, q);
		if (q->n > before && !n++)
			first = q->v[before].id;
	}
	if (q->n > at && !q->failed) {
		q->v[at].id = first;
		q->v[at].n_msgs = (uint32_t)n;
		q->v[at].status = c->status;
	}
	c->flags |= TECH_F_READ;
}

/* One decoder event. Returns false when the answer cannot be read. */
static bool answer_event(struct tech_client *c, struct tech_open *o, const struct h1_ev *ev,
	struct tech_said *said, struct tech_outs *q, bool *done)
{
	switch (ev->kind) {
	case H1_HEAD:
		c->flags |= TECH_F_ANSWER;
		if (ev->head.interim)
			return true;
		c->status = ev->head.status;
		o->msg_off = ev->head.off;
		o->body_left = ev->head.framing == H1_FRAMING_LENGTH ? ev->head.content_length : UINT64_MAX;
		if (!ev->head.keep_alive)
			c->flags |= TECH_F_CLOSE;
		return true;
	case H1_DATA:
		if (!o->body.n && ev->data.n == o->body_left) { /* all of it lies here: read it in place */
			read_list(c, ev->data, o->msg_off, ev->off + ev->len - o->msg_off, said, q);
			return true;
		}
		buf_add(&o->body, ev->data);
		return !o->body.failed;
	case H1_END:
		if (c->status < 200)
			return true;
		if (!(c->flags & TECH_F_READ))
			read_list(
				c, buf_bytes(&o->body), o->msg_off, ev->off + ev->len - o->msg_off, said, q);
		buf_fini(&o->body);
		*done = true;
		return true;
	default:
		return ev->kind != H1_ERROR && ev->kind != H1_TRUNCATED;
	}
}

static void say_unreadable(const struct h1_ev *ev, struct tech_outs *q)
{
	struct tech_out *o = tech_note(q, TECH_MAIN, TECH_NOTE_HTTP_ERROR, 0, 0);
	if (!o)
		return;
	o->why = TECH_WHY_PROTOCOL;
	if (ev->kind == H1_ERROR || ev->kind == H1_TRUNCATED) {
		o->what = ev->err.what;
		o->ref = ev->err.ref;
	}
}

static enum tech_answer decode_answer(
	struct tech_client *c, const struct tech_in *in, struct tech_said *said, struct tech_outs *q)
{
	struct tech_open *o = tech_client_open(c, TECH_READ_HTTP, q);
	struct h1_ev ev;
	bool done = false;
	if (!o)
		return TECH_ANSWER_BAD;
	if (in)
		h1_dec_feed(&o->h1, in->data);
	else
		h1_dec_eof(&o->h1);
	while (h1_dec_next(&o->h1, &ev) != H1_NEED) {
		if (!answer_event(c, o, &ev, said, q, &done)) {
			say_unreadable(&ev, q);
			return TECH_ANSWER_BAD;
		}
		if (ev.kind == H1_CLOSED || ev.kind == H1_SWITCHED)
			break;
	}
	said->status = c->status;
	said->close = c->flags & TECH_F_CLOSE;
	return done ? TECH_ANSWER_DONE : TECH_ANSWER_PART;
}

void tech_answer_said(struct tech_client *c, const struct tech_said *said)
{
	if (said->since)
		c->since = said->since;
	c->status = said->status;
	c->flags &= (uint16_t) ~(TECH_F_ASKED | TECH_F_ANSWER | TECH_F_READ | TECH_F_RETRIED);
	c->flags |= (uint16_t)(TECH_F_USED | (said->close ? TECH_F_CLOSE : 0));
}

enum tech_answer tech_read_answer(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	struct tech_memory *m = &c->site->memory;
	struct tech_said said = {0};
	enum tech_answer a = TECH_ANSWER_DONE;
	if (!in || !tech_recall(m, TECH_READ_HTTP, &c->rd, in->slice, q, &said)) {
		const struct tech_idle before = c->rd.idle;
		bool idle = !c->rd.idle.owned;
		size_t at = q->n;
		a = decode_answer(c, in, &said, q);
		tech_reader_rest(&c->rd, c->site->al, &c->site->spare);
		if (in && idle && a == TECH_ANSWER_DONE)
			tech_remember(m, TECH_READ_HTTP, &before, &c->rd, in->slice, q, at, &said);
	}
	if (a == TECH_ANSWER_DONE)
		tech_answer_said(c, &said);
	else if (said.since)
		c->since = said.since;
	return a;
}

/* ---- the way up by POST ----------------------------------------------------------------------------------- */

enum { POST_OFF, POST_CONNECTING, POST_IDLE, POST_BUSY };

struct tech_post {
	struct tech_msg *msg[TECH_POST_MAX];
	uint32_t head, n;
	struct h1_dec h1;
	uint64_t resp_off;
	int64_t retry_ns;
	uint16_t status;
	uint8_t state;
	bool used, close;
};

static struct tech_post *post_get(struct tech_client *c)
{
	struct tech_more *m = tech_more(c, NULL);
	if (m && !m->post && (m->post = alloc_get(c->site->al, sizeof *m->post))) {
		memset(m->post, 0, sizeof *m->post);
		h1_dec_init(&m->post->h1, c->site->al, H1_RESPONSES, NULL);
	}
	return m ? m->post : NULL;
}

bool tech_post_add(struct tech_client *c, struct tech_msg *m)
{
	struct tech_post *p = post_get(c);
	if (!p || p->n == TECH_POST_MAX)
		return false;
	p->msg[(p->head + p->n++) % TECH_POST_MAX] = tech_msg_ref(m);
	return true;
}

struct tech_msg *tech_post_first(struct tech_client *c)
{
	const struct tech_post *p = tech_post(c);
	return p && p->n ? p->msg[p->head] : NULL;
}

void tech_post_pop(struct tech_client *c)
{
	struct tech_post *p = tech_post(c);
	tech_msg_unref(p->msg[p->head]);
	p->head = (p->head + 1) % TECH_POST_MAX;
	p->n--;
}

void tech_post_free(struct tech_client *c)
{
	struct tech_post *p = tech_post(c);
	if (!p)
		return;
	while (p->n)
		tech_post_pop(c);
	h1_dec_fini(&p->h1);
	alloc_put(c->site->al, p, sizeof *p);
	c->more->post = NULL;
}

int64_t tech_post_wake(const struct tech_client *c)
{
	const struct tech_post *p = tech_post(c);
	if (c->site->kind == TECH_WEBSOCKET || !p || !p->n || p->state != POST_OFF ||
		(c->flags & TECH_F_STOP))
		return TECH_NEVER;
	return p->retry_ns;
}

/* Sends the oldest message when the way is free, opens the way when there is something to send. */
static void post_go(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	struct tech_post *p = tech_post(c);
	if (!p->n || (c->flags & TECH_F_STOP))
		return;
	if (p->state == POST_OFF && p->retry_ns <= now) {
		p->state = POST_CONNECTING;
		tech_push(q, TECH_OUT_OPEN, TECH_UPLINK);
	} else if (p->state == POST_IDLE) {
		struct tech_msg *m = p->msg[p->head];
		struct tech_request r = {.ask = TECH_ASK_POST,
			.number = c->site->identify ? c->number : 0,
			.body = slice_bytes(slice_of(m->payload))};
		h1_dec_expect(&p->h1, BYTES_LIT("POST"));
		p->state = POST_BUSY;
		struct tech_out *o =
			tech_write(q, TECH_UPLINK, tech_request_blob(c->site, &r), TECH_UNIT_REQUEST);
		if (o) {
			o->id = m->id;
			o->n_msgs = 1;
		}
	}
}

static void post_gone(struct tech_client *c, int64_t now)
{
	struct tech_post *p = tech_post(c);
	bool stale = p->state == POST_BUSY && p->used; /* an idle connection that the server was closing */
	p->retry_ns = stale ? now : now + TECH_S;
	p->state = POST_OFF;
	p->used = p->close = false;
	h1_dec_fini(&p->h1);
	h1_dec_init(&p->h1, c->site->al, H1_RESPONSES, NULL);
}

/* False when the connection must be given up. */
static bool post_data(struct tech_client *c, struct bytes data, struct tech_outs *q)
{
	struct tech_post *p = tech_post(c);
	struct h1_ev ev;
	h1_dec_feed(&p->h1, data);
	while (h1_dec_next(&p->h1, &ev) != H1_NEED) {
		if (ev.kind == H1_HEAD && !ev.head.interim) {
			p->status = ev.head.status;
			p->resp_off = ev.head.off;
			p->close = !ev.head.keep_alive;
		} else if (ev.kind == H1_END && p->status >= 200) {
			tech_unit(q, TECH_UPLINK, TECH_UNIT_RESPONSE, p->resp_off,
				ev.off + ev.len - p->resp_off);
			if (p->status < 300 && p->n)
				tech_post_pop(c);
			p->state = POST_IDLE;
			p->used = true;
			if (p->close)
				return false;
		} else if (ev.kind == H1_ERROR || ev.kind == H1_TRUNCATED || ev.kind == H1_CLOSED) {
			return false;
		}
	}
	return true;
}

void tech_post_input(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	struct tech_post *p = tech_post(c);
	if (!p || c->site->kind == TECH_WEBSOCKET)
		return;
	if (in->conn == TECH_UPLINK) {
		if (in->kind == TECH_IN_UP && p->state == POST_CONNECTING) {
			p->state = POST_IDLE;
		} else if (in->kind == TECH_IN_DATA && !post_data(c, in->data, q)) {
			tech_push(q, TECH_OUT_CLOSE, TECH_UPLINK);
			post_gone(c, in->now_ns);
			p->retry_ns = in->now_ns;
		} else if (in->kind == TECH_IN_EOF || in->kind == TECH_IN_RESET) {
			if (in->kind == TECH_IN_EOF)
				tech_push(q, TECH_OUT_CLOSE, TECH_UPLINK);
			post_gone(c, in->now_ns);
		}
	}
	if (in->kind == TECH_IN_STOP && p->state != POST_OFF) {
		tech_push(q, TECH_OUT_CLOSE, TECH_UPLINK);
		p->state = POST_OFF;
	}
	post_go(c, in->now_ns, q);
}
