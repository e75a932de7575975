/*
 * sse_dec: the event stream decoder. See sse.h for the contract.
 *
 *   BOM ─▶ LINE ─(line complete)─▶ PROCESS ─▶ LINE …            (HTML 9.2.6, "Interpreting an event stream")
 *                    PROCESS of an empty line dispatches.
 *
 * Since LF and CR occur in no other place of UTF-8, a line can be decoded by itself: text is checked per value, and only
 * ill-formed text is rewritten. What an event consists of is borrowed from the input as long as possible; at the end of
 * the input it moves to memory of our own.
 */
#include "proto/base/swar.h"
#include "proto/base/utf8.h"
#include "proto/sse/sse.h"

#include <assert.h>
#include <string.h>

enum { S_BOM, S_LINE, S_PROCESS, S_END, S_ERROR };

enum {
	F_EOF = 1,
	F_SKIP_LF = 2, /* the last line ended in CR */
	F_LENT = 4,    /* the last event shows what work holds */
	F_BLOCK = 8,   /* block_off is set: the block has an octet */
};

enum sse_err { E_NONE, E_MEMORY, E_LINE, E_DATA, E_ID };

static const struct perr errors[] = {
	[E_NONE] = {0, 0, "no error", ""},
	[E_MEMORY] = {0, 0, "out of memory", ""},
	[E_LINE] = {0, 0, "a line is longer than the limit line_octets_max", "HTML 9.2.6"},
	[E_DATA] = {0, 0, "the data of an event are longer than the limit data_octets_max", "HTML 9.2.6"},
	[E_ID] = {0, 0, "the last event ID is longer than the limit id_octets_max", "HTML 9.2.6"},
};

/* A text of the event under way: borrowed from the input, or kept in `own`. */
struct text {
	struct bytes b;
	struct buf own;
};

struct sse_work {
	struct buf carry;  /* the cut line's octets */
	struct bytes line; /* the line to be processed */
	uint64_t line_off; /* stream offset of the line under way */
	bool line_begun, shown;
	bool ascii; /* the line is, and lies in the input */
	struct text data, type, id;
	uint32_t n_data_lines;
	bool has_id;
};

void sse_dec_init(struct sse_dec *d, const struct alloc *al, const struct sse_limits *lim, unsigned want)
{
	*d = (struct sse_dec){
		.al = al, .lim = lim != NULL ? lim : &sse_limits_default, .want = (uint8_t)want};
}

static void work_free(struct sse_dec *d)
{
	struct sse_work *w = d->work;
	if (w == NULL)
		return;
	buf_fini(&w->carry);
	buf_fini(&w->data.own);
	buf_fini(&w->type.own);
	buf_fini(&w->id.own);
	alloc_put(d->al, w, sizeof *w);
	d->work = NULL;
}

static struct sse_work *work_get(struct sse_dec *d)
{
	if (d->work == NULL) {
		struct sse_work *w = alloc_get(d->al, sizeof *w);
		if (w == NULL)
			return NULL;
		memset(w, 0, sizeof *w);
		buf_init(&w->carry, d->al, SIZE_MAX);
		buf_init(&w->data.own, d->al, SIZE_MAX);
		buf_init(&w->type.own, d->al, SIZE_MAX);
		buf_init(&w->id.own, d->al, SIZE_MAX);
		d->work = w;
	}
	return d->work;
}

void sse_dec_fini(struct sse_dec *d)
{
	work_free(d);
	alloc_put(d->al, d->last_id, d->last_id_len);
	d->last_id = NULL;
	d->last_id_len = 0;
}

bool sse_dec_park(struct sse_dec *d, bool *begun)
{
	bool fresh = d->state == S_BOM && d->bom == 0;
	if ((!fresh && d->state != S_LINE) || d->work != NULL || d->flags || d->in.n > 0)
		return false;
	*begun = !fresh;
	sse_dec_fini(d);
	return true;
}

void sse_dec_unpark(
	struct sse_dec *d, const struct alloc *al, const struct sse_limits *lim, unsigned want, bool begun)
{
	sse_dec_init(d, al, lim, want);
	d->state = begun ? S_LINE : S_BOM;
}

