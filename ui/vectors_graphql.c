/*
 * Vectors of graphql-transport-ws: single messages, and scripts for a server.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/graphql_ws/server.h"
#include "ui/vectors.h"

#define SECOND_NS 1000000000ll

static enum gqlws_from direction(json_t *j)
{
	const char *d = json_string_value(json_object_get(j, "direction"));
	if (!d || !strcmp(d, "both"))
		return GQLWS_FROM_BOTH;
	if (!strncmp(d, "client", 6) || !strcmp(d, "c2s") || !strcmp(d, "to-server") ||
		!strcmp(d, "to_server"))
		return GQLWS_FROM_CLIENT;
	if (!strncmp(d, "server", 6) || !strcmp(d, "s2c") || !strcmp(d, "to-client") ||
		!strcmp(d, "to_client"))
		return GQLWS_FROM_SERVER;
	return 0;
}

static void run_message(struct vec_case *c, json_t *expect)
{
	struct gqlws_msg m;
	struct jtext j;
	struct perr err;
	enum gqlws_from from = direction(c->j);
	vec_known(c, "expect", expect, "valid close type");
	if (!from) {
		vec_unknown(c, "the direction");
		return;
	}
	bool ok = gqlws_read(c->al, vec_text(json_object_get(c->j, "input")), from, &m, &j, &err);
	json_t *close = json_object_get(expect, "close"), *valid = json_object_get(expect, "valid");
	if (!valid && !close)
		vec_unknown(c, "a message without a verdict");
	else if (ok != (valid ? json_is_true(valid) : false))
		vec_fail(c, "expected %s", ok ? "invalid, was accepted" : err.what);
	else if (!ok && close && json_integer_value(close) != err.code)
		vec_fail(c, "close code %d, expected %lld", err.code, (long long)json_integer_value(close));
	if (ok && json_object_get(expect, "type"))
		vec_match(c, "type", json_object_get(expect, "type"), json_string(gqlws_types[m.type].name));
	if (ok && !json_is_true(json_object_get(c->j, "decode_only"))) {
		/* Written again, it must be read as the same message. */
		struct buf out;
		buf_init(&out, c->al, SIZE_MAX);
		gqlws_write(&out, m.type, jt_text(&j, m.id), jt_text(&j, m.payload));
		json_t *a = vec_json(vec_text(json_object_get(c->j, "input")));
		json_t *b = vec_json(buf_bytes(&out));
		static const char *const known[] = {"id", "type", "payload"};
		for (size_t i = 0; i < 3; i++)
			if (json_object_get(a, known[i]) &&
				!json_equal(json_object_get(a, known[i]), json_object_get(b, known[i])) &&
				(i != 0 || gqlws_types[m.type].has_id))
				vec_fail(c, "written back: %.*s", (int)out.n, (const char *)out.p);
		json_decref(a);
		json_decref(b);
		buf_fini(&out);
	}
	jt_fini(&j);
}

struct script {
	struct vec_case *c;
	struct gqlws_server s;
	int64_t now_ns;
	size_t step;
	json_t *early; /* messages of other operations that came before the one awaited */
};

/* The server's next output; time runs on until there is one, or nothing will ever come. */
static bool output(struct script *x, struct gqlws_out *out)
{
	while (!gqlws_server_next(&x->s, out)) {
		int64_t at = gqlws_server_wake_at(&x->s);
		if (at == GQLWS_NEVER || at > x->now_ns + 3600 * SECOND_NS)
			return false;
		x->now_ns = at;
		gqlws_server_time(&x->s, at);
	}
	return true;
}

static void step_send(struct script *x, json_t *message)
{
	char *text = json_is_string(message) ? NULL : json_dumps(message, JSON_COMPACT | JSON_ENCODE_ANY);
	if (json_is_object(message) && json_object_get(message, "$bin"))
		gqlws_server_binary(&x->s);
	else
		gqlws_server_text(&x->s, text ? bytes_str(text) : vec_text(message), x->now_ns);
	free(text);
}

/* Both are of operations, and of different ones: their messages may come in either order ("Communication"). */
static bool independent(json_t *a, json_t *b)
{
	json_t *x = json_object_get(a, "id"), *y = json_object_get(b, "id");
	return json_is_string(x) && json_is_string(y) && !json_equal(x, y);
}

static void step_recv(struct script *x, json_t *expected)
{
	struct gqlws_out out;
	size_t i;
	json_t *got;
	json_array_foreach(x->early, i, got)
	{
		if (independent(expected, got))
			continue;
		vec_match(x->c, "recv", expected, json_incref(got));
		json_array_remove(x->early, i);
		return;
	}
	while (output(x, &out)) {
		if (out.close) {
			vec_fail(x->c, "step %zu: closed with %d %s", x->step, out.code, out.reason);
			return;
		}
		got = vec_json(out.text);
		if (!independent(expected, got)) {
			vec_match(x->c, "recv", expected, got);
			return;
		}
		json_array_append_new(x->early, got);
	}
	vec_fail(x->c, "step %zu: nothing came", x->step);
}

