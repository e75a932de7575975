/* The table of connections against a plain list: random arrivals, departures and look-ups, with keys whose hashes are the same. */
#include "sim/core/rng.h"
#include "sim/core/world.h"
#include "sim/core/xmalloc.h"
#include "sim/tcp/tcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#define KEYS 3000u

struct object {
	uint64_t before; /* a connection need not stand at the beginning */
	struct tcp_conn c;
};

struct model {
	struct pool_arena arena;
	struct pool pool;
	struct tcp_demux d;
	struct tcp_addr key[KEYS];
	struct object *has[KEYS];
	uint32_t n;
};

static struct tcp_addr addr_of(uint64_t key)
{
	return (struct tcp_addr){.local = 7,
		.remote = (uint32_t)(key >> 32),
		.rport = (uint16_t)(key >> 16),
		.lport = (uint16_t)key};
}

/* The inverse of the table's multiplier modulo 2^64 (Newton): what is added to a key changes its product by a chosen little. */
static uint64_t inverse(uint64_t a)
{
	uint64_t x = a;

	for (int i = 0; i < 6; i++)
		x *= 2 - a * x;
	return x;
}

static void init(struct model *m, struct rng *r)
{
	uint64_t inv = inverse(0x9e3779b97f4a7c15u), one = rng_u64(r);

	memset(m, 0, sizeof *m);
	pool_init(&m->pool, &m->arena, "object", sizeof(struct object), 0);
	pool_numbered(&m->pool);
	tcp_demux_init(&m->d, &m->pool, offsetof(struct object, c));
	for (uint32_t i = 0; i < KEYS; i++) {
		if (i < 100) /* one hash, or the next one */
			m->key[i] = addr_of(one + inv * (i * 1000003ull));
		else if (i < 1000) /* clients in a row */
			m->key[i] = addr_of((uint64_t)(0x0a000000u + i) << 32 | 32769u << 16 | 80);
		else if (i < 2000) /* ports of one address, as behind a NAT */
			m->key[i] = addr_of(0xc0000201ull << 32 | (uint64_t)(i + 31768u) << 16 | 80);
		else
			m->key[i] = addr_of(rng_u64(r));
	}
}

static void fini(struct model *m)
{
	uint32_t at = 0;

	for (struct tcp_conn *c; (c = tcp_demux_each(&m->d, &at));) {
		tcp_demux_del(&m->d, c);
		pool_put(&m->pool, container_of(c, struct object, c));
		m->n--;
	}
	assert_int_equal(m->n, 0);
	assert_int_equal(m->d.used, 0);
	tcp_demux_fini(&m->d);
	pool_fini(&m->pool);
	pool_arena_fini(&m->arena);
}

static struct tcp_conn *look(const struct model *m, uint32_t i)
{
	struct pkt p = {.src = m->key[i].remote, .sport = m->key[i].rport, .dport = m->key[i].lport};

	tcp_demux_warm(&m->d, &p, 0);
	tcp_demux_warm(&m->d, &p, 1);
	return tcp_demux_find(&m->d, &p);
}

static void add(struct model *m, uint32_t i)
{
	m->has[i] = pool_get(&m->pool);
	memset(m->has[i], 0, sizeof *m->has[i]);
	m->has[i]->c.addr = m->key[i];
	tcp_demux_add(&m->d, &m->has[i]->c);
	m->n++;
}

static void del(struct model *m, uint32_t i)
{
	tcp_demux_del(&m->d, &m->has[i]->c);
	tcp_demux_del(&m->d, &m->has[i]->c); /* nothing to remove any more */
	pool_put(&m->pool, m->has[i]);
	m->has[i] = NULL;
	m->n--;
}

static void all_are_found(const struct model *m)
{
	uint32_t at = 0, n = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		assert_ptr_equal(look(m, i), m->has[i] ? &m->has[i]->c : NULL);
	for (; tcp_demux_each(&m->d, &at); at++)
		n++;
	assert_int_equal(n, m->n);
	assert_int_equal(m->d.used, m->n);
}

static void finds_what_a_list_finds(void **state)
{
	struct rng r = rng_named(1, "demux");
	struct model *m = xmalloc(sizeof *m);

	(void)state;
	init(m, &r);
	assert_null(look(m, 0));
	for (unsigned step = 0; step < 60000; step++) {
		uint32_t i = (uint32_t)(rng_u64(&r) % KEYS);
		bool filling = step / 10000 % 2 == 0; /* to and fro between almost none and almost all */

		if (m->has[i] && (!filling || rng_u64(&r) % 4 == 0))
			del(m, i);
		else if (!m->has[i] && (filling || rng_u64(&r) % 4 == 0))
			add(m, i);
		assert_ptr_equal(look(m, i), m->has[i] ? &m->has[i]->c : NULL);
		if (step % 2500 == 0)
			all_are_found(m);
	}
	all_are_found(m);
	fini(m);
	xfree(m);
}

static void the_newest_connection_of_an_address_pair_is_found(void **state)
{
	struct rng r = rng_named(2, "demux");
	struct model *m = xmalloc(sizeof *m);

	(void)state;
	init(m, &r);
	add(m, 5);
	struct object *old = m->has[5];

	add(m, 5);
	m->n--;
	assert_ptr_equal(look(m, 5), &m->has[5]->c);
	assert_int_equal(m->d.used, 1);
	tcp_demux_del(&m->d, &old->c); /* is not there any more; the other one stays */
	assert_ptr_equal(look(m, 5), &m->has[5]->c);
	pool_put(&m->pool, old);
	fini(m);
	xfree(m);
}

static void a_connection_takes_at_most_thirteen_octets(void **state)
{
	struct rng r = rng_named(3, "demux");
	struct model *m = xmalloc(sizeof *m);

	(void)state;
	init(m, &r);
	for (uint32_t i = 0; i < KEYS; i++) {
		add(m, i);
		if (m->n > 100)
			assert_true(m->d.slots * sizeof *m->d.slot <= m->n * 13u);
		assert_true(m->d.used * 5 <= m->d.slots * 4);
	}
	fini(m);
	xfree(m);
}

static void numbers_lead_back_to_their_objects(void **state)
{
	static const size_t size[] = {16, 24, 192, 5000, 300000};

	(void)state;
	for (size_t k = 0; k < sizeof size / sizeof *size; k++) {
		struct pool_arena arena = {0};
		struct pool p, other;
		uint32_t n = size[k] > 100000 ? 20 : 9000;
		void **o = xcalloc(n, sizeof *o);

		pool_init(&p, &arena, "numbered", size[k], 0);
		pool_init(&other, &arena, "in between", 4096, 0);
		pool_numbered(&p);
		for (uint32_t i = 0; i < n; i++) {
			o[i] = pool_get(&p);
			if (i % 500 == 0)
				(void)pool_get(&other);
		}
		for (uint32_t i = 0; i < n; i++) {
			assert_ptr_equal(pool_at(&p, pool_number(&p, o[i])), o[i]);
			if (i)
				assert_true(pool_number(&p, o[i - 1]) < pool_number(&p, o[i]));
		}
		p.live = other.live = 0;
		pool_fini(&p);
		pool_fini(&other);
		pool_arena_fini(&arena);
		xfree(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_list_finds),
		cmocka_unit_test(the_newest_connection_of_an_address_pair_is_found),
		cmocka_unit_test(a_connection_takes_at_most_thirteen_octets),
		cmocka_unit_test(numbers_lead_back_to_their_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
