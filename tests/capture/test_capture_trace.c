/*
 * A capture told as records, and written out again: units agree with the model, octets with the frames, causes point back; an
 * exported file holds the same packets.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/capture/cap_export.h"

static struct capture *load(const char *path)
{
	struct capture *c = NULL;
	char why[256] = "";
	if (capture_open(&c, path, NULL, why, sizeof why) != CAPTURE_OK)
		fail_msg("%s: %s", path, why);
	return c;
}

static uint64_t count(const struct trace *tr, enum trace_kind k)
{
	uint64_t n = 0;
	for (uint64_t i = 0; i < tr->nrec; i++)
		n += tr->rec[i].kind == k;
	return n;
}

static void check_units(const struct capture *c, const struct trace *tr)
{
	uint64_t responses = 0, events = 0, frames = 0;
	for (uint32_t i = 0; i < c->nhttp; i++)
		responses += c->http[i].has_response;
	for (uint32_t i = 0; i < c->nh2_reqs; i++)
		responses += c->h2_req[i].x.has_response;
	for (uint32_t i = 0; i < c->nsse; i++)
		for (uint32_t k = 0; k < c->sse[i].nitems; k++)
			events += c->sse[i].item[k].kind != CAP_SSE_COMMENT;
	for (uint32_t i = 0; i < c->nws; i++)
		frames += c->ws[i].nframes;
	assert_int_equal(count(tr, TRACE_PKT_SEND), c->npkts);
	assert_int_equal(count(tr, TRACE_HTTP_REQUEST_RECV), c->nhttp + c->nh2_reqs);
	assert_int_equal(count(tr, TRACE_HTTP_REQUEST_SEND), c->nhttp + c->nh2_reqs);
	assert_int_equal(count(tr, TRACE_HTTP_RESPONSE_RECV), responses);
	assert_int_equal(count(tr, TRACE_SSE_EVENT_RECV), events);
	assert_int_equal(count(tr, TRACE_WS_FRAME_RECV), frames);
	assert_int_equal(count(tr, TRACE_WS_OPEN), c->nws);
}

/* Octets of a unit begin as its kind does. */
static void check_octets(const struct trace *tr, const struct trace_rec *r)
{
	if (strstr(trace_text(tr, r->text), "HTTP/2"))
		return;
	struct bytes b = trace_bytes(tr, r);
	if (r->kind == TRACE_HTTP_REQUEST_RECV)
		assert_true(b.n > 16 && b.p[0] >= 'A' && b.p[0] <= 'Z');
	if (r->kind == TRACE_HTTP_RESPONSE_RECV)
		assert_true(b.n > 16 && !memcmp(b.p, "HTTP/1.", 7));
	if (r->kind == TRACE_WS_FRAME_RECV) {
		assert_true(b.n >= 2);
		assert_int_equal(b.p[0] & 15, r->a);
		assert_int_equal(b.p[1] >> 7, (r->flags & TRACE_UP) != 0);
	}
	if (r->kind == TRACE_SSE_COMMENT_RECV && b.n)
		assert_int_equal(b.p[0], ':');
}

static void every_capture_becomes_a_consistent_trace(void **state)
{
	(void)state;
	glob_t g = {0};
	glob("tests/data/captures/*.pcap*", 0, NULL, &g);
	glob("tests/data/captures/zeek/*.pcap", GLOB_APPEND, NULL, &g);
	assert_true(g.gl_pathc > 30);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct capture *c = load(g.gl_pathv[i]);
		struct trace *tr = trace_new(NULL);
		trace_keep_all(tr);
		capture_to_trace(c, tr);
		check_units(c, tr);
		int64_t last = INT64_MIN;
		for (uint64_t k = 1; k <= tr->nrec; k++) {
			const struct trace_rec *r = trace_get(tr, k);
			assert_true(r->cause < r->id);
			assert_true(r->at >= last);
			last = r->at;
			check_octets(tr, r);
		}
		assert_int_equal(tr->end_ns, c->end_ns);
		trace_free(tr);
		capture_free(c);
	}
	globfree(&g);
}

static int keep(void *ctx, const char *p, size_t n)
{
	return fwrite(p, 1, n, ctx) == n ? 0 : -1;
}

static void an_exported_capture_holds_the_same_packets(void **state)
{
	(void)state;
	glob_t g = {0};
	char path[200];
	const char *dir = getenv("TMPDIR");
	snprintf(path, sizeof path, "%.120s/test_capture_trace.%ld.pcapng", dir ? dir : "/tmp",
		(long)getpid());
	glob("tests/data/captures/*.pcap*", 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct capture *a = load(g.gl_pathv[i]);
		FILE *f = fopen(path, "wb");
		assert_non_null(f);
		struct trace_out out = {keep, f};
		assert_int_equal(cap_export_capture(a, NULL, &out), 0);
		fclose(f);
		struct capture *b = load(path);
		assert_null(b->file.reader_error);
		assert_int_equal(a->npkts, b->npkts);
		assert_int_equal(a->t0_ns, b->t0_ns);
		for (uint32_t k = 0; k < a->npkts; k++) {
			assert_int_equal(a->pkt[k].at, b->pkt[k].at);
			assert_int_equal(a->pkt[k].analysis, b->pkt[k].analysis);
			assert_int_equal(a->pkt[k].iface, b->pkt[k].iface);
			assert_int_equal(a->pkt[k].caplen, b->pkt[k].caplen);
			assert_memory_equal(
				a->store + a->pkt[k].off, b->store + b->pkt[k].off, a->pkt[k].caplen);
			assert_int_equal(a->pkt[k].analysis != 0, b->comment && b->comment[k] != NULL);
		}
		capture_free(a);
		capture_free(b);
	}
	remove(path);
	globfree(&g);
}

