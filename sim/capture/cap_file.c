/*
 * Classic pcap through libpcap; what both file formats share. Format: draft-ietf-opsawg-pcap.
 *
 *	file header   | magic 4 | major 2 | minor 2 | 0 4 | 0 4 | snaplen 4 | link type 4 |
 *	each packet   | seconds 4 | fraction 4 | captured length 4 | original length 4 | octets ... |
 *
 * The magic number says byte order and unit of the fraction. libpcap reads both byte orders and the modified format
 * of old Linux kernels; the magic is looked at here only to be able to name it.
 */
#include <errno.h>
#include <inttypes.h>
#include <pcap.h>
#include <stdarg.h>
#include <string.h>

#include "sim/capture/cap_file.h"
#include "sim/core/xmalloc.h"

static const struct {
	uint32_t linktype;
	const char *name;
} linktypes[] = {
	{CAP_LINK_NULL, "null"},
	{CAP_LINK_ETHERNET, "ether"},
	{CAP_LINK_PPP, "ppp"},
	{CAP_LINK_RAW_BSD, "rawip"},
	{CAP_LINK_RAW_OPENBSD, "rawip"},
	{CAP_LINK_RAW, "rawip"},
	{CAP_LINK_LOOP, "loop"},
	{CAP_LINK_SLL, "linux-sll"},
	{CAP_LINK_IPV4, "rawip4"},
	{CAP_LINK_IPV6, "rawip6"},
	{CAP_LINK_SLL2, "linux-sll2"},
};

const char *cap_linktype_name(uint32_t linktype)
{
	for (size_t i = 0; i < sizeof linktypes / sizeof linktypes[0]; i++)
		if (linktypes[i].linktype == linktype)
			return linktypes[i].name;
	return "unknown";
}

bool cap_linktype_known(uint32_t linktype)
{
	return strcmp(cap_linktype_name(linktype), "unknown") != 0;
}

const char *cap_block_name(enum cap_block b)
{
	static const char *const names[CAP_BLOCKS] = {
		"SHB", "IDB", "EPB", "SPB", "PB", "NRB", "ISB", "DSB", "CB", "DCB", "SJE", "other"};
	return names[b];
}

struct cap_iface *cap_file_add_iface(struct cap_file *f)
{
	if (f->nifaces >= CAP_IFACES_MAX)
		return NULL;
	if (f->nifaces == f->iface_cap) {
		f->iface_cap = f->iface_cap ? f->iface_cap * 2 : 4;
		f->iface = xrealloc(f->iface, f->iface_cap * sizeof f->iface[0]);
	}
	struct cap_iface *i = &f->iface[f->nifaces++];
	memset(i, 0, sizeof *i);
	i->tick_num = 1000;
	i->tick_den = 1;
	return i;
}

void cap_file_cut(struct cap_file *f, const char *error, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof f->detail, fmt, ap);
	va_end(ap);
	f->reader_error = error;
}

#define CUT_SHORT "cut short in the middle of a packet"

static const char *pcap_kind(const uint8_t m[4], bool *big, bool *nano)
{
	static const uint32_t micro_magic = 0xa1b2c3d4u, nano_magic = 0xa1b23c4du, old_magic = 0xa1b2cd34u;
	uint32_t be = (uint32_t)m[0] << 24 | (uint32_t)m[1] << 16 | (uint32_t)m[2] << 8 | m[3];
	uint32_t le = (uint32_t)m[3] << 24 | (uint32_t)m[2] << 16 | (uint32_t)m[1] << 8 | m[0];
	*big = be == micro_magic || be == nano_magic || be == old_magic;
	*nano = be == nano_magic || le == nano_magic;
	if (!*big && le != micro_magic && le != nano_magic && le != old_magic)
		return NULL;
	if (be == old_magic || le == old_magic)
		return *big ? "modified pcap, big-endian, microseconds"
			    : "modified pcap, little-endian, microseconds";
	if (*nano)
		return *big ? "pcap, big-endian, nanoseconds" : "pcap, little-endian, nanoseconds";
	return *big ? "pcap, big-endian, microseconds" : "pcap, little-endian, microseconds";
}

