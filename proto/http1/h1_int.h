/*
 * h1_int: what the parts of the HTTP/1.1 codec share. Not for others.
 */
#ifndef PROTO_HTTP1_H1_INT_H
#define PROTO_HTTP1_H1_INT_H

#include "proto/http1/http1.h"

/* Character classes, one table for all of the grammar. */
enum {
	H1_TCHAR = 1,   /* RFC 9110 5.6.2 token */
	H1_VCHAR = 2,   /* what a field line may hold: HTAB, SP, VCHAR, obs-text */
	H1_URI = 4,     /* RFC 3986 characters, and those browsers send as they are: [ ] \ ^ ` { | } */
	H1_REGNAME = 8, /* RFC 3986 unreserved, sub-delims, "%" */
};
extern const uint8_t h1_class[256];

/* The head or trailer section under way. It lies in one piece at `base`: in the input, or in `carry` when a cut of the
 * input went through it. Offsets are from `base`. */
#define H1_FIELDS_INLINE 12
struct h1_work {
	struct buf carry;
	bool carried;
	const uint8_t *base;
	uint64_t base_off;
	size_t have, line, scan;
	struct h1_field *fields; /* `first`, or memory of their own when they are more */
	uint32_t n_fields, cap_fields;
	bool started; /* the start line was read */
	struct h1_head head;
	struct h1_field first[H1_FIELDS_INLINE];
};

/* Parse one complete line (CRLF not included) that stands at stream offset `off`. Return H1_E_NONE or the fault. */
enum h1_err h1_parse_request_line(struct h1_head *h, struct bytes line, uint64_t off);
enum h1_err h1_parse_status_line(struct h1_head *h, struct bytes line, uint64_t off);
enum h1_err h1_parse_field(struct h1_field *f, struct bytes line, uint64_t off);
/* Judges the whole head: Host, framing, persistence. `answered`: H1_ANS_*. */
enum h1_err h1_finish_head(struct h1_head *h, enum h1_role role, unsigned answered);
/* uri-host [ ":" port ]. `host_required`: not empty; `port_required`: there, and not 0. */
bool h1_authority_ok(struct bytes b, bool host_required, bool port_required);
/* Size and extension of a chunk-size line. */
enum h1_err h1_parse_chunk_line(struct bytes line, uint64_t *size, struct bytes *ext);

enum { H1_ANS_OTHER, H1_ANS_HEAD, H1_ANS_CONNECT };

#endif
