/*
 * Frames, fragments, flows. RFC 791 3.2 and RFC 8200 4.5 (reassembly), RFC 9293 3.1.
 *
 * Left out: tunnels (GRE, IP in IP, PPPoE), SCTP. A datagram whose fragments overlap keeps the octets that came first.
 */
#include <string.h>

#include "sim/capture/cap_net.h"
#include "sim/core/xmalloc.h"

#define DATAGRAM_MAX 65535u

struct frag { /* one datagram under reassembly */
	struct ip_addr src, dst;
	uint32_t id;
	uint8_t proto, v;
	bool used;
	uint64_t age;
	uint8_t *data;
	uint8_t have[DATAGRAM_MAX / 8 / 8 + 1]; /* a bit for every 8 octets */
	uint32_t total;                         /* 0: the last fragment has not come */
	uint32_t got;                           /* blocks of 8 octets */
};

struct cap_net {
	uint32_t *slot; /* hash table of connections: index + 1 */
	uint32_t slots;
	struct frag *frag;
	uint64_t clock;
	int64_t last_at;
};

struct cap_net *cap_net_new(void)
{
	struct cap_net *n = xcalloc(1, sizeof *n);
	n->slots = 1024;
	n->slot = xcalloc(n->slots, sizeof n->slot[0]);
	return n;
}

void cap_net_free(struct cap_net *n)
{
	if (!n)
		return;
	if (n->frag)
		for (unsigned i = 0; i < CAP_FRAGMENTS_MAX; i++)
			xfree(n->frag[i].data);
	xfree(n->frag);
	xfree(n->slot);
	xfree(n);
}

/* ---- fragments ---- */

static struct frag *frag_find(struct cap_net *n, const struct ip_hdr *ip, uint32_t id)
{
	if (!n->frag)
		n->frag = xcalloc(CAP_FRAGMENTS_MAX, sizeof n->frag[0]);
	struct frag *oldest = &n->frag[0];
	for (unsigned i = 0; i < CAP_FRAGMENTS_MAX; i++) {
		struct frag *f = &n->frag[i];
		if (f->used && f->id == id && f->proto == ip->proto && ip_addr_eq(&f->src, &ip->src) &&
			ip_addr_eq(&f->dst, &ip->dst))
			return f;
		if (!f->used || f->age < oldest->age)
			oldest = f->used || oldest->used ? f : oldest;
	}
	struct frag *f = oldest;
	uint8_t *data = f->data ? f->data : xmalloc(DATAGRAM_MAX + 8);
	memset(f, 0, sizeof *f);
	f->data = data;
	f->used = true;
	f->src = ip->src;
	f->dst = ip->dst;
	f->id = id;
	f->proto = ip->proto;
	f->age = ++n->clock;
	return f;
}

/* Takes a fragment in; true when its datagram is whole (then `out` borrows it until the next fragment). */
static bool frag_add(struct cap_net *n, const struct ip_hdr *ip, struct bytes *out)
{
	size_t len = ip->payload.n;
	if (ip->cut || len == 0 || ip->frag_off + len > DATAGRAM_MAX || (ip->more_fragments && len % 8))
		return false;
	struct frag *f = frag_find(n, ip, ip->v == 4 ? ip->id : ip->frag_id);
	for (size_t i = 0; i < len; i += 8) {
		size_t block = (ip->frag_off + i) / 8, k = len - i < 8 ? len - i : 8;
		if (f->have[block / 8] & 1u << block % 8)
			continue;
		f->have[block / 8] |= (uint8_t)(1u << block % 8);
		memcpy(f->data + ip->frag_off + i, ip->payload.p + i, k);
		f->got++;
	}
	if (!ip->more_fragments && !f->total)
		f->total = ip->frag_off + (uint32_t)len;
	if (!f->total || f->got < (f->total + 7) / 8)
		return false;
	f->used = false;
	*out = (struct bytes){f->data, f->total};
	return true;
}

/* ---- connections ---- */

static uint32_t mix(uint32_t h, const void *p, size_t n)
{
	const uint8_t *b = p;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 16777619u;
	return h;
}

/* The same for both directions. */
static uint32_t pair_hash(const struct ip_addr *a, uint16_t ap, const struct ip_addr *b, uint16_t bp)
{
	uint32_t x = mix(mix(2166136261u, a->a, 16), &ap, 2), y = mix(mix(2166136261u, b->a, 16), &bp, 2);
	uint32_t h = (x ^ y) * 2654435761u + (x + y);
	return h ^ h >> 15;
}

