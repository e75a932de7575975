/*
 * graphql-transport-ws messages: what each may hold (graphql-ws PROTOCOL.md, "Message types").
 */
#include "proto/graphql_ws/graphql_ws.h"

#define REF "graphql-ws PROTOCOL.md"

const struct gqlws_type_info gqlws_types[8] = {
#define X(type, name, from, has_id, help) [type] = {name, from, has_id, help},
#include "proto/graphql_ws/types.def"
#undef X
};

/* Either side closes with 4400 ("Invalid message", bidirectional). */
static bool bad(struct perr *err, const char *what)
{
	*err = (struct perr){GQLWS_BAD_REQUEST, err->off, what, REF};
	return false;
}

/* Absent, null or of the given type. */
static bool optional(const struct jtext *j, uint32_t node, enum jtype type)
{
	return node == JT_NONE || jt_is(j, node, JT_NULL) || jt_is(j, node, type);
}

/* A non-empty array of objects with a message each. */
static bool is_errors(const struct jtext *j, uint32_t node)
{
	if (!jt_is(j, node, JT_ARRAY) || j->nodes[node].count == 0)
		return false;
	for (uint32_t c = j->nodes[node].child; c != JT_NONE; c = j->nodes[c].next)
		if (jt_get(j, c, "message") == JT_NONE)
			return false;
	return true;
}

static const char *payload_fault(const struct gqlws_msg *m, const struct jtext *j)
{
	uint32_t p = m->payload;
	switch (m->type) {
	case GQLWS_SUBSCRIBE:
		if (!jt_is(j, p, JT_OBJECT))
			return "subscribe needs a payload that is an object";
		if (!jt_is(j, jt_get(j, p, "query"), JT_STRING))
			return "subscribe needs a query that is a string";
		if (!optional(j, jt_get(j, p, "variables"), JT_OBJECT) ||
			!optional(j, jt_get(j, p, "extensions"), JT_OBJECT))
			return "variables and extensions are objects";
		if (!optional(j, jt_get(j, p, "operationName"), JT_STRING))
			return "operationName is a string";
		return NULL;
	case GQLWS_NEXT:
		return jt_is(j, p, JT_OBJECT) ? NULL : "next needs a payload that is an object";
	case GQLWS_ERROR:
		return is_errors(j, p) ? NULL : "error needs a payload that is a list of errors";
	case GQLWS_COMPLETE:
		return NULL;
	default:
		return optional(j, p, JT_OBJECT) ? NULL : "the payload is an object or absent";
	}
}

static bool read_type(const struct jtext *j, struct gqlws_msg *m, enum gqlws_from from)
{
	uint32_t type = jt_get(j, 0, "type");
	for (unsigned i = 0; i < sizeof gqlws_types / sizeof *gqlws_types; i++) {
		if (!jt_str_is(j, type, gqlws_types[i].name))
			continue;
		m->type = (enum gqlws_type)i;
		return gqlws_types[i].from & from;
	}
	return false;
}

bool gqlws_read(const struct alloc *al, struct bytes in, enum gqlws_from from, struct gqlws_msg *m,
	struct jtext *j, struct perr *err)
{
	*m = (struct gqlws_msg){.id = JT_NONE, .payload = JT_NONE};
	*err = (struct perr){0};
	*j = (struct jtext){.al = al};
	if (in.n > GQLWS_MESSAGE_OCTETS_MAX)
		return bad(err, "the message is over GQLWS_MESSAGE_OCTETS_MAX");
	if (!jt_parse(j, al, in)) {
		bool oom = j->err.code == -1;
		err->off = j->err.off;
		bad(err, oom ? "out of memory" : j->err.what);
		if (oom)
			err->code = -1;
		return false;
	}
	if (!jt_is(j, 0, JT_OBJECT))
		return bad(err, "a message is an object");
	if (!read_type(j, m, from))
		return bad(err, "the type is missing, unknown, or not for this direction");
	m->id = jt_get(j, 0, "id");
	m->payload = jt_get(j, 0, "payload");
	if (gqlws_types[m->type].has_id && (!jt_is(j, m->id, JT_STRING) || j->nodes[m->id].len <= 2))
		return bad(err, "the id must be a string that is not empty");
	const char *what = payload_fault(m, j);
	return !what || bad(err, what);
}

void gqlws_write(struct buf *out, enum gqlws_type type, struct bytes id_raw, struct bytes payload_raw)
{
	buf_u8(out, '{');
	if (id_raw.n) {
		buf_str(out, "\"id\":");
		buf_add(out, id_raw);
		buf_u8(out, ',');
	}
	buf_str(out, "\"type\":\"");
	buf_str(out, gqlws_types[type].name);
	buf_u8(out, '"');
	if (payload_raw.n) {
		buf_str(out, ",\"payload\":");
		buf_add(out, payload_raw);
	}
	buf_u8(out, '}');
}

void gqlsse_write(struct buf *out, enum gqlws_type type, struct bytes payload_raw)
{
	buf_str(out, "event: ");
	buf_str(out, gqlws_types[type].name);
	buf_str(out, payload_raw.n ? "\ndata: " : "\ndata:");
	buf_add(out, payload_raw);
	buf_str(out, "\n\n");
}
