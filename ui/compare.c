/*
 * compare: up to four techniques side by side on one clock.
 *
 *                    P  Polling          L  Long polling    S  SSE             W  WebSocket
 *   one client 40.0 │ C───GET───>S      │ C            S   │ C          S     │ C          S
 *              40.5 │ C<──empty──S      │ C            S   │ …
 *   ──────────────────────────────────────────────────────────────────────────────────────────
 *   delay, median ms│ P ######### 2 510  L # 62            S # 49             W # 49
 *   delay over time │ …
 *
 * A line of the upper part is a moment at which something happened in any of the runs. Bars of one row share
 * one scale; the figures are those of tally.h, counted up to now.
 */
#include "ui/show.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEAD_W 19
#define LINES_MAX 80

struct columns {
	int x[SHOW_RUNS_MAX], w;
};

static struct columns columns(const struct show *s, struct rect r)
{
	struct columns k = {.w = 0};
	int n = s->nrun ? (int)s->nrun : 1, head = r.w >= 80 ? HEAD_W : r.w >= 50 ? 10 : 0;
	k.w = (r.w - head) / n;
	for (int i = 0; i < n; i++)
		k.x[i] = r.x + head + i * k.w;
	return k;
}

/* ---------------------------------------------------------------------------------------------- micro-ladders */

struct line {
	int64_t at;
	size_t row[SHOW_RUNS_MAX]; /* the row of each run on this line, SIZE_MAX none */
};

static bool worth_a_line(const struct ladder_row *w)
{
	return w->kind == ROW_ARROW || w->kind == ROW_POINT;
}

static bool is_publication(const struct ladder *l, size_t row)
{
	const struct trace_rec *r = trace_get(l->tr, l->row[row].rec);
	return r && r->kind == TRACE_MSG_PUBLISH;
}

/* The last lines up to `t`, newest last. Rows of different runs closer than `near` share a line, publications only with
 * publications. */
static int last_lines(struct show *s, const struct look_at *v, int max, struct line *out)
{
	size_t at[SHOW_RUNS_MAX];
	const struct ladder *l[SHOW_RUNS_MAX];
	for (size_t i = 0; i < s->nrun; i++) {
		l[i] = show_ladder(s, i, v);
		at[i] = ladder_last_at(l[i], v->t);
	}
	int n = 0;
	int64_t near = INT64_C(5000000);
	while (n < max) {
		size_t best = SIZE_MAX;
		for (size_t i = 0; i < s->nrun; i++) {
			while (at[i] != SIZE_MAX && !worth_a_line(&l[i]->row[at[i]]))
				at[i] = ladder_prev(l[i], at[i]);
			if (at[i] != SIZE_MAX &&
				(best == SIZE_MAX || l[i]->row[at[i]].at > l[best]->row[at[best]].at))
				best = i;
		}
		if (best == SIZE_MAX)
			break;
		size_t first = at[best];
		struct line *k = &out[max - 1 - n++];
		*k = (struct line){.at = l[best]->row[at[best]].at};
		for (size_t i = 0; i < s->nrun; i++) {
			k->row[i] = SIZE_MAX;
			if (at[i] != SIZE_MAX && k->at - l[i]->row[at[i]].at <= near &&
				is_publication(l[i], at[i]) == is_publication(l[best], first)) {
				k->row[i] = at[i];
				at[i] = ladder_prev(l[i], at[i]);
			}
		}
	}
	if (n && n < max)
		memmove(out, out + max - n, (size_t)n * sizeof *out);
	return n;
}

/* The same in fewer words, as far as needed to fit: without the query, only the messages, only what stands before a
 * comma, without the method. */
static void short_label(const struct ladder *l, const struct ladder_row *k, int room, char *out, size_t cap)
{
	const struct trace_rec *r = trace_get(l->tr, k->rec);
	const char *text = r ? trace_text(l->tr, r->text) : "";
	snprintf(out, cap, "%s", ladder_text(l, k->label));
	if (r && r->kind == TRACE_MSG_PUBLISH)
		snprintf(out, cap, "%s", text);
	else if (r && r->kind == TRACE_HOLD_BEGIN)
		snprintf(out, cap, "holds it");
	else if (r && r->kind == TRACE_HOLD_EXPIRE)
		snprintf(out, cap, "hold is over");
	else if (r && r->kind == TRACE_NAT_FORGET)
		snprintf(out, cap, "NAT forgets");
	char *p = strchr(out, '?');
	if (p && canvas_width(out) > room)
		memmove(p, p + strcspn(p, " "), strlen(p + strcspn(p, " ")) + 1);
	p = strstr(out, ": ");
	if (p && canvas_width(out) > room)
		memmove(out, p + 2, strlen(p + 2) + 1);
	p = strchr(out, ',');
	if (p && canvas_width(out) > room)
		*p = 0;
	if (canvas_width(out) > room && !strncmp(out, "GET ", 4))
		memmove(out, out + 4, strlen(out + 4) + 1);
	if (canvas_width(out) > room && !strncmp(out, "101 ", 4))
		out[3] = 0;
}

