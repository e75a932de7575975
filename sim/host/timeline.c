/*
 * timeline: what the lecturer does to the world, at its moments: cut, degrade, switch, crash, restart, drain, set.
 *
 * A cut concerns every link that runs over the network, or that touches the box; cuts of the same thing may overlap,
 * the last end heals. SET hands over another cfg of the same shape; whoever reads a value reads it there from then on,
 * and every endpoint is given a TIME so that a changed timer takes effect at once.
 */
#include "sim/host/host.h"

static uint64_t say(struct sim *s, enum trace_kind kind, uint16_t node, const char *text, int64_t a)
{
	struct trace_rec r = rec_make(s, kind, 0);
	r.node = node;
	r.a = a;
	r.text = s->tr && text ? trace_str(s->tr, text) : 0;
	return rec_put(s, &r, true);
}

static const char *target_name(const struct sim *s, const struct cfg_act *a)
{
	switch (a->target_kind) {
	case CFG_ON_NET:
		return s->nets[a->target].name;
	case CFG_ON_BOX:
		return s->cfg->boxes[a->target].name;
	case CFG_ON_SERVER:
		return s->cfg->servers[a->target].name;
	case CFG_ON_GROUP:
		break;
	}
	return s->cfg->groups[a->target].name;
}

/* ---- cuts --------------------------------------------------------------------------------------------------------- */

static bool touches(const struct hclass *h, const struct cfg_act *a)
{
	if (a->target_kind == CFG_ON_NET)
		return h->net == (int32_t)a->target;
	return a->target_kind == CFG_ON_BOX &&
	       (h->box_a == (int32_t)a->target || h->box_b == (int32_t)a->target);
}

