/*
 * codec: base64, SHA-1 and hex. See codec.h.
 */
#include "proto/base/codec.h"

#include <string.h>

static const char b64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_fixed(char *out, struct bytes b)
{
	for (size_t i = 0; i < b.n; i += 3) {
		size_t have = b.n - i < 3 ? b.n - i : 3;
		uint32_t v = (uint32_t)b.p[i] << 16;
		if (have > 1)
			v |= (uint32_t)b.p[i + 1] << 8;
		if (have > 2)
			v |= b.p[i + 2];
		*out++ = b64_alphabet[v >> 18];
		*out++ = b64_alphabet[v >> 12 & 63];
		*out++ = have > 1 ? b64_alphabet[v >> 6 & 63] : '=';
		*out++ = have > 2 ? b64_alphabet[v & 63] : '=';
	}
	*out = '\0';
}

void base64_put(struct buf *out, struct bytes b)
{
	for (size_t i = 0; i < b.n; i += 3) {
		char four[5];
		base64_fixed(four, bytes_sub(b, i, b.n - i < 3 ? b.n - i : 3));
		buf_str(out, four);
	}
}

static int b64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_get(struct buf *out, struct bytes b, bool strict)
{
	size_t before = out->n;
	if (b.n % 4 != 0)
		return false;
	for (size_t i = 0; i < b.n; i += 4) {
		uint32_t v = 0;
		unsigned pad = 0;
		for (size_t k = 0; k < 4; k++) {
			uint8_t c = b.p[i + k];
			int d = b64_digit(c);
			if (c == '=' && i + 4 == b.n && k >= 2)
				pad++;
			else if (d < 0 || pad > 0)
				goto bad;
			v = v << 6 | (d < 0 ? 0 : (uint32_t)d);
		}
		if (strict && ((pad == 1 && (v & 0xff)) || (pad == 2 && (v & 0xffff))))
			goto bad;
		buf_u8(out, v >> 16 & 0xff);
		if (pad < 2)
			buf_u8(out, v >> 8 & 0xff);
		if (pad < 1)
			buf_u8(out, v & 0xff);
	}
	return true;
bad:
	out->n = before;
	return false;
}

static uint32_t rol(uint32_t v, unsigned n)
{
	return v << n | v >> (32 - n);
}

/* RFC 3174 6.2 (its second way: sixteen words, each replaced when it is used up), five rounds at a time so that nothing is
 * moved from name to name. */
#define SHA1_WORD(i)                                                                                        \
	(w[(i)&15] = (i) < 16 ? w[(i)&15]                                                                   \
			      : rol(w[((i) + 13) & 15] ^ w[((i) + 8) & 15] ^ w[((i) + 2) & 15] ^ w[(i)&15], \
					1))
#define SHA1_ROUND(a, b, c, d, e, f, k, i)                 \
	do {                                               \
		e += rol(a, 5) + (f) + (k) + SHA1_WORD(i); \
		b = rol(b, 30);                            \
	} while (0)
#define SHA1_CHOOSE(b, c, d) (d ^ (b & (c ^ d)))
#define SHA1_PARITY(b, c, d) (b ^ c ^ d)
#define SHA1_MAJORITY(b, c, d) ((b & c) | (d & (b | c)))
#define SHA1_FIVE(F, k, i)                                         \
	do {                                                       \
		SHA1_ROUND(a, b, c, d, e, F(b, c, d), k, i);       \
		SHA1_ROUND(e, a, b, c, d, F(a, b, c), k, (i) + 1); \
		SHA1_ROUND(d, e, a, b, c, F(e, a, b), k, (i) + 2); \
		SHA1_ROUND(c, d, e, a, b, F(d, e, a), k, (i) + 3); \
		SHA1_ROUND(b, c, d, e, a, F(c, d, e), k, (i) + 4); \
	} while (0)
