/*
 * live_net: real sockets for endpoints that do no I/O. One epoll loop, non-blocking stream sockets, pulled:
 *
 *     while (live_wait(net, deadline_ns, &ev) != LIVE_STOP) …   // ACCEPT UP DATA EOF GONE TIME
 *     live_write(conn, bytes); live_close(conn); live_abort(conn);
 *
 * What cannot be written at once is kept and written when the socket takes it, up to LIVE_BACKLOG_MAX octets for one
 * connection; a peer that reads slower than that is reset. SIGINT and SIGTERM come out as LIVE_STOP.
 */
#ifndef UI_LIVE_NET_H
#define UI_LIVE_NET_H

#include "proto/base/base.h"

#define LIVE_BACKLOG_MAX (64u << 20)
#define LIVE_CONNS_MAX 4096

struct live_net;
struct live_conn;

enum live_ev_kind {
	LIVE_ACCEPT, /* conn is new */
	LIVE_UP,     /* a connection we opened is established */
	LIVE_DATA,   /* data, valid until the next live_wait */
	LIVE_EOF,    /* the peer has finished sending */
	LIVE_GONE,   /* reset, refused, failed: error is an errno; conn is freed by the next live_wait */
	LIVE_TIME,   /* the deadline has passed */
	LIVE_STOP,   /* the user wants it to end */
};

struct live_ev {
	enum live_ev_kind kind;
	struct live_conn *conn;
	struct bytes data;
	int error;
};

/* NULL with errno. */
struct live_net *live_net_new(void);
void live_net_free(struct live_net *n);
/* Listens; `port` gets the port in use (asked for 0: the system's choice). 0, or -1 with errno. */
int live_listen(struct live_net *n, const char *host, const char *port, unsigned *port_out, const char **why);
/* Starts connecting. NULL with errno or *why. */
struct live_conn *live_open(struct live_net *n, const char *host, const char *port, const char **why);
enum live_ev_kind live_wait(struct live_net *n, int64_t deadline_ns, struct live_ev *ev);
/* Nanoseconds since 1970 by a clock that never jumps: the wall clock at the start, then the monotonic one. */
int64_t live_now(const struct live_net *n);

void live_write(struct live_conn *c, struct bytes b);
/* FIN once everything is written; the connection is freed when the peer has finished too. */
void live_close(struct live_conn *c);
void live_abort(struct live_conn *c);
/* What the owner wants to find again. */
void live_set_owner(struct live_conn *c, void *owner);
void *live_owner(const struct live_conn *c);
void live_each(struct live_net *n, void (*visit)(struct live_conn *c));

#endif
