/* replications: see replications.h. */
#include "sim/scenario/replications.h"

#include <math.h>

#include "sim/core/xmalloc.h"

bool replications_whole(const struct run_result *r)
{
	return r->metrics && !r->partial;
}

/* A metric over the seeds, NaN where a run is missing. */
static double *values(const struct replications *x, size_t tech, int metric, int group)
{
	double *v = xcalloc(x->nrep + 1, sizeof *v);
	for (size_t i = 0; i < x->nrep; i++) {
		const struct run_result *r = &x->r[i * x->ntech + tech];
		v[i] = replications_whole(r) ? metrics_get(r->metrics, metric, group) : (double)NAN;
	}
	return v;
}

struct estimate replications_mean(const struct replications *x, size_t tech, int metric, int group)
{
	double *v = values(x, tech, metric, group);
	struct estimate e = stats_mean(v, x->nrep);
	xfree(v);
	return e;
}

struct estimate replications_difference(
	const struct replications *x, size_t a, size_t b, int metric, int group)
{
	double *va = values(x, a, metric, group), *vb = values(x, b, metric, group);
	struct estimate e = stats_difference(va, vb, x->nrep);
	xfree(va);
	xfree(vb);
	return e;
}
