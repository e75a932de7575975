/*
 * pcapng (draft-ietf-opsawg-pcapng): sections, interfaces, packets.
 *
 *	every block   | type 4 | total length 4 | body, padded to 4 ... | total length 4 |
 *	SHB           0x0a0d0d0a, byte-order magic 0x1a2b3c4d, major 2, minor 2, section length 8, options
 *	IDB           1: link type 2, reserved 2, snaplen 4, options (if_name 2, if_tsresol 9, if_tsoffset 14)
 *	EPB           6: interface 4, time high 4, time low 4, captured 4, original 4, packet, options (comment 1)
 *	SPB           3: original 4, packet; belongs to interface 0, has no time
 *	PB            2 (obsolete): interface 2, drops 2, time 8, captured 4, original 4, packet, options
 *	DSB           10: secrets type 4, length 4, secrets ("TLSK": a key log)
 *
 * A new section header starts numbering interfaces from 0 again and may change the byte order. Unknown blocks are
 * counted and skipped, as the draft asks. Interfaces of all sections stand in one list; a packet's number is its
 * interface's place in that list.
 */
#include <inttypes.h>
#include <string.h>

#include "sim/capture/cap_file.h"
#include "sim/core/wide.h"
#include "sim/core/xmalloc.h"

#define BLOCK_SHB 0x0a0d0d0au
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define CUT_SHORT "cut short in the middle of a packet"
#define SECRETS_TLS_KEY_LOG 0x544c534bu
#define SECRETS_MAX (4u << 20)

static uint16_t get16(const struct cap_file *f, const uint8_t *p)
{
	return f->big_endian ? (uint16_t)(p[0] << 8 | p[1]) : (uint16_t)(p[1] << 8 | p[0]);
}

