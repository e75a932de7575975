/*
 * Vectors of QUIC: integers, packet numbers, Initial keys, headers, frames, transport parameters, protection.
 */
#include <string.h>

#include "proto/quic/quic.h"
#include "ui/vectors.h"

/* Sets the same value under every name the member may have. */
static void set_all(json_t *obj, json_t *value, const char *const *names)
{
	for (; *names; names++)
		json_object_set(obj, *names, value);
	json_decref(value);
}
#define SET(obj, value, ...) set_all(obj, value, (const char *const[]){__VA_ARGS__, NULL})

static json_t *num(uint64_t v)
{
	return json_integer((json_int_t)v);
}

static void run_varint(struct vec_case *c, struct bytes in)
{
	uint64_t v = 0;
	size_t n = quic_varint_read(in, &v);
	json_t *got = json_object();
	json_object_set_new(got, "incomplete", json_boolean(n == 0));
	if (n) {
		json_object_set_new(got, "value", num(v));
		json_object_set_new(got, "length", num(n));
		json_object_set_new(got, "minimal", json_boolean(n == quic_varint_len(v)));
		struct buf out;
		buf_init(&out, c->al, SIZE_MAX);
		quic_varint_write_len(&out, v, n);
		if (!bytes_eq(buf_bytes(&out), bytes_sub(in, 0, n)))
			vec_fail(c, "written back it differs");
		buf_fini(&out);
	}
	vec_match(c, "varint", c->expect, got);
}

/* A value to write: any string of `expect` is its shortest form in hex. */
static void run_varint_write(struct vec_case *c, uint64_t v)
{
	struct buf out;
	const char *key;
	json_t *want;
	buf_init(&out, c->al, SIZE_MAX);
	quic_varint_write(&out, v);
	json_object_foreach(c->expect, key, want)
	{
		if (json_is_string(want))
			vec_match(c, key, want, vec_hex(buf_bytes(&out)));
		else if (!strcmp(key, "length"))
			vec_match(c, key, want, num(out.n));
	}
	buf_fini(&out);
}

static void run_pn(struct vec_case *c)
{
	json_t *l = json_object_get(c->j, "largest");
	uint64_t largest = json_is_integer(l) ? (uint64_t)json_integer_value(l) : UINT64_MAX; /* none yet */
	uint64_t truncated = (uint64_t)json_integer_value(json_object_get(c->j, "truncated"));
	unsigned bits = (unsigned)json_integer_value(json_object_get(c->j, "bits"));
	json_t *expected = json_object_get(c->expect, "packet_number");
	if (!expected || bits == 0 || bits > 32)
		vec_unknown(c, "a packet number without its bits");
	else
		vec_match(c, "packet_number", expected, num(quic_pn_decode(largest, truncated, bits)));
}

static uint32_t version_of(struct vec_case *c)
{
	json_t *v = json_object_get(c->j, "version");
	if (json_is_integer(v))
		return json_integer_value(v) == 2 ? QUIC_VERSION_2 : (uint32_t)json_integer_value(v);
	if (json_is_string(v) &&
		(strstr(json_string_value(v), "6b3343cf") || !strcmp(json_string_value(v), "2") ||
			!strcmp(json_string_value(v), "v2")))
		return QUIC_VERSION_2;
	return QUIC_VERSION_1;
}

static void run_keys(struct vec_case *c)
{
	struct buf dcid;
	struct quic_keys k;
	const char *side = json_string_value(json_object_get(c->j, "side"));
	buf_init(&dcid, c->al, SIZE_MAX);
	if (vec_input(c, "dcid", &dcid) &&
		quic_initial_keys(version_of(c), buf_bytes(&dcid), !side || strcmp(side, "server"), &k)) {
		json_t *got = json_object();
		json_object_set_new(got, "secret", vec_hex((struct bytes){k.secret, 32}));
		json_object_set_new(got, "key", vec_hex((struct bytes){k.key, 16}));
		json_object_set_new(got, "iv", vec_hex((struct bytes){k.iv, 12}));
		json_object_set_new(got, "hp", vec_hex((struct bytes){k.hp, 16}));
		vec_match(c, "keys", c->expect, got);
	} else {
		vec_fail(c, "the keys could not be made");
	}
	buf_fini(&dcid);
}

