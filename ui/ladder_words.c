/*
 * ladder_words: a few words for a record, where the lanes already say who: arrow labels and point texts.
 * The whole sentence is trace_sentence; these are what fits between two lanes.
 */
#include "ui/ladder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void duration(int64_t ns, char out[32])
{
	trace_duration(ns, out, 32);
}

/* Drops what every request line repeats, so that the path has the room. */
static void without(char *s, const char *word)
{
	char *p = strstr(s, word);
	if (p)
		memmove(p, p + strlen(word), strlen(p + strlen(word)) + 1);
}

static void unit_words(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap)
{
	if (r->kind == TRACE_SSE_COMMENT_SEND || r->kind == TRACE_SSE_COMMENT_RECV) {
		snprintf(out, cap, "comment");
		return;
	}
	snprintf(out, cap, "%s", trace_text(tr, r->text));
	without(out, " HTTP/1.1");
	without(out, "HTTP/1.1 ");
	if (!*out)
		snprintf(out, cap, "%s, %" PRIu32 " bytes", trace_kind_def(r->kind)->name,
			r->slen ? r->slen : r->len);
}

static bool app_words(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap)
{
	const char *text = trace_text(tr, r->text);
	char a[32];
	duration(r->a, a);
	switch (r->kind) {
	case TRACE_MSG_PUBLISH:
		snprintf(out, cap, "has %s to say", text);
		return true;
	case TRACE_MSG_DELIVER:
		snprintf(out, cap, "%s delivered, %s old", text, a);
		return true;
	case TRACE_MSG_DUPLICATE:
		snprintf(out, cap, "%s again: a duplicate", text);
		return true;
	case TRACE_MSG_DISORDER:
		snprintf(out, cap, "%s out of order", text);
		return true;
	case TRACE_MSG_LOST:
		snprintf(out, cap, "never got %s", text);
		return true;
	case TRACE_CLIENT_START:
		snprintf(out, cap, "starts");
		return true;
	case TRACE_CONNECT_TRY:
		snprintf(out, cap, "connects, attempt %" PRId64, r->a);
		return true;
	case TRACE_CONNECT_OK:
		snprintf(out, cap, "connected%s%s", *text ? ": " : "", text);
		return true;
	case TRACE_CONNECT_FAIL:
		snprintf(out, cap, "could not connect%s%s", *text ? ": " : "", text);
		return true;
	case TRACE_DISCONNECT:
		snprintf(out, cap, "notices: connection gone");
		return true;
	case TRACE_RECONNECT_WAIT:
		snprintf(out, cap, "waits %s, then attempt %" PRId64, a, r->b);
		return true;
	case TRACE_POLL_TIMER:
		snprintf(out, cap, "time to poll");
		return true;
	case TRACE_HOLD_BEGIN:
		snprintf(out, cap, "nothing yet: holds the request");
		return true;
	case TRACE_HOLD_EXPIRE:
		snprintf(out, cap, "held %s, answers empty", a);
		return true;
	case TRACE_HEARTBEAT_SEND:
		snprintf(out, cap, "heartbeat due");
		return true;
	case TRACE_READ_WAIT:
		snprintf(out, cap, "took %" PRId64 " bytes, reads on after %s", r->b, a);
		return true;
	case TRACE_WRITE_WAIT:
		snprintf(out, cap, "%" PRId64 " bytes wait to be sent", r->a);
		return true;
	case TRACE_WRITE_DROP:
		snprintf(out, cap, "leaves a message out: %" PRId64 " bytes wait", r->a);
		return true;
	case TRACE_WRITE_CLOSE:
		snprintf(out, cap, "%" PRId64 " bytes wait: ends it", r->a);
		return true;
	case TRACE_HEARTBEAT_TIMEOUT:
		snprintf(out, cap, "silent for %s: declared dead", a);
		return true;
	default:
		return false;
	}
}

