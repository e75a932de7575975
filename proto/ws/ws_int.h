/*
 * ws_int: what the parts of the WebSocket codec share. Not for others.
 */
#ifndef PROTO_WS_WS_INT_H
#define PROTO_WS_WS_INT_H

#include "proto/ws/ws.h"

/* A decompressor for one direction. NULL when out of memory. */
struct ws_inflate *ws_inflate_new(const struct alloc *al, unsigned window_bits);
void ws_inflate_free(struct ws_inflate *z);
/* Appends the decompressed message (RFC 7692 7.2.2). WS_E_TOO_BIG when it would exceed `max` octets. */
enum ws_err ws_inflate(struct ws_inflate *z, struct bytes payload, struct buf *out, uint64_t max);

#endif
