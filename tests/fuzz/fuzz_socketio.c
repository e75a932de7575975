/*
 * Fuzzes Socket.IO packets: what is taken is written back and taken again, the same.
 */
#include <stdlib.h>

#include "proto/socketio/socketio.h"
#include "tests/support/fuzz_common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct sio_dec d, again;
	sio_dec_init(&d, &alloc_libc);
	sio_dec_init(&again, &alloc_libc);
	if (sio_dec_text(&d, in) >= 0) {
		struct buf out;
		buf_init(&out, &alloc_libc, SIZE_MAX);
		sio_packet_write(&out, &d.packet);
		if (sio_dec_text(&again, buf_bytes(&out)) < 0 || again.packet.id != d.packet.id ||
			out.n > size + 1)
			abort();
		buf_fini(&out);
		for (uint32_t i = 0; i < d.packet.attachments && i < 8; i++)
			sio_dec_binary(&d, in);
	}
	sio_dec_fini(&d);
	sio_dec_fini(&again);
	fuzz_dissect(&dx_socketio, in);
	return 0;
}
