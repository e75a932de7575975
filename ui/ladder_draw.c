/*
 * ladder_draw: the rows of a ladder on a canvas.
 *
 *    time      phone                  home-nat              proxy                 app-1
 *    +0.012      │── GET /ws ──────────┼─────────────────────>│                      │ in 24 ms
 *  :: 30.000 s idle ::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::::
 * >  61.204      │                    x<── text, 32 B ───────│                      │ LOST see [1]
 *
 * While playing, an arrow under way at `t` is drawn as far as it has come. Below 60 columns there are no lanes but a list.
 */
#include "ui/ladder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TIME_W 12
#define LANE_MIN 15
#define LANE_NARROW 12 /* below 80 columns */
#define LANE_MAX 34

/* Where lanes stand; pure arithmetic on the size. */
struct places {
	int x[LADDER_LANES_MAX]; /* column, or -1 when panned out */
	int first, count;        /* lanes shown */
	int note_x, note_w;
	int left, right; /* of the drawing */
};

static void place(const struct ladder *l, const struct ladder_view *v, struct rect r, struct places *p)
{
	int n = (int)l->nlane;
	p->left = r.x + TIME_W;
	p->note_w = r.w >= 100 ? 17 : r.w >= 80 ? 15 : 8;
	int room = r.w - TIME_W - 1 - p->note_w - 1;
	int fit = 1 + room / (r.w >= 80 ? LANE_MIN : LANE_NARROW);
	p->count = n < fit ? n : fit;
	p->first = v->pan < 0 ? 0 : v->pan > n - p->count ? n - p->count : v->pan;
	int step = p->count > 1 ? room / (p->count - 1) : 0;
	step = step > LANE_MAX ? LANE_MAX : step;
	for (int i = 0; i < LADDER_LANES_MAX; i++)
		p->x[i] = i >= p->first && i < p->first + p->count ? p->left + 1 + (i - p->first) * step : -1;
	p->right = p->count ? p->left + 1 + (p->count - 1) * step : p->left + 1;
	p->note_x = p->right + 2;
	p->note_w = r.x + r.w - p->note_x;
}

void ladder_clock(int64_t ns, char *out, size_t cap)
{
	int64_t ms = (ns + (ns < 0 ? -500000 : 500000)) / 1000000;
	snprintf(out, cap, "%s%" PRId64 ".%03d", ms < 0 ? "-" : "", (ms < 0 ? -ms : ms) / 1000,
		(int)((ms < 0 ? -ms : ms) % 1000));
}

static void draw_head(const struct ladder *l, const struct places *p, struct canvas *c, struct rect r)
{
	canvas_right(c, r.x, r.y, TIME_W - 2, STYLE_TIME, "time, s");
	for (int i = p->first; i < p->first + p->count; i++) {
		const char *name = ladder_lane_name(l, (unsigned)i);
		int gap = p->count > 1 ? p->x[p->first + 1] - p->x[p->first] : r.w - TIME_W;
		int w = canvas_width(name), max = gap - 2;
		w = w > max ? max : w;
		int x = p->x[i] - w / 2;
		x = x < p->left - 1 ? p->left - 1 : x;
		if (x + w > r.x + r.w)
			x = r.x + r.w - w;
		canvas_label(c, x, r.y, w, STYLE_HEADING, name);
	}
	if (p->first > 0)
		canvas_text(c, r.x, r.y, 2, STYLE_WAIT, "<H");
	if (p->first + p->count < (int)l->nlane)
		canvas_right(c, r.x, r.y, r.w, STYLE_WAIT, "L>");
}

static void draw_lanes(const struct places *p, struct canvas *c, int y)
{
	for (int i = p->first; i < p->first + p->count; i++)
		canvas_put(c, p->x[i], y, STYLE_LANE, 0x2502);
}

