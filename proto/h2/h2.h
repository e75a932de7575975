/*
 * h2: HTTP/2 frames (RFC 9113 4, 6), both directions, each legal or refused by what the frame alone tells.
 *
 *	+-----------------------------------------------+
 *	|                 Length (24)                   |   payload octets, at most SETTINGS_MAX_FRAME_SIZE
 *	+---------------+---------------+---------------+
 *	|   Type (8)    |   Flags (8)   |
 *	+-+-------------+---------------+-------------------------------+
 *	|R|                 Stream Identifier (31)                      |   0: the connection itself
 *	+=+=============================================================+
 *	|                   Frame Payload (0...)                      ...
 *	+---------------------------------------------------------------+
 *
 * What depends on the connection's state (streams, windows, header blocks) is in session.h.
 * Left out: nothing of RFC 9113; of the extensions ALTSVC (RFC 7838), ORIGIN (RFC 8336) and PRIORITY_UPDATE
 * (RFC 9218) are named and their payload is given as it stands.
 */
#ifndef PROTO_H2_H2_H
#define PROTO_H2_H2_H

#include "proto/base/base.h"

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" /* RFC 9113 3.4 */
#define H2_PREFACE_LEN 24
#define H2_HEADER_LEN 9
#define H2_MAX_FRAME_SIZE_DEFAULT 16384u /* also the smallest allowed, RFC 9113 4.2 */
#define H2_MAX_FRAME_SIZE_LIMIT 16777215u
#define H2_WINDOW_DEFAULT 65535
#define H2_WINDOW_MAX 2147483647 /* RFC 9113 6.9.1 */
#define H2_STREAM_MAX 0x7fffffffu

enum h2_type {
	H2_DATA = 0x0,
	H2_HEADERS = 0x1,
	H2_PRIORITY = 0x2,
	H2_RST_STREAM = 0x3,
	H2_SETTINGS = 0x4,
	H2_PUSH_PROMISE = 0x5,
	H2_PING = 0x6,
	H2_GOAWAY = 0x7,
	H2_WINDOW_UPDATE = 0x8,
	H2_CONTINUATION = 0x9,
	H2_ALTSVC = 0xa,
	H2_ORIGIN = 0xc,
	H2_PRIORITY_UPDATE = 0x10
};

enum h2_flag {
	H2_FLAG_END_STREAM = 0x1,
	H2_FLAG_ACK = 0x1,
	H2_FLAG_END_HEADERS = 0x4,
	H2_FLAG_PADDED = 0x8,
	H2_FLAG_PRIORITY = 0x20
};

enum h2_error {
	H2_NO_ERROR = 0x0,
	H2_PROTOCOL_ERROR = 0x1,
	H2_INTERNAL_ERROR = 0x2,
	H2_FLOW_CONTROL_ERROR = 0x3,
	H2_SETTINGS_TIMEOUT = 0x4,
	H2_STREAM_CLOSED = 0x5,
	H2_FRAME_SIZE_ERROR = 0x6,
	H2_REFUSED_STREAM = 0x7,
	H2_CANCEL = 0x8,
	H2_COMPRESSION_ERROR = 0x9,
	H2_CONNECT_ERROR = 0xa,
	H2_ENHANCE_YOUR_CALM = 0xb,
	H2_INADEQUATE_SECURITY = 0xc,
	H2_HTTP_1_1_REQUIRED = 0xd
};

enum h2_setting_id {
	H2_SETTINGS_HEADER_TABLE_SIZE = 0x1,
	H2_SETTINGS_ENABLE_PUSH = 0x2,
	H2_SETTINGS_MAX_CONCURRENT_STREAMS = 0x3,
	H2_SETTINGS_INITIAL_WINDOW_SIZE = 0x4,
	H2_SETTINGS_MAX_FRAME_SIZE = 0x5,
	H2_SETTINGS_MAX_HEADER_LIST_SIZE = 0x6,
	H2_SETTINGS_ENABLE_CONNECT_PROTOCOL = 0x8, /* RFC 8441 */
	H2_SETTINGS_NO_RFC7540_PRIORITIES = 0x9    /* RFC 9218 */
};

/* Where a stream identifier may point (RFC 9113 6). */
enum h2_stream_rule { H2_STREAM_ANY, H2_STREAM_ZERO, H2_STREAM_NONZERO };

/* One row per frame type: encoder, decoder, dissector, `explain` and the reference page read it. */
struct h2_type_info {
	uint8_t type;
	const char *name;
	enum h2_stream_rule stream;
	uint8_t fixed_len, min_len; /* fixed_len 0: any length from min_len on */
	uint8_t flags;              /* flags that mean something */
	const char *ref, *help;
};

struct h2_name {
	uint32_t value;
	const char *name, *ref, *help;
};

