/*
 * linux_hop STORY CAPTURE.pcapng: has this machine's kernel play a story (tests/support/tcp_story.h).
 *
 *	network namespace A                    this program                      network namespace B
 *	client's socket ─ kernel TCP ─ tun ─▶ drop? ─ delay ─▶ tun ─ kernel TCP ─ server's socket
 *
 * Two namespaces with a TUN device each; this one process has sockets in both and is the hop between. The devices
 * offer no offload and segments are not gathered (gso_max_segs 1), so that what is captured is what TCP decided to
 * send. Nothing in the machine's own network is touched, and all of it is gone when the process ends.
 *
 * The capture has two interfaces: at the client and at the server, each with what is sent there and what arrives
 * there, headers only. Time 0 is connect().
 *
 * Exits with 77 and a line "skipped: why" where namespaces or TUN cannot be had.
 */
#define _GNU_SOURCE
#include "tests/support/tcp_story.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define PORT 80
#define CLIENT_PORT 40000
#define QUEUE 4096
#define SNAP 120 /* IP and TCP headers at their longest */
#define FRAME 2048

struct on_the_way {
	int64_t due_ns;
	int n;
	unsigned char p[FRAME];
};

struct end {
	int tun, listener, fd;
	bool paused, finished;
	uint32_t isn;             /* its initial sequence number */
	struct on_the_way *queue; /* towards this end: a ring */
	unsigned head, tail;
};

struct hop {
	struct story s;
	struct end end[STORY_SIDES];
	uint32_t got[STORY_SIDES];
	FILE *out;
	int64_t start_ns;
};

static void skip(const char *what)
{
	printf("skipped: %s: %s\n", what, strerror(errno));
	exit(77);
}

static void fail(const char *what)
{
	fprintf(stderr, "linux_hop: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- the capture (pcapng) ------------------------------------------------------------------------------------- */

static void put32(FILE *f, uint32_t v)
{
	fwrite(&v, 4, 1, f);
}

static void option(FILE *f, uint16_t code, const void *value, uint16_t len)
{
	static const char pad[4];

	fwrite(&code, 2, 1, f);
	fwrite(&len, 2, 1, f);
	fwrite(value, 1, len, f);
	fwrite(pad, 1, -len & 3, f);
}

static void interface(FILE *f, const char *name)
{
	uint32_t padded = ((uint32_t)strlen(name) + 3) & ~3u, size = 20 + 4 + padded + 8 + 4;

	put32(f, 1);
	put32(f, size);
	put32(f, 101); /* LINKTYPE_RAW, reserved */
	put32(f, SNAP);
	option(f, 2, name, (uint16_t)strlen(name));
	option(f, 9, "\x09", 1); /* if_tsresol: nanoseconds */
	option(f, 0, NULL, 0);
	put32(f, size);
}

static void capture_begin(FILE *f)
{
	struct utsname u;
	char os[256];
	uint32_t padded, size;

	uname(&u);
	u.release[strspn(u.release, "0123456789.")] = 0; /* the version, not who built it */
	snprintf(os, sizeof os, "%.60s %.60s", u.sysname, u.release);
	padded = ((uint32_t)strlen(os) + 3) & ~3u;
	size = 28 + 4 + padded + 4;
	put32(f, 0x0a0d0d0a);
	put32(f, size);
	put32(f, 0x1a2b3c4d);
	put32(f, 1); /* version 1.0 */
	put32(f, UINT32_MAX);
	put32(f, UINT32_MAX);
	option(f, 3, os, (uint16_t)strlen(os)); /* shb_os */
	option(f, 0, NULL, 0);
	put32(f, size);
	interface(f, "client");
	interface(f, "server");
}

static void capture(struct hop *h, enum story_side where, int64_t at_ns, const unsigned char *p, int n)
{
	uint32_t keep = n < SNAP ? (uint32_t)n : SNAP, hdr = 0;
	static const char pad[4];

	hdr = (uint32_t)((p[0] & 15) * 4 + (p[32] >> 4) * 4);
	if (hdr < keep)
		keep = hdr;
	put32(h->out, 6);
	put32(h->out, 32 + ((keep + 3) & ~3u));
	put32(h->out, where);
	put32(h->out, (uint32_t)((uint64_t)at_ns >> 32));
	put32(h->out, (uint32_t)at_ns);
	put32(h->out, keep);
	put32(h->out, (uint32_t)n);
	fwrite(p, 1, keep, h->out);
	fwrite(pad, 1, -keep & 3, h->out);
	put32(h->out, 32 + ((keep + 3) & ~3u));
}

/* ---- namespaces ------------------------------------------------------------------------------------------------ */

static void sysctl(const char *name, const char *value, bool must)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof path, "/proc/sys/net/%s", name);
	f = fopen(path, "w");
	if ((!f || fputs(value, f) < 0 || fclose(f) != 0) && must)
		skip(path);
}

