#!/bin/sh
# timeout: 120
# One run, three accounts of it: metrics, trace and capture say the same where they overlap. Every client is under the lens
# here, so that the trace is complete.
. tests/support/figures.inc
count() { grep -c "\"kind\":\"$2\"" "$tmp/$1.jsonl"; } # count NAME KIND
sum() { # sum NAME KIND KEY: over the records of a kind
	sed -n "/\"kind\":\"$2\"/s/.*\"$3\":\\([0-9]*\\).*/\\1/p" "$tmp/$1.jsonl" | awk '{ s += $1 } END { print s + 0 }'
}
same() { # same WHAT METRICS TRACE
	if [ "$2" = "$3" ]; then pass; else fail "$1: $2 by the metrics, $3 otherwise"; fi
}
one() { # one NAME COMMAND-LINE...
	name=$1
	shift
	figures "$name" run "$@" --trace "$tmp/$name.jsonl" --pcap "$tmp/$name.pcapng" || return
	same "$name: published" "$(figure "$name" messages.published)" "$(count "$name" published)"
	same "$name: delivered" "$(figure "$name" messages.delivered)" "$(count "$name" delivered)"
	same "$name: lost" "$(figure "$name" messages.lost)" "$(count "$name" lost)"
	same "$name: delivered and lost make up the expected" "$(figure "$name" messages.expected)" \
		$(($(figure "$name" messages.delivered) + $(figure "$name" messages.lost)))
	same "$name: packets are delivered, dropped or under way" "$(figure "$name" packets.sent)" \
		$(($(figure "$name" packets.delivered) + $(figure "$name" packets.dropped) + $(figure "$name" packets.in_flight)))
	same "$name: requests" "$(figure "$name" http.requests)" "$(count "$name" request)"
	# Ids are dense and rise with nobody caused by what comes after it.
	awk -F'"' '{
		for (i = 2; i < NF; i += 2) {
			if ($i == "id") { id = $(i + 1); gsub(/[^0-9]/, "", id) }
			if ($i == "cause") { cause = $(i + 1); gsub(/[^0-9]/, "", cause) }
		}
		if (cause + 0 >= id + 0 && cause + 0 > 0) { bad++; if (bad == 1) print NR ": " $0 }
		if (id + 0 in seen) twice++
		seen[id + 0] = 1
		id = cause = ""
	} END { exit bad || twice || NR == 0 ? 1 : 0 }' "$tmp/$name.jsonl" >"$tmp/bad" &&
		pass || fail "$name: a record caused by a later one, or two with one id: $(cut -c1-200 "$tmp/bad")"
	# Time never goes back.
	sed -n 's/^{"t_ns":\([0-9]*\).*/\1/p' "$tmp/$name.jsonl" | sort -nc 2>"$tmp/bad" && pass || fail "$name: time goes back: $(cat "$tmp/bad")"
	# Our own reader of captures counts the packets we say we sent: each once where it was sent.
	"$BACKTALK" replay "$tmp/$name.pcapng" --format json >"$tmp/$name.replay" 2>"$tmp/err" || fail "$name: replay: $(head -n 2 "$tmp/err")"
	same "$name: frames in the capture" "$(count "$name" packet-sent)" \
		"$(tr ',{' '\n\n' <"$tmp/$name.replay" | sed -n 's/^ *"packets": *\([0-9]*\).*/\1/p' | head -n 1)"
}
for t in polling long-polling sse websocket; do
	one "office-$t" tests/textbook/office.yaml --set clients.desks.count=5 --set duration=40s --set "clients.*.technique=$t"
done
one nat tests/textbook/nat.yaml --set clients.phones.count=4
one switch phone-switches-network --set 'clients.*.count=4'
finish
