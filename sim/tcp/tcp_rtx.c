/*
 * What was sent and is not acknowledged: acknowledgements, round-trip times, loss detection, timers.
 *
 *	RTO      SRTT + max(200 ms, 4 RTTVAR), at most 120 s, doubled at each timeout (RFC 6298, Linux's floor)
 *	TLP      with nothing lost: after 2 SRTT (+ 200 ms when one segment is out; 1 s when SRTT is not known) the tail is sent
 *	         once more, so that a lost tail shows up as a selective acknowledgement instead of a timeout (RFC 8985 7)
 *	RACK     a segment is lost when one sent later has been delivered (tcp_rack.c)
 *	NewReno  without SACK: three duplicate ACKs, then one segment per partial ACK (RFC 6582)
 *	PRR      while recovering, sending is paced by what is delivered (RFC 6937)
 *
 * Segments in flight: packets_out - sacked_out - lost_out + retrans_out.
 *
 *	undo     reductions that turn out to have been made for nothing are taken back: tcp_undo.c
 */
#include "sim/tcp/tcp_int.h"

static struct tcp_ext *ext_if(struct tcp_conn *c)
{
	return c->busy->ext;
}

struct tcp_sg *rtx_last(struct tcp_conn *c)
{
	struct tcp_sg *last = NULL;

	for (struct tcp_sg *g = c->busy->tx; g && g != tx_next(c); g = g->next)
		last = g;
	return last;
}

/* ---- round-trip time (RFC 6298 2) --------------------------------------------------------------------------- */

inline void rtt_sample(struct tcp_conn *c, uint32_t rtt_us)
{
	if (!rtt_us)
		rtt_us = 1;
	if (rare(!c->srtt_us)) {
		c->srtt_us = rtt_us;
		c->rttvar_us = rtt_us / 2;
	} else {
		uint32_t d = rtt_us > c->srtt_us ? rtt_us - c->srtt_us : c->srtt_us - rtt_us;

		c->rttvar_us = (uint32_t)((3ull * c->rttvar_us + d) / 4);
		c->srtt_us = (uint32_t)((7ull * c->srtt_us + rtt_us) / 8);
		if (!c->srtt_us)
			c->srtt_us = 1;
	}
	if (rare(c->busy->ext) && (!c->busy->ext->min_rtt_us || rtt_us < c->busy->ext->min_rtt_us))
		c->busy->ext->min_rtt_us = rtt_us;
}

/* ---- window ------------------------------------------------------------------------------------------------- */

uint32_t out_flight(const struct tcp_conn *c)
{
	const struct tcp_ext *x = c->busy->ext;
	int32_t n = c->busy->packets_out;

	if (x)
		n += x->retrans_out - x->sacked_out - x->lost_out;
	return n > 0 ? (uint32_t)n : 0;
}

void set_ca(struct tcp *t, struct tcp_conn *c, enum tcp_ca ca)
{
	struct tcp_ext *x = tcp_ext(t, c);

	if (x->ca == ca)
		return;
	x->ca = (uint8_t)ca;
	tcp_cwnd_note(t, c);
}

/* A loss event: the threshold falls; recovery lasts until everything sent so far is acknowledged. */
static void reduce(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);

	undo_begin(c);
	x->prior_cwnd = c->cwnd;
	x->prr_delivered = x->prr_out = 0;
	x->high_seq = tcp_snd_nxt(c);
	x->tlp_sent = 0;
	x->ssthresh = c->cfg->cc->reduce(&x->cc, c->cwnd);
}

