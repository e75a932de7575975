/* TCP over a simulated link: handshake, data both ways, closing, against times and segments worked out by hand. */
#include "tests/support/tcp_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#define MS NS_PER_MS

static const struct link_params way = {.delay_ns = 10 * MS};

static void pair(struct tcp_pair *p)
{
	tcp_pair_init(p, 1, &way, &way);
}

static void handshake_takes_one_round_trip_and_offers_what_linux_offers(void **state)
{
	struct tcp_pair p;

	(void)state;
	pair(&p);
	tcp_pair_open(&p, 1000, 5000);
	tcp_pair_run(&p, 100 * MS);
	assert_true(p.left.established && p.right.established);
	assert_int_equal(p.left.established_ns, 20 * MS);
	assert_int_equal(p.right.established_ns, 30 * MS);
	assert_int_equal(p.n_seen, 3);
	assert_int_equal(p.seen[0].flags, TCP_SYN);
	assert_int_equal(p.seen[0].opts, PKT_OPT_MSS | PKT_OPT_SACK_OK | PKT_OPT_TS | PKT_OPT_WSCALE);
	assert_int_equal(p.seen[0].wnd, 64240);
	assert_int_equal(p.seen[1].flags, TCP_SYN | TCP_ACK);
	assert_int_equal(p.seen[1].wnd, 65160);
	assert_int_equal(p.seen[1].ack, 1);
	assert_int_equal(p.seen[1].tsecr, p.seen[0].tsval);
	assert_int_equal(p.seen[2].flags, TCP_ACK);
	assert_int_equal(p.seen[2].wnd, 502); /* 64240 in units of 128, rounded up */
	assert_int_equal(p.left.c.snd_mss, 1448);
	tcp_pair_fini(&p);
}

static void request_and_answer_are_acknowledged_as_in_the_recorded_captures(void **state)
{
	struct tcp_pair p;

	(void)state;
	pair(&p);
	tcp_pair_open(&p, 1000, 5000);
	tcp_pair_run(&p, 100 * MS);
	size_t at = p.n_seen;

	tcp_end_write(&p.left, 0, 168);
	tcp_pair_run(&p, 150 * MS);
	assert_true(tcp_end_got(&p.right, 168));
	/* the first data of a connection is acknowledged at once */
	assert_int_equal(p.n_seen, at + 2);
	assert_int_equal(p.seen[at].flags, TCP_PSH | TCP_ACK);
	assert_int_equal(p.seen[at + 1].ack, 169);
	assert_int_equal(p.seen[at + 1].len, 0);
	tcp_end_write(&p.right, 0, 129);
	tcp_pair_run(&p, 1200 * MS);
	assert_true(tcp_end_got(&p.left, 129));
	at = p.n_seen;
	tcp_end_write(&p.left, 168, 19);
	tcp_pair_run(&p, 1215 * MS);
	tcp_end_write(&p.right, 129, 20);
	tcp_pair_run(&p, 1400 * MS);
	assert_int_equal(
		p.seen[at + 1].at_ns, 1210 * MS); /* quick again after a long pause: not yet a dialogue */
	tcp_pair_fini(&p);
}

static void both_ends_close_and_the_first_closer_waits_a_minute(void **state)
{
	struct tcp_pair p;

	(void)state;
	pair(&p);
	tcp_pair_open(&p, 0xfffffff0u, 0xffffff00u);
	tcp_pair_run(&p, 100 * MS);
	tcp_end_write(&p.left, 0, 5000);
	tcp_close(p.t, &p.left.c, p.w->now_ns);
	tcp_end_pump(&p.left);
	tcp_pair_run(&p, 200 * MS);
	assert_true(p.right.eof);
	assert_true(tcp_end_got(&p.right, 5000));
	assert_int_equal(p.left.c.state, TCP_FIN_WAIT_2);
	assert_int_equal(p.right.c.state, TCP_CLOSE_WAIT);
	tcp_close(p.t, &p.right.c, p.w->now_ns);
	tcp_end_pump(&p.right);
	tcp_pair_run(&p, 300 * MS);
	assert_int_equal(p.left.c.state, TCP_TIME_WAIT);
	assert_true(p.right.closed);
	tcp_pair_run(&p, 70000 * MS);
	assert_true(p.left.closed);
	assert_int_equal(p.left.ended_ns, 210 * MS + 60000 * MS);
	tcp_pair_fini(&p);
}

