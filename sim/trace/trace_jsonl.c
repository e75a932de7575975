/*
 * trace_jsonl: the trace as JSON Lines, one record a line, in order of time. The first eleven keys are the
 * contract's; the rest is for those who want to follow packets and stream ranges. Numbers above 2^53 do not
 * occur (ids and offsets count things in one run).
 */
#include "proto/base/jtext.h"
#include "sim/trace/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void key_i64(struct buf *b, const char *key, int64_t v)
{
	char t[64];
	snprintf(t, sizeof t, ",\"%s\":%" PRId64, key, v);
	buf_str(b, t);
}

static void key_text(struct buf *b, const char *key, const char *v)
{
	buf_str(b, ",\"");
	buf_str(b, key);
	buf_str(b, "\":");
	if (*v)
		jt_quote(b, bytes_str(v));
	else
		buf_str(b, "null");
}

static const char *name_of(const struct trace *tr, uint16_t n)
{
	return n && n < tr->nnode ? trace_text(tr, tr->node[n].name) : "";
}

static void line(struct buf *b, const struct trace *tr, const struct trace_rec *r)
{
	char text[1024];
	const struct trace_kind_def *k = trace_kind_def((enum trace_kind)r->kind);
	snprintf(text, sizeof text, "{\"t_ns\":%" PRId64, r->at);
	buf_str(b, text);
	key_i64(b, "id", (int64_t)r->id);
	key_i64(b, "cause", (int64_t)r->cause);
	key_text(b, "node", name_of(tr, r->node));
	key_text(b, "peer", name_of(tr, r->peer));
	key_i64(b, "conn", r->conn);
	key_text(b, "layer", trace_layer_name(k->layer));
	key_text(b, "kind", k->name);
	key_i64(b, "bytes", r->len ? r->len : r->slen);
	trace_sentence(tr, r, text, sizeof text);
	key_text(b, "summary", text);
	key_text(b, "reason", trace_reason_def((enum trace_reason)r->reason)->name);
	if (r->reason && trace_reason_param(tr, r, text, sizeof text))
		key_text(b, "param", text);
	if (r->flags & (TRACE_UP | TRACE_DOWN))
		key_text(b, "dir", r->flags & TRACE_UP ? "up" : "down");
	if (r->pkt)
		key_i64(b, "pkt", (int64_t)r->pkt);
	if (r->slen) {
		key_i64(b, "stream_off", (int64_t)r->soff);
		key_i64(b, "stream_len", r->slen);
	}
	if (r->msg)
		key_i64(b, "msg", r->msg);
	if (r->client)
		key_i64(b, "client", r->client);
	if (r->flags & TRACE_INFERRED)
		buf_str(b, ",\"inferred\":true");
	buf_str(b, "}\n");
}

int trace_write_jsonl(const struct trace *tr, const struct trace_out *out)
{
	uint64_t *ids = malloc((tr->nrec ? tr->nrec : 1) * sizeof *ids);
	if (!ids) {
		errno = ENOMEM;
		return -1;
	}
	trace_by_time(tr, ids);
	struct buf b;
	buf_init(&b, &alloc_libc, 1 << 20);
	int rc = 0;
	for (uint64_t i = 0; i < tr->nrec && !rc; i++) {
		line(&b, tr, &tr->rec[ids[i] - 1]);
		if (b.n < 65536 && i + 1 < tr->nrec)
			continue;
		rc = b.failed ? -1 : out->write(out->ctx, (const char *)b.p, b.n);
		buf_clear(&b);
	}
	buf_fini(&b);
	free(ids);
	return rc;
}
