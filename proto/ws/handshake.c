/*
 * handshake: judging and writing the opening handshake. See handshake.h; RFC 6455 4.1, 4.2, 9.1; RFC 7692 7.1.
 */
#include "proto/base/codec.h"
#include "proto/ws/handshake.h"

#include <string.h>

#define REF_CLIENT "RFC 6455 4.1"
#define REF_SERVER "RFC 6455 4.2.1"

void ws_accept(struct bytes key, char out[WS_ACCEPT_LEN + 1])
{
	uint8_t joined[256 + sizeof WS_GUID], digest[20];
	size_t n = key.n < 256 ? key.n : 256;
	if (n > 0)
		memcpy(joined, key.p, n);
	memcpy(joined + n, WS_GUID, sizeof WS_GUID - 1);
	sha1((struct bytes){joined, n + sizeof WS_GUID - 1}, digest);
	base64_fixed(out, (struct bytes){digest, sizeof digest});
}

void ws_key(const uint8_t nonce[16], char out[WS_KEY_LEN + 1])
{
	base64_fixed(out, (struct bytes){nonce, 16});
}

/* ---- Sec-WebSocket-Extensions (RFC 6455 9.1) ------------------------------------------------------------------- */

struct ext_param {
	struct bytes name, value; /* value.p == NULL: none was given */
};

static void skip_ws(struct bytes *b)
{
	while (b->n > 0 && (b->p[0] == ' ' || b->p[0] == '\t'))
		*b = bytes_sub(*b, 1, b->n - 1);
}

static bool take(struct bytes *b, char c)
{
	skip_ws(b);
	if (b->n == 0 || b->p[0] != (uint8_t)c)
		return false;
	*b = bytes_sub(*b, 1, b->n - 1);
	return true;
}

static bool take_token(struct bytes *b, struct bytes *token)
{
	size_t i = 0;
	skip_ws(b);
	while (i < b->n && h1_is_tchar(b->p[i]))
		i++;
	*token = bytes_sub(*b, 0, i);
	*b = bytes_sub(*b, i, b->n - i);
	return i > 0;
}

/* A value in quotes must be a token once unquoted; we ask for one without escapes, as nobody sends others. */
static bool take_value(struct bytes *b, struct bytes *value)
{
	if (!take(b, '"'))
		return take_token(b, value);
	size_t i = 0;
	while (i < b->n && h1_is_tchar(b->p[i]))
		i++;
	if (i == 0 || i == b->n || b->p[i] != '"')
		return false;
	*value = bytes_sub(*b, 0, i);
	*b = bytes_sub(*b, i + 1, b->n - i - 1);
	return true;
}

/* The next parameter of the extension at *b. 1: *p filled; 0: the extension ends here; -1: malformed. */
static int next_param(struct bytes *b, struct ext_param *p)
{
	if (!take(b, ';'))
		return 0;
	*p = (struct ext_param){.value = BYTES_NONE};
	if (!take_token(b, &p->name))
		return -1;
	if (take(b, '=') && !take_value(b, &p->value))
		return -1;
	return 1;
}

/* The next extension's name; its parameters follow by next_param. Empty list elements are skipped. 1, 0 at the end, -1. */
static int next_extension(struct bytes *b, struct bytes *name)
{
	while (take(b, ','))
		;
	skip_ws(b);
	if (b->n == 0)
		return 0;
	return take_token(b, name) ? 1 : -1;
}

/* After an extension there must be a comma or the end. */
static bool extension_ends(struct bytes *b)
{
	skip_ws(b);
	return b->n == 0 || b->p[0] == ',';
}

static bool parse_bits(struct bytes v, uint8_t *bits)
{
	unsigned n = 0;
	if (v.n == 0 || v.n > 2 || v.p[0] == '0')
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
		n = n * 10 + (v.p[i] - '0');
	}
	*bits = (uint8_t)n;
	return n >= 8 && n <= 15;
}

static bool take_flag(const struct ext_param *p, bool *flag)
{
	bool ok = p->value.p == NULL && !*flag;
	*flag = true;
	return ok;
}

/* One parameter of permessage-deflate. False when RFC 7692 7.1 does not allow it (unknown, repeated, bad value). */
static bool pmd_param(struct ws_pmd_params *out, const struct ext_param *p, bool is_answer)
{
	if (bytes_eq_str(p->name, "server_no_context_takeover"))
		return take_flag(p, &out->server_no_context_takeover);
	if (bytes_eq_str(p->name, "client_no_context_takeover"))
		return take_flag(p, &out->client_no_context_takeover);
	if (bytes_eq_str(p->name, "server_max_window_bits"))
		return out->server_bits == 0 && parse_bits(p->value, &out->server_bits);
	if (bytes_eq_str(p->name, "client_max_window_bits")) {
		if (out->client_bits != 0)
			return false;
		if (p->value.p == NULL && !is_answer) {
			out->client_bits = WS_PMD_BITS_ANY;
			return true;
		}
		return parse_bits(p->value, &out->client_bits);
	}
	return false;
}

