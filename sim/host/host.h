/*
 * host: what the files of sim/host share: the parts of a simulated world and how they hang together.
 *
 *	struct sim ─┬─ group[]   a client group: its site (technique, options), link classes per network, counters
 *	            ├─ client[]  all clients of all groups, numbered from 1 through them, standing in the order in which they
 *	            │            start: a broadcast meets them so
 *	            ├─ server[]  server names; proc[] their processes (app-1 … app-n)
 *	            ├─ box[]     boxes of the scenario, each with the NATs or proxies built from it
 *	            ├─ chain[]   links shared by many clients (box to box, box to server), with their classes
 *	            ├─ note[]    the ledger: every message published, and who has it
 *	            └─ world, net, tcp, trace
 *
 *	client ══ access link ══▶ box ══ data centre ══▶ box ══ data centre ══▶ process
 *	   (the group's class)        (two links per neighbour pair, shared)
 *
 * With no box on the way the client's own link ends at the process, its delay including the data centre's: a packet
 * then costs one event.
 *
 * Common random numbers. Every stream of random numbers is named after an element and a purpose, never after the
 * technique: "messages/NAME" (times of publishing), "messages/NAME/to" and "/from" (receiver and sender drawn),
 * "GROUP/start" (order of arrival), "GROUP/up" and "GROUP/down" by client (loss and jitter of the access link, drawn
 * per packet ordinal), "GROUP/app" by client (jitter of back-off per ordinal, masking keys), "GROUP/switch" …. So
 * message times, receivers, starts and outages are the same under every technique; the n-th packet of a client meets
 * the same fate under every technique, though the n-th packet is not the same packet.
 */
#ifndef SIM_HOST_HOST_H
#define SIM_HOST_HOST_H

#include "proto/tech/relay.h"
#include "proto/tech/tech.h"
#include "proto/tech/watch.h"
#include "sim/core/xmalloc.h"
#include "sim/host/simulation.h"
#include "sim/net/nat.h"
#include "sim/tcp/tcp.h"

#define HOST_DC_RTT_NS 500000ll         /* BP-14 */
#define HOST_DC_RATE_BPS 10000000000ull /* data-centre Ethernet */
#define HOST_ACCEPT_CPU_NS 12000        /* SV-21 less SV-20: what a new connection costs beside its request */
#define HOST_BUSY_NS NS_PER_MS          /* what waits this long for the processor says so */
#define HOST_HTTP_PORT 80
#define HOST_PROXY_BUFFER \
	65536u                /* octets a proxy lets wait in one leg before it stops reading from the other */
#define HOST_UPSTREAM_IDLE 32 /* PX-02: idle connections to servers, where the scenario says nothing */
#define HOST_UPSTREAM_REQUESTS 1000 /* PX-01: then nginx closes one */
#define HOST_EPHEMERAL_FIRST 32768u /* TC-08 */
#define HOST_EPHEMERAL_COUNT 28232u
#define HOST_SOURCES 1 /* sources of messages of which a client itself remembers what came last */
#define HOST_KEEPALIVE_NS (5 * NS_PER_S) /* PX-10, where the scenario says nothing */

struct sim;
struct sock;
struct client;

/* Fetches octets from..to of an object into the cache, to be written. */
static inline void host_fetch(const void *p, size_t from, size_t to)
{
	for (; from < to; from += 64)
		__builtin_prefetch((const char *)p + from, 1);
}
struct reading;

/* ---- sockets: a TCP connection of some host, with whoever uses it --------------------------------------------- */

struct sock_ops {
	void (*up)(struct sim *s, struct sock *k, uint64_t cause);
	void (*data)(struct sim *s, struct sock *k, struct slice owned, uint64_t cause);
	void (*eof)(struct sim *s, struct sock *k, uint64_t cause);
	/* the connection is gone by no act of ours; the socket is freed after this */
	void (*gone)(struct sim *s, struct sock *k, enum trace_reason reason, uint64_t cause);
	void (*writable)(struct sim *s, struct sock *k, uint64_t cause); /* may be NULL */
};

/* What kind of host a socket belongs to; its node tells which. */
enum sock_of { SOCK_CLIENT, SOCK_PROC, SOCK_PROXY, SOCK_OWNERS };
extern const struct sock_ops client_sock, proc_sock, proxy_sock;

