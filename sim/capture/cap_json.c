/*
 * capture-replay/1: the lists of `capture-truth/1` as far as a capture alone can show them.
 *
 * Times are seconds after the first packet, rounded to microseconds; frames and streams are numbered as in tshark.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/base/utf8.h"
#include "sim/capture/cap.h"
#include "sim/core/xmalloc.h"

/* ---- a small JSON writer ---- */

struct js {
	struct buf *b;
	bool comma;                  /* something stands before, on the same level */
	const struct trace_out *out; /* NULL: all stays in b */
	int rc;
};

#define FLUSH_OCTETS (256u << 10)

/* Hands on what has come together. */
static void flush(struct js *j, size_t least)
{
	if (!j->out || j->b->n < least)
		return;
	if (!j->rc)
		j->rc = j->out->write(j->out->ctx, (const char *)j->b->p, j->b->n);
	buf_clear(j->b);
}

static void sep(struct js *j)
{
	if (j->comma)
		buf_str(j->b, ", ");
	j->comma = true;
}

static void quoted(struct js *j, const char *s)
{
	struct buf fixed;
	buf_init(&fixed, &cap_alloc, SIZE_MAX);
	if (!utf8_valid(bytes_str(s))) {
		utf8_replace(&fixed, bytes_str(s));
		buf_u8(&fixed, 0);
		s = (const char *)fixed.p;
	}
	static const char hex[] = "0123456789abcdef";
	buf_u8(j->b, '"');
	for (; *s; s++) {
		uint8_t ch = (uint8_t)*s;
		if (ch == '"' || ch == '\\') {
			buf_u8(j->b, '\\');
			buf_u8(j->b, ch);
		} else if (ch == '\n') {
			buf_str(j->b, "\\n");
		} else if (ch < 0x20 || ch == 0x7f) {
			buf_str(j->b, "\\u00");
			buf_u8(j->b, (uint8_t)hex[ch >> 4]);
			buf_u8(j->b, (uint8_t)hex[ch & 15]);
		} else {
			buf_u8(j->b, ch);
		}
	}
	buf_u8(j->b, '"');
	buf_fini(&fixed);
}

static void key(struct js *j, const char *k)
{
	sep(j);
	quoted(j, k);
	buf_str(j->b, ": ");
}

static void open_in(struct js *j, const char *k, char c)
{
	if (k)
		key(j, k);
	else
		sep(j);
	buf_u8(j->b, (uint8_t)c);
	j->comma = false;
}

static void close_it(struct js *j, char c)
{
	buf_u8(j->b, (uint8_t)c);
	j->comma = true;
}

static void text(struct js *j, const char *k, const char *v)
{
	key(j, k);
	if (v)
		quoted(j, v);
	else
		buf_str(j->b, "null");
}

static void num(struct js *j, const char *k, uint64_t v)
{
	if (k)
		key(j, k);
	else
		sep(j);
	buf_dec(j->b, v);
}

static void boolean(struct js *j, const char *k, bool v)
{
	key(j, k);
	buf_str(j->b, v ? "true" : "false");
}

static void null(struct js *j, const char *k)
{
	key(j, k);
	buf_str(j->b, "null");
}

/* Nanoseconds as decimal seconds with at least one and at most `digits` digits after the point. */
static void seconds(struct js *j, const char *k, int64_t ns, unsigned digits)
{
	char t[40];
	if (k)
		key(j, k);
	else
		sep(j);
	uint64_t v = ns < 0 ? (uint64_t)-ns : (uint64_t)ns, unit = 1;
	for (unsigned i = digits; i < 9; i++)
		unit *= 10;
	v = (v + unit / 2) / unit;
	uint64_t one = 1000000000 / unit;
	int n = snprintf(t, sizeof t, "%s%" PRIu64 ".%0*" PRIu64, ns < 0 && v ? "-" : "", v / one,
		(int)digits, v % one);
	while (n > 2 && t[n - 1] == '0' && t[n - 2] != '.')
		t[--n] = 0;
	buf_str(j->b, t);
}

static void at(struct js *j, const char *k, struct cap_at a)
{
	seconds(j, k, a.t, 6);
}
static void frame(struct js *j, const char *k, struct cap_at a)
{
	if (a.pkt == CAP_NONE)
		null(j, k);
	else
		num(j, k, (uint64_t)a.pkt + 1);
}

static void item_start(struct js *j)
{
	flush(j, FLUSH_OCTETS);
	if (j->comma)
		buf_str(j->b, ",");
	buf_str(j->b, "\n  {");
	j->comma = false;
}

