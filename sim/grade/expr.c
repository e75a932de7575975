/*
 * expr: a recursive descent parser into an array of nodes, and its evaluation.
 */
#include "sim/grade/expr.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/scenario/value.h"

enum { EXPR_NODES = 128, EXPR_DEPTH = 32, EXPR_TEXT = 96 };

enum op {
	OP_OR,
	OP_AND,
	OP_NOT,
	OP_LT,
	OP_LE,
	OP_EQ,
	OP_GE,
	OP_GT,
	OP_NE,
	OP_ADD,
	OP_SUB,
	OP_MUL,
	OP_DIV,
	OP_NAME,
	OP_CONST
};

struct node {
	enum op op;
	uint8_t a, b;
	bool word_ok;
	size_t off;
	char text[EXPR_TEXT];
	struct expr_value value;
};

struct expr {
	struct node node[EXPR_NODES];
	unsigned n, root;
};

struct parse {
	struct expr *e;
	const char *text, *p;
	char *err;
	size_t *err_off;
	bool failed;
	unsigned depth;
};

static unsigned fail(struct parse *p, const char *what)
{
	if (!p->failed) {
		p->failed = true;
		snprintf(p->err, 160, "%s", what);
		*p->err_off = (size_t)(p->p - p->text);
	}
	return 0;
}

static unsigned add(struct parse *p, enum op op, unsigned a, unsigned b)
{
	if (p->e->n == EXPR_NODES)
		return fail(p, "the condition is too long");
	struct node *n = &p->e->node[p->e->n];
	memset(n, 0, sizeof *n);
	n->op = op;
	n->a = (uint8_t)a;
	n->b = (uint8_t)b;
	return p->e->n++;
}

static void blanks(struct parse *p)
{
	p->p += strspn(p->p, " \t\r\n");
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '.' || c == '-';
}

static bool word(struct parse *p, const char *w)
{
	size_t n = strlen(w);
	blanks(p);
	if (strncmp(p->p, w, n) || name_char(p->p[n]))
		return false;
	p->p += n;
	return true;
}

static unsigned parse_or(struct parse *p);

static unsigned leaf(struct parse *p, enum op op, const char *text, size_t n)
{
	if (n >= EXPR_TEXT)
		return fail(p, "the word is too long");
	unsigned i = add(p, op, 0, 0);
	if (p->failed)
		return 0;
	struct node *node = &p->e->node[i];
	memcpy(node->text, text, n);
	node->text[n] = 0;
	node->off = (size_t)(text - p->text);
	return i;
}

static unsigned parse_atom(struct parse *p)
{
	blanks(p);
	if (*p->p == '(') {
		p->p++;
		unsigned i = parse_or(p);
		blanks(p);
		if (*p->p != ')')
			return fail(p, "a `)` is missing");
		p->p++;
		return i;
	}
	const char *s = p->p;
	size_t n = 0;
	bool number = *s >= '0' && *s <= '9';
	while (name_char(s[n]) || (number && (s[n] == '%' || s[n] == '/')) ||
		(!number && s[n] == '*' && n && s[n - 1] == '.'))
		n++;
	if (number && n && s[n - 1] == '/')
		n--;
	if (!n)
		return fail(p, *s ? "expected a name or a value" : "something is missing at the end");
	if ((n == 2 && !memcmp(s, "or", 2)) || (n == 3 && (!memcmp(s, "and", 3) || !memcmp(s, "not", 3))))
		return fail(p, "expected a name or a value");
	p->p += n;
	unsigned i = leaf(p, number ? OP_CONST : OP_NAME, s, n);
	if (p->failed || !number)
		return i;
	expr_read(p->e->node[i].text, &p->e->node[i].value);
	if (p->e->node[i].value.type != EXPR_NUMBER) {
		p->p = s;
		return fail(p, "this is not a value");
	}
	return i;
}

