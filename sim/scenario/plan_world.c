/*
 * plan_world: networks, boxes, servers, clients and messages of a checked tree into a cfg.
 */
#include "sim/scenario/plan_impl.h"

#include <stdio.h>
#include <string.h>

#include "sim/scenario/keys.h"
#include "sim/scenario/value.h"
#include "sim/scenario/words.h"

#define ALLOC(im, n, type) ((type *)arena_array(&(im)->doc.arena, (n) ? (n) : 1, sizeof(type)))

static const struct doc_node *section(const struct doc_node *root, const char *name, enum doc_kind kind)
{
	const struct doc_node *s = doc_get(root, name);
	return s && s->kind == kind ? s : NULL;
}

static const struct doc_node *first_of(const struct doc_node *s)
{
	return s ? s->first : NULL;
}

/* ------------------------------------------------------------------------------------------------ names */

static void take(struct plan_impl *im, const char *name, size_t max, struct plan_names *out)
{
	const struct doc_node *s = section(im->root, name, DOC_MAP);
	size_t n = s ? s->n : 0;
	if (n > max)
		doc_key_error(&im->doc, s, NULL, "more than %zu %s", max, name);
	out->name = ALLOC(im, n, const char *);
	out->n = 0;
	for (const struct doc_node *c = first_of(s); c; c = c->next)
		out->name[out->n++] = c->key;
}

int plan_name_index(const struct plan_names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->name[i], name))
			return (int)i;
	return -1;
}

static void twice(struct plan_impl *im, const char *in, const struct plan_names *other, const char *noun)
{
	const struct doc_node *s = section(im->root, in, DOC_MAP);
	for (const struct doc_node *c = first_of(s); c; c = c->next)
		if (plan_name_index(other, c->key) >= 0)
			doc_key_error(&im->doc, c, "give one of them another name",
				"`%s` is already the name of a %s", c->key, noun);
}

void plan_take_names(struct plan_impl *im)
{
	take(im, "networks", PLAN_NETS_MAX, &im->nets);
	take(im, "boxes", PLAN_BOXES_MAX, &im->boxes);
	take(im, "servers", PLAN_SERVERS_MAX, &im->servers);
	take(im, "clients", PLAN_GROUPS_MAX, &im->groups);
	twice(im, "boxes", &im->nets, "network");
	twice(im, "servers", &im->nets, "network");
	twice(im, "servers", &im->boxes, "box");
	twice(im, "clients", &im->servers, "server");
	static const char *const taken[] = {"server", "everyone", "one"};
	const struct doc_node *s = section(im->root, "clients", DOC_MAP);
	for (const struct doc_node *c = first_of(s); c; c = c->next)
		for (size_t i = 0; i < 3; i++)
			if (!strcmp(taken[i], c->key))
				doc_key_error(&im->doc, c, NULL,
					"`%s` has a meaning of its own in `messages`", c->key);
}

void plan_unknown(struct plan_impl *im, const struct doc_node *at, const char *noun,
	const struct plan_names *a, const struct plan_names *b)
{
	struct words_near near;
	const struct plan_names *lists[] = {a, b};
	const char *all = "";
	words_near_init(&near, at->text);
	for (size_t l = 0; l < 2; l++)
		for (size_t i = 0; lists[l] && i < lists[l]->n; i++) {
			words_near_try(&near, lists[l]->name[i]);
			all = arena_fmt(&im->doc.arena, "%s%s%s", all, *all ? ", " : "", lists[l]->name[i]);
		}
	const char *hint = near.best ? arena_fmt(&im->doc.arena, "did you mean `%s`?", near.best)
			   : *all    ? arena_fmt(&im->doc.arena, "there are: %s", all)
				     : arena_fmt(&im->doc.arena, "this file has no %s", noun);
	doc_error(&im->doc, at, hint, "there is no %s `%.80s`", noun, at->text);
}

/* ------------------------------------------------------------------------------------------------ things */

