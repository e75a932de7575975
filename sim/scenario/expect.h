/*
 * expect: the expectation language.
 *
 *   metric [of GROUP] [under TECHNIQUE] [since TIME] OP value         OP: < <= = == >= > !=
 *
 *   delivered under long-polling >= 99%        latency.p99 of phones < 2s        http.requests since 60s <= 100
 */
#ifndef SIM_SCENARIO_EXPECT_H
#define SIM_SCENARIO_EXPECT_H

#include "sim/scenario/doc.h"

/* Parses the text of a node; `root` gives the names of client groups. False after complaints. Texts in d's arena. */
bool expect_parse(
	struct doc *d, const struct doc_node *root, const struct doc_node *n, struct plan_expect *out);
/* A value with the unit a metric takes: "99%" or "0.99" for a share, "2s" or "2000" for ms … False with `what`, `hint`. */
bool expect_value(int metric, const char *text, double *out, char what[256], char hint[256]);
/* Does `measured OP value` hold? Never for NaN. */
bool expect_holds(const struct plan_expect *e, double measured);

#endif
