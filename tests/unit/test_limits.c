/*
 * The limits of HTTP/1.1, event streams and WebSocket at their edge (tests/support/limits.h): those shipped; where these are many
 * megabytes, smaller ones of the same struct.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/http1/h1_content.h"
#include "tests/support/limits.h"

/* ---- HTTP/1.1 ---- */

static const char *read_http1(enum h1_role role, const struct h1_limits *lim, const struct buf *in)
{
	struct h1_dec d;
	struct h1_ev ev;
	enum h1_ev_kind k;
	h1_dec_init(&d, &alloc_libc, role, lim);
	h1_dec_feed(&d, buf_bytes(in));
	while ((k = h1_dec_next(&d, &ev)) != H1_NEED && k != H1_ERROR && k != H1_CLOSED)
		;
	say_what(k == H1_ERROR ? ev.err.what : "");
	bool busy = h1_dec_busy(&d);
	h1_dec_fini(&d);
	return k != H1_ERROR && busy ? say_what("incomplete") : said;
}

static const char *http1(
	const struct h1_limits *lim, const char *before, char c, uint64_t n, const char *after)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, before);
	fill(&in, c, n);
	buf_str(&in, after);
	read_http1(H1_REQUESTS, lim, &in);
	buf_fini(&in);
	return said;
}

#define GET "GET / HTTP/1.1\r\nHost: x\r\n"
#define PUT "PUT / HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED PUT "Transfer-Encoding: chunked\r\n\r\n"

static const char *h1_line(uint64_t n)
{
	return http1(NULL, GET "A:", 'v', n - 2, "\r\n\r\n");
}

static const char *h1_target(uint64_t n)
{
	return http1(NULL, "GET /", 'v', n - 14, " HTTP/1.1\r\nHost: x\r\n\r\n");
}

static const char *h1_chunk_line(uint64_t n)
{
	return http1(NULL, CHUNKED "0;", 'v', n - 2, "\r\n\r\n");
}

static const char *h1_fields(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, GET);
	for (uint64_t i = 1; i < n; i++)
		buf_str(&in, "A:b\r\n");
	buf_str(&in, "\r\n");
	read_http1(H1_REQUESTS, NULL, &in);
	buf_fini(&in);
	return said;
}

static const char *h1_trailers(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, CHUNKED "0\r\n");
	for (uint64_t i = 0; i < n; i++)
		buf_str(&in, "A:b\r\n");
	buf_str(&in, "\r\n");
	read_http1(H1_REQUESTS, NULL, &in);
	buf_fini(&in);
	return said;
}

/* Octets up to the end of the last field line, in lines of 1,000 and a rest. */
static const char *h1_head(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, GET);
	while (in.n + 1000 + 10 < n) {
		buf_str(&in, "A:");
		fill(&in, 'v', 996);
		buf_str(&in, "\r\n");
	}
	buf_str(&in, "A:");
	fill(&in, 'v', n - in.n);
	buf_str(&in, "\r\n\r\n");
	read_http1(H1_REQUESTS, NULL, &in);
	buf_fini(&in);
	return said;
}

static const char *h1_ext(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, CHUNKED);
	while (n > 0) {
		uint64_t part = n > 10000 ? 10000 : n;
		if (n - part == 1) /* an extension has at least two octets */
			part--;
		buf_str(&in, "1;");
		fill(&in, 'e', part - 1);
		buf_str(&in, "\r\nx\r\n");
		n -= part;
	}
	buf_str(&in, "0\r\n\r\n");
	read_http1(H1_REQUESTS, NULL, &in);
	buf_fini(&in);
	return said;
}

static const char *h1_empty(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	while (n-- > 0)
		buf_str(&in, "\r\n");
	buf_str(&in, GET "\r\n");
	read_http1(H1_REQUESTS, NULL, &in);
	buf_fini(&in);
	return said;
}

#define BODY_MAX 1000
static const struct h1_limits small_body = {.line_octets_max = 1000,
	.head_octets_max = 1000,
	.fields_max = 9,
	.chunk_ext_octets_max = 9,
	.body_octets_max = BODY_MAX};

static const char *h1_body_length(uint64_t n)
{
	char head[100];
	snprintf(head, sizeof head, PUT "Content-Length: %llu\r\n\r\n", (unsigned long long)n);
	return http1(&small_body, head, 'b', n, "");
}

static const char *h1_body_chunks(uint64_t n)
{
	char head[200];
	snprintf(head, sizeof head, CHUNKED "3\r\nabc\r\n%llx\r\n", (unsigned long long)n - 3);
	return http1(&small_body, head, 'b', n - 3, "\r\n0\r\n\r\n");
}

