/*
 * quic: the shapes of QUIC version 1 on the wire (RFC 9000), for octets that are not, or no longer, protected:
 * variable-length integers, packet headers, frames, transport parameters, packet numbers; and the keys of Initial
 * packets (RFC 9001 5.2), which everybody on the path can derive.
 *
 *	varint (16)   00 6 bits · 01 14 bits · 10 30 bits · 11 62 bits, big-endian
 *
 *	long header   1 1 T T R R P P | version (32) | DCID len, DCID | SCID len, SCID | type-specific …      17.2
 *	short header  0 1 S R R K P P | DCID | packet number | payload                                          17.3
 *
 * Left out: the connection's state (streams, loss recovery, handshake). Datagrams of RFC 9221 are frames here.
 */
#ifndef PROTO_QUIC_QUIC_H
#define PROTO_QUIC_QUIC_H

#include "proto/base/base.h"

#define QUIC_VARINT_MAX 4611686018427387903ull /* 2^62 - 1 */
#define QUIC_CID_MAX 20
#define QUIC_VERSION_1 0x00000001u
#define QUIC_VERSION_2 0x6b3343cfu /* RFC 9369 */

/* Reads a variable-length integer. Returns its octets, 0: the input is too short. */
size_t quic_varint_read(struct bytes in, uint64_t *value);
/* Octets of the shortest form. */
size_t quic_varint_len(uint64_t value);
void quic_varint_write(struct buf *out, uint64_t value);
/* Writes in exactly `len` octets (1, 2, 4 or 8), which must be enough. */
void quic_varint_write_len(struct buf *out, uint64_t value, size_t len);

/* Recovers a packet number from its `bits` low bits (8, 16, 24, 32) and the largest one processed (RFC 9000 A.3). */
uint64_t quic_pn_decode(uint64_t largest, uint64_t truncated, unsigned bits);
/* Octets needed so that the peer can recover pn; largest_acked UINT64_MAX: nothing acknowledged (RFC 9000 A.2). */
unsigned quic_pn_len(uint64_t pn, uint64_t largest_acked);

enum quic_error {
	QUIC_NO_ERROR = 0x0,
	QUIC_INTERNAL_ERROR = 0x1,
	QUIC_CONNECTION_REFUSED = 0x2,
	QUIC_FLOW_CONTROL_ERROR = 0x3,
	QUIC_STREAM_LIMIT_ERROR = 0x4,
	QUIC_STREAM_STATE_ERROR = 0x5,
	QUIC_FINAL_SIZE_ERROR = 0x6,
	QUIC_FRAME_ENCODING_ERROR = 0x7,
	QUIC_TRANSPORT_PARAMETER_ERROR = 0x8,
	QUIC_CONNECTION_ID_LIMIT_ERROR = 0x9,
	QUIC_PROTOCOL_VIOLATION = 0xa,
	QUIC_INVALID_TOKEN = 0xb,
	QUIC_APPLICATION_ERROR = 0xc,
	QUIC_CRYPTO_BUFFER_EXCEEDED = 0xd,
	QUIC_KEY_UPDATE_ERROR = 0xe,
	QUIC_AEAD_LIMIT_REACHED = 0xf,
	QUIC_NO_VIABLE_PATH = 0x10
};

struct quic_name {
	uint64_t value;
	const char *name, *ref, *help;
};
/* NULL: not known. CRYPTO_ERROR (0x0100-0x01ff) has one row. */
const struct quic_name *quic_error_info(uint64_t code);

/* ---- packet headers ---- */

enum quic_packet {
	QUIC_INITIAL,
	QUIC_0RTT,
	QUIC_HANDSHAKE,
	QUIC_RETRY,
	QUIC_VERSION_NEGOTIATION,
	QUIC_SHORT,
	QUIC_LONG_UNKNOWN
};
extern const char *const quic_packet_names[7];

