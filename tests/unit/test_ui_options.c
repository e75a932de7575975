/* options: every form of an option, what is missing or misspelt, what is left as arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ui/options.h"

static const struct cmd_usage usage = {.name = "thing",
	.args = "FILE",
	.about = "A thing.",
	.example = "",
	.common = OPT_FORMAT | OPT_QUIET | OPT_SEED | OPT_SET | OPT_TECHNIQUES | OPT_REPLICATIONS | OPT_JOBS};

static int parse(struct options *o, struct opt_own *own, size_t nown, const char *line)
{
	static char copy[256];
	static char *argv[32];
	int argc = 0;
	snprintf(copy, sizeof copy, "%s", line);
	for (char *p = strtok(copy, " "); p; p = strtok(NULL, " "))
		argv[argc++] = p;
	argv[argc] = NULL;
	return options_parse(o, &usage, own, nown, argc, argv);
}

static void all_forms_are_read(void **state)
{
	(void)state;
	struct options o;
	assert_int_equal(parse(&o, NULL, 0,
				 "thing --format=json -q --seed 7 --set a.b=1 --set c=d=e x -j2 --techniques "
				 "sse,websocket -- -y"),
		-1);
	assert_int_equal(o.format, FORMAT_JSON);
	assert_true(o.quiet);
	assert_true(o.seed_set);
	assert_int_equal(o.seed, 7);
	assert_int_equal(o.nsets, 2);
	assert_string_equal(o.sets[1], "c=d=e");
	assert_int_equal(o.jobs, 2);
	assert_int_equal(o.ntechniques, 2);
	assert_string_equal(o.techniques[1], "websocket");
	assert_int_equal(o.nargs, 2);
	assert_string_equal(o.args[0], "x");
	assert_string_equal(o.args[1], "-y");
	options_fini(&o);
}

static void own_options_are_read(void **state)
{
	(void)state;
	const char *as = NULL, **many = NULL;
	size_t nmany = 0;
	bool deep = false;
	struct opt_own own[] = {{.name = "as", .arg = "PROTO", .help = "which", .value = &as, .letter = 'a'},
		{.name = "deep", .help = "deep", .flag = &deep},
		{.name = "vary", .arg = "K=V", .help = "vary", .values = &many, .nvalues = &nmany}};
	struct options o;
	assert_int_equal(parse(&o, own, 3, "thing -a ws --deep --vary x=1 --vary=y=2 --format text"), -1);
	assert_string_equal(as, "ws");
	assert_true(deep);
	assert_int_equal(nmany, 2);
	assert_string_equal(many[1], "y=2");
	free(many);
	options_fini(&o);
}

static void what_is_wrong_is_exit_code_2(void **state)
{
	(void)state;
	static const char *const lines[] = {"thing --formt json", "thing --format yaml", "thing --seed",
		"thing --seed x", "thing --seed -1", "thing --seed 99999999999999999999999",
		"thing --set novalue", "thing --set =v", "thing -z", "thing --quiet=1",
		"thing --replications 0", "thing --techniques ,", "thing --pcap x", "thing -j 0"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct options o;
		assert_int_equal(parse(&o, NULL, 0, lines[i]), 2);
	}
}

static void the_nearest_word_is_offered(void **state)
{
	(void)state;
	static const char *const words[] = {"format", "heartbeat", "seed", "techniques"};
	assert_string_equal(options_nearest("formt", words, 4), "format");
	assert_string_equal(options_nearest("hearbeat", words, 4), "heartbeat");
	assert_string_equal(options_nearest("hearbteat", words, 4), "heartbeat");
	assert_string_equal(options_nearest("tech", words, 4), "techniques");
	assert_null(options_nearest("xyzzy", words, 4));
	assert_int_equal(options_distance("abcd", "abdc"), 1);
	assert_int_equal(options_distance("", "abc"), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_forms_are_read),
		cmocka_unit_test(own_options_are_read),
		cmocka_unit_test(what_is_wrong_is_exit_code_2),
		cmocka_unit_test(the_nearest_word_is_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
