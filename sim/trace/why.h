/*
 * why: walking the causes of a record, and the effects.
 *
 * A cause pointer says what happened immediately before. Two more links are needed to answer "why was this
 * lost or late?", and both are found in the trace and nowhere else:
 *   - a retransmission was needed because an earlier packet with the same octets was dropped;
 *   - a packet that found no mapping was dropped because the mapping had been forgotten.
 * The index is built once over a finished trace and borrows it.
 */
#ifndef SIM_TRACE_WHY_H
#define SIM_TRACE_WHY_H

#include "sim/trace/trace.h"

struct why_index;

struct why_index *why_index_new(const struct trace *tr);
void why_index_free(struct why_index *ix);

/* Effects of a record: first, then next; 0 ends. */
uint64_t why_first_effect(const struct why_index *ix, uint64_t id);
uint64_t why_next_effect(const struct why_index *ix, uint64_t id);

/* What became of a PKT_SEND: the id of its PKT_RECV or PKT_DROP, 0 while in flight at the end. */
uint64_t why_packet_fate(const struct why_index *ix, uint64_t send_id);

/* For a unit sent (…_SEND): its …_RECV at the other end of the connection, or 0; and if it (or the part that
 * was missing) was dropped at least once, *drop is the first such PKT_DROP, else 0. */
uint64_t why_unit_fate(const struct why_index *ix, uint64_t unit_send_id, uint64_t *drop);

/* The chain of reasons from `id` back, most recent first, `id` itself included. Steps that say nothing to a
 * person (a packet sent and received without incident) are left out. Returns the number written. */
size_t why_chain(const struct why_index *ix, uint64_t id, uint64_t *chain, size_t max);

/* The record in the chain that decided: the last one with a reason that names a parameter; 0 if none. */
uint64_t why_root(const struct why_index *ix, uint64_t id);

#endif
