/*
 * relay_work: what a relay has only while something is under way. See relay_int.h.
 */
#include "proto/tech/relay_int.h"

#include <string.h>

/* What one input makes for one leg is written at once up to here; copying more would cost more than it saves. */
#define JOIN_MAX 16384u

/* ---- work -------------------------------------------------------------------------------------------------------- */

struct relay_work *relay_work(struct relay *r)
{
	struct relay_common *c = r->cfg->common;
	if (r->works)
		return r->u.work;
	struct relay_work *w = c ? c->spare : NULL;
	if (w) {
		c->spare = NULL;
	} else {
		w = alloc_get(r->cfg->al, sizeof *w);
		if (!w) {
			r->oom = true;
			return NULL;
		}
		*w = (struct relay_work){.trickle_ns = INT64_MAX};
		buf_init(&w->pend, r->cfg->al, RELAY_PENDING_MAX);
	}
	w->told_ns = INT64_MAX;
	w->again = r->u.again;
	r->works = true;
	return r->u.work = w;
}

static void work_put(const struct alloc *al, struct relay_work *w)
{
	alloc_put(al, w->out, w->out_cap * sizeof *w->out);
	alloc_put(al, w, sizeof *w);
}

void relay_common_fini(struct relay_common *c, const struct alloc *al)
{
	relay_common_forget(c);
	if (c->spare)
		work_put(al, c->spare);
	c->spare = NULL;
}

void relay_work_free(struct relay *r)
{
	struct relay_work *w = relay_busy(r);
	if (!w)
		return;
	for (uint32_t i = w->out_at; i < w->out_n; i++)
		if (w->out[i].kind == RELAY_WRITE)
			blob_unref(w->out[i].data.blob);
	for (uint32_t i = w->held_at; i < w->held_n; i++)
		blob_unref(w->held[i].data.blob);
	alloc_put(r->cfg->al, w->held, w->held_cap * sizeof *w->held);
	buf_fini(&w->pend);
	for (unsigned leg = 0; leg < 2; leg++)
		if (w->open[leg])
			h1_dec_fini(&w->dec[leg]);
	r->u.again = w->again;
	r->works = false;
	work_put(r->cfg->al, w);
}

/* ---- decoders ---------------------------------------------------------------------------------------------------- */

struct h1_dec *relay_decoder(struct relay *r, unsigned leg)
{
	struct relay_work *w = relay_work(r);
	const struct relay_parked p = leg == RELAY_UPSTREAM ? r->dec : (struct relay_parked){0};
	if (!w)
		return NULL;
	if (!w->open[leg]) {
		struct h1_idle idle = {
			.state = p.state, .flags = p.flags, .answers = p.answers, .n_answers = p.n_answers};
		h1_dec_unpark(&w->dec[leg], r->cfg->al, leg == RELAY_CLIENT ? H1_REQUESTS : H1_RESPONSES,
			NULL, &idle);
		w->open[leg] = true;
	}
	return &w->dec[leg];
}

void relay_decoder_clear(struct relay *r, unsigned leg)
{
	struct relay_work *w = relay_busy(r);
	if (w && w->open[leg]) {
		h1_dec_fini(&w->dec[leg]);
		w->open[leg] = false;
	}
	if (leg == RELAY_UPSTREAM)
		r->dec = (struct relay_parked){0};
}

static bool at_beginning(const struct h1_idle *i)
{
	return !(i->state | i->flags | i->answers | i->n_answers);
}

bool relay_park(struct relay *r)
{
	struct relay_work *w = relay_busy(r);
	for (unsigned leg = 0; w && leg < 2; leg++) {
		struct h1_idle idle;
		if (!w->open[leg])
			continue;
		if (!h1_dec_park(&w->dec[leg], &idle))
			return false;
		w->open[leg] = false;
		if (leg == RELAY_UPSTREAM)
			r->dec = (struct relay_parked){idle.state, idle.flags, idle.answers, idle.n_answers};
		else if (!at_beginning(&idle)) { /* a request has come in part */
			h1_dec_unpark(&w->dec[leg], r->cfg->al, H1_REQUESTS, NULL, &idle);
			w->open[leg] = true;
			return false;
		}
	}
	return !w || (!w->pend.n && !w->pend.failed && w->held_at == w->held_n && w->trickle_ns == INT64_MAX);
}

