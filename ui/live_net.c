/*
 * live_net: see live_net.h. Connections are in an array of pointers; what is to be freed is freed at the start of the
 * next wait, so that an event's connection stays valid while it is being handled.
 */
#include "ui/live_net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_MAX 65536

struct live_conn {
	struct live_net *net;
	int fd;
	bool connecting, eof_in, want_close, closed_out, dead;
	struct buf out;
	size_t out_at;
	void *owner;
	struct live_conn *next;
};

struct live_net {
	int ep, sig, listener;
	struct live_conn *conns;
	unsigned count;
	struct epoll_event ready[64];
	int nready, at;
	uint8_t in[READ_MAX];
	sigset_t old_mask;
	int64_t epoch_ns; /* the monotonic clock's zero, as wall clock time at the start */
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t live_now(const struct live_net *n)
{
	return clock_ns(CLOCK_MONOTONIC) + n->epoch_ns;
}

static int watch_fd(struct live_net *n, int fd, uint32_t events, void *p, int op)
{
	struct epoll_event e = {.events = events, .data.ptr = p};
	return epoll_ctl(n->ep, op, fd, &e);
}

struct live_net *live_net_new(void)
{
	struct live_net *n = calloc(1, sizeof *n);
	if (!n)
		return NULL;
	sigset_t stop;
	sigemptyset(&stop);
	sigaddset(&stop, SIGINT);
	sigaddset(&stop, SIGTERM);
	sigprocmask(SIG_BLOCK, &stop, &n->old_mask);
	n->listener = -1;
	n->epoch_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
	n->ep = epoll_create1(EPOLL_CLOEXEC);
	n->sig = signalfd(-1, &stop, SFD_NONBLOCK | SFD_CLOEXEC);
	if (n->ep < 0 || n->sig < 0 || watch_fd(n, n->sig, EPOLLIN, &n->sig, EPOLL_CTL_ADD) < 0) {
		live_net_free(n);
		return NULL;
	}
	return n;
}

static void conn_free(struct live_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);
	buf_fini(&c->out);
	c->net->count--;
	free(c);
}

void live_net_free(struct live_net *n)
{
	if (!n)
		return;
	while (n->conns) {
		struct live_conn *c = n->conns;
		n->conns = c->next;
		conn_free(c);
	}
	if (n->listener >= 0)
		close(n->listener);
	if (n->sig >= 0)
		close(n->sig);
	if (n->ep >= 0)
		close(n->ep);
	sigprocmask(SIG_SETMASK, &n->old_mask, NULL);
	free(n);
}

static struct live_conn *conn_new(struct live_net *n, int fd, bool connecting)
{
	struct live_conn *c = calloc(1, sizeof *c);
	int one = 1;
	if (!c)
		return NULL;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	*c = (struct live_conn){.net = n, .fd = fd, .connecting = connecting, .next = n->conns};
	buf_init(&c->out, &alloc_libc, LIVE_BACKLOG_MAX);
	n->conns = c;
	n->count++;
	watch_fd(n, fd, connecting ? EPOLLOUT : EPOLLIN, c, EPOLL_CTL_ADD);
	return c;
}

static int resolve(const char *host, const char *port, int flags, struct addrinfo **list, const char **why)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags};
	int rc = getaddrinfo(host, port, &hints, list);
	if (!rc)
		return 0;
	*why = gai_strerror(rc);
	errno = EINVAL;
	return -1;
}

static int nonblocking(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);
	if (fd < 0)
		return -1;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

static unsigned bound_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof a;
	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					     : ((struct sockaddr_in *)&a)->sin_port);
}

int live_listen(struct live_net *n, const char *host, const char *port, unsigned *port_out, const char **why)
{
	struct addrinfo *list;
	int one = 1;
	if (resolve(host, port, AI_PASSIVE, &list, why) < 0)
		return -1;
	int fd = nonblocking(list->ai_family);
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (bind(fd, list->ai_addr, list->ai_addrlen) < 0 || listen(fd, 128) < 0 ||
			watch_fd(n, fd, EPOLLIN, &n->listener, EPOLL_CTL_ADD) < 0) {
			int e = errno;
			close(fd);
			fd = -1;
			errno = e;
		}
	}
	freeaddrinfo(list);
	if (fd < 0) {
		*why = strerror(errno);
		return -1;
	}
	n->listener = fd;
	*port_out = bound_port(fd);
	return 0;
}

struct live_conn *live_open(struct live_net *n, const char *host, const char *port, const char **why)
{
	struct addrinfo *list;
	struct live_conn *c = NULL;
	if (resolve(host, port, 0, &list, why) < 0)
		return NULL;
	int fd = nonblocking(list->ai_family);
	if (fd >= 0 && (connect(fd, list->ai_addr, list->ai_addrlen) == 0 || errno == EINPROGRESS))
		c = conn_new(n, fd, true);
	if (!c) {
		*why = strerror(errno);
		if (fd >= 0)
			close(fd);
	}
	freeaddrinfo(list);
	return c;
}

void live_set_owner(struct live_conn *c, void *owner)
{
	c->owner = owner;
}
void *live_owner(const struct live_conn *c)
{
	return c->owner;
}

