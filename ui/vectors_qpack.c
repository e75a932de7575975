/*
 * Vectors of QPACK: a script of what arrives at a decoder and what it sends, step by step (RFC 9204).
 *
 *	["encoder-stream", HEX, {"error": …}?]                                    octets of the encoder stream
 *	["field-section", STREAM, HEX, FIELDS | "blocked" | {"error": …} | NULL]   NULL: nothing comes of it
 *	["unblocked", STREAM, FIELDS]                                             a section that had to wait
 *	["decoder-emits", HEX]                                                    what the decoder has sent since
 *	["decoder-stream", HEX, {"error": …}?]                                    what a decoder sends, judged by its peer
 *	["stream-cancel", STREAM]
 *
 * A blocked section may give its fields with the step itself: they are compared once it is free.
 */
#include <string.h>

#include "proto/h3/h3.h"
#include "proto/qpack/qpack.h"
#include "ui/vectors.h"

#define SECTIONS_MAX 256 /* of one script */

struct qrun {
	struct vec_case *c;
	struct qpack_dec d;
	struct hfields fields;
	struct {
		uint64_t stream;
		json_t *fields;
	} due[QPACK_BLOCKED_MAX]; /* what blocked sections must give once they are free */
	size_t n_due, step;
	json_t *freed; /* {stream: fields}: sections that came free and that no step has asked for yet */
	struct vec_plan plan;

	/* What the encoder's side knows: sections that refer to the table and await their acknowledgement. */
	struct {
		uint64_t stream, required;
	} open[SECTIONS_MAX];
	size_t n_open;
	uint64_t known;
};

static const char *error_name(const struct perr *err)
{
	const struct h3_name *n = h3_error_info((uint64_t)err->code);
	return n ? n->name : "?";
}

static json_t *fields_json(const struct hfields *l, bool mark_never)
{
	json_t *list = json_array();
	for (size_t i = 0; i < l->count; i++) {
		struct hfield f = hfields_at(l, i);
		json_t *one = json_array();
		json_array_append_new(one, vec_string(f.name));
		json_array_append_new(one, vec_string(f.value));
		if (f.never_indexed && mark_never)
			json_array_append_new(one, json_string("never-indexed"));
		json_array_append_new(list, one);
	}
	return list;
}

static void match_fields(struct qrun *q, json_t *expected)
{
	json_t *marked = fields_json(&q->fields, true);
	if (!vec_same(expected, marked))
		vec_match(q->c, "fields", expected, fields_json(&q->fields, false));
	json_decref(marked);
}

static bool says_blocked(json_t *v)
{
	const char *s = json_string_value(v);
	return (s && (strstr(s, "block") || strstr(s, "wait") || strstr(s, "pending"))) ||
	       json_is_true(json_object_get(v, "blocked"));
}

/* What a step says about an error: an object's member, or a word that is not about waiting. */
static json_t *error_member(json_t *v)
{
	if (json_is_object(v))
		return json_object_get(v, "error");
	return json_is_string(v) && !says_blocked(v) ? v : NULL;
}

static bool names_code(json_t *v)
{
	return json_is_string(v) &&
	       (strstr(json_string_value(v), "QPACK_") || strstr(json_string_value(v), "H3_"));
}

static void match_error(struct qrun *q, json_t *expected, const struct perr *err)
{
	if (!expected) /* the case as a whole may say how it ends */
		expected = json_object_get(q->c->expect, "error");
	if (!expected)
		expected = json_object_get(q->c->j, "error");
	bool same = !names_code(expected);
	if (json_is_array(expected)) {
		size_t i;
		json_t *one;
		same = false;
		json_array_foreach(expected, i, one) same =
			same || (names_code(one) && !strcmp(json_string_value(one), error_name(err)));
	} else if (!same) {
		same = !strcmp(json_string_value(expected), error_name(err));
	}
	if (!expected)
		vec_fail(q->c, "step %zu: %s: %s (%s)", q->step, error_name(err), err->what, err->ref);
	else if (!same)
		vec_fail(q->c, "step %zu: wrong error %s: %s", q->step, error_name(err), err->what);
}

