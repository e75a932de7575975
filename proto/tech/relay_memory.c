/*
 * relay_memory: what relays made of slices of blobs before.
 *
 * Thousands of clients send the same request, which lies in one blob, and get the same answer or the same event. A blob never
 * changes, and a relay with nothing under way is described by a few words. So if a slice was once passed on by a relay in
 * this state, and all that came of it was a message, or a piece of one, written to the other side, the next relay in
 * the same state writes the same blob and is left in the same state. The other side is handed one blob again, so that the
 * endpoints' own memories (reader.h) work behind a proxy too.
 *
 *	request   (slice, parked decoder, mind) ─▶ written upstream, mind, expected answer
 *	response  (slice, parked decoder, mind) ─▶ written to the client, mind, parked decoder
 *
 * Everything else goes through the decoders: messages in several slices, notes, whatever is kept back, ends a
 * connection or breaks a rule. Tests hold both ways against each other.
 */
#include "proto/tech/relay_int.h"

#include <string.h>

#define SEEN 8 /* slices remembered, for each leg */

struct seen {
	struct slice in; /* owns a reference; no blob: free */
	struct relay_mind before, after;
	struct relay_parked dec_before, dec_after;
	struct blob *out; /* owned; what was written to the other leg. NULL: nothing */
	bool again;       /* a request that may be sent once more */
};

struct relay_memory {
	const struct alloc *al;
	struct {
		uint32_t turn, latest;
		struct seen v[SEEN];
	} leg[2];
};

void relay_common_forget(struct relay_common *c)
{
	struct relay_memory *m = c->memory;
	for (unsigned leg = 0; m && leg < 2; leg++)
		for (unsigned i = 0; i < SEEN; i++) {
			blob_unref(m->leg[leg].v[i].in.blob);
			blob_unref(m->leg[leg].v[i].out);
		}
	if (m)
		alloc_put(m->al, m, sizeof *m);
	c->memory = NULL;
}

struct relay_before relay_before(const struct relay *r)
{
	return (struct relay_before){!r->works, r->m, r->dec};
}

