/*
 * why: effects of a record as sibling lists over the cause pointers, drops by connection, and the walk.
 * See why.h for what is asked. Every step of a walk goes to a smaller id, so a walk ends.
 */
#include "sim/trace/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct why_index {
	const struct trace *tr;
	uint32_t *first, *next; /* effects by id; 0 ends */
	uint64_t *drop;         /* ids of PKT_DROP records, by (conn, id) */
	size_t ndrop;
	uint64_t *recv; /* ids of unit …_RECV records, by (conn, id) */
	size_t nrecv;
	uint64_t *forget; /* ids of NAT_FORGET records, by id */
	size_t nforget;
};

static void *must(void *p)
{
	if (!p) {
		fputs("backtalk: out of memory (why)\n", stderr);
		abort();
	}
	return p;
}

static bool unit_send(unsigned k)
{
	return k == TRACE_HTTP_REQUEST_SEND || k == TRACE_HTTP_RESPONSE_SEND || k == TRACE_SSE_EVENT_SEND ||
	       k == TRACE_SSE_COMMENT_SEND || k == TRACE_WS_FRAME_SEND || k == TRACE_UNIT_SEND;
}

/* kinds.def keeps each …_RECV right after its …_SEND */
static bool unit_recv(unsigned k)
{
	return k && unit_send(k - 1);
}

/* Counting sort by connection keeps rising ids within each. */
static uint64_t *by_conn(const struct trace *tr, bool (*want)(unsigned), size_t *n)
{
	size_t *start = must(calloc(tr->nconn + 2u, sizeof *start));
	size_t count = 0;
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (want(tr->rec[i].kind) && tr->rec[i].conn < tr->nconn) {
			start[tr->rec[i].conn + 1]++;
			count++;
		}
	for (uint32_t c = 0; c < tr->nconn; c++)
		start[c + 1] += start[c];
	uint64_t *ids = must(malloc((count ? count : 1) * sizeof *ids));
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (want(tr->rec[i].kind) && tr->rec[i].conn < tr->nconn)
			ids[start[tr->rec[i].conn]++] = i + 1;
	free(start);
	*n = count;
	return ids;
}

static bool is_drop(unsigned k)
{
	return k == TRACE_PKT_DROP;
}

static void link_effects(struct why_index *ix)
{
	const struct trace *tr = ix->tr;
	ix->first = must(calloc(tr->nrec + 1, sizeof *ix->first));
	ix->next = must(calloc(tr->nrec + 1, sizeof *ix->next));
	for (uint64_t id = tr->nrec; id; id--) { /* from the end, so that lists come out rising */
		uint64_t c = tr->rec[id - 1].cause;
		if (!c || c >= id)
			continue;
		ix->next[id] = ix->first[c];
		ix->first[c] = (uint32_t)id;
	}
}

struct why_index *why_index_new(const struct trace *tr)
{
	struct why_index *ix = must(calloc(1, sizeof *ix));
	ix->tr = tr;
	link_effects(ix);
	ix->drop = by_conn(tr, is_drop, &ix->ndrop);
	ix->recv = by_conn(tr, unit_recv, &ix->nrecv);
	for (uint64_t i = 0; i < tr->nrec; i++)
		ix->nforget += tr->rec[i].kind == TRACE_NAT_FORGET;
	ix->forget = must(malloc((ix->nforget ? ix->nforget : 1) * sizeof *ix->forget));
	size_t n = 0;
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (tr->rec[i].kind == TRACE_NAT_FORGET)
			ix->forget[n++] = i + 1;
	return ix;
}

void why_index_free(struct why_index *ix)
{
	if (!ix)
		return;
	free(ix->first);
	free(ix->next);
	free(ix->drop);
	free(ix->recv);
	free(ix->forget);
	free(ix);
}

uint64_t why_first_effect(const struct why_index *ix, uint64_t id)
{
	return id <= ix->tr->nrec ? ix->first[id] : 0;
}

uint64_t why_next_effect(const struct why_index *ix, uint64_t id)
{
	return id <= ix->tr->nrec ? ix->next[id] : 0;
}

uint64_t why_packet_fate(const struct why_index *ix, uint64_t send_id)
{
	for (uint64_t e = why_first_effect(ix, send_id); e; e = why_next_effect(ix, e)) {
		unsigned k = ix->tr->rec[e - 1].kind;
		if (k == TRACE_PKT_RECV || k == TRACE_PKT_DROP)
			return e;
	}
	return 0;
}

