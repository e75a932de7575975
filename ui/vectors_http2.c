/*
 * Vectors of HTTP/2: single frames, and what a client sends to a server from the preface on.
 */
#include <string.h>

#include "proto/h2/session.h"
#include "ui/vectors.h"

/* Sets the same value under every name the member may have. */
static void set_all(json_t *obj, json_t *value, const char *const *names)
{
	for (; *names; names++)
		json_object_set(obj, *names, value);
	json_decref(value);
}
#define SET(obj, value, ...) set_all(obj, value, (const char *const[]){__VA_ARGS__, NULL})

static json_t *priority_json(const struct h2_frame *f)
{
	return json_pack("{s:b, s:I, s:I, s:I, s:i}", "exclusive", f->exclusive, "dependency",
		(json_int_t)f->dependency, "depends_on", (json_int_t)f->dependency, "stream",
		(json_int_t)f->dependency, "weight", (int)f->weight);
}

static json_t *settings_json(const struct h2_frame *f)
{
	json_t *list = json_array();
	for (size_t i = 0; i < h2_frame_settings(f); i++) {
		struct h2_setting s = h2_frame_setting(f, i);
		json_array_append_new(list, json_pack("[i, I]", s.id, (json_int_t)s.value));
	}
	return list;
}

static void body_json(json_t *o, const struct h2_frame *f)
{
	switch (f->type) {
	case H2_DATA:
		SET(o, vec_hex(f->body), "data");
		break;
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
	case H2_CONTINUATION:
		SET(o, vec_hex(f->body), "fragment", "block", "header_block", "block_fragment", "headers",
			"data");
		break;
	case H2_PING:
		SET(o, vec_hex(f->body), "opaque", "opaque_data", "data", "payload");
		break;
	case H2_GOAWAY:
		SET(o, vec_hex(f->body), "debug", "debug_data");
		break;
	default:
		SET(o, vec_hex(f->payload), "payload", "data");
	}
}

/* The weight may be told as it is on the wire (0 to 255) or as what it means (1 to 256); padding by its length or its
 * octets; a type beyond RFC 9113 by number or by any name. */
static void take_notation(json_t *o, json_t *want, const struct h2_frame *f)
{
	json_t *w = json_object_get(want, "weight"),
	       *wp = json_object_get(json_object_get(want, "priority"), "weight");
	if (json_is_integer(w) && json_integer_value(w) == f->weight - 1)
		json_object_set(o, "weight", w);
	if (json_is_integer(wp) && json_integer_value(wp) == f->weight - 1)
		json_object_set(json_object_get(o, "priority"), "weight", wp);
	struct bytes padding = bytes_sub(f->payload, f->payload.n - f->pad_len, f->pad_len);
	if (json_is_string(json_object_get(want, "padding")))
		json_object_set_new(o, "padding", vec_hex(padding));
	if (json_is_string(json_object_get(want, "pad")))
		json_object_set_new(o, "pad", vec_hex(padding));
	json_t *type = json_object_get(want, "type");
	if (json_is_integer(type) || (json_is_string(type) && f->type > H2_CONTINUATION))
		json_object_set_new(
			o, "type", json_is_integer(type) ? json_integer(f->type) : json_incref(type));
	if (json_is_string(json_object_get(want, "data")) && f->type == H2_GOAWAY)
		json_object_set_new(o, "data", vec_hex(f->body));
	if (json_is_boolean(json_object_get(want, "reserved")))
		json_object_set_new(o, "reserved", json_boolean(f->reserved));
	json_t *flags = json_object_get(want, "flags"), *name;
	size_t i;
	unsigned bits = 0;
	json_array_foreach(flags, i, name)
	{
		for (unsigned bit = 1; bit < 0x100; bit <<= 1) {
			const struct h2_name *n = h2_flag_info(f->type, bit);
			if (n && json_is_string(name) && !strcmp(n->name, json_string_value(name)))
				bits |= bit;
		}
	}
	if (json_is_array(flags) && bits == f->flags)
		json_object_set(o, "flags", flags);
}