struct quic_header {
	enum quic_packet type;
	uint8_t first;
	bool fixed; /* the fixed bit */
	uint32_t version;
	struct bytes dcid, scid, token; /* borrowed from the input */
	struct bytes versions;          /* Version Negotiation: four octets each */
	struct bytes retry_tag;         /* Retry: the last 16 octets */
	bool spin, key_phase;           /* short header; key_phase is protected */
	bool reserved; /* the reserved bits are not 0: a fault once protection is off (RFC 9000 17.2, 17.3.1) */
	unsigned pn_len; /* as the low bits of `first` say: protected in a captured packet */
	uint64_t pn;     /* truncated, likewise */
	uint64_t length; /* of packet number and payload together, long header */
	size_t pn_off, payload_off,
		end; /* offsets in the datagram; end: where a coalesced packet may follow */
};

/* Reads one packet's header at the start of `in`. `short_dcid_len`: length of our own connection ids. False: *err,
 * whose code is a QUIC error, or 0 when the packet is merely to be dropped. */
bool quic_header_read(struct bytes in, size_t short_dcid_len, struct quic_header *h, struct perr *err);
/* Writes a header from its fields, packet number included; `length` is written in two octets. */
void quic_header_write(struct buf *out, const struct quic_header *h);

/* ---- frames ---- */

enum quic_frame_type {
	QUIC_PADDING = 0x00,
	QUIC_PING = 0x01,
	QUIC_ACK = 0x02, /* 0x03: with ECN counts */
	QUIC_RESET_STREAM = 0x04,
	QUIC_STOP_SENDING = 0x05,
	QUIC_CRYPTO = 0x06,
	QUIC_NEW_TOKEN = 0x07,
	QUIC_STREAM = 0x08, /* 0x08-0x0f: bits OFF 4, LEN 2, FIN 1 */
	QUIC_MAX_DATA = 0x10,
	QUIC_MAX_STREAM_DATA = 0x11,
	QUIC_MAX_STREAMS = 0x12, /* 0x13: unidirectional */
	QUIC_DATA_BLOCKED = 0x14,
	QUIC_STREAM_DATA_BLOCKED = 0x15,
	QUIC_STREAMS_BLOCKED = 0x16, /* 0x17: unidirectional */
	QUIC_NEW_CONNECTION_ID = 0x18,
	QUIC_RETIRE_CONNECTION_ID = 0x19,
	QUIC_PATH_CHALLENGE = 0x1a,
	QUIC_PATH_RESPONSE = 0x1b,
	QUIC_CONNECTION_CLOSE = 0x1c, /* 0x1d: by the application */
	QUIC_HANDSHAKE_DONE = 0x1e,
	QUIC_DATAGRAM = 0x30 /* 0x31: with a length, RFC 9221 */
};

/* What stands in a frame after its type: one letter a part, in order.
 *  i stream id  o offset  l length of data  d data (rest, or l)  e error code  f frame type  s final size  m a maximum
 *  n sequence number  r retire prior to  c connection id with length octet  t 16-octet token  8 eight octets
 *  k token with length  R reason with length  a ACK ranges */
struct quic_frame_info {
	uint8_t first, last; /* types */
	const char *name, *parts;
	uint8_t packets; /* bit 1<<QUIC_INITIAL … where it may stand (RFC 9000 12.4); short is bit 1<<QUIC_SHORT */
	bool ack_eliciting;
	const char *ref, *help;
};
const struct quic_frame_info *quic_frame_info(uint64_t type);

struct quic_ack_range {
	uint64_t smallest, largest;
};
#define QUIC_ACK_RANGES_MAX 256 /* kept per frame; further ones are checked and dropped */

