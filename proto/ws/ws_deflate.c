/*
 * ws_deflate: permessage-deflate's two directions through zlib (RFC 7692 7.2).
 *
 *   sender    DEFLATE, flush to an octet boundary, drop the trailing 00 00 ff ff
 *   receiver  append 00 00 ff ff, inflate; the window goes on into the next message (context takeover)
 *
 * zlib would follow a back reference that reaches further than the agreed window as long as the octets are still in its
 * output; with an agreed window below 32 KiB the output is therefore taken one octet at a time, which makes it strict.
 */
#include "proto/ws/ws_int.h"

#include <string.h>
#include <zlib.h>

struct ws_inflate {
	z_stream s;
	const struct alloc *al;
	unsigned bits;
};

struct ws_deflate {
	z_stream s;
	const struct alloc *al;
	bool reset_each;
};

/* zlib frees without telling the size, which our allocators want to know: it is kept in front of the block. */
#define SIZE_PREFIX 16u

static voidpf z_alloc(voidpf ctx, uInt items, uInt size)
{
	const struct alloc *al = ctx;
	size_t n = (size_t)items * size + SIZE_PREFIX;
	uint8_t *p = alloc_get(al, n);
	if (p == NULL)
		return Z_NULL;
	memset(p, 0, n);
	memcpy(p, &n, sizeof n);
	return p + SIZE_PREFIX;
}

static void z_free(voidpf ctx, voidpf at)
{
	const struct alloc *al = ctx;
	uint8_t *p = (uint8_t *)at - SIZE_PREFIX;
	size_t n;
	memcpy(&n, p, sizeof n);
	alloc_put(al, p, n);
}

static void z_setup(z_stream *s, const struct alloc *al)
{
	memset(s, 0, sizeof *s);
	s->zalloc = z_alloc;
	s->zfree = z_free;
	s->opaque = (voidpf)(uintptr_t)al;
}

struct ws_inflate *ws_inflate_new(const struct alloc *al, unsigned window_bits)
{
	struct ws_inflate *z = alloc_get(al, sizeof *z);
	if (z == NULL)
		return NULL;
	z->al = al;
	z->bits = window_bits >= 8 && window_bits <= 15 ? window_bits : 15;
	z_setup(&z->s, al);
	if (inflateInit2(&z->s, -(int)z->bits) != Z_OK) {
		alloc_put(al, z, sizeof *z);
		return NULL;
	}
	return z;
}

void ws_inflate_free(struct ws_inflate *z)
{
	if (z == NULL)
		return;
	inflateEnd(&z->s);
	alloc_put(z->al, z, sizeof *z);
}

/* Inflates all of `in`. *ended: the last block was marked final and nothing follows it. */
static enum ws_err run(struct ws_inflate *z, struct bytes in, struct buf *out, uint64_t max, bool *ended)
{
	size_t done = 0;
	*ended = false;
	z->s.avail_in = 0;
	for (;;) {
		if (z->s.avail_in == 0 && done < in.n) {
			size_t n = in.n - done < (1u << 30) ? in.n - done : 1u << 30;
			z->s.next_in = (Bytef *)(uintptr_t)(in.p + done);
			z->s.avail_in = (uInt)n;
			done += n;
		}
		size_t room = z->bits < 15 ? 1 : 4096 + (in.n < (1u << 20) ? in.n * 3 : 3u << 20);
		if (room > max + 1 - out->n)
			room = (size_t)(max + 1 - out->n);
		if (!buf_reserve(out, room))
			return WS_E_MEMORY;
		z->s.next_out = out->p + out->n;
		z->s.avail_out = (uInt)room;
		int rc = inflate(&z->s, Z_SYNC_FLUSH);
		out->n += room - z->s.avail_out;
		if (out->n > max)
			return WS_E_TOO_BIG;
		if (rc == Z_STREAM_END) {
			*ended = z->s.avail_in == 0 && done == in.n;
			if (inflateResetKeep(&z->s) != Z_OK)
				return WS_E_MEMORY;
			if (*ended)
				return WS_E_NONE;
		} else if (rc != Z_OK && rc != Z_BUF_ERROR) {
			return rc == Z_MEM_ERROR ? WS_E_MEMORY : WS_E_DEFLATE;
		}
		if (z->s.avail_out > 0 && z->s.avail_in == 0 && done == in.n)
			return WS_E_NONE;
	}
}

