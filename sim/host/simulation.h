/*
 * simulation: one world from start to end.
 *
 * Build from a cfg, run until a moment (or the end), read the counters. Records go to the trace handed in
 * (borrowed, may be NULL); per-message facts reach metrics as folds over the trace, sums that would cost a
 * record per packet are counters here.
 */
#ifndef SIM_HOST_SIMULATION_H
#define SIM_HOST_SIMULATION_H

#include "sim/host/cfg.h"
#include "sim/trace/trace.h"

struct sim_opts {
	uint64_t seed;
	struct trace *trace;
	uint32_t lens_clients; /* how many clients per group are under the lens (UINT32_MAX: all) */
	/* Nobody remembers what octets have said before (proto/tech/reader.h), TCP predicts no header: slower, else the same. */
	bool decode_anew;
};

/* Sums over the run, per client group (index of cfg.groups). Counted until `duration`, except those that
 * concern messages under way. Bytes at the client's access link, IP headers included. */
struct sim_group_counters {
	uint64_t bytes_up, bytes_down;
	uint64_t conns_opened, conns_failed, conns_peak;
	uint64_t radio_energy_uj, radio_active_ns;
};

/* Parts of what a run takes; what belongs to which: memory.c. */
enum sim_part {
	SIM_PART_TCP,
	SIM_PART_NET,
	SIM_PART_ENDPOINT,
	SIM_PART_HOST,
	SIM_PART_BOXES,
	SIM_PART_EVENTS,
	SIM_PART_MEASURE, /* filled in by metrics_finish */
	SIM_PARTS,
};

struct sim_counters {
	uint64_t events;
	int64_t counted_ns; /* how much of the duration was counted: all of it, less when the run was stopped early */
	uint64_t packets_sent, packets_delivered, packets_dropped, packets_in_flight; /* over all links */
	uint64_t server_cpu_ns, server_memory_peak_bytes, server_threads_peak;
	uint64_t bytes[SIM_PARTS];        /* memory in use at its peak, by part */
	struct sim_group_counters *group; /* ngroups */
	size_t ngroups;
};

struct sim;

/* `cfg` is borrowed for the life of the simulation. Never fails: a cfg is checked where it is made. */
struct sim *sim_new(const struct cfg *cfg, const struct sim_opts *o);
/* Runs all events up to and including time t; returns the time of the next event, INT64_MAX at the end
 * (duration + drain, or nothing left to do). */
int64_t sim_run_until(struct sim *s, int64_t t_ns);
int64_t sim_now(const struct sim *s);
/* Events dispatched so far. */
uint64_t sim_events(const struct sim *s);
/* 64-bit hash over every event dispatched and every message delivered, in order. */
uint64_t sim_fingerprint(const struct sim *s);
/* Valid until sim_free. Call after the last sim_run_until. */
const struct sim_counters *sim_counters(struct sim *s);
/* Asserts that nothing is left over (packets, connections, blobs, events). */
void sim_free(struct sim *s);

#endif
