/*
 * schema: every key of keys.def with its sentence, choices and a pattern for its unit. A schema cannot look names up;
 * `backtalk check` does.
 */
#include "sim/scenario/schema.h"

#include <stdio.h>
#include <string.h>

#include "sim/measure/jsonw.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/words.h"

static const char *pattern_of(enum key_type t)
{
	switch (t) {
	case KEY_DUR:
		return "^(0|([0-9]+(\\.[0-9]+)?(ns|us|µs|ms|s|min|m|h|d))+)$";
	case KEY_BPS:
		return "^[0-9]+(\\.[0-9]+)?(bit|kbit|Mbit|Gbit)/s$";
	case KEY_SHARE:
		return "^[0-9]+(\\.[0-9]+)?%$";
	case KEY_BYTES:
		return "^[0-9]+(\\.[0-9]+)?(B|kB|KiB|MB|MiB|GB|GiB)$";
	case KEY_RATE:
		return "^[0-9]+(\\.[0-9]+)?/[0-9.]*(ns|us|µs|ms|s|min|m|h|d)$";
	case KEY_ID:
		return "^[A-Za-z][A-Za-z0-9_-]{0,63}$";
	default:
		return NULL;
	}
}

static void words_enum(struct jsonw *j, const char *words)
{
	char w[64];
	jsonw_key(j, "enum");
	jsonw_open(j, '[', true);
	for (size_t i = 0; words_nth(words, i, w); i++)
		jsonw_text(j, w);
	jsonw_close(j, ']');
}

static void key_schema(struct jsonw *j, int key);

static const char *tail(const char *path)
{
	const char *dot = strrchr(path, '.');
	return dot ? dot + 1 : path;
}

static void map_schema(struct jsonw *j, int key)
{
	jsonw_kv(j, "type", "object");
	jsonw_kbool(j, "additionalProperties", false);
	jsonw_key(j, "properties");
	jsonw_open(j, '{', false);
	for (size_t i = 1; i < key_count(); i++)
		if (strcmp(tail(key_at(i)->path), "*") && key_child(key, tail(key_at(i)->path)) == (int)i) {
			jsonw_key(j, tail(key_at(i)->path));
			key_schema(j, (int)i);
		}
	jsonw_close(j, '}');
	jsonw_key(j, "required");
	jsonw_open(j, '[', true);
	for (size_t i = 1; i < key_count(); i++)
		if ((key_at(i)->flags & KEY_REQ) && key_child(key, tail(key_at(i)->path)) == (int)i)
			jsonw_text(j, tail(key_at(i)->path));
	jsonw_close(j, ']');
}

static void scalar_schema(struct jsonw *j, const struct key_def *k)
{
	const char *pattern = pattern_of(k->type);
	switch (k->type) {
	case KEY_WORD:
		words_enum(j, k->words);
		break;
	case KEY_TECH:
		words_enum(j, key_techniques);
		break;
	case KEY_INT:
		jsonw_kv(j, "type", "integer");
		break;
	case KEY_NUMBER:
		jsonw_kv(j, "type", "number");
		break;
	case KEY_BOOL:
		jsonw_kv(j, "type", "boolean");
		break;
	case KEY_SCALAR:
		jsonw_key(j, "type");
		jsonw_open(j, '[', true);
		jsonw_text(j, "string");
		jsonw_text(j, "number");
		jsonw_text(j, "boolean");
		jsonw_close(j, ']');
		break;
	default:
		jsonw_kv(j, "type", "string");
		if (pattern)
			jsonw_kv(j, "pattern", pattern);
	}
}

static void type_schema(struct jsonw *j, int key)
{
	const struct key_def *k = key_at((size_t)key);
	switch (k->type) {
	case KEY_MAP:
		map_schema(j, key);
		break;
	case KEY_NAMES:
		jsonw_kv(j, "type", "object");
		jsonw_key(j, "additionalProperties");
		key_schema(j, key_child(key, "*"));
		break;
	case KEY_LIST:
		jsonw_kv(j, "type", "array");
		jsonw_key(j, "items");
		key_schema(j, key_child(key, "*"));
		break;
	case KEY_VALUES:
	case KEY_TEXTS:
		jsonw_kv(j, "type", "object");
		break;
	default:
		scalar_schema(j, k);
	}
}

/* `pattern` or `properties`, or one of the words. */
static void key_schema(struct jsonw *j, int key)
{
	const struct key_def *k = key_at((size_t)key);
	bool mixed = *k->words && k->type != KEY_WORD && k->type != KEY_GROUP;
	jsonw_open(j, '{', false);
	jsonw_kv(j, "description", k->help);
	if (*k->dflt)
		jsonw_kv(j, "default", k->dflt);
	if (mixed) {
		jsonw_key(j, "anyOf");
		jsonw_open(j, '[', false);
		jsonw_open(j, '{', true);
		words_enum(j, k->words);
		jsonw_close(j, '}');
		jsonw_open(j, '{', false);
		type_schema(j, key);
		jsonw_close(j, '}');
		jsonw_close(j, ']');
	} else {
		type_schema(j, key);
	}
	jsonw_close(j, '}');
}

char *schema_text(void)
{
	struct jsonw j;
	jsonw_init(&j, false);
	jsonw_open(&j, '{', false);
	jsonw_kv(&j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	jsonw_kv(&j, "title", "backtalk scenario, version 1");
	jsonw_kv(&j, "description", key_at(0)->help);
	map_schema(&j, 0);
	jsonw_close(&j, '}');
	return jsonw_take(&j);
}
