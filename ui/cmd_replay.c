/*
 * replay: a capture file (or a live interface) shown as what it carried.
 *
 * On a terminal the timelines of the ladder view open; elsewhere, and with --format text, a summary is printed;
 * --format json prints capture-replay/1. --trace and --pcap write the capture as our own records and as pcapng.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/capture/cap.h"
#include "sim/capture/cap_export.h"
#include "sim/core/xmalloc.h"
#include "ui/commands.h"
#include "ui/outfile.h"
#include "ui/show.h"

static const char *base_name(const char *path)
{
	const char *s = strrchr(path, '/');
	return s ? s + 1 : path;
}

static void print_time(char *out, size_t cap, int64_t ns)
{
	snprintf(out, cap, "%.3f", (double)ns / 1e9);
}

static void print_file(const struct capture *c, const char *path)
{
	char t[32];
	print_time(t, sizeof t, c->end_ns);
	printf("%s: %s, %" PRIu32 " packets in %s s", base_name(path), c->file.kind, c->npkts, t);
	static const char *const kinds[CAP_KINDS] = {"TCP", "UDP", "ICMP", "ARP", "other"};
	const char *sep = " (";
	for (unsigned i = 0; i < CAP_KINDS; i++)
		if (c->kinds[i]) {
			printf("%s%" PRIu64 " %s", sep, c->kinds[i], kinds[i]);
			sep = ", ";
		}
	printf("%s\n", *sep == ',' ? ")" : "");
	if (c->file.nifaces > 1)
		for (uint32_t i = 0; i < c->file.nifaces; i++)
			printf("  interface %" PRIu32 " %s: %" PRIu64 " packets\n", i,
				c->file.iface[i].name ? c->file.iface[i].name : "", c->file.iface[i].packets);
	if (c->cut_by_snaplen)
		printf("  %" PRIu64 " packets were recorded in part only (snapshot length)\n",
			c->cut_by_snaplen);
}

static void print_conversations(const struct capture *c)
{
	if (!c->nconv)
		return;
	printf("\n%-22s %-22s %-22s %-28s %9s %9s %8s\n", "technique", "client", "server", "resource",
		"from s", "to s", "messages");
	for (uint32_t i = 0; i < c->nconv; i++) {
		const struct cap_conv *v = &c->conv[i];
		char from[32], to[32], n[16] = "-", label[40];
		print_time(from, sizeof from, v->start);
		print_time(to, sizeof to, v->end);
		if (v->has_messages)
			snprintf(n, sizeof n, "%" PRIu32, v->messages);
		if (v->refused)
			snprintf(label, sizeof label, "%s (refused: %" PRIu32 ")", v->technique, v->refused);
		else
			snprintf(label, sizeof label, "%s%s", v->technique,
				v->unanswered ? " (unanswered)" : "");
		printf("%-22s %-22s %-22s %-28.28s %9s %9s %8s\n", label, v->client_host, v->leg,
			v->target ? v->target : "-", from, to, n);
	}
}

static void print_trouble(const struct capture *c)
{
	uint64_t n[CAP_ANS] = {0};
	bool any = false;
	for (uint32_t i = 0; i < c->npkts; i++)
		for (unsigned a = 0; c->pkt[i].analysis && a < CAP_ANS; a++)
			n[a] += c->pkt[i].analysis >> a & 1;
	for (unsigned a = 0; a < CAP_ANS; a++)
		if (n[a]) {
			printf("%s%s %" PRIu64,
				any ? ", " : "\nTCP: ", cap_analysis_name((enum cap_analysis)a), n[a]);
			any = true;
		}
	if (any)
		putchar('\n');
	for (uint32_t i = 0; i < c->nconns; i++) {
		const struct cap_conn *cn = &c->conn[i];
		if (cn->rsts)
			printf("connection %" PRIu32 ": reset at packet %" PRIu32 "\n", i, cn->first_rst + 1);
		if (cn->flow[0].missing || cn->flow[1].missing)
			printf("connection %" PRIu32 ": %" PRIu64 " bytes were never captured\n", i,
				cn->flow[0].missing + cn->flow[1].missing);
		if (cn->error)
			printf("connection %" PRIu32 ": %s\n", i, cn->error);
	}
	if (c->moved_from)
		printf("%s seems to have become %s: the client changed networks (inferred)\n", c->moved_from,
			c->moved_to);
}

static void print_text(const struct capture *c, const char *path)
{
	print_file(c, path);
	printf("%" PRIu32 " TCP connections, %" PRIu32 " HTTP exchanges, %" PRIu32 " event streams, %" PRIu32
	       " WebSockets\n",
		c->nconns, c->nhttp, c->nsse, c->nws);
	print_conversations(c);
	print_trouble(c);
}

static int to_stdout(void *ctx, const char *p, size_t n)
{
	(void)ctx;
	return fwrite(p, 1, n, stdout) == n ? 0 : -1;
}

static int print_json(const struct capture *c, const char *path)
{
	struct trace_out out = {to_stdout, NULL};
	if (capture_json_to(c, base_name(path), &out) || fflush(stdout)) {
		ui_error("cannot write the result");
		return EXIT_ENV;
	}
	return EXIT_FINE;
}

struct own { /* this command's own options */
	const char *live, *seconds, *packets, *iface;
	int64_t until_ns; /* when listening ends, 0 never */
	uint32_t packets_max;
};

