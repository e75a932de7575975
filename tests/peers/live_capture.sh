#!/bin/sh
# timeout: 60
# A capture taken here and now: tcpdump listens on loopback while curl polls, reads an event stream and opens a WebSocket at a
# server that is not ours; `backtalk replay` must show what curl and the server said.
set -u
for tool in tcpdump curl python3; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-live.XXXXXX") || exit 3
dump= server=
stop() {
	exec 9>&-
	[ -n "$dump" ] && kill "$dump" 2>/dev/null
	[ -n "$server" ] && kill "$server" 2>/dev/null
	rm -rf "$tmp"
}
trap stop EXIT
mkfifo "$tmp/hold"
python3 tests/peers/live_server.py <"$tmp/hold" >"$tmp/port" 2>"$tmp/server.err" &
server=$!
exec 9>"$tmp/hold"
wait_for() { # wait_for FILE PATTERN: up to 5 s
	n=0
	until grep -q "$2" "$1" 2>/dev/null; do
		n=$((n + 1))
		[ $n -lt 50 ] || return 1
		sleep 0.1
	done
}
wait_for "$tmp/port" '[0-9]' || { echo "the server did not start: $(cat "$tmp/server.err")"; exit 1; }
port=$(head -n 1 "$tmp/port")
tcpdump --immediate-mode -i lo -U -w "$tmp/live.pcap" "tcp port $port" 2>"$tmp/dump.err" &
dump=$!
wait_for "$tmp/dump.err" 'listening on' || { echo "skipped: no right to capture here: $(tail -n 1 "$tmp/dump.err")"; exit 77; }
url=http://127.0.0.1:$port
for i in 0 1 2; do
	curl -s "$url/poll?since=$i" >"$tmp/poll" || echo "curl: status $?"
	sleep 0.4
done
curl -sN "$url/events" >"$tmp/events"
curl -sN --http1.1 --max-time 3 -H 'Connection: Upgrade' -H 'Upgrade: websocket' -H 'Sec-WebSocket-Version: 13' \
	-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "$url/ws" >"$tmp/ws"
sleep 0.3
kill -INT "$dump"
wait "$dump" 2>/dev/null
dump=
"$BACKTALK" replay "$tmp/live.pcap" --format json >"$tmp/replay.json" 2>"$tmp/replay.err" ||
	{ echo "backtalk replay: status $?: $(head -n 3 "$tmp/replay.err")"; echo "0 passed, 1 failed"; exit 1; }
python3 - "$tmp/replay.json" "$port" <<'END'
import json, sys

got = json.load(open(sys.argv[1]))
passed = failed = 0


def case(what, got, want):
    global passed, failed
    if got == want:
        passed += 1
    else:
        failed += 1
        print(f"{what}: {got!r}, expected {want!r}")


http = got.get("http", [])
request = [h.get("request", h) for h in http]
case("targets", sorted(str(r.get("target")) for r in request), ["/events", "/poll?since=0", "/poll?since=1", "/poll?since=2", "/ws"])
case("methods", {r.get("method") for r in request}, {"GET"})
case("statuses", sorted((h.get("response") or {}).get("status") or 0 for h in http), [101, 200, 200, 200, 200])
events = [e for s in got.get("sse", []) for e in s.get("events", [])]
case("events", [e.get("data") for e in events], [f"tick {i}" for i in range(1, 6)])
case("event ids", [str(e.get("id")) for e in events], [str(i) for i in range(1, 6)])
frames = [f for w in got.get("websockets", []) for f in w.get("frames", [])]
case("frame opcodes", [f.get("opcode") for f in frames], [1, 1, 1, 8])
messages = [m for w in got.get("websockets", []) for m in w.get("messages", [])]
case("frame texts", [m.get("text") for m in messages], ["hello 1", "hello 2", "hello 3"])
case("connections", len(got.get("tcp_connections", [])), 5)
labels = sorted(c.get("technique") for c in got.get("conversations", []))
case("techniques", labels, ["short-polling", "sse", "websocket"])
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
END