static bool box_words(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap)
{
	const char *text = trace_text(tr, r->text);
	char a[32];
	duration(r->a, a);
	switch (r->kind) {
	case TRACE_NAT_MAP:
		snprintf(out, cap, "maps %s", text);
		return true;
	case TRACE_NAT_FORGET:
		snprintf(out, cap, "forgets %s (idle %s)", text, a);
		return true;
	case TRACE_NAT_RESET:
		snprintf(out, cap, "answers with a reset");
		return true;
	case TRACE_PROXY_HOLD:
		snprintf(out, cap, "keeps %" PRIu32 " bytes (%" PRId64 " of %" PRId64 ")", r->slen, r->a,
			r->b);
		return true;
	case TRACE_PROXY_RELEASE:
		snprintf(out, cap, "passes %" PRIu32 " bytes on after %s", r->slen, a);
		return true;
	case TRACE_PROXY_STRIP:
		snprintf(out, cap, "removes Upgrade");
		return true;
	case TRACE_PROXY_TUNNEL:
		snprintf(out, cap, "becomes a tunnel");
		return true;
	case TRACE_PROXY_REUSE:
		snprintf(out, cap, "uses an idle connection (%" PRId64 " before)", r->b);
		return true;
	case TRACE_PROXY_TIMEOUT:
		snprintf(out, cap, "gives up after %s", a);
		return true;
	case TRACE_QUEUE_FULL:
		snprintf(out, cap, "full: %" PRId64 " of %" PRId64, r->a, r->b);
		return true;
	case TRACE_NET_SWITCH:
		snprintf(out, cap, "leaves %s", text);
		return true;
	case TRACE_NET_UP:
		snprintf(out, cap, "now %s", text);
		return true;
	case TRACE_CRASH:
		snprintf(out, cap, "crashes");
		return true;
	case TRACE_RESTART:
		snprintf(out, cap, "is back");
		return true;
	case TRACE_DRAIN:
		snprintf(out, cap, "drains");
		return true;
	default:
		return false;
	}
}

static bool tcp_words(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap)
{
	char a[32];
	duration(r->a, a);
	switch (r->kind) {
	case TRACE_TCP_OPEN:
		snprintf(out, cap, "TCP open");
		return true;
	case TRACE_TCP_ESTABLISHED:
		snprintf(out, cap, "TCP up after %s", a);
		return true;
	case TRACE_TCP_RTO:
		snprintf(out, cap, "no ACK for %s", a);
		return true;
	case TRACE_TCP_RETRANSMIT:
	case TRACE_TCP_FAST_RETRANSMIT:
		snprintf(out, cap, "TCP again, %" PRIu32 " B", r->slen);
		return true;
	case TRACE_TCP_OUT_OF_ORDER:
		snprintf(out, cap, "keeps %" PRIu32 " B behind a gap", r->slen);
		return true;
	case TRACE_TCP_CWND:
		snprintf(out, cap, "cwnd %" PRId64, r->a);
		return true;
	case TRACE_TCP_FIN:
		snprintf(out, cap, "FIN: has finished");
		return true;
	case TRACE_TCP_RST_SEND:
		snprintf(out, cap, "resets");
		return true;
	case TRACE_TCP_RST_RECV:
		snprintf(out, cap, "sees a reset");
		return true;
	case TRACE_TCP_GIVE_UP:
		snprintf(out, cap, "TCP gives up after %s", a);
		return true;
	case TRACE_TCP_CLOSED:
		snprintf(out, cap, "TCP closed");
		return true;
	case TRACE_TCP_ZERO_WINDOW:
		snprintf(out, cap, "window 0: does not read");
		return true;
	default:
		(void)tr;
		return false;
	}
}

void ladder_words(const struct trace *tr, const struct trace_rec *r, char *out, size_t cap)
{
	if (ladder_is_unit_send(r->kind) || ladder_is_unit_recv(r->kind)) {
		unit_words(tr, r, out, cap);
		return;
	}
	if (app_words(tr, r, out, cap) || box_words(tr, r, out, cap) || tcp_words(tr, r, out, cap))
		return;
	const char *text = trace_text(tr, r->text);
	if (r->kind == TRACE_PKT_SEND || r->kind == TRACE_SAY || r->kind == TRACE_ASK ||
		r->kind == TRACE_VALUE_SET)
		snprintf(out, cap, "%s", text);
	else if (r->kind == TRACE_LINK_CUT)
		snprintf(out, cap, "%s is cut", text);
	else if (r->kind == TRACE_LINK_HEAL)
		snprintf(out, cap, "%s works again", text);
	else
		snprintf(out, cap, "%s%s%s", trace_kind_def(r->kind)->name, *text ? ": " : "", text);
}

