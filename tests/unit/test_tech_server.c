/* The server's end of the techniques, request by request: history, receivers, held requests, what it refuses. */
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

/* The time of idling began with an answer; then half a request came behind it. It used to stay due, again and again. */
static void half_a_request_behind_an_answer_is_waited_for(void **st)
{
	struct pair p = {.o = options()};
	(void)st;
	pair_init(&p, &alloc_libc, TECH_POLLING);
	p.srv.keepalive_ns = 5 * S;
	pair_connect(&p);
	kit_data(&p.s, bytes_str("GET /poll HTTP/1.1\r\nHost: a\r\n\r\nGET /po"));
	assert_true(tech_conn_wake_at(&p.s.s) == 5 * S);
	kit_wake(&p.s);
	assert_true(tech_conn_wake_at(&p.s.s) == TECH_NEVER);
	assert_null(strstr(p.s.log, "close"));
	kit_data(&p.s, bytes_str("ll HTTP/1.1\r\nHost: a\r\n\r\n"));
	assert_true(tech_conn_wake_at(&p.s.s) == 10 * S);
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

/* The list of subscribers has little more room than there are, and a broadcast meets them in the order in which they came. */
static void many_subscribers_stand_in_a_list_that_fits(void **state)
{
	enum { MANY = 9000 };
	struct tech_opts o = options();
	struct tech_site s = site(TECH_SSE, &o);
	struct tech_server srv;
	struct tech_outs q;
	struct tech_out out;
	struct tech_conn *c = calloc(MANY, sizeof *c);
	(void)state;
	tech_server_init(&srv, &alloc_libc);
	assert_true(tech_server_add(&srv, &s));
	tech_outs_init(&q, &alloc_libc);
	for (size_t i = 0; i < MANY; i++) {
		struct tech_in in = {
			.kind = TECH_IN_DATA, .data = BYTES_LIT("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")};
		tech_conn_init(&c[i], &srv);
		tech_conn_input(&c[i], &in, &q);
		while (tech_next(&q, &out))
			if (out.kind == TECH_OUT_WRITE)
				blob_unref(out.data.blob);
		assert_int_equal(s.subs, i + 1);
		assert_true(s.sub_cap <= 8 || s.sub_cap < 2 * (i + 1));
	}
	assert_true(s.sub_cap <= MANY + MANY / 4);
	struct tech_msg *m = tech_msg_new(&alloc_libc, "news", 1, 1, 92);
	tech_server_publish(&srv, m);
	for (size_t i = 0; i < MANY; i++) {
		assert_ptr_equal(tech_server_fan(&srv, 0, &q), &c[i]);
		while (tech_next(&q, &out))
			blob_unref(out.data.blob);
	}
	assert_null(tech_server_fan(&srv, 0, &q));
	tech_msg_unref(m);
	for (size_t i = 0; i < MANY; i++)
		tech_conn_fini(&c[i]);
	free(c);
	tech_outs_fini(&q);
	tech_server_fini(&srv);
	tech_site_fini(&s);
}

/* A connection keeps the low half of its place in the history. */
static void a_long_life_of_a_server_goes_past_32_bits(void **state)
{
	static const char *const request[TECH_KINDS] = {
		[TECH_POLLING] = "GET /poll HTTP/1.1\r\nHost: a\r\n\r\n",
		[TECH_LONG_POLLING] = "GET /longpoll HTTP/1.1\r\nHost: a\r\n\r\n",
		[TECH_SSE] = "GET /events HTTP/1.1\r\nHost: a\r\n\r\n",
		[TECH_WEBSOCKET] =
			("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"),
	};
	(void)state;
	for (int kind = 0; kind < TECH_KINDS; kind++) {
		struct pair p = {.o = options()};
		char want[16];
		pair_init(&p, &alloc_libc, (enum tech_kind)kind);
		kit_client(&p.c, &p.site[0], 0);
		kit_server(&p.s, &p.srv);
		p.srv.hub.seq = UINT32_MAX - 2;
		kit_text(&p.s, request[kind]);
		for (unsigned i = 1; i <= 6; i++) {
			buf_clear(&p.s.wrote);
			publish(&p, i);
			if (kind == TECH_POLLING || (kind == TECH_LONG_POLLING && i > 1))
				kit_text(&p.s, request[kind]); /* a held one was answered by the first */
			buf_u8(&p.s.wrote, 0);
			snprintf(want, sizeof want, "\"news\":%u,", i);
			const char *at = strstr((const char *)p.s.wrote.p, want);
			assert_non_null(at);
			assert_null(strstr(at + 1, "\"news\"")); /* and nothing twice */
		}
		assert_true(p.srv.hub.seq > UINT32_MAX);
		pair_end(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_long_life_of_a_server_goes_past_32_bits),
		cmocka_unit_test(many_subscribers_stand_in_a_list_that_fits),
		cmocka_unit_test(the_history_answers_since),
		cmocka_unit_test(messages_go_to_those_they_are_for),
		cmocka_unit_test(a_held_request_is_answered_by_a_message_or_by_the_clock),
		cmocka_unit_test(requests_in_one_piece_are_no_different),
		cmocka_unit_test(http_1_0_gets_a_body_until_close),
		cmocka_unit_test(requests_that_make_no_sense_are_refused),
		cmocka_unit_test(an_idle_connection_is_closed_after_keepalive),
		cmocka_unit_test(half_a_request_behind_an_answer_is_waited_for),
		cmocka_unit_test(messages_go_up),
		cmocka_unit_test(a_message_that_cannot_go_up_does_not_spin),
		cmocka_unit_test(a_long_history_comes_in_several_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
