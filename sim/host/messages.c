/*
 * messages: who says what when, who is to have it, and who has it: the ledger by which a run is judged.
 *
 * A source (an entry of `messages:`) publishes at its times until `duration`. A message from the server is published
 * by a job outside the processes and reaches every process at the same moment, so a backplane does not concern it; a
 * process that is down misses it. A message from a client group is sent up by one client of the group, drawn each time
 * among those that have started; the process that receives it publishes it to its own connections, and the others get
 * it over the backplane: not at all without one, after 0.5 ms (BP-14) and the broker's work (BP-05, BP-08) with one.
 *
 * A client expects a message when it had started before the message was published. Identity is what the receiver
 * decoded; the ledger has one bit per message and receiver.
 *
 *	number in the run  ─▶ note: message, record of its publishing, receivers lo..hi, bits
 */
#include "sim/host/host.h"

#include <stdio.h>
#include <string.h>

#define REDIS_DELAY_NS (HOST_DC_RTT_NS + 33000)   /* BP-14, BP-05 with one subscriber */
#define KAFKA_DELAY_NS (HOST_DC_RTT_NS + 5000000) /* BP-14, BP-10 */

static const struct cfg_msg *values(const struct sim *s, const struct source *src)
{
	return &s->now->msgs[src->index];
}

/* ---- times --------------------------------------------------------------------------------------------------- */

static void schedule(struct sim *s, struct source *src)
{
	const struct cfg_msg *m = values(s, src);
	if (m->arrival == CFG_ARRIVAL_AT) {
		if (src->at >= m->nat)
			return;
		src->next_ns = m->at_ns[src->at++];
	} else if (m->every_ns <= 0) {
		return;
	} else if (m->arrival == CFG_ARRIVAL_POISSON) {
		src->next_ns += rng_exp(&src->when, m->every_ns);
	} else {
		src->next_ns += m->every_ns;
	}
	if (src->next_ns < s->w->now_ns)
		src->next_ns = s->w->now_ns;
	if (src->next_ns < s->cfg->duration_ns)
		world_at(s->w, src->next_ns, BAND_APP, EV_PUBLISH, src->index + 1, src);
}

void messages_init(struct sim *s)
{
	char name[160];
	s->source = xcalloc(s->cfg->nmsgs ? s->cfg->nmsgs : 1, sizeof *s->source);
	if (s->cfg->nmsgs > HOST_SOURCES)
		s->last_more =
			xcalloc((size_t)s->nclients * (s->cfg->nmsgs - HOST_SOURCES), sizeof *s->last_more);
	for (uint32_t i = 0; i < s->cfg->nmsgs; i++) {
		struct source *src = &s->source[i];
		src->index = i;
		snprintf(name, sizeof name, "messages/%s", s->cfg->msgs[i].name);
		src->when = rng_named(s->w->seed, name);
		snprintf(name, sizeof name, "messages/%s/to", s->cfg->msgs[i].name);
		src->to = rng_named(s->w->seed, name);
		snprintf(name, sizeof name, "messages/%s/from", s->cfg->msgs[i].name);
		src->from = rng_named(s->w->seed, name);
		schedule(s, src);
	}
}

void messages_fini(struct sim *s)
{
	for (uint64_t i = 0; i < s->nnotes; i++) {
		tech_msg_unref(s->note[i].msg);
		xfree(s->note[i].has);
	}
	for (uint32_t i = 0; i < s->nlens && s->fate; i++)
		xfree(s->fate[i]);
	xfree(s->fate);
	xfree(s->fate_row_cap);
	xfree(s->note);
	xfree(s->source);
	xfree(s->last_more);
}

/* ---- publishing ------------------------------------------------------------------------------------------------ */

static void receivers(struct sim *s, struct source *src, const struct cfg_msg *m, uint32_t *lo, uint32_t *hi)
{
	*lo = 1;
	*hi = s->nclients;
	if (m->to == CFG_TO_ONE) {
		*lo = *hi = 1 + (uint32_t)rng_below(&src->to, s->nclients ? s->nclients : 1);
	} else if (m->to >= 0) {
		*lo = s->group[m->to].first;
		*hi = *lo + s->group[m->to].count - 1;
	}
}

/* Tells how many clients of each group are to have it. Returns their sum. */
static uint64_t expect(struct sim *s, const struct note *n, uint64_t cause)
{
	uint64_t sum = 0;
	for (uint32_t g = 0; g < s->ngroups; g++) {
		const struct group *gr = &s->group[g];
		uint32_t end = gr->first + gr->count - 1, k = 0;
		if (n->lo > end || n->hi < gr->first)
			continue;
		if (n->lo <= gr->first && n->hi >= end)
			k = gr->started;
		else
			for (uint32_t c = n->lo; c <= n->hi; c++)
				k += client_is(client_at(s, c), CLIENT_STARTED);
		struct trace_rec r = rec_make(s, TRACE_MSG_EXPECT, cause);
		r.a = k;
		r.msg = (uint32_t)n->msg->id;
		r.client = gr->first;
		r.text = s->tr ? trace_strf(s->tr, "%s %llu", s->cfg->msgs[n->source].name,
					 (unsigned long long)n->msg->n)
			       : 0;
		rec_put(s, &r, true);
		sum += k;
	}
	return sum;
}