static void draw_micro(const struct ladder *l, size_t row, int64_t t, struct canvas *c, int x, int y, int w)
{
	int a = x, b = x + w - (w >= 18 ? 4 : 3);
	if (b - a < 4)
		return;
	canvas_put(c, a, y, STYLE_LANE, 0x2502);
	canvas_put(c, b, y, STYLE_LANE, 0x2502);
	if (row == SIZE_MAX)
		return;
	const struct ladder_row *k = &l->row[row];
	enum style st = (enum style)k->style;
	c->rec = (uint32_t)k->rec;
	char label[128];
	int room = b - a - 1, last = (int)l->nlane - 1;
	short_label(l, k, room - 4, label, sizeof label);
	if (k->kind == ROW_POINT) {
		const struct trace_rec *r = trace_get(l->tr, k->rec);
		if (r && r->node < l->tr->nnode &&
			l->tr->node[r->node].role == TRACE_BOX) { /* on the way, between the ends */
			int n = canvas_width(label) + 2 < room ? canvas_width(label) : room - 2;
			canvas_put(c, a + 1 + (room - n - 2) / 2, y, st, 0x25cf);
			canvas_label(c, a + 3 + (room - n - 2) / 2, y, n, st, label);
			c->rec = 0;
			return;
		}
		bool left = k->from >= 0 && k->from * 2 < last;
		canvas_put(c, left ? a : b, y, st, 0x25cf);
		int n = canvas_width(label);
		n = n > room - 1 ? room - 1 : n;
		if (left)
			canvas_label(c, a + 2, y, n, st, label);
		else
			canvas_label(c, b - 1 - n, y, n, st, label);
		c->rec = 0;
		return;
	}
	bool right = k->to > k->from;
	bool lost = k->fate == FATE_LOST, there = k->arrive <= t;
	uint32_t g = st == STYLE_HANDSHAKE ? 0x2550 : st == STYLE_CONTROL ? '-' : 0x2500;
	int from = right ? a : b, to = right ? b : a, d = right ? 1 : -1;
	int tip = to;
	if (!there && k->arrive > k->at && k->arrive != INT64_MAX)
		tip = from + (int)((double)(to - from) * (double)(t - k->at) / (double)(k->arrive - k->at));
	if (tip == from)
		tip += d;
	if (lost && there)
		tip = from + (to - from) * 2 / 3;
	for (int i = from + d; i != tip; i += d)
		canvas_put(c, i, y, st, g == '-' && (i & 1) ? ' ' : g);
	if (lost && there)
		canvas_put(c, tip, y, STYLE_LOST, 'x');
	else if (tip != from + d || there)
		canvas_put(c, tip - d, y, st, right ? '>' : '<');
	int lo = from < tip ? from : tip, hi = from < tip ? tip : from;
	int n = canvas_width(label), most = hi - lo - 1 - 4;
	n = n > most ? most : n;
	if (n > 2 && there) {
		int at = lo + 1 + (hi - lo - 1 - n) / 2;
		canvas_put(c, at - 1, y, st, ' ');
		n = canvas_label(c, at, y, n, st, label);
		canvas_put(c, at + n, y, st, ' ');
	}
	c->rec = 0;
}

static int draw_lines(
	struct show *s, const struct look_at *v, struct canvas *c, struct rect r, struct columns k)
{
	struct line line[LINES_MAX];
	int h = r.h > LINES_MAX ? LINES_MAX : r.h;
	int n = last_lines(s, v, h, line);
	for (int y = 0; y < h; y++) {
		char t[40] = "";
		if (y < n)
			ladder_clock(line[y].at, t, sizeof t);
		if (k.x[0] - r.x >= 10)
			canvas_right(
				c, r.x, r.y + y, k.x[0] - r.x - 1, y == n - 1 ? STYLE_STRONG : STYLE_TIME, t);
		for (size_t i = 0; i < s->nrun; i++)
			draw_micro(show_ladder(s, i, v), y < n ? line[y].row[i] : SIZE_MAX,
				v->playing ? v->t : INT64_MAX, c, k.x[i], r.y + y, k.w);
	}
	if (k.x[0] - r.x >= HEAD_W) {
		canvas_text(c, r.x + 1, r.y, 8, STYLE_STRONG, "one");
		canvas_text(c, r.x + 1, r.y + 1, 8, STYLE_STRONG, "client");
	}
	return h;
}

