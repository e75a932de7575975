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

static void sha1_block(uint32_t h[5], const uint8_t *p)
{
	uint32_t w[80];
	for (unsigned i = 0; i < 16; i++)
		w[i] = be32_get(p + 4 * i);
	for (unsigned i = 16; i < 80; i++)
		w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
	for (unsigned i = 0; i < 80; i++) {
		uint32_t f, k;
		if (i < 20) {
			f = (b & c) | (~b & d);
			k = 0x5a827999;
		} else if (i < 40) {
			f = b ^ c ^ d;
			k = 0x6ed9eba1;
		} else if (i < 60) {
			f = (b & c) | (b & d) | (c & d);
			k = 0x8f1bbcdc;
		} else {
			f = b ^ c ^ d;
			k = 0xca62c1d6;
		}
		uint32_t t = rol(a, 5) + f + e + k + w[i];
		e = d;
		d = c;
		c = rol(b, 30);
		b = a;
		a = t;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

void sha1(struct bytes b, uint8_t digest[20])
{
	uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
	size_t i = 0;
	for (; b.n - i >= 64; i += 64)
		sha1_block(h, b.p + i);
	uint8_t tail[128] = {0};
	size_t left = b.n - i, total = left < 56 ? 64 : 128;
	if (left > 0)
		memcpy(tail, b.p + i, left);
	tail[left] = 0x80;
	be64_put(tail + total - 8, (uint64_t)b.n * 8);
	for (size_t k = 0; k < total; k += 64)
		sha1_block(h, tail + k);
	for (unsigned k = 0; k < 5; k++)
		be32_put(digest + 4 * k, h[k]);
}

int hex_digit(unsigned c)
{
	if (c - '0' < 10u)
		return (int)(c - '0');
	if ((c | 0x20u) - 'a' < 6u)
		return (int)((c | 0x20u) - 'a') + 10;
	return -1;
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
