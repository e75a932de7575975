/*
 * Why: from every lost and every late message of every shipped lecture, under every technique it compares, the walk
 * along causes ends at a rule with a source and names the parameter that decides it, and that parameter is one of the
 * lecture's own (a network, a box, a server, an option of its clients, or its timeline).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/scenario/run.h"
#include "sim/trace/why.h"

#define LATE_NS 1000000000 /* a second: no lecture's network alone takes that long */

static const char *const lectures[] = {"first-look", "nat-forgets", "buffering-proxy", "upgrade-blocked",
	"phone-switches-network", "polling-at-scale", "slow-reader"};

static bool starts(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* "boxes.home-nat.idle_timeout" must exist in the plan; what the timeline did, and TCP's own constants, have no path */
static bool known(const struct plan *p, const char *param)
{
	return starts(param, "timeline") || starts(param, "tcp") || starts(param, "servers") ||
	       plan_value(p, param) != NULL;
}

static unsigned explain(const struct plan *p, const struct run_result *r, const char *lecture)
{
	struct why_index *ix = why_index_new(r->trace);
	unsigned asked = 0;
	for (uint64_t id = 1; id <= r->trace->nrec; id++) {
		const struct trace_rec *m = trace_get(r->trace, id);
		bool late = m->kind == TRACE_MSG_DELIVER && m->a > LATE_NS;
		if (!late && m->kind != TRACE_MSG_LOST)
			continue;
		char param[200] = "", text[400];
		const struct trace_rec *root = trace_get(r->trace, why_root(ix, id));
		asked++;
		trace_sentence(r->trace, m, text, sizeof text);
		if (!root)
			fail_msg("%s under %s, %.3f s: nothing explains: %s", lecture, r->technique,
				(double)m->at / 1e9, text);
		trace_reason_param(r->trace, root, param, sizeof param);
		const struct trace_reason_def *d = trace_reason_def((enum trace_reason)root->reason);
		if (!*d->source || !*d->sentence || !known(p, param))
			fail_msg("%s under %s, %.3f s: \"%s\" is led back to `%s` (%s)", lecture,
				r->technique, (double)m->at / 1e9, text, param, d->name);
	}
	why_index_free(ix);
	return asked;
}

static void every_lost_or_late_message_is_led_back_to_a_parameter(void **st)
{
	(void)st;
	unsigned asked = 0;
	for (size_t i = 0; i < sizeof lectures / sizeof *lectures; i++) {
		struct diags ds = {0};
		char path[200];
		snprintf(path, sizeof path, "scenarios/lectures/%s.yaml", lectures[i]);
		struct plan *p = plan_load("scenarios", path, NULL, 0, &ds);
		assert_non_null(p);
		for (size_t k = 0; k < (p->ncompare ? p->ncompare : 1); k++) {
			struct run_result r;
			run_plan(p,
				&(struct run_opts){
					.keep_trace = true, .technique = p->ncompare ? p->compare[k] : NULL},
				&r);
			asked += explain(p, &r, lectures[i]);
			run_result_fini(&r);
		}
		plan_free(p);
		diags_fini(&ds);
	}
	print_message("%u lost or late messages\n", asked);
	assert_true(asked > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_lost_or_late_message_is_led_back_to_a_parameter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
