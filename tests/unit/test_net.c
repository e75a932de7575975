/* Links, routers and worlds: times worked out by hand, every kind of loss, and that no packet goes missing. */
#include "sim/net/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define MS NS_PER_MS

struct sink {
	struct node node;
	uint32_t n, last;
	int64_t at[4096];
	uint32_t order_broken;
	uint8_t ttl;
};

static void sink_pkt(struct world *w, struct node *n, unsigned port, struct pkt *p)
{
	struct sink *s = (struct sink *)n;

	(void)port;
	if (s->n < 4096)
		s->at[s->n] = w->now_ns;
	s->order_broken += s->n && p->seq < s->last;
	s->last = p->seq;
	s->ttl = p->ttl;
	s->n++;
	pkt_free(net_of(w), p);
}

static const struct node_ops sink_ops = {"sink", sink_pkt, NULL, false};

struct bench {
	struct world *w;
	struct net *net;
	struct sink sink;
	struct link_class cls;
	struct line_kind kind;
	struct line line; /* its way up only */
};

static void one_way(struct line *x, struct line_kind *k, struct link_class *c, uint32_t elem, struct node *to,
	struct rng rng)
{
	*k = (struct line_kind){
		.cls = {c}, .far = to, .far_trace = to->trace_node, .alone = true, .draws = {rng.state}};
	line_init(x, k, NULL, elem);
}

static void bench_init(struct bench *b, const struct link_params *p, uint64_t seed)
{
	memset(b, 0, sizeof *b);
	b->w = world_new(seed, 0);
	b->net = net_new(b->w);
	b->sink.node = (struct node){&sink_ops, world_elem_add(b->w, "sink", 1), 0, 0};
	link_class_init(&b->cls, "lte", p);
	one_way(&b->line, &b->kind, &b->cls, world_elem_add(b->w, "link", 1), &b->sink.node,
		rng_named(seed, "link"));
}

static void bench_fini(struct bench *b)
{
	net_check(b->net);
	assert_int_equal(b->cls.sent, b->cls.delivered + b->cls.dropped);
	world_free(b->w);
}

static void send(struct bench *b, uint32_t seq, unsigned bytes)
{
	struct pkt *p = pkt_new(b->net);

	p->seq = seq;
	pkt_finish(p);
	p->wire_bytes = (uint16_t)bytes;
	link_send(b->w, &b->line.up, p);
}

static void a_packet_takes_its_time_on_the_wire_and_then_the_delay(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, &(struct link_params){.rate_bps = 10000000, .delay_ns = 20 * MS}, 1);
	send(&b, 0, 1250); /* 1 ms at 10 Mbit/s */
	send(&b, 1, 1250); /* waits for the first */
	assert_int_equal(link_backlog_bytes(b.w, &b.line.up), 2500);
	world_run(b.w, 10 * MS);
	assert_int_equal(b.sink.n, 0);
	assert_int_equal(link_backlog_bytes(b.w, &b.line.up), 0);
	assert_int_equal(b.net->in_flight, 2);
	world_run(b.w, 100 * MS);
	assert_int_equal(b.sink.at[0], 21 * MS);
	assert_int_equal(b.sink.at[1], 22 * MS);
	bench_fini(&b);
}

static void a_full_queue_drops_the_newcomer(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, &(struct link_params){.rate_bps = 1000000, .queue_bytes = 3000}, 1);
	for (uint32_t i = 0; i < 4; i++)
		send(&b, i, 1000);
	assert_int_equal(b.cls.dropped, 1);
	world_run(b.w, 8 * MS); /* one has left, there is room again */
	send(&b, 4, 1000);
	world_run(b.w, 1000 * MS);
	assert_int_equal(b.sink.n, 4);
	assert_int_equal(b.sink.last, 4);
	bench_fini(&b);
}

static void jitter_stays_in_its_bounds_and_nobody_is_overtaken(void **state)
{
	struct bench b;
	bool early = false, late = false;

	(void)state;
	bench_init(&b, &(struct link_params){.delay_ns = 20 * MS, .jitter_ns = 5 * MS}, 1);
	for (uint32_t i = 0; i < 1000; i++) {
		send(&b, i, 100);
		world_run(b.w, b.w->now_ns + 11 * MS);
	}
	world_run(b.w, b.w->now_ns + 100 * MS);
	for (uint32_t i = 0; i < 1000; i++) {
		int64_t d = b.sink.at[i] - i * 11 * MS;

		assert_in_range(d, 15 * MS, 25 * MS);
		early |= d < 16 * MS;
		late |= d > 24 * MS;
	}
	assert_true(early && late);
	for (uint32_t i = 1000; i < 3000; i++)
		send(&b, i, 100); /* all at once: kept in order */
	world_run(b.w, b.w->now_ns + 100 * MS);
	assert_int_equal(b.sink.n, 3000);
	assert_int_equal(b.sink.order_broken, 0);
	bench_fini(&b);
}

