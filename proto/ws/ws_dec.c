/*
 * ws_dec: the WebSocket frame and message decoder. See ws.h for the contract.
 *
 *   HEADER ─(complete and legal: FRAME)─▶ PAYLOAD ─(complete)─▶ HEADER     data frame: MESSAGE at the final fragment
 *      │                                     └─ Close ─▶ CLOSED            control frame: PING, PONG, CLOSE
 *      └─▶ ERROR (also from PAYLOAD)
 *
 * Header octets are judged one by one: a length is refused as soon as no continuation could make it legal.
 */
#include "proto/base/utf8.h"
#include "proto/ws/ws_int.h"

#include <assert.h>
#include <string.h>

enum { S_HEADER, S_PAYLOAD, S_CLOSED, S_ERROR };

enum {
	F_LENT = 1,     /* the last event shows what work holds */
	F_LENT_MSG = 2, /* … and that is a message, which is over */
};

struct ws_work {
	struct buf msg; /* the message so far: unmasked, maybe compressed */
	struct buf out; /* decompressed */
	struct ws_frame frame;
	uint64_t msg_off;     /* stream offset of the message's first frame */
	uint64_t wire_octets; /* payload octets of the frames before this one */
	uint32_t n_frames;
	uint8_t op; /* of the message under way; 0 = none */
	bool compressed;
	uint8_t utf8;
	uint8_t ctl_utf8, ctl_n, phase;
	uint8_t ctl[WS_CONTROL_MAX];
};

void ws_dec_init(struct ws_dec *d, const struct alloc *al, enum ws_role role, const struct ws_limits *lim,
	const struct ws_pmd *pmd)
{
	*d = (struct ws_dec){.al = al, .lim = lim != NULL ? lim : &ws_limits_default, .role = (uint8_t)role};
	if (pmd != NULL)
		d->pmd = *pmd;
}

static void work_free(struct ws_dec *d)
{
	struct ws_work *w = d->work;
	if (w == NULL)
		return;
	buf_fini(&w->msg);
	buf_fini(&w->out);
	alloc_put(d->al, w, sizeof *w);
	d->work = NULL;
}

static struct ws_work *work_get(struct ws_dec *d)
{
	if (d->work == NULL) {
		struct ws_work *w = alloc_get(d->al, sizeof *w);
		if (w == NULL)
			return NULL;
		memset(w, 0, sizeof *w);
		buf_init(&w->msg, d->al, SIZE_MAX);
		buf_init(&w->out, d->al, SIZE_MAX);
		d->work = w;
	}
	return d->work;
}

void ws_dec_fini(struct ws_dec *d)
{
	work_free(d);
	ws_inflate_free(d->zin);
	d->zin = NULL;
}

void ws_dec_feed(struct ws_dec *d, struct bytes in)
{
	assert(d->in.n == 0 || d->state >= S_CLOSED);
	d->in = in;
}

bool ws_dec_busy(const struct ws_dec *d)
{
	if (d->state == S_PAYLOAD || (d->state == S_HEADER && d->hdr_n > 0))
		return true;
	return d->state == S_HEADER && d->work != NULL && d->work->op != 0;
}

bool ws_dec_at_frame(const struct ws_dec *d)
{
	return d->state != S_PAYLOAD && (d->state != S_HEADER || d->hdr_n == 0);
}

bool ws_dec_park(struct ws_dec *d, uint64_t *off)
{
	if (d->state != S_HEADER || d->hdr_n > 0 || d->work != NULL || d->zin != NULL || d->pmd.on ||
		d->in.n > 0)
		return false;
	*off = d->off;
	return true;
}

enum ws_err ws_dec_err(const struct ws_dec *d)
{
	return d->state == S_ERROR ? (enum ws_err)d->err : WS_E_NONE;
}

static void use(struct ws_dec *d, size_t n)
{
	d->in = bytes_sub(d->in, n, d->in.n - n);
	d->off += n;
}

static enum ws_ev_kind fail(struct ws_dec *d, struct ws_ev *ev, enum ws_err e, uint64_t off)
{
	work_free(d);
	ws_inflate_free(d->zin);
	d->zin = NULL;
	d->flags = 0;
	d->state = S_ERROR;
	d->err = (uint8_t)e;
	d->left = off;
	ev->off = off;
	ev->err = ws_err_info(e, off);
	return ev->kind = WS_ERROR;
}

/* ---- header ---------------------------------------------------------------------------------------------------- */

static bool is_control(unsigned op)
{
	return op >= 8;
}

