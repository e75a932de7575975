/*
 * ws_echo: see ws_echo.h. One decoder for the handshake, one for frames; every answer goes into `out`.
 */
#include "proto/tech/ws_echo.h"

#include <string.h>

static const struct ws_limits limits = {.message_octets_max = 64u << 20, .fragments_max = 1u << 20};

void ws_echo_init(struct ws_echo *e, const struct alloc *al, enum ws_role role, uint64_t seed)
{
	memset(e, 0, sizeof *e);
	e->al = al;
	e->role = role;
	e->seed = seed;
	h1_dec_init(&e->h1, al, role == WS_SERVER ? H1_REQUESTS : H1_RESPONSES, NULL);
	buf_init(&e->out, al, WS_ECHO_OUT_MAX);
}

void ws_echo_fini(struct ws_echo *e)
{
	h1_dec_fini(&e->h1);
	if (e->ws_on)
		ws_dec_fini(&e->ws);
	ws_deflate_free(e->zout);
	buf_fini(&e->out);
}

static uint64_t draw(struct ws_echo *e)
{
	return mix64(e->seed + ++e->keys * MIX64_STEP);
}

/* A client masks with a fresh key; a server does not mask. */
static const uint8_t *masking_key(struct ws_echo *e, uint8_t key[4])
{
	if (e->role == WS_SERVER)
		return NULL;
	uint64_t v = draw(e);
	for (unsigned i = 0; i < 4; i++)
		key[i] = (uint8_t)(v >> (8 * i));
	return key;
}

static void done(struct ws_echo *e, const struct perr *err)
{
	if (err && !e->err.what)
		e->err = *err;
	e->state = WS_ECHO_DONE;
}

static void send_close(struct ws_echo *e, unsigned code, struct bytes reason)
{
	uint8_t key[4];
	if (e->state == WS_ECHO_OPEN)
		ws_put_close(&e->out, code, reason, masking_key(e, key));
	e->state = e->role == WS_SERVER ? WS_ECHO_DONE : WS_ECHO_CLOSING;
}

static void echo(struct ws_echo *e, const struct ws_ev *ev)
{
	uint8_t key[4];
	struct buf z;
	e->messages++;
	if (!e->pmd_on) {
		ws_put_message(&e->out, (enum ws_op)ev->op, ev->data, masking_key(e, key));
		return;
	}
	buf_init(&z, e->al, WS_ECHO_OUT_MAX);
	if (ws_deflate(e->zout, ev->data, &z) && !z.failed)
		ws_put_frame(&e->out, true, 4, ev->op, buf_bytes(&z), masking_key(e, key));
	else
		done(e, &(struct perr){WS_CLOSE_INTERNAL, ev->off, "out of memory while compressing", ""});
	buf_fini(&z);
}

static void frames(struct ws_echo *e)
{
	struct ws_ev ev;
	uint8_t key[4];
	while (e->state == WS_ECHO_OPEN || e->state == WS_ECHO_CLOSING) {
		switch (ws_dec_next(&e->ws, &ev)) {
		case WS_MESSAGE:
			if (e->state == WS_ECHO_OPEN)
				echo(e, &ev);
			break;
		case WS_PING:
			if (e->state == WS_ECHO_OPEN)
				ws_put_frame(&e->out, true, 0, WS_OP_PONG, ev.data, masking_key(e, key));
			break;
		case WS_CLOSE:
			e->code = ev.code;
			send_close(e, ev.code, BYTES_NONE);
			break;
		case WS_ERROR:
			e->err = ev.err;
			send_close(e, (unsigned)ev.err.code, bytes_str(ev.err.what));
			return;
		case WS_NEED:
		case WS_CLOSED:
			return;
		default:
			break;
		}
	}
}

static void open_ws(struct ws_echo *e, bool pmd_on, const struct ws_pmd_params *p)
{
	enum ws_role peer = e->role == WS_SERVER ? WS_CLIENT : WS_SERVER;
	struct ws_pmd in = {0}, out = {0};
	if (pmd_on) {
		in = ws_pmd_of(p, peer);
		out = ws_pmd_of(p, e->role);
		e->zout = ws_deflate_new(e->al, &out, 6);
		if (!e->zout) {
			done(e, &(struct perr){WS_CLOSE_INTERNAL, 0, "out of memory", ""});
			return;
		}
	}
	e->pmd_on = pmd_on;
	ws_dec_init(&e->ws, e->al, e->role, &limits, &in);
	e->ws_on = true;
	e->state = WS_ECHO_OPEN;
}

