/*
 * build: from a cfg to the elements of a world.
 *
 * Built from the server outwards. Every client group gets a *way*: the first station its clients' links end at. With
 * a proxy on the path there is one; without, there is one per server process, clients being dealt to processes in
 * turn (as round-robin DNS would), and the boxes in between are built once per process, all under one name and lane.
 * A NAT in a path thus may be several objects; they share no mappings, which only a port shortage would show.
 *
 *	servers    198.51.100.10 …   port 80
 *	proxies    192.0.2.10 …      port 80
 *	NAT, outside 203.0.113.1 …   one address per 20,000 clients
 *	clients    10.S.x.y          S: how often it has changed networks
 */
#include "sim/host/host.h"

#include <stdio.h>
#include <string.h>

#define CLIENTS_PER_NAT_ADDR 20000u

/* ---- link classes -------------------------------------------------------------------------------------------- */

void class_refresh(struct sim *s, struct hclass *h)
{
	struct link_params p = {0};
	if (h->net >= 0) {
		const struct cfg_net *n = &s->nets[h->net];
		p.rate_bps = h->up ? n->up_bps : n->down_bps;
		p.queue_bytes = n->queue_bytes;
		p.delay_ns = n->rtt_ns / 2;
		p.jitter_ns = n->jitter_ns;
		p.loss_ppm = n->loss_ppm;
		if (h->dc_added)
			p.delay_ns += HOST_DC_RTT_NS / 2;
	} else {
		p.rate_bps = HOST_DC_RATE_BPS;
		p.delay_ns = HOST_DC_RTT_NS / 2;
		p.queue_bytes = 64u << 20;
	}
	link_class_set(&h->c, &p);
}

struct hclass *class_new(struct sim *s, int32_t net, bool up, bool dc, int32_t box_a, int32_t box_b)
{
	struct hclass *h = xcalloc(1, sizeof *h);
	struct link_params none = {0};
	h->net = net;
	h->up = up;
	h->dc_added = dc;
	h->box_a = box_a;
	h->box_b = box_b;
	link_class_init(&h->c, net >= 0 ? s->nets[net].name : "data-centre", &none);
	class_refresh(s, h);
	h->next = s->classes;
	s->classes = h;
	return h;
}

void keep_link(struct sim *s, struct line *a)
{
	if (s->nkept == s->kept_cap) {
		s->kept_cap = s->kept_cap ? s->kept_cap * 2 : 16;
		s->kept = xrealloc(s->kept, s->kept_cap * sizeof(struct line *));
	}
	s->kept[s->nkept++] = a;
}

/* A pair of links from a box to the next station; `back_port` is the box's own interface. */
static struct link *chain_link(struct sim *s, struct node *from, uint16_t back_port, int32_t box,
	const struct station *to, const char *what)
{
	struct chain *x = xcalloc(1, sizeof *x);
	char out[160], back[160];
	const bool dc = to->box < 0 || to->net < 0;
	snprintf(out, sizeof out, "%s/out-%u", what, s->nchain++);
	snprintf(back, sizeof back, "%s/back-%u", what, s->nchain);
	x->kind = (struct line_kind){.far = to->node,
		.port = {to->port, back_port},
		.far_trace = to->node->trace_node,
		.alone = true,
		.elem = world_elem_add(s->w, out, 1),
		.draws = {rng_named(s->w->seed, out).state, rng_named(s->w->seed, back).state}};
	x->kind.cls[LINK_UP] = &class_new(s, to->net, true, dc, box, to->box)->c;
	x->kind.cls[LINK_DOWN] = &class_new(s, to->net, false, dc, box, to->box)->c;
	line_init(&x->line, &x->kind, from, x->kind.elem);
	x->next = s->chains;
	s->chains = x;
	return &x->line.up;
}

/* ---- ways ---------------------------------------------------------------------------------------------------- */

static struct station build_way(struct sim *s, const struct cfg_group *g, uint32_t pos, uint32_t k);

