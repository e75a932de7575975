/*
 * Tests of the wire formats: headers written by hand from the RFCs, checksums against worked examples, what is cut short
 * or contradicts itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proto/wire/wire.h"
#include "tests/support/codec_kit.h"

static struct buf hex(const char *s)
{
	struct buf b;
	buf_init(&b, &alloc_libc, SIZE_MAX);
	assert_true(hex_get(&b, bytes_str(s)));
	return b;
}

static void the_checksum_is_that_of_rfc_1071(void **state)
{
	(void)state;
	/* RFC 1071 3: 00 01 f2 03 f4 f5 f6 f7 sums to ddf2, its complement is 220d. */
	struct buf b = hex("0001f203f4f5f6f7");
	assert_int_equal(wire_sum_fold(wire_sum(0, buf_bytes(&b))), 0x220d);
	uint32_t s = 0;
	for (size_t at = 0; at <= b.n; at++) { /* in two pieces, cut anywhere */
		s = wire_sum_at(0, 0, bytes_sub(buf_bytes(&b), 0, at));
		s = wire_sum_at(s, at, bytes_sub(buf_bytes(&b), at, b.n - at));
		assert_int_equal(wire_sum_fold(s), 0x220d);
	}
	assert_int_equal(
		wire_sum_fold(wire_sum(0, bytes_sub(buf_bytes(&b), 0, 3))), (uint16_t) ~(0x0001 + 0xf200));
	buf_fini(&b);
}

static void an_ipv4_header_is_read_and_written_bit_by_bit(void **state)
{
	(void)state;
	struct buf b = hex("4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7"), out;
	struct ip_hdr h;
	char text[IP_ADDR_TEXT_MAX];
	struct guarded g = guarded_new(buf_bytes(&b));
	assert_int_equal(ip_get(g.b, &h), WIRE_OK);
	assert_true(h.checksum_ok && h.dont_fragment && !h.is_fragment && h.cut);
	assert_int_equal(h.total_len, 115);
	assert_int_equal(h.proto, IP_PROTO_UDP);
	assert_string_equal(ip_addr_text(&h.dst, text), "192.168.0.199");
	buf_init(&out, &alloc_libc, 100);
	assert_true(ip_put(&out, &h, 95));
	assert_true(bytes_eq(buf_bytes(&out), buf_bytes(&b)));
	for (size_t n = 0; n < 20; n++)
		assert_int_equal(ip_get(bytes_sub(g.b, 0, n), &h), WIRE_CUT);
	guarded_free(&g);
	b.p[8] = 63; /* a router that forgot the checksum */
	assert_int_equal(ip_get(buf_bytes(&b), &h), WIRE_OK);
	assert_false(h.checksum_ok);
	b.p[0] = 0x44;
	assert_int_equal(ip_get(buf_bytes(&b), &h), WIRE_BAD);
	b.p[0] = 0x75;
	assert_int_equal(ip_get(buf_bytes(&b), &h), WIRE_OTHER);
	buf_fini(&b);
	buf_fini(&out);
}

static void fragments_are_recognised(void **state)
{
	(void)state;
	struct buf b = hex("4500 001c 1234 2003 4011 0000 c0a8 0001 c0a8 00c7 0102030405060708");
	struct ip_hdr h;
	assert_int_equal(ip_get(buf_bytes(&b), &h), WIRE_OK);
	assert_true(h.is_fragment && h.more_fragments);
	assert_int_equal(h.frag_off, 24);
	assert_int_equal(h.id, 0x1234);
	buf_fini(&b);
}

