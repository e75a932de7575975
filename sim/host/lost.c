/*
 * lost: at the end of a run, why each client under the lens did not get what it was to get.
 *
 * Every MSG_LOST is given as its cause the record that decided, found in this order:
 *
 *	written into a connection for it?
 *	├─ yes ─▶ the server left it out or reset the connection for it     ─▶ WRITE_DROP, WRITE_CLOSE
 *	│         follow the unit from hop to hop: held in a proxy's buffer ─▶ PROXY_HOLD
 *	│                                          its packet was lost      ─▶ PKT_DROP
 *	│                                          never sent, because earlier octets are not acknowledged
 *	│                                                                   ─▶ the latest PKT_DROP of the connection
 *	│                                          never sent, because the receiver takes too little ─▶ WRITE_WAIT
 *	└─ no ──▶ a process was down when it was published                  ─▶ CRASH
 *	          it reached one process only                               ─▶ its arrival there, reason no-backplane
 *	          the server counts on its connection being one client's, and a proxy lends it to others
 *	                                                                   ─▶ PROXY_REUSE, reason shared-connection
 *	          the client was not connected then                         ─▶ its DISCONNECT or CONNECT_FAIL
 *
 * From there the causes lead on to the box, its rule and its parameter.
 */
#include "sim/host/host.h"
#include "sim/trace/why.h"

#define HOPS_MAX 8

/* Records of one kind about one client or connection, by rising id. */
struct ids {
	uint64_t *v;
	uint32_t n, cap;
};

struct autopsy {
	const struct trace *tr;
	struct why_index *ix;
	uint64_t *drop;   /* per connection and direction (1: down): the latest packet lost */
	uint64_t *waits;  /* per connection: since when more waits at the server than its send buffer holds */
	struct ids *down; /* per client under the lens: when it lost, or failed to get, its connection */
	struct ids *lent; /* likewise: when a proxy lent it a connection */
};

static void ids_add(struct ids *a, uint64_t id)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? a->cap * 2 : 8;
		a->v = xrealloc(a->v, a->cap * sizeof *a->v);
	}
	a->v[a->n++] = id;
}

static void autopsy_init(struct autopsy *a, const struct sim *s)
{
	const struct trace *tr = a->tr = s->tr;
	a->ix = why_index_new(tr);
	a->drop = xcalloc(((size_t)tr->nconn + 1) * 2, sizeof *a->drop);
	a->waits = xcalloc((size_t)tr->nconn + 1, sizeof *a->waits);
	a->down = xcalloc((size_t)s->nlens + 1, sizeof *a->down);
	a->lent = xcalloc((size_t)s->nlens + 1, sizeof *a->lent);
	for (uint64_t i = 0; i < tr->nrec; i++) {
		const struct trace_rec *r = &tr->rec[i];
		if (r->kind == TRACE_PKT_DROP && r->conn < tr->nconn)
			a->drop[(size_t)r->conn * 2 + ((r->flags & TRACE_DOWN) != 0)] = r->id;
		if (r->kind == TRACE_WRITE_WAIT && r->conn < tr->nconn)
			a->waits[r->conn] = r->id;
		bool down = r->kind == TRACE_DISCONNECT || r->kind == TRACE_CONNECT_FAIL;
		bool lent = r->kind == TRACE_PROXY_REUSE;
		if ((down || lent) && r->client && r->client <= s->nclients &&
			client_lens(client_at(s, r->client)))
			ids_add(&(down ? a->down : a->lent)[lens_row(client_at(s, r->client)) - 1], r->id);
	}
}

static void autopsy_fini(struct autopsy *a, const struct sim *s)
{
	why_index_free(a->ix);
	for (uint32_t i = 0; i < s->nlens; i++) {
		xfree(a->down[i].v);
		xfree(a->lent[i].v);
	}
	xfree(a->down);
	xfree(a->lent);
	xfree(a->drop);
	xfree(a->waits);
}

/* A unit that a proxy had received: the buffer that still holds it, or its way on (a …_SEND of the same node). */
static uint64_t onward(const struct autopsy *a, uint64_t recv, bool *held)
{
	uint64_t next = 0;
	*held = false;
	for (uint64_t e = why_first_effect(a->ix, recv); e; e = why_next_effect(a->ix, e)) {
		const struct trace_rec *r = trace_get(a->tr, e);
		if (r->kind == TRACE_PROXY_HOLD) {
			*held = true;
			return e;
		}
		if (r->node == trace_get(a->tr, recv)->node &&
			(r->kind == TRACE_SSE_EVENT_SEND || r->kind == TRACE_WS_FRAME_SEND ||
				r->kind == TRACE_HTTP_RESPONSE_SEND))
			next = e;
	}
	return next;
}

