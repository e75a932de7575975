/* Worlds: what hosts, boxes and the timeline do, and whether the trace can tell why. */
#include "sim/trace/why.h"
#include "tests/support/world_kit.h"

static const char *const techniques[] = {"polling", "long-polling", "sse", "websocket"};

static struct trace *traced(const struct setup *u, struct result *r)
{
	struct trace *t = trace_new(NULL);
	trace_keep_all(t);
	*r = run_seed(u, 42, t);
	assert_null(t->overflow);
	return t;
}

static void edge(struct setup *u, enum cfg_buffering b)
{
	u->group.path[1] = ~1;
	u->group.npath = 2;
	u->box[1].buffering = b;
}

static uint32_t count(const struct trace *t, enum trace_kind k)
{
	uint32_t n = 0;
	for (uint64_t i = 0; i < t->nrec; i++)
		n += t->rec[i].kind == k;
	return n;
}

static const struct trace_rec *first(const struct trace *t, enum trace_kind k)
{
	for (uint64_t i = 0; i < t->nrec; i++)
		if (t->rec[i].kind == k)
			return &t->rec[i];
	return NULL;
}

/* ---- why --------------------------------------------------------------------------------------------------------- */

/* Every lost message leads to a record whose reason names the parameter that decided. */
static void leads_to(const struct setup *u, const char *param)
{
	struct result r;
	struct trace *t = traced(u, &r);
	struct why_index *ix = why_index_new(t);
	uint32_t lost = 0, right = 0;
	char got[128];
	for (uint64_t i = 0; i < t->nrec; i++) {
		if (t->rec[i].kind != TRACE_MSG_LOST)
			continue;
		uint64_t root = why_root(ix, i + 1);
		lost++;
		got[0] = 0;
		if (root)
			trace_reason_param(t, trace_get(t, root), got, sizeof got);
		right += !strcmp(got, param);
	}
	if (!lost || (double)lost != r.lost || right != lost)
		print_message("%u lost, %.0f counted, %u lead to %s, last to %s\n", lost, r.lost, right,
			param, got);
	assert_true(lost > 0 && (double)lost == r.lost);
	assert_true(right == lost);
	why_index_free(ix);
	trace_free(t);
}

static void a_message_lost_in_a_nat_leads_to_its_idle_timeout(void **st)
{
	static const int64_t at[] = {20 * S, 80 * S, 160 * S};
	(void)st;
	for (size_t i = 2; i < 4; i++) {
		struct setup u;
		setup(&u, techniques[i], 4);
		u.group.path[1] = ~0;
		u.group.npath = 2;
		u.msg.arrival = CFG_ARRIVAL_AT;
		u.msg.at_ns = at;
		u.msg.nat = 3;
		u.cfg.duration_ns = 200 * S;
		leads_to(&u, "boxes.home-nat.idle_timeout");
		u.group.path[2] =
			~1; /* and through a proxy behind it: the proxy's tunnel timer must not end it first */
		u.group.npath = 3;
		u.box[1].read_timeout_ns = 3600 * S;
		leads_to(&u, "boxes.home-nat.idle_timeout");
	}
}

static void a_message_in_a_buffer_leads_to_the_buffering(void **st)
{
	struct setup u;
	(void)st;
	setup(&u, "sse", 3);
	edge(&u, CFG_BUFFER_FULL);
	leads_to(&u, "boxes.edge.buffering");
	u.cfg.duration_ns = 40 * S;
	edge(&u, CFG_BUFFER_PAGE);
	leads_to(&u, "boxes.edge.buffering");
}

static void a_stripped_upgrade_leads_to_the_upgrade_rule(void **st)
{
	struct setup u;
	(void)st;
	setup(&u, "websocket", 3);
	edge(&u, CFG_BUFFER_OFF);
	u.box[1].upgrade = CFG_UPGRADE_STRIP;
	leads_to(&u, "boxes.edge.upgrade");
}

static void what_a_dead_server_missed_leads_to_the_timeline(void **st)
{
	(void)st;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		setup(&u, techniques[i], 3);
		u.msg.every_ns = 500 * MS;
		u.cfg.duration_ns = 40 * S;
		u.group.opts.reconnect = (struct tech_backoff){.first_ns = S, .factor_milli = 1000};
		u.act = (struct cfg_act){.at_ns = 20 * S,
			.for_ns = 5 * S,
			.kind = CFG_ACT_CRASH,
			.target_kind = CFG_ON_SERVER};
		u.cfg.nacts = 1;
		leads_to(&u, "timeline");
	}
}

