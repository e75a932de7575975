/*
 * ui_fixture: a small trace made by hand, for tests of the views. See ui_fixture.h.
 */
#include "tests/support/ui_fixture.h"

#include <stdio.h>
#include <string.h>

#define MS INT64_C(1000000)

enum { PHONE = 1, NAT, PROXY, APP, NODES };

struct story {
	struct trace *tr;
	uint32_t front, back; /* connections: phone to proxy, proxy to app */
	uint64_t pkt;
	uint64_t soff[8][2];
	bool hostile;
};

static uint64_t rec(struct story *s, struct trace_rec r)
{
	return trace_add(s->tr, &r, true);
}

/* Ethernet, IPv4 and TCP headers (checksums left out) before the octets. */
static uint64_t frame(struct story *s, struct bytes b, uint32_t *len)
{
	uint8_t f[14 + 20 + 32 + 1500] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0};
	uint8_t *ip = f + 14, *tcp = ip + 20;
	size_t total = 20 + 32 + b.n;
	ip[0] = 0x45;
	ip[2] = (uint8_t)(total >> 8);
	ip[3] = (uint8_t)total;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, (uint8_t[]){10, 0, 0, 17, 203, 0, 113, 9}, 8);
	tcp[0] = 0x9c;
	tcp[1] = 0xb0;
	tcp[3] = 80;
	tcp[12] = 0x80;
	tcp[13] = b.n ? 0x18 : 0x10;
	tcp[14] = 0xfa;
	memcpy(tcp + 20, (uint8_t[]){1, 1, 8, 10}, 4);
	memcpy(tcp + 32, b.p ? b.p : (const uint8_t *)"", b.n);
	*len = (uint32_t)(14 + total);
	return trace_payload(s->tr, (struct bytes){f, *len});
}

/* One packet over the nodes path[0..n); lost at path[lost] when lost > 0. Returns the last record. */
static uint64_t packet(struct story *s, int64_t at, const uint16_t *path, int n, uint32_t conn, unsigned dir,
	struct bytes b, const char *text, uint64_t cause, uint64_t soff, int lost, uint64_t why,
	unsigned flags)
{
	uint64_t id = cause;
	s->pkt++;
	for (int i = 0; i + 1 < n; i++) {
		struct trace_rec r = {.cause = id,
			.at = at,
			.pkt = s->pkt,
			.node = path[i],
			.peer = path[i + 1],
			.conn = conn,
			.client = 1,
			.flags = dir | flags,
			.kind = TRACE_PKT_SEND,
			.soff = soff,
			.slen = (uint32_t)b.n,
			.text = trace_str(s->tr, text),
			.b = at + 12 * MS};
		r.off = frame(s, b, &r.len);
		id = rec(s, r);
		at += 12 * MS;
		r.cause = id;
		r.at = at;
		r.kind = TRACE_PKT_RECV;
		id = rec(s, r);
		if (lost == i + 1) {
			r.cause = why ? why : id;
			r.kind = TRACE_PKT_DROP;
			r.reason = REASON_NAT_NO_MAPPING;
			r.node = path[i + 1];
			r.peer = path[i];
			r.a = at - 31229 * MS;
			r.b = 30000 * MS;
			return rec(s, r);
		}
	}
	return id;
}

struct unit {
	int64_t at;
	enum trace_kind kind; /* the …_SEND */
	bool up, back;        /* back: between proxy and app */
	struct bytes b;
	const char *text;
	uint64_t cause;
	int lost;
	uint64_t why;
};

static const uint16_t paths[2][2][3] = {
	{{PROXY, NAT, PHONE}, {PHONE, NAT, PROXY}}, {{APP, PROXY, 0}, {PROXY, APP, 0}}};

