/*
 * relay_kit: relays without a network; all they put out becomes a line of text. For tests with cmocka.
 */
#ifndef TESTS_SUPPORT_RELAY_KIT_H
#define TESTS_SUPPORT_RELAY_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tech/relay.h"

#define S INT64_C(1000000000)

static bool lends;   /* at each OPEN a connection is there that was used before */
static bool starved; /* memory runs out on purpose: a HOLD may have gone untold */

/* Everything a relay put out, as text: "O" open, "N" open a new one, "S" given back, "<0 ...>" octets to a leg, "C0" close, "A1" abort, "[hold 92]". */
struct log {
	char t[65536];
	size_t n;
};

__attribute__((unused)) static void logf_(struct log *l, const char *s, size_t n)
{
	assert_true(l->n + n + 1 < sizeof l->t);
	memcpy(l->t + l->n, s, n);
	l->n += n;
	l->t[l->n] = 0;
}

/* Takes over the slice. */
__attribute__((unused)) static void log_write(struct log *l, unsigned leg, struct slice owned)
{
	logf_(l, leg ? "<1 " : "<0 ", 3);
	logf_(l, (const char *)slice_bytes(owned).p, owned.len);
	logf_(l, ">", 1);
	blob_unref(owned.blob);
}

__attribute__((unused)) static struct relay *relay_new(const struct relay_cfg *cfg)
{
	struct relay *r = malloc(sizeof *r);
	assert_non_null(r);
	relay_init(r, cfg, 0);
	return r;
}

__attribute__((unused)) static void relay_free(struct relay *r)
{
	relay_fini(r);
	free(r);
}

__attribute__((unused)) static void pull(struct relay *r, struct log *l)
{
	static const char *const notes[] = {"hold", "release", "stripped", "blocked", "tunnel",
		"read-timeout", "tunnel-timeout", "keepalive-end", "upstream-gone", "bad-message"};
	struct relay_out o;
	uint64_t id = 100;
	l->n = 0;
	l->t[0] = 0;
	while (relay_next(r, &o) != RELAY_IDLE) {
		char s[80];
		int n = 0;
		switch (o.kind) {
		case RELAY_OPEN:
			n = snprintf(s, sizeof s, o.a ? "N" : "O");
			if (lends && !o.a)
				relay_lent(r);
			break;
		case RELAY_SPARE:
			n = snprintf(s, sizeof s, "S");
			break;
		case RELAY_WRITE:
			log_write(l, o.leg, o.data);
			break;
		case RELAY_CLOSE:
			n = snprintf(s, sizeof s, "C%u", o.leg);
			break;
		case RELAY_ABORT:
			n = snprintf(s, sizeof s, "A%u", o.leg);
			break;
		default:
			n = snprintf(s, sizeof s, "[%s %u]", notes[o.note], (unsigned)o.slen);
			if (o.note == RELAY_HOLD)
				relay_note_id(r, id++);
			if (o.note == RELAY_RELEASE && !starved)
				assert_true(o.cause >= 100);
		}
		logf_(l, s, (size_t)n);
	}
}

__attribute__((unused)) static void in(struct relay *r, unsigned leg, const char *s, size_t n, int64_t now)
{
	struct blob *b = blob_new(&alloc_libc, (struct bytes){(const uint8_t *)s, n});
	relay_data(r, leg, slice_of(b), now);
	blob_unref(b);
}
#define IN(r, leg, s, now) in(r, leg, s, strlen(s), now)

__attribute__((unused)) static const struct relay_cfg off = {
	.al = &alloc_libc, .pseudonym = "edge", .read_timeout_ns = 60 * S, .keepalive_ns = 75 * S};

#define GET "GET /events HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nConnection: keep-alive\r\n\r\n"
__attribute__((unused)) static const struct relay_cfg shared = {.al = &alloc_libc,
	.pseudonym = "edge",
	.read_timeout_ns = 60 * S,
	.keepalive_ns = 75 * S,
	.shared = true};

#define UP                                                                  \
	"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: " \
	"Upgrade\r\nSec-WebSocket-Version: "                                \
	"13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define DOWN                                                                     \
	"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: " \
	"Upgrade\r\nSec-WebSocket-Accept: "                                      \
	"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

#endif
