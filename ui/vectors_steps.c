/*
 * Scripts for a live Engine.IO or Socket.IO server: requests, WebSocket messages, time.
 *
 * A step is an object with one of: http (or get, post) with status and body; ws (opens a WebSocket); send; recv; closed;
 * wait_ms; silence. Engine.IO answers every message with the same message; Socket.IO answers "message" with "message-back",
 * says "auth" to who connects, and acknowledges what asks for it, as the protocols' own test servers do. "$sid" in a
 * step stands for the id of the session opened last.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/base/codec.h"
#include "proto/engineio/server.h"
#include "proto/socketio/server.h"
#include "ui/vectors.h"

#define WS 1000u

struct script {
	struct vec_case *c;
	struct eio_server eio;
	struct sio_session sio;
	bool sio_on, sio_open;
	uint32_t session;
	char sid[EIO_SID_LEN + 1];
	int64_t now_ns;
	uint32_t next_conn, ws;
	size_t step;
	json_t *answers;  /* {conn: {status, body}} of requests not yet asked for */
	json_t *messages; /* what the current WebSocket got, in order */
	bool closed;
};

static void pump(struct script *x);

/* What the test server of Socket.IO does. */
static void sio_app(struct script *x)
{
	const struct sio_event *e = &x->sio.event;
	struct buf out;
	buf_init(&out, x->c->al, SIZE_MAX);
	if (e->kind == SIO_EV_CONNECT) {
		buf_str(&out, "[\"auth\",");
		buf_add(&out, e->payload.n ? e->payload : BYTES_LIT("{}"));
		buf_str(&out, "]");
		sio_session_emit(&x->sio, e->nsp, buf_bytes(&out), NULL, 0);
	} else if (e->kind == SIO_EV_EVENT) {
		/* Everything behind the event's name. */
		struct jtext *j = &x->sio.dec.json;
		uint32_t second = jt_at(j, 0, 1);
		struct bytes rest = second == JT_NONE ? BYTES_LIT("]")
						      : bytes_sub(j->text, j->nodes[second].off,
								j->text.n - j->nodes[second].off);
		if (e->has_id) {
			buf_str(&out, "[");
			buf_add(&out, rest);
			sio_session_ack(
				&x->sio, e->nsp, e->id, buf_bytes(&out), e->attachments, e->n_attachments);
		} else {
			buf_str(&out, second == JT_NONE ? "[\"message-back\"" : "[\"message-back\",");
			buf_add(&out, rest);
			sio_session_emit(&x->sio, e->nsp, buf_bytes(&out), e->attachments, e->n_attachments);
		}
	} else if (e->kind == SIO_EV_CLOSE) {
		eio_server_close(&x->eio, x->session);
	}
	buf_fini(&out);
	struct bytes data;
	bool binary;
	while (sio_session_next(&x->sio, &data, &binary))
		eio_server_send(&x->eio, x->session, data, binary);
}

static void on_message(struct script *x, const struct eio_out *o)
{
	struct buf copy;
	buf_init(&copy, x->c->al, SIZE_MAX);
	buf_add(&copy, o->data);
	if (!x->sio_on)
		eio_server_send(&x->eio, o->session, buf_bytes(&copy), o->binary);
	else {
		sio_session_message(&x->sio, buf_bytes(&copy), o->binary);
		sio_app(x);
	}
	buf_fini(&copy);
}

static void on_opened(struct script *x, uint32_t session)
{
	static const char *const namespaces[] = {"/", "/custom", "/admin", NULL};
	x->session = session;
	snprintf(x->sid, sizeof x->sid, "%s",
		eio_server_sid(&x->eio, session) ? eio_server_sid(&x->eio, session) : "");
	if (!x->sio_on)
		return;
	if (x->sio_open)
		sio_session_fini(&x->sio);
	sio_session_init(&x->sio, x->c->al, (struct sio_server_cfg){namespaces, 45000000000, 7}, x->now_ns);
	x->sio_open = true;
}

static json_t *message_json(const struct eio_out *o)
{
	return o->binary ? json_pack("{s:o}", "$bin", vec_hex(o->data)) : vec_string(o->data);
}

