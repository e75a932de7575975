/*
 * wire: link, internet and transport headers in both directions, with checksums.
 *
 *   frame ─▶ wire_link_get ─▶ ip_get ─▶ tcp_get / udp_get / icmp_get ─▶ payload
 *
 * Ethernet II with 802.1Q tags (IEEE 802.3), Linux cooked SLL and SLL2, BSD null/loopback, raw IP; IPv4 (RFC 791) with
 * options and fragments recognised, IPv6 (RFC 8200) with extension headers, TCP (RFC 9293) with all options, UDP (RFC
 * 768), ICMP (RFC 792) and ICMPv6 (RFC 4443) as far as type, code and checksum, ARP (RFC 826) recognised.
 *
 * Decoders never read past `in`; a header cut short says so. Nothing is allocated. Left out: reassembly of IP fragments.
 */
#ifndef PROTO_WIRE_WIRE_H
#define PROTO_WIRE_WIRE_H

#include "proto/base/base.h"

enum wire_result {
	WIRE_OK,
	WIRE_CUT,   /* the header goes on beyond the captured octets */
	WIRE_BAD,   /* a length or version field contradicts itself */
	WIRE_OTHER, /* well-formed, but not something decoded here */
};

/* Link layers; the values are libpcap's LINKTYPE_ numbers. */
enum wire_link {
	WIRE_LINK_NULL = 0,
	WIRE_LINK_ETHERNET = 1,
	WIRE_LINK_RAW = 101,
	WIRE_LINK_LOOP = 108,
	WIRE_LINK_SLL = 113,
	WIRE_LINK_IPV4 = 228,
	WIRE_LINK_IPV6 = 229,
	WIRE_LINK_SLL2 = 276,
};

#define WIRE_ETHERTYPE_IPV4 0x0800u
#define WIRE_ETHERTYPE_ARP 0x0806u
#define WIRE_ETHERTYPE_VLAN 0x8100u
#define WIRE_ETHERTYPE_QINQ 0x88a8u
#define WIRE_ETHERTYPE_IPV6 0x86ddu

struct wire_frame {
	uint16_t ethertype;     /* of what is carried, after VLAN tags; 0 when it is an 802.3 length */
	uint8_t dst[6], src[6]; /* Ethernet (SLL: src only) */
	uint16_t vlan[2];       /* tag control information, outermost first */
	uint8_t n_vlan;
	uint16_t hdr_len;     /* octets before the payload */
	struct bytes payload; /* Ethernet padding included */
};
enum wire_result wire_link_get(enum wire_link link, struct bytes in, struct wire_frame *out);
/* Appends an Ethernet II header (with n_vlan tags). */
void wire_eth_put(struct buf *out, const uint8_t dst[6], const uint8_t src[6], uint16_t ethertype);

#define IP_PROTO_ICMP 1
#define IP_PROTO_TCP 6
#define IP_PROTO_UDP 17
#define IP_PROTO_ICMPV6 58
#define IP_PROTO_NONE 59

/* An address of either family; IPv4 in the first four octets, the rest zero. */
struct ip_addr {
	uint8_t v; /* 4 or 6; 0 = none */
	uint8_t a[16];
};
struct ip_addr ip_addr4(uint32_t host_order);
bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b);
#define IP_ADDR_TEXT_MAX 46
/* Text form ("192.0.2.1"; RFC 5952 for IPv6), NUL-terminated; returns `out`. */
char *ip_addr_text(const struct ip_addr *a, char out[IP_ADDR_TEXT_MAX]);

/* An IPv4 or IPv6 header. */
struct ip_hdr {
	uint8_t v; /* 4 or 6 */
	uint8_t dscp, ecn;
	uint8_t ttl;      /* hop limit */
	uint8_t proto;    /* transport protocol, after extension headers */
	uint8_t next;     /* the fixed header's own protocol / next header field */
	uint16_t hdr_len; /* with options or extension headers */
	uint32_t
		total_len; /* header and payload as the header says; a 0 in IPv4 (segmentation offload) = all there is */
	uint16_t id;       /* IPv4 identification */
	uint32_t frag_id;  /* IPv6 fragment identification */
	uint32_t flow;     /* IPv6 flow label */
	uint32_t frag_off; /* octets */
	bool dont_fragment, more_fragments, is_fragment;
	uint16_t checksum; /* IPv4, as received */
	bool checksum_ok;  /* IPv4; true for IPv6, which has none */
	struct ip_addr src, dst;
	struct bytes options; /* IPv4 options, or IPv6 extension headers */
	struct bytes payload; /* within total_len, as far as captured */
	bool cut;             /* fewer octets captured than total_len says */
};
enum wire_result ip_get(struct bytes in, struct ip_hdr *out);
/* Appends the header for `payload_len` octets of `proto`: version, addresses, dscp, ecn, ttl, id, flow and the fragment fields
 * are taken from h, lengths and the IPv4 checksum are computed. h->options are appended as they are (IPv4: a multiple of
 * 4, at most 40 octets). False when the whole would exceed 65535 octets of length or options do not fit. */