static uint32_t get32(const struct cap_file *f, const uint8_t *p)
{
	if (f->big_endian)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static enum cap_block block_of(uint32_t type)
{
	switch (type) {
	case BLOCK_SHB:
		return CAP_SHB;
	case 1:
		return CAP_IDB;
	case 2:
		return CAP_PB;
	case 3:
		return CAP_SPB;
	case 4:
		return CAP_NRB;
	case 5:
		return CAP_ISB;
	case 6:
		return CAP_EPB;
	case 9:
		return CAP_SJE;
	case 10:
		return CAP_DSB;
	case 0x00000bad:
		return CAP_CB;
	case 0x40000bad:
		return CAP_DCB;
	}
	return CAP_BLOCK_OTHER;
}

/* The value of option `code` in an option list, NULL if absent; a list that does not fit is taken to end there. */
static const uint8_t *option(
	const struct cap_file *f, const uint8_t *p, uint32_t n, unsigned code, uint32_t *len)
{
	while (n >= 4) {
		unsigned c = get16(f, p), l = get16(f, p + 2);
		uint32_t padded = (l + 3u) & ~3u;
		if (c == 0 || l > n - 4)
			return NULL;
		if (c == code) {
			*len = l;
			return p + 4;
		}
		if (padded > n - 4)
			return NULL;
		p += 4 + padded;
		n -= 4 + padded;
	}
	return NULL;
}

static char *option_text(const struct cap_file *f, const uint8_t *p, uint32_t n, unsigned code)
{
	uint32_t len = 0;
	const uint8_t *v = option(f, p, n, code, &len);
	if (!v)
		return NULL;
	char *s = xmalloc((size_t)len + 1);
	memcpy(s, v, len);
	s[len] = 0; /* a NUL inside ends it early: the draft allows a terminating one */
	return s;
}

/* if_tsresol: the lowest 7 bits are an exponent of 10, or of 2 when the top bit is set. */
static void set_resolution(struct cap_iface *i, uint8_t r)
{
	unsigned e = r & 0x7f;
	i->tick_num = 1;
	i->tick_den = 1;
	if (r & 0x80) {
		i->tick_num = 1000000000;
		i->tick_den = e < 63 ? 1ull << e : 1ull << 63;
		return;
	}
	for (unsigned k = e; k < 9; k++)
		i->tick_num *= 10;
	for (unsigned k = 9; k < e && k < 27; k++)
		i->tick_den *= 10;
}

/* Ticks of an interface's clock as nanoseconds since 1970, saturating. */
static int64_t ticks_ns(const struct cap_iface *i, uint64_t ticks)
{
	const int64_t limit = INT64_MAX / 2, limit_s = limit / 1000000000;
	bool far = wide_mul(ticks, i->tick_num).hi >= i->tick_den; /* the quotient has more than 64 bits */
	uint64_t ns = far ? (uint64_t)limit : wide_muldiv(ticks, i->tick_num, 0, i->tick_den);
	int64_t from = i->offset_s > limit_s    ? limit
		       : i->offset_s < -limit_s ? -limit
						: i->offset_s * 1000000000;
	if (ns >= (uint64_t)limit)
		ns = (uint64_t)limit;
	return from > limit - (int64_t)ns ? limit : from + (int64_t)ns;
}

static bool section(struct cap_file *f)
{
	f->section_first = f->nifaces;
	f->sections++;
	if (get16(f, f->block + 4) != 1) {
		cap_file_cut(f, "unknown version", "byte %" PRIu64 ": pcapng version %u is not known (1 is)",
			f->off + 12, get16(f, f->block + 4));
		return false;
	}
	return true;
}

static bool interface(struct cap_file *f, uint32_t n)
{
	const uint8_t *b = f->block;
	if (n < 8) {
		cap_file_cut(
			f, "damaged block", "byte %" PRIu64 ": an interface block of %u bytes", f->off, n);
		return false;
	}
	struct cap_iface *i = cap_file_add_iface(f);
	if (!i) {
		cap_file_cut(f, "too many interfaces",
			"byte %" PRIu64 ": more than %u interfaces (CAP_IFACES_MAX)", f->off, CAP_IFACES_MAX);
		return false;
	}
	i->linktype = get16(f, b);
	i->snaplen = get32(f, b + 4);
	i->name = option_text(f, b + 8, n - 8, 2);
	i->addr = option_text(f, b + 8, n - 8, 3);
	uint32_t len = 0;
	const uint8_t *v = option(f, b + 8, n - 8, 9, &len);
	if (v && len >= 1)
		set_resolution(i, v[0]);
	v = option(f, b + 8, n - 8, 14, &len);
	if (v && len >= 8) {
		uint64_t lo = get32(f, f->big_endian ? v + 4 : v), hi = get32(f, f->big_endian ? v : v + 4);
		int64_t s = (int64_t)(hi << 32 | lo);
		i->offset_s = s > -4000000000ll && s < 4000000000ll ? s : 0;
	}
	return true;
}

static void secrets(struct cap_file *f, uint32_t n)
{
	const uint8_t *b = f->block;
	if (n < 8 || get32(f, b) != SECRETS_TLS_KEY_LOG)
		return;
	uint32_t len = get32(f, b + 4);
	if (len > n - 8)
		len = n - 8;
	if (f->secrets_n + len + 2 > SECRETS_MAX)
		return;
	f->secrets = xrealloc(f->secrets, f->secrets_n + len + 2);
	memcpy(f->secrets + f->secrets_n, b + 8, len);
	f->secrets_n += len;
	f->secrets[f->secrets_n++] = '\n';
	f->secrets[f->secrets_n] = 0;
}

/* Reads one block's type, length and body into f->block (the body only). CAP_END: nothing more. */
static enum cap_status read_block(struct cap_file *f, uint32_t *type, uint32_t *n)
{
	uint8_t h[12];
	size_t got = fread(h, 1, 8, f->f);
	if (got == 0 && !ferror(f->f))
		return CAP_END;
	if (got < 8) {
		cap_file_cut(
			f, CUT_SHORT, "byte %" PRIu64 ": the file ends inside a block header", f->off + got);
		return CAP_END;
	}
	*type = get32(f, h);
	if (h[0] == 0x0a && h[1] == 0x0d && h[2] == 0x0d && h[3] == 0x0a) {
		*type = BLOCK_SHB; /* the same in both byte orders; its magic says which one holds from here */
		if (fread(h + 8, 1, 4, f->f) < 4) {
			f->blocks[CAP_SHB]++;
			cap_file_cut(f, CUT_SHORT, "byte %" PRIu64 ": the file ends inside a section header",
				f->off + 8);
			return CAP_END;
		}
		f->big_endian = h[8] == 0x1a;
		if (get32(f, h + 8) != BYTE_ORDER_MAGIC) {
			cap_file_cut(f, "damaged section header",
				"byte %" PRIu64 ": no byte-order magic (1a2b3c4d)", f->off + 8);
			return CAP_END;
		}
	}
	uint32_t head = *type == BLOCK_SHB ? 12 : 8, total = get32(f, h + 4);
	uint32_t min = *type == BLOCK_SHB ? 28 : 12;
	if (total < min || total > CAP_BLOCK_MAX || total % 4) {
		cap_file_cut(f, "damaged block",
			"byte %" PRIu64 ": a block of type 0x%08x has the impossible length %u", f->off + 4,
			*type, total);
		return CAP_END;
	}
	f->blocks[block_of(*type)]++;
	uint32_t body = total - 12, have = head - 8;
	/* Grow with what is there, not with what is promised. */
	uint64_t left = f->bytes > f->off ? f->bytes - f->off : 0;
	uint32_t want = total - head; /* body still to come, and the closing length */
	if (f->block_cap < total && total <= left + 64) {
		f->block_cap = total;
		f->block = xrealloc(f->block, f->block_cap);
	}
	if (total > left + 64 ||
		fread(memcpy(f->block, h + 8, have) ? f->block + have : NULL, 1, want, f->f) < want) {
		cap_file_cut(f, CUT_SHORT,
			"byte %" PRIu64
			": the file ends inside a block of %u bytes that begins at byte %" PRIu64,
			f->bytes, total, f->off);
		return CAP_END;
	}
	uint32_t again = get32(f, f->block + body);
	if (again != total) {
		cap_file_cut(f, "damaged block", "byte %" PRIu64 ": a block's two lengths differ (%u and %u)",
			f->off + total - 4, total, again);
		return CAP_END;
	}
	*n = body;
	return CAP_OK;
}

/* A packet block's contents; false with reader_error set when it cannot be believed. */
static bool packet(struct cap_file *f, uint32_t type, uint32_t n, struct cap_raw *out)
{
	const uint8_t *b = f->block;
	uint32_t head = type == 6 || type == 2 ? 20 : 4, id = 0;
	if (n < head) {
		cap_file_cut(f, "damaged block", "byte %" PRIu64 ": a packet block of %u bytes", f->off, n);
		return false;
	}
	if (type == 6)
		id = get32(f, b);
	else if (type == 2)
		id = get16(f, b);
	if (id >= f->nifaces - f->section_first) {
		cap_file_cut(f, "damaged block",
			"byte %" PRIu64 ": a packet of interface %u, which is not described", f->off + 8, id);
		return false;
	}
	struct cap_iface *i = &f->iface[f->section_first + id];
	memset(out, 0, sizeof *out);
	out->iface = f->section_first + id;
	if (type == 3) {
		out->wirelen = get32(f, b);
		out->caplen = out->wirelen < n - 4 ? out->wirelen : n - 4;
		if (i->snaplen && out->caplen > i->snaplen)
			out->caplen = i->snaplen;
	} else {
		out->caplen = get32(f, b + 12);
		out->wirelen = get32(f, b + 16);
		out->timed = true;
		out->at_ns = ticks_ns(i, (uint64_t)get32(f, b + 4) << 32 | get32(f, b + 8));
	}
	if (out->caplen > n - head) {
		cap_file_cut(f, "damaged block",
			"byte %" PRIu64 ": %u captured bytes do not fit into their block", f->off + 8,
			out->caplen);
		return false;
	}
	out->p = b + head;
	uint32_t padded = (out->caplen + 3u) & ~3u;
	if (type != 3 && padded < n - head) {
		xfree(f->comment);
		f->comment = option_text(f, b + head + padded, n - head - padded, 1);
		out->comment = f->comment;
	}
	i->packets++;
	f->packets++;
	return true;
}

enum cap_status cap_ng_next(struct cap_file *f, struct cap_raw *out)
{
	for (;;) {
		uint32_t type = 0, n = 0;
		enum cap_status s = read_block(f, &type, &n);
		if (s != CAP_OK)
			return s;
		bool fine = true, found = false;
		if (type == BLOCK_SHB)
			fine = section(f);
		else if (type == 1)
			fine = interface(f, n);
		else if (type == 6 || type == 3 || type == 2)
			fine = found = packet(f, type, n, out);
		else if (type == 10)
			secrets(f, n);
		f->off += n + 12;
		if (!fine)
			return CAP_END;
		if (found)
			return CAP_OK;
	}
}

enum cap_status cap_ng_open(struct cap_file *f)
{
	uint32_t type = 0, n = 0;
	if (read_block(f, &type, &n) != CAP_OK || !section(f))
		return CAP_BAD;
	f->off += n + 12;
	return CAP_OK;
}
