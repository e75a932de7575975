/*
 * HTTP/2's tables: frame types (RFC 9113 6), error codes (7), settings (6.5.2), flags.
 */
#include "proto/h2/h2.h"

#define PAD H2_FLAG_PADDED
#define ENDS H2_FLAG_END_STREAM
#define ENDH H2_FLAG_END_HEADERS

static const struct h2_type_info h2_types[] = {
#define X(type, name, stream, fixed, least, flags, ref, help) \
	{type, name, stream, fixed, least, flags, ref, help},
#include "proto/h2/types.def"
#undef X
};

static const struct h2_name h2_errors[] = {
#define X(code, name, ref, help) {code, name, ref, help},
#include "proto/h2/errors.def"
#undef X
};

static const struct h2_name h2_settings[] = {
#define X(id, name, ref, help) {id, name, ref, help},
#include "proto/h2/settings.def"
#undef X
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
