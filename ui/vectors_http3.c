/*
 * Vectors of HTTP/3: streams, datagrams, capsules, WebTransport. QPACK is in vectors_qpack.c.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/h3/h3.h"
#include "proto/qpack/qpack.h"
#include "proto/quic/quic.h"
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

	/* The message, as far as field sections can be opened without a dynamic table. Its faults are told only where a case asks
	 * for them: most cases are about frames, with sections that are no whole request. */
	struct perr message;
	bool request, headers_seen, interim;
	struct hmsg head;
	uint64_t content;
};

static void message_fault(struct got *g, int code, uint64_t off, const char *what, const char *ref)
{
	if (!g->message.what)
		g->message = (struct perr){code, off, what, ref};
}

/* Opens a field section and looks at it as the message's next. Returns its fields, NULL when they are not to be had. */
static json_t *take_section(struct got *g, const struct h3_frame *f)
{
	struct qpack_dec d;
	struct hfields l;
	json_t *list = NULL;
	qpack_dec_init(&d, &alloc_libc, 0, 0);
	hfields_init(&l, &alloc_libc, 1u << 20);
	if (qpack_dec_section(&d, 0, f->payload, &l) == 1) {
		struct hmsg m = {.kind = g->headers_seen ? HMSG_TRAILERS
					 : g->request    ? HMSG_REQUEST
							 : HMSG_RESPONSE,
			.extended_connect = true,
			.need_authority = true};
		if (!hmsg_check(&m, &l))
			message_fault(g, H3_MESSAGE_ERROR, f->off, m.what, m.ref);
		g->interim = m.kind == HMSG_RESPONSE && m.status >= 100 && m.status < 200;
		if (m.kind != HMSG_TRAILERS && !g->interim) {
			g->headers_seen = true;
			g->head = m;
		}
		list = json_array();
		for (size_t i = 0; i < l.count; i++) {
			struct hfield h = hfields_at(&l, i);
			json_t *one = json_array();
			json_array_append_new(one, vec_string(h.name));
			json_array_append_new(one, vec_string(h.value));
			json_array_append_new(list, one);
		}
	} else if (f->payload.n == 0 || f->payload.p[0] == 0) {
		message_fault(g, d.err.code, f->off, d.err.what, d.err.ref);
	}
	hfields_fini(&l);
	qpack_dec_fini(&d);
	return list;
}

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
		SET(g->o, json_string("webtransport"), "stream_type");
		json_t *signal = num(ev->type);
		json_object_set_new(g->o, "signal", signal);
		SET(g->o, num(ev->id), "session", "session_id");
		break;
	case H3_EV_FRAME:
		f = frame_json(ev->frame);
		if (ev->type == H3_HEADERS) {
			json_t *fields = take_section(g, ev->frame);
			if (fields)
				SET(f, fields, "fields", "headers", "field_lines");
		}
		if (ev->type == H3_DATA)
			g->content += ev->frame->payload.n;
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

/* A capsule that cannot be read is H3_DATAGRAM_ERROR by RFC 9297 5.2 and a malformed message by 3.3. */
static bool capsule_error_is(json_t *expected, const struct perr *err)
{
	return (err->code == H3_DATAGRAM_ERROR || err->code == H3_MESSAGE_ERROR) &&
	       (error_is(expected, "H3_DATAGRAM_ERROR") || error_is(expected, "H3_MESSAGE_ERROR"));
}

