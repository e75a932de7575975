/*
 * proxy_eyes: what the trace shows of a proxy. What passes on either leg is watched (proto/tech/watch) for clients under the lens, so
 * that the units are there on both hops; the relay itself only knows octets. A body longer than SENT_MAX is recorded without its
 * octets.
 */
#include "sim/host/proxy_int.h"

#define SENT_MAX (1u << 20) /* octets of an open unit kept for its record */
#define MSGS_MAX 256 /* messages passed up to the relay whose numbers are remembered until they leave it */

/* What the trace shows of a relay: only under the lens. */
struct eyes {
	struct watch *watch[2];
	struct buf sent[2];    /* per leg: octets written that belong to no complete unit yet */
	uint64_t sent_from[2]; /* stream offset of the first of them */
	uint64_t in_base[2],
		out_base[2]; /* stream offsets at which watching began: an upstream leg may be an old one */
	uint32_t msg[MSGS_MAX]; /* messages that came in by leg 1, oldest first */
	uint32_t head, n;
};

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
uint64_t proxy_see_in(struct sim *s, struct prelay *p, unsigned leg, struct bytes b, uint64_t cause)
{
	struct eyes *e = eyes_of(p);
	struct watch_unit u;
	bool up = leg == RELAY_CLIENT;
	if (!e)
		return cause;
	watch_feed(e->watch[leg], up, b);
	uint64_t last = cause, base = e->in_base[leg];
	while (watch_next(e->watch[leg], &u)) {
		uint32_t msg;
		enum tech_unit unit = unit_of(u.kind);
		if (unit == TECH_UNIT_NONE)
			continue;
		last = rec_unit_recv(
			s, p->leg[leg], rec_unit_kind(unit, false), base + u.off, u.len, cause, &msg);
		if (leg == RELAY_UPSTREAM && unit != TECH_UNIT_COMMENT)
			remember_msg(e, msg);
	}
	return last;
}

/* Octets go out on `leg`: records of the units they complete. Returns the cause for these octets. */
uint64_t proxy_see_out(struct sim *s, struct prelay *p, unsigned leg, struct slice data, uint64_t cause)
{
	struct eyes *e = eyes_of(p);
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
		uint64_t off = e->out_base[leg] + u.off, at = off - e->sent_from[leg];
		bool whole = !b->failed && off >= e->sent_from[leg] && at + u.len <= b->n;
		struct bytes octets = whole ? bytes_sub(buf_bytes(b), at, u.len) : BYTES_NONE;
		uint32_t msg = leg == RELAY_CLIENT && unit != TECH_UNIT_COMMENT ? next_msg(e) : 0;
		uint64_t id = rec_unit_sent(s, k, rec_unit_kind(unit, true), unit, octets, off, u.len, msg, 0,
			msg ? 1 : 0, cause);
		done = off + u.len;
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

void proxy_note(struct sim *s, struct prelay *p, const struct relay_out *o, uint64_t cause)
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
	bool lens = eyes_of(p) != NULL;
	struct trace_rec r = rec_make(
		s, (enum trace_kind)map[o->note].kind, o->note != RELAY_HOLD && o->cause ? o->cause : cause);
	r.node = proxy_of(p)->node.trace_node;
	r.peer = k ? sock_tag(k).peer : 0;
	r.conn = k ? sock_tag(k).trace_conn : 0;
	r.client = p->client;
	r.slen = o->slen;
	r.a = o->a;
	r.b = o->b;
	r.reason = o->note == RELAY_HOLD ? held[proxy_of(p)->cfg.buffering] : map[o->note].reason;
	if (lens && s->keeps && o->err.what)
		r.text = trace_strf(s->tr, "%s (%s)", o->err.what, o->err.ref ? o->err.ref : "");
	uint64_t id = rec_put(s, &r, lens);
	if (o->note == RELAY_HOLD)
		relay_note_id(&p->relay, id);
	s->w->cause = id;
}

/* Watching begins anew on this leg. `old`: its connection has carried something before, NULL: it is a new one. */
void proxy_eyes_reset(struct prelay *p, unsigned leg, const struct sock *old)
{
	struct eyes *e = eyes_of(p);
	if (!e)
		return;
	struct tcp_tag tag = old ? sock_tag(old) : (struct tcp_tag){0};
	e->in_base[leg] = old ? old->tcp.rcv_nxt - tag.irs - 1 : 0;
	e->out_base[leg] = tag.written;
	watch_free(e->watch[leg]);
	buf_fini(&e->sent[leg]);
	buf_init(&e->sent[leg], &alloc_libc, SENT_MAX);
	e->watch[leg] = watch_new(&alloc_libc);
	assert(e->watch[leg]);
}

void proxy_eyes_free(struct prelay *p)
{
	struct eyes *e = eyes_of(p);
	if (!e)
		return;
	for (unsigned leg = 0; leg < 2; leg++) {
		watch_free(e->watch[leg]);
		buf_fini(&e->sent[leg]);
	}
	xfree(e);
	*eyes_at(p) = NULL;
}

void proxy_eyes_new(struct prelay *p)
{
	struct eyes *e = *eyes_at(p) = xcalloc(1, sizeof *e);
	for (unsigned leg = 0; leg < 2; leg++) {
		buf_init(&e->sent[leg], &alloc_libc, 0);
		proxy_eyes_reset(p, leg, p->leg[leg]);
	}
}

/* Who uses this connection from now on: what is recorded of it is recorded as that client's. */
void proxy_say_whose(struct sim *s, struct prelay *p, struct sock *k, uint16_t end, struct tcp_addr a)
{
	const struct client *c = p->client ? client_at(s, p->client) : NULL;
	uint32_t conn = sock_tag(k).trace_conn;
	if (!conn && c)
		conn = rec_conn(s, c, proxy_of(p)->node.trace_node, end, a);
	tcp_trace_for(&k->tcp, conn, end, p->client, eyes_of(p) != NULL);
}
