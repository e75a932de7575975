/*
 * Transcripts of the decoders that take their input in pieces.
 */
#include "tests/support/transcripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/codec.h"
#include "proto/engineio/engineio.h"
#include "proto/grpc/grpc.h"
#include "proto/h2/session.h"
#include "proto/h3/h3.h"
#include "proto/hpack/hpack.h"
#include "proto/qpack/qpack.h"
#include "proto/resp/resp.h"

static void line(struct buf *log, const char *word, uint64_t a, uint64_t b, struct bytes data)
{
	buf_str(log, word);
	buf_u8(log, ' ');
	buf_dec(log, a);
	buf_u8(log, ' ');
	buf_dec(log, b);
	buf_u8(log, ' ');
	hex_put(log, data);
	buf_u8(log, '\n');
}

static void fault(struct buf *log, const struct perr *e)
{
	buf_str(log, "fault ");
	buf_hex(log, (uint64_t)(e->code + 1));
	buf_u8(log, ' ');
	buf_str(log, e->what ? e->what : "?");
	line(log, "", e->off, 0, BYTES_NONE);
}

/* The next piece of the input. */
static bool piece_of(struct bytes in, size_t *at, size_t first, size_t piece, struct bytes *out)
{
	if (*at >= in.n)
		return false;
	size_t n = *at == 0 && first > 0 ? first : piece;
	if (n == 0 || n > in.n - *at)
		n = in.n - *at;
	*out = bytes_sub(in, *at, n);
	*at += n;
	return true;
}

void transcript_hpack(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	struct hpack_dec d;
	struct hpack_rep r;
	struct bytes p;
	size_t at = 0;
	int got = 0;
	hpack_dec_init(&d, al, 4096, 4096);
	hpack_dec_begin(&d);
	while (got >= 0) {
		bool more = piece_of(in, &at, first, piece, &p);
		if (more && !hpack_dec_feed(&d, p))
			break;
		while ((got = hpack_dec_next(&d, !more, &r)) == 1) {
			line(log, hpack_kinds[r.kind].name, r.off, r.index, r.name);
			line(log, " value", r.value_off, r.len, r.value);
		}
		if (!more)
			break;
	}
	if (d.err.what)
		fault(log, &d.err);
	line(log, "table", d.table.size, d.table.count, BYTES_NONE);
	hpack_dec_fini(&d);
}

void transcript_h2(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	struct h2_dec d;
	struct h2_frame f;
	struct bytes p;
	size_t at = 0;
	int got = 0;
	h2_dec_init(&d, al, 0);
	while (got >= 0 && piece_of(in, &at, first, piece, &p) && h2_dec_feed(&d, p))
		while ((got = h2_dec_next(&d, &f)) == 1) {
			line(log, "frame", f.off, (uint64_t)f.type << 40 | (uint64_t)f.flags << 32 | f.stream,
				f.body);
			if (f.fault.scope != H2_FINE)
				fault(log, &f.fault.err);
		}
	if (got < 0)
		fault(log, &d.fault.err);
	h2_dec_fini(&d);
}

