/*
 * The server's side of Engine.IO v4.
 *
 *	session: POLLING ──WebSocket with its sid, "2probe"──▶ probing ──"5"──▶ WEBSOCKET
 *	         any ──close packet, bad packet, two polls at once, no pong in time, socket closed──▶ gone
 */
#include "proto/base/codec.h"
#include "proto/engineio/server.h"

#include <string.h>

struct eio_session {
	uint32_t number;
	char sid[EIO_SID_LEN + 1];
	bool websocket;
	uint32_t poll; /* the held request, 0: none */
	uint32_t ws;   /* the WebSocket in use, or the one probing */
	bool probing, probed;
	int64_t next_ping_ns, pong_deadline_ns; /* deadline EIO_NEVER: no ping is out */
	struct eio_item *packets;               /* waiting for a poll; out.status holds the packet type */
	uint32_t n_packets, cap_packets;
};

#define TEXT_TYPE "text/plain; charset=UTF-8"
#define JSON_TYPE "application/json"

struct eio_server_cfg eio_server_cfg_default(void)
{
	return (struct eio_server_cfg){25000000000, 20000000000, EIO_MAX_PAYLOAD_DEFAULT, true, 1};
}

void eio_server_init(struct eio_server *s, const struct alloc *al, struct eio_server_cfg cfg)
{
	*s = (struct eio_server){.al = al, .cfg = cfg, .sid_state = cfg.sid_seed, .next_number = 1};
}

static void session_free(struct eio_server *s, struct eio_session *e)
{
	for (uint32_t i = 0; i < e->n_packets; i++)
		blob_unref(e->packets[i].data);
	alloc_put(s->al, e->packets, e->cap_packets * sizeof *e->packets);
	alloc_put(s->al, e, sizeof *e);
}

void eio_server_fini(struct eio_server *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		session_free(s, s->sessions[i]);
	for (uint32_t i = s->q_taken; i < s->q_n; i++)
		blob_unref(s->queue[i].data);
	blob_unref(s->lent);
	alloc_put(s->al, s->sessions, s->cap * sizeof *s->sessions);
	alloc_put(s->al, s->queue, s->q_cap * sizeof *s->queue);
	*s = (struct eio_server){.al = s->al};
}

/* ---- outputs ---- */

/* Appends an item to a growing list. `data` is taken over. */
static bool push(struct eio_server *s, struct eio_item **list, uint32_t *n, uint32_t *cap, struct eio_out out,
	struct blob *data)
{
	if (*n == *cap) {
		uint32_t want = *cap ? 2 * *cap : 8;
		struct eio_item *p = s->al->resize(s->al->ctx, *list, *cap * sizeof *p, want * sizeof *p);
		if (!p) {
			blob_unref(data);
			s->oom = true;
			return false;
		}
		*list = p;
		*cap = want;
	}
	(*list)[(*n)++] = (struct eio_item){out, data};
	return true;
}

/* Queues an output with a copy of its data. */
static void emit(struct eio_server *s, struct eio_out out, struct bytes data)
{
	struct blob *b = blob_new(s->al, data);
	if (!b)
		s->oom = true;
	else
		push(s, &s->queue, &s->q_n, &s->q_cap, out, b);
}

static void http(struct eio_server *s, uint32_t conn, unsigned status, const char *type, struct bytes body)
{
	emit(s, (struct eio_out){.kind = EIO_OUT_HTTP, .conn = conn, .status = status, .content_type = type},
		body);
}

static void refuse(struct eio_server *s, uint32_t conn, unsigned status, const char *json)
{
	http(s, conn, status, JSON_TYPE, bytes_str(json));
}

static void ws_packet(struct eio_server *s, uint32_t conn, enum eio_type type, struct bytes data, bool binary)
{
	struct buf out;
	buf_init(&out, s->al, SIZE_MAX);
	if (!binary)
		eio_packet_write(&out, &(struct eio_packet){.type = type, .data = data});
	emit(s, (struct eio_out){.kind = EIO_OUT_WS_SEND, .conn = conn, .binary = binary},
		binary ? data : buf_bytes(&out));
	s->oom |= out.failed;
	buf_fini(&out);
}

bool eio_server_next(struct eio_server *s, struct eio_out *out)
{
	blob_unref(s->lent);
	s->lent = NULL;
	if (s->q_taken == s->q_n) {
		s->q_taken = s->q_n = 0;
		return false;
	}
	struct eio_item *i = &s->queue[s->q_taken++];
	s->lent = i->data;
	*out = i->out;
	out->data = (struct bytes){i->data->data, i->data->len};
	return true;
}

