/*
 * Tests of the HTTP/1.1 codec: which messages are accepted, which rule refuses the others, limits at their edges, what
 * follows a message, and what the encoder will not write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proto/http1/h1_content.h"
#include "tests/support/codec_kit.h"

static struct buf decode(
	enum h1_role role, const char *methods, const struct h1_limits *lim, struct bytes in, bool eof)
{
	struct guarded g = guarded_new(in);
	struct buf o;
	struct counting c;
	counting_init(&c, 0, false);
	buf_init(&o, &alloc_libc, SIZE_MAX);
	h1_transcript(&o, &c.al, role, methods, lim, g.b, (struct cuts){0}, eof);
	assert_int_equal(c.live, 0);
	buf_u8(&o, 0);
	guarded_free(&g);
	return o;
}

static void expect_text(enum h1_role role, const char *methods, struct bytes in, bool eof, const char *part)
{
	struct buf o = decode(role, methods, NULL, in, eof);
	if (strstr((const char *)o.p, part) == NULL)
		fail_msg("%.*s\nhas no '%s' in\n%s", (int)in.n, (const char *)in.p, part, (const char *)o.p);
	buf_fini(&o);
}

/* Requests that are refused, and the words of the rule. */
static void requests_are_refused_by_the_rule_they_break(void **state)
{
	(void)state;
	static const struct {
		const char *request, *rule;
	} cases[] = {
		{"GET / HTTP/1.1\nHost: x\n\n", "LF without CR"},
		{"GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n", "CR is not followed by LF"},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: \x01\r\n\r\n", "control character"},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n", "control character"},
		{"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "request line is not"},
		{"GET /  HTTP/1.1\r\nHost: x\r\n\r\n", "request line is not"},
		{"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", "request line is not"},
		{" GET / HTTP/1.1\r\nHost: x\r\n\r\n", "request line is not"},
		{"GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n", "request line is not"},
		{"GET /\r\nHost: x\r\n\r\n", "request line is not"},
		{"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", "method is not a token"},
		{"GET / http/1.1\r\nHost: x\r\n\r\n", "version is not"},
		{"GET / HTTP/1.10\r\nHost: x\r\n\r\n", "version is not"},
		{"GET / HTTP/11\r\nHost: x\r\n\r\n", "version is not"},
		{"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "major version"},
		{"GET x HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"GET /\xc3\xa4 HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"GET * HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"GET http:///a HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"GET shop.test:80 HTTP/1.1\r\nHost: shop.test:80\r\n\r\n", "none of the four forms"},
		{"GET http:/a HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"CONNECT / HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"CONNECT a HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"CONNECT a:0 HTTP/1.1\r\nHost: x\r\n\r\n", "none of the four forms"},
		{"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "between the start line and the first field"},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", "obs-fold"},
		{"GET / HTTP/1.1\r\nHost: x\r\nAb\r\n\r\n", "no colon"},
		{"GET / HTTP/1.1\r\nHost: x\r\nA b: c\r\n\r\n", "name is not a token"},
		{"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", "between a field name and the colon"},
		{"GET / HTTP/1.1\r\nHost: x\r\nA\t: b\r\n\r\n", "between a field name and the colon"},
		{"GET / HTTP/1.1\r\nHost: x\r\n: b\r\n\r\n", "name is not a token"},
		{"GET / HTTP/1.1\r\nHost: x\r\n\"A\": b\r\n\r\n", "name is not a token"},
		{"GET / HTTP/1.1\r\n\r\n", "no Host"},
		{"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", "more than one Host"},
		{"GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n", "more than one Host"},
		{"GET / HTTP/1.1\r\nHost: x y\r\n\r\n", "Host field is not"},
		{"GET / HTTP/1.1\r\nHost: u@x\r\n\r\n", "Host field is not"},
		{"GET / HTTP/1.1\r\nHost: x/y\r\n\r\n", "Host field is not"},
		{"GET / HTTP/1.1\r\nHost: x:8a\r\n\r\n", "Host field is not"},
		{"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "Host field is not"},
		{"GET / HTTP/1.1\r\nHost: x:99999\r\n\r\n", "Host field is not"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", "not a decimal number"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", "not a decimal number"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x3\r\n\r\nabc", "not a decimal number"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3 3\r\n\r\nabc", "not a decimal number"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3.0\r\n\r\nabc", "not a decimal number"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\nabc",
			"more than one Content-Length"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\nabc",
			"more than one Content-Length"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9223372036854775808\r\n\r\n",
			"too large a number"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551619\r\n\r\nabc",
			"too large a number"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
			"as in request smuggling"},
		{"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
			"HTTP/1.0 message has a Transfer-Encoding"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n", "not one we know"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", "not one we know"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "not the last"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "not the last"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "not one we know"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
		 "chunked\r\n\r\n",
			"more than once"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked;q=1\r\n\r\n",
			"not a list of transfer codings"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \r\n\r\n",
			"not a list of transfer codings"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \"chunked\"\r\n\r\n",
			"not a list of transfer codings"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_text(H1_REQUESTS, NULL, bytes_str(cases[i].request), false, cases[i].rule);
}

/* RFC 3986 3.2.2, one host a line. */
static void a_host_is_a_name_or_an_address_in_brackets(void **state)
{
	(void)state;
	static const char *const good[] = {"", "x", "x:", "x:0", "x:65535",
		"a_b.c-d~e!$&'()*+,;=", "%41.test", "1.2.3.4:80", "[::]", "[::1]:8080",
		"[::1]:", "[1:2:3:4:5:6:7:8]", "[1::]", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]",
		"[::ffff:1.2.3.4]", "[1:2:3:4:5:6:255.0.1.10]", "[fe80::a:B]", "[v1.x:y]", "[vAF.~]"};
	static const char *const bad[] = {"x:65536", "x:8 0", "x:80:80", "[]", "[:]", "[:::]", "[1]",
		"[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1::2::3]", "[1:2:3:4:5:6:7:8::]", "[12345::]",
		"[g::]", "[1:]", "[:1]", "[1:2:3:4:5:6:7:]", "[::1.2.3]", "[::1.2.3.256]", "[::1.2.3.04]",
		"[::1.2.3.4:5]", "[::1.2.3.4.5]", "[1:2:3:4:5:6:7:1.2.3.4]", "[1.2.3.4]", "[fe80::1%25eth0]",
		"[v.x]", "[v1.]", "[v1]", "[vg.x]", "[v1.%41]", "[::1]x", "%4", "%zz", "x%", "::1", "x?y",
		"\xc3\xa4"};
	char request[200];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
		expect_text(H1_REQUESTS, NULL, bytes_str(request), false, "end at=");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
		expect_text(H1_REQUESTS, NULL, bytes_str(request), false, "Host field is not");
	}
}

#define CHUNKED "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

static void chunks_are_refused_by_the_rule_they_break(void **state)
{
	(void)state;
	static const struct {
		const char *request, *rule;
	} cases[] = {
		{CHUNKED "\r\n", "hexadecimal size"},
		{CHUNKED "g\r\n", "hexadecimal size"},
		{CHUNKED "-1\r\n", "hexadecimal size"},
		{CHUNKED " 1\r\n", "hexadecimal size"},
		{CHUNKED "0x1\r\n", "not a chunk extension"},
		{CHUNKED "1 \r\na\r\n", "not a chunk extension"},
		{CHUNKED "1;\r\na\r\n", "not a chunk extension"},
		{CHUNKED "1;a=\r\na\r\n", "not a chunk extension"},
		{CHUNKED "1;a=\"b\r\na\r\n", "not a chunk extension"},
		{CHUNKED "1;a b\r\na\r\n", "not a chunk extension"},
		{CHUNKED "8000000000000000\r\n", "too large a number"},
		{CHUNKED "10000000000000001\r\na\r\n", "too large a number"},
		{CHUNKED "1\na\r\n", "LF without CR"},
		{CHUNKED "1;a\nb\r\na\r\n", "LF without CR"},
		{CHUNKED "1\r\nab\r\n", "not followed by CRLF"},
		{CHUNKED "1\r\na\n", "not followed by CRLF"},
		{CHUNKED "0\r\nA : b\r\n\r\n", "between a field name and the colon"},
		{CHUNKED "0\r\n B: c\r\n\r\n", "between the start line and the first field"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_text(H1_REQUESTS, NULL, bytes_str(cases[i].request), false, cases[i].rule);
	expect_text(H1_REQUESTS, NULL, BYTES_LIT(CHUNKED "00001;a=\"b;c\\\"\" ; d\r\nx\r\n0\r\n\r\n"), false,
		"end at=");
	expect_text(H1_REQUESTS, NULL, BYTES_LIT(CHUNKED "A\r\n0123456789\r\n0\r\n\r\n"), false, "size=10");
}

static void requests_are_read_as_they_are_meant(void **state)
{
	(void)state;
	static const struct {
		const char *request, *part;
	} cases[] = {
		{"GET / HTTP/1.2\r\nHost: x\r\n\r\n", "version=12"},
		{"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "target=<*>"},
		{"GET http://a.test:80/b?c HTTP/1.1\r\nHost: x\r\n\r\n", "target=<http://a.test:80/b?c>"},
		{"GET / HTTP/1.1\r\nHost:\r\n\r\n", "end at=25"},
		{"GET / HTTP/1.1\r\nHost: [2001:db8::1]:8080\r\n\r\n", "keep_alive=1"},
		{"GET / HTTP/1.0\r\n\r\n", "keep_alive=0"},
		{"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "keep_alive=1"},
		{"GET / HTTP/1.1\r\nHost: x\r\nConnection: a, CLOSE\r\n\r\n", "keep_alive=0"},
		{"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
			"keep_alive=0"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: , Chunked ,\r\n\r\n", "framing=chunked"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0003\r\n\r\nabc", "data off=49 n=3"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "framing=length length=0"},
		{"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
			"expect=1"},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", "upgrade=0"},
		{"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: x, upgrade\r\n\r\n",
			"upgrade=1"},
		{"GET / HTTP/1.1\r\nHost: x\r\nA: \t b \xff c \t\r\n\r\n", "value=<b \\ff c>"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_text(H1_REQUESTS, NULL, bytes_str(cases[i].request), false, cases[i].part);
}

static void responses_are_framed_by_request_and_status(void **state)
{
	(void)state;
	static const struct {
		const char *methods, *response, *part;
	} cases[] = {
		{"", "HTTP/1.1 200 OK\r\n\r\nabc", "framing=until-close"},
		{"H", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "end at=47 keep_alive=1"},
		{"", "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", "framing=none"},
		{"", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", "framing=none"},
		{"", "HTTP/1.1 100 \r\n\r\n", "interim=1"},
		{"", "HTTP/1.1 101 \r\nContent-Length: 9\r\n\r\nxyz", "switched"},
		{"C", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nxyz", "switched"},
		{"C", "HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\nx", "framing=length"},
		{"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", "framing=until-close"},
		{"", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "framing=chunked"},
		{"", "HTTP/1.1 200\r\n\r\n", "status line is not"},
		{"", "HTTP/1.1 2000 OK\r\n\r\n", "status line is not"},
		{"", "HTTP/1.1 2x0 OK\r\n\r\n", "status line is not"},
		{"", "HTTP/1.1  200 OK\r\n\r\n", "status line is not"},
		{"", "\r\nHTTP/1.1 200 OK\r\n\r\n", "status line is not"},
		{"", "HTTP/1.1 200 \r\nA: b\r\n c\r\n \r\n\td\r\nContent-Length: 0\r\n\r\n",
			"value=<b c d> folded"},
		{"", "HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n", "status=999"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect_text(
			H1_RESPONSES, cases[i].methods, bytes_str(cases[i].response), false, cases[i].part);
}

static void an_end_inside_a_message_is_told_apart_from_one_between(void **state)
{
	(void)state;
	expect_text(H1_RESPONSES, NULL, BYTES_LIT("HTTP/1.0 200 OK\r\n\r\nabc"), true,
		"end at=22 keep_alive=0\nclosed");
	expect_text(H1_RESPONSES, NULL, BYTES_LIT("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc"), true,
		"truncated");
	expect_text(H1_RESPONSES, NULL,
		BYTES_LIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"), true, "truncated");
	expect_text(H1_REQUESTS, NULL, BYTES_LIT("GET / HT"), true, "truncated");
	expect_text(H1_REQUESTS, NULL, BYTES_LIT("\r"), true, "closed");
	expect_text(H1_REQUESTS, NULL, BYTES_NONE, true, "closed");
}

static void a_chunked_body_may_end_in_a_feed_of_its_own(void **state)
{
	(void)state;
	struct bytes in =
		BYTES_LIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
	size_t at = in.n - 5;
	struct buf o;
	buf_init(&o, &alloc_libc, SIZE_MAX);
	h1_transcript(&o, &alloc_libc, H1_RESPONSES, NULL, NULL, in, (struct cuts){.at = &at, .n = 1}, false);
	buf_u8(&o, 0);
	assert_non_null(strstr((const char *)o.p, "end at=60"));
	buf_fini(&o);
}

/* Builds a request whose part has `n` octets, and tells whether it is accepted under the limits. */
static bool accepted(const struct h1_limits *lim, const char *before, char fill, size_t n, const char *after)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, before);
	for (size_t i = 0; i < n; i++)
		buf_u8(&in, (uint8_t)fill);
	buf_str(&in, after);
	struct buf o = decode(H1_REQUESTS, NULL, lim, buf_bytes(&in), false);
	bool ok = strstr((const char *)o.p, "end at=") != NULL;
	bool named = strstr((const char *)o.p, "limit") != NULL;
	assert_true(ok != named);
	buf_fini(&o);
	buf_fini(&in);
	return ok;
}

static void every_limit_holds_at_its_edge(void **state)
{
	(void)state;
	const struct h1_limits d = h1_limits_default;
	struct h1_limits l = d;
	l.line_octets_max = 100;
	assert_true(accepted(&l, "GET /", 'a', 100 - 14, " HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_false(accepted(&l, "GET /", 'a', 101 - 14, " HTTP/1.1\r\nHost: x\r\n\r\n"));
	assert_true(accepted(&l, "GET / HTTP/1.1\r\nHost: x\r\nA:", 'a', 98, "\r\n\r\n"));
	assert_false(accepted(&l, "GET / HTTP/1.1\r\nHost: x\r\nA:", 'a', 99, "\r\n\r\n"));
	assert_true(accepted(&l, CHUNKED, '0', 100, "\r\n\r\n"));
	assert_false(accepted(&l, CHUNKED, '0', 101, "\r\n\r\n"));
	l = d;
	l.head_octets_max = 60;
	assert_true(accepted(&l, "GET / HTTP/1.1\r\nHost: x\r\nA:", 'a', 60 - 27, "\r\n\r\n"));
	assert_false(accepted(&l, "GET / HTTP/1.1\r\nHost: x\r\nA:", 'a', 61 - 27, "\r\n\r\n"));
	l = d;
	l.fields_max = 2;
	assert_true(accepted(&l, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 'b', 1, "\r\n\r\n"));
	assert_false(accepted(&l, "GET / HTTP/1.1\r\nHost: x\r\nA: ", 'b', 1, "\r\nC: d\r\n\r\n"));
	l = d;
	l.empty_lines_max = 2;
	assert_true(accepted(&l, "\r\n\r\nGET / HTTP/1.1\r\nHost: ", 'x', 1, "\r\n\r\n"));
	assert_false(accepted(&l, "\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: ", 'x', 1, "\r\n\r\n"));
	l = d;
	l.body_octets_max = 3;
	assert_true(accepted(&l, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n", 'x', 3, ""));
	assert_false(accepted(&l, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n", 'x', 4, ""));
	assert_true(accepted(&l, CHUNKED "2\r\nab\r\n1\r\n", 'x', 1, "\r\n0\r\n\r\n"));
	assert_false(accepted(&l, CHUNKED "2\r\nab\r\n2\r\n", 'x', 2, "\r\n0\r\n\r\n"));
	l = d;
	l.chunk_ext_octets_max = 4;
	assert_true(accepted(&l, CHUNKED "1;a\r\nx\r\n0;", 'x', 1, "\r\n\r\n"));
	assert_false(accepted(&l, CHUNKED "1;a\r\nx\r\n0;", 'x', 2, "\r\n\r\n"));
}

static void what_follows_an_upgrade_is_handed_over(void **state)
{
	(void)state;
	struct h1_dec d;
	struct h1_ev ev;
	uint64_t off;
	h1_dec_init(&d, &alloc_libc, H1_REQUESTS, NULL);
	h1_dec_feed(&d, BYTES_LIT("GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: "
				  "websocket\r\n\r\n\x81\x80"));
	assert_int_equal(h1_dec_next(&d, &ev), H1_HEAD);
	assert_true(ev.head.upgrade);
	assert_int_equal(h1_dec_next(&d, &ev), H1_END);
	struct bytes rest = h1_dec_rest(&d, &off);
	assert_int_equal(rest.n, 2);
	assert_int_equal(off, 68);
	assert_int_equal(h1_dec_next(&d, &ev), H1_SWITCHED);
	h1_dec_fini(&d);
}

static void an_idle_connection_costs_little(void **state)
{
	(void)state;
	struct counting c;
	struct h1_dec d;
	struct h1_ev ev;
	counting_init(&c, 0, false);
	h1_dec_init(&d, &c.al, H1_RESPONSES, NULL);
	h1_dec_feed(&d, BYTES_LIT("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"));
	while (h1_dec_next(&d, &ev) != H1_NEED)
		;
	assert_int_equal(c.live, 0);
	assert_true(sizeof d <= 104);
	h1_dec_fini(&d);
}

static void the_encoder_refuses_what_would_break_a_line(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, &alloc_libc, 4096);
	assert_false(h1_put_request_line(&b, BYTES_LIT("GE T"), BYTES_LIT("/")));
	assert_false(h1_put_request_line(&b, BYTES_LIT("GET"), BYTES_LIT("/a b")));
	assert_false(h1_put_request_line(&b, BYTES_LIT("GET"), BYTES_LIT("")));
	assert_false(h1_put_status_line(&b, 99, NULL));
	assert_false(h1_put_status_line(&b, 200, "a\r\nb"));
	assert_false(h1_put_field_str(&b, "A", "b\r\nC: d"));
	assert_false(h1_put_field_str(&b, "A:", "b"));
	assert_false(h1_put_field_str(&b, "", "b"));
	assert_false(h1_put_chunk(&b, BYTES_LIT("x"), BYTES_LIT(";a\r\n")));
	assert_false(h1_put_chunk(&b, BYTES_LIT("x"), BYTES_LIT("a")));
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

static void what_the_encoder_writes_the_decoder_reads(void **state)
{
	(void)state;
	struct buf b;
	struct h1_field t = {.name = BYTES_LIT("Digest"), .value = BYTES_LIT("x=1")};
	buf_init(&b, &alloc_libc, 4096);
	assert_true(h1_put_status_line(&b, 200, NULL));
	assert_true(h1_put_field_str(&b, "Transfer-Encoding", "chunked"));
	assert_true(h1_put_field_dec(&b, "Age", 7));
	h1_put_end(&b);
	assert_true(h1_put_chunk(&b, BYTES_LIT("hello"), BYTES_LIT(";n=\"1\"")));
	assert_true(h1_put_chunk(&b, BYTES_LIT("0123456789abcdef"), BYTES_NONE));
	assert_true(h1_put_last_chunk(&b, &t, 1));
	struct buf o = decode(H1_RESPONSES, NULL, NULL, buf_bytes(&b), false);
	const char *parts[] = {"reason=<OK>", "value=<7>", "size=5 ext=<;n=\"1\">", "size=16",
		"name=<Digest>", "value=<x=1>", "busy=0"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strstr((const char *)o.p, parts[i]) == NULL)
			fail_msg("no %s in\n%s", parts[i], (const char *)o.p);
	buf_fini(&o);
	buf_fini(&b);
}

static void lists_and_media_types_are_taken_apart(void **state)
{
	(void)state;
	struct bytes rest = BYTES_LIT(" , a ,\"b,c\" ;d,, e\t"), e;
	assert_true(h1_list_next(&rest, &e) && bytes_eq_str(e, "a"));
	assert_true(h1_list_next(&rest, &e) && bytes_eq_str(e, "\"b,c\" ;d"));
	assert_true(h1_list_next(&rest, &e) && bytes_eq_str(e, "e"));
	assert_false(h1_list_next(&rest, &e));
	assert_true(bytes_eq_str(
		h1_media_type(BYTES_LIT(" text/event-stream ; charset=utf-8")), "text/event-stream"));
	assert_string_equal(h1_reason(404), "Not Found");
	assert_string_equal(h1_reason(799), "");
}

static void content_codings_are_undone_within_limits(void **state)
{
	(void)state;
	static const struct {
		const char *coding, *hex, *out;
		enum h1_content r;
		size_t max;
	} cases[] = {
		{"", "6869", "hi", H1_CONTENT_OK, 9},
		{"identity", "6869", "hi", H1_CONTENT_OK, 9},
		{"gzip", "1f8b08000000000000ffcb48cdc9c9070086a6103605000000", "hello", H1_CONTENT_OK, 9},
		{"X-GZIP", "1f8b08000000000000ffcb48cdc9c9070086a6103605000000", "hello", H1_CONTENT_OK, 5},
		{"gzip", "1f8b08000000000000ffcb48cdc9c9070086a6103605000000", "hell", H1_CONTENT_LONG, 4},
		{"gzip", "1f8b08000000000000ffcb48cdc9c907", "hello", H1_CONTENT_CUT, 9},
		{"gzip", "1f8b08000000000000ffcb48cdc9c9070086a6103705000000", "hello", H1_CONTENT_BAD, 9},
		{"gzip", "68656c6c6f", "", H1_CONTENT_BAD, 9},
		{"deflate", "789ccb48cdc9c907000 62c0215", "hello", H1_CONTENT_OK, 9},
		{"deflate", "cb48cdc9c90700", "hello", H1_CONTENT_OK, 9},
		{"br", "6869", "", H1_CONTENT_UNKNOWN, 9},
		{"deflate, deflate", "cb48cdc9c90700", "", H1_CONTENT_BAD, 9},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf in, out;
		struct counting c;
		counting_init(&c, 0, false);
		buf_init(&in, &alloc_libc, SIZE_MAX);
		buf_init(&out, &c.al, SIZE_MAX);
		assert_true(hex_get(&in, bytes_str(cases[i].hex)));
		enum h1_content r = h1_content_decode(
			&c.al, bytes_str(cases[i].coding), buf_bytes(&in), cases[i].max, &out);
		if (r != cases[i].r || !bytes_eq_str(buf_bytes(&out), cases[i].out))
			fail_msg("case %zu: %d %.*s", i, r, (int)out.n, (const char *)out.p);
		buf_fini(&in);
		buf_fini(&out);
		assert_int_equal(c.live, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_refused_by_the_rule_they_break),
		cmocka_unit_test(a_host_is_a_name_or_an_address_in_brackets),
		cmocka_unit_test(chunks_are_refused_by_the_rule_they_break),
		cmocka_unit_test(requests_are_read_as_they_are_meant),
		cmocka_unit_test(responses_are_framed_by_request_and_status),
		cmocka_unit_test(an_end_inside_a_message_is_told_apart_from_one_between),
		cmocka_unit_test(a_chunked_body_may_end_in_a_feed_of_its_own),
		cmocka_unit_test(every_limit_holds_at_its_edge),
		cmocka_unit_test(what_follows_an_upgrade_is_handed_over),
		cmocka_unit_test(an_idle_connection_costs_little),
		cmocka_unit_test(the_encoder_refuses_what_would_break_a_line),
		cmocka_unit_test(what_the_encoder_writes_the_decoder_reads),
		cmocka_unit_test(lists_and_media_types_are_taken_apart),
		cmocka_unit_test(content_codings_are_undone_within_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
