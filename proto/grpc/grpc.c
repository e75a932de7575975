/*
 * gRPC over HTTP/2: message framing and the fields around it (doc/PROTOCOL-HTTP2.md).
 *
 *	PREFIX (5 octets) ──flag 0 or 1, length in limit──▶ MESSAGE ──given──▶ PREFIX
 *	   └── otherwise ──▶ FAILED
 */
#include "proto/grpc/grpc.h"

#include <string.h>

#include "proto/base/codec.h"

#define REF "gRPC PROTOCOL-HTTP2, Length-Prefixed-Message"

const struct grpc_status_info grpc_statuses[GRPC_STATUS_COUNT] = {
	{"OK", "It worked."},
	{"CANCELLED", "The caller cancelled the call."},
	{"UNKNOWN", "An error of which nothing more is known."},
	{"INVALID_ARGUMENT", "The caller gave an argument that can never be right."},
	{"DEADLINE_EXCEEDED", "The time allowed was over before the call was finished."},
	{"NOT_FOUND", "What was asked for is not there."},
	{"ALREADY_EXISTS", "What was to be made is there already."},
	{"PERMISSION_DENIED", "The caller is known but not allowed to do this."},
	{"RESOURCE_EXHAUSTED", "A quota or a resource is used up."},
	{"FAILED_PRECONDITION", "The system is not in a state in which this can be done."},
	{"ABORTED", "The call was broken off, usually by a conflict with another."},
	{"OUT_OF_RANGE", "The call went past what there is."},
	{"UNIMPLEMENTED", "The server does not know this method."},
	{"INTERNAL", "Something that must hold did not."},
	{"UNAVAILABLE", "The service is away for the moment; trying again may help."},
	{"DATA_LOSS", "Data was lost or damaged for good."},
	{"UNAUTHENTICATED", "The caller did not show who it is."},
};

enum grpc_status grpc_from_http(unsigned http_status)
{
	switch (http_status) {
	case 400:
		return GRPC_INTERNAL;
	case 401:
		return GRPC_UNAUTHENTICATED;
	case 403:
		return GRPC_PERMISSION_DENIED;
	case 404:
		return GRPC_UNIMPLEMENTED;
	case 429:
	case 502:
	case 503:
	case 504:
		return GRPC_UNAVAILABLE;
	default:
		return GRPC_UNKNOWN;
	}
}

enum grpc_status grpc_from_h2_error(uint32_t h2_error)
{
	switch (h2_error) {
	case 0x7: /* REFUSED_STREAM: certainly not processed */
		return GRPC_UNAVAILABLE;
	case 0x8: /* CANCEL */
		return GRPC_CANCELLED;
	case 0xb: /* ENHANCE_YOUR_CALM */
		return GRPC_RESOURCE_EXHAUSTED;
	case 0xc: /* INADEQUATE_SECURITY */
		return GRPC_PERMISSION_DENIED;
	case 0x5: /* STREAM_CLOSED: no mapping */
	case 0xd: /* HTTP_1_1_REQUIRED */
		return GRPC_UNKNOWN;
	default:
		return h2_error <= 0xa ? GRPC_INTERNAL : GRPC_UNKNOWN;
	}
}

bool grpc_status_read(struct bytes value, unsigned *status)
{
	unsigned v = 0;
	if (value.n == 0 || value.n > 9)
		return false;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		v = v * 10 + (value.p[i] - '0');
	}
	*status = v;
	return true;
}

static const struct {
	char unit;
	uint64_t ns;
} units[] = {
	{'n', 1}, {'u', 1000}, {'m', 1000000}, {'S', 1000000000}, {'M', 60000000000}, {'H', 3600000000000}};
#define UNITS (sizeof units / sizeof *units)

bool grpc_timeout_parts(struct bytes value, uint32_t *count, uint64_t *unit_ns)
{
	uint32_t v = 0;
	if (value.n < 2 || value.n > 9)
		return false;
	for (size_t i = 0; i + 1 < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return false;
		v = v * 10 + (uint32_t)(value.p[i] - '0');
	}
	for (size_t i = 0; i < UNITS; i++)
		if (value.p[value.n - 1] == (uint8_t)units[i].unit) {
			*count = v;
			*unit_ns = units[i].ns;
			return v > 0; /* "positive integer" */
		}
	return false;
}

bool grpc_timeout_read(struct bytes value, uint64_t *timeout_ns)
{
	uint32_t count = 0;
	uint64_t unit_ns = 1;
	if (!grpc_timeout_parts(value, &count, &unit_ns))
		return false;
	*timeout_ns = count > UINT64_MAX / unit_ns ? UINT64_MAX : count * unit_ns;
	return true;
}

