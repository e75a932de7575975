#!/bin/sh
# timeout: 60
# `replay -i IFACE` listens itself: what curl asks a server that is not ours is found, the time given is kept also when no packet
# comes, and without the right to listen the answer says how to get it.
set -u
for tool in curl python3; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-iface.XXXXXX") || exit 3
server=
trap '[ -n "$server" ] && kill "$server" 2>/dev/null; rm -rf "$tmp"' EXIT
passed=0 failed=0
check() { # check WHAT COMMAND...
	what=$1
	shift
	if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "$what"; fi
}
echo 'hello from a file' >"$tmp/page.txt"
python3 -u -m http.server --bind 127.0.0.1 --directory "$tmp" 0 >"$tmp/server" 2>&1 &
server=$!
n=0
until grep -q 'port [0-9]' "$tmp/server"; do
	n=$((n + 1))
	[ $n -lt 50 ] || { echo "the server did not start: $(cat "$tmp/server")"; exit 1; }
	sleep 0.1
done
port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' "$tmp/server" | head -n 1)
"$BACKTALK" replay -i lo --seconds 4 --format json >"$tmp/out" 2>"$tmp/err" &
ours=$!
sleep 1.5
if ! kill -0 $ours 2>/dev/null; then
	wait $ours
	[ $? -eq 3 ] && { echo "skipped: $(cat "$tmp/err")"; exit 77; }
fi
curl -s "http://127.0.0.1:$port/page.txt?x=1" >"$tmp/page"
wait $ours
check "replay -i lo: status $?, $(cat "$tmp/err")" [ $? -eq 0 ]
check 'the request is not in what was heard' grep -q '"target": "/page.txt?x=1"' "$tmp/out"
check 'the answer is not in what was heard' grep -q '"body_bytes": 18,' "$tmp/out"
"$BACKTALK" replay -i no-such-interface --seconds 1 >"$tmp/out" 2>"$tmp/err"
check "an unknown interface: status $?" [ $? -eq 2 ]
check "an unknown interface: $(cat "$tmp/err")" grep -q 'no interface no-such-interface' "$tmp/err"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
