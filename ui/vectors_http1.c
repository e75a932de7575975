/*
 * Vectors of HTTP/1.1: requests and responses, what a decoder makes of them, and what it must never make of them.
 */
#include "proto/base/codec.h"
#include "proto/base/utf8.h"
#include "proto/http1/http1.h"
#include "ui/vectors.h"

#include <string.h>

/* Our limits of every day are our own choice and no vector's: a long field or many are judged by the grammar alone. */
static const struct h1_limits wide = {
	.line_octets_max = 16u << 20,
	.head_octets_max = 64u << 20,
	.fields_max = 1u << 20,
	.chunk_ext_octets_max = 16u << 20,
	.empty_lines_max = 1000,
	.body_octets_max = INT64_MAX,
};

/* What one delivery gave, in the words of `expect`. */
struct outcome {
	json_t *messages, *now; /* complete ones; the one under way */
	struct buf body, leftover;
	const char *verdict;
	struct perr err;
	bool latin1; /* how octets become text */
};

/* Octets as text. The files write octets as latin1, but a value may have been meant as UTF-8: both are tried. */
static json_t *text(const struct outcome *o, struct bytes b)
{
	if (!o->latin1)
		return vec_string(b);
	struct buf out;
	buf_init(&out, &alloc_libc, SIZE_MAX);
	for (size_t i = 0; i < b.n; i++)
		utf8_put(&out, b.p[i]);
	json_t *j = json_stringn(out.n > 0 ? (const char *)out.p : "", out.n);
	buf_fini(&out);
	return j;
}

static json_t *fields_json(const struct outcome *o, const struct h1_field *f, uint32_t n)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < n; i++) {
		json_t *one = json_array();
		json_array_append_new(one, text(o, f[i].name));
		json_array_append_new(one, text(o, f[i].value));
		json_array_append_new(one, json_integer((json_int_t)f[i].name_off));
		json_array_append_new(one, json_integer((json_int_t)f[i].value_off));
		if (f[i].folded)
			json_array_append_new(one, json_string("folded"));
		json_array_append_new(list, one);
	}
	return list;
}

static void take_head(struct outcome *o, const struct h1_head *h)
{
	char version[4] = {(char)('0' + h->version / 10), '.', (char)('0' + h->version % 10), '\0'};
	json_t *m = o->now = json_object();
	json_object_set_new(m, "version", json_string(version));
	if (h->status != 0) {
		json_object_set_new(m, "status", json_integer(h->status));
		json_object_set_new(m, "reason", text(o, h->reason));
	} else {
		json_object_set_new(m, "method", text(o, h->method));
		json_object_set_new(m, "target", text(o, h->target));
	}
	json_object_set_new(m, "off", json_integer((json_int_t)h->off));
	json_object_set_new(m, "headers", fields_json(o, h->fields, h->n_fields));
	json_object_set_new(m, "framing", json_string(h1_framing_name(h->framing)));
	json_object_set_new(m, "keep_alive", json_boolean(h->keep_alive));
	json_object_set_new(m, "upgrade", json_boolean(h->upgrade || h->status == 101));
	json_object_set_new(m, "protocol", text(o, h1_value(h, "Upgrade")));
	json_object_set_new(m, "expect_continue", json_boolean(h->expect_continue));
	json_object_set_new(m, "interim", json_boolean(h->interim));
	if (h->framing == H1_FRAMING_CHUNKED)
		json_object_set_new(m, "chunks", json_array());
	o->body.n = 0;
}

static void take_chunk(struct outcome *o, const struct h1_ev *ev)
{
	json_t *one = json_array();
	json_array_append_new(one, json_integer((json_int_t)ev->off));
	json_array_append_new(one, json_integer((json_int_t)ev->chunk.size));
	if (ev->chunk.ext.n > 0)
		json_array_append_new(one, text(o, ev->chunk.ext));
	json_array_append_new(json_object_get(o->now, "chunks"), one);
}

static json_t *sha256_json(struct bytes b)
{
	uint8_t digest[32];
	sha256(b, digest);
	return vec_hex((struct bytes){digest, sizeof digest});
}

