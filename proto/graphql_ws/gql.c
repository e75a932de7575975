/*
 * A small GraphQL: parser, validation against a schema of root fields, execution.
 *
 * The parser walks a document once to find operations and fragments, checking the grammar, then collects the chosen
 * operation's selections, stepping into fragments (GraphQL 6.3.2).
 */
#include "proto/graphql_ws/gql.h"

#include <string.h>

#include "proto/base/jtext.h"
#include "proto/base/utf8.h"
#include "proto/graphql_ws/gql_lex.h"

struct def {
	bool fragment, used;
	enum gql_op op;
	struct bytes name;
	size_t off, body; /* body: offset of its "{" */
};

#define DEFS_MAX 64

struct parser {
	struct gql_lexer l;
	const struct gql_schema *s;
	struct buf *errors;
	struct def defs[DEFS_MAX];
	uint32_t n_defs;
	unsigned depth;
	uint32_t steps; /* fields and fragments visited, to bound fragment expansion */
	size_t second;  /* where the second field of the operation stands, 0: there is none */
	bool any_error;
};

static bool bytes_has(struct bytes b, char c)
{
	return b.n > 0 && memchr(b.p, c, b.n) != NULL;
}

/* The code point `b` begins with; its first octet if that begins none. */
static uint32_t utf8_first(struct bytes b)
{
	uint8_t state = UTF8_START;
	uint32_t cp = b.p[0] < 0xe0 ? b.p[0] & 0x1f : b.p[0] < 0xf0 ? b.p[0] & 0x0f : b.p[0] & 0x07;
	for (size_t i = 1; i <= b.n && i <= 4; i++) {
		if (utf8_check(&state, bytes_sub(b, i - 1, 1)) == 0)
			break;
		if (i > 1)
			cp = cp << 6 | (b.p[i - 1] & 0x3f);
		if (state == UTF8_START)
			return i == 1 ? b.p[0] : cp;
	}
	return b.p[0];
}

/* Appends one error with its place (GraphQL 7.1.2). */
static void add_error(struct parser *p, size_t off, bool place, const char *a, struct bytes b, const char *c)
{
	struct buf msg;
	buf_init(&msg, p->errors->al, SIZE_MAX);
	buf_str(&msg, a);
	buf_add(&msg, b);
	buf_str(&msg, c);
	buf_str(p->errors, p->any_error ? ",{\"message\":" : "[{\"message\":");
	jt_quote(p->errors, buf_bytes(&msg));
	p->errors->failed |= msg.failed;
	buf_fini(&msg);
	if (place) {
		uint64_t line = 1, column = 1;
		for (size_t i = 0; i < off; i++) {
			column++;
			if (p->l.text.p[i] == '\n') {
				line++;
				column = 1;
			}
		}
		buf_str(p->errors, ",\"locations\":[{\"line\":");
		buf_dec(p->errors, line);
		buf_str(p->errors, ",\"column\":");
		buf_dec(p->errors, column);
		buf_str(p->errors, "}]");
	}
	buf_u8(p->errors, '}');
	p->any_error = true;
}

/* No token begins here: a character of no use, or a string that does not end. */
static void bad_character(struct parser *p)
{
	struct bytes rest = bytes_sub(p->l.text, p->l.off, p->l.text.n - p->l.off);
	if (rest.p[0] == '"') {
		size_t end = 1;
		while (end < rest.n && rest.p[end] != '\n' && rest.p[end] != '\r')
			end++;
		add_error(p, p->l.off + end, true, "Syntax Error: Unterminated string", BYTES_NONE, ".");
	} else if (rest.p[0] >= 0x20 && rest.p[0] < 0x7f) {
		add_error(p, p->l.off, true, "Syntax Error: Unexpected character: \"", bytes_sub(rest, 0, 1),
			"\".");
	} else {
		static const char digits[] = "0123456789ABCDEF";
		char code[8] = "U+";
		uint32_t cp = utf8_first(rest);
		size_t n = 2;
		for (int shift = cp > 0xfffff ? 20 : cp > 0xffff ? 16 : 12; shift >= 0; shift -= 4)
			code[n++] = digits[cp >> shift & 15];
		add_error(p, p->l.off, true,
			"Syntax Error: Unexpected character: ", (struct bytes){(const uint8_t *)code, n},
			".");
	}
}

