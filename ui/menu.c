/*
 * menu: the list of shipped lectures, to choose one and start it.
 *
 *   backtalk │ Lectures
 *   > first-look          Four ways to talk back     │ title, summary, techniques, length, values, questions
 *     nat-forgets         The NAT forgets …          │
 */
#include "ui/menu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/scenario/library.h"
#include "ui/commands.h"
#include "ui/data.h"
#include "ui/show.h"
#include "ui/term.h"

#define MENU_MAX 400

struct menu {
	struct plan *plan[MENU_MAX];
	size_t n;
	size_t shown[MENU_MAX], nshown; /* those that match the filter */
	size_t sel;
	char filter[80];
	bool typing, help;
	enum theme theme;
};

static void load(struct menu *m, const char *data)
{
	struct library_names l;
	library_list(data, LIBRARY_LECTURES, &l);
	for (size_t i = 0; i < l.n && m->n < MENU_MAX; i++) {
		struct diags ds = {0};
		struct plan *p = plan_load(data, l.name[i], NULL, 0, &ds);
		if (p)
			m->plan[m->n++] = p;
		diags_fini(&ds);
	}
	library_names_fini(&l);
	/* the first look comes first */
	for (size_t i = 0; i < m->n; i++)
		if (!strcmp(m->plan[i]->id, "first-look")) {
			struct plan *first = m->plan[i];
			memmove(m->plan + 1, m->plan, i * sizeof *m->plan);
			m->plan[0] = first;
		}
}

static void filter(struct menu *m)
{
	m->nshown = 0;
	for (size_t i = 0; i < m->n; i++)
		if (strstr(m->plan[i]->id, m->filter) || strstr(m->plan[i]->title, m->filter) ||
			(m->plan[i]->summary && strstr(m->plan[i]->summary, m->filter)))
			m->shown[m->nshown++] = i;
	if (m->sel >= m->nshown)
		m->sel = m->nshown ? m->nshown - 1 : 0;
}

static void draw_list(const struct menu *m, struct canvas *c, struct rect r)
{
	size_t h = (size_t)r.h, top = m->sel >= h ? m->sel - h + 1 : 0;
	for (size_t k = 0; k < h && top + k < m->nshown; k++) {
		const struct plan *p = m->plan[m->shown[top + k]];
		int y = r.y + (int)k;
		bool sel = top + k == m->sel;
		if (sel)
			canvas_fill(c, (struct rect){r.x, y, r.w, 1}, STYLE_SELECT, ' ');
		canvas_put(c, r.x + 1, y, sel ? STYLE_SELECT : STYLE_TEXT, sel ? '>' : ' ');
		canvas_label(c, r.x + 3, y, r.w - 4, sel ? STYLE_SELECT : STYLE_STRONG, p->title);
	}
	if (!m->nshown)
		canvas_label(c, r.x + 3, r.y, r.w - 4, STYLE_FAINT,
			m->n ? "no lecture has this text"
			     : "no lectures found; `backtalk doctor` tells where they are looked for");
}

static void join(char *out, size_t cap, const char *const *words, size_t n)
{
	*out = 0;
	for (size_t i = 0; i < n; i++)
		snprintf(out + strlen(out), cap - strlen(out), "%s%s", i ? ", " : "", words[i]);
}

static int detail(struct canvas *c, struct rect r, int y, const char *what, const char *text)
{
	if (y >= r.y + r.h)
		return y;
	canvas_label(c, r.x, y, 11, STYLE_FAINT, what);
	int n = canvas_wrap(c, (struct rect){r.x + 12, y, r.w - 12, r.y + r.h - y}, STYLE_TEXT, text);
	return y + (n ? n : 1);
}

static void draw_details(const struct menu *m, struct canvas *c, struct rect r)
{
	if (m->sel >= m->nshown)
		return;
	const struct plan *p = m->plan[m->shown[m->sel]];
	struct rect old = canvas_clip(c, r);
	char s[400];
	int y = r.y + canvas_wrap(c, r, STYLE_HEADING, p->title) + 1;
	if (p->summary)
		y += canvas_wrap(c, (struct rect){r.x, y, r.w, r.y + r.h - y}, STYLE_TEXT, p->summary) + 1;
	y = detail(c, r, y, "id", p->id);
	join(s, sizeof s, p->compare, p->ncompare);
	y = detail(c, r, y, "techniques", *s ? s : p->technique);
	uint64_t clients = 0;
	*s = 0;
	for (size_t g = 0; g < p->cfg.ngroups; g++)
		clients += p->cfg.groups[g].count;
	trace_duration(p->cfg.duration_ns, s, sizeof s);
	snprintf(s + strlen(s), sizeof s - strlen(s), ", %llu client%s", (unsigned long long)clients,
		clients == 1 ? "" : "s");
	y = detail(c, r, y, "length", s);
	snprintf(s, sizeof s, "%zu", p->nquestions);
	y = detail(c, r, y, "questions", s);
	*s = 0;
	for (size_t i = 0; i < p->cfg.nboxes; i++)
		snprintf(s + strlen(s), sizeof s - strlen(s), "%s%s", i ? ", " : "", p->cfg.boxes[i].name);
	y = detail(c, r, y, "boxes", *s ? s : "none") + 1;
	if (p->nknobs && y < r.y + r.h)
		canvas_text(c, r.x, y++, r.w, STYLE_HEADING, "values to turn");
	for (size_t i = 0; i < p->nknobs && y < r.y + r.h; i++) {
		int n = canvas_label(c, r.x, y, r.w, STYLE_TEXT, p->knobs[i].set);
		join(s, sizeof s, p->knobs[i].values, p->knobs[i].nvalues);
		if (n + 2 + canvas_width(s) > r.w) {
			y++;
			n = 0;
		}
		canvas_label(c, r.x + n + 2, y++, r.w - n - 2, STYLE_FAINT, s);
	}
	canvas_unclip(c, old);
}

