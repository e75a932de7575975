/*
 * heads: the HTTP/1.1 requests and responses of the techniques, as different senders write them.
 *
 *	browser   what Chromium sends with fetch, EventSource and WebSocket, and a server with the usual security
 *	          fields answers (sizes near SZ-01, SZ-02, SZ-10, SZ-13)
 *	curl      Host, User-Agent, Accept; the answer as a plain Node server writes it
 *	minimal   what the protocol itself requires
 *	own       the lines given and no others; what the protocol requires is added where no line gives it
 *
 * Connection, Content-Length, Transfer-Encoding and the WebSocket key follow from the exchange, never from a list.
 * The Date is the simulated clock counted from 1970-01-01. A head that was rendered for equal facts before is shared.
 */
#include "proto/tech/tech_int.h"

#include "proto/ws/handshake.h"

#include <string.h>

#define CHROME_AGENT                                                                               \
	"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 " \
	"Safari/537.36"
#define CHROME_BRANDS "\"Not/A)Brand\";v=\"8\", \"Chromium\";v=\"126\", \"Google Chrome\";v=\"126\""
#define DEFLATE_OFFER "permessage-deflate; client_max_window_bits"

void tech_site_init(struct tech_site *s, const struct alloc *al, enum tech_kind kind,
	const struct tech_opts *opts, const char *path, const char *host)
{
	*s = (struct tech_site){.al = al, .kind = kind, .opts = opts};
	if (!path)
		path = opts->path ? opts->path : tech_def(kind)->path;
	size_t n = strlen(path) < sizeof s->path - 1 ? strlen(path) : sizeof s->path - 1;
	memcpy(s->path, path, n);
	n = strlen(host) < sizeof s->host - 1 ? strlen(host) : sizeof s->host - 1;
	memcpy(s->host, host, n);
}

void tech_site_changed(struct tech_site *s)
{
	blob_unref(s->granted.in.blob);
	s->granted = (struct tech_granted){0};
	for (int i = 0; i < TECH_CACHE; i++) {
		blob_unref(s->requests.v[i].blob);
		blob_unref(s->responses.v[i].blob);
		s->requests.v[i].blob = s->responses.v[i].blob = NULL;
	}
}

void tech_site_fini(struct tech_site *s)
{
	tech_site_changed(s);
	tech_subscribers_fini(s);
	tech_memory_fini(&s->memory);
	tech_spare_fini(&s->spare, s->al);
}

static bool is_key(const struct tech_cached *e, uint64_t k0, uint64_t k1, uint64_t k2)
{
	return e->blob && e->key[0] == k0 && e->key[1] == k1 && e->key[2] == k2;
}

static const struct tech_cached *find(struct tech_cache *c, uint64_t k0, uint64_t k1, uint64_t k2)
{
	if (is_key(&c->v[c->latest], k0, k1, k2)) /* most often the same again */
		return &c->v[c->latest];
	for (uint32_t i = 0; i < TECH_CACHE; i++)
		if (is_key(&c->v[i], k0, k1, k2))
			return &c->v[c->latest = i];
	return NULL;
}

struct blob *tech_cache_get(struct tech_cache *c, uint64_t k0, uint64_t k1, uint64_t k2)
{
	const struct tech_cached *e = find(c, k0, k1, k2);
	return e ? blob_ref(e->blob) : NULL;
}

void tech_cache_put(struct tech_cache *c, uint64_t k0, uint64_t k1, uint64_t k2, struct blob *b)
{
	struct tech_cached *e = &c->v[c->latest = c->turn++ % TECH_CACHE];
	if (e->blob)
		blob_unref(e->blob);
	*e = (struct tech_cached){.key = {k0, k1, k2}, .blob = blob_ref(b)};
}

struct blob *tech_cache_get_own(
	const struct alloc *al, struct tech_cache *c, uint64_t k0, uint64_t k1, uint64_t k2, struct bytes own)
{
	const struct tech_cached *e = find(c, k0, k1, k2);
	struct blob *b = e && e->own_at ? blob_new(al, slice_bytes(slice_of(e->blob))) : NULL;
	if (b)
		memcpy(b->data + e->own_at, own.p, own.n);
	return b;
}

