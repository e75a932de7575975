/*
 * The textbook appears by itself: figures everybody can work out by hand, or that real software left in recorded
 * captures, come out of the simulated world without anything having been told to produce them.
 */
#include "sim/core/rng.h"
#include "tests/support/world_kit.h"

/* ---- latency and load ------------------------------------------------------------------------------------------- */

static void polling_every_5_s_is_2_5_s_late_and_a_transit(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "polling", 400);
	u.cfg.duration_ns = 300 * S;
	struct result r = run(&u);
	assert_true(r.expected > 30000);
	assert_true(r.lost == 0);
	near(r.mean_ms, 2500 + 30.25, 0.05 * 2530);
	assert_true(r.max_ms < 5000 + 31 + 5);
}

static void ten_thousand_pollers_make_2000_requests_a_second(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "polling", 10000);
	u.cfg.duration_ns = 40 * S;
	u.msg.every_ns = 10 * S;
	struct result r = run(&u);
	/* started over the first 5 s: one poll each at its start, then one every 5 s */
	near(r.requests / 40, 2000, 20);
	near((double)r.g.conns_opened, 10000, 0); /* kept alive: one connection each */
}

static void without_keepalive_every_poll_is_a_connection(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "polling", 50);
	u.group.opts.keepalive_conn = false;
	struct result r = run(&u);
	near((double)r.g.conns_opened, r.requests, 2);
	assert_true(r.lost == 0);
}

static void push_takes_a_network_delay(void **state)
{
	static const char *const techniques[] = {"long-polling", "sse", "websocket"};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct setup u;
		setup(&u, techniques[i], 20);
		struct result r = run(&u);
		assert_true(r.lost == 0 && r.duplicated == 0);
		assert_true(r.expected > 400);
		/* half a round trip, half a millisecond in the data centre, and the pushes to those before it; a
		 * long poll that is on its way back when the next message comes waits three transits */
		near(r.mean_ms, 30.25 + 0.1, i == 0 ? 5 : 0.3);
		assert_true(r.max_ms < (i == 0 ? 100 : 32));
	}
}

/* ---- what boxes do ----------------------------------------------------------------------------------------------- */

static void nat(struct setup *u, const char *technique)
{
	static const int64_t at[] = {20 * S, 80 * S, 120 * S, 160 * S, 200 * S};
	setup(u, technique, 10);
	u->group.path[1] = ~0;
	u->group.npath = 2;
	u->msg.arrival = CFG_ARRIVAL_AT;
	u->msg.at_ns = at;
	u->msg.nat = 5;
	u->cfg.duration_ns = 240 * S;
}

static void a_30_s_nat_silences_a_silent_stream(void **state)
{
	static const char *const techniques[] = {"sse", "websocket"};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct setup u;
		nat(&u, techniques[i]);
		struct result r = run(&u);
		assert_true(r.expected == 50);
		assert_true(r.delivered == 10); /* the one at 20 s; never again */
	}
}

static void a_25_s_beat_keeps_it_alive(void **state)
{
	static const char *const techniques[] = {"sse", "websocket"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		nat(&u, techniques[i % 2]);
		u.group.opts.heartbeat_ns = 25 * S;
		u.group.opts.heartbeat_from = i < 2 ? TECH_FROM_SERVER : TECH_FROM_CLIENT;
		struct result r = run(&u);
		assert_true(r.lost == 0);
		near(r.mean_ms, 30.3, 1);
	}
}

static void a_60_s_beat_of_the_client_notices_and_resumes(void **state)
{
	struct setup u;
	(void)state;
	nat(&u, "websocket");
	u.group.opts.heartbeat_ns = 60 * S;
	u.group.opts.heartbeat_from = TECH_FROM_CLIENT;
	struct result r = run(&u);
	assert_true(r.lost == 0);     /* found again by since= */
	assert_true(r.max_ms > 1000); /* but late */
	u.group.opts.resume = false;
	r = run(&u);
	assert_true(r.lost >= 10);
}

static void polling_does_not_care_about_the_nat(void **state)
{
	struct setup u;
	(void)state;
	nat(&u, "polling");
	struct result r = run(&u);
	assert_true(r.lost == 0);
	assert_true(r.max_ms < 5040);
}

static void linux_lets_the_client_revive_its_mapping(void **state)
{
	struct setup u;
	(void)state;
	nat(&u, "websocket");
	u.box[0].on_expiry = CFG_EXPIRY_LINUX_LOOSE;
	u.group.opts.heartbeat_ns = 45 * S;
	u.group.opts.heartbeat_from = TECH_FROM_CLIENT;
	struct result r = run(&u);
	assert_true(r.delivered > 20); /* between beat and expiry it lives */
}

