/*
 * outfile: a file named by an option, written whole or not at all.
 */
#include "ui/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"
#include "ui/commands.h"

#define OUTFILE_BUF ((size_t)64 * 1024)

static int open_direct(struct outfile *f, const char *path)
{
	f->fd = !strcmp(path, "-") ? dup(STDOUT_FILENO) : open(path, O_WRONLY | O_CLOEXEC);
	return f->fd < 0 ? -1 : 0;
}

int outfile_open(struct outfile *f, const char *path)
{
	*f = (struct outfile){.fd = -1};
	struct stat st;
	bool direct = !strcmp(path, "-") || (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
	if (direct) {
		if (open_direct(f, path) < 0)
			return -1;
	} else {
		size_t n = strlen(path) + 8;
		f->tmp = xmalloc(n);
		snprintf(f->tmp, n, "%s.%s", path,
			"XX"
			"XX"
			"XX"); /* for mkstemp */
		f->fd = mkstemp(f->tmp);
		if (f->fd < 0) {
			int e = errno;
			free(f->tmp);
			f->tmp = NULL;
			errno = e;
			return -1;
		}
		mode_t mask = umask(0);
		umask(mask);
		(void)fchmod(f->fd, 0666 & ~mask);
	}
	f->path = xmalloc(strlen(path) + 1);
	strcpy(f->path, path);
	f->buf = xmalloc(OUTFILE_BUF);
	return 0;
}

static int flush(struct outfile *f)
{
	for (size_t off = 0; off < f->n && !f->err;) {
		ssize_t w = write(f->fd, f->buf + off, f->n - off);
		if (w < 0 && errno != EINTR)
			f->err = errno;
		else if (w > 0)
			off += (size_t)w;
	}
	f->n = 0;
	return f->err ? -1 : 0;
}

int outfile_write(void *ctx, const char *p, size_t n)
{
	struct outfile *f = ctx;
	while (n && !f->err) {
		size_t k = OUTFILE_BUF - f->n < n ? OUTFILE_BUF - f->n : n;
		memcpy(f->buf + f->n, p, k);
		f->n += k;
		p += k;
		n -= k;
		if (f->n == OUTFILE_BUF)
			flush(f);
	}
	errno = f->err ? f->err : errno;
	return f->err ? -1 : 0;
}

static void release(struct outfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->tmp);
	free(f->buf);
	*f = (struct outfile){.fd = -1};
}

int outfile_commit(struct outfile *f)
{
	flush(f);
	if (!f->err && f->fd >= 0 && close(f->fd) < 0)
		f->err = errno;
	f->fd = -1;
	if (!f->err && f->tmp && rename(f->tmp, f->path) < 0)
		f->err = errno;
	int e = f->err;
	if (e && f->tmp)
		unlink(f->tmp);
	release(f);
	errno = e;
	return e ? -1 : 0;
}

void outfile_abandon(struct outfile *f)
{
	if (f->tmp)
		unlink(f->tmp);
	release(f);
}

bool outfile_whole(const char *path, const char *p, size_t n)
{
	struct outfile f;
	if (outfile_open(&f, path) == 0) {
		outfile_write(&f, p, n);
		if (outfile_commit(&f) == 0)
			return true;
	}
	ui_error("cannot write %s: %s", path, strerror(errno));
	return false;
}