static bool is_end(const struct cap_flow *f, const struct ip_addr *a, uint16_t port)
{
	return f->port == port && ip_addr_eq(&f->addr, a);
}

static void table_put(struct cap_net *n, struct capture *c, uint32_t conn)
{
	struct cap_conn *cn = &c->conn[conn];
	uint32_t h = pair_hash(&cn->flow[0].addr, cn->flow[0].port, &cn->flow[1].addr, cn->flow[1].port);
	uint32_t *s = &n->slot[h & (n->slots - 1)];
	cn->chain = *s;
	*s = conn + 1;
}

static void table_grow(struct cap_net *n, struct capture *c)
{
	n->slots *= 4;
	xfree(n->slot);
	n->slot = xcalloc(n->slots, sizeof n->slot[0]);
	for (uint32_t i = 0; i < c->nconns; i++)
		table_put(n, c, i); /* in order, so that the newest stands first in its chain */
}

/* The newest connection between these endpoints, CAP_NONE if none; *dir is 0 when `src` is its flow[0]. */
static uint32_t conn_find(
	const struct capture *c, const struct ip_hdr *ip, const struct tcp_hdr *h, unsigned *dir)
{
	const struct cap_net *n = c->net;
	uint32_t hash = pair_hash(&ip->src, h->src_port, &ip->dst, h->dst_port);
	for (uint32_t i = n->slot[hash & (n->slots - 1)]; i; i = c->conn[i - 1].chain) {
		const struct cap_flow *f = c->conn[i - 1].flow;
		if (is_end(&f[0], &ip->src, h->src_port) && is_end(&f[1], &ip->dst, h->dst_port)) {
			*dir = 0;
			return i - 1;
		}
		if (is_end(&f[1], &ip->src, h->src_port) && is_end(&f[0], &ip->dst, h->dst_port)) {
			*dir = 1;
			return i - 1;
		}
	}
	return CAP_NONE;
}

static void flow_init(struct cap_flow *f, const struct ip_addr *a, uint16_t port)
{
	f->addr = *a;
	f->port = port;
	f->first = f->last = f->fin_pkt = f->rst_pkt = CAP_NONE;
	f->window = UINT32_MAX;
	f->wscale = -1;
}

static uint32_t conn_new(struct capture *c, const struct ip_hdr *ip, const struct tcp_hdr *h)
{
	if (c->nconns >= CAP_CONNS_MAX) {
		c->limit = "CAP_CONNS_MAX";
		return CAP_NONE;
	}
	struct cap_conn *cn = CAP_PUSH(c->conn, c->nconns, c->conn_cap);
	memset(cn, 0, sizeof *cn);
	cn->first_pkt = c->npkts - 1;
	cn->handshake_ack = cn->first_rst = cn->tls = cn->error_pkt = CAP_NONE;
	flow_init(&cn->flow[0], &ip->src, h->src_port);
	flow_init(&cn->flow[1], &ip->dst, h->dst_port);
	if (c->nconns > c->net->slots / 2)
		table_grow(c->net, c);
	else
		table_put(c->net, c, c->nconns - 1);
	return c->nconns - 1;
}

/* The connection of this segment; a SYN may open a new one on known endpoints. */
static uint32_t conn_of(struct capture *c, const struct ip_hdr *ip, const struct tcp_hdr *h, unsigned *dir,
	uint16_t *analysis)
{
	uint32_t i = conn_find(c, ip, h, dir);
	if (i == CAP_NONE) {
		*dir = 0;
		return conn_new(c, ip, h);
	}
	struct cap_conn *cn = &c->conn[i];
	const struct cap_flow *f = &cn->flow[*dir];
	if ((h->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK) && f->base_known && h->seq != f->base_seq)
		*analysis |= 1u << CAP_AN_REUSED_PORTS;
	if ((h->flags & (TCP_SYN | TCP_ACK)) != TCP_SYN)
		return i;
	if (!f->base_known || h->seq == f->base_seq)
		return i;
	*analysis |= 1u << CAP_AN_REUSED_PORTS;
	*dir = 0;
	return conn_new(c, ip, h);
}

/* Stream offset of a sequence number, near the offset expected next (RFC 9293 3.4: modulo 2^32). */
static int64_t unwrap(const struct cap_flow *f, uint32_t seq)
{
	uint32_t expected = f->isn + 1u + (uint32_t)(uint64_t)f->next_soff;
	return f->next_soff + (int32_t)(seq - expected);
}

static void flow_start(struct cap_flow *f, uint32_t isn, bool known)
{
	f->isn = isn;
	f->isn_known = known;
	f->started = true;
	f->next_soff = 0;
}

