/*
 * backtalk live serve TECHNIQUE, backtalk live connect URL: the endpoints of the simulator over real sockets.
 *
 * The loopback address is the default; another one is used only when it is named.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/tech/tech.h"
#include "sim/core/xmalloc.h"
#include "sim/scenario/value.h"
#include "ui/commands.h"
#include "ui/live.h"

struct words {
	const char *listen, *every, *size, *count, *cut, *for_, *as, *interval, *hold, *heartbeat;
	bool echo;
};

static const struct cmd_usage usage = {.name = "live",
	.args = "serve TECHNIQUE | connect URL",
	.about = "Runs the endpoints of the simulator over real sockets and shows what passes.\n"
		 "`serve` publishes a message at an interval and has a page at / for a browser;\n"
		 "`connect` is the client: a URL with ws:// means WebSocket, http:// takes --as,\n"
		 "h2c:// is HTTP/2 without TLS. `serve` knows HTTP/2 by the connection's first octets.",
	.example = "backtalk live serve sse --listen 127.0.0.1:8080\n"
		   "backtalk live serve websocket --echo --listen 127.0.0.1:9001\n"
		   "backtalk live connect http://127.0.0.1:8080/events --as sse\n"
		   "backtalk live connect ws://127.0.0.1:9001/ --echo\n",
	.common = OPT_QUIET};

static bool duration(const char *name, const char *text, int64_t *ns)
{
	struct value_err e;
	if (!text || value_duration(text, ns, &e))
		return true;
	ui_error("live: --%s %s: %s %s", name, text, e.what, e.hint);
	return false;
}

static bool number(const char *name, const char *text, uint64_t *v)
{
	struct value_err e;
	if (!text || value_count(text, v, &e))
		return true;
	ui_error("live: --%s %s: %s %s", name, text, e.what, e.hint);
	return false;
}

static bool fill(struct live_job *j, const struct words *w)
{
	uint64_t size = j->size_bytes;
	struct value_err e;
	if (w->size && (!value_bytes(w->size, &size, &e) || size > 1u << 20)) {
		ui_error("live: --size %s: a size up to 1 MiB, such as 100B", w->size);
		return false;
	}
	j->size_bytes = (uint32_t)size;
	return duration("every", w->every, &j->every_ns) && duration("for", w->for_, &j->for_ns) &&
	       duration("interval", w->interval, &j->opts.interval_ns) &&
	       duration("hold", w->hold, &j->opts.hold_ns) &&
	       duration("heartbeat", w->heartbeat, &j->opts.heartbeat_ns) &&
	       number("count", w->count, &j->count) && number("cut", w->cut, &j->cut);
}

/* "127.0.0.1:8080", ":8080", "8080", "[::1]:8080". Splits `text` (malloc'ed, kept by the caller). */
static bool split_address(char *text, const char **host, const char **port)
{
	char *colon = strrchr(text, ':'), *close = strrchr(text, ']');
	*host = "127.0.0.1";
	if (!colon || (close && colon < close)) {
		*port = text;
		return !close && *text;
	}
	*colon = 0;
	*port = colon + 1;
	if (text[0] == '[' && close) {
		*close = 0;
		*host = text + 1;
	} else if (*text) {
		*host = text;
	}
	return **port != 0;
}

static int not_a_technique(const char *name)
{
	const char *names[TECH_KINDS];
	for (unsigned i = 0; i < TECH_KINDS; i++)
		names[i] = tech_def((enum tech_kind)i)->name;
	const char *near = options_nearest(name, names, TECH_KINDS);
	return options_wrong(&usage, "there is no technique `%s`%s%s%s", name, near ? "; did you mean `" : "",
		near ? near : "", near ? "`?" : "");
}

static int serve(struct live_job *j, const struct words *w, const char *technique)
{
	char *address = xstrdup(w->listen ? w->listen : "127.0.0.1:8080");
	int rc = EXIT_ENV;
	j->technique = technique;
	if (tech_find(technique) < 0)
		rc = not_a_technique(technique);
	else if (w->echo && tech_find(technique) != TECH_WEBSOCKET)
		rc = options_wrong(&usage, "--echo goes with websocket");
	else if (!split_address(address, &j->host, &j->port))
		rc = options_wrong(&usage, "--listen takes ADDRESS:PORT, such as 127.0.0.1:8080");
	else {
		struct live_net *n = live_net_new();
		if (n)
			rc = w->echo ? live_serve_echo(n, j) : live_serve(n, j);
		live_net_free(n);
	}
	xfree(address);
	return rc;
}

