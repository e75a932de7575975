/*
 * HTTP/3's tables: frames (RFC 9114 7.2), errors (8.1), settings (7.2.4.1), stream types (6.2), capsules (RFC 9297 3.5).
 */
#include "proto/h3/h3.h"

static const struct h3_frame_info frames[] = {
#define X(type, name, places, has_id, ref, help) {type, name, places, has_id, ref, help},
#include "proto/h3/frames.def"
#undef X
};

static const struct h3_name errors[] = {
#define X(code, name, ref, help) {code, name, ref, help},
#include "proto/h3/errors.def"
#undef X
};

static const struct h3_name settings[] = {
#define X(id, name, ref, help) {id, name, ref, help},
#include "proto/h3/settings.def"
#undef X
};

static const struct h3_name streams[] = {
#define X(type, name, ref, help) {type, name, ref, help},
#include "proto/h3/streams.def"
#undef X
};

static const struct h3_name capsules[] = {
#define X(type, name, ref, help) {type, name, ref, help},
#include "proto/h3/capsules.def"
#undef X
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