struct sock {
	struct link *out;  /* where its segments go; overwritten when it is returned to the pool */
	struct node *host; /* of the client, process or proxy */
	union {
		struct sock *next; /* a client's: its next one */
		void *user;        /* a process's: sconn; a proxy's: prelay */
	};
	union {
		struct tcp_conn tcp; /* where records are kept, its struct tcp_tag follows (sock_trace) */
		struct {             /* the octet that TCP leaves to its owner */
			uint8_t before_owner[offsetof(struct tcp_conn, owner)];
			uint8_t of : 2;   /* enum sock_of */
			uint8_t slot : 2; /* the user's own: TECH_MAIN, RELAY_CLIENT … */
			bool used : 1;    /* somebody wants to hear what happens to it */
			bool pumping : 1, was_up : 1;
		};
	};
};

_Static_assert(sizeof(struct sock) <= 128, "an end of a connection is two cache lines");
_Static_assert(sizeof(struct sock) == offsetof(struct sock, tcp) + sizeof(struct tcp_conn),
	"no more than one octet");

/* What records say of its connection; nothing where none are kept. */
static inline struct tcp_tag sock_tag(const struct sock *k)
{
	const struct tcp_tag *tag = tcp_tag(&k->tcp);
	return tag ? *tag : (struct tcp_tag){0};
}

/* `user`: NULL for a client's. `out`: where its segments go. */
struct sock *sock_new(struct sim *s, enum sock_of of, struct node *host, void *user, uint32_t slot,
	const struct tcp_cfg *cfg, struct tcp_addr a, struct link *out);
/* Who it is in records: its connection, client and the other end's lane. After sock_new. */
void sock_trace(
	struct sim *s, struct sock *k, uint32_t trace_conn, uint32_t client, uint16_t peer, bool lens);
/* A proxy has lent the connection to another client, whose segment has come: records are that client's from now on. */
void sock_lent(struct sim *s, struct sock *k, const struct pkt *p);
/* Gives TCP a segment. */
void sock_input(struct sim *s, struct sock *k, struct pkt *owned);
/* Writes; `rec` is the record of what is written (0: the present cause stands). Takes over the slice. */
void sock_write(struct sim *s, struct sock *k, struct slice owned, uint64_t rec);
/* The user lets go: FIN after what was written, or a reset; what comes later concerns nobody. */
void sock_close(struct sim *s, struct sock *k);
void sock_abort(struct sim *s, struct sock *k);
/* `syn` came for a connection of this host. If that is in TIME-WAIT and the SYN may take over its addresses (tcp_reusable), it is gone,
 * and *iss is what the numbers of the new one begin with, beyond what it used (RFC 9293 3.6.1). */
bool sock_gives_way(struct sim *s, struct tcp_conn *t, const struct pkt *syn, uint32_t *iss);
/* The socket is gone without a word to anybody (its address vanished). */
void sock_vanish(struct sim *s, struct sock *k);
/* Takes TCP's outputs until there are none, arms its timer, frees the socket at its end. */
void sock_pump_now(struct sim *s, struct sock *k);
static inline void sock_pump(struct sim *s, struct sock *k)
{
	if (!k->pumping) /* else the pump that is running will see what was added */
		sock_pump_now(s, k);
}
void sock_handlers(struct sim *s);
void sock_pools(struct sim *s);

/* ---- link classes and chains ------------------------------------------------------------------------------- */

/* A class of links and which of the scenario's things it is made of, so that the timeline finds it. */
struct hclass {
	struct link_class c;
	int32_t net;          /* index of the network it runs over, -1: data centre only */
	int32_t box_a, box_b; /* boxes at its ends, -1 */
	bool up, dc_added;    /* direction; includes the data-centre part */
	uint32_t cuts;        /* cuts in force */
	struct hclass *next;
};

struct hclass *class_new(struct sim *s, int32_t net, bool up, bool dc, int32_t box_a, int32_t box_b);
/* Parameters as the present cfg (and degradations) have them. */
void class_refresh(struct sim *s, struct hclass *h);

/* The next station towards the server. */
struct station {
	struct node *node;
	uint16_t port;
	int32_t box; /* -1: a server process */
	uint32_t addr;
	uint16_t tcp_port;
	uint16_t trace;
	uint16_t end; /* lane of the TCP end behind it: its own, except for a NAT */
	int32_t net;  /* network in front of it, -1 data centre */
};

/* ---- server side ------------------------------------------------------------------------------------------- */

struct server {
	const char *name;
	uint32_t index, first_proc, nproc;
	uint32_t conns;
};

