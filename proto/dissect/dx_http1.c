/*
 * dx_http1: HTTP/1.1 messages, read by the decoder itself, so that the tree shows what the decoder understood.
 *
 *   message ─┬ start line ─┬ method / version, target / status, version / reason
 *            ├ header fields ─ field ─┬ name, value
 *            ├ body, or chunks ─ chunk ─┬ size, extension, data       (de-chunked body: a source of its own)
 *            └ trailer fields
 */
#include "proto/dissect/dx_int.h"
#include "proto/http1/h1_content.h"
#include "proto/http1/http1.h"

#include <string.h>

#define DECODED_MAX (1u << 20) /* octets of decoded content shown */

enum {
	F_MESSAGE,
	F_REQUEST_LINE,
	F_STATUS_LINE,
	F_METHOD,
	F_TARGET,
	F_VERSION,
	F_STATUS,
	F_REASON,
	F_FIELDS,
	F_FIELD,
	F_NAME,
	F_VALUE,
	F_END,
	F_FRAMING,
	F_KEEP_ALIVE,
	F_BODY,
	F_CHUNK,
	F_CHUNK_SIZE,
	F_CHUNK_EXT,
	F_CHUNK_DATA,
	F_TRAILERS,
	F_UNCHUNKED,
	F_DECODED,
	F_REST,
	F_FAULT,
	F_COUNT
};

static const struct dx_name statuses[] = {
#define X(code, phrase) {code, phrase, NULL},
#include "proto/http1/statuses.def"
#undef X
	{0, NULL, NULL},
};

static const struct dx_name framings[] = {
	{H1_FRAMING_NONE, "no body", "The message ends with the empty line after its header."},
	{H1_FRAMING_LENGTH, "Content-Length", "The body has as many octets as Content-Length says."},
	{H1_FRAMING_CHUNKED, "chunked",
		"The body comes in chunks, each with its size in front; a chunk of size 0 ends it."},
	{H1_FRAMING_UNTIL_CLOSE, "until close", "The body lasts until the server closes the connection."},
	{0, NULL, NULL},
};

