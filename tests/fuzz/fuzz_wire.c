/*
 * fuzz_wire: link, IP and transport headers from any octets; what was decoded and can be written is written and read
 * back the same. The first octet chooses the link layer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/wire/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

/* Options in our own order may be longer than the sender's own layout: then nothing is written. */
static void tcp_again(const struct tcp_hdr *h, const struct ip_hdr *ip)
{
	struct buf out;
	struct tcp_hdr again;
	buf_init(&out, &alloc_libc, 65536);
	unsigned n = tcp_put(&out, h, &ip->src, &ip->dst, &h->payload, 1);
	if (n > 0) {
		check(n == tcp_put_len(h) && n == out.n && n % 4 == 0,
			"the header's length is not what was announced");
		buf_add(&out, h->payload);
		check(tcp_get(buf_bytes(&out), &again) == WIRE_OK && !again.options_bad,
			"a header we wrote is not read");
		check(again.seq == h->seq && again.ack == h->ack && again.flags == h->flags &&
				again.window == h->window,
			"a field changed");
		check(again.has_mss == h->has_mss && again.mss == h->mss && again.n_sack == h->n_sack &&
				again.has_ts == h->has_ts && again.ts_val == h->ts_val &&
				again.has_wscale == h->has_wscale && again.wscale == h->wscale &&
				again.sack_permitted == h->sack_permitted,
			"an option changed");
		check(memcmp(again.sack, h->sack, sizeof again.sack[0] * h->n_sack) == 0,
			"a SACK block changed");
		check(wire_l4_checksum_ok(IP_PROTO_TCP, &ip->src, &ip->dst, buf_bytes(&out)),
			"our checksum is wrong");
	}
	buf_fini(&out);
}

static void ip_again(const struct ip_hdr *h)
{
	struct buf out;
	struct ip_hdr again;
	buf_init(&out, &alloc_libc, 1 << 18);
	if (ip_put(&out, h, (uint32_t)h->payload.n)) {
		buf_add(&out, h->payload);
		check(ip_get(buf_bytes(&out), &again) == WIRE_OK && again.checksum_ok && !again.cut,
			"a header we wrote is not read");
		check(ip_addr_eq(&again.src, &h->src) && ip_addr_eq(&again.dst, &h->dst) &&
				again.ttl == h->ttl && again.dscp == h->dscp && again.ecn == h->ecn &&
				again.payload.n == h->payload.n,
			"a field changed");
	}
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum wire_link links[] = {WIRE_LINK_NULL, WIRE_LINK_ETHERNET, WIRE_LINK_RAW,
		WIRE_LINK_LOOP, WIRE_LINK_SLL, WIRE_LINK_IPV4, WIRE_LINK_IPV6, WIRE_LINK_SLL2};
	struct wire_frame f;
	struct ip_hdr ip;
	struct tcp_hdr tcp;
	struct udp_hdr udp;
	struct icmp_hdr icmp;
	char text[IP_ADDR_TEXT_MAX];
	if (size == 0 || wire_link_get(links[data[0] % 8], (struct bytes){data + 1, size - 1}, &f) != WIRE_OK)
		return 0;
	if (ip_get(f.payload, &ip) != WIRE_OK)
		return 0;
	check(strlen(ip_addr_text(&ip.src, text)) < sizeof text, "an address is too long");
	ip_again(&ip);
	wire_l4_checksum_ok(ip.proto, &ip.src, &ip.dst, ip.payload);
	if (ip.proto == IP_PROTO_TCP && tcp_get(ip.payload, &tcp) == WIRE_OK)
		tcp_again(&tcp, &ip);
	else if (ip.proto == IP_PROTO_UDP)
		(void)udp_get(ip.payload, &udp);
	else
		(void)icmp_get(ip.payload, &icmp);
	return 0;
}
