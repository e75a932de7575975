/*
 * dx_ws: WebSocket frames bit by bit (RFC 6455 5.2), their payload unmasked, messages put together and inflated.
 *
 *   stream ─┬ frame ─┬ FIN RSV1 RSV2 RSV3 opcode │ MASK length │ extended length │ key │ payload
 *           │        └ unmasked payload: a source of its own ─ text, close code, reason
 *           └ message (fragmented or compressed): a source of its own
 *
 * The decoder judges; header bits are shown by their place, so that an illegal header can be looked at too.
 */
#include "proto/dissect/dx_int.h"
#include "proto/ws/ws.h"

#include <string.h>

enum {
	F_FRAME,
	F_FIN,
	F_RSV1,
	F_RSV2,
	F_RSV3,
	F_OPCODE,
	F_MASK,
	F_LEN,
	F_LEN16,
	F_LEN64,
	F_KEY,
	F_PAYLOAD,
	F_UNMASKED,
	F_TEXT,
	F_CODE,
	F_REASON,
	F_MESSAGE,
	F_MESSAGE_TEXT,
	F_MESSAGE_DATA,
	F_AFTER_CLOSE,
	F_FAULT,
	F_COUNT
};

static const struct dx_name fins[] = {
	{1, "final", "This is the last frame of its message."},
	{0, "more follows", "Further frames of this message follow."},
	{0, NULL, NULL},
};

static const struct dx_name opcodes[] = {
	{0, "continuation", "The frame goes on with the message an earlier frame began."},
	{1, "text", "A message of UTF-8 text."},
	{2, "binary", "A message of octets, whose meaning is the application's."},
	{8, "close", "The sender closes the connection and sends nothing after this."},
	{9, "ping", "The receiver must answer with a pong that has the same payload."},
	{10, "pong", "The answer to a ping, or a heartbeat nobody asked for."},
	{0, NULL, NULL},
};

static const struct dx_name masks[] = {
	{1, "masked", "The payload is masked, as a client's must be."},
	{0, "not masked", "The payload stands as it is, as a server's must."},
	{0, NULL, NULL},
};

static const struct dx_name lens[] = {
	{126, "16 bits follow", "The length is in the next two octets."},
	{127, "64 bits follow", "The length is in the next eight octets."},
	{0, NULL, NULL},
};

static const struct dx_name codes[] = {
#define X(code, name, help) {code, name, help},
#include "proto/ws/close_codes.def"
#undef X
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_FRAME] = {"ws", "WebSocket frame", DX_GROUP, DX_VARIES, NULL, "RFC 6455 5.2",
		"A frame carries a message, a part of one, or a control message."},
	[F_FIN] = {"ws.fin", "FIN", DX_BOOL, 1, fins, "RFC 6455 5.2",
		"Whether this is the last frame of its message."},
	[F_RSV1] = {"ws.rsv1", "RSV1", DX_BOOL, 1, NULL, "RFC 7692 6",
		"With permessage-deflate agreed, set on the first frame of a compressed message; else it "
		"must be 0."},
	[F_RSV2] = {"ws.rsv2", "RSV2", DX_BOOL, 1, NULL, "RFC 6455 5.2",
		"Must be 0 unless an extension gives it a meaning."},
	[F_RSV3] = {"ws.rsv3", "RSV3", DX_BOOL, 1, NULL, "RFC 6455 5.2",
		"Must be 0 unless an extension gives it a meaning."},
	[F_OPCODE] = {"ws.opcode", "Opcode", DX_UINT, 4, opcodes, "RFC 6455 5.2",
		"What the payload is; opcodes from 8 up are control frames."},
	[F_MASK] = {"ws.mask", "MASK", DX_BOOL, 1, masks, "RFC 6455 5.3",
		"Whether the payload is masked: from a client always, from a server never."},
	[F_LEN] = {"ws.len", "Payload length", DX_UINT, 7, lens, "RFC 6455 5.2",
		"Octets of payload up to 125; 126 and 127 say that a longer field follows."},
	[F_LEN16] = {"ws.len16", "Extended length (16 bits)", DX_UINT, 16, NULL, "RFC 6455 5.2",
		"Octets of payload, from 126 to 65535."},
	[F_LEN64] = {"ws.len64", "Extended length (64 bits)", DX_UINT, 64, NULL, "RFC 6455 5.2",
		"Octets of payload, from 65536 on; the most significant bit is 0."},
	[F_KEY] = {"ws.key", "Masking key", DX_BYTES, 32, NULL, "RFC 6455 5.3",
		"Octet i of the payload is combined with octet i mod 4 of the key by exclusive or, so that a "
		"script cannot make octets that look like another protocol to a proxy."},
	[F_PAYLOAD] = {"ws.payload", "Payload", DX_BYTES, DX_VARIES, NULL, "RFC 6455 5.2",
		"What the frame carries, as it is on the wire."},
	[F_UNMASKED] = {"ws.unmasked", "Unmasked payload", DX_BYTES, DX_VARIES, NULL, "RFC 6455 5.3",
		"The payload after the mask was undone."},
	[F_TEXT] = {"ws.text", "Text", DX_TEXT, DX_VARIES, NULL, "RFC 6455 5.6", "The payload as UTF-8."},
	[F_CODE] = {"ws.close.code", "Close code", DX_UINT, 16, codes, "RFC 6455 7.4",
		"Why the sender closes."},
	[F_REASON] = {"ws.close.reason", "Reason", DX_TEXT, DX_VARIES, NULL, "RFC 6455 5.5.1",
		"Words for people, at most 123 octets of UTF-8."},
	[F_MESSAGE] = {"ws.message", "Message", DX_GROUP, DX_VARIES, NULL, "RFC 6455 5.4",
		"The payloads of a message's frames put together, and inflated if it was compressed."},
	[F_MESSAGE_TEXT] = {"ws.message.text", "Message text", DX_TEXT, DX_VARIES, NULL, "RFC 6455 5.6",
		"What the application gets."},
	[F_MESSAGE_DATA] = {"ws.message.data", "Message data", DX_BYTES, DX_VARIES, NULL, "RFC 6455 5.6",
		"What the application gets."},
	[F_AFTER_CLOSE] = {"ws.after_close", "After the Close frame", DX_BYTES, DX_VARIES, NULL,
		"RFC 6455 5.5.1", "Whatever comes after a Close frame is ignored."},
	[F_FAULT] = {"ws.fault", "Not understood", DX_BYTES, DX_VARIES, NULL, "RFC 6455 7.1.7",
		"Here the connection has failed; the rest is not read."},
};

