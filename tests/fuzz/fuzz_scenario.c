/*
 * A scenario file of any octets: refused with a place, or turned into a plan that can be looked into. The first line may
 * be a --set ("#set path=value").
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sim/scenario/plan.h"
#include "tests/support/fuzz_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char set[256];
	const char *sets[1] = {set};
	size_t nsets = 0;
	if (size > 5 && !memcmp(data, "#set ", 5)) {
		const uint8_t *end = memchr(data, '\n', size < 250 ? size : 250);
		size_t n = end ? (size_t)(end - data) - 5 : 0;
		memcpy(set, data + 5, n);
		set[n] = 0;
		nsets = end != NULL;
	}
	struct diags ds = {0};
	struct plan *p = plan_parse(NULL, "fuzz.yaml", (const char *)data, size, sets, nsets, &ds);
	if (!p) {
		if (!ds.n)
			abort(); /* refused without a word */
		for (size_t i = 0; i < ds.n; i++)
			if (!ds.d[i].what || !*ds.d[i].what)
				abort();
	} else {
		plan_cfg_with(p, "sse");
		plan_value(p, "clients.*.options.heartbeat");
		if (ds.n || !p->cfg.ngroups || !p->cfg.nservers)
			abort();
	}
	free(diags_text(&ds));
	diags_fini(&ds);
	plan_free(p);
	return 0;
}
