/*
 * Properties of the decoders of HTTP/2, HTTP/3 and what sits on them: however the input is cut, the events are the
 * same; whichever allocation fails, nothing leaks; and random octets do no harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/base/codec.h"
#include "tests/support/alloc_probe.h"
#include "tests/support/transcripts.h"

/* Inputs that reach deep, as hex or as text behind "t:". */
static const struct {
	const char *kind, *input;
} samples[] = {
	{"hpack", "8286844188f1e3c2e5f23a6ba0ab90f4ff"},
	{"hpack", "828684418cf1e3c2e5f23a6ba0ab90f4ff400a637573746f6d2d6b65790c637573746f6d2d76616c7565be3fe1"
		  "1f"},
	{"hpack", "40026161023131be2082100870617373776f726406736563726574c0"},
	{"hpack", "000161811c"},
	{"h2", "00000c040000000000000300000080000400100000000004080000000000000000ff0000080600000000003132333"
	       "43536373800000401"
	       "2500000001000000000f82"},
	{"h2", "000006002900000005017361ff"},
	{"h2_server", "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a00000004000000000000003d01050000000100"
		      "073a6d6574686f6403474554"
		      "00073a736368656d65046874747000053a70617468072f73616d706c65000a3a617574686f726974790673"
		      "2e74657374000008060000000000"
		      "61626364656667680000040800000000000000000100000403000000000100000008000004010000000003"
		      "00000000"},
	{"h2_server", "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a00000c04000000000000030000006400040000"
		      "0001000004010100000001"
		      "828684010000040900000000017f000161"},
	{"h2_server", "474554202f20485454502f312e310d0a"},
	{"h2_client",
		"000000040000000000000000040100000000000001010400000001880000050001000000016865 6c6c6f"},
	{"h2_client", "0000000400000000000000040301000000010000000800000800000000000000"},
	{"qpack", "3fe11fc00f7777772e6578616d706c652e636f6d04810000d1c1"},
	{"qpack", "3fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f7061746803811011"},
	{"h3_request", "01030000d10003686579"},
	{"h3_request", "01030000d1210461626364000068690101 00"},
	{"h3_request", "404104686579"},
	{"h3_uni", "00040407036364070104 0d0109"},
	{"h3_uni", "4054040168656c6c6f"},
	{"capsule", "00036162636843070000002a62796568ae00"},
	{"engineio", "t:4hello\x1e"
		     "2probe\x1e"
		     "bAQIDBA==\x1e"
		     "6"},
	{"engineio", "t:4ok\x1e"
		     "9"},
	{"grpc", "0000000003616263010000000178000000000002"},
	{"grpc", "0200000001"},
	{"resp", "t:*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n:-42\r\n+OK\r\n$-1\r\n"},
	{"resp", "t:>3\r\n$7\r\nmessage\r\n%1\r\n+a\r\n#t\r\n|1\r\n+k\r\n,1.5e3\r\n_\r\n=7\r\ntxt:abc\r\n"},
	{"resp", "t:PING\r\nSUBSCRIBE news\r\n*1\r\n$4\r\nQUIT\r\n"},
	{"resp", "t:$5\r\nhelloX\r\n"},
};

static void read_sample(struct buf *out, const char *s)
{
	if (strncmp(s, "t:", 2) == 0)
		buf_add(out, bytes_str(s + 2));
	else
		assert_true(hex_get(out, bytes_str(s)));
}

static transcript_fn *kind_of(const char *name)
{
	for (const struct transcript_kind *k = transcript_kinds; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k->run;
	fail_msg("no transcript %s", name);
	return NULL;
}

static void every_cut_of_a_sample_gives_the_same_events(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct buf in;
		buf_init(&in, &alloc_libc, SIZE_MAX);
		read_sample(&in, samples[i].input);
		for (size_t cut = 1; cut <= in.n; cut++)
			transcript_check(kind_of(samples[i].kind), buf_bytes(&in), cut);
		buf_fini(&in);
	}
}

static void every_prefix_of_a_sample_is_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct buf in;
		buf_init(&in, &alloc_libc, SIZE_MAX);
		read_sample(&in, samples[i].input);
		for (size_t n = 0; n < in.n; n++)
			transcript_check(kind_of(samples[i].kind), bytes_sub(buf_bytes(&in), 0, n), n / 2);
		buf_fini(&in);
	}
}

static void a_failing_allocation_leaks_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct alloc_probe probe;
		struct buf in, log;
		size_t n = 0;
		buf_init(&in, &alloc_libc, SIZE_MAX);
		read_sample(&in, samples[i].input);
		do {
			buf_init(&log, &alloc_libc, SIZE_MAX);
			alloc_probe_arm(&probe, ++n);
			kind_of(samples[i].kind)(&log, &probe.al, buf_bytes(&in), 3, 5);
			assert_int_equal(probe.live, 0);
			buf_fini(&log);
		} while (probe.failed);
		assert_true(n > 1);
		buf_fini(&in);
	}
}

static uint64_t rnd(uint64_t *s)
{
	uint64_t z = (*s += 0x9e3779b97f4a7c15u);
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* A sample with some octets changed: most of what goes wrong lies near what is right. */
static void damaged_samples_give_the_same_events_under_every_cut(void **state)
{
	uint64_t seed = 20;
	(void)state;
	for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
		struct buf in;
		buf_init(&in, &alloc_libc, SIZE_MAX);
		read_sample(&in, samples[i].input);
		for (int round = 0; round < 300; round++) {
			uint8_t copy[1024];
			assert_true(in.n < sizeof copy);
			memcpy(copy, in.p, in.n);
			for (uint64_t k = rnd(&seed) % 4; k-- > 0;)
				copy[rnd(&seed) % in.n] = (uint8_t)rnd(&seed);
			transcript_check(
				kind_of(samples[i].kind), (struct bytes){copy, in.n}, 1 + rnd(&seed) % in.n);
		}
		buf_fini(&in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_of_a_sample_gives_the_same_events),
		cmocka_unit_test(every_prefix_of_a_sample_is_survived),
		cmocka_unit_test(a_failing_allocation_leaks_nothing),
		cmocka_unit_test(damaged_samples_give_the_same_events_under_every_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
