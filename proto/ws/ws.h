/*
 * ws: WebSocket frames and messages (RFC 6455) with permessage-deflate (RFC 7692), without I/O.
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +-+-+-+-+-------+-+-------------+-------------------------------+
 *   |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
 *   |I|S|S|S|  (4)  |A|     (7)     |  0, 16 or 64 bits, then the   |
 *   |N|V|V|V|       |S|             |  masking key (32 bits if M=1) |
 *   | |1|2|3|       |K|             |                               |
 *   +-+-+-+-+-------+-+-------------+-------------------------------+
 *
 *   octets ─▶ ws_dec_feed ─▶ ws_dec_next ─▶ FRAME  MESSAGE PING PONG CLOSE …
 *
 * The decoder fails at the first octet that makes the stream illegal: a reserved opcode at octet 1, a wrong mask bit at
 * octet 2, ill-formed UTF-8 at the octet that spoils it. Only compressed messages are judged when they are complete.
 * The opening handshake is in proto/ws/handshake.h. Left out: extensions other than permessage-deflate.
 */
#ifndef PROTO_WS_WS_H
#define PROTO_WS_WS_H

#include "proto/base/base.h"

enum ws_role {
	WS_SERVER, /* this endpoint is the server: it reads masked frames and writes unmasked ones */
	WS_CLIENT,
};

enum ws_op {
	WS_CONT = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_OP_CLOSE = 8,
	WS_OP_PING = 9,
	WS_OP_PONG = 10,
};
/* "continuation", "text", …; "reserved" for the others. */
const char *ws_op_name(unsigned op);

/* Close codes used by name here (RFC 6455 7.4.1). */
enum {
	WS_CLOSE_NORMAL = 1000,
	WS_CLOSE_GOING_AWAY = 1001,
	WS_CLOSE_PROTOCOL_ERROR = 1002,
	WS_CLOSE_UNSUPPORTED = 1003,
	WS_CLOSE_NO_STATUS = 1005, /* never on the wire: a Close frame without a code */
	WS_CLOSE_ABNORMAL = 1006,  /* never on the wire: the connection ended without a Close frame */
	WS_CLOSE_INVALID_DATA = 1007,
	WS_CLOSE_POLICY = 1008,
	WS_CLOSE_TOO_BIG = 1009,
	WS_CLOSE_INTERNAL = 1011,
};
/* The code may stand in a Close frame (RFC 6455 7.4, IANA registry of close codes). */
bool ws_close_code_legal(unsigned code);
const char *ws_close_code_name(unsigned code);

#define WS_CONTROL_MAX 125 /* payload octets of a control frame (RFC 6455 5.5) */
#define WS_HEADER_MAX 14

struct ws_limits {
	uint64_t message_octets_max; /* one message after decompression; 1009 beyond it */
	uint32_t fragments_max;      /* frames of one message */
};
extern const struct ws_limits ws_limits_default;

/* A frame header with its place in the stream. */
struct ws_frame {
	uint64_t off, pay_off, pay_len;
	uint8_t hdr_len;
	uint8_t fin;
	uint8_t rsv; /* 4 = RSV1, 2 = RSV2, 1 = RSV3 */
	uint8_t op;
	uint8_t mask;
	uint8_t key[4];
};

/* What was agreed on permessage-deflate for one direction (RFC 7692 7.1). */
struct ws_pmd {
	bool on;
	bool no_context_takeover;
	uint8_t window_bits; /* 8..15; 0 is read as 15 */
};

enum ws_ev_kind {
	WS_NEED,    /* feed more */
	WS_FRAME,   /* a legal frame header is complete: ev.frame (before the payload is looked at) */
	WS_MESSAGE, /* ev.op is WS_TEXT or WS_BINARY, ev.data the whole message, unmasked and decompressed */
	WS_PING,    /* ev.data; the answer is a pong with the same payload */
	WS_PONG,    /* ev.data */
	WS_CLOSE,   /* ev.code (1005 if none), ev.data the reason; the answer is a Close with the same code */
	WS_CLOSED,  /* a Close was read before: whatever follows is ignored */
	WS_ERROR,   /* ev.err, err.code is the close code to send; for ever after */
};

struct ws_ev {
	enum ws_ev_kind kind;
	uint64_t off,
		len; /* stream range: the frame (control), or from the first frame's first octet to the last's end */
	struct ws_frame frame;
	uint8_t op;
	bool compressed;      /* MESSAGE: was sent with RSV1 */
	uint32_t n_frames;    /* MESSAGE */
	uint64_t wire_octets; /* MESSAGE: payload octets on the wire, before decompression */
	uint16_t code;
	struct bytes data; /* valid until the next call on the decoder */
	struct perr err;
};

