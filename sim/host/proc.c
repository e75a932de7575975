/*
 * proc: a server process: an event loop that does one thing at a time.
 *
 *	accepted connection ─┐
 *	octets arrived       ├─▶ queue ─▶ [ one piece of work, cpu time passes ] ─▶ outputs take effect
 *	timer, message       ┘
 *
 * Costs (SV-20, SV-21, SV-24): a request `request_cpu`, accepting a connection 12 µs, one message pushed into one
 * connection, and one frame read from a WebSocket, `push_cpu`. A broadcast is a loop over all subscribers: what
 * arrives meanwhile waits. An answer leaves when its work is done. What waited a millisecond or longer for its turn
 * carries the reason server-busy.
 *
 * Memory is counted as conn_bytes per open connection. The listen queue is the accept queue: a SYN that finds it full
 * is dropped (TC-06). A process that is down answers SYNs with a reset, as its system does; when it dies its system
 * resets all its connections, and its history is gone. Draining: nothing new is accepted, streams end in order,
 * requests are answered with Connection: close.
 *
 * Left out: system calls and kernel time apart from these figures, TLS, worker threads.
 */
#include "sim/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void work(struct sim *s, struct proc *p);

static const struct cfg_server *values(const struct sim *s, const struct proc *p)
{
	return &s->now->servers[p->server->index];
}

struct sconn_causes *sconn_causes(const struct sim *s, struct sconn *c)
{
	return s->keeps ? (struct sconn_causes *)(void *)(c + 1) : NULL;
}

static uint64_t timer_cause(const struct sim *s, struct sconn *c)
{
	return s->keeps ? sconn_causes(s, c)->timer : 0;
}

static void set_timer_cause(const struct sim *s, struct sconn *c, uint64_t rec)
{
	if (s->keeps)
		sconn_causes(s, c)->timer = rec;
}

/* ---- the queue ------------------------------------------------------------------------------------------------ */

static int64_t cost(const struct sim *s, const struct proc *p, const struct item *it);
static bool perform(struct sim *s, struct proc *p, struct item *it);
static void item_done(struct sim *s, struct item *it);

/* Nothing waits, nothing is being done, and it costs no time: it is done at once, without the queue, until at_once_done.
 * What is added meanwhile waits its turn. */
static bool at_once(struct proc *p, int64_t cost_ns)
{
	if (p->busy || rare(p->n) || cost_ns > 0)
		return false;
	return p->busy = true;
}

static void at_once_done(struct sim *s, struct proc *p)
{
	p->busy = false;
	if (p->n)
		work(s, p);
}

static void enqueue(struct sim *s, struct proc *p, struct item it)
{
	it.since_ns = s->w->now_ns;
	if (it.conn)
		it.conn->items++;
	if (it.msg)
		tech_msg_ref(it.msg);
	if (at_once(p, cost(s, p, &it))) {
		perform(s, p, &it);
		item_done(s, &it);
		at_once_done(s, p);
		return;
	}
	if (p->n == p->cap) {
		uint32_t cap = p->cap ? p->cap * 2 : 16;
		struct item *v = xmalloc(cap * sizeof *v);
		for (uint32_t i = 0; i < p->n; i++)
			v[i] = p->item[(p->head + i) % p->cap];
		xfree(p->item);
		p->item = v;
		p->cap = cap;
		p->head = 0;
	}
	p->item[(p->head + p->n++) % p->cap] = it;
	work(s, p);
}

static COLD void conn_free(struct sim *s, struct sconn *c)
{
	tech_conn_fini(&c->tech);
	if (c->armed_ns != TIME_NEVER)
		(void)evq_cancel(&s->w->queue, c->tech.user[SCONN_PLACE], c, c->armed_ns);
	c->armed_ns = TIME_NEVER;
	pool_put(s->sconns, c);
}

/* No socket any more: it goes when no piece of work points to it. */
static void conn_dead(struct sim *s, struct sconn *c)
{
	if (!c->dead) {
		c->dead = true;
		c->sock = NULL;
		sconn_proc(c)->server->conns--;
		if (!c->accepted)
			sconn_proc(c)->waiting--;
		sim_memory(s, -(int64_t)values(s, sconn_proc(c))->conn_bytes);
		flow_written(s, c, 0);
	}
	if (!c->items)
		conn_free(s, c);
}