/* ---- the encoder's knowledge */

static void note_section(struct qrun *q, uint64_t stream, struct bytes section)
{
	uint64_t required, base;
	size_t used;
	if (qpack_prefix_read(section, q->d.max_capacity / HP_ENTRY_OVERHEAD, q->d.table.inserted, &required,
		    &base, &used) != HP_OK ||
		!required || q->n_open == SECTIONS_MAX)
		return;
	q->open[q->n_open].stream = stream;
	q->open[q->n_open++].required = required;
}

static void forget_section(struct qrun *q, size_t i)
{
	for (q->n_open--; i < q->n_open; i++)
		q->open[i] = q->open[i + 1];
}

/* Obeys one instruction of the decoder stream. False: an encoder must refuse it (RFC 9204 4.4). */
static bool obey(struct qrun *q, enum qpack_kind kind, uint64_t v)
{
	if (kind == QPACK_DEC_INSERT_COUNT_INCREMENT) {
		if (v == 0 || v > q->d.table.inserted - q->known)
			return false;
		q->known += v;
		return true;
	}
	for (size_t i = 0; i < q->n_open; i++) {
		if (q->open[i].stream != v)
			continue;
		if (kind == QPACK_DEC_SECTION_ACK && q->open[i].required > q->known)
			q->known = q->open[i].required;
		forget_section(q, i);
		if (kind == QPACK_DEC_SECTION_ACK)
			return true;
		i--;
	}
	return kind == QPACK_DEC_STREAM_CANCEL;
}

static bool next_instruction(struct bytes in, size_t *at, enum qpack_kind *kind, uint64_t *v)
{
	size_t used = 0;
	if (*at >= in.n)
		return false;
	*kind = qpack_decoder_kind(in.p[*at]);
	if (hp_int_read(bytes_sub(in, *at, in.n - *at), qpack_kinds[*kind].prefix_bits,
		    ((uint64_t)1 << 62) - 1, HP_INT62_OCTETS_MAX, v, &used) != HP_OK)
		return false;
	*at += used;
	return true;
}

/* The next instruction that is not an Insert Count Increment. */
static bool next_about_stream(struct bytes in, size_t *at, enum qpack_kind *kind, uint64_t *v)
{
	while (next_instruction(in, at, kind, v))
		if (*kind != QPACK_DEC_INSERT_COUNT_INCREMENT)
			return true;
	return false;
}

/* Do both say the same about streams? When increments are sent is the decoder's choice (RFC 9204 2.2.2.3). */
static bool same_about_streams(struct bytes a, struct bytes b)
{
	size_t at_a = 0, at_b = 0;
	enum qpack_kind kind_a, kind_b;
	uint64_t va, vb;
	for (;;) {
		bool more_a = next_about_stream(a, &at_a, &kind_a, &va),
		     more_b = next_about_stream(b, &at_b, &kind_b, &vb);
		if (!more_a || !more_b)
			return more_a == more_b;
		if (kind_a != kind_b || va != vb)
			return false;
	}
}

/* False: some instruction must be refused, or is not whole. */
static bool obey_all(struct qrun *q, struct bytes in)
{
	size_t at = 0;
	enum qpack_kind kind;
	uint64_t v;
	while (next_instruction(in, &at, &kind, &v))
		if (!obey(q, kind, v))
			return false;
	return at == in.n;
}

/* ---- steps */

static void keep_freed(struct qrun *q, uint64_t stream)
{
	char key[24];
	snprintf(key, sizeof key, "%llu", (unsigned long long)stream);
	json_object_set_new(q->freed, key, fields_json(&q->fields, true));
}

