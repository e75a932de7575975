/* The interpreter of TCP scripts. See tcp_script.h. */
#include "tests/support/tcp_script.h"
#include "sim/core/xmalloc.h"
#include "sim/tcp/tcp_int.h"
#include "tests/support/tcp_pair.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MAX 4096
#define OUT_MAX 4096

/* A segment or event that came out of the endpoint. */
struct said {
	int64_t at;
	struct tcp_out o; /* pkt: shallow copy below */
	struct pkt p;
	struct pkt_sack sack;
	char text[160];
};

struct run {
	struct world *w;
	struct tcp *t;
	struct tcp_conn c;
	struct tcp_tag tag; /* of c */
	struct tcp_cfg cfg;
	uint32_t iss, irs, ts0;
	int64_t now, prev;
	struct said *said;
	size_t n_said, read_said;
	uint32_t wrote, got;
	bool started;
	char *msg;
	size_t msg_size;
	char *story;
	size_t story_n, story_cap;
	int line;
	bool failed;
};

static void tell(struct run *r, const char *fmt, ...)
{
	va_list ap;

	if (r->story_cap - r->story_n < 512) {
		r->story_cap += 4096;
		r->story = xrealloc(r->story, r->story_cap);
	}
	va_start(ap, fmt);
	r->story_n += (size_t)vsnprintf(r->story + r->story_n, r->story_cap - r->story_n, fmt, ap);
	va_end(ap);
}

static void fail(struct run *r, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	if (r->failed)
		return;
	r->failed = true;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(r->msg, r->msg_size, "line %d: %s\nwhat happened:\n%s", r->line, what,
		r->story ? r->story : "");
}

/* ---- the notation -------------------------------------------------------------------------------------------- */

static size_t flags_text(unsigned f, char *out)
{
	size_t n = 0;

	if (f & TCP_SYN)
		out[n++] = 'S';
	if (f & TCP_FIN)
		out[n++] = 'F';
	if (f & TCP_RST)
		out[n++] = 'R';
	if (f & TCP_PSH)
		out[n++] = 'P';
	if (f & TCP_ACK)
		out[n++] = '.';
	out[n] = 0;
	return n;
}

static void pkt_text(
	const struct run *r, const struct pkt *p, const struct pkt_sack *sack, char *out, size_t size)
{
	char f[8];
	uint32_t seq = p->seq - r->iss;
	size_t n;

	flags_text(p->flags, f);
	n = (size_t)snprintf(out, size, "%s %u:%u(%u)", f, seq, seq + p->payload_len, p->payload_len);
	if (p->flags & TCP_ACK)
		n += (size_t)snprintf(out + n, size - n, " ack %u", p->ack - r->irs);
	n += (size_t)snprintf(out + n, size - n, " win %u", p->wnd);
	if (!p->opts)
		return;
	n += (size_t)snprintf(out + n, size - n, " <");
	if (p->opts & PKT_OPT_MSS)
		n += (size_t)snprintf(out + n, size - n, "mss %u,", p->mss);
	if (p->opts & PKT_OPT_SACK_OK)
		n += (size_t)snprintf(out + n, size - n, "sackOK,");
	if (p->opts & PKT_OPT_TS)
		n += (size_t)snprintf(out + n, size - n, "TS val %u ecr %u,", p->tsval - r->ts0, p->tsecr);
	if (p->opts & PKT_OPT_WSCALE)
		n += (size_t)snprintf(out + n, size - n, "wscale %u,", p->wscale);
	if (p->opts & PKT_OPT_SACK) {
		n += (size_t)snprintf(out + n, size - n, "sack");
		for (uint32_t i = 0; i < sack->n; i++)
			n += (size_t)snprintf(out + n, size - n, " %u:%u", sack->block[i].left - r->irs,
				sack->block[i].right - r->irs);
		n += (size_t)snprintf(out + n, size - n, ",");
	}
	snprintf(out + n - 1, size - n + 1, ">");
}

