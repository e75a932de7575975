/*
 * ladder: the rows of a sequence diagram, made from a trace. See ladder.h.
 */
#include "ui/ladder.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"

#define GAP_NS INT64_C(1000000000)

bool ladder_is_unit_send(unsigned k)
{
	return k == TRACE_HTTP_REQUEST_SEND || k == TRACE_HTTP_RESPONSE_SEND || k == TRACE_SSE_EVENT_SEND ||
	       k == TRACE_SSE_COMMENT_SEND || k == TRACE_WS_FRAME_SEND || k == TRACE_UNIT_SEND;
}

bool ladder_is_unit_recv(unsigned k)
{
	return k && ladder_is_unit_send(k - 1);
}

static bool is_again(unsigned k)
{
	return k == TRACE_TCP_RETRANSMIT || k == TRACE_TCP_FAST_RETRANSMIT;
}

/* The depth from which a kind is shown; 9: never as a row of its own. */
static unsigned depth_of(const struct trace_rec *r)
{
	switch (r->kind) {
	case TRACE_PKT_SEND:
		return r->slen ? 4 : 3;
	case TRACE_PKT_RECV:
	case TRACE_PKT_DROP:
	case TRACE_TCP_STATE:
	case TRACE_MSG_EXPECT:
	case TRACE_ASK: /* views open the question itself */
		return 9;
	case TRACE_TCP_OPEN:
	case TRACE_TCP_ESTABLISHED:
	case TRACE_TCP_OUT_OF_ORDER:
	case TRACE_TCP_CWND:
	case TRACE_TCP_FIN:
	case TRACE_TCP_CLOSED:
	case TRACE_TCP_RST_SEND:
	case TRACE_TCP_WINDOW_PROBE:
	case TRACE_TCP_KEEPALIVE:
		return 3;
	case TRACE_TCP_RTO:
	case TRACE_POLL_TIMER:
	case TRACE_READ_WAIT:
	case TRACE_CONNECT_TRY:
	case TRACE_CONNECT_OK:
	case TRACE_HEARTBEAT_SEND:
	case TRACE_CLIENT_START:
	case TRACE_MSG_DELIVER:
	case TRACE_NAT_MAP:
	case TRACE_WS_OPEN:
	case TRACE_NET_UP:
		return 2;
	default:
		return 1;
	}
}

static bool is_span(unsigned k)
{
	return k == TRACE_SAY || k == TRACE_ASK || k == TRACE_VALUE_SET || k == TRACE_LINK_CUT ||
	       k == TRACE_LINK_HEAL || k == TRACE_LINK_DEGRADE;
}

/* Things that say the run did not go smoothly: what `!` stops at. */
static bool is_odd(const struct trace_rec *r)
{
	switch (r->kind) {
	case TRACE_PKT_DROP:
	case TRACE_TCP_RTO:
	case TRACE_TCP_RETRANSMIT:
	case TRACE_TCP_FAST_RETRANSMIT:
	case TRACE_TCP_ZERO_WINDOW:
	case TRACE_TCP_RST_SEND:
	case TRACE_TCP_RST_RECV:
	case TRACE_TCP_GIVE_UP:
	case TRACE_HTTP_ERROR:
	case TRACE_WS_ERROR:
	case TRACE_MSG_DUPLICATE:
	case TRACE_MSG_DISORDER:
	case TRACE_MSG_LOST:
	case TRACE_CONNECT_FAIL:
	case TRACE_DISCONNECT:
	case TRACE_HEARTBEAT_TIMEOUT:
	case TRACE_WRITE_WAIT:
	case TRACE_WRITE_DROP:
	case TRACE_WRITE_CLOSE:
	case TRACE_NAT_FORGET:
	case TRACE_NAT_RESET:
	case TRACE_PROXY_HOLD:
	case TRACE_PROXY_STRIP:
	case TRACE_PROXY_TIMEOUT:
	case TRACE_QUEUE_FULL:
	case TRACE_LINK_CUT:
	case TRACE_LINK_DEGRADE:
	case TRACE_CRASH:
	case TRACE_NET_SWITCH:
		return true;
	default:
		return false;
	}
}

