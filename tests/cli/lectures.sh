#!/bin/sh
# timeout: 240
# Every shipped scenario, exercise and preset keeps its promises: expectations hold and answers are proved.
set -u
passed=0 failed=0
for f in scenarios/lectures/*.yaml scenarios/presets/*.yaml scenarios/exercises/*/exercise.yaml; do
	if out=$("$BACKTALK" check -q --budget 20 "$f" 2>&1); then passed=$((passed + 1)); else
		failed=$((failed + 1))
		printf '%s\n' "$out"
	fi
done
# A false answer and a false expectation are found.
tmp=$(mktemp -d "${TMPDIR:-/tmp}/backtalk-lectures.XXXXXX") || exit 3
trap 'rm -rf "$tmp"' EXIT
sed 's/latency_ms.max under polling > 1s/latency_ms.max under polling > 9s/' scenarios/lectures/first-look.yaml >"$tmp/first-look.yaml"
"$BACKTALK" check "$tmp/first-look.yaml" >"$tmp/out" 2>&1
code=$?
if [ $code -eq 1 ] && grep -q 'the answer to `first` is not proved: `latency_ms.max under polling > 9s`' "$tmp/out"; then passed=$((passed + 1)); else
	failed=$((failed + 1))
	echo "a false answer was not found (exit $code)"
	cat "$tmp/out"
fi
# Each lecture has a story, a proved question with an explanation for every wrong option, knobs and claims.
for f in scenarios/lectures/*.yaml; do
	for key in summary: knobs: timeline: questions: wrong: check: expect: claims: compare:; do
		if grep -q "^ *$key" "$f"; then passed=$((passed + 1)); else
			failed=$((failed + 1))
			echo "$f has no $key"
		fi
	done
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
