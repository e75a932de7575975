/*
 * live_serve: one process that serves a technique to browsers and other strangers, and publishes messages.
 *
 * The endpoint is proto/tech's server; here are only sockets, the clock, and the page at "/" that lets a browser try
 * the technique. Deadlines are found by asking every connection: a lecture has dozens, not thousands.
 */
#include "ui/live.h"

#include <stdio.h>
#include <string.h>

#include "proto/tech/h2_front.h"
#include "proto/tech/tech.h"
#include "proto/tech/ws_echo.h"
#include "sim/core/xmalloc.h"
#include "ui/commands.h"

struct peer {
	struct live_conn *conn;
	struct live_tap *tap;
	struct tech_conn tech;
	struct buf first; /* the first octets, until it is known whether they are HTTP/2 */
	bool sniffed;
	struct h2_front *front; /* they are: it speaks to endpoints of its own, and `tech` is idle */
	uint64_t pushed;
	struct peer *next;
	bool gone;
};

struct serve {
	struct live_net *net;
	const struct live_job *job;
	struct live_show *show;
	struct tech_server server;
	struct tech_site site;
	struct tech_outs outs;
	struct peer *peers;
	uint64_t published;
	int64_t next_ns;
};

static const char page_top[] =
	"<!doctype html><html lang=en><meta charset=utf-8><title>backtalk live</title>"
	"<style>body{font:16px/1.4 sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
	"li{font-family:monospace}</style><h1>backtalk live</h1><p id=state>connecting</p><ol "
	"id=log></ol><script>\n"
	"const log=t=>{const l=document.createElement('li');l.textContent=t;"
	"document.getElementById('log').appendChild(l)};\n"
	"const state=t=>{document.getElementById('state').textContent=t};\n"
	"let since=0;const take=m=>{since=m.id||since;log(JSON.stringify(m))};\n";
static const char page_poll[] =
	"const ask=async()=>{try{const r=await fetch(path+'?since='+since,{cache:'no-store'});state('status "
	"'+r.status);"
	"if(r.status===200)for(const m of (await r.json()).messages)take(m)}catch(e){state(String(e))}};\n"
	"ask();setInterval(ask,interval);\n";
static const char page_long_poll[] =
	"(async()=>{for(;;){try{const r=await fetch(path+'?since='+since,{cache:'no-store'});state('status "
	"'+r.status);"
	"if(r.status===200)for(const m of (await r.json()).messages)take(m)}"
	"catch(e){state(String(e));await new Promise(f=>setTimeout(f,1000))}}})();\n";
static const char page_sse[] =
	"const es=new EventSource(path);es.onopen=()=>state('open');es.onerror=()=>state('error, readyState "
	"'+es.readyState);"
	"es.onmessage=e=>{take(JSON.parse(e.data))};\n";
static const char page_ws[] =
	"const open=()=>{const ws=new "
	"WebSocket('ws://'+location.host+path+'?since='+since);ws.onopen=()=>state('open');"
	"ws.onmessage=e=>take(JSON.parse(e.data));ws.onclose=e=>{state('closed "
	"'+e.code);setTimeout(open,1000)}};open();\n";

static void put_page(struct buf *b, const struct tech_site *s, const struct tech_opts *o)
{
	static const char *const script[TECH_KINDS] = {
		[TECH_POLLING] = page_poll,
		[TECH_LONG_POLLING] = page_long_poll,
		[TECH_SSE] = page_sse,
		[TECH_WEBSOCKET] = page_ws,
	};
	buf_str(b, page_top);
	buf_str(b, "const path='");
	buf_str(b, s->path);
	buf_str(b, "',interval=");
	buf_dec(b, (uint64_t)(o->interval_ns / 1000000));
	buf_str(b, ";\n");
	buf_str(b, script[s->kind]);
	buf_str(b, "</script></html>\n");
}

/* ---- outputs of the endpoint */

static void drop(struct peer *p)
{
	p->gone = true;
	p->conn = NULL;
}

