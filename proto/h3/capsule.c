/*
 * HTTP Datagrams and capsules (RFC 9297), and what WebTransport puts in them (draft-ietf-webtrans-http3).
 */
#include "proto/h3/h3.h"

#include "proto/base/utf8.h"
#include "proto/quic/quic.h"

static bool bad(struct perr *err, uint64_t off, const char *what, const char *ref)
{
	*err = (struct perr){H3_DATAGRAM_ERROR, off, what, ref};
	return false;
}

bool h3_datagram_read(struct bytes in, uint64_t *stream, struct bytes *payload, struct perr *err)
{
	uint64_t quarter;
	size_t n = quic_varint_read(in, &quarter);
	if (!n)
		return bad(err, in.n, "the datagram is too short for its Quarter Stream ID", "RFC 9297 2.1");
	if (quarter > QUIC_VARINT_MAX / 4)
		return bad(err, 0, "no stream has a quarter id above 2^60-1", "RFC 9297 2.1");
	*stream = 4 * quarter;
	*payload = bytes_sub(in, n, in.n - n);
	return true;
}

void h3_datagram_write(struct buf *out, uint64_t stream, struct bytes payload)
{
	quic_varint_write(out, stream / 4);
	buf_add(out, payload);
}

void h3_capsule_dec_init(struct h3_capsule_dec *d, const struct alloc *al)
{
	*d = (struct h3_capsule_dec){0};
	buf_init(&d->in, al, SIZE_MAX);
}

void h3_capsule_dec_fini(struct h3_capsule_dec *d)
{
	buf_fini(&d->in);
}

static int fail(struct h3_capsule_dec *d, int code, uint64_t off, const char *what, const char *ref)
{
	d->failed = true;
	d->err = (struct perr){code, off, what, ref};
	return -1;
}

bool h3_capsule_dec_feed(struct h3_capsule_dec *d, struct bytes in)
{
	if (d->failed)
		return d->err.code != -1;
	if (2 * d->taken >= d->in.n) { /* moves at most as much as was consumed */
		buf_drop(&d->in, d->taken);
		d->taken = 0;
	}
	buf_add(&d->in, in);
	if (d->in.failed)
		fail(d, -1, d->off, "out of memory", "");
	return !d->in.failed;
}

/* Code and reason of CLOSE_WEBTRANSPORT_SESSION. */
static int read_close(struct h3_capsule_dec *d, struct h3_capsule *c)
{
	if (c->value.n < 4)
		return fail(d, H3_DATAGRAM_ERROR, c->off, "the capsule is too short for its code",
			"draft-ietf-webtrans-http3 6");
	c->close_code = be32_get(c->value.p);
	c->close_reason = bytes_sub(c->value, 4, c->value.n - 4);
	if (c->close_reason.n > H3_WT_REASON_MAX)
		return fail(d, H3_MESSAGE_ERROR, c->off, "the reason is over 1024 octets",
			"draft-ietf-webtrans-http3 6");
	if (!utf8_valid(c->close_reason))
		return fail(d, H3_MESSAGE_ERROR, c->off, "the reason is not UTF-8",
			"draft-ietf-webtrans-http3 6");
	return 1;
}

int h3_capsule_dec_next(struct h3_capsule_dec *d, struct h3_capsule *c)
{
	if (d->failed)
		return -1;
	struct bytes in = bytes_sub(buf_bytes(&d->in), d->taken, d->in.n - d->taken);
	*c = (struct h3_capsule){.off = d->off};
	size_t a = quic_varint_read(in, &c->type);
	size_t b = a ? quic_varint_read(bytes_sub(in, a, in.n - a), &c->length) : 0;
	if (!b)
		return 0;
	if (c->length > H3_CAPSULE_OCTETS_MAX)
		return fail(
			d, H3_EXCESSIVE_LOAD, d->off, "a capsule over H3_CAPSULE_OCTETS_MAX", "RFC 9297 3.2");
	if (in.n - a - b < c->length)
		return 0;
	c->header_len = a + b;
	c->info = h3_capsule_info(c->type);
	c->value = bytes_sub(in, a + b, (size_t)c->length);
	if (c->type == H3_CAPSULE_CLOSE_WEBTRANSPORT_SESSION && read_close(d, c) < 0)
		return -1;
	d->taken += c->header_len + (size_t)c->length;
	d->off += c->header_len + c->length;
	return 1;
}

bool h3_capsule_dec_end(struct h3_capsule_dec *d)
{
	if (d->failed)
		return false;
	if (d->taken == d->in.n)
		return true;
	fail(d, H3_DATAGRAM_ERROR, d->off + (d->in.n - d->taken), "the stream ends inside a capsule",
		"RFC 9297 3.3");
	return false;
}

void h3_capsule_write(struct buf *out, uint64_t type, struct bytes value)
{
	quic_varint_write(out, type);
	quic_varint_write(out, value.n);
	buf_add(out, value);
}
