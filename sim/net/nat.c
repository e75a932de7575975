/* Network address and port translation. See nat.h. */
#include "sim/net/nat.h"
#include "sim/core/xmalloc.h"

#include <stdio.h>
#include <string.h>

enum { LIST_TRANSITORY, LIST_ESTABLISHED, LIST_DEAD, LISTS };

/* A mapping, found from both sides; in one of three lists by rising time of its last packet. Dead ones stay as
 * gravestones, so that a drop can say how long ago they died, until their place is needed. */
struct mapping {
	struct mapping *in_next, *out_next; /* hash chains */
	struct mapping *prev, *next;        /* list, oldest first */
	struct link *inside;                /* towards the inside host */
	uint32_t in_addr, remote, out_addr;
	uint16_t in_port, rport, out_port;
	uint8_t list, seen; /* seen: SEEN_* */
	int64_t last_ns, died_ns;
	int64_t idle_ns;     /* the timeout it died of */
	uint64_t made, died; /* records */
	uint32_t conn, client;
	bool lens;
	uint8_t flow; /* TRACE_UP when the inside is the client's side */
};
_Static_assert(sizeof(struct mapping) <= 160, "a mapping is cheap");

#define SEEN_REPLY 0x01u
#define SEEN_FIN_IN 0x02u
#define SEEN_FIN_OUT 0x04u
#define SEEN_RST 0x08u

struct list {
	struct mapping *first, *last;
};

struct nat {
	struct node node;
	struct world *w;
	struct nat_params p;
	struct link *out;
	uint32_t outside_addr, outside_n;
	struct pool *pool;
	struct mapping **by_in, **by_out; /* hash tables of `slots` chains */
	uint32_t slots, used;
	uint32_t next_port;
	struct list lists[LISTS];
	struct nat_counters count;
};

/* ---- lists and tables --------------------------------------------------------------------------------------- */

static void unlink_list(struct nat *n, struct mapping *m)
{
	struct list *l = &n->lists[m->list];

	*(m->prev ? &m->prev->next : &l->first) = m->next;
	*(m->next ? &m->next->prev : &l->last) = m->prev;
}

static void link_list(struct nat *n, struct mapping *m, unsigned list)
{
	struct list *l = &n->lists[list];

	m->list = (uint8_t)list;
	m->next = NULL;
	m->prev = l->last;
	*(l->last ? &l->last->next : &l->first) = m;
	l->last = m;
}

static uint32_t hash3(uint32_t a, uint32_t b, uint32_t ports)
{
	return (uint32_t)(rng_mix(((uint64_t)a << 32 | b) + ports * 0x9e3779b97f4a7c15u) >> 32);
}

static uint32_t in_hash(const struct nat *n, uint32_t addr, uint16_t port, uint32_t remote, uint16_t rport)
{
	return hash3(addr, remote, (uint32_t)port << 16 | rport) & (n->slots - 1);
}

static struct mapping *find_in(
	const struct nat *n, uint32_t addr, uint16_t port, uint32_t remote, uint16_t rport)
{
	struct mapping *m = n->slots ? n->by_in[in_hash(n, addr, port, remote, rport)] : NULL;

	while (m && !(m->in_addr == addr && m->in_port == port && m->remote == remote && m->rport == rport))
		m = m->in_next;
	return m;
}

static struct mapping *find_out(
	const struct nat *n, uint32_t addr, uint16_t port, uint32_t remote, uint16_t rport)
{
	struct mapping *m = n->slots ? n->by_out[in_hash(n, addr, port, remote, rport)] : NULL;

	while (m && !(m->out_addr == addr && m->out_port == port && m->remote == remote && m->rport == rport))
		m = m->out_next;
	return m;
}

static void hash_in(struct nat *n, struct mapping *m)
{
	uint32_t i = in_hash(n, m->in_addr, m->in_port, m->remote, m->rport);
	uint32_t o = in_hash(n, m->out_addr, m->out_port, m->remote, m->rport);

	m->in_next = n->by_in[i];
	n->by_in[i] = m;
	m->out_next = n->by_out[o];
	n->by_out[o] = m;
}

static void unhash(struct nat *n, struct mapping *m)
{
	struct mapping **i = &n->by_in[in_hash(n, m->in_addr, m->in_port, m->remote, m->rport)];
	struct mapping **o = &n->by_out[in_hash(n, m->out_addr, m->out_port, m->remote, m->rport)];

	while (*i != m)
		i = &(*i)->in_next;
	*i = m->in_next;
	while (*o != m)
		o = &(*o)->out_next;
	*o = m->out_next;
}