static const char *h1_body_until_close(uint64_t n)
{
	struct buf in;
	struct h1_dec d;
	struct h1_ev ev;
	enum h1_ev_kind k;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, "HTTP/1.1 200 OK\r\n\r\n");
	fill(&in, 'b', n);
	h1_dec_init(&d, &alloc_libc, H1_RESPONSES, &small_body);
	h1_dec_feed(&d, buf_bytes(&in));
	while ((k = h1_dec_next(&d, &ev)) != H1_NEED && k != H1_ERROR)
		;
	say_what(k == H1_ERROR ? ev.err.what : "");
	h1_dec_fini(&d);
	buf_fini(&in);
	return said;
}

/* Requests whose answers are awaited. */
static const char *h1_pipeline(uint64_t n)
{
	struct h1_dec d;
	bool ok = true;
	h1_dec_init(&d, &alloc_libc, H1_RESPONSES, NULL);
	while (n-- > 0)
		ok = h1_dec_expect(&d, BYTES_LIT("GET"));
	h1_dec_fini(&d);
	return say_what(ok ? "" : "H1_PIPELINE_MAX");
}

/* A content that is much shorter when coded: 1,000 octets `a` as gzip makes them. */
#define CONTENT_OCTETS 1000
static const char *h1_content(uint64_t n)
{
	static const uint8_t gz[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x4b, 0x4c,
		0x1c, 0x05, 0xa3, 0x60, 0x14, 0x0c, 0x77, 0x00, 0x00, 0x03, 0xda, 0x38, 0x9a, 0xe8, 0x03,
		0x00, 0x00};
	struct buf out;
	buf_init(&out, &alloc_libc, SIZE_MAX);
	/* The limit is what may come out: allowing n fewer octets is as if n more came. */
	enum h1_content r = h1_content_decode(&alloc_libc, BYTES_LIT("gzip"), (struct bytes){gz, sizeof gz},
		(size_t)(2 * CONTENT_OCTETS - n), &out);
	say_what(r == H1_CONTENT_LONG ? "long" : r == H1_CONTENT_OK ? "" : "not gzip");
	assert_true(out.n <= CONTENT_OCTETS);
	buf_fini(&out);
	return said;
}

/* ---- event streams ---- */

#define SSE_MAX 1000
static const char *sse(const struct sse_limits *lim, const char *before, uint64_t n, const char *after)
{
	struct buf in;
	struct sse_dec d;
	struct sse_ev ev;
	enum sse_ev_kind k;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, before);
	fill(&in, 'x', n);
	buf_str(&in, after);
	sse_dec_init(&d, &alloc_libc, lim, 0);
	sse_dec_feed(&d, buf_bytes(&in));
	while ((k = sse_dec_next(&d, &ev)) != SSE_NEED && k != SSE_ERROR)
		;
	say_what(k == SSE_ERROR ? ev.err.what : "");
	sse_dec_fini(&d);
	buf_fini(&in);
	return said;
}

static const char *sse_line(uint64_t n)
{
	static const struct sse_limits lim = {SSE_MAX, 1 << 20, 1 << 20};
	return sse(&lim, "data:", n - 5, "\n\n");
}

static const char *sse_data(uint64_t n)
{
	static const struct sse_limits lim = {1 << 20, SSE_MAX, 1 << 20};
	return sse(&lim, "data:ab\ndata:", n - 3, "\n\n");
}

static const char *sse_id(uint64_t n)
{
	return sse(NULL, "id:", n, "\n\n");
}

/* ---- WebSocket ---- */

#define WS_MAX 1000
static const char *read_ws(const struct buf *in, const struct ws_pmd *pmd, const struct ws_limits *lim)
{
	struct ws_dec d;
	struct ws_ev ev;
	enum ws_ev_kind k;
	bool message = false;
	ws_dec_init(&d, &alloc_libc, WS_CLIENT, lim, pmd);
	ws_dec_feed(&d, buf_bytes(in));
	while ((k = ws_dec_next(&d, &ev)) != WS_NEED && k != WS_ERROR)
		message |= k == WS_MESSAGE;
	say_what(k == WS_ERROR ? ev.err.what : message ? "" : "no message");
	ws_dec_fini(&d);
	return said;
}

