/*
 * HTTP/2: frames there and back, where faults are known, and whole sessions with libnghttp2 as the peer in both roles.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <nghttp2/nghttp2.h>

#include "proto/base/codec.h"
#include "proto/h2/session.h"
#include "tests/support/alloc_probe.h"

static struct buf from_hex(const char *hex)
{
	struct buf b;
	buf_init(&b, &alloc_libc, SIZE_MAX);
	assert_true(hex_get(&b, bytes_str(hex)));
	return b;
}

static void frames_are_written_back_as_they_were(void **state)
{
	static const char *const frames[] = {"00000600000000000573616d706c65",
		"000009000900000001026869 6869 61610000", "000003010400000001828684",
		"00000801240000000380000001ff828684", "0000050200000000058000000310",
		"00000403000000000700000008", "00000c040000000000000300000080000400100000",
		"000000040100000000", "00000705040000000100000002828684",
		"0000080600000000003132333435363738", "00000c070000000000000000070000000b63616c6d",
		"0000040800000000000000ffff", "000002090400000001ff82", "0000020a00000000016869",
		"000001ff55000000 0161"};
	(void)state;
	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		struct buf in = from_hex(frames[i]), out;
		struct h2_dec d;
		struct h2_frame f;
		buf_init(&out, &alloc_libc, SIZE_MAX);
		h2_dec_init(&d, &alloc_libc, 0);
		h2_dec_feed(&d, buf_bytes(&in));
		if (h2_dec_next(&d, &f) != 1)
			fail_msg("frame %zu: %s", i, d.fault.err.what ? d.fault.err.what : "incomplete");
		h2_frame_write(&out, &f);
		assert_int_equal(out.n, in.n);
		if (f.pad_len == 0)
			assert_memory_equal(out.p, in.p, in.n);
		assert_int_equal(h2_dec_next(&d, &f), 0);
		h2_dec_fini(&d);
		buf_fini(&in);
		buf_fini(&out);
	}
}

/* The number of octets after which the decoder knows. */
static void a_fault_is_known_as_early_as_it_can_be(void **state)
{
	static const struct {
		const char *hex;
		size_t at;
		int code;
	} rows[] = {{"00000906000000000031323334353637383 9", 9, H2_FRAME_SIZE_ERROR},
		{"0000040001000000006f6f7073", 9, H2_PROTOCOL_ERROR},
		{"004001000000000001", 9, H2_FRAME_SIZE_ERROR},
		{"000003000800000003206162", 12, H2_PROTOCOL_ERROR},
		{"000006040000000000000200000002", 15, H2_PROTOCOL_ERROR},
		{"000004080000000000 00000000", 13, H2_PROTOCOL_ERROR}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf in = from_hex(rows[i].hex);
		struct h2_dec d;
		struct h2_frame f;
		size_t n = 0;
		h2_dec_init(&d, &alloc_libc, 0);
		while (n < in.n && h2_dec_next(&d, &f) == 0)
			h2_dec_feed(&d, bytes_sub(buf_bytes(&in), n++, 1));
		assert_int_equal(h2_dec_next(&d, &f), -1);
		assert_int_equal(n, rows[i].at);
		assert_int_equal(d.fault.err.code, rows[i].code);
		h2_dec_fini(&d);
		buf_fini(&in);
	}
}

/* ---- libnghttp2 as the peer ---- */

#define BODY_MAX 300000

struct peer {
	nghttp2_session *s;
	struct buf got; /* DATA octets */
	char status[8], path[64], trailer[64];
	unsigned closed, headers;
	uint32_t error;
	size_t to_send, sent; /* body of our own */
	int32_t stream;
};

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name, size_t nn,
	const uint8_t *value, size_t vn, uint8_t flags, void *user)
{
	struct peer *p = user;
	(void)s;
	(void)flags;
	(void)f;
	if (nn == 7 && !memcmp(name, ":status", 7))
		snprintf(p->status, sizeof p->status, "%.*s", (int)vn, (const char *)value);
	if (nn == 5 && !memcmp(name, ":path", 5))
		snprintf(p->path, sizeof p->path, "%.*s", (int)vn, (const char *)value);
	if (nn == 9 && !memcmp(name, "x-trailer", 9))
		snprintf(p->trailer, sizeof p->trailer, "%.*s", (int)vn, (const char *)value);
	return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user)
{
	(void)s;
	(void)flags;
	(void)id;
	buf_add(&((struct peer *)user)->got, (struct bytes){data, n});
	return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *user)
{
	(void)s;
	(void)id;
	((struct peer *)user)->closed++;
	((struct peer *)user)->error |= code;
	return 0;
}