enum ws_err ws_inflate(struct ws_inflate *z, struct bytes payload, struct buf *out, uint64_t max)
{
	static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};
	bool ended;
	if (max > SIZE_MAX / 2)
		max = SIZE_MAX / 2;
	/* No payload at all is not what 7.2.3.6 writes for an empty message (one octet 00), but plainly means it. */
	if (payload.n == 0)
		return WS_E_NONE;
	enum ws_err e = run(z, payload, out, max, &ended);
	if (e != WS_E_NONE || ended)
		return e;
	e = run(z, (struct bytes){tail, sizeof tail}, out, max, &ended);
	/* The message must end between two blocks on an octet boundary: zlib says so by 128 and no bits held. Or the tail completes a
	 * final block, as when the sender's empty stored block was marked final. */
	if (e == WS_E_NONE && !ended && (z->s.data_type & 0xff) != 128)
		e = WS_E_DEFLATE;
	return e;
}

struct ws_deflate *ws_deflate_new(const struct alloc *al, const struct ws_pmd *pmd, int level)
{
	struct ws_deflate *z = alloc_get(al, sizeof *z);
	if (z == NULL)
		return NULL;
	z->al = al;
	z->reset_each = pmd->no_context_takeover;
	z_setup(&z->s, al);
	int bits = pmd->window_bits >= 8 && pmd->window_bits <= 15 ? pmd->window_bits : 15;
	/* A small window needs little memory; zlib's own default is memLevel 8 for 15 bits. */
	int mem = bits >= 15 ? 8 : bits >= 12 ? 6 : 4;
	int strategy = bits == 8 ? Z_HUFFMAN_ONLY : Z_DEFAULT_STRATEGY;
	if (deflateInit2(&z->s, level, Z_DEFLATED, -(bits == 8 ? 9 : bits), mem, strategy) != Z_OK) {
		alloc_put(al, z, sizeof *z);
		return NULL;
	}
	return z;
}

void ws_deflate_free(struct ws_deflate *z)
{
	if (z == NULL)
		return;
	deflateEnd(&z->s);
	alloc_put(z->al, z, sizeof *z);
}

bool ws_deflate(struct ws_deflate *z, struct bytes message, struct buf *out)
{
	size_t done = 0;
	if (message.n == 0) {
		buf_u8(out, 0); /* RFC 7692 7.2.3.6 */
		return !out->failed;
	}
	z->s.avail_in = 0;
	do {
		if (z->s.avail_in == 0 && done < message.n) {
			size_t n = message.n - done < (1u << 30) ? message.n - done : 1u << 30;
			z->s.next_in = (Bytef *)(uintptr_t)(message.p + done);
			z->s.avail_in = (uInt)n;
			done += n;
		}
		size_t room = 256 + z->s.avail_in / 2;
		if (!buf_reserve(out, room))
			return false;
		z->s.next_out = out->p + out->n;
		z->s.avail_out = (uInt)room;
		int rc = deflate(&z->s, done == message.n ? Z_SYNC_FLUSH : Z_NO_FLUSH);
		if (rc != Z_OK && rc != Z_BUF_ERROR)
			return false;
		out->n += room - z->s.avail_out;
	} while (z->s.avail_out == 0 || z->s.avail_in > 0 || done < message.n);
	out->n -= 4;
	return !z->reset_each || deflateReset(&z->s) == Z_OK;
}