static json_t *fields_json(const struct h2_frame *f, json_t *want)
{
	const struct h2_type_info *t = h2_type_info(f->type);
	json_t *o = json_object();
	/* Types beyond RFC 9113 are numbers. */
	json_object_set_new(
		o, "type", t && f->type <= H2_CONTINUATION ? json_string(t->name) : json_integer(f->type));
	json_object_set_new(o, "flags", json_integer(f->flags));
	SET(o, json_integer(f->stream), "stream", "stream_id");
	json_object_set_new(o, "length", json_integer(f->length));
	json_object_set_new(o, "reserved", json_integer(f->reserved));
	body_json(o, f);
	if (f->flags & H2_FLAG_PADDED) {
		SET(o, json_integer(f->pad_len), "pad_length", "padding", "pad_len", "pad", "padding_length");
	}
	if (f->type == H2_PRIORITY || (f->type == H2_HEADERS && (f->flags & H2_FLAG_PRIORITY))) {
		json_object_set_new(o, "priority", priority_json(f));
		json_object_set_new(o, "exclusive", json_boolean(f->exclusive));
		SET(o, json_integer(f->dependency), "dependency", "depends_on", "stream_dependency", "parent",
			"dep");
		json_object_set_new(o, "weight", json_integer(f->weight));
	}
	SET(o, json_integer(f->promised), "promised", "promised_stream", "promised_stream_id", "promised_id");
	SET(o, json_integer(f->last_stream), "last_stream", "last_stream_id");
	SET(o, json_integer(f->error_code), "error_code", "code", "error");
	SET(o, json_integer(f->increment), "increment", "window_size_increment");
	if (f->type == H2_SETTINGS) {
		json_object_set_new(o, "settings", settings_json(f));
		json_object_set_new(o, "ack", json_boolean(f->flags & H2_FLAG_ACK));
	}
	take_notation(o, want, f);
	vec_adopt(want, o);
	return o;
}

static const char *code_name(int code)
{
	const struct h2_name *n = h2_error_info((uint32_t)code);
	return n ? n->name : "(unknown code)";
}

/* Is the code among `codes` (a list, or one string)? No list allows any. */
static bool code_allowed(json_t *codes, int code)
{
	if (json_is_string(codes))
		return !strcmp(json_string_value(codes), code_name(code));
	if (!json_is_array(codes) || json_array_size(codes) == 0)
		return true;
	size_t i;
	json_t *v;
	json_array_foreach(codes, i, v)
	{
		if (json_is_string(v) && !strcmp(json_string_value(v), code_name(code)))
			return true;
		if (json_is_integer(v) && json_integer_value(v) == code)
			return true;
	}
	return false;
}

/* Written back, the frame must be as long and mean the same. The reserved bit and padding that is not zero are not kept,
 * by RFC 9113 4.1 and 6.1. */
static void write_back(struct vec_case *c, const struct h2_frame *f)
{
	struct buf out;
	buf_init(&out, c->al, SIZE_MAX);
	h2_frame_write(&out, f);
	struct h2_frame g = {0};
	h2_header_read(out.p, &g);
	g.payload = bytes_sub(buf_bytes(&out), H2_HEADER_LEN, out.n - H2_HEADER_LEN);
	h2_payload_read(&g);
	g.reserved = f->reserved;
	if (out.n != H2_HEADER_LEN + (size_t)f->length)
		vec_fail(c, "written back: %zu octets, were %u", out.n, (unsigned)f->length + H2_HEADER_LEN);
	else if (f->pad_len ? !bytes_eq(g.body, f->body)
			    : !bytes_eq(g.payload, f->payload) && f->type != H2_WINDOW_UPDATE &&
				      f->type != H2_GOAWAY && f->type != H2_PUSH_PROMISE)
		vec_fail(c, "written back it differs");
	buf_fini(&out);
}

static void frame_error(struct vec_case *c, json_t *expect, const struct h2_fault *fault)
{
	const char *scope = json_string_value(json_object_get(expect, "scope"));
	json_t *codes = json_object_get(expect, "code");
	if (!codes)
		codes = json_object_get(expect, "codes");
	if (fault->scope == H2_FINE) {
		vec_fail(c, "expected an error, was accepted");
		return;
	}
	if (scope && fault->scope == H2_STREAM_ERROR && strcmp(scope, "stream"))
		vec_fail(c, "expected scope %s, is a stream error", scope);
	if (!code_allowed(codes, fault->err.code))
		vec_fail(c, "wrong error code %s: %s (%s)", code_name(fault->err.code), fault->err.what,
			fault->err.ref);
}

