/*
 * HTTP/2 in front of the server endpoints and behind the client endpoint: every technique brings its messages over it, also
 * octet by octet; content larger than the windows; many streams; WebSocket by extended CONNECT; memory that runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tech/h2_back.h"
#include "proto/tech/h2_front.h"
#include "tests/support/alloc_probe.h"

#define MS 1000000

struct world {
	const struct alloc *al;
	struct tech_opts opts;
	struct tech_server srv;
	struct tech_site site, client_site;
	struct h2_front front;
	struct h2_back back;
	struct tech_client client;
	struct tech_outs client_outs, fan_outs;
	int64_t now;
	size_t piece;
	uint64_t published, received, uploaded, lost;
};

static void client_input(
	struct world *w, enum tech_in_kind kind, uint32_t conn, struct bytes data, struct tech_msg *m)
{
	struct tech_in in = {
		.kind = kind, .conn = conn, .data = data, .now_ns = w->now, .msg = m, .why = TECH_WHY_RESET};
	struct tech_out o;
	tech_client_input(&w->client, &in, &w->client_outs);
	while (tech_next(&w->client_outs, &o)) {
		if (o.kind == TECH_OUT_OPEN) {
			h2_back_open(&w->back, o.conn);
			client_input(w, TECH_IN_UP, o.conn, BYTES_NONE, NULL);
		} else if (o.kind == TECH_OUT_WRITE) {
			h2_back_write(&w->back, o.conn, slice_bytes(o.data));
			blob_unref(o.data.blob);
		} else if (o.kind == TECH_OUT_CLOSE || o.kind == TECH_OUT_ABORT) {
			h2_back_close(&w->back, o.conn);
		} else if (o.kind == TECH_OUT_MESSAGE) {
			w->received++;
		}
	}
}

static bool carry(struct world *w)
{
	struct bytes up = h2_back_out(&w->back), down = h2_front_out(&w->front);
	size_t n = up.n < w->piece ? up.n : w->piece, m = down.n < w->piece ? down.n : w->piece;
	if (n) {
		h2_front_data(&w->front, bytes_sub(up, 0, n), w->now);
		h2_back_sent(&w->back, n);
	}
	if (m) {
		down = h2_front_out(&w->front);
		m = down.n < m ? down.n : m;
		h2_back_data(&w->back, bytes_sub(down, 0, m));
		h2_front_sent(&w->front, m);
	}
	return n || m;
}

static void settle(struct world *w)
{
	unsigned lane;
	struct bytes data;
	enum h2_back_ev ev;
	struct h2_note note;
	for (bool go = true; go;) {
		go = carry(w);
		while ((ev = h2_back_next(&w->back, &lane, &data)) != H2_BACK_NONE) {
			go = true;
			w->lost += ev == H2_BACK_RESET;
			client_input(w,
				ev == H2_BACK_DATA  ? TECH_IN_DATA
				: ev == H2_BACK_EOF ? TECH_IN_EOF
						    : TECH_IN_RESET,
				lane, data, NULL);
		}
		while (h2_front_note(&w->front, &note))
			w->uploaded += strstr(note.text, "from the client") != NULL;
		while (h2_back_note(&w->back, &note))
			;
	}
}

static void put_out(struct world *w, uint32_t size)
{
	struct tech_conn *c;
	struct tech_msg *m = tech_msg_new(w->al, "live", w->published + 1, w->published + 1, size);
	if (!m)
		return;
	w->published++;
	m->to_lo = 1;
	m->to_hi = UINT32_MAX;
	tech_server_publish(&w->srv, m);
	while ((c = tech_server_fan(&w->srv, w->now, &w->fan_outs)))
		h2_front_take(&w->front, c, &w->fan_outs);
	tech_msg_unref(m);
}

static void publish(struct world *w, uint32_t size)
{
	put_out(w, size);
	settle(w);
}

static void pass_time(struct world *w, int64_t ns)
{
	for (int64_t end = w->now + ns; w->now < end; w->now += 50 * MS) {
		if (tech_client_wake_at(&w->client) <= w->now)
			client_input(w, TECH_IN_TIME, 0, BYTES_NONE, NULL);
		if (h2_front_wake_at(&w->front) <= w->now)
			h2_front_time(&w->front, w->now);
		settle(w);
	}
}

static bool world_open(struct world *w, const struct alloc *al, enum tech_kind kind, size_t piece)
{
	*w = (struct world){.al = al, .piece = piece, .now = 1000 * (int64_t)MS};
	w->opts = (struct tech_opts){.interval_ns = 200 * MS,
		.hold_ns = 5000 * (int64_t)MS,
		.heartbeat_ns = 15000 * (int64_t)MS,
		.heartbeat_timeout_ns = 20000 * (int64_t)MS,
		.reconnect = {.first_ns = 100 * MS, .max_ns = 1000 * MS, .factor_milli = 2000},
		.resume = true,
		.keepalive_conn = true,
		.headers = {.kind = TECH_HEADERS_BROWSER}};
	tech_server_init(&w->srv, al);
	tech_site_init(&w->site, al, kind, &w->opts, NULL, "h.test");
	tech_site_init(&w->client_site, al, kind, &w->opts, NULL, "h.test");
	tech_server_add(&w->srv, &w->site);
	tech_outs_init(&w->client_outs, al);
	tech_outs_init(&w->fan_outs, al);
	tech_client_init(&w->client, &w->client_site, 1);
	bool front = h2_front_init(&w->front, al, &w->srv), back = h2_back_init(&w->back, al);
	return front && back;
}

static void world_close(struct world *w)
{
	h2_front_fini(&w->front);
	h2_back_fini(&w->back);
	tech_client_fini(&w->client);
	tech_outs_fini(&w->client_outs);
	tech_outs_fini(&w->fan_outs);
	tech_site_fini(&w->site);
	tech_site_fini(&w->client_site);
	tech_server_fini(&w->srv);
}

static void run(struct world *w, uint32_t size)
{
	client_input(w, TECH_IN_START, 0, BYTES_NONE, NULL);
	settle(w);
	pass_time(w, 300 * MS);
	for (int i = 0; i < 5; i++) {
		publish(w, size);
		pass_time(w, 300 * MS);
	}
	struct tech_msg *m = tech_msg_new(w->al, "up", 1, 1, size);
	if (m) {
		client_input(w, TECH_IN_PUBLISH, 0, BYTES_NONE, m);
		settle(w);
		pass_time(w, 300 * MS);
		tech_msg_unref(m);
	}
	client_input(w, TECH_IN_STOP, 0, BYTES_NONE, NULL);
	settle(w);
	h2_front_stop(&w->front, w->now);
	settle(w);
}

static void every_technique_brings_its_messages(void **state)
{
	static const enum tech_kind kinds[] = {TECH_POLLING, TECH_LONG_POLLING, TECH_SSE, TECH_WEBSOCKET};
	static const struct {
		size_t piece;
		uint32_t size;
	} ways[] = {{SIZE_MAX, 92}, {1, 92}, {1000, 200000}, {SIZE_MAX, 900000}};
	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
			struct world w;
			assert_true(world_open(&w, &alloc_libc, kinds[k], ways[i].piece));
			run(&w, ways[i].size);
			assert_int_equal(w.published, 5);
			assert_int_equal(w.received, 5);
			assert_int_equal(w.uploaded, 1);
			assert_int_equal(w.lost, 0);
			assert_null(w.front.streams);
			world_close(&w);
		}
}

/* Answers of the front to a client made by hand. */
static struct h2_event ask(struct world *w, struct h2_conn *c, const struct hfield *f, size_t n,
	size_t content, unsigned *status)
{
	struct h2_event ev;
	uint8_t *body = calloc(1, content + 1);
	uint32_t id = h2_conn_request(c, f, n, content == 0);
	size_t sent = 0;
	*status = 0;
	for (;;) {
		if (sent < content && h2_conn_stream(c, id))
			sent += h2_conn_data(c, id, (struct bytes){body + sent, content - sent}, true);
		h2_front_data(&w->front, h2_conn_out(c), w->now);
		h2_conn_sent(c, h2_conn_out(c).n);
		struct bytes down = h2_front_out(&w->front);
		if (!down.n)
			break;
		h2_conn_feed(c, down);
		h2_front_sent(&w->front, down.n);
		while (h2_conn_next(c, &ev) == 1) {
			if (ev.kind == H2_EV_HEADERS && ev.stream == id && ev.status >= 200)
				*status = (unsigned)ev.status;
			assert_true(ev.kind != H2_EV_CONN_FAULT);
		}
	}
	free(body);
	return ev;
}