static void cut(struct sim *s, const struct cfg_act *a, bool end)
{
	uint16_t node = a->target_kind == CFG_ON_BOX ? s->box[a->target].trace : 0;
	uint64_t rec = say(s, end ? TRACE_LINK_HEAL : TRACE_LINK_CUT, node, target_name(s, a), a->for_ns);
	for (struct hclass *h = s->classes; h; h = h->next) {
		if (!touches(h, a))
			continue;
		if (!end && !h->cuts++)
			link_class_cut(&h->c, rec);
		else if (end && h->cuts && !--h->cuts)
			link_class_heal(&h->c);
	}
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

static void refresh_net(struct sim *s, uint32_t net)
{
	for (struct hclass *h = s->classes; h; h = h->next)
		if (h->net == (int32_t)net)
			class_refresh(s, h);
}

static void degrade(struct sim *s, const struct cfg_act *a, bool end)
{
	say(s, end ? TRACE_LINK_HEAL : TRACE_LINK_DEGRADE, 0, target_name(s, a), a->for_ns);
	const char *name = s->nets[a->target].name;
	s->nets[a->target] = end ? s->now->nets[a->target] : a->net;
	s->nets[a->target].name = name;
	s->degraded[a->target] = !end;
	refresh_net(s, a->target);
}

static void set_boxes(struct sim *s)
{
	for (uint32_t b = 0; b < s->nboxes; b++) {
		const struct cfg_box *v = &s->now->boxes[b];
		struct nat_params np = {
			.idle_timeout_ns = v->idle_timeout_ns, .on_expiry = (enum nat_expiry)v->on_expiry};
		for (uint32_t i = 0; i < s->box[b].nnat; i++)
			nat_set(s->box[b].nat[i], &np);
		for (struct proxy *x = s->box[b].proxy; x; x = x->next)
			proxy_values(s, x);
	}
}

static void set(struct sim *s, const struct cfg_act *a)
{
	uint64_t rec = say(s, TRACE_VALUE_SET, 0, a->text, 0);
	s->now = a->cfg;
	for (uint32_t n = 0; n < s->cfg->nnets; n++)
		if (!s->degraded[n]) {
			s->nets[n] = s->now->nets[n];
			refresh_net(s, n);
		}
	set_boxes(s);
	for (uint32_t g = 0; g < s->ngroups; g++) {
		s->group[g].site.opts = &s->now->groups[g].opts;
		tech_site_changed(&s->group[g].site);
	}
	for (uint32_t p = 0; p < s->nprocs; p++) {
		proc_sites(s, &s->proc[p]);
		proc_options(s, &s->proc[p]);
	}
	for (uint32_t i = 0; i < s->nclients; i++) {
		struct client *c = client_at(s, i + 1);
		struct tech_in in = {.kind = TECH_IN_TIME, .now_ns = s->w->now_ns};
		if (client_is(c, CLIENT_STARTED))
			client_input(s, c, &in, client_lens(c) ? rec : 0);
	}
}

/* ---- crashes ------------------------------------------------------------------------------------------------------ */

/* A crashed NAT has forgotten everything and passes nothing until it is back; a crashed proxy resets its connections.
 * A draining proxy takes no new connections and lets the old ones end. */
static void crash_box(struct sim *s, const struct cfg_act *a, bool end)
{
	uint32_t b = a->target;
	bool drain = a->kind == CFG_ACT_DRAIN && !end;
	uint64_t rec = say(s,
		end     ? TRACE_RESTART
		: drain ? TRACE_DRAIN
			: TRACE_CRASH,
		s->box[b].trace, NULL, 0);
	if (s->box[b].nnat && !drain)
		cut(s, a, end);
	for (uint32_t i = 0; i < s->box[b].nnat && !end && !drain; i++)
		nat_clear(s->box[b].nat[i], rec);
	for (struct proxy *x = s->box[b].proxy; x; x = x->next) {
		if (!end && !drain)
			proxy_crash(s, x, rec);
		x->down = !end;
	}
}

static void each_proc(struct sim *s, const struct cfg_act *a, enum cfg_act_kind kind)
{
	const struct server *sv = &s->server[a->target];
	for (uint32_t i = 0; i < sv->nproc; i++) {
		struct proc *p = &s->proc[sv->first_proc + i];
		if (kind == CFG_ACT_CRASH)
			proc_crash(s, p, 0);
		else if (kind == CFG_ACT_DRAIN)
			proc_drain(s, p, 0);
		else
			proc_restart(s, p);
	}
}

/* ---- moments ------------------------------------------------------------------------------------------------------ */

static void act(struct sim *s, const struct cfg_act *a, bool end)
{
	switch (a->kind) {
	case CFG_ACT_SAY:
		say(s, TRACE_SAY, 0, a->text, 0);
		break;
	case CFG_ACT_ASK:
		say(s, TRACE_ASK, 0, a->text, 0);
		break;
	case CFG_ACT_SET:
		set(s, a);
		break;
	case CFG_ACT_CUT:
		cut(s, a, end);
		break;
	case CFG_ACT_DEGRADE:
		degrade(s, a, end);
		break;
	case CFG_ACT_SWITCH: {
		const struct group *g = &s->group[a->target];
		for (uint32_t i = 0; i < g->count; i++)
			client_switch(
				s, client_at(s, g->first + i), (int32_t)a->to, a->outage_ns, a->orphaned, 0);
		break;
	}
	case CFG_ACT_CRASH:
	case CFG_ACT_RESTART:
	case CFG_ACT_DRAIN:
		if (a->target_kind == CFG_ON_BOX)
			crash_box(s, a, end || a->kind == CFG_ACT_RESTART);
		else
			each_proc(s, a, end ? CFG_ACT_RESTART : a->kind);
		break;
	}
}

static void on_moment(struct world *w, const struct ev *e)
{
	struct sim *s = sim_of(w);
	const struct moment *m = e->obj;
	const struct cfg_act *a = &s->cfg->acts[m->act];
	w->cause = 0;
	act(s, a, m->end);
	bool ends = a->for_ns > 0 && (a->kind == CFG_ACT_CUT || a->kind == CFG_ACT_DEGRADE ||
					     a->kind == CFG_ACT_CRASH || a->kind == CFG_ACT_DRAIN);
	if (!m->end && ends)
		world_at(w, w->now_ns + a->for_ns, BAND_CONTROL, EV_TIMELINE, m->act + 1,
			&s->moment[m->act * 2 + 1]);
}

void timeline_init(struct sim *s)
{
	s->moment = xcalloc(s->cfg->nacts * 2 + 1, sizeof *s->moment);
	for (uint32_t i = 0; i < s->cfg->nacts; i++) {
		s->moment[i * 2] = (struct moment){i, false};
		s->moment[i * 2 + 1] = (struct moment){i, true};
		world_at(s->w, s->cfg->acts[i].at_ns, BAND_CONTROL, EV_TIMELINE, i + 1, &s->moment[i * 2]);
	}
}

void timeline_handlers(struct sim *s)
{
	world_handle(s->w, EV_TIMELINE, on_moment, NULL);
}
