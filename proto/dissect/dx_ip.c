/*
 * dx_ip: IPv4 (RFC 791) and IPv6 (RFC 8200) headers bit by bit, ICMP, and what the packet carries.
 *
 *   0       4       8               16      19                      31
 *   |version|  ihl  | dscp     |ecn |          total length          |
 *   |        identification         |0 D M|    fragment offset       |
 *   |  time to live |   protocol    |         header checksum        |
 *   |                    source address                              |
 *   |                  destination address                           |
 */
#include "proto/dissect/dx_int.h"
#include "proto/wire/wire.h"

enum {
	F_V4,
	F_V6,
	F_VERSION,
	F_IHL,
	F_DSCP,
	F_ECN,
	F_TOTAL,
	F_ID,
	F_RESERVED,
	F_DF,
	F_MF,
	F_FRAG,
	F_TTL,
	F_PROTO,
	F_SUM,
	F_SRC4,
	F_DST4,
	F_OPTIONS,
	F_FLOW,
	F_PLEN,
	F_NEXT,
	F_HOPS,
	F_SRC6,
	F_DST6,
	F_EXT,
	F_PAYLOAD,
	F_ICMP,
	F_ICMP_TYPE,
	F_ICMP_CODE,
	F_ICMP_SUM,
	F_ICMP_REST,
	F_COUNT
};

static const struct dx_name protocols[] = {
	{0, "hop-by-hop options", NULL},
	{1, "ICMP", "The payload is a message about the network itself."},
	{6, "TCP", "The payload is a TCP segment."},
	{17, "UDP", "The payload is a UDP datagram."},
	{43, "routing header", NULL},
	{44, "fragment header", NULL},
	{58, "ICMPv6", "The payload is a message about the network itself."},
	{59, "nothing", NULL},
	{60, "destination options", NULL},
	{0, NULL, NULL},
};

static const struct dx_name ecn_names[] = {
	{0, "not ECN-capable", "The sender cannot be told of congestion by a mark; routers drop instead."},
	{1, "ECT(1)", "The sender understands congestion marks."},
	{2, "ECT(0)", "The sender understands congestion marks."},
	{3, "CE", "A router on the way was congested and marked the packet instead of dropping it."},
	{0, NULL, NULL},
};