static void jitter_may_reorder_when_asked(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, &(struct link_params){.delay_ns = 20 * MS, .jitter_ns = 5 * MS, .reorder = true}, 1);
	for (uint32_t i = 0; i < 100; i++)
		send(&b, i, 100);
	world_run(b.w, 100 * MS);
	assert_true(b.sink.order_broken > 10);
	bench_fini(&b);
}

static void losses_come_at_their_rate_and_are_the_same_for_the_same_seed(void **state)
{
	uint32_t got[3];

	(void)state;
	for (int k = 0; k < 3; k++) {
		struct bench b;

		bench_init(&b, &(struct link_params){.loss_ppm = 20000}, k == 2 ? 8 : 7);
		for (uint32_t i = 0; i < 50000; i++)
			send(&b, i, 100);
		world_run(b.w, 100 * MS);
		got[k] = b.sink.n;
		assert_in_range(b.cls.dropped, 880, 1120); /* 1000, standard deviation 31 */
		bench_fini(&b);
	}
	assert_int_equal(got[0], got[1]);
	assert_int_not_equal(got[0], got[2]);
}

/* Which of the packets sent at these moments are lost, as bits; `also` sends others between them, `cut` cuts the link for a while. */
static uint64_t fates(uint64_t seed, bool also, bool cut)
{
	struct bench b;
	uint64_t lost = 0;

	bench_init(&b, &(struct link_params){.delay_ns = MS, .jitter_ns = MS / 2, .loss_ppm = 300000}, seed);
	for (uint32_t i = 0; i < 64; i++) {
		uint64_t before = b.cls.dropped;

		if (cut && i == 20)
			link_class_cut(&b.cls, 0);
		if (cut && i == 30)
			link_class_heal(&b.cls);
		send(&b, i, 100 + i % 3 * 400);
		lost |= (uint64_t)(b.cls.dropped > before) << i;
		world_run(b.w, b.w->now_ns + 5 * MS);
		for (uint32_t k = 0; also && k < i % 4; k++)
			send(&b, 1000, 40);
		world_run(b.w, b.w->now_ns + 5 * MS);
	}
	bench_fini(&b);
	return lost;
}

/* Compared techniques send at the same moments, but not only then: what both send shares its luck. */
static void luck_belongs_to_the_moment(void **state)
{
	uint64_t lost = fates(7, false, false), while_cut = 0x3ff00000;

	(void)state;
	assert_in_range(__builtin_popcountll(lost), 8, 32); /* 19 of 64 expected */
	assert_true(fates(7, true, false) == lost);
	assert_true((fates(7, false, true) & ~while_cut) == (lost & ~while_cut));
	assert_true(fates(8, false, false) != lost);
}

/* Which of 64 packets are lost that go up a line of these draws. */
static uint64_t fates_of(const struct line_kind *like, uint32_t elem)
{
	struct bench b;
	uint64_t lost = 0;

	bench_init(&b, &(struct link_params){.loss_ppm = 300000}, 1);
	b.kind = *like;
	b.kind.cls[LINK_UP] = &b.cls;
	b.kind.far = &b.sink.node;
	line_init(&b.line, &b.kind, NULL, elem);
	for (uint32_t i = 0; i < 64; i++) {
		uint64_t before = b.cls.dropped;

		send(&b, i, 100);
		lost |= (uint64_t)(b.cls.dropped > before) << i;
		world_run(b.w, b.w->now_ns + 5 * MS);
	}
	bench_fini(&b);
	return lost;
}

/* A client's streams are told from its place and the number of its moves; the other direction has others. */
static void lines_of_a_kind_have_streams_of_their_own(void **state)
{
	const struct line_kind kind = {.elem = 10, .draws = {77, 78}},
			       moved = {.elem = 10, .nth = 3, .draws = {77, 78}},
			       alone = {.alone = true, .draws = {rng_at(77, 5 * LINE_STREAMS + 3).state}};

	(void)state;
	assert_true(fates_of(&kind, 14) != fates_of(&kind, 15));
	assert_true(fates_of(&kind, 15) != fates_of(&moved, 15));
	assert_true(fates_of(&moved, 15) == fates_of(&alone, 99));
}

