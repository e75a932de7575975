/*
 * tech: the table of techniques, application messages and their octets, the output queue. See tech.h.
 */
#include "proto/tech/tech_int.h"

#include <string.h>

static const struct tech_def defs[TECH_KINDS] = {
#define X(id, name, title, path, ref, sentence) {#id, name, title, path, ref, sentence},
#include "proto/tech/techs.def"
#undef X
};

const struct tech_def *tech_def(enum tech_kind k)
{
	return &defs[k];
}

int tech_find(const char *name)
{
	for (int k = 0; k < (int)TECH_KINDS; k++)
		if (!strcmp(defs[k].name, name))
			return k;
	return -1;
}

/* SplitMix64's finaliser over a position that no two draws share. */
uint64_t tech_mix(uint64_t seed, uint64_t salt, uint64_t ordinal)
{
	return mix64((seed ^ salt) + (ordinal + 1) * MIX64_STEP);
}

void tech_min(int64_t *at, int64_t t)
{
	if (t < *at)
		*at = t;
}

/* ---- messages --------------------------------------------------------------------------------------------- */

static const char filler[] =
	"lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor "
	"invidunt ut labore et dolore magna aliquyam erat ";

/* {"id":17,"news":4,"text":"…"}; when there is no room for a text, blanks before the brace fill up. */
static void put_payload(struct buf *b, const char *name, uint64_t id, uint64_t n, uint32_t size)
{
	buf_str(b, "{\"id\":");
	buf_dec(b, id);
	buf_str(b, ",\"");
	buf_str(b, name);
	buf_str(b, "\":");
	buf_dec(b, n);
	size_t left = size > b->n + 1 ? size - b->n - 1 : 0;
	if (left >= 10) {
		buf_str(b, ",\"text\":\"");
		for (size_t i = 0; i < left - 10; i++)
			buf_u8(b, (unsigned char)filler[(i + id * 6) % (sizeof filler - 1)]);
		buf_u8(b, '"');
	} else {
		while (left--)
			buf_u8(b, ' ');
	}
	buf_u8(b, '}');
}

struct tech_msg *tech_msg_new(
	const struct alloc *al, const char *name, uint64_t id, uint64_t n, uint32_t size)
{
	struct tech_msg *m = alloc_get(al, sizeof *m);
	struct buf b;
	if (!m)
		return NULL;
	*m = (struct tech_msg){.al = al, .refs = 1, .id = id, .n = n, .to_lo = 1, .to_hi = UINT32_MAX};
	buf_init(&b, al, (size_t)size + TECH_HEAD_MAX);
	put_payload(&b, name, id, n, size);
	m->payload = buf_blob(&b);
	buf_fini(&b);
	if (!m->payload) {
		alloc_put(al, m, sizeof *m);
		return NULL;
	}
	return m;
}

struct tech_msg *tech_msg_ref(struct tech_msg *m)
{
	m->refs++;
	return m;
}

void tech_msg_unref(struct tech_msg *m)
{
	if (often(!m || --m->refs))
		return;
	blob_unref(m->payload);
	for (int f = 0; f < (int)TECH_FORMS; f++)
		blob_unref(m->form[f].blob);
	alloc_put(m->al, m, sizeof *m);
}

static bool eat(struct bytes *b, const char *lit)
{
	size_t n = strlen(lit);
	if (b->n < n || memcmp(b->p, lit, n) != 0)
		return false;
	*b = bytes_sub(*b, n, b->n - n);
	return true;
}

static bool eat_number(struct bytes *b, uint64_t *v)
{
	size_t i = 0;
	*v = 0;
	while (i < b->n && i < 19 && b->p[i] >= '0' && b->p[i] <= '9')
		*v = *v * 10 + (uint64_t)(b->p[i++] - '0');
	*b = bytes_sub(*b, i, b->n - i);
	return i > 0;
}

bool tech_ident_read(struct bytes payload, struct tech_ident *out)
{
	struct bytes b = payload;
	if (!eat(&b, "{\"id\":") || !eat_number(&b, &out->id) || !eat(&b, ",\""))
		return false;
	size_t n = 0;
	while (n < b.n && b.p[n] != '"' && b.p[n] != '\\')
		n++;
	out->name = bytes_sub(b, 0, n);
	b = bytes_sub(b, n, b.n - n);
	return n > 0 && eat(&b, "\":") && eat_number(&b, &out->n) && b.n > 0 && out->id > 0;
}

