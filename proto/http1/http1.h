/*
 * http1: HTTP/1.1 messages (RFC 9112) as an incremental decoder and an encoder without I/O.
 *
 *   octets ─▶ h1_dec_feed ─▶ h1_dec_next ─▶ HEAD  (CHUNK)  DATA …  END   HEAD …
 *                                             └ start line, fields, framing, keep-alive, all with stream offsets
 *
 * The decoder is strict: whatever lets two recipients disagree about where a message ends (RFC 9112 11.2, request
 * smuggling) is refused and the rule is named. Where the standard leaves a choice we refuse: bare LF, obs-fold in
 * requests, white space before the colon, both Content-Length and Transfer-Encoding, a repeated Content-Length.
 * Obs-fold in a response is replaced by one space, which RFC 9112 5.2 demands of a user agent.
 *
 * A head that arrives whole is parsed where it lies: nothing is copied. Only a head (or chunk-size line) cut by the
 * end of the input is kept aside, and that memory is given back at the end of the message.
 *
 * Left out: transfer codings other than chunked are framed in responses but not undone, and refused in requests.
 */
#ifndef PROTO_HTTP1_HTTP1_H
#define PROTO_HTTP1_HTTP1_H

#include "proto/base/base.h"

enum h1_role {
	H1_REQUESTS,  /* the decoder reads what clients send */
	H1_RESPONSES, /* the decoder reads what servers send */
};

/* How the end of a message body is found (RFC 9112 6.3). */
enum h1_framing {
	H1_FRAMING_NONE,        /* no body */
	H1_FRAMING_LENGTH,      /* Content-Length octets */
	H1_FRAMING_CHUNKED,     /* Transfer-Encoding: chunked */
	H1_FRAMING_UNTIL_CLOSE, /* a response body that lasts until the connection ends */
};
/* "none", "length", "chunked", "until-close". */
const char *h1_framing_name(enum h1_framing f);

/* Limits, each of which an error names. RFC 9112 3 recommends that lines of 8000 octets be supported. */
struct h1_limits {
	uint32_t line_octets_max;      /* start line, field line or chunk-size line, without CRLF */
	uint32_t head_octets_max;      /* start line and fields together; again for the trailer section */
	uint32_t fields_max;           /* field lines in a head; again for the trailer section */
	uint32_t chunk_ext_octets_max; /* chunk extensions of one message together */
	uint32_t empty_lines_max;      /* empty lines ignored before a request line (RFC 9112 2.2) */
	uint64_t body_octets_max;      /* octets of one body after removing chunking */
};
extern const struct h1_limits h1_limits_default;

/* One field line. `name` and `value` (without surrounding white space) borrow like the event they are part of. */
struct h1_field {
	struct bytes name, value;
	uint64_t name_off, value_off; /* stream offsets of the first octets */
	bool folded; /* value was spread over several lines (obs-fold), now joined by single spaces */
};

/* A message head. */
struct h1_head {
	uint64_t off;    /* stream offset of the first octet of the start line */
	uint32_t len;    /* octets up to and including the empty line */
	uint8_t version; /* 10 = HTTP/1.0, 11 = HTTP/1.1, 12.. = a later minor version, treated as 1.1 */
	uint16_t status; /* responses; 0 in requests */
	struct bytes method, target; /* requests */
	struct bytes reason;         /* responses */
	uint64_t target_off;         /* requests: where the target stands */
	uint64_t reason_off;         /* responses: where the reason phrase stands */
	const struct h1_field *fields;
	uint32_t n_fields;
	enum h1_framing framing;
	uint64_t content_length; /* with H1_FRAMING_LENGTH */
	bool keep_alive;         /* the connection persists after this message (RFC 9112 9.3) */
	bool upgrade;         /* Upgrade together with Connection: upgrade (a request asks, a 101 agrees) */
	bool expect_continue; /* Expect: 100-continue in an HTTP/1.1 request (RFC 9110 10.1.1) */
	bool interim;         /* a 1xx response other than 101: the final response is still to come */
	bool switches;        /* after END the connection speaks something else: 101, or 2xx to CONNECT */
};

