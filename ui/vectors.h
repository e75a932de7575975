/*
 * vectors: running test vectors (files of format `wire-vectors/1`) through our own codecs.
 *
 *	file ─▶ cases ─▶ vec_NAME of the case's protocol ─▶ our codec, fed by every plan ─▶ expectations ─▶ passed, failed
 *
 * A plan is a way to deliver the same octets: all at once, one by one, and cut at each list of `splits`. The result
 * must be the same for all of them. One protocol is one line in vector_kinds.def and one function in ui/vectors_*.c.
 */
#ifndef UI_VECTORS_H
#define UI_VECTORS_H

#include <jansson.h>
#include <stdio.h>

#include "proto/base/base.h"

struct vec_case {
	const char *protocol, *suite, *id;
	json_t *j;      /* the case */
	json_t *expect; /* its `expect`, or NULL */
	const struct alloc *al;
	unsigned failures, notes;
	struct buf report; /* what was expected and what came, one indented line each */
	const char *plan;  /* how the octets are being delivered, for the report */
	bool unknown;      /* the case is of a kind this program does not know */
};

#define X(name, function) void function(struct vec_case *c);
#include "ui/vector_kinds.def"
#undef X

/* A sentence on what went wrong; the case has failed. */
void vec_fail(struct vec_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The case is of a kind not known here: an error, never a silent pass. */
void vec_unknown(struct vec_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A sentence for whoever runs the file; the case passes or fails without it. */
void vec_note(struct vec_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Notes every member of an expectation that is not among the space-separated `names`: it was not looked at. Words for people (reason,
 * note, why, comment) are known everywhere. */
void vec_known(struct vec_case *c, const char *what, const json_t *object, const char *names);

/* Is `word` one of the space-separated words of `list`? */
bool vec_listed(const char *list, const char *word);

/* Appends the octets a byte value stands for: hex, {latin1}, {rep, n}, or a list of these. False: not one (reported). */
bool vec_bytes(struct vec_case *c, json_t *value, struct buf *out);
/* The same for a member of the case; an absent member gives no octets. */
bool vec_input(struct vec_case *c, const char *key, struct buf *out);
/* A string's octets as they are in the file. */
struct bytes vec_text(json_t *string);

/* Compares what must be with what came: every member of `expected` must be in `actual`; lists must have the same
 * length. `actual` is taken over. False: reported. */
bool vec_match(struct vec_case *c, const char *what, json_t *expected, json_t *actual);
/* Does it match? Nothing is reported. Neither is taken over. */
bool vec_same(json_t *expected, json_t *actual);

/* A JSON text as a value, NULL when it is none. Integers beyond 64 bits become reals. */
json_t *vec_json(struct bytes text);
/* Integers that were read as reals for their size go back to integers where they fit exactly. */
json_t *vec_tame(json_t *v);

/* A name in `want` that `have` does not know gets the value of a member of `have` that equals it: the files name some
 * fields otherwise than the standards do. A value that nothing has stays a difference. */
void vec_adopt(json_t *want, json_t *have);

/* Octets as a JSON string of hex digits. */
json_t *vec_hex(struct bytes b);
/* Octets as a JSON string; what is not UTF-8 is read as Latin-1. */
json_t *vec_string(struct bytes b);
/* Octets as a JSON string, one char each. */
json_t *vec_latin1(struct bytes b);

/* Runs a script against our Engine.IO server, with a Socket.IO server on it or an echo. */
void vec_run_server(struct vec_case *c, json_t *steps, bool socketio);

/* Runs a script against our QPACK decoder. */
void vec_run_qpack(struct vec_case *c, json_t *steps);

/* A delivery plan. */
struct vec_plan {
	unsigned number; /* 0 whole, 1 octet by octet, then `splits` */
	size_t at, n;    /* octets delivered so far (behind the piece just given), octets in all */
	size_t before;   /* octets delivered before the piece just given */
	bool octets;     /* one at a time */
	char name[32];
};
#define VEC_PLAN_FIRST ((struct vec_plan){.number = UINT32_MAX})
/* The next plan for an input of n octets; false: there is none left. Start from VEC_PLAN_FIRST. */
bool vec_next_plan(struct vec_case *c, struct vec_plan *p, size_t n);
/* The next piece of the input under this plan; false: all was delivered. An empty input gives no piece. */
bool vec_next_piece(const struct vec_case *c, struct vec_plan *p, struct bytes input, struct bytes *piece);

#endif
