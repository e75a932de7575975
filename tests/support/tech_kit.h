/*
 * tech_kit: drives technique endpoints by hand: inputs as calls, outputs as a line of text.
 *
 *	kit_up(&k);                 assert "write request GET /poll?since=0; "
 *	kit_data(&k, "HTTP/1.1 …"); assert "unit response; connected; "
 *
 * The octets of the last write, and all octets written, are kept for the other side.
 */
#ifndef TESTS_SUPPORT_TECH_KIT_H
#define TESTS_SUPPORT_TECH_KIT_H

#include <stdio.h>
#include <string.h>

#include "proto/tech/tech.h"

struct kit {
	struct tech_outs q;
	struct tech_client c;
	struct tech_conn s;
	bool server;
	int64_t now;
	char log[8192];
	size_t n;
	struct buf wrote; /* of conn 0, since kit_clear */
	uint64_t got[64];
	size_t ngot;
	struct blob *last; /* borrowed name of the latest blob written, for comparing addresses */
};

__attribute__((unused)) static const char *kit_note_name(enum tech_note n)
{
	static const char *const names[] = {"try", "connected", "connect-fail", "disconnect", "wait",
		"poll-due", "hold", "hold-expire", "beat", "beat-timeout", "request-timeout", "ws-open",
		"ws-error", "http-error"};
	return names[n];
}

__attribute__((unused)) static const char *kit_unit_name(enum tech_unit u)
{
	static const char *const names[] = {
		"none", "request", "response", "event", "comment", "frame", "tail"};
	return names[u];
}

__attribute__((unused, format(printf, 2, 3))) static void kit_say(struct kit *k, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	k->n += (size_t)vsnprintf(k->log + k->n, sizeof k->log - k->n, fmt, ap);
	if (k->n >= sizeof k->log)
		k->n = sizeof k->log - 1;
	va_end(ap);
}

__attribute__((unused)) static void kit_output(struct kit *k, struct tech_out *o)
{
	char text[120];
	const char *up = o->conn ? "+" : "";
	switch (o->kind) {
	case TECH_OUT_OPEN:
		kit_say(k, "open%s; ", up);
		break;
	case TECH_OUT_WRITE:
		kit_say(k, "write%s %s %s; ", up, kit_unit_name(o->unit),
			tech_unit_text(o->unit, bytes_sub(slice_bytes(o->data), o->uoff, o->ulen), text,
				sizeof text));
		if (!o->conn)
			buf_add(&k->wrote, slice_bytes(o->data));
		k->last = o->data.blob;
		blob_unref(o->data.blob);
		break;
	case TECH_OUT_CLOSE:
		kit_say(k, "close%s; ", up);
		break;
	case TECH_OUT_ABORT:
		kit_say(k, "abort%s; ", up);
		break;
	case TECH_OUT_UNIT:
		kit_say(k, "unit%s %s %llu+%llu; ", up, kit_unit_name(o->unit), (unsigned long long)o->off,
			(unsigned long long)o->len);
		break;
	case TECH_OUT_MESSAGE:
		kit_say(k, "message %llu; ", (unsigned long long)o->id);
		if (k->ngot < 64)
			k->got[k->ngot++] = o->id;
		break;
	case TECH_OUT_NOTE:
		if (o->note == TECH_NOTE_RECONNECT_WAIT)
			kit_say(k, "wait %lld ms; ", (long long)(o->a / 1000000));
		else
			kit_say(k, "%s; ", kit_note_name(o->note));
		break;
	case TECH_OUT_FAIL:
		kit_say(k, "fail; ");
		break;
	case TECH_OUT_IDLE:
		break;
	}
}

/* Gives an input and collects what comes of it in k->log. */
__attribute__((unused)) static void kit_in(struct kit *k, struct tech_in in)
{
	struct tech_out o;
	k->n = 0;
	k->log[0] = 0;
	in.now_ns = k->now;
	if (k->server)
		tech_conn_input(&k->s, &in, &k->q);
	else
		tech_client_input(&k->c, &in, &k->q);
	while (tech_next(&k->q, &o))
		kit_output(k, &o);
}

__attribute__((unused)) static void kit_up(struct kit *k)
{
	kit_in(k, (struct tech_in){.kind = TECH_IN_UP});
}

__attribute__((unused)) static void kit_data(struct kit *k, struct bytes b)
{
	kit_in(k, (struct tech_in){.kind = TECH_IN_DATA, .data = b});
}

__attribute__((unused)) static void kit_text(struct kit *k, const char *s)
{
	kit_data(k, bytes_str(s));
}

__attribute__((unused)) static void kit_eof(struct kit *k)
{
	kit_in(k, (struct tech_in){.kind = TECH_IN_EOF});
}

__attribute__((unused)) static void kit_reset(struct kit *k, enum tech_why why)
{
	kit_in(k, (struct tech_in){.kind = TECH_IN_RESET, .why = why});
}

/* Lets time pass until the endpoint wants it, and gives TIME. */
__attribute__((unused)) static void kit_wake(struct kit *k)
{
	int64_t at = k->server ? tech_conn_wake_at(&k->s) : tech_client_wake_at(&k->c);
	if (at != TECH_NEVER && at > k->now)
		k->now = at;
	kit_in(k, (struct tech_in){.kind = TECH_IN_TIME});
}

__attribute__((unused)) static void kit_client(struct kit *k, struct tech_site *site, uint64_t since)
{
	memset(k, 0, sizeof *k);
	tech_outs_init(&k->q, site->al);
	buf_init(&k->wrote, site->al, 1u << 20);
	tech_client_init(&k->c, site, 7);
	kit_in(k, (struct tech_in){.kind = TECH_IN_START, .since = since});
}

__attribute__((unused)) static void kit_server(struct kit *k, struct tech_server *srv)
{
	memset(k, 0, sizeof *k);
	k->server = true;
	tech_outs_init(&k->q, srv->al);
	buf_init(&k->wrote, srv->al, 1u << 20);
	tech_conn_init(&k->s, srv);
	kit_up(k);
}

__attribute__((unused)) static void kit_end(struct kit *k)
{
	if (k->server)
		tech_conn_fini(&k->s);
	else
		tech_client_fini(&k->c);
	tech_outs_fini(&k->q);
	buf_fini(&k->wrote);
}

#endif
