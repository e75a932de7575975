/*
 * dx_h3: HTTP/3 (RFC 9114): stream types, frames, settings, field sections and QPACK's instructions (RFC 9204).
 *
 * The octets are one of two things:
 *   one stream     a first octet of 0x00 and a SETTINGS frame is a control stream; 0x02, 0x03 or 0x54 a stream of that type;
 *                  anything else a request stream. Field sections are opened as far as the static table and literals reach.
 *   many streams   the frames of unprotected QUIC payloads, one behind the other (RFC 9000 19.8): STREAM frames are put together by
 *                  stream. Each stream is shown in a source of its own, and field sections are opened with what the sender's
 *                  encoder stream has inserted by then (all of it: in which order streams arrived is not known here).
 */
#include "proto/dissect/dx_quic.h"
#include "proto/h3/h3.h"
#include "proto/qpack/qpack.h"

enum {
	F_STREAM_TYPE,
	F_SESSION,
	F_SIGNAL,
	F_FRAME,
	F_TYPE,
	F_LENGTH,
	F_DATA,
	F_SECTION,
	F_PREFIX,
	F_FIELD,
	F_SETTING,
	F_SETTING_ID,
	F_SETTING_VALUE,
	F_ID,
	F_PAYLOAD,
	F_RAW,
	F_STREAM,
	F_INSTRUCTION,
	F_QPACK_INT,
	F_QPACK_NAME,
	F_QPACK_VALUE,
	F_FAULT,
	F_COUNT
};

static const struct dx_name stream_types[] = {
#define X(type, name, ref, help) {type, name, help},
#include "proto/h3/streams.def"
#undef X
	{0, NULL, NULL},
};
static const struct dx_name frame_types[] = {
#define X(type, name, places, has_id, ref, help) {type, name, help},
#include "proto/h3/frames.def"
#undef X
	{0, NULL, NULL},
};
static const struct dx_name settings[] = {
#define X(id, name, ref, help) {id, name, help},
#include "proto/h3/settings.def"
#undef X
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_STREAM_TYPE] = {"h3.stream_type", "Stream Type", DX_HEX, DX_VARINT, stream_types, "RFC 9114 6.2",
		"What a unidirectional stream is for."},
	[F_SESSION] = {"h3.session", "Session ID", DX_UINT, DX_VARINT, NULL, "draft-ietf-webtrans-http3 4",
		"The CONNECT stream of the WebTransport session."},
	[F_SIGNAL] = {"h3.signal", "Signal", DX_HEX, DX_VARINT, NULL, "draft-ietf-webtrans-http3 4.2",
		"0x41: this stream belongs to WebTransport."},
	[F_FRAME] = {"h3", "HTTP/3 frame", DX_GROUP, DX_VARIES, NULL, "RFC 9114 7.1",
		"Control and request streams are made of frames."},
	[F_TYPE] = {"h3.type", "Type", DX_HEX, DX_VARINT, frame_types, "RFC 9114 7.2",
		"What the frame is; unknown ones are ignored."},
	[F_LENGTH] = {"h3.length", "Length", DX_UINT, DX_VARINT, NULL, "RFC 9114 7.1", "Octets of payload."},
	[F_DATA] = {"h3.data", "Data", DX_BYTES, DX_VARIES, NULL, "RFC 9114 7.2.1",
		"Octets of the message's content."},
	[F_SECTION] = {"h3.section", "Encoded Field Section", DX_BYTES, DX_VARIES, NULL, "RFC 9204 4.5",
		"Header or trailer fields, compressed by QPACK."},
	[F_PREFIX] = {"h3.section.prefix", "Field section prefix", DX_BYTES, DX_VARIES, NULL,
		"RFC 9204 4.5.1",
		"How many insertions must have come, and the Base that indices count from."},
	[F_FIELD] = {"h3.field", "Field", DX_TEXT, DX_VARIES, NULL, "RFC 9204 4.5",
		"A header field the section stands for."},
	[F_SETTING] = {"h3.setting", "Setting", DX_GROUP, DX_VARIES, NULL, "RFC 9114 7.2.4",
		"One parameter of the frame's sender."},
	[F_SETTING_ID] = {"h3.setting.id", "Identifier", DX_HEX, DX_VARINT, settings, "RFC 9114 7.2.4.1",
		"Which parameter; unknown ones are ignored."},
	[F_SETTING_VALUE] = {"h3.setting.value", "Value", DX_UINT, DX_VARINT, NULL, "RFC 9114 7.2.4",
		"Its value."},
	[F_ID] = {"h3.id", "Identifier", DX_UINT, DX_VARINT, NULL, "RFC 9114 7.2",
		"The stream or push the frame speaks of."},
	[F_PAYLOAD] = {"h3.payload", "Payload", DX_BYTES, DX_VARIES, NULL, "RFC 9114 7.1",
		"The payload of a type that is not taken apart here."},
	[F_RAW] = {"h3.raw", "Octets", DX_BYTES, DX_VARIES, NULL, "RFC 9114 6.2",
		"What the stream carries; it has no frames."},
	[F_STREAM] = {"h3.stream", "Stream", DX_GROUP, DX_VARIES, NULL, "RFC 9000 2.1",
		"The octets of one QUIC stream, put together from its STREAM frames."},
	[F_INSTRUCTION] = {"h3.qpack", "QPACK instruction", DX_GROUP, DX_VARIES, NULL, "RFC 9204 4.3, 4.4",
		"Changes the dynamic table, or tells its owner what has been read."},
	[F_QPACK_INT] = {"h3.qpack.value", "Capacity, index, stream or count", DX_UINT, DX_VARIES, NULL,
		"RFC 9204 4.1.1", "A prefixed integer; what it counts is the instruction's."},
	[F_QPACK_NAME] = {"h3.qpack.name", "Name", DX_BYTES, DX_VARIES, NULL, "RFC 9204 4.3.3",
		"The new entry's name, perhaps in Huffman code."},
	[F_QPACK_VALUE] = {"h3.qpack.text", "Value", DX_BYTES, DX_VARIES, NULL, "RFC 9204 4.3.2",
		"The new entry's value, perhaps in Huffman code."},
	[F_FAULT] = {"h3.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 9114 8",
		"Here the stream or the connection has failed."},
};

