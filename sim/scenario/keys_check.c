/*
 * keys_check: a tree against the table of keys. Every complaint is made; nothing stops at the first.
 */
#include "sim/scenario/keys.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

/* The last segment of a path. */
static const char *tail(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot ? dot + 1 : path;
}

/* `i` is a direct child of `parent`? */
static bool is_child(int parent, size_t i)
{
	const char *name = tail(key_at(i)->path);
	return strcmp(name, "*") && key_child(parent, name) == (int)i;
}

const char *keys_hint(struct doc *d, int parent, const char *wrong)
{
	struct words_near near;
	words_near_init(&near, wrong);
	const char *all = "", *elsewhere = NULL;
	for (size_t i = 1; i < key_count(); i++) {
		const char *name = tail(key_at(i)->path);
		if (is_child(parent, i)) {
			words_near_try(&near, name);
			all = arena_fmt(&d->arena, "%s%s%s", all, *all ? ", " : "", name);
		} else if (!strcmp(name, wrong) && !elsewhere &&
			   (*key_at(i)->path == '@') == (*key_at((size_t)parent)->path == '@')) {
			elsewhere = key_at(i)->path;
		}
	}
	if (near.best)
		return arena_fmt(&d->arena, "did you mean `%s`?", near.best);
	if (elsewhere) {
		size_t n = strlen(elsewhere) - strlen(tail(elsewhere));
		return arena_fmt(
			&d->arena, "`%s` belongs under `%.*s`", wrong, n ? (int)n - 1 : 0, elsewhere);
	}
	return *all ? arena_fmt(&d->arena, "known here: %s", all) : NULL;
}

static const char *where(const struct key_def *k)
{
	return !*k->path                       ? "a scenario"
	       : !strcmp(k->path, "@exercise") ? "an exercise"
					       : k->path + (*k->path == '@');
}

static void check_map(struct doc *d, struct doc_node *n, int key)
{
	for (struct doc_node *c = n->first; c; c = c->next) {
		int k = key_child(key, c->key);
		if (k < 0)
			doc_key_error(d, c, keys_hint(d, key, c->key), "unknown key `%.80s` in %s", c->key,
				where(key_at((size_t)key)));
		else if (key_at((size_t)k)->flags & KEY_LATER)
			doc_key_error(d, c, NULL, "`%s` is not modelled yet", c->key);
		else
			keys_check(d, c, k);
	}
	for (size_t i = 1; i < key_count(); i++) {
		const struct key_def *k = key_at(i);
		if ((k->flags & KEY_REQ) && is_child(key, i) && !doc_get(n, tail(k->path)))
			doc_key_error(d, n, arena_fmt(&d->arena, "%s: %s", tail(k->path), k->help),
				"`%s` is missing", tail(k->path));
	}
}

static void check_names(struct doc *d, struct doc_node *n, int key)
{
	int k = key_child(key, "*");
	for (struct doc_node *c = n->first; c; c = c->next) {
		struct value_err e = {"", ""};
		if (key_at((size_t)key)->type == KEY_NAMES && !value_id(c->key, &e))
			doc_key_error(d, c, e.hint, "%s", e.what);
		keys_check(d, c, k);
	}
}

/* A mapping whose keys are free and whose values are single values. */
static void check_free_map(struct doc *d, struct doc_node *n, const struct key_def *k)
{
	for (struct doc_node *c = n->first; c; c = c->next)
		if (c->kind == DOC_MAP && k->type == KEY_TEXTS)
			doc_error(d, c, NULL, "expected a text");
}

static void wrong_kind(struct doc *d, struct doc_node *n, const struct key_def *k)
{
	static const char *const have[] = {"a single value", "a mapping", "a list"};
	char want[700];
	key_expects(k, want, sizeof want);
	if (n->kind == DOC_SCALAR && !*n->text && !n->quoted)
		doc_key_error(d, n, arena_fmt(&d->arena, "expected %s", want), "`%s` has no value",
			n->key ? n->key : "entry");
	else
		doc_error(d, n, arena_fmt(&d->arena, "expected %s", want), "%s cannot be %s", where(k),
			have[n->kind]);
}

static void check_scalar(struct doc *d, struct doc_node *n, const struct key_def *k)
{
	char what[256], hint[256];
	if (!*n->text && k->type != KEY_TEXT) {
		wrong_kind(d, n, k);
		return;
	}
	if (!key_value_ok(k, n->text, what, hint))
		doc_error(d, n, hint, "%s", what);
}

void keys_check(struct doc *d, struct doc_node *n, int key)
{
	const struct key_def *k = key_at((size_t)key);
	bool word = n->kind == DOC_SCALAR && *k->words && words_has(k->words, n->text);
	switch (k->type) {
	case KEY_MAP:
		if (n->kind == DOC_MAP)
			check_map(d, n, key);
		else if (!word)
			wrong_kind(d, n, k);
		return;
	case KEY_NAMES:
	case KEY_FREE:
		if (n->kind == DOC_MAP)
			check_names(d, n, key);
		else
			wrong_kind(d, n, k);
		return;
	case KEY_LIST:
		if (n->kind != DOC_LIST) {
			wrong_kind(d, n, k);
			return;
		}
		for (struct doc_node *c = n->first; c; c = c->next)
			keys_check(d, c, key_child(key, "*"));
		return;
	case KEY_VALUES:
	case KEY_TEXTS:
		if (n->kind == DOC_MAP)
			check_free_map(d, n, k);
		else
			wrong_kind(d, n, k);
		return;
	default:
		if (n->kind == DOC_SCALAR)
			check_scalar(d, n, k);
		else
			wrong_kind(d, n, k);
	}
}
