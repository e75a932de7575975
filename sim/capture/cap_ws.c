/*
 * WebSocket in a capture (RFC 6455, RFC 7692), through proto/ws: both directions from the 101 on, with the extension
 * and the subprotocol that were agreed; Engine.IO, Socket.IO and GraphQL messages inside are recognised.
 */
#include <string.h>

#include "proto/base/codec.h"
#include "proto/ws/handshake.h"
#include "proto/ws/ws.h"
#include "sim/capture/cap_decode.h"
#include "sim/core/xmalloc.h"

struct ws_side {
	struct cap_pair *p;
	uint32_t ws;
	unsigned dir;
	uint64_t base;
	struct ws_dec dec;
	bool gql, eio;
};

static unsigned count_slot(unsigned op)
{
	switch (op) {
	case WS_TEXT:
		return 0;
	case WS_BINARY:
		return 1;
	case WS_CONT:
		return 2;
	case WS_OP_PING:
		return 3;
	case WS_OP_PONG:
		return 4;
	case WS_OP_CLOSE:
		return 5;
	}
	return 6;
}

static struct cap_ws_frame *last_frame(struct ws_side *x)
{
	struct cap_ws *w = &x->p->c->ws[x->ws];
	return w->nframes ? &w->frame[w->nframes - 1] : NULL;
}

static bool frame(struct ws_side *x, const struct ws_frame *f)
{
	struct capture *c = x->p->c;
	struct cap_ws *w = &c->ws[x->ws];
	struct cap_stream *s = &x->p->s[x->dir];
	if (w->nframes >= CAP_UNITS_MAX) {
		c->limit = "CAP_UNITS_MAX";
		return false;
	}
	struct cap_ws_frame *o = CAP_PUSH(w->frame, w->nframes, w->frame_cap);
	memset(o, 0, sizeof *o);
	o->off = x->base + f->off;
	o->from = (uint8_t)x->dir;
	o->fin = f->fin;
	o->rsv = f->rsv;
	o->op = f->op;
	o->masked = f->mask;
	o->hdr_len = f->hdr_len;
	o->pay_len = f->pay_len;
	uint64_t left = s->n - o->off, want = f->hdr_len + f->pay_len;
	o->complete = want <= left && want >= f->pay_len;
	o->begin = cap_stream_at(s, o->off);
	o->at = cap_stream_at(s, o->off + (o->complete ? want : left) - 1);
	w->counts[x->dir][count_slot(f->op)]++;
	return true;
}

static void control(struct ws_side *x, const struct ws_ev *ev)
{
	struct capture *c = x->p->c;
	struct cap_ws *w = &c->ws[x->ws];
	struct cap_ws_frame *f = last_frame(x);
	if (!f)
		return;
	if (ev->kind != WS_CLOSE) {
		f->text = ev->data.n ? cap_short(c, ev->data, CAP_TEXT_WHOLE, CAP_TEXT_PART, true) : NULL;
		return;
	}
	f->has_code = ev->code != WS_CLOSE_NO_STATUS;
	f->code = ev->code;
	f->text = cap_short(c, ev->data, CAP_TEXT_WHOLE, CAP_TEXT_WHOLE, false);
	if (w->close[x->dir] == CAP_NONE)
		w->close[x->dir] = w->nframes - 1;
}

static void graphql(struct ws_side *x, struct bytes text, struct cap_ws_msg *m)
{
	struct capture *c = x->p->c;
	const char *type = NULL, *id = NULL;
	if (text.n > CAP_BODY_MAX || !cap_json_type_id(c, text, &type, &id))
		return;
	struct cap_gql *g = CAP_PUSH(c->gql, c->ngql, c->gql_cap);
	*g = (struct cap_gql){x->ws, m->at, m->from, type, id};
	m->gql = c->ngql;
}

static void engineio(struct ws_side *x, struct bytes t, const struct cap_ws_msg *m)
{
	struct cap_ws *w = &x->p->c->ws[x->ws];
	if (x->dir == 0 && !w->has_probe && bytes_eq_str(t, "2probe")) {
		w->sio_probe = m->at;
		w->has_probe = true;
	} else if (x->dir == 0 && !w->has_upgraded && bytes_eq_str(t, "5")) {
		w->sio_upgraded = m->at;
		w->has_upgraded = true;
	} else if (x->dir == 1 && t.n > 1 && t.p[0] == '4' && (t.p[1] == '2' || t.p[1] == '5')) {
		w->sio_events++;
	}
}