struct view {
	struct dx_tree *t;
	uint32_t parent, src;
	size_t base;
	struct qpack_dec *qpack; /* what the sender of this stream has inserted; NULL: not known */
	uint64_t stream;
};

static uint32_t put(struct view *v, uint32_t parent, unsigned f, size_t off, size_t len)
{
	return dx_octets(v->t, parent, &fields[f], v->src, v->base + off, len);
}

static void put_int(struct view *v, uint32_t parent, unsigned f, size_t off, size_t len, uint64_t value)
{
	dx_add(v->t, parent, &fields[f], v->src, (v->base + off) * 8, (uint64_t)len * 8, value);
}

static void put_fields(struct view *v, uint32_t node, const struct hfields *l)
{
	struct buf text;
	buf_init(&text, v->t->al, SIZE_MAX);
	for (size_t i = 0; i < l->count; i++) {
		buf_add(&text, hfields_at(l, i).name);
		buf_str(&text, ": ");
		buf_add(&text, hfields_at(l, i).value);
		buf_str(&text, "\n");
	}
	uint32_t src = dx_source_add(v->t, "decoded fields", node, buf_bytes(&text), true);
	size_t at = 0;
	for (size_t i = 0; i < l->count && !text.failed; i++) {
		size_t n = hfields_at(l, i).name.n + 2 + hfields_at(l, i).value.n;
		dx_add(v->t, node, &fields[F_FIELD], src, (uint64_t)at * 8, (uint64_t)n * 8, 0);
		at += n + 1;
	}
	buf_fini(&text);
}

/* How many octets Required Insert Count and Base take. */
static size_t prefix_len(struct bytes section)
{
	uint64_t v;
	size_t a = 0, b = 0;
	if (hp_int_read(section, 8, UINT64_MAX >> 2, HP_INT62_OCTETS_MAX, &v, &a) != HP_OK ||
		hp_int_read(bytes_sub(section, a, section.n - a), 7, UINT64_MAX >> 2, HP_INT62_OCTETS_MAX, &v,
			&b) != HP_OK)
		return 0;
	return a + b;
}

