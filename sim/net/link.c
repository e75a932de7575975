/* One direction of a link. See link.h. */
#include "sim/net/link.h"

#include <assert.h>
#include <string.h>

#include "sim/core/wide.h"

_Static_assert(sizeof(struct line) <= 64, "a client owns one of these: one cache line");

/* ---- classes ----------------------------------------------------------------------------------------------- */

/* Serialisation time, rounded up. */
static inline int64_t wire_ns(const struct link_class *c, uint64_t bytes)
{
	return (int64_t)wide_mulshift(bytes, c->ns_per_byte_q20, (1u << 20) - 1, 20);
}

void link_class_set(struct link_class *c, const struct link_params *p)
{
	c->p = *p;
	if (!c->p.queue_bytes)
		c->p.queue_bytes = LINK_QUEUE_DEFAULT_BYTES;
	c->loss_p32 = rng_p32_of_ppm(p->loss_ppm);
	/* 8e9 * 2^20 / rate, rounded up so that no link is faster than it says */
	c->ns_per_byte_q20 = p->rate_bps ? ((8000000000ull << 20) + p->rate_bps - 1) / p->rate_bps : 0;
	c->queue_ns = wire_ns(c, c->p.queue_bytes);
}

void link_class_init(struct link_class *c, const char *name, const struct link_params *p)
{
	memset(c, 0, sizeof *c);
	c->name = name;
	link_class_set(c, p);
}

void link_class_cut(struct link_class *c, uint64_t cause)
{
	c->cut = true;
	c->epoch++;
	c->cut_cause = cause;
}

void link_class_heal(struct link_class *c)
{
	c->cut = false;
}

void line_init(struct line *x, const struct line_kind *kind, struct node *near_node, uint32_t elem)
{
	assert(elem <= LINK_ELEM_MAX);
	*x = (struct line){.kind = kind, .near_node = near_node};
	x->up.elem = x->down.elem = elem & LINK_ELEM_MAX;
	x->down.is_down = 1;
}

static uint16_t trace_at(const struct line *x, bool near_end)
{
	return !near_end ? x->kind->far_trace : x->near_node ? x->near_node->trace_node : 0;
}

uint16_t link_to_trace(const struct link *l)
{
	return trace_at(line_of(l), l->is_down);
}

uint16_t link_from_trace(const struct link *l)
{
	return trace_at(line_of(l), !l->is_down);
}

/* ---- records ----------------------------------------------------------------------------------------------- */

static uint32_t words_of(struct trace *tr, const struct pkt *p)
{
	char t[64];

	return trace_str(tr, pkt_words(p, t, sizeof t));
}

static void rec_fill(struct trace_rec *r, const struct world *w, const struct link *l, const struct pkt *p)
{
	*r = (struct trace_rec){.cause = p->cause,
		.at = w->now_ns,
		.pkt = p->id,
		.soff = p->soff,
		.slen = p->payload_len,
		.len = p->wire_bytes,
		.conn = p->conn,
		.client = p->client,
		.node = l ? link_from_trace(l) : 0,
		.peer = l ? link_to_trace(l) : 0};
	r->flags = (p->marks & PKT_UP ? TRACE_UP : 0) | (p->marks & PKT_DOWN ? TRACE_DOWN : 0) |
		   (p->marks & PKT_AGAIN ? TRACE_AGAIN : 0);
}

/* The frame's octets as they are at this hop go into the payload store. */
static void rec_octets(struct trace *tr, struct trace_rec *r, const struct pkt *p)
{
	struct buf b;

	buf_init(&b, &alloc_libc, 0x20000);
	pkt_render(p, &b);
	r->off = trace_payload(tr, buf_bytes(&b));
	r->len = r->off == UINT64_MAX ? 0 : (uint32_t)b.n;
	if (r->off == UINT64_MAX)
		r->off = 0;
	buf_fini(&b);
}

/* Kept apart from the callers: without a listener none of this is touched. */
static APART void rec_hop(
	struct world *w, const struct link *l, struct pkt *p, enum trace_kind kind, int64_t arrival_ns)
{
	bool lens = p->marks & PKT_LENS;
	struct trace_rec r;
	uint64_t id;

