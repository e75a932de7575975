/*
 * cap_net: packets to TCP connections. Link and internet headers come from proto/wire; fragments are put together
 * here; a connection is a pair of endpoints, numbered by first appearance as tshark numbers `tcp.stream`.
 *
 * A SYN on known endpoints opens a new connection when its sequence number differs from the one the old connection
 * began with ("port reuse"); otherwise it is a repetition.
 */
#ifndef SIM_CAPTURE_CAP_NET_H
#define SIM_CAPTURE_CAP_NET_H

#include "sim/capture/cap.h"

struct cap_net *cap_net_new(void);
void cap_net_free(struct cap_net *n);
/* Adds one packet to c. False when a limit was reached (c->limit names it). */
bool cap_net_packet(struct capture *c, const struct cap_raw *raw);
/* When everything has been read: who is the client of each connection, directions of packets. */
void cap_net_finish(struct capture *c);

/* cap_tcp: the analysis of one segment, in the order of the capture, before the connection's state is moved on. `dated`: its time
 * is not 0 (1970), which tshark takes for no time. */
void cap_tcp_analyse(struct cap_conn *cn, unsigned dir, const struct tcp_hdr *h, uint32_t len,
	struct cap_pkt *p, bool dated);

#endif
