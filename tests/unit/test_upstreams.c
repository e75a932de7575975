/* A proxy's connections to the servers: who uses them, how many there are, how long they last. */
#include "sim/trace/why.h"
#include "tests/support/world_kit.h"

/* A group behind the proxy; every record is kept. */
static void behind(struct setup *u, const char *technique, uint32_t clients)
{
	setup(u, technique, clients);
	u->group.path[1] = ~1;
	u->group.npath = 2;
	u->box[1].upstream_keepalive_ns = 60 * S;
}

struct story {
	struct trace *t;
	struct result r;
	uint32_t upstream; /* connections from the proxy to servers */
	uint32_t reused;   /* requests over one that had been used before */
	int64_t idle_ns;   /* the longest that a connection lent had been idle */
	uint32_t before;   /* the most that one lent had carried */
	uint32_t asked;    /* requests that clients sent */
	uint32_t errors;   /* answers with a status of 500 or more */
};

static bool is_proxy(const struct trace *t, uint16_t node)
{
	return !strncmp(trace_text(t, t->node[node].param), "boxes.", 6);
}

static struct story tell(const struct setup *u)
{
	struct story s = {.t = trace_new(NULL)};
	trace_keep_all(s.t);
	s.r = run_seed(u, 42, s.t);
	assert_null(s.t->overflow);
	for (uint32_t i = 1; i < s.t->nconn; i++)
		s.upstream += is_proxy(s.t, s.t->conn[i].client);
	for (uint64_t i = 0; i < s.t->nrec; i++) {
		const struct trace_rec *x = &s.t->rec[i];
		s.errors += x->kind == TRACE_HTTP_RESPONSE_RECV && x->a >= 500;
		s.asked += x->kind == TRACE_HTTP_REQUEST_SEND && !is_proxy(s.t, x->node);
		if (x->kind != TRACE_PROXY_REUSE)
			continue;
		s.reused++;
		assert_true(x->a >= 0 && x->b > 0 && is_proxy(s.t, x->node) && x->client && x->conn);
		if (x->a > s.idle_ns)
			s.idle_ns = x->a;
		if (x->b > s.before)
			s.before = (uint32_t)x->b;
	}
	return s;
}

static void few_connections_serve_many_pollers(void **st)
{
	struct setup u;
	(void)st;
	behind(&u, "polling", 40);
	struct story shared = tell(&u);
	/* 8 requests a second, each there and back in half a millisecond: hardly two at a time */
	assert_true(shared.upstream >= 1 && shared.upstream <= 4);
	assert_true(shared.reused + shared.upstream == shared.asked);
	u.box[1].own_upstreams = true;
	struct story own = tell(&u);
	assert_int_equal(own.upstream, 40);
	assert_int_equal(own.reused, 0);
	assert_true(shared.r.lost == 0 && own.r.lost == 0 && shared.r.duplicated == 0);
	assert_true(shared.r.requests == own.r.requests);
	trace_free(shared.t);
	trace_free(own.t);
}

static void a_stream_a_tunnel_and_a_held_poll_have_theirs_to_themselves(void **st)
{
	static const char *const techniques[] = {"sse", "websocket", "long-polling"};
	(void)st;
	for (size_t i = 0; i < 3; i++) {
		struct setup u;
		behind(&u, techniques[i], 20);
		struct story s = tell(&u);
		assert_true(s.r.lost == 0 && s.r.duplicated == 0);
		assert_true(s.upstream == 20);
		assert_true((s.reused > 0) == (i == 2)); /* the next long poll goes over any that is idle */
		trace_free(s.t);
	}
}

static void idle_ones_are_closed_by_whoever_loses_patience_first(void **st)
{
	struct setup u;
	(void)st;
	behind(&u, "polling", 1);
	u.group.opts.interval_ns = 10 * S;
	struct story kept = tell(&u);
	assert_int_equal(kept.upstream, 1);
	assert_true(kept.idle_ns > 9 * S && kept.before == kept.reused);
	u.box[1].upstream_keepalive_ns = 5 * S; /* the proxy */
	struct story proxy = tell(&u);
	assert_true(proxy.upstream == proxy.asked && !proxy.reused);
	u.box[1].upstream_keepalive_ns = 60 * S;
	u.server.keepalive_ns = 5 * S; /* the server */
	struct story server = tell(&u);
	assert_true(server.upstream == server.asked && !server.reused);
	assert_true(!kept.errors && !proxy.errors && !server.errors);
	assert_true(kept.r.lost == 0 && proxy.r.lost == 0 && server.r.lost == 0);
	trace_free(kept.t);
	trace_free(proxy.t);
	trace_free(server.t);
}

