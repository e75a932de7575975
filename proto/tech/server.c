/*
 * server: the server ends: HTTP/1.1 requests and their way to the technique they ask for. History and subscribers are
 * in hub.c.
 *
 * A request is routed by its target: path -> site, query since= and client=. A POST to a site's path is a message
 * going up, whatever the technique. Requests are not pipelined: octets that arrive while an answer is outstanding
 * end the connection (browsers do not pipeline, RFC 9112 9.3.2 allows a server to close).
 */
#include "proto/tech/tech_int.h"

#include "proto/ws/handshake.h"

#include <string.h>

/* A request met before, complete in one slice of a blob and without a body, and what its head asks for. Handshakes differ
 * in their keys: another one is the same if only a right key stands in the key's place (want.ws_key_at). Targets and
 * sites do not change while a server runs, so the same octets ask for the same. See reader.h for why that is allowed. */
struct tech_known {
	struct slice in; /* owns a reference; no blob: free */
	struct tech_idle before;
	struct tech_want want;
	uint8_t place, page, flags;
};
#define KNOWN 8

struct tech_known_set {
	uint32_t turn, latest;
	struct tech_known known[KNOWN];
};

static const struct tech_conn_ops *const conn_ops[TECH_KINDS] = {
	[TECH_POLLING] = &tech_polling_conn,
	[TECH_LONG_POLLING] = &tech_long_polling_conn,
	[TECH_SSE] = &tech_sse_conn,
	[TECH_WEBSOCKET] = &tech_websocket_conn,
};

const struct tech_conn_ops *tech_conn_ops_of(enum tech_kind k)
{
	return conn_ops[k];
}

void tech_server_init(struct tech_server *s, const struct alloc *al)
{
	memset(s, 0, sizeof *s);
	s->al = al;
}

void tech_server_forget(struct tech_server *s)
{
	struct tech_hub *h = &s->hub;
	for (size_t i = 0; i < TECH_HISTORY_MAX; i++) {
		tech_msg_unref(h->ring[i]);
		h->ring[i] = NULL;
	}
	h->seq = 0;
	h->targeted = false;
	tech_msg_unref(s->fan_msg);
	s->fan_msg = NULL;
	for (uint32_t i = 0; i < s->n_sites; i++) {
		s->site[i]->sub_next = 0;
		tech_site_changed(s->site[i]);
	}
}

static void known_free(struct tech_server *s)
{
	for (unsigned i = 0; s->known && i < KNOWN; i++)
		blob_unref(s->known->known[i].in.blob);
	alloc_put(s->al, s->known, sizeof *s->known);
	s->known = NULL;
}

void tech_server_fini(struct tech_server *s)
{
	tech_server_forget(s);
	known_free(s);
	tech_spare_fini(&s->spare, s->al);
}

bool tech_server_add(struct tech_server *s, struct tech_site *site)
{
	if (s->n_sites == TECH_SITES_MAX)
		return false;
	known_free(s); /* a target may mean something else now */
	s->site[s->n_sites++] = site;
	return true;
}

/* ---- answers ---------------------------------------------------------------------------------------------- */

/* The connection ends after an answer. */
static inline bool closes(const struct tech_conn *c)
{
	return (c->flags & (TECH_CF_CLOSE | TECH_CF_HTTP10)) || c->srv->draining;
}

/* What the head of an answer depends on, but for its date. */
static inline uint64_t response_key(const struct tech_conn *c, unsigned status)
{
	return status | (uint64_t)closes(c) << 16 | (uint64_t)(c->srv->keepalive_ns / TECH_S) << 20;
}

static struct tech_response response(const struct tech_conn *c, unsigned status, int64_t now)
{
	return (struct tech_response){.status = status,
		.http10 = (c->flags & TECH_CF_HTTP10) != 0,
		.close = closes(c),
		.keepalive_ns = c->srv->keepalive_ns,
		.now_ns = now};
}

void tech_answered(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	c->mode = TECH_MODE_HTTP;
	c->since_ns = now;
	c->due_ns = c->srv->keepalive_ns > 0 ? now + c->srv->keepalive_ns : TECH_NEVER;
	if (rare(closes(c))) {
		tech_push(q, TECH_OUT_CLOSE, 0);
		c->mode = TECH_MODE_DONE;
		c->due_ns = TECH_NEVER;
	}
}

static struct blob *render(const struct tech_conn *c, struct tech_response *r)
{
	struct buf b;
	buf_init(&b, c->srv->al, TECH_HEAD_MAX + r->body.n);
	tech_put_response(&b, tech_conn_site(c), r);
	struct blob *blob = buf_blob(&b);
	buf_fini(&b);
	return blob;
}