static void handshake(struct cap_conn *cn, unsigned dir, const struct tcp_hdr *h, uint32_t idx)
{
	unsigned sa = h->flags & (TCP_SYN | TCP_ACK);
	if (sa == TCP_SYN) {
		cn->syns++;
		if (!cn->client_known && dir == 1 && !cn->synacks) {
			/* A later SYN from the other side of a connection first seen without one: leave the order. */
			cn->client_known = cn->packets == 1;
		}
		if (dir == 0)
			cn->client_known = true;
	} else if (sa == (TCP_SYN | TCP_ACK)) {
		cn->synacks++;
	} else if (cn->syns && cn->synacks && cn->handshake_ack == CAP_NONE && (h->flags & TCP_ACK) &&
		   dir == 0) {
		cn->handshake_ack = idx;
	}
}

static void segment_state(struct capture *c, struct cap_conn *cn, unsigned dir, const struct tcp_hdr *h,
	struct cap_pkt *p, uint32_t idx)
{
	struct cap_flow *f = &cn->flow[dir], *r = &cn->flow[!dir];
	bool syn = h->flags & TCP_SYN;
	if (!f->started)
		flow_start(f, syn ? h->seq : h->seq - 1, syn);
	if (!r->started && (h->flags & TCP_ACK) && !syn && cn->syns)
		flow_start(r, h->ack - 1, false);
	else if (!r->started && (h->flags & TCP_ACK) && syn)
		flow_start(r, h->ack - 1, true);
	p->soff = unwrap(f, h->seq);
	handshake(cn, dir, h, idx);
	uint64_t data_soff = (uint64_t)p->soff + (syn ? 1 : 0);
	if (p->len) {
		if (syn)
			p->soff = (int64_t)data_soff;
		f->payload += p->len;
		if (p->data_cap && !p->keepalive) {
			if (f->first == CAP_NONE)
				f->first = idx;
			else
				c->pkt[f->last].next = idx;
			f->last = idx;
		}
		int64_t end = p->soff + p->len;
		if (end > f->next_soff && !(h->flags & TCP_RST))
			f->next_soff = end;
	}
	if ((h->flags & TCP_FIN) && f->fin_pkt == CAP_NONE)
		f->fin_pkt = idx;
	if (h->flags & TCP_RST) {
		if (f->rst_pkt == CAP_NONE)
			f->rst_pkt = idx;
		if (cn->first_rst == CAP_NONE)
			cn->first_rst = idx;
		cn->rsts++;
	}
}

static bool tcp_packet(struct capture *c, const struct ip_hdr *ip, struct bytes seg, uint32_t reported,
	bool cut, uint64_t seg_off)
{
	struct tcp_hdr h;
	uint32_t idx = c->npkts - 1;
	if (tcp_get(seg, &h) != WIRE_OK)
		return true;
	struct cap_pkt *p = &c->pkt[idx];
	unsigned dir = 0;
	uint16_t analysis = 0;
	uint32_t conn = conn_of(c, ip, &h, &dir, &analysis);
	if (conn == CAP_NONE)
		return false;
	struct cap_conn *cn = &c->conn[conn];
	p->conn = conn;
	p->dir = (uint8_t)dir;
	p->tcp_flags = h.flags;
	p->analysis = analysis;
	p->len = reported > h.hdr_len ? reported - h.hdr_len : 0;
	p->data_cap = h.payload.n < p->len ? (uint32_t)h.payload.n : p->len;
	p->data_off = (uint32_t)(seg_off + h.hdr_len - p->off);
	if (!cut) {
		p->checksum = wire_l4_checksum_ok(IP_PROTO_TCP, &ip->src, &ip->dst, seg) ? 1 : 2;
		if (p->checksum == 1)
			c->checksum_good++;
		else
			c->checksum_bad++;
	}
	cn->packets++;
	cn->wire_bytes += p->wirelen;
	cn->last_pkt = idx;
	cap_tcp_analyse(cn, dir, &h, p->len, p, c->t0_ns + p->at != 0);
	p->keepalive = (p->analysis >> CAP_AN_KEEP_ALIVE) & 1;
	segment_state(c, cn, dir, &h, p, idx);
	return true;
}

/* ---- frames ---- */

/* RFC 792: unreachable, quench, redirect, time exceeded, parameter problem; RFC 4443 2.1: types below 128. */
static bool is_icmp_error(uint8_t proto, struct bytes b)
{
	if (!b.n)
		return false;
	if (proto == IP_PROTO_ICMPV6)
		return b.p[0] < 128;
	return b.p[0] == 3 || b.p[0] == 4 || b.p[0] == 5 || b.p[0] == 11 || b.p[0] == 12;
}

