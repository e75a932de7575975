/*
 * rec: the records hosts write: units sent and received, what applications note.
 *
 * A unit is recorded where it is written into a connection and again where the other end's decoder has it whole. The
 * octets are kept once: the receiver's record points to what the sender's stored, found by its place in the stream.
 * (TCP carried exactly these octets there; a unit whose range differs is recorded without them.)
 */
#include "sim/host/host.h"

#include <stdio.h>
#include <string.h>

struct trace_rec rec_make(const struct sim *s, enum trace_kind kind, uint64_t cause)
{
	return (struct trace_rec){.kind = (uint16_t)kind, .cause = cause, .at = s->w->now_ns};
}

uint64_t rec_put(struct sim *s, const struct trace_rec *r, bool lens)
{
	if (!trace_on(s->tr, (enum trace_kind)r->kind, lens))
		return r->cause;
	uint64_t id = trace_add(s->tr, r, lens);
	return id ? id : r->cause;
}

/* ---- units on traced connections ------------------------------------------------------------------------------ */

static struct unit_queue *queue_of(struct sim *s, uint32_t conn, bool up)
{
	uint32_t i = conn * 2 + up;
	if (i >= s->nunit) {
		uint32_t n = s->nunit ? s->nunit : 64;
		while (n <= i)
			n *= 2;
		s->unit = xrealloc(s->unit, n * sizeof *s->unit);
		memset(s->unit + s->nunit, 0, (n - s->nunit) * sizeof *s->unit);
		s->nunit = n;
	}
	return &s->unit[i];
}

static void queue_add(struct unit_queue *q, uint64_t rec)
{
	if (q->head > 32 && q->head * 2 > q->n) {
		memmove(q->rec, q->rec + q->head, (q->n - q->head) * sizeof *q->rec);
		q->n -= q->head;
		q->head = 0;
	}
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 8;
		q->rec = xrealloc(q->rec, q->cap * sizeof *q->rec);
	}
	q->rec[q->n++] = rec;
}

void rec_fini(struct sim *s)
{
	for (uint32_t i = 0; i < s->nunit; i++)
		xfree(s->unit[i].rec);
	xfree(s->unit);
}

static bool sends_up(const struct sock *k)
{
	return !(k->tcp.flags & TCPF_SERVER);
}

uint64_t rec_unit_sent(struct sim *s, const struct sock *k, enum trace_kind kind, enum tech_unit unit,
	struct bytes octets, uint64_t off, uint64_t len, uint32_t msg, int64_t a, int64_t b, uint64_t cause)
{
	bool lens = k->tcp.flags & TCPF_LENS, up = sends_up(k);
	if (!rec_unit_kept(s, k, kind, msg, a, b))
		return cause;
	struct trace_rec r = rec_make(s, kind, cause);
	r.node = k->host->trace_node;
	r.peer = sock_tag(k).peer;
	r.conn = sock_tag(k).trace_conn;
	r.client = k->tcp.client;
	r.msg = msg;
	r.a = a;
	r.b = b;
	r.reason = (uint16_t)s->unit_reason;
	r.soff = off;
	r.slen = (uint32_t)len;
	r.flags = up ? TRACE_UP : TRACE_DOWN;
	char text[160];
	r.text = trace_str(s->tr, tech_unit_text(unit, octets, text, sizeof text));
	r.off = trace_payload(s->tr, octets);
	r.len = r.off == UINT64_MAX ? 0 : (uint32_t)octets.n;
	if (r.off == UINT64_MAX)
		r.off = 0;
	uint64_t id = trace_add(s->tr, &r, lens);
	if (id && r.conn)
		queue_add(queue_of(s, r.conn, up), id);
	return id ? id : cause;
}

/* The sender's record of what begins at `off`; units that were passed over are forgotten. */
static const struct trace_rec *sender_of(struct sim *s, uint32_t conn, bool up, uint64_t off)
{
	if (!conn)
		return NULL;
	struct unit_queue *q = queue_of(s, conn, up);
	while (q->head < q->n) {
		const struct trace_rec *r = trace_get(s->tr, q->rec[q->head]);
		if (!r || r->soff > off)
			return NULL;
		q->head++;
		if (r->soff == off)
			return r;
	}
	return NULL;
}

uint64_t rec_unit_recv(struct sim *s, const struct sock *k, enum trace_kind kind, uint64_t off, uint64_t len,
	uint64_t cause, uint32_t *msg)
{
	bool lens = k->tcp.flags & TCPF_LENS, up = !sends_up(k);
	*msg = 0;
	if (!rec_unit_kept(s, k, kind, 0, 0, 0))
		return cause;
	struct trace_rec r = rec_make(s, kind, cause);
	r.node = k->host->trace_node;
	r.peer = sock_tag(k).peer;
	r.conn = sock_tag(k).trace_conn;
	r.client = k->tcp.client;
	r.soff = off;
	r.slen = (uint32_t)len;
	r.flags = up ? TRACE_UP : TRACE_DOWN;
	const struct trace_rec *sent = sender_of(s, r.conn, up, off);
	if (sent) {
		*msg = r.msg = sent->msg;
		r.text = sent->text;
		r.a = sent->a;
		r.b = sent->b;
		if (sent->slen == r.slen) {
			r.off = sent->off;
			r.len = sent->len;
		}
	}
	uint64_t id = trace_add(s->tr, &r, lens);
	return id ? id : cause;
}

/* ---- notes ------------------------------------------------------------------------------------------------- */

