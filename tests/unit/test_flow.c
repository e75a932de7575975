/* flow: what a receiver does not take waits at the sender, costs it memory, and its limit decides what happens then. */
#include <stdio.h>

#include "sim/tcp/tcp.h"
#include "sim/trace/why.h"
#include "tests/support/world_kit.h"

#define CONN 12000 /* memory of an open connection in this world */

/* 100,000 octets a second for a client that takes `read_bps`. */
static void one_reader(struct setup *u, const char *technique, uint64_t read_bps)
{
	setup(u, technique, 1);
	u->group.start_over_ns = 0;
	u->group.opts.read_bps = read_bps;
	u->group.opts.reconnect = (struct tech_backoff){
		.first_ns = S, .max_ns = S, .factor_milli = 1000, .jitter = TECH_JITTER_NONE};
	u->msg.arrival = CFG_ARRIVAL_FIXED;
	u->msg.every_ns = 100 * MS;
	u->msg.size_bytes = 10000;
	u->cfg.duration_ns = 60 * S;
	u->cfg.drain_ns = 10 * S;
}

static unsigned count(const struct trace *t, enum trace_kind kind, enum trace_reason reason)
{
	unsigned n = 0;
	for (uint64_t i = 0; i < t->nrec; i++)
		n += t->rec[i].kind == kind && t->rec[i].reason == reason;
	return n;
}

static struct trace *watched(const struct setup *u, struct result *r)
{
	struct trace *t = trace_new(NULL);
	trace_keep_all(t);
	*r = run_seed(u, 42, t);
	return t;
}

static void who_reads_fast_enough_costs_nothing(void **st)
{
	(void)st;
	static const char *const techniques[] = {"sse", "websocket"};
	for (size_t i = 0; i < 2; i++) {
		struct setup u;
		one_reader(&u, techniques[i], 0);
		struct result at_once = run(&u);
		u.group.opts.read_bps = 8000000; /* ten times what comes */
		struct result fast = run(&u);
		assert_int_equal(at_once.c.server_memory_peak_bytes, CONN);
		assert_int_equal(fast.c.server_memory_peak_bytes, CONN);
		assert_true(at_once.lost == 0 && fast.lost == 0);
	}
}

/* 60 s at 100 kB/s written, 50 kB/s read: 3 MB are under way at the end, less what both ends' buffers hold. */
static void a_slow_reader_costs_the_server_memory(void **st)
{
	(void)st;
	static const char *const techniques[] = {"sse", "websocket"};
	for (size_t i = 0; i < 2; i++) {
		struct setup u;
		struct result r;
		one_reader(&u, techniques[i], 400000);
		struct trace *t = watched(&u, &r);
		double waits = (double)r.c.server_memory_peak_bytes - CONN;
		assert_true(waits < 3000000 - 16384);
		assert_true(waits > 3000000 * 0.9 - 16384 - tcp_cfg_linux.rcv_window_max_bytes);
		assert_true(r.max_ms > 20000); /* what waits longest has half the run before it */
		assert_true(count(t, TRACE_WRITE_WAIT, REASON_SLOW_READER) >= 1);
		assert_true(count(t, TRACE_READ_WAIT, REASON_SLOW_READER) > 100);
		struct result dark = run(&u);
		assert_true(dark.fingerprint == r.fingerprint);
		assert_int_equal(dark.c.server_memory_peak_bytes, r.c.server_memory_peak_bytes);
		trace_free(t);
	}
}

/* A network of 400 kbit/s does the same, and is told apart. */
static void a_slow_network_is_another_reason(void **st)
{
	struct setup u;
	struct result r;
	(void)st;
	one_reader(&u, "websocket", 0);
	u.net[0].down_bps = 400000;
	struct trace *t = watched(&u, &r);
	assert_true(r.c.server_memory_peak_bytes > 500000);
	assert_true(count(t, TRACE_WRITE_WAIT, REASON_SLOW_NETWORK) >= 1);
	assert_int_equal(count(t, TRACE_WRITE_WAIT, REASON_SLOW_READER), 0);
	trace_free(t);
}

