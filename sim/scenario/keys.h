/*
 * keys: the scenario language as a table (keys.def), and checking a tree against it.
 */
#ifndef SIM_SCENARIO_KEYS_H
#define SIM_SCENARIO_KEYS_H

#include "sim/scenario/doc.h"

enum key_type {
	KEY_MAP,      /* the keys of the table under this path */
	KEY_NAMES,    /* names given by the file, each with what `path.*` says */
	KEY_FREE,     /* as NAMES, but any text is a name */
	KEY_LIST,     /* entries, each with what `path.*` says */
	KEY_TEXT,     /* for people */
	KEY_ID,       /* a name, see value_id */
	KEY_INT,      /* a whole number */
	KEY_NUMBER,   /* up to three decimals */
	KEY_DUR,      /* 30s */
	KEY_BPS,      /* 10Mbit/s */
	KEY_SHARE,    /* 0.5% */
	KEY_BYTES,    /* 200B */
	KEY_RATE,     /* 1/45s */
	KEY_BOOL,     /* true, false */
	KEY_WORD,     /* one of `words` */
	KEY_TECH,     /* a technique */
	KEY_PRESET,   /* the id of a preset */
	KEY_NET,      /* the name of a network */
	KEY_HOP,      /* of a network or box */
	KEY_LINKAGE,  /* of a network or box */
	KEY_MACHINE,  /* of a server or box */
	KEY_SERVER,   /* of a server */
	KEY_GROUP,    /* of a client group, or one of `words` */
	KEY_QUESTION, /* the id of a question */
	KEY_PATH,     /* path of a key of this file */
	KEY_VALUES,   /* mapping of paths to values */
	KEY_TEXTS,    /* mapping of texts to texts */
	KEY_SCALAR,   /* any single value */
	KEY_HEADER,   /* a header line */
	KEY_TARGET,   /* a request target */
	KEY_EXPECT,   /* an expectation */
};

enum {
	KEY_REQ = 1u << 0,
	KEY_LIVE = 1u << 1,
	KEY_LATER = 1u << 2,
};

struct key_def {
	const char *path;
	enum key_type type;
	const char *words, *later, *min, *max, *dflt;
	unsigned flags;
	const char *concerns, *help;
};

size_t key_count(void);
const struct key_def *key_at(size_t i);
/* The key of an exact pattern ("clients.*.options"), or of a concrete path ("clients.phones.options"); -1 if none. */
int key_find(const char *path);
/* The key under `parent` with this name (a mapping's own key; any name where `*` stands); -1 if there is none. */
int key_child(int parent, const char *name);
/* "a duration", "a list" … for messages and documents. */
const char *key_type_name(enum key_type t);
/* "a duration from 1s to 7d, or `none`" into `out`. */
void key_expects(const struct key_def *k, char *out, size_t cap);

/* The techniques that can be run, "polling|long-polling|…", and those that cannot yet. */
extern const char key_techniques[], key_techniques_later[];

/* Is `text` a right value for the key, names of the file apart? Otherwise fills `what` and `hint` (sentences). */
bool key_value_ok(const struct key_def *k, const char *text, char what[256], char hint[256]);

/* Checks a tree against the table from key `key` downwards: unknown keys, wrong kinds, wrong values, missing keys.
 * Names of things (networks, groups …) are not looked up here. */
void keys_check(struct doc *d, struct doc_node *n, int key);

/* The names of the siblings of an unknown key, nearest first or all, as a hint. Arena of `d`. */
const char *keys_hint(struct doc *d, int parent, const char *wrong);

#endif
