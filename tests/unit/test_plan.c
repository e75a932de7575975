/*
 * plan: scenario files, right and wrong.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/tech/tech.h"
#include "sim/scenario/doc.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/library.h"
#include "sim/scenario/plan.h"
#include "sim/scenario/schema.h"
#include "sim/scenario/words.h"

/* A sound scenario, cut where a test puts something else in. */
#define HEAD "backtalk: 1\nscenario: t\nduration: 60s\n"
#define WORLD                                                                                           \
	"networks:\n  lte: {rtt: 60ms}\nboxes:\n  nat: {kind: nat, idle_timeout: 30s}\n  edge: {kind: " \
	"reverse-proxy}\n"                                                                              \
	"servers:\n  app: {count: 1}\n"
#define CLIENTS "clients:\n  phones:\n    count: 3\n    path: [lte, nat, edge]\n    technique: sse\n"
#define SOUND HEAD WORLD CLIENTS

static struct plan *parse(const char *text, struct diags *ds)
{
	return plan_parse("scenarios", "t.yaml", text, strlen(text), NULL, 0, ds);
}

static struct plan *sound(const char *text)
{
	struct diags ds = {0};
	struct plan *p = parse(text, &ds);
	if (!p) {
		char *s = diags_text(&ds);
		fail_msg("%s", s);
	}
	diags_fini(&ds);
	return p;
}

static void a_scenario_becomes_a_world(void **state)
{
	(void)state;
	struct plan *p =
		sound(SOUND "    start: {over: 5s}\n    options: {heartbeat: 25s, heartbeat_from: client, "
			    "reconnect: {first: 2s, factor: 1.5, "
			    "jitter: equal}, headers: {request: [\"A: b\", 'C: d']}}\n"
			    "messages:\n  - {name: news, rate: 1/45s, arrival: poisson, size: 100B}\n"
			    "  - {name: chat, from: phones, to: one, at: [10s, 40s]}\n");
	const struct cfg *c = &p->cfg;
	assert_int_equal(c->duration_ns, 60000000000);
	assert_int_equal(c->drain_ns, 30000000000);
	assert_int_equal(c->nnets, 1);
	assert_int_equal(c->nets[0].rtt_ns, 60000000);
	assert_int_equal(c->nets[0].queue_bytes, 262144);
	assert_int_equal(c->nets[0].mtu, 1500);
	assert_int_equal(c->boxes[0].idle_timeout_ns, 30000000000);
	assert_int_equal(c->boxes[1].kind, CFG_REVERSE_PROXY);
	assert_int_equal(c->boxes[1].read_timeout_ns, 60000000000);
	const struct cfg_group *g = &c->groups[0];
	assert_int_equal(g->count, 3);
	assert_int_equal(g->npath, 3);
	assert_int_equal(g->path[0], 0);
	assert_int_equal(g->path[1], ~0);
	assert_int_equal(g->path[2], ~1);
	assert_string_equal(g->technique, "sse");
	assert_int_equal(g->start_over_ns, 5000000000);
	assert_int_equal(g->opts.heartbeat_ns, 25000000000);
	assert_int_equal(g->opts.heartbeat_from, TECH_FROM_CLIENT);
	assert_int_equal(g->opts.heartbeat_timeout_ns, 20000000000);
	assert_int_equal(g->opts.interval_ns, 5000000000);
	assert_int_equal(g->opts.reconnect.first_ns, 2000000000);
	assert_int_equal(g->opts.reconnect.factor_milli, 1500);
	assert_int_equal(g->opts.reconnect.max_ns, 30000000000);
	assert_int_equal(g->opts.reconnect.jitter, TECH_JITTER_EQUAL);
	assert_int_equal(g->opts.headers.kind, TECH_HEADERS_OWN);
	assert_int_equal(g->opts.headers.nrequest, 2);
	assert_string_equal(g->opts.headers.request[1], "C: d");
	assert_int_equal(c->nmsgs, 2);
	assert_int_equal(c->msgs[0].every_ns, 45000000000);
	assert_int_equal(c->msgs[0].arrival, CFG_ARRIVAL_POISSON);
	assert_int_equal(c->msgs[1].from, 0);
	assert_int_equal(c->msgs[1].to, CFG_TO_ONE);
	assert_int_equal(c->msgs[1].nat, 2);
	assert_int_equal(p->ncompare, 4);
	plan_free(p);
}

