/*
 * The limits of HTTP/2, HPACK, HTTP/3, QPACK and QUIC, each at its edge: what just fits passes, one more is refused, and the
 * error names the limit or its code is the one the standard has for it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/h2/session.h"
#include "proto/h3/h3.h"
#include "proto/qpack/qpack.h"
#include "proto/quic/quic.h"

/* ---- HTTP/2 */

struct side {
	struct h2_conn c;
	struct hpack_enc enc;
	struct buf in; /* what the client sends */
	uint32_t next;
};

static void server_open(struct side *s, const struct h2_local *local)
{
	assert_true(h2_conn_init(&s->c, &alloc_libc, H2_SERVER, local));
	buf_init(&s->in, &alloc_libc, SIZE_MAX);
	buf_str(&s->in, H2_PREFACE);
	h2_write_settings(&s->in, NULL, 0);
	s->next = 1;
}

static void server_close(struct side *s)
{
	h2_conn_fini(&s->c);
	buf_fini(&s->in);
}

/* Feeds what has gathered. Returns the last event of the kind, or one of kind NONE. */
static struct h2_event feed(struct side *s, enum h2_event_kind kind)
{
	struct h2_event ev, last = {.kind = H2_EV_NONE};
	h2_conn_feed(&s->c, buf_bytes(&s->in));
	buf_clear(&s->in);
	while (h2_conn_next(&s->c, &ev) == 1)
		if (ev.kind == kind)
			last = ev;
	h2_conn_sent(&s->c, h2_conn_out(&s->c).n);
	return last;
}

static void put_literal(struct buf *b, struct bytes name, size_t value_len)
{
	buf_u8(b, 0);
	hp_int_write(b, 0, 7, name.n);
	buf_add(b, name);
	hp_int_write(b, 0, 7, value_len);
	for (size_t i = 0; i < value_len; i++)
		buf_u8(b, 'v');
}

/* GET http / of h, which are 34 octets of block and 4 fields. */
static void put_request(struct buf *b)
{
	buf_add(b, BYTES_LIT("\x82\x86\x84\x01\x01h"));
}

static void put_block(struct side *s, struct bytes block, size_t piece)
{
	unsigned type = H2_HEADERS, flags = H2_FLAG_END_STREAM;
	do {
		size_t n = block.n < piece ? block.n : piece;
		h2_write_header(&s->in, (uint32_t)n, type, n == block.n ? flags | H2_FLAG_END_HEADERS : flags,
			s->next);
		buf_add(&s->in, bytes_sub(block, 0, n));
		block = bytes_sub(block, n, block.n - n);
		type = H2_CONTINUATION;
		flags = 0;
	} while (block.n);
	s->next += 2;
}

static void a_header_block_has_so_many_octets(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct side s;
		struct h2_local local = h2_local_default();
		struct buf block;
		server_open(&s, &local);
		buf_init(&block, &alloc_libc, SIZE_MAX);
		put_request(&block);
		while (H2_BLOCK_OCTETS_MAX + more - block.n > 15000)
			put_literal(&block, BYTES_LIT("x"), 10000);
		/* 1 + 1 + 1 octets before the value's length, which takes 3 */
		put_literal(&block, BYTES_LIT("x"), H2_BLOCK_OCTETS_MAX + more - block.n - 6);
		assert_int_equal(block.n, H2_BLOCK_OCTETS_MAX + more);
		put_block(&s, buf_bytes(&block), 16384);
		struct h2_event ev = feed(&s, more ? H2_EV_CONN_FAULT : H2_EV_HEADERS);
		assert_int_equal(ev.kind, more ? H2_EV_CONN_FAULT : H2_EV_HEADERS);
		if (more) {
			assert_int_equal(ev.code, H2_ENHANCE_YOUR_CALM);
			assert_non_null(strstr(ev.fault.err.what, "H2_BLOCK_OCTETS_MAX"));
		} else {
			assert_true(ev.too_large); /* over max_header_list long since */
		}
		buf_fini(&block);
		server_close(&s);
	}
}