struct view {
	struct dx_tree *t;
	uint32_t parent, src, frame;
	size_t base;
};

static uint32_t bits(struct view *v, unsigned f, size_t off, unsigned bit, unsigned len)
{
	return dx_bits(v->t, v->frame, &fields[f], v->src, v->base + off, bit, len);
}

/* Header bits as far as there are octets. Returns the header's length by its own account. */
static size_t put_header(struct view *v, struct bytes in, size_t off)
{
	size_t left = in.n - off;
	bits(v, F_FIN, off, 0, 1);
	bits(v, F_RSV1, off, 1, 1);
	bits(v, F_RSV2, off, 2, 1);
	bits(v, F_RSV3, off, 3, 1);
	bits(v, F_OPCODE, off, 4, 4);
	if (left < 2)
		return 2;
	bits(v, F_MASK, off + 1, 0, 1);
	bits(v, F_LEN, off + 1, 1, 7);
	unsigned len = in.p[off + 1] & 0x7f;
	size_t at = 2;
	if (len >= 126 && left > 2) {
		dx_octets(v->t, v->frame, &fields[len == 126 ? F_LEN16 : F_LEN64], v->src, v->base + off + 2,
			len == 126 ? 2 : 8);
	}
	at += len == 126 ? 2 : len == 127 ? 8 : 0;
	if (in.p[off + 1] & 0x80) {
		if (left > at)
			dx_octets(v->t, v->frame, &fields[F_KEY], v->src, v->base + off + at, 4);
		at += 4;
	}
	return at;
}

/* Close code and reason, or text, at `off` of `src`. */
static void put_meaning(
	struct view *v, uint32_t parent, uint32_t src, size_t off, size_t len, unsigned op, bool plain)
{
	struct dx_tree *t = v->t;
	if (op == WS_OP_CLOSE && len >= 2) {
		uint32_t n = dx_octets(t, parent, &fields[F_CODE], src, off, 2);
		if (n != DX_NONE && !ws_close_code_legal((unsigned)t->nodes[n].value))
			dx_flag(t, n, DX_BAD, "this code must not be sent (RFC 6455 7.4)");
		if (len > 2)
			dx_octets(t, parent, &fields[F_REASON], src, off + 2, len - 2);
	} else if (plain && (op == WS_TEXT || op == WS_OP_PING || op == WS_OP_PONG) && len > 0) {
		dx_octets(t, parent, &fields[F_TEXT], src, off, len);
	}
}

static void put_payload(struct view *v, struct bytes in, const struct ws_frame *f, bool plain)
{
	struct dx_tree *t = v->t;
	size_t have = f->pay_off < in.n ? in.n - (size_t)f->pay_off : 0;
	size_t n = f->pay_len < have ? (size_t)f->pay_len : have;
	if (f->pay_len == 0)
		return;
	uint32_t p = dx_octets(t, v->frame, &fields[F_PAYLOAD], v->src, v->base + (size_t)f->pay_off, n);
	if (n < f->pay_len)
		dx_flag(t, p, DX_CUT, "%llu octets by the header, %zu are here",
			(unsigned long long)f->pay_len, n);
	if (!f->mask) {
		put_meaning(v, p, v->src, v->base + (size_t)f->pay_off, n, f->op, plain);
		return;
	}
	uint8_t *clear = alloc_get(t->al, n);
	if (clear == NULL) {
		t->failed = true;
		return;
	}
	ws_mask(clear, in.p + f->pay_off, n, f->key, 0);
	uint32_t src = dx_source_add(t, "unmasked payload", p, (struct bytes){clear, n}, true);
	alloc_put(t->al, clear, n);
	uint32_t u = dx_add(t, p, &fields[F_UNMASKED], src, 0, (uint64_t)n * 8, 0);
	put_meaning(v, u, src, 0, n, f->op, plain);
}