static unsigned parse_prod(struct parse *p)
{
	unsigned i = parse_atom(p);
	for (;;) {
		blanks(p);
		if (p->failed || (*p->p != '*' && *p->p != '/'))
			return i;
		enum op op = *p->p++ == '*' ? OP_MUL : OP_DIV;
		unsigned b = parse_atom(p);
		i = add(p, op, i, b);
	}
}

static unsigned parse_sum(struct parse *p)
{
	unsigned i = parse_prod(p);
	for (;;) {
		blanks(p);
		if (p->failed || (*p->p != '+' && *p->p != '-'))
			return i;
		enum op op = *p->p++ == '+' ? OP_ADD : OP_SUB;
		unsigned b = parse_prod(p);
		i = add(p, op, i, b);
	}
}

static void mark_word(struct parse *p, unsigned i)
{
	if (p->e->node[i].op == OP_NAME)
		p->e->node[i].word_ok = true;
}

static unsigned parse_cmp(struct parse *p)
{
	static const struct {
		const char *s;
		enum op op;
	} ops[] = {{"<=", OP_LE}, {">=", OP_GE}, {"!=", OP_NE}, {"==", OP_EQ}, {"<", OP_LT}, {">", OP_GT},
		{"=", OP_EQ}};
	unsigned i = parse_sum(p);
	blanks(p);
	for (size_t k = 0; k < sizeof ops / sizeof *ops && !p->failed; k++) {
		if (strncmp(p->p, ops[k].s, strlen(ops[k].s)))
			continue;
		p->p += strlen(ops[k].s);
		unsigned b = parse_sum(p);
		if (!p->failed && (ops[k].op == OP_EQ || ops[k].op == OP_NE))
			mark_word(p, b); /* `technique == websocket`: a word may stand on the right */
		return add(p, ops[k].op, i, b);
	}
	return i;
}

static unsigned parse_negation(struct parse *p)
{
	unsigned nots = 0;
	if (++p->depth > EXPR_DEPTH)
		return fail(p, "too many parentheses");
	while (word(p, "not"))
		nots++;
	unsigned i = parse_cmp(p);
	for (; nots && !p->failed; nots--)
		i = add(p, OP_NOT, i, 0);
	p->depth--;
	return i;
}

static unsigned parse_and(struct parse *p)
{
	unsigned i = parse_negation(p);
	while (!p->failed && word(p, "and")) {
		unsigned b = parse_negation(p);
		i = add(p, OP_AND, i, b);
	}
	return i;
}

static unsigned parse_or(struct parse *p)
{
	unsigned i = parse_and(p);
	while (!p->failed && word(p, "or")) {
		unsigned b = parse_and(p);
		i = add(p, OP_OR, i, b);
	}
	return i;
}

struct expr *expr_parse(const char *text, char err[160], size_t *err_off)
{
	struct parse p = {
		.e = xcalloc(1, sizeof *p.e), .text = text, .p = text, .err = err, .err_off = err_off};
	err[0] = 0;
	*err_off = 0;
	unsigned root = parse_or(&p);
	blanks(&p);
	if (*p.p)
		fail(&p, "this is not expected here");
	if (p.failed) {
		xfree(p.e);
		return NULL;
	}
	p.e->root = root;
	return p.e;
}

void expr_free(struct expr *e)
{
	xfree(e);
}

static const struct node *name_node(const struct expr *e, size_t i)
{
	for (unsigned k = 0; k < e->n; k++)
		if (e->node[k].op == OP_NAME && i-- == 0)
			return &e->node[k];
	return NULL;
}

const char *expr_name(const struct expr *e, size_t i, size_t *off)
{
	const struct node *n = name_node(e, i);
	if (n && off)
		*off = n->off;
	return n ? n->text : NULL;
}

bool expr_name_is_word(const struct expr *e, size_t i)
{
	const struct node *n = name_node(e, i);
	return n && n->word_ok;
}

