/*
 * Estimates from replications: the quantile of Student's t against its own density, known small samples, how often the interval covers
 * the truth, and what common random numbers buy.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/core/rng.h"
#include "sim/measure/stats.h"
#include "sim/scenario/replications.h"

static double cos_power(double to, size_t power)
{
	enum { N = 2000 };
	double sum = 0, h = to / N;
	for (int i = 0; i <= N; i++)
		sum += (i == 0 || i == N ? 1 : i % 2 ? 4 : 2) * pow(cos(i * h), (double)power);
	return sum * h / 3;
}

/* With t = sqrt(df) tan a the density of Student's t is cos(a)^(df - 1), up to a constant. */
static void the_quantile_leaves_a_fortieth_above(void **state)
{
	(void)state;
	for (size_t df = 1; df < 400; df += df < 40 ? 1 : 37) {
		double inside = cos_power(atan(stats_t975(df) / sqrt((double)df)), df - 1) /
				cos_power(acos(0), df - 1);
		assert_true(fabs(inside - 0.95) < 1e-6);
	}
	assert_true(fabs(stats_t975(1000000) - 1.959964) < 1e-5);
}

static void a_small_sample_by_hand(void **state)
{
	/* mean 5, squares 9+1+1+1+0+0+4+16 = 32, s = sqrt(32/7), t(7) = 2.3646 */
	const double v[] = {2, 4, 4, 4, (double)NAN, 5, 5, 7, 9};
	(void)state;
	struct estimate e = stats_mean(v, 9);
	assert_int_equal(e.n, 8);
	assert_true(fabs(e.mean - 5) < 1e-15);
	assert_true(fabs(e.sd - 2.138089935) < 1e-9);
	assert_true(fabs(e.half - 1.787487918) < 1e-8);
	e = stats_mean(v, 1);
	assert_true(e.n == 1 && fabs(e.mean - 2) < 1e-15 && isnan(e.half) && isnan(e.sd));
	e = stats_mean(v + 4, 1);
	assert_true(e.n == 0 && isnan(e.mean) && isnan(e.half));
	/* a large mean does not swallow a small spread */
	const double far[] = {1e9 + 1, 1e9 + 2, 1e9 + 3};
	e = stats_mean(far, 3);
	assert_true(fabs(e.sd - 1) < 1e-9);
	/* pairs with a hole are left out on both sides */
	const double a[] = {3, (double)NAN, 5, 9}, b[] = {1, 7, (double)NAN, 6};
	e = stats_difference(a, b, 4);
	assert_true(e.n == 2 && fabs(e.mean - 2.5) < 1e-15);
}

enum shape { BELL, EVEN, SKEWED };

static double draw(struct rng *r, enum shape shape)
{
	switch (shape) {
	case BELL:
		return (double)rng_bell(r, 1000000) + 7e6;
	case EVEN:
		return (double)rng_below(r, 14000001);
	default:
		return (double)rng_exp(r, 7000000);
	}
}

/* Of 20,000 experiments of n draws with the known mean 7e6: the share whose interval holds it. */
static double coverage(enum shape shape, size_t n)
{
	enum { EXPERIMENTS = 20000 };
	struct rng r = rng_named(n, "coverage");
	unsigned covered = 0;
	double v[64];
	for (int i = 0; i < EXPERIMENTS; i++) {
		for (size_t k = 0; k < n; k++)
			v[k] = draw(&r, shape);
		struct estimate e = stats_mean(v, n);
		covered += fabs(e.mean - 7e6) <= e.half;
	}
	return (double)covered / EXPERIMENTS;
}

