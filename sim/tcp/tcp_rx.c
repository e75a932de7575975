/*
 * Receiving: data in order goes to the application, data ahead of a gap is kept and reported by SACK, duplicates
 * are reported by D-SACK (RFC 2018, RFC 2883); the window announced never moves back (RFC 9293 3.8.6.2).
 */
#include "sim/tcp/tcp_int.h"

#include <string.h>

/* ---- the window -------------------------------------------------------------------------------------------- */

uint32_t rx_window_small(const struct tcp_conn *c, uint32_t used)
{
	uint32_t room = used < c->rcv_window ? c->rcv_window - used : 0;

	/* silly window avoidance: nothing small, once the buffer is more than half full */
	if (room < c->rcv_window / 2 && (room < c->rcv_window / 16 || room < c->rcv_mss))
		room = 0;
	return rx_window_fit(c, room);
}

/* ---- taking ------------------------------------------------------------------------------------------------ */

static void rx_push(struct tcp *t, struct tcp_conn *c, struct slice owned, uint64_t cause)
{
	struct tcp_rx *r = pool_get(t->rxs);

	r->next = NULL;
	r->cause = cause;
	r->s = owned;
	r->bytes = 0;
	if (c->busy->rx)
		c->busy->rx->tail->next = r;
	else
		tcp_begin(t, c)->rx = r;
	c->busy->rx->tail = r;
	c->busy->rx->bytes += owned.len;
}

/* Moves a vector's slices to the queue. */
static void rx_push_all(struct tcp *t, struct tcp_conn *c, struct slicev *v, uint8_t *n, uint64_t cause)
{
	for (unsigned i = 0; i < *n; i++) {
		struct slice *s = slicev_at(v, i);

		rx_push(t, c, *s, cause);
		s->blob = NULL;
	}
	slicev_free(t->net, v, *n);
	*n = 0;
}

bool rx_take(struct tcp *t, struct tcp_conn *c, struct tcp_out *out)
{
	struct tcp_rx *r = c->busy->rx;

	if (!r || (c->flags & TCPF_PAUSED))
		return false;
	c->busy->rx = r->next;
	if (c->busy->rx) {
		c->busy->rx->tail = r->tail;
		c->busy->rx->bytes = r->bytes - r->s.len;
	}
	out->kind = TCP_OUT_DATA;
	out->data = r->s;
	out->cause = r->cause;
	pool_put(t->rxs, r);
	ack_after_reading(c);
	return true;
}

void rx_free(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_out out;

	c->flags &= ~TCPF_PAUSED;
	while (rx_take(t, c, &out))
		blob_unref(out.data.blob);
	while (c->busy->ext && c->busy->ext->ooo) {
		struct tcp_ooo *o = c->busy->ext->ooo;

		c->busy->ext->ooo = o->next;
		slicev_free(t->net, &o->data, o->nslices);
		pool_put(t->ooos, o);
	}
	if (c->busy->ext)
		c->busy->ext->ooo_n = 0, c->busy->ext->ooo_bytes = 0;
}

/* The application reads again: is the wider window worth a segment? (RFC 9293 3.8.6.2.2) */
inline void rx_read(struct tcp *t, struct tcp_conn *c, int64_t now)
{
	uint32_t held = seq_lt(c->rcv_nxt, c->rcv_adv) ? c->rcv_adv - c->rcv_nxt : 0, room;
	uint32_t unit = 1u << c->rcv_wscale;

	(void)t;
	(void)now;
	if (often(held >= unit &&
		    2 * held >= c->rcv_window + unit)) /* more is left than half of what could be offered */
		return;
	room = rx_window(c);
	if (c->flags & (TCPF_FIN_RCVD | TCPF_PAUSED))
		return;
	if (room > held && room >= 2 * held && (2 * held <= c->rcv_window || (c->flags & TCPF_ZERO_WND)))
		ack_now(c);
}

/* ---- data ahead of a gap ------------------------------------------------------------------------------------ */

void rx_dsack(struct tcp *t, struct tcp_conn *c, uint32_t left, uint32_t right)
{
	struct tcp_ext *x;

	if (!(c->flags & TCPF_SACK))
		return;
	x = tcp_ext(t, c);
	x->dsack_left = left;
	x->dsack_right = right;
}

#define OOO_MAX 4096 /* segments kept per connection */

