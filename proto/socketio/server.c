/*
 * The server's side of Socket.IO v5 on one Engine.IO session.
 */
#include "proto/base/codec.h"
#include "proto/socketio/server.h"

#include <string.h>

#define BINARY_BIT 0x80000000u

void sio_session_init(
	struct sio_session *s, const struct alloc *al, struct sio_server_cfg cfg, int64_t now_ns)
{
	*s = (struct sio_session){.al = al,
		.cfg = cfg,
		.connect_deadline_ns = now_ns + cfg.connect_timeout_ns,
		.sid_state = cfg.sid_seed};
	sio_dec_init(&s->dec, al);
	buf_init(&s->out, al, SIZE_MAX);
}

void sio_session_fini(struct sio_session *s)
{
	for (uint32_t i = 0; i < s->n_joined; i++)
		blob_unref(s->joined[i].nsp);
	s->n_joined = 0;
	sio_dec_fini(&s->dec);
	buf_fini(&s->out);
}

static void close_with(struct sio_session *s, const char *reason)
{
	s->closed = true;
	s->event = (struct sio_event){.kind = SIO_EV_CLOSE, .reason = reason};
}

static void queue(struct sio_session *s, struct bytes data, bool binary)
{
	buf_be32(&s->out, (uint32_t)data.n | (binary ? BINARY_BIT : 0));
	buf_add(&s->out, data);
	s->oom |= s->out.failed;
}

bool sio_session_next(struct sio_session *s, struct bytes *data, bool *binary)
{
	if (s->oom) /* the last message in the queue may be half written */
		return false;
	if (s->out_taken >= s->out.n) {
		buf_clear(&s->out);
		s->out_taken = 0;
		return false;
	}
	uint32_t head = be32_get(s->out.p + s->out_taken), n = head & ~BINARY_BIT;
	*binary = head & BINARY_BIT;
	*data = bytes_sub(buf_bytes(&s->out), s->out_taken + 4, n);
	s->out_taken += 4 + (size_t)n;
	return true;
}

static void send_packet(struct sio_session *s, const struct sio_packet *p, const struct slice *attachments)
{
	struct buf text;
	buf_init(&text, s->al, SIZE_MAX);
	sio_packet_write(&text, p);
	queue(s, buf_bytes(&text), false);
	s->oom |= text.failed;
	buf_fini(&text);
	if (attachments == NULL)
		return;
	for (uint32_t i = 0; i < p->attachments; i++)
		queue(s, slice_bytes(attachments[i]), true);
}

static int find(const struct sio_session *s, struct bytes nsp)
{
	for (uint32_t i = 0; i < s->n_joined; i++)
		if (bytes_eq(nsp, (struct bytes){s->joined[i].nsp->data, s->joined[i].nsp->len}))
			return (int)i;
	return -1;
}

static void leave(struct sio_session *s, int i)
{
	blob_unref(s->joined[i].nsp);
	s->joined[i] = s->joined[--s->n_joined];
}

static bool exists(const struct sio_session *s, struct bytes nsp)
{
	for (const char *const *n = s->cfg.namespaces; *n; n++)
		if (bytes_eq_str(nsp, *n))
			return true;
	return false;
}

static void confirm(struct sio_session *s, const struct sio_joined *j, struct bytes nsp)
{
	struct buf payload;
	buf_init(&payload, s->al, SIZE_MAX);
	buf_str(&payload, "{\"sid\":\"");
	buf_str(&payload, j->sid);
	buf_str(&payload, "\"}");
	send_packet(s, &(struct sio_packet){.type = SIO_CONNECT, .nsp = nsp, .payload = buf_bytes(&payload)},
		NULL);
	s->oom |= payload.failed;
	buf_fini(&payload);
}