void tech_cache_put_own(struct tech_cache *c, uint64_t k0, uint64_t k1, uint64_t k2, struct blob *b,
	struct bytes name, struct bytes own)
{
	for (uint32_t i = 0; i + name.n + own.n <= b->len; i++)
		if (!memcmp(b->data + i, name.p, name.n) && !memcmp(b->data + i + name.n, own.p, own.n)) {
			struct tech_cached *e = &c->v[c->turn % TECH_CACHE];
			tech_cache_put(c, k0, k1, k2, b);
			e->own_at = i + (uint32_t)name.n;
			return;
		}
}

bool tech_same_but(struct bytes a, struct bytes b, size_t at, size_t n)
{
	return a.n == b.n && !memcmp(a.p, b.p, at) && !memcmp(a.p + at + n, b.p + at + n, a.n - at - n);
}

/* ---- own lines -------------------------------------------------------------------------------------------- */

static bool line_is(const char *line, const char *name)
{
	size_t n = strlen(name);
	return strlen(line) > n && line[n] == ':' &&
	       bytes_eq_nocase((struct bytes){(const uint8_t *)line, n}, bytes_str(name));
}

static bool own_has(const char *const *line, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (line_is(line[i], name))
			return true;
	return false;
}

/* The value of an own line, without white space around it. */
static struct bytes own_value(const char *const *line, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (line_is(line[i], name)) {
			const char *v = strchr(line[i], ':') + 1;
			while (*v == ' ')
				v++;
			return bytes_str(v);
		}
	return BYTES_NONE;
}

static void put_line(struct buf *b, const char *line)
{
	/* a line that would break the head is not written at all */
	for (const char *p = line; *p; p++)
		if (*p == '\r' || *p == '\n')
			return;
	if (!strchr(line, ':') || line[0] == ':')
		return;
	buf_str(b, line);
	buf_str(b, "\r\n");
}

/* ---- requests --------------------------------------------------------------------------------------------- */

static void put_target(struct buf *b, const struct tech_site *s, const struct tech_request *r)
{
	char sep = '?';
	buf_str(b, s->path);
	if (r->with_since) {
		buf_str(b, "?since=");
		buf_dec(b, r->since);
		sep = '&';
	}
	if (r->number) {
		buf_u8(b, (unsigned char)sep);
		buf_str(b, "client=");
		buf_dec(b, r->number);
	}
}

static void put_browser_fetch(struct buf *b, const struct tech_site *s, const struct tech_request *r)
{
	bool stream = r->ask == TECH_ASK_STREAM;
	h1_put_field_str(b, "Host", s->host);
	h1_put_field_str(b, "Connection", s->opts->keepalive_conn || stream ? "keep-alive" : "close");
	if (r->ask == TECH_ASK_POST)
		h1_put_field_dec(b, "Content-Length", r->body.n);
	h1_put_field_str(b, "sec-ch-ua", CHROME_BRANDS);
	if (stream || r->ask == TECH_ASK_FETCH)
		h1_put_field_str(b, "Cache-Control", stream ? "no-cache" : "no-store");
	h1_put_field_str(b, "sec-ch-ua-mobile", "?0");
	h1_put_field_str(b, "User-Agent", CHROME_AGENT);
	if (r->ask == TECH_ASK_POST)
		h1_put_field_str(b, "Content-Type", "application/json");
	h1_put_field_str(b, "Accept", stream ? "text/event-stream" : "*/*");
	h1_put_field_str(b, "Sec-Fetch-Site", "same-origin");
	h1_put_field_str(b, "Sec-Fetch-Mode", "cors");
	h1_put_field_str(b, "Sec-Fetch-Dest", "empty");
	buf_str(b, "Referer: http://");
	buf_str(b, s->host);
	buf_str(b, "/\r\n");
	h1_put_field_str(b, "Accept-Encoding", "gzip, deflate, br, zstd");
	h1_put_field_str(b, "Accept-Language", "en-US,en;q=0.9");
	if (r->last_event_id)
		h1_put_field_dec(b, "Last-Event-ID", r->last_event_id);
}

