/*
 * dx_int: what dissectors share. Not for others.
 */
#ifndef PROTO_DISSECT_DX_INT_H
#define PROTO_DISSECT_DX_INT_H

#include "proto/dissect/dissect.h"

/* Octets [off, off+len) of a source, as far as there are any. */
struct bytes dx_source_bytes(const struct dx_tree *t, uint32_t src, size_t off, size_t len);

/* The dissector for the start of a TCP stream, by its first octets; NULL when they tell nothing. */
const struct dx_proto *dx_guess_stream(struct bytes b);

#endif