/* Takes what the front sends; the octets of DATA among it. */
static size_t take_data(struct world *w)
{
	struct bytes b = h2_front_out(&w->front);
	size_t data = 0;
	for (size_t at = 0, n; at + 9 <= b.n; at += 9 + n) {
		n = (size_t)b.p[at] << 16 | (size_t)b.p[at + 1] << 8 | b.p[at + 2];
		data += b.p[at + 3] == H2_DATA ? n : 0;
	}
	h2_front_sent(&w->front, b.n);
	return data;
}

/* A client that reads a stream's head and opens its windows no more: what waits for it has a limit, to the octet. */
static void what_waits_for_a_client_has_a_limit(void **state)
{
	struct world w;
	struct h2_conn c;
	struct h2_local local = h2_local_default();
	const struct hfield get[] = {{BYTES_LIT(":method"), BYTES_LIT("GET"), false},
		{BYTES_LIT(":scheme"), BYTES_LIT("http"), false},
		{BYTES_LIT(":path"), BYTES_LIT("/events"), false},
		{BYTES_LIT(":authority"), BYTES_LIT("h.test"), false}};
	(void)state;
	assert_true(world_open(&w, &alloc_libc, TECH_SSE, SIZE_MAX));
	assert_true(h2_conn_init(&c, &alloc_libc, H2_CLIENT, &local));
	h2_conn_request(&c, get, 4, true);
	h2_front_data(&w.front, h2_conn_out(&c), w.now);
	w.published = 99; /* numbers of three digits throughout */
	size_t sent = take_data(&w), written = sent;
	put_out(&w, 1000);
	size_t event = take_data(&w), around = event - 1000;
	assert_true(event > 1000 && around < 100);
	for (written += event, sent += event; H2_FRONT_WAITING_MAX - (written - sent) > 200000;) {
		put_out(&w, 100000);
		written += 100000 + around;
		sent += take_data(&w);
	}
	assert_int_equal(sent, 65535); /* the windows no setting has changed */
	put_out(&w, (uint32_t)(H2_FRONT_WAITING_MAX - (written - sent) - around));
	assert_non_null(w.front.streams);
	assert_int_equal(h2_front_out(&w.front).n, 0);
	put_out(&w, 20);
	struct bytes reset = h2_front_out(&w.front);
	assert_true(reset.n == 13 && reset.p[3] == H2_RST_STREAM);
	h2_front_sent(&w.front, reset.n);
	put_out(&w, 20); /* nothing more for it */
	assert_int_equal(h2_front_out(&w.front).n, 0);
	h2_conn_fini(&c);
	world_close(&w);
}