static void draw_time(const struct ladder *l, size_t i, struct canvas *c, struct rect r, int y)
{
	const struct ladder_row *w = &l->row[i];
	char s[40];
	size_t before = ladder_prev(l, i);
	bool fresh = before == SIZE_MAX || (i > 0 && l->row[i - 1].kind == ROW_GAP) ||
		     l->row[before].kind == ROW_SPAN;
	if (fresh) {
		ladder_clock(w->at, s, sizeof s);
	} else {
		s[0] = '+';
		ladder_clock(w->at - l->row[before].at, s + 1, sizeof s - 1);
	}
	canvas_right(c, r.x + 2, y, TIME_W - 4, fresh ? STYLE_STRONG : STYLE_TIME, s);
}

/* The column of a lane, or of the edge beyond which it lies. */
static int lane_x(const struct places *p, int lane)
{
	if (lane < p->first)
		return p->left - 1;
	if (lane >= p->first + p->count)
		return p->right + 1;
	return p->x[lane];
}

static uint32_t line_glyph(enum style st, int x)
{
	if (st == STYLE_HANDSHAKE)
		return 0x2550;
	if (st == STYLE_CONTROL)
		return x & 1 ? '-' : ' ';
	if (st == STYLE_INFERRED)
		return '.';
	return 0x2500;
}

/* From column a towards column b (exclusive at both ends), head at b when it has arrived. */
static void draw_line(struct canvas *c, const struct places *p, int a, int b, int y, enum style st, bool head)
{
	int d = b > a ? 1 : -1;
	for (int x = a + d; x != b; x += d) {
		bool lane = false;
		for (int i = p->first; i < p->first + p->count; i++)
			lane |= p->x[i] == x;
		canvas_put(c, x, y, st,
			lane && st != STYLE_HANDSHAKE ? 0x253c
			: lane                        ? 0x256a
						      : line_glyph(st, x));
	}
	if (head)
		canvas_put(c, b - d, y, st, d > 0 ? '>' : '<');
}

static void draw_label(struct canvas *c, int a, int b, int y, enum style st, const char *label)
{
	int lo = (a < b ? a : b) + 1, hi = a < b ? b : a, room = hi - lo - 4;
	if (room < 3)
		return;
	int w = canvas_width(label);
	w = w > room ? room : w;
	int x = lo + (hi - lo - w) / 2;
	canvas_put(c, x - 1, y, st, ' ');
	int n = canvas_label(c, x, y, w, st, label);
	canvas_put(c, x + n, y, st, ' ');
}

static void draw_note(const struct ladder *l, const struct ladder_row *w, const struct places *p,
	struct canvas *c, int y, bool now_lost)
{
	char s[96] = "";
	int x = p->note_x, room = p->note_w;
	if (room < 4)
		return;
	if (now_lost) {
		int n = canvas_text(c, x, y, room, STYLE_LOST, "LOST");
		x += n + 1;
		room -= n + 1;
	}
	if (w->see)
		snprintf(s, sizeof s, "see [%u]", w->see);
	else if (w->cause)
		snprintf(s, sizeof s, "[%u] cause", w->cause);
	if (*s) {
		int n = canvas_label(c, x, y, room, STYLE_CAUSE, s);
		x += n + 1;
		room -= n + 1;
	}
	if (!now_lost && !w->see && room > 3)
		canvas_label(c, x, y, room, STYLE_FAINT, ladder_text(l, w->note));
}

/* How far from a to b something has come that left at `at` and gets there at `arrive`. */
static int progress(int a, int b, int64_t at, int64_t arrive, int64_t t)
{
	if (t >= arrive || arrive <= at)
		return b;
	if (arrive == INT64_MAX)
		return a + (b - a) / 2;
	double f = (double)(t - at) / (double)(arrive - at);
	int x = a + (int)((double)(b - a) * f);
	return x == a ? a + (b > a ? 1 : -1) : x;
}

