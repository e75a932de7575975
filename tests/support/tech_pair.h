/*
 * The four techniques' ends side by side: what one writes, the other gets, in pieces of any size.
 *
 *	struct pair p = {.o = options()};
 *	pair_init(&p, &alloc_libc, TECH_SSE);
 *	pair_connect(&p);
 *	settle(&p, 1);               octet by octet, until nobody says anything more
 *	publish(&p, 1); settle(&p, 100000); pair_end(&p);
 */
#ifndef TESTS_SUPPORT_TECH_PAIR_H
#define TESTS_SUPPORT_TECH_PAIR_H

#include "tests/support/tech_kit.h"

#define S INT64_C(1000000000)
#define MS INT64_C(1000000)

__attribute__((unused)) static struct tech_opts options(void)
{
	return (struct tech_opts){.interval_ns = 5 * S,
		.hold_ns = 30 * S,
		.heartbeat_timeout_ns = 20 * S,
		.resume = true,
		.keepalive_conn = true,
		.headers = {.kind = TECH_HEADERS_MINIMAL}};
}

__attribute__((unused)) static struct tech_site site(enum tech_kind kind, const struct tech_opts *o)
{
	struct tech_site s;
	tech_site_init(&s, &alloc_libc, kind, o, NULL, "app.example");
	return s;
}

struct pair {
	struct tech_opts o;
	struct tech_site site[2]; /* the client's and the server's */
	struct tech_server srv;
	struct kit c, s;
	const struct alloc *al;
	int64_t now;
};

__attribute__((unused)) static void pair_init(struct pair *p, const struct alloc *al, enum tech_kind kind)
{
	p->al = al;
	for (int i = 0; i < 2; i++)
		tech_site_init(&p->site[i], al, kind, &p->o, NULL, "app.example");
	tech_server_init(&p->srv, al);
	assert_true(tech_server_add(&p->srv, &p->site[1]));
}

__attribute__((unused)) static void pair_connect(struct pair *p)
{
	kit_client(&p->c, &p->site[0], 0);
	kit_server(&p->s, &p->srv);
	kit_up(&p->c);
}

__attribute__((unused)) static void publish(struct pair *p, uint64_t id)
{
	struct tech_msg *m = tech_msg_new(p->al, "news", id, id, 92);
	struct tech_out o;
	if (!m)
		return;
	tech_server_publish(&p->srv, m);
	while (tech_server_fan(&p->srv, p->now, &p->s.q))
		while (tech_next(&p->s.q, &o))
			kit_output(&p->s, &o);
	tech_msg_unref(m);
}

/* Everything written on one side arrives at the other, `step` octets at a time, until nobody says anything more. */
__attribute__((unused)) static void settle(struct pair *p, size_t step)
{
	for (int i = 0; i < 100 && (p->c.wrote.n || p->s.wrote.n); i++) {
		struct kit *from = p->c.wrote.n ? &p->c : &p->s, *to = p->c.wrote.n ? &p->s : &p->c;
		uint8_t octets[65536];
		size_t n = from->wrote.n;
		memcpy(octets, from->wrote.p, n);
		buf_clear(&from->wrote);
		to->now = p->now;
		for (size_t at = 0; at < n; at += step)
			kit_data(to, (struct bytes){octets + at, n - at < step ? n - at : step});
	}
}

__attribute__((unused)) static void pair_end(struct pair *p)
{
	kit_end(&p->c);
	kit_end(&p->s);
	tech_server_fini(&p->srv);
	tech_site_fini(&p->site[0]);
	tech_site_fini(&p->site[1]);
}

#endif
