/*
 * capture-replay/1: what was found in the streams: HTTP/1 exchanges, event streams, WebSockets, HTTP/2, TLS.
 */
#include <stdio.h>
#include <string.h>

#include "proto/h2/h2.h"
#include "sim/capture/cap_js.h"

/* ---- HTTP ---- */

static const char *framing_name(enum cap_framing f)
{
	static const char *const names[] = {"none", "content-length", "chunked", "close"};
	return names[f];
}

static void notes(struct js *j, const char *k, const struct cap_note *v, uint32_t n)
{
	if (!n)
		return;
	js_open(j, k, '{');
	for (uint32_t i = 0; i < n; i++)
		js_text(j, v[i].name, v[i].value);
	js_close(j, '}');
}

static void version(struct js *j, const char *k, unsigned v)
{
	char t[32];
	snprintf(t, sizeof t, "HTTP/%u.%u", v / 10, v % 10);
	js_text(j, k, t);
}

static void response(struct js *j, const struct cap_http *h)
{
	if (!h->has_response) {
		js_null(j, "response");
		return;
	}
	js_open(j, "response", '{');
	js_num(j, "status", h->status);
	js_text(j, "reason", h->reason);
	js_at(j, "t_headers", h->head);
	js_frame(j, "frame_headers", h->head);
	js_at(j, "t_end", h->end);
	js_frame(j, "frame_end", h->end);
	js_num(j, "header_bytes", h->header_bytes);
	js_text(j, "framing", framing_name(h->framing));
	js_num(j, "body_wire_bytes", h->body_wire);
	js_num(j, "body_bytes", h->body);
	if (h->body_decoded_known)
		js_num(j, "body_decoded_bytes", h->body_decoded);
	else
		js_null(j, "body_decoded_bytes");
	js_bool(j, "complete", h->complete);
	js_text(j, "content_type", h->content_type);
	js_text(j, "content_encoding", h->content_encoding);
	js_text(j, "connection", h->connection);
	if (h->framing == CAP_BODY_CHUNKED)
		js_num(j, "chunks", h->chunks);
	if (h->interim)
		js_num(j, "interim_responses", h->interim);
	if (h->resp_version != 11)
		version(j, "version", h->resp_version);
	notes(j, "headers_of_note", h->note, h->nnotes);
	js_close(j, '}');
}

void cap_json_http(struct js *j, const struct capture *c)
{
	js_list(j, "http");
	for (uint32_t i = 0; i < c->nhttp; i++) {
		const struct cap_http *h = &c->http[i];
		js_line(j);
		js_num(j, "stream", h->conn);
		js_num(j, "index", h->index);
		js_bool(j, "tls", false);
		js_text(j, "method", h->method);
		js_text(j, "target", h->target);
		version(j, "version", h->version);
		js_text(j, "host", h->host);
		js_at(j, "t_request", h->req);
		js_frame(j, "frame_request", h->req);
		js_at(j, "t_request_end", h->req_end);
		js_num(j, "request_header_bytes", h->req_header_bytes);
		js_open(j, "request_body", '{');
		js_text(j, "framing", framing_name(h->req_framing));
		js_num(j, "bytes", h->req_body);
		js_bool(j, "complete", h->req_complete);
		js_close(j, '}');
		notes(j, "request_headers_of_note", h->req_note, h->nreq_notes);
		if (h->json)
			js_num(j, "json_messages", h->json_messages);
		js_strings(j, "engineio_packets_from_server", h->eio_server, h->neio_server);
		js_strings(j, "engineio_packets_from_client", h->eio_client, h->neio_client);
		if (h->sse != CAP_NONE)
			js_num(j, "sse", h->sse);
		response(j, h);
		if (h->ws != CAP_NONE)
			js_num(j, "websocket", h->ws);
		js_close(j, '}');
	}
	js_list_end(j, c->nhttp);
}

static void sse_items(struct js *j, const struct cap_sse *s, int kind, const char *k)
{
	js_open(j, k, '[');
	for (uint32_t i = 0; i < s->nitems; i++) {
		const struct cap_sse_item *it = &s->item[i];
		if ((int)it->kind != kind)
			continue;
		js_open(j, NULL, '{');
		js_at(j, "t", it->at);
		js_frame(j, "frame", it->at);
		if (kind == CAP_SSE_EVENT) {
			js_text(j, "event", it->event);
			js_text(j, "id", it->id);
			js_text(j, "data", it->data);
			js_num(j, "data_chars", it->data_len);
		} else if (kind == CAP_SSE_COMMENT) {
			js_text(j, "text", it->data);
		} else {
			js_num(j, "ms", it->retry_ms);
		}
		js_close(j, '}');
	}
	js_close(j, ']');
}

