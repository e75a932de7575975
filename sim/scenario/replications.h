/*
 * replications: what several seeds say together about techniques and their differences.
 */
#ifndef SIM_SCENARIO_REPLICATIONS_H
#define SIM_SCENARIO_REPLICATIONS_H

#include "sim/measure/stats.h"
#include "sim/scenario/run.h"

/* Runs of ntech techniques under nrep seeds, r[rep * ntech + tech], borrowed. Runs that were not made have no metrics; these and runs
 * that were stopped early are left out of every estimate. */
struct replications {
	const struct run_result *r;
	size_t ntech, nrep;
};

/* Was this run made, and to its end? */
bool replications_whole(const struct run_result *r);
/* A metric of one technique over its seeds; group -1: all. */
struct estimate replications_mean(const struct replications *x, size_t tech, int metric, int group);
/* Technique a minus technique b, seed by seed. */
struct estimate replications_difference(
	const struct replications *x, size_t a, size_t b, int metric, int group);

#endif
