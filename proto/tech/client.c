/*
 * client: what the client ends of all techniques have in common: connecting, counting attempts, waiting.
 *
 *	         OPEN                 UP                    (technique: asked, streaming …)
 *	OFF ───────────▶ CONNECTING ───────▶ OPEN ─────────────────────────┐
 *	 ▲                   │ RESET           │ EOF, RESET, timeout        │
 *	 │                   ▼                 ▼                            │
 *	 └── (polling) ◀── WAITING for the back-off delay ──▶ CONNECTING    ▼
 *	                     └── reconnect: none ─────────────────────▶  ENDED
 *
 * Back-off families as in TC-15. The n-th delay a client draws is the same under every technique.
 */
#include "proto/tech/tech_int.h"

#include <string.h>

static const struct tech_client_ops *const client_ops[TECH_KINDS] = {
	[TECH_POLLING] = &tech_polling_client,
	[TECH_LONG_POLLING] = &tech_long_polling_client,
	[TECH_SSE] = &tech_sse_client,
	[TECH_WEBSOCKET] = &tech_websocket_client,
};

/* LI-05 and LI-12 in spirit: what a careful page does when its author says nothing. */
const struct tech_backoff tech_backoff_default = {
	.first_ns = 1 * TECH_S, .max_ns = 30 * TECH_S, .factor_milli = 2000, .jitter = TECH_JITTER_FULL};

void tech_client_init(struct tech_client *c, struct tech_site *site, uint32_t number)
{
	*c = (struct tech_client){.site = site, .number = number};
	c->due_ns = c->limit_ns = TECH_NEVER;
}

static uint16_t attempts(const struct tech_client *c)
{
	return c->more ? c->more->attempt : (c->flags & TECH_F_TRIED) != 0;
}

struct tech_more *tech_more(struct tech_client *c, struct tech_outs *q)
{
	if (c->more)
		return c->more;
	struct tech_more *m = alloc_get(c->site->al, sizeof *m);
	if (m)
		*m = (struct tech_more){.attempt = attempts(c)};
	else if (q)
		q->failed = true;
	return c->more = m;
}

void tech_try(struct tech_client *c, struct tech_outs *q)
{
	if (!c->more && !(c->flags & TECH_F_TRIED)) {
		c->flags |= TECH_F_TRIED;
	} else {
		struct tech_more *m = tech_more(c, q);
		if (m)
			m->attempt++;
	}
	tech_note(q, TECH_MAIN, TECH_NOTE_CONNECT_TRY, attempts(c), c->successes);
}

void tech_client_clear(struct tech_client *c)
{
	tech_reader_clear(&c->rd, c->site->al);
	c->flags &= (uint16_t) ~(TECH_F_STREAM | TECH_F_ASKED | TECH_F_ANSWER | TECH_F_READ | TECH_F_USED |
				 TECH_F_CLOSE | TECH_F_UP);
	c->limit_ns = TECH_NEVER;
}

void tech_client_fini(struct tech_client *c)
{
	tech_client_clear(c);
	tech_post_free(c);
	alloc_put(c->site->al, c->more, c->more ? sizeof *c->more : 0);
	c->more = NULL;
}

struct tech_open *tech_client_open(struct tech_client *c, enum tech_reading what, struct tech_outs *q)
{
	struct tech_open *o = tech_reader_open(&c->rd, c->site->al, &c->site->spare, what, H1_RESPONSES);
	if (!o)
		q->failed = true;
	return o;
}

bool tech_backoff_given(const struct tech_opts *o)
{
	return o->reconnect.never || o->reconnect.first_ns > 0;
}

static int64_t draw(const struct tech_client *c, int64_t lo, int64_t hi)
{
	uint64_t r = tech_mix(tech_seed(c), TECH_SALT_JITTER, c->more->waits);
	return hi > lo ? lo + (int64_t)(r % (uint64_t)(hi - lo + 1)) : lo;
}

