/*
 * samples: latencies one by one, in few octets.
 *
 * They are written once, in the order in which they come, and read in that order, so each is kept as what it differs by from the one
 * before it: mostly the latency alone, and that little.
 *
 *	 0     1     2     3 4 5 6
 *	+-----+-----+-----+---------+ - - - - - - - - - - - - - - - + - - - - - - + - - - - - - - - - -+
 *	| of  |times| less| octets  |  second, 4 octets; slot, 2    |  times, 2   | the difference, 0-8 |
 *	+-----+-----+-----+---------+ - - - - - - - - - - - - - - - + - - - - - - + - - - - - - - - - -+
 *	   |     `- not once           if `of`: other than before     if `times`     lowest first
 *	   `- another second or slot
 *
 * A broadcast through a proxy takes 3 octets a delivery, 16 as a struct.
 */
#ifndef SIM_MEASURE_SAMPLES_H
#define SIM_MEASURE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many deliveries one behind the other after the same time. */
struct sample {
	int64_t latency_ns;
	uint32_t second; /* in which the message was published */
	uint16_t slot;   /* of the group */
	uint16_t n;
};

struct samples_block;

/* All zero at first. */
struct samples {
	struct samples_block *first, *last;
	struct sample before; /* the one added last */
	size_t n;
	size_t bytes; /* of all blocks */
};

/* Where reading stands. Valid until samples_fini; what is added meanwhile is read too. */
struct samples_reader {
	const struct samples_block *block; /* NULL: at the beginning */
	size_t at;
	struct sample before;
};

void samples_add(struct samples *s, struct sample x);
/* Forgets all. */
void samples_fini(struct samples *s);
/* The next one; false: there is none. `r` is all zero at first. */
bool samples_next(const struct samples *s, struct samples_reader *r, struct sample *out);

#endif
