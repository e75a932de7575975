/*
 * utf8: the automaton and the fast path over ASCII. See utf8.h.
 *
 *   START ─00..7F▶ START   ─C2..DF▶ T1   ─E0▶ E0   ─E1..EC,EE,EF▶ T2   ─ED▶ ED   ─F0▶ F0   ─F1..F3▶ T3   ─F4▶ F4
 *   E0 ─A0..BF▶ T1 (shortest form)   ED ─80..9F▶ T1 (no surrogates)   T2 ─80..BF▶ T1 ─80..BF▶ START
 *   F0 ─90..BF▶ T2 (shortest form)   F4 ─80..8F▶ T2 (U+10FFFF)        T3 ─80..BF▶ T2
 */
#include "proto/base/utf8.h"

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

/* What may come as the next continuation octet in a state, and where it leads. */
static const struct {
	uint8_t lo, hi, next;
} cont[] = {
	[S_T1] = {0x80, 0xbf, S_START},
	[S_T2] = {0x80, 0xbf, S_T1},
	[S_T3] = {0x80, 0xbf, S_T2},
	[S_E0] = {0xa0, 0xbf, S_T1},
	[S_ED] = {0x80, 0x9f, S_T1},
	[S_F0] = {0x90, 0xbf, S_T2},
	[S_F4] = {0x80, 0x8f, S_T2},
};

static unsigned lead(uint8_t c)
{
	if (c < 0x80)
		return S_START;
	if (c < 0xc2)
		return S_REJECT;
	if (c < 0xe0)
		return S_T1;
	if (c < 0xf0)
		return c == 0xe0 ? S_E0 : c == 0xed ? S_ED : S_T2;
	if (c < 0xf5)
		return c == 0xf0 ? S_F0 : c == 0xf4 ? S_F4 : S_T3;
	return S_REJECT;
}

static unsigned step(unsigned state, uint8_t c)
{
	if (state == S_START)
		return lead(c);
	if (state == S_REJECT)
		return S_REJECT;
	return c >= cont[state].lo && c <= cont[state].hi ? cont[state].next : S_REJECT;
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

size_t utf8_check(uint8_t *state, struct bytes b)
{
	unsigned s = *state;
	size_t i = 0;
	while (i < b.n) {
		if (s == S_START && b.p[i] < 0x80) {
			i += ascii_run(b.p + i, b.n - i);
			continue;
		}
		s = step(s, b.p[i]);
		if (s == S_REJECT)
			break;
		i++;
	}
	*state = (uint8_t)s;
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
