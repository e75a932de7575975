/*
 * QUIC integers, packet numbers, headers and transport parameters (RFC 9000 16, 17, 18).
 */
#include "proto/quic/quic.h"

#include <assert.h>
#include <string.h>

size_t quic_varint_read(struct bytes in, uint64_t *value)
{
	if (in.n == 0)
		return 0;
	size_t n = (size_t)1 << (in.p[0] >> 6);
	if (in.n < n)
		return 0;
	uint64_t v = in.p[0] & 0x3f;
	for (size_t i = 1; i < n; i++)
		v = v << 8 | in.p[i];
	*value = v;
	return n;
}

size_t quic_varint_len(uint64_t value)
{
	return value < 64 ? 1 : value < 16384 ? 2 : value < 1073741824 ? 4 : 8;
}

void quic_varint_write_len(struct buf *out, uint64_t value, size_t len)
{
	assert(value <= QUIC_VARINT_MAX && len >= quic_varint_len(value));
	unsigned prefix = len == 1 ? 0 : len == 2 ? 0x40 : len == 4 ? 0x80 : 0xc0;
	for (size_t i = len; i-- > 0;)
		buf_u8(out, (unsigned)(value >> (8 * i) & 0xff) | (i == len - 1 ? prefix : 0));
}

void quic_varint_write(struct buf *out, uint64_t value)
{
	quic_varint_write_len(out, value, quic_varint_len(value));
}

uint64_t quic_pn_decode(uint64_t largest, uint64_t truncated, unsigned bits)
{
	uint64_t expected = largest + 1, win = (uint64_t)1 << bits, half = win / 2, mask = win - 1;
	uint64_t candidate = (expected & ~mask) | truncated;
	if (candidate + half <= expected && candidate < ((uint64_t)1 << 62) - win)
		return candidate + win;
	if (candidate > expected + half && candidate >= win)
		return candidate - win;
	return candidate;
}

unsigned quic_pn_len(uint64_t pn, uint64_t largest_acked)
{
	uint64_t unacked = largest_acked == UINT64_MAX ? pn + 1 : pn - largest_acked;
	unsigned bits = 1; /* the range must be more than twice as large */
	while (unacked) {
		bits++;
		unacked >>= 1;
	}
	unsigned n = (bits + 7) / 8;
	return n > 4 ? 4 : n;
}

/* ---- headers ---- */

static bool bad(struct perr *err, int code, size_t off, const char *what, const char *ref)
{
	*err = (struct perr){code, off, what, ref};
	return false;
}

#define CUT(err, off) bad(err, 0, off, "the packet ends inside its header", "RFC 9000 17")

/* A connection id behind its length octet. In version 1 it has at most 20 octets; in others it may have more. */
static bool read_cid(struct bytes in, size_t *at, size_t max, struct bytes *cid, struct perr *err)
{
	if (*at >= in.n)
		return CUT(err, in.n);
	size_t n = in.p[*at];
	if (n > max)
		return bad(err, 0, *at, "a connection id is longer than 20 octets", "RFC 9000 17.2");
	if (in.n - *at - 1 < n)
		return CUT(err, in.n);
	*cid = bytes_sub(in, *at + 1, n);
	*at += 1 + n;
	return true;
}

static bool read_pn(struct bytes in, struct quic_header *h, struct perr *err)
{
	h->pn_len = (h->first & 3) + 1u;
	if (h->end - h->pn_off < h->pn_len)
		return CUT(err, in.n);
	for (unsigned i = 0; i < h->pn_len; i++)
		h->pn = h->pn << 8 | in.p[h->pn_off + i];
	h->payload_off = h->pn_off + h->pn_len;
	return true;
}

static bool read_short(struct bytes in, size_t dcid_len, struct quic_header *h, struct perr *err)
{
	h->type = QUIC_SHORT;
	if (!h->fixed)
		return bad(err, 0, 0, "the fixed bit is 0", "RFC 9000 17.3");
	if (in.n - 1 < dcid_len)
		return CUT(err, in.n);
	h->spin = h->first & 0x20;
	h->key_phase = h->first & 0x04;
	h->reserved = h->first & 0x18;
	h->dcid = bytes_sub(in, 1, dcid_len);
	h->pn_off = 1 + dcid_len;
	h->end = in.n;
	return read_pn(in, h, err);
}

