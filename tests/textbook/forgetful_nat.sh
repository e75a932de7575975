#!/bin/sh
# timeout: 120
# Behind a NAT that forgets after 30 s, a silent WebSocket loses every push that comes later, and whoever says something
# in time loses none; whoever asks anew makes the mapping anew.
. tests/support/figures.inc
s=tests/textbook/nat.yaml
set_() { printf ' --set clients.phones.%s' "$@"; }
if figures silent run $s --trace "$tmp/silent.jsonl"; then
	holds 'silent: 40 early messages arrive, 120 late ones do not' \
		"$(figure silent messages.delivered) == 40 && $(figure silent messages.lost) == 120"
	# From a lost message the causes lead to the box, its rule and its parameter.
	"$BACKTALK" run $s --trace "$tmp/silent.jsonl" --format json >"$tmp/out" 2>&1
	if grep '"kind":"packet-lost"' "$tmp/silent.jsonl" | grep '"node":"home-nat"\|"peer":"home-nat"' | grep -q idle_timeout; then
		pass
	else
		fail "no lost packet names home-nat and its idle_timeout: $(grep -m 1 '"kind":"packet-lost"' "$tmp/silent.jsonl")"
	fi
fi
for beat in 25s 10s; do
	figures "b$beat" run $s $(set_ options.heartbeat=$beat) &&
		holds "ping every $beat: nothing is lost" "$(figure "b$beat" messages.lost) == 0 && $(figure "b$beat" delivered) == 1"
done
figures slow run $s $(set_ options.heartbeat=40s) &&
	holds 'a ping every 40 s is too slow' "$(figure slow messages.lost) > 0"
for t in polling long-polling; do
	figures $t run $s $(set_ technique=$t options.resume=true) &&
		holds "$t: every request makes the mapping anew" "$(figure $t messages.lost) == 0"
done
figures sse run $s $(set_ technique=sse) && holds 'a silent SSE stream loses them too' "$(figure sse messages.lost) == 120"
figures ssebeat run $s $(set_ technique=sse options.heartbeat=15s) &&
	holds 'one with a comment every 15 s loses none' "$(figure ssebeat messages.lost) == 0"
finish
