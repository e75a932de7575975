/*
 * proxy: a host that runs one relay (proto/tech/relay) per client connection, with TCP connections of its own on both
 * sides.
 *
 *	client ══ TCP ══▶ [ leg 0  relay  leg 1 ] ══ TCP ══▶ process (round robin among those that are up)
 *
 * What passes on either leg is watched (proto/tech/watch) for clients under the lens, so that the trace shows the
 * units on both hops; the relay itself only knows octets. Source ports towards the servers run through the ephemeral
 * range, and the proxy takes a further address for every 28,232 connections it ever made, so that the port limit of
 * one address (TC-08) does not stop a big run.
 */
#include "sim/host/host.h"

#include <stdio.h>
#include <string.h>

#define SENT_MAX (1u << 20) /* octets of an open unit kept for its record */
#define MSGS_MAX 256 /* messages passed up to the relay whose numbers are remembered until they leave it */

/* What the trace shows of a relay: only under the lens. */
struct eyes {
	struct watch *watch[2];
	struct buf sent[2];     /* per leg: octets written that belong to no complete unit yet */
	uint64_t sent_from[2];  /* stream offset of the first of them */
	uint32_t msg[MSGS_MAX]; /* messages that came in by leg 1, oldest first */
	uint32_t head, n;
};

struct prelay {
	void *pool_link;
	int64_t armed_ns;
	struct proxy *proxy;
	struct relay *relay;
	struct sock *leg[2];
	struct prelay *prev, *next;
	struct eyes *eyes;
	uint32_t client, taking;
	uint64_t cause_timer;
};

static void outputs(struct sim *s, struct prelay *p, uint64_t cause);

/* ---- records ---------------------------------------------------------------------------------------------------- */

static enum tech_unit unit_of(enum watch_kind k)
{
	switch (k) {
	case WATCH_REQUEST:
		return TECH_UNIT_REQUEST;
	case WATCH_RESPONSE:
		return TECH_UNIT_RESPONSE;
	case WATCH_EVENT:
		return TECH_UNIT_EVENT;
	case WATCH_COMMENT:
		return TECH_UNIT_COMMENT;
	case WATCH_FRAME:
		return TECH_UNIT_FRAME;
	default:
		return TECH_UNIT_NONE;
	}
}

static void remember_msg(struct eyes *e, uint32_t msg)
{
	if (e->n == MSGS_MAX) {
		e->head++;
		e->n--;
	}
	e->msg[(e->head + e->n++) % MSGS_MAX] = msg;
}

static uint32_t next_msg(struct eyes *e)
{
	if (!e->n)
		return 0;
	e->n--;
	return e->msg[e->head++ % MSGS_MAX];
}

/* Octets came in on `leg`: the units they complete. Returns the cause for what follows. */
static uint64_t see_in(struct sim *s, struct prelay *p, unsigned leg, struct bytes b, uint64_t cause)
{
	struct eyes *e = p->eyes;
	struct watch_unit u;
	bool up = leg == RELAY_CLIENT;
	if (!e)
		return cause;
	watch_feed(e->watch[leg], up, b);
	uint64_t last = cause;
	while (watch_next(e->watch[leg], &u)) {
		uint32_t msg;
		enum tech_unit unit = unit_of(u.kind);
		if (unit == TECH_UNIT_NONE)
			continue;
		last = rec_unit_recv(s, p->leg[leg], rec_unit_kind(unit, false), u.off, u.len, cause, &msg);
		if (leg == RELAY_UPSTREAM && unit != TECH_UNIT_COMMENT)
			remember_msg(e, msg);
	}
	return last;
}

/* Octets go out on `leg`: records of the units they complete. Returns the cause for these octets. */
static uint64_t see_out(struct sim *s, struct prelay *p, unsigned leg, struct slice data, uint64_t cause)
{
	struct eyes *e = p->eyes;
	struct sock *k = p->leg[leg];
	struct watch_unit u;
	uint64_t first = 0, done = 0;
	if (!e)
		return cause;
	struct buf *b = &e->sent[leg];
	if (!b->n)
		e->sent_from[leg] = sock_tag(k).written; /* what is kept begins here */
	buf_add(b, slice_bytes(data));
	watch_feed(e->watch[leg], leg == RELAY_UPSTREAM, slice_bytes(data));
	while (watch_next(e->watch[leg], &u)) {
		enum tech_unit unit = unit_of(u.kind);
		if (unit == TECH_UNIT_NONE)
			continue;
		uint64_t at = u.off - e->sent_from[leg];
		bool whole = !b->failed && u.off >= e->sent_from[leg] && at + u.len <= b->n;
		struct bytes octets = whole ? bytes_sub(buf_bytes(b), at, u.len) : BYTES_NONE;
		uint32_t msg = leg == RELAY_CLIENT && unit != TECH_UNIT_COMMENT ? next_msg(e) : 0;
		uint64_t id = rec_unit_sent(s, k, rec_unit_kind(unit, true), unit, octets, u.off, u.len, msg,
			0, msg ? 1 : 0, cause);
		done = u.off + u.len;
		if (!first)
			first = id;
	}
	if (done > e->sent_from[leg]) { /* a unit may still be open behind it */
		uint64_t n = done - e->sent_from[leg];
		buf_drop(b, n < b->n ? n : b->n);
		e->sent_from[leg] = done;
	}
	if (b->failed) { /* a body longer than we keep: recorded without its octets */
		buf_fini(b);
		buf_init(b, &alloc_libc, SENT_MAX);
		e->sent_from[leg] = UINT64_MAX;
	}
	return first ? first : cause;
}