/* 20,000 experiments have a standard error of 0.15 %, so +-0.7 % is more than four of them. */
static void intervals_cover_as_often_as_they_say(void **state)
{
	static const size_t sizes[] = {2, 3, 5, 10, 20, 50};
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		assert_true(fabs(coverage(BELL, sizes[i]) - 0.95) < 0.007);
	assert_true(fabs(coverage(EVEN, 10) - 0.95) < 0.01);
	/* known to be too narrow for skewed figures, less so with more of them */
	double few = coverage(SKEWED, 5), many = coverage(SKEWED, 50);
	assert_true(few > 0.85 && few < 0.92 && many > 0.925 && many < 0.95);
}

/* What a and b share falls out of the difference: sd of a and b is 1e6 * sqrt(1 + 1/16), that of the difference 1e6 / 4 * sqrt 2. */
static void pairing_takes_out_what_is_shared(void **state)
{
	struct rng r = rng_named(1, "shared");
	double a[4000], b[4000];
	(void)state;
	for (int i = 0; i < 4000; i++) {
		double both = draw(&r, BELL);
		a[i] = both + (double)rng_bell(&r, 250000) + 500;
		b[i] = both + (double)rng_bell(&r, 250000);
	}
	struct estimate ea = stats_mean(a, 4000), eb = stats_mean(b, 4000), d = stats_difference(a, b, 4000);
	assert_true(fabs(d.mean - (ea.mean - eb.mean)) < 1e-6);
	assert_true(fabs(ea.sd - 1030776) < 30000 && fabs(eb.sd - 1030776) < 30000);
	assert_true(fabs(d.sd - 353553) < 10000);
	assert_true(d.half < 0.26 * sqrt(ea.half * ea.half + eb.half * eb.half));
}

/* ---------------------------------------------------------------------------------------------- of whole runs */

static struct plan *load(const char *text)
{
	struct diags ds = {0};
	struct plan *p = plan_parse("scenarios", "t.yaml", text, strlen(text), NULL, 0, &ds);
	if (!p)
		print_error("%s\n", diags_text(&ds));
	assert_non_null(p);
	diags_fini(&ds);
	return p;
}

/* Runs all seeds from `seed` on; free with put_runs. */
static struct replications runs_of(
	struct plan *p, const char *const *tech, size_t ntech, size_t nrep, uint64_t seed)
{
	struct run_result *r = calloc(ntech * nrep, sizeof *r);
	for (size_t i = 0; i < ntech * nrep; i++) {
		struct run_opts o = {
			.seed = seed + i / ntech, .seed_set = true, .technique = tech[i % ntech]};
		run_plan(p, &o, &r[i]);
		run_result_settle(&r[i]);
	}
	return (struct replications){r, ntech, nrep};
}

static void put_runs(struct replications *x)
{
	for (size_t i = 0; i < x->ntech * x->nrep; i++)
		run_result_fini((struct run_result *)&x->r[i]);
	free((void *)x->r);
}

static const char waiting[] =
	"backtalk: 1\nscenario: t\nduration: 60s\nnetworks: {n: {rtt: 40ms}}\nservers: {app: {}}\n"
	"clients: {c: {count: 1, path: [n], to: app, technique: polling, options: {interval: 4s}}}\n"
	"messages: [{name: m, from: server, to: everyone, rate: 1/1s, arrival: poisson, size: 20B}]\n";

/* A message that falls anywhere into an interval waits half of it: with polls every 4 s (answered within 40 ms and a little) the true
 * mean is known, and 95 of 100 intervals from 4 seeds have to hold it. 240 experiments: standard error 1.4 %. */
