/*
 * dx_quic_frames: the frames of an unprotected QUIC payload (RFC 9000 19, RFC 9221), field by field, led by the `parts` of
 * their table row as the codec is.
 */
#include "proto/dissect/dx_quic.h"

enum {
	F_FRAME,
	F_TYPE,
	F_STREAM,
	F_OFFSET,
	F_LENGTH,
	F_DATA,
	F_ERROR,
	F_CAUSE,
	F_FINAL_SIZE,
	F_MAXIMUM,
	F_SEQUENCE,
	F_RETIRE,
	F_CID_LEN,
	F_CID,
	F_RESET_TOKEN,
	F_LARGEST,
	F_DELAY,
	F_RANGES,
	F_FIRST_RANGE,
	F_GAP,
	F_RANGE,
	F_ECN,
	F_FAULT,
	F_COUNT
};

static const struct dx_name types[] = {
#define X(first, last, name, parts, packets, eliciting, ref, help) {first, name, help},
#include "proto/quic/frames.def"
#undef X
	{0, NULL, NULL},
};
static const struct dx_name errors[] = {
#define X(code, name, ref, help) {code, name, help},
#include "proto/quic/errors.def"
#undef X
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_FRAME] = {"quic_frame", "Frame", DX_GROUP, DX_VARIES, NULL, "RFC 9000 12.4",
		"A packet carries frames."},
	[F_TYPE] = {"quic_frame.type", "Frame Type", DX_HEX, DX_VARINT, types, "RFC 9000 19",
		"What the frame is; in STREAM and ACK its low bits are flags."},
	[F_STREAM] = {"quic_frame.stream", "Stream ID", DX_UINT, DX_VARINT, NULL, "RFC 9000 2.1",
		"The stream; its two low bits say who opened it and whether it has one direction or two."},
	[F_OFFSET] = {"quic_frame.offset", "Offset", DX_UINT, DX_VARINT, NULL, "RFC 9000 19.6, 19.8",
		"Where in the stream the data belong."},
	[F_LENGTH] = {"quic_frame.length", "Length", DX_UINT, DX_VARINT, NULL, "RFC 9000 19",
		"Octets of the data, token or reason that follow."},
	[F_DATA] = {"quic_frame.data", "Data", DX_BYTES, DX_VARIES, NULL, "RFC 9000 19",
		"The octets the frame carries."},
	[F_ERROR] = {"quic_frame.error", "Error Code", DX_HEX, DX_VARINT, errors, "RFC 9000 20",
		"Why a stream or the connection ends."},
	[F_CAUSE] = {"quic_frame.cause", "Frame Type at fault", DX_HEX, DX_VARINT, types, "RFC 9000 19.19",
		"The type of the frame that broke a rule; 0 when none did."},
	[F_FINAL_SIZE] = {"quic_frame.final_size", "Final Size", DX_UINT, DX_VARINT, NULL, "RFC 9000 4.5",
		"How many octets the stream had in all."},
	[F_MAXIMUM] = {"quic_frame.maximum", "Maximum", DX_UINT, DX_VARINT, NULL, "RFC 9000 19.9",
		"The limit that is raised or has been reached."},
	[F_SEQUENCE] = {"quic_frame.sequence", "Sequence Number", DX_UINT, DX_VARINT, NULL, "RFC 9000 19.15",
		"The number of a connection id."},
	[F_RETIRE] = {"quic_frame.retire_prior_to", "Retire Prior To", DX_UINT, DX_VARINT, NULL,
		"RFC 9000 19.15", "Connection ids with lower numbers are to be given up."},
	[F_CID_LEN] = {"quic_frame.cid_len", "Length", DX_UINT, 8, NULL, "RFC 9000 19.15",
		"Octets of the connection id."},
	[F_CID] = {"quic_frame.cid", "Connection ID", DX_BYTES, DX_VARIES, NULL, "RFC 9000 19.15",
		"A further name for this connection."},
	[F_RESET_TOKEN] = {"quic_frame.reset_token", "Stateless Reset Token", DX_BYTES, 128, NULL,
		"RFC 9000 19.15", "By this token a stateless reset is recognised."},
	[F_LARGEST] = {"quic_frame.largest", "Largest Acknowledged", DX_UINT, DX_VARINT, NULL,
		"RFC 9000 19.3", "The highest packet number that has arrived."},
	[F_DELAY] = {"quic_frame.delay", "ACK Delay", DX_UINT, DX_VARINT, NULL, "RFC 9000 19.3",
		"How long the acknowledgement was held back, scaled by ack_delay_exponent."},
	[F_RANGES] = {"quic_frame.ranges", "ACK Range Count", DX_UINT, DX_VARINT, NULL, "RFC 9000 19.3",
		"How many further ranges follow the first."},
	[F_FIRST_RANGE] = {"quic_frame.first_range", "First ACK Range", DX_UINT, DX_VARINT, NULL,
		"RFC 9000 19.3", "How many packets directly below the largest have arrived, too."},
	[F_GAP] = {"quic_frame.gap", "Gap", DX_UINT, DX_VARINT, NULL, "RFC 9000 19.3.1",
		"One less than the packets that are missing below the range before."},
	[F_RANGE] = {"quic_frame.range", "ACK Range Length", DX_UINT, DX_VARINT, NULL, "RFC 9000 19.3.1",
		"One less than the packets that have arrived below the gap."},
	[F_ECN] = {"quic_frame.ecn", "ECN Count", DX_UINT, DX_VARINT, NULL, "RFC 9000 19.3.2",
		"Packets that came marked ECT(0), ECT(1) or CE."},
	[F_FAULT] = {"quic_frame.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 9000 12.4",
		"Here the connection would be closed."},
};

