/*
 * inspect: the octets of one record beside the fields they mean, and what they cost on the wire.
 */
#ifndef UI_INSPECT_H
#define UI_INSPECT_H

#include "proto/dissect/dissect.h"
#include "sim/trace/why.h"
#include "ui/canvas.h"

#define INSPECT_FIELDS_MAX 4000

struct inspect {
	const struct trace *tr;
	const struct why_index *ix;
	uint64_t rec;
	struct bytes octets; /* in the trace, or `plain` */
	struct buf plain;    /* an event without the chunk framing it was sent in */
	bool has_tree;
	struct dx_tree tree;
	uint32_t field[INSPECT_FIELDS_MAX]; /* nodes in reading order */
	uint8_t depth[INSPECT_FIELDS_MAX];
	size_t nfield;
	char title[160];
	char wire[240]; /* "100 B on the wire = Ethernet 14 + IP 20 + …", or "" */
};

/* The octets of a record; NULL when it has none. Borrows trace and index. */
struct inspect *inspect_new(const struct trace *tr, const struct why_index *ix, uint64_t rec);
void inspect_free(struct inspect *in);
/* `sel` is the chosen field, SIZE_MAX none; `focused`: keys go here. */
void inspect_draw(const struct inspect *in, size_t sel, bool focused, struct canvas *c, struct rect r);
/* A sentence on a field, with the section that defines it. */
void inspect_meaning(const struct inspect *in, size_t sel, char *out, size_t cap);

#endif