static enum ws_err check_first(const struct ws_dec *d, uint8_t h)
{
	unsigned op = h & 15, rsv = h >> 4 & 7;
	bool fin = h & 0x80, inside = d->work != NULL && d->work->op != 0;
	if (rsv & (d->pmd.on ? 3u : 7u))
		return WS_E_RSV;
	if ((op > 2 && op < 8) || op > 10)
		return WS_E_OPCODE;
	if (rsv && (is_control(op) || op == WS_CONT))
		return WS_E_RSV1_PLACE;
	if (is_control(op))
		return fin ? WS_E_NONE : WS_E_CONTROL_FRAGMENTED;
	if (op == WS_CONT && !inside)
		return WS_E_CONT_ORPHAN;
	if (op != WS_CONT && inside)
		return WS_E_CONT_EXPECTED;
	if (inside && d->work->n_frames >= d->lim->fragments_max)
		return WS_E_FRAGMENTS;
	return WS_E_NONE;
}

/* Payload octets that may still come in the message this header belongs to. A compressed message may be a little longer
 * than what it holds (stored blocks); the limit itself is then checked on what comes out. */
static uint64_t room(const struct ws_dec *d)
{
	uint64_t max = d->lim->message_octets_max, have = 0;
	bool compressed = d->hdr[0] & 0x40;
	if (d->work != NULL && d->work->op != 0) {
		have = d->work->wire_octets;
		compressed = d->work->compressed;
	}
	if (compressed && max < UINT64_MAX / 2)
		max += max / 64 + 64;
	return max - have;
}

/* The payload length lies between lo and hi, as far as is known. */
static enum ws_err check_length(const struct ws_dec *d, uint64_t lo, uint64_t hi)
{
	unsigned form = d->hdr[1] & 0x7f;
	if (form == 127 && lo >> 63)
		return WS_E_LENGTH_MSB;
	if ((form == 126 && hi < 126) || (form == 127 && hi < 65536))
		return WS_E_LENGTH_MINIMAL;
	if (!is_control(d->hdr[0] & 15) && lo > room(d))
		return WS_E_TOO_BIG;
	return WS_E_NONE;
}

static enum ws_err check_second(const struct ws_dec *d)
{
	unsigned op = d->hdr[0] & 15, len = d->hdr[1] & 0x7f;
	bool mask = d->hdr[1] & 0x80;
	if (mask != (d->role == WS_SERVER))
		return mask ? WS_E_MASK_PRESENT : WS_E_MASK_MISSING;
	if (is_control(op) && len > WS_CONTROL_MAX)
		return WS_E_CONTROL_LONG;
	if (op == WS_OP_CLOSE && len == 1)
		return WS_E_CLOSE_LENGTH;
	return len < 126 ? check_length(d, len, len) : WS_E_NONE;
}

static unsigned ext_octets(const struct ws_dec *d)
{
	unsigned len = d->hdr[1] & 0x7f;
	return len == 127 ? 8 : len == 126 ? 2 : 0;
}

static unsigned header_octets(const struct ws_dec *d)
{
	return 2 + ext_octets(d) + (d->hdr[1] & 0x80 ? 4 : 0);
}

/* Judges the header by its first hdr_n octets, the last of which is new. */
static enum ws_err check_octet(const struct ws_dec *d)
{
	if (d->hdr_n == 1)
		return check_first(d, d->hdr[0]);
	if (d->hdr_n == 2)
		return check_second(d);
	unsigned ext = ext_octets(d), have = d->hdr_n - 2u;
	if (have > ext)
		return WS_E_NONE;
	uint64_t lo = 0, hi = 0;
	for (unsigned i = 0; i < ext; i++) {
		lo = lo << 8 | (i < have ? d->hdr[2 + i] : 0);
		hi = hi << 8 | (i < have ? d->hdr[2 + i] : 0xff);
	}
	return check_length(d, lo, hi);
}