enum trace_reason rec_reason(enum tech_why why)
{
	static const uint8_t map[] = {
		[TECH_WHY_NONE] = REASON_NONE,
		[TECH_WHY_CLOSED] = REASON_PEER_CLOSED,
		[TECH_WHY_RESET] = REASON_PEER_RESET,
		[TECH_WHY_TIMEOUT] = REASON_TCP_RETRIES,
		[TECH_WHY_SYN_TIMEOUT] = REASON_TCP_SYN_RETRIES,
		[TECH_WHY_LOCAL] = REASON_NET_SWITCHED,
		[TECH_WHY_UNREACHABLE] = REASON_NET_GONE,
		[TECH_WHY_STATUS] = REASON_HTTP_STATUS,
		[TECH_WHY_PROTOCOL] = REASON_PROTOCOL_ERROR,
		[TECH_WHY_HEARTBEAT] = REASON_HEARTBEAT_NONE,
		[TECH_WHY_REQUEST] = REASON_REQUEST_TIMEOUT,
		[TECH_WHY_DONE] = REASON_CLIENT_DONE,
	};
	return (enum trace_reason)map[why];
}

static enum trace_kind note_kind(enum tech_note n)
{
	static const uint8_t map[] = {
		[TECH_NOTE_CONNECT_TRY] = TRACE_CONNECT_TRY,
		[TECH_NOTE_CONNECT_OK] = TRACE_CONNECT_OK,
		[TECH_NOTE_CONNECT_FAIL] = TRACE_CONNECT_FAIL,
		[TECH_NOTE_DISCONNECT] = TRACE_DISCONNECT,
		[TECH_NOTE_RECONNECT_WAIT] = TRACE_RECONNECT_WAIT,
		[TECH_NOTE_POLL_TIMER] = TRACE_POLL_TIMER,
		[TECH_NOTE_HOLD_BEGIN] = TRACE_HOLD_BEGIN,
		[TECH_NOTE_HOLD_EXPIRE] = TRACE_HOLD_EXPIRE,
		[TECH_NOTE_HEARTBEAT_SEND] = TRACE_HEARTBEAT_SEND,
		[TECH_NOTE_HEARTBEAT_TIMEOUT] = TRACE_HEARTBEAT_TIMEOUT,
		[TECH_NOTE_REQUEST_TIMEOUT] = TRACE_HEARTBEAT_TIMEOUT,
		[TECH_NOTE_WS_OPEN] = TRACE_WS_OPEN,
		[TECH_NOTE_WS_ERROR] = TRACE_WS_ERROR,
		[TECH_NOTE_HTTP_ERROR] = TRACE_HTTP_ERROR,
	};
	return (enum trace_kind)map[n];
}

uint32_t rec_quiet(const struct sim *s)
{
	uint32_t quiet = 0;
	for (unsigned n = 0; n < TECH_NOTES; n++)
		if (!trace_on(s->tr, note_kind((enum tech_note)n), true))
			quiet |= 1u << n;
	return quiet;
}

/* The words a note's sentence or its reason wants. */
static uint32_t note_text(struct sim *s, const struct tech_out *o, const struct client *c)
{
	if (o->what && o->ref)
		return trace_strf(s->tr, "%s (%s)", o->what, o->ref);
	if (o->why == TECH_WHY_STATUS) {
		unsigned status = o->status ? o->status : (unsigned)o->a;
		return trace_strf(s->tr, "%u %s", status, h1_reason(status));
	}
	if (o->note == TECH_NOTE_CONNECT_OK && c)
		return trace_str(s->tr, tech_def(client_group(c)->site.kind)->title);
	if (o->note == TECH_NOTE_CONNECT_FAIL)
		return trace_strf(s->tr, "attempt %lld", (long long)o->a);
	return c ? trace_str(s->tr, client_group(c)->name) : 0;
}

uint64_t rec_note(struct sim *s, const struct sock *k, const struct tech_out *o, struct client *c,
	uint16_t node, uint16_t peer, uint64_t cause)
{
	enum trace_kind kind = note_kind(o->note);
	bool lens = c ? client_lens(c) : k && (k->tcp.flags & TCPF_LENS);
	if (!trace_on(s->tr, kind, lens))
		return cause;
	struct trace_rec r = rec_make(s, kind, cause);
	r.node = node;
	r.peer = peer;
	r.client = c ? c->tech.number : k ? k->tcp.client : 0;
	r.conn = k ? sock_tag(k).trace_conn : 0;
	r.a = o->a;
	r.b = o->b;
	r.reason = (uint16_t)rec_reason(o->why);
	if (o->note == TECH_NOTE_HEARTBEAT_TIMEOUT)
		r.reason = REASON_HEARTBEAT_NONE;
	if (o->note == TECH_NOTE_REQUEST_TIMEOUT) {
		r.reason = REASON_REQUEST_TIMEOUT;
		r.b = o->a;
	}
	if (o->note == TECH_NOTE_CONNECT_TRY)
		r.b = o->b > 0 || o->a > 1; /* comes back, or tries again */
	if (trace_kept(s->tr, kind, lens))
		r.text = note_text(s, o, c);
	return rec_put(s, &r, lens);
}

/* "10.0.0.17:40112" */
static uint32_t addr_text(struct trace *tr, uint32_t a, uint16_t port)
{
	return trace_strf(tr, "%u.%u.%u.%u:%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, port);
}

uint32_t rec_conn(struct sim *s, const struct client *c, uint16_t from, uint16_t to, struct tcp_addr a)
{
	if (!s->tr || !client_lens(c) || !trace_kept(s->tr, TRACE_PKT_SEND, true))
		return 0;
	struct trace_conn tc = {.client = from,
		.server = to,
		.client_addr = addr_text(s->tr, a.local, a.lport),
		.server_addr = addr_text(s->tr, a.remote, a.rport),
		.technique = trace_str(s->tr, tech_def(client_group(c)->site.kind)->name),
		.owner = c->tech.number,
		.opened_ns = s->w->now_ns};
	return trace_add_conn(s->tr, &tc);
}
