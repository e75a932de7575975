/* The reverse proxy without a network: what goes in on one leg, what comes out on the other, and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "proto/tech/relay.h"
#include "proto/tech/watch.h"

#define S 1000000000ll

static bool lends; /* at each OPEN a connection is there that was used before */

/* Everything a relay put out, as text: "O" open, "N" open a new one, "S" given back, "<0 ...>" octets to a leg, "C0" close, "A1" abort, "[hold 92]". */
struct log {
	char t[65536];
	size_t n;
};

static void logf_(struct log *l, const char *s, size_t n)
{
	assert_true(l->n + n + 1 < sizeof l->t);
	memcpy(l->t + l->n, s, n);
	l->n += n;
	l->t[l->n] = 0;
}

static struct relay *relay_new(const struct relay_cfg *cfg)
{
	struct relay *r = malloc(sizeof *r);
	assert_non_null(r);
	relay_init(r, cfg, 0);
	return r;
}

static void relay_free(struct relay *r)
{
	relay_fini(r);
	free(r);
}

static bool starved; /* memory runs out on purpose: a HOLD may have gone untold */

static void pull(struct relay *r, struct log *l)
{
	static const char *const notes[] = {"hold", "release", "stripped", "blocked", "tunnel",
		"read-timeout", "tunnel-timeout", "keepalive-end", "upstream-gone", "bad-message"};
	struct relay_out o;
	uint64_t id = 100;
	l->n = 0;
	l->t[0] = 0;
	while (relay_next(r, &o) != RELAY_IDLE) {
		char s[80];
		int n = 0;
		switch (o.kind) {
		case RELAY_OPEN:
			n = snprintf(s, sizeof s, o.a ? "N" : "O");
			if (lends && !o.a)
				relay_lent(r);
			break;
		case RELAY_SPARE:
			n = snprintf(s, sizeof s, "S");
			break;
		case RELAY_WRITE:
			n = snprintf(s, sizeof s, "<%u ", o.leg);
			logf_(l, s, (size_t)n);
			logf_(l, (const char *)slice_bytes(o.data).p, o.data.len);
			n = snprintf(s, sizeof s, ">");
			blob_unref(o.data.blob);
			break;
		case RELAY_CLOSE:
			n = snprintf(s, sizeof s, "C%u", o.leg);
			break;
		case RELAY_ABORT:
			n = snprintf(s, sizeof s, "A%u", o.leg);
			break;
		default:
			n = snprintf(s, sizeof s, "[%s %u]", notes[o.note], (unsigned)o.slen);
			if (o.note == RELAY_HOLD)
				relay_note_id(r, id++);
			if (o.note == RELAY_RELEASE && !starved)
				assert_true(o.cause >= 100);
		}
		logf_(l, s, (size_t)n);
	}
}

static void in(struct relay *r, unsigned leg, const char *s, size_t n, int64_t now)
{
	struct blob *b = blob_new(&alloc_libc, (struct bytes){(const uint8_t *)s, n});
	relay_data(r, leg, slice_of(b), now);
	blob_unref(b);
}
#define IN(r, leg, s, now) in(r, leg, s, strlen(s), now)

static const struct relay_cfg off = {
	.al = &alloc_libc, .pseudonym = "edge", .read_timeout_ns = 60 * S, .keepalive_ns = 75 * S};

#define GET "GET /events HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"

static void an_exchange_goes_through_and_the_connection_stays(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&off);
	IN(r, 0, GET, 0);
	pull(r, &l);
	assert_string_equal(
		l.t, "O<1 GET /events HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 edge\r\n\r\n>");
	assert_true(relay_wake_at(r) == 60 * S);
	IN(r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nKeep-Alive: timeout=5\r\n\r\nhi", 1);
	pull(r, &l);
	assert_string_equal(l.t, "<0 HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi>");
	IN(r, 0, GET, 2 * S);
	pull(r, &l);
	assert_memory_equal(l.t, "<1 GET", 6); /* no second OPEN */
	relay_free(r);
}

