/*
 * dx_graphql_ws: a message of the graphql-transport-ws subprotocol: type, id, payload with its parts.
 */
#include "proto/dissect/dx_int.h"
#include "proto/graphql_ws/graphql_ws.h"

enum {
	F_MESSAGE,
	F_TYPE,
	F_ID,
	F_PAYLOAD,
	F_QUERY,
	F_OPERATION,
	F_VARIABLES,
	F_DATA,
	F_ERRORS,
	F_OTHER,
	F_COUNT
};

#define REF "graphql-ws PROTOCOL.md"

static const struct dx_field fields[F_COUNT] = {
	[F_MESSAGE] = {"graphql_ws", "graphql-transport-ws message", DX_GROUP, DX_VARIES, NULL, REF,
		"One JSON object in one WebSocket text message."},
	[F_TYPE] = {"graphql_ws.type", "type", DX_TEXT, DX_VARIES, NULL, REF, "What the message is."},
	[F_ID] = {"graphql_ws.id", "id", DX_TEXT, DX_VARIES, NULL, REF,
		"The operation the message belongs to."},
	[F_PAYLOAD] = {"graphql_ws.payload", "payload", DX_TEXT, DX_VARIES, NULL, REF,
		"What the message carries."},
	[F_QUERY] = {"graphql_ws.query", "query", DX_TEXT, DX_VARIES, NULL, "GraphQL 2",
		"The operation in GraphQL's language."},
	[F_OPERATION] = {"graphql_ws.operation_name", "operationName", DX_TEXT, DX_VARIES, NULL,
		"GraphQL 6.1", "Which of several operations to run."},
	[F_VARIABLES] = {"graphql_ws.variables", "variables", DX_TEXT, DX_VARIES, NULL, "GraphQL 6.1.2",
		"Values for the operation's variables."},
	[F_DATA] = {"graphql_ws.data", "data", DX_TEXT, DX_VARIES, NULL, "GraphQL 7.1", "The result."},
	[F_ERRORS] = {"graphql_ws.errors", "errors", DX_TEXT, DX_VARIES, NULL, "GraphQL 7.1.2",
		"What went wrong."},
	[F_OTHER] = {"graphql_ws.other", "other member", DX_TEXT, DX_VARIES, NULL, REF,
		"A member the protocol does not name."},
};

struct view {
	struct dx_tree *t;
	const struct jtext *j;
	uint32_t src;
	size_t base;
};

/* A member with its name: the range begins at the name. */
static uint32_t put(struct view *v, uint32_t parent, unsigned f, uint32_t node)
{
	const struct jnode *n = &v->j->nodes[node];
	return dx_octets(v->t, parent, &fields[f], v->src, v->base + n->off, n->len);
}

static unsigned find(struct view *v, uint32_t node, const unsigned *list, size_t n)
{
	const struct jnode *m = &v->j->nodes[node];
	struct bytes key = bytes_sub(v->j->text, m->key_off + 1, m->key_len - 2);
	for (size_t i = 0; i < n; i++)
		if (bytes_eq_str(key, fields[list[i]].title))
			return list[i];
	return F_OTHER;
}

static void put_members(struct view *v, uint32_t parent, uint32_t obj, const unsigned *list, size_t n)
{
	static const unsigned inner[] = {F_QUERY, F_OPERATION, F_VARIABLES, F_DATA, F_ERRORS};
	if (!jt_is(v->j, obj, JT_OBJECT))
		return;
	for (uint32_t m = v->j->nodes[obj].child; m != JT_NONE; m = v->j->nodes[m].next) {
		unsigned f = find(v, m, list, n);
		uint32_t node = put(v, parent, f, m);
		if (f == F_PAYLOAD)
			put_members(v, node, m, inner, 5);
	}
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	static const unsigned outer[] = {F_TYPE, F_ID, F_PAYLOAD};
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct gqlws_msg m;
	struct jtext j;
	struct perr err = {0};
	enum gqlws_from from = !h || !h->direction_known ? GQLWS_FROM_BOTH
			       : h->to_server            ? GQLWS_FROM_CLIENT
							 : GQLWS_FROM_SERVER;
	struct view v = {t, &j, src, off};
	uint32_t g = dx_octets(t, parent, &fields[F_MESSAGE], src, off, len);
	bool ok = gqlws_read(t->al, in, from, &m, &j, &err);
	if (j.n && j.end == in.n)
		put_members(&v, g, 0, outer, 3);
	if (ok)
		dx_flag(t, g, 0, "%s: %s", gqlws_types[m.type].name, gqlws_types[m.type].help);
	else if (err.code == -1)
		t->failed = true;
	else
		dx_flag(t, g, DX_BAD, "%s: close %d", err.what, err.code);
	jt_fini(&j);
	return ok ? in.n : 0;
}

const struct dx_proto dx_graphql_ws = {"graphql-ws", "GraphQL over WebSocket", REF, fields, F_COUNT, dissect};