static void h2_session(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece,
	enum h2_role role)
{
	struct h2_conn c;
	struct h2_event ev;
	struct bytes p;
	size_t at = 0;
	struct h2_local local = h2_local_default();
	struct hfield get[] = {{BYTES_LIT(":method"), BYTES_LIT("GET"), false},
		{BYTES_LIT(":scheme"), BYTES_LIT("http"), false}, {BYTES_LIT(":path"), BYTES_LIT("/"), false},
		{BYTES_LIT(":authority"), BYTES_LIT("a"), false}};
	struct hfield ok[] = {{BYTES_LIT(":status"), BYTES_LIT("200"), false}};
	int got = h2_conn_init(&c, al, role, &local) ? 0 : -1;
	if (role == H2_CLIENT && got == 0)
		h2_conn_request(&c, get, 4, true);
	while (got >= 0 && piece_of(in, &at, first, piece, &p) && h2_conn_feed(&c, p))
		while ((got = h2_conn_next(&c, &ev)) == 1) {
			line(log, "event", ev.off,
				(uint64_t)ev.kind << 40 | (uint64_t)ev.end_stream << 32 | ev.stream, ev.data);
			for (size_t i = 0; ev.fields && i < ev.fields->count; i++) {
				line(log, " name", i, 0, hfields_at(ev.fields, i).name);
				line(log, " value", i, 0, hfields_at(ev.fields, i).value);
			}
			if (ev.fault.scope != H2_FINE)
				fault(log, &ev.fault.err);
			if (role == H2_SERVER && ev.kind == H2_EV_HEADERS && ev.end_stream) {
				h2_conn_headers(&c, ev.stream, ok, 1, false);
				h2_conn_data(&c, ev.stream, BYTES_LIT("hello"), true);
			}
		}
	line(log, "sent", 0, 0, h2_conn_out(&c));
	h2_conn_fini(&c);
}

void transcript_h2_server(
	struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	h2_session(log, al, in, first, piece, H2_SERVER);
}

void transcript_h2_client(
	struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	h2_session(log, al, in, first, piece, H2_CLIENT);
}

/* Half the input is the encoder stream, the other half one field section. */
void transcript_qpack(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	struct qpack_dec d;
	struct hfields fields;
	struct bytes p, enc = bytes_sub(in, 0, in.n / 2), section = bytes_sub(in, in.n / 2, in.n - in.n / 2);
	size_t at = 0;
	uint64_t stream;
	qpack_dec_init(&d, al, 4096, 16);
	hfields_init(&fields, al, 1u << 20);
	int r = qpack_dec_section(&d, 4, section, &fields);
	line(log, "section", (uint64_t)(r + 1), fields.count, BYTES_NONE);
	while (r >= 0 && piece_of(enc, &at, first, piece, &p) && qpack_dec_encoder_stream(&d, p))
		;
	if (!d.failed)
		r = qpack_dec_unblocked(&d, &stream, &fields);
	for (size_t i = 0; i < fields.count && !d.failed; i++)
		line(log, "field", i, hfields_at(&fields, i).never_indexed, hfields_at(&fields, i).value);
	qpack_dec_cancel(&d, 8);
	qpack_dec_increment(&d);
	line(log, "decoder stream", d.table.inserted, d.table.size, buf_bytes(&d.out));
	if (d.failed)
		fault(log, &d.err);
	hfields_fini(&fields);
	qpack_dec_fini(&d);
}

static void h3(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece,
	enum h3_kind kind)
{
	struct h3_dec d;
	struct h3_event ev;
	struct h3_shared shared = {0};
	struct buf raw; /* octets passed on may come in any pieces */
	struct bytes p;
	size_t at = 0;
	int got = 0;
	buf_init(&raw, &alloc_libc, SIZE_MAX);
	h3_dec_init(&d, al, kind, true, &shared);
	while (got >= 0 && piece_of(in, &at, first, piece, &p) && h3_dec_feed(&d, p))
		while ((got = h3_dec_next(&d, &ev)) == 1) {
			if (ev.kind == H3_EV_RAW)
				buf_add(&raw, ev.data);
			else
				line(log, "event", ev.off,
					(uint64_t)ev.kind << 48 | (ev.type & 0xffffff) << 24 |
						(ev.id & 0xffffff),
					ev.kind == H3_EV_FRAME ? ev.frame->payload : BYTES_NONE);
		}
	if (got >= 0)
		h3_dec_end(&d);
	line(log, "raw", raw.n, 0, buf_bytes(&raw));
	if (d.err.what)
		fault(log, &d.err);
	buf_fini(&raw);
	h3_dec_fini(&d);
}

void transcript_h3_request(
	struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	h3(log, al, in, first, piece, H3_REQUEST_STREAM);
}

void transcript_h3_uni(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	h3(log, al, in, first, piece, H3_UNI_STREAM);
}