bool sse_dec_set_last_id(struct sse_dec *d, struct bytes id)
{
	char *copy = NULL;
	if (id.n > 0) {
		if (id.n > UINT32_MAX || (copy = alloc_get(d->al, id.n)) == NULL)
			return false;
		memcpy(copy, id.p, id.n);
	}
	alloc_put(d->al, d->last_id, d->last_id_len);
	d->last_id = copy;
	d->last_id_len = (uint32_t)id.n;
	return true;
}

struct bytes sse_dec_last_id(const struct sse_dec *d)
{
	return (struct bytes){(const uint8_t *)d->last_id, d->last_id_len};
}

void sse_dec_feed(struct sse_dec *d, struct bytes in)
{
	assert(d->in.n == 0 || d->state >= S_END);
	d->in = in;
}

void sse_dec_eof(struct sse_dec *d)
{
	d->flags |= F_EOF;
}

static void use(struct sse_dec *d, size_t n)
{
	d->in = bytes_sub(d->in, n, d->in.n - n);
	d->off += n;
}

static enum sse_ev_kind fail(struct sse_dec *d, struct sse_ev *ev, enum sse_err e, uint64_t off)
{
	work_free(d);
	d->flags &= (uint8_t)~F_LENT;
	d->state = S_ERROR;
	d->err = (uint8_t)e;
	d->block_off = off;
	ev->off = off;
	ev->err = errors[e];
	ev->err.off = off;
	return ev->kind = SSE_ERROR;
}

/* ---- texts --------------------------------------------------------------------------------------------------- */

/* Sets a text to a value that lies in `b`; borrowed when it is well-formed and `lasting` (in the input, not in carry). */
static bool text_set(struct text *t, struct bytes b, bool lasting, bool ascii)
{
	t->own.n = 0;
	if (ascii || (lasting && utf8_valid(b))) {
		t->b = b;
		return true;
	}
	utf8_replace(&t->own, b);
	t->b = buf_bytes(&t->own);
	return !t->own.failed;
}

/* Moves a borrowed text to memory of our own. */
static bool text_own(struct text *t)
{
	if (t->b.n > 0 && t->b.p != t->own.p) {
		t->own.n = 0;
		buf_add(&t->own, t->b);
		t->b = buf_bytes(&t->own);
	}
	return !t->own.failed;
}

/* Adds a line of data: the first is borrowed if it can be, further ones are joined by LF. */
static bool data_add(struct sse_work *w, struct bytes value, bool lasting)
{
	if (w->n_data_lines++ == 0)
		return text_set(&w->data, value, lasting, w->ascii);
	if (!text_own(&w->data))
		return false;
	if (w->data.b.n == 0)
		w->data.own.n = 0;
	buf_u8(&w->data.own, '\n');
	if (w->ascii || utf8_valid(value))
		buf_add(&w->data.own, value);
	else
		utf8_replace(&w->data.own, value);
	w->data.b = buf_bytes(&w->data.own);
	return !w->data.own.failed;
}

/* ---- lines --------------------------------------------------------------------------------------------------- */

static uint64_t line_ends_in(uint64_t w)
{
	return swar_equal(w, '\n') | swar_equal(w, '\r');
}

/* Index of the first CR or LF among `n` octets, n if none. *ascii: no octet before it has its high bit set (never said wrongly). */
static size_t find_end(const uint8_t *p, size_t n, bool *ascii)
{
	uint64_t seen = 0;
	size_t i = 0;
	for (; n - i >= 16; i += 16) {
		uint64_t a = swar_load(p + i), b = swar_load(p + i + 8);
		if (line_ends_in(a) | line_ends_in(b))
			break;
		seen |= a | b;
	}
	for (; n - i >= 8; i += 8) {
		uint64_t a = swar_load(p + i), mark = line_ends_in(a);
		if (mark) {
			size_t k = swar_first(mark);
			*ascii = !((seen | (k > 0 ? a << (64 - 8 * k) : 0)) & SWAR_HIGH);
			return i + k;
		}
		seen |= a;
	}
	for (; i < n && p[i] != '\n' && p[i] != '\r'; i++)
		seen |= p[i];
	*ascii = !(seen & SWAR_HIGH);
	return i;
}

