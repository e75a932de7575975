/*
 * dx_h2: HTTP/2 frames field by field (RFC 9113 4.1, 6), header blocks opened by HPACK.
 *
 *   stream ─┬ preface (of a client)
 *           └ frame ─┬ length │ type │ flags, bit by bit │ R │ stream
 *                    └ payload: the fields of its type; a header block in one piece, or put together from its
 *                      HEADERS and CONTINUATION frames as a source of its own
 */
#include "proto/dissect/dx_hp.h"
#include "proto/h2/h2.h"

#include <string.h>

enum {
	F_PREFACE,
	F_FRAME,
	F_LENGTH,
	F_TYPE,
	F_FLAGS,
	F_END_STREAM,
	F_ACK,
	F_END_HEADERS,
	F_PADDED,
	F_PRIORITY_FLAG,
	F_FLAG_UNUSED,
	F_RESERVED,
	F_STREAM,
	F_PAD_LENGTH,
	F_PADDING,
	F_EXCLUSIVE,
	F_DEPENDENCY,
	F_WEIGHT,
	F_DATA,
	F_FRAGMENT,
	F_BLOCK,
	F_PROMISED,
	F_ERROR,
	F_SETTING,
	F_SETTING_ID,
	F_SETTING_VALUE,
	F_OPAQUE,
	F_LAST_STREAM,
	F_DEBUG,
	F_INCREMENT,
	F_PAYLOAD,
	F_FAULT,
	F_COUNT
};

