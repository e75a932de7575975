/*
 * look: what keys and words do to the way somebody looks at a show. No terminal, no clock: given the same show,
 * look and action, the outcome is the same.
 */
#include <stdio.h>
#include <string.h>

#include "ui/show.h"

#define NS_PER_S INT64_C(1000000000)

static void say(struct look_at *v, const char *text)
{
	snprintf(v->message, sizeof v->message, "%s", text);
}

/* ---------------------------------------------------------------------------------------------- time */

static void open_question(struct show *s, struct look_at *v, int q)
{
	(void)s;
	v->top = KEYS_QUESTION;
	v->question = q;
	v->guess = -1;
	v->revealed = v->asked[q] == ASKED_DONE;
	v->asked[q] = v->asked[q] == ASKED_NOT ? ASKED_OPEN : v->asked[q];
	v->playing = false;
	v->hidden = false;
}

/* The question that hides everything after `limit`. */
static int question_at(const struct show *s, const struct look_at *v, int64_t limit)
{
	for (size_t i = 0; i < s->nstop; i++)
		if (s->stop[i].question >= 0 && s->stop[i].at == limit &&
			v->asked[s->stop[i].question] != ASKED_DONE)
			return s->stop[i].question;
	return -1;
}

static void now(struct show *s, struct look_at *v, int64_t t)
{
	v->t = t;
	v->known = t > v->known ? t : v->known;
	(void)s;
}

void look_seek(struct show *s, struct look_at *v, int64_t t)
{
	int64_t limit = show_limit(s, v);
	bool stopped = t > limit || (t == limit && limit < s->end_ns);
	t = t < 0 ? 0 : t > limit ? limit : t;
	now(s, v, t);
	v->sel = ladder_last_at(show_ladder(s, v->run, v), t);
	v->field = 0;
	int q = stopped ? question_at(s, v, limit) : -1;
	if (q >= 0 && v->asked[q] != ASKED_DONE)
		open_question(s, v, q);
	if (t >= s->end_ns)
		v->playing = false;
}

void look_row(struct show *s, struct look_at *v, size_t row)
{
	const struct ladder *l = show_ladder(s, v->run, v);
	if (row >= l->nrow)
		return;
	if (l->row[row].at > show_limit(s, v)) {
		look_seek(s, v, l->row[row].at);
		return;
	}
	now(s, v, l->row[row].at);
	v->sel = row;
	v->field = 0;
}

/* The nearest event of any run strictly after (or before) t; INT64_MIN when there is none. */
static int64_t event_near(struct show *s, const struct look_at *v, int64_t t, bool forward)
{
	int64_t best = INT64_MIN;
	for (size_t r = 0; r < s->nrun; r++) {
		if (v->base == KEYS_LADDER && r != v->run)
			continue;
		const struct ladder *l = show_ladder(s, r, v);
		size_t i = ladder_last_at(l, forward ? t : t - 1);
		if (forward)
			i = ladder_next(l, i);
		if (i != SIZE_MAX &&
			(best == INT64_MIN || (forward ? l->row[i].at < best : l->row[i].at > best)))
			best = l->row[i].at;
	}
	return best;
}

/* A long silence is not played in full: it takes at most 1.5 s. */
void look_play(struct show *s, struct look_at *v, int64_t real_ns)
{
	if (!v->playing)
		return;
	double rate = (double)v->speed_ppm / 1e6;
	int64_t before = event_near(s, v, v->t + 1, false), after = event_near(s, v, v->t, true);
	before = before == INT64_MIN ? 0 : before;
	after = after == INT64_MIN ? s->end_ns : after;
	double gap = (double)(after - before) / 1.5e9;
	if (after > v->t && gap > rate)
		rate = gap;
	int64_t to = v->t + (int64_t)((double)real_ns * rate);
	if (to > after && (double)(after - v->t) > (double)real_ns * (double)v->speed_ppm / 1e6)
		to = after; /* do not carry the haste beyond the silence */
	look_seek(s, v, to > s->end_ns ? s->end_ns : to);
}

