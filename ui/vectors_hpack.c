/*
 * Vectors of HPACK: blocks in order over one context, each with the headers and the table it must leave behind.
 */
#include "proto/hpack/hpack.h"
#include "ui/vectors.h"

/* Octets may be written as UTF-8 or one char each: the notation that equals what is expected is taken. */
static json_t *text_json(struct bytes b, json_t *want)
{
	json_t *one = vec_latin1(b);
	if (want && json_equal(one, want))
		return one;
	json_decref(one);
	return vec_string(b);
}

static json_t *field_json(const struct hpack_rep *r, json_t *want)
{
	json_t *f = json_array();
	json_array_append_new(f, text_json(r->name, json_array_get(want, 0)));
	json_array_append_new(f, text_json(r->value, json_array_get(want, 1)));
	if (r->never_indexed && json_array_size(want) != 2) /* a list of pairs does not look at it */
		json_array_append_new(f, json_string("never-indexed"));
	return f;
}

static json_t *table_json(const struct hp_table *t, json_t *want)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->count; i++) {
		const struct hp_entry *e = hp_table_at(t, i);
		json_t *f = json_array();
		json_array_append_new(
			f, text_json(hp_entry_name(e), json_array_get(json_array_get(want, i), 0)));
		json_array_append_new(
			f, text_json(hp_entry_value(e), json_array_get(json_array_get(want, i), 1)));
		json_array_append_new(list, f);
	}
	return list;
}

/* Decodes one block as the plan says. False: the decoder refused it. */
static bool decode(struct vec_case *c, struct hpack_dec *d, struct vec_plan plan, struct bytes wire,
	json_t *headers, json_t *want)
{
	struct hpack_rep rep;
	struct bytes piece;
	int r = 0;
	hpack_dec_begin(d);
	plan.at = 0;
	plan.n = wire.n;
	while (r >= 0 && vec_next_piece(c, &plan, wire, &piece)) {
		hpack_dec_feed(d, piece);
		while ((r = hpack_dec_next(d, false, &rep)) == 1)
			if (rep.kind != HPACK_SIZE_UPDATE)
				json_array_append_new(headers,
					field_json(&rep, json_array_get(want, json_array_size(headers))));
	}
	return r >= 0 && hpack_dec_next(d, true, &rep) == 0;
}

static bool run_block(
	struct vec_case *c, struct hpack_dec *d, const struct vec_plan *plan, size_t i, json_t *block)
{
	json_t *limit = json_object_get(block, "set_limit");
	if (limit) {
		hpack_dec_set_limit(d, (size_t)json_integer_value(limit));
		if (!json_object_get(block, "wire"))
			return true;
	}
	struct buf wire;
	buf_init(&wire, c->al, SIZE_MAX);
	json_t *w = json_object_get(block, "wire"), *headers = json_array();
	if (!w)
		vec_unknown(c, "a block without wire or set_limit");
	bool ok = w && vec_bytes(c, w, &wire) &&
		  decode(c, d, *plan, buf_bytes(&wire), headers, json_object_get(block, "headers"));
	const char *error = json_string_value(json_object_get(block, "error"));
	if (error && ok)
		vec_fail(c, "block %zu: expected an error (%s), was accepted", i, error);
	if (!error && !ok && w)
		vec_fail(c, "block %zu: refused at octet %llu: %s (%s)", i, (unsigned long long)d->err.off,
			d->err.what ? d->err.what : "?", d->err.ref ? d->err.ref : "");
	if (!error && ok) {
		json_t *e;
		if ((e = json_object_get(block, "headers")))
			vec_match(c, "headers", e, json_incref(headers));
		if ((e = json_object_get(block, "table")))
			vec_match(c, "table", e, table_json(&d->table, e));
		if ((e = json_object_get(block, "table_size")))
			vec_match(c, "table_size", e, json_integer((json_int_t)d->table.size));
		if ((e = json_object_get(block, "max_size")))
			vec_match(c, "max_size", e, json_integer((json_int_t)d->table.max_size));
	}
	json_decref(headers);
	buf_fini(&wire);
	return ok && !error;
}

/* What our encoder makes of the headers must come back as the same headers. */
static void encode_back(struct vec_case *c, json_t *blocks)
{
	struct hpack_enc e;
	struct hpack_dec d;
	hpack_enc_init(&e, c->al, HPACK_TABLE_SIZE_DEFAULT);
	hpack_dec_init(&d, c->al, HPACK_TABLE_SIZE_DEFAULT, HPACK_STRING_MAX_DEFAULT);
	size_t i, k;
	json_t *block, *f;
	c->plan = "encoded by us";
	json_array_foreach(blocks, i, block)
	{
		json_t *list = json_object_get(block, "headers"), *got = json_array();
		struct buf out;
		buf_init(&out, c->al, SIZE_MAX);
		hpack_enc_begin(&e, &out);
		json_array_foreach(list, k, f) hpack_enc_field(&e, &out, vec_text(json_array_get(f, 0)),
			vec_text(json_array_get(f, 1)), json_array_size(f) > 2 ? HPACK_NEVER : HPACK_ADD);
		struct vec_plan plan = {.number = 0};
		if (list && !decode(c, &d, plan, buf_bytes(&out), got, list))
			vec_fail(c, "block %zu: our decoder refuses it: %s", i, d.err.what);
		else if (list)
			vec_match(c, "headers", list, json_incref(got));
		json_decref(got);
		buf_fini(&out);
	}
	c->plan = NULL;
	hpack_enc_fini(&e);
	hpack_dec_fini(&d);
}

void vec_hpack(struct vec_case *c)
{
	json_t *blocks = json_object_get(c->j, "blocks"), *block;
	json_t *limit = json_object_get(c->j, "limit");
	if (!json_is_array(blocks)) {
		vec_unknown(c, "no blocks");
		return;
	}
	struct vec_plan plan = VEC_PLAN_FIRST;
	while (vec_next_plan(c, &plan, 0)) {
		struct hpack_dec d;
		size_t i;
		hpack_dec_init(&d, c->al,
			limit ? (size_t)json_integer_value(limit) : HPACK_TABLE_SIZE_DEFAULT,
			HPACK_STRING_MAX_DEFAULT);
		json_array_foreach(blocks, i, block) if (!run_block(c, &d, &plan, i, block)) break;
		hpack_dec_fini(&d);
	}
	if (!c->failures)
		encode_back(c, blocks);
}