static void item_done(struct sim *s, struct item *it)
{
	if (it->data.blob)
		blob_unref(it->data.blob);
	tech_msg_unref(it->msg);
	if (it->conn && !--it->conn->items && it->conn->dead)
		conn_free(s, it->conn);
}

static int64_t data_cost(const struct sim *s, const struct proc *p, const struct sconn *c)
{
	const struct cfg_server *v = values(s, p);
	return tech_conn_streaming(&c->tech) ? v->push_cpu_ns : v->request_cpu_ns;
}

static int64_t cost(const struct sim *s, const struct proc *p, const struct item *it)
{
	const struct cfg_server *v = values(s, p);
	switch (it->kind) {
	case ITEM_ACCEPT:
		return v->request_cpu_ns > 0 ? HOST_ACCEPT_CPU_NS : 0;
	case ITEM_DATA:
		if (it->conn->dead)
			return 0;
		return data_cost(s, p, it->conn);
	case ITEM_TIME:
		return it->conn->dead ? 0 : v->push_cpu_ns;
	case ITEM_FAN:
		return v->push_cpu_ns;
	case ITEM_EOF:
	case ITEM_STOP:
		break;
	}
	return 0;
}

/* ---- the endpoint's outputs ------------------------------------------------------------------------------------ */

/* Too much waits in the connection already: this is left out, or the connection ends. */
static COLD uint64_t refuse_write(
	struct sim *s, struct sconn *c, const struct tech_out *o, enum flow verdict, uint64_t cause)
{
	struct sock *k = c->sock;
	uint64_t rec = flow_refused(s, values(s, sconn_proc(c)), c, o, verdict, cause);
	if (o->id)
		messages_sent(s, k->tcp.client, o->id, o->n_msgs, rec);
	blob_unref(o->data.blob);
	if (verdict == FLOW_CLOSE) {
		c->sock = NULL;
		s->w->cause = rec;
		sock_abort(s, k);
	}
	return rec;
}

static uint64_t do_write(
	struct sim *s, struct sconn *c, const struct tech_out *o, uint64_t cause, int64_t waited_ns)
{
	struct sock *k = c->sock;
	if (!k) {
		blob_unref(o->data.blob);
		return cause;
	}
	enum flow room = flow_room(values(s, sconn_proc(c)), c, o);
	if (rare(room != FLOW_WRITE))
		return refuse_write(s, c, o, room, cause);
	uint64_t rec = cause;
	if (rare(rec_unit_kept(s, k, rec_unit_kind(o->unit, true), (uint32_t)o->id, o->status,
		    o->b < 0 ? -1 : (int64_t)o->n_msgs))) {
		struct bytes b = bytes_sub(slice_bytes(o->data), o->uoff, o->ulen);
		s->unit_reason = waited_ns >= HOST_BUSY_NS ? REASON_SERVER_BUSY : REASON_NONE;
		rec = rec_unit_sent(s, k, rec_unit_kind(o->unit, true), o->unit, b,
			sock_tag(k).written + o->uoff, o->ulen, (uint32_t)o->id, o->status,
			o->b < 0 ? -1 : (int64_t)o->n_msgs, cause);
		s->unit_reason = REASON_NONE;
	}
	if (rare(k->tcp.flags & TCPF_LENS) && o->id)
		messages_sent(s, k->tcp.client, o->id, o->n_msgs, rec);
	sock_write(s, k, o->data, rec);
	flow_written(s, c, rec);
	return rec;
}

/* Has its timer fire when its endpoint wants it. */
static void arm(struct sim *s, struct sconn *c)
{
	lazy_move(s->w, &c->armed_ns, &c->tech.user[SCONN_PLACE], tech_conn_wake_at(&c->tech), EV_CONN_APP,
		sconn_proc(c)->node.elem, c);
}

/* After what was put out: the connection ends, or its timer is set. */
static void settle(struct sim *s, struct sconn *c)
{
	if (!c->sock)
		conn_dead(s, c);
	else
		arm(s, c);
}

