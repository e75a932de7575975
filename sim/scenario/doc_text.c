/*
 * doc_text: the raw text of a file, and reading it.
 *
 * UTF-8 as RFC 3629 4: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
#include "sim/scenario/doc_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/core/xmalloc.h"

/* Octets of the character at p (n left), 0 when it is not UTF-8. */
static size_t utf8_len(const unsigned char *p, size_t n)
{
	unsigned char c = p[0];
	size_t len = c < 0x80                 ? 1
		     : c >= 0xc2 && c <= 0xdf ? 2
		     : (c & 0xf0) == 0xe0     ? 3
		     : c >= 0xf0 && c <= 0xf4 ? 4
					      : 0;
	if (!len || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((c == 0xe0 && p[1] < 0xa0) || (c == 0xed && p[1] > 0x9f) || (c == 0xf0 && p[1] < 0x90) ||
		(c == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static bool other_encoding(const unsigned char *p, size_t n)
{
	return n >= 2 && ((p[0] == 0xff && p[1] == 0xfe) || (p[0] == 0xfe && p[1] == 0xff) ||
				 (n >= 4 && ((!p[0] && p[1] && !p[2]) || (p[0] && !p[1] && p[2] && !p[3]))));
}

static bool check_chars(struct doc *d, uint16_t src, const unsigned char *p, size_t n)
{
	struct src_pos at = {1, 1};
	for (size_t i = 0; i < n;) {
		size_t len = utf8_len(p + i, n - i);
		if (!len) {
			doc_error_at(d, src, (struct src_pos){at.line, 0}, 1, "save the file as UTF-8",
				"octet 0x%02x at column %u is not UTF-8", p[i], at.col);
			return false;
		}
		bool control = (p[i] < 0x20 && p[i] != '\t' && p[i] != '\n' && p[i] != '\r') || p[i] == 0x7f;
		if (control) {
			doc_error_at(d, src, at, 1, NULL,
				p[i] ? "control character U+%04X" : "NUL character (U+%04X)", p[i]);
			return false;
		}
		if (len == 3 && !memcmp(p + i, "\xef\xbb\xbf", 3)) {
			doc_error_at(d, src, at, 1,
				"remove it: it is invisible, but changes the name or value it is in",
				"a byte order mark (U+FEFF) in the middle of the file");
			return false;
		}
		if (p[i] == '\r' && (i + 1 == n || p[i + 1] != '\n')) {
			doc_error_at(d, src, at, 1, "end lines with LF or CRLF",
				"a carriage return without line feed");
			return false;
		}
		at.col++;
		if (p[i] == '\n')
			at = (struct src_pos){at.line + 1, 1};
		i += len;
	}
	return true;
}

bool doc_text_check(struct doc *d, uint16_t src, size_t *skip)
{
	const struct doc_src *s = &d->src[src];
	const unsigned char *p = (const unsigned char *)s->text;
	*skip = 0;
	if (s->len > DOC_BYTES_MAX) {
		doc_error_at(d, src, (struct src_pos){0, 0}, 1, "a scenario fits into a few pages",
			"the file is larger than %d bytes", DOC_BYTES_MAX);
		return false;
	}
	if (other_encoding(p, s->len)) {
		doc_error_at(d, src, (struct src_pos){0, 0}, 1, "save the file as UTF-8",
			"the file is in UTF-16 or UTF-32, not UTF-8");
		return false;
	}
	if (s->len >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		*skip = 3;
	return check_chars(d, src, p + *skip, s->len - *skip);
}

static struct doc_node *unreadable(struct doc *d, const char *path, const char *why)
{
	struct diag *g = diags_add(d->ds, path, (struct src_pos){0, 0}, 1, NULL, NULL, "%s", why);
	if (g)
		g->environment = true;
	return NULL;
}

struct doc_node *doc_read(struct doc *d, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return unreadable(d, path, strerror(errno));
	struct stat st;
	if (fstat(fd, &st) || S_ISDIR(st.st_mode)) {
		close(fd);
		return unreadable(d, path, "is a folder");
	}
	char *text = xmalloc(DOC_BYTES_MAX + 1);
	size_t n = 0;
	ssize_t got = 0;
	/* One octet more than allowed is enough to know. */
	while (n <= DOC_BYTES_MAX && (got = read(fd, text + n, DOC_BYTES_MAX + 1 - n)) > 0)
		n += (size_t)got;
	int err = errno;
	close(fd);
	struct doc_node *root = NULL;
	if (got < 0)
		unreadable(d, path, strerror(err));
	else if (n > DOC_BYTES_MAX)
		diags_add(d->ds, path, (struct src_pos){0, 0}, 1, NULL, "a scenario fits into a few pages",
			"the file is larger than %d bytes", DOC_BYTES_MAX);
	else
		root = doc_parse(d, doc_add_src(d, path, text, n));
	xfree(text);
	return root;
}
