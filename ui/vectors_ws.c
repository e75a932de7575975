/*
 * Vectors of WebSocket: frames with offsets, messages, where a decoder must fail; the opening handshake.
 *
 * `fail.at` is where a strict decoder fails and `by` where every decoder has failed. Some faults can be seen earlier than some decoders
 * look for them, and we do: a close code before the reason after it, a bad reason before its end, a Close of one octet by its length, a
 * length field by its first octets. For these `at` may also be the end of the length field, of the header or of the frame, and the
 * frame's header need not be listed when we fail before it is complete.
 */
#include "proto/base/codec.h"
#include "proto/ws/handshake.h"
#include "proto/ws/ws.h"
#include "ui/vectors.h"

#include <string.h>

struct got {
	json_t *events, *frames;
	const char *outcome;
	bool inside; /* between two frames of a message */
	enum ws_err err;
	struct perr perr;
	size_t fed; /* octets delivered when it failed */
	uint64_t
		frame_off; /* where the frame under way begins; its header was complete if the fault is after it */
	uint64_t frame_end; /* the end of the last frame whose header was complete */
};

static json_t *frame_json(const struct ws_frame *f)
{
	json_t *o = json_pack("{s:I, s:i, s:i, s:i, s:i, s:i, s:I, s:I}", "off", (json_int_t)f->off, "fin",
		f->fin, "rsv", f->rsv, "op", f->op, "mask", f->mask, "hdr_len", f->hdr_len, "pay_off",
		(json_int_t)f->pay_off, "pay_len", (json_int_t)f->pay_len);
	if (f->mask)
		json_object_set_new(o, "key", vec_hex((struct bytes){f->key, 4}));
	return o;
}

/* The answer to a ping or close, made by our encoder, must be read by the peer's decoder as what RFC 6455 5.5 asks for. */
static void check_answer(struct vec_case *c, enum ws_role role, const struct ws_ev *ev)
{
	static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
	const uint8_t *k = role == WS_CLIENT ? key : NULL;
	struct buf out;
	struct ws_dec peer;
	struct ws_ev seen;
	buf_init(&out, c->al, 1024);
	if (ev->kind == WS_PING)
		ws_put_frame(&out, true, 0, WS_OP_PONG, ev->data, k);
	else
		ws_put_close(&out, ev->code, BYTES_NONE, k);
	ws_dec_init(&peer, c->al, role == WS_CLIENT ? WS_SERVER : WS_CLIENT, NULL, NULL);
	ws_dec_feed(&peer, buf_bytes(&out));
	enum ws_ev_kind first = ws_dec_next(&peer, &seen), then = ws_dec_next(&peer, &seen);
	bool ok = first == WS_FRAME && (ev->kind == WS_PING ? then == WS_PONG && bytes_eq(seen.data, ev->data)
							    : then == WS_CLOSE && seen.code == ev->code);
	if (!ok)
		vec_fail(c, "our answer to this %s is not read as such",
			ev->kind == WS_PING ? "ping" : "close");
	ws_dec_fini(&peer);
	buf_fini(&out);
}

static json_t *event_json(const struct ws_ev *ev)
{
	uint8_t digest[32];
	static const char *const words[] = {
		[WS_MESSAGE] = "message", [WS_PING] = "ping", [WS_PONG] = "pong", [WS_CLOSE] = "close"};
	json_t *o = json_object();
	json_object_set_new(o, "ev", json_string(words[ev->kind]));
	if (ev->kind == WS_CLOSE) {
		json_object_set_new(o, "code", json_integer(ev->code));
		json_object_set_new(o, "reason", vec_hex(ev->data));
		return o;
	}
	if (ev->kind == WS_MESSAGE) {
		sha256(ev->data, digest);
		json_object_set_new(o, "op", json_string(ws_op_name(ev->op)));
		json_object_set_new(o, "len", json_integer((json_int_t)ev->data.n));
		json_object_set_new(o, "data_len", json_integer((json_int_t)ev->data.n));
		json_object_set_new(o, "data_sha256", vec_hex((struct bytes){digest, sizeof digest}));
	}
	json_object_set_new(o, "data", vec_hex(ev->data));
	return o;
}

