/*
 * hist: an integer log-linear histogram of durations.
 *
 * Values are counted in microseconds. Below 128 every value has its own bucket; above, each power of two is cut into
 * 128 equal parts, so a value read back is at most 0.8 % too low and the memory stays fixed:
 *
 *   value    0 .. 127 | 128 .. 255 | 256 .. 511 | …                     | up to 2^42 us (51 days)
 *   width        1    |     1      |     2      | doubling              |
 *
 * No floating point, no allocation after the first value: the same values in any order give the same histogram.
 */
#ifndef SIM_MEASURE_HIST_H
#define SIM_MEASURE_HIST_H

#include <stdint.h>

enum { HIST_SUB = 128, HIST_OCTAVES = 36, HIST_BUCKETS = HIST_SUB * (HIST_OCTAVES + 1) };

struct hist {
	uint32_t *count; /* HIST_BUCKETS, NULL until the first value */
	uint64_t n;
};

/* `n` times the same value. */
void hist_add(struct hist *h, int64_t ns, uint64_t n);
/* Adds all of `from`. */
void hist_merge(struct hist *h, const struct hist *from);
void hist_fini(struct hist *h);
/* The smallest value of the bucket holding the value of rank ceil(n * num / den) (nearest rank), in ns. 0 when empty. */
int64_t hist_quantile(const struct hist *h, uint32_t num, uint32_t den);

#endif
