/*
 * base: slices, blobs and buffers. See base.h for the contracts.
 */
#include "proto/base/base.h"
#include "proto/base/swar.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void *libc_resize(void *ctx, void *p, size_t old, size_t n)
{
	(void)ctx;
	(void)old;
	if (n == 0) {
		free(p);
		return NULL;
	}
	return realloc(p, n);
}

const struct alloc alloc_libc = {libc_resize, NULL};

void *alloc_get(const struct alloc *al, size_t n)
{
	return al->resize(al->ctx, NULL, 0, n ? n : 1);
}

void alloc_put(const struct alloc *al, void *p, size_t n)
{
	if (p != NULL)
		al->resize(al->ctx, p, n ? n : 1, 0);
}

struct bytes bytes_str(const char *s)
{
	return (struct bytes){(const uint8_t *)s, s != NULL ? strlen(s) : 0};
}

bool bytes_eq(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_eq_str(struct bytes a, const char *s)
{
	return bytes_eq(a, bytes_str(s));
}

static unsigned lower(unsigned c)
{
	return c - 'A' < 26u ? c | 0x20u : c;
}

bool bytes_eq_nocase(struct bytes a, struct bytes b)
{
	if (a.n != b.n)
		return false;
	size_t i = 0;
	for (; a.n - i >= 8; i += 8)
		if (swar_lower(swar_load(a.p + i)) != swar_lower(swar_load(b.p + i)))
			return false;
	for (; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

struct blob *blob_new_raw(const struct alloc *al, size_t n)
{
	if (n > UINT32_MAX - sizeof(struct blob))
		return NULL;
	struct blob *b = alloc_get(al, sizeof *b + n);
	if (b == NULL)
		return NULL;
	b->refs = 1;
	b->len = (uint32_t)n;
	b->al = al;
	return b;
}

struct blob *blob_new(const struct alloc *al, struct bytes d)
{
	struct blob *b = blob_new_raw(al, d.n);
	if (b != NULL && d.n > 0)
		memcpy(b->data, d.p, d.n);
	return b;
}

void blob_free(struct blob *b)
{
	alloc_put(b->al, b, sizeof *b + b->len);
}

struct slice slice_sub(struct slice s, uint32_t off, uint32_t len)
{
	assert(off <= s.len && len <= s.len - off);
	return (struct slice){s.blob, s.off + off, len};
}

void buf_init(struct buf *b, const struct alloc *al, size_t max)
{
	*b = (struct buf){.al = al, .max = max};
}

void buf_fini(struct buf *b)
{
	if (b->al != NULL)
		alloc_put(b->al, b->p, b->cap);
	b->p = NULL;
	b->n = b->cap = 0;
}

bool buf_reserve(struct buf *b, size_t more)
{
	if (b->failed)
		return false;
	if (more <= b->cap - b->n)
		return true;
	if (more > b->max || b->n > b->max - more) {
		b->failed = true;
		return false;
	}
	size_t cap = b->cap < 64 ? 64 : b->cap;
	while (cap < b->n + more)
		cap = cap > SIZE_MAX / 2 ? b->n + more : cap * 2;
	if (cap > b->max)
		cap = b->max;
	void *p = b->al->resize(b->al->ctx, b->p, b->cap, cap);
	if (p == NULL) {
		b->failed = true;
		return false;
	}
	b->p = p;
	b->cap = cap;
	return true;
}

void buf_add(struct buf *b, struct bytes d)
{
	if (d.n > 0 && buf_reserve(b, d.n)) {
		memcpy(b->p + b->n, d.p, d.n);
		b->n += d.n;
	}
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, bytes_str(s));
}

void buf_u8(struct buf *b, unsigned v)
{
	if (buf_reserve(b, 1))
		b->p[b->n++] = (uint8_t)v;
}

void buf_be16(struct buf *b, uint32_t v)
{
	uint8_t o[2] = {(uint8_t)(v >> 8), (uint8_t)v};
	buf_add(b, (struct bytes){o, sizeof o});
}

void buf_be32(struct buf *b, uint32_t v)
{
	uint8_t o[4];
	be32_put(o, v);
	buf_add(b, (struct bytes){o, sizeof o});
}

void buf_be64(struct buf *b, uint64_t v)
{
	uint8_t o[8];
	be64_put(o, v);
	buf_add(b, (struct bytes){o, sizeof o});
}

void buf_dec(struct buf *b, uint64_t v)
{
	uint8_t o[20];
	size_t i = sizeof o;
	do {
		o[--i] = (uint8_t)('0' + v % 10);
		v /= 10;
	} while (v != 0);
	buf_add(b, (struct bytes){o + i, sizeof o - i});
}

void buf_hex(struct buf *b, uint64_t v)
{
	uint8_t o[16];
	size_t i = sizeof o;
	do {
		o[--i] = (uint8_t) "0123456789abcdef"[v & 15];
		v >>= 4;
	} while (v != 0);
	buf_add(b, (struct bytes){o + i, sizeof o - i});
}

void buf_drop(struct buf *b, size_t n)
{
	assert(n <= b->n);
	b->n -= n;
	if (b->n > 0 && n > 0)
		memmove(b->p, b->p + n, b->n);
}

void buf_clear(struct buf *b)
{
	b->n = 0;
	b->failed = false;
}

struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){b->p, b->n};
}

struct blob *buf_blob(struct buf *b)
{
	if (b->failed)
		return NULL;
	return blob_new(b->al, buf_bytes(b));
}
