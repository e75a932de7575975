/*
 * Conversations: everything one client did with one resource of one server, and the technique the evidence shows.
 *
 *	101 and a subprotocol of GraphQL          graphql-subscription
 *	EIO= in the query                         socket.io
 *	101, or an Upgrade refused or unanswered  websocket
 *	Content-Type: text/event-stream           sse
 *	the same resource asked again and again   long-polling when answers are held back longer than the client
 *	                                          pauses between them, short-polling otherwise
 *	one answer that comes in many pieces      http-streaming
 *	everything else                           plain, one conversation for a client and a server
 *	application/grpc                          grpc-*, by the number of messages each way
 *	TLS, other octets                         unknown: not looked into
 *
 * The first four are seen, the others are inferred and marked. A client that stops in the middle of a connection and
 * is followed by another address asking for the same thing is taken for one that changed networks (client_host "*").
 */
#include <string.h>

#include "sim/capture/cap_decode.h"
#include "sim/core/xmalloc.h"

enum label {
	LABEL_PLAIN,
	LABEL_SHORT,
	LABEL_LONG,
	LABEL_STREAM,
	LABEL_SSE,
	LABEL_WS,
	LABEL_SIO,
	LABEL_GQL,
	LABEL_GRPC_UNARY,
	LABEL_GRPC_SERVER,
	LABEL_GRPC_CLIENT,
	LABEL_GRPC_BIDI,
	LABEL_UNKNOWN
};

static const char *const label_names[] = {"plain", "short-polling", "long-polling", "http-streaming", "sse",
	"websocket", "socket.io", "graphql-subscription", "grpc-unary", "grpc-server-streaming",
	"grpc-client-streaming", "grpc-bidi-streaming", "unknown"};

#define HELD_NS 250000000        /* an answer that took this long was held back */
#define STREAM_SPAN_NS 500000000 /* a body that took this long, in several bursts, is a stream */
#define STREAM_BURSTS 3

/* One exchange with what decides where it belongs. */
struct item {
	const struct cap_http *x;
	uint32_t http, h2; /* index in capture.http or capture.h2_req, the other is CAP_NONE */
	const char *leg, *host, *origin, *path;
	uint64_t key; /* hash of the four */
	enum label label;
	uint32_t group; /* index of the first item with the same four */
};

struct group { /* all exchanges with one resource, over time */
	uint32_t n, with_cursor, dull, held, sse;
	int64_t hold_ns, pause_ns, last_end;
	bool poll_name, long_name;
};

static const char *path_of(struct capture *c, const char *target)
{
	const char *q = strpbrk(target, "?#");
	const char *s = target;
	if (!strncmp(s, "http://", 7) || !strncmp(s, "https://", 8)) { /* absolute form, to a proxy */
		const char *slash = strchr(strstr(s, "//") + 2, '/');
		if (slash && (!q || slash < q))
			s = slash;
	}
	return q ? cap_str(c, (struct bytes){(const uint8_t *)s, (size_t)(q - s)}) : s;
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (uint8_t)*s) * 1099511628211ull;
	return (h ^ 0xff) * 1099511628211ull;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_resource(const struct item *a, const struct item *b)
{
	return a->key == b->key && same_text(a->leg, b->leg) && same_text(a->host, b->host) &&
	       same_text(a->origin, b->origin) && same_text(a->path, b->path);
}

/* `what` in lower case, letters and signs only; case in `text` is ignored. */
static bool contains(const char *text, const char *what)
{
	size_t n = strlen(what);
	for (; *text; text++)
		if ((*text | 0x20) == (what[0] | 0x20) && !strncasecmp(text, what, n))
			return true;
	return false;
}

static bool has_cursor(const char *target)
{
	static const char *const names[] = {
		"since=", "cursor=", "after=", "last_id=", "lastid=", "offset=", "from_id=", "seq="};
	const char *q = strchr(target, '?');
	for (size_t i = 0; q && i < sizeof names / sizeof names[0]; i++)
		if (contains(q, names[i]))
			return true;
	return false;
}

/* Types of which pages are made: asking for them again is no polling. */
static bool is_page_part(const char *type)
{
	static const char *const parts[] = {
		"text/html", "text/css", "javascript", "image/", "font/", "video/", "audio/", "wasm"};
	for (size_t i = 0; type && i < sizeof parts / sizeof parts[0]; i++)
		if (contains(type, parts[i]))
			return true;
	return false;
}

