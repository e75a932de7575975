/*
 * Tests of the WebSocket codec: where a decoder fails, limits at their edges, close codes, compression, the handshake and
 * the negotiation of permessage-deflate; what the encoder writes, the decoder reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proto/base/utf8.h"
#include "proto/ws/handshake.h"
#include "tests/support/codec_kit.h"

static struct buf decode(
	enum ws_role role, const struct ws_limits *lim, const struct ws_pmd *pmd, struct bytes in)
{
	struct guarded g = guarded_new(in);
	struct counting c;
	struct buf o;
	counting_init(&c, 0, false);
	buf_init(&o, &alloc_libc, SIZE_MAX);
	ws_transcript(&o, &c.al, role, lim, pmd, g.b, (struct cuts){0});
	assert_int_equal(c.live, 0);
	buf_u8(&o, 0);
	guarded_free(&g);
	return o;
}

static void expect(enum ws_role role, const char *hex, const char *part)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	assert_true(hex_get(&in, bytes_str(hex)));
	struct ws_pmd pmd = {.on = true};
	struct buf o = decode(role, NULL, strstr(part, "z=1") ? &pmd : NULL, buf_bytes(&in));
	if (strstr((const char *)o.p, part) == NULL)
		fail_msg("%s has no '%s' in\n%s", hex, part, (const char *)o.p);
	buf_fini(&o);
	buf_fini(&in);
}

static void a_fault_is_known_at_its_first_octet(void **state)
{
	(void)state;
	static const struct {
		enum ws_role role;
		const char *hex, *part;
	} cases[] = {
		{WS_CLIENT, "83", "code=1002 off=1 the opcode is reserved"},
		{WS_CLIENT, "8f", "code=1002 off=1 the opcode is reserved"},
		{WS_CLIENT, "91", "code=1002 off=1 a reserved bit"},
		{WS_CLIENT, "c1", "code=1002 off=1 a reserved bit"},
		{WS_CLIENT, "09", "code=1002 off=1 a control frame is fragmented"},
		{WS_CLIENT, "80", "code=1002 off=1 a continuation"},
		{WS_CLIENT, "010161 81", "code=1002 off=4 a new message"},
		{WS_CLIENT, "8181", "code=1002 off=2 a server's frame is masked"},
		{WS_SERVER, "8101", "code=1002 off=2 a client's frame is not masked"},
		{WS_CLIENT, "897e", "code=1002 off=2 a control frame has more"},
		{WS_CLIENT, "8801", "code=1002 off=2 a Close frame has"},
		{WS_CLIENT, "817e007d", "code=1002 off=4 the payload length is not in its shortest"},
		{WS_CLIENT, "827f000000000000", "code=1002 off=8 the payload length is not in its shortest"},
		{WS_CLIENT, "827f80", "code=1002 off=3 the most significant bit"},
		{WS_CLIENT, "880203ed", "code=1002 off=4 this close code"},
		{WS_CLIENT, "880503e8ff", "code=1007 off=5 the reason in a Close"},
		{WS_CLIENT, "880403e8c3a9", "code=1000 data=<\\c3\\a9>"},
		{WS_CLIENT, "880303e8c3", "code=1007 off=5 the reason in a Close"},
		{WS_CLIENT, "8800", "close off=0 len=2 op=8 z=0 frames=0 wire=0 code=1005"},
		{WS_CLIENT, "0102e697 8001a5", "message off=0 len=7 op=1 z=0 frames=2"},
		{WS_CLIENT, "0101e6 0101a5", "off=4 a new message"},
		{WS_CLIENT, "0101c3 800128", "code=1007 off=6 a text message is not UTF-8"},
		{WS_CLIENT, "0101c3 8000", "code=1007 off=5 a text message is not UTF-8"},
		{WS_CLIENT, "827f0000000000010000", "busy=1"},
		{WS_CLIENT, "c207 f248cdc9c90700",
			"message off=0 len=9 op=2 z=1 frames=1 wire=7 code=0 data=<Hello>"},
		{WS_CLIENT, "4103f248cd 8004c9c90700", "op=1 z=1 frames=2 wire=7 code=0 data=<Hello>"},
		/* RFC 7692 7.2.3.2, 7.2.3.3, 7.2.3.4, 7.2.3.5: context, stored, final and two blocks */
		{WS_CLIENT, "c107f248cdc9c90700 c105f200110000",
			"off=9 len=7 op=1 z=1 frames=1 wire=5 code=0 data=<Hello>"},
		{WS_CLIENT, "c10b000500faff48656c6c6f00", "op=1 z=1 frames=1 wire=11 code=0 data=<Hello>"},
		{WS_CLIENT, "c108f348cdc9c9070000", "op=1 z=1 frames=1 wire=8 code=0 data=<Hello>"},
		{WS_CLIENT, "c10df248050000 00ffffcac9c90700",
			"op=1 z=1 frames=1 wire=13 code=0 data=<Hello>"},
		{WS_CLIENT, "c10100", "z=1 frames=1 wire=1 code=0 data=<>"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect(cases[i].role, cases[i].hex, cases[i].part);
}

