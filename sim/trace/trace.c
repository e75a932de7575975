/*
 * trace: the store (records, octets, texts, nodes, connections) and the folds. See trace.h for the model.
 *
 * Records are one array, octets one growing buffer addressed by offset, texts are interned NUL-terminated
 * strings addressed by offset with an open-addressing table over them. Nothing is ever removed.
 */
#include "sim/trace/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REC_MAX_DEFAULT (8u * 1000 * 1000)
#define PAYLOAD_MAX_DEFAULT (1ull << 30)
#define STRS_MAX (64u << 20)

static const struct trace_kind_def kinds[TRACE_KINDS] = {
#define X(id, layer, name, sentence) {#id, name, sentence, TRACE_LAYER_##layer},
#include "sim/trace/kinds.def"
#undef X
};

static const struct trace_reason_def reasons[TRACE_REASONS] = {
#define X(id, name, sentence, source, param) {#id, name, sentence, source, param},
#include "sim/trace/reasons.def"
#undef X
};

_Static_assert(TRACE_KINDS <= 128, "the masks of struct trace hold 128 kinds");

const struct trace_kind_def *trace_kind_def(enum trace_kind k)
{
	return (unsigned)k < TRACE_KINDS ? &kinds[k] : NULL;
}

const struct trace_reason_def *trace_reason_def(enum trace_reason r)
{
	return (unsigned)r < TRACE_REASONS ? &reasons[r] : &reasons[0];
}

const char *trace_layer_name(enum trace_layer l)
{
	static const char *const names[] = {
		"link", "ip", "tcp", "tls", "http", "sse", "ws", "app", "box", "host"};
	return (unsigned)l < sizeof names / sizeof names[0] ? names[l] : "?";
}

static void *grow(void *p, size_t n)
{
	void *q = realloc(p, n);
	if (!q) {
		fputs("backtalk: out of memory (trace)\n", stderr);
		abort();
	}
	return q;
}

struct trace *trace_new(const struct trace_opts *o)
{
	struct trace *tr = grow(NULL, sizeof *tr);
	*tr = (struct trace){.rec_max = REC_MAX_DEFAULT};
	if (o && o->rec_max)
		tr->rec_max = o->rec_max;
	buf_init(&tr->payload, &alloc_libc, o && o->payload_max ? o->payload_max : PAYLOAD_MAX_DEFAULT);
	buf_init(&tr->strs, &alloc_libc, STRS_MAX);
	buf_u8(&tr->strs, 0);      /* id 0 is "" */
	tr->nnode = tr->nconn = 1; /* [0] stands for "none" */
	tr->node_cap = tr->conn_cap = 16;
	tr->node = grow(NULL, tr->node_cap * sizeof *tr->node);
	tr->conn = grow(NULL, tr->conn_cap * sizeof *tr->conn);
	tr->node[0] = (struct trace_node){.role = TRACE_OTHER};
	tr->conn[0] = (struct trace_conn){0};
	return tr;
}

void trace_free(struct trace *tr)
{
	if (!tr)
		return;
	free(tr->rec);
	free(tr->node);
	free(tr->conn);
	free(tr->str_slot);
	buf_fini(&tr->payload);
	buf_fini(&tr->strs);
	free(tr);
}

static void bit_set(uint64_t m[2], enum trace_kind k)
{
	m[(unsigned)k >> 6] |= 1ull << ((unsigned)k & 63);
}

void trace_keep(struct trace *tr, enum trace_kind k)
{
	bit_set(tr->keep, k);
	bit_set(tr->on[1], k);
}

void trace_keep_all(struct trace *tr)
{
	for (unsigned k = 0; k < TRACE_KINDS; k++)
		trace_keep(tr, (enum trace_kind)k);
}

void trace_want(struct trace_fold *f, enum trace_kind k)
{
	bit_set(f->kinds, k);
}

void trace_add_fold(struct trace *tr, const struct trace_fold *f)
{
	if (tr->nfolds >= TRACE_FOLDS_MAX) {
		fputs("backtalk: more than TRACE_FOLDS_MAX folds on one trace\n", stderr);
		abort();
	}
	tr->folds[tr->nfolds++] = *f;
	for (unsigned w = 0; w < 2; w++) {
		tr->fold[w] |= f->kinds[w];
		tr->on[0][w] |= f->kinds[w];
		tr->on[1][w] |= f->kinds[w];
	}
}

static uint64_t store(struct trace *tr, const struct trace_rec *r)
{
	if (tr->nrec >= tr->rec_max) {
		tr->overflow = "trace records (rec_max)";
		return 0;
	}
	if (tr->nrec == tr->cap) {
		tr->cap = tr->cap ? tr->cap * 2 : 1024;
		tr->rec = grow(tr->rec, tr->cap * sizeof *tr->rec);
	}
	struct trace_rec *d = &tr->rec[tr->nrec++];
	*d = *r;
	d->id = tr->nrec;
	return d->id;
}

void trace_tell_all(const struct trace *tr, const struct trace_fact *f)
{
	unsigned w = f->kind >> 6;
	uint64_t bit = 1ull << (f->kind & 63);
	for (unsigned i = 0; i < tr->nfolds; i++)
		if (tr->folds[i].kinds[w] & bit)
			tr->folds[i].see(tr->folds[i].ctx, f);
}