void expr_read(const char *text, struct expr_value *out)
{
	struct value_err err = {"", ""};
	uint64_t u = 0;
	uint32_t ppm = 0;
	int64_t ns = 0;
	memset(out, 0, sizeof *out);
	out->type = EXPR_NUMBER;
	if (value_milli(text, &u, &err))
		out->number = (double)u / 1000;
	else if (value_duration(text, &ns, &err))
		out->number = (double)ns;
	else if (value_share(text, &ppm, &err))
		out->number = (double)ppm / 1e6;
	else if (value_bytes(text, &u, &err) || value_bps(text, &u, &err))
		out->number = (double)u;
	else if (value_every(text, &ns, &err))
		out->number = 1e9 / (double)ns;
	else
		out->type = EXPR_WORD;
	snprintf(out->word, sizeof out->word, "%s", text);
}

static bool compare(enum op op, const struct expr_value *a, const struct expr_value *b)
{
	if (a->type == EXPR_NUMBER && b->type == EXPR_NUMBER && !isnan(a->number) && !isnan(b->number)) {
		double x = a->number, y = b->number;
		switch (op) {
		case OP_LT:
			return x < y;
		case OP_LE:
			return x <= y;
		case OP_GE:
			return x >= y;
		case OP_GT:
			return x > y;
		case OP_EQ:
			return x >= y && x <= y;
		default:
			return x < y || x > y;
		}
	}
	bool words = a->type == EXPR_WORD || b->type == EXPR_WORD;
	bool known = a->type != EXPR_NONE && b->type != EXPR_NONE;
	if (!words || !known)
		return false;
	return op == OP_EQ ? !strcmp(a->word, b->word) : op == OP_NE && strcmp(a->word, b->word) != 0;
}

static void number(struct expr_value *v, double x)
{
	memset(v, 0, sizeof *v);
	v->type = isnan(x) || isinf(x) ? EXPR_NONE : EXPR_NUMBER;
	v->number = x;
}

static void eval(const struct expr *e, unsigned i, const struct expr_names *names, struct expr_value *v);

static bool truth(const struct expr *e, unsigned i, const struct expr_names *names)
{
	struct expr_value v;
	eval(e, i, names, &v);
	return v.type == EXPR_BOOL ? v.truth : v.type == EXPR_WORD && !strcmp(v.word, "true");
}

static void arithmetic(
	const struct expr *e, const struct node *n, const struct expr_names *names, struct expr_value *v)
{
	struct expr_value a, b;
	eval(e, n->a, names, &a);
	eval(e, n->b, names, &b);
	if (a.type != EXPR_NUMBER || b.type != EXPR_NUMBER)
		return;
	double x = a.number, y = b.number;
	number(v, n->op == OP_ADD   ? x + y
		  : n->op == OP_SUB ? x - y
		  : n->op == OP_MUL ? x * y
		  : y > 0 || y < 0  ? x / y
				    : (double)NAN);
}

static void eval(const struct expr *e, unsigned i, const struct expr_names *names, struct expr_value *v)
{
	const struct node *n = &e->node[i];
	struct expr_value a, b;
	memset(v, 0, sizeof *v);
	switch (n->op) {
	case OP_CONST:
		*v = n->value;
		return;
	case OP_NAME:
		if (!names->look(names->ctx, n->text, v)) {
			v->type = EXPR_WORD;
			snprintf(v->word, sizeof v->word, "%s", n->text);
		}
		return;
	case OP_ADD:
	case OP_SUB:
	case OP_MUL:
	case OP_DIV:
		arithmetic(e, n, names, v);
		return;
	default:
		break;
	}
	v->type = EXPR_BOOL;
	if (n->op == OP_NOT) {
		v->truth = !truth(e, n->a, names);
	} else if (n->op == OP_AND) {
		v->truth = truth(e, n->a, names) && truth(e, n->b, names);
	} else if (n->op == OP_OR) {
		v->truth = truth(e, n->a, names) || truth(e, n->b, names);
	} else {
		eval(e, n->a, names, &a);
		eval(e, n->b, names, &b);
		v->truth = compare(n->op, &a, &b);
	}
}

bool expr_true(const struct expr *e, const struct expr_names *names)
{
	return truth(e, e->root, names);
}
