/*
 * hprim: the primitives HPACK (RFC 7541 5) and QPACK (RFC 9204 4.1) share: prefix integers, the Huffman code,
 * string literals, and the dynamic table with its 32-octet entry overhead.
 *
 *	  0   1   2   3   4   5   6   7        an integer with a 5-bit prefix: values below 31 fit in the
 *	+---+---+---+---+---+---+---+---+      prefix; from 31 on, the rest follows seven bits an octet,
 *	| ? | ? | ? | 1   1   1   1   1 |      least significant first, bit 7 set on all but the last.
 *	+---+---+---+-------------------+
 *	| 1 |    value - 31, low bits   |
 *	+---+---------------------------+
 */
#ifndef PROTO_HPACK_HPRIM_H
#define PROTO_HPACK_HPRIM_H

#include "proto/base/base.h"

/* Out of memory, as a `perr.code`. Every other code is the protocol's own and not negative. */
#define HP_NOMEM (-1)

/* What a reader over a possibly cut input can answer. */
enum hp_status {
	HP_OK,
	HP_MORE,     /* the input ends inside; nothing was consumed */
	HP_OVERFLOW, /* an integer over the limit, or written in too many octets (RFC 7541 5.1) */
	HP_BAD_CODE, /* Huffman: EOS decoded, padding over 7 bits, or padding not all ones (RFC 7541 5.2) */
	HP_LIMIT,    /* a string over our own limit */
	HP_OOM
};

/* Octets an integer may take: one prefix octet and as many as 32 (HPACK) or 62 (QPACK) bits need. */
#define HP_INT32_OCTETS_MAX 6
#define HP_INT62_OCTETS_MAX 10

/* Reads an integer with a prefix of `bits` (1..8) at in.p[0]. `max` is the largest accepted value and
 * `octets_max` the longest accepted form. On HP_OK *value and *used (octets) are set. */
enum hp_status hp_int_read(
	struct bytes in, unsigned bits, uint64_t max, unsigned octets_max, uint64_t *value, size_t *used);

/* Writes an integer with a `bits` prefix under the high bits `first`, in its shortest form. */
void hp_int_write(struct buf *out, unsigned first, unsigned bits, uint64_t value);

/* Octets that `s` takes in the Huffman code, padding included (RFC 7541 5.2). */
size_t hp_huff_len(struct bytes s);
void hp_huff_write(struct buf *out, struct bytes s);
/* Decodes a whole Huffman string into `out` (appended). HP_BAD_CODE leaves *bad_off at the octet at fault. */
enum hp_status hp_huff_read(struct bytes in, struct buf *out, size_t *bad_off);
/* The code of symbol `sym` (0..256; 256 is EOS): its bits, right-aligned, and their number. */
uint32_t hp_huff_code(unsigned sym, unsigned *nbits);

/* A string literal (RFC 7541 5.2): H bit, length with a `bits` prefix, octets. */
struct hp_str {
	bool huffman;
	uint64_t wire_len; /* octets on the wire after the length */
	size_t len_octets; /* octets of the length itself */
	size_t used;       /* all octets consumed */
};

/* Reads a literal whose H bit stands just above the `bits` prefix; appends the decoded octets to `out`.
 * `max` limits both the length on the wire and the decoded length. HP_LIMIT is answered as soon as the length
 * is known. */
enum hp_status hp_str_read(
	struct bytes in, unsigned bits, size_t max, struct buf *out, struct hp_str *s, size_t *bad_off);

/* How many octets a literal at the start of `in` takes. HP_MORE: not all of them are there. Nothing is decoded, so that
 * an input that comes octet by octet is not decoded again and again. */
enum hp_status hp_str_span(struct bytes in, unsigned bits, size_t max, size_t *span);

enum hp_huff_use { HP_HUFF_SHORTER, HP_HUFF_NEVER, HP_HUFF_ALWAYS };

/* Writes a literal under the high bits `first` (those above the H bit). */
void hp_str_write(struct buf *out, unsigned first, unsigned bits, struct bytes s, enum hp_huff_use use);

/* What an entry costs besides its octets (RFC 7541 4.1, RFC 9204 3.2.1). */
#define HP_ENTRY_OVERHEAD 32

/* One entry of a dynamic table. The octets stand behind the struct: name, then value. */
struct hp_entry {
	uint32_t name_len, value_len;
	uint32_t refs; /* QPACK encoder: field sections that still point here */
	uint8_t octets[];
};

struct bytes hp_entry_name(const struct hp_entry *e);
struct bytes hp_entry_value(const struct hp_entry *e);
/* Name length + value length + 32 (RFC 7541 4.1). */
size_t hp_field_size(struct bytes name, struct bytes value);

/*
 * The dynamic table: a queue, newest at the front, entries leaving at the back (RFC 7541 2.3.2, 4).
 *
 *	index 0 = newest                      inserted counts all insertions ever made, so the entry at
 *	[ e4 | e3 | e2 ] e1 e0 (evicted)      position i has the absolute index inserted - 1 - i (RFC 9204 3.2.4)
 */
struct hp_table {
	const struct alloc *al;
	struct hp_entry **ring;
	size_t cap, head, count; /* head: place of the newest */
	size_t size;             /* sum of entry sizes */
	size_t max_size;
	uint64_t inserted;
};

void hp_table_init(struct hp_table *t, const struct alloc *al, size_t max_size);
void hp_table_fini(struct hp_table *t);
/* The entry at position i (0 = newest); NULL when there is none. */
const struct hp_entry *hp_table_at(const struct hp_table *t, uint64_t i);
/* The entry with an absolute index; NULL when it is not there (yet or any more). */
const struct hp_entry *hp_table_abs(const struct hp_table *t, uint64_t abs);
/* Evicts from the back until `size` <= `to`. */
void hp_table_shrink(struct hp_table *t, size_t to);
void hp_table_set_max(struct hp_table *t, size_t max_size);
/* Inserts a copy, evicting as needed; `name` and `value` may point into an entry that goes. An entry larger than
 * the table empties it and is not an error (RFC 7541 4.4). False: out of memory, table unchanged. */
bool hp_table_insert(struct hp_table *t, struct bytes name, struct bytes value);

#endif