static void a_request_cut_anywhere_is_the_same_request(void **st)
{
	(void)st;
	for (size_t cut = 1; cut < sizeof GET - 1; cut++) {
		struct log a, b;
		struct relay *r = relay_new(&off);
		in(r, 0, GET, cut, 0);
		pull(r, &a);
		in(r, 0, &GET[cut], sizeof GET - 1 - cut, 0);
		pull(r, &b);
		logf_(&a, b.t, b.n);
		assert_string_equal(
			a.t, "O<1 GET /events HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 edge\r\n\r\n>");
		relay_free(r);
	}
}

static void pipelined_requests_are_answered_one_after_another(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&off);
	IN(r, 0, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", 0);
	pull(r, &l);
	assert_non_null(strstr(l.t, "GET /1"));
	assert_null(strstr(l.t, "GET /2"));
	IN(r, 1, "HTTP/1.1 204 No Content\r\n\r\n", 1);
	pull(r, &l);
	assert_string_equal(l.t,
		"<0 HTTP/1.1 204 No Content\r\n\r\n><1 GET /2 HTTP/1.1\r\nHost: a\r\nVia: 1.1 edge\r\n\r\n>");
	relay_free(r);
}

static void without_buffering_every_chunk_passes_at_once(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&off);
	IN(r, 0, GET, 0);
	pull(r, &l);
	IN(r, 1, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
		1);
	pull(r, &l);
	assert_string_equal(l.t, "<0 HTTP/1.1 200 OK\r\nContent-Type: "
				 "text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n>");
	IN(r, 1, "9\r\ndata: x\n\n\r\n", 2);
	pull(r, &l);
	assert_string_equal(l.t, "<0 9\r\ndata: x\n\n\r\n>");
	relay_free(r);
}

static void a_page_buffer_keeps_head_and_events_until_a_page_is_full(void **st)
{
	(void)st;
	struct relay_cfg cfg = off;
	cfg.buffering = RELAY_BUFFER_PAGE;
	cfg.page_octets = 20;
	struct log l;
	struct relay *r = relay_new(&cfg);
	IN(r, 0, GET, 0);
	pull(r, &l);
	assert_non_null(strstr(l.t, "GET /events HTTP/1.0\r\n"));
	assert_non_null(strstr(l.t, "Connection: close\r\n"));
	IN(r, 1, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n", 1 * S);
	pull(r, &l);
	assert_memory_equal(l.t, "[hold ", 6);
	IN(r, 1, "data: one\n\n", 2 * S);
	pull(r, &l);
	assert_string_equal(l.t, "[hold 11]");
	IN(r, 1, "data: two\n\n", 3 * S);
	pull(r, &l);
	/* 22 octets are there: the head, then exactly a page of 20 */
	assert_non_null(strstr(l.t,
		"<0 HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
		"Transfer-Encoding: chunked\r\n\r\n>[release 20]<0 14\r\ndata: one\n\ndata: two\r\n>"));
	relay_eof(r, 1, 4 * S);
	pull(r, &l);
	assert_string_equal(l.t, "[release 2]<0 2\r\n\n\n\r\n><0 0\r\n\r\n>C1");
	relay_free(r);
}

static void x_accel_buffering_no_switches_the_page_buffer_off(void **st)
{
	(void)st;
	struct relay_cfg cfg = off;
	cfg.buffering = RELAY_BUFFER_PAGE;
	struct log l;
	struct relay *r = relay_new(&cfg);
	IN(r, 0, GET, 0);
	pull(r, &l);
	IN(r, 1, "HTTP/1.1 200 OK\r\nX-Accel-Buffering: no\r\nConnection: close\r\n\r\ndata: x\n\n", 1);
	pull(r, &l);
	assert_null(strstr(l.t, "hold"));
	assert_null(strstr(l.t, "Accel"));
	assert_non_null(strstr(l.t, "data: x\n\n"));
	relay_free(r);
}

static void a_scanner_passes_nothing_before_the_end(void **st)
{
	(void)st;
	struct relay_cfg cfg = off;
	cfg.buffering = RELAY_BUFFER_FULL;
	struct log l;
	struct relay *r = relay_new(&cfg);
	IN(r, 0, GET, 0);
	pull(r, &l);
	IN(r, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 1);
	pull(r, &l);
	assert_null(strstr(l.t, "<0"));
	IN(r, 1, "0\r\n\r\n", 2);
	pull(r, &l);
	assert_non_null(strstr(l.t, "3\r\nabc\r\n0\r\n\r\n>"));
	relay_free(r);
}

static void trickling_lets_one_octet_a_second_through(void **st)
{
	(void)st;
	struct relay_cfg cfg = off;
	cfg.buffering = RELAY_BUFFER_TRICKLE;
	struct log l;
	struct relay *r = relay_new(&cfg);
	IN(r, 0, GET, 0);
	pull(r, &l);
	IN(r, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0);
	pull(r, &l);
	assert_non_null(strstr(l.t, "<0 HTTP/1.1 200 OK"));
	assert_true(relay_wake_at(r) == 1 * S);
	relay_time(r, 1 * S);
	pull(r, &l);
	assert_string_equal(l.t, "[release 1]<0 1\r\na\r\n>");
	relay_free(r);
}

static void silence_from_upstream_becomes_504_or_a_cut(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&off);
	IN(r, 0, GET, 0);
	pull(r, &l);
	relay_time(r, 60 * S - 1);
	pull(r, &l);
	assert_string_equal(l.t, "");
	relay_time(r, 60 * S);
	pull(r, &l);
	assert_memory_equal(l.t, "[read-timeout 0]<0 HTTP/1.1 504 Gateway Timeout\r\n", 48);
	assert_non_null(strstr(l.t, ">C0A1"));
	assert_true(relay_finished(r));
	relay_free(r);
	r = relay_new(&off);
	IN(r, 0, GET, 0);
	IN(r, 1, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 30 * S);
	pull(r, &l);
	assert_true(relay_wake_at(r) == 90 * S);
	relay_time(r, 90 * S);
	pull(r, &l);
	assert_string_equal(l.t, "[read-timeout 0]C0A1");
	relay_free(r);
}

