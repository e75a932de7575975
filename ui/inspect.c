/*
 * inspect: the octets of one record beside the fields they mean.
 *
 *   ── Bytes ─ WebSocket frame, proxy to phone ────────────────────────────────────────────
 *    0000  81 20 7b 22 73 79 6d 22  3a 22 41 43 4d 45 22 2c  . {"sym":"ACME",   FIN      1
 *    0010  22 70 78 22 3a 31 30 31                           "px":101           opcode   text (1)
 *    100 B on the wire = Ethernet 14 + IP 20 + TCP 32 + WebSocket 2 + data 32   overhead 68 %
 */
#include "ui/inspect.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "ui/ladder.h"

static const struct dx_proto *proto_of(const struct trace_rec *r, struct bytes b)
{
	switch (r->kind) {
	case TRACE_PKT_SEND:
	case TRACE_PKT_RECV:
	case TRACE_PKT_DROP:
		return dx_proto_find("eth");
	case TRACE_HTTP_REQUEST_SEND:
	case TRACE_HTTP_REQUEST_RECV:
	case TRACE_HTTP_RESPONSE_SEND:
	case TRACE_HTTP_RESPONSE_RECV:
		return dx_proto_find("http1");
	case TRACE_SSE_EVENT_SEND:
	case TRACE_SSE_EVENT_RECV:
	case TRACE_SSE_COMMENT_SEND:
	case TRACE_SSE_COMMENT_RECV:
		return dx_proto_find("sse");
	case TRACE_WS_FRAME_SEND:
	case TRACE_WS_FRAME_RECV:
		return dx_proto_find("ws");
	default:
		(void)b;
		return NULL;
	}
}

/* The length of a chunk-size line at p ("6d" CR LF, RFC 9112 7.1), 0 when there is none. */
static size_t chunk_line(const uint8_t *p, size_t n)
{
	size_t i = 0;
	while (i < n && i < 8 && isxdigit(p[i]))
		i++;
	return i && i + 2 <= n && p[i] == '\r' && p[i + 1] == '\n' ? i + 2 : 0;
}

/* An event's octets are a range of the stream, and a chunk's size line may stand before or within them: it belongs to
 * HTTP, not to the event. False when there is none. */
static bool without_chunks(struct bytes b, struct buf *out)
{
	buf_init(out, &alloc_libc, b.n + 1);
	size_t i = chunk_line(b.p, b.n);
	bool any = i > 0;
	while (i < b.n) {
		size_t k = b.p[i] == '\r' && i + 1 < b.n && b.p[i + 1] == '\n'
				   ? chunk_line(b.p + i + 2, b.n - i - 2)
				   : 0;
		if (k) {
			i += 2 + k;
			any = true;
		} else if (any && i + 2 == b.n && b.p[i] == '\r' && b.p[i + 1] == '\n') {
			break; /* the end of the last chunk */
		} else {
			buf_u8(out, b.p[i++]);
		}
	}
	return any && !out->failed;
}

static bool is_sse(const struct trace_rec *r)
{
	return trace_kind_def((enum trace_kind)r->kind)->layer == TRACE_LAYER_sse;
}

static const char *const layer_words[] = {
	"Link", "IP", "TCP", "TLS", "HTTP", "SSE", "WebSocket", "Application", "Box", "Host"};

static const char *unit_word(const struct trace_rec *r)
{
	enum trace_layer l = trace_kind_def((enum trace_kind)r->kind)->layer;
	return (size_t)l < sizeof layer_words / sizeof *layer_words ? layer_words[l] : "";
}

/* Header octets of a frame: Ethernet, IP, transport; 0 when it is not one we know. */
static size_t frame_headers(struct bytes f, unsigned h[3])
{
	h[0] = 14;
	if (f.n < 14 + 20)
		return 0;
	unsigned type = (unsigned)f.p[12] << 8 | f.p[13], proto, ip;
	if (type == 0x0800) {
		ip = (f.p[14] & 15u) * 4;
		proto = f.p[23];
	} else if (type == 0x86dd && f.n >= 14 + 40) {
		ip = 40;
		proto = f.p[20];
	} else {
		return 0;
	}
	h[1] = ip;
	if (proto != 6 || f.n < 14 + (size_t)ip + 20)
		return 0;
	h[2] = (f.p[14 + ip + 12] >> 4) * 4u;
	return 14 + (size_t)ip + h[2];
}

