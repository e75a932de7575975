/*
 * outfile: a file named by an option, written whole or not at all (temporary file beside it, then rename).
 */
#ifndef UI_OUTFILE_H
#define UI_OUTFILE_H

#include <stdbool.h>
#include <stddef.h>

struct outfile {
	char *path, *tmp;
	int fd;
	char *buf;
	size_t n;
	int err; /* errno of the first failure, sticky */
};

/* Opens a temporary file beside `path`. Returns 0, or -1 with errno. "-" and devices are written directly. */
int outfile_open(struct outfile *f, const char *path);
/* Adds octets. Returns 0, or -1 (sticky). Its form fits `struct trace_out`. */
int outfile_write(void *f, const char *p, size_t n);
/* Puts the file in place. Returns 0, or -1 with errno; nothing is left behind then. */
int outfile_commit(struct outfile *f);
/* Removes the temporary file. */
void outfile_abandon(struct outfile *f);
/* All at once; prints an error and returns false on failure. */
bool outfile_whole(const char *path, const char *p, size_t n);

#endif
