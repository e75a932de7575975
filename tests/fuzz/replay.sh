#!/bin/sh
# timeout: 240
# Every fuzz target over its corpus, whole, cut short and changed, under the sanitizers. One case an input.
# A target without a corpus still runs on nothing and on its own changes.
set -u
passed=0 failed=0
for c in tests/fuzz/fuzz_*.c; do
	[ -f "$c" ] || continue
	name=${c#tests/fuzz/fuzz_} name=${name%.c}
	corpus=tests/fuzz/corpus/$name
	[ "$name" != ws_wslay ] || [ -e /usr/include/wslay/wslay.h ] || {
		echo "ws_wslay         skipped: libwslay-dev is not installed"
		continue
	}
	[ -d "$corpus" ] || corpus=
	if out=$("$ASAN_BUILD/replay/fuzz_$name" $corpus 2>&1); then
		n=$(printf '%s\n' "$out" | sed -n 's/^\([0-9]*\) passed, 0 failed$/\1/p' | tail -n 1)
		printf '%-16s %s inputs\n' "$name" "${n:-0}"
		passed=$((passed + ${n:-0}))
	else
		printf '%s:\n%s\n' "$name" "$(printf '%s\n' "$out" | tail -n 25)"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