static void a_header_block_has_so_many_frames(void **state)
{
	static const struct {
		unsigned frames, empty;
	} ways[] = {{H2_CONTINUATIONS_MAX, 0}, {H2_CONTINUATIONS_MAX + 1, 0},
		{20, H2_EMPTY_CONTINUATIONS_MAX}, {21, H2_EMPTY_CONTINUATIONS_MAX + 1}};
	(void)state;
	for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
		struct side s;
		struct h2_local local = h2_local_default();
		struct buf block;
		server_open(&s, &local);
		buf_init(&block, &alloc_libc, SIZE_MAX);
		put_request(&block);
		put_literal(&block, BYTES_LIT("x"), 1000);
		size_t at = 0;
		for (unsigned i = 0; i < ways[w].frames; i++) {
			bool last = i + 1 == ways[w].frames;
			size_t n = i < ways[w].empty ? 0 : last ? block.n - at : 1;
			h2_write_header(&s.in, (uint32_t)n, i ? H2_CONTINUATION : H2_HEADERS,
				(i ? 0 : H2_FLAG_END_STREAM) | (last ? H2_FLAG_END_HEADERS : 0), 1);
			buf_add(&s.in, bytes_sub(buf_bytes(&block), at, n));
			at += n;
		}
		struct h2_event ev = feed(&s, w % 2 ? H2_EV_CONN_FAULT : H2_EV_HEADERS);
		assert_int_equal(ev.kind, w % 2 ? H2_EV_CONN_FAULT : H2_EV_HEADERS);
		assert_int_equal(ev.code, w % 2 ? H2_ENHANCE_YOUR_CALM : 0);
		buf_fini(&block);
		server_close(&s);
	}
}

static void a_header_list_is_so_large(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct side s;
		struct h2_local local = h2_local_default();
		struct buf block;
		local.max_header_list = 1000;
		server_open(&s, &local);
		buf_init(&block, &alloc_libc, SIZE_MAX);
		put_request(&block);
		size_t have = 7 + 3 + 7 + 4 + 5 + 1 + 10 + 1 + 4 * 32;
		put_literal(&block, BYTES_LIT("x"), 1000 + more - have - 32 - 1);
		put_block(&s, buf_bytes(&block), 16384);
		struct h2_event ev = feed(&s, H2_EV_HEADERS);
		assert_int_equal(ev.kind, H2_EV_HEADERS);
		assert_int_equal(ev.too_large, more == 1);
		buf_fini(&block);
		server_close(&s);
	}
}

static void a_header_list_has_so_many_fields(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct side s;
		struct h2_local local = h2_local_default();
		struct buf block;
		local.max_header_list = 1u << 20;
		server_open(&s, &local);
		buf_init(&block, &alloc_libc, SIZE_MAX);
		put_request(&block);
		for (size_t i = 4; i < HFIELDS_COUNT_MAX + more; i++)
			put_literal(&block, BYTES_LIT("x"), 1);
		put_block(&s, buf_bytes(&block), 16384);
		struct h2_event ev = feed(&s, H2_EV_HEADERS);
		assert_int_equal(ev.kind, H2_EV_HEADERS);
		assert_int_equal(ev.too_large, more == 1);
		buf_fini(&block);
		server_close(&s);
	}
}

static void a_string_has_so_many_octets(void **state)
{
	(void)state;
	for (size_t more = 0; more < 2; more++) {
		struct side s;
		struct h2_local local = h2_local_default();
		struct buf block;
		local.max_header_list = 1u << 20;
		server_open(&s, &local);
		buf_init(&block, &alloc_libc, SIZE_MAX);
		put_request(&block);
		put_literal(&block, BYTES_LIT("x"), HPACK_STRING_MAX_DEFAULT + more);
		put_block(&s, buf_bytes(&block), 16384);
		struct h2_event ev = feed(&s, more ? H2_EV_CONN_FAULT : H2_EV_HEADERS);
		assert_int_equal(ev.kind, more ? H2_EV_CONN_FAULT : H2_EV_HEADERS);
		if (more) {
			assert_int_equal(ev.code, H2_COMPRESSION_ERROR);
			assert_non_null(strstr(ev.fault.err.what, "HPACK_STRING_MAX"));
		}
		buf_fini(&block);
		server_close(&s);
	}
}

