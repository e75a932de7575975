/*
 * live_connect: one client of a technique against a real server, and the WebSocket echo client.
 */
#include "ui/live.h"

#include <stdio.h>
#include <string.h>

#include "proto/tech/h2_back.h"
#include "proto/tech/tech.h"
#include "proto/tech/ws_echo.h"
#include "sim/core/xmalloc.h"
#include "ui/commands.h"

struct client {
	struct live_net *net;
	const struct live_job *job;
	struct live_show *show;
	struct live_tap *tap[2];
	struct live_conn *conn[2];
	struct tech_site site;
	struct tech_client tech;
	struct tech_outs outs;
	/* HTTP/2: one connection for what the endpoint takes for two */
	struct h2_back *back;
	struct live_conn *wire;
	struct live_tap *wire_tap;
	bool wire_up;
	uint64_t received;
	bool failed;
};

static void input(
	struct client *c, enum tech_in_kind kind, uint32_t conn, struct bytes data, enum tech_why why);

static void forget(struct client *c, uint32_t i)
{
	if (c->conn[i])
		live_set_owner(c->conn[i], NULL);
	if (c->tap[i])
		live_tap_free(c->tap[i]);
	c->conn[i] = NULL;
	c->tap[i] = NULL;
}

/* ---- HTTP/2 */

static void wire_lost(struct client *c)
{
	if (c->back)
		h2_back_fini(c->back);
	xfree(c->back);
	if (c->wire)
		live_set_owner(c->wire, NULL);
	if (c->wire_tap)
		live_tap_free(c->wire_tap);
	c->back = NULL;
	c->wire = NULL;
	c->wire_tap = NULL;
	c->wire_up = false;
}

static void pump(struct client *c)
{
	struct h2_note n;
	char text[160];
	unsigned lane;
	struct bytes data;
	enum h2_back_ev ev;
	while (c->back && h2_back_note(c->back, &n)) {
		snprintf(text, sizeof text, n.stream ? "[%u] %s" : "%.0u%s", (unsigned)n.stream, n.text);
		live_tap_unit(c->wire_tap, n.up, text);
	}
	struct bytes out;
	while (c->back && c->wire_up && (out = h2_back_out(c->back)).n) {
		live_write(c->wire, out);
		h2_back_sent(c->back, out.n);
	}
	while (c->back && (ev = h2_back_next(c->back, &lane, &data)) != H2_BACK_NONE) {
		if (ev == H2_BACK_DATA)
			input(c, TECH_IN_DATA, lane, data, TECH_WHY_NONE);
		else if (ev == H2_BACK_EOF)
			input(c, TECH_IN_EOF, lane, BYTES_NONE, TECH_WHY_CLOSED);
		else
			input(c, TECH_IN_RESET, lane, BYTES_NONE, TECH_WHY_RESET);
	}
}

static bool open_lane(struct client *c, uint32_t i)
{
	const char *why = "";
	if (!c->wire) {
		c->wire_tap = live_tap_new(c->show, false);
		c->wire = live_open(c->net, c->job->host, c->job->port, &why);
		if (!c->wire) {
			live_tap_say(c->wire_tap, "cannot connect: %s", why);
			wire_lost(c);
			return false;
		}
		live_set_owner(c->wire, &c->wire);
		c->back = xcalloc(1, sizeof *c->back);
		if (!h2_back_init(c->back, &alloc_libc)) {
			live_abort(c->wire);
			wire_lost(c);
			return false;
		}
	}
	h2_back_open(c->back, i);
	if (c->wire_up)
		input(c, TECH_IN_UP, i, BYTES_NONE, TECH_WHY_NONE);
	return true;
}

/* The connection below the lanes has ended. */
static void wire_ended(struct client *c, enum tech_in_kind kind, enum tech_why why)
{
	bool open[H2_LANES];
	for (uint32_t i = 0; i < H2_LANES; i++)
		open[i] = c->back && c->back->lane[i].open;
	wire_lost(c);
	for (uint32_t i = 0; i < H2_LANES; i++)
		if (open[i])
			input(c, kind, i, BYTES_NONE, why);
}

static void handle_wire(struct client *c, const struct live_ev *ev)
{
	struct live_conn *wire = ev->conn;
	switch (ev->kind) {
	case LIVE_UP:
		c->wire_up = true;
		for (uint32_t i = 0; i < H2_LANES; i++)
			if (c->back->lane[i].open)
				input(c, TECH_IN_UP, i, BYTES_NONE, TECH_WHY_NONE);
		pump(c);
		break;
	case LIVE_DATA:
		h2_back_data(c->back, ev->data);
		pump(c);
		break;
	case LIVE_EOF:
		wire_ended(c, TECH_IN_EOF, TECH_WHY_CLOSED);
		live_close(wire);
		break;
	case LIVE_GONE:
		live_tap_say(c->wire_tap, "the connection is gone: %s", strerror(ev->error));
		wire_ended(c, TECH_IN_RESET, TECH_WHY_RESET);
		break;
	default:
		break;
	}
}

