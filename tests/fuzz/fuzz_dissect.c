/*
 * fuzz_dissect: every dissector makes a sound tree of any octets: children lie in their sources, links are consistent, text
 * and JSON can be written. The first octet chooses the dissector, the second the hints.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proto/dissect/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static void sound(const struct dx_tree *t)
{
	unsigned depth = 0;
	uint32_t walked = 0;
	for (uint32_t i = 0; i < t->n_nodes; i++) {
		const struct dx_node *n = &t->nodes[i];
		check(n->source < t->n_sources, "a node lies in no source");
		check(n->bit_off + n->bit_len <= (uint64_t)t->sources[n->source].data.n * 8,
			"a node goes beyond its source");
		check(n->parent == DX_NONE ? i == 0 : n->parent < i, "a node stands before its parent");
		check(n->field->abbrev != NULL && n->field->title != NULL && dx_meaning(n) != NULL,
			"a field lacks its words");
	}
	for (uint32_t i = t->n_nodes > 0 ? 0 : DX_NONE; i != DX_NONE; i = dx_walk(t, i, &depth), walked++)
		check(depth <= DX_DEPTH_MAX, "the tree is too deep");
	check(walked == t->n_nodes, "the walk does not reach every node");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t protos = 0;
	while (dx_protos[protos] != NULL)
		protos++;
	if (size < 2)
		return 0;
	struct dx_hints h = {
		.direction_known = data[1] & 1, .to_server = data[1] & 2, .pmd = data[1] & 4, .pmd_bits = 15};
	struct dx_tree t;
	struct buf out;
	dx_tree_init(&t, &alloc_libc);
	buf_init(&out, &alloc_libc, SIZE_MAX);
	check(dx_dissect(&t, dx_protos[data[0] % protos], (struct bytes){data + 2, size - 2}, &h),
		"out of memory");
	sound(&t);
	dx_put_text(&out, &t);
	dx_put_json(&out, &t, dx_protos[data[0] % protos]);
	check(!out.failed, "writing failed");
	buf_fini(&out);
	dx_tree_fini(&t);
	return 0;
}
