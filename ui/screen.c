/*
 * screen: one whole screen, from a show and a look at it.
 *
 *   title          scenario, technique, client, seed, theme            (from 16 rows)
 *   transport      state, time, speed, bar with density, stops, faults (from 8 rows)
 *   body           ladder or comparison; below it bytes, or what is open on top
 *   caption        one plain sentence about this moment
 *   keys           what can be pressed, most useful first
 */
#include "ui/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ui/commands.h"

static void draw_title(const struct show *s, const struct look_at *v, struct canvas *c, int w)
{
	char left[300], right[120], who[64] = "";
	const struct show_run *r = &s->run[v->run < s->nrun ? v->run : 0];
	if (v->conn)
		snprintf(who, sizeof who, " │ connection %" PRIu32 " of %" PRIu32, v->conn,
			r->tr->nconn ? r->tr->nconn - 1 : 0);
	else if (v->client && s->all_clients > 1)
		snprintf(who, sizeof who, " │ client %" PRIu32 " of %" PRIu32, v->client, s->all_clients);
	if (v->base == KEYS_COMPARE)
		snprintf(left, sizeof left, " backtalk │ %s%s │ same messages, one clock", s->title, who);
	else
		snprintf(left, sizeof left, " backtalk │ %s │ %s%s", s->title, r->title, who);
	if (s->plan)
		snprintf(right, sizeof right, "seed %" PRIu64 " │ %s ", s->seed, theme_name(v->theme));
	else
		snprintf(right, sizeof right, "%s ", theme_name(v->theme));
	canvas_fill(c, (struct rect){0, 0, w, 1}, STYLE_BAR, ' ');
	int rw = canvas_width(right);
	if (w < 70)
		rw = 0;
	/* cppcheck-suppress invalidFunctionArg -- the first octet of the bar in UTF-8 */
	char *last = strrchr(
		left, 0xe2); /* the bar before the last part: that part goes first when there is no room */
	if (last && v->base == KEYS_COMPARE && canvas_width(left) > w - rw - 1)
		*last = 0;
	canvas_label(c, 0, 0, w - rw - 1, STYLE_BAR, left);
	if (rw)
		canvas_right(c, 0, 0, w, STYLE_BAR, right);
}

static void speed_text(int64_t ppm, char *out, size_t cap)
{
	if (ppm >= 1000000)
		snprintf(out, cap, "x%" PRId64, ppm / 1000000);
	else
		snprintf(out, cap, "x%.3g", (double)ppm / 1e6);
}

static int bar_column(int64_t t, int64_t end, int w)
{
	if (end <= 0 || w <= 1)
		return 0;
	int x = (int)((double)t / (double)end * (double)(w - 1) + 0.5);
	return x < 0 ? 0 : x >= w ? w - 1 : x;
}

/* How much happens in each column, as a height from 0 to 7; negative for columns with a fault. */
static void density(struct show *s, const struct look_at *v, int w, int *height, bool *fault)
{
	unsigned count[CANVAS_W_MAX] = {0}, max = 0;
	memset(fault, 0, (size_t)w * sizeof *fault);
	for (size_t r = 0; r < s->nrun; r++) {
		if (v->base == KEYS_LADDER && r != v->run)
			continue;
		const struct ladder *l = show_ladder(s, r, v);
		for (size_t i = 0; i < l->nrow; i++) {
			if (l->row[i].kind == ROW_GAP)
				continue;
			int x = bar_column(l->row[i].at, s->end_ns, w);
			count[x]++;
			max = count[x] > max ? count[x] : max;
			fault[x] |= l->row[i].kind == ROW_ARROW ? l->row[i].fate == FATE_LOST
								: l->row[i].style == STYLE_BAD;
		}
	}
	for (int x = 0; x < w; x++)
		height[x] = count[x] ? 1 + (int)(count[x] * 6 / max) : 0;
}

