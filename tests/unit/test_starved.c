/*
 * Memory runs out at every allocation there is, once or for good: nothing crashes, nothing leaks, and what says that it worked did.
 * Decoders alone are in tests/prop; here are encoders, handshakes, compressors and the endpoints that put them together.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/engineio/server.h"
#include "proto/graphql_ws/server.h"
#include "proto/grpc/grpc.h"
#include "proto/http1/h1_content.h"
#include "proto/resp/resp.h"
#include "proto/socketio/server.h"
#include "proto/tech/watch.h"
#include "proto/tech/ws_echo.h"
#include "proto/ws/handshake.h"
#include "tests/support/codec_kit.h"

/* A story is told with an allocator; true: everything in it worked. */
typedef bool story(const struct alloc *al);

static bool http1_messages(const struct alloc *al)
{
	struct buf b;
	struct h1_field t = {.name = BYTES_LIT("Digest"), .value = BYTES_LIT("x")};
	char value[600];
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	buf_init(&b, al, SIZE_MAX);
	h1_put_request_line(&b, BYTES_LIT("PUT"), BYTES_LIT("/a"));
	h1_put_field_str(&b, "Host", "x");
	h1_put_field_str(&b, "A", value);
	h1_put_field_str(&b, "Transfer-Encoding", "chunked");
	h1_put_end(&b);
	h1_put_chunk(&b, bytes_str(value), BYTES_LIT(";a=b"));
	h1_put_last_chunk(&b, &t, 1);
	h1_put_status_line(&b, 200, NULL);
	h1_put_field_dec(&b, "Content-Length", 12345);
	h1_put_end(&b);
	bool ok = !b.failed;
	buf_fini(&b);
	return ok;
}

static bool http1_content(const struct alloc *al)
{
	static const char *const codings[] = {"gzip", "deflate", "deflate, identity, deflate"};
	static const char *const hex[] = {
		"1f8b08000000000000ffcb48cdc9c9070086a6103605000000", "cb48cdc9c90700", "cb48cdc9c90700"};
	bool ok = true;
	for (size_t i = 0; i < 3; i++) {
		struct buf in, out;
		buf_init(&in, &alloc_libc, SIZE_MAX);
		buf_init(&out, al, SIZE_MAX);
		assert_true(hex_get(&in, bytes_str(hex[i])));
		enum h1_content r = h1_content_decode(al, bytes_str(codings[i]), buf_bytes(&in), 100, &out);
		ok &= r != H1_CONTENT_MEMORY && !out.failed;
		buf_fini(&in);
		buf_fini(&out);
	}
	return ok;
}

static bool event_streams(const struct alloc *al)
{
	struct buf b;
	buf_init(&b, al, SIZE_MAX);
	sse_put_retry(&b, 1500);
	sse_put_comment(&b, BYTES_LIT("still here"));
	for (int i = 0; i < 20; i++)
		sse_put_event(&b, BYTES_LIT("news"), BYTES_LIT("17"), BYTES_LIT("one\ntwo\r\nthree\rfour"));
	bool ok = !b.failed;
	buf_fini(&b);
	return ok;
}

static bool ws_frames(const struct alloc *al)
{
	static const uint8_t key[4] = {1, 2, 3, 4}, text[300];
	struct buf b;
	buf_init(&b, al, SIZE_MAX);
	ws_put_message(&b, WS_BINARY, (struct bytes){text, sizeof text}, key);
	ws_put_frame(&b, false, 0, WS_TEXT, BYTES_LIT("frag"), NULL);
	ws_put_close(&b, 1000, BYTES_LIT("done"), key);
	bool ok = !b.failed;
	buf_fini(&b);
	return ok;
}

