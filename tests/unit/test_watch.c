/* A watch tells which units the octets of both directions hold. */
#include "proto/tech/watch.h"
#include "tests/support/relay_kit.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_watch_tells_units_with_their_ranges),
		cmocka_unit_test(a_watch_follows_an_upgrade_into_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
