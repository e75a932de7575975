/*
 * bench_codecs: how fast the decoders are, each beside a library that does the same, or beside a plain loop that does the least such
 * a decoder must do. Both run in turn, slice by slice, on the same octets; medians of the slices; the ratio says more than the
 * figure. Nothing passes or fails here, except that both sides must find the same number of messages.
 *
 *   UTF-8        against a loop that looks at every octet, and memcpy
 *   unmasking    against the loop of RFC 6455 5.3, octet by octet
 *   WebSocket    against libwslay
 *   SSE          against memchr for line ends
 *   HTTP/1.1     against llhttp, counting and keeping fields, and a scan for colons and line ends that keeps nothing
 *   HPACK        against libnghttp2
 *
 * usage: bench_codecs [WORD]: only rows that hold WORD.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base/utf8.h"
#include "proto/hpack/hpack.h"
#include "proto/http1/http1.h"
#include "proto/sse/sse.h"
#include "proto/ws/ws.h"
#include "tests/bench/peers.h"

#define OCTETS (256u << 10) /* of input: stays in the second-level cache, as what was just received does */
#define SLICE_S 0.03
#define SLICES 9

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static volatile uint64_t sink; /* keeps the compiler from leaving work out */

/* Runs a function over the input for one slice; octets per second. */
static double rate(decode_fn *run, struct bytes in)
{
	double begin = now_s(), end;
	uint64_t n = 0;
	do {
		sink += run(in);
		n += in.n;
		end = now_s();
	} while (end - begin < SLICE_S);
	return (double)n / (end - begin);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static const char *word;

/* One row. `units`: both count them, and they are told by the second; false: the result is not a count. */
static void show(
	const char *what, struct bytes in, decode_fn *ours, const char *peer, decode_fn *theirs, bool units)
{
	double a[SLICES], b[SLICES];
	if (word != NULL && strstr(what, word) == NULL && strstr(peer, word) == NULL)
		return;
	if (theirs == NULL) {
		printf("%-36s %-22s not here\n", what, peer);
		return;
	}
	uint64_t n = ours(in), m = theirs(in);
	for (int i = 0; i < SLICES; i++) {
		a[i] = rate(ours, in);
		b[i] = rate(theirs, in);
	}
	qsort(a, SLICES, sizeof *a, by_size);
	qsort(b, SLICES, sizeof *b, by_size);
	double x = a[SLICES / 2], y = b[SLICES / 2];
	printf("%-36s %7.2f GB/s", what, x / 1e9);
	if (units)
		printf(" %7.2f M/s", (double)n * x / (double)in.n / 1e6);
	else
		printf(" %11s", "");
	printf("   %-22s %7.2f GB/s   factor %5.2f%s\n", peer, y / 1e9, x / y,
		units && n != m ? "   BUT THE TWO DIFFER IN WHAT THEY FOUND" : "");
}

static struct bytes fill(const uint8_t *unit, size_t n)
{
	size_t times = n < OCTETS ? OCTETS / n : 1;
	uint8_t *p = malloc(n * times);
	if (p == NULL)
		exit(3);
	for (size_t i = 0; i < times; i++)
		memcpy(p + i * n, unit, n);
	return (struct bytes){p, n * times};
}

static struct bytes fill_text(const char *unit)
{
	return fill((const uint8_t *)unit, strlen(unit));
}

static void drop(struct bytes b)
{
	free((void *)(uintptr_t)b.p);
}

/* ---- UTF-8 ---- */

static uint8_t *space; /* as large as any input */

static uint64_t utf8_ours(struct bytes in)
{
	uint8_t s = UTF8_START;
	return utf8_check(&s, in);
}

static uint64_t utf8_plain(struct bytes in)
{
	unsigned more = 0;
	uint64_t bad = 0;
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		if (more > 0) {
			bad += (c & 0xc0) != 0x80;
			more--;
		} else if (c >= 0x80) {
			more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		}
	}
	return bad;
}

