/*
 * world_kit: a small world to change to taste, run, and judge. For tests with cmocka.
 */
#ifndef TESTS_SUPPORT_WORLD_KIT_H
#define TESTS_SUPPORT_WORLD_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/measure/metrics.h"

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)

struct setup {
	struct cfg_net net[2];
	struct cfg_box box[2];
	struct cfg_server server;
	struct cfg_group group;
	struct cfg_msg msg;
	struct cfg_act act;
	struct cfg cfg;
};

__attribute__((unused)) static void setup(struct setup *u, const char *technique, uint32_t clients)
{
	memset(u, 0, sizeof *u);
	u->net[0] =
		(struct cfg_net){.name = "net", .rtt_ns = 60 * MS, .up_bps = 10000000, .down_bps = 40000000};
	u->net[1] = u->net[0];
	u->net[1].name = "other";
	u->box[0] = (struct cfg_box){
		.name = "home-nat", .kind = CFG_NAT, .idle_timeout_ns = 30 * S, .on_expiry = CFG_EXPIRY_DROP};
	u->box[1] = (struct cfg_box){.name = "edge",
		.kind = CFG_REVERSE_PROXY,
		.page_bytes = 4096,
		.read_timeout_ns = 60 * S,
		.keepalive_ns = 75 * S};
	u->server = (struct cfg_server){.name = "app",
		.count = 1,
		.request_cpu_ns = 30000,
		.push_cpu_ns = 5000,
		.conn_bytes = 12000,
		.backlog = 4096,
		.keepalive_ns = 75 * S};
	u->group = (struct cfg_group){.name = "phones",
		.count = clients,
		.start_over_ns = 5 * S,
		.path = {0},
		.npath = 1,
		.technique = technique};
	u->group.opts = (struct tech_opts){.interval_ns = 5 * S,
		.hold_ns = 30 * S,
		.resume = true,
		.keepalive_conn = true,
		.heartbeat_timeout_ns = 20 * S};
	u->msg = (struct cfg_msg){.name = "news",
		.from = CFG_FROM_SERVER,
		.to = CFG_TO_EVERYONE,
		.arrival = CFG_ARRIVAL_POISSON,
		.every_ns = 3 * S,
		.size_bytes = 92};
	u->cfg = (struct cfg){.scenario = "textbook",
		.duration_ns = 120 * S,
		.drain_ns = 30 * S,
		.nets = u->net,
		.nnets = 2,
		.boxes = u->box,
		.nboxes = 2,
		.servers = &u->server,
		.nservers = 1,
		.groups = &u->group,
		.ngroups = 1,
		.msgs = &u->msg,
		.nmsgs = 1,
		.acts = &u->act,
		.nacts = 0};
}

struct result {
	double mean_ms, max_ms, delivered, expected, requests, duplicated, lost;
	struct sim_counters c;
	struct sim_group_counters g;
	uint64_t fingerprint;
};

__attribute__((unused)) static double metric(const struct metrics *m, const char *name)
{
	int i = metric_find(name);
	assert_true(i >= 0);
	return metrics_get(m, i, -1);
}

__attribute__((unused)) static struct result run_seed(const struct setup *u, uint64_t seed, struct trace *tr)
{
	struct trace *own = tr ? NULL : trace_new(NULL);
	struct trace *t = tr ? tr : own;
	struct metrics *m = metrics_new(&u->cfg, t);
	struct sim_opts o = {.seed = seed, .trace = t, .lens_clients = tr ? UINT32_MAX : 0};
	struct sim *s = sim_new(&u->cfg, &o);
	struct result r = {0};
	assert_true(sim_run_until(s, INT64_MAX) == INT64_MAX);
	r.c = *sim_counters(s);
	r.g = r.c.group[0];
	r.fingerprint = sim_fingerprint(s);
	metrics_finish(m, sim_counters(s));
	r.mean_ms = metric(m, "latency_ms.mean");
	r.max_ms = metric(m, "latency_ms.max");
	r.delivered = metric(m, "messages.delivered");
	r.expected = metric(m, "messages.expected");
	r.duplicated = metric(m, "messages.duplicated");
	r.requests = metric(m, "http.requests");
	r.lost = r.expected - r.delivered;
	metrics_free(m);
	sim_free(s);
	trace_free(own);
	return r;
}

__attribute__((unused)) static struct result run(const struct setup *u)
{
	return run_seed(u, 42, NULL);
}

__attribute__((unused)) static void near(double is, double want, double tolerance)
{
	if (is < want - tolerance || is > want + tolerance) {
		print_message("is %.3f, should be %.3f +- %.3f\n", is, want, tolerance);
		fail();
	}
}

#endif