static void so_many_streams_are_open_at_once(void **state)
{
	struct side s;
	struct h2_local local = h2_local_default();
	struct buf block;
	(void)state;
	local.max_concurrent = 7;
	server_open(&s, &local);
	buf_init(&block, &alloc_libc, SIZE_MAX);
	put_request(&block);
	for (int i = 0; i < 7; i++)
		put_block(&s, buf_bytes(&block), 16384);
	assert_int_equal(feed(&s, H2_EV_STREAM_FAULT).kind, H2_EV_NONE);
	put_block(&s, buf_bytes(&block), 16384);
	struct h2_event ev = feed(&s, H2_EV_STREAM_FAULT);
	assert_int_equal(ev.code, H2_REFUSED_STREAM);
	h2_conn_rst(&s.c, 1, H2_CANCEL); /* one ends: there is room again */
	put_block(&s, buf_bytes(&block), 16384);
	assert_int_equal(feed(&s, H2_EV_HEADERS).stream, s.next - 2);
	buf_fini(&block);
	server_close(&s);
}

static void budgets_are_used_up_one_by_one(void **state)
{
	struct side s;
	struct h2_local local = h2_local_default();
	struct buf block;
	(void)state;
	server_open(&s, &local);
	for (int i = 1; i < H2_CONTROL_BUDGET; i++) /* SETTINGS was the first */
		h2_write_ping(&s.in, false, (const uint8_t *)"12345678");
	assert_int_equal(feed(&s, H2_EV_CONN_FAULT).kind, H2_EV_NONE);
	h2_write_ping(&s.in, false, (const uint8_t *)"12345678");
	struct h2_event ev = feed(&s, H2_EV_CONN_FAULT);
	assert_int_equal(ev.code, H2_ENHANCE_YOUR_CALM);
	assert_non_null(strstr(ev.fault.err.what, "H2_CONTROL_BUDGET"));
	server_close(&s);

	server_open(&s, &local);
	buf_init(&block, &alloc_libc, SIZE_MAX);
	put_request(&block);
	for (int i = 0; i <= H2_RESET_BUDGET; i++) {
		assert_int_equal(feed(&s, H2_EV_CONN_FAULT).kind, H2_EV_NONE);
		put_block(&s, buf_bytes(&block), 16384);
		h2_write_rst(&s.in, s.next - 2, H2_CANCEL);
	}
	ev = feed(&s, H2_EV_CONN_FAULT);
	assert_int_equal(ev.code, H2_ENHANCE_YOUR_CALM);
	assert_non_null(strstr(ev.fault.err.what, "H2_RESET_BUDGET"));
	buf_fini(&block);
	server_close(&s);
}

/* A stream that fell out of memory is still closed: it cannot be opened again. */
static void closed_streams_stay_closed(void **state)
{
	struct side s;
	struct h2_local local = h2_local_default();
	struct buf block;
	struct hfield ok = {BYTES_LIT(":status"), BYTES_LIT("204"), false};
	(void)state;
	server_open(&s, &local);
	buf_init(&block, &alloc_libc, SIZE_MAX);
	put_request(&block);
	for (int i = 0; i < 2 * H2_CLOSED_KEPT; i++) {
		put_block(&s, buf_bytes(&block), 16384);
		assert_int_equal(feed(&s, H2_EV_HEADERS).stream, s.next - 2);
		assert_true(h2_conn_headers(&s.c, s.next - 2, &ok, 1, true));
	}
	s.next = 1;
	put_block(&s, buf_bytes(&block), 16384);
	assert_int_equal(feed(&s, H2_EV_CONN_FAULT).code, H2_STREAM_CLOSED);
	buf_fini(&block);
	server_close(&s);
}

/* DATA waits when H2_OUT_MAX waits already; nothing is lost. */
static void what_waits_to_be_sent_is_bounded(void **state)
{
	struct side s;
	struct h2_local local = h2_local_default();
	struct buf block;
	struct hfield ok = {BYTES_LIT(":status"), BYTES_LIT("200"), false};
	size_t size = 40u << 20, sent = 0;
	uint8_t *body = calloc(1, size);
	struct h2_setting wide[] = {{H2_SETTINGS_INITIAL_WINDOW_SIZE, H2_WINDOW_MAX},
		{H2_SETTINGS_MAX_FRAME_SIZE, H2_MAX_FRAME_SIZE_LIMIT}};
	(void)state;
	server_open(&s, &local);
	buf_init(&block, &alloc_libc, SIZE_MAX);
	put_request(&block);
	h2_write_settings(&s.in, wide, 2);
	h2_write_window_update(&s.in, 0, H2_WINDOW_MAX - H2_WINDOW_DEFAULT);
	put_block(&s, buf_bytes(&block), 16384);
	assert_int_equal(feed(&s, H2_EV_HEADERS).stream, 1);
	assert_true(h2_conn_headers(&s.c, 1, &ok, 1, false));
	for (int i = 0; i < 50 && sent < size; i++) {
		sent += h2_conn_data(&s.c, 1, (struct bytes){body + sent, size - sent}, true);
		assert_true(h2_conn_out(&s.c).n <= H2_OUT_MAX);
		assert_false(s.c.out.failed);
		h2_conn_sent(&s.c, h2_conn_out(&s.c).n);
	}
	assert_int_equal(sent, size);
	assert_null(h2_conn_stream(&s.c, 1));
	free(body);
	buf_fini(&block);
	server_close(&s);
}

