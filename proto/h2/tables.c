/*
 * HTTP/2's tables: frame types (RFC 9113 6), error codes (7), settings (6.5.2), flags.
 */
#include "proto/h2/h2.h"

#define PAD H2_FLAG_PADDED
#define ENDS H2_FLAG_END_STREAM
#define ENDH H2_FLAG_END_HEADERS

static const struct h2_type_info h2_types[] = {
	{H2_DATA, "DATA", H2_STREAM_NONZERO, 0, 0, ENDS | PAD, "RFC 9113 6.1",
		"DATA carries octets of a message's content; it counts against both flow-control windows."},
	{H2_HEADERS, "HEADERS", H2_STREAM_NONZERO, 0, 0, ENDS | ENDH | PAD | H2_FLAG_PRIORITY, "RFC 9113 6.2",
		"HEADERS opens a stream and carries the beginning of a header block."},
	{H2_PRIORITY, "PRIORITY", H2_STREAM_NONZERO, 5, 5, 0, "RFC 9113 6.3",
		"PRIORITY was advice on the order of streams; it is deprecated and may be ignored."},
	{H2_RST_STREAM, "RST_STREAM", H2_STREAM_NONZERO, 4, 4, 0, "RFC 9113 6.4",
		"RST_STREAM ends one stream at once and leaves the connection alone."},
	{H2_SETTINGS, "SETTINGS", H2_STREAM_ZERO, 0, 0, H2_FLAG_ACK, "RFC 9113 6.5",
		"SETTINGS tells the peer what its sender is ready to receive; it must be acknowledged."},
	{H2_PUSH_PROMISE, "PUSH_PROMISE", H2_STREAM_NONZERO, 0, 4, ENDH | PAD, "RFC 9113 6.6",
		"PUSH_PROMISE announces a response the server sends without having been asked."},
	{H2_PING, "PING", H2_STREAM_ZERO, 8, 8, H2_FLAG_ACK, "RFC 9113 6.7",
		"PING measures the round trip and shows that the peer is alive."},
	{H2_GOAWAY, "GOAWAY", H2_STREAM_ZERO, 0, 8, 0, "RFC 9113 6.8",
		"GOAWAY says that no new stream will be served and which ones still may have been."},
	{H2_WINDOW_UPDATE, "WINDOW_UPDATE", H2_STREAM_ANY, 4, 4, 0, "RFC 9113 6.9",
		"WINDOW_UPDATE lets the peer send so many more octets of DATA."},
	{H2_CONTINUATION, "CONTINUATION", H2_STREAM_NONZERO, 0, 0, ENDH, "RFC 9113 6.10",
		"CONTINUATION carries the rest of a header block; nothing may stand in between."},
	{H2_ALTSVC, "ALTSVC", H2_STREAM_ANY, 0, 0, 0, "RFC 7838 4",
		"ALTSVC tells where else the same resources can be had."},
	{H2_ORIGIN, "ORIGIN", H2_STREAM_ANY, 0, 0, 0, "RFC 8336 2",
		"ORIGIN lists the origins this connection may be used for."},
	{H2_PRIORITY_UPDATE, "PRIORITY_UPDATE", H2_STREAM_ANY, 0, 0, 0, "RFC 9218 7.1",
		"PRIORITY_UPDATE changes the urgency of a request that is under way."},
};

static const struct h2_name h2_errors[] = {
	{H2_NO_ERROR, "NO_ERROR", "RFC 9113 7", "Nothing is wrong; used to end gracefully."},
	{H2_PROTOCOL_ERROR, "PROTOCOL_ERROR", "RFC 9113 7", "A rule of the protocol was broken."},
	{H2_INTERNAL_ERROR, "INTERNAL_ERROR", "RFC 9113 7", "The sender of this code failed itself."},
	{H2_FLOW_CONTROL_ERROR, "FLOW_CONTROL_ERROR", "RFC 9113 7", "More was sent than the window allowed."},
	{H2_SETTINGS_TIMEOUT, "SETTINGS_TIMEOUT", "RFC 9113 7", "SETTINGS was not acknowledged in time."},
	{H2_STREAM_CLOSED, "STREAM_CLOSED", "RFC 9113 7",
		"A frame came for a stream that was already half closed."},
	{H2_FRAME_SIZE_ERROR, "FRAME_SIZE_ERROR", "RFC 9113 7", "A frame had a size it cannot have."},
	{H2_REFUSED_STREAM, "REFUSED_STREAM", "RFC 9113 7",
		"The stream was refused before anything was done for it."},
	{H2_CANCEL, "CANCEL", "RFC 9113 7", "The stream is not needed any more."},
	{H2_COMPRESSION_ERROR, "COMPRESSION_ERROR", "RFC 9113 7",
		"The header compression state cannot be kept."},
	{H2_CONNECT_ERROR, "CONNECT_ERROR", "RFC 9113 7", "The connection behind a CONNECT was reset."},
	{H2_ENHANCE_YOUR_CALM, "ENHANCE_YOUR_CALM", "RFC 9113 7", "The peer behaves as if to cause load."},
	{H2_INADEQUATE_SECURITY, "INADEQUATE_SECURITY", "RFC 9113 7", "The transport is not secure enough."},
	{H2_HTTP_1_1_REQUIRED, "HTTP_1_1_REQUIRED", "RFC 9113 7", "This needs HTTP/1.1."},
};