uint64_t trace_add(struct trace *tr, const struct trace_rec *r, bool lens)
{
	unsigned w = r->kind >> 6;
	uint64_t bit = 1ull << (r->kind & 63);
	uint64_t id = lens && (tr->keep[w] & bit) ? store(tr, r) : 0;
	if (tr->fold[w] & bit)
		trace_tell(tr, &(struct trace_fact){.at = r->at,
				       .a = r->a,
				       .b = r->b,
				       .msg = r->msg,
				       .client = r->client,
				       .kind = r->kind,
				       .node = r->node});
	return id;
}

uint64_t trace_payload(struct trace *tr, struct bytes b)
{
	uint64_t off = tr->payload.n;
	if (tr->payload.n + b.n > tr->payload.max) {
		tr->overflow = "trace octets (payload_max)";
		return UINT64_MAX;
	}
	buf_add(&tr->payload, b);
	if (tr->payload.failed) {
		fputs("backtalk: out of memory (trace)\n", stderr);
		abort();
	}
	return off;
}

/* FNV-1a; only the place in the table depends on it, never an order that anybody sees. */
static uint32_t hash_text(const char *s)
{
	uint32_t h = 2166136261u;
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

static void rehash(struct trace *tr)
{
	uint32_t slots = tr->str_slots ? tr->str_slots * 2 : 256;
	uint32_t *t = grow(NULL, slots * sizeof *t);
	memset(t, 0, slots * sizeof *t);
	for (uint32_t i = 0; i < tr->str_slots; i++) {
		uint32_t id = tr->str_slot[i];
		if (!id)
			continue;
		uint32_t at = hash_text((const char *)tr->strs.p + id) & (slots - 1);
		while (t[at])
			at = (at + 1) & (slots - 1);
		t[at] = id;
	}
	free(tr->str_slot);
	tr->str_slot = t;
	tr->str_slots = slots;
}

uint32_t trace_str(struct trace *tr, const char *s)
{
	if (!s || !*s)
		return 0;
	if ((tr->nstrs + 1) * 2 > tr->str_slots)
		rehash(tr);
	uint32_t at = hash_text(s) & (tr->str_slots - 1);
	for (; tr->str_slot[at]; at = (at + 1) & (tr->str_slots - 1))
		if (!strcmp((const char *)tr->strs.p + tr->str_slot[at], s))
			return tr->str_slot[at];
	size_t n = strlen(s) + 1;
	if (tr->strs.n + n > tr->strs.max) {
		tr->overflow = "trace texts";
		return 0;
	}
	uint32_t id = (uint32_t)tr->strs.n;
	buf_add(&tr->strs, (struct bytes){(const uint8_t *)s, n});
	if (tr->strs.failed) {
		fputs("backtalk: out of memory (trace)\n", stderr);
		abort();
	}
	tr->str_slot[at] = id;
	tr->nstrs++;
	return id;
}

uint32_t trace_strf(struct trace *tr, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return trace_str(tr, text);
}

const char *trace_text(const struct trace *tr, uint32_t id)
{
	return id < tr->strs.n ? (const char *)tr->strs.p + id : "";
}

uint16_t trace_add_node(struct trace *tr, const struct trace_node *n)
{
	if (tr->nnode > UINT16_MAX) {
		tr->overflow = "trace nodes (65,535)";
		return 0;
	}
	if (tr->nnode == tr->node_cap)
		tr->node = grow(tr->node, (tr->node_cap *= 2) * sizeof *tr->node);
	tr->node[tr->nnode] = *n;
	return (uint16_t)tr->nnode++;
}

uint32_t trace_add_conn(struct trace *tr, const struct trace_conn *c)
{
	if (tr->nconn == tr->conn_cap)
		tr->conn = grow(tr->conn, (tr->conn_cap *= 2) * sizeof *tr->conn);
	tr->conn[tr->nconn] = *c;
	return tr->nconn++;
}

const struct trace_rec *trace_get(const struct trace *tr, uint64_t id)
{
	return id && id <= tr->nrec ? &tr->rec[id - 1] : NULL;
}

struct bytes trace_bytes(const struct trace *tr, const struct trace_rec *r)
{
	if (!r->len || r->off > tr->payload.n || r->len > tr->payload.n - r->off)
		return BYTES_NONE;
	return (struct bytes){tr->payload.p + r->off, r->len};
}

/* Records are nearly in order of time already: a stable merge from below, natural runs would gain little. */
void trace_by_time(const struct trace *tr, uint64_t *ids)
{
	size_t n = tr->nrec;
	bool sorted = true;
	for (size_t i = 0; i < n; i++) {
		ids[i] = i + 1;
		if (i && tr->rec[i].at < tr->rec[i - 1].at)
			sorted = false;
	}
	if (sorted)
		return;
	uint64_t *a = ids, *b = grow(NULL, n * sizeof *b), *tmp = b;
	for (size_t w = 1; w < n; w *= 2) {
		for (size_t lo = 0; lo < n; lo += 2 * w) {
			size_t mid = lo + w < n ? lo + w : n, hi = lo + 2 * w < n ? lo + 2 * w : n;
			size_t i = lo, j = mid, k = lo;
			while (i < mid && j < hi)
				b[k++] = tr->rec[a[j] - 1].at < tr->rec[a[i] - 1].at ? a[j++] : a[i++];
			while (i < mid)
				b[k++] = a[i++];
			while (j < hi)
				b[k++] = a[j++];
		}
		uint64_t *x = a;
		a = b;
		b = x;
	}
	if (a != ids)
		memcpy(ids, a, n * sizeof *ids);
	free(tmp);
}
