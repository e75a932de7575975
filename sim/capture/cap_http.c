/*
 * HTTP/1.1 in a capture (RFC 9112), through proto/http1: request and response of an exchange one after the other, so
 * that each response is framed by its request (9.3), up to an Upgrade (RFC 9110 7.8) or CONNECT (9.3.6).
 *
 * A capture may begin in the middle: then the first thing that looks like a start line at the start of a
 * segment is taken for one, and responses older than the first request belong to nobody.
 */
#include <string.h>

#include "sim/capture/cap_decode.h"
#include "sim/core/xmalloc.h"

#define CAP_INTERN_MAX 200 /* longer texts hardly ever repeat */

struct side {
	struct h1_dec dec;
	uint64_t base; /* stream offset of the decoder's 0 */
	bool over;     /* nothing more to be had */
};

struct http1 {
	struct cap_pair *p;
	struct capture *c;
	struct side req, res;
	bool from_start;         /* the handshake was seen */
	struct h1_head req_head; /* borrowed from the streams: valid as long as they are */
};

static const char *text(struct http1 *x, struct bytes b)
{
	return b.n <= CAP_INTERN_MAX ? cap_intern(x->c, b) : cap_short(x->c, b, 8192, 8192, true);
}

static const char *field(struct http1 *x, const struct h1_head *h, const char *name)
{
	struct bytes v = h1_value(h, name);
	return v.p ? text(x, v) : NULL;
}

static const struct cap_note *notes(
	struct http1 *x, const struct h1_head *h, const char *const *names, uint32_t *n)
{
	struct cap_note v[CAP_NOTES_MAX], *kept;
	for (*n = 0; *names && *n < CAP_NOTES_MAX; names++) {
		const char *value = field(x, h, *names);
		if (value)
			v[(*n)++] = (struct cap_note){*names, value};
	}
	if (!*n)
		return NULL;
	kept = cap_mem(x->c, *n * sizeof *kept);
	memcpy(kept, v, *n * sizeof *kept);
	return kept;
}

static enum cap_framing framing_of(enum h1_framing f)
{
	switch (f) {
	case H1_FRAMING_NONE:
		return CAP_BODY_NONE;
	case H1_FRAMING_LENGTH:
		return CAP_BODY_LENGTH;
	case H1_FRAMING_CHUNKED:
		return CAP_BODY_CHUNKED;
	case H1_FRAMING_UNTIL_CLOSE:
		return CAP_BODY_CLOSE;
	}
	return CAP_BODY_NONE;
}

static void broken(struct http1 *x, unsigned dir, const struct side *s, const struct perr *e)
{
	struct cap_conn *cn = &x->c->conn[x->p->conn];
	if (cn->error)
		return;
	cn->error = cap_strf(x->c, "%s (%s), at octet %llu from the %s", e->what, e->ref,
		(unsigned long long)(s->base + e->off), dir ? "server" : "client");
	cn->error_pkt = cap_stream_at(&x->p->s[dir], s->base + e->off).pkt;
}

/* The next event that ends something; DATA and CHUNK are dealt with by the callers' loops. */
static enum h1_ev_kind next(struct http1 *x, unsigned dir, struct side *s, struct h1_ev *ev)
{
	enum h1_ev_kind k = h1_dec_next(&s->dec, ev);
	if (k == H1_NEED && x->p->s[dir].ended && !x->p->s[dir].cut && !s->over) {
		s->over = true;
		h1_dec_eof(&s->dec);
		k = h1_dec_next(&s->dec, ev);
	}
	if (k == H1_NEED || k == H1_CLOSED || k == H1_TRUNCATED || k == H1_ERROR)
		s->over = true;
	if (k == H1_ERROR)
		broken(x, dir, s, &ev->err);
	return k;
}

static const char *const req_notes[] = {
	"last-event-id", "upgrade", "sec-websocket-protocol", "sec-websocket-extensions", NULL};
static const char *const res_notes[] = {"keep-alive", "upgrade", "sec-websocket-protocol",
	"sec-websocket-extensions", "x-accel-buffering", "retry-after", "location", NULL};

/* Fields point into the streams or into the decoder; those of a head that may start a WebSocket are kept. */
static void keep_head(struct http1 *x, const struct h1_head *h, struct h1_head *out)
{
	struct h1_field *f = cap_mem(x->c, (h->n_fields + 1u) * sizeof *f);
	*out = *h;
	for (uint32_t i = 0; i < h->n_fields; i++) {
		f[i] = h->fields[i];
		f[i].name = bytes_str(cap_str(x->c, h->fields[i].name));
		f[i].value = bytes_str(cap_str(x->c, h->fields[i].value));
	}
	out->fields = f;
	out->method = bytes_str(cap_str(x->c, h->method));
	out->target = bytes_str(cap_str(x->c, h->target));
}

