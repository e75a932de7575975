/*
 * codec_kit: what tests and fuzz targets of decoders share; all in this header, since fuzz targets link nothing else.
 *
 *   guarded       a copy of some octets that ends at an unreadable page
 *   counting      an allocator that counts, and fails from the n-th call on or at the n-th alone
 *   transcripts   what a decoder makes of an input delivered with given cuts, as text: two deliveries, one text
 */
#ifndef TESTS_SUPPORT_CODEC_KIT_H
#define TESTS_SUPPORT_CODEC_KIT_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/base/base.h"
#include "proto/base/codec.h"
#include "proto/http1/http1.h"
#include "proto/sse/sse.h"
#include "proto/ws/ws.h"

#define KIT __attribute__((unused)) static

/* ---- octets before an unreadable page ------------------------------------------------------------------------- */

struct guarded {
	struct bytes b;
	void *map;
	size_t len;
};

KIT struct guarded guarded_new(struct bytes b)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (b.n + page - 1) / page + 1;
	struct guarded g = {.len = pages * page};
	g.map = mmap(NULL, g.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(g.map != MAP_FAILED);
	uint8_t *at = (uint8_t *)g.map + g.len - page - b.n;
	if (b.n > 0)
		memcpy(at, b.p, b.n);
	assert(mprotect((uint8_t *)g.map + g.len - page, page, PROT_NONE) == 0);
	g.b = (struct bytes){at, b.n};
	return g;
}

KIT void guarded_free(struct guarded *g)
{
	munmap(g->map, g->len);
}

/* ---- an allocator that can fail ---------------------------------------------------------------------------------- */

struct counting {
	struct alloc al;
	unsigned calls;   /* that asked for memory */
	unsigned fail_at; /* 0 never; else this call fails */
	bool for_ever;    /* … and all after it */
	size_t live;      /* octets not given back */
};

KIT void *counting_resize(void *ctx, void *p, size_t old, size_t n)
{
	struct counting *c = ctx;
	if (n == 0) {
		assert(c->live >= old);
		c->live -= old;
		free(p);
		return NULL;
	}
	c->calls++;
	if (c->fail_at != 0 && (c->calls == c->fail_at || (c->for_ever && c->calls > c->fail_at)))
		return NULL;
	/* Always moves, so that a pointer kept over a resize is found. */
	void *q = malloc(n);
	assert(q != NULL);
	if (p != NULL) {
		memcpy(q, p, old < n ? old : n);
		memset(p, 0xdd, old);
		free(p);
	}
	assert(c->live >= old);
	c->live = c->live - old + n;
	return q;
}

KIT void counting_init(struct counting *c, unsigned fail_at, bool for_ever)
{
	*c = (struct counting){.fail_at = fail_at, .for_ever = for_ever};
	c->al = (struct alloc){counting_resize, c};
}

/* ---- cuts -------------------------------------------------------------------------------------------------------- */

/* How an input is delivered: `every` n octets (0: all at once), or cut at the given offsets. */
struct cuts {
	size_t every;
	const size_t *at;
	size_t n;
	bool park; /* after each piece the decoder is put away, if it can be, and another takes its place */
};

KIT struct bytes cuts_next(const struct cuts *c, struct bytes in, size_t *pos)
{
	size_t end = in.n;
	if (c->every > 0 && c->every < end - *pos)
		end = *pos + c->every;
	for (size_t i = 0; i < c->n; i++)
		if (c->at[i] > *pos && c->at[i] < end)
			end = c->at[i];
	struct bytes piece = bytes_sub(in, *pos, end - *pos);
	*pos = end;
	return piece;
}

/* A piece is fed from memory of its own that is destroyed when the decoder asks for more. */
struct lent {
	uint8_t *p;
	size_t n;
};

KIT struct bytes lend(struct lent *l, struct bytes piece)
{
	l->p = malloc(piece.n ? piece.n : 1);
	l->n = piece.n;
	assert(l->p != NULL);
	if (piece.n > 0)
		memcpy(l->p, piece.p, piece.n);
	return (struct bytes){l->p, piece.n};
}

KIT void take_back(struct lent *l)
{
	if (l->p != NULL)
		memset(l->p, 0xee, l->n);
	free(l->p);
	l->p = NULL;
}

/* ---- transcripts --------------------------------------------------------------------------------------------------- */

KIT void say(struct buf *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#include <stdarg.h>
KIT void say(struct buf *o, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	buf_str(o, line);
}

KIT void say_bytes(struct buf *o, const char *name, struct bytes b)
{
	say(o, " %s=<", name);
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = b.p[i];
		if (c >= 0x20 && c < 0x7f && c != '\\' && c != '<' && c != '>')
			buf_u8(o, c);
		else
			say(o, "\\%02x", c);
	}
	buf_str(o, ">");
}