static void step(struct show *s, struct look_at *v, bool forward)
{
	v->playing = false;
	if (v->base == KEYS_COMPARE) {
		int64_t t = event_near(s, v, v->t, forward);
		if (t != INT64_MIN)
			look_seek(s, v, t);
		else
			say(v, forward ? "That was the last event." : "That was the first event.");
		return;
	}
	const struct ladder *l = show_ladder(s, v->run, v);
	size_t at = v->sel;
	size_t to = forward ? ladder_next(l, at) : ladder_prev(l, at);
	if (to != SIZE_MAX)
		look_row(s, v, to);
	else if (forward)
		say(v, "That was the last event.");
	else
		look_seek(s, v, 0);
}

static void to_stop(struct show *s, struct look_at *v, bool forward)
{
	v->playing = false;
	size_t i = 0;
	if (forward) {
		while (i < s->nstop && s->stop[i].at <= v->t)
			i++;
		look_seek(s, v, i < s->nstop ? s->stop[i].at : s->end_ns);
		return;
	}
	i = s->nstop;
	while (i > 0 && s->stop[i - 1].at >= v->t)
		i--;
	look_seek(s, v, i ? s->stop[i - 1].at : 0);
}

static bool time_action(struct show *s, struct look_at *v, enum action a)
{
	switch (a) {
	case ACT_PLAY:
		v->playing = !v->playing;
		if (v->playing && v->t >= s->end_ns) {
			v->t = 0;
			v->sel = SIZE_MAX;
		}
		return true;
	case ACT_STEP:
	case ACT_BACK:
		step(s, v, a == ACT_STEP);
		return true;
	case ACT_LEFT:
	case ACT_RIGHT:
	case ACT_LEFT10:
	case ACT_RIGHT10:
		look_seek(s, v,
			v->t + (a == ACT_LEFT            ? -1
				       : a == ACT_RIGHT  ? 1
				       : a == ACT_LEFT10 ? -10
							 : 10) *
					NS_PER_S);
		return true;
	case ACT_STOP_NEXT:
	case ACT_STOP_PREV:
		to_stop(s, v, a == ACT_STOP_NEXT);
		return true;
	case ACT_START:
		v->playing = false;
		look_seek(s, v, 0);
		return true;
	case ACT_END:
		v->playing = false;
		look_seek(s, v, s->end_ns);
		return true;
	case ACT_FASTER:
		v->speed_ppm = v->speed_ppm < INT64_C(1000000000) ? v->speed_ppm * 2 : v->speed_ppm;
		return true;
	case ACT_SLOWER:
		v->speed_ppm = v->speed_ppm > 500 ? v->speed_ppm / 2 : v->speed_ppm;
		return true;
	case ACT_SPEED1:
		v->speed_ppm = v->speed0_ppm;
		return true;
	default:
		return false;
	}
}

/* ---------------------------------------------------------------------------------------------- focus */

static void refocus(struct show *s, struct look_at *v)
{
	v->sel = ladder_last_at(show_ladder(s, v->run, v), v->t);
	v->field = 0;
}

static void next_client(struct show *s, struct look_at *v, int d)
{
	const struct trace *tr = s->run[v->run].tr;
	uint32_t n = s->clients ? s->clients : tr->nconn ? tr->nconn - 1 : 0;
	uint32_t *which = s->clients ? &v->client : &v->conn;
	uint32_t least = s->clients ? 1 : 0; /* connection 0: all of them */
	if (n <= least) {
		say(v, s->clients ? "There is only this client." : "There is only this connection.");
		return;
	}
	*which = d > 0 ? (*which >= n ? least : *which + 1) : (*which <= least ? n : *which - 1);
	refocus(s, v);
	if (s->clients < s->all_clients && s->clients)
		snprintf(v->message, sizeof v->message,
			"Client %u. Of %u clients the first %u were recorded in full.", *which,
			s->all_clients, s->clients);
}