static ssize_t read_body(nghttp2_session *s, int32_t id, uint8_t *out, size_t n, uint32_t *flags,
	nghttp2_data_source *src, void *user)
{
	struct peer *p = user;
	(void)s;
	(void)id;
	(void)src;
	if (n > p->to_send - p->sent)
		n = p->to_send - p->sent;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)((p->sent + i) * 7);
	p->sent += n;
	if (p->sent == p->to_send)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
	struct peer *p = user;
	if (f->hd.type == NGHTTP2_HEADERS)
		p->headers++;
	/* As a server: answer when the request is complete. */
	if (nghttp2_session_check_server_session(s) && (f->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
		(f->hd.type == NGHTTP2_DATA || f->hd.type == NGHTTP2_HEADERS)) {
		nghttp2_nv nv[] = {{(uint8_t *)":status", (uint8_t *)"200", 7, 3, 0},
			{(uint8_t *)"x-from", (uint8_t *)"nghttp2", 6, 7, 0}};
		nghttp2_data_provider prd = {.read_callback = read_body};
		assert_int_equal(
			nghttp2_submit_response(s, f->hd.stream_id, nv, 2, p->to_send ? &prd : NULL), 0);
	}
	return 0;
}

static void peer_open(struct peer *p, bool server)
{
	nghttp2_session_callbacks *cb;
	memset(p, 0, sizeof *p);
	buf_init(&p->got, &alloc_libc, SIZE_MAX);
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	if (server)
		nghttp2_session_server_new(&p->s, cb, p);
	else
		nghttp2_session_client_new(&p->s, cb, p);
	nghttp2_session_callbacks_del(cb);
	nghttp2_settings_entry iv[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 50}};
	assert_int_equal(nghttp2_submit_settings(p->s, NGHTTP2_FLAG_NONE, iv, 1), 0);
}

static void peer_close(struct peer *p)
{
	nghttp2_session_del(p->s);
	buf_fini(&p->got);
}

typedef void event_fn(struct h2_conn *c, const struct h2_event *ev, void *user);

/* Carries octets to and fro until both are still. Pieces of `piece` octets go to our side. */
static void talk(struct peer *p, struct h2_conn *c, size_t piece, event_fn *on_event, void *user)
{
	for (bool moved = true; moved;) {
		const uint8_t *out;
		ssize_t n;
		moved = false;
		while ((n = nghttp2_session_mem_send(p->s, &out)) > 0) {
			moved = true;
			for (size_t at = 0; at < (size_t)n; at += piece) {
				struct h2_event ev;
				size_t k = (size_t)n - at < piece ? (size_t)n - at : piece;
				assert_true(h2_conn_feed(c, (struct bytes){out + at, k}));
				while (h2_conn_next(c, &ev) == 1) {
					if (ev.kind == H2_EV_CONN_FAULT || ev.kind == H2_EV_STREAM_FAULT)
						fail_msg("we blame nghttp2: %s", ev.fault.err.what);
					on_event(c, &ev, user);
				}
			}
		}
		assert_true(n == 0);
		on_event(c, &(struct h2_event){.kind = H2_EV_NONE}, user);
		struct bytes o = h2_conn_out(c);
		if (o.n) {
			moved = true;
			ssize_t used = nghttp2_session_mem_recv(p->s, o.p, o.n);
			if (used != (ssize_t)o.n)
				fail_msg("nghttp2 refuses: %s", nghttp2_strerror((int)used));
			h2_conn_sent(c, o.n);
		}
	}
}

struct app {
	uint8_t *body;
	size_t body_n, sent;
	uint32_t stream;
	struct buf got;
	bool trailers, ended;
	int status;
};

/* Our server: answers with as much body as windows allow, then trailers. */
static void serve(struct h2_conn *c, const struct h2_event *ev, void *user)
{
	struct app *a = user;
	struct hfield head[] = {{BYTES_LIT(":status"), BYTES_LIT("200"), false},
		{BYTES_LIT("x-secret"), BYTES_LIT("s"), true}};
	struct hfield tail[] = {{BYTES_LIT("x-trailer"), BYTES_LIT("done"), false}};
	if (ev->kind == H2_EV_DATA)
		buf_add(&a->got, ev->data);
	if ((ev->kind == H2_EV_HEADERS || ev->kind == H2_EV_DATA) && ev->end_stream) {
		a->stream = ev->stream;
		assert_true(h2_conn_headers(c, ev->stream, head, 2, false));
	}
	if (a->stream && !a->ended) {
		a->sent += h2_conn_data(
			c, a->stream, (struct bytes){a->body + a->sent, a->body_n - a->sent}, false);
		if (a->sent == a->body_n) {
			assert_true(h2_conn_headers(c, a->stream, tail, 1, true));
			a->ended = true;
		}
	}
}

