/*
 * plan: loading, and looking into a plan. The steps are described in plan_impl.h.
 */
#include "sim/scenario/plan.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/library.h"
#include "sim/scenario/plan_impl.h"
#include "sim/scenario/sets.h"
#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

static struct plan_impl *impl_new(const char *data)
{
	struct plan_impl *im = xcalloc(1, sizeof *im);
	doc_init(&im->doc, &im->own);
	im->data = data;
	return im;
}

static void impl_free(struct plan_impl *im)
{
	doc_fini(&im->doc);
	diags_fini(&im->own);
	xfree(im);
}

/* A file of a newer program is told apart from a wrong one; nothing else in it can be judged. */
static bool version_ok(struct plan_impl *im)
{
	const struct doc_node *v = doc_get(im->root, "backtalk");
	struct value_err e = {"", ""};
	uint64_t n;
	if (!v || v->kind != DOC_SCALAR || !value_count(v->text, &n, &e) || n <= 1)
		return true;
	doc_error(&im->doc, v, "a newer backtalk reads it",
		"this file is written in version %s of the scenario language, and this program knows version "
		"1",
		v->text);
	return false;
}

static bool shape_ok(struct plan_impl *im)
{
	if (im->root->kind != DOC_MAP) {
		doc_error(&im->doc, im->root, "it begins with `backtalk: 1`", "a scenario is a mapping");
		return false;
	}
	const struct doc_node *exercise = doc_get(im->root, "exercise");
	if (exercise && !doc_get(im->root, "scenario")) {
		doc_key_error(&im->doc, exercise, NULL, "this is an exercise, not a scenario");
		return false;
	}
	return version_ok(im);
}

static void fill(struct plan_impl *im, struct plan *p)
{
	struct value_err e = {"", ""};
	presets_expand(&im->doc, im->data, im->root);
	keys_check(&im->doc, im->root, 0);
	plan_take_names(im);
	plan_world(im, im->root, &p->cfg);
	p->id = plan_text(im->root, "", "scenario");
	p->title = plan_text(im->root, "", "title");
	p->summary = plan_text(im->root, "", "summary");
	p->seed = plan_int(im->root, "", "seed");
	p->technique = p->cfg.ngroups ? p->cfg.groups[0].technique : "";
	if (!value_id(p->id, &e))
		p->id = "";
	plan_story(im, p);
}

static struct plan *build(
	struct plan_impl *im, const char *name, const char *const *sets, size_t nsets, struct diags *ds)
{
	struct plan *p = arena_alloc(&im->doc.arena, sizeof *p);
	p->impl = im;
	p->file = arena_text(&im->doc.arena, name);
	const char **kept = arena_array(&im->doc.arena, nsets + 1, sizeof *kept);
	for (size_t i = 0; i < nsets; i++)
		kept[i] = arena_text(&im->doc.arena, sets[i]);
	p->sets = kept;
	p->nsets = nsets;
	if (im->root && shape_ok(im)) {
		bool sets_ok = true;
		for (size_t i = 0; i < nsets; i++)
			sets_ok = set_text(&im->doc, im->root, sets[i]) && sets_ok;
		fill(im, p);
	}
	if (!im->own.n)
		return p;
	diags_sort(&im->own);
	diags_move(ds, &im->own);
	impl_free(im);
	return NULL;
}

struct plan *plan_parse(const char *data, const char *name, const char *text, size_t len,
	const char *const *sets, size_t nsets, struct diags *ds)
{
	struct plan_impl *im = impl_new(data);
	if (len > DOC_BYTES_MAX)
		diags_add(&im->own, name, (struct src_pos){0, 0}, 1, NULL, "a scenario fits into a few pages",
			"the file is larger than %d bytes", DOC_BYTES_MAX);
	else
		im->root = doc_parse(&im->doc, doc_add_src(&im->doc, name, text, len));
	return build(im, name, sets, nsets, ds);
}

/* "lectures/first-look.yaml" of "first-look"; NULL after complaints. */
static char *shipped_path(const char *data, const char *id, struct diags *ds)
{
	struct value_err e = {"", ""};
	for (int k = LIBRARY_LECTURES; data && k <= LIBRARY_EXERCISES && value_id(id, &e); k++) {
		char *path = library_path(data, (enum library_kind)k, id);
		if (access(path, R_OK) == 0)
			return path;
		xfree(path);
	}
	struct library_names l;
	struct words_near near;
	library_list(data, LIBRARY_LECTURES, &l);
	words_near_init(&near, id);
	for (size_t i = 0; i < l.n; i++)
		words_near_try(&near, l.name[i]);
	char hint[160];
	if (near.best)
		snprintf(hint, sizeof hint, "did you mean `%s`?", near.best);
	else
		snprintf(hint, sizeof hint,
			"`backtalk list lectures` names them; a file is given by its path, ./%.60s.yaml", id);
	diags_add(ds, id, (struct src_pos){0, 0}, 1, NULL, hint, "there is no lecture of this name");
	library_names_fini(&l);
	return NULL;
}

