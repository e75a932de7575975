/*
 * dx_tcp: TCP (RFC 9293) and UDP (RFC 768) headers bit by bit, options included.
 *
 *   0               4       7  8                16                   31
 *   |          source port                 |     destination port     |
 *   |                      sequence number                            |
 *   |                   acknowledgment number                         |
 *   | data offset | reserved | A C E U A P R S F |     window         |
 *   |          checksum                    |     urgent pointer       |
 *   | options …                                                       |
 */
#include "proto/dissect/dx_int.h"
#include "proto/wire/wire.h"

enum {
	F_TCP,
	F_SPORT,
	F_DPORT,
	F_SEQ,
	F_ACK,
	F_OFFSET,
	F_RSV,
	F_AE,
	F_CWR,
	F_ECE,
	F_URG,
	F_ACKF,
	F_PSH,
	F_RST,
	F_SYN,
	F_FIN,
	F_WINDOW,
	F_SUM,
	F_URGP,
	F_OPT,
	F_OPT_KIND,
	F_OPT_LEN,
	F_MSS,
	F_WSCALE,
	F_SACK_LEFT,
	F_SACK_RIGHT,
	F_TSVAL,
	F_TSECR,
	F_OPT_DATA,
	F_PAYLOAD,
	F_COUNT
};

static const struct dx_name kinds[] = {
	{0, "end of options", "Nothing behind it is an option."},
	{1, "no operation", "Filling, so that the next option begins at a word."},
	{2, "maximum segment size",
		"The largest payload the sender of this option wants to receive in one segment; only in "
		"SYN."},
	{3, "window scale", "From now on windows are to be shifted left by this many bits; only in SYN."},
	{4, "SACK permitted",
		"The sender of this option can be sent selective acknowledgments; only in SYN."},
	{5, "SACK", "Blocks of octets that arrived out of order, beyond the acknowledgment number."},
	{8, "timestamps",
		"A clock value to be echoed, and the echo: for measuring round trips and telling old "
		"segments from new."},
	{34, "fast open cookie", NULL},
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_TCP] = {"tcp", "TCP segment", DX_GROUP, DX_VARIES, NULL, "RFC 9293 3.1",
		"TCP makes a reliable stream of octets out of packets that may be lost, repeated and "
		"reordered."},
	[F_SPORT] = {"tcp.srcport", "Source port", DX_UINT, 16, NULL, "RFC 9293 3.1",
		"Together with the addresses and the other port it names the connection."},
	[F_DPORT] = {"tcp.dstport", "Destination port", DX_UINT, 16, NULL, "RFC 9293 3.1",
		"The port of the receiving end; servers listen on well-known ones."},
	[F_SEQ] = {"tcp.seq", "Sequence number", DX_UINT, 32, NULL, "RFC 9293 3.4",
		"The number of the first octet of this segment's data; a SYN and a FIN count as one octet "
		"each."},
	[F_ACK] = {"tcp.ack", "Acknowledgment number", DX_UINT, 32, NULL, "RFC 9293 3.1",
		"The next octet the sender of this segment expects; everything before it has arrived."},
	[F_OFFSET] = {"tcp.hdr_len", "Data offset", DX_UINT, 4, NULL, "RFC 9293 3.1",
		"The header's length in words of 4 octets."},
	[F_RSV] = {"tcp.flags.res", "Reserved", DX_UINT, 3, NULL, "RFC 9293 3.1",
		"Must be zero in segments sent, and is ignored."},
	[F_AE] = {"tcp.flags.ae", "AE", DX_BOOL, 1, NULL, "RFC 9768", "Accurate ECN feedback."},
	[F_CWR] = {"tcp.flags.cwr", "CWR", DX_BOOL, 1, NULL, "RFC 3168 6.1",
		"The sender has reduced its congestion window."},
	[F_ECE] = {"tcp.flags.ece", "ECE", DX_BOOL, 1, NULL, "RFC 3168 6.1",
		"A packet arrived with a congestion mark; in a SYN: the sender can do ECN."},
	[F_URG] = {"tcp.flags.urg", "URG", DX_BOOL, 1, NULL, "RFC 9293 3.1",
		"The urgent pointer means something. Nobody should use it."},
	[F_ACKF] = {"tcp.flags.ack", "ACK", DX_BOOL, 1, NULL, "RFC 9293 3.1",
		"The acknowledgment number means something; set in all segments but the first."},
	[F_PSH] = {"tcp.flags.push", "PSH", DX_BOOL, 1, NULL, "RFC 9293 3.1",
		"The receiver should hand the data to the application without waiting for more."},
	[F_RST] = {"tcp.flags.reset", "RST", DX_BOOL, 1, NULL, "RFC 9293 3.5.2",
		"The connection does not exist, or is torn down at once."},
	[F_SYN] = {"tcp.flags.syn", "SYN", DX_BOOL, 1, NULL, "RFC 9293 3.5",
		"Opens a direction of the connection and says where its numbers start."},
	[F_FIN] = {"tcp.flags.fin", "FIN", DX_BOOL, 1, NULL, "RFC 9293 3.6",
		"The sender has no more data; the other direction stays open."},
	[F_WINDOW] = {"tcp.window", "Window", DX_UINT, 16, NULL, "RFC 9293 3.1",
		"Octets the sender of this segment is ready to take, before scaling."},
	[F_SUM] = {"tcp.checksum", "Checksum", DX_HEX, 16, NULL, "RFC 9293 3.1",
		"One's complement sum over addresses, header and data."},
	[F_URGP] = {"tcp.urgent_pointer", "Urgent pointer", DX_UINT, 16, NULL, "RFC 9293 3.1",
		"Means something only with URG."},
	[F_OPT] = {"tcp.option", "Option", DX_GROUP, DX_VARIES, NULL, "RFC 9293 3.2",
		"Options are a kind, a length and data; the first two kinds are single octets."},
	[F_OPT_KIND] = {"tcp.option.kind", "Kind", DX_UINT, 8, kinds, "RFC 9293 3.2",
		"Which option this is."},
	[F_OPT_LEN] = {"tcp.option.len", "Length", DX_UINT, 8, NULL, "RFC 9293 3.2",
		"Octets of the option, kind and length included."},
	[F_MSS] = {"tcp.option.mss", "Maximum segment size", DX_UINT, 16, NULL, "RFC 9293 3.7.1",
		"The largest payload the sender of this option wants to receive in one segment."},
	[F_WSCALE] = {"tcp.option.wscale", "Shift count", DX_UINT, 8, NULL, "RFC 7323 2.2",
		"Windows from this side are multiplied by two to this power."},
	[F_SACK_LEFT] = {"tcp.option.sack_le", "Left edge", DX_UINT, 32, NULL, "RFC 2018 3",
		"First octet of a block that arrived out of order."},
	[F_SACK_RIGHT] = {"tcp.option.sack_re", "Right edge", DX_UINT, 32, NULL, "RFC 2018 3",
		"The octet behind that block."},
	[F_TSVAL] = {"tcp.option.tsval", "Timestamp value", DX_UINT, 32, NULL, "RFC 7323 3.2",
		"The sender's clock when this segment was sent."},
	[F_TSECR] = {"tcp.option.tsecr", "Timestamp echo reply", DX_UINT, 32, NULL, "RFC 7323 3.2",
		"The peer's clock value that this segment answers: its age is a round-trip time."},
	[F_OPT_DATA] = {"tcp.option.data", "Data", DX_BYTES, DX_VARIES, NULL, "RFC 9293 3.2",
		"The option's data."},
	[F_PAYLOAD] = {"tcp.payload", "Payload", DX_BYTES, DX_VARIES, NULL, "RFC 9293 3.1",
		"Octets of the stream, from the sequence number on."},
};