static void note(struct sim *s, struct prelay *p, const struct relay_out *o, uint64_t cause)
{
	static const struct {
		uint8_t kind, reason;
	} map[] = {
		[RELAY_HOLD] = {TRACE_PROXY_HOLD, REASON_PROXY_BUFFER_PAGE},
		[RELAY_RELEASE] = {TRACE_PROXY_RELEASE, REASON_NONE},
		[RELAY_STRIPPED] = {TRACE_PROXY_STRIP, REASON_PROXY_NO_UPGRADE},
		[RELAY_BLOCKED] = {TRACE_PROXY_STRIP, REASON_PROXY_NO_UPGRADE},
		[RELAY_TUNNEL] = {TRACE_PROXY_TUNNEL, REASON_NONE},
		[RELAY_READ_TIMEOUT] = {TRACE_PROXY_TIMEOUT, REASON_PROXY_READ_TIMEOUT},
		[RELAY_TUNNEL_TIMEOUT] = {TRACE_PROXY_TIMEOUT, REASON_PROXY_TUNNEL_TIMEOUT},
		[RELAY_KEEPALIVE_END] = {TRACE_PROXY_TIMEOUT, REASON_NONE},
		[RELAY_UPSTREAM_GONE] = {TRACE_PROXY_TIMEOUT, REASON_PROXY_UPSTREAM_GONE},
		[RELAY_BAD_MESSAGE] = {TRACE_HTTP_ERROR, REASON_PROTOCOL_ERROR},
	};
	static const uint8_t held[] = {[RELAY_BUFFER_OFF] = REASON_NONE,
		[RELAY_BUFFER_PAGE] = REASON_PROXY_BUFFER_PAGE,
		[RELAY_BUFFER_FULL] = REASON_PROXY_BUFFER_FULL,
		[RELAY_BUFFER_TRICKLE] = REASON_PROXY_BUFFER_TRICKLE};
	struct sock *k = p->leg[RELAY_CLIENT];
	bool lens = p->eyes != NULL;
	struct trace_rec r = rec_make(
		s, (enum trace_kind)map[o->note].kind, o->note != RELAY_HOLD && o->cause ? o->cause : cause);
	r.node = p->proxy->node.trace_node;
	r.peer = k ? sock_tag(k).peer : 0;
	r.conn = k ? sock_tag(k).trace_conn : 0;
	r.client = p->client;
	r.slen = o->slen;
	r.a = o->a;
	r.b = o->b;
	r.reason = o->note == RELAY_HOLD ? held[p->proxy->cfg.buffering] : map[o->note].reason;
	if (lens && s->tr && o->err.what)
		r.text = trace_strf(s->tr, "%s (%s)", o->err.what, o->err.ref ? o->err.ref : "");
	uint64_t id = rec_put(s, &r, lens);
	if (o->note == RELAY_HOLD)
		relay_note_id(p->relay, id);
	s->w->cause = id;
}

/* ---- life of a pair --------------------------------------------------------------------------------------------- */

static void eyes_reset(struct prelay *p, unsigned leg)
{
	if (!p->eyes)
		return;
	watch_free(p->eyes->watch[leg]);
	buf_fini(&p->eyes->sent[leg]);
	buf_init(&p->eyes->sent[leg], &alloc_libc, SENT_MAX);
	p->eyes->watch[leg] = watch_new(&alloc_libc);
	assert(p->eyes->watch[leg]);
}

static void pair_free(struct sim *s, struct prelay *p)
{
	struct proxy *x = p->proxy;
	if (p->prev)
		p->prev->next = p->next;
	else
		x->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		x->last = p->prev;
	relay_free(p->relay);
	if (p->eyes) {
		watch_free(p->eyes->watch[0]);
		watch_free(p->eyes->watch[1]);
		buf_fini(&p->eyes->sent[0]);
		buf_fini(&p->eyes->sent[1]);
		xfree(p->eyes);
	}
	p->armed_ns = TIME_NEVER;
	p->relay = NULL;
	pool_put(s->prelays, p);
}

