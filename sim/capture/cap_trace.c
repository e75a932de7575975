/*
 * A capture told as records: packets, what TCP did, and every unit the decoders found.
 *
 *	unit SEND (inferred) ─▶ PKT_SEND ─▶ PKT_RECV (inferred) ─▶ unit RECV
 *
 * There is one capture point. A packet is seen once, so its sending and its arrival stand at the same time and the
 * arrival is marked inferred; so is the moment a unit was written, which is that of the packet holding its first octet. Records
 * are in order of time. Lanes: a client for each address, a server for each address and port.
 *
 * Beyond CAP_LANES_MAX addresses, further ones share a lane called "others".
 */
#include <stdlib.h>
#include <string.h>

#include "sim/capture/cap.h"
#include "sim/capture/cap_stream.h"
#include "sim/core/xmalloc.h"

struct unit {
	struct cap_at at;
	uint32_t order; /* of adding: keeps the sort stable */
	uint32_t link;  /* unit that caused this one, CAP_NONE: the packet */
	bool before;    /* a SEND: stands before its packet */
	uint8_t to;     /* who receives: 0 client, 1 server */
	uint16_t kind, reason;
	uint32_t conn, text, flags;
	uint64_t soff, slen, off;
	uint32_t len;
	int64_t a, b;
};

struct lanes {
	uint16_t *node; /* of connection i: client 2i, server 2i + 1 */
	uint32_t *conn; /* trace_conn of connection i */
	uint32_t *owner;
};

struct teller {
	struct capture *c;
	struct trace *tr;
	struct lanes l;
	struct unit *u;
	uint32_t nunits, cap;
	uint64_t *id; /* record of unit with order i */
	struct cap_stream s[2];
	uint32_t stream_conn; /* whose streams these are */
};

/* A text of the trace; however it was cut, it is well-formed UTF-8. */
#define say(t, ...) trace_str((t)->tr, cap_strf((t)->c, __VA_ARGS__))

/* ---- lanes ---- */

struct lane_slot {
	uint32_t text;
	uint16_t node;
};

static uint16_t lane(struct teller *t, struct lane_slot *slot, uint32_t slots, const char *name,
	const char *addr, enum trace_role role, uint32_t *clients)
{
	uint32_t text = trace_str(t->tr, name), s = text * 2654435761u & (slots - 1);
	for (; slot[s].node; s = (s + 1) & (slots - 1))
		if (slot[s].text == text)
			return slot[s].node;
	struct trace_node n = {.name = text, .addr = trace_str(t->tr, addr), .role = role};
	if (t->tr->nnode > CAP_LANES_MAX) {
		n.name = trace_str(t->tr, "others");
		n.addr = 0;
		n.role = TRACE_OTHER;
	}
	n.order = (uint16_t)(role == TRACE_CLIENT ? t->tr->nnode : 0x8000u + t->tr->nnode);
	if (role == TRACE_CLIENT)
		n.client = ++*clients;
	slot[s].text = text;
	slot[s].node =
		t->tr->nnode > CAP_LANES_MAX + 1 ? (uint16_t)(CAP_LANES_MAX + 1) : trace_add_node(t->tr, &n);
	return slot[s].node;
}

static uint32_t technique_of(struct teller *t, uint32_t conn)
{
	/* The most telling one: a connection that carried a page first and a stream later is the stream's. */
	const char *best = "";
	for (uint32_t i = 0; i < t->c->nconv; i++) {
		const struct cap_conv *v = &t->c->conv[i];
		for (uint32_t k = 0; k < v->nstreams; k++)
			if (v->stream[k] == conn && (!*best || !strcmp(best, "plain")))
				best = v->technique;
	}
	return trace_str(t->tr, best);
}

#define TECHNIQUE_CONNS_MAX 20000u /* labels are looked for in captures of at most this many connections */

