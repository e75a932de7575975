/*
 * h1_dec: the HTTP/1.1 decoder's states. See http1.h for the contract, h1_head.c for the grammar.
 *
 *           ┌──────────────────────────── END ◀──────────────────────────────┐
 *           ▼                                                                 │
 *   START ─▶ HEAD ─▶ BODY_LENGTH ─────────────────────────────────────────────┤
 *                 ─▶ CHUNK_LINE ─▶ CHUNK_DATA ─▶ CHUNK_CR ─▶ CHUNK_LF ─┐       │
 *                        ▲ └─(size 0)─▶ TRAILERS ──────────────────────┼──────┤
 *                        └─────────────────────────────────────────────┘      │
 *                 ─▶ BODY_EOF ──────────────(connection ends)─────────────────┘
 *   END ─▶ START, or CLOSED (close), or SWITCHED (101, CONNECT).  ERROR and CUT are for ever.
 *
 * Lines are found by one scan that also refuses control characters, so that the first fault in stream order is the one
 * reported, however the input is cut.
 */
#include "proto/base/codec.h"
#include "proto/base/swar.h"
#include "proto/http1/h1_int.h"

#include <assert.h>
#include <string.h>

enum {
	S_START,
	S_HEAD,
	S_LENGTH,
	S_UNTIL_EOF,
	S_CHUNK_LINE,
	S_CHUNK_DATA,
	S_CHUNK_CR,
	S_CHUNK_LF,
	S_TRAILERS,
	S_END,
	S_CLOSED,
	S_SWITCHED,
	S_CUT,
	S_ERROR,
};

enum {
	F_EOF = 1,        /* h1_dec_eof was called */
	F_KEEP_ALIVE = 2, /* of the message under way */
	F_SWITCHES = 4,
	F_LENT = 8,      /* work holds what the last event shows; drop it at the next call */
	F_ONE_DONE = 16, /* a message was completed on this connection */
};

#define H1_IDLE_ANSWERS 4 /* two bits each in an octet */
_Static_assert(S_START == 0, "a struct h1_idle of zeros is the beginning of a stream");

void h1_dec_init(struct h1_dec *d, const struct alloc *al, enum h1_role role, const struct h1_limits *lim)
{
	*d = (struct h1_dec){.al = al, .lim = lim != NULL ? lim : &h1_limits_default, .role = (uint8_t)role};
}

static void work_free(struct h1_dec *d)
{
	struct h1_work *w = d->work;
	if (w == NULL)
		return;
	buf_fini(&w->carry);
	if (w->fields != w->first)
		alloc_put(d->al, w->fields, w->cap_fields * sizeof *w->fields);
	alloc_put(d->al, w, sizeof *w);
	d->work = NULL;
}

void h1_dec_fini(struct h1_dec *d)
{
	work_free(d);
}

static uint64_t answer_to(struct bytes method)
{
	if (method.n != 4 && method.n != 7) /* told by its length mostly */
		return H1_ANS_OTHER;
	return bytes_eq_str(method, "HEAD")      ? H1_ANS_HEAD
	       : bytes_eq_str(method, "CONNECT") ? H1_ANS_CONNECT
						 : H1_ANS_OTHER;
}

bool h1_dec_expect(struct h1_dec *d, struct bytes method)
{
	if (d->n_answers == H1_PIPELINE_MAX)
		return false;
	d->answers |= answer_to(method) << (2 * d->n_answers);
	d->n_answers++;
	return true;
}

bool h1_idle_expect(struct h1_idle *idle, struct bytes method)
{
	if (idle->n_answers == H1_IDLE_ANSWERS)
		return false;
	idle->answers |= (uint8_t)(answer_to(method) << (2 * idle->n_answers));
	idle->n_answers++;
	return true;
}

void h1_idle_skip(struct h1_idle *idle, uint32_t len)
{
	assert(idle->state == S_START);
	idle->off += len;
	idle->flags = F_ONE_DONE;
}

