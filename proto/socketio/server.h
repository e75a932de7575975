/*
 * server: the server's side of Socket.IO v5 on one Engine.IO session, without I/O: namespaces, events, acknowledgements
 * (socket.io-protocol v5, "Connection to a namespace", "Sending and receiving data", "Disconnection").
 *
 *	opened ──"0/chat,"──▶ in the namespace: "0/chat,{"sid":…}"     unknown: "4/chat,{"message":"Invalid namespace"}"
 *	   └── nothing for connect_timeout, or anything else first ──▶ close
 *
 * Feed one Engine.IO message, look at `event`, take what is to be sent, then feed the next.
 */
#ifndef PROTO_SOCKETIO_SERVER_H
#define PROTO_SOCKETIO_SERVER_H

#include "proto/socketio/socketio.h"

#define SIO_NAMESPACES_MAX 64 /* joined by one client; our own limit */
#define SIO_SID_LEN 20
#define SIO_NEVER INT64_MAX

struct sio_server_cfg {
	const char *const *namespaces; /* those that exist, ended by NULL; borrowed */
	int64_t connect_timeout_ns;
	uint64_t sid_seed;
};

enum sio_event_kind {
	SIO_EV_NONE,
	SIO_EV_CONNECT, /* the client is in namespace `nsp`; `payload` is what it says about itself */
	SIO_EV_EVENT, /* an event: `payload` is the JSON array; with an id an acknowledgement is asked for */
	SIO_EV_ACK,   /* answers an event of ours that carried `id` */
	SIO_EV_DISCONNECT, /* the client has left `nsp` */
	SIO_EV_CLOSE       /* the connection must be closed: `reason` */
};

struct sio_event {
	enum sio_event_kind kind;
	struct bytes nsp, payload; /* borrowed until the next message */
	bool has_id;
	uint64_t id;
	const struct slice *attachments;
	uint32_t n_attachments;
	const char *reason;
};

struct sio_joined {
	struct blob *nsp;
	char sid[SIO_SID_LEN + 1];
};

struct sio_session {
	const struct alloc *al;
	struct sio_server_cfg cfg;
	struct sio_dec dec;
	struct sio_joined joined[SIO_NAMESPACES_MAX];
	uint32_t n_joined;
	bool ever_joined, closed;
	int64_t connect_deadline_ns;
	uint64_t sid_state;
	struct sio_event event;
	struct buf out; /* messages to send: length (4 octets, top bit: binary), octets */
	size_t out_taken;
	bool oom;
};

void sio_session_init(
	struct sio_session *s, const struct alloc *al, struct sio_server_cfg cfg, int64_t now_ns);
void sio_session_fini(struct sio_session *s);
/* A message of the Engine.IO session. False: out of memory. s->event says what it brought. */
bool sio_session_message(struct sio_session *s, struct bytes data, bool binary);
/* False: out of memory. s->event may be SIO_EV_CLOSE afterwards. */
bool sio_session_time(struct sio_session *s, int64_t now_ns);
int64_t sio_session_wake_at(const struct sio_session *s);

/* An event, or an acknowledgement, to the client. `payload` is a JSON array; each attachment has its placeholder in it.
 * False: not in that namespace, or out of memory. */
bool sio_session_emit(struct sio_session *s, struct bytes nsp, struct bytes payload,
	const struct slice *attachments, uint32_t n_attachments);
bool sio_session_ack(struct sio_session *s, struct bytes nsp, uint64_t id, struct bytes payload,
	const struct slice *attachments, uint32_t n_attachments);
/* Puts the client out of a namespace. */
void sio_session_disconnect(struct sio_session *s, struct bytes nsp);

/* The next message to send over Engine.IO; false: none. Borrowed until the next call. */
bool sio_session_next(struct sio_session *s, struct bytes *data, bool *binary);

#endif