static const char *const out_names[] = {
	"idle", "segment", "established", "data", "eof", "reset", "timeout", "closed", "writable"};

/* ---- the endpoint -------------------------------------------------------------------------------------------- */

static void collect(struct run *r)
{
	struct tcp_out o;

	for (tcp_next(r->t, &r->c, r->now, &o); o.kind != TCP_OUT_IDLE; tcp_next(r->t, &r->c, r->now, &o)) {
		struct said *s;

		if (r->n_said == OUT_MAX) {
			fail(r, "more than %d outputs", OUT_MAX);
			return;
		}
		s = &r->said[r->n_said];
		memset(s, 0, sizeof *s);
		s->at = r->now;
		s->o = o;
		if (o.kind == TCP_OUT_SEGMENT) {
			s->p = *o.pkt;
			if (o.pkt->sack)
				s->sack = *o.pkt->sack;
			pkt_text(r, &s->p, &s->sack, s->text, sizeof s->text);
			tell(r, "  %.6f > %s\n", (double)r->now / 1e9, s->text);
			pkt_free(r->t->net, o.pkt);
		} else if (o.kind == TCP_OUT_DATA) {
			struct bytes b = slice_bytes(o.data);

			for (size_t i = 0; i < b.n; i++)
				if (b.p[i] != tcp_pattern(r->got + (uint32_t)i))
					fail(r, "octet %u of the stream is not what was sent",
						r->got + (uint32_t)i);
			r->got += (uint32_t)b.n;
			snprintf(s->text, sizeof s->text, "data %zu", b.n);
			tell(r, "  %.6f %s\n", (double)r->now / 1e9, s->text);
			blob_unref(o.data.blob);
			if (r->n_said > r->read_said && r->said[r->n_said - 1].o.kind == TCP_OUT_DATA &&
				r->said[r->n_said - 1].at == r->now) { /* one delivery, several slices */
				r->said[r->n_said - 1].o.data.len += o.data.len;
				continue;
			}
		} else {
			snprintf(s->text, sizeof s->text, "%s", out_names[o.kind]);
			tell(r, "  %.6f %s\n", (double)r->now / 1e9, s->text);
		}
		r->n_said++;
	}
	tcp_rest(r->t, &r->c);
}

/* Lets time pass; timers run at their deadlines. */
static void advance_until(struct run *r, int64_t to, bool first_output)
{
	for (int guard = 0; r->started && tcp_deadline(&r->c) <= to && !r->failed; guard++) {
		int64_t d = tcp_deadline(&r->c);

		if (d > r->now)
			r->now = d;
		r->w->now_ns = r->now;
		tcp_timer(r->t, &r->c, r->now);
		collect(r);
		if (guard > 100000)
			fail(r, "the timer does not move on");
		if (first_output && r->read_said < r->n_said)
			return;
	}
	if (to > r->now)
		r->now = to;
	r->w->now_ns = r->now;
}

static void advance(struct run *r, int64_t to)
{
	advance_until(r, to, false);
}

static void nothing_pending(struct run *r, int64_t before)
{
	if (r->read_said < r->n_said && r->said[r->read_said].at < before)
		fail(r, "unexpected at %.6f: %s", (double)r->said[r->read_said].at / 1e9,
			r->said[r->read_said].text);
}

/* ---- parsing -------------------------------------------------------------------------------------------------- */

static int64_t seconds(const char *s, char **end)
{
	int64_t ns = 0, unit = NS_PER_S;

	for (; isdigit((unsigned char)*s); s++)
		ns = ns * 10 + (*s - '0') * NS_PER_S;
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++)
			ns += (unit /= 10) * (*s - '0');
	*end = (char *)s;
	return ns;
}

struct seg {
	struct pkt p;
	struct pkt_sack sack;
	bool has_win, has_opts;
};