static struct note *new_note(struct sim *s, struct source *src, const struct cfg_msg *m)
{
	if (s->nnotes == s->note_cap) {
		s->note_cap = s->note_cap ? s->note_cap * 2 : 64;
		s->note = xrealloc(s->note, s->note_cap * sizeof *s->note);
	}
	struct note *n = &s->note[s->nnotes++];
	*n = (struct note){.source = src->index};
	receivers(s, src, m, &n->lo, &n->hi);
	n->msg = tech_msg_new(&s->endpoint_memory.al, m->name, s->nnotes, ++src->n, m->size_bytes);
	assert(n->msg);
	n->msg->name_no = src->index;
	n->msg->at_ns = s->w->now_ns;
	if (m->to != CFG_TO_EVERYONE) {
		n->msg->to_lo = n->lo;
		n->msg->to_hi = n->hi;
	}
	n->has = xcalloc((n->hi - n->lo) / 64 + 1, sizeof *n->has);
	return n;
}

/* A client of the group that has started, drawn; NULL when there is none. */
static struct client *sender(struct sim *s, struct source *src, const struct group *g)
{
	uint64_t r = rng_u64(&src->from);
	if (!g->started)
		return NULL;
	return &s->client[g->first - 1 + r % g->started];
}

/* A message of the server's reaches every process that is up. */
static void to_processes(struct sim *s, uint64_t at, uint64_t rec)
{
	for (uint32_t i = 0; i < s->nprocs; i++) {
		if (s->proc[i].up)
			proc_publish(s, &s->proc[i], s->note[at].msg, rec);
		else
			s->note[at].missed = s->proc[i].crash;
	}
}

static void on_publish(struct world *w, const struct ev *e)
{
	struct sim *s = sim_of(w);
	struct source *src = e->obj;
	const struct cfg_msg *m = values(s, src);
	struct client *from = m->from >= 0 ? sender(s, src, &s->group[m->from]) : NULL;
	w->cause = 0;
	if ((m->from >= 0 && !from) || !s->nclients) {
		schedule(s, src);
		return;
	}
	struct note *n = new_note(s, src, m);
	struct trace_rec r = rec_make(s, TRACE_MSG_PUBLISH, 0);
	r.node = from ? from->node.trace_node : s->nprocs ? s->proc[0].node.trace_node : 0;
	r.client = from ? from->tech.number : 0;
	r.msg = (uint32_t)n->msg->id;
	r.a = n->msg->payload->len;
	r.b = (int64_t)((uint64_t)src->index << 32 | (uint32_t)n->msg->n);
	if (trace_kept(s->tr, TRACE_MSG_PUBLISH, true))
		r.text = trace_strf(s->tr, "%s %llu", m->name, (unsigned long long)n->msg->n);
	uint64_t rec = n->rec = rec_put(s, &r, true);
	s->outstanding += expect(s, n, rec);
	if (from)
		client_publish(s, from, n->msg, rec);
	else
		to_processes(s, s->nnotes - 1, rec);
	schedule(s, src);
}

/* ---- from a client to a process and on ------------------------------------------------------------------------- */

struct hop {
	struct tech_msg *msg;
	struct proc *from;
	uint64_t cause;
};

static void on_backplane(struct world *w, const struct ev *e)
{
	struct sim *s = sim_of(w);
	struct hop *h = e->obj;
	w->cause = 0;
	for (uint32_t i = 0; i < h->from->server->nproc; i++) {
		struct proc *p = &s->proc[h->from->server->first_proc + i];
		if (p != h->from)
			proc_publish(s, p, h->msg, h->cause);
	}
	tech_msg_unref(h->msg);
	xfree(h);
}

static void drop_backplane(struct world *w, const struct ev *e)
{
	struct hop *h = e->obj;
	(void)w;
	tech_msg_unref(h->msg);
	xfree(h);
}

void messages_from_client(struct sim *s, struct proc *p, uint64_t id, uint64_t cause)
{
	if (!id || id > s->nnotes)
		return;
	struct tech_msg *m = s->note[id - 1].msg;
	proc_publish(s, p, m, cause);
	if (p->server->nproc < 2)
		return;
	if (s->cfg->backplane == CFG_BACKPLANE_NONE) {
		s->note[id - 1].alone = cause;
		return;
	}
	struct hop *h = xmalloc(sizeof *h);
	*h = (struct hop){tech_msg_ref(m), p, cause};
	int64_t delay = s->cfg->backplane == CFG_BACKPLANE_KAFKA ? KAFKA_DELAY_NS : REDIS_DELAY_NS;
	world_at(s->w, s->w->now_ns + delay, BAND_APP, EV_BACKPLANE, p->node.elem, h);
}