static bool is_stream(const struct cap_http *h)
{
	return h->bursts >= STREAM_BURSTS && h->body_span >= STREAM_SPAN_NS &&
	       (h->framing == CAP_BODY_CHUNKED || h->framing == CAP_BODY_CLOSE) &&
	       !is_page_part(h->content_type);
}

static void group_add(struct group *g, const struct cap_http *h, const char *path)
{
	int64_t hold = h->has_response ? h->head.t - h->req_end.t : 0;
	if (g->n && h->req.t > g->last_end)
		g->pause_ns += h->req.t - g->last_end;
	g->n++;
	g->with_cursor += has_cursor(h->target);
	bool bodyless = h->status == 204 || h->status == 304;
	g->dull += bodyless || (h->has_response && !is_page_part(h->content_type) && h->status < 400);
	g->hold_ns += hold > 0 ? hold : 0;
	g->held += hold >= HELD_NS;
	g->sse += h->sse != CAP_NONE;
	g->poll_name |= contains(path, "poll");
	g->long_name |= contains(path, "long");
	int64_t end = h->has_response ? h->end.t : h->req_end.t;
	if (end > g->last_end)
		g->last_end = end;
}

static enum label group_label(const struct group *g, const struct cap_http *first)
{
	if (g->sse)
		return LABEL_SSE;
	if (g->n == 1 && is_stream(first))
		return LABEL_STREAM;
	bool again = g->n >= 3 && g->dull * 2 > g->n;
	bool named = g->poll_name || (g->with_cursor == g->n && g->dull == g->n);
	if (!again && !named)
		return LABEL_PLAIN;
	if (g->n == 1)
		return g->held || g->long_name ? LABEL_LONG : LABEL_SHORT;
	if (g->held && g->hold_ns > g->pause_ns)
		return LABEL_LONG;
	return g->long_name && g->hold_ns * 4 > g->pause_ns ? LABEL_LONG : LABEL_SHORT;
}

static enum label grpc_label(const struct cap_h2_req *q)
{
	uint32_t n[2] = {0, 0};
	for (uint32_t i = 0; i < q->nmsgs; i++)
		n[q->msg[i].from]++;
	if (n[0] > 1)
		return n[1] > 1 ? LABEL_GRPC_BIDI : LABEL_GRPC_CLIENT;
	return n[1] > 1 ? LABEL_GRPC_SERVER : LABEL_GRPC_UNARY;
}

static enum label own_label(const struct capture *c, const struct item *it)
{
	const struct cap_http *h = it->x;
	if (it->h2 != CAP_NONE && c->h2_req[it->h2].grpc)
		return grpc_label(&c->h2_req[it->h2]);
	if (strstr(h->target, "EIO=") &&
		(contains(h->target, "transport=") || contains(h->target, "socket.io")))
		return LABEL_SIO;
	if (h->ws != CAP_NONE) {
		const char *sub = c->ws[h->ws].subprotocol;
		return sub && contains(sub, "graphql") ? LABEL_GQL : LABEL_WS;
	}
	if (h->wants_upgrade)
		return LABEL_WS;
	if (h->sse != CAP_NONE)
		return contains(h->target, "graphql") ? LABEL_GQL : LABEL_SSE;
	return LABEL_UNKNOWN; /* its group decides */
}

/* ---- groups ---- */

static int by_time(const struct item *it, uint32_t a, uint32_t b)
{
	const struct cap_http *x = it[a].x, *y = it[b].x;
	if (x->req.t != y->req.t)
		return x->req.t < y->req.t ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Merge sort of item indexes by time of request: stable, no state outside. */
static void sort_by_time(const struct item *it, uint32_t *v, uint32_t *tmp, uint32_t n)
{
	if (n < 2)
		return;
	uint32_t m = n / 2, i = 0, j = m, k = 0;
	sort_by_time(it, v, tmp, m);
	sort_by_time(it, v + m, tmp, n - m);
	while (i < m || j < n)
		tmp[k++] = j == n || (i < m && by_time(it, v[i], v[j]) <= 0) ? v[i++] : v[j++];
	memcpy(v, tmp, n * sizeof *v);
}

/* Finds each item's group through a hash table. */
static void find_groups(struct item *it, uint32_t n)
{
	uint32_t slots = 64;
	while (slots < 2 * n)
		slots *= 2;
	uint32_t *slot = xcalloc(slots, sizeof *slot);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t s = (uint32_t)(it[i].key ^ it[i].key >> 32) & (slots - 1);
		while (slot[s] && !same_resource(&it[slot[s] - 1], &it[i]))
			s = (s + 1) & (slots - 1);
		if (!slot[s])
			slot[s] = i + 1;
		it[i].group = slot[s] - 1;
	}
	xfree(slot);
}

