#!/bin/sh
# timeout: 200
# The textbook's latencies, from the run alone: a poller waits half its interval and then one way of the network, however
# long the interval; whoever keeps a way open waits for one way of the network only.
. tests/support/figures.inc
s=tests/textbook/office.yaml one_way=50

# A message finds each poller at a random place in its interval: T / 2, then one way back.
for t in 2 5 10; do
	figures p$t run $s --set clients.desks.options.interval=${t}s --set clients.desks.start.over=${t}s || continue
	near "polling every $t s: mean latency in ms" "$(figure p$t latency_ms.mean)" $((t * 500 + one_way)) 5
	holds "polling every $t s: nothing is later than interval and path" "$(figure p$t latency_ms.max) <= $t * 1000 + 2 * $one_way + 60"
	near "polling every $t s: requests a second" "$(figure p$t http.requests_per_s)" $((200 / t)) 2
done
for t in long-polling sse websocket; do
	figures "$t" run $s --set clients.desks.technique=$t || continue
	holds "$t: median latency is one way" "$(figure "$t" latency_ms.p50) >= $one_way && $(figure "$t" latency_ms.p50) < 1.3 * $one_way"
	holds "$t: the mean too" "$(figure "$t" latency_ms.mean) < 1.5 * $one_way"
	holds "$t: everything arrives once" "$(figure "$t" delivered) == 1 && $(figure "$t" messages.duplicated) == 0"
done
# Most polls at this rate find nothing: e^(-T / 10 s) of them.
near "polling every 5 s: share of empty answers" \
	"$(awk "BEGIN { print $(figure p5 http.empty_responses) / $(figure p5 http.requests) }" 2>/dev/null)" 0.6065 8
# Long polling asks again only after an answer or after its hold.
holds "long polling asks less often than polling every 5 s" \
	"$(figure long-polling http.requests) < 0.7 * $(figure p5 http.requests)"
holds "SSE asks once for each client" "$(figure sse http.requests) == 200"
holds "and so does WebSocket" "$(figure websocket http.requests) == 200"
finish