static void draw_bar(struct show *s, const struct look_at *v, struct canvas *c, int x0, int y, int w)
{
	int height[CANVAS_W_MAX];
	bool fault[CANVAS_W_MAX];
	if (w < 4)
		return;
	w = w > CANVAS_W_MAX ? CANVAS_W_MAX : w;
	density(s, v, w, height, fault);
	int64_t limit = show_limit(s, v);
	int64_t known = v->known;
	int now = bar_column(v->t, s->end_ns, w), lim = bar_column(limit, s->end_ns, w);
	int seen = bar_column(known, s->end_ns, w);
	for (int x = 0; x < w; x++) {
		bool future = x > seen;
		if (x > lim && limit < s->end_ns)
			canvas_put(c, x0 + x, y, STYLE_FAINT, '?');
		else if (future)
			canvas_put(c, x0 + x, y, STYLE_FAINT, 0xb7);
		else if (fault[x])
			canvas_put(c, x0 + x, y, STYLE_BAD, '!');
		else
			canvas_put(c, x0 + x, y, x <= now ? STYLE_HEADING : STYLE_FAINT,
				height[x] ? (uint32_t)(0x2580 + height[x]) : 0x2500);
	}
	for (size_t i = 0; i < s->nstop; i++) {
		int x = bar_column(s->stop[i].at, s->end_ns, w);
		canvas_put(c, x0 + x, y, STYLE_MARK, s->stop[i].question >= 0 ? '?' : '|');
	}
	canvas_put(c, x0 + now, y, STYLE_NOW, 'V');
}

static void draw_transport(struct show *s, const struct look_at *v, struct canvas *c, int y, int w)
{
	char t[40], speed[24], left[120], right[64] = "", end[32];
	ladder_clock(v->t, t, sizeof t);
	speed_text(v->speed_ppm, speed, sizeof speed);
	const char *state = v->top == KEYS_QUESTION ? "?? ASK   " : v->playing ? "|> PLAY  " : "|| PAUSED";
	snprintf(left, sizeof left, " %s  t = %s s  %s ", state, t, speed);
	trace_duration(s->end_ns, end, sizeof end);
	size_t stop = 0;
	while (stop < s->nstop && s->stop[stop].at <= v->t)
		stop++;
	if (s->nstop)
		snprintf(right, sizeof right, " %s  stop %zu/%zu", end, stop, s->nstop);
	else
		snprintf(right, sizeof right, " %s", end);
	int lw = canvas_text(c, 0, y, w, STYLE_STRONG, left), rw = w >= 60 ? canvas_width(right) : 0;
	lw = lw < 33 && w >= 80 ? 33 : lw;
	int bw = w - lw - rw - 3;
	if (bw < 8) {
		rw = 0;
		bw = w - lw - 3;
	}
	if (bw < 4)
		return;
	canvas_put(c, lw, y, STYLE_FRAME, '[');
	draw_bar(s, v, c, lw + 1, y, bw);
	canvas_put(c, lw + 1 + bw, y, STYLE_FRAME, ']');
	if (rw)
		canvas_text(c, lw + 2 + bw, y, rw, STYLE_TIME, right);
}

bool screen_has_bytes(const struct look_at *v, int w, int h)
{
	if (v->base != KEYS_LADDER)
		return false;
	if (v->top == KEYS_BYTES)
		return true;
	return v->bytes && v->top == KEYS_LADDER && w >= 100 && h >= 26;
}

/* An event that is no message has no octets; what led to it is shown instead. */
static void draw_no_bytes(
	struct show *s, const struct look_at *v, uint64_t rec, struct canvas *c, struct rect r)
{
	const struct show_run *run = &s->run[v->run];
	uint64_t chain[8];
	size_t n = rec ? why_chain(run->ix, rec, chain, sizeof chain / sizeof *chain) : 0;
	canvas_fill(c, r, STYLE_TEXT, ' ');
	canvas_hline(c, r.x, r.y, r.w, STYLE_FRAME, 0x2500);
	if (n < 2) {
		canvas_text(c, r.x + 2, r.y, r.w - 4, STYLE_HEADING, " Bytes ");
		canvas_label(c, r.x + 1, r.y + 1, r.w - 2, STYLE_FAINT,
			rec ? "This event is no message: it has no bytes." : "Nothing has happened yet.");
		return;
	}
	canvas_text(c, r.x + 2, r.y, r.w - 4, STYLE_HEADING, " What led to it ");
	int y = r.y + 1;
	for (size_t i = 1; i < n && y < r.y + r.h; i++) {
		const struct trace_rec *k = trace_get(run->tr, chain[i]);
		char at[40], text[512];
		ladder_clock(k->at, at, sizeof at);
		trace_sentence(run->tr, k, text, sizeof text);
		canvas_right(c, r.x + 2, y, 8, STYLE_TIME, at);
		struct rect room = {r.x + 13, y, r.w - 14, r.h >= 12 ? r.y + r.h - y : 1};
		y += canvas_wrap(c, room, k->reason ? STYLE_STRONG : STYLE_TEXT, text);
	}
}

