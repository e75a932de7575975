/*
 * doctor: what works on this machine.
 */
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>
#include <libfyaml.h>
#include <openssl/crypto.h>
#include <zlib.h>

#include "proto/base/jtext.h"
#include "sim/core/xmalloc.h"
#include "ui/commands.h"
#include "ui/data.h"
#include "ui/term.h"

enum verdict { GOOD, SO_SO, MISSING };

struct report {
	const struct options *o;
	unsigned n, missing;
};

static void json_text(const char *s)
{
	struct buf quoted;
	buf_init(&quoted, &xalloc, SIZE_MAX);
	jt_quote(&quoted, bytes_str(s));
	fwrite(quoted.p, 1, quoted.n, stdout);
	buf_fini(&quoted);
}

static void item(struct report *r, enum verdict v, const char *what, const char *found, const char *advice)
{
	static const char *const words[] = {"ok", "limited", "missing"};
	r->missing += v == MISSING;
	if (r->o->format == FORMAT_JSON) {
		printf("%s\n    {\"what\": ", r->n++ ? "," : "");
		json_text(what);
		printf(", \"state\": \"%s\", \"found\": ", words[v]);
		json_text(found);
		printf(", \"advice\": ");
		json_text(advice);
		printf("}");
		return;
	}
	r->n++;
	printf("  %-8s %-20s %s\n", words[v], what, found);
	if (v != GOOD && *advice)
		printf("  %-8s %-20s %s\n", "", "", advice);
}

static const char *env_or(const char *name, const char *otherwise)
{
	const char *v = getenv(name);
	return v && *v ? v : otherwise;
}

static void terminal(struct report *r)
{
	char s[160];
	struct winsize ws = {0};
	bool tty = isatty(STDOUT_FILENO);
	if (tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0)
		snprintf(s, sizeof s, "%s, %u columns, %u lines", env_or("TERM", "TERM not set"), ws.ws_col,
			ws.ws_row);
	else
		snprintf(s, sizeof s, "output is no terminal: sentences instead of screens");
	item(r, tty && term_usable() ? GOOD : SO_SO, "terminal", s,
		"on a terminal the views are interactive");
	if (tty && ws.ws_col)
		item(r, ws.ws_col >= 80 && ws.ws_row >= 24 ? GOOD : SO_SO, "room",
			ws.ws_col >= 100 && ws.ws_row >= 30 ? "all panes"
			: ws.ws_col >= 80                   ? "bytes on request"
							    : "two lanes or a list",
			"100x30 shows everything, 80x24 nearly everything");
	bool utf8 = term_utf8();
	snprintf(s, sizeof s, "%s (%s)", env_or("LC_ALL", env_or("LC_CTYPE", env_or("LANG", "C"))),
		nl_langinfo(CODESET));
	item(r, utf8 ? GOOD : SO_SO, "characters", s,
		"without UTF-8 lines are drawn with - | + (LANG=C.UTF-8 helps)");
	int colours = tty ? term_type_colours() : -1;
	const char *off = *env_or("NO_COLOR", "") ? ", but NO_COLOR is set" : "";
	if (colours > 0)
		snprintf(s, sizeof s, "%d colours%s", colours, off);
	else
		snprintf(s, sizeof s, "none known%s", off);
	item(r, colours >= 256 && !*env_or("NO_COLOR", "") ? GOOD : SO_SO, "colours", s,
		"nothing is told by colour alone");
}

static void data(struct report *r)
{
	char *dir = data_scenarios();
	item(r, dir ? GOOD : MISSING, "scenarios", dir ? dir : "not found",
		"set BACKTALK_DATA to the folder above `scenarios`");
	free(dir);
}

/* CAP_NET_RAW (13) in the effective set lets a program capture; root has it. */
static void capture(struct report *r)
{
	unsigned long long eff = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "CapEff: %llx", &eff);
	if (f)
		fclose(f);
	bool may = eff >> 13 & 1;
	item(r, may ? GOOD : SO_SO, "live capture", may ? "allowed" : "no right to capture (CAP_NET_RAW)",
		"capture files can be read by anybody; sudo setcap cap_net_raw+ep on the program allows live "
		"capture");
}

/* Can bubblewrap make a namespace here? Only running it tells. */
static bool bwrap_works(void)
{
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
			_exit(127);
		execlp("bwrap", "bwrap", "--unshare-all", "--ro-bind", "/", "/", "true", (char *)NULL);
		_exit(127);
	}
	int st = 0;
	return pid > 0 && waitpid(pid, &st, 0) == pid && WIFEXITED(st) && WEXITSTATUS(st) == 0;
}

static void sandbox(struct report *r)
{
	bool works = bwrap_works();
	item(r, works ? GOOD : SO_SO, "sandbox",
		works ? "bubblewrap: own namespaces, no network" : "resource limits only",
		"students' programs are shut in better when bubblewrap is installed and may make namespaces");
}

static void libraries(struct report *r)
{
	char s[320];
	item(r, GOOD, "ncurses", term_library(), "");
	item(r, GOOD, "libfyaml", fy_library_version(), "");
	item(r, GOOD, "jansson", JANSSON_VERSION, "");
	item(r, GOOD, "zlib", zlibVersion(), "");
	item(r, GOOD, "libcrypto", OpenSSL_version(OPENSSL_VERSION), "");
	struct utsname u;
	if (uname(&u) == 0) {
		snprintf(s, sizeof s, "%s %s on %s, %ld processors", u.sysname, u.release, u.machine,
			sysconf(_SC_NPROCESSORS_ONLN));
		item(r, GOOD, "system", s, "");
	}
}

int cmd_doctor(int argc, char **argv)
{
	static const struct cmd_usage usage = {.name = "doctor",
		.args = "",
		.about = "What works on this machine: the terminal, the rights to capture, the sandbox, the "
			 "libraries.\n"
			 "Exit 3 when something is missing that no command can do without.",
		.example = "backtalk doctor\nbacktalk doctor --format json\n",
		.common = OPT_FORMAT};
	struct options o;
	int rc = options_parse(&o, &usage, NULL, 0, argc, argv);
	if (rc >= 0)
		return rc;
	if (o.nargs || o.format == FORMAT_CSV) {
		rc = options_wrong(&usage, o.nargs ? "takes no argument" : "has no csv form");
		options_fini(&o);
		return rc;
	}
	struct report r = {.o = &o};
	if (o.format == FORMAT_JSON)
		printf("{\"backtalk\": 1, \"version\": \"%s\", \"items\": [", BT_VERSION);
	else
		printf("backtalk %s\n", BT_VERSION);
	terminal(&r);
	data(&r);
	capture(&r);
	sandbox(&r);
	libraries(&r);
	if (o.format == FORMAT_JSON)
		printf("\n]}\n");
	options_fini(&o);
	return r.missing ? EXIT_ENV : EXIT_FINE;
}