static void make_lanes(struct teller *t)
{
	struct capture *c = t->c;
	uint32_t slots = 1024, clients = 0;
	while (slots < 4 * c->nconns && slots < 1u << 24)
		slots *= 2;
	struct lane_slot *slot = xcalloc(slots, sizeof *slot);
	t->l.node = xcalloc(2 * (size_t)c->nconns + 2, sizeof *t->l.node);
	t->l.conn = xcalloc(c->nconns + 1u, sizeof *t->l.conn);
	t->l.owner = xcalloc(c->nconns + 1u, sizeof *t->l.owner);
	for (uint32_t i = 0; i < c->nconns; i++) {
		const struct cap_flow *f = c->conn[i].flow;
		const char *host = cap_host(c, &f[0].addr), *server = cap_endpoint(c, &f[1].addr, f[1].port);
		uint16_t a = lane(t, slot, slots, host, host, TRACE_CLIENT, &clients);
		uint16_t b = lane(t, slot, slots, server, server, TRACE_SERVER, &clients);
		t->l.node[2 * i] = a;
		t->l.node[2 * i + 1] = b;
		t->l.owner[i] = t->tr->node[a].client;
		struct trace_conn tc = {.client = a, .server = b, .owner = t->l.owner[i]};
		tc.client_addr = trace_str(t->tr, cap_endpoint(c, &f[0].addr, f[0].port));
		tc.server_addr = trace_str(t->tr, server);
		tc.opened_ns = c->pkt[c->conn[i].first_pkt].at;
		if (c->nconns <= TECHNIQUE_CONNS_MAX)
			tc.technique = technique_of(t, i);
		t->l.conn[i] = trace_add_conn(t->tr, &tc);
	}
	xfree(slot);
}

/* ---- units ---- */

static void streams_of(struct teller *t, uint32_t conn)
{
	if (t->stream_conn == conn)
		return;
	cap_stream_fini(&t->s[0]);
	cap_stream_fini(&t->s[1]);
	t->stream_conn = conn;
	cap_stream_build(t->c, conn, 0, &t->s[0]);
	cap_stream_build(t->c, conn, 1, &t->s[1]);
}

/* One unit from `from` (0 client, 1 server): its writing and its arrival. Returns the order of the arrival. */
static uint32_t unit(struct teller *t, uint32_t conn, unsigned from, enum trace_kind send,
	enum trace_kind recv, struct cap_at at, struct cap_range r, uint32_t text, int64_t a, uint32_t link)
{
	struct unit x = {.conn = conn, .text = text, .a = a};
	streams_of(t, conn);
	struct cap_stream *s = &t->s[from];
	if (r.off > s->n)
		r = (struct cap_range){s->n, 0};
	if (r.len > s->n - r.off)
		r.len = s->n - r.off;
	x.soff = r.off;
	x.slen = r.len;
	x.flags = from ? TRACE_DOWN : TRACE_UP;
	if (r.len && r.len <= UINT32_MAX) {
		x.off = trace_payload(t->tr, (struct bytes){s->p + r.off, (size_t)r.len});
		x.len = x.off == UINT64_MAX ? 0 : (uint32_t)r.len;
	}
	x.to = (uint8_t)!from;
	if (send != recv) {
		struct unit w = x;
		w.at = r.len ? cap_stream_at(s, r.off) : at;
		w.kind = (uint16_t)send;
		w.flags |= TRACE_INFERRED;
		w.to = (uint8_t)from;
		w.before = true;
		w.link = link;
		w.order = t->nunits;
		*CAP_PUSH(t->u, t->nunits, t->cap) = w;
	}
	x.at = at;
	x.kind = (uint16_t)recv;
	x.link = CAP_NONE;
	x.order = t->nunits;
	*CAP_PUSH(t->u, t->nunits, t->cap) = x;
	return t->nunits - 1;
}

static const struct cap_range no_range;

static uint32_t shown(struct teller *t, const char *s, uint64_t bytes)
{
	return say(t, "%.80s%s (%llu bytes)", s ? s : "", s && strlen(s) > 80 ? "..." : "",
		(unsigned long long)bytes);
}

