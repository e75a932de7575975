/*
 * grade_pool: whatever one submission does, the others go on, and the order of results never changes.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ui/grade_pool.h"

enum { GOOD, HANGS, ABORTS, FLOODS, EATS, LEAVES, KINDS };

static int work(void *ctx, size_t i, FILE *out)
{
	const int *kind = ctx;
	switch (kind[i]) {
	case HANGS:
		for (;;)
			pause();
	case ABORTS:
		signal(SIGABRT, SIG_DFL);
		abort();
	case FLOODS:
		for (int k = 0; k < 3000000; k++)
			fputs("0123456789abcdef", out);
		break;
	case EATS:
		for (size_t n = 0; n < 4096; n++) {
			char *p = malloc(1 << 20);
			if (!p)
				_exit(7);
			memset(p, 1, 1 << 20);
		}
		break;
	case LEAVES:
		return 1;
	default:
		break;
	}
	fprintf(out, "result %zu\n", i);
	return 0;
}

struct seen {
	size_t next;
	char text[4096];
};

static struct seen seen;

static void done(void *ctx, size_t i, const char *text, size_t n, int code, const char *died)
{
	(void)ctx;
	assert_int_equal(i, seen.next);
	seen.next++;
	char line[120];
	snprintf(
		line, sizeof line, "%zu %d %s %.*s\n", i, code, died ? died : "-", n < 40 ? (int)n : 0, text);
	strcat(seen.text, line);
}

static void run(unsigned jobs, const int *kinds, size_t n)
{
	struct grade_pool p = {.jobs = jobs,
		.seconds = 1,
		.memory_bytes = (size_t)256 << 20,
		.work = work,
		.done = done,
		.ctx = (void *)kinds};
#ifdef __SANITIZE_ADDRESS__
	p.memory_bytes = 0;
#endif
	memset(&seen, 0, sizeof seen);
	assert_int_equal(grade_pool_run(&p, n), 0);
	assert_int_equal(seen.next, n);
}

static void a_bad_one_never_stops_the_rest(void **state)
{
	static const int kinds[] = {GOOD, HANGS, GOOD, ABORTS, FLOODS, LEAVES, GOOD};
	(void)state;
	run(3, kinds, 7);
	static const char *const want[] = {"0 0 - result 0", "1 0 took too long", "2 0 - result 2",
		"3 0 ended by signal 6", "4 0 wrote too much", "5 1 -", "6 0 - result 6"};
	for (size_t i = 0; i < 7; i++)
		if (!strstr(seen.text, want[i]))
			fail_msg("no `%s` in\n%s", want[i], seen.text);
}

static void one_that_eats_memory_is_stopped(void **state)
{
#ifdef __SANITIZE_ADDRESS__
	(void)state;
	skip();
#else
	static const int kinds[] = {EATS, GOOD};
	(void)state;
	run(1, kinds, 2);
	assert_non_null(strstr(seen.text, "0 7 -"));
	assert_non_null(strstr(seen.text, "1 0 - result 1"));
#endif
}

static void the_order_is_the_same_for_any_number_of_workers(void **state)
{
	int kinds[40] = {0};
	char one[4096];
	(void)state;
	kinds[7] = LEAVES;
	run(1, kinds, 40);
	memcpy(one, seen.text, sizeof one);
	run(7, kinds, 40);
	assert_string_equal(one, seen.text);
	run(100, kinds, 40);
	assert_string_equal(one, seen.text);
	run(2, kinds, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_one_never_stops_the_rest),
		cmocka_unit_test(one_that_eats_memory_is_stopped),
		cmocka_unit_test(the_order_is_the_same_for_any_number_of_workers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