static struct station build_nat(
	struct sim *s, const struct cfg_group *g, uint32_t pos, uint32_t k, uint32_t b)
{
	const struct cfg_box *v = &s->cfg->boxes[b];
	struct box *box = &s->box[b];
	struct station next = build_way(s, g, pos + 1, k);
	struct nat_params np = {
		.idle_timeout_ns = v->idle_timeout_ns, .on_expiry = (enum nat_expiry)v->on_expiry};
	uint32_t addrs = 1 + g->count / CLIENTS_PER_NAT_ADDR;
	struct nat *nat = nat_new(s->w, v->name, box->trace, 0xcb007101u + s->nat_addrs, addrs, &np);
	s->nat_addrs += addrs;
	box->nat = xrealloc(box->nat, (box->nnat + 1) * sizeof(struct nat *));
	box->nat[box->nnat++] = nat;
	nat_set_outside(nat, chain_link(s, nat_node(nat), NAT_PORT_OUTSIDE, (int32_t)b, &next, v->name));
	return (struct station){
		nat_node(nat), 1, (int32_t)b, next.addr, next.tcp_port, box->trace, next.end, -1};
}

static bool same_rest(const struct cfg_group *a, uint32_t i, const struct cfg_group *b, uint32_t j)
{
	if (a->to != b->to || a->npath - i != b->npath - j)
		return false;
	for (; i < a->npath; i++, j++)
		if (a->path[i] != b->path[j])
			return false;
	return true;
}

static bool has_proxy(const struct sim *s, const struct cfg_group *g, uint32_t pos)
{
	for (; pos < g->npath; pos++)
		if (g->path[pos] < 0 && s->cfg->boxes[~g->path[pos]].kind == CFG_REVERSE_PROXY)
			return true;
	return false;
}

static void add_upstream(struct sim *s, struct proxy *x, const struct cfg_group *g, uint32_t pos, uint32_t k)
{
	struct station next = build_way(s, g, pos, k);
	x->up = xrealloc(x->up, (x->nup + 1) * sizeof *x->up);
	x->up[x->nup++] = (struct upstream){
		.proc = has_proxy(s, g, pos) ? NULL : &s->proc[s->server[g->to].first_proc + k],
		.out = chain_link(s, &x->node, 1, x->box, &next, s->cfg->boxes[x->box].name),
		.addr = next.addr,
		.port = next.tcp_port,
		.end = next.end};
}

static struct station build_proxy(struct sim *s, const struct cfg_group *g, uint32_t pos, uint32_t b)
{
	struct proxy *x = s->box[b].proxy;
	while (x && !same_rest(g, pos, x->group, x->pos))
		x = x->next;
	if (!x) {
		x = proxy_new(s, (int32_t)b, 0xc000020au + s->nproxies++);
		x->group = g;
		x->pos = pos;
		uint32_t n = has_proxy(s, g, pos + 1) ? 1 : s->server[g->to].nproc;
		for (uint32_t k = 0; k < n; k++)
			add_upstream(s, x, g, pos + 1, k);
	}
	return (struct station){
		&x->node, 0, (int32_t)b, x->addr, HOST_HTTP_PORT, s->box[b].trace, s->box[b].trace, -1};
}

/* What somebody in front of path[pos] sends to, on the way to process k. */
static struct station build_way(struct sim *s, const struct cfg_group *g, uint32_t pos, uint32_t k)
{
	struct station st;
	int32_t net = -1;
	for (; pos < g->npath && g->path[pos] >= 0; pos++)
		if (net < 0)
			net = g->path[pos];
	if (pos == g->npath) {
		struct proc *p = &s->proc[s->server[g->to].first_proc + k];
		st = (struct station){
			&p->node, 0, -1, p->addr, HOST_HTTP_PORT, p->node.trace_node, p->node.trace_node, -1};
	} else if (s->cfg->boxes[~g->path[pos]].kind == CFG_NAT) {
		st = build_nat(s, g, pos, k, (uint32_t)~g->path[pos]);
	} else {
		st = build_proxy(s, g, pos, (uint32_t)~g->path[pos]);
	}
	st.net = net;
	return st;
}