static void put_section(struct view *v, uint32_t parent, size_t off, struct bytes section)
{
	struct qpack_dec own, *d = v->qpack ? v->qpack : &own;
	struct hfields l;
	uint32_t node = put(v, parent, F_SECTION, off, section.n);
	qpack_dec_init(&own, v->t->al, 0, 0);
	hfields_init(&l, v->t->al, 1u << 20);
	size_t prefix = prefix_len(section);
	if (prefix)
		put(v, node, F_PREFIX, off, prefix);
	if (qpack_dec_section(d, v->stream, section, &l) == 1)
		put_fields(v, node, &l);
	else if (v->qpack || (section.n && section.p[0] == 0))
		dx_flag(v->t, node, DX_BAD, "%s (%s)", d->err.what ? d->err.what : "waits for insertions",
			d->err.ref ? d->err.ref : "RFC 9204 2.1.2");
	else
		dx_flag(v->t, node, 0, "refers to the dynamic table, whose insertions are on another stream");
	if (v->qpack && d->failed && d->err.code == QPACK_DECOMPRESSION_FAILED)
		d->failed = false; /* the next section is shown for itself */
	hfields_fini(&l);
	qpack_dec_fini(&own);
}

/* A string: what stands before its octets belongs to it. */
static bool put_string(
	struct view *v, uint32_t node, unsigned f, size_t off, struct bytes in, size_t *at, unsigned bits)
{
	size_t span = 0;
	if (hp_str_span(bytes_sub(in, *at, in.n - *at), bits, QPACK_STRING_MAX_DEFAULT, &span) != HP_OK)
		return false;
	put(v, node, f, off + *at, span);
	*at += span;
	return true;
}

/* One instruction at the start of `in`; 0: not whole, or not readable. */
static size_t put_instruction(struct view *v, size_t off, struct bytes in, bool encoder)
{
	enum qpack_kind kind = encoder ? qpack_encoder_kind(in.p[0]) : qpack_decoder_kind(in.p[0]);
	const struct qpack_kind_info *k = &qpack_kinds[kind];
	uint32_t before = v->t->n_nodes, node = put(v, v->parent, F_INSTRUCTION, off, in.n);
	size_t at = 0;
	uint64_t value = 0;
	bool ok = true;
	if (kind == QPACK_ENC_INSERT_LITERAL)
		ok = put_string(v, node, F_QPACK_NAME, off, in, &at, k->prefix_bits);
	else if ((ok = hp_int_read(in, k->prefix_bits, UINT64_MAX >> 2, HP_INT62_OCTETS_MAX, &value, &at) ==
			 HP_OK))
		put_int(v, node, F_QPACK_INT, off, at, value);
	if (ok && (kind == QPACK_ENC_INSERT_LITERAL || kind == QPACK_ENC_INSERT_NAME_REF))
		ok = put_string(v, node, F_QPACK_VALUE, off, in, &at, 7);
	if (node != DX_NONE && v->t->n_nodes > before)
		dx_set_len(v->t, node, ok ? at : in.n);
	if (ok)
		dx_flag(v->t, node, 0, "%s: %s", k->title, k->help);
	else
		dx_flag(v->t, node, DX_CUT, NULL);
	return ok ? at : 0;
}

static void put_instructions(struct view *v, size_t off, struct bytes in, bool encoder)
{
	size_t n;
	for (size_t at = 0; at < in.n; at += n)
		if (!(n = put_instruction(v, off + at, bytes_sub(in, at, in.n - at), encoder)))
			return;
}

