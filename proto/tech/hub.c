/*
 * hub: what a server process remembers of what was said, who listens, and how a message reaches them.
 *
 *	history      ring of the latest TECH_HISTORY_MAX messages
 *	subscribers  per site, in the order in which they came: a list of pointers with gaps where somebody left, so that a
 *	             broadcast can look ahead; gaps are closed when half of the list is gaps
 *	fan-out      one subscriber at a time, for whoever pays for each (tech_server_fan)
 *
 * The history names messages as Last-Event-ID does: `since` is looked up, newest first; when it is not there (too old,
 * or another process's) everything with a larger number counts as newer.
 */
#include "proto/tech/tech_int.h"

/* ---- history ---------------------------------------------------------------------------------------------- */

void tech_seek(struct tech_conn *c, const struct tech_want *w)
{
	const struct tech_hub *h = &c->srv->hub;
	if (!w->has_since || !tech_conn_site(c)->opts->resume) {
		if (!(c->flags & TECH_CF_SEEN))
			c->cursor = (uint32_t)h->seq;
		c->flags |= TECH_CF_SEEN;
		return;
	}
	uint64_t newer = h->seq; /* everything from here on has a larger number */
	for (uint64_t s = h->seq; s > tech_oldest(h); s--) {
		uint64_t id = tech_at_seq(h, s)->id;
		if (id == w->since) {
			c->cursor = (uint32_t)s;
			return;
		}
		if (id > w->since)
			newer = s - 1;
		else if (id + TECH_HISTORY_MAX < w->since)
			break;
	}
	c->cursor = (uint32_t)newer;
}

bool tech_concerns(const struct tech_conn *c, const struct tech_msg *m)
{
	return (m->to_lo <= 1 && m->to_hi == UINT32_MAX) || (c->client >= m->to_lo && c->client <= m->to_hi);
}

struct tech_msg *tech_history_next(struct tech_conn *c)
{
	const struct tech_hub *h = &c->srv->hub;
	uint64_t at = tech_conn_cursor(c);
	struct tech_msg *m = NULL;
	if (at < tech_oldest(h))
		at = tech_oldest(h);
	while (at < h->seq && !m) {
		m = tech_at_seq(h, ++at);
		if (!tech_concerns(c, m))
			m = NULL;
	}
	c->cursor = (uint32_t)at;
	return m;
}

bool tech_history_any(const struct tech_conn *c)
{
	struct tech_conn look = *c;
	return tech_history_next(&look) != NULL;
}

/* ---- subscribers ------------------------------------------------------------------------------------------ */

/* Closes the gaps; the fan-out's place moves along. */
static void close_gaps(struct tech_site *s)
{
	uint32_t n = 0, next = 0;
	for (uint32_t i = 0; i < s->sub_n; i++) {
		if (i == s->sub_next)
			next = n;
		if (!s->sub[i])
			continue;
		s->sub[i]->sub_at = n;
		s->sub[n++] = s->sub[i];
	}
	s->sub_next = s->sub_next < s->sub_n ? next : n;
	s->sub_n = n;
}

bool tech_subscribe(struct tech_conn *c)
{
	struct tech_site *s = tech_conn_site(c);
	if (s->sub_n == s->sub_cap && s->subs <= s->sub_cap / 2)
		close_gaps(s);
	if (s->sub_n == s->sub_cap) {
		/* a long list grows by a quarter: half of it empty would cost each subscriber as much as its place */
		uint32_t cap = !s->sub_cap         ? 8
			       : s->sub_cap < 4096 ? s->sub_cap * 2
						   : s->sub_cap + s->sub_cap / 4;
		void *p = s->al->resize(s->al->ctx, s->sub, s->sub_cap * sizeof(struct tech_conn *),
			cap * sizeof(struct tech_conn *));
		if (!p)
			return false;
		s->sub = p;
		s->sub_cap = cap;
	}
	c->cursor = (uint32_t)c->srv->hub.seq;
	c->sub_at = s->sub_n;
	s->sub[s->sub_n++] = c;
	s->subs++;
	c->flags |= TECH_CF_SUB;
	return true;
}