/* The application octets of the messages a unit delivered. */
static uint64_t data_in(const struct inspect *in, const struct trace_rec *r)
{
	const struct trace *tr = in->tr;
	uint64_t got = ladder_is_unit_send(r->kind) ? why_unit_fate(in->ix, r->id, NULL) : r->id, data = 0;
	for (uint64_t e = why_first_effect(in->ix, got); e; e = why_next_effect(in->ix, e)) {
		const struct trace_rec *d = trace_get(tr, e);
		if (d->kind != TRACE_MSG_DELIVER || !d->msg)
			continue;
		for (uint64_t id = d->id; id-- > 1;) {
			const struct trace_rec *p = trace_get(tr, id);
			if (p->kind == TRACE_MSG_PUBLISH && p->msg == d->msg) {
				data += (uint64_t)p->a;
				break;
			}
		}
	}
	return data;
}

static void wire_line(struct inspect *in, const struct trace_rec *r)
{
	unsigned n = 0, sum[3] = {0}, h[3];
	uint64_t wire = 0;
	if (!ladder_is_unit_send(r->kind))
		return;
	for (uint64_t e = why_first_effect(in->ix, r->id); e; e = why_next_effect(in->ix, e)) {
		const struct trace_rec *p = trace_get(in->tr, e);
		if (p->kind != TRACE_PKT_SEND || !p->slen || !frame_headers(trace_bytes(in->tr, p), h))
			continue;
		n++;
		wire += p->len;
		for (int i = 0; i < 3; i++)
			sum[i] += h[i];
	}
	if (!n || !r->slen || wire < r->slen)
		return;
	uint64_t data = data_in(in, r), unit = wire - sum[0] - sum[1] - sum[2];
	data = data > unit ? unit : data;
	int k = snprintf(in->wire, sizeof in->wire,
		"on the wire %" PRIu64 " B%s = Ethernet %u + IP %u + TCP %u + %s %" PRIu64, wire,
		n > 1 ? " in several packets" : "", sum[0], sum[1], sum[2], unit_word(r), unit - data);
	if (data)
		snprintf(in->wire + k, sizeof in->wire - (size_t)k, " + data %" PRIu64 "   overhead %u %%",
			data, (unsigned)((wire - data) * 100 / wire));
}

static void list_fields(struct inspect *in)
{
	unsigned depth = 0;
	for (uint32_t n = dx_walk(&in->tree, 0, &depth); n != DX_NONE && in->nfield < INSPECT_FIELDS_MAX;
		n = dx_walk(&in->tree, n, &depth)) {
		in->field[in->nfield] = n;
		in->depth[in->nfield++] = (uint8_t)(depth > 1 ? depth - 1 : 0);
	}
}

struct inspect *inspect_new(const struct trace *tr, const struct why_index *ix, uint64_t rec)
{
	const struct trace_rec *r = trace_get(tr, rec);
	if (!r)
		return NULL;
	struct bytes b = trace_bytes(tr, r);
	if (!b.n)
		return NULL;
	struct inspect *in = xcalloc(1, sizeof *in);
	in->tr = tr;
	in->ix = ix;
	in->rec = rec;
	in->octets = b;
	bool stripped = is_sse(r) && without_chunks(b, &in->plain);
	if (stripped)
		in->octets = b = buf_bytes(&in->plain);
	const struct dx_proto *p = proto_of(r, b);
	if (p) {
		struct dx_hints h = {.to_server = (r->flags & TRACE_UP) != 0,
			.direction_known = (r->flags & (TRACE_UP | TRACE_DOWN)) != 0};
		dx_tree_init(&in->tree, &alloc_libc);
		in->has_tree = dx_dissect(&in->tree, p, b, &h);
		if (in->has_tree)
			list_fields(in);
		else
			dx_tree_fini(&in->tree);
	}
	const char *from = trace_text(tr, tr->node[r->node].name),
		   *to = trace_text(tr, tr->node[r->peer].name);
	snprintf(in->title, sizeof in->title, "%s, %s to %s, %zu bytes%s",
		p ? p->title : trace_kind_def((enum trace_kind)r->kind)->name, from, to, b.n,
		stripped ? " in a chunk" : "");
	wire_line(in, r);
	return in;
}

