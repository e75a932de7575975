/*
 * A packet's exact octets at its present hop, made only when somebody looks: a capture point, the byte inspector,
 * a test. The headers are written by proto/wire.
 *
 *	Ethernet II | IPv4 (DF, the packet's identification and TTL) | TCP with options, or UDP | payload
 *
 * Hardware addresses are locally administered and tell the two ends of the link: 02:00 then the world's element
 * number of the node at that end (the sender's is the far node of the way back).
 */
#include "sim/net/link.h"

static void hw_addr(uint8_t out[6], uint32_t elem)
{
	out[0] = 0x02;
	out[1] = 0x00;
	for (int i = 0; i < 4; i++)
		out[2 + i] = (uint8_t)(elem >> (24 - 8 * i));
}

static unsigned payload_of(const struct pkt *p, struct bytes *out, unsigned max)
{
	struct slice s;
	unsigned n = 0;

	for (; n < max && pkt_slice(p, n, &s); n++)
		out[n] = slice_bytes(s);
	return n;
}

static void put_tcp(const struct pkt *p, struct buf *b, const struct ip_addr *src, const struct ip_addr *dst)
{
	struct bytes parts[UINT8_MAX];
	unsigned n = payload_of(p, parts, UINT8_MAX);
	struct tcp_hdr h = {.src_port = p->sport,
		.dst_port = p->dport,
		.seq = p->seq,
		.ack = p->ack,
		.flags = p->flags,
		.window = p->wnd,
		.has_mss = p->opts & PKT_OPT_MSS,
		.has_wscale = p->opts & PKT_OPT_WSCALE,
		.sack_permitted = p->opts & PKT_OPT_SACK_OK,
		.has_ts = p->opts & PKT_OPT_TS,
		.mss = p->mss,
		.wscale = p->wscale,
		.ts_val = p->tsval,
		.ts_ecr = p->tsecr};

	if (p->opts & PKT_OPT_SACK) {
		h.n_sack = (uint8_t)p->sack->n;
		for (unsigned i = 0; i < p->sack->n; i++) {
			h.sack[i].left = p->sack->block[i].left;
			h.sack[i].right = p->sack->block[i].right;
		}
	}
	tcp_put(b, &h, src, dst, parts, n);
	for (unsigned i = 0; i < n; i++)
		buf_add(b, parts[i]);
}

static void put_udp(const struct pkt *p, struct buf *b, const struct ip_addr *src, const struct ip_addr *dst)
{
	struct bytes parts[UINT8_MAX];
	unsigned n = payload_of(p, parts, UINT8_MAX);
	struct buf whole;

	buf_init(&whole, &alloc_libc, 0x10000);
	for (unsigned i = 0; i < n; i++)
		buf_add(&whole, parts[i]);
	udp_put(b, p->sport, p->dport, src, dst, buf_bytes(&whole));
	buf_fini(&whole);
}

void pkt_render(const struct pkt *p, struct buf *b)
{
	const struct link *l = p->link;
	uint8_t from[6], to[6];
	struct ip_hdr ip = {.v = 4,
		.ttl = p->ttl,
		.proto = p->proto,
		.id = p->ip_id,
		.dont_fragment = true,
		.src = ip_addr4(p->src),
		.dst = ip_addr4(p->dst)};

	const struct link *back = l ? link_back(l) : NULL;

	hw_addr(from, back ? link_to(back)->elem : 0);
	hw_addr(to, l ? link_to(l)->elem : 0);
	wire_eth_put(b, to, from, WIRE_ETHERTYPE_IPV4);
	ip_put(b, &ip, p->wire_bytes - 20u);
	if (p->proto == IP_PROTO_TCP)
		put_tcp(p, b, &ip.src, &ip.dst);
	else
		put_udp(p, b, &ip.src, &ip.dst);
}
