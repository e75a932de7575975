/*
 * graphql_ws: messages of the `graphql-transport-ws` subprotocol (graphql-ws PROTOCOL.md), and the events that
 * carry the same results over SSE (GraphQL over Server-Sent Events, distinct connections mode).
 *
 *	client                                  server
 *	connection_init ─────────────────────▶
 *	                ◀───────────────────── connection_ack
 *	subscribe {id, query} ───────────────▶
 *	                ◀───────────────────── next {id, data}     any number
 *	complete {id} ──────────or───────────▶ complete {id} / error {id, errors}
 *	ping / pong                  both ways, at any time
 *
 * One message is one WebSocket text message. Anything else closes the socket with 4400. The server's side is in
 * server.h.
 */
#ifndef PROTO_GRAPHQL_WS_GRAPHQL_WS_H
#define PROTO_GRAPHQL_WS_GRAPHQL_WS_H

#include "proto/base/base.h"
#include "proto/base/jtext.h"

#define GQLWS_SUBPROTOCOL "graphql-transport-ws"
#define GQLWS_MESSAGE_OCTETS_MAX (4u << 20)

enum gqlws_close {
	GQLWS_INTERNAL_SERVER_ERROR = 4500,
	GQLWS_INTERNAL_CLIENT_ERROR = 4005,
	GQLWS_BAD_REQUEST = 4400,
	GQLWS_UNAUTHORIZED = 4401,
	GQLWS_FORBIDDEN = 4403,
	GQLWS_SUBPROTOCOL_NOT_ACCEPTABLE = 4406,
	GQLWS_INIT_TIMEOUT = 4408,
	GQLWS_ACK_TIMEOUT = 4504,
	GQLWS_SUBSCRIBER_EXISTS = 4409,
	GQLWS_TOO_MANY_INIT = 4429
};

enum gqlws_type {
	GQLWS_CONNECTION_INIT,
	GQLWS_CONNECTION_ACK,
	GQLWS_PING,
	GQLWS_PONG,
	GQLWS_SUBSCRIBE,
	GQLWS_NEXT,
	GQLWS_ERROR,
	GQLWS_COMPLETE
};

enum gqlws_from { GQLWS_FROM_CLIENT = 1, GQLWS_FROM_SERVER = 2, GQLWS_FROM_BOTH = 3 };

/* One row per message type; decoder, encoder, dissector and reference page read it. */
struct gqlws_type_info {
	const char *name;
	enum gqlws_from from;
	bool has_id;
	const char *help;
};
extern const struct gqlws_type_info gqlws_types[8];

struct gqlws_msg {
	enum gqlws_type type;
	uint32_t id, payload; /* nodes of the parsed message; JT_NONE: absent */
};

/* Decodes and checks one message that may come from `from`. `j` refers to `in` and must end with jt_fini.
 * False: *err, whose code is the close code (4400), -1: out of memory. */
bool gqlws_read(const struct alloc *al, struct bytes in, enum gqlws_from from, struct gqlws_msg *m,
	struct jtext *j, struct perr *err);
/* Appends a message. `id_raw` and `payload_raw` are JSON texts; n == 0: left out. */
void gqlws_write(struct buf *out, enum gqlws_type type, struct bytes id_raw, struct bytes payload_raw);

/* Appends an event of GraphQL over SSE: "next" with a result, or "complete". `payload_raw` has no line feed. */
void gqlsse_write(struct buf *out, enum gqlws_type type, struct bytes payload_raw);

#endif