static void put_browser_upgrade(struct buf *b, const struct tech_site *s, const struct tech_request *r)
{
	h1_put_field_str(b, "Host", s->host);
	h1_put_field_str(b, "Connection", "Upgrade");
	h1_put_field_str(b, "Pragma", "no-cache");
	h1_put_field_str(b, "Cache-Control", "no-cache");
	h1_put_field_str(b, "User-Agent", CHROME_AGENT);
	h1_put_field_str(b, "Upgrade", "websocket");
	buf_str(b, "Origin: http://");
	buf_str(b, s->host);
	buf_str(b, "\r\n");
	h1_put_field_str(b, "Sec-WebSocket-Version", "13");
	h1_put_field_str(b, "Accept-Encoding", "gzip, deflate, br, zstd");
	h1_put_field_str(b, "Accept-Language", "en-US,en;q=0.9");
	h1_put_field_str(b, "Sec-WebSocket-Key", r->ws_key);
	h1_put_field_str(b, "Sec-WebSocket-Extensions", DEFLATE_OFFER);
}

/* curl and minimal: what the protocol requires, curl names itself. */
static void put_plain(struct buf *b, const struct tech_site *s, const struct tech_request *r, bool curl)
{
	h1_put_field_str(b, "Host", s->host);
	if (curl)
		h1_put_field_str(b, "User-Agent", "curl/7.88.1");
	if (r->ask == TECH_ASK_UPGRADE) {
		struct ws_hs_offer offer = {bytes_str(r->ws_key), BYTES_NONE, BYTES_NONE};
		ws_hs_put_request_fields(b, &offer);
		return;
	}
	if (r->ask == TECH_ASK_STREAM)
		h1_put_field_str(b, "Accept", "text/event-stream");
	else if (curl)
		h1_put_field_str(b, "Accept", "*/*");
	if (!s->opts->keepalive_conn && r->ask != TECH_ASK_STREAM)
		h1_put_field_str(b, "Connection", "close");
	if (r->ask == TECH_ASK_POST) {
		h1_put_field_str(b, "Content-Type", "application/json");
		h1_put_field_dec(b, "Content-Length", r->body.n);
	}
	if (r->last_event_id)
		h1_put_field_dec(b, "Last-Event-ID", r->last_event_id);
}

static void put_own(struct buf *b, const struct tech_site *s, const struct tech_request *r)
{
	const struct tech_headers *h = &s->opts->headers;
	bool upgrade = r->ask == TECH_ASK_UPGRADE;
	bool close = !s->opts->keepalive_conn && (r->ask == TECH_ASK_FETCH || r->ask == TECH_ASK_POST);
	if (!own_has(h->request, h->nrequest, "Host"))
		h1_put_field_str(b, "Host", s->host);
	for (size_t i = 0; i < h->nrequest; i++) {
		const char *l = h->request[i];
		if (line_is(l, "Sec-WebSocket-Key") || line_is(l, "Content-Length") ||
			line_is(l, "Transfer-Encoding") || line_is(l, "Last-Event-ID") ||
			(close && line_is(l, "Connection")))
			continue;
		put_line(b, l);
	}
	if (close)
		h1_put_field_str(b, "Connection", "close");
	if (r->ask == TECH_ASK_STREAM && !own_has(h->request, h->nrequest, "Accept"))
		h1_put_field_str(b, "Accept", "text/event-stream");
	if (upgrade && !own_has(h->request, h->nrequest, "Upgrade"))
		h1_put_field_str(b, "Upgrade", "websocket");
	if (upgrade && !own_has(h->request, h->nrequest, "Connection"))
		h1_put_field_str(b, "Connection", "Upgrade");
	if (upgrade && !own_has(h->request, h->nrequest, "Sec-WebSocket-Version"))
		h1_put_field_str(b, "Sec-WebSocket-Version", "13");
	if (upgrade)
		h1_put_field_str(b, "Sec-WebSocket-Key", r->ws_key);
	if (r->ask == TECH_ASK_POST)
		h1_put_field_dec(b, "Content-Length", r->body.n);
	if (r->last_event_id)
		h1_put_field_dec(b, "Last-Event-ID", r->last_event_id);
}

