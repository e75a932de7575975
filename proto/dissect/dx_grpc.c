/*
 * dx_grpc: gRPC's length-prefixed messages, as they follow one another in the DATA of a stream.
 */
#include "proto/dissect/dx_int.h"
#include "proto/grpc/grpc.h"

enum { F_MESSAGE, F_COMPRESSED, F_LENGTH, F_DATA, F_COUNT };

#define REF "gRPC PROTOCOL-HTTP2, Length-Prefixed-Message"

static const struct dx_name flags[] = {
	{0, "not compressed", "The message stands as it is."},
	{1, "compressed", "The message is compressed as grpc-encoding says."},
	{0, NULL, NULL},
};

static const struct dx_field fields[F_COUNT] = {
	[F_MESSAGE] = {"grpc", "gRPC message", DX_GROUP, DX_VARIES, NULL, REF,
		"One request or response of a call."},
	[F_COMPRESSED] = {"grpc.compressed", "Compressed-Flag", DX_UINT, 8, flags, REF,
		"Whether the message is compressed."},
	[F_LENGTH] = {"grpc.length", "Message-Length", DX_UINT, 32, NULL, REF,
		"Octets of the message, big-endian."},
	[F_DATA] = {"grpc.message", "Message", DX_BYTES, DX_VARIES, NULL, REF,
		"The message, in protobuf mostly."},
};

static size_t dissect(
	struct dx_tree *t, uint32_t parent, uint32_t src, size_t off, size_t len, const struct dx_hints *h)
{
	struct bytes in = dx_source_bytes(t, src, off, len);
	size_t at = 0;
	(void)h;
	while (at < in.n) {
		size_t left = in.n - at;
		uint32_t n = left >= GRPC_PREFIX_LEN ? be32_get(in.p + at + 1) : 0;
		bool bad = in.p[at] > 1, cut = left < GRPC_PREFIX_LEN || left - GRPC_PREFIX_LEN < n;
		size_t whole = cut ? left : GRPC_PREFIX_LEN + (size_t)n;
		uint32_t g = dx_octets(t, parent, &fields[F_MESSAGE], src, off + at, whole);
		dx_octets(t, g, &fields[F_COMPRESSED], src, off + at, 1);
		if (left > 1)
			dx_octets(t, g, &fields[F_LENGTH], src, off + at + 1,
				left < GRPC_PREFIX_LEN ? left - 1 : 4);
		if (whole > GRPC_PREFIX_LEN)
			dx_octets(t, g, &fields[F_DATA], src, off + at + GRPC_PREFIX_LEN,
				whole - GRPC_PREFIX_LEN);
		if (bad)
			dx_flag(t, g, DX_BAD, "the compressed flag is neither 0 nor 1: INTERNAL");
		else if (cut)
			dx_flag(t, g, DX_CUT, "%u octets by its length", (unsigned)n);
		if (bad || cut)
			return at;
		at += whole;
	}
	return at;
}

const struct dx_proto dx_grpc = {"grpc", "gRPC", REF, fields, F_COUNT, dissect};