static void pump(struct script *x)
{
	struct eio_out o;
	char key[16];
	while (eio_server_next(&x->eio, &o)) {
		switch (o.kind) {
		case EIO_OUT_HTTP:
			snprintf(key, sizeof key, "%u", (unsigned)o.conn);
			json_object_set_new(x->answers, key,
				json_pack("{s:i, s:o, s:s}", "status", (int)o.status, "body",
					vec_string(o.data), "content_type", o.content_type));
			break;
		case EIO_OUT_WS_SEND:
			if (o.conn == x->ws)
				json_array_append_new(x->messages, message_json(&o));
			break;
		case EIO_OUT_WS_CLOSE:
			x->closed |= o.conn == x->ws;
			break;
		case EIO_OUT_MESSAGE:
			on_message(x, &o);
			break;
		case EIO_OUT_OPENED:
			on_opened(x, o.session);
			break;
		default:
			break;
		}
	}
}

/* Lets time run until something may have happened. False: nothing ever will. */
static bool run_on(struct script *x)
{
	int64_t at = eio_server_wake_at(&x->eio);
	if (x->sio_open && sio_session_wake_at(&x->sio) < at)
		at = sio_session_wake_at(&x->sio);
	if (at == EIO_NEVER)
		return false;
	if (at > x->now_ns)
		x->now_ns = at;
	eio_server_time(&x->eio, x->now_ns);
	if (x->sio_open) {
		sio_session_time(&x->sio, x->now_ns);
		sio_app(x);
	}
	pump(x);
	return true;
}

/* "$sid" becomes the session's id. */
static void put_text(struct script *x, struct buf *out, json_t *text)
{
	const char *s = json_string_value(text), *at;
	while (s && (at = strstr(s, "$sid"))) {
		buf_add(out, (struct bytes){(const uint8_t *)s, (size_t)(at - s)});
		buf_str(out, x->sid);
		s = at + 4;
	}
	buf_str(out, s ? s : "");
}

static struct bytes query_of(const struct buf *path)
{
	const uint8_t *q = path->n ? memchr(path->p, '?', path->n) : NULL;
	size_t at = q ? (size_t)(q - path->p) + 1 : 0;
	return bytes_sub(buf_bytes(path), at, path->n - at);
}

/* Compares texts; an open packet's session id is the server's own choice. */
static bool text_same(json_t *want, json_t *got)
{
	const char *a = json_string_value(want), *b = json_string_value(got);
	if (!a || !b)
		return vec_same(want, got);
	size_t n = strlen(a);
	if (n && (a[n - 1] == '*' || (n > 3 && !strcmp(a + n - 3, "…"))))
		return strncmp(a, b, n - (a[n - 1] == '*' ? 1 : 3)) == 0;
	return !strcmp(a, b);
}

static void step_http(struct script *x, json_t *step, const char *method, json_t *target)
{
	struct buf path, body;
	json_t *spec = json_is_object(target) ? target : step, *m = json_object_get(spec, "method");
	json_t *url = json_is_string(target) ? target : json_object_get(spec, "path");
	if (!url)
		url = json_object_get(spec, "url");
	if (!url)
		url = json_object_get(spec, "query");
	buf_init(&path, x->c->al, SIZE_MAX);
	buf_init(&body, x->c->al, SIZE_MAX);
	put_text(x, &path, url);
	put_text(x, &body,
		json_object_get(spec, strcmp(method, "GET") || spec == target ? "body" : "send_body"));
	uint32_t conn = ++x->next_conn;
	char key[16];
	snprintf(key, sizeof key, "%u", (unsigned)conn);
	eio_server_request(&x->eio, conn, m ? vec_text(m) : bytes_str(method), query_of(&path),
		buf_bytes(&body), x->now_ns);
	pump(x);
	json_t *answer = json_object_get(x->answers, key), *status = json_object_get(step, "status"),
	       *want = json_object_get(step, "body");
	for (int i = 0; !answer && i < 8 && run_on(x); i++)
		answer = json_object_get(x->answers, key);
	if (json_object_get(step, "response")) {
		status = json_object_get(json_object_get(step, "response"), "status");
		want = json_object_get(json_object_get(step, "response"), "body");
	}
	if (!answer)
		vec_fail(x->c, "step %zu: no answer", x->step);
	if (status && answer)
		vec_match(x->c, "status", status, json_incref(json_object_get(answer, "status")));
	if (want && answer && spec == target && !text_same(want, json_object_get(answer, "body")))
		vec_match(x->c, "body", want, json_incref(json_object_get(answer, "body")));
	buf_fini(&path);
	buf_fini(&body);
}