/* ---- QPACK */

static void qpack_limits(void **state)
{
	struct qpack_dec d;
	struct hfields l;
	struct buf b;
	(void)state;
	hfields_init(&l, &alloc_libc, 1u << 20);
	buf_init(&b, &alloc_libc, SIZE_MAX);
	for (size_t more = 0; more < 2; more++) {
		qpack_dec_init(&d, &alloc_libc, 4096, 1000000);
		for (uint64_t i = 0; i < QPACK_BLOCKED_MAX; i++)
			assert_int_equal(qpack_dec_section(&d, 4 * i, BYTES_LIT("\2\0\x80"), &l), 0);
		/* a section that does not wait is no matter */
		assert_int_equal(qpack_dec_section(&d, 4000, BYTES_LIT("\0\0\xd1"), &l), 1);
		assert_int_equal(qpack_dec_section(&d, 4004, BYTES_LIT("\2\0\x80"), &l), -1);
		assert_int_equal(d.err.code, QPACK_DECOMPRESSION_FAILED);
		qpack_dec_fini(&d);

		qpack_dec_init(&d, &alloc_libc, 0, 0);
		buf_clear(&b);
		buf_add(&b, BYTES_LIT("\0\0\x21x"));
		hp_int_write(&b, 0, 7, QPACK_STRING_MAX_DEFAULT + more);
		for (size_t i = 0; i < QPACK_STRING_MAX_DEFAULT + more; i++)
			buf_u8(&b, 'v');
		assert_int_equal(qpack_dec_section(&d, 0, buf_bytes(&b), &l), more ? -1 : 1);
		if (more)
			assert_non_null(strstr(d.err.what, "QPACK_STRING_MAX"));
		qpack_dec_fini(&d);

		qpack_dec_init(&d, &alloc_libc, 0, 0);
		buf_clear(&b);
		buf_add(&b, BYTES_LIT("\0\0"));
		while (QPACK_SECTION_OCTETS_MAX + more - b.n > 15000) {
			buf_add(&b, BYTES_LIT("\x21x"));
			hp_int_write(&b, 0, 7, 10000);
			for (int i = 0; i < 10000; i++)
				buf_u8(&b, 'v');
		}
		size_t left = QPACK_SECTION_OCTETS_MAX + more - b.n - 5;
		buf_add(&b, BYTES_LIT("\x21x"));
		hp_int_write(&b, 0, 7, left);
		for (size_t i = 0; i < left; i++)
			buf_u8(&b, 'v');
		assert_int_equal(b.n, QPACK_SECTION_OCTETS_MAX + more);
		assert_int_equal(qpack_dec_section(&d, 0, buf_bytes(&b), &l), more ? -1 : 1);
		if (more)
			assert_non_null(strstr(d.err.what, "QPACK_SECTION_OCTETS_MAX"));
		qpack_dec_fini(&d);

		qpack_dec_init(&d, &alloc_libc, 0, 0);
		buf_clear(&b);
		buf_add(&b, BYTES_LIT("\0\0"));
		for (size_t i = 0; i < HFIELDS_COUNT_MAX + more; i++)
			buf_u8(&b, 0xd1);
		assert_int_equal(qpack_dec_section(&d, 0, buf_bytes(&b), &l), more ? -1 : 1);
		qpack_dec_fini(&d);
	}
	hfields_fini(&l);
	buf_fini(&b);
}

/* ---- HTTP/3 */

static int h3_takes(enum h3_kind kind, struct bytes in, struct perr *err)
{
	struct h3_dec d;
	struct h3_event ev;
	int r;
	h3_dec_init(&d, &alloc_libc, kind, true, NULL);
	h3_dec_feed(&d, in);
	while ((r = h3_dec_next(&d, &ev)) == 1)
		;
	*err = d.err;
	h3_dec_fini(&d);
	return r;
}

