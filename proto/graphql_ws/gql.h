/*
 * gql: just enough GraphQL for a teaching server: a schema of root fields, the query language, and execution.
 *
 *	schema text     type Query{hello:String} type Subscription{greetings:String}; hello -> "world"; greetings -> Hi, Hola
 *	                types of the operations with their fields, then what each field answers: one value, or a list of
 *	                values that a subscription gives one after another
 *
 * GraphQL specification (October 2021) 2 (language), 5 (validation: only what root fields of scalar type allow), 6, 7.
 * Left out: nested types, arguments with effects, introspection beyond __typename.
 */
#ifndef PROTO_GRAPHQL_WS_GQL_H
#define PROTO_GRAPHQL_WS_GQL_H

#include "proto/base/base.h"

#define GQL_FIELDS_MAX 64
#define GQL_SELECTIONS_MAX 64
#define GQL_DEPTH_MAX 32
#define GQL_VALUES_MAX 64

enum gql_op { GQL_QUERY, GQL_MUTATION, GQL_SUBSCRIPTION };
extern const char *const gql_op_types[3]; /* "Query", "Mutation", "Subscription" */

struct gql_field {
	enum gql_op op;
	struct bytes name;
	struct bytes values[GQL_VALUES_MAX]; /* text without quotes; borrowed from the schema text */
	uint32_t n_values;
};

struct gql_schema {
	struct gql_field fields[GQL_FIELDS_MAX];
	uint32_t n;
	bool has_op[3];
};

/* Reads a schema text, which must live as long as the schema. False: *err. */
bool gql_schema_read(struct gql_schema *s, struct bytes text, struct perr *err);

struct gql_selection {
	struct bytes key;              /* the name in the result: alias, or the field's name */
	const struct gql_field *field; /* NULL: __typename */
};

struct gql_doc {
	enum gql_op op;
	struct gql_selection selections[GQL_SELECTIONS_MAX];
	uint32_t n;
};

/* Parses and validates a document and picks an operation. `query` (decoded text) must live as long as *d.
 * `operation_name` n == 0: none given. False: `errors` has got the JSON list of errors (GraphQL 7.1.2). */
bool gql_doc_read(struct gql_doc *d, const struct gql_schema *s, struct bytes query,
	struct bytes operation_name, struct buf *errors);

/* How many results the operation gives: 1, or as many as its field has values (subscription). */
uint32_t gql_results(const struct gql_doc *d);
/* Appends the i-th result, {"data":{…}}. */
void gql_result(struct buf *out, const struct gql_doc *d, uint32_t i);

#endif
