/*
 * h2_front: HTTP/2 in front of the server endpoints (RFC 9113), as a gateway without I/O.
 *
 *	octets ─▶ h2_front_data ─▶ h2_conn ─▶ stream 1: request ─▶ HTTP/1.1 ─▶ tech_conn
 *	                                      stream 3: request ─▶ HTTP/1.1 ─▶ tech_conn      one endpoint a stream
 *	octets ◀─ h2_front_out ◀── h2_conn ◀─ HEADERS, DATA ◀─ h1_dec ◀─ HTTP/1.1 ◀─ tech_conn
 *
 * The endpoints do not know: each stream is a connection of its own to them, and what they write is decoded and put
 * into HEADERS and DATA as the windows allow. Fields that concern a connection are taken off (RFC 9113 8.2.2). Extended
 * CONNECT with :protocol "websocket" becomes an Upgrade, whose frames go in DATA (RFC 8441).
 *
 * A request is handed on when it is whole, so its length is known; trailers of requests are read and dropped.
 * Left out: the Upgrade from HTTP/1.1 (obsolete, RFC 9113 3.1), push, priorities.
 */
#ifndef PROTO_TECH_H2_FRONT_H
#define PROTO_TECH_H2_FRONT_H

#include "proto/h2/session.h"
#include "proto/tech/tech.h"

#define H2_FRONT_CONTENT_MAX (2u << 20)  /* octets of one request's content */
#define H2_FRONT_WAITING_MAX (16u << 20) /* octets of one answer that wait for the client's windows */
#define H2_FRONT_NOTES 64

/* Something to show: a request, an answer, content. */
struct h2_note {
	bool up;         /* from the client */
	uint32_t stream; /* 0: the connection */
	char text[112];
};

struct h2_front_stream;

struct h2_front {
	const struct alloc *al;
	struct tech_server *srv;
	struct h2_conn h2;
	struct tech_outs outs;
	struct h2_front_stream *streams;
	int64_t calmed_ns; /* when the budgets were last refilled */
	bool ended;        /* nothing more is read or sent after what h2_front_out holds */
	struct h2_note notes[H2_FRONT_NOTES];
	unsigned notes_head, notes_n;
};

/* Is this the beginning of an HTTP/2 connection with prior knowledge (RFC 9113 3.3)? 1 yes, 0 no, -1: too short to
 * tell. */
int h2_front_sniff(struct bytes in);

/* False: out of memory; call h2_front_fini all the same. */
bool h2_front_init(struct h2_front *f, const struct alloc *al, struct tech_server *srv);
void h2_front_fini(struct h2_front *f);
/* Octets of the client. */
void h2_front_data(struct h2_front *f, struct bytes in, int64_t now_ns);
/* To be called at h2_front_wake_at. */
void h2_front_time(struct h2_front *f, int64_t now_ns);
int64_t h2_front_wake_at(const struct h2_front *f);
/* GOAWAY, and every endpoint is told to stop. */
void h2_front_stop(struct h2_front *f, int64_t now_ns);

/* Is it the endpoint of one of our streams? Then its outputs in `q` (of a fan-out) are taken. */
bool h2_front_take(struct h2_front *f, struct tech_conn *c, struct tech_outs *q);

/* What is to be sent, until there is nothing; with f->ended, close behind it. */
struct bytes h2_front_out(const struct h2_front *f);
/* n octets of it have been taken; what waited for room follows. */
void h2_front_sent(struct h2_front *f, size_t n);
/* The next note; false: there is none. Notes nobody takes are lost when H2_FRONT_NOTES wait. */
bool h2_front_note(struct h2_front *f, struct h2_note *n);

#endif
