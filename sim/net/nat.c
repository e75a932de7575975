/* Network address and port translation. See nat.h. */
#include "sim/net/nat.h"
#include "sim/core/xmalloc.h"

#include <stdio.h>
#include <string.h>

enum { LIST_TRANSITORY, LIST_ESTABLISHED, LIST_DEAD, LISTS };

/* A mapping, found from both sides; in one of three lists by rising time of its last packet. Dead ones stay as
 * gravestones, so that a drop can say how long ago they died, until their place is needed. Mappings name each other by
 * number, from 1: so one is a cache line, and that is what a packet touches of it. */
struct mapping {
	struct link *inside; /* towards the inside host */
	int64_t last_ns;
	uint32_t in_next, out_next; /* hash chains; in_next: also of those that are free */
	uint32_t prev, next;        /* list, oldest first */
	uint32_t in_addr, remote, out_addr;
	uint16_t in_port, rport, out_port;
	uint8_t list, seen; /* seen: SEEN_* */
	uint32_t conn, client;
	bool lens;
};
_Static_assert(sizeof(struct mapping) <= 64, "a mapping is a cache line");

/* What only records say of it; kept where there is a trace. */
struct history {
	uint64_t made, died; /* records */
	int64_t died_ns;
	int64_t idle_ns; /* the timeout it died of */
};

/* Mappings stand in blocks, each twice as large as the one before: none moves when there are more. Number i is place
 * i + BLOCK_FIRST less the size of its block. */
#define BLOCK_FIRST 256u
#define BLOCKS 23

#define SEEN_REPLY 0x01u
#define SEEN_FIN_IN 0x02u
#define SEEN_FIN_OUT 0x04u
#define SEEN_RST 0x08u

struct list {
	uint32_t first, last;
};

struct nat {
	struct node node;
	struct world *w;
	struct nat_params p;
	struct link *out;
	uint32_t outside_addr, outside_n;
	struct mapping *block[BLOCKS];
	struct history *past[BLOCKS]; /* likewise, where there is a trace */
	uint32_t fresh,
		spare; /* mappings from number `fresh` on were never used; spare: chain of free ones */
	uint32_t *by_in, *by_out; /* hash tables of `slots` chains */
	uint32_t slots, used;
	uint32_t next_port;
	struct list lists[LISTS];
	struct nat_counters count;
};

/* ---- lists and tables --------------------------------------------------------------------------------------- */

static inline unsigned block_of(uint32_t place)
{
	return 23 - (unsigned)__builtin_clz(place);
}
_Static_assert(BLOCK_FIRST == 1u << (31 - 23), "block_of begins at 0");

static inline struct mapping *at(const struct nat *n, uint32_t i)
{
	uint32_t place = i + BLOCK_FIRST;
	unsigned k = block_of(place);

	return i ? &n->block[k][place - (BLOCK_FIRST << k)] : NULL;
}

static struct history *past_of(const struct nat *n, uint32_t i)
{
	uint32_t place = i + BLOCK_FIRST;
	unsigned k = block_of(place);

	return n->past[k] ? &n->past[k][place - (BLOCK_FIRST << k)] : NULL;
}

static int64_t died_of(const struct nat *n, uint32_t i, int64_t *idle_ns)
{
	const struct history *h = i ? past_of(n, i) : NULL;

	*idle_ns = h ? h->idle_ns : n->p.idle_timeout_ns;
	return h ? n->w->now_ns - h->died_ns : 0;
}

static uint32_t mapping_get(struct nat *n)
{
	uint32_t i = n->spare;

	if (i) {
		n->spare = at(n, i)->in_next;
		return i;
	}
	i = n->fresh++;
	unsigned k = block_of(i + BLOCK_FIRST);

	assert(k < BLOCKS);
	if (!n->block[k]) {
		n->block[k] = xpages((BLOCK_FIRST << k) * sizeof **n->block);
		if (n->w->trace)
			n->past[k] = xpages((BLOCK_FIRST << k) * sizeof **n->past);
	}
	return i;
}