/* scheme://host[:port]/target; h2c is HTTP/2 with prior knowledge */
static bool split_url(char *url, struct live_job *j, bool *ws)
{
	char *rest;
	*ws = !strncmp(url, "ws://", 5);
	if (*ws)
		rest = url + 5;
	else if ((j->h2 = !strncmp(url, "h2c://", 6)))
		rest = url + 6;
	else if (!strncmp(url, "http://", 7))
		rest = url + 7;
	else
		return false;
	char *slash = strchr(rest, '/');
	j->target = "/";
	if (slash) {
		char *target = xstrdup(slash); /* lives as long as the command */
		j->target = target;
		*slash = 0;
	}
	if (strchr(rest, ':') == NULL) {
		j->host = rest;
		j->port = "80";
		return *rest != 0;
	}
	return split_address(rest, &j->host, &j->port);
}

static const char *guess(const char *target)
{
	for (unsigned i = 0; i < TECH_KINDS; i++) {
		const char *path = tech_def((enum tech_kind)i)->path;
		size_t n = strlen(path);
		if (!strncmp(target, path, n) && (!target[n] || target[n] == '?'))
			return tech_def((enum tech_kind)i)->name;
	}
	return "sse";
}

static int connect_to(struct live_job *j, const struct words *w, const char *where)
{
	char *url = xstrdup(where);
	bool ws;
	int rc = EXIT_ENV;
	j->every_ns = 0;
	if (!split_url(url, j, &ws)) {
		rc = options_wrong(&usage,
			"a URL looks like ws://127.0.0.1:9001/, http://127.0.0.1:8080/events or "
			"h2c://127.0.0.1:8080/events; wss and https are not spoken here");
	} else {
		j->technique = ws ? "websocket" : w->as ? w->as : guess(j->target);
		struct live_net *n = NULL;
		if (tech_find(j->technique) < 0)
			rc = not_a_technique(j->technique);
		else if (w->echo && !ws)
			rc = options_wrong(&usage, "--echo goes with a ws:// URL");
		else if ((n = live_net_new()))
			rc = w->echo ? live_connect_echo(n, j) : live_connect(n, j);
		live_net_free(n);
		if (strcmp(j->target, "/"))
			xfree((char *)(uintptr_t)j->target);
	}
	xfree(url);
	return rc;
}

int cmd_live(int argc, char **argv)
{
	struct words w = {0};
	struct opt_own own[] = {
		{.name = "listen",
			.arg = "ADDRESS:PORT",
			.help = "serve: where (127.0.0.1:8080)",
			.value = &w.listen},
		{.name = "as", .arg = "TECHNIQUE", .help = "connect: which technique", .value = &w.as},
		{.name = "echo", .help = "WebSocket: send every message back", .flag = &w.echo},
		{.name = "every", .arg = "TIME", .help = "serve: publish this often (1s)", .value = &w.every},
		{.name = "size", .arg = "BYTES", .help = "serve: size of a message (92B)", .value = &w.size},
		{.name = "count",
			.arg = "N",
			.help = "serve: publish N; connect: end after N",
			.value = &w.count},
		{.name = "cut",
			.arg = "N",
			.help = "serve: reset a stream after N of its messages",
			.value = &w.cut},
		{.name = "interval",
			.arg = "TIME",
			.help = "polling: time between requests (5s)",
			.value = &w.interval},
		{.name = "hold",
			.arg = "TIME",
			.help = "long polling: how long a request is held (30s)",
			.value = &w.hold},
		{.name = "heartbeat",
			.arg = "TIME",
			.help = "comments or pings (15s)",
			.value = &w.heartbeat},
		{.name = "for", .arg = "TIME", .help = "end after this time", .value = &w.for_},
	};
	struct options o;
	int rc = options_parse(&o, &usage, own, sizeof own / sizeof *own, argc, argv);
	if (rc >= 0)
		return rc;
	struct live_job j = {.echo = w.echo,
		.quiet = o.quiet,
		.every_ns = 1000000000,
		.size_bytes = 92,
		.opts = {.interval_ns = 5000000000,
			.hold_ns = 30000000000,
			.heartbeat_ns = 15000000000,
			.heartbeat_timeout_ns = 20000000000,
			.reconnect = {.first_ns = 1000000000,
				.max_ns = 30000000000,
				.factor_milli = 2000,
				.jitter = TECH_JITTER_FULL},
			.resume = true,
			.keepalive_conn = true,
			.headers = {.kind = TECH_HEADERS_CURL}}};
	if (o.nargs != 2)
		rc = options_wrong(&usage, "takes two words: serve TECHNIQUE, or connect URL");
	else if (!fill(&j, &w))
		rc = EXIT_INPUT;
	else if (!strcmp(o.args[0], "serve"))
		rc = serve(&j, &w, o.args[1]);
	else if (!strcmp(o.args[0], "connect"))
		rc = connect_to(&j, &w, o.args[1]);
	else
		rc = options_wrong(&usage, "`%s` is neither serve nor connect", o.args[0]);
	options_fini(&o);
	return rc;
}
