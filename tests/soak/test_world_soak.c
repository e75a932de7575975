/*
 * Worlds drawn by seed: networks, boxes, servers, clients, messages and a timeline put together without mercy, written
 * as a scenario, read like any other and run. What must hold whatever happens in them:
 *   packets sent = delivered + dropped + in flight; nobody receives more than was meant for him; one fingerprint whether
 *   the run is traced or not, and whether octets are decoded anew or remembered; no effect before its cause; every lost message under the lens has a cause or a reason.
 *
 *   SOAK_FROM=N SOAK_SEEDS=M   other seeds than 0 .. 59. A failure prints its seed and the scenario.
 *   SOAK_PRINT=1               prints the fingerprint of each world, to compare builds by.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "sim/scenario/run.h"
#include "sim/trace/why.h"

struct draw {
	uint64_t s;
	struct buf t;
};

static uint64_t next(struct draw *d)
{
	uint64_t z = d->s += 0x9e3779b97f4a7c15u;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned upto(struct draw *d, unsigned n)
{
	return (unsigned)(next(d) % n);
}
static unsigned between(struct draw *d, unsigned a, unsigned b)
{
	return a + upto(d, b - a + 1);
}

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

#define ONE_OF(d, ...)           \
	(((const char *const[]){ \
		__VA_ARGS__})[upto(d, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))])

/* "250ms" between a and b, or now and then `none` */
static const char *span(struct draw *d, char s[24], unsigned a, unsigned b, bool none)
{
	if (none && upto(d, 3) == 0)
		return "none";
	snprintf(s, 24, "%ums", between(d, a, b));
	return s;
}

struct shape {
	unsigned nets, boxes, groups, duration_ms;
};

static void put_world(struct draw *d, struct shape *h)
{
	h->nets = between(d, 1, 3);
	h->boxes = between(d, 1, 3);
	put(d, "networks:\n");
	for (unsigned i = 0; i < h->nets; i++)
		put(d,
			"  n%u: {rtt: %ums, jitter: %ums, loss: %s%%, up: %s, down: %s, queue: %uB, radio: "
			"%s, mtu: %s}\n",
			i, upto(d, 400), upto(d, 100), ONE_OF(d, "0", "0.1", "1", "5", "20"),
			ONE_OF(d, "unlimited", "64kbit/s", "1Mbit/s", "100Mbit/s"),
			ONE_OF(d, "unlimited", "64kbit/s", "1Mbit/s"), upto(d, 2) ? 9000u : 65536u,
			ONE_OF(d, "none", "wifi", "umts", "lte", "nr"), ONE_OF(d, "576", "1500", "9000"));
	put(d, "boxes:\n");
	for (unsigned i = 0; i < h->boxes; i++)
		if (upto(d, 2))
			put(d, "  b%u: {kind: nat, idle_timeout: %ums, on_expiry: %s}\n", i,
				between(d, 1000, 30000), ONE_OF(d, "drop", "linux-loose", "reset-inside"));
		else
			put(d,
				"  b%u: {kind: reverse-proxy, buffering: %s, page: %sB, read_timeout: %ums, "
				"keepalive: %ums, upgrade: %s}\n",
				i, ONE_OF(d, "off", "page", "full", "trickle"), ONE_OF(d, "1", "100", "4096"),
				between(d, 1000, 40000), upto(d, 20000),
				ONE_OF(d, "forward", "strip", "block"));
	put(d, "servers:\n  app: {count: %u, keepalive: %ums, backlog: %s, request_cpu: %s}\n",
		between(d, 1, 3), between(d, 1000, 75000), ONE_OF(d, "1", "5", "4096"),
		ONE_OF(d, "0s", "30us", "50ms"));
}