/* ---- elements -------------------------------------------------------------------------------------------------- */

static void build_servers(struct sim *s)
{
	char name[160];
	s->nservers = (uint32_t)s->cfg->nservers;
	s->server = xcalloc(s->nservers + 1, sizeof *s->server);
	for (uint32_t i = 0; i < s->nservers; i++) {
		uint32_t n = s->cfg->servers[i].count ? s->cfg->servers[i].count : 1;
		s->server[i] = (struct server){s->cfg->servers[i].name, i, s->nprocs, n, 0};
		s->nprocs += n;
	}
	s->proc = xcalloc(s->nprocs + 1, sizeof *s->proc);
	for (uint32_t i = 0; i < s->nservers; i++) {
		struct server *sv = &s->server[i];
		for (uint32_t k = 0; k < sv->nproc; k++) {
			if (sv->nproc > 1)
				snprintf(name, sizeof name, "%s-%u", sv->name, k + 1);
			else
				snprintf(name, sizeof name, "%s", sv->name);
			uint32_t at = sv->first_proc + k;
			proc_init(s, &s->proc[at], sv, 0xc633640au + at, name);
		}
	}
}

/* Lanes of boxes stand in the order in which paths meet them. */
static uint16_t box_order(const struct sim *s, uint32_t b)
{
	for (uint32_t g = 0; g < s->cfg->ngroups; g++)
		for (uint32_t i = 0; i < s->cfg->groups[g].npath; i++)
			if (s->cfg->groups[g].path[i] == ~(int32_t)b)
				return (uint16_t)(1000 + i * 100 + b % 100);
	return 1999;
}

static void build_boxes(struct sim *s)
{
	s->nboxes = (uint32_t)s->cfg->nboxes;
	s->box = xcalloc(s->nboxes + 1, sizeof *s->box);
	for (uint32_t b = 0; b < s->nboxes && s->tr; b++) {
		const struct cfg_box *v = &s->cfg->boxes[b];
		struct trace_node n = {.name = trace_str(s->tr, v->name),
			.param = trace_strf(s->tr, "boxes.%s", v->name),
			.role = TRACE_BOX,
			.order = box_order(s, b)};
		s->box[b].trace = trace_add_node(s->tr, &n);
	}
}

/* A path of its own for a group whose technique another group has at the same server: options may differ. */
static void site_path(const struct sim *s, uint32_t g, enum tech_kind kind, char *out, size_t cap)
{
	const struct cfg_group *cg = &s->cfg->groups[g];
	const char *path = cg->opts.path ? cg->opts.path : tech_def(kind)->path;
	snprintf(out, cap, "%s", path);
	for (uint32_t i = 0; i < g; i++)
		if (s->cfg->groups[i].to == cg->to && !strcmp(s->group[i].site.path, out))
			snprintf(out, cap, "%s/%s", path, cg->name);
}

static bool somebody_is_named(const struct sim *s)
{
	for (size_t i = 0; i < s->cfg->nmsgs; i++)
		if (s->cfg->msgs[i].to != CFG_TO_EVERYONE)
			return true;
	return false;
}

