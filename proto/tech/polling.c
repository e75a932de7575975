/*
 * polling: short polling. The client asks every `interval`, counted from request to request; the server answers at
 * once with whatever is newer than since=.
 *
 *	client   |──GET /poll?since=3──▶|                 |──GET …──▶|
 *	server                 ◀─200 {"messages":[]}─|
 *	         |◀──────────── interval ────────────────▶|
 *
 * A tick that finds the previous answer outstanding is skipped. A failed poll is not repeated before the next tick
 * (so `reconnect` does not concern this technique), except for the stale-connection case of RFC 9112 9.3.1. An answer
 * is given up after heartbeat_timeout, or after 300 s as browsers do (BR-09) when that is none.
 * Without `resume` the client sends no since= and the server remembers, per connection, what it has told.
 */
#include "proto/tech/tech_int.h"

static int64_t interval(const struct tech_client *c)
{
	return c->site->opts->interval_ns > 0 ? c->site->opts->interval_ns : 5 * TECH_S;
}

static void ask(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	int64_t patience = c->site->opts->heartbeat_timeout_ns;
	tech_ask(c, q);
	c->limit_ns = now + (patience > 0 ? patience : 300 * TECH_S);
}

static void client_start(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	c->due_ns = now + interval(c);
	tech_connect(c, q, true);
}

static void client_data(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	enum tech_answer a = tech_read_answer(c, in, q);
	if (a == TECH_ANSWER_PART)
		return;
	if (a == TECH_ANSWER_BAD) {
		tech_drop(c, TECH_OUT_ABORT, q);
		tech_say_gone(c, TECH_WHY_PROTOCOL, q);
		return;
	}
	c->limit_ns = TECH_NEVER;
	if (c->status == 200 || c->status == 204) {
		tech_connected(c, q);
	} else {
		struct tech_out *o = tech_note(q, TECH_MAIN, TECH_NOTE_HTTP_ERROR, c->status, 0);
		if (o)
			o->why = TECH_WHY_STATUS;
	}
	if (c->flags & TECH_F_CLOSE)
		tech_drop(c, TECH_OUT_CLOSE, q);
}

static const struct tech_seen *client_recall(struct tech_client *c, struct slice in, int64_t now)
{
	const struct tech_seen *s = (c->flags & (TECH_F_OK | TECH_F_CLOSE)) == TECH_F_OK
					    ? tech_seen_find(&c->site->memory, TECH_READ_HTTP, &c->rd, in)
					    : NULL;
	(void)now;
	if (!s || s->said.close || (s->said.status != 200 && s->said.status != 204))
		return NULL; /* something follows from it */
	tech_seen_skip(&c->rd, s);
	tech_answer_said(c, &s->said);
	c->limit_ns = TECH_NEVER;
	return s;
}

static void client_gone(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q)
{
	bool asked = c->flags & TECH_F_ASKED, connecting = c->state == TECH_CONNECTING;
	(void)now;
	if (why == TECH_WHY_CLOSED)
		tech_push(q, TECH_OUT_CLOSE, TECH_MAIN);
	if (asked && (why == TECH_WHY_CLOSED || why == TECH_WHY_RESET) && tech_ask_again(c, q))
		return;
	if (asked && why == TECH_WHY_CLOSED && tech_read_answer(c, NULL, q) == TECH_ANSWER_DONE) {
		tech_connected(c, q);
		asked = false;
	}
	tech_client_clear(c);
	c->state = TECH_OFF;
	/* an idle connection that the server closes is no event for the page */
	if (asked || connecting || (why != TECH_WHY_CLOSED && (c->flags & TECH_F_OK)))
		tech_say_gone(c, why, q);
}

static void client_time(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	if (c->limit_ns <= now) {
		tech_note(q, TECH_MAIN, TECH_NOTE_REQUEST_TIMEOUT, now - c->heard_ns, 0);
		tech_drop(c, TECH_OUT_ABORT, q);
		tech_say_gone(c, TECH_WHY_REQUEST, q);
	}
	tech_min(&c->due_ns, now + interval(c));
	if (c->due_ns > now)
		return;
	c->due_ns += interval(c);
	if (c->due_ns <= now)
		c->due_ns = now + interval(c);
	tech_say(q, TECH_NOTE_POLL_TIMER);
	if (c->state == TECH_OFF)
		tech_connect(c, q, !(c->flags & TECH_F_OK));
	else if (c->state == TECH_OPEN && !(c->flags & TECH_F_ASKED))
		ask(c, now, q);
}

static void client_stop(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	(void)now;
	tech_drop(c, c->flags & TECH_F_ASKED ? TECH_OUT_ABORT : TECH_OUT_CLOSE, q);
}

const struct tech_client_ops tech_polling_client = {
	.start = client_start,
	.up = ask,
	.data = client_data,
	.recall = client_recall,
	.gone = client_gone,
	.time = client_time,
	.stop = client_stop,
};

/* ---- server end ------------------------------------------------------------------------------------------- */

static void conn_request(struct tech_conn *c, const struct tech_want *w, int64_t now, struct tech_outs *q)
{
	tech_seek(c, w);
	tech_answer_list(c, now, q);
}

const struct tech_conn_ops tech_polling_conn = {.request = conn_request, .form = {TECH_FORMS, TECH_FORMS}};
