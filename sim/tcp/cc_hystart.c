/*
 * HyStart as Linux has it: slow start ends before the queue of the bottleneck overflows. Two signs, looked for once the
 * window has 16 segments:
 *
 *	ACK train   acknowledgements of a round trip that come within 2 ms of each other span half of the shortest
 *	            round-trip time (and 1 ms, less on fast lines): the pipe is full
 *	delay       the shortest of the first 8 round-trip times of a round exceeds the shortest ever by an eighth (4 to 16 ms):
 *	            a queue is growing
 *
 * A round ends when everything that was out at its beginning is acknowledged. Source: S. Ha, I. Rhee, "Taming the elephants:
 * New TCP slow start", Computer Networks 55(9), 2011, with the values of Linux's tcp_cubic (TC-11). Validated beside a
 * Linux kernel (hystart_train, hystart_delay in tests/data/linux-tcp).
 *
 * Left out: the conservative phase of HyStart++ (RFC 9406), which Linux does not have; pacing, which would double the train.
 * Begins with the first acknowledgement for which the window grows: what came before was shorter than a window.
 */
#include "sim/tcp/cc.h"

#define LOW_WINDOW 16u
#define ACK_DELTA_US 2000
#define DELAY_MIN_US 4000u
#define DELAY_MAX_US 16000u
#define SAMPLES 8u
#define BURST_BYTES (4u * 65536) /* what may leave the host at once, in flight four times */
#define BURST_US_MAX 1000u

/* How long a burst of the sender itself may hold back its acknowledgements. */
static uint32_t burst_us(const struct cc_ack *a)
{
	uint64_t us = a->rate_Bps ? (uint64_t)BURST_BYTES * 1000000 / a->rate_Bps : 0;

	return us < BURST_US_MAX ? (uint32_t)us : BURST_US_MAX;
}

static void begin_round(struct cc_hystart *h, const struct cc_ack *a)
{
	h->round_ns = h->last_ack_ns = a->now_ns;
	h->end_seq = a->snd_nxt;
	h->shortest_us = UINT32_MAX;
	h->samples = 0;
}

static bool train(struct cc_hystart *h, const struct cc_ack *a)
{
	if ((a->now_ns - h->last_ack_ns) / 1000 > ACK_DELTA_US)
		return false;
	h->last_ack_ns = a->now_ns;
	return (a->now_ns - h->round_ns) / 1000 > (h->delay_min_us + burst_us(a)) / 2;
}

static bool delayed(struct cc_hystart *h, const struct cc_ack *a)
{
	uint32_t more = h->delay_min_us / 8;

	if (a->rtt_us < h->shortest_us)
		h->shortest_us = a->rtt_us;
	if (h->samples < SAMPLES) {
		h->samples++;
		return false;
	}
	more = more < DELAY_MIN_US ? DELAY_MIN_US : more > DELAY_MAX_US ? DELAY_MAX_US : more;
	return h->shortest_us > h->delay_min_us + more;
}

void cc_hystart_forget(struct cc_hystart *h)
{
	*h = (struct cc_hystart){0};
}

bool cc_hystart_over(struct cc_hystart *h, const struct cc_ack *a)
{
	bool over;

	if (!h->delay_min_us || a->rtt_us < h->delay_min_us)
		h->delay_min_us = a->rtt_us ? a->rtt_us : 1;
	if (h->found || !a->slow_start)
		return false;
	if (!h->round_ns || (int32_t)(h->end_seq - a->snd_una) < 0)
		begin_round(h, a);
	if (a->cwnd < LOW_WINDOW)
		return false;
	over = train(h, a);
	over = delayed(h, a) || over;
	h->found = over;
	return over;
}
