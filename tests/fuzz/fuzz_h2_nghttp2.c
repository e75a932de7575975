/*
 * Fuzzes an HTTP/2 server's session against libnghttp2's: both get the same octets of a client, frame by frame, and after
 * each frame both must have reset the same streams or given up the connection alike.
 *
 * Where they may differ is in the two tables below, each row with its reason. Everything else stops the fuzzer.
 */
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/h2/session.h"
#include "tests/support/fuzz_common.h"

#define FRAMES_MAX 512
#define RESETS_MAX 16

/* What one frame came to. */
struct verdict {
	bool conn;
	uint32_t code; /* of GOAWAY */
	struct {
		uint32_t stream, code;
	} reset[RESETS_MAX];
	unsigned resets;
	char what[128]; /* the first fault, in the words of who found it */
	bool nameless; /* a request without :authority and host: HTTP/2 says nothing about it, libnghttp2 does */
	bool foreign;  /* a scheme that is not http or https: its :path may be empty */
	bool repeated; /* content-length twice with the same value, which RFC 9110 8.6 lets a recipient take */
	bool goaway;   /* GOAWAY came: libnghttp2 lets new streams be */
};

/* Ours is stricter: sentences of our faults that libnghttp2 may not share. */
static const struct {
	const char *what, *why;
} stricter[] = {
	{"a field name has an octet that is not allowed",
		"libnghttp2 leaves out regular fields with invalid octets"},
	{"a field value has a control octet", "libnghttp2 leaves out regular fields with invalid octets"},
	{"a field value begins or ends with white space", "libnghttp2 1.52 trims or leaves out the field"},
	{"host and :authority differ", "a SHOULD of RFC 9113 8.3.1"},
	{"host comes twice", "RFC 9110 7.2; libnghttp2 looks at the first"},
	{":authority holds userinfo", "RFC 9113 8.3.1; libnghttp2 looks at octets only"},
	{":path holds an octet that no path has", "RFC 9113 8.3.1; libnghttp2 looks at octets only"},
	{":scheme is no scheme", "RFC 9113 8.3.1; libnghttp2 looks at octets only"},
	{"DATA on a closed stream", "libnghttp2 does not remember every closed stream"},
	{"HEADERS on a closed stream", "libnghttp2 does not remember every closed stream"},
	{"DATA after RST_STREAM", "libnghttp2 passes over frames for streams that are gone"},
	{"HEADERS after RST_STREAM", "libnghttp2 passes over frames for streams that are gone"},
	{"too many frames that carry nothing (H2_CONTROL_BUDGET)", "our budget"},
	{"too many streams ended before they were answered (H2_RESET_BUDGET)", "our budget"},
	{"too many streams ended before they were answered", "our budget"},
	{"a header block over H2_BLOCK_OCTETS_MAX or H2_CONTINUATIONS_MAX", "our limit"},
	{"only DATA may follow on a CONNECT stream", "RFC 9113 8.5; libnghttp2 takes trailers"},
	{":authority or host is not a host and port", "RFC 3986 3.2; libnghttp2 lets more octets pass"},
	{":authority is not a host and port", "RFC 3986 3.2; libnghttp2 lets more octets pass"},
	{"this setting is 0 or 1",
		"RFC 8441 3 asks it of servers too; libnghttp2 looks at what a server sends"},
	{"NO_RFC7540_PRIORITIES cannot be changed",
		"libnghttp2 looks at the last of a setting that comes twice"},
	{"ENABLE_CONNECT_PROTOCOL cannot be taken back", "RFC 8441 3 asks it of servers too"},
	{"a window cannot be over 2^31-1",
		"libnghttp2 looks at the last of a setting that comes twice; RFC 9113 6.5.3 at each"},
	{"MAX_FRAME_SIZE is 2^14 to 2^24-1", "libnghttp2 looks at the last of a setting that comes twice"},
	{"the frame is too short for its fields",
		"libnghttp2 does not look into DATA of a stream that is gone"},
	{"the padding is longer than what is left of the frame",
		"libnghttp2 does not look into DATA of a stream that is gone"},
	{"stream identifiers must increase", "RFC 9113 5.1.1; libnghttp2 passes over the frame"},
	{"INITIAL_WINDOW_SIZE overflows a window",
		"RFC 9113 6.9.2: the connection; libnghttp2 resets the stream"},
};

/* Theirs is stricter: reasons libnghttp2 gives (debug data, or the name of its error code). */
static const struct {
	const char *what, *why;
} looser[] = {
	{"DATA: stream closed",
		"RFC 9113 5.1 allows to pass over what was under way when a stream was reset"},
	{"SETTINGS: unexpected ACK", "RFC 9113 says nothing of an ACK too many"},
	{"Too many CONTINUATION frames", "libnghttp2's limit, lower than ours"},
	{"request HEADERS: depend on itself", "libnghttp2 gives up before it has decompressed the block"},
	{"HEADERS: stream closed", "libnghttp2 gives up before it has decompressed the block"},
	{"too many setting entries", "libnghttp2's limit of settings in one frame"},
};

