/*
 * session: one HTTP/2 connection as a machine without I/O, for both roles (RFC 9113).
 *
 *	octets in ──▶ h2_conn_feed ──▶ h2_conn_next ──▶ events          h2_conn_request / headers / data / …
 *	                                    │                                         │
 *	                                    └── SETTINGS ACK, PING ACK, RST_STREAM, ──┴──▶ h2_conn_out ──▶ octets out
 *	                                        GOAWAY, WINDOW_UPDATE
 *
 * The states of a stream (RFC 9113 5.1; reserved streams are left out, since push is never enabled):
 *
 *	            HEADERS            END_STREAM received
 *	   IDLE ────────────▶ OPEN ────────────────────────▶ HALF_CLOSED_REMOTE ──┐
 *	                       │  END_STREAM sent                                 ├──▶ CLOSED
 *	                       ├─────────────────────────▶ HALF_CLOSED_LOCAL ─────┤
 *	                       └──── RST_STREAM sent or received ─────────────────┘
 *
 * Hostile peers: every budget below has a name; when one is used up the connection ends with ENHANCE_YOUR_CALM.
 */
#ifndef PROTO_H2_SESSION_H
#define PROTO_H2_SESSION_H

#include "proto/h2/h2.h"
#include "proto/hpack/hfields.h"
#include "proto/hpack/hpack.h"

#define H2_CLOSED_KEPT 128          /* closed streams whose end is remembered */
#define H2_BLOCK_OCTETS_MAX 262144u /* one header block, compressed */
#define H2_CONTINUATIONS_MAX 256    /* frames of one header block */
#define H2_EMPTY_CONTINUATIONS_MAX 16
#define H2_RESET_BUDGET 200       /* streams reset before they were answered (rapid reset) */
#define H2_CONTROL_BUDGET 1500    /* PING, SETTINGS, PRIORITY, empty DATA, unknown frames */
#define H2_OUT_MAX (16u << 20)    /* octets waiting to be sent */
#define H2_OUT_RESERVE (1u << 20) /* of these, what DATA leaves free */

enum h2_role { H2_SERVER, H2_CLIENT };

enum h2_stream_state { H2_IDLE, H2_OPEN, H2_HALF_CLOSED_LOCAL, H2_HALF_CLOSED_REMOTE, H2_CLOSED };

/* How a stream came to its end; what may still arrive depends on it (RFC 9113 5.1, "closed"). */
enum h2_end { H2_END_NONE, H2_END_STREAM, H2_END_RST_SENT, H2_END_RST_RECEIVED };

struct h2_stream {
	uint32_t id;
	enum h2_stream_state state;
	int64_t send_window, recv_window;
	uint32_t consumed; /* octets the application has taken since the last WINDOW_UPDATE */
	bool got_headers;  /* the request, or the final response, has come */
	bool sent_headers;
	bool answered; /* server: END_STREAM was sent */
	bool head;     /* a response to HEAD: no content, whatever content-length says */
	bool connect;
	bool has_length;
	uint64_t content_length, received;
	void *user; /* the application's own */
};

struct h2_local {
	uint32_t header_table_size, max_concurrent, initial_window, max_frame_size, max_header_list;
	bool extended_connect;
	bool manual_window; /* the application calls h2_conn_consume; else octets count as taken at once */
};

enum h2_event_kind {
	H2_EV_NONE,
	H2_EV_SETTINGS,     /* the peer's SETTINGS were applied (and acknowledged) */
	H2_EV_SETTINGS_ACK, /* the peer acknowledged ours */
	H2_EV_HEADERS,      /* a request, response or informational response: `fields`, `status` */
	H2_EV_TRAILERS,
	H2_EV_DATA,
	H2_EV_RESET, /* the peer reset the stream: `code` */
	H2_EV_PING_ACK,
	H2_EV_GOAWAY,       /* `code`, `stream` = last stream the peer will serve */
	H2_EV_WINDOW,       /* the peer's window grew: `stream`, 0 = connection */
	H2_EV_STREAM_FAULT, /* the peer broke a rule on one stream; RST_STREAM was written */
	H2_EV_CONN_FAULT /* the peer broke a rule of the connection; GOAWAY was written; nothing more is read */
};

struct h2_event {
	enum h2_event_kind kind;
	uint32_t stream;
	uint64_t off; /* of the frame that brought it */
	bool end_stream;
	bool too_large; /* HEADERS over max_header_list: `fields` is cut; a server answers 431 */
	int status;
	const struct hfields *fields; /* borrowed until the next call */
	struct bytes data;            /* DATA, debug data of GOAWAY, PING octets */
	uint32_t code;
	struct h2_fault fault;
};