/* RFC 6455 5.2, 5.4, 5.5 as a table of two octets, written independently of the decoder. */
static bool legal(unsigned a, unsigned b, bool server, bool pmd, bool inside)
{
	unsigned op = a & 15, rsv = a >> 4 & 7, len = b & 0x7f;
	bool fin = a >> 7, control = op >= 8, data = op == 1 || op == 2;
	if (op > 10 || (op >= 3 && op <= 7))
		return false;
	if (rsv != 0 && !(rsv == 4 && pmd && data))
		return false;
	if (control && (!fin || len > 125 || (op == 8 && len == 1)))
		return false;
	if (op == 0 && !inside)
		return false;
	if (data && inside)
		return false;
	return (b >> 7) == server;
}

static void all_first_two_octets_are_judged_as_the_rfc_says(void **state)
{
	(void)state;
	for (unsigned v = 0; v < 65536 * 8; v++) {
		unsigned a = v & 255, b = v >> 8 & 255;
		bool server = v >> 16 & 1, pmd = v >> 17 & 1, inside = v >> 18 & 1;
		uint8_t first[6] = {0x02, server ? 0x80 : 0x00}, head[2] = {(uint8_t)a, (uint8_t)b};
		struct ws_pmd p = {.on = pmd};
		struct ws_dec d;
		struct ws_ev ev;
		ws_dec_init(&d, &alloc_libc, server ? WS_SERVER : WS_CLIENT, NULL, &p);
		if (inside) {
			ws_dec_feed(&d, (struct bytes){first, server ? 6 : 2});
			while (ws_dec_next(&d, &ev) != WS_NEED)
				assert_int_not_equal(ev.kind, WS_ERROR);
		}
		ws_dec_feed(&d, (struct bytes){head, 2});
		enum ws_ev_kind k = ws_dec_next(&d, &ev);
		if ((k != WS_ERROR) != legal(a, b, server, pmd, inside))
			fail_msg("%02x %02x server=%d pmd=%d inside=%d", a, b, server, pmd, inside);
		ws_dec_fini(&d);
	}
}

static void close_codes_are_those_of_the_registry(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 65536; c++) {
		bool ok = (c >= 1000 && c <= 1003) || (c >= 1007 && c <= 1014) || (c >= 3000 && c <= 4999);
		assert_int_equal(ws_close_code_legal(c), ok);
	}
}

static struct buf message(unsigned op, size_t n, size_t per_frame)
{
	struct buf b;
	static uint8_t x[4096];
	memset(x, 'x', sizeof x);
	buf_init(&b, &alloc_libc, SIZE_MAX);
	for (size_t at = 0; at < n || at == 0; at += per_frame) {
		size_t k = n - at < per_frame ? n - at : per_frame;
		ws_put_frame(&b, at + k == n, 0, at == 0 ? op : WS_CONT, (struct bytes){x, k}, NULL);
	}
	return b;
}