static void draw_bytes(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	const struct ladder *l = show_ladder(s, v->run, v);
	const struct show_run *run = &s->run[v->run];
	uint64_t rec = v->sel < l->nrow ? l->row[v->sel].rec : 0;
	struct inspect *in = rec ? inspect_new(run->tr, run->ix, rec) : NULL;
	bool focused = v->top == KEYS_BYTES;
	if (in) {
		inspect_draw(in, focused ? v->field : SIZE_MAX, focused, c, r);
	} else {
		draw_no_bytes(s, v, rec, c, r);
	}
	inspect_free(in);
}

static void draw_ladder(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	const struct ladder *l = show_ladder(s, v->run, v);
	struct ladder_view lv = {.t = v->t,
		.known = v->known > v->t ? v->known : v->t,
		.sel = v->sel,
		.pan = v->pan,
		.playing = v->playing};
	if (screen_has_bytes(v, c->w, c->h)) {
		struct rect b = r;
		if (v->top == KEYS_BYTES && (v->bytes_zoom || r.h < 14)) {
			draw_bytes(s, v, c, r);
			return;
		}
		if (r.w >= 160) {
			b.w = 76;
			b.x = r.x + r.w - b.w;
			r.w -= b.w + 2;
			canvas_vline(c, b.x - 1, r.y, r.h, STYLE_FRAME, 0x2502);
		} else {
			b.h = v->top == KEYS_BYTES ? (r.h + 1) / 2 : r.h >= 20 ? 7 : 6;
			b.y = r.y + r.h - b.h;
			r.h -= b.h;
		}
		draw_bytes(s, v, c, b);
	}
	ladder_draw(l, &lv, c, r);
}

static int overlay_height(struct show *s, const struct look_at *v, int room, int w)
{
	int want = 0;
	switch (v->top) {
	case KEYS_WHY:
		want = overlay_why_lines(s, v, w) + 2;
		break;
	case KEYS_KNOBS:
		want = 3 + (s->plan ? (int)s->plan->nknobs : 0) + (*v->problem ? 6 : s->before.any ? 6 : 0);
		break;
	case KEYS_QUESTION: {
		const struct plan_question *q =
			v->question >= 0 && s->plan ? &s->plan->questions[v->question] : NULL;
		want = q ? 6 + canvas_wrap_lines(q->ask, w - 8) + (int)q->noptions : 6;
		if (q && v->revealed)
			want += 3 + (q->why ? canvas_wrap_lines(q->why, w - 8) : 0);
		break;
	}
	case KEYS_INPUT:
		want = 3;
		break;
	case KEYS_NOTE:
		want = 7;
		break;
	case KEYS_HELP:
		return room;
	default:
		return 0;
	}
	return want > room ? room : want;
}

static void draw_caption(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	char text[1024];
	show_caption(s, v, text, sizeof text);
	canvas_wrap(c, (struct rect){r.x + 1, r.y, r.w - 2, r.h}, STYLE_CAPTION, text);
}

static enum key_context footer_context(const struct look_at *v)
{
	return v->top;
}

void screen_draw(struct show *s, const struct look_at *v, struct canvas *c)
{
	int w = c->w, h = c->h, y = 0, bottom = h;
	canvas_clear(c);
	if (v->blank)
		return;
	if (h >= 16)
		draw_title(s, v, c, w), y++;
	if (h >= 8)
		draw_transport(s, v, c, y++, w);
	if (h >= 8)
		keys_footer(c, 1, --bottom, w - 2, footer_context(v));
	int cap = h < 20 ? 1 : w < 100 ? 3 : 2;
	cap += v->big_caption && h >= 16 ? 1 : 0;
	bottom -= cap;
	if (bottom > y || h < 4)
		draw_caption(s, v, c, (struct rect){0, bottom, w, cap});
	if (h >= 30)
		bottom--;
	struct rect body = {0, y, w, bottom - y};
	int oh = overlay_height(s, v, body.h, w);
	struct rect over = {0, body.y + body.h - oh, w, oh};
	body.h -= oh;
	if (body.h > 0 && v->base == KEYS_COMPARE)
		compare_draw(s, v, c, body);
	else if (body.h > 0)
		draw_ladder(s, v, c, body);
	if (oh)
		overlay_draw(s, v, c, over);
}