/* Lost messages count most, then the longest delay. */
static void worst_client(struct show *s, struct look_at *v)
{
	const struct trace *tr = s->run[v->run].tr;
	uint32_t worst = 0;
	int64_t most = -1;
	for (uint32_t k = 1; k <= s->clients && k < 4096; k++) {
		int64_t badness = 0;
		for (uint64_t i = 0; i < tr->nrec; i++) {
			const struct trace_rec *r = &tr->rec[i];
			if (r->client != k || r->at > show_limit(s, v))
				continue;
			if (r->kind == TRACE_MSG_LOST)
				badness += INT64_C(1000) * NS_PER_S;
			else if (r->kind == TRACE_MSG_DELIVER && r->a > badness % (INT64_C(1000) * NS_PER_S))
				badness += r->a - badness % (INT64_C(1000) * NS_PER_S);
		}
		if (badness > most) {
			most = badness;
			worst = k;
		}
	}
	if (!worst)
		return;
	v->client = worst;
	refocus(s, v);
	snprintf(v->message, sizeof v->message, "Client %u fared worst of the %u that were recorded in full.",
		worst, s->clients);
}

static bool focus_action(struct show *s, struct look_at *v, enum action a)
{
	switch (a) {
	case ACT_DEPTH1:
	case ACT_DEPTH2:
	case ACT_DEPTH3:
	case ACT_DEPTH4: {
		static const char *const words[] = {"Layer 1: what applications and boxes do.",
			"Layer 2: also timers, attempts and deliveries.", "Layer 3: also TCP.",
			"Layer 4: every packet on every link."};
		uint64_t rec = 0;
		const struct ladder *l = show_ladder(s, v->run, v);
		if (v->sel < l->nrow)
			rec = l->row[v->sel].rec;
		v->depth = (unsigned)(a - ACT_DEPTH1) + 1;
		l = show_ladder(s, v->run, v);
		size_t row = rec ? ladder_find_rec(l, rec) : SIZE_MAX;
		v->sel = row != SIZE_MAX ? row : ladder_last_at(l, v->t);
		v->field = 0;
		say(v, words[v->depth - 1]);
		return true;
	}
	case ACT_CLIENT_NEXT:
	case ACT_CLIENT_PREV:
		next_client(s, v, a == ACT_CLIENT_NEXT ? 1 : -1);
		return true;
	case ACT_CLIENT_WORST:
		worst_client(s, v);
		return true;
	case ACT_TECH_NEXT:
		v->run = s->nrun ? (v->run + 1) % s->nrun : 0;
		refocus(s, v);
		return true;
	case ACT_HOPS:
		v->ends = !v->ends;
		refocus(s, v);
		say(v, v->ends ? "Only the two ends." : "Every box on the way.");
		return true;
	case ACT_PAN_LEFT:
		v->pan = v->pan > 0 ? v->pan - 1 : 0;
		return true;
	case ACT_PAN_RIGHT:
		v->pan = v->pan < LADDER_LANES_MAX ? v->pan + 1 : v->pan;
		return true;
	case ACT_SOLO1:
	case ACT_SOLO2:
	case ACT_SOLO3:
	case ACT_SOLO4:
		if ((size_t)(a - ACT_SOLO1) < s->nrun) {
			v->run = (size_t)(a - ACT_SOLO1);
			refocus(s, v);
			snprintf(v->message, sizeof v->message, "%s. c opens its ladder.",
				s->run[v->run].title);
		}
		return true;
	default:
		return false;
	}
}

/* ---------------------------------------------------------------------------------------------- finding */

static void go_odd(struct show *s, struct look_at *v)
{
	const struct ladder *l = show_ladder(s, v->run, v);
	size_t row = ladder_odd(l, v->sel, true);
	v->playing = false;
	if (row == SIZE_MAX)
		say(v, "Nothing odd happens to this client after this moment.");
	else
		look_row(s, v, row);
}