static void put_settings(struct view *v, uint32_t g, const struct h3_frame *f)
{
	size_t at = (size_t)f->off + f->header_len, end = at + f->payload.n;
	for (uint32_t i = 0; i < f->n_settings && at < end; i++) {
		uint64_t x;
		struct bytes rest = bytes_sub(f->payload, f->payload.n - (end - at), end - at);
		size_t a = quic_varint_read(rest, &x),
		       b = quic_varint_read(bytes_sub(rest, a, rest.n - a), &x);
		uint32_t s = put(v, g, F_SETTING, at, a + b);
		put_int(v, s, F_SETTING_ID, at, a, f->settings[i].id);
		put_int(v, s, F_SETTING_VALUE, at + a, b, f->settings[i].value);
		at += a + b;
	}
}

static void put_frame(struct view *v, struct bytes in, const struct h3_frame *f)
{
	size_t off = (size_t)f->off, body = off + f->header_len, type_len = (size_t)1 << (in.p[off] >> 6);
	uint32_t g = put(v, v->parent, F_FRAME, off, f->header_len + f->payload.n);
	put_int(v, g, F_TYPE, off, type_len, f->type);
	put_int(v, g, F_LENGTH, off + type_len, f->header_len - type_len, f->length);
	if (f->type == H3_SETTINGS)
		put_settings(v, g, f);
	else if (f->type == H3_HEADERS)
		put_section(v, g, body, f->payload);
	else if (f->info && f->info->has_id) {
		put_int(v, g, F_ID, body, f->id_len, f->id);
		if (f->payload.n > f->id_len)
			put(v, g, F_PAYLOAD, body + f->id_len, f->payload.n - f->id_len);
	} else if (f->payload.n)
		put(v, g, f->type == H3_DATA ? F_DATA : F_PAYLOAD, body, f->payload.n);
	if (!f->info && h3_is_grease(f->type))
		dx_flag(v->t, g, 0, "a reserved type that exists to be ignored (RFC 9114 7.2.8)");
}

static enum h3_kind guess(struct bytes in)
{
	uint64_t type;
	size_t n = quic_varint_read(in, &type);
	if (n && (type == H3_STREAM_QPACK_ENCODER || type == H3_STREAM_QPACK_DECODER ||
			 type == H3_STREAM_WEBTRANSPORT))
		return H3_UNI_STREAM;
	return in.n >= 2 && in.p[0] == 0 && in.p[1] == H3_SETTINGS ? H3_UNI_STREAM : H3_REQUEST_STREAM;
}

static void put_start(struct view *v, struct bytes in, const struct h3_event *ev, size_t end)
{
	size_t n = (size_t)1 << (in.p[0] >> 6);
	put_int(v, v->parent, ev->kind == H3_EV_WT_STREAM ? F_SIGNAL : F_STREAM_TYPE, 0, n, ev->type);
	if (end > n)
		put_int(v, v->parent, F_SESSION, n, end - n, ev->id);
}

static void put_raw(struct view *v, const struct h3_event *ev)
{
	if (ev->type == H3_STREAM_QPACK_ENCODER || ev->type == H3_STREAM_QPACK_DECODER)
		put_instructions(v, (size_t)ev->off, ev->data, ev->type == H3_STREAM_QPACK_ENCODER);
	else
		put(v, v->parent, F_RAW, (size_t)ev->off, ev->data.n);
}

/* The octets of one stream. Returns how many of them made sense. */
static size_t put_stream(struct view *v, struct bytes in, enum h3_kind kind, bool to_server)
{
	struct h3_dec d;
	struct h3_event ev;
	int r;
	h3_dec_init(&d, v->t->al, kind, to_server, NULL);
	if (!h3_dec_feed(&d, in))
		v->t->failed = true;
	while ((r = h3_dec_next(&d, &ev)) == 1) {
		if (ev.kind == H3_EV_FRAME)
			put_frame(v, in, ev.frame);
		else if (ev.kind == H3_EV_RAW)
			put_raw(v, &ev);
		else
			put_start(v, in, &ev, (size_t)d.off);
	}
	size_t end = (size_t)d.off;
	if (end < in.n) {
		uint32_t rest = put(v, v->parent, F_FAULT, end, in.n - end);
		const struct h3_name *e = r < 0 ? h3_error_info((uint64_t)d.err.code) : NULL;
		if (r < 0)
			dx_flag(v->t, rest, DX_BAD, "%s (%s): %s", d.err.what, d.err.ref,
				e ? e->name : "error");
		else
			dx_flag(v->t, rest, DX_CUT, NULL);
	}
	h3_dec_fini(&d);
	return end;
}