static void grow_tables(struct nat *n)
{
	uint32_t slots = n->slots ? n->slots * 2 : 16;
	struct mapping *m;

	xfree(n->by_in);
	xfree(n->by_out);
	n->by_in = xcalloc(slots, sizeof *n->by_in);
	n->by_out = xcalloc(slots, sizeof *n->by_out);
	n->slots = slots;
	for (unsigned k = 0; k < LISTS; k++)
		for (m = n->lists[k].first; m; m = m->next)
			hash_in(n, m);
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
		.peer = m->inside ? m->inside->to_trace : 0,
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

static void die(
	struct nat *n, struct mapping *m, int64_t at, int64_t idle, uint64_t cause, enum trace_reason why)
{
	unlink_list(n, m);
	link_list(n, m, LIST_DEAD);
	m->died_ns = at;
	m->idle_ns = idle;
	m->died = note(n, m, TRACE_NAT_FORGET, why, cause ? cause : m->made, at, at - m->last_ns, idle);
	n->count.forgotten++;
	n->count.mappings--;
}

/* Buries what has been idle for its timeout. Each list is in order, so only its head is looked at. */
static void bury(struct nat *n)
{
	for (unsigned k = LIST_TRANSITORY; k <= LIST_ESTABLISHED; k++) {
		int64_t idle = timeout_of(n, k);
		struct mapping *m;

		while ((m = n->lists[k].first) && m->last_ns + idle <= n->w->now_ns)
			die(n, m, m->last_ns + idle, idle, 0, REASON_NAT_IDLE);
	}
}

/* A packet crossed: the clock starts anew. */
static void touch(struct nat *n, struct mapping *m, const struct pkt *p, bool outward)
{
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
	unlink_list(n, m);
	m->last_ns = n->w->now_ns;
	link_list(n, m, list);
}

static void forget_grave(struct nat *n, struct mapping *m)
{
	unlink_list(n, m);
	unhash(n, m);
	pool_put(n->pool, m);
	n->used--;
}

static uint32_t mappings_max(const struct nat *n)
{
	return n->p.mappings_max ? n->p.mappings_max : 65536u * n->outside_n;
}

static bool port_free(
	const struct nat *n, uint32_t addr, uint16_t port, const struct pkt *p, struct mapping **grave)
{
	struct mapping *m = find_out(n, addr, port, p->dst, p->dport);

	*grave = m;
	return !m || m->list == LIST_DEAD;
}

/* The source port itself if it is free towards that destination (RFC 4787 4.2.1), else the next free one. One
 * inside host keeps one outside address (paired pooling, RFC 4787 4.1). */
static bool pick_port(
	struct nat *n, const struct pkt *p, uint32_t *addr, uint16_t *port, struct mapping **grave)
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

static struct mapping *make_mapping(struct nat *n, struct pkt *p)
{
	struct mapping *grave, *m;
	uint32_t addr;
	uint16_t port;

	if (n->count.mappings >= mappings_max(n) || !pick_port(n, p, &addr, &port, &grave))
		return NULL;
	if (grave)
		forget_grave(n, grave);
	if (n->lists[LIST_DEAD].first && n->used >= mappings_max(n))
		forget_grave(n, n->lists[LIST_DEAD].first);
	if (n->used >= n->slots)
		grow_tables(n);
	m = pool_get(n->pool);
	*m = (struct mapping){.inside = p->link->rev,
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
	hash_in(n, m);
	link_list(n, m, LIST_TRANSITORY);
	n->used++;
	n->count.made++;
	if (++n->count.mappings > n->count.mappings_peak)
		n->count.mappings_peak = n->count.mappings;
	m->made = note(n, m, TRACE_NAT_MAP, REASON_NONE, p->cause, n->w->now_ns, 0, 0);
	return m;
}

/* Linux with tcp_loose=1 takes up a connection in its middle: the same mapping rises again (NAT-31). */
static void revive(struct nat *n, struct mapping *m, const struct pkt *p)
{
	uint64_t died = m->died;

	unlink_list(n, m);
	m->seen = SEEN_REPLY;
	m->last_ns = n->w->now_ns;
	m->inside = p->link->rev;
	link_list(n, m, LIST_ESTABLISHED);
	n->count.remade++;
	if (++n->count.mappings > n->count.mappings_peak)
		n->count.mappings_peak = n->count.mappings;
	m->made = note(n, m, TRACE_NAT_MAP, REASON_NONE, died ? died : p->cause, n->w->now_ns, 0, 0);
}

/* ---- refusing ------------------------------------------------------------------------------------------------ */

static void drop(struct nat *n, struct pkt *p, const struct mapping *grave, enum trace_reason why)
{
	int64_t ago = grave ? n->w->now_ns - grave->died_ns : 0;
	int64_t idle = grave ? grave->idle_ns : n->p.idle_timeout_ns;

	n->count.dropped++;
	net_drop(net_of(n->w), p, n->node.trace_node, why, 0, ago, idle);
}

/* A RST to whoever sent `p`, back over the link it came by (RFC 9293 3.10.7.1). */
static void reset(struct nat *n, struct pkt *p, const struct mapping *grave, enum trace_reason why)
{
	struct net *net = net_of(n->w);
	struct link *back = p->link->rev;
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
	const struct mapping *m = grave ? grave : &none;
	int64_t ago = grave ? n->w->now_ns - grave->died_ns : 0;
	int64_t idle = grave ? grave->idle_ns : n->p.idle_timeout_ns;
	struct mapping shown = *m;

	shown.inside = back; /* the record's peer is the one who is answered */
	uint64_t id = note(n, &shown, TRACE_NAT_RESET, why, p->cause, n->w->now_ns, ago, idle);

	r->cause = id ? id : p->cause;
	n->count.resets++;
	drop(n, p, grave, grave ? REASON_NAT_NO_MAPPING : REASON_NAT_NEVER_MAPPED);
	link_send(n->w, back, r);
}

/* ---- packets ------------------------------------------------------------------------------------------------- */

static void forward(struct nat *n, struct mapping *m, struct pkt *p, bool outward)
{
	if (p->ttl <= 1) {
		net_drop(net_of(n->w), p, n->node.trace_node, REASON_NET_GONE, 0, 0, 0);
		return;
	}
	touch(n, m, p, outward);
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
	struct mapping *m = find_in(n, p->src, p->sport, p->dst, p->dport);
	bool opens = p->proto != IP_PROTO_TCP || ((p->flags & TCP_SYN) && !(p->flags & TCP_ACK));

	if (m && m->list != LIST_DEAD) {
		m->inside = p->link->rev;
		forward(n, m, p, true);
		return;
	}
	if (m && opens) { /* a new connection takes the grave's place */
		forget_grave(n, m);
		m = NULL;
	}
	if (!opens && n->p.on_expiry == NAT_EXPIRY_RESET_INSIDE) {
		reset(n, p, m, REASON_NAT_RESET_INSIDE);
		return;
	}
	if (!opens && n->p.on_expiry == NAT_EXPIRY_DROP) {
		drop(n, p, m, REASON_NAT_STRICT_TCP);
		return;
	}
	if (m) {
		revive(n, m, p);
	} else {
		m = make_mapping(n, p);
		if (m && !opens)
			m->seen = SEEN_REPLY;
	}
	if (m)
		forward(n, m, p, true);
	else
		drop(n, p, NULL, REASON_NAT_NEVER_MAPPED);
}

static void inward(struct nat *n, struct pkt *p)
{
	struct mapping *m = find_out(n, p->dst, p->dport, p->src, p->sport);

	if (m && m->list != LIST_DEAD)
		forward(n, m, p, false);
	else if (n->p.on_expiry == NAT_EXPIRY_LINUX_LOOSE && p->proto == IP_PROTO_TCP)
		reset(n, p, m, m ? REASON_NAT_NO_MAPPING : REASON_NAT_NEVER_MAPPED);
	else
		drop(n, p, m, m ? REASON_NAT_NO_MAPPING : REASON_NAT_NEVER_MAPPED);
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

static const struct node_ops nat_ops = {"nat", on_pkt, NULL};

/* ---- from outside -------------------------------------------------------------------------------------------- */

static void nat_free(struct world *w, void *ctx)
{
	struct nat *n = ctx;

	(void)w;
	for (unsigned k = 0; k < LISTS; k++)
		while (n->lists[k].first)
			forget_grave(n, n->lists[k].first);
	pool_fini(n->pool);
	xfree(n->pool);
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
	n->pool = xmalloc(sizeof *n->pool);
	pool_init(n->pool, &w->arena, "nat mappings", sizeof(struct mapping), 0);
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

	c.table_bytes = n->slots * 2 * sizeof(struct mapping *);
	c.bytes = n->pool->bytes + c.table_bytes + sizeof *n;
	return c;
}
