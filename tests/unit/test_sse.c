/*
 * Tests of the event stream codec: the grammar of WHATWG HTML 9.2 to the letter, limits at their edges, the encoder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tests/support/codec_kit.h"

/* Events only, as "type|id|data;" in a row, then "!" when something was dropped. */
static struct buf events(struct bytes in, const struct sse_limits *lim)
{
	struct guarded g = guarded_new(in);
	struct counting c;
	struct sse_dec d;
	struct sse_ev ev;
	struct buf o;
	enum sse_ev_kind k;
	counting_init(&c, 0, false);
	buf_init(&o, &alloc_libc, SIZE_MAX);
	sse_dec_init(&d, &c.al, lim, 0);
	sse_dec_feed(&d, g.b);
	while ((k = sse_dec_next(&d, &ev)) != SSE_END && k != SSE_ERROR) {
		if (k == SSE_NEED)
			sse_dec_eof(&d);
		if (k == SSE_RETRY) {
			buf_str(&o, "retry ");
			buf_dec(&o, ev.retry_ms);
			buf_str(&o, ";");
		}
		if (k == SSE_COMMENT) {
			buf_str(&o, ":");
			buf_add(&o, ev.data);
			buf_str(&o, ";");
		}
		if (k == SSE_EVENT) {
			buf_add(&o, ev.type);
			buf_str(&o, "|");
			buf_add(&o, ev.id);
			buf_str(&o, "|");
			buf_add(&o, ev.data);
			buf_str(&o, ";");
		}
	}
	if (k == SSE_ERROR)
		buf_str(&o, ev.err.what);
	else if (ev.dropped)
		buf_str(&o, "!");
	buf_str(&o, " last=");
	buf_add(&o, sse_dec_last_id(&d));
	sse_dec_fini(&d);
	assert_int_equal(c.live, 0);
	guarded_free(&g);
	return o;
}

static void the_grammar_is_followed_to_the_letter(void **state)
{
	(void)state;
	static const struct {
		struct bytes in;
		const char *out;
	} cases[] = {
		{BYTES_LIT("data: YHOO\ndata: +2\ndata: 10\n\n"), "message||YHOO\n+2\n10; last="},
		{BYTES_LIT(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  "
			   "third event"),
			": test stream;message|1|first event;message||second event;! last="},
		{BYTES_LIT("data\n\ndata\ndata\n\ndata:"), "message||;message||\n;! last="},
		{BYTES_LIT("data:test\n\ndata: test\n\n"), "message||test;message||test; last="},
		{BYTES_LIT("data:test\r\rdata:a\r\ndata:b\n\n"), "message||test;message||a\nb; last="},
		{BYTES_LIT("\xef\xbb\xbf"
			   "data:1\n\n\xef\xbb\xbf"
			   "data:2\n\ndata:3\n\n"),
			"message||1;message||3; last="},
		{BYTES_LIT("\xef\xbb\xbf\xef\xbb\xbf"
			   "data:1\n\ndata:2\n\n"),
			"message||2; last="},
		{BYTES_LIT("\xef\xbb"
			   "data:1\n\ndata:2\n\n"),
			"message||2; last="},
		{BYTES_LIT(" data:1\n\n"), " last="},
		{BYTES_LIT("Data:1\nDATA:2\n\n"), " last="},
		{BYTES_LIT("data :1\n\n"), " last="},
		{BYTES_LIT("data:\t1\n\n"), "message||\t1; last="},
		{BYTES_LIT("event: a\nevent: b\ndata: x\n\n"), "b||x; last="},
		{BYTES_LIT("event: a\nevent:\ndata: x\n\n"), "message||x; last="},
		{BYTES_LIT("event: a\n\ndata: x\n\n"), "message||x; last="},
		{BYTES_LIT("id: 1\n\nid: 2\ndata: x\n\ndata: y\n\n"), "message|2|x;message|2|y; last=2"},
		{BYTES_LIT("id: 1\ndata: x\n\nid:\ndata: y\n\n"), "message|1|x;message||y; last="},
		{BYTES_LIT("id: 1\0\ndata: x\n\nid: 2\n\nid: 3\n"), "message||x;! last=2"},
		{BYTES_LIT("retry: 100\nretry: 1e3\nretry: -1\nretry: 5 \nretry:  5\nretry:\nretry: 007\n"),
			"retry 100;retry 7; last="},
		{BYTES_LIT("retry: 18446744073709551615\nretry: 18446744073709551616\n"),
			"retry 18446744073709551615;retry 18446744073709551615; last="},
		{BYTES_LIT("data: a\0b\n\n"), "message||a"},
		{BYTES_LIT(":\n: \n:x\n"), ":;: ;:x; last="},
		{BYTES_LIT("data: x\n\r\n"), "message||x; last="},
		{BYTES_LIT("data: x\r\n\r"), "message||x; last="},
		{BYTES_LIT("data: x\n"), "! last="},
		{BYTES_LIT("event: x\n"), "! last="},
		{BYTES_LIT("id: x\n"), "! last="},
		{BYTES_LIT("data: x\n\n: bye"), "message||x;! last="},
		{BYTES_LIT(""), " last="},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf o = events(cases[i].in, NULL);
		size_t n = strlen(cases[i].out);
		bool prefix = cases[i].out[n - 1] == 'a'; /* the case with a NUL in the text */
		if (prefix ? o.n < n || memcmp(o.p, cases[i].out, n) != 0
			   : !bytes_eq_str(buf_bytes(&o), cases[i].out))
			fail_msg("case %zu: expected\n%s\ngot\n%.*s", i, cases[i].out, (int)o.n,
				(const char *)o.p);
		buf_fini(&o);
	}
}