static void limits_hold_at_their_edges(void **state)
{
	(void)state;
	const struct ws_limits lim = {100, 4};
	const struct {
		size_t n, per_frame;
		const char *part;
	} cases[] = {{100, 100, "message"}, {101, 101, "code=1009"}, {100, 25, "message"},
		{101, 40, "code=1009"}, {5, 1, "code=1008"}, {4, 1, "message"}, {1000, 1000, "code=1009"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf in = message(WS_BINARY, cases[i].n, cases[i].per_frame);
		struct buf o = decode(WS_CLIENT, &lim, NULL, buf_bytes(&in));
		if (strstr((const char *)o.p, cases[i].part) == NULL)
			fail_msg("case %zu:\n%s", i, (const char *)o.p);
		buf_fini(&o);
		buf_fini(&in);
	}
}

static void a_compressed_message_is_limited_by_what_comes_out(void **state)
{
	(void)state;
	for (size_t n = 99; n <= 101; n++) {
		struct ws_pmd pmd = {.on = true};
		struct ws_limits lim = {100, 4};
		struct ws_deflate *z = ws_deflate_new(&alloc_libc, &pmd, 6);
		uint8_t data[200];
		struct buf payload, in;
		memset(data, 'a', sizeof data);
		buf_init(&payload, &alloc_libc, SIZE_MAX);
		buf_init(&in, &alloc_libc, SIZE_MAX);
		assert_true(ws_deflate(z, (struct bytes){data, n}, &payload));
		ws_put_frame(&in, true, 4, WS_TEXT, buf_bytes(&payload), NULL);
		struct buf o = decode(WS_CLIENT, &lim, &pmd, buf_bytes(&in));
		assert_non_null(strstr((const char *)o.p, n <= 100 ? "message" : "code=1009"));
		buf_fini(&o);
		buf_fini(&in);
		buf_fini(&payload);
		ws_deflate_free(z);
	}
}

static uint32_t draw(uint32_t *s)
{
	*s = *s * 1664525u + 1013904223u;
	return *s >> 8;
}

static void what_the_encoder_writes_the_decoder_reads(void **state)
{
	(void)state;
	uint32_t s = 1;
	static uint8_t data[70000];
	for (unsigned round = 0; round < 300; round++) {
		size_t n = round < 10 ? 65530 + round : round < 20 ? 116 + round : draw(&s) % 3000;
		bool client = round & 1, text = round & 2;
		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)(text ? draw(&s) & 0x7f : draw(&s));
		uint8_t key[4] = {(uint8_t)draw(&s), (uint8_t)draw(&s), (uint8_t)draw(&s), (uint8_t)draw(&s)};
		struct buf out;
		struct ws_dec d;
		struct ws_ev ev;
		buf_init(&out, &alloc_libc, SIZE_MAX);
		ws_put_message(
			&out, text ? WS_TEXT : WS_BINARY, (struct bytes){data, n}, client ? key : NULL);
		ws_dec_init(&d, &alloc_libc, client ? WS_SERVER : WS_CLIENT, NULL, NULL);
		ws_dec_feed(&d, buf_bytes(&out));
		assert_int_equal(ws_dec_next(&d, &ev), WS_FRAME);
		assert_int_equal(ev.frame.hdr_len + ev.frame.pay_len, out.n);
		/* The header read, written again, is the same octets. */
		uint8_t h[WS_HEADER_MAX];
		unsigned len = ws_header(h, ev.frame.fin, ev.frame.rsv, ev.frame.op, ev.frame.pay_len,
			client ? ev.frame.key : NULL);
		assert_int_equal(len, ev.frame.hdr_len);
		assert_memory_equal(h, out.p, len);
		assert_int_equal(ws_dec_next(&d, &ev), WS_MESSAGE);
		assert_true(bytes_eq(ev.data, (struct bytes){data, n}));
		assert_int_equal(ws_dec_next(&d, &ev), WS_NEED);
		assert_null(d.work);
		ws_dec_fini(&d);
		buf_fini(&out);
	}
}