static void settings(const struct story_end *e)
{
	sysctl("ipv6/conf/all/disable_ipv6", "1", false);
	sysctl("ipv4/tcp_no_metrics_save", "1", true);
	sysctl("ipv4/tcp_rmem", "4096 131072 6291456", true);
	sysctl("ipv4/tcp_wmem", "4096 16384 4194304", true);
	sysctl("ipv4/tcp_autocorking", "0", true);  /* depends on when the device took the last segment */
	sysctl("ipv4/tcp_comp_sack_nr", "0", true); /* acknowledgements of a burst are not merged */
	sysctl("ipv4/tcp_ecn", "0", true);
	sysctl("ipv4/tcp_syn_linear_timeouts", "0",
		false); /* RFC 6298 doubles from the first on; Linux 6.5 from the fifth */
	sysctl("ipv4/tcp_sack", e->no_sack ? "0" : "1", true);
	sysctl("ipv4/tcp_timestamps", e->no_timestamps ? "0" : "1", true);
	sysctl("ipv4/tcp_window_scaling", e->no_window_scaling ? "0" : "1", true);
	sysctl("ipv4/tcp_early_retrans", e->no_tail_loss_probe ? "0" : "3", true);
	sysctl("ipv4/tcp_slow_start_after_idle", e->no_idle_restart ? "0" : "1", true);
	if (e->fin_wait_s) {
		char text[16];

		snprintf(text, sizeof text, "%u", e->fin_wait_s);
		sysctl("ipv4/tcp_fin_timeout", text, true);
	}
}

/* One segment is one buffer: IFLA_GSO_MAX_SEGS, for which there is no ioctl. */
static void one_segment_a_buffer(const char *dev)
{
	struct {
		struct nlmsghdr n;
		struct ifinfomsg i;
		struct rtattr a;
		uint32_t segs;
	} m = {.n = {sizeof m, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
		.i = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(dev)},
		.a = {RTA_LENGTH(4), IFLA_GSO_MAX_SEGS},
		.segs = 1};
	struct {
		struct nlmsghdr n;
		struct nlmsgerr e;
		char rest[512];
	} answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	if (fd < 0 || send(fd, &m, sizeof m, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0)
		skip("netlink");
	if (answer.n.nlmsg_type == NLMSG_ERROR && answer.e.error) {
		errno = -answer.e.error;
		skip("gso_max_segs");
	}
	close(fd);
}

/* A namespace of its own with a TUN device; the process is in it afterwards. */
static int tun(const char *addr, unsigned mtu)
{
	struct ifreq r = {0};
	struct sockaddr_in *a = (struct sockaddr_in *)&r.ifr_addr;
	int fd, s;

	if (unshare(CLONE_NEWNET) < 0)
		skip("unshare(CLONE_NEWNET)");
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		skip("/dev/net/tun");
	strcpy(r.ifr_name, "hop");
	r.ifr_flags = IFF_TUN | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &r) < 0)
		skip("TUNSETIFF");
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = inet_addr(addr);
	if (s < 0 || ioctl(s, SIOCSIFADDR, &r) < 0)
		skip("SIOCSIFADDR");
	a->sin_addr.s_addr = inet_addr("255.255.255.0");
	if (ioctl(s, SIOCSIFNETMASK, &r) < 0)
		skip("SIOCSIFNETMASK");
	r.ifr_mtu = (int)mtu;
	if (ioctl(s, SIOCSIFMTU, &r) < 0)
		skip("SIOCSIFMTU");
	one_segment_a_buffer("hop");
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(s, SIOCSIFFLAGS, &r) < 0)
		skip("SIOCSIFFLAGS");
	close(s);
	return fd;
}

