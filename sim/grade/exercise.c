/*
 * exercise: reading the file. What a single value must look like is in the table of keys (paths beginning with @exercise);
 * here is what they mean together: ranges become lists of values, metrics and conditions are parsed, and the scenario is
 * tried with everything that can be set.
 */
#include "sim/grade/exercise.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"
#include "sim/grade/exercise_impl.h"
#include "sim/measure/metrics.h"
#include "sim/scenario/doc.h"
#include "sim/scenario/expect.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/library.h"
#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

#define ALLOC(im, n, type) ((type *)arena_array(&(im)->doc.arena, (n) ? (n) : 1, sizeof(type)))

static const struct doc_node *child(const struct doc_node *map, const char *key, enum doc_kind kind)
{
	const struct doc_node *n = doc_get(map, key);
	return n && n->kind == kind ? n : NULL;
}

static const char *text_of(const struct doc_node *map, const char *key, const char *dflt)
{
	const struct doc_node *n = child(map, key, DOC_SCALAR);
	return n && *n->text ? n->text : dflt;
}

static uint64_t count_of(const struct doc_node *map, const char *key, uint64_t dflt)
{
	struct value_err e = {"", ""};
	uint64_t v;
	return value_count(text_of(map, key, ""), &v, &e) ? v : dflt;
}

static size_t limited(struct exercise_impl *im, const struct doc_node *s, size_t max)
{
	if (s && s->n > max) {
		doc_key_error(&im->doc, s, NULL, "more than %zu entries", max);
		return 0;
	}
	return s ? s->n : 0;
}

static const char *const *texts(struct exercise_impl *im, const struct doc_node *list, size_t *n)
{
	*n = 0;
	const char **out = ALLOC(im, list ? list->n : 0, const char *);
	for (const struct doc_node *c = list ? list->first : NULL; c; c = c->next)
		if (c->kind == DOC_SCALAR && *c->text)
			out[(*n)++] = c->text;
	return out;
}

/* ------------------------------------------------------------------------------------------------ student keys */

static int type_of(const char *word, int in_scenario)
{
	static const int types[] = {
		KEY_DUR, KEY_INT, KEY_NUMBER, KEY_SHARE, KEY_BYTES, KEY_BPS, KEY_WORD, KEY_BOOL};
	int i = words_index("duration|count|number|share|size|rate|word|flag", word);
	if (i >= 0)
		return types[i];
	return in_scenario >= 0 ? (int)key_at((size_t)in_scenario)->type : KEY_SCALAR;
}

static void read_key(struct exercise_impl *im, const struct doc_node *c, struct ex_key *o)
{
	memset(o, 0, sizeof *o);
	o->name = c->key;
	o->pos = c->key_pos;
	o->path = text_of(c, "set", strcmp(c->key, "technique") ? c->key : "clients.*.technique");
	o->choices = texts(im, child(c, "choices", DOC_LIST), &o->nchoices);
	o->min = text_of(c, "min", "");
	o->max = text_of(c, "max", "");
	int k = key_find(o->path);
	o->type = type_of(text_of(c, "type", ""), k);
	if (k < 0) {
		doc_key_error(&im->doc, c, "a path of the scenario, or `set: PATH`",
			"`%.120s` is not a key of the scenario language", o->path);
		return;
	}
	if (strchr(o->path, '*') && !strchr(key_at((size_t)k)->path, '*'))
		doc_key_error(&im->doc, c, NULL, "`%s` does not fit", o->path);
	char what[256], hint[256];
	struct key_def def = *key_at((size_t)k);
	def.type = (enum key_type)o->type;
	def.min = def.max = "";
	const char *const bounds[] = {"min", "max"};
	for (size_t i = 0; i < 2; i++) {
		const struct doc_node *b = child(c, bounds[i], DOC_SCALAR);
		if (b && !key_value_ok(&def, b->text, what, hint))
			doc_error(&im->doc, b, hint, "%s", what);
	}
	if (o->nchoices && (*o->min || *o->max))
		doc_key_error(&im->doc, c, NULL, "`choices` and a range exclude each other");
}

static void read_keys(struct exercise_impl *im, struct exercise *ex)
{
	const struct doc_node *s = child(child(im->root, "student", DOC_MAP), "keys", DOC_MAP);
	size_t n = limited(im, s, EXERCISE_KEYS_MAX);
	struct ex_key *k = ALLOC(im, n, struct ex_key);
	for (const struct doc_node *c = n ? s->first : NULL; c; c = c->next)
		if (c->kind == DOC_MAP)
			read_key(im, c, &k[ex->nkeys++]);
	ex->keys = k;
}