static unsigned word_u32(const char **s)
{
	char *end;
	unsigned v;

	while (**s == ' ')
		(*s)++;
	v = (unsigned)strtoul(*s, &end, 10);
	*s = end;
	return v;
}

static bool parse_opts(struct run *r, struct seg *g, const char *s, uint32_t base, uint32_t ecr_base)
{
	(void)r;
	while (*s && *s != '>') {
		while (*s == ' ' || *s == ',')
			s++;
		if (!strncmp(s, "nop", 3)) {
			s += 3;
		} else if (!strncmp(s, "mss ", 4)) {
			s += 4;
			g->p.opts |= PKT_OPT_MSS;
			g->p.mss = (uint16_t)word_u32(&s);
		} else if (!strncmp(s, "sackOK", 6)) {
			s += 6;
			g->p.opts |= PKT_OPT_SACK_OK;
		} else if (!strncmp(s, "wscale ", 7)) {
			s += 7;
			g->p.opts |= PKT_OPT_WSCALE;
			g->p.wscale = (uint8_t)word_u32(&s);
		} else if (!strncmp(s, "TS val ", 7)) {
			s += 7;
			g->p.opts |= PKT_OPT_TS;
			g->p.tsval = word_u32(&s);
			while (*s == ' ')
				s++;
			if (strncmp(s, "ecr ", 4))
				return false;
			s += 4;
			g->p.tsecr = word_u32(&s) + ecr_base;
		} else if (!strncmp(s, "sack ", 5)) {
			s += 5;
			g->p.opts |= PKT_OPT_SACK;
			while (isdigit((unsigned char)*s) && g->sack.n < 4) {
				g->sack.block[g->sack.n].left = word_u32(&s) + base;
				if (*s++ != ':')
					return false;
				g->sack.block[g->sack.n++].right = word_u32(&s) + base;
				while (*s == ' ')
					s++;
			}
		} else {
			return false;
		}
	}
	return *s == '>';
}

/* "P. 1:1001(1000) ack 1 win 100 <...>"; `out`: sent by the endpoint. */
static bool parse_seg(struct run *r, const char *s, bool out, struct seg *g)
{
	uint32_t from = out ? r->iss : r->irs, to = out ? r->irs : r->iss, a, b;

	memset(g, 0, sizeof *g);
	for (; *s && *s != ' '; s++)
		g->p.flags |= *s == 'S'   ? TCP_SYN
			      : *s == 'F' ? TCP_FIN
			      : *s == 'R' ? TCP_RST
			      : *s == 'P' ? TCP_PSH
			      : *s == '.' ? TCP_ACK
					  : TCP_URG;
	a = word_u32(&s);
	if (*s++ != ':')
		return false;
	b = word_u32(&s);
	if (*s++ != '(')
		return false;
	g->p.payload_len = (uint16_t)word_u32(&s);
	if (*s++ != ')' || b - a != g->p.payload_len)
		return false;
	g->p.seq = a + from;
	g->p.wnd = 65535;
	while (*s) {
		while (*s == ' ')
			s++;
		if (!strncmp(s, "ack ", 4)) {
			s += 4;
			g->p.ack = word_u32(&s) + to;
		} else if (!strncmp(s, "win ", 4)) {
			s += 4;
			g->p.wnd = (uint16_t)word_u32(&s);
			g->has_win = true;
		} else if (*s == '<') {
			g->has_opts = true;
			/* our own SACK blocks are about the peer's numbers, and the other way round */
			return parse_opts(r, g, s + 1, to, out ? 0 : r->ts0);
		} else if (*s) {
			return false;
		}
	}
	return true;
}

/* ---- executing ------------------------------------------------------------------------------------------------ */

