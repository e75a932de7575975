/*
 * Fuzzes HTTP/2 frames and sessions of both roles: the events are the same under every cut, and the dissector survives.
 */
#include "tests/support/fuzz_common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	transcript_check(transcript_h2, in, size ? 1 + data[size - 1] % size : 0);
	transcript_check(transcript_h2_server, in, size ? 1 + data[size - 1] % size : 0);
	transcript_check(transcript_h2_client, in, size ? 1 + data[size - 1] % size : 0);
	fuzz_dissect(&dx_h2, in);
	return 0;
}