/* Congestion control may find that slow start is over. It has no memory before the window grows for the first time. */
static void look_at(struct tcp *t, struct tcp_conn *c, const struct acked *a, int64_t now)
{
	const struct tcp_cc_ops *cc = c->cfg->cc;
	struct tcp_ext *x;

	if (!cc->acked || !a->cc_rtt_us || (!c->busy->ext && !(c->flags & TCPF_CWND_LIMITED)))
		return;
	x = tcp_ext(t, c);
	/* Linux tcp_update_pacing_rate: twice the window a round trip while it is far from the threshold */
	uint64_t rate = (uint64_t)c->cwnd * c->snd_mss * (c->cwnd < x->ssthresh / 2 ? 20 : 12) * 100000;

	if (cc->acked(&x->cc, &(struct cc_ack){.now_ns = now,
				      .snd_una = c->snd_una,
				      .snd_nxt = tcp_snd_nxt(c),
				      .rtt_us = a->cc_rtt_us - 1,
				      .cwnd = c->cwnd,
				      .rate_Bps = c->srtt_us ? rate / c->srtt_us : 0,
				      .slow_start = c->cwnd < x->ssthresh})) {
		x->ssthresh = c->cwnd;
		tcp_cwnd_note(t, c);
	}
}

static void grow(struct tcp_conn *c, uint32_t acked, int64_t now)
{
	if (!(c->flags & TCPF_CWND_LIMITED))
		return;
	if (c->cwnd < tcp_ssthresh(c)) { /* slow start, RFC 5681 3.1 */
		uint32_t to = c->cwnd + acked;

		if (to <= tcp_ssthresh(c)) {
			c->cwnd = to;
			return;
		}
		acked = to - tcp_ssthresh(c);
		c->cwnd = tcp_ssthresh(c);
	}
	if (c->busy->ext)
		c->cwnd = c->cfg->cc->grow(&c->busy->ext->cc, c->cwnd, acked, c->srtt_us, now);
}

/* RFC 6937: as much is sent as is delivered, until the window has come down to the threshold. */
static void prr(struct tcp_conn *c, uint32_t delivered, bool advanced, bool newly_lost)
{
	struct tcp_ext *x = c->busy->ext;
	uint32_t pipe = out_flight(c);
	int64_t n;

	if (!delivered || !x->prior_cwnd)
		return;
	x->prr_delivered += delivered;
	if (pipe > tcp_ssthresh(c)) {
		n = ((int64_t)tcp_ssthresh(c) * x->prr_delivered + x->prior_cwnd - 1) / x->prior_cwnd -
		    x->prr_out;
	} else {
		int64_t room = tcp_ssthresh(c) - pipe;

		n = (int64_t)x->prr_delivered - x->prr_out;
		if (n < delivered)
			n = delivered;
		if (advanced && !newly_lost)
			n++;
		if (n > room)
			n = room;
	}
	if (n < (x->prr_out ? 0 : 1)) /* the first retransmission always goes */
		n = x->prr_out ? 0 : 1;
	c->cwnd = pipe + (uint32_t)n;
}

/* ---- marking ------------------------------------------------------------------------------------------------ */

void rtx_mark_lost(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g)
{
	struct tcp_ext *x = tcp_ext(t, c);

	if (g->flags & SG_SACKED)
		return;
	if (g->flags & SG_RETRANS) {
		g->flags &= (uint8_t)~SG_RETRANS;
		x->retrans_out--;
	}
	if (!(g->flags & SG_LOST)) {
		g->flags |= SG_LOST;
		x->lost_out++;
	}
}

static void unmark(struct tcp_conn *c, struct tcp_sg *g)
{
	struct tcp_ext *x = ext_if(c);

	if (!x)
		return;
	if (g->flags & SG_SACKED)
		x->sacked_out--;
	if (g->flags & SG_LOST)
		x->lost_out--;
	if (g->flags & SG_RETRANS)
		x->retrans_out--;
	g->flags &= (uint8_t) ~(SG_SACKED | SG_LOST | SG_RETRANS);
}

void unmark_lost(struct tcp_conn *c)
{
	for (struct tcp_sg *g = c->busy->tx; g && g != tx_next(c); g = g->next)
		if (g->flags & SG_LOST) {
			g->flags &= (uint8_t)~SG_LOST;
			c->busy->ext->lost_out--;
		}
}

/* ---- acknowledgements ---------------------------------------------------------------------------------------- */

