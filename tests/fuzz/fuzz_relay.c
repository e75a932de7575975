/*
 * Fuzzes the reverse proxy: hostile octets, cuts, ends, resets and times from both sides, under every kind of buffering and upgrade,
 * with upstream connections shared and not. A set of relays that remember what slices of blobs came to and a set that decode everything
 * anew are given the same and must put out the same; nothing is written to a side that was closed or given back.
 *
 *	octet 0    buffering (2 bits), upgrade (2), shared (1), whether lent connections are old ones (1)
 *	octet 1    octets of a page
 *	then       commands: octet a: relay (bits 0-1), leg (bit 2), what (bits 3-5); octet b: its argument
 *	           data   b octets follow: a new blob, given whole      (what 0..3)
 *	           again  blob number b, one of the latest 16           (4, 5)
 *	           end    b odd: reset, even: the peer will send no more (6)
 *	           time   b/8 s pass; what is due happens                (7)
 */
#include <stdlib.h>
#include <string.h>

#include "proto/tech/relay.h"
#include "tests/support/fuzz_common.h"

#define RELAYS 4
#define BLOBS 16
#define TENTH_S 100000000ll
#define OUTPUTS_MAX 100000

struct pair {
	struct relay r;
	bool closed, up; /* the client leg was ended; there is an upstream leg */
};

struct set {
	struct relay_cfg cfg;
	struct relay_common common;
	struct pair p[RELAYS];
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* One output as octets; checks that it may be put out now. */
static void say(struct pair *p, const struct relay_out *o, struct buf *b)
{
	buf_u8(b, (uint8_t)o->kind);
	buf_u8(b, (uint8_t)o->leg);
	switch (o->kind) {
	case RELAY_OPEN:
		must(!p->up);
		p->up = true;
		buf_u8(b, (uint8_t)o->a);
		break;
	case RELAY_SPARE:
		must(p->up);
		p->up = false;
		break;
	case RELAY_WRITE:
		must(o->data.len > 0 && (o->leg == RELAY_CLIENT ? !p->closed : p->up));
		buf_be32(b, o->data.len);
		buf_add(b, slice_bytes(o->data));
		blob_unref(o->data.blob);
		break;
	case RELAY_CLOSE:
	case RELAY_ABORT:
		must(o->leg == RELAY_CLIENT ? !p->closed : p->up);
		*(o->leg == RELAY_CLIENT ? &p->closed : &p->up) = o->leg == RELAY_CLIENT;
		break;
	default:
		must(o->kind == RELAY_NOTE && o->slen <= RELAY_HELD_MAX);
		buf_u8(b, (uint8_t)o->note);
		buf_be32(b, o->slen);
		buf_be64(b, (uint64_t)o->a);
		buf_be64(b, (uint64_t)o->b);
		buf_be64(b, o->note == RELAY_RELEASE ? o->cause : 0);
	}
}

static void pull(struct pair *p, bool old, struct buf *b)
{
	struct relay_out o;
	uint64_t id = 1;
	for (uint32_t n = 0; relay_next(&p->r, &o) != RELAY_IDLE; n++) {
		must(n < OUTPUTS_MAX);
		if (o.kind == RELAY_OPEN && !o.a && old)
			relay_lent(&p->r);
		if (o.kind == RELAY_NOTE && o.note == RELAY_HOLD)
			relay_note_id(&p->r, id++);
		say(p, &o, b);
	}
	buf_be64(b, (uint64_t)relay_wake_at(&p->r));
	buf_u8(b, relay_finished(&p->r));
	must(relay_finished(&p->r) == (p->closed && !p->up));
}

/* What can come from outside comes: no octets from a side that is not there. */
static void give(struct set *s, unsigned i, unsigned leg, unsigned what, unsigned arg, struct blob *data,
	bool old, int64_t now_ns, struct buf *b)
{
	struct pair *p = &s->p[i];
	if (relay_finished(&p->r)) {
		relay_fini(&p->r);
		*p = (struct pair){.closed = false};
		relay_init(&p->r, &s->cfg, now_ns);
	}
	if (leg == RELAY_UPSTREAM ? !p->up : p->closed)
		return;
	struct relay_out o = {.kind = RELAY_WRITE, .leg = !leg};
	if (what < 6 && relay_pass(&p->r, leg, slice_of(data), now_ns, &o.data)) {
		say(p, &o, b);
	} else if (what < 6) {
		relay_data(&p->r, leg, slice_of(data), now_ns);
	} else if (arg & 1) {
		*(leg == RELAY_CLIENT ? &p->closed : &p->up) = leg == RELAY_CLIENT;
		relay_gone(&p->r, leg, now_ns);
	} else {
		relay_eof(&p->r, leg, now_ns);
	}
	pull(p, old, b);
}

static void pass(struct set *s, bool old, int64_t now_ns, struct buf *b)
{
	for (unsigned i = 0; i < RELAYS; i++) {
		if (relay_wake_at(&s->p[i].r) <= now_ns)
			relay_time(&s->p[i].r, now_ns);
		pull(&s->p[i], old, b);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct set set[2] = {{.common = {.off = false}}, {.common = {.off = true}}};
	struct blob *blob[BLOBS] = {NULL};
	struct buf out[2];
	unsigned nblobs = 0;
	int64_t now_ns = 0;
	if (size < 2)
		return 0;
	bool old = data[0] & 32;
	for (int k = 0; k < 2; k++) {
		set[k].cfg = (struct relay_cfg){.al = &alloc_libc,
			.buffering = (enum relay_buffering)(data[0] & 3),
			.page_octets = data[1],
			.upgrade = (enum relay_upgrade)((data[0] >> 2 & 3) % 3),
			.read_timeout_ns = 60 * TENTH_S,
			.keepalive_ns = 75 * TENTH_S,
			.pseudonym = "edge",
			.shared = data[0] & 16,
			.common = &set[k].common};
		for (unsigned i = 0; i < RELAYS; i++)
			relay_init(&set[k].p[i].r, &set[k].cfg, 0);
		buf_init(&out[k], &alloc_libc, SIZE_MAX);
	}
	for (size_t at = 2; at + 2 <= size;) {
		unsigned i = data[at] & 3, leg = data[at] >> 2 & 1, what = data[at] >> 3 & 7,
			 arg = data[at + 1];
		struct blob *b = NULL;
		at += 2;
		if (what < 4) {
			size_t n = arg < size - at ? arg : size - at;
			b = blob_new(&alloc_libc, (struct bytes){data + at, n});
			at += n;
			blob_unref(blob[nblobs % BLOBS]);
			blob[nblobs++ % BLOBS] = b;
		} else if (what < 6) {
			b = blob[arg % BLOBS];
			if (!b)
				continue;
		} else if (what == 7) {
			now_ns += arg * TENTH_S / 8;
		}
		for (int k = 0; k < 2; k++) {
			buf_clear(&out[k]);
			if (what == 7)
				pass(&set[k], old, now_ns, &out[k]);
			else
				give(&set[k], i, leg, what, arg, b, old, now_ns, &out[k]);
		}
		must(out[0].n == out[1].n && (!out[0].n || !memcmp(out[0].p, out[1].p, out[0].n)));
	}
	for (int k = 0; k < 2; k++) {
		for (unsigned i = 0; i < RELAYS; i++)
			relay_fini(&set[k].p[i].r);
		relay_common_fini(&set[k].common, &alloc_libc);
		buf_fini(&out[k]);
	}
	for (unsigned i = 0; i < BLOBS; i++)
		blob_unref(blob[i]);
	return 0;
}
