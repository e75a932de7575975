/*
 * TLS from the outside: records (RFC 8446 5.1) and what the hello messages say in the clear (4.1.2, 4.1.3). Left out:
 * decryption.
 *
 *	record   | type 1 | version 2 | length 2 | fragment ... |
 *	hello    | type 1 | length 3 | version 2 | random 32 | session id 1+ | ... | extensions 2+ |
 */
#include <string.h>

#include "sim/capture/cap_decode.h"
#include "sim/core/xmalloc.h"

#define RECORD_HANDSHAKE 22
#define RECORD_APPLICATION 23
#define RECORD_MAX 18432u /* 2^14 + 2048, RFC 5246 6.2.3 */
#define HANDSHAKE_MAX (256u << 10)

struct reader {
	const uint8_t *p;
	size_t n;
	bool bad;
};

static uint32_t take(struct reader *r, unsigned n)
{
	uint32_t v = 0;
	if (r->n < n) {
		r->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		v = v << 8 | r->p[i];
	r->p += n;
	r->n -= n;
	return v;
}

static struct reader part(struct reader *r, size_t n)
{
	struct reader out = {r->p, n, false};
	if (n > r->n) {
		r->bad = true;
		return (struct reader){r->p, 0, true};
	}
	r->p += n;
	r->n -= n;
	return out;
}

static const char *version_name(unsigned v)
{
	switch (v) {
	case 0x0300:
		return "SSL 3.0";
	case 0x0301:
		return "TLS 1.0";
	case 0x0302:
		return "TLS 1.1";
	case 0x0303:
		return "TLS 1.2";
	case 0x0304:
		return "TLS 1.3";
	}
	return "unknown";
}

static void alpn(struct capture *c, struct cap_tls *t, struct reader x, bool server)
{
	struct reader list = part(&x, take(&x, 2));
	while (list.n && !list.bad) {
		struct reader one = part(&list, take(&list, 1));
		const char *name = cap_short(c, (struct bytes){one.p, one.n}, 64, 64, false);
		if (server)
			t->alpn = name;
		else if (t->nalpn < sizeof t->alpn_offered / sizeof t->alpn_offered[0])
			t->alpn_offered[t->nalpn++] = name;
	}
}

static void extension(struct capture *c, struct cap_tls *t, unsigned type, struct reader x, bool server)
{
	if (type == 0 && !server) { /* server_name, RFC 6066 3 */
		struct reader list = part(&x, take(&x, 2));
		if (take(&list, 1) == 0) {
			struct reader one = part(&list, take(&list, 2));
			if (!list.bad)
				t->sni = cap_short(c, (struct bytes){one.p, one.n}, 255, 255, false);
		}
	} else if (type == 16) {
		alpn(c, t, x, server);
	} else if (type == 43 && server) { /* supported_versions */
		unsigned v = take(&x, 2);
		if (!x.bad)
			t->version = version_name(v);
	}
}

static void hello(struct capture *c, struct cap_tls *t, struct reader r, bool server)
{
	static const uint8_t retry[8] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11}; /* RFC 8446 4.1.3 */
	unsigned version = take(&r, 2);
	struct reader random = part(&r, 32);
	part(&r, take(&r, 1));
	if (server) {
		if (!random.bad && !memcmp(random.p, retry, sizeof retry)) {
			t->hello_retry = true;
			return;
		}
		t->cipher = take(&r, 2);
		t->has_cipher = !r.bad;
		t->version = version_name(version);
		take(&r, 1);
	} else {
		part(&r, take(&r, 2));
		part(&r, take(&r, 1));
	}
	struct reader ext = part(&r, take(&r, 2));
	while (ext.n && !ext.bad) {
		unsigned type = take(&ext, 2);
		struct reader x = part(&ext, take(&ext, 2));
		extension(c, t, type, x, server);
	}
}

/* Handshake messages that lie in the clear, gathered over records. */
static size_t handshakes(struct capture *c, struct cap_tls *t, struct bytes b, unsigned dir)
{
	size_t used = 0;
	while (b.n - used >= 4) {
		size_t len = (size_t)b.p[used + 1] << 16 | (size_t)b.p[used + 2] << 8 | b.p[used + 3];
		if (len > HANDSHAKE_MAX || b.n - used - 4 < len)
			break;
		uint8_t type = b.p[used];
		t->types[type / 8] |= (uint8_t)(1u << type % 8);
		if (type == 1 && dir == 0 && !t->has_cipher)
			hello(c, t, (struct reader){b.p + used + 4, len, false}, false);
		if (type == 2 && dir == 1)
			hello(c, t, (struct reader){b.p + used + 4, len, false}, true);
		used += 4 + len;
	}
	return used;
}

static const char *record_name(unsigned type)
{
	static const char *const names[] = {
		"ChangeCipherSpec", "Alert", "Handshake", "Application Data", "Heartbeat"};
	return type >= 20 && type <= 24 ? names[type - 20] : "unknown record";
}

static void tls_side(struct cap_pair *p, struct cap_tls *t, unsigned dir)
{
	struct bytes b = cap_rest(p, dir);
	struct buf clear;
	bool secret = false;
	buf_init(&clear, &xalloc, HANDSHAKE_MAX);
	size_t i = 0;
	while (b.n - i >= 5) {
		unsigned type = b.p[i];
		size_t len = (size_t)b.p[i + 3] << 8 | b.p[i + 4];
		if (type < 20 || type > 24 || b.p[i + 1] != 3 || len > RECORD_MAX)
			break;
		if (b.n - i - 5 < len)
			break;
		cap_add_unit(p, dir, p->pos[dir] + i, 5 + len,
			cap_strf(p->c, "TLS %s, %zu bytes", record_name(type), len));
		if (type == RECORD_HANDSHAKE && !secret) {
			buf_add(&clear, (struct bytes){b.p + i + 5, len});
			buf_drop(&clear, handshakes(p->c, t, buf_bytes(&clear), dir));
			if (dir == 0 && !t->client_hello && t->types[0] & 2) {
				t->client_hello = true;
				t->hello = cap_stream_at(&p->s[0], p->pos[0] + i + 4 + len);
			}
		} else if (type == 20) {
			secret = true;
		} else if (type == RECORD_APPLICATION) {
			t->app_data = true;
			secret = true;
		}
		i += 5 + len;
	}
	buf_fini(&clear);
}

void cap_decode_tls(struct cap_pair *p)
{
	struct capture *c = p->c;
	struct cap_tls *t = CAP_PUSH(c->tls, c->ntls, c->tls_cap);
	memset(t, 0, sizeof *t);
	t->conn = p->conn;
	t->hello.pkt = CAP_NONE;
	c->conn[p->conn].tls = c->ntls - 1;
	tls_side(p, t, 0);
	tls_side(p, t, 1);
}
