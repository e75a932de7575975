/*
 * grade: one submission or a folder of hundreds, each graded in a process of its own.
 *
 * Student key: --student, else the file's name without its ending. Results go to stdout in the order of the files' names,
 * or with --out into a file that is written whole (and, for one submission, before and during grading too, so that whoever
 * stops us finds a result).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"
#include "sim/grade/result.h"
#include "ui/commands.h"
#include "ui/data.h"
#include "ui/outfile.h"
#include "ui/grade_pool.h"

enum { SECRET_MAX = 4096, GRADE_SECONDS = 300 };

static const size_t grade_memory = (size_t)4 << 30;

struct grading {
	const struct exercise *ex;
	const struct grade_writer *writer;
	struct grade_write_opts wo;
	struct grade_opts go;
	const char *student; /* given, or NULL */
	char **file;
	size_t n;
	double pass; /* least points, or -1 */
	const char *out;
	FILE *to;
	bool folder; /* one object a line, even for a folder of one */
	unsigned failed, below;
	char died[160];
};

/* "alice" of "answers/alice.yaml". */
static char *key_of(const struct grading *g, const char *path)
{
	if (g->student)
		return xstrdup(g->student);
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *key = xstrdup(base), *dot = strrchr(key, '.');
	if (dot && dot != key)
		*dot = 0;
	return key;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Rewrites the file named by --out with the result so far. */
static void keep_file(void *ctx, const struct grade_result *r)
{
	const struct grading *g = ctx;
	char *s = g->writer->write(r, &g->wo);
	outfile_whole(g->out, s, strlen(s));
	xfree(s);
}

static struct grade_result *grade_one(struct grading *g, size_t i, const char *why)
{
	struct submission sub;
	struct diags ds = {0};
	char *student = key_of(g, g->file[i]), *errors = NULL;
	struct grade_opts o = g->go;
	o.student = student;
	bool ok = !why && submission_read(g->ex, g->file[i], &sub, &ds);
	if (!ok && !why)
		errors = diags_text(&ds);
	struct grade_result *r =
		grade_run(g->ex, base_of(g->file[i]), ok ? &sub : NULL, why ? why : errors, &o);
	if (ok)
		submission_fini(&sub);
	xfree(errors);
	xfree(student);
	diags_fini(&ds);
	return r;
}

/* In a process of its own. Exit codes as the command's: 0 fine, 1 below --pass. */
static int work(void *ctx, size_t i, FILE *out)
{
	struct grading *g = ctx;
	if (g->out && g->n == 1) {
		g->go.progress = keep_file;
		g->go.ctx = g;
	}
	struct grade_result *r = grade_one(g, i, NULL);
	char *s = g->writer->write(r, &g->wo);
	fputs(s, out);
	int code = r->score < g->pass ? EXIT_EXPECT : EXIT_FINE;
	xfree(s);
	grade_free(r);
	return code;
}

static void done(void *ctx, size_t i, const char *text, size_t n, int code, const char *died)
{
	struct grading *g = ctx;
	if (i && !strcmp(g->writer->name, "text"))
		fputc('\n', g->to);
	if (died || code > EXIT_EXPECT) { /* its process is gone; the result says so */
		snprintf(g->died, sizeof g->died, "grading %s", died ? died : "failed");
		struct grade_result *r = grade_one(g, i, g->died);
		char *s = g->writer->write(r, &g->wo);
		fputs(s, g->to);
		xfree(s);
		grade_free(r);
		ui_error("%s: %s", g->file[i], g->died);
		g->failed++;
		return;
	}
	g->below += code == EXIT_EXPECT;
	fwrite(text, 1, n, g->to);
}

/* ------------------------------------------------------------------------------------------------ what to grade */

static void add_file(struct grading *g, const char *path)
{
	g->file = xrealloc(g->file, (g->n + 1) * sizeof *g->file);
	g->file[g->n++] = xstrdup(path);
}

static int by_base(const void *a, const void *b)
{
	const char *x = *(char *const *)a, *y = *(char *const *)b;
	int c = strcmp(base_of(x), base_of(y));
	return c ? c : strcmp(x, y);
}

/* Every plain file of a folder; hidden ones are the system's. */
static bool add_folder(struct grading *g, const char *folder)
{
	DIR *dir = opendir(folder);
	if (!dir)
		return false;
	const struct dirent *e;
	while ((e = readdir(dir))) {
		struct stat st;
		size_t n = strlen(folder) + strlen(e->d_name) + 2;
		char *path = xmalloc(n);
		snprintf(path, n, "%s/%s", folder, e->d_name);
		if (e->d_name[0] != '.' && stat(path, &st) == 0 && S_ISREG(st.st_mode))
			add_file(g, path);
		xfree(path);
	}
	closedir(dir);
	return true;
}

static int add_submissions(struct grading *g, const struct options *o)
{
	for (size_t i = 1; i < o->nargs; i++) {
		struct stat st;
		if (stat(o->args[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			g->folder = true;
			if (add_folder(g, o->args[i]))
				continue;
		} else if (errno = 0, stat(o->args[i], &st) == 0) {
			add_file(g, o->args[i]);
			continue;
		}
		ui_error("%s: %s", o->args[i], strerror(errno));
		return EXIT_ENV;
	}
	if (g->n)
		qsort(g->file, g->n, sizeof *g->file, by_base);
	return -1;
}

/* The secret: a file's octets without the newline at its end. */
static int read_secret(struct grading *g, const char *path)
{
	unsigned char *s = xmalloc(SECRET_MAX + 1);
	FILE *f = fopen(path, "rb");
	if (!f) {
		ui_error("%s: %s", path, strerror(errno));
		xfree(s);
		return EXIT_ENV;
	}
	size_t n = fread(s, 1, SECRET_MAX + 1, f);
	fclose(f);
	while (n && (s[n - 1] == '\n' || s[n - 1] == '\r'))
		n--;
	if (n < 8 || n > SECRET_MAX) {
		ui_error("%s: a secret has 8 to %d octets", path, SECRET_MAX);
		xfree(s);
		return EXIT_INPUT;
	}
	g->go.secret = s;
	g->go.nsecret = n;
	return -1;
}

static unsigned processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n > 0 && n < 1024 ? (unsigned)n : 1;
}

static int run_pool(struct grading *g, unsigned jobs, unsigned seconds)
{
	struct grade_pool pool = {.jobs = jobs ? jobs : processors(),
		.seconds = seconds,
		.memory_bytes = grade_memory,
		.work = work,
		.done = done,
		.ctx = g};
#if defined(__SANITIZE_ADDRESS__)
	pool.memory_bytes = 0; /* the sanitizer reserves terabytes */
#endif
	char *text = NULL;
	size_t len = 0;
	g->to = g->out ? open_memstream(&text, &len) : stdout;
	int rc = grade_pool_run(&pool, g->n) ? EXIT_ENV : -1;
	if (rc >= 0)
		ui_error("cannot start a process: %s", strerror(errno));
	if (g->out) {
		fclose(g->to);
		if (rc < 0 && !outfile_whole(g->out, text, len))
			rc = EXIT_ENV;
		free(text);
	}
	return rc >= 0 ? rc : g->failed ? EXIT_OURS : g->below ? EXIT_EXPECT : EXIT_FINE;
}

/* ------------------------------------------------------------------------------------------------ the command */

static const struct cmd_usage usage = {.name = "grade",
	.args = "EXERCISE SUBMISSION…",
	.about = "Grades submissions: files, or folders of them. Each is a mapping of the keys the exercise "
		 "allows. What differs "
		 "between students is drawn from a secret and the student's key (--student, or the file's "
		 "name). Formats: "
#define X(name, what) #name ", " what "; "
#include "sim/grade/writers.def"
#undef X
		 "in a folder, one result after another in the order of the names.",
	.example = "backtalk grade keep-the-phone-reachable answer.yaml --student alice\n"
		   "backtalk grade keep-the-phone-reachable answers/ --secret-file secret --format json -j 2 "
		   "--out grades.jsonl\n",
	.common = OPT_ANY_FORMAT | OPT_JOBS};

static bool number(const char *s, double least, double *out)
{
	char *end;
	if (!s)
		return true;
	*out = strtod(s, &end);
	return end != s && !*end && *out >= least;
}

static int with_exercise(struct grading *g, const struct options *o, const char *secret, double seconds)
{
	struct diags ds = {0};
	char *data = data_scenarios();
	struct exercise *ex = exercise_load(data, o->args[0], &ds);
	int rc = -1;
	if (!ex) {
		char *s = diags_text(&ds);
		fputs(s, stderr);
		xfree(s);
		rc = diags_environment(&ds) ? EXIT_ENV : EXIT_INPUT;
	}
	g->ex = ex;
	if (rc < 0 && secret)
		rc = read_secret(g, secret);
	if (rc < 0)
		rc = add_submissions(g, o);
	if (rc < 0 && g->n != 1 && g->student)
		rc = options_wrong(
			&usage, "--student is for one submission; in a folder the files' names are the keys");
	g->wo.one_line = g->folder || g->n != 1;
	if (rc < 0)
		rc = run_pool(g, o->jobs, (unsigned)seconds);
	for (size_t i = 0; i < g->n; i++)
		xfree(g->file[i]);
	xfree(g->file);
	xfree((void *)g->go.secret);
	diags_fini(&ds);
	exercise_free(ex);
	xfree(data);
	return rc;
}

int cmd_grade(int argc, char **argv)
{
	struct grading g = {.pass = -1};
	const char *secret = NULL, *pass = NULL, *limit = NULL;
	struct opt_own own[] = {
		{.name = "student", .arg = "KEY", .help = "the student's key", .value = &g.student},
		{.name = "secret-file",
			.arg = "FILE",
			.help = "what is drawn for students depends on it; without it: practice",
			.value = &secret},
		{.name = "out",
			.arg = "FILE",
			.help = "write the results there, whole or not at all",
			.value = &g.out},
		{.name = "pass",
			.arg = "POINTS",
			.help = "exit with 1 when a score is below",
			.value = &pass},
		{.name = "limit",
			.arg = "SECONDS",
			.help = "wall time for one submission (300)",
			.value = &limit},
		{.name = "staff", .help = "hidden conditions in full: not for students", .flag = &g.wo.staff},
	};
	struct options o;
	double seconds = GRADE_SECONDS;
	int rc = options_parse(&o, &usage, own, sizeof own / sizeof *own, argc, argv);
	if (rc >= 0)
		return rc;
	g.writer = grade_writer_find(o.format_name);
	if (!g.writer)
		rc = options_wrong(
			&usage, "there is no format `%s`: text, json or gradescope", o.format_name);
	else if (o.nargs < 2)
		rc = options_wrong(&usage, o.nargs ? "which submission?" : "which exercise?");
	else if (!number(pass, 0, &g.pass) || !number(limit, 1, &seconds) || seconds > 86400)
		rc = options_wrong(&usage, "--pass takes points, --limit takes seconds");
	else
		rc = with_exercise(&g, &o, secret, seconds);
	options_fini(&o);
	return rc;
}