static void compression_survives_every_window_and_takeover(void **state)
{
	(void)state;
	uint32_t s = 7;
	static uint8_t data[5000];
	for (unsigned bits = 8; bits <= 15; bits++)
		for (unsigned nct = 0; nct < 2; nct++) {
			struct ws_pmd pmd = {
				.on = true, .no_context_takeover = nct, .window_bits = (uint8_t)bits};
			struct ws_deflate *z = ws_deflate_new(&alloc_libc, &pmd, 9);
			struct ws_dec d;
			ws_dec_init(&d, &alloc_libc, WS_CLIENT, NULL, &pmd);
			for (unsigned round = 0; round < 20; round++) {
				size_t n = draw(&s) % sizeof data;
				struct buf payload, frame;
				struct ws_ev ev;
				for (size_t i = 0; i < n; i++)
					data[i] = (uint8_t)("news about the weather "[draw(&s) % 23]);
				if (round == 3)
					n = 0;
				buf_init(&payload, &alloc_libc, SIZE_MAX);
				buf_init(&frame, &alloc_libc, SIZE_MAX);
				assert_true(ws_deflate(z, (struct bytes){data, n}, &payload));
				ws_put_frame(&frame, true, 4, WS_BINARY, buf_bytes(&payload), NULL);
				ws_dec_feed(&d, buf_bytes(&frame));
				assert_int_equal(ws_dec_next(&d, &ev), WS_FRAME);
				assert_int_equal(ws_dec_next(&d, &ev), WS_MESSAGE);
				assert_true(bytes_eq(ev.data, (struct bytes){data, n}));
				assert_int_equal(ws_dec_next(&d, &ev), WS_NEED);
				buf_fini(&payload);
				buf_fini(&frame);
			}
			ws_dec_fini(&d);
			ws_deflate_free(z);
		}
}

/* 600 octets that do not repeat, then a copy of the first ones: a distance beyond 512, within 1024. */
static void a_reference_beyond_the_agreed_window_is_refused(void **state)
{
	(void)state;
	uint8_t data[700];
	uint32_t s = 3;
	for (size_t i = 0; i < 600; i++)
		data[i] = (uint8_t)draw(&s);
	memcpy(data + 600, data, 100);
	struct ws_pmd ten = {.on = true, .window_bits = 11}, nine = {.on = true, .window_bits = 9};
	struct ws_deflate *z = ws_deflate_new(&alloc_libc, &ten, 9);
	struct buf payload, frame;
	buf_init(&payload, &alloc_libc, SIZE_MAX);
	buf_init(&frame, &alloc_libc, SIZE_MAX);
	assert_true(ws_deflate(z, (struct bytes){data, sizeof data}, &payload));
	assert_true(payload.n < 680);
	ws_put_frame(&frame, true, 4, WS_BINARY, buf_bytes(&payload), NULL);
	struct buf a = decode(WS_CLIENT, NULL, &ten, buf_bytes(&frame)),
		   b = decode(WS_CLIENT, NULL, &nine, buf_bytes(&frame));
	assert_non_null(strstr((const char *)a.p, "message"));
	assert_non_null(strstr((const char *)b.p, "not DEFLATE data"));
	buf_fini(&a);
	buf_fini(&b);
	buf_fini(&payload);
	buf_fini(&frame);
	ws_deflate_free(z);
}

static void an_idle_connection_costs_little(void **state)
{
	(void)state;
	assert_true(sizeof(struct ws_dec) <= 104);
}

static void a_long_reason_is_cut_at_a_character(void **state)
{
	(void)state;
	char reason[200];
	struct buf out;
	struct ws_dec d;
	struct ws_ev ev;
	for (size_t i = 0; i < 198; i += 3)
		memcpy(reason + i, "\xe2\x82\xac", 3);
	buf_init(&out, &alloc_libc, 400);
	ws_put_close(&out, 1001, (struct bytes){(uint8_t *)reason, 198}, NULL);
	ws_dec_init(&d, &alloc_libc, WS_CLIENT, NULL, NULL);
	ws_dec_feed(&d, buf_bytes(&out));
	assert_int_equal(ws_dec_next(&d, &ev), WS_FRAME);
	assert_int_equal(ws_dec_next(&d, &ev), WS_CLOSE);
	assert_int_equal(ev.data.n, 123);
	assert_true(utf8_valid(ev.data));
	ws_dec_fini(&d);
	buf_fini(&out);
}