static void unlink_list(struct nat *n, uint32_t i)
{
	struct mapping *m = at(n, i);
	struct list *l = &n->lists[m->list];

	*(m->prev ? &at(n, m->prev)->next : &l->first) = m->next;
	*(m->next ? &at(n, m->next)->prev : &l->last) = m->prev;
}

static void link_list(struct nat *n, uint32_t i, unsigned list)
{
	struct mapping *m = at(n, i);
	struct list *l = &n->lists[list];

	m->list = (uint8_t)list;
	m->next = 0;
	m->prev = l->last;
	*(l->last ? &at(n, l->last)->next : &l->first) = i;
	l->last = i;
}

static uint32_t hash3(uint32_t a, uint32_t b, uint32_t ports)
{
	return (uint32_t)(rng_mix(((uint64_t)a << 32 | b) + ports * 0x9e3779b97f4a7c15u) >> 32);
}

static uint32_t in_hash(const struct nat *n, uint32_t addr, uint16_t port, uint32_t remote, uint16_t rport)
{
	return hash3(addr, remote, (uint32_t)port << 16 | rport) & (n->slots - 1);
}

static uint32_t find_in(const struct nat *n, uint32_t addr, uint16_t port, uint32_t remote, uint16_t rport)
{
	uint32_t i = n->slots ? n->by_in[in_hash(n, addr, port, remote, rport)] : 0;

	for (const struct mapping *m; (m = at(n, i)); i = m->in_next)
		if (m->in_addr == addr && m->in_port == port && m->remote == remote && m->rport == rport)
			break;
	return i;
}

static uint32_t find_out(const struct nat *n, uint32_t addr, uint16_t port, uint32_t remote, uint16_t rport)
{
	uint32_t i = n->slots ? n->by_out[in_hash(n, addr, port, remote, rport)] : 0;

	for (const struct mapping *m; (m = at(n, i)); i = m->out_next)
		if (m->out_addr == addr && m->out_port == port && m->remote == remote && m->rport == rport)
			break;
	return i;
}

static void hash_in(struct nat *n, uint32_t i)
{
	struct mapping *m = at(n, i);
	uint32_t *in = &n->by_in[in_hash(n, m->in_addr, m->in_port, m->remote, m->rport)];
	uint32_t *out = &n->by_out[in_hash(n, m->out_addr, m->out_port, m->remote, m->rport)];

	m->in_next = *in;
	*in = i;
	m->out_next = *out;
	*out = i;
}

static void unhash(struct nat *n, uint32_t i)
{
	const struct mapping *m = at(n, i);
	uint32_t *in = &n->by_in[in_hash(n, m->in_addr, m->in_port, m->remote, m->rport)];
	uint32_t *out = &n->by_out[in_hash(n, m->out_addr, m->out_port, m->remote, m->rport)];

	while (*in != i)
		in = &at(n, *in)->in_next;
	*in = m->in_next;
	while (*out != i)
		out = &at(n, *out)->out_next;
	*out = m->out_next;
}

static void grow_tables(struct nat *n)
{
	uint32_t slots = n->slots ? n->slots * 2 : 16;

	xfree(n->by_in);
	xfree(n->by_out);
	n->by_in = xcalloc(slots, sizeof *n->by_in);
	n->by_out = xcalloc(slots, sizeof *n->by_out);
	n->slots = slots;
	for (unsigned k = 0; k < LISTS; k++)
		for (uint32_t i = n->lists[k].first; i; i = at(n, i)->next)
			hash_in(n, i);
}

/* ---- records ------------------------------------------------------------------------------------------------- */

