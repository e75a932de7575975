/*
 * Loading a capture: packets first, then connection by connection the streams and what they carry.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/utf8.h"
#include "sim/capture/cap.h"
#include "sim/capture/cap_decode.h"
#include "sim/capture/cap_net.h"
#include "sim/core/xmalloc.h"

#define ARENA_BLOCK (64u << 10)

struct cap_arena {
	struct cap_arena *next;
	size_t used, cap;
	_Alignas(16) uint8_t data[];
};

void *cap_mem(struct capture *c, size_t n)
{
	n = (n + 7) & ~(size_t)7;
	struct cap_arena *a = c->arena;
	if (!a || a->cap - a->used < n) {
		size_t cap = n > ARENA_BLOCK ? n : ARENA_BLOCK;
		a = xmalloc(sizeof *a + cap);
		a->used = 0;
		a->cap = cap;
		a->next = c->arena;
		c->arena = a;
	}
	void *p = a->data + a->used;
	a->used += n;
	return p;
}

const char *cap_str(struct capture *c, struct bytes b)
{
	if (!utf8_valid(b)) {
		struct buf t;
		buf_init(&t, &xalloc, SIZE_MAX);
		utf8_replace(&t, b);
		const char *fixed = cap_str(c, buf_bytes(&t));
		buf_fini(&t);
		return fixed;
	}
	char *s = cap_mem(c, b.n + 1);
	if (b.n)
		memcpy(s, b.p, b.n);
	s[b.n] = 0;
	return s;
}

static uint32_t text_hash(const char *s, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 16777619u;
	return h ^ h >> 15;
}

static void intern_grow(struct capture *c)
{
	uint32_t old = c->interned_slots;
	const char **v = c->interned;
	c->interned_slots = old ? old * 4 : 256;
	c->interned = xcalloc(c->interned_slots, sizeof *c->interned);
	for (uint32_t i = 0; i < old; i++) {
		if (!v[i])
			continue;
		uint32_t s = text_hash(v[i], strlen(v[i])) & (c->interned_slots - 1);
		while (c->interned[s])
			s = (s + 1) & (c->interned_slots - 1);
		c->interned[s] = v[i];
	}
	xfree((void *)v);
}

const char *cap_intern(struct capture *c, struct bytes b)
{
	if (c->interned_n * 2 >= c->interned_slots)
		intern_grow(c);
	uint32_t s = text_hash((const char *)b.p, b.n) & (c->interned_slots - 1);
	for (; c->interned[s]; s = (s + 1) & (c->interned_slots - 1))
		if (!strncmp(c->interned[s], (const char *)b.p, b.n) && !c->interned[s][b.n])
			return c->interned[s];
	const char *t = cap_str(c, b);
	if (strlen(t) == b.n &&
		!memcmp(t, b.p, b.n)) { /* a text that had to be mended would not be found again */
		c->interned[s] = t;
		c->interned_n++;
	}
	return t;
}

const char *cap_strf(struct capture *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
	return cap_str(c, (struct bytes){(const uint8_t *)text, len});
}

void *cap_grow(void *p, uint32_t *cap, uint32_t n, size_t each)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap + *cap / 2 + 4 : 8;
	return xrealloc(p, *cap * each);
}

const char *cap_analysis_name(enum cap_analysis a)
{
	static const char *const names[CAP_ANS] = {
#define X(id, name) name,
		CAP_ANALYSIS(X)
#undef X
	};
	return names[a];
}

const char *cap_host(struct capture *c, const struct ip_addr *a)
{
	char t[IP_ADDR_TEXT_MAX];
	return cap_strf(c, a->v == 6 ? "[%s]" : "%s", ip_addr_text(a, t));
}

const char *cap_endpoint(struct capture *c, const struct ip_addr *a, uint16_t port)
{
	char t[IP_ADDR_TEXT_MAX];
	return cap_strf(c, a->v == 6 ? "[%s]:%u" : "%s:%u", ip_addr_text(a, t), port);
}

static void keep_comment(struct capture *c, const char *text)
{
	if (!c->comment) {
		c->comment = xcalloc(c->pkt_cap + 1u, sizeof c->comment[0]);
	}
	c->comment[c->npkts - 1] = cap_str(c, bytes_str(text));
}

