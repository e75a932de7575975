/*
 * Vectors of HTTP/3: streams, datagrams, capsules, and QPACK step by step.
 */
#include <string.h>

#include "proto/h3/h3.h"
#include "proto/qpack/qpack.h"
#include "ui/vectors.h"

static void set_all(json_t *obj, json_t *value, const char *const *names)
{
	for (; *names; names++)
		json_object_set(obj, *names, value);
	json_decref(value);
}
#define SET(obj, value, ...) set_all(obj, value, (const char *const[]){__VA_ARGS__, NULL})

static json_t *num(uint64_t v)
{
	return json_integer((json_int_t)v);
}

/* ---- streams ---- */

struct got {
	json_t *all;     /* every frame */
	json_t *known;   /* without those whose type is unknown, which are to be ignored */
	struct buf data; /* DATA payloads, where capsules may be */
	struct buf raw;
	json_t *o; /* stream_type, session, … */
};

static json_t *frame_json(const struct h3_frame *f)
{
	json_t *o = json_object();
	SET(o, num(f->type), "type");
	SET(o, num(f->off), "off");
	SET(o, json_string(f->info ? f->info->name : "unknown"), "name");
	SET(o, num(f->length), "length");
	SET(o, vec_hex(f->payload), "payload", "data");
	if (f->info && f->info->has_id) {
		SET(o, num(f->id), "id", "push_id", "stream_id", "stream", "value", "last_stream",
			"element_id", "prioritized_element_id");
		struct bytes rest = bytes_sub(f->payload, f->id_len, f->payload.n - f->id_len);
		SET(o, vec_hex(rest), "field_section", "headers", "block", "encoded_field_section");
		SET(o, vec_string(rest), "priority", "priority_field_value", "field_value");
	}
	if (f->type == H3_SETTINGS) {
		json_t *list = json_array();
		for (uint32_t i = 0; i < f->n_settings; i++)
			json_array_append_new(list, json_pack("[I, I]", (json_int_t)f->settings[i].id,
							    (json_int_t)f->settings[i].value));
		json_object_set_new(o, "settings", list);
	}
	return o;
}

static void stream_type_json(struct got *g, const struct h3_event *ev)
{
	const struct h3_name *n = h3_stream_info(ev->type);
	SET(g->o, json_string(n ? n->name : h3_is_grease(ev->type) ? "reserved" : "unknown"), "stream_type");
	SET(g->o, num(ev->type), "stream_type_value", "type");
	if (ev->type == H3_STREAM_WEBTRANSPORT)
		SET(g->o, num(ev->id), "session", "session_id");
	if (ev->type == H3_STREAM_PUSH)
		SET(g->o, num(ev->id), "push_id");
}

static void take_event(struct got *g, const struct h3_event *ev)
{
	json_t *f;
	switch (ev->kind) {
	case H3_EV_STREAM_TYPE:
		stream_type_json(g, ev);
		break;
	case H3_EV_WT_STREAM:
		SET(g->o, json_string("webtransport"), "stream_type", "signal");
		SET(g->o, num(ev->id), "session", "session_id");
		break;
	case H3_EV_FRAME:
		f = frame_json(ev->frame);
		json_array_append(g->all, f);
		if (ev->frame->info)
			json_array_append(g->known, f);
		json_decref(f);
		if (ev->type == H3_DATA)
			buf_add(&g->data, ev->frame->payload);
		break;
	default:
		buf_add(&g->raw, ev->data);
	}
}

static const char *error_name(const struct perr *err)
{
	const struct h3_name *n = h3_error_info((uint64_t)err->code);
	return n ? n->name : "?";
}

static bool error_is(json_t *expected, const char *got)
{
	size_t i;
	json_t *e;
	if (json_is_string(expected))
		return !strcmp(json_string_value(expected), got);
	json_array_foreach(expected, i, e) if (error_is(e, got)) return true;
	return json_is_true(expected);
}

static void match_error(struct vec_case *c, const struct perr *err)
{
	json_t *expected = json_object_get(c->expect, "error");
	if (!expected)
		vec_fail(c, "refused at octet %llu: %s: %s (%s)", (unsigned long long)err->off,
			error_name(err), err->what, err->ref);
	else if (!error_is(expected, error_name(err)))
		vec_fail(c, "wrong error %s: %s (%s)", error_name(err), err->what, err->ref);
}

