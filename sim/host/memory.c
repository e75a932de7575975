/*
 * memory: what a run takes, by part, counted: pools and tables by the octets they have asked for, decoders, responses,
 * messages and relays by an allocator that adds up what passes through it.
 *
 *	tcp       connections, queues of unsent, unacknowledged and out-of-order data, tables of connections
 *	net       access links, packets
 *	endpoint  what the technique's two ends know of a connection, decoders, messages and their wire forms
 *	host      the rest of clients, sockets and servers' ends, the ledger of who has what
 *	boxes     relays, NAT mappings
 *	events    pending events
 *	measure   samples and histograms, records kept
 *
 * A part's figure is its own greatest; parts need not have been that great at one time. What malloc adds of its own (16
 * octets or so for each block) is not counted; almost everything that is there once a client is not malloc'ed singly.
 */
#include "sim/host/host.h"

static void *counted_resize(void *ctx, void *p, size_t old, size_t n)
{
	struct counted *c = ctx;
	void *to = alloc_libc.resize(alloc_libc.ctx, p, old, n);
	if (n && !to)
		return NULL;
	c->bytes += n;
	c->bytes -= old;
	if (c->bytes > c->peak)
		c->peak = c->bytes;
	return to;
}

void counted_init(struct counted *c)
{
	*c = (struct counted){.al = {counted_resize, c}};
}

static uint64_t peak_of(const struct pool *p)
{
	return (uint64_t)p->live_peak * p->size;
}

/* A pool whose objects hold `inner` octets of another part. */
static void split(uint64_t *bytes, const struct pool *p, enum sim_part outer, enum sim_part inner, size_t n)
{
	bytes[inner] += (uint64_t)p->live_peak * n;
	bytes[outer] += (uint64_t)p->live_peak * (p->size - n);
}

static void count_pool(const struct sim *s, const struct pool *p, uint64_t *bytes)
{
	const struct tcp *t = s->tcp;
	if (p == s->socks[SOCK_CLIENT] || p == s->socks[SOCK_PROC] || p == s->socks[SOCK_PROXY])
		split(bytes, p, SIM_PART_HOST, SIM_PART_TCP, sizeof(struct tcp_conn));
	else if (p == s->sconns)
		split(bytes, p, SIM_PART_HOST, SIM_PART_ENDPOINT, sizeof(struct tech_conn));
	else if (p == t->busies || p == t->sgs || p == t->exts || p == t->ooos || p == t->rxs)
		bytes[SIM_PART_TCP] += peak_of(p);
	else if (p == s->links || p == s->net->pkts || p == s->net->mores || p == s->net->sacks)
		bytes[SIM_PART_NET] += peak_of(p);
	else
		bytes[SIM_PART_BOXES] += peak_of(p);
}

static uint64_t table_of(const struct tcp_demux *d)
{
	return d->slots * sizeof *d->slot;
}

static uint64_t ledger(const struct sim *s)
{
	uint64_t n = s->note_cap * sizeof *s->note;
	for (uint64_t i = 0; i < s->nnotes; i++)
		n += ((s->note[i].hi - s->note[i].lo) / 64 + 1) * sizeof *s->note[i].has;
	return n;
}

void memory_count(const struct sim *s, uint64_t *bytes)
{
	uint64_t n = s->nclients;
	for (int i = 0; i < (int)SIM_PARTS; i++)
		bytes[i] = 0;
	for (unsigned i = 0; i < s->w->n_pools; i++)
		count_pool(s, s->w->pools[i], bytes);
	bytes[SIM_PART_ENDPOINT] += n * sizeof(struct tech_client) + s->endpoint_memory.peak;
	bytes[SIM_PART_HOST] += n * (sizeof(struct client) - sizeof(struct tech_client) + sizeof *s->place);
	bytes[SIM_PART_HOST] += ledger(s);
	bytes[SIM_PART_NET] += n * sizeof *s->access;
	if (s->radio)
		bytes[SIM_PART_HOST] += n * sizeof *s->radio;
	if (s->last_more)
		bytes[SIM_PART_HOST] += n * (s->cfg->nmsgs - HOST_SOURCES) * sizeof *s->last_more;
	for (uint32_t i = 0; i < s->nprocs; i++) {
		bytes[SIM_PART_TCP] += table_of(&s->proc[i].demux);
		bytes[SIM_PART_HOST] += s->proc[i].cap * sizeof *s->proc[i].item;
	}
	bytes[SIM_PART_BOXES] += s->box_memory.peak;
	for (uint32_t b = 0; b < s->nboxes; b++) {
		for (uint32_t i = 0; i < s->box[b].nnat; i++) {
			struct nat_counters c = nat_counters(s->box[b].nat[i]);
			bytes[SIM_PART_BOXES] += c.bytes;
		}
		for (const struct proxy *x = s->box[b].proxy; x; x = x->next)
			bytes[SIM_PART_TCP] += table_of(&x->demux);
	}
	bytes[SIM_PART_EVENTS] += evq_bytes(&s->w->queue);
}