static const struct dx_name icmp_types[] = {
	{0, "echo reply", NULL},
	{3, "destination unreachable",
		"Something on the way could not deliver the packet quoted in this message."},
	{8, "echo request", "A ping: the receiver should send the data back."},
	{11, "time exceeded", "The packet quoted ran out of hops."},
	{128, "echo request", NULL},
	{129, "echo reply", NULL},
	{135, "neighbor solicitation", NULL},
	{136, "neighbor advertisement", NULL},
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_V4] = {"ip", "IPv4 datagram", DX_GROUP, DX_VARIES, NULL, "RFC 791 3.1",
		"IP carries a datagram from host to host, hop by hop, and promises nothing about delivery."},
	[F_V6] = {"ipv6", "IPv6 packet", DX_GROUP, DX_VARIES, NULL, "RFC 8200 3",
		"IP carries a packet from host to host, hop by hop, and promises nothing about delivery."},
	[F_VERSION] = {"ip.version", "Version", DX_UINT, 4, NULL, "RFC 791 3.1",
		"The version of the Internet Protocol, 4 or 6."},
	[F_IHL] = {"ip.ihl", "Header length", DX_UINT, 4, NULL, "RFC 791 3.1",
		"The header's length in words of 4 octets; 5 when there are no options."},
	[F_DSCP] = {"ip.dscp", "Differentiated services", DX_UINT, 6, NULL, "RFC 2474 3",
		"Says which treatment the packet asks of routers; 0 is best effort."},
	[F_ECN] = {"ip.ecn", "Congestion notification", DX_UINT, 2, ecn_names, "RFC 3168 5",
		"Lets routers mark packets instead of dropping them."},
	[F_TOTAL] = {"ip.len", "Total length", DX_UINT, 16, NULL, "RFC 791 3.1",
		"Octets of header and data together."},
	[F_ID] = {"ip.id", "Identification", DX_HEX, 16, NULL, "RFC 791 3.1",
		"Fragments of one datagram carry the same number."},
	[F_RESERVED] = {"ip.flags.rb", "Reserved bit", DX_BOOL, 1, NULL, "RFC 791 3.1", "Must be zero."},
	[F_DF] = {"ip.flags.df", "Don't fragment", DX_BOOL, 1, NULL, "RFC 791 3.1",
		"Routers must not cut the datagram; path MTU discovery relies on it."},
	[F_MF] = {"ip.flags.mf", "More fragments", DX_BOOL, 1, NULL, "RFC 791 3.1",
		"Further fragments of this datagram follow."},
	[F_FRAG] = {"ip.frag_offset", "Fragment offset", DX_UINT, 13, NULL, "RFC 791 3.1",
		"Where this fragment belongs in the datagram, in units of 8 octets."},
	[F_TTL] = {"ip.ttl", "Time to live", DX_UINT, 8, NULL, "RFC 791 3.1",
		"Every router subtracts one and drops the datagram at zero, so nothing circles for ever."},
	[F_PROTO] = {"ip.proto", "Protocol", DX_UINT, 8, protocols, "RFC 791 3.1",
		"The protocol of the payload."},
	[F_SUM] = {"ip.checksum", "Header checksum", DX_HEX, 16, NULL, "RFC 791 3.1",
		"One's complement sum over the header alone; every router that changes the header computes "
		"it anew."},
	[F_SRC4] = {"ip.src", "Source address", DX_IPV4, 32, NULL, "RFC 791 3.1",
		"The address of the sending host, or of the NAT that rewrote it."},
	[F_DST4] = {"ip.dst", "Destination address", DX_IPV4, 32, NULL, "RFC 791 3.1",
		"The address of the receiving host."},
	[F_OPTIONS] = {"ip.options", "Options", DX_BYTES, DX_VARIES, NULL, "RFC 791 3.1",
		"IPv4 options are rare; many routers drop packets that carry any."},
	[F_FLOW] = {"ipv6.flow", "Flow label", DX_HEX, 20, NULL, "RFC 6437 2",
		"Packets of one flow carry the same label, so that routers can keep them on one path."},
	[F_PLEN] = {"ipv6.plen", "Payload length", DX_UINT, 16, NULL, "RFC 8200 3",
		"Octets behind the fixed header, extension headers included."},
	[F_NEXT] = {"ipv6.nxt", "Next header", DX_UINT, 8, protocols, "RFC 8200 3",
		"What follows this header: an extension header or the payload's protocol."},
	[F_HOPS] = {"ipv6.hlim", "Hop limit", DX_UINT, 8, NULL, "RFC 8200 3",
		"Every router subtracts one and drops the packet at zero."},
	[F_SRC6] = {"ipv6.src", "Source address", DX_IPV6, 128, NULL, "RFC 8200 3",
		"The address of the sending host."},
	[F_DST6] = {"ipv6.dst", "Destination address", DX_IPV6, 128, NULL, "RFC 8200 3",
		"The address of the receiving host."},
	[F_EXT] = {"ipv6.ext", "Extension headers", DX_BYTES, DX_VARIES, NULL, "RFC 8200 4",
		"Options, routing and fragment headers between the fixed header and the payload."},
	[F_PAYLOAD] = {"ip.payload", "Payload", DX_BYTES, DX_VARIES, NULL, "RFC 791 1.4",
		"What the packet carries."},
	[F_ICMP] = {"icmp", "ICMP message", DX_GROUP, DX_VARIES, NULL, "RFC 792",
		"Hosts and routers tell each other about trouble, and answer pings."},
	[F_ICMP_TYPE] = {"icmp.type", "Type", DX_UINT, 8, icmp_types, "RFC 792",
		"What the message is about; numbers from 128 up are ICMPv6's."},
	[F_ICMP_CODE] = {"icmp.code", "Code", DX_UINT, 8, NULL, "RFC 792", "Details the type."},
	[F_ICMP_SUM] = {"icmp.checksum", "Checksum", DX_HEX, 16, NULL, "RFC 792",
		"One's complement sum over the message; in IPv6 over a pseudo-header too."},
	[F_ICMP_REST] = {"icmp.rest", "Rest of header", DX_HEX, 32, NULL, "RFC 792",
		"Identifier and sequence number of a ping, or the MTU in \"packet too big\"."},
};

static void put_ip4(struct dx_tree *t, uint32_t g, uint32_t src, size_t off, const struct ip_hdr *h)
{
	dx_bits(t, g, &fields[F_VERSION], src, off, 0, 4);
	dx_bits(t, g, &fields[F_IHL], src, off, 4, 4);
	dx_bits(t, g, &fields[F_DSCP], src, off + 1, 0, 6);
	dx_bits(t, g, &fields[F_ECN], src, off + 1, 6, 2);
	dx_octets(t, g, &fields[F_TOTAL], src, off + 2, 2);
	dx_octets(t, g, &fields[F_ID], src, off + 4, 2);
	dx_bits(t, g, &fields[F_RESERVED], src, off + 6, 0, 1);
	dx_bits(t, g, &fields[F_DF], src, off + 6, 1, 1);
	dx_bits(t, g, &fields[F_MF], src, off + 6, 2, 1);
	dx_bits(t, g, &fields[F_FRAG], src, off + 6, 3, 13);
	dx_octets(t, g, &fields[F_TTL], src, off + 8, 1);
	dx_octets(t, g, &fields[F_PROTO], src, off + 9, 1);
	uint32_t sum = dx_octets(t, g, &fields[F_SUM], src, off + 10, 2);
	if (!h->checksum_ok)
		dx_flag(t, sum, DX_BAD, "the checksum does not fit the header");
	dx_octets(t, g, &fields[F_SRC4], src, off + 12, 4);
	dx_octets(t, g, &fields[F_DST4], src, off + 16, 4);
	if (h->options.n > 0)
		dx_octets(t, g, &fields[F_OPTIONS], src, off + 20, h->options.n);
}