static json_t *ack_ranges(const struct quic_frame *f)
{
	json_t *list = json_array();
	for (uint32_t i = 0; i < f->n_ranges; i++)
		json_array_append_new(list, json_pack("[I, I]", (json_int_t)f->ranges[i].smallest,
						    (json_int_t)f->ranges[i].largest));
	return list;
}

static void ack_json(json_t *o, const struct quic_frame *f)
{
	SET(o, num(f->largest), "largest", "largest_acknowledged", "largest_acked");
	SET(o, num(f->delay), "delay", "ack_delay");
	SET(o, num(f->range_count), "range_count", "ack_range_count");
	SET(o, num(f->first_range), "first_range", "first_ack_range");
	SET(o, ack_ranges(f), "ranges", "acked", "ack_ranges");
	if (f->ecn) {
		json_t *ecn = json_pack("{s:I, s:I, s:I}", "ect0", (json_int_t)f->ect0, "ect1",
			(json_int_t)f->ect1, "ce", (json_int_t)f->ce);
		/* As members of the frame, and as one list or object. */
		SET(o, num(f->ect0), "ect0");
		SET(o, num(f->ect1), "ect1");
		SET(o, num(f->ce), "ce", "ecn_ce");
		SET(o, ecn, "ecn", "ecn_counts");
	}
}

static json_t *frame_json(const struct quic_frame *f)
{
	json_t *o = json_object();
	uint8_t first = f->info->first;
	json_object_set_new(o, "type", json_string(f->info->name));
	json_object_set_new(o, "off", num(f->off));
	SET(o, num(f->type), "type_value", "frame_type_value", "code");
	SET(o, num(f->id), "id", "stream", "stream_id");
	SET(o, num(f->offset), "offset");
	SET(o, json_boolean(f->fin), "fin");
	SET(o, num(f->data.n), "length");
	SET(o, vec_hex(f->data), "data", "token");
	SET(o, num(f->error_code), "error_code", "error", "app_error_code", "application_error_code");
	SET(o, num(f->frame_type), "frame_type");
	SET(o, num(f->final_size), "final_size");
	SET(o, num(f->maximum), "max", "maximum", "limit", "value", "max_data", "maximum_data",
		"max_stream_data", "max_streams", "maximum_streams", "maximum_stream_data");
	SET(o, json_boolean(!f->uni), "bidi", "bidirectional");
	SET(o, json_boolean(f->uni), "uni", "unidirectional");
	SET(o, json_string(f->uni ? "uni" : "bidi"), "dir", "direction", "stream_type", "kind");
	SET(o, num(f->sequence), "sequence", "seq", "sequence_number");
	SET(o, num(f->retire_prior_to), "retire_prior_to");
	SET(o, vec_hex(f->cid), "cid", "connection_id");
	SET(o, json_boolean(f->app), "app", "application");
	if (f->reset_token.n)
		SET(o, vec_hex(f->reset_token), "token", "reset_token", "stateless_reset_token");
	if (first == QUIC_ACK)
		ack_json(o, f);
	if (f->type == QUIC_CONNECTION_CLOSE || f->app) {
		SET(o, vec_string(f->data), "reason", "reason_phrase");
		SET(o, vec_hex(f->data), "reason_hex");
	}
	if (first == QUIC_PADDING)
		SET(o, num(f->padding), "length", "count", "n");
	json_object_set_new(o, "padding", json_boolean(first == QUIC_PADDING));
	return o;
}

