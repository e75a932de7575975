/*
 * The file reader: every block type in both byte orders, every kind of damage, and what is said about it.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/capture/cap.h"

static char tmp_path[200];

static const char *write_tmp(const void *p, size_t n)
{
	const char *dir = getenv("TMPDIR");
	snprintf(tmp_path, sizeof tmp_path, "%.120s/test_capture_file.%ld", dir ? dir : "/tmp",
		(long)getpid());
	FILE *f = fopen(tmp_path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
	return tmp_path;
}

static uint8_t *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	uint8_t *p = malloc(1 << 20);
	*n = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

static int teardown(void **state)
{
	(void)state;
	if (*tmp_path)
		remove(tmp_path);
	return 0;
}

/* The description beside a file lists how many blocks of each type it holds. */
static void check_blocks(const char *path)
{
	char txt[300], line[200], why[256] = "";
	struct capture *c = NULL;
	snprintf(txt, sizeof txt, "%.*s.txt", (int)(strlen(path) - 7), path);
	if (capture_open(&c, path, NULL, why, sizeof why) != CAPTURE_OK)
		fail_msg("%s: %s", path, why);
	assert_null(c->file.reader_error);
	FILE *f = fopen(txt, "r");
	assert_non_null(f);
	uint64_t packets = 0, listed = 0;
	while (fgets(line, sizeof line, f)) {
		char name[16];
		unsigned n;
		if (line[0] != '\t' || sscanf(line, " %15[A-Z]: %u", name, &n) != 2)
			continue;
		unsigned k = 0;
		while (k < CAP_BLOCKS && strcmp(cap_block_name((enum cap_block)k), name))
			k++;
		assert_true(k < CAP_BLOCKS);
		if (c->file.blocks[k] != n)
			fail_msg("%s: %u %s expected, %u read", path, n, name, (unsigned)c->file.blocks[k]);
		listed++;
		packets += !strcmp(name, "EPB") || !strcmp(name, "SPB") ? n : 0;
	}
	fclose(f);
	assert_true(listed > 0);
	assert_int_equal(c->npkts, packets);
	capture_free(c);
}

static void every_block_type_is_read_in_both_byte_orders(void **state)
{
	(void)state;
	glob_t g = {0};
	glob("tests/data/captures/pcapng/*.pcapng", 0, NULL, &g);
	assert_true(g.gl_pathc >= 48);
	for (size_t i = 0; i < g.gl_pathc; i++)
		check_blocks(g.gl_pathv[i]);
	globfree(&g);
}

static void both_byte_orders_show_the_same_packets(void **state)
{
	(void)state;
	glob_t g = {0};
	glob("tests/data/captures/pcapng/*-le.pcapng", 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char be[300], why[256];
		struct capture *a = NULL, *b = NULL;
		snprintf(be, sizeof be, "%.*s-be.pcapng", (int)(strlen(g.gl_pathv[i]) - 10), g.gl_pathv[i]);
		assert_int_equal(capture_open(&a, g.gl_pathv[i], NULL, why, sizeof why), CAPTURE_OK);
		assert_int_equal(capture_open(&b, be, NULL, why, sizeof why), CAPTURE_OK);
		assert_int_equal(a->npkts, b->npkts);
		for (uint32_t k = 0; k < a->npkts; k++) {
			assert_int_equal(a->pkt[k].at, b->pkt[k].at);
			assert_int_equal(a->pkt[k].iface, b->pkt[k].iface);
			assert_int_equal(a->pkt[k].wirelen, b->pkt[k].wirelen);
			assert_int_equal(a->pkt[k].caplen, b->pkt[k].caplen);
			assert_memory_equal(
				a->store + a->pkt[k].off, b->store + b->pkt[k].off, a->pkt[k].caplen);
		}
		capture_free(a);
		capture_free(b);
	}
	globfree(&g);
}

/* Cut at every octet: never a crash, never an unfounded packet; cut after the first packet, the rest is used and it is said. */
static void cut_everywhere(const char *path)
{
	size_t n;
	uint8_t *p = slurp(path, &n);
	uint32_t most = 0;
	struct capture *c = NULL;
	char why[256];
	size_t step = n > 2000 ? 13 : 3;
	for (size_t cut = 0; cut < n; cut += step) {
		why[0] = 0;
		enum capture_result r = capture_open(&c, write_tmp(p, cut), NULL, why, sizeof why);
		if (r != CAPTURE_OK) {
			assert_int_equal(r, CAPTURE_INPUT);
			assert_null(c);
			assert_int_equal(most, 0);
			assert_non_null(strstr(why, "byte "));
			continue;
		}
		assert_true(c->npkts >= most);
		most = c->npkts;
		capture_free(c);
	}
	assert_true(most > 0);
	free(p);
}