static void a_phone_without_resume_loses_what_came_while_it_moved(void **st)
{
	(void)st;
	for (size_t i = 2; i < 4; i++) {
		struct setup u;
		setup(&u, techniques[i], 3);
		u.msg.every_ns = 500 * MS;
		u.group.opts.resume = false;
		u.cfg.duration_ns = 40 * S;
		u.act = (struct cfg_act){.at_ns = 20 * S,
			.outage_ns = 3 * S,
			.kind = CFG_ACT_SWITCH,
			.target_kind = CFG_ON_GROUP,
			.to = 1};
		u.cfg.nacts = 1;
		leads_to(&u, "timeline");
	}
}

static void without_a_backplane_one_process_knows(void **st)
{
	struct setup u;
	(void)st;
	setup(&u, "websocket", 6);
	u.server.count = 2;
	u.msg.from = 0;
	u.msg.arrival = CFG_ARRIVAL_FIXED;
	u.msg.every_ns = 4 * S;
	leads_to(&u, "backplane");
	u.cfg.backplane = CFG_BACKPLANE_REDIS;
	struct result r = run(&u);
	assert_true(r.lost == 0);
	near(r.mean_ms, 60.75, 0.5); /* up, down, and the broker for half of them */
}

/* ---- trace ------------------------------------------------------------------------------------------------------- */

static void what_is_received_is_what_was_sent(void **st)
{
	(void)st;
	for (size_t i = 0; i < 8; i++) {
		struct setup u;
		struct result r;
		setup(&u, techniques[i % 4], 3);
		u.net[0].loss_ppm = 20000;
		if (i >= 4)
			edge(&u, i == 6 ? CFG_BUFFER_PAGE : CFG_BUFFER_OFF);
		struct trace *t = traced(&u, &r);
		uint32_t recv = 0;
		for (uint64_t k = 0; k < t->nrec; k++) {
			const struct trace_rec *x = &t->rec[k];
			bool unit = x->kind == TRACE_HTTP_REQUEST_RECV ||
				    x->kind == TRACE_HTTP_RESPONSE_RECV || x->kind == TRACE_SSE_EVENT_RECV ||
				    x->kind == TRACE_SSE_COMMENT_RECV || x->kind == TRACE_WS_FRAME_RECV;
			assert_true(x->cause < x->id);
			if (!unit)
				continue;
			recv++;
			assert_true(x->conn && x->slen && x->len == x->slen && x->text && x->node && x->peer);
			assert_true(x->node != x->peer);
		}
		assert_true(recv > 60);
		assert_true(count(t, TRACE_MSG_DELIVER) == (uint32_t)r.delivered);
		assert_true(r.c.packets_sent ==
			    r.c.packets_delivered + r.c.packets_dropped + r.c.packets_in_flight);
		trace_free(t);
	}
}

static void a_late_event_has_a_retransmission_among_its_causes(void **st)
{
	struct setup u;
	struct result r;
	uint32_t late = 0, told = 0;
	(void)st;
	setup(&u, "websocket", 5);
	u.net[0].loss_ppm = 50000;
	struct trace *t = traced(&u, &r);
	for (uint64_t i = 0; i < t->nrec; i++) {
		const struct trace_rec *x = &t->rec[i];
		if (x->kind != TRACE_MSG_DELIVER || x->a < 150 * MS)
			continue;
		late++;
		for (const struct trace_rec *c = x; c; c = trace_get(t, c->cause))
			if (c->kind == TRACE_TCP_RETRANSMIT || c->kind == TRACE_TCP_FAST_RETRANSMIT ||
				c->kind == TRACE_TCP_RTO || c->kind == TRACE_DISCONNECT) {
				told++;
				break;
			}
	}
	assert_true(late > 3);
	assert_true(told * 10 >= late * 9); /* the rest waited behind another's loss */
	trace_free(t);
}

static void a_poll_that_fetches_says_that_the_message_waited(void **st)
{
	struct setup u;
	struct result r;
	(void)st;
	setup(&u, "polling", 3);
	struct trace *t = traced(&u, &r);
	uint32_t waited = 0;
	for (uint64_t i = 0; i < t->nrec; i++)
		waited += t->rec[i].kind == TRACE_MSG_DELIVER && t->rec[i].reason == REASON_WAIT_POLL;
	assert_true(waited * 20 > (uint32_t)r.delivered * 19);
	trace_free(t);
}

/* ---- the timeline ------------------------------------------------------------------------------------------------- */