/* Other names a frame's type goes by. */
static bool type_name_ok(const char *want, const struct quic_frame *f)
{
	char name[64];
	static const char *const patterns[] = {"%s_%s", "%s (%s)", "%s-%s", "%s/%s"};
	const char *extra[4] = {0};
	size_t n = 0;
	if (f->info->first == QUIC_ACK && f->ecn)
		extra[n++] = "ECN";
	if (f->type == QUIC_CONNECTION_CLOSE || f->app) {
		extra[n++] = f->app ? "APP" : "TRANSPORT";
		extra[n++] = f->app ? "APPLICATION" : "QUIC";
	}
	if (f->info->first == QUIC_MAX_STREAMS || f->info->first == QUIC_STREAMS_BLOCKED)
		extra[n++] = f->uni ? "UNI" : "BIDI";
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof patterns / sizeof *patterns; k++) {
			snprintf(name, sizeof name, patterns[k], f->info->name, extra[i]);
			if (strlen(want) == strlen(name) && bytes_eq_nocase(bytes_str(want), bytes_str(name)))
				return true;
		}
	return false;
}

/* The type by number or by another name; ACK ranges as [smallest, largest], [largest, smallest], or the further ones as
 * [gap, length] in the way they are on the wire. */
static void take_notation(json_t *o, json_t *want, const struct quic_frame *f)
{
	static const char *const keys[] = {"ranges", "acked", "ack_ranges"};
	json_t *type = json_object_get(want, "type"), *turned = json_array(), *gaps = json_array();
	json_t *named = json_array(), *named_gaps = json_array();
	if (json_is_string(type) && type_name_ok(json_string_value(type), f))
		json_object_set(o, "type", type);
	if (json_is_integer(type))
		json_object_set_new(o, "type", num(f->type));
	for (uint32_t i = 0; i < f->n_ranges; i++) {
		const struct quic_ack_range *r = &f->ranges[i];
		json_array_append_new(
			turned, json_pack("[I, I]", (json_int_t)r->largest, (json_int_t)r->smallest));
		json_t *one = json_object();
		SET(one, num(r->smallest), "smallest", "first", "from", "start", "low", "min");
		SET(one, num(r->largest), "largest", "last", "to", "end", "high", "max");
		json_array_append_new(named, one);
		if (!i)
			continue;
		uint64_t gap = r[-1].smallest - r->largest - 2, len = r->largest - r->smallest;
		json_array_append_new(gaps, json_pack("[I, I]", (json_int_t)gap, (json_int_t)len));
		one = json_object();
		SET(one, num(gap), "gap");
		SET(one, num(len), "length", "len", "range", "range_length", "ack_range_length");
		json_array_append_new(named_gaps, one);
	}
	for (size_t i = 0; i < 3; i++) {
		json_t *w = json_object_get(want, keys[i]);
		json_t *const forms[] = {turned, gaps, named, named_gaps};
		for (size_t k = 0; w && k < sizeof forms / sizeof *forms; k++)
			if (vec_same(w, forms[k]))
				json_object_set(o, keys[i], forms[k]);
	}
	json_decref(turned);
	json_decref(gaps);
	json_decref(named);
	json_decref(named_gaps);
	if (f->ecn && json_is_array(json_object_get(want, "ecn")))
		json_object_set_new(o, "ecn",
			json_pack("[I, I, I]", (json_int_t)f->ect0, (json_int_t)f->ect1, (json_int_t)f->ce));
	json_t *reason = json_object_get(want, "reason"), *hex = json_object_get(o, "reason_hex");
	if (hex && reason && vec_same(reason, hex))
		json_object_set(o, "reason", hex);
	vec_adopt(want, o);
}