static void outputs(struct sim *s, struct sconn *c, uint64_t cause, int64_t waited_ns)
{
	const struct tech_out *o;
	struct sock *k = c->sock;
	uint32_t msg;
	bool wrote = false;
	const uint64_t input = cause;
	while ((o = tech_next_at(&s->outs))) {
		switch (o->kind) {
		case TECH_OUT_WRITE:
			do_write(s, c, o, cause, waited_ns);
			wrote = true;
			break;
		case TECH_OUT_CLOSE:
		case TECH_OUT_ABORT:
			if (!c->sock)
				break;
			k = c->sock;
			c->sock = NULL;
			s->w->cause = cause;
			if (o->kind == TECH_OUT_CLOSE)
				sock_close(s, k);
			else
				sock_abort(s, k);
			wrote = false;
			break;
		case TECH_OUT_UNIT:
			if (c->sock &&
				rare(rec_unit_kept(s, c->sock, rec_unit_kind(o->unit, false), 0, 0, 0)))
				cause = rec_unit_recv(s, c->sock, rec_unit_kind(o->unit, false), o->off,
					o->len, input, &msg);
			break;
		case TECH_OUT_MESSAGE:
			messages_from_client(s, sconn_proc(c), o->id, cause);
			break;
		case TECH_OUT_NOTE:
			cause = rec_note(s, c->sock, o, NULL, sconn_proc(c)->node.trace_node,
				c->sock ? sock_tag(c->sock).peer : 0, cause);
			if (o->note == TECH_NOTE_HOLD_BEGIN)
				set_timer_cause(s, c, cause);
			break;
		default:
			break;
		}
	}
	assert(!s->outs.failed);
	if (wrote && c->sock)
		sock_pump(s, c->sock);
	settle(s, c);
}

/* ---- doing it --------------------------------------------------------------------------------------------------- */

/* After its endpoint was given something, while c->items held it. */
static inline void given(struct sim *s, struct sconn *c, uint64_t cause, int64_t waited_ns)
{
	outputs(s, c, cause, waited_ns);
	if (!--c->items && rare(c->dead))
		conn_free(s, c);
}

static void input(struct sim *s, struct sconn *c, enum tech_in_kind kind, struct slice data, uint64_t cause,
	int64_t waited_ns)
{
	struct tech_in in = {.kind = kind, .data = slice_bytes(data), .slice = data, .now_ns = s->w->now_ns};
	c->items++; /* holds it until the outputs are done */
	tech_conn_input(&c->tech, &in, &s->outs);
	given(s, c, cause, waited_ns);
}

/* A broadcast goes through connections that nobody has touched for a while: those whose turn it is soon are fetched into
 * the cache, the nearer, the more of what hangs on them. */
static void fetch_soon(const struct proc *p)
{
	uint32_t n;
	struct tech_conn *const *soon = tech_server_soon(&p->srv, &n);
	if (n <= 12)
		return;
	if (soon[12])
		host_fetch(container_of(soon[12], struct sconn, tech), 0, sizeof(struct sconn));
	const struct sock *k = soon[8] ? container_of(soon[8], struct sconn, tech)->sock : NULL;
	if (k)
		host_fetch(k, 0, sizeof *k);
	k = soon[4] ? container_of(soon[4], struct sconn, tech)->sock : NULL;
	if (k && k->out)
		host_fetch(line_of(k->out), 0, sizeof(struct line));
}

/* What everybody gets alike goes from the message straight into the connection. The same as outputs() would do with one
 * WRITE. */
static void write_form(
	struct sim *s, struct sconn *c, const struct tech_push_out *f, uint64_t cause, int64_t waited_ns)
{
	struct sock *k = c->sock;
	assert(f->form);
	if (often(k && !trace_on(s->tr, rec_unit_kind(f->unit, true), k->tcp.flags & TCPF_LENS) &&
		    !(k->tcp.flags & TCPF_LENS)) &&
		flow_free(values(s, sconn_proc(c)), k, f->form->len)) {
		sock_write(s, k, slice_of(blob_ref(f->form)), cause);
		flow_written(s, c, cause);
	} else {
		struct tech_out o = {.kind = TECH_OUT_WRITE,
			.unit = (uint8_t)f->unit,
			.data = slice_of(blob_ref(f->form)),
			.uoff = f->at,
			.ulen = f->len,
			.id = f->msg->id,
			.n_msgs = 1};
		do_write(s, c, &o, cause, waited_ns);
	}
	if (c->sock)
		sock_pump(s, c->sock);
	settle(s, c);
}

