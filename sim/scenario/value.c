/*
 * value: see value.h. A number is read as digits and a decimal exponent, then scaled by the unit; every step checks for
 * overflow and for a remainder.
 */
#include "sim/scenario/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	uint64_t scale;
};

/* digits / 10^frac */
struct decimal {
	uint64_t digits;
	unsigned frac;
	bool any;
};

static const struct unit durations[] = {{"ns", 1}, {"us", 1000}, {"µs", 1000}, {"ms", 1000000},
	{"s", 1000000000}, {"min", 60000000000}, {"m", 60000000000}, {"h", 3600000000000},
	{"d", 86400000000000}, {NULL, 0}};
static const struct unit rates[] = {
	{"bit/s", 1}, {"kbit/s", 1000}, {"Mbit/s", 1000000}, {"Gbit/s", 1000000000}, {NULL, 0}};
static const struct unit sizes[] = {{"B", 1}, {"kB", 1000}, {"KiB", 1024}, {"MB", 1000000}, {"MiB", 1048576},
	{"GB", 1000000000}, {"GiB", 1073741824}, {NULL, 0}};
static const struct unit shares[] = {{"%", 10000}, {NULL, 0}};

static bool fail(struct value_err *e, const char *what, const char *hint)
{
	snprintf(e->what, sizeof e->what, "%s", what);
	snprintf(e->hint, sizeof e->hint, "%s", hint);
	return false;
}

/* Reads "12.50"; at most 18 digits so that nothing overflows here. */
static const char *read_decimal(const char *s, struct decimal *d, bool *too_long)
{
	*d = (struct decimal){0, 0, false};
	*too_long = false;
	bool point = false;
	unsigned ndigits = 0;
	for (;; s++) {
		if (*s == '.' && !point && d->any && s[1] >= '0' && s[1] <= '9') {
			point = true;
			continue;
		}
		if (*s < '0' || *s > '9')
			break;
		d->any = true;
		if (d->digits || *s != '0' || point)
			ndigits++;
		if (ndigits > 18) {
			*too_long = true;
			continue;
		}
		d->digits = d->digits * 10 + (uint64_t)(*s - '0');
		if (point)
			d->frac++;
	}
	while (d->frac && d->digits % 10 == 0) {
		d->digits /= 10;
		d->frac--;
	}
	return s;
}

enum scaled { SCALED_OK, SCALED_OVERFLOW, SCALED_REMAINDER };

static enum scaled scale(const struct decimal *d, uint64_t by, uint64_t *out)
{
	uint64_t digits = d->digits;
	unsigned frac = d->frac;
	while (frac && by % 10 == 0) {
		by /= 10;
		frac--;
	}
	if (by && digits > (uint64_t)INT64_MAX / by)
		return SCALED_OVERFLOW;
	uint64_t v = digits * by;
	for (; frac; frac--) {
		if (v % 10)
			return SCALED_REMAINDER;
		v /= 10;
	}
	*out = v;
	return SCALED_OK;
}

static const struct unit *find_unit(const struct unit *u, const char *s, size_t n)
{
	for (; u->name; u++)
		if (strlen(u->name) == n && !memcmp(u->name, s, n))
			return u;
	return NULL;
}

/* The same letters in another case: MBit/s, kb, S. */
static const struct unit *find_unit_anycase(const struct unit *u, const char *s, size_t n)
{
	for (; u->name; u++) {
		size_t i = 0;
		if (strlen(u->name) != n)
			continue;
		while (i < n && ((u->name[i] ^ s[i]) & ~0x20) == 0)
			i++;
		if (i == n)
			return u;
	}
	return NULL;
}

struct kind {
	const char *name;    /* "a duration" */
	const char *unit;    /* the likeliest unit, to complete a bare number */
	const char *example; /* "30s, 1.5s, 200ms or 2m" */
	const struct unit *units;
	bool compound; /* 2m30s */
};

