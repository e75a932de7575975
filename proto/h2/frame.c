/*
 * HTTP/2 frames, decoding and the checks a frame allows by itself (RFC 9113 4.1, 4.2, 6).
 *
 *	HEADER (9 octets) ──legal──▶ PAYLOAD (Length octets) ──frame given──▶ HEADER
 *	   └──────── connection error ───────┴──────────────▶ FAILED
 */
#include "proto/h2/h2.h"

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void h2_header_read(const uint8_t hd[H2_HEADER_LEN], struct h2_frame *f)
{
	f->length = (uint32_t)hd[0] << 16 | (uint32_t)hd[1] << 8 | hd[2];
	f->type = hd[3];
	f->flags = hd[4];
	f->reserved = hd[5] >> 7;
	f->stream = be32(hd + 5) & H2_STREAM_MAX;
}

static enum h2_scope fault(struct h2_frame *f, enum h2_scope scope, enum h2_error code, uint32_t at,
	const char *what, const char *ref)
{
	f->fault = (struct h2_fault){scope, f->stream, {(int)code, f->off + at, what, ref}};
	return scope;
}

static enum h2_scope conn_fault(
	struct h2_frame *f, enum h2_error code, uint32_t at, const char *what, const char *ref)
{
	return fault(f, H2_CONNECTION_ERROR, code, at, what, ref);
}

/* The length rules of one type. A PRIORITY of the wrong size hurts its stream only (RFC 9113 6.3). */
static enum h2_scope length_check(struct h2_frame *f, const struct h2_type_info *t)
{
	if (f->type == H2_SETTINGS) {
		if ((f->flags & H2_FLAG_ACK) && f->length)
			return conn_fault(
				f, H2_FRAME_SIZE_ERROR, 9, "SETTINGS with ACK must be empty", t->ref);
		if (f->length % 6)
			return conn_fault(
				f, H2_FRAME_SIZE_ERROR, 9, "SETTINGS must be a multiple of 6 octets", t->ref);
		return H2_FINE;
	}
	if (t->fixed_len && f->length != t->fixed_len) {
		enum h2_scope scope = f->type == H2_PRIORITY ? H2_STREAM_ERROR : H2_CONNECTION_ERROR;
		return fault(
			f, scope, H2_FRAME_SIZE_ERROR, 9, "the frame has not the length of its type", t->ref);
	}
	uint32_t min = t->min_len;
	if (f->flags & t->flags & H2_FLAG_PADDED)
		min++;
	if (f->type == H2_HEADERS && (f->flags & H2_FLAG_PRIORITY))
		min += 5;
	if (f->length < min)
		return conn_fault(
			f, H2_FRAME_SIZE_ERROR, 9, "the frame is too short for its fields", "RFC 9113 4.2");
	return H2_FINE;
}

enum h2_scope h2_header_check(struct h2_frame *f, uint32_t max_frame_size)
{
	f->fault = (struct h2_fault){.scope = H2_FINE};
	if (f->length > max_frame_size)
		return conn_fault(f, H2_FRAME_SIZE_ERROR, 9,
			"the frame is larger than SETTINGS_MAX_FRAME_SIZE", "RFC 9113 4.2");
	const struct h2_type_info *t = h2_type_info(f->type);
	if (!t)
		return H2_FINE; /* unknown types are ignored, RFC 9113 5.5 */
	if (t->stream == H2_STREAM_ZERO && f->stream)
		return conn_fault(f, H2_PROTOCOL_ERROR, 9, "this frame belongs on stream 0", t->ref);
	if (t->stream == H2_STREAM_NONZERO && !f->stream)
		return conn_fault(f, H2_PROTOCOL_ERROR, 9, "this frame must name a stream, not 0", t->ref);
	return length_check(f, t);
}

static void read_priority(struct h2_frame *f, const uint8_t *p)
{
	f->exclusive = p[0] >> 7;
	f->dependency = be32(p) & H2_STREAM_MAX;
	f->weight = (uint16_t)(p[4] + 1);
}

static enum h2_scope check_dependency(struct h2_frame *f)
{
	if (f->dependency != f->stream)
		return H2_FINE;
	return fault(f, H2_STREAM_ERROR, H2_PROTOCOL_ERROR, 9, "a stream cannot depend on itself",
		"RFC 7540 5.3.1");
}

/* DATA, HEADERS and PUSH_PROMISE: [pad length] [priority | promised stream] body [padding]. */
static enum h2_scope padded_read(struct h2_frame *f)
{
	struct bytes p = f->payload;
	uint32_t at = 0;
	f->pad_len = 0;
	if (f->flags & H2_FLAG_PADDED)
		f->pad_len = p.p[at++];
	enum h2_scope scope = H2_FINE;
	if (f->type == H2_HEADERS && (f->flags & H2_FLAG_PRIORITY)) {
		read_priority(f, p.p + at);
		at += 5;
	}
	if (f->type == H2_PUSH_PROMISE) {
		f->promised = be32(p.p + at) & H2_STREAM_MAX;
		at += 4;
	}
	if (f->pad_len > p.n - at)
		return conn_fault(f, H2_PROTOCOL_ERROR, 10,
			"the padding is longer than what is left of the frame", h2_type_info(f->type)->ref);
	if (f->type == H2_PUSH_PROMISE && !f->promised)
		return conn_fault(f, H2_PROTOCOL_ERROR, 9 + at, "the promised stream is 0", "RFC 9113 6.6");
	if (f->type == H2_HEADERS && (f->flags & H2_FLAG_PRIORITY))
		scope = check_dependency(f);
	f->body = bytes_sub(p, at, p.n - at - f->pad_len);
	f->body_off = at;
	return scope;
}