KIT void say_error(struct buf *o, const char *kind, const struct perr *e)
{
	say(o, "%s code=%d off=%llu %s (%s)\n", kind, e->code, (unsigned long long)e->off, e->what, e->ref);
}

KIT void say_fields(struct buf *o, const struct h1_field *f, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		say(o, "  field %llu", (unsigned long long)f[i].name_off);
		say_bytes(o, "name", f[i].name);
		say(o, " %llu", (unsigned long long)f[i].value_off);
		say_bytes(o, "value", f[i].value);
		say(o, "%s\n", f[i].folded ? " folded" : "");
	}
}

KIT void say_head(struct buf *o, const struct h1_head *h)
{
	say(o, "head off=%llu len=%u version=%d status=%d", (unsigned long long)h->off, (unsigned)h->len,
		h->version, h->status);
	say_bytes(o, "method", h->method);
	say_bytes(o, "target", h->target);
	say_bytes(o, "reason", h->reason);
	say(o, " framing=%s length=%llu keep_alive=%d upgrade=%d expect=%d interim=%d switches=%d\n",
		h1_framing_name(h->framing), (unsigned long long)h->content_length, h->keep_alive, h->upgrade,
		h->expect_continue, h->interim, h->switches);
	say_fields(o, h->fields, h->n_fields);
}

/* Pieces of a body follow the cuts; they are put together here. */
struct body {
	bool open;
	uint64_t off;
	struct buf b;
};

KIT void body_flush(struct buf *o, struct body *b)
{
	if (b->open) {
		say(o, "data off=%llu n=%zu", (unsigned long long)b->off, b->b.n);
		say_bytes(o, "", buf_bytes(&b->b));
		say(o, "\n");
	}
	b->open = false;
	b->b.n = 0;
}

KIT bool h1_events(struct h1_dec *d, struct buf *o, struct body *b, struct buf *rest)
{
	struct h1_ev ev;
	for (;;) {
		enum h1_ev_kind k = h1_dec_next(d, &ev);
		if (k == H1_DATA) {
			assert(ev.len == ev.data.n && ev.len > 0);
			if (!b->open)
				b->off = ev.off;
			assert(b->off + b->b.n == ev.off);
			b->open = true;
			buf_add(&b->b, ev.data);
			continue;
		}
		if (k != H1_NEED)
			body_flush(o, b);
		switch (k) {
		case H1_NEED:
			return true;
		case H1_HEAD:
			say_head(o, &ev.head);
			break;
		case H1_CHUNK:
			say(o, "chunk off=%llu len=%llu size=%llu", (unsigned long long)ev.off,
				(unsigned long long)ev.len, (unsigned long long)ev.chunk.size);
			say_bytes(o, "ext", ev.chunk.ext);
			say(o, "\n");
			break;
		case H1_END:
			say(o, "end at=%llu keep_alive=%d\n", (unsigned long long)(ev.off + ev.len),
				ev.end.keep_alive);
			say_fields(o, ev.end.trailers, ev.end.n_trailers);
			break;
		case H1_SWITCHED:
		case H1_CLOSED:
			if (rest->n == 0 && !rest->failed)
				say(o, "%s\n", k == H1_CLOSED ? "closed" : "switched");
			rest->failed = true; /* said once */
			(void)h1_dec_rest(d, NULL);
			return true;
		case H1_TRUNCATED:
		case H1_ERROR:
			say_error(o, k == H1_ERROR ? "error" : "truncated", &ev.err);
			assert(h1_dec_next(d, &ev) == k); /* for ever */
			return false;
		case H1_DATA:
			break;
		}
	}
}

/* `methods`: of the requests that responses answer, in order, as one letter each: G, H (HEAD) or C (CONNECT). */
KIT void h1_transcript(struct buf *o, const struct alloc *al, enum h1_role role, const char *methods,
	const struct h1_limits *lim, struct bytes in, struct cuts cuts, bool eof)
{
	struct h1_dec d;
	struct body b = {.open = false};
	struct buf rest;
	struct lent l = {NULL, 0};
	size_t pos = 0;
	bool more = true;
	buf_init(&b.b, &alloc_libc, SIZE_MAX);
	buf_init(&rest, &alloc_libc, SIZE_MAX);
	h1_dec_init(&d, al, role, lim);
	for (; methods != NULL && *methods; methods++)
		h1_dec_expect(&d, *methods == 'H'   ? BYTES_LIT("HEAD")
				  : *methods == 'C' ? BYTES_LIT("CONNECT")
						    : BYTES_LIT("GET"));
	while (more && pos < in.n) {
		h1_dec_feed(&d, lend(&l, cuts_next(&cuts, in, &pos)));
		more = h1_events(&d, o, &b, &rest);
		take_back(&l);
		struct h1_idle idle;
		if (more && cuts.park && h1_dec_park(&d, &idle))
			h1_dec_unpark(&d, al, role, lim, &idle);
	}
	if (more && eof) {
		h1_dec_eof(&d);
		more = h1_events(&d, o, &b, &rest);
	}
	body_flush(o, &b);
	if (more)
		say(o, "busy=%d\n", h1_dec_busy(&d));
	h1_dec_fini(&d);
	buf_fini(&b.b);
	buf_fini(&rest);
}