bool h1_dec_park(struct h1_dec *d, struct h1_idle *out)
{
	bool between = d->state == S_START, inside = d->state == S_CHUNK_LINE || d->state == S_UNTIL_EOF;
	if ((!between && !inside) || d->work != NULL || d->in.n > 0 || (d->flags & F_EOF) ||
		d->empty_lines > 0 || d->ext_octets > 0 || d->n_answers > H1_IDLE_ANSWERS)
		return false;
	*out = (struct h1_idle){.off = d->off,
		.body = between ? 0 : d->body,
		.state = d->state,
		.flags =
			(uint8_t)(d->flags & (between ? F_ONE_DONE : F_ONE_DONE | F_KEEP_ALIVE | F_SWITCHES)),
		.answers = (uint8_t)d->answers,
		.n_answers = d->n_answers};
	return true;
}

void h1_dec_unpark(struct h1_dec *d, const struct alloc *al, enum h1_role role, const struct h1_limits *lim,
	const struct h1_idle *in)
{
	h1_dec_init(d, al, role, lim);
	d->off = in->off;
	d->body = in->body;
	d->state = in->state;
	d->flags = in->flags;
	d->answers = in->answers;
	d->n_answers = in->n_answers;
}

void h1_dec_feed(struct h1_dec *d, struct bytes in)
{
	assert(d->in.n == 0 || d->state >= S_CLOSED);
	d->in = in;
}

void h1_dec_eof(struct h1_dec *d)
{
	d->flags |= F_EOF;
}

uint64_t h1_dec_off(const struct h1_dec *d)
{
	return d->off;
}

/* A start line has begun: more is kept than the first half of an empty line. */
static bool partial_line(const struct h1_dec *d)
{
	const struct h1_work *w = d->work;
	return w != NULL && w->carried && w->have > 0 && !(w->have == 1 && w->base[0] == '\r');
}

bool h1_dec_busy(const struct h1_dec *d)
{
	if (d->state == S_START)
		return !(d->flags & F_LENT) && partial_line(d);
	return d->state < S_CLOSED;
}

static void use(struct h1_dec *d, size_t n)
{
	d->in = bytes_sub(d->in, n, d->in.n - n);
	d->off += n;
}

size_t h1_dec_unread(const struct h1_dec *d)
{
	return d->in.n;
}

struct bytes h1_dec_rest(struct h1_dec *d, uint64_t *off)
{
	struct bytes rest = d->in;
	if (off != NULL)
		*off = d->off;
	use(d, rest.n);
	if (d->state < S_CLOSED)
		d->state = S_SWITCHED;
	return rest;
}

static enum h1_ev_kind fail(struct h1_dec *d, struct h1_ev *ev, enum h1_err e, uint64_t off)
{
	work_free(d);
	d->flags &= (uint8_t)~F_LENT;
	d->state = e == H1_E_CUT ? S_CUT : S_ERROR;
	d->err = (uint16_t)e;
	d->left = off;
	ev->off = off;
	ev->err = h1_err_info(e, off);
	if (d->role == H1_RESPONSES)
		ev->err.code = 0;
	return ev->kind = e == H1_E_CUT ? H1_TRUNCATED : H1_ERROR;
}

/* ---- sections: lines that must lie in one piece -------------------------------------------------------------- */

static struct h1_work *work_begin(struct h1_dec *d)
{
	if (d->work == NULL) {
		d->work = alloc_get(d->al, sizeof *d->work);
		if (d->work == NULL)
			return NULL;
		memset(d->work, 0, offsetof(struct h1_work, first));
		buf_init(&d->work->carry, d->al, SIZE_MAX);
		d->work->fields = d->work->first;
		d->work->cap_fields = H1_FIELDS_INLINE;
	}
	struct h1_work *w = d->work;
	buf_clear(&w->carry);
	w->carried = false;
	w->base = d->in.p;
	w->have = d->in.n;
	w->base_off = d->off;
	w->line = w->scan = 0;
	w->n_fields = 0;
	w->started = false;
	return w;
}

