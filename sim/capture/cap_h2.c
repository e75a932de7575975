/*
 * HTTP/2 in the clear (RFC 9113), through proto/h2 and proto/hpack: frames of both directions, requests with their header
 * fields, bodies (event streams, JSON), gRPC messages (proto/grpc).
 *
 * A passive reader sees each side's header table change when the other side's SETTINGS_HEADER_TABLE_SIZE is acknowledged
 * (RFC 9113 6.5.3): the k-th SETTINGS of one side takes effect at the k-th acknowledgement in the other direction. Left out:
 * pushed streams.
 */
#include <string.h>

#include "proto/grpc/grpc.h"
#include "proto/h2/h2.h"
#include "proto/hpack/hpack.h"
#include "sim/capture/cap_decode.h"
#include "sim/core/xmalloc.h"

#define NO_CHANGE UINT32_MAX
#define OPEN_BODIES_MAX 256u /* streams of one direction with a body under way */

struct table_sizes { /* of one side's SETTINGS frames, in order */
	uint32_t *v, n, cap;
};

struct open_body {
	uint32_t req; /* CAP_NONE: free */
	struct cap_body *body;
	struct grpc_dec *grpc;
};

struct h2_side {
	struct cap_pair *p;
	struct capture *c;
	uint32_t h2; /* index in capture.h2 */
	unsigned dir;
	uint64_t base;
	struct h2_dec dec;
	struct hpack_dec hpack;
	const struct table_sizes *peer; /* the other side's announcements */
	uint32_t acks;
	bool block_open, block_end; /* a header block goes on in CONTINUATION; it ends its stream */
	uint32_t block_req;
	bool block_trailers;
	struct open_body *open;
	uint32_t nopen, open_cap;
};

/* ---- requests ---- */

static struct cap_h2_req *req_at(struct h2_side *x, uint32_t i)
{
	return &x->c->h2_req[i];
}

/* The request on this stream, CAP_NONE if there is none. Clients number their streams upwards (RFC 9113 5.1.1). */
static uint32_t req_find(struct h2_side *x, uint32_t stream)
{
	const struct cap_h2 *h = &x->c->h2[x->h2];
	uint32_t lo = h->req_first, hi = h->req_first + h->nreqs;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (x->c->h2_req[mid].stream_id == stream)
			return mid;
		if (x->c->h2_req[mid].stream_id < stream)
			lo = mid + 1;
		else
			hi = mid;
	}
	return CAP_NONE;
}

static uint32_t req_new(struct h2_side *x, uint32_t stream, struct cap_at at, struct cap_range r)
{
	struct capture *c = x->c;
	struct cap_h2 *h = &c->h2[x->h2];
	if (x->dir || c->nh2_reqs >= CAP_UNITS_MAX ||
		(h->nreqs && c->h2_req[c->nh2_reqs - 1].stream_id >= stream))
		return CAP_NONE;
	struct cap_h2_req *q = CAP_PUSH(c->h2_req, c->nh2_reqs, c->h2_req_cap);
	memset(q, 0, sizeof *q);
	h->nreqs++;
	q->h2 = x->h2;
	q->stream_id = stream;
	q->x.conn = x->p->conn;
	q->x.sse = q->x.ws = CAP_NONE;
	q->x.method = q->x.target = "";
	q->x.version = 20;
	q->x.req = q->x.req_head = q->x.req_end = at;
	q->x.end = q->x.head = at;
	q->x.framing = CAP_BODY_CHUNKED; /* of unknown length, like chunked */
	q->x.req_range = r;
	return c->nh2_reqs - 1;
}

static void note(struct h2_side *x, struct cap_h2_req *q, const char *name, struct bytes v)
{
	struct cap_note *n = cap_mem(x->c, sizeof *n);
	*n = (struct cap_note){name, cap_str(x->c, v)};
	q->x.req_note = n;
	q->x.nreq_notes = 1;
}

static void request_field(struct h2_side *x, struct cap_h2_req *q, struct bytes name, struct bytes v)
{
	struct capture *c = x->c;
	if (bytes_eq_str(name, ":method"))
		q->x.method = cap_intern(c, v);
	else if (bytes_eq_str(name, ":path"))
		q->x.target = cap_str(c, v);
	else if (bytes_eq_str(name, ":authority"))
		q->x.host = cap_intern(c, v);
	else if (bytes_eq_str(name, ":scheme"))
		q->scheme = cap_intern(c, v);
	else if (bytes_eq_str(name, "content-type"))
		q->request_type = cap_intern(c, v);
	else if (bytes_eq_str(name, "last-event-id"))
		note(x, q, "last-event-id", v);
	if (bytes_eq_str(name, "content-type") && grpc_content_type_ok(v))
		q->grpc = true;
}