/* Lets go of a leg: FIN, or a reset. */
static void let_go(struct sim *s, struct prelay *p, unsigned leg, bool abort, uint64_t cause)
{
	struct sock *k = p->leg[leg];
	if (!k)
		return;
	p->leg[leg] = NULL;
	s->w->cause = cause;
	if (abort)
		sock_abort(s, k);
	else
		sock_close(s, k);
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

static void on_data(struct sim *s, struct sock *k, struct slice owned, uint64_t cause)
{
	struct prelay *p = k->user;
	cause = see_in(s, p, k->slot, slice_bytes(owned), cause);
	relay_data(p->relay, k->slot, owned, s->w->now_ns);
	outputs(s, p, cause);
	blob_unref(owned.blob);
}

static void on_eof(struct sim *s, struct sock *k, uint64_t cause)
{
	struct prelay *p = k->user;
	relay_eof(p->relay, k->slot, s->w->now_ns);
	outputs(s, p, cause);
}

static void on_gone(struct sim *s, struct sock *k, enum trace_reason reason, uint64_t cause)
{
	struct prelay *p = k->user;
	(void)reason;
	p->leg[k->slot] = NULL;
	relay_gone(p->relay, k->slot, s->w->now_ns);
	outputs(s, p, cause);
}

/* The other side may be read from again. */
static void on_writable(struct sim *s, struct sock *k, uint64_t cause)
{
	outputs(s, k->user, cause);
}

const struct sock_ops proxy_sock = {on_up, on_data, on_eof, on_gone, on_writable};

static void open_upstream(struct sim *s, struct prelay *p, uint64_t cause)
{
	struct proxy *x = p->proxy;
	struct upstream *u = choose(x);
	let_go(s, p, RELAY_UPSTREAM, false, cause);
	eyes_reset(p, RELAY_UPSTREAM);
	if (!u) {
		relay_gone(p->relay, RELAY_UPSTREAM, s->w->now_ns);
		return;
	}
	uint32_t n = x->outgoing++;
	struct tcp_addr a = {x->addr + n / HOST_EPHEMERAL_COUNT, u->addr,
		(uint16_t)(HOST_EPHEMERAL_FIRST + n % HOST_EPHEMERAL_COUNT), u->port};
	struct sock *k = sock_new(s, SOCK_PROXY, &x->node, p, RELAY_UPSTREAM, &s->proxy_tcp, a, u->out);
	const struct client *c = p->client ? &s->client[p->client - 1] : NULL;
	uint32_t conn = c ? rec_conn(s, c, x->node.trace_node, u->end, a) : 0;
	sock_trace(s, k, conn, p->client, u->end, p->eyes != NULL);
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
	sock_write(s, k, o->data, see_out(s, p, o->leg, o->data, o->cause ? o->cause : cause));
}

static void outputs(struct sim *s, struct prelay *p, uint64_t cause)
{
	struct relay_out o;
	if (p->taking) /* the loop that is running goes on with what was added */
		return;
	p->taking = 1;
	s->w->cause = cause;
	while (relay_next(p->relay, &o) != RELAY_IDLE) {
		switch (o.kind) {
		case RELAY_OPEN:
			open_upstream(s, p, cause);
			break;
		case RELAY_WRITE:
			do_write(s, p, &o, cause);
			break;
		case RELAY_CLOSE:
		case RELAY_ABORT:
			let_go(s, p, o.leg, o.kind == RELAY_ABORT, cause);
			break;
		case RELAY_NOTE:
			note(s, p, &o, cause);
			cause = s->w->cause;
			break;
		case RELAY_IDLE:
			break;
		}
	}
	for (unsigned leg = 0; leg < 2; leg++)
		if (p->leg[leg])
			sock_pump(s, p->leg[leg]);
	p->taking = 0;
	if (relay_finished(p->relay) || !p->leg[RELAY_CLIENT]) {
		let_go(s, p, RELAY_UPSTREAM, true, cause);
		let_go(s, p, RELAY_CLIENT, false, cause);
		pair_free(s, p);
		return;
	}
	lazy_arm(s->w, &p->armed_ns, relay_wake_at(p->relay), EV_RELAY, p->proxy->node.elem, p);
	struct sock *reads_on = flow_relay(s, p->leg, p->proxy->cfg.buffering != RELAY_BUFFER_OFF);
	if (reads_on)
		sock_pump(s, reads_on);
}

static void on_relay(struct world *w, const struct ev *e)
{
	struct prelay *p = e->obj;
	struct sim *s = sim_of(w);
	if (!lazy_fired(e, &p->armed_ns) || !p->relay)
		return;
	w->cause = 0;
	if (relay_wake_at(p->relay) <= w->now_ns)
		relay_time(p->relay, w->now_ns);
	outputs(s, p, 0);
}

/* ---- the host --------------------------------------------------------------------------------------------------- */

static struct prelay *accept_syn(struct sim *s, struct proxy *x, const struct pkt *syn)
{
	struct prelay *p = pool_get(s->prelays);
	struct tcp_addr a = {syn->dst, syn->src, syn->dport, syn->sport};
	bool lens = syn->marks & PKT_LENS;
	memset(p, 0, sizeof *p);
	p->armed_ns = TIME_NEVER;
	p->proxy = x;
	p->client = syn->client;
	p->relay = relay_new(&s->box_memory.al, &x->cfg, s->w->now_ns);
	assert(p->relay);
	if (lens && s->tr) {
		p->eyes = xcalloc(1, sizeof *p->eyes);
		buf_init(&p->eyes->sent[0], &alloc_libc, 0);
		buf_init(&p->eyes->sent[1], &alloc_libc, 0);
		eyes_reset(p, 0);
		eyes_reset(p, 1);
	}
	p->prev = x->last;
	if (x->last)
		x->last->next = p;
	else
		x->first = p;
	x->last = p;
	struct sock *k = p->leg[RELAY_CLIENT] =
		sock_new(s, SOCK_PROXY, &x->node, p, RELAY_CLIENT, &s->proxy_tcp, a, syn->link->rev);
	sock_trace(s, k, syn->conn, syn->client,
		s->tr && syn->conn && syn->conn < s->tr->nconn ? s->tr->conn[syn->conn].client : 0, lens);
	tcp_listen(s->tcp, &k->tcp, s->w->now_ns);
	return p;
}

static void proxy_packet(struct world *w, struct node *n, unsigned port, struct pkt *p)
{
	struct proxy *x = container_of(n, struct proxy, node);
	struct sim *s = sim_of(w);
	struct tcp_conn *t = tcp_demux_find(&x->demux, p);
	(void)port;
	if (t) {
		sock_input(s, container_of(t, struct sock, tcp), p);
	} else if (!x->down && (p->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN) {
		struct prelay *r = accept_syn(s, x, p);
		sock_input(s, r->leg[RELAY_CLIENT], p);
	} else {
		struct pkt *rst = tcp_reset_for(s->tcp, p);
		if (rst && p->link->rev)
			link_send(w, p->link->rev, rst);
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
	const struct tcp_conn *t = p->payload_len ? tcp_demux_find(d, p) : NULL;
	const struct sock *k = t ? container_of(t, struct sock, tcp) : NULL;
	if (k && k->used)
		host_fetch(k->user, 0, sizeof(struct prelay));
}

static const struct node_ops proxy_node = {"reverse-proxy", proxy_packet, proxy_warm};

struct proxy *proxy_new(struct sim *s, int32_t box, uint32_t addr)
{
	struct proxy *x = xcalloc(1, sizeof *x);
	const struct cfg_box *b = &s->cfg->boxes[box];
	x->sim = s;
	x->box = box;
	x->addr = addr;
	x->node = (struct node){.ops = &proxy_node,
		.elem = world_elem_add(s->w, b->name, 1),
		.trace_node = s->box[box].trace};
	tcp_demux_init(&x->demux);
	proxy_values(s, x);
	x->next = s->box[box].proxy;
	s->box[box].proxy = x;
	return x;
}

void proxy_values(struct sim *s, struct proxy *x)
{
	const struct cfg_box *b = &s->now->boxes[x->box];
	x->cfg = (struct relay_cfg){.buffering = (enum relay_buffering)b->buffering,
		.page_octets = b->page_bytes,
		.upgrade = (enum relay_upgrade)b->upgrade,
		.read_timeout_ns = b->read_timeout_ns,
		.keepalive_ns = b->keepalive_ns,
		.pseudonym = b->name};
}

static void drop_all(struct sim *s, struct proxy *x, bool say, uint64_t cause)
{
	for (struct prelay *p = x->first, *next; p; p = next) {
		next = p->next;
		for (unsigned leg = 0; leg < 2; leg++) {
			struct sock *k = p->leg[leg];
			p->leg[leg] = NULL;
			s->w->cause = cause;
			if (k && say)
				sock_abort(s, k);
			else if (k)
				sock_vanish(s, k);
		}
		pair_free(s, p);
	}
}

void proxy_free(struct sim *s, struct proxy *x)
{
	drop_all(s, x, false, 0);
	for (uint32_t i = 0; i < x->demux.slots; i++)
		while (x->demux.slot && x->demux.slot[i].key)
			sock_vanish(s, container_of(x->demux.slot[i].conn, struct sock, tcp));
	tcp_demux_fini(&x->demux);
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
	world_handle(s->w, EV_RELAY, on_relay, NULL);
}

struct pool *proxy_pool(struct world *w)
{
	return world_pool(w, "relay", sizeof(struct prelay), 0);
}
