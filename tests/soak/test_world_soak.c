/*
 * Worlds drawn by seed: networks, boxes, servers, clients, messages and a timeline put together without mercy, written
 * as a scenario, read like any other and run. What must hold whatever happens in them:
 *   packets sent = delivered + dropped + in flight; nobody receives more than was meant for him; one fingerprint whether
 *   the run is traced or not, watched or not, and whether octets are decoded anew or remembered; no effect before its cause; every lost
 *   message under the lens has a cause or a reason; a run that is stopped anywhere balances its books too.
 *
 *   SOAK_FROM=N SOAK_SEEDS=M   other seeds than 0 .. 59. A failure prints its seed and the scenario.
 *   SOAK_SECONDS=N             as many seeds as N seconds of processor time are enough for.
 *   SOAK_SHOW=1                prints each scenario before it is run.
 *   SOAK_PRINT=1               prints the fingerprint of each world, to compare builds by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/scenario/run.h"
#include "sim/trace/why.h"

/* Arguments of a call are evaluated in an order that each compiler chooses, so a draw must not depend on the draws before it: each place
 * in this file has a stream of its own. */
enum { SITES_MAX = 256 };
struct draw {
	uint64_t seed;
	uint32_t turn[SITES_MAX];
	struct buf t;
};

static uint64_t next(struct draw *d, unsigned site)
{
	assert_true(site < SITES_MAX);
	return mix64(mix64(d->seed + MIX64_STEP) + site * MIX64_STEP + ((uint64_t)d->turn[site]++ << 32));
}

static unsigned draw_upto(struct draw *d, unsigned site, unsigned n)
{
	return (unsigned)(next(d, site) % n);
}

enum { SITE_FIRST = __COUNTER__ };
#define SITE ((unsigned)(__COUNTER__ - SITE_FIRST))
/* 0 .. n - 1 */
#define upto(d, n) draw_upto(d, SITE, n)
/* a .. b */
#define between(d, a, b) ((a) + draw_upto(d, SITE, (b) - (a) + 1))