/* What h1_dec_next returns. */
enum h1_ev_kind {
	H1_NEED, /* all input is used up: feed more, or tell h1_dec_eof */
	H1_HEAD, /* head is complete: ev.head */
	H1_CHUNK, /* a chunk-size line was read: ev.chunk (its data follow as H1_DATA; size 0 is the last chunk) */
	H1_DATA, /* a piece of the body: ev.data, at stream offset ev.off; pieces follow the cuts of the input */
	H1_END,       /* the message is complete: ev.end (trailer fields, end offset) */
	H1_SWITCHED,  /* after 101 or 2xx to CONNECT: the rest is not HTTP; take it with h1_dec_rest */
	H1_CLOSED,    /* a message that ends the connection is complete, or the peer closed between messages:
	              * nothing more is read (RFC 9112 9.6). h1_dec_rest gives what came too late. */
	H1_TRUNCATED, /* the connection ended inside a message: ev.err */
	H1_ERROR,     /* the peer broke a rule, or a limit or memory ran out: ev.err, for ever after */
};

struct h1_ev {
	enum h1_ev_kind kind;
	uint64_t off, len; /* stream offset and length of the octets this event stands for */
	union {
		struct h1_head head;
		struct {
			uint64_t size;    /* of the chunk's data */
			struct bytes ext; /* what stands between the size and CRLF, "" or ";name=value…" */
		} chunk;
		struct bytes data;
		struct {
			const struct h1_field *trailers;
			uint32_t n_trailers;
			bool keep_alive;
		} end;
		struct perr err; /* code: the status to answer a request with, 0 for responses */
	};
};

/* Which rule was broken. Each has one line in errors.def: status, sentence, section. */
enum h1_err {
#define X(id, status, what, ref) H1_E_##id,
#include "proto/http1/errors.def"
#undef X
	H1_E_COUNT
};
struct perr h1_err_info(enum h1_err e, uint64_t off);

/* The decoder. All fields are its own. */
struct h1_dec {
	const struct alloc *al;
	const struct h1_limits *lim;
	struct bytes in;      /* input not yet used, borrowed */
	uint64_t off;         /* stream offset of in.p */
	uint64_t left;        /* octets left of a body or chunk */
	uint64_t body;        /* octets of this body so far */
	struct h1_work *work; /* only while a head or trailer section is under way or lent */
	uint64_t answers;     /* kinds of the requests not yet answered, two bits each, oldest lowest */
	uint8_t n_answers;
	uint8_t state, role, flags;
	uint16_t err;
	uint16_t empty_lines;
	uint32_t ext_octets;
};

#define H1_PIPELINE_MAX 32 /* requests whose method a response decoder remembers */

/* Sets up a decoder. `lim` may be NULL (h1_limits_default) and must outlive it. Allocates nothing. */
void h1_dec_init(struct h1_dec *d, const struct alloc *al, enum h1_role role, const struct h1_limits *lim);
void h1_dec_fini(struct h1_dec *d);

/* Responses only: a request with this method was sent, and its answer is read by this decoder. Answers to methods
 * not announced are read as answers to GET. False when H1_PIPELINE_MAX are outstanding. */
bool h1_dec_expect(struct h1_dec *d, struct bytes method);

/* Hands in the next octets. They are borrowed until h1_dec_next returns H1_NEED (then they are used up). Call only
 * at the start and after H1_NEED. Slices in events are valid until the next call on the decoder. */
void h1_dec_feed(struct h1_dec *d, struct bytes in);
/* The peer will send nothing more. Call after H1_NEED, then call h1_dec_next until it says H1_CLOSED or H1_TRUNCATED. */
void h1_dec_eof(struct h1_dec *d);
/* The next event. See enum h1_ev_kind. */
enum h1_ev_kind h1_dec_next(struct h1_dec *d, struct h1_ev *ev);

/* Stops decoding and returns the input not used: what follows a 101, a CONNECT or a `Connection: close`. A server
 * that grants an Upgrade or CONNECT calls it right after H1_END; one that does not simply goes on with h1_dec_next.
 * The octets borrow like the feed they came with. *off (may be NULL) gets their stream offset. */