/* ------------------------------------------------------------------------------------------------ parameters */

/* The values of a range as texts in the unit of its step: 40ms, 50ms … */
static void read_range(struct exercise_impl *im, const struct doc_node *c, struct ex_param *o)
{
	const struct doc_node *r = child(c, "range", DOC_LIST), *s = child(c, "step", DOC_SCALAR);
	struct value_err e = {"", ""};
	if (r->n != 2 || !s) {
		doc_error(&im->doc, c, "range: [40ms, 180ms], step: 10ms",
			"a range has two values and a `step`");
		return;
	}
	int64_t lo = 0, hi = 0, step = 0;
	uint64_t ulo = 0, uhi = 0, ustep = 0;
	bool dur = value_duration(r->first->text, &lo, &e) && value_duration(r->last->text, &hi, &e) &&
		   value_duration(s->text, &step, &e);
	if (!dur) {
		if (!value_count(r->first->text, &ulo, &e) || !value_count(r->last->text, &uhi, &e) ||
			!value_count(s->text, &ustep, &e) || uhi > INT64_MAX || ustep > INT64_MAX) {
			doc_error(&im->doc, r, "other values can be listed with `pick`",
				"a range is of durations or of counts");
			return;
		}
		lo = (int64_t)ulo, hi = (int64_t)uhi, step = (int64_t)ustep;
	}
	if (step <= 0 || hi < lo || (hi - lo) / step >= EXERCISE_VALUES_MAX) {
		doc_error(&im->doc, r, NULL, "the range has no values, or more than %d", EXERCISE_VALUES_MAX);
		return;
	}
	o->nvalues = (size_t)((hi - lo) / step) + 1;
	const char **v = ALLOC(im, o->nvalues, const char *);
	for (size_t i = 0; i < o->nvalues; i++) {
		char t[40];
		if (dur)
			value_duration_text(lo + (int64_t)i * step, t, sizeof t);
		else
			snprintf(t, sizeof t, "%lld", (long long)(lo + (int64_t)i * step));
		v[i] = arena_text(&im->doc.arena, t);
	}
	o->values = v;
}

static void read_param(struct exercise_impl *im, const struct doc_node *c, struct ex_param *o)
{
	const struct doc_node *pick = child(c, "pick", DOC_LIST), *range = child(c, "range", DOC_LIST);
	memset(o, 0, sizeof *o);
	o->name = c->key;
	o->pos = c->key_pos;
	o->set = text_of(c, "set", "");
	if (!pick == !range)
		doc_key_error(&im->doc, c, NULL, "a parameter has either `pick` or `range`");
	else if (pick)
		o->values = texts(im, pick, &o->nvalues);
	else
		read_range(im, c, o);
	if (pick && !o->nvalues)
		doc_error(&im->doc, pick, NULL, "nothing to pick from");
}

static void read_params(struct exercise_impl *im, struct exercise *ex)
{
	const struct doc_node *s = child(im->root, "params", DOC_MAP);
	size_t n = limited(im, s, EXERCISE_PARAMS_MAX);
	struct ex_param *p = ALLOC(im, n, struct ex_param);
	for (const struct doc_node *c = n ? s->first : NULL; c; c = c->next)
		if (c->kind == DOC_MAP)
			read_param(im, c, &p[ex->nparams++]);
	ex->params = p;
}

/* ------------------------------------------------------------------------------------------------ variants */

static void read_variant(struct exercise_impl *im, const struct doc_node *c, struct ex_variant *o)
{
	const struct doc_node *set = child(c, "set", DOC_MAP), *timeline = child(c, "timeline", DOC_LIST);
	int show = words_index("always|after-due|after-published|never", text_of(c, "show", "always"));
	memset(o, 0, sizeof *o);
	o->id = text_of(c, "id", "");
	o->label = text_of(c, "label", "");
	o->show = show < 0 ? SHOW_ALWAYS : (enum grade_show)show;
	o->seeds = (unsigned)count_of(c, "seeds", 5);
	o->weight = (unsigned)count_of(c, "weight", 1);
	const char **sets = ALLOC(im, (set ? set->n : 0) + 1, const char *);
	for (const struct doc_node *v = set ? set->first : NULL; v; v = v->next)
		sets[o->nsets++] = arena_fmt(&im->doc.arena, "%s=%s", v->key,
			v->kind == DOC_SCALAR ? v->text : doc_flow(&im->doc, v));
	if (timeline)
		sets[o->nsets++] = arena_fmt(&im->doc.arena, "timeline+=%s", doc_flow(&im->doc, timeline));
	o->sets = sets;
	if (o->show != SHOW_ALWAYS && !*o->label)
		doc_error(&im->doc, c, "label: what students may be told, such as `a burst of lost coverage`",
			"a hidden variant needs a `label`");
}