static void option_data(struct dx_tree *t, uint32_t g, uint32_t src, size_t at, unsigned kind, size_t len)
{
	if (kind == TCP_OPT_MSS && len == 4) {
		dx_octets(t, g, &fields[F_MSS], src, at + 2, 2);
	} else if (kind == TCP_OPT_WINDOW_SCALE && len == 3) {
		uint32_t n = dx_octets(t, g, &fields[F_WSCALE], src, at + 2, 1);
		if (n != DX_NONE && t->nodes[n].value > 14)
			dx_flag(t, n, DX_BAD, "a shift above 14 is read as 14 (RFC 7323 2.3)");
	} else if (kind == TCP_OPT_TIMESTAMPS && len == 10) {
		dx_octets(t, g, &fields[F_TSVAL], src, at + 2, 4);
		dx_octets(t, g, &fields[F_TSECR], src, at + 6, 4);
	} else if (kind == TCP_OPT_SACK && len >= 10 && (len - 2) % 8 == 0) {
		for (size_t i = 2; i < len; i += 8) {
			dx_octets(t, g, &fields[F_SACK_LEFT], src, at + i, 4);
			dx_octets(t, g, &fields[F_SACK_RIGHT], src, at + i + 4, 4);
		}
	} else if (len > 2) {
		dx_octets(t, g, &fields[F_OPT_DATA], src, at + 2, len - 2);
	}
}

static void put_options(struct dx_tree *t, uint32_t g, uint32_t src, size_t off, struct bytes options)
{
	size_t pos = 0, was = 0;
	uint8_t kind;
	struct bytes o;
	int rc;
	while ((rc = tcp_option_next(options, &pos, &kind, &o)) > 0) {
		uint32_t n = dx_octets(t, g, &fields[F_OPT], src, off + was, o.n);
		dx_octets(t, n, &fields[F_OPT_KIND], src, off + was, 1);
		if (o.n > 1)
			dx_octets(t, n, &fields[F_OPT_LEN], src, off + was + 1, 1);
		option_data(t, n, src, off + was, kind, o.n);
		was += o.n;
	}
	if (was < options.n) {
		uint32_t n = dx_octets(t, g, &fields[F_OPT_DATA], src, off + was, options.n - was);
		if (rc < 0)
			dx_flag(t, n, DX_BAD, "an option's length does not fit in the header (RFC 9293 3.2)");
	}
}

