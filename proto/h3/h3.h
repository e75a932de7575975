/*
 * h3: HTTP/3 on the octets of QUIC streams (RFC 9114): frames, stream types, which frame may stand where; capsules and
 * HTTP Datagrams (RFC 9297); WebTransport's streams (draft-ietf-webtrans-http3).
 *
 *	frame                Type (i) | Length (i) | Payload (Length)                                      7.1
 *	unidirectional       Stream Type (i) | 0x00 control, 0x01 push, 0x02/0x03 QPACK, 0x54 WebTransport   6.2
 *	WebTransport bidi    Signal 0x41 (i) | Session ID (i) | octets of the application
 *	QUIC DATAGRAM        Quarter Stream ID (i) | payload                                               RFC 9297 2.1
 *	capsule              Type (i) | Length (i) | Value, in the DATA of an extended CONNECT              RFC 9297 3.2
 *
 * Field sections are QPACK's (proto/qpack); the rules of messages are hmsg's (proto/hpack/hfields.h).
 */
#ifndef PROTO_H3_H3_H
#define PROTO_H3_H3_H

#include "proto/base/base.h"

#define H3_FRAME_OCTETS_MAX (16u << 20) /* one frame; our own limit */
#define H3_SETTINGS_MAX 64              /* in one frame; our own limit */

enum h3_error {
	H3_DATAGRAM_ERROR = 0x33, /* RFC 9297 5.2 */
	H3_NO_ERROR = 0x100,
	H3_GENERAL_PROTOCOL_ERROR = 0x101,
	H3_INTERNAL_ERROR = 0x102,
	H3_STREAM_CREATION_ERROR = 0x103,
	H3_CLOSED_CRITICAL_STREAM = 0x104,
	H3_FRAME_UNEXPECTED = 0x105,
	H3_FRAME_ERROR = 0x106,
	H3_EXCESSIVE_LOAD = 0x107,
	H3_ID_ERROR = 0x108,
	H3_SETTINGS_ERROR = 0x109,
	H3_MISSING_SETTINGS = 0x10a,
	H3_REQUEST_REJECTED = 0x10b,
	H3_REQUEST_CANCELLED = 0x10c,
	H3_REQUEST_INCOMPLETE = 0x10d,
	H3_MESSAGE_ERROR = 0x10e,
	H3_CONNECT_ERROR = 0x10f,
	H3_VERSION_FALLBACK = 0x110
};

enum h3_frame_type {
	H3_DATA = 0x0,
	H3_HEADERS = 0x1,
	H3_CANCEL_PUSH = 0x3,
	H3_SETTINGS = 0x4,
	H3_PUSH_PROMISE = 0x5,
	H3_GOAWAY = 0x7,
	H3_MAX_PUSH_ID = 0xd,
	H3_WT_STREAM = 0x41, /* not a frame: a signal at the start of a bidirectional stream */
	H3_PRIORITY_UPDATE_REQUEST = 0xf0700, /* RFC 9218 7.2 */
	H3_PRIORITY_UPDATE_PUSH = 0xf0701
};

enum h3_stream_type {
	H3_STREAM_CONTROL = 0x00,
	H3_STREAM_PUSH = 0x01,
	H3_STREAM_QPACK_ENCODER = 0x02,
	H3_STREAM_QPACK_DECODER = 0x03,
	H3_STREAM_WEBTRANSPORT = 0x54
};

enum h3_setting_id {
	H3_SETTINGS_QPACK_MAX_TABLE_CAPACITY = 0x1,
	H3_SETTINGS_MAX_FIELD_SECTION_SIZE = 0x6,
	H3_SETTINGS_QPACK_BLOCKED_STREAMS = 0x7,
	H3_SETTINGS_ENABLE_CONNECT_PROTOCOL = 0x8, /* RFC 9220 */
	H3_SETTINGS_H3_DATAGRAM = 0x33,            /* RFC 9297 */
	H3_SETTINGS_ENABLE_WEBTRANSPORT = 0x2b603742,
	H3_SETTINGS_WEBTRANSPORT_MAX_SESSIONS = 0xc671706a
};

enum h3_place { H3_ON_CONTROL = 1, H3_ON_REQUEST = 2, H3_ON_PUSH = 4 };

struct h3_frame_info {
	uint64_t type;
	const char *name;
	unsigned places; /* where it may stand */
	bool has_id;     /* the payload begins with one identifier */
	const char *ref, *help;
};
struct h3_name {
	uint64_t value;
	const char *name, *ref, *help;
};
/* NULL: unknown. */
const struct h3_frame_info *h3_frame_info(uint64_t type);
const struct h3_name *h3_error_info(uint64_t code); /* QPACK's too */
const struct h3_name *h3_setting_info(uint64_t id);
const struct h3_name *h3_stream_info(uint64_t type);
const struct h3_name *h3_capsule_info(uint64_t type);
/* Values 0x1f * N + 0x21 exist to be ignored (RFC 9114 7.2.8, 6.2.3, 7.2.4.1). */
bool h3_is_grease(uint64_t v);

struct h3_setting {
	uint64_t id, value;
};

struct h3_frame {
	uint64_t off; /* in the stream */
	uint64_t type, length;
	size_t header_len;
	const struct h3_frame_info *info; /* NULL: unknown, to be ignored */
	struct bytes payload;             /* borrowed until the next call */
	uint64_t id; /* GOAWAY, MAX_PUSH_ID, CANCEL_PUSH, PUSH_PROMISE, PRIORITY_UPDATE */
	size_t id_len;
	struct h3_setting settings[H3_SETTINGS_MAX];
	uint32_t n_settings;
};

