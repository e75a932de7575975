/*
 * reader: see reader.h for the model.
 */
#include "proto/tech/reader.h"

#include "proto/tech/tech_int.h"

#include <string.h>

/* ---- decoders and idle words ----------------------------------------------------------------------------- */

static void open_fini(struct tech_open *o)
{
	if (o->what == TECH_READ_FRAMES)
		ws_dec_fini(&o->ws);
	else
		h1_dec_fini(&o->h1);
	if (o->what == TECH_READ_EVENTS)
		sse_dec_fini(&o->sse);
	buf_fini(&o->body);
}

static struct h1_idle h1_of(const struct tech_idle *i)
{
	return (struct h1_idle){.off = i->off,
		.body = i->begun,
		.state = i->state,
		.flags = i->flags,
		.answers = i->answers,
		.n_answers = i->n_answers};
}

static struct tech_idle idle_of(const struct h1_idle *i)
{
	return (struct tech_idle){.off = i->off,
		.state = i->state,
		.flags = i->flags,
		.answers = i->answers,
		.n_answers = i->n_answers,
		.begun = i->body > 0};
}

void tech_spare_fini(struct tech_spare *s, const struct alloc *al)
{
	alloc_put(al, s->open, sizeof *s->open);
	s->open = NULL;
}

struct tech_open *tech_reader_open(struct tech_reader *r, const struct alloc *al, struct tech_spare *spare,
	enum tech_reading what, enum h1_role role)
{
	struct tech_open *o = tech_reader_decoders(r);
	if (o)
		return o;
	o = spare->open ? spare->open : alloc_get(al, sizeof *o);
	if (!o)
		return NULL;
	spare->open = NULL;
	o->what = what;
	o->block_off = UINT64_MAX;
	o->base = 0;
	o->msg_off = o->body_left = 0;
	o->want = (struct tech_want){0};
	if (what == TECH_READ_FRAMES) {
		ws_dec_init(&o->ws, al, role == H1_REQUESTS ? WS_SERVER : WS_CLIENT, NULL, NULL);
		o->base = r->idle.off;
	} else {
		const struct h1_idle idle = h1_of(&r->idle);
		h1_dec_unpark(&o->h1, al, role, NULL, &idle);
	}
	if (what == TECH_READ_EVENTS)
		sse_dec_unpark(&o->sse, al, NULL, 0, r->idle.begun);
	buf_init(&o->body, al, role == H1_REQUESTS ? TECH_POST_BODY_MAX : TECH_BODY_MAX);
	r->idle = (struct tech_idle){.off = (uintptr_t)o, .owned = true};
	return o;
}

void tech_reader_events(struct tech_open *o, const struct alloc *al)
{
	o->what = TECH_READ_EVENTS;
	o->base = 0;
	o->block_off = UINT64_MAX;
	sse_dec_init(&o->sse, al, NULL, 0);
}

/* Ends the decoders if nothing is under way in them; *idle gets what is left to remember. Of an event stream that is
 * whether it has begun, which the octets of the body tell, and the last event ID, which is c->since. */
static bool park(struct tech_open *o, struct tech_idle *idle)
{
	struct h1_idle left = {0};
	bool begun;
	if (o->body.n > 0 || o->block_off != UINT64_MAX || (o->what == TECH_READ_HTTP && h1_dec_busy(&o->h1)))
		return false;
	if (o->what == TECH_READ_FRAMES) {
		if (!ws_dec_park(&o->ws, &left.off))
			return false;
		left.off += o->base;
	} else if (!h1_dec_park(&o->h1, &left)) {
		return false;
	}
	if (o->what == TECH_READ_EVENTS && !sse_dec_park(&o->sse, &begun))
		return false;
	*idle = idle_of(&left);
	return true;
}

void tech_reader_rest(struct tech_reader *r, const struct alloc *al, struct tech_spare *spare)
{
	struct tech_open *o = tech_reader_decoders(r);
	if (!o || !park(o, &r->idle))
		return;
	buf_fini(&o->body);
	if (spare->open)
		alloc_put(al, o, sizeof *o);
	else
		spare->open = o;
}

static void drop(struct tech_reader *r, const struct alloc *al)
{
	struct tech_open *o = tech_reader_decoders(r);
	if (!o)
		return;
	open_fini(o);
	alloc_put(al, o, sizeof *o);
	r->idle = (struct tech_idle){0};
}

void tech_reader_clear(struct tech_reader *r, const struct alloc *al)
{
	drop(r, al);
	r->idle = (struct tech_idle){0};
}

void tech_reader_switch(struct tech_reader *r, const struct alloc *al, uint64_t off)
{
	drop(r, al);
	r->idle = (struct tech_idle){.off = off};
}

