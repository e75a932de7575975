/*
 * sets: walking a path through the tree and the table of keys at once.
 */
#include "sim/scenario/sets.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/keys.h"
#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

enum { SEGMENT_MAX = 80 };

struct walk {
	struct doc *d;
	const char *path;
	const struct doc_node *value;
	const struct set_at *at;
	unsigned done;
	bool failed;
};

/* Copies the next segment and returns what follows it (after the dot, or the end). */
static const char *segment(const char *s, char out[SEGMENT_MAX])
{
	size_t n = strcspn(s, ".");
	size_t c = n < SEGMENT_MAX ? n : SEGMENT_MAX - 1;
	memcpy(out, s, c);
	out[c] = 0;
	return s[n] ? s + n + 1 : s + n;
}

static void complain(struct walk *w, const char *seg, size_t span, const char *hint, const char *what)
{
	struct src_pos pos = w->at->pos;
	pos.col += (uint32_t)(seg - w->path);
	w->failed = true;
	doc_error_at(w->d, w->at->src, pos, (uint32_t)(span ? span : 1), hint, "%s", what);
}

/* A child of a mapping of names, or of a list: by name, by `name`, by number. */
static bool is_named(const struct doc_node *c, const char *name, uint32_t index)
{
	if (c->key)
		return !strcmp(c->key, name);
	const struct doc_node *n = doc_get(c, "name");
	char number[16];
	snprintf(number, sizeof number, "%u", index);
	return (n && n->kind == DOC_SCALAR && !strcmp(n->text, name)) || !strcmp(number, name);
}

static void unknown_name(struct walk *w, const struct doc_node *n, const char *seg, const char *name)
{
	struct words_near near;
	const char *all = "";
	words_near_init(&near, name);
	for (const struct doc_node *c = n->first; c; c = c->next) {
		const struct doc_node *named = c->key ? NULL : doc_get(c, "name");
		const char *s = c->key ? c->key : named && named->kind == DOC_SCALAR ? named->text : NULL;
		if (!s)
			continue;
		words_near_try(&near, s);
		all = arena_fmt(&w->d->arena, "%s%s%s", all, *all ? ", " : "", s);
	}
	const char *hint = near.best ? arena_fmt(&w->d->arena, "did you mean `%s`?", near.best)
			   : *all    ? arena_fmt(&w->d->arena, "there are: %s", all)
				     : NULL;
	complain(w, seg, strlen(name), hint, arena_fmt(&w->d->arena, "there is no `%s` in this file", name));
}

static void put_value(struct walk *w, struct doc_node *node, int key)
{
	const struct key_def *k = key_at((size_t)key);
	if (w->at->live && !(k->flags & KEY_LIVE)) {
		complain(w, w->path, strlen(w->path), "give another value with --set, or another scenario",
			arena_fmt(&w->d->arena, "%s cannot change while the world runs", k->path));
		return;
	}
	struct doc_node *v = doc_clone(w->d, w->value);
	doc_replace(node, v);
	w->done++;
}

static void walk(struct walk *w, struct doc_node *node, int key, const char *at);

static void walk_names(struct walk *w, struct doc_node *node, int key, const char *at)
{
	char name[SEGMENT_MAX];
	const char *rest = segment(at, name);
	uint32_t index = 0;
	bool found = false;
	for (struct doc_node *c = node->first; c; c = c->next, index++) {
		if (strcmp(name, "*") && !is_named(c, name, index))
			continue;
		found = true;
		walk(w, c, key_child(key, "*"), rest);
		if (w->failed)
			return;
	}
	if (!found)
		unknown_name(w, node, at, name);
}

static void walk_map(struct walk *w, struct doc_node *node, int key, const char *at)
{
	char name[SEGMENT_MAX];
	const char *rest = segment(at, name);
	int k = key_child(key, name);
	if (k < 0) {
		const char *in = key_at((size_t)key)->path;
		complain(w, at, strlen(name), keys_hint(w->d, key, name),
			arena_fmt(&w->d->arena, "unknown key `%s` in %s", name, *in ? in : "a scenario"));
		return;
	}
	struct doc_node *c = doc_get(node, name);
	enum key_type t = key_at((size_t)k)->type;
	if (c && c->kind == DOC_SCALAR && *rest && t == KEY_MAP) { /* a word in place of a mapping */
		struct doc_node *map = doc_new(w->d, DOC_MAP, c->src, c->pos);
		doc_replace(c, map);
	}
	if (!c) {
		c = doc_new(w->d,
			t == KEY_LIST                    ? DOC_LIST
			: t == KEY_MAP || t == KEY_NAMES ? DOC_MAP
							 : DOC_SCALAR,
			w->at->src, w->at->pos);
		c->key = arena_text(&w->d->arena, name);
		c->key_pos = w->at->pos;
		doc_append(node, c);
	}
	walk(w, c, k, rest);
}