/* Stream types go by several spellings: "QPACK encoder", "qpack_encoder" … */
static bool same_word(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a && strchr(" -_", *a))
			a++;
		while (*b && strchr(" -_", *b))
			b++;
		if ((*a | 0x20) != (*b | 0x20))
			return false;
		if (!*a)
			return true;
	}
}

static json_t *capsules_json(struct vec_case *c, struct bytes in, bool end, struct perr *err)
{
	struct h3_capsule_dec d;
	struct h3_capsule cap;
	json_t *list = json_array();
	int r;
	h3_capsule_dec_init(&d, c->al);
	h3_capsule_dec_feed(&d, in);
	while ((r = h3_capsule_dec_next(&d, &cap)) == 1) {
		json_t *o = json_object();
		SET(o, num(cap.type), "type");
		SET(o, json_string(cap.info ? cap.info->name : "unknown"), "name");
		SET(o, num(cap.length), "length");
		SET(o, vec_hex(cap.value), "value", "payload", "data");
		if (cap.type == H3_CAPSULE_CLOSE_WEBTRANSPORT_SESSION) {
			SET(o, num(cap.close_code), "code", "error_code", "application_error_code");
			SET(o, vec_string(cap.close_reason), "reason", "message", "error_message",
				"application_error_message");
		}
		json_array_append_new(list, o);
	}
	if (r < 0 || (end && !h3_capsule_dec_end(&d)))
		*err = d.err;
	h3_capsule_dec_fini(&d);
	return list;
}

static void match_stream(struct vec_case *c, struct got *g)
{
	json_t *frames = json_object_get(c->expect, "frames"),
	       *type = json_object_get(c->expect, "stream_type");
	const char *have = json_string_value(json_object_get(g->o, "stream_type"));
	size_t i;
	json_t *f;
	json_array_foreach(frames, i, f)
	{
		/* A type may be told by its name. */
		json_t *type_name = json_object_get(f, "type");
		json_t *have_all = json_array_get(g->all, i), *have_known = json_array_get(g->known, i);
		if (json_is_string(type_name) && vec_same(type_name, json_object_get(have_all, "name")))
			json_object_set(have_all, "type", type_name);
		if (json_is_string(type_name) && vec_same(type_name, json_object_get(have_known, "name")))
			json_object_set(have_known, "type", type_name);
	}
	if (frames && !vec_same(frames, g->known))
		vec_match(c, "frames", frames, json_incref(g->all));
	if (json_is_string(type) && !(have && same_word(json_string_value(type), have)))
		vec_match(c, "stream_type", type, json_incref(json_object_get(g->o, "stream_type")));
	if (json_is_integer(type))
		vec_match(c, "stream_type", type, json_incref(json_object_get(g->o, "stream_type_value")));
	static const char *const members[] = {"session", "session_id", "push_id", "signal"};
	for (i = 0; i < 4; i++)
		if (json_object_get(c->expect, members[i]))
			vec_match(c, members[i], json_object_get(c->expect, members[i]),
				json_incref(json_object_get(g->o, members[i])));
	if (json_object_get(c->expect, "payload"))
		vec_match(c, "payload", json_object_get(c->expect, "payload"), vec_hex(buf_bytes(&g->raw)));
}

static bool is_server(struct vec_case *c)
{
	const char *role = json_string_value(json_object_get(c->j, "role"));
	const char *from = json_string_value(json_object_get(c->j, "from"));
	return !(role && !strcmp(role, "client")) && !(from && !strcmp(from, "server"));
}