static void move_base(struct h1_work *w, const uint8_t *to)
{
	if (to == w->base)
		return;
	struct bytes *const own[] = {&w->head.method, &w->head.target, &w->head.reason};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		if (own[i]->p != NULL)
			own[i]->p = to + (own[i]->p - w->base);
	for (uint32_t i = 0; i < w->n_fields; i++) {
		w->fields[i].name.p = to + (w->fields[i].name.p - w->base);
		w->fields[i].value.p = to + (w->fields[i].value.p - w->base);
	}
	w->base = to;
}

/* Keeps the section's first `upto` octets in memory of our own; the input is used up to there. */
static bool carry_over(struct h1_dec *d, struct h1_work *w, size_t upto)
{
	buf_add(&w->carry, (struct bytes){w->base, upto});
	if (w->carry.failed)
		return false;
	if (upto > 0)
		move_base(w, w->carry.p);
	w->carried = true;
	w->have = upto;
	use(d, upto);
	return true;
}

/* Adds input to a carried section, up to the end of its line at most. */
static bool carry_more(struct h1_dec *d, struct h1_work *w)
{
	const uint8_t *lf = memchr(d->in.p, '\n', d->in.n);
	size_t n = lf != NULL ? (size_t)(lf - d->in.p) + 1 : d->in.n;
	if (!buf_reserve(&w->carry, n))
		return false;
	if (w->have > 0)
		move_base(w, w->carry.p);
	else
		w->base = w->carry.p;
	buf_add(&w->carry, bytes_sub(d->in, 0, n));
	w->have = w->carry.n;
	use(d, n);
	return true;
}

enum line_result { LINE_OK, LINE_NEED, LINE_FAULT };

/* Index of the first octet from `i` on that a line may not simply hold, or `end`. */
static size_t skip_text(const uint8_t *p, size_t i, size_t end)
{
	while (end - i >= 8) {
		uint64_t mark = swar_unprintable(swar_load(p + i));
		if (mark == 0) {
			i += 8;
			continue;
		}
		i += swar_first(mark);
		if (!(h1_class[p[i]] & H1_VCHAR))
			return i;
		do /* HTAB, obs-text */
			i++;
		while (i < end && p[i] >= 0x80);
	}
	while (i < end && (h1_class[p[i]] & H1_VCHAR))
		i++;
	return i;
}

/* The line ends before the CRLF at `i`. */
static enum line_result line_ends(struct h1_work *w, size_t i, struct bytes *line, enum h1_err *e)
{
	*line = (struct bytes){w->base + w->line, i - w->line};
	w->scan = i + 2;
	*e = H1_E_NONE;
	return LINE_OK;
}

/* Looks at the octets of the current line not yet seen. */
static enum line_result scan_line(
	struct h1_dec *d, struct h1_work *w, struct bytes *line, enum h1_err *e, uint64_t *at)
{
	const struct h1_limits *lim = d->lim;
	size_t i = skip_text(w->base, w->scan, w->have);
	if (w->have - i >= 2 && w->base[i] == '\r' && w->base[i + 1] == '\n' &&
		i - w->line <= lim->line_octets_max && i <= lim->head_octets_max)
		return line_ends(w, i, line, e);
	size_t max = w->line + lim->line_octets_max;
	*e = d->state == S_START && d->role == H1_REQUESTS ? H1_E_TARGET_LONG : H1_E_LINE_LONG;
	if (lim->head_octets_max < max) {
		max = lim->head_octets_max;
		*e = H1_E_HEAD_LONG;
	}
	size_t end = max > w->scan ? max : w->scan;
	i = i < end ? i : end;
	w->scan = i;
	if (i == w->have)
		return LINE_NEED;
	*at = w->base_off + i + 1;
	uint8_t c = w->base[i];
	if (i >= max && c != '\r' && c != '\n')
		return LINE_FAULT;
	if (c == '\r') {
		if (i + 1 == w->have)
			return LINE_NEED;
		if (w->base[i + 1] == '\n')
			return line_ends(w, i, line, e);
		++*at;
		*e = H1_E_BARE_CR;
	} else {
		*e = c == '\n' ? H1_E_BARE_LF : H1_E_CONTROL;
	}
	return LINE_FAULT;
}