static void response_field(struct h2_side *x, struct cap_h2_req *q, struct bytes name, struct bytes v)
{
	struct capture *c = x->c;
	if (bytes_eq_str(name, ":status") && v.n == 3)
		q->x.status = (uint16_t)((v.p[0] - '0') * 100 + (v.p[1] - '0') * 10 + (v.p[2] - '0'));
	else if (bytes_eq_str(name, "content-type"))
		q->x.content_type = cap_intern(c, v);
	else if (bytes_eq_str(name, "content-encoding"))
		q->x.content_encoding = cap_intern(c, v);
	else if (bytes_eq_str(name, "grpc-status"))
		q->grpc_status = cap_intern(c, v);
	else if (bytes_eq_str(name, "grpc-message"))
		q->grpc_message = cap_str(c, v);
}

/* ---- bodies ---- */

static struct open_body *body_of(struct h2_side *x, uint32_t req)
{
	struct open_body *free_one = NULL;
	for (uint32_t i = 0; i < x->nopen; i++) {
		if (x->open[i].req == req)
			return &x->open[i];
		if (x->open[i].req == CAP_NONE && !free_one)
			free_one = &x->open[i];
	}
	if (!free_one) {
		if (x->nopen >= OPEN_BODIES_MAX)
			return NULL;
		free_one = CAP_PUSH(x->open, x->nopen, x->open_cap);
	}
	*free_one = (struct open_body){req, cap_body_new(x->p, x->dir, req, true), NULL};
	if (req_at(x, req)->grpc) {
		free_one->grpc = xcalloc(1, sizeof *free_one->grpc);
		grpc_dec_init(free_one->grpc, &xalloc, CAP_BODY_MAX);
	}
	return free_one;
}

static void body_close(struct open_body *b)
{
	if (b->req == CAP_NONE)
		return;
	cap_body_end(b->body);
	if (b->grpc)
		grpc_dec_fini(b->grpc);
	xfree(b->grpc);
	b->req = CAP_NONE;
}

static void body_end(struct h2_side *x, uint32_t req)
{
	for (uint32_t i = 0; i < x->nopen; i++)
		if (x->open[i].req == req)
			body_close(&x->open[i]);
}

static void grpc_messages(struct h2_side *x, struct open_body *b, struct bytes d, struct cap_at at)
{
	struct grpc_msg m;
	if (!grpc_dec_feed(b->grpc, d))
		return;
	while (grpc_dec_next(b->grpc, &m) == 1) {
		struct cap_h2_req *q = req_at(x, b->req);
		*CAP_PUSH(q->msg, q->nmsgs, q->msg_cap) =
			(struct cap_grpc_msg){at, m.len, m.compressed, (uint8_t)x->dir};
	}
}

static void data(struct h2_side *x, const struct h2_frame *f, struct cap_at at)
{
	uint32_t req = req_find(x, f->stream);
	if (req == CAP_NONE)
		return;
	struct cap_h2_req *q = req_at(x, req);
	q->data_frames[x->dir]++;
	q->data_bytes[x->dir] += f->body.n;
	if (x->dir)
		q->x.body = q->x.body_wire = q->data_bytes[1];
	else
		q->x.req_body = q->data_bytes[0];
	struct open_body *b = f->body.n ? body_of(x, req) : NULL;
	if (!b)
		return;
	if (b->grpc)
		grpc_messages(x, b, f->body, at);
	cap_body_piece(b->body, x->base + f->off + H2_HEADER_LEN + f->body_off, f->body.n);
}

/* ---- header blocks ---- */

/* What these header octets are: a request's, a response's, an interim response's, or trailers. */
static void block_start(struct h2_side *x, const struct h2_frame *f, struct cap_at at)
{
	struct cap_range r = {x->base + f->off, H2_HEADER_LEN + f->length};
	uint32_t req = req_find(x, f->stream);
	x->block_trailers = false;
	if (req == CAP_NONE)
		req = req_new(x, f->stream, at, r);
	else if (!x->dir)
		x->block_trailers = true;
	x->block_req = req;
	x->block_end = f->flags & H2_FLAG_END_STREAM;
	if (req == CAP_NONE || !x->dir)
		return;
	struct cap_h2_req *q = req_at(x, req);
	x->block_trailers = q->x.has_response && q->x.status >= 200;
	if (x->block_trailers) {
		q->trailers = true;
		return;
	}
	q->x.has_response = true;
	q->x.head = q->x.end = at;
	q->x.range = r;
}

