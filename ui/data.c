/*
 * data: where the shipped scenarios are. The order is told in data.h.
 */
#include "ui/data.h"

#include <stdbool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"

static bool is_dir(const char *p)
{
	struct stat st;
	return stat(p, &st) == 0 && S_ISDIR(st.st_mode);
}

static bool is_file(const char *p)
{
	struct stat st;
	return stat(p, &st) == 0 && !S_ISDIR(st.st_mode);
}

static char *join(const char *a, const char *b)
{
	size_t n = strlen(a) + strlen(b) + 1;
	char *s = xmalloc(n);
	snprintf(s, n, "%s%s", a, b);
	return s;
}

/* DIR of the running program with `rel` behind it. */
static char *beside_program(const char *rel)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n <= 0)
		return NULL;
	exe[n] = 0;
	char *slash = strrchr(exe, '/');
	if (!slash)
		return NULL;
	slash[1] = 0;
	return join(exe, rel);
}

char *data_scenarios(void)
{
	const char *env = getenv("BACKTALK_DATA");
	char *tries[4];
	tries[0] = env && *env ? join(env, "/scenarios") : NULL;
	tries[1] = beside_program("../../scenarios");
	tries[2] = beside_program("../share/backtalk/scenarios");
	tries[3] = join(BT_DATADIR, "/scenarios");
	char *found = NULL;
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		if (!found && tries[i] && is_dir(tries[i]))
			found = tries[i];
		else
			free(tries[i]);
	}
	return found;
}

char *data_scenario_path(const char *name)
{
	if (strchr(name, '/') || is_file(name))
		return join(name, "");
	char *root = data_scenarios();
	if (!root)
		return NULL;
	static const char *const shapes[] = {"%s/lectures/%s.yaml", "%s/lectures/%s",
		"%s/exercises/%s/exercise.yaml", "%s/presets/%s.yaml"};
	char *found = NULL;
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes && !found; i++) {
		size_t n = strlen(root) + strlen(name) + strlen(shapes[i]) + 1;
		char *p = xmalloc(n);
		snprintf(p, n, shapes[i], root, name);
		if (is_file(p))
			found = p;
		else
			free(p);
	}
	free(root);
	return found;
}