static const struct dx_name keep_alives[] = {
	{1, "persists", "The connection can be used for the next message."},
	{0, "closes", "The connection ends after this message."},
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_MESSAGE] = {"http", "HTTP message", DX_GROUP, DX_VARIES, NULL, "RFC 9112 2.1",
		"A message is a start line, header fields, an empty line and perhaps a body."},
	[F_REQUEST_LINE] = {"http.request.line", "Request line", DX_GROUP, DX_VARIES, NULL, "RFC 9112 3",
		"The request line says what is asked for: method, target and version."},
	[F_STATUS_LINE] = {"http.response.line", "Status line", DX_GROUP, DX_VARIES, NULL, "RFC 9112 4",
		"The status line says how the request went."},
	[F_METHOD] = {"http.request.method", "Method", DX_TEXT, DX_VARIES, NULL, "RFC 9110 9",
		"What is to be done with the target."},
	[F_TARGET] = {"http.request.target", "Request target", DX_TEXT, DX_VARIES, NULL, "RFC 9112 3.2",
		"What the request is about, mostly a path with a query."},
	[F_VERSION] = {"http.version", "Version", DX_TEXT, DX_VARIES, NULL, "RFC 9112 2.3",
		"The version of HTTP the sender speaks."},
	[F_STATUS] = {"http.response.code", "Status code", DX_UINT, 24, statuses, "RFC 9110 15",
		"The outcome in three digits, the first of which gives its class."},
	[F_REASON] = {"http.response.phrase", "Reason phrase", DX_TEXT, DX_VARIES, NULL, "RFC 9112 4",
		"Words for people; programs ignore them."},
	[F_FIELDS] = {"http.header", "Header", DX_GROUP, DX_VARIES, NULL, "RFC 9112 5",
		"The fields that describe the message."},
	[F_FIELD] = {"http.field", "Field", DX_GROUP, DX_VARIES, NULL, "RFC 9112 5",
		"A field line is a name, a colon and a value."},
	[F_NAME] = {"http.field.name", "Name", DX_TEXT, DX_VARIES, NULL, "RFC 9110 5.1",
		"Field names do not depend on case."},
	[F_VALUE] = {"http.field.value", "Value", DX_TEXT, DX_VARIES, NULL, "RFC 9110 5.5",
		"White space around the value does not belong to it."},
	[F_END] = {"http.header.end", "End of header", DX_TEXT, DX_VARIES, NULL, "RFC 9112 2.1",
		"An empty line ends the header."},
	[F_FRAMING] = {"http.framing", "Body framing", DX_UINT, DX_VARIES, framings, "RFC 9112 6.3",
		"How the receiver finds the end of the body."},
	[F_KEEP_ALIVE] = {"http.keep_alive", "Connection", DX_UINT, DX_VARIES, keep_alives, "RFC 9112 9.3",
		"Whether the connection outlives this message."},
	[F_BODY] = {"http.body", "Body", DX_BYTES, DX_VARIES, NULL, "RFC 9112 6",
		"The content of the message."},
	[F_CHUNK] = {"http.chunk", "Chunk", DX_GROUP, DX_VARIES, NULL, "RFC 9112 7.1",
		"A chunk is a size in hexadecimal digits, CRLF, data and CRLF."},
	[F_CHUNK_SIZE] = {"http.chunk.size", "Chunk size", DX_UINT, DX_VARIES, NULL, "RFC 9112 7.1",
		"Octets of data in this chunk, written in hexadecimal digits; 0 ends the body."},
	[F_CHUNK_EXT] = {"http.chunk.ext", "Chunk extension", DX_TEXT, DX_VARIES, NULL, "RFC 9112 7.1.1",
		"Extensions are ignored by recipients that do not know them, which are nearly all."},
	[F_CHUNK_DATA] = {"http.chunk.data", "Chunk data", DX_BYTES, DX_VARIES, NULL, "RFC 9112 7.1",
		"A piece of the body."},
	[F_TRAILERS] = {"http.trailers", "Trailer", DX_GROUP, DX_VARIES, NULL, "RFC 9112 7.1.2",
		"Fields that were not known before the body was sent."},
	[F_UNCHUNKED] = {"http.content", "Body without chunking", DX_BYTES, DX_VARIES, NULL, "RFC 9112 7.1.3",
		"The chunks' data put together."},
	[F_DECODED] = {"http.decoded", "Content decoded", DX_TEXT, DX_VARIES, NULL, "RFC 9110 8.4",
		"The content with its Content-Encoding undone."},
	[F_REST] = {"http.rest", "Not HTTP any more", DX_BYTES, DX_VARIES, NULL, "RFC 9110 7.8",
		"After a protocol switch, or after the end of the connection was announced, octets do not "
		"belong to HTTP."},
	[F_FAULT] = {"http.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 9112",
		"From here on the octets break the protocol."},
};

/* The message under way. */
struct view {
	struct dx_tree *t;
	uint32_t parent, src;
	size_t base;      /* where the stream begins in the source */
	uint32_t message; /* its group, DX_NONE between messages */
	uint32_t body, chunk;
	uint64_t begin;
	struct buf content; /* the body; without chunking */
	char coding[32];    /* Content-Encoding, empty when there is none or an overlong one */
	bool chunked, event_stream;
	const struct dx_hints *hints;
};

static uint32_t add(struct view *v, uint32_t parent, unsigned f, uint64_t off, uint64_t len, uint64_t value)
{
	return dx_add(v->t, parent, &fields[f], v->src, (v->base + off) * 8, len * 8, value);
}

static void put_fields(struct view *v, uint32_t parent, const struct h1_field *f, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t end = f[i].value_off + f[i].value.n;
		uint32_t g = add(v, parent, F_FIELD, f[i].name_off, end - f[i].name_off, 0);
		add(v, g, F_NAME, f[i].name_off, f[i].name.n, 0);
		uint32_t value = add(v, g, F_VALUE, f[i].value_off, f[i].value.n, 0);
		if (f[i].folded)
			dx_flag(v->t, value, 0, "goes on in the next line (obs-fold, RFC 9112 5.2)");
	}
}

