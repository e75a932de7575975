/*
 * Blocks written, all in little-endian order:
 *
 *	SHB   magic, 1.0, unknown length; options shb_userappl 4, opt_comment 1
 *	IDB   link type 1 (Ethernet), no snapshot length; options if_name 2, if_tsresol 9 = 9 (nanoseconds)
 *	EPB   interface, time, lengths, frame; options epb_flags 2 (1 in, 2 out), opt_comment 1
 */
#include <stdio.h>
#include <string.h>

#include "sim/capture/cap_export.h"
#include "sim/core/xmalloc.h"

#define COMMENT_MAX 1000
#define CAUSE_STEPS_MAX 6

struct ng {
	struct buf b; /* the block under way */
	const struct trace_out *out;
	int rc;
};

static void le16(struct buf *b, unsigned v)
{
	buf_u8(b, v & 255);
	buf_u8(b, v >> 8 & 255);
}

static void le32(struct buf *b, uint32_t v)
{
	le16(b, v & 0xffff);
	le16(b, v >> 16);
}

static void padded(struct buf *b, struct bytes d)
{
	buf_add(b, d);
	for (size_t i = d.n; i % 4; i++)
		buf_u8(b, 0);
}

static void opt(struct buf *b, unsigned code, struct bytes v)
{
	le16(b, code);
	le16(b, (unsigned)v.n);
	padded(b, v);
}

static void opt_text(struct buf *b, unsigned code, const char *s)
{
	if (s && *s)
		opt(b, code, bytes_sub(bytes_str(s), 0, strlen(s) < 60000 ? strlen(s) : 60000));
}

static void begin(struct ng *g, uint32_t type)
{
	buf_clear(&g->b);
	le32(&g->b, type);
	le32(&g->b, 0); /* length, filled in at the end */
}

static void end(struct ng *g, bool options)
{
	if (options)
		le32(&g->b, 0);
	uint32_t n = (uint32_t)g->b.n + 4;
	for (unsigned i = 0; i < 4; i++)
		g->b.p[4 + i] = (uint8_t)(n >> 8 * i);
	le32(&g->b, n);
	if (!g->rc)
		g->rc = g->out->write(g->out->ctx, (const char *)g->b.p, g->b.n);
}

static void section(struct ng *g, const char *program, const char *comment)
{
	begin(g, 0x0a0d0d0au);
	le32(&g->b, 0x1a2b3c4du);
	le16(&g->b, 1);
	le16(&g->b, 0);
	le32(&g->b, UINT32_MAX);
	le32(&g->b, UINT32_MAX);
	opt_text(&g->b, 4, program);
	opt_text(&g->b, 1, comment);
	end(g, true);
}

static void interface(struct ng *g, uint32_t linktype, uint32_t snaplen, const char *name)
{
	static const uint8_t nanoseconds = 9;
	begin(g, 1);
	le16(&g->b, linktype);
	le16(&g->b, 0);
	le32(&g->b, snaplen);
	opt_text(&g->b, 2, name);
	opt(&g->b, 9, (struct bytes){&nanoseconds, 1});
	end(g, true);
}

enum direction { DIR_UNKNOWN, DIR_IN, DIR_OUT };

static void packet(struct ng *g, uint32_t iface, int64_t at_ns, struct bytes frame, uint32_t wirelen,
	enum direction d, const char *comment)
{
	uint64_t t = at_ns > 0 ? (uint64_t)at_ns : 0;
	uint8_t flags[4] = {(uint8_t)d, 0, 0, 0};
	begin(g, 6);
	le32(&g->b, iface);
	le32(&g->b, (uint32_t)(t >> 32));
	le32(&g->b, (uint32_t)t);
	le32(&g->b, (uint32_t)frame.n);
	le32(&g->b, wirelen);
	padded(&g->b, frame);
	if (d != DIR_UNKNOWN)
		opt(&g->b, 2, (struct bytes){flags, 4});
	opt_text(&g->b, 1, comment);
	end(g, d != DIR_UNKNOWN || (comment && *comment));
}

static void ng_init(struct ng *g, const struct trace_out *out)
{
	memset(g, 0, sizeof *g);
	buf_init(&g->b, &xalloc, SIZE_MAX);
	g->out = out;
}

/* ---- why ---- */

/* Kinds worth telling on the packet that carries them, or that they were caused by. */
static bool telling(const struct trace_rec *r)
{
	switch (r->kind) {
	case TRACE_PKT_DROP:
	case TRACE_TCP_RTO:
	case TRACE_TCP_RETRANSMIT:
	case TRACE_TCP_FAST_RETRANSMIT:
	case TRACE_TCP_OUT_OF_ORDER:
	case TRACE_TCP_ZERO_WINDOW:
	case TRACE_TCP_WINDOW_PROBE:
	case TRACE_TCP_KEEPALIVE:
	case TRACE_TCP_RST_SEND:
	case TRACE_TCP_GIVE_UP:
	case TRACE_NAT_MAP:
	case TRACE_NAT_FORGET:
	case TRACE_NAT_RESET:
	case TRACE_PROXY_HOLD:
	case TRACE_PROXY_RELEASE:
	case TRACE_PROXY_STRIP:
	case TRACE_PROXY_TUNNEL:
	case TRACE_PROXY_REUSE:
	case TRACE_PROXY_TIMEOUT:
	case TRACE_QUEUE_FULL:
	case TRACE_HEARTBEAT_SEND:
	case TRACE_HEARTBEAT_TIMEOUT:
	case TRACE_HOLD_EXPIRE:
		return true;
	}
	return false;
}