static void take_end(struct outcome *o, const struct h1_ev *ev)
{
	json_t *m = o->now;
	json_object_set_new(m, "end", json_integer((json_int_t)(ev->off + ev->len)));
	json_object_set_new(m, "body", vec_hex(buf_bytes(&o->body)));
	json_object_set_new(m, "body_len", json_integer((json_int_t)o->body.n));
	json_object_set_new(m, "body_sha256", sha256_json(buf_bytes(&o->body)));
	if (json_object_get(m, "chunks") != NULL)
		json_object_set_new(m, "trailers", fields_json(o, ev->end.trailers, ev->end.n_trailers));
	json_array_append_new(o->messages, m);
	o->now = NULL;
}

static void take_rest(struct outcome *o, struct h1_dec *d)
{
	buf_add(&o->leftover, h1_dec_rest(d, NULL));
}

/* Every request that was sent has its answer: octets after it are no response (RFC 9112 9.2). */
static bool all_answered(const struct vec_case *c, const struct outcome *o)
{
	size_t i, final = 0;
	json_t *m;
	json_array_foreach(o->messages, i, m) final += !json_is_true(json_object_get(m, "interim"));
	return final > 0 && final >= json_array_size(json_object_get(c->j, "request_methods")) &&
	       json_array_size(o->messages) >= json_array_size(json_object_get(c->expect, "messages"));
}

/* Here HTTP ends: a tunnel begins, the server agrees to switch protocols, or no answer is due. The last two show in a vector by its
 * leftover. */
static bool switches(const struct vec_case *c, const struct outcome *o)
{
	json_t *m = json_array_get(o->messages, json_array_size(o->messages) - 1);
	bool leftover = json_object_get(c->expect, "leftover") != NULL;
	if (json_object_get(m, "status") != NULL)
		return leftover && json_object_get(c->j, "request_methods") != NULL && all_answered(c, o);
	if (strcmp(json_string_value(json_object_get(m, "method")), "CONNECT") == 0)
		return true;
	return json_is_true(json_object_get(m, "upgrade")) && leftover;
}

/* Takes all events there are. False: there will be no further ones. */
static bool drain(struct vec_case *c, struct h1_dec *d, struct outcome *o)
{
	struct h1_ev ev;
	for (;;) {
		switch (h1_dec_next(d, &ev)) {
		case H1_NEED:
			return true;
		case H1_HEAD:
			take_head(o, &ev.head);
			break;
		case H1_CHUNK:
			take_chunk(o, &ev);
			break;
		case H1_DATA:
			buf_add(&o->body, ev.data);
			break;
		case H1_END:
			take_end(o, &ev);
			if (switches(c, o))
				take_rest(o, d);
			break;
		case H1_SWITCHED:
		case H1_CLOSED:
			take_rest(o, d);
			return true;
		case H1_TRUNCATED:
			o->verdict = "incomplete";
			o->err = ev.err;
			return false;
		case H1_ERROR:
			o->verdict = "reject";
			o->err = ev.err;
			return false;
		}
	}
}

static void decode(
	struct vec_case *c, struct vec_plan *plan, struct bytes in, enum h1_role role, struct outcome *o)
{
	struct h1_dec d;
	struct bytes piece;
	size_t i;
	json_t *method;
	o->messages = json_array();
	buf_init(&o->body, c->al, SIZE_MAX);
	buf_init(&o->leftover, c->al, SIZE_MAX);
	h1_dec_init(&d, c->al, role, &wide);
	json_array_foreach(json_object_get(c->j, "request_methods"), i, method)
	{
		if (!h1_dec_expect(&d, vec_text(method)))
			vec_fail(c, "more than %d request_methods", H1_PIPELINE_MAX);
	}
	bool more = true;
	while (more && vec_next_piece(c, plan, in, &piece)) {
		h1_dec_feed(&d, piece);
		more = drain(c, &d, o);
	}
	bool inside = o->now != NULL || h1_dec_busy(&d);
	if (more && json_is_true(json_object_get(c->j, "eof"))) {
		h1_dec_eof(&d);
		more = drain(c, &d, o);
		inside = o->now != NULL;
	}
	if (o->verdict == NULL)
		o->verdict = inside || json_array_size(o->messages) == 0 ? "incomplete" : "accept";
	if (!more && !plan->octets && o->err.off > in.n)
		vec_fail(c, "the fault is said to be known after octet %llu of %zu",
			(unsigned long long)o->err.off, in.n);
	h1_dec_fini(&d);
}

