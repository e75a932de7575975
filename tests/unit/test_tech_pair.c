/* The four techniques, both ends against each other: every message, whatever the cuts; memory; sizes; WebSocket's life. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/alloc_probe.h"
#include "tests/support/tech_pair.h"

static void every_technique_carries_every_message_whatever_the_cuts(void **st)
{
	static const size_t steps[] = {1, 2, 3, 7, 64, 100000};
	(void)st;
	for (int kind = 0; kind < (int)TECH_KINDS; kind++)
		for (size_t i = 0; i < 6; i++) {
			struct pair p = {.o = options()};
			p.o.headers.kind = i & 1 ? TECH_HEADERS_BROWSER : TECH_HEADERS_CURL;
			pair_init(&p, &alloc_libc, (enum tech_kind)kind);
			publish(&p, 1); /* before anybody asked: found in the history */
			pair_connect(&p);
			settle(&p, steps[i]);
			for (uint64_t id = 2; id < 20; id++) {
				publish(&p, id);
				if (id % 3 == 0)
					publish(&p, ++id);
				settle(&p, steps[i]);
				if (kind == TECH_POLLING) {
					kit_wake(&p.c);
					p.now = p.c.now;
					settle(&p, steps[i]);
				}
			}
			assert_true(p.c.ngot >= 19);
			for (size_t g = 0; g < p.c.ngot; g++)
				assert_true(p.c.got[g] == g + 1);
			pair_end(&p);
		}
}

static void memory_may_run_out_anywhere(void **st)
{
	(void)st;
	for (int kind = 0; kind < (int)TECH_KINDS; kind++)
		for (size_t n = 1; n < 2000; n++) {
			struct alloc_probe probe;
			struct pair p = {.o = options()};
			alloc_probe_arm(&probe, n);
			pair_init(&p, &probe.al, (enum tech_kind)kind);
			publish(&p, 1);
			pair_connect(&p);
			settle(&p, 50);
			publish(&p, 2);
			settle(&p, 50);
			kit_wake(&p.c);
			settle(&p, 50);
			pair_end(&p);
			assert_int_equal(probe.live, 0);
			if (!probe.failed)
				break;
			assert_true(n < 1999);
		}
}

static void a_broadcast_is_encoded_once(void **st)
{
	(void)st;
	for (int kind = TECH_LONG_POLLING; kind < (int)TECH_KINDS; kind++) {
		struct pair p = {.o = options()};
		struct kit second;
		pair_init(&p, &alloc_libc, (enum tech_kind)kind);
		pair_connect(&p);
		struct blob *request = p.c.last;
		settle(&p, 100000);
		kit_client(&second, &p.site[0], 0);
		kit_up(&second);
		if (kind != TECH_WEBSOCKET) /* a handshake has a key of its own */
			assert_ptr_equal(second.last, request);
		struct kit other;
		kit_server(&other, &p.srv);
		kit_data(&other, buf_bytes(&second.wrote));
		struct tech_msg *m = tech_msg_new(&alloc_libc, "news", 1, 1, 92);
		struct tech_out o;
		struct blob *blob[2] = {NULL, NULL};
		size_t n = 0;
		tech_server_publish(&p.srv, m);
		while (tech_server_fan(&p.srv, 0, &p.s.q))
			while (tech_next(&p.s.q, &o))
				if (o.kind == TECH_OUT_WRITE) {
					blob[n++] = o.data.blob;
					assert_true(o.id == 1 && o.n_msgs == 1);
					blob_unref(o.data.blob);
				}
		assert_int_equal(n, 2);
		assert_ptr_equal(blob[0], blob[1]);
		tech_msg_unref(m);
		kit_end(&second);
		kit_end(&other);
		pair_end(&p);
	}
}

/* ---- WebSocket --------------------------------------------------------------------------------------------------- */

static void open_ws(struct pair *p, struct tech_opts o)
{
	p->o = o;
	pair_init(p, &alloc_libc, TECH_WEBSOCKET);
	pair_connect(p);
	settle(p, 100000);
	assert_string_equal(p->c.log, "unit response 0+129; connected; ws-open; ");
}

static void pings_are_ponged_and_silence_is_death(void **st)
{
	struct tech_opts o = options();
	struct pair p = {0};
	(void)st;
	o.heartbeat_ns = 25 * S;
	open_ws(&p, o);
	kit_wake(&p.s);
	assert_true(p.s.now == 25 * S);
	assert_string_equal(p.s.log, "beat; write frame ping; ");
	p.now = p.s.now;
	settle(&p, 1);
	assert_non_null(strstr(p.c.log, "write frame pong, masked; "));
	assert_true(tech_conn_wake_at(&p.s.s) == 50 * S);
	kit_wake(&p.s);
	assert_true(tech_conn_wake_at(&p.s.s) == 70 * S); /* 20 s after the second ping */
	kit_wake(&p.s);
	assert_string_equal(p.s.log, "beat-timeout; abort; ");
	pair_end(&p);
}