static void a_pcap_file_may_be_cut_at_any_octet(void **state)
{
	(void)state;
	cut_everywhere("tests/data/captures/17g-truncated-file.pcap");
	cut_everywhere("tests/data/captures/zeek/two-binary-fragments.pcap");
}

static void a_pcapng_file_may_be_cut_at_any_octet(void **state)
{
	(void)state;
	cut_everywhere("tests/data/captures/17g-truncated-file.cut.pcapng");
	cut_everywhere("tests/data/captures/pcapng/test202-be.pcapng");
}

static void refused(const void *p, size_t n, const char *word)
{
	struct capture *c = NULL;
	char why[256] = "";
	enum capture_result r = capture_open(&c, write_tmp(p, n), NULL, why, sizeof why);
	if (r != CAPTURE_INPUT || !strstr(why, word) || !strstr(why, "byte ")) {
		capture_free(c);
		fail_msg("expected a refusal with \"%s\", got %d: %s", word, (int)r, why);
	}
}

static void damage_is_answered_with_the_octet(void **state)
{
	(void)state;
	static const uint8_t shb[] = {0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
		255, 255, 255, 255, 255, 255, 255, 255, 28, 0, 0, 0};
	uint8_t b[80];
	refused("", 0, "empty");
	refused("GIF89a..", 8, "neither a pcap");
	refused("\xd4\xc3", 2, "neither a pcap");
	refused("\xd4\xc3\xb2\xa1\2\0", 6, "byte");
	refused("\x1f\x8b\x08\0\0\0", 6, "gzip");
	memcpy(b, shb, sizeof shb);
	b[8] = 0; /* byte-order magic */
	refused(b, sizeof shb, "byte-order magic");
	memcpy(b, shb, sizeof shb);
	b[12] = 9; /* version */
	refused(b, sizeof shb, "version 9");
	memcpy(b, shb, sizeof shb);
	b[24] = 32; /* the two lengths differ */
	refused(b, sizeof shb, "lengths differ");
	/* A block that promises 16 MB, one whose length is no multiple of four, and a packet without an interface. */
	static const uint8_t huge[] = {6, 0, 0, 0, 0, 0, 0, 1}, odd[] = {6, 0, 0, 0, 33, 0, 0, 0};
	memcpy(b, shb, sizeof shb);
	memcpy(b + sizeof shb, huge, 8);
	refused(b, sizeof shb + 8, "ends inside");
	memcpy(b + sizeof shb, odd, 8);
	refused(b, sizeof shb + 8, "impossible length");
	uint8_t epb[32] = {6, 0, 0, 0, 32, 0, 0, 0, 3};
	epb[28] = 32;
	memcpy(b + sizeof shb, epb, 32);
	refused(b, sizeof shb + 32, "interface 3");
}

static void a_missing_file_is_the_systems_answer(void **state)
{
	(void)state;
	struct capture *c = NULL;
	char why[256] = "";
	assert_int_equal(capture_open(&c, "/nonexistent/file.pcap", NULL, why, sizeof why), CAPTURE_ENV);
	assert_non_null(strstr(why, "No such file"));
}

static void one_interface_can_be_chosen(void **state)
{
	(void)state;
	struct capture *c = NULL;
	char why[256];
	struct capture_opts o = {.iface = "lan0"};
	const char *path = "tests/data/captures/14a-nat-idle-blackhole.router.pcapng";
	assert_int_equal(capture_open(&c, path, &o, why, sizeof why), CAPTURE_OK);
	assert_int_equal(c->npkts, 38);
	assert_int_equal(c->nws, 2);
	capture_free(c);
	o.iface = "1";
	assert_int_equal(capture_open(&c, path, &o, why, sizeof why), CAPTURE_OK);
	assert_int_equal(c->npkts, 38);
	capture_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_block_type_is_read_in_both_byte_orders),
		cmocka_unit_test(both_byte_orders_show_the_same_packets),
		cmocka_unit_test_teardown(a_pcap_file_may_be_cut_at_any_octet, teardown),
		cmocka_unit_test_teardown(a_pcapng_file_may_be_cut_at_any_octet, teardown),
		cmocka_unit_test_teardown(damage_is_answered_with_the_octet, teardown),
		cmocka_unit_test(a_missing_file_is_the_systems_answer),
		cmocka_unit_test(one_interface_can_be_chosen),
	};
	return cmocka_run_group_tests_name("capture files", tests, NULL, NULL);
}
