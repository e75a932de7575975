/*
 * utf8: the automaton and the fast path over ASCII. See utf8.h.
 *
 *   START ─00..7F▶ START   ─C2..DF▶ T1   ─E0▶ E0   ─E1..EC,EE,EF▶ T2   ─ED▶ ED   ─F0▶ F0   ─F1..F3▶ T3   ─F4▶ F4
 *   E0 ─A0..BF▶ T1 (shortest form)   ED ─80..9F▶ T1 (no surrogates)   T2 ─80..BF▶ T1 ─80..BF▶ START
 *   F0 ─90..BF▶ T2 (shortest form)   F4 ─80..8F▶ T2 (U+10FFFF)        T3 ─80..BF▶ T2
 */
#include "proto/base/utf8.h"
#include "proto/base/swar.h"

#include <string.h>

enum {
	S_START = UTF8_START,
	S_REJECT = UTF8_REJECT,
	S_T1,
	S_T2,
	S_T3,
	S_E0,
	S_ED,
	S_F0,
	S_F4,
};

/*
 * The automaton as a table of words: row[c] holds for each state, six bits wide, six times the state that octet c leads to, so that
 * a step is one shift by the state (times six) and waits for nothing but the step before. What is not named leads to REJECT.
 */
enum { WIDTH = 6 };
#define REJECTED(s) ((uint64_t)(WIDTH * S_REJECT) << (WIDTH * (s)))
#define GO(from, to) ((uint64_t)(WIDTH * (to) ^ WIDTH * S_REJECT) << (WIDTH * (from)))
#define NONE                                                                                         \
	(REJECTED(S_START) | REJECTED(S_REJECT) | REJECTED(S_T1) | REJECTED(S_T2) | REJECTED(S_T3) | \
		REJECTED(S_E0) | REJECTED(S_ED) | REJECTED(S_F0) | REJECTED(S_F4))
#define CONT (NONE ^ GO(S_T1, S_START) ^ GO(S_T2, S_T1) ^ GO(S_T3, S_T2))
#define LEAD(to) (NONE ^ GO(S_START, to))
#define R4(c, row) [c] = row, [c + 1] = row, [c + 2] = row, [c + 3] = row
#define R16(c, row) R4(c, row), R4(c + 4, row), R4(c + 8, row), R4(c + 12, row)

/* clang-format off */
static const uint64_t rows[256] = {
	R16(0x00, LEAD(S_START)), R16(0x10, LEAD(S_START)), R16(0x20, LEAD(S_START)), R16(0x30, LEAD(S_START)),
	R16(0x40, LEAD(S_START)), R16(0x50, LEAD(S_START)), R16(0x60, LEAD(S_START)), R16(0x70, LEAD(S_START)),
	R16(0x80, CONT ^ GO(S_ED, S_T1) ^ GO(S_F4, S_T2)),
	R16(0x90, CONT ^ GO(S_ED, S_T1) ^ GO(S_F0, S_T2)),
	R16(0xa0, CONT ^ GO(S_E0, S_T1) ^ GO(S_F0, S_T2)),
	R16(0xb0, CONT ^ GO(S_E0, S_T1) ^ GO(S_F0, S_T2)),
	[0xc0] = NONE, [0xc1] = NONE, [0xc2] = LEAD(S_T1), [0xc3] = LEAD(S_T1),
	R4(0xc4, LEAD(S_T1)), R4(0xc8, LEAD(S_T1)), R4(0xcc, LEAD(S_T1)),
	R16(0xd0, LEAD(S_T1)),
	[0xe0] = LEAD(S_E0), [0xe1] = LEAD(S_T2), [0xe2] = LEAD(S_T2), [0xe3] = LEAD(S_T2),
	R4(0xe4, LEAD(S_T2)), R4(0xe8, LEAD(S_T2)),
	[0xec] = LEAD(S_T2), [0xed] = LEAD(S_ED), [0xee] = LEAD(S_T2), [0xef] = LEAD(S_T2),
	[0xf0] = LEAD(S_F0), [0xf1] = LEAD(S_T3), [0xf2] = LEAD(S_T3), [0xf3] = LEAD(S_T3),
	[0xf4] = LEAD(S_F4), [0xf5] = NONE, [0xf6] = NONE, [0xf7] = NONE,
	R4(0xf8, NONE), R4(0xfc, NONE),
};
/* clang-format on */