/* A legal header can be written in one way only: by our encoder it must become the octets it was read from. */
static void check_header(struct vec_case *c, const struct ws_frame *f, struct bytes in)
{
	uint8_t again[WS_HEADER_MAX];
	unsigned n = ws_header(again, f->fin, f->rsv, f->op, f->pay_len, f->mask ? f->key : NULL);
	struct bytes was = bytes_sub(in, (size_t)f->off, f->hdr_len);
	if (!bytes_eq(was, (struct bytes){again, n}))
		vec_fail(c, "the header at %llu is written in another way by our encoder",
			(unsigned long long)f->off);
}

/* Takes all events there are. False: there will be no further ones. */
static bool drain(struct vec_case *c, struct ws_dec *d, enum ws_role role, struct bytes in, struct got *g)
{
	struct ws_ev ev;
	for (;;) {
		switch (ws_dec_next(d, &ev)) {
		case WS_NEED:
			return true;
		case WS_FRAME:
			check_header(c, &ev.frame, in);
			json_array_append_new(g->frames, frame_json(&ev.frame));
			g->frame_off = ev.off;
			g->frame_end = ev.frame.pay_off + ev.frame.pay_len;
			break;
		case WS_PING:
		case WS_CLOSE:
			check_answer(c, role, &ev);
			/* fall through */
		case WS_MESSAGE:
		case WS_PONG:
			json_array_append_new(g->events, event_json(&ev));
			break;
		case WS_CLOSED:
			g->outcome = "closed";
			return false;
		case WS_ERROR:
			g->outcome = "fail";
			g->err = ws_dec_err(d);
			g->perr = ev.err;
			return false;
		}
	}
}

static bool flag(const json_t *v)
{
	return json_is_true(v) || json_integer_value(v) != 0;
}

static struct got decode(struct vec_case *c, struct vec_plan *plan, struct bytes in, enum ws_role role)
{
	struct got g = {.events = json_array(), .frames = json_array()};
	struct ws_limits lim = ws_limits_default;
	struct ws_pmd pmd = {.on = false};
	struct ws_dec d;
	struct bytes piece;
	json_t *max = json_object_get(c->j, "max_message"), *deflate = json_object_get(c->j, "deflate");
	if (json_is_integer(max))
		lim.message_octets_max = (uint64_t)json_integer_value(max);
	if (json_is_object(deflate)) {
		json_t *bits = json_object_get(deflate, "peer_bits");
		pmd.on = true;
		pmd.window_bits = (uint8_t)(json_is_integer(bits) ? json_integer_value(bits) : 15);
		pmd.no_context_takeover = flag(json_object_get(deflate, "peer_nct"));
	}
	ws_dec_init(&d, c->al, role, &lim, &pmd);
	bool more = true;
	while (more && vec_next_piece(c, plan, in, &piece)) {
		ws_dec_feed(&d, piece);
		more = drain(c, &d, role, in, &g);
	}
	g.fed = plan->at;
	if (g.outcome == NULL) {
		g.inside = ws_dec_busy(&d) && ws_dec_at_frame(&d);
		g.outcome = ws_dec_busy(&d) ? "incomplete" : "open";
	}
	ws_dec_fini(&d);
	return g;
}

/* Byte values of expected events in our form. A close without a code may be written as null. */
static json_t *normal_events(struct vec_case *c, json_t *expected)
{
	json_t *copy = json_deep_copy(expected), *e;
	static const char *const octets[] = {"data", "reason"};
	size_t i;
	json_array_foreach(copy, i, e)
	{
		for (size_t k = 0; k < 2; k++) {
			struct buf b;
			json_t *v = json_object_get(e, octets[k]);
			buf_init(&b, c->al, SIZE_MAX);
			if (v != NULL && !json_is_null(v) && vec_bytes(c, v, &b))
				json_object_set_new(e, octets[k], vec_hex(buf_bytes(&b)));
			else if (json_is_null(v))
				json_object_set_new(e, octets[k], json_string(""));
			buf_fini(&b);
		}
		if (json_is_null(json_object_get(e, "code")))
			json_object_set_new(e, "code", json_integer(WS_CLOSE_NO_STATUS));
	}
	return copy;
}