static uint32_t keep_text(struct ladder *l, const char *s)
{
	if (!*s)
		return 0;
	uint32_t off = (uint32_t)l->text.n;
	buf_add(&l->text, (struct bytes){(const uint8_t *)s, strlen(s) + 1});
	return l->text.failed ? 0 : off;
}

const char *ladder_text(const struct ladder *l, uint32_t off)
{
	return off < l->text.n ? (const char *)l->text.p + off : "";
}

/* ---------------------------------------------------------------------------------------------- what concerns */

static bool concerns(const struct ladder *l, const struct trace_rec *r, const uint8_t *msgs, uint64_t nmsgs)
{
	const struct ladder_focus *f = &l->focus;
	if (is_span(r->kind))
		return true;
	if (f->conn)
		return r->conn == f->conn;
	if (!f->client)
		return true;
	if (r->kind == TRACE_MSG_PUBLISH)
		return r->msg < nmsgs && (msgs[r->msg >> 3] >> (r->msg & 7) & 1);
	if (r->client)
		return r->client == f->client;
	if (r->conn)
		return r->conn < l->tr->nconn && l->tr->conn[r->conn].owner == f->client;
	return r->kind == TRACE_CRASH || r->kind == TRACE_RESTART || r->kind == TRACE_DRAIN;
}

/* The messages the focused client was to receive, as a bit set by message number. */
static uint8_t *messages_of(const struct ladder *l, uint64_t *n)
{
	const struct trace *tr = l->tr;
	uint64_t max = 0;
	for (uint64_t i = 0; i < tr->nrec; i++)
		max = tr->rec[i].msg > max ? tr->rec[i].msg : max;
	*n = max + 1;
	uint8_t *set = xcalloc((size_t)(max / 8 + 1), 1);
	for (uint64_t i = 0; i < tr->nrec; i++) {
		const struct trace_rec *r = &tr->rec[i];
		bool mine = r->client == l->focus.client && r->kind != TRACE_MSG_PUBLISH;
		if (r->msg && (mine || (r->kind == TRACE_MSG_PUBLISH && r->client == l->focus.client)))
			set[r->msg >> 3] = (uint8_t)(set[r->msg >> 3] | 1u << (r->msg & 7));
	}
	return set;
}

/* ---------------------------------------------------------------------------------------------- lanes */

static int lane_of(struct ladder *l, uint16_t node)
{
	if (!node || node >= l->tr->nnode)
		return -1;
	for (unsigned i = 0; i < l->nlane; i++)
		if (l->lane[i] == node)
			return (int)i;
	return -1;
}

static void want_lane(struct ladder *l, uint16_t node)
{
	if (!node || node >= l->tr->nnode || lane_of(l, node) >= 0 || l->nlane == LADDER_LANES_MAX)
		return;
	const struct trace_node *n = &l->tr->node[node];
	if (n->role == TRACE_NETWORK || (l->focus.ends && n->role == TRACE_BOX))
		return;
	unsigned i = l->nlane++;
	for (; i > 0 && l->tr->node[l->lane[i - 1]].order > n->order; i--)
		l->lane[i] = l->lane[i - 1];
	l->lane[i] = node;
}

const char *ladder_lane_name(const struct ladder *l, unsigned lane)
{
	return lane < l->nlane ? trace_text(l->tr, l->tr->node[l->lane[lane]].name) : "";
}

/* ---------------------------------------------------------------------------------------------- one row */

static struct ladder_row *add_row(struct ladder *l)
{
	if (l->nrow == LADDER_ROWS_MAX) {
		l->truncated = true;
		return NULL;
	}
	if (l->nrow == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 256;
		l->row = xrealloc(l->row, l->cap * sizeof *l->row);
	}
	struct ladder_row *w = &l->row[l->nrow++];
	*w = (struct ladder_row){.from = -1, .to = -1, .lost_at = -1};
	return w;
}

/* Lost between node and peer, or dropped at the node by whoever rules there? A drop on a link names the link's two ends in
 * the direction of travel; at a box, the box and where the packet came from. */
static bool lost_on_the_way(const struct trace *tr, const struct trace_rec *d)
{
	if (!d->node || !d->peer || d->node >= tr->nnode || d->peer >= tr->nnode ||
		!(d->flags & (TRACE_UP | TRACE_DOWN)))
		return d->reason == REASON_LINK_LOSS || d->reason == REASON_LINK_CUT ||
		       d->reason == REASON_LINK_QUEUE_FULL || d->reason == REASON_NONE;
	bool outwards = tr->node[d->peer].order > tr->node[d->node].order;
	return outwards == ((d->flags & TRACE_UP) != 0);
}