enum item_kind { ITEM_ACCEPT, ITEM_DATA, ITEM_EOF, ITEM_TIME, ITEM_STOP, ITEM_FAN };

struct sconn;

/* A piece of work in a process's queue. */
struct item {
	enum item_kind kind;
	struct sconn *conn;
	struct slice data;
	struct tech_msg *msg;
	uint64_t cause;
	int64_t since_ns; /* when it came */
};

struct proc {
	struct node node;
	struct sim *sim;
	struct server *server;
	struct tech_server srv;
	struct tech_site *sites; /* one per group that talks to this server */
	uint32_t nsites;
	struct tcp_demux demux;
	struct item *item; /* ring */
	uint32_t head, n, cap;
	uint32_t addr, waiting; /* connections not yet accepted */
	bool up, draining, busy, fanning;
	bool died; /* while busy: the pending EV_CPU finishes nothing */
	uint64_t cpu_ns;
	uint64_t crash;   /* record of its latest death */
	uint32_t accepts; /* connections it ever had, modulo 2^32 */
};

/* The server's end of a connection: one and a half cache lines, of which a broadcast needs the first 64 octets. */
struct sconn {
	struct sock *sock; /* overwritten when it is returned to the pool */
	int64_t armed_ns;
	uint32_t accepted : 1, dead : 1;
	uint32_t items : 30;   /* pieces of work that still point here */
	uint32_t waits_bytes;  /* what waits beyond the send buffer (flow.c) */
	struct tech_conn tech; /* user: SCONN_PLACE, SCONN_ORDER */
};
_Static_assert(sizeof(void *) < 8 || sizeof(struct sconn) == 96, "one and a half cache lines");
enum {
	SCONN_PLACE, /* where its timer's event was put (lazy_move) */
	SCONN_ORDER  /* proc.accepts when it came */
};

/* Records behind what a connection will do: stands behind each sconn in runs that keep records. */
struct sconn_causes {
	uint64_t timer; /* set its timer */
	uint64_t waits; /* WRITE_WAIT */
};
/* NULL in runs that keep none. */
struct sconn_causes *sconn_causes(const struct sim *s, struct sconn *c);

static inline struct proc *sconn_proc(const struct sconn *c)
{
	return container_of(c->tech.srv, struct proc, srv);
}

void proc_init(struct sim *s, struct proc *p, struct server *sv, uint32_t addr, const char *name);
void proc_fini(struct sim *s, struct proc *p);
void proc_publish(struct sim *s, struct proc *p, struct tech_msg *m, uint64_t cause);
void proc_crash(struct sim *s, struct proc *p, uint64_t cause);
void proc_restart(struct sim *s, struct proc *p);
void proc_drain(struct sim *s, struct proc *p, uint64_t cause);
/* Sites take their options from the cfg in force. */
void proc_sites(struct sim *s, struct proc *p);
void proc_options(struct sim *s, struct proc *p); /* options changed: everybody looks at the clock */
void proc_handlers(struct sim *s);

/* ---- proxies ----------------------------------------------------------------------------------------------- */

struct upstream {
	struct proc *proc; /* NULL: another box */
	struct link *out;
	uint32_t addr;
	uint16_t port, end;
};

struct prelay;
struct uplink;

struct proxy {
	struct node node;
	struct sim *sim;
	int32_t box;
	struct relay_cfg cfg;
	struct relay_common common;
	struct upstream *up;
	uint32_t nup, turn;
	struct tcp_demux demux;
	uint32_t addr;
	const struct cfg_group *group; /* whose path it was built for, and where it stands in it */
	uint32_t pos;
	uint32_t outgoing; /* upstream connections ever made: picks the source port */
	bool down;
	uint32_t upstream_idle, nidle;           /* idle upstream connections: kept at most, there now */
	int64_t upstream_keepalive_ns, armed_ns; /* its one timer, for all that may be silent for too long */
	struct uplink *idle_first, *idle_last;   /* longest idle first */
	struct prelays {
		uint32_t first, last; /* the longest silent first: 1 + number, 0 none */
	} list[RELAY_CLOCKS];
	struct proxy *next;
};

struct proxy *proxy_new(struct sim *s, int32_t box, uint32_t addr);
void proxy_free(struct sim *s, struct proxy *p);
/* Values of the cfg in force. */
void proxy_values(struct sim *s, struct proxy *p);
void proxy_crash(struct sim *s, struct proxy *p, uint64_t cause);
void proxy_handlers(struct sim *s);
void proxy_pools(struct sim *s);