static enum ws_ev_kind header_done(struct ws_dec *d, struct ws_ev *ev)
{
	struct ws_work *w = work_get(d);
	if (w == NULL)
		return fail(d, ev, WS_E_MEMORY, d->off);
	struct ws_frame *f = &w->frame;
	unsigned ext = ext_octets(d);
	*f = (struct ws_frame){
		.off = d->off - d->hdr_n,
		.pay_off = d->off,
		.pay_len = ext == 8   ? be64_get(d->hdr + 2)
			   : ext == 2 ? be16_get(d->hdr + 2)
				      : d->hdr[1] & 0x7fu,
		.hdr_len = d->hdr_n,
		.fin = d->hdr[0] >> 7,
		.rsv = d->hdr[0] >> 4 & 7,
		.op = d->hdr[0] & 15,
		.mask = d->hdr[1] >> 7,
	};
	if (f->mask)
		memcpy(f->key, d->hdr + 2 + ext, 4);
	d->hdr_n = 0;
	d->left = f->pay_len;
	d->state = S_PAYLOAD;
	w->phase = 0;
	w->ctl_n = 0;
	w->ctl_utf8 = UTF8_START;
	if (!is_control(f->op)) {
		if (f->op != WS_CONT) {
			w->op = f->op;
			w->msg_off = f->off;
			w->compressed = f->rsv == 4;
			w->n_frames = 0;
			w->wire_octets = 0;
			w->utf8 = UTF8_START;
		}
		w->n_frames++;
		w->wire_octets += f->pay_len;
	}
	ev->off = f->off;
	ev->len = f->hdr_len;
	ev->frame = *f;
	return ev->kind = WS_FRAME;
}

/* The masking key needs no judgement: what there is of it is taken at once. */
static void take_key(struct ws_dec *d)
{
	if (d->hdr_n < 2 || d->hdr_n < 2 + ext_octets(d))
		return;
	size_t n = header_octets(d) - d->hdr_n;
	if (n > d->in.n)
		n = d->in.n;
	if (n > 0)
		memcpy(d->hdr + d->hdr_n, d->in.p, n);
	d->hdr_n = (uint8_t)(d->hdr_n + n);
	use(d, n);
}

static enum ws_ev_kind do_header(struct ws_dec *d, struct ws_ev *ev)
{
	for (;;) {
		if (d->hdr_n >= 2 && d->hdr_n == header_octets(d))
			return header_done(d, ev);
		if (d->in.n == 0)
			return ev->kind = WS_NEED;
		d->hdr[d->hdr_n++] = d->in.p[0];
		use(d, 1);
		enum ws_err e = check_octet(d);
		if (e != WS_E_NONE)
			return fail(d, ev, e, d->off);
		take_key(d);
	}
}

/* ---- payload --------------------------------------------------------------------------------------------------- */

static enum ws_err take_control(struct ws_dec *d, struct ws_work *w, uint64_t *at)
{
	size_t n = d->in.n < d->left ? d->in.n : (size_t)d->left;
	uint8_t *to = w->ctl + w->ctl_n;
	if (w->frame.mask)
		w->phase = (uint8_t)ws_mask(to, d->in.p, n, w->frame.key, w->phase);
	else if (n > 0)
		memcpy(to, d->in.p, n);
	unsigned had = w->ctl_n;
	w->ctl_n = (uint8_t)(had + n);
	use(d, n);
	d->left -= n;
	if (w->frame.op != WS_OP_CLOSE)
		return WS_E_NONE;
	if (had < 2 && w->ctl_n >= 2 && !ws_close_code_legal(be16_get(w->ctl))) {
		*at = w->frame.pay_off + 2;
		return WS_E_CLOSE_CODE;
	}
	if (w->ctl_n > 2) {
		unsigned start = had > 2 ? had : 2;
		struct bytes text = {w->ctl + start, w->ctl_n - start};
		size_t good = utf8_check(&w->ctl_utf8, text);
		*at = w->frame.pay_off + start + good + 1;
		if (good < text.n)
			return WS_E_CLOSE_UTF8;
	}
	*at = d->off;
	return d->left == 0 && w->ctl_utf8 != UTF8_START ? WS_E_CLOSE_UTF8 : WS_E_NONE;
}

static enum ws_ev_kind control_done(struct ws_dec *d, struct ws_work *w, struct ws_ev *ev)
{
	struct bytes p = {w->ctl, w->ctl_n};
	ev->op = w->frame.op;
	ev->off = w->frame.off;
	ev->len = d->off - w->frame.off;
	ev->data = p;
	d->state = S_HEADER;
	d->flags |= F_LENT;
	if (w->frame.op != WS_OP_CLOSE)
		return ev->kind = w->frame.op == WS_OP_PING ? WS_PING : WS_PONG;
	d->state = S_CLOSED;
	ev->code = p.n >= 2 ? be16_get(p.p) : WS_CLOSE_NO_STATUS;
	ev->data = p.n >= 2 ? bytes_sub(p, 2, p.n - 2) : BYTES_NONE;
	return ev->kind = WS_CLOSE;
}

