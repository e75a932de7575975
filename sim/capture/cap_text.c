/*
 * Small things the decoders need: shortened text, JSON looked into.
 */
#include <jansson.h>
#include <string.h>

#include "proto/base/utf8.h"
#include "sim/capture/cap_decode.h"
#include "sim/core/xmalloc.h"

const char *cap_short(struct capture *c, struct bytes b, size_t whole, size_t part, bool ellipsis)
{
	struct buf t;
	buf_init(&t, &xalloc, SIZE_MAX);
	/* A character has at most four octets (a replaced octet three): more than this is never shown. */
	utf8_replace(&t, bytes_sub(b, 0, b.n < 4 * whole + 16 ? b.n : 4 * whole + 16));
	size_t chars = 0, cut = t.n;
	for (size_t i = 0; i < t.n; i++) {
		if ((t.p[i] & 0xc0) == 0x80)
			continue;
		if (chars == part)
			cut = i;
		chars++;
	}
	if (chars > whole) {
		t.n = cut;
		if (ellipsis)
			buf_str(&t, "\xe2\x80\xa6");
	}
	const char *s = cap_str(c, buf_bytes(&t));
	buf_fini(&t);
	return s;
}

int cap_json_messages(struct bytes b, bool *named)
{
	json_error_t err;
	json_t *j = json_loadb((const char *)b.p, b.n, 0, &err);
	int n = -1;
	*named = json_is_object(j) && json_is_array(json_object_get(j, "messages"));
	if (*named)
		n = (int)json_array_size(json_object_get(j, "messages"));
	else if (json_is_array(j))
		n = (int)json_array_size(j);
	json_decref(j);
	return n;
}

static const char *member(struct capture *c, const json_t *j, const char *name)
{
	const json_t *v = json_object_get(j, name);
	return json_is_string(v) ? cap_str(c, bytes_str(json_string_value(v))) : NULL;
}

bool cap_json_type_id(struct capture *c, struct bytes b, const char **type, const char **id)
{
	json_error_t err;
	json_t *j = json_loadb((const char *)b.p, b.n, 0, &err);
	bool is = json_is_object(j);
	*type = is ? member(c, j, "type") : NULL;
	*id = is ? member(c, j, "id") : NULL;
	json_decref(j);
	return is;
}
