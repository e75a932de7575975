/*
 * tcp_story: what two applications do over TCP and what the network does to them, written down once and played by a
 * Linux kernel (tests/peers/linux_hop.c) and by our simulator (tests/tcp/test_linux_tcp.c).
 *
 *	# a comment; the first ones say what the story is about
 *	delay 20                     one way, in milliseconds
 *	mtu 1500                     of both ends
 *	rate client 16000            what this side sends passes a line of so many kbit/s, one segment after the other (52
 *	                             octets and its own)
 *	end 5                        seconds
 *	client off sack timestamps window_scaling tail_loss_probe idle_restart
 *	server nodelay               Nagle's algorithm is on unless this is said
 *	client keepalive 2 1 3       idle, interval (seconds), probes
 *	server window 20000          the receive buffer holds this many octets, not more later; more than 65536: the
 *	                             window is that from the first ACK on
 *	client fin_wait 2            seconds in FIN_WAIT_2 after close
 *	drop client 14481 1-2        transmissions 1 and 2 of the segment with that octet never arrive (SYN is 0,
 *	                             the first octet 1, the FIN follows the last octet)
 *	drop server ack 3-5          so do these bare ACKs, counted from 1
 *	cut 1.0 4.5 client           nothing this side sends between these seconds arrives; both when none is named
 *	hold 1.0 1.4 client          what this side sends between these seconds goes on its way at the latter
 *	late client 14481 15 1       the segment with that octet (its first transmission) goes on its way 15 ms later
 *	at 0.5 client write 4000     actions: write N, shutdown, close, abort, pause, resume,
 *	                             connect (the client once more, from the same port, when all is over)
 *	got 4000 server write 100    the same when this side has read so many octets in all
 *
 * The client connects at 0, the server accepts, both read whatever arrives, at once, unless paused. The client has
 * 10.0.0.1:40000, the server 10.0.0.2:80.
 */
#ifndef TESTS_SUPPORT_TCP_STORY_H
#define TESTS_SUPPORT_TCP_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORY_MAX 64

enum story_side {
	STORY_CLIENT,
	STORY_SERVER,
	STORY_SIDES,
};
enum story_do {
	STORY_WRITE,
	STORY_SHUTDOWN,
	STORY_CLOSE,
	STORY_ABORT,
	STORY_PAUSE,
	STORY_RESUME,
	STORY_CONNECT,
};
extern const char *const story_do_names[];

struct story_end {
	bool no_sack, no_timestamps, no_window_scaling, no_tail_loss_probe, no_idle_restart, nodelay;
	unsigned keepalive_idle_s, keepalive_interval_s, keepalive_probes; /* idle 0: off */
	unsigned window_bytes;                                             /* 0: as usual */
	unsigned fin_wait_s;                                               /* 0: as usual */
};

struct story_act {
	enum story_side side;
	enum story_do what;
	uint32_t arg;
	int64_t at_ns; /* < 0: when `got` octets have been read */
	uint32_t got;
	bool done;
};

struct story_drop {
	enum story_side side;
	bool ack;       /* bare ACKs number `from` to `to`; otherwise: */
	uint32_t octet; /* transmissions `from` to `to` of what holds this octet */
	uint32_t from, to;
	uint32_t seen;
	int64_t late_ns; /* 0: lost */
};

struct story_cut {
	int64_t from_ns, to_ns;
	bool side[STORY_SIDES];
	bool hold;
};

struct story {
	int64_t delay_ns, end_ns;
	unsigned mtu;
	struct story_end end[STORY_SIDES];
	struct story_act act[STORY_MAX];
	struct story_drop drop[STORY_MAX];
	struct story_cut cut[STORY_MAX];
	unsigned acts, drops, cuts;
	uint32_t acks[STORY_SIDES];    /* bare ACKs seen by story_fate */
	int64_t rate_bps[STORY_SIDES]; /* 0: as fast as can be */
	int64_t free_ns[STORY_SIDES];  /* when the line has sent what story_fate was asked about */
	char error[160];
};

/* Reads a story. False: `s->error` says which line is wrong. */
bool story_read(struct story *s, const char *path);
#define STORY_LOST (-1)
/* How long this segment, sent now, is kept before it goes on its way; or STORY_LOST. `seq` is relative to the sender's
 * SYN, `len` counts SYN and FIN too. To be asked once for each segment, in the order of sending. */
int64_t story_fate(struct story *s, enum story_side side, uint32_t seq, uint32_t len, int64_t now_ns);
/* The next action that is due (by time, or because `got` octets have been read by its side), or NULL. Marks it done. */
struct story_act *story_due(struct story *s, int64_t now_ns, const uint32_t got[STORY_SIDES]);
/* When the next timed action is due; INT64_MAX: none is left. */
int64_t story_next_ns(const struct story *s);

#endif
