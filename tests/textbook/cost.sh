#!/bin/sh
# timeout: 120
# What one message of 92 octets a second costs on Ethernet agrees with recorded conversations of a real browser and server
# (20 messages each, one a second, MTU 1500): 869 octets for a poll a second, 860 for long polling, 245 for SSE, 227 for a
# WebSocket. The cost of one more message is the difference between a run of 120 s and one of 20 s, so that what is paid once
# (handshakes, the first request) does not count.  IP octets are measured; each packet has 14 more on Ethernet.
. tests/support/figures.inc
s=tests/textbook/cost.yaml
cost() { # cost TECHNIQUE FIGURE PACKETS [OPTION...]
	t=$1 want=$2 packets=$3
	shift 3
	figures short run $s --set clients.browser.technique="$t" "$@" || return
	figures long run $s --set clients.browser.technique="$t" --set duration=120s "$@" || return
	near "$t: messages delivered in 100 s" "$(awk "BEGIN { print $(figure long messages.delivered) - $(figure short messages.delivered) }")" 100 1
	near "$t: octets a message" "$(awk -v n="$packets" "BEGIN {
		print ($(figure long bytes.up) + $(figure long bytes.down) - $(figure short bytes.up) - $(figure short bytes.down)) / 100 + 14 * n
	}" 2>/dev/null)" "$want" 3
}
# A request, an answer and the acknowledgement that nothing else carries; a push and its acknowledgement.
cost polling 869 3
cost long-polling 860 3
# What SSE and WebSocket say in their one request is paid once.
cost sse 245 2 --set clients.browser.options.headers=browser
cost websocket 227 2 --set clients.browser.options.headers=browser
finish
