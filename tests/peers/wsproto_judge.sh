#!/bin/sh
# timeout: 200
# WebSocket judged by python3-wsproto: what it writes, whole and spoilt, through our decoder; echo against `live serve` and `live connect`.
set -u
python=
for p in python3 /usr/bin/python3; do
	[ -n "$python" ] || ! "$p" -c 'import wsproto' 2>/dev/null || python=$p
done
[ -n "$python" ] || { echo "skipped: python3-wsproto is not installed"; exit 77; }
out=${BUILD:-build/release}/reference
mkdir -p "$out" || exit 3
passed=0 failed=0
count() { # count OUTPUT: adds its last line
	set -- $(printf '%s\n' "$1" | sed -n '$s/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p')
	passed=$((passed + ${1:-0}))
	failed=$((failed + ${2:-1}))
}
"$python" tests/peers/wsproto_judge.py frames "$out/wsproto.json" 2000 || exit 1
said=$("$BACKTALK" vectors -q "$out/wsproto.json" 2>&1)
printf 'frames: %s\n' "$said" | tail -n 30
count "$said"
for way in serve connect; do
	said=$("$python" tests/peers/wsproto_judge.py $way "$BACKTALK" 40 2>&1)
	printf '%s: %s\n' "$way" "$said" | tail -n 10
	count "$said"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
