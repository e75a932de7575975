/*
 * pkt: a packet on the simulated network: a header struct plus slices of shared blobs.
 *
 * A packet keeps its identity (`id`) over all hops; boxes rewrite fields in place. Nobody encodes octets unless
 * somebody looks: pkt_render (pkt_wire.c) makes the exact frame, Ethernet II + IPv4 + TCP with options and right
 * checksums, at any hop. The fields are named as in RFC 9293 3.1 and RFC 791 3.1. `wire_bytes` is the length of
 * the IPv4 datagram, which is what links serialise and count.
 *
 * Whoever is handed a packet owns it and passes it on or frees it (after saying why it was dropped, net_drop).
 *
 * flags are the eight TCP control bits of proto/wire.
 *
 * Left out: IPv6, IP fragments and IP options, urgent data. UDP has its place (`proto`), for QUIC.
 */
#ifndef SIM_NET_PKT_H
#define SIM_NET_PKT_H

#include "proto/wire/wire.h" /* TCP_SYN ..., IP_PROTO_TCP */
#include "sim/core/world.h"
#include "sim/trace/trace.h"

/* opts: which TCP options are present, in the order in which Linux writes them */
#define PKT_OPT_MSS 0x01u
#define PKT_OPT_SACK_OK 0x02u
#define PKT_OPT_TS 0x04u
#define PKT_OPT_WSCALE 0x08u
#define PKT_OPT_SACK 0x10u

/* marks */
#define PKT_LENS 0x01u  /* its client is under the lens: full records */
#define PKT_UP 0x02u    /* client to server in its connection */
#define PKT_DOWN 0x04u  /* server to client */
#define PKT_AGAIN 0x08u /* carries octets that were sent before */
#define PKT_ECN_CE 0x10u

/* ---- payload: a few slices, owned ------------------------------------------------------------------------- */

#define SLICEV_INLINE 2
#define SLICE_MORE 7

struct slice_more {
	struct slice_more *next;
	struct slice s[SLICE_MORE];
};

/* Up to any number of slices; two inline, further ones in pooled blocks. Each slice owns a reference. */
struct slicev {
	struct slice s[SLICEV_INLINE];
	struct slice_more *more;
};

struct pkt_sack { /* RFC 2018 3: at most four blocks (three beside timestamps) */
	uint32_t n;
	struct {
		uint32_t left, right;
	} block[4];
};

struct link;

struct pkt {               /* two cache lines; what every hop looks at comes first */
	struct link *link; /* the link it is on, or arrived on; NULL before its first hop */
	uint64_t
		cause; /* the record that caused it, then the record of its latest hop; 0 when not recorded */
	uint32_t id;   /* from 1, the same on every hop (after 2^32 packets counted anew) */
	uint32_t src, dst; /* IPv4 addresses, host byte order: 0x0a000011 is 10.0.0.17 */
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint32_t tsval, tsecr;
	uint16_t wnd;         /* as on the wire: already shifted down */
	uint16_t payload_len; /* octets in data */
	uint16_t wire_bytes;  /* IP header + TCP header with options + payload */
	uint16_t epoch;       /* of the link's class when it was sent: a cut in between kills it */
	uint8_t flags;        /* TCP_* */
	uint8_t opts;         /* PKT_OPT_* */
	uint8_t marks;        /* PKT_* */
	uint8_t nslices;
	uint8_t proto, ttl;
	uint16_t ip_id;
	struct slicev data;
	struct pkt_sack *sack;
	uint32_t conn;   /* trace_conn id, 0 none */
	uint32_t client; /* client number from 1, 0 none */
	uint32_t soff;   /* offset of the first payload octet in its direction of the connection's stream */
	uint16_t mss;
	uint8_t wscale;
	uint8_t pad;
};
_Static_assert(sizeof(struct pkt) <= 128, "a packet is two cache lines");

/* ---- the network's state in a world ------------------------------------------------------------------------ */

struct net {
	struct world *w;
	struct pool *pkts, *mores, *sacks;
	uint32_t next_pkt_id;
	/* Over all links: sent = delivered + dropped + in_flight at any moment (net_check). */
	uint64_t sent, delivered, dropped, in_flight;
};

/* Makes the network part of a world (once, before links); found again by net_of. Freed with the world. */
struct net *net_new(struct world *w);
static inline struct net *net_of(const struct world *w)
{
	return (struct net *)w->ext[WORLD_NET];
}
/* Registers the handlers of this layer's events (net_new does). */
void net_handlers(struct world *w);
/* Asserts conservation: sent = delivered + dropped + in flight. */
void net_check(const struct net *n);

