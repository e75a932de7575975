/* The reverse proxy without a network: what goes in on one leg, what comes out on the other, and when. */
#include "tests/support/relay_kit.h"

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
		cmocka_unit_test(nonsense_is_answered_with_400),
		cmocka_unit_test(no_allocation_is_taken_for_granted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
