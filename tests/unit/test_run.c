/*
 * run: the same plan and seed give the same results; watching changes nothing; results have the promised form.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "sim/scenario/run.h"

static const char text[] =
	"backtalk: 1\nscenario: t\nseed: 9\nduration: 30s\nnetworks: {lte: {rtt: 60ms, jitter: 15ms, loss: "
	"1%}}\n"
	"boxes: {nat: {kind: nat, idle_timeout: 20s}}\nservers: {app: {}}\n"
	"clients:\n  phones: {count: 10, start: {over: 3s}, path: [lte, nat], technique: sse}\n"
	"  pads: {count: 2, path: [lte], technique: websocket}\n"
	"messages: [{name: news, every: 2s}, {name: one, from: server, to: pads, rate: 1/3s, arrival: "
	"poisson}]\n"
	"timeline: [{at: 10s, cut: lte, for: 2s}, {at: 15s, set: {networks.lte.loss: 5%}}]\n"
	"expect: [delivered >= 1%, delivered of pads under websocket since 5s > 15%, http.requests under "
	"polling > 0]\n";

static struct plan *load(const char *const *sets, size_t n)
{
	struct diags ds = {0};
	struct plan *p = plan_parse(NULL, "t", text, strlen(text), sets, n, &ds);
	if (!p)
		fail_msg("%s", diags_text(&ds));
	return p;
}

static char *run_text(struct plan *p, const struct run_opts *o, uint64_t *fingerprint)
{
	struct run_result r;
	run_plan(p, o, &r);
	char *s = run_json(p, &r, 1, false);
	if (fingerprint)
		*fingerprint = r.fingerprint;
	run_result_fini(&r);
	return s;
}

static void the_same_seed_gives_the_same_text(void **state)
{
	uint64_t f[5];
	struct plan *p = load(NULL, 0), *again = load(NULL, 0);
	(void)state;
	char *a = run_text(p, &(struct run_opts){0}, &f[0]),
	     *b = run_text(again, &(struct run_opts){0}, &f[1]);
	assert_string_equal(a, b);
	char *kept = run_text(p, &(struct run_opts){.keep_trace = true, .lens_clients = UINT32_MAX}, &f[2]);
	assert_string_equal(a, kept);
	char *seed = run_text(p, &(struct run_opts){.seed = 10, .seed_set = true}, &f[3]);
	char *tech = run_text(p, &(struct run_opts){.technique = "polling"}, &f[4]);
	assert_int_equal(f[0], f[1]);
	assert_int_equal(f[0], f[2]);
	assert_int_not_equal(f[0], f[3]);
	assert_int_not_equal(f[0], f[4]);
	free(a);
	free(b);
	free(kept);
	free(seed);
	free(tech);
	plan_free(p);
	plan_free(again);
}

static void results_have_the_promised_form(void **state)
{
	static const char *const sets[] = {"clients.pads.count=3", "clients.pads.count=4"};
	struct plan *p = load(sets, 2);
	struct run_result r[2];
	json_error_t err;
	(void)state;
	run_plan(p, &(struct run_opts){0}, &r[0]);
	run_plan(p, &(struct run_opts){.technique = "polling"}, &r[1]);
	char *s = run_json(p, r, 2, true);
	json_t *j = json_loads(s, JSON_REJECT_DUPLICATES, &err);
	if (!j)
		fail_msg("%s", err.text);
	assert_int_equal(json_integer_value(json_object_get(j, "backtalk")), 1);
	assert_string_equal(json_string_value(json_object_get(j, "scenario")), "t");
	assert_int_equal(json_integer_value(json_object_get(j, "seed")), 9);
	assert_int_equal(json_integer_value(json_object_get(j, "duration_s")), 30);
	assert_int_equal(strlen(json_string_value(json_object_get(j, "fingerprint"))), 16);
	json_t *run = json_array_get(json_object_get(j, "runs"), 0);
	assert_string_equal(json_string_value(json_object_get(run, "technique")), "sse");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(run, "set"), "clients.pads.count")), "4");
	json_t *m = json_object_get(run, "metrics");
	for (size_t i = 0; i < metric_count(); i++)
		assert_non_null(json_object_get(m, metric_at(i)->name));
	json_t *pads = json_object_get(json_object_get(m, "groups"), "pads");
	assert_non_null(json_object_get(pads, "latency_ms.p99"));
	assert_null(json_object_get(pads, "packets.sent"));
	double sent = json_number_value(json_object_get(m, "packets.sent"));
	assert_true(sent > 0);
	assert_float_equal(sent,
		json_number_value(json_object_get(m, "packets.delivered")) +
			json_number_value(json_object_get(m, "packets.dropped")) +
			json_number_value(json_object_get(m, "packets.in_flight")),
		0);
	/* only the expectations that concern a technique */
	assert_int_equal(json_array_size(json_object_get(run, "expect")), 1);
	json_t *e = json_object_get(json_array_get(json_object_get(j, "runs"), 1), "expect");
	assert_int_equal(json_array_size(e), 2);
	assert_true(json_is_true(json_object_get(json_array_get(e, 1), "holds")));
	json_decref(j);
	free(s);
	run_result_fini(&r[0]);
	run_result_fini(&r[1]);
	plan_free(p);
}

static int64_t bytes_of(const json_t *run, const char *part)
{
	char name[64];
	snprintf(name, sizeof name, "engine.bytes_per_client%s", part);
	json_t *v = json_object_get(json_object_get(run, "metrics"), name);
	assert_true(json_is_integer(v));
	return json_integer_value(v);
}

