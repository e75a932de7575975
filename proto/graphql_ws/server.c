/*
 * The server's side of `graphql-transport-ws` (graphql-ws PROTOCOL.md, "Communication").
 */
#include "proto/graphql_ws/server.h"

#include <stdio.h>

bool gqlws_subprotocol_ok(struct bytes offered)
{
	for (size_t i = 0; i < offered.n;) {
		size_t end = i;
		while (end < offered.n && offered.p[end] != ',')
			end++;
		struct bytes one = bytes_sub(offered, i, end - i);
		while (one.n && (one.p[0] == ' ' || one.p[0] == '\t'))
			one = bytes_sub(one, 1, one.n - 1);
		while (one.n && (one.p[one.n - 1] == ' ' || one.p[one.n - 1] == '\t'))
			one.n--;
		if (bytes_eq_str(one, GQLWS_SUBPROTOCOL))
			return true;
		i = end + 1;
	}
	return false;
}

static void close_with(struct gqlws_server *s, enum gqlws_close code, const char *reason)
{
	if (s->state == GQLWS_CLOSED)
		return;
	s->state = GQLWS_CLOSED;
	s->close_due = true;
	s->close_code = (uint16_t)code;
	s->close_reason = reason;
}

void gqlws_server_init(struct gqlws_server *s, const struct alloc *al, const struct gql_schema *schema,
	struct gqlws_server_cfg cfg, bool subprotocol_ok, int64_t now_ns)
{
	*s = (struct gqlws_server){
		.al = al, .schema = schema, .cfg = cfg, .init_deadline_ns = now_ns + cfg.init_timeout_ns};
	buf_init(&s->queue, al, SIZE_MAX);
	if (!subprotocol_ok)
		close_with(s, GQLWS_SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable");
}

static void op_free(struct gqlws_server *s, struct gqlws_op *op)
{
	blob_unref(op->id);
	blob_unref(op->query);
	alloc_put(s->al, op, sizeof *op);
}

static void op_drop(struct gqlws_server *s, uint32_t i)
{
	op_free(s, s->ops[i]);
	for (s->n_ops--; i < s->n_ops; i++)
		s->ops[i] = s->ops[i + 1];
}

void gqlws_server_fini(struct gqlws_server *s)
{
	while (s->n_ops)
		op_drop(s, s->n_ops - 1);
	alloc_put(s->al, s->ops, s->cap_ops * sizeof *s->ops);
	s->ops = NULL;
	s->cap_ops = 0;
	buf_fini(&s->queue);
}

static void send(struct gqlws_server *s, enum gqlws_type type, struct bytes id, struct bytes payload)
{
	size_t at = s->queue.n;
	buf_be32(&s->queue, 0);
	gqlws_write(&s->queue, type, id, payload);
	if (!s->queue.failed)
		be32_put(s->queue.p + at, (uint32_t)(s->queue.n - at - 4));
}

static struct bytes blob_bytes(const struct blob *b)
{
	return (struct bytes){b->data, b->len};
}

/* Sends an operation's next result. True: it is over. */
static bool op_step(struct gqlws_server *s, struct gqlws_op *op)
{
	if (op->sent < gql_results(&op->doc)) {
		struct buf payload;
		buf_init(&payload, s->al, SIZE_MAX);
		gql_result(&payload, &op->doc, op->sent++);
		send(s, GQLWS_NEXT, blob_bytes(op->id), buf_bytes(&payload));
		s->oom |= payload.failed;
		buf_fini(&payload);
	}
	if (op->doc.op == GQL_SUBSCRIPTION && op->sent < gql_results(&op->doc))
		return false;
	send(s, GQLWS_COMPLETE, blob_bytes(op->id), BYTES_NONE);
	return true;
}

static int find_op(const struct gqlws_server *s, struct bytes id)
{
	for (uint32_t i = 0; i < s->n_ops; i++)
		if (bytes_eq(blob_bytes(s->ops[i]->id), id))
			return (int)i;
	return -1;
}

static struct gqlws_op *op_new(struct gqlws_server *s, struct bytes id, struct bytes query)
{
	if (s->n_ops == s->cap_ops) {
		uint32_t cap = s->cap_ops ? 2 * s->cap_ops : 8;
		struct gqlws_op **p =
			s->al->resize(s->al->ctx, s->ops, s->cap_ops * sizeof *p, cap * sizeof *p);
		if (!p)
			return NULL;
		s->ops = p;
		s->cap_ops = cap;
	}
	struct gqlws_op *op = alloc_get(s->al, sizeof *op);
	if (!op)
		return NULL;
	*op = (struct gqlws_op){
		.id = blob_new(s->al, id), .query = blob_new(s->al, query), .order = s->orders++};
	if (op->id && op->query) {
		s->ops[s->n_ops++] = op;
		return op;
	}
	op_free(s, op);
	return NULL;
}

/* Runs a new operation: its errors, or its first result. */
static void op_start(struct gqlws_server *s, struct gqlws_op *op, struct bytes name, int64_t now_ns)
{
	struct buf errors;
	buf_init(&errors, s->al, SIZE_MAX);
	bool ok = gql_doc_read(&op->doc, s->schema, blob_bytes(op->query), name, &errors);
	s->oom |= errors.failed;
	bool over = true;
	if (!ok)
		send(s, GQLWS_ERROR, blob_bytes(op->id), buf_bytes(&errors));
	else
		over = op_step(s, op);
	buf_fini(&errors);
	op->next_ns = now_ns + s->cfg.interval_ns;
	if (over)
		op_drop(s, s->n_ops - 1);
}

/* 4409 names the id, as far as a Close frame has room for it (RFC 6455 5.5: 123 octets). */
static void close_taken(struct gqlws_server *s, struct bytes id)
{
	struct buf text;
	buf_init(&text, s->al, SIZE_MAX);
	buf_str(&text, "Subscriber for ");
	jt_unescape(&text, id);
	size_t max = sizeof s->reason_room - sizeof " already exists", n = text.n < max ? text.n : max;
	while (n < text.n && n > 0 && (text.p[n] & 0xc0) == 0x80)
		n--;
	if (!text.failed)
		snprintf(s->reason_room, sizeof s->reason_room, "%.*s already exists", (int)n,
			(const char *)text.p);
	s->oom |= text.failed;
	buf_fini(&text);
	close_with(s, GQLWS_SUBSCRIBER_EXISTS, s->reason_room);
}

static void subscribe(
	struct gqlws_server *s, const struct jtext *j, const struct gqlws_msg *m, int64_t now_ns)
{
	struct bytes id = jt_text(j, m->id);
	if (find_op(s, id) >= 0) {
		close_taken(s, id);
		return;
	}
	if (s->n_ops >= GQLWS_OPERATIONS_MAX) {
		close_with(s, GQLWS_BAD_REQUEST, "Too many operations");
		return;
	}
	struct buf query, name;
	buf_init(&query, s->al, SIZE_MAX);
	buf_init(&name, s->al, SIZE_MAX);
	jt_unescape(&query, jt_text(j, jt_get(j, m->payload, "query")));
	uint32_t name_node = jt_get(j, m->payload, "operationName");
	if (jt_is(j, name_node, JT_STRING))
		jt_unescape(&name, jt_text(j, name_node));
	struct gqlws_op *op = query.failed || name.failed ? NULL : op_new(s, id, buf_bytes(&query));
	if (op)
		op_start(s, op, buf_bytes(&name), now_ns);
	else
		s->oom = true;
	buf_fini(&query);
	buf_fini(&name);
}

static void message(struct gqlws_server *s, const struct jtext *j, const struct gqlws_msg *m, int64_t now_ns)
{
	int i;
	switch (m->type) {
	case GQLWS_CONNECTION_INIT:
		if (s->state != GQLWS_WAIT_INIT) {
			close_with(s, GQLWS_TOO_MANY_INIT, "Too many initialisation requests");
			return;
		}
		s->state = GQLWS_READY;
		send(s, GQLWS_CONNECTION_ACK, BYTES_NONE, BYTES_NONE);
		return;
	case GQLWS_PING:
		send(s, GQLWS_PONG, BYTES_NONE, jt_text(j, m->payload));
		return;
	case GQLWS_SUBSCRIBE:
		if (s->state != GQLWS_READY)
			close_with(s, GQLWS_UNAUTHORIZED, "Unauthorized");
		else
			subscribe(s, j, m, now_ns);
		return;
	case GQLWS_COMPLETE:
		i = find_op(s, jt_text(j, m->id));
		if (i >= 0)
			op_drop(s, (uint32_t)i);
		return;
	default: /* pong */
		return;
	}
}

bool gqlws_server_text(struct gqlws_server *s, struct bytes text, int64_t now_ns)
{
	struct gqlws_msg m;
	struct jtext j;
	struct perr err;
	if (s->state == GQLWS_CLOSED)
		return !s->oom;
	if (gqlws_read(s->al, text, GQLWS_FROM_CLIENT, &m, &j, &err))
		message(s, &j, &m, now_ns);
	else if (err.code == -1)
		s->oom = true;
	else
		close_with(s, GQLWS_BAD_REQUEST, "Invalid message received");
	jt_fini(&j);
	s->oom |= s->queue.failed;
	return !s->oom;
}

bool gqlws_server_binary(struct gqlws_server *s)
{
	close_with(s, GQLWS_BAD_REQUEST, "Invalid message received");
	return !s->oom;
}

bool gqlws_server_time(struct gqlws_server *s, int64_t now_ns)
{
	if (s->state == GQLWS_WAIT_INIT && now_ns >= s->init_deadline_ns)
		close_with(s, GQLWS_INIT_TIMEOUT, "Connection initialisation timeout");
	for (;;) {
		/* The earliest due, the older operation first. */
		int due = -1;
		for (uint32_t i = 0; i < s->n_ops && s->state == GQLWS_READY; i++)
			if (s->ops[i]->next_ns <= now_ns &&
				(due < 0 || s->ops[i]->next_ns < s->ops[due]->next_ns))
				due = (int)i;
		if (due < 0)
			break;
		s->ops[due]->next_ns += s->cfg.interval_ns > 0 ? s->cfg.interval_ns : 1;
		if (op_step(s, s->ops[due]))
			op_drop(s, (uint32_t)due);
	}
	s->oom |= s->queue.failed;
	return !s->oom;
}

int64_t gqlws_server_wake_at(const struct gqlws_server *s)
{
	if (s->state == GQLWS_CLOSED)
		return GQLWS_NEVER;
	int64_t at = s->state == GQLWS_WAIT_INIT ? s->init_deadline_ns : GQLWS_NEVER;
	for (uint32_t i = 0; i < s->n_ops; i++)
		if (s->ops[i]->next_ns < at)
			at = s->ops[i]->next_ns;
	return at;
}

bool gqlws_server_next(struct gqlws_server *s, struct gqlws_out *out)
{
	*out = (struct gqlws_out){0};
	if (s->oom) /* the last message in the queue may be half written */
		return false;
	if (s->queue_taken < s->queue.n) {
		struct bytes q = buf_bytes(&s->queue);
		uint32_t n = be32_get(q.p + s->queue_taken);
		out->text = bytes_sub(q, s->queue_taken + 4, n);
		s->queue_taken += 4 + n;
		return true;
	}
	buf_clear(&s->queue);
	s->queue_taken = 0;
	if (!s->close_due || s->close_told)
		return false;
	s->close_told = true;
	*out = (struct gqlws_out){.close = true, .code = s->close_code, .reason = s->close_reason};
	return true;
}
