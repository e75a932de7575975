/*
 * plan_story: what views, graders and expectations need besides the world: knobs, questions, expectations, compare.
 */
#include "sim/scenario/plan_impl.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/expect.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/sets.h"
#include "sim/scenario/words.h"

#define ALLOC(im, n, type) ((type *)arena_array(&(im)->doc.arena, (n) ? (n) : 1, sizeof(type)))

static const struct doc_node *list_of(const struct doc_node *map, const char *key)
{
	const struct doc_node *s = doc_get(map, key);
	return s && s->kind == DOC_LIST ? s : NULL;
}

static const char *const *texts(struct plan_impl *im, const struct doc_node *list, size_t *n)
{
	*n = 0;
	const char **out = ALLOC(im, list ? list->n : 0, const char *);
	for (const struct doc_node *c = list ? list->first : NULL; c; c = c->next)
		if (c->kind == DOC_SCALAR)
			out[(*n)++] = c->text;
	return out;
}

/* ------------------------------------------------------------------------------------------------ knobs */

/* A knob must lead somewhere, and every value must be right there: try them on a copy. */
static void try_knob(struct plan_impl *im, const struct doc_node *set, const struct doc_node *values)
{
	struct set_at at = {set->src, set->pos, false};
	at.pos.col += set->quoted ? 1 : 0;
	for (const struct doc_node *v = values->first; v; v = v->next) {
		size_t before = im->own.n;
		struct doc_node *copy = plan_copy(im, im->root);
		if (!copy || !set_path(&im->doc, copy, set->text, v, &at))
			return;
		keys_check(&im->doc, copy, 0);
		if (im->own.n != before)
			return;
	}
}

static void read_knob(struct plan_impl *im, const struct doc_node *n, struct plan_knob *o)
{
	const struct doc_node *set = doc_get(n, "set"), *values = list_of(n, "values");
	memset(o, 0, sizeof *o);
	if (!set || set->kind != DOC_SCALAR || !values)
		return;
	if (!values->n)
		doc_error(&im->doc, values, NULL, "a knob without values");
	if (values->n > PLAN_KNOBS_MAX) {
		doc_error(&im->doc, values, NULL, "a knob with more than %d values", PLAN_KNOBS_MAX);
		return;
	}
	o->set = set->text;
	o->values = texts(im, values, &o->nvalues);
	try_knob(im, set, values);
	const struct doc_node *now = set_find(im->root, set->text);
	int k = key_find(set->text);
	o->current = now && now->kind == DOC_SCALAR ? now->text : k >= 0 ? key_at((size_t)k)->dflt : "";
}

static void read_knobs(struct plan_impl *im, struct plan *p)
{
	const struct doc_node *s = list_of(im->root, "knobs");
	struct plan_knob *k = ALLOC(im, s ? s->n : 0, struct plan_knob);
	if (s && s->n > PLAN_KNOBS_MAX)
		doc_error(&im->doc, s, NULL, "more than %d knobs", PLAN_KNOBS_MAX);
	bool sound = im->own.n == 0; /* otherwise every knob would repeat the complaints */
	for (const struct doc_node *c = s ? s->first : NULL; c && sound; c = c->next)
		if (c->kind == DOC_MAP)
			read_knob(im, c, &k[p->nknobs++]);
	p->knobs = k;
}

/* ------------------------------------------------------------------------------------------------ questions */

static void read_wrong(struct plan_impl *im, const struct doc_node *n, struct plan_question *o)
{
	const struct doc_node *w = doc_get(n, "wrong");
	const char **wrong = ALLOC(im, o->noptions, const char *);
	o->wrong = wrong;
	for (const struct doc_node *c = w && w->kind == DOC_MAP ? w->first : NULL; c; c = c->next) {
		size_t i = 0;
		while (i < o->noptions && strcmp(o->options[i], c->key))
			i++;
		if (i == o->noptions)
			doc_key_error(&im->doc, c, NULL, "`%.80s` is not one of the options", c->key);
		else if ((int)i == o->answer)
			doc_key_error(&im->doc, c, NULL, "`%.80s` is the answer, not a wrong option", c->key);
		else
			wrong[i] = c->text;
	}
}

static void read_checks(struct plan_impl *im, const struct doc_node *n, struct plan_question *o)
{
	const struct doc_node *s = list_of(n, "check");
	struct plan_expect *e = ALLOC(im, s ? s->n : 0, struct plan_expect);
	for (const struct doc_node *c = s ? s->first : NULL; c; c = c->next)
		if (c->kind == DOC_SCALAR && expect_parse(&im->doc, im->root, c, &e[o->nchecks]))
			o->nchecks++;
	o->checks = e;
}