struct view {
	struct dx_tree *t;
	uint32_t frame, src;
	size_t base, at; /* of the payload in the source; of the next field in the payload */
	struct bytes payload;
};

static void put(struct view *v, unsigned f, size_t n)
{
	if (n)
		dx_octets(v->t, v->frame, &fields[f], v->src, v->base + v->at, n);
	v->at += n;
}

static void put_int(struct view *v, unsigned f)
{
	uint64_t x = 0;
	size_t n = quic_varint_read(bytes_sub(v->payload, v->at, v->payload.n - v->at), &x);
	dx_add(v->t, v->frame, &fields[f], v->src, (v->base + v->at) * 8, (uint64_t)n * 8, x);
	v->at += n;
}

static void put_ack(struct view *v, const struct quic_frame *f)
{
	put_int(v, F_LARGEST);
	put_int(v, F_DELAY);
	put_int(v, F_RANGES);
	put_int(v, F_FIRST_RANGE);
	for (uint64_t i = 0; i < f->range_count && !v->t->truncated; i++) {
		put_int(v, F_GAP);
		put_int(v, F_RANGE);
	}
	for (int i = 0; f->ecn && i < 3; i++)
		put_int(v, F_ECN);
}

static void put_part(struct view *v, const struct quic_frame *f, char part)
{
	static const struct {
		char part;
		uint8_t field;
	} ints[] = {{'i', F_STREAM}, {'e', F_ERROR}, {'f', F_CAUSE}, {'s', F_FINAL_SIZE}, {'m', F_MAXIMUM},
		{'n', F_SEQUENCE}, {'r', F_RETIRE}};
	for (size_t i = 0; i < sizeof ints / sizeof *ints; i++)
		if (ints[i].part == part)
			put_int(v, ints[i].field);
	if (part == 'o' && f->has_offset)
		put_int(v, F_OFFSET);
	if ((part == 'l' && f->has_length) || part == 'k' || part == 'R')
		put_int(v, F_LENGTH);
	if (part == 'd' || part == '8' || part == 'k' || part == 'R')
		put(v, F_DATA, f->data.n);
	if (part == 'c') {
		put(v, F_CID_LEN, 1);
		put(v, F_CID, f->cid.n);
	}
	if (part == 't')
		put(v, F_RESET_TOKEN, 16);
	if (part == 'a')
		put_ack(v, f);
}

static void put_frame(struct view *v, const struct quic_frame *f)
{
	size_t type = quic_varint_len(f->type);
	uint32_t n = dx_add(
		v->t, v->frame, &fields[F_TYPE], v->src, (v->base + f->off) * 8, (uint64_t)type * 8, f->type);
	if (f->type != f->info->first)
		dx_flag(v->t, n, 0, "%s%s%s%s", f->info->name,
			f->info->first == QUIC_STREAM && f->has_offset ? ", OFF" : "",
			f->info->first == QUIC_STREAM && f->has_length ? ", LEN" : "", f->fin ? ", FIN" : "");
	if (f->type == QUIC_PADDING && f->padding > 1)
		dx_flag(v->t, n, 0, "%llu times", (unsigned long long)f->padding);
	v->at = f->off + type;
	for (const char *p = f->info->parts; *p; p++)
		put_part(v, f, *p);
}

size_t dx_quic_frames(struct dx_tree *t, uint32_t parent, uint32_t src, size_t base, struct bytes payload,
	enum quic_packet packet)
{
	struct quic_frame f = {0};
	struct perr err = {0};
	int r;
	size_t at = 0;
	for (; (r = quic_frame_read(payload, at, packet, &f, &err)) == 1; at = f.off + f.len) {
		struct view v = {.t = t, .src = src, .base = base, .payload = payload};
		v.frame = dx_octets(t, parent, &fields[F_FRAME], src, base + at, f.len);
		put_frame(&v, &f);
	}
	if (r < 0) {
		uint32_t bad = dx_octets(t, parent, &fields[F_FAULT], src, base + at, payload.n - at);
		dx_flag(t, bad, DX_BAD, "%s (%s)", err.what, err.ref);
	}
	return at;
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	(void)h;
	return dx_quic_frames(t, parent, src, off, dx_source_bytes(t, src, off, len), QUIC_LONG_UNKNOWN);
}

const struct dx_proto dx_quic_frame = {"quic-frames", "QUIC frames", "RFC 9000 19", fields, F_COUNT, dissect};
