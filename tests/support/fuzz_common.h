/*
 * fuzz_common: what fuzz targets share.
 */
#ifndef TESTS_SUPPORT_FUZZ_COMMON_H
#define TESTS_SUPPORT_FUZZ_COMMON_H

#include "proto/dissect/dissect.h"
#include "tests/support/transcripts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Dissects and prints the octets; what comes out is thrown away. */
void fuzz_dissect(const struct dx_proto *p, struct bytes in);

#endif
