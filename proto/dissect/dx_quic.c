/*
 * dx_quic: a UDP datagram of QUIC packets (RFC 9000 12, 17): headers field by field; a client's Initial packet is
 * opened with the keys everybody can derive (RFC 9001 5.2), and its frames are shown in a source of their own.
 */
#include "proto/dissect/dx_int.h"
#include "proto/quic/quic.h"

#include <string.h>

enum {
	F_PACKET,
	F_FORM,
	F_FIXED,
	F_SPIN,
	F_TYPE,
	F_PROTECTED,
	F_VERSION,
	F_CID_LEN,
	F_DCID,
	F_SCID,
	F_TOKEN_LEN,
	F_TOKEN,
	F_LENGTH,
	F_PAYLOAD,
	F_SUPPORTED,
	F_RETRY_TAG,
	F_PLAIN,
	F_FRAME,
	F_FRAME_TYPE,
	F_BODY,
	F_DATA,
	F_FAULT,
	F_COUNT
};

static const struct dx_name forms[] = {
	{1, "long", "A packet of the handshake, with both connection ids."},
	{0, "short", "A packet of an established connection."},
	{0, NULL, NULL},
};
static const struct dx_name types[] = {
	{0, "Initial", "The first packets of each side, protected by keys everybody can derive."},
	{1, "0-RTT", "Data sent before the handshake is done."},
	{2, "Handshake", "The rest of the handshake."},
	{3, "Retry", "The server asks the client to begin again with a token."},
	{0, NULL, NULL},
};
static const struct dx_name versions[] = {
	{0, "Version Negotiation", "The server does not speak the version and lists those it speaks."},
	{QUIC_VERSION_1, "version 1", "RFC 9000."},
	{QUIC_VERSION_2, "version 2", "RFC 9369."},
	{0, NULL, NULL},
};
static const struct dx_name frame_types[] = {
#define X(first, last, name, parts, packets, eliciting, ref, help) {first, name, help},
#include "proto/quic/frames.def"
#undef X
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_PACKET] = {"quic", "QUIC packet", DX_GROUP, DX_VARIES, NULL, "RFC 9000 17",
		"Several packets may share one datagram."},
	[F_FORM] = {"quic.form", "Header Form", DX_BOOL, 1, forms, "RFC 9000 17",
		"Which of the two headers follows."},
	[F_FIXED] = {"quic.fixed", "Fixed Bit", DX_BOOL, 1, NULL, "RFC 9000 17.2",
		"Always 1, so that QUIC can be told from other protocols."},
	[F_SPIN] = {"quic.spin", "Spin Bit", DX_BOOL, 1, NULL, "RFC 9000 17.4",
		"Changes once a round trip, so that the path can measure it."},
	[F_TYPE] = {"quic.type", "Long Packet Type", DX_UINT, 2, types, "RFC 9000 17.2",
		"What the packet is."},
	[F_PROTECTED] = {"quic.protected", "Protected bits", DX_HEX, DX_VARIES, NULL, "RFC 9001 5.4",
		"These bits are hidden by header protection: reserved bits, key phase, length of the packet "
		"number."},
	[F_VERSION] = {"quic.version", "Version", DX_HEX, 32, versions, "RFC 9000 17.2",
		"The version of QUIC."},
	[F_CID_LEN] = {"quic.cid_len", "Connection ID Length", DX_UINT, 8, NULL, "RFC 9000 17.2",
		"Octets of the connection id that follows."},
	[F_DCID] = {"quic.dcid", "Destination Connection ID", DX_BYTES, DX_VARIES, NULL, "RFC 9000 5.1",
		"By this the receiver finds the connection."},
	[F_SCID] = {"quic.scid", "Source Connection ID", DX_BYTES, DX_VARIES, NULL, "RFC 9000 5.1",
		"By this the sender wants to be called."},
	[F_TOKEN_LEN] = {"quic.token_len", "Token Length", DX_UINT, DX_VARINT, NULL, "RFC 9000 17.2.2",
		"Octets of the token."},
	[F_TOKEN] = {"quic.token", "Token", DX_BYTES, DX_VARIES, NULL, "RFC 9000 8.1",
		"Shows that the client is at the address it sends from."},
	[F_LENGTH] = {"quic.length", "Length", DX_UINT, DX_VARINT, NULL, "RFC 9000 17.2",
		"Octets of packet number and payload."},
	[F_PAYLOAD] = {"quic.payload", "Protected packet number and payload", DX_BYTES, DX_VARIES, NULL,
		"RFC 9001 5.3", "Only the two ends can read this, but for Initial packets."},
	[F_SUPPORTED] = {"quic.supported", "Supported Version", DX_HEX, 32, versions, "RFC 9000 17.2.1",
		"A version the server speaks."},
	[F_RETRY_TAG] = {"quic.retry_tag", "Retry Integrity Tag", DX_BYTES, 128, NULL, "RFC 9001 5.8",
		"Guards the packet against accident."},
	[F_PLAIN] = {"quic.plain", "Frames", DX_GROUP, DX_VARIES, NULL, "RFC 9001 5.2",
		"The payload with its protection taken off."},
	[F_FRAME] = {"quic.frame", "Frame", DX_GROUP, DX_VARIES, NULL, "RFC 9000 12.4",
		"A packet carries frames."},
	[F_FRAME_TYPE] = {"quic.frame.type", "Frame Type", DX_HEX, DX_VARINT, frame_types, "RFC 9000 19",
		"What the frame is."},
	[F_BODY] = {"quic.frame.body", "Fields", DX_BYTES, DX_VARIES, NULL, "RFC 9000 19",
		"The frame's fields."},
	[F_DATA] = {"quic.frame.data", "Data", DX_BYTES, DX_VARIES, NULL, "RFC 9000 19",
		"The data the frame carries."},
	[F_FAULT] = {"quic.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 9000 17",
		"The rest of the datagram is dropped."},
};