static int64_t grown(const struct tech_backoff *b, unsigned step)
{
	int64_t d = b->first_ns, max = b->max_ns ? b->max_ns : TECH_NEVER / 4000;
	uint32_t factor = b->factor_milli ? b->factor_milli : 1000;
	for (unsigned i = 0; i < step && d < max && factor > 1000; i++)
		d = d > max / factor * 1000 ? max : d / 1000 * factor + d % 1000 * factor / 1000;
	return d < max ? d : max;
}

int64_t tech_backoff(struct tech_client *c, const struct tech_backoff *fallback, struct tech_outs *q)
{
	struct tech_more *m = tech_more(c, q);
	const struct tech_opts *o = c->site->opts;
	const struct tech_backoff *b = tech_backoff_given(o) ? &o->reconnect : fallback;
	if (!m)
		return b->first_ns;
	int64_t d = grown(b, m->step), max = b->max_ns ? b->max_ns : TECH_NEVER;
	switch (b->jitter) {
	case TECH_JITTER_NONE:
		break;
	case TECH_JITTER_FULL:
		d = draw(c, 0, d);
		break;
	case TECH_JITTER_EQUAL:
		d = d / 2 + draw(c, 0, d / 2);
		break;
	case TECH_JITTER_DECORRELATED:
		if (!m->prev_wait_ns)
			m->prev_wait_ns = b->first_ns;
		d = draw(c, b->first_ns, m->prev_wait_ns * 3);
		d = d < max ? d : max;
		m->prev_wait_ns = d;
		break;
	}
	m->waits++;
	if (m->step < 1000)
		m->step++;
	return d;
}

void tech_connect(struct tech_client *c, struct tech_outs *q, bool say)
{
	if (say)
		tech_try(c, q);
	tech_push(q, TECH_OUT_OPEN, TECH_MAIN);
	c->state = TECH_CONNECTING;
}

void tech_connected(struct tech_client *c, struct tech_outs *q)
{
	if (c->flags & TECH_F_OK)
		return;
	c->flags |= TECH_F_OK;
	c->flags &= (uint16_t)~TECH_F_TRIED;
	if (c->more) {
		c->more->attempt = c->more->step = 0;
		c->more->prev_wait_ns = 0;
	}
	c->successes++;
	tech_note(q, TECH_MAIN, TECH_NOTE_CONNECT_OK, 0, c->successes);
}

void tech_say_gone(struct tech_client *c, enum tech_why why, struct tech_outs *q)
{
	bool ok = c->flags & TECH_F_OK;
	struct tech_out *o =
		tech_note(q, TECH_MAIN, ok ? TECH_NOTE_DISCONNECT : TECH_NOTE_CONNECT_FAIL, 0, 0);
	if (o) {
		o->why = (uint8_t)why;
		o->a = attempts(c);
		o->b = why == TECH_WHY_REQUEST || why == TECH_WHY_HEARTBEAT
			       ? c->site->opts->heartbeat_timeout_ns
			       : 0;
		o->status = why == TECH_WHY_STATUS ? c->status : 0;
	}
	c->flags &= (uint16_t)~TECH_F_OK;
}

void tech_drop(struct tech_client *c, enum tech_out_kind how, struct tech_outs *q)
{
	tech_push(q, how, TECH_MAIN);
	tech_client_clear(c);
	c->state = TECH_OFF;
}

bool tech_wait(struct tech_client *c, const struct tech_backoff *fallback, enum tech_why why, int64_t now,
	struct tech_outs *q)
{
	c->limit_ns = TECH_NEVER;
	if (c->site->opts->reconnect.never || (c->flags & TECH_F_STOP)) {
		struct tech_out *o = tech_push(q, TECH_OUT_FAIL, TECH_MAIN);
		if (o)
			o->why = (uint8_t)why;
		c->state = TECH_ENDED;
		c->due_ns = TECH_NEVER;
		return false;
	}
	int64_t d = tech_backoff(c, fallback, q);
	tech_note(q, TECH_MAIN, TECH_NOTE_RECONNECT_WAIT, d, attempts(c) + 1);
	c->due_ns = now + d;
	c->state = TECH_WAITING;
	return true;
}