static void put_start_line(struct view *v, const struct h1_head *h)
{
	if (h->status != 0) {
		uint64_t len = h->reason_off + h->reason.n - h->off;
		uint32_t g = add(v, v->message, F_STATUS_LINE, h->off, len, 0);
		add(v, g, F_VERSION, h->off, 8, 0);
		add(v, g, F_STATUS, h->off + 9, 3, h->status);
		add(v, g, F_REASON, h->reason_off, h->reason.n, 0);
		return;
	}
	uint64_t version = h->target_off + h->target.n + 1;
	uint32_t g = add(v, v->message, F_REQUEST_LINE, h->off, version + 8 - h->off, 0);
	add(v, g, F_METHOD, h->off, h->method.n, 0);
	add(v, g, F_TARGET, h->target_off, h->target.n, 0);
	add(v, g, F_VERSION, version, 8, 0);
}

static void take_head(struct view *v, const struct h1_head *h)
{
	v->message = add(v, v->parent, F_MESSAGE, h->off, h->len, 0);
	v->begin = h->off;
	v->body = v->chunk = DX_NONE;
	v->content.n = 0;
	v->chunked = h->framing == H1_FRAMING_CHUNKED;
	v->event_stream =
		bytes_eq_nocase(h1_media_type(h1_value(h, "Content-Type")), BYTES_LIT("text/event-stream"));
	struct bytes coding = h1_value(h, "Content-Encoding");
	memset(v->coding, 0, sizeof v->coding);
	if (coding.n > 0 && coding.n < sizeof v->coding)
		memcpy(v->coding, coding.p, coding.n);
	put_start_line(v, h);
	if (h->n_fields > 0) {
		uint64_t first = h->fields[0].name_off;
		uint32_t g = add(v, v->message, F_FIELDS, first, h->off + h->len - 2 - first, 0);
		put_fields(v, g, h->fields, h->n_fields);
	}
	add(v, v->message, F_END, h->off + h->len - 2, 2, 0);
	dx_flag(v->t, add(v, v->message, F_FRAMING, h->off, h->len, h->framing), DX_DERIVED, NULL);
	dx_flag(v->t, add(v, v->message, F_KEEP_ALIVE, h->off, h->len, h->keep_alive), DX_DERIVED, NULL);
}

static void take_chunk(struct view *v, const struct h1_ev *ev)
{
	uint64_t digits = ev->len - 2 - ev->chunk.ext.n;
	v->chunk = add(
		v, v->message, F_CHUNK, ev->off, ev->len + (ev->chunk.size > 0 ? ev->chunk.size + 2 : 0), 0);
	add(v, v->chunk, F_CHUNK_SIZE, ev->off, digits, ev->chunk.size);
	if (ev->chunk.ext.n > 0)
		add(v, v->chunk, F_CHUNK_EXT, ev->off + digits, ev->chunk.ext.n, 0);
}

static void take_data(struct view *v, const struct h1_ev *ev)
{
	if (v->chunked) {
		add(v, v->chunk, F_CHUNK_DATA, ev->off, ev->len, 0);
		buf_add(&v->content, ev->data);
		return;
	}
	if (v->body != DX_NONE)
		return;
	v->body = add(v, v->message, F_BODY, ev->off, ev->len, 0);
	if (v->coding[0] != '\0')
		buf_add(&v->content, ev->data);
	if (v->event_stream && v->coding[0] == '\0')
		dx_sse.dissect(v->t, v->body, v->src, v->base + ev->off, ev->len, v->hints);
}

/* The content with its coding undone: a source of its own. */
static void put_decoded(struct view *v)
{
	static const char *const words[] = {[H1_CONTENT_CUT] = "the coding goes on beyond what is here",
		[H1_CONTENT_UNKNOWN] = "this coding is not undone here",
		[H1_CONTENT_BAD] = "the octets are not in this coding",
		[H1_CONTENT_LONG] = "only the first megabyte is shown"};
	struct buf out;
	buf_init(&out, v->t->al, SIZE_MAX);
	enum h1_content r =
		h1_content_decode(v->t->al, bytes_str(v->coding), buf_bytes(&v->content), DECODED_MAX, &out);
	uint32_t src = dx_source_add(v->t, "content decoded", v->message, buf_bytes(&out), true);
	uint32_t n = dx_add(v->t, v->message, &fields[F_DECODED], src, 0, (uint64_t)out.n * 8, 0);
	if (r == H1_CONTENT_MEMORY)
		v->t->failed = true;
	else if (r != H1_CONTENT_OK)
		dx_flag(v->t, n, r == H1_CONTENT_BAD ? DX_BAD : 0, "%s", words[r]);
	if (v->event_stream && n != DX_NONE)
		dx_sse.dissect(v->t, n, src, 0, out.n, v->hints);
	buf_fini(&out);
}

