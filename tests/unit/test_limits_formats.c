/*
 * The limits of what is spoken inside HTTP and WebSocket, and of RESP, at their edge (tests/support/limits.h): those shipped; where
 * these are many megabytes, smaller ones of the same struct.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/base/jtext.h"
#include "proto/engineio/server.h"
#include "proto/graphql_ws/server.h"
#include "proto/grpc/grpc.h"
#include "proto/resp/resp.h"
#include "proto/socketio/server.h"
#include "tests/support/limits.h"

/* ---- Engine.IO, Socket.IO ---- */

static const char *eio_payload(uint64_t n)
{
	struct eio_dec d;
	struct eio_packet p;
	struct buf in;
	int r = 0;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, "4a\x1e"
		     "4");
	fill(&in, 'x', n - 4);
	eio_dec_init(&d, &alloc_libc, EIO_MAX_PAYLOAD_DEFAULT);
	if (eio_dec_feed(&d, buf_bytes(&in)))
		while ((r = eio_dec_next(&d, true, &p)) == 1)
			;
	say_what(r < 0 ? d.err.what : "");
	eio_dec_fini(&d);
	buf_fini(&in);
	return said;
}

static const char *eio_packets(uint64_t n)
{
	struct eio_dec d;
	struct eio_packet p;
	struct buf in;
	int r = 0;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	for (uint64_t i = 0; i < n; i++)
		buf_str(&in, i ? "\x1e"
				 "4"
			       : "4");
	eio_dec_init(&d, &alloc_libc, EIO_MAX_PAYLOAD_DEFAULT);
	if (eio_dec_feed(&d, buf_bytes(&in)))
		while ((r = eio_dec_next(&d, true, &p)) == 1)
			;
	say_what(r < 0 ? d.err.what : "");
	eio_dec_fini(&d);
	buf_fini(&in);
	return said;
}

/* Packets that wait for a poll; one too many ends the session. */
static const char *eio_queue(uint64_t n)
{
	struct eio_server s;
	struct eio_out o;
	eio_server_init(&s, &alloc_libc, eio_server_cfg_default());
	eio_server_request(&s, 1, BYTES_LIT("GET"), BYTES_LIT("EIO=4&transport=polling"), BYTES_NONE, 0);
	while (n-- > 0)
		eio_server_send(&s, 1, BYTES_LIT("x"), false);
	say_what("");
	while (eio_server_next(&s, &o))
		if (o.kind == EIO_OUT_CLOSED)
			say_what(o.reason);
	eio_server_fini(&s);
	return said;
}

static const char *read_sio(const char *text)
{
	struct sio_dec d;
	sio_dec_init(&d, &alloc_libc);
	int r = sio_dec_text(&d, bytes_str(text));
	say_what(r < 0 ? d.err.what : "");
	sio_dec_fini(&d);
	return said;
}

static const char *sio_attachments(uint64_t n)
{
	char text[60];
	snprintf(text, sizeof text, "5%llu-[\"a\"]", (unsigned long long)n);
	return read_sio(text);
}

static const char *sio_id(uint64_t n)
{
	char text[60];
	snprintf(text, sizeof text, "2%llu[\"a\"]", (unsigned long long)n);
	return read_sio(text);
}

/* Namespaces one client is in; of those that exist there are more. */
static const char *sio_namespaces(uint64_t n)
{
	static char names[SIO_NAMESPACES_MAX + 1][8];
	static const char *list[SIO_NAMESPACES_MAX + 2];
	struct sio_session s;
	struct bytes data;
	bool binary;
	char text[20];
	for (unsigned i = 0; i <= SIO_NAMESPACES_MAX; i++) {
		snprintf(names[i], sizeof names[i], "/n%u", i);
		list[i] = names[i];
	}
	sio_session_init(&s, &alloc_libc, (struct sio_server_cfg){list, 1000, 1}, 0);
	say_what("");
	for (uint64_t i = 0; i < n; i++) {
		snprintf(text, sizeof text, "0%s,", names[i]);
		assert_true(sio_session_message(&s, bytes_str(text), false));
		while (sio_session_next(&s, &data, &binary))
			if (data.p[0] == '4')
				say_what("CONNECT_ERROR");
	}
	sio_session_fini(&s);
	return said;
}

/* ---- JSON, GraphQL ---- */

static const char *read_json(const struct buf *in)
{
	struct jtext j;
	bool ok = jt_parse(&j, &alloc_libc, buf_bytes(in));
	say_what(ok ? "" : j.err.what);
	jt_fini(&j);
	return said;
}

static const char *json_depth(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	fill(&in, '[', n);
	fill(&in, ']', n);
	read_json(&in);
	buf_fini(&in);
	return said;
}

