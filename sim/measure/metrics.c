/*
 * metrics: the list, the fold over records, and reading figures out.
 *
 * Facts about a message belong to the second in which it was *published*, so that `since` speaks of the same messages
 * whether they arrive early or late; requests and reconnects belong to the second in which they happen.
 *
 *             second 0   1   2   3  …
 *   group 0   cell     cell cell cell       cell = counts, sums, maxima; all additive
 *   group 1   cell     …
 *   unknown   cell     …                    (records without a client)
 */
#include "sim/measure/metrics.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "sim/measure/hist.h"
#include "sim/measure/ranks.h"
#include "sim/measure/samples.h"

#define NS_PER_S INT64_C(1000000000)

static const struct metric_def defs[] = {
#define M(id, name, unit, flags, help)                                               \
	{name, unit, help, ((flags)&METRIC_WHOLE) != 0, ((flags)&METRIC_GROUP) != 0, \
		((flags)&METRIC_LESS) != 0, ((flags)&METRIC_SINCE) != 0},
#include "sim/measure/metrics.def"
#undef M
};

struct cell {
	uint64_t published, expected, delivered, duplicated, disorder, payload;
	uint64_t requests, empty, reconnects;
	int64_t latency_sum_ns, latency_max_ns;
	struct hist *hist; /* NULL while samples are kept one by one */
};

struct message {
	uint64_t bytes;
	uint32_t second; /* in which it was published */
};

/* A column of cells and the client numbers that belong there. */
struct peers {
	uint32_t slot, lo, hi;
};

/* Deliveries of one message to clients of one group, one after the other, as a broadcast makes them: counted here, entered
 * once (flush); of those, the ones after the same time (settle_latency). */
struct run {
	struct peers to;
	uint32_t msg, second; /* in which it was published */
	uint64_t n, same;
	int64_t latency_ns, sum_ns, max_ns;
};

/* The second and the group of what was counted last. */
struct now {
	int64_t from_ns;
	size_t row; /* of its first cell */
	struct peers of;
	bool known;
};

/* The values percentiles were asked of last, in order: the same selection is asked for several at a time. */
struct ranks {
	bool known;
	int group;
	uint32_t from;
	size_t len;
	uint64_t n; /* deliveries */
	struct ranked *v;
};

enum precision { EXACT, PER_SECOND, WHOLE_RUN };

struct metrics {
	const struct cfg *cfg;
	const struct trace *tr;
	uint32_t slots; /* groups, and one for records without a client */
	uint32_t *group_end;
	struct cell *cell; /* [second * slots + slot] */
	uint32_t seconds, seconds_cap;
	struct message *msg; /* by number, [0] unused */
	uint32_t nmsg, msg_cap;
	struct samples samples; /* while EXACT; a broadcast without boxes on the way makes few */
	enum precision precision;
	uint32_t nhist;
	struct hist *whole; /* [slot], for WHOLE_RUN */
	struct sim_counters counters;
	struct sim_group_counters *group;
	struct run run;
	struct now now;
	struct metrics_second *chart;
	size_t nchart;
	struct ranks *ranks;
	double *settled; /* [metric * slots + 1 + group], [.. + 0] of all; NULL until metrics_settle */
};

size_t metric_count(void)
{
	return METRICS;
}

const struct metric_def *metric_at(size_t i)
{
	return &defs[i];
}

int metric_find(const char *name)
{
	for (int i = 0; i < METRICS; i++)
		if (!strcmp(defs[i].name, name))
			return i;
	if (!strncmp(name, "latency.", 8))
		for (int i = 0; i < METRICS; i++)
			if (!strncmp(defs[i].name, "latency_ms.", 11) && !strcmp(defs[i].name + 11, name + 8))
				return i;
	return -1;
}

/* ------------------------------------------------------------------------------------------------ the fold */

static uint32_t second_of(int64_t at_ns)
{
	return (uint32_t)((uint64_t)(at_ns < 0 ? 0 : at_ns) / NS_PER_S);
}

