/*
 * fuzz_ws_wslay: WebSocket frames and messages judged by libwslay too. Both must see the same messages, pings, pongs and closes, fail
 * on the same inputs, and send the same close code; libwslay's pongs, and what it answers a Close with, are read by our decoder.
 *
 * Differences that RFC 6455 allows, and what is asked instead:
 *   - libwslay judges a header with the first octet of its payload and a Close when the frame is complete; we may fail at an input that ends
 *     before.
 *   - It does not know the close codes 1012 to 1014, which were registered later.
 *   - It takes a Close of one octet for one without a code, where 5.5.1 wants two octets if there is any.
 *   - Of a Close with a bad code and a bad reason it names the reason (1007), we the code (1002).
 *
 * Input: flags, then octets as from the wire. Flags: 1 read as a client, 2 small limit, 4 we get it octet by octet.
 */
#include "tests/support/codec_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef HAVE_WSLAY
#include <wslay/wslay.h>

struct judge {
	struct bytes in;
	struct buf events, sent;
};

static ssize_t receive(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *user)
{
	struct judge *j = user;
	(void)flags;
	if (j->in.n == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	size_t n = len < j->in.n ? len : j->in.n;
	memcpy(buf, j->in.p, n);
	j->in = bytes_sub(j->in, n, j->in.n - n);
	return (ssize_t)n;
}

static ssize_t transmit(wslay_event_context_ptr ctx, const uint8_t *data, size_t len, int flags, void *user)
{
	struct judge *j = user;
	(void)ctx;
	(void)flags;
	buf_add(&j->sent, (struct bytes){data, len});
	return (ssize_t)len;
}

static int draw_mask(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, void *user)
{
	(void)ctx;
	(void)user;
	memset(buf, 0x5a, len);
	return 0;
}

static void note(struct buf *o, unsigned op, unsigned code, struct bytes text)
{
	say(o, "op=%u code=%u", op, code);
	say_bytes(o, "data", text);
	say(o, "\n");
}

static void message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *a, void *user)
{
	struct judge *j = user;
	struct bytes text = {a->msg, a->msg_length};
	(void)ctx;
	if (a->opcode == WSLAY_CONNECTION_CLOSE && text.n >= 2)
		text = bytes_sub(text, 2, text.n - 2);
	note(&j->events, a->opcode, a->status_code, text);
}

/* The close code libwslay sends: 0 none, 1005 a Close without one. The pongs before it are noted. */
static unsigned read_answers(struct judge *j, enum ws_role theirs, struct buf *pongs)
{
	struct ws_dec d;
	struct ws_ev ev;
	unsigned code = 0;
	ws_dec_init(&d, &alloc_libc, theirs == WS_SERVER ? WS_CLIENT : WS_SERVER, NULL, NULL);
	ws_dec_feed(&d, buf_bytes(&j->sent));
	for (;;) {
		enum ws_ev_kind k = ws_dec_next(&d, &ev);
		if (k == WS_NEED || k == WS_CLOSED)
			break;
		assert(k == WS_FRAME || k == WS_PONG || k == WS_CLOSE);
		if (k == WS_PONG)
			say_bytes(pongs, "pong", ev.data);
		if (k == WS_CLOSE)
			code = ev.code;
	}
	assert(!ws_dec_busy(&d));
	ws_dec_fini(&d);
	return code;
}

/* What libwslay makes of the input. */
static unsigned theirs(
	struct bytes in, enum ws_role role, uint64_t max, struct buf *events, struct buf *pongs)
{
	static const struct wslay_event_callbacks callbacks = {.recv_callback = receive,
		.send_callback = transmit,
		.genmask_callback = draw_mask,
		.on_msg_recv_callback = message};
	struct judge j = {.in = in};
	wslay_event_context_ptr ctx;
	buf_init(&j.events, &alloc_libc, SIZE_MAX);
	buf_init(&j.sent, &alloc_libc, SIZE_MAX);
	int rc = role == WS_SERVER ? wslay_event_context_server_init(&ctx, &callbacks, &j)
				   : wslay_event_context_client_init(&ctx, &callbacks, &j);
	assert(rc == 0);
	wslay_event_config_set_max_recv_msg_length(ctx, max);
	int failed = wslay_event_recv(ctx);
	while (wslay_event_want_write(ctx) && wslay_event_send(ctx) == 0)
		;
	unsigned code = read_answers(&j, role, pongs);
	if (failed != 0) /* its frame layer gives no code: what it refuses are malformed headers */
		code = WS_CLOSE_PROTOCOL_ERROR;
	wslay_event_context_free(ctx);
	*events = j.events;
	buf_fini(&j.sent);
	return code;
}

struct ours {
	struct buf events, pongs;
	unsigned failed; /* close code, 0 when we did not fail */
	enum ws_err err;
	bool close; /* the fault is in a Close */
	uint64_t at, frame_off, frame_end;
	unsigned closed; /* code of a Close that was read */
};

