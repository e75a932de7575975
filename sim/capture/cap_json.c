/*
 * capture-replay/1: the lists of `capture-truth/1` as far as a capture alone can show them.
 *
 * Times are seconds after the first packet, rounded to microseconds; frames and streams are numbered as in tshark.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/capture/cap_js.h"
#include "sim/core/xmalloc.h"

/* ---- file ---- */

static void file_blocks(struct js *j, const struct cap_file *f)
{
	js_open(j, "blocks", '{');
	for (unsigned i = 0; i < CAP_BLOCKS; i++)
		if (f->blocks[i])
			js_num(j, cap_block_name((enum cap_block)i), f->blocks[i]);
	js_close(j, '}');
	js_open(j, "linktypes", '[');
	for (uint32_t i = 0; i < f->nifaces; i++)
		js_num(j, NULL, f->iface[i].linktype);
	js_close(j, ']');
	if (f->sections > 1)
		js_num(j, "sections", f->sections);
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
	js_open(j, "file", '{');
	js_text(j, "kind", f->kind);
	if (f->ng)
		js_null(j, "linktype");
	else
		js_num(j, "linktype", f->iface[0].linktype);
	js_text(j, "encapsulation", encapsulation(f));
	js_num(j, "packets", c->npkts);
	js_num(j, "file_bytes", f->bytes);
	js_num(j, "captured_bytes", c->captured_bytes);
	js_num(j, "wire_bytes", c->wire_bytes);
	js_open(j, "interfaces", '[');
	for (uint32_t i = 0; i < f->nifaces; i++) {
		js_open(j, NULL, '{');
		js_num(j, "id", i);
		js_text(j, "name", f->iface[i].name);
		js_num(j, "packets", f->iface[i].packets);
		js_close(j, '}');
	}
	js_close(j, ']');
	if (c->npkts)
		js_seconds(j, "t0_epoch", c->t0_ns, 9);
	else
		js_null(j, "t0_epoch");
	js_seconds(j, "duration", c->end_ns, 6);
	js_bool(j, "timestamps_monotonic", c->monotonic || !c->npkts);
	js_num(j, "packets_truncated_by_snaplen", c->cut_by_snaplen);
	js_text(j, "reader_error", f->reader_error);
	if (f->reader_error)
		js_text(j, "reader_error_detail", f->detail);
	if (f->ng)
		file_blocks(j, f);
	if (c->limit)
		js_text(j, "limit", c->limit);
	js_close(j, '}');
	static const char *const kinds[CAP_KINDS] = {"tcp", "udp", "icmp", "arp", "other"};
	buf_str(j->b, ",\n ");
	j->comma = false;
	js_open(j, "packets_by_kind", '{');
	for (unsigned i = 0; i < CAP_KINDS; i++)
		if (c->kinds[i])
			js_num(j, kinds[i], c->kinds[i]);
	js_close(j, '}');
}

/* ---- conversations ---- */

/* Values of a query parameter over the conversation's requests, each once (up to 32). */
static void query_values(
	struct js *j, const char *k, const struct capture *c, const struct cap_conv *v, const char *param)
{
	const char *seen[32];
	size_t lens[32], n = 0, pn = strlen(param);
	js_open(j, k, '[');
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
			js_item(j, t);
			break;
		}
	}
	js_close(j, ']');
}

static void socketio(struct js *j, const struct capture *c, const struct cap_conv *v)
{
	uint32_t polling = 0, refused = 0;
	for (uint32_t i = 0; i < v->nhttp; i++) {
		const struct cap_http *h = &c->http[v->http[i]];
		polling += strstr(h->target, "transport=polling") != NULL;
		refused += h->wants_upgrade && h->has_response && h->ws == CAP_NONE;
	}
	js_open(j, "socketio", '{');
	query_values(j, "eio", c, v, "EIO");
	js_num(j, "polling_requests", polling);
	js_num(j, "websocket_upgrades", v->nws);
	js_num(j, "websocket_refused", refused);
	query_values(j, "sids", c, v, "sid");
	js_open(j, "probe_t", '[');
	for (uint32_t i = 0; i < v->nws; i++)
		if (c->ws[v->ws[i]].has_probe)
			js_at(j, NULL, c->ws[v->ws[i]].sio_probe);
	js_close(j, ']');
	js_open(j, "upgraded_t", '[');
	for (uint32_t i = 0; i < v->nws; i++)
		if (c->ws[v->ws[i]].has_upgraded)
			js_at(j, NULL, c->ws[v->ws[i]].sio_upgraded);
	js_close(j, ']');
	js_close(j, '}');
}

