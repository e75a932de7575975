/*
 * The NAT between two TCP ends: what each expiry mode does to either side's next packet (parameters NAT-21, NAT-23,
 * NAT-30, NAT-31), ports, limits, and the records that explain it.
 */
#include "sim/net/nat.h"
#include "tests/support/tcp_pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define MS NS_PER_MS
#define S NS_PER_S

static const struct link_params way = {.delay_ns = 10 * MS};

/* left ──▶ NAT ──▶ right, and back */
struct bench {
	struct tcp_pair p;
	struct nat *nat;
	struct line_kind kind;
	struct line outside; /* up: to the right */
	struct trace *tr;
};

static void bench_init(struct bench *b, enum nat_expiry mode, int64_t idle_ns)
{
	struct tcp_pair *p = &b->p;

	tcp_pair_init(p, 1, &way, &way);
	b->tr = trace_new(&(struct trace_opts){0});
	trace_keep_all(b->tr);
	p->w->trace = b->tr;
	uint16_t left = trace_add_node(b->tr, &(struct trace_node){.name = trace_str(b->tr, "phone")});
	uint16_t box = trace_add_node(b->tr, &(struct trace_node){.name = trace_str(b->tr, "home-nat"),
						     .param = trace_str(b->tr, "boxes.home-nat")});
	uint16_t right = trace_add_node(b->tr, &(struct trace_node){.name = trace_str(b->tr, "app")});

	b->nat = nat_new(p->w, "home-nat", box, 0xc6336401, 1,
		&(struct nat_params){.idle_timeout_ns = idle_ns, .on_expiry = mode});
	p->left.node.trace_node = left;
	p->right.node.trace_node = right;
	p->kind.far = nat_node(b->nat);
	p->kind.far_trace = box;
	p->kind.port[LINK_UP] = 1;
	b->kind = (struct line_kind){.cls = {&p->up, &p->down},
		.far = &p->right.node,
		.far_trace = right,
		.port = {0, NAT_PORT_OUTSIDE},
		.alone = true};
	line_init(&b->outside, &b->kind, nat_node(b->nat), 102);
	nat_set_outside(b->nat, &b->outside.up);
	p->right.out = &b->outside.down;
	tcp_init(&p->left.c, &p->lcfg, (struct tcp_addr){0xc0a80111, 0xcb007150, 40000, 80});
	tcp_init(&p->right.c, &p->rcfg, (struct tcp_addr){0xcb007150, 0xc6336401, 80, 40000});
	tcp_trace(&p->left.c, &(struct tcp_tag){.trace_conn = 1, .node = left, .peer = right}, 1, true);
	tcp_trace(&p->right.c, &(struct tcp_tag){.trace_conn = 1, .node = right, .peer = left}, 1, true);
	tcp_listen(p->t, &p->right.c, 0);
	tcp_open(p->t, &p->left.c, 0);
	tcp_end_pump(&p->left);
	tcp_pair_run(p, S);
	assert_true(p->left.established && p->right.established);
	tcp_end_write(&p->left, 0, 100);
	tcp_pair_run(p, 2 * S);
	assert_true(tcp_end_got(&p->right, 100));
}

static void bench_fini(struct bench *b)
{
	tcp_pair_fini(&b->p);
	trace_free(b->tr);
}

static const struct trace_rec *last_of(const struct bench *b, enum trace_kind k, enum trace_reason why)
{
	for (uint64_t i = b->tr->nrec; i > 0; i--) {
		const struct trace_rec *r = trace_get(b->tr, i);

		if (r->kind == k && r->reason == why)
			return r;
	}
	return NULL;
}

static void traffic_keeps_a_mapping_alive(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, NAT_EXPIRY_DROP, 30 * S);
	for (uint32_t i = 1; i <= 10; i++) {
		tcp_end_write(&b.p.right, (i - 1) * 10, 10);
		tcp_pair_run(&b.p, b.p.w->now_ns + 29 * S);
		assert_int_equal(b.p.left.got.n, i * 10);
	}
	assert_int_equal(nat_counters(b.nat).forgotten, 0);
	assert_int_equal(nat_counters(b.nat).made, 1);
	bench_fini(&b);
}

/* Silence for longer than the timeout, then the server pushes. */
static void push_after_silence(struct bench *b, enum nat_expiry mode)
{
	bench_init(b, mode, 30 * S);
	tcp_pair_run(&b->p, 60 * S);
	tcp_end_write(&b->p.right, 0, 50);
	tcp_pair_run(&b->p, 120 * S);
	assert_int_equal(b->p.left.got.n, 0);
	assert_false(b->p.left.reset || b->p.left.eof || b->p.left.timeout); /* the client hears nothing */
	assert_int_equal(b->p.left.c.state, TCP_ESTABLISHED);
}

