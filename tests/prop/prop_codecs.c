/*
 * The properties every decoder has: an input gives the same events however it is cut, and also when the decoder is parked between
 * the pieces wherever it can be; a failing allocation makes an error or
 * nothing, never a crash or a leak; nothing behind the input is read. Inputs are the seeds in tests/fuzz/corpus and all short
 * combinations of what each grammar is made of.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "tests/support/codec_kit.h"

static const struct cuts whole = {0};

static void same_text(const char *name, const char *how, size_t at, const struct buf *a, const struct buf *b)
{
	if (bytes_eq(buf_bytes(a), buf_bytes(b)))
		return;
	fail_msg("%s, %s %zu\nwhole:\n%.*s\ncut:\n%.*s", name, how, at, (int)a->n,
		a->n ? (const char *)a->p : "", (int)b->n, b->n ? (const char *)b->p : "");
}

static void try_cuts(kit_seed *run, const char *name, struct bytes seed, const struct buf *want,
	struct cuts cuts, const char *how, size_t at)
{
	struct buf got = kit_run(run, &alloc_libc, seed, cuts);
	same_text(name, how, at, want, &got);
	buf_fini(&got);
}

static void every_cut(kit_seed *run, const char *name, struct bytes seed)
{
	struct buf want = kit_run(run, &alloc_libc, seed, whole);
	for (size_t every = 1; every <= 7; every++)
		for (int park = 0; park < 2; park++)
			try_cuts(run, name, seed, &want, (struct cuts){.every = every, .park = park},
				park ? "parked every" : "every", every);
	size_t step = seed.n > 800 ? seed.n / 400 : 1;
	for (size_t at = 1; at + 1 < seed.n; at += step)
		try_cuts(run, name, seed, &want, (struct cuts){.at = &at, .n = 1, .park = at & 1}, "cut at",
			at);
	for (size_t at = 1; at + 2 < seed.n && seed.n < 120; at++) {
		size_t two[2] = {at, at + 1};
		try_cuts(run, name, seed, &want, (struct cuts){.at = two, .n = 2}, "cut twice at", at);
	}
	buf_fini(&want);
}

static void no_page_behind(kit_seed *run, struct bytes seed)
{
	/* The pieces the kit lends have exact sizes, which sanitizers watch; a plain build has the page. */
	struct guarded g = guarded_new(seed);
	struct buf o = kit_run(run, &alloc_libc, g.b, whole);
	buf_fini(&o);
	guarded_free(&g);
}

static void failing_allocations(kit_seed *run, const char *name, struct bytes seed)
{
	struct buf want = kit_run(run, &alloc_libc, seed, whole);
	for (unsigned mode = 0; mode < 4; mode++) {
		struct cuts cuts = {.every = mode & 1 ? 3 : 0};
		unsigned fail_at = 0, calls;
		do {
			struct counting c;
			counting_init(&c, fail_at, mode & 2);
			struct buf got = kit_run(run, &c.al, seed, cuts);
			if (c.live != 0)
				fail_msg("%s: %zu octets not given back when allocation %u fails", name,
					c.live, fail_at);
			calls = c.calls;
			bool failed = fail_at != 0 && fail_at <= calls;
			if (!failed)
				same_text(name, "with enough memory", fail_at, &want, &got);
			buf_fini(&got);
			fail_at++;
		} while (fail_at <= calls + 1 && fail_at < 300);
	}
	buf_fini(&want);
}

/* Runs a property over the files of a folder of seeds. */
static void over_seeds(const char *kind, void (*prop)(const char *name, struct bytes seed))
{
	char path[600];
	struct dirent *e;
	unsigned n = 0;
	snprintf(path, sizeof path, "tests/fuzz/corpus/%s", kind);
	DIR *dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir)) != NULL) {
		static uint8_t octets[1 << 16];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "tests/fuzz/corpus/%s/%s", kind, e->d_name);
		FILE *f = fopen(path, "rb");
		assert_non_null(f);
		size_t len = fread(octets, 1, sizeof octets, f);
		fclose(f);
		prop(e->d_name, (struct bytes){octets, len});
		n++;
	}
	closedir(dir);
	assert_true(n >= 10);
}

static void cuts_http1(const char *name, struct bytes seed)
{
	every_cut(seed_http1, name, seed);
	no_page_behind(seed_http1, seed);
}

static void cuts_sse(const char *name, struct bytes seed)
{
	every_cut(seed_sse, name, seed);
	no_page_behind(seed_sse, seed);
}

static void cuts_ws(const char *name, struct bytes seed)
{
	every_cut(seed_ws, name, seed);
	no_page_behind(seed_ws, seed);
}