void grpc_timeout_write(struct buf *out, uint64_t timeout_ns)
{
	if (timeout_ns == 0)
		timeout_ns = 1;
	/* Exact in the largest unit that divides it, if that fits; else rounded up in the smallest that fits. */
	for (size_t i = UNITS; i-- > 0;)
		if (timeout_ns % units[i].ns == 0 && timeout_ns / units[i].ns <= 99999999) {
			buf_dec(out, timeout_ns / units[i].ns);
			buf_u8(out, (uint8_t)units[i].unit);
			return;
		}
	for (size_t i = 0; i < UNITS; i++) {
		uint64_t v = timeout_ns / units[i].ns + (timeout_ns % units[i].ns != 0);
		if (v <= 99999999 || i == UNITS - 1) {
			buf_dec(out, v <= 99999999 ? v : 99999999);
			buf_u8(out, (uint8_t)units[i].unit);
			return;
		}
	}
}

static bool plain(uint8_t c)
{
	return c >= 0x20 && c <= 0x7e && c != '%';
}

void grpc_message_encode(struct buf *out, struct bytes text)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		if (plain(c)) {
			buf_u8(out, c);
			continue;
		}
		buf_u8(out, '%');
		buf_u8(out, (uint8_t)digits[c >> 4]);
		buf_u8(out, (uint8_t)digits[c & 15]);
	}
}

static int escape_at(struct bytes b, size_t i)
{
	if (b.p[i] != '%' || b.n - i < 3)
		return -1;
	int hi = hex_digit(b.p[i + 1]), lo = hex_digit(b.p[i + 2]);
	return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
}

void grpc_message_decode(struct buf *out, struct bytes encoded)
{
	for (size_t i = 0; i < encoded.n; i++) {
		int v = escape_at(encoded, i);
		buf_u8(out, v < 0 ? encoded.p[i] : (unsigned)v);
		if (v >= 0)
			i += 2;
	}
}

bool grpc_message_check(struct bytes encoded, size_t *bad_off)
{
	for (size_t i = 0; i < encoded.n; i++) {
		bool escape = escape_at(encoded, i) >= 0;
		*bad_off = i;
		if (!plain(encoded.p[i]) && !escape)
			return false;
		if (escape)
			i += 2;
	}
	return true;
}

bool grpc_content_type_ok(struct bytes value)
{
	struct bytes base = BYTES_LIT("application/grpc");
	if (value.n < base.n || !bytes_eq_nocase(bytes_sub(value, 0, base.n), base))
		return false;
	return value.n == base.n || value.p[base.n] == '+' || value.p[base.n] == ';';
}

void grpc_dec_init(struct grpc_dec *d, const struct alloc *al, uint32_t max_message)
{
	*d = (struct grpc_dec){.max_message = max_message};
	buf_init(&d->in, al, SIZE_MAX);
}

void grpc_dec_fini(struct grpc_dec *d)
{
	buf_fini(&d->in);
}

static int fail(struct grpc_dec *d, int code, uint64_t off, const char *what)
{
	d->state = GRPC_DEC_FAILED;
	d->err = (struct perr){code, off, what, REF};
	return -1;
}

bool grpc_dec_feed(struct grpc_dec *d, struct bytes in)
{
	if (d->state == GRPC_DEC_FAILED)
		return d->err.code != -1;
	if (2 * d->taken >= d->in.n) { /* moves at most as much as was consumed */
		buf_drop(&d->in, d->taken);
		d->taken = 0;
	}
	buf_add(&d->in, in);
	if (d->in.failed)
		fail(d, -1, d->off, "out of memory");
	return !d->in.failed;
}

int grpc_dec_next(struct grpc_dec *d, struct grpc_msg *m)
{
	if (d->state == GRPC_DEC_FAILED)
		return -1;
	struct bytes in = bytes_sub(buf_bytes(&d->in), d->taken, d->in.n - d->taken);
	if (in.n == 0)
		return 0;
	if (in.p[0] > 1)
		return fail(d, GRPC_INTERNAL, d->off, "the compressed flag is neither 0 nor 1");
	if (in.n < GRPC_PREFIX_LEN)
		return 0;
	uint32_t len = be32_get(in.p + 1);
	if (len > d->max_message)
		return fail(
			d, GRPC_RESOURCE_EXHAUSTED, d->off + 4, "a message is over the limit (max_message)");
	d->state = GRPC_DEC_MESSAGE;
	if (in.n - GRPC_PREFIX_LEN < len)
		return 0;
	*m = (struct grpc_msg){d->off, len, in.p[0] == 1, bytes_sub(in, GRPC_PREFIX_LEN, len)};
	d->state = GRPC_DEC_PREFIX;
	d->taken += GRPC_PREFIX_LEN + (size_t)len;
	d->off += GRPC_PREFIX_LEN + (uint64_t)len;
	return 1;
}

size_t grpc_dec_pending(const struct grpc_dec *d)
{
	return d->in.n - d->taken;
}

void grpc_write(struct buf *out, bool compressed, struct bytes message)
{
	buf_u8(out, compressed);
	buf_be32(out, (uint32_t)message.n);
	buf_add(out, message);
}
