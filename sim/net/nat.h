/*
 * nat: network address and port translation with connection tracking, as a node with one outside interface.
 *
 *	inside 192.168.1.17:40112 ──▶ 203.0.113.80:443     becomes     198.51.100.1:40112 ──▶ 203.0.113.80:443
 *
 * A mapping is one 5-tuple seen from both sides (RFC 5382: address and port dependent, which is what Linux
 * conntrack keeps). The source port is preserved when it is free for that destination, else the next free one is
 * taken. A mapping dies when no packet crossed it for its timeout; nothing is scheduled for that: the mappings of
 * each state stand in order of their last packet, and every packet first buries the dead. NAT_FORGET carries the
 * true time of death.
 *
 * What happens to a packet without a mapping is the expiry mode (measured on a Linux NAT, see parameters NAT-30,
 * NAT-31, NAT-21, NAT-23):
 *
 *	mode           inside -> outside, not a SYN          outside -> inside
 *	drop           dropped silently                      dropped silently
 *	linux-loose    mapping made again, same port         RST to the sender; the inside hears nothing
 *	reset-inside   RST to the sender                     dropped silently
 *
 * A SYN from inside always makes a mapping. TCP-state timeouts other than the idle one are optional (0: the same).
 *
 * Left out: hairpinning, ICMP, application gateways, UDP endpoint-independent mapping.
 */
#ifndef SIM_NET_NAT_H
#define SIM_NET_NAT_H

#include "sim/net/link.h"

enum nat_expiry { NAT_EXPIRY_DROP, NAT_EXPIRY_LINUX_LOOSE, NAT_EXPIRY_RESET_INSIDE };

struct nat_params {
	int64_t idle_timeout_ns;       /* established */
	int64_t transitory_timeout_ns; /* handshake not complete, or closing; 0: as idle */
	enum nat_expiry on_expiry;
	uint32_t mappings_max; /* 0: 65536 per outside address */
};

struct nat;

/* A NAT with `outside_n` consecutive outside addresses from `outside_addr`. `out` is the link towards the world
 * (its packets come back over out->rev). Links from inside end at nat_node() with any port but 0; packets go back
 * inside over the link they came from (its rev). The parameters are copied. Freed with the world. */
struct nat *nat_new(struct world *w, const char *name, uint16_t trace_node, uint32_t outside_addr,
	uint32_t outside_n, const struct nat_params *p);
struct node *nat_node(struct nat *n);
/* Interface number at which links from outside must end. */
#define NAT_PORT_OUTSIDE 0
void nat_set_outside(struct nat *n, struct link *out);
/* The timeline changes parameters: they hold for all mappings at once. */
void nat_set(struct nat *n, const struct nat_params *p);
/* Forgets everything at once (a restarted box). `cause`: the record of it. */
void nat_clear(struct nat *n, uint64_t cause);
/* Buries what is dead by now: at the end of a run, so that the trace holds every death. */
void nat_flush(struct nat *n);

struct nat_counters {
	uint64_t made, remade, forgotten, dropped, resets;
	uint32_t mappings, mappings_peak;
	size_t bytes; /* for as many mappings as there were at one time */
};
struct nat_counters nat_counters(const struct nat *n);

#endif