enum line_result { LINE_OK, LINE_NEED, LINE_LONG, LINE_MEMORY };

static enum line_result next_line(struct sse_dec *d, struct sse_work *w)
{
	if (!w->line_begun) {
		w->line_begun = true;
		w->line_off = d->off;
		if (!(d->flags & F_BLOCK)) {
			d->flags |= F_BLOCK;
			d->block_off = d->off;
		}
	}
	size_t n = find_end(d->in.p, d->in.n, &w->ascii);
	if (n > d->lim->line_octets_max - w->carry.n)
		return LINE_LONG;
	bool whole = n < d->in.n;
	if (whole && w->carry.n == 0) {
		w->line = bytes_sub(d->in, 0, n);
	} else {
		buf_add(&w->carry, bytes_sub(d->in, 0, n));
		if (w->carry.failed)
			return LINE_MEMORY;
		w->line = buf_bytes(&w->carry);
		w->ascii = false;
	}
	if (!whole) {
		use(d, n);
		return LINE_NEED;
	}
	if (d->in.p[n] == '\r')
		d->flags |= F_SKIP_LF;
	use(d, n + 1);
	w->line_begun = false;
	w->shown = false;
	return LINE_OK;
}

struct parts {
	enum sse_field field;
	struct bytes name, value;
};

static enum sse_field known(struct bytes name)
{
	switch (name.n) {
	case 2:
		return memcmp(name.p, "id", 2) == 0 ? SSE_FIELD_ID : SSE_FIELD_UNKNOWN;
	case 4:
		return memcmp(name.p, "data", 4) == 0 ? SSE_FIELD_DATA : SSE_FIELD_UNKNOWN;
	case 5:
		return memcmp(name.p, "event", 5) == 0   ? SSE_FIELD_EVENT
		       : memcmp(name.p, "retry", 5) == 0 ? SSE_FIELD_RETRY
							 : SSE_FIELD_UNKNOWN;
	default:
		return SSE_FIELD_UNKNOWN;
	}
}

static struct parts split(struct bytes line)
{
	struct parts p = {.field = SSE_FIELD_UNKNOWN};
	if (line.n == 0) {
		p.field = SSE_FIELD_EMPTY;
		return p;
	}
	size_t n = line.n > 4 && memcmp(line.p, "data:", 5) == 0 ? 4 : 0; /* nearly all are */
	while (n < line.n && line.p[n] != ':' && n < 8)
		n++;
	if (n == 8) { /* longer than any name we know */
		const uint8_t *colon = memchr(line.p, ':', line.n);
		n = colon != NULL ? (size_t)(colon - line.p) : line.n;
	}
	p.name = bytes_sub(line, 0, n);
	size_t v = n < line.n ? n + 1 : n;
	if (n == 0) {
		p.field = SSE_FIELD_COMMENT;
		p.value = bytes_sub(line, v, line.n - v);
		return p;
	}
	if (v < line.n && line.p[v] == ' ')
		v++;
	p.value = bytes_sub(line, v, line.n - v);
	p.field = known(p.name);
	return p;
}

static bool parse_retry(struct bytes v, uint64_t *ms)
{
	uint64_t n = 0;
	for (size_t i = 0; i < v.n; i++) {
		unsigned c = (unsigned)v.p[i] - '0';
		if (c > 9)
			return false;
		n = n > (UINT64_MAX - c) / 10 ? UINT64_MAX : n * 10 + c;
	}
	*ms = n;
	return v.n > 0;
}

/* ---- processing ------------------------------------------------------------------------------------------------ */

