/*
 * Tests of the dissectors: trees as text, the tables they are made from, the walk and the search, hostile octets.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "proto/dissect/dissect.h"
#include "tests/support/codec_kit.h"

static void tree_is(const char *proto, struct bytes in, const char *want)
{
	struct guarded g = guarded_new(in);
	struct counting c;
	struct dx_tree t;
	struct buf out;
	counting_init(&c, 0, false);
	dx_tree_init(&t, &c.al);
	buf_init(&out, &alloc_libc, SIZE_MAX);
	assert_non_null(dx_proto_find(proto));
	assert_true(dx_dissect(&t, dx_proto_find(proto), g.b, NULL));
	dx_put_text(&out, &t);
	if (!bytes_eq_str(buf_bytes(&out), want))
		fail_msg("expected\n%s\ngot\n%.*s", want, (int)out.n, (const char *)out.p);
	buf_fini(&out);
	dx_tree_fini(&t);
	assert_int_equal(c.live, 0);
	guarded_free(&g);
}

static void a_masked_text_frame(void **state)
{
	(void)state;
	tree_is("ws", BYTES_LIT("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"),
		"0-10       Octets\n"
		"  0-10       WebSocket frame\n"
		"    0:0        FIN: 1 (final)\n"
		"    0:1        RSV1: 0\n"
		"    0:2        RSV2: 0\n"
		"    0:3        RSV3: 0\n"
		"    0:4-7      Opcode: 1 (text)\n"
		"    1:0        MASK: 1 (masked)\n"
		"    1:1-7      Payload length: 5\n"
		"    2-5        Masking key: 37fa213d\n"
		"    6-10       Payload: 7f9f4d5158\n"
		"      in source 1, unmasked payload, 5 octets:\n"
		"      0-4        Unmasked payload: 48656c6c6f\n"
		"        0-4        Text: \"Hello\"\n");
}

static void an_illegal_header_is_shown_with_the_rule_it_breaks(void **state)
{
	(void)state;
	tree_is("ws", BYTES_LIT("\x89\x7e"),
		"0-1        Octets\n"
		"  0-1        WebSocket frame  ! a control frame has more than 125 octets of payload (RFC "
		"6455 5.5), known after octet 2: "
		"close 1002\n"
		"    0:0        FIN: 1 (final)\n"
		"    0:1        RSV1: 0\n"
		"    0:2        RSV2: 0\n"
		"    0:3        RSV3: 0\n"
		"    0:4-7      Opcode: 9 (ping)\n"
		"    1:0        MASK: 0 (not masked)\n"
		"    1:1-7      Payload length: 126 (16 bits follow)\n");
}

static void a_chunked_event_stream(void **state)
{
	(void)state;
	tree_is("http1",
		BYTES_LIT("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
			  "chunked\r\n\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n"),
		"0-98       Octets\n"
		"  0-98       HTTP message\n"
		"    0-14       Status line\n"
		"      0-7        Version: \"HTTP/1.1\"\n"
		"      9-11       Status code: 200 (OK)\n"
		"      13-14      Reason phrase: \"OK\"\n"
		"    17-77      Header\n"
		"      17-47      Field\n"
		"        17-28      Name: \"Content-Type\"\n"
		"        31-47      Value: \"text/event-stream\"\n"
		"      50-75      Field\n"
		"        50-66      Name: \"Transfer-Encoding\"\n"
		"        69-75      Value: \"chunked\"\n"
		"    78-79      End of header: \"\\r\\n\"\n"
		"    -          Body framing: 2 (chunked)\n"
		"    -          Connection: 1 (persists)\n"
		"    80-93      Chunk\n"
		"      80         Chunk size: 9\n"
		"      83-91      Chunk data: 646174613a20780a0a\n"
		"    94-96      Chunk\n"
		"      94         Chunk size: 0\n"
		"    97-98      End of header: \"\\r\\n\"\n"
		"    in source 1, body without chunking, 9 octets:\n"
		"    0-8        Body without chunking: 646174613a20780a0a\n"
		"      0-8        Event\n"
		"        0-7        data\n"
		"          0-3        Field name: \"data\"\n"
		"          6          Field value: \"x\"\n"
		"        8          empty line\n"
		"        in source 2, dispatched type, 7 octets:\n"
		"        -          Dispatched type: \"message\"\n"
		"        in source 3, dispatched data, 1 octets:\n"
		"        -          Dispatched data: \"x\"\n");
}

static void a_syn_in_ipv4(void **state)
{
	(void)state;
	struct buf b;
	buf_init(&b, &alloc_libc, 200);
	assert_true(hex_get(&b, BYTES_LIT("4500002c000140004006 26c9 0a000001 0a000002 9c400050 00000001 "
					  "00000000 6002 faf0 0000 0000 "
					  "020405b4")));
	tree_is("ip", buf_bytes(&b),
		"0-43       Octets\n"
		"  0-43       IPv4 datagram\n"
		"    0:0-3      Version: 4\n"
		"    0:4-7      Header length: 5\n"
		"    1:0-5      Differentiated services: 0\n"
		"    1:6-7      Congestion notification: 0 (not ECN-capable)\n"
		"    2-3        Total length: 44\n"
		"    4-5        Identification: 0x0001\n"
		"    6:0        Reserved bit: 0\n"
		"    6:1        Don't fragment: 1\n"
		"    6:2        More fragments: 0\n"
		"    6:3-7:7    Fragment offset: 0\n"
		"    8          Time to live: 64\n"
		"    9          Protocol: 6 (TCP)\n"
		"    10-11      Header checksum: 0x26c9\n"
		"    12-15      Source address: 10.0.0.1\n"
		"    16-19      Destination address: 10.0.0.2\n"
		"    20-43      TCP segment\n"
		"      20-21      Source port: 40000\n"
		"      22-23      Destination port: 80\n"
		"      24-27      Sequence number: 1\n"
		"      28-31      Acknowledgment number: 0\n"
		"      32:0-3     Data offset: 6\n"
		"      32:4-6     Reserved: 0\n"
		"      32:7       AE: 0\n"
		"      33:0       CWR: 0\n"
		"      33:1       ECE: 0\n"
		"      33:2       URG: 0\n"
		"      33:3       ACK: 0\n"
		"      33:4       PSH: 0\n"
		"      33:5       RST: 0\n"
		"      33:6       SYN: 1\n"
		"      33:7       FIN: 0\n"
		"      34-35      Window: 64240\n"
		"      36-37      Checksum: 0x0000  ! the checksum does not fit the segment (or was left to "
		"the network card)\n"
		"      38-39      Urgent pointer: 0\n"
		"      40-43      Option\n"
		"        40         Kind: 2 (maximum segment size)\n"
		"        41         Length: 4\n"
		"        42-43      Maximum segment size: 1460\n");
	buf_fini(&b);
}

static void every_field_has_a_name_of_its_own_a_sentence_and_a_source(void **state)
{
	(void)state;
	size_t protos = 0, fields = 0;
	for (; dx_protos[protos] != NULL; protos++) {
		const struct dx_proto *p = dx_protos[protos];
		assert_ptr_equal(dx_proto_find(p->name), p);
		for (uint32_t i = 0; i < p->n_fields; i++, fields++) {
			const struct dx_field *f = &p->fields[i];
			const struct dx_proto *owner = NULL;
			if (f->abbrev == NULL || f->title == NULL || f->help == NULL || f->ref == NULL)
				fail_msg("%s: field %u lacks something", p->name, (unsigned)i);
			if (dx_field_find(f->abbrev, &owner) != f || owner != p)
				fail_msg("%s: %s is not the only one of its name", p->name, f->abbrev);
			size_t n = strlen(f->help);
			if (n < 10 || f->help[n - 1] != '.')
				fail_msg("%s: the help is no sentence: %s", f->abbrev, f->help);
			for (const struct dx_name *w = f->names; w != NULL && w->name != NULL; w++)
				if (w->help != NULL && w->help[strlen(w->help) - 1] != '.')
					fail_msg("%s: the help of %s is no sentence", f->abbrev, w->name);
		}
	}
	assert_true(protos >= 7 && fields > 100);
	assert_null(dx_proto_find("gopher"));
}

/* Where the table gives a width, every field ever found has it. */
static void check_widths(const struct dx_tree *t, const char *file)
{
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		const struct dx_node *n = &t->nodes[i];
		uint64_t bits = n->bit_len, table = n->field->bits;
		if (table == DX_VARIES || n->flags & (DX_CUT | DX_DERIVED))
			continue;
		bool fits = table == DX_VARINT ? bits == 8 || bits == 16 || bits == 32 || bits == 64
					       : bits == table;
		if (!fits)
			fail_msg("%s: %s is %llu bits wide, the table says %llu", file, n->field->abbrev,
				(unsigned long long)bits, (unsigned long long)table);
	}
}

