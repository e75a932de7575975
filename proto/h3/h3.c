/*
 * The HTTP/3 stream decoder (RFC 9114 4.1, 6.2, 7).
 *
 *	uni:      START ──type──▶ FRAMES (control) · PUSH_ID ──▶ FRAMES (push) · SESSION ──▶ RAW (WebTransport) · RAW
 *	request:  START ──0x41──▶ SESSION ──▶ RAW          START ──frame──▶ FRAMES
 *	request message:  HEADERS  DATA*  [HEADERS]       anything unknown may stand between and is ignored
 */
#include "proto/h3/h3.h"

#include <string.h>

#include "proto/quic/quic.h"

void h3_dec_init(
	struct h3_dec *d, const struct alloc *al, enum h3_kind kind, bool server, struct h3_shared *shared)
{
	*d = (struct h3_dec){.kind = kind, .server = server, .shared = shared};
	buf_init(&d->in, al, SIZE_MAX);
}

void h3_dec_fini(struct h3_dec *d)
{
	buf_fini(&d->in);
}

void h3_dec_informational(struct h3_dec *d)
{
	d->headers_seen = false;
}

static int fail(struct h3_dec *d, int code, uint64_t off, const char *what, const char *ref)
{
	d->state = H3_DEC_FAILED;
	d->err = (struct perr){code, off, what, ref};
	return -1;
}