static void tell_sse(struct teller *t, const struct cap_sse *s, uint32_t link)
{
	for (uint32_t i = 0; i < s->nitems; i++) {
		const struct cap_sse_item *it = &s->item[i];
		uint32_t text = 0;
		enum trace_kind send = TRACE_SSE_EVENT_SEND, recv = TRACE_SSE_EVENT_RECV;
		if (it->kind == CAP_SSE_COMMENT) {
			send = TRACE_SSE_COMMENT_SEND;
			recv = TRACE_SSE_COMMENT_RECV;
			text = trace_str(t->tr, it->data);
		} else if (it->kind == CAP_SSE_RETRY) {
			text = say(t, "retry: %llu", (unsigned long long)it->retry_ms);
		} else {
			text = trace_strf(
				t->tr, "%s%s%s %.80s", it->event, *it->id ? " #" : "", it->id, it->data);
		}
		if (it->at.pkt != CAP_NONE)
			unit(t, s->conn, 1, send, recv, it->at, it->range, text, 0, link);
	}
}

static void tell_ws(struct teller *t, const struct cap_ws *w, uint32_t link)
{
	static const char *const names[16] = {
		"continuation", "text", "binary", [8] = "close", [9] = "ping", [10] = "pong"};
	const struct cap_http *h = &t->c->http[w->http];
	unit(t, w->conn, 1, TRACE_WS_OPEN, TRACE_WS_OPEN, h->head, no_range, 0, 0, link);
	for (uint32_t i = 0, m = 0; i < w->nframes; i++) {
		const struct cap_ws_frame *f = &w->frame[i];
		const char *name = f->op < 16 && names[f->op] ? names[f->op] : "reserved", *say = f->text;
		while (m < w->nmsgs && (w->msg[m].at.t < f->at.t))
			m++;
		if (m < w->nmsgs && w->msg[m].from == f->from && f->op <= 2 && f->fin &&
			w->msg[m].off + w->msg[m].len == f->off + f->hdr_len + f->pay_len)
			say = w->msg[m++].text;
		uint32_t text =
			f->op == 8 && f->has_code
				? say(t, "close %u %s", f->code, f->text ? f->text : "")
				: say(t, "%s%s%.80s (%llu bytes%s%s)", name, say ? " " : "", say ? say : "",
					  (unsigned long long)f->pay_len, f->rsv & 4 ? ", compressed" : "",
					  f->fin ? "" : ", to be continued");
		unit(t, w->conn, f->from, TRACE_WS_FRAME_SEND, TRACE_WS_FRAME_RECV, f->at,
			(struct cap_range){f->off, f->hdr_len + f->pay_len}, text, f->op, CAP_NONE);
	}
	for (unsigned d = 0; d < 2; d++)
		if (w->error[d])
			unit(t, w->conn, d, TRACE_WS_ERROR, TRACE_WS_ERROR,
				w->nframes ? w->frame[w->nframes - 1].at : h->head, no_range,
				trace_str(t->tr, w->error[d]), 0, CAP_NONE);
}

static void tell_http(struct teller *t, const struct cap_http *h)
{
	uint32_t text = say(t, "%s %.120s", h->method, h->target);
	uint32_t req = unit(t, h->conn, 0, TRACE_HTTP_REQUEST_SEND, TRACE_HTTP_REQUEST_RECV, h->req_end,
		h->req_range, text, 0, CAP_NONE);
	if (!h->has_response)
		return;
	struct cap_range r = h->range;
	struct cap_at at = h->end;
	bool streams = h->sse != CAP_NONE || h->ws != CAP_NONE;
	if (streams) { /* what follows the head are units of their own */
		r.len = h->header_bytes;
		at = h->head;
	}
	text = shown(t, "", h->body);
	text = say(t, "%u %.60s%s%.60s%s", h->status, h->reason, h->content_type ? ", " : "",
		h->content_type ? h->content_type : "", streams ? "" : trace_text(t->tr, text));
	unit(t, h->conn, 1, TRACE_HTTP_RESPONSE_SEND, TRACE_HTTP_RESPONSE_RECV, at, r, text, h->status, req);
	if (h->sse != CAP_NONE)
		tell_sse(t, &t->c->sse[h->sse], req);
	if (h->ws != CAP_NONE)
		tell_ws(t, &t->c->ws[h->ws], req);
}