/* PADDING may be listed as one frame an octet, as a run, or not at all. */
static void match_frames(struct vec_case *c, json_t *expected, json_t *runs)
{
	json_t *single = json_array(), *without = json_array(), *f;
	size_t i;
	json_array_foreach(runs, i, f)
	{
		if (!json_is_true(json_object_get(f, "padding"))) {
			json_array_append(single, f);
			json_array_append(without, f);
			continue;
		}
		json_int_t n = json_integer_value(json_object_get(f, "count"));
		json_t *one = json_copy(f);
		json_object_set_new(one, "length", json_integer(1));
		for (json_int_t k = 0; k < n; k++)
			json_array_append(single, one);
		json_decref(one);
	}
	if (!vec_same(expected, single) && !vec_same(expected, without))
		vec_match(c, "frames", expected, json_incref(runs));
	json_decref(single);
	json_decref(without);
	json_decref(runs);
}

static enum quic_packet packet_of(struct vec_case *c)
{
	static const struct {
		const char *word;
		enum quic_packet packet;
	} words[] = {{"initial", QUIC_INITIAL}, {"0-rtt", QUIC_0RTT}, {"0rtt", QUIC_0RTT},
		{"handshake", QUIC_HANDSHAKE}, {"1-rtt", QUIC_SHORT}, {"1rtt", QUIC_SHORT},
		{"short", QUIC_SHORT}};
	json_t *p = json_object_get(c->j, "packet");
	if (!p)
		p = json_object_get(c->j, "packet_type");
	if (!p)
		p = json_object_get(c->j, "space");
	for (size_t i = 0; i < sizeof words / sizeof *words && json_is_string(p); i++)
		if (bytes_eq_nocase(vec_text(p), bytes_str(words[i].word)))
			return words[i].packet;
	return QUIC_LONG_UNKNOWN;
}

static bool error_is(json_t *expected, const char *got)
{
	size_t i;
	json_t *e;
	if (json_is_string(expected))
		return !strcmp(json_string_value(expected), got);
	json_array_foreach(expected, i, e) if (error_is(e, got)) return true;
	return json_is_true(expected);
}

static void match_error(struct vec_case *c, const struct perr *err)
{
	const struct quic_name *n = quic_error_info((uint64_t)err->code);
	json_t *expected = json_object_get(c->expect, "error");
	if (!expected)
		vec_fail(c, "refused at octet %llu: %s (%s)", (unsigned long long)err->off, err->what,
			err->ref);
	else if (err->code && !error_is(expected, n ? n->name : "?"))
		vec_fail(c, "wrong error %s: %s (%s)", n ? n->name : "?", err->what, err->ref);
}

static void run_frames(struct vec_case *c, struct bytes in)
{
	static struct quic_frame const empty;
	struct quic_frame f = empty;
	struct perr err = {
		QUIC_PROTOCOL_VIOLATION, 0, "a packet must hold at least one frame", "RFC 9000 12.4"};
	json_t *expected = json_object_get(c->expect, "frames"), *list = json_array();
	struct buf out;
	int r;
	buf_init(&out, c->al, SIZE_MAX);
	for (size_t at = 0; (r = quic_frame_read(in, at, packet_of(c), &f, &err)) == 1; at = f.off + f.len) {
		json_t *o = frame_json(&f);
		take_notation(o, json_array_get(expected, json_array_size(list)), &f);
		json_array_append_new(list, o);
		quic_frame_write(&out, &f);
	}
	if (r < 0 || in.n == 0)
		match_error(c, &err);
	else if (json_object_get(c->expect, "error"))
		vec_fail(c, "expected an error, was accepted");
	else if (!json_is_true(json_object_get(c->j, "decode_only"))) {
		/* Written again, frames may only become shorter: integers take their shortest form. */
		if (out.n > in.n || (out.n == in.n && memcmp(out.p, in.p, in.n) != 0))
			vec_fail(c, "written back it differs");
	}
	if (expected)
		match_frames(c, expected, list);
	else
		json_decref(list);
	buf_fini(&out);
}