static void take_outputs(struct serve *s, struct peer *p)
{
	struct tech_out o;
	while (tech_next(&s->outs, &o)) {
		if (o.kind == TECH_OUT_WRITE) {
			struct bytes b = slice_bytes(o.data);
			if (p->conn) {
				live_write(p->conn, b);
				live_tap_sent(p->tap, b);
			}
			p->pushed += tech_conn_streaming(&p->tech) ? o.n_msgs : 0;
			blob_unref(o.data.blob);
		} else if (o.kind == TECH_OUT_CLOSE && p->conn) {
			live_close(p->conn);
		} else if (o.kind == TECH_OUT_ABORT && p->conn) {
			live_abort(p->conn);
			drop(p);
		} else if (o.kind == TECH_OUT_MESSAGE) {
			live_tap_say(p->tap, "message %llu from the client", (unsigned long long)o.id);
		} else if (o.kind == TECH_OUT_NOTE && o.what) {
			live_tap_say(p->tap, "%s (%s)", o.what, o.ref);
		}
	}
	if (s->outs.failed && p->conn) {
		live_abort(p->conn);
		drop(p);
	}
	if (s->job->cut && p->pushed >= s->job->cut && p->conn) {
		live_tap_say(p->tap, "reset on purpose after %llu messages", (unsigned long long)p->pushed);
		live_abort(p->conn);
		tech_conn_input(&p->tech,
			&(struct tech_in){.kind = TECH_IN_RESET, .now_ns = live_now(s->net)}, &s->outs);
		drop(p);
	}
}

static void input(struct serve *s, struct peer *p, enum tech_in_kind kind, struct bytes data)
{
	struct tech_in in = {.kind = kind, .data = data, .now_ns = live_now(s->net), .why = TECH_WHY_RESET};
	tech_conn_input(&p->tech, &in, &s->outs);
	take_outputs(s, p);
}

/* ---- HTTP/2 */

static void pump(struct peer *p)
{
	struct h2_note n;
	char text[160];
	while (h2_front_note(p->front, &n)) {
		snprintf(text, sizeof text, n.stream ? "[%u] %s" : "%.0u%s", (unsigned)n.stream, n.text);
		live_tap_unit(p->tap, n.up, text);
	}
	struct bytes out;
	while ((out = h2_front_out(p->front)).n) {
		if (p->conn)
			live_write(p->conn, out);
		h2_front_sent(p->front, out.n);
	}
	if (p->front->ended && p->conn)
		live_close(p->conn);
}

/* The endpoint for HTTP/1.1 that the connection began with goes; one for each stream takes its place. */
static bool become_h2(struct serve *s, struct peer *p)
{
	tech_conn_input(
		&p->tech, &(struct tech_in){.kind = TECH_IN_RESET, .now_ns = live_now(s->net)}, &s->outs);
	take_outputs(s, p);
	p->front = xcalloc(1, sizeof *p->front);
	live_tap_say(p->tap, "HTTP/2, with prior knowledge");
	return h2_front_init(p->front, &alloc_libc, &s->server);
}

static void first_data(struct serve *s, struct peer *p, struct bytes data)
{
	buf_add(&p->first, data);
	int h2 = h2_front_sniff(buf_bytes(&p->first));
	if (h2 < 0)
		return;
	p->sniffed = true;
	if (h2 && become_h2(s, p)) {
		h2_front_data(p->front, buf_bytes(&p->first), live_now(s->net));
		pump(p);
	} else if (!h2) {
		live_tap_received(p->tap, buf_bytes(&p->first));
		input(s, p, TECH_IN_DATA, buf_bytes(&p->first));
	}
	buf_fini(&p->first);
}

static void received(struct serve *s, struct peer *p, struct bytes data)
{
	if (!p->sniffed) {
		first_data(s, p, data);
	} else if (p->front) {
		h2_front_data(p->front, data, live_now(s->net));
		pump(p);
	} else {
		live_tap_received(p->tap, data);
		input(s, p, TECH_IN_DATA, data);
	}
}

static int64_t wake_at(const struct peer *p)
{
	return p->front ? h2_front_wake_at(p->front) : tech_conn_wake_at(&p->tech);
}

static void wake(struct serve *s, struct peer *p)
{
	if (!p->front) {
		input(s, p, TECH_IN_TIME, BYTES_NONE);
		return;
	}
	h2_front_time(p->front, live_now(s->net));
	pump(p);
}

static void stop(struct serve *s, struct peer *p)
{
	if (!p->front) {
		input(s, p, TECH_IN_STOP, BYTES_NONE);
		return;
	}
	h2_front_stop(p->front, live_now(s->net));
	pump(p);
}