/* An ICMP error quotes the packet it is about (RFC 1812 4.3.2.3: as much as fits); a whole TCP segment has a checksum. */
static void quoted_segment(struct capture *c, struct bytes icmp)
{
	struct ip_hdr ip;
	if (icmp.n < 8 || ip_get(bytes_sub(icmp, 8, icmp.n - 8), &ip) != WIRE_OK)
		return;
	if (ip.proto != IP_PROTO_TCP || ip.cut || ip.is_fragment)
		return;
	if (wire_l4_checksum_ok(IP_PROTO_TCP, &ip.src, &ip.dst, ip.payload))
		c->checksum_good++;
	else
		c->checksum_bad++;
}

static bool ip_packet(struct capture *c, struct bytes in, uint64_t in_off)
{
	struct ip_hdr ip;
	struct cap_pkt *p = &c->pkt[c->npkts - 1];
	if (ip_get(in, &ip) != WIRE_OK)
		return true;
	struct bytes payload = ip.payload;
	uint64_t off = in_off + (uint64_t)(ip.payload.p - in.p);
	uint32_t reported = ip.total_len > ip.hdr_len ? ip.total_len - ip.hdr_len : 0;
	if (ip.is_fragment) {
		if (!frag_add(c->net, &ip, &payload))
			return true;
		if (ip.proto == IP_PROTO_TCP) {
			/* The whole datagram's octets stand in the store behind the last fragment's frame. */
			off = c->store_n;
			if (c->store_n + payload.n > c->store_cap) {
				c->store_cap = c->store_cap * 2 + payload.n;
				c->store = xrealloc(c->store, c->store_cap);
			}
			memcpy(c->store + c->store_n, payload.p, payload.n);
			c->store_n += payload.n;
			payload.p = c->store + off;
		}
		reported = (uint32_t)payload.n;
	}
	switch (ip.proto) {
	case IP_PROTO_TCP:
		p->kind = CAP_TCP;
		return tcp_packet(c, &ip, payload, reported, ip.cut && !ip.is_fragment, off);
	case IP_PROTO_UDP:
		p->kind = CAP_UDP;
		break;
	case IP_PROTO_ICMP:
	case IP_PROTO_ICMPV6:
		p->kind = CAP_ICMP;
		p->icmp_error = is_icmp_error(ip.proto, payload);
		if (p->icmp_error)
			quoted_segment(c, payload);
		break;
	default:
		break;
	}
	return true;
}

static bool link_of(uint32_t linktype, enum wire_link *out)
{
	switch (linktype) {
	case CAP_LINK_NULL:
	case CAP_LINK_ETHERNET:
	case CAP_LINK_LOOP:
	case CAP_LINK_SLL:
	case CAP_LINK_IPV4:
	case CAP_LINK_IPV6:
	case CAP_LINK_SLL2:
		*out = (enum wire_link)linktype;
		return true;
	case CAP_LINK_RAW:
	case CAP_LINK_RAW_BSD:
	case CAP_LINK_RAW_OPENBSD:
		*out = WIRE_LINK_RAW;
		return true;
	}
	return false;
}

static bool dissect(struct capture *c, uint32_t linktype)
{
	struct cap_pkt *p = &c->pkt[c->npkts - 1];
	struct bytes frame = {c->store + p->off, p->caplen};
	enum wire_link link;
	struct wire_frame f = {0};
	if (!link_of(linktype, &link))
		return true;
	enum wire_result r = wire_link_get(link, frame, &f);
	if (f.ethertype == WIRE_ETHERTYPE_ARP)
		p->kind = CAP_ARP;
	if (r != WIRE_OK)
		return true;
	if (f.ethertype == WIRE_ETHERTYPE_IPV4 || f.ethertype == WIRE_ETHERTYPE_IPV6)
		return ip_packet(c, f.payload, p->off + (uint64_t)(f.payload.p - frame.p));
	return true;
}

static uint64_t store_put(struct capture *c, const struct cap_raw *raw)
{
	if (c->store_n + raw->caplen > c->store_cap) {
		c->store_cap = c->store_cap + c->store_cap / 2 + raw->caplen + 65536;
		c->store = xrealloc(c->store, c->store_cap);
	}
	uint64_t off = c->store_n;
	memcpy(c->store + off, raw->p, raw->caplen);
	c->store_n += raw->caplen;
	return off;
}