enum h2_conn_state { H2_CONN_PREFACE, H2_CONN_SETTINGS_DUE, H2_CONN_READY, H2_CONN_IN_BLOCK, H2_CONN_CLOSED };

struct h2_conn {
	const struct alloc *al;
	enum h2_role role;
	enum h2_conn_state state;
	struct h2_local local; /* ours; in force for the peer once acknowledged */
	unsigned settings_unacked;
	/* the peer's settings */
	uint32_t peer_max_concurrent, peer_initial_window, peer_max_frame_size, peer_max_header_list;
	bool peer_extended_connect;
	bool peer_no_priorities, peer_settings_seen; /* the first SETTINGS decides for good (RFC 9218 2.1) */

	unsigned preface_seen;
	struct h2_dec dec;
	struct hpack_dec hdec;
	struct hpack_enc henc;
	struct buf out;
	size_t out_taken;

	struct h2_stream **streams; /* not closed */
	size_t stream_count, stream_cap;
	size_t peer_active;        /* of those, opened by the peer */
	uint32_t last_peer_stream; /* highest identifier the peer has used */
	uint32_t next_stream;      /* client: the identifier of the next request */
	struct {
		uint32_t id;
		enum h2_end how;
	} closed[H2_CLOSED_KEPT];
	unsigned closed_next;
	uint32_t closed_forgotten; /* highest identifier that fell out of `closed` */

	int64_t send_window, recv_window;
	int64_t stream_window; /* what a new stream may receive: a smaller INITIAL_WINDOW_SIZE of ours waits for the ACK */
	uint32_t consumed;

	/* the header block being put together */
	uint32_t block_stream;
	uint64_t block_off, block_octets;
	unsigned block_frames, block_empty;
	bool block_end_stream, block_too_large;
	struct h2_fault block_fault;
	struct hfields fields;

	int reset_budget, control_budget;
	bool goaway_sent, goaway_received;
	uint32_t goaway_last;
	struct h2_fault fault;
	bool oom;
};

/* The settings a connection starts with if the caller has no wishes. */
struct h2_local h2_local_default(void);

/* Starts a connection: the preface (client) and our SETTINGS are in h2_conn_out. False: out of memory. */
bool h2_conn_init(struct h2_conn *c, const struct alloc *al, enum h2_role role, const struct h2_local *local);
void h2_conn_fini(struct h2_conn *c);

/* Octets from the peer (copied). False: out of memory. */
bool h2_conn_feed(struct h2_conn *c, struct bytes in);
/* 1: *ev; 0: no event until more is fed; -1: the connection is closed (c->fault, c->oom). Call until it is not 1. */
int h2_conn_next(struct h2_conn *c, struct h2_event *ev);

/* Octets to send; take them with h2_conn_sent. */
struct bytes h2_conn_out(const struct h2_conn *c);
void h2_conn_sent(struct h2_conn *c, size_t n);

/* A new request (client). 0: not possible now (GOAWAY, stream limit, out of memory). */
uint32_t h2_conn_request(struct h2_conn *c, const struct hfield *fields, size_t n, bool end_stream);
/* Header fields on a stream: a response, an informational response (1xx: end_stream false) or trailers. */
bool h2_conn_headers(
	struct h2_conn *c, uint32_t stream, const struct hfield *fields, size_t n, bool end_stream);
/* Sends as much of `data` as the windows and H2_OUT_MAX allow now; returns the octets taken. END_STREAM goes with the last
 * octet. */
size_t h2_conn_data(struct h2_conn *c, uint32_t stream, struct bytes data, bool end_stream);
void h2_conn_rst(struct h2_conn *c, uint32_t stream, enum h2_error code);
void h2_conn_ping(struct h2_conn *c, const uint8_t opaque[8]);
void h2_conn_goaway(struct h2_conn *c, enum h2_error code, const char *debug);
/* With manual_window: the application has taken n octets of a stream's DATA. */
void h2_conn_consume(struct h2_conn *c, uint32_t stream, uint32_t n);
/* Refills the budgets; call it once a second or so of the caller's time. */
void h2_conn_calm(struct h2_conn *c);

struct h2_stream *h2_conn_stream(const struct h2_conn *c, uint32_t id);

#endif
