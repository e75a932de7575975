/*
 * exercise: an exercise file, read and checked.
 *
 *   exercise.yaml ─▶ keys students may set · parameters drawn per student · variants × seeds · rubric · mistakes · check files
 *
 * Everything points into the exercise's own memory and lives until exercise_free. An exercise does not change.
 */
#ifndef SIM_GRADE_EXERCISE_H
#define SIM_GRADE_EXERCISE_H

#include "sim/grade/expr.h"
#include "sim/scenario/plan.h"

enum {
	EXERCISE_KEYS_MAX = 64,
	EXERCISE_PARAMS_MAX = 64,
	EXERCISE_VALUES_MAX = 10000, /* of one parameter */
	EXERCISE_VARIANTS_MAX = 32,
	EXERCISE_RUBRIC_MAX = 32,
	EXERCISE_MISTAKES_MAX = 64,
};

enum grade_show { SHOW_ALWAYS, SHOW_AFTER_DUE, SHOW_AFTER_PUBLISHED, SHOW_NEVER };
enum grade_over { OVER_WORST, OVER_MEAN, OVER_MEDIAN, OVER_P95 };

/* A key a submission may set. */
struct ex_key {
	const char *name; /* as students write it */
	const char *path; /* what it sets in the scenario */
	const char *const *choices;
	size_t nchoices;
	const char *min, *max; /* "" none */
	int type;              /* enum key_type for reading values */
	struct src_pos pos;
};

/* A parameter: one of `values`, drawn by the PRF under its name. */
struct ex_param {
	const char *name, *set;
	const char *const *values;
	size_t nvalues;
	struct src_pos pos;
};

struct ex_variant {
	const char *id, *label;
	enum grade_show show;
	unsigned seeds, weight;
	const char *const *sets; /* "path=value" and "timeline+=[…]" */
	size_t nsets;
};

struct ex_item {
	const char *id, *title, *metric_text;
	struct plan_expect metric; /* metric, group, since; op and value unused */
	int metric_id;
	unsigned points;
	double full, zero;
	const char *full_text, *zero_text;
	enum grade_over over;
	struct expr *needs; /* or NULL */
	const char *needs_text;
};

struct ex_mistake {
	const char *id, *say;
	struct expr *when;
};

struct ex_check {
	const char *file; /* full path; NULL: not given */
	double limit;     /* least or most points */
	struct src_pos pos;
};

struct exercise {
	const char *id, *title, *summary, *file, *folder, *scenario; /* scenario: path of the file */
	const char *data;
	uint64_t version;
	unsigned points;
	const struct ex_key *keys;
	size_t nkeys;
	const struct ex_param *params;
	size_t nparams;
	const struct ex_variant *variants;
	size_t nvariants;
	const struct ex_item *items;
	size_t nitems;
	const struct ex_mistake *mistakes;
	size_t nmistakes;
	struct ex_check reference, do_nothing, spam;
	void *impl;
};

/* Reads an exercise: the path of its exercise.yaml or of its folder, or the id of a shipped one. `data` as in plan_load.
 * The scenario is tried with every variant, every parameter's values and every choice; NULL and complaints when anything
 * is wrong. */
struct exercise *exercise_load(const char *data, const char *path_or_id, struct diags *ds);
void exercise_free(struct exercise *ex);

/* What a submission says: values for keys, in the order of ex->keys; NULL where it says nothing. */
struct submission {
	const char **value;
	size_t n;
	char *store;
};

/* Reads and checks a submission. False with complaints (file:line:column) when it is invalid. An empty file is a valid
 * submission that changes nothing. */
bool submission_read(const struct exercise *ex, const char *path, struct submission *out, struct diags *ds);
bool submission_parse(const struct exercise *ex, const char *name, const char *text, size_t len,
	struct submission *out, struct diags *ds);
void submission_fini(struct submission *s);

#endif
