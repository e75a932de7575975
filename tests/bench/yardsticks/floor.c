/* floor: the two yardstick workloads, written as the smallest segment-level model that
 * still does the real work: a chunked timing wheel, one 128-byte record per end point,
 * TCP-like sequence and acknowledgement bookkeeping with RTT estimate and RTO, delayed
 * ACKs, a serialising link in each direction, and (-c) text that is really composed and
 * really parsed (HTTP request and response, or SSE). No losses, no congestion window:
 * it is the floor that a real simulator's cost is to be compared with, not a simulator.
 *
 *   build: gcc -O3 -march=native -o floor floor.c
 *   usage: floor poll|push N [SIMULATED_SECONDS] [-c] */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint16_t u16;

static void *grab(size_t bytes)
{
	size_t two = (size_t)2 << 20;
	bytes = (bytes + two - 1) / two * two;
	char *p = mmap(NULL, bytes + two, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		-1, 0);
	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	p = (char *)(((uintptr_t)p + two - 1) / two * two);
	madvise(p, bytes, MADV_HUGEPAGE);
	return p;
}

/* ---- pending events: 16 bytes each; FIFO within a time is kept by construction --------- */
enum { CLIENT_TIMER, AT_SERVER, AT_CLIENT, DELACK, RTO_C, RTO_S, FANOUT };
typedef struct {
	u64 t;
	u32 conn;
	u32 what;
} ev; /* what: kind | segment << 4 */

#define BITS 8
#define SLOTS 256u
#define LEVELS 5
#define CHUNK 31
typedef struct chunk {
	struct chunk *next;
	u64 pad;
	ev e[CHUNK];
} chunk;
static chunk *ch_free, *q_head[LEVELS][SLOTS], *q_tail[LEVELS][SLOTS];
static u32 q_fill[LEVELS][SLOTS];
static u64 q_map[LEVELS][SLOTS / 64], q_now;
static int q_shift;
static ev *bot;
static size_t bot_h, bot_n, bot_cap;

static chunk *chunk_new(void)
{
	if (!ch_free) {
		size_t k = ((size_t)2 << 20) / sizeof(chunk);
		chunk *c = grab(k * sizeof(chunk));
		for (size_t i = 0; i < k; i++) {
			c[i].next = ch_free;
			ch_free = &c[i];
		}
	}
	chunk *c = ch_free;
	ch_free = c->next;
	c->next = NULL;
	return c;
}
static inline void push(ev e)
{
	u64 x = (e.t ^ q_now) >> q_shift;
	if (!x) { /* into the current slot: sorted, after equal times */
		if (bot_n == bot_cap) {
			bot_cap *= 2;
			bot = realloc(bot, bot_cap * sizeof *bot);
		}
		size_t i = bot_n++;
		while (i > bot_h && e.t < bot[i - 1].t) {
			bot[i] = bot[i - 1];
			i--;
		}
		bot[i] = e;
		return;
	}
	int l = (63 - __builtin_clzll(x)) / BITS;
	u32 s = (u32)(e.t >> (q_shift + BITS * l)) & (SLOTS - 1);
	if (!q_head[l][s]) {
		q_head[l][s] = q_tail[l][s] = chunk_new();
		q_fill[l][s] = 0;
		q_map[l][s / 64] |= 1ull << (s & 63);
	} else if (q_fill[l][s] == CHUNK) {
		chunk *c = chunk_new();
		q_tail[l][s]->next = c;
		q_tail[l][s] = c;
		q_fill[l][s] = 0;
	}
	q_tail[l][s]->e[q_fill[l][s]++] = e;
}
static void sort_stable(ev *a, size_t n) /* insertion for short slots, else merge */
{
	if (n > 48) {
		size_t h = n / 2, i = 0, j = h, k = 0;
		sort_stable(a, h);
		sort_stable(a + h, n - h);
		ev *b = malloc(n * sizeof *b);
		while (i < h && j < n)
			b[k++] = a[j].t < a[i].t ? a[j++] : a[i++];
		while (i < h)
			b[k++] = a[i++];
		while (j < n)
			b[k++] = a[j++];
		memcpy(a, b, n * sizeof *a);
		free(b);
		return;
	}
	for (size_t i = 1; i < n; i++) {
		ev e = a[i];
		size_t j = i;
		while (j && e.t < a[j - 1].t) {
			a[j] = a[j - 1];
			j--;
		}
		a[j] = e;
	}
}
static void warm(ev e);
static int refill(void)
{
	bot_h = bot_n = 0;
	for (int l = 0; l < LEVELS;) {
		u32 from = ((u32)(q_now >> (q_shift + BITS * l)) & (SLOTS - 1)) + (l ? 1 : 0);
		int s = -1;
		for (u32 w = from / 64; w < SLOTS / 64; w++) {
			u64 m = q_map[l][w];
			if (w == from / 64)
				m &= ~0ull << (from & 63);
			if (m) {
				s = (int)(w * 64 + (u32)__builtin_ctzll(m));
				break;
			}
		}
		if (s < 0) {
			l++;
			continue;
		}
		int span = BITS * l + q_shift;
		q_now = (q_now >> (span + BITS) << (span + BITS)) | (u64)s << span;
		chunk *c = q_head[l][s], *last = q_tail[l][s];
		u32 fill = q_fill[l][s];
		q_head[l][s] = NULL;
		q_map[l][s / 64] &= ~(1ull << (s & 63));
		while (c) {
			chunk *nx = c->next;
			u32 k = c == last ? fill : CHUNK;
			if (nx)
				for (int i = 0; i < 8; i++)
					__builtin_prefetch((char *)nx + 64 * i);
			if (l == 0) {
				while (bot_n + k > bot_cap) {
					bot_cap *= 2;
					bot = realloc(bot, bot_cap * sizeof *bot);
				}
				memcpy(bot + bot_n, c->e, k * sizeof(ev));
				bot_n += k;
			} else
				for (u32 i = 0; i < k; i++)
					push(c->e[i]);
			c->next = ch_free;
			ch_free = c;
			c = nx;
		}
		if (l == 0) {
			for (size_t i = 0; i < bot_n; i++)
				warm(bot[i]);
			sort_stable(bot, bot_n);
			return 1;
		}
		if (bot_n)
			return 1;
		l = 0;
	}
	return 0;
}

