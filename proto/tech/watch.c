/*
 * watch: see watch.h. Each direction has an HTTP decoder, later perhaps a WebSocket decoder; the downward one also an
 * event stream decoder fed with body data, whose offsets count body octets and are translated back into the stream.
 */
#include "proto/tech/watch.h"

#include "proto/http1/http1.h"
#include "proto/sse/sse.h"
#include "proto/ws/ws.h"

#include <stdio.h>
#include <string.h>

enum mode { MODE_HTTP, MODE_WS, MODE_OFF };

struct way {
	enum mode mode;
	struct h1_dec h1;
	struct ws_dec ws;
	uint64_t fed;              /* stream octets seen */
	struct watch_unit message; /* HTTP: the one under way */
	bool at_head;              /* it was told at its head, not at its end */
	struct ws_frame frame;     /* WebSocket: the one under way */
	bool in_frame;
};

struct watch {
	const struct alloc *al;
	struct way way[2]; /* [1] = up */
	struct sse_dec sse;
	bool sse_on;
	uint64_t body;      /* body octets handed to sse so far */
	uint64_t block_off; /* stream offset of the event block under way */
	bool block_open;    /* block_off is set */
	struct watch_unit *q;
	uint32_t n, at, cap;
};

struct watch *watch_new(const struct alloc *al)
{
	struct watch *w = alloc_get(al, sizeof *w);
	if (!w)
		return NULL;
	memset(w, 0, sizeof *w);
	w->al = al;
	h1_dec_init(&w->way[1].h1, al, H1_REQUESTS, NULL);
	h1_dec_init(&w->way[0].h1, al, H1_RESPONSES, NULL);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < 2; i++) {
		h1_dec_fini(&w->way[i].h1);
		if (w->way[i].mode == MODE_WS)
			ws_dec_fini(&w->way[i].ws);
	}
	if (w->sse_on)
		sse_dec_fini(&w->sse);
	alloc_put(w->al, w->q, w->cap * sizeof *w->q);
	alloc_put(w->al, w, sizeof *w);
}

bool watch_next(struct watch *w, struct watch_unit *u)
{
	if (w->at == w->n) {
		w->at = w->n = 0;
		return false;
	}
	*u = w->q[w->at++];
	return true;
}

static void push(struct watch *w, const struct watch_unit *u)
{
	if (w->n == w->cap) {
		uint32_t cap = w->cap ? w->cap * 2 : 8;
		void *p = w->al->resize(w->al->ctx, w->q, w->cap * sizeof *w->q, cap * sizeof *w->q);
		if (!p)
			return; /* a unit less to show; the octets themselves are elsewhere */
		w->q = p;
		w->cap = cap;
	}
	w->q[w->n++] = *u;
}

static void say(struct watch_unit *u, struct bytes a, const char *between, struct bytes b)
{
	size_t n = 0;
	struct bytes part[3] = {a, bytes_str(between), b};
	for (unsigned i = 0; i < 3; i++)
		for (size_t k = 0; k < part[i].n && n + 1 < sizeof u->text; k++)
			u->text[n++] =
				(char)(part[i].p[k] >= 0x20 && part[i].p[k] < 0x7f ? part[i].p[k] : '.');
	u->text[n] = 0;
}

static void error(struct watch *w, struct way *y, bool up, struct perr err)
{
	struct watch_unit u = {.kind = WATCH_ERROR, .up = up, .off = err.off};
	say(&u, bytes_str(err.what), " ", bytes_str(err.ref));
	push(w, &u);
	y->mode = MODE_OFF;
}

/* ---------------------------------------------------------------------------------------------- event streams */

static void events(struct watch *w, struct bytes data, uint64_t stream_off)
{
	struct sse_ev ev;
	if (!w->block_open) {
		w->block_off = stream_off;
		w->block_open = true;
	}
	sse_dec_feed(&w->sse, data);
	for (;;) {
		enum sse_ev_kind k = sse_dec_next(&w->sse, &ev);
		if (k == SSE_NEED || k == SSE_ERROR || k == SSE_END)
			break;
		if (k != SSE_EVENT && k != SSE_COMMENT)
			continue;
		uint64_t end_body = ev.off + ev.len; /* lies in this piece: it was completed by it */
		uint64_t end = stream_off + (end_body > w->body ? end_body - w->body : 0);
		struct watch_unit u = {
			.kind = k == SSE_EVENT ? WATCH_EVENT : WATCH_COMMENT, .off = w->block_off};
		if (ev.off >= w->body)
			u.off = stream_off + (ev.off - w->body);
		u.len = end > u.off ? end - u.off : 0;
		say(&u, k == SSE_EVENT ? ev.type : BYTES_LIT("comment"), " ",
			k == SSE_EVENT ? ev.id : ev.data);
		push(w, &u);
		w->block_off = end;
	}
	w->body += data.n;
}