static void page_buffering_holds_events_until_a_page_is_full(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "sse", 3);
	u.group.path[1] = ~1;
	u.group.npath = 2;
	u.box[1].buffering = CFG_BUFFER_PAGE;
	u.msg = (struct cfg_msg){.name = "news",
		.from = CFG_FROM_SERVER,
		.to = CFG_TO_EVERYONE,
		.arrival = CFG_ARRIVAL_FIXED,
		.every_ns = 50 * MS,
		.size_bytes = 86};
	u.cfg.duration_ns = 60 * S;
	struct result r = run(&u);
	/* PX-20: 100-byte events 20 times a second: mean added delay 1.02 s, at most 2.1 s */
	near(r.mean_ms - 30, 1020, 60);
	assert_true(r.max_ms < 2200);
	u.box[1].buffering = CFG_BUFFER_OFF;
	r = run(&u);
	near(r.mean_ms, 30.3, 0.5);
	assert_true(r.lost == 0);
}

static void a_scanner_lets_no_event_through(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "sse", 3);
	u.group.path[1] = ~1;
	u.group.npath = 2;
	u.box[1].buffering = CFG_BUFFER_FULL;
	assert_true(run(&u).delivered == 0);
}

static void a_stripped_upgrade_opens_no_websocket(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "websocket", 3);
	u.group.path[1] = ~1;
	u.group.npath = 2;
	u.box[1].upgrade = CFG_UPGRADE_STRIP;
	assert_true(run(&u).delivered == 0);
	u.box[1].upgrade = CFG_UPGRADE_FORWARD;
	assert_true(run(&u).lost == 0);
}

/* ---- octets, as recorded ------------------------------------------------------------------------------------------ */

#define LINES(...) \
	(const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)
#define AGENT                                                                                 \
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " \
	"HeadlessChrome/156.0.0.0 "                                                           \
	"Safari/537.36"
#define COMMON_REQUEST \
	"Host: 10.20.0.1:8080", "Connection: keep-alive", "Pragma: no-cache", "Cache-Control: no-cache", AGENT
#define COMMON_RESPONSE \
	"Date: Sat, 21 Nov 2026 14:08:49 GMT", "Connection: keep-alive", "Keep-Alive: timeout=5"

/* Ethernet octets per message once all runs smoothly: from second 10 to second 30. */
static double octets_per_message(struct setup *u)
{
	u->net[0] = (struct cfg_net){.name = "veth", .rtt_ns = 20000};
	u->group.count = 1;
	u->group.start_over_ns = 0;
	u->group.opts.interval_ns = 1 * S;
	u->group.opts.headers.kind = TECH_HEADERS_OWN;
	u->server.request_cpu_ns = 1 * MS; /* answers took about a millisecond */
	u->msg.arrival = CFG_ARRIVAL_FIXED;
	u->msg.every_ns = 1 * S;
	u->cfg.duration_ns = 10 * S + 500 * MS;
	struct result a = run(u);
	u->cfg.duration_ns = 30 * S + 500 * MS;
	struct result b = run(u);
	assert_true(b.lost == 0);
	double messages = b.delivered - a.delivered;
	double ip = (double)(b.g.bytes_up + b.g.bytes_down - a.g.bytes_up - a.g.bytes_down);
	double frames = (double)(b.c.packets_sent - a.c.packets_sent);
	near(messages, 20, 0);
	return (ip + 14 * frames) / messages;
}

static void octets_agree_with_the_recorded_short_polling(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "polling", 1);
	u.group.opts.headers = (struct tech_headers){TECH_HEADERS_OWN,
		LINES(COMMON_REQUEST, "Accept: */*",
			"Referer: http://10.20.0.1:8080/page/short?polls=22&every=990",
			"Accept-Encoding: gzip, deflate", "Accept-Language: en-US,en;q=0.9"),
		LINES("Cache-Control: no-store", "Content-Type: application/json", COMMON_RESPONSE)};
	near(octets_per_message(&u), 869, 0.03 * 869); /* 20a */
}

static void octets_agree_with_the_recorded_long_polling(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "long-polling", 1);
	u.group.opts.headers = (struct tech_headers){TECH_HEADERS_OWN,
		LINES(COMMON_REQUEST, "Accept: */*", "Referer: http://10.20.0.1:8080/page/long?max=20",
			"Accept-Encoding: gzip, deflate", "Accept-Language: en-US,en;q=0.9"),
		LINES("Cache-Control: no-store", "Content-Type: application/json", COMMON_RESPONSE)};
	near(octets_per_message(&u), 860, 0.03 * 860); /* 20c */
}

static void octets_agree_with_the_recorded_event_stream(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "sse", 1);
	u.group.opts.headers = (struct tech_headers){TECH_HEADERS_OWN,
		LINES(COMMON_REQUEST, "Accept: text/event-stream",
			"Referer: http://10.20.0.1:8080/page/sse?max=20", "Accept-Encoding: gzip, deflate",
			"Accept-Language: en-US,en;q=0.9"),
		LINES("Content-Type: text/event-stream", "Cache-Control: no-cache", COMMON_RESPONSE)};
	near(octets_per_message(&u), 245, 0.03 * 245); /* 20d */
}

