/*
 * bench_engine: what events, packets and TCP cost, without applications.
 *
 *	hold    pop an event, push one an exponentially distributed time later, with N pending: ns a hold
 *	poll    60 simulated seconds; N clients, one connection and a 10 Mbit/s, 20 ms link each; every 5 s 400 octets up,
 *	        answered with 200 down: CPU a request
 *	push    the same clients; each second one 100-octet message to all, one shared blob: CPU a message
 *
 * usage: bench_engine [hold|poll|push [N]]; without arguments a table.
 */
#include "sim/core/xmalloc.h"
#include "sim/net/link.h"
#include "sim/tcp/tcp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- hold ---------------------------------------------------------------------------------------------------- */

static void hold(uint32_t n)
{
	struct evq *q = xmalloc(sizeof *q);
	struct rng r = rng_named(1, "hold");
	int64_t *step = xmalloc(65536 * sizeof *step);
	uint64_t holds = n > 2000000 ? n : 2000000;
	struct ev e;

	for (int i = 0; i < 65536; i++)
		step[i] = rng_exp(&r, NS_PER_S);
	evq_init(q, NS_PER_S / n);
	for (uint32_t i = 0; i < n; i++)
		evq_push(q, (struct ev){.at_ns = step[rng_u64(&r) & 65535], .elem = i});
	double best = 1e9;

	for (int k = 0; k < 3; k++) {
		double t = cpu_s();

		for (uint64_t i = 0; i < holds; i++) {
			evq_pop(q, &e);
			e.at_ns += step[rng_u64(&r) & 65535];
			evq_push(q, e);
		}
		t = cpu_s() - t;
		best = t < best ? t : best;
	}
	printf("hold   %9u pending   %7.1f ns a hold   %5.1f M/s\n", n, best * 1e9 / (double)holds,
		(double)holds / best / 1e6);
	evq_fini(q);
	xfree(step);
	xfree(q);
}

/* ---- poll and push ------------------------------------------------------------------------------------------- */

struct side {
	struct tcp_conn c;
	int64_t armed_ns;
	struct link *out;
	uint32_t id;
	uint32_t bytes;
	bool server;
};

struct client {
	struct node node;
	struct line line;
	struct side s;
	int64_t next_ns;
};

struct fleet {
	struct world *w;
	struct tcp *t;
	struct node server;
	struct tcp_demux demux;
	struct pool *servers;
	struct link_class up, down;
	struct line_kind kind;
	struct client *cl;
	uint32_t n;
	bool pushing;
	uint64_t units;
	struct blob *request, *answer, *message;
	struct side **sv;
};

static struct fleet *fleet_of(struct world *w)
{
	return w->ext[WORLD_HOST];
}

static void say(struct fleet *f, struct side *s, struct blob *b)
{
	blob_ref(b);
	tcp_write(f->t, &s->c, slice_of(b), false, f->w->now_ns);
}

static void pump(struct fleet *f, struct side *s)
{
	struct world *w = f->w;
	struct tcp_out o;

	for (tcp_next(f->t, &s->c, w->now_ns, &o); o.kind != TCP_OUT_IDLE;
		tcp_next(f->t, &s->c, w->now_ns, &o)) {
		if (o.kind == TCP_OUT_SEGMENT) {
			link_send(w, s->out, o.pkt);
		} else if (o.kind == TCP_OUT_DATA) {
			s->bytes += o.data.len;
			blob_unref(o.data.blob);
			if (s->server && s->bytes == 400) {
				s->bytes = 0;
				say(f, s, f->answer);
			} else if (!s->server && s->bytes == (f->pushing ? 100 : 200)) {
				s->bytes = 0;
				f->units++;
			}
		}
	}
	lazy_arm(w, &s->armed_ns, tcp_deadline(&s->c), EV_CONN_TIMER, s->id, s);
	tcp_rest(f->t, &s->c);
}

static void server_pkt(struct world *w, struct node *node, unsigned port, struct pkt *p)
{
	struct fleet *f = fleet_of(w);
	struct tcp_conn *c = tcp_demux_find(&f->demux, p);
	struct side *s = c ? container_of(c, struct side, c) : NULL;

	(void)port;
	if (!s) {
		s = pool_get(f->servers);
		memset(s, 0, sizeof *s);
		s->armed_ns = TIME_NEVER;
		s->server = true;
		s->out = link_back(p->link);
		s->id = node->elem;
		tcp_init(&s->c, &tcp_cfg_linux, (struct tcp_addr){p->dst, p->src, p->dport, p->sport});
		tcp_listen(f->t, &s->c, w->now_ns);
		tcp_demux_add(&f->demux, &s->c);
		f->sv[p->src - 0x0a000000] = s;
	}
	tcp_input(f->t, &s->c, p, w->now_ns);
	pump(f, s);
}