/* A made-up run: two packets, the second lost and sent again. */
static struct trace *small_run(void)
{
	struct trace *tr = trace_new(NULL);
	trace_keep_all(tr);
	tr->scenario = trace_str(tr, "made-up");
	tr->seed = 7;
	struct trace_node n[3] = {{.name = trace_str(tr, "phone"), .order = 1},
		{.name = trace_str(tr, "nat"), .order = 2}, {.name = trace_str(tr, "app"), .order = 3}};
	uint16_t id[3];
	for (unsigned i = 0; i < 3; i++)
		id[i] = trace_add_node(tr, &n[i]);
	static const uint8_t frame[60] = {1, 2, 3};
	uint64_t off = trace_payload(tr, (struct bytes){frame, sizeof frame});
	struct trace_rec s = {.kind = TRACE_PKT_SEND,
		.node = id[0],
		.peer = id[1],
		.at = 10,
		.b = 20,
		.pkt = 1,
		.off = off,
		.len = sizeof frame};
	uint64_t first = trace_add(tr, &s, true);
	struct trace_rec r = {
		.kind = TRACE_PKT_RECV, .node = id[0], .peer = id[1], .at = 20, .pkt = 1, .cause = first};
	trace_add(tr, &r, true);
	s.node = id[1];
	s.peer = id[2];
	s.at = 20;
	s.b = 0;
	uint64_t second = trace_add(tr, &s, true);
	struct trace_rec d = {.kind = TRACE_PKT_DROP,
		.reason = REASON_LINK_LOSS,
		.node = id[1],
		.peer = id[2],
		.at = 20,
		.pkt = 1,
		.cause = second,
		.text = trace_str(tr, "lte")};
	trace_add(tr, &d, true);
	struct trace_rec rt = {
		.kind = TRACE_TCP_RETRANSMIT, .node = id[0], .peer = id[2], .at = 300, .slen = 6};
	s.cause = trace_add(tr, &rt, true);
	s.node = id[0];
	s.peer = id[1];
	s.at = 300;
	s.b = 310;
	s.pkt = 2;
	trace_add(tr, &s, true);
	return tr;
}

static struct capture *export_and_read(const struct trace *tr, const char *at)
{
	char path[200];
	const char *dir = getenv("TMPDIR");
	snprintf(path, sizeof path, "%.120s/test_capture_trace.%ld.pcapng", dir ? dir : "/tmp",
		(long)getpid());
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	struct trace_out out = {keep, f};
	struct cap_export_opts o = {.at = at};
	assert_int_equal(cap_export_trace(tr, &o, &out), 0);
	fclose(f);
	struct capture *c = load(path);
	remove(path);
	return c;
}

static void a_run_is_exported_with_links_times_and_reasons(void **state)
{
	(void)state;
	struct trace *tr = small_run();
	struct capture *c = export_and_read(tr, NULL);
	assert_int_equal(c->npkts, 3);
	assert_int_equal(c->t0_ns, 10);
	assert_int_equal(c->pkt[2].at, 290);
	assert_int_equal(c->file.nifaces, 2);
	assert_string_equal(c->file.iface[0].name, "phone/nat");
	assert_string_equal(c->file.iface[1].name, "nat/app");
	assert_null(c->comment[0]);
	assert_non_null(strstr(c->comment[1], "LOST between nat and app"));
	assert_non_null(strstr(c->comment[1], "loses a share of all packets"));
	assert_non_null(strstr(c->comment[2], "sends 6 bytes again"));
	capture_free(c);
	c = export_and_read(tr, "nat");
	assert_int_equal(c->npkts, 2); /* what arrived at it, and what it sent on */
	assert_int_equal(c->t0_ns, 20);
	assert_string_equal(c->file.iface[0].name, "nat/phone");
	capture_free(c);
	struct trace_out out = {keep, NULL};
	struct cap_export_opts o = {.at = "nobody"};
	assert_int_equal(cap_export_trace(tr, &o, &out), -2);
	trace_free(tr);
}

static int full(void *ctx, const char *p, size_t n)
{
	(void)p;
	(void)n;
	return --*(int *)ctx < 0 ? -1 : 0;
}

static void a_full_disk_is_reported(void **state)
{
	(void)state;
	struct trace *tr = small_run();
	for (int blocks = 0; blocks < 6; blocks++) {
		int left = blocks;
		struct trace_out out = {full, &left};
		assert_int_equal(cap_export_trace(tr, NULL, &out), -1);
	}
	trace_free(tr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_capture_becomes_a_consistent_trace),
		cmocka_unit_test(an_exported_capture_holds_the_same_packets),
		cmocka_unit_test(a_run_is_exported_with_links_times_and_reasons),
		cmocka_unit_test(a_full_disk_is_reported),
	};
	return cmocka_run_group_tests_name("capture as trace", tests, NULL, NULL);
}