/* A unit sent and (unless lost) received; returns the …_RECV or the PKT_DROP. */
static uint64_t unit(struct story *s, struct unit u)
{
	const uint16_t *path = paths[u.back][u.up];
	int n = u.back ? 2 : 3;
	uint32_t conn = u.back ? s->back : s->front;
	unsigned dir = u.up ? TRACE_UP : TRACE_DOWN;
	uint64_t *soff = &s->soff[conn][u.up];
	struct trace_rec r = {.cause = u.cause,
		.at = u.at,
		.kind = (uint16_t)u.kind,
		.node = path[0],
		.peer = path[n - 1],
		.conn = conn,
		.client = 1,
		.flags = dir,
		.soff = *soff,
		.slen = (uint32_t)u.b.n,
		.len = (uint32_t)u.b.n,
		.text = trace_str(s->tr, u.text)};
	r.off = trace_payload(s->tr, u.b);
	uint64_t id = rec(s, r);
	uint64_t last = packet(s, u.at, path, n, conn, dir, u.b, "PSH ACK", id, *soff, u.lost, u.why, 0);
	*soff += u.b.n;
	if (u.lost)
		return last;
	r.cause = last;
	r.at = u.at + (n - 1) * 12 * MS;
	r.kind = (uint16_t)(u.kind + 1);
	r.node = path[n - 1];
	r.peer = path[0];
	return rec(s, r);
}

static void nodes(struct story *s)
{
	static const struct {
		const char *name, *addr;
		enum trace_role role;
	} n[] = {{"phones", "10.0.0.17", TRACE_CLIENT}, {"home-nat", "203.0.113.9", TRACE_BOX},
		{"edge", "198.51.100.7", TRACE_BOX}, {"app-1", "10.1.0.11", TRACE_SERVER}};
	for (unsigned i = 0; i < 4; i++) {
		struct trace_node t = {.name = trace_str(s->tr, n[i].name),
			.addr = trace_str(s->tr, n[i].addr),
			.role = n[i].role,
			.order = (uint16_t)(i * 10),
			.client = i == 0};
		trace_add_node(s->tr, &t);
	}
	struct trace_conn c = {.client = PHONE, .server = PROXY, .owner = 1};
	s->front = trace_add_conn(s->tr, &c);
	c = (struct trace_conn){.client = PROXY, .server = APP, .owner = 1};
	s->back = trace_add_conn(s->tr, &c);
}

static void start(struct story *s, const char *technique)
{
	s->tr = trace_new(NULL);
	trace_keep_all(s->tr);
	s->tr->seed = 42;
	s->tr->duration_ns = s->tr->end_ns = 64000 * MS;
	s->tr->technique = trace_str(s->tr, technique);
	nodes(s);
}

static uint64_t publish(struct story *s, int64_t at, uint32_t msg, const char *name)
{
	return rec(s, (struct trace_rec){.at = at,
			      .kind = TRACE_MSG_PUBLISH,
			      .node = APP,
			      .msg = msg,
			      .a = 32,
			      .text = trace_str(s->tr, name)});
}

static void deliver(struct story *s, uint64_t cause, uint32_t msg, int64_t published, const char *name)
{
	int64_t at = trace_get(s->tr, cause)->at;
	rec(s, (struct trace_rec){.cause = cause,
		       .at = at,
		       .kind = TRACE_MSG_DELIVER,
		       .node = PHONE,
		       .client = 1,
		       .msg = msg,
		       .a = at - published,
		       .text = trace_str(s->tr, name)});
}

static const char get_ws[] =
	"GET /ws HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
static const char ok_ws[] =
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
static const char text_frame[] = "\x81\x20{\"sym\":\"ACME\",\"px\":101.25,\"n\":7}";

