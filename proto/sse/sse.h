/*
 * sse: the event stream format (WHATWG HTML 9.2.5, 9.2.6) as an incremental decoder and an encoder.
 *
 *   stream  = [ BOM ] *event          line end = CRLF / LF / CR
 *   event   = *( comment / field ) line-end
 *   comment = ":" *any line-end       field = 1*name [ ":" [ space ] *any ] line-end
 *
 *   octets ─▶ sse_dec_feed ─▶ sse_dec_next ─▶ FIELD COMMENT RETRY EVENT …
 *
 * Text is decoded as a browser does it: octets that are not UTF-8 become U+FFFD. A CR ends its line at once; an LF
 * that follows, even in a later feed, belongs to it. An event not ended by an empty line is dropped at the end.
 *
 * An event whose data is one line lying whole in the input is handed out where it lies, without a copy.
 */
#ifndef PROTO_SSE_SSE_H
#define PROTO_SSE_SSE_H

#include "proto/base/base.h"

struct sse_limits {
	uint32_t line_octets_max; /* one line, without its end */
	uint32_t data_octets_max; /* data of one event */
	uint32_t id_octets_max;   /* last event ID */
};
extern const struct sse_limits sse_limits_default;

/* What a line is (HTML 9.2.6). One line in fields.def each. */
enum sse_field {
#define X(id, name, title, help) SSE_FIELD_##id,
#include "proto/sse/fields.def"
#undef X
	SSE_FIELD_COUNT
};
const char *sse_field_name(enum sse_field f);

enum sse_ev_kind {
	SSE_NEED,    /* feed more, or tell sse_dec_eof */
	SSE_LINE,    /* a line was read (only when asked for by SSE_WANT_LINES): ev.line */
	SSE_COMMENT, /* ev.data: what follows the colon */
	SSE_RETRY,   /* ev.retry_ms: the stream set the reconnection time */
	SSE_EVENT,   /* an event is dispatched: ev.type, ev.data, ev.id */
	SSE_ID,  /* an empty line took over a changed last event ID although no event was dispatched: ev.id */
	SSE_END, /* after sse_dec_eof; ev.dropped: an unfinished event, an ID not yet taken over or half a line was thrown away */
	SSE_ERROR, /* a limit or memory ran out: ev.err */
};

struct sse_ev {
	enum sse_ev_kind kind;
	uint64_t off,
		len; /* EVENT and ID: from the first octet of the block to the end of its empty line (a CR ends it);
	                    * others: the line with its end */
	struct bytes type; /* EVENT: "message" unless the stream named it */
	struct bytes data; /* EVENT: lines joined by LF, without the last LF. COMMENT: the text */
	struct bytes id;   /* EVENT, ID: the last event ID string */
	uint64_t retry_ms;
	uint32_t n_data_lines; /* EVENT */
	bool dropped;
	struct { /* LINE */
		enum sse_field field;
		uint64_t off, value_off;      /* of the line; of the value (after ":" and one space) */
		uint32_t name_len, value_len; /* `len` of the event is the line with one octet of line end */
	} line;
	struct perr err;
};

#define SSE_WANT_LINES 1u /* emit SSE_LINE for every line before what it causes */

/* The decoder. All fields are its own. */
struct sse_dec {
	const struct alloc *al;
	const struct sse_limits *lim;
	struct bytes in;
	uint64_t off;          /* stream offset of in.p */
	struct sse_work *work; /* only while an event or a cut line is under way */
	char *last_id;         /* last event ID string, allocated when not empty */
	uint32_t last_id_len;
	uint8_t state, want, err, bom, flags;
	uint64_t block_off; /* stream offset of the block's first octet; of the fault after an error */
};

/* `lim` may be NULL. `want`: 0 or SSE_WANT_LINES. Allocates nothing. */
void sse_dec_init(struct sse_dec *d, const struct alloc *al, const struct sse_limits *lim, unsigned want);
void sse_dec_fini(struct sse_dec *d);
/* Sets the last event ID a new stream starts with (a reconnecting client keeps it). False when out of memory. */
bool sse_dec_set_last_id(struct sse_dec *d, struct bytes id);
/* Borrowed until sse_dec_next returns SSE_NEED. Slices in events are valid until the next call on the decoder. */
void sse_dec_feed(struct sse_dec *d, struct bytes in);
void sse_dec_eof(struct sse_dec *d);
enum sse_ev_kind sse_dec_next(struct sse_dec *d, struct sse_ev *ev);
/* The last event ID string: what Last-Event-ID says on reconnection. Valid until the next call. */
struct bytes sse_dec_last_id(const struct sse_dec *d);

/* At the beginning of a line with no event under way, what a decoder has to remember is whether the stream has begun
 * (*begun: no byte order mark can follow) and the last event ID, which is the caller's business: it is released with
 * the decoder. False, and the decoder unchanged, when more is under way. */
bool sse_dec_park(struct sse_dec *d, bool *begun);
/* A decoder that goes on there; offsets count from 0 again. Allocates nothing. */
void sse_dec_unpark(
	struct sse_dec *d, const struct alloc *al, const struct sse_limits *lim, unsigned want, bool begun);

/* Encoder. An event: `type` and `id` are left out when p is NULL; data is split at CR, LF and CRLF into `data:` lines.
 * False (nothing appended) when type holds a line end, or id a line end or NUL. */
bool sse_put_event(struct buf *out, struct bytes type, struct bytes id, struct bytes data);
/* A comment line and the empty line after it, the usual heartbeat. False when text holds a line end. */
bool sse_put_comment(struct buf *out, struct bytes text);
/* `retry: N` and an empty line. */
void sse_put_retry(struct buf *out, uint64_t ms);

#endif