void transcript_capsule(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	struct h3_capsule_dec d;
	struct h3_capsule c;
	struct bytes p;
	size_t at = 0;
	int got = 0;
	h3_capsule_dec_init(&d, al);
	while (got >= 0 && piece_of(in, &at, first, piece, &p) && h3_capsule_dec_feed(&d, p))
		while ((got = h3_capsule_dec_next(&d, &c)) == 1)
			line(log, "capsule", c.off, c.type, c.value);
	h3_capsule_dec_end(&d);
	if (d.err.what)
		fault(log, &d.err);
	h3_capsule_dec_fini(&d);
}

void transcript_engineio(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	struct eio_dec d;
	struct eio_packet k;
	struct bytes p;
	size_t at = 0;
	int got = 0;
	eio_dec_init(&d, al, 4096);
	while (got >= 0) {
		bool more = piece_of(in, &at, first, piece, &p);
		if (more && !eio_dec_feed(&d, p))
			break;
		while ((got = eio_dec_next(&d, !more, &k)) == 1)
			line(log, eio_types[k.type].name, k.off, k.binary, k.data);
		if (!more)
			break;
	}
	if (d.err.what)
		fault(log, &d.err);
	eio_dec_fini(&d);
}

void transcript_grpc(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	struct grpc_dec d;
	struct grpc_msg m;
	struct bytes p;
	size_t at = 0;
	int got = 0;
	grpc_dec_init(&d, al, 1u << 20);
	while (got >= 0 && piece_of(in, &at, first, piece, &p) && grpc_dec_feed(&d, p))
		while ((got = grpc_dec_next(&d, &m)) == 1)
			line(log, "message", m.off, m.compressed, m.data);
	if (d.err.what)
		fault(log, &d.err);
	grpc_dec_fini(&d);
}

void transcript_resp(struct buf *log, const struct alloc *al, struct bytes in, size_t first, size_t piece)
{
	struct resp_dec d;
	struct resp_token t;
	struct bytes p;
	size_t at = 0;
	int got = 0;
	resp_dec_init(&d, al, 1u << 20);
	d.inline_commands = in.n && in.p[0] >= 'A';
	while (got >= 0 && piece_of(in, &at, first, piece, &p) && resp_dec_feed(&d, p))
		while ((got = resp_dec_next(&d, &t)) == 1) {
			line(log, resp_types[t.type].name, t.off, t.len, t.data);
			line(log, " ", t.elements, (uint64_t)t.depth << 1 | t.last, BYTES_NONE);
		}
	if (d.err.what)
		fault(log, &d.err);
	resp_dec_fini(&d);
}

const struct transcript_kind transcript_kinds[] = {
	{"hpack", transcript_hpack},
	{"h2", transcript_h2},
	{"h2_server", transcript_h2_server},
	{"h2_client", transcript_h2_client},
	{"qpack", transcript_qpack},
	{"h3_request", transcript_h3_request},
	{"h3_uni", transcript_h3_uni},
	{"capsule", transcript_capsule},
	{"engineio", transcript_engineio},
	{"grpc", transcript_grpc},
	{"resp", transcript_resp},
	{NULL, NULL},
};

void transcript_check(transcript_fn *run, struct bytes in, size_t cut)
{
	struct buf whole, other;
	buf_init(&whole, &alloc_libc, SIZE_MAX);
	buf_init(&other, &alloc_libc, SIZE_MAX);
	run(&whole, &alloc_libc, in, 0, 0);
	for (int i = 0; i < 2; i++) {
		buf_clear(&other);
		run(&other, &alloc_libc, in, i ? cut : 1, i ? 0 : 1);
		if (!bytes_eq(buf_bytes(&whole), buf_bytes(&other))) {
			fprintf(stderr, "whole:\n%.*s\n%s:\n%.*s\n", (int)whole.n, (char *)whole.p,
				i ? "cut" : "octet by octet", (int)other.n, (char *)other.p);
			abort();
		}
	}
	buf_fini(&whole);
	buf_fini(&other);
}