/* ---- boxes ------------------------------------------------------------------------------------------------- */

struct box {
	uint16_t trace;
	struct nat **nat;
	uint32_t nnat;
	struct proxy *proxy; /* list */
	uint32_t cuts;
};

/* ---- clients ----------------------------------------------------------------------------------------------- */

struct access_kind {
	struct line_kind line;
	struct access_kind *next; /* for clients that have changed networks more or less often */
};

/* A line from a box to the next station. */
struct chain {
	struct line line;
	struct line_kind kind;
	struct chain *next;
};

struct group {
	const char *name;
	uint32_t index, first, count; /* client numbers first .. first + count - 1 */
	uint32_t started;
	struct tech_site site;
	struct tcp_cfg tcp_cfg;
	struct station *way; /* first station per process it may talk to, or one */
	uint32_t nway;
	int32_t net;                    /* first network of the path, -1 */
	struct hclass **up, **down;     /* per network: classes of access links, made when first used */
	struct hclass *dc_up, *dc_down; /* when the path begins with a box */
	struct access_kind **kinds; /* per network (0: none) and station of `way`: kinds of access lines */
	uint32_t elem;
	struct reading *reading; /* clients with a read_rate (flow.c); NULL: none was ever busy */
	uint64_t opened, failed, open, open_peak;
	uint64_t radio_uj, radio_ns;
	struct rng rng_start; /* the order in which they start */
	uint64_t rng_up,
		rng_down; /* families of its clients' streams of random numbers; applications': site.seed */
	uint32_t lens_first, nlens; /* rows of its clients under the lens: the first nlens of them */
};

/* Two cache lines. What can be told from its number, its group and its place among the clients is not kept: its station
 * (client_station), its access link (client_access), the first message it expects. */
struct client {
	struct node node; /* own: connections ever made, picks the port */
	int64_t armed_ns;
	struct sock *socks; /* all it has, the latest first; those with `used` are in use (client_sock_in) */
	uint32_t place;     /* of its timer's event (lazy_move) */
	uint32_t last_n[HOST_SOURCES]; /* per source of messages, the first few: the latest number seen */
	struct tech_client
		tech; /* number; user: index of its network plus 1, 0 none but the data centre; user_bits */
};
/* There are many, one behind the other: none begins in the middle of a cache line. */
_Static_assert(sizeof(void *) < 8 || sizeof(struct client) == 128, "two cache lines");
_Static_assert(sizeof(struct client) <= NODE_FETCH_BYTES, "a packet on its way down fetches all of it");

/* client.tech.user_bits */
enum {
	CLIENT_SWITCHES = 15, /* of network, modulo 16: for addresses and streams of random numbers */
	CLIENT_STARTED = 16,
	CLIENT_LENS = 32,
	CLIENT_OFFLINE = 64, /* no network now */
};

static inline bool client_is(const struct client *c, unsigned bit)
{
	return c->tech.user_bits & bit;
}

static inline bool client_lens(const struct client *c)
{
	return client_is(c, CLIENT_LENS);
}

static inline uint32_t client_switches(const struct client *c)
{
	return c->tech.user_bits & CLIENT_SWITCHES;
}

/* Its network, -1: it stands in the data centre. */
static inline int32_t client_net(const struct client *c)
{
	return (int32_t)c->tech.user - 1;
}

/* Messages from this number on are expected. */
static inline uint64_t client_first_msg(const struct client *c)
{
	return (uint64_t)c->tech.since0 + 1;
}

static inline struct group *client_group(const struct client *c)
{
	return container_of(c->tech.site, struct group, site);
}

/* Its address in its present network. */
static inline uint32_t client_addr(const struct client *c)
{
	return 0x0a000000u | client_switches(c) << 20 | (c->tech.number & 0xfffffu);
}

/* Where its link ends. */
static inline struct station *client_station(const struct client *c)
{
	const struct group *g = client_group(c);
	return &g->way[g->nway == 1 ? 0 : (c->tech.number - g->first) % g->nway];
}

/* The connection it uses for TECH_MAIN or TECH_UPLINK, NULL if there is none. */
static inline struct sock *client_sock_in(const struct client *c, uint32_t slot)
{
	struct sock *k = c->socks;
	while (k && !(k->used && k->slot == slot))
		k = k->next;
	return k;
}