/* Two compressed messages there, decompressed here. */
static bool ws_compression(const struct alloc *al)
{
	const struct ws_pmd pmd = {.on = true, .window_bits = 10};
	struct ws_deflate *z = ws_deflate_new(al, &pmd, 6);
	struct ws_dec d;
	struct ws_ev ev;
	struct buf payload, wire;
	uint8_t text[2000];
	bool ok = z != NULL;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i * i >> 5);
	ws_dec_init(&d, al, WS_CLIENT, NULL, &pmd);
	for (int i = 0; ok && i < 2; i++) {
		buf_init(&payload, al, SIZE_MAX);
		buf_init(&wire, &alloc_libc, SIZE_MAX);
		ok = ws_deflate(z, (struct bytes){text, sizeof text}, &payload);
		ws_put_frame(&wire, true, 4, WS_BINARY, buf_bytes(&payload), NULL);
		enum ws_ev_kind k = WS_NEED;
		if (ok) {
			ws_dec_feed(&d, buf_bytes(&wire));
			while ((k = ws_dec_next(&d, &ev)) == WS_FRAME)
				;
			ok = k == WS_MESSAGE;
			assert_true(ok ? ev.data.n == sizeof text : ws_dec_err(&d) == WS_E_MEMORY);
			while (ok && ws_dec_next(&d, &ev) != WS_NEED)
				;
		}
		buf_fini(&payload);
		buf_fini(&wire);
	}
	ws_dec_fini(&d);
	ws_deflate_free(z);
	return ok;
}

static void ferry(struct ws_echo *from, struct ws_echo *to)
{
	struct buf copy;
	buf_init(&copy, &alloc_libc, SIZE_MAX);
	buf_add(&copy, buf_bytes(&from->out));
	buf_clear(&from->out);
	if (copy.n > 0)
		ws_echo_data(to, buf_bytes(&copy));
	buf_fini(&copy);
}

/* Both roles, the handshake with permessage-deflate, one message that goes to and fro. */
static bool ws_endpoints(const struct alloc *al)
{
	struct ws_echo c, s;
	ws_echo_init(&c, al, WS_CLIENT, 1);
	ws_echo_init(&s, al, WS_SERVER, 0);
	ws_echo_start(&c, BYTES_LIT("/"), BYTES_LIT("x"));
	ferry(&c, &s);
	ferry(&s, &c);
	bool ok = c.state == WS_ECHO_OPEN && s.state == WS_ECHO_OPEN;
	if (ok) {
		ws_put_message(&s.out, WS_TEXT, BYTES_LIT("back and forth, back and forth"), NULL);
		for (int i = 0; i < 3; i++) {
			ferry(&s, &c);
			ferry(&c, &s);
		}
	}
	ok = ok && c.err.what == NULL && s.err.what == NULL && !c.out.failed && !s.out.failed;
	assert_true(!ok || (c.messages == 3 && s.messages == 3));
	ws_echo_eof(&c);
	ws_echo_eof(&s);
	ws_echo_fini(&c);
	ws_echo_fini(&s);
	return ok;
}

static bool engineio_payloads(const struct alloc *al)
{
	struct eio_dec d;
	struct eio_packet p;
	struct buf out;
	int r = 0;
	buf_init(&out, al, SIZE_MAX);
	eio_dec_init(&d, al, 1000);
	bool ok = eio_dec_feed(&d, BYTES_LIT("4hello\x1e"
					     "bAQIDBA\x1e"));
	ok = ok && eio_dec_feed(&d, BYTES_LIT("6"));
	while (ok && (r = eio_dec_next(&d, true, &p)) == 1)
		eio_packet_write(&out, &p);
	assert_true(r >= 0 || d.error == EIO_OOM);
	ok = ok && r == 0 && !out.failed;
	eio_dec_fini(&d);
	buf_fini(&out);
	return ok;
}

static void eio_drain(struct eio_server *s)
{
	struct eio_out o;
	while (eio_server_next(s, &o))
		;
}