static void run_frame(struct vec_case *c, json_t *expect, struct bytes input)
{
	const char *verdict = json_string_value(json_object_get(expect, "verdict"));
	json_t *max = json_object_get(c->j, "max_frame_size");
	struct vec_plan plan = VEC_PLAN_FIRST;
	while (vec_next_plan(c, &plan, input.n)) {
		struct h2_dec d;
		struct h2_frame f = {0};
		struct bytes piece;
		int r = 0;
		h2_dec_init(&d, c->al, 0);
		if (max)
			d.max_frame_size = (uint32_t)json_integer_value(max);
		while (r == 0 && vec_next_piece(c, &plan, input, &piece)) {
			h2_dec_feed(&d, piece);
			r = h2_dec_next(&d, &f);
		}
		const struct h2_fault *fault = r < 0 ? &d.fault : &f.fault;
		if (!verdict)
			vec_unknown(c, "a frame without a verdict");
		else if (!strcmp(verdict, "incomplete") && r != 0)
			vec_fail(c, "expected incomplete, got %s", r > 0 ? "a frame" : fault->err.what);
		else if (!strcmp(verdict, "error") && r == 0)
			vec_fail(c, "expected an error, got incomplete");
		else if (!strcmp(verdict, "error"))
			frame_error(c, expect, fault);
		else if (strcmp(verdict, "incomplete") && (r != 1 || fault->scope != H2_FINE))
			vec_fail(c, "expected a frame, got %s", r == 0 ? "incomplete" : fault->err.what);
		else if (r == 1 && json_object_get(expect, "fields")) {
			vec_match(c, "fields", json_object_get(expect, "fields"),
				fields_json(&f, json_object_get(expect, "fields")));
			write_back(c, &f);
		}
		h2_dec_fini(&d);
	}
}

/* What a session came to. */
struct outcome {
	json_t *answers; /* streams that get a response */
	json_t *maybe; /* streams that were reset after their request was complete: a server may have answered */
	bool goaway;
	int goaway_code;
	json_t *resets; /* [[stream, code]…] */
	struct h2_fault fault;
};

static void answer(struct h2_conn *h, uint32_t stream, bool too_large)
{
	struct hfield ok[] = {{BYTES_LIT(":status"), too_large ? BYTES_LIT("431") : BYTES_LIT("200"), false},
		{BYTES_LIT("content-length"), BYTES_LIT("0"), false}};
	h2_conn_headers(h, stream, ok, 2, true);
}

static void cut_short(struct outcome *o, uint32_t stream)
{
	for (size_t i = json_array_size(o->answers); i-- > 0;)
		if (json_integer_value(json_array_get(o->answers, i)) == (json_int_t)stream) {
			json_array_remove(o->answers, i);
			json_array_append_new(o->maybe, json_integer(stream));
		}
}

static void take_event(struct h2_conn *h, const struct h2_event *ev, struct outcome *o)
{
	switch (ev->kind) {
	case H2_EV_HEADERS:
	case H2_EV_TRAILERS:
	case H2_EV_DATA: {
		/* A CONNECT is answered when its fields are there; everything else when the request is complete. */
		struct h2_stream *s = h2_conn_stream(h, ev->stream);
		if (ev->end_stream || (ev->kind == H2_EV_HEADERS && s && s->connect))
			json_array_append_new(o->answers, json_integer(ev->stream));
		break;
	}
	case H2_EV_RESET:
		cut_short(o, ev->stream);
		break;
	case H2_EV_STREAM_FAULT:
		cut_short(o, ev->stream);
		json_array_append_new(
			o->resets, json_pack("[I, s]", (json_int_t)ev->stream, code_name((int)ev->code)));
		o->fault = ev->fault;
		break;
	case H2_EV_CONN_FAULT:
		o->goaway = true;
		o->goaway_code = (int)ev->code;
		o->fault = ev->fault;
		break;
	default:
		break;
	}
}

/* Requests are answered after the last octet: when a server gets round to it must not decide what is legal. */
static void answer_all(struct h2_conn *h, const struct outcome *o)
{
	for (size_t i = 0; i < json_array_size(o->answers); i++) {
		uint32_t id = (uint32_t)json_integer_value(json_array_get(o->answers, i));
		struct h2_stream *s = h2_conn_stream(h, id);
		if (s && !s->sent_headers)
			answer(h, id, false);
	}
}