#define UP                                                                  \
	"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: " \
	"Upgrade\r\nSec-WebSocket-Version: "                                \
	"13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define DOWN                                                                     \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: " \
	"Upgrade\r\nSec-WebSocket-Accept: "                                      \
	"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

static void a_forwarded_upgrade_becomes_a_tunnel(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&off);
	IN(r, 0, UP, 0);
	pull(r, &l);
	assert_non_null(strstr(l.t, "Upgrade: websocket\r\nConnection: Upgrade\r\n"));
	IN(r, 1, DOWN "\x81\x02hi", 1 * S);
	pull(r, &l);
	assert_non_null(strstr(l.t, "<0 HTTP/1.1 101 Switching Protocols\r\n"));
	assert_non_null(strstr(l.t, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	assert_non_null(strstr(l.t, "[tunnel 0]<0 \x81\x02hi>"));
	IN(r, 0, "\x8a\x80zzzz", 2 * S);
	pull(r, &l);
	assert_string_equal(l.t, "<1 \x8a\x80zzzz>");
	assert_true(relay_wake_at(r) == 62 * S);
	relay_time(r, 62 * S);
	pull(r, &l);
	assert_string_equal(l.t, "[tunnel-timeout 0]C0C1");
	relay_free(r);
}

static void an_upgrade_is_stripped_or_blocked_as_configured(void **st)
{
	(void)st;
	struct relay_cfg cfg = off;
	struct log l;
	cfg.upgrade = RELAY_UPGRADE_STRIP;
	struct relay *r = relay_new(&cfg);
	IN(r, 0, UP, 0);
	pull(r, &l);
	assert_memory_equal(l.t, "[stripped 0]O<1 GET /ws HTTP/1.1\r\n", 33);
	assert_null(strstr(l.t, "Upgrade"));
	IN(r, 1, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n", 1);
	pull(r, &l);
	assert_memory_equal(l.t, "<0 HTTP/1.1 426 ", 16);
	relay_free(r);
	cfg.upgrade = RELAY_UPGRADE_BLOCK;
	r = relay_new(&cfg);
	IN(r, 0, UP, 0);
	pull(r, &l);
	assert_memory_equal(l.t, "[blocked 0]<0 HTTP/1.1 403 Forbidden\r\n", 38);
	assert_null(strchr(l.t, 'O' + 0) && strstr(l.t, "]O") ? l.t : NULL);
	relay_free(r);
}

static void either_side_going_away_ends_the_other(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&off);
	IN(r, 0, GET, 0);
	pull(r, &l);
	relay_gone(r, 1, 1);
	pull(r, &l);
	assert_memory_equal(l.t, "[upstream-gone 0]<0 HTTP/1.1 502 Bad Gateway\r\n", 45);
	relay_free(r);
	r = relay_new(&off);
	IN(r, 0, GET, 0);
	pull(r, &l);
	relay_gone(r, 0, 1);
	pull(r, &l);
	assert_string_equal(l.t, "A1");
	relay_free(r);
	r = relay_new(&off);
	IN(r, 0, GET, 0);
	pull(r, &l);
	relay_eof(r, 0, 1);
	pull(r, &l);
	assert_string_equal(l.t, "C0C1");
	relay_free(r);
}

static void a_stale_upstream_connection_is_replaced_once(void **st)
{
	(void)st;
	struct log l;
	for (int reset = 0; reset < 2; reset++) {
		struct relay *r = relay_new(&off);
		IN(r, 0, GET, 0);
		IN(r, 1, "HTTP/1.1 204 No Content\r\n\r\n", 1);
		IN(r, 0, GET, 5 * S);
		pull(r, &l);
		if (reset)
			relay_gone(r, 1, 5 * S + 1);
		else
			relay_eof(r, 1, 5 * S + 1);
		pull(r, &l);
		assert_string_equal(l.t,
			reset ? "N<1 GET /events HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 edge\r\n\r\n>"
			      : "C1N<1 GET /events HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 "
				"edge\r\n\r\n>");
		relay_gone(r, 1, 5 * S + 2); /* not a second time */
		pull(r, &l);
		assert_non_null(strstr(l.t, "502 Bad Gateway"));
		relay_free(r);
	}
}

static void nonsense_is_answered_with_400(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&off);
	IN(r, 0, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 0);
	pull(r, &l);
	assert_memory_equal(l.t, "[bad-message 0]<0 HTTP/1.1 400 Bad Request\r\n", 44);
	relay_free(r);
}