static const struct dx_name types[] = {
#define X(type, name, stream, fixed, least, flags, ref, help) {type, name, help},
#include "proto/h2/types.def"
#undef X
	{0, NULL, NULL},
};
static const struct dx_name errors[] = {
#define X(code, name, ref, help) {code, name, help},
#include "proto/h2/errors.def"
#undef X
	{0, NULL, NULL},
};
static const struct dx_name settings[] = {
#define X(id, name, ref, help) {id, name, help},
#include "proto/h2/settings.def"
#undef X
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_PREFACE] = {"h2.preface", "Connection preface", DX_TEXT, 192, NULL, "RFC 9113 3.4",
		"A client begins with these 24 octets, which no HTTP/1.1 server takes for a request it could "
		"answer."},
	[F_FRAME] = {"h2", "HTTP/2 frame", DX_GROUP, DX_VARIES, NULL, "RFC 9113 4.1",
		"Everything on the connection is a frame."},
	[F_LENGTH] = {"h2.length", "Length", DX_UINT, 24, NULL, "RFC 9113 4.1",
		"Octets of payload, without these nine."},
	[F_TYPE] = {"h2.type", "Type", DX_UINT, 8, types, "RFC 9113 6", "What the frame is for."},
	[F_FLAGS] = {"h2.flags", "Flags", DX_HEX, 8, NULL, "RFC 9113 4.1",
		"Each type gives its flags a meaning of its own."},
	[F_END_STREAM] = {"h2.flags.end_stream", "END_STREAM", DX_BOOL, 1, NULL, "RFC 9113 5.1",
		"The sender sends nothing more on this stream."},
	[F_ACK] = {"h2.flags.ack", "ACK", DX_BOOL, 1, NULL, "RFC 9113 6.5",
		"This answers the peer's frame of the same type."},
	[F_END_HEADERS] = {"h2.flags.end_headers", "END_HEADERS", DX_BOOL, 1, NULL, "RFC 9113 6.2",
		"The header block is complete."},
	[F_PADDED] = {"h2.flags.padded", "PADDED", DX_BOOL, 1, NULL, "RFC 9113 6.1",
		"A padding length and padding are present."},
	[F_PRIORITY_FLAG] = {"h2.flags.priority", "PRIORITY", DX_BOOL, 1, NULL, "RFC 9113 6.2",
		"Dependency and weight are present."},
	[F_FLAG_UNUSED] = {"h2.flags.unused", "unused flag", DX_BOOL, 1, NULL, "RFC 9113 4.1",
		"A flag without a meaning for this type is sent as 0 and ignored."},
	[F_RESERVED] = {"h2.r", "R", DX_BOOL, 1, NULL, "RFC 9113 4.1",
		"A reserved bit, sent as 0 and ignored."},
	[F_STREAM] = {"h2.stream", "Stream Identifier", DX_UINT, 31, NULL, "RFC 9113 5.1.1",
		"The stream the frame belongs to; 0 is the connection. Clients open odd ones."},
	[F_PAD_LENGTH] = {"h2.pad_length", "Pad Length", DX_UINT, 8, NULL, "RFC 9113 6.1",
		"Octets of padding at the end of the frame."},
	[F_PADDING] = {"h2.padding", "Padding", DX_BYTES, DX_VARIES, NULL, "RFC 9113 6.1",
		"Zeros that hide how long the content is."},
	[F_EXCLUSIVE] = {"h2.exclusive", "E", DX_BOOL, 1, NULL, "RFC 9113 6.3",
		"The dependency was to be exclusive; deprecated."},
	[F_DEPENDENCY] = {"h2.dependency", "Stream Dependency", DX_UINT, 31, NULL, "RFC 9113 6.3",
		"The stream this one was to depend on; deprecated."},
	[F_WEIGHT] = {"h2.weight", "Weight", DX_UINT, 8, NULL, "RFC 9113 6.3",
		"The weight less one; deprecated."},
	[F_DATA] = {"h2.data", "Data", DX_BYTES, DX_VARIES, NULL, "RFC 9113 6.1",
		"Octets of the message's content."},
	[F_FRAGMENT] = {"h2.fragment", "Field Block Fragment", DX_BYTES, DX_VARIES, NULL, "RFC 9113 4.3",
		"A part of the header block, compressed by HPACK."},
	[F_BLOCK] = {"h2.block", "Header block put together", DX_BYTES, DX_VARIES, NULL, "RFC 9113 4.3",
		"The fragments of HEADERS and CONTINUATION in a row."},
	[F_PROMISED] = {"h2.promised", "Promised Stream ID", DX_UINT, 31, NULL, "RFC 9113 6.6",
		"The stream the pushed response will come on."},
	[F_ERROR] = {"h2.error", "Error Code", DX_HEX, 32, errors, "RFC 9113 7",
		"Why the stream or the connection ends."},
	[F_SETTING] = {"h2.setting", "Setting", DX_GROUP, DX_VARIES, NULL, "RFC 9113 6.5.1",
		"One parameter of the frame's sender."},
	[F_SETTING_ID] = {"h2.setting.id", "Identifier", DX_UINT, 16, settings, "RFC 9113 6.5.2",
		"Which parameter; unknown ones are ignored."},
	[F_SETTING_VALUE] = {"h2.setting.value", "Value", DX_UINT, 32, NULL, "RFC 9113 6.5.1", "Its value."},
	[F_OPAQUE] = {"h2.ping", "Opaque Data", DX_BYTES, 64, NULL, "RFC 9113 6.7",
		"The answer carries the same eight octets."},
	[F_LAST_STREAM] = {"h2.last_stream", "Last-Stream-ID", DX_UINT, 31, NULL, "RFC 9113 6.8",
		"Streams above this one have not been processed and may be tried again."},
	[F_DEBUG] = {"h2.debug", "Additional Debug Data", DX_TEXT, DX_VARIES, NULL, "RFC 9113 6.8",
		"Words for people who look for the fault."},
	[F_INCREMENT] = {"h2.increment", "Window Size Increment", DX_UINT, 31, NULL, "RFC 9113 6.9",
		"So many more octets of DATA may be sent."},
	[F_PAYLOAD] = {"h2.payload", "Payload", DX_BYTES, DX_VARIES, NULL, "RFC 9113 4.1",
		"The payload of a type that is not taken apart here."},
	[F_FAULT] = {"h2.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 9113 5.4.1",
		"Here the connection has failed."},
};

struct view {
	struct dx_tree *t;
	uint32_t parent, src, frame;
	size_t base;
	struct hpack_dec hpack;
	struct buf block; /* fragments of a block in several frames */
	bool in_block;
};

static uint32_t put(struct view *v, uint32_t parent, unsigned f, uint64_t off, size_t len)
{
	return dx_octets(v->t, parent, &fields[f], v->src, v->base + (size_t)off, len);
}