static enum sse_ev_kind dispatch(struct sse_dec *d, struct sse_work *w, struct sse_ev *ev)
{
	bool changed = w->has_id && !bytes_eq(w->id.b, sse_dec_last_id(d));
	if (changed && !sse_dec_set_last_id(d, w->id.b))
		return fail(d, ev, E_MEMORY, d->off);
	d->flags &= (uint8_t)~F_BLOCK;
	d->flags |= F_LENT;
	ev->off = d->block_off;
	ev->len = d->off - d->block_off;
	ev->id = sse_dec_last_id(d);
	if (w->n_data_lines == 0)
		return ev->kind = changed ? SSE_ID : SSE_NEED;
	ev->type = w->type.b.n > 0 ? w->type.b : BYTES_LIT("message");
	ev->data = w->data.b;
	ev->n_data_lines = w->n_data_lines;
	return ev->kind = SSE_EVENT;
}

static enum sse_ev_kind field(struct sse_dec *d, struct sse_work *w, struct sse_ev *ev, const struct parts *p)
{
	bool lasting = w->carry.n == 0, ok = true;
	switch (p->field) {
	case SSE_FIELD_COMMENT:
		ev->data = p->value;
		if (!w->ascii && !utf8_valid(p->value)) {
			struct buf clean;
			buf_init(&clean, d->al, SIZE_MAX);
			utf8_replace(&clean, p->value);
			ok = !clean.failed;
			buf_fini(&w->carry);
			w->carry = clean;
			ev->data = buf_bytes(&clean);
		}
		d->flags |= F_LENT;
		return ok ? (ev->kind = SSE_COMMENT) : fail(d, ev, E_MEMORY, d->off);
	case SSE_FIELD_RETRY:
		return parse_retry(p->value, &ev->retry_ms) ? (ev->kind = SSE_RETRY) : SSE_NEED;
	case SSE_FIELD_EVENT:
		ok = text_set(&w->type, p->value, lasting, w->ascii);
		break;
	case SSE_FIELD_DATA:
		ok = data_add(w, p->value, lasting);
		if (ok && w->data.b.n > d->lim->data_octets_max)
			return fail(d, ev, E_DATA, d->off);
		break;
	case SSE_FIELD_ID:
		if (p->value.n > 0 && memchr(p->value.p, 0, p->value.n) != NULL)
			break;
		w->has_id = true;
		ok = text_set(&w->id, p->value, lasting, w->ascii);
		if (ok && w->id.b.n > d->lim->id_octets_max)
			return fail(d, ev, E_ID, d->off);
		break;
	default:
		break;
	}
	return ok ? SSE_NEED : fail(d, ev, E_MEMORY, d->off);
}

/* Acts on the complete line. SSE_NEED: nothing to tell, go on. */
static enum sse_ev_kind process(struct sse_dec *d, struct sse_work *w, struct sse_ev *ev)
{
	struct parts p = split(w->line);
	ev->off = w->line_off;
	ev->len = w->line.n + 1;
	if ((d->want & SSE_WANT_LINES) && !w->shown) {
		w->shown = true;
		ev->line.field = p.field;
		ev->line.off = w->line_off;
		ev->line.name_len = (uint32_t)p.name.n;
		ev->line.value_len = (uint32_t)p.value.n;
		ev->line.value_off =
			w->line_off + (p.value.p != NULL ? (uint64_t)(p.value.p - w->line.p) : 0);
		ev->data = w->line;
		return ev->kind = SSE_LINE;
	}
	d->state = S_LINE;
	enum sse_ev_kind k = p.field == SSE_FIELD_EMPTY ? dispatch(d, w, ev) : field(d, w, ev, &p);
	if (d->work != NULL && k != SSE_COMMENT)
		w->carry.n = 0;
	return k;
}

/* ---- the machine ----------------------------------------------------------------------------------------------- */

/* After a dispatch: nothing of the block is kept. */
static void block_clear(struct sse_work *w)
{
	w->n_data_lines = 0;
	w->has_id = false;
	w->data.b = w->type.b = w->id.b = BYTES_NONE;
	w->data.own.n = w->type.own.n = w->id.own.n = 0;
}