static json_t *header_json(const struct quic_header *h)
{
	json_t *o = json_object(), *versions = json_array(), *version_hex = json_array();
	char text[16];
	SET(o, json_string(quic_packet_names[h->type]), "type", "packet_type", "packet");
	SET(o, json_string(h->type == QUIC_SHORT ? "short" : "long"), "form", "header_form", "header");
	json_object_set_new(o, "long", json_boolean(h->type != QUIC_SHORT));
	SET(o, num(h->version), "version");
	snprintf(text, sizeof text, "%08x", (unsigned)h->version);
	SET(o, json_string(text), "version_hex");
	SET(o, vec_hex(h->dcid), "dcid", "destination_connection_id", "destination_cid");
	SET(o, vec_hex(h->scid), "scid", "source_connection_id", "source_cid");
	SET(o, vec_hex(h->token), "token", "retry_token");
	SET(o, vec_hex(h->retry_tag), "tag", "integrity_tag", "retry_integrity_tag");
	SET(o, num(h->length), "length");
	SET(o, num(h->pn_len), "pn_len", "pn_length", "packet_number_length");
	SET(o, num(h->pn), "pn", "packet_number", "truncated_pn");
	SET(o, num(h->pn_off), "pn_off", "pn_offset");
	SET(o, num(h->payload_off), "payload_off", "payload_offset", "header_len", "header_length");
	SET(o, num(h->end), "end", "next", "size");
	SET(o, json_boolean(h->fixed), "fixed", "fixed_bit");
	SET(o, json_boolean(h->spin), "spin", "spin_bit");
	SET(o, json_boolean(h->key_phase), "key_phase");
	for (size_t i = 0; i + 4 <= h->versions.n; i += 4) {
		json_array_append_new(versions, num(be32_get(h->versions.p + i)));
		json_array_append_new(version_hex, vec_hex(bytes_sub(h->versions, i, 4)));
	}
	SET(o, versions, "versions", "supported_versions");
	SET(o, version_hex, "versions_hex");
	return o;
}

/* Type words are compared without case, space, hyphen or underscore; version numbers may be written in hex. */
static bool words_alike(const char *a, const char *b)
{
	for (;;) {
		while (*a && strchr(" -_", *a))
			a++;
		while (*b && strchr(" -_", *b))
			b++;
		if ((*a | 0x20) != (*b | 0x20))
			return false;
		if (!*a)
			return true;
		a++;
		b++;
	}
}

static bool type_alike(const char *want, enum quic_packet type)
{
	return words_alike(want, quic_packet_names[type]) ||
	       (type == QUIC_SHORT && (words_alike(want, "short") || words_alike(want, "onertt"))) ||
	       (type == QUIC_0RTT && words_alike(want, "zerortt"));
}

/* Takes the words and notations `expect` uses where they mean the same. */
static void header_notation(json_t *got, json_t *expect, const struct quic_header *h)
{
	static const char *const type_keys[] = {"type", "packet_type", "packet"};
	static const char *const hex_keys[] = {"version", "versions", "supported_versions"};
	for (size_t i = 0; i < 3; i++) {
		json_t *want = json_object_get(expect, type_keys[i]);
		if (json_is_string(want) && type_alike(json_string_value(want), h->type))
			json_object_set(got, type_keys[i], want);
	}
	for (size_t i = 0; i < 3; i++) {
		json_t *want = json_object_get(expect, hex_keys[i]);
		if (json_is_string(want) || json_is_string(json_array_get(want, 0)))
			json_object_set(
				got, hex_keys[i], json_object_get(got, i ? "versions_hex" : "version_hex"));
	}
	vec_adopt(expect, got);
}

static size_t dcid_len(struct vec_case *c)
{
	static const char *const keys[] = {"dcid_len", "cid_len", "dcid_length"};
	for (size_t i = 0; i < 3; i++)
		if (json_object_get(c->j, keys[i]))
			return (size_t)json_integer_value(json_object_get(c->j, keys[i]));
	return 8;
}

