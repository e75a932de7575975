/*
 * library: what is shipped, found by being there. `data` is the folder with lectures/, exercises/ and presets/.
 *
 *   lectures/NAME.yaml   exercises/NAME/exercise.yaml   presets/NAME.yaml
 *
 * A preset is a file of its own:
 *   backtalk: 1
 *   preset: lte                      # equal to the file's name
 *   for: networks                    # networks | boxes
 *   title: A usual LTE network
 *   source: MO-01, RR-01             # the rows its values come from
 *   values: {rtt: 89ms, …}           # keys of networks.* or boxes.*
 */
#ifndef SIM_SCENARIO_LIBRARY_H
#define SIM_SCENARIO_LIBRARY_H

#include "sim/scenario/doc.h"

enum library_kind { LIBRARY_LECTURES, LIBRARY_EXERCISES, LIBRARY_PRESETS };

struct library_names {
	char **name; /* sorted by octets */
	size_t n;
};

/* An absent folder has no names. */
void library_list(const char *data, enum library_kind kind, struct library_names *out);
void library_names_fini(struct library_names *l);
/* The file of a shipped thing, malloc'ed; it need not exist. */
char *library_path(const char *data, enum library_kind kind, const char *name);

struct preset {
	const char *id, *applies_to, *title, *source; /* in the doc's arena */
	struct doc_node *values;
};

/* Reads a preset into `d`; false after complaints. */
bool preset_read(struct doc *d, const char *path, struct preset *out);
/* Completes every networks.* and boxes.* of `root` that names a preset. */
void presets_expand(struct doc *d, const char *data, struct doc_node *root);

#endif
