/*
 * cap_stream: the octets of one direction of a connection in order, and where each of them came from.
 *
 *	segments   [ 1: 0..9 ]      [ 3: 20..29 ]  [ 2: 10..19 ]  [ 4: 15..24 again ]
 *	runs       0..9 from 1, delivered by 1 | 10..19 from 2, delivered by 2 | 20..29 from 3, delivered by 2 ...
 *
 * Of octets seen several times the first copy counts. A run knows the packet its octets stand in (to highlight
 * them there) and the packet that delivered them (the latest up to that point).
 */
#ifndef SIM_CAPTURE_CAP_STREAM_H
#define SIM_CAPTURE_CAP_STREAM_H

#include "sim/capture/cap.h"

struct cap_run {
	uint64_t off, len;
	uint32_t src;     /* packet the octets stand in, CAP_NONE: never captured */
	uint32_t src_off; /* where in its frame */
	struct cap_at at; /* delivery */
};

struct cap_stream {
	uint8_t *p;
	size_t n, cap;
	struct cap_run *run;
	uint32_t nruns, run_cap;
	uint64_t missing; /* octets never captured, inside */
	int64_t base;     /* soff of the stream's first octet: offset = soff - base */
	bool ended;       /* FIN seen: nothing more comes */
	bool cut;         /* a gap too large to bridge: what follows it is left out */
	uint32_t hint;    /* last run found */
};

/* Puts the direction together. */
void cap_stream_build(struct capture *c, uint32_t conn, unsigned dir, struct cap_stream *s);
void cap_stream_fini(struct cap_stream *s);
/* The run holding octet `off` (the last one when it lies beyond the end); NULL when there are none. */
const struct cap_run *cap_stream_run(struct cap_stream *s, uint64_t off);
/* Delivery of octet `off`; of nothing at all: time 0, CAP_NONE. */
struct cap_at cap_stream_at(struct cap_stream *s, uint64_t off);
/* Is an octet of [off, off+len) missing? */
bool cap_stream_gap(struct cap_stream *s, uint64_t off, uint64_t len);

#endif
