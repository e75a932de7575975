/* The simulator plays a story. See tcp_play.h. */
#include "tests/support/tcp_play.h"

#include <string.h>

static int64_t fate(void *ctx, const struct tcp_end *from, const struct tcp_seen *g)
{
	struct tcp_play *y = ctx;
	uint32_t len = g->len + (g->flags & TCP_SYN ? 1u : 0u) + (g->flags & TCP_FIN ? 1u : 0u);

	if (g->flags & TCP_RST)
		return 0;
	return story_fate(&y->s, from == &y->p.right ? STORY_SERVER : STORY_CLIENT, g->seq, len, g->at_ns);
}

static void act(struct tcp_play *y, const struct story_act *a)
{
	struct tcp_end *e = a->side == STORY_SERVER ? &y->p.right : &y->p.left;
	int64_t now = y->p.w->now_ns;

	switch (a->what) {
	case STORY_WRITE:
		tcp_end_write(e, y->wrote[a->side], a->arg);
		y->wrote[a->side] += a->arg;
		return;
	case STORY_SHUTDOWN:
		tcp_shutdown(y->p.t, &e->c, now);
		break;
	case STORY_CLOSE:
		tcp_close(y->p.t, &e->c, now);
		break;
	case STORY_ABORT:
		tcp_abort(y->p.t, &e->c, now);
		break;
	case STORY_PAUSE:
	case STORY_RESUME:
		tcp_pause(y->p.t, &e->c, a->what == STORY_PAUSE, now);
		break;
	case STORY_CONNECT:
		tcp_pair_reopen(&y->p);
		return;
	}
	tcp_end_pump(e);
}

static void applications(void *ctx)
{
	struct tcp_play *y = ctx;
	const uint32_t got[STORY_SIDES] = {(uint32_t)y->p.left.got.n, (uint32_t)y->p.right.got.n};
	struct story_act *a = story_due(&y->s, y->p.w->now_ns, got);

	if (a) /* which pumps, and so comes back here for the next one */
		act(y, a);
}

static void configure(struct tcp_cfg *c, const struct story_end *e, unsigned mtu)
{
	c->mss = (uint16_t)(mtu - 40);
	c->sack = !e->no_sack;
	c->timestamps = !e->no_timestamps;
	c->window_scaling = !e->no_window_scaling;
	c->tail_loss_probe = !e->no_tail_loss_probe;
	c->idle_restart = !e->no_idle_restart;
	c->nodelay = e->nodelay;
	c->keepalive = e->keepalive_idle_s > 0;
	c->keepalive_idle_ns = e->keepalive_idle_s * NS_PER_S;
	c->keepalive_interval_ns = e->keepalive_interval_s * NS_PER_S;
	c->keepalive_probes = (uint8_t)e->keepalive_probes;
	if (e->window_bytes)
		c->rcv_window_bytes = c->rcv_window_max_bytes = e->window_bytes;
	if (e->fin_wait_s)
		c->fin_wait_2_ns = e->fin_wait_s * NS_PER_S;
}

void tcp_play_init(struct tcp_play *y, const struct story *s)
{
	struct link_params way = {.delay_ns = s->delay_ns, .reorder = true};

	memset(y, 0, sizeof *y);
	y->s = *s;
	tcp_pair_init(&y->p, 1, &way, &way);
	configure(&y->p.lcfg, &s->end[STORY_CLIENT], s->mtu);
	configure(&y->p.rcfg, &s->end[STORY_SERVER], s->mtu);
	y->p.fate = fate;
	y->p.ctx = y;
}

void tcp_play(struct tcp_play *y)
{
	tcp_pair_open(&y->p, 1000, 5000);
	y->p.idle = applications;
	while (y->p.w->now_ns < y->s.end_ns) {
		applications(y);
		int64_t next = story_next_ns(&y->s);

		tcp_pair_run(&y->p, next < y->s.end_ns ? next : y->s.end_ns);
	}
}

void tcp_play_fini(struct tcp_play *y)
{
	tcp_pair_fini(&y->p);
}