static enum line_result next_line(
	struct h1_dec *d, struct h1_work *w, struct bytes *line, enum h1_err *e, uint64_t *at)
{
	for (;;) {
		enum line_result r = scan_line(d, w, line, e, at);
		if (r != LINE_NEED)
			return r;
		if (w->carried && d->in.n > 0) {
			if (carry_more(d, w))
				continue;
		} else if (w->carried || carry_over(d, w, w->have)) {
			return LINE_NEED;
		}
		*e = H1_E_MEMORY;
		*at = d->off;
		return LINE_FAULT;
	}
}

/* The section is complete: the input goes on behind it. */
static void section_done(struct h1_dec *d, struct h1_work *w)
{
	if (!w->carried)
		use(d, w->line);
	d->flags |= F_LENT;
}

static struct h1_field *field_new(struct h1_dec *d, struct h1_work *w)
{
	if (w->n_fields == w->cap_fields) {
		uint32_t cap = w->cap_fields * 2;
		bool inside = w->fields == w->first;
		size_t old = inside ? 0 : w->cap_fields * sizeof *w->fields;
		void *p = d->al->resize(d->al->ctx, inside ? NULL : w->fields, old, cap * sizeof *w->fields);
		if (p == NULL)
			return NULL;
		if (inside)
			memcpy(p, w->first, sizeof w->first);
		w->fields = p;
		w->cap_fields = cap;
	}
	return &w->fields[w->n_fields];
}