static void list_start(struct js *j, const char *k)
{
	if (j->comma)
		buf_str(j->b, ",\n ");
	quoted(j, k);
	buf_str(j->b, ": [");
	j->comma = false;
}

static void list_end(struct js *j, bool any)
{
	buf_str(j->b, any ? "\n ]" : "]");
	j->comma = true;
}

/* ---- file ---- */

static void file_blocks(struct js *j, const struct cap_file *f)
{
	open_in(j, "blocks", '{');
	for (unsigned i = 0; i < CAP_BLOCKS; i++)
		if (f->blocks[i])
			num(j, cap_block_name((enum cap_block)i), f->blocks[i]);
	close_it(j, '}');
	open_in(j, "linktypes", '[');
	for (uint32_t i = 0; i < f->nifaces; i++)
		num(j, NULL, f->iface[i].linktype);
	close_it(j, ']');
	if (f->sections > 1)
		num(j, "sections", f->sections);
}

static const char *encapsulation(const struct cap_file *f)
{
	for (uint32_t i = 1; i < f->nifaces; i++)
		if (f->iface[i].linktype != f->iface[0].linktype)
			return "per-packet";
	return f->nifaces ? cap_linktype_name(f->iface[0].linktype) : "unknown";
}

static void file(struct js *j, const struct capture *c)
{
	const struct cap_file *f = &c->file;
	buf_str(j->b, ",\n ");
	j->comma = false;
	open_in(j, "file", '{');
	text(j, "kind", f->kind);
	if (f->ng)
		null(j, "linktype");
	else
		num(j, "linktype", f->iface[0].linktype);
	text(j, "encapsulation", encapsulation(f));
	num(j, "packets", c->npkts);
	num(j, "file_bytes", f->bytes);
	num(j, "captured_bytes", c->captured_bytes);
	num(j, "wire_bytes", c->wire_bytes);
	open_in(j, "interfaces", '[');
	for (uint32_t i = 0; i < f->nifaces; i++) {
		open_in(j, NULL, '{');
		num(j, "id", i);
		text(j, "name", f->iface[i].name);
		num(j, "packets", f->iface[i].packets);
		close_it(j, '}');
	}
	close_it(j, ']');
	if (c->npkts)
		seconds(j, "t0_epoch", c->t0_ns, 9);
	else
		null(j, "t0_epoch");
	seconds(j, "duration", c->end_ns, 6);
	boolean(j, "timestamps_monotonic", c->monotonic || !c->npkts);
	num(j, "packets_truncated_by_snaplen", c->cut_by_snaplen);
	text(j, "reader_error", f->reader_error);
	if (f->reader_error)
		text(j, "reader_error_detail", f->detail);
	if (f->ng)
		file_blocks(j, f);
	if (c->limit)
		text(j, "limit", c->limit);
	close_it(j, '}');
	static const char *const kinds[CAP_KINDS] = {"tcp", "udp", "icmp", "arp", "other"};
	buf_str(j->b, ",\n ");
	j->comma = false;
	open_in(j, "packets_by_kind", '{');
	for (unsigned i = 0; i < CAP_KINDS; i++)
		if (c->kinds[i])
			num(j, kinds[i], c->kinds[i]);
	close_it(j, '}');
}

/* ---- conversations ---- */

static void numbers(struct js *j, const char *k, const uint32_t *v, uint32_t n)
{
	open_in(j, k, '[');
	for (uint32_t i = 0; i < n; i++)
		num(j, NULL, v[i]);
	close_it(j, ']');
}

static void string_item(struct js *j, const char *s)
{
	sep(j);
	quoted(j, s);
}

/* Values of a query parameter over the conversation's requests, each once (up to 32). */
static void query_values(
	struct js *j, const char *k, const struct capture *c, const struct cap_conv *v, const char *param)
{
	const char *seen[32];
	size_t lens[32], n = 0, pn = strlen(param);
	open_in(j, k, '[');
	for (uint32_t i = 0; i < v->nhttp; i++) {
		const char *q = strchr(c->http[v->http[i]].target, '?');
		for (; q; q = strchr(q + 1, '&')) {
			if (strncmp(q + 1, param, pn) || q[1 + pn] != '=')
				continue;
			const char *s = q + 2 + pn;
			size_t len = strcspn(s, "&#"), o = 0;
			while (o < n && (lens[o] != len || memcmp(seen[o], s, len)))
				o++;
			if (o < n || n == 32)
				break;
			seen[n] = s;
			lens[n++] = len;
			char t[256];
			snprintf(t, sizeof t, "%.*s", len > 255 ? 255 : (int)len, s);
			string_item(j, t);
			break;
		}
	}
	close_it(j, ']');
}