static bool block_fields(struct h2_side *x, struct bytes part, bool end)
{
	struct hpack_rep rep;
	int rc;
	if (!hpack_dec_feed(&x->hpack, part))
		return false;
	while ((rc = hpack_dec_next(&x->hpack, end, &rep)) == 1) {
		if (x->block_req == CAP_NONE || rep.kind == HPACK_SIZE_UPDATE)
			continue;
		struct cap_h2_req *q = req_at(x, x->block_req);
		if (x->dir)
			response_field(x, q, rep.name, rep.value);
		else if (!x->block_trailers)
			request_field(x, q, rep.name, rep.value);
	}
	return rc == 0;
}

static void stream_end(struct h2_side *x, uint32_t req, struct cap_at at)
{
	if (req == CAP_NONE)
		return;
	struct cap_h2_req *q = req_at(x, req);
	body_end(x, req);
	q = req_at(x, req);
	if (x->dir) {
		q->ended = q->x.complete = true;
		q->x.end = at;
	} else {
		q->x.req_complete = true;
		q->x.req_end = at;
	}
}

static bool headers(struct h2_side *x, const struct h2_frame *f, struct cap_at at)
{
	if (f->type == H2_HEADERS) {
		block_start(x, f, at);
		hpack_dec_begin(&x->hpack);
	} else if (f->type == H2_PUSH_PROMISE) {
		x->block_req = CAP_NONE;
		x->block_end = false;
		hpack_dec_begin(&x->hpack);
	}
	x->block_open = !(f->flags & H2_FLAG_END_HEADERS);
	if (x->block_req != CAP_NONE)
		req_at(x, x->block_req)->header_bytes[x->dir] += H2_HEADER_LEN + f->length;
	if (!block_fields(x, f->body, !x->block_open))
		return false;
	if (!x->block_open && x->block_end)
		stream_end(x, x->block_req, at);
	return true;
}

/* ---- frames ---- */

static bool frame_add(struct h2_side *x, const struct h2_frame *f, struct cap_at at)
{
	struct capture *c = x->c;
	struct cap_h2 *h = &c->h2[x->h2];
	if (h->nframes >= CAP_UNITS_MAX) {
		c->limit = "CAP_UNITS_MAX";
		return false;
	}
	struct cap_h2_frame *o = CAP_PUSH(h->frame, h->nframes, h->frame_cap);
	*o = (struct cap_h2_frame){at, f->length, f->stream, (uint8_t)x->dir, f->type, f->flags, 0, 0, 0};
	if (f->type == H2_WINDOW_UPDATE)
		o->a = f->increment;
	else if (f->type == H2_GOAWAY)
		o->a = f->last_stream;
	if (f->type == H2_GOAWAY || f->type == H2_RST_STREAM)
		o->b = f->error_code;
	if (f->type == H2_SETTINGS && !(f->flags & H2_FLAG_ACK)) {
		o->a = c->nh2_settings;
		for (size_t i = 0; i < h2_frame_settings(f) && i < CAP_H2_SETTINGS_MAX; i++) {
			struct h2_setting s = h2_frame_setting(f, i);
			uint32_t *pair = *CAP_PUSH(c->h2_setting, c->nh2_settings, c->h2_setting_cap);
			pair[0] = s.id;
			pair[1] = s.value;
			o->nsettings++;
		}
	}
	const struct h2_type_info *t = h2_type_info(f->type);
	cap_add_unit(x->p, x->dir, x->base + f->off, H2_HEADER_LEN + f->length,
		cap_strf(c, "HTTP/2 %s, stream %u, %u bytes", t ? t->name : "unknown frame", f->stream,
			f->length));
	return true;
}

static bool frame(struct h2_side *x, const struct h2_frame *f)
{
	struct cap_at at = cap_stream_at(&x->p->s[x->dir], x->base + f->off + H2_HEADER_LEN + f->length - 1);
	uint32_t req = f->stream ? req_find(x, f->stream) : CAP_NONE;
	if (!frame_add(x, f, at))
		return false;
	switch (f->type) {
	case H2_HEADERS:
	case H2_CONTINUATION:
	case H2_PUSH_PROMISE:
		return headers(x, f, at);
	case H2_DATA:
		data(x, f, at);
		if (f->flags & H2_FLAG_END_STREAM)
			stream_end(x, req, at);
		break;
	case H2_RST_STREAM:
		if (req != CAP_NONE) {
			body_end(x, req);
			req_at(x, req)->reset = true;
			req_at(x, req)->x.end = at;
		}
		break;
	case H2_SETTINGS:
		if (f->flags & H2_FLAG_ACK && x->acks < x->peer->n && x->peer->v[x->acks++] != NO_CHANGE)
			hpack_dec_set_limit(&x->hpack, x->peer->v[x->acks - 1]);
		break;
	default:
		break;
	}
	return true;
}