/* SND.UNA advances: whole segments leave the queue, the first may be cut. */
static void clean(struct tcp *t, struct tcp_conn *c, uint32_t ack, struct acked *a, int64_t now)
{
	int64_t first_ns = 0, last_ns = 0;
	bool again = false;

	while (c->busy->tx && c->busy->tx != tx_next(c) && seq_le(sg_end(c->busy->tx), ack)) {
		struct tcp_sg *g = c->busy->tx;

		if (!(g->flags & SG_SACKED)) {
			a->segments++;
			if (g->flags & SG_EVER_RETRANS) {
				again = true;
			} else {
				if (!first_ns)
					first_ns = g->sent_ns + 1;
				last_ns = g->sent_ns;
				if (c->busy->ext && seq_le(sg_end(g), c->busy->ext->high_seq))
					a->original = true;
				if (c->busy->ext)
					rack_overtaken(c, g->seq, a->fack);
			}
			rack_delivered(c, g, now);
		}
		unmark(c, g);
		(void)tx_pop(c->busy);
		c->busy->packets_out--;
		sg_free(t, g);
	}
	if (again && !(c->flags & TCPF_SACK)) /* nothing tells which of the copies brought it */
		a->original = false;
	/* Karn: nothing is learnt from an ACK that covers a retransmission; what came before it may have waited for it */
	if (first_ns && !again) {
		a->rtt_us = (uint32_t)((now - first_ns + 1) / 1000) + 1;
		if (!a->cc_rtt_us)
			a->cc_rtt_us = (uint32_t)((now - last_ns) / 1000) + 1;
	}
	if (c->busy->tx && c->busy->tx != tx_next(c) && c->busy->tx->len && seq_lt(c->busy->tx->seq, ack))
		sg_trim(t, c->busy->tx, ack - c->busy->tx->seq);
	tcp_acked(c, ack);
	if (c->busy->ext) {
		if (seq_lt(c->busy->ext->fack, ack))
			c->busy->ext->fack = ack;
		c->busy->ext->retrans_ns = 0; /* progress: patience starts anew */
	}
}

/* RFC 2018: marks what the blocks cover. Blocks outside what is outstanding are ignored (or are D-SACK). */
static void sack(struct tcp *t, struct tcp_conn *c, const struct pkt *p, struct acked *a, int64_t now)
{
	struct tcp_ext *x = tcp_ext(t, c);

	for (uint32_t i = 0; i < p->sack->n; i++) {
		uint32_t left = p->sack->block[i].left, right = p->sack->block[i].right;

		if (i == 0 &&
			(seq_le(right, p->ack) || (p->sack->n > 1 && seq_le(p->sack->block[1].left, left) &&
							  seq_le(right, p->sack->block[1].right)))) {
			a->dsack = true;
			a->dsack_tlp = x->tlp_sent == 2 && right == x->tlp_high_seq;
			rack_dsack(c, a);
			undo_dsack(c, right);
			continue;
		}
		if (!seq_lt(left, right) || seq_lt(tcp_snd_nxt(c), right) || seq_le(left, c->snd_una))
			continue;
		for (struct tcp_sg *g = c->busy->tx; g && g != tx_next(c) && seq_lt(g->seq, right);
			g = g->next) {
			if ((g->flags & SG_SACKED) || seq_lt(g->seq, left) || seq_lt(right, sg_end(g)))
				continue;
			if (!(g->flags & SG_EVER_RETRANS)) {
				rack_overtaken(c, g->seq, a->fack);
				if (seq_le(sg_end(g), x->high_seq))
					a->original = true;
				a->rtt_us = a->cc_rtt_us = (uint32_t)((now - g->sent_ns) / 1000) + 1;
			}
			rack_delivered(c, g, now);
			unmark(c, g);
			g->flags |= SG_SACKED;
			x->sacked_out++;
			a->segments++;
			a->newly_sacked = true;
			if (seq_lt(x->fack, sg_end(g)))
				x->fack = sg_end(g);
		}
	}
}

/*
 * The tail loss probe's story ends (RFC 8985 7.4.2). An acknowledgement of no more than the probe may be the original's; only what
 * comes next tells: a duplicate, so both arrived, or the acknowledgement of more, so one was lost.
 */