static void main_gone(struct tech_client *c, enum tech_why why, int64_t now, struct tech_outs *q)
{
	if (c->state == TECH_OFF || c->state == TECH_WAITING || c->state == TECH_ENDED) {
		/* an idle connection that was kept beside the waiting */
		bool open = c->flags & TECH_F_UP;
		if (open)
			tech_client_clear(c);
		if (open && why == TECH_WHY_CLOSED)
			tech_push(q, TECH_OUT_CLOSE, TECH_MAIN);
		return;
	}
	client_ops[c->site->kind]->gone(c, why, now, q);
}

static void stop(struct tech_client *c, int64_t now, struct tech_outs *q)
{
	c->flags |= TECH_F_STOP;
	if (c->state == TECH_CONNECTING)
		tech_drop(c, TECH_OUT_ABORT, q);
	else if (c->state == TECH_OPEN && client_ops[c->site->kind]->stop)
		client_ops[c->site->kind]->stop(c, now, q);
	else if (c->flags & TECH_F_UP)
		tech_drop(c, TECH_OUT_CLOSE, q);
	c->state = TECH_ENDED;
	c->due_ns = c->limit_ns = TECH_NEVER;
}

static void main_input(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	const struct tech_client_ops *ops = client_ops[c->site->kind];
	switch (in->kind) {
	case TECH_IN_START:
		c->since = in->since;
		c->since0 = in->since < UINT32_MAX ? (uint32_t)in->since : UINT32_MAX;
		ops->start(c, in->now_ns, q);
		break;
	case TECH_IN_UP:
		if (c->state != TECH_CONNECTING)
			break;
		c->state = TECH_OPEN;
		c->flags |= TECH_F_UP;
		c->heard_ns = in->now_ns;
		ops->up(c, in->now_ns, q);
		break;
	case TECH_IN_DATA:
		c->heard_ns = in->now_ns;
		if (c->state == TECH_OPEN)
			ops->data(c, in, q);
		break;
	case TECH_IN_EOF:
		main_gone(c, TECH_WHY_CLOSED, in->now_ns, q);
		break;
	case TECH_IN_RESET:
		main_gone(c, in->why, in->now_ns, q);
		break;
	case TECH_IN_TIME:
		if (c->state != TECH_ENDED)
			ops->time(c, in->now_ns, q);
		break;
	case TECH_IN_PUBLISH:
		if (!ops->publish || !ops->publish(c, in->msg, in->now_ns, q))
			tech_post_add(c, in->msg);
		break;
	case TECH_IN_STOP:
		stop(c, in->now_ns, q);
		break;
	}
}

const struct tech_seen *tech_client_recall(struct tech_client *c, struct slice in, int64_t now_ns)
{
	const struct tech_client_ops *ops = client_ops[c->site->kind];
	if (c->state != TECH_OPEN || tech_post(c) || !ops->recall)
		return NULL;
	const struct tech_seen *s = ops->recall(c, in, now_ns);
	if (s)
		c->heard_ns = now_ns;
	return s;
}

void tech_client_time(struct tech_client *c, int64_t now_ns, struct tech_outs *q)
{
	if (rare(tech_post(c)))
		tech_client_input(c, &(struct tech_in){.kind = TECH_IN_TIME, .now_ns = now_ns}, q);
	else if (c->state != TECH_ENDED)
		client_ops[c->site->kind]->time(c, now_ns, q);
}

void tech_client_input(struct tech_client *c, const struct tech_in *in, struct tech_outs *q)
{
	bool uplink = in->conn == TECH_UPLINK && in->kind >= TECH_IN_UP && in->kind <= TECH_IN_RESET;
	if (!uplink)
		main_input(c, in, q);
	tech_post_input(c, in, q);
}
