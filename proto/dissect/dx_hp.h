/*
 * dx_hp: what the dissectors of HTTP/2, HPACK and HTTP/3 share. Not for others.
 */
#ifndef PROTO_DISSECT_DX_HP_H
#define PROTO_DISSECT_DX_HP_H

#include "proto/dissect/dx_int.h"
#include "proto/hpack/hpack.h"

/* Adds the representations of a whole header block at octets [off, off+len) of `src` below `parent`, decoding with `d`
 * (whose table then is as after the block). */
void dx_hpack_block(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, struct hpack_dec *d);

#endif