static void join(struct sio_session *s, const struct sio_packet *p)
{
	struct bytes nsp = p->nsp;
	const uint8_t *query = nsp.n ? memchr(nsp.p, '?', nsp.n) : NULL; /* "/chat?room=1" is "/chat" */
	if (query)
		nsp.n = (size_t)(query - nsp.p);
	if (!exists(s, nsp) || s->n_joined == SIO_NAMESPACES_MAX) {
		send_packet(s,
			&(struct sio_packet){.type = SIO_CONNECT_ERROR,
				.nsp = nsp,
				.payload = BYTES_LIT("{\"message\":\"Invalid namespace\"}")},
			NULL);
		return;
	}
	int i = find(s, nsp);
	if (i < 0) {
		struct sio_joined *j = &s->joined[s->n_joined];
		j->nsp = blob_new(s->al, nsp);
		if (!j->nsp) {
			s->oom = true;
			return;
		}
		base64_draw(&s->sid_state, j->sid, SIO_SID_LEN);
		i = (int)s->n_joined++;
	}
	s->ever_joined = true;
	confirm(s, &s->joined[i], nsp);
	s->event = (struct sio_event){.kind = SIO_EV_CONNECT, .nsp = nsp, .payload = p->payload};
}

static void take(struct sio_session *s)
{
	const struct sio_packet *p = &s->dec.packet;
	if (p->type == SIO_CONNECT) {
		join(s, p);
		return;
	}
	int i = find(s, p->nsp);
	if (i < 0) {
		close_with(s, "a packet for a namespace the client is not in");
		return;
	}
	s->event = (struct sio_event){.nsp = p->nsp,
		.payload = p->payload,
		.has_id = p->has_id,
		.id = p->id,
		.attachments = s->dec.attachments,
		.n_attachments = p->attachments};
	switch (p->type) {
	case SIO_DISCONNECT:
		leave(s, i);
		s->event.kind = SIO_EV_DISCONNECT;
		return;
	case SIO_EVENT:
	case SIO_BINARY_EVENT:
		s->event.kind = SIO_EV_EVENT;
		return;
	case SIO_ACK:
	case SIO_BINARY_ACK:
		s->event.kind = SIO_EV_ACK;
		return;
	default:
		close_with(s, "a packet only a server may send");
	}
}

bool sio_session_message(struct sio_session *s, struct bytes data, bool binary)
{
	s->event = (struct sio_event){.kind = SIO_EV_NONE};
	if (s->closed)
		return !s->oom;
	int r = binary ? sio_dec_binary(&s->dec, data) : sio_dec_text(&s->dec, data);
	if (r == 1)
		take(s);
	else if (r < 0 && s->dec.err.code == -1)
		s->oom = true;
	else if (r < 0)
		close_with(s, s->dec.err.what);
	return !s->oom;
}

bool sio_session_time(struct sio_session *s, int64_t now_ns)
{
	s->event = (struct sio_event){.kind = SIO_EV_NONE};
	if (!s->closed && !s->ever_joined && now_ns >= s->connect_deadline_ns)
		close_with(s, "no namespace was joined in time");
	return !s->oom;
}

int64_t sio_session_wake_at(const struct sio_session *s)
{
	return s->closed || s->ever_joined ? SIO_NEVER : s->connect_deadline_ns;
}

bool sio_session_emit(struct sio_session *s, struct bytes nsp, struct bytes payload,
	const struct slice *attachments, uint32_t n_attachments)
{
	if (s->closed || find(s, nsp) < 0)
		return false;
	send_packet(s,
		&(struct sio_packet){.type = n_attachments ? SIO_BINARY_EVENT : SIO_EVENT,
			.nsp = nsp,
			.attachments = n_attachments,
			.payload = payload},
		attachments);
	return !s->oom;
}

bool sio_session_ack(struct sio_session *s, struct bytes nsp, uint64_t id, struct bytes payload,
	const struct slice *attachments, uint32_t n_attachments)
{
	if (s->closed || find(s, nsp) < 0)
		return false;
	send_packet(s,
		&(struct sio_packet){.type = n_attachments ? SIO_BINARY_ACK : SIO_ACK,
			.nsp = nsp,
			.has_id = true,
			.id = id,
			.attachments = n_attachments,
			.payload = payload},
		attachments);
	return !s->oom;
}

void sio_session_disconnect(struct sio_session *s, struct bytes nsp)
{
	int i = find(s, nsp);
	if (i < 0)
		return;
	send_packet(s, &(struct sio_packet){.type = SIO_DISCONNECT, .nsp = nsp}, NULL);
	leave(s, i);
}
