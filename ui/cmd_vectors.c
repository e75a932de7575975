/*
 * backtalk vectors FILE…: test vectors through our own codecs.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "ui/commands.h"
#include "ui/vectors.h"

static const struct {
	const char *protocol;
	void (*run)(struct vec_case *c);
} kinds[] = {
#define X(name, function) {name, function},
#include "ui/vector_kinds.def"
#undef X
};

struct tally {
	unsigned passed, failed, unknown;
	bool json, quiet;
	const char *only;
	json_t *failures, *notes;
};

static const char *text_of(json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));
	return s ? s : "";
}

static void report(
	struct tally *t, json_t *list, const char *word, const char *file, const struct vec_case *c)
{
	if (t->json) {
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:o}", "file", file, "id", c->id, "title",
				      text_of(c->j, "title"), "report", vec_string(buf_bytes(&c->report))));
		return;
	}
	printf("%s %s  %s\n%.*s", word, c->id, text_of(c->j, "title"), (int)c->report.n,
		c->report.n ? (const char *)c->report.p : "");
}

static void run_case(struct tally *t, const char *file, const char *protocol, const char *suite, json_t *j)
{
	struct vec_case c = {.protocol = protocol,
		.suite = suite,
		.id = text_of(j, "id"),
		.j = j,
		.expect = json_object_get(j, "expect"),
		.al = &alloc_libc};
	if (t->only && !strstr(c.id, t->only))
		return;
	buf_init(&c.report, &alloc_libc, SIZE_MAX);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i].protocol, protocol))
			kinds[i].run(&c);
	/* Where the standard leaves room a different result is no failure; a kind we do not know still is. */
	t->unknown += c.unknown;
	if (!c.id[0])
		vec_unknown(&c, "it has no id");
	bool excused = json_is_true(json_object_get(j, "optional")) && !c.unknown;
	if (c.failures && !excused) {
		t->failed++;
		report(t, t->failures, "FAIL", file, &c);
	} else {
		t->passed++;
		if (c.failures)
			vec_note(&c, "differs, where the standard leaves room");
		if (c.notes && !t->quiet)
			report(t, t->notes, "note", file, &c);
	}
	buf_fini(&c.report);
}

static int file_wrong(const char *file, const char *what)
{
	ui_error("%s: %s", file, what);
	return EXIT_INPUT;
}

/* One number too big for 64 bits must not cost the whole file. */
static json_t *load(const char *file, json_error_t *e)
{
	size_t flags = JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES;
	if (!strcmp(file, "-"))
		return json_loadf(stdin, flags, e);
	json_t *root = json_load_file(file, flags, e);
	if (!root && json_error_code(e) == json_error_numeric_overflow)
		root = vec_tame(json_load_file(file, flags | JSON_DECODE_INT_AS_REAL, e));
	return root;
}

static int run_file(struct tally *t, const char *file)
{
	json_error_t e;
	json_t *root = load(file, &e);
	if (!root) {
		if (json_error_code(&e) == json_error_cannot_open_file) {
			ui_error("%s", e.text);
			return EXIT_ENV;
		}
		ui_error("%s:%d:%d: %s", file, e.line, e.column, e.text);
		return EXIT_INPUT;
	}
	int rc = EXIT_FINE;
	const char *protocol = text_of(root, "protocol");
	json_t *cases = json_object_get(root, "cases"), *j;
	bool known = false;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		known |= !strcmp(kinds[i].protocol, protocol);
	if (strcmp(text_of(root, "format"), "wire-vectors/1"))
		rc = file_wrong(file, "not a file of format wire-vectors/1");
	else if (!known)
		rc = file_wrong(file, "unknown protocol");
	else if (!json_is_array(cases))
		rc = file_wrong(file, "there is no list of cases");
	else if (json_array_size(cases) == 0)
		rc = file_wrong(file, "the list of cases is empty");
	size_t i;
	unsigned unknown = t->unknown;
	if (rc == EXIT_FINE)
		json_array_foreach(cases, i, j) run_case(t, file, protocol, text_of(root, "suite"), j);
	if (t->unknown > unknown)
		rc = file_wrong(file, "some cases are of a kind that is not known here");
	json_decref(root);
	return rc;
}

static void print_json(const struct tally *t)
{
	json_t *out = json_pack("{s:s, s:i, s:i, s:O, s:O}", "format", "wire-vectors-result/1", "passed",
		(int)t->passed, "failed", (int)t->failed, "failures", t->failures, "notes", t->notes);
	json_dumpf(out, stdout, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(out);
}

int cmd_vectors(int argc, char **argv)
{
	static const struct cmd_usage usage = {.name = "vectors",
		.args = "FILE...",
		.about = "Runs test vectors (format wire-vectors/1) through the program's own codecs: the "
			 "whole input at\n"
			 "once, octet by octet, and at each listed split. Prints what differs and ends in\n"
			 "\"N passed, N failed\"; exit 1 when a case failed. FILE \"-\" is the standard "
			 "input.",
		.example = "backtalk vectors tests/data/vectors/hpack/hpack.json\n",
		.common = OPT_FORMAT | OPT_QUIET};
	struct tally t = {.failures = json_array(), .notes = json_array()};
	struct opt_own own[] = {
		{.name = "case", .arg = "TEXT", .help = "only cases whose id holds TEXT", .value = &t.only}};
	struct options o;
	int rc = options_parse(&o, &usage, own, 1, argc, argv);
	if (rc >= 0) {
		json_decref(t.failures);
		json_decref(t.notes);
		return rc;
	}
	if (o.nargs == 0)
		rc = options_wrong(&usage, "name a file of vectors");
	else
		rc = EXIT_FINE;
	t.json = o.format == FORMAT_JSON;
	t.quiet = o.quiet;
	for (size_t i = 0; i < o.nargs; i++) {
		int one = run_file(&t, o.args[i]);
		if (one > rc)
			rc = one;
	}
	if (o.nargs > 0 && t.json)
		print_json(&t);
	else if (o.nargs > 0)
		printf("%u passed, %u failed\n", t.passed, t.failed);
	json_decref(t.failures);
	json_decref(t.notes);
	options_fini(&o);
	return rc == EXIT_FINE && t.failed ? EXIT_EXPECT : rc;
}
