/*
 * Our TCP beside a Linux kernel's: each story of tests/data/linux-tcp is played by the simulator, and what both ends
 * send, and when, is compared segment by segment with what the kernel sent when it played the same story. The
 * captures in that folder were recorded by tests/peers/linux_tcp.sh, which also compares with the kernel it finds.
 *
 *	LINUX_TCP_CAPTURES=DIR   compare with the captures there
 *	LINUX_TCP_STORY=NAME     only this story
 *	LINUX_TCP_SHOW=1         print both conversations
 *
 * What is compared and what may differ is said in docs/TCP-VALIDATION.md.
 */
#include "proto/wire/wire.h"
#include "sim/capture/cap_file.h"
#include "sim/core/xmalloc.h"
#include "tests/support/tcp_play.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORIES "tests/data/linux-tcp"
#define SEGS_MAX 4096

struct seg {
	int64_t at_ns, gap_ns; /* since the segment before, of either side */
	enum story_side side;
	uint32_t seq, ack, len; /* relative to the initial numbers */
	uint32_t left[4], right[4];
	uint16_t flags, wnd;
	uint8_t n_sack;
};
struct talk {
	struct seg *seg;
	size_t n;
	uint8_t shift[STORY_SIDES]; /* window scale */
	bool scaled[STORY_SIDES];
};

static struct seg *add(struct talk *t, enum story_side side, int64_t at_ns)
{
	struct seg *s = &t->seg[t->n];

	if (t->n == SEGS_MAX)
		return &t->seg[0]; /* far too many: the comparison will say so */
	memset(s, 0, sizeof *s);
	s->side = side;
	s->at_ns = at_ns;
	s->gap_ns = t->n ? at_ns - t->seg[t->n - 1].at_ns : 0;
	t->n++;
	return s;
}

/* ---- the kernel's side -------------------------------------------------------------------------------------- */

/* The segments of a capture with one interface at each end, each where it was sent. */
static bool read_capture(const char *path, struct talk *t)
{
	struct cap_file f;
	struct cap_raw raw;
	uint32_t isn[STORY_SIDES] = {0};
	int sys;

	if (cap_file_open(&f, path, &sys) != CAP_OK)
		return false;
	while (cap_file_next(&f, &raw) == CAP_OK) {
		struct ip_hdr ip;
		struct tcp_hdr h;
		struct seg *s;

		if (ip_get((struct bytes){raw.p, raw.caplen}, &ip) != WIRE_OK || ip.proto != IP_PROTO_TCP ||
			tcp_get(ip.payload, &h) != WIRE_OK)
			continue;
		enum story_side side = h.src_port == 80 ? STORY_SERVER : STORY_CLIENT;

		if (raw.iface != side)
			continue; /* an arrival */
		if (h.flags & TCP_SYN) {
			isn[side] = h.seq;
			t->shift[side] = h.has_wscale ? h.wscale : 0;
			t->scaled[side] = h.has_wscale;
		}
		s = add(t, side, raw.at_ns);
		s->flags = h.flags;
		s->wnd = h.window;
		s->seq = h.seq - isn[side];
		s->ack = h.flags & TCP_ACK ? h.ack - isn[!side] : 0;
		s->len = raw.wirelen - ip.hdr_len - h.hdr_len;
		s->n_sack = h.n_sack;
		for (unsigned i = 0; i < h.n_sack; i++) {
			s->left[i] = h.sack[i].left - isn[!side];
			s->right[i] = h.sack[i].right - isn[!side];
		}
	}
	cap_file_close(&f);
	return f.reader_error == NULL;
}

/* ---- ours ------------------------------------------------------------------------------------------------------ */

#define UNSCALED_BYTES 80480u /* what the buffer holds when the announced window cannot say so */

