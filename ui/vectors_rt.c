/*
 * Vectors of Engine.IO, Socket.IO and gRPC: packets to and fro.
 */
#include <string.h>

#include "proto/base/codec.h"
#include "proto/engineio/engineio.h"
#include "proto/grpc/grpc.h"
#include "proto/h2/h2.h"
#include "proto/socketio/socketio.h"
#include "ui/vectors.h"

static bool is(json_t *s, const char *text)
{
	return json_is_string(s) && !strcmp(json_string_value(s), text);
}

/* ---- Engine.IO ---- */

/* `want` may give the data of an open packet as JSON. */
static json_t *eio_json(const struct eio_packet *p, json_t *want)
{
	json_t *o = json_object();
	if (json_is_object(json_object_get(want, "data")) && !p->binary) {
		json_object_set_new(o, "type", json_string(eio_types[p->type].name));
		json_t *data = vec_json(p->data);
		json_object_set_new(o, "data", data ? data : json_null());
		return o;
	}
	json_object_set_new(o, "type", json_string(eio_types[p->type].name));
	if (p->binary)
		json_object_set_new(o, "binary", vec_hex(p->data));
	else if (p->data.n ||
		 !json_is_null(json_object_get(want, "data"))) /* no data may be written as null */
		json_object_set_new(o, "data", vec_string(p->data));
	return o;
}

static void compare_back(struct vec_case *c, const struct buf *out, struct bytes input)
{
	if (json_is_true(json_object_get(c->j, "decode_only")))
		return;
	if (!bytes_eq(buf_bytes(out), input))
		vec_fail(c, "encoded back: %.*s", (int)out->n, out->p ? (const char *)out->p : "");
}

static void eio_packet(struct vec_case *c, json_t *expect, struct bytes input)
{
	bool binary = is(json_object_get(c->j, "frame"), "binary");
	struct buf scratch, out;
	struct eio_packet p = {.type = EIO_MESSAGE, .binary = true, .data = input};
	size_t bad = 0;
	buf_init(&scratch, c->al, SIZE_MAX);
	buf_init(&out, c->al, SIZE_MAX);
	enum eio_err e = binary ? EIO_FINE : eio_packet_read(input, &scratch, &p, &bad);
	json_t *error = json_object_get(expect, "error");
	vec_known(c, "expect", expect, "type data binary error");
	if (error && e == EIO_FINE)
		vec_fail(c, "expected an error (%s), was accepted", json_string_value(error));
	else if (!error && e != EIO_FINE)
		vec_fail(c, "refused at octet %zu: %s", bad, eio_err_text(e));
	else if (!error) {
		vec_match(c, "packet", expect, eio_json(&p, expect));
		if (binary)
			buf_add(&out, p.data);
		else
			eio_packet_write(&out, &p);
		compare_back(c, &out, input);
	}
	buf_fini(&scratch);
	buf_fini(&out);
}

static void eio_payload(struct vec_case *c, json_t *expect, struct bytes input)
{
	json_t *max = json_object_get(c->j, "max_payload");
	if (!max)
		max = json_object_get(c->j, "maxPayload");
	struct vec_plan plan = VEC_PLAN_FIRST;
	while (vec_next_plan(c, &plan, input.n)) {
		struct eio_dec d;
		struct eio_packet p;
		struct buf out;
		struct bytes piece;
		json_t *packets = json_array(), *error = json_object_get(expect, "error");
		int r = 0;
		vec_known(c, "expect", expect, "packets type data binary error");
		eio_dec_init(&d, c->al, max ? (uint64_t)json_integer_value(max) : EIO_MAX_PAYLOAD_DEFAULT);
		buf_init(&out, c->al, SIZE_MAX);
		for (bool more = true; more && r >= 0;) {
			more = vec_next_piece(c, &plan, input, &piece);
			if (more)
				eio_dec_feed(&d, piece);
			while ((r = eio_dec_next(&d, !more, &p)) == 1) {
				json_array_append_new(packets,
					eio_json(&p, json_array_get(json_object_get(expect, "packets"),
							     json_array_size(packets))));
				if (out.n)
					buf_u8(&out, EIO_SEPARATOR);
				eio_packet_write(&out, &p);
			}
		}
		if (error && r >= 0)
			vec_fail(c, "expected an error, was accepted");
		if (!error && r < 0)
			vec_fail(c, "refused at octet %llu: %s", (unsigned long long)d.err.off, d.err.what);
		if (json_object_get(expect, "packets"))
			vec_match(c, "packets", json_object_get(expect, "packets"), json_incref(packets));
		else if (!error && json_array_size(packets) == 1)
			vec_match(c, "packet", expect, json_incref(json_array_get(packets, 0)));
		else if (!error)
			vec_unknown(c, "a payload without packets");
		if (!error && r >= 0)
			compare_back(c, &out, input);
		json_decref(packets);
		buf_fini(&out);
		eio_dec_fini(&d);
	}
}