static void memory_http1(const char *name, struct bytes seed)
{
	failing_allocations(seed_http1, name, seed);
}

static void memory_sse(const char *name, struct bytes seed)
{
	failing_allocations(seed_sse, name, seed);
}

static void memory_ws(const char *name, struct bytes seed)
{
	failing_allocations(seed_ws, name, seed);
}

static void any_cut_gives_the_same_http_messages(void **state)
{
	(void)state;
	over_seeds("http1", cuts_http1);
}

static void any_cut_gives_the_same_sse_events(void **state)
{
	(void)state;
	over_seeds("sse", cuts_sse);
}

static void any_cut_gives_the_same_ws_events(void **state)
{
	(void)state;
	over_seeds("ws", cuts_ws);
}

static void a_failing_allocation_harms_no_http_decoder(void **state)
{
	(void)state;
	over_seeds("http1", memory_http1);
}

static void a_failing_allocation_harms_no_sse_decoder(void **state)
{
	(void)state;
	over_seeds("sse", memory_sse);
}

static void a_failing_allocation_harms_no_ws_decoder(void **state)
{
	(void)state;
	over_seeds("ws", memory_ws);
}

/* All sequences of up to `len` words, whole against octet by octet. */
static void enumerate(
	kit_seed *run, const struct bytes *words, unsigned n_words, unsigned len, struct bytes head)
{
	uint8_t seed[512];
	unsigned long total = 1;
	for (unsigned i = 0; i < len; i++)
		total *= n_words;
	for (unsigned long k = 0; k < total; k++) {
		size_t n = head.n;
		memcpy(seed, head.p, head.n);
		unsigned long r = k;
		for (unsigned i = 0; i < len; i++, r /= n_words) {
			struct bytes w = words[r % n_words];
			memcpy(seed + n, w.p, w.n);
			n += w.n;
		}
		struct buf a = kit_run(run, &alloc_libc, (struct bytes){seed, n}, whole);
		struct buf b = kit_run(run, &alloc_libc, (struct bytes){seed, n}, (struct cuts){.every = 1});
		same_text("enumerated", "number", k, &a, &b);
		buf_fini(&a);
		buf_fini(&b);
	}
}

static void all_short_event_streams_do_not_depend_on_cuts(void **state)
{
	(void)state;
	const struct bytes words[] = {BYTES_LIT("data"), BYTES_LIT("id:"), BYTES_LIT(":"), BYTES_LIT(" "),
		BYTES_LIT("\n"), BYTES_LIT("\r"), BYTES_LIT("\xef\xbb\xbf"), BYTES_LIT("\xc3")};
	for (unsigned len = 1; len <= 5; len++)
		enumerate(seed_sse, words, sizeof words / sizeof *words, len, BYTES_LIT("\x01"));
}

static void all_short_chunked_bodies_do_not_depend_on_cuts(void **state)
{
	(void)state;
	const struct bytes words[] = {BYTES_LIT("0"), BYTES_LIT("1"), BYTES_LIT("\r\n"), BYTES_LIT("\n"),
		BYTES_LIT("\r"), BYTES_LIT(";a"), BYTES_LIT("A:b"), BYTES_LIT(" ")};
	for (unsigned len = 1; len <= 5; len++)
		enumerate(seed_http1, words, sizeof words / sizeof *words, len,
			BYTES_LIT("\x03HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

static void all_short_heads_do_not_depend_on_cuts(void **state)
{
	(void)state;
	const struct bytes words[] = {BYTES_LIT("GET / HTTP/1.1"), BYTES_LIT("Host:x"),
		BYTES_LIT("Content-Length:1"), BYTES_LIT("\r\n"), BYTES_LIT("\n"), BYTES_LIT("\r"),
		BYTES_LIT(" "), BYTES_LIT("x")};
	for (unsigned len = 1; len <= 5; len++)
		enumerate(seed_http1, words, sizeof words / sizeof *words, len, BYTES_LIT("\x02"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_gives_the_same_http_messages),
		cmocka_unit_test(any_cut_gives_the_same_sse_events),
		cmocka_unit_test(any_cut_gives_the_same_ws_events),
		cmocka_unit_test(a_failing_allocation_harms_no_http_decoder),
		cmocka_unit_test(a_failing_allocation_harms_no_sse_decoder),
		cmocka_unit_test(a_failing_allocation_harms_no_ws_decoder),
		cmocka_unit_test(all_short_event_streams_do_not_depend_on_cuts),
		cmocka_unit_test(all_short_chunked_bodies_do_not_depend_on_cuts),
		cmocka_unit_test(all_short_heads_do_not_depend_on_cuts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