static bool seen_early(enum ws_err e)
{
	return e == WS_E_CLOSE_CODE || e == WS_E_CLOSE_UTF8 || e == WS_E_CLOSE_LENGTH ||
	       e == WS_E_LENGTH_MINIMAL || e == WS_E_LENGTH_MSB || e == WS_E_TOO_BIG;
}

/* May a decoder that sees this fault later than we do say `at`? It does where a part of the faulty frame ends. */
static bool later_at(const struct got *g, struct bytes in, uint64_t at)
{
	uint64_t off = g->frame_off;
	if (g->perr.off > g->frame_end)
		off = g->frame_end; /* the faulty frame is the one after the last that was listed */
	if (!seen_early(g->err) || off + 2 > in.n)
		return false;
	unsigned len = in.p[off + 1] & 0x7f, ext = len == 126 ? 2 : len == 127 ? 8 : 0;
	uint64_t size = len, header = 2u + ext + (in.p[off + 1] & 0x80 ? 4u : 0u);
	if (ext > 0 && off + 2 + ext > in.n)
		return at == off + 2 + ext;
	if (ext > 0)
		size = ext == 2 ? be16_get(in.p + off + 2) : be64_get(in.p + off + 2);
	return at == off + 2 + ext || at == off + header || at == off + header + size;
}

static void check_fail(struct vec_case *c, const struct got *g, struct bytes in, bool octets)
{
	json_t *f = json_object_get(c->expect, "fail"), *codes = json_object_get(f, "codes"), *code;
	json_int_t off = (json_int_t)g->perr.off, at = json_integer_value(json_object_get(f, "at"));
	json_t *by = json_object_get(f, "by");
	json_int_t last = json_is_integer(by) ? json_integer_value(by) : at;
	size_t i;
	bool ok = codes == NULL;
	json_array_foreach(codes, i, code) ok |= json_integer_value(code) == g->perr.code;
	if (!ok)
		vec_match(c, "fail.codes", codes, json_integer(g->perr.code));
	if (json_object_get(f, "at") != NULL) {
		if ((off < at && !later_at(g, in, (uint64_t)at)) || off > last)
			vec_fail(c, "fail.at: expected %lld to %lld, actual %lld: %s", (long long)at,
				(long long)last, (long long)off, g->perr.what);
	}
	if (octets && (json_int_t)g->fed != off)
		vec_fail(c, "failed after %zu octets, but says the fault is known after %lld", g->fed,
			(long long)off);
}

static void check_frames(struct vec_case *c, const struct got *g)
{
	json_t *want = json_object_get(c->expect, "frames");
	size_t n = json_array_size(g->frames);
	if (want == NULL || vec_same(want, g->frames))
		return;
	/* A fault seen in the header, where `at` is the payload's: that header is not listed. */
	if (seen_early(g->err) && json_array_size(want) == n + 1) {
		json_t *cut = json_copy(want);
		json_array_remove(cut, n);
		bool same = vec_same(cut, g->frames);
		json_decref(cut);
		if (same)
			return;
	}
	vec_match(c, "frames", want, json_incref(g->frames));
}

static void judge(struct vec_case *c, const struct got *g, struct bytes in, bool octets)
{
	json_t *outcome = json_object_get(c->expect, "outcome"),
	       *events = json_object_get(c->expect, "events");
	const char *want = json_string_value(outcome);
	/* Between two fragments the connection is open and the message incomplete. */
	bool same =
		want != NULL && (strcmp(want, g->outcome) == 0 || (g->inside && strcmp(want, "open") == 0));
	if (want == NULL)
		vec_unknown(c, "no outcome");
	else if (!same)
		vec_fail(c, "outcome: expected %s, actual %s%s%s", want, g->outcome, g->perr.what ? ": " : "",
			g->perr.what ? g->perr.what : "");
	if (events != NULL) {
		json_t *normal = normal_events(c, events);
		vec_match(c, "events", normal, json_incref(g->events));
		json_decref(normal);
	}
	check_frames(c, g);
	if (json_object_get(c->expect, "fail") != NULL && strcmp(g->outcome, "fail") == 0)
		check_fail(c, g, in, octets);
}