static void socketio(struct js *j, const struct capture *c, const struct cap_conv *v)
{
	uint32_t polling = 0, refused = 0;
	for (uint32_t i = 0; i < v->nhttp; i++) {
		const struct cap_http *h = &c->http[v->http[i]];
		polling += strstr(h->target, "transport=polling") != NULL;
		refused += h->wants_upgrade && h->has_response && h->ws == CAP_NONE;
	}
	open_in(j, "socketio", '{');
	query_values(j, "eio", c, v, "EIO");
	num(j, "polling_requests", polling);
	num(j, "websocket_upgrades", v->nws);
	num(j, "websocket_refused", refused);
	query_values(j, "sids", c, v, "sid");
	open_in(j, "probe_t", '[');
	for (uint32_t i = 0; i < v->nws; i++)
		if (c->ws[v->ws[i]].has_probe)
			at(j, NULL, c->ws[v->ws[i]].sio_probe);
	close_it(j, ']');
	open_in(j, "upgraded_t", '[');
	for (uint32_t i = 0; i < v->nws; i++)
		if (c->ws[v->ws[i]].has_upgraded)
			at(j, NULL, c->ws[v->ws[i]].sio_upgraded);
	close_it(j, ']');
	close_it(j, '}');
}

static void graphql(struct js *j, const struct capture *c, const struct cap_conv *v)
{
	open_in(j, "graphql", '{');
	open_in(j, "subprotocol", '[');
	if (v->subprotocol)
		string_item(j, v->subprotocol);
	close_it(j, ']');
	open_in(j, "messages", '[');
	for (uint32_t k = 0; k < v->nws; k++) {
		const struct cap_ws *w = &c->ws[v->ws[k]];
		for (uint32_t i = 0; i < w->nmsgs; i++) {
			if (!w->msg[i].gql)
				continue;
			const struct cap_gql *g = &c->gql[w->msg[i].gql - 1];
			open_in(j, NULL, '{');
			at(j, "t", g->at);
			text(j, "from", g->from ? "server" : "client");
			text(j, "type", g->type);
			text(j, "id", g->id);
			close_it(j, '}');
		}
	}
	close_it(j, ']');
	close_it(j, '}');
}

static void conversations(struct js *j, const struct capture *c)
{
	list_start(j, "conversations");
	for (uint32_t i = 0; i < c->nconv; i++) {
		const struct cap_conv *v = &c->conv[i];
		item_start(j);
		text(j, "technique", v->technique);
		text(j, "leg", v->leg);
		text(j, "client_host", v->client_host);
		text(j, "target", v->target);
		numbers(j, "tcp_streams", v->stream, v->nstreams);
		numbers(j, "http", v->http, v->nhttp);
		if (v->nws)
			numbers(j, "websockets", v->ws, v->nws);
		seconds(j, "start", v->start, 6);
		seconds(j, "end", v->end, 6);
		if (v->refused)
			num(j, "upgrade_refused_with", v->refused);
		if (v->unanswered)
			boolean(j, "upgrade_unanswered", true);
		if (v->origin)
			text(j, "origin", v->origin);
		text(j, "transport", v->transport);
		if (v->has_messages)
			num(j, "messages_to_client", v->messages);
		if (!strcmp(v->technique, "socket.io"))
			socketio(j, c, v);
		if (!strcmp(v->technique, "graphql-subscription"))
			graphql(j, c, v);
		if (v->inferred)
			boolean(j, "inferred", true);
		close_it(j, '}');
	}
	list_end(j, c->nconv);
}

/* ---- TCP ---- */

/* Packets grouped by connection: first[i] .. first[i + 1] in `order` belong to connection i. */
struct by_conn {
	uint32_t *first, *order;
};

static struct by_conn group_packets(const struct capture *c)
{
	struct by_conn g = {
		xcalloc(c->nconns + 2u, sizeof *g.first), xmalloc((c->npkts + 1u) * sizeof *g.order)};
	for (uint32_t i = 0; i < c->npkts; i++)
		if (c->pkt[i].conn != CAP_NONE)
			g.first[c->pkt[i].conn + 2]++;
	for (uint32_t i = 2; i < c->nconns + 2u; i++)
		g.first[i] += g.first[i - 1];
	for (uint32_t i = 0; i < c->npkts; i++)
		if (c->pkt[i].conn != CAP_NONE)
			g.order[g.first[c->pkt[i].conn + 1]++] = i;
	return g;
}

