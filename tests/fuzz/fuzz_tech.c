/*
 * fuzz_tech: both ends of a technique, with a hostile network, peer and clock between them.
 *
 * The first octet chooses technique and options; then each octet is a step: honest delivery one way or the other,
 * octets of the input delivered instead, an end, a reset, time, a message. Whatever happens: no endpoint goes
 * on asking for a time that has come, outputs end, and nothing is left over.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tech/tech.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct side {
	struct buf out; /* octets written, not yet delivered */
	bool open, wants;
};

struct rig {
	struct tech_opts o;
	struct tech_site site[2];
	struct tech_server srv;
	struct tech_client c;
	struct tech_conn s;
	struct tech_outs q;
	struct side cs, ss;
	int64_t now;
	uint64_t id;
	bool accepted;
};

static void take(struct rig *r, struct side *me)
{
	struct tech_out o;
	char text[64];
	unsigned n = 0;
	while (tech_next(&r->q, &o)) {
		assert(++n < 20000);
		if (o.kind == TECH_OUT_OPEN && o.conn == TECH_MAIN)
			me->wants = true;
		if (o.kind == TECH_OUT_CLOSE || o.kind == TECH_OUT_ABORT)
			me->open = o.conn == TECH_MAIN ? false : me->open;
		if (o.kind != TECH_OUT_WRITE)
			continue;
		assert(o.uoff + o.ulen <= o.data.len);
		tech_unit_text(o.unit, bytes_sub(slice_bytes(o.data), o.uoff, o.ulen), text, sizeof text);
		assert(memchr(text, 0, sizeof text));
		if (o.conn == TECH_MAIN && me->out.n < 1u << 18)
			buf_add(&me->out, slice_bytes(o.data));
		blob_unref(o.data.blob);
	}
}

static void client_in(struct rig *r, struct tech_in in)
{
	in.now_ns = r->now;
	tech_client_input(&r->c, &in, &r->q);
	take(r, &r->cs);
}

static void server_in(struct rig *r, struct tech_in in)
{
	if (!r->accepted)
		return;
	in.now_ns = r->now;
	tech_conn_input(&r->s, &in, &r->q);
	take(r, &r->ss);
}

/* A new connection if the client wants one. */
static void connect(struct rig *r)
{
	if (!r->cs.wants)
		return;
	r->cs.wants = false;
	r->cs.open = r->ss.open = true;
	if (r->accepted)
		tech_conn_fini(&r->s);
	r->accepted = true;
	tech_conn_init(&r->s, &r->srv);
	buf_clear(&r->cs.out);
	buf_clear(&r->ss.out);
	server_in(r, (struct tech_in){.kind = TECH_IN_UP});
	client_in(r, (struct tech_in){.kind = TECH_IN_UP});
}

static void deliver(struct rig *r, bool up, size_t max)
{
	struct side *from = up ? &r->cs : &r->ss;
	size_t n = from->out.n < max ? from->out.n : max;
	uint8_t *copy = malloc(n + 1); /* exactly as long as it says, for the sanitizer's sake */
	if (n)
		memcpy(copy, from->out.p, n);
	buf_drop(&from->out, n);
	struct tech_in in = {.kind = TECH_IN_DATA, .data = {copy, n}};
	if (n && up)
		server_in(r, in);
	else if (n && r->cs.open)
		client_in(r, in);
	free(copy);
}

static void publish(struct rig *r, unsigned arg)
{
	struct tech_msg *m = tech_msg_new(&alloc_libc, "x", r->id + 1, r->id + 1, arg);

	r->id++;
	if (arg & 1)
		m->to_lo = m->to_hi = arg & 7;
	if (arg & 64) {
		client_in(r, (struct tech_in){.kind = TECH_IN_PUBLISH, .msg = m});
	} else {
		tech_server_publish(&r->srv, m);
		while (tech_server_fan(&r->srv, r->now, &r->q))
			take(r, &r->ss);
	}
	tech_msg_unref(m);
}

