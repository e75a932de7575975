/*
 * fuzz_pmd_zlib: permessage-deflate in both directions. What is on the wire is judged by a second reader of DEFLATE, written after RFC 1951
 * for clearness alone, which keeps to the agreed window; what zlib writes with any level, strategy and flush must be read by us.
 *
 *   wire      octets as compressed payloads ─▶ our decoder and the second reader: the same messages, or both refuse
 *   encoder   messages ─▶ our encoder ─▶ the second reader: the same messages, within the window
 *   zlib      messages ─▶ zlib ─▶ our decoder: the same messages
 *
 * Input: mode, window bits and takeover, a limit, then pieces: a length octet and as many octets.
 */
#include <zlib.h>

#include "tests/support/codec_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- DEFLATE read once more ------------------------------------------------------------------------------------------ */

enum verdict { FINE, BAD, BIG };

struct second {
	struct bytes in;
	size_t bit;     /* the next bit, of the first in.n octets and the tail */
	struct buf all; /* everything since the window was empty */
	size_t start;   /* where this message begins in it */
	size_t window, max;
};

static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};

static int bits(struct second *s, unsigned n)
{
	int v = 0;
	for (unsigned i = 0; i < n; i++, s->bit++) {
		size_t at = s->bit >> 3;
		if (at >= s->in.n + sizeof tail)
			return -1;
		uint8_t c = at < s->in.n ? s->in.p[at] : tail[at - s->in.n];
		v |= (c >> (s->bit & 7) & 1) << i;
	}
	return v;
}

struct code {
	uint16_t count[16], symbol[288];
	bool usable; /* neither over-subscribed nor, with more than one bit, incomplete */
};

/* Canonical codes (RFC 1951 3.2.2). */
static void code_make(struct code *c, const uint8_t *len, unsigned n, bool may_be_one)
{
	uint16_t next[16];
	int left = 1;
	memset(c, 0, sizeof *c);
	for (unsigned i = 0; i < n; i++)
		c->count[len[i]]++;
	unsigned used = n - c->count[0], longest = 0;
	c->count[0] = 0;
	c->usable = true;
	for (unsigned l = 1; l < 16; l++) {
		left = 2 * left - c->count[l];
		if (left < 0)
			c->usable = false;
		if (c->count[l] > 0)
			longest = l;
	}
	if (left > 0 && used > 0 && !(may_be_one && longest == 1))
		c->usable = false;
	next[0] = next[1] = 0;
	for (unsigned l = 1; l < 15; l++)
		next[l + 1] = (uint16_t)(next[l] + c->count[l]);
	for (unsigned i = 0; i < n; i++)
		if (len[i] != 0)
			c->symbol[next[len[i]]++] = (uint16_t)i;
}

static int symbol(struct second *s, const struct code *c)
{
	int code = 0, first = 0, index = 0;
	for (unsigned l = 1; l < 16; l++) {
		int b = bits(s, 1);
		if (b < 0)
			return -1;
		code |= b;
		int n = c->count[l];
		if (code - first < n)
			return c->symbol[index + code - first];
		index += n;
		first = (first + n) << 1;
		code <<= 1;
	}
	return -1;
}

static enum verdict put(struct second *s, uint8_t c)
{
	buf_u8(&s->all, c);
	return s->all.n - s->start > s->max ? BIG : FINE;
}

