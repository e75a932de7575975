/*
 * QUIC frames (RFC 9000 12.4, 19; RFC 9221 4), read and written by the `parts` of their table row.
 */
#include "proto/quic/quic.h"

#include <string.h>

struct cursor {
	struct bytes in;
	size_t at;
	struct perr *err;
};

static bool bad(struct cursor *c, int code, size_t off, const char *what, const char *ref)
{
	*c->err = (struct perr){code, off, what, ref};
	return false;
}

static bool cut(struct cursor *c)
{
	return bad(c, QUIC_FRAME_ENCODING_ERROR, c->in.n, "the packet ends inside a frame", "RFC 9000 12.4");
}

static bool get_int(struct cursor *c, uint64_t *v)
{
	size_t n = quic_varint_read(bytes_sub(c->in, c->at, c->in.n - c->at), v);
	c->at += n;
	return n || cut(c);
}

static bool get_octets(struct cursor *c, uint64_t n, struct bytes *out)
{
	if (c->in.n - c->at < n)
		return cut(c);
	*out = bytes_sub(c->in, c->at, (size_t)n);
	c->at += (size_t)n;
	return true;
}

static bool get_sized(struct cursor *c, struct bytes *out)
{
	uint64_t n;
	return get_int(c, &n) && get_octets(c, n, out);
}

/* Largest, delay, count, first range, then gap and length for each further range (RFC 9000 19.3.1). */
static bool get_ack(struct cursor *c, struct quic_frame *f)
{
	size_t start = c->at;
	uint64_t gap, len;
	if (!get_int(c, &f->largest) || !get_int(c, &f->delay) || !get_int(c, &f->range_count) ||
		!get_int(c, &f->first_range))
		return false;
	if (f->first_range > f->largest)
		return bad(c, QUIC_FRAME_ENCODING_ERROR, start, "an ACK range goes below packet number 0",
			"RFC 9000 19.3.1");
	uint64_t smallest = f->largest - f->first_range;
	f->ranges[0] = (struct quic_ack_range){smallest, f->largest};
	f->n_ranges = 1;
	for (uint64_t i = 0; i < f->range_count; i++) {
		size_t at = c->at;
		if (!get_int(c, &gap) || !get_int(c, &len))
			return false;
		if (gap + 2 > smallest || len > smallest - gap - 2)
			return bad(c, QUIC_FRAME_ENCODING_ERROR, at,
				"an ACK range goes below packet number 0", "RFC 9000 19.3.1");
		uint64_t largest = smallest - gap - 2;
		smallest = largest - len;
		if (f->n_ranges < QUIC_ACK_RANGES_MAX)
			f->ranges[f->n_ranges++] = (struct quic_ack_range){smallest, largest};
	}
	f->ecn = f->type == 0x03;
	return !f->ecn || (get_int(c, &f->ect0) && get_int(c, &f->ect1) && get_int(c, &f->ce));
}

static bool get_cid(struct cursor *c, struct quic_frame *f)
{
	struct bytes n;
	if (!get_octets(c, 1, &n))
		return false;
	if (n.p[0] == 0 || n.p[0] > QUIC_CID_MAX)
		return bad(c, QUIC_FRAME_ENCODING_ERROR, c->at - 1, "a connection id has 1 to 20 octets here",
			"RFC 9000 19.15");
	return get_octets(c, n.p[0], &f->cid);
}

/* Data: as long as its length says, or to the end of the packet. */
static bool get_data(struct cursor *c, struct quic_frame *f, uint64_t len)
{
	return get_octets(c, f->has_length ? len : c->in.n - c->at, &f->data);
}

static bool get_part(struct cursor *c, struct quic_frame *f, char part, uint64_t *len)
{
	switch (part) {
	case 'i':
		return get_int(c, &f->id);
	case 'o':
		return !f->has_offset || get_int(c, &f->offset);
	case 'l':
		return !f->has_length || get_int(c, len);
	case 'd':
		return get_data(c, f, *len);
	case 'e':
		return get_int(c, &f->error_code);
	case 'f':
		return get_int(c, &f->frame_type);
	case 's':
		return get_int(c, &f->final_size);
	case 'm':
		return get_int(c, &f->maximum);
	case 'n':
		return get_int(c, &f->sequence);
	case 'r':
		return get_int(c, &f->retire_prior_to);
	case 'c':
		return get_cid(c, f);
	case 't':
		return get_octets(c, 16, &f->reset_token);
	case '8':
		return get_octets(c, 8, &f->data);
	case 'k':
	case 'R':
		return get_sized(c, &f->data);
	default:
		return get_ack(c, f);
	}
}

