/*
 * Live capture through libpcap. Packets go to a temporary file first, so that what is shown afterwards is exactly what a
 * saved capture would show.
 */
#include <pcap.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "sim/capture/cap.h"

#define LIVE_SNAPLEN 262144
#define LIVE_WAIT_MS 100

static enum capture_result refused(pcap_t *p, const char *iface, int rc, char *why, size_t cap)
{
	const char *what = pcap_statustostr(rc), *more = p ? pcap_geterr(p) : "";
	if (rc == PCAP_ERROR_PERM_DENIED || rc == PCAP_ERROR_PROMISC_PERM_DENIED)
		snprintf(why, cap,
			"no right to listen on %s: run as root, or give the program the right with "
			"`setcap cap_net_raw,cap_net_admin=eip`",
			iface);
	else if (rc == PCAP_ERROR_NO_SUCH_DEVICE)
		snprintf(why, cap, "there is no interface %s (see `ip link`)", iface);
	else
		snprintf(why, cap, "%s: %s%s%s", iface, what, *more ? ": " : "", more);
	if (p)
		pcap_close(p);
	return rc == PCAP_ERROR_NO_SUCH_DEVICE ? CAPTURE_INPUT : CAPTURE_ENV;
}

static int listen_on(pcap_t *p, pcap_dumper_t *d, uint32_t max, bool (*stop)(void *ctx), void *ctx)
{
	uint32_t n = 0;
	struct pollfd fd = {.fd = pcap_get_selectable_fd(p), .events = POLLIN};
	while (!stop(ctx) && (!max || n < max)) {
		struct pcap_pkthdr *h;
		const unsigned char *octets;
		int rc = pcap_next_ex(p, &h, &octets);
		if (rc == PCAP_ERROR)
			return rc;
		if (rc ==
			0) /* libpcap would wait for a packet, however long it takes: the clock is asked here instead */
			(void)poll(&fd, fd.fd >= 0 ? 1 : 0, LIVE_WAIT_MS);
		if (rc != 1)
			continue;
		pcap_dump((unsigned char *)d, h, octets);
		n++;
	}
	return pcap_dump_flush(d);
}

enum capture_result capture_live(struct capture **out, const char *iface, const char *tmp,
	const struct capture_opts *o, bool (*stop)(void *ctx), void *ctx, char *why, size_t why_cap)
{
	char err[PCAP_ERRBUF_SIZE] = "";
	*out = NULL;
	pcap_t *p = pcap_create(iface, err);
	if (!p) {
		snprintf(why, why_cap, "%s: %s", iface, err);
		return CAPTURE_ENV;
	}
	pcap_set_snaplen(p, LIVE_SNAPLEN);
	pcap_set_timeout(p, LIVE_WAIT_MS);
	pcap_set_immediate_mode(p, 1);
	pcap_set_tstamp_precision(p, PCAP_TSTAMP_PRECISION_NANO);
	int rc = pcap_activate(p);
	if (rc < 0)
		return refused(p, iface, rc, why, why_cap);
	if (pcap_setnonblock(p, 1, err) < 0)
		return refused(p, iface, PCAP_ERROR, why, why_cap);
	pcap_dumper_t *d = pcap_dump_open(p, tmp);
	if (!d) {
		snprintf(why, why_cap, "%s: %s", tmp, pcap_geterr(p));
		pcap_close(p);
		return CAPTURE_ENV;
	}
	rc = listen_on(p, d, o ? o->packets_max : 0, stop, ctx);
	if (rc < 0)
		snprintf(why, why_cap, "%s: %s", iface, pcap_geterr(p));
	pcap_dump_close(d);
	pcap_close(p);
	enum capture_result r = rc < 0 ? CAPTURE_ENV : capture_open(out, tmp, NULL, why, why_cap);
	remove(tmp);
	return r;
}
