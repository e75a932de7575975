/*
 * tally: figures of one run at any moment, counted from its records.
 */
#include "ui/tally.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"

static const struct figure_def figures[FIGURES] = {
	[FIG_DELAY_MEDIAN] = {"delay, median", "median", "ms",
		"The middle one of all delays so far, each from the moment the server had the message to the "
		"moment the "
		"receiving application has it.",
		true, 0},
	[FIG_DELAY_P99] = {"delay, worst 1 %", "worst 1%", "ms",
		"99 of 100 messages delivered so far were faster than this. Messages still on their way are "
		"not counted yet.",
		true, 0},
	[FIG_BYTES_PER_MESSAGE] = {"bytes per message", "B/message", "B",
		"All bytes in both directions at the clients' access links so far, IP headers included, "
		"divided by the messages "
		"delivered so far. Polls that find nothing, handshakes and heartbeats are in it.",
		true, 0},
	[FIG_REQUESTS] = {"requests per s", "req./s", "",
		"HTTP requests the clients have sent so far, divided by the time so far. Opening a "
		"stream or "
		"a WebSocket is one request.",
		true, 2},
	[FIG_REQUESTS_EMPTY] = {"empty answers", "empty", "", "Answers so far that carried no message.", true,
		0},
	[FIG_CONNECTIONS] = {"connections", "connect.", "", "TCP connections the clients have opened so far.",
		true, 0},
	[FIG_DELIVERED] = {"delivered", "delivered", "",
		"Messages the receiving applications have so far, duplicates not counted.", false, 0},
	[FIG_MISSING] = {"missing", "missing", "",
		"Messages published so far that have not reached a client that is to receive them: "
		"still waiting, on their way, or lost.",
		true, 0},
	[FIG_DUPLICATES] = {"duplicates", "doubles", "", "Messages an application got a second time.", true,
		0},
};

const struct figure_def *figure_def(enum figure f)
{
	return &figures[f < FIGURES ? f : 0];
}

static void add(struct tally_list *l, int64_t at, int64_t v)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 64;
		l->m = xrealloc(l->m, l->cap * sizeof *l->m);
	}
	l->m[l->n++] = (struct tally_mark){at, v};
}

static int by_time(const void *a, const void *b)
{
	const struct tally_mark *x = a, *y = b;
	return x->at < y->at ? -1 : x->at > y->at;
}

static void sort(struct tally_list *l)
{
	if (l->n)
		qsort(l->m, l->n, sizeof *l->m, by_time);
}

static bool is_client(const struct trace *tr, uint16_t node)
{
	return node && node < tr->nnode && tr->node[node].role == TRACE_CLIENT;
}

static int64_t published_at(const struct tally_list *pub, uint32_t msg)
{
	return msg < pub->n ? pub->m[msg].at : 0;
}

/* Counters stop at the duration; only messages under way may still arrive. Results count likewise. */
static bool counts(const struct trace *tr, const struct trace_rec *r)
{
	return tr->duration_ns <= 0 || r->at < tr->duration_ns;
}

static void see(
	struct tally *t, const struct trace *tr, const struct trace_rec *r, const struct tally_list *pub)
{
	switch (r->kind) {
	case TRACE_MSG_DELIVER:
		add(&t->deliver, r->at, r->a);
		add(&t->expected, r->at - r->a, 1);
		break;
	case TRACE_MSG_DUPLICATE:
		add(&t->duplicate, r->at, 1);
		break;
	case TRACE_MSG_LOST:
		add(&t->expected, published_at(pub, r->msg), 1);
		break;
	case TRACE_HTTP_REQUEST_SEND:
		if (is_client(tr, r->node) && counts(tr, r))
			add(&t->request, r->at, 1);
		break;
	case TRACE_TCP_OPEN:
		if (is_client(tr, r->node) && counts(tr, r))
			add(&t->opened, r->at, 1);
		break;
	case TRACE_PKT_SEND:
	case TRACE_PKT_RECV:
		/* what a client sends into its link, and what arrives from it; Ethernet's 14 octets are not IP's */
		if (is_client(tr, r->kind == TRACE_PKT_SEND ? r->node : r->peer) &&
			(counts(tr, r) ||
				r->at == tr->duration_ns)) /* what leaves at the last moment is paid for */
			add(&t->octets, r->at, r->len > 14 ? (int64_t)r->len - 14 : r->len);
		break;
	default:
		break;
	}
}

static bool holds(struct bytes b, const char *s)
{
	size_t n = strlen(s);
	for (size_t i = 0; i + n <= b.n; i++)
		if (memcmp(b.p + i, s, n) == 0)
			return true;
	return false;
}

/* An answer that is the beginning of something longer: an event stream or a WebSocket. */
static bool opens_stream(struct bytes answer)
{
	return holds(answer, "text/event-stream") || holds(bytes_sub(answer, 0, 16), " 101 ");
}