static const char *map_words(const struct mapping *m, char *out, size_t size)
{
	snprintf(out, size, "%u.%u.%u.%u:%u as %u.%u.%u.%u:%u to %u.%u.%u.%u:%u", m->in_addr >> 24,
		m->in_addr >> 16 & 255, m->in_addr >> 8 & 255, m->in_addr & 255, m->in_port,
		m->out_addr >> 24, m->out_addr >> 16 & 255, m->out_addr >> 8 & 255, m->out_addr & 255,
		m->out_port, m->remote >> 24, m->remote >> 16 & 255, m->remote >> 8 & 255, m->remote & 255,
		m->rport);
	return out;
}

/* `at`: a death may be noticed later than it happened. */
static uint64_t note(struct nat *n, const struct mapping *m, enum trace_kind kind, enum trace_reason why,
	uint64_t cause, int64_t at, int64_t a, int64_t b)
{
	struct trace *tr = n->w->trace;
	struct trace_rec r = {.cause = cause,
		.at = at,
		.a = a,
		.b = b,
		.conn = m->conn,
		.client = m->client,
		.node = n->node.trace_node,
		.peer = m->inside ? link_to_trace(m->inside) : 0,
		.kind = (uint16_t)kind,
		.reason = (uint16_t)why};
	char t[96];

	if (!trace_on(tr, kind, m->lens))
		return 0;
	if (trace_kept(tr, kind, m->lens))
		r.text = trace_str(tr, map_words(m, t, sizeof t));
	return trace_add(tr, &r, m->lens);
}

/* ---- life and death ------------------------------------------------------------------------------------------ */

static int64_t timeout_of(const struct nat *n, unsigned list)
{
	if (list == LIST_TRANSITORY && n->p.transitory_timeout_ns)
		return n->p.transitory_timeout_ns;
	return n->p.idle_timeout_ns;
}

static void die(struct nat *n, uint32_t i, int64_t when, int64_t idle, uint64_t cause, enum trace_reason why)
{
	const struct mapping *m = at(n, i);
	struct history *h = past_of(n, i);

	unlink_list(n, i);
	link_list(n, i, LIST_DEAD);
	if (h) {
		h->died_ns = when;
		h->idle_ns = idle;
		h->died = note(
			n, m, TRACE_NAT_FORGET, why, cause ? cause : h->made, when, when - m->last_ns, idle);
	}
	n->count.forgotten++;
	n->count.mappings--;
}

/* Buries what has been idle for its timeout. Each list is in order, so only its head is looked at. */
static void bury(struct nat *n)
{
	for (unsigned k = LIST_TRANSITORY; k <= LIST_ESTABLISHED; k++) {
		int64_t idle = timeout_of(n, k);
		uint32_t i;

		while ((i = n->lists[k].first) && at(n, i)->last_ns + idle <= n->w->now_ns)
			die(n, i, at(n, i)->last_ns + idle, idle, 0, REASON_NAT_IDLE);
	}
}

/* A packet crossed: the clock starts anew. */
static void touch(struct nat *n, uint32_t i, const struct pkt *p, bool outward)
{
	struct mapping *m = at(n, i);
	unsigned list;

	if (!outward)
		m->seen |= SEEN_REPLY;
	if (p->flags & TCP_FIN)
		m->seen |= outward ? SEEN_FIN_IN : SEEN_FIN_OUT;
	if (p->flags & TCP_RST)
		m->seen |= SEEN_RST;
	list = !(m->seen & SEEN_REPLY) || (m->seen & (SEEN_RST | SEEN_FIN_IN | SEEN_FIN_OUT))
		       ? LIST_TRANSITORY
		       : LIST_ESTABLISHED;
	m->last_ns = n->w->now_ns;
	if (m->list == list && !m->next)
		return; /* the latest already */
	unlink_list(n, i);
	link_list(n, i, list);
}

static void forget_grave(struct nat *n, uint32_t i)
{
	unlink_list(n, i);
	unhash(n, i);
	at(n, i)->in_next = n->spare;
	n->spare = i;
	n->used--;
}

static uint32_t mappings_max(const struct nat *n)
{
	return n->p.mappings_max ? n->p.mappings_max : 65536u * n->outside_n;
}

