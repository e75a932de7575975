/*
 * Fuzzes HTTP/3 streams and capsules: the events are the same under every cut, and the dissector survives.
 */
#include "tests/support/fuzz_common.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	transcript_check(transcript_h3_request, in, size ? 1 + data[size - 1] % size : 0);
	transcript_check(transcript_h3_uni, in, size ? 1 + data[size - 1] % size : 0);
	transcript_check(transcript_capsule, in, size ? 1 + data[size - 1] % size : 0);
	fuzz_dissect(&dx_h3, in);
	return 0;
}