static void set_lost(struct ladder *l, struct ladder_row *w, const struct trace_rec *drop)
{
	w->fate = FATE_LOST;
	w->fate_rec = drop->id;
	w->arrive = drop->at > w->at ? drop->at : w->at;
	w->lost_between = lost_on_the_way(l->tr, drop);
	/* on a link: between node and peer; at a box: the box speaks, peer is where the packet came from */
	int lane = lane_of(l, w->lost_between ? drop->peer : drop->node);
	if (lane < 0)
		lane = lane_of(l, w->lost_between ? drop->node : drop->peer);
	w->lost_at = (int8_t)(lane < 0 ? w->to : lane);
	w->odd = 1;
}

/* Where a box dropped this packet, if one did. The drop's cause may be why the box did so (a forgotten mapping), not the
 * packet's own way there; its number tells. */
static const struct trace_rec *drop_of(const struct ladder *l, uint64_t pkt)
{
	return pkt && pkt < l->npkt ? trace_get(l->tr, l->pkt_drop[pkt]) : NULL;
}

/* The packets a (re)transmission caused: where did the last of them get to? */
static void fate_of_packet(struct ladder *l, struct ladder_row *w, uint64_t send)
{
	const struct trace *tr = l->tr;
	const struct trace_rec *drop = drop_of(l, tr->rec[send - 1].pkt);
	if (drop) {
		set_lost(l, w, drop);
		return;
	}
	uint64_t at = send;
	for (unsigned hops = 0; at && hops < 64; hops++) {
		uint64_t fate = why_packet_fate(l->ix, at);
		if (!fate) {
			w->fate = FATE_UNDER_WAY;
			w->arrive = tr->rec[at - 1].b > w->at ? tr->rec[at - 1].b : INT64_MAX;
			return;
		}
		const struct trace_rec *f = &tr->rec[fate - 1];
		if (f->kind == TRACE_PKT_DROP) {
			set_lost(l, w, f);
			return;
		}
		w->fate = FATE_ARRIVED;
		w->fate_rec = fate;
		w->arrive = f->at;
		at = 0; /* the next hop of the same packet */
		for (uint64_t e = why_first_effect(l->ix, fate); e && !at; e = why_next_effect(l->ix, e))
			if (tr->rec[e - 1].pkt == f->pkt) {
				if (tr->rec[e - 1].kind == TRACE_PKT_SEND)
					at = e;
				else if (tr->rec[e - 1].kind == TRACE_PKT_DROP) {
					set_lost(l, w, &tr->rec[e - 1]);
					return;
				}
			}
	}
}

static uint64_t first_packet_of(const struct ladder *l, uint64_t id)
{
	for (uint64_t e = why_first_effect(l->ix, id); e; e = why_next_effect(l->ix, e))
		if (l->tr->rec[e - 1].kind == TRACE_PKT_SEND)
			return e;
	return 0;
}

/* "delay 24 ms" when this unit brought messages, else "in 24 ms". */
static void arrival_note(
	const struct ladder *l, const struct ladder_row *w, const struct trace_rec *recv, char *s, size_t cap)
{
	int64_t delay = -1;
	unsigned n = 0;
	for (uint64_t e = why_first_effect(l->ix, recv->id); e; e = why_next_effect(l->ix, e)) {
		const struct trace_rec *r = &l->tr->rec[e - 1];
		if (r->kind == TRACE_MSG_DELIVER) {
			n++;
			delay = r->a > delay ? r->a : delay;
		}
	}
	char d[32];
	trace_duration(n ? delay : recv->at - w->at, d, sizeof d);
	if (n > 1)
		snprintf(s, cap, "%u: delay %s", n, d);
	else
		snprintf(s, cap, "%s %s", n ? "delay" : "in", d);
}

static uint64_t slowest_delivery(const struct ladder *l, uint64_t recv)
{
	uint64_t id = 0;
	for (uint64_t e = why_first_effect(l->ix, recv); e; e = why_next_effect(l->ix, e)) {
		const struct trace_rec *r = &l->tr->rec[e - 1];
		if (r->kind == TRACE_MSG_DELIVER && (!id || r->a > l->tr->rec[id - 1].a))
			id = e;
	}
	return id;
}

