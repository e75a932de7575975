/*
 * Runs every tests/tcp/<feature>/<name>.pkt, each with sequence numbers that wrap in the handshake, early, late and not at all.
 * TCP_SCRIPT=part-of-a-name in the environment runs only those.
 */
#include "sim/core/xmalloc.h"
#include "tests/support/tcp_script.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	uint32_t iss, irs;
} numbers[] = {
	{1000, 5000}, {UINT32_MAX, UINT32_MAX - 1}, /* the SYN itself is the last number */
	{UINT32_MAX - 1500, UINT32_MAX - 700}, {UINT32_MAX - 14600, UINT32_MAX - 3000},
	{0x7fffff00u, 0x7ffffff0u}, /* the sign bit flips */
};

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = xmalloc(1 << 16);
	size_t n;

	if (!f)
		abort();
	n = fread(text, 1, (1 << 16) - 1, f);
	text[n] = 0;
	fclose(f);
	return text;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find(const char *dir, char **list, size_t *n)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		size_t len = strlen(e->d_name);
		char path[512];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (len > 4 && !strcmp(e->d_name + len - 4, ".pkt") && *n < 500)
			list[(*n)++] = xstrdup(path);
		else if (!strchr(e->d_name, '.'))
			find(path, list, n);
	}
	if (d)
		closedir(d);
}

int main(void)
{
	const char *only = getenv("TCP_SCRIPT");
	char *list[500], msg[65536];
	size_t n = 0;
	int passed = 0, failed = 0;

	find("tests/tcp", list, &n);
	qsort(list, n, sizeof *list, by_name);
	for (size_t i = 0; i < n; i++) {
		char *text = slurp(list[i]);

		for (size_t k = 0; k < sizeof numbers / sizeof *numbers && !(only && !strstr(list[i], only));
			k++) {
			if (tcp_script_run(list[i], text, numbers[k].iss, numbers[k].irs, msg, sizeof msg)) {
				passed++;
				continue;
			}
			printf("FAILED %s with initial sequence numbers %u, %u\n%s\n", list[i],
				numbers[k].iss, numbers[k].irs, msg);
			failed++;
			break;
		}
		xfree(text);
		xfree(list[i]);
	}
	if (!only && n < 30) {
		printf("only %zu scripts found: run from the repository's root\n", n);
		failed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}
