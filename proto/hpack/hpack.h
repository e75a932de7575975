/*
 * hpack: header compression for HTTP/2 (RFC 7541), a decoder and an encoder whose dynamic table can be looked at.
 *
 * A header block is a row of representations (RFC 7541 6):
 *
 *	1 iiiiiii            indexed field                          6.1
 *	01 iiiiii  [name] v  literal, added to the table            6.2.1
 *	001 sssss            dynamic table size update              6.3
 *	0001 iiii  [name] v  literal, never indexed                 6.2.3
 *	0000 iiii  [name] v  literal, not added                     6.2.2
 *
 * Indices run over the static table (1..61, Appendix A), then the dynamic one, newest first.
 *
 * The decoder takes a block in pieces cut anywhere and gives one representation a call, with the offsets of its
 * parts in the block. Errors are sticky: the context is lost, and with it the connection (RFC 9113 4.3,
 * COMPRESSION_ERROR).
 */
#ifndef PROTO_HPACK_HPACK_H
#define PROTO_HPACK_HPACK_H

#include "proto/hpack/hprim.h"

#define HPACK_STATIC_COUNT 61
#define HPACK_TABLE_SIZE_DEFAULT 4096u        /* RFC 9113 6.5.2 SETTINGS_HEADER_TABLE_SIZE */
#define HPACK_STRING_MAX_DEFAULT (64u * 1024) /* one name or value; our own limit */
#define HPACK_COMPRESSION_ERROR 0x9           /* RFC 9113 7 */

enum hpack_kind {
	HPACK_INDEXED,
	HPACK_LITERAL_INCREMENTAL,
	HPACK_LITERAL_WITHOUT,
	HPACK_LITERAL_NEVER,
	HPACK_SIZE_UPDATE
};

/* What a representation kind looks like: one row for encoder, decoder, dissector and reference page. */
struct hpack_kind_info {
	uint8_t pattern, prefix_bits; /* leading bits; bits left for the integer */
	const char *name, *title, *ref, *help;
};
extern const struct hpack_kind_info hpack_kinds[5];

struct hpack_static_entry {
	const char *name, *value;
};
/* Row 0 is unused, so the row number is the index (RFC 7541 Appendix A). */
extern const struct hpack_static_entry hpack_static[HPACK_STATIC_COUNT + 1];

/* One representation and where its parts stand, as offsets in the block. */
struct hpack_rep {
	enum hpack_kind kind;
	uint64_t off;
	uint32_t len;
	uint64_t index;   /* field or name index; 0: the name is written out. SIZE_UPDATE: the new size */
	uint32_t int_len; /* octets of that integer */
	bool name_huffman, value_huffman;
	uint32_t name_off,
		name_wire; /* written-out name: offset in the representation of its octets, their number */
	uint32_t value_off, value_wire; /* value, likewise */
	struct bytes name, value;       /* decoded; borrowed until the next call on the codec */
	bool never_indexed;             /* must stay so when forwarded (RFC 7541 7.1.3) */
};

enum hpack_dec_state {
	HPACK_DEC_UPDATES, /* at the start of a block: size updates are allowed (RFC 7541 4.2) */
	HPACK_DEC_FIELDS,
	HPACK_DEC_FAILED
};

struct hpack_dec {
	enum hpack_dec_state state;
	struct hp_table table;
	size_t limit;      /* our SETTINGS_HEADER_TABLE_SIZE, acknowledged */
	bool update_due;   /* the limit went below the table's size: a size update must come first */
	size_t update_max; /* ... and not be larger than this */
	size_t string_max;
	struct buf pending; /* octets of the block not yet consumed */
	size_t taken;       /* of those, already given out */
	uint64_t block_off; /* octets of the block before pending.p[taken] */
	uint64_t list_size; /* sum of field sizes so far in this block (RFC 9113 10.5.1) */
	struct buf name, value;
	struct perr err;
};

/* `limit`: SETTINGS_HEADER_TABLE_SIZE from the start; the table begins at the smaller of it and 4,096. */
void hpack_dec_init(struct hpack_dec *d, const struct alloc *al, size_t limit, size_t string_max);
void hpack_dec_fini(struct hpack_dec *d);
/* The peer has acknowledged a new SETTINGS_HEADER_TABLE_SIZE (between two blocks). */
void hpack_dec_set_limit(struct hpack_dec *d, size_t limit);
/* Starts a block. */
void hpack_dec_begin(struct hpack_dec *d);
/* Adds octets of the current block (copied). False: out of memory or a sticky error. */
bool hpack_dec_feed(struct hpack_dec *d, struct bytes in);
/* 1: *rep is the next representation; 0: more octets are needed, or with `end` the block is complete;
 * -1: d->err says what and where. */
int hpack_dec_next(struct hpack_dec *d, bool end, struct hpack_rep *rep);

enum hpack_policy {
	HPACK_ADD,    /* index when known, else literal with incremental indexing */
	HPACK_NO_ADD, /* index when known, else literal without indexing */
	HPACK_NEVER   /* literal never indexed, whatever the tables hold */
};

struct hpack_enc {
	struct hp_table table;
	size_t limit;   /* the peer's SETTINGS_HEADER_TABLE_SIZE */
	size_t own_max; /* the most we are ready to use */
	bool update_due;
	size_t update_min; /* the smallest size since the last block (RFC 7541 4.2) */
	enum hp_huff_use huffman;
};

void hpack_enc_init(struct hpack_enc *e, const struct alloc *al, size_t own_max);
void hpack_enc_fini(struct hpack_enc *e);
/* The peer's SETTINGS_HEADER_TABLE_SIZE changed; the next block begins with the size updates this calls for. */
void hpack_enc_set_limit(struct hpack_enc *e, size_t limit);
/* Starts a block in `out`: writes size updates that are due. */
void hpack_enc_begin(struct hpack_enc *e, struct buf *out);
/* Writes one field. False: out of memory (out->failed, or the table could not take the entry). */
bool hpack_enc_field(struct hpack_enc *e, struct buf *out, struct bytes name, struct bytes value,
	enum hpack_policy policy);

/* Writes a representation as given (the inverse of decoding), for tools and tests. The tables are not touched. */
void hpack_rep_write(struct buf *out, const struct hpack_rep *rep);

#endif