static bool is_packet(const struct trace_rec *r)
{
	return r->kind == TRACE_PKT_SEND || r->kind == TRACE_PKT_RECV;
}

static bool wanted(const struct trace *tr, const struct cap_export_opts *o, const struct trace_rec *r);

struct note { /* record `id` is told on packet record `on` */
	uint64_t on, id;
};

struct notes {
	struct note *v;
	uint32_t n, cap, next;
};

/* The packet record a telling record belongs to: the nearest one along its causes. */
static uint64_t owner_of(const struct trace *tr, const struct cap_export_opts *o, const struct trace_rec *r)
{
	for (unsigned i = 0; r && i < CAUSE_STEPS_MAX; i++) {
		r = r->cause ? trace_get(tr, r->cause) : NULL;
		if (r && wanted(tr, o, r))
			return r->id;
	}
	return 0;
}

/* Stable by `on`: records come in rising order, so do almost all owners; insertion from the end is short. */
static void note_add(struct notes *n, uint64_t on, uint64_t id)
{
	struct note *v = CAP_PUSH(n->v, n->n, n->cap);
	while (v > n->v && v[-1].on > on) {
		*v = v[-1];
		v--;
	}
	*v = (struct note){on, id};
}

static void find_notes(const struct trace *tr, const struct cap_export_opts *o, struct notes *n)
{
	for (uint64_t i = 0; i < tr->nrec; i++) {
		const struct trace_rec *r = &tr->rec[i];
		if (!telling(r))
			continue;
		uint64_t on = owner_of(tr, o, r);
		if (on)
			note_add(n, on, r->id);
	}
}

static void sentence(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap)
{
	size_t n = strlen(out);
	char one[COMMENT_MAX];
	trace_sentence(tr, r, one, sizeof one);
	if (!strstr(out, one))
		snprintf(out + n, cap - n, "%s%s", n ? "\n" : "", one);
}

/* What is known about this packet: what made it be sent, then what became of it. */
static void comment(const struct trace *tr, const struct trace_rec *r, struct notes *n, char out[COMMENT_MAX])
{
	out[0] = 0;
	const struct trace_rec *c = r;
	for (unsigned i = 0; r->kind == TRACE_PKT_SEND && i < CAUSE_STEPS_MAX; i++) {
		c = c->cause ? trace_get(tr, c->cause) : NULL;
		if (!c || is_packet(c))
			break;
		if (telling(c))
			sentence(tr, c, out, COMMENT_MAX);
	}
	while (n->next < n->n && n->v[n->next].on < r->id)
		n->next++;
	for (uint32_t i = n->next; i < n->n && n->v[i].on == r->id; i++)
		sentence(tr, trace_get(tr, n->v[i].id), out, COMMENT_MAX);
}

/* ---- capture points ---- */

struct point {
	uint16_t node, peer;
};

struct points {
	struct point *v;
	uint32_t n, cap;
	uint32_t *slot; /* hash: index + 1 */
	uint32_t slots;
};

static uint32_t *point_slot(const struct points *p, uint16_t node, uint16_t peer)
{
	uint32_t s = ((uint32_t)node << 16 | peer) * 2654435761u;
	s = (s ^ s >> 16) & (p->slots - 1);
	while (p->slot[s] && (p->v[p->slot[s] - 1].node != node || p->v[p->slot[s] - 1].peer != peer))
		s = (s + 1) & (p->slots - 1);
	return &p->slot[s];
}

static uint32_t point_of(struct points *p, uint16_t node, uint16_t peer)
{
	uint32_t *s = point_slot(p, node, peer);
	if (*s)
		return *s - 1;
	*CAP_PUSH(p->v, p->n, p->cap) = (struct point){node, peer};
	*s = p->n;
	if (p->n * 2 > p->slots) {
		p->slots *= 2;
		xfree(p->slot);
		p->slot = xcalloc(p->slots, sizeof *p->slot);
		for (uint32_t i = 0; i < p->n; i++)
			*point_slot(p, p->v[i].node, p->v[i].peer) = i + 1;
	}
	return p->n - 1;
}

/* The link of a packet record as its interface: the end named first is that of the node asked for, or the one with the
 * lower lane. */
static struct point link_of(
	const struct trace *tr, const struct cap_export_opts *o, const struct trace_rec *r)
{
	struct point p = {r->node, r->peer};
	bool turn = tr->node[r->peer].order < tr->node[r->node].order;
	if (o && o->at)
		turn = r->kind == TRACE_PKT_RECV;
	return turn ? (struct point){p.peer, p.node} : p;
}

