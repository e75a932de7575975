/*
 * stats: see stats.h.
 *
 * Student, "The probable error of a mean", Biometrika 6 (1908). The quantile for more than 12 degrees of freedom is the expansion of
 * Cornish and Fisher around the normal one (Abramowitz and Stegun 26.7.5).
 */
#include "sim/measure/stats.h"

#include <math.h>

#include "sim/core/xmalloc.h"

#ifdef __clang__ /* gcc's -std=c17 says so already: no fused multiplication, which rounds once where others round twice */
#pragma STDC FP_CONTRACT OFF
#endif

double stats_t975(size_t df)
{
	static const double small[] = {0, 12.7062047362, 4.3026527297, 3.1824463053, 2.7764451052,
		2.5705818356, 2.4469118511, 2.3646242516, 2.3060041352, 2.2621571628, 2.2281388520,
		2.2009851601, 2.1788128297};
	if (df < sizeof small / sizeof *small)
		return small[df];
	const double z = 1.9599639845, z2 = z * z, n = (double)df;
	double g1 = z * (z2 + 1) / 4;
	double g2 = z * ((5 * z2 + 16) * z2 + 3) / 96;
	double g3 = z * (((3 * z2 + 19) * z2 + 17) * z2 - 15) / 384;
	double g4 = z * ((((79 * z2 + 776) * z2 + 1482) * z2 - 1920) * z2 - 945) / 92160;
	return z + (g1 + (g2 + (g3 + g4 / n) / n) / n) / n;
}

/* In two passes: the squares of small deviations do not drown in the square of a large mean. */
struct estimate stats_mean(const double *v, size_t n)
{
	struct estimate e = {0, (double)NAN, (double)NAN, (double)NAN};
	double sum = 0, squares = 0;
	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i])) {
			sum += v[i];
			e.n++;
		}
	if (!e.n)
		return e;
	e.mean = sum / (double)e.n;
	if (e.n < 2)
		return e;
	for (size_t i = 0; i < n; i++)
		if (!isnan(v[i]))
			squares += (v[i] - e.mean) * (v[i] - e.mean);
	e.sd = sqrt(squares / (double)(e.n - 1));
	e.half = stats_t975(e.n - 1) * e.sd / sqrt((double)e.n);
	return e;
}

struct estimate stats_difference(const double *a, const double *b, size_t n)
{
	double *d = xcalloc(n + 1, sizeof *d);
	for (size_t i = 0; i < n; i++)
		d[i] = a[i] - b[i]; /* NaN when one of them is */
	struct estimate e = stats_mean(d, n);
	xfree(d);
	return e;
}