static void a_line_knows_its_ends(void **state)
{
	struct node a = {&sink_ops, 1, 4, 0}, b = {&sink_ops, 2, 5, 0};
	struct link_class up = {0}, down = {0};
	const struct line_kind both = {.cls = {&up, &down}, .far = &b, .far_trace = 6, .port = {7, 8}},
			       one = {.cls = {&up}, .far = &b};
	struct line x;

	(void)state;
	line_init(&x, &both, &a, LINK_ELEM_MAX);
	assert_ptr_equal(link_to(&x.up), &b);
	assert_ptr_equal(link_to(&x.down), &a);
	assert_ptr_equal(link_back(&x.up), &x.down);
	assert_ptr_equal(link_back(&x.down), &x.up);
	assert_ptr_equal(link_class_of(&x.up), &up);
	assert_ptr_equal(link_class_of(&x.down), &down);
	assert_int_equal(link_port(&x.up), 7);
	assert_int_equal(link_port(&x.down), 8);
	assert_int_equal(link_from_trace(&x.up), 4);
	assert_int_equal(link_to_trace(&x.up), 6);
	assert_int_equal(link_from_trace(&x.down), 6);
	assert_int_equal(link_to_trace(&x.down), 4);
	assert_int_equal(x.down.elem, LINK_ELEM_MAX);
	line_init(&x, &one, NULL, 1);
	assert_null(link_back(&x.up));
	assert_int_equal(link_from_trace(&x.up), 0);
}

static void a_cut_kills_what_is_under_way_and_what_comes_until_it_heals(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, &(struct link_params){.delay_ns = 20 * MS}, 1);
	send(&b, 0, 100);
	world_run(b.w, 10 * MS);
	link_class_cut(&b.cls, 0);
	send(&b, 1, 100);
	link_class_heal(&b.cls);
	send(&b, 2, 100);
	world_run(b.w, 100 * MS);
	assert_int_equal(b.sink.n, 1);
	assert_int_equal(b.sink.last, 2);
	assert_int_equal(b.cls.dropped, 2);
	bench_fini(&b);
}

static void named_losses_delays_and_duplicates_hit_exactly_their_packet(void **state)
{
	static const struct link_fault f[] = {
		{1, LINK_FAULT_DROP, 0}, {2, LINK_FAULT_DELAY, 50 * MS}, {4, LINK_FAULT_DUPLICATE, 5 * MS}};
	struct bench b;

	(void)state;
	bench_init(&b, &(struct link_params){.delay_ns = 20 * MS}, 1);
	b.cls.faults = f;
	b.cls.n_faults = 3;
	for (uint32_t i = 0; i < 5; i++)
		send(&b, i, 100);
	world_run(b.w, 1000 * MS);
	assert_int_equal(b.sink.n, 5); /* 0, 3, 4, 4, 2 */
	assert_int_equal(b.sink.last, 2);
	assert_int_equal(b.sink.at[3], 25 * MS);
	assert_int_equal(b.sink.at[4], 70 * MS);
	bench_fini(&b);
}

static void a_world_that_ends_early_releases_what_is_in_flight(void **state)
{
	struct bench b;
	struct slice s;

	(void)state;
	bench_init(&b, &(struct link_params){.delay_ns = 20 * MS}, 1);
	for (uint32_t i = 0; i < 10; i++) {
		struct pkt *p = pkt_new(b.net);

		for (int k = 0; k < 20; k++)
			pkt_add(b.net, p, slice_of(blob_new(&alloc_libc, BYTES_LIT("abc"))));
		assert_int_equal(p->payload_len, 60);
		assert_true(pkt_slice(p, 19, &s));
		assert_false(pkt_slice(p, 20, &s));
		pkt_finish(p);
		assert_int_equal(p->wire_bytes, 100);
		link_send(b.w, &b.line.up, p);
	}
	world_run(b.w, 10 * MS);
	assert_int_equal(b.net->in_flight, 10);
	world_free(b.w); /* asserts that every pool is empty; sanitizers see the blobs */
}

