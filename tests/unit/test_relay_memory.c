/* What relays made of slices before: relays that remember do as relays that do not. */
#include "tests/support/relay_kit.h"

/* The first octets written to a leg; NULL: nothing was. The caller takes over. */
static struct blob *written(struct relay *r)
{
	struct relay_out o;
	struct blob *b = NULL;
	while (relay_next(r, &o) != RELAY_IDLE) {
		if (o.kind != RELAY_WRITE)
			continue;
		if (!b)
			b = blob_ref(o.data.blob);
		blob_unref(o.data.blob);
	}
	return b;
}

static void equal_slices_are_passed_on_as_one_blob(void **st)
{
	static const char *const down[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
		"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
		"9\r\ndata: x\n\n\r\n",
	};
	(void)st;
	for (int anew = 0; anew < 2; anew++) {
		struct relay_common common = {.off = anew};
		struct relay_cfg cfg = shared;
		struct relay *r[3];
		struct blob *ask = blob_new(&alloc_libc, BYTES_LIT(GET)), *asked[3], *got[3];
		cfg.common = &common;
		for (int i = 0; i < 3; i++)
			r[i] = relay_new(&cfg);
		for (size_t what = 0; what < 2; what++) {
			for (int i = 0; i < 3; i++) {
				relay_data(r[i], 0, slice_of(ask), 1);
				asked[i] = written(r[i]);
				assert_non_null(asked[i]);
			}
			for (size_t part = what; part < what * 2 + 1; part++) {
				struct blob *answer = blob_new(&alloc_libc, bytes_str(down[part]));
				for (int i = 0; i < 3; i++) {
					relay_data(r[i], 1, slice_of(answer), 2);
					got[i] = written(r[i]);
					assert_non_null(got[i]);
				}
				for (int i = 0; i < 3; i++) {
					assert_true((got[i] == got[(i + 1) % 3]) == !anew);
					assert_true(bytes_eq(slice_bytes(slice_of(got[i])),
						slice_bytes(slice_of(got[0]))));
					if (i)
						blob_unref(got[i]);
				}
				blob_unref(got[0]);
				blob_unref(answer);
			}
			for (int i = 0; i < 3; i++) {
				assert_true((asked[i] == asked[(i + 1) % 3]) == !anew);
				if (i)
					blob_unref(asked[i]);
			}
			blob_unref(asked[0]);
		}
		for (int i = 0; i < 3; i++)
			relay_free(r[i]);
		relay_common_fini(&common, &alloc_libc);
		blob_unref(ask);
	}
}

#define HEAD_ "HTTP/1.1 200 OK\r\n"
static const char *const said[2][12] = {
	{GET, UP, "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "GET /1 HTTP/1.0\r\n\r\n",
		"HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
		"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
		"GET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /4 HTT",
		"P/1.1\r\nHost: a\r\n\r\n", "\r\n", "\x81\x82zzzzhi"},
	{HEAD_ "Content-Length: 2\r\n\r\nhi", HEAD_ "Content-Length: 4\r\n\r\nhi", "hi",
		HEAD_ "Transfer-Encoding: chunked\r\n\r\n", "3\r\nabc\r\n", "0\r\n\r\n",
		"3\r\nabc\r\n0\r\n\r\n", HEAD_ "Connection: close\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
		DOWN, "HTTP/1.1 100 Continue\r\n\r\n",
		HEAD_ "X-Accel-Buffering: no\r\nContent-Length: 0\r\n\r\n"},
};

/* As a proxy gives it: past the queue of outputs if that can be. True: it could. */
static bool give(struct relay *r, unsigned leg, struct blob *b, int64_t now, struct log *l)
{
	struct slice out;
	bool passed = relay_pass(r, leg, slice_of(b), now, &out);
	if (!passed)
		relay_data(r, leg, slice_of(b), now);
	pull(r, l);
	if (passed) {
		assert_int_equal(l->n, 0);
		log_write(l, !leg, out);
	}
	return passed;
}

/* Relays that remember and relays that do not, given the same, say the same: any slice in any state. */
static void remembering_changes_nothing(void **st)
{
	static const uint8_t usual[][2] = {
		{0, 0}, {1, 0}, {0, 0}, {1, 3}, {1, 4}, {1, 4}, {1, 5}, {0, 5}, {1, 8}};
	struct blob *b[2][12];
	uint64_t x = 1;
	uint32_t spoke = 0, passed[2] = {0, 0};
	(void)st;
	starved = true; /* what one input puts in and lets out has no number yet */
	for (int leg = 0; leg < 2; leg++)
		for (int i = 0; i < 12; i++)
			b[leg][i] = blob_new(&alloc_libc, bytes_str(said[leg][i]));
	for (unsigned round = 0; round < 600; round++) {
		struct relay_common common[2] = {{.off = false}, {.off = true}};
		struct relay_cfg cfg[2] = {off, off};
		struct relay *r[2][4];
		for (int k = 0; k < 2; k++) {
			cfg[k].buffering =
				round % 8 ? RELAY_BUFFER_OFF : (enum relay_buffering)(round / 8 % 4);
			cfg[k].page_octets = 20;
			cfg[k].upgrade = (enum relay_upgrade)(round / 3 % 3);
			cfg[k].shared = round % 3;
			cfg[k].common = k || round % 5 ? &common[k] : NULL;
			for (int i = 0; i < 4; i++)
				r[k][i] = relay_new(&cfg[k]);
		}
		lends = round % 7 < 3;
		for (unsigned step = 0; step < 60; step++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			unsigned i = x >> 33 & 3, what = x >> 40 & 63, leg = x >> 50 & 1,
				 which = (x >> 52) % 12;
			const uint8_t *u = usual[step / 4 % 9]; /* mostly what is usual, in turn */
			int64_t now = (int64_t)step * S;
			struct log l[2];
			for (int k = 0; k < 2; k++) {
				if (what == 0)
					relay_eof(r[k][i], leg, now);
				else if (what == 1)
					relay_gone(r[k][i], leg, now);
				else if (what == 2)
					relay_time(r[k][i], relay_wake_at(r[k][i]));
				if (what < 3)
					pull(r[k][i], &l[k]);
				else if (what < 8)
					passed[k] += give(r[k][i], leg, b[leg][which], now, &l[k]);
				else
					passed[k] += give(r[k][step % 4], u[0], b[u[0]][u[1]], now, &l[k]);
			}
			spoke += l[0].n > 0;
			assert_string_equal(l[0].t, l[1].t);
			for (int n = 0; n < 4; n++)
				assert_true(relay_wake_at(r[0][n]) == relay_wake_at(r[1][n]) &&
					    relay_finished(r[0][n]) == relay_finished(r[1][n]));
		}
		for (int k = 0; k < 2; k++) {
			for (int i = 0; i < 4; i++)
				relay_free(r[k][i]);
			relay_common_fini(&common[k], &alloc_libc);
		}
	}
	lends = starved = false;
	assert_true(spoke > 10000 && passed[0] > 1000 && !passed[1]);
	for (int leg = 0; leg < 2; leg++)
		for (int i = 0; i < 12; i++)
			blob_unref(b[leg][i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_slices_are_passed_on_as_one_blob),
		cmocka_unit_test(remembering_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