static void frames_case(struct vec_case *c)
{
	const char *role = json_string_value(json_object_get(c->j, "role"));
	if (role == NULL || (strcmp(role, "server") != 0 && strcmp(role, "client") != 0)) {
		vec_unknown(c, "role %s", role != NULL ? role : "(none)");
		return;
	}
	struct buf in;
	json_t *first = NULL;
	vec_known(c, "expect", c->expect, "outcome events frames fail");
	vec_known(c, "fail", json_object_get(c->expect, "fail"), "codes at by");
	buf_init(&in, c->al, SIZE_MAX);
	if (vec_input(c, "input", &in)) {
		struct vec_plan plan = VEC_PLAN_FIRST;
		while (vec_next_plan(c, &plan, in.n)) {
			struct got g =
				decode(c, &plan, buf_bytes(&in), role[0] == 's' ? WS_SERVER : WS_CLIENT);
			judge(c, &g, buf_bytes(&in), plan.octets);
			json_t *all = json_pack("{s:s, s:o, s:o, s:i, s:I}", "outcome", g.outcome, "events",
				g.events, "frames", g.frames, "code", g.perr.code, "fault_at",
				(json_int_t)g.perr.off);
			if (first == NULL)
				first = json_incref(all);
			else
				vec_match(c, "the same as whole", first, json_incref(all));
			json_decref(all);
		}
	}
	json_decref(first);
	buf_fini(&in);
}

/* ---- handshake ------------------------------------------------------------------------------------------------- */

static struct bytes member(struct vec_case *c, const char *name)
{
	json_t *v = json_object_get(c->j, name);
	return json_is_string(v) ? vec_text(v) : BYTES_NONE;
}

static void accept_case(struct vec_case *c)
{
	char accept[WS_ACCEPT_LEN + 1];
	vec_known(c, "expect", c->expect, "accept");
	ws_accept(member(c, "key"), accept);
	vec_match(c, "accept", json_object_get(c->expect, "accept"), json_string(accept));
}

/* Feeds the input by a plan until a head is complete. */
static enum h1_ev_kind read_head(
	struct vec_case *c, struct vec_plan *plan, struct bytes in, struct h1_dec *d, struct h1_ev *ev)
{
	struct bytes piece;
	enum h1_ev_kind k = H1_NEED;
	while (k == H1_NEED && vec_next_piece(c, plan, in, &piece)) {
		h1_dec_feed(d, piece);
		k = h1_dec_next(d, ev);
	}
	return k;
}

static void server_once(struct vec_case *c, const struct h1_ev *ev, enum h1_ev_kind k)
{
	static const struct ws_pmd_policy policy = {.on = true};
	vec_known(c, "expect", c->expect, "status accept");
	struct ws_hs_request req = {.status = 0};
	json_t *statuses = json_object_get(c->expect, "status"), *s;
	size_t i;
	if (k == H1_HEAD)
		ws_hs_check_request(&ev->head, &policy, &req);
	else if (k == H1_ERROR)
		req.status = (unsigned)ev->err.code;
	bool ok = json_is_integer(statuses) && json_integer_value(statuses) == req.status;
	json_array_foreach(statuses, i, s) ok |= json_integer_value(s) == req.status;
	if (!ok)
		vec_match(c, "status", statuses, json_integer(req.status));
	json_t *want = json_object_get(c->expect, "accept");
	if (req.status != 101 || want == NULL)
		return;
	char accept[WS_ACCEPT_LEN + 1];
	ws_accept(req.key, accept);
	vec_match(c, "accept", want, json_string(accept));
}

/* The first member of the case whose name is in the list: a text, or texts to be joined as a list. */
static struct bytes joined(struct vec_case *c, const char *names, struct buf *room)
{
	json_t *v = NULL, *one, *member;
	const char *key;
	size_t i;
	json_object_foreach(c->j, key, member)
	{
		if (v == NULL && vec_listed(names, key))
			v = member;
	}
	json_array_foreach(v, i, one)
	{
		if (i > 0)
			buf_str(room, ", ");
		buf_add(room, vec_text(one));
	}
	return json_is_string(v) ? vec_text(v) : buf_bytes(room);
}

