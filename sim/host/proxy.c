/*
 * proxy: a host that runs one relay (proto/tech/relay) per client connection, with TCP connections of its own on both
 * sides.
 *
 *	client ══ TCP ══▶ [ leg 0  relay  leg 1 ] ══ TCP ══▶ process (round robin among those that are up)
 *	                                      ▲ │
 *	                                lends │ ▼ gives back after a complete answer
 *	                              idle upstream connections, the latest lent first
 *
 * Connections to the servers are shared (HAProxy http-reuse, nginx keepalive, Envoy's pool: PX-02): between requests they
 * belong to nobody, so the servers see about as many as requests are under way at a time, and one for each
 * stream or tunnel. The proxy keeps `upstream_idle` idle ones (beyond that the one idle for longest is closed), each
 * for `upstream_keepalive` and HOST_UPSTREAM_REQUESTS requests. With `upstreams: own` each client connection has one
 * of its own, as long as both last. A server that remembers something per connection errs behind shared ones: HTTP has
 * no such memory (RFC 9110 3.3).
 *
 * What passes on either leg is watched (proto/tech/watch) for clients under the lens, so that the trace shows the
 * units on both hops; the relay itself only knows octets. Source ports towards the servers run through the ephemeral
 * range, and the proxy takes a further address for every 28,232 connections it ever made, so that the port limit of
 * one address (TC-08) does not stop a big run.
 */
#include "sim/host/proxy_int.h"

#include <string.h>

static void outputs(struct sim *s, struct prelay *p, uint64_t cause);
static void settle(struct sim *s, struct prelay *p, uint64_t cause);

/* ---- silence ----------------------------------------------------------------------------------------------------- */

/* A pair stands in the list of the clock that runs for it, behind all that have been silent for longer; so a proxy needs one timer
 * and looks at the first of each list, and no pair has one of its own. */

static struct prelay *pair_at(const struct sim *s, uint32_t ref)
{
	return ref ? pool_at(s->prelays, ref - 1) : NULL;
}

/* Takes it out of its list. Returns what it is called there. */
static inline uint32_t list_remove(struct sim *s, struct proxy *x, struct prelay *p)
{
	struct prelays *l = &x->list[p->clock];
	struct prelay *prev = pair_at(s, p->prev), *next = pair_at(s, p->next);
	uint32_t *from = prev ? &prev->next : &l->first, ref = *from;
	*from = p->next;
	*(next ? &next->prev : &l->last) = p->prev;
	return ref;
}

static void list_add(struct sim *s, struct proxy *x, struct prelay *p, enum relay_clock c, uint32_t ref)
{
	struct prelays *l = &x->list[c];
	struct prelay *last = pair_at(s, l->last);
	p->prev = l->last;
	p->next = 0;
	p->clock = (uint8_t)(c & 3u);
	*(last ? &last->next : &l->first) = ref;
	l->last = ref;
}

static int64_t idle_until(const struct proxy *x)
{
	const struct uplink *l = x->idle_first;
	return l && x->upstream_keepalive_ns > 0 ? l->since_ns + x->upstream_keepalive_ns : TIME_NEVER;
}

/* The first in that list and when its clock runs out; NULL and TIME_NEVER. */
static struct prelay *silent(const struct sim *s, const struct proxy *x, enum relay_clock c, int64_t *out_ns)
{
	struct prelay *p = pair_at(s, x->list[c].first);
	*out_ns = p ? relay_runs_out(&x->cfg, c, relay_since(&p->relay)) : TIME_NEVER;
	return p;
}

static void arm(struct sim *s, struct proxy *x, int64_t at_ns)
{
	lazy_arm(s->w, &x->armed_ns, at_ns, EV_UPSTREAM, x->node.elem, x);
}

static void arm_all(struct sim *s, struct proxy *x)
{
	arm(s, x, idle_until(x));
	for (unsigned c = RELAY_CLOCK_NONE + 1; c < RELAY_CLOCKS; c++) {
		int64_t out_ns;
		(void)silent(s, x, (enum relay_clock)c, &out_ns);
		arm(s, x, out_ns);
	}
}