static void limits_hold_at_their_edges(void **state)
{
	(void)state;
	const struct sse_limits lim = {20, 10, 4};
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"01234567890123456789\n", " last="},
		{"012345678901234567890", "a line is longer than the limit line_octets_max last="},
		{"data:0123456789\n\n", "message||0123456789; last="},
		{"data:01234567890\n\n",
			"the data of an event are longer than the limit data_octets_max last="},
		{"data:0123\ndata:4567\n\n", "message||0123\n4567; last="},
		{"data:01234\ndata:56789\n\n",
			"the data of an event are longer than the limit data_octets_max last="},
		{"id:1234\n\n", " last=1234"},
		{"id:12345\n\n", "the last event ID is longer than the limit id_octets_max last="},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf o = events(bytes_str(cases[i].in), &lim);
		if (!bytes_eq_str(buf_bytes(&o), cases[i].out))
			fail_msg("case %zu: %.*s", i, (int)o.n, (const char *)o.p);
		buf_fini(&o);
	}
}

static void what_the_encoder_writes_the_decoder_reads(void **state)
{
	(void)state;
	static const char *const types[] = {NULL, "update", "", " spaced"};
	static const char *const ids[] = {NULL, "7", "", " x"};
	static const struct {
		const char *in, *out;
	} data[] = {{"", ""}, {"x", "x"}, {" x ", " x "}, {"a\nb", "a\nb"}, {"a\r\nb\rc\n", "a\nb\nc\n"},
		{"\n", "\n"}, {":x", ":x"}, {"\r\n\r\n", "\n\n"}};
	for (size_t t = 0; t < 4; t++)
		for (size_t i = 0; i < 4; i++)
			for (size_t k = 0; k < sizeof data / sizeof *data; k++) {
				struct buf out, want;
				buf_init(&out, &alloc_libc, 4096);
				buf_init(&want, &alloc_libc, 4096);
				struct bytes type = {
					(const uint8_t *)types[t], types[t] ? strlen(types[t]) : 0};
				struct bytes id = {(const uint8_t *)ids[i], ids[i] ? strlen(ids[i]) : 0};
				assert_true(sse_put_event(&out, type, id, bytes_str(data[k].in)));
				buf_str(&want, type.n > 0 ? types[t] : "message");
				buf_str(&want, "|");
				buf_add(&want, id);
				buf_str(&want, "|");
				buf_str(&want, data[k].out);
				buf_str(&want, "; last=");
				buf_add(&want, id);
				struct buf got = events(buf_bytes(&out), NULL);
				if (!bytes_eq(buf_bytes(&got), buf_bytes(&want)))
					fail_msg("%.*s reads %.*s", (int)out.n, (const char *)out.p,
						(int)got.n, (const char *)got.p);
				buf_fini(&got);
				buf_fini(&want);
				buf_fini(&out);
			}
}

static void the_encoder_refuses_what_would_break_a_line(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, &alloc_libc, 4096);
	assert_false(sse_put_event(&b, BYTES_LIT("a\nb"), BYTES_NONE, BYTES_LIT("x")));
	assert_false(sse_put_event(&b, BYTES_NONE, BYTES_LIT("a\rb"), BYTES_LIT("x")));
	assert_false(sse_put_event(&b, BYTES_NONE, BYTES_LIT("a\0b"), BYTES_LIT("x")));
	assert_false(sse_put_comment(&b, BYTES_LIT("a\nb")));
	assert_int_equal(b.n, 0);
	assert_true(sse_put_comment(&b, BYTES_NONE));
	sse_put_retry(&b, 3000);
	assert_true(bytes_eq_str(buf_bytes(&b), ":\n\nretry: 3000\n\n"));
	buf_fini(&b);
}

static void an_event_of_one_line_is_handed_out_where_it_lies(void **state)
{
	(void)state;
	struct bytes in = BYTES_LIT("id: 1\ndata: hello\n\n");
	struct sse_dec d;
	struct sse_ev ev;
	struct counting c;
	counting_init(&c, 0, false);
	sse_dec_init(&d, &c.al, NULL, 0);
	sse_dec_feed(&d, in);
	assert_int_equal(sse_dec_next(&d, &ev), SSE_EVENT);
	assert_ptr_equal(ev.data.p, in.p + 12);
	assert_int_equal(ev.off, 0);
	assert_int_equal(ev.len, in.n);
	assert_int_equal(sse_dec_next(&d, &ev), SSE_NEED);
	assert_int_equal(c.live, 1); /* the last event ID */
	assert_true(sizeof d <= 96);
	sse_dec_fini(&d);
	assert_int_equal(c.live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_grammar_is_followed_to_the_letter),
		cmocka_unit_test(limits_hold_at_their_edges),
		cmocka_unit_test(what_the_encoder_writes_the_decoder_reads),
		cmocka_unit_test(the_encoder_refuses_what_would_break_a_line),
		cmocka_unit_test(an_event_of_one_line_is_handed_out_where_it_lies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