static const char *json_nodes(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, "[0");
	for (uint64_t i = 2; i < n; i++)
		buf_str(&in, ",0");
	buf_str(&in, "]");
	read_json(&in);
	buf_fini(&in);
	return said;
}

static const char *gql_message(uint64_t n)
{
	struct buf in;
	struct gqlws_msg m;
	struct jtext j;
	struct perr err;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, "{\"type\":\"ping\"}");
	fill(&in, ' ', n - in.n);
	bool ok = gqlws_read(&alloc_libc, buf_bytes(&in), GQLWS_FROM_CLIENT, &m, &j, &err);
	say_what(ok ? "" : err.what);
	jt_fini(&j);
	buf_fini(&in);
	return said;
}

static const struct gql_schema *schema(void)
{
	static struct gql_schema s;
	struct perr err;
	assert_true(gql_schema_read(&s,
		BYTES_LIT("type Query{a:String} type Subscription{s:String}; a -> x; s -> 1, 2, 3"), &err));
	return &s;
}

static const char *read_query(const struct buf *query)
{
	static struct gql_doc doc;
	struct buf errors;
	buf_init(&errors, &alloc_libc, SIZE_MAX);
	bool ok = gql_doc_read(&doc, schema(), buf_bytes(query), BYTES_NONE, &errors);
	buf_u8(&errors, 0);
	say_what(ok ? "" : (const char *)errors.p);
	buf_fini(&errors);
	return said;
}

static const char *gql_depth(uint64_t n)
{
	struct buf q;
	buf_init(&q, &alloc_libc, SIZE_MAX);
	buf_str(&q, "query($v:T=");
	fill(&q, '[', n);
	fill(&q, ']', n);
	buf_str(&q, "){a}");
	read_query(&q);
	buf_fini(&q);
	return said;
}

static const char *gql_selections(uint64_t n)
{
	struct buf q;
	buf_init(&q, &alloc_libc, SIZE_MAX);
	buf_str(&q, "{");
	for (uint64_t i = 0; i < n; i++) {
		buf_str(&q, " k");
		buf_dec(&q, i);
		buf_str(&q, ":a");
	}
	buf_str(&q, "}");
	read_query(&q);
	buf_fini(&q);
	return said;
}

static const char *gql_schema_fields(uint64_t n)
{
	static struct gql_schema s;
	struct perr err;
	struct buf text;
	buf_init(&text, &alloc_libc, SIZE_MAX);
	buf_str(&text, "type Query{");
	for (uint64_t i = 0; i < n; i++) {
		buf_str(&text, " f");
		buf_dec(&text, i);
		buf_str(&text, ":String");
	}
	buf_str(&text, "}");
	bool ok = gql_schema_read(&s, buf_bytes(&text), &err);
	say_what(ok ? "" : err.what);
	buf_fini(&text);
	return said;
}

static const char *gql_schema_values(uint64_t n)
{
	static struct gql_schema s;
	struct perr err;
	struct buf text;
	buf_init(&text, &alloc_libc, SIZE_MAX);
	buf_str(&text, "type Subscription{f:Int}; f -> 0");
	for (uint64_t i = 1; i < n; i++)
		buf_str(&text, ", 1");
	bool ok = gql_schema_read(&s, buf_bytes(&text), &err);
	say_what(ok ? "" : err.what);
	buf_fini(&text);
	return said;
}

/* Operations at once on one socket. */
static const char *gql_operations(uint64_t n)
{
	struct gqlws_server s;
	struct gqlws_out out;
	char text[120];
	gqlws_server_init(&s, &alloc_libc, schema(), (struct gqlws_server_cfg){1000, 1000000}, true, 0);
	gqlws_server_text(&s, BYTES_LIT("{\"type\":\"connection_init\"}"), 0);
	for (uint64_t i = 0; i < n; i++) {
		snprintf(text, sizeof text,
			"{\"type\":\"subscribe\",\"id\":\"%llu\",\"payload\":{\"query\":\"subscription{s}\"}"
			"}",
			(unsigned long long)i);
		gqlws_server_text(&s, bytes_str(text), 1);
	}
	say_what("");
	while (gqlws_server_next(&s, &out))
		if (out.close)
			say_what(out.reason);
	gqlws_server_fini(&s);
	return said;
}

/* ---- gRPC, RESP ---- */

static const char *grpc_message(uint64_t n)
{
	struct grpc_dec d;
	struct grpc_msg m;
	struct buf in, text;
	int r = 0;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_init(&text, &alloc_libc, SIZE_MAX);
	fill(&text, 'm', n);
	grpc_write(&in, false, buf_bytes(&text));
	grpc_dec_init(&d, &alloc_libc, GRPC_MESSAGE_OCTETS_MAX);
	if (grpc_dec_feed(&d, buf_bytes(&in)))
		while ((r = grpc_dec_next(&d, &m)) == 1)
			;
	say_what(r < 0 ? d.err.what : "");
	grpc_dec_fini(&d);
	buf_fini(&in);
	buf_fini(&text);
	return said;
}