static void a_page_beats_with_a_message_of_its_own(void **st)
{
	struct tech_opts o = options();
	struct pair p = {0};
	(void)st;
	o.heartbeat_ns = 25 * S;
	o.heartbeat_from = TECH_FROM_CLIENT;
	open_ws(&p, o);
	assert_true(tech_conn_wake_at(&p.s.s) == TECH_NEVER);
	kit_wake(&p.c);
	assert_string_equal(p.c.log, "beat; write frame text, 15 bytes, masked; ");
	p.now = p.c.now;
	settle(&p, 100000);
	assert_true(tech_client_wake_at(&p.c.c) == 50 * S); /* answered */
	kit_wake(&p.c);
	kit_wake(&p.c);
	assert_true(p.c.now == 70 * S);
	assert_non_null(strstr(p.c.log, "beat-timeout; abort; disconnect; wait "));
	pair_end(&p);
}

static void closing_is_answered_and_broken_frames_end_it(void **st)
{
	struct pair p = {0};
	(void)st;
	open_ws(&p, options());
	kit_text(&p.c, "\x88\x02\x03\xe9"); /* 1001 */
	assert_non_null(
		strstr(p.c.log, "write frame close, 2 bytes, masked, code 1001; close; disconnect; wait "));
	settle(&p, 100000);
	assert_string_equal(p.s.log, "unit frame 160+8; write frame close, 2 bytes, code 1001; close; ");
	pair_end(&p);
	open_ws(&p, options());
	kit_text(&p.c, "\x83\x01x"); /* a reserved opcode */
	assert_non_null(strstr(
		p.c.log, "ws-error; write frame close, 2 bytes, masked, code 1002; close; disconnect; "));
	kit_text(&p.s, "\x81\x01x"); /* a client's frame must be masked */
	assert_string_equal(p.s.log, "ws-error; write frame close, 2 bytes, code 1002; close; ");
	pair_end(&p);
}

static void what_is_not_a_handshake_is_refused(void **st)
{
	struct pair p = {.o = options()};
	(void)st;
	pair_init(&p, &alloc_libc, TECH_WEBSOCKET);
	kit_client(&p.c, &p.site[0], 0);
	kit_server(&p.s, &p.srv);
	kit_text(&p.s, "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(p.s.log, "write response 426 Upgrade Required"));
	assert_non_null(strstr(p.s.log, "close; "));
	kit_up(&p.c);
	kit_text(&p.c, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n");
	assert_non_null(strstr(p.c.log, "ws-error; close; connect-fail; wait "));
	kit_wake(&p.c);
	kit_up(&p.c);
	kit_text(&p.c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		       "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n");
	assert_non_null(strstr(p.c.log, "ws-error; close; connect-fail; wait "));
	pair_end(&p);
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static void heads_have_the_sizes_browsers_give_them(void **st)
{
	struct tech_opts o = options();
	o.headers.kind = TECH_HEADERS_BROWSER;
	(void)st;
	for (int kind = 0; kind < (int)TECH_KINDS; kind++) {
		struct pair p = {.o = o};
		pair_init(&p, &alloc_libc, (enum tech_kind)kind);
		p.srv.keepalive_ns = 75 * S;
		pair_connect(&p);
		size_t request = p.c.wrote.n;
		kit_data(&p.s, buf_bytes(&p.c.wrote));
		size_t response = p.s.wrote.n;
		buf_u8(&p.s.wrote, 0);
		if (kind == TECH_POLLING) {
			assert_in_range(request, 500, 600);            /* SZ-01: 550 */
			assert_in_range(response, 336 - 20, 336 + 35); /* SZ-02: 336, and 15 of body */
			assert_non_null(
				strstr((char *)p.s.wrote.p, "\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"));
			assert_non_null(strstr((char *)p.s.wrote.p, "\r\nKeep-Alive: timeout=75\r\n"));
		} else if (kind == TECH_SSE) {
			assert_in_range(request, 500, 600);
			assert_in_range(response, 185, 224); /* SZ-13: 204 */
		} else if (kind == TECH_WEBSOCKET) {
			assert_in_range(request, 477, 600); /* SZ-10: 577, 487 recorded without a cookie */
			assert_int_equal(response, 129);
		}
		pair_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_technique_carries_every_message_whatever_the_cuts),
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(a_broadcast_is_encoded_once),
		cmocka_unit_test(pings_are_ponged_and_silence_is_death),
		cmocka_unit_test(a_page_beats_with_a_message_of_its_own),
		cmocka_unit_test(closing_is_answered_and_broken_frames_end_it),
		cmocka_unit_test(what_is_not_a_handshake_is_refused),
		cmocka_unit_test(heads_have_the_sizes_browsers_give_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
