/*
 * keys: which key does what, from the one table keys.def.
 */
#include "ui/keys.h"

#include <stdio.h>
#include <string.h>

static const struct key_bind binds[] = {
#define X(ctx, act, keys, label, help, word) {KEYS_##ctx, ACT_##act, keys, label, help, word},
#include "ui/keys.def"
#undef X
};

#define NBINDS (sizeof binds / sizeof *binds)

static const struct {
	const char *name;
	uint32_t code;
} names[] = {{"Space", ' '}, {"Enter", '\r'}, {"Esc", 27}, {"Tab", '\t'}, {"S-Tab", KEY_STAB_},
	{"BS", KEY_BS_}, {"Left", KEY_LEFT_}, {"Right", KEY_RIGHT_}, {"Up", KEY_UP_}, {"Down", KEY_DOWN_},
	{"S-Left", KEY_SLEFT_}, {"S-Right", KEY_SRIGHT_}, {"PgUp", KEY_PGUP_}, {"PgDn", KEY_PGDN_},
	{"Home", KEY_HOME_}, {"End", KEY_END_}, {"C-c", 3}, {"F1", KEY_F_ + 1}, {"F3", KEY_F_ + 3},
	{"F4", KEY_F_ + 4}, {"F5", KEY_F_ + 5}, {"F9", KEY_F_ + 9}, {"F10", KEY_F_ + 10}};

size_t keys_count(void)
{
	return NBINDS;
}

const struct key_bind *keys_at(size_t i)
{
	return i < NBINDS ? &binds[i] : NULL;
}

uint32_t keys_code(const char *name, size_t n)
{
	if (n == 1)
		return (unsigned char)*name;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i].name) == n && memcmp(names[i].name, name, n) == 0)
			return names[i].code;
	return 0;
}

static bool bind_has(const struct key_bind *b, uint32_t key)
{
	for (const char *p = b->keys; *p;) {
		size_t n = strcspn(p, " ");
		if (n && keys_code(p, n) == key)
			return true;
		p += n + (p[n] == ' ');
	}
	return false;
}

enum action keys_action(enum key_context ctx, uint32_t key)
{
	if (key == '\n')
		key = '\r';
	for (size_t i = 0; i < NBINDS; i++)
		if (binds[i].context == ctx && bind_has(&binds[i], key))
			return binds[i].action;
	if (ctx == KEYS_INPUT && key != 3)
		return ACT_NONE;
	for (size_t i = 0; i < NBINDS; i++)
		if (binds[i].context == KEYS_ANY && bind_has(&binds[i], key))
			return binds[i].action;
	return ACT_NONE;
}

/* What the footer shows for a line: "Space Play"; a label with its own keys ("1-4 Layer") is shown as it is. */
static int footer_entry(const struct key_bind *b, char *key, size_t cap, const char **label)
{
	size_t n = strcspn(b->keys, " ");
	*label = b->label;
	const char *space = strchr(b->label, ' ');
	bool own = space && (b->label[1] == '-' || strchr(b->label, '/'));
	if (own) {
		n = (size_t)(space - b->label);
		snprintf(key, cap, "%.*s", (int)n, b->label);
		*label = space + 1;
	} else {
		snprintf(key, cap, "%.*s", (int)n, b->keys);
	}
	return canvas_width(key) + 1 + canvas_width(*label);
}

static bool shadowed(enum key_context ctx, enum action a)
{
	for (size_t i = 0; i < NBINDS; i++)
		if (binds[i].context == ctx && (binds[i].action == a || binds[i].action == ACT_CLOSE) &&
			(a == binds[i].action || a == ACT_QUIT || a == ACT_STILL))
			return true;
	return false;
}

void keys_footer(struct canvas *c, int x, int y, int w, enum key_context ctx)
{
	int used = 0, help_w = 8; /* room for "? Help" is kept */
	char key[32];
	const char *label;
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < NBINDS; i++) {
			const struct key_bind *b = &binds[i];
			bool any = b->context == KEYS_ANY;
			if (ctx == KEYS_MENU && b->action == ACT_STILL)
				continue;
			if (pass == 0 ? b->context != ctx
				      : !any || ctx == KEYS_INPUT || shadowed(ctx, b->action))
				continue;
			if (!*b->label)
				continue;
			int n = footer_entry(b, key, sizeof key, &label);
			int keep = b->action == ACT_HELP ? 0 : help_w;
			if (used + n + keep > w)
				continue;
			int k = canvas_text(c, x + used, y, n, STYLE_KEY, key);
			canvas_text(c, x + used + k + 1, y, n, STYLE_KEY_LABEL, label);
			used += n + 2;
		}
}

const char *keys_context_title(enum key_context ctx)
{
	static const char *const t[KEY_CONTEXTS] = {"Ladder", "Compare", "Bytes", "Why", "Values", "Question",
		"Help", "Note", "Input", "Menu", "Everywhere"};
	return ctx < KEY_CONTEXTS ? t[ctx] : "";
}

int keys_help(struct canvas *c, struct rect r, enum key_context ctx, int from)
{
	int line = 0;
	struct rect old = canvas_clip(c, r);
	for (int pass = 0; pass < 2; pass++) {
		enum key_context k = pass ? KEYS_ANY : ctx;
		if (pass) {
			line++;
			canvas_text(c, r.x, r.y + line++ - from, r.w, STYLE_HEADING, "Everywhere");
		}
		for (size_t i = 0; i < NBINDS; i++) {
			if (binds[i].context != k)
				continue;
			int y = r.y + line++ - from;
			canvas_label(c, r.x, y, 16, STYLE_KEY, binds[i].keys);
			canvas_label(c, r.x + 18, y, r.w - 18, STYLE_TEXT, binds[i].help);
		}
	}
	canvas_unclip(c, old);
	return line;
}
