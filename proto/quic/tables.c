/*
 * QUIC's tables: error codes (RFC 9000 20.1), frame types (19, RFC 9221), transport parameters (18.2).
 */
#include "proto/quic/quic.h"

const char *const quic_packet_names[7] = {
	"Initial", "0-RTT", "Handshake", "Retry", "Version Negotiation", "1-RTT", "unknown version"};

static const struct quic_name errors[] = {
	{QUIC_NO_ERROR, "NO_ERROR", "RFC 9000 20.1",
		"The connection is closed without there being an error."},
	{QUIC_INTERNAL_ERROR, "INTERNAL_ERROR", "RFC 9000 20.1", "The endpoint itself failed."},
	{QUIC_CONNECTION_REFUSED, "CONNECTION_REFUSED", "RFC 9000 20.1",
		"The server takes no new connection."},
	{QUIC_FLOW_CONTROL_ERROR, "FLOW_CONTROL_ERROR", "RFC 9000 20.1", "More data came than was allowed."},
	{QUIC_STREAM_LIMIT_ERROR, "STREAM_LIMIT_ERROR", "RFC 9000 20.1",
		"A stream above the limit was opened."},
	{QUIC_STREAM_STATE_ERROR, "STREAM_STATE_ERROR", "RFC 9000 20.1",
		"A frame came in a state that forbids it."},
	{QUIC_FINAL_SIZE_ERROR, "FINAL_SIZE_ERROR", "RFC 9000 20.1",
		"A stream's final size changed or was passed."},
	{QUIC_FRAME_ENCODING_ERROR, "FRAME_ENCODING_ERROR", "RFC 9000 20.1", "A frame was malformed."},
	{QUIC_TRANSPORT_PARAMETER_ERROR, "TRANSPORT_PARAMETER_ERROR", "RFC 9000 20.1",
		"Transport parameters were malformed, missing or not allowed."},
	{QUIC_CONNECTION_ID_LIMIT_ERROR, "CONNECTION_ID_LIMIT_ERROR", "RFC 9000 20.1",
		"Too many connection ids."},
	{QUIC_PROTOCOL_VIOLATION, "PROTOCOL_VIOLATION", "RFC 9000 20.1",
		"A rule without a code of its own was broken."},
	{QUIC_INVALID_TOKEN, "INVALID_TOKEN", "RFC 9000 20.1",
		"The token in an Initial packet is not valid."},
	{QUIC_APPLICATION_ERROR, "APPLICATION_ERROR", "RFC 9000 20.1",
		"The application closed the connection."},
	{QUIC_CRYPTO_BUFFER_EXCEEDED, "CRYPTO_BUFFER_EXCEEDED", "RFC 9000 20.1",
		"Too much handshake data out of order."},
	{QUIC_KEY_UPDATE_ERROR, "KEY_UPDATE_ERROR", "RFC 9000 20.1", "A key update went wrong."},
	{QUIC_AEAD_LIMIT_REACHED, "AEAD_LIMIT_REACHED", "RFC 9000 20.1",
		"The keys have been used as often as is safe."},
	{QUIC_NO_VIABLE_PATH, "NO_VIABLE_PATH", "RFC 9000 20.1", "No path can carry this connection."},
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
	{0x00, 0x00, "PADDING", "", ALL, false, "RFC 9000 19.1",
		"PADDING means nothing; it fills a packet up."},
	{0x01, 0x01, "PING", "", ALL, true, "RFC 9000 19.2",
		"PING asks for an acknowledgement and so keeps a path alive."},
	{0x02, 0x03, "ACK", "a", I | H | S, false, "RFC 9000 19.3",
		"ACK lists the packet numbers that have arrived."},
	{0x04, 0x04, "RESET_STREAM", "ies", Z | S, true, "RFC 9000 19.4",
		"RESET_STREAM ends the sending of a stream at once."},
	{0x05, 0x05, "STOP_SENDING", "ie", Z | S, true, "RFC 9000 19.5",
		"STOP_SENDING asks the peer to stop sending a stream."},
	{0x06, 0x06, "CRYPTO", "old", I | H | S, true, "RFC 9000 19.6", "CRYPTO carries the TLS handshake."},
	{0x07, 0x07, "NEW_TOKEN", "k", S, true, "RFC 9000 19.7",
		"NEW_TOKEN gives the client a token for its next connection."},
	{0x08, 0x0f, "STREAM", "iold", Z | S, true, "RFC 9000 19.8", "STREAM carries data of one stream."},
	{0x10, 0x10, "MAX_DATA", "m", Z | S, true, "RFC 9000 19.9",
		"MAX_DATA raises the limit of data on the connection."},
	{0x11, 0x11, "MAX_STREAM_DATA", "im", Z | S, true, "RFC 9000 19.10",
		"MAX_STREAM_DATA raises the limit of one stream."},
	{0x12, 0x13, "MAX_STREAMS", "m", Z | S, true, "RFC 9000 19.11",
		"MAX_STREAMS raises the number of streams."},
	{0x14, 0x14, "DATA_BLOCKED", "m", Z | S, true, "RFC 9000 19.12",
		"DATA_BLOCKED says that the connection's limit is reached."},
	{0x15, 0x15, "STREAM_DATA_BLOCKED", "im", Z | S, true, "RFC 9000 19.13",
		"STREAM_DATA_BLOCKED says that a stream's limit is reached."},
	{0x16, 0x17, "STREAMS_BLOCKED", "m", Z | S, true, "RFC 9000 19.14",
		"STREAMS_BLOCKED says that no more stream may be opened."},
	{0x18, 0x18, "NEW_CONNECTION_ID", "nrct", Z | S, true, "RFC 9000 19.15",
		"NEW_CONNECTION_ID gives the peer a further name for this connection."},
	{0x19, 0x19, "RETIRE_CONNECTION_ID", "n", Z | S, true, "RFC 9000 19.16",
		"RETIRE_CONNECTION_ID says that a name will not be used any more."},
	{0x1a, 0x1a, "PATH_CHALLENGE", "8", Z | S, true, "RFC 9000 19.17",
		"PATH_CHALLENGE asks whether the peer is at this address."},
	{0x1b, 0x1b, "PATH_RESPONSE", "8", S, true, "RFC 9000 19.18",
		"PATH_RESPONSE answers a PATH_CHALLENGE."},
	{0x1c, 0x1c, "CONNECTION_CLOSE", "efR", ALL, false, "RFC 9000 19.19",
		"CONNECTION_CLOSE ends the connection."},
	{0x1d, 0x1d, "CONNECTION_CLOSE", "eR", Z | S, false, "RFC 9000 19.19",
		"The application ends the connection."},
	{0x1e, 0x1e, "HANDSHAKE_DONE", "", S, true, "RFC 9000 19.20",
		"The server says that the handshake is confirmed."},
	{0x30, 0x31, "DATAGRAM", "ld", Z | S, true, "RFC 9221 4",
		"DATAGRAM carries data that is not sent again when lost."},
};

