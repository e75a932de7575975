/*
 * Lists of header fields and the rules of RFC 9113 8.2 and 8.3 (RFC 9114 4.2 and 4.3).
 */
#include "proto/hpack/hfields.h"

#include <string.h>

void hfields_init(struct hfields *l, const struct alloc *al, size_t octets_max)
{
	*l = (struct hfields){.al = al};
	buf_init(&l->octets, al, octets_max);
}

void hfields_fini(struct hfields *l)
{
	buf_fini(&l->octets);
	alloc_put(l->al, l->rows, l->cap * sizeof *l->rows);
	*l = (struct hfields){.al = l->al};
}

void hfields_clear(struct hfields *l)
{
	buf_clear(&l->octets);
	l->count = 0;
}

static bool rows_grow(struct hfields *l)
{
	size_t cap = l->cap ? 2 * l->cap : 16;
	struct hfields_row *rows =
		l->al->resize(l->al->ctx, l->rows, l->cap * sizeof *rows, cap * sizeof *rows);
	if (!rows)
		return false;
	l->rows = rows;
	l->cap = cap;
	return true;
}

bool hfields_add(struct hfields *l, struct bytes name, struct bytes value, bool never_indexed)
{
	if (l->count >= HFIELDS_COUNT_MAX || name.n + value.n > l->octets.max - l->octets.n)
		return false;
	if (l->count == l->cap && !rows_grow(l))
		return false;
	size_t off = l->octets.n;
	buf_add(&l->octets, name);
	buf_add(&l->octets, value);
	if (l->octets.failed)
		return false;
	l->rows[l->count++] =
		(struct hfields_row){(uint32_t)off, (uint32_t)name.n, (uint32_t)value.n, never_indexed};
	return true;
}

struct hfield hfields_at(const struct hfields *l, size_t i)
{
	const struct hfields_row *r = &l->rows[i];
	struct bytes all = buf_bytes(&l->octets);
	return (struct hfield){bytes_sub(all, r->off, r->name_len),
		bytes_sub(all, r->off + r->name_len, r->value_len), r->never_indexed};
}

struct bytes hfields_get(const struct hfields *l, const char *name, bool *found)
{
	for (size_t i = 0; i < l->count; i++) {
		struct hfield f = hfields_at(l, i);
		if (bytes_eq_str(f.name, name)) {
			if (found)
				*found = true;
			return f.value;
		}
	}
	if (found)
		*found = false;
	return BYTES_NONE;
}