static void run_stream(struct vec_case *c, enum h3_kind kind, bool server, struct bytes in)
{
	struct vec_plan plan = VEC_PLAN_FIRST;
	while (vec_next_plan(c, &plan, in.n)) {
		struct h3_dec d;
		struct h3_event ev;
		struct h3_shared shared = {0};
		struct got g = {.all = json_array(), .known = json_array(), .o = json_object()};
		struct bytes piece;
		int r = 0;
		buf_init(&g.data, c->al, SIZE_MAX);
		buf_init(&g.raw, c->al, SIZE_MAX);
		h3_dec_init(&d, c->al, kind, server, &shared);
		while (r >= 0 && vec_next_piece(c, &plan, in, &piece)) {
			h3_dec_feed(&d, piece);
			while ((r = h3_dec_next(&d, &ev)) == 1)
				take_event(&g, &ev);
		}
		bool waiting = d.in.n > d.taken || d.state == H3_DEC_SESSION || d.state == H3_DEC_PUSH_ID ||
			       (kind == H3_UNI_STREAM && d.state == H3_DEC_START);
		bool ended = json_is_true(json_object_get(c->j, "eof")) ||
			     json_is_true(json_object_get(c->j, "fin"));
		if (r >= 0 && ended && !h3_dec_end(&d))
			r = -1;
		json_t *capsules = json_object_get(c->expect, "capsules");
		if (r >= 0 && capsules) {
			struct perr err = {0};
			json_t *list = capsules_json(c, buf_bytes(&g.data), ended, &err);
			if (err.what)
				match_error(c, &err);
			vec_match(c, "capsules", capsules, list);
		}
		if (r < 0)
			match_error(c, &d.err);
		else if (json_object_get(c->expect, "error"))
			vec_fail(c, "expected an error, was accepted");
		if (json_object_get(c->expect, "incomplete") &&
			json_is_true(json_object_get(c->expect, "incomplete")) != (r >= 0 && waiting))
			vec_fail(c, "expected %s", waiting ? "complete" : "incomplete");
		match_stream(c, &g);
		json_decref(g.all);
		json_decref(g.known);
		json_decref(g.o);
		buf_fini(&g.data);
		buf_fini(&g.raw);
		h3_dec_fini(&d);
	}
}

static void run_datagram(struct vec_case *c, struct bytes in)
{
	uint64_t stream = 0;
	struct bytes payload;
	struct perr err = {0};
	if (!h3_datagram_read(in, &stream, &payload, &err)) {
		match_error(c, &err);
		return;
	}
	if (json_object_get(c->expect, "error")) {
		vec_fail(c, "expected an error, was accepted");
		return;
	}
	json_t *o = json_object();
	SET(o, num(stream / 4), "quarter_stream_id", "quarter", "quarter_id");
	SET(o, num(stream), "stream", "stream_id", "request_stream", "session", "session_id");
	SET(o, vec_hex(payload), "payload", "data");
	vec_match(c, "datagram", c->expect, o);
	struct buf out;
	buf_init(&out, c->al, SIZE_MAX);
	h3_datagram_write(&out, stream, payload);
	if (out.n > in.n || (out.n == in.n && memcmp(out.p, in.p, in.n) != 0))
		vec_fail(c, "written back it differs");
	buf_fini(&out);
}

static void run_capsules(struct vec_case *c, struct bytes in)
{
	struct perr err = {0};
	json_t *capsules = json_object_get(c->expect, "capsules");
	json_t *list = capsules_json(c, in, json_is_true(json_object_get(c->j, "eof")), &err);
	if (err.what)
		match_error(c, &err);
	else if (json_object_get(c->expect, "error"))
		vec_fail(c, "expected an error, was accepted");
	if (capsules)
		vec_match(c, "capsules", capsules, json_incref(list));
	else if (!json_object_get(c->expect, "error"))
		vec_match(c, "capsule", c->expect, json_incref(json_array_get(list, 0)));
	json_decref(list);
}

/* ---- QPACK ---- */

struct qrun {
	struct vec_case *c;
	struct qpack_dec d;
	struct hfields fields;
	struct {
		uint64_t stream;
		json_t *fields;
	} due[QPACK_BLOCKED_MAX]; /* what blocked sections must give once they are free */
	size_t n_due, step;
	struct vec_plan plan;
};

static json_t *fields_json(const struct hfields *l, bool mark_never)
{
	json_t *list = json_array();
	for (size_t i = 0; i < l->count; i++) {
		struct hfield f = hfields_at(l, i);
		json_t *one = json_array();
		json_array_append_new(one, vec_string(f.name));
		json_array_append_new(one, vec_string(f.value));
		if (f.never_indexed && mark_never)
			json_array_append_new(one, json_string("never-indexed"));
		json_array_append_new(list, one);
	}
	return list;
}

static void match_fields(struct qrun *q, json_t *expected)
{
	json_t *marked = fields_json(&q->fields, true);
	if (!vec_same(expected, marked))
		vec_match(q->c, "fields", expected, fields_json(&q->fields, false));
	json_decref(marked);
}