const struct quic_frame_info *quic_frame_info(uint64_t type)
{
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
		if (type >= frames[i].first && type <= frames[i].last)
			return &frames[i];
	return NULL;
}

static const struct quic_param_info params[] = {
	{0x00, "original_destination_connection_id", QUIC_TP_OCTETS, 0, QUIC_CID_MAX, true, "RFC 9000 18.2",
		"The destination connection id of the client's very first packet."},
	{0x01, "max_idle_timeout", QUIC_TP_VARINT, 0, QUIC_VARINT_MAX, false, "RFC 9000 18.2",
		"After so many milliseconds of silence the connection is dropped; 0 means never."},
	{0x02, "stateless_reset_token", QUIC_TP_TOKEN, 16, 16, true, "RFC 9000 18.2",
		"By this token the client recognises a stateless reset."},
	{0x03, "max_udp_payload_size", QUIC_TP_VARINT, 1200, QUIC_VARINT_MAX, false, "RFC 9000 18.2",
		"The largest UDP payload the endpoint is ready to receive."},
	{0x04, "initial_max_data", QUIC_TP_VARINT, 0, QUIC_VARINT_MAX, false, "RFC 9000 18.2",
		"How much data may be sent on the connection at first."},
	{0x05, "initial_max_stream_data_bidi_local", QUIC_TP_VARINT, 0, QUIC_VARINT_MAX, false,
		"RFC 9000 18.2", "The first limit of bidirectional streams the sender of this opens."},
	{0x06, "initial_max_stream_data_bidi_remote", QUIC_TP_VARINT, 0, QUIC_VARINT_MAX, false,
		"RFC 9000 18.2", "The first limit of bidirectional streams the receiver of this opens."},
	{0x07, "initial_max_stream_data_uni", QUIC_TP_VARINT, 0, QUIC_VARINT_MAX, false, "RFC 9000 18.2",
		"The first limit of unidirectional streams."},
	{0x08, "initial_max_streams_bidi", QUIC_TP_VARINT, 0, 1ull << 60, false, "RFC 9000 18.2",
		"How many bidirectional streams may be opened at first."},
	{0x09, "initial_max_streams_uni", QUIC_TP_VARINT, 0, 1ull << 60, false, "RFC 9000 18.2",
		"How many unidirectional streams may be opened at first."},
	{0x0a, "ack_delay_exponent", QUIC_TP_VARINT, 0, 20, false, "RFC 9000 18.2",
		"The ACK Delay field counts microseconds times two to this power; 3 if absent."},
	{0x0b, "max_ack_delay", QUIC_TP_VARINT, 0, (1u << 14) - 1, false, "RFC 9000 18.2",
		"How long, in milliseconds, an acknowledgement may be held back; 25 if absent."},
	{0x0c, "disable_active_migration", QUIC_TP_FLAG, 0, 0, false, "RFC 9000 18.2",
		"The peer must not move the connection to another address."},
	{0x0d, "preferred_address", QUIC_TP_ADDRESS, 41, 61, true, "RFC 9000 18.2",
		"The address the server would rather be spoken to at."},
	{0x0e, "active_connection_id_limit", QUIC_TP_VARINT, 2, QUIC_VARINT_MAX, false, "RFC 9000 18.2",
		"How many connection ids the endpoint keeps for its peer."},
	{0x0f, "initial_source_connection_id", QUIC_TP_OCTETS, 0, QUIC_CID_MAX, false, "RFC 9000 18.2",
		"The source connection id of the endpoint's first Initial packet."},
	{0x10, "retry_source_connection_id", QUIC_TP_OCTETS, 0, QUIC_CID_MAX, true, "RFC 9000 18.2",
		"The source connection id of the server's Retry packet."},
	{0x11, "version_information", QUIC_TP_OCTETS, 0, UINT16_MAX, false, "RFC 9368 3",
		"The version chosen and those available."},
	{0x20, "max_datagram_frame_size", QUIC_TP_VARINT, 0, QUIC_VARINT_MAX, false, "RFC 9221 3",
		"The largest DATAGRAM frame the endpoint is ready to receive; 0 means none."},
	{0x2ab2, "grease_quic_bit", QUIC_TP_FLAG, 0, 0, false, "RFC 9287 3",
		"The fixed bit may be set to 0."},
};

const struct quic_param_info *quic_param_info(uint64_t id)
{
	for (size_t i = 0; i < sizeof params / sizeof *params; i++)
		if (params[i].id == id)
			return &params[i];
	return NULL;
}
