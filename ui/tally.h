/*
 * tally: figures of one run at any moment, counted from its records.
 *
 * Sorted event lists are made once; a figure at time t is a binary search (or, for medians, a selection among
 * the delays of what was delivered by then). Only clients under the lens are counted, and `clients` says how
 * many that are of how many.
 */
#ifndef UI_TALLY_H
#define UI_TALLY_H

#include "sim/trace/trace.h"

enum figure {
	FIG_DELAY_MEDIAN, /* ms */
	FIG_DELAY_P99,
	FIG_BYTES_PER_MESSAGE,
	FIG_REQUESTS, /* HTTP requests per second so far */
	FIG_REQUESTS_EMPTY,
	FIG_CONNECTIONS,
	FIG_DELIVERED, /* messages */
	FIG_MISSING,   /* published for these clients and not delivered by now */
	FIG_DUPLICATES,
	FIGURES
};

struct figure_def {
	const char *title, *brief, *unit;
	const char *counted; /* how it is counted, one or two sentences */
	bool less_is_better;
	unsigned decimals;
};
const struct figure_def *figure_def(enum figure f);

struct tally_mark { /* something happened at `at`; v sums up (octets, delay) */
	int64_t at, v;
};

struct tally_list {
	struct tally_mark *m;
	size_t n, cap;
};

struct tally {
	struct tally_list deliver;  /* v: delay in ns */
	struct tally_list expected; /* at: when published */
	struct tally_list request, empty, opened, duplicate;
	struct tally_list octets; /* at the clients' access links, IP and up; v: running sum */
	uint32_t lens, clients;
	int64_t duration_ns; /* rates are over the time until then; 0: no end */
};

struct tally *tally_new(const struct trace *tr, uint32_t clients);
void tally_free(struct tally *t);
/* The figure at time t; NaN while there is nothing to count. */
double tally_at(const struct tally *t, enum figure f, int64_t t_ns);
/* Mean delay (ms) of what was delivered in [from, to); NaN when nothing was. */
double tally_delay_between(const struct tally *t, int64_t from, int64_t to);
/* "2 510", "1.25", "--". */
void tally_text(enum figure f, double v, char *out, size_t cap);

#endif