void cap_json_sse(struct js *j, const struct capture *c)
{
	js_list(j, "sse");
	for (uint32_t i = 0; i < c->nsse; i++) {
		const struct cap_sse *s = &c->sse[i];
		js_line(j);
		js_num(j, "stream", s->conn);
		if (s->h2_stream)
			js_num(j, "h2_stream", s->h2_stream);
		else
			js_num(j, "http", s->http);
		js_text(j, "target", s->target);
		js_text(j, "last_event_id_sent", s->last_id_sent);
		if (!s->h2_stream)
			js_text(j, "content_encoding", s->content_encoding);
		sse_items(j, s, CAP_SSE_EVENT, "events");
		sse_items(j, s, CAP_SSE_COMMENT, "comments");
		sse_items(j, s, CAP_SSE_RETRY, "retry");
		js_num(j, "unknown_fields", s->unknown_fields);
		js_bool(j, "undispatched_tail", s->tail);
		js_text(j, "last_event_id", s->last_id);
		js_close(j, '}');
	}
	js_list_end(j, c->nsse);
}

/* ---- WebSocket ---- */

static const char *op_name(unsigned op)
{
	static const char *const names[16] = {
		"continuation", "text", "binary", [8] = "close", [9] = "ping", [10] = "pong"};
	return op < 16 && names[op] ? names[op] : "reserved";
}

static void ws_frame(struct js *j, const struct cap_ws_frame *f)
{
	js_open(j, NULL, '{');
	js_at(j, "t", f->at);
	js_frame(j, "frame", f->at);
	js_text(j, "from", js_sides[f->from]);
	js_bool(j, "fin", f->fin);
	js_num(j, "rsv", f->rsv);
	js_num(j, "opcode", f->op);
	js_text(j, "kind", op_name(f->op));
	js_bool(j, "masked", f->masked);
	js_num(j, "header_bytes", f->hdr_len);
	js_num(j, "payload_bytes", f->pay_len);
	js_bool(j, "complete", f->complete);
	if (f->op == 8 && f->complete) {
		if (f->has_code)
			js_num(j, "close_code", f->code);
		else
			js_null(j, "close_code");
		js_text(j, "close_reason", f->text ? f->text : "");
	} else if ((f->op == 9 || f->op == 10) && f->text) {
		js_text(j, "payload", f->text);
	}
	js_close(j, '}');
}

static void ws_message(struct js *j, const struct cap_ws_msg *m)
{
	char hex[2 * sizeof m->sha256 + 1];
	for (unsigned i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->sha256[i]);
	js_open(j, NULL, '{');
	js_text(j, "type", op_name(m->op));
	js_num(j, "fragments", m->fragments);
	js_bool(j, "compressed", m->compressed);
	js_num(j, "wire_bytes", m->wire_bytes);
	js_num(j, "bytes", m->bytes);
	js_at(j, "t", m->at);
	js_frame(j, "frame", m->at);
	js_text(j, "sha256", hex);
	if (m->text)
		js_text(j, "text", m->text);
	js_text(j, "from", js_sides[m->from]);
	js_close(j, '}');
}

static void ws_close(struct js *j, const struct cap_ws *w)
{
	js_open(j, "close", '{');
	uint32_t first = w->close[0] < w->close[1] ? w->close[0] : w->close[1];
	if (first == CAP_NONE) {
		js_null(j, "code");
		js_text(j, "meaning", "no close frame (1006 at the applications)");
	} else {
		const struct cap_ws_frame *f = &w->frame[first];
		js_text(j, "by", js_sides[f->from]);
		if (f->has_code)
			js_num(j, "code", f->code);
		else
			js_null(j, "code");
		js_text(j, "reason", f->text ? f->text : "");
		js_at(j, "t", f->at);
		js_bool(j, "answered", w->close[!f->from] != CAP_NONE);
	}
	js_close(j, '}');
}