static void drop_swallows_a_push_without_a_word(void **state)
{
	struct bench b;
	char t[256];

	(void)state;
	push_after_silence(&b, NAT_EXPIRY_DROP);
	assert_false(b.p.right.reset);
	assert_true(b.p.right.c.busy->backoff > 5);
	const struct trace_rec *drop = last_of(&b, TRACE_PKT_DROP, REASON_NAT_NO_MAPPING);
	const struct trace_rec *death = last_of(&b, TRACE_NAT_FORGET, REASON_NAT_IDLE);

	assert_non_null(drop);
	assert_non_null(death);
	/* the last packet crossed at 1 s + 20 ms + the way through; it died 30 s later, to the nanosecond */
	assert_int_equal(death->at, 1020 * MS + 10 * MS + 30 * S);
	assert_int_equal(drop->b, 30 * S);
	assert_int_equal(drop->at - drop->a, death->at);
	trace_reason_param(b.tr, drop, t, sizeof t);
	assert_string_equal(t, "boxes.home-nat.idle_timeout");
	/* the server gives up in the end (NAT-42), the client never learns (NAT-40) */
	tcp_pair_run(&b.p, 1200 * S);
	assert_true(b.p.right.timeout);
	assert_int_equal(b.p.right.reason, REASON_TCP_RETRIES);
	assert_in_range(b.p.right.ended_ns, 60 * S + 924600 * MS, 60 * S + 1045 * S);
	tcp_pair_run(&b.p, 100000 * S);
	assert_int_equal(b.p.left.c.state, TCP_ESTABLISHED);
	bench_fini(&b);
}

static void linux_answers_a_push_with_a_reset_that_the_client_never_sees(void **state)
{
	struct bench b;

	(void)state;
	push_after_silence(&b, NAT_EXPIRY_LINUX_LOOSE);
	assert_true(b.p.right.reset);
	assert_int_equal(b.p.right.ended_ns, 60 * S + 20 * MS);
	assert_int_equal(nat_counters(b.nat).resets, 1);
	bench_fini(&b);
}

static void linux_takes_a_client_up_again_on_the_same_port(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, NAT_EXPIRY_LINUX_LOOSE, 30 * S);
	tcp_pair_run(&b.p, 60 * S);
	tcp_end_write(&b.p.left, 100, 50);
	tcp_pair_run(&b.p, 61 * S);
	assert_true(tcp_end_got(&b.p.right, 150));
	tcp_end_write(&b.p.right, 0, 50);
	tcp_pair_run(&b.p, 62 * S);
	assert_true(tcp_end_got(&b.p.left, 50));
	assert_int_equal(nat_counters(b.nat).remade, 1);
	bench_fini(&b);
}

static void drop_swallows_the_client_too_until_it_opens_anew(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, NAT_EXPIRY_DROP, 30 * S);
	tcp_pair_run(&b.p, 60 * S);
	tcp_end_write(&b.p.left, 100, 50);
	tcp_pair_run(&b.p, 65 * S);
	assert_int_equal(b.p.right.got.n, 100);
	assert_non_null(last_of(&b, TRACE_PKT_DROP, REASON_NAT_STRICT_TCP));
	tcp_fini(b.p.t, &b.p.left.c);
	tcp_fini(b.p.t, &b.p.right.c);
	tcp_init(&b.p.left.c, &b.p.lcfg, (struct tcp_addr){0xc0a80111, 0xcb007150, 40000, 80});
	tcp_init(&b.p.right.c, &b.p.rcfg, (struct tcp_addr){0xcb007150, 0xc6336401, 80, 40000});
	b.p.left.established = false;
	tcp_listen(b.p.t, &b.p.right.c, b.p.w->now_ns);
	tcp_open(b.p.t, &b.p.left.c, b.p.w->now_ns);
	tcp_end_pump(&b.p.left);
	tcp_pair_run(&b.p, 66 * S);
	assert_true(b.p.left.established);
	bench_fini(&b);
}

static void reset_inside_tells_the_client_at_its_next_packet_and_the_server_nothing(void **state)
{
	struct bench b;

	(void)state;
	push_after_silence(&b, NAT_EXPIRY_RESET_INSIDE);
	assert_false(b.p.right.reset);
	tcp_end_write(&b.p.left, 100, 50);
	tcp_pair_run(&b.p, 121 * S);
	assert_true(b.p.left.reset);
	assert_int_equal(b.p.left.ended_ns, 120 * S + 20 * MS);
	assert_int_equal(b.p.right.got.n, 100);
	assert_non_null(last_of(&b, TRACE_NAT_RESET, REASON_NAT_RESET_INSIDE));
	bench_fini(&b);
}

static void a_restarted_box_has_forgotten_everything(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, NAT_EXPIRY_DROP, 3600 * S);
	nat_clear(b.nat, 0);
	assert_int_equal(nat_counters(b.nat).mappings, 0);
	tcp_end_write(&b.p.right, 0, 50);
	tcp_pair_run(&b.p, 3 * S);
	assert_int_equal(b.p.left.got.n, 0);
	bench_fini(&b);
}

