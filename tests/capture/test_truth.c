/*
 * Recorded captures against their ground truth: every field of `capture-truth/1` that a capture alone can show must be
 * in our `capture-replay/1` with the same value. A failure lists the fields that differ.
 *
 * Left out: what only the applications knew (app logs, why a NAT forgot, what the proxy was set to), the decrypted
 * inside of TLS, and the tools' own cross-checks. `origin` of a conversation is compared where the truth has one.
 */
#include <glob.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/capture/cap.h"
#include "sim/core/xmalloc.h"

#define SHOWN_MAX 12

struct diff {
	unsigned n;
	const char *file;
};

static void differs(struct diff *d, const char *path, const json_t *want, const json_t *got)
{
	if (d->n++ >= SHOWN_MAX)
		return;
	char *a = want ? json_dumps(want, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	char *b = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	print_error("%s: %s: truth %.100s, replay %.100s\n", d->file, path, a ? a : "(absent)",
		b ? b : "(absent)");
	free(a);
	free(b);
}

/* Fields of the truth that no capture shows. */
static bool not_shown(const char *path)
{
	return strstr(path, ".tshark_agrees") || strstr(path, ".headers_by") ||
	       strstr(path, "anomalies.events");
}

/* Fields that replay may add. */
static bool may_add(const char *key)
{
	static const char *const keys[] = {"inferred", "origin", "reader_error_detail", "error"};
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

static void compare(struct diff *d, const char *path, const json_t *want, const json_t *got);

static void compare_objects(struct diff *d, const char *path, const json_t *want, const json_t *got)
{
	char sub[400];
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)want, key, v)
	{
		snprintf(sub, sizeof sub, "%.300s.%.90s", path, key);
		compare(d, sub, v, json_object_get(got, key));
	}
	json_object_foreach((json_t *)got, key, v)
	{
		snprintf(sub, sizeof sub, "%.300s.%.90s", path, key);
		if (!json_object_get(want, key) && !may_add(key))
			differs(d, sub, NULL, v);
	}
}

static void compare(struct diff *d, const char *path, const json_t *want, const json_t *got)
{
	char sub[400];
	if (not_shown(path))
		return;
	if (json_is_object(want) && json_is_object(got)) {
		compare_objects(d, path, want, got);
	} else if (json_is_array(want) && json_is_array(got)) {
		if (json_array_size(want) != json_array_size(got))
			differs(d, path, want, got);
		for (size_t i = 0; i < json_array_size(want) && i < json_array_size(got); i++) {
			snprintf(sub, sizeof sub, "%.370s[%zu]", path, i);
			compare(d, sub, json_array_get(want, i), json_array_get(got, i));
		}
	} else if (json_is_real(want) && json_is_number(got)) {
		/* The truth's times are differences of floating-point epochs: right to a microsecond. */
		if (fabs(json_real_value(want) - json_number_value(got)) > 1.5e-6)
			differs(d, path, want, got);
	} else if (!got || !json_equal(want, got)) {
		differs(d, path, want, got);
	}
}

static json_t *replay(const char *capture)
{
	char why[256] = "";
	struct capture *c = NULL;
	struct buf b;
	json_error_t err;
	if (capture_open(&c, capture, NULL, why, sizeof why) != CAPTURE_OK)
		fail_msg("%s: %s", capture, why);
	buf_init(&b, &xalloc, SIZE_MAX);
	capture_json(c, strrchr(capture, '/') + 1, &b);
	json_t *j = json_loadb((const char *)b.p, b.n, 0, &err);
	if (!j)
		fail_msg("%s: our JSON cannot be read: %s at %d:%d", capture, err.text, err.line, err.column);
	buf_fini(&b);
	capture_free(c);
	return j;
}

/* Connections of which the truth knows the inside of TLS: only the outside is compared. */
static void compare_tls(struct diff *d, const json_t *want, const json_t *got)
{
	static const char *const keys[] = {
		"stream", "sni", "alpn_offered", "client_hello_frame", "cipher_suite", "version"};
	char path[64];
	for (size_t i = 0; i < json_array_size(want); i++)
		for (size_t k = 0; k < sizeof keys / sizeof keys[0]; k++) {
			snprintf(path, sizeof path, "tls[%zu].%s", i, keys[k]);
			compare(d, path, json_object_get(json_array_get(want, i), keys[k]),
				json_object_get(json_array_get(got, i), keys[k]));
		}
}

static void agrees_with_truth(void **state)
{
	static const char *const lists[] = {"file", "packets_by_kind", "conversations", "tcp_connections",
		"anomalies", "checksums", "http", "sse", "websockets"};
	static const char *const outside[] = {"file", "packets_by_kind", "checksums"};
	const char *truth = *state;
	json_error_t err;
	json_t *want = json_load_file(truth, 0, &err);
	assert_non_null(want);
	char capture[600];
	snprintf(capture, sizeof capture, "%.*s/%s", (int)(strrchr(truth, '/') - truth), truth,
		json_string_value(json_object_get(want, "capture")));
	json_t *got = replay(capture);
	assert_string_equal(json_string_value(json_object_get(got, "format")), "capture-replay/1");
	struct diff d = {0, json_string_value(json_object_get(want, "capture"))};
	bool secret = json_array_size(json_object_get(want, "tls")) > 0;
	const char *const *list = secret ? outside : lists;
	size_t n = secret ? sizeof outside / sizeof outside[0] : sizeof lists / sizeof lists[0];
	for (size_t i = 0; i < n; i++)
		compare(&d, list[i], json_object_get(want, list[i]), json_object_get(got, list[i]));
	compare_tls(&d, json_object_get(want, "tls"), json_object_get(got, "tls"));
	if (d.n)
		fail_msg("%s: %u fields differ", d.file, d.n);
	json_decref(want);
	json_decref(got);
}

int main(void)
{
	glob_t g = {0};
	glob("tests/data/captures/*.truth.json", 0, NULL, &g);
	glob("tests/data/captures/zeek/*.truth.json", GLOB_APPEND, NULL, &g);
	if (g.gl_pathc < 30) {
		fprintf(stderr, "only %zu recorded captures found\n", g.gl_pathc);
		return 1;
	}
	struct CMUnitTest *t = calloc(g.gl_pathc, sizeof *t);
	for (size_t i = 0; i < g.gl_pathc; i++)
		t[i] = (struct CMUnitTest){
			strrchr(g.gl_pathv[i], '/') + 1, agrees_with_truth, NULL, NULL, g.gl_pathv[i]};
	int rc = _cmocka_run_group_tests("truth", t, g.gl_pathc, NULL, NULL);
	free(t);
	globfree(&g);
	return rc;
}
