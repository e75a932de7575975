/*
 * client: a browser-like host: one application endpoint (proto/tech), up to two TCP connections, one access link,
 * and the networks it moves through.
 *
 *	timers, TCP ─▶ tech_client_input ─▶ outputs ─▶ open, write, close sockets; records; messages to the ledger
 *
 * Leaving a network takes the address with it. `destroyed`: the system ends the sockets of the vanished address at
 * once and says nothing to the other side (it no longer can). `orphaned`: they stay and send into nowhere until a
 * timer notices (MV-03). Without a network a connection attempt fails at once. The boxes on the path stay the same;
 * the new address makes new mappings in them.
 */
#include "sim/host/host.h"

#include <stdio.h>
#include <string.h>

static void outputs(struct sim *s, struct client *c, uint64_t cause);

/* Arms the client's one timer: its endpoint's, or the end of its being busy with what it read. */
static void wake(struct sim *s, struct client *c)
{
	int64_t app = tech_client_wake_at(&c->tech),
		reads = client_group(c)->reading ? flow_read_at(c) : TIME_NEVER;
	lazy_move(s->w, &c->armed_ns, &c->place, reads < app ? reads : app, EV_CLIENT_APP, c->node.elem, c);
}

/* ---- network ------------------------------------------------------------------------------------------------ */

static bool is_for(const struct tcp_addr *a, const struct pkt *p)
{
	return a->lport == p->dport && a->rport == p->sport && a->remote == p->src && a->local == p->dst;
}

static void client_packet(struct world *w, struct node *n, unsigned port, struct pkt *p)
{
	struct client *c = container_of(n, struct client, node);
	struct sim *s = sim_of(w);
	struct sock *k = c->socks;
	(void)port;
	if (rare(s->radio))
		radio_packet(s, c);
	while (k && !is_for(&k->tcp.addr, p))
		k = k->next;
	if (k) {
		sock_input(s, k, p);
		return;
	}
	struct pkt *rst = tcp_reset_for(s->tcp, p);
	if (rst && link_back(p->link))
		link_send(w, link_back(p->link), rst);
	else if (rst)
		pkt_free(s->net, rst);
	pkt_free(s->net, p);
}

/* What an event of the client's will touch is fetched into the cache before it comes (world_warm, node.h): its own
 * octets but the first, which are there, and its main connection. */
static void warm(const struct client *c)
{
	host_fetch(c, 64, sizeof *c);
	if (c->socks)
		host_fetch(c->socks, 0, sizeof(struct sock));
}

static void client_warm(const struct world *w, const struct node *n, const struct pkt *p, int stage)
{
	const struct client *c = container_of(n, struct client, node);
	(void)w;
	(void)p;
	if (stage == 1 && c->socks)
		host_fetch(c->socks, 0, sizeof(struct sock));
	else if (stage == 2 && c->socks)
		tcp_warm_queue(&c->socks->tcp, 0);
}

static const struct node_ops client_node = {"client", client_packet, client_warm, true};

static struct hclass *access_class(struct sim *s, struct group *g, int32_t net, bool up)
{
	struct hclass **slot = net < 0 ? (up ? &g->dc_up : &g->dc_down) : up ? &g->up[net] : &g->down[net];
	if (!*slot)
		*slot = class_new(s, net, up, g->way[0].box < 0 || net < 0, g->way[0].box, -1);
	return *slot;
}

/* Of the lines of its group that lead over `net` to its station, with its streams of random numbers. */
static const struct line_kind *access_kind(struct sim *s, const struct client *c, int32_t net)
{
	struct group *g = client_group(c);
	const struct station *to = client_station(c);
	const uint32_t nth = client_switches(c);
	struct access_kind **list = &g->kinds[(size_t)(net + 1) * g->nway + (size_t)(to - g->way)],
			   *k = *list;
	while (k && k->line.nth != nth)
		k = k->next;
	if (k)
		return &k->line;
	k = xcalloc(1, sizeof *k);
	k->line = (struct line_kind){.far = to->node,
		.port = {to->port, 0},
		.far_trace = to->trace,
		.near_many = client_node.many,
		.nth = (uint16_t)nth,
		.elem = g->elem,
		.draws = {g->rng_up, g->rng_down}};
	k->line.cls[LINK_UP] = &access_class(s, g, net, true)->c;
	k->line.cls[LINK_DOWN] = &access_class(s, g, net, false)->c;
	k->next = *list;
	*list = k;
	return &k->line;
}