static void put_frame(struct view *v, struct bytes in, const struct ws_frame *f, bool *compressed)
{
	v->frame = dx_octets(v->t, v->parent, &fields[F_FRAME], v->src, v->base + (size_t)f->off,
		(size_t)(f->pay_len < in.n ? f->hdr_len + f->pay_len : in.n));
	put_header(v, in, (size_t)f->off);
	if (f->op == WS_TEXT || f->op == WS_BINARY)
		*compressed = f->rsv & 4;
	put_payload(v, in, f, f->op >= 8 || (!*compressed && f->op != WS_CONT && f->fin));
}

/* A message that does not stand in one frame as it is. */
static void put_message(struct view *v, const struct ws_ev *ev)
{
	struct dx_tree *t = v->t;
	if (ev->n_frames == 1 && !ev->compressed)
		return;
	uint32_t g =
		dx_add(t, v->parent, &fields[F_MESSAGE], v->src, (v->base + ev->off) * 8, ev->len * 8, 0);
	dx_flag(t, g, DX_DERIVED, "%u frame%s%s", (unsigned)ev->n_frames, ev->n_frames == 1 ? "" : "s",
		ev->compressed ? ", inflated (RFC 7692 7.2.2)" : "");
	uint32_t src = dx_source_add(t, "message", g, ev->data, true);
	dx_add(t, g, &fields[ev->op == WS_TEXT ? F_MESSAGE_TEXT : F_MESSAGE_DATA], src, 0,
		(uint64_t)ev->data.n * 8, 0);
}

/* What the decoder refused or has not seen all of, from `off` on. */
static void put_rest(struct view *v, struct bytes in, size_t off, const struct perr *e, bool inside_frame)
{
	struct dx_tree *t = v->t;
	if (!inside_frame && off < in.n) {
		v->frame = dx_octets(t, v->parent, &fields[F_FRAME], v->src, v->base + off, in.n - off);
		put_header(v, in, off);
	}
	if (e == NULL) {
		dx_flag(t, v->frame, DX_CUT, NULL);
		return;
	}
	uint32_t n = v->frame;
	dx_flag(t, n, DX_BAD, "%s (%s), known after octet %llu: close %d", e->what, e->ref,
		(unsigned long long)e->off, e->code);
	if (inside_frame && off < in.n)
		dx_octets(t, v->parent, &fields[F_FAULT], v->src, v->base + off, in.n - off);
}

static void read_stream(struct view *v, struct bytes in, struct ws_dec *d)
{
	struct ws_ev ev;
	uint64_t end = 0, frame = UINT64_MAX; /* end of the last frame; start of the one under way */
	bool compressed = false;
	for (;;) {
		switch (ws_dec_next(d, &ev)) {
		case WS_FRAME:
			put_frame(v, in, &ev.frame, &compressed);
			frame = ev.frame.off;
			end = ev.frame.pay_len > in.n - ev.frame.pay_off
				      ? in.n
				      : ev.frame.pay_off + ev.frame.pay_len;
			break;
		case WS_MESSAGE:
			put_message(v, &ev);
			break;
		case WS_NEED:
			if (end < in.n)
				put_rest(v, in, (size_t)end, NULL, false);
			return;
		case WS_CLOSED:
			if (end < in.n)
				dx_octets(v->t, v->parent, &fields[F_AFTER_CLOSE], v->src,
					v->base + (size_t)end, in.n - (size_t)end);
			return;
		case WS_ERROR:
			put_rest(v, in, (size_t)end, &ev.err, frame != UINT64_MAX && ev.err.off <= end);
			return;
		default:
			break;
		}
	}
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct view v = {.t = t, .parent = parent, .src = src, .frame = DX_NONE, .base = off};
	/* Without being told: the first frame's mask bit shows the direction, RSV1 is read as permessage-deflate. */
	bool to_server = h->direction_known ? h->to_server : in.n >= 2 && (in.p[1] & 0x80);
	struct ws_pmd pmd = {
		.on = h->pmd || !h->direction_known,
		.no_context_takeover = h->pmd_no_context_takeover,
		.window_bits = h->pmd_bits,
	};
	struct ws_dec d;
	ws_dec_init(&d, t->al, to_server ? WS_SERVER : WS_CLIENT, NULL, &pmd);
	ws_dec_feed(&d, in);
	read_stream(&v, in, &d);
	ws_dec_fini(&d);
	return len;
}

const struct dx_proto dx_ws = {"ws", "WebSocket", "RFC 6455", fields, F_COUNT, dissect};