void vec_engineio(struct vec_case *c)
{
	json_t *expect = c->expect;
	struct buf input;
	buf_init(&input, c->al, SIZE_MAX);
	if (json_is_array(json_object_get(c->j, "steps")))
		vec_run_server(c, json_object_get(c->j, "steps"), false);
	else if (!json_object_get(c->j, "input") || !expect)
		vec_unknown(c, "neither a packet nor a payload");
	else if (vec_input(c, "input", &input)) {
		if (is(json_object_get(c->j, "transport"), "polling"))
			eio_payload(c, expect, buf_bytes(&input));
		else
			eio_packet(c, expect, buf_bytes(&input));
	}
	buf_fini(&input);
}

/* ---- Socket.IO ---- */

/* The payload with attachments in place of their placeholders. */
static json_t *fill(json_t *v, const struct sio_dec *d)
{
	json_t *num = json_object_get(v, "num");
	if (json_is_object(v) && json_is_true(json_object_get(v, "_placeholder")) && json_is_integer(num) &&
		json_integer_value(num) < (json_int_t)d->got) {
		json_t *bin = json_object();
		json_object_set_new(
			bin, "$bin", vec_hex(slice_bytes(d->attachments[json_integer_value(num)])));
		return bin;
	}
	json_t *out, *e;
	if (json_is_array(v)) {
		size_t i;
		out = json_array();
		json_array_foreach(v, i, e) json_array_append_new(out, fill(e, d));
		return out;
	}
	if (json_is_object(v)) {
		const char *key;
		out = json_object();
		json_object_foreach(v, key, e) json_object_set_new(out, key, fill(e, d));
		return out;
	}
	return json_incref(v);
}

/* `want` may ask for the attachments themselves instead of their number. */
static json_t *sio_json(const struct sio_dec *d, json_t *want)
{
	const struct sio_packet *p = &d->packet;
	json_t *o = json_object();
	json_object_set_new(o, "type", json_string(sio_types[p->type].name));
	json_object_set_new(o, "nsp", vec_string(p->nsp));
	if (p->has_id)
		json_object_set_new(o, "id", json_integer((json_int_t)p->id));
	if (p->type >= SIO_BINARY_EVENT && json_is_array(json_object_get(want, "attachments"))) {
		json_t *list = json_array();
		for (uint32_t i = 0; i < d->got; i++)
			json_array_append_new(list, vec_hex(slice_bytes(d->attachments[i])));
		json_object_set_new(o, "attachments", list);
	} else if (p->type >= SIO_BINARY_EVENT) {
		json_object_set_new(o, "attachments", json_integer(p->attachments));
	}
	if (p->payload.n) {
		json_t *v = vec_json(p->payload);
		json_object_set_new(o, "data", v ? fill(v, d) : json_null());
		json_decref(v);
	}
	return o;
}

/* Feeds the packet and its attachments. The last answer of the decoder. */
static int sio_feed(struct vec_case *c, struct sio_dec *d, struct bytes input)
{
	json_t *list = json_object_get(c->j, "attachments");
	int r = sio_dec_text(d, input);
	for (size_t i = 0; i < json_array_size(list) && r >= 0; i++) {
		json_t *a = json_array_get(list, i);
		struct buf b;
		buf_init(&b, c->al, SIZE_MAX);
		if (json_object_get(a, "$bin"))
			a = json_object_get(a, "$bin");
		json_t *text = json_object_get(a, "text");
		if (text)
			r = sio_dec_text(d, vec_text(text));
		else if (vec_bytes(c, a, &b))
			r = sio_dec_binary(d, buf_bytes(&b));
		buf_fini(&b);
	}
	return r;
}