/* One message into one connection. False when everybody has it. */
static bool fan_one(struct sim *s, struct proc *p, uint64_t cause, int64_t waited_ns)
{
	struct tech_push_out f;
	bool form = tech_server_fan_form(&p->srv, &f);
	struct tech_conn *t = form ? f.conn : tech_server_fan(&p->srv, s->w->now_ns, &s->outs);
	if (!t)
		return false;
	fetch_soon(p);
	struct sconn *c = container_of(t, struct sconn, tech);
	c->items++;
	if (form)
		write_form(s, c, &f, cause, waited_ns);
	else
		outputs(s, c, cause, waited_ns);
	if (rare(!--c->items && c->dead))
		conn_free(s, c);
	return true;
}

/* Does the front of the queue. True: it is done; false: a broadcast goes on. */
static bool perform(struct sim *s, struct proc *p, struct item *it)
{
	struct sconn *c = it->conn;
	int64_t waited = s->w->now_ns - it->since_ns;
	s->w->cause = it->cause;
	if (it->kind == ITEM_FAN) {
		if (!p->fanning) {
			tech_server_publish(&p->srv, it->msg);
			p->fanning = true;
		}
		do { /* at once as far as it costs no time */
			s->w->cause = it->cause;
			if (!fan_one(s, p, it->cause, waited)) {
				p->fanning = false;
				return true;
			}
		} while (values(s, p)->push_cpu_ns <= 0);
		return false;
	}
	if (c->dead || !c->sock)
		return true;
	switch (it->kind) {
	case ITEM_ACCEPT:
		c->accepted = true;
		p->waiting--;
		input(s, c, TECH_IN_UP, SLICE_NONE, it->cause, waited);
		break;
	case ITEM_DATA:
		input(s, c, TECH_IN_DATA, it->data, it->cause, waited);
		break;
	case ITEM_EOF:
		input(s, c, TECH_IN_EOF, SLICE_NONE, it->cause, waited);
		break;
	case ITEM_TIME:
		input(s, c, TECH_IN_TIME, SLICE_NONE, timer_cause(s, c), waited);
		break;
	case ITEM_STOP:
		input(s, c, TECH_IN_STOP, SLICE_NONE, it->cause, waited);
		break;
	case ITEM_FAN:
		break;
	}
	return true;
}

static void finish(struct sim *s, struct proc *p)
{
	struct item it = p->item[p->head];
	if (!perform(s, p, &it))
		return;
	p->head = (p->head + 1) % p->cap;
	p->n--;
	item_done(s, &it);
}

/* Goes on until something costs time. */
static void work(struct sim *s, struct proc *p)
{
	if (p->busy)
		return;
	p->busy = true; /* what is added meanwhile waits its turn */
	while (p->n) {
		int64_t ns = cost(s, p, &p->item[p->head]);
		if (ns > 0) {
			p->cpu_ns += (uint64_t)ns;
			world_at(s->w, s->w->now_ns + ns, BAND_APP, EV_CPU, p->node.elem, p);
			return;
		}
		finish(s, p);
	}
	p->busy = false;
}

static void on_cpu(struct world *w, const struct ev *e)
{
	struct proc *p = e->obj;
	struct sim *s = sim_of(w);
	w->cause = 0;
	if (p->n && !p->died) /* what was being done died with the process */
		finish(s, p);
	p->died = p->busy = false;
	work(s, p);
}

static void on_conn_app(struct world *w, const struct ev *e)
{
	struct sconn *c = e->obj;
	struct sim *s = sim_of(w);
	if (!lazy_fired(e, &c->armed_ns) || c->dead) {
		world_nothing(w);
		return;
	}
	w->cause = 0;
	if (tech_conn_wake_at(&c->tech) > w->now_ns) {
		world_nothing(w);
		arm(s, c);
		return;
	}
	enqueue(s, sconn_proc(c), (struct item){.kind = ITEM_TIME, .conn = c});
}