static int64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	(void)sig;
	interrupted = 1;
}

static bool live_over(void *ctx)
{
	const struct own *w = ctx;
	return interrupted || (w->until_ns && clock_ns() >= w->until_ns);
}

static enum capture_result listen_live(struct capture **c, struct own *w, char *why, size_t why_cap)
{
	char tmp[200];
	const char *dir = getenv("TMPDIR");
	struct sigaction now = {.sa_handler = on_interrupt}, before;
	snprintf(
		tmp, sizeof tmp, "%.120s/backtalk-live-%ld.pcap", dir && *dir ? dir : "/tmp", (long)getpid());
	struct capture_opts o = {.packets_max = w->packets_max};
	sigemptyset(&now.sa_mask);
	sigaction(SIGINT, &now, &before);
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "listening on %s%s\n", w->live,
			w->until_ns || w->packets_max ? "" : "; Ctrl-C ends it");
	enum capture_result r = capture_live(c, w->live, tmp, &o, live_over, w, why, why_cap);
	sigaction(SIGINT, &before, NULL);
	return r;
}

/* Opens the file, or listens; says what is wrong. */
static int load(struct capture **c, const char *path, struct own *w)
{
	char why[256] = "";
	struct capture_opts co = {.iface = w->iface, .packets_max = w->packets_max};
	enum capture_result r =
		w->live ? listen_live(c, w, why, sizeof why) : capture_open(c, path, &co, why, sizeof why);
	if (r != CAPTURE_OK) {
		ui_error("%s: %s", path, why);
		return r == CAPTURE_ENV ? EXIT_ENV : EXIT_INPUT;
	}
	if ((*c)->file.reader_error)
		ui_error("%s: %s (%s); the %" PRIu32 " packets before it are used", path,
			(*c)->file.reader_error, (*c)->file.detail, (*c)->npkts);
	if ((*c)->limit)
		ui_error("%s: the limit %s was reached; what goes beyond it is left out", path, (*c)->limit);
	return EXIT_FINE;
}

static int write_trace(struct capture *c, const char *file, const char *path)
{
	struct trace *tr = trace_new(NULL);
	struct outfile f;
	trace_keep_all(tr);
	tr->scenario = trace_str(tr, base_name(path));
	capture_to_trace(c, tr);
	int rc = EXIT_FINE;
	if (outfile_open(&f, file)) {
		ui_error("%s: cannot be written", file);
		rc = EXIT_ENV;
	} else {
		struct trace_out out = {outfile_write, &f};
		if (trace_write_jsonl(tr, &out) || outfile_commit(&f)) {
			ui_error("%s: cannot be written", file);
			outfile_abandon(&f);
			rc = EXIT_ENV;
		}
	}
	trace_free(tr);
	return rc;
}

