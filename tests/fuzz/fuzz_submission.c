/*
 * A submission of any octets to the shipped exercise: invalid with a place, or graded within its limits. The octets are
 * tried as a condition of the exercise language too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/grade/exercise.h"
#include "tests/support/fuzz_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool no_names(void *ctx, const char *name, struct expr_value *out)
{
	(void)ctx;
	(void)name;
	(void)out;
	return false;
}

static void as_condition(const uint8_t *data, size_t size)
{
	char text[512], err[160];
	size_t off, n = size < sizeof text - 1 ? size : sizeof text - 1;
	memcpy(text, data, n);
	text[n] = 0;
	struct expr *e = expr_parse(text, err, &off);
	if (!e) {
		if (!*err || off > strlen(text))
			abort();
		return;
	}
	for (size_t i = 0; expr_name(e, i, &off); i++)
		if (off >= strlen(text))
			abort();
	expr_true(e, &(struct expr_names){no_names, NULL});
	expr_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct exercise *ex;
	struct diags ds = {0};
	struct submission sub;
	if (!ex)
		ex = exercise_load("scenarios", "scenarios/exercises/keep-the-phone-reachable", &ds);
	if (!ex)
		abort();
	if (submission_parse(ex, "fuzz", (const char *)data, size, &sub, &ds)) {
		if (ds.n)
			abort();
		submission_fini(&sub);
	} else if (!ds.n) {
		abort();
	}
	diags_fini(&ds);
	as_condition(data, size);
	return 0;
}
