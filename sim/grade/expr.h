/*
 * expr: conditions over a student's values. Used by `needs` and by the `when` of recognised mistakes.
 *
 *   or    := and { "or" and }            and  := not { "and" not }          not := [ "not" ] cmp
 *   cmp   := sum [ < <= = == >= > != sum ]
 *   sum   := prod { + - prod }           prod := atom { * / atom }
 *   atom  := ( or ) | 30s | 5% | 0.5 | 10/s | name
 *
 * A name is a key of the scenario, a parameter, a metric, a rubric item, or else a plain word (`none`, `websocket`). A `-`
 * inside a name belongs to it, so a minus stands between blanks. Durations count in ns, shares 0..1, sizes in bytes.
 * A comparison with something that has no value there (a heartbeat of `none` with 30s, a metric without messages) is
 * false; only = and != look at words.
 */
#ifndef SIM_GRADE_EXPR_H
#define SIM_GRADE_EXPR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum expr_type { EXPR_NONE, EXPR_NUMBER, EXPR_WORD, EXPR_BOOL };

struct expr_value {
	enum expr_type type;
	double number;
	bool truth;
	char word[96];
};

struct expr;

/* Looks a name up while parsing (`out` NULL: is there such a name?) or evaluating. False: no such name. */
struct expr_names {
	bool (*look)(void *ctx, const char *name, struct expr_value *out);
	void *ctx;
};

/* Parses; NULL with a sentence and the offset of the trouble. Freed with expr_free. */
struct expr *expr_parse(const char *text, char err[160], size_t *err_off);
void expr_free(struct expr *e);
/* The i-th name that stands in it with its offset, NULL at the end. */
const char *expr_name(const struct expr *e, size_t i, size_t *off);
/* Is the i-th name compared with = or != only, so that a plain word makes sense there? */
bool expr_name_is_word(const struct expr *e, size_t i);
bool expr_true(const struct expr *e, const struct expr_names *names);
/* Reads "30s", "5%", "200B", "10Mbit/s", "1/45s", "0.5"; anything else is a word. */
void expr_read(const char *text, struct expr_value *out);

#endif