static void ws_counts(struct js *j, const struct cap_ws *w)
{
	static const char *const names[7] = {
		"text", "binary", "continuation", "ping", "pong", "close", "reserved"};
	js_open(j, "counts", '{');
	for (unsigned d = 0; d < 2; d++) {
		js_open(j, js_sides[d], '{');
		for (unsigned k = 0; k < 7; k++)
			js_num(j, names[k], w->counts[d][k]);
		js_close(j, '}');
	}
	js_close(j, '}');
}

/* "a; b=12" as {"a": true, "b": "12"}. */
static void ws_params(struct js *j, const struct cap_ws *w)
{
	if (!w->deflate) {
		js_null(j, "permessage_deflate");
		return;
	}
	js_open(j, "permessage_deflate", '{');
	const char *s = w->params;
	while (*s) {
		s += strspn(s, " \t;");
		size_t n = strcspn(s, " \t;=");
		if (!n)
			break;
		char name[64], value[64];
		snprintf(name, sizeof name, "%.*s", n > 63 ? 63 : (int)n, s);
		s += n;
		s += strspn(s, " \t");
		if (*s == '=') {
			s += 1 + strspn(s + 1, " \t\"");
			n = strcspn(s, " \t;\"");
			snprintf(value, sizeof value, "%.*s", n > 63 ? 63 : (int)n, s);
			js_text(j, name, value);
			s += n;
			s += strspn(s, "\"");
		} else {
			js_bool(j, name, true);
		}
	}
	js_close(j, '}');
}

void cap_json_ws(struct js *j, const struct capture *c)
{
	js_list(j, "websockets");
	for (uint32_t i = 0; i < c->nws; i++) {
		const struct cap_ws *w = &c->ws[i];
		js_line(j);
		js_num(j, "stream", w->conn);
		js_num(j, "http", w->http);
		js_text(j, "target", w->target);
		js_text(j, "extensions", w->extensions);
		js_text(j, "subprotocol", w->subprotocol);
		ws_params(j, w);
		js_open(j, "frames", '[');
		for (uint32_t k = 0; k < w->nframes; k++)
			ws_frame(j, &w->frame[k]);
		js_close(j, ']');
		js_open(j, "messages", '[');
		for (uint32_t k = 0; k < w->nmsgs; k++)
			ws_message(j, &w->msg[k]);
		js_close(j, ']');
		ws_close(j, w);
		ws_counts(j, w);
		for (unsigned d = 0; d < 2; d++)
			if (w->error[d])
				js_text(j, d ? "error_server" : "error_client", w->error[d]);
		js_close(j, '}');
	}
	js_list_end(j, c->nws);
}

/* ---- HTTP/2 ---- */

static void h2_frame(struct js *j, const struct capture *c, const struct cap_h2_frame *f)
{
	const struct h2_type_info *t = h2_type_info(f->type);
	char unknown[16], id[16];
	snprintf(unknown, sizeof unknown, "0x%02x", f->type);
	js_open(j, NULL, '{');
	js_at(j, "t", f->at);
	js_frame(j, "frame", f->at);
	js_text(j, "from", js_sides[f->from]);
	js_text(j, "type", t ? t->name : unknown);
	js_num(j, "flags", f->flags);
	js_num(j, "stream_id", f->stream);
	js_num(j, "length", f->length);
	if (f->type == H2_SETTINGS && !(f->flags & H2_FLAG_ACK)) {
		js_open(j, "settings", '{');
		for (uint32_t i = 0; i < f->nsettings; i++) {
			snprintf(id, sizeof id, "%u", c->h2_setting[f->a + i][0]);
			js_num(j, id, c->h2_setting[f->a + i][1]);
		}
		js_close(j, '}');
	} else if (f->type == H2_WINDOW_UPDATE) {
		js_num(j, "increment", f->a);
	} else if (f->type == H2_GOAWAY) {
		js_num(j, "last_stream", f->a);
	}
	if (f->type == H2_GOAWAY || f->type == H2_RST_STREAM)
		js_num(j, "error", f->b);
	js_close(j, '}');
}