/* Compares what a section of `stream` gave when it came free. False: none has. */
static bool take_freed(struct qrun *q, uint64_t stream, json_t *expected)
{
	char key[24];
	snprintf(key, sizeof key, "%llu", (unsigned long long)stream);
	json_t *have = json_object_get(q->freed, key);
	if (!have)
		return false;
	if (json_is_array(expected))
		vec_match(q->c, "fields", expected, json_incref(have));
	json_object_del(q->freed, key);
	return true;
}

static void free_blocked(struct qrun *q)
{
	uint64_t stream;
	int r;
	while ((r = qpack_dec_unblocked(&q->d, &stream, &q->fields)) == 1) {
		size_t i = 0;
		while (i < q->n_due && (q->due[i].stream != stream || !q->due[i].fields))
			i++;
		if (i == q->n_due) {
			keep_freed(q, stream);
			continue;
		}
		match_fields(q, q->due[i].fields);
		q->due[i].fields = NULL;
	}
	if (r < 0)
		match_error(q, NULL, &q->d.err);
}

static void step_encoder(struct qrun *q, json_t *step)
{
	struct buf in;
	struct bytes piece;
	json_t *error = error_member(json_array_get(step, 2));
	bool ok = true;
	buf_init(&in, q->c->al, SIZE_MAX);
	if (vec_bytes(q->c, json_array_get(step, 1), &in)) {
		q->plan.at = 0;
		while (ok && vec_next_piece(q->c, &q->plan, buf_bytes(&in), &piece))
			ok = qpack_dec_encoder_stream(&q->d, piece);
		if (!ok)
			match_error(q, error, &q->d.err);
		else if (error)
			vec_fail(q->c, "step %zu: expected an error, was accepted", q->step);
		else
			free_blocked(q);
	}
	buf_fini(&in);
}

static void judge_section(struct qrun *q, json_t *step, uint64_t stream, struct bytes in)
{
	json_t *want = json_array_get(step, 3), *error = error_member(want);
	json_t *later = json_array_get(step, 4) ? json_array_get(step, 4) : json_object_get(want, "fields");
	note_section(q, stream, in);
	int r = qpack_dec_section(&q->d, stream, in, &q->fields);
	if (r < 0) {
		if (!json_is_null(want))
			match_error(q, error, &q->d.err);
	} else if (error) {
		vec_fail(q->c, "step %zu: expected an error, %s", q->step, r ? "was accepted" : "is blocked");
	} else if (r == 1 && (says_blocked(want) || json_is_null(want))) {
		vec_fail(q->c, "step %zu: expected blocked, was decoded", q->step);
	} else if (r == 1 && json_is_array(want)) {
		match_fields(q, want);
	} else if (r == 0 && q->n_due < QPACK_BLOCKED_MAX) {
		q->due[q->n_due].stream = stream;
		q->due[q->n_due++].fields = json_is_array(want) ? want : later;
	}
}

static void step_section(struct qrun *q, json_t *step)
{
	struct buf in;
	uint64_t stream = (uint64_t)json_integer_value(json_array_get(step, 1));
	buf_init(&in, q->c->al, SIZE_MAX);
	/* A section that was blocked may be handed in again once it is free. */
	if (vec_bytes(q->c, json_array_get(step, 2), &in) && !take_freed(q, stream, json_array_get(step, 3)))
		judge_section(q, step, stream, buf_bytes(&in));
	buf_fini(&in);
}

/* An Insert Count Increment may be told at once, later, or not at all; everything else must be the same. */
static void step_emits(struct qrun *q, json_t *step)
{
	struct buf want;
	buf_init(&want, q->c->al, SIZE_MAX);
	if (vec_bytes(q->c, json_array_get(step, 1), &want)) {
		bool alike = same_about_streams(buf_bytes(&q->d.out), buf_bytes(&want)) &&
			     obey_all(q, buf_bytes(&want));
		if (!alike)
			vec_match(q->c, "decoder-emits", json_array_get(step, 1),
				vec_hex(buf_bytes(&q->d.out)));
		buf_clear(&q->d.out);
	}
	buf_fini(&want);
}

