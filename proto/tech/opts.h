/*
 * opts: what a technique may be told. One struct for all: a technique takes what concerns it and ignores
 * the rest (scenario language, `clients.NAME.options`). Times in ns; 0 means "none" where none is allowed.
 */
#ifndef PROTO_TECH_OPTS_H
#define PROTO_TECH_OPTS_H

#include "proto/base/base.h"

enum tech_from { TECH_FROM_SERVER, TECH_FROM_CLIENT };

/* Jitter families, TC-15: full U(0, d); equal d/2 + U(0, d/2); decorrelated min(max, U(first, 3 * previous)). */
enum tech_jitter { TECH_JITTER_NONE, TECH_JITTER_FULL, TECH_JITTER_EQUAL, TECH_JITTER_DECORRELATED };

struct tech_backoff {
	bool never; /* `reconnect: none`: stays disconnected */
	int64_t first_ns, max_ns;
	uint32_t factor_milli; /* 2000 = doubling */
	enum tech_jitter jitter;
};

enum tech_headers_kind { TECH_HEADERS_BROWSER, TECH_HEADERS_CURL, TECH_HEADERS_MINIMAL, TECH_HEADERS_OWN };

/* Header lines added to what the protocol itself requires. OWN: the lines are these and no others
 * ("Name: value", without CRLF); the protocol's own (Host, Upgrade, Content-Length …) are still added
 * where a line does not give them. */
struct tech_headers {
	enum tech_headers_kind kind;
	const char *const *request;
	size_t nrequest;
	const char *const *response;
	size_t nresponse;
};

struct tech_opts {
	int64_t interval_ns;  /* polling: time between requests (from request to request) */
	int64_t hold_ns;      /* long polling: how long the server holds an unanswered request */
	int64_t heartbeat_ns; /* SSE comment or WebSocket ping at this interval; 0 none */
	enum tech_from heartbeat_from;
	int64_t heartbeat_timeout_ns; /* 0 = never notices */
	struct tech_backoff reconnect;
	bool resume;         /* since=…, Last-Event-ID; the server keeps a history */
	bool keepalive_conn; /* HTTP/1.1 persistent connections (default true); false: Connection: close */
	struct tech_headers headers;
	uint64_t read_bps; /* how fast the client's application takes what arrives; 0 = at once */
	const char *path;  /* request target without query, e.g. "/events" */
};

#endif
