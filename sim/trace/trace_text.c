/*
 * trace_text: a record as a sentence for a person. The words stand in kinds.def and reasons.def; here the
 * placeholders are filled in: {node} {peer} {group} {text} {len} {slen} {msg} {pkt} {client} {a} {b}, and {a:time},
 * {a:clock} (likewise b) for durations and moments.
 */
#include "sim/trace/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct out {
	char *p;
	size_t n, cap;
};

static void put(struct out *o, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++, o->n++)
		if (o->n + 1 < o->cap)
			o->p[o->n] = s[i];
}

static void put_str(struct out *o, const char *s)
{
	put(o, s, strlen(s));
}

static void put_i64(struct out *o, int64_t v)
{
	char t[24];
	snprintf(t, sizeof t, "%" PRId64, v);
	put_str(o, t);
}

static size_t finish(struct out *o)
{
	size_t n = o->n + 1 < o->cap ? o->n : (o->cap ? o->cap - 1 : 0);
	if (o->cap)
		o->p[n] = 0;
	return n;
}

/* value / unit with up to `places` decimals, zeros at the end left out */
static void put_decimal(struct out *o, uint64_t v, uint64_t unit, unsigned places)
{
	uint64_t scale = 1;
	for (unsigned i = 0; i < places; i++)
		scale *= 10;
	/* rounded half up, in two steps so that nothing overflows */
	uint64_t whole = v / unit, part = ((v % unit) * scale + unit / 2) / unit;
	if (part == scale) {
		whole++;
		part = 0;
	}
	char t[48];
	int n = places ? snprintf(t, sizeof t, "%" PRIu64 ".%0*" PRIu64, whole, (int)places, part)
		       : snprintf(t, sizeof t, "%" PRIu64, whole);
	if (places)
		while (n > 0 && t[n - 1] == '0')
			n--;
	if (places && n > 0 && t[n - 1] == '.')
		n--;
	put(o, t, (size_t)n);
}

static void put_two(struct out *o, uint64_t big, const char *bu, uint64_t small, const char *su)
{
	put_i64(o, (int64_t)big);
	put_str(o, bu);
	if (small) {
		put_str(o, " ");
		put_i64(o, (int64_t)small);
		put_str(o, su);
	}
}

static void put_duration(struct out *o, int64_t ns)
{
	uint64_t v = ns < 0 ? (uint64_t)0 - (uint64_t)ns : (uint64_t)ns;
	if (ns < 0)
		put_str(o, "-");
	uint64_t s = v / 1000000000u;
	if (v == 0) {
		put_str(o, "0 s");
	} else if (v < 1000) {
		put_i64(o, (int64_t)v);
		put_str(o, " ns");
	} else if (v < 999500000u) {
		put_decimal(o, v, 1000000u, v < 1000000u ? 3 : v < 10000000u ? 1 : 0);
		put_str(o, " ms");
	} else if (s < 120) {
		put_decimal(o, v, 1000000000u, 3);
		put_str(o, " s");
	} else if (s < 7200) {
		put_two(o, s / 60, " min", s % 60, " s");
	} else {
		put_two(o, s / 3600, " h", s / 60 % 60, " min");
	}
}

size_t trace_duration(int64_t ns, char *p, size_t cap)
{
	struct out o = {p, 0, cap};
	put_duration(&o, ns);
	return finish(&o);
}

static void put_clock(struct out *o, int64_t ns)
{
	char t[40];
	int64_t ms = ns / 1000000;
	snprintf(t, sizeof t, "%" PRId64 ".%03d s", ms / 1000, (int)(ms % 1000));
	put_str(o, t);
}

static const char *node_name(const struct trace *tr, uint16_t n)
{
	const char *s = n && n < tr->nnode ? trace_text(tr, tr->node[n].name) : "";
	return *s ? s : "the other side";
}

