/*
 * Engine.IO, Socket.IO, graphql-transport-ws, gRPC and RESP: the rules of each by table, their servers out of memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/engineio/server.h"
#include "proto/graphql_ws/server.h"
#include "proto/grpc/grpc.h"
#include "proto/resp/resp.h"
#include "proto/socketio/server.h"
#include "tests/support/alloc_probe.h"

static void engineio_packets(void **state)
{
	static const struct {
		const char *text;
		enum eio_err want;
	} rows[] = {{"0{}", EIO_FINE}, {"6", EIO_FINE}, {"4", EIO_FINE}, {"b", EIO_FINE}, {"bAQID", EIO_FINE},
		{"bAQ==", EIO_FINE}, {"bAQ", EIO_FINE}, {"bAQIDB", EIO_BAD_BASE64}, {"bA", EIO_BAD_BASE64},
		{"b!!!!", EIO_BAD_BASE64}, {"", EIO_EMPTY}, {"7", EIO_BAD_TYPE}, {"a", EIO_BAD_TYPE},
		{" 4", EIO_BAD_TYPE}, {"4\xff", EIO_BAD_UTF8}, {"4\xc3", EIO_BAD_UTF8}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct eio_packet p;
		struct buf scratch;
		size_t off;
		buf_init(&scratch, &alloc_libc, SIZE_MAX);
		if (eio_packet_read(bytes_str(rows[i].text), &scratch, &p, &off) != rows[i].want)
			fail_msg("row %zu: %s", i, rows[i].text);
		buf_fini(&scratch);
	}
}

static void a_payload_at_its_limit_passes_and_one_more_does_not(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		struct eio_dec d;
		struct eio_packet p;
		eio_dec_init(&d, &alloc_libc, 6);
		eio_dec_feed(&d, over ? BYTES_LIT("4abcdef") : BYTES_LIT("4abcde"));
		assert_int_equal(eio_dec_next(&d, true, &p), over ? -1 : 1);
		eio_dec_fini(&d);
	}
}

static void socketio_packets(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {{"0", true}, {"0{\"a\":1}", true}, {"0[]", false}, {"0\"x\"", false}, {"0/admin,", true},
		{"0/admin", true}, {"1", true}, {"1{}", false}, {"1/admin,", true}, {"2[\"a\"]", true},
		{"2[1]", true}, {"2[]", false}, {"2", false}, {"2{}", false}, {"2[{}]", false},
		{"2[\"connect\"]", false}, {"2[\"disconnect\"]", false}, {"2[\"connect_error\"]", false},
		{"2[\"newListener\"]", false}, {"212[\"a\"]", true}, {"2/a,12[\"a\"]", true},
		{"2abc[\"a\"]", false}, {"2[\"a\"", false}, {"2[\"a\"]x", false}, {"3[]", true},
		{"31[]", true}, {"3{}", false}, {"31", false}, {"4{\"message\":\"x\"}", true},
		{"4\"x\"", true}, {"4", false}, {"50-[\"a\"]", false}, {"5[\"a\"]", false},
		{"5-[\"a\"]", false}, {"51[\"a\"]", false}, {"5x-[\"a\"]", false},
		{"51-[\"a\",{\"_placeholder\":true,\"num\":0}]", true},
		{"51-[\"a\",{\"_placeholder\":true,\"num\":1}]", false},
		{"51-[\"a\",{\"_placeholder\":true,\"num\":-1}]", false},
		{"51-[\"a\",{\"_placeholder\":true}]", false},
		{"51-/a,7[\"a\",{\"_placeholder\":true,\"num\":0}]", true},
		{"61-7[{\"_placeholder\":true,\"num\":0}]", true}, {"5999999-[\"a\"]", false},
		{"299999999999999999999[\"a\"]", false}, {"7", false}, {"", false}, {"x", false}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct sio_dec d;
		sio_dec_init(&d, &alloc_libc);
		int r = sio_dec_text(&d, bytes_str(rows[i].text));
		if ((r >= 0) != rows[i].good)
			fail_msg("%s: %s", rows[i].text, r < 0 ? d.err.what : "was accepted");
		sio_dec_fini(&d);
	}
}

static void attachments_come_in_order_and_not_unasked(void **state)
{
	struct sio_dec d;
	(void)state;
	sio_dec_init(&d, &alloc_libc);
	assert_int_equal(sio_dec_text(&d, BYTES_LIT("52-[\"a\",{\"_placeholder\":true,\"num\":1},{\"_"
						    "placeholder\":true,\"num\":0}]")),
		0);
	assert_int_equal(sio_dec_binary(&d, BYTES_LIT("one")), 0);
	assert_int_equal(sio_dec_binary(&d, BYTES_LIT("two")), 1);
	assert_true(bytes_eq_str(slice_bytes(d.attachments[1]), "two"));
	assert_int_equal(sio_dec_binary(&d, BYTES_LIT("three")), -1);
	assert_int_equal(sio_dec_text(&d, BYTES_LIT("2[\"a\"]")), -1); /* sticky */
	sio_dec_fini(&d);
}