static void the_key_of_rfc_6455_gives_its_accept(void **state)
{
	(void)state;
	char accept[WS_ACCEPT_LEN + 1], key[WS_KEY_LEN + 1];
	ws_accept(BYTES_LIT("dGhlIHNhbXBsZSBub25jZQ=="), accept);
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	ws_key((const uint8_t *)"the sample nonce", key);
	assert_string_equal(key, "dGhlIHNhbXBsZSBub25jZQ==");
}

/* A request with some lines instead of the usual ones; the status that answers it. */
static unsigned answer(const char *request_line, const char *lines)
{
	struct buf in;
	struct h1_dec d;
	struct h1_ev ev;
	struct ws_hs_request r = {.status = 0};
	static const struct ws_pmd_policy policy = {.on = true};
	buf_init(&in, &alloc_libc, 4096);
	buf_str(&in, request_line);
	buf_str(&in, "\r\nHost: x\r\n");
	buf_str(&in, lines);
	buf_str(&in, "\r\n");
	h1_dec_init(&d, &alloc_libc, H1_REQUESTS, NULL);
	h1_dec_feed(&d, buf_bytes(&in));
	if (h1_dec_next(&d, &ev) == H1_HEAD)
		ws_hs_check_request(&ev.head, &policy, &r);
	h1_dec_fini(&d);
	buf_fini(&in);
	return r.status;
}

