/*
 * Fuzzes HTTP/2 in front of the server endpoints: whatever a client sends, nothing breaks, nothing leaks, and what is sent back does
 * not depend on how the octets were cut.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/tech/h2_front.h"
#include "tests/support/fuzz_common.h"

#define MS 1000000

static void drain(struct h2_front *f, struct buf *sent)
{
	struct bytes out;
	struct h2_note n;
	while ((out = h2_front_out(f)).n) {
		buf_add(sent, out);
		h2_front_sent(f, out.n);
	}
	while (h2_front_note(f, &n))
		;
}

static void publish(struct tech_server *srv, struct h2_front *f, int64_t now)
{
	struct tech_outs outs;
	struct tech_conn *c;
	struct tech_msg *m = tech_msg_new(&alloc_libc, "live", 1, 1, 92);
	tech_outs_init(&outs, &alloc_libc);
	if (m) {
		m->to_lo = 1;
		m->to_hi = UINT32_MAX;
		tech_server_publish(srv, m);
		while ((c = tech_server_fan(srv, now, &outs)))
			if (!h2_front_take(f, c, &outs))
				abort();
		tech_msg_unref(m);
	}
	tech_outs_fini(&outs);
}

static struct buf run(struct bytes in, size_t cut)
{
	struct tech_opts opts = {.interval_ns = 200 * MS,
		.hold_ns = 500 * MS,
		.heartbeat_ns = 1000 * MS,
		.resume = true,
		.keepalive_conn = true};
	struct tech_server srv;
	struct tech_site site[TECH_KINDS];
	struct h2_front f;
	struct buf sent;
	int64_t now = 1000 * (int64_t)MS;
	buf_init(&sent, &alloc_libc, SIZE_MAX);
	tech_server_init(&srv, &alloc_libc);
	for (unsigned k = 0; k < TECH_KINDS; k++) {
		tech_site_init(&site[k], &alloc_libc, (enum tech_kind)k, &opts, NULL, "h.test");
		tech_server_add(&srv, &site[k]);
	}
	if (h2_front_init(&f, &alloc_libc, &srv)) {
		h2_front_data(&f, bytes_str(H2_PREFACE), now);
		h2_front_data(&f, bytes_sub(in, 0, cut), now);
		h2_front_data(&f, bytes_sub(in, cut, in.n - cut), now);
		publish(&srv, &f, now);
		drain(&f, &sent);
		for (int i = 0; i < 5; i++)
			h2_front_time(&f, now += 300 * MS);
		drain(&f, &sent);
		h2_front_stop(&f, now);
		drain(&f, &sent);
	}
	h2_front_fini(&f);
	for (unsigned k = 0; k < TECH_KINDS; k++)
		tech_site_fini(&site[k]);
	tech_server_fini(&srv);
	return sent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct buf whole = run(in, size), cut = run(in, size ? data[size - 1] % size : 0);
	if (!bytes_eq(buf_bytes(&whole), buf_bytes(&cut)))
		abort();
	buf_fini(&whole);
	buf_fini(&cut);
	return 0;
}