static uint8_t *pattern(size_t n)
{
	uint8_t *p = malloc(n ? n : 1);
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 13 + i / 256);
	return p;
}

static void our_server_serves_nghttp2(void **state)
{
	static const size_t sizes[] = {0, 1, 16384, 16385, 65535, 65536, BODY_MAX};
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct h2_conn c;
		struct peer p;
		struct app a = {.body = pattern(sizes[i]), .body_n = sizes[i]};
		struct h2_local local = h2_local_default();
		buf_init(&a.got, &alloc_libc, SIZE_MAX);
		assert_true(h2_conn_init(&c, &alloc_libc, H2_SERVER, &local));
		peer_open(&p, false);
		p.to_send = sizes[i];
		nghttp2_nv nv[] = {{(uint8_t *)":method", (uint8_t *)"POST", 7, 4, 0},
			{(uint8_t *)":scheme", (uint8_t *)"http", 7, 4, 0},
			{(uint8_t *)":path", (uint8_t *)"/up", 5, 3, 0},
			{(uint8_t *)":authority", (uint8_t *)"a.test", 10, 6, 0}};
		nghttp2_data_provider prd = {.read_callback = read_body};
		assert_true(nghttp2_submit_request(p.s, NULL, nv, 4, &prd, NULL) > 0);
		talk(&p, &c, 1000 + i, serve, &a);
		assert_string_equal(p.status, "200");
		assert_string_equal(p.trailer, "done");
		assert_int_equal(p.got.n, sizes[i]);
		assert_true(bytes_eq(buf_bytes(&p.got), (struct bytes){a.body, a.body_n}));
		assert_int_equal(a.got.n, sizes[i]);
		assert_int_equal(p.closed, 1);
		assert_int_equal(p.error, 0);
		assert_int_equal(c.stream_count, 0);
		free(a.body);
		buf_fini(&a.got);
		peer_close(&p);
		h2_conn_fini(&c);
	}
}

/* Our client: sends its body as windows allow. */
static void ask(struct h2_conn *c, const struct h2_event *ev, void *user)
{
	struct app *a = user;
	if (ev->kind == H2_EV_HEADERS)
		a->status = ev->status;
	if (ev->kind == H2_EV_DATA)
		buf_add(&a->got, ev->data);
	if ((ev->kind == H2_EV_HEADERS || ev->kind == H2_EV_DATA) && ev->end_stream)
		a->ended = true;
	if (a->sent < a->body_n)
		a->sent += h2_conn_data(
			c, a->stream, (struct bytes){a->body + a->sent, a->body_n - a->sent}, true);
}

static void our_client_asks_nghttp2(void **state)
{
	static const size_t sizes[] = {1, 16385, 65536, BODY_MAX};
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct h2_conn c;
		struct peer p;
		struct app a = {.body = pattern(sizes[i]), .body_n = sizes[i]};
		struct h2_local local = h2_local_default();
		struct hfield req[] = {{BYTES_LIT(":method"), BYTES_LIT("POST"), false},
			{BYTES_LIT(":scheme"), BYTES_LIT("http"), false},
			{BYTES_LIT(":path"), BYTES_LIT("/down"), false},
			{BYTES_LIT(":authority"), BYTES_LIT("a.test"), false},
			{BYTES_LIT("authorization"), BYTES_LIT("secret"), true}};
		buf_init(&a.got, &alloc_libc, SIZE_MAX);
		assert_true(h2_conn_init(&c, &alloc_libc, H2_CLIENT, &local));
		peer_open(&p, true);
		p.to_send = sizes[i];
		a.stream = h2_conn_request(&c, req, 5, false);
		assert_int_equal(a.stream, 1);
		talk(&p, &c, 777, ask, &a);
		assert_string_equal(p.path, "/down");
		assert_int_equal(a.status, 200);
		assert_true(a.ended);
		assert_int_equal(p.got.n, sizes[i]);
		assert_true(bytes_eq(buf_bytes(&p.got), (struct bytes){a.body, a.body_n}));
		assert_int_equal(a.got.n, sizes[i]);
		assert_int_equal(c.stream_count, 0);
		free(a.body);
		buf_fini(&a.got);
		peer_close(&p);
		h2_conn_fini(&c);
	}
}

