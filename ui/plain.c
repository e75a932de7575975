/*
 * plain: sentences instead of screens, for screen readers, pipes and terminals that cannot move their cursor.
 *
 * Only ever appends lines; no cursor movement, no colour, no octet below a space except newline. The same looks
 * and actions as on the screen, as words:
 *
 *   > next             > next loss         > why            > seek 61.2       > find ping
 *   148 of 212, 61.204 s: LOST between …
 *
 * Without a terminal and without words on standard input the whole story is told.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ui/commands.h"
#include "ui/show.h"

/* One line, control characters and what is not surely text made harmless. */
static void line(const char *s)
{
	uint32_t ch;
	char u[4] = "";
	while ((ch = canvas_decode(&s)))
		fwrite(u, 1, canvas_encode(ch, u), stdout);
	putchar('\n');
}

static void linef(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void linef(const char *fmt, ...)
{
	char s[1600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	line(s);
}

static size_t row_number(const struct ladder *l, size_t row, size_t *of)
{
	size_t n = 0, at = 0;
	for (size_t i = 0; i < l->nrow; i++)
		if (l->row[i].kind != ROW_GAP) {
			n++;
			if (i <= row)
				at = n;
		}
	*of = n;
	return at;
}

static void tell_row(const struct ladder *l, size_t row)
{
	const struct ladder_row *w = &l->row[row];
	char at[40], s[800];
	size_t of, nr = row_number(l, row, &of);
	bool lost = w->fate == FATE_LOST && w->fate_rec;
	const struct trace_rec *r = trace_get(l->tr, w->rec);
	if (!r)
		return;
	ladder_clock(w->at, at, sizeof at);
	trace_sentence(l->tr, r, s, sizeof s);
	const char *note = ladder_text(l, w->note);
	linef("%zu of %zu, %s s: %s%s%s%s", nr, of, at, s, *note ? " (" : "", note, *note ? ".)" : "");
	if (lost) {
		trace_sentence(l->tr, trace_get(l->tr, w->fate_rec), s, sizeof s);
		linef("   %s", s);
	}
}

static void tell_why(struct show *s, struct look_at *v)
{
	char t[800], at[40], param[200];
	look_action(s, v, ACT_WHY);
	if (v->top != KEYS_WHY) {
		line(v->message);
		return;
	}
	const struct trace *tr = s->run[v->run].tr;
	for (size_t i = 0; i < v->nwhy; i++) {
		const struct trace_rec *r = trace_get(tr, v->why[i]);
		ladder_clock(r->at, at, sizeof at);
		trace_sentence(tr, r, t, sizeof t);
		linef("   %zu. %s s  %s", i + 1, at, t);
		trace_reason_param(tr, r, param, sizeof param);
		if (*param) {
			const char *value = s->plan ? plan_value(s->plan, param) : NULL;
			linef("      Decided by %s%s%s.", param, value ? " = " : "", value ? value : "");
		}
	}
	v->top = v->base;
}

static void tell_figures(const struct show *s, int64_t t)
{
	char sum[600];
	for (int f = 0; f < FIGURES; f++) {
		const struct figure_def *d = figure_def((enum figure)f);
		char row[400];
		int n = snprintf(row, sizeof row, "   %s:", d->title);
		for (size_t i = 0; i < s->nrun; i++) {
			char v[32];
			tally_text((enum figure)f, show_figure(s, i, (enum figure)f, t), v, sizeof v);
			n += snprintf(row + n, sizeof row - (size_t)n, " %s %s%s%s%s", s->run[i].title, v,
				*d->unit ? " " : "", d->unit, i + 1 < s->nrun ? "," : ".");
		}
		line(row);
	}
	show_sum_up(s, t, sum, sizeof sum);
	if (s->nrun > 1)
		linef("   %s", sum);
}

static void tell_question(const struct show *s, const struct look_at *v)
{
	const struct plan_question *q = &s->plan->questions[v->question];
	linef("QUESTION: %s", q->ask);
	for (size_t i = 0; i < q->noptions; i++)
		linef("   %c  %s", 'A' + (int)i, q->options[i]);
	line("   Say `answer a` (or b, c …), then `reveal`. What comes next stays hidden until then.");
}

static void tell_answer(const struct show *s, const struct look_at *v)
{
	const struct plan_question *q = &s->plan->questions[v->question];
	if (v->guess >= 0)
		line(v->guess == q->answer ? "   Your guess was right." : "   Your guess was another one.");
	linef("   Right: %c  %s", 'A' + q->answer, q->answer >= 0 ? q->options[q->answer] : "");
	if (q->why)
		linef("   %s", q->why);
}

static void help(void)
{
	line("Words, one a line:");
	for (size_t i = 0; i < keys_count(); i++) {
		const struct key_bind *b = keys_at(i);
		if (*b->word && b->context != KEYS_COMPARE)
			linef("   %-12s %s", b->word, b->help);
	}
	line("   seek T       to the time T in seconds");
	line("   find TEXT    the next event with this text; `next TEXT` does the same");
	line("   client N     the client with this number");
	line("   bytes        the octets of this event");
	line("   all          everything from here to the end");
	line("   quit         leave");
}

static void tell_bytes(const struct show *s, const struct look_at *v, const struct ladder *l)
{
	const struct show_run *r = &s->run[v->run];
	struct inspect *in = v->sel < l->nrow ? inspect_new(r->tr, r->ix, l->row[v->sel].rec) : NULL;
	if (!in) {
		line("   This event has no bytes.");
		return;
	}
	linef("   %s", in->title);
	if (in->has_tree) {
		struct buf b;
		buf_init(&b, &alloc_libc, 1 << 20);
		dx_put_text(&b, &in->tree);
		buf_u8(&b, 0);
		for (char *p = (char *)b.p; p && *p;) {
			char *end = strchr(p, '\n');
			if (end)
				*end = 0;
			linef("   %s", p);
			p = end ? end + 1 : p + strlen(p);
		}
		buf_fini(&b);
	}
	if (*in->wire)
		linef("   %s.", in->wire);
	inspect_free(in);
}

/* What has become of the screen since the last word. */
static void tell_now(struct show *s, struct look_at *v, size_t was)
{
	const struct ladder *l = show_ladder(s, v->run, v);
	if (*v->message)
		line(v->message);
	if (v->top == KEYS_QUESTION)
		tell_question(s, v);
	else if (v->sel != was && v->sel < l->nrow)
		tell_row(l, v->sel);
	v->message[0] = 0;
}

static void tell_all(struct show *s, struct look_at *v)
{
	for (;;) {
		const struct ladder *l = show_ladder(s, v->run, v);
		size_t next = ladder_next(l, v->sel);
		if (next == SIZE_MAX)
			return;
		size_t was = v->sel;
		look_row(s, v, next);
		if (v->top == KEYS_QUESTION) { /* nobody there to answer: ask, tell the answer, go on */
			tell_question(s, v);
			look_action(s, v, ACT_REVEAL);
			tell_answer(s, v);
			v->top = v->base;
			continue;
		}
		if (v->sel == was)
			return; /* what follows lies beyond the end of what is shown */
		tell_row(l, v->sel);
	}
}

static bool is(const char *word, const char *a)
{
	return !strcmp(word, a);
}

static void word_with_text(struct show *s, struct look_at *v, const char *word, char *rest)
{
	if (is(word, "next") && is(rest, "loss")) {
		look_action(s, v, ACT_ODD);
	} else if (is(word, "next") || is(word, "find")) {
		snprintf(v->find, sizeof v->find, "%.79s", rest);
		look_action(s, v, ACT_FIND_NEXT);
	} else if (is(word, "seek")) {
		look_seek(s, v, (int64_t)(strtod(rest, NULL) * 1e9));
	} else if (is(word, "client")) {
		unsigned long k = strtoul(rest, NULL, 10);
		if (k >= 1 && k <= s->clients)
			v->client = (uint32_t)k;
		else
			linef("There are clients 1 to %" PRIu32 ".", s->clients);
		v->sel = ladder_last_at(show_ladder(s, v->run, v), v->t);
	} else if (is(word, "layer") && *rest >= '1' && *rest <= '4') {
		look_action(s, v, (enum action)(ACT_DEPTH1 + (*rest - '1')));
	} else if (is(word, "answer") && v->top == KEYS_QUESTION) {
		look_action(s, v, (enum action)(ACT_ANSWER_A + ((*rest | 32) - 'a')));
		line(v->guess >= 0 ? "   Noted." : "   There is no such answer.");
	} else {
		linef("I do not know `%s`; help lists the words.", word);
	}
}

/* Returns false to leave. */
static bool obey(struct show *s, struct look_at *v, char *text)
{
	char *word = text + strspn(text, " \t"), *rest = word + strcspn(word, " \t\r\n");
	if (*rest)
		*rest++ = 0;
	rest += strspn(rest, " \t");
	rest[strcspn(rest, "\r\n")] = 0;
	size_t was = v->sel;
	const struct ladder *l = show_ladder(s, v->run, v);
	static char next[] = "next";
	if (!*word)
		word = next;
	if (is(word, "quit") || is(word, "q") || is(word, "exit"))
		return false;
	if (is(word, "help") || is(word, "?"))
		help();
	else if (is(word, "why"))
		tell_why(s, v);
	else if (is(word, "bytes"))
		tell_bytes(s, v, l);
	else if (is(word, "all") || is(word, "play"))
		tell_all(s, v);
	else if (is(word, "figures") || is(word, "compare"))
		tell_figures(s, v->t);
	else if (is(word, "reveal") && v->top == KEYS_QUESTION) {
		look_action(s, v, ACT_REVEAL);
		tell_answer(s, v);
		v->top = v->base;
	} else if (*rest) {
		word_with_text(s, v, word, rest);
		tell_now(s, v, was);
	} else {
		enum action a = ACT_NONE;
		for (size_t i = 0; i < keys_count() && a == ACT_NONE; i++)
			if (is(keys_at(i)->word, word))
				a = keys_at(i)->action;
		if (a == ACT_NONE)
			linef("I do not know `%s`; help lists the words.", word);
		else
			look_action(s, v, a);
		v->playing = false;
		if (a != ACT_NONE)
			tell_now(s, v, was);
	}
	return true;
}

static void introduce(struct show *s, const struct look_at *v)
{
	const struct ladder *l = show_ladder(s, v->run, v);
	size_t n;
	char end[40];
	row_number(l, 0, &n);
	trace_duration(s->end_ns, end, sizeof end);
	linef("%s. %s, %zu events in %s%s.", s->title, s->run[v->run].title, n, end,
		s->all_clients > 1 ? ", as the first client sees it" : "");
	if (s->plan && s->plan->summary)
		line(s->plan->summary);
}

int plain_run(struct show *s, const struct options *o, bool interactive)
{
	struct look_at v;
	char text[400];
	(void)o;
	look_init(&v, s);
	v.base = v.top = v.home = KEYS_LADDER;
	introduce(s, &v);
	bool asked = isatty(STDIN_FILENO), any = false;
	if (interactive && asked)
		line("Paused at 0. Type help for the words.");
	while (interactive) {
		if (asked) {
			fputs("> ", stdout);
			fflush(stdout);
		}
		if (!fgets(text, sizeof text, stdin))
			break;
		any = true;
		if (!obey(s, &v, text))
			return EXIT_FINE;
	}
	if (!any && !asked) {
		tell_all(s, &v);
		if (s->nrun > 1)
			tell_figures(s, s->end_ns);
	}
	return EXIT_FINE;
}
