/*
 * cap_file: packets out of a capture file, one after the other.
 *
 * Classic pcap files are read through libpcap (nanosecond precision asked for, so both kinds of time stamps come
 * out exact). pcapng files are read by the small reader in cap_ng.c, because libpcap's own refuses files that are
 * legal (a second section in the other byte order, interfaces of different link types or snapshot lengths) and cannot say what a
 * teaching tool wants to show: which interface, which comment, which blocks. docs/adr has the reasons.
 *
 * A file that ends in the middle of a packet gives everything before the cut and says so in `reader_error`.
 *
 * Limits: CAP_BLOCK_MAX octets in a block, CAP_IFACES_MAX interfaces in a file.
 */
#ifndef SIM_CAPTURE_CAP_FILE_H
#define SIM_CAPTURE_CAP_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define CAP_BLOCK_MAX (16u << 20)
#define CAP_IFACES_MAX 65535u

/* Link types (tcpdump.org/linktypes) that cap_frame understands. */
enum cap_linktype {
	CAP_LINK_NULL = 0,
	CAP_LINK_ETHERNET = 1,
	CAP_LINK_RAW_BSD = 12,
	CAP_LINK_RAW_OPENBSD = 14,
	CAP_LINK_PPP = 9,
	CAP_LINK_RAW = 101,
	CAP_LINK_LOOP = 108,
	CAP_LINK_SLL = 113,
	CAP_LINK_IPV4 = 228,
	CAP_LINK_IPV6 = 229,
	CAP_LINK_SLL2 = 276,
};

struct cap_iface {
	uint32_t linktype, snaplen;
	char *name;                  /* NULL: the file gives none */
	char *addr;                  /* if_description, NULL: none */
	uint64_t packets;            /* read so far */
	uint64_t tick_num, tick_den; /* one tick of its clock in ns is num/den */
	int64_t offset_s;            /* if_tsoffset */
};

enum cap_block {
	CAP_SHB,
	CAP_IDB,
	CAP_EPB,
	CAP_SPB,
	CAP_PB,
	CAP_NRB,
	CAP_ISB,
	CAP_DSB,
	CAP_CB,
	CAP_DCB,
	CAP_SJE,
	CAP_BLOCK_OTHER,
	CAP_BLOCKS
};

/* One packet as it stands in the file; `p` is valid until the next call. */
struct cap_raw {
	const uint8_t *p;
	uint32_t caplen, wirelen;
	uint32_t iface;
	bool timed;          /* false: a simple packet block, which has no time */
	int64_t at_ns;       /* since 1970 */
	const char *comment; /* first opt_comment, NULL: none */
};

struct cap_file {
	FILE *f;
	bool ng, big_endian, nano;
	const char *kind; /* words of the truth format: "pcap, little-endian, microseconds", "pcapng" */
	uint64_t off;     /* octets read so far */
	uint64_t bytes;   /* size of the file */
	uint64_t packets;
	struct cap_iface *iface;
	uint32_t nifaces, iface_cap;
	uint32_t section_first; /* first interface of the current section (pcapng) */
	uint64_t blocks[CAP_BLOCKS];
	uint32_t sections;
	const char *reader_error; /* NULL: read to its end */
	char detail[160];         /* the same with offsets, for people */
	char *secrets; /* TLS key log lines of the decryption secrets blocks, NUL-terminated; NULL: none */
	size_t secrets_n;
	/* private */
	void *pcap;
	uint8_t *block;
	uint32_t block_cap;
	char *comment;
};

enum cap_status { CAP_OK, CAP_END, CAP_BAD };

/* Opens `path` and reads up to the first packet. On failure: CAP_BAD with a message naming the octet in
 * `f->detail`, or with errno set when the system refused (then `*sys` is errno, otherwise 0). */
enum cap_status cap_file_open(struct cap_file *f, const char *path, int *sys);
/* The next packet. CAP_END at the end, also when the file is cut or damaged: see `reader_error`. */
enum cap_status cap_file_next(struct cap_file *f, struct cap_raw *out);
void cap_file_close(struct cap_file *f);

const char *cap_block_name(enum cap_block b);
/* Wireshark's short name of a link type ("ether", "linux-sll"); "unknown" for others. */
const char *cap_linktype_name(uint32_t linktype);
/* Is this a link type cap_frame can read? */
bool cap_linktype_known(uint32_t linktype);

/* For cap_ng.c. */
struct cap_iface *cap_file_add_iface(struct cap_file *f);
void cap_file_cut(struct cap_file *f, const char *error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
enum cap_status cap_ng_open(struct cap_file *f);
enum cap_status cap_ng_next(struct cap_file *f, struct cap_raw *out);

#endif
