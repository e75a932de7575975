/* The four techniques, both ends, input by input; then both ends against each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/alloc_probe.h"
#include "tests/support/tech_kit.h"

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)

static struct tech_opts options(void)
{
	return (struct tech_opts){.interval_ns = 5 * S,
		.hold_ns = 30 * S,
		.heartbeat_timeout_ns = 20 * S,
		.resume = true,
		.keepalive_conn = true,
		.headers = {.kind = TECH_HEADERS_MINIMAL}};
}

static struct tech_site site(enum tech_kind kind, const struct tech_opts *o)
{
	struct tech_site s;
	tech_site_init(&s, &alloc_libc, kind, o, NULL, "app.example");
	return s;
}

#define EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}"
#define ONE "HTTP/1.1 200 OK\r\nContent-Length: 34\r\n\r\n{\"messages\":[{\"id\":4,\"news\":1  }]}"
#define TWO                                                                                  \
	"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"messages\":[{\"id\":4,\"news\":1  " \
	"},{\"id\":5,\"x\":\"\",}]}"

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static void a_message_has_exactly_its_size_and_says_who_it_is(void **st)
{
	(void)st;
	for (uint32_t size = 17; size < 400; size++) {
		struct tech_msg *m = tech_msg_new(&alloc_libc, "news", 123, 45, size);
		struct bytes b = slice_bytes(slice_of(m->payload));
		struct tech_ident id;
		assert_int_equal(b.n, size < 20 ? 20 : size);
		assert_true(tech_ident_read(b, &id));
		assert_true(id.id == 123 && id.n == 45 && bytes_eq_str(id.name, "news"));
		assert_true(b.p[0] == '{' && b.p[b.n - 1] == '}');
		tech_msg_unref(m);
	}
}

static void what_is_not_ours_is_no_message(void **st)
{
	static const char *const bad[] = {"", "{", "{}", "[]", "{\"id\":}", "{\"id\":0,\"a\":1}",
		"{\"id\":1}", "{\"id\":1,\"\":1}", "{\"id\":1,\"a\":}", "{\"id\":1,\"a\":1", "{\"id\":1,\"a",
		"{\"id\":1,\"a\\\":1}", "{\"type\":\"ping\"}", "{\"id\":-1,\"a\":1}"};
	(void)st;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct tech_ident id;
		assert_false(tech_ident_read(bytes_str(bad[i]), &id));
	}
}

static void a_list_is_read_object_by_object(void **st)
{
	struct bytes rest = BYTES_LIT("{\"messages\":[{\"a\":{\"b\":\"}\\\"{\"}},{},{\"c\":1}]}"), b;
	(void)st;
	assert_true(tech_list_next(&rest, &b) && bytes_eq_str(b, "{\"a\":{\"b\":\"}\\\"{\"}}"));
	assert_true(tech_list_next(&rest, &b) && bytes_eq_str(b, "{}"));
	assert_true(tech_list_next(&rest, &b) && bytes_eq_str(b, "{\"c\":1}"));
	assert_false(tech_list_next(&rest, &b));
	rest = BYTES_LIT("{\"messages\":[{\"a\":1");
	assert_false(tech_list_next(&rest, &b)); /* does not end */
}

/* ---- polling, client --------------------------------------------------------------------------------------------- */

static void a_poll_is_asked_and_answered_and_asked_again_after_the_interval(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_POLLING, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 3);
	assert_string_equal(k.log, "try; open; ");
	k.now = 60 * MS;
	kit_up(&k);
	assert_string_equal(k.log, "write request GET /poll?since=3; ");
	assert_true(
		bytes_eq_str(buf_bytes(&k.wrote), "GET /poll?since=3 HTTP/1.1\r\nHost: app.example\r\n\r\n"));
	k.now = 120 * MS;
	kit_text(&k, EMPTY);
	assert_string_equal(k.log, "unit response 0+54; connected; ");
	assert_true(tech_client_wake_at(&k.c) == 5 * S); /* from request to request, from its start */
	kit_wake(&k);
	assert_string_equal(k.log, "poll-due; write request GET /poll?since=3; ");
	kit_text(&k, TWO);
	assert_string_equal(k.log, "unit response 54+89; message 4; ");
	kit_wake(&k);
	assert_string_equal(k.log, "poll-due; write request GET /poll?since=4; ");
	assert_true(k.now == 10 * S);
	kit_end(&k);
	tech_site_fini(&s);
}