/* The i-th of its group; client_attach afterwards. */
void client_init(struct sim *s, struct client *c, struct group *g, uint32_t i);
void client_fini(struct sim *s, struct client *c);
void client_start(struct sim *s, struct client *c);
void client_input(struct sim *s, struct client *c, const struct tech_in *in, uint64_t cause);
void client_publish(struct sim *s, struct client *c, struct tech_msg *m, uint64_t cause);
void client_switch(
	struct sim *s, struct client *c, int32_t net, int64_t outage_ns, bool orphaned, uint64_t cause);
void client_handlers(struct sim *s);
/* Its access link, the latest (CLIENT_OFFLINE: it is cut). */
struct line *client_access(const struct sim *s, const struct client *c);
/* A link that lives as long as the world: packets on it may point to it. */
void keep_link(struct sim *s, struct line *a);
/* Gives the client a link over network `net` (-1: data centre) and an address. */
void client_attach(struct sim *s, struct client *c, int32_t net);

/* What a client's radio has done since it was last closed. */
struct radio_use {
	int64_t last_ns; /* its last packet, -1 never */
	uint64_t active_ns, uj;
};
/* After the clients: makes s->radio if any network has a radio. */
void radio_init(struct sim *s);
/* A packet crosses the client's access link; its radio is left alone from `until_ns` on. */
void radio_packet(struct sim *s, struct client *c);
void radio_close(struct sim *s, struct client *c, int64_t until_ns);

/* ---- flow control (flow.c) --------------------------------------------------------------------------------- */

#define FLOW_WAITING_MOST (1u << 30) /* no connection lets more wait, whatever its limit */
#define FLOW_SEND_BUFFER 16384u      /* TC-12: the default of Linux */

enum flow { FLOW_WRITE, FLOW_DROP, FLOW_CLOSE };

/* The client's application has taken `octets` from its main connection: it may be busy with them for a while. */
void flow_took(struct sim *s, struct client *c, uint32_t octets, uint64_t cause);
/* When it reads on, TIME_NEVER: it is reading. */
int64_t flow_read_at(const struct client *c);
/* Reads on, when that time has come (else false). The connection may be gone afterwards. */
bool flow_read_on(struct sim *s, struct client *c);
/* Why octets reach the application only now: they waited until it read on; else `cause`, the packet that brought them. */
uint64_t flow_cause(const struct client *c, uint64_t cause);
/* Whether a server's connection has room for what is to be written (servers.NAME.write_limit). */
enum flow flow_room(const struct cfg_server *v, const struct sconn *c, const struct tech_out *o);
static inline uint32_t flow_limit(const struct cfg_server *v)
{
	return v->write_limit_bytes && v->write_limit_bytes < FLOW_WAITING_MOST ? v->write_limit_bytes
										: FLOW_WAITING_MOST;
}
/* flow_room without asking what it is. */
static inline bool flow_free(const struct cfg_server *v, const struct sock *k, uint32_t octets)
{
	return (uint64_t)tcp_unacked(&k->tcp) + octets <= flow_limit(v);
}
/* Records that it has not; the id, for what follows from it. */
uint64_t flow_refused(struct sim *s, const struct cfg_server *v, struct sconn *c, const struct tech_out *o,
	enum flow verdict, uint64_t cause);
/* What waits in it beyond one send buffer. */
static inline uint32_t flow_waits(const struct sconn *c)
{
	const uint32_t all = c->sock ? tcp_unacked(&c->sock->tcp) : 0;
	return all > FLOW_SEND_BUFFER ? all - FLOW_SEND_BUFFER : 0;
}
void flow_changed(struct sim *s, struct sconn *c, uint64_t cause); /* for flow_written */
/* After a write, or when the connection is gone: counts what waits as the process's memory. */
static inline void flow_written(struct sim *s, struct sconn *c, uint64_t cause)
{
	if (flow_waits(c) != c->waits_bytes)
		flow_changed(s, c, cause);
}
/* A proxy's two legs: stops or resumes reading from each as the other one's send buffer has it. The leg that reads on, to
 * be pumped as the caller's last act; NULL: none. */
struct sock *flow_relay(struct sim *s, struct sock *const leg[2], bool buffers);

/* ---- messages ---------------------------------------------------------------------------------------------- */

