/*
 * radio: what a phone's radio costs, per client, from the packets that cross its access link.
 *
 *	power                  promotion   tail: nothing is sent, the radio stays up
 *	  │       ┌──────────┐┌──────────────────────┐
 *	  │       │          ││                      │
 *	  └───────┘          └┘                      └──── idle (paging) ──▶ time
 *	          packet                              tail over
 *
 * A packet that finds the radio idle pays for the promotion; every packet starts the tail anew. Figures: LTE PW-01,
 * PW-02, PW-05, RR-08, RR-10; UMTS PW-06, RR-11 (4 s DCH at 0.60 W, then 10 s FACH at 0.38 W); Wi-Fi PW-07, RR-13.
 * 5G is counted like LTE: no power per state is published for it (facts, section 11). The energy of the octets
 * themselves (PW-04) is small beside the tail and left out, and so is the time a sleeping radio needs to wake up.
 */
#include "sim/host/host.h"

struct radio {
	int64_t promo_ns, tail_ns, tail2_ns;
	uint32_t promo_mw, tail_mw, tail2_mw, idle_mw;
};

static const struct radio *model(const struct sim *s, const struct client *c)
{
	static const struct radio wifi = {0, 250 * NS_PER_MS, 0, 0, 403, 0, 20};
	static const struct radio lte = {260 * NS_PER_MS, 10120 * NS_PER_MS, 0, 1210, 1060, 0, 20};
	static const struct radio umts = {2 * NS_PER_S, 4 * NS_PER_S, 10 * NS_PER_S, 300, 600, 380, 0};
	if (c->net < 0)
		return NULL;
	switch (s->nets[c->net].radio) {
	case CFG_RADIO_WIFI:
		return &wifi;
	case CFG_RADIO_UMTS:
		return &umts;
	case CFG_RADIO_LTE:
	case CFG_RADIO_NR:
		return &lte;
	case CFG_RADIO_NONE:
		break;
	}
	return NULL;
}

/* mW for ns, in uJ */
static uint64_t energy(uint32_t mw, int64_t ns)
{
	return (uint64_t)mw * (uint64_t)(ns / 1000) / 1000;
}

/* From the last packet until now. */
static void settle(const struct radio *m, struct client *c, int64_t now)
{
	int64_t gap = now - c->radio_ns, t1 = gap < m->tail_ns ? gap : m->tail_ns;
	int64_t t2 = gap - t1 < m->tail2_ns ? gap - t1 : m->tail2_ns;
	c->radio_uj += energy(m->tail_mw, t1) + energy(m->tail2_mw, t2) + energy(m->idle_mw, gap - t1 - t2);
	c->radio_active_ns += (uint64_t)(t1 + t2);
}

void radio_touch(struct sim *s, struct client *c)
{
	const struct radio *m = model(s, c);
	int64_t now = s->w->now_ns;
	if (!m || !s->counting)
		return;
	bool asleep = c->radio_ns < 0 || now - c->radio_ns > m->tail_ns + m->tail2_ns;
	if (c->radio_ns >= 0)
		settle(m, c, now);
	if (asleep) {
		c->radio_uj += energy(m->promo_mw, m->promo_ns);
		c->radio_active_ns += (uint64_t)m->promo_ns;
	}
	c->radio_ns = now;
}

void radio_close(struct sim *s, struct client *c, int64_t until_ns)
{
	const struct radio *m = model(s, c);
	if (m && c->radio_ns >= 0 && until_ns > c->radio_ns)
		settle(m, c, until_ns);
	c->radio_ns = -1;
	c->group->radio_uj += c->radio_uj;
	c->group->radio_ns += c->radio_active_ns;
	c->radio_uj = c->radio_active_ns = 0;
}
