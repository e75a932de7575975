/*
 * h1_authority: uri-host [ ":" port ], as Host, authority-form and absolute-form hold it (RFC 9110 4.2.1, 7.2; RFC 3986 3.2.2).
 *
 *   uri-host   = IP-literal / reg-name         an IPv4address is a reg-name too
 *   IP-literal = "[" ( IPv6address / IPvFuture ) "]"
 *
 * Left out: zone identifiers, which have no meaning to the host at the other end.
 */
#include "proto/base/codec.h"
#include "proto/http1/h1_int.h"

static bool is_digit(uint8_t c)
{
	return (unsigned)c - '0' < 10u;
}

/* A port: digits, at most 65535. `required`: not empty and not 0. */
static bool port_ok(struct bytes b, bool required)
{
	uint32_t v = 0;
	for (size_t i = 0; i < b.n; i++) {
		if (!is_digit(b.p[i]))
			return false;
		v = v * 10 + (b.p[i] - '0');
		if (v > 65535)
			return false;
	}
	return !required || v > 0;
}

static bool pct_ok(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] == '%' && (b.n - i < 3 || hex_digit(b.p[i + 1]) < 0 || hex_digit(b.p[i + 2]) < 0))
			return false;
	return true;
}

/* Four numbers up to 255, without leading zeros. */
static bool ipv4_ok(struct bytes b)
{
	size_t i = 0;
	for (unsigned part = 0; part < 4; part++) {
		size_t start = i;
		unsigned v = 0;
		while (i < b.n && i - start < 3 && is_digit(b.p[i]))
			v = v * 10 + (b.p[i++] - '0');
		if (i == start || v > 255 || (b.p[start] == '0' && i - start > 1))
			return false;
		if (part < 3 && (i == b.n || b.p[i++] != '.'))
			return false;
	}
	return i == b.n;
}

/* Eight groups of 16 bits; the last two may be an IPv4address; one or more groups of zeros may be "::". */
static bool ipv6_ok(struct bytes b)
{
	bool gap = b.n >= 2 && b.p[0] == ':' && b.p[1] == ':';
	unsigned groups = 0;
	for (size_t i = gap ? 2 : 0; i < b.n;) {
		size_t start = i;
		while (i < b.n && i - start < 4 && hex_digit(b.p[i]) >= 0)
			i++;
		if (i == start)
			return false;
		if (i < b.n && b.p[i] == '.') {
			groups += 2;
			if (!ipv4_ok(bytes_sub(b, start, b.n - start)))
				return false;
			break;
		}
		groups++;
		if (i == b.n)
			break;
		if (b.p[i++] != ':' || i == b.n)
			return false;
		if (b.p[i] == ':') {
			if (gap)
				return false;
			gap = true;
			i++;
		}
	}
	return gap ? groups <= 7 : groups == 8;
}

/* "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
static bool ipvfuture_ok(struct bytes b)
{
	size_t i = 1;
	while (i < b.n && hex_digit(b.p[i]) >= 0)
		i++;
	if (i == 1 || i + 1 >= b.n || b.p[i] != '.')
		return false;
	for (i++; i < b.n; i++)
		if (b.p[i] == '%' || (!(h1_class[b.p[i]] & H1_REGNAME) && b.p[i] != ':'))
			return false;
	return true;
}

bool h1_authority_ok(struct bytes b, bool host_required, bool port_required)
{
	size_t i = 0;
	if (b.n > 0 && b.p[0] == '[') {
		while (i < b.n && b.p[i] != ']')
			i++;
		if (i == b.n)
			return false;
		struct bytes in = bytes_sub(b, 1, i - 1);
		if (!(in.n > 0 && (in.p[0] | 0x20) == 'v' ? ipvfuture_ok(in) : ipv6_ok(in)))
			return false;
		i++;
	} else {
		bool pct = false;
		for (; i < b.n && (h1_class[b.p[i]] & H1_REGNAME); i++)
			pct |= b.p[i] == '%';
		if ((pct && !pct_ok(bytes_sub(b, 0, i))) || (host_required && i == 0))
			return false;
	}
	if (i == b.n)
		return !port_required;
	return b.p[i] == ':' && port_ok(bytes_sub(b, i + 1, b.n - i - 1), port_required);
}