static void tlp_ended(struct tcp *t, struct tcp_conn *c, const struct pkt *p, const struct acked *a)
{
	struct tcp_ext *x = ext_if(c);

	if (!x || !x->tlp_sent || seq_lt(p->ack, x->tlp_high_seq))
		return;
	if (x->tlp_sent == 1 || a->dsack_tlp || (a->dup && !a->newly_sacked)) {
		x->tlp_sent = 0;
	} else if (seq_lt(x->tlp_high_seq, p->ack)) { /* the probe repaired a loss: that was congestion */
		if (x->ca < CA_RECOVERY) {
			reduce(t, c);
			x->undo = 0;
			c->cwnd = tcp_ssthresh(c);
			tcp_cwnd_note(t, c);
		}
		x->tlp_sent = 0;
	}
}

static void enter_recovery(struct tcp *t, struct tcp_conn *c)
{
	if (tcp_ext(t, c)->ca >= CA_RECOVERY)
		return;
	reduce(t, c);
	set_ca(t, c, CA_RECOVERY);
}

/* Without SACK, duplicate ACKs stand for segments that arrived (RFC 5681 3.2, RFC 6582). */
static void reno_dupacks(struct tcp *t, struct tcp_conn *c, struct acked *a, bool dup)
{
	struct tcp_ext *x = ext_if(c);

	if (c->flags & TCPF_SACK)
		return;
	if (a->advanced && x) { /* the hole itself, then as many as duplicates had told of */
		uint32_t told = a->segments > 1 ? a->segments - 1 : 0;

		a->delivered = a->segments > x->sacked_out + 1u ? a->segments - x->sacked_out : 1;
		x->sacked_out = (uint16_t)(x->sacked_out > told ? x->sacked_out - told : 0);
		if (x->sacked_out >= c->busy->packets_out)
			x->sacked_out = c->busy->packets_out ? (uint16_t)(c->busy->packets_out - 1) : 0;
		if (x->ca == CA_RECOVERY && seq_lt(c->snd_una, x->high_seq) && c->busy->tx &&
			c->busy->tx != tx_next(c))
			rtx_mark_lost(t, c, c->busy->tx); /* partial acknowledgement: the next hole */
	} else if (dup) {
		x = tcp_ext(t, c);
		a->delivered = 1;
		if (x->sacked_out + x->lost_out < c->busy->packets_out)
			x->sacked_out++;
		if (tx_dupacks(c) >= DUP_THRESH && x->ca < CA_RECOVERY)
			rtx_mark_lost(t, c, c->busy->tx);
	}
}

/* Which phase are we in after this acknowledgement? */
static void phase(struct tcp *t, struct tcp_conn *c, struct acked *a, int64_t now)
{
	struct tcp_ext *x = ext_if(c);

	if (!x) {
		if (a->advanced)
			grow(c, a->segments, now);
		return;
	}
	if (x->ca == CA_LOSS)
		frto_ack(t, c, a);
	if (x->ca == CA_RECOVERY && a->advanced && a->late && x->undo && seq_lt(c->snd_una, x->high_seq))
		rack_overtaken(c, x->undo_una, x->fack); /* the hole was filled by what was only late */
	if (x->ca == CA_RECOVERY && a->advanced && a->late && !x->retrans_out && undo_try(t, c, a, true))
		set_ca(t, c, x->sacked_out ? CA_DISORDER : CA_OPEN); /* Linux tcp_try_undo_partial */
	if (x->ca >= CA_RECOVERY && seq_le(x->high_seq, c->snd_una)) {
		bool counted = x->ca == CA_RECOVERY && !(c->flags & TCPF_SACK);

		if (!undo_try(t, c, a, false)) {
			rack_recovered(x);
			if (x->ca == CA_RECOVERY)
				c->cwnd = tcp_ssthresh(c);
		}
		x->retrans_ns = 0;
		x->prior_cwnd = 0;
		set_ca(t, c, CA_OPEN);
		/* this acknowledgement counts for growth (Linux tcp_cong_control), unless duplicates have */
		if (!x->lost_out && counted)
			return;
	}
	if (x->ca <= CA_RECOVERY && !x->undo_retrans && undo_try(t, c, a, true)) /* all of it was duplicate */
		set_ca(t, c, x->sacked_out ? CA_DISORDER : CA_OPEN);
	if (x->lost_out && x->ca < CA_RECOVERY)
		enter_recovery(t, c);
	if (x->ca == CA_RECOVERY) {
		prr(c, a->delivered, a->advanced, a->newly_lost);
	} else {
		if (x->ca < CA_RECOVERY)
			set_ca(t, c, x->sacked_out ? CA_DISORDER : CA_OPEN);
		if (a->advanced || (a->newly_sacked && x->reord == REORD_FAR))
			grow(c, a->segments, now);
	}
}