void tech_reader_expect(struct tech_reader *r, struct bytes method)
{
	struct tech_open *o = tech_reader_decoders(r);
	if (o)
		h1_dec_expect(&o->h1, method);
	else {
		struct h1_idle idle = {.answers = r->idle.answers, .n_answers = r->idle.n_answers};
		h1_idle_expect(&idle, method);
		r->idle.answers = idle.answers;
		r->idle.n_answers = idle.n_answers;
	}
}

void tech_reader_skip(struct tech_reader *r, uint32_t len)
{
	struct h1_idle idle = {.off = r->idle.off, .state = r->idle.state};
	h1_idle_skip(&idle, len);
	r->idle.off = idle.off;
	r->idle.flags = idle.flags;
}

bool tech_reader_busy(const struct tech_reader *r)
{
	const struct tech_open *o = tech_reader_decoders(r);
	return o && o->what != TECH_READ_FRAMES && h1_dec_busy(&o->h1);
}

/* ---- what was said --------------------------------------------------------------------------------------------- */

void tech_memory_fini(struct tech_memory *m)
{
	for (unsigned i = 0; i < TECH_SEEN; i++) {
		blob_unref(m->seen[i].in.blob);
		m->seen[i].in = SLICE_NONE;
	}
}

static bool matches(
	const struct tech_seen *s, enum tech_reading what, const struct tech_reader *r, struct slice in)
{
	return s->in.blob == in.blob && s->in.off == in.off && s->in.len == in.len && s->what == what &&
	       tech_idle_same(&s->before, &r->idle);
}

const struct tech_seen *tech_seen_find(
	struct tech_memory *m, enum tech_reading what, const struct tech_reader *r, struct slice in)
{
	if (!in.blob || r->idle.owned || m->off)
		return NULL;
	if (matches(&m->seen[m->latest], what, r, in))
		return &m->seen[m->latest];
	for (uint32_t i = 0; i < TECH_SEEN; i++)
		if (matches(&m->seen[i], what, r, in)) {
			m->latest = i;
			return &m->seen[i];
		}
	return NULL;
}

bool tech_recall(struct tech_memory *m, enum tech_reading what, struct tech_reader *r, struct slice in,
	struct tech_outs *q, struct tech_said *said)
{
	const struct tech_seen *s = tech_seen_find(m, what, r, in);
	if (!s)
		return false;
	for (uint32_t i = 0; i < s->n_outs; i++) {
		const struct tech_seen_out *from = &s->out[i];
		struct tech_out *o = tech_push(q, (enum tech_out_kind)from->kind, TECH_MAIN);
		if (!o)
			break;
		o->unit = (uint8_t)from->unit;
		o->off = from->kind == TECH_OUT_UNIT ? r->idle.off + from->off : 0;
		o->len = from->len;
		o->id = from->id;
		o->n = from->n;
		o->n_msgs = from->n_msgs;
		o->size = from->size;
		o->status = from->status;
	}
	tech_seen_skip(r, s);
	*said = s->said;
	return true;
}

/* The outputs q->v[at..] in short. False when there are too many, or others than units and messages. */
static bool note_outs(struct tech_seen *s, const struct tech_outs *q, size_t at, uint64_t off)
{
	if (q->failed || q->n - at > TECH_SEEN_OUTS)
		return false;
	for (size_t i = at; i < q->n; i++) {
		const struct tech_out *o = &q->v[i];
		if ((o->kind != TECH_OUT_UNIT && o->kind != TECH_OUT_MESSAGE) || o->conn != TECH_MAIN ||
			o->len > UINT32_MAX)
			return false;
		s->out[s->n_outs++] =
			(struct tech_seen_out){.off = o->kind == TECH_OUT_UNIT ? (uint32_t)(o->off - off) : 0,
				.len = (uint32_t)o->len,
				.id = o->id,
				.n = o->n,
				.n_msgs = o->n_msgs,
				.size = o->size,
				.status = o->status,
				.kind = (uint8_t)o->kind,
				.unit = (uint8_t)o->unit};
	}
	return true;
}

void tech_remember(struct tech_memory *m, enum tech_reading what, const struct tech_idle *before,
	const struct tech_reader *r, struct slice in, const struct tech_outs *q, size_t at,
	const struct tech_said *said)
{
	struct tech_seen s = {
		.in = in, .what = (uint8_t)what, .before = *before, .after = r->idle, .said = *said};
	if (!in.blob || m->off || r->idle.owned || said->other || r->idle.off != before->off + in.len ||
		!note_outs(&s, q, at, before->off))
		return;
	s.after.off = in.len;
	struct tech_seen *to = &m->seen[m->latest = m->turn++ % TECH_SEEN];
	blob_unref(to->in.blob);
	blob_ref(in.blob);
	*to = s;
}
