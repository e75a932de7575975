/*
 * Engine.IO v4 packets and payloads (engine.io-protocol v4, "Packet encoding", "HTTP long-polling").
 *
 *	PACKET ──separator, or end of payload──▶ packet given ──▶ PACKET, or ENDED
 *	   └── unknown type, bad base64, over a limit ──▶ FAILED: the transport is closed
 */
#include "proto/engineio/engineio.h"

#include <string.h>

#include "proto/base/codec.h"
#include "proto/base/utf8.h"

const struct eio_type_info eio_types[7] = {
#define X(type, digit, name, help) [type] = {digit, name, help},
#include "proto/engineio/types.def"
#undef X
};

const char *eio_err_text(enum eio_err e)
{
	switch (e) {
	case EIO_FINE:
		return "";
	case EIO_BAD_TYPE:
		return "unknown packet type";
	case EIO_EMPTY:
		return "a packet without a type";
	case EIO_BAD_BASE64:
		return "binary data is not base64";
	case EIO_BAD_UTF8:
		return "text is not UTF-8";
	case EIO_TOO_LARGE:
		return "payload over maxPayload";
	case EIO_TOO_MANY:
		return "too many packets (EIO_PACKETS_MAX)";
	default:
		return "out of memory";
	}
}

/* base64 as parsers in the field take it: padding may be missing. */
static enum eio_err read_base64(struct bytes in, struct buf *scratch)
{
	static const char pad[] = "===";
	size_t before = scratch->n;
	if (in.n % 4 == 0) {
		if (base64_get(scratch, in, false))
			return EIO_FINE;
		return scratch->failed ? EIO_OOM : EIO_BAD_BASE64;
	}
	if (in.n % 4 == 1)
		return EIO_BAD_BASE64;
	struct buf padded;
	buf_init(&padded, scratch->al, SIZE_MAX);
	buf_add(&padded, in);
	buf_add(&padded, (struct bytes){(const uint8_t *)pad, 4 - in.n % 4});
	bool ok = !padded.failed && base64_get(scratch, buf_bytes(&padded), false);
	bool oom = padded.failed || scratch->failed;
	buf_fini(&padded);
	if (!ok && !oom)
		scratch->n = before;
	return ok ? EIO_FINE : oom ? EIO_OOM : EIO_BAD_BASE64;
}

enum eio_err eio_packet_read(struct bytes in, struct buf *scratch, struct eio_packet *p, size_t *bad_off)
{
	*bad_off = 0;
	*p = (struct eio_packet){.len = in.n};
	if (in.n == 0)
		return EIO_EMPTY;
	struct bytes rest = bytes_sub(in, 1, in.n - 1);
	if (in.p[0] == 'b') {
		*bad_off = 1;
		buf_clear(scratch);
		enum eio_err e = read_base64(rest, scratch);
		p->type = EIO_MESSAGE;
		p->binary = true;
		p->data = buf_bytes(scratch);
		return e;
	}
	if (in.p[0] < '0' || in.p[0] > '6')
		return EIO_BAD_TYPE;
	uint8_t state = UTF8_START;
	*bad_off = 1 + utf8_check(&state, rest);
	p->type = (enum eio_type)(in.p[0] - '0');
	p->data = rest;
	return state == UTF8_START ? EIO_FINE : EIO_BAD_UTF8;
}

void eio_packet_write(struct buf *out, const struct eio_packet *p)
{
	if (p->binary) {
		buf_u8(out, 'b');
		base64_put(out, p->data);
		return;
	}
	buf_u8(out, (uint8_t)eio_types[p->type].digit);
	buf_add(out, p->data);
}

void eio_dec_init(struct eio_dec *d, const struct alloc *al, uint64_t max_payload)
{
	*d = (struct eio_dec){.max_payload = max_payload};
	buf_init(&d->in, al, SIZE_MAX);
	buf_init(&d->scratch, al, SIZE_MAX);
}

void eio_dec_fini(struct eio_dec *d)
{
	buf_fini(&d->in);
	buf_fini(&d->scratch);
}

static int fail(struct eio_dec *d, enum eio_err e, uint64_t off)
{
	d->state = EIO_DEC_FAILED;
	d->error = e;
	d->err = (struct perr){e == EIO_OOM ? -1 : (int)e, off, eio_err_text(e), "engine.io-protocol v4"};
	return -1;
}

bool eio_dec_feed(struct eio_dec *d, struct bytes in)
{
	if (d->state != EIO_DEC_PACKET)
		return d->error != EIO_OOM;
	buf_add(&d->in, in);
	if (d->in.failed)
		fail(d, EIO_OOM, d->off);
	return !d->in.failed;
}

int eio_dec_next(struct eio_dec *d, bool end, struct eio_packet *p)
{
	if (d->state == EIO_DEC_FAILED)
		return -1;
	if (d->state == EIO_DEC_ENDED)
		return 0;
	struct bytes all = buf_bytes(&d->in);
	size_t at = d->searched > d->taken ? d->searched : d->taken;
	const uint8_t *sep = at < all.n ? memchr(all.p + at, EIO_SEPARATOR, all.n - at) : NULL;
	size_t stop = sep ? (size_t)(sep - all.p) : all.n;
	if (stop > d->max_payload)
		return fail(d, EIO_TOO_LARGE, d->max_payload);
	d->searched = stop;
	if (!sep && !end)
		return 0;
	if (++d->packets > EIO_PACKETS_MAX)
		return fail(d, EIO_TOO_MANY, d->taken);
	size_t bad = 0;
	enum eio_err e = eio_packet_read(bytes_sub(all, d->taken, stop - d->taken), &d->scratch, p, &bad);
	if (e != EIO_FINE)
		return fail(d, e, d->taken + bad);
	p->off = d->taken;
	d->taken = stop + 1;
	d->searched = d->taken;
	if (!sep)
		d->state = EIO_DEC_ENDED;
	return 1;
}