/* The message a unit sent carries: that of the publication that made it be sent, through boxes too. */
static uint32_t message_behind(const struct ladder *l, const struct trace_rec *r)
{
	for (unsigned i = 0; r && i < 12; i++) {
		if (r->kind == TRACE_MSG_PUBLISH)
			return r->text;
		bool on_the_way = ladder_is_unit_send(r->kind) || ladder_is_unit_recv(r->kind) ||
				  r->kind == TRACE_PKT_RECV || r->kind == TRACE_PKT_SEND ||
				  r->kind == TRACE_PROXY_HOLD || r->kind == TRACE_PROXY_RELEASE;
		if (!on_the_way)
			return 0;
		r = trace_get(l->tr, r->cause);
	}
	return 0;
}

/* "200 OK: news 7", "event: news 7": which messages a unit brings says more than its first line. */
static void unit_label(
	const struct ladder *l, const struct ladder_row *w, const struct trace_rec *r, char *s, size_t cap)
{
	const char *msg = "";
	unsigned n = 0;
	const struct trace_rec *got = w->fate == FATE_ARRIVED ? trace_get(l->tr, w->fate_rec) : NULL;
	if (!got && ladder_is_unit_recv(r->kind))
		got = r;
	for (uint64_t e = got ? why_first_effect(l->ix, got->id) : 0; e; e = why_next_effect(l->ix, e)) {
		const struct trace_rec *d = &l->tr->rec[e - 1];
		if (d->kind == TRACE_MSG_DELIVER || d->kind == TRACE_MSG_DUPLICATE) {
			n++;
			msg = trace_text(l->tr, d->text);
		}
	}
	if (!n && r->kind != TRACE_HTTP_REQUEST_SEND && (r->flags & TRACE_DOWN)) {
		msg = trace_text(l->tr, message_behind(l, r));
		n = *msg != 0;
	}
	if (!n)
		return;
	const char *what = r->kind == TRACE_SSE_EVENT_SEND || r->kind == TRACE_SSE_EVENT_RECV ? "event"
			   : r->kind == TRACE_WS_FRAME_SEND || r->kind == TRACE_WS_FRAME_RECV ? "text"
											      : NULL;
	char first[64];
	snprintf(first, sizeof first, "%.60s", s);
	first[strcspn(first, ",")] = 0;
	if (n > 1)
		snprintf(s, cap, "%s: %u messages", what ? what : first, n);
	else
		snprintf(s, cap, "%s: %s", what ? what : first, msg);
}

static void unit_row(struct ladder *l, struct ladder_row *w, const struct trace_rec *r)
{
	char note[96] = "";
	uint64_t drop = 0, recv = why_unit_fate(l->ix, r->id, &drop);
	const struct trace_rec *got = trace_get(l->tr, recv);
	w->arrive = got ? got->at : INT64_MAX;
	w->fate = got ? FATE_ARRIVED : FATE_UNDER_WAY;
	w->fate_rec = recv;
	w->deliver = got ? slowest_delivery(l, got->id) : 0;
	const struct trace_rec *late = trace_get(l->tr, w->deliver);
	w->odd |= late && late->reason;
	if (drop)
		set_lost(l, w, trace_get(l->tr, drop));
	else if (got && !((r->flags | got->flags) & TRACE_INFERRED))
		arrival_note(l, w, got, note, sizeof note);
	w->note = keep_text(l, note);
}