static void ours(struct h2_conn *c, struct bytes piece, struct verdict *v)
{
	struct h2_event ev;
	h2_conn_feed(c, piece);
	while (h2_conn_next(c, &ev) == 1) {
		v->goaway = v->goaway || ev.kind == H2_EV_GOAWAY;
		if (ev.kind == H2_EV_HEADERS) {
			bool authority, host;
			struct bytes scheme = hfields_get(ev.fields, ":scheme", NULL);
			v->foreign = scheme.n && !bytes_eq_nocase(scheme, BYTES_LIT("http")) &&
				     !bytes_eq_nocase(scheme, BYTES_LIT("https"));
			hfields_get(ev.fields, ":authority", &authority);
			hfields_get(ev.fields, "host", &host);
			v->nameless = !authority && !host;
			unsigned lengths = 0;
			for (size_t i = 0; i < ev.fields->count; i++)
				lengths += bytes_eq_str(hfields_at(ev.fields, i).name, "content-length");
			v->repeated = lengths > 1;
		}
		if (ev.kind != H2_EV_STREAM_FAULT && ev.kind != H2_EV_CONN_FAULT)
			continue;
		if (!v->what[0])
			snprintf(v->what, sizeof v->what, "%s", ev.fault.err.what);
		v->conn = ev.kind == H2_EV_CONN_FAULT;
		if (v->conn)
			v->code = ev.code;
		else if (v->resets < RESETS_MAX) {
			v->reset[v->resets].stream = ev.stream;
			v->reset[v->resets++].code = ev.code;
		}
	}
	h2_conn_sent(c, h2_conn_out(c).n);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Reads what libnghttp2 wants to send: RST_STREAM and GOAWAY are its verdict. */
static void their_frames(const uint8_t *p, size_t n, struct verdict *v)
{
	for (size_t at = 0; at + 9 <= n;) {
		size_t len = (size_t)p[at] << 16 | (size_t)p[at + 1] << 8 | p[at + 2];
		const uint8_t *body = p + at + 9;
		if (p[at + 3] == H2_RST_STREAM && v->resets < RESETS_MAX) {
			v->reset[v->resets].stream = be32(p + at + 5);
			v->reset[v->resets++].code = be32(body);
		} else if (p[at + 3] == H2_GOAWAY) {
			v->conn = true;
			v->code = be32(body + 4);
			snprintf(v->what, sizeof v->what, "%.*s", (int)(len - 8), (const char *)body + 8);
		}
		at += 9 + len;
	}
}

static void theirs(nghttp2_session *s, struct bytes piece, struct verdict *v)
{
	const uint8_t *out;
	ssize_t n = nghttp2_session_mem_recv(s, piece.p, piece.n);
	if (n < 0) {
		v->conn = true;
		v->code = H2_PROTOCOL_ERROR;
		snprintf(v->what, sizeof v->what, "%s", nghttp2_strerror((int)n));
	}
	while ((n = nghttp2_session_mem_send(s, &out)) > 0)
		their_frames(out, (size_t)n, v);
}

static int on_invalid(nghttp2_session *s, const nghttp2_frame *frame, int code, void *user)
{
	(void)s;
	(void)frame;
	(void)code;
	(void)user;
	return 0;
}

static bool listed(const struct verdict *v, bool ours_is_stricter)
{
	if (ours_is_stricter) {
		for (size_t i = 0; i < sizeof stricter / sizeof *stricter; i++)
			if (!strcmp(v->what, stricter[i].what))
				return true;
		return false;
	}
	for (size_t i = 0; i < sizeof looser / sizeof *looser; i++)
		if (strstr(v->what, looser[i].what))
			return true;
	return false;
}

/* What is an error of one stream may be taken for one of the connection (RFC 9113 5.4.2). */
static bool raised(const struct verdict *low, const struct verdict *high)
{
	return !low->conn && low->resets > 0 && high->conn && low->reset[0].code == high->code;
}

static bool size_or_protocol(uint32_t code)
{
	return code == H2_FRAME_SIZE_ERROR || code == H2_PROTOCOL_ERROR;
}

static bool same(const struct verdict *a, const struct verdict *b)
{
	if (a->conn && b->conn) /* a frame of the wrong size in the wrong place has two faults */
		return a->code == b->code || (size_or_protocol(a->code) && size_or_protocol(b->code));
	if (a->conn || b->conn)
		return false;
	if (a->resets != b->resets)
		return false;
	for (unsigned i = 0; i < a->resets; i++)
		if (a->reset[i].stream != b->reset[i].stream ||
			(a->reset[i].code != b->reset[i].code && a->reset[i].code != H2_REFUSED_STREAM &&
				b->reset[i].code != H2_REFUSED_STREAM)) /* one too many, and malformed */
			return false;
	return true;
}

static void show(const char *who, const struct verdict *v)
{
	fprintf(stderr, "%s: %s code %u, %u resets", who,
		v->conn ? "connection error" : "no connection error", (unsigned)v->code, v->resets);
	for (unsigned i = 0; i < v->resets; i++)
		fprintf(stderr, " [%u %u]", (unsigned)v->reset[i].stream, (unsigned)v->reset[i].code);
	fprintf(stderr, " (%s)\n", v->what);
}

/* The next frame's octets; 0 when it is not whole: when a fault is known early is each one's own matter. */
static size_t next_piece(struct bytes in, size_t at)
{
	if (in.n - at < 9)
		return 0;
	size_t len = 9 + ((size_t)in.p[at] << 16 | (size_t)in.p[at + 1] << 8 | in.p[at + 2]);
	return len <= in.n - at ? len : 0;
}

/*
 * libnghttp2 keeps streams that were reset for its tree of priorities and goes on counting their windows, so that a new
 * INITIAL_WINDOW_SIZE may overflow one and reset it once more. A closed stream has no window (RFC 9113 5.1): not counted.
 */
static void forget_closed(const struct h2_conn *c, struct bytes piece, struct verdict *their)
{
	unsigned kept = 0;
	if (piece.p[3] != H2_SETTINGS)
		return;
	for (unsigned i = 0; i < their->resets; i++)
		if (their->reset[i].code != H2_FLOW_CONTROL_ERROR ||
			h2_conn_stream(c, their->reset[i].stream))
			their->reset[kept++] = their->reset[i];
	their->resets = kept;
}

static void compare(struct h2_conn *c, nghttp2_session *s, struct bytes in, size_t at)
{
	struct verdict mine = {.conn = false}, their = {.conn = false};
	size_t n;
	for (unsigned frames = 0; (n = next_piece(in, at)) > 0 && frames < FRAMES_MAX; frames++) {
		struct bytes piece = bytes_sub(in, at, n);
		ours(c, piece, &mine);
		theirs(s, piece, &their);
		forget_closed(c, piece, &their);
		at += piece.n;
		if (mine.goaway || (c->state == H2_CONN_IN_BLOCK && their.code == H2_COMPRESSION_ERROR))
			return; /* a string may be refused before its end is there */
		if (c->state == H2_CONN_IN_BLOCK && !their.conn)
			continue; /* libnghttp2 resets with the first bad field, we when the block is whole */
		if (!same(&mine, &their)) {
			if (raised(&mine, &their) || raised(&their, &mine) || listed(&mine, true) ||
				listed(&their, false) ||
				((mine.nameless || mine.foreign || mine.repeated) && !their.conn))
				return;
			fprintf(stderr, "at octet %zu:\n", at - piece.n);
			show("ours", &mine);
			show("libnghttp2", &their);
			for (size_t i = 0; i < piece.n; i++)
				fprintf(stderr, "%02x", piece.p[i]);
			fprintf(stderr, "\n");
			abort();
		}
		if (mine.conn)
			return;
		mine = their = (struct verdict){.conn = false};
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char start[] = H2_PREFACE "\0\0\0\4\0\0\0\0\0";
	bool whole = size >= H2_PREFACE_LEN && !memcmp(data, H2_PREFACE, H2_PREFACE_LEN);
	struct bytes in = {data, size}, head = {(const uint8_t *)start, sizeof start - 1};
	struct h2_local local = h2_local_default();
	struct h2_conn c;
	struct verdict v = {.conn = false};
	nghttp2_session *s;
	nghttp2_session_callbacks *cb;
	nghttp2_option *opt;
	local.manual_window = true;
	nghttp2_settings_entry entry = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, local.max_concurrent};
	if (nghttp2_session_callbacks_new(&cb) || nghttp2_option_new(&opt))
		return 0;
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(cb, on_invalid);
	nghttp2_option_set_no_auto_window_update(opt, 1);
	if (nghttp2_session_server_new2(&s, cb, NULL, opt))
		return 0;
	nghttp2_submit_settings(s, NGHTTP2_FLAG_NONE, &entry, 1);
	if (h2_conn_init(&c, &alloc_libc, H2_SERVER, &local)) {
		if (whole)
			head = bytes_sub(in, 0, H2_PREFACE_LEN);
		ours(&c, head, &v);
		theirs(s, head, &v);
		compare(&c, s, in, whole ? H2_PREFACE_LEN : 0);
	}
	h2_conn_fini(&c);
	nghttp2_session_del(s);
	nghttp2_option_del(opt);
	nghttp2_session_callbacks_del(cb);
	return 0;
}
