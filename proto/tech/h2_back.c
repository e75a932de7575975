/*
 * h2_back: see h2_back.h.
 */
#include "proto/tech/h2_back.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/ws/handshake.h"

static void note(struct h2_back *b, bool up, uint32_t stream, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void note(struct h2_back *b, bool up, uint32_t stream, const char *fmt, ...)
{
	va_list ap;
	if (b->notes_n == H2_FRONT_NOTES)
		return;
	struct h2_note *n = &b->notes[(b->notes_head + b->notes_n++) % H2_FRONT_NOTES];
	*n = (struct h2_note){.up = up, .stream = stream};
	va_start(ap, fmt);
	vsnprintf(n->text, sizeof n->text, fmt, ap);
	va_end(ap);
}

bool h2_back_note(struct h2_back *b, struct h2_note *n)
{
	if (!b->notes_n)
		return false;
	*n = b->notes[b->notes_head];
	b->notes_head = (b->notes_head + 1) % H2_FRONT_NOTES;
	b->notes_n--;
	return true;
}

bool h2_back_init(struct h2_back *b, const struct alloc *al)
{
	struct h2_local local = h2_local_default();
	*b = (struct h2_back){.al = al};
	for (unsigned i = 0; i < H2_LANES; i++) {
		h1_dec_init(&b->lane[i].requests, al, H1_REQUESTS, NULL);
		hfields_init(&b->lane[i].head, al, 65536);
		buf_init(&b->lane[i].up, al, H2_BACK_WAITING_MAX);
		buf_init(&b->lane[i].down, al, H2_BACK_WAITING_MAX);
	}
	return h2_conn_init(&b->h2, al, H2_CLIENT, &local);
}

void h2_back_fini(struct h2_back *b)
{
	for (unsigned i = 0; i < H2_LANES; i++) {
		h1_dec_fini(&b->lane[i].requests);
		hfields_fini(&b->lane[i].head);
		buf_fini(&b->lane[i].up);
		buf_fini(&b->lane[i].down);
	}
	h2_conn_fini(&b->h2);
}

static void request_over(struct h2_lane *l)
{
	l->stream = 0;
	l->sent_end = l->tunnel = l->tunnel_open = l->chunked = l->head_request = l->head_due = false;
	buf_clear(&l->up);
	l->up_at = 0;
}

static void fail(struct h2_back *b, struct h2_lane *l)
{
	if (l->stream)
		h2_conn_rst(&b->h2, l->stream, H2_CANCEL);
	request_over(l);
	l->reset = l->failed = true;
}

void h2_back_open(struct h2_back *b, unsigned lane)
{
	struct h2_lane *l = &b->lane[lane];
	h1_dec_fini(&l->requests);
	h1_dec_init(&l->requests, b->al, H1_REQUESTS, NULL);
	buf_clear(&l->down);
	request_over(l);
	l->open = true;
	l->eof = l->reset = l->failed = false;
}

void h2_back_close(struct h2_back *b, unsigned lane)
{
	struct h2_lane *l = &b->lane[lane];
	if (l->stream)
		h2_conn_rst(&b->h2, l->stream, H2_CANCEL);
	request_over(l);
	l->open = false;
}

/* ---- requests, from HTTP/1.1 to HEADERS and DATA */

static void flush(struct h2_back *b, struct h2_lane *l)
{
	struct bytes left = bytes_sub(buf_bytes(&l->up), l->up_at, l->up.n - l->up_at);
	if (!l->stream || (l->tunnel && !l->tunnel_open) || (!left.n && !l->sent_end))
		return;
	if (!h2_conn_stream(&b->h2, l->stream))
		return; /* all was sent before */
	l->up_at += h2_conn_data(&b->h2, l->stream, left, l->sent_end);
	if (l->up_at == l->up.n) {
		buf_clear(&l->up);
		l->up_at = 0;
	}
}

static bool is_hop(const struct h2_lane *l, struct bytes name)
{
	static const char *const names[] = {
		"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "host", "te"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (bytes_eq_nocase(name, bytes_str(names[i])))
			return true;
	return l->tunnel && bytes_eq_nocase(name, BYTES_LIT("sec-websocket-key"));
}

static bool add_lower(struct hfields *l, struct bytes name, struct bytes value)
{
	char lower[256];
	if (name.n > sizeof lower)
		return false;
	for (size_t i = 0; i < name.n; i++)
		lower[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] + 32 : name.p[i]);
	return hfields_add(l, (struct bytes){(const uint8_t *)lower, name.n}, value, false);
}

static bool convert(struct h2_lane *l, const struct h1_head *h)
{
	hfields_clear(&l->head);
	bool ok = hfields_add(&l->head, BYTES_LIT(":method"), l->tunnel ? BYTES_LIT("CONNECT") : h->method,
			  false) &&
		  hfields_add(&l->head, BYTES_LIT(":scheme"), BYTES_LIT("http"), false) &&
		  hfields_add(&l->head, BYTES_LIT(":path"), h->target, false) &&
		  hfields_add(&l->head, BYTES_LIT(":authority"), h1_value(h, "Host"), false);
	if (l->tunnel)
		ok = ok && hfields_add(&l->head, BYTES_LIT(":protocol"), BYTES_LIT("websocket"), false);
	for (uint32_t i = 0; ok && i < h->n_fields; i++)
		if (!is_hop(l, h->fields[i].name))
			ok = add_lower(&l->head, h->fields[i].name, h->fields[i].value);
	return ok;
}

#define FIELDS_MAX 64

/* Sends the head in l->head, if it may be sent now. */
static void send_head(struct h2_back *b, struct h2_lane *l)
{
	struct hfield fields[FIELDS_MAX];
	size_t n = l->head.count < FIELDS_MAX ? l->head.count : FIELDS_MAX;
	if (l->tunnel && !b->settled) {
		l->head_due = true;
		return;
	}
	l->head_due = false;
	if (l->tunnel && !b->h2.peer_extended_connect) {
		note(b, false, 0, "the server has not set ENABLE_CONNECT_PROTOCOL (RFC 8441 3)");
		fail(b, l);
		return;
	}
	for (size_t i = 0; i < n; i++)
		fields[i] = hfields_at(&l->head, i);
	bool bodyless = !l->tunnel && l->sent_end;
	l->stream = h2_conn_request(&b->h2, fields, n, bodyless);
	if (!l->stream)
		fail(b, l);
	else
		note(b, true, l->stream, "%.*s %.*s", (int)fields[0].value.n, (const char *)fields[0].value.p,
			(int)fields[2].value.n, (const char *)fields[2].value.p);
}

static void on_head(struct h2_back *b, struct h2_lane *l, const struct h1_head *h)
{
	struct bytes key = h1_value(h, "Sec-WebSocket-Key");
	if (l->stream || l->head_due) { /* pipelining is HTTP/1.1's */
		fail(b, l);
		return;
	}
	l->tunnel = h->upgrade && key.p;
	l->sent_end = h->framing == H1_FRAMING_NONE && !l->tunnel;
	l->head_request = bytes_eq_str(h->method, "HEAD");
	if (l->tunnel)
		ws_accept(key, l->accept);
	if (convert(l, h))
		send_head(b, l);
	else
		fail(b, l);
}

static void up(struct h2_back *b, struct h2_lane *l, struct bytes data)
{
	if (l->up_at > 65536 || (l->up_at && l->up.n + data.n > H2_BACK_WAITING_MAX)) {
		buf_drop(&l->up, l->up_at);
		l->up_at = 0;
	}
	buf_add(&l->up, data);
	if (data.n)
		note(b, true, l->stream, "DATA, %zu octets", data.n);
	if (l->up.failed)
		fail(b, l);
}

void h2_back_write(struct h2_back *b, unsigned lane, struct bytes data)
{
	struct h2_lane *l = &b->lane[lane];
	struct h1_ev ev;
	if (!l->open || l->failed)
		return;
	if (l->tunnel) {
		up(b, l, data);
		flush(b, l);
		return;
	}
	h1_dec_feed(&l->requests, data);
	for (;;) {
		switch (h1_dec_next(&l->requests, &ev)) {
		case H1_HEAD:
			on_head(b, l, &ev.head);
			break;
		case H1_DATA:
			up(b, l, ev.data);
			break;
		case H1_END:
			l->sent_end = !l->tunnel;
			break;
		case H1_NEED:
		case H1_CLOSED:
			flush(b, l);
			return;
		case H1_ERROR:
			fail(b, l);
			return;
		default:
			break;
		}
		if (l->failed)
			return;
		if (l->tunnel && ev.kind == H1_END) {
			up(b, l, h1_dec_rest(&l->requests, NULL));
			return;
		}
	}
}

/* ---- answers, from HEADERS and DATA to HTTP/1.1 */

static struct h2_lane *lane_of(struct h2_back *b, uint32_t stream)
{
	for (unsigned i = 0; i < H2_LANES; i++)
		if (stream && b->lane[i].stream == stream)
			return &b->lane[i];
	return NULL;
}

static void put_fields(struct h2_lane *l, const struct hfields *f)
{
	char name[256];
	for (size_t i = 0; i < f->count; i++) {
		struct hfield h = hfields_at(f, i);
		if (h.name.p[0] == ':' || h.name.n >= sizeof name)
			continue;
		memcpy(name, h.name.p, h.name.n);
		name[h.name.n] = '\0';
		h1_put_field(&l->down, name, h.value);
	}
}

static void answer_over(struct h2_back *b, struct h2_lane *l)
{
	bool unfinished = !l->sent_end || l->up.n > l->up_at;
	if (unfinished) /* it was answered before it was complete */
		h2_conn_rst(&b->h2, l->stream, H2_NO_ERROR);
	l->eof = l->tunnel || unfinished;
	request_over(l);
}

static void on_answer(struct h2_back *b, struct h2_lane *l, const struct h2_event *ev)
{
	bool has_length;
	hfields_get(ev->fields, "content-length", &has_length);
	struct bytes type = hfields_get(ev->fields, "content-type", NULL);
	bool interim = ev->status < 200;
	bool none = ev->end_stream || l->head_request || ev->status == 204 || ev->status == 304;
	note(b, false, l->stream, "%d %.*s", ev->status, (int)type.n, (const char *)type.p);
	if (l->tunnel && ev->status == 200) {
		h1_put_status_line(&l->down, 101, NULL);
		h1_put_field_str(&l->down, "Upgrade", "websocket");
		h1_put_field_str(&l->down, "Connection", "Upgrade");
		h1_put_field_str(&l->down, "Sec-WebSocket-Accept", l->accept);
		l->tunnel_open = true;
	} else {
		h1_put_status_line(&l->down, (unsigned)ev->status, NULL);
		l->chunked = !interim && !none && !has_length;
		if (l->chunked)
			h1_put_field_str(&l->down, "Transfer-Encoding", "chunked");
		else if (!interim && ev->end_stream && !has_length && !l->head_request && ev->status != 204 &&
			 ev->status != 304)
			h1_put_field_str(&l->down, "Content-Length", "0");
	}
	put_fields(l, ev->fields);
	h1_put_end(&l->down);
	if (ev->end_stream)
		answer_over(b, l);
	else
		flush(b, l);
}

static void on_content(struct h2_back *b, struct h2_lane *l, const struct h2_event *ev)
{
	if (ev->data.n)
		note(b, false, l->stream, "DATA, %zu octets", ev->data.n);
	if (l->chunked)
		h1_put_chunk(&l->down, ev->data, BYTES_NONE);
	else
		buf_add(&l->down, ev->data);
	if (!ev->end_stream)
		return;
	if (l->chunked)
		h1_put_last_chunk(&l->down, NULL, 0);
	answer_over(b, l);
}

static void everything_over(struct h2_back *b)
{
	for (unsigned i = 0; i < H2_LANES; i++)
		if (b->lane[i].open) {
			request_over(&b->lane[i]);
			b->lane[i].reset = b->lane[i].failed = true;
		}
}

static void on_settings(struct h2_back *b)
{
	b->settled = true;
	for (unsigned i = 0; i < H2_LANES; i++) {
		if (b->lane[i].head_due)
			send_head(b, &b->lane[i]);
		flush(b, &b->lane[i]);
	}
}

static void on_event(struct h2_back *b, const struct h2_event *ev)
{
	struct h2_lane *l = lane_of(b, ev->stream);
	switch (ev->kind) {
	case H2_EV_SETTINGS:
		on_settings(b);
		break;
	case H2_EV_WINDOW:
		for (unsigned i = 0; i < H2_LANES; i++)
			flush(b, &b->lane[i]);
		break;
	case H2_EV_HEADERS:
		if (l)
			on_answer(b, l, ev);
		break;
	case H2_EV_DATA:
	case H2_EV_TRAILERS:
		if (l)
			on_content(b, l, ev);
		break;
	case H2_EV_RESET:
	case H2_EV_STREAM_FAULT:
		note(b, ev->kind == H2_EV_STREAM_FAULT, ev->stream, "RST_STREAM, %s",
			ev->kind == H2_EV_RESET ? "by the server" : ev->fault.err.what);
		if (l) {
			request_over(l);
			l->reset = l->failed = true;
		}
		break;
	case H2_EV_GOAWAY:
		note(b, false, 0, "GOAWAY");
		for (unsigned i = 0; i < H2_LANES; i++)
			if (b->lane[i].open && !b->lane[i].stream)
				b->lane[i].eof = true;
		break;
	case H2_EV_CONN_FAULT:
		note(b, true, 0, "GOAWAY: %s (%s)", ev->fault.err.what, ev->fault.err.ref);
		everything_over(b);
		break;
	default:
		break;
	}
}

void h2_back_data(struct h2_back *b, struct bytes in)
{
	struct h2_event ev;
	h2_conn_calm(&b->h2); /* the server was chosen by the user; what it sends is what was asked for */
	h2_conn_feed(&b->h2, in);
	while (h2_conn_next(&b->h2, &ev) == 1)
		on_event(b, &ev);
	if (b->h2.oom)
		everything_over(b);
}

struct bytes h2_back_out(const struct h2_back *b)
{
	return h2_conn_out(&b->h2);
}

void h2_back_sent(struct h2_back *b, size_t n)
{
	h2_conn_sent(&b->h2, n);
	for (unsigned i = 0; i < H2_LANES; i++)
		flush(b, &b->lane[i]);
}

enum h2_back_ev h2_back_next(struct h2_back *b, unsigned *lane, struct bytes *data)
{
	for (unsigned i = 0; i < H2_LANES; i++) {
		struct h2_lane *l = &b->lane[i];
		*lane = i;
		if (!l->open)
			continue;
		if (l->down.failed)
			l->reset = true;
		if (l->down.n && !l->reset) {
			/* Handed out once: dropped with the next write to it, which no call makes before this one returns. */
			*data = buf_bytes(&l->down);
			l->down.n = 0;
			return H2_BACK_DATA;
		}
		if (l->reset || l->eof) {
			bool reset = l->reset;
			l->open = false;
			return reset ? H2_BACK_RESET : H2_BACK_EOF;
		}
	}
	return H2_BACK_NONE;
}