static size_t check_seed(const char *path, const struct dx_proto *p)
{
	uint8_t octets[4096];
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(octets, 1, sizeof octets, f);
	fclose(f);
	for (int from = 0; from < 3; from++) {
		struct dx_tree t;
		dx_tree_init(&t, &alloc_libc);
		struct dx_hints h = {.direction_known = from > 0, .to_server = from == 2};
		assert_true(dx_dissect(&t, p, (struct bytes){octets, n}, &h));
		check_widths(&t, path);
		dx_tree_fini(&t);
	}
	return 1;
}

static void every_field_is_as_wide_as_its_table_says(void **state)
{
	(void)state;
	size_t seeds = 0;
	for (size_t i = 0; dx_protos[i] != NULL; i++) {
		char folder[128], path[512];
		snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", dx_protos[i]->name);
		DIR *d = opendir(folder);
		for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
			if (e->d_name[0] != '.') {
				snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
				seeds += check_seed(path, dx_protos[i]);
			}
		if (d != NULL)
			closedir(d);
	}
	assert_true(seeds > 300);
}

static void a_bit_leads_to_the_deepest_field(void **state)
{
	(void)state;
	struct dx_tree t;
	dx_tree_init(&t, &alloc_libc);
	assert_true(dx_dissect(&t, &dx_ws, BYTES_LIT("\x81\x02hi"), NULL));
	static const struct {
		unsigned bit;
		const char *field;
	} cases[] = {{0, "ws.fin"}, {4, "ws.opcode"}, {7, "ws.opcode"}, {8, "ws.mask"}, {15, "ws.len"},
		{16, "ws.text"}, {31, "ws.text"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_string_equal(t.nodes[dx_at_bit(&t, 0, cases[i].bit)].field->abbrev, cases[i].field);
	assert_int_equal(dx_at_bit(&t, 0, 32), DX_NONE);
	dx_tree_fini(&t);
}

static void what_was_cut_is_marked_and_nothing_behind_it_is_read(void **state)
{
	(void)state;
	static const char frame[] =
		"\x02\x02\x02\x02\x02\x02\x04\x04\x04\x04\x04\x04\x81\x00\x20\x05\x08\x00"
		"\x45\x00\x00\x3b\x00\x01\x40\x00\x40\x06\x26\xbb\x0a\x00\x00\x01\x0a\x00\x00\x02"
		"\x9c\x40\x00\x50\x00\x00\x00\x01\x00\x00\x00\x00\x50\x18\xfa\xf0\x00\x00\x00\x00"
		"GET / HTTP/1.1\r\n\r\n";
	static const char *const protos[] = {"eth", "ip", "tcp", "udp", "http1", "sse", "ws"};
	for (size_t n = 0; n < sizeof frame; n++)
		for (size_t p = 0; p < 7; p++)
			for (size_t from = 0; from <= n; from += 7) {
				struct guarded g =
					guarded_new((struct bytes){(const uint8_t *)frame + from, n - from});
				struct dx_tree t;
				struct buf out;
				dx_tree_init(&t, &alloc_libc);
				buf_init(&out, &alloc_libc, SIZE_MAX);
				assert_true(dx_dissect(&t, dx_proto_find(protos[p]), g.b, NULL));
				dx_put_text(&out, &t);
				for (uint32_t i = 0; i < t.n_nodes; i++)
					assert_true(t.nodes[i].bit_off + t.nodes[i].bit_len <=
						    (uint64_t)t.sources[t.nodes[i].source].data.n * 8);
				buf_fini(&out);
				dx_tree_fini(&t);
				guarded_free(&g);
			}
}

static void running_out_of_memory_is_told(void **state)
{
	(void)state;
	struct bytes in =
		BYTES_LIT("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: "
			  "chunked\r\n\r\n9\r\ndata: x\n\n\r\n0\r\n\r\n");
	unsigned fail_at = 1, calls;
	do {
		struct counting c;
		struct dx_tree t;
		counting_init(&c, fail_at, true);
		dx_tree_init(&t, &c.al);
		dx_dissect(&t, &dx_http1, in, NULL);
		calls = c.calls;
		dx_tree_fini(&t);
		assert_int_equal(c.live, 0);
		fail_at++;
	} while (fail_at <= calls + 1);
	assert_true(fail_at > 5);
}

static void json_is_sound(void **state)
{
	(void)state;
	struct dx_tree t;
	struct buf out;
	dx_tree_init(&t, &alloc_libc);
	buf_init(&out, &alloc_libc, SIZE_MAX);
	assert_true(dx_dissect(&t, &dx_ws, BYTES_LIT("\x81\x03\"\\\x01"), NULL));
	dx_put_json(&out, &t, &dx_ws);
	buf_u8(&out, 0);
	const char *s = (const char *)out.p;
	assert_non_null(strstr(s,
		"\"field\":\"ws.opcode\",\"title\":\"Opcode\",\"source\":0,\"off\":0,\"len\":1,\"bit_off\":4,"
		"\"bit_len\":4,\"value\":1,"
		"\"name\":\"text\",\"meaning\":\"A message of UTF-8 text.\",\"ref\":\"RFC 6455 5.2\""));
	assert_non_null(strstr(s, "\"value\":\"\\\"\\\\\\u0001\""));
	int depth = 0;
	for (bool in_string = false; *s; s++) {
		if (*s == '\\')
			s++;
		else if (*s == '"')
			in_string = !in_string;
		else if (!in_string)
			depth += (*s == '{' || *s == '[') - (*s == '}' || *s == ']');
	}
	assert_int_equal(depth, 0);
	buf_fini(&out);
	dx_tree_fini(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_masked_text_frame),
		cmocka_unit_test(an_illegal_header_is_shown_with_the_rule_it_breaks),
		cmocka_unit_test(a_chunked_event_stream),
		cmocka_unit_test(a_syn_in_ipv4),
		cmocka_unit_test(every_field_has_a_name_of_its_own_a_sentence_and_a_source),
		cmocka_unit_test(every_field_is_as_wide_as_its_table_says),
		cmocka_unit_test(a_bit_leads_to_the_deepest_field),
		cmocka_unit_test(what_was_cut_is_marked_and_nothing_behind_it_is_read),
		cmocka_unit_test(running_out_of_memory_is_told),
		cmocka_unit_test(json_is_sound),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