/* Takes what there is of a data frame's payload. *whole is set, and nothing copied, when an unfragmented plain message
 * lies complete in the input. */
static enum ws_err take_data(struct ws_dec *d, struct ws_work *w, struct bytes *whole, uint64_t *at)
{
	const struct ws_frame *f = &w->frame;
	size_t n = d->in.n < d->left ? d->in.n : (size_t)d->left;
	struct bytes piece = bytes_sub(d->in, 0, n);
	uint64_t piece_off = d->off;
	*at = d->off + n;
	if (n == d->left && n == f->pay_len && f->fin && w->n_frames == 1 && !f->mask) {
		*whole = piece;
	} else if (n > 0) {
		if (!buf_reserve(&w->msg, n))
			return WS_E_MEMORY;
		uint8_t *to = w->msg.p + w->msg.n;
		if (f->mask)
			w->phase = (uint8_t)ws_mask(to, piece.p, n, f->key, w->phase);
		else
			memcpy(to, piece.p, n);
		w->msg.n += n;
		piece.p = to;
	}
	use(d, n);
	d->left -= n;
	if (w->op == WS_TEXT && !w->compressed) {
		size_t good = utf8_check(&w->utf8, piece);
		if (good < n) {
			*at = piece_off + good + 1;
			return WS_E_UTF8;
		}
		if (d->left == 0 && f->fin && w->utf8 != UTF8_START)
			return WS_E_UTF8;
	}
	return WS_E_NONE;
}

static enum ws_err decompress(struct ws_dec *d, struct ws_work *w, struct bytes *data)
{
	if (d->zin == NULL && (d->zin = ws_inflate_new(d->al, d->pmd.window_bits)) == NULL)
		return WS_E_MEMORY;
	enum ws_err e = ws_inflate(d->zin, *data, &w->out, d->lim->message_octets_max);
	if (d->pmd.no_context_takeover) {
		ws_inflate_free(d->zin);
		d->zin = NULL;
	}
	*data = buf_bytes(&w->out);
	if (e == WS_E_NONE && w->op == WS_TEXT && !utf8_valid(*data))
		e = WS_E_UTF8;
	return e;
}

static enum ws_ev_kind do_payload(struct ws_dec *d, struct ws_ev *ev)
{
	struct ws_work *w = d->work;
	struct bytes data = BYTES_NONE;
	uint64_t at = d->off;
	bool control = is_control(w->frame.op);
	enum ws_err e = control ? take_control(d, w, &at) : take_data(d, w, &data, &at);
	if (e != WS_E_NONE)
		return fail(d, ev, e, at);
	if (d->left > 0)
		return ev->kind = WS_NEED;
	if (control)
		return control_done(d, w, ev);
	d->state = S_HEADER;
	if (!w->frame.fin)
		return WS_NEED; /* go on with the next header */
	if (data.p == NULL)
		data = buf_bytes(&w->msg);
	if (w->compressed && (e = decompress(d, w, &data)) != WS_E_NONE)
		return fail(d, ev, e, d->off);
	ev->off = w->msg_off;
	ev->len = d->off - w->msg_off;
	ev->op = w->op;
	ev->compressed = w->compressed;
	ev->n_frames = w->n_frames;
	ev->wire_octets = w->wire_octets;
	ev->data = data;
	w->op = 0;
	d->flags |= F_LENT | F_LENT_MSG;
	return ev->kind = WS_MESSAGE;
}

enum ws_ev_kind ws_dec_next(struct ws_dec *d, struct ws_ev *ev)
{
	memset(ev, 0, sizeof *ev);
	if (d->flags & F_LENT_MSG) {
		d->work->msg.n = 0;
		d->work->out.n = 0;
	}
	d->flags = 0;
	for (;;) {
		ev->off = d->off;
		switch (d->state) {
		case S_HEADER:
			if (do_header(d, ev) != WS_NEED)
				return ev->kind;
			if (d->work != NULL && d->work->op == 0)
				work_free(d);
			return WS_NEED;
		case S_PAYLOAD:
			if (d->in.n == 0 && d->left > 0)
				return ev->kind = WS_NEED;
			if (do_payload(d, ev) != WS_NEED || d->state == S_PAYLOAD)
				return ev->kind;
			break;
		case S_CLOSED:
			work_free(d);
			use(d, d->in.n);
			return ev->kind = WS_CLOSED;
		default:
			return fail(d, ev, (enum ws_err)d->err, d->left);
		}
	}
}
