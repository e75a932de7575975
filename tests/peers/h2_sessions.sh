#!/bin/sh
# timeout: 120
# The clients of the HTTP/2 session vectors against `live serve`, over a socket; see h2_sessions.py.
set -u
command -v python3 >/dev/null 2>&1 || { echo "skipped: python3 is not installed"; exit 77; }
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-h2s.XXXXXX") || exit 3
"$BACKTALK" live serve polling --listen 127.0.0.1:0 --every 10s --for 110s >"$tmp/out" 2>"$tmp/err" &
server=$!
trap 'kill $server 2>/dev/null; rm -rf "$tmp"' EXIT
n=0
until grep -q 'http://127.0.0.1:[0-9]*/' "$tmp/err"; do
	n=$((n + 1))
	[ $n -lt 100 ] || { echo "the server did not start: $(cat "$tmp/err")"; exit 1; }
	sleep 0.05
done
port=$(sed -n 's,.*http://127.0.0.1:\([0-9]*\)/.*,\1,p' "$tmp/err" | head -n 1)
python3 tests/peers/h2_sessions.py "$port" tests/data/vectors/http2/sessions.json tests/data/vectors/own/http2-sessions.json \
	tests/data/vectors/own/http2-sessions-rfc.json
code=$?
kill -0 $server 2>/dev/null || { echo 'the server has died'; exit 1; }
exit $code
