/*
 * show: what there is to look at, and how somebody looks at it.
 *
 *   struct show   one scenario's runs (or one capture), with the indexes views need. Never changed by looking.
 *   struct look_at  everything a screen depends on besides: time, focus, selection, what is open on top.
 *
 * screen_draw(show, look, canvas) is a pure function; app.c changes the look when keys come.
 */
#ifndef UI_SHOW_H
#define UI_SHOW_H

#include "sim/scenario/run.h"
#include "ui/inspect.h"
#include "ui/jobs.h"
#include "ui/keys.h"
#include "ui/ladder.h"
#include "ui/options.h"
#include "ui/tally.h"
#include "ui/theme.h"

#define SHOW_RUNS_MAX 4
#define SHOW_QUESTIONS_MAX 64
#define SHOW_KNOBS_MAX 24

struct show_run {
	const char *technique, *title; /* "long-polling", "Long polling" */
	char letter;                   /* P L S W … */
	struct run_result result;      /* trace NULL for a capture */
	struct trace *tr;
	struct why_index *ix;
	struct tally *tally;
	struct ladder *ladder; /* made for the last focus asked for */
};

struct show_stop {
	int64_t at;
	const char *say; /* or NULL */
	int question;    /* index in plan, or -1 */
};

struct show_figures { /* of the runs before the last change of values, to compare with */
	bool any;
	double v[SHOW_RUNS_MAX][FIGURES];
};

struct show {
	struct plan *plan; /* NULL: a capture */
	const char *title;
	struct show_run run[SHOW_RUNS_MAX];
	size_t nrun;
	int64_t end_ns; /* of what can be shown */
	uint64_t seed;
	uint32_t clients; /* under the lens */
	uint32_t all_clients;
	struct show_stop *stop;
	size_t nstop;
	struct show_figures before;
};

/* What is made again when a value changes. */
struct show_source {
	const char *data; /* folder of shipped scenarios */
	const char *path;
	const char **sets; /* malloc'ed array of malloc'ed texts */
	size_t nsets;
	uint64_t seed;
	bool seed_set;
	const char **techniques; /* what to run; NULL entries: as the plan says */
	size_t ntechniques;
	unsigned threads;      /* 0: all processors */
	uint32_t lens_clients; /* per group: clients whose records are kept; 0: as many as usual */
	int (*see)(void *ctx, const struct jobs_seen *seen); /* see jobs.h */
	void *see_ctx;
};

enum question_state { ASKED_NOT, ASKED_OPEN, ASKED_DONE };

struct look_at {
	enum key_context base;  /* KEYS_LADDER or KEYS_COMPARE */
	enum key_context home;  /* the base it was opened with: Esc goes back there, then out */
	enum key_context top;   /* what is open on top of it; the base when nothing is */
	enum key_context under; /* what INPUT returns to */
	int64_t t, known;
	size_t run; /* chosen technique */
	size_t sel; /* row of its ladder */
	bool playing, blank, big_caption;
	int64_t speed_ppm, speed0_ppm; /* simulated per real time, 1,000,000 = as fast */
	uint32_t client, conn;
	unsigned depth;
	bool ends;
	int pan;
	bool bytes,
		bytes_zoom; /* the inspector: wanted below the ladder where it does not fit by itself; whole screen */
	size_t field;
	uint64_t why[16];
	size_t nwhy, why_sel;
	size_t knob_sel;
	int knob_value[SHOW_KNOBS_MAX]; /* chosen value, -1: as it is */
	int question;                   /* the one on the screen, -1 none */
	int guess;                      /* -1 none */
	bool revealed, hidden;
	uint8_t asked[SHOW_QUESTIONS_MAX];
	int help_from;
	enum figure figure;
	bool typing_find; /* what INPUT is for: a text to find, or a value */
	char input[200];
	char find[80];
	char message[400];  /* shown in the caption until the next key */
	char problem[1200]; /* why values were refused */
	enum theme theme;
	bool ascii;
	bool rerun, still; /* asked for; the loop does it and clears it */
	char typed[200];   /* path=value to add when running again */
};

/* Runs the plan under each technique; takes the plan. Returns NULL when stopped by `see`. */
struct show *show_new(struct plan *owned, const struct show_source *src);
/* A single trace without a plan (a capture); borrows it. */
struct show *show_capture(struct trace *tr, const char *title);
void show_free(struct show *s);
/* The ladder of a run for a look; remade when the focus has changed. */
struct ladder *show_ladder(struct show *s, size_t run, const struct look_at *v);
void look_init(struct look_at *v, const struct show *s);
/* Letter and title of a technique. */
char show_letter(const char *technique);
const char *show_title(const char *technique);
enum style show_style(char letter);
/* Nothing after this moment may be seen yet: the first question not answered. */
int64_t show_limit(const struct show *s, const struct look_at *v);
/* A figure of a run at time t: the tally's, except requests, which are known of all clients. NaN: nothing to count. */
double show_figure(const struct show *s, size_t run, enum figure f, int64_t t);
/* One sentence that sums up the runs at time t with measured figures. */
void show_sum_up(const struct show *s, int64_t t, char *out, size_t cap);
/* The caption of the moment: the selected record, or what the lecture says. */
void show_caption(struct show *s, const struct look_at *v, char *out, size_t cap);

/* Draws everything. */
void screen_draw(struct show *s, const struct look_at *v, struct canvas *c);
/* Parts of it, in files of their own. */
void compare_draw(struct show *s, const struct look_at *v, struct canvas *c, struct rect r);
void overlay_draw(struct show *s, const struct look_at *v, struct canvas *c, struct rect r);
/* How many lines the chain of causes takes. */
int overlay_why_lines(struct show *s, const struct look_at *v, int w);
bool screen_has_bytes(const struct look_at *v, int w, int h);

/* A screen in other forms; malloc'ed texts. */
char *grid_text(const struct canvas *c);
char *grid_ansi(const struct canvas *c, enum theme theme);
char *grid_svg(const struct canvas *c, enum theme theme);
/* Style letters, one a cell, for golden files. */
char *grid_styles(const struct canvas *c);

/* The interactive loop over a show; `src` NULL: values cannot change. `shows` may be replaced when values do;
 * returns an exit code and frees *shows. */
int app_run(struct show **shows, struct show_source *src, const struct options *o, bool compare);
/* One action on a look (no terminal): what keys and plain-mode words do. Returns false when it means to leave. */
bool look_action(struct show *s, struct look_at *v, enum action a);
/* A text typed into the input line; `ch` is a code point or KEY_BS_. */
void look_type(struct look_at *v, uint32_t ch);
/* Time passes while playing: `real_ns` of the wall clock. */
void look_play(struct show *s, struct look_at *v, int64_t real_ns);
/* Moves to a time, a row, or as near as the open question allows. */
void look_seek(struct show *s, struct look_at *v, int64_t t);
void look_row(struct show *s, struct look_at *v, size_t row);

/* Writes the pictures asked for by --svg, --html and --cast. Complains and returns false when a file cannot be written. */
bool pictures_write(struct show *s, const struct options *o, bool compare);

/* Sentences and words instead of screens. */
int plain_run(struct show *s, const struct options *o, bool interactive);

/* The view over a captured trace, for `replay`: borrows the trace. Off a terminal, plain sentences. */
int ui_ladder_open(struct trace *tr, const char *title, const struct options *o);
/* Should a command open a view at all? */
bool ui_wants_view(const struct options *o);

#endif