KIT bool sse_events(struct sse_dec *d, struct buf *o)
{
	struct sse_ev ev;
	for (;;) {
		enum sse_ev_kind k = sse_dec_next(d, &ev);
		switch (k) {
		case SSE_NEED:
			return true;
		case SSE_LINE:
			say(o, "line %s off=%llu name=%u value=%llu+%u", sse_field_name(ev.line.field),
				(unsigned long long)ev.line.off, (unsigned)ev.line.name_len,
				(unsigned long long)ev.line.value_off, (unsigned)ev.line.value_len);
			break;
		case SSE_COMMENT:
			say(o, "comment");
			say_bytes(o, "text", ev.data);
			break;
		case SSE_RETRY:
			say(o, "retry %llu", (unsigned long long)ev.retry_ms);
			break;
		case SSE_EVENT:
			say(o, "event lines=%u", (unsigned)ev.n_data_lines);
			say_bytes(o, "type", ev.type);
			say_bytes(o, "data", ev.data);
			say_bytes(o, "id", ev.id);
			break;
		case SSE_ID:
			say(o, "id");
			say_bytes(o, "id", ev.id);
			break;
		case SSE_END:
			say(o, "end dropped=%d", ev.dropped);
			say_bytes(o, "last_id", sse_dec_last_id(d));
			say(o, "\n");
			return false;
		case SSE_ERROR:
			say_error(o, "error", &ev.err);
			assert(sse_dec_next(d, &ev) == SSE_ERROR);
			return false;
		}
		say(o, " off=%llu len=%llu\n", (unsigned long long)ev.off, (unsigned long long)ev.len);
	}
}

/* Puts the decoder away if it can be; what is the caller's business, offset and last event ID, goes on by hand. */
KIT void sse_repark(struct sse_dec *d, const struct alloc *al, const struct sse_limits *lim, unsigned want)
{
	bool begun;
	uint64_t off = d->off;
	struct buf id;
	buf_init(&id, &alloc_libc, SIZE_MAX);
	buf_add(&id, sse_dec_last_id(d));
	if (sse_dec_park(d, &begun)) {
		sse_dec_unpark(d, al, lim, want, begun);
		d->off = off;
		bool ok = sse_dec_set_last_id(d, buf_bytes(&id));
		assert(ok);
		(void)ok;
	}
	buf_fini(&id);
}

KIT void sse_transcript(struct buf *o, const struct alloc *al, const struct sse_limits *lim, unsigned want,
	struct bytes in, struct cuts cuts)
{
	struct sse_dec d;
	struct lent l = {NULL, 0};
	size_t pos = 0;
	bool more = true;
	sse_dec_init(&d, al, lim, want);
	while (more && pos < in.n) {
		sse_dec_feed(&d, lend(&l, cuts_next(&cuts, in, &pos)));
		more = sse_events(&d, o);
		take_back(&l);
		if (more && cuts.park)
			sse_repark(&d, al, lim, want);
	}
	if (more) {
		sse_dec_eof(&d);
		sse_events(&d, o);
	}
	sse_dec_fini(&d);
}

KIT bool ws_events(struct ws_dec *d, struct buf *o)
{
	struct ws_ev ev;
	static const char *const names[] = {
		"need", "frame", "message", "ping", "pong", "close", "closed", "error"};
	for (;;) {
		enum ws_ev_kind k = ws_dec_next(d, &ev);
		switch (k) {
		case WS_NEED:
			return true;
		case WS_FRAME:
			say(o, "frame off=%llu hdr=%d pay=%llu+%llu fin=%d rsv=%d op=%d mask=%d",
				(unsigned long long)ev.frame.off, ev.frame.hdr_len,
				(unsigned long long)ev.frame.pay_off, (unsigned long long)ev.frame.pay_len,
				ev.frame.fin, ev.frame.rsv, ev.frame.op, ev.frame.mask);
			say_bytes(o, "key", (struct bytes){ev.frame.key, 4});
			say(o, "\n");
			break;
		case WS_CLOSED:
			say(o, "closed\n");
			return false;
		case WS_ERROR:
			say_error(o, "error", &ev.err);
			assert(ws_dec_next(d, &ev) == WS_ERROR);
			return false;
		default:
			say(o, "%s off=%llu len=%llu op=%d z=%d frames=%u wire=%llu code=%d", names[k],
				(unsigned long long)ev.off, (unsigned long long)ev.len, ev.op, ev.compressed,
				(unsigned)ev.n_frames, (unsigned long long)ev.wire_octets, ev.code);
			say_bytes(o, "data", ev.data);
			say(o, "\n");
		}
	}
}