/* The length of the JSON object b begins with, 0 if it does not end. */
static size_t object_len(struct bytes b)
{
	unsigned depth = 0;
	bool str = false;
	for (size_t i = 0; i < b.n; i++) {
		uint8_t ch = b.p[i];
		if (str) {
			if (ch == '\\')
				i++;
			else if (ch == '"')
				str = false;
		} else if (ch == '"') {
			str = true;
		} else if (ch == '{') {
			depth++;
		} else if (ch == '}' && --depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

bool tech_list_next(struct bytes *rest, struct bytes *payload)
{
	if (!eat(rest, "{\"messages\":["))
		eat(rest, ",");
	if (!rest->n || rest->p[0] != '{')
		return false;
	size_t n = object_len(*rest);
	if (!n)
		return false;
	*payload = bytes_sub(*rest, 0, n);
	*rest = bytes_sub(*rest, n, rest->n - n);
	return true;
}

void tech_form_make(struct tech_msg *m, enum tech_form f)
{
	struct bytes pay = slice_bytes(slice_of(m->payload));
	uint32_t at = 0, behind = 0;
	struct buf b, ev, id;
	buf_init(&b, m->al, pay.n + TECH_HEAD_MAX);
	buf_init(&ev, m->al, pay.n + TECH_HEAD_MAX);
	if (f == TECH_FORM_WS) {
		ws_put_message(&b, WS_TEXT, pay, NULL);
	} else {
		buf_init(&id, m->al, 32);
		buf_dec(&id, m->id);
		sse_put_event(&ev, BYTES_NONE, buf_bytes(&id), pay);
		buf_fini(&id);
		if (f == TECH_FORM_SSE_CHUNK &&
			!ev.failed) { /* the event stands between size line and CRLF */
			h1_put_chunk(&b, buf_bytes(&ev), BYTES_NONE);
			behind = 2;
			at = (uint32_t)(b.n - ev.n) - behind;
		} else {
			buf_add(&b, buf_bytes(&ev));
		}
	}
	m->form[f].blob = ev.failed ? NULL : buf_blob(&b);
	m->form[f].at = at;
	m->form[f].len = m->form[f].blob ? m->form[f].blob->len - at - behind : 0;
	buf_fini(&b);
	buf_fini(&ev);
}

/* ---- the output queue ------------------------------------------------------------------------------------- */

void tech_outs_init(struct tech_outs *q, const struct alloc *al)
{
	*q = (struct tech_outs){.al = al};
}

void tech_outs_fini(struct tech_outs *q)
{
	struct tech_out o;
	while (tech_next(q, &o))
		if (o.kind == TECH_OUT_WRITE)
			blob_unref(o.data.blob);
	alloc_put(q->al, q->v, q->cap * sizeof *q->v);
	*q = (struct tech_outs){.al = q->al};
}

bool tech_outs_grow(struct tech_outs *q)
{
	size_t cap = q->cap ? q->cap * 2 : 16;
	void *v = q->al->resize(q->al->ctx, q->v, q->cap * sizeof *q->v, cap * sizeof *q->v);
	if (!v) {
		q->failed = true;
		return false;
	}
	q->v = v;
	q->cap = cap;
	return true;
}

struct tech_out *tech_push(struct tech_outs *q, enum tech_out_kind kind, uint32_t conn)
{
	return tech_put(q, kind, conn);
}

struct tech_out *tech_write(struct tech_outs *q, uint32_t conn, struct blob *owned, enum tech_unit unit)
{
	struct tech_out *o = owned ? tech_put(q, TECH_OUT_WRITE, conn) : NULL;
	if (rare(!o)) {
		q->failed = true;
		blob_unref(owned);
		return NULL;
	}
	o->data = slice_of(owned);
	o->unit = (uint8_t)unit;
	o->ulen = owned->len;
	return o;
}

void tech_unit(struct tech_outs *q, uint32_t conn, enum tech_unit unit, uint64_t off, uint64_t len)
{
	struct tech_out *o = tech_put(q, TECH_OUT_UNIT, conn);
	if (often(o)) {
		o->unit = (uint8_t)unit;
		o->off = off;
		o->len = len;
	}
}

struct tech_out *tech_note(struct tech_outs *q, uint32_t conn, enum tech_note note, int64_t a, int64_t b)
{
	struct tech_out *o = tech_push(q, TECH_OUT_NOTE, conn);
	if (o) {
		o->note = (uint8_t)note;
		o->a = a;
		o->b = b;
	}
	return o;
}

void tech_message(struct tech_outs *q, uint32_t conn, const struct tech_ident *id, size_t size)
{
	struct tech_out *o = tech_push(q, TECH_OUT_MESSAGE, conn);
	if (o) {
		o->id = id->id;
		o->n = id->n;
		o->size = (uint32_t)size;
	}
}

/* ---- words for units -------------------------------------------------------------------------------------- */

struct text {
	char *p;
	size_t n, cap;
};

static void say(struct text *t, struct bytes b)
{
	for (size_t i = 0; i < b.n && t->n + 1 < t->cap; i++)
		t->p[t->n++] = b.p[i] < 0x20 || b.p[i] == 0x7f ? ' ' : (char)b.p[i];
	t->p[t->n] = 0;
}

static void say_number(struct text *t, uint64_t v)
{
	char d[20];
	size_t i = sizeof d;
	do
		d[--i] = (char)('0' + v % 10);
	while (v /= 10);
	say(t, (struct bytes){(const uint8_t *)d + i, sizeof d - i});
}

static struct bytes first_line(struct bytes b)
{
	size_t n = 0;
	while (n < b.n && b.p[n] != '\r' && b.p[n] != '\n')
		n++;
	return bytes_sub(b, 0, n);
}

/* What stands behind the empty line of a head. */
static struct bytes body_of(struct bytes b)
{
	for (size_t i = 0; i + 4 <= b.n; i++)
		if (!memcmp(b.p + i, "\r\n\r\n", 4))
			return bytes_sub(b, i + 4, b.n - i - 4);
	return BYTES_NONE;
}

static bool holds(struct bytes b, const char *lit)
{
	size_t n = strlen(lit);
	for (size_t i = 0; i + n <= b.n; i++)
		if (!memcmp(b.p + i, lit, n))
			return true;
	return false;
}

/* ": news 4", when the payload is one of our messages. */
static void say_ident(struct text *t, const char *before, struct bytes payload)
{
	struct tech_ident id;
	if (!tech_ident_read(payload, &id))
		return;
	say(t, bytes_str(before));
	say(t, id.name);
	say(t, bytes_str(" "));
	say_number(t, id.n);
}

static void say_response(struct text *t, struct bytes b)
{
	struct bytes line = first_line(b), body = body_of(b), head = bytes_sub(b, 0, b.n - body.n), payload;
	size_t n = 0;
	if (line.n > 9 && !memcmp(line.p, "HTTP/1.", 7))
		line = bytes_sub(line, 9, line.n - 9);
	say(t, line);
	if (holds(head, "text/event-stream"))
		say(t, bytes_str(", event stream"));
	if (!body.n)
		return;
	say(t, bytes_str(", "));
	say_number(t, body.n);
	say(t, bytes_str(" bytes"));
	for (struct bytes rest = body; tech_list_next(&rest, &payload); n++)
		if (!n)
			say_ident(t, ": ", payload);
	if (n > 1) {
		say(t, bytes_str(" and "));
		say_number(t, n - 1);
		say(t, bytes_str(" more"));
	}
}

/* The message if it is one of ours, else the beginning of the data. */
static void say_event(struct text *t, struct bytes b)
{
	while (b.n) {
		struct bytes line = first_line(b);
		if (line.n > 6 && !memcmp(line.p, "data: ", 6)) {
			size_t at = t->n;
			struct bytes data = bytes_sub(line, 6, line.n - 6);
			say_ident(t, "", data);
			if (t->n == at)
				say(t, bytes_sub(data, 0, data.n < 60 ? data.n : 60));
			return;
		}
		b = bytes_sub(
			b, line.n + 1 < b.n ? line.n + 1 : b.n, line.n + 1 < b.n ? b.n - line.n - 1 : 0);
	}
}

#define SAY_PAYLOAD_MAX 96 /* octets of a masked payload that are looked at */

static void say_frame(struct text *t, struct bytes b)
{
	if (b.n < 2)
		return;
	unsigned op = b.p[0] & 15, len7 = b.p[1] & 127, masked = b.p[1] >> 7;
	size_t head = 2 + (len7 == 126 ? 2 : len7 == 127 ? 8 : 0);
	if (b.n < head + 4 * masked)
		return;
	uint64_t len = len7 == 126 ? be16_get(b.p + 2) : len7 == 127 ? be64_get(b.p + 2) : len7;
	uint8_t plain[SAY_PAYLOAD_MAX];
	struct bytes pay = bytes_sub(b, head + 4 * masked, b.n - head - 4 * masked);
	if (masked) {
		size_t n = pay.n < sizeof plain ? pay.n : sizeof plain;
		ws_mask(plain, pay.p, n, b.p + head, 0);
		pay = (struct bytes){plain, n};
	}
	say(t, bytes_str(ws_op_name(op)));
	if (op < 8 || len) {
		say(t, bytes_str(", "));
		say_number(t, len);
		say(t, bytes_str(" bytes"));
	}
	if (masked)
		say(t, bytes_str(", masked"));
	if (op == WS_TEXT)
		say_ident(t, ": ", pay);
	if (op == WS_OP_CLOSE && pay.n >= 2) {
		say(t, bytes_str(", code "));
		say_number(t, be16_get(pay.p));
	}
}

const char *tech_unit_text(enum tech_unit unit, struct bytes octets, char *out, size_t cap)
{
	struct text t = {out, 0, cap};
	struct bytes line = first_line(octets);
	out[0] = 0;
	switch (unit) {
	case TECH_UNIT_REQUEST:
		if (line.n > 9 && !memcmp(line.p + line.n - 9, " HTTP/1.", 8))
			line.n -= 9;
		say(&t, line);
		break;
	case TECH_UNIT_RESPONSE:
		say_response(&t, octets);
		break;
	case TECH_UNIT_EVENT:
		say_event(&t, octets);
		break;
	case TECH_UNIT_COMMENT:
		say(&t, line);
		break;
	case TECH_UNIT_FRAME:
		say_frame(&t, octets);
		break;
	case TECH_UNIT_TAIL:
		say(&t, bytes_str("last chunk"));
		break;
	case TECH_UNIT_NONE:
		break;
	}
	return out;
}
