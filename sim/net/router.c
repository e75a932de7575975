/* A router: longest prefix first, TTL counted down (RFC 791 3.2, RFC 1812 5.3.1). See node.h. */
#include "sim/core/xmalloc.h"
#include "sim/net/link.h"

#include <string.h>

static uint32_t slot_of(const struct router *r, uint32_t addr)
{
	uint32_t i = (uint32_t)rng_mix(addr) & (r->table_slots - 1);

	while (r->table[i] && r->routes[r->table[i] - 1].addr != addr)
		i = (i + 1) & (r->table_slots - 1);
	return i;
}

static struct link *route(const struct router *r, uint32_t addr)
{
	if (r->table_slots) {
		uint32_t at = r->table[slot_of(r, addr)];

		if (at)
			return r->routes[at - 1].out;
	}
	const struct link *best = NULL;
	uint32_t best_mask = 0;

	for (uint32_t i = 0; i < r->n_prefixes; i++)
		if ((addr & r->prefixes[i].mask) == r->prefixes[i].addr && r->prefixes[i].mask >= best_mask) {
			best = r->prefixes[i].out;
			best_mask = r->prefixes[i].mask;
		}
	return (struct link *)best;
}

static void on_pkt(struct world *w, struct node *node, unsigned port, struct pkt *p)
{
	struct router *r = (struct router *)node;
	struct link *out = route(r, p->dst);

	(void)port;
	if (!out || p->ttl <= 1) {
		net_drop(net_of(w), p, node->trace_node, REASON_NET_GONE, 0, 0, 0);
		return;
	}
	p->ttl--;
	link_send(w, out, p);
}

static const struct node_ops router_ops = {"router", on_pkt, NULL, false};

static void router_free(struct world *w, void *ctx)
{
	struct router *r = ctx;

	(void)w;
	xfree(r->routes);
	xfree(r->prefixes);
	xfree(r->table);
	xfree(r);
}

struct router *router_new(struct world *w, const char *name, uint16_t trace_node)
{
	struct router *r = xcalloc(1, sizeof *r);

	r->node = (struct node){&router_ops, world_elem_add(w, name, 1), trace_node, 0};
	world_on_free(w, router_free, r);
	return r;
}

static void rehash(struct router *r, uint32_t slots)
{
	xfree(r->table);
	r->table_slots = slots;
	r->table = xcalloc(slots, sizeof *r->table);
	for (uint32_t i = 0; i < r->n_routes; i++)
		r->table[slot_of(r, r->routes[i].addr)] = i + 1;
}

void router_add(struct router *r, uint32_t addr, uint32_t mask, struct link *out)
{
	struct router_route e = {addr & mask, mask, out};

	if (mask != UINT32_MAX) {
		r->prefixes = xrealloc(r->prefixes, (r->n_prefixes + 1) * sizeof *r->prefixes);
		r->prefixes[r->n_prefixes++] = e;
		return;
	}
	if (r->table_slots && r->table[slot_of(r, addr)]) {
		r->routes[r->table[slot_of(r, addr)] - 1] = e;
		return;
	}
	if (r->n_routes == r->routes_cap) {
		r->routes_cap = r->routes_cap ? r->routes_cap * 2 : 16;
		r->routes = xrealloc(r->routes, r->routes_cap * sizeof *r->routes);
	}
	r->routes[r->n_routes++] = e;
	if (r->n_routes * 2 > r->table_slots)
		rehash(r, r->table_slots ? r->table_slots * 2 : 32);
	else
		r->table[slot_of(r, addr)] = r->n_routes;
}

void router_del(struct router *r, const struct link *out)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].out != out)
			r->routes[k++] = r->routes[i];
	r->n_routes = k;
	if (r->table_slots)
		rehash(r, r->table_slots);
	k = 0;
	for (uint32_t i = 0; i < r->n_prefixes; i++)
		if (r->prefixes[i].out != out)
			r->prefixes[k++] = r->prefixes[i];
	r->n_prefixes = k;
}