	rec_fill(&r, w, l, p);
	r.kind = (uint16_t)kind;
	r.b = kind == TRACE_PKT_SEND ? arrival_ns : 0;
	if (trace_kept(w->trace, kind, lens)) {
		r.text = words_of(w->trace, p);
		rec_octets(w->trace, &r, p);
	}
	id = trace_add(w->trace, &r, lens);
	if (id)
		p->cause = id;
}

static APART void rec_drop(struct world *w, const struct link *l, const struct pkt *p,
	enum trace_reason reason, uint64_t cause, int64_t a, int64_t b, uint16_t at_node)
{
	bool lens = p->marks & PKT_LENS;
	struct trace_rec r;

	rec_fill(&r, w, l, p);
	r.kind = TRACE_PKT_DROP;
	r.reason = (uint16_t)reason;
	if (cause)
		r.cause = cause;
	r.a = a;
	r.b = b;
	if (at_node) { /* it had arrived: the box that drops it speaks */
		r.peer = r.node;
		r.node = at_node;
	}
	if (trace_kept(w->trace, TRACE_PKT_DROP, lens)) {
		/* for losses on a link the text names the network whose parameter decided */
		const char *name = !at_node ? link_class_of(l)->name : NULL;

		r.text = name ? trace_str(w->trace, name) : words_of(w->trace, p);
		rec_octets(w->trace, &r, p);
	}
	trace_add(w->trace, &r, lens);
}

void net_drop(struct net *n, struct pkt *owned, uint16_t at_node, enum trace_reason reason, uint64_t cause,
	int64_t a, int64_t b)
{
	if (trace_on(n->w->trace, TRACE_PKT_DROP, owned->marks & PKT_LENS))
		rec_drop(n->w, owned->link, owned, reason, cause, a, b, at_node);
	pkt_free(n, owned);
}

/* ---- sending ----------------------------------------------------------------------------------------------- */

static void lose(struct world *w, struct link *l, struct pkt *p, enum trace_reason reason, uint64_t cause,
	int64_t a, int64_t b)
{
	struct net *n = net_of(w);

	n->dropped++;
	link_class_of(l)->dropped++;
	if (trace_on(w->trace, TRACE_PKT_DROP, p->marks & PKT_LENS))
		rec_drop(w, l, p, reason, cause, a, b, 0);
	pkt_free(n, p);
}

uint64_t link_backlog_bytes(const struct world *w, const struct link *l)
{
	const struct link_class *c = link_class_of(l);

	if (!c->ns_per_byte_q20 || l->free_ns <= w->now_ns)
		return 0;
	return wide_muldiv((uint64_t)(l->free_ns - w->now_ns), 1u << 20, 0, c->ns_per_byte_q20);
}

static inline void schedule(struct world *w, struct net *n, struct link *l, struct pkt *p, int64_t at_ns)
{
	n->in_flight++;
	p->epoch = link_class_of(l)->epoch;
	world_at(w, at_ns, BAND_NET, EV_LINK_ARRIVE, l->elem, p);
}

/* A copy with the same identity, for faults that duplicate. */
static struct pkt *pkt_copy(struct net *n, const struct pkt *p)
{
	struct pkt *q = pkt_new(n);
	struct slice s;

	n->next_pkt_id--;
	*q = *p;
	q->nslices = 0;
	q->payload_len = 0;
	for (unsigned i = 0; pkt_slice(p, i, &s); i++) {
		blob_ref(s.blob);
		pkt_add(n, q, s);
	}
	if (p->sack) {
		q->sack = pool_get(n->sacks);
		*q->sack = *p->sack;
	}
	return q;
}

static const struct link_fault *fault_of(const struct link_class *c, uint32_t ordinal)
{
	for (uint32_t i = 0; i < c->n_faults; i++)
		if (c->faults[i].ordinal == ordinal)
			return &c->faults[i];
	return NULL;
}

/* The draws for one packet. They belong to the moment at which it enters (to about a millisecond) and to its place among those that entered
 * in that moment, not to how many went before: so two techniques whose packets are sent at the same time over the same link share
 * their luck, whatever else they have sent, and a cut or a full queue shifts nobody's draws. Where tests count packets, to the count. */