/* Reads one extension. 1: it is permessage-deflate and *legal says whether its parameters are; 2: another one; 0: end; -1. */
static int next_pmd(struct bytes *b, struct ws_pmd_params *out, bool is_answer, bool *legal)
{
	struct bytes name;
	struct ext_param p;
	int rc = next_extension(b, &name);
	if (rc <= 0)
		return rc;
	bool pmd = bytes_eq_str(name, "permessage-deflate");
	*out = (struct ws_pmd_params){0};
	*legal = true;
	while ((rc = next_param(b, &p)) > 0)
		if (pmd && !pmd_param(out, &p, is_answer))
			*legal = false;
	if (rc < 0 || !extension_ends(b))
		return -1;
	return pmd ? 1 : 2;
}

static uint8_t smaller_bits(uint8_t a, uint8_t b)
{
	if (a == 0 || a == WS_PMD_BITS_ANY)
		a = 15;
	if (b == 0)
		b = 15;
	return a < b ? a : b;
}

int ws_pmd_accept(struct bytes offers, const struct ws_pmd_policy *policy, struct ws_pmd_params *answer)
{
	struct ws_pmd_params o;
	bool legal, found = false;
	int rc;
	while ((rc = next_pmd(&offers, &o, false, &legal)) > 0) {
		if (rc != 1 || !legal || found || !policy->on)
			continue;
		found = true;
		*answer = (struct ws_pmd_params){
			.server_no_context_takeover =
				o.server_no_context_takeover || policy->server_no_context_takeover,
			.client_no_context_takeover =
				o.client_no_context_takeover || policy->client_no_context_takeover,
		};
		uint8_t server = smaller_bits(o.server_bits, policy->server_bits_max);
		if (o.server_bits != 0 || server < 15)
			answer->server_bits = server;
		uint8_t client = smaller_bits(o.client_bits, policy->client_bits_max);
		if (o.client_bits != 0 && client < 15)
			answer->client_bits = client;
	}
	return rc < 0 ? -1 : found;
}

/* The answer's parameters fit an offer (RFC 7692 7.1.1, 7.1.2). */
static bool answer_fits(const struct ws_pmd_params *offer, const struct ws_pmd_params *a)
{
	if (offer->server_no_context_takeover && !a->server_no_context_takeover)
		return false;
	if (offer->server_bits != 0 && (a->server_bits == 0 || a->server_bits > offer->server_bits))
		return false;
	if (a->client_bits != 0) {
		if (offer->client_bits == 0)
			return false;
		if (offer->client_bits != WS_PMD_BITS_ANY && a->client_bits > offer->client_bits)
			return false;
	}
	return true;
}

static int refuse(struct perr *why, const char *what, const char *ref)
{
	if (why != NULL)
		*why = (struct perr){1010, 0, what, ref};
	return -1;
}

int ws_pmd_check_answer(
	struct bytes offers, struct bytes answer, struct ws_pmd_params *agreed, struct perr *why)
{
	struct ws_pmd_params a, next, o;
	bool legal, fits = false;
	int rc = next_pmd(&answer, &a, true, &legal);
	if (rc == 0)
		return 0;
	if (rc < 0)
		return refuse(why, "Sec-WebSocket-Extensions is malformed", "RFC 6455 9.1");
	if (rc == 2)
		return refuse(why, "the server chose an extension that was not offered", REF_CLIENT);
	if (!legal)
		return refuse(why, "a permessage-deflate parameter is unknown, repeated or has a bad value",
			"RFC 7692 7.1");
	rc = next_pmd(&answer, &next, true, &legal);
	if (rc < 0)
		return refuse(why, "Sec-WebSocket-Extensions is malformed", "RFC 6455 9.1");
	if (rc > 0)
		return refuse(why, "the server chose more extensions than were offered", "RFC 7692 7");
	while ((rc = next_pmd(&offers, &o, false, &legal)) > 0)
		fits |= rc == 1 && legal && answer_fits(&o, &a);
	if (!fits)
		return refuse(why, "the permessage-deflate answer fits no offer", "RFC 7692 7.1");
	*agreed = a;
	return 1;
}

void ws_pmd_put(struct buf *out, const struct ws_pmd_params *p)
{
	buf_str(out, "permessage-deflate");
	if (p->server_no_context_takeover)
		buf_str(out, "; server_no_context_takeover");
	if (p->client_no_context_takeover)
		buf_str(out, "; client_no_context_takeover");
	if (p->server_bits != 0) {
		buf_str(out, "; server_max_window_bits=");
		buf_dec(out, p->server_bits);
	}
	if (p->client_bits == WS_PMD_BITS_ANY) {
		buf_str(out, "; client_max_window_bits");
	} else if (p->client_bits != 0) {
		buf_str(out, "; client_max_window_bits=");
		buf_dec(out, p->client_bits);
	}
}

