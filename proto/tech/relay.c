/*
 * relay: see relay.h for the model. One exchange at a time:
 *
 *   IDLE ── request head ──▶ REQUEST ── request end ──▶ ANSWER ── response end ──▶ IDLE
 *                               └── 101 ──▶ TUNNEL            (client octets that come meanwhile wait in `pend`)
 *
 * Outputs are queued in order and pulled by the caller. What exists only while something is under way is in relay_work.c, what
 * octets came to before in relay_memory.c.
 */
#include "proto/tech/relay_heads.h"
#include "proto/tech/relay_int.h"

#include <string.h>

static uint32_t page_octets(const struct relay *r)
{
	return r->cfg->page_octets ? r->cfg->page_octets : 4096;
}

void relay_init(struct relay *r, const struct relay_cfg *cfg, int64_t now_ns)
{
	*r = (struct relay){.cfg = cfg, .last_ns = now_ns};
}

static void held_clear(struct relay *r)
{
	struct relay_work *w = relay_busy(r);
	if (!w)
		return;
	for (uint32_t i = w->held_at; i < w->held_n; i++)
		blob_unref(w->held[i].data.blob);
	alloc_put(r->cfg->al, w->held, w->held_cap * sizeof *w->held);
	w->held = NULL;
	w->held_n = w->held_at = w->held_cap = w->held_octets = 0;
}

static bool holds(const struct relay *r)
{
	return relay_busy(r) && relay_busy(r)->held_at < relay_busy(r)->held_n;
}

static void no_second_try(struct relay *r)
{
	blob_unref(*relay_again(r));
	*relay_again(r) = NULL;
}

void relay_fini(struct relay *r)
{
	relay_work_free(r);
	no_second_try(r);
}

/* ------------------------------------------------------------------------------------------------- outputs */

static struct relay_out *note(struct relay *r, enum relay_note what, unsigned leg)
{
	struct relay_out *o = relay_push(r, RELAY_NOTE, leg);
	if (o)
		o->note = what;
	return o;
}

static void note_ab(struct relay *r, enum relay_note what, unsigned leg, int64_t a, int64_t b)
{
	struct relay_out *o = note(r, what, leg);
	if (o) {
		o->a = a;
		o->b = b;
	}
}

static bool writable(const struct relay *r, unsigned leg)
{
	return leg == RELAY_UPSTREAM ? r->up_open : !r->ended;
}

static void put_bytes(struct relay *r, unsigned leg, struct bytes b)
{
	if (!b.n || !writable(r, leg))
		return;
	struct blob *blob = blob_new(r->cfg->al, b);
	if (blob)
		relay_put(r, leg, slice_of(blob));
	else
		r->oom = true;
}

static void put_buf(struct relay *r, unsigned leg, struct buf *b)
{
	if (b->failed)
		r->oom = true;
	else
		put_bytes(r, leg, buf_bytes(b));
	buf_fini(b);
}

static void end_leg(struct relay *r, unsigned leg, enum relay_out_kind how)
{
	if (!writable(r, leg))
		return;
	relay_push(r, how, leg);
	if (leg == RELAY_UPSTREAM)
		r->up_open = false;
	else
		r->ended = true;
}

static void end_both(struct relay *r, enum relay_out_kind how)
{
	end_leg(r, RELAY_CLIENT, how);
	end_leg(r, RELAY_UPSTREAM, how);
	r->m.state = ST_ENDED;
}

enum relay_out_kind relay_next(struct relay *r, struct relay_out *out)
{
	if (r->oom) { /* nothing sensible can follow: both sides must see that it broke */
		r->oom = false;
		end_both(r, RELAY_ABORT);
	}
	struct relay_work *w = relay_busy(r);
	if (!w || w->out_at == w->out_n) {
		if (w)
			w->out_at = w->out_n = 0;
		relay_rest(r);
		*out = (struct relay_out){.kind = RELAY_IDLE};
		return RELAY_IDLE;
	}
	*out = w->out[w->out_at++];
	if (out->kind == RELAY_NOTE && out->note == RELAY_HOLD)
		w->noted = (uint32_t)out->cause;
	return out->kind;
}

void relay_note_id(struct relay *r, uint64_t id)
{
	struct relay_work *w = relay_busy(r);
	if (w && w->noted >= w->held_at && w->noted < w->held_n)
		w->held[w->noted].id = id;
}

