/*
 * live_connect: one client of a technique against a real server, and the WebSocket echo client.
 */
#include "ui/live.h"

#include <stdio.h>
#include <string.h>

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

static bool open_conn(struct client *c, uint32_t i)
{
	const char *why = "";
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
	struct live_tap *t = c->tap[o->conn] ? c->tap[o->conn] : c->tap[0];
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
	input(c, TECH_IN_STOP, 0, BYTES_NONE, TECH_WHY_DONE);
	int64_t grace_ns = live_now(c->net) + 200000000;
	while ((c->conn[0] || c->conn[1]) && live_wait(c->net, grace_ns, &ev) != LIVE_TIME)
		handle(c, &ev);
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
	tech_client_init(&c.tech, &c.site, 1, live_random());
	client_loop(&c);
	forget(&c, 0);
	forget(&c, 1);
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
