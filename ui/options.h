/*
 * options: reading a command line the same way in every sub-command.
 *
 *     static const struct cmd_usage usage = {
 *         .name = "dissect", .args = "[FILE]", .about = "Bytes as a tree of fields.",
 *         .example = "backtalk dissect --as ws --hex 81026869\n", .common = OPT_FORMAT | OPT_QUIET};
 *     const char *as = NULL;
 *     struct opt_own own[] = {{.name = "as", .arg = "PROTO", .help = "which protocol", .value = &as}};
 *     struct options o;
 *     int rc = options_parse(&o, &usage, own, 1, argc, argv);
 *     if (rc >= 0)
 *         return rc;            // --help and --version: 0, wrong usage: 2
 *     ...
 *     options_fini(&o);
 *
 * `--name value` and `--name=value` are the same; `--` ends the options; options may stand after arguments.
 * An unknown option is answered with the nearest known one.
 */
#ifndef UI_OPTIONS_H
#define UI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum out_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CSV, FORMAT_OTHER };

/* Which common options a command takes. --help, --version, --plain, --ascii and --no-color are always taken. */
enum {
	OPT_FORMAT = 1u << 0, /* --format text|json|csv */
	OPT_QUIET = 1u << 1,  /* -q */
	OPT_SEED = 1u << 2,
	OPT_SET = 1u << 3,
	OPT_TECHNIQUES = 1u << 4,
	OPT_REPLICATIONS = 1u << 5,
	OPT_JOBS = 1u << 6,
	OPT_TRACE = 1u << 7,
	OPT_PCAP = 1u << 8,
	OPT_SVG = 1u << 9,
	OPT_HTML = 1u << 10,
	OPT_CAST = 1u << 11,
	OPT_ANY_FORMAT = 1u << 12,    /* --format takes any word; see options.format_name */
	OPT_THEME = 1u << 13,         /* --theme default|light|dark|mono */
	OPT_PCAP_AT = 1u << 14,       /* --pcap-at NODE */
	OPT_TRACE_CLIENTS = 1u << 15, /* --trace-clients N */
};

/* An option of one command. Exactly one of value, flag, values is set. */
struct opt_own {
	const char *name; /* without dashes */
	const char *arg;  /* what stands for its value in the help; NULL: takes none */
	const char *help;
	const char **value; /* the last one given */
	bool *flag;         /* set to true */
	const char **
		*values; /* all of them: malloc'ed array, count in *nvalues; the caller frees the array */
	size_t *nvalues;
	char letter; /* -x, or 0 */
};

struct cmd_usage {
	const char *name;    /* "run" */
	const char *args;    /* "SCENARIO" */
	const char *about;   /* a few sentences */
	const char *example; /* whole lines, each ending in a newline */
	unsigned common;
};

struct options {
	enum out_format format;
	const char *format_name; /* as given, or "text" */
	bool format_set;
	bool quiet, plain, ascii, no_color;
	uint64_t seed;
	bool seed_set;
	const char **sets; /* "path=value", in order */
	size_t nsets;
	const char **techniques; /* split at commas */
	size_t ntechniques;
	uint32_t replications;  /* at least 1 */
	uint32_t jobs;          /* 0: not given */
	uint32_t trace_clients; /* per group; 0: as many as usual */
	const char *trace, *pcap, *pcap_at, *svg, *html, *cast, *theme;
	const char **args; /* what is not an option */
	size_t nargs;
	char *techniques_text;
};

/* Returns -1 to go on, otherwise the exit code. Strings are borrowed from argv. */
int options_parse(struct options *o, const struct cmd_usage *u, const struct opt_own *own, size_t nown,
	int argc, char **argv);
void options_fini(struct options *o);

/* Prints the help of one command. */
void options_help(const struct cmd_usage *u, const struct opt_own *own, size_t nown);
/* `backtalk CMD: text` and a pointer to --help on stderr; returns 2. */
int options_wrong(const struct cmd_usage *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* How many letters must change to make b of a (insert, delete, replace, swap). */
unsigned options_distance(const char *a, const char *b);
/* The nearest of n words, or NULL when none is near. */
const char *options_nearest(const char *word, const char *const *words, size_t n);

#endif
