/*
 * metrics: folds over hand-made records, the histogram, JSON numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/measure/hist.h"
#include "sim/measure/jsonw.h"
#include "sim/measure/metrics.h"

#define MS INT64_C(1000000)
#define S INT64_C(1000000000)

/* Two groups: clients 1 to 3, and client 4. */
static const struct cfg_group groups[] = {{.name = "phones", .count = 3}, {.name = "pads", .count = 1}};
static const struct cfg cfg = {.duration_ns = 10 * S, .drain_ns = 5 * S, .groups = groups, .ngroups = 2};

struct rig {
	struct trace *tr;
	struct metrics *m;
	uint16_t server, proxy;
};

static void rig_init(struct rig *r)
{
	r->tr = trace_new(NULL);
	struct trace_node n = {.role = TRACE_SERVER};
	r->server = trace_add_node(r->tr, &n);
	n.role = TRACE_BOX;
	r->proxy = trace_add_node(r->tr, &n);
	r->m = metrics_new(&cfg, r->tr);
}

static void rig_fini(struct rig *r)
{
	metrics_free(r->m);
	trace_free(r->tr);
}

static void finish(struct rig *r)
{
	static struct sim_group_counters g[2] = {
		{.bytes_up = 100, .bytes_down = 900, .conns_peak = 3, .radio_energy_uj = 3000000},
		{.bytes_up = 10, .bytes_down = 90, .conns_peak = 1, .radio_energy_uj = 5000000}};
	struct sim_counters c = {.events = 77,
		.counted_ns = cfg.duration_ns,
		.packets_sent = 9,
		.packets_delivered = 6,
		.packets_dropped = 2,
		.packets_in_flight = 1,
		.server_cpu_ns = 1500000000,
		.group = g,
		.ngroups = 2};
	metrics_finish(r->m, &c);
}

static void add(struct rig *r, enum trace_kind k, int64_t at, uint32_t msg, uint32_t client, int64_t a,
	int64_t b, uint16_t node)
{
	struct trace_rec rec = {
		.kind = (uint16_t)k, .at = at, .msg = msg, .client = client, .a = a, .b = b, .node = node};
	if (trace_on(r->tr, k, false))
		trace_add(r->tr, &rec, false);
}

static double get(struct rig *r, const char *name, int group)
{
	return metrics_get(r->m, metric_find(name), group);
}

static void messages_are_counted_by_receiver_and_time_of_publishing(void **state)
{
	struct rig r;
	(void)state;
	rig_init(&r);
	/* message 1 at 1 s, 100 bytes, to all four; message 2 at 6 s, 50 bytes, to the phones */
	add(&r, TRACE_MSG_PUBLISH, 1 * S, 1, 0, 100, 0, 0);
	add(&r, TRACE_MSG_EXPECT, 1 * S, 1, 1, 3, 0, 0);
	add(&r, TRACE_MSG_EXPECT, 1 * S, 1, 4, 1, 0, 0);
	add(&r, TRACE_MSG_DELIVER, 1 * S + 30 * MS, 1, 1, 30 * MS, 0, 0);
	add(&r, TRACE_MSG_DELIVER, 9 * S, 1, 4, 8 * S, 0, 0);
	add(&r, TRACE_MSG_PUBLISH, 6 * S, 2, 0, 50, 0, 0);
	add(&r, TRACE_MSG_EXPECT, 6 * S, 2, 2, 3, 0, 0);
	add(&r, TRACE_MSG_DELIVER, 6 * S + 10 * MS, 2, 1, 10 * MS, 0, 0);
	add(&r, TRACE_MSG_DELIVER, 6 * S + 20 * MS, 2, 2, 20 * MS, 0, 0);
	add(&r, TRACE_MSG_DELIVER, 12 * S, 2, 3, 6 * S, 0, 0); /* while draining */
	add(&r, TRACE_MSG_DUPLICATE, 7 * S, 2, 2, 0, 0, 0);
	add(&r, TRACE_MSG_DISORDER, 9 * S, 1, 4, 0, 0, 0);
	finish(&r);
	assert_float_equal(get(&r, "messages.published", -1), 2, 0);
	assert_float_equal(get(&r, "messages.expected", -1), 7, 0);
	assert_float_equal(get(&r, "messages.delivered", -1), 5, 0);
	assert_float_equal(get(&r, "messages.lost", -1), 2, 0);
	assert_float_equal(get(&r, "messages.lost", 0), 2, 0);
	assert_float_equal(get(&r, "messages.lost", 1), 0, 0);
	assert_float_equal(get(&r, "messages.duplicated", 0), 1, 0);
	assert_float_equal(get(&r, "messages.out_of_order", 1), 1, 0);
	assert_float_equal(get(&r, "delivered", -1), 5.0 / 7, 1e-12);
	assert_float_equal(get(&r, "latency_ms.mean", -1), (30 + 8000 + 10 + 20 + 6000) / 5.0, 1e-9);
	assert_float_equal(get(&r, "latency_ms.p50", -1), 30, 0);
	assert_float_equal(get(&r, "latency.p50", 0), 20, 0); /* 10 20 30 6000: the second of four */
	assert_float_equal(get(&r, "latency_ms.p99", -1), 8000, 0);
	assert_float_equal(get(&r, "latency_ms.max", 0), 6000, 0);
	assert_float_equal(get(&r, "bytes.payload", -1), 350, 0);
	assert_float_equal(get(&r, "bytes.payload", 1), 100, 0);
	assert_float_equal(get(&r, "bytes_per_message", -1), 1100.0 / 5, 1e-9);
	assert_float_equal(get(&r, "overhead_per_message", -1), 750.0 / 5, 1e-9);
	/* only what was published from 5 s on */
	assert_float_equal(metrics_since(r.m, metric_find("messages.delivered"), -1, 5 * S), 3, 0);
	assert_float_equal(metrics_since(r.m, metric_find("delivered"), -1, 5 * S), 1, 0);
	assert_float_equal(metrics_since(r.m, metric_find("latency_ms.max"), -1, 5 * S), 6000, 0);
	assert_float_equal(metrics_since(r.m, metric_find("latency_ms.p50"), -1, 5 * S), 20, 0);
	assert_true(isnan(metrics_since(r.m, metric_find("bytes.up"), -1, 5 * S)));
	assert_true(isnan(metrics_get(r.m, metric_find("packets.sent"), 0)));
	size_t n;
	const struct metrics_second *sec = metrics_seconds(r.m, &n);
	assert_int_equal(n, 10);
	assert_int_equal(sec[1].expected, 4);
	assert_int_equal(sec[6].delivered, 3);
	assert_int_equal(sec[6].latency_max_ns, 6 * S);
	rig_fini(&r);
}