static void read_variants(struct exercise_impl *im, struct exercise *ex)
{
	const struct doc_node *s = child(im->root, "variants", DOC_LIST);
	size_t n = limited(im, s, EXERCISE_VARIANTS_MAX);
	struct ex_variant *v = ALLOC(im, n, struct ex_variant);
	for (const struct doc_node *c = n ? s->first : NULL; c; c = c->next) {
		if (c->kind != DOC_MAP)
			continue;
		read_variant(im, c, &v[ex->nvariants]);
		for (size_t i = 0; i < ex->nvariants; i++)
			if (!strcmp(v[i].id, v[ex->nvariants].id))
				doc_error(&im->doc, c, NULL, "a second variant `%s`", v[i].id);
		ex->nvariants++;
	}
	if (s && !s->n)
		doc_key_error(&im->doc, s, NULL, "there must be at least one variant");
	ex->variants = v;
}

/* ------------------------------------------------------------------------------------------------ rubric, mistakes */

/* An expression with names that mean something. `items`: how many rubric items may be named. */
static struct expr *read_expr(
	struct exercise_impl *im, const struct exercise *ex, const struct doc_node *n, size_t items)
{
	char err[160];
	size_t off;
	struct src_pos pos = n->pos;
	struct expr *e = expr_parse(n->text, err, &off);
	pos.col += (uint32_t)off + (n->quoted ? 1 : 0);
	if (!e) {
		doc_error_at(&im->doc, n->src, pos, 1, "for example `heartbeat >= 30s and delivered < 90%`",
			"%s", err);
		return NULL;
	}
	im->exprs = xrealloc(im->exprs, (im->nexprs + 1) * sizeof *im->exprs);
	im->exprs[im->nexprs++] = e;
	const char *name;
	for (size_t i = 0; (name = expr_name(e, i, &off)); i++) {
		bool known = expr_name_is_word(e, i) || exercise_knows(ex, name);
		for (size_t k = 0; k < items && k < ex->nitems; k++)
			known = known || !strcmp(ex->items[k].id, name);
		pos = n->pos;
		pos.col += (uint32_t)off + (n->quoted ? 1 : 0);
		if (!known)
			doc_error_at(&im->doc, n->src, pos, (uint32_t)strlen(name),
				"a key of the scenario, a parameter, a metric or a rubric item",
				"unknown name `%s`", name);
	}
	return e;
}

static void read_bound(
	struct exercise_impl *im, const struct doc_node *c, const char *key, int metric, double *out)
{
	char what[256], hint[256];
	const struct doc_node *n = child(c, key, DOC_SCALAR);
	if (n && metric >= 0 && !expect_value(metric, n->text, out, what, hint))
		doc_error(&im->doc, n, hint, "%s", what);
}

/* "metric [of GROUP] [since TIME]": the expectation language without its comparison. */
static void read_metric(struct exercise_impl *im, const struct doc_node *c, struct ex_item *o)
{
	const struct doc_node *n = child(c, "metric", DOC_SCALAR);
	o->metric_id = -1;
	o->metric_text = n ? n->text : "";
	if (!n || !*n->text)
		return;
	struct doc_node copy = *n;
	copy.text = arena_fmt(&im->doc.arena, "%s >= 0", n->text);
	if (!expect_parse(&im->doc, im->scenario_root, &copy, &o->metric))
		return;
	if (o->metric.under)
		doc_error(&im->doc, n, NULL, "the technique is the student's: `under` has no place here");
	o->metric_id = metric_find(o->metric.metric);
}

static void read_item(
	struct exercise_impl *im, struct exercise *ex, const struct doc_node *c, struct ex_item *o)
{
	const struct doc_node *needs = child(c, "needs", DOC_SCALAR);
	int over = words_index("worst-seed|mean|median|p95", text_of(c, "over", "mean"));
	memset(o, 0, sizeof *o);
	o->id = text_of(c, "id", "");
	read_metric(im, c, o);
	o->title = text_of(c, "title", o->metric_text);
	o->points = (unsigned)count_of(c, "points", 0);
	o->over = over < 0 ? OVER_MEAN : (enum grade_over)over;
	o->full_text = text_of(c, "full", "");
	o->zero_text = text_of(c, "zero", "");
	read_bound(im, c, "full", o->metric_id, &o->full);
	read_bound(im, c, "zero", o->metric_id, &o->zero);
	if (o->metric_id >= 0 && !(o->full < o->zero) && !(o->full > o->zero))
		doc_error(&im->doc, c, NULL, "`full` and `zero` are the same value");
	for (size_t i = 0; i < ex->nitems; i++)
		if (!strcmp(ex->items[i].id, o->id))
			doc_error(&im->doc, c, NULL, "a second rubric item `%s`", o->id);
	if (needs) {
		o->needs_text = needs->text;
		o->needs = read_expr(im, ex, needs, ex->nitems); /* only items above: no circles */
	}
}

