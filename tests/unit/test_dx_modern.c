/*
 * Dissectors of HTTP/2, HPACK, HTTP/3, QUIC and what sits on them: fields at their bits, with their values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/codec.h"
#include "proto/dissect/dissect.h"
#include "proto/quic/quic.h"
#include "tests/support/alloc_probe.h"

/* One expected node: name, first bit, bits, value; `text`: octets of the node, or NULL. */
struct want {
	const char *abbrev;
	uint64_t bit_off, bit_len, value;
	const char *text;
};

static bool node_is(const struct dx_tree *t, uint32_t i, const struct want *w)
{
	const struct dx_node *n = &t->nodes[i];
	if (strcmp(n->field->abbrev, w->abbrev) != 0 || n->bit_off != w->bit_off || n->bit_len != w->bit_len)
		return false;
	return w->text ? bytes_eq_str(dx_node_bytes(t, i), w->text) : n->value == w->value;
}

static void expect_nodes(const char *proto, struct bytes in, const struct want *w, size_t n)
{
	struct dx_tree t;
	struct dx_hints h = {0};
	dx_tree_init(&t, &alloc_libc);
	assert_true(dx_dissect(&t, dx_proto_find(proto), in, &h));
	for (size_t k = 0; k < n; k++) {
		bool found = false;
		for (uint32_t i = 0; i < t.n_nodes && !found; i++)
			found = node_is(&t, i, &w[k]);
		if (!found) {
			struct buf text;
			buf_init(&text, &alloc_libc, SIZE_MAX);
			dx_put_text(&text, &t);
			print_error("%.*s", (int)text.n, (const char *)text.p);
			fail_msg("%s: no %s at bit %u", proto, w[k].abbrev, (unsigned)w[k].bit_off);
		}
	}
	dx_tree_fini(&t);
}

static void expect_hex(const char *proto, const char *hex, const struct want *w, size_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	assert_true(hex_get(&in, bytes_str(hex)));
	expect_nodes(proto, buf_bytes(&in), w, n);
	buf_fini(&in);
}
#define EXPECT(proto, hex, ...)                                    \
	expect_hex(proto, hex, (const struct want[]){__VA_ARGS__}, \
		sizeof((const struct want[]){__VA_ARGS__}) / sizeof(struct want))

static void http2_frames(void **state)
{
	(void)state;
	EXPECT("h2", "00000801240000000380000001ff828684", {"h2.length", 0, 24, 8, NULL},
		{"h2.type", 24, 8, 1, NULL}, {"h2.flags.priority", 34, 1, 1, NULL},
		{"h2.flags.end_headers", 37, 1, 1, NULL}, {"h2.stream", 41, 31, 3, NULL},
		{"h2.exclusive", 72, 1, 1, NULL}, {"h2.dependency", 73, 31, 1, NULL},
		{"h2.weight", 104, 8, 255, NULL}, {"hpack.indexed", 112, 8, 0, NULL},
		{"hpack.pattern", 112, 1, 1, NULL}, {"hpack.index", 113, 7, 2, NULL},
		{"hpack.field", 0, 96, 0, ":method: GET"});
	EXPECT("h2", "00000c040000000000000300000080000400100000", {"h2.setting.id", 72, 16, 3, NULL},
		{"h2.setting.value", 88, 32, 128, NULL}, {"h2.setting.value", 136, 32, 1048576, NULL});
	EXPECT("h2", "00000c070000000000000000070000000b63616c6d", {"h2.last_stream", 73, 31, 7, NULL},
		{"h2.error", 104, 32, 11, NULL}, {"h2.debug", 136, 32, 0, "calm"});
}

static void a_header_block_in_two_frames(void **state)
{
	(void)state;
	EXPECT("h2", "000001010000000001410000020904000000010161", {"h2.fragment", 72, 8, 0, "A"},
		{"h2.block", 0, 24, 0, NULL}, {"hpack.literal_incremental", 0, 24, 0, NULL},
		{"hpack.length", 9, 7, 1, NULL}, {"hpack.field", 0, 104, 0, ":authority: a"});
}

static void http3_streams(void **state)
{
	(void)state;
	EXPECT("h3", "01030000d10003686579", {"h3.type", 0, 8, 1, NULL}, {"h3.length", 8, 8, 3, NULL},
		{"h3.section", 16, 24, 0xd1, NULL}, {"h3.field", 0, 96, 0, ":method: GET"},
		{"h3.data", 56, 24, 0, "hey"});
	EXPECT("h3", "0004020703", {"h3.stream_type", 0, 8, 0, NULL}, {"h3.setting.id", 24, 8, 7, NULL},
		{"h3.setting.value", 32, 8, 3, NULL});
	EXPECT("h3", "4054046869", {"h3.stream_type", 0, 16, 0x54, NULL}, {"h3.session", 16, 8, 4, NULL},
		{"h3.raw", 24, 16, 0, "hi"});
}