static void upgrade(struct story *s)
{
	uint64_t c =
		rec(s, (struct trace_rec){.at = 0, .kind = TRACE_CLIENT_START, .node = PHONE, .client = 1});
	c = rec(s, (struct trace_rec){.at = 1 * MS,
			   .cause = c,
			   .kind = TRACE_CONNECT_TRY,
			   .node = PHONE,
			   .peer = APP,
			   .client = 1,
			   .a = 1});
	c = packet(s, 2 * MS, paths[0][1], 3, s->front, TRACE_UP, BYTES_NONE, "SYN", c, 0, 0, 0, 0);
	c = packet(s, 26 * MS, paths[0][0], 3, s->front, TRACE_DOWN, BYTES_NONE, "SYN ACK", c, 0, 0, 0, 0);
	struct bytes get = BYTES_LIT(""), ok = BYTES_LIT("");
	get = (struct bytes){(const uint8_t *)get_ws, sizeof get_ws - 1};
	ok = (struct bytes){(const uint8_t *)ok_ws, sizeof ok_ws - 1};
	c = unit(s, (struct unit){.at = 52 * MS,
			    .kind = TRACE_HTTP_REQUEST_SEND,
			    .up = true,
			    .b = get,
			    .text = "GET /ws HTTP/1.1, Upgrade",
			    .cause = c});
	c = unit(s, (struct unit){.at = 76 * MS,
			    .kind = TRACE_HTTP_REQUEST_SEND,
			    .up = true,
			    .back = true,
			    .b = get,
			    .text = "GET /ws HTTP/1.1, Upgrade",
			    .cause = c});
	c = unit(s, (struct unit){.at = 90 * MS,
			    .kind = TRACE_HTTP_RESPONSE_SEND,
			    .back = true,
			    .b = ok,
			    .text = "HTTP/1.1 101 Switching Protocols",
			    .cause = c});
	rec(s, (struct trace_rec){.at = 102 * MS,
		       .cause = c,
		       .kind = TRACE_PROXY_TUNNEL,
		       .node = PROXY,
		       .peer = PHONE,
		       .client = 1});
	c = unit(s, (struct unit){.at = 102 * MS,
			    .kind = TRACE_HTTP_RESPONSE_SEND,
			    .b = ok,
			    .text = "HTTP/1.1 101 Switching Protocols",
			    .cause = c});
	rec(s, (struct trace_rec){.at = 126 * MS,
		       .cause = c,
		       .kind = TRACE_WS_OPEN,
		       .node = PHONE,
		       .peer = APP,
		       .client = 1});
}

