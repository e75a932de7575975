/*
 * HTTP/3's tables: frames (RFC 9114 7.2), errors (8.1), settings (7.2.4.1), stream types (6.2), capsules (RFC 9297 3.5).
 */
#include "proto/h3/h3.h"

static const struct h3_frame_info frames[] = {
	{H3_DATA, "DATA", H3_ON_REQUEST | H3_ON_PUSH, false, "RFC 9114 7.2.1",
		"DATA carries octets of a message's content."},
	{H3_HEADERS, "HEADERS", H3_ON_REQUEST | H3_ON_PUSH, false, "RFC 9114 7.2.2",
		"HEADERS carries a field section, compressed by QPACK."},
	{H3_CANCEL_PUSH, "CANCEL_PUSH", H3_ON_CONTROL, true, "RFC 9114 7.2.3",
		"CANCEL_PUSH says that a push is not wanted."},
	{H3_SETTINGS, "SETTINGS", H3_ON_CONTROL, false, "RFC 9114 7.2.4",
		"SETTINGS comes first on the control stream, and once."},
	{H3_PUSH_PROMISE, "PUSH_PROMISE", H3_ON_REQUEST, true, "RFC 9114 7.2.5",
		"PUSH_PROMISE announces a pushed response."},
	{H3_GOAWAY, "GOAWAY", H3_ON_CONTROL, true, "RFC 9114 7.2.6",
		"GOAWAY says what will not be served any more."},
	{H3_MAX_PUSH_ID, "MAX_PUSH_ID", H3_ON_CONTROL, true, "RFC 9114 7.2.7",
		"MAX_PUSH_ID allows the server so many pushes."},
	{H3_PRIORITY_UPDATE_REQUEST, "PRIORITY_UPDATE", H3_ON_CONTROL, true, "RFC 9218 7.2",
		"PRIORITY_UPDATE changes the urgency of a request."},
	{H3_PRIORITY_UPDATE_PUSH, "PRIORITY_UPDATE", H3_ON_CONTROL, true, "RFC 9218 7.2",
		"PRIORITY_UPDATE changes the urgency of a push."},
};

static const struct h3_name errors[] = {
	{H3_DATAGRAM_ERROR, "H3_DATAGRAM_ERROR", "RFC 9297 5.2", "A datagram or capsule was malformed."},
	{H3_NO_ERROR, "H3_NO_ERROR", "RFC 9114 8.1", "Nothing is wrong."},
	{H3_GENERAL_PROTOCOL_ERROR, "H3_GENERAL_PROTOCOL_ERROR", "RFC 9114 8.1",
		"A rule without a code of its own was broken."},
	{H3_INTERNAL_ERROR, "H3_INTERNAL_ERROR", "RFC 9114 8.1", "The endpoint itself failed."},
	{H3_STREAM_CREATION_ERROR, "H3_STREAM_CREATION_ERROR", "RFC 9114 8.1",
		"A stream was opened that may not be."},
	{H3_CLOSED_CRITICAL_STREAM, "H3_CLOSED_CRITICAL_STREAM", "RFC 9114 8.1",
		"A stream the connection needs was closed."},
	{H3_FRAME_UNEXPECTED, "H3_FRAME_UNEXPECTED", "RFC 9114 8.1", "A frame came where it may not stand."},
	{H3_FRAME_ERROR, "H3_FRAME_ERROR", "RFC 9114 8.1", "A frame's layout or size is wrong."},
	{H3_EXCESSIVE_LOAD, "H3_EXCESSIVE_LOAD", "RFC 9114 8.1", "The peer behaves as if to cause load."},
	{H3_ID_ERROR, "H3_ID_ERROR", "RFC 9114 8.1", "An identifier was used wrongly."},
	{H3_SETTINGS_ERROR, "H3_SETTINGS_ERROR", "RFC 9114 8.1", "SETTINGS holds something it may not."},
	{H3_MISSING_SETTINGS, "H3_MISSING_SETTINGS", "RFC 9114 8.1",
		"The control stream did not begin with SETTINGS."},
	{H3_REQUEST_REJECTED, "H3_REQUEST_REJECTED", "RFC 9114 8.1", "The request was not processed at all."},
	{H3_REQUEST_CANCELLED, "H3_REQUEST_CANCELLED", "RFC 9114 8.1",
		"The request or its response is not needed any more."},
	{H3_REQUEST_INCOMPLETE, "H3_REQUEST_INCOMPLETE", "RFC 9114 8.1",
		"The stream ended before the request was whole."},
	{H3_MESSAGE_ERROR, "H3_MESSAGE_ERROR", "RFC 9114 8.1", "The HTTP message is malformed."},
	{H3_CONNECT_ERROR, "H3_CONNECT_ERROR", "RFC 9114 8.1", "The connection behind a CONNECT was reset."},
	{H3_VERSION_FALLBACK, "H3_VERSION_FALLBACK", "RFC 9114 8.1", "This needs HTTP/1.1."},
	{0x200, "QPACK_DECOMPRESSION_FAILED", "RFC 9204 6", "A field section cannot be decompressed."},
	{0x201, "QPACK_ENCODER_STREAM_ERROR", "RFC 9204 6", "An instruction on the encoder stream is wrong."},
	{0x202, "QPACK_DECODER_STREAM_ERROR", "RFC 9204 6", "An instruction on the decoder stream is wrong."},
};