bool relay_finished(const struct relay *r)
{
	return r->ended && !r->up_open;
}

/* ----------------------------------------------------------------------------------------- the relay's own words */

static void answer_self(struct relay *r, unsigned status, const char *text)
{
	struct buf b;
	buf_init(&b, r->cfg->al, 1024);
	h1_put_status_line(&b, status, NULL);
	h1_put_field_str(&b, "Content-Type", "text/plain");
	h1_put_field_dec(&b, "Content-Length", strlen(text));
	h1_put_field_str(&b, "Connection", "close");
	h1_put_end(&b);
	buf_str(&b, text);
	put_buf(r, RELAY_CLIENT, &b);
	end_leg(r, RELAY_CLIENT, RELAY_CLOSE);
	end_leg(r, RELAY_UPSTREAM, RELAY_ABORT);
	held_clear(r);
	r->m.state = ST_ENDED;
}

/* ------------------------------------------------------------------------------------------------- requests */

void relay_open_upstream(struct relay *r, bool fresh)
{
	if (r->up_open)
		return;
	struct relay_out *o = relay_push(r, RELAY_OPEN, RELAY_UPSTREAM);
	if (o)
		o->a = fresh;
	r->up_open = true;
	r->up_used = false;
}

void relay_lent(struct relay *r)
{
	r->up_used = true;
}