struct trace *ui_fixture(bool hostile)
{
	struct story s = {.hostile = hostile};
	start(&s, "websocket");
	const char *text = hostile ? "text \033]0;owned\007\033[2J \xff\xfe \xe4\xb8\xad\xe6\x96\x87 "
				     "a\xcc\x81 \xf0\x9f\x98\x80"
				   : "text, 32 bytes";
	const char *news = hostile ? "news\r\n\033[31m 1" : "news 1";
	struct bytes frame_octets = {(const uint8_t *)text_frame, sizeof text_frame - 1};
	rec(&s, (struct trace_rec){.at = 0,
			.kind = TRACE_SAY,
			.text = trace_str(s.tr, "A phone behind a home NAT. Nobody sends a heartbeat.")});
	upgrade(&s);
	uint64_t p = publish(&s, 1180 * MS, 1, news);
	uint64_t c = unit(&s, (struct unit){.at = 1180 * MS,
				      .kind = TRACE_WS_FRAME_SEND,
				      .back = true,
				      .b = frame_octets,
				      .text = text,
				      .cause = p});
	c = unit(&s, (struct unit){.at = 1192 * MS,
			     .kind = TRACE_WS_FRAME_SEND,
			     .b = frame_octets,
			     .text = text,
			     .cause = c});
	deliver(&s, c, 1, 1180 * MS, news);
	c = packet(&s, 1217 * MS, paths[0][1], 3, s.front, TRACE_UP, BYTES_NONE, "ACK", c, 0, 0, 0, 0);
	uint64_t forget = rec(&s, (struct trace_rec){.at = 31229 * MS,
					  .cause = c,
					  .kind = TRACE_NAT_FORGET,
					  .node = NAT,
					  .client = 1,
					  .conn = s.front,
					  .reason = REASON_NAT_IDLE,
					  .a = 30000 * MS,
					  .b = 30000 * MS,
					  .text = trace_str(s.tr, "10.0.0.17:40112 > 61007")});
	p = publish(&s, 61180 * MS, 2, "news 2");
	c = unit(&s, (struct unit){.at = 61180 * MS,
			     .kind = TRACE_WS_FRAME_SEND,
			     .back = true,
			     .b = frame_octets,
			     .text = text,
			     .cause = p});
	uint64_t soff = s.soff[s.front][0];
	c = unit(&s, (struct unit){.at = 61192 * MS,
			     .kind = TRACE_WS_FRAME_SEND,
			     .b = frame_octets,
			     .text = text,
			     .cause = c,
			     .lost = 1,
			     .why = forget});
	for (int i = 0; i < 3; i++) {
		int64_t wait = (INT64_C(200) << i) * MS,
			at = 61192 * MS + (INT64_C(200) << i) * MS * 2 - 200 * MS;
		uint64_t rto = rec(&s, (struct trace_rec){.at = at,
					       .cause = c,
					       .kind = TRACE_TCP_RTO,
					       .node = PROXY,
					       .peer = PHONE,
					       .conn = s.front,
					       .client = 1,
					       .flags = TRACE_DOWN,
					       .soff = soff,
					       .slen = 34,
					       .a = wait,
					       .b = i + 1});
		uint64_t again = rec(&s, (struct trace_rec){.at = at,
						 .cause = rto,
						 .kind = TRACE_TCP_RETRANSMIT,
						 .node = PROXY,
						 .peer = PHONE,
						 .conn = s.front,
						 .client = 1,
						 .flags = TRACE_DOWN | TRACE_AGAIN,
						 .soff = soff,
						 .slen = 34});
		packet(&s, at, paths[0][0], 3, s.front, TRACE_DOWN, frame_octets, "PSH ACK", again, soff, 1,
			forget, TRACE_AGAIN);
	}
	rec(&s, (struct trace_rec){.at = 64000 * MS,
			.cause = p,
			.kind = TRACE_MSG_LOST,
			.node = PHONE,
			.client = 1,
			.msg = 2,
			.text = trace_str(s.tr, "news 2")});
	return s.tr;
}

static const char poll_get[] = "GET /poll?since=0 HTTP/1.1\r\nHost: app.example\r\n\r\n";
static const char poll_none[] = "HTTP/1.1 204 No Content\r\n\r\n";
static const char poll_some[] =
	"HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{\"sym\":\"ACME\",\"px\":101.25,\"n\":7}";

struct trace *ui_fixture_polling(void)
{
	struct story s = {0};
	start(&s, "polling");
	static const int64_t at[] = {1180, 61180};
	for (uint32_t i = 0; i < 2; i++)
		publish(&s, at[i] * MS, i + 1, i ? "news 2" : "news 1");
	uint32_t got = 0;
	for (int64_t t = 0; t < 64000; t += 5000) {
		uint64_t c =
			rec(&s, (struct trace_rec){
					.at = t * MS, .kind = TRACE_POLL_TIMER, .node = PHONE, .client = 1});
		struct bytes get = {(const uint8_t *)poll_get, sizeof poll_get - 1};
		c = unit(&s, (struct unit){.at = t * MS,
				     .kind = TRACE_HTTP_REQUEST_SEND,
				     .up = true,
				     .b = get,
				     .text = "GET /poll?since=0 HTTP/1.1",
				     .cause = c});
		bool some = got < 2 && at[got] <= t + 24;
		struct bytes b = some ? (struct bytes){(const uint8_t *)poll_some, sizeof poll_some - 1}
				      : (struct bytes){(const uint8_t *)poll_none, sizeof poll_none - 1};
		c = unit(&s, (struct unit){.at = (t + 24) * MS,
				     .kind = TRACE_HTTP_RESPONSE_SEND,
				     .b = b,
				     .text = some ? "HTTP/1.1 200 OK" : "HTTP/1.1 204 No Content",
				     .cause = c});
		if (some) {
			deliver(&s, c, got + 1, at[got] * MS, got ? "news 2" : "news 1");
			got++;
		}
	}
	return s.tr;
}
