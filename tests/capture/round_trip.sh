#!/bin/sh
# timeout: 200
# A run's own capture, replayed: the technique is found without being told, and where nothing is lost on the way, as many messages as were
# delivered. One case a lecture and technique.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-round.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
bad() {
	echo "$1"
	failed=$((failed + 1))
}
# The client's conversations, one a line: technique, messages to the client.
found() {
	sed -n '/^ "conversations"/,/^ \]/p' "$tmp/replay" | sed -n 's/.*"technique": "\([^"]*\)".*"client_host": "\([^"]*\)".*/\1 \2 &/p' |
		sed 's/^\([^ ]* [^ ]*\) .*"messages_to_client": \([0-9]*\).*/\1 \2/' | awk '{ print $1, $3 + 0 }'
}
one() { # one LECTURE TECHNIQUE LABEL COUNT-TOO
	"$BACKTALK" run "$1" --set 'clients.*.count=1' --set "clients.*.technique=$2" --format json --trace "$tmp/trace" >"$tmp/out" 2>"$tmp/err"
	[ $? -le 1 ] || { bad "$1 under $2: $(head -n 1 "$tmp/err")"; return; }
	node=$(sed -n '/"kind":"request-sent"/s/.*"node":"\([^"]*\)".*/\1/p' "$tmp/trace" | head -n 1)
	"$BACKTALK" run "$1" --set 'clients.*.count=1' --set "clients.*.technique=$2" --format json --pcap "$tmp/pcap" --pcap-at "$node" \
		>"$tmp/out" 2>"$tmp/err"
	[ $? -le 1 ] || { bad "$1 under $2: $(head -n 1 "$tmp/err")"; return; }
	"$BACKTALK" replay "$tmp/pcap" --format json >"$tmp/replay" 2>"$tmp/err" || { bad "$1 under $2: replay: $(cat "$tmp/err")"; return; }
	labels=$(found | awk '{ print $1 }' | sort -u)
	[ "$labels" = "$3" ] || { bad "$1 under $2: replay finds $(echo $labels), expected $3"; return; }
	delivered=$(grep -c '"kind":"delivered"' "$tmp/trace")
	messages=$(found | awk '{ n += $2 } END { print n + 0 }')
	if [ "$4" = yes ] && [ "$messages" -ne "$delivered" ]; then
		bad "$1 under $2: $messages messages in the capture, $delivered delivered"
		return
	fi
	passed=$((passed + 1))
}
for lecture in first-look buffering-proxy nat-forgets phone-switches-network; do
	one $lecture polling short-polling yes
	one $lecture long-polling long-polling yes
	one $lecture sse sse yes
	one $lecture websocket websocket yes
done
one upgrade-blocked websocket websocket no
one upgrade-blocked long-polling long-polling yes
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