static void read_net(const struct doc_node *n, struct cfg_net *o)
{
	static const char in[] = "networks.*";
	*o = (struct cfg_net){
		.name = n->key,
		.rtt_ns = plan_dur(n, in, "rtt"),
		.jitter_ns = plan_dur(n, in, "jitter"),
		.loss_ppm = plan_share(n, in, "loss"),
		.up_bps = plan_bps(n, in, "up"),
		.down_bps = plan_bps(n, in, "down"),
		.queue_bytes = plan_bytes(n, in, "queue"),
		.radio = (enum cfg_radio)plan_word(n, in, "radio"),
		.mtu = (uint32_t)plan_int(n, in, "mtu"),
	};
}

/* Keys of another kind of box are a mistake, not something to skip. */
static void check_concerns(
	struct plan_impl *im, const struct doc_node *map, const char *parent, const char *kind)
{
	for (const struct doc_node *c = map->first; c; c = c->next) {
		char path[160];
		snprintf(path, sizeof path, "%s.%.60s", parent, c->key);
		int k = key_find(path);
		if (k >= 0 && *key_at((size_t)k)->concerns && !words_has(key_at((size_t)k)->concerns, kind))
			doc_key_error(&im->doc, c, NULL, "`%s` concerns %s, not %s", c->key,
				key_at((size_t)k)->concerns, kind);
	}
}

static void read_box(struct plan_impl *im, const struct doc_node *n, struct cfg_box *o)
{
	static const char in[] = "boxes.*";
	int kind = plan_word(n, in, "kind");
	const struct doc_node *k = doc_get(n, "kind");
	*o = (struct cfg_box){
		.name = n->key,
		.kind = kind == 1 ? CFG_REVERSE_PROXY : CFG_NAT,
		.idle_timeout_ns = plan_dur(n, in, "idle_timeout"),
		.on_expiry = (enum cfg_expiry)plan_word(n, in, "on_expiry"),
		.buffering = (enum cfg_buffering)plan_word(n, in, "buffering"),
		.page_bytes = (uint32_t)plan_bytes(n, in, "page"),
		.read_timeout_ns = plan_dur(n, in, "read_timeout"),
		.keepalive_ns = plan_dur(n, in, "keepalive"),
		.upgrade = (enum cfg_upgrade)plan_word(n, in, "upgrade"),
		.own_upstreams = plan_word(n, in, "upstreams") == 1,
		.upstream_idle = (uint32_t)plan_int(n, in, "upstream_idle"),
		.upstream_keepalive_ns = plan_dur(n, in, "upstream_keepalive"),
	};
	if (k && k->kind == DOC_SCALAR && kind >= 0)
		check_concerns(im, n, in, k->text);
}

static void read_server(const struct doc_node *n, struct cfg_server *o)
{
	static const char in[] = "servers.*";
	*o = (struct cfg_server){
		.name = n->key,
		.count = (uint32_t)plan_int(n, in, "count"),
		.model = CFG_EVENT_LOOP,
		.request_cpu_ns = plan_dur(n, in, "request_cpu"),
		.push_cpu_ns = plan_dur(n, in, "push_cpu"),
		.conn_bytes = (uint32_t)plan_bytes(n, in, "connection_memory"),
		.backlog = (uint32_t)plan_int(n, in, "backlog"),
		.keepalive_ns = plan_dur(n, in, "keepalive"),
		.write_limit_bytes = (uint32_t)plan_bytes(n, in, "write_limit"),
		.on_write_limit = (enum cfg_write_limit)plan_word(n, in, "on_write_limit"),
	};
}

/* ------------------------------------------------------------------------------------------------ clients */

static const char *const *read_lines(struct plan_impl *im, const struct doc_node *list, size_t *n)
{
	*n = 0;
	if (!list || list->kind != DOC_LIST || !list->n)
		return NULL;
	const char **out = ALLOC(im, list->n, const char *);
	for (const struct doc_node *c = list->first; c; c = c->next)
		out[(*n)++] = c->text;
	return out;
}

