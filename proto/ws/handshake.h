/*
 * handshake: the opening handshake of RFC 6455 (section 4), both roles, and the negotiation of permessage-deflate
 * (RFC 7692 7.1).
 *
 *   client                                               server
 *   GET /chat HTTP/1.1                          ───▶     ws_hs_check_request: 101, 400, 426 …
 *   Upgrade: websocket, Sec-WebSocket-Key: K
 *   ws_hs_check_response                        ◀───     101, Sec-WebSocket-Accept: base64(SHA-1(K + GUID))
 */
#ifndef PROTO_WS_HANDSHAKE_H
#define PROTO_WS_HANDSHAKE_H

#include "proto/base/base.h"
#include "proto/http1/http1.h"
#include "proto/ws/ws.h"

#define WS_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define WS_ACCEPT_LEN 28
#define WS_KEY_LEN 24

/* The Sec-WebSocket-Accept value for a key (RFC 6455 4.2.2), NUL-terminated. The key is taken as it is. */
void ws_accept(struct bytes key, char out[WS_ACCEPT_LEN + 1]);
/* A Sec-WebSocket-Key is 16 octets in base64 (RFC 6455 4.2.1). */
bool ws_key_ok(struct bytes key);
/* The Sec-WebSocket-Key value for 16 random octets, NUL-terminated. */
void ws_key(const uint8_t nonce[16], char out[WS_KEY_LEN + 1]);

/* The parameters of one permessage-deflate offer or answer. 0 bits = parameter absent; client_bits 255 in an offer =
 * client_max_window_bits without a value. */
struct ws_pmd_params {
	bool server_no_context_takeover, client_no_context_takeover;
	uint8_t server_bits, client_bits;
};
#define WS_PMD_BITS_ANY 255

/* What a server is willing to do. */
struct ws_pmd_policy {
	bool on;
	bool server_no_context_takeover, client_no_context_takeover; /* ask for it even if not offered */
	uint8_t server_bits_max;                                     /* 0 = 15 */
	uint8_t client_bits_max; /* 0 = 15; less only binds clients that offered client_max_window_bits */
};

/* Looks at Sec-WebSocket-Extensions values (joined by commas) and picks the first acceptable permessage-deflate offer.
 * Returns 1 and fills *answer, 0 when there is none (go on without), -1 when the list is malformed (RFC 6455 9.1). */
int ws_pmd_accept(struct bytes offers, const struct ws_pmd_policy *policy, struct ws_pmd_params *answer);
/* Judges a server's answer against the client's own offers. 1: agreed, *agreed filled; 0: answer is empty, go on
 * without; -1: fail the connection, *why (may be NULL) says why. */
int ws_pmd_check_answer(
	struct bytes offers, struct bytes answer, struct ws_pmd_params *agreed, struct perr *why);
/* Appends "permessage-deflate; …". */
void ws_pmd_put(struct buf *out, const struct ws_pmd_params *p);
/* The setting of one direction. */
struct ws_pmd ws_pmd_of(const struct ws_pmd_params *p, enum ws_role sender);

/* A server's judgement of a request. */
struct ws_hs_request {
	unsigned status; /* 101, or the error to answer with (426 goes with Sec-WebSocket-Version: 13) */
	struct perr err; /* when status is not 101 */
	struct bytes key, protocols,
		extensions; /* header values, borrowed from the head; p == NULL when absent */
	bool pmd_on;
	struct ws_pmd_params pmd; /* what to answer */
};
/* `protocol`: offered subprotocols may contain it and it is then chosen (NULL: none is). `policy` may be NULL. */
void ws_hs_check_request(
	const struct h1_head *head, const struct ws_pmd_policy *policy, struct ws_hs_request *out);

/* What a client asked for, and its judgement of the response. */
struct ws_hs_offer {
	struct bytes key;        /* Sec-WebSocket-Key as sent */
	struct bytes protocols;  /* Sec-WebSocket-Protocol as sent, or BYTES_NONE */
	struct bytes extensions; /* Sec-WebSocket-Extensions as sent, or BYTES_NONE */
};
struct ws_hs_response {
	bool ok;
	struct perr err; /* when !ok */
	struct bytes protocol;
	bool pmd_on;
	struct ws_pmd_params pmd;
};
void ws_hs_check_response(
	const struct h1_head *head, const struct ws_hs_offer *offer, struct ws_hs_response *out);

/* Appends the fields (no request line, Host or empty line) of a request: Upgrade, Connection, Key, Version 13 and what
 * was offered. */
bool ws_hs_put_request_fields(struct buf *out, const struct ws_hs_offer *offer);
/* Appends a whole 101 response for an accepted request. `protocol` may be BYTES_NONE. */
bool ws_hs_put_response(struct buf *out, const struct ws_hs_request *req, struct bytes protocol);

#endif
