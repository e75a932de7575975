/*
 * Segments drawn at random, near the windows and far from them, with every flag and option, thrown at an endpoint in
 * every state, between writes, reads, closes and timers. Nothing may break: sequence variables keep their order, the
 * in-flight count never goes below zero, the window's right edge never moves back, outputs come to an end, and what
 * is read is a prefix of what the peer could have meant. HOSTILE_SEED=n repeats one run.
 */
#include "sim/core/xmalloc.h"
#include "sim/tcp/tcp_int.h"
#include "tests/support/tcp_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct foe {
	struct world *w;
	struct tcp *t;
	struct tcp_conn c;
	struct tcp_tag tag; /* of c */
	struct tcp_cfg cfg;
	struct rng r;
	uint32_t irs, wrote, got, edge;
	int64_t now;
	bool established;
	const char *wrong;
};

static uint32_t near(struct foe *f, uint32_t base)
{
	switch (rng_below(&f->r, 6)) {
	case 0:
		return base;
	case 1:
		return base + (uint32_t)rng_below(&f->r, 4000);
	case 2:
		return base - (uint32_t)rng_below(&f->r, 4000);
	case 3:
		return base + (uint32_t)rng_below(&f->r, 3);
	case 4:
		return base - (uint32_t)rng_below(&f->r, 3);
	default:
		return (uint32_t)rng_u64(&f->r);
	}
}

static struct pkt *draw(struct foe *f)
{
	struct pkt *p = pkt_new(f->t->net);
	struct tcp_conn *c = &f->c;
	uint64_t u = rng_u64(&f->r);
	uint32_t len = u & 1 ? 0 : (uint32_t)rng_below(&f->r, 1500);

	p->flags = rng_below(&f->r, 3) ? TCP_ACK : (uint8_t)(u >> 8);
	if (rng_below(&f->r, 40) == 0)
		p->flags |= TCP_FIN;
	if (rng_below(&f->r, 200) == 0)
		p->flags |= TCP_SYN;
	if (rng_below(&f->r, 20))
		p->flags &= (uint8_t)~TCP_RST;
	p->seq = near(f, f->established ? c->rcv_nxt : f->irs);
	p->ack = near(f, rng_below(&f->r, 2) ? c->snd_una : tcp_snd_nxt(c));
	p->wnd = rng_below(&f->r, 4) ? 65535 : (uint16_t)rng_below(&f->r, 3000);
	if (rng_below(&f->r, 2)) {
		p->opts |= PKT_OPT_TS;
		p->tsval = near(f, c->ts_recent);
		p->tsecr = near(f, tcp_ts_now(f->t, c, f->now));
	}
	if (p->flags & TCP_SYN) {
		p->opts |= (uint8_t)((u >> 16) & (PKT_OPT_MSS | PKT_OPT_SACK_OK | PKT_OPT_WSCALE));
		p->mss = (uint16_t)rng_below(&f->r, 3000);
		p->wscale = (uint8_t)rng_below(&f->r, 20);
	}
	if (rng_below(&f->r, 3) == 0) {
		p->sack = pool_get(f->t->net->sacks);
		p->opts |= PKT_OPT_SACK;
		p->sack->n = 1 + (uint32_t)rng_below(&f->r, 4);
		for (uint32_t i = 0; i < p->sack->n; i++) {
			p->sack->block[i].left = near(f, c->snd_una);
			p->sack->block[i].right =
				rng_below(&f->r, 2)
					? near(f, tcp_snd_nxt(c))
					: p->sack->block[i].left + (uint32_t)rng_below(&f->r, 3000);
		}
	}
	if (len &&
		!(p->flags &
			TCP_SYN)) { /* the octet at a sequence number is always the same one, as from an honest sender */
		struct blob *b = blob_new_raw(&alloc_libc, len);

		for (uint32_t i = 0; i < len; i++)
			b->data[i] = tcp_pattern(p->seq - f->irs - 1 + i);
		pkt_add(f->t->net, p, slice_of(b));
	}
	pkt_finish(p);
	return p;
}

static void invariants(struct foe *f)
{
	struct tcp_conn *c = &f->c;
	uint32_t n = 0, sacked = 0, lost = 0, again = 0, at = c->snd_una;

	if (c->state == TCP_CLOSED)
		return;
	if (c->state >= TCP_SYN_RECEIVED)
		f->irs = f->tag.irs; /* a SYN that was drawn may have been believed */
	if (!seq_le(c->snd_una, tcp_snd_nxt(c)) || !seq_le(tcp_snd_nxt(c), tcp_snd_end(c)))
		f->wrong = "SND.UNA <= SND.NXT <= end does not hold";
	for (const struct tcp_sg *g = c->busy->tx; g && g != tx_next(c); g = g->next, n++) {
		if (g->seq != at)
			f->wrong = "the send queue has a hole";
		at = sg_end(g);
		sacked += !!(g->flags & SG_SACKED);
		lost += !!(g->flags & SG_LOST);
		again += !!(g->flags & SG_RETRANS);
	}
	if (n != c->busy->packets_out)
		f->wrong = "packets_out is not the number of segments in flight";
	if (c->busy->ext && (c->flags & TCPF_SACK) &&
		(sacked != c->busy->ext->sacked_out || lost != c->busy->ext->lost_out ||
			again != c->busy->ext->retrans_out))
		f->wrong = "the scoreboard's counts are not those of its segments";
	if (f->established && seq_lt(c->rcv_adv, f->edge))
		f->wrong = "the window's right edge moved back";
	f->edge = c->rcv_adv;
	for (const struct tcp_ooo *o = c->busy->ext ? c->busy->ext->ooo : NULL; o; o = o->next)
		if (o->next && !seq_le(o->seq + o->len, o->next->seq))
			f->wrong = "kept segments overlap";
}