/* An output of the endpoint, when there is no connection but a lane. False: it is none of these. */
static bool lane_output(struct client *c, const struct tech_out *o)
{
	if (!c->job->h2)
		return false;
	if (o->kind == TECH_OUT_WRITE) {
		if (c->back)
			h2_back_write(c->back, o->conn, slice_bytes(o->data));
		blob_unref(o->data.blob);
	} else if (o->kind == TECH_OUT_CLOSE || o->kind == TECH_OUT_ABORT) {
		if (c->back)
			h2_back_close(c->back, o->conn);
	} else {
		return false;
	}
	pump(c);
	return true;
}

/* ---- HTTP/1.1 */

static bool open_conn(struct client *c, uint32_t i)
{
	const char *why = "";
	if (c->job->h2)
		return open_lane(c, i);
	forget(c, i);
	c->tap[i] = live_tap_new(c->show, false);
	c->conn[i] = live_open(c->net, c->job->host, c->job->port, &why);
	if (c->conn[i]) {
		live_set_owner(c->conn[i], &c->conn[i]);
		return true;
	}
	live_tap_say(c->tap[i], "cannot connect: %s", why);
	return false;
}

static void note(struct client *c, const struct tech_out *o)
{
	struct live_tap *t = c->wire_tap ? c->wire_tap : c->tap[o->conn] ? c->tap[o->conn] : c->tap[0];
	if (!t)
		return;
	if (o->note == TECH_NOTE_RECONNECT_WAIT)
		live_tap_say(
			t, "waits %lld ms before attempt %lld", (long long)(o->a / 1000000), (long long)o->b);
	else if (o->note == TECH_NOTE_HEARTBEAT_TIMEOUT)
		live_tap_say(t, "heard nothing for %lld ms: takes the connection for dead",
			(long long)(o->a / 1000000));
	else if (o->what)
		live_tap_say(t, "%s (%s)", o->what, o->ref);
}

static void take_outputs(struct client *c)
{
	struct tech_out o;
	while (tech_next(&c->outs, &o)) {
		uint32_t i = o.conn;
		if (lane_output(c, &o))
			continue;
		switch (o.kind) {
		case TECH_OUT_OPEN:
			if (!open_conn(c, i))
				input(c, TECH_IN_RESET, i, BYTES_NONE, TECH_WHY_UNREACHABLE);
			break;
		case TECH_OUT_WRITE:
			if (c->conn[i]) {
				live_tap_sent(c->tap[i], slice_bytes(o.data));
				live_write(c->conn[i], slice_bytes(o.data));
			}
			blob_unref(o.data.blob);
			break;
		case TECH_OUT_CLOSE:
			if (c->conn[i])
				live_close(c->conn[i]);
			forget(c, i);
			break;
		case TECH_OUT_ABORT:
			if (c->conn[i])
				live_abort(c->conn[i]);
			forget(c, i);
			break;
		case TECH_OUT_MESSAGE:
			c->received++;
			break;
		case TECH_OUT_NOTE:
			note(c, &o);
			break;
		case TECH_OUT_FAIL:
			c->failed = true;
			break;
		default:
			break;
		}
	}
}

static void input(
	struct client *c, enum tech_in_kind kind, uint32_t conn, struct bytes data, enum tech_why why)
{
	struct tech_in in = {
		.kind = kind, .conn = conn, .data = data, .now_ns = live_now(c->net), .why = why};
	tech_client_input(&c->tech, &in, &c->outs);
	take_outputs(c);
}

static void handle(struct client *c, const struct live_ev *ev)
{
	struct live_conn **slot = ev->conn ? live_owner(ev->conn) : NULL;
	if (!slot)
		return;
	if (slot == &c->wire) {
		handle_wire(c, ev);
		return;
	}
	uint32_t i = (uint32_t)(slot - c->conn);
	switch (ev->kind) {
	case LIVE_UP:
		input(c, TECH_IN_UP, i, BYTES_NONE, TECH_WHY_NONE);
		break;
	case LIVE_DATA:
		live_tap_received(c->tap[i], ev->data);
		input(c, TECH_IN_DATA, i, ev->data, TECH_WHY_NONE);
		break;
	case LIVE_EOF: {
		struct live_conn *conn = ev->conn;
		input(c, TECH_IN_EOF, i, BYTES_NONE, TECH_WHY_CLOSED);
		live_close(conn);
		break;
	}
	case LIVE_GONE:
		live_tap_say(c->tap[i], "the connection is gone: %s", strerror(ev->error));
		c->conn[i] = NULL;
		input(c, TECH_IN_RESET, i, BYTES_NONE, TECH_WHY_RESET);
		break;
	default:
		break;
	}
}