static void run_header(struct vec_case *c, struct bytes in)
{
	struct quic_header h;
	struct perr err = {0};
	bool ok = quic_header_read(in, dcid_len(c), &h, &err);
	if (!ok) {
		if (!json_object_get(c->expect, "error") &&
			!json_is_true(json_object_get(c->expect, "incomplete")) &&
			!json_is_true(json_object_get(c->expect, "drop")))
			vec_fail(c, "refused at octet %llu: %s (%s)", (unsigned long long)err.off, err.what,
				err.ref);
		return;
	}
	if (json_object_get(c->expect, "error")) {
		err.code = QUIC_PROTOCOL_VIOLATION; /* known once the bits are in clear */
		if (h.reserved)
			match_error(c, &err);
		else
			vec_fail(c, "expected an error, was accepted");
		return;
	}
	json_t *got = header_json(&h);
	header_notation(got, c->expect, &h);
	vec_match(c, "header", c->expect, got);
}

/* Packets that share a datagram. What cannot be read, or names another connection, is dropped (RFC 9000 12.2). */
static void run_coalesced(struct vec_case *c, json_t *packets, struct bytes in)
{
	json_t *list = json_array();
	struct bytes dcid = BYTES_NONE;
	for (size_t at = 0; at < in.n;) {
		struct quic_header h;
		struct perr err;
		if (!quic_header_read(bytes_sub(in, at, in.n - at), dcid_len(c), &h, &err))
			break;
		if (at == 0)
			dcid = h.dcid;
		if (bytes_eq(dcid, h.dcid)) {
			json_t *got = header_json(&h);
			json_object_set_new(got, "off", num(at));
			json_object_set_new(got, "size", num(h.end));
			header_notation(got, json_array_get(packets, json_array_size(list)), &h);
			json_array_append_new(list, got);
		}
		at += h.end;
	}
	vec_match(c, "packets", packets, list);
}

static json_t *params_json(const struct quic_param *list, int n)
{
	json_t *all = json_array();
	for (int i = 0; i < n; i++) {
		const struct quic_param *p = &list[i];
		json_t *o = json_object();
		SET(o, num(p->id), "id");
		SET(o, p->info ? json_string(p->info->name) : json_string("unknown"), "name");
		SET(o,
			p->info && p->info->type == QUIC_TP_VARINT ? num(p->value)
			: p->info && p->info->type == QUIC_TP_FLAG ? json_true()
								   : vec_hex(p->data),
			"value");
		SET(o, vec_hex(p->data), "data", "raw");
		json_array_append_new(all, o);
	}
	return all;
}

/* Lists of objects, lists of [id, value], or one object by name or number. */
static void match_params(struct vec_case *c, json_t *expected, json_t *got)
{
	json_t *pairs = json_array(), *raw_pairs = json_array(), *byname = json_object(),
	       *raw_byname = json_object(), *o;
	size_t i;
	char key[32];
	json_array_foreach(got, i, o)
	{
		json_t *pair = json_array(), *raw = json_array();
		json_array_append(pair, json_object_get(o, "id"));
		json_array_append(pair, json_object_get(o, "value"));
		json_array_append(raw, json_object_get(o, "id"));
		json_array_append(raw, json_object_get(o, "data"));
		json_array_append_new(pairs, pair);
		json_array_append_new(raw_pairs, raw);
		snprintf(key, sizeof key, "%lld", (long long)json_integer_value(json_object_get(o, "id")));
		json_object_set(byname, key, json_object_get(o, "value"));
		json_object_set(raw_byname, key, json_object_get(o, "data"));
		json_object_set(
			byname, json_string_value(json_object_get(o, "name")), json_object_get(o, "value"));
		json_object_set(raw_byname, json_string_value(json_object_get(o, "name")),
			json_object_get(o, "data"));
	}
	if (!vec_same(expected, pairs) && !vec_same(expected, raw_pairs) && !vec_same(expected, byname) &&
		!vec_same(expected, raw_byname))
		vec_match(c, "parameters", expected, json_incref(got));
	json_decref(pairs);
	json_decref(raw_pairs);
	json_decref(byname);
	json_decref(raw_byname);
	json_decref(got);
}