/* ---- sessions ---- */

static struct eio_session *by_number(const struct eio_server *s, uint32_t number)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->sessions[i]->number == number)
			return s->sessions[i];
	return NULL;
}

static struct eio_session *by_ws(const struct eio_server *s, uint32_t conn)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (s->sessions[i]->ws == conn && conn)
			return s->sessions[i];
	return NULL;
}

static struct eio_session *by_sid(const struct eio_server *s, struct bytes sid)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (bytes_eq_str(sid, s->sessions[i]->sid))
			return s->sessions[i];
	return NULL;
}

const char *eio_server_sid(const struct eio_server *s, uint32_t session)
{
	struct eio_session *e = by_number(s, session);
	return e ? e->sid : NULL;
}

static struct eio_session *session_new(struct eio_server *s, int64_t now_ns)
{
	if (s->n == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 8;
		struct eio_session **p =
			s->al->resize(s->al->ctx, s->sessions, s->cap * sizeof *p, cap * sizeof *p);
		if (!p)
			return NULL;
		s->sessions = p;
		s->cap = cap;
	}
	struct eio_session *e = alloc_get(s->al, sizeof *e);
	if (!e)
		return NULL;
	*e = (struct eio_session){.number = s->next_number++,
		.next_ping_ns = now_ns + s->cfg.ping_interval_ns,
		.pong_deadline_ns = EIO_NEVER};
	base64_draw(&s->sid_state, e->sid, EIO_SID_LEN);
	s->sessions[s->n++] = e;
	return e;
}

static void session_end(struct eio_server *s, struct eio_session *e, const char *reason)
{
	if (e->poll) /* a held poll ends with close, or noop when the client itself has closed */
		http(s, e->poll, 200, TEXT_TYPE, bytes_str(!strcmp(reason, "transport close") ? "6" : "1"));
	if (e->ws)
		emit(s, (struct eio_out){.kind = EIO_OUT_WS_CLOSE, .conn = e->ws, .session = e->number},
			BYTES_NONE);
	emit(s, (struct eio_out){.kind = EIO_OUT_CLOSED, .session = e->number, .reason = reason}, BYTES_NONE);
	for (uint32_t i = 0; i < s->n; i++)
		if (s->sessions[i] == e)
			s->sessions[i] = s->sessions[--s->n];
	session_free(s, e);
}

void eio_server_close(struct eio_server *s, uint32_t session)
{
	struct eio_session *e = by_number(s, session);
	if (!e)
		return;
	if (e->websocket)
		ws_packet(s, e->ws, EIO_CLOSE, BYTES_NONE, false);
	session_end(s, e, "forced close");
}

static void open_packet(struct eio_server *s, const struct eio_session *e, bool websocket, struct buf *out)
{
	buf_str(out, "0{\"sid\":\"");
	buf_str(out, e->sid);
	buf_str(out, websocket || !s->cfg.allow_upgrade ? "\",\"upgrades\":[]"
							: "\",\"upgrades\":[\"websocket\"]");
	buf_str(out, ",\"pingInterval\":");
	buf_dec(out, (uint64_t)s->cfg.ping_interval_ns / 1000000);
	buf_str(out, ",\"pingTimeout\":");
	buf_dec(out, (uint64_t)s->cfg.ping_timeout_ns / 1000000);
	buf_str(out, ",\"maxPayload\":");
	buf_dec(out, s->cfg.max_payload);
	buf_str(out, "}");
}

/* What waits for a poll, as one payload of at most maxPayload octets (at least one packet). */
static void flush_poll(struct eio_server *s, struct eio_session *e)
{
	if (!e->poll || e->n_packets == 0)
		return;
	struct buf out;
	uint32_t taken = 0;
	buf_init(&out, s->al, SIZE_MAX);
	for (; taken < e->n_packets; taken++) {
		struct eio_item *i = &e->packets[taken];
		if (taken && out.n + 2 + (size_t)i->data->len * (i->out.binary ? 2 : 1) > s->cfg.max_payload)
			break;
		if (taken)
			buf_u8(&out, EIO_SEPARATOR);
		eio_packet_write(&out, &(struct eio_packet){.type = (enum eio_type)i->out.status,
					       .binary = i->out.binary,
					       .data = {i->data->data, i->data->len}});
	}
	for (uint32_t i = 0; i < taken; i++)
		blob_unref(e->packets[i].data);
	memmove(e->packets, e->packets + taken, (e->n_packets - taken) * sizeof *e->packets);
	e->n_packets -= taken;
	http(s, e->poll, 200, TEXT_TYPE, buf_bytes(&out));
	s->oom |= out.failed;
	e->poll = 0;
	buf_fini(&out);
}

