/*
 * sock: a TCP connection of some host. Everything TCP wants to have done, sending segments over the link it came
 * from, arming its one timer, ending, is done here; its users see up, data, eof, gone.
 *
 * Pools are type-stable, so an event that still points to a returned socket is harmless: tcp_at_rest says never.
 */
#include "sim/host/host.h"

static const struct sock_ops *const users[] = {
	[SOCK_CLIENT] = &client_sock, [SOCK_PROC] = &proc_sock, [SOCK_PROXY] = &proxy_sock};

static struct client *client_of(const struct sock *k)
{
	return container_of(k->host, struct client, node);
}

/* The table in which segments find it. A client has so few that it has none. */
static struct tcp_demux *demux_of(const struct sock *k)
{
	return k->of == SOCK_PROC ? &container_of(k->host, struct proc, node)->demux
				  : &container_of(k->host, struct proxy, node)->demux;
}

struct sock *sock_new(struct sim *s, enum sock_of of, struct node *host, void *user, uint32_t slot,
	const struct tcp_cfg *cfg, struct tcp_addr a, struct link *out)
{
	struct sock *k = pool_get(s->socks[of]);
	k->host = host;
	k->out = out;
	k->user = NULL;
	tcp_init(&k->tcp, cfg, a);
	k->of = (uint8_t)(of & 3u);
	k->slot = (uint8_t)(slot & 3u);
	k->used = true;
	if (of == SOCK_CLIENT) {
		k->next = client_of(k)->socks;
		client_of(k)->socks = k;
	} else {
		k->user = user;
		tcp_demux_add(demux_of(k), &k->tcp);
	}
	return k;
}

void sock_trace(struct sim *s, struct sock *k, uint32_t trace_conn, uint32_t client, uint16_t peer, bool lens)
{
	struct tcp_tag tag = {.trace_conn = trace_conn, .node = k->host->trace_node, .peer = peer};
	tcp_trace(&k->tcp, s->keeps ? &tag : NULL, client, lens);
}

void sock_lent(struct sim *s, struct sock *k, const struct pkt *p)
{
	bool kept = s->tr && p->conn && p->conn < s->tr->nconn;
	tcp_trace_for(&k->tcp, p->conn, kept ? s->tr->conn[p->conn].client : sock_tag(k).peer, p->client,
		p->marks & PKT_LENS);
}

static void sock_free(struct sim *s, struct sock *k)
{
	if (k->of == SOCK_CLIENT) {
		struct sock **at = &client_of(k)->socks;
		while (*at != k)
			at = &(*at)->next;
		*at = k->next;
	} else {
		tcp_demux_del(demux_of(k), &k->tcp);
	}
	const struct tcp_busy *b = k->tcp.busy;
	if (b->armed_ns != TIME_NEVER)
		(void)evq_cancel(&s->w->queue, b->place, k, b->armed_ns);
	tcp_fini(s->tcp, &k->tcp);
	k->used = false;
	pool_put(s->socks[k->of], k);
}

static void send_segment(struct sim *s, struct sock *k, struct pkt *p)
{
	if (rare(s->radio) && k->of == SOCK_CLIENT && k->out)
		radio_packet(s, client_of(k));
	if (often(k->out))
		link_send(s->w, k->out, p);
	else
		net_drop(s->net, p, k->host->trace_node, REASON_NET_GONE, 0, 0, 0);
}

/* One output that is not a segment. */
static void take(struct sim *s, struct sock *k, struct tcp_out *o)
{
	const struct sock_ops *ops = k->used ? users[k->of] : NULL;
	switch (o->kind) {
	case TCP_OUT_ESTABLISHED:
		k->was_up = true;
		if (ops)
			ops->up(s, k, o->cause);
		return;
	case TCP_OUT_DATA:
		if (ops)
			ops->data(s, k, o->data, o->cause);
		else
			blob_unref(o->data.blob);
		return;
	case TCP_OUT_EOF:
		if (ops)
			ops->eof(s, k, o->cause);
		return;
	case TCP_OUT_RESET:
	case TCP_OUT_TIMEOUT:
		if (ops)
			ops->gone(s, k,
				o->reason != REASON_NONE   ? o->reason
				: o->kind == TCP_OUT_RESET ? REASON_PEER_RESET
							   : REASON_TCP_RETRIES,
				o->cause);
		k->used = false;
		return;
	case TCP_OUT_CLOSED:
		if (ops) /* ended from both sides without its user having let go */
			ops->gone(s, k, REASON_PEER_CLOSED, o->cause);
		k->used = false;
		return;
	case TCP_OUT_WRITABLE:
		if (ops && ops->writable)
			ops->writable(s, k, o->cause);
		return;
	case TCP_OUT_SEGMENT:
	case TCP_OUT_IDLE:
		break;
	}
}

static APART void send_segments(struct sim *s, struct sock *k)
{
	struct pkt *p;
	do {
		p = tcp_segment(s->tcp, &k->tcp, s->w->now_ns);
		if (!p)
			return;
		send_segment(s, k, p);
	} while (tcp_wants_out(&k->tcp));
}

static inline void send_all(struct sim *s, struct sock *k)
{
	if (tcp_wants_out(&k->tcp))
		send_segments(s, k);
}