static void read_headers(struct plan_impl *im, const struct doc_node *options, struct tech_headers *o)
{
	const struct doc_node *h = doc_get(options, "headers");
	memset(o, 0, sizeof *o);
	if (h && h->kind == DOC_MAP) {
		o->kind = TECH_HEADERS_OWN;
		o->request = read_lines(im, doc_get(h, "request"), &o->nrequest);
		o->response = read_lines(im, doc_get(h, "response"), &o->nresponse);
		return;
	}
	int i = plan_word(options, "clients.*.options", "headers");
	o->kind = i == 1 ? TECH_HEADERS_CURL : i == 2 ? TECH_HEADERS_MINIMAL : TECH_HEADERS_BROWSER;
}

static void read_backoff(const struct doc_node *options, struct tech_backoff *o)
{
	static const char in[] = "clients.*.options.reconnect";
	const struct doc_node *r = doc_get(options, "reconnect");
	if (!r) { /* all zero: what the technique does by itself */
		memset(o, 0, sizeof *o);
		return;
	}
	*o = (struct tech_backoff){
		.never = r->kind == DOC_SCALAR && !strcmp(r->text, "none"),
		.first_ns = plan_dur(r, in, "first"),
		.max_ns = plan_dur(r, in, "max"),
		.factor_milli = plan_milli(r, in, "factor"),
		.jitter = (enum tech_jitter)plan_word(r, in, "jitter"),
	};
	if (o->first_ns > o->max_ns) /* no wait is longer than `max` */
		o->first_ns = o->max_ns;
}

static void read_options(struct plan_impl *im, const struct doc_node *n, struct tech_opts *o)
{
	static const char in[] = "clients.*.options";
	memset(o, 0, sizeof *o);
	o->interval_ns = plan_dur(n, in, "interval");
	o->hold_ns = plan_dur(n, in, "hold");
	o->heartbeat_ns = plan_dur(n, in, "heartbeat");
	o->heartbeat_from = plan_word(n, in, "heartbeat_from") ? TECH_FROM_CLIENT : TECH_FROM_SERVER;
	o->heartbeat_timeout_ns = plan_dur(n, in, "heartbeat_timeout");
	o->resume = plan_bool(n, in, "resume");
	o->keepalive_conn = plan_bool(n, in, "keepalive");
	o->read_bps = plan_bps(n, in, "read_rate");
	o->path = doc_get(n, "target") ? plan_text(n, in, "target") : NULL;
	read_backoff(n, &o->reconnect);
	read_headers(im, n, &o->headers);
}

static void read_path(struct plan_impl *im, const struct doc_node *list, struct cfg_group *o)
{
	if (!list || list->kind != DOC_LIST)
		return;
	if (list->n > CFG_PATH_MAX)
		doc_error(&im->doc, list, NULL, "a path has at most %d parts", CFG_PATH_MAX);
	if (!list->n)
		doc_error(&im->doc, list, "for example [lte, home-nat]", "the path is empty");
	for (const struct doc_node *c = list->first; c && o->npath < CFG_PATH_MAX; c = c->next) {
		int net = plan_name_index(&im->nets, c->text), box = plan_name_index(&im->boxes, c->text);
		if (c->kind != DOC_SCALAR)
			continue;
		if (net < 0 && box < 0)
			plan_unknown(im, c, "network or box", &im->nets, &im->boxes);
		else if (net >= 0 && o->npath)
			doc_error(&im->doc, c, "the access network comes first, boxes follow",
				"a second network on the way is not modelled yet");
		else if (net < 0 && !o->npath)
			doc_error(&im->doc, c, "start with one of `networks`",
				"the path begins with a box, not with a network");
		o->path[o->npath++] = net >= 0 ? net : ~(int32_t)(box < 0 ? 0 : box);
	}
}

static void read_to(struct plan_impl *im, const struct doc_node *n, struct cfg_group *o)
{
	const struct doc_node *to = doc_get(n, "to");
	if (to && to->kind == DOC_SCALAR) {
		int i = plan_name_index(&im->servers, to->text);
		if (i < 0)
			plan_unknown(im, to, "server", &im->servers, NULL);
		o->to = (uint32_t)(i < 0 ? 0 : i);
	} else if (!to && im->servers.n > 1) {
		doc_key_error(&im->doc, n, "to: the name of a server",
			"`to` is missing, and there are several servers");
	}
}

