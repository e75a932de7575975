/*
 * Message bodies: content codings undone (gzip, deflate: RFC 9110 8.4.1), event streams read, JSON counted, Engine.IO
 * packets listed. Octets are taken in the pieces in which they were delivered, so that an event's time is that of
 * the packet that completed it, also inside a compressed body that the server flushes event by event.
 *
 * Limits: CAP_BODY_MAX octets are kept for JSON and Engine.IO; CAP_DECODED_MAX octets come out of a compressed body.
 */
#include <string.h>
#include <zlib.h>

#include "proto/base/utf8.h"
#include "proto/sse/sse.h"
#include "sim/capture/cap_decode.h"
#include "sim/core/xmalloc.h"

#define CAP_DECODED_MAX (256u << 20)
#define BURST_GAP_NS 50000000 /* body pieces this far apart are separate bursts */
#define EIO_SEPARATOR 0x1e    /* between Engine.IO packets of one polling body */

enum coding { CODING_NONE, CODING_ZLIB, CODING_RAW, CODING_OTHER };

struct place { /* where a decoded octet stands in the stream */
	uint64_t body, stream;
};

struct cap_body {
	struct cap_pair *p;
	unsigned dir;
	uint32_t http;
	bool h2; /* `http` counts HTTP/2 requests */
	enum coding coding;
	z_stream z;
	bool z_open, failed, first_out;
	uint64_t decoded;
	struct sse_dec *sse;
	struct buf text;
	bool want_text;
	struct place *place;
	uint32_t nplaces, place_cap;
	int64_t last_t, first_t;
	bool any;
	uint32_t bursts;
};

static struct cap_http *exchange(const struct cap_body *b)
{
	return b->h2 ? &b->p->c->h2_req[b->http].x : &b->p->c->http[b->http];
}

static bool type_is(const char *content_type, const char *want)
{
	return content_type && bytes_eq_nocase(h1_media_type(bytes_str(content_type)), bytes_str(want));
}

static bool type_is_json(const char *t)
{
	if (!t)
		return false;
	struct bytes m = h1_media_type(bytes_str(t));
	return bytes_eq_nocase(m, bytes_str("application/json")) ||
	       (m.n > 5 && bytes_eq_nocase(bytes_sub(m, m.n - 5, 5), bytes_str("+json")));
}

static bool is_eio_polling(const struct cap_http *h)
{
	return strstr(h->target, "EIO=") && strstr(h->target, "transport=polling");
}

static enum coding coding_of(const char *ce)
{
	if (!ce || !*ce)
		return CODING_NONE;
	struct bytes b = bytes_str(ce);
	if (bytes_eq_nocase(b, bytes_str("identity")))
		return CODING_NONE;
	if (bytes_eq_nocase(b, bytes_str("gzip")) || bytes_eq_nocase(b, bytes_str("x-gzip")) ||
		bytes_eq_nocase(b, bytes_str("deflate")))
		return CODING_ZLIB;
	return CODING_OTHER;
}

static void sse_start(struct cap_body *b)
{
	struct capture *c = b->p->c;
	struct cap_http *h = exchange(b);
	h->sse = c->nsse;
	struct cap_sse *s = CAP_PUSH(c->sse, c->nsse, c->sse_cap);
	memset(s, 0, sizeof *s);
	s->conn = b->p->conn;
	s->http = b->http;
	s->h2_stream = b->h2 ? c->h2_req[b->http].stream_id : 0;
	s->target = h->target;
	s->content_encoding = h->content_encoding;
	s->last_id = "";
	for (uint32_t i = 0; i < h->nreq_notes; i++)
		if (!strcmp(h->req_note[i].name, "last-event-id"))
			s->last_id_sent = h->req_note[i].value;
	b->sse = xcalloc(1, sizeof *b->sse);
	sse_dec_init(b->sse, &xalloc, NULL, SSE_WANT_LINES);
}

struct cap_body *cap_body_new(struct cap_pair *p, unsigned dir, uint32_t index, bool h2)
{
	struct cap_body *b = xcalloc(1, sizeof *b);
	b->p = p;
	b->dir = dir;
	b->http = index;
	b->h2 = h2;
	const struct cap_http *h = exchange(b);
	buf_init(&b->text, &xalloc, CAP_BODY_MAX);
	if (dir == 0) {
		b->want_text = is_eio_polling(h);
		return b;
	}
	b->coding = coding_of(h->content_encoding);
	b->want_text = type_is_json(h->content_type) || is_eio_polling(h);
	if (type_is(h->content_type, "text/event-stream"))
		sse_start(b);
	return b;
}