static void decide(struct capture *c, struct item *it, uint32_t n)
{
	struct group *g = xcalloc(n + 1u, sizeof *g);
	uint32_t *order = xmalloc((n + 1u) * sizeof *order), *tmp = xmalloc((n + 1u) * sizeof *tmp), k = 0;
	find_groups(it, n);
	for (uint32_t i = 0; i < n; i++) {
		it[i].label = own_label(c, &it[i]);
		if (it[i].label == LABEL_UNKNOWN || it[i].label == LABEL_SSE)
			order[k++] = i;
	}
	sort_by_time(it, order, tmp, k);
	for (uint32_t i = 0; i < k; i++)
		group_add(&g[it[order[i]].group], it[order[i]].x, it[order[i]].path);
	for (uint32_t i = 0; i < n; i++)
		if (it[i].label == LABEL_UNKNOWN)
			it[i].label = group_label(&g[it[i].group], it[it[i].group].x);
	xfree(g);
	xfree(order);
	xfree(tmp);
}

/* ---- conversations ---- */

static void add_once(uint32_t **v, uint32_t *n, uint32_t *cap, uint32_t x)
{
	uint32_t i = *n;
	while (i && (*v)[i - 1] > x)
		i--;
	if (i && (*v)[i - 1] == x)
		return;
	*v = cap_grow(*v, cap, *n, sizeof **v);
	memmove(*v + i + 1, *v + i, (*n - i) * sizeof **v);
	(*v)[i] = x;
	(*n)++;
}

static struct cap_conv *conv_of(struct capture *c, const struct item *it, uint32_t *slot, uint32_t slots)
{
	const char *technique = label_names[it->label];
	bool plain = it->label == LABEL_PLAIN;
	uint64_t key = hash_text(
		hash_text(hash_text(hash_text(hash_text(14695981039346656037ull, technique), it->leg),
				  it->host),
			it->origin),
		plain ? "" : it->path);
	uint32_t s = (uint32_t)(key ^ key >> 32) & (slots - 1);
	for (; slot[s]; s = (s + 1) & (slots - 1)) {
		struct cap_conv *v = &c->conv[slot[s] - 1];
		if (!strcmp(v->technique, technique) && same_text(v->leg, it->leg) &&
			same_text(v->client_host, it->host) && same_text(v->origin, it->origin) &&
			(plain || same_text(v->target, it->path)))
			return v;
	}
	struct cap_conv *v = CAP_PUSH(c->conv, c->nconv, c->conv_cap);
	slot[s] = c->nconv;
	memset(v, 0, sizeof *v);
	v->technique = technique;
	v->leg = it->leg;
	v->client_host = it->host;
	v->origin = it->origin;
	v->target = it->path;
	v->transport = it->h2 == CAP_NONE ? "http/1.1" : "h2c";
	v->start = INT64_MAX;
	v->server_conn = it->x->conn;
	v->inferred = it->label == LABEL_SHORT || it->label == LABEL_LONG || it->label == LABEL_STREAM ||
		      (it->label >= LABEL_GRPC_UNARY && it->label <= LABEL_GRPC_BIDI);
	v->has_messages = it->label != LABEL_PLAIN && it->label != LABEL_STREAM;
	return v;
}

static uint32_t messages_of(const struct capture *c, const struct item *it)
{
	const struct cap_http *h = it->x;
	uint32_t n = 0;
	switch (it->label) {
	case LABEL_GRPC_UNARY:
	case LABEL_GRPC_SERVER:
	case LABEL_GRPC_CLIENT:
	case LABEL_GRPC_BIDI:
		for (uint32_t i = 0; i < c->h2_req[it->h2].nmsgs; i++)
			n += c->h2_req[it->h2].msg[i].from == 1;
		return n;
	case LABEL_SHORT:
	case LABEL_LONG:
		return h->json_messages;
	case LABEL_SSE:
		return h->sse == CAP_NONE ? 0 : c->sse[h->sse].nevents;
	case LABEL_SIO:
		return h->eio_events + (h->ws == CAP_NONE ? 0 : c->ws[h->ws].sio_events);
	case LABEL_WS:
	case LABEL_GQL:
		if (h->sse != CAP_NONE)
			return c->sse[h->sse].nevents;
		for (uint32_t i = 0; h->ws != CAP_NONE && i < c->ws[h->ws].nmsgs; i++)
			n += c->ws[h->ws].msg[i].from == 1;
		return n;
	default:
		return 0;
	}
}

