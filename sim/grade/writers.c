/*
 * writers: the list of result dialects.
 */
#include <string.h>

#include "sim/grade/result.h"
#include "sim/grade/writers.h"

const struct grade_writer grade_writers[] = {
#define X(name, what) {#name, what, grade_write_##name},
#include "sim/grade/writers.def"
#undef X
	{NULL, NULL, NULL},
};

const struct grade_writer *grade_writer_find(const char *name)
{
	for (const struct grade_writer *w = grade_writers; w->name; w++)
		if (!strcmp(w->name, name))
			return w;
	return NULL;
}
