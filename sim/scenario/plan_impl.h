/*
 * plan_impl: how a plan is made. Private to sim/scenario.
 *
 *   file ─▶ doc ─▶ --set ─▶ presets ─▶ keys_check ─▶ world (cfg) ─▶ story (timeline, questions, knobs, expectations)
 *
 * Every step complains about all it finds and the next ones go on with what is sound, so that one run of `check` shows
 * everything. A plan is handed out only when there was no complaint.
 */
#ifndef SIM_SCENARIO_PLAN_IMPL_H
#define SIM_SCENARIO_PLAN_IMPL_H

#include "sim/scenario/doc.h"

enum {
	PLAN_NETS_MAX = 64,
	PLAN_BOXES_MAX = 64,
	PLAN_SERVERS_MAX = 64,
	PLAN_GROUPS_MAX = 64,
	PLAN_MSGS_MAX = 256,
	PLAN_SETS_MAX = 500,       /* `set` events of a timeline: each is a world of its own */
	PLAN_KNOBS_MAX = 64,       /* knobs, and values of one knob */
	PLAN_COPIES_MAX = 1000000, /* nodes copied to try `set` events and knobs */
};

/* Names of one section in order, for finding indexes. */
struct plan_names {
	const char **name;
	size_t n;
};

struct plan_impl {
	struct doc doc;
	struct doc_node *root;
	const char *data;
	struct plan_names nets, boxes, servers, groups;
	struct diags own; /* while building: complaints */
	struct plan_variant *variants;
	uint32_t copied; /* nodes, see PLAN_COPIES_MAX */
};

/* A cfg with another technique, kept until the plan goes. */
struct plan_variant {
	struct plan_variant *next;
	const char *technique;
	struct cfg cfg;
};

/* Takes the names of all sections and complains about names used twice. */
void plan_take_names(struct plan_impl *im);
int plan_name_index(const struct plan_names *l, const char *name);
/* Complains that a name is none of those in one or two lists (the second may be NULL). */
void plan_unknown(struct plan_impl *im, const struct doc_node *at, const char *noun,
	const struct plan_names *a, const struct plan_names *b);

/* Networks, boxes, servers, groups and messages of `root` into *out (acts are left alone). */
void plan_world(struct plan_impl *im, const struct doc_node *root, struct cfg *out);
/* A copy of what makes the world (not timeline, questions, knobs, expectations), to be changed. NULL, after one
 * complaint, when the file asks for too many copies. */
struct doc_node *plan_copy(struct plan_impl *im, const struct doc_node *root);
/* Timeline, questions, knobs, compare, expectations, claims. */
void plan_story(struct plan_impl *im, struct plan *p);
/* The timeline into cfg.acts and plan.cues. */
void plan_timeline(struct plan_impl *im, struct plan *p);

/* Reading values that were checked; the default of the key when absent or unsound. `parent` is the key's parent path. */
int64_t plan_dur(const struct doc_node *map, const char *parent, const char *key);
uint64_t plan_bps(const struct doc_node *map, const char *parent, const char *key);
uint64_t plan_bytes(const struct doc_node *map, const char *parent, const char *key);
uint32_t plan_share(const struct doc_node *map, const char *parent, const char *key);
uint64_t plan_int(const struct doc_node *map, const char *parent, const char *key);
uint32_t plan_milli(const struct doc_node *map, const char *parent, const char *key);
bool plan_bool(const struct doc_node *map, const char *parent, const char *key);
/* The index of the word in the key's `words`. */
int plan_word(const struct doc_node *map, const char *parent, const char *key);
/* The text, or the default's. */
const char *plan_text(const struct doc_node *map, const char *parent, const char *key);

#endif
