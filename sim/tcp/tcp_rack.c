/*
 * RACK (RFC 8985 6): a segment is lost when one sent later has been delivered.
 *
 *	at once          at the third such report, and while recovering, as long as nothing has overtaken anything
 *	after a while    else: a quarter of the shortest round-trip time; more when duplicates say that this was too short, at most SRTT
 *
 * Reordering is remembered for as long as the connection's recovery state is kept. As in Linux it counts too when a hole is filled
 * by what was only late, and what was overtaken by more than three segments lets the window grow by reports.
 *
 * Left out: the shortest round-trip time is that since the state was made, not of the last five minutes.
 */
#include "sim/tcp/tcp_int.h"

#define REO_MORE_NS (2 * NS_PER_MS) /* Linux TCP_TIMEOUT_MIN_US */
#define REO_PERSIST 16              /* recoveries (RFC 8985 6.2 step 4) */

/* RFC 8985 6.2 step 2: the delivered segment that was sent last. */
void rack_delivered(struct tcp_conn *c, const struct tcp_sg *g, int64_t now)
{
	struct tcp_ext *x = c->busy->ext;
	uint32_t rtt_us = (uint32_t)((now - g->sent_ns) / 1000);

	if (!x)
		return;
	if ((g->flags & SG_EVER_RETRANS) && x->min_rtt_us && rtt_us < x->min_rtt_us)
		return; /* the acknowledgement is for the first copy */
	if (!x->rack_ns || seq_lt(x->rack_order, g->order)) {
		x->rack_ns = g->sent_ns;
		x->rack_order = g->order;
		x->rack_rtt_us = rtt_us;
	}
}

/* What begins at `seq`, sent once, arrived behind what was sent later (RFC 8985 6.2 step 3). */
void rack_overtaken(struct tcp_conn *c, uint32_t seq, uint32_t fack)
{
	struct tcp_ext *x = c->busy->ext;

	if (!seq_lt(seq, fack))
		return;
	if (x->fack - seq > (uint32_t)DUP_THRESH * c->snd_mss)
		x->reord = REORD_FAR;
	else if (!x->reord)
		x->reord = REORD_NEAR;
}

/*
 * RFC 8985 6.2 step 4: a duplicate where segments were seen to overtake each other says that the wait was too short. It grows once a
 * round trip, by a quarter of the shortest, and is kept for 16 recoveries. A tail probe's duplicate says nothing of that.
 */
void rack_dsack(struct tcp_conn *c, const struct acked *a)
{
	struct tcp_ext *x = c->busy->ext;

	if (!x->reord || a->dsack_tlp || (x->reo_round && seq_lt(c->snd_una, x->reo_round_seq)))
		return;
	x->reo_round = 1;
	x->reo_round_seq = tcp_snd_nxt(c);
	if (x->reo_steps < UINT8_MAX)
		x->reo_steps++;
	x->reo_persist = REO_PERSIST;
}

/* A recovery ended that had not been for nothing. */
void rack_recovered(struct tcp_ext *x)
{
	if (x->reo_persist && --x->reo_persist == 0)
		x->reo_steps = 0;
}

static int64_t rack_wait_ns(const struct tcp_conn *c)
{
	const struct tcp_ext *x = c->busy->ext;
	uint64_t us = x->min_rtt_us ? x->min_rtt_us : c->srtt_us;

	if (!x->reord && (x->ca >= CA_RECOVERY || x->sacked_out >= DUP_THRESH))
		return 0;
	us = us / 4 * (1u + x->reo_steps);
	return (int64_t)(us < c->srtt_us ? us : c->srtt_us) * NS_PER_US;
}

static bool sent_before(const struct tcp_sg *g, const struct tcp_ext *x)
{
	return seq_lt(g->order, x->rack_order);
}

/* RFC 8985 6.2 step 5: everything sent before it, and long enough ago, is lost. */
void rack_detect(struct tcp *t, struct tcp_conn *c, struct acked *a, int64_t now)
{
	struct tcp_ext *x = c->busy->ext;
	int64_t wait_ns, latest = TIME_NEVER;

	if (!x || !(c->flags & TCPF_SACK) || !x->rack_ns)
		return;
	wait_ns = rack_wait_ns(c);
	x->reo_ns = TIME_NEVER;
	if (!x->sacked_out && x->ca < CA_RECOVERY && !x->lost_out && !x->tlp_sent)
		return;
	for (struct tcp_sg *g = c->busy->tx; g && g != tx_next(c); g = g->next) {
		if ((g->flags & SG_SACKED) || ((g->flags & SG_LOST) && !(g->flags & SG_RETRANS)) ||
			!sent_before(g, x))
			continue;
		int64_t due = g->sent_ns + x->rack_rtt_us * NS_PER_US + wait_ns;

		if (due <= now) {
			rtx_mark_lost(t, c, g);
			a->newly_lost = true;
		} else if (latest == TIME_NEVER ||
			   due > latest) { /* RFC 8985 6.2 step 5: one timer for all of them */
			latest = due;
		}
	}
	x->reo_ns = latest == TIME_NEVER ? latest : latest + REO_MORE_NS;
}