static void tell_h2(struct teller *t, const struct cap_h2_req *q)
{
	uint32_t req = unit(t, q->x.conn, 0, TRACE_HTTP_REQUEST_SEND, TRACE_HTTP_REQUEST_RECV, q->x.req,
		q->x.req_range,
		say(t, "%s %.120s (HTTP/2 stream %u)", q->x.method, q->x.target, q->stream_id), 0, CAP_NONE);
	if (!q->x.has_response)
		return;
	uint32_t text = say(t, "%u%s%.60s (HTTP/2 stream %u)", q->x.status, q->x.content_type ? ", " : "",
		q->x.content_type ? q->x.content_type : "", q->stream_id);
	unit(t, q->x.conn, 1, TRACE_HTTP_RESPONSE_SEND, TRACE_HTTP_RESPONSE_RECV, q->x.head, q->x.range, text,
		q->x.status, req);
	if (q->x.sse != CAP_NONE)
		tell_sse(t, &t->c->sse[q->x.sse], req);
}

static void tell_errors(struct teller *t)
{
	for (uint32_t i = 0; i < t->c->nconns; i++) {
		const struct cap_conn *cn = &t->c->conn[i];
		if (!cn->error || cn->error_pkt == CAP_NONE)
			continue;
		unsigned from = t->c->pkt[cn->error_pkt].dir;
		unit(t, i, from, TRACE_HTTP_ERROR, TRACE_HTTP_ERROR,
			(struct cap_at){t->c->pkt[cn->error_pkt].at, cn->error_pkt}, no_range,
			trace_str(t->tr, cn->error), 0, CAP_NONE);
	}
}

