/*
 * session_int: what the parts of the HTTP/2 session share among themselves.
 */
#ifndef PROTO_H2_SESSION_INT_H
#define PROTO_H2_SESSION_INT_H

#include "proto/h2/session.h"

/* A new stream record in state OPEN; NULL: out of memory. */
struct h2_stream *h2_stream_open(struct h2_conn *c, uint32_t id);
/* Ends a stream and remembers how. The record is gone afterwards. */
void h2_stream_end(struct h2_conn *c, struct h2_stream *s, enum h2_end how);
/* Remembers an end without there having been a record. */
void h2_stream_note_end(struct h2_conn *c, uint32_t id, enum h2_end how);
/* How a stream ended; H2_END_NONE: not known. */
enum h2_end h2_stream_how(const struct h2_conn *c, uint32_t id);
bool h2_stream_is_peers(const struct h2_conn *c, uint32_t id);
/* Is the identifier one nobody has used yet? */
bool h2_stream_is_idle(const struct h2_conn *c, uint32_t id);
/* One side is finished; ends the stream when both are. */
void h2_stream_remote_done(struct h2_conn *c, struct h2_stream *s);
void h2_stream_local_done(struct h2_conn *c, struct h2_stream *s);

/* Ends the connection: GOAWAY is written, the event is filled in. Always 1. */
int h2_conn_fault(struct h2_conn *c, struct h2_event *ev, const struct h2_fault *f);
int h2_conn_fail(struct h2_conn *c, struct h2_event *ev, enum h2_error code, uint64_t off, const char *what,
	const char *ref);
/* Resets one stream: RST_STREAM is written, the event is filled in. Always 1. */
int h2_stream_fail(struct h2_conn *c, struct h2_event *ev, uint32_t stream, enum h2_error code, uint64_t off,
	const char *what, const char *ref);
int h2_conn_fail_oom(struct h2_conn *c);

/* Frames by type. 1: *ev is set; 0: nothing to tell; -1: out of memory. */
int h2_recv_data(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev);
int h2_recv_headers(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev);
int h2_recv_continuation(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev);
int h2_recv_control(struct h2_conn *c, const struct h2_frame *f, struct h2_event *ev);

/* Writes WINDOW_UPDATE once half a window has been consumed. `s` may be NULL. */
void h2_windows_refill(struct h2_conn *c, struct h2_stream *s, uint32_t n);

#endif
