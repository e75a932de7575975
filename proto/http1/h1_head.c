/*
 * h1_head: the grammar of single lines, and what a whole head means for framing and persistence.
 *
 *   request-line = method SP request-target SP HTTP-version     (RFC 9112 3)
 *   status-line  = HTTP-version SP status-code SP [ reason ]     (RFC 9112 4)
 *   field-line   = field-name ":" OWS field-value OWS            (RFC 9112 5)
 *   chunk-line   = 1*HEXDIG *( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )   (RFC 9112 7.1)
 *
 * The order of checks in h1_finish_head is that of RFC 9112 6.3.
 */
#include "proto/base/codec.h"
#include "proto/http1/h1_int.h"

#include <string.h>

static bool is_ows(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(uint8_t c)
{
	return (unsigned)c - '0' < 10u;
}

static enum h1_err parse_version(struct bytes v, uint8_t *version)
{
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0)
		return H1_E_VERSION;
	if (!is_digit(v.p[5]) || v.p[6] != '.' || !is_digit(v.p[7]))
		return H1_E_VERSION;
	if (v.p[5] != '1')
		return H1_E_MAJOR;
	*version = (uint8_t)(10 + v.p[7] - '0');
	return H1_E_NONE;
}

static bool absolute_form_ok(struct bytes t)
{
	size_t i = 0;
	while (i < t.n &&
		((t.p[i] | 0x20u) - 'a' < 26u ||
			(i > 0 && (is_digit(t.p[i]) || t.p[i] == '+' || t.p[i] == '-' || t.p[i] == '.'))))
		i++;
	if (i == 0 || i == t.n || t.p[i] != ':')
		return false;
	/* Without "//" it could not be told from the host:port of a CONNECT that a proxy passes on. */
	if (t.n - i < 4 || t.p[i + 1] != '/' || t.p[i + 2] != '/')
		return false;
	struct bytes scheme = bytes_sub(t, 0, i);
	if (!bytes_eq_nocase(scheme, BYTES_LIT("http")) && !bytes_eq_nocase(scheme, BYTES_LIT("https")))
		return true;
	size_t start = i + 3, end = start;
	while (end < t.n && t.p[end] != '/' && t.p[end] != '?')
		end++;
	return h1_authority_ok(bytes_sub(t, start, end - start), true, false);
}

/* RFC 9112 3.2: origin-form, absolute-form, authority-form (CONNECT only), asterisk-form (OPTIONS only). `t` is not empty and
 * consists of URI characters. */
static bool target_ok(struct bytes method, struct bytes t)
{
	if (method.n == 7 && bytes_eq(method, BYTES_LIT("CONNECT")))
		return h1_authority_ok(t, true, true);
	if (t.p[0] == '/')
		return true;
	if (t.n == 1 && t.p[0] == '*')
		return bytes_eq(method, BYTES_LIT("OPTIONS"));
	return absolute_form_ok(t);
}

static size_t run_of(struct bytes b, size_t i, uint8_t class)
{
	while (i < b.n && (h1_class[b.p[i]] & class))
		i++;
	return i;
}

/* What is wrong with a request line that request_line_parts did not take, in the order of its parts. */
static enum h1_err request_line_fault(struct h1_head *h, struct bytes line)
{
	size_t a = 0, b;
	while (a < line.n && line.p[a] != ' ')
		a++;
	b = a + 1;
	while (b < line.n && line.p[b] != ' ')
		b++;
	if (b >= line.n || a == 0 || b == a + 1)
		return H1_E_REQUEST_LINE;
	if (!h1_is_token(bytes_sub(line, 0, a)))
		return H1_E_METHOD;
	struct bytes version = bytes_sub(line, b + 1, line.n - b - 1);
	for (size_t i = 0; i < version.n; i++)
		if (is_ows(version.p[i]))
			return H1_E_REQUEST_LINE;
	enum h1_err e = parse_version(version, &h->version);
	return e != H1_E_NONE ? e : H1_E_TARGET;
}