static enum sse_ev_kind at_end_of_input(struct sse_dec *d, struct sse_ev *ev)
{
	struct sse_work *w = d->work;
	if (d->flags & F_EOF) {
		bool half_bom = d->state == S_BOM && d->bom > 0;
		ev->dropped = half_bom || (w != NULL && (w->n_data_lines > 0 || w->type.b.n > 0 ||
								w->has_id || w->carry.n > 0));
		work_free(d);
		d->state = S_END;
		d->err = ev->dropped;
		return ev->kind = SSE_END;
	}
	if (w == NULL)
		return ev->kind = SSE_NEED;
	if (!w->line_begun && w->n_data_lines == 0 && !w->has_id && w->type.b.n == 0)
		work_free(d);
	else if (!text_own(&w->data) || !text_own(&w->type) || !text_own(&w->id))
		return fail(d, ev, E_MEMORY, d->off);
	return ev->kind = SSE_NEED;
}

/* Takes a byte order mark at the very beginning (WHATWG Encoding, "UTF-8 decode"). False when more input is needed. */
static bool skip_bom(struct sse_dec *d, bool *memory)
{
	static const uint8_t bom[3] = {0xef, 0xbb, 0xbf};
	while (d->bom < 3 && d->in.n > 0 && d->in.p[0] == bom[d->bom]) {
		use(d, 1);
		d->bom++;
	}
	if (d->bom < 3 && d->in.n == 0)
		return false;
	if (d->bom > 0 && d->bom < 3) {
		/* It was none: its first octets begin the first line. */
		struct sse_work *w = work_get(d);
		*memory = w == NULL;
		if (w == NULL)
			return false;
		buf_add(&w->carry, (struct bytes){bom, d->bom});
		*memory = w->carry.failed;
		w->line_begun = true;
		w->line_off = d->block_off = 0;
		d->flags |= F_BLOCK;
	}
	d->state = S_LINE;
	return !*memory;
}

static enum sse_ev_kind take_line(struct sse_dec *d, struct sse_ev *ev)
{
	struct sse_work *w = work_get(d);
	if (w == NULL)
		return fail(d, ev, E_MEMORY, d->off);
	switch (next_line(d, w)) {
	case LINE_LONG:
		return fail(d, ev, E_LINE, w->line_off + d->lim->line_octets_max + 1);
	case LINE_MEMORY:
		return fail(d, ev, E_MEMORY, d->off);
	case LINE_OK:
		d->state = S_PROCESS;
		break;
	case LINE_NEED:
		break;
	}
	return SSE_NEED;
}

static enum sse_ev_kind step(struct sse_dec *d, struct sse_ev *ev, bool *done)
{
	bool memory = false;
	*done = true;
	switch (d->state) {
	case S_BOM:
		if (!skip_bom(d, &memory))
			return memory ? fail(d, ev, E_MEMORY, d->off) : at_end_of_input(d, ev);
		break;
	case S_LINE:
		if ((d->flags & F_SKIP_LF) && d->in.n > 0) {
			d->flags &= (uint8_t)~F_SKIP_LF;
			if (d->in.p[0] == '\n')
				use(d, 1);
		}
		if (d->in.n == 0)
			return at_end_of_input(d, ev);
		*done = take_line(d, ev) != SSE_NEED;
		return ev->kind;
	case S_PROCESS: {
		enum sse_ev_kind k = process(d, d->work, ev);
		if (k != SSE_NEED)
			return k;
		if (d->flags & F_LENT) {
			d->flags &= (uint8_t)~F_LENT;
			block_clear(d->work);
		}
		break;
	}
	case S_END:
		ev->dropped = d->err != 0;
		return ev->kind = SSE_END;
	default:
		return fail(d, ev, (enum sse_err)d->err, d->block_off);
	}
	*done = false;
	return SSE_NEED;
}

enum sse_ev_kind sse_dec_next(struct sse_dec *d, struct sse_ev *ev)
{
	memset(ev, 0, sizeof *ev);
	ev->off = d->off;
	if (d->flags & F_LENT) {
		d->flags &= (uint8_t)~F_LENT;
		d->work->carry.n = 0;
		if (!(d->flags & F_BLOCK))
			block_clear(d->work);
	}
	for (;;) {
		bool done;
		enum sse_ev_kind k = step(d, ev, &done);
		if (done)
			return k;
	}
}
