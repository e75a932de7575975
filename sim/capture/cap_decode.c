/*
 * Which protocol a connection speaks, told by its first octets (never by ports), and the PROXY protocol before it
 * (haproxy.org, "The PROXY protocol", versions 1 and 2).
 *
 *	v1   PROXY TCP4 192.0.2.1 203.0.113.80 40112 443 CR LF
 *	v2   0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a | version and command 1 | family 1 | length 2 | addresses
 */
#include <stdio.h>
#include <string.h>

#include "sim/capture/cap_decode.h"
#include "sim/core/xmalloc.h"

#define PROXY_V1_MAX 107

void cap_add_unit(struct cap_pair *p, unsigned dir, uint64_t off, uint64_t len, const char *text)
{
	struct capture *c = p->c;
	if (!len)
		return;
	if (c->nunits >= CAP_UNITS_MAX) {
		c->limit = "CAP_UNITS_MAX";
		return;
	}
	struct cap_unit *u = CAP_PUSH(c->unit, c->nunits, c->unit_cap);
	*u = (struct cap_unit){cap_stream_at(&p->s[dir], off + len - 1), cap_stream_at(&p->s[dir], off),
		p->conn, (uint8_t)dir, off, len, text};
}

/* ---- PROXY protocol ---- */

static bool proxy_v1(struct cap_pair *p, struct bytes b)
{
	struct cap_conn *cn = &p->c->conn[p->conn];
	char line[PROXY_V1_MAX + 1], src[64], dst[64], fam[16];
	unsigned sp = 0, dp = 0;
	size_t n = 0;
	if (b.n < 8 || memcmp(b.p, "PROXY ", 6) != 0)
		return false;
	while (n + 1 < b.n && n < PROXY_V1_MAX && !(b.p[n] == '\r' && b.p[n + 1] == '\n'))
		n++;
	if (n + 1 >= b.n || b.p[n] != '\r')
		return false;
	memcpy(line, b.p, n);
	line[n] = 0;
	cn->proxy = cap_short(p->c, (struct bytes){b.p, n}, 120, 120, false);
	cn->proxy_version = 1;
	if (sscanf(line, "PROXY %15s %63s %63s %u %u", fam, src, dst, &sp, &dp) == 5) {
		bool six = strchr(src, ':') != NULL;
		cn->proxy_src = cap_strf(p->c, six ? "[%s]:%u" : "%s:%u", src, sp);
		cn->proxy_dst = cap_strf(p->c, six ? "[%s]:%u" : "%s:%u", dst, dp);
	}
	cap_add_unit(p, 0, p->pos[0], n + 2, cn->proxy);
	p->pos[0] += n + 2;
	return true;
}