/* What was expected, and the token that came instead. */
static bool syntax_error(struct parser *p, const char *expected)
{
	struct gql_lexer *l = &p->l;
	struct bytes text = gql_token(l);
	struct buf b;
	if (l->kind == GQL_BAD) {
		bad_character(p);
		return false;
	}
	buf_init(&b, p->errors->al, SIZE_MAX);
	if (l->kind == GQL_NAME)
		buf_str(&b, "Name ");
	if (l->kind == GQL_NUMBER)
		buf_str(&b, bytes_has(text, '.') || bytes_has(text, 'e') || bytes_has(text, 'E') ? "Float "
												 : "Int ");
	if (l->kind == GQL_STRING) {
		size_t quotes = text.n >= 6 && text.p[1] == '"' ? 3 : 1;
		buf_str(&b, quotes == 3 ? "BlockString " : "String ");
		text = bytes_sub(text, quotes, text.n - 2 * quotes);
	}
	buf_str(&b, l->kind == GQL_END ? "<EOF>" : "\"");
	if (l->kind != GQL_END) {
		buf_add(&b, text);
		buf_str(&b, "\"");
	}
	add_error(p, l->off, true, expected, buf_bytes(&b), ".");
	p->errors->failed |= b.failed;
	buf_fini(&b);
	return false;
}

static bool deeper(struct parser *p)
{
	if (++p->depth <= GQL_DEPTH_MAX)
		return true;
	add_error(p, p->l.off, true, "Syntax Error: nested too deep (GQL_DEPTH_MAX)", BYTES_NONE, "");
	return false;
}

static bool skip_value(struct parser *p)
{
	struct gql_lexer *l = &p->l;
	if (gql_is_punct(l, "$")) {
		gql_next(l);
		if (l->kind != GQL_NAME)
			return syntax_error(p, "Syntax Error: Expected Name, found ");
		gql_next(l);
		return true;
	}
	if (l->kind == GQL_NAME || l->kind == GQL_STRING || l->kind == GQL_NUMBER) {
		gql_next(l);
		return true;
	}
	bool list = gql_is_punct(l, "[");
	if (!list && !gql_is_punct(l, "{"))
		return syntax_error(p, "Syntax Error: Unexpected ");
	if (!deeper(p))
		return false;
	gql_next(l);
	while (!gql_is_punct(l, list ? "]" : "}")) {
		if (!list) {
			if (l->kind != GQL_NAME)
				return syntax_error(p, "Syntax Error: Expected Name, found ");
			gql_next(l);
			if (!gql_is_punct(l, ":"))
				return syntax_error(p, "Syntax Error: Expected \":\", found ");
			gql_next(l);
		}
		if (!skip_value(p))
			return false;
	}
	p->depth--;
	gql_next(l);
	return true;
}

/* `(name: value …)` or `(…)` of variable definitions: values with types and defaults in between. */
static bool skip_arguments(struct parser *p, bool variables)
{
	struct gql_lexer *l = &p->l;
	if (!gql_is_punct(l, "("))
		return true;
	gql_next(l);
	do {
		if (variables && !gql_is_punct(l, "$"))
			return syntax_error(p, "Syntax Error: Expected \"$\", found ");
		if (variables)
			gql_next(l);
		if (l->kind != GQL_NAME)
			return syntax_error(p, "Syntax Error: Expected Name, found ");
		gql_next(l);
		if (!gql_is_punct(l, ":"))
			return syntax_error(p, "Syntax Error: Expected \":\", found ");
		gql_next(l);
		if (!variables && !skip_value(p))
			return false;
		if (variables) {
			while (gql_is_punct(l, "[") || gql_is_punct(l, "]") || gql_is_punct(l, "!") ||
				l->kind == GQL_NAME)
				gql_next(l);
			if (gql_is_punct(l, "=")) {
				gql_next(l);
				if (!skip_value(p))
					return false;
			}
		}
	} while (!gql_is_punct(l, ")") && l->kind != GQL_END);
	if (!gql_is_punct(l, ")"))
		return syntax_error(p, "Syntax Error: Expected Name, found ");
	gql_next(l);
	return true;
}

