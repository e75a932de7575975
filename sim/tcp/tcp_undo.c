/*
 * Reductions that were made for nothing are taken back.
 *
 *	F-RTO    after a timeout (RFC 5682 3.1, with SACK): the first segment goes again; when it is acknowledged two new
 *	         ones go instead of the second. If what comes back next acknowledges something that was sent only once,
 *	         nothing was lost but time: the window is restored and nothing more is sent again.
 *	Eifel    an acknowledgement whose timestamp echo is older than the first retransmission answers the original
 *	         (RFC 3522)
 *	D-SACK   the receiver reports each retransmission as a duplicate (RFC 2883, RFC 3708)
 *
 * Restored are window and threshold as they were (RFC 4015 without its pacing of the burst, as Linux). Left out: that
 * the timer becomes more patient afterwards (RFC 4015 3.3), MTU probes.
 */
#include "sim/tcp/tcp_int.h"

/* The window is about to be reduced: what it was, and what has been sent again so far. */
void undo_begin(struct tcp_conn *c)
{
	struct tcp_ext *x = c->busy->ext;

	x->undo = UNDO_ON;
	x->undo_una = c->snd_una;
	x->undo_cwnd = c->cwnd;
	x->undo_ssthresh = tcp_ssthresh(c);
	x->undo_retrans = (int16_t)(x->retrans_out + (x->tlp_sent == 2));
	if (!x->undo_retrans)
		x->undo_retrans = -1;
}

void undo_resent(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	struct tcp_ext *x = c->busy->ext;

	if (!x->undo)
		return;
	if (x->undo_retrans < 0)
		x->undo_retrans = 0;
	if (x->undo_retrans < INT16_MAX)
		x->undo_retrans++;
	if (!(x->undo & UNDO_TS) && (c->flags & TCPF_TS)) {
		x->undo |= UNDO_TS;
		x->undo_ts = tcp_ts_now(t, c, now);
	}
}

void undo_dsack(struct tcp_conn *c, uint32_t right)
{
	struct tcp_ext *x = c->busy->ext;

	if (x->undo && x->undo_retrans > 0 && seq_le(right, c->snd_una) && seq_lt(x->undo_una, right))
		x->undo_retrans--;
}

bool undo_late(const struct tcp_conn *c, const struct pkt *p)
{
	const struct tcp_ext *x = c->busy->ext;

	return x && (x->undo & UNDO_TS) && (p->opts & PKT_OPT_TS) && p->tsecr && seq_lt(p->tsecr, x->undo_ts);
}

static void undo(struct tcp *t, struct tcp_conn *c, bool unmark)
{
	struct tcp_ext *x = c->busy->ext;

	if (unmark)
		unmark_lost(c);
	if (c->cwnd < x->undo_cwnd)
		c->cwnd = x->undo_cwnd;
	if (x->ssthresh < x->undo_ssthresh)
		x->ssthresh = x->undo_ssthresh;
	x->undo = 0;
	x->frto = 0;
	tcp_cwnd_note(t, c);
}

bool undo_try(struct tcp *t, struct tcp_conn *c, const struct acked *a, bool unmark)
{
	struct tcp_ext *x = c->busy->ext;

	if (!x->undo || (x->undo_retrans && !a->late))
		return false;
	undo(t, c, unmark);
	return true;
}

/* Is there new data that the receiver has room for? */
static bool more_to_send(const struct tcp_conn *c)
{
	const struct tcp_sg *g = tx_next(c);
	uint32_t len;

	if (!g)
		return false;
	len = g->len < c->snd_mss ? g->len : c->snd_mss;
	return seq_le(g->seq + len, c->snd_una + c->snd_wnd);
}

static void loss_over(struct tcp *t, struct tcp_conn *c)
{
	c->busy->ext->retrans_ns = 0;
	set_ca(t, c, CA_OPEN);
}

void frto_ack(struct tcp *t, struct tcp_conn *c, const struct acked *a)
{
	struct tcp_ext *x = c->busy->ext;

	if (a->advanced && undo_try(t, c, a, true)) {
		loss_over(t, c);
		return;
	}
	if (!x->frto)
		return;
	if (a->original && x->undo) { /* step 3 (b): not all was lost */
		undo(t, c, true);
		loss_over(t, c);
		return;
	}
	if (seq_lt(x->high_seq, tcp_snd_nxt(c))) { /* new data was sent since */
		x->frto = 1;
		if (a->newly_sacked || a->dup)
			x->frto = 0; /* step 3 (a): the loss was real */
	} else if (a->advanced && seq_lt(c->snd_una, x->high_seq)) {
		x->high_seq = tcp_snd_nxt(c);
		x->frto = more_to_send(c) ? 2 : 0; /* step 2 (b) */
	}
}