/* A line that begins with white space goes on with the field above it (obs-fold, RFC 9112 5.2). */
static enum h1_err fold(struct h1_dec *d, struct h1_work *w, struct bytes line)
{
	if (w->n_fields == 0)
		return H1_E_LEADING_SPACE;
	if (d->role == H1_REQUESTS)
		return H1_E_FOLD;
	size_t at = (size_t)(line.p - w->base), n = line.n;
	if (!w->carried && !carry_over(d, w, w->scan))
		return H1_E_MEMORY;
	const uint8_t *p = w->base + at;
	while (n > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	struct h1_field *f = &w->fields[w->n_fields - 1];
	f->folded = true;
	if (n == 0)
		return H1_E_NONE;
	if (f->value.n == 0) {
		f->value = (struct bytes){p, n};
		f->value_off = w->base_off + (uint64_t)(p - w->base);
		return H1_E_NONE;
	}
	uint8_t *to = w->carry.p + (f->value.p - w->base) + f->value.n;
	*to++ = ' ';
	memmove(to, p, n);
	f->value.n += n + 1;
	return H1_E_NONE;
}

static enum h1_err field_line(struct h1_dec *d, struct h1_work *w, struct bytes line)
{
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return fold(d, w, line);
	if (w->n_fields == d->lim->fields_max)
		return H1_E_FIELDS_MANY;
	struct h1_field *f = field_new(d, w);
	if (f == NULL)
		return H1_E_MEMORY;
	enum h1_err e = h1_parse_field(f, line, w->base_off + w->line);
	if (e == H1_E_NONE)
		w->n_fields++;
	return e;
}

/* ---- states -------------------------------------------------------------------------------------------------- */

static enum h1_ev_kind at_end_of_input(struct h1_dec *d, struct h1_ev *ev)
{
	if (!(d->flags & F_EOF))
		return ev->kind = H1_NEED;
	if (d->state == S_START && !partial_line(d)) {
		work_free(d);
		d->state = S_CLOSED;
		return ev->kind = H1_CLOSED;
	}
	return fail(d, ev, H1_E_CUT, d->off);
}

/* Takes empty lines before a start line. True when `line` was one; *e tells whether it was one too many. */
static bool empty_line_before(struct h1_dec *d, struct h1_work *w, struct bytes line, enum h1_err *e)
{
	if (line.n > 0)
		return false;
	*e = H1_E_NONE;
	if (d->role == H1_RESPONSES && (!(d->flags & F_ONE_DONE) || d->n_answers > 0))
		*e = H1_E_STATUS_LINE;
	else if (++d->empty_lines > d->lim->empty_lines_max)
		*e = H1_E_EMPTY_LINES;
	w->line = w->scan;
	if (*e == H1_E_NONE && !w->carried)
		use(d, w->line);
	return true;
}

static enum h1_ev_kind head_done(struct h1_dec *d, struct h1_work *w, struct h1_ev *ev)
{
	struct h1_head *h = &w->head;
	h->off = w->base_off;
	h->len = (uint32_t)w->line;
	h->fields = w->fields;
	h->n_fields = w->n_fields;
	unsigned answered = d->n_answers > 0 ? (unsigned)(d->answers & 3) : H1_ANS_OTHER;
	enum h1_err e = h1_finish_head(h, (enum h1_role)d->role, answered);
	if (e == H1_E_NONE && h->framing == H1_FRAMING_LENGTH && h->content_length > d->lim->body_octets_max)
		e = H1_E_BODY_LONG;
	if (e != H1_E_NONE)
		return fail(d, ev, e, h->off + h->len);
	if (d->role == H1_RESPONSES && !h->interim && d->n_answers > 0) {
		d->answers >>= 2;
		d->n_answers--;
	}
	section_done(d, w);
	d->flags &= (uint8_t) ~(F_KEEP_ALIVE | F_SWITCHES);
	d->flags |= (uint8_t)((h->keep_alive ? F_KEEP_ALIVE : 0) | (h->switches ? F_SWITCHES : 0));
	d->body = 0;
	d->ext_octets = 0;
	d->empty_lines = 0;
	d->left = h->framing == H1_FRAMING_LENGTH ? h->content_length : 0;
	static const uint8_t next[] = {
		[H1_FRAMING_NONE] = S_END,
		[H1_FRAMING_LENGTH] = S_LENGTH,
		[H1_FRAMING_CHUNKED] = S_CHUNK_LINE,
		[H1_FRAMING_UNTIL_CLOSE] = S_UNTIL_EOF,
	};
	d->state = next[h->framing];
	if (d->state == S_LENGTH && d->left == 0)
		d->state = S_END;
	ev->off = h->off;
	ev->len = h->len;
	ev->head = *h;
	return ev->kind = H1_HEAD;
}

static enum h1_ev_kind do_head(struct h1_dec *d, struct h1_ev *ev)
{
	struct h1_work *w = d->work;
	if (w == NULL || d->state == S_START) {
		if (d->in.n == 0)
			return at_end_of_input(d, ev);
		if ((w == NULL || !w->carried) && (w = work_begin(d)) == NULL)
			return fail(d, ev, H1_E_MEMORY, d->off);
	}
	for (;;) {
		struct bytes line;
		enum h1_err e = H1_E_NONE;
		uint64_t at = 0;
		enum line_result r = next_line(d, w, &line, &e, &at);
		if (r == LINE_FAULT)
			return fail(d, ev, e, at);
		if (r == LINE_NEED)
			return at_end_of_input(d, ev);
		at = w->base_off + w->scan;
		if (!w->started) {
			if (empty_line_before(d, w, line, &e)) {
				if (e != H1_E_NONE)
					return fail(d, ev, e, at);
				if (d->in.n == 0) {
					work_free(d);
					return at_end_of_input(d, ev);
				}
				w = work_begin(d);
				continue;
			}
			memset(&w->head, 0, sizeof w->head);
			d->state = S_HEAD;
			w->started = true;
			e = d->role == H1_REQUESTS ? h1_parse_request_line(&w->head, line, w->base_off)
						   : h1_parse_status_line(&w->head, line, w->base_off);
		} else if (line.n == 0) {
			w->line = w->scan;
			return head_done(d, w, ev);
		} else {
			e = field_line(d, w, line);
		}
		if (e != H1_E_NONE)
			return fail(d, ev, e, at);
		w->line = w->scan;
	}
}

static enum h1_ev_kind do_data(struct h1_dec *d, struct h1_ev *ev)
{
	bool bounded = d->state != S_UNTIL_EOF;
	size_t n = d->in.n;
	if (bounded && n > d->left)
		n = (size_t)d->left;
	if (!bounded && n > d->lim->body_octets_max - d->body)
		n = (size_t)(d->lim->body_octets_max - d->body);
	if (n == 0)
		return fail(d, ev, H1_E_BODY_LONG, d->off + 1);
	ev->off = d->off;
	ev->len = n;
	ev->data = bytes_sub(d->in, 0, n);
	use(d, n);
	d->body += n;
	if (bounded && (d->left -= n) == 0)
		d->state = d->state == S_LENGTH ? S_END : S_CHUNK_CR;
	return ev->kind = H1_DATA;
}

/* A chunk-size line as nearly all are: a few digits that lie in the input with their CRLF. */
static bool plain_chunk_line(const struct h1_dec *d, uint64_t *size, size_t *digits)
{
	size_t i = 0, max = d->in.n < 8 ? d->in.n : 8;
	int v;
	*size = 0;
	for (; i < max && (v = hex_digit(d->in.p[i])) >= 0; i++)
		*size = *size << 4 | (unsigned)v;
	*digits = i;
	return i > 0 && d->in.n - i >= 2 && d->in.p[i] == '\r' && d->in.p[i + 1] == '\n' &&
	       i <= d->lim->line_octets_max && i <= d->lim->head_octets_max &&
	       *size <= d->lim->body_octets_max - d->body;
}

static enum h1_ev_kind chunk_begins(
	struct h1_dec *d, struct h1_ev *ev, uint64_t off, uint64_t len, struct bytes ext)
{
	d->state = d->left > 0 ? S_CHUNK_DATA : S_TRAILERS;
	ev->off = off;
	ev->len = len;
	ev->chunk.size = d->left;
	ev->chunk.ext = ext;
	return ev->kind = H1_CHUNK;
}

static enum h1_ev_kind do_chunk_line(struct h1_dec *d, struct h1_ev *ev)
{
	struct h1_work *w = d->work;
	if (w == NULL || !w->carried) {
		size_t digits;
		if (d->in.n == 0)
			return at_end_of_input(d, ev);
		if (plain_chunk_line(d, &d->left, &digits)) {
			uint64_t off = d->off;
			struct bytes none = bytes_sub(d->in, digits, 0);
			use(d, digits + 2);
			return chunk_begins(d, ev, off, digits + 2, none);
		}
		if ((w = work_begin(d)) == NULL)
			return fail(d, ev, H1_E_MEMORY, d->off);
	}
	struct bytes line, ext;
	uint64_t at = 0, size = 0;
	enum h1_err e = H1_E_NONE;
	enum line_result r = next_line(d, w, &line, &e, &at);
	if (r == LINE_NEED)
		return at_end_of_input(d, ev);
	if (r == LINE_OK) {
		at = w->base_off + w->scan;
		e = h1_parse_chunk_line(line, &size, &ext);
		if (e == H1_E_NONE && size > d->lim->body_octets_max - d->body)
			e = H1_E_BODY_LONG;
		if (e == H1_E_NONE && ext.n > d->lim->chunk_ext_octets_max - d->ext_octets)
			e = H1_E_EXT_LONG;
	}
	if (e != H1_E_NONE)
		return fail(d, ev, e, at);
	d->ext_octets += (uint32_t)ext.n;
	w->line = w->scan;
	section_done(d, w);
	d->left = size;
	return chunk_begins(d, ev, w->base_off, w->line, ext);
}

static enum h1_ev_kind end_event(struct h1_dec *d, struct h1_ev *ev, uint64_t off, uint64_t len)
{
	ev->off = off;
	ev->len = len;
	ev->end.trailers = NULL;
	ev->end.n_trailers = 0;
	ev->end.keep_alive = (d->flags & F_KEEP_ALIVE) != 0;
	d->state = d->flags & F_SWITCHES ? S_SWITCHED : d->flags & F_KEEP_ALIVE ? S_START : S_CLOSED;
	d->flags |= F_ONE_DONE;
	return ev->kind = H1_END;
}

static enum h1_ev_kind do_trailers(struct h1_dec *d, struct h1_ev *ev)
{
	struct h1_work *w = d->work;
	if (w == NULL || !w->carried) {
		if (d->in.n == 0)
			return at_end_of_input(d, ev);
		if (d->in.n >= 2 && d->in.p[0] == '\r' && d->in.p[1] == '\n') {
			use(d, 2);
			return end_event(d, ev, d->off - 2, 2);
		}
		if ((w = work_begin(d)) == NULL)
			return fail(d, ev, H1_E_MEMORY, d->off);
	}
	for (;;) {
		struct bytes line;
		enum h1_err e = H1_E_NONE;
		uint64_t at = 0;
		enum line_result r = next_line(d, w, &line, &e, &at);
		if (r == LINE_NEED)
			return at_end_of_input(d, ev);
		if (r == LINE_OK) {
			at = w->base_off + w->scan;
			e = line.n > 0 ? field_line(d, w, line) : H1_E_NONE;
		}
		if (e != H1_E_NONE)
			return fail(d, ev, e, at);
		w->line = w->scan;
		if (line.n > 0)
			continue;
		section_done(d, w);
		end_event(d, ev, w->base_off, w->line);
		ev->end.trailers = w->fields;
		ev->end.n_trailers = w->n_fields;
		return H1_END;
	}
}

static enum h1_ev_kind dispatch(struct h1_dec *d, struct h1_ev *ev)
{
	for (;;) {
		switch (d->state) {
		case S_START:
		case S_HEAD:
			return do_head(d, ev);
		case S_UNTIL_EOF:
			if (d->in.n == 0 && (d->flags & F_EOF))
				return end_event(d, ev, d->off, 0);
			/* fall through */
		case S_LENGTH:
		case S_CHUNK_DATA:
			return d->in.n > 0 ? do_data(d, ev) : at_end_of_input(d, ev);
		case S_CHUNK_LINE:
			return do_chunk_line(d, ev);
		case S_CHUNK_CR:
			if (d->in.n >= 2 && d->in.p[0] == '\r' && d->in.p[1] == '\n') {
				use(d, 2);
				d->state = S_CHUNK_LINE;
				break;
			}
			/* fall through */
		case S_CHUNK_LF:
			if (d->in.n == 0)
				return at_end_of_input(d, ev);
			if (d->in.p[0] != (d->state == S_CHUNK_CR ? '\r' : '\n'))
				return fail(d, ev, H1_E_CHUNK_END, d->off + 1);
			use(d, 1);
			d->state = d->state == S_CHUNK_CR ? S_CHUNK_LF : S_CHUNK_LINE;
			break;
		case S_TRAILERS:
			return do_trailers(d, ev);
		case S_END:
			return end_event(d, ev, d->off, 0);
		case S_CLOSED:
			return ev->kind = H1_CLOSED;
		case S_SWITCHED:
			return ev->kind = H1_SWITCHED;
		default:
			return fail(d, ev, (enum h1_err)d->err, d->left);
		}
	}
}

/* Something that needs the memory again lies in this very input: the next chunk, trailers or message. Else it is given back, so
 * that a connection that waits holds none. */
static bool more_sections(const struct h1_dec *d)
{
	if (d->state == S_LENGTH)
		return d->in.n > d->left;
	return d->in.n > 0 && d->state != S_UNTIL_EOF && d->state < S_CLOSED;
}

enum h1_ev_kind h1_dec_next(struct h1_dec *d, struct h1_ev *ev)
{
	/* Each event sets what it shows; clearing the rest would cost more than finding most events. */
	ev->kind = H1_NEED;
	ev->off = d->off;
	ev->len = 0;
	if (d->flags & F_LENT) {
		d->flags &= (uint8_t)~F_LENT;
		if (more_sections(d))
			work_begin(d);
		else
			work_free(d);
	}
	enum h1_ev_kind k = dispatch(d, ev);
	if (k == H1_NEED && d->work != NULL && !d->work->carried)
		work_free(d);
	return k;
}