/* RFC 9110 9.2.2. */
static bool idempotent(struct bytes method)
{
	static const char names[][8] = {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (bytes_eq_str(method, names[i]))
			return true;
	return false;
}

static void put_request_head(struct relay *r, const struct h1_head *h)
{
	struct buf b;
	buf_init(&b, r->cfg->al, 256 * 1024);
	buf_add(&b, h->method);
	buf_u8(&b, ' ');
	buf_add(&b, h->target);
	buf_str(&b, r->m.legacy ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
	relay_copy_fields(&b, h, BYTES_NONE);
	buf_str(&b, h->version == 10 ? "Via: 1.0 " : "Via: 1.1 ");
	buf_str(&b, r->cfg->pseudonym ? r->cfg->pseudonym : "relay");
	buf_str(&b, "\r\n");
	if (r->m.asked_upgrade)
		relay_copy_upgrade(&b, h);
	else if (r->m.legacy)
		h1_put_field_str(&b, "Connection", "close");
	if (r->m.rechunk_up)
		h1_put_field_str(&b, "Transfer-Encoding", "chunked");
	h1_put_end(&b);
	struct blob *head = b.failed ? NULL : blob_new(r->cfg->al, buf_bytes(&b));
	buf_fini(&b);
	r->oom |= !head;
	if (head && h->framing == H1_FRAMING_NONE && idempotent(h->method))
		*relay_again(r) = blob_ref(head);
	relay_put(r, RELAY_UPSTREAM, slice_of(head));
}

/* A kept connection was closed by the server as the request went out, before any answer: the request goes out once
 * more on a new one (RFC 9112 9.3.1). */
static bool second_try(struct relay *r, int64_t now_ns)
{
	struct blob *again = *relay_again(r);
	if (!again || !r->up_used || r->m.state != ST_ANSWER)
		return false;
	*relay_again(r) = NULL;
	r->last_ns = now_ns;
	relay_open_upstream(r, true);
	relay_put(r, RELAY_UPSTREAM, slice_of(again));
	return true;
}

static void request_head(struct relay *r, const struct h1_head *h)
{
	r->m.client_10 = h->version == 10;
	r->m.client_close = !h->keep_alive;
	r->m.asked_upgrade = h->upgrade && r->cfg->upgrade == RELAY_UPGRADE_FORWARD;
	if (h->upgrade && r->cfg->upgrade == RELAY_UPGRADE_BLOCK) {
		note(r, RELAY_BLOCKED, RELAY_CLIENT);
		answer_self(r, 403, "This proxy does not allow protocol upgrades.\n");
		return;
	}
	if (h->upgrade && r->cfg->upgrade == RELAY_UPGRADE_STRIP)
		note(r, RELAY_STRIPPED, RELAY_CLIENT);
	r->m.rechunk_up = h->framing == H1_FRAMING_CHUNKED;
	r->m.legacy = r->cfg->buffering == RELAY_BUFFER_PAGE && !r->m.asked_upgrade && !r->m.rechunk_up;
	if (h->expect_continue)
		put_bytes(r, RELAY_CLIENT, BYTES_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
	relay_decoder_clear(r, RELAY_UPSTREAM);
	struct h1_dec *res = relay_decoder(r, RELAY_UPSTREAM);
	if (res)
		h1_dec_expect(res, h->method);
	r->m.head_out = r->m.keep = r->m.close_ends = r->m.rechunk_down = r->m.up_close = false;
	relay_open_upstream(r, false);
	put_request_head(r, h);
	r->m.state = ST_REQUEST;
}

static void request_data(struct relay *r, struct bytes piece)
{
	if (!r->m.rechunk_up) {
		put_bytes(r, RELAY_UPSTREAM, piece);
		return;
	}
	struct buf b;
	buf_init(&b, r->cfg->al, piece.n + 64);
	h1_put_chunk(&b, piece, BYTES_NONE);
	put_buf(r, RELAY_UPSTREAM, &b);
}

/* The request is complete: what follows it in `in` waits. */
static void request_end(struct relay *r, struct bytes in, uint64_t base, int64_t now_ns)
{
	size_t used = (size_t)(h1_dec_off(&relay_busy(r)->dec[RELAY_CLIENT]) - base);
	if (r->m.rechunk_up)
		put_bytes(r, RELAY_UPSTREAM, BYTES_LIT("0\r\n\r\n"));
	if (used < in.n)
		buf_add(&relay_busy(r)->pend, bytes_sub(in, used, in.n - used));
	relay_decoder_clear(r, RELAY_CLIENT);
	r->m.state = ST_ANSWER;
	r->last_ns = now_ns;
}

static void client_in(struct relay *r, struct bytes in, int64_t now_ns)
{
	struct h1_dec *d = relay_decoder(r, RELAY_CLIENT);
	struct h1_ev ev;
	if (!d)
		return;
	uint64_t base = h1_dec_off(d);
	h1_dec_feed(d, in);
	while (r->m.state == ST_IDLE || r->m.state == ST_REQUEST) {
		switch (h1_dec_next(d, &ev)) {
		case H1_HEAD:
			request_head(r, &ev.head);
			break;
		case H1_DATA:
			request_data(r, ev.data);
			break;
		case H1_END:
			request_end(r, in, base, now_ns);
			return;
		case H1_ERROR: {
			struct relay_out *o = note(r, RELAY_BAD_MESSAGE, RELAY_CLIENT);
			if (o)
				o->err = ev.err;
			answer_self(r, ev.err.code ? (unsigned)ev.err.code : 400,
				"This proxy cannot read the request.\n");
			return;
		}
		case H1_CHUNK:
			break;
		default:
			return;
		}
	}
}

/* ------------------------------------------------------------------------------------------------- responses */

static void put_body(struct relay *r, struct slice s)
{
	if (!r->m.rechunk_down) {
		relay_put(r, RELAY_CLIENT, (struct slice){blob_ref(s.blob), s.off, s.len});
		return;
	}
	struct buf b;
	buf_init(&b, r->cfg->al, s.len + 64u);
	h1_put_chunk(&b, slice_bytes(s), BYTES_NONE);
	put_buf(r, RELAY_CLIENT, &b);
}

static void hold(struct relay *r, struct slice s, int64_t now_ns)
{
	struct relay_work *w = relay_busy(r);
	if (w->held_octets + s.len > RELAY_HELD_MAX) {
		r->oom = true;
		return;
	}
	if (w->held_n == w->held_cap) {
		uint32_t cap = w->held_cap ? w->held_cap * 2 : 8;
		void *p = r->cfg->al->resize(
			r->cfg->al->ctx, w->held, w->held_cap * sizeof *w->held, cap * sizeof *w->held);
		if (!p) {
			r->oom = true;
			return;
		}
		w->held = p;
		w->held_cap = cap;
	}
	w->held[w->held_n] = (struct relay_held){{blob_ref(s.blob), s.off, s.len}, now_ns, 0};
	w->held_octets += s.len;
	struct relay_out *o = note(r, RELAY_HOLD, RELAY_CLIENT);
	if (o) {
		o->slen = s.len;
		o->a = w->held_octets;
		o->b = r->cfg->buffering == RELAY_BUFFER_PAGE ? page_octets(r) : 0;
		o->cause = w->held_n; /* which entry relay_note_id names */
	}
	w->held_n++;
}

/* Passes the oldest `n` kept octets on as one piece; with `n` = 0 everything. */
static void release(struct relay *r, uint32_t n, int64_t now_ns)
{
	struct relay_work *w = relay_busy(r);
	if (!w || !w->held_octets)
		return;
	if (!n || n > w->held_octets)
		n = w->held_octets;
	struct blob *all = blob_new_raw(r->cfg->al, n);
	struct relay_out *o = note(r, RELAY_RELEASE, RELAY_CLIENT);
	if (!all || !o) {
		blob_unref(all);
		r->oom = true;
		return;
	}
	o->slen = n;
	o->a = now_ns - w->held[w->held_at].since_ns;
	o->cause = w->held[w->held_at].id;
	for (uint32_t at = 0; at < n;) {
		struct relay_held *h = &w->held[w->held_at];
		uint32_t take = h->data.len < n - at ? h->data.len : n - at;
		memcpy(all->data + at, slice_bytes(h->data).p, take);
		at += take;
		h->data = (struct slice){h->data.blob, h->data.off + take, h->data.len - take};
		if (!h->data.len) {
			blob_unref(h->data.blob);
			w->held_at++;
		}
	}
	w->held_octets -= n;
	put_body(r, slice_of(all));
	blob_unref(all);
	if (!w->held_octets)
		held_clear(r);
}

/* The head for the client; the caller owns it. NULL: out of memory, noted. */
static struct blob *render_response_head(struct relay *r, const struct h1_head *h, bool tunnel)
{
	struct buf b;
	buf_init(&b, r->cfg->al, 256 * 1024);
	h1_put_status_line(&b, h->status, NULL);
	relay_copy_fields(&b, h, BYTES_LIT("x-accel-buffering"));
	if (tunnel)
		relay_copy_upgrade(&b, h);
	else if (r->m.rechunk_down)
		h1_put_field_str(&b, "Transfer-Encoding", "chunked");
	if (!tunnel && (r->m.client_close || r->m.close_ends))
		h1_put_field_str(&b, "Connection", "close");
	h1_put_end(&b);
	struct blob *head = b.failed ? NULL : blob_new(r->cfg->al, buf_bytes(&b));
	buf_fini(&b);
	r->oom |= !head;
	return head;
}

static bool wants_keeping(const struct relay *r, const struct h1_head *h)
{
	switch (r->cfg->buffering) {
	case RELAY_BUFFER_PAGE:
		return r->m.legacy && h->framing != H1_FRAMING_CHUNKED &&
		       !bytes_eq_nocase(h1_value(h, "x-accel-buffering"), BYTES_LIT("no"));
	case RELAY_BUFFER_FULL:
	case RELAY_BUFFER_TRICKLE:
		return h->framing != H1_FRAMING_NONE;
	default:
		return false;
	}
}

/* The head of a kept response waits at the front of what is kept: see response_head. */
static void response_head(struct relay *r, const struct h1_head *h, int64_t now_ns)
{
	if (h->interim)
		return;
	bool open_end = h->framing == H1_FRAMING_CHUNKED || h->framing == H1_FRAMING_UNTIL_CLOSE;
	r->m.rechunk_down = open_end && !r->m.client_10;
	r->m.close_ends = open_end && r->m.client_10;
	r->m.up_close = r->m.legacy || !h->keep_alive;
	r->m.keep = wants_keeping(r, h);
	struct blob *head = render_response_head(r, h, false);
	if (!head)
		return;
	if (r->m.keep && r->cfg->buffering != RELAY_BUFFER_TRICKLE) {
		hold(r, slice_of(head), now_ns);
		blob_unref(head);
		return;
	}
	relay_put(r, RELAY_CLIENT, slice_of(head));
	r->m.head_out = true;
	if (r->m.keep)
		relay_busy(r)->trickle_ns = now_ns + RELAY_TRICKLE_NS;
}

/* The kept head goes first and by itself. */
static void release_head(struct relay *r, int64_t now_ns)
{
	if (r->m.head_out || !holds(r))
		return;
	bool chunks = r->m.rechunk_down;
	r->m.rechunk_down = false;
	release(r, relay_busy(r)->held[relay_busy(r)->held_at].data.len, now_ns);
	r->m.rechunk_down = chunks;
	r->m.head_out = true;
}

static uint32_t held_body(const struct relay *r)
{
	const struct relay_work *w = relay_busy(r);
	return r->m.head_out || !holds(r) ? w->held_octets : w->held_octets - w->held[w->held_at].data.len;
}

static void response_data(struct relay *r, struct slice s, int64_t now_ns)
{
	if (!r->m.keep) {
		put_body(r, s);
		return;
	}
	hold(r, s, now_ns);
	while (!r->oom && r->cfg->buffering == RELAY_BUFFER_PAGE && held_body(r) >= page_octets(r)) {
		release_head(r, now_ns);
		release(r, page_octets(r), now_ns);
	}
}

void relay_let_upstream(struct relay *r, bool more)
{
	r->up_used = true;
	if (r->m.up_close || more) { /* who says more than was asked is not asked again */
		end_leg(r, RELAY_UPSTREAM, RELAY_CLOSE);
	} else if (r->cfg->shared && r->up_open && r->m.state == ST_ANSWER) {
		relay_push(r, RELAY_SPARE, RELAY_UPSTREAM);
		r->up_open = false;
	}
}

static void response_end(struct relay *r, int64_t now_ns)
{
	release_head(r, now_ns);
	release(r, 0, now_ns);
	if (r->m.rechunk_down)
		put_bytes(r, RELAY_CLIENT, BYTES_LIT("0\r\n\r\n"));
	struct relay_work *w = relay_busy(r);
	w->trickle_ns = INT64_MAX;
	relay_let_upstream(r, h1_dec_unread(&w->dec[RELAY_UPSTREAM]) > 0);
	if (r->m.client_close || r->m.close_ends) {
		end_leg(r, RELAY_CLIENT, RELAY_CLOSE);
		end_leg(r, RELAY_UPSTREAM, RELAY_CLOSE);
		r->m.state = ST_ENDED;
		return;
	}
	relay_decoder_clear(r, RELAY_UPSTREAM);
	r->m = (struct relay_mind){.state = ST_IDLE};
	r->last_ns = now_ns;
	if (w->pend.n) {
		struct buf waiting = w->pend;
		buf_init(&w->pend, r->cfg->al, RELAY_PENDING_MAX);
		client_in(r, buf_bytes(&waiting), now_ns);
		buf_fini(&waiting);
	}
}

/* The answer can never become complete. */
static void upstream_broken(struct relay *r, int64_t now_ns)
{
	note(r, RELAY_UPSTREAM_GONE, RELAY_UPSTREAM);
	if (!r->m.head_out && !holds(r)) {
		answer_self(r, 502, "The server behind this proxy did not answer.\n");
		return;
	}
	release_head(r, now_ns);
	release(r, 0, now_ns);
	end_both(r, RELAY_ABORT);
}

static void start_tunnel(struct relay *r, int64_t now_ns)
{
	uint64_t off;
	struct relay_work *w = relay_busy(r);
	struct bytes rest = h1_dec_rest(&w->dec[RELAY_UPSTREAM], &off);
	note(r, RELAY_TUNNEL, RELAY_CLIENT);
	put_bytes(r, RELAY_CLIENT, rest);
	put_bytes(r, RELAY_UPSTREAM, buf_bytes(&w->pend));
	buf_fini(&w->pend);
	buf_init(&w->pend, r->cfg->al, RELAY_PENDING_MAX);
	relay_decoder_clear(r, RELAY_UPSTREAM);
	r->m.state = ST_TUNNEL;
	r->last_ns = now_ns;
}

/* The part of the input slice that an event's data lies in; a copy when the decoder had to put it together. */
static struct slice part_of(struct relay *r, struct slice in, struct bytes piece)
{
	struct bytes all = slice_bytes(in);
	if (all.p && piece.p >= all.p && piece.p + piece.n <= all.p + all.n)
		return (struct slice){
			blob_ref(in.blob), in.off + (uint32_t)(piece.p - all.p), (uint32_t)piece.n};
	struct blob *b = blob_new(r->cfg->al, piece);
	if (!b)
		r->oom = true;
	return slice_of(b);
}

static void upstream_events(struct relay *r, struct slice in, int64_t now_ns)
{
	struct h1_ev ev;
	while (r->m.state == ST_ANSWER || r->m.state == ST_REQUEST) {
		struct h1_dec *d = relay_decoder(r, RELAY_UPSTREAM); /* another one after each exchange */
		switch (d ? h1_dec_next(d, &ev) : H1_NEED) {
		case H1_HEAD:
			r->m.final_head = !ev.head.interim && !ev.head.switches;
			if (ev.head.switches) {
				relay_put(r, RELAY_CLIENT, slice_of(render_response_head(r, &ev.head, true)));
				r->m.head_out = true;
			} else {
				response_head(r, &ev.head, now_ns);
			}
			break;
		case H1_DATA: {
			struct slice s = part_of(r, in, ev.data);
			if (s.blob)
				response_data(r, s, now_ns);
			blob_unref(s.blob);
			break;
		}
		case H1_END:
			if (r->m.final_head) {
				r->m.client_close |=
					r->m.state == ST_REQUEST; /* answered before it was all sent */
				response_end(r, now_ns);
			}
			break;
		case H1_SWITCHED:
			start_tunnel(r, now_ns);
			return;
		case H1_TRUNCATED:
		case H1_ERROR:
			upstream_broken(r, now_ns);
			return;
		case H1_CHUNK:
			break;
		default:
			return;
		}
	}
}

/* ------------------------------------------------------------------------------------------------- inputs */

static void upstream_in(struct relay *r, struct slice data, int64_t now_ns)
{
	struct h1_dec *d = relay_decoder(r, RELAY_UPSTREAM);
	r->last_ns = now_ns;
	if (!d)
		return;
	h1_dec_feed(d, slice_bytes(data));
	upstream_events(r, data, now_ns);
}

/* Octets of further requests: they wait for the answer under way. */
static void wait_in(struct relay *r, struct bytes in)
{
	struct relay_work *w = relay_work(r);
	if (!w)
		return;
	buf_add(&w->pend, in);
	if (w->pend.failed)
		end_both(r, RELAY_ABORT);
}

void relay_data(struct relay *r, unsigned leg, struct slice data, int64_t now_ns)
{
	if (r->m.state == ST_ENDED || !data.len)
		return;
	if (r->m.state == ST_TUNNEL) {
		r->last_ns = now_ns;
		relay_put(r, !leg, (struct slice){blob_ref(data.blob), data.off, data.len});
		return;
	}
	if (leg == RELAY_UPSTREAM && (!r->up_open || r->m.state == ST_IDLE)) { /* nobody has asked for that */
		end_leg(r, RELAY_UPSTREAM, RELAY_CLOSE);
		return;
	}
	if (leg == RELAY_UPSTREAM)
		no_second_try(r);
	if (relay_recall(r, leg, data, now_ns))
		return;
	struct relay_before before = relay_before(r);
	uint32_t at = relay_busy(r) ? relay_busy(r)->out_n : 0;
	if (leg == RELAY_UPSTREAM)
		upstream_in(r, data, now_ns);
	else if (r->m.state == ST_ANSWER)
		wait_in(r, slice_bytes(data));
	else
		client_in(r, slice_bytes(data), now_ns);
	relay_join(r, at);
	relay_remember(r, leg, data, &before);
}

void relay_eof(struct relay *r, unsigned leg, int64_t now_ns)
{
	if (r->m.state == ST_TUNNEL) {
		end_leg(r, !leg, RELAY_CLOSE);
		end_leg(r, leg, RELAY_CLOSE);
		r->m.state = ST_ENDED;
		return;
	}
	if (leg == RELAY_CLIENT) { /* done, or gone while an answer was due: either way upstream is let go */
		end_both(r, RELAY_CLOSE);
		return;
	}
	if (!r->up_open)
		return;
	if (*relay_again(r) && r->up_used && r->m.state == ST_ANSWER) {
		end_leg(r, RELAY_UPSTREAM, RELAY_CLOSE);
		second_try(r, now_ns);
		return;
	}
	if (r->m.state == ST_ANSWER || r->m.state == ST_REQUEST) {
		struct h1_dec *d = relay_decoder(r, RELAY_UPSTREAM);
		if (d)
			h1_dec_eof(d);
		upstream_events(r, SLICE_NONE, now_ns);
		if (r->m.state == ST_ANSWER)
			upstream_broken(r, now_ns);
	}
	end_leg(r, RELAY_UPSTREAM, RELAY_CLOSE);
}

void relay_gone(struct relay *r, unsigned leg, int64_t now_ns)
{
	if (leg == RELAY_CLIENT) {
		r->ended = true;
		end_leg(r, RELAY_UPSTREAM, RELAY_ABORT);
		r->m.state = ST_ENDED;
		return;
	}
	bool was_open = r->up_open;
	r->up_open = false;
	if (!was_open || r->m.state == ST_ENDED || r->m.state == ST_IDLE || second_try(r, now_ns))
		return;
	if (r->m.state == ST_TUNNEL) {
		note(r, RELAY_UPSTREAM_GONE, RELAY_UPSTREAM);
		end_both(r, RELAY_ABORT);
		return;
	}
	upstream_broken(r, now_ns);
}

static int64_t after(int64_t t, int64_t d)
{
	return d > 0 && t < INT64_MAX - d ? t + d : INT64_MAX;
}

static bool passed(int64_t at_ns, int64_t now_ns)
{
	return at_ns <= now_ns && at_ns != INT64_MAX;
}

enum relay_clock relay_clock(const struct relay *r)
{
	switch (r->m.state) {
	case ST_ANSWER:
	case ST_TUNNEL:
		return RELAY_CLOCK_READ;
	case ST_IDLE:
		return RELAY_CLOCK_KEEPALIVE;
	default:
		return RELAY_CLOCK_NONE;
	}
}

int64_t relay_runs_out(const struct relay_cfg *cfg, enum relay_clock c, int64_t since_ns)
{
	const int64_t limit_ns = c == RELAY_CLOCK_READ        ? cfg->read_timeout_ns
				 : c == RELAY_CLOCK_KEEPALIVE ? cfg->keepalive_ns
							      : 0;
	return after(since_ns, limit_ns);
}

/* When the next octet trickles, INT64_MAX: never. */
static int64_t trickle_ns(const struct relay *r)
{
	return r->works && r->m.state == ST_ANSWER ? r->u.work->trickle_ns : INT64_MAX;
}

int64_t relay_trickle_at(struct relay *r)
{
	int64_t at = trickle_ns(r);
	if (at == INT64_MAX || at == r->u.work->told_ns)
		return INT64_MAX;
	return r->u.work->told_ns = at;
}

bool relay_trickles(const struct relay *r, int64_t now_ns)
{
	return passed(trickle_ns(r), now_ns);
}

int64_t relay_wake_at(const struct relay *r)
{
	int64_t at = relay_runs_out(r->cfg, relay_clock(r), r->last_ns), octet = trickle_ns(r);
	return octet < at ? octet : at;
}

static void timed_out(struct relay *r, int64_t now_ns)
{
	int64_t quiet = now_ns - r->last_ns;
	if (r->m.state == ST_IDLE) {
		note_ab(r, RELAY_KEEPALIVE_END, RELAY_CLIENT, quiet, r->cfg->keepalive_ns);
		end_both(r, RELAY_CLOSE);
	} else if (r->m.state == ST_TUNNEL) {
		note_ab(r, RELAY_TUNNEL_TIMEOUT, RELAY_CLIENT, quiet, r->cfg->read_timeout_ns);
		end_both(r, RELAY_CLOSE);
	} else {
		note_ab(r, RELAY_READ_TIMEOUT, RELAY_CLIENT, quiet, r->cfg->read_timeout_ns);
		if (!r->m.head_out && !holds(r)) {
			answer_self(r, 504, "The server behind this proxy did not answer in time.\n");
			return;
		}
		release_head(r, now_ns);
		release(r, 0, now_ns);
		end_leg(r, RELAY_CLIENT, RELAY_CLOSE);
		end_leg(r, RELAY_UPSTREAM, RELAY_ABORT);
		r->m.state = ST_ENDED;
	}
}

void relay_time(struct relay *r, int64_t now_ns)
{
	if (relay_trickles(r, now_ns)) {
		release(r, 1, now_ns);
		relay_busy(r)->trickle_ns = now_ns + RELAY_TRICKLE_NS;
	}
	if (passed(relay_runs_out(r->cfg, relay_clock(r), r->last_ns), now_ns))
		timed_out(r, now_ns);
}