static bool port_free(const struct nat *n, uint32_t addr, uint16_t port, const struct pkt *p, uint32_t *grave)
{
	uint32_t i = find_out(n, addr, port, p->dst, p->dport);

	*grave = i;
	return !i || at(n, i)->list == LIST_DEAD;
}

/* The source port itself if it is free towards that destination (RFC 4787 4.2.1), else the next free one. One
 * inside host keeps one outside address (paired pooling, RFC 4787 4.1). */
static bool pick_port(struct nat *n, const struct pkt *p, uint32_t *addr, uint16_t *port, uint32_t *grave)
{
	*addr = n->outside_addr + (uint32_t)(rng_mix(p->src) % n->outside_n);
	*port = p->sport;
	if (port_free(n, *addr, *port, p, grave))
		return true;
	for (uint32_t tries = 0; tries < 64512; tries++) {
		*port = (uint16_t)(1024 + n->next_port++ % 64512);
		if (port_free(n, *addr, *port, p, grave))
			return true;
	}
	return false;
}

/* A mapping stands: counted, and in the trace. */
static void stands(struct nat *n, uint32_t i, uint64_t cause)
{
	struct history *h = past_of(n, i);

	if (++n->count.mappings > n->count.mappings_peak)
		n->count.mappings_peak = n->count.mappings;
	if (h)
		h->made = note(n, at(n, i), TRACE_NAT_MAP, REASON_NONE, cause, n->w->now_ns, 0, 0);
}

static uint32_t make_mapping(struct nat *n, struct pkt *p)
{
	uint32_t grave, addr, i;
	uint16_t port;

	if (n->count.mappings >= mappings_max(n) || !pick_port(n, p, &addr, &port, &grave))
		return 0;
	if (grave)
		forget_grave(n, grave);
	if (n->lists[LIST_DEAD].first && n->used >= mappings_max(n))
		forget_grave(n, n->lists[LIST_DEAD].first);
	if (n->used >= n->slots)
		grow_tables(n);
	i = mapping_get(n);
	*at(n, i) = (struct mapping){.inside = link_back(p->link),
		.in_addr = p->src,
		.in_port = p->sport,
		.remote = p->dst,
		.rport = p->dport,
		.out_addr = addr,
		.out_port = port,
		.last_ns = n->w->now_ns,
		.conn = p->conn,
		.client = p->client,
		.lens = p->marks & PKT_LENS};
	if (past_of(n, i))
		*past_of(n, i) = (struct history){0};
	hash_in(n, i);
	link_list(n, i, LIST_TRANSITORY);
	n->used++;
	n->count.made++;
	stands(n, i, p->cause);
	return i;
}

/* Linux with tcp_loose=1 takes up a connection in its middle: the same mapping rises again (NAT-31). */
static void revive(struct nat *n, uint32_t i, const struct pkt *p)
{
	struct mapping *m = at(n, i);
	const struct history *h = past_of(n, i);

	unlink_list(n, i);
	m->seen = SEEN_REPLY;
	m->last_ns = n->w->now_ns;
	m->inside = link_back(p->link);
	link_list(n, i, LIST_ESTABLISHED);
	n->count.remade++;
	stands(n, i, h && h->died ? h->died : p->cause);
}

/* ---- refusing ------------------------------------------------------------------------------------------------ */

static void drop(struct nat *n, struct pkt *p, uint32_t grave, enum trace_reason why)
{
	int64_t idle, ago = died_of(n, grave, &idle);

	n->count.dropped++;
	net_drop(net_of(n->w), p, n->node.trace_node, why, 0, ago, idle);
}

