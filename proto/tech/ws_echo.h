/*
 * ws_echo: a WebSocket endpoint, client or server, that sends every message back. Without I/O: octets in, octets out.
 * It is what WebSocket test suites talk to, and it offers and accepts permessage-deflate (RFC 7692).
 *
 *   octets ─▶ ws_echo_data ─▶ handshake ─▶ frames ─▶ messages ─▶ the same messages ─▶ octets to send
 *
 * A message is answered with the same type and payload, compressed when that was agreed; a ping with a pong
 * (RFC 6455 5.5.3); a Close with a Close of the same code (5.5.1); an error with a Close of its code (7.1.7).
 * The server closes the TCP connection when both Close frames have passed, the client waits for it (7.1.1).
 */
#ifndef PROTO_TECH_WS_ECHO_H
#define PROTO_TECH_WS_ECHO_H

#include "proto/ws/handshake.h"

enum ws_echo_state {
	WS_ECHO_HANDSHAKE,
	WS_ECHO_OPEN,
	WS_ECHO_CLOSING, /* a Close was sent; a client waits for the server to end the connection */
	WS_ECHO_DONE,    /* what is in `out` is the last: then close the connection */
};

struct ws_echo {
	const struct alloc *al;
	enum ws_role role;
	enum ws_echo_state state;
	struct h1_dec h1;
	struct ws_dec ws;
	struct ws_deflate *zout;
	uint64_t seed; /* masking keys of a client: one draw each */
	uint64_t keys;
	char key[WS_KEY_LEN + 1];
	struct perr err;   /* what == NULL: nothing went wrong */
	struct buf out;    /* octets to send; the caller takes them and calls buf_clear */
	uint64_t messages; /* echoed */
	uint16_t code;     /* the peer's close code, 0: none came */
	bool ws_on, pmd_on;
};

#define WS_ECHO_OUT_MAX (256u << 20)

/* The seed must be unpredictable when the peer is a stranger (RFC 6455 5.3). */
void ws_echo_init(struct ws_echo *e, const struct alloc *al, enum ws_role role, uint64_t seed);
void ws_echo_fini(struct ws_echo *e);
/* Client: writes the opening handshake for this request target and host. */
void ws_echo_start(struct ws_echo *e, struct bytes target, struct bytes host);
void ws_echo_data(struct ws_echo *e, struct bytes in);
void ws_echo_eof(struct ws_echo *e);

#endif
