/* The trace: storing, listening, words and causes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/trace/why.h"

static struct trace *fresh(void)
{
	struct trace *tr = trace_new(NULL);
	trace_keep_all(tr);
	trace_add_node(tr, &(struct trace_node){.name = trace_str(tr, "phone"), .role = TRACE_CLIENT});
	trace_add_node(tr, &(struct trace_node){.name = trace_str(tr, "home-nat"), .role = TRACE_BOX});
	trace_add_node(tr, &(struct trace_node){.name = trace_str(tr, "app"), .role = TRACE_SERVER});
	trace_add_conn(tr, &(struct trace_conn){.client = 1, .server = 3});
	return tr;
}

static uint64_t add(struct trace *tr, struct trace_rec r)
{
	return trace_add(tr, &r, true);
}

static void same_text_has_one_id_and_keeps_it_while_the_table_grows(void **st)
{
	(void)st;
	struct trace *tr = trace_new(NULL);
	uint32_t a = trace_str(tr, "home-nat");
	assert_int_equal(trace_str(tr, ""), 0);
	for (int i = 0; i < 5000; i++)
		assert_int_not_equal(trace_strf(tr, "phones[%d]", i), a);
	assert_int_equal(trace_str(tr, "home-nat"), a);
	assert_string_equal(trace_text(tr, a), "home-nat");
	assert_string_equal(trace_text(tr, UINT32_MAX), "");
	trace_free(tr);
}

static void nothing_is_stored_outside_the_lens_but_folds_see_it(void **st);
static int seen;
static void see(void *ctx, const struct trace_fact *r)
{
	assert_int_equal(r->kind, TRACE_MSG_DELIVER);
	(*(int *)ctx)++;
}
static void nothing_is_stored_outside_the_lens_but_folds_see_it(void **st)
{
	(void)st;
	struct trace *tr = fresh();
	struct trace_fold f = {.see = see, .ctx = &seen};
	trace_want(&f, TRACE_MSG_DELIVER);
	trace_add_fold(tr, &f);
	seen = 0;
	assert_true(trace_on(tr, TRACE_MSG_DELIVER, false));
	assert_false(trace_on(tr, TRACE_PKT_SEND, false));
	assert_true(trace_on(tr, TRACE_PKT_SEND, true));
	assert_false(trace_on(NULL, TRACE_PKT_SEND, true));
	struct trace_rec r = {.kind = TRACE_MSG_DELIVER};
	assert_int_equal(trace_add(tr, &r, false), 0);
	assert_int_equal(tr->nrec, 0);
	assert_int_equal(trace_add(tr, &r, true), 1);
	assert_int_equal(seen, 2);
	trace_free(tr);
}

static void a_full_store_names_its_limit_and_folds_go_on(void **st)
{
	(void)st;
	struct trace *tr = trace_new(&(struct trace_opts){.rec_max = 3, .payload_max = 10});
	trace_keep_all(tr);
	struct trace_fold f = {.see = see, .ctx = &seen};
	trace_want(&f, TRACE_MSG_DELIVER);
	trace_add_fold(tr, &f);
	seen = 0;
	for (int i = 0; i < 5; i++)
		add(tr, (struct trace_rec){.kind = TRACE_MSG_DELIVER});
	assert_int_equal(tr->nrec, 3);
	assert_int_equal(seen, 5);
	assert_non_null(tr->overflow);
	assert_int_equal(trace_payload(tr, BYTES_LIT("12345678")), 0);
	assert_true(trace_payload(tr, BYTES_LIT("123")) == UINT64_MAX);
	trace_free(tr);
}

static void every_sentence_knows_its_placeholders(void **st)
{
	(void)st;
	struct trace *tr = fresh();
	static const char *const words[] = {"node", "peer", "text", "len", "slen", "msg", "pkt", "client",
		"a", "b", "a:time", "b:time", "a:clock", "b:clock"};
	for (unsigned k = 0; k < TRACE_KINDS + TRACE_REASONS; k++) {
		const char *t = k < TRACE_KINDS ? trace_kind_def(k)->sentence
						: trace_reason_def(k - TRACE_KINDS)->sentence;
		for (const char *p = t; (p = strchr(p, '{')); p++) {
			size_t n = (size_t)(strchr(p, '}') - p - 1), i = 0;
			while (i < sizeof words / sizeof *words &&
				(strlen(words[i]) != n || memcmp(words[i], p + 1, n)))
				i++;
			if (i == sizeof words / sizeof *words)
				fail_msg("unknown placeholder in: %s", t);
		}
	}
	trace_free(tr);
}

static void durations_are_written_as_people_say_them(void **st)
{
	(void)st;
	static const struct {
		int64_t ns;
		const char *text;
	} t[] = {{0, "0 s"}, {999, "999 ns"}, {400000, "0.4 ms"}, {1500000, "1.5 ms"}, {25400000, "25 ms"},
		{999499999, "999 ms"}, {999500000, "1 s"}, {1204000000, "1.204 s"}, {30000000000, "30 s"},
		{119999600000, "120 s"}, {125000000000, "2 min 5 s"}, {240000000000, "4 min"},
		{7440000000000, "2 h 4 min"}, {-2000000000, "-2 s"}};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char s[40];
		trace_duration(t[i].ns, s, sizeof s);
		assert_string_equal(s, t[i].text);
	}
	char tiny[4];
	assert_int_equal(trace_duration(30000000000, tiny, sizeof tiny), 3);
	assert_string_equal(tiny, "30 ");
}

/* phone's silent connection: the NAT forgets it, a push dies, TCP tries again and gives up */
struct story {
	uint64_t publish, unit, send1, drop1, rto, rtx, drop2, forget, lost;
};