struct view {
	struct dx_tree *t;
	uint32_t packet, src;
	size_t base;
};

static uint32_t put(struct view *v, unsigned f, size_t off, size_t len)
{
	return dx_octets(v->t, v->packet, &fields[f], v->src, v->base + off, len);
}

/* A variable-length integer: the two first bits are its size. */
static void put_varint(struct view *v, unsigned f, size_t off, size_t len, uint64_t value)
{
	dx_add(v->t, v->packet, &fields[f], v->src, (v->base + off) * 8, (uint64_t)len * 8, value);
}

static size_t put_cids(struct view *v, const struct quic_header *h)
{
	size_t at = 5;
	put(v, F_VERSION, 1, 4);
	put(v, F_CID_LEN, at++, 1);
	if (h->dcid.n)
		put(v, F_DCID, at, h->dcid.n);
	at += h->dcid.n;
	put(v, F_CID_LEN, at++, 1);
	if (h->scid.n)
		put(v, F_SCID, at, h->scid.n);
	return at + h->scid.n;
}

static void put_frames(struct view *v, uint32_t node, struct bytes plain)
{
	struct quic_frame f;
	struct perr err = {0};
	uint32_t src = dx_source_add(v->t, "unprotected payload", node, plain, true);
	uint32_t all = dx_add(v->t, node, &fields[F_PLAIN], src, 0, (uint64_t)plain.n * 8, 0);
	int r;
	size_t at = 0;
	for (; (r = quic_frame_read(plain, at, QUIC_INITIAL, &f, &err)) == 1; at = f.off + f.len) {
		size_t type = quic_varint_len(f.type);
		uint32_t g = dx_octets(v->t, all, &fields[F_FRAME], src, at, f.len);
		uint32_t n = dx_add(
			v->t, g, &fields[F_FRAME_TYPE], src, (uint64_t)at * 8, (uint64_t)type * 8, f.type);
		dx_flag(v->t, n, 0, "%s", f.info->name);
		if (f.len - type > f.data.n)
			dx_octets(v->t, g, &fields[F_BODY], src, at + type, f.len - type - f.data.n);
		if (f.data.n)
			dx_octets(v->t, g, &fields[F_DATA], src, at + f.len - f.data.n, f.data.n);
	}
	if (r < 0) {
		uint32_t bad = dx_octets(v->t, all, &fields[F_FAULT], src, at, plain.n - at);
		dx_flag(v->t, bad, DX_BAD, "%s (%s)", err.what, err.ref);
	}
}