/* The three parts in one pass, each octet looked up once. */
enum h1_err h1_parse_request_line(struct h1_head *h, struct bytes line, uint64_t off)
{
	size_t a = run_of(line, 0, H1_TCHAR);
	size_t b = a < line.n ? run_of(line, a + 1, H1_URI) : a;
	if (a == 0 || b <= a + 1 || line.n - b != 9 || line.p[a] != ' ' || line.p[b] != ' ' ||
		parse_version(bytes_sub(line, b + 1, 8), &h->version) != H1_E_NONE)
		return request_line_fault(h, line);
	h->method = bytes_sub(line, 0, a);
	h->target = bytes_sub(line, a + 1, b - a - 1);
	h->target_off = off + a + 1;
	return target_ok(h->method, h->target) ? H1_E_NONE : H1_E_TARGET;
}

enum h1_err h1_parse_status_line(struct h1_head *h, struct bytes line, uint64_t off)
{
	if (line.n < 8)
		return H1_E_STATUS_LINE;
	enum h1_err e = parse_version(bytes_sub(line, 0, 8), &h->version);
	if (e != H1_E_NONE)
		return e;
	if (line.n < 13 || line.p[8] != ' ' || line.p[12] != ' ')
		return H1_E_STATUS_LINE;
	uint16_t status = 0;
	for (size_t i = 9; i < 12; i++) {
		if (!is_digit(line.p[i]))
			return H1_E_STATUS_LINE;
		status = (uint16_t)(status * 10 + (line.p[i] - '0'));
	}
	if (status < 100)
		return H1_E_STATUS_LINE;
	h->status = status;
	h->reason = bytes_sub(line, 13, line.n - 13);
	h->reason_off = off + 13;
	return H1_E_NONE;
}

enum h1_err h1_parse_field(struct h1_field *f, struct bytes line, uint64_t off)
{
	size_t i = run_of(line, 0, H1_TCHAR);
	if (i == line.n)
		return H1_E_NO_COLON;
	if (line.p[i] != ':' || i == 0) {
		if (!is_ows(line.p[i]))
			return H1_E_FIELD_NAME;
		for (size_t k = i; k < line.n; k++) {
			if (line.p[k] == ':')
				return H1_E_SPACE_COLON;
			if (!is_ows(line.p[k]))
				break;
		}
		for (size_t k = i; k < line.n; k++)
			if (line.p[k] == ':')
				return H1_E_FIELD_NAME;
		return H1_E_NO_COLON;
	}
	size_t a = i + 1, b = line.n;
	while (a < b && is_ows(line.p[a]))
		a++;
	while (b > a && is_ows(line.p[b - 1]))
		b--;
	*f = (struct h1_field){
		.name = bytes_sub(line, 0, i),
		.value = bytes_sub(line, a, b - a),
		.name_off = off,
		.value_off = off + a,
	};
	return H1_E_NONE;
}

/* What the fields of a head say about framing. */
struct framing_facts {
	uint32_t n_host, n_length, n_te_lines;
	const struct h1_field *host;
	uint64_t length;
	enum h1_err length_err, te_err;
	uint32_t n_codings, n_chunked;
	bool chunked_last, other_coding;
	bool close, keep_alive, upgrade_option, upgrade_field, expect_continue;
};

static enum h1_err parse_length(struct bytes v, uint64_t *out)
{
	uint64_t n = 0;
	bool list = false, overflow = false;
	size_t digits = 0;
	while (digits < v.n && digits < 18 && is_digit(v.p[digits])) /* cannot overflow */
		n = n * 10 + (v.p[digits++] - '0');
	if (digits == v.n && digits > 0) {
		*out = n;
		return H1_E_NONE;
	}
	n = 0;
	for (size_t i = 0; i < v.n; i++) {
		list |= v.p[i] == ',';
		if (!is_digit(v.p[i]))
			continue;
		unsigned d = v.p[i] - '0';
		overflow |= n > ((uint64_t)INT64_MAX - d) / 10;
		n = overflow ? 0 : n * 10 + d;
	}
	for (size_t i = 0; i < v.n; i++)
		if (!is_digit(v.p[i]))
			return list ? H1_E_CL_TWICE : H1_E_CL_VALUE;
	*out = n;
	return v.n == 0 ? H1_E_CL_VALUE : overflow ? H1_E_CL_OVERFLOW : H1_E_NONE;
}

