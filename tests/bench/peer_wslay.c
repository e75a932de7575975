/* libwslay for bench_codecs. */
#include "tests/bench/peers.h"

#ifdef HAVE_WSLAY
#include <string.h>
#include <wslay/wslay.h>

struct stream {
	struct bytes in;
	uint64_t messages;
};

static ssize_t receive(wslay_event_context_ptr ctx, uint8_t *buf, size_t len, int flags, void *user)
{
	struct stream *s = user;
	(void)flags;
	if (s->in.n == 0) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	size_t n = len < s->in.n ? len : s->in.n;
	memcpy(buf, s->in.p, n);
	s->in = bytes_sub(s->in, n, s->in.n - n);
	return (ssize_t)n;
}

static void message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
	(void)ctx;
	(void)arg;
	((struct stream *)user)->messages++;
}

static uint64_t messages(struct bytes in)
{
	static const struct wslay_event_callbacks callbacks = {
		.recv_callback = receive, .on_msg_recv_callback = message};
	struct stream s = {in, 0};
	wslay_event_context_ptr ctx;
	if (wslay_event_context_server_init(&ctx, &callbacks, &s) != 0)
		return 0;
	wslay_event_config_set_max_recv_msg_length(ctx, 1u << 24);
	int failed = wslay_event_recv(ctx);
	wslay_event_context_free(ctx);
	return failed ? 0 : s.messages;
}

decode_fn *const wslay_messages = messages;
#else
decode_fn *const wslay_messages = NULL;
#endif