static void routers_take_the_longest_prefix_and_count_down(void **state)
{
	struct bench b;
	struct router *r;
	struct sink other = {0};
	struct line elsewhere;
	struct line_kind kind;

	(void)state;
	bench_init(&b, &(struct link_params){0}, 1);
	other.node = (struct node){&sink_ops, world_elem_add(b.w, "other", 1), 0, 0};
	one_way(&elsewhere, &kind, &b.cls, world_elem_add(b.w, "link2", 1), &other.node, rng_named(1, "x"));
	r = router_new(b.w, "core", 0);
	router_add(r, 0, 0, &elsewhere.up);
	router_add(r, 0x0a000000, 0xff000000, &b.line.up);
	for (uint32_t i = 0; i < 100; i++)
		router_add(r, 0x0a010000 + i, UINT32_MAX, i & 1 ? &elsewhere.up : &b.line.up);
	static const struct {
		uint32_t dst;
		bool other;
	} cases[] = {{0x0a010001, true}, {0x0a010002, false}, {0x0a020001, false}, {0xc0a80001, true},
		{0x0a010063, true}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct pkt *p = pkt_new(b.net);
		uint32_t n = other.n;

		p->dst = cases[i].dst;
		pkt_finish(p);
		r->node.ops->on_pkt(b.w, &r->node, 0, p);
		world_run(b.w, b.w->now_ns + MS);
		assert_int_equal(other.n - n, cases[i].other);
	}
	assert_int_equal(other.ttl, 63);
	router_del(r, &elsewhere.up);
	struct pkt *p = pkt_new(b.net);

	p->dst = 0x0a010001; /* the host route is gone, the prefix is not */
	p->ttl = 2;
	pkt_finish(p);
	uint32_t n = b.sink.n;
	r->node.ops->on_pkt(b.w, &r->node, 0, p);
	world_run(b.w, b.w->now_ns + MS);
	assert_int_equal(b.sink.n, n + 1);
	p = pkt_new(b.net);
	p->dst = 0x0a010001;
	p->ttl = 1;
	pkt_finish(p);
	r->node.ops->on_pkt(b.w, &r->node, 0, p);
	world_run(b.w, b.w->now_ns + MS);
	assert_int_equal(b.sink.n, n + 1);
	bench_fini(&b);
}

/* ---- worlds -------------------------------------------------------------------------------------------------- */

struct ring {
	struct timer t;
	uint32_t n;
	int64_t at[8];
};

static void rings(struct world *w, struct timer *t)
{
	struct ring *r = container_of(t, struct ring, t);

	r->at[r->n++ & 7] = w->now_ns;
}

static void lazy_timers_ring_once_at_their_last_deadline(void **state)
{
	struct world *w = world_new(1, 0);
	struct ring r = {0};

	(void)state;
	timer_init(&r.t, 1, rings);
	timer_set(w, &r.t, 10 * MS);
	for (int i = 0; i < 1000; i++)
		timer_set(w, &r.t, (11 + i) * MS); /* later: no event */
	assert_int_equal(w->queue.count, 1);
	timer_set(w, &r.t, 5 * MS); /* earlier: a second event */
	assert_int_equal(w->queue.count, 2);
	world_run(w, 2000 * MS);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.at[0], 5 * MS);
	timer_set(w, &r.t, 3000 * MS);
	timer_stop(&r.t);
	world_run(w, 4000 * MS);
	assert_int_equal(r.n, 1);
	timer_set(w, &r.t, 1); /* the past is now */
	world_run(w, 4000 * MS);
	assert_int_equal(r.n, 2);
	assert_int_equal(r.at[1], 4000 * MS);
	world_free(w);
}

struct moved {
	int64_t due_ns, armed_ns, at_ns;
	uint32_t place, rang, nothing;
};

static void on_moved(struct world *w, const struct ev *e)
{
	struct moved *m = e->obj;

	if (!lazy_fired(e, &m->armed_ns) || m->due_ns > w->now_ns) {
		m->nothing++;
		world_nothing(w);
		lazy_move(w, &m->armed_ns, &m->place, m->due_ns, EV_TIMER, 1, m);
		return;
	}
	m->rang++;
	m->at_ns = w->now_ns;
	m->due_ns = TIME_NEVER;
}

static void move(struct world *w, struct moved *m, int64_t due_ns)
{
	m->due_ns = due_ns;
	lazy_move(w, &m->armed_ns, &m->place, due_ns, EV_TIMER, 1, m);
}