static void sio_case(struct vec_case *c, json_t *expect, struct bytes input)
{
	struct sio_dec d;
	sio_dec_init(&d, c->al);
	int r = sio_feed(c, &d, input);
	json_t *error = json_object_get(expect, "error"), *data = json_object_get(expect, "data");
	vec_known(c, "expect", expect, "type nsp id data attachments error incomplete");
	if (error && r >= 0)
		vec_fail(c, "expected an error, was %s", r ? "accepted" : "left waiting for attachments");
	else if (!error && r < 0)
		vec_fail(c, "refused at octet %llu: %s", (unsigned long long)d.err.off, d.err.what);
	else if (!error && r == 0 && !json_is_true(json_object_get(expect, "incomplete")))
		vec_fail(c, "attachments are missing");
	else if (!error) {
		struct buf out;
		buf_init(&out, c->al, SIZE_MAX);
		json_t *got = sio_json(&d, expect);
		/* Of the payload nothing may be left out, neither here nor there. */
		if (data && vec_same(expect, got) && !vec_same(json_object_get(got, "data"), data))
			vec_fail(c, "there is more in the payload than expected");
		vec_match(c, "packet", expect, got);
		sio_packet_write(&out, &d.packet);
		compare_back(c, &out, input);
		buf_fini(&out);
	}
	sio_dec_fini(&d);
}

void vec_socketio(struct vec_case *c)
{
	json_t *expect = c->expect, *input = json_object_get(c->j, "input");
	if (json_is_array(json_object_get(c->j, "steps")))
		vec_run_server(c, json_object_get(c->j, "steps"), true);
	else if (json_is_string(input) && expect) /* the packet's text as it stands, not hex */
		sio_case(c, expect, vec_text(input));
	else
		vec_unknown(c, "not a packet");
}

/* ---- gRPC ---- */

static void grpc_lpm(struct vec_case *c, json_t *expect, struct bytes input)
{
	const char *verdict = json_string_value(json_object_get(expect, "verdict"));
	json_t *max = json_object_get(c->j, "max_message");
	struct vec_plan plan = VEC_PLAN_FIRST;
	vec_known(c, "expect", expect, "verdict messages");
	while (vec_next_plan(c, &plan, input.n)) {
		struct grpc_dec d;
		struct grpc_msg m;
		struct buf out;
		struct bytes piece;
		json_t *messages = json_array();
		int r = 0;
		/* What a receiver takes is its own choice; where the case names no limit, the length field is the only one. */
		grpc_dec_init(&d, c->al, max ? (uint32_t)json_integer_value(max) : UINT32_MAX);
		buf_init(&out, c->al, SIZE_MAX);
		while (r >= 0 && vec_next_piece(c, &plan, input, &piece)) {
			grpc_dec_feed(&d, piece);
			while ((r = grpc_dec_next(&d, &m)) == 1) {
				json_t *one = json_array();
				json_array_append_new(one, json_integer(m.compressed));
				json_array_append_new(one, vec_hex(m.data));
				json_array_append_new(messages, one);
				grpc_write(&out, m.compressed, m.data);
			}
		}
		const char *got = r < 0 ? "reject" : grpc_dec_pending(&d) ? "incomplete" : "accept";
		bool same = verdict && (!strcmp(verdict, got) || (r < 0 && !strcmp(verdict, "error")));
		if (!same)
			vec_fail(c, "expected %s, got %s %s", verdict ? verdict : "?", got,
				r < 0 ? d.err.what : "");
		if (json_object_get(expect, "messages"))
			vec_match(c, "messages", json_object_get(expect, "messages"), json_incref(messages));
		if (same && !strcmp(got, "accept"))
			compare_back(c, &out, input);
		json_decref(messages);
		buf_fini(&out);
		grpc_dec_fini(&d);
	}
}

static void grpc_timeout(struct vec_case *c, json_t *expect, struct bytes text)
{
	uint64_t ns = 0, unit_ns = 1;
	uint32_t count = 0;
	bool ok = grpc_timeout_parts(text, &count, &unit_ns) && grpc_timeout_read(text, &ns);
	vec_known(c, "expect", expect, "valid ms ns");
	if (ok != json_is_true(json_object_get(expect, "valid")))
		vec_fail(c, "expected %s", ok ? "invalid, was accepted" : "valid, was refused");
	else if (ok && json_object_get(expect, "ms"))
		vec_match(c, "ms", json_object_get(expect, "ms"), json_real(count * ((double)unit_ns / 1e6)));
	else if (ok && json_object_get(expect, "ns"))
		vec_match(c, "ns", json_object_get(expect, "ns"), json_integer((json_int_t)ns));
}