/* The server closes an idle connection while the next request is on its way to it: asked again, on a new one. */
static void a_request_that_meets_the_servers_goodbye_is_sent_again(void **st)
{
	struct setup u;
	uint32_t again = 0;
	(void)st;
	behind(&u, "polling", 1);
	u.msg.every_ns = 20 * S;
	/* the server's patience begins when it answers, a quarter of a millisecond before the proxy has the answer */
	for (int64_t us = 0; us < 1200; us += 50) {
		u.server.keepalive_ns = 5 * S - 300000 + us * 1000;
		struct story s = tell(&u);
		assert_true(!s.errors && s.r.lost == 0);
		assert_true(
			s.reused + s.upstream + 1 >= s.asked); /* the last one was on its way at the end */
		if (s.reused + s.upstream > s.asked)
			again += s.reused + s.upstream - s.asked;
		trace_free(s.t);
	}
	assert_true(again > 0);
}

static void beyond_the_cap_the_longest_idle_one_goes(void **st)
{
	struct setup u;
	(void)st;
	behind(&u, "polling", 30);
	u.group.start_over_ns = 0; /* all ask at once */
	u.group.opts.interval_ns = 10 * S;
	u.box[1].upstream_idle = 4;
	struct story few = tell(&u);
	u.box[1].upstream_idle = 30;
	struct story all = tell(&u);
	assert_int_equal(all.upstream, 30);
	assert_true(few.upstream > 60);
	assert_true(
		few.r.lost == 0 && few.r.delivered == all.r.delivered && few.r.requests == all.r.requests);
	trace_free(few.t);
	trace_free(all.t);
}

/* What a server remembers per connection is no client's: the loss names the proxy's rule. */
static void memory_per_connection_fails_behind_shared_ones(void **st)
{
	struct setup u;
	char got[128];
	(void)st;
	behind(&u, "polling", 6);
	u.group.opts.resume = false;
	u.box[1].own_upstreams = true;
	struct story own = tell(&u);
	assert_true(own.r.lost == 0);
	u.box[1].own_upstreams = false;
	struct story s = tell(&u);
	struct why_index *ix = why_index_new(s.t);
	uint32_t lost = 0, right = 0;
	for (uint64_t i = 0; i < s.t->nrec; i++) {
		if (s.t->rec[i].kind != TRACE_MSG_LOST)
			continue;
		uint64_t root = why_root(ix, i + 1);
		lost++;
		trace_reason_param(s.t, trace_get(s.t, root), got, sizeof got);
		right += !strcmp(got, "boxes.edge.upstreams");
	}
	assert_true(lost > 20 && (double)lost == s.r.lost);
	assert_true(right >= lost - 6); /* at the very end the run may end before anybody asks */
	why_index_free(ix);
	trace_free(own.t);
	trace_free(s.t);
}

/* Units on a lent connection are those of the client that asked, whole and at the right place of the stream. */
static void what_passes_over_a_lent_connection_is_recorded_as_its_borrowers(void **st)
{
	struct setup u;
	(void)st;
	behind(&u, "polling", 9);
	u.net[0].loss_ppm = 20000;
	for (unsigned chain = 0; chain < 4; chain++) {
		struct cfg_box box[3] = {u.box[0], u.box[1], u.box[1]};
		uint32_t units = 0;
		u.cfg.boxes = box;
		u.cfg.nboxes = 3;
		box[2].name = "inner";
		box[2].own_upstreams = chain == 2; /* an own one of a client connection that others share */
		u.group.path[2] = chain == 3 ? ~0 : ~2; /* a NAT sees lent connections too */
		u.group.npath = chain ? 3 : 2;
		struct story s = tell(&u);
		assert_true(s.reused > 100 && s.r.lost == 0);
		for (uint64_t i = 0; i < s.t->nrec; i++) {
			const struct trace_rec *x = &s.t->rec[i];
			bool unit = x->kind == TRACE_HTTP_REQUEST_RECV || x->kind == TRACE_HTTP_RESPONSE_RECV;
			assert_true(x->cause < x->id);
			if (!unit)
				continue;
			units++;
			assert_true(x->conn && x->slen && x->len == x->slen && x->text);
			assert_true(x->node && x->peer && x->node != x->peer);
			/* the client asked, some records before */
			const struct trace_rec *c = x;
			while (c && c->kind != TRACE_HTTP_REQUEST_SEND)
				c = trace_get(s.t, c->cause);
			assert_true(c && c->client == x->client);
		}
		assert_true(units >= (chain % 3 ? 6 : 4) * s.asked - 6);
		trace_free(s.t);
	}
}

