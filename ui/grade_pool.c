/*
 * grade_pool: fork, pipe, poll. See grade_pool.h.
 */
#define _DEFAULT_SOURCE
#include "ui/grade_pool.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"

enum { OUTPUT_MAX = 4 * 1024 * 1024 }; /* of one submission's result */

struct slot {
	bool running, ended;
	pid_t pid;
	int fd;
	int64_t deadline_ms;
	char *text;
	size_t n, cap;
	int code;
	char died[80];
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void limit(int what, rlim_t to)
{
	struct rlimit r;
	if (getrlimit(what, &r) == 0 && (r.rlim_max == RLIM_INFINITY || r.rlim_max >= to)) {
		r.rlim_cur = r.rlim_max = to;
		setrlimit(what, &r);
	}
}

/* The child: never returns. */
static void child(const struct grade_pool *p, size_t i, int fd)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, p->seconds + 1);
	if (p->memory_bytes)
		limit(RLIMIT_AS, p->memory_bytes);
	FILE *out = fdopen(fd, "w");
	if (!out)
		_exit(3);
	int code = p->work(p->ctx, i, out);
	_exit(fclose(out) == 0 ? code : 3);
}

static int start(const struct grade_pool *p, struct slot *s, size_t i)
{
	int fds[2];
	if (pipe(fds))
		return -1;
	fflush(NULL);
	pid_t pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return -1;
	}
	if (!pid) {
		close(fds[0]);
		child(p, i, fds[1]);
	}
	close(fds[1]);
	s->running = true;
	s->pid = pid;
	s->fd = fds[0];
	s->deadline_ms = now_ms() + (int64_t)p->seconds * 1000;
	return 0;
}

static void finish(struct slot *s, const char *died)
{
	int status = 0;
	if (died) {
		kill(s->pid, SIGKILL);
		snprintf(s->died, sizeof s->died, "%s", died);
	}
	while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR)
		;
	close(s->fd);
	s->running = false;
	s->ended = true;
	if (died)
		return;
	if (WIFEXITED(status))
		s->code = WEXITSTATUS(status);
	else if (WTERMSIG(status) == SIGXCPU)
		snprintf(s->died, sizeof s->died, "took too much processor time");
	else
		snprintf(s->died, sizeof s->died, "ended by signal %d", WTERMSIG(status));
}

/* Takes what is there; true when the child has closed its end. */
static bool drain(struct slot *s)
{
	if (s->cap - s->n < 65536) {
		s->cap = s->cap ? s->cap * 2 : 131072;
		s->text = xrealloc(s->text, s->cap);
	}
	ssize_t got = read(s->fd, s->text + s->n, s->cap - s->n);
	if (got > 0)
		s->n += (size_t)got;
	return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
}

static void wait_some(const struct grade_pool *p, struct slot *s, size_t first, size_t last)
{
	struct pollfd *f = xcalloc(p->jobs, sizeof *f);
	size_t *who = xcalloc(p->jobs, sizeof *who), n = 0;
	int64_t now = now_ms(), soonest = now + 1000;
	for (size_t i = first; i < last; i++) {
		if (!s[i].running)
			continue;
		f[n] = (struct pollfd){.fd = s[i].fd, .events = POLLIN};
		who[n++] = i;
		if (s[i].deadline_ms < soonest)
			soonest = s[i].deadline_ms;
	}
	int ready = poll(f, (nfds_t)n, soonest > now ? (int)(soonest - now) : 0);
	for (size_t k = 0; k < n; k++) {
		struct slot *t = &s[who[k]];
		if (ready > 0 && f[k].revents && drain(t))
			finish(t, NULL);
		else if (t->n > OUTPUT_MAX)
			finish(t, "wrote too much");
		else if (now_ms() >= t->deadline_ms)
			finish(t, "took too long");
	}
	xfree(f);
	xfree(who);
}

int grade_pool_run(const struct grade_pool *p, size_t n)
{
	struct slot *s = xcalloc(n + 1, sizeof *s);
	size_t started = 0, told = 0, running = 0;
	int rc = 0;
	while (told < n && !rc) {
		running = 0;
		for (size_t i = told; i < started; i++)
			running += s[i].running;
		for (; started < n && running < p->jobs && !rc; running++)
			rc = start(p, &s[started], started), started++;
		if (!rc)
			wait_some(p, s, told, started);
		for (; told < started && s[told].ended; told++) {
			struct slot *t = &s[told];
			p->done(p->ctx, told, t->text ? t->text : "", t->n, t->code,
				*t->died ? t->died : NULL);
			xfree(t->text);
			t->text = NULL;
		}
	}
	int err = errno;
	for (size_t i = 0; i < started; i++) {
		if (s[i].running)
			finish(&s[i], "stopped");
		xfree(s[i].text);
	}
	xfree(s);
	errno = err;
	return rc;
}
