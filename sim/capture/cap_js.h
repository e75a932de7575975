/*
 * cap_js: writing JSON, for capture-replay/1.
 *
 * Every function that takes a key writes `"key": value`; with NULL for the key it writes an element of a list.
 */
#ifndef SIM_CAPTURE_CAP_JS_H
#define SIM_CAPTURE_CAP_JS_H

#include "sim/capture/cap.h"

struct js {
	struct buf *b;
	bool comma;                  /* something stands before, on the same level */
	const struct trace_out *out; /* NULL: all stays in b */
	int rc;
};

#define JS_FLUSH_OCTETS (256u << 10)
/* Who sent something: 0 the client, 1 the server. */
extern const char *const js_sides[2];

void js_flush(struct js *j, size_t least);
void js_sep(struct js *j);
void js_quoted(struct js *j, const char *s);
void js_key(struct js *j, const char *k);
void js_open(struct js *j, const char *k, char c);
void js_close(struct js *j, char c);
void js_text(struct js *j, const char *k, const char *v);
void js_num(struct js *j, const char *k, uint64_t v);
void js_bool(struct js *j, const char *k, bool v);
void js_null(struct js *j, const char *k);
void js_seconds(struct js *j, const char *k, int64_t ns, unsigned digits);
void js_at(struct js *j, const char *k, struct cap_at a);
void js_frame(struct js *j, const char *k, struct cap_at a);
void js_line(struct js *j);
void js_list(struct js *j, const char *k);
void js_list_end(struct js *j, bool any);
void js_numbers(struct js *j, const char *k, const uint32_t *v, uint32_t n);
void js_item(struct js *j, const char *s);
void js_both(struct js *j, const char *k, uint64_t client, uint64_t server);
void js_strings(struct js *j, const char *k, const char *const *v, uint32_t n);

/* The lists of cap_json_units.c. */
void cap_json_http(struct js *j, const struct capture *c);
void cap_json_sse(struct js *j, const struct capture *c);
void cap_json_ws(struct js *j, const struct capture *c);
void cap_json_h2(struct js *j, const struct capture *c);
void cap_json_tls(struct js *j, const struct capture *c);

#endif
