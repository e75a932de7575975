/*
 * h1_util: tokens, lists and field lookup (RFC 9110 5.5, 5.6), names of statuses and errors.
 */
#include "proto/http1/h1_int.h"

#define T H1_TCHAR
#define V H1_VCHAR
#define U H1_URI
#define R H1_REGNAME
#define VU (V | U)
#define VT (V | T)
#define VTU (V | T | U)
#define VUR (V | U | R)
#define ALL (V | T | U | R)

/* clang-format off */
const uint8_t h1_class[256] = {
	['\t'] = V, [' '] = V,
	['!'] = ALL, ['"'] = V, ['#'] = VT, ['$'] = ALL, ['%'] = ALL, ['&'] = ALL, ['\''] = ALL, ['('] = VUR, [')'] = VUR,
	['*'] = ALL, ['+'] = ALL, [','] = VUR, ['-'] = ALL, ['.'] = ALL, ['/'] = VU,
	['0'] = ALL, ['1'] = ALL, ['2'] = ALL, ['3'] = ALL, ['4'] = ALL, ['5'] = ALL, ['6'] = ALL, ['7'] = ALL, ['8'] = ALL,
	['9'] = ALL, [':'] = VU, [';'] = VUR, ['<'] = V, ['='] = VUR, ['>'] = V, ['?'] = VU, ['@'] = VU,
	['A'] = ALL, ['B'] = ALL, ['C'] = ALL, ['D'] = ALL, ['E'] = ALL, ['F'] = ALL, ['G'] = ALL, ['H'] = ALL, ['I'] = ALL,
	['J'] = ALL, ['K'] = ALL, ['L'] = ALL, ['M'] = ALL, ['N'] = ALL, ['O'] = ALL, ['P'] = ALL, ['Q'] = ALL, ['R'] = ALL,
	['S'] = ALL, ['T'] = ALL, ['U'] = ALL, ['V'] = ALL, ['W'] = ALL, ['X'] = ALL, ['Y'] = ALL, ['Z'] = ALL,
	['['] = VU, ['\\'] = VU, [']'] = VU, ['^'] = VTU, ['_'] = ALL, ['`'] = VTU,
	['a'] = ALL, ['b'] = ALL, ['c'] = ALL, ['d'] = ALL, ['e'] = ALL, ['f'] = ALL, ['g'] = ALL, ['h'] = ALL, ['i'] = ALL,
	['j'] = ALL, ['k'] = ALL, ['l'] = ALL, ['m'] = ALL, ['n'] = ALL, ['o'] = ALL, ['p'] = ALL, ['q'] = ALL, ['r'] = ALL,
	['s'] = ALL, ['t'] = ALL, ['u'] = ALL, ['v'] = ALL, ['w'] = ALL, ['x'] = ALL, ['y'] = ALL, ['z'] = ALL,
	['{'] = VU, ['|'] = VTU, ['}'] = VU, ['~'] = ALL,
	/* obs-text */
#define V8(c) [c] = V, [c + 1] = V, [c + 2] = V, [c + 3] = V, [c + 4] = V, [c + 5] = V, [c + 6] = V, [c + 7] = V
	V8(0x80), V8(0x88), V8(0x90), V8(0x98), V8(0xa0), V8(0xa8), V8(0xb0), V8(0xb8),
	V8(0xc0), V8(0xc8), V8(0xd0), V8(0xd8), V8(0xe0), V8(0xe8), V8(0xf0), V8(0xf8),
#undef V8
};
/* clang-format on */

const struct h1_limits h1_limits_default = {
	.line_octets_max = 16384,
	.head_octets_max = 65536,
	.fields_max = 256,
	.chunk_ext_octets_max = 65536,
	.empty_lines_max = 16,
	.body_octets_max = INT64_MAX,
};

static const struct {
	int status;
	const char *what, *ref;
} errors[] = {
#define X(id, status, what, ref) {status, what, ref},
#include "proto/http1/errors.def"
#undef X
};

struct perr h1_err_info(enum h1_err e, uint64_t off)
{
	if ((unsigned)e >= H1_E_COUNT)
		e = H1_E_NONE;
	return (struct perr){errors[e].status, off, errors[e].what, errors[e].ref};
}

const char *h1_framing_name(enum h1_framing f)
{
	static const char *const names[] = {"none", "length", "chunked", "until-close"};
	return names[f];
}

bool h1_is_tchar(unsigned c)
{
	return c < 256 && (h1_class[c] & H1_TCHAR) != 0;
}

bool h1_is_token(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (!(h1_class[b.p[i]] & H1_TCHAR))
			return false;
	return b.n > 0;
}

static bool is_ows(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes b)
{
	while (b.n > 0 && is_ows(b.p[0]))
		b = bytes_sub(b, 1, b.n - 1);
	while (b.n > 0 && is_ows(b.p[b.n - 1]))
		b.n--;
	return b;
}

bool h1_list_next(struct bytes *rest, struct bytes *element)
{
	while (rest->n > 0) {
		size_t i = 0;
		bool quoted = false;
		for (; i < rest->n && (quoted || rest->p[i] != ','); i++) {
			if (rest->p[i] == '"')
				quoted = !quoted;
			else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
				i++;
		}
		struct bytes e = trim(bytes_sub(*rest, 0, i));
		size_t skip = i < rest->n ? i + 1 : i;
		*rest = bytes_sub(*rest, skip, rest->n - skip);
		if (e.n > 0) {
			*element = e;
			return true;
		}
	}
	return false;
}

const struct h1_field *h1_find(
	const struct h1_field *f, uint32_t n, const char *name, const struct h1_field *after)
{
	struct bytes want = bytes_str(name);
	for (uint32_t i = after != NULL ? (uint32_t)(after - f) + 1 : 0; i < n; i++)
		if (f[i].name.n == want.n && bytes_eq_nocase(f[i].name, want))
			return &f[i];
	return NULL;
}

struct bytes h1_value(const struct h1_head *h, const char *name)
{
	const struct h1_field *f = h1_find(h->fields, h->n_fields, name, NULL);
	return f != NULL ? f->value : BYTES_NONE;
}

uint32_t h1_count(const struct h1_head *h, const char *name)
{
	uint32_t n = 0;
	for (const struct h1_field *f = NULL; (f = h1_find(h->fields, h->n_fields, name, f)) != NULL;)
		n++;
	return n;
}

bool h1_has_token(const struct h1_head *h, const char *name, const char *token)
{
	struct bytes want = bytes_str(token);
	for (const struct h1_field *f = NULL; (f = h1_find(h->fields, h->n_fields, name, f)) != NULL;) {
		struct bytes rest = f->value, e;
		while (h1_list_next(&rest, &e))
			if (bytes_eq_nocase(e, want))
				return true;
	}
	return false;
}

struct bytes h1_media_type(struct bytes v)
{
	size_t i = 0;
	while (i < v.n && v.p[i] != ';')
		i++;
	return trim(bytes_sub(v, 0, i));
}

const char *h1_reason(unsigned status)
{
	switch (status) {
#define X(code, phrase) \
	case code:      \
		return phrase;
#include "proto/http1/statuses.def"
#undef X
	default:
		return "";
	}
}