static const char *const sides[2] = {"client", "server"};

static void closed(
	struct js *j, const struct capture *c, const struct cap_conn *cn, const uint32_t *v, uint32_t n)
{
	uint32_t f[2] = {cn->flow[0].fin_pkt, cn->flow[1].fin_pkt};
	unsigned first = f[1] < f[0]; /* CAP_NONE is the largest number */
	uint32_t fin = f[first], rst = cn->first_rst;
	open_in(j, "closed", '{');
	if (fin == CAP_NONE && rst == CAP_NONE) {
		text(j, "how", "open-at-end-of-capture");
		close_it(j, '}');
		return;
	}
	bool by_rst = rst < fin;
	bool refused = by_rst && cn->syns && !cn->synacks && c->pkt[rst].dir == 1;
	uint32_t other = f[!first];
	text(j, "how",
		refused             ? "refused"
		: by_rst            ? "rst"
		: rst != CAP_NONE   ? "fin-then-rst"
		: other == CAP_NONE ? "half-close"
				    : "fin");
	text(j, "by", sides[by_rst ? c->pkt[rst].dir : first]);
	if (rst != CAP_NONE)
		text(j, "rst_by", sides[c->pkt[rst].dir]);
	num(j, "frame", (by_rst ? rst : fin) + 1ull);
	seconds(j, "t", c->pkt[by_rst ? rst : fin].at, 6);
	if (rst != CAP_NONE) {
		open_in(j, "rst_frames", '[');
		for (uint32_t i = 0; i < n; i++)
			if (c->pkt[v[i]].tcp_flags & TCP_RST)
				num(j, NULL, v[i] + 1ull);
		close_it(j, ']');
	}
	close_it(j, '}');
}

static void analysis(struct js *j, const struct capture *c, const uint32_t *v, uint32_t n)
{
	uint32_t all = 0;
	for (uint32_t i = 0; i < n; i++)
		all |= c->pkt[v[i]].analysis;
	open_in(j, "tcp_analysis", '{');
	for (unsigned a = 0; a < CAP_ANS; a++) {
		if (!(all >> a & 1))
			continue;
		open_in(j, cap_analysis_name((enum cap_analysis)a), '[');
		for (uint32_t i = 0; i < n; i++)
			if (c->pkt[v[i]].analysis >> a & 1)
				num(j, NULL, v[i] + 1ull);
		close_it(j, ']');
	}
	close_it(j, '}');
}

static const char *app_name(const struct capture *c, const struct cap_conn *cn)
{
	switch (cn->app) {
	case CAP_APP_NONE:
		return "no payload";
	case CAP_APP_HTTP1:
		return cn->http_n || !cn->unsolicited ? "http1" : "http1 (response without a request)";
	case CAP_APP_HTTP2:
		return "http2";
	case CAP_APP_TLS:
		return c->tls[cn->tls].app_data ? "tls" : "tls (handshake only)";
	case CAP_APP_UNKNOWN:
		break;
	}
	return "unknown";
}

static void endpoint(struct js *j, const char *k, const struct cap_flow *f)
{
	char a[IP_ADDR_TEXT_MAX], t[IP_ADDR_TEXT_MAX + 16];
	snprintf(t, sizeof t, f->addr.v == 6 ? "[%s]:%u" : "%s:%u", ip_addr_text(&f->addr, a), f->port);
	text(j, k, t);
}

static void both(struct js *j, const char *k, uint64_t client, uint64_t server)
{
	open_in(j, k, '{');
	num(j, "client", client);
	num(j, "server", server);
	close_it(j, '}');
}

static void proxy(struct js *j, const struct cap_conn *cn)
{
	open_in(j, "proxy_protocol", '{');
	num(j, "version", cn->proxy_version);
	text(j, "header", cn->proxy);
	if (cn->proxy_src) {
		text(j, "source", cn->proxy_src);
		text(j, "destination", cn->proxy_dst);
	}
	close_it(j, '}');
}

