/*
 * dx_eth: Ethernet II frames, with 802.1Q tags, and what they carry.
 *
 *   0                   6                   12      14
 *   | destination       | source            | type  | payload …
 */
#include "proto/dissect/dx_int.h"
#include "proto/wire/wire.h"

enum { F_FRAME, F_DST, F_SRC, F_TAG, F_PCP, F_DEI, F_VID, F_TYPE, F_LENGTH, F_PAYLOAD, F_COUNT };

static const struct dx_name type_names[] = {
	{0x0800, "IPv4", "The payload is an IPv4 datagram."},
	{0x0806, "ARP", "The payload asks or tells which hardware address an IPv4 address has."},
	{0x8100, "802.1Q", "A VLAN tag follows before the real type."},
	{0x88a8, "802.1ad", "A provider's VLAN tag follows before the real type."},
	{0x86dd, "IPv6", "The payload is an IPv6 packet."},
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_FRAME] = {"eth", "Ethernet frame", DX_GROUP, DX_VARIES, NULL, "IEEE 802.3 3.1",
		"An Ethernet frame carries one packet over one link; its checksum is checked and removed by "
		"the network card."},
	[F_DST] = {"eth.dst", "Destination", DX_MAC, 48, NULL, "IEEE 802.3 3.2.4",
		"The hardware address of the next station on this link, not of the final receiver."},
	[F_SRC] = {"eth.src", "Source", DX_MAC, 48, NULL, "IEEE 802.3 3.2.5",
		"The hardware address of the station that sent this frame on this link."},
	[F_TAG] = {"eth.vlan", "VLAN tag", DX_GROUP, DX_VARIES, NULL, "IEEE 802.1Q 9.6",
		"A tag says which virtual network the frame belongs to."},
	[F_PCP] = {"eth.vlan.pcp", "Priority", DX_UINT, 3, NULL, "IEEE 802.1Q 9.6",
		"The priority orders frames in a switch's queues, 0 to 7."},
	[F_DEI] = {"eth.vlan.dei", "Drop eligible", DX_BOOL, 1, NULL, "IEEE 802.1Q 9.6",
		"A frame so marked may be dropped first when a queue is full."},
	[F_VID] = {"eth.vlan.id", "VLAN identifier", DX_UINT, 12, NULL, "IEEE 802.1Q 9.6",
		"The number of the virtual network."},
	[F_TYPE] = {"eth.type", "Type", DX_HEX, 16, type_names, "IEEE 802.3 3.2.6",
		"The type says which protocol the payload is in."},
	[F_LENGTH] = {"eth.len", "Length", DX_UINT, 16, NULL, "IEEE 802.3 3.2.6",
		"Below 0x0600 this field is the length of the payload, as in the first Ethernet standard."},
	[F_PAYLOAD] = {"eth.payload", "Payload", DX_BYTES, DX_VARIES, NULL, "IEEE 802.3 3.2.7",
		"What the frame carries; frames shorter than 60 octets are filled up with zeros."},
};

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	uint32_t g = dx_octets(t, parent, &fields[F_FRAME], src, off, len);
	dx_octets(t, g, &fields[F_DST], src, off, len < 6 ? len : 6);
	if (len > 6)
		dx_octets(t, g, &fields[F_SRC], src, off + 6, len < 12 ? len - 6 : 6);
	if (len < 14) {
		dx_flag(t, g, DX_BAD, "a frame has at least 14 octets of header (IEEE 802.3 3.1)");
		return len;
	}
	size_t at = 12;
	struct bytes in = dx_source_bytes(t, src, off, len);
	unsigned type = be16_get(in.p + at);
	while ((type == WIRE_ETHERTYPE_VLAN || type == WIRE_ETHERTYPE_QINQ) && len - at >= 6) {
		dx_octets(t, g, &fields[F_TYPE], src, off + at, 2);
		uint32_t tag = dx_octets(t, g, &fields[F_TAG], src, off + at + 2, 2);
		dx_bits(t, tag, &fields[F_PCP], src, off + at + 2, 0, 3);
		dx_bits(t, tag, &fields[F_DEI], src, off + at + 2, 3, 1);
		dx_bits(t, tag, &fields[F_VID], src, off + at + 2, 4, 12);
		at += 4;
		type = be16_get(in.p + at);
	}
	dx_octets(t, g, &fields[type < 0x600 ? F_LENGTH : F_TYPE], src, off + at, 2);
	at += 2;
	if (type == WIRE_ETHERTYPE_IPV4 || type == WIRE_ETHERTYPE_IPV6)
		at += dx_ip.dissect(t, g, src, off + at, len - at, h);
	if (at < len)
		dx_octets(t, g, &fields[F_PAYLOAD], src, off + at, len - at);
	return len;
}

const struct dx_proto dx_eth = {"eth", "Ethernet II", "IEEE 802.3", fields, F_COUNT, dissect};