bool hfield_is_tchar(uint8_t c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

/* The pseudo-header fields there are (RFC 9113 8.3.1, 8.3.2, RFC 8441 4). */
enum pseudo { P_METHOD = 1, P_SCHEME = 2, P_AUTHORITY = 4, P_PATH = 8, P_PROTOCOL = 16, P_STATUS = 32 };

static const struct {
	const char *name;
	enum pseudo bit;
	enum hmsg_kind kind;
} pseudos[] = {
	{":method", P_METHOD, HMSG_REQUEST},
	{":scheme", P_SCHEME, HMSG_REQUEST},
	{":authority", P_AUTHORITY, HMSG_REQUEST},
	{":path", P_PATH, HMSG_REQUEST},
	{":protocol", P_PROTOCOL, HMSG_REQUEST},
	{":status", P_STATUS, HMSG_RESPONSE},
};

struct check {
	struct hmsg *m;
	const struct hfields *l;
	unsigned seen;
	bool regular; /* a field that is not a pseudo-header has been seen */
	bool has_host;
	struct bytes method, scheme, authority, path, host;
};

static bool bad(struct hmsg *m, const char *what, const char *ref)
{
	m->what = what;
	m->ref = ref;
	return false;
}

/* RFC 9113 8.2.1: octets of names; the colon of pseudo-headers is taken off before. */
static bool name_ok(struct hmsg *m, struct bytes n)
{
	if (n.n == 0)
		return bad(m, "a field has no name", "RFC 9113 8.2.1");
	for (size_t i = 0; i < n.n; i++) {
		if (n.p[i] >= 'A' && n.p[i] <= 'Z')
			return bad(m, "a field name has an upper-case letter", "RFC 9113 8.2.1");
		if (!hfield_is_tchar(n.p[i]))
			return bad(m, "a field name has an octet that is not allowed", "RFC 9113 8.2.1");
	}
	return true;
}

static bool is_ws(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool value_ok(struct hmsg *m, struct bytes v)
{
	for (size_t i = 0; i < v.n; i++)
		if ((v.p[i] < 0x20 && v.p[i] != '\t') || v.p[i] == 0x7f)
			return bad(m, "a field value has a control octet", "RFC 9113 8.2.1");
	if (v.n && (is_ws(v.p[0]) || is_ws(v.p[v.n - 1])))
		return bad(m, "a field value begins or ends with white space", "RFC 9113 8.2.1");
	return true;
}

static bool pseudo_field(struct check *c, struct hfield f)
{
	struct hmsg *m = c->m;
	if (m->kind == HMSG_TRAILERS)
		return bad(m, "a trailer section holds a pseudo-header field", "RFC 9113 8.1");
	if (c->regular)
		return bad(m, "a pseudo-header field comes after a regular field", "RFC 9113 8.3");
	unsigned bit = 0;
	for (size_t i = 0; i < sizeof pseudos / sizeof *pseudos; i++)
		if (bytes_eq_str(f.name, pseudos[i].name) && pseudos[i].kind == m->kind)
			bit = pseudos[i].bit;
	if (!bit || (bit == P_PROTOCOL && !m->extended_connect))
		return bad(m, "this pseudo-header field is not defined here", "RFC 9113 8.3");
	if (c->seen & bit)
		return bad(m, "a pseudo-header field comes twice", "RFC 9113 8.3");
	c->seen |= bit;
	if (bit == P_METHOD)
		c->method = f.value;
	else if (bit == P_SCHEME)
		c->scheme = f.value;
	else if (bit == P_AUTHORITY)
		c->authority = f.value;
	else if (bit == P_PATH)
		c->path = f.value;
	else if (bit == P_STATUS) {
		if (f.value.n != 3 || f.value.p[0] < '1' || f.value.p[0] > '9' || f.value.p[1] < '0' ||
			f.value.p[1] > '9' || f.value.p[2] < '0' || f.value.p[2] > '9')
			return bad(m, ":status is not three digits", "RFC 9113 8.3.2");
		m->status = (f.value.p[0] - '0') * 100 + (f.value.p[1] - '0') * 10 + f.value.p[2] - '0';
	}
	return true;
}

/* content-length: digits, and every copy the same (RFC 9110 8.6). */
static bool length_field(struct hmsg *m, struct bytes v)
{
	uint64_t n = 0;
	if (v.n == 0 || v.n > 18)
		return bad(m, "content-length is not a number", "RFC 9113 8.1.1");
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return bad(m, "content-length is not a number", "RFC 9113 8.1.1");
		n = n * 10 + (uint64_t)(v.p[i] - '0');
	}
	if (m->has_length && m->content_length != n)
		return bad(m, "two different content-length fields", "RFC 9110 8.6");
	m->has_length = true;
	m->content_length = n;
	return true;
}

static bool regular_field(struct check *c, struct hfield f)
{
	static const char *const connection_specific[] = {
		"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade"};
	c->regular = true;
	for (size_t i = 0; i < sizeof connection_specific / sizeof *connection_specific; i++)
		if (bytes_eq_str(f.name, connection_specific[i]))
			return bad(c->m, "a field that concerns the connection has no place here",
				"RFC 9113 8.2.2");
	if (bytes_eq_str(f.name, "te") && !bytes_eq_nocase(f.value, BYTES_LIT("trailers")))
		return bad(c->m, "TE may only say \"trailers\"", "RFC 9113 8.2.2");
	if (bytes_eq_str(f.name, "content-length") && c->m->kind != HMSG_TRAILERS)
		return length_field(c->m, f.value);
	if (bytes_eq_str(f.name, "host")) {
		if (c->has_host && c->m->kind == HMSG_REQUEST)
			return bad(c->m, "host comes twice", "RFC 9110 7.2");
		c->has_host = true;
		c->host = f.value;
	}
	return true;
}

static bool has_octet(struct bytes b, uint8_t c)
{
	return b.n && memchr(b.p, c, b.n) != NULL;
}

static bool scheme_ok(struct bytes s)
{
	if (s.n == 0 || !((s.p[0] | 0x20) >= 'a' && (s.p[0] | 0x20) <= 'z'))
		return false;
	for (size_t i = 1; i < s.n; i++) {
		uint8_t l = s.p[i] | 0x20;
		if (!((l >= 'a' && l <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '+' ||
			    s.p[i] == '-' || s.p[i] == '.'))
			return false;
	}
	return true;
}

/* host [":" port] by the octets RFC 3986 3.2 allows; userinfo has no place here. */
static bool authority_ok(struct bytes a)
{
	for (size_t i = 0; i < a.n; i++) {
		uint8_t o = a.p[i], l = o | 0x20;
		if (!((l >= 'a' && l <= 'z') || (o >= '0' && o <= '9')) &&
			(o == 0 || !strchr("-._~%!$&'()*+,;=:[]", o)))
			return false;
	}
	return true;
}

static bool connect_ok(struct check *c)
{
	if (c->seen & (P_SCHEME | P_PATH))
		return bad(c->m, "CONNECT has neither :scheme nor :path", "RFC 9113 8.5");
	if (!(c->seen & P_AUTHORITY) || c->authority.n == 0)
		return bad(c->m, "CONNECT needs :authority", "RFC 9113 8.5");
	if (!authority_ok(c->authority))
		return bad(c->m, ":authority is not a host and port", "RFC 9113 8.3.1");
	c->m->connect = true;
	return true;
}

static bool path_ok(struct check *c, bool options)
{
	if (c->path.n == 0)
		return bad(c->m, ":path is empty", "RFC 9113 8.3.1");
	if (c->path.p[0] == '*' && c->path.n == 1)
		return options || bad(c->m, ":path \"*\" is for OPTIONS only", "RFC 9113 8.3.1");
	if (c->path.p[0] != '/')
		return bad(c->m, ":path does not begin with \"/\"", "RFC 9113 8.3.1");
	if (has_octet(c->path, ' ') || has_octet(c->path, '\t') || has_octet(c->path, '#'))
		return bad(c->m, ":path holds an octet that no path has", "RFC 9113 8.3.1");
	return true;
}

/* Which pseudo-header fields there must be (RFC 9113 8.3.1, 8.5; RFC 8441 4). */
static bool request_ok(struct check *c)
{
	struct hmsg *m = c->m;
	if (!(c->seen & P_METHOD))
		return bad(m, ":method is missing", "RFC 9113 8.3.1");
	for (size_t i = 0; i < c->method.n; i++)
		if (!hfield_is_tchar(c->method.p[i]))
			return bad(m, ":method is not a token", "RFC 9113 8.3.1");
	if (c->method.n == 0)
		return bad(m, ":method is empty", "RFC 9113 8.3.1");
	bool is_connect = bytes_eq_str(c->method, "CONNECT");
	if ((c->seen & P_PROTOCOL) && !is_connect)
		return bad(m, ":protocol belongs to CONNECT", "RFC 8441 4");
	if (is_connect && !(c->seen & P_PROTOCOL))
		return connect_ok(c);
	if (!(c->seen & P_SCHEME) || !(c->seen & P_PATH))
		return bad(m, ":scheme or :path is missing", "RFC 9113 8.3.1");
	if (!scheme_ok(c->scheme))
		return bad(m, ":scheme is no scheme", "RFC 9113 8.3.1");
	m->head = bytes_eq_str(c->method, "HEAD");
	bool http = bytes_eq_nocase(c->scheme, BYTES_LIT("http")) ||
		    bytes_eq_nocase(c->scheme, BYTES_LIT("https"));
	if (!http)
		return true;
	if (!path_ok(c, bytes_eq_str(c->method, "OPTIONS")))
		return false;
	if (m->need_authority && !(c->seen & P_AUTHORITY) && !c->has_host)
		return bad(m, "neither :authority nor host names the origin", "RFC 9114 4.3.1");
	if (((c->seen & P_AUTHORITY) && c->authority.n == 0) || (c->has_host && c->host.n == 0))
		return bad(m, "the authority is empty", "RFC 9113 8.3.1");
	if (has_octet(c->authority, '@'))
		return bad(m, ":authority holds userinfo", "RFC 9113 8.3.1");
	if (!authority_ok(c->authority) || !authority_ok(c->host))
		return bad(m, ":authority or host is not a host and port", "RFC 9113 8.3.1");
	if ((c->seen & P_AUTHORITY) && c->has_host && !bytes_eq_nocase(c->authority, c->host))
		return bad(m, "host and :authority differ", "RFC 9113 8.3.1");
	return true;
}

bool hmsg_check(struct hmsg *m, const struct hfields *l)
{
	struct check c = {.m = m, .l = l};
	for (m->at = 0; m->at < l->count; m->at++) {
		struct hfield f = hfields_at(l, m->at);
		bool pseudo = f.name.n && f.name.p[0] == ':';
		if (!name_ok(m, pseudo ? bytes_sub(f.name, 1, f.name.n - 1) : f.name) ||
			!value_ok(m, f.value))
			return false;
		if (!(pseudo ? pseudo_field(&c, f) : regular_field(&c, f)))
			return false;
	}
	if (m->kind == HMSG_REQUEST)
		return request_ok(&c);
	if (m->kind == HMSG_RESPONSE && !(c.seen & P_STATUS))
		return bad(m, ":status is missing", "RFC 9113 8.3.2");
	if (m->kind == HMSG_RESPONSE && m->status == 101)
		return bad(m, "101 does not exist here", "RFC 9113 8.6");
	return true;
}
