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
			{"quic.length", 128, 16, h.length, NULL}, {"quic.frame.type", 0, 8, 6, NULL},
			{"quic.frame.data", 24, 40, 0, "hello"}, {"quic.frame.type", 64, 8, 1, NULL}},
		8);
	buf_fini(&header);
	buf_fini(&packet);
}

static void a_failing_allocation_leaks_nothing(void **state)
{
	static const struct {
		const char *proto, *hex;
	} rows[] = {{"h2", "00000801240000000380000001ff828684000001010000000001410000020904000000010161"},
		{"h3", "01030000d10003686579"}, {"engineio", "34325b2261225d1e6241514944"},
		{"resp", "2a310d0a2432 0d0a68690d0a"}, {"graphql-ws", "7b2274797065223a2270696e67227d"}};
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
		cmocka_unit_test(realtime_packets),
		cmocka_unit_test(a_quic_initial_is_opened),
		cmocka_unit_test(a_failing_allocation_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