static void a_shorter_timeout_holds_for_old_mappings_at_once(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, NAT_EXPIRY_DROP, 3600 * S);
	tcp_pair_run(&b.p, 20 * S);
	nat_set(b.nat, &(struct nat_params){.idle_timeout_ns = 10 * S, .on_expiry = NAT_EXPIRY_DROP});
	nat_flush(b.nat);
	assert_int_equal(nat_counters(b.nat).mappings, 0);
	bench_fini(&b);
}

/* ---- many hosts, straight packets ---------------------------------------------------------------------------- */

struct sink {
	struct node node;
	uint32_t n;
	uint32_t src;
	uint16_t sport;
	struct pkt last;
};

static void sink_pkt(struct world *w, struct node *n, unsigned port, struct pkt *p)
{
	struct sink *s = (struct sink *)n;

	(void)port;
	s->n++;
	s->src = p->src;
	s->sport = p->sport;
	s->last = *p;
	pkt_free(net_of(w), p);
}

static const struct node_ops sink_ops = {"sink", sink_pkt, NULL, false};

static void colliding_ports_are_moved_and_limits_are_kept(void **state)
{
	struct world *w = world_new(1, 0);
	struct net *net = net_new(w);
	struct link_class cls;
	struct sink in = {.node = {&sink_ops, 1, 0, 0}}, out = {.node = {&sink_ops, 2, 0, 0}};
	struct nat *nat = nat_new(w, "nat", 0, 0xc6336401, 1,
		&(struct nat_params){
			.idle_timeout_ns = 30 * S, .on_expiry = NAT_EXPIRY_DROP, .mappings_max = 100});
	const struct line_kind
		inner = {.cls = {&cls, &cls}, .far = nat_node(nat), .port = {1, 0}, .alone = true},
		outer = {.cls = {&cls, &cls}, .far = &out.node, .port = {0, NAT_PORT_OUTSIDE}, .alone = true};
	struct line inside, outside;
	uint16_t ports[100];

	(void)state;
	link_class_init(&cls, "x", &(struct link_params){.delay_ns = MS});
	line_init(&inside, &inner, &in.node, 3);
	line_init(&outside, &outer, nat_node(nat), 5);
	nat_set_outside(nat, &outside.up);
	for (uint32_t i = 0; i < 110; i++) { /* 110 hosts, all from port 50000 to one server */
		struct pkt *p = pkt_new(net);

		p->src = 0xc0a80001 + i;
		p->sport = 50000;
		p->dst = 0xcb007150;
		p->dport = 443;
		p->flags = TCP_SYN;
		pkt_finish(p);
		link_send(w, &inside.up, p);
		world_run(w, w->now_ns + 5 * MS);
		assert_int_equal(out.n, i < 100 ? i + 1 : 100);
		if (i >= 100)
			continue;
		assert_int_equal(out.src, 0xc6336401);
		for (uint32_t k = 0; k < i; k++)
			assert_int_not_equal(out.sport, ports[k]);
		ports[i] = out.sport;
	}
	assert_int_equal(ports[0], 50000);   /* preserved while free */
	for (uint32_t i = 0; i < 100; i++) { /* each answer finds its own host */
		struct pkt *p = pkt_new(net);

		p->src = 0xcb007150;
		p->sport = 443;
		p->dst = 0xc6336401;
		p->dport = ports[i];
		p->flags = TCP_SYN | TCP_ACK;
		pkt_finish(p);
		link_send(w, &outside.down, p);
		world_run(w, w->now_ns + 5 * MS);
		assert_int_equal(in.n, i + 1);
		assert_int_equal(in.last.dst, 0xc0a80001 + i);
		assert_int_equal(in.last.dport, 50000);
		assert_int_equal(in.last.ttl, 63);
	}
	assert_int_equal(nat_counters(nat).dropped, 10);
	assert_true(nat_counters(nat).bytes / 100 <= 512);
	world_run(w, w->now_ns + 31 * S);
	nat_flush(nat);
	assert_int_equal(nat_counters(nat).forgotten, 100);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(traffic_keeps_a_mapping_alive),
		cmocka_unit_test(drop_swallows_a_push_without_a_word),
		cmocka_unit_test(linux_answers_a_push_with_a_reset_that_the_client_never_sees),
		cmocka_unit_test(linux_takes_a_client_up_again_on_the_same_port),
		cmocka_unit_test(drop_swallows_the_client_too_until_it_opens_anew),
		cmocka_unit_test(reset_inside_tells_the_client_at_its_next_packet_and_the_server_nothing),
		cmocka_unit_test(a_restarted_box_has_forgotten_everything),
		cmocka_unit_test(a_shorter_timeout_holds_for_old_mappings_at_once),
		cmocka_unit_test(colliding_ports_are_moved_and_limits_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