/* "highest delivered since 60s": the options must be techniques. */
static void read_extreme(struct plan_impl *im, const struct doc_node *n, struct plan_question *o)
{
	const struct doc_node *m = doc_get(n, "metric");
	if (!m || m->kind != DOC_SCALAR)
		return;
	bool high = !strncmp(m->text, "highest ", 8), low = !strncmp(m->text, "lowest ", 7);
	if (!high && !low) {
		doc_error(&im->doc, m, "for example `highest delivered since 60s`",
			"expected `highest` or `lowest` and a metric");
		return;
	}
	size_t skip = high ? 8 : 7;
	struct doc_node copy = *m;
	copy.text = arena_fmt(&im->doc.arena, "%s >= 0", m->text + skip);
	copy.pos.col += (uint32_t)skip;
	if (!expect_parse(&im->doc, im->root, &copy, &o->metric))
		return;
	if (o->metric.under)
		doc_error(&im->doc, m, NULL, "`under` has no place here: the options are the techniques");
	for (size_t i = 0; i < o->noptions; i++)
		if (!words_has(key_techniques, o->options[i]))
			doc_error(&im->doc, m, "use `check` for other questions",
				"the option `%.80s` is not a technique", o->options[i]);
	o->extreme = high ? QUESTION_HIGHEST : QUESTION_LOWEST;
}

static void read_question(struct plan_impl *im, const struct doc_node *n, struct plan_question *o)
{
	const struct doc_node *options = list_of(n, "options"), *answer = doc_get(n, "answer");
	memset(o, 0, sizeof *o);
	o->id = n->key;
	o->pos = n->key_pos;
	o->ask = plan_text(n, "questions.*", "ask");
	o->why = plan_text(n, "questions.*", "why");
	o->options = texts(im, options, &o->noptions);
	o->answer = -1;
	if (options && o->noptions < 2)
		doc_error(&im->doc, options, NULL, "a question needs at least two options");
	for (size_t i = 0; i < o->noptions; i++) {
		if (answer && answer->kind == DOC_SCALAR && !strcmp(answer->text, o->options[i]))
			o->answer = (int)i;
		for (size_t j = 0; j < i; j++)
			if (!strcmp(o->options[i], o->options[j]))
				doc_error(&im->doc, options, NULL, "the option `%.80s` stands there twice",
					o->options[i]);
	}
	if (answer && answer->kind == DOC_SCALAR && o->answer < 0) {
		struct plan_names names = {(const char **)o->options, o->noptions};
		plan_unknown(im, answer, "option", &names, NULL);
	}
	read_wrong(im, n, o);
	read_checks(im, n, o);
	read_extreme(im, n, o);
}

static void read_questions(struct plan_impl *im, struct plan *p)
{
	const struct doc_node *s = doc_get(im->root, "questions");
	bool is_map = s && s->kind == DOC_MAP;
	if (is_map && s->n > 64)
		doc_key_error(&im->doc, s, NULL, "more than 64 questions");
	struct plan_question *q = ALLOC(im, is_map ? s->n : 0, struct plan_question);
	for (const struct doc_node *c = is_map ? s->first : NULL; c; c = c->next)
		if (c->kind == DOC_MAP)
			read_question(im, c, &q[p->nquestions++]);
	p->questions = q;
}

/* ------------------------------------------------------------------------------------------------ the rest */

static void read_expects(struct plan_impl *im, struct plan *p)
{
	const struct doc_node *s = list_of(im->root, "expect");
	struct plan_expect *e = ALLOC(im, s ? s->n : 0, struct plan_expect);
	for (const struct doc_node *c = s ? s->first : NULL; c; c = c->next)
		if (c->kind == DOC_SCALAR && expect_parse(&im->doc, im->root, c, &e[p->nexpects])) {
			if (e[p->nexpects].since_ns >= p->cfg.duration_ns)
				doc_error(&im->doc, c, NULL, "`since` is not before the end of the run");
			p->nexpects++;
		}
	p->expects = e;
}

/* The techniques to set side by side: those the file names, else all. */
static void read_compare(struct plan_impl *im, struct plan *p)
{
	const struct doc_node *s = list_of(doc_get(im->root, "compare"), "technique");
	char w[64];
	size_t n = 0;
	if (s && s->n) {
		p->compare = texts(im, s, &p->ncompare);
		for (const struct doc_node *c = s->first; c; c = c->next)
			for (const struct doc_node *b = s->first; b != c; b = b->next)
				if (!strcmp(b->text, c->text))
					doc_error(&im->doc, c, NULL, "`%.80s` stands there twice", c->text);
		return;
	}
	while (words_nth(key_techniques, n, w))
		n++;
	const char **all = ALLOC(im, n, const char *);
	for (size_t i = 0; i < n; i++)
		if (words_nth(key_techniques, i, w))
			all[i] = arena_text(&im->doc.arena, w);
	p->compare = all;
	p->ncompare = n;
}

void plan_story(struct plan_impl *im, struct plan *p)
{
	read_compare(im, p);
	read_questions(im, p);
	plan_timeline(im, p);
	read_expects(im, p);
	p->claims = texts(im, list_of(im->root, "claims"), &p->nclaims);
	read_knobs(im, p);
}
