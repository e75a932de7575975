/* xmalloc: large mappings begin at a huge page, are all there, and giving them back touches nobody else's pages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "sim/core/xmalloc.h"

#define HUGE ((size_t)2 << 20)
#define PAGE 4096u
#define NEIGHBOURS 600u /* more than there are pages in a huge one: every alignment comes up */

static void large_mappings_leave_their_neighbours_alone(void **state)
{
	static const size_t beyond[] = {0, 1, PAGE, PAGE + 1, 15 * PAGE + 7, 16 * PAGE, 17 * PAGE - 1};
	static uint8_t *neighbour[NEIGHBOURS];
	(void)state;
	for (size_t i = 0; i < NEIGHBOURS; i++) {
		size_t n = HUGE + beyond[i % (sizeof beyond / sizeof *beyond)];
		neighbour[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		assert_true(neighbour[i] != MAP_FAILED);
		neighbour[i][0] = (uint8_t)i;
		uint8_t *p = xpages(n);
		assert_int_equal((uintptr_t)p % HUGE, 0);
		assert_true(p[0] == 0 && p[n - 1] == 0);
		p[0] = p[n - 1] = 1;
		xfree_pages(p, n);
	}
	for (size_t i = 0; i < NEIGHBOURS; i++) {
		assert_int_equal(neighbour[i][0], (uint8_t)i);
		munmap(neighbour[i], PAGE);
	}
}

static void small_requests_are_zeroed_too(void **state)
{
	(void)state;
	for (size_t n = 1; n < 20000; n += 997) {
		uint8_t *p = xpages(n);
		assert_int_equal(
			(uintptr_t)p % 64, 0); /* objects that fill cache lines do not lie across them */
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 1, n);
		xfree_pages(p, n);
	}
	xfree_pages(NULL, HUGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_mappings_leave_their_neighbours_alone),
		cmocka_unit_test(small_requests_are_zeroed_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
