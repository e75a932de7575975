/*
 * tcp_pair: two TCP endpoints at the two ends of a simulated link, with logs of all that happens, for tests.
 *
 * The left end is the client (10.0.0.1:40000), the right one the server (10.0.0.2:80). What each application
 * reads is appended to `got`; what it should have sent is known to the test.
 */
#ifndef TESTS_SUPPORT_TCP_PAIR_H
#define TESTS_SUPPORT_TCP_PAIR_H

#include "sim/net/link.h"
#include "sim/tcp/tcp.h"

struct tcp_pair;

struct tcp_end {
	struct node node;
	struct tcp_conn c;
	struct tcp_tag tag; /* of c */
	int64_t armed_ns;
	struct tcp_pair *pair;
	struct link *out;
	struct buf got;
	bool listening, established, eof, reset, timeout, closed;
	enum trace_reason reason;
	int64_t established_ns, eof_ns, ended_ns;
	uint32_t segments, data_segments; /* sent */
};

/* One packet that left an end. */
struct tcp_seen {
	int64_t at_ns;
	bool right; /* sent by the right end */
	uint8_t flags;
	uint8_t opts, n_sack;
	uint16_t len, wnd;
	uint32_t seq, ack; /* relative to the sender's and the peer's initial numbers */
	uint32_t tsval, tsecr;
	struct pkt_sack sack;
};

struct tcp_pair {
	struct world *w;
	struct tcp *t;
	struct link_class up, down;
	struct line_kind kind; /* near: left, far: right */
	struct line line;
	struct tcp_end left, right;
	struct tcp_cfg lcfg, rcfg;
	struct tcp_seen *seen;
	size_t n_seen, cap_seen;
	/* Set to lose or delay a segment on purpose, which is in `seen`: how much later it arrives, < 0 never. */
	int64_t (*fate)(void *ctx, const struct tcp_end *from, const struct tcp_seen *seg);
	struct link_fault fault;
	struct trace *trace;
	/* Set to act as the applications do, whenever an end has nothing more to say. */
	void (*idle)(void *ctx);
	void *ctx;
};

/* Both configurations start as tcp_cfg_linux; change p->lcfg and p->rcfg before tcp_pair_open. */
void tcp_pair_init(
	struct tcp_pair *p, uint64_t seed, const struct link_params *up, const struct link_params *down);
/* Everything is recorded, from the client's and the server's point of view ("client", "server"). Before opening. */
void tcp_pair_trace(struct tcp_pair *p, struct trace *tr);
/* The right end listens, the left end opens; initial sequence numbers as given (0: chosen by the stack). */
void tcp_pair_open(struct tcp_pair *p, uint32_t left_iss, uint32_t right_iss);
/* The left end, whose connection is over, opens another one from the same port. */
void tcp_pair_reopen(struct tcp_pair *p);
void tcp_pair_run(struct tcp_pair *p, int64_t until_ns);
/* Writes `n` octets of the endless pattern that starts at offset `from`, as one blob. */
void tcp_end_write(struct tcp_end *e, uint32_t from, uint32_t n);
void tcp_end_pump(struct tcp_end *e);
/* The octet of the pattern at an offset. */
uint8_t tcp_pattern(uint32_t off);
/* True when `got` is exactly the first `n` octets of the pattern. */
bool tcp_end_got(const struct tcp_end *e, uint32_t n);
void tcp_pair_fini(struct tcp_pair *p);

#endif