static void http3_limits(void **state)
{
	struct buf b;
	struct perr err;
	(void)state;
	buf_init(&b, &alloc_libc, SIZE_MAX);
	for (unsigned more = 0; more < 2; more++) {
		buf_clear(&b);
		buf_add(&b, BYTES_LIT("\1\3\0\0\xd1\0"));
		quic_varint_write(&b, H3_FRAME_OCTETS_MAX + more);
		assert_int_equal(h3_takes(H3_REQUEST_STREAM, buf_bytes(&b), &err), more ? -1 : 0);
		assert_int_equal(err.code, more ? H3_EXCESSIVE_LOAD : 0);

		struct h3_setting list[H3_SETTINGS_MAX + 1];
		for (unsigned i = 0; i < H3_SETTINGS_MAX + more; i++)
			list[i] = (struct h3_setting){0x1f * i + 0x21, i};
		buf_clear(&b);
		buf_u8(&b, H3_STREAM_CONTROL);
		h3_write_settings(&b, list, H3_SETTINGS_MAX + more);
		assert_int_equal(h3_takes(H3_UNI_STREAM, buf_bytes(&b), &err), more ? -1 : 0);
		assert_int_equal(err.code, more ? H3_EXCESSIVE_LOAD : 0);

		struct h3_capsule_dec d;
		struct h3_capsule cap;
		h3_capsule_dec_init(&d, &alloc_libc);
		buf_clear(&b);
		quic_varint_write(&b, 0x21);
		quic_varint_write(&b, H3_CAPSULE_OCTETS_MAX + more);
		h3_capsule_dec_feed(&d, buf_bytes(&b));
		assert_int_equal(h3_capsule_dec_next(&d, &cap), more ? -1 : 0);
		assert_int_equal(d.err.code, more ? H3_EXCESSIVE_LOAD : 0);
		h3_capsule_dec_fini(&d);
	}
	buf_fini(&b);
}

/* ---- QUIC */

static void quic_limits(void **state)
{
	struct buf b;
	struct perr err;
	struct quic_param list[QUIC_PARAMS_MAX];
	struct quic_frame f = {0};
	(void)state;
	buf_init(&b, &alloc_libc, SIZE_MAX);
	for (unsigned more = 0; more < 2; more++) {
		buf_clear(&b);
		for (unsigned i = 0; i < QUIC_PARAMS_MAX + more; i++)
			quic_param_write(&b, 0x1000 + i, BYTES_NONE);
		assert_int_equal(
			quic_params_read(buf_bytes(&b), false, list, &err), more ? -1 : QUIC_PARAMS_MAX);

		/* ACK ranges beyond QUIC_ACK_RANGES_MAX are checked and not kept */
		uint64_t ranges = QUIC_ACK_RANGES_MAX - 1 + more;
		buf_clear(&b);
		buf_u8(&b, QUIC_ACK);
		quic_varint_write(&b, 100000);
		quic_varint_write(&b, 0);
		quic_varint_write(&b, ranges);
		quic_varint_write(&b, 0);
		for (uint64_t i = 0; i < ranges; i++)
			buf_add(&b, BYTES_LIT("\0\0"));
		assert_int_equal(quic_frame_read(buf_bytes(&b), 0, QUIC_SHORT, &f, &err), 1);
		assert_int_equal(f.n_ranges, QUIC_ACK_RANGES_MAX);
		assert_int_equal(f.range_count, ranges);
		assert_int_equal(f.len, b.n);
	}
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_block_has_so_many_octets),
		cmocka_unit_test(a_header_block_has_so_many_frames),
		cmocka_unit_test(a_header_list_is_so_large),
		cmocka_unit_test(a_header_list_has_so_many_fields),
		cmocka_unit_test(a_string_has_so_many_octets),
		cmocka_unit_test(so_many_streams_are_open_at_once),
		cmocka_unit_test(budgets_are_used_up_one_by_one),
		cmocka_unit_test(closed_streams_stay_closed),
		cmocka_unit_test(what_waits_to_be_sent_is_bounded),
		cmocka_unit_test(qpack_limits),
		cmocka_unit_test(http3_limits),
		cmocka_unit_test(quic_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