static const char *ws_message_in_frames(uint64_t n, uint64_t per_frame, const struct ws_limits *lim)
{
	struct buf in, part;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_init(&part, &alloc_libc, SIZE_MAX);
	fill(&part, 'x', per_frame);
	for (uint64_t at = 0; at < n; at += per_frame) {
		size_t len = (size_t)(n - at < per_frame ? n - at : per_frame);
		ws_put_frame(&in, at + per_frame >= n, 0, at == 0 ? WS_TEXT : WS_CONT,
			bytes_sub(buf_bytes(&part), 0, len), NULL);
	}
	read_ws(&in, NULL, lim);
	buf_fini(&in);
	buf_fini(&part);
	return said;
}

static const struct ws_limits ws_small = {.message_octets_max = WS_MAX, .fragments_max = 100};

static const char *ws_one_frame(uint64_t n)
{
	return ws_message_in_frames(n, n, &ws_small);
}

static const char *ws_many_frames(uint64_t n)
{
	return ws_message_in_frames(n, 11, &ws_small);
}

static const char *ws_fragments(uint64_t n)
{
	return ws_message_in_frames(n, 1, &ws_small);
}

static const char *ws_shipped(uint64_t n)
{
	return ws_message_in_frames(n, n, NULL);
}

/* Decompression ratio: a few octets that become n. */
static const char *ws_inflated(uint64_t n)
{
	const struct ws_pmd pmd = {.on = true, .window_bits = 15};
	struct ws_deflate *z = ws_deflate_new(&alloc_libc, &pmd, 9);
	struct buf text, payload, in;
	buf_init(&text, &alloc_libc, SIZE_MAX);
	buf_init(&payload, &alloc_libc, SIZE_MAX);
	buf_init(&in, &alloc_libc, SIZE_MAX);
	fill(&text, 'z', n);
	assert_true(ws_deflate(z, buf_bytes(&text), &payload) && payload.n < 50);
	ws_put_frame(&in, true, 4, WS_BINARY, buf_bytes(&payload), NULL);
	read_ws(&in, &pmd, &ws_small);
	ws_deflate_free(z);
	buf_fini(&text);
	buf_fini(&payload);
	buf_fini(&in);
	return said;
}

static const char *ws_control(uint64_t n)
{
	struct buf in, text;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_init(&text, &alloc_libc, SIZE_MAX);
	fill(&text, 'p', n);
	ws_put_frame(&in, true, 0, WS_OP_PING, buf_bytes(&text), NULL);
	ws_put_message(&in, WS_TEXT, BYTES_LIT("after"), NULL);
	read_ws(&in, NULL, NULL);
	buf_fini(&in);
	buf_fini(&text);
	return said;
}

/* ---- the table ---- */

static const struct limit limits[] = {
	{"field line", 16384, h1_line, "line_octets_max"},
	{"request line", 16384, h1_target, "line_octets_max"},
	{"chunk-size line", 16384, h1_chunk_line, "line_octets_max"},
	{"head", 65536, h1_head, "head_octets_max"},
	{"fields", 256, h1_fields, "fields_max"},
	{"trailer fields", 256, h1_trailers, "fields_max"},
	{"chunk extensions", 65536, h1_ext, "chunk_ext_octets_max"},
	{"empty lines", 16, h1_empty, "empty_lines_max"},
	{"body by length", BODY_MAX, h1_body_length, "body_octets_max"},
	{"body in chunks", BODY_MAX, h1_body_chunks, "body_octets_max"},
	{"body until close", BODY_MAX, h1_body_until_close, "body_octets_max"},
	{"requests in the pipeline", H1_PIPELINE_MAX, h1_pipeline, "H1_PIPELINE_MAX"},
	{"content of a coding", CONTENT_OCTETS, h1_content, "long"},
	{"line of an event stream", SSE_MAX, sse_line, "line_octets_max"},
	{"data of an event", SSE_MAX, sse_data, "data_octets_max"},
	{"last event ID", 65536, sse_id, "id_octets_max"},
	{"message in one frame", WS_MAX, ws_one_frame, "message_octets_max"},
	{"message in many frames", WS_MAX, ws_many_frames, "message_octets_max"},
	{"message as shipped", 64u << 20, ws_shipped, "message_octets_max"},
	{"message decompressed", WS_MAX, ws_inflated, "message_octets_max"},
	{"frames of a message", 100, ws_fragments, "fragments_max"},
	{"control frame", 125, ws_control, "125 octets"},
};

static void every_limit_holds_at_its_edge(void **state)
{
	(void)state;
	limits_hold(limits, sizeof limits / sizeof *limits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_holds_at_its_edge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