static void go_find(struct show *s, struct look_at *v, bool forward)
{
	const struct ladder *l = show_ladder(s, v->run, v);
	v->playing = false;
	size_t row = *v->find ? ladder_search(l, v->sel, forward, v->find) : SIZE_MAX;
	if (row == SIZE_MAX || l->row[row].at > show_limit(s, v))
		snprintf(v->message, sizeof v->message, "No `%s` %s this moment.", v->find,
			forward ? "after" : "before");
	else
		look_row(s, v, row);
}

static void open_input(struct look_at *v, bool find)
{
	v->under = v->top;
	v->top = KEYS_INPUT;
	v->typing_find = find;
	v->input[0] = 0;
	v->playing = false;
}

static void take_input(struct show *s, struct look_at *v)
{
	v->top = v->under;
	if (v->typing_find) {
		snprintf(v->find, sizeof v->find, "%.79s", v->input);
		go_find(s, v, true);
	} else if (*v->input) {
		snprintf(v->typed, sizeof v->typed, "%s", v->input);
		v->rerun = true;
	}
}

void look_type(struct look_at *v, uint32_t ch)
{
	size_t n = strlen(v->input);
	if (ch == KEY_BS_) {
		while (n && ((unsigned char)v->input[--n] & 0xc0) == 0x80)
			;
		v->input[n] = 0;
	} else if (ch >= 0x20 && ch < 0x110000 && ch != 0x7f && n + 5 < sizeof v->input) {
		char u[4];
		size_t k = canvas_encode(ch, u);
		memcpy(v->input + n, u, k);
		v->input[n + k] = 0;
	}
}

/* ---------------------------------------------------------------------------------------------- on top */

static void open_why(struct show *s, struct look_at *v)
{
	const struct show_run *r = &s->run[v->run];
	const struct ladder *l = show_ladder(s, v->run, v);
	v->playing = false;
	if (v->sel >= l->nrow) {
		say(v, "Choose an event first: . steps to the first one.");
		return;
	}
	const struct ladder_row *w = &l->row[v->sel];
	bool lost = w->fate == FATE_LOST && w->fate_rec; /* else, of a unit, why its message came so late */
	v->nwhy = why_chain(r->ix,
		lost         ? w->fate_rec
		: w->deliver ? w->deliver
			     : w->rec,
		v->why, sizeof v->why / sizeof *v->why);
	v->why_sel = 0;
	if (v->nwhy)
		v->top = KEYS_WHY;
	else
		say(v, "Nothing caused this: it is where a story starts.");
}

/* The value to change is the one that decided, when it is among the knobs. */
static void open_knobs(struct show *s, struct look_at *v)
{
	if (!s->plan) {
		say(v, "A capture has no values to change.");
		return;
	}
	char param[160] = "";
	if (v->top == KEYS_WHY && v->why_sel < v->nwhy) {
		const struct trace *tr = s->run[v->run].tr;
		trace_reason_param(tr, trace_get(tr, v->why[v->why_sel]), param, sizeof param);
	}
	v->knob_sel = 0;
	bool found = false;
	for (size_t i = 0; i < s->plan->nknobs && i < SHOW_KNOBS_MAX; i++)
		if (*param && !strcmp(s->plan->knobs[i].set, param)) {
			v->knob_sel = i;
			found = true;
		}
	v->top = KEYS_KNOBS;
	v->playing = false;
	v->problem[0] = 0;
	if (*param && !found && plan_value(s->plan, param)) {
		open_input(v, false);
		v->under = KEYS_KNOBS;
		snprintf(v->input, sizeof v->input, "%s=", param);
	}
}

static void turn_knob(struct show *s, struct look_at *v, int d)
{
	if (v->knob_sel >= s->plan->nknobs || v->knob_sel >= SHOW_KNOBS_MAX)
		return;
	const struct plan_knob *k = &s->plan->knobs[v->knob_sel];
	int *at = &v->knob_value[v->knob_sel], n = (int)k->nvalues;
	if (*at < 0)
		for (int i = 0; i < n; i++)
			if (k->current && !strcmp(k->values[i], k->current))
				*at = i;
	if (n)
		*at = *at < 0 ? 0 : (*at + d + n) % n;
}

