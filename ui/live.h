/*
 * live: the technique endpoints over real sockets. `live serve` and `live connect` drive the very endpoints the
 * simulator runs; nothing in them knows the difference.
 */
#ifndef UI_LIVE_H
#define UI_LIVE_H

#include "proto/tech/opts.h"
#include "ui/live_net.h"

struct live_job {
	const char *technique; /* serve, connect */
	const char *host, *port, *target;
	bool echo;        /* a WebSocket endpoint that sends everything back */
	bool h2;          /* connect: HTTP/2 with prior knowledge */
	bool quiet;       /* no timeline */
	int64_t every_ns; /* serve: publish this often */
	uint32_t size_bytes;
	uint64_t
		count; /* serve: publish so many, then go on serving; connect: end after so many. 0: no end */
	uint64_t cut;  /* serve: reset a stream after so many of its messages; 0 never */
	int64_t for_ns; /* end after this time; 0: when told to */
	struct tech_opts opts;
};

/* Each returns an exit code. */
int live_serve(struct live_net *n, const struct live_job *j);
int live_serve_echo(struct live_net *n, const struct live_job *j);
int live_connect(struct live_net *n, const struct live_job *j);
int live_connect_echo(struct live_net *n, const struct live_job *j);

/* The timeline: units of one connection as they pass, a line each. */
struct live_show;
struct live_show *live_show_new(struct live_net *n, bool quiet);
void live_show_free(struct live_show *s);
struct live_tap;
/* `serving`: what is received goes up. */
struct live_tap *live_tap_new(struct live_show *s, bool serving);
void live_tap_free(struct live_tap *t);
void live_tap_sent(struct live_tap *t, struct bytes b);
void live_tap_received(struct live_tap *t, struct bytes b);
/* Something that is not a unit: "connected", "reset by the client". */
void live_tap_say(struct live_tap *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line like a unit's: what passed, in words. */
void live_tap_unit(struct live_tap *t, bool up, const char *text);

/* Octets nobody can guess, for masking keys. */
uint64_t live_random(void);

#endif