/* Polling with data both ways, the upgrade with data waiting, a session that times out and one that is closed. */
static bool engineio_sessions(const struct alloc *al)
{
	struct eio_server s;
	char query[100], sid[EIO_SID_LEN + 1];
	eio_server_init(&s, al, eio_server_cfg_default());
	const struct bytes get = BYTES_LIT("GET"), post = BYTES_LIT("POST");
	eio_server_request(&s, 1, get, BYTES_LIT("EIO=4&transport=polling"), BYTES_NONE, 0);
	eio_drain(&s);
	snprintf(sid, sizeof sid, "%s", eio_server_sid(&s, 1) ? eio_server_sid(&s, 1) : "none");
	snprintf(query, sizeof query, "EIO=4&transport=polling&sid=%s", sid);
	eio_server_request(&s, 2, get, bytes_str(query), BYTES_NONE, 1);
	eio_server_request(&s, 3, post, bytes_str(query),
		BYTES_LIT("4hi\x1e"
			  "bAQID"),
		2);
	eio_server_send(&s, 1, BYTES_LIT("text"), false);
	eio_server_send(&s, 1, BYTES_LIT("octets"), true);
	eio_drain(&s);
	snprintf(query, sizeof query, "EIO=4&transport=websocket&sid=%s", sid);
	eio_server_ws_open(&s, 9, bytes_str(query), 3);
	eio_server_ws_message(&s, 9, BYTES_LIT("2probe"), false, 4);
	eio_server_send(&s, 1, BYTES_LIT("waits"), false);
	eio_server_ws_message(&s, 9, BYTES_LIT("5"), false, 5);
	eio_server_ws_message(&s, 9, BYTES_LIT("4bye"), false, 6);
	eio_server_ws_open(&s, 10, BYTES_LIT("EIO=4&transport=websocket"), 7);
	eio_server_ws_message(&s, 10, BYTES_LIT("\x01\x02"), true, 8);
	eio_server_close(&s, 2);
	eio_server_time(&s, 26000000000);
	eio_server_time(&s, 60000000000);
	eio_drain(&s);
	bool ok = !s.oom;
	eio_server_fini(&s);
	return ok;
}

static bool socketio_packets(const struct alloc *al)
{
	struct sio_dec d;
	sio_dec_init(&d, al);
	int r = sio_dec_text(&d,
		BYTES_LIT("52-/"
			  "a,7[\"x\",{\"_placeholder\":true,\"num\":1},{\"_placeholder\":true,\"num\":0}]"));
	for (int i = 0; r == 0 && i < 2; i++)
		r = sio_dec_binary(&d, BYTES_LIT("\x01\x02\x03"));
	if (r == 1)
		r = sio_dec_text(&d, BYTES_LIT("2[\"plain\",{\"a\":[1,2,3,[4,[5,{}]]]}]"));
	assert_true(r == 1 || d.err.code == -1);
	sio_dec_fini(&d);
	return r == 1;
}

/* Two namespaces, an event with attachments that is answered with attachments, a departure. */
static bool socketio_sessions(const struct alloc *al)
{
	static const char *const namespaces[] = {"/", "/chat", NULL};
	struct sio_session s;
	struct bytes data;
	bool binary;
	sio_session_init(&s, al, (struct sio_server_cfg){namespaces, 1000, 1}, 0);
	bool ok = sio_session_message(&s, BYTES_LIT("0"), false);
	ok &= sio_session_message(&s, BYTES_LIT("0/chat,{\"token\":1}"), false);
	ok &= sio_session_message(&s, BYTES_LIT("0/none,"), false);
	ok &= sio_session_message(
		&s, BYTES_LIT("51-/chat,3[\"a\",{\"_placeholder\":true,\"num\":0}]"), false);
	ok &= sio_session_message(&s, BYTES_LIT("octets"), true);
	struct blob *b = blob_new(&alloc_libc, BYTES_LIT("answer"));
	struct slice one = slice_of(b);
	ok &= sio_session_ack(
		&s, BYTES_LIT("/chat"), 3, BYTES_LIT("[{\"_placeholder\":true,\"num\":0}]"), &one, 1);
	ok &= sio_session_emit(&s, BYTES_LIT("/"), BYTES_LIT("[\"b\"]"), NULL, 0);
	sio_session_disconnect(&s, BYTES_LIT("/chat"));
	while (sio_session_next(&s, &data, &binary))
		;
	ok &= !s.oom && !s.closed;
	blob_unref(b);
	sio_session_fini(&s);
	return ok;
}

static const struct gql_schema *schema(void)
{
	static struct gql_schema s;
	struct perr err;
	assert_true(gql_schema_read(&s,
		BYTES_LIT("type Query{a:String} type Subscription{s:String}; a -> \"x\"; s -> 1, 2, 3"),
		&err));
	return &s;
}