static bool skip_directives(struct parser *p)
{
	while (gql_is_punct(&p->l, "@")) {
		gql_next(&p->l);
		if (p->l.kind != GQL_NAME)
			return syntax_error(p, "Syntax Error: Expected Name, found ");
		gql_next(&p->l);
		if (!skip_arguments(p, false))
			return false;
	}
	return true;
}

static bool skip_set(struct parser *p);

static bool skip_selection(struct parser *p)
{
	struct gql_lexer *l = &p->l;
	if (gql_is_punct(l, "...")) {
		gql_next(l);
		if (gql_is_word(l, "on"))
			gql_next(l);
		if (l->kind == GQL_NAME)
			gql_next(l);
		if (!skip_directives(p))
			return false;
		return !gql_is_punct(l, "{") || skip_set(p);
	}
	if (l->kind != GQL_NAME)
		return syntax_error(p, "Syntax Error: Expected Name, found ");
	gql_next(l);
	if (gql_is_punct(l, ":")) {
		gql_next(l);
		if (l->kind != GQL_NAME)
			return syntax_error(p, "Syntax Error: Expected Name, found ");
		gql_next(l);
	}
	if (!skip_arguments(p, false) || !skip_directives(p))
		return false;
	return !gql_is_punct(l, "{") || skip_set(p);
}

static bool skip_set(struct parser *p)
{
	if (!deeper(p))
		return false;
	gql_next(&p->l);
	do
		if (!skip_selection(p))
			return false;
	while (!gql_is_punct(&p->l, "}"));
	p->depth--;
	gql_next(&p->l);
	return true;
}

/* One definition: `{…}`, `query N(…) {…}`, `fragment F on T {…}` (GraphQL 2.2). */
static bool read_definition(struct parser *p)
{
	static const char *const words[3] = {"query", "mutation", "subscription"};
	struct gql_lexer *l = &p->l;
	struct def d = {.off = l->off};
	if (p->n_defs >= DEFS_MAX) {
		add_error(p, l->off, true, "Syntax Error: too many definitions", BYTES_NONE, "");
		return false;
	}
	if (!gql_is_punct(l, "{")) {
		bool known = false;
		for (int i = 0; i < 3; i++)
			if (gql_is_word(l, words[i])) {
				d.op = (enum gql_op)i;
				known = true;
			}
		d.fragment = gql_is_word(l, "fragment");
		if (!known && !d.fragment)
			return syntax_error(p, "Syntax Error: Unexpected ");
		gql_next(l);
		if (l->kind == GQL_NAME) {
			d.name = gql_token(l);
			gql_next(l);
		}
		if (d.fragment) {
			if (!gql_is_word(l, "on"))
				return syntax_error(p, "Syntax Error: Expected \"on\", found ");
			gql_next(l);
			if (l->kind != GQL_NAME)
				return syntax_error(p, "Syntax Error: Expected Name, found ");
			gql_next(l);
		} else if (!skip_arguments(p, true)) {
			return false;
		}
		if (!skip_directives(p))
			return false;
		if (!gql_is_punct(l, "{"))
			return syntax_error(p, "Syntax Error: Expected \"{\", found ");
	}
	d.body = l->off;
	p->defs[p->n_defs++] = d;
	return skip_set(p);
}

static const struct def *choose(struct parser *p, struct bytes name)
{
	const struct def *found = NULL;
	unsigned ops = 0;
	for (uint32_t i = 0; i < p->n_defs; i++) {
		if (p->defs[i].fragment)
			continue;
		ops++;
		if (!name.n || bytes_eq(p->defs[i].name, name))
			found = &p->defs[i];
	}
	if (!name.n && ops > 1)
		found = NULL;
	if (!found)
		add_error(p, 0, false, "Unable to identify operation", BYTES_NONE, "");
	return found;
}

static void collect(struct parser *p, struct gql_doc *d, size_t body);

/* The name of a type a fragment is for. */
static void known_type(struct parser *p)
{
	for (unsigned op = 0; op < 3; op++)
		if (p->s->has_op[op] && gql_is_word(&p->l, gql_op_types[op]))
			return;
	add_error(p, p->l.off, true, "Unknown type \"", gql_token(&p->l), "\".");
}

