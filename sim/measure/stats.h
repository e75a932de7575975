/*
 * stats: means of independent replications with their confidence intervals.
 *
 * The interval is Student's: mean +- t(n - 1) * s / sqrt(n), which covers the true mean in 95 % of all experiments when the figure is
 * about normal over seeds (for figures that are means over many messages it is). Two techniques run under the same seeds meet the same
 * arrivals and the same luck (common random numbers), so their difference is judged seed by seed: what both share falls out, and its
 * interval is narrower than the two means would suggest.
 *
 * Only + - * / and sqrt of IEEE 754 double are used, each correctly rounded, in a fixed order: the same digits on every machine.
 * Left out: intervals for figures far from normal (a share of 100 % in every run has an interval of no width), sequential stopping.
 */
#ifndef SIM_MEASURE_STATS_H
#define SIM_MEASURE_STATS_H

#include <stddef.h>

struct estimate {
	size_t n;    /* replications in which the figure was defined */
	double mean; /* NaN: n is 0 */
	double sd;   /* of one replication, n - 1 degrees of freedom; NaN: n < 2 */
	double half; /* half the width of the 95 % confidence interval of the mean; NaN: n < 2 */
};

/* Of n values; those that are NaN (undefined in that run) are left out. */
struct estimate stats_mean(const double *v, size_t n);
/* Of a[i] - b[i]; pairs of which one is NaN are left out. */
struct estimate stats_difference(const double *a, const double *b, size_t n);
/* The 0.975 quantile of Student's t distribution, 1 <= df; within 3e-6 of the true value. */
double stats_t975(size_t df);

#endif