static void tcp_connections(struct js *j, const struct capture *c, const struct by_conn *g)
{
	list_start(j, "tcp_connections");
	for (uint32_t i = 0; i < c->nconns; i++) {
		const struct cap_conn *cn = &c->conn[i];
		const uint32_t *v = g->order + g->first[i];
		uint32_t n = g->first[i + 1] - g->first[i];
		item_start(j);
		num(j, "stream", i);
		endpoint(j, "client", &cn->flow[0]);
		endpoint(j, "server", &cn->flow[1]);
		num(j, "first_frame", cn->first_pkt + 1ull);
		num(j, "last_frame", cn->last_pkt + 1ull);
		seconds(j, "start", c->pkt[cn->first_pkt].at, 6);
		seconds(j, "end", c->pkt[cn->last_pkt].at, 6);
		text(j, "handshake",
			cn->handshake_ack != CAP_NONE ? "full"
			: cn->syns || cn->synacks     ? "partial"
						      : "none");
		num(j, "syn_count", cn->syns);
		num(j, "packets", cn->packets);
		num(j, "wire_bytes", cn->wire_bytes);
		both(j, "payload_bytes_sent", cn->flow[0].payload, cn->flow[1].payload);
		closed(j, c, cn, v, n);
		analysis(j, c, v, n);
		text(j, "app", app_name(c, cn));
		if (cn->proxy)
			proxy(j, cn);
		if (cn->tunnel)
			text(j, "tunnel", cn->tunnel);
		if (cn->unsolicited)
			text(j, "unsolicited_response", cn->unsolicited);
		if (cn->flow[0].missing || cn->flow[1].missing)
			both(j, "missing_bytes", cn->flow[0].missing, cn->flow[1].missing);
		if (!cn->client_known && !cn->synacks)
			boolean(j, "inferred", true); /* who opened it */
		if (cn->error)
			text(j, "error", cn->error);
		close_it(j, '}');
	}
	list_end(j, c->nconns);
	open_in(j, "streams_without_payload", '[');
	for (uint32_t i = 0; i < c->nconns; i++)
		if (c->conn[i].app == CAP_APP_NONE)
			num(j, NULL, i);
	close_it(j, ']');
}

/* ---- anomalies ---- */

static void anomalies(struct js *j, const struct capture *c)
{
	uint64_t totals[CAP_ANS] = {0};
	for (uint32_t i = 0; i < c->npkts; i++)
		for (unsigned a = 0; c->pkt[i].analysis && a < CAP_ANS; a++)
			totals[a] += c->pkt[i].analysis >> a & 1;
	buf_str(j->b, ",\n ");
	j->comma = false;
	open_in(j, "anomalies", '{');
	open_in(j, "tcp_analysis_totals", '{');
	for (unsigned a = 0; a < CAP_ANS; a++)
		if (totals[a])
			num(j, cap_analysis_name((enum cap_analysis)a), totals[a]);
	close_it(j, '}');
	open_in(j, "connections_reset", '[');
	for (uint32_t i = 0; i < c->nconns; i++)
		if (c->conn[i].rsts && !(c->conn[i].syns && !c->conn[i].synacks))
			num(j, NULL, i);
	close_it(j, ']');
	open_in(j, "connections_refused", '[');
	for (uint32_t i = 0; i < c->nconns; i++)
		if (c->conn[i].rsts && c->conn[i].syns && !c->conn[i].synacks)
			num(j, NULL, i);
	close_it(j, ']');
	open_in(j, "icmp_frames", '[');
	for (uint32_t i = 0; i < c->nicmp; i++)
		if (c->pkt[c->icmp[i]].icmp_error)
			num(j, NULL, c->icmp[i] + 1ull);
	close_it(j, ']');
	open_in(j, "unfinished_responses", '[');
	for (uint32_t i = 0; i < c->nhttp; i++)
		if (c->http[i].has_response && !c->http[i].complete)
			num(j, NULL, i);
	close_it(j, ']');
	open_in(j, "requests_without_response", '[');
	for (uint32_t i = 0; i < c->nhttp; i++)
		if (!c->http[i].has_response)
			num(j, NULL, i);
	close_it(j, ']');
	open_in(j, "events", '[');
	if (c->moved_from) {
		open_in(j, NULL, '{');
		text(j, "kind", "network-switch");
		text(j, "from", c->moved_from);
		text(j, "to", c->moved_to);
		boolean(j, "inferred", true);
		close_it(j, '}');
	}
	close_it(j, ']');
	close_it(j, '}');
}

#define BAD_FRAMES_LISTED 60

