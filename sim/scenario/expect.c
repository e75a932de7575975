/*
 * expect: see expect.h. Words are split at blanks and operators; each complaint points at the word it is about.
 */
#include "sim/scenario/expect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/measure/metrics.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

enum { TOKENS_MAX = 12 };

struct token {
	const char *text;
	uint32_t off;
	bool op;
};

struct parse {
	struct doc *d;
	const struct doc_node *n;
	struct token tok[TOKENS_MAX + 1];
	unsigned ntok;
	bool failed;
};

static void complain(struct parse *p, const struct token *t, const char *hint, const char *what)
{
	struct src_pos pos = p->n->pos;
	if (t)
		pos.col += t->off + (p->n->quoted ? 1 : 0);
	p->failed = true;
	doc_error_at(p->d, p->n->src, pos, t ? (uint32_t)strlen(t->text) : p->n->span, hint, "%s", what);
}

static void split(struct parse *p, const char *s)
{
	const char *start = s;
	while (*s && p->ntok < TOKENS_MAX) {
		s += strspn(s, " \t\r\n");
		size_t op = strspn(s, "<>=!"), word = strcspn(s, " \t\r\n<>=!");
		size_t n = op ? op : word;
		if (!n)
			break;
		p->tok[p->ntok++] =
			(struct token){arena_textn(&p->d->arena, s, n), (uint32_t)(s - start), op != 0};
		s += n;
	}
}

static int parse_op(const char *s)
{
	static const char *const ops[] = {[EXPECT_LT] = "<",
		[EXPECT_LE] = "<=",
		[EXPECT_EQ] = "=",
		[EXPECT_GE] = ">=",
		[EXPECT_GT] = ">",
		[EXPECT_NE] = "!="};
	for (int i = 0; i < 6; i++)
		if (!strcmp(s, ops[i]))
			return i;
	return strcmp(s, "==") ? -1 : EXPECT_EQ;
}

bool expect_value(int metric, const char *text, double *out, char what[256], char hint[256])
{
	const char *unit = metric_at((size_t)metric)->unit;
	struct value_err e = {"", ""};
	uint64_t v = 0;
	int64_t ns = 0;
	uint32_t ppm = 0;
	what[0] = hint[0] = 0;
	if (value_milli(text, &v, &e)) {
		*out = (double)v / 1000;
		return true;
	}
	bool ok = false;
	if (!strcmp(unit, "share")) {
		ok = value_share(text, &ppm, &e);
		*out = (double)ppm / 1e6;
	} else if (!strcmp(unit, "ms") || !strcmp(unit, "s")) {
		ok = value_duration(text, &ns, &e);
		*out = (double)ns / (unit[0] == 'm' ? 1e6 : 1e9);
	} else if (!strcmp(unit, "bytes")) {
		ok = value_bytes(text, &v, &e);
		*out = (double)v;
	} else if (!strcmp(unit, "1/s") && strchr(text, '/')) {
		ok = value_every(text, &ns, &e);
		*out = ok ? 1e9 / (double)ns : 0;
	}
	if (!ok) {
		snprintf(what, 256, "`%.80s` is not a value of %s", text, metric_at((size_t)metric)->name);
		snprintf(hint, 256, "%s%s%s", *unit ? "its unit: " : "a number, for example 100", unit,
			!strcmp(unit, "share") ? ", for example 99.5%"
			: !strcmp(unit, "ms")  ? ", for example 250ms"
					       : "");
	}
	return ok;
}

static int parse_metric(struct parse *p, const struct token *t)
{
	int m = metric_find(t->text);
	if (m >= 0)
		return m;
	struct words_near near;
	words_near_init(&near, t->text);
	for (size_t i = 0; i < metric_count(); i++)
		words_near_try(&near, metric_at(i)->name);
	complain(p, t,
		near.best ? arena_fmt(&p->d->arena, "did you mean `%s`?", near.best)
			  : "`backtalk list metrics` names them",
		arena_fmt(&p->d->arena, "unknown metric `%.80s`", t->text));
	return -1;
}

static const char *parse_group(struct parse *p, const struct doc_node *root, const struct token *t)
{
	const struct doc_node *groups = doc_get(root, "clients");
	struct words_near near;
	words_near_init(&near, t->text);
	for (const struct doc_node *c = groups && groups->kind == DOC_MAP ? groups->first : NULL; c;
		c = c->next) {
		if (!strcmp(c->key, t->text))
			return c->key;
		words_near_try(&near, c->key);
	}
	complain(p, t, near.best ? arena_fmt(&p->d->arena, "did you mean `%s`?", near.best) : NULL,
		arena_fmt(&p->d->arena, "there is no client group `%.80s`", t->text));
	return NULL;
}

