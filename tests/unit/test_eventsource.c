/*
 * Tests of the EventSource machine: what opens it, what ends it for ever, when it connects again and with which ID.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proto/sse/eventsource.h"
#include "tests/support/codec_kit.h"

#define MS 1000000ll

/* All outputs until idle, a word each. */
static void outputs_are(struct eventsource *es, const char *want)
{
	static const char *const words[] = {"idle", "connect", "abort", "open", "message", "error"};
	struct es_out out;
	struct buf b;
	buf_init(&b, &alloc_libc, 4096);
	while (es_next(es, &out) != ES_IDLE) {
		say(&b, "%s", words[out.kind]);
		if (out.kind == ES_MESSAGE || (out.kind == ES_CONNECT && out.id.n > 0))
			say(&b, "(%.*s%s%.*s)", (int)out.data.n, (const char *)out.data.p,
				out.data.n ? "," : "", (int)out.id.n, (const char *)out.id.p);
		say(&b, " ");
		if (out.kind == ES_ERROR)
			assert_non_null(out.why.what);
	}
	if (!bytes_eq_str(buf_bytes(&b), want))
		fail_msg("expected '%s', got '%.*s'", want, (int)b.n, (const char *)b.p);
	buf_fini(&b);
}

static void it_opens_delivers_and_comes_back_with_the_last_id(void **state)
{
	(void)state;
	struct eventsource es;
	struct counting c;
	counting_init(&c, 0, false);
	es_init(&es, &c.al, NULL, NULL);
	outputs_are(&es, "connect ");
	es_response(&es, 200, BYTES_LIT("Text/Event-Stream ; charset=UTF-8"), 5 * MS);
	outputs_are(&es, "open ");
	assert_int_equal(es.state, ES_OPEN);
	es_data(&es, BYTES_LIT("id: 7\ndata: a\n\nretry: 250\ndata: b\n\ndata: half"), 10 * MS);
	outputs_are(&es, "message(a,7) message(b,7) ");
	es_end(&es, 20 * MS);
	outputs_are(&es, "error ");
	assert_int_equal(es.state, ES_CONNECTING);
	assert_int_equal(es_wake_at(&es), 270 * MS);
	es_time(&es, 269 * MS);
	outputs_are(&es, "");
	es_time(&es, 270 * MS);
	outputs_are(&es, "connect(7) ");
	es_response(&es, 200, BYTES_LIT("text/event-stream"), 300 * MS);
	es_data(&es, BYTES_LIT("data: c\n\n"), 300 * MS);
	outputs_are(&es, "open message(c,7) ");
	es_close(&es);
	outputs_are(&es, "abort ");
	es_network_error(&es, 400 * MS);
	outputs_are(&es, "");
	assert_int_equal(es_wake_at(&es), INT64_MAX);
	es_fini(&es);
	assert_int_equal(c.live, 0);
}

static void wrong_answers_end_it_for_ever(void **state)
{
	(void)state;
	static const struct {
		unsigned status;
		const char *type;
	} cases[] = {{204, "text/event-stream"}, {500, "text/event-stream"}, {301, ""}, {200, "text/html"},
		{200, ""}, {200, "text/event-streams"}, {205, "text/event-stream"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct eventsource es;
		es_init(&es, &alloc_libc, NULL, NULL);
		outputs_are(&es, "connect ");
		es_response(&es, cases[i].status, bytes_str(cases[i].type), 0);
		outputs_are(&es, "error abort ");
		assert_int_equal(es.state, ES_CLOSED);
		es_end(&es, MS);
		es_time(&es, INT64_MAX);
		outputs_are(&es, "");
		es_fini(&es);
	}
}

static void a_dead_network_is_tried_again_ever_more_slowly_if_asked(void **state)
{
	(void)state;
	const struct es_cfg cfg = {.retry_ms = 1000, .backoff_factor = 2, .backoff_max_ms = 3000};
	static const int64_t waits_ms[] = {1000, 2000, 3000, 3000};
	struct eventsource es;
	int64_t now = 0;
	es_init(&es, &alloc_libc, &cfg, NULL);
	outputs_are(&es, "connect ");
	for (size_t i = 0; i < 4; i++) {
		es_network_error(&es, now);
		outputs_are(&es, "error ");
		assert_int_equal(es_wake_at(&es), now + waits_ms[i] * MS);
		now = es_wake_at(&es);
		es_time(&es, now);
		outputs_are(&es, "connect ");
	}
	es_response(&es, 200, BYTES_LIT("text/event-stream"), now);
	outputs_are(&es, "open ");
	es_network_error(&es, now);
	outputs_are(&es, "error ");
	assert_int_equal(es_wake_at(&es), now + 1000 * MS);
	es_fini(&es);
}

static void an_absurd_retry_does_not_overflow_the_clock(void **state)
{
	(void)state;
	struct eventsource es;
	es_init(&es, &alloc_libc, NULL, NULL);
	outputs_are(&es, "connect ");
	es_response(&es, 200, BYTES_LIT("text/event-stream"), 0);
	es_data(&es, BYTES_LIT("retry: 18446744073709551615\n"), 0);
	outputs_are(&es, "open ");
	es_end(&es, INT64_MAX / 2 + 1000);
	outputs_are(&es, "error ");
	assert_true(es_wake_at(&es) > INT64_MAX / 2);
	es_fini(&es);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_opens_delivers_and_comes_back_with_the_last_id),
		cmocka_unit_test(wrong_answers_end_it_for_ever),
		cmocka_unit_test(a_dead_network_is_tried_again_ever_more_slowly_if_asked),
		cmocka_unit_test(an_absurd_retry_does_not_overflow_the_clock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