static void read_rubric(struct exercise_impl *im, struct exercise *ex)
{
	const struct doc_node *s = child(im->root, "rubric", DOC_LIST);
	size_t n = limited(im, s, EXERCISE_RUBRIC_MAX);
	struct ex_item *it = ALLOC(im, n, struct ex_item);
	unsigned sum = 0;
	ex->items = it;
	for (const struct doc_node *c = n ? s->first : NULL; c; c = c->next) {
		if (c->kind != DOC_MAP)
			continue;
		read_item(im, ex, c, &it[ex->nitems]);
		sum += it[ex->nitems].points;
		ex->nitems++;
	}
	const struct doc_node *points = doc_get(im->root, "points");
	if (points && s && sum != ex->points)
		doc_error(&im->doc, points, NULL, "the rubric's points add up to %u, not to %u", sum,
			ex->points);
}

/* Braces must hold names that mean something. */
static void check_template(struct exercise_impl *im, const struct exercise *ex, const struct doc_node *say)
{
	for (const char *p = say->text; (p = strchr(p, '{')); p++) {
		char name[96];
		size_t n = strcspn(p + 1, "}");
		if (!p[n + 1] || n >= sizeof name) {
			doc_error(&im->doc, say, NULL, "a `}` is missing");
			return;
		}
		snprintf(name, sizeof name, "%.*s", (int)n, p + 1);
		if (!exercise_knows(ex, name))
			doc_error(&im->doc, say, "a key of the scenario, a parameter or a metric",
				"unknown name {%s}", name);
	}
}

static void read_mistakes(struct exercise_impl *im, struct exercise *ex)
{
	const struct doc_node *s = child(im->root, "mistakes", DOC_LIST);
	size_t n = limited(im, s, EXERCISE_MISTAKES_MAX);
	struct ex_mistake *m = ALLOC(im, n, struct ex_mistake);
	for (const struct doc_node *c = n ? s->first : NULL; c; c = c->next) {
		const struct doc_node *when = child(c, "when", DOC_SCALAR),
				      *say = child(c, "say", DOC_SCALAR);
		if (!when || !say)
			continue;
		check_template(im, ex, say);
		m[ex->nmistakes++] = (struct ex_mistake){
			text_of(c, "id", ""), say->text, read_expr(im, ex, when, ex->nitems)};
	}
	ex->mistakes = m;
}

static void read_check(struct exercise_impl *im, const char *which, const char *bound, struct ex_check *o)
{
	const struct doc_node *c = child(child(im->root, "check", DOC_MAP), which, DOC_MAP),
			      *file = child(c, "file", DOC_SCALAR);
	struct value_err e = {"", ""};
	uint64_t milli = 0;
	if (!file)
		return;
	if (strchr(file->text, '/')) {
		doc_error(
			&im->doc, file, NULL, "the file stands in the exercise's folder: a name without `/`");
		return;
	}
	o->file = arena_fmt(&im->doc.arena, "%s/%s", im->folder, file->text);
	o->pos = c->key_pos;
	value_milli(text_of(c, bound, "0"), &milli, &e);
	o->limit = (double)milli / 1000;
	if (access(o->file, R_OK))
		doc_error(&im->doc, file, NULL, "there is no file `%.80s` beside the exercise", file->text);
}

/* ------------------------------------------------------------------------------------------------ loading */