/* After whatever may have changed its clock. */
static void place(struct sim *s, struct prelay *p)
{
	struct proxy *x = proxy_of(p);
	enum relay_clock c = relay_clock(&p->relay);
	int64_t since_ns = relay_since(&p->relay);
	if (c == p->clock && (since_ns < s->w->now_ns || !p->next))
		return;
	assert(c == RELAY_CLOCK_NONE || c == p->clock || since_ns == s->w->now_ns);
	uint32_t ref = list_remove(s, x, p);
	list_add(s, x, p, c, ref);
	if (x->list[c].first == ref)
		arm(s, x, relay_runs_out(&x->cfg, c, since_ns));
}

/* ---- life of a pair --------------------------------------------------------------------------------------------- */

static void pair_free(struct sim *s, struct prelay *p)
{
	(void)list_remove(s, proxy_of(p), p);
	relay_fini(&p->relay);
	proxy_eyes_free(p);
	pool_put(s->prelays, p);
}

static void end_sock(struct sim *s, struct sock *k, bool abort, uint64_t cause)
{
	s->w->cause = cause;
	if (abort)
		sock_abort(s, k);
	else
		sock_close(s, k);
}

/* Lets go of a leg: FIN, or a reset. */
static void let_go(struct sim *s, struct prelay *p, unsigned leg, bool abort, uint64_t cause)
{
	struct sock *k = p->leg[leg];
	if (!k)
		return;
	p->leg[leg] = NULL;
	end_sock(s, k, abort, cause);
}

/* ---- idle upstream connections ---------------------------------------------------------------------------------- */

static void idle_remove(struct proxy *x, struct uplink *l)
{
	*(l->prev ? &l->prev->next : &x->idle_first) = l->next;
	*(l->next ? &l->next->prev : &x->idle_last) = l->prev;
	x->nidle--;
}

static void idle_end(struct sim *s, struct proxy *x, struct uplink *l, bool abort, uint64_t cause)
{
	struct sock *k = l->sock;
	idle_remove(x, l);
	pool_put(s->uplinks, l);
	end_sock(s, k, abort, cause);
}

/* The relay has its answer. */
static void give_back(struct sim *s, struct prelay *p, uint64_t cause)
{
	struct proxy *x = proxy_of(p);
	struct sock *k = p->leg[RELAY_UPSTREAM];
	if (!k)
		return;
	if (x->down || p->requests >= HOST_UPSTREAM_REQUESTS) {
		let_go(s, p, RELAY_UPSTREAM, false, cause);
		return;
	}
	p->leg[RELAY_UPSTREAM] = NULL;
	struct uplink *l = pool_get(s->uplinks);
	*l = (struct uplink){.sock = k, .since_ns = s->w->now_ns, .requests = p->requests, .up = p->up};
	k->user = l;
	k->slot = LEG_IDLE;
	l->prev = x->idle_last;
	l->next = NULL;
	*(x->idle_last ? &x->idle_last->next : &x->idle_first) = l;
	x->idle_last = l;
	if (k->tcp.flags & TCPF_PAUSED) { /* its last reader was slow */
		tcp_pause(s->tcp, &k->tcp, false, s->w->now_ns);
		sock_pump(s, k);
	}
	if (++x->nidle > x->upstream_idle)
		idle_end(s, x, x->idle_first, false, cause);
	arm(s, x, idle_until(x));
}

/* An idle connection to that server, the latest used: its server has had the least time to close it. */
static struct uplink *idle_to(const struct proxy *x, uint8_t up)
{
	struct uplink *l = x->idle_last;
	while (l && l->up != up)
		l = l->prev;
	return l;
}

/* ---- towards the servers ---------------------------------------------------------------------------------------- */

static struct upstream *choose(struct proxy *x)
{
	for (uint32_t i = 0; i < x->nup; i++) {
		struct upstream *u = &x->up[(x->turn + i) % x->nup];
		if (!u->proc || (u->proc->up && !u->proc->draining)) {
			x->turn = (x->turn + i + 1) % x->nup;
			return u;
		}
	}
	return x->nup ? &x->up[x->turn++ % x->nup] : NULL; /* all are down: somebody has to refuse */
}

static void on_up(struct sim *s, struct sock *k, uint64_t cause)
{
	(void)s;
	(void)k;
	(void)cause; /* octets for it wait in TCP */
}