static void checksums(struct js *j, const struct capture *c)
{
	buf_str(j->b, ",\n ");
	j->comma = false;
	open_in(j, "checksums", '{');
	num(j, "tcp_good", c->checksum_good);
	num(j, "tcp_bad", c->checksum_bad);
	if (c->checksum_bad > BAD_FRAMES_LISTED) {
		null(j, "tcp_bad_frames");
	} else {
		open_in(j, "tcp_bad_frames", '[');
		for (uint32_t i = 0; i < c->npkts; i++)
			if (c->pkt[i].checksum == 2)
				num(j, NULL, i + 1ull);
		close_it(j, ']');
	}
	close_it(j, '}');
}

/* ---- HTTP ---- */

static const char *framing_name(enum cap_framing f)
{
	static const char *const names[] = {"none", "content-length", "chunked", "close"};
	return names[f];
}

static void notes(struct js *j, const char *k, const struct cap_note *v, uint32_t n)
{
	if (!n)
		return;
	open_in(j, k, '{');
	for (uint32_t i = 0; i < n; i++)
		text(j, v[i].name, v[i].value);
	close_it(j, '}');
}

static void version(struct js *j, const char *k, unsigned v)
{
	char t[32];
	snprintf(t, sizeof t, "HTTP/%u.%u", v / 10, v % 10);
	text(j, k, t);
}

static void response(struct js *j, const struct cap_http *h)
{
	if (!h->has_response) {
		null(j, "response");
		return;
	}
	open_in(j, "response", '{');
	num(j, "status", h->status);
	text(j, "reason", h->reason);
	at(j, "t_headers", h->head);
	frame(j, "frame_headers", h->head);
	at(j, "t_end", h->end);
	frame(j, "frame_end", h->end);
	num(j, "header_bytes", h->header_bytes);
	text(j, "framing", framing_name(h->framing));
	num(j, "body_wire_bytes", h->body_wire);
	num(j, "body_bytes", h->body);
	if (h->body_decoded_known)
		num(j, "body_decoded_bytes", h->body_decoded);
	else
		null(j, "body_decoded_bytes");
	boolean(j, "complete", h->complete);
	text(j, "content_type", h->content_type);
	text(j, "content_encoding", h->content_encoding);
	text(j, "connection", h->connection);
	if (h->framing == CAP_BODY_CHUNKED)
		num(j, "chunks", h->chunks);
	if (h->interim)
		num(j, "interim_responses", h->interim);
	if (h->resp_version != 11)
		version(j, "version", h->resp_version);
	notes(j, "headers_of_note", h->note, h->nnotes);
	close_it(j, '}');
}

static void strings(struct js *j, const char *k, const char *const *v, uint32_t n)
{
	if (!n)
		return;
	open_in(j, k, '[');
	for (uint32_t i = 0; i < n; i++)
		string_item(j, v[i]);
	close_it(j, ']');
}

static void http(struct js *j, const struct capture *c)
{
	list_start(j, "http");
	for (uint32_t i = 0; i < c->nhttp; i++) {
		const struct cap_http *h = &c->http[i];
		item_start(j);
		num(j, "stream", h->conn);
		num(j, "index", h->index);
		boolean(j, "tls", false);
		text(j, "method", h->method);
		text(j, "target", h->target);
		version(j, "version", h->version);
		text(j, "host", h->host);
		at(j, "t_request", h->req);
		frame(j, "frame_request", h->req);
		at(j, "t_request_end", h->req_end);
		num(j, "request_header_bytes", h->req_header_bytes);
		open_in(j, "request_body", '{');
		text(j, "framing", framing_name(h->req_framing));
		num(j, "bytes", h->req_body);
		boolean(j, "complete", h->req_complete);
		close_it(j, '}');
		notes(j, "request_headers_of_note", h->req_note, h->nreq_notes);
		if (h->json)
			num(j, "json_messages", h->json_messages);
		strings(j, "engineio_packets_from_server", h->eio_server, h->neio_server);
		strings(j, "engineio_packets_from_client", h->eio_client, h->neio_client);
		if (h->sse != CAP_NONE)
			num(j, "sse", h->sse);
		response(j, h);
		if (h->ws != CAP_NONE)
			num(j, "websocket", h->ws);
		close_it(j, '}');
	}
	list_end(j, c->nhttp);
}

