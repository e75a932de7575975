/* libnghttp2's HPACK decoder for bench_codecs. */
#include "tests/bench/peers.h"

#ifdef HAVE_NGHTTP2
#include <nghttp2/nghttp2.h>

static uint64_t fields(struct bytes in)
{
	nghttp2_hd_inflater *z;
	uint64_t n = 0;
	if (nghttp2_hd_inflate_new(&z) != 0)
		return 0;
	for (size_t at = 0, len; at + 2 <= in.n; at += len) {
		len = be16_get(in.p + at);
		at += 2;
		const uint8_t *p = in.p + at, *end = p + len;
		for (int flags = 0; !(flags & NGHTTP2_HD_INFLATE_FINAL);) {
			nghttp2_nv nv;
			ssize_t used = nghttp2_hd_inflate_hd2(z, &nv, &flags, p, (size_t)(end - p), 1);
			if (used < 0)
				goto out;
			p += used;
			n += (flags & NGHTTP2_HD_INFLATE_EMIT) != 0;
		}
		nghttp2_hd_inflate_end_headers(z);
	}
out:
	nghttp2_hd_inflate_del(z);
	return n;
}

decode_fn *const nghttp2_fields = fields;
#else
decode_fn *const nghttp2_fields = NULL;
#endif