static void put_flags(struct view *v, const struct h2_frame *f)
{
	static const struct {
		unsigned bit, field;
	} known[] = {{0, F_END_STREAM}, {2, F_END_HEADERS}, {3, F_PADDED}, {5, F_PRIORITY_FLAG}};
	const struct h2_type_info *t = h2_type_info(f->type);
	uint32_t flags = put(v, v->frame, F_FLAGS, f->off + 4, 1);
	for (unsigned bit = 8; bit-- > 0;) {
		unsigned field = F_FLAG_UNUSED;
		for (size_t i = 0; i < 4; i++)
			if (known[i].bit == bit && t && (t->flags >> bit & 1))
				field = known[i].field;
		if (field == F_END_STREAM && (f->type == H2_SETTINGS || f->type == H2_PING))
			field = F_ACK;
		if (field != F_FLAG_UNUSED || (f->flags >> bit & 1))
			dx_bits(v->t, flags, &fields[field], v->src, v->base + (size_t)f->off + 4, 7 - bit,
				1);
	}
}

static void put_header(struct view *v, const struct h2_frame *f)
{
	put(v, v->frame, F_LENGTH, f->off, 3);
	put(v, v->frame, F_TYPE, f->off + 3, 1);
	put_flags(v, f);
	dx_bits(v->t, v->frame, &fields[F_RESERVED], v->src, v->base + (size_t)f->off + 5, 0, 1);
	dx_bits(v->t, v->frame, &fields[F_STREAM], v->src, v->base + (size_t)f->off + 5, 1, 31);
}

static void put_31(struct view *v, unsigned high, unsigned low, size_t off)
{
	dx_bits(v->t, v->frame, &fields[high], v->src, v->base + off, 0, 1);
	dx_bits(v->t, v->frame, &fields[low], v->src, v->base + off, 1, 31);
}

/* A header block: decoded where it stands, or put together first. */
static void put_fragment(struct view *v, const struct h2_frame *f, size_t at)
{
	bool end = f->flags & H2_FLAG_END_HEADERS;
	if (!v->in_block && end) {
		dx_hpack_block(v->t, v->frame, v->src, v->base + at, f->body.n, &v->hpack);
		return;
	}
	uint32_t node = put(v, v->frame, F_FRAGMENT, at, f->body.n);
	buf_add(&v->block, f->body);
	v->in_block = !end;
	if (!end)
		return;
	uint32_t src = dx_source_add(v->t, "header block", node, buf_bytes(&v->block), true);
	uint32_t whole = dx_add(v->t, node, &fields[F_BLOCK], src, 0, (uint64_t)v->block.n * 8, 0);
	dx_flag(v->t, whole, DX_DERIVED, NULL);
	if (src != DX_NONE)
		dx_hpack_block(v->t, whole, src, 0, v->block.n, &v->hpack);
	buf_clear(&v->block);
}

static void put_padded(struct view *v, const struct h2_frame *f, size_t at)
{
	size_t p = at;
	if (f->flags & H2_FLAG_PADDED)
		put(v, v->frame, F_PAD_LENGTH, p++, 1);
	if (f->type == H2_HEADERS && (f->flags & H2_FLAG_PRIORITY)) {
		put_31(v, F_EXCLUSIVE, F_DEPENDENCY, p);
		put(v, v->frame, F_WEIGHT, p + 4, 1);
	}
	if (f->type == H2_PUSH_PROMISE)
		put_31(v, F_RESERVED, F_PROMISED, p);
	p = at + f->body_off;
	if (f->type == H2_DATA)
		put(v, v->frame, F_DATA, p, f->body.n);
	else
		put_fragment(v, f, p);
	if (f->pad_len)
		put(v, v->frame, F_PADDING, p + f->body.n, f->pad_len);
}

static void put_settings(struct view *v, const struct h2_frame *f, size_t at)
{
	for (size_t i = 0; i < h2_frame_settings(f); i++) {
		uint32_t g = put(v, v->frame, F_SETTING, at + 6 * i, 6);
		put(v, g, F_SETTING_ID, at + 6 * i, 2);
		put(v, g, F_SETTING_VALUE, at + 6 * i + 2, 4);
	}
}