/* One packet to the client, by whatever transport is in use. False: the session ended for too much of it. */
static bool packet(
	struct eio_server *s, struct eio_session *e, enum eio_type type, struct bytes data, bool binary)
{
	if (e->websocket) {
		ws_packet(s, e->ws, type, data, binary);
		return true;
	}
	if (e->n_packets >= EIO_QUEUE_MAX) {
		session_end(s, e, "too many packets wait (EIO_QUEUE_MAX)");
		return false;
	}
	struct blob *b = blob_new(s->al, data);
	if (b)
		push(s, &e->packets, &e->n_packets, &e->cap_packets,
			(struct eio_out){.status = type, .binary = binary}, b);
	else
		s->oom = true;
	if (!e->probed) /* once the probe was answered, polling rests until the upgrade is done */
		flush_poll(s, e);
	return true;
}

bool eio_server_send(struct eio_server *s, uint32_t session, struct bytes data, bool binary)
{
	struct eio_session *e = by_number(s, session);
	return e && packet(s, e, EIO_MESSAGE, data, binary) && !s->oom;
}

/* A packet of the client. False: the session is over. */
static bool take_packet(
	struct eio_server *s, struct eio_session *e, const struct eio_packet *p, int64_t now_ns)
{
	switch (p->type) {
	case EIO_MESSAGE:
		emit(s, (struct eio_out){.kind = EIO_OUT_MESSAGE, .session = e->number, .binary = p->binary},
			p->data);
		return true;
	case EIO_PONG:
		e->pong_deadline_ns = EIO_NEVER;
		e->next_ping_ns = now_ns + s->cfg.ping_interval_ns;
		return true;
	case EIO_CLOSE:
		session_end(s, e, "transport close");
		return false;
	case EIO_NOOP:
		return true;
	default:
		session_end(s, e, "transport error");
		return false;
	}
}

/* ---- long polling ---- */

/* A parameter of the query string; values here hold nothing that needs decoding. */
static struct bytes param(struct bytes query, const char *name)
{
	for (size_t at = 0; at < query.n;) {
		const uint8_t *amp = memchr(query.p + at, '&', query.n - at);
		size_t end = amp ? (size_t)(amp - query.p) : query.n;
		struct bytes one = bytes_sub(query, at, end - at);
		size_t n = strlen(name);
		if (one.n > n && memcmp(one.p, name, n) == 0 && one.p[n] == '=')
			return bytes_sub(one, n + 1, one.n - n - 1);
		at = end + 1;
	}
	return BYTES_NONE;
}

static const char *query_fault(struct bytes query, bool websocket)
{
	struct bytes transport = param(query, "transport");
	if (!bytes_eq_str(transport, "polling") && !bytes_eq_str(transport, "websocket"))
		return "{\"code\":0,\"message\":\"Transport unknown\"}";
	if (bytes_eq_str(transport, "websocket") != websocket)
		return "{\"code\":3,\"message\":\"Bad request\"}";
	if (!bytes_eq_str(param(query, "EIO"), "4"))
		return "{\"code\":5,\"message\":\"Unsupported protocol version\"}";
	return NULL;
}

static void handshake(struct eio_server *s, uint32_t conn, struct bytes method, int64_t now_ns)
{
	if (!bytes_eq_str(method, "GET")) {
		refuse(s, conn, 400, "{\"code\":2,\"message\":\"Bad handshake method\"}");
		return;
	}
	struct eio_session *e = s->n < EIO_SESSIONS_MAX ? session_new(s, now_ns) : NULL;
	if (!e) {
		s->oom |= s->n < EIO_SESSIONS_MAX;
		refuse(s, conn, 503, "{\"code\":4,\"message\":\"Forbidden\"}");
		return;
	}
	struct buf out;
	buf_init(&out, s->al, SIZE_MAX);
	open_packet(s, e, false, &out);
	http(s, conn, 200, TEXT_TYPE, buf_bytes(&out));
	s->oom |= out.failed;
	buf_fini(&out);
	emit(s, (struct eio_out){.kind = EIO_OUT_OPENED, .session = e->number}, BYTES_NONE);
}

