/*
 * hist: an integer log-linear histogram of durations.
 *
 * Values are counted in microseconds. Below 128 every value has its own bucket; above, each power of two is cut into
 * 128 equal parts, so a value read back is at most 0.8 % too low and the memory stays fixed:
 *
 *   value    0 .. 127 | 128 .. 255 | 256 .. 511 | …                     | up to 2^42 us (51 days)
 *   width        1    |     1      |     2      | doubling              |
 *
 * No floating point: the same values in any order give the same histogram. Memory is taken for a power of two when a value falls
 * there, so values that lie together cost half a kibibyte.
 */
#ifndef SIM_MEASURE_HIST_H
#define SIM_MEASURE_HIST_H

#include <stddef.h>
#include <stdint.h>

enum {
	HIST_SUB = 128,
	HIST_OCTAVES = 36,
	HIST_PARTS = HIST_OCTAVES + 1,
	HIST_BUCKETS = HIST_SUB * HIST_PARTS,
};

/* All zero at first. */
struct hist {
	uint32_t *part[HIST_PARTS]; /* HIST_SUB counts each; NULL: all zero */
	uint64_t n;
};

/* `n` times the same value. */
void hist_add(struct hist *h, int64_t ns, uint64_t n);
/* Adds all of `from`. */
void hist_merge(struct hist *h, const struct hist *from);
void hist_fini(struct hist *h);
/* Octets behind it, without the struct. */
size_t hist_bytes(const struct hist *h);
/* The smallest value of the bucket holding the value of rank ceil(n * num / den) (nearest rank), in ns. 0 when empty. */
int64_t hist_quantile(const struct hist *h, uint32_t num, uint32_t den);

#endif
