/*
 * prf: what is drawn for a student. HMAC-SHA256 (RFC 2104, FIPS 198-1) under a secret, over the names of what is drawn:
 *
 *   key = secret     message = exercise 00 version 00 student 00 name [00 …]
 *
 * Every name has a stream of its own, so adding a parameter moves no other one. The same inputs give the same value on
 * every machine.
 */
#ifndef SIM_GRADE_PRF_H
#define SIM_GRADE_PRF_H

#include <stddef.h>
#include <stdint.h>

/* The secret everybody has: seeds of visible conditions, and practice. */
extern const char prf_practice_secret[];

struct prf {
	const unsigned char *secret;
	size_t nsecret;
	const char *exercise;
	uint64_t version;
};

/* 64 bits for (student, name, index). */
uint64_t prf_draw(const struct prf *p, const char *student, const char *name, uint64_t index);
/* 0 … n-1, without bias worth speaking of (n is far below 2^32). */
uint64_t prf_below(const struct prf *p, const char *student, const char *name, uint64_t n);
/* SHA-256 of a text as 16 hex digits (its first 64 bits). */
void prf_digest(const char *text, size_t n, char out[17]);

#endif