static uint64_t copy_plain(struct bytes in)
{
	memcpy(space, in.p, in.n);
	return space[in.n - 1];
}

static void utf8_rows(void)
{
	static const char *const texts[][2] = {
		{"UTF-8, plain ASCII", "The quick brown fox jumps over the lazy dog. "},
		{"UTF-8, mixed",
			"Gr\xc3\xbc\xc3\x9f Gott, \xe6\x97\xa5\xe6\x9c\xac and some plain text after it. "},
		{"UTF-8, German", "Zw\xc3\xb6lf Boxk\xc3\xa4mpfer jagen Viktor quer \xc3\xbc"
				  "ber den gro\xc3\x9f"
				  "en Sylter Deich. "},
		{"UTF-8, Cyrillic", "\xd0\xa1\xd1\x8a\xd0\xb5\xd1\x88\xd1\x8c \xd0\xb5\xd1\x89\xd1\x91 "
				    "\xd1\x8d\xd1\x82\xd0\xb8\xd1\x85 "},
		{"UTF-8, Japanese", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe3\x81\xae\xe6\x96\x87\xe7\xab\xa0"
				    "\xe3\x80\x82"},
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct bytes in = fill_text(texts[i][1]);
		show(texts[i][0], in, utf8_ours, "loop over octets", utf8_plain, false);
		if (i == 0)
			show(texts[i][0], in, utf8_ours, "memcpy", copy_plain, false);
		drop(in);
	}
}

/* ---- WebSocket ---- */

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static uint64_t mask_ours(struct bytes in)
{
	ws_mask(space, in.p, in.n, key, 0);
	return space[in.n - 1];
}

static uint64_t mask_plain(struct bytes in)
{
	for (size_t i = 0; i < in.n; i++) {
		space[i] = in.p[i] ^ key[i % 4];
#if defined(__GNUC__)
		__asm__ volatile("" : : : "memory"); /* octet by octet, as it is written */
#endif
	}
	return space[in.n - 1];
}

static uint64_t frames_ours(struct bytes in)
{
	struct ws_dec d;
	struct ws_ev ev;
	uint64_t n = 0;
	ws_dec_init(&d, &alloc_libc, WS_SERVER, NULL, NULL);
	ws_dec_feed(&d, in);
	while (ws_dec_next(&d, &ev) != WS_NEED)
		n += ev.kind == WS_MESSAGE;
	ws_dec_fini(&d);
	return n;
}

static void frames_of(size_t payload, enum ws_op op)
{
	struct buf one;
	char what[64];
	uint8_t *text = malloc(payload);
	if (text == NULL)
		exit(3);
	memset(text, 'x', payload);
	buf_init(&one, &alloc_libc, SIZE_MAX);
	ws_put_message(&one, op, (struct bytes){text, payload}, key);
	struct bytes in = fill(one.p, one.n);
	snprintf(what, sizeof what, "WebSocket %s, %zu octets masked", op == WS_TEXT ? "text" : "binary",
		payload);
	show(what, in, frames_ours, "libwslay", wslay_messages, true);
	drop(in);
	free(text);
	buf_fini(&one);
}

static void ws_rows(void)
{
	static const size_t sizes[] = {20, 125, 1024, 65536};
	struct bytes in = fill_text("The quick brown fox jumps over the lazy dog. ");
	show("WebSocket unmasking", in, mask_ours, "loop over octets", mask_plain, false);
	drop(in);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		frames_of(sizes[i], WS_TEXT);
		frames_of(sizes[i], WS_BINARY);
	}
}

/* ---- SSE ---- */

static uint64_t sse_ours(struct bytes in)
{
	struct sse_dec d;
	struct sse_ev ev;
	uint64_t n = 0;
	sse_dec_init(&d, &alloc_libc, NULL, 0);
	sse_dec_feed(&d, in);
	while (sse_dec_next(&d, &ev) != SSE_NEED)
		n += ev.kind == SSE_EVENT;
	sse_dec_fini(&d);
	return n;
}

