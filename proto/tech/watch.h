/*
 * watch: sees what passes over one connection and says which protocol units it carries: HTTP requests and responses,
 * server-sent events and comments, WebSocket frames, each with its range in the stream. It takes no part; it is how
 * a relay's two connections are shown unit by unit, although the relay itself only passes octets on.
 *
 *   octets up   ─▶ requests ──▶ (after 101) frames
 *   octets down ─▶ responses ─▶ events, or frames
 *
 * A response is one unit when its body has an end; one that may last for ever (text/event-stream, or until close)
 * is a unit at its head, and its events are units of their own. When a stream breaks the rules the watch says so once
 * and is silent from then on in that direction.
 */
#ifndef PROTO_TECH_WATCH_H
#define PROTO_TECH_WATCH_H

#include "proto/base/base.h"

enum watch_kind {
	WATCH_NONE,
	WATCH_REQUEST,
	WATCH_RESPONSE,
	WATCH_EVENT,
	WATCH_COMMENT,
	WATCH_FRAME,
	WATCH_ERROR,
};

#define WATCH_TEXT_MAX 96

struct watch_unit {
	enum watch_kind kind;
	bool up;
	uint64_t off, len; /* in the stream of that direction; off + len is where it became complete */
	char text[WATCH_TEXT_MAX]; /* "GET /events", "200 OK", "text, 92 bytes": printable ASCII */
};

struct watch;

/* NULL when out of memory. */
struct watch *watch_new(const struct alloc *al);
void watch_free(struct watch *w);
/* The next octets of one direction. */
void watch_feed(struct watch *w, bool up, struct bytes in);
/* The next unit found, in order; false: none. */
bool watch_next(struct watch *w, struct watch_unit *u);

#endif