/* Fields here take no arguments; the current token is the "(" of some. */
static void refuse_arguments(struct parser *p, enum gql_op op, struct bytes field)
{
	struct gql_lexer back = p->l;
	struct buf b;
	for (gql_next(&p->l); p->l.kind == GQL_NAME;) {
		size_t off = p->l.off;
		buf_init(&b, p->errors->al, SIZE_MAX);
		buf_add(&b, gql_token(&p->l));
		buf_str(&b, "\" on field \"");
		buf_str(&b, gql_op_types[op]);
		buf_str(&b, ".");
		buf_add(&b, field);
		add_error(p, off, true, "Unknown argument \"", buf_bytes(&b), "\".");
		p->errors->failed |= b.failed;
		buf_fini(&b);
		gql_next(&p->l);
		gql_next(&p->l);
		if (!skip_value(p))
			break;
	}
	p->l = back;
}

/* Behind "...": an inline fragment's set, or a named fragment's. */
static void collect_fragment(struct parser *p, struct gql_doc *d)
{
	struct gql_lexer *l = &p->l;
	gql_next(l);
	bool inline_fragment = gql_is_word(l, "on") || gql_is_punct(l, "{") || gql_is_punct(l, "@");
	if (inline_fragment) {
		if (gql_is_word(l, "on")) {
			gql_next(l);
			known_type(p);
			gql_next(l);
		}
		skip_directives(p);
		size_t body = l->off;
		struct gql_lexer back = *l;
		collect(p, d, body);
		*l = back;
		skip_set(p);
		return;
	}
	struct bytes name = gql_token(l);
	size_t off = l->off;
	gql_next(l);
	skip_directives(p);
	for (uint32_t i = 0; i < p->n_defs; i++)
		if (p->defs[i].fragment && bytes_eq(p->defs[i].name, name)) {
			struct gql_lexer back = *l;
			p->defs[i].used = true;
			collect(p, d, p->defs[i].body);
			*l = back;
			return;
		}
	add_error(p, off, true, "Unknown fragment \"", name, "\".");
}

static void collect_field(struct parser *p, struct gql_doc *d)
{
	struct gql_lexer *l = &p->l;
	struct bytes key = gql_token(l), name = key;
	size_t off = l->off;
	const struct gql_field *field = NULL;
	gql_next(l);
	if (gql_is_punct(l, ":")) {
		gql_next(l);
		name = gql_token(l);
		gql_next(l);
	}
	for (uint32_t i = 0; i < p->s->n; i++)
		if (p->s->fields[i].op == d->op && bytes_eq(p->s->fields[i].name, name))
			field = &p->s->fields[i];
	if (field && gql_is_punct(l, "("))
		refuse_arguments(p, d->op, name);
	skip_arguments(p, false);
	skip_directives(p);
	if (!field && !bytes_eq_str(name, "__typename")) {
		struct buf b;
		buf_init(&b, p->errors->al, SIZE_MAX);
		buf_add(&b, name);
		buf_str(&b, "\" on type \"");
		buf_str(&b, gql_op_types[d->op]);
		add_error(p, off, true, "Cannot query field \"", buf_bytes(&b), "\".");
		buf_fini(&b);
	} else if (gql_is_punct(l, "{")) {
		add_error(p, l->off, true, "Field \"", name,
			"\" must not have a selection since type \"String\" has no subfields.");
	}
	if (gql_is_punct(l, "{"))
		skip_set(p);
	for (uint32_t i = 0; i < d->n; i++)
		if (bytes_eq(d->selections[i].key, key))
			return;
	if (d->n == 1)
		p->second = off;
	if (d->n < GQL_SELECTIONS_MAX)
		d->selections[d->n++] = (struct gql_selection){key, field};
	else if (!p->any_error)
		add_error(p, off, true, "Too many fields (GQL_SELECTIONS_MAX)", BYTES_NONE, ".");
}

static void collect(struct parser *p, struct gql_doc *d, size_t body)
{
	struct gql_lexer *l = &p->l;
	if (++p->depth > GQL_DEPTH_MAX || p->steps > 1000) {
		if (!p->any_error)
			add_error(p, body, true, "Fragments lead into each other", BYTES_NONE, ".");
		p->depth--;
		return;
	}
	l->at = body;
	gql_next(l);
	for (gql_next(l); !gql_is_punct(l, "}") && l->kind != GQL_END;) {
		p->steps++;
		if (gql_is_punct(l, "..."))
			collect_fragment(p, d);
		else
			collect_field(p, d);
	}
	p->depth--;
}

