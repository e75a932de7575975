/*
 * The streams of an HTTP/2 connection: records of those that live, memory of how the others ended
 * (RFC 9113 5.1).
 */
#include "proto/h2/session_int.h"

struct h2_stream *h2_conn_stream(const struct h2_conn *c, uint32_t id)
{
	for (size_t i = c->stream_count; i-- > 0;)
		if (c->streams[i]->id == id)
			return c->streams[i];
	return NULL;
}

bool h2_stream_is_peers(const struct h2_conn *c, uint32_t id)
{
	return (id & 1) == (c->role == H2_SERVER ? 1u : 0u);
}

bool h2_stream_is_idle(const struct h2_conn *c, uint32_t id)
{
	if (h2_stream_is_peers(c, id))
		return id > c->last_peer_stream;
	return c->role == H2_SERVER || id >= c->next_stream; /* a server never opens one: push is left out */
}

struct h2_stream *h2_stream_open(struct h2_conn *c, uint32_t id)
{
	if (c->stream_count == c->stream_cap) {
		size_t cap = c->stream_cap ? 2 * c->stream_cap : 16;
		struct h2_stream **p =
			c->al->resize(c->al->ctx, c->streams, c->stream_cap * sizeof *p, cap * sizeof *p);
		if (!p)
			return NULL;
		c->streams = p;
		c->stream_cap = cap;
	}
	struct h2_stream *s = alloc_get(c->al, sizeof *s);
	if (!s)
		return NULL;
	*s = (struct h2_stream){.id = id,
		.state = H2_OPEN,
		.send_window = c->peer_initial_window,
		.recv_window = c->stream_window};
	c->streams[c->stream_count++] = s;
	if (h2_stream_is_peers(c, id))
		c->peer_active++;
	return s;
}

void h2_stream_note_end(struct h2_conn *c, uint32_t id, enum h2_end how)
{
	unsigned at = c->closed_next++ % H2_CLOSED_KEPT;
	if (c->closed[at].id > c->closed_forgotten)
		c->closed_forgotten = c->closed[at].id;
	c->closed[at].id = id;
	c->closed[at].how = how;
}

enum h2_end h2_stream_how(const struct h2_conn *c, uint32_t id)
{
	for (unsigned i = 0; i < H2_CLOSED_KEPT; i++)
		if (c->closed[i].id == id)
			return c->closed[i].how;
	return id <= c->closed_forgotten ? H2_END_STREAM : H2_END_NONE;
}

void h2_stream_end(struct h2_conn *c, struct h2_stream *s, enum h2_end how)
{
	h2_stream_note_end(c, s->id, how);
	if (h2_stream_is_peers(c, s->id))
		c->peer_active--;
	for (size_t i = 0; i < c->stream_count; i++) {
		if (c->streams[i] != s)
			continue;
		for (c->stream_count--; i < c->stream_count; i++)
			c->streams[i] = c->streams[i + 1];
	}
	alloc_put(c->al, s, sizeof *s);
}

void h2_stream_remote_done(struct h2_conn *c, struct h2_stream *s)
{
	if (s->state == H2_HALF_CLOSED_LOCAL)
		h2_stream_end(c, s, H2_END_STREAM);
	else
		s->state = H2_HALF_CLOSED_REMOTE;
}

void h2_stream_local_done(struct h2_conn *c, struct h2_stream *s)
{
	if (s->state == H2_HALF_CLOSED_REMOTE) {
		if (c->reset_budget < H2_RESET_BUDGET)
			c->reset_budget++; /* a stream served to its end pays for one reset */
		h2_stream_end(c, s, H2_END_STREAM);
	} else {
		s->state = H2_HALF_CLOSED_LOCAL;
	}
}