static void graphql(struct js *j, const struct capture *c, const struct cap_conv *v)
{
	js_open(j, "graphql", '{');
	js_open(j, "subprotocol", '[');
	if (v->subprotocol)
		js_item(j, v->subprotocol);
	js_close(j, ']');
	js_open(j, "messages", '[');
	for (uint32_t k = 0; k < v->nws; k++) {
		const struct cap_ws *w = &c->ws[v->ws[k]];
		for (uint32_t i = 0; i < w->nmsgs; i++) {
			if (!w->msg[i].gql)
				continue;
			const struct cap_gql *g = &c->gql[w->msg[i].gql - 1];
			js_open(j, NULL, '{');
			js_at(j, "t", g->at);
			js_text(j, "from", g->from ? "server" : "client");
			js_text(j, "type", g->type);
			js_text(j, "id", g->id);
			js_close(j, '}');
		}
	}
	js_close(j, ']');
	js_close(j, '}');
}

static void h2_refs(struct js *j, const struct capture *c, const struct cap_conv *v)
{
	js_open(j, "h2", '[');
	for (uint32_t i = 0; i < v->nh2; i++) {
		const struct cap_h2_req *q = &c->h2_req[v->h2[i]];
		js_open(j, NULL, '{');
		js_num(j, "connection", q->h2);
		js_num(j, "stream_id", q->stream_id);
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void conversations(struct js *j, const struct capture *c)
{
	js_list(j, "conversations");
	for (uint32_t i = 0; i < c->nconv; i++) {
		const struct cap_conv *v = &c->conv[i];
		js_line(j);
		js_text(j, "technique", v->technique);
		js_text(j, "leg", v->leg);
		js_text(j, "client_host", v->client_host);
		js_text(j, "target", v->target);
		js_numbers(j, "tcp_streams", v->stream, v->nstreams);
		if (v->nhttp || !v->nh2)
			js_numbers(j, "http", v->http, v->nhttp);
		if (v->nh2)
			h2_refs(j, c, v);
		if (v->nws)
			js_numbers(j, "websockets", v->ws, v->nws);
		js_seconds(j, "start", v->start, 6);
		js_seconds(j, "end", v->end, 6);
		if (v->refused)
			js_num(j, "upgrade_refused_with", v->refused);
		if (v->unanswered)
			js_bool(j, "upgrade_unanswered", true);
		if (v->origin)
			js_text(j, "origin", v->origin);
		js_text(j, "transport", v->transport);
		if (v->has_messages)
			js_num(j, "messages_to_client", v->messages);
		if (!strcmp(v->technique, "socket.io"))
			socketio(j, c, v);
		if (!strcmp(v->technique, "graphql-subscription"))
			graphql(j, c, v);
		if (v->inferred)
			js_bool(j, "inferred", true);
		js_close(j, '}');
	}
	js_list_end(j, c->nconv);
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

static void closed(
	struct js *j, const struct capture *c, const struct cap_conn *cn, const uint32_t *v, uint32_t n)
{
	uint32_t f[2] = {cn->flow[0].fin_pkt, cn->flow[1].fin_pkt};
	unsigned first = f[1] < f[0]; /* CAP_NONE is the largest number */
	uint32_t fin = f[first], rst = cn->first_rst;
	js_open(j, "closed", '{');
	if (fin == CAP_NONE && rst == CAP_NONE) {
		js_text(j, "how", "open-at-end-of-capture");
		js_close(j, '}');
		return;
	}
	bool by_rst = rst < fin;
	bool refused = by_rst && cn->syns && !cn->synacks && c->pkt[rst].dir == 1;
	uint32_t other = f[!first];
	js_text(j, "how",
		refused             ? "refused"
		: by_rst            ? "rst"
		: rst != CAP_NONE   ? "fin-then-rst"
		: other == CAP_NONE ? "half-close"
				    : "fin");
	js_text(j, "by", js_sides[by_rst ? c->pkt[rst].dir : first]);
	if (rst != CAP_NONE)
		js_text(j, "rst_by", js_sides[c->pkt[rst].dir]);
	js_num(j, "frame", (by_rst ? rst : fin) + 1ull);
	js_seconds(j, "t", c->pkt[by_rst ? rst : fin].at, 6);
	if (rst != CAP_NONE) {
		js_open(j, "rst_frames", '[');
		for (uint32_t i = 0; i < n; i++)
			if (c->pkt[v[i]].tcp_flags & TCP_RST)
				js_num(j, NULL, v[i] + 1ull);
		js_close(j, ']');
	}
	js_close(j, '}');
}

static void analysis(struct js *j, const struct capture *c, const uint32_t *v, uint32_t n)
{
	uint32_t all = 0;
	for (uint32_t i = 0; i < n; i++)
		all |= c->pkt[v[i]].analysis;
	js_open(j, "tcp_analysis", '{');
	for (unsigned a = 0; a < CAP_ANS; a++) {
		if (!(all >> a & 1))
			continue;
		js_open(j, cap_analysis_name((enum cap_analysis)a), '[');
		for (uint32_t i = 0; i < n; i++)
			if (c->pkt[v[i]].analysis >> a & 1)
				js_num(j, NULL, v[i] + 1ull);
		js_close(j, ']');
	}
	js_close(j, '}');
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
	js_text(j, k, t);
}

static void proxy(struct js *j, const struct cap_conn *cn)
{
	js_open(j, "proxy_protocol", '{');
	js_num(j, "version", cn->proxy_version);
	js_text(j, "header", cn->proxy);
	if (cn->proxy_src) {
		js_text(j, "source", cn->proxy_src);
		js_text(j, "destination", cn->proxy_dst);
	}
	js_close(j, '}');
}

static void tcp_connections(struct js *j, const struct capture *c, const struct by_conn *g)
{
	js_list(j, "tcp_connections");
	for (uint32_t i = 0; i < c->nconns; i++) {
		const struct cap_conn *cn = &c->conn[i];
		const uint32_t *v = g->order + g->first[i];
		uint32_t n = g->first[i + 1] - g->first[i];
		js_line(j);
		js_num(j, "stream", i);
		endpoint(j, "client", &cn->flow[0]);
		endpoint(j, "server", &cn->flow[1]);
		js_num(j, "first_frame", cn->first_pkt + 1ull);
		js_num(j, "last_frame", cn->last_pkt + 1ull);
		js_seconds(j, "start", c->pkt[cn->first_pkt].at, 6);
		js_seconds(j, "end", c->pkt[cn->last_pkt].at, 6);
		js_text(j, "handshake",
			cn->handshake_ack != CAP_NONE ? "full"
			: cn->syns || cn->synacks     ? "partial"
						      : "none");
		js_num(j, "syn_count", cn->syns);
		js_num(j, "packets", cn->packets);
		js_num(j, "wire_bytes", cn->wire_bytes);
		js_both(j, "payload_bytes_sent", cn->flow[0].payload, cn->flow[1].payload);
		closed(j, c, cn, v, n);
		analysis(j, c, v, n);
		js_text(j, "app", app_name(c, cn));
		if (cn->proxy)
			proxy(j, cn);
		if (cn->tunnel)
			js_text(j, "tunnel", cn->tunnel);
		if (cn->unsolicited)
			js_text(j, "unsolicited_response", cn->unsolicited);
		if (cn->flow[0].missing || cn->flow[1].missing)
			js_both(j, "missing_bytes", cn->flow[0].missing, cn->flow[1].missing);
		if (!cn->client_known && !cn->synacks)
			js_bool(j, "inferred", true); /* who opened it */
		if (cn->error)
			js_text(j, "error", cn->error);
		js_close(j, '}');
	}
	js_list_end(j, c->nconns);
	js_open(j, "streams_without_payload", '[');
	for (uint32_t i = 0; i < c->nconns; i++)
		if (c->conn[i].app == CAP_APP_NONE)
			js_num(j, NULL, i);
	js_close(j, ']');
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
	js_open(j, "anomalies", '{');
	js_open(j, "tcp_analysis_totals", '{');
	for (unsigned a = 0; a < CAP_ANS; a++)
		if (totals[a])
			js_num(j, cap_analysis_name((enum cap_analysis)a), totals[a]);
	js_close(j, '}');
	js_open(j, "connections_reset", '[');
	for (uint32_t i = 0; i < c->nconns; i++)
		if (c->conn[i].rsts && !(c->conn[i].syns && !c->conn[i].synacks))
			js_num(j, NULL, i);
	js_close(j, ']');
	js_open(j, "connections_refused", '[');
	for (uint32_t i = 0; i < c->nconns; i++)
		if (c->conn[i].rsts && c->conn[i].syns && !c->conn[i].synacks)
			js_num(j, NULL, i);
	js_close(j, ']');
	js_open(j, "icmp_frames", '[');
	for (uint32_t i = 0; i < c->nicmp; i++)
		if (c->pkt[c->icmp[i]].icmp_error)
			js_num(j, NULL, c->icmp[i] + 1ull);
	js_close(j, ']');
	js_open(j, "unfinished_responses", '[');
	for (uint32_t i = 0; i < c->nhttp; i++)
		if (c->http[i].has_response && !c->http[i].complete)
			js_num(j, NULL, i);
	js_close(j, ']');
	js_open(j, "requests_without_response", '[');
	for (uint32_t i = 0; i < c->nhttp; i++)
		if (!c->http[i].has_response)
			js_num(j, NULL, i);
	js_close(j, ']');
	js_open(j, "events", '[');
	if (c->moved_from) {
		js_open(j, NULL, '{');
		js_text(j, "kind", "network-switch");
		js_text(j, "from", c->moved_from);
		js_text(j, "to", c->moved_to);
		js_bool(j, "inferred", true);
		js_close(j, '}');
	}
	js_close(j, ']');
	js_close(j, '}');
}

#define BAD_FRAMES_LISTED 60

static void checksums(struct js *j, const struct capture *c)
{
	buf_str(j->b, ",\n ");
	j->comma = false;
	js_open(j, "checksums", '{');
	js_num(j, "tcp_good", c->checksum_good);
	js_num(j, "tcp_bad", c->checksum_bad);
	if (c->checksum_bad > BAD_FRAMES_LISTED) {
		js_null(j, "tcp_bad_frames");
	} else {
		js_open(j, "tcp_bad_frames", '[');
		for (uint32_t i = 0; i < c->npkts; i++)
			if (c->pkt[i].checksum == 2)
				js_num(j, NULL, i + 1ull);
		js_close(j, ']');
	}
	js_close(j, '}');
}

static int whole(const struct capture *c, const char *name, struct buf *out, const struct trace_out *to)
{
	struct js j = {.b = out, .out = to};
	struct by_conn g = group_packets(c);
	buf_str(out, "{\n ");
	js_text(&j, "format", "capture-replay/1");
	buf_str(out, ",\n ");
	j.comma = false;
	js_text(&j, "capture", name);
	file(&j, c);
	conversations(&j, c);
	tcp_connections(&j, c, &g);
	anomalies(&j, c);
	checksums(&j, c);
	cap_json_http(&j, c);
	cap_json_sse(&j, c);
	cap_json_ws(&j, c);
	cap_json_h2(&j, c);
	cap_json_tls(&j, c);
	buf_str(out, "\n}\n");
	js_flush(&j, 1);
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
	buf_init(&b, &xalloc, SIZE_MAX);
	int rc = whole(c, name, &b, out);
	buf_fini(&b);
	return rc ? -1 : 0;
}
