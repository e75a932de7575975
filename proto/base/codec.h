/*
 * codec: small encodings several protocols need: base64 (RFC 4648 4), SHA-1 (FIPS 180-4, for RFC 6455 only), hex.
 */
#ifndef PROTO_BASE_CODEC_H
#define PROTO_BASE_CODEC_H

#include "proto/base/base.h"

/* Appends the base64 form of `b`, padded. */
void base64_put(struct buf *out, struct bytes b);
/* The same into memory that has 4 octets for every 3 begun, and one for the NUL that ends it. */
void base64_fixed(char *out, struct bytes b);
/* Appends what `b` encodes. False when a character is outside the alphabet, padding is missing or misplaced, or
 * unused bits are not zero (`strict`); nothing is appended then. */
bool base64_get(struct buf *out, struct bytes b, bool strict);

/* `n` characters of the URL-safe alphabet drawn from *state, which moves on, and a NUL: session ids. */
void base64_draw(uint64_t *state, char *out, size_t n);

/* The SHA-1 digest of `b`. A broken hash, used here only where RFC 6455 4.2.2 demands it. */
void sha1(struct bytes b, uint8_t digest[20]);

/* The SHA-256 digest of `b` (FIPS 180-4). */
void sha256(struct bytes b, uint8_t digest[32]);

/* The value of a hex digit, or -1. */
static inline int hex_digit(unsigned c)
{
	if (c - '0' < 10u)
		return (int)(c - '0');
	if ((c | 0x20u) - 'a' < 6u)
		return (int)((c | 0x20u) - 'a') + 10;
	return -1;
}
/* Appends the octets written as hex digits in `b`, white space ignored. False on any other character or an odd digit. */
bool hex_get(struct buf *out, struct bytes b);
/* Appends `b` as lower-case hex digits. */
void hex_put(struct buf *out, struct bytes b);

#endif