/* How large the windows are at first and become depends on the kernel's accounting of memory: as it announced. */
static void windows(struct tcp_cfg *c, const struct talk *kernel, enum story_side side, bool wide)
{
	unsigned shift = kernel->shift[side];
	uint32_t most = 0, first = 0;

	for (size_t i = 0; i < kernel->n; i++) {
		const struct seg *g = &kernel->seg[i];

		if (g->side != side)
			continue;
		if (!first && !(g->flags & TCP_SYN))
			first = (uint32_t)g->wnd << shift;
		if (g->flags & TCP_SYN)
			c->rcv_window_bytes = most = g->wnd;
		else if ((uint32_t)g->wnd << shift > most)
			most = (uint32_t)g->wnd << shift;
		else if (!g->wnd && !(g->flags & TCP_RST) && g->ack > most)
			most = g->ack - 1; /* the buffer is full of what the application has not read */
	}
	c->rcv_window_max_bytes = kernel->scaled[side] ? most : UNSCALED_BYTES;
	if (wide) { /* more than a SYN can say, in a buffer of its own */
		c->rcv_window_bytes = first;
		c->rcv_buffer_bytes = most + (1u << shift) - 1; /* what is announced is rounded */
		c->rcv_window_max_bytes = c->rcv_buffer_bytes;
	}
	c->wscale = (uint8_t)shift;
}

static void simulate(const struct story *s, const struct talk *kernel, struct talk *t)
{
	struct tcp_play y;

	tcp_play_init(&y, s);
	windows(&y.p.lcfg, kernel, STORY_CLIENT, s->end[STORY_CLIENT].window_bytes > UINT16_MAX);
	windows(&y.p.rcfg, kernel, STORY_SERVER, s->end[STORY_SERVER].window_bytes > UINT16_MAX);
	tcp_play(&y);
	for (size_t i = 0; i < y.p.n_seen; i++) {
		const struct tcp_seen *g = &y.p.seen[i];
		struct seg *o = add(t, g->right ? STORY_SERVER : STORY_CLIENT, g->at_ns);
		uint32_t isn = g->right ? y.p.left.tag.iss : y.p.right.tag.iss;

		o->flags = g->flags;
		o->wnd = g->wnd;
		o->seq = g->seq;
		o->ack = g->ack;
		o->len = g->len;
		o->n_sack = g->n_sack;
		for (unsigned k = 0; k < g->n_sack; k++) {
			o->left[k] = g->sack.block[k].left - isn;
			o->right[k] = g->sack.block[k].right - isn;
		}
	}
	tcp_play_fini(&y);
}

/* ---- side by side -------------------------------------------------------------------------------------------- */

static const char *seg_text(const struct seg *s, char out[200])
{
	char flags[8];
	size_t n = 0;

	for (unsigned i = 0; i < 5; i++)
		if (s->flags >> i & 1)
			flags[n++] = "FSRP."[i];
	flags[n] = 0;
	n = (size_t)snprintf(out, 200, "%9.4f %s %-3s %u:%u ack %u win %u", (double)s->at_ns / 1e9,
		s->side == STORY_SERVER ? "<" : ">", flags, s->seq, s->seq + s->len, s->ack, s->wnd);
	for (unsigned i = 0; i < s->n_sack; i++)
		n += (size_t)snprintf(out + n, 200 - n, " %u-%u", s->left[i], s->right[i]);
	return out;
}

static void show(const struct talk *kernel, const struct talk *ours)
{
	char a[200], b[200];

	for (size_t i = 0; i < kernel->n || i < ours->n; i++)
		printf("  %-70s | %s\n", i < kernel->n ? seg_text(&kernel->seg[i], a) : "",
			i < ours->n ? seg_text(&ours->seg[i], b) : "");
}

static bool same(const struct seg *k, const struct seg *o)
{
	if (k->flags != o->flags || k->seq != o->seq || k->len != o->len || k->ack != o->ack ||
		k->n_sack != o->n_sack || !k->wnd != !o->wnd)
		return false;
	for (unsigned i = 0; i < k->n_sack; i++)
		if (k->left[i] != o->left[i] || k->right[i] != o->right[i])
			return false;
	return true;
}

