/*
 * Soak: two TCP ends over a link drawn by seed (rate, delay, jitter, loss, duplicates, reordering, small queues, cuts),
 * with options, windows, algorithms and pauses drawn too. Whatever happens: each end reads the other's octets in
 * order, each exactly once; packets sent = delivered + dropped + in flight; nothing is left over; both directions
 * finish when the network lets them. Every run is made twice, with and
 * without header prediction, and must have one fingerprint.
 *
 *	SOAK_SEED=17  only that seed        SOAK_SEEDS=500  that many (default 60)
 */
#include "sim/core/xmalloc.h"
#include "sim/tcp/cc.h"
#include "tests/support/tcp_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS NS_PER_MS

struct side {
	struct tcp_end *e;
	uint32_t wrote, total;
	bool closed, paused;
};

struct soak {
	struct tcp_pair p;
	struct rng r;
	struct side s[2];
	struct link_fault faults[2][64];
};

static struct link_params draw_link(struct rng *r)
{
	struct link_params p = {0};

	p.delay_ns = (int64_t)rng_below(r, 200) * MS;
	if (rng_below(r, 2))
		p.rate_bps = 50000 + rng_below(r, 100000000);
	if (rng_below(r, 2))
		p.queue_bytes = 3000 + rng_below(r, 100000);
	if (rng_below(r, 2))
		p.jitter_ns = (int64_t)rng_below(r, 50) * MS;
	if (rng_below(r, 2))
		p.loss_ppm = (uint32_t)rng_below(r, 150000);
	p.reorder = rng_below(r, 3) == 0;
	return p;
}

static void draw_faults(struct soak *s, int way, struct link_class *c)
{
	uint32_t n = (uint32_t)rng_below(&s->r, 64), at = 0;

	for (uint32_t i = 0; i < n; i++) {
		at += 1 + (uint32_t)rng_below(&s->r, 40);
		s->faults[way][i] = (struct link_fault){
			at, (enum link_fault_kind)rng_below(&s->r, 3), (int64_t)rng_below(&s->r, 400) * MS};
	}
	c->faults = s->faults[way];
	c->n_faults = n;
}

static void draw_cfg(struct rng *r, struct tcp_cfg *c)
{
	static const uint16_t mss[] = {1460, 536, 1000, 100};

	c->mss = mss[rng_below(r, 4)];
	c->timestamps = rng_below(r, 2);
	c->sack = rng_below(r, 3);
	c->window_scaling = rng_below(r, 2);
	c->nodelay = rng_below(r, 2);
	c->tail_loss_probe = rng_below(r, 3);
	c->cc = rng_below(r, 2) ? &cc_cubic : &cc_newreno;
	c->initial_window = (uint8_t)(1 + rng_below(r, 12));
	if (rng_below(r, 3) == 0)
		c->rcv_window_bytes = c->rcv_window_max_bytes = 2000 + (uint32_t)rng_below(r, 20000);
}

static bool act(struct soak *s, struct side *x)
{
	struct world *w = s->p.w;

	if (rng_below(&s->r, 12) == 0 && !x->paused) {
		x->paused = true;
		tcp_pause(s->p.t, &x->e->c, true, w->now_ns);
	} else if (x->paused && rng_below(&s->r, 3)) {
		x->paused = false;
		tcp_pause(s->p.t, &x->e->c, false, w->now_ns);
	}
	if (x->wrote < x->total && tcp_unacked(&x->e->c) < 200000) {
		uint32_t n = 1 + (uint32_t)rng_below(&s->r, rng_below(&s->r, 4) ? 3000 : 60000);

		n = n < x->total - x->wrote ? n : x->total - x->wrote;
		tcp_end_write(x->e, x->wrote, n);
		x->wrote += n;
	} else if (x->wrote == x->total && !x->closed) {
		x->closed = true;
		tcp_shutdown(s->p.t, &x->e->c, w->now_ns);
	}
	tcp_end_pump(x->e);
	return x->closed && x->e->eof;
}