static uint64_t sse_plain(struct bytes in)
{
	const uint8_t *p = in.p, *end = in.p + in.n, *nl;
	uint64_t n = 0;
	bool data = false;
	while (p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n += nl == p && data;
		data = nl != p && (data || (nl - p > 5 && memcmp(p, "data:", 5) == 0));
		p = nl + 1;
	}
	return n;
}

static void sse_rows(void)
{
	static const char three[] =
		"id: 1042\nevent: news\ndata: {\"room\":\"lobby\",\"from\":\"ada\",\"text\":\"The server "
		"talks back.\"}\n\n";
	static const char one[] = "data: {\"id\":17,\"text\":\"hello\"}\n\n";
	char large[4200] = "data: ";
	memset(large + 6, 'x', 4096);
	memcpy(large + 6 + 4096, "\n\n", 3);
	const char *const texts[][2] = {{"SSE, one short line", one}, {"SSE, three-line events", three},
		{"SSE, 4 KiB of data", large}};
	for (size_t i = 0; i < 3; i++) {
		struct bytes in = fill_text(texts[i][1]);
		show(texts[i][0], in, sse_ours, "memchr for line ends", sse_plain, true);
		drop(in);
	}
}

/* ---- HTTP/1.1 ---- */

static uint64_t http_ours(struct bytes in)
{
	struct h1_dec d;
	struct h1_ev ev;
	uint64_t n = 0;
	h1_dec_init(&d, &alloc_libc, H1_REQUESTS, NULL);
	h1_dec_feed(&d, in);
	while (h1_dec_next(&d, &ev) != H1_NEED)
		n += ev.kind == H1_END;
	h1_dec_fini(&d);
	return n;
}

size_t feed_octets;

static uint64_t http_pieces(struct bytes in)
{
	struct h1_dec d;
	struct h1_ev ev;
	uint64_t n = 0;
	h1_dec_init(&d, &alloc_libc, H1_REQUESTS, NULL);
	for (size_t at = 0; at + feed_octets <= in.n; at += feed_octets) {
		h1_dec_feed(&d, bytes_sub(in, at, feed_octets));
		while (h1_dec_next(&d, &ev) != H1_NEED)
			n += ev.kind == H1_END;
	}
	h1_dec_fini(&d);
	return n;
}

static uint64_t http_plain(struct bytes in)
{
	const uint8_t *p = in.p, *end = in.p + in.n;
	uint64_t n = 0;
	while (p < end) {
		const uint8_t *colon = NULL;
		const uint8_t *line = p;
		for (; p < end && *p != '\r'; p++) {
			if (*p < 0x20 && *p != '\t')
				return n;
			if (*p == ':' && colon == NULL)
				colon = p;
		}
		n += colon == NULL && p == line;
		p += 2;
	}
	return n;
}

static void http_rows(void)
{
	static const char small[] = "GET /poll?since=1042 HTTP/1.1\r\nHost: app.example\r\n\r\n";
	static const char browser[] =
		"GET /updates?since=1042&room=lobby HTTP/1.1\r\nHost: chat.example:8080\r\nConnection: "
		"keep-alive\r\n"
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
		"Chrome/126.0.0.0 "
		"Safari/537.36\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip, deflate, br\r\n"
		"Accept-Language: en-US,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";
	static const char post[] = "POST /publish HTTP/1.1\r\nHost: app.example\r\nContent-Type: "
				   "application/json\r\nContent-Length: "
				   "27\r\n\r\n{\"text\":\"hello, everybody\"}";
	static const char chunked[] =
		"POST /publish HTTP/1.1\r\nHost: app.example\r\nTransfer-Encoding: chunked\r\n\r\n"
		"1b\r\n{\"text\":\"hello, everybody\"}\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n";
	static char many[8192];
	int at = snprintf(many, sizeof many, "GET / HTTP/1.1\r\nHost: app.example\r\n");
	for (int i = 0; i < 64; i++)
		at += snprintf(
			many + at, sizeof many - (size_t)at, "X-Field-Number-%d: value %d of many\r\n", i, i);
	memcpy(many + at, "\r\n", 3);
	const char *const texts[][2] = {{"HTTP/1.1, a short request", small},
		{"HTTP/1.1, a browser's request", browser}, {"HTTP/1.1, 65 fields", many},
		{"HTTP/1.1, a POST with a length", post}, {"HTTP/1.1, a POST in chunks", chunked}};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct bytes in = fill_text(texts[i][1]);
		show(texts[i][0], in, http_ours, "llhttp, keeping fields", llhttp_fields, true);
		show(texts[i][0], in, http_ours, "llhttp, counting", llhttp_scan, true);
		feed_octets = strlen(texts[i][1]);
		show(texts[i][0], in, http_pieces, "llhttp, one a feed", llhttp_pieces, true);
		if (i < 3)
			show(texts[i][0], in, http_ours, "scan of lines", http_plain, true);
		drop(in);
	}
}