static void a_phone_that_moves_has_a_new_address_and_comes_back(void **st)
{
	(void)st;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		struct result r;
		setup(&u, techniques[i], 3);
		u.group.path[1] = ~0;
		u.group.npath = 2;
		u.act = (struct cfg_act){.at_ns = 40 * S,
			.outage_ns = 3 * S,
			.kind = CFG_ACT_SWITCH,
			.target_kind = CFG_ON_GROUP,
			.to = 1};
		u.cfg.nacts = 1;
		struct trace *t = traced(&u, &r);
		assert_true(r.lost == 0 && r.duplicated == 0);
		assert_int_equal(count(t, TRACE_NET_SWITCH), 3);
		assert_int_equal(count(t, TRACE_NET_UP), 3);
		assert_true(first(t, TRACE_NET_UP)->at == 43 * S);
		assert_non_null(strstr(trace_text(t, first(t, TRACE_NET_UP)->text), "10.16.0.1 in other"));
		const struct trace_rec *d = first(t, TRACE_DISCONNECT);
		assert_true(d && d->at == 40 * S && d->reason == REASON_NET_SWITCHED);
		assert_true(count(t, TRACE_CONNECT_OK) == 6);
		trace_free(t);
		u.act.orphaned = true; /* nobody tells a silent stream */
		struct result o = run(&u);
		assert_true(i < 2 ? o.lost == 0 : o.lost > 20);
	}
}

static void a_crash_resets_everybody_and_a_drain_says_goodbye(void **st)
{
	struct setup u;
	struct result r;
	(void)st;
	setup(&u, "websocket", 4);
	u.act = (struct cfg_act){
		.at_ns = 40 * S, .for_ns = 2 * S, .kind = CFG_ACT_CRASH, .target_kind = CFG_ON_SERVER};
	u.cfg.nacts = 1;
	struct trace *t = traced(&u, &r);
	const struct trace_rec *d = first(t, TRACE_DISCONNECT);
	assert_true(d && d->reason == REASON_PEER_RESET && d->at > 40 * S && d->at < 40 * S + 31 * MS);
	bool crash = false;
	for (const struct trace_rec *c = d; c; c = trace_get(t, c->cause))
		crash |= c->kind == TRACE_CRASH;
	assert_true(crash);
	assert_int_equal(count(t, TRACE_DISCONNECT), 4);
	assert_int_equal(count(t, TRACE_CONNECT_OK), 8);
	trace_free(t);
	u.act.kind = CFG_ACT_DRAIN;
	t = traced(&u, &r);
	d = first(t, TRACE_DISCONNECT);
	assert_true(d && d->reason == REASON_PEER_CLOSED);
	assert_int_equal(count(t, TRACE_CONNECT_OK), 8);
	assert_true(r.lost == 0); /* the history outlives a drain */
	trace_free(t);
}

static void a_changed_heartbeat_takes_effect_at_once(void **st)
{
	static const int64_t at[] = {75 * S, 150 * S, 290 * S};
	struct setup u;
	(void)st;
	setup(&u, "websocket", 4);
	u.group.path[1] = ~0;
	u.group.npath = 2;
	u.msg.arrival = CFG_ARRIVAL_AT;
	u.msg.at_ns = at;
	u.msg.nat = 3;
	u.cfg.duration_ns = 300 * S;
	struct cfg other = u.cfg;
	struct cfg_group group = u.group;
	group.opts.heartbeat_ns = 25 * S;
	other.groups = &group;
	u.act = (struct cfg_act){
		.at_ns = 20 * S, .kind = CFG_ACT_SET, .cfg = &other, .text = "heartbeat 25s"};
	assert_true(run(&u).lost == 12);
	u.cfg.nacts = 1; /* the first beat leaves 25 s after the change, at 31 s */
	u.act.at_ns = 6 * S;
	u.box[0].idle_timeout_ns = 32 * S;
	assert_true(run(&u).lost == 0);
}

static void boxes_crash_and_come_back(void **st)
{
	(void)st;
	for (size_t i = 0; i < 4; i++)
		for (uint32_t box = 0; box < 2; box++) {
			struct setup u;
			setup(&u, techniques[i], 5);
			u.group.path[1] = ~0;
			u.group.path[2] = ~1;
			u.group.npath = 3;
			u.group.opts.heartbeat_ns = 10 * S;
			u.group.opts.heartbeat_from = TECH_FROM_CLIENT;
			u.group.opts.reconnect = (struct tech_backoff){.first_ns = S, .factor_milli = 1000};
			u.act = (struct cfg_act){.at_ns = 30 * S,
				.for_ns = 4 * S,
				.kind = CFG_ACT_CRASH,
				.target_kind = CFG_ON_BOX,
				.target = box};
			u.cfg.nacts = 1;
			struct result r = run(&u);
			assert_true(r.lost == 0); /* everybody finds back and asks for what was missed */
			assert_true(r.max_ms > 1000);
			u.act.kind = CFG_ACT_DRAIN;
			assert_true(run(&u).lost == 0);
		}
}