static void graphql_messages(void **state)
{
	static const struct {
		const char *text;
		enum gqlws_from from;
		int code;
	} rows[] = {{"{\"type\":\"connection_init\"}", GQLWS_FROM_CLIENT, 0},
		{"{\"type\":\"connection_init\",\"payload\":null}", GQLWS_FROM_CLIENT, 0},
		{"{\"type\":\"connection_init\",\"payload\":[]}", GQLWS_FROM_CLIENT, 4400},
		{"{\"type\":\"connection_init\"}", GQLWS_FROM_SERVER, 4400},
		{"{\"type\":\"ping\",\"payload\":{}}", GQLWS_FROM_BOTH, 0},
		{"{\"type\":\"ping\",\"payload\":1}", GQLWS_FROM_BOTH, 4400},
		{"{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"{a}\"}}", GQLWS_FROM_CLIENT,
			0},
		{"{\"type\":\"subscribe\",\"id\":\"\",\"payload\":{\"query\":\"{a}\"}}", GQLWS_FROM_CLIENT,
			4400},
		{"{\"type\":\"subscribe\",\"id\":1,\"payload\":{\"query\":\"{a}\"}}", GQLWS_FROM_CLIENT,
			4400},
		{"{\"type\":\"subscribe\",\"payload\":{\"query\":\"{a}\"}}", GQLWS_FROM_CLIENT, 4400},
		{"{\"type\":\"subscribe\",\"id\":\"1\"}", GQLWS_FROM_CLIENT, 4400},
		{"{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{}}", GQLWS_FROM_CLIENT, 4400},
		{"{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"\",\"variables\":[]}}",
			GQLWS_FROM_CLIENT, 4400},
		{"{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"\",\"variables\":null,"
		 "\"operationName\":null}}",
			GQLWS_FROM_CLIENT, 0},
		{"{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"\",\"operationName\":1}}",
			GQLWS_FROM_CLIENT, 4400},
		{"{\"type\":\"next\",\"id\":\"1\",\"payload\":{}}", GQLWS_FROM_SERVER, 0},
		{"{\"type\":\"next\",\"id\":\"1\"}", GQLWS_FROM_SERVER, 4400},
		{"{\"type\":\"error\",\"id\":\"1\",\"payload\":[{\"message\":\"x\"}]}", GQLWS_FROM_SERVER, 0},
		{"{\"type\":\"error\",\"id\":\"1\",\"payload\":[]}", GQLWS_FROM_SERVER, 4400},
		{"{\"type\":\"error\",\"id\":\"1\",\"payload\":[{}]}", GQLWS_FROM_SERVER, 4400},
		{"{\"type\":\"complete\",\"id\":\"1\"}", GQLWS_FROM_BOTH, 0},
		{"{\"type\":\"complete\"}", GQLWS_FROM_BOTH, 4400},
		{"{\"type\":\"start\",\"id\":\"1\"}", GQLWS_FROM_BOTH, 4400}, {"{}", GQLWS_FROM_BOTH, 4400},
		{"[]", GQLWS_FROM_BOTH, 4400}, {"null", GQLWS_FROM_BOTH, 4400}, {"", GQLWS_FROM_BOTH, 4400},
		{"{\"type\":1}", GQLWS_FROM_BOTH, 4400}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct gqlws_msg m;
		struct jtext j;
		struct perr err;
		bool ok = gqlws_read(&alloc_libc, bytes_str(rows[i].text), rows[i].from, &m, &j, &err);
		if (ok != (rows[i].code == 0) || (!ok && err.code != rows[i].code))
			fail_msg("%s: %d %s", rows[i].text, err.code, err.what);
		jt_fini(&j);
	}
}

