/*
 * fuzz_http1: the decoder gives the same events for the whole input as for the input in small pieces, whatever it is.
 * The first octet says how to decode (tests/support/codec_kit.h).
 */
#include "tests/support/codec_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes seed = {data, size};
	struct buf a = kit_run(seed_http1, &alloc_libc, seed, (struct cuts){0});
	struct buf b = kit_run(seed_http1, &alloc_libc, seed, (struct cuts){.every = size > 4096 ? 61 : 1});
	if (!bytes_eq(buf_bytes(&a), buf_bytes(&b))) {
		fprintf(stderr, "whole:\n%.*s\nin pieces:\n%.*s\n", (int)a.n, (const char *)a.p, (int)b.n,
			(const char *)b.p);
		abort();
	}
	buf_fini(&a);
	buf_fini(&b);
	return 0;
}