/* ---- end points and segments ----------------------------------------------------------- */
typedef struct { /* 128 bytes: two cache lines */
	u64 snd_una, snd_nxt, rcv_nxt, link_free, rto_at, sent_at, ts_recent;
	u32 srtt_us, rttvar_us, rto_us, next_id;
	u32 ack_pending : 1, delack_armed : 1, rto_armed : 1;
	u32 units, bytes_in;
	u32 spare[5];
	u64 lat_sum, pad;
} ep;
typedef struct {
	u32 next;
	u16 len, flags;
	u64 seq, ack, ts;
	char data[416];
} seg;
static ep *cl, *sv;
static seg *segs;
static u32 seg_free = 0, seg_made = 1; /* 0: none */
static u32 n_conn;
static int codec;
static u64 now, n_events, n_segments, n_units, n_bad;
#define DELAY 20000000ull  /* 20 ms one way */
#define NS_PER_BYTE 800ull /* 10 Mbit/s */

static void warm(ev e)
{
	u32 k = e.what & 15;
	if (k == FANOUT)
		return;
	ep *p = k == AT_SERVER || k == RTO_S ? &sv[e.conn] : &cl[e.conn];
	__builtin_prefetch(p, 1);
	__builtin_prefetch((char *)p + 64, 1);
	u32 s = e.what >> 4;
	if (s)
		for (int i = 0; i < 8; i++)
			__builtin_prefetch((char *)&segs[s] + 64 * i);
}
static u32 seg_get(void)
{
	u32 s = seg_free;
	if (s) {
		seg_free = segs[s].next;
		return s;
	}
	return seg_made++;
}
static void seg_put(u32 s)
{
	segs[s].next = seg_free;
	seg_free = s;
}

static void arm_rto(ep *p, u32 c, int server) /* lazily: one pending event, moved when it fires */
{
	p->rto_at = now + p->rto_us * 1000ull;
	if (!p->rto_armed) {
		p->rto_armed = 1;
		push((ev){p->rto_at, c, server ? RTO_S : RTO_C});
	}
}
static void send_seg(ep *p, u32 c, int server, u32 s, u32 len)
{
	seg *g = &segs[s];
	g->len = (u16)len;
	g->seq = p->snd_nxt;
	g->ack = p->rcv_nxt;
	g->ts = now;
	p->ack_pending = 0;
	if (len) {
		p->snd_nxt += len;
		p->sent_at = now;
		arm_rto(p, c, server);
	}
	u64 start = p->link_free > now ? p->link_free : now;
	p->link_free = start + (len + 52) * NS_PER_BYTE;
	n_segments++;
	push((ev){p->link_free + DELAY, c, (server ? AT_CLIENT : AT_SERVER) | s << 4});
}
static void receive(ep *p, seg *g) /* acknowledgement and sequence side of an arrival */
{
	if (g->ack > p->snd_una) {
		p->snd_una = g->ack;
		u32 rtt = (u32)((now - p->sent_at) / 1000);
		if (!p->srtt_us) {
			p->srtt_us = rtt;
			p->rttvar_us = rtt / 2;
		} else {
			u32 d = rtt > p->srtt_us ? rtt - p->srtt_us : p->srtt_us - rtt;
			p->rttvar_us = (3 * p->rttvar_us + d) / 4;
			p->srtt_us = (7 * p->srtt_us + rtt) / 8;
		}
		u32 rto = p->srtt_us + 4 * p->rttvar_us;
		p->rto_us = rto < 200000 ? 200000 : rto;
	}
	if (g->seq == p->rcv_nxt && g->len) {
		p->rcv_nxt += g->len;
		p->ack_pending = 1;
		p->ts_recent = g->ts;
		p->bytes_in += g->len;
	}
}

