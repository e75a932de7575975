/* The connection as its owner sees it: opening, writing, closing, outputs, timers. See tcp.h. */
#include "sim/tcp/tcp_int.h"
#include "sim/core/xmalloc.h"

#include <string.h>

const struct tcp_cfg tcp_cfg_linux = {
	.mss = 1460,
	.wscale = 7,
	.timestamps = true,
	.sack = true,
	.nodelay = true,
	.window_scaling = true,
	.rcv_window_bytes = 65535,
	.rcv_window_max_bytes = 3145728,
	.rcv_buffer_bytes = 82000,
	.snd_buffer_bytes = 0,
	.initial_window = 10,
	.syn_retries = 6,
	.synack_retries = 5,
	.rto_initial_ns = NS_PER_S,
	.rto_min_ns = 200 * NS_PER_MS,
	.rto_max_ns = 120 * NS_PER_S,
	.rto_fallback_ns = 3 * NS_PER_S,
	.give_up_ns = 924600 * NS_PER_MS,
	.orphan_give_up_ns = 102200 * NS_PER_MS,
	.delack_ns = 0, /* the adapting 40 .. 200 ms */
	.time_wait_ns = 60 * NS_PER_S,
	.fin_wait_2_ns = 60 * NS_PER_S,
	.keepalive = false,
	.keepalive_idle_ns = 7200 * NS_PER_S,
	.keepalive_interval_ns = 75 * NS_PER_S,
	.keepalive_probes = 9,
	.tail_loss_probe = true,
	.idle_restart = true,
	.cc = &cc_cubic,
};

const char *tcp_state_name(enum tcp_state s)
{
	static const char *const names[] = {"CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED",
		"FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT"};

	return (unsigned)s < sizeof names / sizeof *names ? names[s] : "?";
}

/* ---- the world's part --------------------------------------------------------------------------------------- */

static void tcp_free(struct world *w, void *ctx)
{
	(void)w;
	xfree(ctx);
}

struct tcp *tcp_new(struct world *w)
{
	struct tcp *t = xcalloc(1, sizeof *t);
	struct rng r = rng_named(w->seed, "tcp/secret");

	assert(net_of(w) && !w->ext[WORLD_TCP]);
	t->w = w;
	t->net = net_of(w);
	t->busies = world_pool(w, "tcp under way", sizeof(struct tcp_busy), 0);
	t->sgs = world_pool(w, "tcp send queue", sizeof(struct tcp_sg), 0);
	t->exts = world_pool(w, "tcp recovery", sizeof(struct tcp_ext), 0);
	t->ooos = world_pool(w, "tcp out of order", sizeof(struct tcp_ooo), 0);
	t->rxs = world_pool(w, "tcp receive queue", sizeof(struct tcp_rx), 0);
	t->secret = (uint32_t)rng_u64(&r);
	t->predict = true;
	w->ext[WORLD_TCP] = t;
	world_on_free(w, tcp_free, t);
	return t;
}

/* RFC 9293 3.4.1, RFC 6528: a clock of 4 us plus a keyed hash of the addresses. */
uint32_t tcp_isn(const struct tcp *t, const struct tcp_addr *a, int64_t now)
{
	uint64_t h = rng_mix((uint64_t)a->local << 32 | a->remote);

	h = rng_mix(h ^ (uint64_t)t->secret << 32 ^ (uint64_t)a->lport << 16 ^ a->rport);
	return (uint32_t)h + (uint32_t)(now / 4000);
}

const struct tcp_busy tcp_at_rest = {.rtx_ns = TIME_NEVER, .armed_ns = TIME_NEVER};

void tcp_begin_new(struct tcp *t, struct tcp_conn *c)
{
	c->busy = pool_get(t->busies);
	*c->busy = tcp_at_rest;
}