static void step(struct rig *r, uint8_t op, const uint8_t **p, const uint8_t *end)
{
	unsigned arg = *p < end ? *(*p)++ : 0;
	size_t n = (size_t)(end - *p) < arg ? (size_t)(end - *p) : arg;
	struct tech_in in = {.kind = TECH_IN_DATA,
		.data = {*p, n},
		.conn = arg & 1,
		.why = (enum tech_why)(1 + arg % TECH_WHY_DONE)};
	switch (op % 12) {
	case 0:
		connect(r);
		break;
	case 1:
	case 2:
		deliver(r, op & 1, arg ? arg * 16 : 1);
		break;
	case 3:
	case 4:
		*p += n;
		in.conn = op & 16 ? TECH_UPLINK : TECH_MAIN;
		op & 1 ? server_in(r, in) : client_in(r, in);
		break;
	case 5:
		in.kind = arg & 2 ? TECH_IN_EOF : TECH_IN_RESET;
		client_in(r, in);
		break;
	case 6:
		in.kind = arg & 2 ? TECH_IN_EOF : TECH_IN_RESET;
		server_in(r, in);
		break;
	case 7:
		r->now += (int64_t)arg * 500000000;
		for (int i = 0; i < 4; i++) {
			client_in(r, (struct tech_in){.kind = TECH_IN_TIME});
			server_in(r, (struct tech_in){.kind = TECH_IN_TIME});
		}
		assert(tech_client_wake_at(&r->c) > r->now);
		assert(!r->accepted || tech_conn_wake_at(&r->s) > r->now);
		break;
	case 8:
		publish(r, arg);
		break;
	case 9:
		in.kind = TECH_IN_UP;
		client_in(r, in);
		break;
	case 10:
		in.kind = TECH_IN_STOP;
		arg & 1 ? server_in(r, in) : client_in(r, in);
		break;
	default:
		r->o.heartbeat_ns = (int64_t)(arg & 15) * 1000000000;
		r->o.heartbeat_from = arg & 16 ? TECH_FROM_CLIENT : TECH_FROM_SERVER;
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rig r = {.now = 0};
	const uint8_t *p = data, *end = data + size;
	unsigned first = size ? *p++ : 0;
	enum tech_kind kind = (enum tech_kind)(first % TECH_KINDS);
	r.o = (struct tech_opts){.interval_ns = 1000000000,
		.hold_ns = first & 8 ? 2000000000 : 0,
		.resume = !(first & 16),
		.heartbeat_timeout_ns = 3000000000,
		.keepalive_conn = !(first & 32),
		.headers.kind = first & 64 ? TECH_HEADERS_BROWSER : TECH_HEADERS_MINIMAL};
	for (int i = 0; i < 2; i++) {
		tech_site_init(&r.site[i], &alloc_libc, kind, &r.o, NULL, "a");
		r.site[i].identify = first & 128;
	}
	tech_outs_init(&r.q, &alloc_libc);
	tech_server_init(&r.srv, &alloc_libc);
	tech_server_add(&r.srv, &r.site[1]);
	r.srv.keepalive_ns = 5000000000;
	buf_init(&r.cs.out, &alloc_libc, 1u << 20);
	buf_init(&r.ss.out, &alloc_libc, 1u << 20);
	tech_client_init(&r.c, &r.site[0], 3);
	client_in(&r, (struct tech_in){.kind = TECH_IN_START});
	while (p < end) {
		uint8_t op = *p++;
		step(&r, op, &p, end);
	}
	assert(!r.q.failed);
	tech_client_fini(&r.c);
	if (r.accepted)
		tech_conn_fini(&r.s);
	assert(r.srv.conns == 0 && r.site[1].subs == 0);
	tech_server_fini(&r.srv);
	tech_outs_fini(&r.q);
	tech_site_fini(&r.site[0]);
	tech_site_fini(&r.site[1]);
	buf_fini(&r.cs.out);
	buf_fini(&r.ss.out);
	return 0;
}