/* Answers that reached a client and brought it nothing. */
static void count_empty(struct tally *t, const struct trace *tr)
{
	uint8_t *brought = xcalloc((size_t)(tr->nrec / 8 + 1), 1);
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (tr->rec[i].kind == TRACE_MSG_DELIVER || tr->rec[i].kind == TRACE_MSG_DUPLICATE)
			brought[tr->rec[i].cause >> 3] =
				(uint8_t)(brought[tr->rec[i].cause >> 3] | 1u << (tr->rec[i].cause & 7));
	for (uint64_t i = 0; i < tr->nrec; i++) {
		const struct trace_rec *r = &tr->rec[i];
		if (r->kind == TRACE_HTTP_RESPONSE_RECV && is_client(tr, r->node) &&
			!(brought[r->id >> 3] >> (r->id & 7) & 1) && !opens_stream(trace_bytes(tr, r)))
			add(&t->empty, r->at, 1);
	}
	xfree(brought);
}

struct tally *tally_new(const struct trace *tr, uint32_t clients)
{
	struct tally *t = xcalloc(1, sizeof *t);
	struct tally_list pub = {0};
	t->duration_ns = tr->duration_ns;
	for (uint64_t i = 0; i < tr->nrec; i++)
		if (tr->rec[i].kind == TRACE_MSG_PUBLISH && tr->rec[i].msg) {
			while (pub.n <= tr->rec[i].msg && pub.n < (size_t)1 << 26)
				add(&pub, 0, 0);
			if (tr->rec[i].msg < pub.n)
				pub.m[tr->rec[i].msg].at = tr->rec[i].at;
		}
	for (uint32_t n = 1; n < tr->nnode; n++)
		t->lens += tr->node[n].role == TRACE_CLIENT;
	t->clients = clients > t->lens ? clients : t->lens;
	for (uint64_t i = 0; i < tr->nrec; i++)
		see(t, tr, &tr->rec[i], &pub);
	count_empty(t, tr);
	struct tally_list *const all[] = {
		&t->deliver, &t->request, &t->empty, &t->opened, &t->duplicate, &t->expected, &t->octets};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		sort(all[i]);
	for (size_t i = 1; i < t->octets.n; i++)
		t->octets.m[i].v += t->octets.m[i - 1].v;
	xfree(pub.m);
	return t;
}

void tally_free(struct tally *t)
{
	if (!t)
		return;
	struct tally_list *const all[] = {
		&t->deliver, &t->request, &t->empty, &t->opened, &t->duplicate, &t->expected, &t->octets};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		xfree(all[i]->m);
	xfree(t);
}

/* How many marks are at or before t. */
static size_t upto(const struct tally_list *l, int64_t t)
{
	size_t lo = 0, hi = l->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (l->m[mid].at <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

/* The k-th of 100 parts of the first n delays, in ms. */
static double quantile(const struct tally_list *l, size_t n, unsigned percent)
{
	if (!n)
		return NAN;
	int64_t *v = xmalloc(n * sizeof *v);
	for (size_t i = 0; i < n; i++)
		v[i] = l->m[i].v;
	qsort(v, n, sizeof *v, by_value);
	size_t k = (n * percent + 99) / 100;
	double ms = (double)v[k ? k - 1 : 0] / 1e6;
	xfree(v);
	return ms;
}

double tally_at(const struct tally *t, enum figure f, int64_t t_ns)
{
	size_t n = upto(&t->deliver, t_ns);
	switch (f) {
	case FIG_DELAY_MEDIAN:
		return quantile(&t->deliver, n, 50);
	case FIG_DELAY_P99:
		return quantile(&t->deliver, n, 99);
	case FIG_BYTES_PER_MESSAGE: {
		size_t k = upto(&t->octets, t_ns);
		return n && k ? (double)t->octets.m[k - 1].v / (double)n : NAN;
	}
	case FIG_REQUESTS:
		if (t->duration_ns > 0 && t_ns > t->duration_ns)
			t_ns = t->duration_ns;
		return t_ns > 0 ? (double)upto(&t->request, t_ns) * 1e9 / (double)t_ns : NAN;
	case FIG_REQUESTS_EMPTY:
		return (double)upto(&t->empty, t_ns);
	case FIG_CONNECTIONS:
		return (double)upto(&t->opened, t_ns);
	case FIG_DELIVERED:
		return (double)n;
	case FIG_MISSING:
		return (double)upto(&t->expected, t_ns) - (double)n;
	case FIG_DUPLICATES:
		return (double)upto(&t->duplicate, t_ns);
	default:
		return NAN;
	}
}

double tally_delay_between(const struct tally *t, int64_t from, int64_t to)
{
	size_t a = upto(&t->deliver, from - 1), b = upto(&t->deliver, to - 1);
	double sum = 0;
	for (size_t i = a; i < b; i++)
		sum += (double)t->deliver.m[i].v;
	return b > a ? sum / (double)(b - a) / 1e6 : NAN;
}

void tally_text(enum figure f, double v, char *out, size_t cap)
{
	if (isnan(v)) {
		snprintf(out, cap, "--");
		return;
	}
	unsigned dec = figure_def(f)->decimals;
	if (v >= 100)
		dec = 0;
	if (v < 10000) {
		snprintf(out, cap, "%.*f", (int)dec, v);
		return;
	}
	long long n = (long long)(v + 0.5);
	if (n < 1000000)
		snprintf(out, cap, "%lld %03lld", n / 1000, n % 1000);
	else
		snprintf(out, cap, "%lld %03lld %03lld", n / 1000000, n / 1000 % 1000, n % 1000);
}