static const char *parse_technique(struct parse *p, const struct token *t)
{
	struct key_def k = {
		.path = "technique", .type = KEY_TECH, .words = "", .later = "", .min = "", .max = ""};
	char what[256], hint[256];
	if (key_value_ok(&k, t->text, what, hint))
		return t->text;
	complain(p, t, arena_text(&p->d->arena, hint), arena_text(&p->d->arena, what));
	return NULL;
}

static void parse_since(struct parse *p, const struct token *t, struct plan_expect *out)
{
	struct value_err e = {"", ""};
	if (!value_duration(t->text, &out->since_ns, &e))
		complain(p, t, arena_text(&p->d->arena, e.hint), arena_text(&p->d->arena, e.what));
	else if (out->since_ns % INT64_C(1000000000))
		complain(p, t, "for example since 60s", "`since` takes whole seconds");
}

static void parse_clause(struct parse *p, const struct doc_node *root, const struct token *word,
	const struct token *arg, struct plan_expect *out)
{
	if (!words_has("of|under|since", word->text))
		complain(p, word, "metric [of GROUP] [under TECHNIQUE] [since TIME] OP value",
			arena_fmt(&p->d->arena,
				"expected `of`, `under`, `since` or a comparison, not `%.80s`", word->text));
	else if (!strcmp(word->text, "of"))
		out->group = parse_group(p, root, arg);
	else if (!strcmp(word->text, "under"))
		out->under = parse_technique(p, arg);
	else
		parse_since(p, arg, out);
}

/* Things that parse but mean nothing. */
static void check_sense(struct parse *p, const struct plan_expect *out, int metric)
{
	const struct metric_def *m = metric_at((size_t)metric);
	if (out->group && !m->per_group)
		complain(p, &p->tok[0], NULL,
			arena_fmt(&p->d->arena, "%s is not known per client group", m->name));
	if (out->since_ns && !m->since)
		complain(p, &p->tok[0], NULL,
			arena_fmt(&p->d->arena, "%s is known for the whole run only", m->name));
}

bool expect_parse(
	struct doc *d, const struct doc_node *root, const struct doc_node *n, struct plan_expect *out)
{
	struct parse p = {.d = d, .n = n};
	memset(out, 0, sizeof *out);
	out->text = n->text;
	out->pos = n->pos;
	split(&p, n->text);
	if (p.ntok < 3 || p.ntok == TOKENS_MAX) {
		complain(&p, NULL,
			"metric [of GROUP] [under TECHNIQUE] [since TIME] OP value, for example `delivered "
			">= 99%`",
			"this is not an expectation");
		return false;
	}
	int metric = parse_metric(&p, &p.tok[0]);
	unsigned i = 1;
	while (i + 1 < p.ntok && !p.tok[i].op && !p.failed) {
		parse_clause(&p, root, &p.tok[i], &p.tok[i + 1], out);
		i += 2;
	}
	if (p.failed || metric < 0)
		return false;
	int op = i < p.ntok && p.tok[i].op ? parse_op(p.tok[i].text) : -1;
	if (op < 0 || i + 2 != p.ntok) {
		complain(&p, i < p.ntok ? &p.tok[i] : NULL, "one of < <= = >= > !=, then one value",
			"expected a comparison");
		return false;
	}
	out->metric = metric_at((size_t)metric)->name;
	out->op = (unsigned)op;
	char what[256], hint[256];
	if (!expect_value(metric, p.tok[i + 1].text, &out->value, what, hint))
		complain(&p, &p.tok[i + 1], arena_text(&d->arena, hint), arena_text(&d->arena, what));
	check_sense(&p, out, metric);
	return !p.failed;
}

bool expect_holds(const struct plan_expect *e, double v)
{
	if (isnan(v))
		return false;
	switch (e->op) {
	case EXPECT_LT:
		return v < e->value;
	case EXPECT_LE:
		return v <= e->value;
	case EXPECT_EQ:
		return v >= e->value && v <= e->value;
	case EXPECT_GE:
		return v >= e->value;
	case EXPECT_GT:
		return v > e->value;
	default:
		return v < e->value || v > e->value;
	}
}
