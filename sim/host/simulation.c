/*
 * simulation: one world from start to end. See simulation.h.
 *
 * Counting ends at `duration` (EV_STOP): packets, octets, connections, processor time and energy are taken down there.
 * Then the run goes on for `drain`, or until every message that is expected has arrived, so that what was under way
 * can still arrive.
 */
#include "sim/host/host.h"

#include <string.h>

static void count_packets(struct sim *s)
{
	struct sim_counters *c = &s->counters;
	c->packets_sent = s->net->sent;
	c->packets_delivered = s->net->delivered;
	c->packets_dropped = s->net->dropped;
	c->packets_in_flight = s->net->in_flight;
}

/* Octets at the clients' access links: what they sent, and what reached them. */
static void count_group(struct sim *s, struct group *g)
{
	struct sim_group_counters *c = &s->counters.group[g->index];
	*c = (struct sim_group_counters){
		.conns_opened = g->opened, .conns_failed = g->failed, .conns_peak = g->open_peak};
	for (uint32_t n = 0; n < s->cfg->nnets; n++) {
		c->bytes_up += g->up[n] ? g->up[n]->c.sent_bytes : 0;
		c->bytes_down += g->down[n] ? g->down[n]->c.delivered_bytes : 0;
	}
	c->bytes_up += g->dc_up ? g->dc_up->c.sent_bytes : 0;
	c->bytes_down += g->dc_down ? g->dc_down->c.delivered_bytes : 0;
	for (uint32_t i = 0; i < g->count; i++)
		radio_close(s, &s->client[g->first - 1 + i], s->w->now_ns);
	c->radio_energy_uj = g->radio_uj;
	c->radio_active_ns = g->radio_ns;
}

static void stop_counting(struct sim *s)
{
	struct sim_counters *c = &s->counters;
	if (!s->counting)
		return;
	count_packets(s);
	for (uint32_t g = 0; g < s->ngroups; g++)
		count_group(s, &s->group[g]);
	for (uint32_t p = 0; p < s->nprocs; p++)
		c->server_cpu_ns += s->proc[p].cpu_ns;
	c->server_memory_peak_bytes = s->memory_peak_bytes;
	c->server_threads_peak = s->nprocs; /* an event loop has one thread */
	c->counted_ns = s->w->now_ns < s->cfg->duration_ns ? s->w->now_ns : s->cfg->duration_ns;
	s->counting = false;
}

static void on_stop(struct world *w, const struct ev *e)
{
	struct sim *s = sim_of(w);
	(void)e;
	stop_counting(s);
	if (!s->outstanding)
		world_stop(w);
}

void sim_memory(struct sim *s, int64_t bytes)
{
	s->memory_bytes += (uint64_t)bytes;
	if (s->counting && s->memory_bytes > s->memory_peak_bytes)
		s->memory_peak_bytes = s->memory_bytes;
}

struct sim *sim_new(const struct cfg *cfg, const struct sim_opts *o)
{
	struct sim *s = xcalloc(1, sizeof *s);
	s->cfg = s->now = cfg;
	s->opts = *o;
	s->tr = o->trace;
	s->keeps = s->tr && (s->tr->keep[0] | s->tr->keep[1]);
	s->end_ns = cfg->duration_ns + cfg->drain_ns;
	s->w = world_new(o->seed, 0);
	s->w->trace = o->trace;
	s->w->ext[WORLD_HOST] = s;
	s->net = net_new(s->w);
	s->tcp = tcp_new(s->w);
	s->tcp->predict = !o->decode_anew; /* the long way there too */
	sock_pools(s);
	s->sconns = world_pool(s->w, "server connection",
		sizeof(struct sconn) + (s->keeps ? sizeof(struct sconn_causes) : 0), 0);
	s->links = world_pool(s->w, "access link", sizeof(struct line), 0);
	proxy_pools(s);
	counted_init(&s->endpoint_memory);
	counted_init(&s->box_memory);
	tech_outs_init(&s->outs, &s->endpoint_memory.al);
	sock_handlers(s);
	client_handlers(s);
	proc_handlers(s);
	proxy_handlers(s);
	messages_handlers(s);
	timeline_handlers(s);
	world_handle(s->w, EV_STOP, on_stop, NULL);
	s->counting = true;
	build_world(s);
	s->counters.group = xcalloc(s->ngroups + 1, sizeof *s->counters.group);
	s->counters.ngroups = s->ngroups;
	world_at(s->w, cfg->duration_ns, BAND_END, EV_STOP, 0, NULL);
	if (s->tr) {
		s->tr->seed = o->seed;
		s->tr->duration_ns = cfg->duration_ns;
		s->tr->end_ns = s->end_ns;
		s->tr->scenario = cfg->scenario ? trace_str(s->tr, cfg->scenario) : 0;
		s->tr->technique = s->ngroups ? trace_str(s->tr, cfg->groups[0].technique) : 0;
	}
	return s;
}

static void end(struct sim *s)
{
	s->ended = true;
	for (uint32_t b = 0; b < s->nboxes; b++)
		for (uint32_t i = 0; i < s->box[b].nnat; i++)
			nat_flush(s->box[b].nat[i]);
	messages_lost(s);
	if (s->tr)
		s->tr->end_ns = s->w->now_ns;
}

int64_t sim_run_until(struct sim *s, int64_t t_ns)
{
	int64_t limit = t_ns < s->end_ns ? t_ns : s->end_ns;
	s->outs.quiet = rec_quiet(s);
	if (s->ended)
		return INT64_MAX;
	if (limit > s->w->now_ns || !limit)
		world_run(s->w, limit);
	bool done = !s->counting && !s->outstanding;
	if (done || s->w->now_ns >= s->end_ns || !s->w->queue.count) {
		end(s);
		return INT64_MAX;
	}
	return s->w->now_ns + 1;
}

int64_t sim_now(const struct sim *s)
{
	return s->w->now_ns;
}

uint64_t sim_events(const struct sim *s)
{
	return s->w->events;
}

uint64_t sim_fingerprint(const struct sim *s)
{
	return s->w->fingerprint;
}

const struct sim_counters *sim_counters(struct sim *s)
{
	struct sim_counters *c = &s->counters;
	stop_counting(s);
	c->events = s->w->events;
	memory_count(s, c->bytes);
	return c;
}

void sim_free(struct sim *s)
{
	if (!s)
		return;
	build_free(s);
	messages_fini(s);
	rec_fini(s);
	tech_outs_fini(&s->outs);
	world_free(s->w);
	build_free_late(s);
	xfree(s->counters.group);
	xfree(s);
}