#define SHA1_TWENTY(F, k, i)               \
	do {                               \
		SHA1_FIVE(F, k, i);        \
		SHA1_FIVE(F, k, (i) + 5);  \
		SHA1_FIVE(F, k, (i) + 10); \
		SHA1_FIVE(F, k, (i) + 15); \
	} while (0)

static void sha1_block(uint32_t *h, const uint8_t *p)
{
	uint32_t w[16], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	for (unsigned i = 0; i < 16; i++)
		w[i] = be32_get(p + 4 * i);
	SHA1_TWENTY(SHA1_CHOOSE, 0x5a827999, 0);
	SHA1_TWENTY(SHA1_PARITY, 0x6ed9eba1, 20);
	SHA1_TWENTY(SHA1_MAJORITY, 0x8f1bbcdc, 40);
	SHA1_TWENTY(SHA1_PARITY, 0xca62c1d6, 60);
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

/* Merkle-Damgard padding, the same for both hashes: 80, zeros, the length in bits. */
static void hash_blocks(struct bytes b, uint32_t *h, void (*block)(uint32_t *h, const uint8_t *p))
{
	size_t i = 0;
	for (; b.n - i >= 64; i += 64)
		block(h, b.p + i);
	uint8_t tail[128] = {0};
	size_t left = b.n - i, total = left < 56 ? 64 : 128;
	if (left > 0)
		memcpy(tail, b.p + i, left);
	tail[left] = 0x80;
	be64_put(tail + total - 8, (uint64_t)b.n * 8);
	for (size_t k = 0; k < total; k += 64)
		block(h, tail + k);
}

void sha1(struct bytes b, uint8_t digest[20])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	hash_blocks(b, h, sha1_block);
	for (unsigned k = 0; k < 5; k++)
		be32_put(digest + 4 * k, h[k]);
}

static uint32_t ror(uint32_t v, unsigned n)
{
	return v >> n | v << (32 - n);
}

/* clang-format off */
static const uint32_t sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};
/* clang-format on */

static void sha256_block(uint32_t *h, const uint8_t *p)
{
	uint32_t w[64], v[8];
	for (unsigned i = 0; i < 16; i++)
		w[i] = be32_get(p + 4 * i);
	for (unsigned i = 16; i < 64; i++) {
		uint32_t s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;
		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	memcpy(v, h, sizeof v);
	for (unsigned i = 0; i < 64; i++) {
		uint32_t s1 = ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25);
		uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + sha256_k[i] + w[i];
		uint32_t s0 = ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22);
		uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		h[i] += v[i];
}

void sha256(struct bytes b, uint8_t digest[32])
{
	uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
		0x5be0cd19};
	hash_blocks(b, h, sha256_block);
	for (unsigned k = 0; k < 8; k++)
		be32_put(digest + 4 * k, h[k]);
}

bool hex_get(struct buf *out, struct bytes b)
{
	int high = -1;
	size_t before = out->n;
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = b.p[i];
		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		int d = hex_digit(c);
		if (d < 0) {
			out->n = before;
			return false;
		}
		if (high < 0) {
			high = d;
		} else {
			buf_u8(out, (unsigned)(high << 4 | d));
			high = -1;
		}
	}
	if (high >= 0)
		out->n = before;
	return high < 0;
}

void hex_put(struct buf *out, struct bytes b)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < b.n && buf_reserve(out, 2); i++) {
		out->p[out->n++] = (uint8_t)digits[b.p[i] >> 4];
		out->p[out->n++] = (uint8_t)digits[b.p[i] & 15];
	}
}

void base64_draw(uint64_t *state, char *out, size_t n)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint64_t z = 0;
	for (size_t i = 0; i < n; i++, z >>= 6) {
		if (i % 10 == 0) /* 60 of 64 bits are used up */
			z = mix64(*state += MIX64_STEP);
		out[i] = digits[z & 63];
	}
	out[n] = 0;
}