static void client_loop(struct client *c)
{
	struct live_ev ev;
	int64_t end_ns = c->job->for_ns ? live_now(c->net) + c->job->for_ns : INT64_MAX;
	input(c, TECH_IN_START, 0, BYTES_NONE, TECH_WHY_NONE);
	while (!c->failed && live_now(c->net) < end_ns && (!c->job->count || c->received < c->job->count)) {
		int64_t at = tech_client_wake_at(&c->tech);
		if (live_wait(c->net, at < end_ns ? at : end_ns, &ev) == LIVE_STOP)
			break;
		handle(c, &ev);
		if (tech_client_wake_at(&c->tech) <= live_now(c->net))
			input(c, TECH_IN_TIME, 0, BYTES_NONE, TECH_WHY_NONE);
	}
	bool failed = c->failed; /* being told to stop is no failure */
	input(c, TECH_IN_STOP, 0, BYTES_NONE, TECH_WHY_DONE);
	if (c->back) {
		h2_conn_goaway(&c->back->h2, H2_NO_ERROR, "");
		pump(c);
		live_close(c->wire);
	}
	int64_t grace_ns = live_now(c->net) + 200000000;
	while ((c->wire || c->conn[0] || c->conn[1]) && live_wait(c->net, grace_ns, &ev) != LIVE_TIME)
		handle(c, &ev);
	c->failed = failed;
}

int live_connect(struct live_net *n, const struct live_job *j)
{
	char host[300];
	struct client c = {.net = n, .job = j};
	snprintf(host, sizeof host, "%s:%s", j->host, j->port);
	c.show = live_show_new(n, j->quiet);
	tech_outs_init(&c.outs, &alloc_libc);
	tech_site_init(
		&c.site, &alloc_libc, (enum tech_kind)tech_find(j->technique), &j->opts, j->target, host);
	c.site.seed = live_random();
	tech_client_init(&c.tech, &c.site, 1);
	client_loop(&c);
	forget(&c, 0);
	forget(&c, 1);
	wire_lost(&c);
	tech_client_fini(&c.tech);
	tech_site_fini(&c.site);
	tech_outs_fini(&c.outs);
	live_show_free(c.show);
	fprintf(stderr, "%llu messages received\n", (unsigned long long)c.received);
	return c.failed || (j->count && c.received < j->count) ? EXIT_ENV : EXIT_FINE;
}

int live_connect_echo(struct live_net *n, const struct live_job *j)
{
	const char *why = "";
	char host[300];
	struct live_ev ev;
	struct live_conn *conn = live_open(n, j->host, j->port, &why);
	if (!conn) {
		ui_error("live connect: cannot connect to %s:%s: %s", j->host, j->port, why);
		return EXIT_ENV;
	}
	snprintf(host, sizeof host, "%s:%s", j->host, j->port);
	struct live_show *show = live_show_new(n, j->quiet);
	struct live_tap *tap = live_tap_new(show, false);
	struct ws_echo e;
	ws_echo_init(&e, &alloc_libc, WS_CLIENT, live_random());
	ws_echo_start(&e, bytes_str(j->target), bytes_str(host));
	int64_t end_ns = j->for_ns ? live_now(n) + j->for_ns : INT64_MAX;
	int rc = EXIT_FINE;
	for (bool go = true; go && live_now(n) < end_ns;) {
		enum live_ev_kind k = live_wait(n, end_ns, &ev);
		if (k == LIVE_DATA) {
			live_tap_received(tap, ev.data);
			ws_echo_data(&e, ev.data);
		} else if (k == LIVE_EOF) {
			ws_echo_eof(&e);
		} else if (k == LIVE_GONE) {
			ui_error("live connect: %s", strerror(ev.error));
			rc = EXIT_ENV;
			break;
		}
		live_tap_sent(tap, buf_bytes(&e.out));
		live_write(conn, buf_bytes(&e.out));
		buf_clear(&e.out);
		if (e.state == WS_ECHO_DONE)
			live_close(conn);
		go = k != LIVE_STOP && k != LIVE_EOF;
	}
	if (e.err.what)
		live_tap_say(tap, "%s (%s)", e.err.what, e.err.ref);
	fprintf(stderr, "%llu messages sent back, close code %u\n", (unsigned long long)e.messages, e.code);
	ws_echo_fini(&e);
	live_tap_free(tap);
	live_show_free(show);
	return rc;
}