static void step_ws(struct script *x, json_t *target)
{
	struct buf path;
	buf_init(&path, x->c->al, SIZE_MAX);
	put_text(x, &path, json_is_object(target) ? json_object_get(target, "path") : target);
	x->ws = WS + ++x->next_conn;
	x->closed = false;
	json_array_clear(x->messages);
	eio_server_ws_open(&x->eio, x->ws, query_of(&path), x->now_ns);
	pump(x);
	buf_fini(&path);
}

/* A script that begins with "send" has a WebSocket open and the handshake behind it. */
static void ensure_open(struct script *x)
{
	if (x->ws)
		return;
	json_t *path = json_string("?EIO=4&transport=websocket");
	step_ws(x, path);
	json_decref(path);
	json_array_remove(x->messages, 0);
}

static void step_send(struct script *x, json_t *message)
{
	struct buf data;
	json_t *bin = json_object_get(message, "$bin");
	buf_init(&data, x->c->al, SIZE_MAX);
	ensure_open(x);
	bool ok = bin ? vec_bytes(x->c, bin, &data) : json_is_string(message);
	if (!bin)
		put_text(x, &data, message);
	if (ok)
		eio_server_ws_message(&x->eio, x->ws, buf_bytes(&data), bin != NULL, x->now_ns);
	else
		vec_unknown(x->c, "a message that is neither text nor $bin");
	pump(x);
	buf_fini(&data);
}

static void step_recv(struct script *x, json_t *want)
{
	ensure_open(x);
	for (int i = 0; i < 8 && json_array_size(x->messages) == 0 && !x->closed && run_on(x); i++)
		;
	json_t *got = json_array_get(x->messages, 0);
	if (!got)
		vec_fail(x->c, "step %zu: %s", x->step,
			x->closed ? "the connection is closed" : "nothing came");
	else if (!text_same(want, got))
		vec_match(x->c, "recv", want, json_incref(got));
	json_array_remove(x->messages, 0);
}

static void run_step(struct script *x, json_t *step)
{
	json_t *v;
	if ((v = json_object_get(step, "http")) || (v = json_object_get(step, "request")))
		step_http(x, step, "GET", v);
	else if ((v = json_object_get(step, "get")))
		step_http(x, step, "GET", v);
	else if ((v = json_object_get(step, "post")))
		step_http(x, step, "POST", v);
	else if ((v = json_object_get(step, "ws")) || (v = json_object_get(step, "open")))
		step_ws(x, v);
	else if ((v = json_object_get(step, "send")))
		step_send(x, v);
	else if ((v = json_object_get(step, "recv")))
		step_recv(x, v);
	else if (json_object_get(step, "closed") || json_object_get(step, "close")) {
		ensure_open(x);
		for (int i = 0; i < 8 && !x->closed && run_on(x); i++)
			;
		if (!x->closed)
			vec_fail(x->c, "step %zu: the connection stays open", x->step);
	} else if ((v = json_object_get(step, "wait_ms")) || (v = json_object_get(step, "wait"))) {
		x->now_ns += (int64_t)json_number_value(v) * 1000000;
		eio_server_time(&x->eio, x->now_ns);
		pump(x);
	} else if (json_object_get(step, "silence") || json_object_get(step, "nothing")) {
		if (json_array_size(x->messages))
			vec_fail(x->c, "step %zu: expected silence", x->step);
	} else
		vec_unknown(x->c, "a step that is not http, ws, send, recv, closed, wait_ms or silence");
}

void vec_run_server(struct vec_case *c, json_t *steps, bool socketio)
{
	struct eio_server_cfg cfg = eio_server_cfg_default();
	struct script x = {.c = c, .sio_on = socketio, .answers = json_object(), .messages = json_array()};
	json_t *step, *v;
	if ((v = json_object_get(c->j, "ping_interval_ms")) || (v = json_object_get(c->j, "pingInterval")))
		cfg.ping_interval_ns = json_integer_value(v) * 1000000;
	if ((v = json_object_get(c->j, "ping_timeout_ms")) || (v = json_object_get(c->j, "pingTimeout")))
		cfg.ping_timeout_ns = json_integer_value(v) * 1000000;
	eio_server_init(&x.eio, c->al, cfg);
	json_array_foreach(steps, x.step, step)
	{
		run_step(&x, step);
		if (c->failures)
			break;
	}
	if (x.sio_open)
		sio_session_fini(&x.sio);
	eio_server_fini(&x.eio);
	json_decref(x.answers);
	json_decref(x.messages);
}
