/*
 * dx_quic: UDP datagrams of QUIC packets, one behind the other (RFC 9000 12, 17): headers field by field; Initial packets of both
 * sides are opened with the keys everybody can derive (RFC 9001 5.2), and their frames are shown in a source of their own.
 * Octets that begin like no packet, with both first bits 0, are taken for the frames of an unprotected payload.
 */
#include "proto/dissect/dx_quic.h"

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
	[F_FAULT] = {"quic.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 9000 17",
		"The rest of the datagram is dropped."},
};

struct view {
	struct dx_tree *t;
	uint32_t packet, src;
	size_t base;
	struct bytes *client_dcid; /* of the first Initial that could be opened; NONE before */
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

static bool open_with(struct view *v, struct bytes packet, const struct quic_header *h, struct bytes dcid,
	bool client, uint32_t node)
{
	struct quic_keys k;
	struct quic_header opened;
	struct buf plain;
	buf_init(&plain, v->t->al, SIZE_MAX);
	bool ok = quic_initial_keys(h->version, dcid, client, &k) &&
		  quic_initial_open(&k, packet, UINT64_MAX, &opened, &plain);
	if (ok) {
		dx_flag(v->t, node, 0, "%s packet number %llu", client ? "client," : "server,",
			(unsigned long long)opened.pn);
		uint32_t src = dx_source_add(v->t, "unprotected payload", node, buf_bytes(&plain), true);
		uint32_t all = dx_add(v->t, node, &fields[F_PLAIN], src, 0, (uint64_t)plain.n * 8, 0);
		dx_quic_frames(v->t, all, src, 0, buf_bytes(&plain), QUIC_INITIAL);
	}
	buf_fini(&plain);
	return ok;
}

/* The keys come from the destination id of the client's first Initial (RFC 9001 5.2): this packet's own, or that of a packet
 * before it, which the server's answer and the client's later packets need. After a Retry the client begins anew. */
static void put_initial(struct view *v, struct bytes packet, const struct quic_header *h, uint32_t node)
{
	if (open_with(v, packet, h, h->dcid, true, node)) {
		if (!v->client_dcid->p)
			*v->client_dcid = h->dcid;
		return;
	}
	if (v->client_dcid->p && (open_with(v, packet, h, *v->client_dcid, false, node) ||
					 open_with(v, packet, h, *v->client_dcid, true, node)))
		return;
	dx_flag(v->t, node, 0, "the keys come from the client's first Initial, which is not here");
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
	struct bytes in = dx_source_bytes(t, src, off, len), client_dcid = BYTES_NONE;
	size_t at = 0;
	(void)hints;
	if (in.n && !(in.p[0] & 0xc0)) /* neither a long header nor the fixed bit: frames without a packet */
		return dx_quic_frames(t, parent, src, off, in, QUIC_LONG_UNKNOWN);
	while (at < in.n) {
		struct bytes rest = bytes_sub(in, at, in.n - at);
		struct quic_header h;
		struct perr err = {0};
		/* The length of the connection id in a short header is known to its owner only; eight is common. */
		bool ok = quic_header_read(rest, 8, &h, &err);
		struct view v = {.t = t, .src = src, .base = off + at, .client_dcid = &client_dcid};
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
