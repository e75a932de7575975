/*
 * story_trace STORY PREFIX: the simulator plays a story (tests/support/tcp_story.h) and writes down what happened:
 * PREFIX.jsonl, the trace; PREFIX-client.pcapng and PREFIX-server.pcapng, what is sent and arrives at each end.
 */
#include "sim/capture/cap_export.h"
#include "sim/trace/trace.h"
#include "tests/support/tcp_play.h"

#include <stdio.h>

static int to_file(void *ctx, const char *p, size_t n)
{
	return fwrite(p, 1, n, ctx) == n ? 0 : -1;
}

static bool written(const struct trace *tr, const char *prefix, const char *at)
{
	char path[512];
	FILE *f;
	int rc;

	if (at)
		snprintf(path, sizeof path, "%s-%s.pcapng", prefix, at);
	else
		snprintf(path, sizeof path, "%s.jsonl", prefix);
	f = fopen(path, "wb");
	if (!f)
		return false;
	struct trace_out out = {.write = to_file, .ctx = f};
	struct cap_export_opts o = {.at = at};

	rc = at ? cap_export_trace(tr, &o, &out) : trace_write_jsonl(tr, &out);
	return fclose(f) == 0 && rc == 0;
}

int main(int argc, char **argv)
{
	struct story s;
	struct tcp_play y;
	struct trace *tr;
	bool ok;

	if (argc != 3 || !story_read(&s, argv[1])) {
		fprintf(stderr, "%s\n", argc == 3 ? s.error : "usage: story_trace STORY PREFIX");
		return 2;
	}
	tr = trace_new(NULL);
	trace_keep_all(tr);
	tcp_play_init(&y, &s);
	tcp_pair_trace(&y.p, tr);
	tcp_play(&y);
	tr->end_ns = y.p.w->now_ns;
	ok = written(tr, argv[2], NULL) && written(tr, argv[2], "client") && written(tr, argv[2], "server");
	tcp_play_fini(&y);
	trace_free(tr);
	return ok ? 0 : 1;
}