static bool begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

enum style ladder_style(const struct trace *tr, const struct trace_rec *r)
{
	const char *text = trace_text(tr, r->text);
	/* a unit of a capture was seen, only the moment at its far end was not */
	if ((r->flags & TRACE_INFERRED) && !ladder_is_unit_send(r->kind))
		return STYLE_INFERRED;
	switch (r->kind) {
	case TRACE_HTTP_REQUEST_SEND:
	case TRACE_HTTP_REQUEST_RECV:
	case TRACE_HTTP_RESPONSE_SEND:
	case TRACE_HTTP_RESPONSE_RECV:
		if (strstr(text, "Upgrade") || strstr(text, " 101") || begins(text, "101") ||
			begins(text, "CONNECT"))
			return STYLE_HANDSHAKE;
		return strstr(text, " 204") || begins(text, "204") || strstr(text, "empty") ? STYLE_CONTROL
											    : STYLE_DATA;
	case TRACE_WS_FRAME_SEND:
	case TRACE_WS_FRAME_RECV:
		return begins(text, "ping") || begins(text, "pong") || begins(text, "close") ? STYLE_CONTROL
											     : STYLE_DATA;
	case TRACE_SSE_EVENT_SEND:
	case TRACE_SSE_EVENT_RECV:
	case TRACE_UNIT_SEND:
	case TRACE_UNIT_RECV:
		return STYLE_DATA;
	case TRACE_SSE_COMMENT_SEND:
	case TRACE_SSE_COMMENT_RECV:
	case TRACE_PKT_SEND:
		return STYLE_CONTROL;
	case TRACE_TCP_RETRANSMIT:
	case TRACE_TCP_FAST_RETRANSMIT:
	case TRACE_PROXY_HOLD:
	case TRACE_HOLD_BEGIN:
	case TRACE_RECONNECT_WAIT:
	case TRACE_READ_WAIT:
	case TRACE_WRITE_WAIT:
		return STYLE_WAIT;
	case TRACE_MSG_PUBLISH:
		return STYLE_STRONG;
	case TRACE_MSG_DELIVER:
	case TRACE_CONNECT_OK:
	case TRACE_WS_OPEN:
	case TRACE_NET_UP:
	case TRACE_LINK_HEAL:
	case TRACE_RESTART:
		return STYLE_GOOD;
	case TRACE_SAY:
	case TRACE_ASK:
	case TRACE_VALUE_SET:
		return STYLE_MARK;
	case TRACE_NAT_FORGET:
	case TRACE_NAT_RESET:
	case TRACE_PROXY_STRIP:
	case TRACE_PROXY_TIMEOUT:
	case TRACE_MSG_LOST:
	case TRACE_MSG_DUPLICATE:
	case TRACE_MSG_DISORDER:
	case TRACE_CONNECT_FAIL:
	case TRACE_DISCONNECT:
	case TRACE_HEARTBEAT_TIMEOUT:
	case TRACE_WRITE_DROP:
	case TRACE_WRITE_CLOSE:
	case TRACE_TCP_GIVE_UP:
	case TRACE_TCP_RST_RECV:
	case TRACE_TCP_RST_SEND:
	case TRACE_NET_SWITCH:
	case TRACE_LINK_CUT:
	case TRACE_LINK_DEGRADE:
	case TRACE_CRASH:
	case TRACE_QUEUE_FULL:
	case TRACE_HTTP_ERROR:
	case TRACE_WS_ERROR:
		return STYLE_BAD;
	default:
		return STYLE_FAINT;
	}
}
