/*
 * wire_ip: IPv4 (RFC 791) and IPv6 (RFC 8200) headers, addresses, ICMP.
 *
 *   IPv4   version ihl | dscp ecn | total length | id | 0 DF MF offset | ttl | protocol | checksum | src | dst | options
 *   IPv6   version class flow | payload length | next header | hop limit | src | dst | extension headers
 */
#include "proto/wire/wire.h"

#include <string.h>

#define IP4_OCTETS 20u
#define IP6_OCTETS 40u
#define IP6_EXT_MAX 16 /* extension headers looked at in one packet */

enum { EXT_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_AUTH = 51, EXT_DEST = 60 };

struct ip_addr ip_addr4(uint32_t host_order)
{
	struct ip_addr a = {.v = 4};
	be32_put(a.a, host_order);
	return a;
}

bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->v == b->v && memcmp(a->a, b->a, a->v == 6 ? 16 : 4) == 0;
}

static char *put_dec(char *o, unsigned v)
{
	if (v >= 100)
		*o++ = (char)('0' + v / 100);
	if (v >= 10)
		*o++ = (char)('0' + v / 10 % 10);
	*o++ = (char)('0' + v % 10);
	return o;
}

static char *put_hex(char *o, unsigned v)
{
	bool on = false;
	for (int s = 12; s >= 0; s -= 4) {
		unsigned d = v >> s & 15;
		on |= d != 0 || s == 0;
		if (on)
			*o++ = "0123456789abcdef"[d];
	}
	return o;
}

static char *put_ip4(char *o, const uint8_t *a)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			*o++ = '.';
		o = put_dec(o, a[i]);
	}
	return o;
}