static void a_tick_that_finds_the_answer_outstanding_is_skipped(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_POLLING, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 0);
	kit_up(&k);
	kit_wake(&k);
	assert_true(k.now == 5 * S);
	assert_string_equal(k.log, "poll-due; ");
	kit_wake(&k);
	kit_wake(&k);
	kit_wake(&k); /* at 20 s the answer is given up */
	assert_true(k.now == 20 * S);
	assert_string_equal(k.log, "request-timeout; abort; connect-fail; poll-due; try; open; ");
	kit_end(&k);
	tech_site_fini(&s);
}

static void a_stale_connection_is_replaced_once_without_a_word(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_POLLING, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 0);
	kit_up(&k);
	kit_text(&k, EMPTY);
	kit_wake(&k);
	kit_reset(&k, TECH_WHY_RESET); /* the server had closed it meanwhile */
	assert_string_equal(k.log, "open; ");
	kit_up(&k);
	assert_string_equal(k.log, "write request GET /poll?since=0; ");
	kit_eof(&k); /* the new one too: now it is a failure */
	assert_string_equal(k.log, "close; disconnect; ");
	kit_wake(&k);
	assert_string_equal(k.log, "poll-due; try; open; ");
	kit_end(&k);
	tech_site_fini(&s);
}

static void an_idle_connection_may_be_closed_without_anybody_caring(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_POLLING, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 0);
	kit_up(&k);
	kit_text(&k, EMPTY);
	kit_eof(&k);
	assert_string_equal(k.log, "close; ");
	kit_wake(&k);
	assert_string_equal(k.log, "poll-due; open; ");
	kit_up(&k);
	assert_string_equal(k.log, "write request GET /poll?since=0; ");
	kit_text(&k, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}");
	assert_string_equal(k.log, "unit response 0+73; close; ");
	kit_end(&k);
	tech_site_fini(&s);
}

static void an_answer_in_single_octets_is_one_answer(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_POLLING, &o);
	struct kit k;
	size_t units = 0;
	(void)st;
	kit_client(&k, &s, 0);
	kit_up(&k);
	for (size_t i = 0; i < sizeof ONE - 1; i++) {
		kit_data(&k, (struct bytes){(const uint8_t *)ONE + i, 1});
		units += strstr(k.log, "unit") != NULL;
	}
	assert_int_equal(units, 1);
	assert_string_equal(k.log, "unit response 0+73; message 4; connected; ");
	kit_text(&k, "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n");
	assert_string_equal(k.log, "http-error; abort; disconnect; ");
	kit_end(&k);
	tech_site_fini(&s);
}

/* ---- long polling, client ---------------------------------------------------------------------------------------- */