/* ---- many streams, in STREAM frames */

#define STREAMS_MAX 64
#define STREAM_OCTETS_MAX (1u << 20)

struct streams {
	struct {
		uint64_t id;
		struct buf octets; /* as far as they follow one another from offset 0 */
		bool gap;
	} s[STREAMS_MAX];
	size_t n;
	bool responses;            /* the server's side of request streams */
	struct qpack_dec qpack[2]; /* what the client, the server inserts */
};

static void gather_frame(struct streams *all, const struct dx_tree *t, const struct quic_frame *f)
{
	size_t i = 0;
	while (i < all->n && all->s[i].id != f->id)
		i++;
	if (i == STREAMS_MAX)
		return;
	if (i == all->n) {
		all->s[i].gap = false;
		all->s[all->n++].id = f->id;
		buf_init(&all->s[i].octets, t->al, STREAM_OCTETS_MAX);
	}
	struct buf *b = &all->s[i].octets;
	if (f->offset > b->n) {
		all->s[i].gap = true; /* frames that came out of order are left to the next pass */
		return;
	}
	size_t seen = b->n - (size_t)f->offset;
	if (f->data.n > seen)
		buf_add(b, bytes_sub(f->data, seen, f->data.n - seen));
}

/* Frames may stand in any order: passes are made as long as they bring something. */
static void gather(struct streams *all, const struct dx_tree *t, struct bytes in)
{
	struct quic_frame f = {0};
	struct perr err;
	for (unsigned pass = 0; pass < STREAMS_MAX; pass++) {
		bool gap = false;
		size_t before = 0, after = 0;
		for (size_t i = 0; i < all->n; i++) {
			before += all->s[i].octets.n;
			all->s[i].gap = false;
		}
		for (size_t at = 0; quic_frame_read(in, at, QUIC_LONG_UNKNOWN, &f, &err) == 1;
			at = f.off + f.len)
			if (f.info->first == QUIC_STREAM)
				gather_frame(all, t, &f);
		for (size_t i = 0; i < all->n; i++) {
			after += all->s[i].octets.n;
			gap = gap || all->s[i].gap;
		}
		if (!gap || (pass && after == before))
			return;
	}
}

static bool is_uni(uint64_t stream)
{
	return stream & 2;
}

static bool by_server(uint64_t stream)
{
	return stream & 1;
}

/* The unidirectional stream of this type that a side has opened; NONE if there is none. */
static struct bytes stream_of(const struct streams *all, bool server, uint64_t type)
{
	for (size_t i = 0; i < all->n; i++) {
		uint64_t have;
		struct bytes b = buf_bytes(&all->s[i].octets);
		size_t n = quic_varint_read(b, &have);
		if (n && is_uni(all->s[i].id) && by_server(all->s[i].id) == server && have == type)
			return bytes_sub(b, n, b.n - n);
	}
	return BYTES_NONE;
}

/* The capacity a side's table may have is in the other side's SETTINGS; where these are not here, what is set is taken. */
static uint64_t allowed_capacity(const struct streams *all, const struct dx_tree *t, bool of_server)
{
	struct bytes control = stream_of(all, !of_server, H3_STREAM_CONTROL);
	struct bytes encoder = stream_of(all, of_server, H3_STREAM_QPACK_ENCODER);
	uint64_t capacity = 0;
	size_t used;
	struct h3_dec d;
	struct h3_event ev;
	if (encoder.n && qpack_encoder_kind(encoder.p[0]) == QPACK_ENC_CAPACITY)
		hp_int_read(encoder, 5, 1u << 30, HP_INT62_OCTETS_MAX, &capacity, &used);
	if (!control.n)
		return capacity;
	struct buf whole;
	buf_init(&whole, t->al, SIZE_MAX);
	buf_u8(&whole, H3_STREAM_CONTROL);
	buf_add(&whole, control);
	h3_dec_init(&d, t->al, H3_UNI_STREAM, !of_server, NULL);
	h3_dec_feed(&d, buf_bytes(&whole));
	while (h3_dec_next(&d, &ev) == 1)
		for (uint32_t i = 0; ev.kind == H3_EV_FRAME && i < ev.frame->n_settings; i++)
			if (ev.frame->settings[i].id == H3_SETTINGS_QPACK_MAX_TABLE_CAPACITY &&
				ev.frame->settings[i].value < 1u << 30)
				capacity = ev.frame->settings[i].value;
	h3_dec_fini(&d);
	buf_fini(&whole);
	return capacity;
}

