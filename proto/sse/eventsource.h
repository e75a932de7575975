/*
 * eventsource: the browser's EventSource as a state machine without I/O (WHATWG HTML 9.2.2, 9.2.3).
 *
 *                 CONNECT                200, text/event-stream
 *   start ─▶ CONNECTING ─▶ (response) ─────────────────────────▶ OPEN ──(end, network error)──▶ CONNECTING again
 *                 ▲            │ anything else (204, redirects       │                          after the reconnection time
 *                 │            ▼ not followed, wrong type)           ▼ close()
 *                 └─ wait    CLOSED: failed for ever               CLOSED
 *
 * Give an input with the time, then ask es_next until ES_IDLE. Redirects are the network's business: what comes in is the final
 * response. The spec leaves the first reconnection time and any backoff to the browser: both are configuration here.
 */
#ifndef PROTO_SSE_EVENTSOURCE_H
#define PROTO_SSE_EVENTSOURCE_H

#include "proto/sse/sse.h"

enum es_state { ES_CONNECTING = 0, ES_OPEN = 1, ES_CLOSED = 2 }; /* values of readyState */

struct es_cfg {
	uint64_t
		retry_ms; /* reconnection time until the stream sets one; 3000 in Chromium, 5000 in Firefox */
	uint32_t
		backoff_factor; /* after each failed attempt the wait is multiplied by this; 1 = never grows */
	uint64_t backoff_max_ms;
};
extern const struct es_cfg es_cfg_default; /* 3000 ms, no growth: what Chromium does */

enum es_out_kind {
	ES_IDLE, /* nothing more for now; es_wake_at says when to call es_time */
	ES_CONNECT, /* send a GET with Accept: text/event-stream, Cache-Control: no-store and, when out.id is not empty,
	             * Last-Event-ID */
	ES_ABORT,   /* drop the connection under way */
	ES_OPENED,  /* the page's `open` event */
	ES_MESSAGE, /* out.type, out.data, out.id */
	ES_ERROR, /* the page's `error` event; state tells a reconnection from the end; out.why is the reason */
};

struct es_out {
	enum es_out_kind kind;
	struct bytes type, data, id; /* valid until the next call */
	struct perr why;
};

struct eventsource {
	struct sse_dec dec;
	const struct alloc *al;
	struct es_cfg cfg;
	uint64_t retry_ms; /* the reconnection time */
	uint64_t wait_ms;  /* the next wait: retry_ms, or more after failures */
	int64_t wake_ns;   /* when to connect again; INT64_MAX = not waiting */
	enum es_state state;
	uint8_t queue[4], n_queue; /* outputs not yet taken, besides messages */
	bool streaming, eof;
	int64_t now_ns;
	struct perr why;
};

/* `cfg` NULL: es_cfg_default. Starts CONNECTING; the first output is ES_CONNECT. */
void es_init(struct eventsource *es, const struct alloc *al, const struct es_cfg *cfg,
	const struct sse_limits *lim);
void es_fini(struct eventsource *es);

/* A final response head has come. */
void es_response(struct eventsource *es, unsigned status, struct bytes content_type, int64_t now_ns);
/* Octets of the body, borrowed until es_next says ES_IDLE. */
void es_data(struct eventsource *es, struct bytes data, int64_t now_ns);
/* The body or the connection ended. */
void es_end(struct eventsource *es, int64_t now_ns);
/* No connection could be made, or it broke. */
void es_network_error(struct eventsource *es, int64_t now_ns);
/* Time has come to es_wake_at. */
void es_time(struct eventsource *es, int64_t now_ns);
/* The page called close(). */
void es_close(struct eventsource *es);

enum es_out_kind es_next(struct eventsource *es, struct es_out *out);
/* INT64_MAX when no time is waited for. */
int64_t es_wake_at(const struct eventsource *es);
/* The last event ID string. */
struct bytes es_last_id(const struct eventsource *es);

#endif