static void put(struct draw *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(struct draw *d, const char *fmt, ...)
{
	char s[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(s, sizeof s, fmt, ap);
	va_end(ap);
	buf_str(&d->t, s);
}

#define ONE_OF(d, ...)                                   \
	(((const char *const[]){__VA_ARGS__})[draw_upto( \
		d, SITE, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))])

/* "250ms" between a and b, or now and then `none` */
static const char *draw_span(struct draw *d, unsigned site, char s[24], unsigned a, unsigned b, bool none)
{
	uint64_t r = next(d, site);
	if (none && r % 3 == 0)
		return "none";
	snprintf(s, 24, "%ums", a + (unsigned)((r >> 8) % (b - a + 1)));
	return s;
}
#define span(d, s, a, b, none) draw_span(d, SITE, s, a, b, none)

struct shape {
	unsigned nets, boxes, servers, groups, duration_ms;
};

static void put_net(struct draw *d, unsigned i)
{
	if (upto(d, 5) == 0) {
		put(d, "  n%u: {preset: %s, loss: %s%%}\n", i, ONE_OF(d, "lte", "home-wifi", "office"),
			ONE_OF(d, "0", "2"));
		return;
	}
	put(d,
		"  n%u: {rtt: %ums, jitter: %ums, loss: %s%%, up: %s, down: %s, queue: %sB, radio: "
		"%s, mtu: %s}\n",
		i, upto(d, 8) ? upto(d, 400) : upto(d, 3000), upto(d, 8) ? upto(d, 100) : upto(d, 2000),
		ONE_OF(d, "0", "0", "0.1", "1", "5", "20", "60"),
		ONE_OF(d, "unlimited", "8kbit/s", "64kbit/s", "1Mbit/s", "100Mbit/s"),
		ONE_OF(d, "unlimited", "64kbit/s", "1Mbit/s", "1Gbit/s"),
		ONE_OF(d, "1500", "9000", "20000", "65536", "1000000"),
		ONE_OF(d, "none", "wifi", "umts", "lte", "nr"),
		ONE_OF(d, "576", "577", "1280", "1500", "9000"));
}

static void put_box(struct draw *d, unsigned i)
{
	if (upto(d, 2))
		put(d, "  b%u: {kind: nat, idle_timeout: %ums, on_expiry: %s}\n", i, between(d, 1000, 30000),
			ONE_OF(d, "drop", "linux-loose", "reset-inside"));
	else
		put(d,
			"  b%u: {kind: reverse-proxy, buffering: %s, page: %sB, read_timeout: %ums, "
			"keepalive: %ums, upgrade: %s, upstreams: %s, upstream_idle: %u, upstream_keepalive: "
			"%ums}\n",
			i, ONE_OF(d, "off", "page", "full", "trickle"),
			ONE_OF(d, "1", "2", "100", "4096", "65536"), between(d, 1000, 40000),
			upto(d, 3) ? upto(d, 20000) : 0, ONE_OF(d, "forward", "strip", "block"),
			ONE_OF(d, "shared", "shared", "own"), between(d, 1, 5),
			upto(d, 2) ? between(d, 50, 20000) : 0);
}

static void put_world(struct draw *d, struct shape *h)
{
	h->nets = between(d, 1, 3);
	h->boxes = between(d, 1, 5);
	h->servers = between(d, 1, 2);
	put(d, "networks:\n");
	for (unsigned i = 0; i < h->nets; i++)
		put_net(d, i);
	put(d, "boxes:\n");
	for (unsigned i = 0; i < h->boxes; i++)
		put_box(d, i);
	put(d, "servers:\n");
	for (unsigned i = 0; i < h->servers; i++)
		put(d,
			"  s%u: {count: %u, keepalive: %ums, backlog: %s, request_cpu: %s, push_cpu: %s, "
			"write_limit: %s, on_write_limit: %s, connection_memory: %s}\n",
			i, between(d, 1, 3), between(d, 1000, 75000), ONE_OF(d, "1", "5", "4096"),
			ONE_OF(d, "0s", "30us", "50ms"), ONE_OF(d, "0s", "5us", "3ms"),
			ONE_OF(d, "none", "none", "1KiB", "16KiB", "64KiB"), ONE_OF(d, "close", "drop"),
			ONE_OF(d, "0B", "12698B", "1MiB"));
}

static void put_options(struct draw *d)
{
	char a[24], b[24], c[24];
	put(d,
		"    options: {interval: %ums, hold: %ums, heartbeat: %s, heartbeat_from: %s, "
		"heartbeat_timeout: %s, ",
		upto(d, 8) ? between(d, 100, 10000) : between(d, 10, 50), between(d, 100, 30000),
		span(d, a, 200, 20000, true), ONE_OF(d, "server", "client"), span(d, b, 200, 20000, true));
	put(d, "resume: %s, keepalive: %s, read_rate: %s, headers: %s", ONE_OF(d, "true", "false"),
		ONE_OF(d, "true", "false"),
		ONE_OF(d, "unlimited", "unlimited", "unlimited", "1kbit/s", "64kbit/s", "10Mbit/s"),
		ONE_OF(d, "browser", "curl", "minimal",
			"{request: [\"X-Long: "
			"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"], "
			"response: [\"X: y\", \"Cache-Control: no-store\"]}"));
	if (upto(d, 4) == 0)
		put(d, ", target: /a/b-%u", upto(d, 3));
	if (upto(d, 3) == 0)
		put(d, ", reconnect: none");
	else if (upto(d, 2))
		put(d, ", reconnect: {first: %s, factor: %s, max: 20s, jitter: %s}",
			span(d, c, 0, 3000, false), ONE_OF(d, "1", "1.5", "2", "100"),
			ONE_OF(d, "none", "full", "equal", "decorrelated"));
	put(d, "}\n");
}

static void put_clients(struct draw *d, struct shape *h)
{
	h->groups = between(d, 1, 3);
	put(d, "clients:\n");
	for (unsigned i = 0; i < h->groups; i++) {
		put(d, "  g%u:\n    count: %s\n    start: {over: %ums, at: %ums}\n    path: [n%u", i,
			ONE_OF(d, "1", "3", "12", "40"), upto(d, 2) ? upto(d, 5000) : 0, upto(d, 3000),
			upto(d, h->nets));
		for (unsigned k = 0; k < h->boxes; k++)
			if (upto(d, 2))
				put(d, ", b%u", k);
		put(d, "]\n    to: s%u\n    technique: %s\n", upto(d, h->servers),
			ONE_OF(d, "polling", "long-polling", "sse", "websocket"));
		put_options(d);
	}
}