/* Stream offset of octet `off` of an uncompressed body. */
static uint64_t place_of(const struct cap_body *b, uint64_t off)
{
	uint32_t lo = 0, hi = b->nplaces;
	if (!hi)
		return 0;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (b->place[mid].body <= off)
			lo = mid;
		else
			hi = mid;
	}
	return b->place[lo].stream + (off - b->place[lo].body);
}

static struct cap_sse_item *sse_item(struct cap_body *b, const struct sse_ev *ev, struct cap_at at)
{
	struct cap_sse *s = &b->p->c->sse[exchange(b)->sse];
	if (s->nitems >= CAP_UNITS_MAX) {
		b->p->c->limit = "CAP_UNITS_MAX";
		return NULL;
	}
	struct cap_sse_item *it = CAP_PUSH(s->item, s->nitems, s->item_cap);
	memset(it, 0, sizeof *it);
	it->at = at;
	if (b->coding == CODING_NONE && ev->len) {
		it->range.off = place_of(b, ev->off);
		it->range.len = place_of(b, ev->off + ev->len - 1) + 1 - it->range.off;
	}
	return it;
}

static void sse_events(struct cap_body *b, struct cap_at at)
{
	struct capture *c = b->p->c;
	struct sse_ev ev;
	enum sse_ev_kind k;
	while ((k = sse_dec_next(b->sse, &ev)) != SSE_NEED) {
		struct cap_sse *s = &c->sse[exchange(b)->sse];
		struct cap_sse_item *it;
		if (k == SSE_LINE) {
			s->unknown_fields += ev.line.field == SSE_FIELD_UNKNOWN;
		} else if (k == SSE_COMMENT || k == SSE_EVENT || k == SSE_RETRY) {
			it = sse_item(b, &ev, at);
			if (!it)
				return;
			it->kind = k == SSE_COMMENT ? CAP_SSE_COMMENT
				   : k == SSE_EVENT ? CAP_SSE_EVENT
						    : CAP_SSE_RETRY;
			it->retry_ms = ev.retry_ms;
			if (k == SSE_RETRY)
				continue;
			struct bytes data = ev.data;
			if (k == SSE_COMMENT && data.n && data.p[0] == ' ')
				data = bytes_sub(
					data, 1, data.n - 1); /* the space people put after the colon */
			it->data = cap_short(c, data, CAP_TEXT_WHOLE, CAP_TEXT_PART, true);
			for (size_t i = 0; i < ev.data.n; i++)
				it->data_len += (ev.data.p[i] & 0xc0) != 0x80;
			if (k == SSE_COMMENT)
				continue;
			it->event = cap_short(c, ev.type, CAP_TEXT_WHOLE, CAP_TEXT_PART, true);
			it->id = cap_short(c, ev.id, CAP_TEXT_WHOLE, CAP_TEXT_PART, true);
			s->nevents++;
			s->last_id = it->id;
		} else if (k == SSE_ID) {
			s->last_id = cap_short(c, ev.id, CAP_TEXT_WHOLE, CAP_TEXT_PART, true);
		} else if (k == SSE_END) {
			s->tail = ev.dropped;
			return;
		} else {
			c->limit = ev.err.what;
			return;
		}
	}
}

/* Decoded octets, delivered at `at`. */
static void out(struct cap_body *b, struct bytes d, struct cap_at at)
{
	b->decoded += d.n;
	if (b->want_text)
		buf_add(&b->text, d);
	if (b->sse && d.n) {
		sse_dec_feed(b->sse, d);
		sse_events(b, at);
	}
}

