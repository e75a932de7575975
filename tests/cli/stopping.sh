#!/bin/sh
# timeout: 240
# Long work tells how far it is, on a terminal only; Ctrl-C ends it with what was measured until then, marked partial; and neither the
# number of threads nor being watched changes a result.
set -u
passed=0 failed=0
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-stopping.XXXXXX") || exit 3
sock=$tmp/sock
trap 'tmux -S "$sock" kill-server 2>/dev/null; rm -rf "$tmp"' EXIT
ok() { # ok NAME COMMAND...
	name=$1
	shift
	if "$@"; then passed=$((passed + 1)); else
		failed=$((failed + 1))
		echo "not ok: $name"
		head -c 3000 "$tmp/out" 2>/dev/null
		head -c 1000 "$tmp/err" 2>/dev/null
	fi
}
no() { ! "$@"; }
has() { grep -qE -e "$1" "$tmp/out"; }

# Far longer than any test may take, so that it is certainly interrupted; and short, to be run whole.
long() {
	cat <<-END
	backtalk: 1
	scenario: $1
	duration: $2
	networks: {n: {rtt: 40ms, jitter: 5ms, loss: 0.5%}}
	servers: {app: {count: 1}}
	clients: {c: {count: 500, path: [n], to: app, technique: polling, options: {interval: 1s}}}
	messages: [{name: m, from: server, to: everyone, rate: 1/5s, arrival: poisson, size: 100B}]
	compare: {technique: [polling, long-polling, websocket]}
	END
}
long endless 7d >"$tmp/endless.yaml"
long brief 4s >"$tmp/brief.yaml"

# interrupt ARGUMENT...: begun without a terminal, interrupted when it has had 0.4 s of processor time
interrupt() {
	"$BACKTALK" "$@" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	n=0
	while [ $n -lt 300 ] && [ "$(awk '{ print $14 + $15 }' /proc/$pid/stat 2>/dev/null || echo 99)" -lt 40 ]; do
		n=$((n + 1))
		sleep 0.1
	done
	kill -INT $pid 2>/dev/null
	wait $pid
	code=$?
}

for j in 1 3; do
	interrupt run "$tmp/endless.yaml" --format json -j $j
	ok "run -j $j: exit 3" test $code -eq 3
	ok "run -j $j: marked partial" test "$(grep -c '"partial": true' "$tmp/out")" -eq 2
	ok "run -j $j: has figures" has '"http.requests": [1-9][0-9][0-9]'
	ok "run -j $j: the rate is over the time that was run" has '"http.requests_per_s": (4[5-9][0-9]|50[0-9])'
	ok "run -j $j: a whole object" test "$(tail -n 1 "$tmp/out")" = '}'
	ok "run -j $j: says so" grep -q 'stopped by Ctrl-C' "$tmp/err"
	ok "run -j $j: no progress without a terminal" no grep -q simulated "$tmp/err"
	interrupt compare "$tmp/endless.yaml" --format json -j $j
	ok "compare -j $j: exit 3" test $code -eq 3
	begun=$(grep -c '"technique": ' "$tmp/out")
	ok "compare -j $j: those begun are there" test "$begun" -ge 1 -a "$begun" -le $j
	ok "compare -j $j: and marked" test "$(grep -c '"partial": true' "$tmp/out")" -eq $((begun + 1))
	interrupt compare "$tmp/endless.yaml" --replications 5 --set duration=100s -j $j
	if [ $code -ne 0 ]; then # a machine fast enough to be done by then has nothing to stop
		ok "replications -j $j: exit 3" test $code -eq 3
		ok "replications -j $j: counts whole runs" has 'STOPPED EARLY: [0-9]+ of 15 runs are whole'
	fi