static struct cell *cell_at(struct metrics *m, uint32_t second, uint32_t slot)
{
	if (second >= m->seconds_cap) {
		uint32_t cap = m->seconds_cap ? m->seconds_cap : 64;
		while (cap <= second)
			cap *= 2;
		m->cell = xrealloc(m->cell, (size_t)cap * m->slots * sizeof *m->cell);
		memset(m->cell + (size_t)m->seconds_cap * m->slots, 0,
			(size_t)(cap - m->seconds_cap) * m->slots * sizeof *m->cell);
		m->seconds_cap = cap;
	}
	if (second >= m->seconds)
		m->seconds = second + 1;
	return &m->cell[(size_t)second * m->slots + slot];
}

static uint32_t slot_of(const struct metrics *m, uint32_t client)
{
	uint32_t lo = 0, hi = m->slots - 1;
	if (!client)
		return hi;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		if (client <= m->group_end[mid])
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static struct peers peers_of(const struct metrics *m, uint32_t client)
{
	uint32_t slot = slot_of(m, client);
	if (!client)
		return (struct peers){slot, 0, 0};
	return (struct peers){slot, slot ? m->group_end[slot - 1] + 1 : 1, m->group_end[slot]};
}

/* The cell of the present second and the client's group: mostly those of the fact before. */
static struct cell *cell_now(struct metrics *m, const struct trace_fact *f)
{
	struct now *n = &m->now;
	if (!n->known)
		*n = (struct now){.known = true, .from_ns = INT64_MIN / 2, .of = peers_of(m, f->client)};
	if ((uint64_t)(f->at - n->from_ns) >= (uint64_t)NS_PER_S) {
		uint32_t second = second_of(f->at);
		n->from_ns = (int64_t)second * NS_PER_S;
		n->row = (size_t)second * m->slots;
		(void)cell_at(m, second, 0); /* is there */
	}
	if (f->client < n->of.lo || f->client > n->of.hi)
		n->of = peers_of(m, f->client);
	return &m->cell[n->row + n->of.slot];
}

static struct message *message_at(struct metrics *m, uint32_t n)
{
	if (n >= m->msg_cap) {
		uint32_t cap = m->msg_cap ? m->msg_cap : 256;
		while (cap <= n)
			cap *= 2;
		m->msg = xrealloc(m->msg, cap * sizeof *m->msg);
		memset(m->msg + m->msg_cap, 0, (cap - m->msg_cap) * sizeof *m->msg);
		m->msg_cap = cap;
	}
	if (n >= m->nmsg)
		m->nmsg = n + 1;
	return &m->msg[n];
}

static void add_whole(struct metrics *m, uint32_t slot, int64_t ns, uint64_t n)
{
	if (!m->whole)
		m->whole = xcalloc(m->slots, sizeof *m->whole);
	hist_add(&m->whole[slot], ns, n);
}

/* Too many (second, group) pairs: one histogram a group from now on. */
static void to_whole(struct metrics *m)
{
	m->precision = WHOLE_RUN;
	if (!m->whole)
		m->whole = xcalloc(m->slots, sizeof *m->whole);
	for (size_t i = 0; i < (size_t)m->seconds * m->slots; i++) {
		if (!m->cell[i].hist)
			continue;
		hist_merge(&m->whole[i % m->slots], m->cell[i].hist);
		hist_fini(m->cell[i].hist);
		xfree(m->cell[i].hist);
		m->cell[i].hist = NULL;
	}
}

static void add_to_hist(struct metrics *m, uint32_t second, uint32_t slot, int64_t ns, uint64_t n)
{
	if (m->precision == PER_SECOND) {
		struct cell *c = cell_at(m, second, slot);
		if (!c->hist && m->nhist == METRICS_HISTS_MAX) {
			to_whole(m);
		} else {
			if (!c->hist) {
				c->hist = xcalloc(1, sizeof *c->hist);
				m->nhist++;
			}
			hist_add(c->hist, ns, n);
			return;
		}
	}
	add_whole(m, slot, ns, n);
}

/* Too many samples to keep them all. */
static void to_hists(struct metrics *m)
{
	m->precision = PER_SECOND;
	struct samples_reader r = {0};
	for (struct sample x; samples_next(&m->samples, &r, &x);)
		add_to_hist(m, x.second, x.slot, x.latency_ns, x.n);
	samples_fini(&m->samples);
}

/* While EXACT: at most `n` deliveries. Returns how many were taken, 0 when there are too many samples. */
static uint64_t add_sample(struct metrics *m, uint32_t second, uint32_t slot, int64_t ns, uint64_t n)
{
	const uint16_t takes = n < UINT16_MAX ? (uint16_t)n : UINT16_MAX;
	if (m->samples.n == METRICS_SAMPLES_MAX) {
		to_hists(m);
		return 0;
	}
	samples_add(&m->samples, (struct sample){ns, second, (uint16_t)slot, takes});
	return takes;
}

static void settle_latency(struct metrics *m)
{
	struct run *r = &m->run;
	r->n += r->same;
	r->sum_ns += (int64_t)r->same * r->latency_ns;
	if (r->latency_ns > r->max_ns)
		r->max_ns = r->latency_ns;
	while (m->precision == EXACT && r->same)
		r->same -= add_sample(m, r->second, r->to.slot, r->latency_ns, r->same);
	if (r->same)
		add_to_hist(m, r->second, r->to.slot, r->latency_ns, r->same);
	r->same = 0;
}

/* Enters the deliveries counted so far. */
static void flush(struct metrics *m)
{
	struct run *r = &m->run;
	settle_latency(m);
	if (!r->n)
		return;
	struct cell *c = cell_at(m, r->second, r->to.slot);
	c->delivered += r->n;
	c->payload += r->n * message_at(m, r->msg)->bytes;
	c->latency_sum_ns += r->sum_ns;
	if (r->max_ns > c->latency_max_ns)
		c->latency_max_ns = r->max_ns;
	m->ranks->known = false;
	r->n = 0;
	r->sum_ns = r->max_ns = 0;
}

static void delivered(struct metrics *m, const struct trace_fact *f)
{
	struct run *r = &m->run;
	if (f->msg != r->msg || f->client < r->to.lo || f->client > r->to.hi) {
		flush(m);
		r->msg = f->msg;
		r->second = message_at(m, f->msg)->second;
		r->to = peers_of(m, f->client);
	} else if (f->a != r->latency_ns) {
		settle_latency(m);
	}
	r->latency_ns = f->a;
	r->same++;
}

static void see_message(struct metrics *m, const struct trace_fact *f)
{
	struct cell *c = cell_at(m, message_at(m, f->msg)->second, slot_of(m, f->client));
	if (f->kind == TRACE_MSG_EXPECT)
		c->expected += (uint64_t)f->a;
	else if (f->kind == TRACE_MSG_DUPLICATE)
		c->duplicated++;
	else
		c->disorder++;
}

static void see(void *ctx, const struct trace_fact *f)
{
	struct metrics *m = ctx;
	switch (f->kind) {
	case TRACE_MSG_DELIVER:
		delivered(m, f);
		return;
	case TRACE_MSG_PUBLISH:
		*message_at(m, f->msg) = (struct message){(uint64_t)f->a, second_of(f->at)};
		cell_at(m, second_of(f->at), m->slots - 1)->published++;
		return;
	case TRACE_MSG_EXPECT:
	case TRACE_MSG_DUPLICATE:
	case TRACE_MSG_DISORDER:
		see_message(m, f);
		return;
	default:
		break;
	}
	if (f->at >= m->cfg->duration_ns)
		return; /* counters stop with the run; only messages under way may still arrive */
	if (f->kind == TRACE_CONNECT_TRY) {
		if (f->b == 1)
			cell_now(m, f)->reconnects++;
	} else if (f->node && f->node < m->tr->nnode && m->tr->node[f->node].role == TRACE_SERVER) {
		if (f->kind == TRACE_HTTP_REQUEST_RECV)
			cell_now(m, f)->requests++;
		else if (f->b == 0)
			cell_now(m, f)->empty++;
	}
}

struct metrics *metrics_new(const struct cfg *cfg, struct trace *tr)
{
	static const enum trace_kind kinds[] = {TRACE_MSG_PUBLISH, TRACE_MSG_EXPECT, TRACE_MSG_DELIVER,
		TRACE_MSG_DUPLICATE, TRACE_MSG_DISORDER, TRACE_HTTP_REQUEST_RECV, TRACE_HTTP_RESPONSE_SEND,
		TRACE_CONNECT_TRY};
	struct metrics *m = xcalloc(1, sizeof *m);
	m->cfg = cfg;
	m->tr = tr;
	m->slots = (uint32_t)cfg->ngroups + 1;
	assert(m->slots <= UINT16_MAX); /* struct sample */
	m->ranks = xcalloc(1, sizeof *m->ranks);
	m->group_end = xcalloc(m->slots, sizeof *m->group_end);
	uint32_t end = 0;
	for (size_t g = 0; g < cfg->ngroups; g++)
		m->group_end[g] = end += cfg->groups[g].count;
	m->group_end[m->slots - 1] = UINT32_MAX;
	m->group = xcalloc(m->slots, sizeof *m->group);
	struct trace_fold f = {see, m, {0, 0}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		trace_want(&f, kinds[i]);
	trace_add_fold(tr, &f);
	return m;
}

static void make_chart(struct metrics *m)
{
	m->nchart = (size_t)((m->cfg->duration_ns + NS_PER_S - 1) / NS_PER_S);
	m->chart = xcalloc(m->nchart, sizeof *m->chart);
	for (size_t s = 0; s < m->nchart && s < m->seconds; s++) {
		struct metrics_second *o = &m->chart[s];
		for (uint32_t i = 0; i < m->slots; i++) {
			const struct cell *c = &m->cell[s * m->slots + i];
			o->published += (uint32_t)c->published;
			o->expected += (uint32_t)c->expected;
			o->delivered += (uint32_t)c->delivered;
			o->requests += (uint32_t)c->requests;
			o->latency_sum_ns += c->latency_sum_ns;
			if (c->latency_max_ns > o->latency_max_ns)
				o->latency_max_ns = c->latency_max_ns;
		}
	}
}

/* Cells, samples and histograms as they are now, and what the trace keeps. */
static uint64_t own_bytes(const struct metrics *m)
{
	uint64_t n = (uint64_t)m->seconds_cap * m->slots * sizeof *m->cell;
	n += m->msg_cap * sizeof *m->msg + m->samples.bytes;
	for (size_t i = 0; m->nhist && i < (size_t)m->seconds * m->slots; i++)
		if (m->cell[i].hist)
			n += sizeof *m->cell[i].hist + hist_bytes(m->cell[i].hist);
	for (uint32_t i = 0; m->whole && i < m->slots; i++)
		n += sizeof *m->whole + hist_bytes(&m->whole[i]);
	return n + m->tr->cap * sizeof *m->tr->rec + m->tr->payload.cap + m->tr->strs.cap;
}

const uint64_t *metrics_bytes(const struct metrics *m)
{
	return m->counters.bytes;
}

void metrics_finish(struct metrics *m, const struct sim_counters *c)
{
	flush(m);
	m->counters = *c;
	m->counters.bytes[SIM_PART_MEASURE] = own_bytes(m);
	m->counters.group = m->group;
	assert(c->ngroups <= m->slots);
	if (c->ngroups)
		memcpy(m->group, c->group, c->ngroups * sizeof *m->group);
	make_chart(m);
}

/* What the fold gathered; figures cannot be computed afterwards. */
static void drop_material(struct metrics *m)
{
	for (size_t i = 0; i < (size_t)m->seconds * m->slots; i++)
		if (m->cell[i].hist) {
			hist_fini(m->cell[i].hist);
			xfree(m->cell[i].hist);
		}
	for (uint32_t i = 0; m->whole && i < m->slots; i++)
		hist_fini(&m->whole[i]);
	if (m->ranks)
		xfree(m->ranks->v);
	xfree(m->ranks);
	xfree(m->whole);
	xfree(m->cell);
	xfree(m->msg);
	samples_fini(&m->samples);
	xfree(m->chart);
	m->ranks = NULL;
	m->whole = NULL;
	m->cell = NULL;
	m->msg = NULL;
	m->chart = NULL;
	m->seconds = m->seconds_cap = m->nmsg = m->msg_cap = 0;
	m->nchart = 0;
}

void metrics_settle(struct metrics *m)
{
	double *v = xcalloc((size_t)METRICS * m->slots, sizeof *v);
	for (int i = 0; i < METRICS; i++)
		for (uint32_t g = 0; g < m->slots; g++)
			v[(uint32_t)i * m->slots + g] = metrics_get(m, i, (int)g - 1);
	m->settled = v;
	drop_material(m);
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	drop_material(m);
	xfree(m->group_end);
	xfree(m->group);
	xfree(m->settled);
	xfree(m);
}

const struct metrics_second *metrics_seconds(const struct metrics *m, size_t *n)
{
	*n = m->nchart;
	return m->chart;
}

/* ------------------------------------------------------------------------------------------------ reading out */

struct sum {
	struct cell c;
	uint64_t requests_peak, reconnects_peak;
};

static void add_cell(struct cell *s, const struct cell *c)
{
	s->published += c->published;
	s->expected += c->expected;
	s->delivered += c->delivered;
	s->duplicated += c->duplicated;
	s->disorder += c->disorder;
	s->payload += c->payload;
	s->requests += c->requests;
	s->empty += c->empty;
	s->reconnects += c->reconnects;
	s->latency_sum_ns += c->latency_sum_ns;
	if (c->latency_max_ns > s->latency_max_ns)
		s->latency_max_ns = c->latency_max_ns;
}

static bool wanted(int group, uint32_t slot)
{
	return group < 0 || slot == (uint32_t)group;
}

static void sum_up(const struct metrics *m, int group, uint32_t from, struct sum *s)
{
	memset(s, 0, sizeof *s);
	for (uint32_t t = from; t < m->seconds; t++) {
		uint64_t requests = 0, reconnects = 0;
		for (uint32_t i = 0; i < m->slots; i++) {
			const struct cell *c = &m->cell[(size_t)t * m->slots + i];
			if (!wanted(group, i))
				continue;
			add_cell(&s->c, c);
			requests += c->requests;
			reconnects += c->reconnects;
		}
		if (requests > s->requests_peak)
			s->requests_peak = requests;
		if (reconnects > s->reconnects_peak)
			s->reconnects_peak = reconnects;
	}
}

static bool counts(const struct sample *s, int group, uint32_t from)
{
	return s->second >= from && wanted(group, s->slot);
}

static const struct ranks *ranks_of(const struct metrics *m, int group, uint32_t from)
{
	struct ranks *r = m->ranks;
	if (r->known && r->group == group && r->from == from)
		return r;
	xfree(r->v);
	*r = (struct ranks){.known = true, .group = group, .from = from};
	r->v = xmalloc((m->samples.n + 1) * sizeof *r->v);
	struct samples_reader all = {0};
	for (struct sample x; samples_next(&m->samples, &all, &x);)
		if (counts(&x, group, from))
			r->v[r->len++] = (struct ranked){x.latency_ns, x.n};
	r->n = ranks_sort(&r->v, r->len);
	return r;
}

/* The nearest rank: the value in place ceil(n * pct / 100). */
static double exact_quantile(const struct metrics *m, int group, uint32_t from, uint32_t pct)
{
	const struct ranks *r = ranks_of(m, m->slots == 2 ? -1 : group, from); /* one group is all */
	return r->n ? (double)ranks_at(r->v, r->len, (r->n * pct + 99) / 100) / 1e6 : (double)NAN;
}

static double quantile(const struct metrics *m, int group, uint32_t from, uint32_t pct)
{
	if (m->precision == EXACT)
		return exact_quantile(m, group, from, pct);
	if (m->precision == WHOLE_RUN && from)
		return (double)NAN;
	struct hist h = {0};
	for (uint32_t i = 0; i < m->slots; i++) {
		if (!wanted(group, i))
			continue;
		if (m->whole)
			hist_merge(&h, &m->whole[i]);
		for (uint32_t t = from; t < m->seconds; t++)
			if (m->cell[(size_t)t * m->slots + i].hist)
				hist_merge(&h, m->cell[(size_t)t * m->slots + i].hist);
	}
	double out = h.n ? (double)hist_quantile(&h, pct, 100) / 1e6 : (double)NAN;
	hist_fini(&h);
	return out;
}

static double ratio(double a, double b)
{
	return b > 0 ? a / b : (double)NAN;
}

static struct sim_group_counters group_sum(const struct metrics *m, int group, uint32_t *clients)
{
	struct sim_group_counters s = {0};
	*clients = 0;
	for (size_t g = 0; g < m->cfg->ngroups; g++) {
		if (!wanted(group, (uint32_t)g))
			continue;
		const struct sim_group_counters *c = &m->group[g];
		s.bytes_up += c->bytes_up;
		s.bytes_down += c->bytes_down;
		s.conns_opened += c->conns_opened;
		s.conns_failed += c->conns_failed;
		s.conns_peak += c->conns_peak;
		s.radio_energy_uj += c->radio_energy_uj;
		s.radio_active_ns += c->radio_active_ns;
		*clients += m->cfg->groups[g].count;
	}
	return s;
}

static double of_messages(
	const struct metrics *m, enum metric_id id, int group, uint32_t from, const struct sum *s)
{
	switch (id) {
	case METRIC_MSG_PUBLISHED:
		return (double)s->c.published;
	case METRIC_MSG_EXPECTED:
		return (double)s->c.expected;
	case METRIC_MSG_DELIVERED:
		return (double)s->c.delivered;
	case METRIC_MSG_LOST:
		return (double)s->c.expected - (double)s->c.delivered;
	case METRIC_MSG_DUPLICATED:
		return (double)s->c.duplicated;
	case METRIC_MSG_DISORDER:
		return (double)s->c.disorder;
	case METRIC_DELIVERED:
		return ratio((double)s->c.delivered, (double)s->c.expected);
	case METRIC_LAT_MEAN:
		return ratio((double)s->c.latency_sum_ns / 1e6, (double)s->c.delivered);
	case METRIC_LAT_P50:
		return quantile(m, group, from, 50);
	case METRIC_LAT_P90:
		return quantile(m, group, from, 90);
	case METRIC_LAT_P95:
		return quantile(m, group, from, 95);
	case METRIC_LAT_P99:
		return quantile(m, group, from, 99);
	default:
		return s->c.delivered ? (double)s->c.latency_max_ns / 1e6 : (double)NAN;
	}
}

static double of_requests(const struct metrics *m, enum metric_id id, int64_t since_ns, const struct sum *s)
{
	switch (id) {
	case METRIC_HTTP_REQUESTS:
		return (double)s->c.requests;
	case METRIC_HTTP_RPS:
		return ratio((double)s->c.requests, (double)(m->counters.counted_ns - since_ns) / 1e9);
	case METRIC_HTTP_EMPTY:
		return (double)s->c.empty;
	case METRIC_RECONNECTS:
		return (double)s->c.reconnects;
	case METRIC_RECONNECTS_PEAK:
		return (double)s->reconnects_peak;
	case METRIC_SRV_RPS_PEAK:
		return (double)s->requests_peak;
	default:
		return (double)s->c.payload;
	}
}

static double of_groups(const struct metrics *m, enum metric_id id, int group, const struct sum *s)
{
	uint32_t clients;
	struct sim_group_counters g = group_sum(m, group, &clients);
	double both = (double)g.bytes_up + (double)g.bytes_down;
	switch (id) {
	case METRIC_CONN_OPENED:
		return (double)g.conns_opened;
	case METRIC_CONN_PEAK:
		return (double)g.conns_peak;
	case METRIC_CONN_FAILED:
		return (double)g.conns_failed;
	case METRIC_BYTES_UP:
		return (double)g.bytes_up;
	case METRIC_BYTES_DOWN:
		return (double)g.bytes_down;
	case METRIC_BYTES_PER_MSG:
		return ratio(both, (double)s->c.delivered);
	case METRIC_OVERHEAD:
		return ratio(both - (double)s->c.payload, (double)s->c.delivered);
	case METRIC_RADIO_ENERGY:
		return ratio((double)g.radio_energy_uj / 1e6, clients);
	default:
		return ratio((double)g.radio_active_ns / 1e9, clients);
	}
}

static double of_world(const struct metrics *m, enum metric_id id)
{
	const struct sim_counters *c = &m->counters;
	switch (id) {
	case METRIC_PKT_SENT:
		return (double)c->packets_sent;
	case METRIC_PKT_DELIVERED:
		return (double)c->packets_delivered;
	case METRIC_PKT_DROPPED:
		return (double)c->packets_dropped;
	case METRIC_PKT_IN_FLIGHT:
		return (double)c->packets_in_flight;
	case METRIC_SRV_CPU:
		return (double)c->server_cpu_ns / 1e9;
	case METRIC_SRV_MEMORY:
		return (double)c->server_memory_peak_bytes;
	case METRIC_SRV_THREADS:
		return (double)c->server_threads_peak;
	default:
		return (double)c->events;
	}
}

double metrics_since(const struct metrics *m, int metric, int group, int64_t since_ns)
{
	enum metric_id id = (enum metric_id)metric;
	if (group >= 0 && (!defs[id].per_group || (size_t)group >= m->cfg->ngroups))
		return (double)NAN;
	if (since_ns > 0 && !defs[id].since)
		return (double)NAN;
	if (m->settled)
		return since_ns > 0 ? (double)NAN
				    : m->settled[(uint32_t)id * m->slots + (uint32_t)(group + 1)];
	since_ns = since_ns > 0 ? since_ns / NS_PER_S * NS_PER_S : 0;
	uint32_t from = (uint32_t)(since_ns / NS_PER_S);
	struct sum s;
	switch (id) {
	case METRIC_PKT_SENT:
	case METRIC_PKT_DELIVERED:
	case METRIC_PKT_DROPPED:
	case METRIC_PKT_IN_FLIGHT:
	case METRIC_SRV_CPU:
	case METRIC_SRV_MEMORY:
	case METRIC_SRV_THREADS:
	case METRIC_ENGINE_EVENTS:
		return of_world(m, id);
	default:
		break;
	}
	sum_up(m, group, from, &s);
	if (id <= METRIC_LAT_MAX)
		return of_messages(m, id, group, from, &s);
	switch (id) {
	case METRIC_HTTP_REQUESTS:
	case METRIC_HTTP_RPS:
	case METRIC_HTTP_EMPTY:
	case METRIC_RECONNECTS:
	case METRIC_RECONNECTS_PEAK:
	case METRIC_SRV_RPS_PEAK:
	case METRIC_BYTES_PAYLOAD:
		return of_requests(m, id, since_ns, &s);
	default:
		return of_groups(m, id, group, &s);
	}
}

double metrics_get(const struct metrics *m, int metric, int group)
{
	return metrics_since(m, metric, group, 0);
}
