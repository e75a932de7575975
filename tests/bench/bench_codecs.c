/*
 * bench_codecs: how fast the decoders are, each beside a plain loop that does the least such a decoder must do, in one run: the
 * ratio says more than the figure. Nothing passes or fails here.
 *
 *   UTF-8        against an automaton that looks at every octet
 *   unmasking    against the loop of RFC 6455 5.3, octet by octet
 *   SSE          against memchr for line ends
 *   HTTP/1.1     against a scan that finds the colon and the end of each line and copies nothing (picohttpparser's way)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/base/utf8.h"
#include "proto/http1/http1.h"
#include "proto/sse/sse.h"
#include "proto/ws/ws.h"

#define OCTETS (8u << 20)

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static volatile uint64_t sink; /* keeps the compiler from leaving work out */

/* Runs a function over the input until half a second is over; octets per second. */
static double rate(uint64_t (*run)(struct bytes in), struct bytes in)
{
	double begin = now_s(), end;
	uint64_t n = 0;
	do {
		sink += run(in);
		n += in.n;
		end = now_s();
	} while (end - begin < 0.5);
	return (double)n / (end - begin);
}

static void show(
	const char *what, struct bytes in, uint64_t (*ours)(struct bytes), uint64_t (*plain)(struct bytes))
{
	double a = rate(ours, in), b = rate(plain, in);
	printf("%-34s %8.2f GB/s   plain loop %8.2f GB/s   ratio %6.2f\n", what, a / 1e9, b / 1e9, a / b);
}

/* ---- UTF-8 ---- */

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

/* ---- WebSocket ---- */

static uint8_t *unmasked;
static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

static uint64_t mask_ours(struct bytes in)
{
	ws_mask(unmasked, in.p, in.n, key, 0);
	return unmasked[in.n - 1];
}

static uint64_t mask_plain(struct bytes in)
{
	for (size_t i = 0; i < in.n; i++) {
		unmasked[i] = in.p[i] ^ key[i % 4];
#if defined(__GNUC__)
		__asm__ volatile("" : : : "memory"); /* octet by octet, as it is written */
#endif
	}
	return unmasked[in.n - 1];
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

/* Small headers only, no checks, unmasking octet by octet. */
static uint64_t frames_plain(struct bytes in)
{
	uint64_t n = 0;
	for (size_t i = 0; i + 6 <= in.n; n++) {
		size_t len = in.p[i + 1] & 0x7f, at = i + 2;
		if (len == 126) {
			len = be16_get(in.p + at);
			at += 2;
		}
		for (size_t k = 0; k < len; k++)
			unmasked[k] = in.p[at + 4 + k] ^ in.p[at + k % 4];
		n += utf8_plain((struct bytes){unmasked, len});
		i = at + 4 + len;
	}
	return n;
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
	while (p < end && (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		n += nl - p > 5 && memcmp(p, "data:", 5) == 0;
		p = nl + 1;
	}
	return n;
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

static struct bytes fill(const char *unit, size_t n)
{
	uint8_t *p = malloc(OCTETS);
	size_t at = 0;
	if (p == NULL)
		exit(3);
	for (; at + n <= OCTETS; at += n)
		memcpy(p + at, unit, n);
	return (struct bytes){p, at};
}

static void frames(size_t payload)
{
	uint8_t text[4096];
	struct buf one;
	char what[64];
	memset(text, 'x', sizeof text);
	buf_init(&one, &alloc_libc, SIZE_MAX);
	ws_put_message(&one, WS_TEXT, (struct bytes){text, payload}, key);
	struct bytes in = fill((const char *)one.p, one.n);
	snprintf(what, sizeof what, "WebSocket text, %zu octets masked", payload);
	show(what, in, frames_ours, frames_plain);
	free((void *)(uintptr_t)in.p);
	buf_fini(&one);
}

int main(void)
{
	static const char request[] =
		"GET /updates?since=1042&room=lobby HTTP/1.1\r\nHost: chat.example:8080\r\nConnection: "
		"keep-alive\r\n"
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
		"Chrome/126.0.0.0 "
		"Safari/537.36\r\nAccept: text/event-stream\r\nAccept-Encoding: gzip, deflate, br\r\n"
		"Accept-Language: en-US,en;q=0.9\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n\r\n";
	static const char event[] =
		"id: 1042\nevent: news\ndata: {\"room\":\"lobby\",\"from\":\"ada\",\"text\":\"The server "
		"talks back.\"}\n\n";
	static const char mixed[] =
		"Gr\xc3\xbc\xc3\x9f Gott, \xe6\x97\xa5\xe6\x9c\xac and some plain text after it. ";
	struct bytes ascii = fill("The quick brown fox jumps over the lazy dog. ", 45),
		     text = fill(mixed, sizeof mixed - 1);
	struct bytes events = fill(event, sizeof event - 1), requests = fill(request, sizeof request - 1);
	unmasked = malloc(OCTETS);
	if (unmasked == NULL)
		return 3;
	show("UTF-8, plain ASCII", ascii, utf8_ours, utf8_plain);
	show("UTF-8, mixed", text, utf8_ours, utf8_plain);
	show("WebSocket unmasking", ascii, mask_ours, mask_plain);
	frames(20);
	frames(200);
	frames(4000);
	show("SSE, three-line events", events, sse_ours, sse_plain);
	show("HTTP/1.1, a browser's request", requests, http_ours, http_plain);
	printf("%-34s %8.2f million a second\n", "HTTP/1.1 requests",
		rate(http_ours, requests) / (double)(sizeof request - 1) / 1e6);
	free(unmasked);
	free((void *)(uintptr_t)ascii.p);
	free((void *)(uintptr_t)text.p);
	free((void *)(uintptr_t)events.p);
	free((void *)(uintptr_t)requests.p);
	return 0;
}
