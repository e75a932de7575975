/*
 * live_show: the timeline of `live`, append-only: time since the start, connection, direction, unit.
 *
 *     time     conn  client                                        server
 *      0.012      1  --- GET /events ------------------------------->
 *      0.012      1  <-- 200 OK -------------------------------------
 */
#include "ui/live.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "proto/tech/watch.h"
#include "sim/core/xmalloc.h"

#define LANE 52

struct live_show {
	struct live_net *net;
	int64_t start_ns;
	bool quiet;
	unsigned conns;
};

struct live_tap {
	struct live_show *show;
	struct watch *watch;
	unsigned number;
	bool serving;
};

uint64_t live_random(void)
{
	uint64_t v = 0;
	if (getrandom(&v, sizeof v, 0) != (ssize_t)sizeof v)
		v = 0;
	return v;
}

struct live_show *live_show_new(struct live_net *n, bool quiet)
{
	struct live_show *s = xmalloc(sizeof *s);
	*s = (struct live_show){.net = n, .start_ns = live_now(n), .quiet = quiet};
	if (!quiet)
		printf("    time  conn  %-*s%s\n", LANE - 6, "client", "server");
	return s;
}

void live_show_free(struct live_show *s)
{
	xfree(s);
}

struct live_tap *live_tap_new(struct live_show *s, bool serving)
{
	struct live_tap *t = xmalloc(sizeof *t);
	*t = (struct live_tap){.show = s, .number = ++s->conns, .serving = serving};
	if (!s->quiet)
		t->watch = watch_new(&alloc_libc);
	return t;
}

void live_tap_free(struct live_tap *t)
{
	watch_free(t->watch);
	xfree(t);
}

static void stamp(const struct live_tap *t)
{
	int64_t ms = (live_now(t->show->net) - t->show->start_ns) / 1000000;
	printf("%4lld.%03d %5u  ", (long long)(ms / 1000), (int)(ms % 1000), t->number);
}

static void dashes(int n)
{
	for (; n > 0; n--)
		putchar('-');
}

static void print_arrow(const struct live_tap *t, bool up, const char *text)
{
	int n = (int)strlen(text);
	if (n > LANE - 10)
		n = LANE - 10;
	stamp(t);
	fputs(up ? "--- " : "<-- ", stdout);
	printf("%.*s ", n, text);
	dashes(LANE - 6 - n);
	puts(up ? ">" : "-");
}

static void print_unit(const struct live_tap *t, const struct watch_unit *u)
{
	if (u->kind != WATCH_ERROR) {
		print_arrow(t, u->up, u->text);
		return;
	}
	stamp(t);
	printf("!!! %s: %s\n", u->up ? "client" : "server", u->text);
}

void live_tap_unit(struct live_tap *t, bool up, const char *text)
{
	if (t->show->quiet)
		return;
	print_arrow(t, up, text);
	fflush(stdout);
}

static void told(struct live_tap *t)
{
	struct watch_unit u;
	while (watch_next(t->watch, &u))
		print_unit(t, &u);
	fflush(stdout);
}

void live_tap_sent(struct live_tap *t, struct bytes b)
{
	if (!t->watch)
		return;
	watch_feed(t->watch, !t->serving, b);
	told(t);
}

void live_tap_received(struct live_tap *t, struct bytes b)
{
	if (!t->watch)
		return;
	watch_feed(t->watch, t->serving, b);
	told(t);
}

void live_tap_say(struct live_tap *t, const char *fmt, ...)
{
	va_list ap;
	if (t->show->quiet)
		return;
	stamp(t);
	fputs("    ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}