/* STREAM frames, out of order, of several streams: the encoder stream's insertions open the request's field section. */
static void http3_in_stream_frames(void **state)
{
	(void)state;
	EXPECT("h3",
		"0a03060004030140dc0e02140f6dc10c2f73616d706c652f706174680a0214023fbd01c00f7777772e6578616d70"
		"6c652e636f"
		"0b04060104038110110a06020384",
		{"quic_frame.stream", 8, 8, 3, NULL}, {"quic_frame.offset", 88, 8, 20, NULL},
		{"h3.setting.value", 32, 16, 220, NULL}, {"h3.qpack.value", 8, 24, 220, NULL},
		{"h3.section.prefix", 16, 16, 0x0381, NULL},
		{"h3.field", 0, 216, 0, ":authority: www.example.com"},
		{"h3.field", 224, 152, 0, ":path: /sample/path"}, {"h3.qpack.value", 8, 8, 4, NULL});
	/* what a server sends: a response, opened with what the server's encoder has inserted */
	EXPECT("h3", "0a0708023fe11f4161 0162 0b00060104020080d9", {"quic_frame.stream", 8, 8, 7, NULL},
		{"h3.field", 0, 32, 0, "a: b"}, {"h3.field", 40, 96, 0, ":status: 200"});
	/* a stream with a hole is shown as far as it goes, and a frame that is cut is told */
	EXPECT("h3", "0a000401030000 0e000aff", {"quic_frame.fault", 56, 32, 0x0e000aff, NULL},
		{"h3.fault", 0, 32, 0x01030000, NULL});
}

static void quic_frames(void **state)
{
	(void)state;
	EXPECT("quic", "03050100020708 09", {"quic_frame.largest", 8, 8, 5, NULL},
		{"quic_frame.first_range", 32, 8, 2, NULL}, {"quic_frame.ecn", 56, 8, 9, NULL});
	EXPECT("quic-frames", "1801000461626364000102030405060708090a0b0c0d0e0f",
		{"quic_frame.cid_len", 24, 8, 4, NULL}, {"quic_frame.cid", 32, 32, 0, "abcd"},
		{"quic_frame.reset_token", 64, 128, 0, NULL});
	EXPECT("quic-frames", "1c07080262790142ff", {"quic_frame.error", 8, 8, 7, NULL},
		{"quic_frame.cause", 16, 8, 8, NULL}, {"quic_frame.data", 32, 16, 0, "by"},
		{"quic_frame.fault", 56, 16, 0x42ff, NULL});
}

static void realtime_packets(void **state)
{
	(void)state;
	expect_nodes("engineio",
		BYTES_LIT("42/chat,7[\"say\",\"hi\"]\x1e"
			  "bAQID"),
		(const struct want[]){{"engineio.type", 0, 8, '4', NULL}, {"socketio.type", 8, 8, '2', NULL},
			{"socketio.nsp", 16, 40, 0, "/chat"}, {"socketio.id", 64, 8, 0, "7"},
			{"socketio.event", 80, 40, 0, "\"say\""}, {"socketio.argument", 128, 32, 0, "\"hi\""},
			{"engineio.separator", 168, 8, 0x1e, NULL}, {"engineio.binary", 0, 24, 0, "\1\2\3"}},
		8);
	expect_nodes("graphql-ws", BYTES_LIT("{\"id\":\"q\",\"type\":\"next\",\"payload\":{\"data\":{}}}"),
		(const struct want[]){{"graphql_ws.id", 48, 24, 0, "\"q\""},
			{"graphql_ws.type", 136, 48, 0, "\"next\""}, {"graphql_ws.data", 336, 16, 0, "{}"}},
		3);
	EXPECT("grpc", "0100000002082a", {"grpc.compressed", 0, 8, 1, NULL}, {"grpc.length", 8, 32, 2, NULL},
		{"grpc.message", 40, 16, 0, "\x08*"});
	expect_nodes("resp", BYTES_LIT("*2\r\n$2\r\nhi\r\n:5\r\n"),
		(const struct want[]){{"resp.aggregate", 0, 128, 0, "*2\r\n$2\r\nhi\r\n:5\r\n"},
			{"resp.octets", 64, 16, 0, "hi"}, {"resp.text", 104, 8, 0, "5"}},
		3);
}