/* Who is looked at does not change what happens. */
static void the_lens_does_not_matter(void **st)
{
	struct setup u;
	(void)st;
	behind(&u, "polling", 12);
	struct story s = tell(&u);
	struct trace *t = trace_new(NULL);
	struct metrics *m = metrics_new(&u.cfg, t);
	struct sim_opts o = {.seed = 42, .trace = t, .lens_clients = 3};
	struct sim *sim = sim_new(&u.cfg, &o);
	sim_run_until(sim, INT64_MAX);
	assert_true(sim_fingerprint(sim) == s.r.fingerprint);
	assert_true(run(&u).fingerprint == s.r.fingerprint);
	metrics_free(m);
	sim_free(sim);
	trace_free(t);
	trace_free(s.t);
}

static int into_buf(void *ctx, const char *p, size_t n)
{
	buf_add(ctx, (struct bytes){(const uint8_t *)p, n});
	return 0;
}

static struct buf told(const struct setup *u, uint32_t lens, bool anew, uint64_t *fingerprint)
{
	struct trace *t = trace_new(NULL);
	struct buf b;
	buf_init(&b, &alloc_libc, 256 << 20);
	trace_keep_all(t);
	struct sim_opts o = {.seed = 7, .trace = t, .lens_clients = lens, .decode_anew = anew};
	struct sim *s = sim_new(&u->cfg, &o);
	sim_run_until(s, INT64_MAX);
	*fingerprint = sim_fingerprint(s);
	const struct trace_out out = {into_buf, &b};
	assert_true(trace_write_jsonl(t, &out) == 0 && !b.failed && b.n > 10000);
	sim_free(s);
	trace_free(t);
	return b;
}

/* What relays remember having passed on changes no record: not for whoever is looked at, nor for the world. */
static void what_relays_remember_changes_no_record(void **st)
{
	static const char *const techniques[] = {"polling", "long-polling", "sse", "websocket"};
	(void)st;
	for (unsigned i = 0; i < 32; i++) {
		struct setup u;
		uint64_t f[2];
		behind(&u, techniques[i % 4], 5);
		u.cfg.duration_ns = 40 * S;
		u.msg.every_ns = i & 4 ? 500 * MS : 3 * S;
		u.net[0].loss_ppm = i & 8 ? 20000 : 0;
		u.box[1].own_upstreams = i & 16;
		u.box[1].buffering = i == 22 || i == 1 ? CFG_BUFFER_PAGE : CFG_BUFFER_OFF;
		uint32_t lens = i & 2 ? UINT32_MAX : 2; /* others' octets pass straight on */
		struct buf with = told(&u, lens, false, &f[0]), without = told(&u, lens, true, &f[1]);
		assert_true(f[0] == f[1]);
		assert_true(with.n == without.n && !memcmp(with.p, without.p, with.n));
		buf_fini(&with);
		buf_fini(&without);
	}
}

static void servers_and_proxies_may_die_with_idle_connections(void **st)
{
	(void)st;
	for (unsigned i = 0; i < 4; i++) {
		struct setup u;
		behind(&u, i & 1 ? "polling" : "long-polling", 12);
		u.server.count = 2;
		u.act = (struct cfg_act){.at_ns = 30 * S + (int64_t)i * 37 * MS,
			.for_ns = 5 * S,
			.kind = CFG_ACT_CRASH,
			.target_kind = i & 2 ? CFG_ON_BOX : CFG_ON_SERVER,
			.target = i & 2 ? 1 : 0};
		u.cfg.nacts = 1;
		struct story s = tell(&u);
		assert_true(s.r.delivered > 0.8 * s.r.expected);
		assert_true(s.r.c.packets_sent ==
			    s.r.c.packets_delivered + s.r.c.packets_dropped + s.r.c.packets_in_flight);
		trace_free(s.t);
	}
}

/* How often a silence of exactly `limit_ns` ended something for this reason. */
static uint32_t ended_by_silence(const struct story *s, enum trace_reason reason, int64_t limit_ns)
{
	uint32_t n = 0;
	for (uint64_t i = 0; i < s->t->nrec; i++) {
		const struct trace_rec *x = &s->t->rec[i];
		if (x->kind != TRACE_PROXY_TIMEOUT || x->reason != reason)
			continue;
		n++;
		assert_true(x->a == limit_ns && x->b == limit_ns);
	}
	return n;
}

