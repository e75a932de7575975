#!/bin/sh
# timeout: 120
# HTTP/2 in the clear with prior knowledge: nghttp, h2load, curl and Node's http2 client against `live serve`, and `live connect`
# against nghttpd. Every technique, content larger than the windows, trailers, padding, many streams, WebSocket by extended
# CONNECT (RFC 8441).
set -u
for tool in nghttp nghttpd; do
	command -v $tool >/dev/null 2>&1 || { echo "skipped: $tool is not installed"; exit 77; }
done
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-h2.XXXXXX") || exit 3
pids=
trap 'for p in $pids; do kill "$p" 2>/dev/null; done; rm -rf "$tmp"' EXIT
passed=0 failed=0
check() { # check WHAT COMMAND...
	what=$1
	shift
	if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "$what"; fi
}
has() { grep -aq "$1" "$2"; } # has PATTERN FILE
plain() { sed 's/\x1b\[[0-9;]*m//g'; }

# serve TECHNIQUE [OPTION...]: sets $port
serve() {
	rm -f "$tmp/serve.err"
	"$BACKTALK" live serve "$@" --listen 127.0.0.1:0 --for 60s >"$tmp/serve" 2>"$tmp/serve.err" &
	server=$!
	pids="$pids $server"
	n=0
	until grep -qs "http://127.0.0.1:[0-9]*/" "$tmp/serve.err"; do
		n=$((n + 1))
		[ $n -lt 100 ] || { echo "the server did not start: $(cat "$tmp/serve.err")"; exit 1; }
		sleep 0.05
	done
	port=$(sed -n 's,.*http://127.0.0.1:\([0-9]*\)/.*,\1,p' "$tmp/serve.err" | head -n 1)
}
stop() {
	kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
}

serve polling --every 50ms
url=http://127.0.0.1:$port
sleep 0.4
nghttp -nv "$url/" 2>&1 | plain >"$tmp/out"
check 'the page: no 200' has ':status: 200' "$tmp/out"
check 'the page: no end of stream' has 'recv DATA frame.*flags=0x01' "$tmp/out"
nghttp "$url/poll?since=0" >"$tmp/out" 2>&1
check 'polling: no message 1' has '"id":1,' "$tmp/out"
nghttp -nv --expect-continue -d "$BACKTALK" "$url/poll" 2>&1 | plain >"$tmp/out"
check 'content of megabytes: the server did not widen its windows' has 'recv WINDOW_UPDATE' "$tmp/out"
check 'content of megabytes: no 413' has ':status: 413' "$tmp/out"
check 'no 100 to Expect' has ':status: 100' "$tmp/out"
printf '{"id":1,"up":1,"text":"%0200000d"}' 0 >"$tmp/message"
nghttp -nv -b 13 -d "$tmp/message" --trailer 'x-sum: 7' "$url/poll" 2>&1 | plain >"$tmp/out"
check 'a message of 200,000 octets, padded, with trailers: no 204' has ':status: 204' "$tmp/out"
check 'our SETTINGS were not acknowledged' has 'send SETTINGS frame <length=0, flags=0x01' "$tmp/out"
nghttp -nv -m 40 "$url/poll" 2>&1 | plain >"$tmp/out"
check 'forty streams at once: not all were answered' [ "$(grep -c ':status: 200' "$tmp/out")" -eq 40 ]
nghttp -nv -H ':method: BREW' "$url/nowhere" 2>&1 | plain >"$tmp/out"
check 'a page that is not there: no 404' has ':status: 404' "$tmp/out"
if command -v h2load >/dev/null 2>&1; then
	h2load -n 2000 -c 4 -m 25 "$url/poll" >"$tmp/out" 2>&1
	check "h2load: $(grep requests: "$tmp/out")" has '2000 succeeded, 0 failed, 0 errored' "$tmp/out"
else
	echo 'left out: h2load is not installed'