/* A message published, and who has it. */
struct note {
	struct tech_msg *msg;
	uint64_t rec;    /* MSG_PUBLISH */
	uint64_t alone;  /* record of its arrival at the one process that has it, 0: all have it */
	uint64_t missed; /* CRASH of a process that was down when it was published, 0 none */
	uint64_t *has;   /* a bit per client of lo .. hi (note_bit) */
	uint32_t lo, hi;
	uint32_t source; /* index of cfg.msgs */
};

/* A source of messages. */
struct source {
	uint32_t index;
	uint64_t n; /* published so far */
	struct rng when, to, from;
	int64_t next_ns;
	size_t at; /* next entry of at_ns */
};

void messages_init(struct sim *s);
void messages_fini(struct sim *s);
void messages_handlers(struct sim *s);
/* The client's application has decoded message `id`. `rec`: the unit it came in. */
void messages_arrived(struct sim *s, struct client *c, uint64_t id, uint64_t n, uint64_t rec);
/* A process received message `id` from a client: it publishes it, and the backplane tells the others. */
void messages_from_client(struct sim *s, struct proc *p, uint64_t id, uint64_t cause);
/* A server put message `id` into a connection of client `number`. */
void messages_sent(struct sim *s, uint32_t number, uint64_t id, uint32_t n, uint64_t rec);
/* Where the record stands that says what happened last to message `id` for client `number`; NULL outside the lens. */
uint64_t *messages_fate(struct sim *s, uint32_t number, uint64_t id);
/* At the end: MSG_LOST for clients under the lens, each with the record that decided. */
void messages_lost(struct sim *s);

/* ---- records (rec.c) --------------------------------------------------------------------------------------- */

/* Units sent on a traced connection and not yet received at its other end, oldest first. */
struct unit_queue {
	uint64_t *rec;
	uint32_t head, n, cap;
};

/* Fills in what every record has. */
struct trace_rec rec_make(const struct sim *s, enum trace_kind kind, uint64_t cause);
uint64_t rec_put(struct sim *s, const struct trace_rec *r, bool lens);
/* A unit was written to, or decoded from, the stream of `k`. Return the record's id, or `cause` when none is kept. For many it is
 * quicker to ask rec_unit_kept first. */
uint64_t rec_unit_sent(struct sim *s, const struct sock *k, enum trace_kind kind, enum tech_unit unit,
	struct bytes octets, uint64_t off, uint64_t len, uint32_t msg, int64_t a, int64_t b, uint64_t cause);
uint64_t rec_unit_recv(struct sim *s, const struct sock *k, enum trace_kind kind, uint64_t off, uint64_t len,
	uint64_t cause, uint32_t *msg);
static inline enum trace_kind rec_unit_kind(enum tech_unit unit, bool sent)
{
	static const uint16_t kinds[][2] = {
		[TECH_UNIT_NONE] = {TRACE_UNIT_RECV, TRACE_UNIT_SEND},
		[TECH_UNIT_REQUEST] = {TRACE_HTTP_REQUEST_RECV, TRACE_HTTP_REQUEST_SEND},
		[TECH_UNIT_RESPONSE] = {TRACE_HTTP_RESPONSE_RECV, TRACE_HTTP_RESPONSE_SEND},
		[TECH_UNIT_EVENT] = {TRACE_SSE_EVENT_RECV, TRACE_SSE_EVENT_SEND},
		[TECH_UNIT_COMMENT] = {TRACE_SSE_COMMENT_RECV, TRACE_SSE_COMMENT_SEND},
		[TECH_UNIT_FRAME] = {TRACE_WS_FRAME_RECV, TRACE_WS_FRAME_SEND},
		[TECH_UNIT_TAIL] = {TRACE_UNIT_RECV, TRACE_UNIT_SEND},
	};
	return (enum trace_kind)kinds[unit][sent];
}
/* A bit per enum tech_note of which there will be no records (struct tech_outs). */
uint32_t rec_quiet(const struct sim *s);
uint64_t rec_note(struct sim *s, const struct sock *k, const struct tech_out *o, struct client *c,
	uint16_t node, uint16_t peer, uint64_t cause);
enum trace_reason rec_reason(enum tech_why why);
uint32_t rec_conn(struct sim *s, const struct client *c, uint16_t from, uint16_t to, struct tcp_addr a);
void rec_fini(struct sim *s);

/* ---- timeline ---------------------------------------------------------------------------------------------- */

struct moment {
	uint32_t act;
	bool end; /* the end of a cut, crash or degradation */
};

void timeline_init(struct sim *s);
void timeline_handlers(struct sim *s);