static void arrow_row(struct ladder *l, struct ladder_row *w, const struct trace_rec *r)
{
	char note[64] = "";
	if (ladder_is_unit_send(r->kind)) {
		unit_row(l, w, r);
		return;
	}
	w->fate = FATE_ARRIVED;
	w->arrive = r->at;
	if (ladder_is_unit_recv(r->kind))
		return; /* seen only where it arrived */
	uint64_t pkt = r->kind == TRACE_PKT_SEND ? r->id : first_packet_of(l, r->id);
	if (r->kind == TRACE_PKT_SEND && l->focus.depth == 4) {
		uint64_t fate = why_packet_fate(l->ix, pkt);
		const struct trace_rec *f = trace_get(l->tr, fate);
		w->fate = f ? FATE_ARRIVED : FATE_UNDER_WAY;
		w->arrive = f ? f->at : INT64_MAX;
		w->fate_rec = fate;
		const struct trace_rec *drop = drop_of(l, r->pkt);
		if (drop && (f == drop || (f && f->at == drop->at && drop->node == r->peer)))
			set_lost(l, w, drop);
	} else if (pkt) {
		fate_of_packet(l, w, pkt);
	}
	if (r->kind == TRACE_PKT_SEND && l->focus.depth == 4)
		snprintf(note, sizeof note, "%" PRIu32 " bytes", r->len);
	else if (w->fate == FATE_ARRIVED && w->arrive > w->at) {
		char d[32];
		trace_duration(w->arrive - w->at, d, sizeof d);
		snprintf(note, sizeof note, "in %s", d);
	}
	w->note = keep_text(l, note);
}

static bool is_arrow(const struct trace_rec *r)
{
	return ladder_is_unit_send(r->kind) || ladder_is_unit_recv(r->kind) || r->kind == TRACE_PKT_SEND ||
	       is_again(r->kind);
}

/* The far end of what passes several links: the other end of the connection. */
static uint16_t last_peer(const struct ladder *l, const struct trace_rec *r)
{
	if (r->conn && r->conn < l->tr->nconn) {
		const struct trace_conn *k = &l->tr->conn[r->conn];
		return r->flags & TRACE_UP ? k->server : r->flags & TRACE_DOWN ? k->client : r->peer;
	}
	return r->peer;
}

/* With only the ends shown, a proxy's lane is gone: its exchanges with the client reach to the far side. */
static int8_t lane_or_end(struct ladder *l, uint16_t node, bool far)
{
	int lane = lane_of(l, node);
	if (lane < 0 && l->focus.ends && l->nlane)
		lane = far ? (int)l->nlane - 1 : 0;
	return (int8_t)lane;
}

static void make_row(struct ladder *l, const struct trace_rec *r)
{
	struct ladder_row *w = add_row(l);
	if (!w)
		return;
	char words[256];
	w->at = w->arrive = r->at;
	w->rec = r->id;
	w->odd = is_odd(r);
	w->style = (uint8_t)ladder_style(l->tr, r);
	if (is_span(r->kind)) {
		w->kind = ROW_SPAN;
	} else if (is_arrow(r)) {
		bool back = ladder_is_unit_recv(r->kind);
		bool hop = r->kind == TRACE_PKT_SEND && l->focus.depth == 4;
		uint16_t to = hop || back ? r->peer : last_peer(l, r);
		w->kind = ROW_ARROW;
		w->from = lane_or_end(l, back ? r->peer : r->node, true);
		w->to = lane_or_end(l, back ? r->node : to, true);
		arrow_row(l, w, r);
		if (w->from < 0 || w->to < 0 || w->from == w->to)
			w->kind = ROW_POINT;
	} else {
		w->kind = ROW_POINT;
		w->from = (int8_t)lane_of(l, r->node);
		if (w->from < 0)
			w->from = (int8_t)lane_of(l, r->peer);
	}
	ladder_words(l->tr, r, words, sizeof words);
	if (ladder_is_unit_send(r->kind) || ladder_is_unit_recv(r->kind))
		unit_label(l, w, r, words, sizeof words);
	w->label = keep_text(l, words);
}

/* ---------------------------------------------------------------------------------------------- building */

/* Is a unit also sent by the other side of a box whose lane is hidden? Then one of the two is enough. */
static bool hidden_leg(const struct ladder *l, const struct trace_rec *r)
{
	if (!l->focus.ends || !r->node || !r->peer)
		return false;
	const struct trace_node *a = &l->tr->node[r->node], *b = &l->tr->node[r->peer];
	return (a->role == TRACE_BOX || b->role == TRACE_BOX) && a->role != TRACE_CLIENT &&
	       b->role != TRACE_CLIENT;
}

static bool shown(const struct ladder *l, const struct trace_rec *r, const uint8_t *sent, uint64_t npkt)
{
	if (depth_of(r) > l->focus.depth || hidden_leg(l, r))
		return false;
	if (r->kind == TRACE_PKT_SEND && l->focus.depth < 4) /* only the first hop; set by the caller */
		return !(r->pkt < npkt && sent[r->pkt >> 3] >> (r->pkt & 7) & 1);
	if (is_again(r->kind))
		return l->focus.depth < 4;
	return !ladder_is_unit_recv(r->kind) || (r->flags & TRACE_INFERRED);
}

