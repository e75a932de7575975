/*
 * canvas: a grid of cells to draw into. See canvas.h.
 */
#include "ui/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"

static int clamp(int v, int lo, int hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

struct canvas *canvas_new(int w, int h, bool ascii)
{
	struct canvas *c = xcalloc(1, sizeof *c);
	c->w = clamp(w, 1, CANVAS_W_MAX);
	c->h = clamp(h, 1, CANVAS_H_MAX);
	c->ascii = ascii;
	c->cell = xcalloc((size_t)c->w * (size_t)c->h, sizeof *c->cell);
	c->clip = (struct rect){0, 0, c->w, c->h};
	canvas_clear(c);
	return c;
}

void canvas_free(struct canvas *c)
{
	if (c)
		xfree(c->cell);
	xfree(c);
}

void canvas_clear(struct canvas *c)
{
	for (int i = 0; i < c->w * c->h; i++)
		c->cell[i] = (struct cell){.ch = ' '};
	c->rec = 0;
}

static struct rect meet(struct rect a, struct rect b)
{
	int x0 = a.x > b.x ? a.x : b.x, y0 = a.y > b.y ? a.y : b.y;
	int x1 = a.x + a.w < b.x + b.w ? a.x + a.w : b.x + b.w;
	int y1 = a.y + a.h < b.y + b.h ? a.y + a.h : b.y + b.h;
	return (struct rect){x0, y0, x1 > x0 ? x1 - x0 : 0, y1 > y0 ? y1 - y0 : 0};
}

struct rect canvas_clip(struct canvas *c, struct rect r)
{
	struct rect old = c->clip;
	c->clip = meet(old, r);
	return old;
}

void canvas_unclip(struct canvas *c, struct rect old)
{
	c->clip = old;
}

static struct cell *at(struct canvas *c, int x, int y)
{
	struct rect k = c->clip;
	if (x < k.x || y < k.y || x >= k.x + k.w || y >= k.y + k.h)
		return NULL;
	return &c->cell[y * c->w + x];
}

/* Code points that take one column everywhere and are no emoji; everything else is shown as '?'. */
static bool one_column(uint32_t ch)
{
	static const uint32_t range[][2] = {{0x20, 0x7e}, {0xa1, 0xac}, {0xae, 0x17f}, {0x384, 0x3ff},
		{0x400, 0x45f}, {0x2010, 0x2015}, {0x2018, 0x201e}, {0x2022, 0x2022}, {0x2026, 0x2026},
		{0x20ac, 0x20ac}, {0x2190, 0x2193}, {0x2248, 0x2248}, {0x2264, 0x2265}, {0x2500, 0x259f},
		{0x25a0, 0x25a1}, {0x25cb, 0x25cb}, {0x25cf, 0x25cf}};
	for (size_t i = 0; i < sizeof range / sizeof *range; i++)
		if (ch >= range[i][0] && ch <= range[i][1])
			return ch != 0xa9 && ch != 0xae;
	return false;
}

static uint32_t safe(uint32_t ch)
{
	if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0))
		return ch == '\t' || ch == '\n' ? ' ' : '.';
	if (ch == 0xa0)
		return ' ';
	return one_column(ch) ? ch : '?';
}

uint32_t canvas_decode(const char **s)
{
	const unsigned char *p = (const unsigned char *)*s;
	if (!*p)
		return 0;
	unsigned n = *p < 0x80                 ? 1
		     : *p >= 0xc2 && *p < 0xe0 ? 2
		     : *p >= 0xe0 && *p < 0xf0 ? 3
		     : *p >= 0xf0 && *p < 0xf5 ? 4
					       : 0;
	if (n <= 1) {
		*s += 1;
		return n ? safe(*p) : '?';
	}
	uint32_t ch = *p & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80) {
			*s += i;
			return '?';
		}
		ch = ch << 6 | (p[i] & 0x3fu);
	}
	*s += n;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	return ch < least[n] ? '?' : safe(ch);
}