void inspect_free(struct inspect *in)
{
	if (!in)
		return;
	if (in->has_tree)
		dx_tree_fini(&in->tree);
	if (in->plain.al)
		buf_fini(&in->plain);
	xfree(in);
}

void inspect_meaning(const struct inspect *in, size_t sel, char *out, size_t cap)
{
	*out = 0;
	if (sel >= in->nfield)
		return;
	const struct dx_node *n = &in->tree.nodes[in->field[sel]];
	const char *note = dx_note(&in->tree, in->field[sel]), *why = dx_meaning(n);
	snprintf(out, cap, "%s%s%s%s%s%s", note ? note : "", note ? " " : "", why ? why : "",
		n->field->ref && *n->field->ref ? " (" : "", n->field->ref ? n->field->ref : "",
		n->field->ref && *n->field->ref ? ")" : "");
}

/* ---------------------------------------------------------------------------------------------- drawing */

struct hex_place {
	unsigned per_row;
	int hex_x, asc_x, w;
};

static struct hex_place hex_place(struct rect r)
{
	struct hex_place h = {.per_row = r.w >= 96 ? 16 : 8};
	h.hex_x = r.x + 7;
	h.asc_x = h.hex_x + (int)h.per_row * 3 + (h.per_row == 16 ? 2 : 1);
	h.w = h.asc_x + (int)h.per_row + 2 - r.x;
	return h;
}

static void draw_hex(const struct inspect *in, struct bytes b, uint64_t mark_from, uint64_t mark_to,
	struct hex_place h, struct canvas *c, struct rect r)
{
	size_t rows = (b.n + h.per_row - 1) / h.per_row, top = 0;
	size_t at = mark_to > mark_from ? (size_t)(mark_from / h.per_row) : 0;
	if (rows > (size_t)r.h && at + 1 > (size_t)r.h / 2)
		top = at + 1 - (size_t)r.h / 2;
	if (rows > (size_t)r.h && top > rows - (size_t)r.h)
		top = rows - (size_t)r.h;
	for (int y = 0; y < r.h && top + (size_t)y < rows; y++) {
		size_t row = top + (size_t)y;
		canvas_textf(c, r.x + 1, r.y + y, 5, STYLE_TIME, "%04zx", row * h.per_row);
		for (unsigned i = 0; i < h.per_row && row * h.per_row + i < b.n; i++) {
			size_t off = row * h.per_row + i;
			bool hit = off >= mark_from && off < mark_to;
			enum style st = hit ? STYLE_FIELD : STYLE_TEXT;
			int x = h.hex_x + (int)i * 3 + (i >= 8 ? 1 : 0);
			canvas_textf(c, x, r.y + y, 2, st, "%02x", b.p[off]);
			if (hit && off + 1 < mark_to && i + 1 < h.per_row)
				canvas_put(c, x + 2, r.y + y, STYLE_FIELD, ' ');
			uint32_t ch = b.p[off] >= 0x20 && b.p[off] < 0x7f ? b.p[off] : '.';
			canvas_put(c, h.asc_x + (int)i, r.y + y,
				hit         ? STYLE_FIELD
				: ch == '.' ? STYLE_TIME
					    : STYLE_TEXT,
				ch);
		}
	}
	(void)in;
}

