/*
 * prf: see prf.h.
 */
#include "sim/grade/prf.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"

const char prf_practice_secret[] = "practice";

static uint64_t first_64(const unsigned char *md)
{
	uint64_t v = 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | md[i];
	return v;
}

uint64_t prf_draw(const struct prf *p, const char *student, const char *name, uint64_t index)
{
	char tail[64];
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int nmd = 0;
	/* The NUL between the parts is the one snprintf would end them with; none of them can hold one. */
	const char *const parts[] = {p->exercise, tail, student, name, tail + 32};
	size_t n = 0, at = 0;
	snprintf(tail, 32, "%" PRIu64, p->version);
	snprintf(tail + 32, 32, "%" PRIu64, index);
	for (size_t i = 0; i < 5; i++)
		n += strlen(parts[i]) + 1;
	unsigned char *m = xmalloc(n);
	for (size_t i = 0; i < 5; i++) {
		memcpy(m + at, parts[i], strlen(parts[i]) + 1);
		at += strlen(parts[i]) + 1;
	}
	const unsigned char *ok = HMAC(EVP_sha256(), p->secret, (int)p->nsecret, m, n, md, &nmd);
	assert(ok && nmd == 32);
	xfree(m);
	return first_64(md);
}

uint64_t prf_below(const struct prf *p, const char *student, const char *name, uint64_t n)
{
	assert(n && n <= UINT32_MAX);
	return ((prf_draw(p, student, name, 0) >> 32) * n) >> 32;
}

void prf_digest(const char *text, size_t n, char out[17])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned int nmd = 0;
	int ok = EVP_Digest(text, n, md, &nmd, EVP_sha256(), NULL);
	assert(ok == 1 && nmd == 32);
	snprintf(out, 17, "%016" PRIx64, first_64(md));
}