static void beyond_the_limit_the_connection_is_reset(void **st)
{
	struct setup u;
	struct result r;
	(void)st;
	one_reader(&u, "websocket", 400000);
	u.server.write_limit_bytes = 100000;
	struct trace *t = watched(&u, &r);
	unsigned closed = 0;
	for (uint64_t i = 0; i < t->nrec; i++)
		closed += t->rec[i].kind == TRACE_WRITE_CLOSE && t->rec[i].at <= u.cfg.duration_ns;
	assert_true(closed >= 2);
	assert_true(r.g.conns_opened >= closed); /* it comes back each time */
	assert_true(r.c.server_memory_peak_bytes <= CONN + 100000 - 16384);
	trace_free(t);
}

static void or_messages_are_left_out(void **st)
{
	(void)st;
	static const char *const techniques[] = {"sse", "websocket"};
	for (size_t i = 0; i < 2; i++) {
		struct setup u;
		struct result r;
		one_reader(&u, techniques[i], 400000);
		u.server.write_limit_bytes = 100000;
		u.server.on_write_limit = CFG_WRITE_DROP;
		u.cfg.drain_ns = 60 * S; /* all that was written arrives */
		struct trace *t = watched(&u, &r);
		unsigned dropped = count(t, TRACE_WRITE_DROP, REASON_WRITE_LIMIT), led_back = 0;
		assert_true(dropped > 100);
		assert_int_equal(r.g.conns_opened, 1);
		assert_int_equal((unsigned)r.lost, dropped);
		for (uint64_t k = 0; k < t->nrec; k++)
			led_back += t->rec[k].kind == TRACE_MSG_LOST &&
				    trace_get(t, t->rec[k].cause)->kind == TRACE_WRITE_DROP;
		assert_int_equal(led_back, dropped);
		assert_int_equal(count(t, TRACE_WS_ERROR, REASON_PROTOCOL_ERROR), 0);
		trace_free(t);
	}
}

/* What never left the process because the reader was too slow says so. */
static void what_still_waits_at_the_end_is_led_back_to_the_reader(void **st)
{
	struct setup u;
	struct result r;
	unsigned lost = 0;
	(void)st;
	one_reader(&u, "websocket", 80000);
	struct trace *t = watched(&u, &r);
	for (uint64_t i = 0; i < t->nrec; i++) {
		const struct trace_rec *why = trace_get(t, t->rec[i].cause);
		if (t->rec[i].kind != TRACE_MSG_LOST || !why || why->kind != TRACE_WRITE_WAIT)
			continue;
		lost++;
		assert_int_equal(why->reason, REASON_SLOW_READER);
	}
	assert_true(lost > 100);
	trace_free(t);
}

/* A proxy passes the pressure on, unless it buffers. */
static void a_proxy_stops_reading_what_it_cannot_pass_on(void **st)
{
	struct setup u;
	(void)st;
	one_reader(&u, "sse", 400000);
	u.group.path[1] = ~1;
	u.group.npath = 2;
	u.box[1].read_timeout_ns = 600 * S;
	u.box[1].buffering = CFG_BUFFER_OFF;
	struct result off = run(&u);
	assert_true(off.c.server_memory_peak_bytes > CONN + 1000000);
	u.box[1].buffering = CFG_BUFFER_PAGE;
	struct result page = run(&u);
	assert_int_equal(page.c.server_memory_peak_bytes, CONN);
	assert_true(off.lost > 0 && off.delivered > 100);
	assert_true(page.delivered > 100);
	u.box[1].buffering = CFG_BUFFER_OFF;
	u.group.opts.read_bps = 0;
	struct result fast = run(&u);
	assert_true(fast.lost == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_reads_fast_enough_costs_nothing),
		cmocka_unit_test(a_slow_reader_costs_the_server_memory),
		cmocka_unit_test(a_slow_network_is_another_reason),
		cmocka_unit_test(beyond_the_limit_the_connection_is_reset),
		cmocka_unit_test(or_messages_are_left_out),
		cmocka_unit_test(what_still_waits_at_the_end_is_led_back_to_the_reader),
		cmocka_unit_test(a_proxy_stops_reading_what_it_cannot_pass_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