static const struct kind kind_duration = {"a duration", "s", "30s, 1.5s, 200ms or 2m", durations, true};
static const struct kind kind_rate = {"a rate", "Mbit/s", "10Mbit/s, 64kbit/s or 1Gbit/s", rates, false};
static const struct kind kind_size = {"a size", "B", "200B, 4KiB or 1.5MB", sizes, false};
static const struct kind kind_share = {"a share", "%", "0.5% or 100%", shares, false};

static bool bad_number(const char *s, const struct kind *k, struct value_err *e)
{
	char hint[160];
	snprintf(hint, sizeof hint, "for example %s", k->example);
	if (*s == '-')
		snprintf(e->what, sizeof e->what, "`%.40s` is negative", s);
	else
		snprintf(e->what, sizeof e->what, "`%.40s` is not %s", s, k->name);
	memcpy(e->hint, hint, sizeof hint);
	return false;
}

static bool bad_unit(const char *s, const char *unit, size_t n, const struct kind *k, struct value_err *e)
{
	if (!n) {
		snprintf(e->what, sizeof e->what, "`%.40s` has no unit", s);
		snprintf(e->hint, sizeof e->hint, "did you mean `%.40s%s`? A value is written like %s", s,
			k->unit, k->example);
		return false;
	}
	snprintf(e->what, sizeof e->what, "`%.*s` is not a unit of %s", n > 40 ? 40 : (int)n, unit, k->name);
	const struct unit *near = find_unit_anycase(k->units, unit, n);
	size_t len = strlen(unit);
	if (near)
		snprintf(e->hint, sizeof e->hint, "did you mean `%s`?", near->name);
	else if (k->units == rates && len == 4 && !strcmp(unit + 1, "bps"))
		snprintf(e->hint, sizeof e->hint, "did you mean `%cbit/s`?", *unit);
	else
		snprintf(e->hint, sizeof e->hint, "for example %s", k->example);
	return false;
}

static bool read_value(const char *s, const struct kind *k, uint64_t *out, struct value_err *e)
{
	uint64_t sum = 0;
	const char *p = s;
	*e = (struct value_err){"", ""};
	do {
		struct decimal d;
		bool too_long;
		const char *unit = read_decimal(p, &d, &too_long);
		if (!d.any)
			return bad_number(s, k, e);
		while (*unit == ' ')
			unit++;
		size_t n = strcspn(unit, k->compound ? "0123456789" : "");
		const struct unit *u = find_unit(k->units, unit, n);
		if (!u)
			return bad_unit(s, unit, n, k, e);
		uint64_t v = 0;
		enum scaled r = too_long ? SCALED_OVERFLOW : scale(&d, u->scale, &v);
		if (r == SCALED_REMAINDER)
			return fail(e, "the value is finer than the smallest unit", "use fewer decimals");
		if (r == SCALED_OVERFLOW || v > (uint64_t)INT64_MAX - sum)
			return fail(e, "the value is too large", "");
		sum += v;
		p = unit + n;
	} while (*p);
	*out = sum;
	return true;
}

bool value_duration(const char *s, int64_t *ns, struct value_err *e)
{
	uint64_t v;
	*e = (struct value_err){"", ""};
	if (!strcmp(s, "0")) { /* nothing is nothing in every unit */
		*ns = 0;
		return true;
	}
	if (!read_value(s, &kind_duration, &v, e))
		return false;
	*ns = (int64_t)v;
	return true;
}

bool value_bps(const char *s, uint64_t *bps, struct value_err *e)
{
	return read_value(s, &kind_rate, bps, e);
}

bool value_bytes(const char *s, uint64_t *bytes, struct value_err *e)
{
	return read_value(s, &kind_size, bytes, e);
}

bool value_share(const char *s, uint32_t *ppm, struct value_err *e)
{
	uint64_t v;
	if (!read_value(s, &kind_share, &v, e))
		return false;
	if (v > 1000000)
		return fail(e, "a share is at most 100%", "");
	*ppm = (uint32_t)v;
	return true;
}