static int opened(const struct story_end *e)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1, big = 8 << 20;
	int room = e->window_bytes ? (int)e->window_bytes : 65536;

	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof big);
	if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "cubic", 5) < 0)
		skip("congestion control cubic");
	/* a fixed buffer, of the usual size unless the story says otherwise; the kernel doubles the value */
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	if (e->nodelay)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (e->keepalive_idle_s) {
		int idle = (int)e->keepalive_idle_s, interval = (int)e->keepalive_interval_s,
		    n = (int)e->keepalive_probes;

		setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
		setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &n, sizeof n);
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	}
	return fd;
}

static int client_socket(const struct hop *h)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(CLIENT_PORT)};
	int fd = opened(&h->s.end[STORY_CLIENT]);

	a.sin_addr.s_addr = inet_addr("10.0.0.1");
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0)
		fail("bind");
	return fd;
}

static void set_up(struct hop *h)
{
	struct end *c = &h->end[STORY_CLIENT], *s = &h->end[STORY_SERVER];
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	s->tun = tun("10.0.0.2", h->s.mtu);
	settings(&h->s.end[STORY_SERVER]);
	s->listener = opened(&h->s.end[STORY_SERVER]);
	s->fd = -1;
	a.sin_addr.s_addr = inet_addr("10.0.0.2");
	if (bind(s->listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(s->listener, 16) < 0)
		fail("listen");
	c->tun = tun("10.0.0.1", h->s.mtu);
	settings(&h->s.end[STORY_CLIENT]);
	c->listener = -1;
	c->fd = client_socket(h);
	for (int i = 0; i < STORY_SIDES; i++)
		h->end[i].queue = malloc(QUEUE * sizeof *h->end[i].queue);
}

static void go(struct hop *h)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	a.sin_addr.s_addr = inet_addr("10.0.0.2");
	if (!h->start_ns)
		h->start_ns = clock_ns();
	if (connect(h->end[STORY_CLIENT].fd, (struct sockaddr *)&a, sizeof a) < 0 && errno != EINPROGRESS)
		fail("connect");
}

/* ---- the applications ------------------------------------------------------------------------------------------ */

static void read_all(struct hop *h, enum story_side side)
{
	struct end *e = &h->end[side];
	static char junk[1 << 16];
	ssize_t n;

	if (e->listener >= 0 && e->fd < 0)
		e->fd = accept4(e->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), e->finished = false;
	if (e->fd < 0 || e->paused || e->finished)
		return;
	while ((n = recv(e->fd, junk, sizeof junk, 0)) > 0)
		h->got[side] += (uint32_t)n;
	if (n == 0 || (errno != EAGAIN && errno != ENOTCONN))
		e->finished = true; /* nothing more comes; writing may go on */
}

static void act(struct hop *h, const struct story_act *a)
{
	struct end *e = &h->end[a->side];
	struct linger now = {1, 0};
	static char text[1 << 20];

	if (e->fd < 0 && a->what != STORY_CONNECT)
		return;
	switch (a->what) {
	case STORY_WRITE:
		/* while the handshake goes on the kernel does not take data: ask again at each turn */
		if (send(e->fd, text, a->arg, MSG_NOSIGNAL) < 0 && errno == EAGAIN)
			((struct story_act *)a)->done = false;
		break;
	case STORY_SHUTDOWN:
		shutdown(e->fd, SHUT_WR);
		break;
	case STORY_ABORT:
		setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
		/* fall through */
	case STORY_CLOSE:
		close(e->fd);
		e->fd = -1;
		break;
	case STORY_CONNECT:
		*e = (struct end){e->tun, -1, client_socket(h), false, false, 0, e->queue, e->head, e->tail};
		go(h);
		break;
	case STORY_PAUSE:
		e->paused = true;
		break;
	case STORY_RESUME:
		e->paused = false;
		read_all(h, a->side);
		break;
	}
}

/* ---- the hop --------------------------------------------------------------------------------------------------- */

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The packet at the ring's tail takes its place by time. */
static void enqueue(struct end *to)
{
	for (unsigned i = to->tail++; i != to->head; i--) {
		struct on_the_way *a = &to->queue[(i - 1) % QUEUE], *b = &to->queue[i % QUEUE], c;

		if (a->due_ns <= b->due_ns)
			return;
		c = *a;
		*a = *b;
		*b = c;
	}
}

