/*
 * overlay: what is open on top of a screen: why, values, question, help, how a figure is counted, a text being
 * typed. They stand below the ladder, never over the row they speak of.
 */
#include "ui/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static struct rect inside(struct rect r)
{
	return (struct rect){r.x + 2, r.y + 1, r.w - 4, r.h - 2};
}

/* ---------------------------------------------------------------------------------------------- why */

#define WHY_TEXT_X 16

static int why_need(const struct trace *tr, uint64_t id, int w)
{
	char text[512];
	trace_sentence(tr, trace_get(tr, id), text, sizeof text);
	return canvas_wrap_lines(text, w - WHY_TEXT_X);
}

int overlay_why_lines(struct show *s, const struct look_at *v, int w)
{
	int n = 0;
	for (size_t i = 0; i < v->nwhy; i++)
		n += why_need(s->run[v->run].tr, v->why[i], w - 4);
	return n;
}

static void draw_why(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	const struct trace *tr = s->run[v->run].tr;
	canvas_box(c, r, STYLE_FRAME, "Why: from the effect back to its cause", STYLE_HEADING);
	struct rect in = inside(r);
	struct rect old = canvas_clip(c, in);
	int y = in.y, need[16] = {0}, above = 0;
	for (size_t i = 0; i < v->nwhy; i++) {
		need[i] = why_need(tr, v->why[i], in.w);
		above += i <= v->why_sel ? need[i] : 0;
	}
	size_t from = 0; /* scroll so that the chosen step is seen */
	for (; above > in.h && from < v->why_sel; from++)
		above -= need[from];
	uint64_t root = why_root(s->run[v->run].ix, v->nwhy ? v->why[0] : 0);
	for (size_t i = from; i < v->nwhy && y < in.y + in.h; i++) {
		const struct trace_rec *rec = trace_get(tr, v->why[i]);
		char text[512], at[40];
		bool chosen = i == v->why_sel;
		ladder_clock(rec->at, at, sizeof at);
		trace_sentence(tr, rec, text, sizeof text);
		struct rect row = {in.x, y, in.w, need[i] < in.y + in.h - y ? need[i] : in.y + in.h - y};
		if (chosen)
			canvas_fill(c, row, STYLE_SELECT, ' ');
		enum style st = chosen              ? STYLE_SELECT
				: v->why[i] == root ? STYLE_CAUSE
				: rec->reason       ? STYLE_STRONG
						    : STYLE_TEXT;
		canvas_textf(c, in.x, y, 14, chosen ? STYLE_SELECT : STYLE_TIME, "%zu. %9s s", i + 1, at);
		canvas_wrap(
			c, (struct rect){in.x + WHY_TEXT_X, y, in.w - WHY_TEXT_X, in.y + in.h - y}, st, text);
		y += need[i];
	}
	canvas_unclip(c, old);
}

/* ---------------------------------------------------------------------------------------------- values */

static void draw_before_after(struct show *s, struct canvas *c, struct rect in, int y)
{
	static const enum figure shown[] = {
		FIG_DELAY_MEDIAN, FIG_BYTES_PER_MESSAGE, FIG_DELIVERED, FIG_MISSING};
	char head[120] = "";
	int x = in.x + 22, col = s->nrun ? (in.w - 22) / (int)s->nrun : 20;
	(void)head;
	canvas_text(c, in.x, y, in.w, STYLE_HEADING, "before > now");
	for (size_t i = 0; i < s->nrun; i++)
		canvas_label(c, x + (int)i * col, y, col - 1, show_style(s->run[i].letter), s->run[i].title);
	for (size_t k = 0; k < sizeof shown / sizeof *shown && ++y < in.y + in.h; k++) {
		const struct figure_def *d = figure_def(shown[k]);
		canvas_textf(c, in.x, y, 22, STYLE_FAINT, "%s%s%s", d->title, *d->unit ? ", " : "", d->unit);
		for (size_t i = 0; i < s->nrun; i++) {
			char a[32], b[32];
			double now = show_figure(s, i, shown[k], s->end_ns);
			tally_text(shown[k], s->before.v[i][shown[k]], a, sizeof a);
			tally_text(shown[k], now, b, sizeof b);
			bool differs = strcmp(a, b) != 0;
			canvas_textf(c, x + (int)i * col, y, col - 1, differs ? STYLE_STRONG : STYLE_FAINT,
				"%s > %s", a, b);
		}
	}
}