/* RFC 7323 4.1: when no segment gave a sample, the echoed timestamp does. 0: it does not either. */
static COLD uint32_t rtt_of_echo(
	const struct tcp *t, const struct tcp_conn *c, const struct pkt *p, int64_t now)
{
	if (!(p->opts & PKT_OPT_TS) || !(c->flags & TCPF_TS) || !p->tsecr)
		return 0;
	uint32_t ms = tcp_ts_now(t, c, now) - p->tsecr;

	return ms < 0x7fffffffu ? ms * 1000 + 1 : 0;
}

/* The window is being used. */
static APART void grow_usual(
	struct tcp *t, struct tcp_conn *c, uint32_t segments, int64_t last_ns, int64_t now)
{
	look_at(t, c, &(struct acked){.cc_rtt_us = segments ? (uint32_t)((now - last_ns) / 1000) + 1 : 0},
		now);
	grow(c, segments, now);
}

void rtx_ack_usual(struct tcp *t, struct tcp_conn *c, const struct pkt *p, int64_t now)
{
	struct tcp_busy *b = c->busy;
	struct tcp_sg *g = b->tx, *unsent = g ? g->unsent : NULL;
	const uint32_t ack = p->ack;
	const bool had = b->packets_out > 0;
	uint32_t segments = 0, rtt_us = 0;
	int64_t last_ns = 0;

	/* nothing was sent twice: the first one's time is what Karn's rule leaves, and no flag but SG_SENT matters */
	if (often(g && g != unsent && seq_le(sg_end(g), ack))) {
		rtt_us = (uint32_t)((now - g->sent_ns) / 1000) + 1;
		do {
			last_ns = g->sent_ns;
			segments++;
			(void)tx_pop(b);
			b->packets_out--;
			sg_free(t, g);
			g = b->tx;
		} while (rare(g && g != unsent && seq_le(sg_end(g), ack)));
	}
	if (rare(g && g != unsent && g->len && seq_lt(g->seq, ack)))
		sg_trim(t, g, ack - g->seq);
	tcp_acked(c, ack);
	if (rare(g))
		g->dupacks = 0;
	b->backoff = 0;
	if (rare(!rtt_us))
		rtt_us = rtt_of_echo(t, c, p, now);
	if (often(rtt_us))
		rtt_sample(c, rtt_us - 1);
	if (often(had)) {
		if (c->flags & TCPF_CWND_LIMITED) /* else nobody asks */
			grow_usual(t, c, segments, last_ns, now);
		rtx_arm(c, now);
	}
}