size_t canvas_encode(uint32_t ch, char out[4])
{
	if (ch < 0x80) {
		out[0] = (char)ch;
		return 1;
	}
	if (ch < 0x800) {
		out[0] = (char)(0xc0 | ch >> 6);
		out[1] = (char)(0x80 | (ch & 0x3f));
		return 2;
	}
	if (ch < 0x10000) {
		out[0] = (char)(0xe0 | ch >> 12);
		out[1] = (char)(0x80 | (ch >> 6 & 0x3f));
		out[2] = (char)(0x80 | (ch & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | ch >> 18);
	out[1] = (char)(0x80 | (ch >> 12 & 0x3f));
	out[2] = (char)(0x80 | (ch >> 6 & 0x3f));
	out[3] = (char)(0x80 | (ch & 0x3f));
	return 4;
}

uint32_t canvas_ascii(uint32_t ch)
{
	if (ch < 0x80)
		return ch < 0x20 || ch == 0x7f ? '.' : ch;
	if (ch >= 0x2580 && ch <= 0x259f)
		return ch <= 0x2582   ? '.'
		       : ch <= 0x2584 ? ':'
		       : ch <= 0x2586 ? '+'
		       : ch == 0x2591 ? '-'
				      : '#';
	static const struct {
		uint32_t ch;
		char as;
	} map[] = {{0x2500, '-'}, {0x2501, '-'}, {0x2502, '|'}, {0x2503, '|'}, {0x2504, '-'}, {0x2506, ':'},
		{0x2550, '='}, {0x2551, '|'}, {0xb7, '.'}, {0xb5, 'u'}, {0xd7, 'x'}, {0x2010, '-'},
		{0x2011, '-'}, {0x2012, '-'}, {0x2013, '-'}, {0x2014, '-'}, {0x2018, '\''}, {0x2019, '\''},
		{0x201c, '"'}, {0x201d, '"'}, {0x2022, '*'}, {0x2026, '.'}, {0x2190, '<'}, {0x2191, '^'},
		{0x2192, '>'}, {0x2193, 'v'}, {0x2248, '~'}, {0x2264, '<'}, {0x2265, '>'}, {0x25a0, '#'},
		{0x25a1, '-'}, {0x25cb, 'o'}, {0x25cf, '@'}};
	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		if (map[i].ch == ch)
			return (unsigned char)map[i].as;
	return ch >= 0x2500 && ch < 0x2580 ? '+' : '?';
}

void canvas_put(struct canvas *c, int x, int y, enum style st, uint32_t ch)
{
	struct cell *k = at(c, x, y);
	if (!k)
		return;
	ch = safe(ch);
	*k = (struct cell){.ch = c->ascii ? canvas_ascii(ch) : ch, .style = (uint8_t)st, .rec = c->rec};
}

int canvas_text(struct canvas *c, int x, int y, int max, enum style st, const char *s)
{
	int n = 0;
	uint32_t ch;
	while (n < max && (ch = canvas_decode(&s)))
		canvas_put(c, x + n++, y, st, ch);
	return n;
}

int canvas_textf(struct canvas *c, int x, int y, int max, enum style st, const char *fmt, ...)
{
	char s[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	return canvas_text(c, x, y, max, st, s);
}

int canvas_width(const char *s)
{
	int n = 0;
	while (canvas_decode(&s))
		n++;
	return n;
}

int canvas_label(struct canvas *c, int x, int y, int max, enum style st, const char *s)
{
	if (max <= 0)
		return 0;
	if (canvas_width(s) <= max)
		return canvas_text(c, x, y, max, st, s);
	int dots = c->ascii ? 2 : 1, room = max - dots, n = 0, word = 0;
	if (room <= 0)
		return canvas_text(c, x, y, max, st, s);
	const char *p = s;
	while (n < room) {
		const char *before = p;
		if (canvas_decode(&p) == ' ' && before > s)
			word = n;
		n++;
	}
	if (*p == ' ')
		word = n;
	int keep = word * 2 > room ? word : room;
	n = canvas_text(c, x, y, keep, st, s);
	return n + canvas_text(c, x + n, y, dots, st, c->ascii ? ".." : "…");
}

int canvas_right(struct canvas *c, int x, int y, int max, enum style st, const char *s)
{
	int n = canvas_width(s);
	return n >= max ? canvas_label(c, x, y, max, st, s) : canvas_text(c, x + max - n, y, n, st, s);
}

void canvas_hline(struct canvas *c, int x, int y, int n, enum style st, uint32_t ch)
{
	for (int i = 0; i < n; i++)
		canvas_put(c, x + i, y, st, ch);
}

void canvas_vline(struct canvas *c, int x, int y, int n, enum style st, uint32_t ch)
{
	for (int i = 0; i < n; i++)
		canvas_put(c, x, y + i, st, ch);
}

void canvas_fill(struct canvas *c, struct rect r, enum style st, uint32_t ch)
{
	for (int y = 0; y < r.h; y++)
		canvas_hline(c, r.x, r.y + y, r.w, st, ch);
}

void canvas_box(struct canvas *c, struct rect r, enum style st, const char *title, enum style title_st)
{
	if (r.w < 2 || r.h < 2)
		return;
	canvas_fill(c, r, STYLE_TEXT, ' ');
	canvas_hline(c, r.x, r.y, r.w, st, 0x2500);
	canvas_hline(c, r.x, r.y + r.h - 1, r.w, st, 0x2500);
	canvas_vline(c, r.x, r.y, r.h, st, 0x2502);
	canvas_vline(c, r.x + r.w - 1, r.y, r.h, st, 0x2502);
	canvas_put(c, r.x, r.y, st, 0x250c);
	canvas_put(c, r.x + r.w - 1, r.y, st, 0x2510);
	canvas_put(c, r.x, r.y + r.h - 1, st, 0x2514);
	canvas_put(c, r.x + r.w - 1, r.y + r.h - 1, st, 0x2518);
	if (title && *title && r.w > 6) {
		int n = canvas_label(c, r.x + 3, r.y, r.w - 6, title_st, title);
		canvas_put(c, r.x + 2, r.y, st, ' ');
		canvas_put(c, r.x + 3 + n, r.y, st, ' ');
	}
}

void canvas_attr(struct canvas *c, struct rect r, unsigned attr)
{
	for (int y = r.y; y < r.y + r.h; y++)
		for (int x = r.x; x < r.x + r.w; x++) {
			struct cell *k = at(c, x, y);
			if (k)
				k->attr = (uint8_t)(k->attr | attr);
		}
}

/* The length in octets of the next line of at most w columns, and where the following one starts. */
static size_t break_line(const char *s, int w, const char **next)
{
	const char *p = s, *space = NULL;
	int n = 0;
	while (*p && n < w) {
		if (*p == ' ' || *p == '\n')
			space = p;
		canvas_decode(&p);
		n++;
	}
	if (!*p) {
		*next = p;
		return (size_t)(p - s);
	}
	if (*p == ' ' || *p == '\n')
		space = p;
	const char *end = space && space > s ? space : p;
	*next = end;
	while (**next == ' ' || **next == '\n')
		++*next;
	return (size_t)(end - s);
}

int canvas_wrap_lines(const char *s, int w)
{
	int n = 0;
	for (w = w > 0 ? w : 1; *s; n++)
		break_line(s, w, &s);
	return n;
}

int canvas_wrap(struct canvas *c, struct rect r, enum style st, const char *s)
{
	int y = 0;
	for (int w = r.w > 0 ? r.w : 1; *s && y < r.h; y++) {
		const char *next;
		size_t len = break_line(s, w, &next);
		char line[CANVAS_W_MAX * 4 + 1];
		if (len > sizeof line - 1)
			len = sizeof line - 1;
		memcpy(line, s, len);
		line[len] = 0;
		canvas_text(c, r.x, r.y + y, r.w, st, line);
		if (y == r.h - 1 && *next && r.w > 1)
			canvas_text(c, r.x + r.w - 1, r.y + y, 1, st, "…");
		s = next;
	}
	return y;
}