/* The record that decided what became of what record `sent` wrote. *behind: it was never sent itself. */
static uint64_t decided(const struct autopsy *a, uint64_t sent, bool *behind)
{
	*behind = false;
	for (unsigned hop = 0; hop < HOPS_MAX; hop++) {
		const struct trace_rec *r = trace_get(a->tr, sent);
		uint64_t drop = 0, recv = why_unit_fate(a->ix, sent, &drop);
		bool held;
		if (!r || r->kind == TRACE_WRITE_DROP || r->kind == TRACE_WRITE_CLOSE)
			return sent;
		if (!recv) {
			size_t i = (size_t)r->conn * 2 + ((r->flags & TRACE_DOWN) != 0);
			if (drop || r->conn >= a->tr->nconn)
				return drop ? drop : sent;
			if (!a->drop[i] || a->waits[r->conn] > a->drop[i])
				return a->waits[r->conn] ? a->waits[r->conn] : sent;
			*behind = true;
			return a->drop[i];
		}
		uint64_t next = onward(a, recv, &held);
		if (held || !next)
			return held ? next : recv;
		sent = next;
	}
	return sent;
}

/* Why the client had no connection when the message was published, or soon after. */
static uint64_t was_down(const struct autopsy *a, const struct ids *down, int64_t at)
{
	uint64_t best = 0;
	for (uint32_t i = 0; i < down->n; i++) {
		if (trace_get(a->tr, down->v[i])->at > at)
			return best ? best : down->v[i];
		best = down->v[i];
	}
	return best;
}

/* The first connection lent to the client after that: by it the server should have told it. Only without since= does a
 * server go by connections. */
static uint64_t was_shared(const struct autopsy *a, const struct sim *s, const struct client *c, int64_t at)
{
	const struct ids *lent = &a->lent[lens_row(c) - 1];
	for (uint32_t i = 0; i < lent->n && !s->now->groups[client_group(c)->index].opts.resume; i++)
		if (trace_get(a->tr, lent->v[i])->at >= at)
			return lent->v[i];
	return 0;
}

static void lost_one(struct sim *s, const struct autopsy *a, struct client *c, const struct note *n)
{
	uint64_t *f = messages_fate(s, c->tech.number, n->msg->id), cause;
	enum trace_reason reason = REASON_NONE;
	bool behind = false;
	if (f && *f) {
		cause = decided(a, *f, &behind);
		const struct trace_rec *why = trace_get(s->tr, cause);
		reason = behind ? REASON_BEHIND_LOSS : why && why->reason ? REASON_NONE : REASON_RUN_ENDED;
	} else if (n->missed) {
		cause = n->missed;
	} else if (n->alone) {
		cause = n->alone;
		reason = REASON_NO_BACKPLANE;
	} else if ((cause = was_shared(a, s, c, n->msg->at_ns))) {
		reason = REASON_PROXY_SHARED;
	} else {
		cause = was_down(a, &a->down[lens_row(c) - 1], n->msg->at_ns);
		reason = cause ? REASON_NOT_CONNECTED : REASON_RUN_ENDED;
	}
	struct trace_rec r = rec_make(s, TRACE_MSG_LOST, cause ? cause : n->rec);
	r.node = c->node.trace_node;
	r.client = c->tech.number;
	r.msg = (uint32_t)n->msg->id;
	r.b = (int64_t)((uint64_t)n->source << 32 | (uint32_t)n->msg->n);
	r.text = trace_strf(s->tr, "%s %llu", s->cfg->msgs[n->source].name, (unsigned long long)n->msg->n);
	r.reason = (uint16_t)reason;
	if (reason == REASON_PROXY_SHARED)
		r.peer = trace_get(s->tr, cause)->node;
	rec_put(s, &r, true);
}

void messages_lost(struct sim *s)
{
	if (s->lost_written || !s->tr || !trace_kept(s->tr, TRACE_MSG_LOST, true) || !s->outstanding)
		return;
	struct autopsy a;
	s->lost_written = true;
	autopsy_init(&a, s);
	for (uint32_t i = 0; i < s->nclients; i++) {
		struct client *c = client_at(s, i + 1);
		if (!client_lens(c) || !client_is(c, CLIENT_STARTED))
			continue;
		for (uint64_t id = client_first_msg(c); id <= s->nnotes; id++) {
			const struct note *n = &s->note[id - 1];
			if (c->tech.number < n->lo || c->tech.number > n->hi)
				continue;
			const uint32_t bit = note_bit(s, n, c);
			if (!(n->has[bit / 64] >> (bit & 63) & 1))
				lost_one(s, &a, c, n);
		}
	}
	autopsy_fini(&a, s);
}