struct bytes tech_offered_extensions(const struct tech_site *s)
{
	const struct tech_headers *h = &s->opts->headers;
	if (h->kind == TECH_HEADERS_BROWSER)
		return bytes_str(DEFLATE_OFFER);
	if (h->kind == TECH_HEADERS_OWN)
		return own_value(h->request, h->nrequest, "Sec-WebSocket-Extensions");
	return BYTES_NONE;
}

struct blob *tech_request_blob(struct tech_site *s, const struct tech_request *r)
{
	/* nothing individual in it: shared by all who ask the same */
	bool shared = !r->number && !r->ws_key && !r->body.n;
	uint64_t k0 = tech_request_key(r->ask, r->with_since);
	bool keyed = r->ws_key && !r->number && !r->body.n;
	struct bytes key = keyed ? bytes_str(r->ws_key) : BYTES_NONE;
	struct blob *blob = NULL;
	if (shared)
		blob = tech_cache_get(&s->requests, k0, r->since, r->last_event_id);
	else if (keyed)
		blob = tech_cache_get_own(s->al, &s->requests, k0, r->since, r->last_event_id, key);
	if (blob)
		return blob;
	struct buf b, target;
	buf_init(&b, s->al, TECH_HEAD_MAX + r->body.n);
	buf_init(&target, s->al, TECH_HEAD_MAX);
	put_target(&target, s, r);
	bool ok = h1_put_request_line(
		&b, bytes_str(r->ask == TECH_ASK_POST ? "POST" : "GET"), buf_bytes(&target));
	if (s->opts->headers.kind == TECH_HEADERS_OWN)
		put_own(&b, s, r);
	else if (s->opts->headers.kind != TECH_HEADERS_BROWSER)
		put_plain(&b, s, r, s->opts->headers.kind == TECH_HEADERS_CURL);
	else if (r->ask == TECH_ASK_UPGRADE)
		put_browser_upgrade(&b, s, r);
	else
		put_browser_fetch(&b, s, r);
	h1_put_end(&b);
	buf_add(&b, r->body);
	blob = ok && !target.failed ? buf_blob(&b) : NULL;
	buf_fini(&b);
	buf_fini(&target);
	if (blob && shared)
		tech_cache_put(&s->requests, k0, r->since, r->last_event_id, blob);
	else if (blob && keyed)
		tech_cache_put_own(&s->requests, k0, r->since, r->last_event_id, blob,
			BYTES_LIT("Sec-WebSocket-Key: "), key);
	return blob;
}

/* ---- responses -------------------------------------------------------------------------------------------- */

static void put_two(struct buf *b, unsigned v)
{
	buf_u8(b, '0' + v / 10 % 10);
	buf_u8(b, '0' + v % 10);
}

