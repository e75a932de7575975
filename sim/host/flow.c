/*
 * flow: what happens when the receiver takes less than is sent: how TCP's flow control (RFC 9293 3.8.6) reaches the
 * applications.
 *
 *	process ─ writes ─▶ send buffer ═▶ window ═▶ receive buffer ─ reads at read_rate ─▶ client
 *	           │        16 KiB            closes      fills up
 *	           └ what does not fit waits in the process: memory; beyond write_limit the server
 *	             resets the connection or leaves messages out
 *
 * A client with a read_rate takes what a segment brought and is busy with it for as long as the rate says; meanwhile
 * nothing is read, so the receive buffer fills, the window closes, and the sender has to keep what it writes. The rate
 * concerns the connection by which the server talks back.
 *
 * A server process counts as its own memory what waits in a connection beyond one send buffer (TC-12), at the moments
 * it writes: sums are exact where they grow, a connection that drains is noticed at its next write. `write_limit` is
 * what libraries call backpressure limit or high-water mark (LI-11).
 *
 * A proxy stops reading from one side while its send buffer to the other is full; only one that buffers responses goes
 * on reading them: it has a disk.
 *
 * Left out: growth of send buffers (TC-12 up to 4 MB), a proxy's send timeout towards a client that reads nothing.
 */
#include "sim/host/host.h"

/* ---- a client that reads slowly ------------------------------------------------------------------------------- */

/* One client's pause. Kept beside the clients: few groups have a read_rate. */
struct reading {
	int64_t at_ns; /* it reads on then; TIME_NEVER: it is reading */
	uint64_t rec;  /* READ_WAIT */
	bool resumes;  /* what it takes now has waited for it */
};

static struct reading *reading_of(const struct client *c)
{
	return client_group(c)->reading ? &client_group(c)->reading[c->tech.number - client_group(c)->first]
					: NULL;
}

int64_t flow_read_at(const struct client *c)
{
	const struct reading *r = reading_of(c);
	return r ? r->at_ns : TIME_NEVER;
}

void flow_took(struct sim *s, struct client *c, uint32_t octets, uint64_t cause)
{
	struct group *g = client_group(c);
	uint64_t bps = g->site.opts->read_bps;
	struct sock *k = client_sock_in(c, TECH_MAIN);
	if (!bps || !k)
		return;
	if (!g->reading) {
		g->reading = xcalloc(g->count, sizeof *g->reading);
		for (uint32_t i = 0; i < g->count; i++)
			g->reading[i].at_ns = TIME_NEVER;
	}
	struct reading *r = reading_of(c);
	int64_t ns = (int64_t)((uint64_t)octets * 8 * NS_PER_S / bps);
	struct trace_rec rec = rec_make(s, TRACE_READ_WAIT, cause);
	rec.node = c->node.trace_node;
	rec.peer = sock_tag(k).peer;
	rec.conn = sock_tag(k).trace_conn;
	rec.client = c->tech.number;
	rec.a = ns;
	rec.b = octets;
	rec.reason = REASON_SLOW_READER;
	r->rec = rec_put(s, &rec, client_lens(c));
	r->at_ns = s->w->now_ns + ns;
	tcp_pause(s->tcp, &k->tcp, true, s->w->now_ns);
}

bool flow_read_on(struct sim *s, struct client *c)
{
	struct reading *r = reading_of(c);
	struct sock *k = client_sock_in(c, TECH_MAIN);
	if (!r || r->at_ns > s->w->now_ns)
		return false;
	r->at_ns = TIME_NEVER;
	if (!k)
		return true;
	s->w->cause = r->rec;
	r->resumes = true;
	tcp_pause(s->tcp, &k->tcp, false, s->w->now_ns);
	sock_pump(s, k);
	r->resumes = false;
	s->w->cause = 0;
	return true;
}

uint64_t flow_cause(const struct client *c, uint64_t cause)
{
	const struct reading *r = reading_of(c);
	return r && r->resumes ? r->rec : cause;
}

/* ---- a server's connection in which octets wait --------------------------------------------------------------- */

static struct trace_rec write_rec(const struct sim *s, const struct sconn *c, enum trace_kind kind,
	uint32_t waits, uint32_t limit, uint64_t cause)
{
	const struct sock *k = c->sock;
	struct trace_rec r = rec_make(s, kind, cause);
	r.node = k->host->trace_node;
	r.peer = sock_tag(k).peer;
	r.conn = sock_tag(k).trace_conn;
	r.client = k->tcp.client;
	r.flags = TRACE_DOWN;
	r.a = waits;
	r.b = limit;
	return r;
}

enum flow flow_room(const struct cfg_server *v, const struct sconn *c, const struct tech_out *o)
{
	if (flow_free(v, c->sock, o->data.len))
		return FLOW_WRITE;
	/* only whole messages can be left out: half an answer would break the stream */
	bool whole = o->id && (o->unit == TECH_UNIT_EVENT || o->unit == TECH_UNIT_FRAME);
	return v->on_write_limit == CFG_WRITE_DROP && whole ? FLOW_DROP : FLOW_CLOSE;
}

uint64_t flow_refused(struct sim *s, const struct cfg_server *v, struct sconn *c, const struct tech_out *o,
	enum flow verdict, uint64_t cause)
{
	bool lens = c->sock->tcp.flags & TCPF_LENS;
	enum trace_kind kind = verdict == FLOW_DROP ? TRACE_WRITE_DROP : TRACE_WRITE_CLOSE;
	const struct sconn_causes *why = sconn_causes(s, c);
	struct trace_rec r = write_rec(s, c, kind, tcp_unacked(&c->sock->tcp), v->write_limit_bytes,
		why && why->waits ? why->waits : cause);
	r.msg = (uint32_t)o->id;
	r.reason = REASON_WRITE_LIMIT;
	return rec_put(s, &r, lens);
}

/* The receiver's window holds it back, not the network. */
static bool held_by_reader(const struct tcp_conn *t)
{
	return tcp_unacked(t) >= t->snd_wnd;
}

void flow_changed(struct sim *s, struct sconn *c, uint64_t cause)
{
	const uint32_t all = c->sock ? tcp_unacked(&c->sock->tcp) : 0, waits = flow_waits(c);
	struct sconn_causes *why = sconn_causes(s, c);
	if (!c->waits_bytes) {
		bool reader = held_by_reader(&c->sock->tcp);
		struct trace_rec r = write_rec(s, c, TRACE_WRITE_WAIT, all, FLOW_SEND_BUFFER, cause);
		r.reason = reader ? REASON_SLOW_READER : REASON_SLOW_NETWORK;
		uint64_t rec = rec_put(s, &r, c->sock->tcp.flags & TCPF_LENS);
		if (why)
			why->waits = rec;
	}
	if (!waits && why)
		why->waits = 0;
	sim_memory(s, (int64_t)waits - (int64_t)c->waits_bytes);
	c->waits_bytes = waits;
}

/* ---- a proxy between two sides -------------------------------------------------------------------------------- */

struct sock *flow_relay(struct sim *s, struct sock *const leg[2], bool buffers)
{
	struct sock *reads_on = NULL;
	for (unsigned i = 0; i < 2; i++) {
		bool stop = leg[!i] && leg[!i]->tcp.flags & TCPF_FULL && !(buffers && i == RELAY_UPSTREAM);
		if (!leg[i] || stop == ((leg[i]->tcp.flags & TCPF_PAUSED) != 0))
			continue;
		tcp_pause(s->tcp, &leg[i]->tcp, stop, s->w->now_ns);
		if (!stop)
			reads_on = leg[i];
	}
	return reads_on;
}