static bool proxy_v2(struct cap_pair *p, struct bytes b)
{
	static const uint8_t sig[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
	struct cap_conn *cn = &p->c->conn[p->conn];
	if (b.n < 16 || memcmp(b.p, sig, 12) != 0)
		return false;
	size_t len = (size_t)b.p[14] << 8 | b.p[15];
	if (b.n - 16 < len)
		return false;
	unsigned family = b.p[13] >> 4;
	size_t alen = family == 1 ? 4 : 16;
	cn->proxy_version = 2;
	cn->proxy = (b.p[12] & 15) ? "PROXY v2" : "PROXY v2 LOCAL";
	if ((family == 1 || family == 2) && len >= 2 * alen + 4) {
		struct ip_addr s = {.v = family == 1 ? 4 : 6}, d = s;
		const uint8_t *q = b.p + 16;
		memcpy(s.a, q, alen);
		memcpy(d.a, q + alen, alen);
		q += 2 * alen;
		cn->proxy_src = cap_endpoint(p->c, &s, (uint16_t)(q[0] << 8 | q[1]));
		cn->proxy_dst = cap_endpoint(p->c, &d, (uint16_t)(q[2] << 8 | q[3]));
	}
	cap_add_unit(p, 0, p->pos[0], 16 + len, cn->proxy);
	p->pos[0] += 16 + len;
	return true;
}

/* ---- which protocol ---- */

static bool is_tls(struct bytes b)
{
	return b.n >= 3 && b.p[0] >= 20 && b.p[0] <= 23 && b.p[1] == 3 && b.p[2] <= 4;
}

static bool is_h2(struct bytes b)
{
	return b.n >= 14 && !memcmp(b.p, "PRI * HTTP/2.0", 14);
}

static bool is_request(struct bytes b)
{
	size_t n = 0;
	while (n < b.n && n < 24 && ((b.p[n] >= 'A' && b.p[n] <= 'Z') || b.p[n] == '-' || b.p[n] == '_'))
		n++;
	if (n < 3 || n + 1 >= b.n || b.p[n] != ' ')
		return n >= 3 && n == b.n; /* only the start of a method was captured */
	return b.p[n + 1] > ' ' && b.p[n + 1] < 0x7f;
}

static bool is_response(struct bytes b)
{
	return b.n >= 7 && !memcmp(b.p, "HTTP/1.", 7);
}

static bool some_run(const struct cap_pair *p, unsigned dir, bool (*is)(struct bytes))
{
	const struct cap_stream *s = &p->s[dir];
	for (uint32_t i = 0; i < s->nruns; i++)
		if (s->run[i].off >= p->pos[dir] && s->run[i].src != CAP_NONE &&
			is((struct bytes){s->p + s->run[i].off, (size_t)s->run[i].len}))
			return true;
	return false;
}

static void unknown(struct cap_pair *p)
{
	for (unsigned d = 0; d < 2; d++)
		for (uint32_t i = 0; i < p->s[d].nruns; i++) {
			const struct cap_run *r = &p->s[d].run[i];
			uint64_t from = r->off < p->pos[d] ? p->pos[d] : r->off;
			if (r->src != CAP_NONE && r->off + r->len > from)
				cap_add_unit(
					p, d, from, r->off + r->len - from, "octets of an unknown protocol");
		}
}

static enum cap_app protocol_of(const struct cap_pair *p)
{
	struct bytes a = cap_rest(p, 0), b = cap_rest(p, 1);
	const struct cap_conn *cn = &p->c->conn[p->conn];
	if (!a.n && !b.n)
		return CAP_APP_NONE;
	if (is_tls(a) || (!a.n && is_tls(b)))
		return CAP_APP_TLS;
	if (is_h2(a))
		return CAP_APP_HTTP2;
	if (is_request(a) || is_response(b))
		return CAP_APP_HTTP1;
	bool middle = !cn->flow[0].isn_known || !cn->flow[1].isn_known;
	if (middle && (some_run(p, 0, is_request) || some_run(p, 1, is_response)))
		return CAP_APP_HTTP1;
	return CAP_APP_UNKNOWN;
}

void cap_decode_pair(struct cap_pair *p)
{
	struct cap_conn *cn = &p->c->conn[p->conn];
	enum cap_app app = protocol_of(p);
	if (!p->inside_tunnel)
		cn->app = app;
	switch (app) {
	case CAP_APP_NONE:
		break;
	case CAP_APP_HTTP1:
		cap_decode_http1(p);
		break;
	case CAP_APP_HTTP2:
		cap_decode_h2(p);
		break;
	case CAP_APP_TLS:
		cap_decode_tls(p);
		break;
	case CAP_APP_UNKNOWN:
		unknown(p);
		break;
	}
}

void cap_decode(struct capture *c)
{
	for (uint32_t i = 0; i < c->nconns; i++) {
		struct cap_pair p = {.c = c, .conn = i};
		for (unsigned d = 0; d < 2; d++) {
			cap_stream_build(c, i, d, &p.s[d]);
			c->conn[i].flow[d].missing = p.s[d].missing;
			c->conn[i].flow[d].base = p.s[d].base;
		}
		struct bytes first = cap_rest(&p, 0);
		if (first.n && !proxy_v1(&p, first))
			proxy_v2(&p, first);
		cap_decode_pair(&p);
		cap_stream_fini(&p.s[0]);
		cap_stream_fini(&p.s[1]);
	}
}
