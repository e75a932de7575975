/*
 * Vectors of the event stream format: events, last event ID, reconnection time, comments, what is dropped at the end.
 */
#include "proto/base/codec.h"
#include "proto/sse/sse.h"
#include "ui/vectors.h"

#include <string.h>

static json_t *utf8_json(struct bytes b)
{
	return json_stringn(b.n > 0 ? (const char *)b.p : "", b.n);
}

static json_t *event_json(const struct sse_ev *ev)
{
	uint8_t digest[32];
	sha256(ev->data, digest);
	json_t *e = json_object();
	json_object_set_new(e, "event", utf8_json(ev->type));
	json_object_set_new(e, "data", utf8_json(ev->data));
	json_object_set_new(e, "id", utf8_json(ev->id));
	json_object_set_new(e, "data_utf8_len", json_integer((json_int_t)ev->data.n));
	json_object_set_new(e, "data_len", json_integer((json_int_t)ev->data.n));
	json_object_set_new(e, "data_sha256", vec_hex((struct bytes){digest, sizeof digest}));
	return e;
}

struct got {
	json_t *events, *comments, *retry;
	bool dropped;
};

/* Takes all events there are. False: the stream is over. */
static bool drain(struct vec_case *c, struct sse_dec *d, struct got *g)
{
	struct sse_ev ev;
	for (;;) {
		switch (sse_dec_next(d, &ev)) {
		case SSE_NEED:
			return true;
		case SSE_EVENT:
			json_array_append_new(g->events, event_json(&ev));
			break;
		case SSE_COMMENT:
			json_array_append_new(g->comments, utf8_json(ev.data));
			break;
		case SSE_RETRY:
			json_decref(g->retry);
			g->retry =
				json_integer(ev.retry_ms > INT64_MAX ? INT64_MAX : (json_int_t)ev.retry_ms);
			break;
		case SSE_END:
			g->dropped = ev.dropped;
			return false;
		case SSE_ERROR:
			vec_fail(c, "refused at octet %llu: %s", (unsigned long long)ev.err.off, ev.err.what);
			return false;
		case SSE_ID:
		case SSE_LINE:
			break;
		}
	}
}

static json_t *decode(struct vec_case *c, struct vec_plan *plan, struct bytes in)
{
	struct sse_dec d;
	struct bytes piece;
	struct got g = {json_array(), json_array(), json_null(), false};
	sse_dec_init(&d, c->al, NULL, 0);
	json_t *id = json_object_get(c->j, "last_event_id");
	if (json_is_string(id) && !sse_dec_set_last_id(&d, vec_text(id)))
		vec_fail(c, "out of memory");
	bool more = true;
	while (more && vec_next_piece(c, plan, in, &piece)) {
		sse_dec_feed(&d, piece);
		more = drain(c, &d, &g);
	}
	if (more) {
		sse_dec_eof(&d);
		drain(c, &d, &g);
	}
	json_t *o = json_object();
	json_object_set_new(o, "events", g.events);
	json_object_set_new(o, "comments", g.comments);
	json_object_set_new(o, "retry", g.retry);
	json_object_set_new(o, "last_event_id", utf8_json(sse_dec_last_id(&d)));
	json_object_set_new(o, "dropped_at_eof", json_boolean(g.dropped));
	sse_dec_fini(&d);
	return o;
}

void vec_sse(struct vec_case *c)
{
	struct buf in;
	const char *key;
	json_t *e, *first = NULL, *longest = json_integer(INT64_MAX);
	buf_init(&in, c->al, SIZE_MAX);
	if (vec_input(c, "input", &in)) {
		struct vec_plan plan = VEC_PLAN_FIRST;
		while (vec_next_plan(c, &plan, in.n)) {
			json_t *got = decode(c, &plan, buf_bytes(&in));
			json_object_foreach(c->expect, key, e)
			{
				if (strcmp(key, "retry") == 0 && json_is_real(e) &&
					json_number_value(e) >= 9.2e18)
					e = longest; /* beyond 64 bits, where we stop counting */
				if (json_object_get(got, key) != NULL)
					vec_match(c, key, e, json_incref(json_object_get(got, key)));
			}
			vec_known(
				c, "expect", c->expect, "events comments retry last_event_id dropped_at_eof");
			if (first == NULL)
				first = json_incref(got);
			else
				vec_match(c, "the same as whole", first, json_incref(got));
			json_decref(got);
		}
	}
	json_decref(first);
	json_decref(longest);
	buf_fini(&in);
}