static void draw_arrow(const struct ladder *l, const struct ladder_row *w, const struct places *p,
	struct canvas *c, int y, int64_t t)
{
	int a = lane_x(p, w->from), b = lane_x(p, w->to);
	bool future = w->at > t;
	enum style st = (enum style)w->style;
	if (w->fate == FATE_LOST && w->lost_at >= 0) {
		int at = lane_x(p, w->lost_at);
		int d = b > a ? 1 : -1;
		/* lost on the way: half a lane before the far side; at a box: right in front of it */
		int before = w->lost_at > 0 && d > 0 ? lane_x(p, w->lost_at - 1) : lane_x(p, w->lost_at + 1);
		b = w->lost_between ? (at + before) / 2 : at - d;
	}
	if (a == b)
		return;
	bool never = w->fate == FATE_UNDER_WAY && w->arrive == INT64_MAX;
	if (never)
		b = a + (b - a) * 2 / 3;
	int tip = never ? b : future ? b : progress(a, b, w->at, w->arrive, t);
	bool there = tip == b && w->fate != FATE_UNDER_WAY;
	bool lost = w->fate == FATE_LOST && there;
	draw_line(c, p, a, tip, y, st, w->fate != FATE_LOST || !there);
	draw_label(c, a, b, y, st, ladder_text(l, w->label));
	if (tip != b) /* the label must not run ahead of the arrow */
		for (int x = tip; x != b; x += b > a ? 1 : -1) {
			bool lane = false;
			for (int i = p->first; i < p->first + p->count; i++)
				lane |= p->x[i] == x;
			canvas_put(c, x, y, lane ? STYLE_LANE : STYLE_TEXT, lane ? 0x2502 : ' ');
		}
	if (lost)
		canvas_put(c, b, y, STYLE_LOST, 'x');
	if (!never && (there || future))
		draw_note(l, w, p, c, y, w->fate == FATE_LOST);
	if (never)
		canvas_label(c, p->note_x, y, p->note_w, STYLE_WAIT, "never arrived");
}

static void draw_point(
	const struct ladder *l, const struct ladder_row *w, const struct places *p, struct canvas *c, int y)
{
	int x = w->from < 0 ? p->left : lane_x(p, w->from);
	enum style st = (enum style)w->style;
	const char *label = ladder_text(l, w->label);
	int width = canvas_width(label), right_room = p->note_x + p->note_w - (x + 2);
	if (w->see || w->cause)
		right_room = p->right - (x + 2);
	canvas_put(c, x, y, st, 0x25cf);
	if (width <= right_room || x - p->left < width) {
		int n = canvas_label(c, x + 2, y, right_room > 3 ? right_room : p->note_w, st, label);
		if (right_room > 3)
			canvas_put(c, x + 2 + n, y, STYLE_TEXT, ' ');
		canvas_put(c, x + 1, y, STYLE_TEXT, ' ');
	} else {
		canvas_put(c, x - 1, y, STYLE_TEXT, ' ');
		canvas_text(c, x - 1 - width, y, width, st, label);
		canvas_put(c, x - 2 - width, y, STYLE_TEXT, ' ');
	}
	if (w->see || w->cause)
		draw_note(l, w, p, c, y, false);
}

static void draw_span(const struct ladder *l, const struct ladder_row *w, const struct places *p,
	struct canvas *c, struct rect r, int y)
{
	int x = p->left, room = r.x + r.w - x;
	canvas_hline(c, x, y, room, STYLE_TEXT, ' ');
	canvas_text(c, x, y, 2, (enum style)w->style, "──");
	canvas_label(c, x + 3, y, room - 3, (enum style)w->style, ladder_text(l, w->label));
	if (w->cause || w->see)
		draw_note(l, w, p, c, y, false);
}

/* Nothing for a while: the lanes are dotted, and the gap says how long it is (so far). */
static void draw_gap(
	const struct ladder_row *w, const struct places *p, struct canvas *c, struct rect r, int y, int64_t t)
{
	char s[64], d[32];
	int64_t upto = t < w->arrive && t > w->at ? t : w->arrive;
	trace_duration(upto - w->at, d, sizeof d);
	snprintf(s, sizeof s, ":: %s idle ", d);
	int x = r.x + 2 + canvas_text(c, r.x + 2, y, r.w - 4, STYLE_TIME, s);
	for (; x < r.x + r.w - 1; x++)
		canvas_put(c, x, y, STYLE_FAINT, ':');
	for (int i = p->first; r.w >= 60 && i < p->first + p->count; i++)
		if (p->x[i] >= r.x + 2 + canvas_width(s))
			canvas_put(c, p->x[i], y, STYLE_LANE, 0x2506);
}