static void the_timeline_acts_and_speaks(void **state)
{
	(void)state;
	struct plan *p = sound(
		SOUND "timeline:\n  - {at: 0s, say: \"Hello: all.\"}\n  - {at: 10s, ask: q}\n"
		      "  - {at: 20s, set: {clients.*.options.heartbeat: 15s, boxes.nat.idle_timeout: 60s}}\n"
		      "  - {at: 25s, set: {clients.phones.options.hold: 7s}}\n"
		      "  - {at: 30s, cut: lte, for: 8s}\n  - {at: 40s, degrade: lte, loss: 20%, for: 3s}\n"
		      "  - {at: 50s, crash: app, for: 2s}\n  - {at: 55s, switch: phones, to: lte, outage: "
		      "1s, sockets: orphaned}\n"
		      "questions:\n  q: {ask: Which?, options: [a, b], answer: b, why: Because., wrong: {a: "
		      "No.}}\n");
	const struct cfg *c = &p->cfg;
	assert_int_equal(c->nacts, 8);
	assert_int_equal(p->ncues, 2);
	assert_string_equal(p->cues[0].say, "Hello: all.");
	assert_int_equal(p->cues[1].question, 0);
	assert_int_equal(p->questions[0].answer, 1);
	assert_string_equal(p->questions[0].wrong[0], "No.");
	assert_null(p->questions[0].wrong[1]);
	assert_int_equal(c->acts[2].cfg->groups[0].opts.heartbeat_ns, 15000000000);
	assert_int_equal(c->acts[2].cfg->boxes[0].idle_timeout_ns, 60000000000);
	/* the second `set` builds on the first */
	assert_int_equal(c->acts[3].cfg->groups[0].opts.heartbeat_ns, 15000000000);
	assert_int_equal(c->acts[3].cfg->groups[0].opts.hold_ns, 7000000000);
	assert_int_equal(c->acts[3].cfg->nacts, 8);
	assert_int_equal(c->acts[4].kind, CFG_ACT_CUT);
	assert_int_equal(c->acts[4].for_ns, 8000000000);
	assert_int_equal(c->acts[5].net.loss_ppm, 200000);
	assert_int_equal(c->acts[5].net.rtt_ns, 60000000);
	assert_int_equal(c->acts[6].target_kind, CFG_ON_SERVER);
	assert_true(c->acts[7].orphaned);
	/* another technique is in force in later worlds too */
	const struct cfg *w = plan_cfg_with(p, "websocket");
	assert_string_equal(w->groups[0].technique, "websocket");
	assert_string_equal(w->acts[3].cfg->groups[0].technique, "websocket");
	assert_int_equal(w->acts[3].cfg->groups[0].opts.hold_ns, 7000000000);
	assert_string_equal(c->groups[0].technique, "sse");
	assert_ptr_equal(w, plan_cfg_with(p, "websocket"));
	plan_free(p);
}

struct wrong {
	const char *text;
	unsigned line, col;
	const char *what, *hint; /* parts of the message; NULL: any */
};

static void expect_wrong(const struct wrong *w)
{
	struct diags ds = {0};
	struct plan *p = parse(w->text, &ds);
	if (p)
		fail_msg("accepted:\n%s", w->text);
	bool found = false;
	for (size_t i = 0; i < ds.n; i++) {
		const struct diag *d = &ds.d[i];
		found = found || (d->pos.line == w->line && (!w->col || d->pos.col == w->col) &&
					 strstr(d->what, w->what) &&
					 (!w->hint || (d->hint && strstr(d->hint, w->hint))));
	}
	if (!found) {
		char *s = diags_text(&ds);
		fail_msg("expected %u:%u %s (%s), got\n%s", w->line, w->col, w->what, w->hint ? w->hint : "",
			s);
	}
	diags_fini(&ds);
}