static void run_params(struct vec_case *c, json_t *expected, struct bytes in)
{
	struct quic_param list[QUIC_PARAMS_MAX];
	struct perr err = {0};
	const char *side = json_string_value(json_object_get(c->j, "side"));
	if (!side)
		side = json_string_value(json_object_get(c->j, "from"));
	int n = quic_params_read(in, side && !strcmp(side, "client"), list, &err);
	if (n < 0)
		match_error(c, &err);
	else if (json_object_get(c->expect, "error"))
		vec_fail(c, "expected an error, was accepted");
	else
		match_params(c, expected, params_json(list, n));
}

static void run_retry(struct vec_case *c)
{
	struct buf odcid, packet;
	uint8_t tag[16];
	buf_init(&odcid, c->al, SIZE_MAX);
	buf_init(&packet, c->al, SIZE_MAX);
	bool ok = vec_input(c, "odcid", &odcid) && vec_input(c, "input", &packet);
	json_t *valid = json_object_get(c->expect, "valid"), *want = json_object_get(c->expect, "tag");
	struct bytes p = buf_bytes(&packet);
	if (ok && valid && p.n >= 16) {
		struct bytes head = bytes_sub(p, 0, p.n - 16);
		bool good = quic_retry_tag(version_of(c), buf_bytes(&odcid), head, tag) &&
			    memcmp(tag, p.p + p.n - 16, 16) == 0;
		vec_match(c, "valid", valid, json_boolean(good));
	} else if (ok && want && quic_retry_tag(version_of(c), buf_bytes(&odcid), p, tag)) {
		vec_match(c, "tag", want, vec_hex((struct bytes){tag, 16}));
	} else {
		vec_unknown(c, "a retry without tag or valid");
	}
	buf_fini(&odcid);
	buf_fini(&packet);
}

/* A number to send and the largest acknowledged one: how many octets it takes. */
static void run_pn_encode(struct vec_case *c, json_t *pn)
{
	json_t *acked = json_object_get(c->j, "largest_acked"), *o = json_object();
	unsigned n = quic_pn_len((uint64_t)json_integer_value(pn),
		json_is_integer(acked) && json_integer_value(acked) >= 0 ? (uint64_t)json_integer_value(acked)
									 : UINT64_MAX);
	uint64_t truncated = (uint64_t)json_integer_value(pn) & (((uint64_t)1 << 8 * n) - 1);
	char hex[16];
	snprintf(hex, sizeof hex, "%0*llx", (int)(2 * n), (unsigned long long)truncated);
	SET(o, num(n), "length", "octets", "bytes");
	SET(o, num(8 * n), "bits");
	SET(o, num(truncated), "truncated");
	SET(o, json_string(hex), "encoded");
	vec_match(c, "packet number", c->expect, o);
}

static void run_mask(struct vec_case *c)
{
	struct buf hp, sample;
	uint8_t mask[5];
	buf_init(&hp, c->al, SIZE_MAX);
	buf_init(&sample, c->al, SIZE_MAX);
	if (vec_input(c, "hp", &hp) && vec_input(c, "sample", &sample) && hp.n == 16 && sample.n == 16 &&
		quic_hp_mask(hp.p, sample.p, mask))
		vec_match(c, "mask", json_object_get(c->expect, "mask"), vec_hex((struct bytes){mask, 5}));
	else
		vec_unknown(c, "header protection that is not AES-128's");
	buf_fini(&hp);
	buf_fini(&sample);
}