/* The pair a leg belongs to; NULL: an idle upstream connection. */
static struct prelay *pair_of(const struct sock *k)
{
	return k->slot == LEG_IDLE ? NULL : k->user;
}

static struct proxy *host_of(const struct sock *k)
{
	return container_of(k->host, struct proxy, node);
}

static void on_data(struct sim *s, struct sock *k, struct slice owned, uint64_t cause)
{
	struct prelay *p = pair_of(k);
	if (!p) { /* an answer that nobody asked for */
		idle_end(s, host_of(k), k->user, true, cause);
		blob_unref(owned.blob);
		return;
	}
	struct sock *other = p->leg[!k->slot];
	struct slice same;
	if (other)
		host_fetch(other->out, 0, sizeof *other->out);
	if (other && !p->taking && !(s->keeps && eyes_of(p)) &&
		relay_pass(&p->relay, k->slot, owned, s->w->now_ns, &same)) {
		p->taking = true;
		s->w->cause = cause;
		sock_write(s, other, same, cause);
		settle(s, p, cause);
	} else {
		cause = proxy_see_in(s, p, k->slot, slice_bytes(owned), cause);
		relay_data(&p->relay, k->slot, owned, s->w->now_ns);
		outputs(s, p, cause);
	}
	blob_unref(owned.blob);
}

static void on_eof(struct sim *s, struct sock *k, uint64_t cause)
{
	struct prelay *p = pair_of(k);
	if (!p) {
		idle_end(s, host_of(k), k->user, false, cause);
		return;
	}
	relay_eof(&p->relay, k->slot, s->w->now_ns);
	outputs(s, p, cause);
}

static void on_gone(struct sim *s, struct sock *k, enum trace_reason reason, uint64_t cause)
{
	struct prelay *p = pair_of(k);
	(void)reason;
	if (!p) {
		idle_remove(host_of(k), k->user);
		pool_put(s->uplinks, k->user);
		return;
	}
	p->leg[k->slot] = NULL;
	relay_gone(&p->relay, k->slot, s->w->now_ns);
	outputs(s, p, cause);
}

/* The other side may be read from again. */
static void on_writable(struct sim *s, struct sock *k, uint64_t cause)
{
	struct prelay *p = pair_of(k);
	if (p)
		outputs(s, p, cause);
}

const struct sock_ops proxy_sock = {on_up, on_data, on_eof, on_gone, on_writable};

static bool borrow_upstream(struct sim *s, struct prelay *p, const struct upstream *u, uint64_t cause)
{
	struct proxy *x = proxy_of(p);
	struct uplink *l = idle_to(x, p->up);
	if (!l)
		return false;
	struct sock *k = p->leg[RELAY_UPSTREAM] = l->sock;
	struct trace_rec r = rec_make(s, TRACE_PROXY_REUSE, cause);
	k->user = p;
	k->slot = RELAY_UPSTREAM;
	p->requests = (uint16_t)(l->requests + 1);
	proxy_eyes_reset(p, RELAY_UPSTREAM, k);
	proxy_say_whose(s, p, k, u->end, k->tcp.addr);
	relay_lent(&p->relay);
	r.node = x->node.trace_node;
	r.peer = u->end;
	r.conn = sock_tag(k).trace_conn;
	r.client = p->client;
	r.a = s->w->now_ns - l->since_ns;
	r.b = l->requests;
	rec_put(s, &r, eyes_of(p) != NULL);
	idle_remove(x, l);
	pool_put(s->uplinks, l);
	return true;
}

static void open_upstream(struct sim *s, struct prelay *p, bool fresh, uint64_t cause)
{
	struct proxy *x = proxy_of(p);
	struct upstream *u = choose(x);
	let_go(s, p, RELAY_UPSTREAM, false, cause);
	if (!u) {
		relay_gone(&p->relay, RELAY_UPSTREAM, s->w->now_ns);
		return;
	}
	p->up = (uint8_t)(u - x->up);
	if (!fresh && borrow_upstream(s, p, u, cause))
		return;
	proxy_eyes_reset(p, RELAY_UPSTREAM, NULL);
	uint32_t n = x->outgoing++;
	struct tcp_addr a = {x->addr + n / HOST_EPHEMERAL_COUNT, u->addr,
		(uint16_t)(HOST_EPHEMERAL_FIRST + n % HOST_EPHEMERAL_COUNT), u->port};
	struct sock *k = sock_new(s, SOCK_PROXY, &x->node, p, RELAY_UPSTREAM, &s->proxy_tcp, a, u->out);
	p->requests = 1;
	sock_trace(s, k, 0, p->client, u->end, eyes_of(p) != NULL);
	proxy_say_whose(s, p, k, u->end, a);
	p->leg[RELAY_UPSTREAM] = k;
	s->w->cause = cause;
	tcp_open(s->tcp, &k->tcp, s->w->now_ns);
}