/* ---------------------------------------------------------------------------------------------- figures */

static double largest(const struct show *s, enum figure f, int64_t t)
{
	double m = 0;
	for (size_t i = 0; i < s->nrun; i++) {
		double v = show_figure(s, i, f, t);
		m = !isnan(v) && v > m ? v : m;
	}
	return m;
}

static void figure_text(const struct show *s, size_t run, enum figure f, int64_t t, char *out, size_t cap)
{
	const char *unit = figure_def(f)->unit;
	tally_text(f, show_figure(s, run, f, t), out, cap);
	if (*unit && strcmp(out, "--") != 0)
		snprintf(out + strlen(out), cap - strlen(out), " %s", unit);
}

static void draw_figure(const struct show *s, const struct look_at *v, enum figure f, struct canvas *c,
	struct rect r, struct columns k, int y)
{
	const struct figure_def *d = figure_def(f);
	int head = k.x[0] - r.x;
	char s1[64];
	double max = largest(s, f, v->t);
	if (head >= HEAD_W) {
		canvas_label(c, r.x + 1, y, head - 2, v->figure == f ? STYLE_STRONG : STYLE_TEXT, d->title);
	} else if (head > 0) {
		canvas_label(c, r.x, y, head - 1, STYLE_TEXT, d->brief);
	}
	int widest = 0;
	for (size_t i = 0; i < s->nrun; i++) {
		figure_text(s, i, f, v->t, s1, sizeof s1);
		widest = canvas_width(s1) > widest ? canvas_width(s1) : widest;
	}
	for (size_t i = 0; i < s->nrun; i++) {
		double x = show_figure(s, i, f, v->t);
		enum style st = show_style(s->run[i].letter);
		figure_text(s, i, f, v->t, s1, sizeof s1);
		int room = k.w - 2 - 1 - widest - 2;
		room = room < 0 ? 0 : room;
		int bar = isnan(x) || max <= 0 ? 0 : (int)(x / max * room + 0.5);
		bar = x > 0 && !bar && room ? 1 : bar;
		canvas_put(c, k.x[i], y, st, (uint32_t)(unsigned char)s->run[i].letter);
		canvas_hline(c, k.x[i] + 2, y, bar, st, 0x2588);
		canvas_text(c, k.x[i] + 2 + bar + (bar ? 1 : 0), y, k.w - 3 - bar, STYLE_STRONG, s1);
	}
	if (v->figure == f && v->top == KEYS_NOTE)
		canvas_attr(c, (struct rect){r.x, y, head > 0 ? head - 1 : 1, 1}, CELL_REVERSE);
}

/* ---------------------------------------------------------------------------------------------- chart */

static void scale_text(double ms, char *out, size_t cap)
{
	if (ms >= 1000)
		snprintf(out, cap, "%.0f s", ms / 1000);
	else
		snprintf(out, cap, "%.0f ms", ms);
}

/* Mean delay by time, logarithmic, a letter for each technique; letters that meet stand side by side. */
static void draw_chart(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	static const double ticks[] = {
		10, 100, 1000, 10000, 100000, 20, 50, 200, 500, 2000, 5000, 20000, 50000};
	bool taken[CANVAS_H_MAX] = {false};
	int x0 = r.x + HEAD_W - 1, w = r.x + r.w - x0 - 2, h = r.h - 1;
	if (w < 20 || h < 3)
		return;
	double lo = 1e9, hi = 0;
	int64_t step = s->end_ns / w + 1;
	for (size_t i = 0; i < s->nrun; i++)
		for (size_t k = 0; k < s->run[i].tally->deliver.n; k++) {
			double ms = (double)s->run[i].tally->deliver.m[k].v / 1e6;
			lo = ms < lo ? ms : lo;
			hi = ms > hi ? ms : hi;
		}
	if (hi <= 0)
		return;
	lo = lo < 1 ? 1 : lo * 0.8;
	hi = hi * 1.2 < lo * 4 ? lo * 4 : hi * 1.2;
	canvas_text(c, r.x + 1, r.y, HEAD_W - 3, STYLE_HEADING, "delay over time");
	canvas_vline(c, x0, r.y, h, STYLE_FRAME, 0x2502);
	for (size_t k = 0; k < sizeof ticks / sizeof *ticks;
		k++) { /* whole decades first, the rest where there is room */
		int row = h - 1 - (int)(log(ticks[k] / lo) / log(hi / lo) * (h - 1) + 0.5);
		if (ticks[k] <= lo || ticks[k] >= hi || row < 1 || row >= h || taken[row - 1] || taken[row] ||
			taken[row + 1])
			continue;
		char label[24];
		taken[row] = true;
		scale_text(ticks[k], label, sizeof label);
		canvas_right(c, r.x, r.y + row, HEAD_W - 2, STYLE_TIME, label);
		canvas_put(c, x0, r.y + row, STYLE_FRAME, 0x251c);
	}
	canvas_put(c, x0, r.y + h, STYLE_FRAME, 0x2514);
	canvas_hline(c, x0 + 1, r.y + h, w, STYLE_FRAME, 0x2500);
	for (int x = 0; x < w; x++) {
		int64_t from = x * step, to = from + step;
		if (from > v->t)
			break;
		for (size_t i = 0; i < s->nrun; i++) {
			double ms = tally_delay_between(s->run[i].tally, from, to < v->t ? to : v->t + 1);
			if (isnan(ms))
				continue;
			double f = log(ms < lo ? 1 : ms / lo) / log(hi / lo);
			int y = r.y + h - 1 - (int)(f * (h - 1) + 0.5);
			int at = x0 + 1 + x, shift = 0;
			while (shift < 3 && at + shift < x0 + w && c->cell[y * c->w + at + shift].ch != ' ')
				shift++;
			canvas_put(c, at + shift, y, show_style(s->run[i].letter),
				(uint32_t)(unsigned char)s->run[i].letter);
		}
	}
	char t[32];
	trace_duration(s->end_ns, t, sizeof t);
	canvas_textf(c, x0 + 1, r.y + h, 4, STYLE_TIME, "0");
	canvas_right(c, x0, r.y + h, w, STYLE_TIME, t);
	int now = (int)(v->t / step);
	if (now < w)
		canvas_put(c, x0 + 1 + now, r.y + h, STYLE_NOW, 'V');
}