static void draw_knobs(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	canvas_box(c, r, STYLE_FRAME, "Values: choose, then Enter runs everything again with the same seed",
		STYLE_HEADING);
	struct rect in = inside(r);
	struct rect old = canvas_clip(c, in);
	int y = in.y;
	size_t n = s->plan ? s->plan->nknobs : 0;
	n = n > SHOW_KNOBS_MAX ? SHOW_KNOBS_MAX : n;
	int name_w = 12;
	for (size_t i = 0; i < n; i++) {
		int w = canvas_width(s->plan->knobs[i].set);
		name_w = w > name_w ? w : name_w;
	}
	name_w = name_w > in.w / 2 ? in.w / 2 : name_w;
	for (size_t i = 0; i < n; i++, y++) {
		const struct plan_knob *k = &s->plan->knobs[i];
		canvas_label(c, in.x, y, name_w, STYLE_TEXT, k->set);
		int x = in.x + name_w + 3;
		for (size_t j = 0; j < k->nvalues; j++) {
			bool current = !strcmp(k->values[j], k->current ? k->current : "");
			bool chosen = v->knob_value[i] < 0 ? current : (size_t)v->knob_value[i] == j;
			canvas_put(c, x, y, STYLE_STRONG, chosen ? '[' : ' ');
			int m = canvas_text(c, x + 1, y, in.x + in.w - x - 2,
				chosen    ? STYLE_STRONG
				: current ? STYLE_GOOD
					  : STYLE_FAINT,
				k->values[j]);
			canvas_put(c, x + 1 + m, y, STYLE_STRONG, chosen ? ']' : ' ');
			x += m + 3;
		}
		if (i == v->knob_sel)
			canvas_attr(c, (struct rect){in.x, y, name_w + 1, 1}, CELL_REVERSE);
	}
	if (!n)
		canvas_text(c, in.x, y++, in.w, STYLE_FAINT, "This scenario names no values to turn.");
	if (*v->problem) {
		y++;
		for (const char *p = v->problem; *p && y < in.y + in.h; y++) {
			char line[400];
			size_t len = strcspn(p, "\n");
			snprintf(line, sizeof line, "%.*s", (int)len, p);
			canvas_label(c, in.x, y, in.w, STYLE_BAD, line);
			p += len + (p[len] == '\n');
		}
	} else {
		canvas_label(c, in.x, y++, in.w, STYLE_FAINT,
			": any key of the scenario, as clients.phones.options.heartbeat=25s");
		if (s->before.any)
			draw_before_after(s, c, in, y + 1);
	}
	canvas_unclip(c, old);
}

/* ---------------------------------------------------------------------------------------------- question */

static void draw_answer(
	const struct plan_question *q, const struct look_at *v, struct canvas *c, struct rect in, int y)
{
	bool right = v->guess == q->answer;
	if (v->guess >= 0)
		canvas_textf(c, in.x, y++, in.w, right ? STYLE_GOOD : STYLE_BAD, "%s",
			right ? "Your guess was right." : "Your guess was another one.");
	canvas_textf(c, in.x, y++, in.w, STYLE_GOOD, "Right: %c  %s", 'A' + q->answer,
		q->answer >= 0 && (size_t)q->answer < q->noptions ? q->options[q->answer] : "");
	if (q->why)
		y += canvas_wrap(c, (struct rect){in.x, y, in.w, in.y + in.h - y}, STYLE_CAPTION, q->why);
	if (v->guess >= 0 && !right && q->wrong && q->wrong[v->guess])
		canvas_wrap(c, (struct rect){in.x, y, in.w, in.y + in.h - y}, STYLE_TEXT, q->wrong[v->guess]);
}