static void take_poll(struct eio_server *s, struct eio_session *e, uint32_t conn)
{
	if (e->poll) { /* a client has one poll at a time */
		refuse(s, conn, 400, "{\"code\":3,\"message\":\"Bad request\"}");
		session_end(s, e, "transport error");
		return;
	}
	e->poll = conn;
	if (e->probed) { /* polling is being left: the poll ends at once */
		http(s, conn, 200, TEXT_TYPE, BYTES_LIT("6"));
		e->poll = 0;
		return;
	}
	flush_poll(s, e);
}

static void take_post(
	struct eio_server *s, struct eio_session *e, uint32_t conn, struct bytes body, int64_t now_ns)
{
	struct eio_dec d;
	struct eio_packet p;
	int r = 0;
	if (body.n > s->cfg.max_payload) {
		refuse(s, conn, 413, "{\"code\":3,\"message\":\"Payload too large\"}");
		session_end(s, e, "transport error");
		return;
	}
	/* Judged whole before any of it counts. */
	eio_dec_init(&d, s->al, s->cfg.max_payload);
	if (eio_dec_feed(&d, body))
		while ((r = eio_dec_next(&d, true, &p)) == 1)
			;
	bool good = r == 0 && d.state != EIO_DEC_FAILED;
	s->oom |= d.error == EIO_OOM;
	eio_dec_fini(&d);
	if (!good) {
		refuse(s, conn, 400, "{\"code\":3,\"message\":\"Bad request\"}");
		session_end(s, e, "parse error");
		return;
	}
	http(s, conn, 200, "text/html", BYTES_LIT("ok"));
	eio_dec_init(&d, s->al, s->cfg.max_payload);
	if (eio_dec_feed(&d, body))
		while (eio_dec_next(&d, true, &p) == 1 && take_packet(s, e, &p, now_ns))
			;
	s->oom |= d.error == EIO_OOM;
	eio_dec_fini(&d);
}

bool eio_server_request(struct eio_server *s, uint32_t conn, struct bytes method, struct bytes query,
	struct bytes body, int64_t now_ns)
{
	const char *fault = query_fault(query, false);
	struct bytes sid = param(query, "sid");
	eio_server_time(s, now_ns);
	if (fault) {
		refuse(s, conn, 400, fault);
		return !s->oom;
	}
	if (!sid.n) {
		handshake(s, conn, method, now_ns);
		return !s->oom;
	}
	struct eio_session *e = by_sid(s, sid);
	if (!e)
		refuse(s, conn, 400, "{\"code\":1,\"message\":\"Session ID unknown\"}");
	else if (e->websocket)
		refuse(s, conn, 400, "{\"code\":3,\"message\":\"Bad request\"}");
	else if (bytes_eq_str(method, "GET"))
		take_poll(s, e, conn);
	else if (bytes_eq_str(method, "POST"))
		take_post(s, e, conn, body, now_ns);
	else
		refuse(s, conn, 400, "{\"code\":3,\"message\":\"Bad request\"}");
	return !s->oom;
}

void eio_server_request_gone(struct eio_server *s, uint32_t conn, int64_t now_ns)
{
	(void)now_ns;
	for (uint32_t i = 0; i < s->n; i++)
		if (s->sessions[i]->poll == conn && conn) {
			s->sessions[i]->poll = 0;
			session_end(s, s->sessions[i], "transport close");
			return;
		}
}

/* ---- WebSocket ---- */

static void ws_refuse(struct eio_server *s, uint32_t conn)
{
	emit(s, (struct eio_out){.kind = EIO_OUT_WS_CLOSE, .conn = conn}, BYTES_NONE);
}

bool eio_server_ws_open(struct eio_server *s, uint32_t conn, struct bytes query, int64_t now_ns)
{
	struct bytes sid = param(query, "sid");
	eio_server_time(s, now_ns);
	if (query_fault(query, true)) {
		ws_refuse(s, conn);
		return !s->oom;
	}
	if (sid.n) {
		struct eio_session *e = by_sid(s, sid);
		if (!e || e->websocket || e->ws || !s->cfg.allow_upgrade) {
			ws_refuse(s, conn);
			return !s->oom;
		}
		e->ws = conn;
		e->probing = true;
		return !s->oom;
	}
	struct eio_session *e = s->n < EIO_SESSIONS_MAX ? session_new(s, now_ns) : NULL;
	if (!e) {
		ws_refuse(s, conn);
		return s->n >= EIO_SESSIONS_MAX;
	}
	e->websocket = true;
	e->ws = conn;
	struct buf out;
	buf_init(&out, s->al, SIZE_MAX);
	open_packet(s, e, true, &out);
	emit(s, (struct eio_out){.kind = EIO_OUT_WS_SEND, .conn = conn}, buf_bytes(&out));
	emit(s, (struct eio_out){.kind = EIO_OUT_OPENED, .session = e->number}, BYTES_NONE);
	s->oom |= out.failed;
	buf_fini(&out);
	return !s->oom;
}

