/* Reading and asking stories. See tcp_story.h. Plain C: the program that plays them to the kernel has it too. */
#include "tests/support/tcp_story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const story_do_names[] = {
	"write", "shutdown", "close", "abort", "pause", "resume", "connect", NULL};

#define WORDS_MAX 12

static int64_t ns_of(const char *seconds)
{
	return (int64_t)(strtod(seconds, NULL) * 1e6 + .5) * 1000;
}

static int side_of(const char *word)
{
	return !word                     ? -1
	       : !strcmp(word, "client") ? STORY_CLIENT
	       : !strcmp(word, "server") ? STORY_SERVER
					 : -1;
}

static void range(const char *word, uint32_t *from, uint32_t *to)
{
	const char *dash = word ? strchr(word, '-') : NULL;

	*from = word ? (uint32_t)strtoul(word, NULL, 10) : 1;
	*to = dash ? (uint32_t)strtoul(dash + 1, NULL, 10) : *from;
}

/* SIDE ACTION [N] */
static bool read_act(struct story *s, char **w, int n, struct story_act a)
{
	int side = n > 0 ? side_of(w[0]) : -1, k = 0;

	if (side < 0 || n < 2 || s->acts == STORY_MAX)
		return false;
	a.side = (enum story_side)side;
	while (story_do_names[k] && strcmp(story_do_names[k], w[1]) != 0)
		k++;
	if (!story_do_names[k] || (k == STORY_WRITE) != (n == 3))
		return false;
	a.what = (enum story_do)k;
	a.arg = n == 3 ? (uint32_t)strtoul(w[2], NULL, 10) : 0;
	s->act[s->acts++] = a;
	return true;
}

static bool read_off(struct story_end *e, const char *what)
{
	static const char *const names[] = {
		"sack", "timestamps", "window_scaling", "tail_loss_probe", "idle_restart"};
	bool *const flags[] = {&e->no_sack, &e->no_timestamps, &e->no_window_scaling, &e->no_tail_loss_probe,
		&e->no_idle_restart};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i], what)) {
			*flags[i] = true;
			return true;
		}
	return false;
}

/* SIDE SETTING ... */
static bool read_end(struct story *s, char **w, int n)
{
	struct story_end *e = &s->end[side_of(w[0])];

	if (n == 2 && !strcmp(w[1], "nodelay")) {
		e->nodelay = true;
	} else if (n == 3 && !strcmp(w[1], "window")) {
		e->window_bytes = (unsigned)strtoul(w[2], NULL, 10);
	} else if (n == 3 && !strcmp(w[1], "fin_wait")) {
		e->fin_wait_s = (unsigned)strtoul(w[2], NULL, 10);
	} else if (n == 5 && !strcmp(w[1], "keepalive")) {
		e->keepalive_idle_s = (unsigned)strtoul(w[2], NULL, 10);
		e->keepalive_interval_s = (unsigned)strtoul(w[3], NULL, 10);
		e->keepalive_probes = (unsigned)strtoul(w[4], NULL, 10);
	} else if (n > 2 && !strcmp(w[1], "off")) {
		for (int i = 2; i < n; i++)
			if (!read_off(e, w[i]))
				return false;
	} else {
		return false;
	}
	return true;
}

/* SIDE OCTET [N[-M]], SIDE ack N[-M] */
static bool read_drop(struct story *s, char **w, int n, struct story_drop d)
{
	int side = n > 0 ? side_of(w[0]) : -1;

	if (side < 0 || n < 2 || n > 3 || s->drops == STORY_MAX)
		return false;
	d.side = (enum story_side)side;
	d.ack = !strcmp(w[1], "ack");
	d.octet = (uint32_t)strtoul(w[1], NULL, 10);
	range(n == 3 ? w[2] : NULL, &d.from, &d.to);
	s->drop[s->drops++] = d;
	return true;
}

/* SIDE OCTET MS [N[-M]] */
static bool read_late(struct story *s, char **w, int n)
{
	char *rest[] = {w[0], w[1], n == 4 ? w[3] : NULL};

	return n >= 3 && read_drop(s, rest, n - 1, (struct story_drop){.late_ns = ns_of(w[2]) / 1000});
}

static bool read_cut(struct story *s, char **w, int n, bool hold)
{
	struct story_cut c = {.hold = hold};

	if (n < 2 || n > 3 || s->cuts == STORY_MAX)
		return false;
	c.from_ns = ns_of(w[0]);
	c.to_ns = ns_of(w[1]);
	for (int i = 0; i < STORY_SIDES; i++)
		c.side[i] = n == 2 || side_of(w[2]) == i;
	s->cut[s->cuts++] = c;
	return n == 2 || side_of(w[2]) >= 0;
}

