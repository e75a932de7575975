/* A packet's octets: decoded again by proto/wire, every field is what the packet says, and the checksums hold. */
#include "proto/wire/wire.h"
#include "sim/net/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

struct bench {
	struct world *w;
	struct net *net;
	struct node a, b;
	struct link_class cls;
	struct line_kind kind;
	struct line line; /* up: from a to b */
};

static const struct node_ops none = {"none", NULL, NULL, false};

static void bench_init(struct bench *x)
{
	x->w = world_new(1, 0);
	x->net = net_new(x->w);
	x->a = (struct node){&none, world_elem_add(x->w, "a", 1), 0, 0};
	x->b = (struct node){&none, world_elem_add(x->w, "b", 1), 0, 0};
	link_class_init(&x->cls, "x", &(struct link_params){0});
	x->kind = (struct line_kind){.cls = {&x->cls, &x->cls}, .far = &x->b, .alone = true};
	line_init(&x->line, &x->kind, &x->a, 3);
}

static struct pkt *filled(struct bench *x, unsigned opts, unsigned sacks, unsigned parts)
{
	struct pkt *p = pkt_new(x->net);

	p->link = &x->line.up;
	p->src = 0x0a000011;
	p->dst = 0xcb007150;
	p->sport = 40112;
	p->dport = 443;
	p->seq = 0xdeadbeef;
	p->ack = 0x01020304;
	p->wnd = 502;
	p->flags = TCP_PSH | TCP_ACK;
	p->opts = (uint8_t)opts;
	p->mss = 1460;
	p->wscale = 7;
	p->tsval = 77;
	p->tsecr = 88;
	p->ttl = 61;
	p->ip_id = 0x1234;
	if (opts & PKT_OPT_SACK) {
		p->sack = pool_get(x->net->sacks);
		p->sack->n = sacks;
		for (uint32_t i = 0; i < sacks; i++) {
			p->sack->block[i].left = 1000 + 200 * i;
			p->sack->block[i].right = 1100 + 200 * i;
		}
	}
	for (unsigned i = 0; i < parts; i++) /* odd lengths: parity matters to the checksum */
		pkt_add(x->net, p, slice_of(blob_new(&alloc_libc, BYTES_LIT("abcde"))));
	pkt_finish(p);
	return p;
}

static void check(struct bench *x, struct pkt *p)
{
	struct buf b;
	struct wire_frame f;
	struct ip_hdr ip;
	struct tcp_hdr h;

	buf_init(&b, &alloc_libc, 1 << 17);
	pkt_render(p, &b);
	assert_false(b.failed);
	assert_int_equal(b.n, 14 + p->wire_bytes);
	assert_int_equal(wire_link_get(WIRE_LINK_ETHERNET, buf_bytes(&b), &f), WIRE_OK);
	assert_int_equal(f.ethertype, WIRE_ETHERTYPE_IPV4);
	assert_int_equal(f.src[0] & 3, 2); /* locally administered, one receiver */
	assert_int_equal(f.src[5], x->a.elem);
	assert_int_equal(f.dst[5], x->b.elem);
	assert_int_equal(ip_get(f.payload, &ip), WIRE_OK);
	assert_true(ip.checksum_ok);
	assert_int_equal(ip.ttl, p->ttl);
	assert_int_equal(ip.id, p->ip_id);
	assert_int_equal(ip.total_len, p->wire_bytes);
	assert_true(ip.dont_fragment);
	assert_true(wire_l4_checksum_ok(ip.proto, &ip.src, &ip.dst, ip.payload));
	assert_int_equal(tcp_get(ip.payload, &h), WIRE_OK);
	assert_int_equal(h.src_port, p->sport);
	assert_int_equal(h.dst_port, p->dport);
	assert_int_equal(h.seq, p->seq);
	assert_int_equal(h.ack, p->ack);
	assert_int_equal(h.window, p->wnd);
	assert_int_equal(h.flags, p->flags);
	assert_int_equal(h.hdr_len, pkt_tcp_header_len(p));
	assert_int_equal(h.has_mss, !!(p->opts & PKT_OPT_MSS));
	assert_int_equal(h.has_ts, !!(p->opts & PKT_OPT_TS));
	if (h.has_ts) {
		assert_int_equal(h.ts_val, p->tsval);
		assert_int_equal(h.ts_ecr, p->tsecr);
	}
	assert_int_equal(h.n_sack, p->sack ? p->sack->n : 0);
	for (unsigned i = 0; i < h.n_sack; i++)
		assert_int_equal(h.sack[i].right, p->sack->block[i].right);
	assert_int_equal(h.payload.n, p->payload_len);
	for (size_t i = 0; i < h.payload.n; i++)
		assert_int_equal(h.payload.p[i], "abcde"[i % 5]);
	buf_fini(&b);
	pkt_free(x->net, p);
}

static void every_mixture_of_options_and_slices_decodes_to_itself(void **state)
{
	struct bench x;

	(void)state;
	bench_init(&x);
	for (unsigned opts = 0; opts < 16; opts++)
		for (unsigned parts = 0; parts < 12; parts++)
			check(&x, filled(&x, opts, 0, parts));
	for (unsigned n = 1; n <= 3; n++)
		check(&x, filled(&x, PKT_OPT_TS | PKT_OPT_SACK, n, n));
	check(&x, filled(&x, PKT_OPT_SACK, 4, 1));
	world_free(x.w);
}

static void words_are_short(void **state)
{
	struct bench x;
	char t[64];
	struct pkt *p;

	(void)state;
	bench_init(&x);
	p = filled(&x, 0, 0, 1);
	assert_string_equal(pkt_words(p, t, sizeof t), "PSH ACK, 5 bytes");
	p->flags = TCP_SYN | TCP_ACK;
	p->payload_len = 0;
	assert_string_equal(pkt_words(p, t, sizeof t), "SYN ACK");
	pkt_words(p, t, 5);
	assert_string_equal(t, "SYN ");
	pkt_free(x.net, p);
	world_free(x.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mixture_of_options_and_slices_decodes_to_itself),
		cmocka_unit_test(words_are_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
