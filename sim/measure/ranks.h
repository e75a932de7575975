/*
 * ranks: exact percentiles of integers, of which each may come several times.
 *
 *	(value, times) in any order ─▶ ranks_sort ─▶ (value, how many are not greater) ─▶ ranks_at
 *
 * Left out: values below 0.
 */
#ifndef SIM_MEASURE_RANKS_H
#define SIM_MEASURE_RANKS_H

#include <stddef.h>
#include <stdint.h>

struct ranked {
	int64_t v;
	uint64_t n; /* so many times; when sorted: up to this rank */
};

/* Sorts; returns how many there are in all. *v was xmalloc'ed with room for one more and may be another block afterwards. */
uint64_t ranks_sort(struct ranked **v, size_t len);
/* The value of this rank, counted from 1 (0 is taken for 1). `rank` is at most what ranks_sort returned, and that not 0. */
int64_t ranks_at(const struct ranked *v, size_t len, uint64_t rank);

#endif
