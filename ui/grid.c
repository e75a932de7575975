/*
 * grid: a canvas in other forms: text, text with ANSI colours, SVG, and the styles of its cells.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "ui/show.h"

struct sb {
	char *p;
	size_t n, cap;
};

static void put(struct sb *b, const char *s, size_t n)
{
	if (b->n + n + 1 > b->cap) {
		b->cap = (b->n + n + 1) * 2;
		b->p = xrealloc(b->p, b->cap);
	}
	memcpy(b->p + b->n, s, n);
	b->n += n;
	b->p[b->n] = 0;
}

static void puts_(struct sb *b, const char *s)
{
	put(b, s, strlen(s));
}

static int last_ink(const struct canvas *c, int y)
{
	for (int x = c->w - 1; x >= 0; x--) {
		const struct cell *k = &c->cell[y * c->w + x];
		if (k->ch != ' ' || k->attr || k->style == STYLE_BAR)
			return x;
	}
	return -1;
}

char *grid_text(const struct canvas *c)
{
	struct sb b = {0};
	for (int y = 0; y < c->h; y++) {
		int end = -1;
		for (int x = 0; x < c->w; x++)
			end = c->cell[y * c->w + x].ch != ' ' ? x : end;
		for (int x = 0; x <= end; x++) {
			char u[4] = "";
			put(&b, u, canvas_encode(c->cell[y * c->w + x].ch, u));
		}
		puts_(&b, "\n");
	}
	return b.p;
}

char *grid_styles(const struct canvas *c)
{
	static const char letters[] = ".bfB#=|DH-iwLX+cSCkltm!nFplsw";
	struct sb b = {0};
	for (int y = 0; y < c->h; y++) {
		int end = last_ink(c, y);
		for (int x = 0; x <= end; x++) {
			const struct cell *k = &c->cell[y * c->w + x];
			char ch = k->style < sizeof letters - 1 ? letters[k->style] : '?';
			if (k->attr & CELL_REVERSE)
				ch = 'R';
			put(&b, &ch, 1);
		}
		puts_(&b, "\n");
	}
	return b.p;
}

char *grid_ansi(const struct canvas *c, enum theme theme)
{
	struct sb b = {0};
	for (int y = 0; y < c->h; y++) {
		char now[64] = "", want[64];
		for (int x = 0; x <= last_ink(c, y); x++) {
			const struct cell *k = &c->cell[y * c->w + x];
			struct look l = theme_look(theme, (enum style)k->style, 256);
			bool rev = ((l.attr & LOOK_REVERSE) != 0) != ((k->attr & CELL_REVERSE) != 0);
			int n = snprintf(want, sizeof want, "\033[0%s%s%s", l.attr & LOOK_BOLD ? ";1" : "",
				l.attr & LOOK_UNDERLINE ? ";4" : "", rev ? ";7" : "");
			if (l.fg >= 0)
				n += snprintf(want + n, sizeof want - (size_t)n, ";38;5;%d", l.fg);
			if (l.bg >= 0)
				n += snprintf(want + n, sizeof want - (size_t)n, ";48;5;%d", l.bg);
			snprintf(want + n, sizeof want - (size_t)n, "m");
			if (strcmp(now, want) != 0) {
				puts_(&b, want);
				snprintf(now, sizeof now, "%s", want);
			}
			char u[4] = "";
			put(&b, u, canvas_encode(k->ch, u));
		}
		puts_(&b, "\033[0m\n");
	}
	return b.p;
}

/* ---------------------------------------------------------------------------------------------- SVG */

#define CW 8.4
#define CH 17

/* RGB of a 256-colour number above 15 (the cube and the greys), which is all themes use in pictures. */
static unsigned rgb(int n, unsigned otherwise)
{
	static const unsigned level[] = {0, 95, 135, 175, 215, 255};
	if (n < 16)
		return otherwise;
	if (n >= 232) {
		unsigned g = 8 + 10 * (unsigned)(n - 232);
		return g << 16 | g << 8 | g;
	}
	unsigned k = (unsigned)n - 16;
	return level[k / 36] << 16 | level[k / 6 % 6] << 8 | level[k % 6];
}

static void put_escaped(struct sb *b, uint32_t ch)
{
	char u[4] = "";
	if (ch == '<')
		puts_(b, "&lt;");
	else if (ch == '>')
		puts_(b, "&gt;");
	else if (ch == '&')
		puts_(b, "&amp;");
	else
		put(b, u, canvas_encode(ch, u));
}

static bool same_look(const struct cell *a, const struct cell *b)
{
	return a->style == b->style && a->attr == b->attr;
}

static void svg_run(struct sb *b, const struct canvas *c, int y, int x, int n, enum theme theme,
	unsigned paper, unsigned ink)
{
	const struct cell *k = &c->cell[y * c->w + x];
	struct look l = theme_look(theme, (enum style)k->style, 256);
	unsigned fg = rgb(l.fg, ink), bg = paper;
	bool rev = ((l.attr & LOOK_REVERSE) != 0) != ((k->attr & CELL_REVERSE) != 0), blank = true;
	char s[240];
	for (int i = 0; i < n; i++)
		blank &= c->cell[y * c->w + x + i].ch == ' ';
	if (rev) {
		snprintf(s, sizeof s,
			"<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"#%06x\"/>\n", x * CW,
			y * CH, n * CW, CH, fg);
		puts_(b, s);
		fg = bg;
	}
	if (blank)
		return;
	snprintf(s, sizeof s, "<text x=\"%.1f\" y=\"%d\" textLength=\"%.1f\" fill=\"#%06x\"%s%s>", x * CW,
		y * CH + 13, n * CW, fg, l.attr & LOOK_BOLD ? " font-weight=\"bold\"" : "",
		l.attr & LOOK_UNDERLINE ? " text-decoration=\"underline\"" : "");
	puts_(b, s);
	for (int i = 0; i < n; i++)
		put_escaped(b, c->cell[y * c->w + x + i].ch);
	puts_(b, "</text>\n");
}

char *grid_svg(const struct canvas *c, enum theme theme)
{
	struct sb b = {0};
	char s[400];
	unsigned paper = theme == THEME_DARK ? 0x000000 : 0xffffff,
		 ink = theme == THEME_DARK ? 0xeeeeee : 0x000000;
	if (theme == THEME_DEFAULT)
		theme = THEME_LIGHT;
	snprintf(s, sizeof s,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.1f %d\" font-family=\"DejaVu Sans "
		"Mono, monospace\" "
		"font-size=\"14\" xml:space=\"preserve\">\n<rect width=\"100%%\" height=\"100%%\" "
		"fill=\"#%06x\"/>\n",
		c->w * CW, c->h * CH, paper);
	puts_(&b, s);
	for (int y = 0; y < c->h; y++) {
		int end = last_ink(c, y);
		for (int x = 0; x <= end;) {
			int n = 1;
			while (x + n <= end && same_look(&c->cell[y * c->w + x], &c->cell[y * c->w + x + n]))
				n++;
			svg_run(&b, c, y, x, n, theme, paper, ink);
			x += n;
		}
	}
	puts_(&b, "</svg>\n");
	return b.p;
}
