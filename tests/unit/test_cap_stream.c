/*
 * Passive reassembly: whatever order, overlap and repetition segments come in, the stream holds each octet once, in order, with
 * the time at which it and everything before it had been seen, and knows where each octet stands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/capture/cap_stream.h"
#include "sim/core/xmalloc.h"

#define LEN 400
#define SEGS 60

struct fixture {
	struct capture c;
	struct cap_pkt pkt[SEGS];
	struct cap_conn conn;
	uint8_t octets[LEN];
};

static uint32_t next_random(uint64_t *s)
{
	*s = *s * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*s >> 33);
}

static void start(struct fixture *f)
{
	memset(f, 0, sizeof *f);
	f->c.pkt = f->pkt;
	f->c.conn = &f->conn;
	f->c.nconns = 1;
	f->c.store = xmalloc(1 << 20);
	f->c.store_cap = 1 << 20;
	f->conn.flow[0].first = f->conn.flow[0].last = CAP_NONE;
	f->conn.flow[0].fin_pkt = CAP_NONE;
	f->conn.flow[0].isn_known = true;
	for (unsigned i = 0; i < LEN; i++)
		f->octets[i] = (uint8_t)(i * 7 + i / 13);
}

/* A segment with octets [from, to) of the stream, or with `wrong` ones (a second copy that lies). */
static void seg(struct fixture *f, int64_t from, int64_t to, int64_t at, bool wrong)
{
	uint32_t i = f->c.npkts++;
	struct cap_pkt *p = &f->pkt[i];
	*p = (struct cap_pkt){.at = at, .off = f->c.store_n, .soff = from, .next = CAP_NONE, .data_off = 54};
	p->len = p->data_cap = (uint32_t)(to - from);
	for (int64_t k = from; k < to; k++)
		f->c.store[p->off + 54 + (uint64_t)(k - from)] = wrong ? 0xee : k < 0 ? 0xaa : f->octets[k];
	f->c.store_n += 54 + (size_t)(to - from);
	struct cap_flow *w = &f->conn.flow[0];
	if (w->first == CAP_NONE)
		w->first = i;
	else
		f->pkt[w->last].next = i;
	w->last = i;
}

static void finish(struct fixture *f, struct cap_stream *s)
{
	cap_stream_fini(s);
	xfree(f->c.store);
}

/* Every octet's run points at the same octet in some packet, and delivery is the prefix maximum of first sightings. */
static void check(struct fixture *f, struct cap_stream *s, uint64_t n)
{
	int64_t seen[LEN], latest = INT64_MIN;
	assert_int_equal(s->n, n);
	for (uint64_t k = 0; k < n; k++) {
		seen[k] = INT64_MAX;
		for (uint32_t i = 0; i < f->c.npkts; i++)
			if (f->pkt[i].soff <= (int64_t)k && (int64_t)k < f->pkt[i].soff + f->pkt[i].len &&
				f->pkt[i].at < seen[k])
				seen[k] = f->pkt[i].at;
		const struct cap_run *r = cap_stream_run(s, k);
		assert_true(r->off <= k && k < r->off + r->len);
		if (seen[k] == INT64_MAX) {
			assert_int_equal(r->src, CAP_NONE);
			assert_int_equal(s->p[k], 0);
			assert_true(cap_stream_gap(s, k, 1));
			continue;
		}
		if (seen[k] > latest)
			latest = seen[k];
		assert_int_equal(s->p[k], f->octets[k]);
		assert_int_equal(f->c.store[f->pkt[r->src].off + r->src_off + (k - r->off)], f->octets[k]);
		assert_int_equal(cap_stream_at(s, k).t, latest);
		assert_int_equal(f->pkt[cap_stream_at(s, k).pkt].at, latest);
	}
}