struct tcp_ext *tcp_ext(struct tcp *t, struct tcp_conn *c)
{
	if (!c->busy->ext) {
		tcp_begin(t, c)->ext = pool_get(t->exts);
		memset(c->busy->ext, 0, sizeof *c->busy->ext);
		c->busy->ext->reo_ns = TIME_NEVER;
		c->busy->ext->fack = c->snd_una;
		c->busy->ext->min_rtt_us = c->srtt_us;
		c->busy->ext->ssthresh = UINT32_MAX;
		for (struct tcp_sg *g = c->busy->tx; g && g != tx_next(c); g = g->next)
			g->order = ++c->busy->ext->tx_order;
	}
	return c->busy->ext;
}

uint64_t tcp_note(struct tcp *t, const struct tcp_conn *c, const struct tcp_note *n)
{
	bool lens = c->flags & TCPF_LENS;
	bool down = !(c->flags & TCPF_SERVER) == n->in;
	struct trace_rec r;
	uint64_t id;

	if (!trace_on(t->w->trace, n->kind, lens))
		return n->cause;
	r = (struct trace_rec){.cause = n->cause,
		.at = t->w->now_ns,
		.a = n->a,
		.b = n->b,
		.slen = n->len,
		.client = c->client,
		.kind = (uint16_t)n->kind,
		.reason = (uint16_t)n->reason,
		.flags = down ? TRACE_DOWN : TRACE_UP};
	if (c->flags & TCPF_TAG) {
		const struct tcp_tag *tag = tcp_tag(c);

		r.conn = tag->trace_conn;
		r.node = tag->node;
		r.peer = tag->peer;
		if (n->len)
			r.soff = n->seq - (n->in ? tag->irs : tag->iss) - 1;
	}
	if (n->text && trace_kept(t->w->trace, n->kind, lens))
		r.text = trace_str(t->w->trace, n->text);
	id = trace_add(t->w->trace, &r, lens);
	return id ? id : n->cause;
}

void tcp_cwnd_note(struct tcp *t, const struct tcp_conn *c)
{
	tcp_note(t, c,
		&(struct tcp_note){.kind = TRACE_TCP_CWND,
			.cause = tcp_cause(c),
			.a = (int64_t)c->cwnd * c->snd_mss,
			.b = tcp_ssthresh(c) == UINT32_MAX ? -1 : (int64_t)tcp_ssthresh(c) * c->snd_mss});
}

/* ---- states -------------------------------------------------------------------------------------------------- */

void tcp_set_state(struct tcp *t, struct tcp_conn *c, enum tcp_state s)
{
	if (c->state == s)
		return;
	c->state = (unsigned)s & 15u;
	if (tcp_noted(t, c, TRACE_TCP_STATE))
		tcp_note(t, c,
			&(struct tcp_note){
				.kind = TRACE_TCP_STATE, .cause = tcp_cause(c), .text = tcp_state_name(s)});
}

static void drop_queues(struct tcp *t, struct tcp_conn *c)
{
	if (c->busy == &tcp_at_rest)
		return;
	while (c->busy->tx) {
		sg_free(t, tx_pop(c->busy));
	}
	c->busy->packets_out = 0;
	if (c->busy->ext) {
		while (c->busy->ext->ooo) {
			struct tcp_ooo *o = c->busy->ext->ooo;

			c->busy->ext->ooo = o->next;
			slicev_free(t->net, &o->data, o->nslices);
			pool_put(t->ooos, o);
		}
		pool_put(t->exts, c->busy->ext);
		c->busy->ext = NULL;
	}
}

void tcp_done(struct tcp *t, struct tcp_conn *c, unsigned event, enum trace_reason reason)
{
	tcp_set_state(t, c, TCP_CLOSED);
	if (tcp_noted(t, c, TRACE_TCP_CLOSED))
		tcp_note(t, c,
			&(struct tcp_note){
				.kind = TRACE_TCP_CLOSED, .cause = tcp_cause(c), .reason = reason});
	drop_queues(t, c);
	if (c->busy != &tcp_at_rest) {
		c->busy->queued = 0;
		c->busy->rtx_ns = TIME_NEVER;
	}
	c->flags |= event;
	c->reason = (uint16_t)reason;
	c->flags &= ~(TCPF_ACK_TIMER | TCPF_ACK_NOW | TCPF_PROBE_DUE | TCPF_KA_DUE | TCPF_TLP_DUE |
		      TCPF_PERSIST | TCPF_TLP);
}

