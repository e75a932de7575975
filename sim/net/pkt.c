/* Packets: identity, payload vectors, sizes, words. See pkt.h. */
#include "sim/net/pkt.h"
#include "sim/core/xmalloc.h"

#include <stdio.h>
#include <string.h>

static void net_free(struct world *w, void *ctx)
{
	(void)w;
	net_check(ctx);
	xfree(ctx);
}

struct net *net_new(struct world *w)
{
	struct net *n = xcalloc(1, sizeof *n);

	assert(!w->ext[WORLD_NET]);
	n->w = w;
	n->pkts = world_pool(w, "packets", sizeof(struct pkt), 0);
	n->mores = world_pool(w, "payload slices", sizeof(struct slice_more), 0);
	n->sacks = world_pool(w, "SACK blocks", sizeof(struct pkt_sack), 0);
	w->ext[WORLD_NET] = n;
	world_on_free(w, net_free, n);
	net_handlers(w);
	return n;
}

void net_check(const struct net *n)
{
	assert(n->sent == n->delivered + n->dropped + n->in_flight);
}

/* ---- payload vectors --------------------------------------------------------------------------------------- */

struct slice *slicev_at_more(struct slicev *v, unsigned i)
{
	struct slice_more *m;

	i -= SLICEV_INLINE;
	for (m = v->more; i >= SLICE_MORE; i -= SLICE_MORE)
		m = m->next;
	return &m->s[i];
}

void slicev_add_more(struct net *n, struct slicev *v, uint8_t *n_slices, struct slice owned)
{
	unsigned i = *n_slices;

	assert(i < UINT8_MAX);
	if ((i - SLICEV_INLINE) % SLICE_MORE == 0) {
		struct slice_more **end = &v->more;

		if (i == SLICEV_INLINE)
			v->more = NULL;
		while (*end)
			end = &(*end)->next;
		*end = pool_get(n->mores);
		(*end)->next = NULL;
	}
	*slicev_at(v, i) = owned;
	*n_slices = (uint8_t)(i + 1);
}

void slicev_free_more(struct net *n, struct slicev *v, unsigned n_slices)
{
	n_slices -= SLICEV_INLINE;
	for (struct slice_more *m = v->more, *next; m; m = next) {
		next = m->next;
		for (unsigned i = 0; i < SLICE_MORE && n_slices > 0; i++, n_slices--)
			blob_unref(m->s[i].blob);
		pool_put(n->mores, m);
	}
}

/* ---- packets ----------------------------------------------------------------------------------------------- */

bool pkt_slice(const struct pkt *p, unsigned i, struct slice *out)
{
	if (i >= p->nslices)
		return false;
	if (i < SLICEV_INLINE) {
		*out = p->data.s[i];
	} else {
		const struct slice_more *m = p->data.more;

		for (i -= SLICEV_INLINE; i >= SLICE_MORE; i -= SLICE_MORE)
			m = m->next;
		*out = m->s[i];
	}
	return true;
}

/*
 * Options as Linux writes them, each group a multiple of four octets:
 *   MSS(4) | SACK-permitted(2) TS(10) or NOP NOP TS(10) or NOP NOP SACK-permitted | NOP WS(3) | NOP NOP SACK(2+8n)
 */
unsigned pkt_tcp_header_len(const struct pkt *p)
{
	unsigned n = 20;

	if (p->opts & PKT_OPT_MSS)
		n += 4;
	if (p->opts & PKT_OPT_TS)
		n += 12;
	else if (p->opts & PKT_OPT_SACK_OK)
		n += 4;
	if (p->opts & PKT_OPT_WSCALE)
		n += 4;
	if (p->opts & PKT_OPT_SACK)
		n += 4 + 8 * p->sack->n;
	return n;
}

const char *pkt_words(const struct pkt *p, char *out, size_t out_size)
{
	static const struct {
		uint8_t bit;
		char word[5];
	} names[] = {
		{TCP_SYN, "SYN"}, {TCP_FIN, "FIN"}, {TCP_RST, "RST"}, {TCP_PSH, "PSH"}, {TCP_ACK, "ACK"}};
	size_t n = 0;

	out[0] = '\0';
	if (p->proto != IP_PROTO_TCP)
		n = (size_t)snprintf(out, out_size, "UDP");
	for (size_t i = 0; p->proto == IP_PROTO_TCP && i < sizeof names / sizeof *names; i++)
		if (p->flags & names[i].bit && n < out_size)
			n += (size_t)snprintf(out + n, out_size - n, "%s%s", n ? " " : "", names[i].word);
	if (p->payload_len && n < out_size)
		snprintf(out + n, out_size - n, ", %u bytes", p->payload_len);
	return out;
}