static void grpc_message(struct vec_case *c)
{
	struct buf out;
	json_t *decoded = json_object_get(c->j, "decoded"), *encoded = json_object_get(c->j, "encoded");
	json_t *input = json_object_get(c->j, "input"), *expect = c->expect;
	if (!encoded)
		encoded = input;
	if (!decoded)
		decoded = json_object_get(expect, "decoded");
	buf_init(&out, c->al, SIZE_MAX);
	if (decoded && !json_is_true(json_object_get(c->j, "decode_only")) &&
		!json_is_false(json_object_get(expect, "roundtrip"))) {
		grpc_message_encode(&out, vec_text(decoded));
		vec_match(c, "encoded", encoded, vec_string(buf_bytes(&out)));
	}
	buf_clear(&out);
	grpc_message_decode(&out, vec_text(encoded));
	if (decoded)
		vec_match(c, "decoded", decoded, vec_string(buf_bytes(&out)));
	else
		vec_unknown(c, "a grpc-message without its meaning");
	buf_fini(&out);
}

static void match_status(struct vec_case *c, enum grpc_status s)
{
	char text[64];
	json_t *want = json_object_get(c->expect, "status");
	snprintf(text, sizeof text, "%s %d", grpc_statuses[s].name, (int)s);
	bool name = json_is_string(want) && !strcmp(json_string_value(want), grpc_statuses[s].name);
	vec_match(c, "status", want,
		json_is_integer(want) ? json_integer((int)s)
				      : json_string(name ? grpc_statuses[s].name : text));
}

/* The value of grpc-status as it stands in the trailers; a number without a name is UNKNOWN to a client. */
static void grpc_status_value(struct vec_case *c, struct bytes text)
{
	unsigned v = 0;
	bool ok = grpc_status_read(text, &v);
	json_t *valid = json_object_get(c->expect, "valid");
	vec_known(c, "expect", c->expect, "status valid");
	if (valid)
		vec_match(c, "valid", valid, json_boolean(ok));
	if (json_object_get(c->expect, "status"))
		match_status(c, ok && v < GRPC_STATUS_COUNT ? (enum grpc_status)v : GRPC_UNKNOWN);
}

static void grpc_http_status(struct vec_case *c)
{
	match_status(c, grpc_from_http((unsigned)json_integer_value(json_object_get(c->j, "input"))));
}

/* An HTTP/2 error code, by name or number, and the status it becomes. */
static void grpc_h2_error(struct vec_case *c, json_t *input)
{
	for (uint32_t code = 0; code <= H2_HTTP_1_1_REQUIRED; code++)
		if (json_is_integer(input) ? json_integer_value(input) == code
					   : is(input, h2_error_info(code)->name)) {
			match_status(c, grpc_from_h2_error(code));
			return;
		}
	match_status(c, GRPC_UNKNOWN);
}

void vec_grpc(struct vec_case *c)
{
	json_t *expect = c->expect, *text = json_object_get(c->j, "input");
	struct buf input;
	buf_init(&input, c->al, SIZE_MAX);
	if (json_object_get(expect, "verdict")) {
		if (vec_input(c, "input", &input))
			grpc_lpm(c, expect, buf_bytes(&input));
	} else if (strstr(c->id, "/timeout/") && json_is_string(text)) {
		grpc_timeout(c, expect, vec_text(text));
	} else if (strstr(c->id, "/message/") || json_object_get(c->j, "encoded")) {
		grpc_message(c);
	} else if (strstr(c->id, "/content-type/")) {
		vec_match(c, "valid", json_object_get(expect, "valid"),
			json_boolean(grpc_content_type_ok(vec_text(text))));
	} else if (strstr(c->id, "/status/") && json_is_string(text)) {
		grpc_status_value(c, vec_text(text));
	} else if (strstr(c->id, "/h2-") || strstr(c->id, "/http2-") || strstr(c->id, "/rst")) {
		grpc_h2_error(c, text);
	} else if (strstr(c->id, "/http-status/") || json_is_integer(text)) {
		grpc_http_status(c);
	} else {
		vec_unknown(c, "none of lpm, timeout, message, http-status");
	}
	buf_fini(&input);
}