static void pump(struct foe *f)
{
	struct tcp_out o;
	int n = 0;

	for (tcp_next(f->t, &f->c, f->now, &o); o.kind != TCP_OUT_IDLE; tcp_next(f->t, &f->c, f->now, &o)) {
		if (++n > 20000) {
			f->wrong = "outputs do not end";
			return;
		}
		if (o.kind == TCP_OUT_SEGMENT) {
			if (o.pkt->wire_bytes > 1500)
				f->wrong = "a segment is longer than the link takes";
			pkt_free(f->t->net, o.pkt);
		} else if (o.kind == TCP_OUT_ESTABLISHED) {
			f->established = true;
			f->edge = f->c.rcv_adv;
		} else if (o.kind == TCP_OUT_DATA) {
			struct bytes b = slice_bytes(o.data);

			for (size_t i = 0; i < b.n && f->established; i++)
				if (b.p[i] != tcp_pattern(f->got + (uint32_t)i))
					f->wrong = "octets were delivered that nobody sent there";
			f->got += (uint32_t)b.n;
			blob_unref(o.data.blob);
		}
	}
	tcp_rest(f->t, &f->c);
}

static void begin(struct foe *f)
{
	f->cfg = tcp_cfg_linux;
	f->cfg.sack = rng_below(&f->r, 4);
	f->cfg.timestamps = rng_below(&f->r, 2);
	f->cfg.keepalive = rng_below(&f->r, 2);
	f->cfg.keepalive_idle_ns = 10 * NS_PER_S;
	if (rng_below(&f->r, 2))
		f->cfg.rcv_window_bytes = f->cfg.rcv_window_max_bytes = 3000;
	tcp_init(&f->c, &f->cfg, (struct tcp_addr){1, 2, 3, 4});
	tcp_trace(&f->c, &(struct tcp_tag){0}, 0, false);
	tcp_set_iss(&f->c, (uint32_t)rng_u64(&f->r));
	f->irs = (uint32_t)rng_u64(&f->r);
	f->established = false;
	f->got = 0;
	f->edge = 0;
	struct pkt *p = pkt_new(f->t->net);

	p->seq = f->irs;
	p->flags = TCP_SYN;
	p->opts = PKT_OPT_MSS | (f->cfg.sack ? PKT_OPT_SACK_OK : 0);
	p->mss = (uint16_t)rng_below(&f->r, 3000);
	p->wnd = 65535;
	if (rng_below(&f->r, 2)) {
		tcp_listen(f->t, &f->c, f->now);
		tcp_input(f->t, &f->c, p, f->now);
		pump(f);
		p = pkt_new(f->t->net);
		p->seq = f->irs + 1;
		p->flags = TCP_ACK;
	} else {
		tcp_open(f->t, &f->c, f->now);
		pump(f);
		p->flags |= TCP_ACK;
	}
	p->ack = tcp_snd_nxt(&f->c);
	p->wnd = 65535;
	if (rng_below(&f->r, 8)) {
		tcp_input(f->t, &f->c, p, f->now);
		pump(f);
	} else {
		pkt_free(f->t->net, p);
	}
}

static void step(struct foe *f)
{
	uint32_t n;

	switch (rng_below(&f->r, 12)) {
	case 0:
		n = 1 + (uint32_t)rng_below(&f->r, 20000);
		struct blob *b = blob_new_raw(&alloc_libc, n);

		memset(b->data, 0, n);
		if (!tcp_write(f->t, &f->c, slice_of(b), rng_below(&f->r, 4) == 0, f->now))
			blob_unref(b);
		break;
	case 1:
		tcp_pause(f->t, &f->c, rng_below(&f->r, 2), f->now);
		break;
	case 2:
		if (rng_below(&f->r, 20) == 0)
			tcp_shutdown(f->t, &f->c, f->now);
		else if (rng_below(&f->r, 40) == 0)
			tcp_close(f->t, &f->c, f->now);
		break;
	case 3:
	case 4:
		f->now += (int64_t)rng_below(&f->r, 3 * NS_PER_S);
		f->w->now_ns = f->now;
		tcp_timer(f->t, &f->c, f->now);
		break;
	default:
		f->now += (int64_t)rng_below(&f->r, 10 * NS_PER_MS);
		f->w->now_ns = f->now;
		tcp_input(f->t, &f->c, draw(f), f->now);
	}
	pump(f);
	invariants(f);
}

static const char *one(uint64_t seed)
{
	struct foe f = {.r = rng_named(seed, "hostile")};

	f.w = world_new(seed, 0);
	net_new(f.w);
	f.t = tcp_new(f.w);
	for (int life = 0; life < 8 && !f.wrong; life++) {
		begin(&f);
		for (int i = 0; i < 400 && !f.wrong && f.c.state != TCP_CLOSED; i++)
			step(&f);
		tcp_fini(f.t, &f.c);
	}
	world_free(f.w);
	return f.wrong;
}

int main(void)
{
	const char *only = getenv("HOSTILE_SEED");
	uint64_t first = only ? strtoull(only, NULL, 10) : 1, n = only ? 1 : 150;
	int passed = 0, failed = 0;

	for (uint64_t seed = first; seed < first + n; seed++) {
		const char *wrong = one(seed);

		if (wrong) {
			printf("FAILED: %s\n  again: HOSTILE_SEED=%llu make test T=tcp_hostile\n", wrong,
				(unsigned long long)seed);
			failed++;
		} else {
			passed++;
		}
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}