static void put_messages(struct draw *d, const struct shape *h)
{
	put(d, "messages:\n");
	for (unsigned i = between(d, 1, 3); i-- > 0;) {
		unsigned from = upto(d, h->groups + 1), to = upto(d, h->groups + 2);
		put(d, "  - {name: m%u, from: ", i);
		put(d, from < h->groups ? "g%u" : "server", from);
		put(d, ", to: ");
		if (to < h->groups)
			put(d, "g%u", to);
		else
			put(d, "%s", to == h->groups ? "everyone" : "one");
		if (upto(d, 4) == 0)
			put(d, ", at: [100ms, 100ms, 400ms, %ums]", between(d, 400, 20000));
		else if (upto(d, 2))
			put(d, ", every: %ums", upto(d, 12) ? between(d, 100, 9000) : between(d, 5, 30));
		else
			put(d, ", rate: 1/%ums, arrival: poisson", between(d, 100, 9000));
		put(d, ", size: %s}\n", ONE_OF(d, "16B", "125B", "126B", "200B", "4KiB", "60KiB", "65536B"));
	}
}

static void put_set(struct draw *d)
{
	static const char *const sets[] = {"clients.*.options.heartbeat: 900ms",
		"clients.*.options.heartbeat: none", "clients.*.options.interval: 300ms",
		"clients.*.options.hold: 700ms", "clients.*.options.heartbeat_timeout: 500ms",
		"clients.*.options.read_rate: 8kbit/s", "clients.*.options.read_rate: unlimited",
		"networks.*.loss: 3%", "networks.*.loss: 100%", "networks.*.loss: 0%", "networks.*.rtt: 0ms",
		"networks.*.rtt: 900ms", "networks.*.jitter: 300ms", "networks.*.up: 16kbit/s",
		"networks.*.down: unlimited"};
	enum { SETS = sizeof sets / sizeof *sets };
	unsigned a = upto(d, SETS), b = upto(d, SETS);
	put(d, strcspn(sets[a], ":") == strcspn(sets[b], ":") ? "set: {%s}" : "set: {%s, %s}", sets[a],
		sets[b]);
}

static void put_event(struct draw *d, const struct shape *h, unsigned at)
{
	put(d, "  - {at: %ums, ", at);
	switch (upto(d, 12)) {
	case 0:
	case 1:
		put_set(d);
		break;
	case 2:
		put(d, "cut: n%u, for: %ums", upto(d, h->nets), between(d, 1, 9000));
		break;
	case 3:
		put(d, "cut: b%u, for: %ums", upto(d, h->boxes), between(d, 1, 9000));
		break;
	case 4:
		put(d, "degrade: n%u, loss: %s%%, rtt: %ums, up: %s, for: 3s", upto(d, h->nets),
			ONE_OF(d, "0", "30", "100"), upto(d, 900), ONE_OF(d, "unlimited", "16kbit/s"));
		break;
	case 5:
	case 6:
		put(d, "switch: g%u, to: n%u, outage: %ums, sockets: %s", upto(d, h->groups),
			upto(d, h->nets), upto(d, 4000), ONE_OF(d, "destroyed", "orphaned"));
		break;
	case 7:
		put(d, upto(d, 2) ? "crash: s%u" : "crash: s%u, for: 2s", upto(d, h->servers));
		break;
	case 8:
		put(d, upto(d, 2) ? "crash: b%u, for: 2s" : "crash: b%u", upto(d, h->boxes));
		break;
	case 9:
		put(d, upto(d, 2) ? "drain: s%u" : "restart: s%u", upto(d, h->servers));
		break;
	case 10:
		put(d, upto(d, 2) ? "drain: b%u" : "restart: b%u", upto(d, h->boxes));
		break;
	default:
		put(d, "say: hello");
		break;
	}
	put(d, "}\n");
}

static void scenario(struct draw *d, uint64_t seed)
{
	struct shape h = {0};
	d->seed = seed;
	memset(d->turn, 0, sizeof d->turn);
	buf_init(&d->t, &alloc_libc, 1 << 16);
	h.duration_ms = between(d, 500, 40000);
	put(d, "backtalk: 1\nscenario: soak\nseed: %u\nduration: %ums\ndrain: %ums\n", upto(d, 1u << 30),
		h.duration_ms, upto(d, 30000));
	put_world(d, &h);
	put_clients(d, &h);
	put_messages(d, &h);
	unsigned at = 0, events = upto(d, 10);
	if (events)
		put(d, "timeline:\n");
	for (; events; events--)
		put_event(d, &h, at = between(d, at, h.duration_ms));
	buf_u8(&d->t, 0);
}

static double figure(const struct run_result *r, const char *name)
{
	int i = metric_find(name);
	assert_true(i >= 0);
	return metrics_get(r->metrics, i, -1);
}