/* A RST to whoever sent `p`, back over the link it came by (RFC 9293 3.10.7.1). */
static void reset(struct nat *n, struct pkt *p, uint32_t grave, enum trace_reason why)
{
	struct net *net = net_of(n->w);
	struct link *back = link_back(p->link);
	struct pkt *r;

	if ((p->flags & TCP_RST) || !back) {
		drop(n, p, grave, grave ? REASON_NAT_NO_MAPPING : REASON_NAT_NEVER_MAPPED);
		return;
	}
	r = pkt_new(net);
	r->src = p->dst;
	r->dst = p->src;
	r->sport = p->dport;
	r->dport = p->sport;
	r->conn = p->conn;
	r->client = p->client;
	r->marks = (uint8_t)((p->marks & PKT_LENS) | (p->marks & PKT_UP ? PKT_DOWN : PKT_UP));
	r->seq = p->flags & TCP_ACK ? p->ack : 0;
	r->flags = p->flags & TCP_ACK ? TCP_RST : TCP_RST | TCP_ACK;
	if (!(p->flags & TCP_ACK))
		r->ack = p->seq + p->payload_len + (p->flags & TCP_SYN ? 1u : 0u) +
			 (p->flags & TCP_FIN ? 1u : 0u);
	pkt_finish(r);
	struct mapping none = {
		.conn = p->conn, .client = p->client, .lens = p->marks & PKT_LENS, .inside = back};
	struct mapping shown = grave ? *at(n, grave) : none;
	int64_t idle, ago = died_of(n, grave, &idle);

	shown.inside = back; /* the record's peer is the one who is answered */
	uint64_t id = note(n, &shown, TRACE_NAT_RESET, why, p->cause, n->w->now_ns, ago, idle);

	r->cause = id ? id : p->cause;
	n->count.resets++;
	drop(n, p, grave, grave ? REASON_NAT_NO_MAPPING : REASON_NAT_NEVER_MAPPED);
	link_send(n->w, back, r);
}

/* ---- packets ------------------------------------------------------------------------------------------------- */

static void forward(struct nat *n, uint32_t i, struct pkt *p, bool outward)
{
	struct mapping *m = at(n, i);

	if (p->ttl <= 1) {
		net_drop(net_of(n->w), p, n->node.trace_node, REASON_NET_GONE, 0, 0, 0);
		return;
	}
	if (m->client != p->client) { /* a proxy has lent the connection to another client */
		m->client = p->client;
		m->conn = p->conn;
		m->lens = p->marks & PKT_LENS;
	}
	touch(n, i, p, outward);
	p->ttl--;
	if (outward) {
		p->src = m->out_addr;
		p->sport = m->out_port;
		link_send(n->w, n->out, p);
	} else {
		p->dst = m->in_addr;
		p->dport = m->in_port;
		link_send(n->w, m->inside, p);
	}
}

static void outward(struct nat *n, struct pkt *p)
{
	uint32_t i = find_in(n, p->src, p->sport, p->dst, p->dport);
	bool opens = p->proto != IP_PROTO_TCP || ((p->flags & TCP_SYN) && !(p->flags & TCP_ACK));

	if (i && at(n, i)->list != LIST_DEAD) {
		at(n, i)->inside = link_back(p->link);
		forward(n, i, p, true);
		return;
	}
	if (i && opens) { /* a new connection takes the grave's place */
		forget_grave(n, i);
		i = 0;
	}
	if (!opens && n->p.on_expiry == NAT_EXPIRY_RESET_INSIDE) {
		reset(n, p, i, REASON_NAT_RESET_INSIDE);
		return;
	}
	if (!opens && n->p.on_expiry == NAT_EXPIRY_DROP) {
		drop(n, p, i, REASON_NAT_STRICT_TCP);
		return;
	}
	if (i) {
		revive(n, i, p);
	} else {
		i = make_mapping(n, p);
		if (i && !opens)
			at(n, i)->seen = SEEN_REPLY;
	}
	if (i)
		forward(n, i, p, true);
	else
		drop(n, p, 0, REASON_NAT_NEVER_MAPPED);
}

