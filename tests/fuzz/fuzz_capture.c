/*
 * Hostile capture files: whatever stands in the file, reading, decoding, labelling, JSON, records and export end without a
 * fault, and the JSON is well-formed.
 */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sim/capture/cap_export.h"
#include "sim/core/xmalloc.h"

#define INPUT_MAX (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int swallow(void *ctx, const char *p, size_t n)
{
	*(size_t *)ctx += n;
	return p ? 0 : -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	static char path[64];
	char why[256];
	struct capture *c = NULL;
	if (size > INPUT_MAX)
		return 0;
	if (fd < 0) {
		snprintf(path, sizeof path, "/tmp/fuzz_capture.%ld", (long)getpid());
		FILE *f = fopen(path, "w+b");
		assert(f);
		fd = dup(fileno(f));
		fclose(f);
		unlink(path);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	if (ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (capture_open(&c, path, NULL, why, sizeof why) != CAPTURE_OK)
		return 0;
	struct buf b;
	json_error_t err;
	buf_init(&b, &xalloc, SIZE_MAX);
	capture_json(c, "fuzz", &b);
	json_t *j = json_loadb((const char *)b.p, b.n, JSON_ALLOW_NUL, &err);
	if (!j) {
		fprintf(stderr, "%s at %d:%d\n", err.text, err.line, err.column);
		abort();
	}
	json_decref(j);
	buf_fini(&b);
	struct trace *tr = trace_new(NULL);
	trace_keep_all(tr);
	capture_to_trace(c, tr);
	size_t n = 0;
	struct trace_out out = {swallow, &n};
	assert(cap_export_trace(tr, NULL, &out) == 0);
	assert(cap_export_capture(c, NULL, &out) == 0);
	assert(trace_write_jsonl(tr, &out) == 0);
	for (uint64_t i = 0; i < tr->nrec; i++)
		assert(tr->rec[i].cause <= i && (i == 0 || tr->rec[i].at >= tr->rec[i - 1].at));
	trace_free(tr);
	capture_free(c);
	return 0;
}
