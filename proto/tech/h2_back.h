/*
 * h2_back: HTTP/2 behind the client endpoint (RFC 9113), as a gateway without I/O.
 *
 *	tech_client ─ connection 0 ─ HTTP/1.1 ─▶ h1_dec ─▶ stream 1, 5, … ─▶ h2_conn ─▶ octets
 *	            ─ connection 1 ─ HTTP/1.1 ─▶ h1_dec ─▶ stream 3, 7, … ─┘   one connection for both
 *	            ◀──────────────── HTTP/1.1 ◀─ HEADERS, DATA ◀───────────── h2_conn ◀─ octets
 *
 * The client endpoint does not know: what it takes for a connection is a place (a *lane*) for one request after another.
 * A WebSocket handshake becomes extended CONNECT, once the server has said that it may (RFC 8441).
 *
 * Left out: the Upgrade from HTTP/1.1 (obsolete, RFC 9113 3.1), push, Expect.
 */
#ifndef PROTO_TECH_H2_BACK_H
#define PROTO_TECH_H2_BACK_H

#include "proto/h2/session.h"
#include "proto/http1/http1.h"
#include "proto/tech/h2_front.h"

#define H2_LANES 2
#define H2_BACK_WAITING_MAX (4u << 20) /* octets of a lane that wait, in either direction */

struct h2_lane {
	bool open, failed;
	struct h1_dec requests; /* what the client writes */
	bool head_due;          /* a whole head is in `head`, but the server's SETTINGS have not come */
	uint32_t stream;        /* of the request under way, 0: none */
	bool sent_end;          /* its content is complete */
	bool tunnel, tunnel_open;
	bool chunked;        /* the answer's content goes to the client in chunks */
	bool head_request;   /* HEAD: an answer without content */
	char accept[32];     /* what the endpoint expects as Sec-WebSocket-Accept */
	struct hfields head; /* of a request that waits */
	struct buf up;       /* content that the windows hold back */
	size_t up_at;
	struct buf down; /* HTTP/1.1 for the client */
	bool eof, reset; /* to be told behind `down` */
};

struct h2_back {
	const struct alloc *al;
	struct h2_conn h2;
	bool settled; /* the server's SETTINGS have come */
	struct h2_lane lane[H2_LANES];
	struct h2_note notes[H2_FRONT_NOTES];
	unsigned notes_head, notes_n;
};

/* False: out of memory; call h2_back_fini all the same. */
bool h2_back_init(struct h2_back *b, const struct alloc *al);
void h2_back_fini(struct h2_back *b);
/* The client opens or closes a connection of its own, or writes on it. */
void h2_back_open(struct h2_back *b, unsigned lane);
void h2_back_close(struct h2_back *b, unsigned lane);
void h2_back_write(struct h2_back *b, unsigned lane, struct bytes data);
/* Octets of the server. */
void h2_back_data(struct h2_back *b, struct bytes in);
/* What is to be sent, until there is nothing. */
struct bytes h2_back_out(const struct h2_back *b);
/* n octets of it have been taken; what waited for room follows. */
void h2_back_sent(struct h2_back *b, size_t n);

enum h2_back_ev { H2_BACK_NONE, H2_BACK_DATA, H2_BACK_EOF, H2_BACK_RESET };
/* What the client is to be told, until it is NONE. *data is borrowed until the next call. */
enum h2_back_ev h2_back_next(struct h2_back *b, unsigned *lane, struct bytes *data);
bool h2_back_note(struct h2_back *b, struct h2_note *n);

#endif