static void serve_many(struct h2_conn *c, const struct h2_event *ev, void *user)
{
	struct hfield head[] = {{BYTES_LIT(":status"), BYTES_LIT("204"), false}};
	if (ev->kind == H2_EV_HEADERS) {
		assert_true(h2_conn_headers(c, ev->stream, head, 1, true));
		(*(unsigned *)user)++;
	}
}

static void a_thousand_requests_go_over_one_connection(void **state)
{
	struct h2_conn c;
	struct peer p;
	unsigned served = 0;
	struct h2_local local = h2_local_default();
	(void)state;
	assert_true(h2_conn_init(&c, &alloc_libc, H2_SERVER, &local));
	peer_open(&p, false);
	for (int i = 0; i < 1000; i++) {
		char path[32];
		snprintf(path, sizeof path, "/n/%d", i);
		nghttp2_nv nv[] = {{(uint8_t *)":method", (uint8_t *)"GET", 7, 3, 0},
			{(uint8_t *)":scheme", (uint8_t *)"http", 7, 4, 0},
			{(uint8_t *)":path", (uint8_t *)path, 5, strlen(path), 0},
			{(uint8_t *)":authority", (uint8_t *)"a.test", 10, 6, 0}};
		assert_true(nghttp2_submit_request(p.s, NULL, nv, 4, NULL, NULL) > 0);
		talk(&p, &c, 50, serve_many, &served);
	}
	assert_int_equal(served, 1000);
	assert_int_equal(p.closed, 1000);
	assert_string_equal(p.status, "204");
	peer_close(&p);
	h2_conn_fini(&c);
}

static void windows_below_zero_hold_data_back(void **state)
{
	struct h2_conn c;
	struct h2_event ev;
	struct h2_local local = h2_local_default();
	struct hfield req[] = {{BYTES_LIT(":method"), BYTES_LIT("POST"), false}};
	struct buf in;
	uint8_t *body = pattern(100);
	(void)state;
	assert_true(h2_conn_init(&c, &alloc_libc, H2_CLIENT, &local));
	uint32_t id = h2_conn_request(&c, req, 1, false);
	assert_int_equal(h2_conn_data(&c, id, (struct bytes){body, 100}, false), 100);
	in = from_hex("000006040000000000000400000032"); /* INITIAL_WINDOW_SIZE 50: the window is now -50 */
	h2_conn_feed(&c, buf_bytes(&in));
	assert_int_equal(h2_conn_next(&c, &ev), 1);
	assert_true(h2_conn_stream(&c, id)->send_window == -50);
	assert_int_equal(h2_conn_data(&c, id, (struct bytes){body, 100}, false), 0);
	buf_fini(&in);
	in = from_hex("00000408000000000100000037");
	h2_conn_feed(&c, buf_bytes(&in));
	assert_int_equal(h2_conn_next(&c, &ev), 1);
	assert_int_equal(h2_conn_data(&c, id, (struct bytes){body, 100}, true), 5);
	buf_fini(&in);
	free(body);
	h2_conn_fini(&c);
}

/* What we advertise holds to the octet, and a smaller window holds only once the peer has acknowledged it. */
static void receive_windows_are_what_was_advertised(void **state)
{
	struct h2_conn c;
	struct h2_event ev;
	struct h2_local local = h2_local_default();
	struct buf in;
	(void)state;
	local.initial_window = 100;
	local.manual_window = true;
	assert_true(h2_conn_init(&c, &alloc_libc, H2_SERVER, &local));
	h2_conn_feed(&c, bytes_str(H2_PREFACE));
	in = from_hex("000000040000000000"
		      "00000b010400000001 83864106 682e74657374 84" /* POST, h.test */
		      "0000960000000000 01");
	for (int i = 0; i < 150; i++)
		buf_u8(&in, 'x');
	h2_conn_feed(&c, buf_bytes(&in));
	assert_int_equal(h2_conn_next(&c, &ev), 1);
	assert_int_equal(ev.kind, H2_EV_SETTINGS);
	assert_int_equal(h2_conn_next(&c, &ev), 1);
	assert_int_equal(ev.kind, H2_EV_HEADERS);
	assert_int_equal(
		h2_conn_next(&c, &ev), 1); /* 150 octets, before the ACK: the default window still holds */
	assert_int_equal(ev.kind, H2_EV_DATA);
	buf_fini(&in);
	in = from_hex("000000040100000000 000000000000000001 000001000000000001 78");
	h2_conn_feed(&c, buf_bytes(&in));
	assert_int_equal(h2_conn_next(&c, &ev), 1);
	assert_int_equal(ev.kind, H2_EV_SETTINGS_ACK);
	assert_true(h2_conn_stream(&c, 1)->recv_window == -50);
	assert_int_equal(h2_conn_next(&c, &ev), 1); /* an empty frame needs no window */
	assert_int_equal(ev.kind, H2_EV_DATA);
	assert_int_equal(h2_conn_next(&c, &ev), 1);
	assert_int_equal(ev.kind, H2_EV_STREAM_FAULT);
	assert_int_equal(ev.code, H2_FLOW_CONTROL_ERROR);
	buf_fini(&in);
	h2_conn_fini(&c);
}