static void conv_add(struct capture *c, struct cap_conv *v, const struct item *it)
{
	const struct cap_http *h = it->x;
	const struct cap_conn *cn = &c->conn[h->conn];
	int64_t end = h->has_response ? h->end.t : h->req_end.t;
	add_once(&v->stream, &v->nstreams, &v->stream_cap, h->conn);
	if (it->http != CAP_NONE)
		add_once(&v->http, &v->nhttp, &v->http_cap, it->http);
	if (it->h2 != CAP_NONE)
		add_once(&v->h2, &v->nh2, &v->h2_cap, it->h2);
	if (h->ws != CAP_NONE) {
		add_once(&v->ws, &v->nws, &v->ws_cap, h->ws);
		v->subprotocol = c->ws[h->ws].subprotocol;
	}
	if (h->ws != CAP_NONE || (h->wants_upgrade && !h->has_response))
		end = c->pkt[cn->last_pkt].at;
	if (h->wants_upgrade && h->ws == CAP_NONE && h->has_response)
		v->refused = h->status;
	if (h->wants_upgrade && !h->has_response)
		v->unanswered = true;
	if (h->req.t < v->start)
		v->start = h->req.t;
	if (end > v->end)
		v->end = end;
	v->messages += messages_of(c, it);
}

/* ---- a client that changed networks ---- */

static int64_t last_from_client(const struct capture *c, const struct cap_conv *v, int64_t *first)
{
	int64_t last = INT64_MIN;
	*first = INT64_MAX;
	for (uint32_t k = 0; k < v->nstreams; k++) {
		const struct cap_conn *cn = &c->conn[v->stream[k]];
		for (uint32_t i = cn->first_pkt; i <= cn->last_pkt; i++) {
			const struct cap_pkt *p = &c->pkt[i];
			if (p->conn != v->stream[k] || p->dir != 0)
				continue;
			last = p->at > last ? p->at : last;
			*first = p->at < *first ? p->at : *first;
		}
	}
	return last;
}

/* The client never said goodbye (the server may have given it up). */
static bool ends_open(const struct capture *c, const struct cap_conv *v)
{
	const struct cap_conn *cn = &c->conn[v->stream[v->nstreams - 1]];
	const struct cap_ws *w = v->nws ? &c->ws[v->ws[v->nws - 1]] : NULL;
	return cn->flow[0].fin_pkt == CAP_NONE && cn->flow[0].rst_pkt == CAP_NONE &&
	       (!w || w->close[0] == CAP_NONE);
}

static bool follows(const struct capture *c, const struct cap_conv *a, const struct cap_conv *b)
{
	int64_t first_a, first_b;
	if (strcmp(a->technique, b->technique) || strcmp(a->technique, "plain") == 0 ||
		!same_text(a->leg, b->leg) || !same_text(a->origin, b->origin) ||
		!same_text(a->target, b->target) || same_text(a->client_host, b->client_host) ||
		!a->nstreams || !b->nstreams || !ends_open(c, a))
		return false;
	int64_t last_a = last_from_client(c, a, &first_a);
	last_from_client(c, b, &first_b);
	return last_a < first_b;
}

#define SWITCH_CONVS_MAX 64 /* more conversations than this are many clients, not one that moves */