static void walk(struct walk *w, struct doc_node *node, int key, const char *at)
{
	enum key_type t = key_at((size_t)key)->type;
	if (!*at) {
		put_value(w, node, key);
		return;
	}
	if (t == KEY_MAP && node->kind == DOC_MAP)
		walk_map(w, node, key, at);
	else if ((t == KEY_NAMES && node->kind == DOC_MAP) || (t == KEY_LIST && node->kind == DOC_LIST))
		walk_names(w, node, key, at);
	else
		complain(w, at, strlen(at), NULL,
			arena_fmt(&w->d->arena, "%s has nothing inside", key_at((size_t)key)->path));
}

unsigned set_path(struct doc *d, struct doc_node *root, const char *path, const struct doc_node *value,
	const struct set_at *at)
{
	struct walk w = {.d = d, .path = path, .value = value, .at = at};
	if (!*path || root->kind != DOC_MAP)
		complain(&w, path, 1, "for example clients.phones.options.heartbeat", "a path is missing");
	else
		walk(&w, root, 0, path);
	return w.failed ? 0 : w.done;
}

/* The value of a --set: YAML where it looks like a list, a mapping or a quoted text, else the text as it stands. */
static struct doc_node *value_of(struct doc *d, uint16_t src, const char *text, uint32_t col)
{
	if (strchr("[{\"'", *text) && *text) {
		/* Spaces in front keep the columns. */
		char *padded = arena_fmt(&d->arena, "%*s%s", (int)col - 1, "", text);
		struct doc_src whole = d->src[src];
		d->src[src].text = padded;
		d->src[src].len = strlen(padded);
		struct doc_node *n = doc_parse(d, src);
		d->src[src] = whole;
		return n;
	}
	struct doc_node *n = doc_new(d, DOC_SCALAR, src, (struct src_pos){1, col});
	n->text = arena_text(&d->arena, text);
	n->span = (uint32_t)strlen(text);
	return n;
}

static int64_t time_of(const struct doc_node *entry)
{
	struct value_err e = {"", ""};
	const struct doc_node *at = doc_get(entry, "at");
	int64_t ns = 0;
	return at && at->kind == DOC_SCALAR && value_duration(at->text, &ns, &e) ? ns : 0;
}

/* Puts an entry behind all that are not later than it. */
static void insert_by_time(struct doc_node *list, struct doc_node *entry)
{
	struct doc_node **at = &list->first;
	while (*at && time_of(*at) <= time_of(entry))
		at = &(*at)->next;
	if (!*at) {
		doc_append(list, entry);
		return;
	}
	entry->parent = list;
	entry->next = *at;
	*at = entry;
	list->n++;
}

/* "path+=[…]": the entries are added to those that are there. */
static bool append_text(
	struct doc *d, struct doc_node *root, const char *path, struct doc_node *value, uint16_t src)
{
	struct doc_node *list = set_find(root, path);
	int k = key_find(path);
	if (k < 0 || key_at((size_t)k)->type != KEY_LIST || value->kind != DOC_LIST || strchr(path, '*')) {
		doc_error_at(d, src, (struct src_pos){1, 1}, (uint32_t)strlen(path),
			"for example timeline+=[{at: 60s, cut: lte, for: 20s}]",
			"`+=` adds a list to a list");
		return false;
	}
	if (!list) {
		struct set_at at = {src, {1, 1}, false};
		return set_path(d, root, path, value, &at) > 0;
	}
	bool timeline = !strcmp(path, "timeline");
	for (struct doc_node *c = value->first, *next; c; c = next) {
		next = c->next;
		c->next = NULL;
		if (timeline)
			insert_by_time(list, c);
		else
			doc_append(list, c);
	}
	return true;
}

bool set_text(struct doc *d, struct doc_node *root, const char *text)
{
	uint16_t src = doc_add_src(d, "--set", text, strlen(text));
	const char *eq = strchr(text, '=');
	if (!eq) {
		doc_error_at(d, src, (struct src_pos){1, 1}, (uint32_t)strlen(text),
			"for example --set clients.phones.options.heartbeat=25s", "expected PATH=VALUE");
		return false;
	}
	bool more = eq > text && eq[-1] == '+';
	char *path = arena_textn(&d->arena, text, (size_t)(eq - text) - (more ? 1 : 0));
	struct doc_node *value = value_of(d, src, eq + 1, (uint32_t)(eq - text) + 2);
	if (more)
		return value && append_text(d, root, path, value, src);
	struct set_at at = {src, {1, 1}, false};
	return value && set_path(d, root, path, value, &at) > 0;
}

struct doc_node *set_find(const struct doc_node *root, const char *path)
{
	const struct doc_node *n = root;
	while (n && *path) {
		char name[SEGMENT_MAX];
		const struct doc_node *c = n->first;
		uint32_t index = 0;
		path = segment(path, name);
		while (c && strcmp(name, "*") && !is_named(c, name, index)) {
			c = c->next;
			index++;
		}
		n = c;
	}
	return (struct doc_node *)n;
}
