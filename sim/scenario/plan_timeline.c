/*
 * plan_timeline: what happens, what is said and what is asked, in order of time.
 *
 * Every entry has `at` and exactly one verb. A `set` makes another world (cfg) out of the tree as it then is, so that a
 * later `set` builds on an earlier one; the running simulation is handed that cfg.
 */
#include "sim/scenario/plan_impl.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/keys.h"
#include "sim/scenario/sets.h"
#include "sim/scenario/words.h"

static const char verbs[] = "say|ask|set|cut|degrade|switch|crash|restart|drain";
static const char in[] = "timeline.*";

struct timeline {
	struct plan_impl *im;
	struct plan *p;
	struct doc_node *now; /* the tree with all `set` so far */
	struct cfg_act *act;
	struct plan_cue *cue;
	unsigned sets;
};

/* The one verb of an entry, or NULL after complaints. */
static const struct doc_node *verb_of(struct timeline *t, const struct doc_node *n)
{
	const struct doc_node *verb = NULL;
	for (const struct doc_node *c = n->first; c; c = c->next) {
		if (!words_has(verbs, c->key))
			continue;
		if (verb)
			doc_key_error(&t->im->doc, c, "make it two entries with the same `at`",
				"`%s` and `%s` in one entry", verb->key, c->key);
		verb = verb ? verb : c;
	}
	if (!verb)
		doc_error(&t->im->doc, n, "one of say, ask, set, cut, degrade, switch, crash, restart, drain",
			"nothing happens in this entry");
	return verb;
}

/* Keys that belong to another verb. */
static void check_details(struct timeline *t, const struct doc_node *n, const char *verb)
{
	for (const struct doc_node *c = n->first; c; c = c->next) {
		char path[128];
		snprintf(path, sizeof path, "%s.%.60s", in, c->key);
		int k = key_find(path);
		const char *concerns = k < 0 ? "" : key_at((size_t)k)->concerns;
		if (*concerns && !words_has(concerns, verb))
			doc_key_error(&t->im->doc, c, NULL, "`%s` has no meaning with `%s`", c->key, verb);
	}
}

static bool target_of(struct timeline *t, const struct doc_node *v, struct cfg_act *a)
{
	struct plan_impl *im = t->im;
	if (v->kind != DOC_SCALAR)
		return false;
	bool linkage = a->kind == CFG_ACT_CUT, machine = a->kind >= CFG_ACT_CRASH && a->kind <= CFG_ACT_DRAIN;
	struct {
		bool allowed;
		const struct plan_names *names;
		enum cfg_target kind;
	} tries[] = {{linkage || a->kind == CFG_ACT_DEGRADE, &im->nets, CFG_ON_NET},
		{linkage || machine, &im->boxes, CFG_ON_BOX}, {machine, &im->servers, CFG_ON_SERVER},
		{a->kind == CFG_ACT_SWITCH, &im->groups, CFG_ON_GROUP}};
	const struct plan_names *lists[2] = {NULL, NULL};
	size_t n = 0;
	for (size_t i = 0; i < 4; i++) {
		if (!tries[i].allowed)
			continue;
		int found = plan_name_index(tries[i].names, v->text);
		if (found >= 0) {
			a->target_kind = tries[i].kind;
			a->target = (uint32_t)found;
			return true;
		}
		if (n < 2)
			lists[n++] = tries[i].names;
	}
	plan_unknown(im, v,
		linkage                     ? "network or box"
		: machine                   ? "server or box"
		: a->kind == CFG_ACT_SWITCH ? "client group"
					    : "network",
		lists[0], lists[1]);
	return false;
}

static void read_degrade(struct timeline *t, const struct doc_node *n, struct cfg_act *a)
{
	static const char *const keys[] = {"rtt", "jitter", "loss", "up", "down"};
	bool any = false;
	for (size_t i = 0; i < 5; i++)
		any = any || doc_get(n, keys[i]);
	if (!any)
		doc_error(&t->im->doc, n, "give rtt, jitter, loss, up or down", "nothing becomes worse");
	a->net = t->p->cfg.nets[a->target];
	if (doc_get(n, "rtt"))
		a->net.rtt_ns = plan_dur(n, in, "rtt");
	if (doc_get(n, "jitter"))
		a->net.jitter_ns = plan_dur(n, in, "jitter");
	if (doc_get(n, "loss"))
		a->net.loss_ppm = plan_share(n, in, "loss");
	if (doc_get(n, "up"))
		a->net.up_bps = plan_bps(n, in, "up");
	if (doc_get(n, "down"))
		a->net.down_bps = plan_bps(n, in, "down");
}

static void read_switch(struct timeline *t, const struct doc_node *n, struct cfg_act *a)
{
	const struct doc_node *to = doc_get(n, "to");
	a->outage_ns = plan_dur(n, in, "outage");
	a->orphaned = plan_word(n, in, "sockets") == 1;
	if (!to || to->kind != DOC_SCALAR) {
		doc_error(&t->im->doc, n, "to: the network switched to", "`to` is missing");
		return;
	}
	int i = plan_name_index(&t->im->nets, to->text);
	if (i < 0)
		plan_unknown(t->im, to, "network", &t->im->nets, NULL);
	a->to = (uint32_t)(i < 0 ? 0 : i);
}

