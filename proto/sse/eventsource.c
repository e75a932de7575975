/*
 * eventsource: see eventsource.h for the contract.
 */
#include "proto/sse/eventsource.h"

#include <assert.h>
#include <string.h>

#define MS_NS 1000000

const struct es_cfg es_cfg_default = {.retry_ms = 3000, .backoff_factor = 1, .backoff_max_ms = 60000};

static void put(struct eventsource *es, enum es_out_kind k)
{
	assert(es->n_queue < sizeof es->queue);
	es->queue[es->n_queue++] = (uint8_t)k;
}

void es_init(struct eventsource *es, const struct alloc *al, const struct es_cfg *cfg,
	const struct sse_limits *lim)
{
	memset(es, 0, sizeof *es);
	es->al = al;
	es->cfg = cfg != NULL ? *cfg : es_cfg_default;
	es->retry_ms = es->wait_ms = es->cfg.retry_ms;
	es->wake_ns = INT64_MAX;
	sse_dec_init(&es->dec, al, lim, 0);
	put(es, ES_CONNECT);
}

void es_fini(struct eventsource *es)
{
	sse_dec_fini(&es->dec);
}

/* "Fail the connection" (HTML 9.2.3): for ever. */
static void fail(struct eventsource *es, const char *what, const char *ref, int code)
{
	es->state = ES_CLOSED;
	es->streaming = false;
	es->wake_ns = INT64_MAX;
	es->why = (struct perr){code, 0, what, ref};
	put(es, ES_ERROR);
}

/* A new stream; the last event ID lives on. False when out of memory. */
static bool begin_stream(struct eventsource *es)
{
	const struct sse_limits *lim = es->dec.lim;
	struct sse_dec fresh;
	sse_dec_init(&fresh, es->al, lim, 0);
	if (!sse_dec_set_last_id(&fresh, sse_dec_last_id(&es->dec)))
		return false;
	sse_dec_fini(&es->dec);
	es->dec = fresh;
	return true;
}

/* "Reestablish the connection" (HTML 9.2.3): tell the page, wait, connect. */
static void reconnect(struct eventsource *es, const char *why, int64_t now_ns)
{
	if (es->state == ES_CLOSED)
		return;
	es->state = ES_CONNECTING;
	es->streaming = false;
	es->why = (struct perr){0, 0, why, "HTML 9.2.3"};
	uint64_t wait = es->wait_ms < INT64_MAX / MS_NS / 2 ? es->wait_ms : (uint64_t)(INT64_MAX / MS_NS / 2);
	es->wake_ns =
		now_ns > INT64_MAX - (int64_t)wait * MS_NS ? INT64_MAX - 1 : now_ns + (int64_t)wait * MS_NS;
	if (es->cfg.backoff_factor > 1 && es->wait_ms < es->cfg.backoff_max_ms) {
		es->wait_ms *= es->cfg.backoff_factor;
		if (es->wait_ms > es->cfg.backoff_max_ms)
			es->wait_ms = es->cfg.backoff_max_ms;
	}
	put(es, ES_ERROR);
}

static bool is_event_stream(struct bytes content_type)
{
	size_t i = 0;
	while (i < content_type.n && content_type.p[i] != ';')
		i++;
	while (i > 0 && (content_type.p[i - 1] == ' ' || content_type.p[i - 1] == '\t'))
		i--;
	return bytes_eq_nocase(bytes_sub(content_type, 0, i), BYTES_LIT("text/event-stream"));
}

void es_response(struct eventsource *es, unsigned status, struct bytes content_type, int64_t now_ns)
{
	es->now_ns = now_ns;
	if (es->state != ES_CONNECTING || es->wake_ns != INT64_MAX)
		return;
	if (status != 200)
		fail(es, status == 204 ? "204 No Content tells the browser to stop" : "the status is not 200",
			"HTML 9.2.3", (int)status);
	else if (!is_event_stream(content_type))
		fail(es, "the content type is not text/event-stream", "HTML 9.2.3", (int)status);
	else if (!begin_stream(es))
		fail(es, "out of memory", "", 0);
	else {
		es->state = ES_OPEN;
		es->streaming = true;
		es->wait_ms = es->retry_ms;
		put(es, ES_OPENED);
		return;
	}
	put(es, ES_ABORT);
}

void es_data(struct eventsource *es, struct bytes data, int64_t now_ns)
{
	es->now_ns = now_ns;
	if (es->streaming)
		sse_dec_feed(&es->dec, data);
}

void es_end(struct eventsource *es, int64_t now_ns)
{
	es->now_ns = now_ns;
	if (es->streaming)
		sse_dec_eof(&es->dec);
	else if (es->state == ES_CONNECTING && es->wake_ns == INT64_MAX)
		reconnect(es, "the connection ended before a response", now_ns);
}

void es_network_error(struct eventsource *es, int64_t now_ns)
{
	es->now_ns = now_ns;
	if (es->state == ES_OPEN || (es->state == ES_CONNECTING && es->wake_ns == INT64_MAX))
		reconnect(es, "the network failed", now_ns);
}

void es_time(struct eventsource *es, int64_t now_ns)
{
	es->now_ns = now_ns;
	if (es->state != ES_CONNECTING || es->wake_ns > now_ns)
		return;
	es->wake_ns = INT64_MAX;
	put(es, ES_CONNECT);
}

void es_close(struct eventsource *es)
{
	if (es->state == ES_CLOSED)
		return;
	es->state = ES_CLOSED;
	es->streaming = false;
	es->wake_ns = INT64_MAX;
	es->n_queue = 0;
	put(es, ES_ABORT);
}

/* Takes what the stream says. ES_IDLE when it says nothing for the page. */
static enum es_out_kind from_stream(struct eventsource *es, struct es_out *out)
{
	struct sse_ev ev;
	for (;;) {
		switch (sse_dec_next(&es->dec, &ev)) {
		case SSE_NEED:
			return ES_IDLE;
		case SSE_EVENT:
			out->type = ev.type;
			out->data = ev.data;
			out->id = ev.id;
			return ES_MESSAGE;
		case SSE_RETRY:
			es->retry_ms = es->wait_ms = ev.retry_ms;
			break;
		case SSE_END:
			reconnect(es, "the server ended the stream", es->now_ns);
			return ES_IDLE;
		case SSE_ERROR:
			fail(es, ev.err.what, ev.err.ref, 0);
			put(es, ES_ABORT);
			return ES_IDLE;
		default:
			break;
		}
	}
}

enum es_out_kind es_next(struct eventsource *es, struct es_out *out)
{
	memset(out, 0, sizeof *out);
	if (es->n_queue == 0 && es->streaming && (out->kind = from_stream(es, out)) != ES_IDLE)
		return out->kind;
	if (es->n_queue == 0)
		return out->kind = ES_IDLE;
	out->kind = (enum es_out_kind)es->queue[0];
	memmove(es->queue, es->queue + 1, --es->n_queue);
	if (out->kind == ES_CONNECT)
		out->id = sse_dec_last_id(&es->dec);
	if (out->kind == ES_ERROR)
		out->why = es->why;
	return out->kind;
}

int64_t es_wake_at(const struct eventsource *es)
{
	return es->wake_ns;
}

struct bytes es_last_id(const struct eventsource *es)
{
	return sse_dec_last_id(&es->dec);
}