static struct rng luck_of(struct link *l, int64_t now_ns)
{
	const struct line_kind *k = line_of(l)->kind;
	const uint64_t family = k->draws[l->is_down], moment = (uint64_t)now_ns >> 20;
	const uint64_t stream =
		k->alone ? family
			 : rng_at(family, (uint64_t)(l->elem - k->elem) * LINE_STREAMS + k->nth).state;

	if (k->cls[l->is_down]->n_faults)
		return (struct rng){rng_mix(stream + l->ordinal++ * MIX64_STEP)};
	/* 16 bits of the moment and 16 of the place; after 65,536 packets in a millisecond the draws begin again */
	l->ordinal = l->ordinal >> 16 == (moment & 0xffff) ? l->ordinal + 1 : (uint32_t)moment << 16;
	return (struct rng){rng_mix(stream + (moment << 16 | (l->ordinal & 0xffff)) * MIX64_STEP)};
}

/* When a packet that enters now arrives; the queue and the serialiser move on. */
static inline int64_t arrival(struct link *l, const struct pkt *p, int64_t start_ns, struct rng *luck)
{
	const struct link_class *c = link_class_of(l);
	int64_t at;

	if (l->free_ns > start_ns)
		start_ns = l->free_ns;
	if (c->ns_per_byte_q20) {
		start_ns += wire_ns(c, (uint64_t)p->wire_bytes + c->p.frame_overhead_bytes);
		l->free_ns = start_ns;
	}
	at = start_ns + c->p.delay_ns;
	if (c->p.jitter_ns) {
		at += rng_between(luck, -c->p.jitter_ns, c->p.jitter_ns);
		if (at < start_ns)
			at = start_ns;
	}
	if (at < l->last_ns && !c->p.reorder)
		at = l->last_ns;
	if (at > l->last_ns)
		l->last_ns = at;
	return at;
}

/* Does the queue have no room for it? */
static inline bool queue_full(const struct world *w, const struct link *l, const struct pkt *p)
{
	const struct link_class *c = link_class_of(l);

	return l->free_ns > w->now_ns && c->ns_per_byte_q20 &&
	       l->free_ns - w->now_ns + wire_ns(c, p->wire_bytes) > c->queue_ns;
}

/* What tests and radios do to links, losses and jitter: none of it here. */
static inline bool undisturbed(const struct link_class *c)
{
	return !(c->loss_p32 | (uint64_t)c->p.jitter_ns | c->n_faults) && !c->hold;
}

/* It is lost: on the way, when it took its time on the wire, or it never got there. */
static APART void lose_at_once(
	struct world *w, struct link *l, struct pkt *p, int64_t start_ns, bool full, struct rng *luck)
{
	struct link_class *c = link_class_of(l);

	if (trace_on(w->trace, TRACE_PKT_SEND, p->marks & PKT_LENS))
		rec_hop(w, l, p, TRACE_PKT_SEND, 0);
	if (l->gone) {
		lose(w, l, p, REASON_NET_GONE, 0, 0, 0);
	} else if (c->cut) {
		lose(w, l, p, REASON_LINK_CUT, c->cut_cause, 0, 0);
	} else if (full) {
		lose(w, l, p, REASON_LINK_QUEUE_FULL, 0, (int64_t)link_backlog_bytes(w, l),
			(int64_t)c->p.queue_bytes);
	} else {
		(void)arrival(l, p, start_ns, luck);
		lose(w, l, p, REASON_LINK_LOSS, 0, 0, c->p.loss_ppm);
	}
}