/* Does this capture see the record? */
static bool wanted(const struct trace *tr, const struct cap_export_opts *o, const struct trace_rec *r)
{
	if (!is_packet(r))
		return false;
	if (!o || !o->at)
		return r->kind == TRACE_PKT_SEND;
	uint16_t at = r->kind == TRACE_PKT_SEND ? r->node : r->peer;
	return !strcmp(trace_text(tr, tr->node[at].name), o->at);
}

/* The frame of a packet record; an arrival without octets of its own has those of its sending. */
static struct bytes frame_of(const struct trace *tr, const struct trace_rec *r)
{
	struct bytes b = trace_bytes(tr, r);
	for (unsigned i = 0; !b.n && r && r->cause && i < CAUSE_STEPS_MAX; i++) {
		uint64_t pkt = r->pkt;
		r = trace_get(tr, r->cause);
		if (r && is_packet(r) && r->pkt == pkt)
			b = trace_bytes(tr, r);
	}
	return b;
}

static void section_of(struct ng *g, const struct trace *tr, const struct cap_export_opts *o)
{
	char text[400];
	snprintf(text, sizeof text,
		"scenario %s, seed %llu, technique %s: simulated, time 0 is the start of the run",
		trace_text(tr, tr->scenario), (unsigned long long)tr->seed,
		tr->technique ? trace_text(tr, tr->technique) : "as the scenario says");
	section(g, o ? o->program : NULL, o && o->comment ? o->comment : text);
}

static bool known_node(const struct trace *tr, const char *name)
{
	for (uint32_t i = 1; i < tr->nnode; i++)
		if (!strcmp(trace_text(tr, tr->node[i].name), name))
			return true;
	return false;
}

static void interfaces(struct ng *g, const struct trace *tr, const struct points *p)
{
	for (uint32_t i = 0; i < p->n; i++) {
		char name[300];
		snprintf(name, sizeof name, "%s/%s", trace_text(tr, tr->node[p->v[i].node].name),
			trace_text(tr, tr->node[p->v[i].peer].name));
		interface(g, CAP_LINK_ETHERNET, 0, name);
	}
}

int cap_export_trace(const struct trace *tr, const struct cap_export_opts *o, const struct trace_out *out)
{
	struct ng g;
	struct notes notes = {0};
	struct points points = {.slots = 256};
	char text[COMMENT_MAX];
	if (o && o->at && !known_node(tr, o->at))
		return -2;
	ng_init(&g, out);
	points.slot = xcalloc(points.slots, sizeof *points.slot);
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (wanted(tr, o, &tr->rec[i]))
			point_of(&points, link_of(tr, o, &tr->rec[i]).node, link_of(tr, o, &tr->rec[i]).peer);
	find_notes(tr, o, &notes);
	section_of(&g, tr, o);
	interfaces(&g, tr, &points);
	for (uint64_t i = 0; i < tr->nrec && !g.rc; i++) {
		const struct trace_rec *r = &tr->rec[i];
		if (!wanted(tr, o, r))
			continue;
		struct bytes f = frame_of(tr, r);
		if (!f.n)
			continue;
		comment(tr, r, &notes, text);
		packet(&g, point_of(&points, link_of(tr, o, r).node, link_of(tr, o, r).peer), r->at, f,
			(uint32_t)f.n,
			!o || !o->at                ? DIR_UNKNOWN
			: r->kind == TRACE_PKT_SEND ? DIR_OUT
						    : DIR_IN,
			text);
	}
	xfree(points.slot);
	xfree(points.v);
	xfree(notes.v);
	buf_fini(&g.b);
	return g.rc ? -1 : 0;
}

/* ---- a capture again ---- */

static void findings(const struct capture *c, uint32_t i, char out[COMMENT_MAX])
{
	size_t n = 0;
	out[0] = 0;
	if (c->comment && c->comment[i])
		n = (size_t)snprintf(out, COMMENT_MAX, "%.800s", c->comment[i]);
	for (unsigned a = 0; a < CAP_ANS && n < COMMENT_MAX - 40; a++)
		if (c->pkt[i].analysis >> a & 1)
			n += (size_t)snprintf(out + n, COMMENT_MAX - n, "%stcp.analysis.%s", n ? "\n" : "",
				cap_analysis_name((enum cap_analysis)a));
}

int cap_export_capture(const struct capture *c, const struct cap_export_opts *o, const struct trace_out *out)
{
	struct ng g;
	char text[COMMENT_MAX];
	ng_init(&g, out);
	section(&g, o ? o->program : NULL, o ? o->comment : NULL);
	for (uint32_t i = 0; i < c->file.nifaces; i++)
		interface(&g, c->file.iface[i].linktype, c->file.iface[i].snaplen, c->file.iface[i].name);
	for (uint32_t i = 0; i < c->npkts && !g.rc; i++) {
		const struct cap_pkt *p = &c->pkt[i];
		findings(c, i, text);
		packet(&g, p->iface, c->t0_ns + p->at, (struct bytes){c->store + p->off, p->caplen},
			p->wirelen, DIR_UNKNOWN, text);
	}
	buf_fini(&g.b);
	return g.rc ? -1 : 0;
}
