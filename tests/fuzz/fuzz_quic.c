/*
 * Fuzzes QUIC: headers, frames (read, written, read again: the same), transport parameters, the dissector.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/quic/quic.h"
#include "tests/support/fuzz_common.h"

static void frames(struct bytes in)
{
	static struct quic_frame f, g;
	struct perr err;
	for (size_t at = 0; quic_frame_read(in, at, QUIC_LONG_UNKNOWN, &f, &err) == 1; at = f.off + f.len) {
		struct buf out;
		if (f.range_count >= QUIC_ACK_RANGES_MAX)
			continue;
		buf_init(&out, &alloc_libc, SIZE_MAX);
		quic_frame_write(&out, &f);
		if (out.n > f.len || quic_frame_read(buf_bytes(&out), 0, QUIC_LONG_UNKNOWN, &g, &err) != 1 ||
			g.type != f.type || g.maximum != f.maximum || g.id != f.id ||
			g.n_ranges != f.n_ranges || !bytes_eq(g.data, f.data))
			abort();
		buf_fini(&out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct quic_param list[QUIC_PARAMS_MAX];
	struct quic_header h;
	struct perr err;
	frames(in);
	quic_params_read(in, size & 1, list, &err);
	if (quic_header_read(in, 8, &h, &err) && (h.end > size || h.payload_off > h.end))
		abort();
	fuzz_dissect(&dx_quic, in);
	return 0;
}
