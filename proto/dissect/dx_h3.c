/*
 * dx_h3: the octets of one HTTP/3 stream (RFC 9114): its type, frames, settings; field sections opened by QPACK as far
 * as the static table and literals reach (what the dynamic table held is on another stream).
 *
 * A stream that begins with 0x00 0x04 is taken for a control stream, with 0x02, 0x03 or 0x54 for one of those types,
 * anything else for a request stream.
 */
#include "proto/dissect/dx_int.h"
#include "proto/h3/h3.h"
#include "proto/qpack/qpack.h"
#include "proto/quic/quic.h"

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
	[F_FAULT] = {"h3.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 9114 8",
		"Here the stream or the connection has failed."},
};

struct view {
	struct dx_tree *t;
	uint32_t parent, src;
	size_t base;
};

static uint32_t put(struct view *v, uint32_t parent, unsigned f, size_t off, size_t len)
{
	return dx_octets(v->t, parent, &fields[f], v->src, v->base + off, len);
}

static void put_int(struct view *v, uint32_t parent, unsigned f, size_t off, size_t len, uint64_t value)
{
	dx_add(v->t, parent, &fields[f], v->src, (v->base + off) * 8, (uint64_t)len * 8, value);
}

static void put_section(struct view *v, uint32_t parent, size_t off, struct bytes section)
{
	struct qpack_dec d;
	struct hfields l;
	uint32_t node = put(v, parent, F_SECTION, off, section.n);
	qpack_dec_init(&d, v->t->al, 0, 0);
	hfields_init(&l, v->t->al, 1u << 20);
	if (section.n >= 2)
		put(v, node, F_PREFIX, off, 2);
	if (qpack_dec_section(&d, 0, section, &l) == 1) {
		struct buf text;
		buf_init(&text, v->t->al, SIZE_MAX);
		for (size_t i = 0; i < l.count; i++) {
			buf_add(&text, hfields_at(&l, i).name);
			buf_str(&text, ": ");
			buf_add(&text, hfields_at(&l, i).value);
			buf_str(&text, "\n");
		}
		uint32_t src = dx_source_add(v->t, "decoded fields", node, buf_bytes(&text), true);
		size_t at = 0;
		for (size_t i = 0; i < l.count && !text.failed; i++) {
			size_t n = hfields_at(&l, i).name.n + 2 + hfields_at(&l, i).value.n;
			dx_add(v->t, node, &fields[F_FIELD], src, (uint64_t)at * 8, (uint64_t)n * 8, 0);
			at += n + 1;
		}
		buf_fini(&text);
	} else if (section.n && section.p[0] == 0) {
		dx_flag(v->t, node, DX_BAD, "%s (%s)", d.err.what, d.err.ref);
	} else {
		dx_flag(v->t, node, 0, "refers to the dynamic table, whose insertions are on another stream");
	}
	hfields_fini(&l);
	qpack_dec_fini(&d);
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

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct view v = {t, parent, src, off};
	struct h3_dec d;
	struct h3_event ev;
	int r;
	h3_dec_init(&d, t->al, guess(in), !(h && h->direction_known && !h->to_server), NULL);
	if (!h3_dec_feed(&d, in))
		t->failed = true;
	while ((r = h3_dec_next(&d, &ev)) == 1) {
		if (ev.kind == H3_EV_FRAME)
			put_frame(&v, in, ev.frame);
		else if (ev.kind == H3_EV_RAW)
			put(&v, parent, F_RAW, (size_t)ev.off, ev.data.n);
		else
			put_start(&v, in, &ev, (size_t)d.off);
	}
	size_t end = (size_t)d.off;
	if (end < in.n) {
		uint32_t rest = put(&v, parent, F_FAULT, end, in.n - end);
		const struct h3_name *e = r < 0 ? h3_error_info((uint64_t)d.err.code) : NULL;
		if (r < 0)
			dx_flag(t, rest, DX_BAD, "%s (%s): %s", d.err.what, d.err.ref, e ? e->name : "error");
		else
			dx_flag(t, rest, DX_CUT, NULL);
	}
	h3_dec_fini(&d);
	return end;
}

const struct dx_proto dx_h3 = {"h3", "HTTP/3", "RFC 9114", fields, F_COUNT, dissect};
