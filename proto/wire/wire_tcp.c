/*
 * wire_tcp: TCP (RFC 9293) and UDP (RFC 768) headers, TCP options, the Internet checksum (RFC 1071).
 *
 *   source port | destination port | sequence number | acknowledgment number |
 *   data offset, flags | window | checksum | urgent pointer | options
 *
 *   option layouts as Linux writes them
 *   SYN   MSS, SACK-permitted + timestamps | NOP NOP timestamps | NOP NOP SACK-permitted, NOP window scale
 *   else  NOP NOP timestamps, NOP NOP SACK
 */
#include "proto/wire/wire.h"

#include <string.h>

#define TCP_OCTETS 20u
#define UDP_OCTETS 8u

/* ---- checksum -------------------------------------------------------------------------------------------------- */

uint32_t wire_sum_at(uint32_t sum, size_t pos, struct bytes b)
{
	uint64_t s = 0;
	size_t i = 0;
	for (; b.n - i >= 4; i += 4)
		s += be32_get(b.p + i);
	if (b.n - i >= 2) {
		s += (uint64_t)be16_get(b.p + i) << 16;
		i += 2;
		if (i < b.n)
			s += (uint64_t)b.p[i] << 8;
	} else if (i < b.n) {
		s += (uint64_t)b.p[i] << 24;
	}
	/* 32-bit words have the same sum modulo 0xffff as their halves. */
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	if (pos & 1)
		s = (s & 0xff) << 8 | s >> 8;
	s += sum;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint32_t)s;
}

uint32_t wire_sum(uint32_t sum, struct bytes b)
{
	return wire_sum_at(sum, 0, b);
}

uint16_t wire_sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

uint32_t wire_sum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto, uint32_t len)
{
	uint8_t p[40] = {0};
	size_t a = src->v == 6 ? 16 : 4;
	memcpy(p, src->a, a);
	memcpy(p + a, dst->a, a);
	if (a == 16) {
		be32_put(p + 32, len);
		p[39] = proto;
		return wire_sum(0, (struct bytes){p, 40});
	}
	p[9] = proto;
	be16_put(p + 10, len);
	return wire_sum(0, (struct bytes){p, 12});
}

bool wire_l4_checksum_ok(
	uint8_t proto, const struct ip_addr *src, const struct ip_addr *dst, struct bytes segment)
{
	if (proto == IP_PROTO_UDP && segment.n >= UDP_OCTETS && src->v == 4 && be16_get(segment.p + 6) == 0)
		return true;
	uint32_t sum = proto == IP_PROTO_ICMP ? 0 : wire_sum_pseudo(src, dst, proto, (uint32_t)segment.n);
	return wire_sum_fold(wire_sum(sum, segment)) == 0;
}

/* ---- TCP ------------------------------------------------------------------------------------------------------- */

int tcp_option_next(struct bytes options, size_t *pos, uint8_t *kind, struct bytes *opt)
{
	if (*pos >= options.n)
		return 0;
	const uint8_t *p = options.p + *pos;
	size_t left = options.n - *pos, len = 1;
	*kind = p[0];
	if (*kind != TCP_OPT_NOP && *kind != TCP_OPT_END) {
		if (left < 2 || p[1] < 2 || p[1] > left)
			return -1;
		len = p[1];
	}
	*opt = bytes_sub(options, *pos, len);
	*pos = *kind == TCP_OPT_END ? options.n : *pos + len;
	return 1;
}

/* What an option says. False when its length is not the one of its kind. */
static bool take_option(struct tcp_hdr *h, uint8_t kind, struct bytes o)
{
	switch (kind) {
	case TCP_OPT_MSS:
		if (o.n != 4)
			return false;
		h->has_mss = true;
		h->mss = be16_get(o.p + 2);
		return true;
	case TCP_OPT_WINDOW_SCALE:
		if (o.n != 3)
			return false;
		h->has_wscale = true;
		h->wscale = o.p[2];
		return true;
	case TCP_OPT_SACK_PERMITTED:
		h->sack_permitted = o.n == 2;
		return o.n == 2;
	case TCP_OPT_SACK:
		if (o.n < 10 || (o.n - 2) % 8 != 0)
			return false;
		for (size_t i = 2; i < o.n && h->n_sack < TCP_SACK_BLOCKS_MAX; i += 8) {
			h->sack[h->n_sack].left = be32_get(o.p + i);
			h->sack[h->n_sack].right = be32_get(o.p + i + 4);
			h->n_sack++;
		}
		return true;
	case TCP_OPT_TIMESTAMPS:
		if (o.n != 10)
			return false;
		h->has_ts = true;
		h->ts_val = be32_get(o.p + 2);
		h->ts_ecr = be32_get(o.p + 6);
		return true;
	default:
		return true;
	}
}

enum wire_result tcp_get(struct bytes in, struct tcp_hdr *out)
{
	memset(out, 0, sizeof *out);
	if (in.n < TCP_OCTETS)
		return WIRE_CUT;
	const uint8_t *p = in.p;
	unsigned len = (p[12] >> 4) * 4u;
	out->src_port = be16_get(p);
	out->dst_port = be16_get(p + 2);
	out->seq = be32_get(p + 4);
	out->ack = be32_get(p + 8);
	out->flags = be16_get(p + 12) & 0x1ff;
	out->window = be16_get(p + 14);
	out->checksum = be16_get(p + 16);
	out->urgent = be16_get(p + 18);
	if (len < TCP_OCTETS)
		return WIRE_BAD;
	if (len > in.n)
		return WIRE_CUT;
	out->hdr_len = (uint8_t)len;
	out->options = bytes_sub(in, TCP_OCTETS, len - TCP_OCTETS);
	out->payload = bytes_sub(in, len, in.n - len);
	size_t pos = 0;
	uint8_t kind;
	struct bytes o;
	int rc;
	while ((rc = tcp_option_next(out->options, &pos, &kind, &o)) > 0)
		if (!take_option(out, kind, o))
			out->options_bad = true;
	out->options_bad |= rc < 0;
	return WIRE_OK;
}