/* ---- arriving --------------------------------------------------------------------------------------------------- */

/* Of a client under the lens. */
static bool waited_for_poll(const struct sim *s, const struct client *c, const struct note *n)
{
	enum tech_kind k = client_group(c)->site.kind;
	return (k == TECH_POLLING || k == TECH_LONG_POLLING) && n->msg->at_ns < s->asked_ns[lens_row(c) - 1];
}

/* Its record. */
static APART void record(struct sim *s, const struct client *c, const struct note *n, enum trace_kind kind,
	int64_t a, uint64_t cause)
{
	struct trace_rec r = rec_make(s, kind, cause);
	r.node = c->node.trace_node;
	r.client = c->tech.number;
	r.msg = (uint32_t)n->msg->id;
	r.a = a;
	r.b = (int64_t)((uint64_t)n->source << 32 | (uint32_t)n->msg->n);
	if (kind == TRACE_MSG_DELIVER && waited_for_poll(s, c, n))
		r.reason = REASON_WAIT_POLL;
	r.text = trace_strf(s->tr, "%s %llu", s->cfg->msgs[n->source].name, (unsigned long long)n->msg->n);
	rec_put(s, &r, client_lens(c));
}

static inline void say(struct sim *s, const struct client *c, const struct note *n, enum trace_kind kind,
	int64_t a, uint64_t cause)
{
	if (!trace_on(s->tr, kind, client_lens(c)))
		return;
	if (trace_kept(s->tr, kind, client_lens(c)))
		record(s, c, n, kind, a, cause);
	else
		trace_tell(s->tr, &(struct trace_fact){.at = s->w->now_ns,
					  .a = a,
					  .msg = (uint32_t)n->msg->id,
					  .client = c->tech.number,
					  .kind = (uint16_t)kind,
					  .node = c->node.trace_node});
}

/* Where the latest number is kept that a client has seen of a source. */
static uint32_t *latest(struct sim *s, struct client *c, uint32_t source)
{
	if (source < HOST_SOURCES)
		return &c->last_n[source];
	return &s->last_more[(size_t)(c->tech.number - 1) * (s->cfg->nmsgs - HOST_SOURCES) + source -
			     HOST_SOURCES];
}

void messages_arrived(struct sim *s, struct client *c, uint64_t id, uint64_t number, uint64_t rec)
{
	if (rare(!id || id > s->nnotes))
		return;
	struct note *n = &s->note[id - 1];
	if (n->msg->n != number || c->tech.number < n->lo || c->tech.number > n->hi ||
		id < client_first_msg(c))
		return; /* not one of ours, not meant for it, or older than its start */
	const uint32_t at = note_bit(s, n, c);
	const uint64_t bit = 1ull << (at & 63);
	uint64_t *word = &n->has[at / 64];
	if (rare(*word & bit)) {
		say(s, c, n, TRACE_MSG_DUPLICATE, 0, rec);
		return;
	}
	*word |= bit;
	if (rare(!--s->outstanding) && !s->counting)
		world_stop(s->w); /* nothing more is under way */
	world_delivered(s->w, c->node.elem, id);
	say(s, c, n, TRACE_MSG_DELIVER, s->w->now_ns - n->msg->at_ns, rec);
	uint32_t *last = latest(s, c, n->source);
	if (rare(number < *last))
		say(s, c, n, TRACE_MSG_DISORDER, 0, rec);
	else
		*last = (uint32_t)number;
}

/* ---- what becomes of it on the way ---------------------------------------------------------------------------------- */

uint64_t *messages_fate(struct sim *s, uint32_t number, uint64_t id)
{
	uint32_t row = lens_row(client_at(s, number));
	if (!row || !id || id > s->nnotes)
		return NULL;
	uint64_t **rows = s->fate;
	if (id > s->fate_row_cap[row - 1]) {
		uint64_t old = s->fate_row_cap[row - 1], cap = old ? old * 2 : 64;
		while (cap < id)
			cap *= 2;
		rows[row - 1] = xrealloc(rows[row - 1], cap * sizeof **rows);
		memset(rows[row - 1] + old, 0, (cap - old) * sizeof **rows);
		s->fate_row_cap[row - 1] = cap;
	}
	return &rows[row - 1][id - 1];
}

void messages_sent(struct sim *s, uint32_t number, uint64_t id, uint32_t n, uint64_t rec)
{
	if (!rec || !number || number > s->nclients)
		return;
	for (uint64_t i = id; i < id + n && i <= s->nnotes; i++) {
		uint64_t *f = messages_fate(s, number, i);
		if (f)
			*f = rec;
	}
}

void messages_handlers(struct sim *s)
{
	world_handle(s->w, EV_PUBLISH, on_publish, NULL);
	world_handle(s->w, EV_BACKPLANE, on_backplane, drop_backplane);
}