static bool stream_reset(const struct outcome *o, json_t *stream, json_t *codes)
{
	size_t i;
	json_t *r;
	json_array_foreach(o->resets, i, r)
	{
		if (stream && json_integer_value(stream) != json_integer_value(json_array_get(r, 0)))
			continue;
		const char *name = json_string_value(json_array_get(r, 1));
		for (int code = 0; code <= H2_HTTP_1_1_REQUIRED; code++)
			if (!strcmp(name, code_name(code)) && code_allowed(codes, code))
				return true;
	}
	return false;
}

static bool holds(json_t *list, json_t *stream)
{
	size_t i;
	json_t *v;
	json_array_foreach(list, i, v) if (json_equal(v, stream)) return true;
	return false;
}

/* Streams are independent, so the order in which they are answered is not looked at. */
static void judge_answers(struct vec_case *c, json_t *expected, const struct outcome *o)
{
	size_t i;
	json_t *v;
	bool same = json_is_array(expected);
	json_array_foreach(expected, i, v) same = same && (holds(o->answers, v) || holds(o->maybe, v));
	json_array_foreach(o->answers, i, v) same = same && holds(expected, v);
	if (!same)
		vec_match(c, "answers", expected, json_incref(o->answers));
}

static void judge(struct vec_case *c, json_t *expect, const struct outcome *o)
{
	const char *result = json_string_value(json_object_get(expect, "result"));
	json_t *codes = json_object_get(expect, "codes"), *stream = json_object_get(expect, "stream");
	json_t *answers = json_object_get(expect, "answers");
	const char *fault = o->fault.err.what ? o->fault.err.what : "nothing wrong";
	if (!result) {
		vec_unknown(c, "a session without a result");
	} else if (!strcmp(result, "ok")) {
		if (o->goaway || json_array_size(o->resets))
			vec_fail(c, "expected ok, got %s: %s (%s)", code_name(o->fault.err.code), fault,
				o->fault.err.ref);
	} else if (!strcmp(result, "conn")) {
		if (!o->goaway)
			vec_fail(c, "expected a connection error, got %s", fault);
		else if (!code_allowed(codes, o->goaway_code))
			vec_fail(c, "wrong connection error %s: %s", code_name(o->goaway_code), fault);
	} else if (!strcmp(result, "stream")) {
		if (o->goaway ? !code_allowed(codes, o->goaway_code) : !stream_reset(o, stream, codes))
			vec_fail(c, "expected a stream error, got %s (%s)",
				o->goaway || json_array_size(o->resets) ? code_name(o->fault.err.code)
									: "none",
				fault);
	} else {
		vec_unknown(c, "result %s", result);
	}
	if (answers && !o->goaway)
		judge_answers(c, answers, o);
}

/* The content is read when the request is answered, after the last octet: nothing widens the client's windows before,
 * and they hold what our SETTINGS and the defaults of RFC 9113 6.9.2 say. */
static void run_session(struct vec_case *c, json_t *expect, struct bytes input)
{
	struct vec_plan plan = VEC_PLAN_FIRST;
	while (vec_next_plan(c, &plan, input.n)) {
		struct h2_conn h;
		struct h2_event ev;
		struct bytes piece;
		struct outcome o = {.answers = json_array(), .maybe = json_array(), .resets = json_array()};
		struct h2_local local = h2_local_default();
		local.max_concurrent = 1000;
		local.manual_window = true;
		h2_conn_init(&h, c->al, H2_SERVER, &local);
		while (vec_next_piece(c, &plan, input, &piece)) {
			h2_conn_feed(&h, piece);
			while (h2_conn_next(&h, &ev) == 1)
				take_event(&h, &ev, &o);
			h2_conn_sent(&h, h2_conn_out(&h).n);
		}
		answer_all(&h, &o);
		judge(c, expect, &o);
		json_decref(o.answers);
		json_decref(o.maybe);
		json_decref(o.resets);
		h2_conn_fini(&h);
	}
}

void vec_http2(struct vec_case *c)
{
	json_t *expect = c->expect;
	struct buf input;
	buf_init(&input, c->al, SIZE_MAX);
	const char *role = json_string_value(json_object_get(c->j, "role"));
	if (vec_input(c, "input", &input)) {
		if (json_object_get(expect, "result")) {
			if (role && strcmp(role, "server"))
				vec_unknown(c, "a session that is not a server's");
			else
				run_session(c, expect, buf_bytes(&input));
		} else if (json_object_get(expect, "verdict")) {
			run_frame(c, expect, buf_bytes(&input));
		} else {
			vec_unknown(c, "neither a frame nor a session");
		}
	}
	buf_fini(&input);
}
