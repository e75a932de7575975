/*
 * server: the server's side of one `graphql-transport-ws` socket, without I/O, answering from a small schema.
 *
 *	WAIT_INIT ──connection_init──▶ READY ──subscribe, ping, complete──▶ READY
 *	    └── init timeout 4408, anything else but ping/pong 4401 … any broken rule ──▶ CLOSED
 *
 * A subscription's first result is sent at once, each further one `interval_ns` later, complete after the last.
 */
#ifndef PROTO_GRAPHQL_WS_SERVER_H
#define PROTO_GRAPHQL_WS_SERVER_H

#include "proto/graphql_ws/gql.h"
#include "proto/graphql_ws/graphql_ws.h"

#define GQLWS_OPERATIONS_MAX 256 /* at once on one socket; our own limit */
#define GQLWS_NEVER INT64_MAX

enum gqlws_server_state { GQLWS_WAIT_INIT, GQLWS_READY, GQLWS_CLOSED };

struct gqlws_server_cfg {
	int64_t init_timeout_ns, interval_ns;
};

struct gqlws_op {
	struct blob *id;    /* the JSON string as it came */
	struct blob *query; /* decoded */
	struct gql_doc doc;
	uint32_t sent;
	int64_t next_ns;
	uint64_t order;
};

struct gqlws_out {
	bool close; /* else: send `text` */
	uint16_t code;
	const char *reason;
	struct bytes text; /* borrowed until the next call */
};

struct gqlws_server {
	const struct alloc *al;
	const struct gql_schema *schema;
	struct gqlws_server_cfg cfg;
	enum gqlws_server_state state;
	int64_t init_deadline_ns;
	struct gqlws_op **ops;
	uint32_t n_ops, cap_ops;
	uint64_t orders;
	struct buf queue; /* messages to send, each behind its length (4 octets) */
	size_t queue_taken;
	bool close_due, close_told;
	uint16_t close_code;
	const char *close_reason;
	char reason_room[124];
	bool oom;
};

/* Does the list in Sec-WebSocket-Protocol offer the subprotocol? If not, the socket is closed with 4406. */
bool gqlws_subprotocol_ok(struct bytes offered);

/* `schema` is borrowed. `subprotocol_ok` false: the first output closes with 4406. */
void gqlws_server_init(struct gqlws_server *s, const struct alloc *al, const struct gql_schema *schema,
	struct gqlws_server_cfg cfg, bool subprotocol_ok, int64_t now_ns);
void gqlws_server_fini(struct gqlws_server *s);
/* A text message from the client. False: out of memory. */
bool gqlws_server_text(struct gqlws_server *s, struct bytes text, int64_t now_ns);
/* A binary message closes with 4400. */
bool gqlws_server_binary(struct gqlws_server *s);
bool gqlws_server_time(struct gqlws_server *s, int64_t now_ns);
/* When gqlws_server_time must be called next, or GQLWS_NEVER. */
int64_t gqlws_server_wake_at(const struct gqlws_server *s);
/* The next output; false: none now. */
bool gqlws_server_next(struct gqlws_server *s, struct gqlws_out *out);

#endif