/* A packet with an identity of its own, TTL 64, no options, no payload, cause = the world's present cause. */
static inline struct pkt *pkt_new(struct net *n)
{
	struct pkt *p = pool_get(n->pkts);

	/* field by field: without slices nobody looks at `data` */
	p->link = NULL;
	p->cause = n->w->cause;
	p->id = ++n->next_pkt_id;
	p->src = p->dst = 0;
	p->sport = p->dport = 0;
	p->seq = p->ack = p->tsval = p->tsecr = 0;
	p->wnd = p->payload_len = p->wire_bytes = p->epoch = 0;
	p->flags = p->opts = p->marks = p->nslices = 0;
	p->proto = IP_PROTO_TCP;
	p->ttl = 64;
	p->ip_id = 0;
	p->sack = NULL;
	p->conn = p->client = p->soff = 0;
	p->mss = 0;
	p->wscale = p->pad = 0;
	return p;
}
/* TCP header length with options, as it will be on the wire: options are laid out as Linux does. */
unsigned pkt_tcp_header_len(const struct pkt *p);
/* Sets wire_bytes from proto, opts, sack and payload_len. Call after filling a packet, before sending it. */
static inline void pkt_finish(struct pkt *p)
{
	unsigned head = 20 + 12;

	if (p->proto != IP_PROTO_TCP)
		head = 8;
	else if (p->opts != PKT_OPT_TS)
		head = pkt_tcp_header_len(p);
	p->wire_bytes = (uint16_t)(20 + head + p->payload_len);
}
/* Octets `off .. off+len` of the payload of `p` as slices, one after the other: iterate i from 0 until false.
 * The slice is borrowed. */
bool pkt_slice(const struct pkt *p, unsigned i, struct slice *out);

/* The halves of the three below that deal with more than SLICEV_INLINE slices. */
void slicev_add_more(struct net *n, struct slicev *v, uint8_t *n_slices, struct slice owned);
struct slice *slicev_at_more(struct slicev *v, unsigned i);
void slicev_free_more(struct net *n, struct slicev *v, unsigned n_slices);

/* Adds to a vector of `*n_slices` slices; takes over the reference. */
static inline void slicev_add(struct net *n, struct slicev *v, uint8_t *n_slices, struct slice owned)
{
	if (*n_slices < SLICEV_INLINE)
		v->s[(*n_slices)++] = owned;
	else
		slicev_add_more(n, v, n_slices, owned);
}
static inline struct slice *slicev_at(struct slicev *v, unsigned i)
{
	return i < SLICEV_INLINE ? &v->s[i] : slicev_at_more(v, i);
}
static inline void slicev_free(struct net *n, struct slicev *v, unsigned n_slices)
{
	if (n_slices)
		blob_unref(v->s[0].blob);
	if (often(n_slices <= 1))
		return;
	for (unsigned i = 1; i < n_slices && i < SLICEV_INLINE; i++)
		blob_unref(v->s[i].blob);
	if (n_slices > SLICEV_INLINE)
		slicev_free_more(n, v, n_slices);
}

/* Releases a packet and its references. */
static inline void pkt_free(struct net *n, struct pkt *owned)
{
	slicev_free(n, &owned->data, owned->nslices);
	if (rare(owned->sack))
		pool_put(n->sacks, owned->sack);
	pool_put(n->pkts, owned);
}
/* Appends payload; takes over the slice's reference. */
static inline void pkt_add(struct net *n, struct pkt *p, struct slice owned)
{
	assert(p->payload_len + owned.len <= UINT16_MAX);
	p->payload_len = (uint16_t)(p->payload_len + owned.len);
	slicev_add(n, &p->data, &p->nslices, owned);
}

/* Short words for people: "SYN", "ACK", "PSH ACK, 234 bytes", "FIN ACK". Returns `out`. */
const char *pkt_words(const struct pkt *p, char *out, size_t out_size);

/* The exact frame at its present hop, appended to `b`: Ethernet II, IPv4, TCP (or UDP), payload. The hardware
 * addresses tell the link's two ends. (pkt_wire.c) */
void pkt_render(const struct pkt *p, struct buf *b);

/* Drops a packet for `reason`: counts it as dropped where it is on a link, writes PKT_DROP caused by `cause`
 * (0: by the packet's latest record) with the reason's numbers a and b, and frees it. For nodes: the packet has
 * arrived (its link counted it as delivered), so only the record is written. */
void net_drop(struct net *n, struct pkt *owned, uint16_t at_node, enum trace_reason reason, uint64_t cause,
	int64_t a, int64_t b);

#endif