/* The connection itself was fetched; on a stream a beat is going to be written. */
static void warm_conn_app(const struct world *w, const struct ev *e, int stage)
{
	const struct sconn *c = e->obj;
	(void)w;
	(void)stage;
	if (c->sock && tech_conn_streaming(&c->tech))
		host_fetch(c->sock, 0, sizeof(struct sock));
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

static void on_up(struct sim *s, struct sock *k, uint64_t cause)
{
	struct sconn *c = k->user;
	enqueue(s, sconn_proc(c), (struct item){.kind = ITEM_ACCEPT, .conn = c, .cause = cause});
}

static void on_data(struct sim *s, struct sock *k, struct slice owned, uint64_t cause)
{
	struct sconn *c = k->user;
	struct proc *p = sconn_proc(c);
	if (at_once(p, data_cost(s, p, c))) { /* as enqueue would do it, without a struct item */
		s->w->cause = cause;
		if (often(!c->dead && c->sock)) {
			c->items++;
			if (tech_conn_recall(&c->tech, owned, s->w->now_ns, &s->outs)) {
				given(s, c, cause, 0);
			} else {
				c->items--;
				input(s, c, TECH_IN_DATA, owned, cause, 0);
			}
		}
		blob_unref(owned.blob);
		at_once_done(s, p);
		return;
	}
	enqueue(s, sconn_proc(c), (struct item){.kind = ITEM_DATA, .conn = c, .data = owned, .cause = cause});
}

static void on_eof(struct sim *s, struct sock *k, uint64_t cause)
{
	struct sconn *c = k->user;
	enqueue(s, sconn_proc(c), (struct item){.kind = ITEM_EOF, .conn = c, .cause = cause});
}

static void on_gone(struct sim *s, struct sock *k, enum trace_reason reason, uint64_t cause)
{
	struct sconn *c = k->user;
	(void)reason;
	c->items++;
	c->sock = NULL;
	struct tech_in in = {.kind = TECH_IN_RESET, .now_ns = s->w->now_ns, .why = TECH_WHY_RESET};
	tech_conn_input(&c->tech, &in, &s->outs);
	outputs(s, c, cause, 0);
	if (!--c->items && c->dead)
		conn_free(s, c);
}

const struct sock_ops proc_sock = {on_up, on_data, on_eof, on_gone, NULL};

static void refuse(struct sim *s, struct proc *p, struct pkt *seg)
{
	struct pkt *rst = tcp_reset_for(s->tcp, seg);
	bool lens = seg->marks & PKT_LENS;
	if (rst && (seg->flags & TCP_SYN)) {
		struct trace_rec r = rec_make(s, TRACE_TCP_RST_SEND, seg->cause);
		r.node = p->node.trace_node;
		r.peer = seg->link ? link_from_trace(seg->link) : 0;
		r.conn = seg->conn;
		r.client = seg->client;
		r.flags = TRACE_DOWN;
		r.reason = p->draining ? REASON_SERVER_DRAIN : REASON_SERVER_DOWN;
		rst->cause = rec_put(s, &r, lens);
	}
	struct link *back = rst && seg->link ? link_back(seg->link) : NULL;
	if (back)
		link_send(s->w, back, rst);
	else if (rst)
		pkt_free(s->net, rst);
	pkt_free(s->net, seg);
}

static struct sconn *accept_syn(struct sim *s, struct proc *p, const struct pkt *syn, uint32_t iss)
{
	struct sconn *c = pool_get(s->sconns);
	struct tcp_addr a = {syn->dst, syn->src, syn->dport, syn->sport};
	memset(c, 0, s->sconns->size);
	c->armed_ns = TIME_NEVER;
	tech_conn_init(&c->tech, &p->srv);
	c->tech.user[SCONN_ORDER] = p->accepts++;
	p->waiting++;
	p->server->conns++;
	sim_memory(s, values(s, p)->conn_bytes);
	c->sock = sock_new(s, SOCK_PROC, &p->node, c, 0, &s->server_tcp, a, link_back(syn->link));
	sock_trace(s, c->sock, syn->conn, syn->client,
		s->tr && syn->conn && syn->conn < s->tr->nconn ? s->tr->conn[syn->conn].client : 0,
		syn->marks & PKT_LENS);
	if (iss)
		tcp_set_iss(&c->sock->tcp, iss);
	tcp_listen(s->tcp, &c->sock->tcp, s->w->now_ns);
	return c;
}

static void proc_packet(struct world *w, struct node *n, unsigned port, struct pkt *p)
{
	struct proc *pr = container_of(n, struct proc, node);
	struct sim *s = sim_of(w);
	struct tcp_conn *t = tcp_demux_find(&pr->demux, p);
	uint32_t backlog, iss = 0;
	(void)port;
	if (t && (!(p->flags & TCP_SYN) || !pr->up || pr->draining || !sock_gives_way(s, t, p, &iss))) {
		if (t->client != p->client && p->payload_len)
			sock_lent(s, container_of(t, struct sock, tcp), p);
		sock_input(s, container_of(t, struct sock, tcp), p);
		return;
	}
	backlog = values(s, pr)->backlog ? values(s, pr)->backlog : 4096;
	if (!pr->up || pr->draining || (p->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN) {
		refuse(s, pr, p);
	} else if (pr->waiting >= backlog) {
		net_drop(s->net, p, n->trace_node, REASON_BACKLOG_FULL, 0, pr->waiting, backlog);
	} else {
		struct sconn *c = accept_syn(s, pr, p, iss);
		sock_input(s, c->sock, p);
	}
}

static void proc_warm(const struct world *w, const struct node *n, const struct pkt *p, int stage)
{
	const struct tcp_demux *d = &container_of(n, struct proc, node)->demux;
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
		host_fetch(k->user, 0, sizeof(struct sconn));
}

static const struct node_ops proc_node = {"server", proc_packet, proc_warm, false};

/* ---- life --------------------------------------------------------------------------------------------------------- */

void proc_init(struct sim *s, struct proc *p, struct server *sv, uint32_t addr, const char *name)
{
	const struct cfg_server *v = &s->cfg->servers[sv->index];
	memset(p, 0, sizeof *p);
	p->sim = s;
	p->server = sv;
	p->addr = addr;
	p->up = true;
	p->node = (struct node){.ops = &proc_node, .elem = world_elem_add(s->w, name, 1)};
	tcp_demux_init(&p->demux, s->socks[SOCK_PROC], offsetof(struct sock, tcp));
	tech_server_init(&p->srv, &s->endpoint_memory.al);
	p->srv.keepalive_ns = v->keepalive_ns > 0 ? v->keepalive_ns : HOST_KEEPALIVE_NS;
	if (s->tr) {
		struct trace_node n = {.name = trace_str(s->tr, name),
			.param = trace_strf(s->tr, "servers.%s", sv->name),
			.addr = trace_strf(s->tr, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255,
				addr >> 8 & 255, addr & 255),
			.group = trace_str(s->tr, sv->name),
			.role = TRACE_SERVER,
			.order = (uint16_t)(5000 +
					    (sv->first_proc + (uint32_t)(p - &s->proc[sv->first_proc])))};
		p->node.trace_node = trace_add_node(s->tr, &n);
	}
}

static int by_order(const void *a, const void *b)
{
	const struct sconn *const *x = a, *const *y = b;
	const int32_t d = (int32_t)((*x)->tech.user[SCONN_ORDER] - (*y)->tech.user[SCONN_ORDER]);
	return (d > 0) - (d < 0);
}

/* All open connections, oldest first. What is asked so seldom, when everybody is concerned, is worth no list that stands
 * ready: the table in which segments find them has them all. They stay until let_go. */
static struct sconn **hold_all(const struct proc *p, uint32_t *n)
{
	struct sconn **all = xmalloc(((size_t)p->demux.used + 1) * sizeof *all);
	uint32_t at = 0;
	*n = 0;
	for (const struct tcp_conn *t; (t = tcp_demux_each(&p->demux, &at)); at++) {
		const struct sock *k = container_of(t, struct sock, tcp);
		if (k->used)
			all[(*n)++] = k->user;
	}
	qsort(all, *n, sizeof *all, by_order);
	for (uint32_t i = 0; i < *n; i++)
		all[i]->items++;
	return all;
}

static void let_go(struct sim *s, struct sconn **owned, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (!--owned[i]->items && owned[i]->dead)
			conn_free(s, owned[i]);
	xfree(owned);
}

/* Every connection is reset. */
static void drop_all(struct sim *s, struct proc *p, uint64_t cause)
{
	uint32_t n;
	struct sconn **all = hold_all(p, &n);
	for (uint32_t i = 0; i < n; i++) {
		struct sconn *c = all[i];
		struct sock *k = c->sock;
		c->sock = NULL;
		s->w->cause = cause;
		if (k)
			sock_abort(s, k);
		conn_dead(s, c);
	}
	let_go(s, all, n);
}

static void clear_queue(struct sim *s, struct proc *p)
{
	while (p->n) {
		struct item it = p->item[p->head];
		p->head = (p->head + 1) % p->cap;
		p->n--;
		item_done(s, &it);
	}
	p->fanning = false;
}

void proc_fini(struct sim *s, struct proc *p)
{
	clear_queue(s, p);
	uint32_t at = 0; /* in any order, and also those that have ended for us but not for TCP */
	for (struct tcp_conn *t; (t = tcp_demux_each(&p->demux, &at));) {
		struct sock *k = container_of(t, struct sock, tcp);
		struct sconn *c = k->used ? k->user : NULL;
		sock_vanish(s, k);
		if (c)
			conn_dead(s, c);
	}
	tcp_demux_fini(&p->demux);
	tech_server_fini(&p->srv);
	for (uint32_t i = 0; i < p->nsites; i++)
		tech_site_fini(&p->sites[i]);
	xfree(p->sites);
	xfree(p->item);
}

void proc_publish(struct sim *s, struct proc *p, struct tech_msg *m, uint64_t cause)
{
	if (p->up)
		enqueue(s, p, (struct item){.kind = ITEM_FAN, .msg = m, .cause = cause});
}

void proc_crash(struct sim *s, struct proc *p, uint64_t cause)
{
	struct trace_rec r = rec_make(s, TRACE_CRASH, cause);
	r.node = p->node.trace_node;
	r.reason = REASON_SERVER_CRASH;
	cause = p->crash = rec_put(s, &r, true);
	p->up = false;
	clear_queue(s, p);
	p->died = p->busy;
	drop_all(s, p, cause);
	tech_server_forget(&p->srv);
}

void proc_restart(struct sim *s, struct proc *p)
{
	struct trace_rec r = rec_make(s, TRACE_RESTART, 0);
	r.node = p->node.trace_node;
	rec_put(s, &r, true);
	p->up = true;
	p->draining = p->srv.draining = false;
}

void proc_drain(struct sim *s, struct proc *p, uint64_t cause)
{
	struct trace_rec r = rec_make(s, TRACE_DRAIN, cause);
	r.node = p->node.trace_node;
	r.reason = REASON_SERVER_DRAIN;
	cause = rec_put(s, &r, true);
	p->draining = p->srv.draining = true;
	uint32_t n;
	struct sconn **all = hold_all(p, &n);
	for (uint32_t i = 0; i < n; i++)
		if (!all[i]->dead)
			enqueue(s, p, (struct item){.kind = ITEM_STOP, .conn = all[i], .cause = cause});
	let_go(s, all, n);
}

void proc_options(struct sim *s, struct proc *p)
{
	const struct cfg_server *v = values(s, p);
	p->srv.keepalive_ns = v->keepalive_ns > 0 ? v->keepalive_ns : HOST_KEEPALIVE_NS;
	for (uint32_t i = 0; i < p->nsites; i++)
		tech_site_changed(&p->sites[i]);
	uint32_t n;
	struct sconn **all = hold_all(p, &n);
	for (uint32_t i = 0; i < n; i++) {
		struct sconn *c = all[i];
		if (!c->dead && c->sock && c->accepted)
			input(s, c, TECH_IN_TIME, SLICE_NONE, timer_cause(s, c), 0);
	}
	let_go(s, all, n);
}

void proc_handlers(struct sim *s)
{
	world_handle(s->w, EV_CPU, on_cpu, NULL);
	world_handle(s->w, EV_CONN_APP, on_conn_app, NULL);
	world_warm(s->w, EV_CONN_APP, warm_conn_app, 1);
}
