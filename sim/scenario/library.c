/*
 * library: listing the shipped files, and presets.
 */
#include "sim/scenario/library.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

static const char *const folders[] = {"lectures", "exercises", "presets"};

char *library_path(const char *data, enum library_kind kind, const char *name)
{
	const char *end = kind == LIBRARY_EXERCISES ? "/exercise.yaml" : ".yaml";
	size_t n = strlen(data) + strlen(name) + 64;
	char *p = xmalloc(n);
	snprintf(p, n, "%s/%s/%s%s", data, folders[kind], name, end);
	return p;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void take_name(const char *data, enum library_kind kind, const char *entry, struct library_names *out)
{
	size_t n = strlen(entry);
	if (kind != LIBRARY_EXERCISES) {
		if (n < 6 || strcmp(entry + n - 5, ".yaml"))
			return;
		n -= 5;
	}
	char *name = xmalloc(n + 1);
	memcpy(name, entry, n);
	name[n] = 0;
	char *path = library_path(data, kind, name);
	struct value_err e = {"", ""};
	if (value_id(name, &e) && access(path, R_OK) == 0) {
		out->name = xrealloc(out->name, (out->n + 1) * sizeof *out->name);
		out->name[out->n++] = name;
	} else {
		xfree(name);
	}
	xfree(path);
}

void library_list(const char *data, enum library_kind kind, struct library_names *out)
{
	out->name = NULL;
	out->n = 0;
	if (!data)
		return;
	size_t n = strlen(data) + 32;
	char *folder = xmalloc(n);
	snprintf(folder, n, "%s/%s", data, folders[kind]);
	DIR *dir = opendir(folder);
	xfree(folder);
	if (!dir)
		return;
	const struct dirent *e;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			take_name(data, kind, e->d_name, out);
	closedir(dir);
	if (out->n)
		qsort(out->name, out->n, sizeof *out->name, by_name);
}

void library_names_fini(struct library_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		xfree(l->name[i]);
	xfree(l->name);
	l->name = NULL;
	l->n = 0;
}

/* ------------------------------------------------------------------------------------------------ presets */

static const char *text_of(const struct doc_node *map, const char *key)
{
	const struct doc_node *n = doc_get(map, key);
	return n && n->kind == DOC_SCALAR ? n->text : "";
}

static bool preset_keys_ok(struct doc *d, struct doc_node *root)
{
	static const char *const known[] = {"backtalk", "preset", "for", "title", "source", "values"};
	size_t before = d->ds->n;
	for (struct doc_node *c = root->first; c; c = c->next) {
		bool ok = false;
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			ok = ok || !strcmp(known[i], c->key);
		if (!ok)
			doc_key_error(d, c, "known here: backtalk, preset, for, title, source, values",
				"unknown key `%.80s`", c->key);
	}
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!doc_get(root, known[i]))
			doc_error(d, root, NULL, "`%s` is missing", known[i]);
	return d->ds->n == before;
}

bool preset_read(struct doc *d, const char *path, struct preset *out)
{
	memset(out, 0, sizeof *out);
	size_t before = d->ds->n;
	struct doc_node *root = doc_read(d, path);
	if (!root)
		return false;
	if (root->kind != DOC_MAP) {
		doc_error(d, root, NULL, "a preset is a mapping");
		return false;
	}
	if (!preset_keys_ok(d, root))
		return false;
	*out = (struct preset){text_of(root, "preset"), text_of(root, "for"), text_of(root, "title"),
		text_of(root, "source"), doc_get(root, "values")};
	if (strcmp(text_of(root, "backtalk"), "1"))
		doc_error(d, doc_get(root, "backtalk"), NULL,
			"this program knows version 1 of the scenario language");
	if (!words_has("networks|boxes", out->applies_to)) {
		doc_error(d, doc_get(root, "for"), "networks or boxes", "`%.80s` has no presets",
			out->applies_to);
		return false;
	}
	if (out->values->kind != DOC_MAP) {
		doc_error(d, out->values, NULL, "expected a mapping");
		return false;
	}
	int parent = key_find(strcmp(out->applies_to, "boxes") ? "networks.*" : "boxes.*");
	keys_check(d, out->values, parent);
	return d->ds->n == before;
}

static void unknown_preset(struct doc *d, const char *data, const struct doc_node *at)
{
	struct library_names l;
	struct words_near near;
	library_list(data, LIBRARY_PRESETS, &l);
	words_near_init(&near, at->text);
	const char *all = "";
	for (size_t i = 0; i < l.n; i++) {
		words_near_try(&near, l.name[i]);
		all = arena_fmt(&d->arena, "%s%s%s", all, *all ? ", " : "", l.name[i]);
	}
	if (near.best)
		doc_error(d, at, arena_fmt(&d->arena, "did you mean `%s`?", near.best),
			"unknown preset `%.80s`", at->text);
	else
		doc_error(d, at,
			*all ? arena_fmt(&d->arena, "there are: %s", all) : "no presets are installed",
			"unknown preset `%.80s`", at->text);
	library_names_fini(&l);
}

static void expand(struct doc *d, const char *data, struct doc_node *map, const char *section)
{
	struct doc_node *at = doc_get(map, "preset");
	if (!at || at->kind != DOC_SCALAR)
		return;
	struct value_err e = {"", ""};
	char *path = data && value_id(at->text, &e) ? library_path(data, LIBRARY_PRESETS, at->text) : NULL;
	if (!path || access(path, R_OK)) {
		unknown_preset(d, data, at);
		xfree(path);
		return;
	}
	struct preset p;
	bool ok = preset_read(d, path, &p);
	xfree(path);
	if (!ok)
		return;
	if (strcmp(p.applies_to, section)) {
		doc_error(d, at, NULL, "the preset `%s` is for %s, not for %s", at->text, p.applies_to,
			section);
		return;
	}
	for (struct doc_node *v = p.values->first, *next; v; v = next) {
		next = v->next;
		if (!doc_get(map, v->key))
			doc_append(map, doc_clone(d, v));
	}
}

void presets_expand(struct doc *d, const char *data, struct doc_node *root)
{
	static const char *const sections[] = {"networks", "boxes"};
	for (size_t i = 0; i < 2; i++) {
		struct doc_node *s = doc_get(root, sections[i]);
		for (struct doc_node *c = s && s->kind == DOC_MAP ? s->first : NULL; c; c = c->next)
			if (c->kind == DOC_MAP)
				expand(d, data, c, sections[i]);
	}
}