bool h3_dec_feed(struct h3_dec *d, struct bytes in)
{
	if (d->state == H3_DEC_FAILED)
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

static struct bytes rest(const struct h3_dec *d)
{
	return bytes_sub(buf_bytes(&d->in), d->taken, d->in.n - d->taken);
}

static void take(struct h3_dec *d, size_t n)
{
	d->taken += n;
	d->off += n;
}

/* One of a kind: the streams every connection has once (RFC 9114 6.2.1, RFC 9204 4.2). */
static bool first_of_kind(struct h3_dec *d)
{
	if (!d->shared)
		return true;
	bool *open = d->stream_type == H3_STREAM_CONTROL         ? &d->shared->control_open
		     : d->stream_type == H3_STREAM_QPACK_ENCODER ? &d->shared->encoder_open
								 : &d->shared->decoder_open;
	bool first = !*open;
	*open = true;
	return first;
}

static int stream_type_event(struct h3_dec *d, struct h3_event *ev, uint64_t id)
{
	*ev = (struct h3_event){.kind = H3_EV_STREAM_TYPE, .off = 0, .type = d->stream_type, .id = id};
	return 1;
}

static int read_stream_type(struct h3_dec *d, struct h3_event *ev)
{
	size_t n = quic_varint_read(rest(d), &d->stream_type);
	if (!n)
		return 0;
	uint64_t off = d->off;
	take(d, n);
	switch (d->stream_type) {
	case H3_STREAM_PUSH:
		if (d->server)
			return fail(
				d, H3_STREAM_CREATION_ERROR, off, "a client cannot push", "RFC 9114 6.2.2");
		d->state = H3_DEC_PUSH_ID;
		return h3_dec_next(d, ev);
	case H3_STREAM_WEBTRANSPORT:
		d->state = H3_DEC_SESSION;
		return h3_dec_next(d, ev);
	case H3_STREAM_CONTROL:
	case H3_STREAM_QPACK_ENCODER:
	case H3_STREAM_QPACK_DECODER:
		if (!first_of_kind(d))
			return fail(d, H3_STREAM_CREATION_ERROR, off, "a second stream of this type",
				"RFC 9114 6.2.1");
		d->state = d->stream_type == H3_STREAM_CONTROL ? H3_DEC_FRAMES : H3_DEC_RAW;
		return stream_type_event(d, ev, 0);
	default: /* unknown: its octets are read and thrown away, or the stream is refused (RFC 9114 6.2.3) */
		d->state = H3_DEC_RAW;
		return stream_type_event(d, ev, 0);
	}
}

/* The push id or session id behind a stream's type. */
static int read_id(struct h3_dec *d, struct h3_event *ev)
{
	uint64_t id;
	size_t n = quic_varint_read(rest(d), &id);
	if (!n)
		return 0;
	if (d->state == H3_DEC_SESSION && id % 4 != 0)
		return fail(d, H3_ID_ERROR, d->off, "a session is named by a client's bidirectional stream",
			"draft-ietf-webtrans-http3 4");
	take(d, n);
	bool bidi = d->kind == H3_REQUEST_STREAM;
	d->state = d->state == H3_DEC_PUSH_ID ? H3_DEC_FRAMES : H3_DEC_RAW;
	if (!bidi)
		return stream_type_event(d, ev, id);
	*ev = (struct h3_event){.kind = H3_EV_WT_STREAM, .off = 0, .type = H3_WT_STREAM, .id = id};
	return 1;
}

static enum h3_place place(const struct h3_dec *d)
{
	if (d->kind == H3_REQUEST_STREAM)
		return H3_ON_REQUEST;
	return d->stream_type == H3_STREAM_PUSH ? H3_ON_PUSH : H3_ON_CONTROL;
}

#define UNEXPECTED(d, what, ref) fail(d, H3_FRAME_UNEXPECTED, (d)->off, what, ref)

/* May this frame come now? Known from its type alone. */
static int may_come(struct h3_dec *d, const struct h3_frame *f)
{
	enum h3_place at = place(d);
	if (f->type == 0x2 || f->type == 0x6 || f->type == 0x8 || f->type == 0x9)
		return UNEXPECTED(d, "a frame type of HTTP/2 that does not exist here", "RFC 9114 7.2.8");
	if (at == H3_ON_CONTROL && !d->headers_seen && f->type != H3_SETTINGS)
		return fail(d, H3_MISSING_SETTINGS, d->off, "the control stream must begin with SETTINGS",
			"RFC 9114 6.2.1");
	if (f->type == H3_WT_STREAM && at == H3_ON_REQUEST)
		return fail(d, H3_FRAME_ERROR, d->off,
			"WebTransport's signal must be the first thing on a stream",
			"draft-ietf-webtrans-http3 4.2");
	if (!f->info)
		return 1;
	if (!(f->info->places & at))
		return UNEXPECTED(d, "this frame may not stand on this stream", f->info->ref);
	if (f->type == H3_SETTINGS && d->headers_seen)
		return UNEXPECTED(d, "SETTINGS comes once", "RFC 9114 7.2.4");
	if (f->type == H3_PUSH_PROMISE && d->server)
		return UNEXPECTED(d, "a client cannot push", "RFC 9114 7.2.5");
	if (f->type == H3_MAX_PUSH_ID && !d->server)
		return UNEXPECTED(d, "MAX_PUSH_ID is for clients to send", "RFC 9114 7.2.7");
	if (f->info->type >= H3_PRIORITY_UPDATE_REQUEST && !d->server)
		return UNEXPECTED(d, "PRIORITY_UPDATE is for clients to send", "RFC 9218 7.2");
	if (f->type == H3_DATA && (!d->headers_seen || d->trailers_seen))
		return UNEXPECTED(d, d->trailers_seen ? "DATA after the trailers" : "DATA before HEADERS",
			"RFC 9114 4.1");
	if (f->type == H3_HEADERS && d->trailers_seen)
		return UNEXPECTED(d, "HEADERS after the trailers", "RFC 9114 4.1");
	return 1;
}

#define FRAME_ERROR(d, what, ref) fail(d, H3_FRAME_ERROR, (d)->off, what, ref)

static const char *setting_fault(const struct h3_frame *f, struct h3_setting s)
{
	if (s.id == 0 || (s.id >= 2 && s.id <= 5))
		return "a setting of HTTP/2 that does not exist here";
	if ((s.id == H3_SETTINGS_ENABLE_CONNECT_PROTOCOL || s.id == H3_SETTINGS_H3_DATAGRAM ||
		    s.id == H3_SETTINGS_ENABLE_WEBTRANSPORT) &&
		s.value > 1)
		return "this setting is 0 or 1";
	for (uint32_t i = 0; i < f->n_settings; i++)
		if (f->settings[i].id == s.id)
			return "a setting comes twice";
	return NULL;
}

static int read_settings(struct h3_dec *d, struct h3_frame *f)
{
	f->n_settings = 0;
	for (size_t at = 0; at < f->payload.n;) {
		struct h3_setting s;
		struct bytes p = bytes_sub(f->payload, at, f->payload.n - at);
		size_t a = quic_varint_read(p, &s.id);
		size_t b = a ? quic_varint_read(bytes_sub(p, a, p.n - a), &s.value) : 0;
		if (!b)
			return FRAME_ERROR(d, "SETTINGS ends inside a setting", "RFC 9114 7.2.4");
		const char *what = setting_fault(f, s);
		if (what)
			return fail(
				d, H3_SETTINGS_ERROR, d->off + f->header_len + at, what, "RFC 9114 7.2.4.1");
		if (f->n_settings == H3_SETTINGS_MAX)
			return fail(d, H3_EXCESSIVE_LOAD, d->off, "too many settings (H3_SETTINGS_MAX)",
				"RFC 9114 7.2.4");
		f->settings[f->n_settings++] = s;
		at += a + b;
	}
	return 1;
}

static int check_ids(struct h3_dec *d, const struct h3_frame *f)
{
	if (f->type == H3_GOAWAY && !d->server && f->id % 4)
		return fail(d, H3_ID_ERROR, d->off, "GOAWAY names a client's bidirectional stream",
			"RFC 9114 5.2");
	if (!d->shared)
		return 1;
	if (f->type == H3_GOAWAY) {
		if (d->shared->goaway_seen && f->id > d->shared->goaway_id)
			return fail(
				d, H3_ID_ERROR, d->off, "GOAWAY cannot raise its identifier", "RFC 9114 5.2");
		d->shared->goaway_seen = true;
		d->shared->goaway_id = f->id;
	}
	if (f->type == H3_MAX_PUSH_ID) {
		if (d->shared->max_push_seen && f->id < d->shared->max_push_id)
			return fail(
				d, H3_ID_ERROR, d->off, "MAX_PUSH_ID cannot be reduced", "RFC 9114 7.2.7");
		d->shared->max_push_seen = true;
		d->shared->max_push_id = f->id;
	}
	if (f->type == H3_CANCEL_PUSH && d->shared->max_push_seen && f->id > d->shared->max_push_id)
		return fail(d, H3_ID_ERROR, d->off, "this push id was never allowed", "RFC 9114 7.2.3");
	return 1;
}

/* The payload's parts. */
static int read_payload(struct h3_dec *d, struct h3_frame *f)
{
	if (f->type == H3_SETTINGS)
		return read_settings(d, f);
	if (!f->info || !f->info->has_id)
		return 1;
	f->id_len = quic_varint_read(f->payload, &f->id);
	if (!f->id_len)
		return FRAME_ERROR(d, "the frame is too short for its identifier", f->info->ref);
	bool more = f->type == H3_PUSH_PROMISE || f->type >= H3_PRIORITY_UPDATE_REQUEST;
	if (!more && f->id_len != f->payload.n)
		return FRAME_ERROR(d, "something follows the frame's identifier", "RFC 9114 7.1");
	return check_ids(d, f);
}

/* What the frame changes about what may follow. */
static void note(struct h3_dec *d, const struct h3_frame *f)
{
	if (f->type == H3_SETTINGS) {
		d->headers_seen = true;
		if (d->shared)
			d->shared->settings_seen = true;
	} else if (f->type == H3_HEADERS) {
		d->trailers_seen = d->headers_seen;
		d->headers_seen = true;
	} else if (f->type == H3_DATA) {
		d->data_seen = true;
	}
}

static int read_frame(struct h3_dec *d, struct h3_event *ev)
{
	struct bytes in = rest(d);
	struct h3_frame *f = &d->frame;
	size_t a = quic_varint_read(in, &f->type);
	if (!a)
		return 0;
	f->info = h3_frame_info(f->type);
	f->off = d->off;
	int r = may_come(d, f);
	if (r < 0)
		return r;
	size_t b = quic_varint_read(bytes_sub(in, a, in.n - a), &f->length);
	if (!b)
		return 0;
	f->header_len = a + b;
	if (f->length > H3_FRAME_OCTETS_MAX)
		return fail(
			d, H3_EXCESSIVE_LOAD, d->off, "a frame over H3_FRAME_OCTETS_MAX", "RFC 9114 10.5");
	if (in.n - a - b < f->length)
		return 0;
	f->payload = bytes_sub(in, a + b, (size_t)f->length);
	f->id = 0;
	f->n_settings = 0;
	r = read_payload(d, f);
	if (r < 0)
		return r;
	note(d, f);
	*ev = (struct h3_event){.kind = H3_EV_FRAME, .off = d->off, .type = f->type, .id = f->id, .frame = f};
	take(d, f->header_len + (size_t)f->length);
	return 1;
}

int h3_dec_next(struct h3_dec *d, struct h3_event *ev)
{
	uint64_t signal;
	size_t n;
	switch (d->state) {
	case H3_DEC_START:
		if (d->kind == H3_UNI_STREAM)
			return read_stream_type(d, ev);
		n = quic_varint_read(rest(d), &signal);
		if (!n)
			return 0;
		if (signal == H3_WT_STREAM) {
			take(d, n);
			d->state = H3_DEC_SESSION;
			return read_id(d, ev);
		}
		d->state = H3_DEC_FRAMES;
		return read_frame(d, ev);
	case H3_DEC_PUSH_ID:
	case H3_DEC_SESSION:
		return read_id(d, ev);
	case H3_DEC_FRAMES:
		return read_frame(d, ev);
	case H3_DEC_RAW:
		if (rest(d).n == 0)
			return 0;
		*ev = (struct h3_event){
			.kind = H3_EV_RAW, .off = d->off, .type = d->stream_type, .data = rest(d)};
		take(d, rest(d).n);
		return 1;
	default:
		return -1;
	}
}

bool h3_dec_end(struct h3_dec *d)
{
	if (d->state == H3_DEC_FAILED)
		return false;
	bool critical = d->kind == H3_UNI_STREAM && d->state != H3_DEC_START &&
			d->stream_type != H3_STREAM_PUSH && d->stream_type <= H3_STREAM_QPACK_DECODER;
	if (critical)
		return fail(d, H3_CLOSED_CRITICAL_STREAM, d->off, "this stream must stay open",
			       "RFC 9114 6.2.1") > 0;
	if (d->state == H3_DEC_RAW)
		return true;
	if (d->state == H3_DEC_START && d->kind == H3_UNI_STREAM)
		return true; /* a stream may be given up before its type is known, RFC 9114 6.2 */
	if (rest(d).n)
		return fail(d, H3_FRAME_ERROR, d->off + rest(d).n, "the stream ends inside a frame",
			       "RFC 9114 7.1") > 0;
	if (d->kind == H3_REQUEST_STREAM && !d->headers_seen)
		return fail(d, d->server ? H3_REQUEST_INCOMPLETE : H3_MESSAGE_ERROR, d->off,
			       "the stream ends without HEADERS", "RFC 9114 4.1") > 0;
	return true;
}

/* ---- writing ---- */

void h3_write_frame(struct buf *out, uint64_t type, struct bytes payload)
{
	quic_varint_write(out, type);
	quic_varint_write(out, payload.n);
	buf_add(out, payload);
}

void h3_write_id_frame(struct buf *out, uint64_t type, uint64_t id)
{
	quic_varint_write(out, type);
	quic_varint_write(out, quic_varint_len(id));
	quic_varint_write(out, id);
}

void h3_write_settings(struct buf *out, const struct h3_setting *s, size_t n)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++)
		len += quic_varint_len(s[i].id) + quic_varint_len(s[i].value);
	quic_varint_write(out, H3_SETTINGS);
	quic_varint_write(out, len);
	for (size_t i = 0; i < n; i++) {
		quic_varint_write(out, s[i].id);
		quic_varint_write(out, s[i].value);
	}
}

void h3_write_stream_type(struct buf *out, uint64_t type, uint64_t id)
{
	quic_varint_write(out, type);
	if (type == H3_STREAM_PUSH || type == H3_STREAM_WEBTRANSPORT)
		quic_varint_write(out, id);
}

void h3_write_wt_bidi(struct buf *out, uint64_t session)
{
	quic_varint_write(out, H3_WT_STREAM);
	quic_varint_write(out, session);
}

uint64_t h3_wt_error_code(uint32_t application)
{
	return H3_WT_ERROR_FIRST + application + application / 0x1e;
}

bool h3_wt_application_code(uint64_t code, uint32_t *application)
{
	if (code < H3_WT_ERROR_FIRST || code > H3_WT_ERROR_LAST || h3_is_grease(code))
		return false;
	uint64_t shifted = code - H3_WT_ERROR_FIRST;
	*application = (uint32_t)(shifted - shifted / 0x1f);
	return true;
}