void live_each(struct live_net *n, void (*visit)(struct live_conn *c))
{
	for (struct live_conn *c = n->conns; c; c = c->next)
		visit(c);
}

/* ---- writing */

static void arm(struct live_conn *c)
{
	uint32_t want = c->connecting || c->out.n > c->out_at ? EPOLLOUT : 0;
	watch_fd(c->net, c->fd, want | (c->eof_in || c->connecting ? 0 : EPOLLIN), c, EPOLL_CTL_MOD);
}

static void flush(struct live_conn *c)
{
	while (!c->connecting && c->out_at < c->out.n) {
		ssize_t k = send(c->fd, c->out.p + c->out_at, c->out.n - c->out_at, MSG_NOSIGNAL);
		if (k < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (k < 0) { /* the reason comes with the next read */
			c->out_at = c->out.n;
			break;
		}
		c->out_at += (size_t)k;
	}
	if (c->out_at == c->out.n) {
		buf_clear(&c->out);
		c->out_at = 0;
		if (c->want_close && !c->closed_out && !c->connecting) {
			shutdown(c->fd, SHUT_WR);
			c->closed_out = true;
		}
	}
	if (c->closed_out && c->eof_in)
		c->dead = true;
	else
		arm(c);
}

void live_write(struct live_conn *c, struct bytes b)
{
	if (c->dead || c->want_close || !b.n)
		return;
	if (c->out_at > READ_MAX) {
		buf_drop(&c->out, c->out_at);
		c->out_at = 0;
	}
	buf_add(&c->out, b);
	if (c->out.failed)
		live_abort(c);
	else
		flush(c);
}

void live_close(struct live_conn *c)
{
	c->want_close = true;
	if (!c->dead)
		flush(c);
}

void live_abort(struct live_conn *c)
{
	struct linger now = {1, 0};
	if (c->dead)
		return;
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	c->dead = true;
}

/* ---- waiting */

static void reap(struct live_net *n)
{
	for (struct live_conn **p = &n->conns; *p;) {
		struct live_conn *c = *p;
		if (!c->dead) {
			p = &c->next;
			continue;
		}
		for (int i = n->at; i < n->nready; i++)
			if (n->ready[i].data.ptr == c)
				n->ready[i].data.ptr = NULL;
		*p = c->next;
		conn_free(c);
	}
}

static bool gone(struct live_conn *c, struct live_ev *ev, int error)
{
	c->dead = true;
	*ev = (struct live_ev){.kind = LIVE_GONE, .conn = c, .error = error};
	return true;
}

static bool ready_conn(struct live_net *n, struct live_conn *c, uint32_t events, struct live_ev *ev)
{
	if (c->connecting) {
		int error = 0;
		socklen_t len = sizeof error;
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error)
			return gone(c, ev, error);
		c->connecting = false;
		flush(c);
		*ev = (struct live_ev){.kind = LIVE_UP, .conn = c};
		return true;
	}
	if (events & EPOLLOUT)
		flush(c);
	if (c->dead || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return false;
	ssize_t k = recv(c->fd, n->in, sizeof n->in, 0);
	if (k < 0)
		return errno == EAGAIN || errno == EINTR ? false : gone(c, ev, errno);
	if (k == 0) {
		c->eof_in = true;
		flush(c);
		*ev = (struct live_ev){.kind = LIVE_EOF, .conn = c};
		return true;
	}
	*ev = (struct live_ev){.kind = LIVE_DATA, .conn = c, .data = {n->in, (size_t)k}};
	return true;
}

static bool ready_listener(struct live_net *n, struct live_ev *ev)
{
	int fd = accept(n->listener, NULL, NULL);
	if (fd < 0)
		return false;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	struct live_conn *c = n->count < LIVE_CONNS_MAX ? conn_new(n, fd, false) : NULL;
	if (!c) {
		close(fd);
		return false;
	}
	*ev = (struct live_ev){.kind = LIVE_ACCEPT, .conn = c};
	return true;
}

static int timeout_ms(const struct live_net *n, int64_t deadline_ns)
{
	if (deadline_ns == INT64_MAX)
		return -1;
	int64_t left = deadline_ns - live_now(n);
	if (left <= 0)
		return 0;
	return left > 3600000000000 ? 3600000 : (int)((left + 999999) / 1000000);
}

enum live_ev_kind live_wait(struct live_net *n, int64_t deadline_ns, struct live_ev *ev)
{
	reap(n);
	for (;;) {
		while (n->at < n->nready) {
			struct epoll_event e = n->ready[n->at++];
			bool told = false;
			if (e.data.ptr == &n->sig) {
				*ev = (struct live_ev){.kind = LIVE_STOP};
				return LIVE_STOP;
			}
			if (e.data.ptr == &n->listener)
				told = ready_listener(n, ev);
			else if (e.data.ptr)
				told = ready_conn(n, e.data.ptr, e.events, ev);
			if (told)
				return ev->kind;
		}
		n->at = n->nready = 0;
		if (deadline_ns <= live_now(n)) {
			*ev = (struct live_ev){.kind = LIVE_TIME};
			return LIVE_TIME;
		}
		int k = epoll_wait(n->ep, n->ready, 64, timeout_ms(n, deadline_ns));
		n->nready = k > 0 ? k : 0;
	}
}
