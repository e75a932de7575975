/*
 * h2_front: see h2_front.h.
 *
 * The life of a stream's record: made by HEADERS; `whole` when the request has been handed on; `answered` when the
 * endpoint's answer is complete; dead when all of it has been sent or either side has reset the stream. Dead records are
 * freed at the end of a call, never in the middle of one.
 */
#include "proto/tech/h2_front.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct h2_front_stream {
	struct h2_front_stream *next;
	uint32_t id;
	struct tech_conn conn;
	struct buf head, content; /* the request, as HTTP/1.1 */
	struct h1_dec answer;
	struct buf out; /* content of the answer that the windows hold back */
	size_t out_at;
	bool whole, tunnel, answered, headers_sent, dead;
};

int h2_front_sniff(struct bytes in)
{
	size_t n = in.n < H2_PREFACE_LEN ? in.n : H2_PREFACE_LEN;
	if (n && memcmp(in.p, H2_PREFACE, n) != 0)
		return 0;
	return n < 16 ? -1 : 1; /* no request line of HTTP/1.1 begins like the first 16 octets */
}

static void note(struct h2_front *f, bool up, uint32_t stream, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void note(struct h2_front *f, bool up, uint32_t stream, const char *fmt, ...)
{
	va_list ap;
	if (f->notes_n == H2_FRONT_NOTES)
		return;
	struct h2_note *n = &f->notes[(f->notes_head + f->notes_n++) % H2_FRONT_NOTES];
	*n = (struct h2_note){.up = up, .stream = stream};
	va_start(ap, fmt);
	vsnprintf(n->text, sizeof n->text, fmt, ap);
	va_end(ap);
}

bool h2_front_note(struct h2_front *f, struct h2_note *n)
{
	if (!f->notes_n)
		return false;
	*n = f->notes[f->notes_head];
	f->notes_head = (f->notes_head + 1) % H2_FRONT_NOTES;
	f->notes_n--;
	return true;
}

bool h2_front_init(struct h2_front *f, const struct alloc *al, struct tech_server *srv)
{
	struct h2_local local = h2_local_default();
	*f = (struct h2_front){.al = al, .srv = srv, .calmed_ns = INT64_MIN};
	local.extended_connect = true;
	tech_outs_init(&f->outs, al);
	return h2_conn_init(&f->h2, al, H2_SERVER, &local);
}

static void stream_free(struct h2_front *f, struct h2_front_stream *s)
{
	tech_conn_fini(&s->conn);
	h1_dec_fini(&s->answer);
	buf_fini(&s->head);
	buf_fini(&s->content);
	buf_fini(&s->out);
	alloc_put(f->al, s, sizeof *s);
}

static void reap(struct h2_front *f, bool all)
{
	for (struct h2_front_stream **at = &f->streams; *at;) {
		struct h2_front_stream *s = *at;
		if (!s->dead && !all) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		stream_free(f, s);
	}
}

void h2_front_fini(struct h2_front *f)
{
	reap(f, true);
	tech_outs_fini(&f->outs);
	h2_conn_fini(&f->h2);
}

static struct h2_front_stream *find(struct h2_front *f, uint32_t id)
{
	struct h2_front_stream *s = f->streams;
	while (s && (s->id != id || s->dead))
		s = s->next;
	return s;
}

static struct h2_front_stream *stream_new(struct h2_front *f, uint32_t id, int64_t now)
{
	struct h2_front_stream *s = alloc_get(f->al, sizeof *s);
	if (!s)
		return NULL;
	memset(s, 0, sizeof *s);
	s->id = id;
	s->next = f->streams;
	f->streams = s;
	tech_conn_init(&s->conn, f->srv);
	h1_dec_init(&s->answer, f->al, H1_RESPONSES, NULL);
	buf_init(&s->head, f->al, H2_FRONT_CONTENT_MAX + (1u << 20)); /* the content joins it */
	buf_init(&s->content, f->al, H2_FRONT_CONTENT_MAX);
	buf_init(&s->out, f->al, H2_FRONT_WAITING_MAX);
	struct tech_in up = {.kind = TECH_IN_UP, .now_ns = now};
	tech_conn_input(&s->conn, &up, &f->outs);
	return s;
}

/* ---- the answer, from HTTP/1.1 to HEADERS and DATA */

static void reset(struct h2_front *f, struct h2_front_stream *s, enum h2_error code)
{
	h2_conn_rst(&f->h2, s->id, code);
	s->dead = true;
}

/* Sends what the windows allow. */
static void flush(struct h2_front *f, struct h2_front_stream *s)
{
	if (s->dead || !s->headers_sent)
		return;
	struct bytes left = bytes_sub(buf_bytes(&s->out), s->out_at, s->out.n - s->out_at);
	if (!left.n && !s->answered)
		return;
	s->out_at += h2_conn_data(&f->h2, s->id, left, s->answered);
	if (s->out_at < s->out.n)
		return;
	buf_clear(&s->out);
	s->out_at = 0;
	s->dead = s->answered;
}

/* Does a field concern the connection, or the handshake that HTTP/2 does not have? */
static bool is_hop(const struct h2_front_stream *s, struct bytes name)
{
	static const char *const names[] = {
		"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (bytes_eq_nocase(name, bytes_str(names[i])))
			return true;
	return s->tunnel && (bytes_eq_nocase(name, BYTES_LIT("sec-websocket-accept")) ||
				    bytes_eq_nocase(name, BYTES_LIT("content-length")));
}

#define FIELDS_MAX 64

static void send_head(struct h2_front *f, struct h2_front_stream *s, const struct h1_head *h)
{
	struct hfield fields[FIELDS_MAX];
	struct buf names; /* in lower case, RFC 9113 8.2.1 */
	char status[8];
	size_t n = 1;
	unsigned code = h->status == 101 && s->tunnel ? 200 : h->status; /* RFC 8441 5 */
	snprintf(status, sizeof status, "%u", code);
	fields[0] = (struct hfield){BYTES_LIT(":status"), bytes_str(status), false};
	buf_init(&names, f->al, 1u << 16);
	size_t octets = 0;
	for (uint32_t i = 0; i < h->n_fields; i++)
		octets += h->fields[i].name.n;
	bool ok = buf_reserve(&names, octets + 1);
	for (uint32_t i = 0; ok && i < h->n_fields && n < FIELDS_MAX; i++) {
		struct bytes name = h->fields[i].name;
		if (is_hop(s, name))
			continue;
		size_t at = names.n;
		for (size_t k = 0; k < name.n; k++)
			buf_u8(&names, name.p[k] >= 'A' && name.p[k] <= 'Z' ? name.p[k] + 32u : name.p[k]);
		fields[n++] =
			(struct hfield){bytes_sub(buf_bytes(&names), at, name.n), h->fields[i].value, false};
	}
	bool end = h->framing == H1_FRAMING_NONE && !h->interim && !h->switches;
	ok = ok && h2_conn_headers(&f->h2, s->id, fields, n, end);
	buf_fini(&names);
	if (!h->interim)
		s->headers_sent = true;
	struct bytes type = h1_value(h, "Content-Type");
	note(f, false, s->id, "%s %.*s", status, (int)type.n, (const char *)type.p);
	if (!ok)
		reset(f, s, H2_INTERNAL_ERROR);
	else if (end)
		s->dead = s->answered = true;
}

static void content(struct h2_front *f, struct h2_front_stream *s, struct bytes data)
{
	if (!data.n)
		return;
	if (s->out_at > 65536 || (s->out_at && s->out.n + data.n > H2_FRONT_WAITING_MAX)) {
		buf_drop(&s->out, s->out_at);
		s->out_at = 0;
	}
	buf_add(&s->out, data);
	note(f, false, s->id, "DATA, %zu octets", data.n);
	if (s->out.failed)
		reset(f, s, H2_ENHANCE_YOUR_CALM); /* the client lets its windows be full */
}

/* What the endpoint wrote, or that it has finished (`end`). */
static void answer(struct h2_front *f, struct h2_front_stream *s, struct bytes data, bool end)
{
	struct h1_ev ev;
	if (end)
		h1_dec_eof(&s->answer);
	else
		h1_dec_feed(&s->answer, data);
	while (!s->dead && !s->answered) {
		switch (h1_dec_next(&s->answer, &ev)) {
		case H1_HEAD:
			send_head(f, s, &ev.head);
			break;
		case H1_DATA:
			content(f, s, ev.data);
			break;
		case H1_END:
			/* An interim answer or a 101 has an end, too. */
			s->answered = s->headers_sent && !s->tunnel;
			break;
		case H1_SWITCHED:
			content(f, s, h1_dec_rest(&s->answer, NULL));
			return;
		case H1_CLOSED:
			s->answered = s->headers_sent;
			return;
		case H1_TRUNCATED:
		case H1_ERROR:
			reset(f, s, H2_INTERNAL_ERROR);
			return;
		case H1_NEED:
			return;
		default:
			break;
		}
	}
}

static void wrote(struct h2_front *f, struct h2_front_stream *s, struct bytes data)
{
	if (s->tunnel && s->headers_sent)
		content(f, s, data);
	else
		answer(f, s, data, false);
	flush(f, s);
}

static void closed(struct h2_front *f, struct h2_front_stream *s)
{
	if (s->dead)
		return;
	if (s->tunnel && s->headers_sent)
		s->answered = true;
	else if (!s->answered)
		answer(f, s, BYTES_NONE, true);
	if (!s->dead && !s->headers_sent)
		reset(f, s, H2_INTERNAL_ERROR); /* it closed without a word */
	flush(f, s);
}

static void take_outputs(struct h2_front *f, struct h2_front_stream *s, struct tech_outs *q)
{
	struct tech_out o;
	while (tech_next(q, &o)) {
		if (o.kind == TECH_OUT_WRITE) {
			if (!s->dead)
				wrote(f, s, slice_bytes(o.data));
			blob_unref(o.data.blob);
		} else if (o.kind == TECH_OUT_CLOSE) {
			closed(f, s);
		} else if (o.kind == TECH_OUT_ABORT && !s->dead) {
			reset(f, s, H2_CANCEL);
		} else if (o.kind == TECH_OUT_MESSAGE) {
			note(f, true, s->id, "message %llu from the client", (unsigned long long)o.id);
		} else if (o.kind == TECH_OUT_NOTE && o.what) {
			note(f, true, s->id, "%s (%s)", o.what, o.ref);
		}
	}
	if (q->failed && !s->dead)
		reset(f, s, H2_INTERNAL_ERROR);
}

static void input(
	struct h2_front *f, struct h2_front_stream *s, enum tech_in_kind kind, struct bytes data, int64_t now)
{
	struct tech_in in = {.kind = kind, .data = data, .now_ns = now, .why = TECH_WHY_RESET};
	tech_conn_input(&s->conn, &in, &f->outs);
	take_outputs(f, s, &f->outs);
}

/* ---- the request, from HEADERS and DATA to HTTP/1.1 */

static void simple_answer(struct h2_front *f, struct h2_front_stream *s, const char *status)
{
	struct hfield fields[] = {{BYTES_LIT(":status"), bytes_str(status), false},
		{BYTES_LIT("content-length"), BYTES_LIT("0"), false}};
	h2_conn_headers(&f->h2, s->id, fields, 2, true);
	note(f, false, s->id, "%s", status);
	s->dead = true;
}

static bool put_request_line(struct h2_front_stream *s, const struct hfields *l, struct bytes *method)
{
	struct bytes target = hfields_get(l, ":path", NULL), authority = hfields_get(l, ":authority", NULL);
	bool has_host;
	*method = hfields_get(l, ":method", NULL);
	s->tunnel = bytes_eq_str(hfields_get(l, ":protocol", NULL), "websocket");
	if (s->tunnel)
		*method = BYTES_LIT("GET");
	else if (bytes_eq_str(*method, "CONNECT"))
		target = authority;
	hfields_get(l, "host", &has_host);
	return h1_put_request_line(&s->head, *method, target) &&
	       (has_host || h1_put_field(&s->head, "Host", authority));
}

/* The head but for its end: the length of the content is not known yet. */
static bool put_head(struct h2_front_stream *s, const struct hfields *l, struct bytes *method)
{
	char name[256];
	if (!put_request_line(s, l, method))
		return false;
	for (size_t i = 0; i < l->count; i++) {
		struct hfield h = hfields_at(l, i);
		bool skip = h.name.p[0] == ':' || bytes_eq_str(h.name, "content-length") ||
			    bytes_eq_str(h.name, "expect");
		if (skip)
			continue;
		if (h.name.n >= sizeof name)
			return false;
		memcpy(name, h.name.p, h.name.n);
		name[h.name.n] = '\0';
		if (!h1_put_field(&s->head, name, h.value))
			return false;
	}
	/* A key is for a handshake that HTTP/2 does not have; the endpoint wants one all the same (RFC 8441 5). */
	if (s->tunnel)
		buf_str(&s->head, "Upgrade: websocket\r\nConnection: Upgrade\r\n"
				  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n");
	return !s->head.failed;
}

/* The request is whole: the endpoint gets it. */
static void hand_on(struct h2_front *f, struct h2_front_stream *s, int64_t now)
{
	s->whole = true;
	if (s->content.n)
		h1_put_field_dec(&s->head, "Content-Length", s->content.n);
	h1_put_end(&s->head);
	buf_add(&s->head, buf_bytes(&s->content));
	if (s->head.failed) {
		reset(f, s, H2_INTERNAL_ERROR);
		return;
	}
	/* The decoder borrows its input until it has read all of it, which it does in this call. */
	input(f, s, TECH_IN_DATA, buf_bytes(&s->head), now);
	buf_fini(&s->head);
	buf_fini(&s->content);
}

static void on_request(struct h2_front *f, const struct h2_event *ev, int64_t now)
{
	struct h2_front_stream *s = stream_new(f, ev->stream, now);
	struct bytes method;
	if (!s) {
		h2_conn_rst(&f->h2, ev->stream, H2_INTERNAL_ERROR);
		return;
	}
	struct bytes path = hfields_get(ev->fields, ":path", NULL);
	bool ok = !ev->too_large && put_head(s, ev->fields, &method);
	struct bytes shown = hfields_get(ev->fields, ":method", NULL);
	note(f, true, s->id, "%.*s %.*s", (int)shown.n, (const char *)shown.p, (int)path.n,
		(const char *)path.p);
	if (!ok) {
		simple_answer(f, s, ev->too_large ? "431" : "400");
		return;
	}
	h1_dec_expect(&s->answer, method);
	/* CONNECT has no content; what follows on its stream is for the other side of a tunnel (RFC 9113 8.5). */
	if (ev->end_stream || s->tunnel || bytes_eq_str(method, "CONNECT")) {
		hand_on(f, s, now);
	} else if (bytes_eq_nocase(hfields_get(ev->fields, "expect", NULL), BYTES_LIT("100-continue"))) {
		struct hfield go = {BYTES_LIT(":status"), BYTES_LIT("100"), false};
		h2_conn_headers(&f->h2, s->id, &go, 1, false);
	}
}

static void on_content(struct h2_front *f, const struct h2_event *ev, int64_t now)
{
	struct h2_front_stream *s = find(f, ev->stream);
	if (!s)
		return; /* answered before its request was whole */
	if (ev->data.n)
		note(f, true, s->id, "DATA, %zu octets", ev->data.n);
	if (s->tunnel) {
		if (ev->data.n)
			input(f, s, TECH_IN_DATA, ev->data, now);
		if (ev->end_stream && !s->dead)
			input(f, s, TECH_IN_EOF, BYTES_NONE, now);
		return;
	}
	buf_add(&s->content, ev->data);
	if (s->content.failed)
		simple_answer(f, s, "413");
	else if (ev->end_stream)
		hand_on(f, s, now);
}

static void on_event(struct h2_front *f, const struct h2_event *ev, int64_t now)
{
	struct h2_front_stream *s;
	switch (ev->kind) {
	case H2_EV_HEADERS:
		on_request(f, ev, now);
		break;
	case H2_EV_TRAILERS:
	case H2_EV_DATA:
		on_content(f, ev, now);
		break;
	case H2_EV_RESET:
	case H2_EV_STREAM_FAULT:
		note(f, ev->kind == H2_EV_RESET, ev->stream, "RST_STREAM, %s",
			ev->kind == H2_EV_RESET ? "by the client" : ev->fault.err.what);
		if ((s = find(f, ev->stream))) {
			s->dead = true;
			input(f, s, TECH_IN_RESET, BYTES_NONE, now);
		}
		break;
	case H2_EV_WINDOW:
	case H2_EV_SETTINGS:
		for (s = f->streams; s; s = s->next)
			flush(f, s);
		break;
	case H2_EV_GOAWAY:
		note(f, true, 0, "GOAWAY");
		break;
	case H2_EV_CONN_FAULT:
		note(f, false, 0, "GOAWAY: %s (%s)", ev->fault.err.what, ev->fault.err.ref);
		break;
	default:
		break;
	}
}

void h2_front_data(struct h2_front *f, struct bytes in, int64_t now)
{
	struct h2_event ev;
	if (f->calmed_ns == INT64_MIN || now - f->calmed_ns >= 1000000000) {
		h2_conn_calm(&f->h2);
		f->calmed_ns = now;
	}
	h2_conn_feed(&f->h2, in);
	while (h2_conn_next(&f->h2, &ev) == 1)
		on_event(f, &ev, now);
	f->ended = f->ended || f->h2.state == H2_CONN_CLOSED;
	reap(f, false);
}

void h2_front_time(struct h2_front *f, int64_t now)
{
	for (struct h2_front_stream *s = f->streams; s; s = s->next)
		if (!s->dead && tech_conn_wake_at(&s->conn) <= now)
			input(f, s, TECH_IN_TIME, BYTES_NONE, now);
	reap(f, false);
}

int64_t h2_front_wake_at(const struct h2_front *f)
{
	int64_t at = TECH_NEVER;
	for (const struct h2_front_stream *s = f->streams; s; s = s->next)
		if (!s->dead && tech_conn_wake_at(&s->conn) < at)
			at = tech_conn_wake_at(&s->conn);
	return at;
}

void h2_front_stop(struct h2_front *f, int64_t now)
{
	h2_conn_goaway(&f->h2, H2_NO_ERROR, "");
	for (struct h2_front_stream *s = f->streams; s; s = s->next)
		if (!s->dead)
			input(f, s, TECH_IN_STOP, BYTES_NONE, now);
	f->ended = true;
	reap(f, false);
}

bool h2_front_take(struct h2_front *f, struct tech_conn *c, struct tech_outs *q)
{
	for (struct h2_front_stream *s = f->streams; s; s = s->next)
		if (&s->conn == c) {
			take_outputs(f, s, q);
			return true;
		}
	return false;
}

struct bytes h2_front_out(const struct h2_front *f)
{
	return h2_conn_out(&f->h2);
}

void h2_front_sent(struct h2_front *f, size_t n)
{
	h2_conn_sent(&f->h2, n);
	for (struct h2_front_stream *s = f->streams; s; s = s->next)
		flush(f, s);
	reap(f, false);
}