/* The values that are forbidden (RFC 9113 6.5.2, RFC 8441 3, RFC 9218 2.1). */
static enum h2_scope settings_read(struct h2_frame *f)
{
	for (size_t i = 0; i < h2_frame_settings(f); i++) {
		struct h2_setting s = h2_frame_setting(f, i);
		uint32_t at = (uint32_t)(H2_HEADER_LEN + 6 * i + 6);
		bool flag = s.id == H2_SETTINGS_ENABLE_PUSH || s.id == H2_SETTINGS_ENABLE_CONNECT_PROTOCOL ||
			    s.id == H2_SETTINGS_NO_RFC7540_PRIORITIES;
		if (flag && s.value > 1)
			return conn_fault(f, H2_PROTOCOL_ERROR, at, "this setting is 0 or 1",
				h2_setting_info(s.id)->ref);
		if (s.id == H2_SETTINGS_INITIAL_WINDOW_SIZE && s.value > H2_WINDOW_MAX)
			return conn_fault(f, H2_FLOW_CONTROL_ERROR, at, "a window cannot be over 2^31-1",
				"RFC 9113 6.5.2");
		if (s.id == H2_SETTINGS_MAX_FRAME_SIZE &&
			(s.value < H2_MAX_FRAME_SIZE_DEFAULT || s.value > H2_MAX_FRAME_SIZE_LIMIT))
			return conn_fault(f, H2_PROTOCOL_ERROR, at, "MAX_FRAME_SIZE is 2^14 to 2^24-1",
				"RFC 9113 6.5.2");
	}
	return H2_FINE;
}

static enum h2_scope window_update_read(struct h2_frame *f)
{
	f->increment = be32(f->payload.p) & H2_WINDOW_MAX;
	if (f->increment)
		return H2_FINE;
	return fault(f, f->stream ? H2_STREAM_ERROR : H2_CONNECTION_ERROR, H2_PROTOCOL_ERROR, 13,
		"a window cannot be enlarged by 0", "RFC 9113 6.9");
}

enum h2_scope h2_payload_read(struct h2_frame *f)
{
	if (f->fault.scope != H2_FINE)
		return f->fault.scope;
	f->body = f->payload;
	f->body_off = 0;
	switch (f->type) {
	case H2_DATA:
	case H2_HEADERS:
	case H2_PUSH_PROMISE:
		return padded_read(f);
	case H2_PRIORITY:
		read_priority(f, f->payload.p);
		return check_dependency(f);
	case H2_RST_STREAM:
		f->error_code = be32(f->payload.p);
		return H2_FINE;
	case H2_SETTINGS:
		return settings_read(f);
	case H2_GOAWAY:
		f->last_stream = be32(f->payload.p) & H2_STREAM_MAX;
		f->error_code = be32(f->payload.p + 4);
		f->body = bytes_sub(f->payload, 8, f->payload.n - 8);
		f->body_off = 8;
		return H2_FINE;
	case H2_WINDOW_UPDATE:
		return window_update_read(f);
	default:
		return H2_FINE;
	}
}

size_t h2_frame_settings(const struct h2_frame *f)
{
	return f->payload.n / 6;
}

struct h2_setting h2_frame_setting(const struct h2_frame *f, size_t i)
{
	const uint8_t *p = f->payload.p + 6 * i;
	return (struct h2_setting){(uint16_t)(p[0] << 8 | p[1]), be32(p + 2)};
}

void h2_dec_init(struct h2_dec *d, const struct alloc *al, uint64_t off)
{
	*d = (struct h2_dec){.max_frame_size = H2_MAX_FRAME_SIZE_DEFAULT, .off = off};
	buf_init(&d->in, al, SIZE_MAX);
}

void h2_dec_fini(struct h2_dec *d)
{
	buf_fini(&d->in);
}

size_t h2_dec_pending(const struct h2_dec *d)
{
	return d->in.n - d->taken;
}

bool h2_dec_feed(struct h2_dec *d, struct bytes in)
{
	if (d->state == H2_DEC_FAILED)
		return !d->oom;
	if (2 * d->taken >= d->in.n) { /* moves at most as much as was consumed */
		buf_drop(&d->in, d->taken);
		d->taken = 0;
	}
	buf_add(&d->in, in);
	if (d->in.failed) {
		d->state = H2_DEC_FAILED;
		d->oom = true;
		d->fault = (struct h2_fault){
			H2_CONNECTION_ERROR, 0, {H2_INTERNAL_ERROR, d->off, "out of memory", ""}};
	}
	return !d->in.failed;
}

static int dec_fail(struct h2_dec *d, const struct h2_frame *f)
{
	d->state = H2_DEC_FAILED;
	d->fault = f->fault;
	return -1;
}

int h2_dec_next(struct h2_dec *d, struct h2_frame *f)
{
	if (d->state == H2_DEC_FAILED)
		return -1;
	struct bytes in = bytes_sub(buf_bytes(&d->in), d->taken, d->in.n - d->taken);
	if (in.n < H2_HEADER_LEN)
		return 0;
	*f = (struct h2_frame){.off = d->off};
	h2_header_read(in.p, f);
	if (h2_header_check(f, d->max_frame_size) == H2_CONNECTION_ERROR)
		return dec_fail(d, f);
	d->state = H2_DEC_PAYLOAD;
	if (in.n - H2_HEADER_LEN < f->length)
		return 0;
	f->payload = bytes_sub(in, H2_HEADER_LEN, f->length);
	if (h2_payload_read(f) == H2_CONNECTION_ERROR)
		return dec_fail(d, f);
	d->state = H2_DEC_HEADER;
	d->taken += H2_HEADER_LEN + f->length;
	d->off += H2_HEADER_LEN + f->length;
	return 1;
}
