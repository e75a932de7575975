/*
 * What fuzz targets share.
 */
#include "tests/support/fuzz_common.h"

void fuzz_dissect(const struct dx_proto *p, struct bytes in)
{
	struct dx_tree t;
	struct buf out;
	struct dx_hints h = {0};
	buf_init(&out, &alloc_libc, SIZE_MAX);
	dx_tree_init(&t, &alloc_libc);
	dx_dissect(&t, p, in, &h);
	dx_put_text(&out, &t);
	buf_clear(&out);
	dx_put_json(&out, &t, p);
	dx_tree_fini(&t);
	buf_fini(&out);
}