void relay_rest(struct relay *r)
{
	struct relay_work *w = relay_busy(r);
	struct relay_common *c = r->cfg->common;
	if (!w || w->out_at < w->out_n || !relay_park(r))
		return;
	if (!c || c->spare) {
		relay_work_free(r);
		return;
	}
	alloc_put(r->cfg->al, w->held, w->held_cap * sizeof *w->held);
	w->held = NULL;
	w->held_n = w->held_at = w->held_cap = w->held_octets = 0;
	w->out_at = w->out_n = 0;
	buf_fini(&w->pend);
	buf_init(&w->pend, r->cfg->al, RELAY_PENDING_MAX);
	r->u.again = w->again;
	r->works = false;
	w->again = NULL;
	c->spare = w;
}

/* ---- outputs ----------------------------------------------------------------------------------------------------- */

struct relay_out *relay_push(struct relay *r, enum relay_out_kind kind, unsigned leg)
{
	static const struct relay_out none;
	struct relay_work *w = relay_work(r);
	if (w && w->out_n == w->out_cap) {
		uint32_t cap = w->out_cap ? w->out_cap * 2 : 8;
		void *p = r->cfg->al->resize(
			r->cfg->al->ctx, w->out, w->out_cap * sizeof *w->out, cap * sizeof *w->out);
		if (!p) {
			r->oom = true;
			return NULL;
		}
		w->out = p;
		w->out_cap = cap;
	}
	if (!w)
		return NULL;
	struct relay_out *o = &w->out[w->out_n++];
	*o = none;
	o->kind = kind;
	o->leg = leg;
	return o;
}

void relay_put(struct relay *r, unsigned leg, struct slice s)
{
	bool writable = leg == RELAY_UPSTREAM ? r->up_open : !r->ended;
	struct relay_out *o = s.len && writable ? relay_push(r, RELAY_WRITE, leg) : NULL;
	if (o)
		o->data = s;
	else
		blob_unref(s.blob);
}

static bool joins(const struct relay_out *a, const struct relay_out *b)
{
	return a->kind == RELAY_WRITE && b->kind == RELAY_WRITE && a->leg == b->leg;
}

/* Outputs i..j-1, all writes to one leg, in one blob; NULL when out of memory. */
static struct blob *together(const struct relay *r, uint32_t i, uint32_t j, uint32_t octets)
{
	struct blob *b = blob_new_raw(r->cfg->al, octets);
	for (uint32_t at = 0; b && i < j; i++) {
		struct bytes piece = slice_bytes(r->u.work->out[i].data);
		memcpy(b->data + at, piece.p, piece.n);
		at += (uint32_t)piece.n;
	}
	return b;
}

void relay_join(struct relay *r, uint32_t at)
{
	struct relay_work *w = relay_busy(r);
	uint32_t to = at;
	if (!w || w->out_n - at < 2)
		return;
	for (uint32_t i = at, j; i < w->out_n; i = j) {
		uint32_t octets = w->out[i].data.len;
		for (j = i + 1; j < w->out_n && joins(&w->out[i], &w->out[j]) &&
				octets + w->out[j].data.len <= JOIN_MAX;
			j++)
			octets += w->out[j].data.len;
		struct blob *b = j > i + 1 ? together(r, i, j, octets) : NULL;
		for (uint32_t k = i; k < j; k++) {
			struct relay_out o = w->out[k];
			if (b)
				blob_unref(o.data.blob);
			if (!b || k == i)
				w->out[to] = o;
			if (b && k == i)
				w->out[to].data = slice_of(b);
			to += !b || k == i;
		}
	}
	w->out_n = to;
}