static void packet_time(struct capture *c, struct cap_pkt *p, const struct cap_raw *raw)
{
	int64_t last = c->net->last_at;
	if (c->npkts == 1) {
		c->t0_ns = raw->at_ns;
		c->monotonic = true;
	}
	p->at = raw->timed ? raw->at_ns - c->t0_ns
			   : last; /* a packet without a time stands at its predecessor's */
	if (p->at < last)
		c->monotonic = false;
	c->net->last_at = p->at;
	if (p->at > c->end_ns)
		c->end_ns = p->at;
}

bool cap_net_packet(struct capture *c, const struct cap_raw *raw)
{
	if (c->npkts >= CAP_PACKETS_MAX || (uint64_t)c->store_n + raw->caplen > CAP_STORE_MAX) {
		c->limit = c->npkts >= CAP_PACKETS_MAX ? "CAP_PACKETS_MAX" : "CAP_STORE_MAX";
		return false;
	}
	struct cap_pkt *p = CAP_PUSH(c->pkt, c->npkts, c->pkt_cap);
	memset(p, 0, sizeof *p);
	p->off = store_put(c, raw);
	p->caplen = raw->caplen;
	p->wirelen = raw->wirelen < raw->caplen ? raw->caplen : raw->wirelen;
	p->conn = p->next = CAP_NONE;
	p->kind = CAP_OTHER;
	p->iface = (uint16_t)raw->iface;
	packet_time(c, p, raw);
	c->captured_bytes += p->caplen;
	c->wire_bytes += p->wirelen;
	if (p->caplen < p->wirelen)
		c->cut_by_snaplen++;
	bool fine = dissect(c, c->file.iface[raw->iface].linktype);
	p = &c->pkt[c->npkts - 1];
	c->kinds[p->kind]++;
	if (p->kind == CAP_ICMP)
		*CAP_PUSH(c->icmp, c->nicmp, c->icmp_cap) = c->npkts - 1;
	return fine;
}

/* ---- afterwards ---- */

static bool is_http_start(struct bytes b)
{
	static const char *const methods[] = {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ",
		"PATCH ", "CONNECT ", "TRACE ", "PRI * HTTP/2.0"};
	for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
		size_t n = strlen(methods[i]);
		if (b.n >= n && !memcmp(b.p, methods[i], n))
			return true;
	}
	return false;
}

static bool any_packet(const struct capture *c, const struct cap_flow *f, bool (*is)(struct bytes))
{
	unsigned tries = 0;
	for (uint32_t i = f->first; i != CAP_NONE && tries < 32; i = c->pkt[i].next, tries++)
		if (is((struct bytes){c->store + c->pkt[i].off + c->pkt[i].data_off, c->pkt[i].data_cap}))
			return true;
	return false;
}

static bool is_http_response(struct bytes b)
{
	return b.n >= 7 && !memcmp(b.p, "HTTP/1.", 7);
}

/* Is flow[1] the client? A SYN tells; without one the octets, then the ports (servers have the lower one). */
static bool client_is_second(const struct capture *c, const struct cap_conn *cn)
{
	if (cn->client_known)
		return false;
	if (cn->synacks) {
		/* Only the answer to the SYN was seen: whoever sent it is the server. */
		for (uint32_t i = cn->first_pkt; i < c->npkts && i <= cn->last_pkt; i++)
			if (c->pkt[i].conn == (uint32_t)(cn - c->conn) &&
				(c->pkt[i].tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
				return c->pkt[i].dir == 0;
	}
	if (any_packet(c, &cn->flow[0], is_http_start) || any_packet(c, &cn->flow[1], is_http_response))
		return false;
	if (any_packet(c, &cn->flow[1], is_http_start) || any_packet(c, &cn->flow[0], is_http_response))
		return true;
	return cn->flow[0].port < cn->flow[1].port;
}

void cap_net_finish(struct capture *c)
{
	uint8_t *swap = xcalloc(c->nconns + 1u, 1);
	for (uint32_t i = 0; i < c->nconns; i++) {
		struct cap_conn *cn = &c->conn[i];
		if (!client_is_second(c, cn))
			continue;
		swap[i] = 1;
		struct cap_flow t = cn->flow[0];
		cn->flow[0] = cn->flow[1];
		cn->flow[1] = t;
	}
	for (uint32_t i = 0; i < c->npkts; i++)
		if (c->pkt[i].conn != CAP_NONE)
			c->pkt[i].dir ^= swap[c->pkt[i].conn];
	xfree(swap);
}
