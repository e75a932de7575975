/*
 * jobs: simulations side by side in threads, watched from the thread that asked for them.
 *
 * Each job is a whole run with a world of its own; nothing is shared between runs but what they only read. Results are therefore the
 * same for any number of threads, and so is their order, since a job writes where its number says.
 */
#ifndef UI_JOBS_H
#define UI_JOBS_H

#include "sim/scenario/run.h"

enum { JOBS_THREADS_MAX = 256 };

struct jobs_seen {
	size_t done, n;
	double share;           /* of all the work, 0..1, by simulated time */
	int64_t now_ns, end_ns; /* simulated time of all runs begun */
	uint64_t events;
	int64_t spent_ns; /* of the clock on the wall */
};

struct jobs {
	size_t n;
	unsigned threads; /* 0: as many as there are processors; 1: all in the calling thread */
	/* Does job i; hands `progress` on to run_plan. Called in several threads at once. */
	void (*one)(void *ctx, size_t i, const struct run_progress *progress);
	/* Called in the calling thread about every 50 ms; nonzero: runs under way end early, no other begins. May be NULL. */
	int (*see)(void *see_ctx, const struct jobs_seen *seen);
	void *ctx, *see_ctx;
};

unsigned jobs_processors(void);
/* Does all jobs; false when `see` stopped them. */
bool jobs_run(const struct jobs *j);
/* "42 %, 76 s of 180 s simulated, 1.25 M events/s, 12 s left" */
void jobs_text(const struct jobs_seen *seen, char *out, size_t cap);
/* Nanoseconds of a clock that never goes back. */
int64_t jobs_clock_ns(void *ctx);

#endif