static const char *broken_figures(const struct run_result *r)
{
	if (figure(r, "packets.sent") != figure(r, "packets.delivered") + figure(r, "packets.dropped") +
						 figure(r, "packets.in_flight"))
		return "packets sent are not those delivered, dropped and in flight";
	if (figure(r, "messages.delivered") > figure(r, "messages.expected"))
		return "more messages delivered than expected";
	if (figure(r, "messages.delivered") + figure(r, "messages.lost") != figure(r, "messages.expected"))
		return "messages delivered and lost are not those expected";
	return NULL;
}

static const char *broken_trace(const struct trace *tr)
{
	char text[1024];
	for (uint64_t id = 1; id <= tr->nrec; id++) {
		const struct trace_rec *r = trace_get(tr, id), *c = trace_get(tr, r->cause);
		if (r->cause >= id)
			return "a record is caused by a later one";
		if (c && c->at > r->at)
			return "an effect comes before its cause";
		if (r->kind == TRACE_MSG_LOST && !r->cause && !r->reason)
			return "a message is lost without cause or reason";
		if (!trace_sentence(tr, r, text, sizeof text))
			return "a record has no sentence";
	}
	return NULL;
}

/* Lets the run look up so many times, then stops it. */
static int count_down(void *ctx, int64_t now_ns, int64_t end_ns, uint64_t events)
{
	unsigned *left = ctx;
	(void)events;
	assert_true(now_ns <= end_ns);
	return (*left)-- == 0;
}

static const char *broken(const char *text, uint64_t seed)
{
	struct diags ds = {0};
	const char *why = NULL;
	struct plan *p = plan_parse("scenarios", "soak.yaml", text, strlen(text), NULL, 0, &ds);
	if (!p) {
		char *t = diags_text(&ds);
		print_error("%s\n", t);
		free(t);
		diags_fini(&ds);
		return "the scenario is not a legal one";
	}
	struct run_result plain, traced, stopped;
	unsigned looks = (unsigned)(seed % 97);
	run_plan(p, &(struct run_opts){.lens_clients = 2, .progress = {.tick = count_down, .ctx = &looks}},
		&stopped);
	run_plan(p, &(struct run_opts){.lens_clients = 2}, &plain);
	run_plan(p, &(struct run_opts){.lens_clients = 2, .keep_trace = true, .decode_anew = true}, &traced);
	why = broken_figures(&plain);
	if (!why)
		why = broken_figures(&stopped);
	if (!why && !stopped.partial && stopped.fingerprint != plain.fingerprint)
		why = "being watched changes the run";
	if (!why && plain.fingerprint != traced.fingerprint)
		why = "tracing, or decoding again what was decoded before, changes the run";
	if (!why)
		why = broken_trace(traced.trace);
	if (getenv("SOAK_PRINT"))
		printf("world %llu %016llx\n", (unsigned long long)seed,
			(unsigned long long)plain.fingerprint);
	run_result_fini(&stopped);
	run_result_fini(&plain);
	run_result_fini(&traced);
	plan_free(p);
	diags_fini(&ds);
	return why;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
	const char *v = getenv(name);
	return v ? strtoull(v, NULL, 10) : otherwise;
}

static void whatever_happens_in_a_world_its_books_balance(void **st)
{
	(void)st;
	uint64_t first = number_of("SOAK_FROM", 0), seconds = number_of("SOAK_SECONDS", 0), seed = first;
	uint64_t n = number_of("SOAK_SEEDS", seconds ? UINT64_MAX - first : 60);
	for (; seed - first < n && (!seconds || (uint64_t)(clock() / CLOCKS_PER_SEC) < seconds); seed++) {
		struct draw d;
		scenario(&d, seed);
		if (getenv("SOAK_SHOW"))
			print_message("%s\n", (const char *)d.t.p);
		alarm(120); /* a world that stands still ends the test */
		const char *why = broken((const char *)d.t.p, seed);
		if (why)
			print_error("seed %llu: %s\nrepeat: SOAK_FROM=%llu SOAK_SEEDS=1\n%s\n",
				(unsigned long long)seed, why, (unsigned long long)seed, (const char *)d.t.p);
		buf_fini(&d.t);
		assert_null(why);
	}
	alarm(0);
	if (seconds)
		print_message("%llu worlds, seeds %llu to %llu\n", (unsigned long long)(seed - first),
			(unsigned long long)first, (unsigned long long)seed - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_happens_in_a_world_its_books_balance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