struct quic_frame {
	uint64_t type;
	const struct quic_frame_info *info;
	size_t off, len; /* in the payload */
	uint64_t id;     /* stream */
	uint64_t offset;
	bool fin, has_offset, has_length, uni, app;
	struct bytes data; /* STREAM, CRYPTO, DATAGRAM, token, reason, eight octets of a path frame */
	uint64_t error_code, frame_type, final_size, maximum;
	uint64_t sequence, retire_prior_to;
	struct bytes cid, reset_token;
	uint64_t largest, delay, range_count, first_range;
	struct quic_ack_range ranges[QUIC_ACK_RANGES_MAX];
	uint32_t n_ranges;
	bool ecn;
	uint64_t ect0, ect1, ce;
	uint64_t padding; /* PADDING: how many in a row */
};

/* Reads the frame at in.p[off]. A run of PADDING is one frame. `packet`: where it stands (QUIC_LONG_UNKNOWN: not
 * checked). 1: *f, f->off + f->len is the next; 0: off is the end; -1: *err. */
int quic_frame_read(
	struct bytes in, size_t off, enum quic_packet packet, struct quic_frame *f, struct perr *err);
/* Writes a frame from its fields, integers in their shortest form. */
void quic_frame_write(struct buf *out, const struct quic_frame *f);

/* ---- transport parameters ---- */

enum quic_param_type { QUIC_TP_OCTETS, QUIC_TP_VARINT, QUIC_TP_FLAG, QUIC_TP_TOKEN, QUIC_TP_ADDRESS };

struct quic_param_info {
	uint64_t id;
	const char *name;
	enum quic_param_type type;
	uint64_t min, max;
	bool server_only;
	const char *ref, *help;
};
const struct quic_param_info *quic_param_info(uint64_t id);

struct quic_param {
	uint64_t id;
	const struct quic_param_info *info; /* NULL: unknown, to be ignored */
	size_t off, len;
	struct bytes data;
	uint64_t value; /* QUIC_TP_VARINT */
};
#define QUIC_TP_VERSION_INFORMATION 0x11 /* RFC 9368 3 */
#define QUIC_PARAMS_MAX 64               /* in one list */

/* Reads the list. `from_client`: what only a server may send is refused. Returns their number, -1: *err. */
int quic_params_read(
	struct bytes in, bool from_client, struct quic_param list[QUIC_PARAMS_MAX], struct perr *err);
void quic_param_write(struct buf *out, uint64_t id, struct bytes data);
void quic_param_write_int(struct buf *out, uint64_t id, uint64_t value);

/* ---- Initial keys (RFC 9001 5.2, 5.3, 5.4, 5.8) ---- */

struct quic_keys {
	uint8_t secret[32], key[16], iv[12], hp[16];
};
/* The keys of Initial packets a side sends, from the client's first destination connection id. */
bool quic_initial_keys(uint32_t version, struct bytes dcid, bool client, struct quic_keys *k);
/* HKDF-Expand-Label with SHA-256 (RFC 8446 7.1). */
bool quic_hkdf_label(const uint8_t secret[32], const char *label, uint8_t *out, size_t n);
/* The 5 octets that mask first octet and packet number (AES-128). */
bool quic_hp_mask(const uint8_t hp[16], const uint8_t sample[16], uint8_t mask[5]);
/* Takes protection off one Initial packet (AES-128-GCM): header protection, then the payload, appended to
 * `plain`. *h is filled in and its pn is the whole number. False: not ours, or damaged. */
bool quic_initial_open(const struct quic_keys *k, struct bytes packet, uint64_t largest_pn,
	struct quic_header *h, struct buf *plain);
/* Puts protection on: `header` as written by quic_header_write with its packet number in clear. */
bool quic_initial_seal(const struct quic_keys *k, struct bytes header, size_t pn_off, unsigned pn_len,
	uint64_t pn, struct bytes plain, struct buf *out);
/* The tag at the end of a Retry packet; `retry` is the packet without it. */
bool quic_retry_tag(uint32_t version, struct bytes odcid, struct bytes retry, uint8_t tag[16]);

#endif
