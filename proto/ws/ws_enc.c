/*
 * ws_enc: frames out, masking, and the names of opcodes, close codes and errors.
 */
#include "proto/base/utf8.h"
#include "proto/ws/ws_int.h"

#include <string.h>

/* 64 MiB is beyond what browsers send; a server that expects less says less. */
const struct ws_limits ws_limits_default = {.message_octets_max = 64u << 20, .fragments_max = 1u << 20};

static const struct {
	int code;
	const char *what, *ref;
} errors[] = {
#define X(id, code, what, ref) {code, what, ref},
#include "proto/ws/errors.def"
#undef X
};

struct perr ws_err_info(enum ws_err e, uint64_t off)
{
	if ((unsigned)e >= WS_E_COUNT)
		e = WS_E_NONE;
	return (struct perr){errors[e].code, off, errors[e].what, errors[e].ref};
}

const char *ws_op_name(unsigned op)
{
	switch (op) {
	case WS_CONT:
		return "continuation";
	case WS_TEXT:
		return "text";
	case WS_BINARY:
		return "binary";
	case WS_OP_CLOSE:
		return "close";
	case WS_OP_PING:
		return "ping";
	case WS_OP_PONG:
		return "pong";
	default:
		return "reserved";
	}
}

bool ws_close_code_legal(unsigned code)
{
	if (code >= 3000 && code <= 4999)
		return true;
	return code >= 1000 && code <= 1014 && code != 1004 && code != WS_CLOSE_NO_STATUS &&
	       code != WS_CLOSE_ABNORMAL;
}

const char *ws_close_code_name(unsigned code)
{
	switch (code) {
#define X(c, name, help) \
	case c:          \
		return name;
#include "proto/ws/close_codes.def"
#undef X
	default:
		return code >= 4000 && code <= 4999  ? "private use"
		       : code >= 3000 && code < 4000 ? "registered by a library or framework"
						     : "not to be sent";
	}
}

unsigned ws_header(
	uint8_t out[WS_HEADER_MAX], bool fin, unsigned rsv, unsigned op, uint64_t pay_len, const uint8_t *key)
{
	unsigned n = 2;
	unsigned mask = key != NULL ? 0x80 : 0;
	out[0] = (uint8_t)((fin ? 0x80 : 0) | (rsv & 7) << 4 | (op & 15));
	if (pay_len < 126) {
		out[1] = (uint8_t)(mask | pay_len);
	} else if (pay_len < 65536) {
		out[1] = (uint8_t)(mask | 126);
		be16_put(out + 2, (uint32_t)pay_len);
		n = 4;
	} else {
		out[1] = (uint8_t)(mask | 127);
		be64_put(out + 2, pay_len);
		n = 10;
	}
	if (key != NULL) {
		memcpy(out + n, key, 4);
		n += 4;
	}
	return n;
}

unsigned ws_mask(uint8_t *dst, const uint8_t *src, size_t n, const uint8_t key[4], unsigned phase)
{
	uint8_t k8[8];
	uint64_t k;
	for (unsigned i = 0; i < 8; i++)
		k8[i] = key[(phase + i) & 3];
	memcpy(&k, k8, sizeof k);
	size_t i = 0;
	for (; n - i >= 8; i += 8) {
		uint64_t w;
		memcpy(&w, src + i, sizeof w);
		w ^= k;
		memcpy(dst + i, &w, sizeof w);
	}
	for (; i < n; i++)
		dst[i] = src[i] ^ k8[i & 7];
	return (unsigned)((phase + n) & 3);
}

void ws_put_frame(
	struct buf *out, bool fin, unsigned rsv, unsigned op, struct bytes payload, const uint8_t *key)
{
	uint8_t h[WS_HEADER_MAX];
	unsigned n = ws_header(h, fin, rsv, op, payload.n, key);
	if (payload.n > SIZE_MAX - n || !buf_reserve(out, n + payload.n)) {
		out->failed = true;
		return;
	}
	buf_add(out, (struct bytes){h, n});
	if (payload.n == 0)
		return;
	if (key != NULL)
		ws_mask(out->p + out->n, payload.p, payload.n, key, 0);
	else
		memcpy(out->p + out->n, payload.p, payload.n);
	out->n += payload.n;
}

void ws_put_message(struct buf *out, enum ws_op op, struct bytes payload, const uint8_t *key)
{
	ws_put_frame(out, true, 0, op, payload, key);
}

void ws_put_close(struct buf *out, unsigned code, struct bytes reason, const uint8_t *key)
{
	uint8_t p[WS_CONTROL_MAX];
	size_t n = 0;
	if (code != 0 && code != WS_CLOSE_NO_STATUS) {
		be16_put(p, code);
		n = 2;
		size_t m = reason.n < sizeof p - 2 ? reason.n : sizeof p - 2;
		if (m < reason.n)
			while (m > 0 && (reason.p[m] & 0xc0) == 0x80)
				m--;
		if (m > 0)
			memcpy(p + 2, reason.p, m);
		n += m;
	}
	ws_put_frame(out, true, 0, WS_OP_CLOSE, (struct bytes){p, n}, key);
}