static void wrong_files_are_told_where_and_why(void **state)
{
	static const struct wrong t[] = {
		{HEAD WORLD CLIENTS "    options: {heartbeet: 25s}\n", 16, 15, "unknown key `heartbeet`",
			"did you mean `heartbeat`"},
		{HEAD WORLD CLIENTS "    heartbeat: 25s\n", 16, 5, "unknown key `heartbeat`",
			"belongs under `clients.*.options`"},
		{HEAD WORLD CLIENTS "    options: {heartbeat: 25}\n", 16, 26, "no unit", "25s"},
		{HEAD WORLD CLIENTS "    options: {heartbeat: -5s}\n", 16, 26, "negative", NULL},
		{HEAD WORLD CLIENTS "    options: {reconnect: {jitter: ful}}\n", 16, 35, "unknown word `ful`",
			"full"},
		{HEAD WORLD CLIENTS "    options: [1]\n", 16, 14, "cannot be a list", "expected a mapping"},
		{HEAD WORLD CLIENTS "    options:\n", 16, 5, "has no value", NULL},
		{HEAD WORLD CLIENTS "    count: 4\n", 16, 5, "duplicate key `count`", "line 13"},
		{HEAD WORLD "clients:\n  p: {count: -2, path: [lte], technique: sse}\n", 12, 14, "negative",
			NULL},
		{HEAD WORLD "clients:\n  p: {count: 0, path: [lte], technique: sse}\n", 12, 14, "less than",
			"at least 1"},
		{HEAD WORLD "clients:\n  p: {path: [lte], technique: web-socket}\n", 12, 31,
			"unknown technique", "websocket"},
		{HEAD WORLD "clients:\n  p: {path: [lte], technique: grpc-stream}\n", 12, 31,
			"not modelled yet", "polling"},
		{HEAD WORLD "clients:\n  p: {path: [let], technique: sse}\n", 12, 14,
			"no network or box `let`", "lte"},
		{HEAD WORLD "clients:\n  p: {path: [nat, lte], technique: sse}\n", 12, 14,
			"begins with a box", NULL},
		{HEAD WORLD "clients:\n  p: {path: [lte], technique: sse, to: ap}\n", 12, 40,
			"no server `ap`", "app"},
		{HEAD WORLD "clients:\n  p: {path: [lte]}\n", 12, 3, "`technique` is missing", NULL},
		{HEAD WORLD "clients:\n  server: {path: [lte], technique: sse}\n", 12, 3,
			"meaning of its own", NULL},
		{HEAD CLIENTS "backplane: {kind: redis}\n", 9, 19, "not modelled yet", "none"},
		{HEAD WORLD CLIENTS "boxes2: {}\n", 16, 1, "unknown key `boxes2`", "boxes"},
		{SOUND "messages:\n  - {name: n, size: 10B, every: 5s}\n", 17, 21, "less than", "16B"},
		{SOUND "messages:\n  - {name: n}\n", 17, 5, "never when", NULL},
		{SOUND "messages:\n  - {name: n, rate: 1/s, every: 5s}\n", 17, 5, "twice when", NULL},
		{SOUND "messages:\n  - {name: n, every: 5s, to: phone}\n", 17, 30, "no client group `phone`",
			"phones"},
		{SOUND "messages:\n  - {name: n, at: [9s, 3s]}\n", 17, 19, "not in order", NULL},
		{SOUND "timeline:\n  - {at: 5s}\n", 17, 5, "nothing happens", NULL},
		{SOUND "timeline:\n  - {at: 5s, say: a, cut: lte}\n", 17, 22, "in one entry", NULL},
		{SOUND "timeline:\n  - {at: 5s, cut: lte}\n", 17, 5, "`for` is missing", NULL},
		{SOUND "timeline:\n  - {at: 5s, say: a}\n  - {at: 3s, say: b}\n", 18, 5, "earlier", NULL},
		{SOUND "timeline:\n  - {at: 70s, say: a}\n", 17, 5, "after the end", NULL},
		{SOUND "timeline:\n  - {at: 5s, set: {clients.phones.count: 5}}\n", 17, 20, "cannot change",
			NULL},
		{SOUND "timeline:\n  - {at: 5s, set: {clients.phnes.options.hold: 5s}}\n", 17, 28,
			"no `phnes`", "phones"},
		{SOUND "timeline:\n  - {at: 5s, set: {clients.phones.options.hold: 5}}\n", 17, 49, "no unit",
			NULL},
		{SOUND "timeline:\n  - {at: 5s, ask: q}\n", 17, 19, "no question `q`", NULL},
		{SOUND "timeline:\n  - {at: 5s, say: a, outage: 5s}\n", 17, 22, "no meaning with `say`",
			NULL},
		{SOUND "questions:\n  q: {ask: W, options: [a, b], answer: c, why: x}\n", 17, 40,
			"no option `c`", NULL},
		{SOUND "expect:\n  - deliverd >= 99%\n", 17, 5, "unknown metric", "delivered"},
		{SOUND "expect:\n  - delivered of phons >= 99%\n", 17, 18, "no client group", "phones"},
		{SOUND "expect:\n  - delivered under sses >= 99%\n", 17, 21, "unknown technique", "sse"},
		{SOUND "expect:\n  - delivered >= 99s\n", 17, 18, "not a value of delivered", "share"},
		{SOUND "expect:\n  - delivered\n", 17, 5, "not an expectation", NULL},
		{SOUND "expect:\n  - packets.sent of phones > 3\n", 17, 5, "not known per client group",
			NULL},
		{SOUND "knobs:\n  - {set: clients.phones.options.hold, values: [5s, 6]}\n", 17, 53, "no unit",
			NULL},
		{SOUND "knobs:\n  - {set: clients.phones.option.hold, values: [5s]}\n", 17, 26,
			"unknown key `option`", "options"},
		{HEAD "networks: {x: {rtt: 1ms}}\nservers: {x: {}}\n"
		      "clients: {p: {path: [x], technique: sse}}\n",
			5, 11, "already the name", NULL},
		{HEAD WORLD CLIENTS "  pads: {path: [lte, nat], technique: sse}\nboxes: {}\n", 17, 1,
			"duplicate key `boxes`", "line 6"},
		{HEAD "networks: {lte: {rtt: 1ms}}\nboxes: {n: {kind: nat, read_timeout: 5s}}\nservers: {a: "
		      "{}}\n"
		      "clients: {p: {path: [lte, n], technique: sse}}\n",
			5, 24, "concerns reverse-proxy", NULL},
		{HEAD "networks: {lte: {preset: ltee}}\nservers: {a: {}}\nclients: {p: {path: [lte], "
		      "technique: sse}}\n",
			4, 26, "unknown preset", "lte"},
		{HEAD "networks: {lte: {preset: nginx}}\nservers: {a: {}}\nclients: {p: {path: [lte], "
		      "technique: sse}}\n",
			4, 26, "is for boxes", NULL},
		{"backtalk: 2\nnew: thing\n", 1, 11, "version 2", NULL},
		{"backtalk: 1\nexercise: x\n", 2, 1, "an exercise, not a scenario", NULL},
		{"- a\n", 1, 1, "a scenario is a mapping", NULL},
		{"", 1, 1, "empty", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		expect_wrong(&t[i]);
}

static void what_yaml_offers_and_we_do_not_is_refused(void **state)
{
	static const struct wrong t[] = {
		{"a: &x 1\nb: 2\n", 1, 0, "anchors", NULL},
		{"a: 1\nb: *a\n", 2, 0, "aliases", NULL},
		{"a: !!int 1\n", 1, 0, "tags", NULL},
		{"%YAML 1.2\n---\na: 1\n", 2, 0, "directives", NULL},
		{"a: 1\n---\nb: 2\n", 2, 0, "second document", NULL},
		{"? [a, b]\n: 1\n", 1, 0, "key must be", NULL},
		{"a: [[[[[[[[[1]]]]]]]]]\n", 1, 0, "more than 8 levels", NULL},
		{"a: \"x\\0y\"\n", 1, 0, "NUL", NULL},
		{"a: 1\n\tb: 2\n", 2, 0, "a tab in the indentation", NULL},
		{"a: [1, 2\nb: 3\n", 0, 0, "", NULL},
		{"a: 'x\n", 0, 0, "", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct diags ds = {0};
		struct plan *p = parse(t[i].text, &ds);
		if (p || !ds.n)
			fail_msg("accepted: %s", t[i].text);
		bool found = t[i].line == 0;
		for (size_t k = 0; k < ds.n; k++)
			found = found || (ds.d[k].pos.line == t[i].line && strstr(ds.d[k].what, t[i].what));
		if (!found) {
			char *s = diags_text(&ds);
			fail_msg("%s\n%s", t[i].text, s);
		}
		diags_fini(&ds);
	}
}

static void wrong_encodings_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *what;
	} t[] = {
		{"a: \xff\n", 5, "not UTF-8"},
		{"a: \xc0\x80\n", 6, "not UTF-8"},
		{"a: \xed\xa0\x80\n", 7, "not UTF-8"},
		{"a: \xe2\x82\n", 6, "not UTF-8"},
		{"a: x\0y\n", 7, "NUL"},
		{"a: \x01\n", 5, "control"},
		{"a: \xef\xbb\xbfx\n", 8, "byte order mark"},
		{"\xff\xfe"
		 "a\0",
			4, "UTF-16"},
		{"a\0:\0", 4, "UTF-16"},
		{"a: 1\rb: 2\n", 10, "carriage return"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct diags ds = {0};
		assert_null(plan_parse(NULL, "t.yaml", t[i].text, t[i].len, NULL, 0, &ds));
		if (ds.n != 1 || !strstr(ds.d[0].what, t[i].what))
			fail_msg("case %zu: %s", i, ds.n ? ds.d[0].what : "no complaint");
		diags_fini(&ds);
	}
}

static void crlf_and_a_leading_byte_order_mark_are_fine(void **state)
{
	char text[2048] = "\xef\xbb\xbf";
	size_t n = 3;
	(void)state;
	for (const char *s = SOUND "    count2: 5\n"; *s; s++) {
		if (*s == '\n')
			text[n++] = '\r';
		text[n++] = *s;
	}
	struct diags ds = {0};
	assert_null(plan_parse("scenarios", "t.yaml", text, n, NULL, 0, &ds));
	assert_int_equal(ds.n, 1);
	assert_int_equal(ds.d[0].pos.line, 16);
	assert_int_equal(ds.d[0].pos.col, 5);
	assert_string_equal(ds.d[0].source_line, "    count2: 5");
	diags_fini(&ds);
}

static void all_errors_are_reported_in_order(void **state)
{
	(void)state;
	struct diags ds = {0};
	assert_null(
		parse("backtalk: 1\nscenario: t\ndurration: 60s\nservers: {a: {cuont: 1, model: thread}}\n"
		      "clients: {p: {count: x, technique: sse}}\n",
			&ds));
	static const char *const want[] = {"`duration` is missing", "unknown key `durration`",
		"unknown key `cuont`", "unknown word `thread`", "`path` is missing",
		"`x` is not a whole number"};
	assert_int_equal(ds.n, 6);
	for (size_t i = 0; i < 6; i++)
		assert_non_null(strstr(ds.d[i].what, want[i]));
	char *s = diags_text(&ds);
	assert_non_null(strstr(s, "t.yaml:3:1: unknown key `durration`"));
	assert_non_null(
		strstr(s, "     3 | durration: 60s\n       | ^~~~~~~~~\n       = did you mean `duration`?"));
	free(s);
	diags_fini(&ds);
}

static void too_much_is_refused(void **state)
{
	struct diags ds = {0};
	(void)state;
	char *big = malloc(2000001);
	memset(big, 'x', 2000000);
	big[2000000] = 0;
	assert_null(plan_parse(NULL, "big", big, 2000000, NULL, 0, &ds));
	assert_int_equal(ds.n, 1);
	assert_non_null(strstr(ds.d[0].what, "larger than"));
	diags_fini(&ds);
	size_t n = (size_t)sprintf(big, SOUND "timeline:\n");
	for (int i = 0; i < 10001; i++)
		n += (size_t)sprintf(big + n, "  - {at: 1s, say: a}\n");
	assert_null(plan_parse(NULL, "big", big, n, NULL, 0, &ds));
	assert_non_null(strstr(ds.d[0].what, "more than 10000 entries"));
	diags_fini(&ds);
	free(big);
}

static void a_value_is_set_by_its_path(void **state)
{
	(void)state;
	static const char *const sets[] = {"clients.*.options.heartbeat=15s",
		"clients.phones.options.heartbeat=60s", "clients.*.count=7",
		"clients.phones.options.reconnect.first=3s", "compare.technique=[sse, polling]",
		"messages.news.size=1KiB", "messages.0.every=9s", "seed=5", "networks.lte.preset=umts"};
	struct diags ds = {0};
	const char *text = SOUND "messages:\n  - {name: news, every: 5s}\n";
	struct plan *p = plan_parse("scenarios", "t", text, strlen(text), sets, 9, &ds);
	if (!p)
		fail_msg("%s", diags_text(&ds));
	assert_int_equal(p->cfg.groups[0].opts.heartbeat_ns, 60000000000);
	assert_int_equal(p->cfg.groups[0].count, 7);
	assert_int_equal(p->cfg.groups[0].opts.reconnect.first_ns, 3000000000);
	assert_int_equal(p->ncompare, 2);
	assert_string_equal(p->compare[1], "polling");
	assert_int_equal(p->cfg.msgs[0].size_bytes, 1024);
	assert_int_equal(p->cfg.msgs[0].every_ns, 9000000000);
	assert_int_equal(p->seed, 5);
	assert_int_equal(p->cfg.nets[0].jitter_ns, 80000000); /* from the preset */
	assert_int_equal(p->cfg.nets[0].rtt_ns, 60000000);    /* the file's own value stays */
	assert_string_equal(plan_value(p, "clients.phones.options.heartbeat"), "60s");
	assert_string_equal(plan_value(p, "clients.phones.options.hold"), "30s");
	assert_null(plan_value(p, "clients.nobody.options.hold"));
	assert_null(plan_value(p, "clients.phones.options"));
	assert_int_equal(plan_pos(p, "boxes.nat.idle_timeout").line, 7);
	plan_free(p);
}

static void wrong_sets_are_told_in_their_own_text(void **state)
{
	static const struct wrong t[] = {
		{"clients.phones.options.hartbeat=5s", 1, 24, "unknown key `hartbeat`", "heartbeat"},
		{"clients.phons.count=5", 1, 9, "no `phons`", "phones"},
		{"clients.phones.count=five", 1, 22, "not a whole number", NULL},
		{"clients.phones.count.x=5", 1, 22, "nothing inside", NULL},
		{"clients.phones.count", 1, 1, "expected PATH=VALUE", NULL},
		{"=5", 1, 1, "a path is missing", NULL},
		{"compare.technique=[sse", 1, 0, "", NULL},
		{"compare.technique=[sse, wss]", 1, 25, "unknown technique", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct diags ds = {0};
		const char *set = t[i].text;
		assert_null(plan_parse("scenarios", "t", SOUND, strlen(SOUND), &set, 1, &ds));
		const struct diag *d = &ds.d[0];
		if (strcmp(d->file, "--set") || d->pos.line != t[i].line ||
			(t[i].col && d->pos.col != t[i].col) || !strstr(d->what, t[i].what) ||
			(t[i].hint && (!d->hint || !strstr(d->hint, t[i].hint))))
			fail_msg("%s\n%s", set, diags_text(&ds));
		diags_fini(&ds);
	}
}

static void the_table_of_keys_is_sound(void **state)
{
	(void)state;
	for (size_t i = 1; i < key_count(); i++) {
		const struct key_def *k = key_at(i);
		char what[256], hint[256];
		assert_int_equal(key_find(k->path), (int)i);
		if (*k->dflt && !key_value_ok(k, k->dflt, what, hint))
			fail_msg("default of %s: %s", k->path, what);
		if (*k->min && !key_value_ok(k, k->min, what, hint))
			fail_msg("min of %s: %s", k->path, what);
		if (*k->max && !key_value_ok(k, k->max, what, hint))
			fail_msg("max of %s: %s", k->path, what);
		if (k->type == KEY_WORD)
			assert_true(*k->words);
		assert_int_equal(k->help[strlen(k->help) - 1], '.');
		/* every key hangs on a mapping or list of the table */
		char parent[128];
		snprintf(parent, sizeof parent, "%s", k->path);
		char *dot = strrchr(parent, '.');
		if (dot) {
			*dot = 0;
			assert_true(key_find(parent) > 0);
		}
	}
}

static void techniques_of_the_language_are_those_that_exist(void **state)
{
	char w[64];
	(void)state;
	for (int i = 0; i < TECH_KINDS; i++) {
		assert_true(words_nth(key_techniques, (size_t)i, w));
		assert_string_equal(w, tech_def((enum tech_kind)i)->name);
	}
	assert_false(words_nth(key_techniques, TECH_KINDS, w));
}

static void box_kinds_of_the_language_are_those_explained(void **state)
{
	const struct key_def *k = key_at((size_t)key_find("boxes.*.kind"));
	size_t n = 0;
	char w[64];
	(void)state;
#define X(name, title, source, what) assert_int_equal(words_index(k->words, name), (int)n++);
#include "sim/scenario/boxes.def"
#undef X
	assert_false(words_nth(k->words, n, w));
}

static void the_shipped_schema_is_the_one_of_the_table(void **state)
{
	(void)state;
	char *now = schema_text();
	FILE *f = fopen("scenarios/backtalk.schema.json", "r");
	if (!f)
		fail_msg("scenarios/backtalk.schema.json is missing: build/release/backtalk explain --schema "
			 "writes it");
	char *shipped = calloc(1, 1000000);
	size_t n = fread(shipped, 1, 999999, f);
	fclose(f);
	if (n != strlen(now) || memcmp(shipped, now, n))
		fail_msg("scenarios/backtalk.schema.json is old: write it again with backtalk explain "
			 "--schema");
	free(shipped);
	free(now);
}

static void every_preset_is_sound_and_names_its_source(void **state)
{
	struct library_names l;
	(void)state;
	library_list("scenarios", LIBRARY_PRESETS, &l);
	assert_true(l.n >= 15);
	for (size_t i = 0; i < l.n; i++) {
		struct diags ds = {0};
		struct doc d;
		struct preset p;
		char *path = library_path("scenarios", LIBRARY_PRESETS, l.name[i]);
		doc_init(&d, &ds);
		if (!preset_read(&d, path, &p))
			fail_msg("%s", diags_text(&ds));
		assert_string_equal(p.id, l.name[i]);
		assert_true(strlen(p.source) > 2 && strlen(p.title) > 5);
		doc_fini(&d);
		free(path);
	}
	library_names_fini(&l);
}

static void every_lecture_reads(void **state)
{
	struct library_names l;
	(void)state;
	library_list("scenarios", LIBRARY_LECTURES, &l);
	assert_true(l.n > 0);
	for (size_t i = 0; i < l.n; i++) {
		struct diags ds = {0};
		struct plan *p = plan_load("scenarios", l.name[i], NULL, 0, &ds);
		if (!p)
			fail_msg("%s", diags_text(&ds));
		assert_true(*p->title && *p->summary);
		plan_free(p);
	}
	library_names_fini(&l);
}

static void a_missing_file_is_the_environments_and_a_wrong_name_the_users(void **state)
{
	struct diags ds = {0};
	(void)state;
	assert_null(plan_load("scenarios", "./none.yaml", NULL, 0, &ds));
	assert_true(diags_environment(&ds));
	diags_fini(&ds);
	assert_null(plan_load("scenarios", "nat-forget", NULL, 0, &ds));
	assert_false(diags_environment(&ds));
	assert_string_equal(ds.d[0].hint, "did you mean `nat-forgets`?");
	diags_fini(&ds);
	assert_null(plan_load(NULL, "nat-forget", NULL, 0, &ds));
	diags_fini(&ds);
	assert_null(plan_load("scenarios", "/tmp", NULL, 0, &ds));
	assert_true(diags_environment(&ds));
	diags_fini(&ds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_scenario_becomes_a_world),
		cmocka_unit_test(the_timeline_acts_and_speaks),
		cmocka_unit_test(wrong_files_are_told_where_and_why),
		cmocka_unit_test(what_yaml_offers_and_we_do_not_is_refused),
		cmocka_unit_test(wrong_encodings_are_refused),
		cmocka_unit_test(crlf_and_a_leading_byte_order_mark_are_fine),
		cmocka_unit_test(all_errors_are_reported_in_order),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(a_value_is_set_by_its_path),
		cmocka_unit_test(wrong_sets_are_told_in_their_own_text),
		cmocka_unit_test(the_table_of_keys_is_sound),
		cmocka_unit_test(techniques_of_the_language_are_those_that_exist),
		cmocka_unit_test(box_kinds_of_the_language_are_those_explained),
		cmocka_unit_test(the_shipped_schema_is_the_one_of_the_table),
		cmocka_unit_test(every_preset_is_sound_and_names_its_source),
		cmocka_unit_test(every_lecture_reads),
		cmocka_unit_test(a_missing_file_is_the_environments_and_a_wrong_name_the_users),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
