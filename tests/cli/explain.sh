#!/bin/sh
# timeout: 120
# Whatever a list or a result names can be explained; a word that is near one is led to it.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-explain.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0
explained() { # explained WORD FROM: with a meaning under its own name
	timeout 20 "$BACKTALK" explain "$1" --format json >"$tmp/out" 2>"$tmp/err"
	if [ $? -eq 0 ] && grep -q '"text": *"..*"' "$tmp/out"; then
		passed=$((passed + 1))
	else
		echo "explain $1 ($2): $(head -n 1 "$tmp/err")"
		failed=$((failed + 1))
	fi
}
names() { # the words that `list` begins its lines with, as JSON has them
	"$BACKTALK" list "$1" --format json | sed -n 's/.*{"\(name\|id\)": "\([^"]*\)".*/\2/p'
}
for kind in metrics techniques boxes presets reasons records facts; do
	names $kind >"$tmp/names"
	[ -s "$tmp/names" ] || { echo "list $kind names nothing"; failed=$((failed + 1)); }
	# of long lists the first, every seventh and the last
	awk 'NR % 7 == 1 { print; next } { last = $0 } END { if (last) print last }' "$tmp/names" >"$tmp/some"
	while read -r word; do explained "$word" "list $kind"; done <"$tmp/some"
done

# Every figure of a result that is one of the machine.
"$BACKTALK" run nat-forgets --format json | tr ',{}' '\n\n\n' | sed -n 's/^ *"\(engine\.[a-z_.]*\)":.*/\1/p' | sort -u >"$tmp/figures"
n=$(grep -c . "$tmp/figures")
[ "$n" -ge 10 ] && passed=$((passed + 1)) || { echo "a result has $n figures of the machine, expected 10 and more"; failed=$((failed + 1)); }
while read -r word; do explained "$word" 'a result'; done <"$tmp/figures"

near() { # near WRONG RIGHT
	timeout 20 "$BACKTALK" explain "$1" >"$tmp/out" 2>"$tmp/err"
	if [ $? -eq 2 ] && grep -q "did you mean \`$2\`" "$tmp/err" && [ ! -s "$tmp/out" ]; then
		passed=$((passed + 1))
	else
		echo "explain $1: expected to be led to $2: $(head -n 1 "$tmp/err")"
		failed=$((failed + 1))
	fi
}
near engine.wall engine.wall_s
near hartbeat heartbeat
near latency_ms.p59 latency_ms.p50
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