/* IMF-fixdate (RFC 9110 5.6.7) of `ns` after 1970-01-01, a Thursday. Days to civil date over 400-year eras. */
static void put_date(struct buf *b, int64_t ns)
{
	static const char wday[] = "ThuFriSatSunMonTueWed";
	static const char mon[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t s = ns / TECH_S, day = s / 86400, z = day + 719468;
	unsigned rest = (unsigned)(s % 86400);
	unsigned doe = (unsigned)(z % 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153, d = doy - (153 * mp + 2) / 5 + 1, m = mp < 10 ? mp + 3 : mp - 9;
	unsigned y = (unsigned)(z / 146097) * 400 + yoe + (m <= 2);
	buf_str(b, "Date: ");
	buf_add(b, (struct bytes){(const uint8_t *)wday + day % 7 * 3, 3});
	buf_str(b, ", ");
	put_two(b, d);
	buf_u8(b, ' ');
	buf_add(b, (struct bytes){(const uint8_t *)mon + (m - 1) * 3, 3});
	buf_u8(b, ' ');
	put_two(b, y / 100);
	put_two(b, y % 100);
	buf_u8(b, ' ');
	put_two(b, rest / 3600);
	buf_u8(b, ':');
	put_two(b, rest / 60 % 60);
	buf_u8(b, ':');
	put_two(b, rest % 60);
	buf_str(b, " GMT\r\n");
}

uint64_t tech_date_key(const struct tech_site *s, int64_t now_ns)
{
	enum tech_headers_kind k = s->opts->headers.kind;
	return k == TECH_HEADERS_BROWSER || k == TECH_HEADERS_CURL ? (uint64_t)(now_ns / TECH_S) : 0;
}

static void put_connection(struct buf *b, const struct tech_response *r)
{
	if (r->close) {
		h1_put_field_str(b, "Connection", "close");
		return;
	}
	h1_put_field_str(b, "Connection", "keep-alive");
	if (r->keepalive_ns >= TECH_S) {
		buf_str(b, "Keep-Alive: timeout=");
		buf_dec(b, (uint64_t)(r->keepalive_ns / TECH_S));
		buf_str(b, "\r\n");
	}
}

/* Content-Length or Transfer-Encoding, whichever frames the body. */
static void put_framing(struct buf *b, const struct tech_response *r)
{
	if (r->streaming && !r->http10)
		h1_put_field_str(b, "Transfer-Encoding", "chunked");
	else if (!r->streaming && !r->no_length)
		h1_put_field_dec(b, "Content-Length", r->body.n);
}

static void put_response_own(struct buf *b, const struct tech_site *s, const struct tech_response *r)
{
	const struct tech_headers *h = &s->opts->headers;
	for (size_t i = 0; i < h->nresponse; i++) {
		const char *l = h->response[i];
		if (line_is(l, "Content-Length") || line_is(l, "Transfer-Encoding") ||
			(line_is(l, "Connection") && r->close) || (line_is(l, "Keep-Alive") && r->close) ||
			(line_is(l, "Content-Type") && !r->type))
			continue;
		put_line(b, l);
	}
	if (r->type && !own_has(h->response, h->nresponse, "Content-Type"))
		h1_put_field_str(b, "Content-Type", r->type);
	if (r->close)
		h1_put_field_str(b, "Connection", "close");
	put_framing(b, r);
}

void tech_put_response(struct buf *b, const struct tech_site *s, const struct tech_response *r)
{
	enum tech_headers_kind kind = s ? s->opts->headers.kind : TECH_HEADERS_MINIMAL;
	h1_put_status_line(b, r->status, NULL);
	if (r->extra)
		buf_str(b, r->extra);
	if (kind == TECH_HEADERS_OWN) {
		put_response_own(b, s, r);
	} else if (kind == TECH_HEADERS_MINIMAL) {
		if (r->type)
			h1_put_field_str(b, "Content-Type", r->type);
		if (r->close)
			h1_put_field_str(b, "Connection", "close");
		put_framing(b, r);
	} else {
		bool browser = kind == TECH_HEADERS_BROWSER;
		h1_put_field_str(b, "Cache-Control", r->streaming ? "no-cache" : "no-store");
		if (r->type)
			h1_put_field_str(b, "Content-Type", r->type);
		if (browser && !r->streaming) {
			h1_put_field_str(b, "Vary", "Origin, Accept-Encoding");
			h1_put_field_str(b, "X-Content-Type-Options", "nosniff");
			h1_put_field_str(b, "Referrer-Policy", "same-origin");
			h1_put_field_str(b, "Cross-Origin-Resource-Policy", "same-origin");
		}
		if (!r->streaming)
			put_framing(b, r);
		put_date(b, r->now_ns);
		put_connection(b, r);
		if (r->streaming)
			put_framing(b, r);
	}
	h1_put_end(b);
	if (!r->streaming)
		buf_add(b, r->body);
}