static void read_group(struct plan_impl *im, const struct doc_node *n, struct cfg_group *o)
{
	static const char in[] = "clients.*";
	memset(o, 0, sizeof *o);
	o->name = n->key;
	o->count = (uint32_t)plan_int(n, in, "count");
	o->start_over_ns = plan_dur(doc_get(n, "start"), "clients.*.start", "over");
	o->start_at_ns = plan_dur(doc_get(n, "start"), "clients.*.start", "at");
	o->technique = plan_text(n, in, "technique");
	read_path(im, doc_get(n, "path"), o);
	read_to(im, n, o);
	read_options(im, doc_get(n, "options"), &o->opts);
}

/* ------------------------------------------------------------------------------------------------ messages */

static int by_time(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static void read_moments(struct plan_impl *im, const struct doc_node *list, struct cfg_msg *o)
{
	int64_t *at = ALLOC(im, list->n, int64_t);
	struct value_err e = {"", ""};
	o->arrival = CFG_ARRIVAL_AT;
	o->at_ns = at;
	for (const struct doc_node *c = list->first; c; c = c->next)
		if (c->kind == DOC_SCALAR && value_duration(c->text, &at[o->nat], &e))
			o->nat++;
	for (size_t i = 1; i < o->nat; i++)
		if (by_time(&at[i - 1], &at[i]) > 0) {
			doc_error(&im->doc, list, NULL, "the moments are not in order of time");
			break;
		}
}

static void read_when(struct plan_impl *im, const struct doc_node *n, struct cfg_msg *o)
{
	static const char in[] = "messages.*";
	const struct doc_node *rate = doc_get(n, "rate"), *every = doc_get(n, "every"),
			      *at = doc_get(n, "at");
	struct value_err e = {"", ""};
	if (!!rate + !!every + !!at != 1)
		doc_error(&im->doc, n, "give exactly one of rate, every and at",
			"the message says %s when it is sent", rate || every || at ? "twice" : "never");
	o->arrival = plan_word(n, in, "arrival") == 1 ? CFG_ARRIVAL_POISSON : CFG_ARRIVAL_FIXED;
	o->every_ns = INT64_C(1000000000);
	if (at && at->kind == DOC_LIST)
		read_moments(im, at, o);
	else if (rate && rate->kind == DOC_SCALAR)
		value_every(rate->text, &o->every_ns, &e);
	else if (every)
		o->every_ns = plan_dur(n, in, "every");
	if (o->every_ns < 1000)
		o->every_ns = 1000;
	const struct doc_node *arrival = doc_get(n, "arrival");
	if (at && arrival)
		doc_key_error(&im->doc, arrival, NULL, "`arrival` has no meaning together with `at`");
}

static void read_ends(struct plan_impl *im, const struct doc_node *n, struct cfg_msg *o)
{
	const struct doc_node *from = doc_get(n, "from"), *to = doc_get(n, "to");
	o->from = CFG_FROM_SERVER;
	o->to = CFG_TO_EVERYONE;
	if (from && from->kind == DOC_SCALAR && strcmp(from->text, "server")) {
		o->from = plan_name_index(&im->groups, from->text);
		if (o->from < 0)
			plan_unknown(im, from, "client group", &im->groups, NULL);
	}
	if (!to || to->kind != DOC_SCALAR || !strcmp(to->text, "everyone"))
		return;
	if (!strcmp(to->text, "one")) {
		o->to = CFG_TO_ONE;
		return;
	}
	o->to = plan_name_index(&im->groups, to->text);
	if (o->to < 0)
		plan_unknown(im, to, "client group", &im->groups, NULL);
}

static void read_msg(struct plan_impl *im, const struct doc_node *n, struct cfg_msg *o)
{
	memset(o, 0, sizeof *o);
	o->name = plan_text(n, "messages.*", "name");
	o->size_bytes = (uint32_t)plan_bytes(n, "messages.*", "size");
	read_when(im, n, o);
	read_ends(im, n, o);
}

static void read_msgs(struct plan_impl *im, const struct doc_node *root, struct cfg *out)
{
	const struct doc_node *s = section(root, "messages", DOC_LIST);
	size_t n = s ? s->n : 0;
	if (n > PLAN_MSGS_MAX) {
		doc_key_error(&im->doc, s, NULL, "more than %d messages", PLAN_MSGS_MAX);
		n = 0;
	}
	struct cfg_msg *m = ALLOC(im, n, struct cfg_msg);
	for (const struct doc_node *c = n ? first_of(s) : NULL; c; c = c->next) {
		if (c->kind != DOC_MAP)
			continue;
		read_msg(im, c, &m[out->nmsgs]);
		for (size_t i = 0; i < out->nmsgs; i++)
			if (!strcmp(m[i].name, m[out->nmsgs].name))
				doc_error(&im->doc, c, "messages are told apart by name",
					"a second message named `%s`", m[i].name);
		out->nmsgs++;
	}
	out->msgs = m;
}

/* ------------------------------------------------------------------------------------------------ the world */

static uint32_t count_nodes(const struct doc_node *n)
{
	uint32_t sum = 1;
	for (const struct doc_node *c = n->first; c; c = c->next)
		sum += count_nodes(c);
	return sum;
}

struct doc_node *plan_copy(struct plan_impl *im, const struct doc_node *root)
{
	static const char left_out[] = "timeline|questions|knobs|expect|claims";
	if (im->copied > PLAN_COPIES_MAX)
		return NULL;
	struct doc_node *copy = doc_new(&im->doc, DOC_MAP, root->src, root->pos);
	for (const struct doc_node *c = root->first; c; c = c->next) {
		if (words_has(left_out, c->key))
			continue;
		im->copied += count_nodes(c);
		if (im->copied > PLAN_COPIES_MAX) {
			doc_error(&im->doc, root, NULL,
				"the file is too large for so many knobs and `set` events");
			return NULL;
		}
		doc_append(copy, doc_clone(&im->doc, c));
	}
	return copy;
}

static void check_size(struct plan_impl *im, const struct doc_node *clients, const struct cfg *c)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < c->ngroups; i++)
		sum += c->groups[i].count;
	if (sum > 1000000 && clients)
		doc_key_error(&im->doc, clients, NULL, "more than 1000000 clients in all");
}

