/*
 * keys: the table, finding in it, and what a single value must look like.
 */
#include "sim/scenario/keys.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

static const struct key_def keys[] = {
#define K(path, type, words, later, min, max, dflt, flags, concerns, help) \
	{path, KEY_##type, words, later, min, max, dflt, flags, concerns, help},
#include "sim/scenario/keys.def"
#undef K
};

const char key_techniques[] = "polling|long-polling|sse|websocket";
const char key_techniques_later[] = "sse-h2|socketio|graphql-ws|grpc-stream|webtransport";

size_t key_count(void)
{
	return sizeof keys / sizeof *keys;
}

const struct key_def *key_at(size_t i)
{
	return &keys[i];
}

/* Does a pattern match a path, segment by segment, `*` matching anything? */
static bool matches(const char *pattern, const char *path)
{
	for (;;) {
		size_t a = strcspn(pattern, "."), b = strcspn(path, ".");
		bool star = a == 1 && *pattern == '*' && b;
		if (!star && (a != b || memcmp(pattern, path, a)))
			return false;
		pattern += a;
		path += b;
		if (!*pattern || !*path)
			return !*pattern && !*path;
		pattern++;
		path++;
	}
}

int key_find(const char *path)
{
	for (size_t i = 0; i < key_count(); i++)
		if (matches(keys[i].path, path))
			return (int)i;
	return -1;
}

int key_child(int parent, const char *name)
{
	const struct key_def *p = &keys[parent];
	size_t n = strlen(p->path);
	bool named = p->type == KEY_NAMES || p->type == KEY_FREE || p->type == KEY_LIST;
	for (size_t i = 0; i < key_count(); i++) {
		const char *s = keys[i].path;
		if ((int)i == parent || strncmp(s, p->path, n) || !*s || (!n && *s == '@'))
			continue;
		s += n;
		if (n) {
			if (*s != '.')
				continue;
			s++;
		}
		if (strchr(s, '.'))
			continue;
		if (named ? !strcmp(s, "*") : !strcmp(s, name))
			return (int)i;
	}
	return -1;
}

const char *key_type_name(enum key_type t)
{
	static const char *const names[] = {
		[KEY_MAP] = "a mapping",
		[KEY_NAMES] = "a mapping of names",
		[KEY_FREE] = "a mapping of paths",
		[KEY_LIST] = "a list",
		[KEY_TEXT] = "a text",
		[KEY_ID] = "a name",
		[KEY_INT] = "a whole number",
		[KEY_NUMBER] = "a number",
		[KEY_DUR] = "a duration",
		[KEY_BPS] = "a rate",
		[KEY_SHARE] = "a share",
		[KEY_BYTES] = "a size",
		[KEY_RATE] = "a frequency",
		[KEY_BOOL] = "true or false",
		[KEY_WORD] = "a word",
		[KEY_TECH] = "a technique",
		[KEY_PRESET] = "the id of a preset",
		[KEY_NET] = "the name of a network",
		[KEY_HOP] = "the name of a network or box",
		[KEY_LINKAGE] = "the name of a network or box",
		[KEY_MACHINE] = "the name of a server or box",
		[KEY_SERVER] = "the name of a server",
		[KEY_GROUP] = "the name of a client group",
		[KEY_QUESTION] = "the id of a question",
		[KEY_PATH] = "the path of a key",
		[KEY_VALUES] = "a mapping of paths to values",
		[KEY_TEXTS] = "a mapping of texts",
		[KEY_SCALAR] = "a value",
		[KEY_HEADER] = "a header line",
		[KEY_TARGET] = "a request target",
		[KEY_EXPECT] = "an expectation",
	};
	return names[t];
}

/* "a, b or c" of "a|b|c". */
static void words_sentence(const char *list, char *out, size_t cap)
{
	char w[64], next[64];
	size_t n = 0;
	out[0] = 0;
	for (size_t i = 0; words_nth(list, i, w) && n + 80 < cap; i++) {
		bool last = !words_nth(list, i + 1, next);
		n += (size_t)snprintf(out + n, cap - n, "%s`%s`", !i ? "" : last ? " or " : ", ", w);
	}
}

void key_expects(const struct key_def *k, char *out, size_t cap)
{
	char words[512];
	words_sentence(k->type == KEY_TECH ? key_techniques : k->words, words, sizeof words);
	if (k->type == KEY_WORD || k->type == KEY_TECH) {
		snprintf(out, cap, "%s", words);
		return;
	}
	size_t n = (size_t)snprintf(out, cap, "%s", key_type_name(k->type));
	if (*k->min && *k->max && n < cap)
		n += (size_t)snprintf(out + n, cap - n, strcmp(k->min, k->max) ? " from %s to %s" : " (%s)",
			k->min, k->max);
	if (*words && n < cap)
		snprintf(out + n, cap - n, ", or %s", words);
}

/* Reads a value of a dimensioned type into one comparable number. */
static bool to_number(enum key_type t, const char *s, uint64_t *v, struct value_err *e)
{
	int64_t ns = 0;
	uint32_t ppm = 0;
	bool ok;
	switch (t) {
	case KEY_INT:
		return value_count(s, v, e);
	case KEY_NUMBER:
		return value_milli(s, v, e);
	case KEY_BPS:
		return value_bps(s, v, e);
	case KEY_BYTES:
		return value_bytes(s, v, e);
	case KEY_SHARE:
		ok = value_share(s, &ppm, e);
		*v = ppm;
		return ok;
	case KEY_RATE:
		ok = value_every(s, &ns, e);
		break;
	default:
		ok = value_duration(s, &ns, e);
		break;
	}
	*v = (uint64_t)ns;
	return ok;
}

static bool number_ok(const struct key_def *k, const char *text, char what[256], char hint[256])
{
	struct value_err e = {"", ""};
	uint64_t v, lim;
	if (!to_number(k->type, text, &v, &e)) {
		snprintf(what, 256, "%s", e.what);
		snprintf(hint, 256, "%s", e.hint);
		return false;
	}
	if (*k->min && to_number(k->type, k->min, &lim, &e) && v < lim) {
		snprintf(what, 256, "`%.80s` is less than %s allows", text, k->path);
		snprintf(hint, 256, "at least %s", k->min);
		return false;
	}
	if (*k->max && to_number(k->type, k->max, &lim, &e) && v > lim) {
		snprintf(what, 256, "`%.80s` is more than %s allows", text, k->path);
		snprintf(hint, 256, "at most %s", k->max);
		return false;
	}
	return true;
}

static bool word_ok(const char *words, const char *later, const char *text, const char *noun, char what[256],
	char hint[256])
{
	if (words_has(words, text))
		return true;
	char list[512];
	words_sentence(words, list, sizeof list);
	if (words_has(later, text)) {
		snprintf(what, 256, "`%.80s` is not modelled yet", text);
		snprintf(hint, 256, "what works now: %.200s", list);
		return false;
	}
	struct words_near near;
	words_near_init(&near, text);
	char w[16][64];
	for (size_t i = 0; i < 16 && words_nth(words, i, w[i]); i++)
		words_near_try(&near, w[i]);
	snprintf(what, 256, "unknown %s `%.80s`", noun, text);
	if (near.best)
		snprintf(hint, 256, "did you mean `%s`?", near.best);
	else
		snprintf(hint, 256, "one of %.200s", list);
	return false;
}

/* RFC 9110 5.1, 5.5: a token, a colon, visible text. */
static bool header_ok(const char *s, char what[256], char hint[256])
{
	static const char token[] =
		"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t n = strspn(s, token);
	if (n && s[n] == ':' && !strpbrk(s, "\r\n")) {
		for (const char *p = s + n; *p; p++)
			if ((unsigned char)*p > 0x7e || ((unsigned char)*p < 0x20 && *p != '\t'))
				goto bad;
		return true;
	}
bad:
	snprintf(what, 256, "`%.80s` is not a header line", s);
	snprintf(hint, 256, "for example \"User-Agent: curl/8\" (in quotes, because of the colon)");
	return false;
}

static bool target_ok(const char *s, char what[256], char hint[256])
{
	bool ok = s[0] == '/' && strlen(s) <= 1024;
	for (const char *p = s; *p && ok; p++)
		ok = (unsigned char)*p > 0x20 && (unsigned char)*p < 0x7f && *p != '?' && *p != '#';
	if (ok)
		return true;
	snprintf(what, 256, "`%.80s` is not a request target", s);
	snprintf(hint, 256, "for example /events, without `?` and `#`");
	return false;
}

bool key_value_ok(const struct key_def *k, const char *text, char what[256], char hint[256])
{
	struct value_err e = {"", ""};
	bool b;
	what[0] = hint[0] = 0;
	if (k->type != KEY_WORD && words_has(k->words, text))
		return true;
	switch (k->type) {
	case KEY_INT:
	case KEY_NUMBER:
	case KEY_DUR:
	case KEY_BPS:
	case KEY_SHARE:
	case KEY_BYTES:
	case KEY_RATE:
		return number_ok(k, text, what, hint);
	case KEY_WORD:
		return word_ok(k->words, k->later, text, "word", what, hint);
	case KEY_TECH:
		return word_ok(key_techniques, key_techniques_later, text, "technique", what, hint);
	case KEY_BOOL:
		if (value_bool(text, &b, &e))
			return true;
		break;
	case KEY_ID:
		if (value_id(text, &e))
			return true;
		break;
	case KEY_HEADER:
		return header_ok(text, what, hint);
	case KEY_TARGET:
		return target_ok(text, what, hint);
	default:
		if (*text)
			return true;
		snprintf(what, 256, "a value is missing");
		snprintf(hint, 256, "expected %s", key_type_name(k->type));
		return false;
	}
	snprintf(what, 256, "%s", e.what);
	snprintf(hint, 256, "%s", e.hint);
	return false;
}