/* Values that no frame may have. */
static bool values_ok(struct cursor *c, const struct quic_frame *f)
{
	size_t at = f->off;
	uint8_t first = f->info->first;
	if ((first == QUIC_STREAM || first == QUIC_CRYPTO) && f->offset > QUIC_VARINT_MAX - f->data.n)
		return bad(
			c, QUIC_FRAME_ENCODING_ERROR, at, "the data would pass offset 2^62-1", f->info->ref);
	if (first == QUIC_NEW_TOKEN && f->data.n == 0)
		return bad(c, QUIC_FRAME_ENCODING_ERROR, at, "the token is empty", "RFC 9000 19.7");
	if ((first == QUIC_MAX_STREAMS || first == QUIC_STREAMS_BLOCKED) && f->maximum > 1ull << 60)
		return bad(c, QUIC_FRAME_ENCODING_ERROR, at, "there cannot be more than 2^60 streams",
			f->info->ref);
	if (first == QUIC_NEW_CONNECTION_ID && f->retire_prior_to > f->sequence)
		return bad(c, QUIC_FRAME_ENCODING_ERROR, at, "Retire Prior To is above the Sequence Number",
			"RFC 9000 19.15");
	return true;
}

static void read_padding(struct cursor *c, struct quic_frame *f)
{
	f->padding = 1;
	while (c->at < c->in.n && c->in.p[c->at] == 0) {
		c->at++;
		f->padding++;
	}
}

int quic_frame_read(
	struct bytes in, size_t off, enum quic_packet packet, struct quic_frame *f, struct perr *err)
{
	struct cursor c = {in, off, err};
	memset(f, 0, offsetof(struct quic_frame, ranges));
	f->n_ranges = 0;
	f->ecn = false;
	f->ect0 = f->ect1 = f->ce = f->padding = 0;
	if (off >= in.n)
		return 0;
	f->off = off;
	if (!get_int(&c, &f->type))
		return -1;
	f->info = quic_frame_info(f->type);
	if (!f->info)
		return bad(&c, QUIC_FRAME_ENCODING_ERROR, off, "unknown frame type", "RFC 9000 12.4") ? 1
												      : -1;
	if (c.at - off != quic_varint_len(f->type))
		return bad(&c, QUIC_PROTOCOL_VIOLATION, off, "the frame type is not in its shortest form",
			       "RFC 9000 12.4")
			       ? 1
			       : -1;
	if (packet != QUIC_LONG_UNKNOWN && !(f->info->packets >> packet & 1))
		return bad(&c, QUIC_PROTOCOL_VIOLATION, off, "this frame may not stand in this packet",
			       "RFC 9000 12.4")
			       ? 1
			       : -1;
	bool stream = f->info->first == QUIC_STREAM;
	f->fin = stream && (f->type & 1);
	f->has_length = stream ? f->type & 2 : f->type != QUIC_DATAGRAM;
	f->has_offset = !stream || (f->type & 4);
	f->uni = (f->info->first == QUIC_MAX_STREAMS || f->info->first == QUIC_STREAMS_BLOCKED) &&
		 (f->type & 1);
	f->app = f->type == 0x1d;
	uint64_t len = 0;
	for (const char *p = f->info->parts; *p; p++)
		if (!get_part(&c, f, *p, &len))
			return -1;
	if (f->type == QUIC_PADDING)
		read_padding(&c, f);
	f->len = c.at - off;
	return values_ok(&c, f) ? 1 : -1;
}

static void put_ack(struct buf *out, const struct quic_frame *f)
{
	quic_varint_write(out, f->largest);
	quic_varint_write(out, f->delay);
	quic_varint_write(out, f->n_ranges - 1u);
	quic_varint_write(out, f->ranges[0].largest - f->ranges[0].smallest);
	for (uint32_t i = 1; i < f->n_ranges; i++) {
		quic_varint_write(out, f->ranges[i - 1].smallest - f->ranges[i].largest - 2);
		quic_varint_write(out, f->ranges[i].largest - f->ranges[i].smallest);
	}
	if (f->ecn) {
		quic_varint_write(out, f->ect0);
		quic_varint_write(out, f->ect1);
		quic_varint_write(out, f->ce);
	}
}

static void put_part(struct buf *out, const struct quic_frame *f, char part)
{
	switch (part) {
	case 'i':
		quic_varint_write(out, f->id);
		return;
	case 'o':
		if (f->has_offset)
			quic_varint_write(out, f->offset);
		return;
	case 'l':
		if (f->has_length)
			quic_varint_write(out, f->data.n);
		return;
	case 'd':
	case '8':
		buf_add(out, f->data);
		return;
	case 'e':
		quic_varint_write(out, f->error_code);
		return;
	case 'f':
		quic_varint_write(out, f->frame_type);
		return;
	case 's':
		quic_varint_write(out, f->final_size);
		return;
	case 'm':
		quic_varint_write(out, f->maximum);
		return;
	case 'n':
		quic_varint_write(out, f->sequence);
		return;
	case 'r':
		quic_varint_write(out, f->retire_prior_to);
		return;
	case 'c':
		buf_u8(out, (unsigned)f->cid.n);
		buf_add(out, f->cid);
		return;
	case 't':
		buf_add(out, f->reset_token);
		return;
	case 'k':
	case 'R':
		quic_varint_write(out, f->data.n);
		buf_add(out, f->data);
		return;
	default:
		put_ack(out, f);
	}
}

void quic_frame_write(struct buf *out, const struct quic_frame *f)
{
	quic_varint_write(out, f->type);
	for (const char *p = f->info->parts; *p; p++)
		put_part(out, f, *p);
	for (uint64_t i = 1; i < f->padding; i++)
		buf_u8(out, 0);
}