void tcp_start_time_wait(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	tcp_set_state(t, c, TCP_TIME_WAIT);
	c->flags &= ~(TCPF_PERSIST | TCPF_TLP);
	tcp_begin(t, c)->rtx_ns = now + c->cfg->time_wait_ns;
}

void tcp_init(struct tcp_conn *c, const struct tcp_cfg *cfg, struct tcp_addr a)
{
	memset(c, 0, sizeof *c);
	c->cfg = cfg;
	c->addr = a;
	c->cwnd = cfg->initial_window;
	c->busy = (struct tcp_busy *)(uintptr_t)&tcp_at_rest;
	c->snd_mss = 536; /* RFC 9293 3.7.1, until the peer says more */
	c->rcv_mss = 536;
}

void tcp_trace(struct tcp_conn *c, const struct tcp_tag *tag, uint32_t client, bool lens)
{
	assert(client <= TCP_CLIENT_MAX);
	c->client = client & TCP_CLIENT_MAX;
	if (tag) {
		c->flags |= TCPF_TAG;
		*tcp_tag(c) = *tag;
		tcp_tag(c)->iss = c->snd_una;
		tcp_tag(c)->cause = tcp_tag(c)->written = 0;
	}
	if (lens)
		c->flags |= TCPF_LENS;
}

void tcp_trace_for(struct tcp_conn *c, uint32_t trace_conn, uint16_t peer, uint32_t client, bool lens)
{
	assert(client <= TCP_CLIENT_MAX);
	c->client = client & TCP_CLIENT_MAX;
	c->flags = lens ? c->flags | TCPF_LENS : c->flags & ~TCPF_LENS;
	if (c->flags & TCPF_TAG) {
		tcp_tag(c)->trace_conn = trace_conn;
		tcp_tag(c)->peer = peer;
	}
}

void tcp_fini(struct tcp *t, struct tcp_conn *c)
{
	rx_free(t, c);
	drop_queues(t, c);
	if (c->busy != &tcp_at_rest)
		pool_put(t->busies, c->busy);
	c->busy = (struct tcp_busy *)(uintptr_t)&tcp_at_rest;
	c->state = TCP_CLOSED;
	c->flags = 0;
}

void tcp_set_iss(struct tcp_conn *c, uint32_t iss)
{
	assert(c->state == TCP_CLOSED || c->state == TCP_LISTEN);
	c->snd_una = iss; /* nothing is in flight, nothing written */
	if (c->flags & TCPF_TAG)
		tcp_tag(c)->iss = iss;
}

/* Linux tcp_select_initial_window: whole segments of at most 64 KiB. */
void tcp_first_window(struct tcp_conn *c, unsigned mss)
{
	uint32_t w = c->cfg->rcv_window_bytes;

	if (w > mss)
		w = w / mss * mss;
	c->rcv_window = w;
}

void tcp_open(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	struct tcp_sg *g;

	assert(c->state == TCP_CLOSED);
	if (!c->snd_una)
		tcp_set_iss(c, tcp_isn(t, &c->addr, now));
	tcp_because(c, tcp_note(t, c, &(struct tcp_note){.kind = TRACE_TCP_OPEN, .cause = t->w->cause}));
	c->ip_id = (uint16_t)rng_mix(c->snd_una ^ t->secret);
	c->rcvd_ns = c->sent_ns = now;
	tcp_first_window(c, c->cfg->mss);
	tcp_set_state(t, c, TCP_SYN_SENT);
	g = sg_new(t, c, SG_SYN);
	g->cause = tcp_cause(c);
	c->busy->queued = sg_end(g) - c->snd_una;
}