static enum verdict copy(struct second *s, unsigned sym, const struct code *dist)
{
	static const uint16_t len_base[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43,
		51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
	static const uint8_t len_more[] = {
		0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
	if (sym - 257 >= sizeof len_more)
		return BAD;
	int more = bits(s, len_more[sym - 257]);
	int d = more < 0 ? -1 : symbol(s, dist);
	if (d < 0 || d > 29)
		return BAD;
	unsigned d_bits = d < 4 ? 0 : (unsigned)d / 2 - 1;
	int far = bits(s, d_bits);
	if (far < 0)
		return BAD;
	size_t base = d < 4 ? (size_t)d + 1 : ((size_t)(2 + (d & 1)) << d_bits) + 1,
	       distance = base + (size_t)far;
	if (distance > s->all.n || distance > s->window)
		return BAD;
	for (unsigned n = len_base[sym - 257] + (unsigned)more; n > 0; n--)
		if (put(s, s->all.p[s->all.n - distance]) == BIG)
			return BIG;
	return FINE;
}

static enum verdict codes(struct second *s, const struct code *lit, const struct code *dist)
{
	for (;;) {
		int sym = symbol(s, lit);
		if (sym < 0)
			return BAD;
		if (sym == 256)
			return FINE;
		enum verdict v = sym < 256 ? put(s, (uint8_t)sym) : copy(s, (unsigned)sym, dist);
		if (v != FINE)
			return v;
	}
}

static enum verdict stored(struct second *s)
{
	s->bit = (s->bit + 7) & ~(size_t)7;
	int n = bits(s, 16), not_n = bits(s, 16);
	if (n < 0 || not_n < 0 || (n ^ not_n) != 0xffff)
		return BAD;
	for (; n > 0; n--) {
		int c = bits(s, 8);
		if (c < 0)
			return BAD;
		if (put(s, (uint8_t)c) == BIG)
			return BIG;
	}
	return FINE;
}

static enum verdict fixed(struct second *s)
{
	struct code lit, dist;
	uint8_t len[288];
	for (unsigned i = 0; i < 288; i++)
		len[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	code_make(&lit, len, 288, false);
	memset(len, 5, 32);
	code_make(&dist, len, 32, false);
	return codes(s, &lit, &dist);
}

/* The code lengths of a dynamic block (RFC 1951 3.2.7). */
static bool lengths(struct second *s, const struct code *of, uint8_t *len, unsigned n)
{
	for (unsigned i = 0; i < n;) {
		int sym = symbol(s, of);
		if (sym < 0)
			return false;
		if (sym < 16) {
			len[i++] = (uint8_t)sym;
			continue;
		}
		int times = sym == 16 ? bits(s, 2) : sym == 17 ? bits(s, 3) : bits(s, 7);
		if (times < 0 || (sym == 16 && i == 0))
			return false;
		times += sym == 18 ? 11 : 3;
		if ((unsigned)times > n - i)
			return false;
		uint8_t l = sym == 16 ? len[i - 1] : 0;
		while (times-- > 0)
			len[i++] = l;
	}
	return true;
}

static enum verdict dynamic(struct second *s)
{
	static const uint8_t order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	struct code of, lit, dist;
	uint8_t len[320] = {0};
	int n_lit = bits(s, 5), n_dist = bits(s, 5), n_len = bits(s, 4);
	if (n_lit < 0 || n_dist < 0 || n_len < 0 || n_lit + 257 > 286 || n_dist + 1 > 30)
		return BAD;
	for (int i = 0; i < n_len + 4; i++) {
		int l = bits(s, 3);
		if (l < 0)
			return BAD;
		len[order[i]] = (uint8_t)l;
	}
	code_make(&of, len, 19, false);
	memset(len, 0, 19);
	unsigned a = (unsigned)n_lit + 257, b = (unsigned)n_dist + 1;
	if (!of.usable || !lengths(s, &of, len, a + b) || len[256] == 0)
		return BAD;
	code_make(&lit, len, a, true);
	code_make(&dist, len + a, b, true);
	return lit.usable && dist.usable ? codes(s, &lit, &dist) : BAD;
}

/* One message (RFC 7692 7.2.2): blocks up to the end of payload and tail; a final block may be the last of the payload instead. */
static enum verdict second_message(struct second *s, struct bytes payload)
{
	s->in = payload;
	s->bit = 0;
	s->start = s->all.n;
	if (payload.n == 0)
		return FINE;
	for (;;) {
		int final = bits(s, 1), type = bits(s, 2);
		if (final < 0 || type < 0 || type == 3)
			return BAD;
		enum verdict v = type == 0 ? stored(s) : type == 1 ? fixed(s) : dynamic(s);
		if (v != FINE)
			return v;
		if (final > 0)
			s->bit = (s->bit + 7) & ~(size_t)7;
		if (s->bit == 8 * (payload.n + sizeof tail) || (final > 0 && s->bit == 8 * payload.n))
			return FINE;
	}
}

/* ---- our decoder ------------------------------------------------------------------------------------------------------ */

struct ours {
	struct ws_dec d;
	struct ws_limits lim;
	struct buf frame;
};

static void ours_init(struct ours *o, const struct ws_pmd *pmd, size_t max)
{
	o->lim = (struct ws_limits){.message_octets_max = max, .fragments_max = 10};
	ws_dec_init(&o->d, &alloc_libc, WS_CLIENT, &o->lim, pmd);
	buf_init(&o->frame, &alloc_libc, SIZE_MAX);
}

static void ours_fini(struct ours *o)
{
	ws_dec_fini(&o->d);
	buf_fini(&o->frame);
}

/* Reads one compressed message, sent in two frames when it has at least two octets. */
static enum verdict ours_message(struct ours *o, struct bytes payload, struct bytes *text)
{
	struct ws_ev ev;
	size_t half = payload.n / 2;
	buf_clear(&o->frame);
	if (half > 0) {
		ws_put_frame(&o->frame, false, 4, WS_BINARY, bytes_sub(payload, 0, half), NULL);
		ws_put_frame(&o->frame, true, 0, WS_CONT, bytes_sub(payload, half, payload.n - half), NULL);
	} else {
		ws_put_frame(&o->frame, true, 4, WS_BINARY, payload, NULL);
	}
	ws_dec_feed(&o->d, buf_bytes(&o->frame));
	enum ws_ev_kind k;
	while ((k = ws_dec_next(&o->d, &ev)) == WS_FRAME)
		;
	if (k == WS_ERROR)
		return ev.err.code == WS_CLOSE_TOO_BIG ? BIG : BAD;
	assert(k == WS_MESSAGE && ev.compressed);
	*text = ev.data;
	return FINE;
}

static void settle(struct ours *o)
{
	struct ws_ev ev;
	assert(ws_dec_next(&o->d, &ev) == WS_NEED);
}

/* ---- the three modes ---------------------------------------------------------------------------------------------------- */

struct plan {
	struct ws_pmd pmd;
	struct bytes rest;
	unsigned level, strategy;
};

static bool next_piece(struct plan *p, struct bytes *piece)
{
	if (p->rest.n == 0)
		return false;
	size_t n = p->rest.p[0];
	if (n > p->rest.n - 1)
		n = p->rest.n - 1;
	*piece = bytes_sub(p->rest, 1, n);
	p->rest = bytes_sub(p->rest, 1 + n, p->rest.n - 1 - n);
	return true;
}

static void second_init(struct second *s, const struct plan *p, size_t max)
{
	*s = (struct second){.window = (size_t)1 << p->pmd.window_bits, .max = max};
	buf_init(&s->all, &alloc_libc, SIZE_MAX);
}

static struct bytes second_text(const struct second *s)
{
	return bytes_sub(buf_bytes(&s->all), s->start, s->all.n - s->start);
}

static void must(bool ok, const char *what, struct bytes payload)
{
	if (ok)
		return;
	fprintf(stderr, "%s:", what);
	for (size_t i = 0; i < payload.n; i++)
		fprintf(stderr, " %02x", payload.p[i]);
	fprintf(stderr, "\n");
	abort();
}

static void wire(struct plan *p, size_t max)
{
	struct second s;
	struct ours o;
	struct bytes piece, text;
	second_init(&s, p, max);
	ours_init(&o, &p->pmd, max);
	while (next_piece(p, &piece)) {
		/* Before it inflates anything our decoder refuses what cannot fit. */
		if (piece.n > max + max / 64 + 64)
			break;
		if (p->pmd.no_context_takeover)
			buf_clear(&s.all);
		enum verdict mine = ours_message(&o, piece, &text), other = second_message(&s, piece);
		must(mine == other,
			mine == FINE ? "we take what is no DEFLATE"
				     : "we refuse what is DEFLATE, or for another reason",
			piece);
		if (mine != FINE)
			break;
		must(bytes_eq(text, second_text(&s)), "we read something else", piece);
		settle(&o);
	}
	buf_fini(&s.all);
	ours_fini(&o);
}

static void encoder(struct plan *p)
{
	struct second s;
	struct bytes piece;
	struct buf out;
	struct ws_deflate *z = ws_deflate_new(&alloc_libc, &p->pmd, (int)p->level);
	assert(z != NULL);
	second_init(&s, p, 1 << 20);
	buf_init(&out, &alloc_libc, SIZE_MAX);
	while (next_piece(p, &piece)) {
		if (p->pmd.no_context_takeover)
			buf_clear(&s.all);
		buf_clear(&out);
		assert(ws_deflate(z, piece, &out));
		must(second_message(&s, buf_bytes(&out)) == FINE, "our encoder writes no DEFLATE",
			buf_bytes(&out));
		must(bytes_eq(piece, second_text(&s)), "our encoder writes something else", piece);
	}
	ws_deflate_free(z);
	buf_fini(&s.all);
	buf_fini(&out);
}

/* One message from zlib, flushed as the first octet of the piece says; a finished stream begins the next message anew. */
static void zlib_message(z_stream *z, struct bytes piece, struct buf *out)
{
	static const int flushes[] = {Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH, Z_BLOCK};
	int flush = flushes[piece.n > 0 ? piece.p[0] & 3 : 0];
	uint8_t room[1024];
	buf_clear(out);
	z->next_in = (Bytef *)(uintptr_t)piece.p;
	z->avail_in = (uInt)piece.n;
	z->next_out = room;
	z->avail_out = sizeof room;
	int rc = deflate(z, flush);
	assert(rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR);
	if (flush == Z_BLOCK)
		deflate(z, Z_SYNC_FLUSH);
	buf_add(out, (struct bytes){room, sizeof room - z->avail_out});
	if (flush == Z_FINISH)
		deflateReset(z);
	else if (out->n >= 4 && memcmp(out->p + out->n - 4, tail, 4) == 0)
		out->n -= 4;
}

static void zlib(struct plan *p)
{
	static const int strategies[] = {Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED};
	struct ours o;
	struct bytes piece, text;
	struct buf out;
	z_stream z = {0};
	/* zlib cannot keep to 256 octets by itself. */
	int window = p->pmd.window_bits == 8 ? 9 : p->pmd.window_bits,
	    strategy = p->pmd.window_bits == 8 ? Z_HUFFMAN_ONLY : strategies[p->strategy % 5];
	assert(deflateInit2(&z, (int)p->level, Z_DEFLATED, -window, 1 + (int)(p->strategy % 9), strategy) ==
		Z_OK);
	ours_init(&o, &p->pmd, 1 << 20);
	buf_init(&out, &alloc_libc, SIZE_MAX);
	while (next_piece(p, &piece)) {
		zlib_message(&z, piece, &out);
		enum verdict v = ours_message(&o, buf_bytes(&out), &text);
		must(v == FINE, "we refuse what zlib wrote", buf_bytes(&out));
		must(bytes_eq(piece, text), "we read something else than zlib wrote", buf_bytes(&out));
		settle(&o);
		if (p->pmd.no_context_takeover)
			deflateReset(&z);
	}
	deflateEnd(&z);
	ours_fini(&o);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 4 || size > 1 << 15)
		return 0;
	struct plan p = {
		.pmd = {.on = true, .no_context_takeover = data[1] & 8, .window_bits = 8 + (data[1] & 7)},
		.rest = {data + 3, size - 3},
		.level = (data[1] >> 4) % 10,
		.strategy = data[2]};
	switch (data[0] % 3) {
	case 0:
		wire(&p, data[2] & 1 ? 40 : 1 << 17);
		break;
	case 1:
		encoder(&p);
		break;
	default:
		zlib(&p);
	}
	return 0;
}
