/*
 * trace: what happened, and why.
 *
 * A run (or a capture file) writes records; views, metrics, exports and the grader read them. A record is
 * immutable once added. `id` counts from 1 in the order of adding, so records are an array and `cause`, the id
 * of the record that caused this one, always points backwards (0: a root, such as a timer set by the scenario).
 *
 *   MSG_PUBLISH ─▶ SSE_EVENT_SEND ─▶ PKT_SEND ─▶ PKT_DROP(reason NAT_NO_MAPPING)
 *                                       └──────▶ PKT_RECV ─▶ SSE_EVENT_RECV ─▶ MSG_DELIVER
 *
 * Two kinds of listener, so that a run with a million clients stays cheap:
 *   - the *store* keeps whole records, octets included, for what is under the lens (`lens` true at the call);
 *   - *folds* (metrics) see records of the kinds they asked for, for every client, and keep nothing.
 * A kind nobody listens to costs one test of a bit: write
 *     if (trace_on(tr, TRACE_MSG_DELIVER, lens)) { struct trace_rec r = {...}; id = trace_add(tr, &r, lens); }
 *
 * The store is limited (trace_opts.rec_max, .payload_max); past a limit nothing more is kept, `tr->overflow`
 * names the limit, folds still see everything.
 */
#ifndef SIM_TRACE_TRACE_H
#define SIM_TRACE_TRACE_H

#include "proto/base/base.h"

enum trace_layer {
	TRACE_LAYER_link,
	TRACE_LAYER_ip,
	TRACE_LAYER_tcp,
	TRACE_LAYER_tls,
	TRACE_LAYER_http,
	TRACE_LAYER_sse,
	TRACE_LAYER_ws,
	TRACE_LAYER_app,
	TRACE_LAYER_box,
	TRACE_LAYER_host,
};

enum trace_kind {
#define X(id, layer, name, sentence) TRACE_##id,
#include "sim/trace/kinds.def"
#undef X
	TRACE_KINDS
};

enum trace_reason {
#define X(id, name, sentence, source, param) REASON_##id,
#include "sim/trace/reasons.def"
#undef X
	TRACE_REASONS
};

struct trace_kind_def {
	const char *id, *name, *sentence;
	enum trace_layer layer;
};

struct trace_reason_def {
	const char *id, *name, *sentence, *source, *param;
};

const struct trace_kind_def *trace_kind_def(enum trace_kind k);
const struct trace_reason_def *trace_reason_def(enum trace_reason r);
const char *trace_layer_name(enum trace_layer l);

/* flags */
#define TRACE_UP 1u       /* client to server in its connection */
#define TRACE_DOWN 2u     /* server to client */
#define TRACE_INFERRED 4u /* not seen, only inferred (one capture point) */
#define TRACE_AGAIN 8u    /* carries octets that were sent before */

struct trace_rec {
	uint64_t id, cause;
	int64_t at;    /* ns since the start of the run, or of the capture */
	uint64_t pkt;  /* packet identity: the same on every hop; 0 none */
	int64_t a, b;  /* the kind's own numbers, see kinds.def */
	uint64_t soff; /* range in the connection's stream, direction by flags; see slen */
	uint64_t off;  /* octets in the payload store, [off, off+len) */
	uint32_t len;
	uint32_t slen;
	uint32_t conn;       /* trace_conn id, 0 none */
	uint32_t msg;        /* application message number in this run (from 1), 0 none */
	uint32_t client;     /* client number in this run (from 1), 0 none */
	uint32_t text;       /* trace_str id, 0 none */
	uint16_t node, peer; /* trace_node ids, 0 none */
	uint16_t kind, reason;
	uint32_t flags;
};

enum trace_role { TRACE_CLIENT, TRACE_BOX, TRACE_SERVER, TRACE_NETWORK, TRACE_OTHER };

/* A lane of the ladder: something with an id a scenario gave it (or an address a capture showed). */
struct trace_node {
	uint32_t name;  /* trace_str: "phones[17]", "home-nat", "app-2", "10.0.0.7:8080" */
	uint32_t param; /* trace_str: the path of its parameters, "boxes.home-nat"; 0 none */
	uint32_t addr;  /* trace_str: "203.0.113.9"; 0 none */
	uint32_t group; /* trace_str: client group or server name; 0 none */
	enum trace_role role;
	uint16_t order;  /* lanes are shown by rising order, client side first */
	uint32_t client; /* client number from 1 when role is TRACE_CLIENT */
};

/* One TCP connection end to end (a proxy has one on each side; a NAT is only passed through). */
struct trace_conn {
	uint16_t client, server;           /* nodes */
	uint32_t client_addr, server_addr; /* trace_str "10.0.0.17:40112" as seen by the client */
	uint32_t technique;                /* trace_str, 0 unknown */
	uint32_t owner;                    /* client number (from 1) on whose behalf it exists, 0 unknown */
	int64_t opened_ns;
};

struct trace_opts {
	uint64_t rec_max;     /* 0: default, 8 million records */
	uint64_t payload_max; /* 0: default, 1 GiB */
};