/* First index with this connection and an id above `id`. */
static size_t after_id(const struct trace *tr, const uint64_t *ids, size_t n, uint32_t conn, uint64_t id)
{
	size_t lo = 0, hi = n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct trace_rec *r = &tr->rec[ids[mid] - 1];
		if (r->conn < conn || (r->conn == conn && r->id <= id))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static unsigned dir_of(const struct trace_rec *r)
{
	return r->flags & (TRACE_UP | TRACE_DOWN);
}

/* The first packet of r's connection and direction lost with some of r's octets, before record `limit`. */
static uint64_t first_drop(
	const struct why_index *ix, const struct trace_rec *r, uint64_t after, uint64_t limit)
{
	const struct trace *tr = ix->tr;
	if (!r->conn || !r->slen)
		return 0;
	for (size_t i = after_id(tr, ix->drop, ix->ndrop, r->conn, after); i < ix->ndrop; i++) {
		const struct trace_rec *d = &tr->rec[ix->drop[i] - 1];
		if (d->conn != r->conn || d->id >= limit)
			break;
		if (dir_of(d) == dir_of(r) && d->slen && d->soff < r->soff + r->slen &&
			r->soff < d->soff + d->slen)
			return d->id;
	}
	return 0;
}

uint64_t why_unit_fate(const struct why_index *ix, uint64_t id, uint64_t *drop)
{
	const struct trace *tr = ix->tr;
	const struct trace_rec *r = trace_get(tr, id);
	if (drop)
		*drop = 0;
	if (!r || !unit_send(r->kind) || !r->conn)
		return 0;
	uint64_t found = 0;
	/* receptions of a connection stand by rising id: those before the sending need not be looked at, and a
	 * stream is read in order, so one from further on in it ends the search */
	for (size_t i = after_id(tr, ix->recv, ix->nrecv, r->conn, id); i < ix->nrecv && !found; i++) {
		const struct trace_rec *x = &tr->rec[ix->recv[i] - 1];
		if (x->conn != r->conn || (dir_of(x) == dir_of(r) && x->soff > r->soff))
			break;
		if (x->kind == r->kind + 1 && dir_of(x) == dir_of(r) && x->soff == r->soff)
			found = x->id;
	}
	if (drop)
		*drop = first_drop(ix, r, id, found ? found : UINT64_MAX);
	return found;
}

/* The last time this box forgot the mapping of this connection before `r`. */
static uint64_t forgotten(const struct why_index *ix, const struct trace_rec *r)
{
	for (size_t i = ix->nforget; i-- > 0;) {
		const struct trace_rec *f = &ix->tr->rec[ix->forget[i] - 1];
		if (f->id < r->id && f->conn == r->conn && (f->node == r->node || f->node == r->peer))
			return f->id;
	}
	return 0;
}

static bool nat_reason(unsigned reason)
{
	return reason == REASON_NAT_NO_MAPPING || reason == REASON_NAT_STRICT_TCP ||
	       reason == REASON_NAT_RESET_INSIDE || reason == REASON_NAT_NEVER_MAPPED;
}

/* One step back; always to a smaller id, 0 at the root. */
static uint64_t step(const struct why_index *ix, const struct trace_rec *r)
{
	uint64_t to = 0;
	if (r->kind == TRACE_TCP_RTO || r->kind == TRACE_TCP_RETRANSMIT ||
		r->kind == TRACE_TCP_FAST_RETRANSMIT)
		to = first_drop(ix, r, 0, r->id);
	else if ((r->kind == TRACE_PKT_DROP || r->kind == TRACE_NAT_RESET) && nat_reason(r->reason))
		to = forgotten(ix, r);
	if (!to)
		to = r->cause;
	return to < r->id ? to : 0;
}

/* Does the record tell a person something, or is it only the road? */
static bool tells(const struct trace_rec *r)
{
	if (r->reason)
		return true;
	switch (r->kind) {
	case TRACE_PKT_SEND:
	case TRACE_PKT_RECV:
	case TRACE_TCP_STATE:
	case TRACE_TCP_CWND:
	case TRACE_TCP_OUT_OF_ORDER:
		return false;
	default:
		return true;
	}
}

size_t why_chain(const struct why_index *ix, uint64_t id, uint64_t *chain, size_t max)
{
	size_t n = 0;
	uint64_t at = id;
	while (at && n < max) {
		const struct trace_rec *r = trace_get(ix->tr, at);
		if (!r)
			break;
		if (at == id || tells(r))
			chain[n++] = at;
		at = step(ix, r);
	}
	return n;
}

uint64_t why_root(const struct why_index *ix, uint64_t id)
{
	uint64_t root = 0;
	for (uint64_t at = id; at;) {
		const struct trace_rec *r = trace_get(ix->tr, at);
		if (!r)
			break;
		if (*trace_reason_def((enum trace_reason)r->reason)->param)
			root = at;
		at = step(ix, r);
	}
	return root;
}
