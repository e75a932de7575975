/* The four techniques, each end by itself, input by input: messages, clients, back-off, request lines. */
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

/* What nobody wants to hear of need not be put out, and changes nothing else. */
static void a_poll_nobody_looks_at_says_nothing_of_its_timer(void **st)
{
	struct tech_opts o = options();
	struct tech_site s = site(TECH_POLLING, &o);
	struct kit k;
	(void)st;
	kit_client(&k, &s, 3);
	k.q.quiet = 1u << TECH_NOTE_POLL_TIMER | 1u << TECH_NOTE_CONNECT_OK;
	kit_up(&k);
	kit_text(&k, EMPTY);
	assert_string_equal(
		k.log, "unit response 0+54; connected; "); /* what follows from octets is always said */
	kit_wake(&k);
	assert_string_equal(k.log, "write request GET /poll?since=3; ");
	assert_true(k.now == 5 * S);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_has_exactly_its_size_and_says_who_it_is),
		cmocka_unit_test(what_is_not_ours_is_no_message),
		cmocka_unit_test(a_list_is_read_object_by_object),
		cmocka_unit_test(a_poll_is_asked_and_answered_and_asked_again_after_the_interval),
		cmocka_unit_test(a_poll_nobody_looks_at_says_nothing_of_its_timer),
		cmocka_unit_test(a_tick_that_finds_the_answer_outstanding_is_skipped),
		cmocka_unit_test(a_stale_connection_is_replaced_once_without_a_word),
		cmocka_unit_test(an_idle_connection_may_be_closed_without_anybody_caring),
		cmocka_unit_test(an_answer_in_single_octets_is_one_answer),
		cmocka_unit_test(a_long_poll_asks_again_at_once_and_backs_off_after_errors),
		cmocka_unit_test(an_event_source_reads_events_and_comes_back_with_its_last_id),
		cmocka_unit_test(a_wrong_answer_closes_an_event_source_for_good),
		cmocka_unit_test(the_stream_may_set_the_delay_and_a_network_error_is_not_fatal),
		cmocka_unit_test(a_watchdog_needs_a_beat_to_wait_for),
		cmocka_unit_test(the_families_of_back_off_keep_their_ranges),
		cmocka_unit_test(the_nth_delay_is_the_same_under_every_technique),
		cmocka_unit_test(reconnect_none_stays_away),
		cmocka_unit_test(own_lines_are_the_only_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
