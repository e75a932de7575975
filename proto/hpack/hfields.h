/*
 * hfields: a list of header fields, and the rules a list must keep to be a message (RFC 9113 8.2, 8.3;
 * RFC 9114 4.2, 4.3 say the same for HTTP/3).
 *
 * A message that breaks one of these rules is *malformed*: a stream error PROTOCOL_ERROR (RFC 9113 8.1.1), or
 * H3_MESSAGE_ERROR (RFC 9114 4.1.2).
 */
#ifndef PROTO_HPACK_HFIELDS_H
#define PROTO_HPACK_HFIELDS_H

#include "proto/base/base.h"

#define HFIELDS_COUNT_MAX 1024 /* fields in one list; our own limit */

struct hfield {
	struct bytes name, value;
	bool never_indexed;
};

struct hfields_row {
	uint32_t off, name_len, value_len; /* name, then value, in `octets` */
	bool never_indexed;
};

struct hfields {
	const struct alloc *al;
	struct buf octets;
	struct hfields_row *rows;
	size_t count, cap;
};

/* `octets_max`: limit of names and values together. */
void hfields_init(struct hfields *l, const struct alloc *al, size_t octets_max);
void hfields_fini(struct hfields *l);
void hfields_clear(struct hfields *l);
/* Appends a copy. False: out of memory or over a limit (HFIELDS_COUNT_MAX, octets_max). */
bool hfields_add(struct hfields *l, struct bytes name, struct bytes value, bool never_indexed);
/* Borrowed until the list changes. */
struct hfield hfields_at(const struct hfields *l, size_t i);
/* The value of the first field of that name; `found` may be NULL. */
struct bytes hfields_get(const struct hfields *l, const char *name, bool *found);

enum hmsg_kind { HMSG_REQUEST, HMSG_RESPONSE, HMSG_TRAILERS };

struct hmsg {
	enum hmsg_kind kind;
	bool extended_connect; /* in: SETTINGS_ENABLE_CONNECT_PROTOCOL was sent (RFC 8441 3) */
	/* in: a request must name its authority. HTTP/3's rule (RFC 9114 4.3.1); HTTP/2 leaves it to HTTP, whose answer
	 * is a status code, not a reset. */
	bool need_authority;

	bool connect; /* out: method CONNECT without :protocol */
	bool head;    /* out: method HEAD */
	int status;   /* out: of a response */
	bool has_length;
	uint64_t content_length;

	size_t at; /* out, on failure: the field at fault (count: the list as a whole) */
	const char *what, *ref;
};

/* Checks a whole list. False: malformed; m->what says why. */
bool hmsg_check(struct hmsg *m, const struct hfields *l);

/* Does the octet belong in a token (RFC 9110 5.6.2)? */
bool hfield_is_tchar(uint8_t c);

#endif
