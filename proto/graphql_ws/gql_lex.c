/*
 * gql_lex: see gql_lex.h.
 */
#include "proto/graphql_ws/gql_lex.h"

#include <string.h>

static bool is_name_start(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* White space, commas, comments and the byte order mark mean nothing (GraphQL 2.1). */
static void skip_ignored(struct gql_lexer *l)
{
	while (l->at < l->text.n) {
		uint8_t c = l->text.p[l->at];
		if (c == '#') {
			while (l->at < l->text.n && l->text.p[l->at] != '\n' && l->text.p[l->at] != '\r')
				l->at++;
		} else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',') {
			l->at++;
		} else if (c == 0xef && l->text.n - l->at >= 3 && l->text.p[l->at + 1] == 0xbb &&
			   l->text.p[l->at + 2] == 0xbf) {
			l->at += 3;
		} else {
			return;
		}
	}
}

static enum gql_token lex_string(struct gql_lexer *l)
{
	struct bytes t = l->text;
	size_t i = l->at;
	if (t.n - i >= 3 && memcmp(t.p + i, "\"\"\"", 3) == 0) {
		for (i += 3; t.n - i >= 3; i++) {
			if (t.p[i] == '\\' && t.n - i >= 4 && memcmp(t.p + i + 1, "\"\"\"", 3) == 0)
				i += 3;
			else if (memcmp(t.p + i, "\"\"\"", 3) == 0) {
				l->at = i + 3;
				return GQL_STRING;
			}
		}
		return GQL_BAD;
	}
	for (i++; i < t.n && t.p[i] != '"'; i++) {
		if (t.p[i] == '\n' || t.p[i] == '\r')
			return GQL_BAD;
		if (t.p[i] == '\\')
			i++;
	}
	if (i >= t.n)
		return GQL_BAD;
	l->at = i + 1;
	return GQL_STRING;
}

void gql_next(struct gql_lexer *l)
{
	skip_ignored(l);
	l->off = l->at;
	l->len = 0;
	if (l->at >= l->text.n) {
		l->kind = GQL_END;
		return;
	}
	uint8_t c = l->text.p[l->at];
	if (is_name_start(c)) {
		while (l->at < l->text.n && (is_name_start(l->text.p[l->at]) || is_digit(l->text.p[l->at])))
			l->at++;
		l->kind = GQL_NAME;
	} else if (is_digit(c) || c == '-') {
		for (l->at++; l->at < l->text.n &&
			      (is_digit(l->text.p[l->at]) || strchr(".eE+-", l->text.p[l->at]));
			l->at++)
			if (l->text.p[l->at] == 0)
				break;
		l->kind = GQL_NUMBER;
	} else if (c == '"') {
		l->kind = lex_string(l);
	} else if (l->text.n - l->at >= 3 && memcmp(l->text.p + l->at, "...", 3) == 0) {
		l->at += 3;
		l->kind = GQL_PUNCT;
	} else if (c && strchr("!$&()[]{}:=@|", c)) {
		l->at++;
		l->kind = GQL_PUNCT;
	} else {
		l->kind = GQL_BAD;
	}
	l->len = l->at - l->off;
}