struct line *client_access(const struct sim *s, const struct client *c)
{
	const size_t i = (size_t)(c - s->client);
	return s->moved && s->moved[i] ? s->moved[i] : &s->access[i];
}

/* Its first one, or one more. */
static struct line *new_access(struct sim *s, struct client *c)
{
	const size_t i = (size_t)(c - s->client);
	struct line *a = &s->access[i];
	if (!a->kind)
		return a; /* of zeros */
	if (!s->moved)
		s->moved = xcalloc(s->nclients + 1, sizeof(struct line *));
	if (s->moved[i])
		keep_link(s, s->moved[i]);
	s->moved[i] = a = pool_get(s->links);
	return a;
}

static void set_net(struct client *c, int32_t net)
{
	c->tech.user = (uint16_t)(net + 1);
}

void client_attach(struct sim *s, struct client *c, int32_t net)
{
	struct line *a = new_access(s, c);
	set_net(c, net);
	line_init(a, access_kind(s, c, net), &c->node, c->node.elem);
	c->tech.user_bits &= (uint8_t)~CLIENT_OFFLINE;
}

/* ---- sockets ------------------------------------------------------------------------------------------------- */

static struct client *client_of(const struct sock *k)
{
	return container_of(k->host, struct client, node);
}

static void on_up(struct sim *s, struct sock *k, uint64_t cause)
{
	struct client *c = client_of(k);
	struct group *g = client_group(c);
	if (s->counting) {
		g->opened++;
		if (++g->open > g->open_peak)
			g->open_peak = g->open;
	}
	struct tech_in in = {.kind = TECH_IN_UP, .conn = k->slot, .now_ns = s->w->now_ns};
	client_input(s, c, &in, cause);
}

/* Takes what octets say that other clients were given before (tech_client_recall). */
static void take_recalled(struct sim *s, struct client *c, const struct tech_seen *said, uint64_t cause)
{
	const uint64_t input = cause, off = tech_recalled_off(&c->tech, said);
	/* nobody looks at others */
	struct sock *k = rare(s->keeps) && client_lens(c) ? client_sock_in(c, TECH_MAIN) : NULL;
	uint32_t msg;
	for (uint32_t i = 0; i < said->n_outs; i++) {
		const struct tech_seen_out *o = &said->out[i];
		if (o->kind == TECH_OUT_MESSAGE)
			messages_arrived(s, c, o->id, o->n, cause);
		else if (k)
			cause = rec_unit_recv(
				s, k, rec_unit_kind(o->unit, false), off + o->off, o->len, input, &msg);
	}
	wake(s, c);
}

static void on_data(struct sim *s, struct sock *k, struct slice owned, uint64_t cause)
{
	struct client *c = client_of(k);
	const uint32_t slot = k->slot; /* the socket may be gone once the endpoint has seen the octets */
	const struct tech_seen *said =
		slot == TECH_MAIN ? tech_client_recall(&c->tech, owned, s->w->now_ns) : NULL;
	const uint64_t brought = cause;
	if (slot == TECH_MAIN && client_group(c)->reading)
		cause = flow_cause(c, cause);
	if (said) {
		take_recalled(s, c, said, cause);
	} else {
		struct tech_in in = {.kind = TECH_IN_DATA,
			.conn = slot,
			.data = slice_bytes(owned),
			.slice = owned,
			.now_ns = s->w->now_ns};
		client_input(s, c, &in, cause);
	}
	if (slot == TECH_MAIN && client_group(c)->site.opts->read_bps) {
		flow_took(s, c, owned.len, brought);
		wake(s, c);
	}
	blob_unref(owned.blob);
}

static void on_eof(struct sim *s, struct sock *k, uint64_t cause)
{
	struct tech_in in = {.kind = TECH_IN_EOF, .conn = k->slot, .now_ns = s->w->now_ns};
	client_input(s, client_of(k), &in, cause);
}

static void count_gone(struct sim *s, struct client *c, const struct sock *k)
{
	if (k->was_up && client_group(c)->open)
		client_group(c)->open--;
	else if (!k->was_up && s->counting)
		client_group(c)->failed++;
}