/* The id stands in the file so that a copied file is noticed. */
static void check_file_name(struct plan_impl *im, const char *path)
{
	const struct doc_node *id = im->root ? doc_get(im->root, "scenario") : NULL;
	const char *base = strrchr(path, '/');
	base = base ? base + 1 : path;
	size_t n = strlen(base);
	if (!id || id->kind != DOC_SCALAR || n < 6 || strcmp(base + n - 5, ".yaml"))
		return;
	if (strlen(id->text) != n - 5 || memcmp(id->text, base, n - 5))
		doc_error(&im->doc, id, arena_fmt(&im->doc.arena, "scenario: %.*s", (int)n - 5, base),
			"the id is not the file's name");
}

/* An exercise stands for the scenario it runs: NAME.yaml beside it, else the lecture. NULL when it is no exercise. */
static char *exercise_scenario(const struct plan_impl *im, const char *path)
{
	const struct doc_node *name = im->root ? doc_get(im->root, "scenario") : NULL;
	const char *slash = strrchr(path, '/');
	struct value_err e = {"", ""};
	if (!name || !doc_get(im->root, "exercise") || name->kind != DOC_SCALAR || !value_id(name->text, &e))
		return NULL;
	size_t n = strlen(path) + strlen(name->text) + 8;
	char *beside = xmalloc(n);
	snprintf(beside, n, "%.*s%s.yaml", slash ? (int)(slash - path) + 1 : 0, path, name->text);
	if (access(beside, R_OK) == 0 || !im->data)
		return beside;
	xfree(beside);
	return library_path(im->data, LIBRARY_LECTURES, name->text);
}

struct plan *plan_load(
	const char *data, const char *path_or_id, const char *const *sets, size_t nsets, struct diags *ds)
{
	size_t n = strlen(path_or_id);
	bool is_path = strchr(path_or_id, '/') || (n > 5 && !strcmp(path_or_id + n - 5, ".yaml"));
	char *path = is_path ? xstrdup(path_or_id) : shipped_path(data, path_or_id, ds);
	if (!path)
		return NULL;
	struct plan_impl *im = impl_new(data);
	im->root = doc_read(&im->doc, path);
	char *instead = exercise_scenario(im, path);
	if (instead) {
		xfree(path);
		path = instead;
		im->root = doc_read(&im->doc, path);
	}
	if (im->root && im->root->kind == DOC_MAP)
		check_file_name(im, path);
	struct plan *p = build(im, path, sets, nsets, ds);
	xfree(path);
	return p;
}

void plan_free(struct plan *p)
{
	if (p)
		impl_free(p->impl);
}

const char *plan_value(const struct plan *p, const char *path)
{
	const struct plan_impl *im = p->impl;
	const struct doc_node *n = set_find(im->root, path);
	if (n)
		return n->kind == DOC_SCALAR ? n->text : NULL;
	int k = key_find(path);
	if (k < 0 || !*key_at((size_t)k)->dflt)
		return NULL;
	/* A default is in force only for a thing that exists: clients.NAME, boxes.NAME … */
	const char *first = strchr(path, '.'), *second = first ? strchr(first + 1, '.') : NULL;
	if (second) {
		char thing[160];
		snprintf(thing, sizeof thing, "%.*s", (int)(second - path), path);
		if (!set_find(im->root, thing))
			return NULL;
	}
	return key_at((size_t)k)->dflt;
}

struct src_pos plan_pos(const struct plan *p, const char *path)
{
	const struct plan_impl *im = p->impl;
	const struct doc_node *n = set_find(im->root, path);
	return n && n->src == 0 ? n->pos : (struct src_pos){0, 0};
}

/* ------------------------------------------------------------------------------------------------ techniques */

static void use_technique(struct plan_impl *im, const struct cfg *from, const char *technique, struct cfg *to)
{
	*to = *from;
	struct cfg_group *g = arena_array(&im->doc.arena, from->ngroups + 1, sizeof *g);
	if (from->ngroups)
		memcpy(g, from->groups, from->ngroups * sizeof *g);
	for (size_t i = 0; i < from->ngroups; i++)
		g[i].technique = technique;
	to->groups = g;
}

const struct cfg *plan_cfg_with(struct plan *p, const char *technique)
{
	struct plan_impl *im = p->impl;
	for (struct plan_variant *v = im->variants; v; v = v->next)
		if (!strcmp(v->technique, technique))
			return &v->cfg;
	assert(words_has(key_techniques, technique));
	struct plan_variant *v = arena_alloc(&im->doc.arena, sizeof *v);
	v->technique = arena_text(&im->doc.arena, technique);
	use_technique(im, &p->cfg, v->technique, &v->cfg);
	struct cfg_act *acts = arena_array(&im->doc.arena, p->cfg.nacts + 1, sizeof *acts);
	for (size_t i = 0; i < p->cfg.nacts; i++) {
		acts[i] = p->cfg.acts[i];
		if (!acts[i].cfg)
			continue;
		struct cfg *c = arena_alloc(&im->doc.arena, sizeof *c);
		use_technique(im, acts[i].cfg, v->technique, c);
		acts[i].cfg = c;
	}
	v->cfg.acts = acts;
	v->next = im->variants;
	im->variants = v;
	return &v->cfg;
}