static void outcome_fini(struct outcome *o)
{
	json_decref(o->messages);
	json_decref(o->now);
	buf_fini(&o->body);
	buf_fini(&o->leftover);
}

static const char members[] =
	"method target version status reason off end headers framing body body_len body_sha256 chunks "
	"trailers keep_alive upgrade protocol expect_continue interim";

/* `body` is a byte value and may be written in several ways; `upgrade` may name the protocol. Both are brought into our form.
 * Members we do not know are noted and left out. */
static json_t *normal_messages(struct vec_case *c, json_t *expected)
{
	json_t *copy = json_array(), *from, *v;
	const char *key;
	size_t i;
	json_array_foreach(expected, i, from)
	{
		json_t *m = json_object(), *body = json_object_get(from, "body"),
		       *upgrade = json_object_get(from, "upgrade");
		vec_known(c, "message", from, members);
		json_object_foreach(from, key, v)
		{
			if (vec_listed(members, key))
				json_object_set(m, key, v);
		}
		json_array_append_new(copy, m);
		struct buf b;
		buf_init(&b, c->al, SIZE_MAX);
		if (body != NULL && vec_bytes(c, body, &b))
			json_object_set_new(m, "body", vec_hex(buf_bytes(&b)));
		buf_fini(&b);
		if (json_array_size(upgrade) == 1)
			upgrade = json_array_get(upgrade, 0);
		if (json_is_string(upgrade)) {
			json_object_set(m, "protocol", upgrade);
			json_object_set_new(m, "upgrade", json_true());
		}
	}
	return copy;
}

/* What belongs to no message: written as text, or as a byte value. */
static bool leftover_same(struct vec_case *c, json_t *expected, struct bytes got)
{
	struct buf b;
	if (expected == NULL)
		return got.n == 0;
	if (json_is_string(expected)) {
		struct outcome latin1 = {.latin1 = true}, utf8 = {.latin1 = false};
		json_t *x = text(&latin1, got), *y = text(&utf8, got), *z = vec_hex(got);
		bool same = json_equal(expected, x) || json_equal(expected, y) ||
			    (got.n > 0 && json_equal(expected, z));
		json_decref(x);
		json_decref(y);
		json_decref(z);
		return same;
	}
	buf_init(&b, c->al, SIZE_MAX);
	bool same = vec_bytes(c, expected, &b) && bytes_eq(buf_bytes(&b), got);
	buf_fini(&b);
	return same;
}

static void check_accepted(
	struct vec_case *c, json_t *messages, const struct outcome *o, const struct outcome *utf8)
{
	if (messages != NULL) {
		json_t *want = normal_messages(c, messages);
		if (!vec_same(want, utf8->messages))
			vec_match(c, "messages", want, json_incref(o->messages));
		json_decref(want);
	}
	json_t *leftover = json_object_get(c->expect, "leftover");
	if (!leftover_same(c, leftover, buf_bytes(&o->leftover)))
		vec_match(c, "leftover", leftover != NULL ? leftover : json_string(""),
			text(o, buf_bytes(&o->leftover)));
}