/* ---- the relay's outputs ---------------------------------------------------------------------------------------- */

static void do_write(struct sim *s, struct prelay *p, struct relay_out *o, uint64_t cause)
{
	struct sock *k = p->leg[o->leg];
	if (!k) {
		blob_unref(o->data.blob);
		return;
	}
	sock_write(s, k, o->data, proxy_see_out(s, p, o->leg, o->data, o->cause ? o->cause : cause));
}

static void outputs(struct sim *s, struct prelay *p, uint64_t cause)
{
	struct relay_out o;
	if (p->taking) /* the loop that is running goes on with what was added */
		return;
	p->taking = true;
	s->w->cause = cause;
	while (relay_next(&p->relay, &o) != RELAY_IDLE) {
		switch (o.kind) {
		case RELAY_OPEN:
			open_upstream(s, p, o.a, cause);
			break;
		case RELAY_SPARE:
			give_back(s, p, cause);
			break;
		case RELAY_WRITE:
			do_write(s, p, &o, cause);
			break;
		case RELAY_CLOSE:
		case RELAY_ABORT:
			let_go(s, p, o.leg, o.kind == RELAY_ABORT, cause);
			break;
		case RELAY_NOTE:
			proxy_note(s, p, &o, cause);
			cause = s->w->cause;
			break;
		case RELAY_IDLE:
			break;
		}
	}
	settle(s, p, cause);
}

static uint32_t flags_of(const struct sock *k)
{
	return k ? k->tcp.flags : 0;
}

/* All outputs have been taken: TCP does what they come to. */
static void settle(struct sim *s, struct prelay *p, uint64_t cause)
{
	for (unsigned leg = 0; leg < 2; leg++)
		if (p->leg[leg] && !p->leg[leg]->pumping) /* else who pumps it goes on */
			sock_pump(s, p->leg[leg]);
	p->taking = false;
	if (relay_finished(&p->relay) || !p->leg[RELAY_CLIENT]) {
		let_go(s, p, RELAY_UPSTREAM, true, cause);
		let_go(s, p, RELAY_CLIENT, false, cause);
		pair_free(s, p);
		return;
	}
	place(s, p);
	int64_t octet_ns = relay_trickle_at(&p->relay);
	if (octet_ns != TIME_NEVER)
		world_at(s->w, octet_ns, BAND_TIMER, EV_RELAY, proxy_of(p)->node.elem, p);
	if (!((flags_of(p->leg[0]) | flags_of(p->leg[1])) & (TCPF_FULL | TCPF_PAUSED)))
		return; /* both are read from, as they should be */
	struct sock *reads_on = flow_relay(s, p->leg, proxy_of(p)->cfg.buffering != RELAY_BUFFER_OFF);
	if (reads_on)
		sock_pump(s, reads_on);
}

/* Pools are type-stable: a pair that was returned trickles no more, another one in its place may. */
static void on_trickle(struct world *w, const struct ev *e)
{
	struct prelay *p = e->obj;
	if (!relay_trickles(&p->relay, w->now_ns)) {
		world_nothing(w);
		return;
	}
	relay_time(&p->relay, w->now_ns);
	outputs(sim_of(w), p, 0);
}