static void inward(struct nat *n, struct pkt *p)
{
	uint32_t i = find_out(n, p->dst, p->dport, p->src, p->sport);

	if (i && at(n, i)->list != LIST_DEAD)
		forward(n, i, p, false);
	else if (n->p.on_expiry == NAT_EXPIRY_LINUX_LOOSE && p->proto == IP_PROTO_TCP)
		reset(n, p, i, i ? REASON_NAT_NO_MAPPING : REASON_NAT_NEVER_MAPPED);
	else
		drop(n, p, i, i ? REASON_NAT_NO_MAPPING : REASON_NAT_NEVER_MAPPED);
}

static void on_pkt(struct world *w, struct node *node, unsigned port, struct pkt *p)
{
	struct nat *n = (struct nat *)node;

	(void)w;
	bury(n);
	if (port == NAT_PORT_OUTSIDE)
		inward(n, p);
	else
		outward(n, p);
}

/* packet ─▶ place in the table ─▶ mapping ─▶ its neighbours in the list and its link */
static void nat_warm(const struct world *w, const struct node *node, const struct pkt *p, int stage)
{
	const struct nat *n = (const struct nat *)node;
	bool out = link_port(p->link) != NAT_PORT_OUTSIDE;
	const uint32_t *slot;
	const struct mapping *m;

	(void)w;
	if (!n->slots)
		return;
	slot = out ? &n->by_in[in_hash(n, p->src, p->sport, p->dst, p->dport)]
		   : &n->by_out[in_hash(n, p->dst, p->dport, p->src, p->sport)];
	if (stage == 0) {
		__builtin_prefetch(slot);
		return;
	}
	m = at(n, *slot);
	if (!m)
		return;
	if (stage == 1) {
		__builtin_prefetch(m, 1);
		return;
	}
	if (m->prev)
		__builtin_prefetch(at(n, m->prev), 1);
	if (m->next)
		__builtin_prefetch(at(n, m->next), 1);
	if (!out)
		__builtin_prefetch(m->inside, 1);
}

static const struct node_ops nat_ops = {"nat", on_pkt, nat_warm, false};

/* ---- from outside -------------------------------------------------------------------------------------------- */

static void nat_free(struct world *w, void *ctx)
{
	struct nat *n = ctx;

	(void)w;
	for (unsigned k = 0; k < BLOCKS; k++) {
		xfree_pages(n->block[k], (BLOCK_FIRST << k) * sizeof **n->block);
		xfree_pages(n->past[k], (BLOCK_FIRST << k) * sizeof **n->past);
	}
	xfree(n->by_in);
	xfree(n->by_out);
	xfree(n);
}

struct nat *nat_new(struct world *w, const char *name, uint16_t trace_node, uint32_t outside_addr,
	uint32_t outside_n, const struct nat_params *p)
{
	struct nat *n = xcalloc(1, sizeof *n);

	assert(outside_n > 0);
	n->node = (struct node){&nat_ops, world_elem_add(w, name, 1), trace_node, 0};
	n->w = w;
	n->p = *p;
	n->outside_addr = outside_addr;
	n->outside_n = outside_n;
	n->fresh = 1;
	world_on_free(w, nat_free, n);
	return n;
}

struct node *nat_node(struct nat *n)
{
	return &n->node;
}

void nat_set_outside(struct nat *n, struct link *out)
{
	n->out = out;
}

void nat_set(struct nat *n, const struct nat_params *p)
{
	bury(n); /* by the old rules until now */
	n->p = *p;
}

void nat_clear(struct nat *n, uint64_t cause)
{
	bury(n);
	for (unsigned k = LIST_TRANSITORY; k <= LIST_ESTABLISHED; k++)
		while (n->lists[k].first)
			die(n, n->lists[k].first, n->w->now_ns, timeout_of(n, k), cause, REASON_NONE);
}

void nat_flush(struct nat *n)
{
	bury(n);
}

struct nat_counters nat_counters(const struct nat *n)
{
	struct nat_counters c = n->count;

	c.bytes = sizeof *n + n->slots * 2 * sizeof *n->by_in +
		  n->fresh * (sizeof **n->block + (n->past[0] ? sizeof **n->past : 0));
	return c;
}