static void octets_agree_with_the_recorded_websocket(void **state)
{
	struct setup u;
	(void)state;
	setup(&u, "websocket", 1);
	u.group.opts.headers = (struct tech_headers){TECH_HEADERS_OWN,
		LINES("Host: 10.20.0.1:8080", "Connection: Upgrade", "Pragma: no-cache",
			"Cache-Control: no-cache", AGENT, "Upgrade: websocket",
			"Origin: http://10.20.0.1:8080", "Sec-WebSocket-Version: 13",
			"Accept-Encoding: gzip, deflate", "Accept-Language: en-US,en;q=0.9",
			"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"),
		NULL, 0};
	near(octets_per_message(&u), 227, 0.03 * 227); /* 20e */
}

/* ---- compared techniques see the same world ------------------------------------------------------------------------ */

struct seen {
	uint64_t messages, outages;
	uint32_t n;
};

static void see(void *ctx, const struct trace_fact *r)
{
	struct seen *s = ctx;
	uint64_t *h =
		r->kind == TRACE_MSG_PUBLISH || r->kind == TRACE_MSG_EXPECT ? &s->messages : &s->outages;
	*h = rng_mix(*h ^ (uint64_t)r->at) ^ rng_mix((uint64_t)r->a + r->msg);
	s->n++;
}

static void techniques_see_the_same_messages_and_outages(void **state)
{
	static const char *const techniques[] = {"polling", "long-polling", "sse", "websocket"};
	struct seen first = {0};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		struct seen now = {0};
		setup(&u, techniques[i], 30);
		u.msg.to = CFG_TO_ONE;
		u.act = (struct cfg_act){
			.at_ns = 40 * S, .for_ns = 5 * S, .kind = CFG_ACT_CUT, .target_kind = CFG_ON_NET};
		u.cfg.nacts = 1;
		struct trace_fold f = {.see = see, .ctx = &now};
		trace_want(&f, TRACE_MSG_PUBLISH);
		trace_want(&f, TRACE_MSG_EXPECT);
		trace_want(&f, TRACE_LINK_CUT);
		trace_want(&f, TRACE_LINK_HEAL);
		trace_want(&f, TRACE_CLIENT_START);
		struct trace *t = trace_new(NULL);
		trace_add_fold(t, &f);
		run_seed(&u, 7, t);
		trace_free(t);
		if (!i)
			first = now;
		assert_true(now.n > 70);
		assert_int_equal(now.n, first.n);
		assert_true(now.messages == first.messages);
		assert_true(now.outages == first.outages);
	}
}

/* The n-th packet of a client meets the same fate whatever it carries: one lost packet in a thousand, drawn by packet
 * ordinal, hits the same ordinals under both push techniques until their packets differ in number. */
static void one_seed_is_one_fingerprint(void **state)
{
	static const char *const techniques[] = {"polling", "long-polling", "sse", "websocket"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct setup u;
		setup(&u, techniques[i], 10);
		u.net[0].loss_ppm = 20000;
		u.net[0].jitter_ns = 10 * MS;
		struct trace *t = trace_new(NULL);
		trace_keep_all(t);
		struct result a = run_seed(&u, 5, t), b = run_seed(&u, 5, NULL), c = run_seed(&u, 6, NULL);
		assert_true(a.fingerprint == b.fingerprint); /* watched or not */
		assert_true(a.fingerprint != c.fingerprint);
		assert_true(a.lost == 0);
		trace_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(polling_every_5_s_is_2_5_s_late_and_a_transit),
		cmocka_unit_test(ten_thousand_pollers_make_2000_requests_a_second),
		cmocka_unit_test(without_keepalive_every_poll_is_a_connection),
		cmocka_unit_test(push_takes_a_network_delay),
		cmocka_unit_test(a_30_s_nat_silences_a_silent_stream),
		cmocka_unit_test(a_25_s_beat_keeps_it_alive),
		cmocka_unit_test(a_60_s_beat_of_the_client_notices_and_resumes),
		cmocka_unit_test(polling_does_not_care_about_the_nat),
		cmocka_unit_test(linux_lets_the_client_revive_its_mapping),
		cmocka_unit_test(page_buffering_holds_events_until_a_page_is_full),
		cmocka_unit_test(a_scanner_lets_no_event_through),
		cmocka_unit_test(a_stripped_upgrade_opens_no_websocket),
		cmocka_unit_test(octets_agree_with_the_recorded_short_polling),
		cmocka_unit_test(octets_agree_with_the_recorded_long_polling),
		cmocka_unit_test(octets_agree_with_the_recorded_event_stream),
		cmocka_unit_test(octets_agree_with_the_recorded_websocket),
		cmocka_unit_test(techniques_see_the_same_messages_and_outages),
		cmocka_unit_test(one_seed_is_one_fingerprint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