static bool read_token(struct bytes in, size_t *at, struct quic_header *h, struct perr *err)
{
	uint64_t n;
	size_t used = quic_varint_read(bytes_sub(in, *at, in.n - *at), &n);
	if (!used || in.n - *at - used < n)
		return CUT(err, in.n);
	h->token = bytes_sub(in, *at + used, (size_t)n);
	*at += used + (size_t)n;
	return true;
}

static bool read_long_v1(struct bytes in, size_t at, struct quic_header *h, struct perr *err)
{
	/* Version 2 numbers the types differently (RFC 9369 3.2). */
	static const enum quic_packet v1[4] = {QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE, QUIC_RETRY};
	static const enum quic_packet v2[4] = {QUIC_RETRY, QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE};
	h->type = (h->version == QUIC_VERSION_2 ? v2 : v1)[h->first >> 4 & 3];
	if (!h->fixed)
		return bad(err, 0, 0, "the fixed bit is 0", "RFC 9000 17.2");
	if (h->type == QUIC_RETRY) {
		if (in.n - at < 16)
			return CUT(err, in.n);
		if (in.n - at == 16)
			return bad(
				err, 0, at, "a Retry packet without a token is dropped", "RFC 9000 17.2.5.2");
		h->token = bytes_sub(in, at, in.n - at - 16);
		h->retry_tag = bytes_sub(in, in.n - 16, 16);
		h->payload_off = h->end = in.n;
		return true;
	}
	if (h->type == QUIC_INITIAL && !read_token(in, &at, h, err))
		return false;
	size_t used = quic_varint_read(bytes_sub(in, at, in.n - at), &h->length);
	if (!used)
		return CUT(err, in.n);
	h->pn_off = at + used;
	h->reserved = h->first & 0x0c;
	if (in.n - h->pn_off < h->length)
		return bad(err, 0, in.n, "the packet is shorter than its Length", "RFC 9000 17.2");
	h->end = h->pn_off + (size_t)h->length;
	return read_pn(in, h, err);
}

bool quic_header_read(struct bytes in, size_t short_dcid_len, struct quic_header *h, struct perr *err)
{
	*h = (struct quic_header){0};
	if (in.n == 0)
		return CUT(err, 0);
	h->first = in.p[0];
	h->fixed = h->first & 0x40;
	if (!(h->first & 0x80))
		return read_short(in, short_dcid_len, h, err);
	if (in.n < 5)
		return CUT(err, in.n);
	h->version = be32_get(in.p + 1);
	size_t at = 5;
	bool known = h->version == QUIC_VERSION_1 || h->version == QUIC_VERSION_2;
	size_t cid_max = known ? QUIC_CID_MAX : 255;
	if (!read_cid(in, &at, cid_max, &h->dcid, err) || !read_cid(in, &at, cid_max, &h->scid, err))
		return false;
	if (known)
		return read_long_v1(in, at, h, err);
	h->type = h->version ? QUIC_LONG_UNKNOWN : QUIC_VERSION_NEGOTIATION;
	h->payload_off = at;
	h->end = in.n;
	if (h->version)
		return true;
	h->versions = bytes_sub(in, at, in.n - at);
	if (h->versions.n == 0 || h->versions.n % 4)
		return bad(err, 0, in.n, "Version Negotiation lists whole versions, at least one",
			"RFC 9000 17.2.1");
	return true;
}