static bool message(struct ws_side *x, const struct ws_ev *ev)
{
	struct capture *c = x->p->c;
	struct cap_ws *w = &c->ws[x->ws];
	if (w->nmsgs >= CAP_UNITS_MAX) {
		c->limit = "CAP_UNITS_MAX";
		return false;
	}
	struct cap_ws_msg *m = CAP_PUSH(w->msg, w->nmsgs, w->msg_cap);
	memset(m, 0, sizeof *m);
	m->off = x->base + ev->off;
	m->len = ev->len;
	m->at = cap_stream_at(&x->p->s[x->dir], m->off + m->len - 1);
	m->from = (uint8_t)x->dir;
	m->op = ev->op;
	m->compressed = ev->compressed;
	m->fragments = ev->n_frames;
	m->wire_bytes = ev->wire_octets;
	m->bytes = ev->data.n;
	uint8_t digest[32];
	sha256(ev->data, digest);
	memcpy(m->sha256, digest, sizeof m->sha256);
	if (ev->op != WS_TEXT)
		return true;
	m->text = cap_short(c, ev->data, CAP_TEXT_WHOLE, CAP_TEXT_PART, true);
	if (x->gql)
		graphql(x, ev->data, m);
	if (x->eio)
		engineio(x, ev->data, m);
	return true;
}

/* ---- after a violation ---- */

/* One frame header at `b`; false when it is not whole. */
static bool header(struct bytes b, struct ws_frame *f)
{
	if (b.n < 2)
		return false;
	unsigned len = b.p[1] & 127, ext = len == 126 ? 2 : len == 127 ? 8 : 0;
	*f = (struct ws_frame){
		.fin = b.p[0] >> 7, .rsv = b.p[0] >> 4 & 7, .op = b.p[0] & 15, .mask = b.p[1] >> 7};
	f->hdr_len = (uint8_t)(2 + ext + (f->mask ? 4 : 0));
	if (b.n < f->hdr_len)
		return false;
	f->pay_len = ext ? 0 : len;
	for (unsigned i = 0; i < ext; i++)
		f->pay_len = f->pay_len << 8 | b.p[2 + i];
	if (f->mask)
		memcpy(f->key, b.p + 2 + ext, 4);
	return f->pay_len <= INT64_MAX; /* RFC 6455 5.2: the most significant bit is 0 */
}

/* What a frame carries, as far as it can be told without the decoder's state. */
static bool loose_content(struct ws_side *x, const struct ws_frame *f, struct bytes pay)
{
	struct ws_ev ev = {
		.off = f->off, .len = f->hdr_len + f->pay_len, .frame = *f, .op = f->op, .n_frames = 1};
	struct buf clear;
	bool fine = true;
	if (pay.n > CAP_BODY_MAX)
		return true;
	buf_init(&clear, &xalloc, SIZE_MAX);
	buf_add(&clear, pay);
	if (f->mask && clear.n)
		ws_mask(clear.p, clear.p, clear.n, f->key, 0);
	ev.data = buf_bytes(&clear);
	ev.wire_octets = f->pay_len;
	if (f->op == WS_OP_CLOSE) {
		ev.kind = WS_CLOSE;
		ev.code = WS_CLOSE_NO_STATUS;
		if (ev.data.n >= 2) {
			ev.code = (uint16_t)(ev.data.p[0] << 8 | ev.data.p[1]);
			ev.data = bytes_sub(ev.data, 2, ev.data.n - 2);
		} else {
			ev.data = BYTES_NONE;
		}
		control(x, &ev);
	} else if (f->op == WS_OP_PING || f->op == WS_OP_PONG) {
		ev.kind = f->op == WS_OP_PING ? WS_PING : WS_PONG;
		control(x, &ev);
	} else if ((f->op == WS_TEXT || f->op == WS_BINARY) && f->fin && !f->rsv) {
		fine = message(x, &ev);
	}
	buf_fini(&clear);
	return fine;
}

/* A violation ends what a correct endpoint reads, not what was sent: frames go on being listed for as long as their headers
 * follow one another. */
static void loose(struct ws_side *x)
{
	const struct cap_ws *w = &x->p->c->ws[x->ws];
	uint64_t off = x->base;
	for (uint32_t i = 0; i < w->nframes; i++)
		if (w->frame[i].from == x->dir)
			off = w->frame[i].off + w->frame[i].hdr_len + w->frame[i].pay_len;
	struct cap_stream *s = &x->p->s[x->dir];
	struct ws_frame f;
	while (off < s->n && !cap_stream_gap(s, off, 2) &&
		header((struct bytes){s->p + off, s->n - (size_t)off}, &f)) {
		f.off = off - x->base;
		if (!frame(x, &f))
			return;
		if (f.pay_len > s->n - off - f.hdr_len)
			return;
		if (!loose_content(x, &f, (struct bytes){s->p + off + f.hdr_len, (size_t)f.pay_len}))
			return;
		off += f.hdr_len + f.pay_len;
	}
}