/* A request that is no WebSocket handshake gets the status that says why. */
static void refuse(struct ws_echo *e, const struct ws_hs_request *hs)
{
	h1_put_status_line(&e->out, hs->status, NULL);
	if (hs->status == 426) {
		h1_put_field_str(&e->out, "Upgrade", "websocket");
		h1_put_field_str(&e->out, "Sec-WebSocket-Version", "13");
	}
	h1_put_field_str(&e->out, "Content-Length", "0");
	h1_put_field_str(&e->out, "Connection", hs->status == 426 ? "Upgrade, close" : "close");
	h1_put_end(&e->out);
	done(e, &hs->err);
}

static void judge_request(struct ws_echo *e, const struct h1_head *h)
{
	static const struct ws_pmd_policy policy = {.on = true};
	struct ws_hs_request hs;
	ws_hs_check_request(h, &policy, &hs);
	if (hs.status != 101) {
		refuse(e, &hs);
		return;
	}
	ws_hs_put_response(&e->out, &hs, BYTES_NONE);
	open_ws(e, hs.pmd_on, &hs.pmd);
}

#define OFFER "permessage-deflate; client_max_window_bits"

static void judge_response(struct ws_echo *e, const struct h1_head *h)
{
	struct ws_hs_offer offer = {.key = bytes_str(e->key), .extensions = BYTES_LIT(OFFER)};
	struct ws_hs_response hs;
	ws_hs_check_response(h, &offer, &hs);
	if (hs.ok)
		open_ws(e, hs.pmd_on, &hs.pmd);
	else
		done(e, &hs.err);
}

void ws_echo_start(struct ws_echo *e, struct bytes target, struct bytes host)
{
	uint8_t nonce[16];
	for (unsigned i = 0; i < 2; i++) {
		uint64_t v = draw(e);
		memcpy(nonce + 8 * i, &v, 8);
	}
	ws_key(nonce, e->key);
	h1_put_request_line(&e->out, BYTES_LIT("GET"), target);
	h1_put_field(&e->out, "Host", host);
	ws_hs_put_request_fields(
		&e->out, &(struct ws_hs_offer){.key = bytes_str(e->key), .extensions = BYTES_LIT(OFFER)});
	h1_put_end(&e->out);
	h1_dec_expect(&e->h1, BYTES_LIT("GET"));
}

static void handshake(struct ws_echo *e)
{
	struct h1_ev ev;
	while (e->state == WS_ECHO_HANDSHAKE) {
		switch (h1_dec_next(&e->h1, &ev)) {
		case H1_HEAD:
			if (e->role == WS_CLIENT && ev.head.interim)
				break;
			if (e->role == WS_SERVER)
				judge_request(e, &ev.head);
			else
				judge_response(e, &ev.head);
			break;
		case H1_ERROR:
		case H1_TRUNCATED:
			done(e, &ev.err);
			return;
		case H1_NEED:
		case H1_CLOSED:
			return;
		default:
			break;
		}
	}
	if (e->state != WS_ECHO_OPEN)
		return;
	h1_dec_next(&e->h1, &ev); /* the END of a head without a body */
	struct bytes rest = h1_dec_rest(&e->h1, NULL);
	if (rest.n) {
		ws_dec_feed(&e->ws, rest);
		frames(e);
	}
}

void ws_echo_data(struct ws_echo *e, struct bytes in)
{
	if (!in.n || e->state == WS_ECHO_DONE)
		return;
	if (e->state == WS_ECHO_HANDSHAKE) {
		h1_dec_feed(&e->h1, in);
		handshake(e);
	} else {
		ws_dec_feed(&e->ws, in);
		frames(e);
	}
	if (e->out.failed)
		done(e, &(struct perr){WS_CLOSE_TOO_BIG, 0, "more to send than WS_ECHO_OUT_MAX allows", ""});
}

void ws_echo_eof(struct ws_echo *e)
{
	static const struct perr early = {
		WS_CLOSE_ABNORMAL, 0, "the connection ended without a Close frame", "RFC 6455 7.1.5"};
	done(e, e->state == WS_ECHO_HANDSHAKE || e->state == WS_ECHO_OPEN ? &early : NULL);
}
