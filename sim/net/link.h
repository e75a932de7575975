/*
 * link: one direction of a point-to-point link.
 *
 *	      queue (drop-tail)     serialiser           propagation
 *	push ──▶ ▓▓▓▓▓▓ ──▶ [ bits/s ] ──▶ one-way delay + jitter ──▶ on_pkt of the far node
 *	   └ loss, cut: decided here       └ a cut meanwhile kills what is under way
 *
 * The queue is not stored: the moment at which the serialiser will be idle tells how many octets wait. So a packet
 * costs one event per hop, its arrival. Packets are never overtaken (arrival is at least the previous one's),
 * unless the class allows reordering.
 *
 * Many links share one *class* (the two directions of an access network are two classes): parameters that the
 * timeline may change, and counters. A link itself is small, because every client owns two.
 *
 * A changed rate or delay concerns packets sent from then on. Cutting a class loses what is under way on it.
 *
 * Left out: bit errors (a lost frame is all a TCP sees of them), link-layer headers in the rate unless
 * frame_overhead_bytes says so.
 */
#ifndef SIM_NET_LINK_H
#define SIM_NET_LINK_H

#include "sim/net/node.h"

#define LINK_QUEUE_DEFAULT_BYTES (256u * 1024)

struct link_params {
	uint64_t rate_bps;             /* 0: not limited, no queue */
	uint64_t queue_bytes;          /* 0: LINK_QUEUE_DEFAULT_BYTES */
	int64_t delay_ns;              /* one way */
	int64_t jitter_ns;             /* uniform in delay -jitter .. +jitter, not below 0 */
	uint32_t loss_ppm;             /* independent losses; 1000000 loses everything */
	uint32_t frame_overhead_bytes; /* added to each packet's IP length for the serialiser */
	bool reorder;                  /* jitter may let a later packet overtake */
};

/* What tests do to the n-th packet (from 0) that enters a link. */
enum link_fault_kind { LINK_FAULT_DROP, LINK_FAULT_DELAY, LINK_FAULT_DUPLICATE };

struct link_fault {
	uint32_t ordinal;
	enum link_fault_kind kind;
	int64_t delay_ns;
};

struct link_class {
	struct link_params p;
	const char *name; /* borrowed: the network's name for records ("lte"), may be NULL */
	uint64_t loss_p32;
	int64_t queue_ns;         /* how long a full queue takes to leave */
	uint64_t ns_per_byte_q20; /* serialisation time of an octet, 44.20 fixed point */
	uint16_t epoch;           /* counts the cuts */
	bool cut;
	uint64_t cut_cause; /* the record of the cut */
	/* counters; octets are IP lengths */
	uint64_t sent, delivered, dropped;
	uint64_t sent_bytes, delivered_bytes;
	const struct link_fault *faults; /* by rising ordinal; borrowed; tests */
	uint32_t n_faults;
	/* Optional: called before a packet enters; may put off the moment it starts (a radio that must wake up first).
	 * Returns the earliest time, >= now. */
	int64_t (*hold)(struct world *w, struct link *l, struct pkt *p, void *ctx);
	void *hold_ctx;
};

struct link { /* one cache line */
	struct link_class *cls;
	struct node *to;
	struct link *rev; /* the other direction, or NULL */
	int64_t free_ns;  /* when the serialiser is idle */
	int64_t last_ns;  /* latest arrival so far */
	struct rng rng;   /* all draws come from this and the time (luck_of) */
	uint32_t elem;
	uint32_t
		ordinal; /* where there are faults: packets that entered so far; else a moment, and how many entered in it */
	uint16_t from_trace, to_trace;
	uint16_t port; /* interface at the far node */
	bool down;     /* this link alone is cut (a phone that left its network) */
	bool many;     /* the far node is one of many (struct node_ops) */
};

void link_class_init(struct link_class *c, const char *name, const struct link_params *p);
/* Changes the parameters from now on. */
void link_class_set(struct link_class *c, const struct link_params *p);
/* Cuts every link of the class: everything under way on them and everything sent until link_class_heal is lost.
 * `cause`: the record of the cut. */
void link_class_cut(struct link_class *c, uint64_t cause);
void link_class_heal(struct link_class *c);

/* A link into `to`, interface `port`. `rng`: its own stream for loss and jitter. */
void link_init(
	struct link *l, struct link_class *c, uint32_t elem, struct node *to, uint16_t port, struct rng rng);
/* Makes two links each other's way back. */
void link_pair(struct link *a, struct link *b);

/* Sends; the link owns the packet. Drops are recorded with their reason. */
void link_send(struct world *w, struct link *l, struct pkt *owned);

/* Octets waiting in the queue (not yet fully serialised) at this moment. */
uint64_t link_backlog_bytes(const struct world *w, const struct link *l);

#endif