static void side(struct ws_side *x, const struct ws_pmd *pmd)
{
	struct cap_ws *w = &x->p->c->ws[x->ws];
	struct ws_ev ev;
	x->base = x->p->pos[x->dir];
	ws_dec_init(&x->dec, &xalloc, x->dir == 0 ? WS_SERVER : WS_CLIENT, NULL, pmd);
	ws_dec_feed(&x->dec, cap_rest(x->p, x->dir));
	for (;;) {
		enum ws_ev_kind k = ws_dec_next(&x->dec, &ev);
		if (k == WS_NEED || k == WS_CLOSED)
			break;
		if (k == WS_ERROR) {
			w = &x->p->c->ws[x->ws];
			w->error[x->dir] = cap_strf(x->p->c, "%s (%s), at octet %llu", ev.err.what,
				ev.err.ref, (unsigned long long)(x->base + ev.err.off));
			loose(x);
			break;
		}
		if (k == WS_FRAME ? !frame(x, &ev.frame) : k == WS_MESSAGE && !message(x, &ev))
			break;
		if (k == WS_PING || k == WS_PONG || k == WS_CLOSE)
			control(x, &ev);
	}
	ws_dec_fini(&x->dec);
}

static bool earlier(const struct cap_at *a, const struct cap_at *b)
{
	return a->t != b->t ? a->t < b->t : a->pkt < b->pkt;
}

/* The client's n first, then the server's: one list in order of time. */
static void merge_frames(struct cap_ws *w, uint32_t n)
{
	struct cap_ws_frame *v = xmalloc((w->nframes + 1u) * sizeof *v);
	uint32_t *place = xmalloc((w->nframes + 1u) * sizeof *place), k = 0;
	for (uint32_t i = 0, j = n; i < n || j < w->nframes;) {
		bool second = i == n || (j < w->nframes && earlier(&w->frame[j].at, &w->frame[i].at));
		uint32_t from = second ? j++ : i++;
		place[from] = k;
		v[k++] = w->frame[from];
	}
	for (unsigned d = 0; d < 2; d++)
		if (w->close[d] != CAP_NONE)
			w->close[d] = place[w->close[d]];
	xfree(w->frame);
	xfree(place);
	w->frame = v;
	w->frame_cap = w->nframes + 1;
}

static void merge_msgs(struct cap_ws *w, uint32_t n)
{
	struct cap_ws_msg *v = xmalloc((w->nmsgs + 1u) * sizeof *v);
	uint32_t k = 0;
	for (uint32_t i = 0, j = n; i < n || j < w->nmsgs;) {
		bool second = i == n || (j < w->nmsgs && earlier(&w->msg[j].at, &w->msg[i].at));
		v[k++] = w->msg[second ? j++ : i++];
	}
	xfree(w->msg);
	w->msg = v;
	w->msg_cap = w->nmsgs + 1;
}

/* What was agreed. */
static void negotiate(struct capture *c, struct cap_ws *w, const struct h1_head *req,
	const struct h1_head *res, struct ws_pmd pmd[2])
{
	struct bytes ext = h1_value(res, "sec-websocket-extensions"),
		     proto = h1_value(res, "sec-websocket-protocol");
	struct ws_pmd_params agreed = {0};
	memset(pmd, 0, 2 * sizeof pmd[0]);
	w->subprotocol = proto.p ? cap_str(c, proto) : NULL;
	w->extensions = ext.p ? cap_str(c, ext) : NULL;
	if (!ext.p || ws_pmd_check_answer(h1_value(req, "sec-websocket-extensions"), ext, &agreed, NULL) != 1)
		return;
	pmd[0] = ws_pmd_of(&agreed, WS_CLIENT);
	pmd[1] = ws_pmd_of(&agreed, WS_SERVER);
	w->deflate = true;
	struct bytes rest = ext, one;
	w->params = "";
	if (h1_list_next(&rest, &one)) {
		const uint8_t *semi = memchr(one.p, ';', one.n);
		if (semi)
			w->params = cap_str(c, bytes_sub(one, (size_t)(semi + 1 - one.p), one.n));
	}
}

void cap_decode_ws(struct cap_pair *p, uint32_t http, const struct h1_head *req, const struct h1_head *res)
{
	struct capture *c = p->c;
	struct ws_pmd pmd[2];
	uint32_t i = c->nws;
	struct cap_ws *w = CAP_PUSH(c->ws, c->nws, c->ws_cap);
	memset(w, 0, sizeof *w);
	w->conn = p->conn;
	w->http = http;
	w->target = c->http[http].target;
	w->close[0] = w->close[1] = CAP_NONE;
	c->http[http].ws = i;
	negotiate(c, w, req, res, pmd);
	const char *sub = w->subprotocol;
	for (unsigned d = 0; d < 2; d++) {
		struct ws_side x = {.p = p, .ws = i, .dir = d};
		x.gql = sub && (!strcmp(sub, "graphql-transport-ws") || !strcmp(sub, "graphql-ws"));
		x.eio = strstr(c->http[http].target, "EIO=") != NULL;
		uint32_t frames = c->ws[i].nframes, msgs = c->ws[i].nmsgs;
		side(&x, &pmd[d]);
		if (d) {
			merge_frames(&c->ws[i], frames);
			merge_msgs(&c->ws[i], msgs);
		}
	}
}