/* "clients.phones.options.heartbeat = 25s, …" */
static const char *set_sentence(struct timeline *t, const struct doc_node *v)
{
	const char *s = "";
	for (const struct doc_node *c = v->first; c; c = c->next)
		s = arena_fmt(&t->im->doc.arena, "%s%s%s = %s", s, *s ? ", " : "", c->key,
			c->kind == DOC_SCALAR ? c->text : "…");
	return s;
}

static void read_set(struct timeline *t, const struct doc_node *v, struct cfg_act *a)
{
	struct plan_impl *im = t->im;
	size_t before = im->own.n;
	if (v->kind != DOC_MAP)
		return;
	if (++t->sets > PLAN_SETS_MAX) {
		if (t->sets == PLAN_SETS_MAX + 1)
			doc_error(&im->doc, v, NULL, "more than %d `set` events", PLAN_SETS_MAX);
		return;
	}
	struct doc_node *next = plan_copy(im, t->now);
	if (!next)
		return;
	t->now = next;
	for (const struct doc_node *c = v->first; c; c = c->next) {
		struct set_at at = {c->src, c->key_pos, true};
		set_path(&im->doc, t->now, c->key, c, &at);
	}
	if (im->own.n == before)
		keys_check(&im->doc, t->now, 0);
	struct cfg *c = arena_alloc(&im->doc.arena, sizeof *c);
	if (im->own.n == before)
		plan_world(im, t->now, c);
	a->cfg = c;
	a->text = set_sentence(t, v);
}

static void read_cue(struct timeline *t, const struct doc_node *v, struct cfg_act *a)
{
	struct plan_cue *cue = &t->cue[t->p->ncues++];
	*cue = (struct plan_cue){a->at_ns, NULL, -1};
	a->text = v->text;
	if (a->kind == CFG_ACT_SAY) {
		cue->say = v->text;
		return;
	}
	struct plan_names ids = {NULL, 0};
	const char *names[64];
	ids.name = names;
	const struct doc_node *q = doc_get(t->im->root, "questions");
	for (const struct doc_node *c = q && q->kind == DOC_MAP ? q->first : NULL; c && ids.n < 64;
		c = c->next)
		names[ids.n++] = c->key;
	cue->question = plan_name_index(&ids, v->text);
	if (cue->question < 0 && v->kind == DOC_SCALAR)
		plan_unknown(t->im, v, "question", &ids, NULL);
}

static void read_entry(struct timeline *t, const struct doc_node *n)
{
	static const enum cfg_act_kind kinds[] = {CFG_ACT_SAY, CFG_ACT_ASK, CFG_ACT_SET, CFG_ACT_CUT,
		CFG_ACT_DEGRADE, CFG_ACT_SWITCH, CFG_ACT_CRASH, CFG_ACT_RESTART, CFG_ACT_DRAIN};
	const struct doc_node *v = verb_of(t, n);
	if (!v)
		return;
	struct cfg_act *a = &t->act[t->p->cfg.nacts];
	memset(a, 0, sizeof *a);
	a->kind = kinds[words_index(verbs, v->key)];
	a->at_ns = plan_dur(n, in, "at");
	a->for_ns = plan_dur(n, in, "for");
	check_details(t, n, v->key);
	if (a->kind == CFG_ACT_SAY || a->kind == CFG_ACT_ASK) {
		read_cue(t, v, a);
	} else if (a->kind == CFG_ACT_SET) {
		read_set(t, v, a);
		if (!a->cfg)
			return;
	} else if (target_of(t, v, a)) {
		if (a->kind == CFG_ACT_DEGRADE)
			read_degrade(t, n, a);
		if (a->kind == CFG_ACT_SWITCH)
			read_switch(t, n, a);
	}
	if (a->kind == CFG_ACT_CUT && !doc_get(n, "for"))
		doc_error(&t->im->doc, n, "for example `for: 8s`", "`for` is missing: how long is it cut?");
	t->p->cfg.nacts++;
}

void plan_timeline(struct plan_impl *im, struct plan *p)
{
	const struct doc_node *s = doc_get(im->root, "timeline");
	if (!s || s->kind != DOC_LIST)
		return;
	struct timeline t = {.im = im, .p = p, .now = im->root};
	t.act = arena_array(&im->doc.arena, s->n + 1, sizeof *t.act);
	t.cue = arena_array(&im->doc.arena, s->n + 1, sizeof *t.cue);
	p->cfg.acts = t.act;
	p->cues = t.cue;
	int64_t last = 0;
	for (const struct doc_node *c = s->first; c; c = c->next) {
		if (c->kind != DOC_MAP)
			continue;
		int64_t at = plan_dur(c, in, "at");
		if (at < last)
			doc_error(&im->doc, c, "sort the timeline by `at`",
				"this entry is earlier than the one before it");
		last = at > last ? at : last;
		if (at > p->cfg.duration_ns && p->cfg.duration_ns)
			doc_error(&im->doc, c, "raise `duration` or move it",
				"this is after the end of the run");
		read_entry(&t, c);
	}
	for (size_t i = 0; i < p->cfg.nacts; i++)
		if (t.act[i].cfg) { /* same shape as the first world: the timeline goes on */
			struct cfg *c = (struct cfg *)t.act[i].cfg;
			c->acts = t.act;
			c->nacts = p->cfg.nacts;
		}
}