/* NULL when the type, code, setting or flag is not known. */
const struct h2_type_info *h2_type_info(unsigned type);
const struct h2_name *h2_error_info(uint32_t code);
const struct h2_name *h2_setting_info(unsigned id);
const struct h2_name *h2_flag_info(unsigned type, unsigned flag);

/* Whom a fault concerns (RFC 9113 5.4). */
enum h2_scope { H2_FINE, H2_STREAM_ERROR, H2_CONNECTION_ERROR };

struct h2_fault {
	enum h2_scope scope;
	uint32_t stream;
	struct perr err; /* code: enum h2_error */
};

struct h2_frame {
	uint64_t off;    /* of the frame's first octet in the stream */
	uint32_t length; /* payload octets */
	uint8_t type, flags;
	bool reserved;
	uint32_t stream;

	struct bytes payload; /* whole; borrowed until the decoder's next call */
	struct bytes body; /* DATA octets, header block fragment, GOAWAY debug data, PING's opaque octets */
	uint32_t body_off; /* offset of `body` in the payload */
	uint32_t pad_len;  /* PADDED: octets of padding, without the length octet */

	bool exclusive; /* PRIORITY, HEADERS with the PRIORITY flag */
	uint32_t dependency;
	uint16_t weight;      /* 1..256 */
	uint32_t promised;    /* PUSH_PROMISE */
	uint32_t last_stream; /* GOAWAY */
	uint32_t error_code;  /* RST_STREAM, GOAWAY */
	uint32_t increment;   /* WINDOW_UPDATE */

	struct h2_fault fault; /* what is wrong with the frame by itself; H2_FINE normally */
};

struct h2_setting {
	uint16_t id;
	uint32_t value;
};

/* The i-th setting of a SETTINGS frame; there are length / 6. */
struct h2_setting h2_frame_setting(const struct h2_frame *f, size_t i);
size_t h2_frame_settings(const struct h2_frame *f);

enum h2_dec_state { H2_DEC_HEADER, H2_DEC_PAYLOAD, H2_DEC_FAILED };

/*
 * The frame decoder. A fault that concerns one stream comes as a frame with `fault` set; one that concerns the
 * connection ends decoding. It is told as early as it can be: most length and stream faults with the ninth octet.
 */
struct h2_dec {
	enum h2_dec_state state;
	uint32_t max_frame_size; /* our SETTINGS_MAX_FRAME_SIZE */
	struct buf in;
	size_t taken;
	uint64_t off; /* stream offset of in.p[taken] */
	struct h2_fault fault;
	bool oom;
};

/* `off`: stream offset of the first octet fed (24 behind a client preface). */
void h2_dec_init(struct h2_dec *d, const struct alloc *al, uint64_t off);
void h2_dec_fini(struct h2_dec *d);
/* Adds octets (copied). False: out of memory. */
bool h2_dec_feed(struct h2_dec *d, struct bytes in);
/* 1: *f is a whole frame; 0: more octets needed; -1: d->fault (connection error, or out of memory: d->oom). */
int h2_dec_next(struct h2_dec *d, struct h2_frame *f);
/* Octets fed but not yet given out. */
size_t h2_dec_pending(const struct h2_dec *d);

/* Reads the header at hd[0..8] into *f (no checks). */
void h2_header_read(const uint8_t hd[H2_HEADER_LEN], struct h2_frame *f);
/* What the header alone shows to be wrong; f->fault is set. */
enum h2_scope h2_header_check(struct h2_frame *f, uint32_t max_frame_size);
/* Splits f->payload into its fields and checks them; f->fault is set. */
enum h2_scope h2_payload_read(struct h2_frame *f);

/* Writers. Each appends one frame; the caller keeps lengths within the peer's SETTINGS_MAX_FRAME_SIZE. */
void h2_write_header(struct buf *out, uint32_t length, unsigned type, unsigned flags, uint32_t stream);
/* Writes any frame from its fields (the inverse of decoding, padding of zeros). */
void h2_frame_write(struct buf *out, const struct h2_frame *f);
void h2_write_settings(struct buf *out, const struct h2_setting *s, size_t n);
void h2_write_settings_ack(struct buf *out);
void h2_write_ping(struct buf *out, bool ack, const uint8_t opaque[8]);
void h2_write_goaway(struct buf *out, uint32_t last_stream, uint32_t code, struct bytes debug);
void h2_write_rst(struct buf *out, uint32_t stream, uint32_t code);
void h2_write_window_update(struct buf *out, uint32_t stream, uint32_t increment);
/* HEADERS and as many CONTINUATION frames as `max_frame_size` calls for. */
void h2_write_headers(
	struct buf *out, uint32_t stream, bool end_stream, struct bytes block, uint32_t max_frame_size);

#endif