static void step_decoder(struct qrun *q, json_t *step)
{
	static const struct perr refused = {QPACK_DECODER_STREAM_ERROR, 0,
		"an acknowledgement of what was not sent, or an increment of 0 or beyond what was inserted",
		"RFC 9204 4.4"};
	struct buf in;
	json_t *error = error_member(json_array_get(step, 2));
	buf_init(&in, q->c->al, SIZE_MAX);
	if (vec_bytes(q->c, json_array_get(step, 1), &in)) {
		bool ok = obey_all(q, buf_bytes(&in));
		if (!ok)
			match_error(q, error, &refused);
		else if (error)
			vec_fail(q->c, "step %zu: expected an error, was accepted", q->step);
	}
	buf_fini(&in);
}

static void step_cancel(struct qrun *q, uint64_t stream)
{
	qpack_dec_cancel(&q->d, stream);
	for (size_t i = 0; i < q->n_due; i++)
		if (q->due[i].stream == stream)
			q->due[i].fields = NULL;
}

static void run_step(struct qrun *q, json_t *step)
{
	const char *kind = json_string_value(json_array_get(step, 0));
	uint64_t stream = (uint64_t)json_integer_value(json_array_get(step, 1));
	if (!kind)
		vec_unknown(q->c, "a step without a name");
	else if (!strcmp(kind, "encoder-stream"))
		step_encoder(q, step);
	else if (!strcmp(kind, "field-section"))
		step_section(q, step);
	else if (!strcmp(kind, "decoder-emits"))
		step_emits(q, step);
	else if (!strcmp(kind, "decoder-stream"))
		step_decoder(q, step);
	else if (!strcmp(kind, "stream-cancel"))
		step_cancel(q, stream);
	else if (strcmp(kind, "unblocked"))
		vec_unknown(q->c, "the step %s", kind);
	else if (!take_freed(q, stream, json_array_get(step, 2)))
		vec_fail(q->c, "step %zu: no section of stream %llu has come free", q->step,
			(unsigned long long)stream);
}

static uint64_t limit_of(struct vec_case *c, const char *const *names, uint64_t otherwise)
{
	for (; *names; names++) {
		json_t *v = json_object_get(c->j, *names);
		if (json_is_integer(v))
			return (uint64_t)json_integer_value(v);
	}
	return otherwise;
}

void vec_run_qpack(struct vec_case *c, json_t *steps)
{
	static const char *const capacity[] = {"max_capacity", "max_table_capacity", NULL};
	static const char *const blocked[] = {"max_blocked", "blocked_streams", "max_blocked_streams", NULL};
	struct qrun q = {.c = c, .plan = VEC_PLAN_FIRST};
	json_t *step;
	while (vec_next_plan(c, &q.plan, 0)) {
		q.n_due = q.n_open = 0;
		q.known = 0;
		q.freed = json_object();
		qpack_dec_init(
			&q.d, c->al, limit_of(c, capacity, 0), limit_of(c, blocked, QPACK_BLOCKED_MAX));
		hfields_init(&q.fields, c->al, 1u << 20);
		json_array_foreach(steps, q.step, step)
		{
			run_step(&q, step);
			if (c->failures || q.d.failed)
				break;
		}
		if (!c->failures && !q.d.failed &&
			(json_object_get(c->expect, "error") || json_object_get(c->j, "error")))
			vec_fail(c, "expected an error, every step was accepted");
		for (size_t i = 0; i < q.n_due && !q.d.failed && !c->failures; i++)
			if (q.due[i].fields)
				vec_fail(c, "the section of stream %llu stays blocked",
					(unsigned long long)q.due[i].stream);
		json_decref(q.freed);
		hfields_fini(&q.fields);
		qpack_dec_fini(&q.d);
	}
}