static uint32_t request_head(struct http1 *x, const struct h1_head *h)
{
	struct capture *c = x->c;
	struct cap_stream *s = &x->p->s[0];
	uint64_t off = x->req.base + h->off;
	uint32_t i = c->nhttp;
	struct cap_http *e = CAP_PUSH(c->http, c->nhttp, c->http_cap);
	memset(e, 0, sizeof *e);
	e->conn = x->p->conn;
	e->index = c->conn[e->conn].http_n++;
	if (e->index == 0)
		c->conn[e->conn].http_first = i;
	e->sse = e->ws = CAP_NONE;
	e->method = text(x, h->method);
	e->target = text(x, h->target);
	e->host = field(x, h, "host");
	e->version = h->version;
	e->req = cap_stream_at(s, off);
	e->req_head = e->req_end = cap_stream_at(s, off + h->len - 1);
	e->req_header_bytes = h->len;
	e->req_framing = framing_of(h->framing);
	e->req_range = (struct cap_range){off, h->len};
	e->wants_upgrade = h->upgrade && h1_has_token(h, "upgrade", "websocket");
	e->req_note = notes(x, h, req_notes, &e->nreq_notes);
	if (h->upgrade || bytes_eq_str(h->method, "CONNECT"))
		keep_head(x, h, &x->req_head);
	return i;
}

/* Reads one request. CAP_NONE: there is none. */
static uint32_t request(struct http1 *x)
{
	struct h1_ev ev;
	uint32_t i = CAP_NONE;
	struct cap_body *body = NULL;
	while (!x->req.over || i == CAP_NONE) {
		enum h1_ev_kind k = next(x, 0, &x->req, &ev);
		if (k == H1_HEAD) {
			i = request_head(x, &ev.head);
			x->c->http[i].req_complete = ev.head.framing == H1_FRAMING_NONE;
			body = ev.head.framing == H1_FRAMING_NONE ? NULL : cap_body_new(x->p, 0, i, false);
		} else if (k == H1_DATA && i != CAP_NONE) {
			x->c->http[i].req_body += ev.len;
			cap_body_piece(body, x->req.base + ev.off, ev.len);
		} else if (k == H1_END) {
			x->c->http[i].req_complete = true;
			break;
		} else if (k != H1_CHUNK && k != H1_DATA) {
			break;
		}
	}
	if (i == CAP_NONE)
		return CAP_NONE;
	struct cap_http *e = &x->c->http[i];
	uint64_t end = x->req.base + h1_dec_off(&x->req.dec);
	if (e->req_framing != CAP_BODY_NONE && end > e->req_range.off) {
		e->req_range.len = end - e->req_range.off;
		e->req_end = cap_stream_at(&x->p->s[0], end - 1);
	}
	if (body)
		cap_body_end(body);
	return i;
}

static void response_head(struct http1 *x, struct cap_http *e, const struct h1_head *h)
{
	struct cap_stream *s = &x->p->s[1];
	uint64_t off = x->res.base + h->off;
	e->has_response = true;
	e->status = h->status;
	e->resp_version = h->version;
	e->reason = text(x, h->reason);
	e->content_type = field(x, h, "content-type");
	e->content_encoding = field(x, h, "content-encoding");
	e->connection = field(x, h, "connection");
	e->head = e->end = cap_stream_at(s, off + h->len - 1);
	e->header_bytes = h->len;
	e->framing = framing_of(h->framing);
	e->range = (struct cap_range){off, h->len};
	e->note = notes(x, h, res_notes, &e->nnotes);
}

enum answer { ANSWER_NONE, ANSWER_WHOLE, ANSWER_SWITCHES };

static void body_done(struct http1 *x, struct cap_http *e)
{
	uint64_t end = x->res.base + h1_dec_off(&x->res.dec);
	if (end > e->range.off + e->header_bytes) {
		e->body_wire = end - e->range.off - e->header_bytes;
		e->range.len = end - e->range.off;
		e->end = cap_stream_at(&x->p->s[1], end - 1);
	}
}

/* The body of the response to exchange `i`, whose head was just read. */
static void response_body(struct http1 *x, uint32_t i)
{
	struct h1_ev ev;
	struct cap_body *body = cap_body_new(x->p, 1, i, false);
	while (!x->res.over) {
		enum h1_ev_kind k = next(x, 1, &x->res, &ev);
		if (k == H1_DATA) {
			x->c->http[i].body += ev.len;
			cap_body_piece(body, x->res.base + ev.off, ev.len);
		} else if (k == H1_CHUNK) {
			x->c->http[i].chunks += ev.chunk.size > 0;
		} else {
			x->c->http[i].complete = k == H1_END;
			break;
		}
	}
	body_done(x, &x->c->http[i]);
	cap_body_end(body);
}

/* A response nobody asked for: its status line is kept, its octets are passed over. */
static void orphan(struct http1 *x, const struct h1_head *h)
{
	struct cap_conn *cn = &x->c->conn[x->p->conn];
	struct h1_ev ev;
	if (!cn->unsolicited && x->from_start)
		cn->unsolicited = cap_strf(x->c, "HTTP/1.%u %03u %.*s", h->version % 10u, h->status,
			(int)h->reason.n, (const char *)h->reason.p);
	cap_add_unit(x->p, 1, x->res.base + h->off, h->len,
		cap_strf(x->c, "HTTP/1.%u %03u %.*s (nobody asked for it)", h->version % 10u, h->status,
			(int)h->reason.n, (const char *)h->reason.p));
	enum h1_ev_kind k = H1_DATA;
	while (!x->res.over && (k == H1_DATA || k == H1_CHUNK))
		k = next(x, 1, &x->res, &ev);
}