static int unit_cmp(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;
	if (x->at.t != y->at.t)
		return x->at.t < y->at.t ? -1 : 1;
	if (x->at.pkt != y->at.pkt)
		return x->at.pkt < y->at.pkt ? -1 : 1;
	if (x->before != y->before)
		return x->before ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* ---- packets ---- */

static uint32_t packet_text(struct teller *t, const struct cap_pkt *p)
{
	static const char *const kinds[CAP_KINDS] = {"TCP", "UDP", "ICMP", "ARP", "frame"};
	static const struct {
		unsigned bit;
		const char *name;
	} flags[] = {{TCP_SYN, "SYN "}, {TCP_FIN, "FIN "}, {TCP_RST, "RST "}, {TCP_PSH, "PSH "},
		{TCP_ACK, "ACK "}};
	char s[64] = "";
	if (p->conn == CAP_NONE)
		return say(t, "%s, %u bytes", kinds[p->kind], p->wirelen);
	for (unsigned i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (p->tcp_flags & flags[i].bit)
			strcat(s, flags[i].name);
	size_t n = strlen(s);
	if (n)
		s[n - 1] = 0;
	const char *why = "";
	for (unsigned a = 0; a < CAP_ANS; a++)
		if (p->analysis >> a & 1 && a != CAP_AN_WINDOW_UPDATE)
			why = cap_analysis_name((enum cap_analysis)a);
	return say(t, "%s%s%.0u%s%s%s", s, p->len ? ", " : "", 0u,
		p->len ? trace_text(t->tr, say(t, "%u bytes", p->len)) : "", *why ? ", " : "", why);
}

static uint64_t add(struct teller *t, const struct cap_pkt *p, uint32_t idx, enum trace_kind k,
	unsigned at_server, uint64_t cause, uint32_t flags, int64_t a, int64_t b)
{
	const uint16_t *n = &t->l.node[2 * (size_t)p->conn];
	struct trace_rec r = {
		.at = p->at, .cause = cause, .pkt = idx + 1ull, .kind = (uint16_t)k, .a = a, .b = b};
	r.node = n[at_server];
	r.peer = n[!at_server];
	r.conn = t->l.conn[p->conn];
	r.client = t->l.owner[p->conn];
	r.flags = flags | (p->dir ? TRACE_DOWN : TRACE_UP);
	r.slen = p->len;
	int64_t soff = p->soff - t->c->conn[p->conn].flow[p->dir].base;
	r.soff = soff > 0 ? (uint64_t)soff : 0;
	return trace_add(t->tr, &r, true);
}

/* What TCP did with this packet, caused by it. */
static void tell_tcp(struct teller *t, const struct cap_pkt *p, uint32_t i, uint64_t send)
{
	const struct cap_conn *cn = &t->c->conn[p->conn];
	unsigned me = p->dir;
	unsigned sa = p->tcp_flags & (TCP_SYN | TCP_ACK);
	if (sa == TCP_SYN && !(p->analysis & 1u << CAP_AN_RETRANSMISSION))
		add(t, p, i, TRACE_TCP_OPEN, me, send, 0, 0, 0);
	if (i == cn->handshake_ack)
		add(t, p, i, TRACE_TCP_ESTABLISHED, me, send, TRACE_INFERRED, cn->first_rtt, 0);
	if (p->analysis & 1u << CAP_AN_FAST_RETRANSMISSION)
		add(t, p, i, TRACE_TCP_FAST_RETRANSMIT, me, send, TRACE_AGAIN | TRACE_INFERRED, 3, 0);
	else if (p->analysis & 1u << CAP_AN_RETRANSMISSION)
		add(t, p, i, TRACE_TCP_RETRANSMIT, me, send, TRACE_AGAIN, 0, 0);
	if (p->analysis & 1u << CAP_AN_OUT_OF_ORDER)
		add(t, p, i, TRACE_TCP_OUT_OF_ORDER, !me, send, TRACE_INFERRED, 0, 0);
	if (p->analysis & 1u << CAP_AN_ZERO_WINDOW)
		add(t, p, i, TRACE_TCP_ZERO_WINDOW, me, send, 0, 0, 0);
	if (p->analysis & 1u << CAP_AN_ZERO_WINDOW_PROBE)
		add(t, p, i, TRACE_TCP_WINDOW_PROBE, me, send, 0, 0, 0);
	if (p->analysis & 1u << CAP_AN_KEEP_ALIVE)
		add(t, p, i, TRACE_TCP_KEEPALIVE, me, send, 0, 1, 0);
	if (p->tcp_flags & TCP_FIN)
		add(t, p, i, TRACE_TCP_FIN, me, send, 0, 0, 0);
	if (p->tcp_flags & TCP_RST) {
		uint64_t rst = add(t, p, i, TRACE_TCP_RST_SEND, me, send, 0, 0, 0);
		add(t, p, i, TRACE_TCP_RST_RECV, !me, rst, TRACE_INFERRED, 0, 0);
	}
}

/* Sending and arrival of packet i. Returns the record units delivered by it are caused by. */
static uint64_t tell_packet(struct teller *t, uint32_t i, uint64_t cause)
{
	const struct cap_pkt *p = &t->c->pkt[i];
	struct trace_rec r = {.at = p->at, .cause = cause, .pkt = i + 1ull, .kind = TRACE_PKT_SEND};
	r.text = packet_text(t, p);
	r.b = p->at > 0 ? p->at : 1;
	if (p->conn != CAP_NONE) {
		const uint16_t *n = &t->l.node[2 * (size_t)p->conn];
		r.node = n[p->dir];
		r.peer = n[!p->dir];
		r.conn = t->l.conn[p->conn];
		r.client = t->l.owner[p->conn];
		r.flags = p->dir ? TRACE_DOWN : TRACE_UP;
		int64_t soff = p->soff - t->c->conn[p->conn].flow[p->dir].base;
		r.soff = soff > 0 ? (uint64_t)soff : 0;
		r.slen = p->len;
		if (p->analysis & 1u << CAP_AN_RETRANSMISSION)
			r.flags |= TRACE_AGAIN;
	}
	r.off = trace_payload(t->tr, (struct bytes){t->c->store + p->off, p->caplen});
	r.len = r.off == UINT64_MAX ? 0 : p->caplen;
	uint64_t send = trace_add(t->tr, &r, true);
	if (p->conn == CAP_NONE)
		return send;
	r.kind = TRACE_PKT_RECV;
	r.cause = send;
	r.flags |= TRACE_INFERRED;
	r.node = t->l.node[2 * (size_t)p->conn + p->dir];
	uint64_t recv = trace_add(t->tr, &r, true);
	tell_tcp(t, p, i, send);
	return recv;
}

static uint64_t tell_unit(struct teller *t, const struct unit *u, uint64_t packet)
{
	const uint16_t *n = &t->l.node[2 * (size_t)u->conn];
	struct trace_rec r = {.at = u->at.t, .kind = u->kind, .reason = u->reason, .a = u->a, .b = u->b};
	r.pkt = u->at.pkt + 1ull;
	r.cause = u->link != CAP_NONE ? t->id[u->link] : u->before ? 0 : packet;
	r.node = n[u->to];
	r.peer = n[!u->to];
	r.conn = t->l.conn[u->conn];
	r.client = t->l.owner[u->conn];
	r.soff = u->soff;
	r.slen = u->slen > UINT32_MAX ? UINT32_MAX : (uint32_t)u->slen;
	r.off = u->off;
	r.len = u->len;
	r.text = u->text;
	r.flags = u->flags;
	return t->id[u->order] = trace_add(t->tr, &r, true);
}

static int key_cmp(const void *a, const void *b)
{
	const struct cap_at *x = a, *y = b;
	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return x->pkt < y->pkt ? -1 : x->pkt > y->pkt;
}

static void tell_all(struct teller *t)
{
	struct capture *c = t->c;
	struct cap_at *order = xmalloc((c->npkts + 1u) * sizeof *order);
	for (uint32_t i = 0; i < c->npkts; i++)
		order[i] = (struct cap_at){c->pkt[i].at, i};
	if (!c->monotonic)
		qsort(order, c->npkts, sizeof *order, key_cmp);
	t->id = xcalloc(t->nunits + 1u, sizeof *t->id);
	if (t->nunits)
		qsort(t->u, t->nunits, sizeof *t->u, unit_cmp);
	uint32_t k = 0;
	for (uint32_t i = 0; i < c->npkts; i++) {
		uint64_t cause = 0;
		for (; k < t->nunits && t->u[k].at.pkt == order[i].pkt && t->u[k].before; k++) {
			uint64_t id = tell_unit(t, &t->u[k], 0);
			cause = cause ? cause : id;
		}
		uint64_t packet = tell_packet(t, order[i].pkt, cause);
		for (; k < t->nunits && t->u[k].at.pkt == order[i].pkt; k++)
			tell_unit(t, &t->u[k], packet);
	}
	xfree(order);
	xfree(t->id);
}

void capture_to_trace(struct capture *c, struct trace *tr)
{
	struct teller t = {.c = c, .tr = tr, .stream_conn = CAP_NONE};
	make_lanes(&t);
	for (uint32_t i = 0; i < c->nhttp; i++)
		tell_http(&t, &c->http[i]);
	for (uint32_t i = 0; i < c->nh2_reqs; i++)
		tell_h2(&t, &c->h2_req[i]);
	for (uint32_t i = 0; i < c->nunits; i++) {
		const struct cap_unit *u = &c->unit[i];
		unit(&t, u->conn, u->dir, TRACE_UNIT_SEND, TRACE_UNIT_RECV, u->at,
			(struct cap_range){u->off, u->len}, trace_str(tr, u->text), 0, CAP_NONE);
	}
	tell_errors(&t);
	cap_stream_fini(&t.s[0]);
	cap_stream_fini(&t.s[1]);
	tell_all(&t);
	tr->end_ns = tr->duration_ns = c->end_ns;
	xfree(t.u);
	xfree(t.l.node);
	xfree(t.l.conn);
	xfree(t.l.owner);
}
