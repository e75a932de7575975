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
	if (client_net(c) < 0)
		return NULL;
	switch (s->nets[client_net(c)].radio) {
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
static void settle(const struct radio *m, struct radio_use *u, int64_t now)
{
	int64_t gap = now - u->last_ns, t1 = gap < m->tail_ns ? gap : m->tail_ns;
	int64_t t2 = gap - t1 < m->tail2_ns ? gap - t1 : m->tail2_ns;
	u->uj += energy(m->tail_mw, t1) + energy(m->tail2_mw, t2) + energy(m->idle_mw, gap - t1 - t2);
	u->active_ns += (uint64_t)(t1 + t2);
}

void radio_init(struct sim *s)
{
	bool any = false;
	for (uint32_t n = 0; n < s->cfg->nnets; n++)
		any |= s->cfg->nets[n].radio != CFG_RADIO_NONE;
	s->radio = any ? xcalloc(s->nclients + 1, sizeof *s->radio) : NULL;
	for (uint32_t i = 0; any && i < s->nclients; i++)
		s->radio[i].last_ns = -1;
}

void radio_packet(struct sim *s, struct client *c)
{
	const struct radio *m = model(s, c);
	struct radio_use *u = &s->radio[c->tech.number - 1];
	int64_t now = s->w->now_ns;
	if (!m || !s->counting)
		return;
	bool asleep = u->last_ns < 0 || now - u->last_ns > m->tail_ns + m->tail2_ns;
	if (u->last_ns >= 0)
		settle(m, u, now);
	if (asleep) {
		u->uj += energy(m->promo_mw, m->promo_ns);
		u->active_ns += (uint64_t)m->promo_ns;
	}
	u->last_ns = now;
}

void radio_close(struct sim *s, struct client *c, int64_t until_ns)
{
	if (!s->radio)
		return;
	const struct radio *m = model(s, c);
	struct radio_use *u = &s->radio[c->tech.number - 1];
	if (m && u->last_ns >= 0 && until_ns > u->last_ns)
		settle(m, u, until_ns);
	client_group(c)->radio_uj += u->uj;
	client_group(c)->radio_ns += u->active_ns;
	*u = (struct radio_use){.last_ns = -1};
}