/* Whoever has been silent for too long. */
static void on_silence(struct world *w, const struct ev *e)
{
	struct proxy *x = e->obj;
	struct sim *s = sim_of(w);
	bool nothing = true;
	if (!lazy_fired(e, &x->armed_ns)) {
		world_nothing(w);
		return;
	}
	for (; idle_until(x) <= w->now_ns; nothing = false)
		idle_end(s, x, x->idle_first, false, 0);
	for (unsigned c = RELAY_CLOCK_NONE + 1; c < RELAY_CLOCKS; c++) {
		int64_t out_ns;
		for (struct prelay *p;
			(p = silent(s, x, (enum relay_clock)c, &out_ns)) && out_ns <= w->now_ns;
			nothing = false) {
			relay_time(&p->relay, w->now_ns);
			outputs(s, p, 0);
		}
	}
	if (nothing)
		world_nothing(w);
	arm_all(s, x);
}

/* ---- the host --------------------------------------------------------------------------------------------------- */

static struct prelay *accept_syn(struct sim *s, struct proxy *x, const struct pkt *syn, uint32_t iss)
{
	struct prelay *p = pool_get(s->prelays);
	struct tcp_addr a = {syn->dst, syn->src, syn->dport, syn->sport};
	bool lens = syn->marks & PKT_LENS;
	memset(p, 0, s->prelays->size);
	p->client = syn->client;
	relay_init(&p->relay, &x->cfg, s->w->now_ns);
	if (lens && s->keeps)
		proxy_eyes_new(p);
	list_add(s, x, p, relay_clock(&p->relay),
		1 + pool_number(s->prelays, p)); /* whoever says nothing is let go too */
	arm_all(s, x);
	struct sock *k = p->leg[RELAY_CLIENT] =
		sock_new(s, SOCK_PROXY, &x->node, p, RELAY_CLIENT, &s->proxy_tcp, a, link_back(syn->link));
	sock_trace(s, k, syn->conn, syn->client,
		s->tr && syn->conn && syn->conn < s->tr->nconn ? s->tr->conn[syn->conn].client : 0, lens);
	if (iss)
		tcp_set_iss(&k->tcp, iss);
	tcp_listen(s->tcp, &k->tcp, s->w->now_ns);
	return p;
}

/* Another proxy has lent this connection to another client. */
static void new_client(struct sim *s, struct sock *k, const struct pkt *p)
{
	struct prelay *r = k->used && k->slot == RELAY_CLIENT ? k->user : NULL;
	sock_lent(s, k, p);
	if (!r)
		return;
	r->client = p->client;
	proxy_eyes_free(r);
	if ((p->marks & PKT_LENS) && s->keeps)
		proxy_eyes_new(r);
	k = r->leg[RELAY_UPSTREAM];
	if (k)
		proxy_say_whose(s, r, k, sock_tag(k).peer, k->tcp.addr);
}

/* What has come goes out by the other leg, which may be far from the cache: on its way while TCP looks at the segment. */
static void fetch_other(const struct sock *k)
{
	const struct prelay *p = k->used ? pair_of(k) : NULL;
	const struct sock *other = p ? p->leg[!k->slot] : NULL;
	if (other)
		host_fetch(other, 0, sizeof *other);
}