static bool knob_action(struct show *s, struct look_at *v, enum action a)
{
	size_t n = s->plan ? s->plan->nknobs : 0;
	n = n < SHOW_KNOBS_MAX ? n : SHOW_KNOBS_MAX;
	switch (a) {
	case ACT_KNOB_NEXT:
		v->knob_sel = n ? (v->knob_sel + 1) % n : 0;
		return true;
	case ACT_KNOB_PREV:
		v->knob_sel = n ? (v->knob_sel + n - 1) % n : 0;
		return true;
	case ACT_VALUE_NEXT:
	case ACT_VALUE_PREV:
		turn_knob(s, v, a == ACT_VALUE_NEXT ? 1 : -1);
		return true;
	case ACT_APPLY:
		v->rerun = true;
		return true;
	case ACT_RESET:
		for (size_t i = 0; i < SHOW_KNOBS_MAX; i++)
			v->knob_value[i] = -2; /* the loop leaves this value out */
		v->rerun = true;
		return true;
	case ACT_TYPE:
		open_input(v, false);
		return true;
	default:
		return false;
	}
}

static void guess(struct show *s, struct look_at *v, int i)
{
	if (v->question >= 0 && !v->revealed && (size_t)i < s->plan->questions[v->question].noptions)
		v->guess = i;
}

static void reveal(struct look_at *v)
{
	if (v->question < 0)
		return;
	if (v->revealed) {
		v->top = v->base;
		v->playing = true;
		return;
	}
	v->revealed = true;
	v->asked[v->question] = ASKED_DONE;
}

static void ask_again(struct show *s, struct look_at *v)
{
	int q = -1;
	for (size_t i = 0; i < s->nstop; i++)
		if (s->stop[i].question >= 0 && (s->stop[i].at <= v->t || q < 0))
			q = s->stop[i].question;
	int open = question_at(s, v, show_limit(s, v));
	if (open >= 0 && show_limit(s, v) <= v->t)
		q = open;
	if (q < 0)
		say(v, "This lecture asks no question.");
	else
		open_question(s, v, q);
}

static void close_top(struct look_at *v)
{
	if (v->top == KEYS_QUESTION && v->question >= 0) {
		v->asked[v->question] = ASKED_DONE;
		v->playing = v->revealed;
	}
	if (v->top == KEYS_INPUT || v->top == KEYS_HELP)
		v->top = v->under == v->top ? v->base : v->under;
	else
		v->top = v->base;
}

static bool top_action(struct show *s, struct look_at *v, enum action a)
{
	switch (a) {
	case ACT_WHY:
		open_why(s, v);
		return true;
	case ACT_WHY_NEXT:
		v->why_sel = v->why_sel + 1 < v->nwhy ? v->why_sel + 1 : v->why_sel;
		return true;
	case ACT_WHY_PREV:
		v->why_sel -= v->why_sel > 0;
		return true;
	case ACT_WHY_GO: {
		size_t row = v->why_sel < v->nwhy
				     ? ladder_find_rec(show_ladder(s, v->run, v), v->why[v->why_sel])
				     : SIZE_MAX;
		v->top = v->base;
		if (row != SIZE_MAX)
			look_row(s, v, row);
		return true;
	}
	case ACT_KNOBS:
		open_knobs(s, v);
		return true;
	case ACT_INSPECT:
		v->top = KEYS_BYTES;
		v->field = 0;
		v->playing = false;
		return true;
	case ACT_ZOOM:
		v->bytes_zoom = !v->bytes_zoom;
		return true;
	case ACT_QUESTION:
		ask_again(s, v);
		return true;
	case ACT_ANSWER_A:
	case ACT_ANSWER_B:
	case ACT_ANSWER_C:
	case ACT_ANSWER_D:
	case ACT_ANSWER_E:
		guess(s, v, (int)(a - ACT_ANSWER_A));
		return true;
	case ACT_REVEAL:
		reveal(v);
		return true;
	case ACT_HIDE:
		v->top = v->base;
		v->hidden = true;
		say(v, "The question is hidden, and so is what comes next; p brings it back.");
		return true;
	case ACT_CLOSE:
		close_top(v);
		return true;
	case ACT_COUNTED:
		v->top = KEYS_NOTE;
		return true;
	case ACT_COUNTED_NEXT:
	case ACT_ROW_NEXT:
		v->figure = (enum figure)((v->figure + 1) % FIGURES);
		return true;
	case ACT_COUNTED_PREV:
	case ACT_ROW_PREV:
		v->figure = (enum figure)((v->figure + FIGURES - 1) % FIGURES);
		return true;
	default:
		return false;
	}
}