KIT void ws_transcript(struct buf *o, const struct alloc *al, enum ws_role role, const struct ws_limits *lim,
	const struct ws_pmd *pmd, struct bytes in, struct cuts cuts)
{
	struct ws_dec d;
	struct lent l = {NULL, 0};
	size_t pos = 0;
	bool more = true;
	ws_dec_init(&d, al, role, lim, pmd);
	while (more && pos < in.n) {
		ws_dec_feed(&d, lend(&l, cuts_next(&cuts, in, &pos)));
		more = ws_events(&d, o);
		take_back(&l);
		uint64_t off;
		if (more && cuts.park && ws_dec_park(&d, &off)) {
			ws_dec_init(&d, al, role, lim, pmd);
			d.off = off;
		}
	}
	if (more)
		say(o, "busy=%d\n", ws_dec_busy(&d));
	ws_dec_fini(&d);
}

/* ---- seeds: the first octet of a fuzz input says how to decode the others ----------------------------------------- */

enum {
	SEED_RESPONSES = 1,
	SEED_EOF = 2,
	SEED_METHODS = 12, /* >> 2: none, HEAD, CONNECT, GET HEAD GET */
	SEED_TIGHT = 16,   /* small limits */
	SEED_LINES = 1,
	SEED_CLIENT = 1,
	SEED_PMD = 2,
	SEED_NCT = 4,
	SEED_BITS9 = 8,
};

KIT void seed_http1(struct buf *o, const struct alloc *al, struct bytes seed, struct cuts cuts)
{
	static const char *const methods[] = {"", "H", "C", "GHG"};
	static const struct h1_limits tight = {40, 90, 3, 8, 1, 12};
	uint8_t f = seed.n > 0 ? seed.p[0] : 0;
	struct bytes in = seed.n > 0 ? bytes_sub(seed, 1, seed.n - 1) : seed;
	h1_transcript(o, al, f & SEED_RESPONSES ? H1_RESPONSES : H1_REQUESTS,
		methods[(f & SEED_METHODS) >> 2], f & SEED_TIGHT ? &tight : NULL, in, cuts, f & SEED_EOF);
}

KIT void seed_sse(struct buf *o, const struct alloc *al, struct bytes seed, struct cuts cuts)
{
	static const struct sse_limits tight = {20, 30, 5};
	uint8_t f = seed.n > 0 ? seed.p[0] : 0;
	struct bytes in = seed.n > 0 ? bytes_sub(seed, 1, seed.n - 1) : seed;
	sse_transcript(o, al, f & SEED_TIGHT ? &tight : NULL, f & SEED_LINES ? SSE_WANT_LINES : 0, in, cuts);
}

KIT void seed_ws(struct buf *o, const struct alloc *al, struct bytes seed, struct cuts cuts)
{
	static const struct ws_limits tight = {100, 3}, wide = {1u << 20, 1000};
	uint8_t f = seed.n > 0 ? seed.p[0] : 0;
	struct bytes in = seed.n > 0 ? bytes_sub(seed, 1, seed.n - 1) : seed;
	struct ws_pmd pmd = {.on = f & SEED_PMD,
		.no_context_takeover = f & SEED_NCT,
		.window_bits = f & SEED_BITS9 ? 9 : 15};
	ws_transcript(o, al, f & SEED_CLIENT ? WS_CLIENT : WS_SERVER, f & SEED_TIGHT ? &tight : &wide, &pmd,
		in, cuts);
}

typedef void kit_seed(struct buf *o, const struct alloc *al, struct bytes seed, struct cuts cuts);

/* The transcript of a seed, as a buffer the caller gives back. */
KIT struct buf kit_run(kit_seed *run, const struct alloc *al, struct bytes seed, struct cuts cuts)
{
	struct buf o;
	buf_init(&o, &alloc_libc, SIZE_MAX);
	run(&o, al, seed, cuts);
	return o;
}

#endif
