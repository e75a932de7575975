/*
 * proxy_int: what the files of the proxy share.
 *
 *	proxy.c        connections and relays
 *	proxy_eyes.c   what the trace shows of them
 */
#ifndef SIM_HOST_PROXY_INT_H
#define SIM_HOST_PROXY_INT_H

#include "sim/host/host.h"

struct eyes;

/* A client connection, its relay and the connection to a server that is lent to it. */
struct prelay {
	struct sock *leg[2]; /* the first is overwritten when it is returned to the pool */
	uint32_t prev, next; /* in its proxy's list of those whose `clock` runs: 1 + number, 0 none */
	uint32_t client;
	uint16_t requests; /* the upstream connection has carried, this one included */
	uint8_t up;        /* to which of the proxy's upstreams it leads */
	uint8_t clock : 2; /* enum relay_clock */
	bool taking : 1;
	struct relay relay;
};
_Static_assert(sizeof(struct prelay) <= 64, "an idle pair is a cache line, beside its sockets");

/* A connection to a server that is lent to nobody. */
struct uplink {
	struct sock *sock;
	struct uplink *prev, *next; /* longest idle first */
	int64_t since_ns;
	uint16_t requests;
	uint8_t up;
};
#define LEG_IDLE 2u /* slot of its socket */

static inline struct proxy *proxy_of(const struct prelay *p)
{
	return container_of(p->relay.cfg, struct proxy, cfg);
}

/* Stand behind each prelay in runs that keep records. */
static inline struct eyes **eyes_at(const struct prelay *p)
{
	return (struct eyes **)(uintptr_t)(p + 1);
}

static inline struct eyes *eyes_of(const struct prelay *p)
{
	return proxy_of(p)->sim->keeps ? *eyes_at(p) : NULL;
}

/* ---- proxy_eyes.c ------------------------------------------------------------------------------------------------ */

/* Octets came in on `leg`: the units they complete. Returns the cause for what follows. */
uint64_t proxy_see_in(struct sim *s, struct prelay *p, unsigned leg, struct bytes b, uint64_t cause);
/* Octets go out on `leg`: records of the units they complete. Returns the cause for these octets. */
uint64_t proxy_see_out(struct sim *s, struct prelay *p, unsigned leg, struct slice data, uint64_t cause);
/* Records what the relay notes; it is the cause of what follows (w->cause). */
void proxy_note(struct sim *s, struct prelay *p, const struct relay_out *o, uint64_t cause);
/* Under the lens from now on; not any more. */
void proxy_eyes_new(struct prelay *p);
void proxy_eyes_free(struct prelay *p);
/* Watching begins anew on this leg. `old`: its connection has carried something before, NULL: it is a new one. */
void proxy_eyes_reset(struct prelay *p, unsigned leg, const struct sock *old);
/* Who uses this connection from now on: what is recorded of it is recorded as that client's. */
void proxy_say_whose(struct sim *s, struct prelay *p, struct sock *k, uint16_t end, struct tcp_addr a);

#endif
