#!/bin/sh
# 1,000 to 100,000 clients for 60 simulated seconds: events a second, wall time, memory a client.
# One line a run; "ns/event" is wall time over events, "bytes/client" the peak of the process less that of one client.
. tests/support/figures.inc
rates() { # rates LABEL COMMAND...: a line of figures
	label=$1 clients=$2
	shift 2
	figures run "$@" || return
	awk -v label="$label" -v n="$clients" -v base="${base:-0}" -v events="$(figure run engine.events)" \
		-v wall="$(figure run engine.wall_s)" -v rss="$(figure run engine.peak_rss_bytes)" \
		-v delivered="$(figure run messages.delivered)" -v requests="$(figure run http.requests)" 'BEGIN {
		printf("%-14s %8d %12d %9.2f %12.0f %9.0f %12.0f %12d %10d\n", label, n, events, wall,
			events / (wall + 1e-9), wall * 1e9 / events, (rss - base) / n, delivered, requests)
	}' </dev/null
}
printf '%-14s %8s %12s %9s %12s %9s %12s %12s %10s\n' technique clients events wall_s events/s ns/event bytes/client delivered requests
figures one run polling-at-scale --set 'clients.*.count=1' && base=$(figure one engine.peak_rss_bytes)
case ${base:-none} in none) base=0 ;; esac
for t in polling long-polling sse websocket; do
	for n in 1000 10000 100000; do
		rates $t $n run polling-at-scale --set "clients.*.count=$n" --set "clients.*.technique=$t" --set duration=60s
	done
done