static struct blob *render_list(struct tech_conn *c, int64_t now, uint64_t *first, uint32_t *n)
{
	struct buf body;
	buf_init(&body, c->srv->al, TECH_BODY_MAX);
	buf_str(&body, "{\"messages\":[");
	for (struct tech_msg *m; (m = tech_history_next(c));) {
		if (*n &&
			body.n + m->payload->len > TECH_LIST_MAX) { /* the rest waits for the next request */
			c->cursor--;
			break;
		}
		if ((*n)++)
			buf_u8(&body, ',');
		else
			*first = m->id;
		buf_add(&body, slice_bytes(slice_of(m->payload)));
	}
	buf_str(&body, "]}");
	struct tech_response r = response(c, 200, now);
	r.type = "application/json";
	r.body = buf_bytes(&body);
	struct blob *blob = body.failed ? NULL : render(c, &r);
	buf_fini(&body);
	return blob;
}

void tech_answer_list(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	struct tech_hub *h = &c->srv->hub;
	struct tech_site *s = tech_conn_site(c);
	uint64_t first = 0, from = tech_conn_cursor(c);
	if (from < tech_oldest(h))
		from = tech_oldest(h);
	uint64_t k0 = response_key(c, 200);
	uint64_t k1 = from << 32 | (h->seq & 0xffffffffu), k2 = tech_date_key(s, now);
	uint32_t n = 0;
	struct blob *b = h->targeted ? NULL : tech_cache_get(&s->responses, k0, k1, k2);
	if (b) {
		n = (uint32_t)(h->seq - from);
		first = n ? tech_at_seq(h, from + 1)->id : 0;
		c->cursor = (uint32_t)h->seq;
	} else {
		b = render_list(c, now, &first, &n);
		if (b && !h->targeted && tech_conn_cursor(c) == h->seq)
			tech_cache_put(&s->responses, k0, k1, k2, b);
	}
	struct tech_out *o = tech_write(q, 0, b, TECH_UNIT_RESPONSE);
	if (o) {
		o->id = first;
		o->n_msgs = n;
		o->status = 200;
	}
	tech_answered(c, now, q);
}

void tech_answer_empty(struct tech_conn *c, unsigned status, int64_t now, struct tech_outs *q)
{
	struct tech_response r = response(c, status, now);
	uint64_t k0 = response_key(c, status);
	uint64_t k2 = tech_date_key(tech_conn_site(c), now);
	struct blob *b = tech_cache_get(&tech_conn_site(c)->responses, k0, 0, k2);
	r.no_length = true;
	if (!b && (b = render(c, &r)))
		tech_cache_put(&tech_conn_site(c)->responses, k0, 0, k2, b);
	struct tech_out *o = tech_write(q, 0, b, TECH_UNIT_RESPONSE);
	if (o) {
		o->status = (uint16_t)status;
		o->b = c->flags & TECH_CF_POST ? -1 : 0;
	}
	tech_answered(c, now, q);
}

void tech_answer_refuse(
	struct tech_conn *c, unsigned status, const char *extra, int64_t now, struct tech_outs *q)
{
	c->flags |= TECH_CF_CLOSE;
	struct tech_response r = response(c, status, now);
	const char *phrase = h1_reason(status);
	r.type = "text/plain";
	r.body = bytes_str(phrase);
	r.extra = extra;
	struct tech_out *o = tech_write(q, 0, render(c, &r), TECH_UNIT_RESPONSE);
	if (o) {
		o->status = (uint16_t)status;
		o->b = -1;
	}
	tech_answered(c, now, q);
}

/* ---- requests --------------------------------------------------------------------------------------------- */

static bool number_after(struct bytes query, const char *name, uint64_t *v)
{
	size_t n = strlen(name);
	for (size_t i = 0; i + n < query.n; i++) {
		bool start = i == 0 || query.p[i - 1] == '&';
		if (!start || memcmp(query.p + i, name, n) != 0)
			continue;
		size_t d = i + n;
		*v = 0;
		for (; d < query.n && d < i + n + 19 && query.p[d] >= '0' && query.p[d] <= '9'; d++)
			*v = *v * 10 + (uint64_t)(query.p[d] - '0');
		return d > i + n;
	}
	return false;
}

