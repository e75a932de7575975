/* The send queue's nodes: making, splitting and trimming runs of payload without copying. See tcp_int.h. */
#include "sim/tcp/tcp_int.h"

#include <string.h>

inline struct tcp_sg *sg_new(struct tcp *t, struct tcp_conn *c, unsigned flags)
{
	struct tcp_busy *b = tcp_begin(t, c);
	struct tcp_sg *g = pool_get(t->sgs);

	g->next = NULL; /* field by field: without slices nobody looks at `data` */
	g->seq = c->snd_una + b->queued;
	g->len = 0;
	g->sent_ns = 0;
	g->cause = t->w->cause ? t->w->cause : tcp_cause(c);
	g->flags = (uint8_t)flags;
	g->nslices = g->more = g->dupacks = 0;
	g->order = 0;
	if (!b->tx) {
		g->tail = g->unsent = g;
		b->tx = g;
		return g;
	}
	b->tx->tail->next = g;
	b->tx->tail = g;
	if (!b->tx->unsent)
		b->tx->unsent = g;
	return g;
}

inline void sg_free(struct tcp *t, struct tcp_sg *g)
{
	slicev_free(t->net, &g->data, g->nslices);
	pool_put(t->sgs, g);
}

/* Appends references to the octets `off .. off+len` of one vector to another. */
static void copy_range(struct net *n, struct slicev *to, uint8_t *to_n, struct slicev *from, unsigned from_n,
	uint32_t off, uint32_t len)
{
	for (unsigned i = 0; i < from_n && len; i++) {
		struct slice s = *slicev_at(from, i);

		if (off >= s.len) {
			off -= s.len;
			continue;
		}
		s.off += off;
		s.len -= off;
		off = 0;
		if (s.len > len)
			s.len = len;
		len -= s.len;
		blob_ref(s.blob);
		slicev_add(n, to, to_n, s);
	}
}

void slicev_trim(struct net *n, struct slicev *v, uint8_t *n_slices, uint32_t len)
{
	struct slicev rest = {0};
	uint8_t rest_n = 0;

	if (*n_slices && v->s[0].len > len) { /* the usual case */
		v->s[0].off += len;
		v->s[0].len -= len;
		return;
	}
	copy_range(n, &rest, &rest_n, v, *n_slices, len, UINT32_MAX);
	slicev_free(n, v, *n_slices);
	*v = rest;
	*n_slices = rest_n;
}

void slicev_cut(struct net *n, struct slicev *v, uint8_t *n_slices, uint32_t len)
{
	struct slicev head = {0};
	uint8_t head_n = 0;

	if (*n_slices == 1 && len > 0) {
		v->s[0].len = len;
		return;
	}
	copy_range(n, &head, &head_n, v, *n_slices, 0, len);
	slicev_free(n, v, *n_slices);
	*v = head;
	*n_slices = head_n;
}

void sg_split(struct tcp *t, struct tcp_conn *c, struct tcp_sg *g, uint32_t len)
{
	struct tcp_sg *r = pool_get(t->sgs);

	assert(len > 0 && len < g->len && !(g->flags & SG_SYN));
	memset(r, 0, sizeof *r);
	r->next = g->next;
	r->seq = g->seq + len;
	r->len = g->len - len;
	r->sent_ns = g->sent_ns;
	r->order = g->order;
	r->cause = g->cause;
	r->flags = g->flags;
	r->more = g->more;
	copy_range(t->net, &r->data, &r->nslices, &g->data, g->nslices, len, r->len);
	slicev_cut(t->net, &g->data, &g->nslices, len);
	g->len = len;
	g->flags &= (uint8_t) ~(SG_FIN | SG_PSH);
	g->more = 0;
	g->next = r;
	if (c->busy->tx->tail == g)
		c->busy->tx->tail = r;
}

void sg_trim(struct tcp *t, struct tcp_sg *g, uint32_t len)
{
	assert(len < g->len || (len == g->len && (g->flags & SG_FIN))); /* the FIN alone may remain */
	slicev_trim(t->net, &g->data, &g->nslices, len);
	g->seq += len;
	g->len -= len;
}