static bool known_coding(struct bytes c)
{
	static const char *const known[] = {"gzip", "x-gzip", "deflate", "compress", "x-compress"};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (bytes_eq_nocase(c, bytes_str(known[i])))
			return true;
	return false;
}

static void note_codings(struct framing_facts *k, struct bytes value)
{
	struct bytes e;
	if (value.n == 7 && memcmp(value.p, "chunked", 7) == 0) { /* nearly all are */
		k->n_codings++;
		k->n_chunked++;
		k->chunked_last = true;
		return;
	}
	while (h1_list_next(&value, &e)) {
		size_t i = 0;
		while (i < e.n && h1_is_tchar(e.p[i]))
			i++;
		struct bytes name = bytes_sub(e, 0, i);
		k->n_codings++;
		k->chunked_last = false;
		if (i == 0)
			k->te_err = H1_E_TE_VALUE;
		else if (bytes_eq_nocase(name, BYTES_LIT("chunked"))) {
			k->n_chunked++;
			k->chunked_last = true;
			if (i < e.n)
				k->te_err = H1_E_TE_VALUE;
		} else if (known_coding(name)) {
			k->other_coding = true;
		} else {
			k->te_err = H1_E_TE_UNKNOWN;
		}
	}
}

static void note_connection(struct framing_facts *k, struct bytes value)
{
	struct bytes e;
	while (h1_list_next(&value, &e)) {
		k->close |= bytes_eq_nocase(e, BYTES_LIT("close"));
		k->keep_alive |= bytes_eq_nocase(e, BYTES_LIT("keep-alive"));
		k->upgrade_option |= bytes_eq_nocase(e, BYTES_LIT("upgrade"));
	}
}

static bool is(const struct h1_field *f, struct bytes name)
{
	return f->name.n == name.n && (f->name.p[0] | 0x20) == name.p[0] && bytes_eq_nocase(f->name, name);
}

static void note_field(struct framing_facts *k, const struct h1_field *f)
{
	switch (f->name.n) {
	case 4:
		if (is(f, BYTES_LIT("host"))) {
			k->n_host++;
			k->host = f;
		}
		break;
	case 6:
		if (is(f, BYTES_LIT("expect")))
			k->expect_continue |= bytes_eq_nocase(f->value, BYTES_LIT("100-continue"));
		break;
	case 7:
		if (is(f, BYTES_LIT("upgrade")))
			k->upgrade_field |= f->value.n > 0;
		break;
	case 10:
		if (is(f, BYTES_LIT("connection")))
			note_connection(k, f->value);
		break;
	case 14:
		if (is(f, BYTES_LIT("content-length"))) {
			enum h1_err e = parse_length(f->value, &k->length);
			if (k->length_err == H1_E_NONE)
				k->length_err = e;
			if (++k->n_length > 1 && k->length_err == H1_E_NONE)
				k->length_err = H1_E_CL_TWICE;
		}
		break;
	case 17:
		if (is(f, BYTES_LIT("transfer-encoding"))) {
			k->n_te_lines++;
			note_codings(k, f->value);
		}
		break;
	default:
		break;
	}
}

static enum h1_err check_host(const struct h1_head *h, const struct framing_facts *k)
{
	if (k->n_host > 1)
		return H1_E_HOST_TWICE;
	if (k->n_host == 0)
		return h->version >= 11 ? H1_E_HOST_MISSING : H1_E_NONE;
	return h1_authority_ok(k->host->value, false, false) ? H1_E_NONE : H1_E_HOST_VALUE;
}

/* A response without a body, whatever its fields say (RFC 9112 6.3, rules 1 and 2). */
static bool bodyless(struct h1_head *h, unsigned answered)
{
	h->interim = h->status < 200 && h->status != 101;
	h->switches = h->status == 101 || (answered == H1_ANS_CONNECT && h->status / 100 == 2);
	return h->switches || h->interim || h->status == 204 || h->status == 304 || answered == H1_ANS_HEAD;
}