/* Outputs of a fan-out belong to a connection, or to a stream of one. */
static void fanned(struct serve *s, struct tech_conn *c)
{
	for (struct peer *p = s->peers; p; p = p->next) {
		if (c == &p->tech) {
			take_outputs(s, p);
			return;
		}
		if (p->front && h2_front_take(p->front, c, &s->outs)) {
			pump(p);
			return;
		}
	}
}

/* ---- messages */

static void publish(struct serve *s)
{
	struct tech_conn *c;
	struct tech_msg *m =
		tech_msg_new(&alloc_libc, "live", s->published + 1, s->published + 1, s->job->size_bytes);
	if (!m)
		return;
	s->published++;
	m->to_lo = 1;
	m->to_hi = UINT32_MAX;
	m->at_ns = live_now(s->net);
	tech_server_publish(&s->server, m);
	while ((c = tech_server_fan(&s->server, m->at_ns, &s->outs)))
		fanned(s, c);
	tech_msg_unref(m);
}

/* ---- the loop */

static void accepted(struct serve *s, struct live_conn *c)
{
	struct peer *p = xcalloc(1, sizeof *p);
	p->conn = c;
	p->tap = live_tap_new(s->show, true);
	buf_init(&p->first, &alloc_libc, 65536);
	tech_conn_init(&p->tech, &s->server);
	live_set_owner(c, p);
	p->next = s->peers;
	s->peers = p;
	input(s, p, TECH_IN_UP, BYTES_NONE);
}

static void reap(struct serve *s)
{
	for (struct peer **at = &s->peers; *at;) {
		struct peer *p = *at;
		if (!p->gone) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		if (p->front)
			h2_front_fini(p->front);
		xfree(p->front);
		buf_fini(&p->first);
		tech_conn_fini(&p->tech);
		live_tap_free(p->tap);
		xfree(p);
	}
}

static int64_t deadline(const struct serve *s, int64_t end_ns)
{
	int64_t at = end_ns;
	if (s->next_ns < at && (!s->job->count || s->published < s->job->count))
		at = s->next_ns;
	for (struct peer *p = s->peers; p; p = p->next)
		if (wake_at(p) < at)
			at = wake_at(p);
	return at;
}

static void due(struct serve *s)
{
	int64_t now = live_now(s->net);
	for (struct peer *p = s->peers; p; p = p->next)
		if (!p->gone && wake_at(p) <= now)
			wake(s, p);
	if (now < s->next_ns || (s->job->count && s->published >= s->job->count))
		return;
	publish(s);
	s->next_ns += s->job->every_ns;
	if (s->next_ns <= now)
		s->next_ns = now + s->job->every_ns;
}

static bool handle(struct serve *s, const struct live_ev *ev)
{
	struct peer *p = ev->conn ? live_owner(ev->conn) : NULL;
	switch (ev->kind) {
	case LIVE_ACCEPT:
		accepted(s, ev->conn);
		break;
	case LIVE_DATA:
		if (!p || p->gone)
			break;
		received(s, p, ev->data);
		break;
	case LIVE_EOF:
		if (!p || p->gone)
			break;
		if (p->front)
			live_tap_say(p->tap, "the client has closed the connection");
		else
			input(s, p, TECH_IN_EOF, BYTES_NONE);
		if (p->conn)
			live_close(p->conn);
		drop(p);
		break;
	case LIVE_GONE:
		if (!p || p->gone)
			break;
		live_tap_say(p->tap, "the client is gone: %s", strerror(ev->error));
		p->conn = NULL;
		input(s, p, TECH_IN_RESET, BYTES_NONE);
		drop(p);
		break;
	case LIVE_STOP:
		return false;
	default:
		break;
	}
	return true;
}

static void serve_loop(struct serve *s)
{
	struct live_ev ev;
	int64_t end_ns = s->job->for_ns ? live_now(s->net) + s->job->for_ns : INT64_MAX;
	for (bool go = true; go && live_now(s->net) < end_ns;) {
		live_wait(s->net, deadline(s, end_ns), &ev);
		go = handle(s, &ev);
		due(s);
		reap(s);
	}
	for (struct peer *p = s->peers; p; p = p->next)
		if (!p->gone)
			stop(s, p);
	int64_t grace_ns = live_now(s->net) + 200000000; /* so that Close frames and FINs get out */
	while (s->peers && live_wait(s->net, grace_ns, &ev) != LIVE_TIME) {
		handle(s, &ev);
		reap(s);
	}
}