static struct story nat_story(struct trace *tr)
{
	struct story s;
	uint64_t last = add(tr, (struct trace_rec){.at = 1000,
					.kind = TRACE_PKT_SEND,
					.node = 3,
					.peer = 2,
					.conn = 1,
					.flags = TRACE_DOWN,
					.pkt = 1});
	s.publish = add(tr, (struct trace_rec){.at = 40000, .kind = TRACE_MSG_PUBLISH, .node = 3, .msg = 1});
	s.unit = add(tr, (struct trace_rec){.at = 40000,
				 .cause = s.publish,
				 .kind = TRACE_WS_FRAME_SEND,
				 .node = 3,
				 .peer = 1,
				 .conn = 1,
				 .flags = TRACE_DOWN,
				 .soff = 100,
				 .slen = 34,
				 .msg = 1});
	s.send1 = add(tr, (struct trace_rec){.at = 40000,
				  .cause = s.unit,
				  .kind = TRACE_PKT_SEND,
				  .node = 3,
				  .peer = 2,
				  .conn = 1,
				  .flags = TRACE_DOWN,
				  .pkt = 2,
				  .soff = 100,
				  .slen = 34});
	s.forget = add(tr, (struct trace_rec){.at = 31000,
				   .cause = last,
				   .kind = TRACE_NAT_FORGET,
				   .node = 2,
				   .conn = 1,
				   .reason = REASON_NAT_IDLE,
				   .a = 30000000000,
				   .b = 30000000000});
	s.drop1 = add(tr, (struct trace_rec){.at = 41000,
				  .cause = s.send1,
				  .kind = TRACE_PKT_DROP,
				  .node = 3,
				  .peer = 2,
				  .conn = 1,
				  .flags = TRACE_DOWN,
				  .pkt = 2,
				  .soff = 100,
				  .slen = 34,
				  .reason = REASON_NAT_NO_MAPPING,
				  .a = 10000,
				  .b = 30000000000});
	s.rto = add(tr, (struct trace_rec){.at = 42000,
				.cause = s.send1,
				.kind = TRACE_TCP_RTO,
				.node = 3,
				.peer = 1,
				.conn = 1,
				.flags = TRACE_DOWN,
				.soff = 100,
				.slen = 34});
	s.rtx = add(tr, (struct trace_rec){.at = 42000,
				.cause = s.rto,
				.kind = TRACE_PKT_SEND,
				.node = 3,
				.peer = 2,
				.conn = 1,
				.flags = TRACE_DOWN | TRACE_AGAIN,
				.pkt = 3,
				.soff = 100,
				.slen = 34});
	s.drop2 = add(tr, (struct trace_rec){.at = 43000,
				  .cause = s.rtx,
				  .kind = TRACE_PKT_DROP,
				  .node = 3,
				  .peer = 2,
				  .conn = 1,
				  .flags = TRACE_DOWN,
				  .pkt = 3,
				  .soff = 100,
				  .slen = 34,
				  .reason = REASON_NAT_NO_MAPPING,
				  .b = 30000000000});
	s.lost = add(tr, (struct trace_rec){
				 .at = 90000, .cause = s.drop2, .kind = TRACE_MSG_LOST, .node = 1, .msg = 1});
	return s;
}