/* Returns the fingerprint, or says what is wrong. */
static uint64_t one(uint64_t seed, bool predict, const char **wrong)
{
	struct soak *s = xcalloc(1, sizeof *s);
	struct link_params up, down;
	bool done = false;

	s->r = rng_named(seed, "soak");
	up = draw_link(&s->r);
	down = draw_link(&s->r);
	tcp_pair_init(&s->p, seed, &up, &down);
	tcp_of(s->p.w)->predict = predict;
	draw_faults(s, 0, &s->p.up);
	draw_faults(s, 1, &s->p.down);
	draw_cfg(&s->r, &s->p.lcfg);
	draw_cfg(&s->r, &s->p.rcfg);
	s->s[0] = (struct side){.e = &s->p.left, .total = (uint32_t)rng_below(&s->r, 400000)};
	s->s[1] = (struct side){.e = &s->p.right, .total = (uint32_t)rng_below(&s->r, 400000)};
	tcp_pair_open(&s->p, rng_below(&s->r, 2) ? UINT32_MAX - (uint32_t)rng_below(&s->r, 300000) : 0,
		rng_below(&s->r, 2) ? UINT32_MAX - (uint32_t)rng_below(&s->r, 300000) : 0);
	for (int step = 0; step < 20000 && !done; step++) {
		tcp_pair_run(&s->p, s->p.w->now_ns + (int64_t)rng_below(&s->r, 200) * MS);
		net_check(net_of(s->p.w));
		if (rng_below(&s->r, 400) == 0) {
			link_class_cut(&s->p.up, 0);
			tcp_pair_run(&s->p, s->p.w->now_ns + (int64_t)rng_below(&s->r, 5000) * MS);
			link_class_heal(&s->p.up);
		}
		if (s->p.left.timeout || s->p.right.timeout || s->p.left.reset || s->p.right.reset)
			break;
		if (!s->p.left.established || !s->p.right.established)
			continue;
		done = act(s, &s->s[0]);
		done = act(s, &s->s[1]) && done;
	}
	uint32_t left = (uint32_t)s->p.left.got.n, right = (uint32_t)s->p.right.got.n;

	if (!tcp_end_got(&s->p.left, left) || left > s->s[1].total)
		*wrong = "the left end read octets that are not the right end's";
	else if (!tcp_end_got(&s->p.right, right) || right > s->s[0].total)
		*wrong = "the right end read octets that are not the left end's";
	else if (done && (left != s->s[1].total || right != s->s[0].total))
		*wrong = "an end of the stream came before all of it";
	else if (!done && !s->p.left.timeout && !s->p.right.timeout)
		*wrong = "the transfer does not finish";
	else if ((s->p.left.timeout || s->p.right.timeout) && up.loss_ppm < 100000 && down.loss_ppm < 100000)
		*wrong = "given up on a network that works";
	if (done) { /* and everything comes to rest */
		tcp_pair_run(&s->p, s->p.w->now_ns + 2000 * NS_PER_S);
		if (s->p.w->queue.count)
			*wrong = "events remain long after the end";
		if (s->p.left.c.state != TCP_CLOSED || s->p.right.c.state != TCP_CLOSED)
			*wrong = "a connection is still there long after the end";
	}
	uint64_t fp = s->p.w->fingerprint;

	tcp_pair_fini(&s->p);
	xfree(s);
	return fp;
}

int main(void)
{
	const char *only = getenv("SOAK_SEED"), *many = getenv("SOAK_SEEDS");
	uint64_t first = only ? strtoull(only, NULL, 10) : 1, n = only   ? 1
								  : many ? strtoull(many, NULL, 10)
									 : 60;
	int passed = 0, failed = 0;

	for (uint64_t seed = first; seed < first + n; seed++) {
		const char *wrong = NULL;
		uint64_t a = one(seed, true, &wrong), b = one(seed, false, &wrong);

		if (!wrong && a != b)
			wrong = "two runs of one seed differ";
		if (wrong) {
			printf("FAILED: %s\n  again: SOAK_SEED=%llu make test T=tcp_soak\n", wrong,
				(unsigned long long)seed);
			failed++;
		} else {
			passed++;
		}
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}