static int listening(struct live_net *n, const struct live_job *j, const char *what)
{
	unsigned port;
	const char *why = "";
	if (live_listen(n, j->host, j->port, &port, &why) < 0) {
		ui_error("live serve: cannot listen on %s:%s: %s", j->host, j->port, why);
		return EXIT_ENV;
	}
	fprintf(stderr, "%s at http://%s:%u/ (Ctrl-C ends it)\n", what, j->host, port);
	return EXIT_FINE;
}

int live_serve(struct live_net *n, const struct live_job *j)
{
	int kind = tech_find(j->technique);
	struct serve s = {.net = n, .job = j};
	int rc = listening(n, j, tech_def((enum tech_kind)kind)->title);
	if (rc)
		return rc;
	struct buf page;
	tech_server_init(&s.server, &alloc_libc);
	s.server.keepalive_ns = 5000000000;
	tech_site_init(&s.site, &alloc_libc, (enum tech_kind)kind, &j->opts, NULL, j->host);
	tech_server_add(&s.server, &s.site);
	tech_outs_init(&s.outs, &alloc_libc);
	buf_init(&page, &alloc_libc, 65536);
	put_page(&page, &s.site, &j->opts);
	struct tech_page pages[] = {{"/", "text/html; charset=utf-8", buf_bytes(&page)}};
	s.server.pages = pages;
	s.server.n_pages = 1;
	s.show = live_show_new(n, j->quiet);
	s.next_ns = live_now(n) + j->every_ns;
	serve_loop(&s);
	for (struct peer *p = s.peers; p; p = p->next)
		p->gone = true;
	reap(&s);
	live_show_free(s.show);
	tech_outs_fini(&s.outs);
	tech_site_fini(&s.site);
	tech_server_fini(&s.server);
	buf_fini(&page);
	return EXIT_FINE;
}

/* ---- echo */

struct echo_peer {
	struct ws_echo ws;
	struct live_tap *tap;
};

static void echo_out(struct live_conn *c, struct echo_peer *e)
{
	live_tap_sent(e->tap, buf_bytes(&e->ws.out));
	live_write(c, buf_bytes(&e->ws.out));
	buf_clear(&e->ws.out);
	if (e->ws.err.what)
		live_tap_say(e->tap, "%s (%s)", e->ws.err.what, e->ws.err.ref);
	if (e->ws.state == WS_ECHO_DONE)
		live_close(c);
}

static void echo_free(struct live_conn *c)
{
	struct echo_peer *e = live_owner(c);
	if (!e)
		return;
	live_set_owner(c, NULL);
	ws_echo_fini(&e->ws);
	live_tap_free(e->tap);
	xfree(e);
}

int live_serve_echo(struct live_net *n, const struct live_job *j)
{
	int rc = listening(n, j, "WebSocket echo");
	if (rc)
		return rc;
	struct live_show *show = live_show_new(n, j->quiet);
	int64_t end_ns = j->for_ns ? live_now(n) + j->for_ns : INT64_MAX;
	struct live_ev ev;
	while (live_wait(n, end_ns, &ev) != LIVE_STOP && live_now(n) < end_ns) {
		struct echo_peer *e = ev.conn ? live_owner(ev.conn) : NULL;
		if (ev.kind == LIVE_ACCEPT) {
			e = xcalloc(1, sizeof *e);
			ws_echo_init(&e->ws, &alloc_libc, WS_SERVER, 0);
			e->tap = live_tap_new(show, true);
			live_set_owner(ev.conn, e);
		} else if (ev.kind == LIVE_DATA && e) {
			live_tap_received(e->tap, ev.data);
			ws_echo_data(&e->ws, ev.data);
			echo_out(ev.conn, e);
		} else if (ev.kind == LIVE_EOF || ev.kind == LIVE_GONE) {
			if (ev.kind == LIVE_EOF)
				live_close(ev.conn);
			echo_free(ev.conn);
		}
	}
	live_each(n, echo_free);
	live_show_free(show);
	return EXIT_FINE;
}