/* Behind a NAT that forgets sooner than the server's TIME-WAIT ends, a port comes back with another client (RFC 6191). Numbers and
 * timestamps of two clients have nothing to do with each other: half of them are beyond, and taken at once; the other half are
 * asked first, and cost a round trip and the 8 ms after which the SYN goes again. */
static void a_port_may_be_used_again_in_time_wait(void **st)
{
	struct setup u;
	struct result r;
	uint32_t asked = 0, opened = 0;
	(void)st;
	setup(&u, "polling", 100);
	u.group.path[1] = ~0;
	u.group.npath = 2;
	u.group.opts.keepalive_conn = false;
	u.group.opts.interval_ns = S;
	u.box[0].idle_timeout_ns = 10 * S;
	u.cfg.duration_ns = 60 * S;
	struct trace *t = traced(&u, &r);
	for (uint64_t i = 0; i < t->nrec; i++) {
		asked += t->rec[i].kind == TRACE_TCP_RTO;
		opened += t->rec[i].kind == TRACE_TCP_OPEN;
		assert_true(t->rec[i].kind != TRACE_TCP_RTO || t->rec[i].a < 100 * MS);
	}
	assert_true(r.lost == 0 && r.g.conns_failed == 0);
	assert_true(opened > 5000 && asked > 100 && asked < opened / 10);
	trace_free(t);
}

static void a_cut_heals(void **st)
{
	(void)st;
	for (size_t i = 0; i < 4; i++)
		for (int box = 0; box < 2; box++) {
			struct setup u;
			setup(&u, techniques[i], 5);
			edge(&u, CFG_BUFFER_OFF);
			u.act = (struct cfg_act){.at_ns = 30 * S,
				.for_ns = 4 * S,
				.kind = CFG_ACT_CUT,
				.target_kind = box ? CFG_ON_BOX : CFG_ON_NET,
				.target = box ? 1 : 0};
			u.cfg.nacts = 1;
			struct result r = run(&u);
			assert_true(r.lost == 0);
			assert_true(r.max_ms > 3000);
		}
}

/* ---- servers ------------------------------------------------------------------------------------------------------ */

static void a_broadcast_takes_the_processor_one_push_at_a_time(void **st)
{
	struct setup u;
	(void)st;
	setup(&u, "sse", 2000);
	u.msg.arrival = CFG_ARRIVAL_FIXED;
	u.msg.every_ns = 10 * S;
	u.cfg.duration_ns = 35 * S;
	struct result r = run(&u);
	assert_true(r.lost == 0);
	near(r.max_ms, 30.25 + 2000 * 0.005, 0.5); /* the last of 2,000 waits for 2,000 pushes of 5 us */
	near(r.mean_ms, 30.25 + 1000 * 0.005, 0.5);
	/* 2,000 connections and requests, three messages to each, one push for each publishing */
	near((double)r.c.server_cpu_ns / 1e6, 2000 * 0.042 + 3 * 2001 * 0.005, 0.5);
	assert_int_equal(r.c.server_memory_peak_bytes, 2000 * 12000);
}

static void a_busy_server_says_so(void **st)
{
	struct setup u;
	struct result r;
	(void)st;
	setup(&u, "polling", 50);
	u.group.start_over_ns = 0;
	u.server.request_cpu_ns = 2 * MS;
	u.cfg.duration_ns = 20 * S;
	struct trace *t = traced(&u, &r);
	uint32_t busy = 0;
	for (uint64_t i = 0; i < t->nrec; i++)
		busy += t->rec[i].kind == TRACE_HTTP_RESPONSE_SEND && t->rec[i].reason == REASON_SERVER_BUSY;
	assert_true(busy > 100);
	trace_free(t);
}

static void a_full_listen_queue_drops_the_syn(void **st)
{
	struct setup u;
	struct result r;
	(void)st;
	setup(&u, "polling", 100);
	u.group.start_over_ns = 0;
	u.server.backlog = 30;
	u.group.opts.interval_ns = 30 * S;
	u.server.request_cpu_ns = 50 * MS; /* 100 connections at once, 20 served in a second */
	struct trace *t = traced(&u, &r);
	uint32_t full = 0;
	for (uint64_t i = 0; i < t->nrec; i++)
		full += t->rec[i].kind == TRACE_PKT_DROP && t->rec[i].reason == REASON_BACKLOG_FULL;
	assert_true(full >= 100); /* they come again together, after 1, 3 and 7 s */
	assert_true(r.lost == 0);
	trace_free(t);
}