static void read_target(struct tech_conn *c, struct bytes target, struct tech_want *w)
{
	size_t n = 0;
	uint64_t v;
	while (n < target.n && target.p[n] != '?')
		n++;
	struct bytes path = bytes_sub(target, 0, n);
	struct bytes query = n < target.n ? bytes_sub(target, n + 1, target.n - n - 1) : BYTES_NONE;
	c->place = 0;
	for (uint32_t i = 0; i < c->srv->n_sites && !c->place; i++)
		if (bytes_eq_str(path, c->srv->site[i]->path))
			c->place = (uint8_t)(i + 1);
	c->page = 0;
	for (uint32_t i = 0; i < c->srv->n_pages && !c->place && !c->page; i++)
		if (bytes_eq_str(path, c->srv->pages[i].path))
			c->page = (uint8_t)(i + 1);
	w->has_since = number_after(query, "since=", &w->since);
	if (number_after(query, "client=", &v) && v <= UINT32_MAX)
		w->client = (uint32_t)v;
}

static void read_head(struct tech_conn *c, const struct h1_head *h, struct bytes input, struct tech_want *w)
{
	struct bytes id = h1_value(h, "Last-Event-ID");
	struct buf text;
	*w = (struct tech_want){.http10 = h->version < 11, .close = !h->keep_alive};
	read_target(c, h->target, w);
	if (id.p) { /* what the stream said last outranks what the page knew when it was loaded */
		buf_init(&text, c->srv->al, 64);
		buf_str(&text, "id=");
		buf_add(&text, bytes_sub(id, 0, id.n < 20 ? id.n : 20));
		w->has_since |= number_after(buf_bytes(&text), "id=", &w->since);
		buf_fini(&text);
	}
	w->post = bytes_eq_str(h->method, "POST");
	if (c->place && tech_conn_site(c)->kind == TECH_WEBSOCKET && !w->post) {
		struct ws_hs_request hs;
		ws_hs_check_request(h, NULL, &hs);
		/* no handshake at all, but an ordinary request: the resource wants another protocol (RFC 9110 15.5.22) */
		w->ws_status = h1_value(h, "Upgrade").p ? hs.status : 426;
		if (hs.status == 101) {
			ws_accept(hs.key, w->ws_accept);
			if (hs.key.p > input.p && hs.key.p + hs.key.n <= input.p + input.n)
				w->ws_key_at = (uint32_t)(hs.key.p - input.p);
		}
	}
	c->client = w->client;
	c->flags &= (uint8_t) ~(TECH_CF_HTTP10 | TECH_CF_CLOSE | TECH_CF_POST);
	c->flags |= (uint8_t)((w->http10 ? TECH_CF_HTTP10 : 0) | (w->close ? TECH_CF_CLOSE : 0) |
			      (w->post ? TECH_CF_POST : 0));
}

static void answer_post(struct tech_conn *c, struct buf *body, int64_t now, struct tech_outs *q)
{
	struct tech_ident id;
	if (tech_ident_read(buf_bytes(body), &id)) {
		tech_message(q, 0, &id, body->n);
		tech_answer_empty(c, 204, now, q);
	} else {
		tech_answer_refuse(c, 400, NULL, now, q);
	}
	buf_fini(body);
}

static void answer_page(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	const struct tech_page *p = &c->srv->pages[c->page - 1];
	struct tech_response r = response(c, 200, now);
	r.type = p->type;
	r.body = p->body;
	struct tech_out *o = tech_write(q, 0, render(c, &r), TECH_UNIT_RESPONSE);
	if (o)
		o->status = 200;
	tech_answered(c, now, q);
}

/* A request is complete that stands from `off` to `end`. False when the rest of the input is not HTTP any more. */
static inline bool serve(struct tech_conn *c, const struct tech_want *w, uint64_t off, uint64_t end,
	int64_t now, struct tech_outs *q)
{
	tech_unit(q, 0, TECH_UNIT_REQUEST, off, end - off);
	c->due_ns = TECH_NEVER;
	if (rare(c->page))
		answer_page(c, now, q);
	else if (rare(!c->place))
		tech_answer_refuse(c, 404, NULL, now, q);
	else if (rare(c->flags & TECH_CF_POST))
		answer_post(c, &tech_reader_decoders(&c->rd)->body, now, q);
	else
		conn_ops[tech_conn_site(c)->kind]->request(c, w, now, q);
	return c->mode == TECH_MODE_HTTP;
}

static void refuse(struct tech_conn *c, const struct perr *err, int64_t now, struct tech_outs *q)
{
	struct tech_out *o = tech_note(q, 0, TECH_NOTE_HTTP_ERROR, err->code, 0);
	if (o) {
		o->what = err->what;
		o->ref = err->ref;
		o->why = TECH_WHY_PROTOCOL;
	}
	c->place = 0;
	tech_answer_refuse(c, err->code >= 400 ? (unsigned)err->code : 400, NULL, now, q);
}