static void unzip(struct cap_body *b, struct bytes d, struct cap_at at)
{
	uint8_t room[16384];
	if (b->failed)
		return;
	if (!b->z_open) {
		b->z_open = inflateInit2(&b->z, 32 + 15) == Z_OK; /* gzip or zlib, told by its header */
		b->failed = !b->z_open;
	}
	b->z.next_in = (Bytef *)(uintptr_t)d.p;
	b->z.avail_in = (uInt)d.n;
	while (!b->failed) {
		b->z.next_out = room;
		b->z.avail_out = sizeof room;
		int rc = inflate(&b->z, Z_SYNC_FLUSH);
		out(b, (struct bytes){room, sizeof room - b->z.avail_out}, at);
		if (rc == Z_STREAM_END && b->z.avail_in) {
			inflateReset(&b->z); /* RFC 1952 2.2: members follow one another */
			continue;
		}
		if (rc == Z_DATA_ERROR && !b->first_out && b->z.total_out == 0 &&
			inflateReset2(&b->z, -15) == Z_OK) {
			/* "deflate" without its zlib wrapper, as some servers send it */
			b->first_out = true;
			b->z.next_in = (Bytef *)(uintptr_t)d.p;
			b->z.avail_in = (uInt)d.n;
			continue;
		}
		if (rc != Z_OK && rc != Z_BUF_ERROR && rc != Z_STREAM_END)
			b->failed = true;
		if (b->decoded > CAP_DECODED_MAX) {
			b->failed = true;
			b->p->c->limit = "CAP_DECODED_MAX";
		}
		if (b->z.avail_out)
			return;
	}
}

void cap_body_piece(struct cap_body *b, uint64_t off, uint64_t len)
{
	struct cap_stream *s = &b->p->s[b->dir];
	while (len) {
		const struct cap_run *r = cap_stream_run(s, off);
		uint64_t n = r ? r->off + r->len - off : len;
		if (n > len || n == 0)
			n = len;
		struct cap_at at = r ? r->at : (struct cap_at){0, CAP_NONE};
		if (!b->any || at.t - b->last_t > BURST_GAP_NS)
			b->bursts++;
		if (!b->any)
			b->first_t = at.t;
		b->any = true;
		b->last_t = at.t;
		struct bytes d = {s->p + off, (size_t)n};
		if (b->sse && b->coding == CODING_NONE)
			*CAP_PUSH(b->place, b->nplaces, b->place_cap) = (struct place){b->decoded, off};
		if (b->coding == CODING_NONE)
			out(b, d, at);
		else if (b->coding == CODING_ZLIB)
			unzip(b, d, at);
		off += n;
		len -= n;
	}
}

/* Splits a polling body into Engine.IO packets and counts the Socket.IO events for the client in it. */
static void eio_packets(struct cap_body *b, struct cap_http *h)
{
	struct capture *c = b->p->c;
	struct bytes t = buf_bytes(&b->text);
	uint32_t n = 1, k = 0;
	if (!t.n)
		return;
	for (size_t i = 0; i < t.n; i++)
		n += t.p[i] == EIO_SEPARATOR;
	const char **list = cap_mem(c, n * sizeof *list);
	for (size_t i = 0, from = 0; i <= t.n; i++) {
		if (i < t.n && t.p[i] != EIO_SEPARATOR)
			continue;
		struct bytes one = bytes_sub(t, from, i - from);
		list[k++] = cap_short(c, one, CAP_TEXT_PART, CAP_TEXT_PART, false);
		if (b->dir && one.n > 1 && one.p[0] == '4' && (one.p[1] == '2' || one.p[1] == '5'))
			h->eio_events++;
		from = i + 1;
	}
	if (b->dir) {
		h->eio_server = list;
		h->neio_server = k;
	} else {
		h->eio_client = list;
		h->neio_client = k;
	}
}

void cap_body_end(struct cap_body *b)
{
	struct cap_http *h = exchange(b);
	if (b->sse) {
		sse_dec_eof(b->sse);
		sse_events(b, (struct cap_at){b->last_t, CAP_NONE});
		sse_dec_fini(b->sse);
		xfree(b->sse);
	}
	if (is_eio_polling(h))
		eio_packets(b, h);
	if (b->dir) {
		h->body_decoded = b->decoded;
		h->body_decoded_known = b->coding != CODING_OTHER && !b->failed;
		h->bursts = b->bursts;
		h->body_span = b->last_t - b->first_t;
		if (type_is_json(h->content_type) && !b->text.failed) {
			int n = cap_json_messages(buf_bytes(&b->text), &h->json);
			h->json_messages = n > 0 ? (uint32_t)n : 0;
		}
	}
	if (b->z_open)
		inflateEnd(&b->z);
	buf_fini(&b->text);
	xfree(b->place);
	xfree(b);
}
