/*
 * submission: a mapping of allowed keys to values. Whatever is wrong with it makes it invalid, which is not the same as bad:
 * the student is told where and why, and no attempt need be lost.
 */
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/grade/exercise.h"
#include "sim/scenario/doc.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/words.h"

static int find_key(const struct exercise *ex, const char *name)
{
	for (size_t i = 0; i < ex->nkeys; i++)
		if (!strcmp(ex->keys[i].name, name))
			return (int)i;
	return -1;
}

static void forbidden(struct doc *d, const struct exercise *ex, const struct doc_node *c)
{
	struct words_near near;
	const char *all = "";
	words_near_init(&near, c->key);
	for (size_t i = 0; i < ex->nkeys; i++) {
		/* the last part alone is close enough: heartbeat for clients.phones.options.heartbeat */
		const char *dot = strrchr(ex->keys[i].name, '.');
		words_near_try(&near, ex->keys[i].name);
		if (!near.best && dot && words_distance(c->key, dot + 1) <= 1)
			near.best = ex->keys[i].name;
		all = arena_fmt(&d->arena, "%s%s%s", all, *all ? ", " : "", ex->keys[i].name);
	}
	doc_key_error(d, c,
		near.best ? arena_fmt(&d->arena, "did you mean `%s`?", near.best)
			  : arena_fmt(&d->arena, "allowed: %s", all),
		"`%.120s` cannot be set in this exercise", c->key);
}

static void check_choice(struct doc *d, const struct ex_key *k, const struct doc_node *c)
{
	struct words_near near;
	const char *all = "";
	words_near_init(&near, c->text);
	for (size_t i = 0; i < k->nchoices; i++) {
		if (!strcmp(k->choices[i], c->text))
			return;
		words_near_try(&near, k->choices[i]);
		all = arena_fmt(&d->arena, "%s%s%s", all, *all ? ", " : "", k->choices[i]);
	}
	doc_error(d, c,
		near.best ? arena_fmt(&d->arena, "did you mean `%s`?", near.best)
			  : arena_fmt(&d->arena, "one of: %s", all),
		"`%.80s` is not a choice for %s", c->text, k->name);
}

static void check_value(struct doc *d, const struct ex_key *k, const struct doc_node *c)
{
	char what[256], hint[256];
	if (c->kind != DOC_SCALAR) {
		doc_error(d, c, NULL, "%s takes one value, not %s", k->name,
			c->kind == DOC_MAP ? "a mapping" : "a list");
		return;
	}
	if (!*c->text) {
		doc_key_error(d, c, "leave the line out to keep the scenario's own value",
			"`%s` has no value", k->name);
		return;
	}
	if (k->nchoices) {
		check_choice(d, k, c);
		return;
	}
	/* The range is the exercise's, the type and its words are the scenario's. */
	int in_scenario = key_find(k->path);
	struct key_def def = {.path = k->name,
		.type = (enum key_type)k->type,
		.words = "",
		.later = "",
		.min = k->min,
		.max = k->max,
		.dflt = "",
		.concerns = "",
		.help = ""};
	if (in_scenario >= 0 && key_at((size_t)in_scenario)->type == def.type) {
		def.words = key_at((size_t)in_scenario)->words;
		def.later = key_at((size_t)in_scenario)->later;
	}
	if (!key_value_ok(&def, c->text, what, hint)) {
		doc_error(d, c, hint, "%s", what);
		return;
	}
	/* Within the exercise's range, but perhaps not within the language's. */
	if (in_scenario >= 0 && !key_value_ok(key_at((size_t)in_scenario), c->text, what, hint))
		doc_error(d, c, hint, "%s", what);
}

static bool take(
	struct doc *d, const struct exercise *ex, const struct doc_node *root, struct submission *out)
{
	if (!root)
		return false;
	if (root->kind != DOC_MAP) {
		doc_error(d, root, "for example `clients.phones.options.heartbeat: 25s`",
			"a submission is a mapping of keys to values");
		return false;
	}
	size_t bytes = 0;
	for (const struct doc_node *c = root->first; c; c = c->next) {
		int i = find_key(ex, c->key);
		if (i < 0)
			forbidden(d, ex, c);
		else
			check_value(d, &ex->keys[i], c);
		bytes += strlen(c->text) + 1;
	}
	if (d->ds->n)
		return false;
	out->n = ex->nkeys;
	out->value = xcalloc(ex->nkeys + 1, sizeof *out->value);
	out->store = xmalloc(bytes + 1);
	char *at = out->store;
	for (const struct doc_node *c = root->first; c; c = c->next) {
		size_t n = strlen(c->text) + 1;
		memcpy(at, c->text, n);
		out->value[find_key(ex, c->key)] = at;
		at += n;
	}
	return true;
}

bool submission_parse(const struct exercise *ex, const char *name, const char *text, size_t len,
	struct submission *out, struct diags *ds)
{
	struct diags own = {0};
	struct doc d;
	memset(out, 0, sizeof *out);
	doc_init(&d, &own);
	d.allow_empty = true;
	bool ok = take(&d, ex, doc_parse(&d, doc_add_src(&d, name, text, len)), out);
	diags_sort(&own);
	diags_move(ds, &own);
	doc_fini(&d);
	return ok;
}

bool submission_read(const struct exercise *ex, const char *path, struct submission *out, struct diags *ds)
{
	struct diags own = {0};
	struct doc d;
	memset(out, 0, sizeof *out);
	doc_init(&d, &own);
	d.allow_empty = true;
	bool ok = take(&d, ex, doc_read(&d, path), out);
	diags_sort(&own);
	diags_move(ds, &own);
	doc_fini(&d);
	return ok;
}

void submission_fini(struct submission *s)
{
	xfree(s->value);
	xfree(s->store);
	memset(s, 0, sizeof *s);
}
