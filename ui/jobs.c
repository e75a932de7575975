/*
 * jobs: see jobs.h.
 *
 * With one thread the caller does the work and looks up from it at every tick. With more, workers leave how far they are in their own
 * place, the caller sleeps and looks, and its verdict reaches them at their next tick.
 */
#include "ui/jobs.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"

#define LOOK_NS 50000000

struct crew {
	const struct jobs *j;
	pthread_mutex_t lock;
	pthread_cond_t idle; /* a worker has ended */
	size_t next, done, begun, working;
	int64_t begin_ns, ended_now_ns, ended_end_ns;
	uint64_t ended_events;
	bool stop;
	struct hand *hand;
	unsigned nhands;
};

struct hand { /* one thread and how far its run is */
	struct crew *crew;
	int64_t now_ns, end_ns; /* end 0: no run */
	uint64_t events;
	bool alone;     /* works in the calling thread */
	char apart[64]; /* neighbours do not share a cache line */
};

int64_t jobs_clock_ns(void *ctx)
{
	struct timespec ts;
	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

unsigned jobs_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > JOBS_THREADS_MAX ? JOBS_THREADS_MAX : (unsigned)n;
}

/* With the lock held. */
static struct jobs_seen look(const struct crew *c)
{
	struct jobs_seen s = {.done = c->done,
		.n = c->j->n,
		.now_ns = c->ended_now_ns,
		.end_ns = c->ended_end_ns,
		.events = c->ended_events,
		.spent_ns = jobs_clock_ns(NULL) - c->begin_ns};
	double part = (double)c->done;
	for (unsigned i = 0; i < c->nhands; i++) {
		const struct hand *h = &c->hand[i];
		if (!h->end_ns)
			continue;
		s.now_ns += h->now_ns;
		s.end_ns += h->end_ns;
		s.events += h->events;
		part += (double)h->now_ns / (double)h->end_ns;
	}
	s.share = s.n ? part / (double)s.n : 1;
	return s;
}

static void ask(struct crew *c)
{
	struct jobs_seen s = look(c);
	if (c->j->see && c->j->see(c->j->see_ctx, &s))
		c->stop = true;
}

static int on_tick(void *ctx, int64_t now_ns, int64_t end_ns, uint64_t events)
{
	struct hand *h = ctx;
	struct crew *c = h->crew;
	pthread_mutex_lock(&c->lock);
	h->now_ns = now_ns;
	h->end_ns = end_ns;
	h->events = events;
	if (h->alone)
		ask(c);
	bool stop = c->stop;
	pthread_mutex_unlock(&c->lock);
	return stop;
}

static void *work(void *ctx)
{
	struct hand *h = ctx;
	struct crew *c = h->crew;
	struct run_progress p = {.tick = on_tick, .wall_ns = jobs_clock_ns, .ctx = h};
	pthread_mutex_lock(&c->lock);
	while (!c->stop && c->next < c->j->n) {
		size_t i = c->next++;
		pthread_mutex_unlock(&c->lock);
		c->j->one(c->j->ctx, i, &p);
		pthread_mutex_lock(&c->lock);
		c->done++;
		c->ended_now_ns += h->now_ns;
		c->ended_end_ns += h->end_ns;
		c->ended_events += h->events;
		h->now_ns = h->end_ns = 0;
		h->events = 0;
		if (h->alone)
			ask(c);
	}
	c->working--;
	pthread_cond_signal(&c->idle);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Until all workers have ended. */
static void watch(struct crew *c)
{
	pthread_mutex_lock(&c->lock);
	while (c->working) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_NS;
		if (until.tv_nsec >= 1000000000) {
			until.tv_nsec -= 1000000000;
			until.tv_sec++;
		}
		pthread_cond_timedwait(&c->idle, &c->lock, &until);
		ask(c);
	}
	pthread_mutex_unlock(&c->lock);
}

bool jobs_run(const struct jobs *j)
{
	struct crew c = {.j = j, .begin_ns = jobs_clock_ns(NULL)};
	unsigned n = j->threads ? j->threads : jobs_processors(), begun = 0;
	n = n > JOBS_THREADS_MAX ? JOBS_THREADS_MAX : n;
	n = n > j->n ? (unsigned)j->n : n;
	n = n ? n : 1;
	pthread_t *t = xcalloc(n, sizeof *t);
	c.hand = xcalloc(n, sizeof *c.hand);
	c.nhands = n;
	pthread_mutex_init(&c.lock, NULL);
	pthread_cond_init(&c.idle, NULL);
	for (unsigned i = 0; i < n; i++)
		c.hand[i].crew = &c;
	c.working = n;
	for (; n > 1 && begun < n; begun++)
		if (pthread_create(&t[begun], NULL, work, &c.hand[begun]) != 0)
			break;
	if (!begun) { /* one thread, or none to be had */
		c.working = 1;
		c.hand[0].alone = true;
		work(&c.hand[0]);
	} else {
		pthread_mutex_lock(&c.lock);
		c.working -= n - begun;
		pthread_mutex_unlock(&c.lock);
		watch(&c);
	}
	for (unsigned i = 0; i < begun; i++)
		pthread_join(t[i], NULL);
	pthread_cond_destroy(&c.idle);
	pthread_mutex_destroy(&c.lock);
	xfree(c.hand);
	xfree(t);
	return !c.stop;
}

static void rate_text(double per_s, char *out, size_t cap)
{
	if (per_s >= 1e6)
		snprintf(out, cap, "%.1f M", per_s / 1e6);
	else if (per_s >= 1e3)
		snprintf(out, cap, "%.0f k", per_s / 1e3);
	else
		snprintf(out, cap, "%.0f", per_s);
}

void jobs_text(const struct jobs_seen *s, char *out, size_t cap)
{
	char runs[64] = "", rate[32], left[48] = "";
	double spent = (double)s->spent_ns / 1e9;
	if (s->n > 1)
		snprintf(runs, sizeof runs, ", %zu of %zu runs", s->done, s->n);
	rate_text(spent > 0 ? (double)s->events / spent : 0, rate, sizeof rate);
	if (s->share > 0.005)
		snprintf(left, sizeof left, ", %.0f s left", spent * (1 - s->share) / s->share);
	snprintf(out, cap, "%.0f %%%s, %.0f s of %.0f s simulated, %s events/s%s", s->share * 100, runs,
		(double)s->now_ns / 1e9, (double)s->end_ns / 1e9, rate, left);
}
