/*
 * result: what came out of grading one submission. All writers are pure functions of this struct.
 */
#ifndef SIM_GRADE_RESULT_H
#define SIM_GRADE_RESULT_H

#include "sim/grade/exercise.h"

enum grade_status { GRADE_PASS, GRADE_PARTIAL, GRADE_FAIL, GRADE_SKIPPED, GRADE_INVALID };

struct grade_measure {
	const char *name;
	double value; /* NaN: undefined */
};

/* One rubric item under one variant. */
struct grade_test {
	const char *id, *number, *title; /* "delivery/visible", "1.2" */
	double points, max;              /* in hundredths exactly */
	enum grade_status status;
	enum grade_show show;
	const char *message;         /* for the student */
	const char *label;           /* what may be told about a hidden variant; "" otherwise */
	const char *const *mistakes; /* ids */
	size_t nmistakes;
	const struct grade_measure *measures;
	size_t nmeasures;
	const char *replay; /* the command that shows this run again */
};

struct grade_param {
	const char *name, *value;
};

struct grade_result {
	const char *exercise, *title, *student, *file;
	uint64_t version;
	bool gradable;
	const char *errors; /* why not, as printed for a person; "" when gradable */
	double score, max;
	const struct grade_param *params;
	size_t nparams;
	char digest[17]; /* over the parameters' values */
	bool practice;   /* drawn with the practice secret */
	const struct grade_test *tests;
	size_t ntests;
	const char *const *
		advice; /* sentences of recognised mistakes, each once; the first nadvice_visible from visible runs */
	size_t nadvice, nadvice_visible;
	uint64_t runs;
	void *impl;
};

struct grade_opts {
	const char *student;
	const unsigned char *secret; /* NULL: practice */
	size_t nsecret;
	/* called after every variant with the result so far; may be NULL */
	void (*progress)(void *ctx, const struct grade_result *so_far);
	void *ctx;
};

/* Grades a submission that was read (sub != NULL), or makes the result of an invalid one (errors: why). */
struct grade_result *grade_run(const struct exercise *ex, const char *file, const struct submission *sub,
	const char *errors, const struct grade_opts *o);
void grade_free(struct grade_result *r);

const char *grade_status_name(enum grade_status s);
const char *grade_show_name(enum grade_show s);
/* The values drawn for a student, in the order of ex->params, and their digest. */
void grade_draw(const struct exercise *ex, const struct grade_opts *o, const char **values, char digest[17]);

/* ---- writers: one file each, listed in writers.def ---- */

struct grade_write_opts {
	bool staff; /* hidden detail too */
	bool one_line;
};

struct grade_writer {
	const char *name, *what;
	/* malloc'ed text */
	char *(*write)(const struct grade_result *r, const struct grade_write_opts *o);
};

/* Ended by an entry without a name. */
extern const struct grade_writer grade_writers[];
const struct grade_writer *grade_writer_find(const char *name);

#endif
