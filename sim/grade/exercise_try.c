/*
 * exercise_try: the scenario with everything that may be set, so that no student is the first to find out that it does not
 * fit.
 */
#include <string.h>

#include "sim/grade/exercise_impl.h"
#include "sim/measure/metrics.h"
#include "sim/scenario/keys.h"

enum { TRY_ALL = 16 };

bool exercise_knows(const struct exercise *ex, const char *name)
{
	for (size_t i = 0; i < ex->nparams; i++)
		if (!strcmp(ex->params[i].name, name))
			return true;
	for (size_t i = 0; i < ex->nkeys; i++)
		if (!strcmp(ex->keys[i].name, name))
			return true;
	return metric_find(name) >= 0 || (strchr(name, '.') && key_find(name) >= 0) ||
	       !strcmp(name, "duration");
}

/* One plan; complaints come with the place in the exercise. */
static bool try_sets(struct exercise_impl *im, const struct exercise *ex, struct src_pos pos,
	const char *what, const char *const *sets, size_t n)
{
	struct diags ds = {0};
	struct plan *p = plan_load(ex->data, ex->scenario, sets, n, &ds);
	bool ok = p != NULL;
	for (size_t i = 0; i < ds.n; i++)
		doc_error_at(&im->doc, 0, pos, 1, ds.d[i].hint, "%s does not fit the scenario: %s", what,
			ds.d[i].what);
	diags_fini(&ds);
	plan_free(p);
	return ok;
}

static void try_values(struct exercise_impl *im, const struct exercise *ex, struct src_pos pos,
	const char *path, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (n > TRY_ALL && i && i + 1 < n)
			continue; /* of a long range the two ends */
		const char *set = arena_fmt(&im->doc.arena, "%s=%s", path, values[i]);
		if (!try_sets(im, ex, pos, arena_fmt(&im->doc.arena, "`%s`", set), &set, 1))
			return;
	}
}

/* A timeline that changes what students may set would take it out of their hands. */
static void try_timeline(struct exercise_impl *im, const struct exercise *ex)
{
	const struct doc_node *tl = doc_get(im->scenario_root, "timeline");
	for (const struct doc_node *e = tl ? tl->first : NULL; e; e = e->next) {
		const struct doc_node *set = doc_get(e, "set");
		for (const struct doc_node *c = set ? set->first : NULL; c; c = c->next)
			for (size_t k = 0; k < ex->nkeys; k++)
				if (key_find(c->key) == key_find(ex->keys[k].path))
					doc_error_at(&im->doc, 0, ex->keys[k].pos, 1, NULL,
						"students may set `%s`, but the scenario's timeline sets it "
						"too",
						c->key);
	}
}

void exercise_try(struct exercise_impl *im, struct exercise *ex)
{
	struct src_pos top = doc_get(im->root, "scenario")->pos;
	if (!try_sets(im, ex, top, "the scenario", NULL, 0))
		return;
	for (size_t i = 0; i < ex->nvariants; i++)
		try_sets(im, ex, doc_get(im->root, "variants")->pos, ex->variants[i].id, ex->variants[i].sets,
			ex->variants[i].nsets);
	for (size_t i = 0; i < ex->nparams; i++)
		try_values(im, ex, ex->params[i].pos, ex->params[i].set, ex->params[i].values,
			ex->params[i].nvalues);
	for (size_t i = 0; i < ex->nkeys; i++) {
		const struct ex_key *k = &ex->keys[i];
		const char *const ends[] = {k->min, k->max};
		if (k->nchoices)
			try_values(im, ex, k->pos, k->path, k->choices, k->nchoices);
		for (size_t e = 0; e < 2; e++)
			if (*ends[e])
				try_values(im, ex, k->pos, k->path, &ends[e], 1);
	}
	try_timeline(im, ex);
}