/* --------------------------------------------------------------------------------------------------- messages */

static void switch_to_ws(struct watch *w, bool up)
{
	struct way *y = &w->way[up];
	/* a watch reads both sides of whatever was agreed: RSV1 is legal, messages need not be undone */
	ws_dec_init(&y->ws, w->al, up ? WS_SERVER : WS_CLIENT, NULL, &(struct ws_pmd){.on = true});
	y->mode = MODE_WS;
}

static bool lasts(const struct h1_head *h)
{
	struct bytes type = h1_media_type(h1_value(h, "content-type"));
	return bytes_eq_nocase(type, BYTES_LIT("text/event-stream")) || h->framing == H1_FRAMING_UNTIL_CLOSE;
}

static void head(struct watch *w, struct way *y, bool up, const struct h1_head *h)
{
	struct watch_unit *u = &y->message;
	*u = (struct watch_unit){
		.kind = up ? WATCH_REQUEST : WATCH_RESPONSE, .up = up, .off = h->off, .len = h->len};
	if (up) {
		say(u, h->method, " ", h->target);
		h1_dec_expect(&w->way[0].h1, h->method);
		y->at_head = false;
		return;
	}
	char status[8];
	snprintf(status, sizeof status, "%u", h->status);
	say(u, bytes_str(status), " ", h->reason.n ? h->reason : bytes_str(h1_reason(h->status)));
	y->at_head = lasts(h);
	if (!y->at_head)
		return;
	push(w, u);
	struct bytes type = h1_media_type(h1_value(h, "content-type"));
	if (h->status == 200 && bytes_eq_nocase(type, BYTES_LIT("text/event-stream")) &&
		!h1_count(h, "content-encoding")) {
		if (w->sse_on)
			sse_dec_fini(&w->sse);
		sse_dec_init(&w->sse, w->al, NULL, 0);
		w->sse_on = true;
		w->body = 0;
		w->block_open = false;
	}
}

static void http(struct watch *w, struct way *y, bool up)
{
	struct h1_ev ev;
	for (;;) {
		switch (h1_dec_next(&y->h1, &ev)) {
		case H1_HEAD:
			head(w, y, up, &ev.head);
			break;
		case H1_DATA:
			if (!up && y->at_head && w->sse_on)
				events(w, ev.data, ev.off);
			break;
		case H1_END:
			if (!y->at_head) {
				y->message.len = ev.off + ev.len - y->message.off;
				push(w, &y->message);
			}
			break;
		case H1_SWITCHED: {
			struct bytes rest = h1_dec_rest(&y->h1, NULL);
			uint64_t at = y->fed - rest.n;
			switch_to_ws(w, false);
			switch_to_ws(w, true);
			w->way[1].ws.off = w->way[1].fed;
			y->ws.off = at;
			y->fed = at;
			watch_feed(w, up, rest);
			return;
		}
		case H1_ERROR:
			error(w, y, up, ev.err);
			return;
		case H1_CHUNK:
			break;
		default:
			return;
		}
	}
}

/* ----------------------------------------------------------------------------------------------------- frames */

static void frame_done(struct watch *w, struct way *y, bool up)
{
	struct watch_unit u = {.kind = WATCH_FRAME, .up = up, .off = y->frame.off};
	u.len = y->frame.pay_off + y->frame.pay_len - y->frame.off;
	snprintf(u.text, sizeof u.text, "%s, %llu bytes", ws_op_name(y->frame.op),
		(unsigned long long)y->frame.pay_len);
	push(w, &u);
	y->in_frame = false;
}

static void frames(struct watch *w, struct way *y, bool up)
{
	struct ws_ev ev;
	for (;;) {
		enum ws_ev_kind k = ws_dec_next(&y->ws, &ev);
		if (y->in_frame && (k == WS_FRAME || y->fed >= y->frame.pay_off + y->frame.pay_len))
			frame_done(w, y, up);
		if (k == WS_FRAME) {
			y->frame = ev.frame;
			y->in_frame = true;
		} else if (k == WS_ERROR) {
			error(w, y, up, ev.err);
			return;
		} else if (k == WS_NEED || k == WS_CLOSED) {
			return;
		}
	}
}

void watch_feed(struct watch *w, bool up, struct bytes in)
{
	struct way *y = &w->way[up];
	if (!in.n)
		return;
	y->fed += in.n;
	if (y->mode == MODE_HTTP) {
		h1_dec_feed(&y->h1, in);
		http(w, y, up);
	} else if (y->mode == MODE_WS) {
		ws_dec_feed(&y->ws, in);
		frames(w, y, up);
	}
}