static const struct h2_name h2_settings[] = {
	{H2_SETTINGS_HEADER_TABLE_SIZE, "HEADER_TABLE_SIZE", "RFC 9113 6.5.2",
		"The largest HPACK dynamic table, in octets, that the sender's decoder keeps."},
	{H2_SETTINGS_ENABLE_PUSH, "ENABLE_PUSH", "RFC 9113 6.5.2", "Whether the server may push: 0 or 1."},
	{H2_SETTINGS_MAX_CONCURRENT_STREAMS, "MAX_CONCURRENT_STREAMS", "RFC 9113 6.5.2",
		"How many streams the peer may have open at once."},
	{H2_SETTINGS_INITIAL_WINDOW_SIZE, "INITIAL_WINDOW_SIZE", "RFC 9113 6.5.2",
		"The flow-control window each stream starts with."},
	{H2_SETTINGS_MAX_FRAME_SIZE, "MAX_FRAME_SIZE", "RFC 9113 6.5.2",
		"The largest frame payload the sender is ready to receive."},
	{H2_SETTINGS_MAX_HEADER_LIST_SIZE, "MAX_HEADER_LIST_SIZE", "RFC 9113 6.5.2",
		"The largest header list, uncompressed, the sender is ready to accept."},
	{H2_SETTINGS_ENABLE_CONNECT_PROTOCOL, "ENABLE_CONNECT_PROTOCOL", "RFC 8441 3",
		"Whether extended CONNECT, and so WebSocket over HTTP/2, may be used."},
	{H2_SETTINGS_NO_RFC7540_PRIORITIES, "NO_RFC7540_PRIORITIES", "RFC 9218 2.1",
		"Whether the old stream dependencies are left unused."},
};

static const struct h2_name h2_flags[] = {
	{H2_FLAG_END_STREAM, "END_STREAM", "RFC 9113 5.1", "The sender sends nothing more on this stream."},
	{H2_FLAG_END_HEADERS, "END_HEADERS", "RFC 9113 6.2", "The header block is complete."},
	{H2_FLAG_PADDED, "PADDED", "RFC 9113 6.1", "A padding length and padding are present."},
	{H2_FLAG_PRIORITY, "PRIORITY", "RFC 9113 6.2", "Dependency and weight are present."},
};
static const struct h2_name h2_flag_ack = {
	H2_FLAG_ACK, "ACK", "RFC 9113 6.5", "This answers the peer's frame of the same type."};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

const struct h2_type_info *h2_type_info(unsigned type)
{
	for (size_t i = 0; i < COUNT(h2_types); i++)
		if (h2_types[i].type == type)
			return &h2_types[i];
	return NULL;
}

static const struct h2_name *by_value(const struct h2_name *rows, size_t n, uint32_t value)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].value == value)
			return &rows[i];
	return NULL;
}

const struct h2_name *h2_error_info(uint32_t code)
{
	return by_value(h2_errors, COUNT(h2_errors), code);
}

const struct h2_name *h2_setting_info(unsigned id)
{
	return by_value(h2_settings, COUNT(h2_settings), id);
}

const struct h2_name *h2_flag_info(unsigned type, unsigned flag)
{
	const struct h2_type_info *t = h2_type_info(type);
	if (!t || !(t->flags & flag))
		return NULL;
	if (flag == H2_FLAG_ACK && (type == H2_SETTINGS || type == H2_PING))
		return &h2_flag_ack;
	return by_value(h2_flags, COUNT(h2_flags), flag);
}
