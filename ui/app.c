/*
 * app: the interactive loop. Reads keys, lets time pass while playing, makes the runs again when a value
 * changes, draws. Sleeps when nothing moves.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "ui/commands.h"
#include "ui/outfile.h"
#include "ui/show.h"
#include "ui/term.h"

struct app {
	struct term *term;
	struct show *s;
	struct show_source *src;
	struct look_at v;
	int64_t drawn_ms;
	unsigned percent;
	bool stopped;
};

static void draw(struct app *a)
{
	int w, h;
	term_size(a->term, &w, &h);
	struct canvas *c = canvas_new(w, h, a->v.ascii);
	screen_draw(a->s, &a->v, c);
	term_show(a->term, c);
	canvas_free(c);
}

/* ---------------------------------------------------------------------------------------------- stills */

static void still_name(const struct app *a, const char *ext, char *out, size_t cap)
{
	const char *id = a->s->plan && a->s->plan->id ? a->s->plan->id : "capture";
	char clean[64];
	size_t n = 0;
	for (; n < sizeof clean - 1 && id[n]; n++)
		clean[n] = (id[n] >= 'a' && id[n] <= 'z') || (id[n] >= '0' && id[n] <= '9') ? id[n] : '-';
	clean[n] = 0;
	snprintf(out, cap, "%s-%" PRId64 "ms.%s", clean, a->v.t / 1000000, ext);
}

static bool write_quietly(const char *path, const char *text)
{
	struct outfile f;
	if (outfile_open(&f, path) < 0)
		return false;
	outfile_write(&f, text, strlen(text));
	return outfile_commit(&f) == 0;
}

static void save_still(struct app *a)
{
	int w, h;
	char txt[120], svg[120];
	a->v.still = false;
	term_size(a->term, &w, &h);
	struct canvas *c = canvas_new(w, h, a->v.ascii);
	screen_draw(a->s, &a->v, c);
	char *t = grid_text(c), *g = grid_svg(c, a->v.theme);
	still_name(a, "txt", txt, sizeof txt);
	still_name(a, "svg", svg, sizeof svg);
	if (write_quietly(txt, t) && write_quietly(svg, g))
		snprintf(a->v.message, sizeof a->v.message, "Saved as %s and %s.", txt, svg);
	else
		snprintf(a->v.message, sizeof a->v.message, "Cannot save %s: %s.", txt, strerror(errno));
	xfree(t);
	xfree(g);
	canvas_free(c);
}

/* ---------------------------------------------------------------------------------------------- running again */

static int on_progress(void *ctx, const struct jobs_seen *seen)
{
	struct app *a = ctx;
	int64_t ms = term_now_ms();
	if (ms - a->drawn_ms < 150)
		return a->stopped;
	a->drawn_ms = ms;
	snprintf(a->v.message, sizeof a->v.message, "Running again with the new values: %d %%. Esc stops it.",
		(int)(seen->share * 100));
	draw(a);
	uint32_t k = term_key(a->term, 0);
	if (k == 27 || k == KEY_GONE || k == 'q')
		a->stopped = true;
	return a->stopped;
}

static bool same_path(const char *set, const char *path)
{
	size_t n = strlen(path);
	return !strncmp(set, path, n) && set[n] == '=';
}

/* The old sets without those on `path`, then path=value when value is not NULL. */
static void change_set(const char ***sets, size_t *n, const char *path, const char *value)
{
	size_t k = 0;
	for (size_t i = 0; i < *n; i++) {
		if (same_path((*sets)[i], path))
			free((char *)(*sets)[i]);
		else
			(*sets)[k++] = (*sets)[i];
	}
	*n = k;
	if (!value)
		return;
	*sets = xrealloc(*sets, (k + 1) * sizeof **sets);
	size_t len = strlen(path) + strlen(value) + 2;
	char *t = xmalloc(len);
	snprintf(t, len, "%s=%s", path, value);
	(*sets)[(*n)++] = t;
}

static void collect_sets(struct app *a, const char ***out, size_t *n)
{
	*out = xcalloc(a->src->nsets + SHOW_KNOBS_MAX + 2, sizeof **out);
	*n = 0;
	for (size_t i = 0; i < a->src->nsets; i++)
		(*out)[(*n)++] = xstrdup(a->src->sets[i]);
	const struct plan *p = a->s->plan;
	for (size_t i = 0; i < p->nknobs && i < SHOW_KNOBS_MAX; i++) {
		int k = a->v.knob_value[i];
		if (k == -2)
			change_set(out, n, p->knobs[i].set, NULL);
		else if (k >= 0 && (size_t)k < p->knobs[i].nvalues)
			change_set(out, n, p->knobs[i].set, p->knobs[i].values[k]);
	}
	char *eq = strchr(a->v.typed, '=');
	if (eq) {
		*eq = 0;
		const char *value = eq + 1;
		change_set(out, n, a->v.typed, value);
		*eq = '=';
	} else if (*a->v.typed) {
		change_set(out, n, a->v.typed, "");
	}
	a->v.typed[0] = 0;
}

static void free_sets(const char **sets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)sets[i]);
	xfree(sets);
}