static int64_t off_by(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

#define NEAR_NS (6 * NS_PER_MS)

/* At the same moment, or as long after what was sent before. A timer of the kernel counts whole jiffies, up to 10 ms, and
 * its wheel fires up to an eighth late. */
static bool in_time(const struct seg *k, const struct seg *o)
{
	int64_t late = k->gap_ns - o->gap_ns;

	return off_by(k->at_ns, o->at_ns) <= NEAR_NS ||
	       (late >= -NEAR_NS && late <= NEAR_NS + (o->gap_ns > 30 * NS_PER_MS ? o->gap_ns * 3 / 20 : 0));
}

/* Only says that an open window has become wider. The kernel announces what is free when a segment arrives, and once
 * more when the application has read; ours, whose applications read at once, announces that from the start. */
static bool window_update(const struct talk *t, size_t i)
{
	const struct seg *s = &t->seg[i], *before = NULL;

	for (size_t k = i; k-- > 0 && !before;)
		if (t->seg[k].side == s->side)
			before = &t->seg[k];
	return before && s->flags == TCP_ACK && !s->len && !s->n_sack && before->ack == s->ack &&
	       before->wnd && before->seq + before->len == s->seq && before->wnd < s->wnd;
}

static const struct seg *nth(const struct talk *t, enum story_side side, size_t n)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->seg[i].side == side && !window_update(t, i) && n-- == 0)
			return &t->seg[i];
	return NULL;
}

/* What one side sent: the first difference, told in `why`. */
static bool compare_side(
	const struct talk *kernel, const struct talk *ours, enum story_side side, char *why, size_t size)
{
	char a[200], b[200];

	for (size_t i = 0;; i++) {
		const struct seg *k = nth(kernel, side, i), *o = nth(ours, side, i);

		if (!k && !o)
			return true;
		if (k && o && same(k, o) && in_time(k, o))
			continue;
		snprintf(why, size, "segment %zu of the %s, %s:\n    kernel %s\n    ours   %s", i + 1,
			side == STORY_SERVER ? "server" : "client",
			k && o && same(k, o) ? "at another time" : "another one",
			k ? seg_text(k, a) : "nothing", o ? seg_text(o, b) : "nothing");
		return false;
	}
}

static bool judge(const char *name, const char *captures)
{
	char path[512], why[600];
	struct talk kernel = {xcalloc(SEGS_MAX, sizeof *kernel.seg), 0, {0}, {0}},
		    ours = {xcalloc(SEGS_MAX, sizeof *ours.seg), 0, {0}, {0}};
	struct story s;
	bool ok = false;

	snprintf(path, sizeof path, STORIES "/%s.story", name);
	if (!story_read(&s, path)) {
		printf("FAILED %s\n", s.error);
	} else {
		snprintf(path, sizeof path, "%s/%s.pcapng", captures, name);
		ok = read_capture(path, &kernel) && kernel.n;
		if (ok)
			simulate(&s, &kernel, &ours);
		else
			printf("FAILED %s cannot be read\n", path);
	}
	if (ok && getenv("LINUX_TCP_SHOW"))
		show(&kernel, &ours);
	for (int side = 0; ok && side < STORY_SIDES; side++) {
		ok = compare_side(&kernel, &ours, (enum story_side)side, why, sizeof why);
		if (!ok)
			printf("FAILED %s: %s\n", name, why);
	}
	xfree(kernel.seg);
	xfree(ours.seg);
	return ok;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(void)
{
	const char *captures = getenv("LINUX_TCP_CAPTURES"), *only = getenv("LINUX_TCP_STORY");
	char *list[256];
	size_t n = 0;
	int passed = 0, failed = 0;
	DIR *d = opendir(STORIES);
	struct dirent *e;

	while (d && (e = readdir(d)) && n < 256) {
		char *dot = strstr(e->d_name, ".story");

		if (!dot || dot[6])
			continue;
		*dot = 0;
		if (!only || !strcmp(only, e->d_name))
			list[n++] = xstrdup(e->d_name);
	}
	if (d)
		closedir(d);
	qsort(list, n, sizeof *list, by_name);
	for (size_t i = 0; i < n; i++) {
		if (judge(list[i], captures ? captures : STORIES))
			passed++;
		else
			failed++;
		xfree(list[i]);
	}
	if (!only && n < 20) {
		printf("only %zu stories found: run from the repository's root\n", n);
		failed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}