static bool same_parked(const struct relay_parked *a, const struct relay_parked *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static bool matches(const struct seen *s, const struct relay *r, struct slice in)
{
	return s->in.blob == in.blob && s->in.off == in.off && s->in.len == in.len &&
	       memcmp(&s->before, &r->m, sizeof r->m) == 0 && same_parked(&s->dec_before, &r->dec);
}

/* What came of that slice in this state, NULL: not known. Mostly the one asked for last. */
static const struct seen *find(struct relay *r, unsigned leg, struct slice in)
{
	struct relay_memory *m = r->cfg->common ? r->cfg->common->memory : NULL;
	if (!m || !in.blob)
		return NULL;
	const struct seen *v = m->leg[leg].v;
	if (matches(&v[m->leg[leg].latest], r, in))
		return &v[m->leg[leg].latest];
	for (uint32_t i = 1; i < SEEN; i++) {
		uint32_t at = (m->leg[leg].latest + i) % SEEN;
		if (matches(&v[at], r, in)) {
			m->leg[leg].latest = at;
			return &v[at];
		}
	}
	return NULL;
}

/* Is it to be looked for there? */
static bool remembers(const struct relay *r)
{
	return !r->works && !(r->cfg->common && r->cfg->common->off);
}

/* The relay is left as the other one was. */
static void go_on(struct relay *r, const struct seen *s, int64_t now_ns)
{
	r->m = s->after;
	r->dec = s->dec_after;
	r->last_ns = now_ns;
}

static void put_again(struct relay *r, unsigned leg, struct blob *b)
{
	if (b)
		relay_put(r, leg, slice_of(blob_ref(b)));
}

bool relay_recall(struct relay *r, unsigned leg, struct slice in, int64_t now_ns)
{
	const struct seen *s = remembers(r) ? find(r, leg, in) : NULL;
	if (!s)
		return false;
	if (leg == RELAY_CLIENT) {
		if (s->again)
			r->u.again = blob_ref(s->out);
		relay_open_upstream(r, false);
		put_again(r, RELAY_UPSTREAM, s->out);
	} else {
		put_again(r, RELAY_CLIENT, s->out);
		if (s->after.state == ST_IDLE)
			relay_let_upstream(r, false);
	}
	go_on(r, s, now_ns);
	return true;
}

bool relay_pass(struct relay *r, unsigned leg, struct slice data, int64_t now_ns, struct slice *out)
{
	const bool tunnel = r->m.state == ST_TUNNEL;
	if (r->oom || r->ended || !r->up_open || !data.len || !remembers(r))
		return false;
	if (tunnel) {
		*out = (struct slice){blob_ref(data.blob), data.off, data.len};
		r->last_ns = now_ns;
		return true;
	}
	if (leg == RELAY_UPSTREAM && r->m.state == ST_IDLE)
		return false;
	const struct seen *s = find(r, leg, data);
	bool ends = s && leg == RELAY_UPSTREAM && s->after.state == ST_IDLE;
	if (!s || !s->out || (ends && (r->m.up_close || r->cfg->shared)))
		return false;
	if (leg == RELAY_UPSTREAM) { /* nobody needs to ask once more */
		blob_unref(r->u.again);
		r->u.again = NULL;
		r->up_used |= ends;
	} else if (s->again) {
		r->u.again = blob_ref(s->out);
	}
	*out = slice_of(blob_ref(s->out));
	go_on(r, s, now_ns);
	return true;
}

/* All that was put out is one write to `to`, with what goes with it. *out: what was written, borrowed. */
static bool ordinary(const struct relay *r, unsigned to, struct blob **out)
{
	const struct relay_work *w = relay_busy(r);
	*out = NULL;
	for (uint32_t i = 0; w && i < w->out_n; i++) {
		const struct relay_out *o = &w->out[i];
		bool opens = o->kind == RELAY_OPEN && to == RELAY_UPSTREAM && !o->a && i == 0;
		bool spares = o->kind == RELAY_SPARE && to == RELAY_CLIENT && i + 1 == w->out_n;
		bool writes = o->kind == RELAY_WRITE && o->leg == to && !*out && !o->data.off &&
			      o->data.len == o->data.blob->len;
		if (!opens && !spares && !writes)
			return false;
		if (writes)
			*out = o->data.blob;
	}
	return true;
}

static struct relay_memory *memory_of(struct relay *r)
{
	struct relay_common *c = r->cfg->common;
	if (!c || c->off)
		return NULL;
	if (!c->memory && (c->memory = alloc_get(r->cfg->al, sizeof *c->memory))) {
		memset(c->memory, 0, sizeof *c->memory);
		c->memory->al = r->cfg->al;
	}
	return c->memory;
}

void relay_remember(struct relay *r, unsigned leg, struct slice in, const struct relay_before *b)
{
	struct relay_memory *m = b->parked && in.blob && !r->oom && !r->ended ? memory_of(r) : NULL;
	struct blob *out, *again = *relay_again(r);
	bool asked = leg == RELAY_CLIENT && b->m.state == ST_IDLE && r->m.state == ST_ANSWER,
	     told = leg == RELAY_UPSTREAM && b->m.state == ST_ANSWER &&
		    (r->m.state == ST_ANSWER || r->m.state == ST_IDLE);
	if (!m || !(asked || told) || !relay_park(r) || !ordinary(r, !leg, &out))
		return;
	if (asked && (!out || (again && again != out)))
		return;
	struct seen *s = &m->leg[leg].v[m->leg[leg].latest = m->leg[leg].turn++ % SEEN];
	blob_unref(s->in.blob);
	blob_unref(s->out);
	blob_ref(in.blob);
	*s = (struct seen){.in = in,
		.before = b->m,
		.after = r->m,
		.dec_before = b->dec,
		.dec_after = r->dec,
		.out = out ? blob_ref(out) : NULL,
		.again = asked && again};
}