/* ---------------------------------------------------------------------------------------------- all of it */

static void draw_heads(
	const struct show *s, const struct look_at *v, struct canvas *c, struct rect r, struct columns k)
{
	for (size_t i = 0; i < s->nrun; i++) {
		char head[80];
		snprintf(head, sizeof head, "%c%s%s", s->run[i].letter, k.w >= 18 ? "  " : " ",
			s->run[i].title);
		int n = canvas_label(c, k.x[i], r.y, k.w - 1, show_style(s->run[i].letter), head);
		if (i == v->run && s->nrun > 1)
			canvas_attr(c, (struct rect){k.x[i], r.y, n, 1}, CELL_REVERSE);
	}
}

static void rule(struct canvas *c, struct rect r, int y)
{
	canvas_hline(c, r.x, y, r.w, STYLE_FRAME, 0x2500);
}

/* Faults that never happen in any of the runs need no row. */
static int worth_showing(const struct show *s, enum figure *out)
{
	int n = 0;
	for (int f = 0; f < FIGURES; f++)
		if ((f != FIG_MISSING && f != FIG_DUPLICATES && f != FIG_REQUESTS_EMPTY) ||
			largest(s, (enum figure)f, s->end_ns) > 0)
			out[n++] = (enum figure)f;
	return n;
}

void compare_draw(struct show *s, const struct look_at *v, struct canvas *c, struct rect r)
{
	struct rect old = canvas_clip(c, r);
	struct columns k = columns(s, r);
	draw_heads(s, v, c, r, k);
	enum figure shown[FIGURES];
	int all = worth_showing(s, shown);
	int left = r.h - 1, figures = left >= 14 ? all : left >= 9 ? 5 : left >= 6 ? 3 : 0;
	figures = figures > all ? all : figures;
	int chart = left - figures >= 15 ? 7 : left - figures >= 12 ? 6 : 0;
	int rules = (figures ? 1 : 0) + (chart ? 1 : 0);
	int lines = left - figures - chart - rules;
	int y = r.y + 1;
	y += draw_lines(s, v, c, (struct rect){r.x, y, r.w, lines}, k);
	if (figures) {
		rule(c, r, y);
		char who[128];
		const struct tally *t = s->run[0].tally;
		if (t->lens < t->clients)
			snprintf(who, sizeof who,
				" so far: requests of all %" PRIu32 " clients, the rest counted for %" PRIu32
				" of them ",
				t->clients, t->lens);
		else
			snprintf(who, sizeof who, " so far, %s ",
				t->clients > 1 ? "all clients" : "one client");
		canvas_text(c, r.x + 2, y++, r.w - 4, STYLE_HEADING, who);
		for (int f = 0; f < figures; f++)
			draw_figure(s, v, shown[f], c, r, k, y++);
	}
	if (chart) {
		rule(c, r, y++);
		draw_chart(s, v, c, (struct rect){r.x, y, r.w, chart});
	}
	canvas_unclip(c, old);
}