static void any_order_gives_the_same_stream(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct fixture f;
		struct cap_stream s;
		uint64_t r = seed;
		start(&f);
		unsigned n = 1 + next_random(&r) % (SEGS - 1);
		int64_t high = 0, at = 0;
		bool ordered = next_random(&r) % 4 == 0;
		for (unsigned i = 0; i < n; i++) {
			int64_t from = ordered ? high : next_random(&r) % LEN,
				to = from + 1 + next_random(&r) % 40;
			to = to > LEN ? LEN : to;
			at += next_random(&r) % 3;
			if (from >= to)
				continue;
			seg(&f, from, to, at, false);
			high = to > high ? to : high;
		}
		cap_stream_build(&f.c, 0, 0, &s);
		check(&f, &s, (uint64_t)high);
		finish(&f, &s);
	}
}

static void the_first_copy_of_an_octet_counts(void **state)
{
	(void)state;
	struct fixture f;
	struct cap_stream s;
	start(&f);
	seg(&f, 0, 50, 1, false);
	seg(&f, 20, 60, 2, true);
	cap_stream_build(&f.c, 0, 0, &s);
	assert_int_equal(s.n, 60);
	assert_memory_equal(s.p, f.octets, 50);
	assert_int_equal(s.p[50], 0xee);
	finish(&f, &s);
}

static void a_gap_is_bridged_and_counted(void **state)
{
	(void)state;
	struct fixture f;
	struct cap_stream s;
	start(&f);
	seg(&f, 0, 10, 1, false);
	seg(&f, 30, 40, 5, false);
	cap_stream_build(&f.c, 0, 0, &s);
	assert_int_equal(s.missing, 20);
	assert_false(s.cut);
	check(&f, &s, 40);
	assert_int_equal(cap_stream_at(&s, 15).t, 5);
	finish(&f, &s);
}

static void a_gap_beyond_the_limit_ends_the_stream(void **state)
{
	(void)state;
	struct fixture f;
	struct cap_stream s;
	start(&f);
	seg(&f, 0, 10, 1, false);
	seg(&f, 10, 20, 1, false);
	f.pkt[1].soff = 10 + (int64_t)CAP_GAP_MAX + 1;
	cap_stream_build(&f.c, 0, 0, &s);
	assert_true(s.cut);
	assert_int_equal(s.n, 10);
	assert_int_equal(s.missing, CAP_GAP_MAX + 1ull);
	finish(&f, &s);
}

static void octets_before_the_first_are_left_out(void **state)
{
	(void)state;
	struct fixture f;
	struct cap_stream s;
	start(&f);
	seg(&f, -1, 10, 1, false); /* a keep-alive's octet stands where the SYN was */
	cap_stream_build(&f.c, 0, 0, &s);
	assert_int_equal(s.n, 10);
	assert_memory_equal(s.p, f.octets, 10);
	finish(&f, &s);
}

static void a_stream_seen_from_the_middle_begins_with_its_lowest_octet(void **state)
{
	(void)state;
	struct fixture f;
	struct cap_stream s;
	start(&f);
	f.conn.flow[0].isn_known = false;
	seg(&f, 100, 150, 1, false);
	seg(&f, 60, 100, 2, false);
	cap_stream_build(&f.c, 0, 0, &s);
	assert_int_equal(s.base, 60);
	assert_int_equal(s.n, 90);
	assert_memory_equal(s.p, f.octets + 60, 90);
	assert_int_equal(cap_stream_at(&s, 89).t, 2);
	finish(&f, &s);
}

static void an_empty_direction_has_no_runs(void **state)
{
	(void)state;
	struct fixture f;
	struct cap_stream s;
	start(&f);
	cap_stream_build(&f.c, 0, 0, &s);
	assert_int_equal(s.n, 0);
	assert_null(cap_stream_run(&s, 0));
	assert_int_equal(cap_stream_at(&s, 0).pkt, CAP_NONE);
	finish(&f, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order_gives_the_same_stream),
		cmocka_unit_test(the_first_copy_of_an_octet_counts),
		cmocka_unit_test(a_gap_is_bridged_and_counted),
		cmocka_unit_test(a_gap_beyond_the_limit_ends_the_stream),
		cmocka_unit_test(octets_before_the_first_are_left_out),
		cmocka_unit_test(a_stream_seen_from_the_middle_begins_with_its_lowest_octet),
		cmocka_unit_test(an_empty_direction_has_no_runs),
	};
	return cmocka_run_group_tests_name("cap_stream", tests, NULL, NULL);
}