void tcp_listen(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	assert(c->state == TCP_CLOSED);
	if (!c->snd_una)
		tcp_set_iss(c, tcp_isn(t, &c->addr, now));
	c->ip_id = (uint16_t)rng_mix(c->snd_una ^ t->secret);
	c->flags |= TCPF_SERVER;
	c->state = TCP_LISTEN;
}

/* ---- the application ---------------------------------------------------------------------------------------- */

/* Before the application has closed its direction, and until the connection is gone. */
static bool may_write(const struct tcp_conn *c)
{
	const unsigned states =
		1u << TCP_SYN_SENT | 1u << TCP_SYN_RECEIVED | 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE_WAIT;

	return !(c->flags & TCPF_FIN_QUEUED) && (states >> c->state & 1);
}

#define SG_SLICES_MAX 64

static inline void append(struct tcp *t, struct tcp_sg *g, struct slice owned, bool more)
{
	slicev_add(t->net, &g->data, &g->nslices, owned);
	g->len += owned.len;
	g->more = more;
	if (!more)
		g->flags |= SG_PSH;
}

/* Linux forced_push: a long write is pushed each time half the peer's window has been written, in full segments.
 * `before` octets of the write have been queued; returns how many of the rest end at the next push. */
static uint32_t until_push(const struct tcp_conn *c, uint32_t before, uint32_t rest)
{
	uint32_t wnd = c->snd_wnd < 2u * c->snd_mss ? UINT16_MAX : c->snd_wnd, n;

	if (before + rest <= wnd / 2)
		return rest;
	n = before < wnd / 2 ? (wnd / 2 - before) / c->snd_mss * c->snd_mss + c->snd_mss : c->snd_mss;
	return n < rest ? n : rest;
}

/* What of a write finds no place in the last unsent segment, in runs that end with a push. */
static void queue_runs(struct tcp *t, struct tcp_conn *c, struct slice owned, uint32_t before, bool more)
{
	while (owned.len) {
		struct tcp_sg *g = sg_new(t, c, 0);
		struct slice run = owned;

		g->seq = tcp_snd_end(c) - owned.len;
		run.len = until_push(c, before, owned.len);
		if (run.len < owned.len)
			blob_ref(owned.blob);
		append(t, g, run, more && run.len == owned.len);
		owned.off += run.len;
		owned.len -= run.len;
		before = 0;
	}
}

/* Fills up the last segment, if it has not gone yet: small writes that had to wait share one, as in Linux, and it is pushed only if
 * this one ends in it. What finds no place there follows in others. */
static APART void queue_behind(struct tcp *t, struct tcp_conn *c, struct slice owned, bool more)
{
	struct tcp_sg *g = c->busy->tx && c->busy->tx->unsent ? c->busy->tx->tail : NULL;
	uint32_t before = 0;

	if (g && !(g->flags & (SG_SENT | SG_SYN | SG_FIN)) && g->len % c->snd_mss &&
		g->nslices < SG_SLICES_MAX) {
		struct slice part = owned;
		uint32_t room = c->snd_mss - g->len % c->snd_mss;

		if (part.len > room) {
			part.len = room;
			blob_ref(part.blob);
		}
		g->flags &= (uint8_t)~SG_PSH;
		append(t, g, part, more || part.len < owned.len);
		owned.off += part.len;
		owned.len -= part.len;
		before = part.len;
	}
	queue_runs(t, c, owned, before, more);
}

