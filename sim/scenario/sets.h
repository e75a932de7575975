/*
 * sets: finding and changing values by path, the way `--set`, knobs and the timeline's `set` do.
 *
 *   clients.phones.options.heartbeat=60s      clients.*.count=10      messages.news.size=1KiB      compare.technique=[sse]
 *
 *   timeline+=[{at: 60s, cut: lte, for: 20s}]      `+=` adds the entries of a list; those of a timeline by their time
 *
 * A segment is a key, a name the file gives, `*` for every name, or for lists a number from 0 or the `name` of an
 * entry. What is not in the file yet but in the language is added; a name that is not in the file is an error.
 */
#ifndef SIM_SCENARIO_SETS_H
#define SIM_SCENARIO_SETS_H

#include "sim/scenario/doc.h"

/* Where the path stands, for complaints. */
struct set_at {
	uint16_t src;
	struct src_pos pos; /* of the path's first character */
	bool live;          /* only keys the running world can change */
};

/* Puts a copy of `value` at every place the path means. Returns how many; 0 after complaints. */
unsigned set_path(struct doc *d, struct doc_node *root, const char *path, const struct doc_node *value,
	const struct set_at *at);
/* Applies "path=value" or "path+=[…]". False after complaints. */
bool set_text(struct doc *d, struct doc_node *root, const char *text);
/* The node at a path (`*`: the first), NULL when it is not in the file. */
struct doc_node *set_find(const struct doc_node *root, const char *path);

#endif
