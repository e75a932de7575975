/*
 * plan: a scenario file, read and checked, every value with its place in the file.
 *
 * YAML (libfyaml) ─▶ document tree with positions ─▶ `--set` applied ─▶ plan (a cfg plus what only views,
 * graders and expectations need). A plan never changes; another value means another plan made from the same
 * file (plan_load again with one more `set`), which is what knobs do.
 */
#ifndef SIM_SCENARIO_PLAN_H
#define SIM_SCENARIO_PLAN_H

#include "sim/host/cfg.h"

struct src_pos {
	uint32_t line, col; /* from 1; 0 = not from a file */
};

/* One complaint: file:line:column, sentence, what was expected or the nearest right word. */
struct diag {
	char *file;
	struct src_pos pos;
	uint32_t span;     /* columns to underline, at least 1 */
	char *what;        /* "unknown key `heartbeet`" */
	char *hint;        /* "did you mean `heartbeat`?" or NULL */
	char *source_line; /* the line itself or NULL */
	bool environment;  /* the file could not be read at all */
};

struct diags {
	struct diag *d;
	size_t n, cap;
};

/* Was the trouble the machine's (a file that cannot be read) rather than what the file says? Then exit 3, else 2. */
bool diags_environment(const struct diags *ds);
void diags_fini(struct diags *ds);
/* file:line:col: sentence / the line / caret / hint, as printed on stderr. Returns a malloc'ed text. */
char *diags_text(const struct diags *ds);

struct plan_knob {
	const char *set;           /* path */
	const char *const *values; /* as written */
	size_t nvalues;
	const char *current; /* value in the file (or as --set changed it) */
};

struct plan_cue { /* what the timeline says and asks, by time */
	int64_t at_ns;
	const char *say; /* or NULL */
	int question;    /* index or -1 */
};

struct plan_expect {
	const char *text; /* as written */
	struct src_pos pos;
	const char *metric, *group, *under; /* NULL: any */
	int64_t since_ns;                   /* 0 */
	enum { EXPECT_LT, EXPECT_LE, EXPECT_EQ, EXPECT_GE, EXPECT_GT, EXPECT_NE } op;
	double value; /* in the metric's unit (a share for %) */
};

/* A question of the lecture. The answer is claimed by the file and proved by a run: every `checks` must hold
 * (`backtalk check` and the tests run them), so a lecturer cannot ask a question whose answer is wrong. */
struct plan_question {
	const char *id, *ask, *why;
	const char *const *options;
	const char *const *wrong; /* per option: why it is not the answer, or NULL; noptions entries */
	size_t noptions;
	int answer; /* index of the right option */
	const struct plan_expect *checks;
	size_t nchecks;
	/* when the file says `metric: highest …` or `lowest …`: the answer is the technique with this extreme */
	enum { QUESTION_NO_METRIC, QUESTION_HIGHEST, QUESTION_LOWEST } extreme;
	struct plan_expect metric; /* metric, group, since */
	struct src_pos pos;
};

struct plan {
	struct cfg cfg;
	const char *id, *title, *summary, *file;
	uint64_t seed;
	const char *technique; /* what `run` uses (first group's) */
	const char *const *compare;
	size_t ncompare;
	const struct plan_knob *knobs;
	size_t nknobs;
	const struct plan_cue *cues;
	size_t ncues;
	const struct plan_question *questions;
	size_t nquestions;
	const struct plan_expect *expects;
	size_t nexpects;
	const char *const *claims; /* ids of the claims this scenario shows */
	size_t nclaims;
	const char *const *sets; /* the "path=value" texts it was made with */
	size_t nsets;
	void *impl; /* owner of all of the above */
};

/* Loads a scenario: a path (has a `/` or ends in .yaml), or the id of a shipped one; an exercise.yaml stands for the
 * scenario it runs. `data` is the folder with lectures/, exercises/ and presets/ (NULL: there are no shipped
 * scenarios and no presets). `sets` are "path=value" texts applied in order (a path may hold `*` for any name).
 * Returns NULL and fills `ds` when anything is wrong (all errors, not the first). */
struct plan *plan_load(
	const char *data, const char *path_or_id, const char *const *sets, size_t nsets, struct diags *ds);
/* The same from memory; `name` is used in messages. */
struct plan *plan_parse(const char *data, const char *name, const char *text, size_t len,
	const char *const *sets, size_t nsets, struct diags *ds);
void plan_free(struct plan *p);

/* The value now in force at a path, as text ("30s"), or NULL. */
const char *plan_value(const struct plan *p, const char *path);
/* Where it stands in the file. */
struct src_pos plan_pos(const struct plan *p, const char *path);
/* A cfg equal to the plan's with every client group using `technique`; owned by the plan. */
const struct cfg *plan_cfg_with(struct plan *p, const char *technique);

#endif
