/*
 * value: texts with units into integers. Everything is decimal integer arithmetic: `1.5s` is 1,500,000,000 ns
 * exactly, and a text that is not a whole number of the target unit is refused, not rounded.
 *
 *   duration   30s 1.5s 200ms 80us 10ns 2m 1h 2m30s            -> ns
 *   rate       10Mbit/s 1.5Gbit/s 64kbit/s 800bit/s            -> bit/s     (k = 1000)
 *   size       200B 4KiB 1.5kB 2MiB 1MB 1GiB                   -> bytes
 *   share      0.5% 100%                                       -> ppm
 *   frequency  1/45s 10/s 0.5/s 3/2m                           -> mean interval in ns
 *   number     2 1.5                                           -> thousandths
 *   count      200                                             -> itself
 */
#ifndef SIM_SCENARIO_VALUE_H
#define SIM_SCENARIO_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What went wrong, for a sentence: `what` ("has no unit") and `hint` (a right way to write it); both may hold a
 * copy of the text, cut. Empty after success. */
struct value_err {
	char what[160], hint[160];
};

bool value_duration(const char *s, int64_t *ns, struct value_err *e);
bool value_bps(const char *s, uint64_t *bps, struct value_err *e);
bool value_bytes(const char *s, uint64_t *bytes, struct value_err *e);
bool value_share(const char *s, uint32_t *ppm, struct value_err *e);
bool value_every(const char *s, int64_t *every_ns, struct value_err *e);
bool value_milli(const char *s, uint64_t *milli, struct value_err *e);
bool value_count(const char *s, uint64_t *n, struct value_err *e);
bool value_bool(const char *s, bool *b, struct value_err *e);
/* Names that scenarios give to things: a letter, then letters, digits, `-`, `_`; at most 64. */
bool value_id(const char *s, struct value_err *e);

/* The shortest text of a duration that reads back as the same value: "25s", "1500ms". */
void value_duration_text(int64_t ns, char *out, size_t cap);

#endif
