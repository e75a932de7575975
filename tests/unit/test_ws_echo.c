#define _GNU_SOURCE /* memmem */
/* The echoing WebSocket endpoint: two of them, and one against frames made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "proto/tech/ws_echo.h"

#define HELLO                                                                            \
	"GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" \
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void in(struct ws_echo *e, const void *p, size_t n)
{
	ws_echo_data(e, (struct bytes){p, n});
}

static void opened(struct ws_echo *e)
{
	ws_echo_init(e, &alloc_libc, WS_SERVER, 0);
	in(e, HELLO "\r\n", sizeof HELLO + 1);
	assert_int_equal(e->state, WS_ECHO_OPEN);
	assert_non_null(memmem(e->out.p, e->out.n, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28));
	buf_clear(&e->out);
}

static void expect(struct ws_echo *e, const void *p, size_t n)
{
	assert_int_equal(e->out.n, n);
	assert_memory_equal(e->out.p, p, n);
	buf_clear(&e->out);
}

static void a_message_comes_back_and_a_ping_is_ponged(void **st)
{
	(void)st;
	struct ws_echo e;
	opened(&e);
	in(&e, "\x81\x82\0\0\0\0hi", 8);
	expect(&e, "\x81\x02hi", 4);
	in(&e, "\x89\x81\1\1\1\1\x61", 7);
	expect(&e, "\x8a\x01\x60", 3);
	/* two fragments with a ping between them: the pong first, then the whole message */
	in(&e, "\x01\x81\0\0\0\0a\x89\x80\0\0\0\0\x80\x81\0\0\0\0b", 20);
	expect(&e,
		"\x8a\x00\x81\x02"
		"ab",
		6);
	in(&e, "\x88\x82\0\0\0\0\x03\xe8", 8);
	expect(&e, "\x88\x02\x03\xe8", 4);
	assert_int_equal(e.state, WS_ECHO_DONE);
	assert_int_equal(e.code, 1000);
	ws_echo_fini(&e);
}

static void a_broken_frame_is_answered_with_its_close_code(void **st)
{
	(void)st;
	static const struct {
		const char *octets;
		size_t n;
		unsigned code;
	} cases[] = {
		{"\x83", 1, 1002},                                      /* reserved opcode */
		{"\x81\x01", 2, 1002},                                  /* not masked */
		{"\x81\x81\0\0\0\0\xff", 7, 1007},                      /* not UTF-8 */
		{"\x80\x80\0\0\0\0", 6, 1002},                          /* nothing to continue */
		{"\x88\x81\0\0\0\0\x03", 7, 1002},                      /* half a close code */
		{"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10, 1009}, /* larger than any message may be */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ws_echo e;
		opened(&e);
		in(&e, cases[i].octets, cases[i].n);
		assert_true(e.out.n >= 4);
		assert_int_equal(e.out.p[0], 0x88);
		assert_int_equal(e.out.p[2] << 8 | e.out.p[3], cases[i].code);
		assert_int_equal(e.state, WS_ECHO_DONE);
		ws_echo_fini(&e);
	}
}

static void what_is_no_handshake_is_refused_with_a_status(void **st)
{
	(void)st;
	struct ws_echo e;
	ws_echo_init(&e, &alloc_libc, WS_SERVER, 0);
	in(&e, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
	assert_int_equal(e.state, WS_ECHO_DONE);
	assert_memory_equal(e.out.p, "HTTP/1.1 4", 10);
	ws_echo_fini(&e);
	ws_echo_init(&e, &alloc_libc, WS_CLIENT, 1);
	ws_echo_start(&e, BYTES_LIT("/"), BYTES_LIT("a"));
	in(&e, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 45);
	assert_int_equal(e.state, WS_ECHO_DONE);
	assert_non_null(e.err.what);
	ws_echo_fini(&e);
}

/* Octets of one are handed to the other in pieces of `step`. */
static void pass(struct ws_echo *from, struct ws_echo *to, size_t step)
{
	struct buf b = from->out;
	buf_init(&from->out, from->al, WS_ECHO_OUT_MAX);
	for (size_t i = 0; i < b.n; i += step)
		in(to, b.p + i, b.n - i < step ? b.n - i : step);
	buf_fini(&b);
}

static void client_and_server_agree_on_compression_whatever_the_cuts(void **st)
{
	(void)st;
	for (size_t step = 1; step < 300; step += 37) {
		struct ws_echo c, s;
		ws_echo_init(&c, &alloc_libc, WS_CLIENT, 42);
		ws_echo_init(&s, &alloc_libc, WS_SERVER, 0);
		ws_echo_start(&c, BYTES_LIT("/"), BYTES_LIT("a"));
		pass(&c, &s, step);
		/* the server speaks first: one message, which then goes to and fro */
		struct buf z;
		buf_init(&z, &alloc_libc, 1 << 16);
		assert_true(s.pmd_on);
		assert_true(ws_deflate(s.zout, BYTES_LIT("to and fro, to and fro, to and fro"), &z));
		ws_put_frame(&s.out, true, 4, WS_TEXT, buf_bytes(&z), NULL);
		buf_fini(&z);
		for (int i = 0; i < 20; i++) {
			pass(&s, &c, step);
			pass(&c, &s, step);
		}
		assert_true(c.pmd_on);
		assert_int_equal(c.messages, 20);
		assert_int_equal(s.messages, 20);
		assert_null(c.err.what);
		assert_null(s.err.what);
		ws_echo_fini(&c);
		ws_echo_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_comes_back_and_a_ping_is_ponged),
		cmocka_unit_test(a_broken_frame_is_answered_with_its_close_code),
		cmocka_unit_test(what_is_no_handshake_is_refused_with_a_status),
		cmocka_unit_test(client_and_server_agree_on_compression_whatever_the_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