/* Takes one packet that the kernel at `side` sent. */
static bool take(struct hop *h, enum story_side side)
{
	struct end *from = &h->end[side], *to = &h->end[!side];
	struct on_the_way *w = &to->queue[to->tail % QUEUE];
	ssize_t n = read(from->tun, w->p, sizeof w->p);
	int64_t now = clock_ns();

	if (n <= 0)
		return false;
	if (n < 40 || w->p[0] >> 4 != 4 || w->p[9] != IPPROTO_TCP)
		return true;
	const unsigned char *t = w->p + (w->p[0] & 15) * 4;
	uint32_t syn = t[13] >> 1 & 1, fin = t[13] & 1, rst = t[13] >> 2 & 1;
	uint32_t len = (uint32_t)n - (uint32_t)(t - w->p) - (uint32_t)(t[12] >> 4) * 4 + syn + fin;

	if (syn)
		from->isn = be32(t + 4);
	capture(h, side, now - h->start_ns, w->p, (int)n);
	int64_t keep = rst ? 0 : story_fate(&h->s, side, be32(t + 4) - from->isn, len, now - h->start_ns);

	if (keep != STORY_LOST) {
		w->n = (int)n;
		w->due_ns = now + h->s.delay_ns + keep;
		enqueue(to);
	}
	return true;
}

static void applications(struct hop *h)
{
	struct story_act *a;

	while ((a = story_due(&h->s, clock_ns() - h->start_ns, h->got))) {
		act(h, a);
		if (!a->done)
			return;
		while (take(h, a->side))
			;
	}
}

static void deliver(struct hop *h, enum story_side side, int64_t now)
{
	struct end *e = &h->end[side];

	while (e->head != e->tail && e->queue[e->head % QUEUE].due_ns <= now) {
		struct on_the_way *w = &e->queue[e->head++ % QUEUE];

		capture(h, side, now - h->start_ns, w->p, w->n);
		if (write(e->tun, w->p, (size_t)w->n) < 0)
			fail("write to tun");
		read_all(h, side);
		while (take(h, side))
			;
		applications(h);
	}
}

static int64_t next_ns(const struct hop *h)
{
	int64_t next = story_next_ns(&h->s);

	next = next < h->s.end_ns ? next + h->start_ns : h->s.end_ns + h->start_ns;
	for (int i = 0; i < STORY_SIDES; i++) {
		const struct end *e = &h->end[i];

		if (e->head != e->tail && e->queue[e->head % QUEUE].due_ns < next)
			next = e->queue[e->head % QUEUE].due_ns;
	}
	return next;
}

static void wait_for(struct hop *h, int64_t until)
{
	struct pollfd p[6];
	int n = 0;
	int64_t left = until - clock_ns();
	struct timespec t = {left / 1000000000, left % 1000000000};

	for (int i = 0; i < STORY_SIDES; i++) {
		const struct end *e = &h->end[i];

		p[n++] = (struct pollfd){e->tun, POLLIN, 0};
		if (e->listener >= 0 && e->fd < 0)
			p[n++] = (struct pollfd){e->listener, POLLIN, 0};
		if (e->fd >= 0 && !e->paused && !e->finished)
			p[n++] = (struct pollfd){e->fd, POLLIN, 0};
	}
	if (left > 0)
		ppoll(p, (nfds_t)n, &t, NULL);
}

static void play(struct hop *h)
{
	for (;;) {
		int64_t now = clock_ns();

		if (now - h->start_ns >= h->s.end_ns)
			return;
		for (int i = 0; i < STORY_SIDES; i++) {
			while (take(h, (enum story_side)i))
				;
			read_all(h, (enum story_side)i);
		}
		applications(h);
		for (int i = 0; i < STORY_SIDES; i++)
			deliver(h, (enum story_side)i, clock_ns());
		wait_for(h, next_ns(h));
	}
}

int main(int argc, char **argv)
{
	static struct hop h;
	struct sched_param first = {.sched_priority = 50};

	if (argc != 3) {
		fprintf(stderr, "usage: linux_hop STORY CAPTURE.pcapng\n");
		return 2;
	}
	if (!story_read(&h.s, argv[1])) {
		fprintf(stderr, "%s\n", h.s.error);
		return 2;
	}
	set_up(&h);
	h.out = fopen(argv[2], "wb");
	if (!h.out)
		fail(argv[2]);
	capture_begin(h.out);
	prctl(PR_SET_TIMERSLACK, 1);
	sched_setscheduler(
		0, SCHED_FIFO, &first); /* a busy machine delays packets less; without the right to it, no */
	go(&h);
	play(&h);
	return fclose(h.out) == 0 ? 0 : 1;
}
