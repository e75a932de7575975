/*
 * Fuzzes the Redis serialization protocol: the events are the same under every cut, and the dissector survives.
 */
#include "tests/support/fuzz_common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	transcript_check(transcript_resp, in, size ? 1 + data[size - 1] % size : 0);
	fuzz_dissect(&dx_resp, in);
	return 0;
}