static void put_ip6(struct dx_tree *t, uint32_t g, uint32_t src, size_t off, const struct ip_hdr *h)
{
	dx_bits(t, g, &fields[F_VERSION], src, off, 0, 4);
	dx_bits(t, g, &fields[F_DSCP], src, off, 4, 6);
	dx_bits(t, g, &fields[F_ECN], src, off, 10, 2);
	dx_bits(t, g, &fields[F_FLOW], src, off, 12, 20);
	dx_octets(t, g, &fields[F_PLEN], src, off + 4, 2);
	dx_octets(t, g, &fields[F_NEXT], src, off + 6, 1);
	dx_octets(t, g, &fields[F_HOPS], src, off + 7, 1);
	dx_octets(t, g, &fields[F_SRC6], src, off + 8, 16);
	dx_octets(t, g, &fields[F_DST6], src, off + 24, 16);
	if (h->options.n > 0)
		dx_octets(t, g, &fields[F_EXT], src, off + 40, h->options.n);
}

static size_t put_icmp(struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, const struct ip_hdr *h)
{
	struct icmp_hdr m;
	if (icmp_get(h->payload, &m) != WIRE_OK)
		return 0;
	uint32_t g = dx_octets(t, parent, &fields[F_ICMP], src, off, h->payload.n);
	dx_octets(t, g, &fields[F_ICMP_TYPE], src, off, 1);
	dx_octets(t, g, &fields[F_ICMP_CODE], src, off + 1, 1);
	uint32_t sum = dx_octets(t, g, &fields[F_ICMP_SUM], src, off + 2, 2);
	if (!h->cut && !wire_l4_checksum_ok(h->proto, &h->src, &h->dst, h->payload))
		dx_flag(t, sum, DX_BAD, "the checksum does not fit the message");
	dx_octets(t, g, &fields[F_ICMP_REST], src, off + 4, 4);
	if (m.payload.n > 0)
		dx_octets(t, g, &fields[F_PAYLOAD], src, off + 8, m.payload.n);
	return h->payload.n;
}

/* The transport checksum needs the addresses, which only this level knows. */
static void check_transport(struct dx_tree *t, uint32_t first, const struct ip_hdr *h)
{
	if (h->cut || h->is_fragment || wire_l4_checksum_ok(h->proto, &h->src, &h->dst, h->payload))
		return;
	for (uint32_t i = first; i < t->n_nodes; i++) {
		const char *name = t->nodes[i].field->abbrev;
		if (bytes_eq_str(bytes_str(name), "tcp.checksum") ||
			bytes_eq_str(bytes_str(name), "udp.checksum")) {
			dx_flag(t, i, DX_BAD,
				"the checksum does not fit the segment (or was left to the network card)");
			return;
		}
	}
}

static size_t dissect(struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len,
	const struct dx_hints *hints)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct ip_hdr h;
	enum wire_result r = ip_get(in, &h);
	uint32_t g = dx_octets(t, parent, &fields[h.v == 6 ? F_V6 : F_V4], src, off, len);
	size_t least = h.v == 6 ? 40 : 20;
	if (r == WIRE_OTHER || in.n < least) {
		dx_flag(t, g, DX_BAD,
			r == WIRE_OTHER ? "the version is neither 4 nor 6" : "the header is cut short");
		return len;
	}
	if (h.v == 4)
		put_ip4(t, g, src, off, &h);
	else
		put_ip6(t, g, src, off, &h);
	if (r != WIRE_OK) {
		dx_flag(t, g, DX_BAD,
			r == WIRE_CUT ? "the header is cut short" : "a length contradicts itself");
		return len;
	}
	size_t total = h.total_len < in.n ? h.total_len : in.n, at = h.hdr_len;
	dx_set_len(t, g, total);
	if (h.cut)
		dx_flag(t, g, DX_CUT, "%u octets by its length, %zu are here", (unsigned)h.total_len, in.n);
	uint32_t first = t->n_nodes;
	if (!h.is_fragment || h.frag_off == 0) {
		if (h.proto == IP_PROTO_TCP)
			at += dx_tcp.dissect(t, g, src, off + at, h.payload.n, hints);
		else if (h.proto == IP_PROTO_UDP)
			at += dx_udp.dissect(t, g, src, off + at, h.payload.n, hints);
		else if (h.proto == IP_PROTO_ICMP || h.proto == IP_PROTO_ICMPV6)
			at += put_icmp(t, g, src, off + at, &h);
		if (h.proto == IP_PROTO_TCP || h.proto == IP_PROTO_UDP)
			check_transport(t, first, &h);
	}
	if (at < total)
		dx_octets(t, g, &fields[F_PAYLOAD], src, off + at, total - at);
	return total;
}

const struct dx_proto dx_ip = {"ip", "Internet Protocol", "RFC 791, RFC 8200", fields, F_COUNT, dissect};
