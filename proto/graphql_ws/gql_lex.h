/*
 * gql_lex: tokens of the GraphQL language (GraphQL specification, October 2021, 2.1), for schemas and documents.
 */
#ifndef PROTO_GRAPHQL_WS_GQL_LEX_H
#define PROTO_GRAPHQL_WS_GQL_LEX_H

#include "proto/base/base.h"

enum gql_token { GQL_END, GQL_NAME, GQL_PUNCT, GQL_STRING, GQL_NUMBER, GQL_BAD };

struct gql_lexer {
	struct bytes text;
	size_t at;
	enum gql_token kind; /* current token */
	size_t off, len;
};

/* Goes on to the next token. The first call gives the first one. */
void gql_next(struct gql_lexer *l);

/* The current token's octets. */
static inline struct bytes gql_token(const struct gql_lexer *l)
{
	return bytes_sub(l->text, l->off, l->len);
}

static inline bool gql_is_punct(const struct gql_lexer *l, const char *p)
{
	return l->kind == GQL_PUNCT && bytes_eq_str(gql_token(l), p);
}

static inline bool gql_is_word(const struct gql_lexer *l, const char *w)
{
	return l->kind == GQL_NAME && bytes_eq_str(gql_token(l), w);
}

#endif
