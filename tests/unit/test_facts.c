/*
 * facts and documents: every number names its source, and the tables in docs/ are those of the program.
 * With UPDATE=1 in the environment the documents are written again.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/dissect/dissect.h"
#include "sim/core/xmalloc.h"
#include "sim/scenario/doc.h"
#include "sim/scenario/facts.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/library.h"
#include "sim/trace/trace.h"

static bool is_fact(const char *id, size_t n)
{
	for (size_t i = 0; i < fact_count(); i++)
		if (strlen(fact_at(i)->id) == n && !memcmp(fact_at(i)->id, id, n))
			return true;
	return false;
}

/* Every id in a text: two or three capitals, a dash, two digits; those of the RFC series are no such ids. */
static unsigned check_ids(const char *where, const char *text)
{
	unsigned found = 0;
	for (const char *p = text; *p; p++) {
		size_t n = 0;
		if (p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '-'))
			continue;
		while (isupper((unsigned char)p[n]))
			n++;
		if (n < 2 || n > 3 || p[n] != '-' || !isdigit((unsigned char)p[n + 1]) ||
			!isdigit((unsigned char)p[n + 2]) || isalnum((unsigned char)p[n + 3]) ||
			!strncmp(p, "REQ", 3))
			continue;
		found++;
		if (!is_fact(p, n + 3))
			fail_msg("%s names %.*s, which is not in facts.def", where, (int)n + 3, p);
	}
	return found;
}

static void every_reason_preset_and_default_names_a_fact(void **state)
{
	unsigned found = 0;
	(void)state;
	for (int i = 0; i < TRACE_REASONS; i++)
		found += check_ids(trace_reason_def((enum trace_reason)i)->id,
			trace_reason_def((enum trace_reason)i)->source);
	for (size_t i = 0; i < key_count(); i++)
		found += check_ids(key_at(i)->path, key_at(i)->help);
#define X(name, title, source, what) found += check_ids(name, source);
#include "sim/scenario/boxes.def"
#undef X
	assert_true(found > 20);
	struct library_names l;
	library_list("scenarios", LIBRARY_PRESETS, &l);
	for (size_t i = 0; i < l.n; i++) {
		struct diags ds = {0};
		struct doc d;
		struct preset p;
		char *path = library_path("scenarios", LIBRARY_PRESETS, l.name[i]);
		doc_init(&d, &ds);
		assert_true(preset_read(&d, path, &p));
		if (!check_ids(l.name[i], p.source))
			fail_msg("%s names no fact", path);
		doc_fini(&d);
		free(path);
	}
	library_names_fini(&l);
}

static void facts_are_whole_and_in_one_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < fact_count(); i++) {
		const struct fact *f = fact_at(i);
		assert_true(strlen(f->what) > 3 && *f->value && strlen(f->source) > 3);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(fact_at(k)->id, f->id);
	}
}

static char *read_whole(const char *path)
{
	FILE *f = fopen(path, "r");
	if (!f)
		fail_msg("%s is missing", path);
	char *s = calloc(1, 1000000);
	size_t n = fread(s, 1, 999999, f);
	s[n] = 0;
	fclose(f);
	return s;
}

/* Between these lines a document holds the table. */
static void check_table(const char *path, char *table)
{
	static const char begin[] = "<!-- written from a table of the program -->\n",
			  end[] = "<!-- end of the table -->\n";
	char *doc = read_whole(path), *b = strstr(doc, begin), *e = b ? strstr(b, end) : NULL;
	if (!b || !e)
		fail_msg("%s has no place for the table", path);
	b += strlen(begin);
	bool same = (size_t)(e - b) == strlen(table) && !memcmp(b, table, strlen(table));
	if (!same && getenv("UPDATE")) {
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "%.*s%s%s", (int)(b - doc), doc, table, e);
		fclose(f);
	} else if (!same) {
		fail_msg("%s is not what the program says: make golden-update", path);
	}
	free(doc);
	free(table);
}

static void the_documents_hold_the_tables_of_the_program(void **state)
{
	(void)state;
	check_table("docs/parameters.md", facts_markdown());
	check_table("docs/scenario-language.md", keys_markdown());
	struct buf reference;
	buf_init(&reference, &alloc_libc, SIZE_MAX);
	dx_put_reference(&reference, NULL);
	buf_u8(&reference, 0);
	assert_false(reference.failed);
	check_table("docs/protocols.md", xstrdup((const char *)reference.p));
	buf_fini(&reference);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_preset_and_default_names_a_fact),
		cmocka_unit_test(facts_are_whole_and_in_one_order),
		cmocka_unit_test(the_documents_hold_the_tables_of_the_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