static enum tech_why why_of(enum trace_reason reason)
{
	switch (reason) {
	case REASON_TCP_SYN_RETRIES:
		return TECH_WHY_SYN_TIMEOUT;
	case REASON_TCP_RETRIES:
	case REASON_TCP_KEEPALIVE_DEAD:
		return TECH_WHY_TIMEOUT;
	case REASON_PEER_CLOSED:
		return TECH_WHY_CLOSED;
	case REASON_NET_SWITCHED:
		return TECH_WHY_LOCAL;
	case REASON_NET_GONE:
		return TECH_WHY_UNREACHABLE;
	default:
		return TECH_WHY_RESET;
	}
}

static void on_gone(struct sim *s, struct sock *k, enum trace_reason reason, uint64_t cause)
{
	struct client *c = client_of(k);
	struct tech_in in = {
		.kind = TECH_IN_RESET, .conn = k->slot, .now_ns = s->w->now_ns, .why = why_of(reason)};
	count_gone(s, c, k);
	k->used = false;
	client_input(s, c, &in, cause);
}

const struct sock_ops client_sock = {on_up, on_data, on_eof, on_gone, NULL};

static void open_sock(struct sim *s, struct client *c, uint32_t slot, uint64_t cause)
{
	struct group *g = client_group(c);
	const struct station *to = client_station(c);
	struct sock *old = client_sock_in(c, slot);
	if (old) { /* not expected: the endpoint opens only what it has closed */
		count_gone(s, c, old);
		sock_abort(s, old);
	}
	if (client_is(c, CLIENT_OFFLINE)) {
		struct tech_in in = {.kind = TECH_IN_RESET,
			.conn = slot,
			.now_ns = s->w->now_ns,
			.why = TECH_WHY_UNREACHABLE};
		if (s->counting)
			g->failed++;
		tech_client_input(&c->tech, &in, &s->outs);
		return;
	}
	uint32_t port = (c->tech.number * 7919u + c->node.own++) % HOST_EPHEMERAL_COUNT;
	struct tcp_addr a = {client_addr(c), to->addr, (uint16_t)(HOST_EPHEMERAL_FIRST + port), to->tcp_port};
	struct sock *k =
		sock_new(s, SOCK_CLIENT, &c->node, NULL, slot, &g->tcp_cfg, a, &client_access(s, c)->up);
	sock_trace(s, k, rec_conn(s, c, c->node.trace_node, to->end, a), c->tech.number, to->end,
		client_lens(c));
	s->w->cause = cause;
	tcp_open(s->tcp, &k->tcp, s->w->now_ns);
	sock_pump(s, k);
}

/* ---- the endpoint's outputs ----------------------------------------------------------------------------------- */

static void do_write(struct sim *s, struct client *c, const struct tech_out *o, uint64_t cause)
{
	struct sock *k = client_sock_in(c, o->conn);
	if (!k) {
		blob_unref(o->data.blob);
		return;
	}
	if (rare(client_lens(c)) && o->unit == TECH_UNIT_REQUEST)
		s->asked_ns[lens_row(c) - 1] = s->w->now_ns;
	uint64_t rec = cause;
	if (rare(rec_unit_kept(s, k, rec_unit_kind(o->unit, true), (uint32_t)o->id, o->status, o->n_msgs))) {
		struct bytes b = bytes_sub(slice_bytes(o->data), o->uoff, o->ulen);
		rec = rec_unit_sent(s, k, rec_unit_kind(o->unit, true), o->unit, b,
			sock_tag(k).written + o->uoff, o->ulen, (uint32_t)o->id, o->status, o->n_msgs, cause);
	}
	sock_write(s, k, o->data, rec);
	sock_pump(s, k);
}

static uint64_t do_note(struct sim *s, struct client *c, const struct tech_out *o, uint64_t cause)
{
	struct sock *k = client_sock_in(c, o->conn);
	uint64_t *timer = s->timer_cause ? &s->timer_cause[c->tech.number - 1] : NULL;
	if (o->note == TECH_NOTE_CONNECT_TRY && timer && *timer)
		cause = *timer;
	uint64_t id = rec_note(s, k, o, c, c->node.trace_node, client_station(c)->end, cause);
	if (timer)
		*timer = o->note == TECH_NOTE_RECONNECT_WAIT ? id : 0;
	return id;
}