static size_t opt2(uint8_t *o, uint8_t kind, uint8_t len)
{
	o[0] = kind;
	o[1] = len;
	return 2;
}

/* Writes the options; returns their length, a multiple of 4, or SIZE_MAX when they do not fit. `o` has room for 64. */
static size_t put_options(uint8_t *o, const struct tcp_hdr *h)
{
	size_t n = 0;
	if (h->has_mss) {
		opt2(o, TCP_OPT_MSS, 4);
		be16_put(o + 2, h->mss);
		n = 4;
	}
	if (h->sack_permitted || h->has_ts) {
		if (h->sack_permitted && h->has_ts) {
			n += opt2(o + n, TCP_OPT_SACK_PERMITTED, 2);
		} else {
			n += opt2(o + n, TCP_OPT_NOP, TCP_OPT_NOP);
			if (h->sack_permitted)
				n += opt2(o + n, TCP_OPT_SACK_PERMITTED, 2);
		}
	}
	if (h->has_ts) {
		opt2(o + n, TCP_OPT_TIMESTAMPS, 10);
		be32_put(o + n + 2, h->ts_val);
		be32_put(o + n + 6, h->ts_ecr);
		n += 10;
	}
	if (h->has_wscale) {
		o[n] = TCP_OPT_NOP;
		opt2(o + n + 1, TCP_OPT_WINDOW_SCALE, 3);
		o[n + 3] = h->wscale;
		n += 4;
	}
	if (h->n_sack > TCP_SACK_BLOCKS_MAX || n + (h->n_sack ? 4 + 8u * h->n_sack : 0) > TCP_OPTIONS_MAX)
		return SIZE_MAX;
	if (h->n_sack > 0) {
		n += opt2(o + n, TCP_OPT_NOP, TCP_OPT_NOP);
		n += opt2(o + n, TCP_OPT_SACK, (uint8_t)(2 + 8 * h->n_sack));
		for (unsigned i = 0; i < h->n_sack; i++, n += 8) {
			be32_put(o + n, h->sack[i].left);
			be32_put(o + n + 4, h->sack[i].right);
		}
	}
	return n;
}

unsigned tcp_put_len(const struct tcp_hdr *h)
{
	uint8_t o[64];
	size_t n = put_options(o, h);
	return n == SIZE_MAX ? 0 : (unsigned)(TCP_OCTETS + n);
}

unsigned tcp_put(struct buf *out, const struct tcp_hdr *h, const struct ip_addr *src,
	const struct ip_addr *dst, const struct bytes *payload, unsigned n_payload)
{
	uint8_t p[TCP_OCTETS + 64] = {0};
	size_t opts = put_options(p + TCP_OCTETS, h);
	if (opts == SIZE_MAX)
		return 0;
	size_t len = TCP_OCTETS + opts, pos = len;
	be16_put(p, h->src_port);
	be16_put(p + 2, h->dst_port);
	be32_put(p + 4, h->seq);
	be32_put(p + 8, h->ack);
	be16_put(p + 12, (uint32_t)(len / 4) << 12 | (h->flags & 0x1ff));
	be16_put(p + 14, h->window);
	be16_put(p + 18, h->urgent);
	size_t total = len;
	for (unsigned i = 0; i < n_payload; i++)
		total += payload[i].n;
	uint32_t sum = wire_sum_pseudo(src, dst, IP_PROTO_TCP, (uint32_t)total);
	sum = wire_sum(sum, (struct bytes){p, len});
	for (unsigned i = 0; i < n_payload; i++) {
		sum = wire_sum_at(sum, pos, payload[i]);
		pos += payload[i].n;
	}
	be16_put(p + 16, wire_sum_fold(sum));
	buf_add(out, (struct bytes){p, len});
	return (unsigned)len;
}

/* ---- UDP ------------------------------------------------------------------------------------------------------- */

enum wire_result udp_get(struct bytes in, struct udp_hdr *out)
{
	memset(out, 0, sizeof *out);
	if (in.n < UDP_OCTETS)
		return WIRE_CUT;
	out->src_port = be16_get(in.p);
	out->dst_port = be16_get(in.p + 2);
	out->len = be16_get(in.p + 4);
	out->checksum = be16_get(in.p + 6);
	if (out->len < UDP_OCTETS)
		return WIRE_BAD;
	size_t end = out->len < in.n ? out->len : in.n;
	out->payload = bytes_sub(in, UDP_OCTETS, end - UDP_OCTETS);
	return WIRE_OK;
}

void udp_put(struct buf *out, uint16_t src_port, uint16_t dst_port, const struct ip_addr *src,
	const struct ip_addr *dst, struct bytes payload)
{
	uint8_t p[UDP_OCTETS] = {0};
	uint32_t len = (uint32_t)(UDP_OCTETS + payload.n);
	be16_put(p, src_port);
	be16_put(p + 2, dst_port);
	be16_put(p + 4, len);
	uint32_t sum = wire_sum_pseudo(src, dst, IP_PROTO_UDP, len);
	uint16_t c = wire_sum_fold(wire_sum(wire_sum(sum, (struct bytes){p, UDP_OCTETS}), payload));
	be16_put(p + 6, c == 0 ? 0xffff : c); /* 0 would say: no checksum */
	buf_add(out, (struct bytes){p, UDP_OCTETS});
	buf_add(out, payload);
}