/* Keeps a segment. What overlaps with a neighbour is cut off it; what is there already is reported. */
static void ooo_insert(struct tcp *t, struct tcp_conn *c, struct pkt *p, uint32_t seq, bool fin)
{
	struct tcp_ext *x = tcp_ext(t, c);
	struct tcp_ooo **at = &x->ooo, *o;
	uint32_t end = seq + p->payload_len;

	while (*at && seq_le((*at)->seq + (*at)->len, seq) && !((*at)->seq == seq && (*at)->len == 0))
		at = &(*at)->next;
	if (*at && seq_le((*at)->seq, seq)) { /* the head is there already */
		uint32_t have = (*at)->seq + (*at)->len;

		(*at)->stamp = ++x->ooo_stamp;
		if (seq_le(end, have)) {
			rx_dsack(t, c, seq, end);
			return;
		}
		slicev_trim(t->net, &p->data, &p->nslices, have - seq);
		seq = have;
		at = &(*at)->next;
	}
	while (*at && p->payload_len && seq_lt((*at)->seq, end)) { /* later ones that it covers or touches */
		o = *at;
		if (seq_lt(end, o->seq + o->len)) {
			end = o->seq;
			slicev_cut(t->net, &p->data, &p->nslices, end - seq);
			fin = false;
			break;
		}
		*at = o->next;
		fin = fin || (o->fin && o->seq + o->len == end);
		x->ooo_bytes -= o->len;
		x->ooo_n--;
		slicev_free(t->net, &o->data, o->nslices);
		pool_put(t->ooos, o);
	}
	if (x->ooo_n >= OOO_MAX || (seq == end && !fin))
		return;
	o = pool_get(t->ooos);
	*o = (struct tcp_ooo){*at, seq, end - seq, tcp_cause(c), ++x->ooo_stamp, fin, p->nslices, p->data};
	p->nslices = 0; /* moved */
	*at = o;
	x->ooo_n++;
	x->ooo_bytes += o->len;
	tcp_note(t, c,
		&(struct tcp_note){.kind = TRACE_TCP_OUT_OF_ORDER,
			.cause = tcp_cause(c),
			.seq = seq,
			.len = end - seq,
			.in = true,
			.reason = REASON_WAIT_LINE});
}

/* The gap may be closed: what follows in order goes to the application. */
static void ooo_drain(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = c->busy->ext;

	while (x->ooo && ((c->flags & TCPF_FIN_RCVD) || seq_le(x->ooo->seq, c->rcv_nxt))) {
		struct tcp_ooo *o =
			x->ooo; /* beyond a FIN nothing counts: a peer that sends it breaks the protocol */
		uint32_t past = c->rcv_nxt - o->seq;

		x->ooo = o->next;
		x->ooo_n--;
		x->ooo_bytes -= o->len;
		if (!(c->flags & TCPF_FIN_RCVD) && past < o->len) {
			if (past)
				slicev_trim(t->net, &o->data, &o->nslices, past);
			rx_next(t, c, o->len - past);
			rx_push_all(t, c, &o->data, &o->nslices, tcp_cause(c));
		} else {
			slicev_free(t->net, &o->data, o->nslices);
		}
		if (o->fin && !(c->flags & TCPF_FIN_RCVD) && c->rcv_nxt == o->seq + o->len) {
			rx_next(t, c, 1);
			c->flags |= TCPF_FIN_RCVD;
			c->flags |= EVT_EOF;
		}
		pool_put(t->ooos, o);
	}
}

/* Neighbouring kept segments are one block; the newest block first, then as many as fit (RFC 2018 4). */
unsigned rx_sack_blocks(const struct tcp_conn *c, struct pkt_sack *out, unsigned max)
{
	const struct tcp_ext *x = c->busy->ext;
	uint32_t stamp[4] = {0};
	unsigned n = 0;

	out->n = 0;
	if (!x)
		return 0;
	if (x->dsack_left != x->dsack_right) {
		out->block[0].left = x->dsack_left;
		out->block[0].right = x->dsack_right;
		n = 1;
	}
	unsigned first = n;

	for (const struct tcp_ooo *o = x->ooo; o;) {
		uint32_t left = o->seq, right = o->seq, newest = 0;
		unsigned i;

		for (; o && o->seq == right; o = o->next) {
			right += o->len + o->fin;
			newest = o->stamp > newest ? o->stamp : newest;
		}
		for (i = n; i > first && stamp[i - 1] < newest; i--)
			if (i < max) {
				out->block[i] = out->block[i - 1];
				stamp[i] = stamp[i - 1];
			}
		if (i < max) {
			out->block[i].left = left;
			out->block[i].right = right;
			stamp[i] = newest;
			if (n < max)
				n++;
		}
	}
	out->n = n;
	return n;
}

