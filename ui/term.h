/*
 * term: the terminal, as something that shows a canvas and gives keys. term_curses.c is the only file that
 * knows curses.
 *
 * The terminal is given back as it was on every way out: term_close, a signal that ends the program, a crash,
 * a suspend (and taken again on continue).
 */
#ifndef UI_TERM_H
#define UI_TERM_H

#include "ui/canvas.h"
#include "ui/keys.h"
#include "ui/theme.h"

struct term;

/* Is there a terminal on both sides that can move its cursor? (TERM=dumb and none cannot.) */
bool term_usable(void);
/* Does the locale write UTF-8? Sets the locale from the environment. */
bool term_utf8(void);
/* NULL when the terminal's type is unknown. */
struct term *term_open(enum theme theme);
void term_close(struct term *t);
void term_size(const struct term *t, int *w, int *h);
int term_colours(const struct term *t);
void term_theme(struct term *t, enum theme theme);
void term_show(struct term *t, const struct canvas *c);
/* Waits at most `timeout_ms` (-1: until something comes). Returns a key, KEY_NONE_, KEY_RESIZED or KEY_GONE. */
uint32_t term_key(struct term *t, int timeout_ms);
/* The library and its version; how many colours the terminal's type knows (-1 unknown). */
const char *term_library(void);
int term_type_colours(void);
/* Monotonic milliseconds, for playing. */
int64_t term_now_ms(void);

#endif