static void outputs(struct sim *s, struct client *c, uint64_t cause)
{
	const struct tech_out *o;
	struct sock *k;
	uint32_t msg;
	const uint64_t input = cause; /* what the units of one piece of input have in common */
	while ((o = tech_next_at(&s->outs))) {
		switch (o->kind) {
		case TECH_OUT_OPEN:
			open_sock(s, c, o->conn, cause);
			break;
		case TECH_OUT_WRITE:
			do_write(s, c, o, cause);
			break;
		case TECH_OUT_CLOSE:
		case TECH_OUT_ABORT:
			k = client_sock_in(c, o->conn);
			if (!k)
				break;
			count_gone(s, c, k);
			s->w->cause = cause;
			if (o->kind == TECH_OUT_CLOSE)
				sock_close(s, k);
			else
				sock_abort(s, k);
			break;
		case TECH_OUT_UNIT:
			k = client_sock_in(c, o->conn);
			if (k && rec_unit_kept(s, k, rec_unit_kind(o->unit, false), 0, 0, 0))
				cause = rec_unit_recv(
					s, k, rec_unit_kind(o->unit, false), o->off, o->len, input, &msg);
			break;
		case TECH_OUT_MESSAGE:
			messages_arrived(s, c, o->id, o->n, cause);
			break;
		case TECH_OUT_NOTE:
			cause = do_note(s, c, o, cause);
			break;
		case TECH_OUT_FAIL:
		case TECH_OUT_IDLE:
			break;
		}
	}
	assert(!s->outs.failed);
	wake(s, c);
}

void client_input(struct sim *s, struct client *c, const struct tech_in *in, uint64_t cause)
{
	tech_client_input(&c->tech, in, &s->outs);
	outputs(s, c, cause);
}

static void on_app(struct world *w, const struct ev *e)
{
	struct client *c = e->obj;
	struct sim *s = sim_of(w);
	if (!lazy_fired(e, &c->armed_ns) || !client_is(c, CLIENT_STARTED)) {
		world_nothing(w);
		return;
	}
	w->cause = 0;
	const bool read = flow_read_on(s, c);
	if (tech_client_wake_at(&c->tech) > w->now_ns) {
		if (!read)
			world_nothing(w);
		wake(s, c);
		return;
	}
	tech_client_time(&c->tech, w->now_ns, &s->outs);
	outputs(s, c, s->timer_cause ? s->timer_cause[c->tech.number - 1] : 0);
}

/* ---- life ----------------------------------------------------------------------------------------------------- */

void client_init(struct sim *s, struct client *c, struct group *g, uint32_t i)
{
	memset(c, 0, sizeof *c);
	c->armed_ns = TIME_NEVER;
	c->node = (struct node){.ops = &client_node, .elem = g->elem + i};
	tech_client_init(&c->tech, &g->site, g->first + i);
	if (i < g->nlens)
		c->tech.user_bits |= CLIENT_LENS;
	if (client_lens(c) && s->tr->nnode < UINT16_MAX) {
		struct trace_node n = {.name = trace_strf(s->tr, "%s[%u]", g->name, i + 1),
			.param = trace_strf(s->tr, "clients.%s", g->name),
			.group = trace_str(s->tr, g->name),
			.role = TRACE_CLIENT,
			.order = (uint16_t)(i < 999 ? i : 999),
			.client = c->tech.number};
		c->node.trace_node = trace_add_node(s->tr, &n);
	}
}

static void drop_sock(struct sim *s, struct client *c, struct sock *k)
{
	count_gone(s, c, k);
	sock_vanish(s, k);
}

void client_fini(struct sim *s, struct client *c)
{
	while (c->socks)
		drop_sock(s, c, c->socks);
	tech_client_fini(&c->tech);
	const size_t i = (size_t)(c - s->client);
	if (s->moved && s->moved[i])
		pool_put(s->links, s->moved[i]);
}

void client_start(struct sim *s, struct client *c)
{
	struct trace_rec r = rec_make(s, TRACE_CLIENT_START, 0);
	r.node = c->node.trace_node;
	r.client = c->tech.number;
	uint64_t cause = rec_put(s, &r, client_lens(c));
	c->tech.user_bits |= CLIENT_STARTED;
	client_group(c)->started++;
	struct tech_in in = {.kind = TECH_IN_START, .now_ns = s->w->now_ns, .since = s->nnotes};
	client_input(s, c, &in, cause);
}