static bool field_action(struct show *s, struct look_at *v, enum action a)
{
	const struct ladder *l = show_ladder(s, v->run, v);
	if (a < ACT_FIELD_NEXT || a > ACT_FIELD_LAST)
		return false;
	const struct show_run *r = &s->run[v->run];
	struct inspect *in = v->sel < l->nrow ? inspect_new(r->tr, r->ix, l->row[v->sel].rec) : NULL;
	size_t n = in ? in->nfield : 0;
	inspect_free(in);
	size_t f = v->field;
	switch (a) {
	case ACT_FIELD_NEXT:
		f++;
		break;
	case ACT_FIELD_PREV:
		f -= f > 0;
		break;
	case ACT_FIELD_PAGE_NEXT:
		f += 8;
		break;
	case ACT_FIELD_PAGE_PREV:
		f = f > 8 ? f - 8 : 0;
		break;
	case ACT_FIELD_FIRST:
		f = 0;
		break;
	default:
		f = n;
		break;
	}
	v->field = n ? (f < n ? f : n - 1) : 0;
	return true;
}

static bool screen_action(struct show *s, struct look_at *v, enum action a)
{
	switch (a) {
	case ACT_COMPARE:
		if (s->nrun > 1) {
			v->base = v->top = KEYS_COMPARE;
		} else {
			say(v, "There is only one technique here; `backtalk compare` runs several.");
		}
		return true;
	case ACT_OPEN:
		v->base = v->top = KEYS_LADDER;
		refocus(s, v);
		return true;
	case ACT_ODD:
		go_odd(s, v);
		return true;
	case ACT_FIND:
		open_input(v, true);
		return true;
	case ACT_FIND_NEXT:
	case ACT_FIND_PREV:
		go_find(s, v, a == ACT_FIND_NEXT);
		return true;
	case ACT_INPUT_OK:
		take_input(s, v);
		return true;
	case ACT_THEME:
		v->theme = (enum theme)((v->theme + 1) % THEMES);
		return true;
	case ACT_CAPTION_BIG:
		v->big_caption = !v->big_caption;
		return true;
	case ACT_BLANK:
		v->blank = !v->blank;
		return true;
	case ACT_STILL:
		v->still = true;
		return true;
	case ACT_HELP:
		v->under = v->top;
		v->top = KEYS_HELP;
		v->help_from = 0;
		v->playing = false;
		return true;
	case ACT_HELP_DOWN:
		v->help_from += 4;
		return true;
	case ACT_HELP_UP:
		v->help_from = v->help_from > 4 ? v->help_from - 4 : 0;
		return true;
	default:
		return false;
	}
}

bool look_action(struct show *s, struct look_at *v, enum action a)
{
	v->message[0] = 0;
	if (v->blank && a != ACT_QUIT_NOW) { /* any key brings the screen back */
		v->blank = false;
		return true;
	}
	if (a == ACT_QUIT_NOW)
		return false;
	if (a == ACT_QUIT) {
		if (v->base == v->home)
			return false;
		v->base = v->top = v->home;
		return true;
	}
	if (time_action(s, v, a) || focus_action(s, v, a) || top_action(s, v, a) || field_action(s, v, a) ||
		screen_action(s, v, a) || knob_action(s, v, a))
		return true;
	return true;
}