/* A little later: the pending event stays and finds out. Much later, earlier or never: it is taken back. */
static void a_timer_that_moves_far_is_taken_back(void **state)
{
	struct world *w = world_new(1, 0);
	struct moved m = {.due_ns = TIME_NEVER, .armed_ns = TIME_NEVER};

	(void)state;
	world_handle(w, EV_TIMER, on_moved, NULL);
	move(w, &m, 400 * MS);
	move(w, &m, 600 * MS);
	assert_int_equal(m.armed_ns, 400 * MS);
	world_run(w, 500 * MS);
	assert_int_equal(m.nothing, 1);
	assert_int_equal(m.armed_ns, 600 * MS);
	move(w, &m, 900 * MS); /* the event would fire after a quarter of that */
	assert_int_equal(m.armed_ns, 900 * MS);
	move(w, &m, 700 * MS);
	assert_int_equal(m.armed_ns, 700 * MS);
	move(w, &m, TIME_NEVER);
	assert_int_equal(m.armed_ns, TIME_NEVER);
	assert_int_equal(w->queue.count, 0);
	move(w, &m, 800 * MS);
	world_run(w, 5000 * MS);
	assert_int_equal(m.nothing, 1);
	assert_int_equal(m.rang, 1);
	assert_int_equal(m.at_ns, 800 * MS);
	assert_int_equal(w->events, 1);
	world_free(w);
}

static void fingerprints_tell_worlds_apart_and_repeat(void **state)
{
	uint64_t fp[4];

	(void)state;
	for (int k = 0; k < 4; k++) {
		struct bench b;

		bench_init(&b, &(struct link_params){.delay_ns = 20 * MS, .jitter_ns = MS}, k == 2 ? 2 : 1);
		for (uint32_t i = 0; i < 100; i++)
			send(&b, i, 100);
		world_run(b.w, 100 * MS);
		if (k == 3)
			world_delivered(b.w, 1, 1);
		fp[k] = b.w->fingerprint;
		bench_fini(&b);
	}
	assert_true(fp[0] == fp[1]);
	assert_true(fp[0] != fp[2]);
	assert_true(fp[0] != fp[3]);
}

static void elements_have_names(void **state)
{
	struct world *w = world_new(1, 0);
	char t[32];
	uint32_t i;

	(void)state;
	assert_int_equal(world_elem_add(w, "nat", 1), 1);
	assert_int_equal(world_elem_add(w, "phones", 200), 2);
	assert_int_equal(world_elem_add(w, "app", 1), 202);
	assert_string_equal(world_elem_name(w, 1, t, sizeof t), "nat");
	assert_string_equal(world_elem_name(w, 2, t, sizeof t), "phones/0");
	assert_string_equal(world_elem_name(w, 201, t, sizeof t), "phones/199");
	assert_string_equal(world_elem_name(w, 202, t, sizeof t), "app");
	assert_string_equal(world_elem_name(w, 203, t, sizeof t), "?");
	assert_string_equal(world_elem_group(w, 19, &i), "phones");
	assert_int_equal(i, 17);
	assert_null(world_elem_group(w, 0, &i));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_takes_its_time_on_the_wire_and_then_the_delay),
		cmocka_unit_test(a_full_queue_drops_the_newcomer),
		cmocka_unit_test(jitter_stays_in_its_bounds_and_nobody_is_overtaken),
		cmocka_unit_test(jitter_may_reorder_when_asked),
		cmocka_unit_test(losses_come_at_their_rate_and_are_the_same_for_the_same_seed),
		cmocka_unit_test(luck_belongs_to_the_moment),
		cmocka_unit_test(lines_of_a_kind_have_streams_of_their_own),
		cmocka_unit_test(a_line_knows_its_ends),
		cmocka_unit_test(a_cut_kills_what_is_under_way_and_what_comes_until_it_heals),
		cmocka_unit_test(named_losses_delays_and_duplicates_hit_exactly_their_packet),
		cmocka_unit_test(a_world_that_ends_early_releases_what_is_in_flight),
		cmocka_unit_test(routers_take_the_longest_prefix_and_count_down),
		cmocka_unit_test(lazy_timers_ring_once_at_their_last_deadline),
		cmocka_unit_test(a_timer_that_moves_far_is_taken_back),
		cmocka_unit_test(fingerprints_tell_worlds_apart_and_repeat),
		cmocka_unit_test(elements_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