inline bool tcp_write(struct tcp *t, struct tcp_conn *c, struct slice owned, bool more, int64_t now)
{
	struct tcp_busy *b;

	(void)now;
	if (rare(!may_write(c)))
		return false;
	if (rare(!owned.len)) {
		if (owned.blob)
			blob_unref(owned.blob);
		return true;
	}
	b = tcp_begin(t, c);
	if (rare(c->flags & TCPF_TAG))
		tcp_tag(c)->written += owned.len;
	if (often(!(b->tx && b->tx->unsent) && until_push(c, 0, owned.len) == owned.len)) {
		append(t, sg_new(t, c, 0), owned, more); /* nothing waits, and it is one run */
		b->queued += owned.len;
	} else {
		b->queued += owned.len;
		queue_behind(t, c, owned, more);
	}
	if (rare(c->cfg->snd_buffer_bytes) && b->queued >= c->cfg->snd_buffer_bytes)
		c->flags |= TCPF_FULL;
	return true;
}

uint32_t tcp_writable(const struct tcp_conn *c)
{
	uint32_t max = c->cfg->snd_buffer_bytes ? c->cfg->snd_buffer_bytes : UINT32_MAX,
		 have = tcp_unacked(c);

	return may_write(c) && have < max ? max - have : 0;
}

static void queue_fin(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_sg *g = tx_tail(c);

	c->flags |= TCPF_FIN_QUEUED;
	if (g && tx_next(c) && !(g->flags & (SG_SENT | SG_SYN)))
		g->flags |= SG_FIN; /* rides on the last data that has not gone yet */
	else
		g = sg_new(t, c, SG_FIN);
	g->more = 0;
	c->busy->queued++;
}

void tcp_shutdown(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	if (t->w->cause)
		tcp_because(c, t->w->cause);
	if (c->flags & TCPF_FIN_QUEUED)
		return;
	switch ((enum tcp_state)c->state) {
	case TCP_LISTEN:
	case TCP_SYN_SENT:
		tcp_done(t, c, EVT_CLOSED, REASON_NONE);
		break;
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		queue_fin(t, c);
		tcp_set_state(t, c, TCP_FIN_WAIT_1);
		break;
	case TCP_CLOSE_WAIT:
		queue_fin(t, c);
		tcp_set_state(t, c, TCP_LAST_ACK);
		break;
	default:
		break;
	}
	(void)now;
}

void tcp_close(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	if (c->flags & TCPF_DETACHED)
		return;
	if (rx_bytes(c)) { /* unread data would be lost without a word: say so (RFC 1122 4.2.2.13) */
		tcp_abort(t, c, now);
		return;
	}
	c->flags |= TCPF_DETACHED;
	tcp_shutdown(t, c, now);
	if (c->state == TCP_FIN_WAIT_2)
		tcp_begin(t, c)->rtx_ns = now + c->cfg->fin_wait_2_ns;
}

void tcp_abort(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	bool known = c->state >= TCP_SYN_RECEIVED && c->state != TCP_TIME_WAIT;

	(void)now;
	if (t->w->cause)
		tcp_because(c, t->w->cause);
	rx_free(t, c);
	c->flags &= ~TCPF_EVENTS;
	if (c->state == TCP_CLOSED)
		return;
	tcp_done(t, c, EVT_CLOSED, REASON_NONE);
	if (known)
		c->flags |= TCPF_RST_DUE;
}

void tcp_pause(struct tcp *t, struct tcp_conn *c, bool paused, int64_t now)
{
	(void)now;
	if (paused) {
		c->flags |= TCPF_PAUSED;
		return;
	}
	if (!(c->flags & TCPF_PAUSED))
		return;
	c->flags &= ~TCPF_PAUSED;
	if (t->w->cause)
		tcp_because(c, t->w->cause);
}

/* ---- outputs ------------------------------------------------------------------------------------------------- */

static bool take_event(struct tcp_conn *c, unsigned bit, struct tcp_out *out, enum tcp_out_kind kind)
{
	if (!(c->flags & bit))
		return false;
	c->flags &= ~bit;
	out->kind = kind;
	out->reason = c->state == TCP_CLOSED ? (enum trace_reason)c->reason : REASON_NONE;
	return true;
}

bool tcp_unsent(const struct tcp_conn *c)
{
	return tx_next(c);
}