static void grpc_messages(struct js *j, const struct cap_h2_req *q, unsigned from, const char *k)
{
	js_open(j, k, '[');
	for (uint32_t i = 0; i < q->nmsgs; i++) {
		if (q->msg[i].from != from)
			continue;
		js_open(j, NULL, '{');
		js_at(j, "t", q->msg[i].at);
		js_num(j, "bytes", q->msg[i].bytes);
		js_bool(j, "compressed", q->msg[i].compressed);
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void h2_rest(struct js *j, const struct cap_h2_req *q)
{
	if (q->grpc && q->request_type)
		js_text(j, "request_content_type", q->request_type);
	if (q->trailers) {
		js_open(j, "trailers", '{');
		if (q->grpc_status)
			js_text(j, "grpc-status", q->grpc_status);
		if (q->grpc_message)
			js_text(j, "grpc-message", q->grpc_message);
		js_close(j, '}');
	}
	if (q->grpc) {
		js_open(j, "grpc", '{');
		grpc_messages(j, q, 0, "client_messages");
		grpc_messages(j, q, 1, "server_messages");
		js_text(j, "status", q->grpc_status);
		js_close(j, '}');
	}
	if (q->x.json)
		js_num(j, "json_messages", q->x.json_messages);
	if (q->x.sse != CAP_NONE)
		js_num(j, "sse", q->x.sse);
}

static void h2_request(struct js *j, const struct cap_h2_req *q)
{
	js_open(j, NULL, '{');
	js_num(j, "stream_id", q->stream_id);
	js_text(j, "method", q->x.method);
	js_text(j, "scheme", q->scheme);
	js_text(j, "authority", q->x.host);
	js_text(j, "path", q->x.target);
	if (q->x.has_response)
		js_num(j, "status", q->x.status);
	else
		js_null(j, "status");
	js_text(j, "content_type", q->x.content_type);
	js_text(j, "content_encoding", q->x.content_encoding);
	js_at(j, "t_request", q->x.req);
	js_frame(j, "frame_request", q->x.req);
	if (q->x.has_response)
		js_at(j, "t_response", q->x.head);
	else
		js_null(j, "t_response");
	if (q->ended || q->reset || q->x.has_response)
		js_at(j, "t_end", q->x.end);
	else
		js_null(j, "t_end");
	js_both(j, "header_bytes", q->header_bytes[0], q->header_bytes[1]);
	js_both(j, "data_bytes", q->data_bytes[0], q->data_bytes[1]);
	js_both(j, "data_frames", q->data_frames[0], q->data_frames[1]);
	js_text(j, "end", q->reset ? "rst_stream" : q->ended ? "end_stream" : "open");
	h2_rest(j, q);
	js_close(j, '}');
}

void cap_json_h2(struct js *j, const struct capture *c)
{
	js_list(j, "http2");
	for (uint32_t i = 0; i < c->nh2; i++) {
		const struct cap_h2 *h = &c->h2[i];
		js_line(j);
		js_num(j, "stream", h->conn);
		js_bool(j, "tls", false);
		js_open(j, "frames", '[');
		for (uint32_t k = 0; k < h->nframes; k++)
			h2_frame(j, c, &h->frame[k]);
		js_close(j, ']');
		js_open(j, "requests", '[');
		for (uint32_t k = 0; k < h->nreqs; k++)
			h2_request(j, &c->h2_req[h->req_first + k]);
		js_close(j, ']');
		for (unsigned d = 0; d < 2; d++)
			if (h->error[d])
				js_text(j, d ? "error_server" : "error_client", h->error[d]);
		js_close(j, '}');
	}
	js_list_end(j, c->nh2);
}

/* ---- TLS ---- */

void cap_json_tls(struct js *j, const struct capture *c)
{
	js_list(j, "tls");
	for (uint32_t i = 0; i < c->ntls; i++) {
		const struct cap_tls *t = &c->tls[i];
		char cipher[8];
		js_line(j);
		js_num(j, "stream", t->conn);
		js_text(j, "sni", t->sni);
		js_open(j, "alpn_offered", '[');
		for (uint32_t k = 0; k < t->nalpn; k++)
			js_item(j, t->alpn_offered[k]);
		js_close(j, ']');
		js_frame(j, "client_hello_frame", t->hello);
		snprintf(cipher, sizeof cipher, "0x%04x", t->cipher & 0xffffu);
		js_text(j, "cipher_suite", t->has_cipher ? cipher : NULL);
		js_text(j, "version", t->version);
		js_text(j, "alpn", t->alpn);
		if (t->hello_retry)
			js_bool(j, "hello_retry_request", true);
		js_bool(j, "decrypted", false);
		js_close(j, '}');
	}
	js_list_end(j, c->ntls);
}