static void sse_items(struct js *j, const struct cap_sse *s, int kind, const char *k)
{
	open_in(j, k, '[');
	for (uint32_t i = 0; i < s->nitems; i++) {
		const struct cap_sse_item *it = &s->item[i];
		if ((int)it->kind != kind)
			continue;
		open_in(j, NULL, '{');
		at(j, "t", it->at);
		frame(j, "frame", it->at);
		if (kind == CAP_SSE_EVENT) {
			text(j, "event", it->event);
			text(j, "id", it->id);
			text(j, "data", it->data);
			num(j, "data_chars", it->data_len);
		} else if (kind == CAP_SSE_COMMENT) {
			text(j, "text", it->data);
		} else {
			num(j, "ms", it->retry_ms);
		}
		close_it(j, '}');
	}
	close_it(j, ']');
}

static void sse(struct js *j, const struct capture *c)
{
	list_start(j, "sse");
	for (uint32_t i = 0; i < c->nsse; i++) {
		const struct cap_sse *s = &c->sse[i];
		item_start(j);
		num(j, "stream", s->conn);
		num(j, "http", s->http);
		text(j, "target", s->target);
		text(j, "last_event_id_sent", s->last_id_sent);
		text(j, "content_encoding", s->content_encoding);
		sse_items(j, s, CAP_SSE_EVENT, "events");
		sse_items(j, s, CAP_SSE_COMMENT, "comments");
		sse_items(j, s, CAP_SSE_RETRY, "retry");
		num(j, "unknown_fields", s->unknown_fields);
		boolean(j, "undispatched_tail", s->tail);
		text(j, "last_event_id", s->last_id);
		close_it(j, '}');
	}
	list_end(j, c->nsse);
}

/* ---- WebSocket ---- */

static const char *op_name(unsigned op)
{
	static const char *const names[16] = {
		"continuation", "text", "binary", [8] = "close", [9] = "ping", [10] = "pong"};
	return op < 16 && names[op] ? names[op] : "reserved";
}

static void ws_frame(struct js *j, const struct cap_ws_frame *f)
{
	open_in(j, NULL, '{');
	at(j, "t", f->at);
	frame(j, "frame", f->at);
	text(j, "from", sides[f->from]);
	boolean(j, "fin", f->fin);
	num(j, "rsv", f->rsv);
	num(j, "opcode", f->op);
	text(j, "kind", op_name(f->op));
	boolean(j, "masked", f->masked);
	num(j, "header_bytes", f->hdr_len);
	num(j, "payload_bytes", f->pay_len);
	boolean(j, "complete", f->complete);
	if (f->op == 8 && f->complete) {
		if (f->has_code)
			num(j, "close_code", f->code);
		else
			null(j, "close_code");
		text(j, "close_reason", f->text ? f->text : "");
	} else if ((f->op == 9 || f->op == 10) && f->text) {
		text(j, "payload", f->text);
	}
	close_it(j, '}');
}

static void ws_message(struct js *j, const struct cap_ws_msg *m)
{
	char hex[2 * sizeof m->sha256 + 1];
	for (unsigned i = 0; i < 8; i++)
		snprintf(hex + 2 * i, 3, "%02x", m->sha256[i]);
	open_in(j, NULL, '{');
	text(j, "type", op_name(m->op));
	num(j, "fragments", m->fragments);
	boolean(j, "compressed", m->compressed);
	num(j, "wire_bytes", m->wire_bytes);
	num(j, "bytes", m->bytes);
	at(j, "t", m->at);
	frame(j, "frame", m->at);
	text(j, "sha256", hex);
	if (m->text)
		text(j, "text", m->text);
	text(j, "from", sides[m->from]);
	close_it(j, '}');
}

static void ws_close(struct js *j, const struct cap_ws *w)
{
	open_in(j, "close", '{');
	uint32_t first = w->close[0] < w->close[1] ? w->close[0] : w->close[1];
	if (first == CAP_NONE) {
		null(j, "code");
		text(j, "meaning", "no close frame (1006 at the applications)");
	} else {
		const struct cap_ws_frame *f = &w->frame[first];
		text(j, "by", sides[f->from]);
		if (f->has_code)
			num(j, "code", f->code);
		else
			null(j, "code");
		text(j, "reason", f->text ? f->text : "");
		at(j, "t", f->at);
		boolean(j, "answered", w->close[!f->from] != CAP_NONE);
	}
	close_it(j, '}');
}

static void ws_counts(struct js *j, const struct cap_ws *w)
{
	static const char *const names[7] = {
		"text", "binary", "continuation", "ping", "pong", "close", "reserved"};
	open_in(j, "counts", '{');
	for (unsigned d = 0; d < 2; d++) {
		open_in(j, sides[d], '{');
		for (unsigned k = 0; k < 7; k++)
			num(j, names[k], w->counts[d][k]);
		close_it(j, '}');
	}
	close_it(j, '}');
}