bool rtx_ack(struct tcp *t, struct tcp_conn *c, const struct pkt *p, bool window, int64_t now)
{
	struct acked a = {0};
	bool had = c->busy->packets_out > 0;

	if (!c->busy->ext && !p->sack) {
		if (seq_lt(c->snd_una, p->ack) && t->predict) {
			rtx_ack_usual(t, c, p, now);
			return true;
		}
		if (!had && p->ack == c->snd_una)
			return false;
	}
	/* RFC 5681 2, with Linux's (e): behind text or another window it is an update, whatever it says */
	bool dup = p->ack == c->snd_una && !p->payload_len && !(p->flags & (TCP_SYN | TCP_FIN)) && !window;

	a.advanced = seq_lt(c->snd_una, p->ack);
	a.dup = dup; /* RFC 5681's asks for something outstanding; a tail probe may be answered when all is acknowledged */
	dup = dup && had;
	a.late = undo_late(c, p);
	a.fack = c->busy->ext && c->busy->ext->sacked_out ? c->busy->ext->fack : c->snd_una;
	if (p->sack && (c->flags & TCPF_SACK) && (had || c->busy->ext))
		sack(t, c, p, &a, now);
	if (a.advanced) {
		clean(t, c, p->ack, &a, now);
		if (c->busy->tx)
			c->busy->tx->dupacks = 0;
		if (!a.rtt_us)
			a.rtt_us = rtt_of_echo(t, c, p, now);
		c->busy->backoff = 0;
	} else if (dup && tx_dupacks(c) < UINT8_MAX) {
		c->busy->tx->dupacks++;
	}
	if (a.rtt_us)
		rtt_sample(c, a.rtt_us - 1);
	if (!had) {
		tlp_ended(t, c, p, &a);
		if (a.dsack && !c->busy->ext->undo_retrans) /* all that was sent again had arrived */
			undo_try(t, c, &a, false);
		return a.advanced;
	}
	look_at(t, c, &a, now);
	a.delivered = a.segments;
	tlp_ended(t, c, p, &a);
	reno_dupacks(t, c, &a, dup);
	rack_detect(t, c, &a, now);
	phase(t, c, &a, now);
	if (a.advanced || a.newly_sacked || a.newly_lost)
		rtx_arm(c, now);
	return a.advanced;
}

/* ---- timers -------------------------------------------------------------------------------------------------- */

int64_t rto_ns(const struct tcp_conn *c)
{
	int64_t rto = tcp_rto_ns(c);

	for (unsigned i = 0; i < c->busy->backoff && rto < c->cfg->rto_max_ns; i++)
		rto *= 2;
	return rto < c->cfg->rto_max_ns ? rto : c->cfg->rto_max_ns;
}

static bool tlp_possible(const struct tcp_conn *c)
{
	const struct tcp_ext *x = c->busy->ext;

	return c->cfg->tail_loss_probe && (c->flags & TCPF_SACK) && c->state >= TCP_ESTABLISHED &&
	       !c->busy->backoff &&
	       (!x || (x->ca == CA_OPEN && !x->sacked_out && !x->lost_out && !x->tlp_sent));
}

/* (Re)starts the timer from now: RFC 6298 5.1, 5.3; the probe's when it is sooner (RFC 8985 7.2). */
inline void rtx_start(struct tcp_conn *c, int64_t now)
{
	struct tcp_busy *b = c->busy;
	int64_t at_ns = now + (rare(b->backoff) ? rto_ns(c) : tcp_rto_ns(c)), probe_ns;

	if (tlp_possible(c)) {
		probe_ns = now + (!c->srtt_us ? c->cfg->rto_initial_ns
					      : 2ll * c->srtt_us * NS_PER_US +
							 (b->packets_out == 1 ? c->cfg->rto_min_ns
									      : 2 * NS_PER_MS));
		at_ns = probe_ns < at_ns ? probe_ns : at_ns;
		c->flags |= TCPF_TLP;
	}
	b->rtx_ns = at_ns;
}

/* New data was sent. */
inline void rtx_sent(struct tcp_conn *c, struct tcp_sg *g, int64_t now)
{
	struct tcp_busy *b = c->busy;

	g->flags |= SG_SENT;
	g->sent_ns = now;
	if (rare(b->ext)) {
		g->order = ++b->ext->tx_order;
		if (!b->packets_out && c->cfg->cc->idled)
			c->cfg->cc->idled(&b->ext->cc, now - c->sent_ns, now);
	}
	b->packets_out++;
	b->flight = sg_end(g) - c->snd_una;
	if (b->packets_out == 1 || (c->flags & (TCPF_TLP | TCPF_PERSIST)))
		rtx_arm(c, now);
}

struct tcp_sg *rtx_next(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = ext_if(c);

	(void)t;
	if (!x || x->lost_out <= x->retrans_out || x->frto == 2 || out_flight(c) >= c->cwnd)
		return NULL;
	for (struct tcp_sg *g = c->busy->tx; g && g != tx_next(c); g = g->next)
		if ((g->flags & SG_LOST) && !(g->flags & SG_RETRANS))
			return g;
	return NULL;
}