/* The keys of a client's Initial come from its own destination id; a server's need the client's, which is not here. */
static void put_initial(struct view *v, struct bytes packet, const struct quic_header *h, uint32_t node)
{
	struct quic_keys k;
	struct quic_header opened;
	struct buf plain;
	buf_init(&plain, v->t->al, SIZE_MAX);
	if (quic_initial_keys(h->version, h->dcid, true, &k) &&
		quic_initial_open(&k, packet, UINT64_MAX, &opened, &plain)) {
		dx_flag(v->t, node, 0, "packet number %llu", (unsigned long long)opened.pn);
		put_frames(v, node, buf_bytes(&plain));
	}
	buf_fini(&plain);
}

static void put_long(struct view *v, struct bytes packet, const struct quic_header *h)
{
	size_t at = put_cids(v, h);
	if (h->type == QUIC_VERSION_NEGOTIATION) {
		for (size_t i = 0; i < h->versions.n; i += 4)
			put(v, F_SUPPORTED, at + i, 4);
		return;
	}
	if (h->type == QUIC_RETRY) {
		if (h->token.n)
			put(v, F_TOKEN, at, h->token.n);
		put(v, F_RETRY_TAG, at + h->token.n, 16);
		return;
	}
	if (h->type == QUIC_LONG_UNKNOWN) {
		if (at < packet.n)
			put(v, F_PAYLOAD, at, packet.n - at);
		return;
	}
	if (h->type == QUIC_INITIAL) {
		size_t n = (size_t)1 << (packet.p[at] >> 6);
		put_varint(v, F_TOKEN_LEN, at, n, h->token.n);
		if (h->token.n)
			put(v, F_TOKEN, at + n, h->token.n);
		at += n + h->token.n;
	}
	put_varint(v, F_LENGTH, at, h->pn_off - at, h->length);
	uint32_t node = put(v, F_PAYLOAD, h->pn_off, h->end - h->pn_off);
	if (h->type == QUIC_INITIAL)
		put_initial(v, packet, h, node);
}

static void put_packet(struct view *v, struct bytes packet, const struct quic_header *h)
{
	dx_bits(v->t, v->packet, &fields[F_FORM], v->src, v->base, 0, 1);
	dx_bits(v->t, v->packet, &fields[F_FIXED], v->src, v->base, 1, 1);
	if (h->type == QUIC_SHORT) {
		dx_bits(v->t, v->packet, &fields[F_SPIN], v->src, v->base, 2, 1);
		dx_bits(v->t, v->packet, &fields[F_PROTECTED], v->src, v->base, 3, 5);
		if (h->dcid.n)
			put(v, F_DCID, 1, h->dcid.n);
		put(v, F_PAYLOAD, h->pn_off, packet.n - h->pn_off);
		return;
	}
	uint32_t type = dx_bits(v->t, v->packet, &fields[F_TYPE], v->src, v->base, 2, 2);
	dx_flag(v->t, type, 0, "%s", quic_packet_names[h->type]);
	dx_bits(v->t, v->packet, &fields[F_PROTECTED], v->src, v->base, 4, 4);
	put_long(v, packet, h);
}

static size_t dissect(struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len,
	const struct dx_hints *hints)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	size_t at = 0;
	(void)hints;
	while (at < in.n) {
		struct bytes rest = bytes_sub(in, at, in.n - at);
		struct quic_header h;
		struct perr err = {0};
		/* The length of the connection id in a short header is known to its owner only; eight is common. */
		bool ok = quic_header_read(rest, 8, &h, &err);
		struct view v = {.t = t, .src = src, .base = off + at};
		v.packet = dx_octets(
			t, parent, &fields[ok ? F_PACKET : F_FAULT], src, off + at, ok ? h.end : rest.n);
		if (!ok) {
			dx_flag(t, v.packet, DX_BAD, "%s (%s)", err.what, err.ref);
			return at;
		}
		put_packet(&v, bytes_sub(rest, 0, h.end), &h);
		at += h.end;
	}
	return at;
}

const struct dx_proto dx_quic = {"quic", "QUIC", "RFC 9000", fields, F_COUNT, dissect};