#define UP "Upgrade: websocket\r\n"
#define CO "Connection: Upgrade\r\n"
#define VE "Sec-WebSocket-Version: 13\r\n"
#define KE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static void a_server_asks_for_everything_the_rfc_does(void **state)
{
	(void)state;
	static const struct {
		const char *line, *lines;
		unsigned status;
	} cases[] = {
		{"GET / HTTP/1.1", UP CO VE KE, 101},
		{"GET / HTTP/1.1", "upgrade: h2c, WebSocket\r\nconnection: keep-alive, UPGRADE\r\n" VE KE,
			101},
		{"GET / HTTP/1.1", UP CO VE KE "Sec-WebSocket-Protocol: a, b\r\n", 101},
		{"GET / HTTP/1.1",
			UP CO VE KE "Sec-WebSocket-Extensions: foo; a=\"b\", permessage-deflate\r\n", 101},
		{"POST / HTTP/1.1", UP CO VE KE, 400},
		{"GET / HTTP/1.0", UP CO VE KE, 400},
		{"GET / HTTP/1.1", CO VE KE, 400},
		{"GET / HTTP/1.1", UP VE KE, 400},
		{"GET / HTTP/1.1", "Upgrade: websockets\r\n" CO VE KE, 400},
		{"GET / HTTP/1.1", UP "Connection: keep-alive\r\n" VE KE, 400},
		{"GET / HTTP/1.1", UP CO KE, 400},
		{"GET / HTTP/1.1", UP CO KE "Sec-WebSocket-Version: 8\r\n", 426},
		{"GET / HTTP/1.1", UP CO KE "Sec-WebSocket-Version: 13, 8\r\n", 400},
		{"GET / HTTP/1.1", UP CO KE VE VE, 400},
		{"GET / HTTP/1.1", UP CO VE, 400},
		{"GET / HTTP/1.1", UP CO VE KE KE, 400},
		{"GET / HTTP/1.1", UP CO VE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n", 400},
		{"GET / HTTP/1.1", UP CO VE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n", 400},
		{"GET / HTTP/1.1", UP CO VE "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSE=\r\n", 400},
		{"GET / HTTP/1.1", UP CO VE KE "Sec-WebSocket-Protocol: a b\r\n", 400},
		{"GET / HTTP/1.1", UP CO VE KE "Sec-WebSocket-Protocol: a, a\r\n", 400},
		{"GET / HTTP/1.1", UP CO VE KE "Sec-WebSocket-Extensions: permessage-deflate;;\r\n", 400},
		{"GET / HTTP/1.1", UP CO VE KE "Sec-WebSocket-Extensions: a=b\r\n", 400},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsigned status = answer(cases[i].line, cases[i].lines);
		if (status != cases[i].status)
			fail_msg("%s\n%s is answered by %u", cases[i].line, cases[i].lines, status);
	}
}

static void a_client_goes_on_only_with_what_it_asked_for(void **state)
{
	(void)state;
#define AC "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
	static const struct {
		const char *status, *lines;
		bool ok;
	} cases[] = {
		{"HTTP/1.1 101 Switching Protocols", UP CO AC, true},
		{"HTTP/1.1 101 ", "upgrade: WebSocket\r\nConnection: x, upgrade\r\n" AC, true},
		{"HTTP/1.1 101 ", UP CO AC "Sec-WebSocket-Protocol: chat\r\n", true},
		{"HTTP/1.1 101 ", UP CO AC "Sec-WebSocket-Extensions: permessage-deflate\r\n", true},
		{"HTTP/1.1 200 OK", UP CO AC, false},
		{"HTTP/1.0 101 ", UP CO AC, false},
		{"HTTP/1.1 101 ", CO AC, false},
		{"HTTP/1.1 101 ", UP AC, false},
		{"HTTP/1.1 101 ", UP CO, false},
		{"HTTP/1.1 101 ", UP CO AC AC, false},
		{"HTTP/1.1 101 ", "Upgrade: websocket, h2c\r\n" CO AC, false},
		{"HTTP/1.1 101 ", UP CO "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", false},
		{"HTTP/1.1 101 ", UP CO AC "Sec-WebSocket-Protocol: Chat\r\n", false},
		{"HTTP/1.1 101 ", UP CO AC "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n",
			false},
		{"HTTP/1.1 101 ", UP CO AC "Sec-WebSocket-Extensions: other\r\n", false},
		{"HTTP/1.1 101 ",
			UP CO AC "Sec-WebSocket-Extensions: permessage-deflate, permessage-deflate\r\n",
			false},
	};
	const struct ws_hs_offer offer = {BYTES_LIT("dGhlIHNhbXBsZSBub25jZQ=="), BYTES_LIT("chat, superchat"),
		BYTES_LIT("permessage-deflate")};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf in;
		struct h1_dec d;
		struct h1_ev ev;
		struct ws_hs_response r = {.ok = false};
		buf_init(&in, &alloc_libc, 4096);
		buf_str(&in, cases[i].status);
		buf_str(&in, "\r\n");
		buf_str(&in, cases[i].lines);
		buf_str(&in, "\r\n");
		h1_dec_init(&d, &alloc_libc, H1_RESPONSES, NULL);
		h1_dec_feed(&d, buf_bytes(&in));
		assert_int_equal(h1_dec_next(&d, &ev), H1_HEAD);
		ws_hs_check_response(&ev.head, &offer, &r);
		if (r.ok != cases[i].ok || r.ok != (r.err.what == NULL))
			fail_msg("%s\n%s", cases[i].status, cases[i].lines);
		h1_dec_fini(&d);
		buf_fini(&in);
	}
}

static void offers_of_compression_are_judged_as_rfc_7692_does(void **state)
{
	(void)state;
#define P "permessage-deflate"
	static const struct {
		const char *offer;
		int rc;
		const char *answer;
	} cases[] = {
		{P, 1, P},
		{P "; client_max_window_bits", 1, P},
		{P "; client_max_window_bits=10", 1, P "; client_max_window_bits=10"},
		{P "; server_max_window_bits=\"9\"", 1, P "; server_max_window_bits=9"},
		{P "; server_no_context_takeover; client_no_context_takeover", 1,
			P "; server_no_context_takeover; client_no_context_takeover"},
		{P "; server_max_window_bits=7, " P "; server_max_window_bits=8", 1,
			P "; server_max_window_bits=8"},
		{"x-other; a, " P, 1, P},
		{P "; server_max_window_bits", 0, ""},
		{P "; server_max_window_bits=16", 0, ""},
		{P "; server_max_window_bits=08", 0, ""},
		{P "; server_max_window_bits=1x", 0, ""},
		{P "; client_max_window_bits=7", 0, ""},
		{P "; client_no_context_takeover=1", 0, ""},
		{P "; server_no_context_takeover; server_no_context_takeover", 0, ""},
		{P "; other", 0, ""},
		{"other", 0, ""},
		{"", 0, ""},
		{P "; ", -1, ""},
		{P " server_max_window_bits", -1, ""},
		{"; " P, -1, ""},
		{P "; server_max_window_bits=", -1, ""},
		{P "; server_max_window_bits=\"9", -1, ""},
	};
	const struct ws_pmd_policy policy = {.on = true};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ws_pmd_params p, agreed;
		struct buf out;
		int rc = ws_pmd_accept(bytes_str(cases[i].offer), &policy, &p);
		if (rc != cases[i].rc)
			fail_msg("%s: %d", cases[i].offer, rc);
		if (rc != 1)
			continue;
		buf_init(&out, &alloc_libc, 500);
		ws_pmd_put(&out, &p);
		if (!bytes_eq_str(buf_bytes(&out), cases[i].answer))
			fail_msg("%s is answered by %.*s", cases[i].offer, (int)out.n, (const char *)out.p);
		assert_int_equal(
			ws_pmd_check_answer(bytes_str(cases[i].offer), buf_bytes(&out), &agreed, NULL), 1);
		buf_fini(&out);
	}
}

