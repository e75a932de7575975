/*
 * options: reading a command line the same way in every sub-command. See options.h for how to use it.
 */
#include "ui/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/core/xmalloc.h"
#include "ui/commands.h"

struct common_def {
	const char *name;
	char letter;
	unsigned bit; /* 0: always taken */
	const char *arg;
	const char *help;
};

static const struct common_def common_defs[] = {
	{"format", 0, OPT_FORMAT, "text|json|csv", "the form of the result"},
	{"format", 0, OPT_ANY_FORMAT, "FORMAT", "the form of the result"},
	{"quiet", 'q', OPT_QUIET, NULL, "only the result, no progress and no remarks"},
	{"seed", 0, OPT_SEED, "N", "another seed than the scenario's"},
	{"set", 0, OPT_SET, "KEY=VALUE",
		"another value for a key of the scenario, by its path; may be repeated"},
	{"techniques", 0, OPT_TECHNIQUES, "A,B", "these techniques instead of the scenario's"},
	{"replications", 0, OPT_REPLICATIONS, "N",
		"run N seeds; means and differences with confidence intervals"},
	{"jobs", 'j', OPT_JOBS, "N", "work on N processors; without it, on all"},
	{"trace", 0, OPT_TRACE, "FILE.jsonl", "write every record as a line of JSON"},
	{"trace-clients", 0, OPT_TRACE_CLIENTS, "N",
		"keep records and packets of the first N clients of each group (20)"},
	{"pcap", 0, OPT_PCAP, "FILE.pcapng", "write the packets as a capture file"},
	{"pcap-at", 0, OPT_PCAP_AT, "NODE", "only what this box, client or server sends and receives"},
	{"svg", 0, OPT_SVG, "FILE", "write the screen of the end as a picture"},
	{"html", 0, OPT_HTML, "FILE", "write it as a page, with its text"},
	{"cast", 0, OPT_CAST, "FILE", "write the playing of it as an asciicast"},
	{"theme", 0, OPT_THEME, "NAME", "colours: default, light, dark or mono"},
	{"plain", 0, 0, NULL, "sentences one after another, for screen readers and pipes"},
	{"ascii", 0, 0, NULL, "draw with ASCII characters only"},
	{"no-color", 0, 0, NULL, "no colours (also when NO_COLOR is set)"},
	{"help", 'h', 0, NULL, "this help"},
	{"version", 0, 0, NULL, "the version"},
};

#define NCOMMON (sizeof common_defs / sizeof *common_defs)

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

unsigned options_distance(const char *a, const char *b)
{
	enum { MAX = 48 };
	size_t n = strlen(a), m = strlen(b);
	if (n > MAX || m > MAX)
		return MAX;
	unsigned row[3][MAX + 1];
	unsigned *before = row[0], *prev = row[1], *cur = row[2];
	for (size_t j = 0; j <= m; j++)
		prev[j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		cur[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1, prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				before[j - 2] + 1 < cur[j])
				cur[j] = before[j - 2] + 1;
		}
		unsigned *t = before;
		before = prev;
		prev = cur;
		cur = t;
	}
	return prev[m];
}

const char *options_nearest(const char *word, const char *const *words, size_t n)
{
	const char *best = NULL;
	unsigned best_d = 99;
	for (size_t i = 0; i < n; i++) {
		unsigned d = options_distance(word, words[i]);
		size_t len = strlen(word);
		if (len >= 3 && strncmp(words[i], word, len) == 0)
			d = 1;
		if (d < best_d) {
			best_d = d;
			best = words[i];
		}
	}
	return best && best_d <= 1 + strlen(word) / 3 ? best : NULL;
}