static json_t *error_member(json_t *v)
{
	if (json_is_object(v))
		return json_object_get(v, "error");
	if (json_is_string(v) &&
		(strstr(json_string_value(v), "QPACK_") || strstr(json_string_value(v), "error")))
		return v;
	return NULL;
}

static void match_qpack_error(struct qrun *q, json_t *expected)
{
	if (!expected) /* the case as a whole may say how it ends */
		expected = json_object_get(q->c->expect, "error");
	if (!expected)
		expected = json_object_get(q->c->j, "error");
	if (!expected)
		vec_fail(q->c, "step %zu: %s: %s (%s)", q->step, error_name(&q->d.err), q->d.err.what,
			q->d.err.ref);
	else if (json_is_string(expected) && strstr(json_string_value(expected), "QPACK_") &&
		 !error_is(expected, error_name(&q->d.err)))
		vec_fail(q->c, "step %zu: wrong error %s: %s", q->step, error_name(&q->d.err), q->d.err.what);
}

static void free_blocked(struct qrun *q)
{
	uint64_t stream;
	int r;
	while ((r = qpack_dec_unblocked(&q->d, &stream, &q->fields)) == 1)
		for (size_t i = 0; i < q->n_due; i++)
			if (q->due[i].stream == stream && q->due[i].fields) {
				match_fields(q, q->due[i].fields);
				q->due[i].fields = NULL;
				break;
			}
	if (r < 0)
		match_qpack_error(q, NULL);
}

/* ["encoder-stream", HEX, {"error": …}?] */
static void step_encoder(struct qrun *q, json_t *step)
{
	struct buf in;
	struct bytes piece;
	json_t *error = error_member(json_array_get(step, 2));
	bool ok = true;
	buf_init(&in, q->c->al, SIZE_MAX);
	if (vec_bytes(q->c, json_array_get(step, 1), &in)) {
		q->plan.at = 0;
		while (ok && vec_next_piece(q->c, &q->plan, buf_bytes(&in), &piece))
			ok = qpack_dec_encoder_stream(&q->d, piece);
		if (!ok)
			match_qpack_error(q, error);
		else if (error)
			vec_fail(q->c, "step %zu: expected an error, was accepted", q->step);
		else
			free_blocked(q);
	}
	buf_fini(&in);
}

/* ["field-section", stream, HEX, fields | "blocked" | {"error": …}] */
static void step_section(struct qrun *q, json_t *step)
{
	struct buf in;
	uint64_t stream = (uint64_t)json_integer_value(json_array_get(step, 1));
	json_t *want = json_array_get(step, 3), *error = error_member(want);
	buf_init(&in, q->c->al, SIZE_MAX);
	if (vec_bytes(q->c, json_array_get(step, 2), &in)) {
		int r = qpack_dec_section(&q->d, stream, buf_bytes(&in), &q->fields);
		bool says_blocked = (json_is_string(want) && !error) || json_is_null(want) ||
				    json_is_true(json_object_get(want, "blocked"));
		json_t *later =
			json_array_get(step, 4) ? json_array_get(step, 4) : json_object_get(want, "fields");
		if (r < 0)
			match_qpack_error(q, error);
		else if (error)
			vec_fail(q->c, "step %zu: expected an error, %s", q->step,
				r ? "was accepted" : "is blocked");
		else if (r == 1 && says_blocked)
			vec_fail(q->c, "step %zu: expected blocked, was decoded", q->step);
		else if (r == 1 && json_is_array(want))
			match_fields(q, want);
		else if (r == 0 && q->n_due < QPACK_BLOCKED_MAX) {
			q->due[q->n_due].stream = stream;
			q->due[q->n_due++].fields = json_is_array(want) ? want : later;
		}
	}
	buf_fini(&in);
}

/* ["decoder-emits", HEX]: an Insert Count Increment may be told at once, later, or with the next thing. */
static void step_emits(struct qrun *q, json_t *step)
{
	struct buf want;
	buf_init(&want, q->c->al, SIZE_MAX);
	if (vec_bytes(q->c, json_array_get(step, 1), &want)) {
		struct bytes have = buf_bytes(&q->d.out);
		if (!bytes_eq(have, buf_bytes(&want))) {
			struct buf plain;
			buf_init(&plain, q->c->al, SIZE_MAX);
			buf_add(&plain, have);
			qpack_dec_increment(&q->d);
			size_t n = q->d.out.n - plain.n; /* the increment stands last: try it first, too */
			bool first = want.n == q->d.out.n && plain.n && n &&
				     memcmp(want.p, q->d.out.p + plain.n, n) == 0 &&
				     memcmp(want.p + n, plain.p, plain.n) == 0;
			if (!first)
				vec_match(q->c, "decoder-emits", json_array_get(step, 1),
					vec_hex(buf_bytes(&q->d.out)));
			buf_fini(&plain);
		}
		buf_clear(&q->d.out);
	}
	buf_fini(&want);
}

