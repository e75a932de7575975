/* Two endpoints and a link, for tests. See tcp_pair.h. */
#include "tests/support/tcp_pair.h"
#include "sim/core/xmalloc.h"

#include <string.h>

uint8_t tcp_pattern(uint32_t off)
{
	return (uint8_t)(off * 167u + (off >> 8) * 13u + (off >> 16) * 7u);
}

static void log_seen(struct tcp_end *e, const struct pkt *k)
{
	struct tcp_pair *p = e->pair;
	bool right = e == &p->right;
	uint32_t mine = right ? p->right.tag.iss : p->left.tag.iss,
		 theirs = right ? p->left.tag.iss : p->right.tag.iss;

	if (p->n_seen == p->cap_seen) {
		p->cap_seen = p->cap_seen ? p->cap_seen * 2 : 64;
		p->seen = xrealloc(p->seen, p->cap_seen * sizeof *p->seen);
	}
	p->seen[p->n_seen++] = (struct tcp_seen){.at_ns = p->w->now_ns,
		.right = right,
		.flags = k->flags,
		.opts = k->opts,
		.len = k->payload_len,
		.wnd = k->wnd,
		.seq = k->seq - mine,
		.ack = k->flags & TCP_ACK ? k->ack - theirs : 0,
		.tsval = k->tsval,
		.tsecr = k->tsecr,
		.n_sack = (uint8_t)(k->sack ? k->sack->n : 0),
		.sack = k->sack ? *k->sack : (struct pkt_sack){0}};
	e->segments++;
	e->data_segments += k->payload_len > 0;
}

static void send_logged(struct tcp_end *e, struct pkt *k)
{
	struct tcp_pair *p = e->pair;

	log_seen(e, k);
	if (p->fate) {
		int64_t later = p->fate(p->ctx, e, &p->seen[p->n_seen - 1]);

		p->fault = (struct link_fault){
			e->out->ordinal, later < 0 ? LINK_FAULT_DROP : LINK_FAULT_DELAY, later};
		link_class_of(e->out)->faults = &p->fault;
		link_class_of(e->out)->n_faults = later != 0;
	}
	link_send(p->w, e->out, k);
}

void tcp_end_pump(struct tcp_end *e)
{
	struct world *w = e->pair->w;
	struct tcp_out o;

	for (;;) {
		tcp_next(e->pair->t, &e->c, w->now_ns, &o);
		switch (o.kind) {
		case TCP_OUT_IDLE:
			lazy_arm(w, &e->armed_ns, tcp_deadline(&e->c), EV_CONN_TIMER, e->node.elem, e);
			tcp_rest(e->pair->t, &e->c);
			if (e->pair->idle)
				e->pair->idle(e->pair->ctx);
			return;
		case TCP_OUT_SEGMENT:
			send_logged(e, o.pkt);
			break;
		case TCP_OUT_ESTABLISHED:
			e->established = true;
			e->established_ns = w->now_ns;
			break;
		case TCP_OUT_DATA:
			buf_add(&e->got, slice_bytes(o.data));
			blob_unref(o.data.blob);
			break;
		case TCP_OUT_EOF:
			e->eof = true;
			e->eof_ns = w->now_ns;
			break;
		case TCP_OUT_RESET:
			e->reset = true;
			e->reason = o.reason;
			e->ended_ns = w->now_ns;
			break;
		case TCP_OUT_TIMEOUT:
			e->timeout = true;
			e->reason = o.reason;
			e->ended_ns = w->now_ns;
			break;
		case TCP_OUT_CLOSED:
			e->closed = true;
			e->ended_ns = w->now_ns;
			break;
		case TCP_OUT_WRITABLE:
			break;
		}
	}
}

static void born(struct tcp_end *e)
{
	struct tcp_pair *p = e->pair;
	bool right = e == &p->right;
	struct tcp_addr left = {0x0a000001, 0x0a000002, 40000, 80},
			back = {left.remote, left.local, 80, 40000};

	tcp_init(&e->c, right ? &p->rcfg : &p->lcfg, right ? back : left);
	struct tcp_tag tag = {.trace_conn = p->trace ? p->trace->nconn - 1 : 0,
		.node = e->node.trace_node,
		.peer = right ? p->left.node.trace_node : p->right.node.trace_node};

	tcp_trace(&e->c, &tag, p->trace ? 1 : 0, p->trace);
}

/* A SYN that may take over a connection in TIME_WAIT finds a listener. */
static void reborn(struct tcp_end *e)
{
	tcp_fini(e->pair->t, &e->c);
	born(e);
	tcp_listen(e->pair->t, &e->c, e->pair->w->now_ns);
}

static void on_pkt(struct world *w, struct node *n, unsigned port, struct pkt *k)
{
	struct tcp_end *e = (struct tcp_end *)n;
	struct pkt *rst;

	(void)port;
	if (e == &e->pair->right && tcp_reusable(&e->c, k))
		reborn(e);
	if (e->c.state == TCP_CLOSED) {
		rst = tcp_reset_for(e->pair->t, k);
		pkt_free(net_of(w), k);
		if (rst)
			send_logged(e, rst);
		return;
	}
	struct slice text;

	if (!tcp_input_straight(e->pair->t, &e->c, k, w->now_ns, &text)) {
		tcp_input(e->pair->t, &e->c, k, w->now_ns);
	} else if (text.blob) {
		while (tcp_wants_out(&e->c) && (k = tcp_segment(e->pair->t, &e->c, w->now_ns)))
			send_logged(e, k);
		tcp_text_taken(e->pair->t, &e->c, w->now_ns);
		buf_add(&e->got, slice_bytes(text));
		blob_unref(text.blob);
	}
	tcp_end_pump(e);
}