/* ---- a segment's text (RFC 9293 3.10.7.4, seventh and eighth) ------------------------------------------------ */

/* Up to what the buffer holds the window grows with every segment; beyond, the buffer itself does, for an application
 * that reads. */
static inline void grow_window(struct tcp_conn *c, const struct pkt *p)
{
	bool first = c->rcv_window < c->cfg->rcv_buffer_bytes;

	if (c->rcv_window >= c->cfg->rcv_window_max_bytes ||
		(first ? p->payload_len < 128 : p->payload_len < c->snd_mss / 2 || rx_bytes(c)))
		return;
	c->rcv_window += 2u * (c->cfg->mss - (c->flags & TCPF_TS ? 12u : 0u)); /* text of two full segments */
	if (first && c->rcv_window > c->cfg->rcv_buffer_bytes)
		c->rcv_window = c->cfg->rcv_buffer_bytes;
	if (c->rcv_window > c->cfg->rcv_window_max_bytes)
		c->rcv_window = c->cfg->rcv_window_max_bytes;
	if (first)
		c->quick |= 1; /* Linux tcp_grow_window: the peer is to hear of it */
}

/* Linux tcp_fin: the answer to the peer's end may wait for ours to ride on, but not if ours is under way. */
static void fin_arrived(struct tcp_conn *c)
{
	if (c->state <= TCP_ESTABLISHED) {
		c->flags |= TCPF_ACK_PENDING;
		c->pingpong = 1;
	} else {
		ack_now(c);
	}
}

inline void rx_in_order(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now)
{
	ack_data_received(c, p, now);
	grow_window(c, p);
	rx_next(t, c, p->payload_len);
	if (rare(p->nslices))
		rx_push_all(t, c, &p->data, &p->nslices, tcp_cause(c));
	ack_after_data(t, c, now, false);
}

void rx_data(struct tcp *t, struct tcp_conn *c, struct pkt *p, int64_t now)
{
	bool fin = p->flags & TCP_FIN;
	uint32_t seq = p->seq, end = seq + p->payload_len, edge = c->rcv_adv;
	bool gap;

	if (seq_lt(seq, c->rcv_nxt)) { /* some of it is old */
		uint32_t old = c->rcv_nxt - seq;

		if (old > p->payload_len || (old == p->payload_len && !fin)) {
			if (p->payload_len)
				rx_dsack(t, c, seq, end);
			ack_quick_again(c);
			ack_now(c);
			return;
		}
		rx_dsack(t, c, seq, c->rcv_nxt);
		if (old == p->payload_len)
			slicev_free(t->net, &p->data, p->nslices), p->nslices = 0;
		else
			slicev_trim(t->net, &p->data, &p->nslices, old);
		seq = c->rcv_nxt;
		p->payload_len = (uint16_t)(end - seq);
		ack_now(c);
	}
	if (seq_lt(edge, end)) { /* some lies beyond the window */
		uint32_t keep = seq_lt(seq, edge) ? edge - seq : 0;

		if (!keep) {
			ack_now(c);
			return;
		}
		slicev_cut(t->net, &p->data, &p->nslices, keep);
		p->payload_len = (uint16_t)keep;
		end = seq + keep;
		fin = false;
		ack_now(c);
	}
	gap = seq != c->rcv_nxt;
	if (gap) {
		/* not later: an ACK that announces another window is no duplicate */
		if ((c->flags & TCPF_SACK) && c->rcv_window < c->cfg->rcv_buffer_bytes)
			grow_window(c, p);
		ooo_insert(t, c, p, seq, fin);
		ack_now(c);
		return;
	}
	if (p->payload_len) {
		ack_data_received(c, p, now);
		grow_window(c, p);
		rx_push_all(t, c, &p->data, &p->nslices, tcp_cause(c));
		rx_next(t, c, p->payload_len);
	}
	if (fin) {
		rx_next(t, c, 1);
		c->flags |= TCPF_FIN_RCVD;
		c->flags |= EVT_EOF;
		fin_arrived(c);
	}
	if (c->busy->ext && c->busy->ext->ooo) {
		ooo_drain(t, c);
		ack_now(c); /* RFC 5681 4.2: at once when a gap is filled, wholly or in part */
	}
	ack_after_data(t, c, now, false);
}