/* And so has what waits for a server that opens no windows. */
static void what_waits_for_a_server_has_a_limit(void **state)
{
	struct h2_back b;
	unsigned lane;
	struct bytes data;
	static const char head[] = "POST /poll HTTP/1.1\r\nHost: h.test\r\nContent-Length: 9000000\r\n\r\n";
	uint8_t *content = calloc(1, H2_BACK_WAITING_MAX);
	(void)state;
	assert_non_null(content);
	assert_true(h2_back_init(&b, &alloc_libc));
	h2_back_open(&b, 0);
	h2_back_write(&b, 0, bytes_str(head));
	h2_back_write(&b, 0, (struct bytes){content, H2_BACK_WAITING_MAX});
	h2_back_sent(&b, h2_back_out(&b).n);
	assert_int_equal(h2_back_next(&b, &lane, &data), H2_BACK_NONE);
	h2_back_write(&b, 0, (struct bytes){content, 65535}); /* as many as the windows have let out */
	assert_int_equal(h2_back_next(&b, &lane, &data), H2_BACK_NONE);
	h2_back_write(&b, 0, (struct bytes){content, 1});
	assert_int_equal(h2_back_next(&b, &lane, &data), H2_BACK_RESET);
	h2_back_fini(&b);
	free(content);
}

