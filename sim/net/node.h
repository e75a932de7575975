/*
 * node: whatever stands at the end of links: a host, a NAT, a router, a proxy's host.
 *
 * A node embeds struct node first and gives a const struct of functions. A packet arrives with the link it came
 * over in pkt->link; the way back is link_back() of it.
 */
#ifndef SIM_NET_NODE_H
#define SIM_NET_NODE_H

#include "sim/net/pkt.h"

#define NODE_FETCH_BYTES 128

struct node;

struct node_ops {
	const char *name;
	/* A packet arrived at interface `port`; the node owns it now. */
	void (*on_pkt)(struct world *w, struct node *n, unsigned port, struct pkt *owned);
	/* Optional, for speed: the packet will arrive soon. Fetch into the cache what on_pkt will look at (tcp_demux_warm); change
	 * nothing. Stage 0: only for nodes of which there are few. Stages 1, 2: the first NODE_FETCH_BYTES octets of the node are
	 * there. */
	void (*warm)(const struct world *w, const struct node *n, const struct pkt *p, int stage);
	bool many; /* such nodes are so many that they are not in the cache: clients */
};

struct node {
	const struct node_ops *ops;
	uint32_t elem;       /* world element id */
	uint16_t trace_node; /* 0: not a lane */
	uint16_t own;        /* its owner's own */
};

/* ---- a router: forwards by destination address, counts TTL down ------------------------------------------- */

struct router_route {
	uint32_t addr, mask;
	struct link *out;
};

struct router {
	struct node node;
	struct router_route *routes; /* of full length: hosts */
	uint32_t n_routes, routes_cap;
	uint32_t *table; /* open addressing: address to index in routes, plus 1 */
	uint32_t table_slots;
	struct router_route *prefixes; /* few */
	uint32_t n_prefixes;
};

/* A router element; `name` as in world_elem_add. Freed with the world. */
struct router *router_new(struct world *w, const char *name, uint16_t trace_node);
/* Packets to addr/mask leave by `out`; mask 0 is the default route. */
void router_add(struct router *r, uint32_t addr, uint32_t mask, struct link *out);
/* Removes the routes through `out`. */
void router_del(struct router *r, const struct link *out);

#endif
