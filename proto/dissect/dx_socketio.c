/*
 * dx_socketio: a Socket.IO v5 packet: type, attachments, namespace, acknowledgement id, JSON payload.
 */
#include "proto/dissect/dx_int.h"
#include "proto/socketio/socketio.h"

enum {
	F_PACKET,
	F_TYPE,
	F_ATTACHMENTS,
	F_NSP,
	F_ID,
	F_PAYLOAD,
	F_EVENT,
	F_ARGUMENT,
	F_PLACEHOLDER,
	F_FAULT,
	F_COUNT
};

static const struct dx_name types[] = {
#define X(type, digit, name, help) {digit, name, help},
#include "proto/socketio/types.def"
#undef X
	{0, NULL, NULL},
};

#define REF "socket.io-protocol v5, Packet encoding"

static const struct dx_field fields[F_COUNT] = {
	[F_PACKET] = {"socketio", "Socket.IO packet", DX_GROUP, DX_VARIES, NULL, REF,
		"The unit of Socket.IO, carried in Engine.IO messages."},
	[F_TYPE] = {"socketio.type", "Type", DX_UINT, 8, types, REF, "One digit that says what it is."},
	[F_ATTACHMENTS] = {"socketio.attachments", "Attachments", DX_TEXT, DX_VARIES, NULL, REF,
		"So many binary messages follow this packet."},
	[F_NSP] = {"socketio.nsp", "Namespace", DX_TEXT, DX_VARIES, NULL, REF,
		"The namespace; \"/\" when none is written."},
	[F_ID] = {"socketio.id", "Acknowledgement id", DX_TEXT, DX_VARIES, NULL, REF,
		"The ACK that answers this carries the same number."},
	[F_PAYLOAD] = {"socketio.payload", "Payload", DX_TEXT, DX_VARIES, NULL, REF,
		"JSON: an array for events and acknowledgements."},
	[F_EVENT] = {"socketio.event", "Event", DX_TEXT, DX_VARIES, NULL, REF,
		"The event's name, the first element of the payload."},
	[F_ARGUMENT] = {"socketio.argument", "Argument", DX_TEXT, DX_VARIES, NULL, REF,
		"An argument of the event or acknowledgement."},
	[F_PLACEHOLDER] = {"socketio.placeholder", "Placeholder", DX_TEXT, DX_VARIES, NULL, REF,
		"Here the attachment of that number belongs."},
	[F_FAULT] = {"socketio.fault", "Not a packet", DX_TEXT, DX_VARIES, NULL, REF,
		"The connection is closed because of this."},
};

struct view {
	struct dx_tree *t;
	uint32_t group, src;
	size_t base;
};

static uint32_t put(struct view *v, uint32_t parent, unsigned f, size_t off, size_t len)
{
	return dx_octets(v->t, parent, &fields[f], v->src, v->base + off, len);
}

static void put_payload(struct view *v, const struct sio_packet *p, const struct jtext *j)
{
	if (!p->payload.n)
		return;
	uint32_t payload = put(v, v->group, F_PAYLOAD, p->payload_off, p->payload.n);
	if (!jt_is(j, 0, JT_ARRAY))
		return;
	bool event = p->type == SIO_EVENT || p->type == SIO_BINARY_EVENT;
	for (uint32_t i = 0, n = jt_at(j, 0, 0); n != JT_NONE; i++, n = j->nodes[n].next) {
		unsigned f = event && i == 0              ? F_EVENT
			     : sio_placeholder(j, n) >= 0 ? F_PLACEHOLDER
							  : F_ARGUMENT;
		put(v, payload, f, p->payload_off + j->nodes[n].off, j->nodes[n].len);
	}
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct view v = {.t = t, .src = src, .base = off};
	struct sio_packet p;
	struct jtext j;
	struct perr err = {0};
	(void)h;
	v.group = dx_octets(t, parent, &fields[F_PACKET], src, off, len);
	bool ok = sio_packet_read(t->al, in, &p, &j, &err);
	if (in.n && in.p[0] >= '0' && in.p[0] <= '6')
		put(&v, v.group, F_TYPE, 0, 1);
	if (p.attachments_len)
		put(&v, v.group, F_ATTACHMENTS, 1, p.attachments_len);
	if (p.nsp_len)
		put(&v, v.group, F_NSP, p.nsp_off, p.nsp_len);
	if (p.id_len)
		put(&v, v.group, F_ID, p.id_off, p.id_len);
	if (ok)
		put_payload(&v, &p, &j);
	else if (err.code == -1)
		t->failed = true;
	else
		dx_flag(t, v.group, DX_BAD, "%s, at octet %llu", err.what, (unsigned long long)err.off);
	jt_fini(&j);
	return ok ? in.n : 0;
}

const struct dx_proto dx_socketio = {
	"socketio", "Socket.IO v5", "socket.io-protocol v5", fields, F_COUNT, dissect};