static void a_long_poll_asks_again_at_once_and_backs_off_after_errors(void **st)
{
	struct tech_opts o = options();
	o.reconnect = (struct tech_backoff){.first_ns = S, .factor_milli = 2000, .max_ns = 30 * S};
	struct tech_site s = site(TECH_LONG_POLLING, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 0);
	kit_up(&k);
	assert_string_equal(k.log, "write request GET /longpoll?since=0; ");
	kit_text(&k, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_string_equal(k.log, "unit response 0+27; connected; write request GET /longpoll?since=0; ");
	kit_text(&k, ONE);
	assert_string_equal(k.log, "unit response 27+73; message 4; write request GET /longpoll?since=4; ");
	kit_text(&k, "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n");
	assert_string_equal(k.log, "unit response 100+51; http-error; disconnect; wait 1000 ms; ");
	kit_wake(&k);
	assert_true(k.now == S);
	assert_string_equal(
		k.log, "try; write request GET /longpoll?since=4; "); /* the connection is still good */
	kit_wake(&k);
	assert_true(k.now == S + 50 * S); /* hold and heartbeat_timeout */
	assert_string_equal(k.log, "request-timeout; abort; connect-fail; wait 2000 ms; ");
	kit_wake(&k);
	assert_string_equal(k.log, "try; open; ");
	kit_reset(&k, TECH_WHY_RESET);
	assert_string_equal(k.log, "connect-fail; wait 4000 ms; ");
	kit_wake(&k);
	kit_up(&k);
	kit_text(&k, EMPTY);
	kit_reset(&k, TECH_WHY_TIMEOUT);
	assert_string_equal(k.log, "disconnect; wait 1000 ms; "); /* begins anew after a success */
	kit_end(&k);
	tech_site_fini(&s);
}

/* ---- SSE, client ------------------------------------------------------------------------------------------------- */

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

static void an_event_source_reads_events_and_comes_back_with_its_last_id(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_SSE, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 2);
	kit_up(&k);
	assert_string_equal(k.log, "write request GET /events?since=2; ");
	assert_true(bytes_eq_str(buf_bytes(&k.wrote),
		"GET /events?since=2 HTTP/1.1\r\nHost: app.example\r\nAccept: text/event-stream\r\n\r\n"));
	kit_text(&k, STREAM);
	assert_string_equal(k.log, "unit response 0+80; connected; ");
	kit_text(&k, "1f\r\nid: 9\ndata: {\"id\":9,\"news\":3}\n\n\r\n");
	assert_string_equal(k.log, "unit event 84+31; message 9; ");
	kit_text(&k, "3\r\n:\n\n\r\n1e\r\nid: 10\nda"); /* a comment, and an event cut in two */
	assert_string_equal(k.log, "unit comment 120+3; ");
	kit_text(&k, "ta: {\"id\":10,\"x\":4}\n\n\r\n0\r\n\r\n");
	assert_string_equal(k.log, "unit event 129+30; message 10; close; disconnect; wait 3000 ms; ");
	kit_wake(&k);
	buf_clear(&k.wrote);
	kit_up(&k);
	assert_true(bytes_eq_str(buf_bytes(&k.wrote),
		"GET /events?since=2 HTTP/1.1\r\nHost: app.example\r\nAccept: text/event-stream\r\n"
		"Last-Event-ID: 10\r\n\r\n"));
	kit_end(&k);
	tech_site_fini(&s);
}

static void a_wrong_answer_closes_an_event_source_for_good(void **st)
{
	static const char *const bad[] = {"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi"};
	(void)st;
	for (size_t i = 0; i < 3; i++)
		for (int given = 0; given < 2; given++) {
			struct tech_opts o = options();
			if (given)
				o.reconnect = (struct tech_backoff){.first_ns = 2 * S};
			struct tech_site s = site(TECH_SSE, &o);
			struct kit k;
			kit_client(&k, &s, 0);
			kit_up(&k);
			kit_text(&k, bad[i]);
			assert_non_null(strstr(
				k.log, given ? "connect-fail; wait 2000 ms; " : "connect-fail; fail; "));
			assert_true(given || tech_client_wake_at(&k.c) == TECH_NEVER);
			kit_end(&k);
			tech_site_fini(&s);
		}
}

static void the_stream_may_set_the_delay_and_a_network_error_is_not_fatal(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_SSE, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 0);
	kit_reset(&k, TECH_WHY_RESET);
	assert_string_equal(k.log, "connect-fail; wait 3000 ms; ");
	kit_wake(&k);
	kit_up(&k);
	kit_text(&k, STREAM "d\r\nretry: 5000\n\n\r\n");
	kit_reset(&k, TECH_WHY_RESET);
	assert_string_equal(k.log, "disconnect; wait 5000 ms; ");
	kit_wake(&k);
	kit_reset(&k, TECH_WHY_RESET);
	assert_string_equal(k.log, "connect-fail; wait 5000 ms; "); /* fixed: no growth */
	kit_end(&k);
	tech_site_fini(&s);
}

static void a_watchdog_needs_a_beat_to_wait_for(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_SSE, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 0);
	kit_up(&k);
	kit_text(&k, STREAM);
	assert_true(tech_client_wake_at(&k.c) == TECH_NEVER);
	kit_end(&k);
	o.heartbeat_ns = 25 * S;
	kit_client(&k, &s, 0);
	kit_up(&k);
	kit_text(&k, STREAM);
	assert_true(tech_client_wake_at(&k.c) == 45 * S);
	k.now = 25 * S;
	kit_text(&k, "3\r\n:\n\n\r\n");
	assert_true(tech_client_wake_at(&k.c) == 70 * S);
	kit_wake(&k);
	assert_string_equal(k.log, "beat-timeout; abort; disconnect; wait 3000 ms; ");
	kit_end(&k);
	tech_site_fini(&s);
}

/* ---- both ends --------------------------------------------------------------------------------------------------- */

