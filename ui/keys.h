/*
 * keys: which key does what, from the one table keys.def.
 */
#ifndef UI_KEYS_H
#define UI_KEYS_H

#include "ui/canvas.h"

/* A key: a code point, or one of these. */
enum {
	KEY_NONE_ = 0x110000, /* nothing arrived in time */
	KEY_RESIZED,          /* the size changed */
	KEY_GONE,             /* the terminal is gone, or a signal asks to end */
	KEY_LEFT_,
	KEY_RIGHT_,
	KEY_UP_,
	KEY_DOWN_,
	KEY_SLEFT_,
	KEY_SRIGHT_,
	KEY_PGUP_,
	KEY_PGDN_,
	KEY_HOME_,
	KEY_END_,
	KEY_STAB_,
	KEY_BS_,
	KEY_F_, /* KEY_F_ + 1 … KEY_F_ + 12 */
	KEY_LAST_ = KEY_F_ + 13,
};

enum key_context {
	KEYS_LADDER,
	KEYS_COMPARE,
	KEYS_BYTES,
	KEYS_WHY,
	KEYS_KNOBS,
	KEYS_QUESTION,
	KEYS_HELP,
	KEYS_NOTE,
	KEYS_INPUT,
	KEYS_MENU,
	KEYS_ANY,
	KEY_CONTEXTS
};

/* One action for each distinct name in keys.def; the list is written out so that a misspelt one does not build. */
enum action {
	ACT_NONE,
	ACT_PLAY,
	ACT_STEP,
	ACT_BACK,
	ACT_WHY,
	ACT_INSPECT,
	ACT_KNOBS,
	ACT_COMPARE,
	ACT_ODD,
	ACT_FIND,
	ACT_DEPTH1,
	ACT_DEPTH2,
	ACT_DEPTH3,
	ACT_DEPTH4,
	ACT_CLIENT_NEXT,
	ACT_CLIENT_PREV,
	ACT_CLIENT_WORST,
	ACT_TECH_NEXT,
	ACT_HOPS,
	ACT_PAN_LEFT,
	ACT_PAN_RIGHT,
	ACT_FIND_NEXT,
	ACT_FIND_PREV,
	ACT_QUESTION,
	ACT_OPEN,
	ACT_SOLO1,
	ACT_SOLO2,
	ACT_SOLO3,
	ACT_SOLO4,
	ACT_COUNTED,
	ACT_ROW_NEXT,
	ACT_ROW_PREV,
	ACT_FIELD_NEXT,
	ACT_FIELD_PREV,
	ACT_FIELD_PAGE_NEXT,
	ACT_FIELD_PAGE_PREV,
	ACT_FIELD_FIRST,
	ACT_FIELD_LAST,
	ACT_ZOOM,
	ACT_CLOSE,
	ACT_WHY_NEXT,
	ACT_WHY_PREV,
	ACT_WHY_GO,
	ACT_KNOB_NEXT,
	ACT_KNOB_PREV,
	ACT_VALUE_NEXT,
	ACT_VALUE_PREV,
	ACT_APPLY,
	ACT_TYPE,
	ACT_RESET,
	ACT_ANSWER_A,
	ACT_ANSWER_B,
	ACT_ANSWER_C,
	ACT_ANSWER_D,
	ACT_ANSWER_E,
	ACT_REVEAL,
	ACT_HIDE,
	ACT_HELP_DOWN,
	ACT_HELP_UP,
	ACT_COUNTED_NEXT,
	ACT_COUNTED_PREV,
	ACT_INPUT_OK,
	ACT_MENU_OPEN,
	ACT_MENU_COMPARE,
	ACT_MENU_NEXT,
	ACT_MENU_PREV,
	ACT_MENU_FILTER,
	ACT_LEFT,
	ACT_RIGHT,
	ACT_LEFT10,
	ACT_RIGHT10,
	ACT_STOP_NEXT,
	ACT_STOP_PREV,
	ACT_START,
	ACT_END,
	ACT_FASTER,
	ACT_SLOWER,
	ACT_SPEED1,
	ACT_THEME,
	ACT_CAPTION_BIG,
	ACT_BLANK,
	ACT_STILL,
	ACT_HELP,
	ACT_QUIT,
	ACT_QUIT_NOW,
	ACTIONS
};

struct key_bind {
	enum key_context context;
	enum action action;
	const char *keys, *label, *help, *word;
};

size_t keys_count(void);
const struct key_bind *keys_at(size_t i);
/* The key named by a word of the table ("Space", "PgDn", "C-c", "w"); 0 when there is none. */
uint32_t keys_code(const char *name, size_t n);
/* The action of a key in a context, else in ANY (not for INPUT), else ACT_NONE. */
enum action keys_action(enum key_context ctx, uint32_t key);
/* The footer: keys and labels of a context, then of ANY, whole entries only, as many as fit into w columns. */
void keys_footer(struct canvas *c, int x, int y, int w, enum key_context ctx);
/* All lines of the help of a context from line `from`; returns how many there are. */
int keys_help(struct canvas *c, struct rect r, enum key_context ctx, int from);
const char *keys_context_title(enum key_context ctx);

#endif
