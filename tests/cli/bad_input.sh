#!/bin/sh
# timeout: 120
# What is wrong with an input is said with its place, the status is 2 (3 when the machine is to blame), and nothing is written.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-bad.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/out"
passed=0 failed=0
refused() { # refused STATUS PATTERN WHAT COMMAND...: the status, PATTERN on stderr, stdout empty, no file in out/
	want=$1 pattern=$2 what=$3
	shift 3
	timeout 20 "$@" >"$tmp/stdout" 2>"$tmp/stderr" </dev/null
	code=$?
	problem=
	[ "$code" -eq "$want" ] || problem="status $code, expected $want"
	grep -qE -- "$pattern" "$tmp/stderr" || problem="$problem; stderr has no /$pattern/"
	[ -s "$tmp/stdout" ] && problem="$problem; something on stdout: $(head -n 1 "$tmp/stdout" | cut -c1-80)"
	[ -n "$(ls -A "$tmp/out")" ] && { problem="$problem; wrote $(ls -A "$tmp/out")"; rm -rf "$tmp/out"; mkdir "$tmp/out"; }
	if [ -z "$problem" ]; then
		passed=$((passed + 1))
	else
		printf '%s: %s\n' "$what" "$problem"
		head -n 4 "$tmp/stderr" | cut -c1-200 | sed 's/^/  | /'
		failed=$((failed + 1))
	fi
}

# A good file, and the same with one thing wrong; each is refused by `run` and by `check`, at the line named.
good=$tmp/good.yaml
sed 's/^scenario: .*/scenario: good/' tests/textbook/nat.yaml >"$good"
"$BACKTALK" check "$good" >"$tmp/stdout" 2>"$tmp/stderr" && passed=$((passed + 1)) || {
	echo "a good file is refused: $(head -n 3 "$tmp/stderr")"
	failed=$((failed + 1))
}
line_of() { grep -n -m 1 -- "$1" "$good" | cut -d: -f1; }
broken() { # broken NAME SED PATTERN LINE: what is wrong is found at LINE and said with PATTERN
	sed -e "$2" -e "s/^scenario: .*/scenario: $1/" "$good" >"$tmp/$1.yaml"
	cmp -s "$good" "$tmp/$1.yaml" && { echo "$1: the file was not changed"; failed=$((failed + 1)); return; }
	refused 2 "$1.yaml:$4:[0-9]+: .*($3)" "run, $1" "$BACKTALK" run "$tmp/$1.yaml" --trace "$tmp/out/t" --pcap "$tmp/out/p"
	timeout 20 "$BACKTALK" check "$tmp/$1.yaml" >"$tmp/both" 2>&1
	code=$?
	if [ "$code" -eq 2 ] && grep -qE "$1.yaml:$4:[0-9]+: .*($3)" "$tmp/both"; then
		passed=$((passed + 1))
	else
		printf 'check, %s: status %s: %s\n' "$1" "$code" "$(head -n 2 "$tmp/both")"
		failed=$((failed + 1))
	fi
}
broken misspelt 's/idle_timeout/idle_timout/' 'idle_timout' "$(line_of idle_timeout)"
broken unknown-key 's/^seed: 5/sead: 5/' 'sead' "$(line_of '^seed')"
broken no-unit 's/duration: 300s/duration: 300/' 'unit|duration' "$(line_of '^duration')"
broken no-unit-in-map 's/rtt: 60ms/rtt: 60/' 'unit|rtt' "$(line_of 'rtt')"
broken negative 's/count: 40/count: -40/' '-40|negative|count' "$(line_of 'count: 40')"
broken technique 's/technique: websocket/technique: websockets/' 'websockets' "$(line_of technique)"
broken duplicate 's/^seed: 5/seed: 5\
seed: 6/' 'seed|duplicate|twice' "$(($(line_of '^seed') + 1))"
broken alias 's/^summary: .*/summary: \&x [1]/; s/^seed: 5/seed: *x/' 'alias|anchor' '[0-9]+'
broken no-box 's/path: \[lte, home-nat\]/path: [lte, hom-nat]/' 'hom-nat' "$(line_of 'path:')"
broken no-server 's/to: app/to: apps/' 'apps' "$(line_of 'to: app')"
broken share 's/rtt: 60ms,/rtt: 60ms, loss: 150%,/' '100%' "$(line_of rtt)"
broken version 's/^backtalk: 1/backtalk: 9/' 'version|9' 1
broken not-yaml 's/^networks:/networks: [/' '.' '[0-9]+'
broken wrong-kind 's/kind: nat/kind: gnat/' 'gnat' "$(line_of 'kind:')"