static const struct h3_name settings[] = {
	{H3_SETTINGS_QPACK_MAX_TABLE_CAPACITY, "QPACK_MAX_TABLE_CAPACITY", "RFC 9204 5",
		"The largest QPACK dynamic table."},
	{H3_SETTINGS_MAX_FIELD_SECTION_SIZE, "MAX_FIELD_SECTION_SIZE", "RFC 9114 7.2.4.1",
		"The largest field section, uncompressed, the sender accepts."},
	{H3_SETTINGS_QPACK_BLOCKED_STREAMS, "QPACK_BLOCKED_STREAMS", "RFC 9204 5",
		"How many streams may wait for insertions."},
	{H3_SETTINGS_ENABLE_CONNECT_PROTOCOL, "ENABLE_CONNECT_PROTOCOL", "RFC 9220 5",
		"Whether extended CONNECT may be used."},
	{H3_SETTINGS_H3_DATAGRAM, "H3_DATAGRAM", "RFC 9297 2.1.1", "Whether HTTP Datagrams may be sent."},
	{H3_SETTINGS_ENABLE_WEBTRANSPORT, "ENABLE_WEBTRANSPORT", "draft-ietf-webtrans-http3",
		"Whether WebTransport is understood."},
	{H3_SETTINGS_WEBTRANSPORT_MAX_SESSIONS, "WEBTRANSPORT_MAX_SESSIONS", "draft-ietf-webtrans-http3",
		"How many WebTransport sessions one connection may carry."},
};

static const struct h3_name streams[] = {
	{H3_STREAM_CONTROL, "control", "RFC 9114 6.2.1",
		"Carries frames about the connection; must not be closed."},
	{H3_STREAM_PUSH, "push", "RFC 9114 6.2.2", "Carries a response the server sends without a request."},
	{H3_STREAM_QPACK_ENCODER, "qpack-encoder", "RFC 9204 4.2",
		"Carries insertions into the QPACK table."},
	{H3_STREAM_QPACK_DECODER, "qpack-decoder", "RFC 9204 4.2",
		"Carries acknowledgements of QPACK's decoder."},
	{H3_STREAM_WEBTRANSPORT, "webtransport", "draft-ietf-webtrans-http3",
		"Carries octets of a WebTransport session."},
};

static const struct h3_name capsules[] = {
	{H3_CAPSULE_DATAGRAM, "DATAGRAM", "RFC 9297 3.5", "An HTTP Datagram where QUIC's cannot be used."},
	{H3_CAPSULE_CLOSE_WEBTRANSPORT_SESSION, "CLOSE_WEBTRANSPORT_SESSION", "draft-ietf-webtrans-http3",
		"Ends a session with a code and a reason."},
	{H3_CAPSULE_DRAIN_WEBTRANSPORT_SESSION, "DRAIN_WEBTRANSPORT_SESSION", "draft-ietf-webtrans-http3",
		"Asks to end the session when it suits."},
	{0x190b4d3d, "WT_MAX_DATA", "draft-ietf-webtrans-http3", "Raises the session's data limit."},
	{0x190b4d3e, "WT_MAX_STREAM_DATA", "draft-ietf-webtrans-http3", "Raises a stream's data limit."},
	{0x190b4d3f, "WT_MAX_STREAMS_BIDI", "draft-ietf-webtrans-http3",
		"Raises the number of bidirectional streams."},
	{0x190b4d40, "WT_MAX_STREAMS_UNI", "draft-ietf-webtrans-http3",
		"Raises the number of unidirectional streams."},
	{0x190b4d41, "WT_DATA_BLOCKED", "draft-ietf-webtrans-http3", "The session's data limit is reached."},
	{0x190b4d42, "WT_STREAM_DATA_BLOCKED", "draft-ietf-webtrans-http3",
		"A stream's data limit is reached."},
	{0x190b4d43, "WT_STREAMS_BLOCKED_BIDI", "draft-ietf-webtrans-http3",
		"No more bidirectional stream may be opened."},
	{0x190b4d44, "WT_STREAMS_BLOCKED_UNI", "draft-ietf-webtrans-http3",
		"No more unidirectional stream may be opened."},
};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

const struct h3_frame_info *h3_frame_info(uint64_t type)
{
	for (size_t i = 0; i < COUNT(frames); i++)
		if (frames[i].type == type)
			return &frames[i];
	return NULL;
}

static const struct h3_name *find(const struct h3_name *rows, size_t n, uint64_t v)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].value == v)
			return &rows[i];
	return NULL;
}

const struct h3_name *h3_error_info(uint64_t code)
{
	return find(errors, COUNT(errors), code);
}

const struct h3_name *h3_setting_info(uint64_t id)
{
	return find(settings, COUNT(settings), id);
}

const struct h3_name *h3_stream_info(uint64_t type)
{
	return find(streams, COUNT(streams), type);
}

const struct h3_name *h3_capsule_info(uint64_t type)
{
	return find(capsules, COUNT(capsules), type);
}

bool h3_is_grease(uint64_t v)
{
	return v >= 0x21 && (v - 0x21) % 0x1f == 0;
}