static int by_time(const void *a, const void *b)
{
	const struct ladder_row *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->rec < y->rec ? -1 : x->rec > y->rec;
}

static void insert_gaps(struct ladder *l)
{
	size_t n = l->nrow, gaps = 0;
	int64_t busy = n ? l->row[0].at : 0;
	for (size_t i = 1; i < n; i++) {
		gaps += l->row[i].at - busy >= GAP_NS;
		busy = l->row[i].at;
	}
	if (!gaps)
		return;
	struct ladder_row *out = xmalloc((n + gaps) * sizeof *out);
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		int64_t before = i ? l->row[i - 1].at : l->row[0].at;
		if (l->row[i].at - before >= GAP_NS)
			out[k++] = (struct ladder_row){.at = before,
				.arrive = l->row[i].at,
				.kind = ROW_GAP,
				.from = -1,
				.to = -1,
				.lost_at = -1};
		out[k++] = l->row[i];
	}
	xfree(l->row);
	l->row = out;
	l->nrow = l->cap = k;
}

size_t ladder_find_rec(const struct ladder *l, uint64_t rec)
{
	const struct trace_rec *r = trace_get(l->tr, rec);
	size_t near = SIZE_MAX;
	for (size_t i = 0; i < l->nrow && r; i++) {
		if (l->row[i].rec == rec || (l->row[i].fate_rec == rec && l->row[i].fate == FATE_LOST))
			return i;
		if (l->row[i].kind != ROW_GAP && l->row[i].at <= r->at)
			near = i;
	}
	return near;
}

static size_t row_of(const struct ladder *l, uint64_t rec)
{
	for (size_t i = 0; i < l->nrow; i++)
		if (l->row[i].rec == rec)
			return i;
	return SIZE_MAX;
}

/* Numbers the rows that decided what happened to others. */
static void mark_causes(struct ladder *l)
{
	uint16_t n = 0;
	for (size_t i = 0; i < l->nrow && n < 99; i++) {
		struct ladder_row *w = &l->row[i];
		if (!w->odd || !w->rec)
			continue;
		uint64_t root = why_root(l->ix, w->fate == FATE_LOST ? w->fate_rec : w->rec);
		if (!root || root == w->rec || root == w->fate_rec) {
			/* a lost packet whose mapping was forgotten: the forgetting is the event to point at */
			uint64_t chain[8];
			size_t k = why_chain(l->ix, w->fate == FATE_LOST ? w->fate_rec : w->rec, chain, 8);
			root = 0;
			for (size_t j = 1; j < k && !root; j++)
				if (l->tr->rec[chain[j] - 1].reason)
					root = chain[j];
		}
		size_t at = root ? row_of(l, root) : SIZE_MAX;
		if (at == SIZE_MAX || at == i)
			continue;
		if (!l->row[at].cause)
			l->row[at].cause = ++n;
		w->see = l->row[at].cause;
	}
}

static void note_drops(struct ladder *l)
{
	const struct trace *tr = l->tr;
	l->pkt_drop = xcalloc((size_t)l->npkt + 1, sizeof *l->pkt_drop);
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (tr->rec[i].kind == TRACE_PKT_DROP && tr->rec[i].pkt < l->npkt)
			l->pkt_drop[tr->rec[i].pkt] = (uint32_t)(i + 1);
}