/* The client group a record is about: its node's, else its peer's. */
static const char *group_name(const struct trace *tr, const struct trace_rec *r)
{
	for (int i = 0; i < 2; i++) {
		uint16_t n = i ? r->peer : r->node;
		if (n && n < tr->nnode && tr->node[n].role == TRACE_CLIENT)
			return trace_text(tr, tr->node[n].group);
	}
	return "*";
}

static bool put_number(struct out *o, const char *word, size_t n, char which, int64_t v)
{
	if (word[0] != which)
		return false;
	if (n == 1)
		put_i64(o, v);
	else if (n == 6 && !memcmp(word + 1, ":time", 5))
		put_duration(o, v);
	else if (n == 7 && !memcmp(word + 1, ":clock", 6))
		put_clock(o, v);
	else
		return false;
	return true;
}

static bool word_is(const char *w, size_t n, const char *s)
{
	return strlen(s) == n && !memcmp(w, s, n);
}

static void put_word(
	struct out *o, const struct trace *tr, const struct trace_rec *r, const char *w, size_t n)
{
	if (word_is(w, n, "node"))
		put_str(o, node_name(tr, r->node));
	else if (word_is(w, n, "peer"))
		put_str(o, node_name(tr, r->peer));
	else if (word_is(w, n, "group"))
		put_str(o, group_name(tr, r));
	else if (word_is(w, n, "text"))
		put_str(o, trace_text(tr, r->text));
	else if (word_is(w, n, "len"))
		put_i64(o, r->len);
	else if (word_is(w, n, "slen"))
		put_i64(o, r->slen);
	else if (word_is(w, n, "msg"))
		put_i64(o, r->msg);
	else if (word_is(w, n, "client"))
		put_i64(o, r->client);
	else if (word_is(w, n, "pkt"))
		put_i64(o, (int64_t)r->pkt);
	else if (!put_number(o, w, n, 'a', r->a) && !put_number(o, w, n, 'b', r->b))
		put(o, w, n); /* an unknown placeholder shows itself; a test looks for it */
}

static void put_template(struct out *o, const struct trace *tr, const struct trace_rec *r, const char *t)
{
	while (*t) {
		const char *open = strchr(t, '{'), *close = open ? strchr(open, '}') : NULL;
		if (!close) {
			put_str(o, t);
			return;
		}
		put(o, t, (size_t)(open - t));
		put_word(o, tr, r, open + 1, (size_t)(close - open - 1));
		t = close + 1;
	}
}

/* A sentence whose {text} is empty must not end in ": ". */
static void trim(struct out *o)
{
	if (o->n >= o->cap)
		return;
	while (o->n && (o->p[o->n - 1] == ' ' || o->p[o->n - 1] == ':'))
		o->n--;
}

size_t trace_reason_sentence(const struct trace *tr, const struct trace_rec *r, char *p, size_t cap)
{
	struct out o = {p, 0, cap};
	put_template(&o, tr, r, trace_reason_def((enum trace_reason)r->reason)->sentence);
	return finish(&o);
}

size_t trace_reason_param(const struct trace *tr, const struct trace_rec *r, char *p, size_t cap)
{
	struct out o = {p, 0, cap};
	put_template(&o, tr, r, trace_reason_def((enum trace_reason)r->reason)->param);
	return finish(&o);
}

size_t trace_sentence(const struct trace *tr, const struct trace_rec *r, char *p, size_t cap)
{
	struct out o = {p, 0, cap};
	const struct trace_kind_def *k = trace_kind_def((enum trace_kind)r->kind);
	put_template(&o, tr, r, k ? k->sentence : "");
	trim(&o);
	const char *why = trace_reason_def((enum trace_reason)r->reason)->sentence;
	if (*why) {
		put_str(&o, ". ");
		put_template(&o, tr, r, why);
	} else if (!o.n || o.n >= o.cap || !strchr(".?!", o.p[o.n - 1])) {
		put_str(&o, ".");
	}
	return finish(&o);
}
