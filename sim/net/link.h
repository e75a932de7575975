/*
 * link: one direction of a point-to-point link, and the line that two of them are.
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
 * timeline may change, and counters. A *line* is both directions between two nodes; what many lines have in common
 * (classes, the node at the one end) is their *kind*. Every client owns a line, so it is one cache line: a message on
 * its way down and its acknowledgement on the way up touch no other.
 *
 * A changed rate or delay concerns packets sent from then on. Cutting a class loses what is under way on it.
 *
 * Left out: bit errors (a lost frame is all a TCP sees of them), link-layer headers in the rate unless
 * frame_overhead_bytes says so.
 */
#ifndef SIM_NET_LINK_H
#define SIM_NET_LINK_H

#include <stddef.h>

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

struct link {
	int64_t free_ns; /* when the serialiser is idle */
	int64_t last_ns; /* latest arrival so far */
	uint32_t
		ordinal; /* where there are faults: packets that entered so far; else a moment, and how many entered in it */
	uint32_t elem : 30, is_down : 1; /* is_down: its place in the line */
	uint32_t gone : 1;               /* this link alone is cut (a phone that left its network) */
};
#define LINK_ELEM_MAX ((1u << 30) - 1)

enum { LINK_UP, LINK_DOWN, LINK_WAYS };

/* What many lines have in common. */
struct line_kind {
	struct link_class *cls[LINK_WAYS]; /* [LINK_DOWN] NULL: nothing comes back */
	struct node *far;                  /* where `up` leads; lines differ in where `down` leads */
	uint16_t port[LINK_WAYS];          /* interface at the far node, at the near one */
	uint16_t far_trace;                /* the far node's lane */
	bool near_many;                    /* near nodes are many (struct node_ops) */
	bool alone;                        /* it has one line: draws[] are its streams themselves */
	uint16_t nth;
	uint32_t elem;
	/* Loss and jitter: families of streams. The line of element elem + i draws from stream i * LINE_STREAMS + nth. */
	uint64_t draws[LINK_WAYS];
};
#define LINE_STREAMS 16

struct line { /* one cache line */
	struct link up, down;
	struct node *near_node; /* NULL with a kind that has no way down */
	const struct line_kind *kind;
};

void link_class_init(struct link_class *c, const char *name, const struct link_params *p);
/* Changes the parameters from now on. */
void link_class_set(struct link_class *c, const struct link_params *p);
/* Cuts every link of the class: everything under way on them and everything sent until link_class_heal is lost.
 * `cause`: the record of the cut. */
void link_class_cut(struct link_class *c, uint64_t cause);
void link_class_heal(struct link_class *c);

_Static_assert(offsetof(struct line, up) == 0, "line_of");

/* Both directions, idle. The kind is borrowed and lives as long as packets may be under way. */
void line_init(struct line *x, const struct line_kind *kind, struct node *near_node, uint32_t elem);

static inline struct line *line_of(const struct link *l)
{
	return (struct line *)(void *)((char *)(uintptr_t)l -
				       (offsetof(struct line, down) & -(size_t)l->is_down));
}

static inline struct link_class *link_class_of(const struct link *l)
{
	return line_of(l)->kind->cls[l->is_down];
}

/* The node it leads to. */
static inline struct node *link_to(const struct link *l)
{
	const struct line *x = line_of(l);

	return l->is_down ? x->near_node : x->kind->far;
}

/* The interface there. */
static inline uint16_t link_port(const struct link *l)
{
	return line_of(l)->kind->port[l->is_down];
}

/* The other direction, NULL if there is none. */
static inline struct link *link_back(const struct link *l)
{
	struct line *x = line_of(l);

	return l->is_down ? &x->up : x->kind->cls[LINK_DOWN] ? &x->down : NULL;
}

/* Lanes of the nodes at its ends, 0 for none. */
uint16_t link_to_trace(const struct link *l);
uint16_t link_from_trace(const struct link *l);

/* Sends; the link owns the packet. Drops are recorded with their reason. */
void link_send(struct world *w, struct link *l, struct pkt *owned);

/* Octets waiting in the queue (not yet fully serialised) at this moment. */
uint64_t link_backlog_bytes(const struct world *w, const struct link *l);

#endif
