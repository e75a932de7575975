/*
 * gql_schema: the text of a schema: types of the operations with their fields, then what each field answers (gql.h).
 */
#include <string.h>

#include "proto/graphql_ws/gql.h"
#include "proto/graphql_ws/gql_lex.h"

const char *const gql_op_types[3] = {"Query", "Mutation", "Subscription"};

static bool schema_bad(struct perr *err, size_t off, const char *what)
{
	*err = (struct perr){0, off, what, "GraphQL 3"};
	return false;
}

/* `type Query { a: String b: String }` behind the word `type`. */
static bool schema_type(struct gql_schema *s, struct gql_lexer *l, struct perr *err)
{
	int op = -1;
	gql_next(l);
	for (int i = 0; i < 3; i++)
		if (gql_is_word(l, gql_op_types[i]))
			op = i;
	if (op < 0)
		return schema_bad(err, l->off, "only Query, Mutation and Subscription are known types");
	s->has_op[op] = true;
	gql_next(l);
	if (!gql_is_punct(l, "{"))
		return schema_bad(err, l->off, "{ is missing");
	for (gql_next(l); l->kind == GQL_NAME;) {
		if (s->n >= GQL_FIELDS_MAX)
			return schema_bad(err, l->off, "too many fields (GQL_FIELDS_MAX)");
		s->fields[s->n++] = (struct gql_field){.op = (enum gql_op)op, .name = gql_token(l)};
		gql_next(l);
		if (!gql_is_punct(l, ":"))
			return schema_bad(err, l->off, "a field needs a type");
		gql_next(l);
		while (gql_is_punct(l, "[") || gql_is_punct(l, "]") || gql_is_punct(l, "!"))
			gql_next(l);
		if (l->kind != GQL_NAME)
			return schema_bad(err, l->off, "a field needs a type");
		gql_next(l);
		while (gql_is_punct(l, "]") || gql_is_punct(l, "!"))
			gql_next(l);
	}
	if (!gql_is_punct(l, "}"))
		return schema_bad(err, l->off, "} is missing");
	gql_next(l);
	return true;
}

static struct bytes trim(struct bytes b)
{
	while (b.n && (b.p[0] == ' ' || b.p[0] == '\t' || b.p[0] == '\n'))
		b = bytes_sub(b, 1, b.n - 1);
	while (b.n && (b.p[b.n - 1] == ' ' || b.p[b.n - 1] == '\t' || b.p[b.n - 1] == '\n'))
		b.n--;
	if (b.n >= 2 && b.p[0] == '"' && b.p[b.n - 1] == '"')
		b = bytes_sub(b, 1, b.n - 2);
	return b;
}

/* `name -> value, value` */
static bool schema_answer(struct gql_schema *s, struct bytes part, size_t off, struct perr *err)
{
	size_t arrow = 0;
	while (arrow + 1 < part.n && !(part.p[arrow] == '-' && part.p[arrow + 1] == '>'))
		arrow++;
	if (arrow + 1 >= part.n)
		return trim(part).n == 0 || schema_bad(err, off, "-> is missing");
	struct bytes name = trim(bytes_sub(part, 0, arrow));
	struct gql_field *f = NULL;
	for (uint32_t i = 0; i < s->n; i++)
		if (bytes_eq(s->fields[i].name, name))
			f = &s->fields[i];
	if (!f)
		return schema_bad(err, off, "no field has this name");
	struct bytes rest = bytes_sub(part, arrow + 2, part.n - arrow - 2);
	while (f->n_values < GQL_VALUES_MAX) {
		const uint8_t *comma = rest.n ? memchr(rest.p, ',', rest.n) : NULL;
		size_t n = comma && f->op == GQL_SUBSCRIPTION ? (size_t)(comma - rest.p) : rest.n;
		f->values[f->n_values++] = trim(bytes_sub(rest, 0, n));
		if (n == rest.n)
			return true;
		rest = bytes_sub(rest, n + 1, rest.n - n - 1);
	}
	return schema_bad(err, off, "too many values (GQL_VALUES_MAX)");
}

bool gql_schema_read(struct gql_schema *s, struct bytes text, struct perr *err)
{
	*s = (struct gql_schema){0};
	const uint8_t *semi = text.n ? memchr(text.p, ';', text.n) : NULL;
	size_t types = semi ? (size_t)(semi - text.p) : text.n;
	struct gql_lexer l = {.text = bytes_sub(text, 0, types)};
	for (gql_next(&l); l.kind != GQL_END;) {
		if (!gql_is_word(&l, "type"))
			return schema_bad(err, l.off, "the word type is missing");
		if (!schema_type(s, &l, err))
			return false;
	}
	for (size_t at = types; at < text.n;) {
		at++;
		const uint8_t *end = at < text.n ? memchr(text.p + at, ';', text.n - at) : NULL;
		size_t n = end ? (size_t)(end - text.p) - at : text.n - at;
		if (!schema_answer(s, bytes_sub(text, at, n), at, err))
			return false;
		at += n;
	}
	return true;
}
