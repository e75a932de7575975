/*
 * swar: looking at eight octets at a time, in a word ("SIMD within a register").
 *
 *	octet     p[0] p[1] … p[7]
 *	word      bits 0-7, 8-15 … 56-63, on every machine
 *	mark      bit 7 of an octet's place says that the octet is one of those sought
 *
 * The marks below come from subtractions that borrow from the next higher octet, but only out of an octet that is itself marked:
 * the lowest mark is always right, and no mark at all means none. What stands behind the lowest mark has to be looked at anew.
 */
#ifndef PROTO_BASE_SWAR_H
#define PROTO_BASE_SWAR_H

#include <stddef.h>
#include <stdint.h>

#define SWAR_ONES 0x0101010101010101u
#define SWAR_HIGH 0x8080808080808080u

/* Compilers make one load of it. */
static inline uint64_t swar_load(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;
}

/* Marks octets equal to `c`: they are zero after the exclusive or, and only zero borrows without having its high bit. */
static inline uint64_t swar_equal(uint64_t w, uint8_t c)
{
	uint64_t x = w ^ SWAR_ONES * c;
	return (x - SWAR_ONES) & ~x & SWAR_HIGH;
}

/* Marks octets that are not printable ASCII: below 0x20, 0x7f, and from 0x80 up. */
static inline uint64_t swar_unprintable(uint64_t w)
{
	uint64_t del = w ^ SWAR_ONES * 0x7f;
	return (w | (w - SWAR_ONES * 0x20) | (del - SWAR_ONES)) & SWAR_HIGH;
}

/* A..Z become a..z; other octets stay. Seven bits of each octet are added to, so nothing is carried into the next. */
static inline uint64_t swar_lower(uint64_t w)
{
	uint64_t low = w & ~SWAR_HIGH;
	uint64_t from_a = low + SWAR_ONES * (0x80 - 'A'), past_z = low + SWAR_ONES * (0x7f - 'Z');
	return w | (((from_a ^ past_z) & ~w & SWAR_HIGH) >> 2);
}

/* Place (0 to 7) of the lowest mark, of which there must be one. */
static inline size_t swar_first(uint64_t mark)
{
	return (size_t)__builtin_ctzll(mark) / 8;
}

#endif