static void client_pkt(struct world *w, struct node *node, unsigned port, struct pkt *p)
{
	struct fleet *f = fleet_of(w);
	struct client *c = (struct client *)node;

	(void)port;
	tcp_input(f->t, &c->s.c, p, w->now_ns);
	pump(f, &c->s);
}

static void server_warm(const struct world *w, const struct node *n, const struct pkt *p, int stage)
{
	const struct tcp_demux *d = &((struct fleet *)w->ext[WORLD_HOST])->demux;
	const struct tcp_conn *c = stage == 2 ? tcp_demux_find(d, p) : NULL;

	(void)n;
	if (c)
		tcp_warm_queue(c, 0);
	if (stage < 2)
		tcp_demux_warm(d, p, stage);
}

static void client_warm(const struct world *w, const struct node *n, const struct pkt *p, int stage)
{
	(void)w;
	(void)p;
	for (size_t i = 0; stage == 1 && i < sizeof(struct client); i += 64)
		__builtin_prefetch((const char *)n + i, 1);
	if (stage == 2)
		tcp_warm_queue(&((const struct client *)n)->s.c, 0);
}

static const struct node_ops server_ops = {"server", server_pkt, server_warm, false};
static const struct node_ops client_ops = {"client", client_pkt, client_warm, true};

static void timer_warm(const struct world *w, const struct ev *e, int stage)
{
	const struct side *s = e->obj;

	(void)w;
	for (size_t i = 0; stage == 0 && i < sizeof *s; i += 64)
		__builtin_prefetch((const char *)s + i, 1);
	if (stage == 1)
		__builtin_prefetch(s->out, 1);
}

static void app_warm(const struct world *w, const struct ev *e, int stage)
{
	(void)w;
	(void)stage;
	for (size_t i = 0; i < sizeof(struct client); i += 64)
		__builtin_prefetch((const char *)e->obj + i, 1);
}

static void on_conn_timer(struct world *w, const struct ev *e)
{
	struct side *s = e->obj;

	if (!lazy_fired(e, &s->armed_ns))
		return;
	tcp_timer(fleet_of(w)->t, &s->c, w->now_ns);
	pump(fleet_of(w), s);
}

static void on_poll(struct world *w, const struct ev *e)
{
	struct fleet *f = fleet_of(w);
	struct client *c = e->obj;

	if (c->s.c.state == TCP_CLOSED)
		tcp_open(f->t, &c->s.c, w->now_ns);
	else
		say(f, &c->s, f->request);
	pump(f, &c->s);
	if (!f->pushing)
		world_at(w, w->now_ns + (c->s.c.state == TCP_SYN_SENT ? NS_PER_S : 5 * NS_PER_S), BAND_APP,
			EV_APP, e->elem, c);
}

static void on_push(struct world *w, const struct ev *e)
{
	struct fleet *f = fleet_of(w);

	for (uint32_t i = 0; i < f->n; i++)
		if (f->sv[i] && f->sv[i]->c.state == TCP_ESTABLISHED) {
			say(f, f->sv[i], f->message);
			pump(f, f->sv[i]);
		}
	world_at(w, w->now_ns + NS_PER_S, BAND_APP, EV_PUBLISH, e->elem, f);
}

static struct blob *blob_n(uint32_t n)
{
	struct blob *b = blob_new_raw(&alloc_libc, n);

	memset(b->data, 'x', n);
	return b;
}

static size_t pool_bytes(const struct world *w)
{
	size_t n = 0;

	for (unsigned i = 0; i < w->n_pools; i++)
		n += w->pools[i]->bytes;
	return n + evq_bytes(&w->queue);
}