fi
if command -v curl >/dev/null 2>&1 && curl --version | grep -q HTTP2; then
	curl -s --http2-prior-knowledge -o "$tmp/out" -w '%{http_version} %{http_code}' "$url/poll" >"$tmp/code"
	check "curl: $(cat "$tmp/code")" [ "$(cat "$tmp/code")" = '2 200' ]
else
	echo 'left out: curl without HTTP/2'
fi
stop

serve sse --every 100ms
timeout 2 nghttp -v "http://127.0.0.1:$port/events" >"$tmp/out" 2>&1
check 'SSE: fewer than five events in two seconds' [ "$(grep -c '^data: ' "$tmp/out")" -ge 5 ]
check 'SSE: the stream that was left was not noticed' has 'closed the connection' "$tmp/serve" # nghttp was ended by a signal
timeout 2 nghttp -v -H 'last-event-id: 3' "http://127.0.0.1:$port/events" >"$tmp/out" 2>&1
check 'SSE: Last-Event-ID' [ "$(sed -n 's/^id: //p' "$tmp/out" | head -n 1)" = 4 ]
"$BACKTALK" live connect "h2c://127.0.0.1:$port/events" --as sse --count 5 --for 5s >"$tmp/out" 2>&1
check "our client, our server, SSE: status $?" [ $? -eq 0 ]
stop

serve long-polling --every 100ms
"$BACKTALK" live connect "h2c://127.0.0.1:$port/longpoll" --as long-polling --count 5 --for 5s >"$tmp/out" 2>&1
check "our client, our server, long polling: status $?" [ $? -eq 0 ]
stop

serve websocket --every 100ms
"$BACKTALK" live connect "h2c://127.0.0.1:$port/ws" --as websocket --count 5 --for 5s >"$tmp/out" 2>&1
check "our client, our server, WebSocket: status $?" [ $? -eq 0 ]
if command -v node >/dev/null 2>&1; then
	node tests/peers/node/h2_websocket.mjs "http://127.0.0.1:$port" >"$tmp/out" 2>&1
	check "Node over extended CONNECT: $(cat "$tmp/out")" [ $? -eq 0 ]
else
	echo 'left out: node is not installed'
fi
stop

mkdir "$tmp/www"
{
	printf '{"messages":['
	i=1
	while [ $i -le 3 ]; do
		[ $i -eq 1 ] || printf ,
		printf '{"id":%d,"live":%d,"text":"%0150000d"}' $i $i 0
		i=$((i + 1))
	done
	printf ']}'
} >"$tmp/www/list.json"
# nghttpd has no "any port": one that nothing listens on
for port in 28311 31877 39413 44821; do
	nghttpd --no-tls -v -d "$tmp/www" --mime-types-file="$tmp/mime" -a 127.0.0.1 $port >"$tmp/nghttpd" 2>&1 &
	theirs=$!
	sleep 0.4
	kill -0 $theirs 2>/dev/null && break
done
pids="$pids $theirs"
"$BACKTALK" live connect "h2c://127.0.0.1:$port/list.json" --as polling --interval 200ms --for 1s >"$tmp/out" 2>&1
check "our client, nghttpd: status $?" [ $? -eq 0 ]
plain <"$tmp/nghttpd" >"$tmp/log"
check 'nghttpd did not see our request' has ':path: /list.json?since=0' "$tmp/log"
check 'nghttpd had no SETTINGS ACK of ours' has 'recv SETTINGS frame <length=0, flags=0x01' "$tmp/log"
check 'nghttpd waited for windows that never came' has 'recv WINDOW_UPDATE frame' "$tmp/log"
check 'our client did not take the next request over the same connection' has 'recv (stream_id=3) :path' "$tmp/log"
check 'the answer is not a message list to our client' has 'messages received' "$tmp/out"
check 'our client did not say GOAWAY' has 'recv GOAWAY' "$tmp/log"
check 'nghttpd complained' [ "$(grep -c 'send RST_STREAM\|send GOAWAY.*error_code=[^N]' "$tmp/log")" -eq 0 ]
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