static void messages_may_be_for_one_or_for_a_group(void **st)
{
	(void)st;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		struct cfg_group groups[2];
		setup(&u, techniques[i], 5);
		groups[0] = groups[1] = u.group;
		groups[1].name = "tablets";
		groups[1].count = 7;
		u.cfg.groups = groups;
		u.cfg.ngroups = 2;
		u.cfg.duration_ns = 60 * S;
		u.msg.arrival = CFG_ARRIVAL_FIXED;
		u.msg.every_ns = 10 * S;
		u.msg.to = CFG_TO_ONE;
		struct result r = run(&u);
		assert_true(r.expected == 5 && r.lost == 0);
		u.msg.to = 1;
		r = run(&u);
		assert_true(r.expected == 35 && r.lost == 0 && r.duplicated == 0);
	}
}

/* ---- radio -------------------------------------------------------------------------------------------------------- */

static void a_beat_costs_what_the_tail_costs(void **st)
{
	static const struct {
		int64_t beat_s;
		double mw; /* facts, 4.3, 10.1 s tail; less the 0.13 J of the octets, which are left out */
	} t[] = {{15, 751}, {30, 385}, {60, 203}, {300, 56}};
	(void)st;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		setup(&u, "websocket", 1);
		u.group.start_over_ns = 0;
		u.net[0].radio = CFG_RADIO_LTE;
		u.group.opts.heartbeat_ns = t[i].beat_s * S;
		u.cfg.nmsgs = 0;
		u.cfg.duration_ns = 6000 * S;
		struct result r = run(&u);
		near((double)r.g.radio_energy_uj / 6e6, t[i].mw, t[i].mw * 0.05);
	}
}

/* ---- sameness ------------------------------------------------------------------------------------------------------ */

static void steps_do_not_matter(void **st)
{
	(void)st;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		uint64_t print[2];
		setup(&u, techniques[i], 5);
		u.net[0].loss_ppm = 10000;
		for (int k = 0; k < 2; k++) {
			struct sim_opts o = {.seed = 3};
			struct sim *s = sim_new(&u.cfg, &o);
			for (int64_t t = k ? 7 * MS : INT64_MAX; sim_run_until(s, t) != INT64_MAX;
				t += 7 * MS)
				;
			print[k] = sim_fingerprint(s);
			sim_free(s);
		}
		assert_true(print[0] == print[1]);
	}
}

static void a_world_may_end_at_any_moment(void **st)
{
	(void)st;
	for (size_t i = 0; i < 4; i++)
		for (int64_t t = 0; t < 60 * S; t += 1777 * MS) {
			struct setup u;
			setup(&u, techniques[i], 5);
			edge(&u, CFG_BUFFER_PAGE);
			struct sim_opts o = {.seed = 3};
			struct sim *s = sim_new(&u.cfg, &o);
			sim_run_until(s, t);
			sim_counters(s);
			sim_free(s); /* asserts that nothing is left */
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_lost_in_a_nat_leads_to_its_idle_timeout),
		cmocka_unit_test(a_message_in_a_buffer_leads_to_the_buffering),
		cmocka_unit_test(a_stripped_upgrade_leads_to_the_upgrade_rule),
		cmocka_unit_test(what_a_dead_server_missed_leads_to_the_timeline),
		cmocka_unit_test(a_phone_without_resume_loses_what_came_while_it_moved),
		cmocka_unit_test(without_a_backplane_one_process_knows),
		cmocka_unit_test(what_is_received_is_what_was_sent),
		cmocka_unit_test(a_late_event_has_a_retransmission_among_its_causes),
		cmocka_unit_test(a_poll_that_fetches_says_that_the_message_waited),
		cmocka_unit_test(a_phone_that_moves_has_a_new_address_and_comes_back),
		cmocka_unit_test(a_crash_resets_everybody_and_a_drain_says_goodbye),
		cmocka_unit_test(a_changed_heartbeat_takes_effect_at_once),
		cmocka_unit_test(boxes_crash_and_come_back),
		cmocka_unit_test(a_port_may_be_used_again_in_time_wait),
		cmocka_unit_test(a_cut_heals),
		cmocka_unit_test(a_broadcast_takes_the_processor_one_push_at_a_time),
		cmocka_unit_test(a_busy_server_says_so),
		cmocka_unit_test(a_full_listen_queue_drops_the_syn),
		cmocka_unit_test(messages_may_be_for_one_or_for_a_group),
		cmocka_unit_test(a_beat_costs_what_the_tail_costs),
		cmocka_unit_test(steps_do_not_matter),
		cmocka_unit_test(a_world_may_end_at_any_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