static void run_step(struct qrun *q, json_t *step)
{
	const char *kind = json_string_value(json_array_get(step, 0));
	if (!kind)
		vec_unknown(q->c, "a step without a name");
	else if (!strcmp(kind, "encoder-stream"))
		step_encoder(q, step);
	else if (!strcmp(kind, "field-section"))
		step_section(q, step);
	else if (!strcmp(kind, "decoder-emits"))
		step_emits(q, step);
	else if (!strcmp(kind, "stream-cancel"))
		qpack_dec_cancel(&q->d, (uint64_t)json_integer_value(json_array_get(step, 1)));
	else
		vec_unknown(q->c, "the step %s", kind);
}

static void run_qpack(struct vec_case *c, json_t *steps)
{
	json_t *capacity = json_object_get(c->j, "max_capacity"),
	       *blocked = json_object_get(c->j, "max_blocked"), *step;
	if (!blocked)
		blocked = json_object_get(c->j, "blocked_streams");
	if (!blocked)
		blocked = json_object_get(c->j, "max_blocked_streams");
	struct qrun q = {.c = c, .plan = VEC_PLAN_FIRST};
	while (vec_next_plan(c, &q.plan, 0)) {
		q.n_due = 0;
		qpack_dec_init(&q.d, c->al, capacity ? (uint64_t)json_integer_value(capacity) : 0,
			blocked ? (uint64_t)json_integer_value(blocked) : QPACK_BLOCKED_MAX);
		hfields_init(&q.fields, c->al, 1u << 20);
		json_array_foreach(steps, q.step, step)
		{
			run_step(&q, step);
			if (c->failures || q.d.failed)
				break;
		}
		for (size_t i = 0; i < q.n_due && !q.d.failed && !c->failures; i++)
			if (q.due[i].fields)
				vec_fail(c, "the section of stream %llu stays blocked",
					(unsigned long long)q.due[i].stream);
		hfields_fini(&q.fields);
		qpack_dec_fini(&q.d);
	}
}

void vec_http3(struct vec_case *c)
{
	json_t *steps = json_object_get(c->j, "steps");
	const char *stream = json_string_value(json_object_get(c->j, "stream"));
	if (json_is_array(steps)) {
		run_qpack(c, steps);
		return;
	}
	struct buf input;
	buf_init(&input, c->al, SIZE_MAX);
	if (!c->expect || !vec_input(c, "input", &input))
		vec_unknown(c, "neither a stream nor steps");
	else if (!stream && (strstr(c->id, "capsule") || json_object_get(c->expect, "capsules")))
		run_capsules(c, buf_bytes(&input));
	else if (!stream)
		vec_unknown(c, "it names no stream");
	else if (!strcmp(stream, "quic-datagram") || !strcmp(stream, "datagram"))
		run_datagram(c, buf_bytes(&input));
	else if (!strcmp(stream, "capsule") || !strcmp(stream, "capsules") || !strcmp(stream, "data"))
		run_capsules(c, buf_bytes(&input));
	else if (!strcmp(stream, "uni")) {
		/* A push stream can only come from a server. */
		bool push = !json_object_get(c->expect, "error") &&
			    json_is_string(json_object_get(c->expect, "stream_type")) &&
			    !strcmp(json_string_value(json_object_get(c->expect, "stream_type")), "push");
		run_stream(c, H3_UNI_STREAM, is_server(c) && !push, buf_bytes(&input));
	} else if (!strcmp(stream, "request") || !strcmp(stream, "bidi") || !strcmp(stream, "response"))
		run_stream(c, H3_REQUEST_STREAM, is_server(c) && strcmp(stream, "response") != 0,
			buf_bytes(&input));
	else
		vec_unknown(c, "the stream %s", stream);
	buf_fini(&input);
}