int options_wrong(const struct cmd_usage *u, const char *fmt, ...)
{
	va_list ap;
	fprintf(stderr, "backtalk %s: ", u->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n`backtalk %s --help` tells more.\n", u->name);
	return EXIT_INPUT;
}

static void help_line(char letter, const char *name, const char *arg, const char *help)
{
	char left[80], shortform[8] = "    ";
	if (letter)
		snprintf(shortform, sizeof shortform, "-%c, ", letter);
	snprintf(left, sizeof left, "%s--%s%s%s", shortform, name, arg ? " " : "", arg ? arg : "");
	printf("  %-30s  %s\n", left, help);
}

void options_help(const struct cmd_usage *u, const struct opt_own *own, size_t nown)
{
	printf("usage: backtalk %s [options]%s%s\n\n%s\n", u->name, *u->args ? " " : "", u->args, u->about);
	if (nown) {
		printf("\noptions:\n");
		for (size_t i = 0; i < nown; i++)
			help_line(own[i].letter, own[i].name, own[i].arg, own[i].help);
	}
	printf("\ncommon options:\n");
	for (size_t i = 0; i < NCOMMON; i++) {
		const struct common_def *d = &common_defs[i];
		if (!d->bit || (d->bit & u->common))
			help_line(d->letter, d->name, d->arg, d->help);
	}
	if (u->example && *u->example) {
		printf("\nexample:\n");
		for (const char *p = u->example; *p;) {
			size_t n = strcspn(p, "\n");
			printf("  %.*s\n", (int)n, p);
			p += n + (p[n] == '\n');
		}
	}
}

static const struct common_def *find_common(
	const struct cmd_usage *u, const char *name, size_t n, char letter)
{
	for (size_t i = 0; i < NCOMMON; i++) {
		const struct common_def *d = &common_defs[i];
		if (d->bit && !(d->bit & u->common))
			continue;
		if (letter ? d->letter == letter : strlen(d->name) == n && memcmp(d->name, name, n) == 0)
			return d;
	}
	return NULL;
}

static const struct opt_own *find_own(
	const struct opt_own *own, size_t nown, const char *name, size_t n, char letter)
{
	for (size_t i = 0; i < nown; i++)
		if (letter ? own[i].letter == letter
			   : strlen(own[i].name) == n && memcmp(own[i].name, name, n) == 0)
			return &own[i];
	return NULL;
}

static int unknown(const struct cmd_usage *u, const struct opt_own *own, size_t nown, const char *name)
{
	const char *words[NCOMMON + 64];
	size_t n = 0;
	for (size_t i = 0; i < nown && n < 64; i++)
		words[n++] = own[i].name;
	for (size_t i = 0; i < NCOMMON; i++)
		if (!common_defs[i].bit || (common_defs[i].bit & u->common))
			words[n++] = common_defs[i].name;
	const char *near = options_nearest(name, words, n);
	if (near)
		return options_wrong(u, "unknown option --%s; did you mean --%s?", name, near);
	return options_wrong(u, "unknown option --%s", name);
}

static int number(
	const struct cmd_usage *u, const char *name, const char *v, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;
	errno = 0;
	unsigned long long x = strtoull(v, &end, 10);
	if (*v < '0' || *v > '9' || *end || errno || x < min || x > max)
		return options_wrong(u, "--%s takes a whole number from %llu to %llu, not `%s`", name,
			(unsigned long long)min, (unsigned long long)max, v);
	*out = x;
	return -1;
}

/* False: a name is empty. */
static bool split_techniques(struct options *o, const char *v)
{
	free(o->techniques_text);
	free(o->techniques);
	o->techniques_text = xmalloc(strlen(v) + 1);
	strcpy(o->techniques_text, v);
	o->techniques = xcalloc(strlen(v) / 2 + 2, sizeof *o->techniques);
	o->ntechniques = 0;
	for (char *p = o->techniques_text, *next; p; p = next) {
		next = strchr(p, ',');
		if (next)
			*next++ = 0;
		if (!*p)
			return false;
		o->techniques[o->ntechniques++] = p;
	}
	return true;
}

static int take_format(struct options *o, const struct cmd_usage *u, const char *v)
{
	o->format_set = true;
	o->format_name = v;
	if (!strcmp(v, "text"))
		o->format = FORMAT_TEXT;
	else if (!strcmp(v, "json"))
		o->format = FORMAT_JSON;
	else if (!strcmp(v, "csv"))
		o->format = FORMAT_CSV;
	else if (u->common & OPT_ANY_FORMAT)
		o->format = FORMAT_OTHER;
	else
		return options_wrong(u, "--format is text, json or csv, not `%s`", v);
	return -1;
}

static int take_common(
	struct options *o, const struct cmd_usage *u, const struct common_def *d, const char *v)
{
	uint64_t x = 0;
	int rc = -1;
	switch (d->bit) {
	case OPT_FORMAT:
	case OPT_ANY_FORMAT:
		return take_format(o, u, v);
	case OPT_QUIET:
		o->quiet = true;
		return -1;
	case OPT_SEED:
		o->seed_set = true;
		return number(u, d->name, v, 0, UINT64_MAX, &o->seed);
	case OPT_SET:
		if (!strchr(v, '=') || *v == '=')
			return options_wrong(u, "--set takes KEY=VALUE, not `%s`", v);
		o->sets[o->nsets++] = v;
		return -1;
	case OPT_TECHNIQUES:
		return split_techniques(o, v)
			       ? -1
			       : options_wrong(u,
					 "--techniques takes names between commas, not `%s`: one is empty",
					 v);
	case OPT_REPLICATIONS:
		rc = number(u, d->name, v, 1, 100000, &x);
		o->replications = (uint32_t)x;
		return rc;
	case OPT_JOBS:
		rc = number(u, d->name, v, 1, 1024, &x);
		o->jobs = (uint32_t)x;
		return rc;
	case OPT_TRACE:
		o->trace = v;
		return -1;
	case OPT_TRACE_CLIENTS:
		rc = number(u, d->name, v, 1, 60000, &x);
		o->trace_clients = (uint32_t)x;
		return rc;
	case OPT_PCAP:
		o->pcap = v;
		return -1;
	case OPT_PCAP_AT:
		o->pcap_at = v;
		return -1;
	case OPT_SVG:
		o->svg = v;
		return -1;
	case OPT_HTML:
		o->html = v;
		return -1;
	case OPT_CAST:
		o->cast = v;
		return -1;
	case OPT_THEME:
		o->theme = v;
		return -1;
	}
	if (!strcmp(d->name, "plain"))
		o->plain = true;
	else if (!strcmp(d->name, "ascii"))
		o->ascii = true;
	else
		o->no_color = true;
	return -1;
}

static void take_own(const struct opt_own *w, const char *v)
{
	if (w->flag)
		*w->flag = true;
	else if (w->value)
		*w->value = v;
	else {
		*w->values = xrealloc(*w->values, (*w->nvalues + 1) * sizeof **w->values);
		(*w->values)[(*w->nvalues)++] = v;
	}
}

/* One option at argv[*i]; `name` of n letters or `letter`; `inline_value` follows a `=`. */
static int take(struct options *o, const struct cmd_usage *u, const struct opt_own *own, size_t nown,
	int argc, char **argv, int *i, const char *name, size_t n, char letter, const char *inline_value)
{
	char word[64];
	snprintf(word, sizeof word, "%.*s", (int)(letter ? 1 : n), letter ? &letter : name);
	const struct opt_own *w = find_own(own, nown, name, n, letter);
	const struct common_def *d = w ? NULL : find_common(u, name, n, letter);
	if (!w && !d)
		return letter ? options_wrong(u, "unknown option -%s", word) : unknown(u, own, nown, word);
	if (d && (!strcmp(d->name, "help") || !strcmp(d->name, "version"))) {
		if (d->name[0] == 'h')
			options_help(u, own, nown);
		else
			printf("backtalk %s\n", BT_VERSION);
		return EXIT_FINE;
	}
	bool takes = w ? w->arg != NULL : d->arg != NULL;
	const char *v = inline_value;
	if (takes && !v) {
		if (*i + 1 >= argc)
			return options_wrong(
				u, "--%s needs a value: %s", w ? w->name : d->name, w ? w->arg : d->arg);
		v = argv[++*i];
	}
	if (!takes && inline_value)
		return options_wrong(u, "--%s takes no value", w ? w->name : d->name);
	if (w) {
		take_own(w, v);
		return -1;
	}
	return take_common(o, u, d, v);
}

int options_parse(struct options *o, const struct cmd_usage *u, const struct opt_own *own, size_t nown,
	int argc, char **argv)
{
	*o = (struct options){.format_name = "text", .replications = 1};
	o->args = xcalloc((size_t)argc + 1, sizeof *o->args);
	o->sets = xcalloc((size_t)argc + 1, sizeof *o->sets);
	bool ended = false;
	int rc = -1;
	for (int i = 1; i < argc && rc < 0; i++) {
		char *a = argv[i];
		if (ended || a[0] != '-' || !a[1]) {
			o->args[o->nargs++] = a;
		} else if (!strcmp(a, "--")) {
			ended = true;
		} else if (a[1] == '-') {
			size_t n = strcspn(a + 2, "=");
			const char *v = a[2 + n] ? a + 3 + n : NULL;
			rc = take(o, u, own, nown, argc, argv, &i, a + 2, n, 0, v);
		} else {
			rc = take(o, u, own, nown, argc, argv, &i, "", 0, a[1], a[2] ? a + 2 : NULL);
		}
	}
	if (rc >= 0)
		options_fini(o);
	return rc;
}

void options_fini(struct options *o)
{
	free(o->args);
	free(o->sets);
	free(o->techniques);
	free(o->techniques_text);
	*o = (struct options){0};
}