static void proxy_packet(struct world *w, struct node *n, unsigned port, struct pkt *p)
{
	struct proxy *x = container_of(n, struct proxy, node);
	struct sim *s = sim_of(w);
	struct tcp_conn *t = tcp_demux_find(&x->demux, p);
	uint32_t iss = 0;
	(void)port;
	if (t && (!(p->flags & TCP_SYN) || x->down || !sock_gives_way(s, t, p, &iss))) {
		struct sock *k = container_of(t, struct sock, tcp);
		if (p->payload_len) {
			if (t->client != p->client)
				new_client(s, k, p);
			fetch_other(k);
		}
		sock_input(s, k, p);
	} else if (!x->down && (p->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
		struct prelay *r = accept_syn(s, x, p, iss);
		sock_input(s, r->leg[RELAY_CLIENT], p);
	} else {
		struct pkt *rst = tcp_reset_for(s->tcp, p);
		if (rst && link_back(p->link))
			link_send(w, link_back(p->link), rst);
		else if (rst)
			pkt_free(s->net, rst);
		pkt_free(s->net, p);
	}
}

static void proxy_warm(const struct world *w, const struct node *n, const struct pkt *p, int stage)
{
	const struct tcp_demux *d = &container_of(n, struct proxy, node)->demux;
	(void)w;
	if (stage < 2) {
		tcp_demux_warm(d, p, stage);
		return;
	}
	const struct tcp_conn *t = tcp_demux_find(d, p);
	const struct sock *k = t ? container_of(t, struct sock, tcp) : NULL;
	if (t)
		tcp_warm_queue(t, 0);
	if (k && k->used && p->payload_len)
		host_fetch(k->user, 0, sizeof(struct prelay));
}

static const struct node_ops proxy_node = {"reverse-proxy", proxy_packet, proxy_warm, false};

struct proxy *proxy_new(struct sim *s, int32_t box, uint32_t addr)
{
	struct proxy *x = xcalloc(1, sizeof *x);
	const struct cfg_box *b = &s->cfg->boxes[box];
	x->sim = s;
	x->box = box;
	x->addr = addr;
	x->armed_ns = TIME_NEVER;
	x->node = (struct node){.ops = &proxy_node,
		.elem = world_elem_add(s->w, b->name, 1),
		.trace_node = s->box[box].trace};
	tcp_demux_init(&x->demux, s->socks[SOCK_PROXY], offsetof(struct sock, tcp));
	proxy_values(s, x);
	x->next = s->box[box].proxy;
	s->box[box].proxy = x;
	return x;
}

void proxy_values(struct sim *s, struct proxy *x)
{
	const struct cfg_box *b = &s->now->boxes[x->box];
	x->common.off = s->opts.decode_anew;
	relay_common_forget(&x->common); /* by other rules something else would come of it */
	x->cfg = (struct relay_cfg){.al = &s->box_memory.al,
		.buffering = (enum relay_buffering)b->buffering,
		.page_octets = b->page_bytes,
		.upgrade = (enum relay_upgrade)b->upgrade,
		.read_timeout_ns = b->read_timeout_ns,
		.keepalive_ns = b->keepalive_ns,
		.shared = !b->own_upstreams,
		.pseudonym = b->name,
		.common = &x->common};
	x->upstream_idle = b->upstream_idle ? b->upstream_idle : HOST_UPSTREAM_IDLE;
	x->upstream_keepalive_ns = b->upstream_keepalive_ns;
	arm_all(s, x);
}

static void drop_sock(struct sim *s, struct sock *k, bool say, uint64_t cause)
{
	s->w->cause = cause;
	if (say)
		sock_abort(s, k);
	else
		sock_vanish(s, k);
}

static void drop_all(struct sim *s, struct proxy *x, bool say, uint64_t cause)
{
	for (struct uplink *l; (l = x->idle_first);) {
		struct sock *k = l->sock;
		idle_remove(x, l);
		pool_put(s->uplinks, l);
		drop_sock(s, k, say, cause);
	}
	for (unsigned c = 0; c < RELAY_CLOCKS; c++)
		for (struct prelay *p; (p = pair_at(s, x->list[c].first));) {
			for (unsigned leg = 0; leg < 2; leg++) {
				struct sock *k = p->leg[leg];
				p->leg[leg] = NULL;
				if (k)
					drop_sock(s, k, say, cause);
			}
			pair_free(s, p);
		}
}

void proxy_free(struct sim *s, struct proxy *x)
{
	drop_all(s, x, false, 0);
	uint32_t at = 0;
	for (struct tcp_conn *t; (t = tcp_demux_each(&x->demux, &at));)
		sock_vanish(s, container_of(t, struct sock, tcp));
	tcp_demux_fini(&x->demux);
	relay_common_fini(&x->common, &s->box_memory.al);
	xfree(x->up);
	xfree(x);
}

void proxy_crash(struct sim *s, struct proxy *x, uint64_t cause)
{
	x->down = true;
	drop_all(s, x, true, cause);
}

void proxy_handlers(struct sim *s)
{
	world_handle(s->w, EV_RELAY, on_trickle, NULL);
	world_handle(s->w, EV_UPSTREAM, on_silence, NULL);
}

void proxy_pools(struct sim *s)
{
	s->prelays =
		world_pool(s->w, "relay", sizeof(struct prelay) + (s->keeps ? sizeof(struct eyes *) : 0), 0);
	pool_numbered(s->prelays);
	s->uplinks = world_pool(s->w, "upstream connection", sizeof(struct uplink), 0);
}