static void put_one(struct dx_tree *t, uint32_t parent, struct streams *all, size_t i)
{
	static const char *const kinds[4] = {"request", "bidirectional, of the server",
		"unidirectional, of the client", "unidirectional, of the server"};
	uint64_t id = all->s[i].id;
	bool server = is_uni(id) ? by_server(id) : all->responses;
	struct bytes octets = buf_bytes(&all->s[i].octets);
	uint32_t src = dx_source_add(t, "stream", parent, octets, true);
	if (src == DX_NONE)
		return;
	uint32_t node = dx_octets(t, parent, &fields[F_STREAM], src, 0, octets.n);
	dx_flag(t, node, 0, "stream %llu, %s%s", (unsigned long long)id, kinds[id & 3],
		all->s[i].gap ? "; octets are missing" : "");
	struct view v = {t, node, src, 0, &all->qpack[server], id};
	put_stream(&v, octets, is_uni(id) ? H3_UNI_STREAM : H3_REQUEST_STREAM, !server);
}

/* One side's octets of request streams can be told: by the caller, or by who opened the unidirectional streams beside them. */
static bool are_responses(const struct streams *all, const struct dx_hints *h)
{
	bool opened[2] = {false, false};
	if (h && h->direction_known)
		return !h->to_server;
	for (size_t i = 0; i < all->n; i++)
		if (is_uni(all->s[i].id))
			opened[by_server(all->s[i].id)] = true;
	return opened[1] && !opened[0];
}

static size_t put_streams(struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, struct bytes in,
	const struct dx_hints *h)
{
	struct streams *all = alloc_get(t->al, sizeof *all);
	size_t end = dx_quic_frames(t, parent, src, off, in, QUIC_LONG_UNKNOWN);
	if (!all) {
		t->failed = true;
		return end;
	}
	all->n = 0;
	gather(all, t, in);
	all->responses = are_responses(all, h);
	for (unsigned side = 0; side < 2; side++) {
		qpack_dec_init(&all->qpack[side], t->al, allowed_capacity(all, t, side), 0);
		qpack_dec_encoder_stream(&all->qpack[side], stream_of(all, side, H3_STREAM_QPACK_ENCODER));
	}
	for (size_t i = 0; i < all->n; i++) {
		put_one(t, parent, all, i);
		t->failed = t->failed || all->s[i].octets.failed;
	}
	for (size_t i = 0; i < all->n; i++)
		buf_fini(&all->s[i].octets);
	qpack_dec_fini(&all->qpack[0]);
	qpack_dec_fini(&all->qpack[1]);
	alloc_put(t->al, all, sizeof *all);
	return end;
}

/* No stream of HTTP/3 begins with these: 0x08 and 0x09 are forbidden, the others unknown frame types on a request stream. */
static bool is_stream_frame(uint8_t first)
{
	return first >= QUIC_STREAM && first < QUIC_STREAM + 8;
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct quic_frame f = {0};
	struct perr err;
	if (in.n && is_stream_frame(in.p[0]) && quic_frame_read(in, 0, QUIC_LONG_UNKNOWN, &f, &err) == 1)
		return put_streams(t, parent, src, off, in, h);
	struct view v = {t, parent, src, off, NULL, 0};
	return put_stream(&v, in, guess(in), !(h && h->direction_known && !h->to_server));
}

const struct dx_proto dx_h3 = {"h3", "HTTP/3", "RFC 9114", fields, F_COUNT, dissect};