static void field_line(const struct inspect *in, size_t i, char *out, size_t cap)
{
	const struct dx_node *n = &in->tree.nodes[in->field[i]];
	struct buf b;
	buf_init(&b, &alloc_libc, 4096);
	if (n->field->type != DX_GROUP)
		dx_put_value(&b, &in->tree, in->field[i]);
	snprintf(out, cap, "%*s%s%s%.*s", in->depth[i] * 2, "", n->field->title, b.n ? "  " : "",
		(int)(b.n < 200 ? b.n : 200), b.n ? (const char *)b.p : "");
	buf_fini(&b);
}

static void draw_fields(const struct inspect *in, size_t sel, bool focused, struct canvas *c, struct rect r)
{
	size_t top = 0, h = (size_t)r.h, at = sel == SIZE_MAX ? 0 : sel;
	if (in->nfield > h) {
		top = at > h / 2 ? at - h / 2 : 0;
		top = top > in->nfield - h ? in->nfield - h : top;
	}
	for (size_t y = 0; y < h && top + y < in->nfield; y++) {
		char s[320];
		size_t i = top + y;
		const struct dx_node *n = &in->tree.nodes[in->field[i]];
		field_line(in, i, s, sizeof s);
		enum style st = n->flags & DX_BAD            ? STYLE_BAD
				: n->field->type == DX_GROUP ? STYLE_STRONG
							     : STYLE_TEXT;
		canvas_label(c, r.x, r.y + (int)y, r.w, st, s);
		if (i == sel && focused)
			canvas_attr(c, (struct rect){r.x, r.y + (int)y, r.w, 1}, CELL_REVERSE);
	}
}

void inspect_draw(const struct inspect *in, size_t sel, bool focused, struct canvas *c, struct rect r)
{
	struct rect old = canvas_clip(c, r);
	char s[512];
	canvas_fill(c, r, STYLE_TEXT, ' ');
	canvas_hline(c, r.x, r.y, r.w, STYLE_FRAME, 0x2500);
	int n = canvas_text(c, r.x + 2, r.y, r.w - 4, STYLE_HEADING, " Bytes ");
	int room = r.w - n - 6;
	n += canvas_label(c, r.x + 2 + n, r.y, room, STYLE_TEXT, in->title);
	canvas_put(c, r.x + 2 + n, r.y, STYLE_TEXT, ' ');
	if (!focused && r.w - n > 24)
		canvas_right(c, r.x, r.y, r.w - 2, STYLE_KEY_LABEL, " Tab: field by field ");
	struct hex_place h = hex_place(r);
	struct bytes shown = in->octets;
	uint64_t from = 0, to = 0;
	if (in->has_tree && sel < in->nfield) {
		const struct dx_node *f = &in->tree.nodes[in->field[sel]];
		shown = f->source < in->tree.n_sources ? in->tree.sources[f->source].data : shown;
		from = f->bit_off / 8;
		to = f->bit_len ? (f->bit_off + f->bit_len + 7) / 8 : from;
	}
	inspect_meaning(in, sel, s, sizeof s);
	int below = focused && *s ? canvas_wrap_lines(s, r.w - 2) : *in->wire ? 1 : 0;
	below = below > r.h - 3 ? r.h - 3 : below;
	below = below < 0 ? 0 : below;
	int body = r.h - 1 - below;
	bool tree = in->has_tree && in->nfield && r.w - h.w >= 16;
	draw_hex(in, shown, focused ? from : 0, focused ? to : 0, h, c,
		(struct rect){r.x, r.y + 1, h.w, body});
	if (tree)
		draw_fields(in, sel, focused, c, (struct rect){r.x + h.w, r.y + 1, r.w - h.w, body});
	else if (!in->has_tree)
		canvas_label(c, r.x + h.w, r.y + 1, r.w - h.w, STYLE_FAINT, "no fields known here");
	if (focused && *s)
		canvas_wrap(c, (struct rect){r.x + 1, r.y + 1 + body, r.w - 2, below}, STYLE_CAPTION, s);
	else if (below)
		canvas_label(c, r.x + 1, r.y + 1 + body, r.w - 2, STYLE_STRONG, in->wire);
	canvas_unclip(c, old);
}
