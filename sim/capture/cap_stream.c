/*
 * Passive TCP reassembly (RFC 9293 3.4), after the fact: all segments of a direction are known, so they are sorted by
 * offset and swept once. Among segments that cover an octet the earliest captured wins; a heap gives it.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/capture/cap_stream.h"
#include "sim/core/xmalloc.h"

struct seg {
	int64_t from, to;
	uint32_t pkt;
};

static int seg_cmp(const void *a, const void *b)
{
	const struct seg *x = a, *y = b;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->pkt < y->pkt ? -1 : x->pkt > y->pkt;
}

struct heap {
	struct seg *v;
	uint32_t n;
};

static void heap_push(struct heap *h, struct seg s)
{
	uint32_t i = h->n++;
	while (i && h->v[(i - 1) / 2].pkt > s.pkt) {
		h->v[i] = h->v[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	h->v[i] = s;
}

static void heap_pop(struct heap *h)
{
	struct seg s = h->v[--h->n];
	uint32_t i = 0;
	for (;;) {
		uint32_t k = 2 * i + 1;
		if (k >= h->n)
			break;
		if (k + 1 < h->n && h->v[k + 1].pkt < h->v[k].pkt)
			k++;
		if (h->v[k].pkt >= s.pkt)
			break;
		h->v[i] = h->v[k];
		i = k;
	}
	h->v[i] = s;
}

static uint32_t collect(const struct capture *c, const struct cap_flow *f, struct seg **out)
{
	uint32_t n = 0, k = 0;
	for (uint32_t i = f->first; i != CAP_NONE; i = c->pkt[i].next)
		n++;
	struct seg *v = xmalloc((n + 1u) * sizeof *v);
	bool sorted = true;
	for (uint32_t i = f->first; i != CAP_NONE; i = c->pkt[i].next) {
		const struct cap_pkt *p = &c->pkt[i];
		int64_t from = p->soff;
		if (f->isn_known && from < 0)
			from = 0; /* before the first octet: a keep-alive's */
		v[k] = (struct seg){from, p->soff + p->data_cap, i};
		if (v[k].to <= from)
			continue;
		if (k && v[k].from < v[k - 1].from)
			sorted = false;
		k++;
	}
	if (!sorted)
		qsort(v, k, sizeof *v, seg_cmp);
	*out = v;
	return k;
}

static void run_add(struct cap_stream *s, uint64_t len, uint32_t src, uint32_t src_off, struct cap_at at)
{
	struct cap_run *last = s->nruns ? &s->run[s->nruns - 1] : NULL;
	if (last && last->src == src && last->at.pkt == at.pkt &&
		(src == CAP_NONE || last->src_off + last->len == src_off)) {
		last->len += len;
		return;
	}
	struct cap_run *r = CAP_PUSH(s->run, s->nruns, s->run_cap);
	*r = (struct cap_run){s->n, len, src, src_off, at};
}

static bool room(struct capture *c, struct cap_stream *s, uint64_t len)
{
	if (s->n + len > CAP_STREAM_MAX) {
		c->limit = "CAP_STREAM_MAX";
		return false;
	}
	if (s->n + len > s->cap) {
		s->cap = s->cap + s->cap / 2 + (size_t)len + 256;
		s->p = xrealloc(s->p, s->cap);
	}
	return true;
}

/* Octets [pos, to) were never captured: zeros stand for them. */
static bool bridge(struct capture *c, struct cap_stream *s, uint64_t len, struct cap_at at)
{
	s->missing += len;
	if (len > CAP_GAP_MAX || c->gaps_bridged + len > CAP_GAPS_MAX || !room(c, s, len)) {
		s->cut = true;
		return false;
	}
	c->gaps_bridged += len;
	run_add(s, len, CAP_NONE, 0, at);
	memset(s->p + s->n, 0, (size_t)len);
	s->n += (size_t)len;
	return true;
}

static bool later(const struct capture *c, uint32_t pkt, struct cap_at at)
{
	return at.pkt == CAP_NONE || c->pkt[pkt].at > at.t || (c->pkt[pkt].at == at.t && pkt > at.pkt);
}

static void sweep(struct capture *c, struct cap_stream *s, const struct seg *v, uint32_t n, struct heap *h)
{
	int64_t pos = s->base;
	uint32_t i = 0;
	struct cap_at at = {0, CAP_NONE};
	for (;;) {
		while (i < n && v[i].from <= pos)
			heap_push(h, v[i++]);
		while (h->n && h->v[0].to <= pos)
			heap_pop(h);
		if (!h->n) {
			if (i == n)
				return;
			if (later(c, v[i].pkt, at))
				at = (struct cap_at){c->pkt[v[i].pkt].at, v[i].pkt};
			if (!bridge(c, s, (uint64_t)(v[i].from - pos), at))
				return;
			pos = v[i].from;
			continue;
		}
		struct seg top = h->v[0];
		int64_t to = i < n && v[i].from < top.to ? v[i].from : top.to;
		const struct cap_pkt *p = &c->pkt[top.pkt];
		if (later(c, top.pkt, at))
			at = (struct cap_at){p->at, top.pkt};
		uint64_t len = (uint64_t)(to - pos);
		if (!room(c, s, len))
			return;
		uint32_t src_off = p->data_off + (uint32_t)(pos - p->soff);
		run_add(s, len, top.pkt, src_off, at);
		memcpy(s->p + s->n, c->store + p->off + src_off, (size_t)len);
		s->n += (size_t)len;
		pos = to;
	}
}

void cap_stream_build(struct capture *c, uint32_t conn, unsigned dir, struct cap_stream *s)
{
	const struct cap_flow *f = &c->conn[conn].flow[dir];
	memset(s, 0, sizeof *s);
	s->p = xmalloc(1); /* never NULL: rest-of-stream pointers are made from it */
	s->cap = 1;
	s->ended = f->fin_pkt != CAP_NONE;
	struct seg *v = NULL;
	uint32_t n = collect(c, f, &v);
	if (n) {
		s->base = f->isn_known ? 0 : v[0].from;
		struct heap h = {xmalloc((n + 1u) * sizeof(struct seg)), 0};
		sweep(c, s, v, n, &h);
		xfree(h.v);
	}
	xfree(v);
}

void cap_stream_fini(struct cap_stream *s)
{
	xfree(s->p);
	xfree(s->run);
	memset(s, 0, sizeof *s);
}

const struct cap_run *cap_stream_run(struct cap_stream *s, uint64_t off)
{
	if (!s->nruns)
		return NULL;
	if (s->hint < s->nruns && s->run[s->hint].off <= off &&
		off - s->run[s->hint].off < s->run[s->hint].len)
		return &s->run[s->hint];
	uint32_t lo = 0, hi = s->nruns;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;
		if (s->run[mid].off <= off)
			lo = mid;
		else
			hi = mid;
	}
	s->hint = lo;
	return &s->run[lo];
}

struct cap_at cap_stream_at(struct cap_stream *s, uint64_t off)
{
	const struct cap_run *r = cap_stream_run(s, off);
	return r ? r->at : (struct cap_at){0, CAP_NONE};
}

bool cap_stream_gap(struct cap_stream *s, uint64_t off, uint64_t len)
{
	if (!s->missing || !len)
		return false;
	const struct cap_run *r = cap_stream_run(s, off);
	for (; r && r < s->run + s->nruns && r->off < off + len; r++)
		if (r->src == CAP_NONE)
			return true;
	return false;
}