static void put_clients(struct draw *d, struct shape *h)
{
	char a[24], b[24], c[24];
	h->groups = between(d, 1, 2);
	put(d, "clients:\n");
	for (unsigned i = 0; i < h->groups; i++) {
		put(d, "  g%u:\n    count: %s\n    start: {over: %ums, at: %ums}\n    path: [n%u", i,
			ONE_OF(d, "1", "3", "12"), upto(d, 5000), upto(d, 3000), upto(d, h->nets));
		for (unsigned k = 0; k < h->boxes; k++)
			if (upto(d, 2))
				put(d, ", b%u", k);
		put(d, "]\n    to: app\n    technique: %s\n",
			ONE_OF(d, "polling", "long-polling", "sse", "websocket"));
		put(d,
			"    options: {interval: %ums, hold: %ums, heartbeat: %s, heartbeat_from: %s, "
			"heartbeat_timeout: %s, ",
			between(d, 100, 10000), between(d, 100, 30000), span(d, a, 200, 20000, true),
			ONE_OF(d, "server", "client"), span(d, b, 200, 20000, true));
		put(d, "resume: %s, keepalive: %s, headers: %s", ONE_OF(d, "true", "false"),
			ONE_OF(d, "true", "false"), ONE_OF(d, "browser", "curl", "minimal"));
		if (upto(d, 3) == 0)
			put(d, ", reconnect: none");
		else if (upto(d, 2))
			put(d, ", reconnect: {first: %s, factor: 2, max: 20s, jitter: %s}",
				span(d, c, 1, 3000, false),
				ONE_OF(d, "none", "full", "equal", "decorrelated"));
		put(d, "}\n");
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
		if (upto(d, 3) == 0)
			put(d, ", at: [100ms, 400ms]");
		else if (upto(d, 2))
			put(d, ", every: %ums", between(d, 100, 9000));
		else
			put(d, ", rate: 1/%ums, arrival: poisson", between(d, 100, 9000));
		put(d, ", size: %s}\n", ONE_OF(d, "16B", "200B", "4KiB", "60KiB"));
	}
}

static void put_event(struct draw *d, const struct shape *h, unsigned at)
{
	put(d, "  - {at: %ums, ", at);
	switch (upto(d, 10)) {
	case 0:
		put(d, "set: {clients.*.options.heartbeat: %ums}", between(d, 200, 9000));
		break;
	case 1:
		put(d, "set: {networks.*.loss: 3%%, networks.*.rtt: %ums}", upto(d, 300));
		break;
	case 2:
		put(d, "cut: n%u, for: %ums", upto(d, h->nets), between(d, 1, 9000));
		break;
	case 3:
		put(d, "cut: b%u, for: %ums", upto(d, h->boxes), between(d, 1, 9000));
		break;
	case 4:
		put(d, "degrade: n%u, loss: 30%%, rtt: %ums, for: 3s", upto(d, h->nets), upto(d, 900));
		break;
	case 5:
		put(d, "switch: g%u, to: n%u, outage: %ums, sockets: %s", upto(d, h->groups),
			upto(d, h->nets), upto(d, 4000), ONE_OF(d, "destroyed", "orphaned"));
		break;
	case 6:
		put(d, upto(d, 2) ? "crash: app" : "crash: app, for: 2s");
		break;
	case 7:
		put(d, "crash: b%u, for: 2s", upto(d, h->boxes));
		break;
	case 8:
		put(d, upto(d, 2) ? "drain: app" : "restart: app");
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
	d->s = seed;
	buf_init(&d->t, &alloc_libc, 1 << 16);
	h.duration_ms = between(d, 500, 40000);
	put(d, "backtalk: 1\nscenario: soak\nseed: %u\nduration: %ums\ndrain: %ums\n", upto(d, 1u << 30),
		h.duration_ms, upto(d, 30000));
	put_world(d, &h);
	put_clients(d, &h);
	put_messages(d, &h);
	unsigned at = 0, events = upto(d, 7);
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
	struct run_result plain, traced;
	run_plan(p, &(struct run_opts){.lens_clients = 2}, &plain);
	run_plan(p, &(struct run_opts){.lens_clients = 2, .keep_trace = true, .decode_anew = true}, &traced);
	why = broken_figures(&plain);
	if (!why && plain.fingerprint != traced.fingerprint)
		why = "tracing, or decoding again what was decoded before, changes the run";
	if (!why)
		why = broken_trace(traced.trace);
	if (getenv("SOAK_PRINT"))
		printf("world %llu %016llx\n", (unsigned long long)seed,
			(unsigned long long)plain.fingerprint);
	run_result_fini(&plain);
	run_result_fini(&traced);
	plan_free(p);
	diags_fini(&ds);
	return why;
}

static void whatever_happens_in_a_world_its_books_balance(void **st)
{
	(void)st;
	const char *from = getenv("SOAK_FROM"), *count = getenv("SOAK_SEEDS");
	uint64_t first = from ? strtoull(from, NULL, 10) : 0, n = count ? strtoull(count, NULL, 10) : 60;
	for (uint64_t seed = first; seed < first + n; seed++) {
		struct draw d;
		scenario(&d, seed);
		alarm(60); /* a world that stands still ends the test */
		const char *why = broken((const char *)d.t.p, seed);
		if (why)
			print_error("seed %llu: %s\nrepeat: SOAK_FROM=%llu SOAK_SEEDS=1\n%s\n",
				(unsigned long long)seed, why, (unsigned long long)seed, (const char *)d.t.p);
		buf_fini(&d.t);
		assert_null(why);
	}
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_happens_in_a_world_its_books_balance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
