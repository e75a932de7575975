/*
 * QUIC's tables: error codes (RFC 9000 20.1), frame types (19, RFC 9221), transport parameters (18.2).
 */
#include "proto/quic/quic.h"

const char *const quic_packet_names[7] = {
	"Initial", "0-RTT", "Handshake", "Retry", "Version Negotiation", "1-RTT", "unknown version"};

static const struct quic_name errors[] = {
#define X(code, name, ref, help) {code, name, ref, help},
#include "proto/quic/errors.def"
#undef X
};

const struct quic_name *quic_error_info(uint64_t code)
{
	static const struct quic_name crypto = {0x100, "CRYPTO_ERROR", "RFC 9001 4.8",
		"The TLS handshake failed; the low octet is the TLS alert."};
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].value == code)
			return &errors[i];
	return code >= 0x100 && code <= 0x1ff ? &crypto : NULL;
}

#define I (1u << QUIC_INITIAL)
#define H (1u << QUIC_HANDSHAKE)
#define Z (1u << QUIC_0RTT)
#define S (1u << QUIC_SHORT)
#define ALL (I | H | Z | S)

static const struct quic_frame_info frames[] = {
#define X(first, last, name, parts, packets, eliciting, ref, help) \
	{first, last, name, parts, packets, eliciting, ref, help},
#include "proto/quic/frames.def"
#undef X
};

const struct quic_frame_info *quic_frame_info(uint64_t type)
{
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
		if (type >= frames[i].first && type <= frames[i].last)
			return &frames[i];
	return NULL;
}

static const struct quic_param_info params[] = {
#define X(id, name, type, min, max, server_only, ref, help) \
	{id, name, type, min, max, server_only, ref, help},
#include "proto/quic/params.def"
#undef X
};

const struct quic_param_info *quic_param_info(uint64_t id)
{
	for (size_t i = 0; i < sizeof params / sizeof *params; i++)
		if (params[i].id == id)
			return &params[i];
	return NULL;
}