static void a_lost_message_leads_to_the_box_its_rule_and_its_parameter(void **st)
{
	(void)st;
	struct trace *tr = fresh();
	struct story s = nat_story(tr);
	struct why_index *ix = why_index_new(tr);
	uint64_t chain[16];
	size_t n = why_chain(ix, s.lost, chain, 16);
	assert_int_equal(n, 3);
	assert_int_equal(chain[0], s.lost);
	assert_int_equal(chain[1], s.drop2);
	assert_int_equal(chain[2], s.forget);
	assert_int_equal(why_root(ix, s.lost), s.forget);
	char text[200];
	trace_reason_param(tr, trace_get(tr, s.forget), text, sizeof text);
	assert_string_equal(text, "boxes.home-nat.idle_timeout");
	/* the retransmission was needed because of the first drop */
	n = why_chain(ix, s.rto, chain, 16);
	assert_int_equal(chain[1], s.drop1);
	assert_int_equal(chain[2], s.forget);
	why_index_free(ix);
	trace_free(tr);
}

static void fate_and_effects_are_found(void **st)
{
	(void)st;
	struct trace *tr = fresh();
	struct story s = nat_story(tr);
	uint64_t drop;
	struct why_index *ix = why_index_new(tr);
	assert_int_equal(why_packet_fate(ix, s.send1), s.drop1);
	assert_int_equal(why_unit_fate(ix, s.unit, &drop), 0);
	assert_int_equal(drop, s.drop1);
	assert_int_equal(why_first_effect(ix, s.publish), s.unit);
	assert_int_equal(why_first_effect(ix, s.send1), s.drop1);
	assert_int_equal(why_next_effect(ix, s.drop1), s.rto);
	assert_int_equal(why_next_effect(ix, s.rto), 0);
	why_index_free(ix);
	trace_free(tr);
}

static void order_of_time_puts_late_discoveries_where_they_happened(void **st)
{
	(void)st;
	struct trace *tr = fresh();
	struct story s = nat_story(tr);
	uint64_t ids[16];
	trace_by_time(tr, ids);
	for (uint64_t i = 1; i < tr->nrec; i++) {
		const struct trace_rec *a = trace_get(tr, ids[i - 1]), *b = trace_get(tr, ids[i]);
		assert_true(a->at < b->at || (a->at == b->at && a->id < b->id));
	}
	assert_int_equal(ids[1], s.forget);
	trace_free(tr);
}

struct text {
	char p[16384];
	size_t n;
};
static int collect(void *ctx, const char *p, size_t n)
{
	struct text *t = ctx;
	assert_true(t->n + n < sizeof t->p);
	memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = 0;
	return 0;
}

static void json_lines_carry_the_keys_of_the_contract(void **st)
{
	(void)st;
	struct trace *tr = fresh();
	nat_story(tr);
	add(tr, (struct trace_rec){
			.at = 95000, .kind = TRACE_SAY, .text = trace_str(tr, "a \"quote\"\n and \x01")});
	struct text t = {.n = 0};
	assert_int_equal(trace_write_jsonl(tr, &(struct trace_out){collect, &t}), 0);
	assert_non_null(strstr(t.p,
		"{\"t_ns\":31000,\"id\":5,\"cause\":1,\"node\":\"home-nat\",\"peer\":null,\"conn\":1,"
		"\"layer\":\"box\",\"kind\":\"mapping-forgotten\",\"bytes\":0,\"summary\":\""));
	assert_non_null(strstr(t.p, "\"param\":\"boxes.home-nat.idle_timeout\""));
	assert_non_null(strstr(t.p, "a \\\"quote\\\"\\n and \\u0001"));
	trace_free(tr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_text_has_one_id_and_keeps_it_while_the_table_grows),
		cmocka_unit_test(nothing_is_stored_outside_the_lens_but_folds_see_it),
		cmocka_unit_test(a_full_store_names_its_limit_and_folds_go_on),
		cmocka_unit_test(every_sentence_knows_its_placeholders),
		cmocka_unit_test(durations_are_written_as_people_say_them),
		cmocka_unit_test(a_lost_message_leads_to_the_box_its_rule_and_its_parameter),
		cmocka_unit_test(fate_and_effects_are_found),
		cmocka_unit_test(order_of_time_puts_late_discoveries_where_they_happened),
		cmocka_unit_test(json_lines_carry_the_keys_of_the_contract),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