/* The other side has ended it, or it is gone altogether. */
static void ended(struct tech_conn *c, bool close, struct tech_outs *q)
{
	tech_unsubscribe(c);
	tech_reader_clear(&c->rd, c->srv->al);
	if (close && c->mode != TECH_MODE_DONE)
		tech_push(q, TECH_OUT_CLOSE, 0);
	c->mode = TECH_MODE_DONE;
	c->due_ns = c->limit_ns = TECH_NEVER;
}

/* A second request before the first answer has ended: we do not pipeline behind a held answer or a stream. */
static void too_early(struct tech_conn *c, struct tech_outs *q)
{
	ended(c, false, q);
	tech_push(q, TECH_OUT_ABORT, 0);
}

static bool same_request(const struct tech_known *k, struct slice in)
{
	if (k->in.blob == in.blob && k->in.off == in.off)
		return true;
	const size_t at = k->want.ws_key_at;
	return at && tech_same_but(slice_bytes(k->in), slice_bytes(in), at, WS_KEY_LEN) &&
	       ws_key_ok(bytes_sub(slice_bytes(in), at, WS_KEY_LEN));
}

/* The request this slice was when it was met before, by a connection in the same state; NULL if it was not. */
static const struct tech_known *known(const struct tech_conn *c, struct slice in)
{
	struct tech_known_set *set = c->srv->known;
	if (!in.blob || !set || c->rd.idle.owned)
		return NULL;
	for (uint32_t i = set->latest, n = KNOWN; n--; i = (i + 1) % KNOWN) {
		const struct tech_known *k = &set->known[i];
		if (often(k->in.blob && k->in.len == in.len && k->before.state == c->rd.idle.state &&
			    k->before.flags == c->rd.idle.flags && same_request(k, in))) {
			set->latest = i;
			return k;
		}
	}
	return NULL;
}

#define HEAD_FLAGS (TECH_CF_HTTP10 | TECH_CF_CLOSE | TECH_CF_POST)

static void serve_known(
	struct tech_conn *c, const struct tech_known *k, struct slice in, int64_t now, struct tech_outs *q)
{
	uint64_t off = c->rd.idle.off;
	const struct tech_want *w = &k->want;
	struct tech_want own;
	if (rare(w->ws_key_at)) { /* but for the key */
		own = *w;
		ws_accept(bytes_sub(slice_bytes(in), w->ws_key_at, WS_KEY_LEN), own.ws_accept);
		w = &own;
	}
	tech_reader_skip(&c->rd, in.len);
	c->place = k->place;
	c->page = k->page;
	c->client = k->want.client;
	c->flags = (uint8_t)((c->flags & ~HEAD_FLAGS) | k->flags);
	serve(c, w, off, off + in.len, now, q);
}

/* The slice was this request and nothing else. */
static void get_known(
	struct tech_conn *c, struct slice in, const struct tech_idle *before, const struct tech_want *w)
{
	struct tech_server *s = c->srv;
	if (s->forgetful || w->post || w->close || (w->ws_status && !w->ws_key_at))
		return;
	if (!s->known) {
		s->known = alloc_get(s->al, sizeof *s->known);
		if (!s->known)
			return; /* then it is decoded again, no more */
		memset(s->known, 0, sizeof *s->known);
	}
	struct tech_known *k = &s->known->known[s->known->latest = s->known->turn++ % KNOWN];
	blob_unref(k->in.blob);
	blob_ref(in.blob);
	*k = (struct tech_known){.in = in,
		.before = *before,
		.want = *w,
		.place = c->place,
		.page = c->page,
		.flags = c->flags & HEAD_FLAGS};
}

static void decode_requests(struct tech_conn *c, const struct tech_in *in, struct tech_outs *q)
{
	const struct tech_idle before = c->rd.idle;
	const bool idle = !c->rd.idle.owned;
	struct tech_open *o = tech_conn_open(c, TECH_READ_HTTP, q);
	struct h1_ev ev;
	if (!o)
		return;
	h1_dec_feed(&o->h1, in->data);
	for (;;) {
		switch (h1_dec_next(&o->h1, &ev)) {
		case H1_HEAD:
			o->msg_off = ev.head.off;
			read_head(c, &ev.head, in->data, &o->want);
			break;
		case H1_DATA:
			if (c->flags & TECH_CF_POST)
				buf_add(&o->body, ev.data);
			if (!o->body.failed)
				break;
			refuse(c,
				&(struct perr){
					413, ev.off, "the body is longer than 1 MiB", "RFC 9110 15.5.14"},
				in->now_ns, q);
			return;
		case H1_END: {
			const struct tech_want w = o->want; /* the decoders may go while it is served */
			uint64_t end = ev.off + ev.len;
			if (in->slice.blob && idle && o->msg_off == before.off &&
				end == before.off + in->data.n && ev.end.keep_alive)
				get_known(c, in->slice, &before, &w);
			if (serve(c, &w, o->msg_off, end, in->now_ns, q))
				break;
			if ((c->mode == TECH_MODE_HELD || c->mode == TECH_MODE_STREAM) &&
				h1_dec_unread(&o->h1))
				too_early(c, q);
			return;
		}
		case H1_ERROR:
			refuse(c, &ev.err, in->now_ns, q);
			return;
		case H1_NEED:
		case H1_CLOSED:
			return;
		default:
			break;
		}
	}
}

