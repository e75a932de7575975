/*
 * cap_decode: what the streams of each connection carry.
 *
 * Both directions of a connection are decoded side by side, because HTTP needs the request to frame its response and
 * an Upgrade or CONNECT hands both streams over to another protocol:
 *
 *	[PROXY protocol] ─▶ TLS | HTTP/2 | HTTP/1 ─▶ 101 WebSocket | 2xx to CONNECT: start again | unknown octets
 */
#ifndef SIM_CAPTURE_CAP_DECODE_H
#define SIM_CAPTURE_CAP_DECODE_H

#include "proto/http1/http1.h"
#include "sim/capture/cap.h"
#include "sim/capture/cap_stream.h"

/* Both streams of a connection, decoded up to pos[]. */
struct cap_pair {
	struct capture *c;
	uint32_t conn;
	struct cap_stream s[2]; /* 0 from the client, 1 from the server */
	uint64_t pos[2];
	unsigned depth; /* tunnels inside tunnels */
	bool inside_tunnel;
};
#define CAP_TUNNELS_MAX 4u

/* What is left of a direction. */
static inline struct bytes cap_rest(const struct cap_pair *p, unsigned dir)
{
	return (struct bytes){p->s[dir].p + p->pos[dir], p->s[dir].n - (size_t)p->pos[dir]};
}

void cap_decode(struct capture *c);
void cap_label(struct capture *c);

/* Decodes from pos[] on, whatever it is. */
void cap_decode_pair(struct cap_pair *p);
void cap_decode_http1(struct cap_pair *p);
void cap_decode_ws(struct cap_pair *p, uint32_t http, const struct h1_head *req, const struct h1_head *resp);
void cap_decode_tls(struct cap_pair *p);
void cap_decode_h2(struct cap_pair *p);
/* A unit of either stream. `text` is kept. */
void cap_add_unit(struct cap_pair *p, unsigned dir, uint64_t off, uint64_t len, const char *text);

/* A message body as it comes in (cap_body.c). */
struct cap_body;
/* Of exchange `index` in capture.http, or in capture.h2_req when `h2`. */
struct cap_body *cap_body_new(struct cap_pair *p, unsigned dir, uint32_t index, bool h2);
/* Octets [off, off+len) of the stream are body. */
void cap_body_piece(struct cap_body *b, uint64_t off, uint64_t len);
/* No more; the exchange's figures are completed. */
void cap_body_end(struct cap_body *b);

/* Valid UTF-8 of `b`; beyond `whole` characters only the first `part` and an ellipsis (0: none). Kept in the arena. */
const char *cap_short(struct capture *c, struct bytes b, size_t whole, size_t part, bool ellipsis);
#define CAP_TEXT_WHOLE 200
#define CAP_TEXT_PART 60

/* Messages in a JSON answer: elements of its array "messages" (then *named), or of itself when it is an array; -1 when there
 * is neither. */
int cap_json_messages(struct bytes b, bool *named);
/* The string members "type" and "id" of a JSON object (NULL when absent), kept in the arena. False: no object. */
bool cap_json_type_id(struct capture *c, struct bytes b, const char **type, const char **id);

#endif