static void draw_list_row(
	const struct ladder *l, const struct ladder_row *w, struct canvas *c, struct rect r, int y)
{
	int x = r.x + TIME_W - 1, room = r.x + r.w - x;
	char s[320];
	const char *label = ladder_text(l, w->label);
	if (w->kind == ROW_ARROW)
		snprintf(s, sizeof s, "%s%s>%s %s", w->fate == FATE_LOST ? "LOST " : "",
			ladder_lane_name(l, (unsigned)w->from), ladder_lane_name(l, (unsigned)w->to), label);
	else if (w->kind == ROW_POINT && w->from >= 0)
		snprintf(s, sizeof s, "%s %s", ladder_lane_name(l, (unsigned)w->from), label);
	else
		snprintf(s, sizeof s, "%s", label);
	canvas_label(c, x, y, room, (enum style)(w->fate == FATE_LOST ? STYLE_BAD : w->style), s);
}

static void draw_row(const struct ladder *l, const struct ladder_view *v, size_t i, const struct places *p,
	struct canvas *c, struct rect r, int y)
{
	const struct ladder_row *w = &l->row[i];
	c->rec = (uint32_t)w->rec;
	bool list = r.w < 60;
	if (w->kind == ROW_GAP) {
		draw_gap(w, p, c, r, y, v->t);
	} else {
		draw_time(l, i, c, r, y);
		if (list) {
			draw_list_row(l, w, c, r, y);
		} else {
			draw_lanes(p, c, y);
			if (w->kind == ROW_ARROW)
				draw_arrow(l, w, p, c, y, v->playing || w->at > v->t ? v->t : INT64_MAX - 1);
			else if (w->kind == ROW_POINT)
				draw_point(l, w, p, c, y);
			else
				draw_span(l, w, p, c, r, y);
		}
	}
	if (w->at > v->t) /* not yet now: pale */
		for (int x = r.x; x < r.x + r.w; x++) {
			struct cell *k =
				x >= 0 && x < c->w && y >= 0 && y < c->h ? &c->cell[y * c->w + x] : NULL;
			if (k && k->style != STYLE_TEXT)
				k->style = STYLE_FAINT;
		}
	if (i == v->sel) {
		canvas_put(c, r.x, y, STYLE_STRONG, '>');
		for (int x = r.x; x < r.x + r.w; x++) { /* one bar, whatever the colours in it */
			struct cell *k =
				x >= 0 && x < c->w && y >= 0 && y < c->h ? &c->cell[y * c->w + x] : NULL;
			if (k && k->style != STYLE_LOST)
				k->style = STYLE_SELECT;
		}
	}
	c->rec = 0;
}

void ladder_draw(const struct ladder *l, const struct ladder_view *v, struct canvas *c, struct rect r)
{
	struct places p;
	struct rect old = canvas_clip(c, r);
	place(l, v, r, &p);
	int head = r.h > 4 && r.w >= 60 ? 1 : 0;
	if (head)
		draw_head(l, &p, c, r);
	/* rows known so far; a gap counts once it has begun */
	size_t n = ladder_last_at(l, v->known);
	n = n == SIZE_MAX ? 0 : n + 1;
	if (n < l->nrow && l->row[n].kind == ROW_GAP && v->known > l->row[n].at + INT64_C(1000000000))
		n++;
	size_t h = (size_t)(r.h - head > 0 ? r.h - head : 0);
	size_t sel = v->sel == SIZE_MAX ? 0 : v->sel;
	size_t top = 0;
	if (n > h) {
		size_t keep = v->playing ? 0 : h / 3;
		top = sel + 1 + keep > h ? sel + 1 + keep - h : 0;
		if (v->playing && top < n - h && n - h - top < h)
			top = n - h;
		if (top > n - h)
			top = n - h;
	}
	for (size_t k = 0; k < h; k++) {
		int y = r.y + head + (int)k;
		if (top + k < n)
			draw_row(l, v, top + k, &p, c, r, y);
		else if (r.w >= 60)
			draw_lanes(&p, c, y);
	}
	canvas_unclip(c, old);
}