/* "a; b=12" as {"a": true, "b": "12"}. */
static void ws_params(struct js *j, const struct cap_ws *w)
{
	if (!w->deflate) {
		null(j, "permessage_deflate");
		return;
	}
	open_in(j, "permessage_deflate", '{');
	const char *s = w->params;
	while (*s) {
		s += strspn(s, " \t;");
		size_t n = strcspn(s, " \t;=");
		if (!n)
			break;
		char name[64], value[64];
		snprintf(name, sizeof name, "%.*s", n > 63 ? 63 : (int)n, s);
		s += n;
		s += strspn(s, " \t");
		if (*s == '=') {
			s += 1 + strspn(s + 1, " \t\"");
			n = strcspn(s, " \t;\"");
			snprintf(value, sizeof value, "%.*s", n > 63 ? 63 : (int)n, s);
			text(j, name, value);
			s += n;
			s += strspn(s, "\"");
		} else {
			boolean(j, name, true);
		}
	}
	close_it(j, '}');
}

static void websockets(struct js *j, const struct capture *c)
{
	list_start(j, "websockets");
	for (uint32_t i = 0; i < c->nws; i++) {
		const struct cap_ws *w = &c->ws[i];
		item_start(j);
		num(j, "stream", w->conn);
		num(j, "http", w->http);
		text(j, "target", w->target);
		text(j, "extensions", w->extensions);
		text(j, "subprotocol", w->subprotocol);
		ws_params(j, w);
		open_in(j, "frames", '[');
		for (uint32_t k = 0; k < w->nframes; k++)
			ws_frame(j, &w->frame[k]);
		close_it(j, ']');
		open_in(j, "messages", '[');
		for (uint32_t k = 0; k < w->nmsgs; k++)
			ws_message(j, &w->msg[k]);
		close_it(j, ']');
		ws_close(j, w);
		ws_counts(j, w);
		for (unsigned d = 0; d < 2; d++)
			if (w->error[d])
				text(j, d ? "error_server" : "error_client", w->error[d]);
		close_it(j, '}');
	}
	list_end(j, c->nws);
}

/* ---- TLS ---- */

static void tls(struct js *j, const struct capture *c)
{
	list_start(j, "tls");
	for (uint32_t i = 0; i < c->ntls; i++) {
		const struct cap_tls *t = &c->tls[i];
		char cipher[8];
		item_start(j);
		num(j, "stream", t->conn);
		text(j, "sni", t->sni);
		open_in(j, "alpn_offered", '[');
		for (uint32_t k = 0; k < t->nalpn; k++)
			string_item(j, t->alpn_offered[k]);
		close_it(j, ']');
		frame(j, "client_hello_frame", t->hello);
		snprintf(cipher, sizeof cipher, "0x%04x", t->cipher & 0xffffu);
		text(j, "cipher_suite", t->has_cipher ? cipher : NULL);
		text(j, "version", t->version);
		text(j, "alpn", t->alpn);
		if (t->hello_retry)
			boolean(j, "hello_retry_request", true);
		boolean(j, "decrypted", false);
		close_it(j, '}');
	}
	list_end(j, c->ntls);
}

static int whole(const struct capture *c, const char *name, struct buf *out, const struct trace_out *to)
{
	struct js j = {.b = out, .out = to};
	struct by_conn g = group_packets(c);
	buf_str(out, "{\n ");
	text(&j, "format", "capture-replay/1");
	buf_str(out, ",\n ");
	j.comma = false;
	text(&j, "capture", name);
	file(&j, c);
	conversations(&j, c);
	tcp_connections(&j, c, &g);
	anomalies(&j, c);
	checksums(&j, c);
	http(&j, c);
	sse(&j, c);
	websockets(&j, c);
	list_start(&j, "http2");
	list_end(&j, false);
	tls(&j, c);
	buf_str(out, "\n}\n");
	flush(&j, 1);
	xfree(g.first);
	xfree(g.order);
	return j.rc;
}

void capture_json(const struct capture *c, const char *name, struct buf *out)
{
	whole(c, name, out, NULL);
}

int capture_json_to(const struct capture *c, const char *name, const struct trace_out *out)
{
	struct buf b;
	buf_init(&b, &cap_alloc, SIZE_MAX);
	int rc = whole(c, name, &b, out);
	buf_fini(&b);
	return rc ? -1 : 0;
}
