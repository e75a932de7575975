/*
 * QPACK's constant tables: kinds of field lines and instructions (RFC 9204 4.3, 4.4, 4.5), static table (Appendix A).
 */
#include "proto/qpack/qpack.h"

const struct qpack_kind_info qpack_kinds[12] = {
	[QPACK_INDEXED] = {0x80, 0x80, 6, "indexed", "Indexed Field Line", "RFC 9204 4.5.2",
		"Name and value stand in a table; bit T says which."},
	[QPACK_INDEXED_POST_BASE] = {0x10, 0xf0, 4, "indexed-post-base",
		"Indexed Field Line with Post-Base Index", "RFC 9204 4.5.3",
		"The entry was inserted after the Base of this section."},
	[QPACK_LITERAL_NAME_REF] = {0x40, 0xc0, 4, "literal-name-ref",
		"Literal Field Line with Name Reference", "RFC 9204 4.5.4",
		"The name stands in a table, the value is written out."},
	[QPACK_LITERAL_POST_BASE_REF] = {0x00, 0xf0, 3, "literal-post-base-ref",
		"Literal Field Line with Post-Base Name Reference", "RFC 9204 4.5.5",
		"The name's entry was inserted after the Base; the value is written out."},
	[QPACK_LITERAL] = {0x20, 0xe0, 3, "literal", "Literal Field Line with Literal Name", "RFC 9204 4.5.6",
		"Name and value are written out."},
	[QPACK_ENC_CAPACITY] = {0x20, 0xe0, 5, "set-capacity", "Set Dynamic Table Capacity", "RFC 9204 4.3.1",
		"The encoder says how large the dynamic table is from now on."},
	[QPACK_ENC_INSERT_NAME_REF] = {0x80, 0x80, 6, "insert-name-ref", "Insert with Name Reference",
		"RFC 9204 4.3.2", "A new entry whose name stands in a table already."},
	[QPACK_ENC_INSERT_LITERAL] = {0x40, 0xc0, 5, "insert-literal", "Insert with Literal Name",
		"RFC 9204 4.3.3", "A new entry with its name written out."},
	[QPACK_ENC_DUPLICATE] = {0x00, 0xe0, 5, "duplicate", "Duplicate", "RFC 9204 4.3.4",
		"An old entry is inserted again, so that it does not fall out."},
	[QPACK_DEC_SECTION_ACK] = {0x80, 0x80, 7, "section-ack", "Section Acknowledgment", "RFC 9204 4.4.1",
		"The decoder has decoded the field section of this stream."},
	[QPACK_DEC_STREAM_CANCEL] = {0x40, 0xc0, 6, "stream-cancel", "Stream Cancellation", "RFC 9204 4.4.2",
		"The decoder will not decode what is left of this stream."},
	[QPACK_DEC_INSERT_COUNT_INCREMENT] = {0x00, 0xc0, 6, "insert-count-increment",
		"Insert Count Increment", "RFC 9204 4.4.3",
		"The decoder has received so many further insertions."},
};

static enum qpack_kind kind_between(uint8_t first, enum qpack_kind from, enum qpack_kind to)
{
	enum qpack_kind k = from;
	while (k < to && (first & qpack_kinds[k].mask) != qpack_kinds[k].pattern)
		k++;
	return k;
}

enum qpack_kind qpack_line_kind(uint8_t first)
{
	return kind_between(first, QPACK_INDEXED, QPACK_LITERAL);
}

enum qpack_kind qpack_encoder_kind(uint8_t first)
{
	return kind_between(first, QPACK_ENC_CAPACITY, QPACK_ENC_DUPLICATE);
}

enum qpack_kind qpack_decoder_kind(uint8_t first)
{
	return kind_between(first, QPACK_DEC_SECTION_ACK, QPACK_DEC_INSERT_COUNT_INCREMENT);
}

const struct qpack_static_entry qpack_static[QPACK_STATIC_COUNT] = {
	{":authority", ""},
	{":path", "/"},
	{"age", "0"},
	{"content-disposition", ""},
	{"content-length", "0"},
	{"cookie", ""},
	{"date", ""},
	{"etag", ""},
	{"if-modified-since", ""},
	{"if-none-match", ""},
	{"last-modified", ""},
	{"link", ""},
	{"location", ""},
	{"referer", ""},
	{"set-cookie", ""},
	{":method", "CONNECT"},
	{":method", "DELETE"},
	{":method", "GET"},
	{":method", "HEAD"},
	{":method", "OPTIONS"},
	{":method", "POST"},
	{":method", "PUT"},
	{":scheme", "http"},
	{":scheme", "https"},
	{":status", "103"},
	{":status", "200"},
	{":status", "304"},
	{":status", "404"},
	{":status", "503"},
	{"accept", "*/*"},
	{"accept", "application/dns-message"},
	{"accept-encoding", "gzip, deflate, br"},
	{"accept-ranges", "bytes"},
	{"access-control-allow-headers", "cache-control"},
	{"access-control-allow-headers", "content-type"},
	{"access-control-allow-origin", "*"},
	{"cache-control", "max-age=0"},
	{"cache-control", "max-age=2592000"},
	{"cache-control", "max-age=604800"},
	{"cache-control", "no-cache"},
	{"cache-control", "no-store"},
	{"cache-control", "public, max-age=31536000"},
	{"content-encoding", "br"},
	{"content-encoding", "gzip"},
	{"content-type", "application/dns-message"},
	{"content-type", "application/javascript"},
	{"content-type", "application/json"},
	{"content-type", "application/x-www-form-urlencoded"},
	{"content-type", "image/gif"},
	{"content-type", "image/jpeg"},
	{"content-type", "image/png"},
	{"content-type", "text/css"},
	{"content-type", "text/html; charset=utf-8"},
	{"content-type", "text/plain"},
	{"content-type", "text/plain;charset=utf-8"},
	{"range", "bytes=0-"},
	{"strict-transport-security", "max-age=31536000"},
	{"strict-transport-security", "max-age=31536000; includesubdomains"},
	{"strict-transport-security", "max-age=31536000; includesubdomains; preload"},
	{"vary", "accept-encoding"},
	{"vary", "origin"},
	{"x-content-type-options", "nosniff"},
	{"x-xss-protection", "1; mode=block"},
	{":status", "100"},
	{":status", "204"},
	{":status", "206"},
	{":status", "302"},
	{":status", "400"},
	{":status", "403"},
	{":status", "421"},
	{":status", "425"},
	{":status", "500"},
	{"accept-language", ""},
	{"access-control-allow-credentials", "FALSE"},
	{"access-control-allow-credentials", "TRUE"},
	{"access-control-allow-headers", "*"},
	{"access-control-allow-methods", "get"},
	{"access-control-allow-methods", "get, post, options"},
	{"access-control-allow-methods", "options"},
	{"access-control-expose-headers", "content-length"},
	{"access-control-request-headers", "content-type"},
	{"access-control-request-method", "get"},
	{"access-control-request-method", "post"},
	{"alt-svc", "clear"},
	{"authorization", ""},
	{"content-security-policy", "script-src 'none'; object-src 'none'; base-uri 'none'"},
	{"early-data", "1"},
	{"expect-ct", ""},
	{"forwarded", ""},
	{"if-range", ""},
	{"origin", ""},
	{"purpose", "prefetch"},
	{"server", ""},
	{"timing-allow-origin", "*"},
	{"upgrade-insecure-requests", "1"},
	{"user-agent", ""},
	{"x-forwarded-for", ""},
	{"x-frame-options", "deny"},
	{"x-frame-options", "sameorigin"},
};