/* RFC 5952: the longest run of two or more zero groups becomes "::", the first of equals. */
static char *put_ip6(char *o, const uint8_t *a)
{
	unsigned best = 8, best_n = 1;
	for (unsigned i = 0; i < 8; i++) {
		unsigned n = 0;
		while (i + n < 8 && be16_get(a + 2 * (i + n)) == 0)
			n++;
		if (n > best_n) {
			best = i;
			best_n = n;
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		if (i == best) {
			*o++ = ':';
			i += best_n - 1;
			if (i == 7)
				*o++ = ':';
			continue;
		}
		if (i > 0)
			*o++ = ':';
		o = put_hex(o, be16_get(a + 2 * i));
	}
	return o;
}

char *ip_addr_text(const struct ip_addr *a, char out[IP_ADDR_TEXT_MAX])
{
	char *o = out;
	if (a->v == 4)
		o = put_ip4(o, a->a);
	else if (a->v == 6)
		o = put_ip6(o, a->a);
	else
		*o++ = '?';
	*o = '\0';
	return out;
}

/* The payload within the length the header states, as far as there are octets. */
static void payload(struct bytes in, struct ip_hdr *h)
{
	size_t end = h->total_len < in.n ? h->total_len : in.n;
	h->cut = h->total_len > in.n;
	h->payload = bytes_sub(in, h->hdr_len, end - h->hdr_len);
}

static enum wire_result ip4_get(struct bytes in, struct ip_hdr *h)
{
	if (in.n < IP4_OCTETS)
		return WIRE_CUT;
	const uint8_t *p = in.p;
	unsigned len = (p[0] & 15u) * 4;
	if (len < IP4_OCTETS)
		return WIRE_BAD;
	if (in.n < len)
		return WIRE_CUT;
	unsigned frag = be16_get(p + 6);
	h->hdr_len = (uint16_t)len;
	h->dscp = p[1] >> 2;
	h->ecn = p[1] & 3;
	h->total_len = be16_get(p + 2);
	h->id = be16_get(p + 4);
	h->dont_fragment = frag & 0x4000;
	h->more_fragments = frag & 0x2000;
	h->frag_off = (frag & 0x1fff) * 8;
	h->is_fragment = h->more_fragments || h->frag_off > 0;
	h->ttl = p[8];
	h->proto = h->next = p[9];
	h->checksum = be16_get(p + 10);
	h->checksum_ok = wire_sum_fold(wire_sum(0, bytes_sub(in, 0, len))) == 0;
	h->src.v = h->dst.v = 4;
	memcpy(h->src.a, p + 12, 4);
	memcpy(h->dst.a, p + 16, 4);
	h->options = bytes_sub(in, IP4_OCTETS, len - IP4_OCTETS);
	if (h->total_len == 0)
		h->total_len = (uint32_t)in.n;
	if (h->total_len < len)
		return WIRE_BAD;
	payload(in, h);
	return WIRE_OK;
}

/* One extension header at *at. WIRE_OTHER: *next is not an extension header. */
static enum wire_result ip6_ext(struct bytes in, size_t *at, struct ip_hdr *h)
{
	unsigned kind = h->proto;
	if (kind != EXT_HOP && kind != EXT_ROUTING && kind != EXT_FRAGMENT && kind != EXT_AUTH &&
		kind != EXT_DEST)
		return WIRE_OTHER;
	if (in.n - *at < 8)
		return WIRE_CUT;
	const uint8_t *p = in.p + *at;
	size_t len = kind == EXT_FRAGMENT ? 8 : kind == EXT_AUTH ? (p[1] + 2u) * 4 : (p[1] + 1u) * 8;
	if (in.n - *at < len)
		return WIRE_CUT;
	if (kind == EXT_FRAGMENT) {
		h->frag_off = be16_get(p + 2) & 0xfff8u;
		h->more_fragments = p[3] & 1;
		h->is_fragment = h->more_fragments || h->frag_off > 0;
		h->frag_id = be32_get(p + 4);
	}
	h->proto = p[0];
	*at += len;
	return WIRE_OK;
}

static enum wire_result ip6_get(struct bytes in, struct ip_hdr *h)
{
	if (in.n < IP6_OCTETS)
		return WIRE_CUT;
	const uint8_t *p = in.p;
	uint32_t word = be32_get(p);
	h->dscp = (uint8_t)(word >> 22 & 63);
	h->ecn = (uint8_t)(word >> 20 & 3);
	h->flow = word & 0xfffff;
	h->total_len = IP6_OCTETS + be16_get(p + 4);
	h->proto = h->next = p[6];
	h->ttl = p[7];
	h->checksum_ok = true;
	h->src.v = h->dst.v = 6;
	memcpy(h->src.a, p + 8, 16);
	memcpy(h->dst.a, p + 24, 16);
	if (h->total_len == IP6_OCTETS && in.n > IP6_OCTETS && h->next != IP_PROTO_NONE)
		h->total_len = (uint32_t)in.n; /* segmentation offload */
	struct bytes whole = bytes_sub(in, 0, h->total_len < in.n ? h->total_len : in.n);
	size_t at = IP6_OCTETS;
	enum wire_result r = WIRE_OTHER;
	for (unsigned i = 0; i < IP6_EXT_MAX; i++) {
		r = ip6_ext(whole, &at, h);
		if (r != WIRE_OK || h->frag_off > 0)
			break;
	}
	h->hdr_len = (uint16_t)at;
	h->options = bytes_sub(in, IP6_OCTETS, at - IP6_OCTETS);
	payload(in, h);
	return r == WIRE_CUT ? WIRE_CUT : WIRE_OK;
}

enum wire_result ip_get(struct bytes in, struct ip_hdr *out)
{
	memset(out, 0, sizeof *out);
	if (in.n == 0)
		return WIRE_CUT;
	out->v = in.p[0] >> 4;
	if (out->v == 4)
		return ip4_get(in, out);
	if (out->v == 6)
		return ip6_get(in, out);
	return WIRE_OTHER;
}

static bool ip4_put(struct buf *out, const struct ip_hdr *h, uint32_t payload_len)
{
	if (h->options.n % 4 != 0 || h->options.n > 40)
		return false;
	size_t len = IP4_OCTETS + h->options.n;
	if (payload_len > 65535 - len)
		return false;
	uint8_t p[60] = {0};
	p[0] = (uint8_t)(0x40 | len / 4);
	p[1] = (uint8_t)(h->dscp << 2 | (h->ecn & 3));
	be16_put(p + 2, (uint32_t)len + payload_len);
	be16_put(p + 4, h->id);
	be16_put(p + 6, (h->dont_fragment ? 0x4000u : 0) | (h->more_fragments ? 0x2000u : 0) |
				(h->frag_off / 8 & 0x1fff));
	p[8] = h->ttl;
	p[9] = h->proto;
	memcpy(p + 12, h->src.a, 4);
	memcpy(p + 16, h->dst.a, 4);
	if (h->options.n > 0)
		memcpy(p + IP4_OCTETS, h->options.p, h->options.n);
	be16_put(p + 10, wire_sum_fold(wire_sum(0, (struct bytes){p, len})));
	buf_add(out, (struct bytes){p, len});
	return true;
}

static bool ip6_put(struct buf *out, const struct ip_hdr *h, uint32_t payload_len)
{
	if (h->options.n % 8 != 0 || payload_len > 65535 || h->options.n > 65535 - payload_len)
		return false;
	uint8_t p[IP6_OCTETS] = {0};
	be32_put(p, 6u << 28 | (uint32_t)(h->dscp & 63) << 22 | (uint32_t)(h->ecn & 3) << 20 |
			    (h->flow & 0xfffff));
	be16_put(p + 4, (uint32_t)h->options.n + payload_len);
	p[6] = h->options.n > 0 ? h->next : h->proto;
	p[7] = h->ttl;
	memcpy(p + 8, h->src.a, 16);
	memcpy(p + 24, h->dst.a, 16);
	buf_add(out, (struct bytes){p, sizeof p});
	buf_add(out, h->options);
	return true;
}

bool ip_put(struct buf *out, const struct ip_hdr *h, uint32_t payload_len)
{
	return h->v == 4 ? ip4_put(out, h, payload_len) : h->v == 6 && ip6_put(out, h, payload_len);
}

enum wire_result icmp_get(struct bytes in, struct icmp_hdr *out)
{
	memset(out, 0, sizeof *out);
	if (in.n < 8)
		return WIRE_CUT;
	*out = (struct icmp_hdr){
		.type = in.p[0],
		.code = in.p[1],
		.checksum = be16_get(in.p + 2),
		.rest = be32_get(in.p + 4),
		.payload = bytes_sub(in, 8, in.n - 8),
	};
	return WIRE_OK;
}

void icmp_put(struct buf *out, const struct icmp_hdr *h, const struct ip_addr *src, const struct ip_addr *dst)
{
	uint8_t p[8] = {h->type, h->code};
	be32_put(p + 4, h->rest);
	uint32_t sum = 0;
	if (src->v == 6)
		sum = wire_sum_pseudo(src, dst, IP_PROTO_ICMPV6, (uint32_t)(8 + h->payload.n));
	sum = wire_sum(wire_sum(sum, (struct bytes){p, 8}), h->payload);
	be16_put(p + 2, wire_sum_fold(sum));
	buf_add(out, (struct bytes){p, 8});
	buf_add(out, h->payload);
}
