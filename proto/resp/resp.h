/*
 * resp: the Redis serialization protocol, versions 2 and 3, as Redis Pub/Sub speaks it between servers and a broker.
 *
 *	+OK\r\n  -ERR text\r\n  :42\r\n  $5\r\nhello\r\n  $-1\r\n  *2\r\n…                     version 2
 *	_\r\n  #t\r\n  ,3.14\r\n  (123…\r\n  !5\r\n…  =8\r\ntxt:text\r\n  %1\r\n…  ~2\r\n…  >3\r\n…  |1\r\n…   version 3
 *
 *	message to a subscriber:  *3 $7 message $4 news $5 hello     (version 3: >3 instead of *3)
 *
 * The decoder gives one token a call: a scalar, or the head of an aggregate with its number of elements. Requests that
 * are not arrays ("inline commands") are read when asked for. Left out: streamed strings and aggregates ($?, *?).
 */
#ifndef PROTO_RESP_RESP_H
#define PROTO_RESP_RESP_H

#include "proto/base/base.h"

#define RESP_DEPTH_MAX 32
#define RESP_LINE_OCTETS_MAX 65536u
#define RESP_BULK_OCTETS_MAX (512u << 20) /* what Redis takes */
#define RESP_ELEMENTS_MAX (1u << 20)

enum resp_type {
	RESP_SIMPLE,     /* + */
	RESP_ERROR,      /* - */
	RESP_INTEGER,    /* : */
	RESP_BULK,       /* $ */
	RESP_ARRAY,      /* * */
	RESP_NULL,       /* _, and $-1, *-1 */
	RESP_BOOLEAN,    /* # */
	RESP_DOUBLE,     /* , */
	RESP_BIG,        /* ( */
	RESP_BULK_ERROR, /* ! */
	RESP_VERBATIM,   /* = */
	RESP_MAP,        /* % */
	RESP_SET,        /* ~ */
	RESP_PUSH,       /* > */
	RESP_ATTRIBUTE,  /* | */
	RESP_INLINE      /* a request that is a line of words */
};

struct resp_type_info {
	char mark; /* 0: RESP_INLINE */
	const char *name;
	bool version3;
	const char *help;
};
extern const struct resp_type_info resp_types[16];

struct resp_token {
	enum resp_type type;
	uint64_t off, len; /* in the stream, CRLF included; of an aggregate its head only */
	unsigned depth;    /* 0: a value of its own */
	struct bytes data; /* text or octets; borrowed until the next call */
	int64_t integer;   /* INTEGER, BOOLEAN */
	uint32_t elements; /* of an aggregate: tokens at the next depth (a map of n pairs: 2n) */
	bool last;         /* with this token a value of depth 0 is complete */
};

enum resp_dec_state { RESP_DEC_MARK, RESP_DEC_LINE, RESP_DEC_BULK, RESP_DEC_FAILED };

struct resp_dec {
	enum resp_dec_state state;
	bool inline_commands; /* set after init: a server reading requests */
	struct buf in;
	size_t taken;
	uint64_t off;
	uint32_t left[RESP_DEPTH_MAX]; /* elements still to come, per depth */
	unsigned depth;
	uint32_t bulk_max;
	struct perr err;
};

void resp_dec_init(struct resp_dec *d, const struct alloc *al, uint32_t bulk_max);
void resp_dec_fini(struct resp_dec *d);
bool resp_dec_feed(struct resp_dec *d, struct bytes in);
/* 1: *t; 0: more octets needed; -1: d->err. */
int resp_dec_next(struct resp_dec *d, struct resp_token *t);

/* Writers. */
void resp_write_line(
	struct buf *out, enum resp_type type, struct bytes text); /* SIMPLE, ERROR, DOUBLE, BIG */
void resp_write_int(struct buf *out, int64_t v);
void resp_write_bulk(
	struct buf *out, enum resp_type type, struct bytes octets); /* BULK, BULK_ERROR, VERBATIM */
void resp_write_null(struct buf *out, bool version3);
void resp_write_bool(struct buf *out, bool v);
void resp_write_head(struct buf *out, enum resp_type type, uint32_t n); /* n: elements, of a map pairs */
/* A request: an array of bulk strings. */
void resp_write_command(struct buf *out, const struct bytes *words, size_t n);
/* What a subscriber receives: message, channel, payload. */
void resp_write_message(struct buf *out, bool version3, struct bytes channel, struct bytes payload);

#endif