/* The part of a record that figures are made of. A record that the store will not keep is never built: folds are told
 * the facts alone. */
struct trace_fact {
	int64_t at, a, b;
	uint32_t msg, client;
	uint16_t kind, node;
};

/* A fold sees the facts of every record of the kinds it asked for. It must not keep the pointer. */
struct trace_fold {
	void (*see)(void *ctx, const struct trace_fact *f);
	void *ctx;
	uint64_t kinds[2]; /* bit k set: wants kind k; see trace_want */
};

#define TRACE_FOLDS_MAX 8

struct trace {
	uint64_t keep[2], fold[2]; /* which kinds the store keeps, which some fold wants */
	uint64_t on[2][2];         /* [under the lens]: both of them, or what folds want */
	struct trace_rec *rec;
	uint64_t nrec, cap, rec_max;
	struct buf payload;      /* octets; offsets never change */
	struct trace_node *node; /* [0] unused */
	uint32_t nnode, node_cap;
	struct trace_conn *conn; /* [0] unused */
	uint32_t nconn, conn_cap;
	struct buf strs;    /* NUL-terminated texts; id = offset, 0 is "" */
	uint32_t *str_slot; /* open-addressing table over strs */
	uint32_t str_slots, nstrs;
	struct trace_fold folds[TRACE_FOLDS_MAX];
	unsigned nfolds;
	const char *overflow; /* the limit that was reached, or NULL */
	int64_t end_ns;       /* end of the run (after drain) or of the capture */
	int64_t duration_ns;  /* publishing stops here */
	uint64_t seed;
	uint32_t scenario, technique; /* trace_str */
};

struct trace *trace_new(const struct trace_opts *o);
void trace_free(struct trace *tr);

/* Keep all kinds in the store (trace_new starts with none kept). */
void trace_keep_all(struct trace *tr);
void trace_keep(struct trace *tr, enum trace_kind k);
void trace_want(struct trace_fold *f, enum trace_kind k);
void trace_add_fold(struct trace *tr, const struct trace_fold *f);

/* Does anybody listen? tr may be NULL. */
static inline bool trace_on(const struct trace *tr, enum trace_kind k, bool lens)
{
	return often(tr) && (tr->on[lens][(unsigned)k >> 6] >> ((unsigned)k & 63)) & 1;
}

/* Is the store going to keep it (octets are worth rendering)? */
static inline bool trace_kept(const struct trace *tr, enum trace_kind k, bool lens)
{
	return tr && rare(lens) && ((tr->keep[(unsigned)k >> 6] >> ((unsigned)k & 63)) & 1);
}

/* Adds a copy of *r (its id is set by this call) and shows it to the folds. Returns the id, 0 if not stored. */
uint64_t trace_add(struct trace *tr, const struct trace_rec *r, bool lens);
/* Shows the folds what is not to be stored (trace_kept says no, trace_on yes). */
void trace_tell_all(const struct trace *tr, const struct trace_fact *f);
static inline void trace_tell(const struct trace *tr, const struct trace_fact *f)
{
	if (often(tr->nfolds == 1)) /* then it is this one that wants it */
		tr->folds[0].see(tr->folds[0].ctx, f);
	else
		trace_tell_all(tr, f);
}
/* Puts octets into the payload store; returns their offset. Past the limit: UINT64_MAX, and use len 0. */
uint64_t trace_payload(struct trace *tr, struct bytes b);
/* Interns a text; id 0 is "". */
uint32_t trace_str(struct trace *tr, const char *s);
uint32_t trace_strf(struct trace *tr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *trace_text(const struct trace *tr, uint32_t id);
uint16_t trace_add_node(struct trace *tr, const struct trace_node *n);
uint32_t trace_add_conn(struct trace *tr, const struct trace_conn *c);

const struct trace_rec *trace_get(const struct trace *tr, uint64_t id); /* NULL when there is none */
struct bytes trace_bytes(const struct trace *tr, const struct trace_rec *r);

/* The record as one plain sentence (kind, then reason), NUL-terminated, cut at `cap`. Returns its length. */
size_t trace_sentence(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap);
/* Only the reason's sentence; empty without a reason. */
size_t trace_reason_sentence(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap);
/* The path of the parameter that decided it, e.g. "boxes.home-nat.idle_timeout"; empty if none. */
size_t trace_reason_param(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap);
/* A duration for people: "0 s", "25 ms", "1.204 s", "30 s", "2 min 5 s". */
size_t trace_duration(int64_t ns, char *out, size_t cap);

/* The ids of all records by (time, id): a record may be noticed later than it happened (a forgotten mapping),
 * so the order of adding is not always the order of time. `ids` has room for tr->nrec. */
void trace_by_time(const struct trace *tr, uint64_t *ids);

/* One JSON object per line, by time, keys of the contract. Returns 0, or -1 with errno. */
struct trace_out {
	int (*write)(void *ctx, const char *p, size_t n);
	void *ctx;
};
int trace_write_jsonl(const struct trace *tr, const struct trace_out *out);

#endif
