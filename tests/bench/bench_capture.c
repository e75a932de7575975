/*
 * How fast a large capture is read: a made-up file of N packets (default a million: keep-alive polling by 20,000 clients),
 * read, reassembled, decoded and labelled.
 *   bench_capture [PACKETS]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "sim/capture/cap.h"

#define CLIENTS 20000u
#define REQUEST "GET /poll?since=12 HTTP/1.1\r\nHost: app\r\n\r\n"
#define RESPONSE \
	"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"messages\":[]}"

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void le32(FILE *f, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		putc(v >> 8 * i & 255, f);
}

/* One frame: Ethernet, IPv4, TCP; checksums are left at zero, as a network card would find them. */
static void packet(FILE *f, uint64_t us, uint32_t client, bool up, uint32_t seq, uint32_t ack, unsigned flags,
	const char *data)
{
	uint8_t h[54] = {0};
	size_t n = strlen(data);
	struct ip_addr a = ip_addr4(0x0a010000u + client), b = ip_addr4(0x0a000001u);
	h[12] = 8;
	h[14] = 0x45;
	h[16] = (uint8_t)((40 + n) >> 8);
	h[17] = (uint8_t)(40 + n);
	h[22] = 64;
	h[23] = 6;
	memcpy(h + 26, up ? a.a : b.a, 4);
	memcpy(h + 30, up ? b.a : a.a, 4);
	unsigned sp = up ? 40000 : 80, dp = up ? 80 : 40000;
	const uint8_t tcp[] = {(uint8_t)(sp >> 8), (uint8_t)sp, (uint8_t)(dp >> 8), (uint8_t)dp,
		(uint8_t)(seq >> 24), (uint8_t)(seq >> 16), (uint8_t)(seq >> 8), (uint8_t)seq,
		(uint8_t)(ack >> 24), (uint8_t)(ack >> 16), (uint8_t)(ack >> 8), (uint8_t)ack, 0x50,
		(uint8_t)flags, 1, 0xf4};
	memcpy(h + 34, tcp, sizeof tcp);
	le32(f, (uint32_t)(us / 1000000));
	le32(f, (uint32_t)(us % 1000000));
	le32(f, (uint32_t)(54 + n));
	le32(f, (uint32_t)(54 + n));
	fwrite(h, 1, sizeof h, f);
	fwrite(data, 1, n, f);
}

static void make(const char *path, uint32_t packets)
{
	static uint32_t at[CLIENTS][2];
	FILE *f = fopen(path, "wb");
	uint64_t us = 1000000000000ull;
	uint32_t n = 0;
	if (!f)
		exit(3);
	const uint32_t head[] = {0xa1b2c3d4u, 0x00040002u, 0, 0, 262144, 1};
	for (unsigned i = 0; i < 6; i++)
		le32(f, head[i]);
	for (uint32_t c = 0; n + 3 <= packets; c = (c + 1) % CLIENTS, n += 3) {
		uint32_t *p = at[c];
		if (!p[0]) {
			packet(f, us += 50, c, true, 100, 0, TCP_SYN, "");
			packet(f, us += 50, c, false, 500, 101, TCP_SYN | TCP_ACK, "");
			packet(f, us += 50, c, true, 101, 501, TCP_ACK, "");
			p[0] = 101;
			p[1] = 501;
			continue;
		}
		packet(f, us += 50, c, true, p[0], p[1], TCP_PSH | TCP_ACK, REQUEST);
		p[0] += sizeof REQUEST - 1;
		packet(f, us += 50, c, false, p[1], p[0], TCP_PSH | TCP_ACK, RESPONSE);
		p[1] += sizeof RESPONSE - 1;
		packet(f, us += 50, c, true, p[0], p[1], TCP_ACK, "");
	}
	fclose(f);
}

int main(int argc, char **argv)
{
	uint32_t packets = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	const char *dir = getenv("TMPDIR");
	char path[200], why[256];
	struct capture *c = NULL;
	struct rusage u;
	snprintf(path, sizeof path, "%.120s/bench_capture.%ld.pcap", dir ? dir : "/tmp", (long)getpid());
	make(path, packets);
	double t = now_s();
	if (capture_open(&c, path, NULL, why, sizeof why) != CAPTURE_OK) {
		fprintf(stderr, "%s\n", why);
		return 1;
	}
	t = now_s() - t;
	remove(path);
	getrusage(RUSAGE_SELF, &u);
	printf("capture: %u packets, %u connections, %u exchanges: %.2f s, %.0f packets/s, %ld MB at most\n",
		c->npkts, c->nconns, c->nhttp, t, c->npkts / t, u.ru_maxrss / 1024);
	capture_free(c);
	return 0;
}