void client_publish(struct sim *s, struct client *c, struct tech_msg *m, uint64_t cause)
{
	struct tech_in in = {.kind = TECH_IN_PUBLISH, .now_ns = s->w->now_ns, .msg = m};
	client_input(s, c, &in, cause);
}

/* ---- moving from network to network --------------------------------------------------------------------------- */

/* The sockets of the old address: ended by the system, or left hanging. */
static void leave_sockets(struct sim *s, struct client *c, bool orphaned, uint64_t cause)
{
	for (uint32_t slot = 0; slot < 2 && !orphaned; slot++) {
		struct sock *k = client_sock_in(c, slot);
		if (!k)
			continue;
		drop_sock(s, c, k);
		struct tech_in in = {
			.kind = TECH_IN_RESET, .conn = slot, .now_ns = s->w->now_ns, .why = TECH_WHY_LOCAL};
		client_input(s, c, &in, cause);
	}
}

static void net_up(struct sim *s, struct client *c, int32_t net, uint64_t cause)
{
	c->tech.user_bits = (uint8_t)((c->tech.user_bits & ~CLIENT_SWITCHES) |
				      ((client_switches(c) + 1) & CLIENT_SWITCHES));
	client_attach(s, c, net);
	const uint32_t addr = client_addr(c);
	struct trace_rec r = rec_make(s, TRACE_NET_UP, cause);
	r.node = c->node.trace_node;
	r.client = c->tech.number;
	if (trace_kept(s->tr, TRACE_NET_UP, client_lens(c)))
		r.text = trace_strf(s->tr, "%u.%u.%u.%u in %s", addr >> 24, addr >> 16 & 255, addr >> 8 & 255,
			addr & 255, net < 0 ? "the data centre" : s->nets[net].name);
	rec_put(s, &r, client_lens(c));
}

void client_switch(
	struct sim *s, struct client *c, int32_t net, int64_t outage_ns, bool orphaned, uint64_t cause)
{
	struct trace_rec r = rec_make(s, TRACE_NET_SWITCH, cause);
	r.node = c->node.trace_node;
	r.client = c->tech.number;
	r.a = outage_ns;
	if (trace_kept(s->tr, TRACE_NET_SWITCH, client_lens(c)))
		r.text = trace_str(s->tr, client_net(c) < 0 ? "its network" : s->nets[client_net(c)].name);
	cause = rec_put(s, &r, client_lens(c));
	if (!client_is(c, CLIENT_OFFLINE)) {
		struct line *a = client_access(s, c);
		a->up.gone = a->down.gone = 1;
	}
	radio_close(s, c, s->w->now_ns);
	set_net(c, net);
	c->tech.user_bits |= CLIENT_OFFLINE;
	leave_sockets(s, c, orphaned, cause);
	if (outage_ns > 0)
		world_at(s->w, s->w->now_ns + outage_ns, BAND_CONTROL, EV_NET_UP, c->node.elem, c);
	else
		net_up(s, c, net, cause);
}

static void on_net_up(struct world *w, const struct ev *e)
{
	struct client *c = e->obj;
	w->cause = 0;
	if (client_is(c, CLIENT_OFFLINE))
		net_up(sim_of(w), c, client_net(c), 0);
}

static void on_start(struct world *w, const struct ev *e)
{
	struct sim *s = sim_of(w);
	struct group *g = e->obj;
	const struct cfg_group *cg = &s->cfg->groups[g->index];
	uint32_t i = g->started;
	w->cause = 0;
	if (i + 1 < g->count) /* evenly over start.over */
		world_at(w,
			cg->start_at_ns + cg->start_over_ns / g->count * (i + 1) +
				cg->start_over_ns % g->count * (i + 1) / g->count,
			BAND_APP, EV_CLIENT_START, g->elem, g);
	client_start(s, &s->client[g->first - 1 + i]);
}

static void warm_app(const struct world *w, const struct ev *e, int stage)
{
	const struct client *c = e->obj;
	if (stage == 0) {
		warm(c);
		host_fetch(client_access(sim_of(w), c), 0, sizeof(struct line));
	}
}

void client_handlers(struct sim *s)
{
	world_warm(s->w, EV_CLIENT_APP, warm_app, 1);
	world_handle(s->w, EV_CLIENT_APP, on_app, NULL);
	world_handle(s->w, EV_NET_UP, on_net_up, NULL);
	world_handle(s->w, EV_CLIENT_START, on_start, NULL);
}