static void inject(struct run *r, const struct seg *g)
{
	struct pkt *p = pkt_new(r->t->net);

	p->src = r->c.addr.remote;
	p->dst = r->c.addr.local;
	p->sport = r->c.addr.rport;
	p->dport = r->c.addr.lport;
	p->seq = g->p.seq;
	p->ack = g->p.ack;
	p->wnd = g->p.wnd;
	p->flags = g->p.flags;
	p->opts = g->p.opts;
	p->mss = g->p.mss;
	p->wscale = g->p.wscale;
	p->tsval = g->p.tsval;
	p->tsecr = g->p.tsecr;
	if (g->p.opts & PKT_OPT_SACK) {
		p->sack = pool_get(r->t->net->sacks);
		*p->sack = g->sack;
	}
	if (g->p.payload_len) {
		struct blob *b = blob_new_raw(&alloc_libc, g->p.payload_len);
		uint32_t off = g->p.seq - r->irs - (g->p.flags & TCP_SYN ? 0u : 1u);

		for (uint32_t i = 0; i < g->p.payload_len; i++)
			b->data[i] = tcp_pattern(off + i);
		pkt_add(r->t->net, p, slice_of(b));
	}
	pkt_finish(p);
	tcp_input(r->t, &r->c, p, r->now);
	collect(r);
}

static struct said *next_said(struct run *r, int64_t lo, int64_t hi, const char *want)
{
	struct said *s;

	if (r->read_said == r->n_said)
		advance_until(r, hi, true);
	if (r->failed)
		return NULL;
	if (r->read_said == r->n_said) {
		fail(r, "nothing came until %.6f; expected: %s", (double)hi / 1e9, want);
		return NULL;
	}
	s = &r->said[r->read_said++];
	if (s->at < lo || s->at > hi) {
		fail(r, "at %.6f, not %.6f~%.6f: %s\n  expected: %s", (double)s->at / 1e9, (double)lo / 1e9,
			(double)hi / 1e9, s->text, want);
		return NULL;
	}
	if (s->at > r->prev)
		r->prev = s->at;
	return s;
}

static void expect_seg(struct run *r, const char *text, int64_t lo, int64_t hi)
{
	struct seg g;
	struct said *s;

	if (!parse_seg(r, text, true, &g)) {
		fail(r, "cannot read: %s", text);
		return;
	}
	s = next_said(r, lo, hi, text);
	if (!s)
		return;
	bool same = s->o.kind == TCP_OUT_SEGMENT && s->p.flags == g.p.flags && s->p.seq == g.p.seq &&
		    s->p.payload_len == g.p.payload_len && (!(g.p.flags & TCP_ACK) || s->p.ack == g.p.ack) &&
		    (!g.has_win || s->p.wnd == g.p.wnd) && s->sack.n == g.sack.n &&
		    !memcmp(s->sack.block, g.sack.block, g.sack.n * sizeof g.sack.block[0]);

	if (same && g.has_opts)
		same = s->p.opts == g.p.opts && (!(g.p.opts & PKT_OPT_MSS) || s->p.mss == g.p.mss) &&
		       (!(g.p.opts & PKT_OPT_WSCALE) || s->p.wscale == g.p.wscale) &&
		       (!(g.p.opts & PKT_OPT_TS) ||
			       (s->p.tsval - r->ts0 == g.p.tsval && s->p.tsecr == g.p.tsecr));
	if (!same)
		fail(r, "sent at %.6f: %s\n  expected:          %s", (double)s->at / 1e9, s->text, text);
}

static void expect_event(struct run *r, const char *text, int64_t lo, int64_t hi)
{
	struct said *s = next_said(r, lo, hi, text);

	if (!s)
		return;
	if (s->o.kind == TCP_OUT_DATA)
		snprintf(s->text, sizeof s->text, "data %u", s->o.data.len);
	if (strcmp(s->text, text))
		fail(r, "at %.6f: %s\n  expected: %s", (double)s->at / 1e9, s->text, text);
}

static bool is_event(const char *s)
{
	for (size_t i = 2; i < sizeof out_names / sizeof *out_names; i++)
		if (!strncmp(s, out_names[i], strlen(out_names[i])))
			return true;
	return false;
}

