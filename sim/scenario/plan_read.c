/*
 * plan_read: single values out of the tree. An absent or unsound value reads as the default of its key (it has been
 * complained about already), so that building goes on and finds more.
 */
#include "sim/scenario/plan_impl.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/keys.h"
#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

static const struct key_def *key_of(const char *parent, const char *key)
{
	char path[128];
	snprintf(path, sizeof path, "%s%s%s", parent, *parent ? "." : "", key);
	int k = key_find(path);
	return key_at(k < 0 ? 0 : (size_t)k);
}

/* The text of a sound value, else the default. */
static const char *sound(const struct doc_node *map, const struct key_def *k, const char *key)
{
	char what[256], hint[256];
	const struct doc_node *n = doc_get(map, key);
	if (n && n->kind == DOC_SCALAR && *n->text && key_value_ok(k, n->text, what, hint))
		return n->text;
	return k->dflt;
}

const char *plan_text(const struct doc_node *map, const char *parent, const char *key)
{
	return sound(map, key_of(parent, key), key);
}

int64_t plan_dur(const struct doc_node *map, const char *parent, const char *key)
{
	struct value_err e = {"", ""};
	int64_t ns = 0;
	return value_duration(plan_text(map, parent, key), &ns, &e) ? ns : 0;
}

uint64_t plan_bps(const struct doc_node *map, const char *parent, const char *key)
{
	struct value_err e = {"", ""};
	uint64_t v = 0;
	return value_bps(plan_text(map, parent, key), &v, &e) ? v : 0;
}

uint64_t plan_bytes(const struct doc_node *map, const char *parent, const char *key)
{
	struct value_err e = {"", ""};
	uint64_t v = 0;
	return value_bytes(plan_text(map, parent, key), &v, &e) ? v : 0;
}

uint32_t plan_share(const struct doc_node *map, const char *parent, const char *key)
{
	struct value_err e = {"", ""};
	uint32_t v = 0;
	return value_share(plan_text(map, parent, key), &v, &e) ? v : 0;
}

uint64_t plan_int(const struct doc_node *map, const char *parent, const char *key)
{
	struct value_err e = {"", ""};
	uint64_t v = 0;
	return value_count(plan_text(map, parent, key), &v, &e) ? v : 0;
}

uint32_t plan_milli(const struct doc_node *map, const char *parent, const char *key)
{
	struct value_err e = {"", ""};
	uint64_t v = 0;
	return value_milli(plan_text(map, parent, key), &v, &e) ? (uint32_t)v : 0;
}

bool plan_bool(const struct doc_node *map, const char *parent, const char *key)
{
	return !strcmp(plan_text(map, parent, key), "true");
}

int plan_word(const struct doc_node *map, const char *parent, const char *key)
{
	const struct key_def *k = key_of(parent, key);
	int i = words_index(k->words, sound(map, k, key));
	return i < 0 ? words_index(k->words, k->dflt) : i;
}
