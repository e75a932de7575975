/*
 * value: texts with units.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/scenario/value.h"

struct good {
	const char *text;
	int64_t value;
};

static void durations_are_exact(void **state)
{
	static const struct good t[] = {{"30s", 30000000000}, {"1.5s", 1500000000}, {"200ms", 200000000},
		{"2m", 120000000000}, {"2m30s", 150000000000}, {"1h", 3600000000000}, {"80us", 80000},
		{"80µs", 80000}, {"10ns", 10}, {"0s", 0}, {"0", 0}, {"0.000000001s", 1},
		{"1d", 86400000000000}, {"0.1s", 100000000}, {"1.000s", 1000000000}, {"5 s", 5000000000},
		{"106751d", 9223286400000000000}};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct value_err e;
		int64_t ns = -1;
		if (!value_duration(t[i].text, &ns, &e))
			fail_msg("%s refused: %s", t[i].text, e.what);
		if (ns != t[i].value)
			fail_msg("%s is %lld", t[i].text, (long long)ns);
	}
}

static void wrong_durations_are_refused_with_a_reason(void **state)
{
	static const char *const t[][2] = {{"25", "no unit"}, {"-5s", "negative"}, {"", "not a duration"},
		{"s", "not a duration"}, {"5S", "not a unit"}, {"5sec", "not a unit"}, {"1.s", "not a unit"},
		{".5s", "not a duration"}, {"0.1ns", "finer"}, {"999999999999999999999s", "too large"},
		{"9223372036855s", "too large"}, {"106752d", "too large"}, {"1s x", "not a unit"},
		{"1e3s", "not a unit"}, {"٣s", "not a duration"}, {"5s5", "no unit"}};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct value_err e;
		int64_t ns;
		if (value_duration(t[i][0], &ns, &e))
			fail_msg("%s accepted", t[i][0]);
		if (!strstr(e.what, t[i][1]))
			fail_msg("%s: %s", t[i][0], e.what);
	}
}

static void rates_sizes_and_shares_are_exact(void **state)
{
	struct value_err e;
	uint64_t v;
	uint32_t ppm;
	(void)state;
	assert_true(value_bps("10Mbit/s", &v, &e) && v == 10000000);
	assert_true(value_bps("1.5kbit/s", &v, &e) && v == 1500);
	assert_false(value_bps("10Mbps", &v, &e));
	assert_non_null(strstr(e.hint, "Mbit/s"));
	assert_false(value_bps("10mbit/s", &v, &e));
	assert_string_equal(e.hint, "did you mean `Mbit/s`?");
	assert_true(value_bytes("4KiB", &v, &e) && v == 4096);
	assert_true(value_bytes("1.5kB", &v, &e) && v == 1500);
	assert_true(value_bytes("200B", &v, &e) && v == 200);
	assert_false(value_bytes("0.5B", &v, &e));
	assert_true(value_share("0.5%", &ppm, &e) && ppm == 5000);
	assert_true(value_share("0.0001%", &ppm, &e) && ppm == 1);
	assert_true(value_share("100%", &ppm, &e) && ppm == 1000000);
	assert_false(value_share("100.1%", &ppm, &e));
	assert_false(value_share("0.00001%", &ppm, &e));
	assert_false(value_share("0.5", &ppm, &e));
}

static void a_frequency_is_a_mean_interval(void **state)
{
	static const struct good t[] = {{"1/45s", 45000000000}, {"10/s", 100000000}, {"0.5/s", 2000000000},
		{"3/2m", 40000000000}, {"3/s", 333333333}, {"1/1.5s", 1500000000}, {"2/min", 30000000000}};
	struct value_err e;
	int64_t ns;
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		if (!value_every(t[i].text, &ns, &e))
			fail_msg("%s refused: %s", t[i].text, e.what);
		assert_int_equal(ns, t[i].value);
	}
	assert_false(value_every("0/s", &ns, &e));
	assert_false(value_every("5s", &ns, &e));
	assert_false(value_every("1/", &ns, &e));
	assert_false(value_every("/s", &ns, &e));
	assert_false(value_every("10000001/s", &ns, &e));
}

static void counts_numbers_and_names(void **state)
{
	struct value_err e;
	uint64_t v;
	(void)state;
	assert_true(value_count("18446744073709551615", &v, &e) && v == UINT64_MAX);
	assert_false(value_count("18446744073709551616", &v, &e));
	assert_false(value_count("-3", &v, &e));
	assert_non_null(strstr(e.what, "negative"));
	assert_false(value_count("1.5", &v, &e));
	assert_true(value_milli("1.5", &v, &e) && v == 1500);
	assert_false(value_milli("1.2345", &v, &e));
	assert_true(value_id("home-nat_2", &e));
	assert_false(value_id("2nat", &e));
	assert_false(value_id("a.b", &e));
	assert_false(value_id("", &e));
}

static void a_duration_is_written_so_that_it_reads_back(void **state)
{
	static const struct good t[] = {{"25s", 25000000000}, {"1500ms", 1500000000}, {"90s", 90000000000},
		{"5m", 300000000000}, {"2h", 7200000000000}, {"1ns", 1}, {"0s", 0}};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char out[32];
		value_duration_text(t[i].value, out, sizeof out);
		assert_string_equal(out, t[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_are_exact),
		cmocka_unit_test(wrong_durations_are_refused_with_a_reason),
		cmocka_unit_test(rates_sizes_and_shares_are_exact),
		cmocka_unit_test(a_frequency_is_a_mean_interval),
		cmocka_unit_test(counts_numbers_and_names),
		cmocka_unit_test(a_duration_is_written_so_that_it_reads_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