static enum h1_err find_framing(struct h1_head *h, enum h1_role role, const struct framing_facts *k)
{
	bool response = role == H1_RESPONSES;
	if (k->n_te_lines > 0) {
		if (h->version < 11)
			return H1_E_TE_VERSION;
		if (k->te_err != H1_E_NONE)
			return k->te_err;
		if (k->n_codings == 0)
			return H1_E_TE_VALUE;
		if (k->n_chunked > 1)
			return H1_E_TE_TWICE;
		if (k->n_length > 0)
			return H1_E_CL_AND_TE;
		if (!response && !k->chunked_last)
			return H1_E_TE_NOT_LAST;
		if (!response && k->other_coding)
			return H1_E_TE_UNKNOWN;
		h->framing = k->chunked_last ? H1_FRAMING_CHUNKED : H1_FRAMING_UNTIL_CLOSE;
		return H1_E_NONE;
	}
	if (k->n_length > 0) {
		if (k->length_err != H1_E_NONE)
			return k->length_err;
		h->framing = H1_FRAMING_LENGTH;
		h->content_length = k->length;
		return H1_E_NONE;
	}
	h->framing = response ? H1_FRAMING_UNTIL_CLOSE : H1_FRAMING_NONE;
	return H1_E_NONE;
}

enum h1_err h1_finish_head(struct h1_head *h, enum h1_role role, unsigned answered)
{
	struct framing_facts k = {0};
	for (uint32_t i = 0; i < h->n_fields; i++)
		note_field(&k, &h->fields[i]);
	enum h1_err e = role == H1_REQUESTS ? check_host(h, &k) : H1_E_NONE;
	if (e != H1_E_NONE)
		return e;
	h->framing = H1_FRAMING_NONE;
	if (role == H1_REQUESTS || !bodyless(h, answered)) {
		e = find_framing(h, role, &k);
		if (e != H1_E_NONE)
			return e;
	}
	h->keep_alive =
		!k.close && (h->version >= 11 || k.keep_alive) && h->framing != H1_FRAMING_UNTIL_CLOSE;
	h->upgrade = h->version >= 11 && k.upgrade_field && k.upgrade_option;
	h->expect_continue = role == H1_REQUESTS && h->version >= 11 && k.expect_continue;
	return H1_E_NONE;
}

static void skip_bws(struct bytes b, size_t *i)
{
	while (*i < b.n && is_ows(b.p[*i]))
		(*i)++;
}

/* chunk-ext-val: token or quoted-string at *i. */
static bool ext_value(struct bytes b, size_t *i)
{
	size_t start = *i;
	if (start < b.n && b.p[start] == '"') {
		for (size_t k = start + 1; k < b.n; k++) {
			if (b.p[k] == '"') {
				*i = k + 1;
				return true;
			}
			if (b.p[k] == '\\')
				k++;
		}
		return false;
	}
	while (*i < b.n && h1_is_tchar(b.p[*i]))
		(*i)++;
	return *i > start;
}

static bool chunk_ext_ok(struct bytes b)
{
	size_t i = 0;
	while (i < b.n) {
		skip_bws(b, &i);
		if (i == b.n || b.p[i] != ';')
			return false;
		i++;
		skip_bws(b, &i);
		size_t start = i;
		while (i < b.n && h1_is_tchar(b.p[i]))
			i++;
		if (i == start)
			return false;
		size_t after = i;
		skip_bws(b, &i);
		if (i < b.n && b.p[i] == '=') {
			i++;
			skip_bws(b, &i);
			if (!ext_value(b, &i))
				return false;
		} else {
			i = after;
		}
	}
	return true;
}

enum h1_err h1_parse_chunk_line(struct bytes line, uint64_t *size, struct bytes *ext)
{
	uint64_t v = 0;
	size_t i = 0;
	for (; i < line.n; i++) {
		int d = hex_digit(line.p[i]);
		if (d < 0)
			break;
		if (v > (uint64_t)INT64_MAX >> 4)
			return H1_E_CHUNK_OVERFLOW;
		v = v << 4 | (unsigned)d;
	}
	if (i == 0)
		return H1_E_CHUNK_SIZE;
	*size = v;
	*ext = bytes_sub(line, i, line.n - i);
	return chunk_ext_ok(*ext) ? H1_E_NONE : H1_E_CHUNK_EXT;
}