/* The end of a message, or of what there is of it. */
static void finish(struct view *v, uint64_t end)
{
	if (v->message == DX_NONE)
		return;
	dx_set_len(v->t, v->message, (size_t)(end - v->begin));
	if (v->content.failed)
		v->t->failed = true;
	if (v->content.n > 0 && v->chunked) {
		uint32_t src = dx_source_add(
			v->t, "body without chunking", v->message, buf_bytes(&v->content), true);
		uint32_t n =
			dx_add(v->t, v->message, &fields[F_UNCHUNKED], src, 0, (uint64_t)v->content.n * 8, 0);
		if (v->event_stream && v->coding[0] == '\0' && n != DX_NONE)
			dx_sse.dissect(v->t, n, src, 0, v->content.n, v->hints);
	}
	if (v->content.n > 0 && v->coding[0] != '\0')
		put_decoded(v);
	v->message = DX_NONE;
}

static void take_end(struct view *v, const struct h1_ev *ev)
{
	if (ev->end.n_trailers > 0) {
		uint32_t g = add(v, v->message, F_TRAILERS, ev->off, ev->len - 2, 0);
		put_fields(v, g, ev->end.trailers, ev->end.n_trailers);
	}
	if (v->chunked)
		add(v, v->message, F_END, ev->off + ev->len - 2, 2, 0);
	finish(v, ev->off + ev->len);
}

static void take_rest(struct view *v, struct h1_dec *d)
{
	uint64_t off;
	struct bytes rest = h1_dec_rest(d, &off);
	if (rest.n > 0)
		add(v, v->parent, F_REST, off, rest.n, 0);
}

/* `at`: where the message under way begins that was not understood. */
static void take_fault(struct view *v, const struct perr *e, uint64_t at, size_t len)
{
	uint32_t n = add(v, v->message != DX_NONE ? v->message : v->parent, F_FAULT, at, len - at, 0);
	dx_flag(v->t, n, DX_BAD, "%s (%s), known after octet %llu", e->what, e->ref,
		(unsigned long long)e->off);
	finish(v, len);
}

static void read_stream(struct view *v, struct h1_dec *d, size_t len)
{
	struct h1_ev ev;
	uint64_t used = 0; /* octets that are in the tree */
	for (;;) {
		enum h1_ev_kind k = h1_dec_next(d, &ev);
		switch (k) {
		case H1_NEED:
			if (used < len) {
				uint32_t n = add(v, v->message != DX_NONE ? v->message : v->parent, F_FAULT,
					used, len - used, 0);
				dx_flag(v->t, n, DX_CUT, "the rest of it is not here");
			}
			finish(v, len);
			return;
		case H1_HEAD:
			take_head(v, &ev.head);
			break;
		case H1_CHUNK:
			take_chunk(v, &ev);
			break;
		case H1_DATA:
			take_data(v, &ev);
			break;
		case H1_END:
			take_end(v, &ev);
			break;
		case H1_SWITCHED:
		case H1_CLOSED:
			take_rest(v, d);
			return;
		case H1_TRUNCATED:
		case H1_ERROR:
			take_fault(v, &ev.err, used, len);
			return;
		}
		used = h1_dec_off(d);
	}
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	bool response = in.n >= 5 && memcmp(in.p, "HTTP/", 5) == 0;
	struct view v = {.t = t, .parent = parent, .src = src, .base = off, .message = DX_NONE, .hints = h};
	struct h1_dec d;
	buf_init(&v.content, t->al, SIZE_MAX);
	h1_dec_init(&d, t->al, response ? H1_RESPONSES : H1_REQUESTS, NULL);
	if (response && h->method.n > 0)
		h1_dec_expect(&d, h->method);
	h1_dec_feed(&d, in);
	read_stream(&v, &d, in.n);
	h1_dec_fini(&d);
	buf_fini(&v.content);
	return len;
}

const struct dx_proto dx_http1 = {"http1", "HTTP/1.1", "RFC 9112", fields, F_COUNT, dissect};