static void requests_get_the_status_they_earn(void **state)
{
	struct world w;
	struct h2_conn c;
	struct h2_local local = h2_local_default();
	unsigned status;
	struct hfield get[] = {{BYTES_LIT(":method"), BYTES_LIT("GET"), false},
		{BYTES_LIT(":scheme"), BYTES_LIT("http"), false},
		{BYTES_LIT(":path"), BYTES_LIT("/poll"), false},
		{BYTES_LIT(":authority"), BYTES_LIT("h.test"), false}};
	(void)state;
	assert_true(world_open(&w, &alloc_libc, TECH_POLLING, SIZE_MAX));
	assert_true(h2_conn_init(&c, &alloc_libc, H2_CLIENT, &local));
	ask(&w, &c, get, 4, 0, &status);
	assert_int_equal(status, 200);
	get[2].value = BYTES_LIT("/nowhere");
	ask(&w, &c, get, 4, 0, &status);
	assert_int_equal(status, 404);
	get[0].value = BYTES_LIT("POST");
	get[2].value = BYTES_LIT("/poll");
	ask(&w, &c, get, 4, 300000,
		&status); /* no message of ours, but read to its end through the windows */
	assert_int_equal(status, 400);
	ask(&w, &c, get, 4, 1500000, &status);
	assert_int_equal(status, 413); /* the endpoint's limit */
	ask(&w, &c, get, 4, H2_FRONT_CONTENT_MAX + 1, &status);
	assert_int_equal(status, 413); /* our own */
	for (int i = 0; i < 300; i++) {
		get[0].value = BYTES_LIT("GET");
		ask(&w, &c, get, 4, 0, &status);
		assert_int_equal(status, 200);
	}
	assert_null(w.front.streams);
	h2_conn_fini(&c);
	world_close(&w);
}

static void the_preface_is_told_from_requests(void **state)
{
	(void)state;
	assert_int_equal(h2_front_sniff(bytes_str(H2_PREFACE)), 1);
	assert_int_equal(h2_front_sniff(BYTES_LIT("P")), -1);
	assert_int_equal(h2_front_sniff(BYTES_NONE), -1);
	assert_int_equal(h2_front_sniff(BYTES_LIT("POST / HTTP/1.1\r\n")), 0);
	assert_int_equal(h2_front_sniff(BYTES_LIT("GET")), 0);
	assert_int_equal(h2_front_sniff(BYTES_LIT("PRI * HTTP/1.1\r\n")), 0);
}

static void memory_that_runs_out_leaks_nothing(void **state)
{
	static const enum tech_kind kinds[] = {TECH_LONG_POLLING, TECH_SSE, TECH_WEBSOCKET};
	(void)state;
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		struct alloc_probe probe;
		size_t n = 0;
		do {
			struct world w;
			alloc_probe_arm(&probe, ++n);
			if (world_open(&w, &probe.al, kinds[k], SIZE_MAX))
				run(&w, 92);
			world_close(&w);
			assert_int_equal(probe.live, 0);
		} while (probe.failed);
		assert_true(n > 50);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_technique_brings_its_messages),
		cmocka_unit_test(what_waits_for_a_client_has_a_limit),
		cmocka_unit_test(what_waits_for_a_server_has_a_limit),
		cmocka_unit_test(requests_get_the_status_they_earn),
		cmocka_unit_test(the_preface_is_told_from_requests),
		cmocka_unit_test(memory_that_runs_out_leaks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