/* Packets on a WebSocket that is not yet in use (engine.io-protocol v4, "Upgrade"). */
static void probe(struct eio_server *s, struct eio_session *e, const struct eio_packet *p)
{
	if (p->type == EIO_PING && bytes_eq_str(p->data, "probe")) {
		ws_packet(s, e->ws, EIO_PONG, p->data, false);
		e->probed = true;
		if (e->poll) {
			http(s, e->poll, 200, TEXT_TYPE, BYTES_LIT("6"));
			e->poll = 0;
		}
		return;
	}
	if (p->type != EIO_UPGRADE || !e->probed) {
		ws_refuse(s, e->ws);
		e->ws = 0;
		e->probing = e->probed = false;
		return;
	}
	e->probing = e->probed = false;
	e->websocket = true;
	if (e->poll) {
		http(s, e->poll, 200, TEXT_TYPE, BYTES_LIT("6"));
		e->poll = 0;
	}
	emit(s, (struct eio_out){.kind = EIO_OUT_UPGRADED, .session = e->number}, BYTES_NONE);
	for (uint32_t i = 0; i < e->n_packets; i++) {
		struct eio_item *k = &e->packets[i];
		ws_packet(s, e->ws, (enum eio_type)k->out.status, (struct bytes){k->data->data, k->data->len},
			k->out.binary);
		blob_unref(k->data);
	}
	e->n_packets = 0;
}

bool eio_server_ws_message(
	struct eio_server *s, uint32_t conn, struct bytes data, bool binary, int64_t now_ns)
{
	eio_server_time(s, now_ns);
	struct eio_session *e = by_ws(s, conn);
	if (!e)
		return !s->oom;
	struct eio_packet p = {.type = EIO_MESSAGE, .binary = true, .data = data};
	struct buf scratch;
	size_t bad;
	buf_init(&scratch, s->al, SIZE_MAX);
	enum eio_err err = data.n > s->cfg.max_payload ? EIO_TOO_LARGE
			   : binary                    ? EIO_FINE
						       : eio_packet_read(data, &scratch, &p, &bad);
	s->oom |= err == EIO_OOM;
	if (err != EIO_FINE && e->probing) {
		ws_refuse(s, e->ws);
		e->ws = 0;
		e->probing = e->probed = false;
	} else if (err != EIO_FINE)
		session_end(s, e, "parse error");
	else if (e->probing)
		probe(s, e, &p);
	else
		take_packet(s, e, &p, now_ns);
	buf_fini(&scratch);
	return !s->oom;
}

bool eio_server_ws_closed(struct eio_server *s, uint32_t conn, int64_t now_ns)
{
	struct eio_session *e = by_ws(s, conn);
	(void)now_ns;
	if (!e)
		return !s->oom;
	e->ws = 0;
	if (!e->probing)
		session_end(s, e, "transport close");
	else
		e->probing = e->probed = false;
	return !s->oom;
}

/* ---- time ---- */

bool eio_server_time(struct eio_server *s, int64_t now_ns)
{
	for (uint32_t i = s->n; i-- > 0;) {
		struct eio_session *e = s->sessions[i];
		if (now_ns >= e->pong_deadline_ns) {
			session_end(s, e, "ping timeout");
		} else if (now_ns >= e->next_ping_ns) {
			e->next_ping_ns = EIO_NEVER;
			e->pong_deadline_ns = now_ns + s->cfg.ping_timeout_ns;
			packet(s, e, EIO_PING, BYTES_NONE, false);
		}
	}
	return !s->oom;
}

int64_t eio_server_wake_at(const struct eio_server *s)
{
	int64_t at = EIO_NEVER;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct eio_session *e = s->sessions[i];
		if (e->next_ping_ns < at)
			at = e->next_ping_ns;
		if (e->pong_deadline_ns < at)
			at = e->pong_deadline_ns;
	}
	return at;
}