static void put_payload(struct view *v, const struct h2_frame *f)
{
	size_t at = (size_t)f->off + H2_HEADER_LEN;
	switch (f->type) {
	case H2_DATA:
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
		put_padded(v, f, at);
		return;
	case H2_CONTINUATION:
		v->in_block = true;
		put_fragment(v, f, at);
		return;
	case H2_PRIORITY:
		if (f->length < 5)
			break;
		put_31(v, F_EXCLUSIVE, F_DEPENDENCY, at);
		put(v, v->frame, F_WEIGHT, at + 4, 1);
		return;
	case H2_RST_STREAM:
		put(v, v->frame, F_ERROR, at, 4);
		return;
	case H2_SETTINGS:
		put_settings(v, f, at);
		return;
	case H2_PING:
		put(v, v->frame, F_OPAQUE, at, 8);
		return;
	case H2_GOAWAY:
		put_31(v, F_RESERVED, F_LAST_STREAM, at);
		put(v, v->frame, F_ERROR, at + 4, 4);
		if (f->body.n)
			put(v, v->frame, F_DEBUG, at + 8, f->body.n);
		return;
	case H2_WINDOW_UPDATE:
		put_31(v, F_RESERVED, F_INCREMENT, at);
		return;
	default:
		break;
	}
	if (f->length)
		put(v, v->frame, F_PAYLOAD, at, f->length);
}

/* What is left when the decoder stops: a frame cut off, or one that broke a rule. */
static void put_rest(struct view *v, struct bytes in, size_t off, const struct h2_fault *fault)
{
	if (off >= in.n)
		return;
	v->frame =
		put(v, v->parent, fault || in.n - off >= H2_HEADER_LEN ? F_FRAME : F_FAULT, off, in.n - off);
	if (in.n - off >= H2_HEADER_LEN) {
		struct h2_frame f = {.off = off};
		h2_header_read(in.p + off, &f);
		put_header(v, &f);
	}
	if (fault)
		dx_flag(v->t, v->frame, DX_BAD, "%s (%s): connection error %s", fault->err.what,
			fault->err.ref, h2_error_info((uint32_t)fault->err.code)->name);
	else
		dx_flag(v->t, v->frame, DX_CUT, NULL);
}

static size_t read_frames(struct view *v, struct bytes in, size_t off)
{
	struct h2_dec d;
	struct h2_frame f;
	int r = -1;
	h2_dec_init(&d, v->t->al, off);
	d.max_frame_size = H2_MAX_FRAME_SIZE_LIMIT; /* what the reader had allowed is not known here */
	if (!h2_dec_feed(&d, bytes_sub(in, off, in.n - off)))
		v->t->failed = true;
	while ((r = h2_dec_next(&d, &f)) == 1) {
		v->frame = put(v, v->parent, F_FRAME, f.off, H2_HEADER_LEN + f.length);
		put_header(v, &f);
		put_payload(v, &f);
		if (f.fault.scope == H2_STREAM_ERROR)
			dx_flag(v->t, v->frame, DX_BAD, "%s (%s): stream error %s", f.fault.err.what,
				f.fault.err.ref, h2_error_info((uint32_t)f.fault.err.code)->name);
	}
	size_t end = (size_t)d.off;
	put_rest(v, in, end, r < 0 ? &d.fault : NULL);
	h2_dec_fini(&d);
	return end;
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct view v = {.t = t, .parent = parent, .src = src, .base = off};
	struct bytes in = dx_source_bytes(t, src, off, len);
	size_t at = 0, n = in.n < H2_PREFACE_LEN ? in.n : H2_PREFACE_LEN;
	(void)h;
	hpack_dec_init(&v.hpack, t->al, 65536, HPACK_STRING_MAX_DEFAULT);
	buf_init(&v.block, t->al, SIZE_MAX);
	if (n >= 3 && memcmp(in.p, H2_PREFACE, n) == 0) {
		put(&v, parent, F_PREFACE, 0, n);
		at = n;
	}
	size_t end = read_frames(&v, in, at);
	hpack_dec_fini(&v.hpack);
	buf_fini(&v.block);
	return end;
}

const struct dx_proto dx_h2 = {"h2", "HTTP/2", "RFC 9113", fields, F_COUNT, dissect};