static void answers_must_fit_an_offer(void **state)
{
	(void)state;
	static const struct {
		const char *offer, *answer;
		int rc;
	} cases[] = {
		{P, "", 0},
		{P, P, 1},
		{P, P "; server_max_window_bits=10", 1},
		{P, P "; server_no_context_takeover", 1},
		{P, P "; client_no_context_takeover", 1},
		{P, P "; client_max_window_bits=10", -1},
		{P "; client_max_window_bits", P "; client_max_window_bits=10", 1},
		{P "; client_max_window_bits", P "; client_max_window_bits", -1},
		{P "; client_max_window_bits=10", P "; client_max_window_bits=11", -1},
		{P "; client_max_window_bits=10", P, 1},
		{P "; server_max_window_bits=10", P "; server_max_window_bits=11", -1},
		{P "; server_max_window_bits=10", P, -1},
		{P "; server_no_context_takeover", P, -1},
		{P, P "; server_max_window_bits", -1},
		{P, P "; server_max_window_bits=7", -1},
		{P, P "; server_no_context_takeover; server_no_context_takeover", -1},
		{P, P "; unknown", -1},
		{P, "other", -1},
		{P, P ", " P, -1},
		{"", P, -1},
		{P "; server_max_window_bits=10, " P, P, 1},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ws_pmd_params agreed;
		struct perr why = {0};
		int rc = ws_pmd_check_answer(
			bytes_str(cases[i].offer), bytes_str(cases[i].answer), &agreed, &why);
		if (rc != cases[i].rc || (rc < 0) != (why.what != NULL))
			fail_msg("%s -> %s: %d", cases[i].offer, cases[i].answer, rc);
	}
}