static void write_octets(struct run *r, uint32_t n, bool more)
{
	struct blob *b = blob_new_raw(&alloc_libc, n);

	for (uint32_t i = 0; i < n; i++)
		b->data[i] = tcp_pattern(r->wrote + i);
	r->wrote += n;
	if (!tcp_write(r->t, &r->c, slice_of(b), more, r->now)) {
		blob_unref(b);
		fail(r, "the write was refused");
	}
}

static void action(struct run *r, const char *s)
{
	if (!strcmp(s, "open") || !strcmp(s, "listen")) {
		tcp_init(&r->c, &r->cfg, (struct tcp_addr){0x0a000001, 0x0a000002, 40000, 80});
		tcp_trace(&r->c, &(struct tcp_tag){0}, 0, false);
		tcp_set_iss(&r->c, r->iss);
		r->ts0 = tcp_ts_now(r->t, &r->c, 0);
		r->started = true;
		if (*s == 'o')
			tcp_open(r->t, &r->c, r->now);
		else
			tcp_listen(r->t, &r->c, r->now);
	} else if (!strncmp(s, "write ", 6)) {
		write_octets(r, (uint32_t)strtoul(s + 6, NULL, 10), false);
	} else if (!strncmp(s, "more ", 5)) {
		write_octets(r, (uint32_t)strtoul(s + 5, NULL, 10), true);
	} else if (!strcmp(s, "shutdown")) {
		tcp_shutdown(r->t, &r->c, r->now);
	} else if (!strcmp(s, "close")) {
		tcp_close(r->t, &r->c, r->now);
	} else if (!strcmp(s, "abort")) {
		tcp_abort(r->t, &r->c, r->now);
	} else if (!strcmp(s, "pause")) {
		tcp_pause(r->t, &r->c, true, r->now);
	} else if (!strcmp(s, "resume")) {
		tcp_pause(r->t, &r->c, false, r->now);
	} else {
		fail(r, "unknown action: %s", s);
		return;
	}
	tell(r, "  %.6f # %s\n", (double)r->now / 1e9, s);
	collect(r);
}

static bool check(struct run *r, const char *s)
{
	char *end;

	if (!strncmp(s, "state ", 6)) {
		if (strcmp(tcp_state_name((enum tcp_state)r->c.state), s + 6))
			fail(r, "the state is %s, expected %s", tcp_state_name((enum tcp_state)r->c.state),
				s + 6);
	} else if (!strncmp(s, "cwnd ", 5)) {
		if (r->c.cwnd != strtoul(s + 5, NULL, 10))
			fail(r, "cwnd is %u, expected %s", r->c.cwnd, s + 5);
	} else if (!strncmp(s, "ssthresh ", 9)) {
		if (tcp_ssthresh(&r->c) != strtoul(s + 9, NULL, 10))
			fail(r, "ssthresh is %u, expected %s", tcp_ssthresh(&r->c), s + 9);
	} else if (!strncmp(s, "rto ", 4)) {
		int64_t want = seconds(s + 4, &end), have = tcp_rto_ns(&r->c);

		if (have < want - NS_PER_MS || have > want + NS_PER_MS)
			fail(r, "rto is %.6f, expected %s", (double)have / 1e9, s + 4);
	} else if (strcmp(s, "idle")) {
		return false;
	}
	return true;
}