/* Is this packet's interface the one asked for? */
static bool chosen(const struct capture *c, const struct capture_opts *o, uint32_t iface)
{
	char number[16];
	if (!o || !o->iface)
		return true;
	snprintf(number, sizeof number, "%u", iface);
	const char *name = c->file.iface[iface].name;
	return !strcmp(o->iface, number) || (name && !strcmp(o->iface, name));
}

static void read_packets(struct capture *c, const struct capture_opts *o)
{
	struct cap_raw raw;
	uint32_t max = o && o->packets_max ? o->packets_max : CAP_PACKETS_MAX;
	c->net = cap_net_new();
	while (c->npkts < max && cap_file_next(&c->file, &raw) == CAP_OK) {
		uint32_t cap = c->pkt_cap;
		if (!chosen(c, o, raw.iface))
			continue;
		if (!cap_net_packet(c, &raw))
			break;
		if (c->comment && c->pkt_cap != cap) {
			c->comment = xrealloc(c->comment, (c->pkt_cap + 1u) * sizeof c->comment[0]);
			memset(c->comment + cap + 1, 0, (c->pkt_cap - cap) * sizeof c->comment[0]);
		}
		if (raw.comment)
			keep_comment(c, raw.comment);
	}
	cap_net_finish(c);
	cap_net_free(c->net);
	c->net = NULL;
}

enum capture_result capture_open(
	struct capture **out, const char *path, const struct capture_opts *o, char *why, size_t why_cap)
{
	int sys = 0;
	struct capture *c = xcalloc(1, sizeof *c);
	*out = NULL;
	if (cap_file_open(&c->file, path, &sys) != CAP_OK) {
		snprintf(why, why_cap, "%s", c->file.detail);
		cap_file_close(&c->file);
		capture_free(c);
		return sys ? CAPTURE_ENV : CAPTURE_INPUT;
	}
	/* Frames take less than the file: with this, growing is the exception. Untouched pages cost nothing. */
	c->store_cap = c->file.bytes < CAP_STORE_MAX ? (size_t)c->file.bytes + 4096 : 1u << 20;
	c->store = xmalloc(c->store_cap);
	read_packets(c, o);
	if (!c->npkts && c->file.reader_error) {
		snprintf(why, why_cap, "%s", c->file.detail);
		capture_free(c);
		return CAPTURE_INPUT;
	}
	cap_decode(c);
	cap_label(c);
	*out = c;
	return CAPTURE_OK;
}

void capture_free(struct capture *c)
{
	if (!c)
		return;
	cap_file_close(&c->file);
	for (uint32_t i = 0; i < c->nsse; i++)
		xfree(c->sse[i].item);
	for (uint32_t i = 0; i < c->nws; i++) {
		xfree(c->ws[i].frame);
		xfree(c->ws[i].msg);
	}
	for (uint32_t i = 0; i < c->nh2; i++)
		xfree(c->h2[i].frame);
	for (uint32_t i = 0; i < c->nh2_reqs; i++)
		xfree(c->h2_req[i].msg);
	for (uint32_t i = 0; i < c->nconv; i++) {
		xfree(c->conv[i].h2);
		xfree(c->conv[i].stream);
		xfree(c->conv[i].http);
		xfree(c->conv[i].ws);
	}
	while (c->arena) {
		struct cap_arena *next = c->arena->next;
		xfree(c->arena);
		c->arena = next;
	}
	xfree((void *)c->interned);
	xfree(c->store);
	xfree(c->pkt);
	xfree(c->comment);
	xfree(c->conn);
	xfree(c->http);
	xfree(c->sse);
	xfree(c->ws);
	xfree(c->gql);
	xfree(c->tls);
	xfree(c->h2);
	xfree(c->h2_req);
	xfree(c->h2_setting);
	xfree(c->unit);
	xfree(c->conv);
	xfree(c->icmp);
	xfree(c);
}

enum capture_result capture_load(
	const char *path, const struct capture_opts *o, struct trace *tr, char *why, size_t why_cap)
{
	struct capture *c = NULL;
	enum capture_result r = capture_open(&c, path, o, why, why_cap);
	if (r == CAPTURE_OK && tr)
		capture_to_trace(c, tr);
	capture_free(c);
	return r;
}
