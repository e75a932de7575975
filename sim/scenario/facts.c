/*
 * facts: the table, and the two tables of the documentation that are written from tables of the program.
 */
#include "sim/scenario/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/scenario/keys.h"

static const struct fact facts[] = {
#define F(id, what, value, source) {id, what, value, source},
#include "sim/scenario/facts.def"
#undef F
};

size_t fact_count(void)
{
	return sizeof facts / sizeof *facts;
}

const struct fact *fact_at(size_t i)
{
	return &facts[i];
}

struct text {
	char *s;
	size_t n, cap;
};

/* Appends a text; in a cell of a table a bar would end the cell. */
static void put(struct text *t, const char *s, int cell)
{
	size_t n = strlen(s);
	if (t->n + 2 * n + 1 > t->cap) {
		t->cap = (t->n + 2 * n + 1) * 2;
		t->s = xrealloc(t->s, t->cap);
	}
	for (; *s; s++) {
		if (cell && *s == '|')
			t->s[t->n++] = '\\';
		t->s[t->n++] = *s;
	}
	t->s[t->n] = 0;
}

char *facts_markdown(void)
{
	struct text t = {NULL, 0, 0};
	put(&t, "| Id | What | Value | Source |\n|---|---|---|---|\n", 0);
	for (size_t i = 0; i < fact_count(); i++) {
		const char *const cells[] = {facts[i].id, facts[i].what, facts[i].value, facts[i].source};
		for (size_t c = 0; c < 4; c++) {
			put(&t, "| ", 0);
			put(&t, cells[c], 1);
			put(&t, " ", 0);
		}
		put(&t, "|\n", 0);
	}
	return t.s;
}

char *keys_markdown(void)
{
	struct text t = {NULL, 0, 0};
	put(&t, "| Key | Value | Default | Meaning |\n|---|---|---|---|\n", 0);
	for (size_t i = 1; i < key_count(); i++) {
		const struct key_def *k = key_at(i);
		char expects[700];
		if (!strcmp(k->path, "@exercise")) {
			put(&t, "\n| Key of an exercise | Value | Default | Meaning |\n|---|---|---|---|\n",
				0);
			continue;
		}
		key_expects(k, expects, sizeof expects);
		put(&t, "| `", 0);
		put(&t, k->path + (*k->path == '@' ? strlen("@exercise.") : 0), 0);
		put(&t, k->flags & KEY_REQ ? "` (required) | " : "` | ", 0);
		put(&t, expects, 1);
		put(&t, *k->dflt ? " | `" : " | ", 0);
		put(&t, k->dflt, 1);
		put(&t, *k->dflt ? "` | " : " | ", 0);
		put(&t, k->help, 1);
		if (*k->concerns) {
			put(&t, " Concerns ", 0);
			for (const char *c = k->concerns; *c; c++)
				put(&t, *c == '|' ? ", " : (char[]){*c, 0}, 0);
			put(&t, ".", 0);
		}
		put(&t, " |\n", 0);
	}
	return t.s;
}