static bool set_cfg(struct tcp_cfg *c, const char *name, long v)
{
#define SET(n, field, scale)                             \
	if (!strcmp(name, n)) {                          \
		int64_t scaled = v * (int64_t)(scale);   \
		c->field = (__typeof__(c->field))scaled; \
		return true;                             \
	}
	SET("mss", mss, 1)
	SET("wscale", wscale, 1)
	SET("timestamps", timestamps, 1)
	SET("sack", sack, 1)
	SET("nodelay", nodelay, 1)
	SET("scaling", window_scaling, 1)
	SET("window", rcv_window_bytes, 1)
	SET("window_max", rcv_window_max_bytes, 1)
	SET("snd_buffer", snd_buffer_bytes, 1)
	SET("iw", initial_window, 1)
	SET("keepalive", keepalive, 1)
	SET("keepalive_idle", keepalive_idle_ns, NS_PER_S)
	SET("keepalive_interval", keepalive_interval_ns, NS_PER_S)
	SET("keepalive_probes", keepalive_probes, 1)
	SET("tlp", tail_loss_probe, 1)
	SET("idle_restart", idle_restart, 1)
	SET("syn_retries", syn_retries, 1)
	SET("give_up", give_up_ns, NS_PER_S)
#undef SET
	if (!strcmp(name, "cubic")) {
		c->cc = v ? &cc_cubic : &cc_newreno;
		return true;
	}
	return false;
}

static void cfg_line(struct run *r, char *s)
{
	for (char *word = strtok(s, " "); word; word = strtok(NULL, " ")) {
		char *eq = strchr(word, '=');

		if (!eq) {
			fail(r, "name=value expected: %s", word);
			return;
		}
		*eq = 0;
		if (!set_cfg(&r->cfg, word, strtol(eq + 1, NULL, 10)))
			fail(r, "unknown setting: %s", word);
	}
}

static void do_line(struct run *r, char *s)
{
	bool relative;
	int64_t lo, hi;
	char *end;

	if (!strncmp(s, "cfg ", 4)) {
		cfg_line(r, s + 4);
		return;
	}
	relative = *s == '+';
	lo = hi = seconds(s + relative, &end);
	if (*end == '~')
		hi = seconds(end + 1, &end);
	if (*end != ' ' && *end != '\t') {
		fail(r, "a time is missing: %s", s);
		return;
	}
	while (*end == ' ' || *end == '\t')
		end++;
	lo += relative ? r->prev : 0;
	hi += relative ? r->prev : 0;
	if (*end == '>') {
		expect_seg(r, end + 2, lo, hi);
		return;
	}
	if (is_event(end)) {
		expect_event(r, end, lo, hi);
		return;
	}
	advance(r, lo);
	r->prev = lo;
	nothing_pending(r, check(r, end) ? lo + 1 : lo);
	if (r->failed)
		return;
	if (*end == '<') {
		struct seg g;

		if (!parse_seg(r, end + 2, false, &g)) {
			fail(r, "cannot read: %s", end);
			return;
		}
		tell(r, "  %.6f < %s\n", (double)r->now / 1e9, end + 2);
		inject(r, &g);
	} else if (!check(r, end)) {
		action(r, end);
	}
}

bool tcp_script_run(
	const char *name, const char *text, uint32_t iss, uint32_t irs, char *msg, size_t msg_size)
{
	struct run r = {.iss = iss, .irs = irs, .msg = msg, .msg_size = msg_size, .cfg = tcp_cfg_linux};
	char *copy = xstrdup(text), *line = copy;

	(void)name;
	r.cfg.timestamps = false; /* scripts that are about them turn them on */
	r.cfg.tail_loss_probe = false;
	r.w = world_new(1, 0);
	net_new(r.w);
	r.t = tcp_new(r.w);
	r.said = xcalloc(OUT_MAX, sizeof *r.said);
	while (line && !r.failed) {
		char *next = strchr(line, '\n'), *cut;

		r.line++;
		if (next)
			*next++ = 0;
		cut = strstr(line, "//");
		if (cut)
			*cut = 0;
		for (cut = line + strlen(line); cut > line && isspace((unsigned char)cut[-1]);)
			*--cut = 0;
		while (*line == ' ' || *line == '\t')
			line++;
		if (*line)
			do_line(&r, line);
		line = next;
	}
	nothing_pending(&r, INT64_MAX);
	tcp_fini(r.t, &r.c);
	world_free(r.w);
	xfree(copy);
	xfree(r.said);
	xfree(r.story);
	return !r.failed;
}