enum h3_kind { H3_REQUEST_STREAM, H3_UNI_STREAM };

enum h3_dec_state {
	H3_DEC_START,   /* uni: the stream type is due; request: the first frame, or WebTransport's signal */
	H3_DEC_PUSH_ID, /* push stream: the push id is due */
	H3_DEC_SESSION, /* WebTransport: the session id is due */
	H3_DEC_FRAMES,
	H3_DEC_RAW, /* QPACK, WebTransport or unknown stream: octets are passed on */
	H3_DEC_FAILED
};

enum h3_event_kind {
	H3_EV_STREAM_TYPE, /* uni: `type`; with it the push id or session id in `id` */
	H3_EV_WT_STREAM,   /* bidi: WebTransport's signal and session id have come */
	H3_EV_FRAME,
	H3_EV_RAW /* octets of a stream that has no frames */
};

struct h3_event {
	enum h3_event_kind kind;
	uint64_t off;
	uint64_t type, id;
	struct h3_frame *frame; /* borrowed until the next call */
	struct bytes data;
};

/* What has been seen on the control streams of a connection; shared by the decoders of its streams. */
struct h3_shared {
	bool control_open, encoder_open, decoder_open, settings_seen, goaway_seen, max_push_seen;
	uint64_t goaway_id, max_push_id;
};

/* The decoder of one stream. */
struct h3_dec {
	enum h3_dec_state state;
	enum h3_kind kind;
	bool server; /* we are the server: the peer is a client */
	struct h3_shared *shared;
	struct buf in;
	size_t taken;
	uint64_t off, stream_type;
	bool headers_seen, data_seen, trailers_seen;
	struct h3_frame frame;
	struct perr err; /* code: enum h3_error; -1 out of memory */
};

/* `shared` may be NULL: then nothing is checked across streams. */
void h3_dec_init(
	struct h3_dec *d, const struct alloc *al, enum h3_kind kind, bool server, struct h3_shared *shared);
void h3_dec_fini(struct h3_dec *d);
bool h3_dec_feed(struct h3_dec *d, struct bytes in);
/* 1: *ev; 0: more octets needed; -1: d->err. */
int h3_dec_next(struct h3_dec *d, struct h3_event *ev);
/* The stream has ended. False: it may not end here; d->err. */
bool h3_dec_end(struct h3_dec *d);
/* The frames on a request stream are one message; call when another one begins (an informational response is
 * followed by a further HEADERS: the decoder cannot know the status). */
void h3_dec_informational(struct h3_dec *d);

void h3_write_frame(struct buf *out, uint64_t type, struct bytes payload);
void h3_write_id_frame(struct buf *out, uint64_t type, uint64_t id);
void h3_write_settings(struct buf *out, const struct h3_setting *s, size_t n);
/* A unidirectional stream's beginning; `id`: push id or session id where the type has one. */
void h3_write_stream_type(struct buf *out, uint64_t type, uint64_t id);
void h3_write_wt_bidi(struct buf *out, uint64_t session);

/* A WebTransport application's error code as RESET_STREAM and STOP_SENDING carry it: the codes that HTTP/3 reserves to
 * be ignored are left out (draft-ietf-webtrans-http3 4.4). */
#define H3_WT_ERROR_FIRST 0x52e4a40fa8dbull
#define H3_WT_ERROR_LAST 0x52e5ac983162ull
uint64_t h3_wt_error_code(uint32_t application);
/* False: the code is not one of WebTransport's. */
bool h3_wt_application_code(uint64_t code, uint32_t *application);

/* ---- RFC 9297 ---- */

#define H3_CAPSULE_DATAGRAM 0x00
#define H3_CAPSULE_CLOSE_WEBTRANSPORT_SESSION 0x2843
#define H3_CAPSULE_DRAIN_WEBTRANSPORT_SESSION 0x78ae
#define H3_CAPSULE_OCTETS_MAX 65536u
#define H3_WT_REASON_MAX 1024u

/* The payload of a QUIC DATAGRAM frame. False: H3_DATAGRAM_ERROR in *err. *stream: the request stream it belongs to. */
bool h3_datagram_read(struct bytes in, uint64_t *stream, struct bytes *payload, struct perr *err);
void h3_datagram_write(struct buf *out, uint64_t stream, struct bytes payload);

struct h3_capsule {
	uint64_t off, type, length;
	size_t header_len;
	const struct h3_name *info; /* NULL: unknown, to be skipped */
	struct bytes value;
	uint32_t close_code; /* CLOSE_WEBTRANSPORT_SESSION */
	struct bytes close_reason;
};

struct h3_capsule_dec {
	struct buf in;
	size_t taken;
	uint64_t off;
	bool failed;
	struct perr err;
};

void h3_capsule_dec_init(struct h3_capsule_dec *d, const struct alloc *al);
void h3_capsule_dec_fini(struct h3_capsule_dec *d);
bool h3_capsule_dec_feed(struct h3_capsule_dec *d, struct bytes in);
int h3_capsule_dec_next(struct h3_capsule_dec *d, struct h3_capsule *c);
/* The stream has ended: false when it ended inside a capsule. */
bool h3_capsule_dec_end(struct h3_capsule_dec *d);
void h3_capsule_write(struct buf *out, uint64_t type, struct bytes value);

#endif