/* ---- text ------------------------------------------------------------------------------ */
static const char req_tail[] =
	" HTTP/1.1\r\nHost: poll.example.test\r\nUser-Agent: student-client/1.0 (simulated)\r\n"
	"Accept: application/json\r\nAccept-Language: de-DE,de;q=0.9,en;q=0.8\r\nAccept-Encoding: "
	"identity\r\n"
	"Cache-Control: no-cache\r\nCookie: session=0123456789abcdef0123456789abcdef\r\n"
	"If-None-Match: \"00000000000000000000\"\r\nConnection: keep-alive\r\nX-Request-Class: "
	"short-poll\r\n";
static const char rsp_head[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: "
			       "no-store\r\nConnection: keep-alive\r\nContent-Length: ";
static char *num(char *o, u32 v)
{
	char b[12];
	int k = 0;
	do
		b[k++] = (char)('0' + v % 10);
	while (v /= 10);
	while (k)
		*o++ = b[--k];
	return o;
}
static char *cat(char *o, const char *s, size_t k)
{
	memcpy(o, s, k);
	return o + k;
}

static u32 compose_request(char *d, u32 id)
{
	char *o = cat(d, "GET /poll?since=", 16);
	o = num(o, id);
	o = cat(o, req_tail, sizeof req_tail - 1);
	o = cat(o, "X-Pad: ", 7);
	while (o < d + 396)
		*o++ = 'p';
	o = cat(o, "\r\n\r\n", 4);
	return (u32)(o - d);
}
static u32 compose_response(char *d, u32 id)
{
	char *o = cat(d, rsp_head, sizeof rsp_head - 1);
	char *len = o;
	o = cat(o, "00\r\n\r\n", 6);
	char *body = o;
	o = cat(o, "{\"id\":", 6);
	o = num(o, id);
	o = cat(o, ",\"d\":\"", 6);
	while (o < d + 198)
		*o++ = 'x';
	o = cat(o, "\"}", 2);
	u32 k = (u32)(o - body);
	len[0] = (char)('0' + k / 10);
	len[1] = (char)('0' + k % 10);
	return (u32)(o - d);
}
static unsigned char tok[256]; /* token characters of header names */
static int parse_message(const char *d, u32 len, int *content_length)
{
	const char *p = d, *end = d + len, *nl = memchr(p, '\n', len);
	if (!nl || nl[-1] != '\r')
		return -1;
	if (memcmp(p, "GET ", 4) && memcmp(p, "HTTP/1.1 200", 12))
		return -1;
	*content_length = 0;
	for (p = nl + 1;; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl || nl[-1] != '\r')
			return -1;
		if (nl - 1 == p)
			break;
		const char *q = p;
		while (tok[(unsigned char)*q])
			q++;
		if (*q != ':' || q == p)
			return -1;
		if (q - p == 14 && !strncasecmp(p, "content-length", 14)) {
			for (q++; *q == ' '; q++) {
			}
			for (; *q >= '0' && *q <= '9'; q++)
				*content_length = *content_length * 10 + *q - '0';
		}
	}
	return (int)(nl + 1 - d) + *content_length == (int)len ? 0 : -1;
}
static u32 compose_sse(char *d, u32 id)
{
	char *o = cat(d, "id: ", 4);
	o = num(o, id);
	o = cat(o, "\ndata: ", 7);
	while (o < d + 98)
		*o++ = 'y';
	o = cat(o, "\n\n", 2);
	return (u32)(o - d);
}
static int parse_sse(const char *d, u32 len)
{
	const char *p = d, *end = d + len;
	int data = 0;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		if (!nl)
			return -1;
		if (nl == p)
			return data ? 0 : -1;
		const char *q = memchr(p, ':', (size_t)(nl - p));
		if (q && q - p == 4 && !memcmp(p, "data", 4))
			data = 1;
		p = nl + 1;
	}
	return -1;
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: floor poll|push N [SECONDS] [-c]\n");
		return 2;
	}
	int pushing = !strcmp(argv[1], "push");
	double sim = 60;
	n_conn = (u32)strtod(argv[2], NULL);
	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "-c"))
			codec = 1;
		else
			sim = atof(argv[i]);
	}
	for (const char *s = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
		*s; s++)
		tok[(unsigned char)*s] = 1;
	cl = grab((size_t)n_conn * sizeof(ep));
	sv = grab((size_t)n_conn * sizeof(ep));
	segs = grab(((size_t)n_conn + 2) * sizeof(seg));
	bot_cap = 4096;
	bot = malloc(bot_cap * sizeof *bot);
	double rate = n_conn * (pushing ? 3.0 : 1.4); /* events a simulated second, roughly */
	while ((double)(2ull << q_shift) * rate <= 32e9 && q_shift < 24)
		q_shift++;
	struct timespec a, b;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	u64 r = 88172645463325252ull;
	for (u32 i = 0; i < n_conn; i++) {
		cl[i].rto_us = sv[i].rto_us = 1000000;
		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		if (!pushing)
			push((ev){r % 5000000000ull, i, CLIENT_TIMER});
	}
	if (pushing)
		push((ev){1000000, 0, FANOUT});
	u64 end = (u64)(sim * 1e9);
	int cn;
	for (;;) {
		if (bot_h == bot_n && !refill())
			break;
		ev e = bot[bot_h++];
		if (e.t >= end)
			break;
		now = e.t;
		n_events++;
		u32 c = e.conn, s = e.what >> 4;
		ep *p;
		switch (e.what & 15) {
		case CLIENT_TIMER:
			p = &cl[c];
			s = seg_get();
			send_seg(p, c, 0, s, codec ? compose_request(segs[s].data, ++p->next_id) : 400);
			push((ev){now + 5000000000ull, c, CLIENT_TIMER});
			break;
		case AT_SERVER:
			p = &sv[c];
			receive(p, &segs[s]);
			if (segs[s].len) {
				if (codec && parse_message(segs[s].data, segs[s].len, &cn))
					n_bad++;
				p->units++; /* the same buffer carries the answer */
				send_seg(p, c, 1, s,
					codec ? compose_response(segs[s].data, ++p->next_id) : 200);
			} else
				seg_put(s);
			break;
		case AT_CLIENT:
			p = &cl[c];
			receive(p, &segs[s]);
			if (codec && (pushing ? parse_sse(segs[s].data, segs[s].len)
					      : parse_message(segs[s].data, segs[s].len, &cn)))
				n_bad++;
			p->units++;
			n_units++;
			p->lat_sum += now - segs[s].ts;
			seg_put(s);
			if (!p->delack_armed) {
				p->delack_armed = 1;
				push((ev){now + 40000000, c, DELACK});
			}
			break;
		case DELACK:
			p = &cl[c];
			p->delack_armed = 0;
			if (p->ack_pending) {
				s = seg_get();
				send_seg(p, c, 0, s, 0);
			}
			break;
		case RTO_C:
		case RTO_S:
			p = (e.what & 15) == RTO_C ? &cl[c] : &sv[c];
			p->rto_armed = 0;
			if (p->snd_una < p->snd_nxt) {
				if (now < p->rto_at) {
					p->rto_armed = 1;
					push((ev){p->rto_at, c, e.what});
				} else {
					fprintf(stderr, "unexpected loss\n");
					return 3;
				}
			}
			break;
		case FANOUT:
			for (u32 i = 0; i < n_conn; i++) {
				if (i + 16 < n_conn) {
					__builtin_prefetch(&sv[i + 16], 1);
					__builtin_prefetch((char *)&sv[i + 16] + 64, 1);
				}
				s = seg_get();
				send_seg(&sv[i], i, 1, s,
					codec ? compose_sse(segs[s].data, ++sv[i].next_id) : 100);
			}
			push((ev){now + 1000000000ull, 0, FANOUT});
		}
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	double cpu = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	printf("mode=%s n=%u codec=%d cpu_s=%.3f events=%llu events_per_cpu_s=%.0f segments=%llu units=%llu "
	       "units_per_cpu_s=%.0f "
	       "cpu_us_per_unit=%.4f ev_per_unit=%.2f peak_KiB=%ld bytes_per_client=%.0f bad=%llu\n",
		argv[1], n_conn, codec, cpu, (unsigned long long)n_events, (double)n_events / cpu,
		(unsigned long long)n_segments, (unsigned long long)n_units, (double)n_units / cpu,
		1e6 * cpu / (double)(n_units ? n_units : 1),
		(double)n_events / (double)(n_units ? n_units : 1), u.ru_maxrss,
		1024.0 * (double)u.ru_maxrss / n_conn, (unsigned long long)n_bad);
	return 0;
}