static const char *read_resp(const struct buf *in, uint32_t bulk_max)
{
	struct resp_dec d;
	struct resp_token t;
	int r = 0;
	resp_dec_init(&d, &alloc_libc, bulk_max);
	if (resp_dec_feed(&d, buf_bytes(in)))
		while ((r = resp_dec_next(&d, &t)) == 1)
			;
	say_what(r < 0 ? d.err.what : "");
	resp_dec_fini(&d);
	return said;
}

static const char *resp_depth(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	while (n-- > 0)
		buf_str(&in, "*1\r\n");
	buf_str(&in, ":1\r\n");
	read_resp(&in, 100);
	buf_fini(&in);
	return said;
}

static const char *resp_line(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_str(&in, "+");
	fill(&in, 'x', n - 2);
	buf_str(&in, "\r\n");
	read_resp(&in, 100);
	buf_fini(&in);
	return said;
}

#define BULK_MAX 1000
static const char *resp_bulk(uint64_t n)
{
	struct buf in, text;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	buf_init(&text, &alloc_libc, SIZE_MAX);
	fill(&text, 'x', n);
	resp_write_bulk(&in, RESP_BULK, buf_bytes(&text));
	read_resp(&in, BULK_MAX);
	buf_fini(&in);
	buf_fini(&text);
	return said;
}

static const char *resp_elements(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	resp_write_head(&in, RESP_ARRAY, (uint32_t)n);
	read_resp(&in, 100);
	buf_fini(&in);
	return said;
}

/* A map counts two for each pair. */
static const char *resp_pairs(uint64_t n)
{
	struct buf in;
	buf_init(&in, &alloc_libc, SIZE_MAX);
	resp_write_head(&in, RESP_MAP, (uint32_t)n);
	read_resp(&in, 100);
	buf_fini(&in);
	return said;
}

/* ---- the table ---- */

static const struct limit limits[] = {
	{"Engine.IO payload", EIO_MAX_PAYLOAD_DEFAULT, eio_payload, "maxPayload"},
	{"packets in a payload", EIO_PACKETS_MAX, eio_packets, "EIO_PACKETS_MAX"},
	{"packets waiting for a poll", EIO_QUEUE_MAX, eio_queue, "EIO_QUEUE_MAX"},
	{"attachments", SIO_ATTACHMENTS_MAX, sio_attachments, "SIO_ATTACHMENTS_MAX"},
	{"acknowledgement id", SIO_ID_MAX, sio_id, "SIO_ID_MAX"},
	{"namespaces of a client", SIO_NAMESPACES_MAX, sio_namespaces, "CONNECT_ERROR"},
	{"depth of JSON", JT_DEPTH_MAX, json_depth, "JT_DEPTH_MAX"},
	{"values in JSON", JT_NODES_MAX, json_nodes, "JT_NODES_MAX"},
	{"graphql-transport-ws message", GQLWS_MESSAGE_OCTETS_MAX, gql_message, "GQLWS_MESSAGE_OCTETS_MAX"},
	{"depth of a query", GQL_DEPTH_MAX, gql_depth, "GQL_DEPTH_MAX"},
	{"fields of a query", GQL_SELECTIONS_MAX, gql_selections, "GQL_SELECTIONS_MAX"},
	{"fields of a schema", GQL_FIELDS_MAX, gql_schema_fields, "GQL_FIELDS_MAX"},
	{"values of a field", GQL_VALUES_MAX, gql_schema_values, "GQL_VALUES_MAX"},
	{"operations of a socket", GQLWS_OPERATIONS_MAX, gql_operations, "Too many operations"},
	{"gRPC message", GRPC_MESSAGE_OCTETS_MAX, grpc_message, "max_message"},
	{"depth of RESP", RESP_DEPTH_MAX, resp_depth, "RESP_DEPTH_MAX"},
	{"line of RESP", RESP_LINE_OCTETS_MAX, resp_line, "RESP_LINE_OCTETS_MAX"},
	{"bulk string", BULK_MAX, resp_bulk, "bulk_max"},
	{"elements of an array", RESP_ELEMENTS_MAX, resp_elements, "RESP_ELEMENTS_MAX"},
	{"pairs of a map", RESP_ELEMENTS_MAX / 2, resp_pairs, "RESP_ELEMENTS_MAX"},
};

static void every_limit_holds_at_its_edge(void **state)
{
	(void)state;
	limits_hold(limits, sizeof limits / sizeof *limits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_holds_at_its_edge),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