static void draw(const struct menu *m, struct canvas *c)
{
	int w = c->w, h = c->h, y = 0;
	canvas_clear(c);
	canvas_fill(c, (struct rect){0, 0, w, 1}, STYLE_BAR, ' ');
	canvas_label(c, 0, y, w, STYLE_BAR, " backtalk │ Lectures: how a server talks back");
	if (w > 70)
		canvas_right(c, 0, y, w - 1, STYLE_BAR, theme_name(m->theme));
	y += h >= 12 ? 2 : 1;
	int foot = h >= 4 ? h - 1 : h;
	if (m->help) {
		keys_help(c, (struct rect){2, y, w - 4, foot - y}, KEYS_MENU, 0);
		return;
	}
	if (m->typing || *m->filter) {
		int n = canvas_text(c, 1, y, w - 2, STYLE_HEADING, "Filter: ");
		n += canvas_text(c, 1 + n, y, w - n - 3, STYLE_STRONG, m->filter);
		if (m->typing)
			canvas_put(c, 1 + n, y, STYLE_NOW, ' ');
		y += 2;
	}
	int list_w = w >= 80 ? (w - 3) / 2 : w;
	draw_list(m, c, (struct rect){0, y, list_w, foot - y - 1});
	if (w >= 80) {
		canvas_vline(c, list_w + 1, y, foot - y - 1, STYLE_FRAME, 0x2502);
		draw_details(m, c, (struct rect){list_w + 3, y, w - list_w - 4, foot - y - 1});
	}
	keys_footer(c, 1, foot, w - 2, m->typing ? KEYS_INPUT : KEYS_MENU);
}

static void type(struct menu *m, uint32_t key)
{
	size_t n = strlen(m->filter);
	if (key == KEY_BS_ && n)
		m->filter[n - 1] = 0;
	else if (key >= 0x20 && key < 0x7f && n + 1 < sizeof m->filter) {
		m->filter[n] = (char)key;
		m->filter[n + 1] = 0;
	}
	filter(m);
}

/* Runs the chosen lecture in its own terminal session, as `backtalk run ID` would. */
static void start(struct menu *m, bool compare)
{
	static char run_word[] = "run", compare_word[] = "compare", theme_word[] = "--theme";
	char id[200], theme[16];
	if (m->sel >= m->nshown)
		return;
	snprintf(id, sizeof id, "%s", m->plan[m->shown[m->sel]]->id);
	snprintf(theme, sizeof theme, "%s", theme_name(m->theme));
	char *argv[] = {compare ? compare_word : run_word, id, theme_word, theme, NULL};
	if (compare && !m->plan[m->shown[m->sel]]->ncompare)
		argv[0] = run_word;
	if (argv[0] == run_word)
		cmd_run(4, argv);
	else
		cmd_compare(4, argv);
}

/* Returns false to leave. */
static bool handle(struct menu *m, struct term **t, uint32_t key)
{
	if (m->typing && key != 3) {
		if (key == '\r' || key == 27)
			m->typing = false;
		else
			type(m, key);
		return true;
	}
	enum action a = keys_action(KEYS_MENU, key);
	if (m->help) {
		m->help = false;
		return a != ACT_QUIT_NOW;
	}
	switch (a) {
	case ACT_MENU_NEXT:
		m->sel += m->sel + 1 < m->nshown;
		return true;
	case ACT_MENU_PREV:
		m->sel -= m->sel > 0;
		return true;
	case ACT_MENU_FILTER:
		m->typing = true;
		m->filter[0] = 0;
		filter(m);
		return true;
	case ACT_START:
		m->sel = 0;
		return true;
	case ACT_END:
		m->sel = m->nshown ? m->nshown - 1 : 0;
		return true;
	case ACT_HELP:
		m->help = true;
		return true;
	case ACT_THEME:
		m->theme = (enum theme)((m->theme + 1) % THEMES);
		term_theme(*t, m->theme);
		return true;
	case ACT_MENU_OPEN:
	case ACT_MENU_COMPARE:
		term_close(*t);
		start(m, a == ACT_MENU_COMPARE);
		*t = term_open(m->theme);
		return *t != NULL;
	case ACT_QUIT:
	case ACT_QUIT_NOW:
		return false;
	default:
		return true;
	}
}

int menu_run(void)
{
	struct menu m = {0};
	const char *no = getenv("NO_COLOR");
	bool utf8 = term_utf8();
	char *data = data_scenarios();
	m.theme = no && *no ? THEME_MONO : THEME_DEFAULT;
	struct term *t = term_usable() ? term_open(m.theme) : NULL;
	if (!t) {
		free(data);
		return EXIT_ENV;
	}
	load(&m, data);
	filter(&m);
	for (bool on = true; on;) {
		int w, h;
		term_size(t, &w, &h);
		struct canvas *c = canvas_new(w, h, !utf8);
		draw(&m, c);
		term_show(t, c);
		canvas_free(c);
		uint32_t key = term_key(t, -1);
		on = key != KEY_GONE && (key == KEY_RESIZED || key == KEY_NONE_ || handle(&m, &t, key));
	}
	term_close(t);
	for (size_t i = 0; i < m.n; i++)
		plan_free(m.plan[i]);
	free(data);
	return EXIT_FINE;
}
