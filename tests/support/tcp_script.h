/*
 * tcp_script: packetdrill-like scripts for one TCP endpoint, in virtual time.
 *
 * A line is one event: a time, then what happens. Times are seconds, absolute or after the previous event (+).
 *
 *	cfg nodelay=0 sack=0 ...          before anything else: see tcp_script.c for the names
 *	0   open                          actions: open listen write N more N shutdown close abort pause resume
 *	+0  > S 0:0(0) win 64240 <mss 1460,sackOK,nop,wscale 7>        the endpoint must send this, now
 *	+.1 < S. 0:0(0) ack 1 win 65535 <mss 1000,sackOK>              the peer sends this
 *	+.9~1.1 > P. 1:1001(1000) ack 1                                 within a span of time
 *	+0  established | data N | eof | reset | timeout | closed | writable     what the application must learn
 *	+0  state ESTABLISHED | cwnd 10 | ssthresh 5 | rto .3            must hold
 *	+5  idle                                                        nothing may have been sent until then
 *
 * Sequence numbers are relative to the sender's initial one. What an expectation does not mention (win, options)
 * is not compared; flags, sequence range, ack and SACK blocks always are. TS values are milliseconds since the
 * start of the script for our side, as written for the peer's. Any segment that no line expects is an error.
 * Received octets must be those of the test pattern, in order.
 */
#ifndef TESTS_SUPPORT_TCP_SCRIPT_H
#define TESTS_SUPPORT_TCP_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Runs a script with these initial sequence numbers. False: `msg` tells what went wrong, with the whole story. */
bool tcp_script_run(
	const char *name, const char *text, uint32_t iss, uint32_t irs, char *msg, size_t msg_size);

#endif