static void build(struct ladder *l)
{
	const struct trace *tr = l->tr;
	uint64_t nmsgs, npkt = 0;
	uint8_t *msgs = messages_of(l, &nmsgs);
	for (uint64_t i = 0; i < tr->nrec; i++)
		npkt = tr->rec[i].pkt > npkt ? tr->rec[i].pkt : npkt;
	npkt = npkt < UINT64_C(1) << 32 ? npkt + 1 : 0;
	l->npkt = npkt;
	note_drops(l);
	uint8_t *sent = xcalloc((size_t)(npkt / 8 + 1), 1);
	uint8_t *take = xcalloc((size_t)(tr->nrec / 8 + 1), 1);
	for (uint64_t i = 0; i < tr->nrec; i++) {
		const struct trace_rec *r = &tr->rec[i];
		if (!concerns(l, r, msgs, nmsgs) || !shown(l, r, sent, npkt))
			continue;
		if (r->kind == TRACE_PKT_SEND && r->pkt < npkt)
			sent[r->pkt >> 3] = (uint8_t)(sent[r->pkt >> 3] | 1u << (r->pkt & 7));
		take[i >> 3] = (uint8_t)(take[i >> 3] | 1u << (i & 7));
		if (!is_span(r->kind)) {
			want_lane(l, r->node);
			want_lane(l, is_arrow(r) ? r->peer : 0);
			want_lane(l, is_arrow(r) ? last_peer(l, r) : 0);
		}
	}
	if (l->focus.client) /* boxes a connection only passes through have lanes of their own */
		for (uint64_t i = 0; i < tr->nrec; i++)
			if (tr->rec[i].kind == TRACE_PKT_SEND && concerns(l, &tr->rec[i], msgs, nmsgs)) {
				want_lane(l, tr->rec[i].node);
				want_lane(l, tr->rec[i].peer);
			}
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (take[i >> 3] >> (i & 7) & 1)
			make_row(l, &tr->rec[i]);
	xfree(msgs);
	xfree(sent);
	xfree(take);
	xfree(l->pkt_drop);
	l->pkt_drop = NULL;
	l->npkt = 0;
}

struct ladder *ladder_new(const struct trace *tr, const struct why_index *ix, struct ladder_focus f)
{
	struct ladder *l = xcalloc(1, sizeof *l);
	l->tr = tr;
	l->ix = ix;
	l->focus = f;
	buf_init(&l->text, &alloc_libc, (size_t)1 << 30);
	buf_u8(&l->text, 0);
	build(l);
	if (l->nrow)
		qsort(l->row, l->nrow, sizeof *l->row, by_time);
	mark_causes(l);
	insert_gaps(l);
	return l;
}

void ladder_free(struct ladder *l)
{
	if (!l)
		return;
	buf_fini(&l->text);
	xfree(l->row);
	xfree(l);
}

/* ---------------------------------------------------------------------------------------------- positions */

size_t ladder_last_at(const struct ladder *l, int64_t t)
{
	size_t lo = 0, hi = l->nrow;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->row[mid].at <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	while (lo && l->row[lo - 1].kind == ROW_GAP)
		lo--;
	return lo ? lo - 1 : SIZE_MAX;
}

size_t ladder_next(const struct ladder *l, size_t row)
{
	for (size_t i = row == SIZE_MAX ? 0 : row + 1; i < l->nrow; i++)
		if (l->row[i].kind != ROW_GAP)
			return i;
	return SIZE_MAX;
}

size_t ladder_prev(const struct ladder *l, size_t row)
{
	for (size_t i = row == SIZE_MAX ? 0 : row; i-- > 0;)
		if (l->row[i].kind != ROW_GAP)
			return i;
	return SIZE_MAX;
}

size_t ladder_odd(const struct ladder *l, size_t row, bool forward)
{
	for (size_t i = row;;) {
		i = forward ? ladder_next(l, i) : ladder_prev(l, i);
		if (i == SIZE_MAX || l->row[i].odd)
			return i;
	}
}

static bool holds(const char *hay, const char *needle)
{
	size_t n = strlen(needle);
	for (; *hay; hay++) {
		size_t i = 0;
		while (i < n && tolower((unsigned char)hay[i]) == tolower((unsigned char)needle[i]))
			i++;
		if (i == n)
			return true;
	}
	return n == 0;
}

size_t ladder_search(const struct ladder *l, size_t row, bool forward, const char *text)
{
	for (size_t i = row;;) {
		i = forward ? ladder_next(l, i) : ladder_prev(l, i);
		if (i == SIZE_MAX)
			return i;
		const struct ladder_row *w = &l->row[i];
		char s[512];
		const struct trace_rec *r = trace_get(l->tr, w->rec);
		trace_sentence(l->tr, r, s, sizeof s);
		if (holds(ladder_text(l, w->label), text) || holds(ladder_text(l, w->note), text) ||
			holds(s, text) || (w->fate == FATE_LOST && holds("lost", text)))
			return i;
	}
}
