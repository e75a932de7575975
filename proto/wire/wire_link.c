/*
 * wire_link: what stands in front of the IP header.
 *
 *   Ethernet II   dst(6) src(6) [ 8100 tci(2) ]* type(2)
 *   Linux SLL     packet type(2) ARPHRD(2) addr len(2) addr(8) protocol(2)
 *   Linux SLL2    protocol(2) zero(2) ifindex(4) ARPHRD(2) packet type(1) addr len(1) addr(8)
 *   null, loop    address family(4), in the capturing host's order (null) or big-endian (loop)
 *   raw           nothing: the first four bits tell IPv4 from IPv6
 */
#include "proto/wire/wire.h"

#include <string.h>

#define ETH_OCTETS 14u
#define SLL_OCTETS 16u
#define SLL2_OCTETS 20u

static enum wire_result carried(struct bytes in, size_t hdr, uint16_t ethertype, struct wire_frame *out)
{
	out->ethertype = ethertype;
	out->hdr_len = (uint16_t)hdr;
	out->payload = bytes_sub(in, hdr, in.n - hdr);
	return ethertype == WIRE_ETHERTYPE_IPV4 || ethertype == WIRE_ETHERTYPE_IPV6 ? WIRE_OK : WIRE_OTHER;
}

/* Strips tags that stand at `at`, where an ethertype is due. */
static enum wire_result untag(struct bytes in, size_t at, uint16_t type, struct wire_frame *out)
{
	while (type == WIRE_ETHERTYPE_VLAN || type == WIRE_ETHERTYPE_QINQ) {
		if (in.n - at < 4)
			return WIRE_CUT;
		if (out->n_vlan == 2)
			return WIRE_OTHER;
		out->vlan[out->n_vlan++] = be16_get(in.p + at);
		type = be16_get(in.p + at + 2);
		at += 4;
	}
	return carried(in, at, type < 0x600 ? 0 : type, out);
}

static enum wire_result ethernet(struct bytes in, struct wire_frame *out)
{
	if (in.n < ETH_OCTETS)
		return WIRE_CUT;
	memcpy(out->dst, in.p, 6);
	memcpy(out->src, in.p + 6, 6);
	return untag(in, ETH_OCTETS, be16_get(in.p + 12), out);
}

static enum wire_result sll(struct bytes in, struct wire_frame *out)
{
	if (in.n < SLL_OCTETS)
		return WIRE_CUT;
	if (be16_get(in.p + 4) == 6)
		memcpy(out->src, in.p + 6, 6);
	return untag(in, SLL_OCTETS, be16_get(in.p + 14), out);
}

static enum wire_result sll2(struct bytes in, struct wire_frame *out)
{
	if (in.n < SLL2_OCTETS)
		return WIRE_CUT;
	if (in.p[11] == 6)
		memcpy(out->src, in.p + 12, 6);
	return untag(in, SLL2_OCTETS, be16_get(in.p), out);
}

static enum wire_result raw(struct bytes in, size_t hdr, struct wire_frame *out)
{
	if (in.n <= hdr)
		return WIRE_CUT;
	unsigned v = in.p[hdr] >> 4;
	return carried(in, hdr, v == 4 ? WIRE_ETHERTYPE_IPV4 : v == 6 ? WIRE_ETHERTYPE_IPV6 : 0, out);
}

/* The family is checked only as far as it must be small in one of the two orders: its numbers for IPv6 differ from system to
 * system, so the version of the header that follows decides. */
static enum wire_result loopback(struct bytes in, struct wire_frame *out)
{
	if (in.n < 4)
		return WIRE_CUT;
	if (in.p[0] != 0 && in.p[3] != 0)
		return WIRE_BAD;
	return raw(in, 4, out);
}

enum wire_result wire_link_get(enum wire_link link, struct bytes in, struct wire_frame *out)
{
	memset(out, 0, sizeof *out);
	switch (link) {
	case WIRE_LINK_ETHERNET:
		return ethernet(in, out);
	case WIRE_LINK_SLL:
		return sll(in, out);
	case WIRE_LINK_SLL2:
		return sll2(in, out);
	case WIRE_LINK_NULL:
	case WIRE_LINK_LOOP:
		return loopback(in, out);
	case WIRE_LINK_RAW:
	case WIRE_LINK_IPV4:
	case WIRE_LINK_IPV6:
		return raw(in, 0, out);
	}
	return WIRE_OTHER;
}

void wire_eth_put(struct buf *out, const uint8_t dst[6], const uint8_t src[6], uint16_t ethertype)
{
	buf_add(out, (struct bytes){dst, 6});
	buf_add(out, (struct bytes){src, 6});
	buf_be16(out, ethertype);
}