/* The proxy has one timer for all its connections; each of them is let go after its own time, to the nanosecond. */
static void each_connection_is_let_go_after_its_own_silence(void **st)
{
	struct setup u;
	(void)st;
	behind(&u, "polling", 40);
	u.group.opts.interval_ns = 10 * S;
	u.box[1].keepalive_ns = 4 * S;
	struct story idle = tell(&u);
	uint32_t n = ended_by_silence(&idle, REASON_NONE, 4 * S);
	assert_true(n > 400 && n <= idle.asked && idle.asked - n <= 40 && !idle.errors);
	trace_free(idle.t);
	behind(&u, "sse", 40);
	u.msg.arrival = CFG_ARRIVAL_FIXED;
	u.msg.every_ns = 20 * S;
	u.box[1].read_timeout_ns = 7 * S;
	struct story quiet = tell(&u);
	n = ended_by_silence(&quiet, REASON_PROXY_READ_TIMEOUT, 7 * S);
	assert_true(n > 300 && n <= quiet.asked && quiet.asked - n <= 40);
	trace_free(quiet.t);
}

/* Requests in two pieces: the first alone does not count, and disturbs nobody. */
static void half_a_request_is_no_sign_of_life_yet(void **st)
{
	static char line[2100] = "X-Pad: ";
	const char *const request[] = {line};
	struct setup u;
	(void)st;
	memset(line + strlen(line), 'p', sizeof line - 1 - strlen(line)); /* a second segment */
	behind(&u, "polling", 40);
	u.group.opts.headers =
		(struct tech_headers){.kind = TECH_HEADERS_OWN, .request = request, .nrequest = 1};
	u.net[0].up_bps = 64000; /* a quarter of a second behind the first */
	u.box[1].keepalive_ns = 4 * S;
	struct story s = tell(&u);
	uint32_t n = ended_by_silence(&s, REASON_NONE, 4 * S);
	assert_true(n > 400 && s.r.lost == 0 && !s.errors);
	trace_free(s.t);
}

/* Octets of many responses, one a second each. */
static void each_response_trickles_by_itself(void **st)
{
	struct setup u;
	int64_t last_ns[13] = {0};
	uint32_t octets = 0;
	(void)st;
	behind(&u, "sse", 12);
	u.box[1].buffering = CFG_BUFFER_TRICKLE;
	struct story s = tell(&u);
	for (uint64_t i = 0; i < s.t->nrec; i++) {
		const struct trace_rec *x = &s.t->rec[i];
		if (x->kind != TRACE_PROXY_RELEASE)
			continue;
		assert_true(x->slen == 1 && x->client >= 1 && x->client <= 12);
		assert_true(!last_ns[x->client] || (x->at - last_ns[x->client]) % S == 0);
		last_ns[x->client] = x->at;
		octets++;
	}
	assert_true(octets > 12 * 80);
	trace_free(s.t);
}

/* The first segment of a connection has only part of a request: the pair counts as idle since its SYN, others since later. */
static void a_request_may_begin_with_half_of_it(void **st)
{
	static const char *const techniques[] = {"polling", "sse", "websocket", "long-polling"};
	(void)st;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		behind(&u, techniques[i], 30);
		u.net[0].mtu = 100;
		struct story s = tell(&u);
		assert_true(s.r.lost == 0 && s.r.delivered > 0 && s.errors == 0);
		trace_free(s.t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_may_begin_with_half_of_it),
		cmocka_unit_test(few_connections_serve_many_pollers),
		cmocka_unit_test(a_stream_a_tunnel_and_a_held_poll_have_theirs_to_themselves),
		cmocka_unit_test(idle_ones_are_closed_by_whoever_loses_patience_first),
		cmocka_unit_test(a_request_that_meets_the_servers_goodbye_is_sent_again),
		cmocka_unit_test(beyond_the_cap_the_longest_idle_one_goes),
		cmocka_unit_test(memory_per_connection_fails_behind_shared_ones),
		cmocka_unit_test(what_passes_over_a_lent_connection_is_recorded_as_its_borrowers),
		cmocka_unit_test(the_lens_does_not_matter),
		cmocka_unit_test(what_relays_remember_changes_no_record),
		cmocka_unit_test(servers_and_proxies_may_die_with_idle_connections),
		cmocka_unit_test(each_connection_is_let_go_after_its_own_silence),
		cmocka_unit_test(half_a_request_is_no_sign_of_life_yet),
		cmocka_unit_test(each_response_trickles_by_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
