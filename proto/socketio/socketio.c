/*
 * Socket.IO v5 packets (socket.io-protocol v5, "Packet encoding").
 *
 *	PACKET ──text, no attachments──▶ packet whole ──▶ PACKET
 *	   └────text, n attachments────▶ ATTACHMENTS ──n-th binary message──▶ packet whole ──▶ PACKET
 *	text among attachments, binary out of turn, anything malformed ──▶ FAILED: close the connection
 */
#include "proto/socketio/socketio.h"

#include <string.h>

const struct sio_type_info sio_types[7] = {
#define X(type, digit, name, help) [type] = {digit, name, help},
#include "proto/socketio/types.def"
#undef X
};

#define REF "socket.io-protocol v5, Packet encoding"

static bool bad(struct perr *err, size_t off, const char *what)
{
	*err = (struct perr){0, off, what, REF};
	return false;
}

/* Digits from `at` on. Returns their number; a number over `max` gives SIZE_MAX. */
static size_t number(struct bytes in, size_t at, uint64_t max, uint64_t *value)
{
	size_t i = at;
	uint64_t v = 0;
	for (; i < in.n && in.p[i] >= '0' && in.p[i] <= '9'; i++) {
		v = v * 10 + (uint64_t)(in.p[i] - '0');
		if (v > max)
			return SIZE_MAX;
	}
	*value = v;
	return i - at;
}

/* "12-" of a binary packet. */
static bool read_attachments(struct bytes in, size_t *at, struct sio_packet *p, struct perr *err)
{
	if (p->type != SIO_BINARY_EVENT && p->type != SIO_BINARY_ACK)
		return true;
	uint64_t n = 0;
	size_t d = number(in, *at, SIO_ATTACHMENTS_MAX, &n);
	if (d == SIZE_MAX)
		return bad(err, *at, "too many attachments (SIO_ATTACHMENTS_MAX)");
	if (d == 0 || *at + d >= in.n || in.p[*at + d] != '-')
		return bad(err, *at + d, "the number of attachments and a hyphen are missing");
	if (n == 0)
		return bad(err, *at, "a binary packet without attachments");
	p->attachments = (uint32_t)n;
	p->attachments_len = (uint32_t)d;
	*at += d + 1;
	return true;
}

/* "/name," or "/name" at the end. */
static bool read_nsp(struct bytes in, size_t *at, struct sio_packet *p)
{
	p->nsp = BYTES_LIT("/");
	if (*at >= in.n || in.p[*at] != '/')
		return true;
	const uint8_t *comma = memchr(in.p + *at, ',', in.n - *at);
	size_t end = comma ? (size_t)(comma - in.p) : in.n;
	p->nsp = bytes_sub(in, *at, end - *at);
	p->nsp_off = (uint32_t)*at;
	p->nsp_len = (uint32_t)p->nsp.n;
	*at = comma ? end + 1 : end;
	return true;
}

static bool read_id(struct bytes in, size_t *at, struct sio_packet *p, struct perr *err)
{
	size_t d = number(in, *at, SIO_ID_MAX, &p->id);
	if (d == SIZE_MAX)
		return bad(err, *at, "the acknowledgement id is too large (SIO_ID_MAX)");
	p->has_id = d > 0;
	p->id_off = (uint32_t)*at;
	p->id_len = (uint32_t)d;
	*at += d;
	return true;
}

