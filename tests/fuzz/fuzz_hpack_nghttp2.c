/*
 * Fuzzes HPACK against libnghttp2: both must take or refuse the same header blocks, with the same number of fields.
 */
#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "proto/hpack/hpack.h"
#include "tests/support/fuzz_common.h"

static int ours(struct bytes in, size_t *fields)
{
	struct hpack_dec d;
	struct hpack_rep rep;
	int r;
	/* libnghttp2 takes strings of 65,535 octets. */
	hpack_dec_init(&d, &alloc_libc, 4096, 65535);
	hpack_dec_begin(&d);
	hpack_dec_feed(&d, in);
	while ((r = hpack_dec_next(&d, true, &rep)) == 1)
		*fields += rep.kind != HPACK_SIZE_UPDATE;
	hpack_dec_fini(&d);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t mine = 0, theirs = 0, at = 0;
	nghttp2_hd_inflater *inf;
	bool taken = true;
	if (size == 0 || size > 16384)
		return 0;
	int r = ours((struct bytes){data, size}, &mine);
	if (nghttp2_hd_inflate_new(&inf) != 0)
		return 0;
	for (;;) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(inf, &nv, &flags, data + at, size - at, 1);
		if (used < 0) {
			taken = false;
			break;
		}
		at += (size_t)used;
		theirs += (flags & NGHTTP2_HD_INFLATE_EMIT) != 0;
		if (flags & NGHTTP2_HD_INFLATE_FINAL)
			break;
	}
	nghttp2_hd_inflate_del(inf);
	if ((r == 0) != taken || (taken && mine != theirs))
		abort();
	return 0;
}