static void ipv6_extension_headers_are_walked(void **state)
{
	(void)state;
	/* hop-by-hop (8 octets), fragment (offset 0, more), then UDP */
	struct buf b =
		hex("6a500123 0018 00 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
		    "2c00010400000000 11000001deadbeef 0035003500080000");
	struct ip_hdr h;
	char text[IP_ADDR_TEXT_MAX];
	assert_int_equal(ip_get(buf_bytes(&b), &h), WIRE_OK);
	assert_int_equal(h.proto, IP_PROTO_UDP);
	assert_int_equal(h.next, 0);
	assert_int_equal(h.hdr_len, 56);
	assert_int_equal(h.payload.n, 8);
	assert_true(h.is_fragment);
	assert_int_equal(h.frag_id, 0xdeadbeef);
	assert_int_equal(h.dscp, 0x29);
	assert_int_equal(h.ecn, 1);
	assert_int_equal(h.flow, 0x00123);
	assert_string_equal(ip_addr_text(&h.src, text), "2001:db8::1");
	struct buf out;
	buf_init(&out, &alloc_libc, 200);
	assert_true(ip_put(&out, &h, 8));
	buf_add(&out, h.payload);
	assert_true(bytes_eq(buf_bytes(&out), buf_bytes(&b)));
	for (size_t n = 41; n < 56; n++)
		assert_int_equal(ip_get(bytes_sub(buf_bytes(&b), 0, n), &h), WIRE_CUT);
	buf_fini(&out);
	buf_fini(&b);
}