bool tech_conn_recall(struct tech_conn *c, struct slice in, int64_t now_ns, struct tech_outs *q)
{
	const struct tech_known *k = c->mode == TECH_MODE_HTTP ? known(c, in) : NULL;
	if (!k)
		return false;
	serve_known(c, k, in, now_ns, q);
	return true;
}

static void http_data(struct tech_conn *c, const struct tech_in *in, struct tech_outs *q)
{
	if (tech_conn_recall(c, in->slice, in->now_ns, q))
		return;
	c->due_ns = TECH_NEVER;
	decode_requests(c, in, q);
	tech_reader_rest(&c->rd, c->srv->al, &c->srv->spare);
}

/* ---- connections ------------------------------------------------------------------------------------------ */

void tech_conn_init(struct tech_conn *c, struct tech_server *s)
{
	*c = (struct tech_conn){.srv = s, .due_ns = TECH_NEVER, .limit_ns = TECH_NEVER};
	s->conns++;
}

struct tech_open *tech_conn_open(struct tech_conn *c, enum tech_reading what, struct tech_outs *q)
{
	struct tech_open *o = tech_reader_open(&c->rd, c->srv->al, &c->srv->spare, what, H1_REQUESTS);
	if (!o)
		q->failed = true;
	return o;
}

void tech_conn_fini(struct tech_conn *c)
{
	tech_unsubscribe(c);
	tech_reader_clear(&c->rd, c->srv->al);
	c->srv->conns--;
}

static void conn_time(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	if (c->mode == TECH_MODE_HTTP) {
		int64_t keep = c->srv->keepalive_ns;
		/* An answer began to count, then half a request came behind it: nothing is due until it is whole. */
		if (tech_reader_busy(&c->rd) || keep <= 0) {
			c->due_ns = TECH_NEVER;
			return;
		}
		c->due_ns = c->since_ns + keep;
		if (c->due_ns > now)
			return;
		ended(c, true, q);
	} else if (c->mode != TECH_MODE_DONE && conn_ops[tech_conn_site(c)->kind]->time) {
		conn_ops[tech_conn_site(c)->kind]->time(c, now, q);
	}
}

static void conn_stop(struct tech_conn *c, int64_t now, struct tech_outs *q)
{
	c->flags |= TECH_CF_CLOSE;
	if (c->mode == TECH_MODE_HTTP)
		ended(c, true, q);
	else if (c->mode != TECH_MODE_DONE)
		conn_ops[tech_conn_site(c)->kind]->stop(c, now, q);
}

static void conn_data(struct tech_conn *c, const struct tech_in *in, struct tech_outs *q)
{
	switch (c->mode) {
	case TECH_MODE_HTTP:
		http_data(c, in, q);
		break;
	case TECH_MODE_WS:
		conn_ops[tech_conn_site(c)->kind]->data(c, in->data, in->now_ns, q);
		break;
	case TECH_MODE_HELD:
	case TECH_MODE_STREAM:
		too_early(c, q);
		break;
	default:
		break;
	}
}

void tech_conn_input(struct tech_conn *c, const struct tech_in *in, struct tech_outs *q)
{
	switch (in->kind) {
	case TECH_IN_UP:
		c->since_ns = in->now_ns;
		c->due_ns = c->srv->keepalive_ns > 0 ? in->now_ns + c->srv->keepalive_ns : TECH_NEVER;
		break;
	case TECH_IN_DATA:
		conn_data(c, in, q);
		break;
	case TECH_IN_EOF:
		ended(c, true, q);
		break;
	case TECH_IN_RESET:
		ended(c, false, q);
		break;
	case TECH_IN_TIME:
		conn_time(c, in->now_ns, q);
		break;
	case TECH_IN_STOP:
		conn_stop(c, in->now_ns, q);
		break;
	case TECH_IN_START:
	case TECH_IN_PUBLISH:
		break;
	}
}