static void put_flags(struct dx_tree *t, uint32_t g, uint32_t src, size_t off)
{
	static const uint8_t order[] = {F_AE, F_CWR, F_ECE, F_URG, F_ACKF, F_PSH, F_RST, F_SYN, F_FIN};
	dx_bits(t, g, &fields[F_OFFSET], src, off + 12, 0, 4);
	dx_bits(t, g, &fields[F_RSV], src, off + 12, 4, 3);
	for (unsigned i = 0; i < sizeof order; i++)
		dx_bits(t, g, &fields[order[i]], src, off + 12, 7 + i, 1);
}

static size_t dissect_tcp(struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len,
	const struct dx_hints *hints)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct tcp_hdr h;
	enum wire_result r = tcp_get(in, &h);
	uint32_t g = dx_octets(t, parent, &fields[F_TCP], src, off, len);
	if (in.n < 20) {
		dx_flag(t, g, DX_BAD, "a TCP header has at least 20 octets");
		return len;
	}
	dx_octets(t, g, &fields[F_SPORT], src, off, 2);
	dx_octets(t, g, &fields[F_DPORT], src, off + 2, 2);
	dx_octets(t, g, &fields[F_SEQ], src, off + 4, 4);
	dx_octets(t, g, &fields[F_ACK], src, off + 8, 4);
	put_flags(t, g, src, off);
	dx_octets(t, g, &fields[F_WINDOW], src, off + 14, 2);
	dx_octets(t, g, &fields[F_SUM], src, off + 16, 2);
	dx_octets(t, g, &fields[F_URGP], src, off + 18, 2);
	if (r != WIRE_OK) {
		dx_flag(t, g, DX_BAD,
			r == WIRE_CUT ? "the options are cut short" : "the data offset is below 5");
		return len;
	}
	put_options(t, g, src, off + 20, h.options);
	if (h.payload.n > 0) {
		uint32_t p = dx_octets(t, g, &fields[F_PAYLOAD], src, off + h.hdr_len, h.payload.n);
		const struct dx_proto *guess = dx_guess_stream(h.payload);
		if (guess != NULL)
			guess->dissect(t, p, src, off + h.hdr_len, h.payload.n, hints);
	}
	return len;
}

const struct dx_proto dx_tcp = {
	"tcp", "Transmission Control Protocol", "RFC 9293", fields, F_COUNT, dissect_tcp};

enum { U_UDP, U_SPORT, U_DPORT, U_LEN, U_SUM, U_PAYLOAD, U_COUNT };

static const struct dx_field udp_fields[U_COUNT] = {
	[U_UDP] = {"udp", "UDP datagram", DX_GROUP, DX_VARIES, NULL, "RFC 768",
		"UDP adds ports and a checksum to IP and nothing else."},
	[U_SPORT] = {"udp.srcport", "Source port", DX_UINT, 16, NULL, "RFC 768",
		"The sender's port, where an answer would go."},
	[U_DPORT] = {"udp.dstport", "Destination port", DX_UINT, 16, NULL, "RFC 768",
		"The port of the receiving end."},
	[U_LEN] = {"udp.length", "Length", DX_UINT, 16, NULL, "RFC 768", "Octets of header and data."},
	[U_SUM] = {"udp.checksum", "Checksum", DX_HEX, 16, NULL, "RFC 768",
		"One's complement sum over addresses, header and data; 0 in IPv4 says that there is none."},
	[U_PAYLOAD] = {"udp.payload", "Payload", DX_BYTES, DX_VARIES, NULL, "RFC 768",
		"What the datagram carries."},
};

static size_t dissect_udp(struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len,
	const struct dx_hints *hints)
{
	(void)hints;
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct udp_hdr h;
	enum wire_result r = udp_get(in, &h);
	uint32_t g = dx_octets(t, parent, &udp_fields[U_UDP], src, off, len);
	if (in.n < 8) {
		dx_flag(t, g, DX_BAD, "a UDP header has 8 octets");
		return len;
	}
	dx_octets(t, g, &udp_fields[U_SPORT], src, off, 2);
	dx_octets(t, g, &udp_fields[U_DPORT], src, off + 2, 2);
	uint32_t n = dx_octets(t, g, &udp_fields[U_LEN], src, off + 4, 2);
	if (r != WIRE_OK)
		dx_flag(t, n, DX_BAD, "a datagram has at least 8 octets");
	dx_octets(t, g, &udp_fields[U_SUM], src, off + 6, 2);
	if (h.payload.n > 0)
		dx_octets(t, g, &udp_fields[U_PAYLOAD], src, off + 8, h.payload.n);
	return len;
}

const struct dx_proto dx_udp = {"udp", "User Datagram Protocol", "RFC 768", udp_fields, U_COUNT, dissect_udp};