struct bytes h1_dec_rest(struct h1_dec *d, uint64_t *off);
/* Octets fed and not yet read: after H1_END those of further messages. */
size_t h1_dec_unread(const struct h1_dec *d);
/* Stream offset of the next octet to be used. */
uint64_t h1_dec_off(const struct h1_dec *d);
/* A message has begun and is not complete. */
bool h1_dec_busy(const struct h1_dec *d);

/* What a decoder has to remember while nothing is under way: between two messages, between two chunks, or in a body
 * that ends with the connection. All zero: the beginning of a stream. A million idle connections need no more. */
struct h1_idle {
	uint64_t off;  /* stream offset of the next octet */
	uint64_t body; /* octets of the body so far; 0 between messages */
	uint8_t state, flags, answers, n_answers;
	uint8_t owned; /* the owner's own: 0 wherever http1 sets one */
};
/* Takes out what a decoder has to remember and ends it: no h1_dec_fini. False, and the decoder unchanged, when something
 * is under way: octets of an incomplete line or body, an error, a switch, an end, more than four outstanding answers. */
bool h1_dec_park(struct h1_dec *d, struct h1_idle *out);
/* A decoder that goes on where the parked one stood. Allocates nothing. */
void h1_dec_unpark(struct h1_dec *d, const struct alloc *al, enum h1_role role, const struct h1_limits *lim,
	const struct h1_idle *in);
/* Requests only: the stream goes on `len` octets further, which were a complete request that keeps the connection. */
void h1_idle_skip(struct h1_idle *idle, uint32_t len);
/* As h1_dec_expect, for a parked decoder. False when four answers are outstanding. */
bool h1_idle_expect(struct h1_idle *idle, struct bytes method);

/* The first field of that name (ASCII case ignored), or NULL. `after` NULL starts at the beginning. */
const struct h1_field *h1_find(
	const struct h1_field *f, uint32_t n, const char *name, const struct h1_field *after);
/* The value of the only or first field of that name in a head, BYTES_NONE (p == NULL) when there is none. */
struct bytes h1_value(const struct h1_head *h, const char *name);
/* Number of fields of that name. */
uint32_t h1_count(const struct h1_head *h, const char *name);
/* Some field of that name lists `token` (RFC 9110 5.6.1, ASCII case ignored), as Connection does. */
bool h1_has_token(const struct h1_head *h, const char *name, const char *token);
/* Takes the next element off a comma-separated list (quoted strings respected, empty elements skipped, white space
 * trimmed). False at the end. */
bool h1_list_next(struct bytes *rest, struct bytes *element);
/* RFC 9110 5.6.2. */
bool h1_is_token(struct bytes b);
bool h1_is_tchar(unsigned c);
/* Splits "text/event-stream; charset=utf-8": the type without parameters. Its case is left as it is. */
struct bytes h1_media_type(struct bytes content_type);

/*
 * Encoder. Each appends to `out`. Names, values, methods and targets that could end a line early or break the grammar
 * are refused: the functions return false and append nothing. (Running out of room shows in out->failed.)
 */
bool h1_put_request_line(struct buf *out, struct bytes method, struct bytes target);
/* `reason` NULL: the phrase of RFC 9110 15 for this status. */
bool h1_put_status_line(struct buf *out, unsigned status, const char *reason);
bool h1_put_field(struct buf *out, const char *name, struct bytes value);
bool h1_put_field_str(struct buf *out, const char *name, const char *value);
bool h1_put_field_dec(struct buf *out, const char *name, uint64_t value);
/* The empty line that ends a head. */
void h1_put_end(struct buf *out);
/* One chunk: size line with optional extension (";name=value" or empty), data, CRLF. Nothing for empty data, since a
 * chunk of size 0 would end the body. */
bool h1_put_chunk(struct buf *out, struct bytes data, struct bytes ext);
/* The size line of a chunk alone, for data that is passed as a slice; follow the data with CRLF. */
void h1_put_chunk_head(struct buf *out, uint64_t size);
/* The last chunk and the trailer section. */
bool h1_put_last_chunk(struct buf *out, const struct h1_field *trailers, uint32_t n);
/* The reason phrase of a status code, "" when it has none. */
const char *h1_reason(unsigned status);

#endif