/* Which rule was broken. One line in errors.def each: close code, sentence, section. */
enum ws_err {
#define X(id, code, what, ref) WS_E_##id,
#include "proto/ws/errors.def"
#undef X
	WS_E_COUNT
};
struct perr ws_err_info(enum ws_err e, uint64_t off);

/* The decoder. All fields are its own. */
struct ws_dec {
	const struct alloc *al;
	const struct ws_limits *lim;
	struct bytes in;
	uint64_t off;  /* stream offset of in.p */
	uint64_t left; /* payload octets of the current frame still to come; error offset after an error */
	struct ws_work *work;   /* only while a message or a cut frame is under way, or lent */
	struct ws_inflate *zin; /* with permessage-deflate, from the first compressed message on */
	uint8_t hdr[WS_HEADER_MAX];
	uint8_t hdr_n;
	uint8_t state, role, err, utf8, flags;
	struct ws_pmd pmd;
};

/* `lim` may be NULL. `pmd`: what the *peer* compresses with; NULL or !on: permessage-deflate was not agreed.
 * Allocates nothing. */
void ws_dec_init(struct ws_dec *d, const struct alloc *al, enum ws_role role, const struct ws_limits *lim,
	const struct ws_pmd *pmd);
void ws_dec_fini(struct ws_dec *d);
/* Borrowed until ws_dec_next returns WS_NEED. */
void ws_dec_feed(struct ws_dec *d, struct bytes in);
enum ws_ev_kind ws_dec_next(struct ws_dec *d, struct ws_ev *ev);
/* A frame or a fragmented message is incomplete: an end of stream now is not clean. */
bool ws_dec_busy(const struct ws_dec *d);
/* No frame is under way (a fragmented message may be). */
bool ws_dec_at_frame(const struct ws_dec *d);
/* Nothing is under way and nothing to be remembered but the stream offset, which *off gets: the decoder is ended, a
 * fresh one can take its place later. False, and the decoder unchanged, otherwise (also with permessage-deflate). */
bool ws_dec_park(struct ws_dec *d, uint64_t *off);
/* What is most of what a decoder with nothing under way meets beside messages: `in` is one whole Ping or Pong without
 * payload, as this role reads it, and nothing else. WS_OP_PING or WS_OP_PONG; WS_CONT: it is something else. */
static inline enum ws_op ws_lone_beat(enum ws_role role, struct bytes in)
{
	const bool masked = role == WS_SERVER;
	if (in.n != (masked ? 6 : 2) || in.p[1] != (masked ? 0x80 : 0))
		return WS_CONT;
	return in.p[0] == (0x80 | WS_OP_PING)   ? WS_OP_PING
	       : in.p[0] == (0x80 | WS_OP_PONG) ? WS_OP_PONG
						: WS_CONT;
}
/* The error as an enum (valid after WS_ERROR). */
enum ws_err ws_dec_err(const struct ws_dec *d);

/*
 * Encoder. `key` is the masking key of a client's frame, NULL for a server's. Keys come in as arguments: the caller
 * draws them (RFC 6455 5.3 wants them unpredictable).
 */
/* Writes a frame header into `out` and returns its length. Any header can be written, illegal ones too. */
unsigned ws_header(uint8_t out[WS_HEADER_MAX], bool fin, unsigned rsv, unsigned op, uint64_t pay_len,
	const uint8_t *key);
/* A whole frame, payload masked when `key` is given. */
void ws_put_frame(
	struct buf *out, bool fin, unsigned rsv, unsigned op, struct bytes payload, const uint8_t *key);
/* A message in one frame. */
void ws_put_message(struct buf *out, enum ws_op op, struct bytes payload, const uint8_t *key);
/* A Close frame. code 0 or 1005: without a code. The reason is cut at a character so that 125 octets suffice. */
void ws_put_close(struct buf *out, unsigned code, struct bytes reason, const uint8_t *key);
/* dst[i] = src[i] ^ key[(phase + i) % 4]; dst may equal src. Returns the phase for the next octets. */
unsigned ws_mask(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4], unsigned phase);

/* A compressor for one direction of one connection. NULL when out of memory. Window bits 8 uses no back references at
 * all (zlib cannot make such windows), which is legal for any window. */
struct ws_deflate *ws_deflate_new(const struct alloc *al, const struct ws_pmd *pmd, int level);
void ws_deflate_free(struct ws_deflate *z);
/* Appends the payload of a compressed message (RFC 7692 7.2.1: flushed, without the final 00 00 ff ff).
 * False when out of memory (z is then unusable). */
bool ws_deflate(struct ws_deflate *z, struct bytes message, struct buf *out);

#endif