static int open_view(struct capture *c, const char *path, const struct options *o)
{
	struct trace *tr = trace_new(NULL);
	trace_keep_all(tr);
	capture_to_trace(c, tr);
	int rc = ui_ladder_open(tr, base_name(path), o);
	trace_free(tr);
	return rc;
}

static int write_pcap(const struct capture *c, const char *file)
{
	struct outfile f;
	struct cap_export_opts eo = {.program = "backtalk " BT_VERSION};
	if (outfile_open(&f, file)) {
		ui_error("%s: %s", file, strerror(errno));
		return EXIT_ENV;
	}
	struct trace_out out = {outfile_write, &f};
	if (cap_export_capture(c, &eo, &out)) {
		ui_error("%s: %s", file, strerror(f.err));
		outfile_abandon(&f);
		return EXIT_ENV;
	}
	if (outfile_commit(&f)) {
		ui_error("%s: %s", file, strerror(errno));
		return EXIT_ENV;
	}
	return EXIT_FINE;
}

/* A whole number of at most `max`; says what is wrong with anything else. */
static bool number(const char *name, const char *text, uint64_t max, uint64_t *out)
{
	char *end = NULL;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || v == 0 || v > max) {
		ui_error(
			"replay: --%s %s: a whole number from 1 to %" PRIu64 " is expected", name, text, max);
		return false;
	}
	*out = v;
	return true;
}

static bool own_numbers(struct own *w)
{
	uint64_t v = 0;
	if (w->seconds) {
		if (!number("seconds", w->seconds, 86400, &v))
			return false;
		w->until_ns = clock_ns() + (int64_t)v * 1000000000;
	}
	if (w->packets) {
		if (!number("packets", w->packets, CAP_PACKETS_MAX, &v))
			return false;
		w->packets_max = (uint32_t)v;
	}
	return true;
}

static const struct cmd_usage usage = {
	.name = "replay",
	.args = "CAPTURE",
	.about = "A pcap or pcapng file decoded: connections, HTTP, event streams, WebSockets, and the "
		 "technique each\n"
		 "conversation uses. --format json prints everything found (capture-replay/1).",
	.example = "backtalk replay --format json capture.pcapng\nbacktalk replay -i lo --seconds 10\n",
	.common = OPT_FORMAT | OPT_QUIET | OPT_TRACE | OPT_PCAP,
};

static int results(struct capture *c, const char *path, const struct options *o)
{
	int rc = EXIT_FINE;
	if (o->trace)
		rc = write_trace(c, o->trace, path);
	if (rc == EXIT_FINE && o->pcap)
		rc = write_pcap(c, o->pcap);
	if (rc != EXIT_FINE)
		return rc;
	if (o->format == FORMAT_JSON)
		return print_json(c, path);
	if (ui_wants_view(o) || (o->plain && !o->format_set))
		return open_view(c, path, o);
	if (!o->quiet)
		print_text(c, path);
	return EXIT_FINE;
}

int cmd_replay(int argc, char **argv)
{
	struct options o;
	struct own w = {0};
	const struct opt_own own[] = {
		{.name = "live",
			.letter = 'i',
			.arg = "IFACE",
			.help = "listen on an interface instead of reading a file",
			.value = &w.live},
		{.name = "seconds",
			.arg = "N",
			.help = "listen for so long (without it: until Ctrl-C)",
			.value = &w.seconds},
		{.name = "packets", .arg = "N", .help = "stop after so many packets", .value = &w.packets},
		{.name = "interface",
			.arg = "NAME",
			.help = "only packets of this interface of the file (name or number)",
			.value = &w.iface},
	};
	int rc = options_parse(&o, &usage, own, sizeof own / sizeof own[0], argc, argv);
	if (rc >= 0)
		return rc;
	struct capture *c = NULL;
	rc = EXIT_INPUT;
	if (o.nargs != (w.live ? 0 : 1))
		ui_error("replay: name one capture file, or an interface with -i (backtalk replay --help)");
	else if (own_numbers(&w))
		rc = load(&c, w.live ? w.live : o.args[0], &w);
	if (rc == EXIT_FINE)
		rc = results(c, w.live ? w.live : o.args[0], &o);
	capture_free(c);
	options_fini(&o);
	return rc;
}
