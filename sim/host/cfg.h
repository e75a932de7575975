/*
 * cfg: a world in data. The scenario language is turned into this, tests fill it by hand, `world` is built
 * from it. Elements refer to each other by index. A value that the timeline may change while the world runs
 * (link and box parameters, options) is read through this struct at the moment it is needed, so changing a
 * running world means handing it another cfg of the same shape (same counts, same names).
 *
 * Units: ns, bit/s, bytes, ppm (losses, 1 % = 10,000 ppm). Names are the ids of the scenario.
 */
#ifndef SIM_HOST_CFG_H
#define SIM_HOST_CFG_H

#include "proto/tech/opts.h"

#define CFG_PATH_MAX 8

enum cfg_radio { CFG_RADIO_NONE, CFG_RADIO_WIFI, CFG_RADIO_UMTS, CFG_RADIO_LTE, CFG_RADIO_NR };

/* An access network. Every client has its own link of this kind. rtt is there and back, without queueing. */
struct cfg_net {
	const char *name;
	int64_t rtt_ns, jitter_ns; /* jitter: how much one way varies around rtt/2 */
	uint32_t loss_ppm;
	uint64_t up_bps, down_bps; /* 0 = not limited */
	uint64_t queue_bytes;      /* drop-tail, per direction; 0 = default (256 KiB) */
	enum cfg_radio radio;
	uint32_t mtu; /* 0 = 1500 */
};

enum cfg_box_kind { CFG_NAT, CFG_REVERSE_PROXY };
enum cfg_expiry { CFG_EXPIRY_DROP, CFG_EXPIRY_LINUX_LOOSE, CFG_EXPIRY_RESET_INSIDE };
enum cfg_buffering { CFG_BUFFER_OFF, CFG_BUFFER_PAGE, CFG_BUFFER_FULL, CFG_BUFFER_TRICKLE };
enum cfg_upgrade { CFG_UPGRADE_FORWARD, CFG_UPGRADE_STRIP, CFG_UPGRADE_BLOCK };

struct cfg_box {
	const char *name;
	enum cfg_box_kind kind;
	/* NAT */
	int64_t idle_timeout_ns;
	enum cfg_expiry on_expiry;
	/* reverse proxy */
	enum cfg_buffering buffering;
	uint32_t page_bytes;     /* buffering page: default 4096 */
	int64_t read_timeout_ns; /* between two reads from the server; also of a tunnel */
	int64_t keepalive_ns;    /* idle client connection kept */
	enum cfg_upgrade upgrade;
	bool own_upstreams; /* a connection to the server for each client connection, instead of shared ones */
	uint32_t upstream_idle;        /* idle shared ones kept; 0: 32 */
	int64_t upstream_keepalive_ns; /* for how long, 0: for ever */
};

/* What a server does with a message for a connection in which too much waits already. */
enum cfg_write_limit { CFG_WRITE_CLOSE, CFG_WRITE_DROP };

enum cfg_server_model { CFG_EVENT_LOOP };

struct cfg_server {
	const char *name;
	uint32_t count; /* processes behind one name: app-1 … app-n */
	enum cfg_server_model model;
	int64_t request_cpu_ns; /* cost of one request (SV-20), of one push (SV-24) */
	int64_t push_cpu_ns;
	uint32_t conn_bytes;        /* memory per open connection (SV-01 + SV-08) */
	uint32_t backlog;           /* listen queue */
	int64_t keepalive_ns;       /* idle persistent connection kept; 0 = default of the model */
	uint32_t write_limit_bytes; /* what may wait in one connection; 0 = no limit */
	enum cfg_write_limit on_write_limit;
};

enum cfg_backplane { CFG_BACKPLANE_NONE, CFG_BACKPLANE_REDIS, CFG_BACKPLANE_KAFKA };

struct cfg_group {
	const char *name;
	uint32_t count;
	int64_t start_over_ns,
		start_at_ns; /* clients start evenly over this time, order drawn from the seed */
	/* from the client outwards: >= 0 network index, < 0 box index as ~index */
	int32_t path[CFG_PATH_MAX];
	uint32_t npath;
	uint32_t to;           /* server index */
	const char *technique; /* a name of techs.def */
	struct tech_opts opts;
};

enum cfg_arrival { CFG_ARRIVAL_FIXED, CFG_ARRIVAL_POISSON, CFG_ARRIVAL_AT };

#define CFG_FROM_SERVER (-1)
#define CFG_TO_EVERYONE (-1)
#define CFG_TO_ONE (-2)

struct cfg_msg {
	const char *name;
	int32_t from; /* CFG_FROM_SERVER or a group index */
	int32_t to;   /* CFG_TO_EVERYONE, CFG_TO_ONE (one client, drawn each time) or a group index */
	enum cfg_arrival arrival;
	int64_t every_ns; /* mean interval (fixed and poisson) */
	const int64_t *at_ns;
	size_t nat;
	uint32_t size_bytes;
};

/* What the timeline does to the world (what it says and asks concerns views only, but is traced too). */
enum cfg_act_kind {
	CFG_ACT_SET,     /* from now on `cfg` applies; text says what changed */
	CFG_ACT_CUT,     /* network or box `target` passes nothing for for_ns */
	CFG_ACT_DEGRADE, /* network `target` gets the values of `net` for for_ns (0: for good) */
	CFG_ACT_SWITCH,  /* group `target` leaves its network for network `to`, outage_ns in between */
	CFG_ACT_CRASH, /* server or box `target`; all its connections are lost; for_ns > 0: restarts by itself */
	CFG_ACT_RESTART,
	CFG_ACT_DRAIN,
	CFG_ACT_SAY,
	CFG_ACT_ASK,
};
enum cfg_target { CFG_ON_NET, CFG_ON_BOX, CFG_ON_SERVER, CFG_ON_GROUP };

struct cfg_act {
	int64_t at_ns, for_ns;
	enum cfg_act_kind kind;
	enum cfg_target target_kind;
	uint32_t target;
	uint32_t to;
	int64_t outage_ns;
	bool orphaned;         /* switch: sockets of the old address hang instead of being destroyed */
	const struct cfg *cfg; /* CFG_ACT_SET */
	struct cfg_net net;    /* CFG_ACT_DEGRADE */
	const char *text;
};

struct cfg {
	const char *scenario;
	int64_t duration_ns, drain_ns;
	const struct cfg_net *nets;
	size_t nnets;
	const struct cfg_box *boxes;
	size_t nboxes;
	const struct cfg_server *servers;
	size_t nservers;
	enum cfg_backplane backplane;
	const struct cfg_group *groups;
	size_t ngroups;
	const struct cfg_msg *msgs;
	size_t nmsgs;
	const struct cfg_act *acts; /* by time */
	size_t nacts;
};

#endif
