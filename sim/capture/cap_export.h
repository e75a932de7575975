/*
 * cap_export: pcapng out (draft-ietf-opsawg-pcapng).
 *
 * From a trace: one interface for each link ("phones[1]/home-nat"), nanosecond resolution, the run's time from an epoch of 0.
 * Each packet stands there once, at the moment it is sent, also when it is going to be lost: the whole file then reads
 * as one capture and nothing looks like a retransmission that is none. With `at`, the interfaces are the links of one node, and
 * what stands there is what a capture on that node would see: its own packets when they leave, the others' when they
 * arrive. Where the trace knows why something happened, the packet has a comment: lost and why, sent again and why, held
 * back by which buffer, dropped by which box and rule.
 *
 * From a capture: the same interfaces, frames and times, with the analysis' findings as comments.
 */
#ifndef SIM_CAPTURE_CAP_EXPORT_H
#define SIM_CAPTURE_CAP_EXPORT_H

#include "sim/capture/cap.h"
#include "sim/trace/trace.h"

struct cap_export_opts {
	const char *at;      /* only the capture points of this node; NULL: all */
	const char *program; /* "backtalk 0.1.0", for shb_userappl; NULL: left out */
	const char *comment; /* of the section; NULL: scenario, seed and technique of the trace */
};

/* Writes everything through `out` (its form is struct outfile's). Returns 0, -1 with errno when `out` failed, or -2 when
 * `o->at` names no node of the trace. `o` may be NULL. */
int cap_export_trace(const struct trace *tr, const struct cap_export_opts *o, const struct trace_out *out);
int cap_export_capture(const struct capture *c, const struct cap_export_opts *o, const struct trace_out *out);

#endif