static bool graphql_sockets(const struct alloc *al)
{
	static const char *const says[] = {"{\"type\":\"connection_init\",\"payload\":{\"a\":[1,2]}}",
		"{\"type\":\"ping\",\"payload\":{\"n\":1}}",
		"{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"subscription{s}\"}}",
		"{\"type\":\"subscribe\",\"id\":\"2\",\"payload\":{\"query\":\"query Q{...F x:a} fragment F "
		"on "
		"Query{a}\",\"operationName\":\"Q\"}}",
		"{\"type\":\"subscribe\",\"id\":\"3\",\"payload\":{\"query\":\"{nope\"}}",
		"{\"type\":\"complete\",\"id\":\"1\"}",
		"{\"type\":\"subscribe\",\"id\":\"4\",\"payload\":{\"query\":\"subscription{s}\"}}",
		"{\"type\":\"subscribe\",\"id\":\"4\",\"payload\":{\"query\":\"subscription{s}\"}}"};
	struct gqlws_server s;
	struct gqlws_out out;
	bool ok = true;
	gqlws_server_init(&s, al, schema(), (struct gqlws_server_cfg){1000, 40}, true, 0);
	for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
		ok &= gqlws_server_text(&s, bytes_str(says[i]), (int64_t)i);
		ok &= gqlws_server_time(&s, (int64_t)i * 11);
		while (gqlws_server_next(&s, &out))
			;
	}
	assert_true(!ok || s.state == GQLWS_CLOSED);
	gqlws_server_fini(&s);
	return ok;
}

static bool small_writers(const struct alloc *al)
{
	struct buf b;
	const struct bytes words[] = {BYTES_LIT("SUBSCRIBE"), BYTES_LIT("news")};
	buf_init(&b, al, SIZE_MAX);
	grpc_write(&b, true, BYTES_LIT("message"));
	grpc_message_encode(&b, BYTES_LIT("100 % \xe2\x82\xac"));
	grpc_message_decode(&b, BYTES_LIT("%E2%82%AC"));
	grpc_timeout_write(&b, 1500000000);
	resp_write_command(&b, words, 2);
	resp_write_message(&b, true, words[1], words[0]);
	resp_write_int(&b, INT64_MIN);
	gqlsse_write(&b, GQLWS_NEXT, BYTES_LIT("{\"data\":{}}"));
	bool ok = !b.failed;
	buf_fini(&b);
	return ok;
}

/* The watcher tells what passes on a connection; what it cannot remember it leaves out. */
static bool watching(const struct alloc *al)
{
	struct watch *w = watch_new(al);
	struct watch_unit u;
	if (w == NULL)
		return false;
	watch_feed(w, true, BYTES_LIT("GET /e HTTP/1.1\r\nHost: x\r\n\r\n"));
	watch_feed(w, false,
		BYTES_LIT("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: c\n\nid: 1\ndata"));
	watch_feed(w, false, BYTES_LIT(": x\n\n"));
	unsigned n = 0;
	while (watch_next(w, &u))
		n += u.kind != WATCH_ERROR;
	watch_free(w);
	return n >= 3;
}

/* Runs a story with less and less memory missing. */
static void starve(story *tell)
{
	for (int for_ever = 0; for_ever < 2; for_ever++) {
		unsigned fail_at = 0, calls;
		do {
			struct counting c;
			counting_init(&c, fail_at, for_ever);
			bool ok = tell(&c.al);
			calls = c.calls;
			assert_int_equal(c.live, 0);
			if (fail_at == 0 || fail_at > calls)
				assert_true(ok);
			fail_at++;
		} while (fail_at <= calls + 1 && fail_at < 3000);
		assert_in_range(fail_at, 3, 2999);
	}
}

#define STORY(name)                              \
	static void starved_##name(void **state) \
	{                                        \
		(void)state;                     \
		starve(name);                    \
	}
STORY(http1_messages)
STORY(http1_content)
STORY(event_streams)
STORY(ws_frames)
STORY(ws_compression)
STORY(ws_endpoints)
STORY(engineio_payloads)
STORY(engineio_sessions)
STORY(socketio_packets)
STORY(socketio_sessions)
STORY(graphql_sockets)
STORY(small_writers)
STORY(watching)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starved_http1_messages),
		cmocka_unit_test(starved_http1_content),
		cmocka_unit_test(starved_event_streams),
		cmocka_unit_test(starved_ws_frames),
		cmocka_unit_test(starved_ws_compression),
		cmocka_unit_test(starved_ws_endpoints),
		cmocka_unit_test(starved_engineio_payloads),
		cmocka_unit_test(starved_engineio_sessions),
		cmocka_unit_test(starved_socketio_packets),
		cmocka_unit_test(starved_socketio_sessions),
		cmocka_unit_test(starved_graphql_sockets),
		cmocka_unit_test(starved_small_writers),
		cmocka_unit_test(starved_watching),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