/* An outcome that would be a security fault: a verdict, an object whose members all hold, or a list of these. */
static bool is_never(struct vec_case *c, json_t *never, const struct outcome *o)
{
	size_t i;
	json_t *one;
	if (json_is_array(never)) {
		json_array_foreach(never, i, one)
		{
			if (is_never(c, one, o))
				return true;
		}
		return false;
	}
	if (json_is_string(never))
		return strcmp(json_string_value(never), o->verdict) == 0;
	if (!json_is_object(never) || json_object_size(never) == 0)
		return false;
	json_t *verdict = json_object_get(never, "verdict"), *messages = json_object_get(never, "messages");
	if (verdict != NULL &&
		(!json_is_string(verdict) || strcmp(json_string_value(verdict), o->verdict) != 0))
		return false;
	if (messages != NULL) {
		json_t *want = normal_messages(c, messages);
		bool same = vec_same(want, o->messages);
		json_decref(want);
		return same;
	}
	if (verdict != NULL && json_object_size(never) == 1)
		return true;
	/* Else it describes one message. */
	json_t *want = json_deep_copy(never), *list = json_array();
	json_object_del(want, "verdict");
	json_array_append(list, want);
	json_t *normal = normal_messages(c, list);
	bool found = false;
	json_array_foreach(o->messages, i, one) found |= vec_same(json_array_get(normal, 0), one);
	json_decref(want);
	json_decref(list);
	json_decref(normal);
	return found;
}

static void judge(struct vec_case *c, const struct outcome *o, const struct outcome *utf8)
{
	json_t *e = c->expect;
	const char *verdict = json_string_value(json_object_get(e, "verdict"));
	json_t *messages = json_object_get(e, "messages"), *never = json_object_get(e, "never");
	if (never != NULL && is_never(c, never, o))
		vec_fail(c, "never: this outcome must not happen: %s", o->verdict);
	if (verdict == NULL) {
		vec_unknown(c, "no verdict");
		return;
	}
	bool either = strcmp(verdict, "either") == 0;
	if (!either && strcmp(verdict, "accept") != 0 && strcmp(verdict, "reject") != 0 &&
		strcmp(verdict, "incomplete") != 0) {
		vec_unknown(c, "verdict %s", verdict);
		return;
	}
	if (either ? strcmp(o->verdict, "reject") == 0 : strcmp(o->verdict, verdict) == 0) {
		if (!either && messages != NULL)
			check_accepted(c, messages, o, utf8);
		else if (!either && strcmp(verdict, "accept") == 0)
			check_accepted(c, NULL, o, utf8);
		return;
	}
	if (either && strcmp(o->verdict, "accept") == 0) {
		check_accepted(c, json_object_get(e, "if_accepted"), o, utf8);
		return;
	}
	vec_fail(c, "verdict: expected %s, actual %s%s%s%s%s", verdict, o->verdict, o->err.what ? ": " : "",
		o->err.what ? o->err.what : "", o->err.ref ? ", " : "", o->err.ref ? o->err.ref : "");
}

void vec_http1(struct vec_case *c)
{
	const char *kind = json_string_value(json_object_get(c->j, "kind"));
	if (kind == NULL || (strcmp(kind, "request") != 0 && strcmp(kind, "response") != 0)) {
		vec_unknown(c, "%s", kind != NULL ? kind : "(none)");
		return;
	}
	enum h1_role role = kind[3] == 'u' ? H1_REQUESTS : H1_RESPONSES;
	vec_known(c, "expect", c->expect, "verdict messages if_accepted never leftover");
	struct buf in;
	buf_init(&in, c->al, SIZE_MAX);
	json_t *first = NULL;
	if (vec_input(c, "input", &in)) {
		struct vec_plan plan = VEC_PLAN_FIRST;
		while (vec_next_plan(c, &plan, in.n)) {
			struct outcome o = {.latin1 = true}, utf8 = {.latin1 = false};
			struct vec_plan again = plan;
			decode(c, &plan, buf_bytes(&in), role, &o);
			decode(c, &again, buf_bytes(&in), role, &utf8);
			judge(c, &o, &utf8);
			json_t *all = json_pack("{s:s, s:O, s:I, s:s}", "verdict", o.verdict, "messages",
				o.messages, "fault_at", (json_int_t)o.err.off, "fault",
				o.err.what ? o.err.what : "");
			if (first == NULL)
				first = json_incref(all);
			else
				vec_match(c, "the same as whole", first, json_incref(all));
			json_decref(all);
			outcome_fini(&o);
			outcome_fini(&utf8);
		}
	}
	json_decref(first);
	buf_fini(&in);
}