static void join_moved(struct capture *c)
{
	if (c->nconv > SWITCH_CONVS_MAX)
		return;
	for (uint32_t a = 0; a < c->nconv; a++)
		for (uint32_t b = 0; b < c->nconv; b++) {
			struct cap_conv *x = &c->conv[a], *y = &c->conv[b];
			if (a == b || !follows(c, x, y))
				continue;
			c->moved_from = c->moved_from ? c->moved_from : x->client_host;
			c->moved_to = y->client_host;
			for (uint32_t i = 0; i < y->nstreams; i++)
				add_once(&x->stream, &x->nstreams, &x->stream_cap, y->stream[i]);
			for (uint32_t i = 0; i < y->nhttp; i++)
				add_once(&x->http, &x->nhttp, &x->http_cap, y->http[i]);
			for (uint32_t i = 0; i < y->nh2; i++)
				add_once(&x->h2, &x->nh2, &x->h2_cap, y->h2[i]);
			for (uint32_t i = 0; i < y->nws; i++)
				add_once(&x->ws, &x->nws, &x->ws_cap, y->ws[i]);
			x->end = y->end > x->end ? y->end : x->end;
			x->start = y->start < x->start ? y->start : x->start;
			x->messages += y->messages;
			x->client_host = "*";
			x->inferred = true;
			xfree(y->stream);
			xfree(y->http);
			xfree(y->h2);
			xfree(y->ws);
			memmove(y, y + 1, (c->nconv - b - 1) * sizeof *y);
			c->nconv--;
			a = b < a ? a - 1 : a;
			b--;
		}
}

/* ---- connections nobody looked into ---- */

static void opaque(struct capture *c)
{
	for (uint32_t i = 0; i < c->nconns; i++) {
		const struct cap_conn *cn = &c->conn[i];
		bool tls = cn->app == CAP_APP_TLS && c->tls[cn->tls].app_data;
		if (!tls && cn->app != CAP_APP_UNKNOWN)
			continue;
		struct cap_conv *v = CAP_PUSH(c->conv, c->nconv, c->conv_cap);
		memset(v, 0, sizeof *v);
		v->technique = "unknown";
		v->leg = cap_endpoint(c, &cn->flow[1].addr, cn->flow[1].port);
		v->client_host = cap_host(c, &cn->flow[0].addr);
		v->transport = tls ? "tls" : "tcp";
		v->start = c->pkt[cn->first_pkt].at;
		v->end = c->pkt[cn->last_pkt].at;
		v->server_conn = i;
		add_once(&v->stream, &v->nstreams, &v->stream_cap, i);
	}
}

/* Endpoints of a connection, as texts made once. */
struct ends {
	uint32_t conn;
	const char *leg, *host;
};

static void ends_of(struct capture *c, struct ends *e, uint32_t conn)
{
	if (e->conn == conn)
		return;
	e->conn = conn;
	e->leg = cap_endpoint(c, &c->conn[conn].flow[1].addr, c->conn[conn].flow[1].port);
	e->host = cap_host(c, &c->conn[conn].flow[0].addr);
}

static void item_of(struct capture *c, struct item *it, struct ends *e, const struct cap_http *x)
{
	ends_of(c, e, x->conn);
	*it = (struct item){.x = x, .http = CAP_NONE, .h2 = CAP_NONE, .leg = e->leg, .host = e->host};
	it->origin = x->version >= 20 ? NULL : x->host; /* of HTTP/2 the authority stands with each request */
	it->path = path_of(c, x->target);
	it->key = hash_text(
		hash_text(hash_text(hash_text(14695981039346656037ull, e->leg), e->host), it->origin),
		it->path);
}

/* Every exchange that is an item, in the order of connections. */
static uint32_t collect(struct capture *c, struct item *it)
{
	struct ends e = {.conn = CAP_NONE};
	uint32_t n = 0;
	for (uint32_t i = 0, k = 0; i < c->nhttp || k < c->nh2_reqs;) {
		bool h2 = i == c->nhttp || (k < c->nh2_reqs && c->h2_req[k].x.conn < c->http[i].conn);
		const struct cap_http *h = h2 ? &c->h2_req[k].x : &c->http[i];
		if (h2 || strcmp(h->method, "CONNECT") || !h->has_response || h->status / 100 != 2) {
			item_of(c, &it[n], &e, h); /* what goes through a tunnel stands on its own */
			if (h2)
				it[n].h2 = k;
			else
				it[n].http = i;
			n++;
		}
		if (h2)
			k++;
		else
			i++;
	}
	return n;
}

void cap_label(struct capture *c)
{
	struct item *it = xmalloc((c->nhttp + (size_t)c->nh2_reqs + 1) * sizeof *it);
	uint32_t n = collect(c, it), slots = 64;
	decide(c, it, n);
	while (slots < 2 * n)
		slots *= 2;
	uint32_t *slot = xcalloc(slots, sizeof *slot);
	for (uint32_t i = 0; i < n; i++)
		conv_add(c, conv_of(c, &it[i], slot, slots), &it[i]);
	xfree(slot);
	xfree(it);
	join_moved(c);
	opaque(c);
}