static void build_group(struct sim *s, uint32_t i)
{
	struct group *g = &s->group[i];
	const struct cfg_group *cg = &s->cfg->groups[i];
	char path[96], host[64], name[128];
	int kind = tech_find(cg->technique);
	assert(kind >= 0);
	*g = (struct group){.name = cg->name, .index = i, .first = s->nclients + 1, .count = cg->count};
	s->nclients += cg->count;
	g->elem = world_elem_add(s->w, cg->name, cg->count ? cg->count : 1);
	site_path(s, i, (enum tech_kind)kind, path, sizeof path);
	snprintf(host, sizeof host, "%.40s.example", s->server[cg->to].name);
	tech_site_init(&g->site, &s->endpoint_memory.al, (enum tech_kind)kind, &cg->opts, path, host);
	g->site.identify = somebody_is_named(s);
	g->site.memory.off = s->opts.decode_anew;
	g->up = xcalloc(s->cfg->nnets + 1, sizeof *g->up);
	g->down = xcalloc(s->cfg->nnets + 1, sizeof *g->down);
	g->nway = has_proxy(s, cg, 0) ? 1 : s->server[cg->to].nproc;
	g->way = xcalloc(g->nway, sizeof *g->way);
	g->kinds = xcalloc((s->cfg->nnets + 1) * g->nway, sizeof *g->kinds);
	for (uint32_t k = 0; k < g->nway; k++)
		g->way[k] = build_way(s, cg, 0, k);
	g->net = g->way[0].net;
	g->tcp_cfg = tcp_cfg_linux;
	g->tcp_cfg.nodelay = true;
	if (g->net >= 0 && s->nets[g->net].mtu > 88)
		g->tcp_cfg.mss = (uint16_t)(s->nets[g->net].mtu - 40);
	snprintf(name, sizeof name, "%s/start", cg->name);
	g->rng_start = rng_named(s->w->seed, name);
	snprintf(name, sizeof name, "%s/up", cg->name);
	g->rng_up = rng_family(s->w->seed, name);
	snprintf(name, sizeof name, "%s/down", cg->name);
	g->rng_down = rng_family(s->w->seed, name);
	snprintf(name, sizeof name, "%s/app", cg->name);
	g->site.seed = rng_family(s->w->seed, name);
	g->site.first = g->first;
	g->lens_first = s->nlens;
	g->nlens = !s->tr ? 0 : cg->count < s->opts.lens_clients ? cg->count : s->opts.lens_clients;
	s->nlens += g->nlens;
	if (cg->count)
		world_at(s->w, cg->start_at_ns, BAND_APP, EV_CLIENT_START, g->elem, g);
}

/* Every process serves the groups that talk to its server. */
static void build_sites(struct sim *s, struct proc *p)
{
	p->sites = xcalloc(s->ngroups + 1, sizeof *p->sites);
	p->srv.forgetful = s->opts.decode_anew;
	for (uint32_t g = 0; g < s->ngroups; g++) {
		const struct tech_site *t = &s->group[g].site;
		if (s->cfg->groups[g].to != p->server->index)
			continue;
		tech_site_init(
			&p->sites[p->nsites], &s->endpoint_memory.al, t->kind, t->opts, t->path, t->host);
		bool ok = tech_server_add(&p->srv, &p->sites[p->nsites++]);
		assert(ok);
		(void)ok;
	}
}

void proc_sites(struct sim *s, struct proc *p)
{
	uint32_t n = 0;
	for (uint32_t g = 0; g < s->ngroups; g++)
		if (s->cfg->groups[g].to == p->server->index)
			p->sites[n++].opts = &s->now->groups[g].opts;
}

/* Who of the group starts when decides where they stand. Those under the lens come first, since nodes of the trace are
 * made with them; then all in their order, so that what they have lies in it too. */
static void build_members(struct sim *s, struct group *g)
{
	uint32_t *order = xmalloc((g->count + 1) * sizeof *order);
	for (uint32_t k = 0; k < g->count; k++)
		order[k] = k;
	rng_shuffle(&g->rng_start, order, g->count);
	for (uint32_t k = 0; k < g->count; k++)
		s->place[g->first - 1 + order[k]] = g->first - 1 + k;
	for (uint32_t i = 0; i < g->nlens; i++)
		client_init(s, client_at(s, g->first + i), g, i);
	for (uint32_t k = 0; k < g->count; k++) {
		struct client *c = &s->client[g->first - 1 + k];
		if (order[k] >= g->nlens)
			client_init(s, c, g, order[k]);
		client_attach(s, c, g->net);
	}
	xfree(order);
}

