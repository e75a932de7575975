/*
 * dx_quic: what the dissectors of QUIC and HTTP/3 share. Not for others.
 */
#ifndef PROTO_DISSECT_DX_QUIC_H
#define PROTO_DISSECT_DX_QUIC_H

#include "proto/dissect/dx_int.h"
#include "proto/quic/quic.h"

/* Adds the frames of an unprotected payload, which stands at `base` of `src`, below `parent`. Returns the octets that are
 * whole frames. */
size_t dx_quic_frames(struct dx_tree *t, uint32_t parent, uint32_t src, size_t base, struct bytes payload,
	enum quic_packet packet);

#endif
