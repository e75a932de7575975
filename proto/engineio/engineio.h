/*
 * engineio: packets and long-polling payloads of the Engine.IO protocol, version 4 (engine.io-protocol).
 *
 *	packet, as text        packet type (one digit) | data          "4hello"
 *	packet, binary         the octets alone in a binary WebSocket frame; the type is message
 *	                       "b" | base64 of the octets where only text can go
 *	payload (HTTP body)    packet 0x1e packet 0x1e packet          "4hello" 0x1e "bAQIDBA=="
 *
 * Version 3, with its length prefixes, is left out. The server's side of a session is in server.h.
 */
#ifndef PROTO_ENGINEIO_ENGINEIO_H
#define PROTO_ENGINEIO_ENGINEIO_H

#include "proto/base/base.h"

#define EIO_SEPARATOR 0x1e
#define EIO_MAX_PAYLOAD_DEFAULT 1000000u /* maxPayload of the open packet */
#define EIO_PACKETS_MAX 10000u           /* in one payload; our own limit */

enum eio_type { EIO_OPEN, EIO_CLOSE, EIO_PING, EIO_PONG, EIO_MESSAGE, EIO_UPGRADE, EIO_NOOP };

/* One row per packet type: decoder, encoder, dissector and reference page read it. */
struct eio_type_info {
	char digit;
	const char *name, *help;
};
extern const struct eio_type_info eio_types[7];

enum eio_err {
	EIO_FINE,
	EIO_BAD_TYPE,
	EIO_EMPTY,
	EIO_BAD_BASE64,
	EIO_BAD_UTF8,
	EIO_TOO_LARGE,
	EIO_TOO_MANY,
	EIO_OOM
};

struct eio_packet {
	enum eio_type type;
	bool binary;
	uint64_t off, len; /* in the payload or message */
	struct bytes data; /* octets, base64 undone; borrowed */
};

/* Decodes the text form of one packet. `scratch` takes what base64 stood for. *bad_off is set on an error. */
enum eio_err eio_packet_read(struct bytes in, struct buf *scratch, struct eio_packet *p, size_t *bad_off);
/* Appends the text form (binary data as base64). */
void eio_packet_write(struct buf *out, const struct eio_packet *p);
/* A sentence for an error. */
const char *eio_err_text(enum eio_err e);

enum eio_dec_state { EIO_DEC_PACKET, EIO_DEC_ENDED, EIO_DEC_FAILED };

/* Splits a payload, fed in pieces, into packets. */
struct eio_dec {
	enum eio_dec_state state;
	struct buf in, scratch;
	size_t taken, searched;
	uint64_t off;
	uint32_t packets;
	uint64_t max_payload;
	enum eio_err error;
	struct perr err;
};

void eio_dec_init(struct eio_dec *d, const struct alloc *al, uint64_t max_payload);
void eio_dec_fini(struct eio_dec *d);
bool eio_dec_feed(struct eio_dec *d, struct bytes in);
/* 1: a packet; 0: more needed, or with `end` the payload is complete; -1: d->err. The last packet comes only once
 * `end` is true. */
int eio_dec_next(struct eio_dec *d, bool end, struct eio_packet *p);

#endif
