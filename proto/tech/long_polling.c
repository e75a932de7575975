/*
 * long polling (RFC 6202 2). The client asks; the server holds the request until there is a message, or until `hold`
 * is over and answers 204; the client asks again at once.
 *
 *	client   |──GET /longpoll?since=3──▶|              |──GET …since=4──▶|
 *	server                              |····held····|─200 {"messages":[4]}─▶
 *
 * Messages published between an answer and the next request are found in the history by since=; without `resume` the
 * server remembers per connection what it has told. The client gives an answer up `hold` + heartbeat_timeout after
 * asking, `hold` + 5 s when that is none (C22: 35 s around a hold of 30 s), and then, or after any failure, waits as
 * `reconnect` says.
 */
#include "proto/tech/tech_int.h"

static void ask(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	const struct tech_opts *o = c->site->opts;
	int64_t hold = o->hold_ns > 0 ? o->hold_ns : 300 * TECH_S;
	tech_ask(c, q);
	c->due_ns = TECH_NEVER;
	c->limit_ns = now + hold + (o->heartbeat_timeout_ns > 0 ? o->heartbeat_timeout_ns : 5 * TECH_S);
}

static void client_start(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	(void)now;
	tech_connect(c, q, true);
}

/* A complete answer: ask again, or after a bad one wait. */
static void answered(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	c->limit_ns = TECH_NEVER;
	if (c->status == 200 || c->status == 204) {
		bool open = !(c->flags & TECH_F_CLOSE);
		tech_connected(c, q);
		if (open) {
			ask(c, now, q);
			return;
		}
		tech_drop(c, TECH_OUT_CLOSE, q);
		tech_connect(c, q, false);
		return;
	}
	struct tech_out *o = tech_note(q, TECH_MAIN, TECH_NOTE_HTTP_ERROR, c->status, 0);
	if (o)
		o->why = TECH_WHY_STATUS;
	if (c->flags & TECH_F_CLOSE)
		tech_drop(c, TECH_OUT_CLOSE, q);
	tech_say_gone(c, TECH_WHY_STATUS, q);
	tech_wait(c, &tech_backoff_default, TECH_WHY_STATUS, now, q);
}

static void client_data(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	int64_t now = in->now_ns;
	enum tech_answer a = tech_read_answer(c, in, q);
	if (a == TECH_ANSWER_DONE) {
		answered(c, now, q);
	} else if (a == TECH_ANSWER_BAD) {
		tech_drop(c, TECH_OUT_ABORT, q);
		tech_say_gone(c, TECH_WHY_PROTOCOL, q);
		tech_wait(c, &tech_backoff_default, TECH_WHY_PROTOCOL, now, q);
	}
}

static void client_gone(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q)
{
	if (why == TECH_WHY_CLOSED)
		tech_push(q, TECH_OUT_CLOSE, TECH_MAIN);
	if ((why == TECH_WHY_CLOSED || why == TECH_WHY_RESET) && tech_ask_again(c, q))
		return;
	if (why == TECH_WHY_CLOSED && (c->flags & TECH_F_ASKED) &&
		tech_read_answer(c, NULL, q) == TECH_ANSWER_DONE) {
		c->flags |= TECH_F_CLOSE;
		tech_connected(c, q);
		tech_client_clear(c);
		tech_connect(c, q, false);
		return;
	}
	tech_client_clear(c);
	tech_say_gone(c, why, q);
	tech_wait(c, &tech_backoff_default, why, now, q);
}

static void client_time(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	if (c->limit_ns <= now) {
		tech_note(q, TECH_MAIN, TECH_NOTE_REQUEST_TIMEOUT, now - c->heard_ns, 0);
		tech_drop(c, TECH_OUT_ABORT, q);
		tech_say_gone(c, TECH_WHY_REQUEST, q);
		tech_wait(c, &tech_backoff_default, TECH_WHY_REQUEST, now, q);
		return;
	}
	if (c->due_ns > now || c->state != TECH_WAITING)
		return;
	c->due_ns = TECH_NEVER;
	if (c->flags & TECH_F_UP) { /* the connection outlived the bad answer */
		tech_try(c, q);
		c->state = TECH_OPEN;
		ask(c, now, q);
	} else {
		tech_connect(c, q, true);
	}
}

static void client_stop(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	(void)now;
	tech_drop(c, TECH_OUT_ABORT, q);
}

const struct tech_client_ops tech_long_polling_client = {
	.start = client_start,
	.up = ask,
	.data = client_data,
	.gone = client_gone,
	.time = client_time,
	.stop = client_stop,
};

/* ---- server end ------------------------------------------------------------------------------------------- */

static int64_t hold_end(const struct tech_conn *c)
{
	int64_t hold = tech_conn_site(c)->opts->hold_ns;
	return hold > 0 ? c->since_ns + hold : TECH_NEVER;
}

static void conn_request(struct tech_conn *c, const struct tech_want *w, int64_t now, struct tech_outs *q)
{
	tech_seek(c, w);
	if (tech_history_any(c)) {
		tech_answer_list(c, now, q);
		return;
	}
	c->mode = TECH_MODE_HELD;
	c->since_ns = now;
	c->due_ns = hold_end(c);
	if (!tech_subscribe(c))
		q->failed = true;
	tech_note(q, 0, TECH_NOTE_HOLD_BEGIN, 0, 0);
}

static void conn_push(struct tech_conn *c, struct tech_msg *m, int64_t now, struct tech_outs *q)
{
	(void)m; /* it stands in the history, behind the cursor */
	tech_unsubscribe(c);
	tech_answer_list(c, now, q);
}

static void conn_time(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	c->due_ns = hold_end(c);
	if (c->mode != TECH_MODE_HELD || c->due_ns > now)
		return;
	tech_unsubscribe(c);
	tech_note(q, 0, TECH_NOTE_HOLD_EXPIRE, now - c->since_ns, 0);
	tech_answer_empty(c, 204, now, q);
}

static void conn_stop(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	tech_unsubscribe(c);
	tech_answer_empty(c, 204, now, q);
}

const struct tech_conn_ops tech_long_polling_conn = {.request = conn_request,
	.push = conn_push,
	.form = {TECH_FORMS, TECH_FORMS},
	.time = conn_time,
	.stop = conn_stop};