static const struct node_ops end_ops = {"end", on_pkt, NULL, false};

static void on_timer(struct world *w, const struct ev *ev)
{
	struct tcp_end *e = ev->obj;

	if (!lazy_fired(ev, &e->armed_ns))
		return;
	tcp_timer(e->pair->t, &e->c, w->now_ns);
	tcp_end_pump(e);
}

static void end_init(struct tcp_pair *p, struct tcp_end *e, const char *name, struct link *out)
{
	memset(e, 0, sizeof *e);
	e->node = (struct node){&end_ops, world_elem_add(p->w, name, 1), 0, 0};
	e->armed_ns = TIME_NEVER;
	e->pair = p;
	e->out = out;
	buf_init(&e->got, &alloc_libc, (size_t)1 << 30);
}

void tcp_pair_init(
	struct tcp_pair *p, uint64_t seed, const struct link_params *up, const struct link_params *down)
{
	memset(p, 0, sizeof *p);
	p->w = world_new(seed, 0);
	net_new(p->w);
	p->t = tcp_new(p->w);
	world_handle(p->w, EV_CONN_TIMER, on_timer, NULL);
	link_class_init(&p->up, "up", up);
	link_class_init(&p->down, "down", down);
	end_init(p, &p->left, "left", &p->line.up);
	end_init(p, &p->right, "right", &p->line.down);
	p->kind = (struct line_kind){.cls = {&p->up, &p->down},
		.far = &p->right.node,
		.alone = true,
		.draws = {rng_named(seed, "lr").state, rng_named(seed, "rl").state}};
	line_init(&p->line, &p->kind, &p->left.node, world_elem_add(p->w, "line", 1));
	p->lcfg = p->rcfg = tcp_cfg_linux;
	tcp_init(&p->left.c, &p->lcfg, (struct tcp_addr){0}); /* until they are opened */
	tcp_init(&p->right.c, &p->rcfg, (struct tcp_addr){0});
}

void tcp_pair_trace(struct tcp_pair *p, struct trace *tr)
{
	struct tcp_end *const ends[] = {&p->left, &p->right};

	p->trace = p->w->trace = tr;
	for (unsigned i = 0; i < 2; i++) {
		struct trace_node n = {.name = trace_str(tr, i ? "server" : "client"),
			.role = i ? TRACE_SERVER : TRACE_CLIENT,
			.order = (uint16_t)(i * 100),
			.client = !i};

		ends[i]->node.trace_node = trace_add_node(tr, &n);
	}
	p->kind.far_trace = p->right.node.trace_node;
}

static void trace_conn(struct tcp_pair *p)
{
	struct trace_conn tc = {.client = p->left.node.trace_node,
		.server = p->right.node.trace_node,
		.owner = 1,
		.opened_ns = p->w->now_ns};

	if (p->trace)
		trace_add_conn(p->trace, &tc);
}

void tcp_pair_reopen(struct tcp_pair *p)
{
	tcp_fini(p->t, &p->left.c);
	trace_conn(p);
	born(&p->left);
	tcp_open(p->t, &p->left.c, p->w->now_ns);
	tcp_end_pump(&p->left);
}

void tcp_pair_open(struct tcp_pair *p, uint32_t left_iss, uint32_t right_iss)
{
	trace_conn(p);
	born(&p->left);
	born(&p->right);
	if (left_iss)
		tcp_set_iss(&p->left.c, left_iss);
	if (right_iss)
		tcp_set_iss(&p->right.c, right_iss);
	tcp_listen(p->t, &p->right.c, p->w->now_ns);
	tcp_open(p->t, &p->left.c, p->w->now_ns);
	tcp_end_pump(&p->left);
}

void tcp_pair_run(struct tcp_pair *p, int64_t until_ns)
{
	world_run(p->w, until_ns);
}

void tcp_end_write(struct tcp_end *e, uint32_t from, uint32_t n)
{
	struct blob *b = blob_new_raw(&alloc_libc, n);

	for (uint32_t i = 0; i < n; i++)
		b->data[i] = tcp_pattern(from + i);
	if (!tcp_write(e->pair->t, &e->c, slice_of(b), false, e->pair->w->now_ns))
		blob_unref(b);
	tcp_end_pump(e);
}

bool tcp_end_got(const struct tcp_end *e, uint32_t n)
{
	if (e->got.n != n)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (e->got.p[i] != tcp_pattern(i))
			return false;
	return true;
}

void tcp_pair_fini(struct tcp_pair *p)
{
	net_check(net_of(p->w));
	tcp_fini(p->t, &p->left.c);
	tcp_fini(p->t, &p->right.c);
	buf_fini(&p->left.got);
	buf_fini(&p->right.got);
	xfree(p->seen);
	world_free(p->w);
}