static void fleet(uint32_t n, bool pushing)
{
	struct fleet f = {.n = n, .pushing = pushing};
	struct rng r = rng_named(1, "start");
	struct link_params way = {.rate_bps = 10000000, .delay_ns = 20 * NS_PER_MS};
	double t = cpu_s();

	f.w = world_new(1, (int64_t)(NS_PER_S / (n * (pushing ? 4.0 : 2.0))) + 1);
	net_new(f.w);
	f.t = tcp_new(f.w);
	f.w->ext[WORLD_HOST] = &f;
	f.servers = world_pool(f.w, "server side", sizeof(struct side), 0);
	pool_numbered(f.servers);
	tcp_demux_init(&f.demux, f.servers, offsetof(struct side, c));
	f.server = (struct node){&server_ops, world_elem_add(f.w, "server", 1), 0, 0};
	uint32_t elem = world_elem_add(f.w, "clients", 3 * n);

	world_handle(f.w, EV_CONN_TIMER, on_conn_timer, NULL);
	world_warm(f.w, EV_CONN_TIMER, timer_warm, 2);
	world_warm(f.w, EV_APP, app_warm, 1);
	world_handle(f.w, EV_APP, on_poll, NULL);
	world_handle(f.w, EV_PUBLISH, on_push, NULL);
	link_class_init(&f.up, "up", &way);
	link_class_init(&f.down, "down", &way);
	f.kind = (struct line_kind){.cls = {&f.up, &f.down}, .far = &f.server, .near_many = true};
	f.cl = xpages(n * sizeof *f.cl);
	f.sv = xcalloc(n, sizeof *f.sv);
	f.request = blob_n(400);
	f.answer = blob_n(200);
	f.message = blob_n(100);
	for (uint32_t i = 0; i < n; i++) {
		struct client *c = &f.cl[i];

		c->node = (struct node){&client_ops, elem + 3 * i, 0, 0};
		c->s.armed_ns = TIME_NEVER;
		c->s.out = &c->line.up;
		c->s.id = elem + 3 * i;
		line_init(&c->line, &f.kind, &c->node, elem + 3 * i + 1);
		tcp_init(&c->s.c, &tcp_cfg_linux, (struct tcp_addr){0x0a000000 + i, 0xcb007150, 40000, 443});
		world_at(f.w, (int64_t)rng_below(&r, pushing ? 900000000 : 4000000000u), BAND_APP, EV_APP,
			c->s.id, c);
	}
	if (pushing)
		world_at(f.w, NS_PER_S, BAND_APP, EV_PUBLISH, f.server.elem, &f);
	world_run(f.w, 60 * NS_PER_S);
	t = cpu_s() - t;
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	printf("%s   %9u clients   %7.3f us a unit   %6.2f CPU s   %9llu units   %10llu events (%5.1f ns)   "
	       "pools %5.0f B a client"
	       "   peak rss %4.0f MiB   %016llx\n",
		pushing ? "push" : "poll", n, t * 1e6 / (double)f.units, t, (unsigned long long)f.units,
		(unsigned long long)f.w->events, t * 1e9 / (double)f.w->events,
		((double)pool_bytes(f.w) + (double)n * (sizeof *f.cl + 8) +
			f.demux.slots * sizeof *f.demux.slot) /
			n,
		(double)u.ru_maxrss / 1024, (unsigned long long)f.w->fingerprint);
	for (uint32_t i = 0; i < n; i++) {
		tcp_fini(f.t, &f.cl[i].s.c);
		if (f.sv[i]) {
			tcp_fini(f.t, &f.sv[i]->c);
			pool_put(f.servers, f.sv[i]);
		}
	}
	tcp_demux_fini(&f.demux);
	world_free(f.w);
	blob_unref(f.request);
	blob_unref(f.answer);
	blob_unref(f.message);
	xfree_pages(f.cl, n * sizeof *f.cl);
	xfree(f.sv);
}

int main(int argc, char **argv)
{
	uint32_t n = argc > 2 ? (uint32_t)strtod(argv[2], NULL) : 10000;

	if (argc > 1 && !strcmp(argv[1], "hold"))
		hold(n);
	else if (argc > 1 && (!strcmp(argv[1], "poll") || !strcmp(argv[1], "push")))
		fleet(n, !strcmp(argv[1], "push"));
	if (argc > 1)
		return 0;
	for (uint32_t k = 1000; k <= 1000000; k *= 10)
		hold(k);
	for (uint32_t k = 1000; k <= 100000; k *= 10)
		fleet(k, false);
	for (uint32_t k = 1000; k <= 100000; k *= 10)
		fleet(k, true);
	return 0;
}