bool ip_put(struct buf *out, const struct ip_hdr *h, uint32_t payload_len);

/* TCP option kinds (IANA). */
enum {
	TCP_OPT_END = 0,
	TCP_OPT_NOP = 1,
	TCP_OPT_MSS = 2,
	TCP_OPT_WINDOW_SCALE = 3,
	TCP_OPT_SACK_PERMITTED = 4,
	TCP_OPT_SACK = 5,
	TCP_OPT_TIMESTAMPS = 8,
};
#define TCP_FIN 0x01u
#define TCP_SYN 0x02u
#define TCP_RST 0x04u
#define TCP_PSH 0x08u
#define TCP_ACK 0x10u
#define TCP_URG 0x20u
#define TCP_ECE 0x40u
#define TCP_CWR 0x80u
#define TCP_AE 0x100u /* RFC 9768 */
#define TCP_SACK_BLOCKS_MAX 4
#define TCP_OPTIONS_MAX 40

struct tcp_hdr {
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint16_t flags;  /* TCP_FIN … TCP_AE */
	uint16_t window; /* as sent, not scaled */
	uint16_t checksum, urgent;
	uint8_t hdr_len; /* with options */
	bool has_mss, has_wscale, sack_permitted, has_ts;
	uint16_t mss;
	uint8_t wscale;
	uint32_t ts_val, ts_ecr;
	uint8_t n_sack;
	struct {
		uint32_t left, right;
	} sack[TCP_SACK_BLOCKS_MAX];
	bool options_bad;     /* some option's length is wrong; what stood before it was read */
	struct bytes options; /* raw */
	struct bytes payload;
};
enum wire_result tcp_get(struct bytes in, struct tcp_hdr *out);
/* Appends a TCP header for `payload` (not appended): MSS, SACK-permitted, timestamps, window scale, SACK in the order Linux
 * writes them, aligned with NOPs; checksum over the pseudo-header of src, dst. h->options is not looked at. Returns the header
 * length, 0 when the options do not fit in 40 octets. */
unsigned tcp_put(struct buf *out, const struct tcp_hdr *h, const struct ip_addr *src,
	const struct ip_addr *dst, const struct bytes *payload, unsigned n_payload);
/* Octets tcp_put will write for h, 0 when the options do not fit. */
unsigned tcp_put_len(const struct tcp_hdr *h);

/* Walks TCP options. *pos starts at 0. 1: an option (kind, its whole octets in *opt); 0: the end; -1: malformed at *pos. */
int tcp_option_next(struct bytes options, size_t *pos, uint8_t *kind, struct bytes *opt);

struct udp_hdr {
	uint16_t src_port, dst_port, len, checksum;
	struct bytes payload;
};
enum wire_result udp_get(struct bytes in, struct udp_hdr *out);
void udp_put(struct buf *out, uint16_t src_port, uint16_t dst_port, const struct ip_addr *src,
	const struct ip_addr *dst, struct bytes payload);

struct icmp_hdr {
	uint8_t type, code;
	uint16_t checksum;
	uint32_t rest;        /* second word: identifier and sequence, MTU, … */
	struct bytes payload; /* for errors: the start of the packet they are about */
};
enum wire_result icmp_get(struct bytes in, struct icmp_hdr *out);
/* Appends header and payload; the checksum covers the ICMPv6 pseudo-header when src is IPv6. */
void icmp_put(
	struct buf *out, const struct icmp_hdr *h, const struct ip_addr *src, const struct ip_addr *dst);

/* The Internet checksum (RFC 1071): add pieces to a sum, then fold. A piece of odd length may only be the last, unless `odd`
 * is carried along by wire_sum_at. */
uint32_t wire_sum(uint32_t sum, struct bytes b);
/* Adds octets that stand at position `pos` of the checksummed range (parity matters). */
uint32_t wire_sum_at(uint32_t sum, size_t pos, struct bytes b);
uint16_t wire_sum_fold(uint32_t sum);
/* The pseudo-header's share (RFC 9293 3.1 for IPv4, RFC 8200 8.1 for IPv6). */
uint32_t wire_sum_pseudo(const struct ip_addr *src, const struct ip_addr *dst, uint8_t proto, uint32_t len);
/* The checksum of a whole TCP, UDP or ICMPv6 segment (header and payload in `segment`) is right. A UDP checksum of 0 over IPv4
 * means none was made and is right. */
bool wire_l4_checksum_ok(
	uint8_t proto, const struct ip_addr *src, const struct ip_addr *dst, struct bytes segment);

#endif