static APART void send_disturbed(struct world *w, struct net *n, struct link *l, struct pkt *p)
{
	struct link_class *c = link_class_of(l);
	const struct link_fault *fault = c->n_faults ? fault_of(c, l->ordinal) : NULL;
	int64_t start = w->now_ns, at;
	struct rng luck = {0};
	bool unlucky = false;

	if (c->loss_p32 || c->p.jitter_ns || c->n_faults) {
		luck = luck_of(l, w->now_ns);
		unlucky = rng_chance(&luck, c->loss_p32);
	}

	if (c->hold)
		start = c->hold(w, l, p, c->hold_ctx);
	bool full = queue_full(w, l, p);

	if (c->cut || l->gone || unlucky || full || (fault && fault->kind == LINK_FAULT_DROP)) {
		lose_at_once(w, l, p, start, full, &luck);
		return;
	}
	at = arrival(l, p, start, &luck);
	if (fault && fault->kind == LINK_FAULT_DELAY)
		at += fault->delay_ns;
	if (trace_on(w->trace, TRACE_PKT_SEND, p->marks & PKT_LENS))
		rec_hop(w, l, p, TRACE_PKT_SEND, at);
	if (fault && fault->kind == LINK_FAULT_DUPLICATE) {
		n->sent++;
		c->sent++;
		c->sent_bytes += p->wire_bytes;
		schedule(w, n, l, pkt_copy(n, p), at + fault->delay_ns);
	}
	schedule(w, n, l, p, at);
}

void link_send(struct world *w, struct link *l, struct pkt *p)
{
	struct link_class *c = link_class_of(l);
	struct net *n = net_of(w);

	p->link = l;
	n->sent++;
	c->sent++;
	c->sent_bytes += p->wire_bytes;
	if (!undisturbed(c) || c->cut || l->gone || l->free_ns > w->now_ns) {
		send_disturbed(w, n, l, p);
		return;
	}
	/* the usual case: nobody before it, nothing can happen to it */
	int64_t at = w->now_ns;

	if (c->ns_per_byte_q20) {
		at += wire_ns(c, (uint64_t)p->wire_bytes + c->p.frame_overhead_bytes);
		l->free_ns = at;
	}
	at += c->p.delay_ns;
	if (at < l->last_ns && !c->p.reorder)
		at = l->last_ns;
	if (at > l->last_ns)
		l->last_ns = at;
	if (trace_on(w->trace, TRACE_PKT_SEND, p->marks & PKT_LENS))
		rec_hop(w, l, p, TRACE_PKT_SEND, at);
	schedule(w, n, l, p, at);
}

/* ---- arriving ---------------------------------------------------------------------------------------------- */

static void on_arrive(struct world *w, const struct ev *e)
{
	struct net *n = net_of(w);
	struct pkt *p = e->obj;
	struct link *l = p->link;
	struct link_class *c = link_class_of(l);

	n->in_flight--;
	if (p->epoch != c->epoch || l->gone) {
		lose(w, l, p, l->gone ? REASON_NET_GONE : REASON_LINK_CUT, l->gone ? 0 : c->cut_cause, 0, 0);
		return;
	}
	n->delivered++;
	c->delivered++;
	c->delivered_bytes += p->wire_bytes;
	if (trace_on(w->trace, TRACE_PKT_RECV, p->marks & PKT_LENS))
		rec_hop(w, l, p, TRACE_PKT_RECV, 0);
	w->cause = p->cause;
	struct node *to = link_to(l);

	to->ops->on_pkt(w, to, link_port(l), p);
}

/* The world ends with the packet in flight. */
static void drop_arrival(struct world *w, const struct ev *e)
{
	struct net *n = net_of(w);

	n->in_flight--;
	n->sent--; /* conservation is checked once more after this */
	pkt_free(n, e->obj);
}

/* packet ─▶ its link ─▶ the far node ─▶ what the node will look up. Servers and boxes are few: they are in the cache. Of nodes of
 * which there are many, as much is fetched as knows most of them. */
static void warm_arrival(const struct world *w, const struct ev *e, int stage)
{
	const struct pkt *p = e->obj;
	const struct link *l = p->link;

	if (stage == 0) {
		__builtin_prefetch(l, 1);
		return;
	}
	const struct node *to = link_to(l);

	if (stage == 1 && l->is_down && line_of(l)->kind->near_many) {
		for (size_t i = 0; i < NODE_FETCH_BYTES; i += 64)
			__builtin_prefetch((const char *)to + i, 1);
	} else if (to->ops->warm) {
		to->ops->warm(w, to, p, stage - 1);
	}
}

void net_handlers(struct world *w)
{
	world_handle(w, EV_LINK_ARRIVE, on_arrive, drop_arrival);
	world_warm(w, EV_LINK_ARRIVE, warm_arrival, 4);
}