/* An Initial packet made here is opened with nothing but its connection id. */
static void a_quic_initial_is_opened(void **state)
{
	struct quic_keys k;
	struct quic_header h = {.type = QUIC_INITIAL,
		.version = QUIC_VERSION_1,
		.dcid = BYTES_LIT("\1\2\3\4\5\6\7\10"),
		.pn_len = 2,
		.pn = 9};
	struct bytes plain = BYTES_LIT("\x06\x00\x05hello\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	struct buf header, packet;
	(void)state;
	buf_init(&header, &alloc_libc, SIZE_MAX);
	buf_init(&packet, &alloc_libc, SIZE_MAX);
	h.length = h.pn_len + plain.n + 16;
	quic_header_write(&header, &h);
	assert_true(quic_initial_keys(QUIC_VERSION_1, h.dcid, true, &k));
	assert_true(quic_initial_seal(&k, buf_bytes(&header), header.n - 2, 2, 9, plain, &packet));
	expect_nodes("quic", buf_bytes(&packet),
		(const struct want[]){{"quic.form", 0, 1, 1, NULL}, {"quic.type", 2, 2, 0, NULL},
			{"quic.version", 8, 32, 1, NULL}, {"quic.cid_len", 40, 8, 8, NULL},
			{"quic.length", 128, 16, h.length, NULL}, {"quic_frame.type", 0, 8, 6, NULL},
			{"quic_frame.data", 24, 40, 0, "hello"}, {"quic_frame.type", 64, 8, 1, NULL}},
		8);
	/* RFC 9001 A.3: the server's Initial, whose keys come from the client's packet before it */
	struct buf both;
	buf_init(&both, &alloc_libc, SIZE_MAX);
	h.dcid = BYTES_LIT("\x83\x94\xc8\xf0\x3e\x51\x57\x08");
	buf_clear(&header);
	quic_header_write(&header, &h);
	assert_true(quic_initial_keys(QUIC_VERSION_1, h.dcid, true, &k));
	assert_true(quic_initial_seal(&k, buf_bytes(&header), header.n - 2, 2, 9, plain, &both));
	assert_true(hex_get(&both,
		bytes_str("cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c"
			  "69797554780bb38"
			  "cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74"
			  "b562bfb19fb84"
			  "022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee")));
	expect_nodes("quic", buf_bytes(&both),
		(const struct want[]){
			{"quic_frame.largest", 8, 8, 0, NULL}, {"quic_frame.length", 56, 16, 90, NULL}},
		2);
	buf_fini(&both);
	buf_fini(&header);
	buf_fini(&packet);
}

static void a_failing_allocation_leaks_nothing(void **state)
{
	static const struct {
		const char *proto, *hex;
	} rows[] = {{"h2", "00000801240000000380000001ff828684000001010000000001410000020904000000010161"},
		{"h3", "01030000d10003686579"},
		{"hpack", "3fe11f828684418cf1e3c2e5f23a6ba0ab90f4ff400161018162"},
		{"h3", "0a0708023fe11f41610162 0b00060104020080d9"},
		{"quic-frames", "1801000461626364000102030405060708090a0b0c0d0e0f"},
		{"quic",
			"c3000000010801020304050607080000185e8d4a1f5f5e1c4b9b5d0b4c3a2b1c0d0e0f101112131415"},
		{"engineio", "34325b2261225d1e6241514944"}, {"resp", "2a310d0a2432 0d0a68690d0a"},
		{"graphql-ws", "7b2274797065223a2270696e67227d"}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct alloc_probe probe;
		struct buf in;
		size_t n = 0;
		buf_init(&in, &alloc_libc, SIZE_MAX);
		assert_true(hex_get(&in, bytes_str(rows[i].hex)));
		do {
			struct dx_tree t;
			struct dx_hints h = {0};
			alloc_probe_arm(&probe, ++n);
			dx_tree_init(&t, &probe.al);
			dx_dissect(&t, dx_proto_find(rows[i].proto), buf_bytes(&in), &h);
			dx_tree_fini(&t);
			assert_int_equal(probe.live, 0);
		} while (probe.failed);
		buf_fini(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http2_frames),
		cmocka_unit_test(a_header_block_in_two_frames),
		cmocka_unit_test(http3_streams),
		cmocka_unit_test(http3_in_stream_frames),
		cmocka_unit_test(quic_frames),
		cmocka_unit_test(realtime_packets),
		cmocka_unit_test(a_quic_initial_is_opened),
		cmocka_unit_test(a_failing_allocation_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