/* One message after another. */
static void step_recv_all(struct script *x, json_t *expected)
{
	size_t i;
	json_t *one;
	json_array_foreach(expected, i, one) step_recv(x, one);
}

static void step_closed(struct script *x, json_t *code, json_t *reason)
{
	struct gqlws_out out;
	while (output(x, &out)) {
		if (!out.close)
			continue; /* results on their way when the socket was closed */
		if (json_is_object(code)) {
			reason = json_object_get(code, "reason");
			code = json_object_get(code, "code");
		}
		if (json_is_integer(code) && json_integer_value(code) != out.code)
			vec_fail(x->c, "step %zu: closed with %d, expected %lld", x->step, out.code,
				(long long)json_integer_value(code));
		if (json_is_string(reason) && strcmp(json_string_value(reason), out.reason))
			vec_fail(x->c, "step %zu: closed because \"%s\", expected \"%s\"", x->step,
				out.reason, json_string_value(reason));
		return;
	}
	vec_fail(x->c, "step %zu: the socket stays open", x->step);
}

static void wait_ns(struct script *x, int64_t ns)
{
	x->now_ns += ns;
	gqlws_server_time(&x->s, x->now_ns);
}

/* Nothing may come for a while. */
static void step_silence(struct script *x, json_t *ms)
{
	struct gqlws_out out;
	int64_t ns = (json_is_number(ms) ? (int64_t)json_number_value(ms) : 500) * 1000000;
	wait_ns(x, ns);
	if (json_array_size(x->early) > 0)
		vec_fail(x->c, "step %zu: expected silence, but other messages had come", x->step);
	else if (gqlws_server_next(&x->s, &out))
		vec_fail(x->c, "step %zu: expected silence, got %.*s", x->step, (int)out.text.n,
			out.text.p ? (const char *)out.text.p : "");
}

static void run_step(struct script *x, json_t *step)
{
	json_t *v;
	if ((v = json_object_get(step, "send")))
		step_send(x, v);
	else if ((v = json_object_get(step, "send_raw")) || (v = json_object_get(step, "send_text")))
		step_send(x, v);
	else if (json_object_get(step, "send_binary"))
		gqlws_server_binary(&x->s);
	else if ((v = json_object_get(step, "recv")) && json_is_array(v))
		step_recv_all(x, v);
	else if (v)
		step_recv(x, v);
	else if ((v = json_object_get(step, "closed")) || (v = json_object_get(step, "close")))
		step_closed(x, v, json_object_get(step, "reason"));
	else if ((v = json_object_get(step, "wait_ms")) || (v = json_object_get(step, "wait")) ||
		 (v = json_object_get(step, "sleep_ms")) || (v = json_object_get(step, "sleep")))
		wait_ns(x, (int64_t)json_number_value(v) * 1000000);
	else if ((v = json_object_get(step, "silence")) || (v = json_object_get(step, "nothing")) ||
		 (v = json_object_get(step, "quiet")) || (v = json_object_get(step, "silent_ms")))
		step_silence(x, v);
	else
		vec_unknown(x->c, "a step that is not send, recv, closed, wait_ms or silence");
}

static void run_script(struct vec_case *c, json_t *steps)
{
	static const char default_schema[] =
		"type Query{hello:String} type Subscription{greetings:String}; hello -> \"world\"; "
		"greetings -> Hi, Bonjour, Hola, Ciao, Zdravo";
	json_t *schema_text = json_object_get(c->j, "schema"), *sub = json_object_get(c->j, "subprotocol"),
	       *step;
	struct gql_schema *schema = malloc(sizeof *schema);
	struct perr err;
	if (!schema)
		abort();
	if (!gql_schema_read(schema, schema_text ? vec_text(schema_text) : bytes_str(default_schema), &err)) {
		vec_unknown(c, "a schema: %s", err.what);
		free(schema);
		return;
	}
	struct gqlws_server_cfg cfg = {.init_timeout_ns = 3 * SECOND_NS, .interval_ns = SECOND_NS / 10};
	json_t *init = json_object_get(c->j, "init_timeout_ms");
	if (json_is_integer(init))
		cfg.init_timeout_ns = json_integer_value(init) * 1000000;
	struct script x = {.c = c, .early = json_array()};
	bool ok = !sub || (json_is_string(sub) && gqlws_subprotocol_ok(vec_text(sub)));
	gqlws_server_init(&x.s, c->al, schema, cfg, ok, 0);
	json_array_foreach(steps, x.step, step)
	{
		run_step(&x, step);
		if (c->failures)
			break;
	}
	gqlws_server_fini(&x.s);
	json_decref(x.early);
	free(schema);
}

void vec_graphql_ws(struct vec_case *c)
{
	json_t *steps = json_object_get(c->j, "steps"), *expect = c->expect;
	if (json_is_array(steps))
		run_script(c, steps);
	else if (json_is_string(json_object_get(c->j, "input")) && expect)
		run_message(c, expect);
	else
		vec_unknown(c, "neither a message nor a script");
}
