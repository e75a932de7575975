/*
 * Fuzzes graphql-transport-ws messages, and the GraphQL language behind them: the octets are a message to a server
 * that is ready, and, when they are not a message, a query.
 */
#include <stdlib.h>

#include "proto/graphql_ws/server.h"
#include "tests/support/fuzz_common.h"

static void drain(struct gqlws_server *s)
{
	struct gqlws_out out;
	for (int i = 0; i < 64; i++) {
		while (gqlws_server_next(s, &out))
			;
		int64_t at = gqlws_server_wake_at(s);
		if (at == GQLWS_NEVER)
			return;
		gqlws_server_time(s, at);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct gql_schema *schema = malloc(sizeof *schema);
	struct gql_doc *doc = malloc(sizeof *doc);
	struct gqlws_server s;
	struct buf errors;
	struct perr err;
	if (!schema || !doc ||
		!gql_schema_read(schema,
			BYTES_LIT("type Query{a:String b:Int} type Subscription{s:String}; a -> \"x\"; s -> "
				  "1, 2"),
			&err))
		abort();
	gqlws_server_init(&s, &alloc_libc, schema, (struct gqlws_server_cfg){1000, 10}, true, 0);
	gqlws_server_text(&s, BYTES_LIT("{\"type\":\"connection_init\"}"), 0);
	gqlws_server_text(&s, in, 1);
	drain(&s);
	gqlws_server_fini(&s);
	buf_init(&errors, &alloc_libc, SIZE_MAX);
	gql_doc_read(doc, schema, in, BYTES_NONE, &errors);
	buf_fini(&errors);
	gql_schema_read(schema, in, &err);
	free(schema);
	free(doc);
	fuzz_dissect(&dx_graphql_ws, in);
	return 0;
}