static void grpc_timeouts(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns; /* 0: refused */
	} rows[] = {{"1H", 3600000000000}, {"99999999n", 99999999}, {"100m", 100000000}, {"5u", 5000},
		{"3M", 180000000000}, {"20S", 20000000000}, {"123456789S", 0}, {"S", 0}, {"", 0}, {"20", 0},
		{"5124095H", 5124095 * 3600000000000u}, {"99999999H", UINT64_MAX},
		{"99999999M", 99999999 * 60000000000u}, {"20s", 0}, {"-1S", 0}, {"1.5S", 0}, {"1 S", 0},
		{"0S", 0}, {"20SS", 0}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t ns = 0, back = 0;
		bool ok = grpc_timeout_read(bytes_str(rows[i].text), &ns);
		assert_int_equal(ok, rows[i].ns != 0);
		if (!ok)
			continue;
		assert_true(ns == rows[i].ns);
		if (ns == UINT64_MAX)
			continue;
		struct buf out;
		buf_init(&out, &alloc_libc, SIZE_MAX);
		grpc_timeout_write(&out, ns);
		assert_true(grpc_timeout_read(buf_bytes(&out), &back) && back == ns);
		buf_fini(&out);
	}
}

static void grpc_messages_of_any_octets_survive_the_percent_code(void **state)
{
	struct buf enc, dec;
	uint8_t all[256];
	size_t off;
	(void)state;
	for (unsigned i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	buf_init(&enc, &alloc_libc, SIZE_MAX);
	buf_init(&dec, &alloc_libc, SIZE_MAX);
	grpc_message_encode(&enc, (struct bytes){all, 256});
	assert_true(grpc_message_check(buf_bytes(&enc), &off));
	grpc_message_decode(&dec, buf_bytes(&enc));
	assert_int_equal(dec.n, 256);
	assert_memory_equal(dec.p, all, 256);
	buf_clear(&dec);
	grpc_message_decode(&dec, BYTES_LIT("100%, %zz %4 %e2%82%ac"));
	assert_true(bytes_eq_str(buf_bytes(&dec), "100%, %zz %4 \xe2\x82\xac"));
	buf_fini(&enc);
	buf_fini(&dec);
}

static void a_grpc_message_at_the_limit_passes_and_one_more_does_not(void **state)
{
	(void)state;
	for (int over = 0; over < 2; over++) {
		struct grpc_dec d;
		struct grpc_msg m;
		uint8_t wire[16] = {0, 0, 0, 0, (uint8_t)(8 + over)};
		grpc_dec_init(&d, &alloc_libc, 8);
		grpc_dec_feed(&d, (struct bytes){wire, 13u + (unsigned)over});
		assert_int_equal(grpc_dec_next(&d, &m), over ? -1 : 1);
		if (over)
			assert_int_equal(d.err.code, GRPC_RESOURCE_EXHAUSTED);
		grpc_dec_fini(&d);
	}
}

static void resp_values(void **state)
{
	static const struct {
		const char *text;
		int tokens; /* -1: refused, 0: more is needed */
	} rows[] = {{"+OK\r\n", 1}, {"-ERR x\r\n", 1}, {":-9223372036854775808\r\n", 1},
		{":9223372036854775808\r\n", -1}, {":\r\n", -1}, {":1x\r\n", -1}, {"$0\r\n\r\n", 1},
		{"$-1\r\n", 1}, {"$-2\r\n", -1}, {"$3\r\nabc\r\n", 1}, {"$3\r\nabcd\r\n", -1},
		{"$3\r\nab", 0}, {"$x\r\n", -1}, {"*0\r\n", 1}, {"*-1\r\n", 1}, {"*2\r\n:1\r\n:2\r\n", 3},
		{"*2\r\n:1\r\n", 2}, {"_\r\n", 1}, {"_x\r\n", -1}, {"#t\r\n", 1}, {"#x\r\n", -1},
		{",1.5\r\n", 1}, {",inf\r\n", 1}, {",1.\r\n", 1}, {",x\r\n", -1},
		{"(123456789012345678901234567890\r\n", 1}, {"(1.5\r\n", -1}, {"%1\r\n+a\r\n+b\r\n", 3},
		{"~1\r\n+a\r\n", 2}, {">1\r\n+a\r\n", 2}, {"=7\r\ntxt:abc\r\n", 1}, {"=3\r\nabc\r\n", -1},
		{"!3\r\nERR\r\n", 1}, {"+a\nb\r\n", -1}, {"+a\rb\r\n", -1}, {"?\r\n", -1}, {"+half", 0},
		{",.5\r\n", -1}, {",-.5\r\n", -1}, {",+1.5e-3\r\n", 1}, {",1E+9\r\n", 1}, {",1e\r\n", -1},
		{",1e+\r\n", -1}, {",-inf\r\n", 1}, {",nan\r\n", 1}, {",\r\n", -1}, {",1.5x\r\n", -1},
		{",-\r\n", -1}, {"|1\r\n+k\r\n+v\r\n:1\r\n", 4}, {"|0\r\n:1\r\n", 2},
		{"*1\r\n*1\r\n:1\r\n", 3}, {"*2\r\n$-1\r\n*-1\r\n", 3}, {"*-2\r\n", -1}, {"!-1\r\n", -1},
		{"=-1\r\n", -1}, {"~-1\r\n", -1}, {"%0\r\n", 1}, {">0\r\n", 1}, {"$2\r\nab\rx", -1},
		{"$2\r\nabx", -1}, {"$ 3\r\nabc\r\n", -1}, {"$3 \r\nabc\r\n", -1}, {"$\r\n", -1},
		{"$1024\r\n", 0}, {"$1025\r\n", -1}, {"$9223372036854775807\r\n", -1},
		{"$18446744073709551616\r\n", -1}, {"*1000000000000\r\n", -1}, {"(+12\r\n", 1},
		{"(-0\r\n", 1}, {"(\r\n", -1}, {"(-\r\n", -1}, {"#tt\r\n", -1}, {"#\r\n", -1}, {":+7\r\n", 1},
		{":-\r\n", -1}, {": 7\r\n", -1}, {"\r\n", -1}, {"+\r\n", 1}, {"+a\r", 0}, {"+a\n", -1},
		{":1\n", -1}, {"=4\r\ntxt:\r\n", 1}, {"=4\r\ntxtx\r\n", -1}, {"*99999999\r\n", -1},
		{"%-1\r\n", -1}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct resp_dec d;
		struct resp_token t;
		int r, n = 0;
		resp_dec_init(&d, &alloc_libc, 1024);
		resp_dec_feed(&d, bytes_str(rows[i].text));
		while ((r = resp_dec_next(&d, &t)) == 1)
			n++;
		if ((r < 0 ? -1 : n) != rows[i].tokens)
			fail_msg("row %zu: %d tokens, %s", i, n, r < 0 ? d.err.what : "fine");
		resp_dec_fini(&d);
	}
}

static void resp_writers_and_reader_agree(void **state)
{
	struct bytes words[] = {BYTES_LIT("SUBSCRIBE"), BYTES_LIT("news")};
	struct buf out;
	struct resp_dec d;
	struct resp_token t;
	int values = 0;
	(void)state;
	buf_init(&out, &alloc_libc, SIZE_MAX);
	resp_write_command(&out, words, 2);
	resp_write_message(&out, false, BYTES_LIT("news"), BYTES_LIT("a\r\nb"));
	resp_write_message(&out, true, BYTES_LIT("news"), BYTES_LIT(""));
	resp_write_int(&out, INT64_MIN);
	resp_write_null(&out, true);
	resp_write_bool(&out, true);
	resp_dec_init(&d, &alloc_libc, 1024);
	resp_dec_feed(&d, buf_bytes(&out));
	int r;
	while ((r = resp_dec_next(&d, &t)) == 1) {
		values += t.last;
		if (t.type == RESP_INTEGER)
			assert_true(t.integer == INT64_MIN);
	}
	assert_int_equal(r, 0);
	assert_int_equal(values, 6);
	resp_dec_fini(&d);
	buf_fini(&out);
}

/* ---- servers out of memory ---- */

static void graphql_story(const struct alloc *al, const struct gql_schema *schema)
{
	struct gqlws_server s;
	struct gqlws_out out;
	gqlws_server_init(&s, al, schema, (struct gqlws_server_cfg){1000, 10}, true, 0);
	gqlws_server_text(&s, BYTES_LIT("{\"type\":\"connection_init\"}"), 0);
	gqlws_server_text(&s,
		BYTES_LIT(
			"{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"subscription{s}\"}}"),
		1);
	gqlws_server_text(
		&s, BYTES_LIT("{\"type\":\"subscribe\",\"id\":\"2\",\"payload\":{\"query\":\"{nope}\"}}"), 2);
	gqlws_server_time(&s, 50);
	while (gqlws_server_next(&s, &out))
		;
	gqlws_server_fini(&s);
}

static void socketio_story(const struct alloc *al)
{
	static const char *const namespaces[] = {"/", NULL};
	struct eio_server e;
	struct sio_session s;
	struct eio_out out;
	struct bytes data;
	bool binary;
	eio_server_init(&e, al, eio_server_cfg_default());
	eio_server_ws_open(&e, 7, BYTES_LIT("EIO=4&transport=websocket"), 0);
	eio_server_request(&e, 1, BYTES_LIT("GET"), BYTES_LIT("EIO=4&transport=polling"), BYTES_NONE, 0);
	eio_server_ws_message(&e, 7, BYTES_LIT("40"), false, 1);
	sio_session_init(&s, al, (struct sio_server_cfg){namespaces, 1000, 1}, 0);
	sio_session_message(&s, BYTES_LIT("0"), false);
	sio_session_message(&s, BYTES_LIT("2[\"a\",1]"), false);
	sio_session_emit(&s, BYTES_LIT("/"), BYTES_LIT("[\"b\"]"), NULL, 0);
	while (sio_session_next(&s, &data, &binary))
		eio_server_send(&e, 1, data, binary);
	eio_server_time(&e, 26000000000);
	while (eio_server_next(&e, &out))
		;
	sio_session_fini(&s);
	eio_server_fini(&e);
}

static void servers_out_of_memory_leak_nothing(void **state)
{
	struct gql_schema *schema = malloc(sizeof *schema);
	struct alloc_probe probe;
	struct perr err;
	(void)state;
	assert_true(gql_schema_read(
		schema, BYTES_LIT("type Query{a:String} type Subscription{s:String}; s -> 1, 2, 3"), &err));
	for (int kind = 0; kind < 2; kind++) {
		size_t n = 0;
		do {
			alloc_probe_arm(&probe, ++n);
			if (kind)
				graphql_story(&probe.al, schema);
			else
				socketio_story(&probe.al);
			assert_int_equal(probe.live, 0);
		} while (probe.failed);
		assert_true(n > 10);
	}
	free(schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(engineio_packets),
		cmocka_unit_test(a_payload_at_its_limit_passes_and_one_more_does_not),
		cmocka_unit_test(socketio_packets),
		cmocka_unit_test(attachments_come_in_order_and_not_unasked),
		cmocka_unit_test(graphql_messages),
		cmocka_unit_test(grpc_timeouts),
		cmocka_unit_test(grpc_messages_of_any_octets_survive_the_percent_code),
		cmocka_unit_test(a_grpc_message_at_the_limit_passes_and_one_more_does_not),
		cmocka_unit_test(resp_values),
		cmocka_unit_test(resp_writers_and_reader_agree),
		cmocka_unit_test(servers_out_of_memory_leak_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
