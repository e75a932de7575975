/*
 * canvas: a grid of cells to draw into.
 *
 * A cell is one code point that takes one column, a style (what it means, not how it looks), and the record it
 * speaks of. Everything on the screen is drawn here first; the terminal, text, ANSI and SVG are made from the
 * grid. Nothing outside the clip rectangle is ever touched, and no octet of a payload reaches a terminal as it
 * is: control characters become '.', and code points that are not surely one column wide become '?'.
 *
 *     (0,0) ──▶ x
 *       │   ┌───────── clip ─────────┐
 *       ▼   │                        │
 *       y   └────────────────────────┘
 */
#ifndef UI_CANVAS_H
#define UI_CANVAS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum style {
#define X(id, attr, mid, c16, light, dark) STYLE_##id,
#include "ui/styles.def"
#undef X
	STYLES
};

#define CELL_REVERSE 1u /* on top of the style: the selected row */
#define CELL_BOLD 2u

struct cell {
	uint32_t ch; /* code point */
	uint8_t style, attr;
	uint32_t rec; /* id of the record it speaks of, 0 none */
};

struct rect {
	int x, y, w, h;
};

#define CANVAS_W_MAX 500
#define CANVAS_H_MAX 300

struct canvas {
	int w, h;
	struct cell *cell; /* w * h, row by row */
	struct rect clip;
	bool ascii;   /* draw with ASCII only */
	uint32_t rec; /* given to cells drawn from now on */
};

/* A size is brought into 1 … CANVAS_W_MAX / CANVAS_H_MAX. */
struct canvas *canvas_new(int w, int h, bool ascii);
void canvas_free(struct canvas *c);
void canvas_clear(struct canvas *c);
/* Limits drawing to r (and the grid); returns the old clip to be given back to canvas_unclip. */
struct rect canvas_clip(struct canvas *c, struct rect r);
void canvas_unclip(struct canvas *c, struct rect old);

void canvas_put(struct canvas *c, int x, int y, enum style st, uint32_t ch);
/* UTF-8 text from x on, at most `max` columns (cut hard). Returns the columns used. */
int canvas_text(struct canvas *c, int x, int y, int max, enum style st, const char *s);
int canvas_textf(struct canvas *c, int x, int y, int max, enum style st, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* The same, but cut after a word with `…` (`..` in ASCII) when it does not fit. */
int canvas_label(struct canvas *c, int x, int y, int max, enum style st, const char *s);
/* Right-aligned so that it ends before column x + max. */
int canvas_right(struct canvas *c, int x, int y, int max, enum style st, const char *s);
void canvas_hline(struct canvas *c, int x, int y, int n, enum style st, uint32_t ch);
void canvas_vline(struct canvas *c, int x, int y, int n, enum style st, uint32_t ch);
void canvas_fill(struct canvas *c, struct rect r, enum style st, uint32_t ch);
/* A frame with an optional title in its upper line. */
void canvas_box(struct canvas *c, struct rect r, enum style st, const char *title, enum style title_st);
/* Adds an attribute to all cells of a rectangle, and sets the style of those that have none (STYLE_TEXT). */
void canvas_attr(struct canvas *c, struct rect r, unsigned attr);
/* Text (line feeds are spaces) broken at words into lines of `w` columns, at most `h` of them. Returns the lines used. */
int canvas_wrap(struct canvas *c, struct rect r, enum style st, const char *s);

/* Columns of a UTF-8 text as canvas_text would draw it. */
int canvas_width(const char *s);
/* How many lines canvas_wrap would need. */
int canvas_wrap_lines(const char *s, int w);
/* One code point from UTF-8, made safe to show; advances *s; 0 at the end. Never a control character. */
uint32_t canvas_decode(const char **s);
/* UTF-8 of a code point; returns its octets (1 to 4). */
size_t canvas_encode(uint32_t ch, char out[4]);
/* The ASCII stand-in of a code point. */
uint32_t canvas_ascii(uint32_t ch);

#endif