void tech_unsubscribe(struct tech_conn *c)
{
	if (!(c->flags & TECH_CF_SUB))
		return;
	c->flags &= (uint8_t)~TECH_CF_SUB;
	struct tech_site *s = tech_conn_site(c);
	s->sub[c->sub_at] = NULL;
	s->subs--;
}

void tech_subscribers_fini(struct tech_site *s)
{
	alloc_put(s->al, s->sub, s->sub_cap * sizeof(struct tech_conn *));
	s->sub = NULL;
	s->sub_n = s->sub_cap = 0;
}

/* ---- fan-out ------------------------------------------------------------------------------------------------ */

void tech_server_publish(struct tech_server *s, struct tech_msg *m)
{
	struct tech_hub *h = &s->hub;
	struct tech_msg **slot = &h->ring[h->seq++ % TECH_HISTORY_MAX];
	tech_msg_unref(*slot);
	*slot = tech_msg_ref(m);
	if (m->to_lo > 1 || m->to_hi != UINT32_MAX)
		h->targeted = true;
	tech_msg_unref(s->fan_msg);
	s->fan_msg = tech_msg_ref(m);
	s->fan_site = 0;
	for (uint32_t i = 0; i < s->n_sites; i++)
		s->site[i]->sub_next = 0;
}

/* The next subscriber of a site, NULL at the end of its list. */
static struct tech_conn *next_subscriber(struct tech_site *s)
{
	while (s->sub_next < s->sub_n) {
		struct tech_conn *c = s->sub[s->sub_next++];
		if (c)
			return c;
	}
	return NULL;
}

/* The next subscriber of the site whose turn it is that is to have the message; NULL at the end of its list. */
static struct tech_conn *next_receiver(struct tech_server *s, struct tech_site *site)
{
	struct tech_conn *c;
	while ((c = next_subscriber(
			site))) /* some subscribed after it was published and have it from the history */
		if (tech_conn_cursor(c) < s->hub.seq && tech_concerns(c, s->fan_msg))
			return c;
	s->fan_site++;
	return NULL;
}

struct tech_conn *tech_server_fan(struct tech_server *s, int64_t now_ns, struct tech_outs *q)
{
	while (s->fan_msg && s->fan_site < s->n_sites) {
		struct tech_site *site = s->site[s->fan_site];
		struct tech_conn *c = next_receiver(s, site);
		if (!c)
			continue;
		if (c->mode != TECH_MODE_HELD)
			c->cursor = (uint32_t)s->hub.seq;
		tech_conn_ops_of(site->kind)->push(c, s->fan_msg, now_ns, q);
		return c;
	}
	tech_msg_unref(s->fan_msg);
	s->fan_msg = NULL;
	return NULL;
}

bool tech_server_fan_form(struct tech_server *s, struct tech_push_out *o)
{
	while (s->fan_msg && s->fan_site < s->n_sites && !s->forgetful) {
		struct tech_site *site = s->site[s->fan_site];
		const struct tech_conn_ops *ops = tech_conn_ops_of(site->kind);
		struct tech_conn *c;
		if (ops->form[0] == TECH_FORMS)
			return false;
		c = next_receiver(s, site);
		if (!c)
			continue;
		c->cursor = (uint32_t)s->hub.seq;
		o->conn = c;
		o->msg = s->fan_msg;
		o->form = tech_form(s->fan_msg, ops->form[c->flags & TECH_CF_HTTP10], &o->at, &o->len);
		o->unit = ops->unit;
		return true;
	}
	return false;
}

struct tech_conn *const *tech_server_soon(const struct tech_server *s, uint32_t *n)
{
	const struct tech_site *site = s->fan_msg && s->fan_site < s->n_sites ? s->site[s->fan_site] : NULL;
	*n = site ? site->sub_n - site->sub_next : 0;
	return site ? site->sub + site->sub_next : NULL;
}