void tcp_next(struct tcp *t, struct tcp_conn *c, int64_t now, struct tcp_out *out)
{
	if (tcp_wants_out(c)) {
		out->pkt = tcp_segment(t, c, now);
		if (out->pkt) {
			out->kind = TCP_OUT_SEGMENT;
			return;
		}
	}
	tcp_take(t, c, now, out);
}

void tcp_take(struct tcp *t, struct tcp_conn *c, int64_t now, struct tcp_out *out)
{
	out->kind = TCP_OUT_IDLE;
	out->reason = REASON_NONE;
	out->cause = tcp_cause(c);
	if (take_event(c, EVT_ESTABLISHED, out, TCP_OUT_ESTABLISHED))
		return;
	if (c->busy->rx && rx_take(t, c, out)) {
		if (!c->busy->rx)
			rx_read(t, c, now);
		return;
	}
	if (!(c->flags & TCPF_EVENTS))
		return;
	if (!c->busy->rx && take_event(c, EVT_EOF, out, TCP_OUT_EOF))
		return;
	if (take_event(c, EVT_RESET, out, TCP_OUT_RESET) ||
		take_event(c, EVT_TIMEOUT, out, TCP_OUT_TIMEOUT) ||
		take_event(c, EVT_CLOSED, out, TCP_OUT_CLOSED))
		return;
	take_event(c, EVT_WRITABLE, out, TCP_OUT_WRITABLE);
}

/* ---- time ----------------------------------------------------------------------------------------------------- */

/* RFC 9293 3.8.4: an idle connection asks whether the peer is still there. */
static int64_t keepalive_due(const struct tcp_conn *c)
{
	if (!c->cfg->keepalive || c->busy->packets_out || tx_next(c) ||
		(c->state != TCP_ESTABLISHED && c->state != TCP_CLOSE_WAIT && c->state != TCP_FIN_WAIT_2))
		return TIME_NEVER;
	return c->rcvd_ns + c->cfg->keepalive_idle_ns + c->busy->probes * c->cfg->keepalive_interval_ns;
}

int64_t tcp_deadline_rare(const struct tcp_conn *c)
{
	int64_t at = c->busy->rtx_ns;

	if ((c->flags & TCPF_ACK_TIMER) && tcp_delack_ns(c) < at)
		at = tcp_delack_ns(c);
	if (c->busy->ext && c->busy->ext->reo_ns < at)
		at = c->busy->ext->reo_ns;
	if (c->cfg->keepalive) {
		int64_t ka = keepalive_due(c);

		at = ka < at ? ka : at;
	}
	return at;
}

static void on_keepalive(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	if (c->busy->probes >= c->cfg->keepalive_probes) {
		tcp_because(c, tcp_note(t, c,
				       &(struct tcp_note){.kind = TRACE_TCP_GIVE_UP,
					       .reason = REASON_TCP_KEEPALIVE_DEAD,
					       .cause = tcp_cause(c),
					       .a = now - c->rcvd_ns}));
		tcp_done(t, c, EVT_TIMEOUT, REASON_TCP_KEEPALIVE_DEAD);
		c->flags |= TCPF_RST_DUE;
		return;
	}
	tcp_begin(t, c)->probes++;
	c->flags |= TCPF_KA_DUE;
}

void tcp_timer(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	if (c->busy->rtx_ns <= now) {
		if (c->state == TCP_TIME_WAIT || c->state == TCP_FIN_WAIT_2)
			tcp_done(t, c, EVT_CLOSED, REASON_NONE);
		else
			rtx_timer(t, c, now);
	}
	if ((c->flags & TCPF_ACK_TIMER) && tcp_delack_ns(c) <= now)
		ack_timer(c);
	if (c->busy->ext && c->busy->ext->reo_ns <= now)
		rack_timer(t, c, now);
	if (c->cfg->keepalive && keepalive_due(c) <= now)
		on_keepalive(t, c, now);
}