static bool take(struct ours *o, struct ws_dec *d, struct bytes in)
{
	struct ws_ev ev;
	uint8_t again[WS_HEADER_MAX];
	for (;;) {
		enum ws_ev_kind k = ws_dec_next(d, &ev);
		switch (k) {
		case WS_NEED:
			return true;
		case WS_FRAME:
			o->frame_off = ev.frame.off;
			/* A legal header can be written in one way only. */
			assert(ws_header(again, ev.frame.fin, ev.frame.rsv, ev.frame.op, ev.frame.pay_len,
				       ev.frame.mask ? ev.frame.key : NULL) == ev.frame.hdr_len);
			assert(memcmp(again, in.p + ev.frame.off, ev.frame.hdr_len) == 0);
			o->frame_end = ev.frame.pay_off + ev.frame.pay_len;
			o->close = ev.frame.op == WS_OP_CLOSE;
			break;
		case WS_PING:
			say_bytes(&o->pongs, "pong", ev.data);
			/* fall through */
		case WS_PONG:
		case WS_MESSAGE:
			note(&o->events, ev.op, 0, ev.data);
			break;
		case WS_CLOSE:
			o->closed = ev.code;
			note(&o->events, WS_OP_CLOSE, ev.code == WS_CLOSE_NO_STATUS ? 0 : ev.code, ev.data);
			break;
		case WS_CLOSED:
			return false;
		case WS_ERROR:
			o->failed = (unsigned)ev.err.code;
			o->err = ws_dec_err(d);
			o->at = ev.err.off;
			return false;
		}
	}
}

static void read_ours(struct ours *o, struct bytes in, enum ws_role role, uint64_t max, bool octets)
{
	struct ws_limits lim = {.message_octets_max = max, .fragments_max = UINT32_MAX};
	struct ws_dec d;
	bool more = true;
	buf_init(&o->events, &alloc_libc, SIZE_MAX);
	buf_init(&o->pongs, &alloc_libc, SIZE_MAX);
	ws_dec_init(&d, &alloc_libc, role, &lim, NULL);
	for (size_t at = 0; more && at < in.n;) {
		size_t n = octets ? 1 : in.n;
		ws_dec_feed(&d, bytes_sub(in, at, n));
		more = take(o, &d, in);
		at += n;
	}
	ws_dec_fini(&d);
}

/* The frame at fault is not there to its end, so libwslay may still be waiting for the rest. */
static bool cut(const struct ours *o, struct bytes in)
{
	uint64_t off = o->at > o->frame_end ? o->frame_end : o->frame_off;
	if (in.n < off + 2)
		return true;
	unsigned len = in.p[off + 1] & 0x7f, ext = len == 127 ? 8 : len == 126 ? 2 : 0;
	uint64_t head = 2u + ext + (in.p[off + 1] & 0x80 ? 4u : 0u), size = len;
	if (in.n < off + head)
		return true;
	uint64_t have = in.n - off - head;
	if (ext > 0)
		size = ext == 2 ? be16_get(in.p + off + 2) : be64_get(in.p + off + 2);
	/* A header is judged with the first octet of the payload, a Close at the end of it. */
	return (in.p[off] & 15) == WS_OP_CLOSE ? size > have : size > 0 && have == 0;
}

static void differ(const char *what, const struct ours *o, struct buf *events, unsigned code)
{
	buf_u8(events, 0);
	fprintf(stderr,
		"%s: we fail with %u at %llu, closed with %u; libwslay sends %u\nours:\n%.*s\ntheirs:\n%s",
		what, o->failed, (unsigned long long)o->at, o->closed, code, (int)o->events.n,
		(const char *)o->events.p, (const char *)events->p);
	abort();
}

static void compare(
	const struct ours *o, struct bytes in, struct buf *events, struct buf *pongs, unsigned code)
{
	bool later = o->closed >= 1012 && o->closed <= 1014;
	if (later && code == WS_CLOSE_PROTOCOL_ERROR)
		return;
	if (o->err == WS_E_CLOSE_LENGTH && events->n >= o->events.n) {
		events->n = o->events.n;
		code = o->failed;
	}
	if (!bytes_eq(buf_bytes(&o->events), buf_bytes(events)))
		differ("other events", o, events, code);
	if (o->failed == 0) {
		if (code != o->closed)
			differ("another close", o, events, code);
		if (!bytes_eq(buf_bytes(&o->pongs), buf_bytes(pongs)) && o->closed == 0)
			differ("other pongs", o, events, code);
		return;
	}
	if (code == 0 && cut(o, in))
		return;
	if (code == WS_CLOSE_INVALID_DATA && o->failed == WS_CLOSE_PROTOCOL_ERROR && o->close)
		return;
	if (code != o->failed)
		differ("another fault", o, events, code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > 1 << 20)
		return 0;
	unsigned f = data[0];
	struct bytes in = {data + 1, size - 1};
	enum ws_role role = f & 1 ? WS_CLIENT : WS_SERVER;
	uint64_t max = f & 2 ? 200 : 1 << 18;
	struct ours o = {.failed = 0};
	struct buf events, pongs;
	buf_init(&pongs, &alloc_libc, SIZE_MAX);
	unsigned code = theirs(in, role, max, &events, &pongs);
	read_ours(&o, in, role, max, (f & 4) && size < 4096);
	compare(&o, in, &events, &pongs, code);
	buf_fini(&o.events);
	buf_fini(&o.pongs);
	buf_fini(&events);
	buf_fini(&pongs);
	return 0;
}
#else
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	(void)data;
	(void)size;
	return 0; /* tests/fuzz/replay.sh says that it is skipped */
}
#endif