done
interrupt run "$tmp/endless.yaml"
ok 'text: stopped early' has 'STOPPED EARLY: 0 of 1 runs are whole'
ok 'text: with figures' has 'http.requests +[1-9]'
ok 'text: no verdict on expectations' no has 'FAILS'
interrupt run "$tmp/endless.yaml" --format csv
ok 'csv: exit 3' test $code -eq 3
ok 'csv: the row is marked' test "$(awk -F, '{ print $5 }' "$tmp/out" | tr '\n' ' ')" = 'partial 1 '
"$BACKTALK" run "$tmp/brief.yaml" --format csv >"$tmp/out" 2>"$tmp/err"
ok 'csv: a whole run is not' test "$(awk -F, '{ print $5 }' "$tmp/out" | tr '\n' ' ')" = 'partial 0 '
interrupt run "$tmp/endless.yaml" -q
ok 'quiet: nothing on stderr' test ! -s "$tmp/err"

# The same for any number of threads, engine figures aside.
plain() { "$BACKTALK" "$@" 2>"$tmp/err" | grep -v '"engine\.\(wall_s\|events_per_s\|peak_rss\)'; }
for what in 'compare brief' 'compare brief --replications 4' 'run brief --replications 3'; do
	set -- $what
	command=$1
	shift 2
	plain "$command" "$tmp/brief.yaml" "$@" --format json -j 1 >"$tmp/one"
	for j in '-j 2' '-j 5' ''; do
		plain "$command" "$tmp/brief.yaml" "$@" --format json $j >"$tmp/out"
		ok "$what $j: as with one thread" cmp -s "$tmp/one" "$tmp/out"
	done
	ok "$what: something was compared" grep -q '"fingerprint": "[0-9a-f]*[1-9a-f]' "$tmp/one"
done

# What several seeds say together.
plain compare "$tmp/brief.yaml" --replications 4 --format json >"$tmp/out"
ok 'estimates for each technique, differences for each pair' test "$(grep -c '"minus": ' "$tmp/out")" -eq 3
ok 'four seeds' test "$(grep -c '"seed": ' "$tmp/out")" -eq 13
ok 'the same messages under all: no difference, no width' \
	has '"messages.expected": \{"mean": 0, "low": 0, "high": 0, "half_width": 0, "sd": 0, "n": 4\}'
"$BACKTALK" compare "$tmp/brief.yaml" --replications 4 >"$tmp/out" 2>"$tmp/err"
ok 'a table of differences' has '^more than under polling, seed by seed$'
ok 'means with intervals' has 'latency_ms.mean .* \+- '

# On a terminal: a line that tells how far it is, taken away at the end.
if command -v tmux >/dev/null 2>&1; then
	tmux -S "$sock" -f /dev/null new-session -d -x 120 -y 10 \
		"'$BACKTALK' compare '$tmp/endless.yaml' --replications 2 -j 2 --format json >'$tmp/out'; echo left-with-\$?; exec sleep 60"
	n=0
	while [ $n -lt 200 ]; do
		tmux -S "$sock" capture-pane -p >"$tmp/screen" 2>/dev/null
		grep -q simulated "$tmp/screen" && break
		n=$((n + 1))
		sleep 0.1
	done
	cp "$tmp/screen" "$tmp/err"
	ok 'progress on a terminal' \
		grep -qE '^backtalk: +[0-9]+ %, 0 of 6 runs, [0-9]+ s of [0-9]+ s simulated, [0-9.]+ [kM]? ?events/s' "$tmp/screen"
	tmux -S "$sock" send-keys C-c
	n=0
	while [ $n -lt 100 ]; do
		tmux -S "$sock" capture-pane -p >"$tmp/screen" 2>/dev/null
		grep -q left-with "$tmp/screen" && break
		n=$((n + 1))
		sleep 0.1
	done
	cp "$tmp/screen" "$tmp/err"
	ok 'Ctrl-C ends it' grep -q '^left-with-3' "$tmp/screen"
	ok 'and the line is gone' no grep -q simulated "$tmp/screen"
	ok 'and the result is there' grep -q '"partial": true' "$tmp/out"
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
