/* Jobs in threads: each done once, whatever their number; stopped when asked; what is told of them on the way. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "ui/jobs.h"

struct seen {
	unsigned times[200];
	pthread_t by[200];
	int stop_at; /* done jobs at which to stop; 0: never */
	size_t looks;
	bool wrong;
	int64_t events;
	double share;
};

static void nap(long ms)
{
	struct timespec t = {0, ms * 1000000};
	nanosleep(&t, NULL);
}

/* Pretends to be a run of 10 s in 10 steps; ends early when told to. */
static void one(void *ctx, size_t i, const struct run_progress *p)
{
	struct seen *s = ctx;
	s->times[i]++;
	s->by[i] = pthread_self();
	for (int64_t t = 1; t <= 10; t++) {
		nap(1);
		if (p->tick(p->ctx, t * 1000000000, 10000000000, (uint64_t)t * 100))
			return;
	}
}

static int see(void *ctx, const struct jobs_seen *j)
{
	struct seen *s = ctx;
	s->looks++;
	s->wrong |=
		j->share < 0 || j->share > 1 || j->done > j->n || j->now_ns > j->end_ns || j->spent_ns < 0;
	s->wrong |= j->end_ns % 10000000000 != 0;
	s->events = (int64_t)j->events;
	s->share = j->share;
	return s->stop_at && j->done >= (size_t)s->stop_at;
}

static void every_job_is_done_once(void **state)
{
	static const unsigned threads[] = {1, 2, 3, 8, 0, JOBS_THREADS_MAX + 1};
	(void)state;
	for (size_t k = 0; k < sizeof threads / sizeof *threads; k++) {
		struct seen s = {0};
		struct jobs j = {
			.n = 20, .threads = threads[k], .one = one, .see = see, .ctx = &s, .see_ctx = &s};
		assert_true(jobs_run(&j));
		for (size_t i = 0; i < 20; i++)
			assert_int_equal(s.times[i], 1);
		assert_int_equal(s.times[20], 0);
		assert_true(s.looks > 0 && !s.wrong);
		assert_true(s.share > 0.99 && s.events == 20 * 1000);
		bool here = pthread_equal(s.by[0], pthread_self());
		assert_int_equal(here, threads[k] == 1 || (!threads[k] && jobs_processors() == 1));
	}
}

static void they_stop_when_asked(void **state)
{
	(void)state;
	for (unsigned threads = 1; threads < 4; threads++) {
		struct seen s = {.stop_at = 4};
		struct jobs j = {
			.n = 200, .threads = threads, .one = one, .see = see, .ctx = &s, .see_ctx = &s};
		size_t begun = 0;
		assert_false(jobs_run(&j));
		for (size_t i = 0; i < 200; i++)
			begun += s.times[i];
		assert_true(begun >= 4 && begun < 100);
	}
}

static void none_is_none(void **state)
{
	struct seen s = {0};
	struct jobs j = {.n = 0, .one = one, .ctx = &s};
	(void)state;
	assert_true(jobs_run(&j));
	assert_int_equal(s.times[0], 0);
}

static void progress_in_words(void **state)
{
	char t[120];
	struct jobs_seen s = {.done = 0,
		.n = 1,
		.share = 0.25,
		.now_ns = 45000000000,
		.end_ns = 180000000000,
		.events = 2500000,
		.spent_ns = 2000000000};
	(void)state;
	jobs_text(&s, t, sizeof t);
	assert_string_equal(t, "25 %, 45 s of 180 s simulated, 1.2 M events/s, 6 s left");
	s.n = 8;
	s.done = 2;
	s.events = 50000;
	jobs_text(&s, t, sizeof t);
	assert_string_equal(t, "25 %, 2 of 8 runs, 45 s of 180 s simulated, 25 k events/s, 6 s left");
	s.share = 0;
	s.spent_ns = 0;
	jobs_text(&s, t, sizeof t);
	assert_string_equal(t, "0 %, 2 of 8 runs, 45 s of 180 s simulated, 0 events/s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_is_done_once),
		cmocka_unit_test(they_stop_when_asked),
		cmocka_unit_test(none_is_none),
		cmocka_unit_test(progress_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