/* Memory is told by part, the parts make the whole, and what is not used takes nothing. */
static void memory_is_told_by_part(void **state)
{
	static const char *const parts[] = {
		".tcp", ".net", ".endpoint", ".host", ".boxes", ".events", ".measure"};
	struct plan *p = load(NULL, 0);
	struct run_result r[2];
	(void)state;
	run_plan(p, &(struct run_opts){0}, &r[0]);
	run_plan(p, &(struct run_opts){.keep_trace = true, .lens_clients = 3}, &r[1]);
	char *s = run_json(p, r, 2, true);
	json_t *j = json_loads(s, 0, NULL), *runs = json_object_get(j, "runs");
	json_t *plain = json_array_get(runs, 0), *kept = json_array_get(runs, 1);
	int64_t sum = 0;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		assert_true(bytes_of(plain, parts[i]) > 0);
		sum += bytes_of(plain, parts[i]);
	}
	/* twelve clients: each figure is cut to a whole number */
	assert_in_range(bytes_of(plain, ""), sum, sum + (int64_t)(sizeof parts / sizeof *parts));
	/* two ends of a connection at least; keeping records takes more, and not only for the records */
	assert_true(bytes_of(plain, ".tcp") >= 2 * 100);
	assert_true(bytes_of(kept, ".measure") > bytes_of(plain, ".measure"));
	assert_true(bytes_of(kept, ".host") > bytes_of(plain, ".host"));
	json_decref(j);
	free(s);
	run_result_fini(&r[0]);
	run_result_fini(&r[1]);
	plan_free(p);
}

/* Records are kept of the first clients of each group, and nobody runs differently for it. */
static void the_lens_covers_the_first_of_each_group(void **state)
{
	struct plan *p = load(NULL, 0);
	struct run_result some, all;
	(void)state;
	run_plan(p, &(struct run_opts){.keep_trace = true, .lens_clients = 3}, &some);
	run_plan(p, &(struct run_opts){.keep_trace = true, .lens_clients = 20}, &all);
	unsigned seen[2] = {0, 0};
	const struct run_result *r[2] = {&some, &all};
	for (int k = 0; k < 2; k++)
		for (uint32_t i = 1; i < r[k]->trace->nnode; i++)
			seen[k] += r[k]->trace->node[i].role == TRACE_CLIENT;
	assert_int_equal(seen[0], 3 + 2);
	assert_int_equal(seen[1], 10 + 2);
	assert_true(some.trace->nrec > 0 && some.trace->nrec < all.trace->nrec);
	for (uint64_t id = 1; id <= some.trace->nrec; id++) {
		const struct trace_rec *rec = trace_get(some.trace, id);
		bool told_of_all = rec->kind == TRACE_MSG_PUBLISH || rec->kind == TRACE_MSG_EXPECT;
		assert_true(told_of_all || rec->client <= 3 || rec->client > 10);
	}
	assert_true(some.fingerprint == all.fingerprint);
	run_result_fini(&some);
	run_result_fini(&all);
	plan_free(p);
}

static int stop_at_ten(void *ctx, int64_t now_ns, int64_t end_ns, uint64_t events)
{
	unsigned *n = ctx;
	(void)events;
	assert_true(now_ns <= end_ns);
	return ++*n == 10;
}

static void a_run_can_be_stopped(void **state)
{
	unsigned n = 0;
	struct plan *p = load(NULL, 0);
	struct run_result r;
	(void)state;
	run_plan(p, &(struct run_opts){.progress = {.tick = stop_at_ten, .ctx = &n}}, &r);
	assert_true(r.partial);
	assert_int_equal(n, 10);
	char *s = run_json(p, &r, 1, false);
	assert_non_null(strstr(s, "\"partial\": true"));
	free(s);
	/* what was counted until then: rates are over the time that was run, and the books balance */
	double requests = metrics_get(r.metrics, METRIC_HTTP_REQUESTS, -1);
	double per_s = metrics_get(r.metrics, METRIC_HTTP_RPS, -1);
	double all_s = (double)p->cfg.duration_ns / 1e9, run_s = requests / per_s;
	assert_true(requests > 0 && run_s > 0 && run_s < all_s / 2);
	assert_true(metrics_get(r.metrics, METRIC_MSG_DELIVERED, -1) <=
		    metrics_get(r.metrics, METRIC_MSG_EXPECTED, -1));
	run_result_fini(&r);
	plan_free(p);
}

/* Letting go of what figures are made from changes none of them. */
static void a_settled_result_says_the_same(void **state)
{
	struct plan *p = load(NULL, 0);
	struct run_result r;
	(void)state;
	run_plan(p, &(struct run_opts){0}, &r);
	char *before = run_json(p, &r, 1, false);
	run_result_settle(&r);
	assert_null(r.trace);
	char *after = run_json(p, &r, 1, false);
	assert_string_equal(before, after);
	assert_true(isnan(metrics_since(r.metrics, METRIC_DELIVERED, -1, 1000000000)));
	free(before);
	free(after);
	run_result_fini(&r);
	plan_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_same_text),
		cmocka_unit_test(results_have_the_promised_form),
		cmocka_unit_test(memory_is_told_by_part),
		cmocka_unit_test(the_lens_covers_the_first_of_each_group),
		cmocka_unit_test(a_run_can_be_stopped),
		cmocka_unit_test(a_settled_result_says_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
