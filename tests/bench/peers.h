/*
 * peers: the work of our decoders done by other people's libraries, for bench_codecs. Each function returns how many messages it
 * found, so that both sides can be seen to have done the same; where the library is not here, it is NULL.
 */
#ifndef TESTS_BENCH_PEERS_H
#define TESTS_BENCH_PEERS_H

#include "proto/base/base.h"

typedef uint64_t decode_fn(struct bytes in);

/* llhttp, counting messages only; and with callbacks that keep every field's name and value, as our decoder does. */
extern decode_fn *const llhttp_scan, *const llhttp_fields;
/* The same, given the input in pieces of `feed_octets`. */
extern decode_fn *const llhttp_pieces;
extern size_t feed_octets;
/* libwslay's event interface as a server: unmasked messages, UTF-8 checked. */
extern decode_fn *const wslay_messages;
/* libnghttp2's HPACK decoder; `in` is a row of blocks, each behind its length in two octets. Returns fields. */
extern decode_fn *const nghttp2_fields;

#endif
