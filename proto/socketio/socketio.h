/*
 * socketio: packets of the Socket.IO protocol, version 5 (socket.io-protocol), which travel in Engine.IO messages.
 *
 *	<type>[<n attachments>-][<namespace>,][<ack id>][<JSON payload>]      2/game,13["move",4]
 *	 0..6   BINARY_* only     if not "/"                                  51-["img",{"_placeholder":true,"num":0}]
 *
 * A binary packet is followed by its attachments, one binary Engine.IO message each; a placeholder in the payload
 * says where number `num` belongs. The server's side is in server.h.
 */
#ifndef PROTO_SOCKETIO_SOCKETIO_H
#define PROTO_SOCKETIO_SOCKETIO_H

#include "proto/base/base.h"
#include "proto/base/jtext.h"

#define SIO_ATTACHMENTS_MAX 1000u      /* our own limit */
#define SIO_ID_MAX 9007199254740991ull /* acknowledgement ids are JavaScript integers */

enum sio_type {
	SIO_CONNECT,
	SIO_DISCONNECT,
	SIO_EVENT,
	SIO_ACK,
	SIO_CONNECT_ERROR,
	SIO_BINARY_EVENT,
	SIO_BINARY_ACK
};

struct sio_type_info {
	char digit;
	const char *name, *help;
};
extern const struct sio_type_info sio_types[7];

struct sio_packet {
	enum sio_type type;
	uint32_t attachments; /* announced, of a binary packet */
	struct bytes nsp;     /* "/" when none is written */
	bool has_id;
	uint64_t id;
	struct bytes payload; /* JSON text; empty when there is none */
	/* where the parts stand in the text */
	uint32_t attachments_len, nsp_off, nsp_len, id_off, id_len, payload_off;
};

/* Decodes and checks one packet's text; `j` holds the parsed payload afterwards (empty: j->n == 0) and refers to
 * `in`; always end with jt_fini. False: *err. */
bool sio_packet_read(
	const struct alloc *al, struct bytes in, struct sio_packet *p, struct jtext *j, struct perr *err);
/* Appends the text of a packet. */
void sio_packet_write(struct buf *out, const struct sio_packet *p);

/* The number a node is a placeholder for, or -1: {"_placeholder":true,"num":N}. */
int32_t sio_placeholder(const struct jtext *j, uint32_t node);

/* A binary packet and its attachments being put together. */
enum sio_dec_state { SIO_DEC_PACKET, SIO_DEC_ATTACHMENTS, SIO_DEC_FAILED };

struct sio_dec {
	const struct alloc *al;
	enum sio_dec_state state;
	struct buf text;
	struct jtext json;
	struct sio_packet packet;
	struct slice *attachments;
	uint32_t got;
	struct perr err;
};

void sio_dec_init(struct sio_dec *d, const struct alloc *al);
void sio_dec_fini(struct sio_dec *d);
/* A text message of Engine.IO. 1: d->packet is whole; 0: attachments are to come; -1: d->err, close the connection. */
int sio_dec_text(struct sio_dec *d, struct bytes in);
/* A binary message. The same answers. Attachments stay in d->attachments until the next text. */
int sio_dec_binary(struct sio_dec *d, struct bytes in);

#endif