struct ws_pmd ws_pmd_of(const struct ws_pmd_params *p, enum ws_role sender)
{
	bool server = sender == WS_SERVER;
	uint8_t bits = server ? p->server_bits : p->client_bits;
	return (struct ws_pmd){
		.on = true,
		.no_context_takeover = server ? p->server_no_context_takeover : p->client_no_context_takeover,
		.window_bits = bits == 0 || bits == WS_PMD_BITS_ANY ? 15 : bits,
	};
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static void deny(struct ws_hs_request *out, unsigned status, const char *what, const char *ref)
{
	out->status = status;
	out->err = (struct perr){(int)status, 0, what, ref};
}

bool ws_key_ok(struct bytes key)
{
	uint8_t room[64];
	struct buf b = {.p = room, .cap = sizeof room, .max = sizeof room, .al = &alloc_libc};
	return key.n == WS_KEY_LEN && base64_get(&b, key, false) && b.n == 16;
}

/* Several fields of one name joined as RFC 9110 5.3 says, when there is at most one the value itself is borrowed. We do not
 * join: all callers can walk. Here: every field is well-formed and its elements are tokens without repetition. */
static bool protocols_ok(const struct h1_head *h)
{
	const char *name = "Sec-WebSocket-Protocol";
	for (const struct h1_field *f = NULL; (f = h1_find(h->fields, h->n_fields, name, f)) != NULL;) {
		struct bytes rest = f->value, e;
		uint32_t n = 0;
		for (; h1_list_next(&rest, &e); n++) {
			uint32_t same = 0;
			if (!h1_is_token(e))
				return false;
			for (const struct h1_field *g = NULL;
				(g = h1_find(h->fields, h->n_fields, name, g)) != NULL;) {
				struct bytes r = g->value, x;
				while (h1_list_next(&r, &x))
					same += bytes_eq(e, x);
			}
			if (same > 1)
				return false;
		}
		if (n == 0)
			return false;
	}
	return true;
}

/* Sec-WebSocket-Version is DIGIT / NZDIGIT DIGIT / "1" DIGIT DIGIT / "2" DIGIT DIGIT (RFC 6455 4.3). */
static bool version_ok(struct bytes v)
{
	if (v.n == 0 || v.n > 3 || (v.n > 1 && v.p[0] == '0') || (v.n == 3 && v.p[0] > '2'))
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	return true;
}

/* Extension offers may be spread over several fields: each is a list of its own. */
static int accept_extensions(
	const struct h1_head *h, const struct ws_pmd_policy *policy, struct ws_hs_request *out)
{
	const char *name = "Sec-WebSocket-Extensions";
	for (const struct h1_field *f = NULL; (f = h1_find(h->fields, h->n_fields, name, f)) != NULL;) {
		struct ws_pmd_params answer;
		int rc = ws_pmd_accept(f->value, policy, &answer);
		if (rc < 0)
			return -1;
		if (rc > 0 && !out->pmd_on) {
			out->pmd_on = true;
			out->pmd = answer;
		}
	}
	return 0;
}

void ws_hs_check_request(
	const struct h1_head *h, const struct ws_pmd_policy *policy, struct ws_hs_request *out)
{
	static const struct ws_pmd_policy off = {0};
	*out = (struct ws_hs_request){
		.key = h1_value(h, "Sec-WebSocket-Key"),
		.protocols = h1_value(h, "Sec-WebSocket-Protocol"),
		.extensions = h1_value(h, "Sec-WebSocket-Extensions"),
	};
	struct bytes version = h1_value(h, "Sec-WebSocket-Version");
	if (!bytes_eq_str(h->method, "GET"))
		deny(out, 400, "the method of an opening handshake is GET", REF_SERVER);
	else if (h->version < 11)
		deny(out, 400, "an opening handshake is at least HTTP/1.1", REF_SERVER);
	else if (!h1_has_token(h, "Upgrade", "websocket"))
		deny(out, 400, "Upgrade does not list websocket", REF_SERVER);
	else if (!h1_has_token(h, "Connection", "upgrade"))
		deny(out, 400, "Connection does not list Upgrade", REF_SERVER);
	else if (h1_count(h, "Sec-WebSocket-Version") != 1 || !version_ok(version))
		deny(out, 400, "there is not exactly one Sec-WebSocket-Version number", REF_SERVER);
	else if (!bytes_eq_str(version, "13"))
		deny(out, 426, "the WebSocket version is not 13", "RFC 6455 4.2.2");
	else if (h1_count(h, "Sec-WebSocket-Key") != 1 || !ws_key_ok(out->key))
		deny(out, 400, "there is not exactly one Sec-WebSocket-Key of 16 octets in base64",
			REF_SERVER);
	else if (!protocols_ok(h))
		deny(out, 400, "Sec-WebSocket-Protocol is not a list of different tokens", REF_CLIENT);
	else if (accept_extensions(h, policy != NULL ? policy : &off, out) < 0)
		deny(out, 400, "Sec-WebSocket-Extensions is malformed", "RFC 6455 9.1");
	else
		out->status = 101;
}

/* ---- responses --------------------------------------------------------------------------------------------------- */

static bool offered(struct bytes list, struct bytes what)
{
	struct bytes e;
	while (h1_list_next(&list, &e))
		if (bytes_eq(e, what))
			return true;
	return false;
}

static const char *judge_response(
	const struct h1_head *h, const struct ws_hs_offer *offer, struct ws_hs_response *out)
{
	char want[WS_ACCEPT_LEN + 1];
	ws_accept(offer->key, want);
	if (h->status != 101)
		return "the status is not 101";
	if (h->version < 11)
		return "the response is not at least HTTP/1.1";
	if (h1_count(h, "Upgrade") != 1 || !bytes_eq_nocase(h1_value(h, "Upgrade"), BYTES_LIT("websocket")))
		return "Upgrade is not websocket";
	if (!h1_has_token(h, "Connection", "upgrade"))
		return "Connection does not list Upgrade";
	if (h1_count(h, "Sec-WebSocket-Accept") != 1 ||
		!bytes_eq_str(h1_value(h, "Sec-WebSocket-Accept"), want))
		return "Sec-WebSocket-Accept does not answer our key";
	uint32_t n = h1_count(h, "Sec-WebSocket-Protocol");
	if (n > 0) {
		out->protocol = h1_value(h, "Sec-WebSocket-Protocol");
		if (n > 1 || !h1_is_token(out->protocol) || !offered(offer->protocols, out->protocol))
			return "the server chose a subprotocol that was not offered";
	}
	return NULL;
}

static int judge_extensions(
	const struct h1_head *h, const struct ws_hs_offer *offer, struct ws_hs_response *out)
{
	const char *name = "Sec-WebSocket-Extensions";
	for (const struct h1_field *f = NULL; (f = h1_find(h->fields, h->n_fields, name, f)) != NULL;) {
		int rc = ws_pmd_check_answer(offer->extensions, f->value, &out->pmd, &out->err);
		if (rc > 0 && out->pmd_on)
			rc = refuse(&out->err, "the server chose more extensions than were offered",
				"RFC 7692 7");
		if (rc < 0)
			return rc;
		out->pmd_on |= rc > 0;
	}
	return 0;
}

void ws_hs_check_response(
	const struct h1_head *h, const struct ws_hs_offer *offer, struct ws_hs_response *out)
{
	*out = (struct ws_hs_response){.ok = false};
	const char *what = judge_response(h, offer, out);
	if (what != NULL)
		out->err = (struct perr){0, 0, what, REF_CLIENT};
	else
		out->ok = judge_extensions(h, offer, out) == 0;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

bool ws_hs_put_request_fields(struct buf *out, const struct ws_hs_offer *offer)
{
	bool ok = h1_put_field_str(out, "Upgrade", "websocket") &&
		  h1_put_field_str(out, "Connection", "Upgrade") &&
		  h1_put_field(out, "Sec-WebSocket-Key", offer->key) &&
		  h1_put_field_str(out, "Sec-WebSocket-Version", "13");
	if (ok && offer->protocols.n > 0)
		ok = h1_put_field(out, "Sec-WebSocket-Protocol", offer->protocols);
	if (ok && offer->extensions.n > 0)
		ok = h1_put_field(out, "Sec-WebSocket-Extensions", offer->extensions);
	return ok;
}

bool ws_hs_put_response(struct buf *out, const struct ws_hs_request *req, struct bytes protocol)
{
	char accept[WS_ACCEPT_LEN + 1];
	ws_accept(req->key, accept);
	bool ok = h1_put_status_line(out, 101, NULL) && h1_put_field_str(out, "Upgrade", "websocket") &&
		  h1_put_field_str(out, "Connection", "Upgrade") &&
		  h1_put_field_str(out, "Sec-WebSocket-Accept", accept);
	if (ok && protocol.n > 0)
		ok = h1_put_field(out, "Sec-WebSocket-Protocol", protocol);
	if (ok && req->pmd_on) {
		buf_str(out, "Sec-WebSocket-Extensions: ");
		ws_pmd_put(out, &req->pmd);
		buf_str(out, "\r\n");
	}
	if (ok)
		h1_put_end(out);
	return ok;
}
