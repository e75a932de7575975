/*
 * theme: how styles look.
 */
#include "ui/theme.h"

#include <string.h>

#define B LOOK_BOLD
#define U LOOK_UNDERLINE
#define R LOOK_REVERSE

static const struct {
	const char *name;
	unsigned attr;
	int mid, c16, light, dark;
} styles[STYLES] = {
#define X(id, attr, mid, c16, light, dark) [STYLE_##id] = {#id, attr, mid, c16, light, dark},
#include "ui/styles.def"
#undef X
};

static const char *const names[THEMES] = {"default", "light", "dark", "mono"};

const char *theme_name(enum theme t)
{
	return t < THEMES ? names[t] : "default";
}

int theme_find(const char *name)
{
	for (int i = 0; i < THEMES; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

const char *style_name(enum style s)
{
	return s < STYLES ? styles[s].name : "TEXT";
}

struct look theme_look(enum theme t, enum style s, int colours)
{
	if (s >= STYLES)
		s = STYLE_TEXT;
	struct look k = {-1, -1, styles[s].attr};
	if (t == THEME_MONO || colours < 8)
		return k;
	if (colours < 256)
		k.fg = styles[s].c16;
	else
		k.fg = t == THEME_LIGHT ? styles[s].light : t == THEME_DARK ? styles[s].dark : styles[s].mid;
	/* light and dark bring their own background: the projector's, not the terminal's */
	if (colours >= 256 && t == THEME_LIGHT) {
		k.bg = 231;
		k.fg = k.fg < 0 ? 16 : k.fg;
	} else if (colours >= 256 && t == THEME_DARK) {
		k.bg = 16;
		k.fg = k.fg < 0 ? 255 : k.fg;
	}
	return k;
}