void rtx_split(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, uint32_t len)
{
	struct tcp_ext *x = tcp_ext(t, c);

	sg_split(t, c, g, len);
	c->busy->packets_out++;
	if (g->flags & SG_LOST)
		x->lost_out++;
	if (g->flags & SG_RETRANS)
		x->retrans_out++;
}

/* Linux tcp_retrans_try_collapse: what fits into one segment is not sent again in several. */
void rtx_collapse(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, uint32_t max)
{
	struct tcp_sg *n;

	if ((g->flags & (SG_SYN | SG_FIN)) || !g->len)
		return;
	while ((n = g->next) && n != tx_next(c) && !(n->flags & SG_SACKED) && g->len + n->len <= max &&
		g->nslices + n->nslices < UINT8_MAX) {
		unmark(c, n);
		for (unsigned i = 0; i < n->nslices; i++) {
			struct slice s = *slicev_at(&n->data, i);

			blob_ref(s.blob);
			slicev_add(t->net, &g->data, &g->nslices, s);
		}
		g->len += n->len;
		g->flags |= n->flags & (SG_PSH | SG_FIN | SG_EVER_RETRANS);
		g->next = n->next;
		if (c->busy->tx->tail == n)
			c->busy->tx->tail = g;
		sg_free(t, n);
		c->busy->packets_out--;
		if (c->busy->ext && !(c->flags & TCPF_SACK) &&
			c->busy->ext->sacked_out >= c->busy->packets_out)
			c->busy->ext->sacked_out = (uint16_t)(c->busy->packets_out - 1);
		if (g->flags & SG_FIN)
			return;
	}
}

void rtx_resent(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, int64_t now)
{
	struct tcp_ext *x = tcp_ext(t, c);

	g->flags |= SG_EVER_RETRANS;
	if (g->flags & SG_LOST) {
		g->flags |= SG_RETRANS;
		x->retrans_out++;
		x->prr_out++;
	}
	g->sent_ns = now;
	g->order = ++x->tx_order;
	undo_resent(t, c, now);
	if (!x->retrans_ns)
		x->retrans_ns = now;
	if (g == c->busy->tx || c->busy->rtx_ns == TIME_NEVER) {
		c->flags &= ~(TCPF_TLP | TCPF_PERSIST);
		c->busy->rtx_ns = now + rto_ns(c);
	}
}

/* How long a peer may be silent; nobody waits for what an application that has closed left behind (Linux tcp_orphan_retries). */
static bool too_long(const struct tcp_conn *c, int64_t silent_ns)
{
	const struct tcp_cfg *f = c->cfg;

	if (!(c->flags & TCPF_DETACHED))
		return silent_ns >= f->give_up_ns;
	return silent_ns >= f->orphan_give_up_ns || rto_ns(c) >= f->rto_max_ns;
}

/* Linux tcp_write_timeout: how long, how often. */
static bool given_up(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	const struct tcp_ext *x = c->busy->ext;
	enum trace_reason why = REASON_TCP_RETRIES;
	bool over;

	if (c->state == TCP_SYN_SENT) {
		over = c->busy->backoff >= c->cfg->syn_retries;
		why = REASON_TCP_SYN_RETRIES;
	} else if (c->state == TCP_SYN_RECEIVED) {
		over = c->busy->backoff >= c->cfg->synack_retries;
	} else {
		over = x && x->retrans_ns && c->busy->backoff && too_long(c, now - x->retrans_ns);
	}
	if (!over)
		return false;
	int64_t since = x && x->retrans_ns ? now - x->retrans_ns : now - c->sent_ns;

	tcp_because(c, tcp_note(t, c,
			       &(struct tcp_note){.kind = TRACE_TCP_GIVE_UP,
				       .reason = why,
				       .cause = tcp_cause(c),
				       .a = since}));
	tcp_done(t, c, EVT_TIMEOUT, why);
	return true;
}

