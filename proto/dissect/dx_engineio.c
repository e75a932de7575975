/*
 * dx_engineio: Engine.IO v4 packets, one alone (a WebSocket message) or several in a polling payload.
 *
 *   payload ─┬ packet ─┬ type │ data, which for a message is Socket.IO mostly
 *            │         └ base64: the octets it stands for, as a source of their own
 *            └ separator 0x1e …
 */
#include "proto/dissect/dx_int.h"
#include "proto/engineio/engineio.h"
#include "proto/socketio/socketio.h"

#include <string.h>

enum { F_PACKET, F_TYPE, F_BASE64_MARK, F_DATA, F_BASE64, F_BINARY, F_SEPARATOR, F_FAULT, F_COUNT };

static const struct dx_name types[] = {
#define X(type, digit, name, help) {digit, name, help},
#include "proto/engineio/types.def"
#undef X
	{'b', "binary message", "Binary data in base64, where only text can go."},
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_PACKET] = {"engineio", "Engine.IO packet", DX_GROUP, DX_VARIES, NULL,
		"engine.io-protocol v4, Packet encoding", "The unit of Engine.IO: a type and data."},
	[F_TYPE] = {"engineio.type", "Type", DX_UINT, 8, types, "engine.io-protocol v4, Packet types",
		"One digit that says what it is."},
	[F_BASE64_MARK] = {"engineio.b", "Mark", DX_UINT, 8, types, "engine.io-protocol v4, Packet encoding",
		"The letter b: binary data in base64 follows."},
	[F_DATA] = {"engineio.data", "Data", DX_TEXT, DX_VARIES, NULL,
		"engine.io-protocol v4, Packet encoding", "What the packet carries."},
	[F_BASE64] = {"engineio.base64", "Base64", DX_TEXT, DX_VARIES, NULL, "RFC 4648 4",
		"Binary data, written with 64 characters."},
	[F_BINARY] = {"engineio.binary", "Octets", DX_BYTES, DX_VARIES, NULL,
		"engine.io-protocol v4, Packet encoding", "What the base64 stands for."},
	[F_SEPARATOR] = {"engineio.separator", "Separator", DX_HEX, 8, NULL,
		"engine.io-protocol v4, HTTP long-polling",
		"The octet 0x1e stands between two packets of a payload."},
	[F_FAULT] = {"engineio.fault", "Not a packet", DX_TEXT, DX_VARIES, NULL, "engine.io-protocol v4",
		"The transport is closed because of this."},
};

static void put_packet(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	struct eio_packet p;
	struct buf scratch;
	size_t bad = 0;
	buf_init(&scratch, t->al, SIZE_MAX);
	enum eio_err e = eio_packet_read(in, &scratch, &p, &bad);
	uint32_t g = dx_octets(t, parent, &fields[F_PACKET], src, off, len);
	if (e != EIO_FINE) {
		dx_octets(t, g, &fields[F_FAULT], src, off, len);
		dx_flag(t, g, DX_BAD, "%s, at octet %zu", eio_err_text(e), bad);
	} else if (p.binary) {
		dx_octets(t, g, &fields[F_BASE64_MARK], src, off, 1);
		uint32_t b = dx_octets(t, g, &fields[F_BASE64], src, off + 1, len - 1);
		uint32_t s = dx_source_add(t, "base64 undone", b, p.data, true);
		dx_add(t, b, &fields[F_BINARY], s, 0, (uint64_t)p.data.n * 8, 0);
	} else {
		dx_octets(t, g, &fields[F_TYPE], src, off, 1);
		if (len > 1) {
			uint32_t d = dx_octets(t, g, &fields[F_DATA], src, off + 1, len - 1);
			if (p.type == EIO_MESSAGE)
				dx_socketio.dissect(t, d, src, off + 1, len - 1, h);
		}
	}
	buf_fini(&scratch);
}

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	for (size_t at = 0; at < in.n;) {
		const uint8_t *sep = memchr(in.p + at, EIO_SEPARATOR, in.n - at);
		size_t end = sep ? (size_t)(sep - in.p) : in.n;
		put_packet(t, parent, src, off + at, end - at, h);
		if (sep)
			dx_octets(t, parent, &fields[F_SEPARATOR], src, off + end, 1);
		at = end + 1;
	}
	return in.n;
}

const struct dx_proto dx_engineio = {
	"engineio", "Engine.IO v4", "engine.io-protocol v4", fields, F_COUNT, dissect};