/* Its pending event moves to TCP's deadline; what an idle connection does not need goes back. */
static void move_timer(struct sim *s, struct sock *k, int64_t due_ns)
{
	struct tcp_busy *b = tcp_begin(s->tcp, &k->tcp); /* at rest before: keepalive */
	if (due_ns != b->armed_ns)
		lazy_move(s->w, &b->armed_ns, &b->place, due_ns, EV_CONN_TIMER, k->host->elem, k);
	if (due_ns == TIME_NEVER)
		tcp_rest(s->tcp, &k->tcp);
}

static inline void set_timer(struct sim *s, struct sock *k)
{
	int64_t due_ns = tcp_deadline(&k->tcp);
	if (due_ns != TIME_NEVER || k->tcp.busy != &tcp_at_rest)
		move_timer(s, k, due_ns);
}

/* TCP has said all: what comes next has the cause it had before. */
static inline void pumped(struct sim *s, struct sock *k, uint64_t cause)
{
	s->w->cause = cause;
	k->pumping = false;
	if (rare(k->tcp.state == TCP_CLOSED))
		sock_free(s, k);
	else
		set_timer(s, k);
}

/* There are outputs that are no segments. */
static APART void take_all(struct sim *s, struct sock *k)
{
	struct tcp_out o;
	do {
		tcp_take(s->tcp, &k->tcp, s->w->now_ns, &o);
		if (o.kind == TCP_OUT_IDLE)
			return;
		s->w->cause = o.cause;
		take(s, k, &o);
		send_all(s, k);
	} while (tcp_wants_app(&k->tcp));
}

/* Until TCP is idle; then the cause is `cause` again. */
static inline void pump(struct sim *s, struct sock *k, uint64_t cause)
{
	send_all(s, k);
	if (rare(tcp_wants_app(&k->tcp)))
		take_all(s, k);
	pumped(s, k, cause);
}

void sock_pump_now(struct sim *s, struct sock *k)
{
	k->pumping = true;
	pump(s, k, s->w->cause);
}

void sock_input(struct sim *s, struct sock *k, struct pkt *owned)
{
	uint64_t cause = s->w->cause;
	struct slice text;
	if (rare(k->pumping) || rare(!tcp_input_straight(s->tcp, &k->tcp, owned, s->w->now_ns, &text))) {
		tcp_input(s->tcp, &k->tcp, owned, s->w->now_ns);
		sock_pump(s, k);
		return;
	}
	if (text.blob) {
		uint64_t because = tcp_cause(&k->tcp);
		k->pumping = true;
		send_all(s, k);
		tcp_text_taken(s->tcp, &k->tcp, s->w->now_ns);
		s->w->cause = because;
		if (often(k->used))
			users[k->of]->data(s, k, text, because);
		else
			blob_unref(text.blob);
	}
	k->pumping = true;
	pump(s, k, cause);
}

void sock_write(struct sim *s, struct sock *k, struct slice owned, uint64_t rec)
{
	uint64_t cause = s->w->cause;
	if (rec)
		s->w->cause = rec;
	if (!tcp_write(s->tcp, &k->tcp, owned, false, s->w->now_ns))
		blob_unref(owned.blob);
	s->w->cause = cause;
}

void sock_close(struct sim *s, struct sock *k)
{
	k->used = false;
	tcp_close(s->tcp, &k->tcp, s->w->now_ns);
	sock_pump(s, k);
}

void sock_abort(struct sim *s, struct sock *k)
{
	k->used = false;
	tcp_abort(s->tcp, &k->tcp, s->w->now_ns);
	sock_pump(s, k);
}

bool sock_gives_way(struct sim *s, struct tcp_conn *t, const struct pkt *syn, uint32_t *iss)
{
	struct sock *k = container_of(t, struct sock, tcp);
	if (k->pumping || !tcp_reusable(t, syn))
		return false;
	*iss = tcp_snd_nxt(t) + 65537; /* as Linux: no window of the old one reaches there */
	tcp_abort(s->tcp, t, s->w->now_ns);
	sock_pump(s, k);
	return true;
}

void sock_vanish(struct sim *s, struct sock *k)
{
	k->out = NULL;
	sock_free(s, k);
}

static void on_timer(struct world *w, const struct ev *e)
{
	struct sock *k = e->obj;
	struct sim *s = sim_of(w);
	if (!lazy_fired(e, &k->tcp.busy->armed_ns)) {
		world_nothing(w);
		return;
	}
	if (tcp_deadline(&k->tcp) > w->now_ns) {
		world_nothing(w);
		set_timer(s, k);
		return;
	}
	w->cause = 0;
	tcp_timer(s->tcp, &k->tcp, w->now_ns);
	sock_pump(s, k);
}

static void warm_timer(const struct world *w, const struct ev *e, int stage)
{
	const struct sock *k = e->obj;
	(void)w;
	tcp_warm_queue(&k->tcp, stage);
	if (stage == 1)
		__builtin_prefetch(k->out, 1);
}

void sock_handlers(struct sim *s)
{
	world_handle(s->w, EV_CONN_TIMER, on_timer, NULL);
	world_warm(s->w, EV_CONN_TIMER, warm_timer, 2);
}

/* Whole cache lines, none of them shared. One pool for each kind of owner: those that come one after the other then lie one after
 * the other, and so they are met again by requests and broadcasts, which the processor sees and fetches ahead. */
void sock_pools(struct sim *s)
{
	size_t size = sizeof(struct sock) + (s->keeps ? sizeof(struct tcp_tag) : 0);
	for (unsigned of = 0; of < SOCK_OWNERS; of++) {
		s->socks[of] = world_pool(s->w, "sock", (size + 63) & ~(size_t)63, 0);
		pool_numbered(s->socks[of]);
	}
}
