/*
 * server: the server's side of Engine.IO v4 without I/O: sessions over long polling and WebSocket, the upgrade from one to
 * the other, the heartbeat (engine.io-protocol v4, "Handshake", "Heartbeat", "Upgrade").
 *
 *	GET ?EIO=4&transport=polling ──▶ 200, open packet      a session begins
 *	GET …&sid=S                  ──▶ held until there is a packet, or a ping is due
 *	POST …&sid=S  payload        ──▶ 200 "ok"
 *	WebSocket …&sid=S, "2probe"  ──▶ "3probe"; the pending poll ends with noop; "5": polling is over
 *	WebSocket ?EIO=4 without sid ──▶ open packet
 *
 * The caller numbers its HTTP requests and WebSocket connections; outputs name these numbers. Time comes in with every call.
 */
#ifndef PROTO_ENGINEIO_SERVER_H
#define PROTO_ENGINEIO_SERVER_H

#include "proto/engineio/engineio.h"

#define EIO_SESSIONS_MAX 100000u
#define EIO_QUEUE_MAX 10000u /* packets waiting for a session's next poll */
#define EIO_SID_LEN 20
#define EIO_NEVER INT64_MAX

struct eio_server_cfg {
	int64_t ping_interval_ns, ping_timeout_ns;
	uint32_t max_payload;
	bool allow_upgrade;
	uint64_t sid_seed; /* session ids are drawn from it */
};
/* 25 s, 20 s, 1,000,000 octets, upgrades allowed: what the reference server starts with. */
struct eio_server_cfg eio_server_cfg_default(void);

enum eio_out_kind {
	EIO_OUT_HTTP,     /* answer request `conn`: status, content_type, data */
	EIO_OUT_WS_SEND,  /* send data on WebSocket `conn`: text, or binary */
	EIO_OUT_WS_CLOSE, /* close WebSocket `conn` */
	EIO_OUT_OPENED,   /* session `session` has begun */
	EIO_OUT_MESSAGE,  /* the session's client says data: text or binary */
	EIO_OUT_UPGRADED, /* the session goes on over WebSocket */
	EIO_OUT_CLOSED    /* the session is over: reason */
};

struct eio_out {
	enum eio_out_kind kind;
	uint32_t conn, session;
	unsigned status;
	const char *content_type, *reason;
	bool binary;
	struct bytes data; /* borrowed until the next call */
};

struct eio_session;

struct eio_item {
	struct eio_out out;
	struct blob *data;
};

struct eio_server {
	const struct alloc *al;
	struct eio_server_cfg cfg;
	struct eio_session **sessions;
	uint32_t n, cap, next_number;
	uint64_t sid_state;
	struct eio_item *queue;
	uint32_t q_n, q_cap, q_taken;
	struct blob *lent; /* the data of the output given last */
	bool oom;
};

void eio_server_init(struct eio_server *s, const struct alloc *al, struct eio_server_cfg cfg);
void eio_server_fini(struct eio_server *s);

/* An HTTP request: `query` is what stands behind the "?". Each function returns false when out of memory. */
bool eio_server_request(struct eio_server *s, uint32_t conn, struct bytes method, struct bytes query,
	struct bytes body, int64_t now_ns);
/* The caller gave up request `conn` (its connection is gone). */
void eio_server_request_gone(struct eio_server *s, uint32_t conn, int64_t now_ns);
bool eio_server_ws_open(struct eio_server *s, uint32_t conn, struct bytes query, int64_t now_ns);
bool eio_server_ws_message(
	struct eio_server *s, uint32_t conn, struct bytes data, bool binary, int64_t now_ns);
bool eio_server_ws_closed(struct eio_server *s, uint32_t conn, int64_t now_ns);
bool eio_server_time(struct eio_server *s, int64_t now_ns);
int64_t eio_server_wake_at(const struct eio_server *s);

/* A message to a session's client. False: no such session, or out of memory. */
bool eio_server_send(struct eio_server *s, uint32_t session, struct bytes data, bool binary);
void eio_server_close(struct eio_server *s, uint32_t session);
/* The session's id on the wire; NULL: there is none. */
const char *eio_server_sid(const struct eio_server *s, uint32_t session);

/* The next output; false: none now. */
bool eio_server_next(struct eio_server *s, struct eio_out *out);

#endif