/* A protected Initial packet, opened with the keys of its connection id. */
static void run_open(struct vec_case *c, struct bytes packet)
{
	struct buf dcid, plain;
	struct quic_keys k;
	struct quic_header h;
	const char *side = json_string_value(json_object_get(c->j, "side"));
	json_t *o = json_object();
	buf_init(&dcid, c->al, SIZE_MAX);
	buf_init(&plain, c->al, SIZE_MAX);
	bool ok = vec_input(c, "dcid", &dcid) &&
		  quic_initial_keys(version_of(c), buf_bytes(&dcid), !side || strcmp(side, "server"), &k) &&
		  quic_initial_open(&k, packet, UINT64_MAX, &h, &plain);
	if (ok != !json_object_get(c->expect, "error"))
		vec_fail(c, "%s", ok ? "expected an error, was opened" : "the packet does not open");
	if (ok) {
		SET(o, num(h.pn), "packet_number", "pn");
		SET(o, vec_hex(buf_bytes(&plain)), "payload", "plaintext", "plain");
		SET(o, num(h.pn_len), "pn_len", "packet_number_length");
		if (json_object_get(c->expect, "frames"))
			run_frames(c, buf_bytes(&plain));
		json_object_set(o, "frames", json_object_get(c->expect, "frames"));
		if (!json_object_get(c->expect, "error"))
			vec_match(c, "packet", c->expect, json_incref(o));
	}
	json_decref(o);
	buf_fini(&dcid);
	buf_fini(&plain);
}

void vec_quic(struct vec_case *c)
{
	struct buf input;
	json_t *params = json_object_get(c->expect, "params");
	if (!params)
		params = json_object_get(c->expect, "parameters");
	if (!params)
		params = json_object_get(c->expect, "transport_parameters");
	buf_init(&input, c->al, SIZE_MAX);
	bool tp = strstr(c->id, "/tp/") || strstr(c->id, "param");
	if (strstr(c->id, "/retry") && json_object_get(c->j, "odcid"))
		run_retry(c);
	else if (!vec_input(c, "input", &input))
		;
	else if (json_object_get(c->j, "truncated"))
		run_pn(c);
	else if (strstr(c->id, "/pn") &&
		 (json_object_get(c->j, "pn") || json_object_get(c->j, "packet_number")))
		run_pn_encode(c, json_object_get(c->j, "pn") ? json_object_get(c->j, "pn")
							     : json_object_get(c->j, "packet_number"));
	else if (json_object_get(c->j, "sample") && json_object_get(c->expect, "mask"))
		run_mask(c);
	else if (json_is_array(json_object_get(c->expect, "packets")))
		run_coalesced(c, json_object_get(c->expect, "packets"), buf_bytes(&input));
	else if (json_object_get(c->j, "dcid") && json_object_get(c->j, "input"))
		run_open(c, buf_bytes(&input));
	else if (json_object_get(c->expect, "secret") || json_object_get(c->expect, "key"))
		run_keys(c);
	else if (params || tp)
		run_params(c, params ? params : c->expect, buf_bytes(&input));
	else if (json_is_integer(json_object_get(c->j, "value")) && !json_object_get(c->j, "input"))
		run_varint_write(c, (uint64_t)json_integer_value(json_object_get(c->j, "value")));
	else if (strstr(c->id, "/varint") || json_object_get(c->expect, "minimal"))
		run_varint(c, buf_bytes(&input));
	else if (json_object_get(c->expect, "frames") || strstr(c->id, "/frame"))
		run_frames(c, buf_bytes(&input));
	else if (strstr(c->id, "/header") || strstr(c->id, "/packet") || strstr(c->id, "/long") ||
		 strstr(c->id, "/short") || strstr(c->id, "/retry") || strstr(c->id, "/vn") ||
		 json_object_get(c->expect, "dcid"))
		run_header(c, buf_bytes(&input));
	else
		vec_unknown(c, "none of varint, pn, initial-keys, header, frame, transport parameters");
	buf_fini(&input);
}