/* Names of events the library keeps for itself. */
static bool reserved_event(const struct jtext *j, uint32_t name)
{
	static const char *const names[] = {
		"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (jt_str_is(j, name, names[i]))
			return true;
	return false;
}

/* What each type's payload must be. */
static bool payload_ok(const struct sio_packet *p, const struct jtext *j, struct perr *err)
{
	size_t at = p->payload_off;
	uint32_t first = j->n ? jt_at(j, 0, 0) : JT_NONE;
	switch (p->type) {
	case SIO_CONNECT:
		return !j->n || jt_is(j, 0, JT_OBJECT) ||
		       bad(err, at, "CONNECT carries an object or nothing");
	case SIO_DISCONNECT:
		return !j->n || bad(err, at, "DISCONNECT carries nothing");
	case SIO_CONNECT_ERROR:
		return (j->n && (jt_is(j, 0, JT_OBJECT) || jt_is(j, 0, JT_STRING))) ||
		       bad(err, at, "CONNECT_ERROR carries an object");
	case SIO_EVENT:
	case SIO_BINARY_EVENT:
		if (!j->n || !jt_is(j, 0, JT_ARRAY) || first == JT_NONE)
			return bad(err, at, "an event carries an array that is not empty");
		if (!jt_is(j, first, JT_STRING) && !jt_is(j, first, JT_NUMBER))
			return bad(err, at, "an event begins with its name");
		return !reserved_event(j, first) || bad(err, at, "this event name is reserved");
	default:
		return (j->n && jt_is(j, 0, JT_ARRAY)) || bad(err, at, "an acknowledgement carries an array");
	}
}

bool sio_packet_read(
	const struct alloc *al, struct bytes in, struct sio_packet *p, struct jtext *j, struct perr *err)
{
	*p = (struct sio_packet){0};
	*j = (struct jtext){.al = al};
	if (in.n == 0 || in.p[0] < '0' || in.p[0] > '6')
		return bad(err, 0, "unknown packet type");
	if (in.n > UINT32_MAX - 1)
		return bad(err, 0, "the packet is too long");
	p->type = (enum sio_type)(in.p[0] - '0');
	size_t at = 1;
	if (!read_attachments(in, &at, p, err) || !read_nsp(in, &at, p) || !read_id(in, &at, p, err))
		return false;
	p->payload_off = (uint32_t)at;
	p->payload = bytes_sub(in, at, in.n - at);
	if (p->payload.n && !jt_parse(j, al, p->payload)) {
		*err = j->err;
		err->off += at;
		return false;
	}
	return payload_ok(p, j, err);
}

void sio_packet_write(struct buf *out, const struct sio_packet *p)
{
	buf_u8(out, (uint8_t)sio_types[p->type].digit);
	if (p->type == SIO_BINARY_EVENT || p->type == SIO_BINARY_ACK) {
		buf_dec(out, p->attachments);
		buf_u8(out, '-');
	}
	if (!bytes_eq_str(p->nsp, "/") && p->nsp.n) {
		buf_add(out, p->nsp);
		buf_u8(out, ',');
	}
	if (p->has_id)
		buf_dec(out, p->id);
	buf_add(out, p->payload);
}

int32_t sio_placeholder(const struct jtext *j, uint32_t node)
{
	uint64_t num = 0;
	if (!jt_is(j, jt_get(j, node, "_placeholder"), JT_TRUE))
		return -1;
	if (!jt_uint(j, jt_get(j, node, "num"), SIO_ATTACHMENTS_MAX, &num))
		return INT32_MAX;
	return (int32_t)num;
}

void sio_dec_init(struct sio_dec *d, const struct alloc *al)
{
	*d = (struct sio_dec){.al = al, .json = {.al = al}};
	buf_init(&d->text, al, UINT32_MAX - 1u);
}

static void drop_packet(struct sio_dec *d)
{
	for (uint32_t i = 0; i < d->got; i++)
		blob_unref(d->attachments[i].blob);
	alloc_put(d->al, d->attachments, d->packet.attachments * sizeof *d->attachments);
	d->attachments = NULL;
	d->got = 0;
	jt_fini(&d->json);
	buf_clear(&d->text);
	d->packet = (struct sio_packet){0};
}

void sio_dec_fini(struct sio_dec *d)
{
	drop_packet(d);
	buf_fini(&d->text);
}

static int fail(struct sio_dec *d, size_t off, const char *what)
{
	bad(&d->err, off, what);
	d->state = SIO_DEC_FAILED;
	return -1;
}

static int fail_oom(struct sio_dec *d)
{
	fail(d, 0, "out of memory");
	d->err.code = -1;
	return -1;
}

/* Every placeholder must name an attachment that will come. */
static bool placeholders_ok(const struct sio_dec *d)
{
	for (uint32_t i = 0; i < d->json.n; i++) {
		int32_t num = sio_placeholder(&d->json, i);
		if (num >= 0 && (uint32_t)num >= d->packet.attachments)
			return false;
	}
	return true;
}

int sio_dec_text(struct sio_dec *d, struct bytes in)
{
	if (d->state == SIO_DEC_FAILED)
		return -1;
	if (d->state == SIO_DEC_ATTACHMENTS)
		return fail(d, 0, "text came where an attachment was due");
	drop_packet(d);
	buf_add(&d->text, in);
	if (d->text.failed)
		return fail_oom(d);
	if (!sio_packet_read(d->al, buf_bytes(&d->text), &d->packet, &d->json, &d->err)) {
		d->packet.attachments = 0;
		d->state = SIO_DEC_FAILED;
		return -1;
	}
	if (!placeholders_ok(d) && d->packet.type >= SIO_BINARY_EVENT) {
		d->packet.attachments = 0;
		return fail(
			d, d->packet.payload_off, "a placeholder names an attachment that is not announced");
	}
	if (d->packet.attachments == 0)
		return 1;
	d->attachments = alloc_get(d->al, d->packet.attachments * sizeof *d->attachments);
	if (!d->attachments) {
		d->packet.attachments = 0;
		return fail_oom(d);
	}
	d->state = SIO_DEC_ATTACHMENTS;
	return 0;
}

int sio_dec_binary(struct sio_dec *d, struct bytes in)
{
	if (d->state == SIO_DEC_FAILED)
		return -1;
	if (d->state != SIO_DEC_ATTACHMENTS)
		return fail(d, 0, "binary data came although no attachment is due");
	struct blob *b = blob_new(d->al, in);
	if (!b)
		return fail_oom(d);
	d->attachments[d->got++] = slice_of(b);
	if (d->got < d->packet.attachments)
		return 0;
	d->state = SIO_DEC_PACKET;
	return 1;
}