void quic_header_write(struct buf *out, const struct quic_header *h)
{
	static const uint8_t bits_v1[4] = {0, 1, 2, 3}, bits_v2[4] = {1, 2, 3, 0};
	if (h->type == QUIC_SHORT) {
		buf_u8(out, 0x40u | (h->spin ? 0x20u : 0) | (h->key_phase ? 4u : 0) | (h->pn_len - 1));
		buf_add(out, h->dcid);
	} else {
		bool packet = h->type < QUIC_RETRY, typed = h->type <= QUIC_RETRY;
		unsigned type = typed ? (h->version == QUIC_VERSION_2 ? bits_v2 : bits_v1)[h->type] : 0;
		buf_u8(out, typed ? 0xc0u | type << 4 | (packet ? h->pn_len - 1 : h->first & 0xfu)
				  : 0x80u | h->first);
		buf_be32(out, h->version);
		buf_u8(out, (unsigned)h->dcid.n);
		buf_add(out, h->dcid);
		buf_u8(out, (unsigned)h->scid.n);
		buf_add(out, h->scid);
		if (h->type == QUIC_INITIAL)
			quic_varint_write(out, h->token.n);
		buf_add(out, h->token);
		buf_add(out, h->versions);
		buf_add(out, h->retry_tag);
		if (!packet)
			return;
		quic_varint_write_len(out, h->length, h->length < 16384 ? 2 : 4);
	}
	for (unsigned i = h->pn_len; i-- > 0;)
		buf_u8(out, (unsigned)(h->pn >> (8 * i) & 0xff));
}

/* ---- transport parameters ---- */

static bool has_version_0(struct bytes versions)
{
	for (size_t i = 0; i + 4 <= versions.n; i += 4)
		if (be32_get(versions.p + i) == 0)
			return true;
	return false;
}

static const char *param_fault(struct quic_param *p, bool from_client)
{
	const struct quic_param_info *i = p->info;
	if (!i)
		return NULL;
	if (i->server_only && from_client)
		return "only a server may send this transport parameter";
	if (i->type == QUIC_TP_VARINT) {
		if (quic_varint_read(p->data, &p->value) != p->data.n || !p->data.n)
			return "the value of this transport parameter is one variable-length integer";
		return p->value < i->min || p->value > i->max
			       ? "the value of this transport parameter is out of range"
			       : NULL;
	}
	if (p->data.n < i->min || p->data.n > i->max)
		return "this transport parameter has not a length it can have";
	if (p->id == QUIC_TP_VERSION_INFORMATION && (p->data.n % 4 || has_version_0(p->data)))
		return "version_information is a list of versions, none of them 0";
	if (i->type == QUIC_TP_ADDRESS &&
		(p->data.p[24] == 0 || p->data.p[24] > QUIC_CID_MAX || p->data.n != 41u + p->data.p[24]))
		return "the connection id of preferred_address has 1 to 20 octets";
	return NULL;
}

int quic_params_read(
	struct bytes in, bool from_client, struct quic_param list[QUIC_PARAMS_MAX], struct perr *err)
{
	int n = 0;
	for (size_t at = 0; at < in.n;) {
		uint64_t id, len;
		struct bytes rest = bytes_sub(in, at, in.n - at);
		size_t a = quic_varint_read(rest, &id);
		size_t b = a ? quic_varint_read(bytes_sub(rest, a, rest.n - a), &len) : 0;
		const char *what = NULL;
		if (!b || rest.n - a - b < len)
			what = "the transport parameters end inside one of them";
		else if (n == QUIC_PARAMS_MAX)
			what = "too many transport parameters (QUIC_PARAMS_MAX)";
		for (int k = 0; !what && k < n; k++)
			if (list[k].id == id)
				what = "a transport parameter comes twice";
		if (!what) {
			list[n] = (struct quic_param){id, quic_param_info(id), at, a + b + (size_t)len,
				bytes_sub(rest, a + b, (size_t)len), 0};
			what = param_fault(&list[n++], from_client);
		}
		if (what) {
			bad(err, QUIC_TRANSPORT_PARAMETER_ERROR, at, what, "RFC 9000 7.4, 18");
			return -1;
		}
		at += a + b + (size_t)len;
	}
	return n;
}

void quic_param_write(struct buf *out, uint64_t id, struct bytes data)
{
	quic_varint_write(out, id);
	quic_varint_write(out, data.n);
	buf_add(out, data);
}

void quic_param_write_int(struct buf *out, uint64_t id, uint64_t value)
{
	quic_varint_write(out, id);
	quic_varint_write(out, quic_varint_len(value));
	quic_varint_write(out, value);
}