static void side(struct h2_side *x)
{
	struct h2_frame f;
	int rc;
	h2_dec_init(&x->dec, &xalloc, 0);
	x->dec.max_frame_size = H2_MAX_FRAME_SIZE_LIMIT; /* what was allowed is the receiver's business */
	hpack_dec_init(&x->hpack, &xalloc, HPACK_TABLE_SIZE_DEFAULT, HPACK_STRING_MAX_DEFAULT);
	h2_dec_feed(
		&x->dec, (struct bytes){x->p->s[x->dir].p + x->base, x->p->s[x->dir].n - (size_t)x->base});
	while ((rc = h2_dec_next(&x->dec, &f)) == 1)
		if (!frame(x, &f)) {
			if (x->hpack.err.what)
				x->c->h2[x->h2].error[x->dir] = cap_str(x->c, bytes_str(x->hpack.err.what));
			break;
		}
	if (rc < 0 && x->dec.fault.err.what)
		x->c->h2[x->h2].error[x->dir] = cap_str(x->c, bytes_str(x->dec.fault.err.what));
	for (uint32_t i = 0; i < x->nopen; i++)
		body_close(&x->open[i]);
	xfree(x->open);
	hpack_dec_fini(&x->hpack);
	h2_dec_fini(&x->dec);
}

/* One side's announcements, found before either side is read. */
static void announcements(struct bytes b, struct table_sizes *t)
{
	size_t i = 0;
	while (b.n - i >= H2_HEADER_LEN) {
		struct h2_frame f;
		h2_header_read(b.p + i, &f);
		if (b.n - i - H2_HEADER_LEN < f.length)
			return;
		if (f.type == H2_SETTINGS && !(f.flags & H2_FLAG_ACK)) {
			uint32_t size = NO_CHANGE;
			f.payload = f.body = (struct bytes){b.p + i + H2_HEADER_LEN, f.length};
			for (size_t k = 0; k < h2_frame_settings(&f); k++)
				if (h2_frame_setting(&f, k).id == H2_SETTINGS_HEADER_TABLE_SIZE)
					size = h2_frame_setting(&f, k).value;
			*CAP_PUSH(t->v, t->n, t->cap) = size;
		}
		i += H2_HEADER_LEN + f.length;
	}
}

static void merge(struct cap_h2 *h, uint32_t n)
{
	struct cap_h2_frame *v = xmalloc((h->nframes + 1u) * sizeof *v);
	uint32_t k = 0;
	for (uint32_t i = 0, j = n; i < n || j < h->nframes;) {
		bool second = i == n;
		if (i < n && j < h->nframes) {
			const struct cap_at *a = &h->frame[i].at, *b = &h->frame[j].at;
			second = b->t < a->t || (b->t == a->t && b->pkt < a->pkt);
		}
		v[k++] = h->frame[second ? j++ : i++];
	}
	xfree(h->frame);
	h->frame = v;
	h->frame_cap = h->nframes + 1;
}

void cap_decode_h2(struct cap_pair *p)
{
	struct capture *c = p->c;
	struct bytes b = cap_rest(p, 0);
	struct table_sizes sizes[2] = {{0}};
	uint32_t first = c->nh2;
	if (b.n >= H2_PREFACE_LEN && !memcmp(b.p, H2_PREFACE, H2_PREFACE_LEN)) {
		cap_add_unit(p, 0, p->pos[0], H2_PREFACE_LEN, "HTTP/2 connection preface");
		p->pos[0] += H2_PREFACE_LEN;
	}
	struct cap_h2 *h = CAP_PUSH(c->h2, c->nh2, c->h2_cap);
	*h = (struct cap_h2){.conn = p->conn, .req_first = c->nh2_reqs};
	for (unsigned d = 0; d < 2; d++)
		announcements(cap_rest(p, d), &sizes[d]);
	for (unsigned d = 0; d < 2; d++) {
		struct h2_side x = {
			.p = p, .c = c, .h2 = first, .dir = d, .base = p->pos[d], .peer = &sizes[!d]};
		uint32_t n = c->h2[first].nframes;
		x.block_req = CAP_NONE;
		side(&x);
		if (d)
			merge(&c->h2[first], n);
	}
	xfree(sizes[0].v);
	xfree(sizes[1].v);
}
