/*
 * dx_sse: an event stream line by line (WHATWG HTML 9.2), read by the decoder itself.
 *
 *   stream ─ event ─┬ line ─┬ field name, value
 *                   └ what the empty line dispatched: type, data, last event ID
 */
#include "proto/dissect/dx_int.h"
#include "proto/sse/sse.h"

/* The kinds of lines come first, in the order of fields.def, which also serves the decoder. */
enum {
#define X(id, name, title, help) F_LINE_##id,
#include "proto/sse/fields.def"
#undef X
	F_BLOCK,
	F_NAME,
	F_VALUE,
	F_TEXT,
	F_TYPE,
	F_DISPATCH,
	F_PARTIAL,
	F_BOM,
	F_FAULT,
	F_COUNT
};

#define HTML "HTML 9.2.6"

static const struct dx_field fields[F_COUNT] = {
#define X(id, name, title, help) [F_LINE_##id] = {"sse." title, title, DX_GROUP, DX_VARIES, NULL, HTML, help},
#include "proto/sse/fields.def"
#undef X
	[F_BLOCK] = {"sse", "Event", DX_GROUP, DX_VARIES, NULL, "HTML 9.2.5",
		"An event is a block of lines that ends with an empty line; CR, LF and CRLF end a line."},
	[F_NAME] = {"sse.field.name", "Field name", DX_TEXT, DX_VARIES, NULL, HTML,
		"What is before the first colon."},
	[F_VALUE] = {"sse.field.value", "Field value", DX_TEXT, DX_VARIES, NULL, HTML,
		"What is after the first colon, one space removed."},
	[F_TEXT] = {"sse.comment.text", "Text", DX_TEXT, DX_VARIES, NULL, HTML,
		"What follows the colon; nobody reads it."},
	[F_TYPE] = {"sse.dispatch.type", "Dispatched type", DX_TEXT, DX_VARIES, NULL, HTML,
		"Which listeners are called."},
	[F_DISPATCH] = {"sse.dispatch", "Dispatched data", DX_TEXT, DX_VARIES, NULL, HTML,
		"What the page's listener gets as event.data."},
	[F_PARTIAL] = {"sse.partial", "Unfinished line", DX_TEXT, DX_VARIES, NULL, HTML,
		"The line has not ended yet; a stream that ends here drops it and its event."},
	[F_BOM] = {"sse.bom", "Byte order mark", DX_BYTES, DX_VARIES, NULL, "HTML 9.2.5",
		"One at the very beginning of the stream is skipped."},
	[F_FAULT] = {"sse.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, HTML,
		"A limit was exceeded here."},
};

/* Octets of the line's end: the decoder counts a CR alone. */
static size_t end_octets(struct bytes in, uint64_t end)
{
	return end > 0 && end < in.n && in.p[end - 1] == '\r' && in.p[end] == '\n' ? 1 : 0;
}

static void put_line(
	struct dx_tree *t, uint32_t block, uint32_t src, size_t base, const struct sse_ev *ev, size_t extra)
{
	enum sse_field f = ev->line.field;
	size_t at = base + ev->line.off;
	uint32_t g = dx_octets(t, block, &fields[F_LINE_UNKNOWN + f], src, at, ev->len + extra);
	if (f != SSE_FIELD_EMPTY && f != SSE_FIELD_COMMENT)
		dx_octets(t, g, &fields[F_NAME], src, at, ev->line.name_len);
	if (f != SSE_FIELD_EMPTY)
		dx_octets(t, g, &fields[f == SSE_FIELD_COMMENT ? F_TEXT : F_VALUE], src,
			base + ev->line.value_off, ev->line.value_len);
}

/* What the empty line gave, in a source of its own: text joined from several lines is nowhere in the stream. */
static void put_dispatch(struct dx_tree *t, uint32_t block, const struct sse_ev *ev)
{
	uint32_t type = dx_source_add(t, "dispatched type", block, ev->type, true);
	dx_flag(t, dx_add(t, block, &fields[F_TYPE], type, 0, (uint64_t)ev->type.n * 8, 0), DX_DERIVED, NULL);
	uint32_t data = dx_source_add(t, "dispatched data", block, ev->data, true);
	dx_flag(t, dx_add(t, block, &fields[F_DISPATCH], data, 0, (uint64_t)ev->data.n * 8, 0), DX_DERIVED,
		NULL);
}

static bool has_bom(struct bytes in)
{
	return in.n >= 3 && in.p[0] == 0xef && in.p[1] == 0xbb && in.p[2] == 0xbf;
}

static void read_stream(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t base, struct bytes in, struct sse_dec *d)
{
	struct sse_ev ev;
	uint32_t block = DX_NONE;
	bool open = false;
	uint64_t begin = 0, used = has_bom(in) ? 3 : 0;
	for (;;) {
		switch (sse_dec_next(d, &ev)) {
		case SSE_LINE: {
			size_t extra = end_octets(in, ev.off + ev.len);
			if (!open) {
				begin = ev.line.off;
				block = dx_octets(t, parent, &fields[F_BLOCK], src, base + begin, 0);
			}
			put_line(t, block, src, base, &ev, extra);
			used = ev.off + ev.len + extra;
			dx_set_len(t, block, used - begin);
			open = ev.line.field != SSE_FIELD_EMPTY;
			break;
		}
		case SSE_EVENT:
			put_dispatch(t, block, &ev);
			break;
		case SSE_NEED:
			if (used < in.n)
				dx_octets(t, open ? block : parent, &fields[F_PARTIAL], src, base + used,
					in.n - used);
			if (open) {
				dx_set_len(t, block, in.n - begin);
				dx_flag(t, block, DX_CUT, "no empty line yet: nothing is dispatched");
			}
			return;
		case SSE_ERROR: {
			uint32_t n = dx_octets(t, parent, &fields[F_FAULT], src, base + used, in.n - used);
			dx_flag(t, n, DX_BAD, "%s", ev.err.what);
			return;
		}
		default:
			break;
		}
	}
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	(void)h;
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct sse_dec d;
	sse_dec_init(&d, t->al, NULL, SSE_WANT_LINES);
	sse_dec_feed(&d, in);
	if (has_bom(in))
		dx_octets(t, parent, &fields[F_BOM], src, off, 3);
	read_stream(t, parent, src, off, in, &d);
	sse_dec_fini(&d);
	return len;
}

const struct dx_proto dx_sse = {"sse", "Server-sent events", "WHATWG HTML 9.2", fields, F_COUNT, dissect};