static void addresses_are_written_as_rfc_5952_says(void **state)
{
	(void)state;
	static const struct {
		const char *hex, *text;
	} cases[] = {{"00000000000000000000000000000000", "::"}, {"00000000000000000000000000000001", "::1"},
		{"20010db8000000000001000000000001", "2001:db8::1:0:0:1"},
		{"20010db8000100010001000100010001", "2001:db8:1:1:1:1:1:1"},
		{"20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"},
		{"fe800000000000000000000000000000", "fe80::"},
		{"00010002000300040005000600070000", "1:2:3:4:5:6:7:0"},
		{"20010000000000000000000000000000", "2001::"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = hex(cases[i].hex);
		struct ip_addr a = {.v = 6};
		char text[IP_ADDR_TEXT_MAX];
		memcpy(a.a, b.p, 16);
		assert_string_equal(ip_addr_text(&a, text), cases[i].text);
		buf_fini(&b);
	}
}

static void a_syn_is_laid_out_as_linux_does(void **state)
{
	(void)state;
	struct tcp_hdr h = {.src_port = 40000,
			       .dst_port = 80,
			       .seq = 1,
			       .flags = TCP_SYN,
			       .window = 64240,
			       .has_mss = true,
			       .mss = 1460,
			       .sack_permitted = true,
			       .has_ts = true,
			       .ts_val = 0x01020304,
			       .has_wscale = true,
			       .wscale = 7},
		       again;
	struct ip_addr src = ip_addr4(0x0a000001), dst = ip_addr4(0x0a000002);
	struct buf out;
	buf_init(&out, &alloc_libc, 200);
	assert_int_equal(tcp_put(&out, &h, &src, &dst, NULL, 0), 40);
	assert_int_equal(tcp_put_len(&h), 40);
	struct buf want = hex("020405b4 0402 080a 01020304 00000000 01 030307");
	assert_memory_equal(out.p + 20, want.p, 20);
	assert_true(wire_l4_checksum_ok(IP_PROTO_TCP, &src, &dst, buf_bytes(&out)));
	assert_int_equal(tcp_get(buf_bytes(&out), &again), WIRE_OK);
	assert_true(again.has_mss && again.mss == 1460 && again.sack_permitted && again.wscale == 7 &&
		    again.ts_val == 0x01020304);
	buf_fini(&want);
	buf_fini(&out);
}

static void a_segment_with_sack_and_payload_comes_back(void **state)
{
	(void)state;
	struct tcp_hdr h = {.src_port = 80,
			       .dst_port = 40000,
			       .seq = UINT32_MAX,
			       .ack = 5,
			       .flags = TCP_ACK | TCP_PSH | TCP_AE,
			       .has_ts = true,
			       .ts_val = 9,
			       .ts_ecr = 8,
			       .n_sack = 3},
		       again;
	struct ip_addr src = {.v = 6, .a = {0x20, 1}}, dst = {.v = 6, .a = {0xfe, 0x80}};
	struct bytes parts[] = {BYTES_LIT("odd"), BYTES_LIT("and even"), BYTES_LIT("!")};
	struct buf out;
	for (unsigned i = 0; i < 3; i++) {
		h.sack[i].left = 100 * i;
		h.sack[i].right = 100 * i + 50;
	}
	buf_init(&out, &alloc_libc, 200);
	assert_int_equal(tcp_put(&out, &h, &src, &dst, parts, 3), 20 + 12 + 4 + 24);
	for (unsigned i = 0; i < 3; i++)
		buf_add(&out, parts[i]);
	assert_true(wire_l4_checksum_ok(IP_PROTO_TCP, &src, &dst, buf_bytes(&out)));
	out.p[out.n - 1] ^= 1;
	assert_false(wire_l4_checksum_ok(IP_PROTO_TCP, &src, &dst, buf_bytes(&out)));
	assert_int_equal(tcp_get(buf_bytes(&out), &again), WIRE_OK);
	assert_int_equal(again.n_sack, 3);
	assert_int_equal(again.sack[2].right, 250);
	assert_int_equal(again.flags, h.flags);
	assert_int_equal(again.payload.n, 12);
	h.n_sack = 4; /* four blocks do not fit beside timestamps */
	assert_int_equal(tcp_put_len(&h), 0);
	buf_fini(&out);
}

static void options_that_lie_about_their_length_end_the_walk(void **state)
{
	(void)state;
	static const struct {
		const char *options;
		bool bad, mss;
	} cases[] = {{"020405b4", false, true}, {"01010101", false, false},
		{"02040000 00ffffff", false, true}, {"0206", true, false}, {"02000000", true, false},
		{"0201ffff", true, false}, {"0203aabb", true, false}, {"020405b4 ff08aabb", true, true},
		{"fd0401ff", false, false}, {"05070000000000 01", true, false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf o = hex(cases[i].options),
			   seg = hex("0050 9c40 00000001 00000002 0000 0000 0000 0000");
		struct tcp_hdr h;
		while (o.n % 4 != 0)
			buf_u8(&o, 0xfe);
		seg.p[12] = (uint8_t)((5 + o.n / 4) << 4);
		buf_add(&seg, buf_bytes(&o));
		struct guarded g = guarded_new(buf_bytes(&seg));
		assert_int_equal(tcp_get(g.b, &h), WIRE_OK);
		if (h.options_bad != cases[i].bad || h.has_mss != cases[i].mss)
			fail_msg("options %s", cases[i].options);
		guarded_free(&g);
		buf_fini(&o);
		buf_fini(&seg);
	}
}

static void udp_and_icmp_have_their_checksums(void **state)
{
	(void)state;
	struct ip_addr s4 = ip_addr4(0xc0000201), d4 = ip_addr4(0xc0000202), s6 = {.v = 6, .a = {1}},
		       d6 = {.v = 6, .a = {2}};
	struct buf out;
	struct udp_hdr u;
	buf_init(&out, &alloc_libc, 200);
	udp_put(&out, 1, 2, &s4, &d4, BYTES_LIT("abc"));
	assert_true(wire_l4_checksum_ok(IP_PROTO_UDP, &s4, &d4, buf_bytes(&out)));
	assert_int_equal(udp_get(buf_bytes(&out), &u), WIRE_OK);
	assert_true(u.len == 11 && bytes_eq_str(u.payload, "abc"));
	out.p[6] = out.p[7] = 0; /* none made */
	assert_true(wire_l4_checksum_ok(IP_PROTO_UDP, &s4, &d4, buf_bytes(&out)));
	assert_false(wire_l4_checksum_ok(IP_PROTO_UDP, &s6, &d6, buf_bytes(&out)));
	struct icmp_hdr m = {.type = 8, .rest = 0x00010002, .payload = BYTES_LIT("ping!")}, again;
	out.n = 0;
	icmp_put(&out, &m, &s4, &d4);
	assert_true(wire_l4_checksum_ok(IP_PROTO_ICMP, &s4, &d4, buf_bytes(&out)));
	out.n = 0;
	m.type = 128;
	icmp_put(&out, &m, &s6, &d6);
	assert_true(wire_l4_checksum_ok(IP_PROTO_ICMPV6, &s6, &d6, buf_bytes(&out)));
	assert_int_equal(icmp_get(buf_bytes(&out), &again), WIRE_OK);
	assert_int_equal(again.rest, 0x00010002);
	buf_fini(&out);
}

static void link_headers_lead_to_ip(void **state)
{
	(void)state;
	static const struct {
		enum wire_link link;
		const char *hex;
		enum wire_result r;
		unsigned hdr, vlans;
	} cases[] = {
		{WIRE_LINK_ETHERNET, "ffffffffffff 020202020202 0800 45", WIRE_OK, 14, 0},
		{WIRE_LINK_ETHERNET, "ffffffffffff 020202020202 8100 a005 86dd 60", WIRE_OK, 18, 1},
		{WIRE_LINK_ETHERNET, "ffffffffffff 020202020202 88a8 0001 8100 0002 0800 45", WIRE_OK, 22, 2},
		{WIRE_LINK_ETHERNET, "ffffffffffff 020202020202 0806 00", WIRE_OTHER, 14, 0},
		{WIRE_LINK_ETHERNET, "ffffffffffff 020202020202 0026 42", WIRE_OTHER, 14, 0},
		{WIRE_LINK_ETHERNET, "ffffffffffff 020202020202 8100 a0", WIRE_CUT, 0, 0},
		{WIRE_LINK_ETHERNET, "ffffffffffff 0202020202", WIRE_CUT, 0, 0},
		{WIRE_LINK_SLL, "0000 0304 0006 0000000000000000 0800 45", WIRE_OK, 16, 0},
		{WIRE_LINK_SLL2, "0800 0000 00000001 0304 00 06 0000000000000000 45", WIRE_OK, 20, 0},
		{WIRE_LINK_NULL, "02000000 45", WIRE_OK, 4, 0},
		{WIRE_LINK_LOOP, "0000001c 60", WIRE_OK, 4, 0},
		{WIRE_LINK_NULL, "02030405 45", WIRE_BAD, 0, 0},
		{WIRE_LINK_RAW, "45", WIRE_OK, 0, 0},
		{WIRE_LINK_RAW, "00", WIRE_OTHER, 0, 0},
		{WIRE_LINK_RAW, "", WIRE_CUT, 0, 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = hex(cases[i].hex);
		struct guarded g = guarded_new(buf_bytes(&b));
		struct wire_frame f;
		enum wire_result r = wire_link_get(cases[i].link, g.b, &f);
		if (r != cases[i].r || f.hdr_len != cases[i].hdr ||
			(r != WIRE_CUT && f.n_vlan != cases[i].vlans))
			fail_msg("%s: %d, header %d", cases[i].hex, r, f.hdr_len);
		guarded_free(&g);
		buf_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_is_that_of_rfc_1071),
		cmocka_unit_test(an_ipv4_header_is_read_and_written_bit_by_bit),
		cmocka_unit_test(fragments_are_recognised),
		cmocka_unit_test(ipv6_extension_headers_are_walked),
		cmocka_unit_test(addresses_are_written_as_rfc_5952_says),
		cmocka_unit_test(a_syn_is_laid_out_as_linux_does),
		cmocka_unit_test(a_segment_with_sack_and_payload_comes_back),
		cmocka_unit_test(options_that_lie_about_their_length_end_the_walk),
		cmocka_unit_test(udp_and_icmp_have_their_checksums),
		cmocka_unit_test(link_headers_lead_to_ip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
