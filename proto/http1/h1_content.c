/*
 * h1_content: see h1_content.h.
 */
#include "proto/http1/h1_content.h"

#include "proto/http1/http1.h"

#include <string.h>
#include <zlib.h>

#define CODINGS_MAX 4 /* codings undone one after the other */
#define PREFIX 16u    /* octets in front of zlib's blocks that hold their size */

static voidpf z_alloc(voidpf ctx, uInt items, uInt size)
{
	size_t n = (size_t)items * size + PREFIX;
	uint8_t *p = alloc_get(ctx, n);
	if (p == NULL)
		return Z_NULL;
	memset(p, 0, n);
	memcpy(p, &n, sizeof n);
	return p + PREFIX;
}

static void z_free(voidpf ctx, voidpf at)
{
	uint8_t *p = (uint8_t *)at - PREFIX;
	size_t n;
	memcpy(&n, p, sizeof n);
	alloc_put(ctx, p, n);
}

/* "deflate" should be zlib's format; some servers send it bare. The first two octets of the former are a multiple of 31. */
static int window_bits(struct bytes coding, struct bytes body)
{
	if (!bytes_eq_nocase(coding, BYTES_LIT("deflate")))
		return 15 + 16;
	return body.n >= 2 && (body.p[0] & 15) == 8 && be16_get(body.p) % 31 == 0 ? 15 : -15;
}

static enum h1_content inflate_all(z_stream *s, struct bytes body, size_t max, struct buf *out)
{
	size_t before = out->n, done = 0;
	for (;;) {
		if (s->avail_in == 0 && done < body.n) {
			size_t n = body.n - done < (1u << 30) ? body.n - done : 1u << 30;
			s->next_in = (Bytef *)(uintptr_t)(body.p + done);
			s->avail_in = (uInt)n;
			done += n;
		}
		size_t room = max - (out->n - before);
		if (room == 0) {
			/* Full: that is right only if nothing more comes out. */
			uint8_t one;
			/* cppcheck-suppress autoVariables -- not read after this call */
			s->next_out = &one;
			s->avail_out = 1;
			int rc = inflate(s, Z_NO_FLUSH);
			s->next_out = NULL;
			return s->avail_out == 0    ? H1_CONTENT_LONG
			       : rc == Z_STREAM_END ? H1_CONTENT_OK
						    : H1_CONTENT_CUT;
		}
		if (room > 65536)
			room = 65536;
		if (!buf_reserve(out, room))
			return H1_CONTENT_MEMORY;
		s->next_out = out->p + out->n;
		s->avail_out = (uInt)room;
		int rc = inflate(s, Z_NO_FLUSH);
		out->n += room - s->avail_out;
		if (rc == Z_STREAM_END)
			return H1_CONTENT_OK;
		if (rc != Z_OK && rc != Z_BUF_ERROR)
			return rc == Z_MEM_ERROR ? H1_CONTENT_MEMORY : H1_CONTENT_BAD;
		if (s->avail_out > 0 && s->avail_in == 0 && done == body.n)
			return H1_CONTENT_CUT;
	}
}

static enum h1_content undo(
	const struct alloc *al, struct bytes coding, struct bytes body, size_t max, struct buf *out)
{
	static const char *const known[] = {"gzip", "x-gzip", "deflate"};
	bool ours = false;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ours |= bytes_eq_nocase(coding, bytes_str(known[i]));
	if (!ours)
		return H1_CONTENT_UNKNOWN;
	z_stream s;
	memset(&s, 0, sizeof s);
	s.zalloc = z_alloc;
	s.zfree = z_free;
	s.opaque = (voidpf)(uintptr_t)al;
	if (inflateInit2(&s, window_bits(coding, body)) != Z_OK)
		return H1_CONTENT_MEMORY;
	enum h1_content r = inflate_all(&s, body, max, out);
	inflateEnd(&s);
	return r;
}

enum h1_content h1_content_decode(
	const struct alloc *al, struct bytes content_encoding, struct bytes body, size_t max, struct buf *out)
{
	struct bytes list[CODINGS_MAX], e;
	unsigned n = 0;
	while (h1_list_next(&content_encoding, &e)) {
		if (bytes_eq_nocase(e, BYTES_LIT("identity")))
			continue;
		if (n == CODINGS_MAX)
			return H1_CONTENT_UNKNOWN;
		list[n++] = e;
	}
	struct buf step[2];
	enum h1_content r = H1_CONTENT_OK;
	buf_init(&step[0], al, SIZE_MAX);
	buf_init(&step[1], al, SIZE_MAX);
	for (unsigned k = 0; n > 0 && r == H1_CONTENT_OK; k ^= 1) {
		step[k].n = 0;
		r = undo(al, list[--n], body, max, &step[k]);
		if (r != H1_CONTENT_UNKNOWN)
			body = buf_bytes(&step[k]);
	}
	if (r != H1_CONTENT_UNKNOWN && r != H1_CONTENT_MEMORY)
		buf_add(out, body);
	if (out->failed)
		r = H1_CONTENT_MEMORY;
	buf_fini(&step[0]);
	buf_fini(&step[1]);
	return r;
}