static bool read_line(struct story *s, char **w, int n)
{
	if (side_of(w[0]) >= 0)
		return n > 1 && read_end(s, w, n);
	if (n < 2)
		return false;
	if (!strcmp(w[0], "delay"))
		s->delay_ns = ns_of(w[1]) / 1000;
	else if (!strcmp(w[0], "end"))
		s->end_ns = ns_of(w[1]);
	else if (!strcmp(w[0], "mtu"))
		s->mtu = (unsigned)strtoul(w[1], NULL, 10);
	else if (!strcmp(w[0], "rate") && n == 3 && side_of(w[1]) >= 0)
		s->rate_bps[side_of(w[1])] = (int64_t)strtoul(w[2], NULL, 10) * 1000;
	else if (!strcmp(w[0], "drop"))
		return read_drop(s, w + 1, n - 1, (struct story_drop){0});
	else if (!strcmp(w[0], "late"))
		return read_late(s, w + 1, n - 1);
	else if (!strcmp(w[0], "cut") || !strcmp(w[0], "hold"))
		return read_cut(s, w + 1, n - 1, w[0][0] == 'h');
	else if (!strcmp(w[0], "at"))
		return read_act(s, w + 2, n - 2, (struct story_act){.at_ns = ns_of(w[1])});
	else if (!strcmp(w[0], "got"))
		return read_act(s, w + 2, n - 2,
			(struct story_act){.at_ns = -1, .got = (uint32_t)strtoul(w[1], NULL, 10)});
	else
		return false;
	return true;
}

bool story_read(struct story *s, const char *path)
{
	char line[256];
	FILE *f = fopen(path, "r");
	bool ok = true;

	memset(s, 0, sizeof *s);
	s->mtu = 1500;
	if (!f) {
		snprintf(s->error, sizeof s->error, "%s: cannot be read", path);
		return false;
	}
	for (int number = 1; ok && fgets(line, sizeof line, f); number++) {
		char *w[WORDS_MAX], *save = NULL;
		int n = 0;

		line[strcspn(line, "#\n")] = 0;
		for (char *t = strtok_r(line, " \t", &save); t && n < WORDS_MAX;
			t = strtok_r(NULL, " \t", &save))
			w[n++] = t;
		ok = n == 0 || read_line(s, w, n);
		if (!ok)
			snprintf(s->error, sizeof s->error, "%s:%d: cannot be understood", path, number);
	}
	fclose(f);
	if (ok && !s->end_ns) {
		ok = false;
		snprintf(s->error, sizeof s->error, "%s: a line `end SECONDS` is missing", path);
	}
	return ok;
}

#define HEADERS_BYTES 52 /* IPv4, TCP, timestamps */

/* How long a segment of `len` waits for those before it and takes itself. */
static int64_t on_the_line(struct story *s, enum story_side side, uint32_t len, int64_t now_ns)
{
	if (!s->rate_bps[side])
		return 0;
	if (s->free_ns[side] < now_ns)
		s->free_ns[side] = now_ns;
	s->free_ns[side] += (int64_t)(len + HEADERS_BYTES) * 8 * 1000000000 / s->rate_bps[side];
	return s->free_ns[side] - now_ns;
}

int64_t story_fate(struct story *s, enum story_side side, uint32_t seq, uint32_t len, int64_t now_ns)
{
	int64_t keep = 0;

	s->acks[side] += len == 0;
	for (unsigned i = 0; i < s->drops; i++) {
		struct story_drop *d = &s->drop[i];

		if (d->side != side || d->ack != (len == 0))
			continue;
		if (!d->ack && (d->octet < seq || d->octet >= seq + len))
			continue;
		d->seen++;
		if (keep != STORY_LOST && d->seen >= d->from && d->seen <= d->to)
			keep = d->late_ns ? d->late_ns : STORY_LOST;
	}
	for (unsigned i = 0; i < s->cuts && keep != STORY_LOST; i++) {
		const struct story_cut *c = &s->cut[i];

		if (c->side[side] && now_ns >= c->from_ns && now_ns < c->to_ns)
			keep = c->hold ? c->to_ns - now_ns : STORY_LOST;
	}
	return keep == STORY_LOST ? keep : keep + on_the_line(s, side, len, now_ns);
}

struct story_act *story_due(struct story *s, int64_t now_ns, const uint32_t got[STORY_SIDES])
{
	for (unsigned i = 0; i < s->acts; i++) {
		struct story_act *a = &s->act[i];

		if (a->done || (a->at_ns < 0 ? got[a->side] < a->got : a->at_ns > now_ns))
			continue;
		a->done = true;
		return a;
	}
	return NULL;
}

int64_t story_next_ns(const struct story *s)
{
	int64_t next = INT64_MAX;

	for (unsigned i = 0; i < s->acts; i++)
		if (!s->act[i].done && s->act[i].at_ns >= 0 && s->act[i].at_ns < next)
			next = s->act[i].at_ns;
	return next;
}