/* COUNT/DURATION, where the duration's number may be missing: 10/s. The interval is rounded to the nearest ns: it is
 * the mean of a draw, and 3/s has no whole number of ns. */
bool value_every(const char *s, int64_t *every_ns, struct value_err *e)
{
	struct decimal d;
	bool too_long;
	const char *p = read_decimal(s, &d, &too_long);
	if (!d.any || too_long || *p != '/')
		return fail(e, "not a frequency", "write how many in which time: 1/45s, 10/s, 3/2m");
	if (!d.digits)
		return fail(e, "a frequency of zero", "leave the message out instead");
	p++;
	char full[80];
	snprintf(full, sizeof full, "%s%s", *p >= '0' && *p <= '9' ? "" : "1", p);
	int64_t ns;
	if (!value_duration(full, &ns, e))
		return false;
	uint64_t num = (uint64_t)ns;
	for (unsigned i = 0; i < d.frac; i++) {
		if (num > (uint64_t)INT64_MAX / 10)
			return fail(e, "the value is too large", "");
		num *= 10;
	}
	uint64_t every = (num + d.digits / 2) / d.digits;
	if (every < 1000)
		return fail(e, "more often than once a microsecond", "");
	*every_ns = (int64_t)every;
	return true;
}

bool value_milli(const char *s, uint64_t *milli, struct value_err *e)
{
	struct decimal d;
	bool too_long;
	*e = (struct value_err){"", ""};
	const char *p = read_decimal(s, &d, &too_long);
	if (!d.any || *p)
		return fail(e, "not a number", "for example 2 or 1.5");
	if (too_long || scale(&d, 1000, milli) != SCALED_OK)
		return fail(e, "at most three decimals, please", "");
	return true;
}

bool value_count(const char *s, uint64_t *n, struct value_err *e)
{
	uint64_t v = 0;
	const char *p = s;
	*e = (struct value_err){"", ""};
	for (; *p >= '0' && *p <= '9'; p++) {
		if (v > (UINT64_MAX - (uint64_t)(*p - '0')) / 10)
			return fail(e, "the number is too large", "");
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (p == s || *p) {
		snprintf(e->what, sizeof e->what,
			*s == '-' ? "`%.40s` is negative" : "`%.40s` is not a whole number", s);
		snprintf(e->hint, sizeof e->hint, "a count is written in digits: 200");
		return false;
	}
	*n = v;
	return true;
}

bool value_bool(const char *s, bool *b, struct value_err *e)
{
	*e = (struct value_err){"", ""};
	if (!strcmp(s, "true") || !strcmp(s, "false")) {
		*b = *s == 't';
		return true;
	}
	snprintf(e->what, sizeof e->what, "`%.40s` is neither `true` nor `false`", s);
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool value_id(const char *s, struct value_err *e)
{
	*e = (struct value_err){"", ""};
	size_t n = strlen(s);
	if (n == 0 || n > 64)
		return fail(e, n ? "a name has at most 64 letters" : "a name is missing", "");
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (is_letter(c) || (i && ((c >= '0' && c <= '9') || c == '-' || c == '_')))
			continue;
		return fail(
			e, "a name is a letter, then letters, digits, `-` or `_`", "for example home-nat");
	}
	return true;
}

void value_duration_text(int64_t ns, char *out, size_t cap)
{
	static const struct unit order[] = {{"h", 3600000000000}, {"m", 60000000000}, {"s", 1000000000},
		{"ms", 1000000}, {"us", 1000}, {"ns", 1}};
	if (ns <= 0) {
		snprintf(out, cap, "0s");
		return;
	}
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		/* hours and minutes only where a person would: 90s stays 90s */
		if ((uint64_t)ns % order[i].scale == 0 &&
			(i > 1 || (uint64_t)ns / order[i].scale >= 5 || i == 0)) {
			snprintf(out, cap, "%" PRIu64 "%s", (uint64_t)ns / order[i].scale, order[i].name);
			return;
		}
}
