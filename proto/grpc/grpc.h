/*
 * grpc: gRPC over HTTP/2 (grpc/grpc doc/PROTOCOL-HTTP2.md): length-prefixed messages in DATA, status in trailers.
 *
 *	+-----------------+-------------------------------+----------------
 *	| compressed? (8) |      message length (32)      | message octets …      0 or 1; big-endian
 *	+-----------------+-------------------------------+----------------
 *
 * Messages do not keep to DATA frames: one frame may hold several, a message may span many.
 * Left out: the messages themselves (protobuf) and their decompression; both are passed on as they are.
 */
#ifndef PROTO_GRPC_GRPC_H
#define PROTO_GRPC_GRPC_H

#include "proto/base/base.h"

#define GRPC_PREFIX_LEN 5
#define GRPC_MESSAGE_OCTETS_MAX (4u << 20) /* what implementations take by default */

enum grpc_status {
	GRPC_OK,
	GRPC_CANCELLED,
	GRPC_UNKNOWN,
	GRPC_INVALID_ARGUMENT,
	GRPC_DEADLINE_EXCEEDED,
	GRPC_NOT_FOUND,
	GRPC_ALREADY_EXISTS,
	GRPC_PERMISSION_DENIED,
	GRPC_RESOURCE_EXHAUSTED,
	GRPC_FAILED_PRECONDITION,
	GRPC_ABORTED,
	GRPC_OUT_OF_RANGE,
	GRPC_UNIMPLEMENTED,
	GRPC_INTERNAL,
	GRPC_UNAVAILABLE,
	GRPC_DATA_LOSS,
	GRPC_UNAUTHENTICATED
};
#define GRPC_STATUS_COUNT 17

struct grpc_status_info {
	const char *name, *help;
};
extern const struct grpc_status_info grpc_statuses[GRPC_STATUS_COUNT];

/* What a status from elsewhere means to a gRPC client ("HTTP2 Transport Mapping", "Errors"; http-grpc-status-mapping). */
enum grpc_status grpc_from_http(unsigned http_status);
enum grpc_status grpc_from_h2_error(uint32_t h2_error);

/* The value of grpc-status: decimal digits. False: not a number (the client then says UNKNOWN). */
bool grpc_status_read(struct bytes value, unsigned *status);

/* grpc-timeout: 1 to 8 digits and one of H M S m u n, as a number of units and the unit. */
bool grpc_timeout_parts(struct bytes value, uint32_t *count, uint64_t *unit_ns);
/* The same in nanoseconds; what 64 bits cannot hold (from 5,124,096 hours on) is UINT64_MAX. */
bool grpc_timeout_read(struct bytes value, uint64_t *timeout_ns);
/* The shortest exact form that fits in 8 digits; a longer time is rounded up to the next unit that fits. */
void grpc_timeout_write(struct buf *out, uint64_t timeout_ns);

/* grpc-message: printable ASCII but "%" stands for itself, every other octet is %XX. */
void grpc_message_encode(struct buf *out, struct bytes text);
/* Never fails: a broken %-sequence is left as it stands. */
void grpc_message_decode(struct buf *out, struct bytes encoded);
/* Is this a value an encoder may write? *bad_off: the octet at fault. */
bool grpc_message_check(struct bytes encoded, size_t *bad_off);

/* content-type: application/grpc, optionally "+subtype" or ";parameters". */
bool grpc_content_type_ok(struct bytes value);

enum grpc_dec_state { GRPC_DEC_PREFIX, GRPC_DEC_MESSAGE, GRPC_DEC_FAILED };

struct grpc_msg {
	uint64_t off; /* of the prefix, in the stream of DATA octets */
	uint32_t len;
	bool compressed;
	struct bytes data; /* borrowed until the next call */
};

struct grpc_dec {
	enum grpc_dec_state state;
	struct buf in;
	size_t taken;
	uint64_t off;
	uint32_t max_message;
	struct perr err; /* code: enum grpc_status; -1 out of memory */
};

void grpc_dec_init(struct grpc_dec *d, const struct alloc *al, uint32_t max_message);
void grpc_dec_fini(struct grpc_dec *d);
bool grpc_dec_feed(struct grpc_dec *d, struct bytes in);
/* 1: *m is a whole message; 0: more octets needed; -1: d->err. */
int grpc_dec_next(struct grpc_dec *d, struct grpc_msg *m);
/* Octets of a message that has begun; not 0 at the end of the stream means it was cut. */
size_t grpc_dec_pending(const struct grpc_dec *d);

void grpc_write(struct buf *out, bool compressed, struct bytes message);

#endif