static void requests_count_at_servers_and_until_the_end(void **state)
{
	struct rig r;
	(void)state;
	rig_init(&r);
	add(&r, TRACE_HTTP_REQUEST_RECV, 1 * S, 0, 1, 0, 0, r.proxy); /* not a server */
	add(&r, TRACE_HTTP_REQUEST_RECV, 1 * S, 0, 1, 0, 0, r.server);
	add(&r, TRACE_HTTP_REQUEST_RECV, 1 * S + 1, 0, 4, 0, 0, r.server);
	add(&r, TRACE_HTTP_REQUEST_RECV, 2 * S, 0, 0, 0, 0, r.server);  /* nobody's */
	add(&r, TRACE_HTTP_REQUEST_RECV, 11 * S, 0, 1, 0, 0, r.server); /* too late */
	add(&r, TRACE_HTTP_RESPONSE_SEND, 1 * S, 0, 1, 0, 0, r.server); /* empty */
	add(&r, TRACE_HTTP_RESPONSE_SEND, 1 * S, 0, 1, 0, 2, r.server);
	add(&r, TRACE_HTTP_RESPONSE_SEND, 1 * S, 0, 1, 0, -1, r.server);
	add(&r, TRACE_CONNECT_TRY, 1 * S, 0, 1, 1, 0, 0);
	add(&r, TRACE_CONNECT_TRY, 3 * S, 0, 1, 2, 1, 0);
	add(&r, TRACE_CONNECT_TRY, 3 * S + 5, 0, 2, 2, 1, 0);
	add(&r, TRACE_CONNECT_TRY, 4 * S, 0, 4, 2, 1, 0);
	finish(&r);
	assert_float_equal(get(&r, "http.requests", -1), 3, 0);
	assert_float_equal(get(&r, "http.requests", 0), 1, 0);
	assert_float_equal(get(&r, "http.requests_per_s", -1), 0.3, 1e-12);
	assert_float_equal(metrics_since(r.m, metric_find("http.requests_per_s"), -1, 2 * S), 1 / 8.0, 1e-12);
	assert_float_equal(get(&r, "http.empty_responses", -1), 1, 0);
	assert_float_equal(get(&r, "server.requests_peak_per_s", -1), 2, 0);
	assert_float_equal(get(&r, "reconnects", -1), 3, 0);
	assert_float_equal(get(&r, "reconnects.peak_per_s", -1), 2, 0);
	assert_float_equal(get(&r, "reconnects.peak_per_s", 1), 1, 0);
	assert_float_equal(get(&r, "radio.energy_j", -1), 2, 1e-12); /* 8 J over four clients */
	assert_float_equal(get(&r, "radio.energy_j", 0), 1, 1e-12);
	assert_float_equal(get(&r, "packets.in_flight", -1), 1, 0);
	assert_float_equal(get(&r, "server.cpu_s", -1), 1.5, 1e-12);
	assert_float_equal(get(&r, "engine.events", -1), 77, 0);
	assert_true(isnan(get(&r, "delivered", -1)));
	assert_true(isnan(get(&r, "latency_ms.p50", -1)));
	rig_fini(&r);
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* Percentiles of what is kept one by one are the sorted values at their nearest ranks, whatever shares a bucket. */
static void percentiles_are_nearest_ranks(void **state)
{
	static const struct {
		const char *name;
		size_t pct;
	} asked[] = {{"latency_ms.p50", 50}, {"latency_ms.p90", 90}, {"latency_ms.p95", 95},
		{"latency_ms.p99", 99}};
	static const int64_t spread[] = {1, 900, 40000, INT64_C(3000000000)};
	(void)state;
	for (size_t k = 0; k < sizeof spread / sizeof *spread; k++)
		for (size_t n = 1; n < 400; n = n * 3 + 1) {
			struct rig r;
			int64_t all[400];
			uint64_t x = n;
			rig_init(&r);
			add(&r, TRACE_MSG_PUBLISH, 0, 1, 0, 100, 0, 0);
			for (size_t i = 0; i < n; i++) {
				x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
				all[i] = 20000000 + (int64_t)(x >> 33) % spread[k];
				add(&r, TRACE_MSG_DELIVER, S, 1, (uint32_t)(i % 4) + 1, all[i], 0, 0);
			}
			finish(&r);
			qsort(all, n, sizeof *all, by_value);
			for (size_t q = 0; q < sizeof asked / sizeof *asked; q++)
				assert_float_equal(get(&r, asked[q].name, -1),
					(double)all[(n * asked[q].pct + 99) / 100 - 1] / 1e6, 0);
			rig_fini(&r);
		}
}

/* Broadcasts that reach many after the same time: exact, however many deliveries there are. */
static void the_same_latency_many_times_over_is_kept_once(void **state)
{
	struct rig r;
	(void)state;
	rig_init(&r);
	for (uint32_t msg = 1; msg <= 3; msg++) {
		add(&r, TRACE_MSG_PUBLISH, msg * S, msg, 0, 100, 0, 0);
		for (uint32_t i = 0; i < METRICS_SAMPLES_MAX; i++) /* the last of 100: a little later */
			add(&r, TRACE_MSG_DELIVER, msg * S, msg, i % 3 + 1,
				20000001 * (int64_t)msg + (i >= METRICS_SAMPLES_MAX / 100 * 99), 0, 0);
	}
	finish(&r);
	assert_float_equal(get(&r, "latency_ms.p50", -1), 40.000002, 0);
	assert_float_equal(get(&r, "latency_ms.p90", -1), 60.000003, 0);
	assert_float_equal(get(&r, "latency_ms.p99", -1), 60.000003, 0);
	assert_float_equal(get(&r, "latency_ms.max", -1), 60.000004, 0);
	assert_float_equal(metrics_since(r.m, metric_find("latency_ms.p50"), -1, 3 * S), 60.000003, 0);
	assert_float_equal(metrics_since(r.m, metric_find("latency_ms.p99"), 0, 2 * S), 60.000003, 0);
	rig_fini(&r);
}

/* More deliveries than are kept one by one: percentiles stay within 0.8 %, means and maxima exact. */
static void many_deliveries_are_summed_up_in_histograms(void **state)
{
	struct rig r;
	uint64_t x = 1, sum = 0;
	int64_t max = 0;
	size_t n = METRICS_SAMPLES_MAX + 200000;
	int64_t *all = malloc(n * sizeof *all);
	(void)state;
	rig_init(&r);
	for (size_t i = 0; i < n; i++) {
		if (i % 60000 == 0)
			add(&r, TRACE_MSG_PUBLISH, (int64_t)(i / 60000) * S, (uint32_t)(i / 60000) + 1, 0,
				100, 0, 0);
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		all[i] = (int64_t)(x >> 33) / 2; /* up to about a second */
		sum += (uint64_t)all[i];
		max = all[i] > max ? all[i] : max;
		add(&r, TRACE_MSG_DELIVER, 5 * S, (uint32_t)(i / 60000) + 1, (uint32_t)(i % 4) + 1, all[i], 0,
			0);
	}
	finish(&r);
	double p90 = get(&r, "latency_ms.p90", -1),
	       late = metrics_since(r.m, metric_find("latency_ms.p50"), 0, 4 * S);
	size_t below = 0, below_late = 0, of_late = 0;
	for (size_t i = 0; i < n; i++) {
		below += (double)all[i] / 1e6 < p90;
		of_late += i >= 240000 && i % 4 < 3;
		below_late += i >= 240000 && i % 4 < 3 && (double)all[i] / 1e6 < late;
	}
	assert_true(below > n / 100 * 89 && below <= n / 10 * 9);
	assert_true(below_late > of_late / 100 * 49 && below_late <= of_late / 2);
	assert_float_equal(get(&r, "latency_ms.mean", -1), (double)sum / 1e6 / (double)n, 1e-6);
	assert_float_equal(get(&r, "latency_ms.max", -1), (double)max / 1e6, 0);
	free(all);
	rig_fini(&r);
}

static void a_histogram_is_never_more_than_a_hundredth_off(void **state)
{
	(void)state;
	for (int64_t ns = 1000; ns < INT64_C(4000000000000000); ns = ns * 3 + 7000) {
		struct hist h = {0};
		hist_add(&h, ns, 1);
		int64_t back = hist_quantile(&h, 1, 2);
		assert_true(back <= ns);
		assert_true(ns - back <= ns / 100 + 1000);
		hist_fini(&h);
	}
	struct hist a = {0}, b = {0};
	for (int i = 0; i < 100; i++)
		hist_add(i < 50 ? &a : &b, i * 1000, 1);
	hist_merge(&a, &b);
	assert_int_equal(hist_quantile(&a, 50, 100), 49000);
	assert_int_equal(hist_quantile(&a, 99, 100), 98000);
	assert_int_equal(hist_quantile(&a, 1, 1000), 0);
	assert_int_equal(hist_bytes(&a), 512);
	hist_add(&b, INT64_MAX, 1); /* the last bucket of all */
	hist_merge(&a, &b);
	assert_int_equal(a.n, 151);
	assert_int_equal(hist_bytes(&a), 1024);
	assert_true(hist_quantile(&a, 1, 1) > INT64_C(1000000000) * 86400 * 50);
	hist_fini(&a);
	assert_int_equal(hist_bytes(&a), 0);
	hist_fini(&b);
}

static void metric_names_are_those_of_the_results_format(void **state)
{
	static const char *const names[] = {"messages.published", "messages.expected", "messages.delivered",
		"messages.lost", "messages.duplicated", "messages.out_of_order", "delivered",
		"latency_ms.mean", "latency_ms.p50", "latency_ms.p90", "latency_ms.p99", "latency_ms.max",
		"http.requests", "http.requests_per_s", "http.empty_responses", "connections.opened",
		"connections.peak", "connections.failed", "reconnects", "reconnects.peak_per_s", "bytes.up",
		"bytes.down", "bytes.payload", "bytes_per_message", "overhead_per_message", "packets.sent",
		"packets.delivered", "packets.dropped", "packets.in_flight", "server.cpu_s",
		"server.memory_peak_bytes", "server.threads_peak", "server.requests_peak_per_s",
		"radio.energy_j", "radio.active_s", "engine.events"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int m = metric_find(names[i]);
		if (m < 0)
			fail_msg("%s", names[i]);
		assert_string_equal(metric_at((size_t)m)->name, names[i]);
		assert_true(strlen(metric_at((size_t)m)->help) > 10);
	}
	assert_int_equal(metric_find("latency.p99"), metric_find("latency_ms.p99"));
	assert_int_equal(metric_find("latency"), -1);
}

static void json_is_written_the_same_everywhere(void **state)
{
	struct jsonw j;
	(void)state;
	jsonw_init(&j, true);
	jsonw_open(&j, '{', false);
	jsonw_kv(&j, "a\"\n", "x\x01\\\xff\xc3\xa9");
	jsonw_key(&j, "n");
	jsonw_open(&j, '[', false);
	jsonw_real(&j, 0.1 + 0.2);
	jsonw_real(&j, 1e15);
	jsonw_real(&j, -0.0000001);
	jsonw_real(&j, (double)NAN);
	jsonw_int(&j, INT64_MIN);
	jsonw_uint(&j, UINT64_MAX);
	jsonw_bool(&j, true);
	jsonw_text(&j, NULL);
	jsonw_close(&j, ']');
	jsonw_close(&j, '}');
	char *s = jsonw_take(&j);
	assert_string_equal(s,
		"{\"a\\\"\\n\":\"x\\u0001\\\\\xef\xbf\xbd\xc3\xa9\",\"n\":[0.3,1000000000000000,0,null,"
		"-9223372036854775808,18446744073709551615,true,null]}\n");
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_counted_by_receiver_and_time_of_publishing),
		cmocka_unit_test(requests_count_at_servers_and_until_the_end),
		cmocka_unit_test(percentiles_are_nearest_ranks),
		cmocka_unit_test(the_same_latency_many_times_over_is_kept_once),
		cmocka_unit_test(many_deliveries_are_summed_up_in_histograms),
		cmocka_unit_test(a_histogram_is_never_more_than_a_hundredth_off),
		cmocka_unit_test(metric_names_are_those_of_the_results_format),
		cmocka_unit_test(json_is_written_the_same_everywhere),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