void plan_world(struct plan_impl *im, const struct doc_node *root, struct cfg *out)
{
	const struct doc_node *nets = section(root, "networks", DOC_MAP),
			      *boxes = section(root, "boxes", DOC_MAP);
	const struct doc_node *servers = section(root, "servers", DOC_MAP),
			      *clients = section(root, "clients", DOC_MAP);
	memset(out, 0, sizeof *out);
	out->scenario = plan_text(root, "", "scenario");
	out->duration_ns = plan_dur(root, "", "duration");
	out->drain_ns = plan_dur(root, "", "drain");
	struct cfg_net *net = ALLOC(im, im->nets.n, struct cfg_net);
	struct cfg_box *box = ALLOC(im, im->boxes.n, struct cfg_box);
	struct cfg_server *server = ALLOC(im, im->servers.n, struct cfg_server);
	struct cfg_group *group = ALLOC(im, im->groups.n, struct cfg_group);
	for (const struct doc_node *c = first_of(nets); c; c = c->next)
		read_net(c, &net[out->nnets++]);
	for (const struct doc_node *c = first_of(boxes); c; c = c->next)
		read_box(im, c, &box[out->nboxes++]);
	for (const struct doc_node *c = first_of(servers); c; c = c->next)
		read_server(c, &server[out->nservers++]);
	for (const struct doc_node *c = first_of(clients); c; c = c->next)
		read_group(im, c, &group[out->ngroups++]);
	out->nets = net;
	out->boxes = box;
	out->servers = server;
	out->groups = group;
	out->backplane = CFG_BACKPLANE_NONE;
	read_msgs(im, root, out);
	check_size(im, clients, out);
	if (servers && !servers->n)
		doc_key_error(&im->doc, servers, NULL, "there must be at least one server");
	if (clients && !clients->n)
		doc_key_error(&im->doc, clients, NULL, "there must be at least one group of clients");
}
