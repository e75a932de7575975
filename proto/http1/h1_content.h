/*
 * h1_content: undoes Content-Encoding (RFC 9110 8.4) for what is shown to people. Messages are never changed on their way.
 *
 * gzip and x-gzip (RFC 1952), deflate (RFC 1950, and the raw RFC 1951 form some servers send instead). Left out: br, zstd, compress.
 */
#ifndef PROTO_HTTP1_H1_CONTENT_H
#define PROTO_HTTP1_H1_CONTENT_H

#include "proto/base/base.h"

enum h1_content {
	H1_CONTENT_OK,
	H1_CONTENT_CUT,     /* what there was is appended; the coding is not complete */
	H1_CONTENT_UNKNOWN, /* a coding not undone here: nothing appended */
	H1_CONTENT_BAD,     /* the octets are not in that coding; what came before the fault is appended */
	H1_CONTENT_LONG,    /* more than `max` octets would come out; the first `max` are appended */
	H1_CONTENT_MEMORY,
};

/* Appends the content of `body` with the codings listed in `content_encoding` undone, last first. `max` bounds what any step may
 * produce, so that a small body cannot become a huge one. An empty list or "identity" appends the body as it is. */
enum h1_content h1_content_decode(const struct alloc *al, struct bytes content_encoding, struct bytes body,
	size_t max, struct buf *out);

#endif