/* A state is kept here times WIDTH, as the rows have it; bits above it are left over from the shift. */
static uint64_t step(uint64_t state, uint8_t c)
{
	return rows[c] >> (state & 63);
}

static size_t ascii_run(const uint8_t *p, size_t n)
{
	size_t i = 0;
	while (n - i >= 32) {
		uint64_t w[4];
		memcpy(w, p + i, sizeof w);
		if ((w[0] | w[1] | w[2] | w[3]) & 0x8080808080808080u)
			break;
		i += 32;
	}
	while (n - i >= 8) {
		uint64_t w;
		memcpy(&w, p + i, sizeof w);
		if (w & 0x8080808080808080u)
			break;
		i += 8;
	}
	while (i < n && p[i] < 0x80)
		i++;
	return i;
}

enum { BLOCK = 16 }; /* octets between two looks at the state */

size_t utf8_check(uint8_t *state, struct bytes b)
{
	uint64_t s = *state * (unsigned)WIDTH;
	size_t i = 0;
	while (i < b.n) {
		if (s == WIDTH * S_START && b.n - i >= 8 && !(swar_load(b.p + i) & SWAR_HIGH)) {
			i += ascii_run(b.p + i, b.n - i);
			continue;
		}
		uint64_t t = s;
		size_t k = 0, n = b.n - i < BLOCK ? b.n - i : BLOCK;
		for (; k < n; k++)
			t = step(t, b.p[i + k]);
		if ((t & 63) == WIDTH * S_REJECT) { /* for ever, so it is enough to find out here where */
			for (; ((s = step(s, b.p[i])) & 63) != WIDTH * S_REJECT; i++) {
			}
			s = WIDTH * S_REJECT;
			break;
		}
		s = t & 63;
		i += n;
	}
	*state = (uint8_t)(s / WIDTH);
	return i;
}

bool utf8_valid(struct bytes b)
{
	uint8_t s = UTF8_START;
	return utf8_check(&s, b) == b.n && s == UTF8_START;
}

void utf8_replace(struct buf *out, struct bytes b)
{
	static const uint8_t fffd[3] = {0xef, 0xbf, 0xbd};
	while (b.n > 0) {
		uint8_t s = UTF8_START;
		size_t ok = utf8_check(&s, b);
		/* Step back over the lead of a character that did not get its continuation octets. */
		size_t good = ok;
		for (size_t k = 1; k <= 3 && k <= ok; k++) {
			uint8_t c = b.p[ok - k];
			if ((c & 0xc0) == 0x80)
				continue;
			size_t need = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
			if (need > k)
				good = ok - k;
			break;
		}
		buf_add(out, bytes_sub(b, 0, good));
		if (good == b.n)
			return;
		buf_add(out, (struct bytes){fffd, sizeof fffd});
		/* The maximal part: what was accepted of the broken character, or the one octet that can begin none. */
		size_t skip = ok > good ? ok : ok + 1;
		b = bytes_sub(b, skip, b.n - skip);
	}
}

void utf8_put(struct buf *out, uint32_t cp)
{
	if (cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		cp = 0xfffd;
	if (cp < 0x80) {
		buf_u8(out, cp);
	} else if (cp < 0x800) {
		buf_u8(out, 0xc0 | cp >> 6);
		buf_u8(out, 0x80 | (cp & 0x3f));
	} else if (cp < 0x10000) {
		buf_u8(out, 0xe0 | cp >> 12);
		buf_u8(out, 0x80 | (cp >> 6 & 0x3f));
		buf_u8(out, 0x80 | (cp & 0x3f));
	} else {
		buf_u8(out, 0xf0 | cp >> 18);
		buf_u8(out, 0x80 | (cp >> 12 & 0x3f));
		buf_u8(out, 0x80 | (cp >> 6 & 0x3f));
		buf_u8(out, 0x80 | (cp & 0x3f));
	}
}