static void draw_question(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	if (!s->plan || v->question < 0 || (size_t)v->question >= s->plan->nquestions)
		return;
	const struct plan_question *q = &s->plan->questions[v->question];
	char title[64];
	snprintf(title, sizeof title, "Question %d of %zu", v->question + 1, s->plan->nquestions);
	canvas_box(c, r, STYLE_FRAME, title, STYLE_HEADING);
	struct rect in = {r.x + 4, r.y + 2, r.w - 8, r.h - 3};
	if (r.h < 10)
		in = (struct rect){r.x + 2, r.y + 1, r.w - 4, r.h - 2};
	struct rect old = canvas_clip(c, in);
	int y = in.y + canvas_wrap(c, in, STYLE_CAPTION, q->ask) + 1;
	for (size_t i = 0; i < q->noptions; i++, y++) {
		bool answer = v->revealed && (int)i == q->answer, guessed = (int)i == v->guess;
		canvas_textf(c, in.x + 2, y, 4, STYLE_KEY, "%c", 'A' + (int)i);
		canvas_label(c, in.x + 6, y, in.w - 22, answer ? STYLE_GOOD : STYLE_TEXT, q->options[i]);
		if (guessed)
			canvas_right(c, in.x, y, in.w, answer ? STYLE_GOOD : STYLE_WAIT,
				answer ? "your guess, right" : "your guess");
		else if (answer)
			canvas_right(c, in.x, y, in.w, STYLE_GOOD, "right");
		if (guessed)
			canvas_attr(c, (struct rect){in.x + 1, y, 3, 1}, CELL_REVERSE);
	}
	if (v->revealed)
		draw_answer(q, v, c, in, y + 1);
	else
		canvas_label(c, in.x, in.y + in.h - 1, in.w, STYLE_FAINT,
			"What comes after this moment stays hidden until r reveals it.");
	canvas_unclip(c, old);
}

/* ---------------------------------------------------------------------------------------------- the others */

static void draw_help(const struct look_at *v, struct canvas *c, struct rect r)
{
	canvas_box(c, r, STYLE_FRAME, "Help", STYLE_HEADING);
	struct rect in = inside(r);
	static const char *const legend[] = {
		"──>  message     ══>  handshake, upgrade     - ->  control     ....>  inferred, not seen",
		"x    lost here   ●    something happens at this place   [1]  a cause, and where it is "
		"referred to",
		":: 30 s idle ::  nothing for that long      bar: | said, ? asked, ! fault, V now, · not "
		"shown yet"};
	int k = 0;
	if (in.h >= 12)
		for (; k < 3; k++)
			canvas_label(c, in.x, in.y + k, in.w, STYLE_TEXT, legend[k]);
	k += k ? 1 : 0;
	keys_help(c, (struct rect){in.x, in.y + k, in.w, in.h - k}, v->under, v->help_from);
}

static void draw_note(const struct look_at *v, struct canvas *c, struct rect r)
{
	const struct figure_def *d = figure_def(v->figure);
	char title[120];
	snprintf(title, sizeof title, "How it is counted: %s%s%s", d->title, *d->unit ? ", " : "", d->unit);
	canvas_box(c, r, STYLE_FRAME, title, STYLE_HEADING);
	struct rect in = inside(r);
	int n = canvas_wrap(c, in, STYLE_CAPTION, d->counted);
	canvas_wrap(c, (struct rect){in.x, in.y + n, in.w, in.h - n}, STYLE_FAINT,
		d->less_is_better
			? "Counted from the records of this run up to this moment. Less is better."
			: "Counted from the records of this run up to this moment. More is better.");
}

static void draw_input(const struct look_at *v, struct canvas *c, struct rect r)
{
	canvas_box(c, r, STYLE_FRAME,
		v->typing_find ? "Find: a text in labels and sentences" : "A value: path=value",
		STYLE_HEADING);
	int w = canvas_width(v->input), room = r.w - 6;
	const char *p = v->input;
	for (int skip = w - room; skip > 0; skip--)
		canvas_decode(&p);
	int n = canvas_text(c, r.x + 2, r.y + 1, room, STYLE_STRONG, p);
	canvas_put(c, r.x + 2 + n, r.y + 1, STYLE_NOW, ' ');
}

void overlay_draw(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	struct rect old = canvas_clip(c, r);
	canvas_fill(c, r, STYLE_TEXT, ' ');
	switch (v->top) {
	case KEYS_WHY:
		draw_why(s, v, c, r);
		break;
	case KEYS_KNOBS:
		draw_knobs(s, v, c, r);
		break;
	case KEYS_QUESTION:
		draw_question(s, v, c, r);
		break;
	case KEYS_HELP:
		draw_help(v, c, r);
		break;
	case KEYS_NOTE:
		draw_note(v, c, r);
		break;
	case KEYS_INPUT:
		draw_input(v, c, r);
		break;
	default:
		break;
	}
	canvas_unclip(c, old);
}