/* Reads the final response to exchange `i`. */
static enum answer response(struct http1 *x, uint32_t i, struct h1_head *head)
{
	struct h1_ev ev;
	h1_dec_expect(&x->res.dec, bytes_str(x->c->http[i].method));
	while (!x->res.over) {
		enum h1_ev_kind k = next(x, 1, &x->res, &ev);
		struct cap_http *e = &x->c->http[i];
		if (k != H1_HEAD)
			continue;
		struct cap_at at = cap_stream_at(&x->p->s[1], x->res.base + ev.head.off);
		if (!x->from_start && at.t < e->req.t) {
			orphan(x, &ev.head);
			h1_dec_expect(&x->res.dec, bytes_str(e->method));
			continue;
		}
		if (ev.head.interim) {
			e->interim++;
			continue;
		}
		response_head(x, e, &ev.head);
		bool switches = ev.head.switches;
		if (switches)
			keep_head(x, &ev.head, head);
		response_body(x, i);
		if (switches)
			x->c->http[i].complete = true;
		return switches ? ANSWER_SWITCHES : ANSWER_WHOLE;
	}
	return ANSWER_NONE;
}

/* After 101 or 2xx to CONNECT both streams go on as something else. */
static void hand_over(struct http1 *x, uint32_t i, const struct h1_head *res)
{
	struct cap_pair *p = x->p;
	uint64_t off = 0;
	h1_dec_rest(&x->req.dec, &off);
	p->pos[0] = x->req.base + off;
	h1_dec_rest(&x->res.dec, &off);
	p->pos[1] = x->res.base + off;
	x->res.over = true;
	struct cap_http *e = &x->c->http[i];
	if (e->wants_upgrade && e->status == 101) {
		cap_decode_ws(p, i, &x->req_head, res);
		return;
	}
	if (e->status != 101) {
		x->c->conn[p->conn].tunnel = e->target;
		p->inside_tunnel = true;
	}
	if (p->depth < CAP_TUNNELS_MAX) {
		p->depth++;
		cap_decode_pair(p);
	}
}

static bool starts_request(struct bytes b)
{
	size_t n = 0;
	while (n < b.n && n < 20 && b.p[n] >= 'A' && b.p[n] <= 'Z')
		n++;
	return n >= 3 && n + 1 < b.n && b.p[n] == ' ' && b.p[n + 1] > ' ';
}

static bool starts_response(struct bytes b)
{
	return b.n >= 8 && !memcmp(b.p, "HTTP/1.", 7);
}

/* The first place that begins a message: the start of the stream, or of a later segment. */
static uint64_t resync(struct cap_pair *p, unsigned dir, bool (*starts)(struct bytes))
{
	struct cap_stream *s = &p->s[dir];
	for (uint32_t i = 0; i < s->nruns; i++) {
		const struct cap_run *r = &s->run[i];
		if (r->src != CAP_NONE && r->off >= p->pos[dir] &&
			starts((struct bytes){s->p + r->off, s->n - (size_t)r->off}))
			return r->off;
	}
	return p->pos[dir];
}

static void side_init(struct http1 *x, struct side *s, unsigned dir, enum h1_role role)
{
	struct cap_pair *p = x->p;
	s->base = p->pos[dir];
	if (!p->c->conn[p->conn].flow[dir].isn_known)
		s->base = resync(p, dir, role == H1_REQUESTS ? starts_request : starts_response);
	h1_dec_init(&s->dec, &xalloc, role, NULL);
	h1_dec_feed(&s->dec, (struct bytes){p->s[dir].p + s->base, p->s[dir].n - (size_t)s->base});
}

void cap_decode_http1(struct cap_pair *p)
{
	struct http1 x = {.p = p, .c = p->c};
	const struct cap_conn *cn = &p->c->conn[p->conn];
	x.from_start = cn->syns || cn->synacks;
	side_init(&x, &x.req, 0, H1_REQUESTS);
	side_init(&x, &x.res, 1, H1_RESPONSES);
	for (;;) {
		struct h1_head head;
		uint32_t i = request(&x);
		if (i == CAP_NONE)
			break;
		if (response(&x, i, &head) == ANSWER_SWITCHES) {
			hand_over(&x, i, &head);
			break;
		}
	}
	struct h1_ev ev;
	while (!x.res.over) {
		enum h1_ev_kind k = next(&x, 1, &x.res, &ev);
		if (k == H1_HEAD)
			orphan(&x, &ev.head);
		else if (k == H1_SWITCHED)
			break;
	}
	h1_dec_fini(&x.req.dec);
	h1_dec_fini(&x.res.dec);
}