static void remember_figures(struct show *fresh, const struct show *old)
{
	for (size_t i = 0; i < old->nrun && i < SHOW_RUNS_MAX; i++)
		for (int f = 0; f < FIGURES; f++)
			fresh->before.v[i][f] = show_figure(old, i, (enum figure)f, old->end_ns);
	fresh->before.any = true;
}

/* Another plan from the same file, all runs again; the old show stays when anything is wrong with the values. */
static void run_again(struct app *a)
{
	struct diags ds = {0};
	const char **sets;
	size_t nsets;
	a->v.rerun = false;
	a->v.problem[0] = 0;
	if (!a->src || !a->s->plan)
		return;
	collect_sets(a, &sets, &nsets);
	struct plan *p = plan_load(a->src->data, a->src->path, sets, nsets, &ds);
	if (!p) {
		char *text = diags_text(&ds);
		snprintf(a->v.problem, sizeof a->v.problem, "%s",
			text ? text : "these values do not fit the scenario");
		free(text);
		diags_fini(&ds);
		free_sets(sets, nsets);
		return;
	}
	diags_fini(&ds);
	a->stopped = false;
	a->src->see = on_progress;
	a->src->see_ctx = a;
	struct show *fresh = show_new(p, a->src);
	if (!fresh) {
		free_sets(sets, nsets);
		snprintf(a->v.message, sizeof a->v.message, "Stopped; the old runs are still here.");
		return;
	}
	remember_figures(fresh, a->s);
	show_free(a->s);
	a->s = fresh;
	free_sets(a->src->sets, a->src->nsets);
	a->src->sets = sets;
	a->src->nsets = nsets;
	for (size_t i = 0; i < SHOW_KNOBS_MAX; i++)
		a->v.knob_value[i] = -1;
	a->v.run = a->v.run < fresh->nrun ? a->v.run : 0;
	a->v.t = a->v.t < fresh->end_ns ? a->v.t : fresh->end_ns;
	a->v.client = a->v.client <= fresh->clients ? a->v.client : 1;
	a->v.sel = ladder_last_at(show_ladder(fresh, a->v.run, &a->v), a->v.t);
	snprintf(a->v.message, sizeof a->v.message, "Run again with seed %" PRIu64 " and the new values.",
		fresh->seed);
}

/* ---------------------------------------------------------------------------------------------- keys */

static bool handle(struct app *a, uint32_t key)
{
	enum theme before = a->v.theme;
	if (key == KEY_RESIZED || key == KEY_NONE_)
		return true;
	enum action act = keys_action(a->v.top, key);
	if (a->v.top == KEYS_INPUT && act == ACT_NONE) {
		look_type(&a->v, key);
		return true;
	}
	if (act == ACT_NONE && !a->v.blank) {
		snprintf(a->v.message, sizeof a->v.message,
			"That key does nothing here; ? shows those that do.");
		return true;
	}
	if (!look_action(a->s, &a->v, act))
		return false;
	if (a->v.theme != before)
		term_theme(a->term, a->v.theme);
	if (a->v.rerun)
		run_again(a);
	if (a->v.still)
		save_still(a);
	return true;
}

static int loop(struct app *a)
{
	int64_t last = term_now_ms();
	for (;;) {
		draw(a);
		uint32_t key = term_key(a->term, a->v.playing ? 33 : -1);
		int64_t ms = term_now_ms();
		if (key == KEY_GONE)
			return EXIT_FINE;
		if (a->v.playing)
			look_play(a->s, &a->v, (ms - last > 200 ? 200 : ms - last) * 1000000);
		last = ms;
		for (; key != KEY_NONE_; key = term_key(a->term, 0)) {
			if (key == KEY_GONE || !handle(a, key))
				return EXIT_FINE;
			last = term_now_ms();
		}
	}
}

static enum theme theme_wanted(const struct options *o)
{
	const char *no = getenv("NO_COLOR");
	int t = o->theme ? theme_find(o->theme) : -1;
	if (o->no_color || (no && *no))
		return THEME_MONO;
	return t < 0 ? THEME_DEFAULT : (enum theme)t;
}

bool ui_wants_view(const struct options *o)
{
	const char *plain = getenv("BACKTALK_PLAIN");
	return !o->plain && !o->format_set && !(plain && *plain) && term_usable();
}

int app_run(struct show **shows, struct show_source *src, const struct options *o, bool compare)
{
	struct app a = {.s = *shows, .src = src};
	bool utf8 = term_utf8();
	look_init(&a.v, a.s);
	a.v.theme = theme_wanted(o);
	a.v.ascii = o->ascii || !utf8;
	a.v.base = a.v.top = a.v.home = compare && a.s->nrun > 1 ? KEYS_COMPARE : KEYS_LADDER;
	a.v.playing = a.s->plan != NULL;
	if (!a.s->plan)
		look_seek(a.s, &a.v, 0);
	a.term = term_open(a.v.theme);
	if (!a.term) {
		ui_error("cannot use a terminal of type %s; here are sentences instead", getenv("TERM"));
		return plain_run(a.s, o, true);
	}
	int rc = loop(&a);
	term_close(a.term);
	*shows = a.s;
	return rc;
}

int ui_ladder_open(struct trace *tr, const char *title, const struct options *o)
{
	struct show *s = show_capture(tr, title);
	int rc = ui_wants_view(o) ? app_run(&s, NULL, o, false) : plain_run(s, o, true);
	show_free(s);
	return rc;
}