static bool read_document(struct parser *p)
{
	gql_next(&p->l);
	do
		if (!read_definition(p))
			return false;
	while (p->l.kind != GQL_END);
	return true;
}

/* A subscription is for one field (GraphQL 5.2.3.1). */
static void single_field(struct parser *p, const struct def *op)
{
	static const char rule[] = " must select only one top level field.";
	size_t off = p->second ? p->second : op->off;
	if (op->name.n == 0)
		add_error(p, off, true, "Anonymous Subscription", BYTES_NONE, rule);
	else {
		struct buf b;
		buf_init(&b, p->errors->al, SIZE_MAX);
		buf_add(&b, op->name);
		buf_u8(&b, '"');
		add_error(p, off, true, "Subscription \"", buf_bytes(&b), rule);
		p->errors->failed |= b.failed;
		buf_fini(&b);
	}
}

static unsigned operations(const struct parser *p)
{
	unsigned n = 0;
	for (uint32_t i = 0; i < p->n_defs; i++)
		n += !p->defs[i].fragment;
	return n;
}

/* GraphQL 5.5.1.4; with several operations another one may use them. */
static void unused_fragments(struct parser *p)
{
	for (uint32_t i = 0; i < p->n_defs && operations(p) <= 1; i++)
		if (p->defs[i].fragment && !p->defs[i].used)
			add_error(
				p, p->defs[i].off, true, "Fragment \"", p->defs[i].name, "\" is never used.");
}

/* An operation without a name must be alone (GraphQL 5.2.2.1). */
static bool lone_anonymous(struct parser *p)
{
	for (uint32_t i = 0; i < p->n_defs && operations(p) > 1; i++)
		if (!p->defs[i].fragment && p->defs[i].name.n == 0)
			add_error(p, p->defs[i].off, true,
				"This anonymous operation must be the only defined operation", BYTES_NONE,
				".");
	if (operations(p) == 0)
		unused_fragments(p);
	return !p->any_error;
}

bool gql_doc_read(struct gql_doc *d, const struct gql_schema *s, struct bytes query,
	struct bytes operation_name, struct buf *errors)
{
	struct parser p = {.l = {.text = query}, .s = s, .errors = errors};
	*d = (struct gql_doc){0};
	const struct def *op = NULL;
	if (read_document(&p) && lone_anonymous(&p) && (op = choose(&p, operation_name)) != NULL) {
		d->op = op->op;
		if (!s->has_op[d->op])
			add_error(&p, op->off, true, "Schema is not configured to execute ",
				bytes_str(d->op == GQL_MUTATION ? "mutation"
					  : d->op == GQL_QUERY  ? "query"
								: "subscription"),
				" operation.");
		else
			collect(&p, d, op->body);
		if (!p.any_error && d->op == GQL_SUBSCRIPTION && d->n != 1)
			single_field(&p, op);
		if (!p.any_error)
			unused_fragments(&p);
	}
	if (p.any_error)
		buf_u8(errors, ']');
	return !p.any_error && !errors->failed;
}

uint32_t gql_results(const struct gql_doc *d)
{
	if (d->op != GQL_SUBSCRIPTION)
		return 1;
	return d->n && d->selections[0].field ? d->selections[0].field->n_values : 0;
}

void gql_result(struct buf *out, const struct gql_doc *d, uint32_t i)
{
	buf_str(out, "{\"data\":{");
	for (uint32_t k = 0; k < d->n; k++) {
		const struct gql_selection *sel = &d->selections[k];
		if (k)
			buf_u8(out, ',');
		jt_quote(out, sel->key);
		buf_u8(out, ':');
		if (!sel->field)
			jt_quote(out, bytes_str(gql_op_types[d->op]));
		else if (sel->field->n_values == 0)
			buf_str(out, "null");
		else
			jt_quote(out,
				sel->field->values[d->op == GQL_SUBSCRIPTION ? i % sel->field->n_values : 0]);
	}
	buf_str(out, "}}");
}
