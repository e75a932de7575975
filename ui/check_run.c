/*
 * check_run: a scenario's promises, tried. An expectation counts under every technique it names (or the file's own when
 * it names none); a question's answer is right when all its checks hold.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/measure/jsonw.h"
#include "sim/scenario/run.h"
#include "ui/check.h"

/* Is the technique an option of a question about techniques? */
static bool is_option(const struct plan_question *q, const char *technique)
{
	for (size_t i = 0; q->extreme != QUESTION_NO_METRIC && i < q->noptions; i++)
		if (!strcmp(q->options[i], technique))
			return true;
	return false;
}

static bool needed(const struct plan *p, const char *technique)
{
	if (!strcmp(technique, p->technique))
		return true;
	for (size_t i = 0; i < p->nexpects; i++)
		if (p->expects[i].under && !strcmp(p->expects[i].under, technique))
			return true;
	for (size_t q = 0; q < p->nquestions; q++)
		if (is_option(&p->questions[q], technique))
			return true;
	for (size_t q = 0; q < p->nquestions; q++)
		for (size_t i = 0; i < p->questions[q].nchecks; i++)
			if (p->questions[q].checks[i].under &&
				!strcmp(p->questions[q].checks[i].under, technique))
				return true;
	for (size_t i = 0; i < p->ncompare; i++)
		if (!strcmp(p->compare[i], technique))
			return true;
	return false;
}

static void try_one(struct check *c, const struct plan *p, const struct run_result *r,
	const struct plan_expect *e, bool own, const char *said)
{
	struct run_expect out;
	char number[64];
	if (e->under ? strcmp(e->under, r->technique) != 0 : !own)
		return;
	run_measure(p, r->metrics, r->technique, e, &out);
	if (out.holds)
		return;
	jsonw_number(out.measured, number, sizeof number);
	check_error(c, p->file, e->pos, "%s `%s` does not hold under %s: measured %s", said, e->text,
		r->technique, number);
}

static void try_all(struct check *c, const struct plan *p, const struct run_result *r, bool own)
{
	for (size_t i = 0; i < p->nexpects; i++)
		try_one(c, p, r, &p->expects[i], own, "the expectation");
	for (size_t q = 0; q < p->nquestions; q++) {
		char said[128];
		snprintf(said, sizeof said, "the answer to `%.60s` is not proved:", p->questions[q].id);
		for (size_t i = 0; i < p->questions[q].nchecks; i++)
			try_one(c, p, r, &p->questions[q].checks[i], own, said);
	}
}

/* For questions about the technique with the highest or lowest figure: who leads so far. */
struct leader {
	double value;
	const char *technique;
	bool tie;
};

static void follow(const struct plan *p, const struct run_result *r, struct leader *lead)
{
	for (size_t q = 0; q < p->nquestions; q++) {
		const struct plan_question *qu = &p->questions[q];
		struct run_expect out;
		if (!is_option(qu, r->technique))
			continue;
		run_measure(p, r->metrics, r->technique, &qu->metric, &out);
		if (isnan(out.measured))
			continue;
		struct leader *l = &lead[q];
		bool ahead = !l->technique || (qu->extreme == QUESTION_HIGHEST ? out.measured > l->value
									       : out.measured < l->value);
		l->tie = !ahead && (l->tie || !(out.measured < l->value || out.measured > l->value));
		if (ahead)
			*l = (struct leader){out.measured, r->technique, false};
	}
}

static void judge(struct check *c, const struct plan *p, const struct leader *lead)
{
	for (size_t q = 0; q < p->nquestions; q++) {
		const struct plan_question *qu = &p->questions[q];
		if (qu->extreme == QUESTION_NO_METRIC)
			continue;
		const char *is = lead[q].technique ? lead[q].technique : "none";
		if (lead[q].tie)
			check_error(c, p->file, qu->pos,
				"the answer to `%s` is not proved: several techniques are equal", qu->id);
		else if (strcmp(is, qu->options[qu->answer]))
			check_error(c, p->file, qu->pos, "the answer to `%s` is `%s`, not `%s`", qu->id, is,
				qu->options[qu->answer]);
	}
}

void check_run(struct check *c, struct plan *p)
{
	static const char *const techniques[] = {
#define X(id, name, title, path, ref, sentence) name,
#include "proto/tech/techs.def"
#undef X
	};
	struct leader *lead = xcalloc(p->nquestions + 1, sizeof *lead);
	for (size_t t = 0; t < sizeof techniques / sizeof *techniques; t++) {
		if (!needed(p, techniques[t]))
			continue;
		struct run_opts o = {.technique = techniques[t]};
		struct run_result r;
		run_plan(p, &o, &r);
		try_all(c, p, &r, !strcmp(techniques[t], p->technique));
		follow(p, &r, lead);
		run_result_fini(&r);
	}
	judge(c, p, lead);
	xfree(lead);
}