/* ---- the whole --------------------------------------------------------------------------------------------- */

/* An allocator that counts. */
struct counted {
	struct alloc al;
	uint64_t bytes, peak;
};
void counted_init(struct counted *c);
/* Octets by enum sim_part. */
void memory_count(const struct sim *s, uint64_t *bytes);

struct sim {
	struct world *w;
	struct net *net;
	struct tcp *tcp;
	struct trace *tr;
	const struct cfg *cfg; /* as first given: shape, messages, acts */
	const struct cfg *now; /* values in force */
	struct cfg_net *nets;  /* networks as they are now, degradations included */
	bool *degraded;
	struct sim_opts opts;
	struct counted endpoint_memory, box_memory; /* of techniques and messages; of relays */
	struct tech_outs outs;
	struct pool *socks[SOCK_OWNERS]; /* by enum sock_of */
	struct pool *sconns, *prelays, *uplinks, *links;
	struct group *group;
	uint32_t ngroups;
	struct client *client; /* group after group, in the order of their start */
	uint32_t *place;       /* [number - 1]: index in client */
	struct line *access;   /* a client's first, by its index in client */
	struct line **moved;   /* its present one, NULL: still the first. NULL: nobody has changed networks */
	uint32_t nclients;
	struct server *server;
	struct proc *proc;
	uint32_t nservers, nprocs;
	struct box *box;
	uint32_t nboxes;
	struct hclass *classes;
	struct line **kept; /* those clients have left */
	struct chain *chains;
	uint32_t nkept, kept_cap;
	uint32_t nchain, nat_addrs, nproxies;
	struct note *note;
	uint64_t nnotes, note_cap, outstanding;
	uint32_t *last_more; /* per client and source from HOST_SOURCES on: the latest number seen */
	struct source *source;
	uint64_t **fate; /* per client under the lens and message: the record that says what happened to it */
	uint32_t nlens;
	int64_t *asked_ns;     /* per client under the lens: when its latest request left */
	uint64_t *timer_cause; /* per client: record that set its timer. NULL in runs that keep no records */
	struct radio_use *radio; /* per client; NULL when no network has a radio */
	bool keeps;              /* records are kept */
	uint64_t *fate_row_cap;
	enum trace_reason unit_reason; /* of units being written: why they are late */
	struct unit_queue *unit;       /* per trace_conn and direction */
	uint32_t nunit;
	struct moment *moment;
	int64_t end_ns;
	bool counting, ended, lost_written;
	uint64_t memory_bytes, memory_peak_bytes;
	struct sim_counters counters;
	struct tcp_cfg server_tcp, proxy_tcp;
};

static inline struct client *client_at(const struct sim *s, uint32_t number)
{
	return &s->client[s->place[number - 1]];
}

/* Which bit of a message's is this client's, one of lo .. hi: a single one, or whole groups as they stand, so that a
 * broadcast sets bit after bit. */
static inline uint32_t note_bit(const struct sim *s, const struct note *n, const struct client *c)
{
	return n->lo == n->hi ? 0 : (uint32_t)(c - s->client) - (n->lo - 1);
}

/* Row of a client in tables of those under the lens, from 1; 0: not under the lens. */
static inline uint32_t lens_row(const struct client *c)
{
	return client_lens(c) ? client_group(c)->lens_first + (c->tech.number - client_group(c)->first) + 1
			      : 0;
}

static inline struct sim *sim_of(const struct world *w)
{
	return (struct sim *)w->ext[WORLD_HOST];
}

/* Is a record of the unit kept? Folds that want no more than the fact are told it here. */
static inline bool rec_unit_kept(
	const struct sim *s, const struct sock *k, enum trace_kind kind, uint32_t msg, int64_t a, int64_t b)
{
	const bool lens = k->tcp.flags & TCPF_LENS;
	if (!trace_on(s->tr, kind, lens))
		return false;
	if (trace_kept(s->tr, kind, lens))
		return true;
	trace_tell(s->tr, &(struct trace_fact){.at = s->w->now_ns,
				  .a = a,
				  .b = b,
				  .msg = msg,
				  .client = k->tcp.client,
				  .kind = (uint16_t)kind,
				  .node = k->host->trace_node});
	return false;
}

void sim_memory(struct sim *s, int64_t bytes);
void build_world(struct sim *s);
void build_free(struct sim *s);
void build_free_late(struct sim *s);

#endif