static void both_ends_of_a_handshake_agree(void **state)
{
	(void)state;
	struct buf out, res;
	struct h1_dec d;
	struct h1_ev ev;
	struct ws_hs_request req;
	struct ws_hs_response got;
	const struct ws_hs_offer offer = {BYTES_LIT("dGhlIHNhbXBsZSBub25jZQ=="), BYTES_LIT("chat"),
		BYTES_LIT(P "; client_max_window_bits")};
	const struct ws_pmd_policy policy = {
		.on = true, .client_bits_max = 12, .server_no_context_takeover = true};
	buf_init(&out, &alloc_libc, 4096);
	buf_init(&res, &alloc_libc, 4096);
	h1_put_request_line(&out, BYTES_LIT("GET"), BYTES_LIT("/chat"));
	h1_put_field_str(&out, "Host", "x");
	assert_true(ws_hs_put_request_fields(&out, &offer));
	h1_put_end(&out);
	h1_dec_init(&d, &alloc_libc, H1_REQUESTS, NULL);
	h1_dec_feed(&d, buf_bytes(&out));
	assert_int_equal(h1_dec_next(&d, &ev), H1_HEAD);
	ws_hs_check_request(&ev.head, &policy, &req);
	assert_int_equal(req.status, 101);
	assert_true(ws_hs_put_response(&res, &req, BYTES_LIT("chat")));
	h1_dec_fini(&d);
	h1_dec_init(&d, &alloc_libc, H1_RESPONSES, NULL);
	h1_dec_feed(&d, buf_bytes(&res));
	assert_int_equal(h1_dec_next(&d, &ev), H1_HEAD);
	ws_hs_check_response(&ev.head, &offer, &got);
	assert_true(got.ok && got.pmd_on && bytes_eq_str(got.protocol, "chat"));
	assert_int_equal(ws_pmd_of(&got.pmd, WS_CLIENT).window_bits, 12);
	assert_true(ws_pmd_of(&got.pmd, WS_SERVER).no_context_takeover);
	h1_dec_fini(&d);
	buf_fini(&out);
	buf_fini(&res);
}

/* The beat that stands alone is exactly what the decoder takes for one, with nothing left to remember. */
static void a_lone_beat_is_one_to_the_decoder(void **state)
{
	unsigned beats = 0;
	(void)state;
	for (unsigned i = 0; i < 2u * 65536 * 4; i++) {
		const enum ws_role role = i & 1 ? WS_SERVER : WS_CLIENT;
		const size_t n = (size_t[]){2, 6, 3, 7}[i >> 1 & 3];
		const uint8_t octets[7] = {(uint8_t)(i >> 3), (uint8_t)(i >> 11), 1, 2, 3, 4, 0x89};
		const struct bytes in = {octets, n};
		struct ws_dec d;
		struct ws_ev ev;
		uint64_t off;
		enum ws_op op = WS_CONT;
		bool alone = true;
		ws_dec_init(&d, &alloc_libc, role, NULL, NULL);
		ws_dec_feed(&d, in);
		while (ws_dec_next(&d, &ev) != WS_NEED && ev.kind != WS_ERROR && ev.kind != WS_CLOSED) {
			if (ev.kind == WS_FRAME)
				continue;
			alone = ev.off == 0 && ev.len == n && ev.data.n == 0;
			op = ev.kind == WS_PING ? WS_OP_PING : ev.kind == WS_PONG ? WS_OP_PONG : WS_CONT;
		}
		if (!alone || !ws_dec_park(&d, &off) || off != n)
			op = WS_CONT;
		assert_int_equal(ws_lone_beat(role, in), op);
		beats += op != WS_CONT;
		ws_dec_fini(&d);
	}
	assert_int_equal(beats, 4); /* each of both, read by each */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lone_beat_is_one_to_the_decoder),
		cmocka_unit_test(a_fault_is_known_at_its_first_octet),
		cmocka_unit_test(all_first_two_octets_are_judged_as_the_rfc_says),
		cmocka_unit_test(close_codes_are_those_of_the_registry),
		cmocka_unit_test(limits_hold_at_their_edges),
		cmocka_unit_test(a_compressed_message_is_limited_by_what_comes_out),
		cmocka_unit_test(what_the_encoder_writes_the_decoder_reads),
		cmocka_unit_test(compression_survives_every_window_and_takeover),
		cmocka_unit_test(a_reference_beyond_the_agreed_window_is_refused),
		cmocka_unit_test(an_idle_connection_costs_little),
		cmocka_unit_test(a_long_reason_is_cut_at_a_character),
		cmocka_unit_test(the_key_of_rfc_6455_gives_its_accept),
		cmocka_unit_test(a_server_asks_for_everything_the_rfc_does),
		cmocka_unit_test(a_client_goes_on_only_with_what_it_asked_for),
		cmocka_unit_test(offers_of_compression_are_judged_as_rfc_7692_does),
		cmocka_unit_test(answers_must_fit_an_offer),
		cmocka_unit_test(both_ends_of_a_handshake_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