/* RFC 6191 2: the timestamp decides; at the same one, or without, the sequence number. */
static void a_waiting_connection_gives_way_to_what_must_be_new(void **state)
{
	static const struct {
		uint32_t seq, tsval;
		uint8_t flags;
		bool stamped, reusable;
	} syn[] = {
		{5001, 0, TCP_SYN, false, true}, /* beyond what was received */
		{5000, 0, TCP_SYN, false, false},
		{4000, 0, TCP_SYN, false, false},
		{4000, 701, TCP_SYN, true, true},
		{9000, 699, TCP_SYN, true, false}, /* an old duplicate, whatever its number */
		{5001, 700, TCP_SYN, true, true},
		{5000, 700, TCP_SYN, true, false},
		{9000, 701, TCP_SYN | TCP_ACK, true, false},
		{9000, 701, TCP_SYN | TCP_RST, true, false},
		{9000, 701, TCP_ACK, true, false},
	};
	struct tcp_conn c;

	(void)state;
	tcp_init(&c, &tcp_cfg_linux, (struct tcp_addr){1, 2, 3, 4});
	c.flags = TCPF_TS;
	c.rcv_nxt = 5000;
	c.ts_recent = 700;
	for (size_t i = 0; i < sizeof syn / sizeof *syn; i++) {
		struct pkt p = {.seq = syn[i].seq,
			.tsval = syn[i].tsval,
			.flags = syn[i].flags,
			.opts = syn[i].stamped ? PKT_OPT_TS : 0};

		c.state = TCP_TIME_WAIT;
		assert_int_equal(tcp_reusable(&c, &p), syn[i].reusable);
		c.state = TCP_LAST_ACK;
		assert_false(tcp_reusable(&c, &p));
	}
}

static void a_refused_connection_is_reset(void **state)
{
	struct tcp_pair p;

	(void)state;
	pair(&p);
	tcp_init(&p.left.c, &p.lcfg, (struct tcp_addr){1, 2, 3, 4});
	tcp_open(p.t, &p.left.c, 0);
	tcp_end_pump(&p.left);
	tcp_pair_run(&p, 100 * MS);
	assert_true(p.left.reset);
	assert_int_equal(p.left.ended_ns, 20 * MS);
	tcp_pair_fini(&p);
}

static void a_megabyte_crosses_a_slow_link_at_its_rate(void **state)
{
	struct tcp_pair p;
	struct link_params slow = {.delay_ns = 10 * MS, .rate_bps = 10000000, .queue_bytes = 1u << 20};

	(void)state;
	tcp_pair_init(&p, 1, &slow, &slow);
	tcp_pair_open(&p, 0, 0);
	tcp_pair_run(&p, 100 * MS);
	tcp_end_write(&p.left, 0, 1 << 20);
	tcp_close(p.t, &p.left.c, p.w->now_ns);
	tcp_end_pump(&p.left);
	tcp_pair_run(&p, 5000 * MS);
	assert_true(tcp_end_got(&p.right, 1 << 20));
	assert_true(p.right.eof);
	/* 725 segments of 1500 octets at 10 Mbit/s are 0.87 s; slow start costs a few round trips */
	assert_in_range(p.right.eof_ns - 100 * MS, 870 * MS, 1000 * MS);
	tcp_pair_fini(&p);
}

static void one_lost_segment_is_repaired_without_a_timeout(void **state)
{
	struct tcp_pair p;
	struct link_fault f[] = {{5, LINK_FAULT_DROP, 0}};

	(void)state;
	pair(&p);
	p.up.faults = f;
	p.up.n_faults = 1;
	tcp_pair_open(&p, 0xffffff00u, 1);
	tcp_pair_run(&p, 100 * MS);
	tcp_end_write(&p.left, 0, 14480);
	tcp_pair_run(&p, 180 * MS);
	assert_true(tcp_end_got(&p.right, 14480));
	tcp_pair_run(&p, 2000 * MS);
	assert_int_equal(p.left.data_segments, 11);
	tcp_pair_fini(&p);
}

static void what_only_a_busy_connection_needs_goes_back(void **state)
{
	struct tcp_pair p;

	(void)state;
	pair(&p);
	tcp_pair_open(&p, 1000, 5000);
	tcp_pair_run(&p, 100 * MS);
	assert_ptr_equal(p.left.c.busy, &tcp_at_rest);
	assert_ptr_equal(p.right.c.busy, &tcp_at_rest);
	assert_int_equal(p.t->busies->live, 0);
	assert_int_equal(tcp_snd_nxt(&p.left.c), 1001);
	assert_int_equal(tcp_snd_end(&p.left.c), 1001);
	tcp_end_write(&p.left, 0, 3000);
	tcp_pair_run(&p, 105 * MS); /* nothing has arrived yet */
	assert_int_equal(p.t->busies->live, 1);
	assert_true(p.left.c.busy->packets_out > 0);
	assert_int_equal(tcp_snd_end(&p.left.c) - p.left.c.snd_una, 3000);
	tcp_pair_run(&p, 2000 * MS); /* delayed ACKs included */
	assert_true(tcp_end_got(&p.right, 3000));
	assert_int_equal(p.left.c.snd_una, 4001);
	assert_int_equal(tcp_rcv_wup(&p.right.c), 4001);
	assert_int_equal(p.t->busies->live, 0);
	tcp_pair_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake_takes_one_round_trip_and_offers_what_linux_offers),
		cmocka_unit_test(request_and_answer_are_acknowledged_as_in_the_recorded_captures),
		cmocka_unit_test(both_ends_close_and_the_first_closer_waits_a_minute),
		cmocka_unit_test(a_waiting_connection_gives_way_to_what_must_be_new),
		cmocka_unit_test(a_refused_connection_is_reset),
		cmocka_unit_test(what_only_a_busy_connection_needs_goes_back),
		cmocka_unit_test(a_megabyte_crosses_a_slow_link_at_its_rate),
		cmocka_unit_test(one_lost_segment_is_repaired_without_a_timeout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