/* RFC 6298 5.4 .. 5.7 and RFC 5681 3.1: all that is not selectively acknowledged is lost, the window is one. */
static void on_rto(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	struct tcp_ext *x;
	int64_t waited = c->busy->tx ? now - c->busy->tx->sent_ns : 0, rack_ns;

	if (given_up(t, c, now))
		return;
	x = tcp_ext(t, c);
	x->frto = x->ca < CA_RECOVERY || c->busy->backoff;
	if (x->ca < CA_RECOVERY || seq_le(x->high_seq, c->snd_una) || (x->ca == CA_LOSS && !c->busy->backoff))
		reduce(t, c);
	x->high_seq = tcp_snd_nxt(c);
	x->tlp_sent = 0;
	x->reo_ns = TIME_NEVER;
	rack_ns = (x->rack_ns ? x->rack_rtt_us : c->srtt_us) * NS_PER_US;
	/* the head reported and yet not acknowledged: the receiver took it back (RFC 2018 8) */
	bool reneged = c->busy->tx && c->busy->tx != tx_next(c) && (c->busy->tx->flags & SG_SACKED);

	for (struct tcp_sg *g = c->busy->tx; g && g != tx_next(c); g = g->next) {
		if (reneged && (g->flags & SG_SACKED)) {
			g->flags &= (uint8_t)~SG_SACKED;
			x->sacked_out--;
		} else if (g != c->busy->tx && now - g->sent_ns < rack_ns) {
			continue; /* RFC 8985 6.3: sent a moment ago */
		}
		rtx_mark_lost(t, c, g);
	}
	if (!(c->flags & TCPF_SACK))
		x->sacked_out = 0;
	if (c->busy->tx)
		c->busy->tx->dupacks = 0;
	if (c->busy->backoff < UINT8_MAX)
		c->busy->backoff++;
	c->cfg->cc->restart(&x->cc);
	c->cwnd = out_flight(c) + 1;
	c->flags |= TCPF_CWND_LIMITED;
	tcp_because(c, tcp_note(t, c,
			       &(struct tcp_note){.kind = TRACE_TCP_RTO,
				       .cause = c->busy->tx ? c->busy->tx->cause : tcp_cause(c),
				       .a = waited,
				       .b = c->busy->backoff}));
	set_ca(t, c, CA_LOSS);
	c->busy->rtx_ns = now + rto_ns(c);
	c->flags &= ~TCPF_TLP;
}

/* The window is closed, or too small for what waits, and nothing is in flight (RFC 9293 3.8.6.1). */
static void on_persist(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	if (c->busy->backoff &&
		too_long(c, c->busy->probes ? now - c->rcvd_ns : 0)) { /* no probe was answered */
		tcp_because(c, tcp_note(t, c,
				       &(struct tcp_note){.kind = TRACE_TCP_GIVE_UP,
					       .reason = REASON_TCP_RETRIES,
					       .cause = tcp_cause(c),
					       .a = now - c->rcvd_ns}));
		tcp_done(t, c, EVT_TIMEOUT, REASON_TCP_RETRIES);
		return;
	}
	c->flags |= TCPF_PROBE_DUE;
	if (c->busy->backoff < UINT8_MAX)
		c->busy->backoff++;
	if (c->busy->probes < UINT8_MAX)
		c->busy->probes++;
	c->busy->rtx_ns = now + rto_ns(c);
}

void rtx_timer(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	if (c->flags & TCPF_PERSIST) {
		on_persist(t, c, now);
	} else if (c->flags & TCPF_TLP) {
		struct tcp_ext *x = tcp_ext(t, c);

		c->flags &= ~TCPF_TLP;
		c->flags |= TCPF_TLP_DUE;
		x->tlp_high_seq = tcp_snd_nxt(c);
		c->busy->rtx_ns = now + rto_ns(c);
	} else if (c->busy->packets_out) {
		on_rto(t, c, now);
	} else {
		c->busy->rtx_ns = TIME_NEVER;
	}
}

/* RACK's reordering timer: what was held back a little is lost by now. */
void rack_timer(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	struct acked a = {0};

	rack_detect(t, c, &a, now);
	if (a.newly_lost) {
		enter_recovery(t, c);
		prr(c, 1, false, true);
		rtx_arm(c, now);
	}
}