/* ---- running out of memory at every allocation must neither crash nor leak */
struct failing {
	int left;
	long live;
};
static void *fail_resize(void *ctx, void *p, size_t old, size_t n)
{
	struct failing *f = ctx;
	if (n > old && f->left-- <= 0)
		return NULL;
	f->live += (long)n - (long)old;
	return alloc_libc.resize(alloc_libc.ctx, p, old, n);
}

static void no_allocation_is_taken_for_granted(void **st)
{
	(void)st;
	starved = true;
	for (int k = 0; k < 240; k++) {
		struct failing f = {k / 4, 0};
		struct alloc al = {fail_resize, &f};
		struct relay_common common = {0};
		struct relay_cfg cfg = off;
		cfg.al = &al;
		cfg.buffering = k % 2 ? RELAY_BUFFER_PAGE : RELAY_BUFFER_OFF;
		cfg.page_octets = 20;
		cfg.common = k % 4 < 2 ? &common : NULL;
		struct log l;
		for (int n = 0; n < 2; n++) {
			struct relay *r = relay_new(&cfg);
			IN(r, 0, GET, 0);
			pull(r, &l);
			IN(r, 1, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\ndata: one\n\ndata: two\n\n", 1);
			pull(r, &l);
			relay_eof(r, 1, 2);
			pull(r, &l);
			relay_free(r);
		}
		relay_common_fini(&common, &al);
		assert_int_equal(f.live, 0);
	}
	starved = false;
}

/* ---- the watch */
static void a_watch_tells_units_with_their_ranges(void **st)
{
	(void)st;
	static const char up[] = GET;
	static const char down[] =
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
		"7\r\nid: 1\nd\r\n9\r\nata: x\n\n:\r\n2\r\n\n\n\r\n";
	for (size_t step = 1; step < sizeof down; step++) {
		struct watch *w = watch_new(&alloc_libc);
		struct watch_unit u;
		watch_feed(w, true, BYTES_LIT(GET));
		assert_true(watch_next(w, &u));
		assert_int_equal(u.kind, WATCH_REQUEST);
		assert_string_equal(u.text, "GET /events");
		assert_int_equal(u.len, sizeof up - 1);
		for (size_t i = 0; i < sizeof down - 1; i += step)
			watch_feed(w, false,
				(struct bytes){(const uint8_t *)down + i,
					i + step < sizeof down - 1 ? step : sizeof down - 1 - i});
		size_t head = (size_t)(strstr(down, "\r\n\r\n") + 4 - down);
		assert_true(watch_next(w, &u));
		assert_int_equal(u.kind, WATCH_RESPONSE);
		assert_int_equal(u.len, head);
		assert_true(watch_next(w, &u));
		assert_int_equal(u.kind, WATCH_EVENT);
		assert_int_equal(u.off, (size_t)(strstr(down, "id: 1") - down));
		assert_int_equal(u.off + u.len, (size_t)(strstr(down, "ata: x\n\n") + 8 - down));
		assert_string_equal(u.text, "message 1");
		assert_true(watch_next(w, &u));
		assert_int_equal(u.kind, WATCH_COMMENT);
		assert_false(watch_next(w, &u));
		watch_free(w);
	}
}

static void a_watch_follows_an_upgrade_into_frames(void **st)
{
	(void)st;
	static const char down[] = DOWN "\x81\x02hi\x89\x00";
	for (size_t step = 1; step < sizeof down; step++) {
		struct watch *w = watch_new(&alloc_libc);
		struct watch_unit u;
		watch_feed(w, true, BYTES_LIT(UP));
		for (size_t i = 0; i < sizeof down; i += step) /* its last octet, 0, is the ping's length */
			watch_feed(w, false,
				(struct bytes){(const uint8_t *)down + i,
					i + step < sizeof down - 1 ? step : sizeof down - 1 - i});
		watch_feed(w, true, (struct bytes){(const uint8_t *)"\x8a\x80zzzz", 6});
		assert_true(watch_next(w, &u) && u.kind == WATCH_REQUEST);
		assert_true(watch_next(w, &u) && u.kind == WATCH_RESPONSE);
		assert_string_equal(u.text, "101 Switching Protocols");
		assert_true(watch_next(w, &u) && u.kind == WATCH_FRAME);
		assert_string_equal(u.text, "text, 2 bytes");
		assert_int_equal(u.off, sizeof DOWN - 1);
		assert_int_equal(u.len, 4);
		assert_true(watch_next(w, &u) && u.kind == WATCH_FRAME);
		assert_string_equal(u.text, "ping, 0 bytes");
		assert_true(watch_next(w, &u) && u.kind == WATCH_FRAME && u.up);
		assert_int_equal(u.off, sizeof UP - 1);
		assert_string_equal(u.text, "pong, 0 bytes");
		assert_false(watch_next(w, &u));
		watch_free(w);
	}
}

/* ---- shared upstream connections --------------------------------------------------------------------------------- */

static const struct relay_cfg shared = {.al = &alloc_libc,
	.pseudonym = "edge",
	.read_timeout_ns = 60 * S,
	.keepalive_ns = 75 * S,
	.shared = true};

#define ASKED "<1 GET /events HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 edge\r\n\r\n>"

static void after_a_complete_answer_the_connection_is_given_back(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&shared);
	for (int64_t i = 0; i < 3; i++) {
		IN(r, 0, GET, i * S);
		pull(r, &l);
		assert_string_equal(l.t, "O" ASKED);
		IN(r, 1, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh", i * S + 1);
		pull(r, &l);
		assert_null(strstr(l.t, ">S"));
		IN(r, 1, "i", i * S + 2);
		pull(r, &l);
		assert_string_equal(l.t, "<0 i>S");
		assert_true(relay_wake_at(r) == i * S + 2 + 75 * S);
	}
	relay_eof(r, 0, 4 * S);
	pull(r, &l);
	assert_string_equal(l.t, "C0"); /* nothing of its own is left upstream */
	assert_true(relay_finished(r));
	relay_free(r);
}

static void a_connection_that_cannot_go_on_is_not_given_back(void **st)
{
	static const char *const answers[] = {
		"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n", "HTTP/1.0 204 No Content\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n", /* more than was asked for */
	};
	(void)st;
	struct log l;
	struct relay *r;
	for (size_t i = 0; i < 3; i++) {
		r = relay_new(&shared);
		IN(r, 0, GET, 0);
		pull(r, &l);
		IN(r, 1, answers[i], 1);
		pull(r, &l);
		assert_non_null(strstr(l.t, ">C1"));
		IN(r, 0, GET, 2);
		pull(r, &l);
		assert_string_equal(l.t, "O" ASKED);
		relay_free(r);
	}
	/* it says something while nobody asks */
	r = relay_new(&off);
	IN(r, 0, GET, 0);
	IN(r, 1, "HTTP/1.1 204 No Content\r\n\r\n", 1);
	pull(r, &l);
	IN(r, 1, "HTTP/1.1 200 OK\r\n", 2);
	IN(r, 1, "Content-Length: 0\r\n\r\n", 2);
	pull(r, &l);
	assert_string_equal(l.t, "C1");
	IN(r, 0, GET, 3);
	pull(r, &l);
	assert_string_equal(l.t, "O" ASKED);
	relay_free(r);
	/* the answer came before all of the request was sent */
	r = relay_new(&shared);
	IN(r, 0, "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123", 0);
	pull(r, &l);
	IN(r, 1, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n", 1);
	pull(r, &l);
	assert_null(strstr(l.t, ">S"));
	assert_non_null(strstr(l.t, "C1"));
	relay_free(r);
}

static void a_client_that_says_close_leaves_the_connection_to_others(void **st)
{
	(void)st;
	struct log l;
	struct relay *r = relay_new(&shared);
	IN(r, 0, "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 0);
	pull(r, &l);
	IN(r, 1, "HTTP/1.1 204 No Content\r\n\r\n", 1);
	pull(r, &l);
	assert_string_equal(l.t, "<0 HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n>SC0");
	relay_free(r);
}

static void only_what_is_idempotent_is_asked_again_and_only_once(void **st)
{
	static const struct {
		const char *request;
		bool again;
	} c[] = {
		{GET, true}, {"DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n", true},
		{"POST /x HTTP/1.1\r\nHost: a\r\n\r\n", false},
		{"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok",
			false}, /* its body is not kept */
	};
	(void)st;
	lends = true;
	for (size_t i = 0; i < 8; i++) {
		struct log l;
		struct relay *r = relay_new(&shared);
		bool gone = i >= 4;
		IN(r, 0, c[i % 4].request, 0);
		pull(r, &l);
		assert_memory_equal(l.t, "O<1 ", 4);
		for (int n = 0; n < 2; n++) {
			if (gone)
				relay_gone(r, 1, 1);
			else
				relay_eof(r, 1, 1);
			pull(r, &l);
			if (n == 0 && c[i % 4].again) {
				assert_memory_equal(l.t, gone ? "N<1 " : "C1N<1 ", gone ? 4 : 6);
				continue;
			}
			assert_non_null(strstr(l.t, "502 Bad Gateway"));
			break;
		}
		relay_free(r);
	}
	lends = false;
}

/* ---- what was passed on before ----------------------------------------------------------------------------------- */

/* The first octets written to a leg; NULL: nothing was. The caller takes over. */
static struct blob *written(struct relay *r)
{
	struct relay_out o;
	struct blob *b = NULL;
	while (relay_next(r, &o) != RELAY_IDLE) {
		if (o.kind != RELAY_WRITE)
			continue;
		if (!b)
			b = blob_ref(o.data.blob);
		blob_unref(o.data.blob);
	}
	return b;
}

static void equal_slices_are_passed_on_as_one_blob(void **st)
{
	static const char *const down[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
		"9\r\ndata: x\n\n\r\n",
	};
	(void)st;
	for (int anew = 0; anew < 2; anew++) {
		struct relay_common common = {.off = anew};
		struct relay_cfg cfg = shared;
		struct relay *r[3];
		struct blob *ask = blob_new(&alloc_libc, BYTES_LIT(GET)), *asked[3], *got[3];
		cfg.common = &common;
		for (int i = 0; i < 3; i++)
			r[i] = relay_new(&cfg);
		for (size_t what = 0; what < 2; what++) {
			for (int i = 0; i < 3; i++) {
				relay_data(r[i], 0, slice_of(ask), 1);
				asked[i] = written(r[i]);
				assert_non_null(asked[i]);
			}
			for (size_t part = what; part < what * 2 + 1; part++) {
				struct blob *answer = blob_new(&alloc_libc, bytes_str(down[part]));
				for (int i = 0; i < 3; i++) {
					relay_data(r[i], 1, slice_of(answer), 2);
					got[i] = written(r[i]);
					assert_non_null(got[i]);
				}
				for (int i = 0; i < 3; i++) {
					assert_true((got[i] == got[(i + 1) % 3]) == !anew);
					assert_true(bytes_eq(slice_bytes(slice_of(got[i])),
						slice_bytes(slice_of(got[0]))));
					if (i)
						blob_unref(got[i]);
				}
				blob_unref(got[0]);
				blob_unref(answer);
			}
			for (int i = 0; i < 3; i++) {
				assert_true((asked[i] == asked[(i + 1) % 3]) == !anew);
				if (i)
					blob_unref(asked[i]);
			}
			blob_unref(asked[0]);
		}
		for (int i = 0; i < 3; i++)
			relay_free(r[i]);
		relay_common_fini(&common, &alloc_libc);
		blob_unref(ask);
	}
}

#define HEAD_ "HTTP/1.1 200 OK\r\n"
static const char *const said[2][12] = {
	{GET, UP, "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /1 HTTP/1.0\r\n\r\n",
		"HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"GET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /4 HTT",
		"P/1.1\r\nHost: a\r\n\r\n", "\r\n", "\x81\x82zzzzhi"},
	{HEAD_ "Content-Length: 2\r\n\r\nhi", HEAD_ "Content-Length: 4\r\n\r\nhi", "hi",
		HEAD_ "Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n",
		"3\r\nabc\r\n0\r\n\r\n", HEAD_ "Connection: close\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
		DOWN, "HTTP/1.1 100 Continue\r\n\r\n",
		HEAD_ "X-Accel-Buffering: no\r\nContent-Length: 0\r\n\r\n"},
};

/* Relays that remember and relays that do not, given the same, say the same: any slice in any state. */
static void remembering_changes_nothing(void **st)
{
	static const uint8_t usual[][2] = {
		{0, 0}, {1, 0}, {0, 0}, {1, 3}, {1, 4}, {1, 4}, {1, 5}, {0, 5}, {1, 8}};
	struct blob *b[2][12];
	uint64_t x = 1;
	uint32_t spoke = 0;
	(void)st;
	starved = true; /* what one input puts in and lets out has no number yet */
	for (int leg = 0; leg < 2; leg++)
		for (int i = 0; i < 12; i++)
			b[leg][i] = blob_new(&alloc_libc, bytes_str(said[leg][i]));
	for (unsigned round = 0; round < 600; round++) {
		struct relay_common common[2] = {{.off = false}, {.off = true}};
		struct relay_cfg cfg[2] = {off, off};
		struct relay *r[2][4];
		for (int k = 0; k < 2; k++) {
			cfg[k].buffering =
				round % 8 ? RELAY_BUFFER_OFF : (enum relay_buffering)(round / 8 % 4);
			cfg[k].page_octets = 20;
			cfg[k].upgrade = (enum relay_upgrade)(round / 3 % 3);
			cfg[k].shared = round % 3;
			cfg[k].common = k || round % 5 ? &common[k] : NULL;
			for (int i = 0; i < 4; i++)
				r[k][i] = relay_new(&cfg[k]);
		}
		lends = round % 7 < 3;
		for (unsigned step = 0; step < 60; step++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			unsigned i = x >> 33 & 3, what = x >> 40 & 63, leg = x >> 50 & 1,
				 which = (x >> 52) % 12;
			const uint8_t *u = usual[step / 4 % 9]; /* mostly what is usual, in turn */
			int64_t now = (int64_t)step * S;
			struct log l[2];
			for (int k = 0; k < 2; k++) {
				if (what == 0)
					relay_eof(r[k][i], leg, now);
				else if (what == 1)
					relay_gone(r[k][i], leg, now);
				else if (what == 2)
					relay_time(r[k][i], relay_wake_at(r[k][i]));
				else if (what < 8)
					relay_data(r[k][i], leg, slice_of(b[leg][which]), now);
				else
					relay_data(r[k][step % 4], u[0], slice_of(b[u[0]][u[1]]), now);
				pull(r[k][what < 8 ? i : step % 4], &l[k]);
			}
			spoke += l[0].n > 0;
			assert_string_equal(l[0].t, l[1].t);
			for (int n = 0; n < 4; n++)
				assert_true(relay_wake_at(r[0][n]) == relay_wake_at(r[1][n]) &&
					    relay_finished(r[0][n]) == relay_finished(r[1][n]));
		}
		for (int k = 0; k < 2; k++) {
			for (int i = 0; i < 4; i++)
				relay_free(r[k][i]);
			relay_common_fini(&common[k], &alloc_libc);
		}
	}
	lends = starved = false;
	assert_true(spoke > 10000);
	for (int leg = 0; leg < 2; leg++)
		for (int i = 0; i < 12; i++)
			blob_unref(b[leg][i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_exchange_goes_through_and_the_connection_stays),
		cmocka_unit_test(a_request_cut_anywhere_is_the_same_request),
		cmocka_unit_test(pipelined_requests_are_answered_one_after_another),
		cmocka_unit_test(without_buffering_every_chunk_passes_at_once),
		cmocka_unit_test(a_page_buffer_keeps_head_and_events_until_a_page_is_full),
		cmocka_unit_test(x_accel_buffering_no_switches_the_page_buffer_off),
		cmocka_unit_test(a_scanner_passes_nothing_before_the_end),
		cmocka_unit_test(trickling_lets_one_octet_a_second_through),
		cmocka_unit_test(silence_from_upstream_becomes_504_or_a_cut),
		cmocka_unit_test(a_forwarded_upgrade_becomes_a_tunnel),
		cmocka_unit_test(an_upgrade_is_stripped_or_blocked_as_configured),
		cmocka_unit_test(either_side_going_away_ends_the_other),
		cmocka_unit_test(a_stale_upstream_connection_is_replaced_once),
		cmocka_unit_test(nonsense_is_answered_with_400),
		cmocka_unit_test(no_allocation_is_taken_for_granted),
		cmocka_unit_test(a_watch_tells_units_with_their_ranges),
		cmocka_unit_test(a_watch_follows_an_upgrade_into_frames),
		cmocka_unit_test(after_a_complete_answer_the_connection_is_given_back),
		cmocka_unit_test(a_connection_that_cannot_go_on_is_not_given_back),
		cmocka_unit_test(a_client_that_says_close_leaves_the_connection_to_others),
		cmocka_unit_test(only_what_is_idempotent_is_asked_again_and_only_once),
		cmocka_unit_test(equal_slices_are_passed_on_as_one_blob),
		cmocka_unit_test(remembering_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
