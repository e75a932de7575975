/* A relay and its connection to the server: when it asks for one, when it gives it back, when it asks once more. */
#include "tests/support/relay_kit.h"

#define ASKED "<1 GET /events HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nVia: 1.1 edge\r\n\r\n>"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stale_upstream_connection_is_replaced_once),
		cmocka_unit_test(after_a_complete_answer_the_connection_is_given_back),
		cmocka_unit_test(a_connection_that_cannot_go_on_is_not_given_back),
		cmocka_unit_test(a_client_that_says_close_leaves_the_connection_to_others),
		cmocka_unit_test(only_what_is_idempotent_is_asked_again_and_only_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