/* The exercise.yaml of a path, a folder or an id; NULL after complaints. */
static char *find_file(const char *data, const char *name, struct diags *ds)
{
	struct stat st;
	struct value_err e = {"", ""};
	size_t n = strlen(name) + 32;
	char *path = xmalloc(n);
	snprintf(path, n, "%s", name);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		snprintf(path, n, "%s/exercise.yaml", name);
	if (access(path, R_OK) == 0 || strchr(name, '/'))
		return path;
	xfree(path);
	path = data && value_id(name, &e) ? library_path(data, LIBRARY_EXERCISES, name) : NULL;
	if (path && access(path, R_OK) == 0)
		return path;
	xfree(path);
	struct library_names l;
	struct words_near near;
	char hint[160] = "`backtalk list exercises` names them";
	words_near_init(&near, name);
	library_list(data, LIBRARY_EXERCISES, &l);
	for (size_t i = 0; i < l.n; i++)
		words_near_try(&near, l.name[i]);
	if (near.best)
		snprintf(hint, sizeof hint, "did you mean `%s`?", near.best);
	diags_add(ds, name, (struct src_pos){0, 0}, 1, NULL, hint, "there is no exercise of this name");
	library_names_fini(&l);
	return NULL;
}

static char *folder_of(struct arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? arena_textn(a, path, (size_t)(slash - path)) : arena_text(a, ".");
}

/* The scenario: NAME.yaml in the folder, else a lecture. */
static void find_scenario(struct exercise_impl *im, struct exercise *ex)
{
	const struct doc_node *n = child(im->root, "scenario", DOC_SCALAR);
	struct value_err e = {"", ""};
	if (!n || !value_id(n->text, &e))
		return;
	ex->scenario = arena_fmt(&im->doc.arena, "%s/%s.yaml", ex->folder, n->text);
	if (access(ex->scenario, R_OK) && ex->data) {
		char *lecture = library_path(ex->data, LIBRARY_LECTURES, n->text);
		ex->scenario = arena_text(&im->doc.arena, lecture);
		xfree(lecture);
	}
	if (access(ex->scenario, R_OK)) {
		doc_error(&im->doc, n, NULL,
			"there is no %s.yaml in the exercise's folder, and no such lecture", n->text);
		ex->scenario = NULL;
		return;
	}
	im->scenario_root = doc_read(&im->doc, ex->scenario); /* for the names of its groups */
}

static void check_folder_name(struct exercise_impl *im, const struct exercise *ex)
{
	const char *slash = strrchr(ex->folder, '/'), *name = slash ? slash + 1 : ex->folder;
	const struct doc_node *id = child(im->root, "exercise", DOC_SCALAR);
	if (id && strcmp(name, ".") && strcmp(name, "..") && strcmp(name, id->text))
		doc_error(&im->doc, id, NULL, "the id is not the folder's name, %s", name);
}

static void read_all(struct exercise_impl *im, struct exercise *ex)
{
	keys_check(&im->doc, im->root, key_find("@exercise"));
	ex->id = text_of(im->root, "exercise", "");
	ex->title = text_of(im->root, "title", "");
	ex->summary = text_of(im->root, "summary", "");
	ex->version = count_of(im->root, "version", 1);
	ex->points = (unsigned)count_of(im->root, "points", 0);
	check_folder_name(im, ex);
	find_scenario(im, ex);
	read_keys(im, ex);
	read_params(im, ex);
	read_variants(im, ex);
	read_rubric(im, ex);
	read_mistakes(im, ex);
	read_check(im, "reference", "min", &ex->reference);
	read_check(im, "do_nothing", "max", &ex->do_nothing);
	read_check(im, "spam", "max", &ex->spam);
	if (!im->own.n)
		exercise_try(im, ex);
}

struct exercise *exercise_load(const char *data, const char *path_or_id, struct diags *ds)
{
	char *path = find_file(data, path_or_id, ds);
	if (!path)
		return NULL;
	struct exercise_impl *im = xcalloc(1, sizeof *im);
	doc_init(&im->doc, &im->own);
	struct exercise *ex = arena_alloc(&im->doc.arena, sizeof *ex);
	ex->impl = im;
	ex->data = data;
	ex->file = arena_text(&im->doc.arena, path);
	im->folder = ex->folder = folder_of(&im->doc.arena, path);
	im->root = doc_read(&im->doc, path);
	xfree(path);
	if (im->root && (im->root->kind != DOC_MAP || !doc_get(im->root, "exercise")))
		doc_error(&im->doc, im->root, "it has `exercise: ID` at its top", "this is not an exercise");
	else if (im->root)
		read_all(im, ex);
	if (!im->own.n)
		return ex;
	diags_sort(&im->own);
	diags_move(ds, &im->own);
	exercise_free(ex);
	return NULL;
}

void exercise_free(struct exercise *ex)
{
	if (!ex)
		return;
	struct exercise_impl *im = ex->impl;
	for (size_t i = 0; i < im->nexprs; i++)
		expr_free(im->exprs[i]);
	xfree(im->exprs);
	diags_fini(&im->own);
	doc_fini(&im->doc);
	xfree(im);
}