static void build_clients(struct sim *s)
{
	s->client = xpages((s->nclients + 1) * sizeof *s->client);
	s->place = xmalloc((s->nclients + 1) * sizeof *s->place);
	s->access = xpages((s->nclients + 1) * sizeof *s->access);
	s->asked_ns = xcalloc(s->nlens + 1, sizeof *s->asked_ns);
	s->timer_cause = s->keeps ? xcalloc(s->nclients + 1, sizeof *s->timer_cause) : NULL;
	for (uint32_t g = 0; g < s->ngroups; g++)
		build_members(s, &s->group[g]);
	radio_init(s);
	s->fate = xcalloc(s->nlens + 1, sizeof *s->fate);
	s->fate_row_cap = xcalloc(s->nlens + 1, sizeof *s->fate_row_cap);
}

void build_world(struct sim *s)
{
	s->nets = xcalloc(s->cfg->nnets + 1, sizeof *s->nets);
	s->degraded = xcalloc(s->cfg->nnets + 1, sizeof *s->degraded);
	memcpy(s->nets, s->cfg->nets, s->cfg->nnets * sizeof *s->nets);
	s->server_tcp = tcp_cfg_linux;
	s->server_tcp.nodelay = true;
	s->proxy_tcp = s->server_tcp;
	s->proxy_tcp.snd_buffer_bytes = HOST_PROXY_BUFFER;
	build_servers(s);
	build_boxes(s);
	s->ngroups = (uint32_t)s->cfg->ngroups;
	s->group = xcalloc(s->ngroups + 1, sizeof *s->group);
	for (uint32_t g = 0; g < s->ngroups; g++)
		build_group(s, g);
	for (uint32_t p = 0; p < s->nprocs; p++)
		build_sites(s, &s->proc[p]);
	build_clients(s);
	messages_init(s);
	timeline_init(s);
}

void build_free(struct sim *s)
{
	for (uint32_t i = 0; i < s->nclients; i++)
		client_fini(s, &s->client[i]);
	for (uint32_t b = 0; b < s->nboxes; b++) {
		for (struct proxy *x = s->box[b].proxy, *next; x; x = next) {
			next = x->next;
			proxy_free(s, x);
		}
		xfree(s->box[b].nat);
	}
	for (uint32_t p = 0; p < s->nprocs; p++)
		proc_fini(s, &s->proc[p]);
	for (uint32_t i = 0; i < s->nkept; i++)
		pool_put(s->links, s->kept[i]);
	xfree(s->kept);
	for (uint32_t g = 0; g < s->ngroups; g++) {
		struct group *gr = &s->group[g];
		tech_site_fini(&gr->site);
		xfree(gr->up);
		xfree(gr->down);
		xfree(gr->way);
		xfree(gr->reading);
	}
}

static void free_kinds(const struct sim *s, struct group *g)
{
	for (size_t i = 0; i < (s->cfg->nnets + 1) * g->nway; i++)
		for (struct access_kind *k = g->kinds[i], *next; k; k = next) {
			next = k->next;
			xfree(k);
		}
	xfree(g->kinds);
}

/* Shells that packets and events of the dying world may still point to: after world_free. */
void build_free_late(struct sim *s)
{
	for (struct hclass *h = s->classes, *next; h; h = next) {
		next = h->next;
		xfree(h);
	}
	for (struct chain *x = s->chains, *next; x; x = next) {
		next = x->next;
		xfree(x);
	}
	for (uint32_t g = 0; g < s->ngroups; g++)
		free_kinds(s, &s->group[g]);
	xfree(s->place);
	xfree_pages(s->client, (s->nclients + 1) * sizeof *s->client);
	xfree_pages(s->access, (s->nclients + 1) * sizeof *s->access);
	xfree(s->moved);
	xfree(s->asked_ns);
	xfree(s->timer_cause);
	xfree(s->radio);
	xfree(s->group);
	xfree(s->box);
	xfree(s->proc);
	xfree(s->server);
	xfree(s->nets);
	xfree(s->degraded);
	xfree(s->moment);
}
