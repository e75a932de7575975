/*
 * qpack: header compression for HTTP/3 (RFC 9204), decoder and encoder, with tables that can be looked at.
 *
 *	encoder ──encoder stream: capacity, insertions──▶ decoder      the streams arrive in any order, so a field
 *	encoder ──field section on a request stream─────▶ decoder      section may have to wait for insertions:
 *	encoder ◀──decoder stream: acknowledgements────── decoder      it is *blocked* until they have come
 *
 *	field section prefix:  Required Insert Count (encoded, 8-bit prefix) | S, Delta Base (7-bit prefix)   4.5.1
 *	  1 T iiiiii            indexed field line (T: static table)                                         4.5.2
 *	  0001 iiii             indexed, post-Base                                                           4.5.3
 *	  01 N T iiii  value    literal with name reference (N: never indexed)                               4.5.4
 *	  0000 N iii   value    literal with post-Base name reference                                        4.5.5
 *	  001 N H lll  name, value   literal with literal name                                               4.5.6
 */
#ifndef PROTO_QPACK_QPACK_H
#define PROTO_QPACK_QPACK_H

#include "proto/hpack/hfields.h"
#include "proto/hpack/hprim.h"

#define QPACK_STATIC_COUNT 99
#define QPACK_STRING_MAX_DEFAULT (64u * 1024)
#define QPACK_BLOCKED_MAX 100            /* field sections that may wait, whatever was allowed */
#define QPACK_SECTION_OCTETS_MAX 262144u /* one field section */

enum qpack_error {
	QPACK_DECOMPRESSION_FAILED = 0x200, /* RFC 9204 6 */
	QPACK_ENCODER_STREAM_ERROR = 0x201,
	QPACK_DECODER_STREAM_ERROR = 0x202
};

struct qpack_static_entry {
	const char *name, *value;
};
extern const struct qpack_static_entry qpack_static[QPACK_STATIC_COUNT]; /* RFC 9204 Appendix A */

/* What instructions and field lines look like; one row serves decoder, encoder, dissector and reference page. */
enum qpack_kind {
	QPACK_INDEXED,
	QPACK_INDEXED_POST_BASE,
	QPACK_LITERAL_NAME_REF,
	QPACK_LITERAL_POST_BASE_REF,
	QPACK_LITERAL,
	QPACK_ENC_CAPACITY,
	QPACK_ENC_INSERT_NAME_REF,
	QPACK_ENC_INSERT_LITERAL,
	QPACK_ENC_DUPLICATE,
	QPACK_DEC_SECTION_ACK,
	QPACK_DEC_STREAM_CANCEL,
	QPACK_DEC_INSERT_COUNT_INCREMENT
};
struct qpack_kind_info {
	uint8_t pattern, mask, prefix_bits;
	const char *name, *title, *ref, *help;
};
extern const struct qpack_kind_info qpack_kinds[12];
/* Which kind an octet begins: a field line, an instruction of the encoder stream, of the decoder stream. */
enum qpack_kind qpack_line_kind(uint8_t first);
enum qpack_kind qpack_encoder_kind(uint8_t first);
enum qpack_kind qpack_decoder_kind(uint8_t first);

/* Required Insert Count and Base from the prefix (RFC 9204 4.5.1). HP_BAD_CODE: an impossible value. */
enum hp_status qpack_prefix_read(struct bytes in, uint64_t max_entries, uint64_t inserted, uint64_t *required,
	uint64_t *base, size_t *used);

/* ---- decoder ---- */

struct qpack_blocked {
	uint64_t stream, required;
	struct blob *section;
};

struct qpack_dec {
	const struct alloc *al;
	struct hp_table table;
	uint64_t max_capacity, max_blocked; /* our SETTINGS_QPACK_MAX_TABLE_CAPACITY, _BLOCKED_STREAMS */
	size_t string_max;
	struct buf enc; /* octets of the encoder stream not yet consumed */
	size_t enc_taken;
	uint64_t enc_off;
	struct buf name, value;
	struct qpack_blocked blocked[QPACK_BLOCKED_MAX];
	uint32_t n_blocked;
	struct buf out;        /* decoder stream, to be sent */
	uint64_t acknowledged; /* insert count the encoder knows we have */
	bool failed;
	struct perr err; /* code: enum qpack_error, -1 out of memory */
};

void qpack_dec_init(struct qpack_dec *d, const struct alloc *al, uint64_t max_capacity, uint64_t max_blocked);
void qpack_dec_fini(struct qpack_dec *d);
/* Octets of the encoder stream. False: d->err, a connection error. */
bool qpack_dec_encoder_stream(struct qpack_dec *d, struct bytes in);
/* Decodes a whole field section into `fields` (cleared first). 1: done; 0: blocked, it is kept and comes back by
 * qpack_dec_unblocked; -1: d->err. */
int qpack_dec_section(struct qpack_dec *d, uint64_t stream, struct bytes section, struct hfields *fields);
/* The next section that is no longer blocked. 1: *stream and `fields`; 0: none; -1: d->err. */
int qpack_dec_unblocked(struct qpack_dec *d, uint64_t *stream, struct hfields *fields);
/* The stream was reset or is not read any more. */
void qpack_dec_cancel(struct qpack_dec *d, uint64_t stream);
/* Adds an Insert Count Increment for insertions no Section Acknowledgment has told of (RFC 9204 4.4.3). */
void qpack_dec_increment(struct qpack_dec *d);

/* ---- encoder ---- */

struct qpack_section {
	uint64_t stream, required;
	uint64_t min_ref; /* the smallest absolute index it refers to */
	bool acknowledged;
};

struct qpack_enc {
	const struct alloc *al;
	struct hp_table table;
	uint64_t max_capacity, max_blocked; /* what the peer allows */
	uint64_t known;                     /* Known Received Count (RFC 9204 2.1.4) */
	struct buf stream;                  /* encoder stream, to be sent */
	struct qpack_section *sections;     /* sent, not yet acknowledged */
	uint32_t n_sections, cap_sections;
	struct buf dec; /* octets of the decoder stream not yet consumed */
	enum hp_huff_use huffman;
	bool failed;
	struct perr err;
};

void qpack_enc_init(struct qpack_enc *e, const struct alloc *al);
void qpack_enc_fini(struct qpack_enc *e);
/* The peer's settings have come: uses a table of at most `own_max` octets. */
void qpack_enc_settings(struct qpack_enc *e, uint64_t max_capacity, uint64_t max_blocked, uint64_t own_max);
/* Appends the field section of a list to `out`; insertions go to e->stream. False: out of memory. */
bool qpack_enc_section(
	struct qpack_enc *e, uint64_t stream, const struct hfield *fields, size_t n, struct buf *out);
/* Octets of the decoder stream. False: e->err (QPACK_DECODER_STREAM_ERROR). */
bool qpack_enc_decoder_stream(struct qpack_enc *e, struct bytes in);

#endif