static void intervals_of_runs_cover_the_known_mean(void **state)
{
	enum { EXPERIMENTS = 240, SEEDS = 4 };
	static const char *const tech[] = {"polling"};
	struct plan *p = load(waiting);
	int mean = metric_find("latency_ms.mean"), covered = 0;
	double all = 0;
	(void)state;
	struct replications x = runs_of(p, tech, 1, (size_t)EXPERIMENTS * SEEDS, 1000);
	struct estimate truth = replications_mean(&x, 0, mean, -1);
	assert_true(fabs(truth.mean - 2020) < 40); /* half an interval, and half a round trip */
	for (int i = 0; i < EXPERIMENTS; i++) {
		struct replications one = {x.r + i * SEEDS, 1, SEEDS};
		struct estimate e = replications_mean(&one, 0, mean, -1);
		assert_int_equal(e.n, SEEDS);
		covered += fabs(e.mean - truth.mean) <= e.half;
		all += e.mean;
	}
	print_message("mean %.1f ms +- %.1f, covered by %d of %d intervals\n", truth.mean, truth.half,
		covered, EXPERIMENTS);
	assert_true(covered >= 0.905 * EXPERIMENTS && covered <= 0.99 * EXPERIMENTS);
	put_runs(&x);
	plan_free(p);
}

static const char lossy[] =
	"backtalk: 1\nscenario: t\nduration: 60s\n"
	"networks: {n: {rtt: 60ms, jitter: 15ms, loss: 2%, up: 10Mbit/s, down: 40Mbit/s}}\nservers: {app: "
	"{}}\n"
	"clients: {c: {count: 10, start: {over: 5s}, path: [n], to: app, technique: sse, options: "
	"{heartbeat: 15s}}}\n"
	"messages: [{name: m, from: server, to: everyone, rate: 1/4s, arrival: poisson, size: 200B}]\n";

/* SSE and WebSocket under the same seeds: the same messages to the same clients, and what the network does to one it does to the other,
 * though one sends heartbeats the other does not. So nearly all of the spread between seeds falls out of their difference. */
static void compared_techniques_meet_the_same_luck(void **state)
{
	enum { SEEDS = 60 };
	static const char *const tech[] = {"sse", "websocket"};
	struct plan *p = load(lossy);
	int mean = metric_find("latency_ms.mean"), p99 = metric_find("latency_ms.p99");
	(void)state;
	struct replications x = runs_of(p, tech, 2, SEEDS, 1);
	struct estimate d = replications_difference(&x, 1, 0, metric_find("messages.expected"), -1);
	assert_true(d.n == SEEDS && fabs(d.mean) < 1e-12 && fabs(d.sd) < 1e-12);
	struct estimate a = replications_mean(&x, 0, mean, -1), b = replications_mean(&x, 1, mean, -1);
	d = replications_difference(&x, 1, 0, mean, -1);
	double independent = sqrt(a.sd * a.sd + b.sd * b.sd);
	print_message("latency %.2f and %.2f ms, sd %.2f and %.2f, of the difference %.3f\n", a.mean, b.mean,
		a.sd, b.sd, d.sd);
	assert_true(a.sd > 1 && b.sd > 1); /* losses do matter */
	assert_true(d.sd < 0.4 * independent);
	a = replications_mean(&x, 0, p99, -1);
	d = replications_difference(&x, 1, 0, p99, -1);
	assert_true(d.sd < 0.5 * a.sd * sqrt(2));
	/* different seeds have nothing in common */
	struct replications crossed = {x.r, 2, SEEDS};
	struct run_result *shifted = calloc(2 * SEEDS, sizeof *shifted);
	for (int i = 0; i < SEEDS; i++) {
		shifted[2 * i] = x.r[2 * i];
		shifted[2 * i + 1] = x.r[2 * ((i + 1) % SEEDS) + 1];
	}
	crossed.r = shifted;
	d = replications_difference(&crossed, 1, 0, mean, -1);
	assert_true(d.sd > 0.7 * independent);
	free(shifted);
	put_runs(&x);
	plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_quantile_leaves_a_fortieth_above),
		cmocka_unit_test(a_small_sample_by_hand),
		cmocka_unit_test(intervals_cover_as_often_as_they_say),
		cmocka_unit_test(pairing_takes_out_what_is_shared),
		cmocka_unit_test(intervals_of_runs_cover_the_known_mean),
		cmocka_unit_test(compared_techniques_meet_the_same_luck),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
