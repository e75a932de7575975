/*
 * base: the few types everything else is written in.
 *
 * A payload is an immutable, reference-counted *blob*; streams, segments and decoders pass *slices* of it.
 * `struct bytes` borrows: it is valid until the next call on whoever lent it.
 * `struct perr` says where in the input something went wrong, why, and which rule says so.
 *
 * Nothing here does I/O, reads a clock or draws a random number. Worlds are single-threaded and never share
 * blobs, so reference counts are plain integers.
 */
#ifndef PROTO_BASE_BASE_H
#define PROTO_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/base/hint.h"

/* SplitMix64's finaliser: spreads 64 bits so that neighbouring inputs have nothing in common (Steele, Lea, Flood 2014).
 * Draws are mix64 over positions that differ; MIX64_STEP is the usual distance. */
#define MIX64_STEP 0x9e3779b97f4a7c15u
static inline uint64_t mix64(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}
/* Where the i-th of many like draws begins. */
static inline uint64_t mix64_at(uint64_t family, uint64_t i)
{
	return mix64(family + i * 0xd1342543de82ef95u);
}

/* An allocator. `resize(ctx, NULL, 0, n)` allocates, `resize(ctx, p, old, 0)` frees and returns NULL.
 * Returns NULL when out of memory; the old block then stays valid. */
struct alloc {
	void *(*resize)(void *ctx, void *p, size_t old, size_t n);
	void *ctx;
};

/* The C library's allocator. */
extern const struct alloc alloc_libc;

void *alloc_get(const struct alloc *al, size_t n);
void alloc_put(const struct alloc *al, void *p, size_t n);

/* Borrowed octets. */
struct bytes {
	const uint8_t *p;
	size_t n;
};

#define BYTES_NONE ((struct bytes){NULL, 0})
/* A string literal as borrowed octets, without its terminating NUL. */
#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)("" s), sizeof(s) - 1})

struct bytes bytes_str(const char *s);
/* Octets [off, off + n) of b, which must be there. */
static inline struct bytes bytes_sub(struct bytes b, size_t off, size_t n)
{
	assert(off <= b.n && n <= b.n - off);
	return (struct bytes){b.p != NULL ? b.p + off : NULL, n};
}
bool bytes_eq(struct bytes a, struct bytes b);
bool bytes_eq_str(struct bytes a, const char *s);
/* ASCII case-insensitive comparison (RFC 9110 5.1 field names, RFC 6455 4.2.1 tokens). */
bool bytes_eq_nocase(struct bytes a, struct bytes b);

/* Shared, immutable octets. */
struct blob {
	uint32_t refs;
	uint32_t len;
	const struct alloc *al;
	uint8_t data[];
};

/* A new blob with one reference, holding a copy of `b`. NULL when out of memory or longer than UINT32_MAX. */
struct blob *blob_new(const struct alloc *al, struct bytes b);
/* A new blob of `n` octets to be filled by the caller before it is shared. */
struct blob *blob_new_raw(const struct alloc *al, size_t n);
/* One more holder; returns `b`, which may be NULL. */
static inline struct blob *blob_ref(struct blob *b)
{
	if (b != NULL) {
		assert(b->refs > 0 && b->refs < UINT32_MAX);
		b->refs++;
	}
	return b;
}
APART void blob_free(struct blob *b); /* for blob_unref: the last holder is gone */
static inline void blob_unref(struct blob *b)
{
	if (b == NULL)
		return;
	assert(b->refs > 0);
	if (rare(--b->refs == 0))
		blob_free(b);
}

/* Part of a blob. A slice held for longer than a call owns one reference to its blob. */
struct slice {
	struct blob *blob;
	uint32_t off, len;
};

#define SLICE_NONE ((struct slice){NULL, 0, 0})
static inline struct bytes slice_bytes(struct slice s)
{
	if (s.blob == NULL)
		return BYTES_NONE;
	assert(s.off <= s.blob->len && s.len <= s.blob->len - s.off);
	return (struct bytes){s.blob->data + s.off, s.len};
}
static inline struct slice slice_of(struct blob *b)
{
	return (struct slice){b, 0, b != NULL ? b->len : 0};
}
struct slice slice_sub(struct slice s, uint32_t off, uint32_t len);

/* A peer's error: code is the protocol's own (a close code, an HTTP status, an HTTP/2 error code; 0 if none),
 * `off` the octet offset in the stream at which the fault is known, `what` a sentence, `ref` "RFC 6455 5.2". */
struct perr {
	int code;
	uint64_t off;
	const char *what;
	const char *ref;
};

/* A growing octet buffer with a limit. `failed` is sticky: after it, appends do nothing; check once at the end. */
struct buf {
	uint8_t *p;
	size_t n, cap, max;
	const struct alloc *al;
	bool failed;
};

void buf_init(struct buf *b, const struct alloc *al, size_t max);
void buf_fini(struct buf *b);
void buf_add(struct buf *b, struct bytes d);
void buf_str(struct buf *b, const char *s);
void buf_u8(struct buf *b, unsigned v);
void buf_be16(struct buf *b, uint32_t v);
void buf_be32(struct buf *b, uint32_t v);
void buf_be64(struct buf *b, uint64_t v);
void buf_dec(struct buf *b, uint64_t v); /* decimal digits */
void buf_hex(struct buf *b, uint64_t v); /* lower-case hex digits, no prefix */
/* Room for `more` octets behind p[n]; the caller writes there and adds to `n`. False (and failed) at the limit or out of memory. */
bool buf_reserve(struct buf *b, size_t more);
/* Drops the first `n` octets. */
void buf_drop(struct buf *b, size_t n);
void buf_clear(struct buf *b);
struct bytes buf_bytes(const struct buf *b);
/* A new blob holding a copy of the contents; NULL when out of memory or when the buffer has failed. */
struct blob *buf_blob(struct buf *b);

/* Network byte order, unaligned. The caller has checked that the octets are there. */
static inline uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be32_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t be64_get(const uint8_t *p)
{
	return (uint64_t)be32_get(p) << 32 | be32_get(p + 4);
}

static inline void be16_put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
	be16_put(p, v >> 16);
	be16_put(p + 2, v);
}

static inline void be64_put(uint8_t *p, uint64_t v)
{
	be32_put(p, (uint32_t)(v >> 32));
	be32_put(p + 4, (uint32_t)v);
}

#endif