static void client_once(struct vec_case *c, const struct h1_ev *ev, enum h1_ev_kind k)
{
	struct buf protocols, extensions;
	buf_init(&protocols, c->al, SIZE_MAX);
	buf_init(&extensions, c->al, SIZE_MAX);
	struct ws_hs_offer offer = {
		.key = member(c, "key"),
		.protocols = joined(c, "protocols protocol subprotocols subprotocol", &protocols),
		.extensions = joined(c, "offer extensions", &extensions),
	};
	struct ws_hs_response res = {.ok = false};
	vec_known(c, "expect", c->expect, "verdict");
	if (k == H1_HEAD)
		ws_hs_check_response(&ev->head, &offer, &res);
	vec_match(
		c, "verdict", json_object_get(c->expect, "verdict"), json_string(res.ok ? "accept" : "fail"));
	buf_fini(&protocols);
	buf_fini(&extensions);
}

static void head_case(struct vec_case *c, enum h1_role role)
{
	struct buf in;
	buf_init(&in, c->al, SIZE_MAX);
	if (vec_input(c, "input", &in)) {
		struct vec_plan plan = VEC_PLAN_FIRST;
		while (vec_next_plan(c, &plan, in.n)) {
			struct h1_dec d;
			struct h1_ev ev;
			h1_dec_init(&d, c->al, role, NULL);
			enum h1_ev_kind k = read_head(c, &plan, buf_bytes(&in), &d, &ev);
			if (role == H1_REQUESTS)
				server_once(c, &ev, k);
			else
				client_once(c, &ev, k);
			h1_dec_fini(&d);
		}
	}
	buf_fini(&in);
}

static void pmd_offer_case(struct vec_case *c)
{
	static const struct ws_pmd_policy policy = {.on = true};
	struct ws_pmd_params answer, agreed;
	struct buf out;
	vec_known(c, "expect", c->expect, "acceptable");
	int rc = ws_pmd_accept(member(c, "offer"), &policy, &answer);
	vec_match(c, "acceptable", json_object_get(c->expect, "acceptable"), json_boolean(rc > 0));
	if (rc <= 0)
		return;
	/* What we answer must be an answer the offering client goes on with. */
	buf_init(&out, c->al, 1024);
	ws_pmd_put(&out, &answer);
	if (ws_pmd_check_answer(member(c, "offer"), buf_bytes(&out), &agreed, NULL) != 1)
		vec_fail(c, "our answer %.*s does not fit the offer", (int)out.n, (const char *)out.p);
	buf_fini(&out);
}

static void pmd_answer_case(struct vec_case *c)
{
	struct ws_pmd_params agreed;
	struct perr why;
	vec_known(c, "expect", c->expect, "verdict");
	int rc = ws_pmd_check_answer(member(c, "offer"), member(c, "answer"), &agreed, &why);
	vec_match(c, "verdict", json_object_get(c->expect, "verdict"),
		json_string(rc >= 0 ? "accept" : "fail"));
}

void vec_ws(struct vec_case *c)
{
	const char *kind = json_string_value(json_object_get(c->j, "kind"));
	if (kind == NULL && json_object_get(c->j, "role") != NULL)
		frames_case(c);
	else if (kind != NULL && strcmp(kind, "accept") == 0)
		accept_case(c);
	else if (kind != NULL && strcmp(kind, "server") == 0)
		head_case(c, H1_REQUESTS);
	else if (kind != NULL && strcmp(kind, "client") == 0)
		head_case(c, H1_RESPONSES);
	else if (kind != NULL && strcmp(kind, "pmd-offer") == 0)
		pmd_offer_case(c);
	else if (kind != NULL && strcmp(kind, "pmd-answer") == 0)
		pmd_answer_case(c);
	else
		vec_unknown(c, "%s", kind != NULL ? kind : "(none)");
}