static void match_error(struct vec_case *c, const struct perr *err)
{
	json_t *expected = json_object_get(c->expect, "error");
	if (!expected)
		vec_fail(c, "refused at octet %llu: %s: %s (%s)", (unsigned long long)err->off,
			error_name(err), err->what, err->ref);
	else if (!error_is(expected, error_name(err)) && !capsule_error_is(expected, err))
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

/* Other words for what a stream is. */
static bool stream_word(const char *want, const char *have)
{
	static const char *const words[][2] = {{"encoder", "qpack-encoder"}, {"decoder", "qpack-decoder"},
		{"webtransport-uni", "webtransport"}, {"webtransport-bidi", "webtransport"},
		{"webtransport-stream", "webtransport"}, {"wt", "webtransport"}, {"grease", "reserved"},
		{"unknown", "reserved"}, {"ignored", "reserved"}, {"ignored", "unknown"},
		{"reserved", "unknown"}};
	if (same_word(want, have))
		return true;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (same_word(want, words[i][0]) && same_word(have, words[i][1]))
			return true;
	return false;
}

/* A DATA frame of a session's CONNECT stream may be given with the capsules it holds. */
static void frame_capsules(struct vec_case *c, json_t *want, json_t *have)
{
	json_t *capsules = json_object_get(want, "capsules");
	struct perr err = {0};
	struct buf payload;
	buf_init(&payload, c->al, SIZE_MAX);
	if (capsules && json_object_get(have, "payload") &&
		vec_bytes(c, json_object_get(have, "payload"), &payload)) {
		json_object_set_new(have, "capsules", capsules_json(c, buf_bytes(&payload), true, &err));
		if (err.what)
			match_error(c, &err);
	}
	buf_fini(&payload);
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
		frame_capsules(c, f, have_known);
		vec_adopt(f, have_known);
		vec_adopt(f, have_all);
		if (json_is_string(type_name) && vec_same(type_name, json_object_get(have_all, "name")))
			json_object_set(have_all, "type", type_name);
		if (json_is_string(type_name) && vec_same(type_name, json_object_get(have_known, "name")))
			json_object_set(have_known, "type", type_name);
	}
	if (frames && !vec_same(frames, g->known))
		vec_match(c, "frames", frames, json_incref(g->all));
	if (json_is_string(type) && !(have && stream_word(json_string_value(type), have)))
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
		struct got g = {
			.all = json_array(), .known = json_array(), .o = json_object(), .request = server};
		struct bytes piece;
		int r = 0;
		buf_init(&g.data, c->al, SIZE_MAX);
		buf_init(&g.raw, c->al, SIZE_MAX);
		h3_dec_init(&d, c->al, kind, server, &shared);
		while (r >= 0 && vec_next_piece(c, &plan, in, &piece)) {
			h3_dec_feed(&d, piece);
			while ((r = h3_dec_next(&d, &ev)) == 1) {
				g.interim = false;
				take_event(&g, &ev);
				if (g.interim)
					h3_dec_informational(&d);
			}
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
		bool wanted = json_object_get(c->expect, "error");
		if (r >= 0 && wanted && waiting && !ended && !h3_dec_end(&d))
			r = -1; /* no more is to come: the case is about a stream that ends here */
		if (g.headers_seen && g.head.has_length && g.content != g.head.content_length)
			message_fault(
				&g, H3_MESSAGE_ERROR, in.n, "content-length does not hold", "RFC 9114 4.1.2");
		if (r < 0)
			match_error(c, &d.err);
		else if (wanted && g.message.what)
			match_error(c, &g.message);
		else if (wanted)
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

/* A type may be told by its name, and members by other names. */
static void capsule_notation(json_t *want, json_t *have)
{
	json_t *type = json_object_get(want, "type");
	const char *name = json_string_value(json_object_get(have, "name"));
	if (json_is_string(type) && name && same_word(json_string_value(type), name))
		json_object_set(have, "type", type);
	vec_adopt(want, have);
}

static void run_capsules(struct vec_case *c, struct bytes in)
{
	struct perr err = {0};
	json_t *capsules = json_object_get(c->expect, "capsules"), *one;
	size_t i;
	json_t *list = capsules_json(c, in, json_is_true(json_object_get(c->j, "eof")), &err);
	json_array_foreach(capsules, i, one) capsule_notation(one, json_array_get(list, i));
	if (!capsules)
		capsule_notation(c->expect, json_array_get(list, 0));
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

/* A number, written as one or as "0x…". */
static bool any_number(json_t *o, uint64_t *v)
{
	const char *key, *text;
	json_t *m;
	json_object_foreach(o, key, m)
	{
		text = json_string_value(m);
		if (json_is_integer(m))
			*v = (uint64_t)json_integer_value(m);
		else if (text && !strncmp(text, "0x", 2))
			*v = strtoull(text, NULL, 16);
		else
			continue;
		return true;
	}
	return false;
}

/* WebTransport's application codes and what they are on the wire: the larger range is the wire's. */
static void run_error_code(struct vec_case *c)
{
	uint64_t in = 0, want = 0;
	uint32_t application = 0;
	any_number(c->j, &in);
	bool wanted = any_number(c->expect, &want);
	if (in > UINT32_MAX) {
		bool ok = h3_wt_application_code(in, &application);
		if (ok != wanted)
			vec_fail(c, "the code %s WebTransport's", ok ? "is" : "is not");
		in = application;
	} else if (wanted && h3_wt_application_code(h3_wt_error_code((uint32_t)in), &application) &&
		   application == in) {
		in = h3_wt_error_code((uint32_t)in);
	}
	if (wanted && in != want)
		vec_fail(c, "expected code %llx, got %llx", (unsigned long long)want, (unsigned long long)in);
}

/* The payloads of DATA frames, if the input is nothing but DATA frames. */
static bool data_only(struct bytes in, struct buf *out)
{
	uint64_t type, len;
	for (size_t at = 0; at < in.n;) {
		size_t a = quic_varint_read(bytes_sub(in, at, in.n - at), &type);
		size_t b = a ? quic_varint_read(bytes_sub(in, at + a, in.n - at - a), &len) : 0;
		if (!b || type != H3_DATA || len > in.n - at - a - b)
			return false;
		buf_add(out, bytes_sub(in, at + a + b, (size_t)len));
		at += a + b + (size_t)len;
	}
	return true;
}

/* Capsules of a session whose HEADERS are left out: in DATA frames, or as they are. */
static void run_bare_capsules(struct vec_case *c, struct bytes in)
{
	struct buf out;
	struct perr err = {0};
	json_t *capsules = json_object_get(c->expect, "capsules");
	buf_init(&out, c->al, SIZE_MAX);
	bool framed = data_only(in, &out);
	if (framed) {
		json_t *list = capsules_json(c, buf_bytes(&out), true, &err);
		framed = !err.what && json_array_size(list) > 0 &&
			 (!capsules || json_array_size(list) == json_array_size(capsules));
		json_decref(list);
	}
	run_capsules(c, framed ? buf_bytes(&out) : in);
	buf_fini(&out);
}

void vec_http3(struct vec_case *c)
{
	json_t *steps = json_object_get(c->j, "steps");
	const char *stream = json_string_value(json_object_get(c->j, "stream"));
	if (json_is_array(steps)) {
		vec_run_qpack(c, steps);
		return;
	}
	struct buf input;
	buf_init(&input, c->al, SIZE_MAX);
	if (!c->expect || !vec_input(c, "input", &input))
		vec_unknown(c, "neither a stream nor steps");
	else if (!stream && !input.n && any_number(c->j, &(uint64_t){0}))
		run_error_code(c);
	else if (!stream && (strstr(c->id, "capsule") || json_object_get(c->expect, "capsules")))
		run_capsules(c, buf_bytes(&input));
	else if (!stream)
		vec_unknown(c, "it names no stream");
	else if (strstr(c->id, "capsule") && !strcmp(stream, "request") && input.n &&
		 input.p[0] != H3_HEADERS)
		run_bare_capsules(c, buf_bytes(&input));
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