static void a_failing_allocation_leaks_nothing_when_sending(void **state)
{
	struct alloc_probe probe;
	size_t n = 0;
	(void)state;
	do {
		struct h2_conn c;
		struct h2_local local = h2_local_default();
		struct hfield req[] = {{BYTES_LIT(":method"), BYTES_LIT("GET"), false},
			{BYTES_LIT("x-a"), BYTES_LIT("1"), false}};
		alloc_probe_arm(&probe, ++n);
		if (h2_conn_init(&c, &probe.al, H2_CLIENT, &local)) {
			uint32_t id = h2_conn_request(&c, req, 2, false);
			h2_conn_data(&c, id, BYTES_LIT("hello"), true);
			h2_conn_goaway(&c, H2_NO_ERROR, "bye");
		}
		h2_conn_fini(&c);
		assert_int_equal(probe.live, 0);
	} while (probe.failed);
}

/* A long answer on one stream is answered by thousands of WINDOW_UPDATE frames; that is no flood. */
static void a_long_stream_is_no_flood(void **state)
{
	struct h2_conn c;
	struct h2_event ev;
	struct h2_local local = h2_local_default();
	struct hfield ok[] = {{BYTES_LIT(":status"), BYTES_LIT("200"), false}};
	struct buf in = from_hex("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a000000040000000000000006010"
				 "500000001828684010161");
	uint8_t *body = pattern(16384);
	(void)state;
	assert_true(h2_conn_init(&c, &alloc_libc, H2_SERVER, &local));
	h2_conn_feed(&c, buf_bytes(&in));
	while (h2_conn_next(&c, &ev) == 1 && ev.kind != H2_EV_HEADERS)
		assert_int_not_equal(ev.kind, H2_EV_CONN_FAULT);
	assert_true(h2_conn_headers(&c, 1, ok, 1, false));
	for (int i = 0; i < 5000; i++) {
		struct buf wu;
		assert_int_equal(h2_conn_data(&c, 1, (struct bytes){body, 16384}, false), 16384);
		h2_conn_sent(&c, h2_conn_out(&c).n);
		buf_init(&wu, &alloc_libc, SIZE_MAX);
		h2_write_window_update(&wu, 0, 16384);
		h2_write_window_update(&wu, 1, 16384);
		h2_conn_feed(&c, buf_bytes(&wu));
		while (h2_conn_next(&c, &ev) == 1)
			assert_int_equal(ev.kind, H2_EV_WINDOW);
		buf_fini(&wu);
	}
	assert_int_not_equal(c.state, H2_CONN_CLOSED);
	free(body);
	buf_fini(&in);
	h2_conn_fini(&c);
}

/* Frames never end where a read ends: what has been given out must not pile up. */
static void a_long_connection_keeps_little(void **state)
{
	static const uint8_t ping[17] = {0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
	struct h2_dec d;
	struct h2_frame f;
	unsigned frames = 0;
	uint8_t chunk[1000];
	size_t at = 0;
	(void)state;
	h2_dec_init(&d, &alloc_libc, 0);
	for (int round = 0; round < 3000; round++) {
		for (size_t i = 0; i < sizeof chunk; i++)
			chunk[i] = ping[at++ % sizeof ping];
		assert_true(h2_dec_feed(&d, (struct bytes){chunk, sizeof chunk}));
		while (h2_dec_next(&d, &f) == 1)
			frames++;
	}
	assert_int_equal(frames, 3000 * sizeof chunk / sizeof ping);
	assert_in_range(d.in.cap, 1, 16384);
	h2_dec_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_written_back_as_they_were),
		cmocka_unit_test(a_fault_is_known_as_early_as_it_can_be),
		cmocka_unit_test(our_server_serves_nghttp2),
		cmocka_unit_test(our_client_asks_nghttp2),
		cmocka_unit_test(a_thousand_requests_go_over_one_connection),
		cmocka_unit_test(a_long_connection_keeps_little),
		cmocka_unit_test(a_long_stream_is_no_flood),
		cmocka_unit_test(windows_below_zero_hold_data_back),
		cmocka_unit_test(receive_windows_are_what_was_advertised),
		cmocka_unit_test(a_failing_allocation_leaks_nothing_when_sending),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
