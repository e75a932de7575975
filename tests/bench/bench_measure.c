/*
 * bench_measure: runs several commands in turn and tells what each cost the processor.
 *
 *	bench_measure -r REPEATS -o FOLDER NAME COMMAND... [::: NAME COMMAND...]...
 *
 * All commands run once, then all a second time, and so on, so that a disturbance meets every one of them; the median of the
 * repeats is printed. Processor time is that of the process and its children (user and system): steadier than the clock on
 * a machine that does other things. Output goes to FOLDER/NAME.REPEAT.out and .err.
 *
 *	NAME cpu_s=… cpu_min_s=… cpu_max_s=… wall_s=… wall_min_s=… peak_KiB=… status=…
 *
 * The status is that of the last repeat; a command that could not be started has 127.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 64
#define REPEATS_MAX 99

struct cost {
	double cpu_s, wall_s, peak_kib;
};

struct command {
	const char *name;
	char **argv;
	int status;
	struct cost cost[REPEATS_MAX];
};

static const char *folder = ".";

static double clock_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void output_to(const char *name, int repeat, const char *ending, int fd)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s.%d.%s", folder, name, repeat, ending);
	int f = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0644);
	if (f < 0 || dup2(f, fd) < 0)
		_exit(126);
	close(f);
}

static void run(struct command *c, int repeat)
{
	struct rusage u;
	double begin = clock_s();
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);
		dup2(null, 0);
		output_to(c->name, repeat, "out", 1);
		output_to(c->name, repeat, "err", 2);
		execvp(c->argv[0], c->argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) != pid) {
		perror("bench_measure");
		exit(3);
	}
	c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	c->cost[repeat] = (struct cost){
		.cpu_s = seconds(u.ru_utime) + seconds(u.ru_stime),
		.wall_s = clock_s() - begin,
		.peak_kib = (double)u.ru_maxrss,
	};
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void tell(const struct command *c, int n)
{
	double cpu[REPEATS_MAX], wall[REPEATS_MAX], peak[REPEATS_MAX];

	for (int i = 0; i < n; i++) {
		cpu[i] = c->cost[i].cpu_s;
		wall[i] = c->cost[i].wall_s;
		peak[i] = c->cost[i].peak_kib;
	}
	qsort(cpu, (size_t)n, sizeof *cpu, by_size);
	qsort(wall, (size_t)n, sizeof *wall, by_size);
	qsort(peak, (size_t)n, sizeof *peak, by_size);
	printf("%s cpu_s=%.6f cpu_min_s=%.6f cpu_max_s=%.6f wall_s=%.6f wall_min_s=%.6f peak_KiB=%.0f "
	       "status=%d\n",
		c->name, cpu[n / 2], cpu[0], cpu[n - 1], wall[n / 2], wall[0], peak[n / 2], c->status);
}

int main(int argc, char **argv)
{
	static struct command commands[COMMANDS_MAX];
	int repeats = 3, n = 0, opt;

	while ((opt = getopt(argc, argv, "+r:o:")) != -1) {
		if (opt == 'r')
			repeats = atoi(optarg);
		else if (opt == 'o')
			folder = optarg;
		else
			return 2;
	}
	if (repeats < 1 || repeats > REPEATS_MAX)
		return 2;
	for (int i = optind; i + 1 < argc; i++) {
		if (n == COMMANDS_MAX)
			return 2;
		commands[n++] = (struct command){.name = argv[i], .argv = argv + i + 1};
		while (i < argc && strcmp(argv[i], ":::") != 0)
			i++;
		if (i < argc)
			argv[i] = NULL;
	}
	if (n == 0) {
		fprintf(stderr, "usage: bench_measure -r REPEATS -o FOLDER NAME COMMAND... [::: NAME "
				"COMMAND...]...\n");
		return 2;
	}
	for (int r = 0; r < repeats; r++)
		for (int i = 0; i < n; i++)
			run(&commands[i], r);
	for (int i = 0; i < n; i++)
		tell(&commands[i], repeats);
	return 0;
}