struct pair {
	struct tech_opts o;
	struct tech_site site[2]; /* the client's and the server's */
	struct tech_server srv;
	struct kit c, s;
	const struct alloc *al;
	int64_t now;
};

static void pair_init(struct pair *p, const struct alloc *al, enum tech_kind kind)
{
	p->al = al;
	for (int i = 0; i < 2; i++)
		tech_site_init(&p->site[i], al, kind, &p->o, NULL, "app.example");
	tech_server_init(&p->srv, al);
	assert_true(tech_server_add(&p->srv, &p->site[1]));
}

static void pair_connect(struct pair *p)
{
	kit_client(&p->c, &p->site[0], 0);
	kit_server(&p->s, &p->srv);
	kit_up(&p->c);
}

static void publish(struct pair *p, uint64_t id)
{
	struct tech_msg *m = tech_msg_new(p->al, "news", id, id, 92);
	struct tech_out o;
	if (!m)
		return;
	tech_server_publish(&p->srv, m);
	while (tech_server_fan(&p->srv, p->now, &p->s.q))
		while (tech_next(&p->s.q, &o))
			kit_output(&p->s, &o);
	tech_msg_unref(m);
}

/* Everything written on one side arrives at the other, `step` octets at a time, until nobody says anything more. */
static void settle(struct pair *p, size_t step)
{
	for (int i = 0; i < 100 && (p->c.wrote.n || p->s.wrote.n); i++) {
		struct kit *from = p->c.wrote.n ? &p->c : &p->s, *to = p->c.wrote.n ? &p->s : &p->c;
		uint8_t octets[65536];
		size_t n = from->wrote.n;
		memcpy(octets, from->wrote.p, n);
		buf_clear(&from->wrote);
		to->now = p->now;
		for (size_t at = 0; at < n; at += step)
			kit_data(to, (struct bytes){octets + at, n - at < step ? n - at : step});
	}
}

static void pair_end(struct pair *p)
{
	kit_end(&p->c);
	kit_end(&p->s);
	tech_server_fini(&p->srv);
	tech_site_fini(&p->site[0]);
	tech_site_fini(&p->site[1]);
}

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

/* ---- server ------------------------------------------------------------------------------------------------------ */

