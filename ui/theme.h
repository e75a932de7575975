/*
 * theme: how styles look. Four themes over the table of styles.def:
 *   default  colours of middle luminance, legible on a light and on a dark background
 *   light    for a washed-out projector; dark; mono (attributes only)
 */
#ifndef UI_THEME_H
#define UI_THEME_H

#include "ui/canvas.h"

enum theme { THEME_DEFAULT, THEME_LIGHT, THEME_DARK, THEME_MONO, THEMES };

#define LOOK_BOLD 1u
#define LOOK_UNDERLINE 2u
#define LOOK_REVERSE 4u

struct look {
	int fg, bg; /* 256-colour numbers (0..15 with few colours), -1 the terminal's own */
	unsigned attr;
};

const char *theme_name(enum theme t);
/* -1 when there is none. */
int theme_find(const char *name);
const char *style_name(enum style s);
/* `colours`: what the terminal has: 256 or more, 8 to 16, or less. */
struct look theme_look(enum theme t, enum style s, int colours);

#endif