/* ---- HPACK ---- */

static uint64_t hpack_ours(struct bytes in)
{
	struct hpack_dec d;
	struct hpack_rep rep;
	uint64_t n = 0;
	hpack_dec_init(&d, &alloc_libc, HPACK_TABLE_SIZE_DEFAULT, HPACK_STRING_MAX_DEFAULT);
	for (size_t at = 0, len; at + 2 <= in.n; at += len) {
		len = be16_get(in.p + at);
		at += 2;
		hpack_dec_begin(&d);
		hpack_dec_feed(&d, bytes_sub(in, at, len));
		while (hpack_dec_next(&d, true, &rep) == 1)
			n += rep.kind != HPACK_SIZE_UPDATE;
	}
	hpack_dec_fini(&d);
	return n;
}

/* Blocks of one connection: a request as a browser sends it, its path and one field new each time. */
static void hpack_rows(void)
{
	static const char *const fields[][2] = {{":method", "GET"}, {":scheme", "https"},
		{":authority", "chat.example"},
		{"user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
			       "Chrome/126.0.0.0 Safari/537.36"},
		{"accept", "text/event-stream"}, {"accept-encoding", "gzip, deflate, br"},
		{"accept-language", "en-US,en;q=0.9"}};
	struct hpack_enc e;
	struct buf all, one;
	buf_init(&all, &alloc_libc, SIZE_MAX);
	buf_init(&one, &alloc_libc, SIZE_MAX);
	hpack_enc_init(&e, &alloc_libc, HPACK_TABLE_SIZE_DEFAULT);
	for (unsigned i = 0; i < 2000; i++) {
		char path[64], id[64];
		uint8_t len[2];
		buf_clear(&one);
		hpack_enc_begin(&e, &one);
		for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
			hpack_enc_field(
				&e, &one, bytes_str(fields[k][0]), bytes_str(fields[k][1]), HPACK_ADD);
		snprintf(path, sizeof path, "/updates?since=%u", i);
		snprintf(id, sizeof id, "trace-%08x-%u", i * 2654435761u, i);
		hpack_enc_field(&e, &one, bytes_str(":path"), bytes_str(path), HPACK_NO_ADD);
		hpack_enc_field(&e, &one, bytes_str("x-request-id"), bytes_str(id), HPACK_ADD);
		be16_put(len, (uint32_t)one.n);
		buf_add(&all, (struct bytes){len, 2});
		buf_add(&all, buf_bytes(&one));
	}
	show("HPACK, a browser's requests (fields)", buf_bytes(&all), hpack_ours, "libnghttp2",
		nghttp2_fields, true);
	hpack_enc_fini(&e);
	buf_fini(&all);
	buf_fini(&one);
}

int main(int argc, char **argv)
{
	word = argc > 1 ? argv[1] : NULL;
	space = malloc(OCTETS + 4096);
	if (space == NULL)
		return 3;
	printf("%-36s %12s %11s   %-22s %12s   %s\n", "", "ours", "", "peer", "", "ours / peer");
	http_rows();
	sse_rows();
	ws_rows();
	utf8_rows();
	hpack_rows();
	free(space);
	return 0;
}