# The nearest right word is offered.
refused 2 'idle_timeout' 'the nearest key' "$BACKTALK" run "$tmp/misspelt.yaml"
refused 2 'websocket' 'the nearest technique' "$BACKTALK" run "$tmp/technique.yaml"
refused 2 'first-look' 'the nearest scenario' "$BACKTALK" run first-lok
refused 2 'compare' 'the nearest command' "$BACKTALK" compair first-look
refused 2 'seed' 'the nearest option' "$BACKTALK" run first-look --sed 3

# Options and --set.
refused 2 'clients' '--set of a key that is not there' "$BACKTALK" run "$good" --set client.phones.count=3
refused 2 'count|-1' '--set of a bad value' "$BACKTALK" run "$good" --set clients.phones.count=-1
refused 2 'seed|number|x' 'a seed that is no number' "$BACKTALK" run "$good" --seed x
refused 2 'format|xml' 'a format there is not' "$BACKTALK" run "$good" --format xml
refused 2 '[Tt]echnique|carrier' 'a technique there is not' "$BACKTALK" compare "$good" --techniques polling,carrier-pigeon
for t in ,sse sse, sse,,polling ''; do
	refused 2 'one is empty' "techniques '$t'" "$BACKTALK" compare "$good" --techniques "$t"
done
refused 2 'did you mean `home-nat`' 'a node misspelt' "$BACKTALK" run "$good" --pcap "$tmp/out/p" --pcap-at home-nta
refused 2 '^  app$' 'a node there is not' "$BACKTALK" run "$good" --pcap "$tmp/out/p" --pcap-at elsewhere

# Files: too big, none, a folder, not to be written.
{ cat "$good"; awk 'BEGIN { for (i = 0; i < 40000; i++) print "# a comment line that is only here to make the file long" }'; } >"$tmp/big.yaml"
refused 2 'big.yaml.*(MB|large|bytes|long|limit)' 'a file of 2 MB' "$BACKTALK" run "$tmp/big.yaml"
refused 3 'missing.yaml' 'a file that is not there' "$BACKTALK" run "$tmp/missing.yaml"
refused 3 'nowhere' 'a place that is not there' "$BACKTALK" run "$good" --set duration=1s --trace "$tmp/nowhere/t.jsonl"
: >"$tmp/empty.yaml"
refused 2 'empty.yaml' 'an empty file' "$BACKTALK" run "$tmp/empty.yaml"
printf '\000\377\376binary\001' >"$tmp/binary.yaml"
refused 2 'binary.yaml' 'no text at all' "$BACKTALK" run "$tmp/binary.yaml"

# Captures: garbage, nothing, cut in the file header.
awk 'BEGIN { for (i = 0; i < 5000; i++) printf "%c", 32 + (i * 7919) % 90 }' >"$tmp/garbage.pcap"
refused 2 'garbage.pcap' 'a garbage capture' "$BACKTALK" replay "$tmp/garbage.pcap" --format json
: >"$tmp/empty.pcap"
refused 2 'empty.pcap' 'an empty capture' "$BACKTALK" replay "$tmp/empty.pcap" --format json
printf '\324\303\262\241\002\000' >"$tmp/short.pcap"
refused 2 'short.pcap' 'a capture cut in its header' "$BACKTALK" replay "$tmp/short.pcap" --format json
refused 3 'none.pcap' 'a capture that is not there' "$BACKTALK" replay "$tmp/none.pcap" --format json
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