static void the_history_answers_since(void **st)
{
	struct pair p = {.o = options()};
	(void)st;
	pair_init(&p, &alloc_libc, TECH_POLLING);
	kit_client(&p.c, &p.site[0], 0);
	kit_server(&p.s, &p.srv);
	for (uint64_t id = 1; id <= 5; id++)
		publish(&p, id * 10);
	kit_text(&p.s, "GET /poll?since=30 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(p.s.log, "200 OK, 200 bytes: news 40 and 1 more; "));
	kit_text(&p.s, "GET /poll?since=50 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(p.s.log, "200 OK, 15 bytes; "));
	kit_text(&p.s,
		"GET /poll?since=35 HTTP/1.1\r\nHost: a\r\n\r\n"); /* not known: what is larger is newer */
	assert_non_null(strstr(p.s.log, ": news 40 and 1 more; "));
	kit_text(&p.s, "GET /poll?since=0 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_non_null(strstr(p.s.log, ": news 10 and 4 more; "));
	for (uint64_t id = 51; id < 51 + TECH_HISTORY_MAX; id++)
		publish(&p, id);
	kit_text(&p.s,
		"GET /poll?since=0 HTTP/1.1\r\nHost: a\r\n\r\n"); /* the ring holds so many and no more */
	assert_non_null(strstr(p.s.log, ": news 51 and 1023 more; "));
	pair_end(&p);
}

static void messages_go_to_those_they_are_for(void **st)
{
	struct pair p = {.o = options()};
	(void)st;
	pair_init(&p, &alloc_libc, TECH_SSE);
	pair_connect(&p);
	kit_text(&p.s, "GET /events?client=7 HTTP/1.1\r\nHost: a\r\n\r\n");
	struct tech_msg *m = tech_msg_new(&alloc_libc, "x", 1, 1, 40);
	m->to_lo = m->to_hi = 8;
	tech_server_publish(&p.srv, m);
	assert_null(tech_server_fan(&p.srv, 0, &p.s.q));
	tech_msg_unref(m);
	m = tech_msg_new(&alloc_libc, "x", 2, 2, 40);
	m->to_lo = 5;
	m->to_hi = 7;
	tech_server_publish(&p.srv, m);
	assert_ptr_equal(tech_server_fan(&p.srv, 0, &p.s.q), &p.s.s);
	tech_msg_unref(m);
	pair_end(&p);
}

static void a_held_request_is_answered_by_a_message_or_by_the_clock(void **st)
{
	struct pair p = {.o = options()};
	(void)st;
	pair_init(&p, &alloc_libc, TECH_LONG_POLLING);
	kit_client(&p.c, &p.site[0], 0);
	kit_server(&p.s, &p.srv);
	kit_text(&p.s, "GET /longpoll?since=0 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(p.s.log, "unit request 0+43; hold; ");
	assert_true(tech_conn_wake_at(&p.s.s) == 30 * S);
	p.s.n = 0;
	publish(&p, 1);
	assert_string_equal(p.s.log, "write response 200 OK, 107 bytes: news 1; ");
	kit_text(&p.s, "GET /longpoll?since=1 HTTP/1.1\r\nHost: a\r\n\r\n");
	kit_wake(&p.s);
	assert_string_equal(p.s.log, "hold-expire; write response 204 No Content; ");
	kit_text(&p.s, "GET /longpoll?since=1 HTTP/1.1\r\nHost: a\r\n\r\n");
	kit_text(&p.s,
		"GET /longpoll?since=1 HTTP/1.1\r\nHost: a\r\n\r\n"); /* a second one while the first is held */
	assert_string_equal(p.s.log, "abort; ");
	assert_int_equal(p.site[1].subs, 0);
	pair_end(&p);
}

/* The second request may come in the same piece as the first. */
static void requests_in_one_piece_are_no_different(void **state)
{
	static const struct {
		enum tech_kind kind;
		const char *request, *log;
	} t[] = {
		{TECH_LONG_POLLING, "GET /longpoll?since=0 HTTP/1.1\r\nHost: a\r\n\r\n", "abort; "},
		{TECH_SSE, "GET /events HTTP/1.1\r\nHost: a\r\n\r\n", "abort; "},
	};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct pair p = {.o = options()};
		char two[200];
		snprintf(two, sizeof two, "%s%s", t[i].request, t[i].request);
		pair_init(&p, &alloc_libc, t[i].kind);
		kit_client(&p.c, &p.site[0], 0);
		kit_server(&p.s, &p.srv);
		kit_text(&p.s, two);
		size_t n = strlen(p.s.log), want = strlen(t[i].log);
		assert_true(n >= want);
		assert_string_equal(p.s.log + n - want, t[i].log);
		assert_int_equal(p.site[1].subs, 0);
		kit_text(&p.s, t[i].request); /* it is over */
		assert_true(strstr(p.s.log, "write") == NULL || t[i].kind == TECH_SSE);
		pair_end(&p);
	}
}

static void http_1_0_gets_a_body_until_close(void **st)
{
	struct pair p = {.o = options()};
	(void)st;
	pair_init(&p, &alloc_libc, TECH_SSE);
	kit_client(&p.c, &p.site[0], 0);
	kit_server(&p.s, &p.srv);
	kit_text(&p.s, "GET /events HTTP/1.0\r\nHost: a\r\n\r\n");
	publish(&p, 1);
	kit_in(&p.s, (struct tech_in){.kind = TECH_IN_STOP});
	buf_u8(&p.s.wrote, 0);
	const char *w = (const char *)p.s.wrote.p;
	assert_null(strstr(w, "chunked"));
	assert_non_null(strstr(w, "Connection: close\r\n\r\nid: 1\ndata: {"));
	assert_string_equal(p.s.log, "close; ");
	pair_end(&p);
}

static void requests_that_make_no_sense_are_refused(void **st)
{
	static const struct {
		const char *request, *answer;
	} t[] = {
		{"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", "404 Not Found"},
		{"GET /poll HTTP/1.1\r\n\r\n", "400 Bad Request"},
		{"garbage\r\n\r\n", "400 Bad Request"},
		{"POST /poll HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "400 Bad Request"},
		{"POST /poll HTTP/1.1\r\nHost: a\r\nContent-Length: 17\r\n\r\n{\"id\":12,\"say\":3}",
			"204 No Content"},
	};
	(void)st;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct pair p = {.o = options()};
		pair_init(&p, &alloc_libc, TECH_POLLING);
		kit_client(&p.c, &p.site[0], 0);
		kit_server(&p.s, &p.srv);
		kit_text(&p.s, t[i].request);
		assert_non_null(strstr(p.s.log, t[i].answer));
		assert_true((strstr(p.s.log, "message 12; ") != NULL) == (i == 4));
		assert_true((strstr(p.s.log, "close; ") != NULL) == (i != 4));
		pair_end(&p);
	}
}

static void an_idle_connection_is_closed_after_keepalive(void **st)
{
	struct pair p = {.o = options()};
	(void)st;
	pair_init(&p, &alloc_libc, TECH_POLLING);
	p.srv.keepalive_ns = 5 * S;
	pair_connect(&p);
	p.now = 1 * S;
	settle(&p, 100000);
	assert_true(tech_conn_wake_at(&p.s.s) == 6 * S);
	kit_wake(&p.s);
	assert_string_equal(p.s.log, "close; ");
	pair_end(&p);
}

static void messages_go_up(void **st)
{
	(void)st;
	for (int kind = 0; kind < (int)TECH_KINDS; kind++) {
		struct pair p = {.o = options()};
		pair_init(&p, &alloc_libc, (enum tech_kind)kind);
		pair_connect(&p);
		settle(&p, 100000);
		struct tech_msg *m = tech_msg_new(&alloc_libc, "say", 77, 1, 60);
		kit_in(&p.c, (struct tech_in){.kind = TECH_IN_PUBLISH, .msg = m});
		if (kind == TECH_WEBSOCKET) {
			assert_string_equal(p.c.log, "write frame text, 60 bytes, masked: say 1; ");
			settle(&p, 100000);
			assert_non_null(strstr(p.s.log, "message 77; "));
		} else {
			assert_string_equal(p.c.log, "open+; ");
			kit_in(&p.c, (struct tech_in){.kind = TECH_IN_UP, .conn = TECH_UPLINK});
			assert_non_null(strstr(p.c.log, "write+ request POST /"));
			kit_in(&p.c, (struct tech_in){
					     .kind = TECH_IN_RESET, .conn = TECH_UPLINK}); /* tried again */
			assert_string_equal(p.c.log, "");
			p.c.now = tech_client_wake_at(&p.c.c);
			kit_in(&p.c, (struct tech_in){.kind = TECH_IN_TIME});
			assert_non_null(strstr(p.c.log, "open+; "));
			kit_in(&p.c, (struct tech_in){.kind = TECH_IN_UP, .conn = TECH_UPLINK});
			kit_in(&p.c, (struct tech_in){.kind = TECH_IN_DATA,
					     .conn = TECH_UPLINK,
					     .data = BYTES_LIT("HTTP/1.1 204 No Content\r\n\r\n")});
			assert_string_equal(p.c.log, "unit+ response 0+27; ");
			assert_true(m->refs == 1);
		}
		tech_msg_unref(m);
		pair_end(&p);
	}
}

static void a_message_that_cannot_go_up_does_not_spin(void **st)
{
	(void)st;
	for (int kind = 0; kind < (int)TECH_WEBSOCKET; kind++)
		for (int stop = 0; stop < 2; stop++) {
			struct tech_opts o = options();
			o.reconnect.never = true;
			struct tech_site s = site((enum tech_kind)kind, &o);
			struct kit k;
			kit_client(&k, &s, 0);
			kit_up(&k);
			struct tech_msg *m = tech_msg_new(&alloc_libc, "say", 1, 1, 60);
			kit_in(&k, (struct tech_in){.kind = TECH_IN_PUBLISH, .msg = m});
			kit_reset(&k, TECH_WHY_RESET); /* ended for good, or nearly */
			if (stop)
				kit_in(&k, (struct tech_in){.kind = TECH_IN_STOP});
			for (int i = 0; i < 20 && tech_client_wake_at(&k.c) != TECH_NEVER; i++) {
				kit_in(&k, (struct tech_in){.kind = TECH_IN_RESET,
						   .conn = TECH_UPLINK,
						   .why = TECH_WHY_RESET});
				assert_true(tech_client_wake_at(&k.c) > k.now);
				kit_wake(&k);
			}
			assert_true(!stop || tech_client_wake_at(&k.c) == TECH_NEVER);
			tech_msg_unref(m);
			kit_end(&k);
			tech_site_fini(&s);
		}
}

/* ---- back-off ---------------------------------------------------------------------------------------------------- */

static long long next_wait(struct kit *k)
{
	kit_reset(k, TECH_WHY_RESET);
	const char *w = strstr(k->log, "wait ");
	assert_non_null(w);
	long long ms = atoll(w + 5);
	kit_wake(k);
	return ms;
}

static void the_families_of_back_off_keep_their_ranges(void **st)
{
	(void)st;
	for (int j = TECH_JITTER_NONE; j <= TECH_JITTER_DECORRELATED; j++) {
		struct tech_opts o = options();
		o.reconnect = (struct tech_backoff){
			.first_ns = S, .factor_milli = 2000, .max_ns = 10 * S, .jitter = (enum tech_jitter)j};
		struct tech_site s = site(TECH_WEBSOCKET, &o);
		struct kit k;
		kit_client(&k, &s, 0);
		long long prev = 1000;
		for (int i = 0; i < 12; i++) {
			long long d = 1000LL << (i < 4 ? i : 4), w = next_wait(&k);
			d = d < 10000 ? d : 10000;
			if (j == TECH_JITTER_NONE)
				assert_true(w == d);
			else if (j == TECH_JITTER_FULL)
				assert_true(w >= 0 && w <= d);
			else if (j == TECH_JITTER_EQUAL)
				assert_true(w >= d / 2 && w <= d);
			else
				assert_true(w >= 1000 && w <= 10000 && w <= prev * 3 + 1);
			prev = w;
		}
		kit_end(&k);
		tech_site_fini(&s);
	}
}

static void the_nth_delay_is_the_same_under_every_technique(void **st)
{
	long long first[8] = {0};
	(void)st;
	for (int kind = TECH_LONG_POLLING; kind < (int)TECH_KINDS; kind++) {
		struct tech_opts o = options();
		o.reconnect = (struct tech_backoff){
			.first_ns = S, .factor_milli = 1500, .max_ns = 60 * S, .jitter = TECH_JITTER_FULL};
		struct tech_site s = site((enum tech_kind)kind, &o);
		struct kit k;
		kit_client(&k, &s, 0);
		for (int i = 0; i < 8; i++) {
			long long w = next_wait(&k);
			if (kind == TECH_LONG_POLLING)
				first[i] = w;
			assert_true(w == first[i]);
		}
		kit_end(&k);
		tech_site_fini(&s);
	}
}

static void reconnect_none_stays_away(void **st)
{
	(void)st;
	for (int kind = TECH_LONG_POLLING; kind < (int)TECH_KINDS; kind++) {
		struct tech_opts o = options();
		o.reconnect.never = true;
		struct tech_site s = site((enum tech_kind)kind, &o);
		struct kit k;
		kit_client(&k, &s, 0);
		kit_up(&k);
		kit_reset(&k, TECH_WHY_RESET);
		assert_non_null(strstr(k.log, "fail; "));
		assert_true(tech_client_wake_at(&k.c) == TECH_NEVER);
		kit_end(&k);
		tech_site_fini(&s);
	}
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

static void own_lines_are_the_only_ones(void **st)
{
	static const char *const req[] = {
		"host: b", "X-A: 1", "Content-Length: 9", "bad line", "X-B: 2\r\nX-C: 3"};
	struct tech_opts o = options();
	struct tech_site s;
	struct kit k;
	(void)st;
	o.headers = (struct tech_headers){TECH_HEADERS_OWN, req, 5, NULL, 0};
	s = site(TECH_POLLING, &o);
	kit_client(&k, &s, 0);
	kit_up(&k);
	assert_true(
		bytes_eq_str(buf_bytes(&k.wrote), "GET /poll?since=0 HTTP/1.1\r\nhost: b\r\nX-A: 1\r\n\r\n"));
	kit_end(&k);
	tech_site_fini(&s);
}

/* A list that would be longer than a client reads is cut between messages; the next request gets the rest. */
static void a_long_history_comes_in_several_answers(void **st)
{
	(void)st;
	struct tech_opts opts = {
		.resume = true, .keepalive_conn = true, .headers = {.kind = TECH_HEADERS_MINIMAL}};
	struct tech_server srv;
	struct tech_site site;
	struct tech_conn c;
	struct tech_outs q;
	struct tech_out o;
	uint32_t got = 0, answers = 0;
	tech_server_init(&srv, &alloc_libc);
	tech_site_init(&site, &alloc_libc, TECH_POLLING, &opts, NULL, "a");
	assert_true(tech_server_add(&srv, &site));
	tech_outs_init(&q, &alloc_libc);
	for (uint64_t id = 1; id <= 100; id++) {
		struct tech_msg *m = tech_msg_new(&alloc_libc, "news", id, id, 60000);
		m->to_lo = 1;
		m->to_hi = UINT32_MAX;
		tech_server_publish(&srv, m);
		assert_null(tech_server_fan(&srv, 0, &q));
		tech_msg_unref(m);
	}
	tech_conn_init(&c, &srv);
	for (; got < 100 && answers < 10; answers++) {
		char text[80];
		int n = snprintf(text, sizeof text, "GET /poll?since=%u HTTP/1.1\r\nHost: a\r\n\r\n", got);
		tech_conn_input(&c,
			&(struct tech_in){.kind = TECH_IN_DATA, .data = {(const uint8_t *)text, (size_t)n}},
			&q);
		while (tech_next(&q, &o))
			if (o.kind == TECH_OUT_WRITE) {
				assert_int_equal(o.id, got + 1);
				assert_true(o.data.len < 4u << 20);
				got += o.n_msgs;
				blob_unref(o.data.blob);
			}
		assert_false(q.failed);
	}
	assert_int_equal(got, 100);
	assert_int_equal(answers, 2);
	tech_conn_fini(&c);
	tech_outs_fini(&q);
	tech_site_fini(&site);
	tech_server_fini(&srv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_has_exactly_its_size_and_says_who_it_is),
		cmocka_unit_test(what_is_not_ours_is_no_message),
		cmocka_unit_test(a_list_is_read_object_by_object),
		cmocka_unit_test(a_poll_is_asked_and_answered_and_asked_again_after_the_interval),
		cmocka_unit_test(a_tick_that_finds_the_answer_outstanding_is_skipped),
		cmocka_unit_test(a_stale_connection_is_replaced_once_without_a_word),
		cmocka_unit_test(an_idle_connection_may_be_closed_without_anybody_caring),
		cmocka_unit_test(an_answer_in_single_octets_is_one_answer),
		cmocka_unit_test(a_long_poll_asks_again_at_once_and_backs_off_after_errors),
		cmocka_unit_test(an_event_source_reads_events_and_comes_back_with_its_last_id),
		cmocka_unit_test(a_wrong_answer_closes_an_event_source_for_good),
		cmocka_unit_test(the_stream_may_set_the_delay_and_a_network_error_is_not_fatal),
		cmocka_unit_test(a_watchdog_needs_a_beat_to_wait_for),
		cmocka_unit_test(every_technique_carries_every_message_whatever_the_cuts),
		cmocka_unit_test(memory_may_run_out_anywhere),
		cmocka_unit_test(a_broadcast_is_encoded_once),
		cmocka_unit_test(pings_are_ponged_and_silence_is_death),
		cmocka_unit_test(a_page_beats_with_a_message_of_its_own),
		cmocka_unit_test(closing_is_answered_and_broken_frames_end_it),
		cmocka_unit_test(what_is_not_a_handshake_is_refused),
		cmocka_unit_test(the_history_answers_since),
		cmocka_unit_test(a_long_history_comes_in_several_answers),
		cmocka_unit_test(messages_go_to_those_they_are_for),
		cmocka_unit_test(a_held_request_is_answered_by_a_message_or_by_the_clock),
		cmocka_unit_test(requests_in_one_piece_are_no_different),
		cmocka_unit_test(http_1_0_gets_a_body_until_close),
		cmocka_unit_test(requests_that_make_no_sense_are_refused),
		cmocka_unit_test(an_idle_connection_is_closed_after_keepalive),
		cmocka_unit_test(messages_go_up),
		cmocka_unit_test(a_message_that_cannot_go_up_does_not_spin),
		cmocka_unit_test(the_families_of_back_off_keep_their_ranges),
		cmocka_unit_test(the_nth_delay_is_the_same_under_every_technique),
		cmocka_unit_test(reconnect_none_stays_away),
		cmocka_unit_test(heads_have_the_sizes_browsers_give_them),
		cmocka_unit_test(own_lines_are_the_only_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