static enum cap_status open_classic(struct cap_file *f)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	pcap_t *p = pcap_fopen_offline_with_tstamp_precision(f->f, PCAP_TSTAMP_PRECISION_NANO, err);
	if (!p) {
		cap_file_cut(f, "damaged file header", "byte %" PRIu64 ": damaged file header: %.90s",
			f->bytes < 24 ? f->bytes : 4, err);
		return CAP_BAD;
	}
	f->pcap = p; /* it owns the stream from now on */
	struct cap_iface *i = cap_file_add_iface(f);
	i->linktype = (uint32_t)pcap_datalink(p);
	/* libpcap translates LINKTYPE_RAW to the platform's DLT_RAW; the truth format uses the file's number. */
	if (i->linktype == DLT_RAW)
		i->linktype = CAP_LINK_RAW;
	i->snaplen = (uint32_t)pcap_snapshot(p);
	f->off = 24;
	return CAP_OK;
}

enum cap_status cap_file_open(struct cap_file *f, const char *path, int *sys)
{
	memset(f, 0, sizeof *f);
	*sys = 0;
	f->f = fopen(path, "rb");
	if (!f->f) {
		*sys = errno;
		cap_file_cut(f, "cannot be opened", "%s", strerror(errno));
		return CAP_BAD;
	}
	uint8_t magic[4];
	size_t n = fread(magic, 1, 4, f->f);
	if (ferror(f->f) || fseek(f->f, 0, SEEK_END)) {
		*sys = errno ? errno : EIO;
		cap_file_cut(f, "cannot be read", "%s", strerror(*sys));
		return CAP_BAD;
	}
	long end = ftell(f->f);
	f->bytes = end > 0 ? (uint64_t)end : 0;
	if (fseek(f->f, 0, SEEK_SET)) {
		*sys = errno;
		cap_file_cut(f, "cannot be read", "%s", strerror(errno));
		return CAP_BAD;
	}
	if (n == 0) {
		cap_file_cut(f, "empty", "byte 0: the file is empty");
		return CAP_BAD;
	}
	if (n == 4 && !memcmp(magic, "\x0a\x0d\x0d\x0a", 4)) {
		f->ng = true;
		f->kind = "pcapng";
		return cap_ng_open(f);
	}
	f->kind = n == 4 ? pcap_kind(magic, &f->big_endian, &f->nano) : NULL;
	if (!f->kind) {
		if (n >= 2 && magic[0] == 0x1f && magic[1] == 0x8b)
			cap_file_cut(f, "compressed",
				"byte 0: the file is compressed with gzip; unpack it first (gunzip)");
		else
			cap_file_cut(f, "not a capture",
				"byte 0: neither a pcap nor a pcapng file (its first bytes are %02x %02x "
				"%02x %02x)",
				magic[0], n > 1 ? magic[1] : 0, n > 2 ? magic[2] : 0, n > 3 ? magic[3] : 0);
		return CAP_BAD;
	}
	return open_classic(f);
}

enum cap_status cap_file_next(struct cap_file *f, struct cap_raw *out)
{
	if (f->reader_error)
		return CAP_END;
	if (f->ng)
		return cap_ng_next(f, out);
	struct pcap_pkthdr *h;
	const uint8_t *p;
	int rc = pcap_next_ex(f->pcap, &h, &p);
	if (rc == PCAP_ERROR_BREAK)
		return CAP_END;
	if (rc != 1) {
		const char *why = pcap_geterr(f->pcap);
		bool cut = strstr(why, "truncated") != NULL;
		cap_file_cut(f, cut ? CUT_SHORT : "damaged packet record", "byte %" PRIu64 ": %.110s", f->off,
			why);
		return CAP_END;
	}
	*out = (struct cap_raw){.p = p, .caplen = h->caplen, .wirelen = h->len, .timed = true};
	out->at_ns = (int64_t)h->ts.tv_sec * 1000000000 + h->ts.tv_usec; /* nanoseconds: asked for above */
	f->off += 16 + (uint64_t)h->caplen;
	f->packets++;
	f->iface[0].packets++;
	return CAP_OK;
}

void cap_file_close(struct cap_file *f)
{
	if (f->pcap)
		pcap_close(f->pcap);
	else if (f->f)
		fclose(f->f);
	f->pcap = NULL;
	f->f = NULL;
	for (uint32_t i = 0; i < f->nifaces; i++) {
		xfree(f->iface[i].name);
		xfree(f->iface[i].addr);
	}
	xfree(f->iface);
	xfree(f->block);
	xfree(f->comment);
	xfree(f->secrets);
	f->iface = NULL;
	f->block = NULL;
	f->comment = NULL;
	f->secrets = NULL;
	f->nifaces = 0;
}
